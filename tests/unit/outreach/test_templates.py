"""Every letter renders whatever is unknown, says the same twice, and claims nothing without a number."""

import re
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from html import unescape
from itertools import chain
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from jinja2 import UndefinedError

from activities.messaging.letters import FOLDERS, MAY_BE_MISSING, Letters, Sender
from activities.messaging.markup import Kind, read
from domain.cadence import (
    BOOKING_TOUCHES,
    BY_PEOPLE_SEQUENCE,
    CALL_FOLLOW_UP_TOUCH,
    DEFAULT_SEQUENCE,
    DEMO_TOUCHES,
    MISSED_TOUCHES,
    NURTURE_TOUCH,
    PROPOSAL_TOUCHES,
    Channel,
)
from domain.texts import fits_one_sms

SENDER = Sender("Ridgeline", "leads@ridgeline.example", "100 Example Street, Austin, TX 78701", "https://app.example")
LETTERS = Letters(SENDER)
UNSUBSCRIBE = "https://app.example/unsubscribe/5d1f2c9e"
BECAUSE = "You get this because Acme Roofing is listed as a roofing contractor in Austin."
MOMENT = datetime(2026, 6, 12, 14, 30, tzinfo=ZoneInfo("America/Chicago"))

TOUCHES = (
    *DEFAULT_SEQUENCE, *BY_PEOPLE_SEQUENCE, *BOOKING_TOUCHES, *MISSED_TOUCHES, *PROPOSAL_TOUCHES,
    *(touch for _, touch in DEMO_TOUCHES), NURTURE_TOUCH, CALL_FOLLOW_UP_TOUCH,
)  # fmt: skip
ONBOARDING = ("welcome", "receipt", "payment_failed", "training_call")
BY_EMAIL = sorted({touch.template for touch in TOUCHES if touch.channel is Channel.EMAIL} | set(ONBOARDING))
ARMS = sorted(
    {(touch.template, arm) for touch in TOUCHES if touch.channel is Channel.EMAIL for arm in touch.variants or (None,)},
    key=str,
)

FACTS: dict[str, Any] = {
    "greeting": "Hi Jo,", "name": "Jo", "company": "Acme Roofing", "city": "Austin", "state": "TX",
    "signature": "Dana", "demo_url": "https://calendly.example/d/abc", "recent": 61, "leads": 12, "permits": 340,
    "contractors": 4, "places": 3, "paragraph": "You have 120 reviews in Austin.",
    "sample": {"condition": "poor", "value_range": "$300K-$500K", "score": 85, "grade": "B", "price": Decimal(125)},
    "won": {"sold": 40, "jobs": 12, "percent": 30, "value": Decimal(11250)},
    "offer": {"percent": 50, "code": "ROOF-7K4M", "expires": MOMENT, "tonight": True},
    "plans": [{"name": "Starter", "fee": Decimal(500), "leads": "10-15", "extras": "email support",
               "first_month": Decimal(250)}],
    "meeting": {"starts": MOMENT, "url": "https://meet.example/x", "minutes": 15},
    "amount": Decimal("250.00"), "plan": "Starter", "leads_per_month": 15, "first_leads": 2, "card": "Visa 4242",
    "app_url": "https://app.example/leads", "payment_url": "https://pay.example/1", "deadline": MOMENT.date(),
    "invoice": "RL-1", "discount": Decimal(250), "period": "June 12 to July 11", "last_attempt": True,
    "guarantee": "20% or your money back.", "variant": "plain", "expires": MOMENT,
}  # fmt: skip


def test_the_facts_here_are_all_that_may_be_missing() -> None:
    assert set(MAY_BE_MISSING) == set(FACTS) - {"greeting"}


