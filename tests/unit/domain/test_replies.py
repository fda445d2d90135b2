from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.replies import Intent, asks_to_stop, read_reply, visible_part

CHICAGO = "America/Chicago"
# A Wednesday, ten in the morning in Chicago.
NOW = datetime(2026, 6, 3, 10, tzinfo=ZoneInfo(CHICAGO)).astimezone(UTC)


def read(text: str, now: datetime = NOW) -> Intent:
    return read_reply(text, now, CHICAGO).intent


def at(*parts: int, zone: str = CHICAGO) -> datetime:
    return datetime(*parts, tzinfo=ZoneInfo(zone)).astimezone(UTC)  # type: ignore[misc, arg-type]


@pytest.mark.parametrize(
    ("text", "intent", "keyword"),
    [
        ("STOP", Intent.OPT_OUT, "STOP"),
        ("stop", Intent.OPT_OUT, "STOP"),
        (" Stop. ", Intent.OPT_OUT, "STOP"),
        ("“STOP”", Intent.OPT_OUT, "STOP"),
        ("stop!!!", Intent.OPT_OUT, "STOP"),
        ("STOPALL", Intent.OPT_OUT, "STOPALL"),
        ("Stop all", Intent.OPT_OUT, "STOP ALL"),
        ("Unsubscribe", Intent.OPT_OUT, "UNSUBSCRIBE"),
        ("CANCEL", Intent.OPT_OUT, "CANCEL"),
        ("End", Intent.OPT_OUT, "END"),
        ("QUIT", Intent.OPT_OUT, "QUIT"),
        ("optout", Intent.OPT_OUT, "OPTOUT"),
        ("opt-out", Intent.OPT_OUT, "OPT-OUT"),
        ("Opt out", Intent.OPT_OUT, "OPT OUT"),
        ("REVOKE", Intent.OPT_OUT, "REVOKE"),
        ("STOP\n\nMaria Lopez\nLopez Roofing LLC", Intent.OPT_OUT, "STOP"),
        ("Unsubscribe\nSent from my iPhone", Intent.OPT_OUT, "UNSUBSCRIBE"),
        ("stop\n\nOn Tue, Jun 2, 2026 at 9:12 AM Ridgeline <a@b.com> wrote:\n> Hello", Intent.OPT_OUT, "STOP"),
        ("HELP", Intent.HELP, "HELP"),
        ("Info", Intent.HELP, "INFO"),
        ("help?", Intent.HELP, "HELP"),
        ("START", Intent.START, "START"),
        ("unstop", Intent.START, "UNSTOP"),
        ("YES", Intent.INTERESTED, "YES"),
        ("Yes!", Intent.INTERESTED, "YES"),
    ],
)
def test_words_that_carriers_act_on(text: str, intent: Intent, keyword: str) -> None:
    reading = read_reply(text, NOW, CHICAGO)
    assert (reading.intent, reading.keyword, reading.until) == (intent, keyword, None)


