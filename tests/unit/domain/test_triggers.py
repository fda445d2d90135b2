from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.triggers import (
    Storm,
    StormType,
    Surroundings,
    TriggerType,
    detect,
    is_active,
    is_urgent,
    points,
    storm_strength,
)

TODAY = date(2026, 6, 1)


def hail(days_ago: int = 10, miles: float = 0.0, inches: float | None = 1.0) -> Storm:
    return Storm(StormType.HAIL, TODAY - timedelta(days=days_ago), miles, hail_inches=inches)


@pytest.mark.parametrize(("count", "strength"), [(4, None), (5, 70), (6, 72), (15, 90), (40, 90)])
def test_neighbour_permits(count: int, strength: int | None) -> None:
    found = detect(Surroundings(neighbor_permits_30d=count), TODAY)
    assert [trigger.strength for trigger in found] == ([] if strength is None else [strength])


@pytest.mark.parametrize(
    ("storm", "found"),
    [
        (hail(days_ago=90), True),
        (hail(days_ago=91), False),
        (hail(days_ago=-1), False),
        (hail(miles=5.0), True),
        (hail(miles=5.01), False),
        (hail(inches=None), True),
        (Storm(StormType.WIND, TODAY, 0, wind_mph=60), False),
        (Storm(StormType.WIND, TODAY, 0, wind_mph=61), True),
        (Storm(StormType.WIND, TODAY, 0), False),
        (Storm(StormType.TORNADO, TODAY, 0), True),
        (Storm(StormType.HURRICANE, TODAY, 0), True),
    ],
)
def test_storms(storm: Storm, found: bool) -> None:
    assert bool(detect(Surroundings(storms=(storm,)), TODAY)) is found


@pytest.mark.parametrize(
    ("inches", "strength"), [(None, 80), (0.75, 80), (1.0, 85), (1.5, 90), (2.0, 95), (2.5, 100), (4.0, 100)]
)
def test_hail_strength(inches: float | None, strength: int) -> None:
    assert storm_strength(hail(inches=inches)) == strength


def test_the_strongest_storm_of_a_kind_counts_once() -> None:
    found = detect(Surroundings(storms=(hail(inches=1.0), hail(days_ago=50, inches=2.5), hail(inches=1.5))), TODAY)
    assert [(t.key, t.strength, t.points) for t in found] == [("weather_event:hail", 100, 15)]
    assert "2.5 inch hail at the property, 50 days ago" in found[0].evidence


@pytest.mark.parametrize(("age", "strength"), [(20, None), (20.5, 51), (21, 52), (30, 70), (80, 70)])
def test_roof_age_is_beyond_twenty(age: float, strength: int | None) -> None:
    found = detect(Surroundings(roof_age_years=age), TODAY)
    assert [trigger.strength for trigger in found] == ([] if strength is None else [strength])


@pytest.mark.parametrize(
    ("days", "strength"), [(0, 60), (90, 60), (91, 50), (180, 50), (365, 40), (366, None), (-1, None)]
)
def test_sale(days: int, strength: int | None) -> None:
    found = detect(Surroundings(last_sale=TODAY - timedelta(days=days)), TODAY)
    assert [trigger.strength for trigger in found] == ([] if strength is None else [strength])


@pytest.mark.parametrize(("days", "strength"), [(0, 100), (30, 100), (90, 95), (365, 90), (366, None)])
def test_claim(days: int, strength: int | None) -> None:
    found = detect(Surroundings(insurance_claim=TODAY - timedelta(days=days)), TODAY)
    assert [trigger.strength for trigger in found] == ([] if strength is None else [strength])


@pytest.mark.parametrize(("worst", "found"), [(None, False), (49, False), (50, True)])
def test_damage(worst: int | None, found: bool) -> None:
    assert bool(detect(Surroundings(worst_damage=worst), TODAY)) is found


def test_expiry_holds_through_its_last_day() -> None:
    (trigger,) = detect(Surroundings(storms=(hail(days_ago=0),)), TODAY)
    last = datetime(2026, 6, 1, tzinfo=UTC) + timedelta(days=180)
    assert is_active(trigger, last + timedelta(hours=23, minutes=59))
    assert not is_active(trigger, last + timedelta(days=1))


def test_an_old_roof_stays_old() -> None:
    (trigger,) = detect(Surroundings(roof_age_years=22), TODAY)
    assert trigger.expires_at is None


def test_urgency_is_weather_only() -> None:
    calm = Surroundings(
        neighbor_permits_30d=9, roof_age_years=30, last_sale=TODAY, insurance_claim=TODAY, worst_damage=90
    )
    assert not is_urgent(detect(calm, TODAY))
    assert is_urgent(detect(Surroundings(storms=(hail(),)), TODAY))


def test_points_are_capped() -> None:
    around = Surroundings(neighbor_permits_30d=6, storms=(hail(),), insurance_claim=TODAY)
    assert points(detect(around, TODAY)) == 25


storms = st.builds(
    Storm,
    kind=st.sampled_from(StormType),
    on=st.dates(date(2025, 6, 1), date(2026, 7, 1)),
    miles=st.floats(0, 20),
    hail_inches=st.none() | st.floats(0.25, 5),
    wind_mph=st.none() | st.integers(0, 200),
    tornado_rating=st.none() | st.sampled_from(["EF0", "EF1", "EF2", "EF3", "EF4", "EF5", "EFU"]),
)
SPEC_STRENGTHS = {
    TriggerType.NEIGHBOR_PERMITS: (70, 90),
    TriggerType.WEATHER_EVENT: (80, 100),
    TriggerType.ROOF_AGE: (50, 70),
    TriggerType.INSURANCE_CLAIM: (90, 100),
    TriggerType.PROPERTY_SALE: (40, 60),
    TriggerType.DAMAGE_DETECTED: (75, 100),
}


@given(
    st.builds(
        Surroundings,
        neighbor_permits_30d=st.integers(0, 100),
        last_neighbor_permit=st.none() | st.dates(date(2026, 5, 2), TODAY),
        storms=st.lists(storms, max_size=6).map(tuple),
        roof_age_years=st.none() | st.floats(0, 100),
        worst_damage=st.none() | st.integers(0, 100),
        insurance_claim=st.none() | st.dates(date(2024, 1, 1), date(2027, 1, 1)),
        last_sale=st.none() | st.dates(date(2024, 1, 1), date(2027, 1, 1)),
    )
)
def test_strengths_stay_in_the_spec_s_ranges_and_keys_are_unique(around: Surroundings) -> None:
    found = detect(around, TODAY)
    assert len({trigger.key for trigger in found}) == len(found)
    for trigger in found:
        low, high = SPEC_STRENGTHS[trigger.type]
        assert low <= trigger.strength <= high
        assert trigger.evidence
    assert points(found) <= 25
    assert [t.strength for t in found] == sorted((t.strength for t in found), reverse=True)