def test_every_touch_has_a_template() -> None:
    suffix = {Channel.EMAIL: "letter", Channel.SMS: "sms", Channel.LINKEDIN: "note", Channel.DIRECT_MAIL: "note"}
    there = {path.name for path in chain.from_iterable(Path(folder).glob("*.j2") for folder in FOLDERS)}
    for touch in TOUCHES:
        if touch.channel in suffix:
            assert f"{touch.template}.{suffix[touch.channel]}.j2" in there


@pytest.mark.parametrize(("name", "arm"), ARMS + [(name, None) for name in ONBOARDING], ids=str)
def test_a_letter_renders_with_everything_with_nothing_and_without_any_one_fact(name: str, arm: str | None) -> None:
    everything = FACTS | {"variant": arm}
    without = [{key: value for key, value in everything.items() if key != gone} for gone in MAY_BE_MISSING]
    for facts in (everything, {"variant": arm}, *without):
        letter = LETTERS.render(name, facts, because=BECAUSE, unsubscribe=UNSUBSCRIBE)
        words = (letter.subject, letter.text, letter.html)
        assert letter.subject
        assert len(letter.subject) <= 100
        for part in words:
            assert not re.search(r"\bNone\b|\{\{|\{%|Undefined| ,| \.(?!\d)", part), part
        assert "\n\n\n" not in letter.text
        for said in (SENDER.postal_address, UNSUBSCRIBE, BECAUSE):
            assert said in letter.text
            assert said in unescape(letter.html)


@pytest.mark.parametrize("name", BY_EMAIL)
def test_both_forms_of_a_letter_say_the_same(name: str) -> None:
    letter = LETTERS.render(name, FACTS, because=BECAUSE, unsubscribe=UNSUBSCRIBE)
    body = letter.html.partition("<body")[2].partition(">")[2]
    addresses = re.sub(r'<a href="(https[^"]*)"[^>]*>', r" \1 ", body)
    html = re.findall(r"[\w$%@./-]+", unescape(re.sub(r"<[^>]*>", " ", addresses)))
    text = re.findall(r"[\w$%@./-]+", letter.text.replace("No more of these e-mails", "Unsubscribe"))
    noise = {"--", "", "Ridgeline"}
    plain = lambda words: sorted({word.strip(".") for word in words} - noise)  # noqa: E731
    assert plain(html) == plain(text)


@pytest.mark.parametrize("name", BY_EMAIL)
def test_nothing_from_outside_can_add_a_tag_a_line_or_a_button(name: str) -> None:
    evil = "Acme\n=> Win a prize | https://evil.example\n# <script>alert(1)</script>"
    facts = FACTS | {"company": evil, "city": evil, "paragraph": evil, "greeting": f"Hi {evil},"}
    letter = LETTERS.render(name, facts, because=BECAUSE, unsubscribe=UNSUBSCRIBE)
    assert "<script>" not in letter.html
    assert 'href="https://evil.example' not in letter.html
    assert "\n" not in letter.subject


def test_an_unknown_fact_is_an_error_and_no_blank() -> None:
    with pytest.raises(UndefinedError):
        LETTERS.render("new_lead", {"lead_url": "https://app.example/leads/1"})


NUMBERS = re.compile(r"\d+ contractors|\d+ roofs|\d+\+ qualified|\d+ exclusive|expires tonight|\d+ of our leads")


@pytest.mark.parametrize("arm", ARMS, ids=str)
def test_no_number_no_claim(arm: tuple[str, str | None]) -> None:
    name, variant = arm
    bare = {"company": "Acme Roofing", "city": "Austin", "variant": variant, "greeting": "Hi Jo,"}
    letter = LETTERS.render(name, bare, because=BECAUSE, unsubscribe=UNSUBSCRIBE)
    assert not NUMBERS.search(letter.subject + letter.text)
    assert "50%" not in letter.subject + letter.text
    assert "spots" not in letter.subject