OPT_OUTS = [
    "Take me off your list",
    "Please take us off your mailing list.",
    "take me off this list asap",
    "Take me off.",
    "Can you take my name off of your list please?",
    "Get me off your list!!",
    "Remove us",
    "Remove me from your database",
    "remove my email",
    "Please remove this number.",
    "Kindly remove our email address from all future mailings",
    "REMOVE",
    "Remove, thanks",
    "please remove from list",
    "Delete my number",
    "Unsubscribe me please",
    "How do I unsubscribe from this?",
    "Your unsubscribe link doesn’t work",
    "unsub",
    "I'd like to opt out",
    "Opt me out of these",
    "I am opting out.",
    "Don't contact me again",
    "Don’t ever contact me again.",
    "Do not contact us anymore",
    "DO NOT EMAIL ME",
    "Please do not email us again",
    "please don't text this number",
    "dont call me",
    "don't call me anymore, I'm busy today",
    "Never email me again",
    "Please never call here again",
    "Not interested, do not email again",
    "Not interested - please don't contact me again",
    "No thanks. Don't send me any more of these.",
    "don't send me anything",
    "Stop emailing me",
    "stop emailing",
    "Please stop calling",
    "Stop texting me!!!",
    "Stop sending me emails",
    "please stop sending these messages",
    "I asked you to stop calling us",
    "When will you people stop? You need to stop contacting me",
    "Would you please stop these emails",
    "Stop it",
    "STOP STOP STOP",
    "Please stop.",
    "ok stop now please",
    "Hey, stop",
    "Not interested, stop",
    "stop this",
    "Quit calling me",
    "quit it",
    "Stop with the emails already",
    "Cease and desist",
    "Cease all communication",
    "Please discontinue all emails",
    "I don't want to be contacted",
    "We do not wish to receive any more emails",
    "don't want your emails",
    "I no longer wish to receive these emails",
    "I don't want any more calls from you",
    "I do not want to hear from you again",
    "We don't want to hear from you",
    "No more emails please",
    "no more calls",
    "lose my number",
    "Please lose my email",
    "forget my number",
    "Leave me alone",
    "leave us alone!",
    "Go away",
    "f*** off",
    "Put me on your do not call list",
    "Add us to your DNC list",
    "This number is on the do not call list",
    "I'm on the national do not call registry",
    "I will report this as spam",
    "Reported as spam",
    "I'm blocking you",
    "Wrong number",
    "Sorry, wrong number",
    "I revoke my consent",
    "I hereby withdraw my consent to be called",
    "We do not accept solicitations",
    "No solicitors",
    "Cancel these emails",
    "Don't bother me again",
    "Please refrain from contacting us",
    "I never asked for these emails",
    "This is the third time. Take us off your list or I call my lawyer.",
    "I'm on vacation until Monday. Stop emailing me.",
    "Sounds good but please stop emailing, I get too many",
    "Please remove\nMike\nAcme Roofing",
    "We're all set. Please take our company off\nyour list.",
    "I have asked several times now and I would really like it if you took this seriously: do not\ncontact me again",
    "if this is a sales email, don't email me again",
    "please cease contact",
    "We don't want to be on your list, remove us",
    "I did not sign up for this. Unsubscribe.",
    "Thanks but no. Don't follow up again.",
    "take me off ur list",
    "Stop txting me",
    "No more",
    "You've been blocked",
    "I do not consent to receive texts",
    "Do not send me marketing texts",
    "I don't want to get these",
    "Please stop wasting my time",
    "I don't want emails",
    "Take it off your list",
    "I already unsubscribed twice",
]


@pytest.mark.parametrize("text", OPT_OUTS)
def test_opt_outs_in_ordinary_words(text: str) -> None:
    assert read(text) is Intent.OPT_OUT
    assert read(text.upper()) is Intent.OPT_OUT
    assert asks_to_stop(text)


# What sounds like an opt-out and is none.
NO_OPT_OUTS = [
    "don't stop",
    "Please don't stop sending leads!",
    "We can't stop the leaks on this one",
    "please stop by our office",
    "Stop by Thursday if you're in town",
    "We won't stop until the job is done",
    "You can stop in any time",
    "We're a one-stop shop",
    "never stop improving",
    "I don't want you to stop the emails",
    "Do not remove me, I'm still reading",
    "Don't take us off your list",
    "Don't unsubscribe me please",
    "Don't hesitate to call me",
    "Please do not hesitate to contact me with questions.",
    "Why don't you call me tomorrow",
    "If you don't call me by Friday I'll go with someone else",
    "Our customers don't call us back",
    "We don't email much",
    "They never call us after the storm",
    "I don't call leads before noon",
    "We remove old shingles and haul them away",
    "Can you remove the old roof photos?",
    "Take off the old shingles first",
    "Do you check the do not call list?",
    "Are your leads on the do not call registry?",
    "Don't call me before 9",
    "Please don't call me today, I'm on a roof",
    "don't call at night",
    "Don't text me, call me instead",
    "Please don't call, just email me",
    "How do we stop losing jobs to storm chasers?",
    "Stop sending me leads outside of Dallas",
    "We lost a lot of jobs last year, drop me a line",
    "To unsubscribe from our newsletter click here",
    "Click here to unsubscribe",
    "Is there a way to cancel the plan later?",
    "What happens at the end?",
    "We quit using Angi last year",
    "You need help with that roof?",
    "Please don't forget my demo",
    "I don't want to miss your call",
    "People stop calling in the winter",
    "Where does the free trial end?",
    "We report hail claims to the adjuster",
    "I'd rather not be out of the loop",
    "We block off Fridays for repairs",
    "Please do not reply, this mailbox is not monitored",
    "Can we stop waiting and just get started?",
    "How do we stop wasting money on bad leads?",
    "We stopped doing residential",
]


