import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.cadence import is_holiday
from domain.compliance import (
    CAPS,
    LONGEST_WAIT,
    STATE_RULES,
    UNKNOWN_STATE,
    Cap,
    ContactChannel,
    ContactDecision,
    ContactPurpose,
    LetterParts,
    Person,
    Policy,
    Reason,
    may_contact,
    missing_parts,
    opening_hours,
    state_rule,
)
from domain.phones import zones_of_number
from domain.quiet_hours import Hours, Verdict, first_open

EMAIL, SMS, CALL = ContactChannel.EMAIL, ContactChannel.SMS, ContactChannel.CALL
OUTREACH, NURTURE, ARRANGED = ContactPurpose.OUTREACH, ContactPurpose.NURTURE, ContactPurpose.ARRANGED

NEW_YORK, INDIANAPOLIS, CHICAGO = "America/New_York", "America/Indiana/Indianapolis", "America/Chicago"
DENVER, PHOENIX, LOS_ANGELES = "America/Denver", "America/Phoenix", "America/Los_Angeles"
ANCHORAGE, HONOLULU, PUERTO_RICO, GUAM = "America/Anchorage", "Pacific/Honolulu", "America/Puerto_Rico", "Pacific/Guam"
ZONES = [
    NEW_YORK, INDIANAPOLIS, CHICAGO, DENVER, PHOENIX, LOS_ANGELES, ANCHORAGE, HONOLULU, PUERTO_RICO, GUAM,
]  # fmt: skip

LETTER = LetterParts(
    postal_address=True, unsubscribe_link=True, one_click=True, from_name=True, subject="Exclusive roofing leads"
)
PERSON = Person(
    zone=CHICAGO,
    phone_zones=(CHICAGO,),
    state="IL",
    has_address=True,
    suppressed=frozenset(),
    phone_kind="landline",
    dnc=False,
    consents={"call": "express_written", "sms": "express"},
    contacted={},
    customer=False,
    halted=False,
    letter=LETTER,
)


def local(zone: str, *parts: int) -> datetime:
    return datetime(*parts, tzinfo=ZoneInfo(zone)).astimezone(UTC)  # type: ignore[misc, arg-type]


TUESDAY_NOON = local(CHICAGO, 2026, 6, 2, 12)


def ask(
    channel: ContactChannel = EMAIL,
    purpose: ContactPurpose = OUTREACH,
    now: datetime = TUESDAY_NOON,
    policy: Policy | None = None,
    **changes: Any,
) -> ContactDecision:
    return may_contact(channel, purpose, replace(PERSON, **changes), now, policy or Policy())


def test_all_is_well_at_noon_on_a_tuesday() -> None:
    for channel in ContactChannel:
        for purpose in ContactPurpose:
            decision = ask(channel, purpose)
            assert (decision.verdict, decision.reason, decision.until) == (Verdict.ALLOW, Reason.ALLOWED, None)


def test_a_naive_time_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="time zone"):
        ask(now=TUESDAY_NOON.replace(tzinfo=None))


# What forbids. Each row: on these channels and for these purposes, this fact means this answer.

