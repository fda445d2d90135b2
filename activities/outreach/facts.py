"""What a message may say: facts of the contractor and of its city, each left out where it would say too little."""

import secrets
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime, time, timedelta
from typing import Any
from uuid import UUID

from domain.matching import Tier
from domain.quiet_hours import load_zone
from domain.subscriptions import PLANS, PROMO_PERCENT_OFF, first_month
from schema.database import UnitOfWork
from schema.repositories.market_facts import Market, Won
from schema.tables import Contractor, OutreachCampaign, PromoCode, SequenceEnrollment

MINIMUM: Mapping[str, int] = {
    "recent": 5,
    "leads": 5,
    "permits": 20,
    "contractors": 3,
    "places": 1,
    "sold": 20,
    "jobs": 3,
}
"""A number below this says nothing, or says who it is about: then it is not claimed at all."""

EXTRAS: Mapping[Tier, str] = {
    Tier.STARTER: "basic analytics, e-mail support, leads shared within the city",
    Tier.PROFESSIONAL: "advanced analytics, phone support, ZIP code exclusivity, priority delivery",
    Tier.ENTERPRISE: "custom dashboard, account manager, city-wide exclusivity, API access, white label",
}
"""What each tier adds to its leads (spec 3.6.6)."""


def _advertised(leads: tuple[int, int | None]) -> str:
    low, high = leads
    return f"{low}+" if high is None else f"{low}-{high}"


PLAN_FACTS: tuple[dict[str, Any], ...] = tuple(
    {
        "name": tier.value.capitalize(),
        "fee": plan.fee,
        "leads": _advertised(plan.leads),
        "extras": EXTRAS[tier],
        "first_month": first_month(tier, PROMO_PERCENT_OFF),
    }
    for tier, plan in PLANS.items()
)

OFFER_DAYS = 14
"""The offer ends with the day of the sequence's last letter (spec 3.6.4)."""
OFFER_AT_LEAST = timedelta(days=5)
"""Whoever hears of it late has this long all the same."""
POSTCARD_DAYS = 60
"""A card is on its way for days, and lies on a desk for weeks."""

WITH_OFFER = frozenset({"limited_offer", "final_follow_up", "proposal", "proposal_last_call"})
WITH_WON = frozenset({"case_study"})
WITHOUT_MARKET = frozenset(
    {"demo_preparation", "demo_reminder", "demo_starts_soon", "demo_missed", "proposal_follow_up", "connection_request"}
)
WITH_LINK = frozenset(
    {
        "cold_introduction", "value_proposition", "case_study", "social_proof", "limited_offer", "final_follow_up",
        "check_in", "demo_invitation", "demo_invitation_reminder", "demo_missed", "call_follow_up", "proposal",
        "proposal_follow_up", "proposal_last_call", "nurture",
    }
)  # fmt: skip
"""Templates that ask for a time."""

ALPHABET = "34679ACDEFGHJKMNPQRTUVWXY"
"""No two characters that are taken for each other when read aloud, copied by hand, or printed small."""
CODE_LENGTH = 8
TRIES = 5


def new_code() -> str:
    """A promo code such as `ROOF-7K4M-QX9D`: 25^8 of them, so that nobody guesses one."""
    drawn = "".join(secrets.choice(ALPHABET) for _ in range(CODE_LENGTH))
    return f"ROOF-{drawn[:4]}-{drawn[4:]}"


def first_name(owner: str | None) -> str | None:
    """What to call somebody in a greeting; None for what does not look like a person's name."""
    words = (owner or "").split()
    if not 1 <= len(words) <= 4:
        return None
    first = words[0].strip(",.")
    if len(first) < 2 or not first.replace("-", "").replace("'", "").isalpha():
        return None
    return first.capitalize() if first.isupper() or first.islower() else first


