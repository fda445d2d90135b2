"""The sandbox's own endpoints: its truth, its mailbox, its faults. No vendor has these."""

from collections import Counter
from datetime import date, timedelta
from typing import Annotated, Any
from uuid import UUID, uuid5

from fastapi import APIRouter, HTTPException, Query
from pydantic import BaseModel, ConfigDict

from domain.matching import Tier
from domain.subscriptions import PLANS
from sandbox.city import City, Company, House, Person, Storm
from sandbox.companies import truth as company_truth
from sandbox.faults import Fault, Faults
from sandbox.permits import Permit
from sandbox.world import Mail, Town, World

Days = Annotated[int, Query(ge=0, le=36_500)]
COMPANY_IDS = UUID("a4d1a1e0-5a0c-5a57-8a52-0a6c0c6f5d11")


class Target(BaseModel):
    """Where webhooks go, and the address the vendors were told if that is another."""

    model_config = ConfigDict(extra="forbid")

    base_url: str
    public_url: str = ""


def router(world: World, faults: Faults) -> APIRouter:
    """Routes under /control."""
    routes = APIRouter(prefix="/control")
    for add in (_add_truth, _add_outside, _add_mailbox, _add_webhooks):
        add(routes, world)
    _add_faults(routes, faults)
    return routes


def _add_truth(routes: APIRouter, world: World) -> None:

    @routes.get("/health")
    def health() -> dict[str, Any]:
        return {"status": "ok", "seed": world.seed, "houses": world.houses, "today": world.today.isoformat()}

    @routes.get("/cities")
    def cities(base_url: str = "") -> list[dict[str, Any]]:
        return [city_config(town.city, base_url.rstrip("/")) for town in world.towns.values()]

    @routes.get("/houses")
    def houses(city: str = "austin") -> list[dict[str, Any]]:
        town = _town(world, city)
        return [house_truth(house) for house in town.city.houses]

    @routes.get("/truth")
    def truth(address: str) -> dict[str, Any]:
        for town in world.towns.values():
            house = town.city.find(address)
            if house:
                permits = [permit_truth(permit) for permit in town.permits if permit.house is house]
                return house_truth(house) | {"permits": permits}
        raise HTTPException(404, "No house has this address.")

    @routes.get("/people")
    def people() -> list[str]:
        found = [person for town in world.towns.values() for person in town.city.people]
        strings = {text for person in found for text in person.strings}
        strings |= {
            house.mailing
            for town in world.towns.values()
            for house in town.city.houses
            if not house.owner_occupied and not house.owner.company
        }
        return sorted(strings)


def _add_outside(routes: APIRouter, world: World) -> None:
    @routes.get("/permits")
    def permits(recent_days: Days = 30, roofing: bool | None = None, city: str = "austin") -> list[dict[str, Any]]:
        since = world.today - timedelta(days=recent_days)
        found = [permit for permit in _town(world, city).permits if permit.issued >= since]
        return [permit_truth(permit) for permit in found if roofing is None or permit.kind.roofing == roofing]

    @routes.get("/contractors")
    def contractors() -> list[dict[str, Any]]:
        cities = [town.city for town in world.towns.values()]
        return [contractor(city, company, world.today) for city in cities for company in city.companies]

    @routes.get("/companies")
    def companies(city: str = "austin") -> list[dict[str, Any]]:
        return list(company_truth(_town(world, city).directory))

    @routes.get("/storms")
    def storms() -> list[dict[str, Any]]:
        return [storm_event(town.city, storm) for town in world.towns.values() for storm in town.city.storms]


def _add_mailbox(routes: APIRouter, world: World) -> None:
    @routes.get("/mailbox")
    def mailbox(to: str | None = None) -> dict[str, Any]:
        mails = [mail for mail in world.mailbox.mails if to is None or mail.to == to.lower()]
        return {
            "count": len(mails),
            "by_recipient": dict(Counter(mail.to for mail in mails)),
            "by_custom_args": dict(Counter(_arguments(mail) for mail in mails)),
            "mails": [_mail(mail) for mail in mails],
        }

    @routes.delete("/mailbox")
    def empty_mailbox() -> dict[str, int]:
        removed = len(world.mailbox.mails)
        world.mailbox.mails.clear()
        return {"removed": removed}