EVERY = tuple(ContactChannel)
UNASKED = (OUTREACH, NURTURE)
ALWAYS = tuple(ContactPurpose)
# Channels, purposes, changed facts, reason. None for the reason: the fact does not matter there.
DENIALS: list[tuple[Iterable[ContactChannel], Iterable[ContactPurpose], Mapping[str, Any], Reason | None]] = [
    (EVERY, ALWAYS, {"has_address": False}, Reason.NO_ADDRESS),
    (EVERY, ALWAYS, {"suppressed": frozenset({"all"})}, Reason.SUPPRESSED),
    ([EMAIL], ALWAYS, {"suppressed": frozenset({"email"})}, Reason.SUPPRESSED),
    ([SMS], ALWAYS, {"suppressed": frozenset({"sms"})}, Reason.SUPPRESSED),
    ([CALL], ALWAYS, {"suppressed": frozenset({"call"})}, Reason.SUPPRESSED),
    ([EMAIL], ALWAYS, {"suppressed": frozenset({"sms", "call"})}, None),
    ([SMS], ALWAYS, {"suppressed": frozenset({"email", "call"})}, None),
    ([CALL], ALWAYS, {"suppressed": frozenset({"email", "sms"})}, None),
    (EVERY, UNASKED, {"halted": True}, Reason.HALTED),
    (EVERY, [ARRANGED], {"halted": True}, None),
    (EVERY, UNASKED, {"customer": True}, Reason.ALREADY_CUSTOMER),
    (EVERY, [ARRANGED], {"customer": True}, None),
    (EVERY, ALWAYS, {"zone": None}, Reason.UNKNOWN_ZONE),
    (EVERY, ALWAYS, {"zone": ""}, Reason.UNKNOWN_ZONE),
    (EVERY, ALWAYS, {"zone": "Mars/Olympus"}, Reason.UNKNOWN_ZONE),
    ([SMS, CALL], ALWAYS, {"phone_zones": ()}, Reason.UNKNOWN_ZONE),
    ([SMS, CALL], ALWAYS, {"phone_zones": (CHICAGO, "Etc/Nowhere")}, Reason.UNKNOWN_ZONE),
    ([EMAIL], ALWAYS, {"phone_zones": ()}, None),
    ([EMAIL], ALWAYS, {"letter": None}, Reason.LETTER_INCOMPLETE),
    ([SMS, CALL], ALWAYS, {"letter": None}, None),
    ([EMAIL], ALWAYS, {"letter": replace(LETTER, postal_address=False)}, Reason.LETTER_INCOMPLETE),
    ([EMAIL], ALWAYS, {"letter": replace(LETTER, unsubscribe_link=False)}, Reason.LETTER_INCOMPLETE),
    ([EMAIL], ALWAYS, {"letter": replace(LETTER, one_click=False)}, Reason.LETTER_INCOMPLETE),
    ([EMAIL], ALWAYS, {"letter": replace(LETTER, from_name=False)}, Reason.LETTER_INCOMPLETE),
    ([EMAIL], ALWAYS, {"letter": replace(LETTER, subject="  ")}, Reason.LETTER_INCOMPLETE),
    ([EMAIL], ALWAYS, {"letter": replace(LETTER, subject="Re: our call")}, Reason.LETTER_INCOMPLETE),
    ([EMAIL], ALWAYS, {"letter": replace(LETTER, subject=" FWD : leads")}, Reason.LETTER_INCOMPLETE),
    ([EMAIL], ALWAYS, {"letter": replace(LETTER, subject="re[2]: leads")}, Reason.LETTER_INCOMPLETE),
    ([EMAIL], ALWAYS, {"letter": replace(LETTER, subject="Regarding roofs: leads")}, None),
    ([EMAIL], ALWAYS, {"letter": replace(LETTER, subject="Reroofing: your leads")}, None),
    ([CALL], ALWAYS, {"consents": {}}, Reason.NO_WRITTEN_CONSENT),
    ([CALL], ALWAYS, {"consents": {"call": "express"}}, Reason.NO_WRITTEN_CONSENT),
    ([CALL], ALWAYS, {"consents": {"call": "implied"}}, Reason.NO_WRITTEN_CONSENT),
    ([CALL], ALWAYS, {"consents": {"sms": "express_written"}}, Reason.NO_WRITTEN_CONSENT),
    ([EMAIL], ALWAYS, {"consents": {}}, None),
    ([CALL], ALWAYS, {"phone_kind": "mobile"}, Reason.MOBILE_CALLS_OFF),
    ([CALL], ALWAYS, {"phone_kind": "mobile", "consents": {}}, Reason.NO_WRITTEN_CONSENT),
    ([CALL], ALWAYS, {"phone_kind": "unknown"}, Reason.MOBILE_CALLS_OFF),
    ([CALL], ALWAYS, {"phone_kind": None}, Reason.MOBILE_CALLS_OFF),
    ([CALL], ALWAYS, {"phone_kind": "toll_free"}, Reason.MOBILE_CALLS_OFF),
    ([CALL], ALWAYS, {"phone_kind": "voip"}, None),
    ([EMAIL, SMS], ALWAYS, {"phone_kind": "mobile"}, None),
    ([SMS], ALWAYS, {"consents": {}}, Reason.NO_CONSENT),
    ([SMS], ALWAYS, {"consents": {"sms": "implied"}}, Reason.NO_CONSENT),
    ([SMS], ALWAYS, {"consents": {"call": "express_written"}}, Reason.NO_CONSENT),
    ([SMS], ALWAYS, {"consents": {"sms": "express_written"}}, None),
    ([SMS, CALL], ALWAYS, {"dnc": None}, Reason.DNC_UNCHECKED),
    ([EMAIL], ALWAYS, {"dnc": None}, None),
    ([SMS], ALWAYS, {"dnc": True}, Reason.DO_NOT_CALL),
    ([SMS], ALWAYS, {"dnc": True, "consents": {"sms": "express_written"}}, None),
    ([CALL], ALWAYS, {"dnc": True}, None),  # a call has written consent by now
    ([EMAIL], ALWAYS, {"dnc": True}, None),
]


