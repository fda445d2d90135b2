"""What repairing or replacing a roof costs, whether replacing pays, and how urgent it is (spec 3.4.3)."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from domain.ensemble import DamageVerdict, score_of
from domain.roof import DamageType, RoofCondition, RoofMaterial

TEN_DOLLARS = Decimal(10)
RATIO_LIMITS = (Decimal("-100.00"), Decimal("999.99"))


@dataclass(frozen=True, slots=True)
class Range:
    """US dollars, rounded to ten."""

    low: Decimal
    high: Decimal

    @property
    def middle(self) -> Decimal:
        """The mean of both ends."""
        return (self.low + self.high) / 2


@dataclass(frozen=True, slots=True)
class CostEstimate:
    """Repair is None when nothing needs repair. `roi_percent` is that of replacing over repairing."""

    repair: Range | None
    replacement: Range
    roi_percent: Decimal
    urgency: int
    evidence: tuple[str, ...]


# Material in US dollars per square foot of roof surface: (low, high).
MATERIAL_PER_SQFT: dict[RoofMaterial, tuple[Decimal, Decimal]] = {
    RoofMaterial.SHINGLE: (Decimal("1.40"), Decimal("2.60")),
    RoofMaterial.TILE: (Decimal("4.00"), Decimal("9.00")),
    RoofMaterial.METAL: (Decimal("3.50"), Decimal("8.00")),
    RoofMaterial.FLAT: (Decimal("2.20"), Decimal("4.50")),
    RoofMaterial.SLATE: (Decimal("8.00"), Decimal("16.00")),
}
# National hours of work per square foot, tear-off included: heavy and brittle materials take longer.
LABOR_HOURS_PER_SQFT: dict[RoofMaterial, Decimal] = {
    RoofMaterial.SHINGLE: Decimal("0.045"),
    RoofMaterial.TILE: Decimal("0.085"),
    RoofMaterial.METAL: Decimal("0.070"),
    RoofMaterial.FLAT: Decimal("0.055"),
    RoofMaterial.SLATE: Decimal("0.120"),
}
WASTE_FACTOR = Decimal("1.10")
DISPOSAL_PER_SQFT = (Decimal("0.40"), Decimal("0.70"))
PERMIT_AND_SETUP = (Decimal(350), Decimal(900))
OVERHEAD_FACTOR = Decimal("1.25")

# What an hour of a roofing crew member is billed at, US dollars: by state, dearer metros on their own.
NATIONAL_LABOR_RATE = Decimal(55)
STATE_LABOR_RATES: dict[str, Decimal] = {
    state: Decimal(rate)
    for rate, states in {
        44: "AL AR MS WV",
        47: "FL GA KY LA NC NM OK SC TN TX",
        51: "AZ ID IA KS MO MT NE ND SD UT VA WY",
        55: "CO DE IN ME MI NH NV OH VT WI",
        61: "MD MN OR PA RI",
        67: "AK CT IL WA",
        73: "CA DC HI MA NJ NY",
    }.items()
    for state in states.split()
}
METRO_LABOR_RATES: dict[tuple[str, str], Decimal] = {
    ("AUSTIN", "TX"): Decimal(51),
    ("DALLAS", "TX"): Decimal(50),
    ("HOUSTON", "TX"): Decimal(49),
    ("MIAMI", "FL"): Decimal(52),
    ("ATLANTA", "GA"): Decimal(51),
    ("DENVER", "CO"): Decimal(59),
    ("CHICAGO", "IL"): Decimal(74),
    ("SEATTLE", "WA"): Decimal(76),
    ("BOSTON", "MA"): Decimal(80),
    ("NEW YORK", "NY"): Decimal(88),
    ("SAN FRANCISCO", "CA"): Decimal(90),
    ("SAN JOSE", "CA"): Decimal(86),
    ("LOS ANGELES", "CA"): Decimal(78),
    ("SAN DIEGO", "CA"): Decimal(76),
}

# Material and labour of repairing one square foot as multiples of laying it new.
REPAIR_FACTORS: dict[DamageType, Decimal] = {
    DamageType.MISSING_SHINGLES: Decimal("1.6"),
    DamageType.CURLED_SHINGLES: Decimal("1.5"),
    DamageType.MOSS_ALGAE: Decimal("0.4"),
    DamageType.RUST_STAINS: Decimal("0.8"),
    DamageType.HAIL_DAMAGE: Decimal("1.5"),
    DamageType.CRACKED_TILES: Decimal("1.7"),
    DamageType.PONDING_WATER: Decimal("1.4"),
    DamageType.DAMAGED_FLASHING: Decimal("3.0"),
    DamageType.SAGGING: Decimal("4.0"),
    DamageType.TREE_DAMAGE: Decimal("2.5"),
}
REPAIR_CALL_OUT = (Decimal(250), Decimal(450))

# What a new roof gives back: part of its price at resale, and the repairs of ten years it spares.
RESALE_SHARE = Decimal("0.60")
REPAIRS_SPARED: dict[RoofCondition, Decimal] = {
    RoofCondition.EXCELLENT: Decimal("0.5"),
    RoofCondition.GOOD: Decimal("1.0"),
    RoofCondition.FAIR: Decimal("1.5"),
    RoofCondition.POOR: Decimal("2.5"),
    RoofCondition.CRITICAL: Decimal("3.5"),
}

# Urgency 0-100: grade and worst damage weigh most; what lets water in now and a recent storm add to it.
URGENCY_GRADE_SHARE, URGENCY_DAMAGE_SHARE = 0.5, 0.3
URGENCY_LEAK, URGENCY_STORM = 10, 10
LEAKING = frozenset(
    {
        DamageType.MISSING_SHINGLES,
        DamageType.DAMAGED_FLASHING,
        DamageType.SAGGING,
        DamageType.TREE_DAMAGE,
        DamageType.PONDING_WATER,
    }
)
LEAK_SEVERITY = 40

# Roof surface per square foot of living area of a one-storey house: eaves and pitch included.
ROOF_PER_LIVING_SQFT = 1.25


def estimate_costs(
    *,
    roof_sqft: float,
    material: RoofMaterial | None,
    condition: RoofCondition,
    damages: Sequence[DamageVerdict],
    city: str,
    state: str,
    recent_storm: bool = False,
) -> CostEstimate:
    """Repair and replacement ranges, ROI of replacing and urgency. An unknown material counts as shingle."""
    kind = material or RoofMaterial.SHINGLE
    rate = labor_rate(city, state)
    area = Decimal(str(round(roof_sqft, 1)))
    replacement = _replacement(area, kind, rate)
    repair = _repair(area, kind, rate, damages)
    roi = _roi(repair, replacement, condition)
    evidence = (
        f"{roof_sqft:,.0f} sq ft of {kind}{'' if material else ' (assumed)'}",
        f"roofing labour at ${rate} an hour",
        f"replacing gives back {RESALE_SHARE:.0%} at resale and spares {REPAIRS_SPARED[condition]} repairs",
    )
    return CostEstimate(
        repair,
        replacement,
        roi,
        urgency(condition, damages, recent_storm=recent_storm),
        evidence,
    )


def labor_rate(city: str, state: str) -> Decimal:
    """US dollars an hour: the metro's own rate, else the state's, else the national one."""
    by_state = STATE_LABOR_RATES.get(state.upper(), NATIONAL_LABOR_RATE)
    return METRO_LABOR_RATES.get((city.upper(), state.upper()), by_state)


def assumed_roof_sqft(living_sqft: float) -> float:
    """Roof surface in square feet when no overhead image measures it."""
    return living_sqft * ROOF_PER_LIVING_SQFT


def urgency(condition: RoofCondition, damages: Sequence[DamageVerdict], *, recent_storm: bool) -> int:
    """0 (no hurry) to 100 (now)."""
    worst = max((damage.severity for damage in damages), default=0)
    leaks = any(damage.damage in LEAKING and damage.severity >= LEAK_SEVERITY for damage in damages)
    total = URGENCY_GRADE_SHARE * score_of(condition) + URGENCY_DAMAGE_SHARE * worst
    total += URGENCY_LEAK * leaks + URGENCY_STORM * recent_storm
    return min(100, round(total))


def _per_sqft(kind: RoofMaterial, rate: Decimal) -> tuple[Decimal, Decimal]:
    low, high = MATERIAL_PER_SQFT[kind]
    labor = LABOR_HOURS_PER_SQFT[kind] * rate
    return (low + labor) * OVERHEAD_FACTOR, (high + labor) * OVERHEAD_FACTOR


def _replacement(area: Decimal, kind: RoofMaterial, rate: Decimal) -> Range:
    ends = [
        area * WASTE_FACTOR * per_sqft + area * disposal + setup
        for per_sqft, disposal, setup in zip(_per_sqft(kind, rate), DISPOSAL_PER_SQFT, PERMIT_AND_SETUP, strict=True)
    ]
    return Range(_round(ends[0]), _round(ends[1]))


def _repair(area: Decimal, kind: RoofMaterial, rate: Decimal, damages: Sequence[DamageVerdict]) -> Range | None:
    if not damages:
        return None
    factored = sum(
        (REPAIR_FACTORS[d.damage] * Decimal(str(round(d.share, 4))) * area for d in damages),
        Decimal(0),
    )
    low, high = _per_sqft(kind, rate)
    return Range(
        _round(REPAIR_CALL_OUT[0] + factored * low),
        _round(REPAIR_CALL_OUT[1] + factored * high),
    )


def _roi(repair: Range | None, replacement: Range, condition: RoofCondition) -> Decimal:
    cost = replacement.middle
    spared = (repair.middle if repair else Decimal(0)) * REPAIRS_SPARED[condition]
    roi = (cost * RESALE_SHARE + spared - cost) / cost * 100
    low, high = RATIO_LIMITS
    return min(max(roi, low), high).quantize(Decimal("0.01"), ROUND_HALF_UP)


def _round(amount: Decimal) -> Decimal:
    return (amount / TEN_DOLLARS).quantize(Decimal(1), ROUND_HALF_UP) * TEN_DOLLARS