@pytest.mark.parametrize("text", NO_OPT_OUTS)
def test_what_sounds_like_an_opt_out_and_is_none(text: str) -> None:
    assert read(text) is not Intent.OPT_OUT
    assert not asks_to_stop(text)


INTERESTED = [
    "Sounds good",
    "sounds great, what's next",
    "Yes please",
    "Yeah",
    "Sure",
    "Interested",
    "I'm interested",
    "We are very interested!",
    "Yes, I’d be interested in learning more",
    "might be interested, how does it work?",
    "Send me more info",
    "Can you send over some details?",
    "please send pricing",
    "Send me the link",
    "Could you email me more information",
    "Tell me more",
    "More info please",
    "Let's talk",
    "Let’s do it",
    "lets chat",
    "Book me in",
    "Sign me up",
    "Count us in",
    "I'd love to see a demo",
    "I would like to learn more about the leads",
    "How much does it cost?",
    "What's the price?",
    "What do you charge per lead",
    "How does this work?",
    "How do I sign up?",
    "Can we schedule a time?",
    "When can we talk?",
    "Do you cover Fort Worth?",
    "I'm in",
    "Show me",
    "Absolutely",
    "Thursday works for me",
    "That works",
    "What are the next steps?",
    "This looks interesting",
    "I don't normally answer these but sounds interesting",
    "We don't do commercial, but send me a sample lead",
    "Yes\n\nJim Carter\nCarter & Sons Roofing\n512-555-0143",
    "ok send me the contract",
    "I was out of the office last week, sorry. Sounds good!",
    "I'm back in the office now. Let's talk",
    "Not bad, tell me more",
    "Interested but worried about the price",
]


@pytest.mark.parametrize("text", INTERESTED)
def test_interest(text: str) -> None:
    assert read(text) is Intent.INTERESTED


NOT_INTERESTED = [
    "Not interested",
    "not interested.",
    "We're not interested, thanks",
    "I am not really interested in buying leads",
    "Not interested at this time",
    "No thanks",
    "No, thank you",
    "no thx",
    "No",
    "Nope",
    "Pass",
    "I'll pass",
    "hard pass",
    "We'll pass on this one",
    "We're all set",
    "we are good, thanks",
    "We have no interest in this",
    "Thanks but no thanks",
    "We don't need leads",
    "We don't buy leads",
    "We're not looking for more work",
    "Not for us",
    "It's not a good fit",
    "We have plenty of work",
    "We already have a marketing company",
    "Happy with our current provider",
    "We are booked out through October",
    "I retired last year and closed the business",
    "We're no longer in business",
    "We sold the company in March",
    "We don't do residential",
    "Hi, thanks, but no thank you",
]


@pytest.mark.parametrize("text", NOT_INTERESTED)
def test_no_interest(text: str) -> None:
    assert read(text) is Intent.NOT_INTERESTED


UNCLEAR = [
    "",
    "   \n ",
    "Who is this?",
    "Where did you get my email?",
    "Is this a scam?",
    "Sounds like a scam",
    "Thanks",
    "ok",
    "👍",
    "Forwarding to my partner",
    "You have the wrong person, Dave handles marketing",
    "I no longer work here",
    "I was out of the office last week",
    "Are you out of the office today?",
    "Not right now",
    "Maybe later",
    "We tried Angi and it was terrible",
    "That's too expensive",
    "Not interested in the demo, but send me some info",
    "No thanks, but call me next month",
    "Are you licensed in Texas?",
    "Who else in Austin uses it?",
    "Check back in the spring",
    "Follow up in six months",
    "Call me in 4 months",
    "We can't stop the leaks",
    "don't call me before 9",
    "I'll call you",
    "they never call me back",
    "Call me crazy but this looks like a pyramid scheme",
]


@pytest.mark.parametrize("text", UNCLEAR)
def test_what_a_person_must_read(text: str) -> None:
    assert read(text) is Intent.UNCLEAR
    assert read_reply(text, NOW, CHICAGO).until is None