@pytest.mark.parametrize(("channels", "purposes", "changes", "reason"), DENIALS)
def test_what_forbids(
    channels: Iterable[ContactChannel],
    purposes: Iterable[ContactPurpose],
    changes: Mapping[str, Any],
    reason: Reason | None,
) -> None:
    for channel in channels:
        for purpose in purposes:
            decision = ask(channel, purpose, **changes)
            expected = (Verdict.DENY, reason) if reason else (Verdict.ALLOW, Reason.ALLOWED)
            assert (decision.verdict, decision.reason) == expected, (channel, purpose)
            assert decision.until is None


def test_the_first_rule_of_the_table_gives_the_reason() -> None:
    everything = {
        "has_address": False,
        "suppressed": frozenset({"all"}),
        "halted": True,
        "customer": True,
        "zone": None,
        "letter": None,
    }
    order = [
        Reason.NO_ADDRESS,
        Reason.SUPPRESSED,
        Reason.HALTED,
        Reason.ALREADY_CUSTOMER,
        Reason.UNKNOWN_ZONE,
        Reason.LETTER_INCOMPLETE,
    ]
    found = []
    for name in list(everything):
        found.append(ask(EMAIL, **everything).reason)
        del everything[name]
    assert found == order


def test_a_denial_comes_before_a_deferral() -> None:
    night = local(CHICAGO, 2026, 6, 2, 23)
    assert ask(SMS, now=night).verdict is Verdict.DEFER
    assert ask(SMS, now=night, dnc=None).verdict is Verdict.DENY


def test_mobiles_are_called_only_where_that_is_switched_on_and_written_consent_is_there() -> None:
    on = Policy(calls_to_mobiles=True)
    assert ask(CALL, policy=on, phone_kind="mobile").verdict is Verdict.ALLOW
    assert ask(CALL, policy=on, phone_kind="mobile", consents={"call": "express"}).reason is Reason.NO_WRITTEN_CONSENT


def test_the_parts_that_a_letter_lacks_are_named() -> None:
    assert missing_parts(LETTER) == ()
    assert missing_parts(None) == ("letter",)
    bare = LetterParts(False, False, False, False, "")
    assert missing_parts(bare) == ("postal_address", "unsubscribe_link", "one_click", "from_name", "subject")
    assert ask(letter=replace(LETTER, one_click=False, subject="RE: us")).facts["letter_lacks"] == [
        "one_click",
        "honest_subject",
    ]


# Quiet hours.


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("channel", [SMS, CALL])
@pytest.mark.parametrize("purpose", [OUTREACH, ARRANGED])
@pytest.mark.parametrize(
    ("at", "until"),
    [
        ((3, 0, 0), (3, 8)),
        ((3, 7, 59), (3, 8)),
        ((3, 8, 0), None),
        ((3, 12, 30), None),
        ((3, 19, 59), None),
        ((3, 20, 0), (4, 8)),
        ((3, 23, 59), (4, 8)),
    ],
)
def test_eight_to_eight_in_every_zone(
    zone: str,
    channel: ContactChannel,
    purpose: ContactPurpose,
    at: tuple[int, int, int],
    until: tuple[int, int] | None,
) -> None:
    decision = ask(channel, purpose, local(zone, 2026, 6, *at), zone=zone, phone_zones=(zone,))
    expected = None if until is None else local(zone, 2026, 6, *until)
    assert decision.until == expected
    assert decision.reason is (Reason.ALLOWED if expected is None else Reason.QUIET_HOURS)


@pytest.mark.parametrize("hour", [0, 7, 20, 23])
def test_quiet_hours_are_not_for_email(hour: int) -> None:
    assert ask(EMAIL, now=local(CHICAGO, 2026, 6, 3, hour)).verdict is Verdict.ALLOW