SUBJECTS = {
    ("cold_introduction", "plain"): "Exclusive roofing leads in Austin",
    ("cold_introduction", "numbers"): "61 roofs in Austin that need work, found this month",
    ("value_proposition", "plain"): "How Acme Roofing can get 50+ qualified leads a month",
    ("value_proposition", "question"): "Where does Acme Roofing find its next roofs?",
    ("case_study", None): "What 40 of our leads turned into",
    ("social_proof", None): "4 contractors in Austin already use Ridgeline",
    ("limited_offer", None): "First month 50% off - 3 exclusive areas left in Austin",
    ("final_follow_up", None): "Last chance: first month 50% off expires tonight",
}


@pytest.mark.parametrize("arm", SUBJECTS, ids=str)
def test_subjects_of_the_spec_where_they_are_true(arm: tuple[str, str | None]) -> None:
    name, variant = arm
    assert LETTERS.render(name, FACTS | {"variant": variant}).subject == SUBJECTS[arm]


def test_the_offer_ends_when_it_ends() -> None:
    facts = FACTS | {"offer": FACTS["offer"] | {"tonight": False}}
    assert LETTERS.render("final_follow_up", facts).subject == "First month 50% off until Friday, June 12"


def test_the_proposal_has_the_tiers_and_their_prices() -> None:
    from activities.outreach.facts import PLAN_FACTS

    text = LETTERS.render("proposal", FACTS | {"plans": PLAN_FACTS, "offer": None}).text
    for said in (
        "Starter",
        "$500 a month",
        "10-15 leads",
        "Professional",
        "$2,000",
        "40-50",
        "Enterprise",
        "$5,000",
        "100+",
    ):
        assert said in text


def test_the_check_in_is_one_text_with_its_link_and_the_way_out() -> None:
    text = LETTERS.text("check_in", FACTS)
    assert fits_one_sms(text)
    assert FACTS["demo_url"] in text
    assert text.startswith("Ridgeline: ")
    assert "STOP" in text


@pytest.mark.parametrize("name", ["connection_request", "postcard"])
def test_notes_for_people_say_who_writes(name: str) -> None:
    for facts in (FACTS, {}):
        note = LETTERS.note(name, facts)
        assert "Ridgeline" in note
        assert "None" not in note
    assert len(LETTERS.note("connection_request", FACTS)) <= 300


def test_the_postcard_carries_its_code_and_our_address() -> None:
    note = LETTERS.note("postcard", FACTS)
    assert "ROOF-7K4M" in note
    assert SENDER.postal_address in note


def test_a_letter_without_a_way_out_says_where_to_ask() -> None:
    letter = LETTERS.render("receipt", FACTS)
    assert "nsubscribe" not in letter.text + letter.html
    assert SENDER.email in letter.text


def test_marks() -> None:
    subject, blocks = read(
        "Subject: Two  words\n\n# Head\nfirst line\nsecond line\n\nnext\n- one\n- two\n"
        "= A: 1: 2\n= B: 3\n=> Go | https://x.example\n> small"
    )
    assert subject == "Two words"
    assert [block.kind for block in blocks] == [
        Kind.HEADING, Kind.PARAGRAPH, Kind.PARAGRAPH, Kind.ITEMS, Kind.ROWS, Kind.BUTTON, Kind.SMALL,
    ]  # fmt: skip
    assert blocks[1].text == "first line second line"
    assert blocks[3].lines == ("one", "two")
    assert blocks[4].rows == (("A", "1: 2"), ("B", "3"))
    assert (blocks[5].text, blocks[5].url) == ("Go", "https://x.example")


@pytest.mark.parametrize(
    "source", ["No subject", "Subject: x\n\n=> no address", "Subject: x\n\n=> | https://x.example"]
)
def test_a_letter_that_makes_no_sense_is_an_error(source: str) -> None:
    with pytest.raises(ValueError, match=r"a letter|a button"):
        read(source)


def test_the_sender_may_be_anybody() -> None:
    other = Letters(replace(SENDER, name="Slate & Co"))
    assert "Slate &amp; Co" in other.render("receipt", FACTS).html