CALLBACKS = [
    ("Call me", None),
    ("call me back please", None),
    ("Give me a ring", None),
    ("Sounds good, give me a call", None),
    ("Call me asap", None),
    ("My cell is 512-555-0143", None),
    ("Call me at 512-555-0143", None),
    ("call me tomorrow at 3pm", at(2026, 6, 4, 15)),
    ("Call me tomorrow", at(2026, 6, 4, 10)),
    ("can you call me back tomorrow morning?", at(2026, 6, 4, 9)),
    ("Call me Thursday afternoon", at(2026, 6, 4, 14)),
    ("Call me on Friday at 10:30 AM", at(2026, 6, 5, 10, 30)),
    ("Call me Friday at 3", at(2026, 6, 5, 15)),
    ("call me next Tuesday around 9", at(2026, 6, 9, 9)),
    ("Give me a ring next week", at(2026, 6, 8, 10)),
    ("Please call back on June 10th at noon", at(2026, 6, 10, 12)),
    ("Call me 6/12 at 4:15 p.m.", at(2026, 6, 12, 16, 15)),
    ("Call me in 2 hours", at(2026, 6, 3, 12)),
    ("call me in half an hour", at(2026, 6, 3, 10, 30)),
    ("call me this afternoon", at(2026, 6, 3, 14)),
    ("call me at 4", at(2026, 6, 3, 16)),
    ("call me at 9am", at(2026, 6, 4, 9)),
    ("Call me between 2 and 4 pm tomorrow", at(2026, 6, 4, 14)),
    ("call me 11-1pm on monday", at(2026, 6, 8, 11)),
    ("I'm on a roof, call after 5", at(2026, 6, 3, 17)),
    ("Interested. Call me tomorrow at 8", at(2026, 6, 4, 8)),
    ("Best time to reach me is Monday morning", at(2026, 6, 8, 9)),
    ("Try me again next week", at(2026, 6, 8, 10)),
    ("Check back with me in two weeks", at(2026, 6, 17, 10)),
    ("Follow up on the 15th", at(2026, 6, 15, 10)),
    ("Busy now, reach out again in July 6th week", at(2026, 7, 6, 10)),
    ("Don't call me today, call me tomorrow", at(2026, 6, 4, 10)),
    ("Why don't you call me tomorrow", at(2026, 6, 4, 10)),
    ("Have someone call me the day after tomorrow at 1:30pm", at(2026, 6, 5, 13, 30)),
]


@pytest.mark.parametrize(("text", "until"), CALLBACKS)
def test_wishes_to_be_called(text: str, until: datetime | None) -> None:
    reading = read_reply(text, NOW, CHICAGO)
    assert (reading.intent, reading.until) == (Intent.CALLBACK, until)


@pytest.mark.parametrize(
    ("text", "until"),
    [
        ("Let's talk Thursday at 2pm", at(2026, 6, 4, 14)),
        ("I'm free Friday morning", at(2026, 6, 5, 9)),
        ("Can we meet on June 9 at 11?", at(2026, 6, 9, 11)),
        ("Sounds good, tomorrow works", at(2026, 6, 4, 10)),
        ("Sounds good", None),
        ("Let's talk next year", None),
    ],
)
def test_a_time_proposed_for_the_demo(text: str, until: datetime | None) -> None:
    reading = read_reply(text, NOW, CHICAGO)
    assert (reading.intent, reading.until) == (Intent.INTERESTED, until)