@pytest.mark.parametrize(
    ("zone", "evening", "morning"),
    [
        # Clocks go forward on 8 March 2026 and back on 1 November, both Sundays: arranged calls only.
        (NEW_YORK, (2026, 3, 7, 22), datetime(2026, 3, 8, 12, tzinfo=UTC)),
        (NEW_YORK, (2026, 3, 8, 1), datetime(2026, 3, 8, 12, tzinfo=UTC)),
        (NEW_YORK, (2026, 3, 8, 3), datetime(2026, 3, 8, 12, tzinfo=UTC)),
        (NEW_YORK, (2026, 10, 31, 22), datetime(2026, 11, 1, 13, tzinfo=UTC)),
        (NEW_YORK, (2026, 11, 1, 1), datetime(2026, 11, 1, 13, tzinfo=UTC)),
        (INDIANAPOLIS, (2026, 3, 7, 22), datetime(2026, 3, 8, 12, tzinfo=UTC)),
        (CHICAGO, (2026, 3, 7, 22), datetime(2026, 3, 8, 13, tzinfo=UTC)),
        (CHICAGO, (2026, 10, 31, 22), datetime(2026, 11, 1, 14, tzinfo=UTC)),
        (DENVER, (2026, 3, 7, 22), datetime(2026, 3, 8, 14, tzinfo=UTC)),
        (LOS_ANGELES, (2026, 10, 31, 22), datetime(2026, 11, 1, 16, tzinfo=UTC)),
        (ANCHORAGE, (2026, 3, 7, 22), datetime(2026, 3, 8, 16, tzinfo=UTC)),
        (PHOENIX, (2026, 3, 7, 22), datetime(2026, 3, 8, 15, tzinfo=UTC)),
        (PHOENIX, (2026, 10, 31, 22), datetime(2026, 11, 1, 15, tzinfo=UTC)),
        (HONOLULU, (2026, 3, 7, 22), datetime(2026, 3, 8, 18, tzinfo=UTC)),
    ],
)
def test_a_night_in_which_the_clocks_change_still_ends_at_eight(
    zone: str, evening: tuple[int, ...], morning: datetime
) -> None:
    decision = ask(CALL, ARRANGED, local(zone, *evening), zone=zone, phone_zones=(zone,))
    assert (decision.verdict, decision.until) == (Verdict.DEFER, morning)


@pytest.mark.parametrize(("minute", "allowed"), [((7, 59), False), ((8, 0), True), ((19, 59), True), ((20, 0), False)])
@pytest.mark.parametrize("zone", [NEW_YORK, CHICAGO, DENVER, LOS_ANGELES, PHOENIX, HONOLULU])
@pytest.mark.parametrize("day", [(2026, 3, 8), (2026, 11, 1)])
def test_the_limits_hold_on_the_days_of_the_change(
    day: tuple[int, int, int], zone: str, minute: tuple[int, int], allowed: bool
) -> None:
    decision = ask(CALL, ARRANGED, local(zone, *day, *minute), zone=zone, phone_zones=(zone,))
    assert (decision.verdict is Verdict.ALLOW) is allowed


# The address says one zone, the area code another: the hours that both allow. Times are New York's in June (UTC-4).
@pytest.mark.parametrize(
    ("phone_zones", "at", "until"),
    [
        ((NEW_YORK,), (8, 0), None),
        ((CHICAGO,), (8, 59), (9, 0)),
        ((CHICAGO,), (9, 0), None),
        ((CHICAGO,), (19, 59), None),
        ((CHICAGO,), (20, 0), (33, 0)),
        ((HONOLULU,), (8, 0), (14, 0)),
        ((HONOLULU,), (13, 59), (14, 0)),
        ((HONOLULU,), (14, 0), None),
        ((HONOLULU,), (19, 59), None),
        ((HONOLULU,), (20, 0), (38, 0)),
        ((CHICAGO, DENVER), (9, 30), (10, 0)),
        ((CHICAGO, DENVER), (10, 0), None),
        ((LOS_ANGELES,), (10, 59), (11, 0)),
        ((LOS_ANGELES,), (22, 0), (35, 0)),
        ((GUAM,), (12, 0), (18, 0)),
        ((GUAM,), (18, 0), None),
        ((GUAM,), (20, 0), (42, 0)),
        ((GUAM, HONOLULU), (12, 0), (18, 0)),
    ],
)
def test_both_the_address_and_the_area_code_must_be_awake(
    phone_zones: tuple[str, ...], at: tuple[int, int], until: tuple[int, int] | None
) -> None:
    midnight = local(NEW_YORK, 2026, 6, 2, 0)  # a Tuesday
    now = midnight + timedelta(hours=at[0], minutes=at[1])
    decision = ask(CALL, ARRANGED, now, zone=NEW_YORK, phone_zones=phone_zones)
    expected = None if until is None else midnight + timedelta(hours=until[0], minutes=until[1])
    assert decision.until == expected
    swapped = ask(CALL, ARRANGED, now, zone=phone_zones[0], phone_zones=(*phone_zones[1:], NEW_YORK))
    assert swapped.until == expected


def test_zones_that_are_never_awake_together_are_never_called() -> None:
    decision = ask(CALL, ARRANGED, zone="Pacific/Honolulu", phone_zones=("Africa/Johannesburg",))
    assert (decision.verdict, decision.reason) == (Verdict.DENY, Reason.NO_COMMON_HOURS)


