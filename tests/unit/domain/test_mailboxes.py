"""Warm-up, caps, who goes first, and when a mailbox rests."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.mailboxes import (
    BOUNCE_RATE,
    COMPLAINT_RATE,
    WARM_UP_START,
    WARM_UP_STEP,
    MailTally,
    cap_on,
    may_send,
    why_pause,
)
from domain.rates import share, wilson_high, wilson_low

MONDAY = date(2026, 6, 1)


def test_a_warm_mailbox_sends_its_cap_from_the_first_day() -> None:
    assert cap_on(MONDAY, 40, None) == 40


@pytest.mark.parametrize(
    ("day", "cap"),
    [
        (MONDAY - timedelta(days=1), 0),
        (MONDAY, 5),
        (date(2026, 6, 2), 8),
        (date(2026, 6, 5), 17),
        (date(2026, 6, 6), 17),  # Saturday: nothing is learnt of a mailbox that does not send
        (date(2026, 6, 7), 17),
        (date(2026, 6, 8), 20),
        (date(2026, 6, 18), 40),  # 44 by then, were it not for the cap
        (date(2027, 6, 1), 40),
    ],
)
def test_the_warm_up_grows_by_a_step_each_business_day(day: date, cap: int) -> None:
    assert cap_on(day, 40, MONDAY) == cap


def test_a_federal_holiday_is_no_day_of_the_warm_up() -> None:
    assert cap_on(date(2026, 7, 3), 40, date(2026, 7, 2)) == WARM_UP_START  # Independence Day, observed
    assert cap_on(date(2026, 7, 6), 40, date(2026, 7, 2)) == WARM_UP_START + WARM_UP_STEP


@given(st.integers(1, 500), st.dates(date(2020, 1, 1), date(2030, 1, 1)), st.integers(0, 400))
def test_a_warm_up_never_shrinks_nor_passes_the_cap(cap: int, start: date, days: int) -> None:
    day = start + timedelta(days=days)
    assert min(cap, WARM_UP_START) <= cap_on(day, cap, start) <= cap_on(day + timedelta(days=1), cap, start) <= cap


@pytest.mark.parametrize(
    ("sent", "due", "follow_up", "allowed"),
    [
        (0, 0, False, True),
        (39, 0, False, True),
        (40, 0, False, False),
        (39, 1, True, True),  # the follow-up is one of those due
        (40, 1, True, False),
        (30, 9, False, True),
        (30, 10, False, False),  # the rest of the day belongs to follow-ups
        (0, 100, False, False),
    ],
)
def test_follow_ups_go_before_new_leads(sent: int, due: int, follow_up: bool, allowed: bool) -> None:
    assert may_send(sent, 40, due, follow_up) is allowed


@given(st.integers(0, 60), st.integers(0, 60), st.integers(-3, 60))
def test_a_new_lead_never_goes_where_a_follow_up_may_not(sent: int, cap: int, due: int) -> None:
    if may_send(sent, cap, due, follow_up=False):
        assert may_send(sent, cap, due, follow_up=True) and sent < cap


@pytest.mark.parametrize(
    ("tally", "reason"),
    [
        (MailTally(0, 0, 0), None),
        (MailTally(49, 49, 0), None),  # below the sample
        (MailTally(50, 4, 0), None),  # 8 %, but that may be chance
        (MailTally(50, 7, 0), BOUNCE_RATE),
        (MailTally(1000, 55, 0), None),
        (MailTally(1000, 70, 0), BOUNCE_RATE),
        (MailTally(199, 0, 50), None),
        (MailTally(200, 0, 1), None),  # 0.5 %, but that may be chance
        (MailTally(200, 0, 4), COMPLAINT_RATE),
        (MailTally(10_000, 0, 30), None),
        (MailTally(10_000, 0, 45), COMPLAINT_RATE),
        (MailTally(1000, 500, 500), BOUNCE_RATE),
    ],
)
def test_a_mailbox_rests_only_with_evidence(tally: MailTally, reason: str | None) -> None:
    assert why_pause(tally) == reason


@given(st.integers(50, 5000), st.data())
def test_no_mailbox_within_tolerance_is_paused(sent: int, data: st.DataObject) -> None:
    bounced = data.draw(st.integers(0, sent // 20))
    complained = data.draw(st.integers(0, sent * 3 // 1000))
    assert why_pause(MailTally(sent, bounced, complained)) is None


@given(st.integers(0, 2000), st.data())
def test_wilson_encloses_what_was_observed(whole: int, data: st.DataObject) -> None:
    part = data.draw(st.integers(0, whole))
    observed = share(part, whole)
    low, high = wilson_low(part, whole), wilson_high(part, whole)
    assert 0 <= low <= high <= 1
    assert observed is None or low - 1e-12 <= observed <= high + 1e-12
    if whole:
        assert wilson_low(part * 4, whole * 4) >= low - 1e-12  # more of the same is more certain
    else:
        assert (low, high) == (0, 1)
