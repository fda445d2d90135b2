"""What a new database starts with; running it again brings facts up to date and overrules no operator."""

from typing import Any

from sqlalchemy import case, func, or_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from config.cities import CITIES_FILE, City, load_cities
from schema.repositories.base import rows_of
from schema.tables import TargetCity, User, Vertical

VERTICALS = ({"name": "Roofing", "slug": "roofing", "description": "Roof replacement and repair"},)

USERS = (
    {"email": "operator@ridgeline.example", "role": "operator", "display_name": "Operator"},
    {"email": "reviewer@ridgeline.example", "role": "reviewer", "display_name": "Reviewer"},
)
"""Accounts without a password: they own decisions, and nobody can sign in with them until one is set."""

_FACTS = (
    "tier",
    "priority",
    "population",
    "median_home_value",
    "storm_risk_score",
    "lat",
    "lng",
    "county",
    "timezone",
)
_ENDPOINTS = (
    "permit_url",
    "permit_search_strategy",
    "permit_config",
    "assessor_url",
    "assessor_search_url_template",
    "assessor_config",
)


async def seed(session: AsyncSession) -> int:
    """Adds or refreshes vertical, cities and service users; returns the number of cities."""
    cities = load_cities()
    await session.execute(insert(Vertical).values(list(VERTICALS)).on_conflict_do_nothing())
    await session.execute(insert(User).values(list(USERS)).on_conflict_do_nothing(index_elements=["email"]))
    await _seed_cities(session, cities)
    return len(cities)


async def _seed_cities(session: AsyncSession, cities: tuple[City, ...]) -> None:
    columns = ("city", "state", *_FACTS, *_ENDPOINTS, "active")
    rows = [_values(city) for city in cities]
    statement = insert(TargetCity).from_select(
        list(columns), rows_of(TargetCity, columns, rows), include_defaults=False
    )
    ours = or_(
        col(TargetCity.permit_config).is_(None),
        col(TargetCity.permit_config)["source"].astext == CITIES_FILE.name,
    )
    changed: dict[str, Any] = {name: statement.excluded[name] for name in _FACTS}
    changed |= {name: case((ours, statement.excluded[name]), else_=getattr(TargetCity, name)) for name in _ENDPOINTS}
    await session.execute(
        statement.on_conflict_do_update(index_elements=["city", "state"], set_={**changed, "updated_at": func.now()})
    )


def _values(city: City) -> dict[str, object]:
    facts = city.model_dump(include={"city", "state", *_FACTS})
    return {
        **facts,
        "permit_url": city.permit.url,
        "permit_search_strategy": city.permit.platform,
        "permit_config": city.permit_config,
        "assessor_url": city.assessor.url,
        "assessor_search_url_template": city.assessor.search_url_template,
        "assessor_config": city.assessor_config,
        "active": city.active,
    }