# Days on which nobody is called or texted unasked.
@pytest.mark.parametrize(
    ("day", "opens"),
    [
        (date(2026, 6, 6), date(2026, 6, 6)),  # Saturday
        (date(2026, 6, 7), date(2026, 6, 8)),  # Sunday
        (date(2026, 7, 3), date(2026, 7, 6)),  # Independence Day observed, then Saturday the 4th, then Sunday
        (date(2026, 11, 26), date(2026, 11, 27)),  # Thanksgiving
        (date(2026, 12, 25), date(2026, 12, 26)),
        (date(2027, 1, 1), date(2027, 1, 2)),
        (date(2027, 5, 30), date(2027, 6, 1)),  # Sunday, then Memorial Day
        (date(2027, 6, 18), date(2027, 6, 21)),  # Juneteenth observed, then Saturday the 19th, then Sunday
    ],
)
@pytest.mark.parametrize("channel", [SMS, CALL])
def test_sundays_and_holidays_are_left_in_peace(channel: ContactChannel, day: date, opens: date) -> None:
    now = datetime.combine(day, time(12), ZoneInfo(CHICAGO)).astimezone(UTC)
    expected = None if day == opens else datetime.combine(opens, time(8), ZoneInfo(CHICAGO)).astimezone(UTC)
    for purpose in UNASKED:
        assert ask(channel, purpose, now).until == expected
    assert ask(channel, ARRANGED, now).verdict is Verdict.ALLOW
    assert ask(EMAIL, OUTREACH, now).verdict is Verdict.ALLOW


def test_a_sunday_in_either_zone_counts() -> None:
    # Sunday evening in Honolulu is Monday morning in Guam.
    now = local(GUAM, 2026, 6, 8, 15)
    assert now.astimezone(ZoneInfo(HONOLULU)).weekday() == 6
    decision = ask(SMS, OUTREACH, now, zone=GUAM, phone_zones=(HONOLULU,), state="HI")
    assert decision.reason is Reason.QUIET_HOURS
    assert decision.until is not None
    for zone in (GUAM, HONOLULU):
        assert decision.until.astimezone(ZoneInfo(zone)).weekday() != 6


def test_saturday_evening_is_followed_by_monday() -> None:
    assert ask(SMS, now=local(CHICAGO, 2026, 6, 6, 20)).until == local(CHICAGO, 2026, 6, 8, 8)


# The states that are stricter.
@pytest.mark.parametrize(
    ("state", "first", "last"),
    [
        ("IL", (8, 0), (19, 59)),
        ("CT", (9, 0), (19, 59)),
        ("KY", (10, 0), (19, 59)),
        ("ME", (9, 0), (16, 59)),
        ("RI", (10, 0), (16, 59)),
        ("SC", (8, 0), (18, 59)),
        ("OR", (9, 0), (18, 59)),
        ("TX", (9, 0), (19, 59)),
        ("tx", (9, 0), (19, 59)),
        (None, (10, 0), (16, 59)),
        ("", (10, 0), (16, 59)),
        ("Texas", (10, 0), (16, 59)),
    ],
)
def test_the_hours_of_stricter_states(state: str | None, first: tuple[int, int], last: tuple[int, int]) -> None:
    opens, closes = local(CHICAGO, 2026, 6, 3, *first), local(CHICAGO, 2026, 6, 3, *last)
    minute = timedelta(minutes=1)
    for channel in (SMS, CALL):
        assert ask(channel, now=opens, state=state).verdict is Verdict.ALLOW
        assert ask(channel, now=closes, state=state).verdict is Verdict.ALLOW
        assert ask(channel, now=opens - minute, state=state).until == opens
        assert ask(channel, now=closes + minute, state=state).until == opens + timedelta(days=1)
        assert ask(channel, ARRANGED, local(CHICAGO, 2026, 6, 3, 8), state=state).verdict is Verdict.ALLOW


def test_maine_and_the_unknown_have_their_saturdays() -> None:
    saturday = local(CHICAGO, 2026, 6, 6, 12)
    assert ask(CALL, now=saturday).verdict is Verdict.ALLOW
    assert ask(CALL, now=saturday, state="ME").until == local(CHICAGO, 2026, 6, 8, 9)
    assert ask(CALL, now=saturday, state=None).until == local(CHICAGO, 2026, 6, 8, 10)


def test_no_state_is_laxer_than_the_unknown_one() -> None:
    for rule in STATE_RULES.values():
        assert UNKNOWN_STATE.opens >= rule.opens >= time(8)
        assert UNKNOWN_STATE.closes <= rule.closes <= time(20)
        assert rule.saturdays or not UNKNOWN_STATE.saturdays
        assert rule.cap in (None, UNKNOWN_STATE.cap)


def test_our_own_caps_are_within_every_states() -> None:
    for rule in STATE_RULES.values():
        if rule.cap is not None:
            ours = sum(CAPS[channel][0].limit for channel in (SMS, CALL))
            assert ours <= rule.cap.limit
            assert all(CAPS[channel][0].within >= rule.cap.within for channel in (SMS, CALL))


