from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.cadence import DEFAULT_SEQUENCE, WINDOWS, Channel, due_at, is_business_day, plan
from domain.quiet_hours import Verdict, check

ZONES = [
    "America/New_York",
    "America/Chicago",
    "America/Denver",
    "America/Phoenix",
    "America/Los_Angeles",
    "America/Anchorage",
    "Pacific/Honolulu",
]
moments = st.integers(1_704_067_200, 1_956_528_000).map(lambda second: datetime.fromtimestamp(second, UTC))  # 2024-2031


def local(zone: str, *parts: int) -> datetime:
    return datetime(*parts, tzinfo=ZoneInfo(zone)).astimezone(UTC)  # type: ignore[misc, arg-type]


@pytest.mark.parametrize(
    ("hour", "minute", "verdict", "day", "at"),
    [
        (7, 59, Verdict.DEFER, 1, 8),
        (8, 0, Verdict.ALLOW, None, None),
        (19, 59, Verdict.ALLOW, None, None),
        (20, 0, Verdict.DEFER, 2, 8),
        (0, 0, Verdict.DEFER, 1, 8),
        (23, 59, Verdict.DEFER, 2, 8),
    ],
)
def test_eight_to_eight_local_time(hour: int, minute: int, verdict: Verdict, day: int | None, at: int | None) -> None:
    decision = check(local("America/Chicago", 2026, 6, 1, hour, minute), "America/Chicago")
    assert decision.verdict is verdict
    assert decision.until == (None if day is None else local("America/Chicago", 2026, 6, day, at or 0))


@pytest.mark.parametrize("zone", [None, "", "Mars/Olympus", "../../etc/passwd", "/etc/localtime", "America"])
def test_an_unknown_zone_is_never_sent_to(zone: str | None) -> None:
    assert check(datetime(2026, 6, 1, 17, tzinfo=UTC), zone).verdict is Verdict.DENY


def test_a_naive_time_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="time zone"):
        check(datetime(2026, 6, 1, 12, tzinfo=UTC).replace(tzinfo=None), "America/Chicago")


@pytest.mark.parametrize(("evening", "morning_utc"), [((2026, 3, 7, 22), 13), ((2026, 10, 31, 22), 14)])
def test_a_deferral_across_a_clock_change_is_eight_on_the_wall(evening: tuple[int, ...], morning_utc: int) -> None:
    until = check(local("America/Chicago", *evening), "America/Chicago").until
    assert until is not None
    assert (until.hour, until.astimezone(ZoneInfo("America/Chicago")).hour) == (morning_utc, 8)


@given(moments, st.sampled_from(ZONES))
def test_nothing_is_allowed_or_deferred_outside_eight_to_eight(now: datetime, zone: str) -> None:
    decision = check(now, zone)
    moment = (decision.until or now).astimezone(ZoneInfo(zone))
    assert 8 <= moment.hour < 20
    assert check(moment, zone).verdict is Verdict.ALLOW
    assert decision.until is None or now < decision.until <= now + timedelta(hours=13)


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        (date(2026, 11, 25), True),
        (date(2026, 11, 26), False),
        (date(2026, 11, 28), False),
        (date(2026, 7, 3), False),
        (date(2027, 12, 31), False),
        (date(2026, 12, 25), False),
    ],
)
def test_business_days_leave_out_weekends_and_observed_holidays(day: date, expected: bool) -> None:
    assert is_business_day(day) is expected


def test_the_default_sequence_has_seven_touches_and_two_calls() -> None:
    written = [touch for touch in DEFAULT_SEQUENCE if touch.channel is not Channel.CALL]
    calls = [touch for touch in DEFAULT_SEQUENCE if touch.channel is Channel.CALL]
    assert [touch.day for touch in written] == [0, 2, 4, 7, 9, 11, 14]
    assert [touch.day for touch in calls] == [2, 7]
    assert [touch.day for touch in written if touch.channel is Channel.SMS] == [11]


def test_a_monday_start_keeps_the_days_of_the_spec_save_weekends() -> None:
    start = local("America/Chicago", 2026, 6, 1, 7)
    planned = plan(start, "America/Chicago", "k")
    assert planned is not None
    days = [(touch.due.astimezone(ZoneInfo("America/Chicago")).date() - date(2026, 6, 1)).days for touch in planned]
    assert days == [0, 2, 2, 4, 7, 7, 9, 11, 14]


def test_an_unknown_zone_plans_nothing() -> None:
    now = datetime(2026, 6, 1, 12, tzinfo=UTC)
    assert plan(now, None, "k") is None
    assert due_at(DEFAULT_SEQUENCE[0], 0, now, "Mars/Olympus", "k") is None


@given(moments, st.sampled_from(ZONES), st.text(max_size=40))
def test_every_touch_is_in_its_window_in_order_and_after_enrolment(now: datetime, zone: str, key: str) -> None:
    planned = plan(now, zone, key)
    assert planned is not None
    assert planned == plan(now, zone, key)
    last: date | None = None
    for item in planned:
        moment = item.due.astimezone(ZoneInfo(zone))
        opens, closes = WINDOWS[item.touch.channel]
        assert opens <= moment.time() < closes
        assert is_business_day(moment.date())
        assert item.due >= now
        assert check(item.due, zone).verdict is Verdict.ALLOW
        if last is not None:
            assert moment.date() >= last if item.touch.with_previous else moment.date() > last
        last = moment.date()
    dues = [item.due for item in planned]
    assert dues == sorted(dues)


@given(moments, st.sampled_from(ZONES), st.text(max_size=20))
def test_one_step_at_a_time_gives_the_plan(now: datetime, zone: str, key: str) -> None:
    planned = plan(now, zone, key)
    assert planned is not None
    after: datetime | None = None
    for index, item in enumerate(planned):
        due = due_at(item.touch, index, now, zone, key, after)
        assert due == item.due
        after = due


def test_a_campaign_does_not_send_all_at_once() -> None:
    start = local("America/Chicago", 2026, 6, 1, 7)
    first = {planned[0].due for key in range(50) if (planned := plan(start, "America/Chicago", f"c|{key}"))}
    assert len(first) > 25
