"""Price of a lead in US dollars (spec 3.5.2)."""

from dataclasses import dataclass
from datetime import timedelta
from decimal import ROUND_HALF_UP, Decimal

CENT = Decimal("0.01")

# Score from which on, price.
PRICE_BANDS = (
    (90, Decimal(200)),
    (80, Decimal(175)),
    (70, Decimal(150)),
    (60, Decimal(125)),
)
URGENCY_PREMIUM = Decimal("1.2")
EXCLUSIVITY_PREMIUM = Decimal("1.1")
DEMAND_PREMIUM = Decimal("1.15")
# "Multiple contractors interested" (spec 3.5.2) means at least this many.
DEMAND_MINIMUM = 2
# How long a lead stays on the market (`base_leads.available_until`); the spec names no limit.
LISTED_FOR = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Price:
    """What a lead costs and how it came about; `evidence` lists base and premiums in order."""

    amount: Decimal
    evidence: tuple[str, ...]


def price_lead(
    score: int,
    *,
    urgent: bool = False,
    exclusive_territory: bool = False,
    interested_contractors: int = 0,
) -> Price | None:
    """Base price by score times every premium that applies; None below 60: not for sale.

    Premiums multiply exactly; the product is rounded once, half up, to cents.
    """
    base = next((price for floor, price in PRICE_BANDS if score >= floor), None)
    if base is None:
        return None
    premiums = (
        (urgent, URGENCY_PREMIUM, "hail or storm damage"),
        (exclusive_territory, EXCLUSIVITY_PREMIUM, "exclusive territory"),
        (
            interested_contractors >= DEMAND_MINIMUM,
            DEMAND_PREMIUM,
            "several contractors interested",
        ),
    )
    amount = base
    evidence = [f"base ${base} for a score of {score}"]
    for applies, factor, why in premiums:
        if applies:
            amount *= factor
            evidence.append(f"×{factor} {why}")
    return Price(amount.quantize(CENT, ROUND_HALF_UP), tuple(evidence))