# How often.
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("channel", "ages", "wait"),
    [
        (EMAIL, [20 * HOUR], None),
        (EMAIL, [20 * HOUR - SECOND], SECOND),
        (EMAIL, [HOUR], 19 * HOUR),
        (EMAIL, [timedelta(0)], 20 * HOUR),
        (EMAIL, [3 * DAY * n for n in range(1, 11)], None),  # the tenth is thirty days old
        (EMAIL, [2 * DAY * n + SECOND for n in range(1, 11)], 10 * DAY - SECOND),
        (EMAIL, [2 * DAY * n for n in range(1, 10)], None),
        (SMS, [7 * DAY], None),
        (SMS, [7 * DAY - SECOND], SECOND),
        (SMS, [6 * DAY], DAY),
        (CALL, [DAY], None),
        (CALL, [DAY - SECOND], SECOND),
        (CALL, [2 * DAY, 20 * DAY], None),
        (CALL, [2 * DAY, 9 * DAY, 29 * DAY], DAY),
        (CALL, [2 * DAY, 9 * DAY, 30 * DAY], None),
        (CALL, [2 * DAY, 9 * DAY, 16 * DAY], LONGEST_WAIT),
    ],
)
def test_how_often_is_too_often(channel: ContactChannel, ages: list[timedelta], wait: timedelta | None) -> None:
    contacted = {channel.value: tuple(TUESDAY_NOON - age for age in ages)}
    for purpose in UNASKED:
        decision = ask(channel, purpose, contacted=contacted)
        if wait is None:
            assert decision.verdict is Verdict.ALLOW
        else:
            assert (decision.verdict, decision.reason) == (Verdict.DEFER, Reason.TOO_SOON)
            due = TUESDAY_NOON + wait
            hours = opening_hours(purpose, "IL")
            assert decision.until == (due if channel is EMAIL else first_open(due, [ZoneInfo(CHICAGO)], hours))
    assert ask(channel, ARRANGED, contacted=contacted).verdict is Verdict.ALLOW
    mixed = {channel.value: tuple(reversed(contacted[channel.value]))}
    assert ask(channel, contacted=mixed) == ask(channel, contacted=contacted)


def test_what_a_cap_would_put_off_for_longer_than_the_sequence_is_not_made() -> None:
    called = {"call": tuple(TUESDAY_NOON - age for age in (2 * DAY, 9 * DAY, 16 * DAY - SECOND))}
    decision = ask(CALL, contacted=called)
    assert (decision.verdict, decision.reason) == (Verdict.DENY, Reason.TOO_OFTEN)
    none = Policy(caps={EMAIL: (Cap(0, DAY),)})
    assert ask(EMAIL, policy=none).reason is Reason.TOO_OFTEN


def test_contacts_on_another_channel_do_not_count() -> None:
    emailed = {"email": (TUESDAY_NOON - HOUR,)}
    assert ask(SMS, contacted=emailed).verdict is Verdict.ALLOW
    assert ask(CALL, contacted=emailed).verdict is Verdict.ALLOW


@pytest.mark.parametrize("state", ["FL", "OK", "MD", "OR", None])
def test_a_states_limit_holds_whatever_the_operator_sets(state: str | None) -> None:
    loose = Policy(caps={CALL: (Cap(100, DAY),), SMS: (Cap(100, DAY),)})
    noon = local(CHICAGO, 2026, 6, 3, 12)
    contacted = {"call": (noon - HOUR, noon - 2 * HOUR), "sms": (noon - 23 * HOUR,)}
    for channel in (SMS, CALL):
        decision = ask(channel, now=noon, policy=loose, state=state, contacted=contacted)
        assert (decision.reason, decision.until) == (Reason.TOO_SOON, noon + HOUR)
        assert ask(channel, now=noon, policy=loose, state="IL", contacted=contacted).verdict is Verdict.ALLOW
        fewer = {"call": (noon - HOUR, noon - 2 * HOUR), "sms": (noon - DAY,)}
        assert ask(channel, now=noon, policy=loose, state=state, contacted=fewer).verdict is Verdict.ALLOW


def test_a_cap_that_ends_at_night_waits_for_the_morning() -> None:
    called = {"call": (local(CHICAGO, 2026, 6, 2, 19, 30),)}
    decision = ask(CALL, now=local(CHICAGO, 2026, 6, 3, 15), contacted=called)
    assert (decision.reason, decision.until) == (Reason.TOO_SOON, local(CHICAGO, 2026, 6, 3, 19, 30))
    called = {"sms": (local(CHICAGO, 2026, 5, 27, 22),)}
    decision = ask(SMS, now=local(CHICAGO, 2026, 6, 3, 15), contacted=called)
    assert (decision.reason, decision.until) == (Reason.TOO_SOON, local(CHICAGO, 2026, 6, 4, 8))


