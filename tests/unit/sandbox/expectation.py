"""What the spec's rules make of a sandbox house when every fact is true."""

from decimal import Decimal

from domain.age import RoofPermit, roof_age
from domain.geo import Point, miles_between
from domain.scoring import LeadFacts, ScoreBreakdown, score_lead
from domain.triggers import (
    NEIGHBOR_RADIUS_MILES,
    Storm,
    StormType,
    Surroundings,
    Trigger,
    detect,
)
from sandbox.city import House
from sandbox.world import Town

NEIGHBOUR_DAYS = 30


def true_score(town: Town, house: House) -> ScoreBreakdown:
    """The score of spec 3.5.1 from the sandbox's truth and what its portals tell."""
    owner = house.owner
    return score_lead(
        LeadFacts(
            property_value=Decimal(house.value),
            roof_age_years=recorded_age(town, house),
            triggers=true_triggers(town, house),
            condition=house.roof.condition,
            email_found=owner.email is not None and owner.mail_status in ("valid", "catch-all", "unknown"),
            email_verified=owner.email is not None and owner.mail_status == "valid",
            phone_found=owner.phone is not None,
        )
    )


def recorded_age(town: Town, house: House) -> int | None:
    """The roof's age in years as the permits on file and the county have it."""
    replaced = [
        RoofPermit(permit.issued, house.roofed)
        for permit in town.permits
        if permit.house is house and permit.replaces_roof
    ]
    return roof_age(replaced, house.year_built, town.city.today).years


def true_triggers(town: Town, house: House) -> tuple[Trigger, ...]:
    """Triggers of spec 3.5.3 around a house."""
    today = town.city.today
    around = Surroundings(
        neighbor_permits_30d=len(neighbours(town, house)),
        last_neighbor_permit=max((permit for permit in neighbours(town, house)), default=None),
        storms=tuple(
            Storm(
                StormType(storm.kind),
                storm.day,
                max(0.0, miles_between(Point(storm.lat, storm.lng), _at(house)) - storm.radius_miles),
                storm.hail_inches or None,
                storm.wind_mph,
            )
            for storm in town.city.storms
        ),
        roof_age_years=recorded_age(town, house),
        last_sale=house.sale_date,
    )
    return detect(around, today)


def neighbours(town: Town, house: House) -> list:  # type: ignore[type-arg]
    """Issue dates of other houses' roofing permits within a quarter mile and 30 days, where the feed has a place."""
    return [
        permit.issued
        for permit in town.permits
        if permit.kind.roofing
        and permit.house is not house
        and "latitude" in permit.row
        and (town.city.today - permit.issued).days <= NEIGHBOUR_DAYS
        and miles_between(_at(permit.house), _at(house)) <= NEIGHBOR_RADIUS_MILES
    ]


def _at(house: House) -> Point:
    return Point(house.lat, house.lng)
