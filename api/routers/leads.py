"""Marketplace (spec 5.1): what is for sale, as previews."""

from decimal import Decimal
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import Field, TypeAdapter

from api import cursors
from api.resources import Injected
from schema.contracts.api import CityName, LeadPage, LeadPreview, StateCode
from schema.repositories.leads import LeadCursor

router = APIRouter(prefix="/api/leads", tags=["marketplace"])

Score = Annotated[int, Field(ge=0, le=100)]

_CURSOR = TypeAdapter(tuple[Score, UUID])


@router.get("")
async def list_available_leads(
    resources: Injected,
    city: CityName | None = None,
    state: StateCode | None = None,
    min_score: Annotated[Score | None, Query()] = None,
    max_price: Annotated[Decimal | None, Query(ge=0, le=100_000, description="US dollars.")] = None,
    after: cursors.After = None,
    limit: cursors.Limit = cursors.DEFAULT_PAGE,
) -> LeadPage:
    """Leads for sale, best score first: the street without the house number, never the owner."""
    key = cursors.decode(after, _CURSOR)
    async with resources.database.transaction() as tx:
        found = await tx.leads.list_available(
            city=city,
            state=state,
            min_score=min_score,
            max_price=max_price,
            after=LeadCursor(*key) if key else None,
            limit=limit,
        )
    last = found[-1] if len(found) == limit else None
    return LeadPage(
        leads=tuple(LeadPreview.model_validate(lead, from_attributes=True) for lead in found),
        next=cursors.encode((last.score, last.lead_id), _CURSOR) if last else None,
    )