# What holds for whatever is asked.

moments = st.integers(1_767_225_600, 1_893_456_000).map(lambda second: datetime.fromtimestamp(second, UTC))  # 2026-2029
zones = st.sampled_from(ZONES)
anything = st.one_of(st.none(), st.text(max_size=12))
CHANNEL_WORDS = ["email", "sms", "call", "all"]


@st.composite
def people(draw: st.DrawFn, now: datetime) -> Person:
    ages = st.lists(st.integers(0, 40 * 86_400), max_size=4)
    contacted = {word: tuple(now - timedelta(seconds=age) for age in sorted(draw(ages))) for word in CHANNEL_WORDS[:3]}
    kinds = st.sampled_from(["express_written", "express", "implied"])
    seldom = st.integers(0, 9).map(lambda number: number == 0)
    return Person(
        zone=None if draw(seldom) else draw(zones),
        phone_zones=tuple(draw(st.lists(zones, min_size=0 if draw(seldom) else 1, max_size=3))),
        state=draw(st.sampled_from([None, "IL", *STATE_RULES])),
        has_address=not draw(seldom),
        suppressed=draw(st.frozensets(st.sampled_from(CHANNEL_WORDS), max_size=2)) if draw(seldom) else frozenset(),
        phone_kind=draw(st.sampled_from(["mobile", "landline", "voip", "toll_free", "unknown", None])),
        dnc=draw(st.sampled_from([False, False, False, True, None])),
        consents=draw(st.dictionaries(st.sampled_from(CHANNEL_WORDS[:3]), kinds)),
        contacted=contacted,
        customer=draw(seldom),
        halted=draw(seldom),
        letter=LETTER if not draw(seldom) else draw(st.sampled_from([None, replace(LETTER, one_click=False)])),
    )


questions = moments.flatmap(
    lambda now: st.tuples(
        st.sampled_from(EVERY),
        st.sampled_from(ALWAYS),
        people(now),
        st.just(now),
        st.sampled_from([Policy(), Policy(calls_to_mobiles=True)]),
    )
)
Question = tuple[ContactChannel, ContactPurpose, Person, datetime, Policy]


def awake(person: Person, channel: ContactChannel, purpose: ContactPurpose, moment: datetime) -> bool:
    """Written out anew: nobody asleep, no Sunday, no holiday."""
    for zone in (person.zone, *person.phone_zones):
        there = moment.astimezone(ZoneInfo(zone or "UTC"))
        if not 8 <= there.hour < 20:
            return False
        if purpose is not ARRANGED and (there.weekday() == 6 or is_holiday(there.date())):
            return False
    return True


@given(questions)
def test_an_allowance_breaks_no_rule(question: Question) -> None:
    channel, purpose, person, now, policy = question
    decision = may_contact(channel, purpose, person, now, policy)
    if decision.verdict is not Verdict.ALLOW:
        return
    assert person.has_address
    assert not person.suppressed & {channel.value, "all"}
    assert person.zone is not None
    if purpose is not ARRANGED:
        assert not person.halted
        assert not person.customer
        for cap in CAPS[channel]:
            assert sum(now - at < cap.within for at in person.contacted[channel.value]) < cap.limit
    if channel is EMAIL:
        assert person.letter == LETTER
        return
    assert person.phone_zones
    assert awake(person, channel, purpose, now)
    assert person.dnc is not None
    assert person.consents[channel.value] in ("express", "express_written")
    if channel is CALL or person.dnc:
        assert person.consents[channel.value] == "express_written"
    if channel is CALL and not policy.calls_to_mobiles:
        assert person.phone_kind in ("landline", "voip")


@given(questions)
def test_a_deferral_ends_when_everything_is_allowed(question: Question) -> None:
    channel, purpose, person, now, policy = question
    decision = may_contact(channel, purpose, person, now, policy)
    if decision.verdict is not Verdict.DEFER:
        assert decision.until is None
        return
    assert decision.until is not None
    assert decision.until > now
    assert decision.until.utcoffset() == timedelta(0)
    assert may_contact(channel, purpose, person, decision.until, policy).verdict is Verdict.ALLOW
    # It is the first such moment: just before it, something still forbids.
    if decision.until - now > SECOND:
        before = may_contact(channel, purpose, person, decision.until - SECOND, policy)
        assert before.verdict is Verdict.DEFER
        assert before.until == decision.until