def _add_webhooks(routes: APIRouter, world: World) -> None:
    @routes.get("/webhooks")
    async def webhooks() -> dict[str, Any]:
        return world.webhooks.report()

    @routes.post("/webhooks")
    async def aim_webhooks(target: Target) -> dict[str, Any]:
        await world.webhooks.aim(target.base_url, target.public_url)
        return world.webhooks.report()

    @routes.delete("/webhooks")
    async def stop_webhooks() -> dict[str, Any]:
        await world.webhooks.aim("")
        return world.webhooks.report()


def _add_faults(routes: APIRouter, faults: Faults) -> None:
    @routes.get("/faults")
    def list_faults() -> list[dict[str, Any]]:
        return [{**active.fault.model_dump(), "asked": active.asked, "hits": active.hits} for active in faults.active]

    @routes.post("/faults", status_code=201)
    async def add_fault(fault: Fault) -> dict[str, Any]:
        faults.add(fault)
        return fault.model_dump()

    @routes.delete("/faults")
    async def clear_faults() -> dict[str, int]:
        ended = len(faults.active)
        faults.clear()
        return {"ended": ended}

    @routes.get("/stats")
    def stats() -> dict[str, Any]:
        return {
            "requests": dict(faults.requests),
            "paths": dict(faults.paths),
            "faults": dict(faults.struck),
        }

    @routes.delete("/stats")
    def reset_stats() -> dict[str, str]:
        faults.reset_counts()
        return {"status": "reset"}


def city_config(city: City, base_url: str) -> dict[str, Any]:
    """What `target_cities` needs in order to point at this sandbox."""
    spec = city.spec
    return {
        "city": spec.city,
        "state": spec.state,
        "permit_search_strategy": "socrata",
        "permit_url": f"{base_url}/portal/{spec.slug}/resource/{spec.dataset}.json",
        "permit_config": {
            "platform": "socrata",
            "dataset_id": spec.dataset,
            "field_map": {
                "permit_number": "permit_number",
                "issue_date": "issue_date",
                "completion_date": "completed_date",
                "permit_type": "permit_type_desc",
                "description": "description",
                "address": "original_address1",
                "zip": "original_zip",
                "value": "total_job_valuation",
                "contractor_name": "contractor_company_name",
                "contractor_license": None,
                "status": "status_current",
                "lat": "latitude",
                "lng": "longitude",
            },
            "roofing_filter": (
                "permittype='BP' AND (upper(description) like '%ROOF%' OR upper(description) like '%SHINGLE%')"
            ),
            "confidence": "sandbox",
        },
        "assessor_url": f"{base_url}/assessor/{spec.slug}/",
        "assessor_search_url_template": f"{base_url}/assessor/{spec.slug}/search?address={{address}}",
        "assessor_config": {"platform": "html", "county": spec.county, "confidence": "sandbox"},
    }


def house_truth(house: House) -> dict[str, Any]:
    """Everything that is true of a house."""
    roof = house.roof
    return {
        "address": house.line,
        "city": house.city,
        "state": house.state,
        "zip": house.zip,
        "lat": house.lat,
        "lng": house.lng,
        "front_azimuth": house.front_azimuth,
        "neighbourhood": house.neighbourhood.name,
        "parcel_id": house.parcel,
        "year_built": house.year_built,
        "sqft": house.sqft,
        "lot_acres": house.lot_acres,
        "beds": house.beds,
        "baths": house.baths,
        "property_value": house.value,
        "tax_amount": house.tax,
        "last_sale_date": house.sale_date.isoformat(),
        "last_sale_price": house.sale_price,
        "owner": _person(house.owner),
        "owner_occupied": house.owner_occupied,
        "mailing_address": house.mailing,
        "condition": roof.condition.value,
        "material": roof.material.value,
        "roof_age_years": roof.age_years,
        "roofed_on": house.roofed.isoformat(),
        "roof_sqft": round(roof.roof_sqft, 1),
        "roof_shape": roof.shape.value,
        "pitch": roof.pitch,
        "damages": [
            {"damage": found.damage.value, "severity": found.severity, "share": found.share} for found in roof.damages
        ],
        "recent_roofing_permit": house.recent,
        "storm": house.storm.day.isoformat() if house.storm else None,
        "has_street_view": house.has_panorama,
        "geocodes": house.geocodes,
    }