# Absence notices: text, and the day they are back at eight in the morning. Today is Wednesday 3 June 2026.
AWAY = [
    ("I am out of the office until 2026-06-15.", date(2026, 6, 15)),
    ("I am out of the office and will return on June 15.", date(2026, 6, 15)),
    ("I'm out of office, back 6/15", date(2026, 6, 15)),
    ("Out of office until 6/15/2026. For urgent matters call the front desk.", date(2026, 6, 15)),
    ("I will be out of the office returning Monday, June 15th, 2026", date(2026, 6, 15)),
    ("OOO until 15 June", date(2026, 6, 15)),
    ("Out of office. Returning the 15th.", date(2026, 6, 15)),
    ("I'm on vacation and will return on the 5th", date(2026, 6, 5)),
    ("I'm on vacation, back on the 2nd", date(2026, 7, 2)),
    ("I am on vacation. Back on Monday.", date(2026, 6, 8)),
    ("I'm away until next Tuesday", date(2026, 6, 9)),
    ("I'm out until Friday", date(2026, 6, 5)),
    ("Out of office, back tomorrow", date(2026, 6, 4)),
    ("I am out of the office today", date(2026, 6, 4)),
    ("I am out of the office from June 1st to June 12th.", date(2026, 6, 13)),
    ("I am out of the office June 1 - June 12, returning June 15", date(2026, 6, 15)),
    ("I'll be out of the office 6/1-6/12", date(2026, 6, 13)),
    ("We're closed through Friday. The office is closed for the holiday.", date(2026, 6, 6)),
    ("On leave through the end of the month", date(2026, 7, 1)),
    ("I am out of the office this week", date(2026, 6, 6)),
    ("Out of the office for two weeks", date(2026, 6, 17)),
    ("I'm away from my desk, back in 3 days", date(2026, 6, 6)),
    ("Automatic reply: I am on annual leave until 1 July.", date(2026, 7, 1)),
    ("I am on PTO with limited access to email. I will be back in the office on Dec. 1.", date(2026, 8, 2)),
    ("On maternity leave until January 2027", date(2026, 6, 8)),
    ("I'm on parental leave until 2027-01-04", date(2026, 8, 2)),
    ("I am out of the office", date(2026, 6, 8)),
    ("I am out of the office and will respond when I return", date(2026, 6, 8)),
    ("Out of office until May 29", date(2026, 6, 8)),
    ("Out of office until 2025-12-01", date(2026, 6, 8)),
    ("This is an automated response. Our office is closed until Monday June 8", date(2026, 6, 8)),
    ("I'm out of the office, back next week. Call me tomorrow at 3pm if urgent", date(2026, 6, 8)),
    ("I'm out of town, sounds good though, back Monday", date(2026, 6, 8)),
    ("I will be out of the office starting 6/4 and will return 6/9.", date(2026, 6, 9)),
    ("I am not available from June 5 to June 10. This is an automatic reply.", date(2026, 6, 11)),
    ("I'll be out of the office until after the 10th", date(2026, 6, 10)),
]


@pytest.mark.parametrize(("text", "back"), AWAY)
def test_absence_notices(text: str, back: date) -> None:
    reading = read_reply(text, NOW, CHICAGO)
    assert (reading.intent, reading.until) == (Intent.OUT_OF_OFFICE, at(back.year, back.month, back.day, 8))


@pytest.mark.parametrize(
    ("today", "text", "back"),
    [
        ((2026, 12, 20), "Out of office until January 4th", (2027, 1, 4)),
        ((2026, 12, 20), "Out of office, back 1/4", (2027, 1, 4)),
        ((2026, 12, 20), "On holiday until the new year. We are on vacation.", (2027, 1, 2)),
        ((2026, 12, 29), "Out of the office, returning the 4th", (2027, 1, 4)),
        ((2027, 1, 2), "Out of office until December 28", (2027, 1, 6)),  # an old notice
        ((2026, 11, 28), "I'm out of office until 2026-12-01", (2026, 12, 1)),
        ((2026, 11, 28), "I'm out of office, back December 1st", (2026, 12, 1)),
        ((2026, 11, 28), "I'm out of office, back 1 Dec", (2026, 12, 1)),
        ((2026, 11, 28), "I'm out of office, back 12/1", (2026, 12, 1)),
        ((2026, 11, 25), "I'm out of the office", (2026, 12, 1)),  # Thanksgiving and a weekend in between
        ((2028, 2, 28), "Out of office until February 29", (2028, 2, 29)),
        ((2026, 2, 26), "Out of office until February 29", (2026, 3, 3)),  # no such day
    ],
)
def test_years_and_holidays(today: tuple[int, int, int], text: str, back: tuple[int, int, int]) -> None:
    reading = read_reply(text, at(*today, 10), CHICAGO)
    assert (reading.intent, reading.until) == (Intent.OUT_OF_OFFICE, at(*back, 8))


@pytest.mark.parametrize(
    ("subject", "intent"),
    [
        ("Automatic reply: Exclusive roofing leads in Austin", Intent.OUT_OF_OFFICE),
        ("Out of Office Re: leads", Intent.OUT_OF_OFFICE),
        ("Auto-Reply: thanks", Intent.OUT_OF_OFFICE),
        ("OOO: back Monday", Intent.OUT_OF_OFFICE),
        ("Re: Exclusive roofing leads", Intent.UNCLEAR),
        ("", Intent.UNCLEAR),
    ],
)
def test_an_automatic_reply_is_known_by_its_subject(subject: str, intent: Intent) -> None:
    assert read_reply("Thank you for your message.", NOW, CHICAGO, subject=subject).intent is intent


