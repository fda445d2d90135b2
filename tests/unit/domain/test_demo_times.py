from datetime import UTC, datetime, timedelta

from domain.demo_times import NEAR, SEARCH, in_order, search_from

NOW = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)


def hours(*numbers: float) -> list[datetime]:
    return [NOW + timedelta(hours=number) for number in numbers]


def test_without_a_time_agreed_the_soonest_after_a_days_notice_comes_first() -> None:
    free = hours(2, 23.5, 24, 25)
    assert in_order(free, NOW, None, "America/Chicago") == tuple(hours(24, 25, 2, 23.5))


def test_near_the_time_agreed_the_nearest_comes_first_and_the_earlier_of_two() -> None:
    agreed = NOW + timedelta(hours=50)
    assert in_order(hours(48, 49.5, 50.5, 52), NOW, agreed, "America/Chicago") == tuple(hours(49.5, 50.5, 48, 52))


def test_a_time_agreed_that_has_passed_is_none() -> None:
    assert in_order(hours(2, 30), NOW, NOW, None) == tuple(hours(30, 2))


def test_odd_hours_where_the_contractor_is_come_last() -> None:
    # 15:00 UTC is 5 in the morning in Honolulu, 20:00 UTC is 10 o'clock.
    assert in_order(hours(24, 29), NOW, None, "Pacific/Honolulu") == tuple(hours(29, 24))
    assert in_order(hours(24, 29), NOW, None, "America/Chicago") == tuple(hours(24, 29))
    assert in_order(hours(24, 29), NOW, None, "Nowhere/Land") == tuple(hours(24, 29))


def test_an_odd_hour_that_was_agreed_is_kept() -> None:
    agreed = NOW + timedelta(hours=24)
    assert in_order(hours(24, 29), NOW, agreed, "Pacific/Honolulu")[0] == agreed


def test_what_has_passed_is_not_free() -> None:
    assert in_order(hours(-1, 0, 30), NOW, None, None) == tuple(hours(30))
    assert in_order(hours(-1, 0, 30), NOW, NOW + timedelta(hours=1), None) == tuple(hours(30))


def test_where_to_look() -> None:
    assert search_from(NOW, None) == (NOW, NOW + SEARCH)
    assert search_from(NOW, NOW - timedelta(days=1)) == (NOW, NOW + SEARCH)
    soon, late = NOW + timedelta(days=1), NOW + timedelta(days=9)
    assert search_from(NOW, soon) == (NOW, soon + NEAR)
    assert search_from(NOW, late) == (late - NEAR, late + NEAR)
