"""Quality score of a lead, 0-100, and its grade (spec 3.5.1; boundaries in decision 0001)."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any

from domain import triggers as trigger_rules
from domain.bands import Band, band_for
from domain.roof import RoofCondition
from domain.triggers import Trigger


class Grade(StrEnum):
    """Grades of spec 3.5.1; F is not for sale."""

    A = "A"
    B = "B"
    C = "C"
    D = "D"
    F = "F"


class Factor(StrEnum):
    """The six factors, in the spec's order."""

    PROPERTY_VALUE = "property_value"
    ROOF_AGE = "roof_age"
    TRIGGERS = "triggers"
    ROOF_CONDITION = "roof_condition"
    CONTACT_QUALITY = "contact_quality"
    DATA_COMPLETENESS = "data_completeness"


@dataclass(frozen=True, slots=True)
class LeadFacts:
    """What scoring looks at. `condition` is None when there is no usable image; money in US dollars."""

    property_value: Decimal | None = None
    roof_age_years: float | None = None
    triggers: tuple[Trigger, ...] = ()
    condition: RoofCondition | None = None
    email_found: bool = False
    email_verified: bool = False
    phone_found: bool = False
    missing_fields: tuple[str, ...] = ()
    roof_age_evidence: str | None = None
    condition_evidence: str | None = None


@dataclass(frozen=True, slots=True)
class FactorScore:
    """Points of one factor and why, in words without personal data."""

    name: Factor
    points: int
    maximum: int
    evidence: str


@dataclass(frozen=True, slots=True)
class ScoreBreakdown:
    """All six factors; `total` is their sum."""

    factors: tuple[FactorScore, ...]
    total: int
    grade: Grade


MINIMUM_SCORE = 60

VALUE_BANDS = (
    Band(Decimal(500_000), 20, "worth more than $500K", exclusive=True),
    Band(Decimal(300_000), 15, "worth $300K to $500K"),
    Band(Decimal(200_000), 10, "worth $200K to below $300K"),
    Band(Decimal(100_000), 5, "worth $100K to below $200K"),
    Band(Decimal(0), 0, "worth less than $100K"),
)
AGE_BANDS = (
    Band(25, 20, "older than 25 years", exclusive=True),
    Band(20, 15, "20 to 25 years old"),
    Band(15, 10, "15 to below 20 years old"),
    Band(10, 5, "10 to below 15 years old"),
    Band(0, 0, "less than 10 years old"),
)
CONDITION_POINTS = {
    RoofCondition.CRITICAL: 20,
    RoofCondition.POOR: 15,
    RoofCondition.FAIR: 10,
    RoofCondition.GOOD: 5,
    RoofCondition.EXCELLENT: 0,
}
# (verified e-mail, e-mail, phone) -> points; the first row that fits wins. None: either way.
CONTACT_POINTS: tuple[tuple[tuple[bool | None, bool | None, bool | None], int, str], ...] = (
    ((True, True, True), 10, "verified e-mail and phone"),
    ((True, True, None), 7, "verified e-mail"),
    ((None, True, None), 4, "unverified e-mail"),
    ((None, None, True), 4, "phone only"),
    ((None, None, None), 0, "no contact information"),
)
MISSING_BANDS = (
    Band(3, 0, "three or more fields missing"),
    Band(1, 3, "one or two fields missing"),
    Band(0, 5, "all fields complete"),
)
GRADES = (
    (90, Grade.A),
    (80, Grade.B),
    (70, Grade.C),
    (MINIMUM_SCORE, Grade.D),
    (0, Grade.F),
)

# What a complete lead has. Contacts are not among them: factor 5 already counts those.
REQUIRED_FIELDS = (
    "zip",
    "location",
    "property_value",
    "year_built",
    "sqft",
    "owner_name",
    "roof_age",
    "roof_condition",
    "roof_sqft",
)


def score_lead(facts: LeadFacts) -> ScoreBreakdown:
    """Add up the six factors. Unknown facts earn nothing and say so."""
    factors = (
        _value(facts),
        _age(facts),
        _triggers(facts),
        _condition(facts),
        _contact(facts),
        _completeness(facts),
    )
    total = sum(factor.points for factor in factors)
    return ScoreBreakdown(factors, total, grade_for(total))


def grade_for(score: int) -> Grade:
    """A from 90, B from 80, C from 70, D from 60, else F."""
    return next((grade for floor, grade in GRADES if score >= floor), Grade.F)


def missing_fields(values: Mapping[str, Any]) -> tuple[str, ...]:
    """The required fields that have no value."""
    return tuple(name for name in REQUIRED_FIELDS if values.get(name) in (None, ""))


def _value(facts: LeadFacts) -> FactorScore:
    if facts.property_value is None:
        return FactorScore(Factor.PROPERTY_VALUE, 0, 20, "property value unknown")
    band = band_for(VALUE_BANDS, facts.property_value)
    return FactorScore(Factor.PROPERTY_VALUE, band.points, 20, f"property {band.label}")


def _age(facts: LeadFacts) -> FactorScore:
    why = f" ({facts.roof_age_evidence})" if facts.roof_age_evidence else ""
    if facts.roof_age_years is None:
        return FactorScore(Factor.ROOF_AGE, 0, 20, f"roof age unknown{why}")
    band = band_for(AGE_BANDS, facts.roof_age_years)
    return FactorScore(Factor.ROOF_AGE, band.points, 20, f"roof {band.label}{why}")


def _triggers(facts: LeadFacts) -> FactorScore:
    points = trigger_rules.points(facts.triggers)
    evidence = "; ".join(f"{t.evidence} (+{t.points})" for t in facts.triggers if t.points) or "no scoring trigger"
    return FactorScore(Factor.TRIGGERS, points, trigger_rules.MAX_POINTS, evidence)


def _condition(facts: LeadFacts) -> FactorScore:
    why = f" ({facts.condition_evidence})" if facts.condition_evidence else ""
    if facts.condition is None:
        return FactorScore(
            Factor.ROOF_CONDITION,
            0,
            20,
            f"roof condition unknown{why or ' (no usable imagery)'}",
        )
    points = CONDITION_POINTS[facts.condition]
    return FactorScore(Factor.ROOF_CONDITION, points, 20, f"roof in {facts.condition} condition{why}")


def _contact(facts: LeadFacts) -> FactorScore:
    have = (
        facts.email_verified and facts.email_found,
        facts.email_found,
        facts.phone_found,
    )
    for wanted, points, label in CONTACT_POINTS:
        if all(want is None or want == has for want, has in zip(wanted, have, strict=True)):
            return FactorScore(Factor.CONTACT_QUALITY, points, 10, label)
    raise AssertionError("the last row of CONTACT_POINTS fits everything")


def _completeness(facts: LeadFacts) -> FactorScore:
    band = band_for(MISSING_BANDS, len(facts.missing_fields))
    missing = f": {', '.join(facts.missing_fields)}" if facts.missing_fields else ""
    return FactorScore(Factor.DATA_COMPLETENESS, band.points, 5, band.label + missing)