@given(questions, st.sampled_from(CHANNEL_WORDS))
def test_nobody_suppressed_is_ever_contacted(question: Question, word: str) -> None:
    channel, purpose, person, now, policy = question
    suppressed = replace(person, suppressed=frozenset({word}))
    decision = may_contact(channel, purpose, suppressed, now, policy)
    if word in (channel.value, "all"):
        assert decision.verdict is Verdict.DENY


@given(questions)
def test_the_same_question_has_the_same_answer_and_more_opt_outs_never_help(question: Question) -> None:
    channel, purpose, person, now, policy = question
    decision = may_contact(channel, purpose, person, now, policy)
    assert decision == may_contact(channel, purpose, person, now, policy)
    stricter = replace(person, halted=True, customer=True, consents={}, dnc=None)
    if may_contact(channel, purpose, stricter, now, policy).verdict is Verdict.ALLOW:
        assert decision.verdict is Verdict.ALLOW


WORDS = (
    {word.value for word in (*ContactChannel, *ContactPurpose)}
    | {"all", "mobile", "landline", "voip", "toll_free", "unknown", "express_written", "express", "implied"}
    | {"letter", "postal_address", "unsubscribe_link", "one_click", "from_name", "subject", "honest_subject"}
)
KNOWN_ZONES = available_timezones() | {"localtime"}


def strings(value: Any) -> Iterable[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from strings(item)


@given(
    questions,
    anything,
    st.lists(st.text(max_size=8), max_size=2).map(tuple),
    anything,
    st.frozensets(st.text(max_size=8), max_size=2),
    anything,
    st.text(max_size=10),
)
def test_what_is_stored_holds_only_our_words_and_zones(
    question: Question,
    zone: str | None,
    phone_zones: tuple[str, ...],
    state: str | None,
    suppressed: frozenset[str],
    kind: str | None,
    consent: str,
) -> None:
    channel, purpose, person, now, policy = question
    strange = replace(
        person,
        zone=zone,
        phone_zones=phone_zones,
        state=state,
        suppressed=suppressed,
        phone_kind=kind,
        consents={channel.value: consent},
        letter=replace(LETTER, subject=consent),
    )
    for asked in (person, strange):
        facts = may_contact(channel, purpose, asked, now, policy).facts
        assert json.loads(json.dumps(facts)) == facts
        for value in facts.values():
            for text in strings(value):
                assert text in WORDS or text in KNOWN_ZONES or (len(text) == 2 and text.isupper())


@given(moments, st.lists(zones, min_size=1, max_size=4), st.sampled_from([None, "IL", "ME", "RI", "TX"]))
def test_the_first_open_moment_is_open_and_nothing_before_it_is(
    now: datetime, places: list[str], state: str | None
) -> None:
    for purpose in (OUTREACH, ARRANGED):
        hours = opening_hours(purpose, state)
        found = first_open(now, [ZoneInfo(zone) for zone in places], hours)
        if found is None:
            # Guam and the east coast meet only in the evening, when a strict state has closed.
            assert GUAM in places
            continue
        assert found >= now
        assert is_open(found, places, hours)
        quarter = timedelta(minutes=15)
        step = now
        while step < found:
            assert not is_open(step, places, hours)
            step += quarter


def is_open(moment: datetime, places: list[str], hours: Hours) -> bool:
    there = [moment.astimezone(ZoneInfo(zone)) for zone in places]
    return all(hours.opens <= at.time() < hours.closes and not hours.closed_on(at.date()) for at in there)


def test_unknown_states_are_the_strictest() -> None:
    assert state_rule(None) is UNKNOWN_STATE
    assert state_rule("Nowhere") is UNKNOWN_STATE
    assert state_rule("IL").opens == time(8)


# Where a number's area code lies.
@pytest.mark.parametrize(
    ("number", "expected"),
    [
        ("+12125550123", (NEW_YORK,)),
        ("+13125550123", (CHICAGO,)),
        ("+18085550123", (HONOLULU,)),
        ("+16025550123", (PHOENIX,)),
        ("+17875550123", (PUERTO_RICO,)),
        ("+16715550123", (GUAM,)),
        ("+12085550123", ("America/Boise", LOS_ANGELES)),  # Idaho has two
        ("+18005550123", ()),  # toll-free: anywhere
        ("+18885550123", ()),
        ("+19005550123", ()),
        ("+14165550123", ()),  # Toronto
        ("+18765550123", ()),  # Jamaica
        ("+442071838750", ()),
        ("2125550123", ()),
        ("+1", ()),
        ("", ()),
        (None, ()),
        ("call me", ()),
    ],
)
def test_zones_of_an_area_code(number: str | None, expected: tuple[str, ...]) -> None:
    assert zones_of_number(number) == expected
