from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.roof import CONDITIONS, RoofCondition
from domain.scoring import (
    REQUIRED_FIELDS,
    Factor,
    Grade,
    LeadFacts,
    ScoreBreakdown,
    grade_for,
    missing_fields,
    score_lead,
)
from domain.triggers import Storm, StormType, Surroundings, Trigger, detect

TODAY = date(2026, 6, 1)
HAIL = Storm(StormType.HAIL, date(2026, 5, 20), 0.0, hail_inches=1.5)
WIND = Storm(StormType.WIND, date(2026, 5, 20), 2.0, wind_mph=75)


def points_of(breakdown: ScoreBreakdown, factor: Factor) -> int:
    return next(score.points for score in breakdown.factors if score.name is factor)


@pytest.mark.parametrize(
    ("value", "points"),
    [
        (None, 0),
        ("99999.99", 0),
        ("100000", 5),
        ("199999.99", 5),
        ("200000", 10),
        ("299999.99", 10),
        ("300000", 15),
        ("500000", 15),
        ("500000.01", 20),
    ],
)
def test_property_value(value: str | None, points: int) -> None:
    facts = LeadFacts(property_value=None if value is None else Decimal(value))
    assert points_of(score_lead(facts), Factor.PROPERTY_VALUE) == points


@pytest.mark.parametrize(
    ("age", "points"),
    [(None, 0), (0, 0), (9.9, 0), (10, 5), (14.9, 5), (15, 10), (19.9, 10), (20, 15), (25, 15), (25.1, 20), (40, 20)],
)
def test_roof_age(age: float | None, points: int) -> None:
    assert points_of(score_lead(LeadFacts(roof_age_years=age)), Factor.ROOF_AGE) == points


@pytest.mark.parametrize(
    ("condition", "points"),
    [(None, 0), ("excellent", 0), ("good", 5), ("fair", 10), ("poor", 15), ("critical", 20)],
)
def test_condition(condition: str | None, points: int) -> None:
    facts = LeadFacts(condition=RoofCondition(condition) if condition else None)
    assert points_of(score_lead(facts), Factor.ROOF_CONDITION) == points


def test_unknown_condition_scores_nothing_and_says_why() -> None:
    factor = score_lead(LeadFacts(condition_evidence="imagery unavailable")).factors[3]
    assert (factor.points, factor.evidence) == (0, "roof condition unknown (imagery unavailable)")


@pytest.mark.parametrize(
    ("found", "verified", "phone", "points"),
    [
        (True, True, True, 10),
        (True, True, False, 7),
        (True, False, True, 4),
        (True, False, False, 4),
        (False, False, True, 4),
        (False, True, False, 0),
        (False, False, False, 0),
    ],
)
def test_contact(found: bool, verified: bool, phone: bool, points: int) -> None:
    facts = LeadFacts(email_found=found, email_verified=verified, phone_found=phone)
    assert points_of(score_lead(facts), Factor.CONTACT_QUALITY) == points


@pytest.mark.parametrize(("missing", "points"), [(0, 5), (1, 3), (2, 3), (3, 0), (9, 0)])
def test_completeness(missing: int, points: int) -> None:
    facts = LeadFacts(missing_fields=REQUIRED_FIELDS[:missing])
    assert points_of(score_lead(facts), Factor.DATA_COMPLETENESS) == points


def test_a_field_is_missing_when_it_is_absent_empty_or_none_but_not_when_it_is_zero() -> None:
    values = dict.fromkeys(REQUIRED_FIELDS, 1)
    assert missing_fields(values) == ()
    assert missing_fields({**values, "zip": "", "sqft": None, "roof_age": 0}) == ("zip", "sqft")


@pytest.mark.parametrize(
    ("score", "grade"),
    [(100, "A"), (90, "A"), (89, "B"), (80, "B"), (79, "C"), (70, "C"), (69, "D"), (60, "D"), (59, "F"), (0, "F")],
)
def test_grades(score: int, grade: str) -> None:
    assert grade_for(score) is Grade(grade)


def test_the_best_lead_has_a_hundred_points() -> None:
    best = score_lead(
        LeadFacts(
            property_value=Decimal(600_000),
            roof_age_years=30,
            triggers=detect(Surroundings(storms=(HAIL, WIND)), TODAY),
            condition=RoofCondition.CRITICAL,
            email_found=True,
            email_verified=True,
            phone_found=True,
        )
    )
    assert best.total == 100
    assert best.grade is Grade.A


TRIGGERS = detect(
    Surroundings(
        neighbor_permits_30d=9,
        storms=(HAIL, WIND, Storm(StormType.TORNADO, date(2026, 5, 1), 1.0, tornado_rating="EF2")),
        roof_age_years=30,
        worst_damage=80,
        insurance_claim=date(2026, 5, 1),
        last_sale=date(2026, 5, 1),
    ),
    TODAY,
)
facts = st.builds(
    LeadFacts,
    property_value=st.none() | st.decimals(0, 10_000_000, places=2),
    roof_age_years=st.none() | st.floats(0, 150),
    triggers=st.lists(st.sampled_from(TRIGGERS), max_size=12).map(tuple),
    condition=st.none() | st.sampled_from(CONDITIONS),
    email_found=st.booleans(),
    email_verified=st.booleans(),
    phone_found=st.booleans(),
    missing_fields=st.lists(st.sampled_from(REQUIRED_FIELDS), unique=True).map(tuple),
)


@given(facts)
def test_every_score_is_the_sum_of_six_bounded_factors(given_facts: LeadFacts) -> None:
    breakdown = score_lead(given_facts)
    assert [factor.name for factor in breakdown.factors] == list(Factor)
    assert all(0 <= factor.points <= factor.maximum and factor.evidence for factor in breakdown.factors)
    assert breakdown.total == sum(factor.points for factor in breakdown.factors)
    assert 0 <= breakdown.total <= 100
    assert sum(factor.maximum for factor in breakdown.factors) == 100


@given(facts, st.sampled_from(CONDITIONS))
def test_a_worse_roof_never_scores_less(given_facts: LeadFacts, condition: RoofCondition) -> None:
    worse = CONDITIONS[min(condition.rank + 1, 4)]
    one, two = (
        score_lead(LeadFacts(given_facts.property_value, given_facts.roof_age_years, (), grade))
        for grade in (condition, worse)
    )
    assert two.total >= one.total


@given(st.lists(st.sampled_from(TRIGGERS), max_size=20))
def test_triggers_never_earn_more_than_25(some: list[Trigger]) -> None:
    assert points_of(score_lead(LeadFacts(triggers=tuple(some))), Factor.TRIGGERS) <= 25
