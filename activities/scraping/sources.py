"""Where a lead's city keeps its permits and parcels."""

from typing import Any
from uuid import UUID

from temporalio.exceptions import ApplicationError

from integrations.portals import PermitSource
from schema.database import Database
from schema.tables.core import BaseLead, TargetCity

JOBS = UUID("3d7a5f0e-5a3c-4a52-9a0b-1f8a37c1d3aa")
"""Namespace of scraping job ids: the same work always has the same row."""


def permit_source(city: TargetCity) -> PermitSource:
    """A city's permit portal as its row describes it."""
    config: dict[str, Any] = city.permit_config or {}
    platform = config.get("platform") or city.permit_search_strategy
    return PermitSource(city.city, city.state, city.permit_url, platform, config)


async def lead_and_city(db: Database, lead_id: UUID) -> tuple[BaseLead, TargetCity | None]:
    """A lead and its city; the city is None when it is not one of ours. Raises for an unknown lead."""
    async with db.transaction() as tx:
        row = await tx.leads.get(lead_id)
        if row is None:
            raise ApplicationError("no such lead", type="UnknownLead", non_retryable=True)
        return row, await tx.cities.get(row.city, row.state)
