from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.costs import CostEstimate, assumed_roof_sqft, estimate_costs, labor_rate, urgency
from domain.ensemble import DamageVerdict
from domain.roof import CONDITIONS, DamageType, RoofCondition, RoofMaterial


def damage(kind: DamageType = DamageType.MISSING_SHINGLES, severity: int = 60, share: float = 0.06) -> DamageVerdict:
    return DamageVerdict(kind, severity, 80.0, share, None, ())


def estimate(
    sqft: float = 2000,
    material: RoofMaterial | None = RoofMaterial.SHINGLE,
    condition: RoofCondition = RoofCondition.POOR,
    damages: tuple[DamageVerdict, ...] = (damage(),),
    city: str = "Austin",
    state: str = "TX",
) -> CostEstimate:
    return estimate_costs(
        roof_sqft=sqft, material=material, condition=condition, damages=damages, city=city, state=state
    )


def test_a_shingle_roof_in_austin_costs_what_one_expects() -> None:
    replacement = estimate().replacement
    assert Decimal(8_000) < replacement.low < replacement.high < Decimal(20_000)
    repair = estimate().repair
    assert repair is not None
    assert Decimal(500) < repair.low < repair.high < replacement.low


def test_nothing_damaged_nothing_to_repair() -> None:
    assert estimate(damages=()).repair is None


@pytest.mark.parametrize(
    ("city", "state", "rate"),
    [
        ("austin", "tx", 51),
        ("Waco", "TX", 47),
        ("New York", "NY", 88),
        ("Springfield", "IL", 67),
        ("Hagatna", "GU", 55),
    ],
)
def test_labor_rate_by_metro_then_state_then_nation(city: str, state: str, rate: int) -> None:
    assert labor_rate(city, state) == rate


def test_dearer_labour_and_material_cost_more() -> None:
    assert estimate(city="Boston", state="MA").replacement.low > estimate().replacement.low
    assert (
        estimate(material=RoofMaterial.SLATE).replacement.low > estimate(material=RoofMaterial.SHINGLE).replacement.high
    )


def test_an_unknown_material_counts_as_shingle_and_says_so() -> None:
    assert estimate(material=None).replacement == estimate().replacement
    assert "(assumed)" in estimate(material=None).evidence[0]


def test_replacing_pays_more_the_worse_the_roof() -> None:
    returns = [estimate(condition=condition).roi_percent for condition in CONDITIONS]
    assert returns == sorted(returns)


@pytest.mark.parametrize(
    ("condition", "damages", "storm", "expected"),
    [
        (RoofCondition.EXCELLENT, (), False, 0),
        (RoofCondition.POOR, (damage(DamageType.MOSS_ALGAE, 60),), False, 56),
        (RoofCondition.POOR, (damage(severity=39),), False, 49),
        (RoofCondition.POOR, (damage(severity=40),), False, 60),
        (RoofCondition.CRITICAL, (damage(severity=100),), True, 100),
    ],
)
def test_urgency(condition: RoofCondition, damages: tuple[DamageVerdict, ...], storm: bool, expected: int) -> None:
    assert urgency(condition, damages, recent_storm=storm) == expected


def test_roof_is_larger_than_the_living_area() -> None:
    assert assumed_roof_sqft(1600) == 2000


@given(
    st.floats(50, 50_000),
    st.none() | st.sampled_from(RoofMaterial),
    st.sampled_from(CONDITIONS),
    st.lists(st.builds(damage, st.sampled_from(DamageType), st.integers(0, 100), st.floats(0, 1)), max_size=5).map(
        tuple
    ),
    st.sampled_from(["TX", "CA", "MS", "ZZ"]),
)
def test_ranges_are_ordered_and_everything_fits_its_column(
    sqft: float,
    material: RoofMaterial | None,
    condition: RoofCondition,
    damages: tuple[DamageVerdict, ...],
    state: str,
) -> None:
    found = estimate(sqft, material, condition, damages, "Somewhere", state)
    assert 0 < found.replacement.low < found.replacement.high < Decimal(10) ** 8
    assert found.repair is None or 0 < found.repair.low < found.repair.high < Decimal(10) ** 8
    assert Decimal(-100) <= found.roi_percent <= Decimal("999.99")
    assert 0 <= found.urgency <= 100


@given(st.floats(50, 50_000), st.floats(50, 50_000))
def test_a_larger_roof_never_costs_less(a: float, b: float) -> None:
    low, high = sorted((a, b))
    assert estimate(low).replacement.low <= estimate(high).replacement.low