def test_eight_in_the_morning_is_the_writers() -> None:
    for zone in ("Pacific/Honolulu", "America/New_York"):
        assert read_reply("Out of office until June 15", NOW, zone).until == at(2026, 6, 15, 8, zone=zone)
    assert read_reply("Out of office until June 15", NOW, None).until == datetime(2026, 6, 15, 8, tzinfo=UTC)
    across = at(2026, 10, 28, 10)
    assert read_reply("Out of office until November 2", across, CHICAGO).until == datetime(2026, 11, 2, 14, tzinfo=UTC)


QUOTED = [
    (
        "Sounds good\n\nOn Tue, Jun 2, 2026 at 9:12 AM Ridgeline <a@b.com> wrote:\n> Reply STOP to opt out",
        "Sounds good",
    ),
    ("Sounds good\n\nOn Tue, Jun 2, 2026 at 9:12 AM Ridgeline\n<a@b.com> wrote:\n> unsubscribe", "Sounds good"),
    ("> Unsubscribe here\nSounds good", "Sounds good"),
    ("Sounds good\n-----Original Message-----\nFrom: Ridgeline\nUnsubscribe", "Sounds good"),
    (
        "Sounds good\n\nFrom: Ridgeline <a@b.com>\nSent: Tuesday\nTo: me\nSubject: Leads\n\nTo stop, unsubscribe",
        "Sounds good",
    ),
    ("Sounds good\n________________________________\nFrom: Ridgeline\nremove me", "Sounds good"),
    ("Sounds good\n-- \nJim\nTo unsubscribe reply remove me", "Sounds good"),
    ("Sounds good\nSent from my iPhone\nunsubscribe", "Sounds good"),
    ("Sounds good\nGet Outlook for Android", "Sounds good"),
    ("From: the desk of Jim\nSounds good", "From: the desk of Jim\nSounds good"),
    ("On Tuesday we talked\nSounds good", "On Tuesday we talked\nSounds good"),
]


@pytest.mark.parametrize(("text", "visible"), QUOTED)
def test_what_is_quoted_or_signed_does_not_count(text: str, visible: str) -> None:
    assert visible_part(text) == visible
    assert read(text) is Intent.INTERESTED
    assert read(text.replace("\n", "\r\n")) is Intent.INTERESTED


@given(st.text(max_size=400), st.sampled_from(["America/Chicago", "Pacific/Honolulu", None, "Nowhere"]))
def test_any_text_has_one_reading_and_its_time_is_ahead(text: str, zone: str | None) -> None:
    reading = read_reply(text, NOW, zone)
    assert reading == read_reply(text, NOW, zone)
    assert reading.until is None or NOW < reading.until <= NOW + timedelta(days=61)


WORDS = (
    "i am we not don't stop call me us the office out until back on next week monday june 31 12/1 2/30 at 3 pm in two"
    " days email interested no thanks until the 31st 2026-13-45 new year end of month . , tomorrow 25:99"
)
words = st.sampled_from([*WORDS.split(), "\n"])


@given(st.lists(words, max_size=25).map(" ".join), st.integers(0, 2000))
def test_words_in_any_order_are_read_without_trouble(text: str, days: int) -> None:
    now = NOW + timedelta(days=days)
    reading = read_reply(text, now, CHICAGO)
    assert reading.until is None or now < reading.until <= now + timedelta(days=61)
    if reading.intent is Intent.OUT_OF_OFFICE:
        assert reading.until is not None
        assert reading.until.astimezone(ZoneInfo(CHICAGO)).hour == 8


@given(st.sampled_from(OPT_OUTS), st.sampled_from([*INTERESTED, *(text for text, _ in AWAY), *NOT_INTERESTED]))
def test_an_opt_out_wins_over_whatever_else_is_said(opt_out: str, other: str) -> None:
    assert read(f"{other}\n\n{opt_out}") is Intent.OPT_OUT


def test_a_very_long_text_is_read_quickly() -> None:
    for filler in ("don't ", "please ", "on monday ", "a" * 50, "the the ", "> x\n", "12/1 ", "\n", "call me "):
        assert read_reply(filler * 20_000, NOW, CHICAGO).intent in Intent