def permit_truth(permit: Permit) -> dict[str, Any]:
    """A permit with what a person would say of it."""
    return {
        "permit_number": permit.number,
        "address": permit.house.line,
        "zip": permit.house.zip,
        "issue_date": permit.issued.isoformat(),
        "type": permit.kind.type,
        "description": permit.kind.description,
        "roofing": permit.kind.roofing,
        "replaces_roof": permit.replaces_roof,
        "house": permit.house.recent,
    }


def contractor(city: City, company: Company, today: date) -> dict[str, Any]:
    """A contractor as a row of the contractors table; another seed replaces it and adds none."""
    spec = city.spec
    plan = PLANS[Tier(company.tier)]
    return {
        "id": str(uuid5(COMPANY_IDS, f"{spec.slug} {company.index}")),
        "company_name": company.name,
        "owner_name": company.contact.name,
        "email": company.email,
        "phone": company.phone,
        "website": company.website,
        "address": company.address,
        "city": spec.city,
        "state": spec.state,
        "zip": company.zip,
        "lat": company.lat,
        "lng": company.lng,
        "timezone": spec.timezone,
        "service_areas": [_area(city, company)],
        "license_number": company.licence,
        "license_state": spec.state,
        "license_status": "active",
        "years_in_business": company.years,
        "employee_count_range": company.employees,
        "google_rating": company.rating,
        "google_review_count": company.reviews,
        "certifications": list(company.certifications),
        "acquisition_status": "active",
        "subscription_tier": company.tier,
        "monthly_fee": int(plan.fee),
        "leads_per_month": plan.allowance,
        "contract_start_date": (today - timedelta(days=90)).isoformat(),
        "contract_end_date": (today + timedelta(days=275)).isoformat(),
        "source": "sandbox",
    }


def _area(city: City, company: Company) -> dict[str, Any]:
    """The whole city, or a circle around the company's own place."""
    whole = {"city": city.spec.city, "state": city.spec.state}
    return {"radius_miles": company.radius_miles} | (whole if company.radius_miles >= 15 else {})


def storm_event(city: City, storm: Storm) -> dict[str, Any]:
    """A storm as a row of the weather_events table; another seed or day moves it and adds none."""
    severity = "severe" if storm.hail_inches >= 1.75 or (storm.wind_mph or 0) >= 65 else "moderate"
    return {
        "event_type": storm.kind,
        "event_date": storm.day.isoformat(),
        "city": city.spec.city,
        "state": city.spec.state,
        "county": city.spec.county,
        "lat": storm.lat,
        "lng": storm.lng,
        "radius_miles": storm.radius_miles,
        "severity": severity,
        "hail_size_inches": storm.hail_inches or None,
        "wind_speed_mph": storm.wind_mph,
        "source": "sandbox",
        "external_id": f"sandbox-{city.spec.slug}-{storm.index}",
    }


def _town(world: World, slug: str) -> Town:
    town = world.towns.get(slug)
    if town is None:
        raise HTTPException(404, "The sandbox has no such city.")
    return town


def _person(person: Person) -> dict[str, Any]:
    return {
        "name": person.name,
        "email": person.email,
        "email_status": person.mail_status if person.email else None,
        "phone": person.phone,
        "phone_listed": person.phone_listed,
        "company": person.company,
    }


def _arguments(mail: Mail) -> str:
    return "&".join(f"{name}={value}" for name, value in sorted(mail.custom_args.items()))


def _mail(mail: Mail) -> dict[str, Any]:
    return {
        "message_id": mail.message_id,
        "to": mail.to,
        "name": mail.name,
        "from": mail.sender,
        "reply_to": mail.reply_to,
        "subject": mail.subject,
        "text": mail.text,
        "html": mail.html,
        "custom_args": mail.custom_args,
        "categories": list(mail.categories),
        "headers": mail.headers,
        "tracking": mail.tracking,
        "received_at": mail.received_at.isoformat(),
    }