def about(contractor: Contractor, campaign: OutreachCampaign) -> dict[str, Any]:
    """Whom a message is to."""
    name = first_name(contractor.owner_name)
    return {
        "name": name,
        "greeting": f"Hi {name}," if name else "Hello,",
        "company": contractor.company_name,
        "city": contractor.city or campaign.target_city,
        "state": contractor.state or campaign.target_state,
    }


def telling(name: str, number: int) -> int | None:
    """The number, if it is large enough to be worth a claim."""
    return number if number >= MINIMUM[name] else None


def market_claims(market: Market) -> dict[str, Any]:
    """What may be claimed of a city."""
    return {
        "recent": telling("recent", market.recent),
        "leads": telling("leads", market.available),
        "permits": telling("permits", market.permits),
        "contractors": telling("contractors", market.contractors),
        "places": telling("places", market.places),
    }


def won_claim(won: Won) -> dict[str, Any] | None:
    """What may be claimed of what leads turned into; None while too few were sold or done."""
    if telling("sold", won.sold) is None or telling("jobs", won.jobs) is None:
        return None
    return {"sold": won.sold, "jobs": won.jobs, "percent": won.jobs * 100 // won.sold, "value": won.value}


async def gather(
    tx: UnitOfWork,
    template: str,
    contractor: Contractor,
    campaign: OutreachCampaign,
    enrollment: SequenceEnrollment | None,
    now: datetime,
) -> dict[str, Any]:
    """The facts for a template, counted now."""
    facts = about(contractor, campaign)
    city, state = facts["city"], facts["state"]
    if template not in WITHOUT_MARKET and city and state:
        facts |= market_claims(await tx.market_facts.market(city, state, now))
        sample = await tx.market_facts.sample(city, state)
        facts["sample"] = asdict(sample) if sample is not None else None
    if template in WITH_WON:
        facts["won"] = won_claim(await tx.market_facts.won(now))
    if template in WITH_OFFER:
        ends = offer_ends(contractor.timezone, enrollment.enrolled_at if enrollment else now, now)
        code = await promo_code(tx, contractor.id, campaign.id, "email", ends)
        facts["offer"] = offer_claim(code, contractor.timezone, now)
    if template == "postcard":
        ends = now + timedelta(days=POSTCARD_DAYS)
        code = await promo_code(tx, contractor.id, campaign.id, "direct_mail", ends)
        facts["offer"] = offer_claim(code, contractor.timezone, now)
    if template == "proposal":
        facts["plans"] = PLAN_FACTS
    return facts


def offer_ends(zone: str | None, enrolled_at: datetime, now: datetime) -> datetime:
    """The end of a local day: that of the last letter, or of a few days from now where that is later."""
    place = load_zone(zone) or UTC
    moment = max(enrolled_at + timedelta(days=OFFER_DAYS), now + OFFER_AT_LEAST).astimezone(place)
    return datetime.combine(moment.date(), time(23, 59, 59), place).astimezone(UTC)


async def promo_code(
    tx: UnitOfWork, contractor_id: UUID, campaign_id: UUID, channel: str, ends: datetime
) -> PromoCode | None:
    """The contractor's code on this channel; the first message that mentions it makes it, and it never changes."""
    known = await tx.outreach.offered(contractor_id, campaign_id, channel)
    for _ in range(TRIES):
        if known is not None:
            break
        known = await tx.outreach.offer(new_code(), contractor_id, campaign_id, channel, PROMO_PERCENT_OFF, ends)
    return known


def offer_claim(code: PromoCode | None, zone: str | None, now: datetime) -> dict[str, Any] | None:
    """What may be said of an offer; None once it is over or used."""
    if code is None or code.redeemed_at is not None or (code.expires_at is not None and code.expires_at <= now):
        return None
    place = load_zone(zone) or UTC
    expires = code.expires_at.astimezone(place) if code.expires_at is not None else None
    return {
        "percent": code.percent_off,
        "code": code.code,
        "expires": expires,
        "tonight": expires is not None and expires.date() == now.astimezone(place).date(),
    }
