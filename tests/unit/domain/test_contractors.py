from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.contractors import ContractorFacts, employees_from_range, lifetime_value, score_contractor

BEST = ContractorFacts(
    has_website=True,
    has_email=True,
    google_rating=4.5,
    google_reviews=50,
    bbb_accredited=True,
    employees=20,
    years_in_business=10,
    in_target_city=True,
    residential=True,
    roof_types=2,
    insurance_restoration=True,
    licensed=True,
    manufacturer_certified=True,
    active_social_media=True,
    days_since_review=30,
    urban=True,
)


def factor(facts: ContractorFacts, name: str) -> int:
    return next(part.points for part in score_contractor(facts).fit_factors if part.name == name)


def test_the_best_contractor_has_a_hundred_of_both() -> None:
    score = score_contractor(BEST)
    assert (score.fit, score.likelihood, score.priority) == (100, 100, Decimal("100.00"))


def test_nothing_known_earns_nothing() -> None:
    score = score_contractor(ContractorFacts())
    assert (score.fit, score.likelihood, score.priority) == (0, 0, 0)
    assert score.ltv == Decimal("6000.00")


@pytest.mark.parametrize(
    ("employees", "points"),
    [(None, 0), (0, 5), (1, 5), (2, 10), (4, 10), (5, 15), (9, 15), (10, 20), (50, 20), (51, 15)],
)
def test_size(employees: int | None, points: int) -> None:
    assert factor(replace(BEST, employees=employees), "business_size") == points


@pytest.mark.parametrize(("years", "points"), [(None, 0), (1, 0), (2, 5), (4, 5), (5, 10), (9, 10), (10, 15)])
def test_experience(years: int | None, points: int) -> None:
    assert factor(replace(BEST, years_in_business=years), "experience") == points


@pytest.mark.parametrize(("miles", "points"), [(None, 0), (0, 10), (25, 10), (25.1, 5), (50, 5), (50.1, 0)])
def test_location_outside_the_city(miles: float | None, points: int) -> None:
    assert factor(replace(BEST, in_target_city=False, miles_to_city=miles), "location") == points


@pytest.mark.parametrize(
    ("change", "points"),
    [
        ({"google_rating": 4.49}, 15),
        ({"google_rating": None}, 15),
        ({"google_reviews": 49}, 15),
        ({"has_website": False}, 15),
        ({"bbb_accredited": False}, 15),
    ],
)
def test_online_presence(change: dict[str, object], points: int) -> None:
    assert factor(replace(BEST, **change), "online_presence") == points  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("change", "likelihood"),
    [
        ({"has_website": False}, 70),
        ({"has_email": False}, 80),
        ({"active_social_media": False}, 85),
        ({"days_since_review": 31}, 85),
        ({"days_since_review": None}, 85),
        ({"employees": 4}, 80),
        ({"employees": 5}, 100),
        ({"employees": 50}, 100),
        ({"employees": 51}, 80),
        ({"employees": None}, 80),
    ],
)
def test_likelihood(change: dict[str, object], likelihood: int) -> None:
    assert score_contractor(replace(BEST, **change)).likelihood == likelihood  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("employees", "rating", "urban", "ltv"),
    [
        (10, None, False, "60000.00"),
        (9, None, False, "24000.00"),
        (5, None, False, "24000.00"),
        (4, None, False, "6000.00"),
        (10, 4.5, False, "78000.00"),
        (10, 4.5, True, "117000.00"),
        (4, 4.4, True, "9000.00"),
    ],
)
def test_lifetime_value(employees: int, rating: float | None, urban: bool, ltv: str) -> None:
    facts = ContractorFacts(employees=employees, google_rating=rating, urban=urban)
    assert lifetime_value(facts) == Decimal(ltv)


@pytest.mark.parametrize(
    ("text", "employees"),
    [
        ("1-5", 3),
        ("5-10", 7),
        ("10-50", 30),
        ("10 – 50", 30),
        ("10 to 50", 30),
        ("50+", 51),
        ("8", 8),
        ("", None),
        (None, None),
        ("many", None),
        ("-3", None),
    ],
)
def test_employee_ranges(text: str | None, employees: int | None) -> None:
    assert employees_from_range(text) == employees


@given(
    st.builds(
        ContractorFacts,
        google_rating=st.none() | st.floats(0, 5),
        google_reviews=st.integers(0, 10_000),
        employees=st.none() | st.integers(0, 10_000),
        years_in_business=st.none() | st.integers(0, 200),
        miles_to_city=st.none() | st.floats(0, 5000),
        roof_types=st.integers(0, 20),
        days_since_review=st.none() | st.integers(0, 5000),
        **dict.fromkeys(
            (
                "has_website",
                "has_email",
                "bbb_accredited",
                "in_target_city",
                "residential",
                "insurance_restoration",
                "licensed",
                "manufacturer_certified",
                "active_social_media",
                "urban",
            ),
            st.booleans(),
        ),
    )
)
def test_scores_are_bounded_sums(facts: ContractorFacts) -> None:
    score = score_contractor(facts)
    assert 0 <= score.fit <= 100
    assert 0 <= score.likelihood <= 100
    assert score.priority * 2 == score.fit + score.likelihood
    assert all(0 <= part.points <= part.maximum for part in (*score.fit_factors, *score.likelihood_factors))
    assert sum(part.maximum for part in score.fit_factors) == 100
    assert sum(part.maximum for part in score.likelihood_factors) == 100
