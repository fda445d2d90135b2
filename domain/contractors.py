"""How well a contractor fits, how likely it signs up and what it is worth (spec 3.6.3; boundaries in decision 0001)."""

import re
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from domain.bands import Band, Number, band_for


@dataclass(frozen=True, slots=True)
class ContractorFacts:
    """What scoring looks at; None means unknown and earns nothing."""

    has_website: bool = False
    has_email: bool = False
    google_rating: float | None = None
    google_reviews: int = 0
    bbb_accredited: bool = False
    employees: int | None = None
    years_in_business: int | None = None
    in_target_city: bool = False
    miles_to_city: float | None = None
    residential: bool = False
    roof_types: int = 0
    insurance_restoration: bool = False
    licensed: bool = False
    manufacturer_certified: bool = False
    active_social_media: bool = False
    days_since_review: int | None = None
    urban: bool = False


@dataclass(frozen=True, slots=True)
class Points:
    """Points of one factor and why."""

    name: str
    points: int
    maximum: int
    evidence: str


@dataclass(frozen=True, slots=True)
class ContractorScore:
    """Fit and likelihood 0-100, priority their mean, lifetime value of twelve months in US dollars."""

    fit: int
    fit_factors: tuple[Points, ...]
    likelihood: int
    likelihood_factors: tuple[Points, ...]
    ltv: Decimal
    priority: Decimal


RATING_MINIMUM = 4.5
REVIEWS_MINIMUM = 50
ROOF_TYPES_MINIMUM = 2
RECENT_REVIEW_DAYS = 30
MODERATE_SIZE = (5, 50)

SIZE_BANDS = (
    Band(50, 15, "more than 50 employees", exclusive=True),
    Band(10, 20, "10 to 50 employees"),
    Band(5, 15, "5 to 9 employees"),
    Band(2, 10, "2 to 4 employees"),
    Band(0, 5, "solo operator"),
)
EXPERIENCE_BANDS = (
    Band(10, 15, "10 years and more in business"),
    Band(5, 10, "5 to 9 years in business"),
    Band(2, 5, "2 to 4 years in business"),
    Band(0, 0, "less than 2 years in business"),
)
DISTANCE_BANDS = (
    Band(50, 0, "more than 50 miles away", exclusive=True),
    Band(25, 5, "within 50 miles", exclusive=True),
    Band(0, 10, "within 25 miles"),
)
LTV_BASES = ((10, Decimal(5000)), (5, Decimal(2000)), (0, Decimal(500)))
LTV_RATING_FACTOR = Decimal("1.3")
LTV_URBAN_FACTOR = Decimal("1.5")
LTV_MONTHS = 12


def score_contractor(facts: ContractorFacts) -> ContractorScore:
    """All four scores of spec 3.6.3."""
    fit_factors = _fit(facts)
    likelihood_factors = _likelihood(facts)
    fit = sum(factor.points for factor in fit_factors)
    likelihood = sum(factor.points for factor in likelihood_factors)
    return ContractorScore(
        fit=fit,
        fit_factors=fit_factors,
        likelihood=likelihood,
        likelihood_factors=likelihood_factors,
        ltv=lifetime_value(facts),
        priority=(Decimal(fit + likelihood) / 2).quantize(Decimal("0.01")),
    )


def lifetime_value(facts: ContractorFacts) -> Decimal:
    """Twelve months of revenue in US dollars; an unknown size counts as the smallest."""
    monthly = next(base for floor, base in LTV_BASES if (facts.employees or 0) >= floor)
    if _well_rated(facts):
        monthly *= LTV_RATING_FACTOR
    if facts.urban:
        monthly *= LTV_URBAN_FACTOR
    return (monthly * LTV_MONTHS).quantize(Decimal("0.01"), ROUND_HALF_UP)


def employees_from_range(text: str | None) -> int | None:
    """Middle of a range such as "10-50", the number of "8", one more than the floor of "50+"; None if unreadable."""
    match = re.fullmatch(r"\s*(\d{1,6})\s*(?:(\+)|(?:[-–]|to)\s*(\d{1,6}))?\s*", text or "")
    if not match:
        return None
    low, plus, high = match.groups()
    if plus:
        return int(low) + 1
    return (int(low) + int(high)) // 2 if high else int(low)


def _well_rated(facts: ContractorFacts) -> bool:
    return facts.google_rating is not None and facts.google_rating >= RATING_MINIMUM


def _fit(facts: ContractorFacts) -> tuple[Points, ...]:
    return (
        _sum(
            "online_presence",
            20,
            (facts.has_website, 5, "website"),
            (_well_rated(facts), 5, f"Google rating of {RATING_MINIMUM} or better"),
            (facts.google_reviews >= REVIEWS_MINIMUM, 5, f"{REVIEWS_MINIMUM} Google reviews or more"),
            (facts.bbb_accredited, 5, "BBB accredited"),
        ),
        _band("business_size", 20, SIZE_BANDS, facts.employees),
        _band("experience", 15, EXPERIENCE_BANDS, facts.years_in_business),
        _location(facts),
        _sum(
            "specialization",
            15,
            (facts.residential, 5, "residential roofing"),
            (facts.roof_types >= ROOF_TYPES_MINIMUM, 5, "several roof types"),
            (facts.insurance_restoration, 5, "insurance restoration"),
        ),
        _sum(
            "licensing",
            15,
            (facts.licensed, 10, "valid state license"),
            (facts.manufacturer_certified, 5, "manufacturer certification"),
        ),
    )


def _likelihood(facts: ContractorFacts) -> tuple[Points, ...]:
    low, high = MODERATE_SIZE
    reviewed = facts.days_since_review is not None and facts.days_since_review <= RECENT_REVIEW_DAYS
    moderate = facts.employees is not None and low <= facts.employees <= high
    return (
        _sum("website", 30, (facts.has_website, 30, "website")),
        _sum("email", 20, (facts.has_email, 20, "e-mail known")),
        _sum("social_media", 15, (facts.active_social_media, 15, "active on social media")),
        _sum("recently_reviewed", 15, (reviewed, 15, f"reviewed in the last {RECENT_REVIEW_DAYS} days")),
        _sum("moderate_size", 20, (moderate, 20, f"{low} to {high} employees")),
    )


def _location(facts: ContractorFacts) -> Points:
    if facts.in_target_city:
        return Points("location", 15, 15, "in the target city")
    return _band("location", 15, DISTANCE_BANDS, facts.miles_to_city)


def _band(name: str, maximum: int, bands: tuple[Band, ...], value: Number | None) -> Points:
    if value is None:
        return Points(name, 0, maximum, "unknown")
    band = band_for(bands, value)
    return Points(name, band.points, maximum, band.label)


def _sum(name: str, maximum: int, *parts: tuple[bool, int, str]) -> Points:
    held = [(points, label) for holds, points, label in parts if holds]
    return Points(name, sum(points for points, _ in held), maximum, ", ".join(label for _, label in held) or "none")
