"""Contractor acquisition (spec 5.6, and 5.2 for the scraper): find contractors, complete them, look at them."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import Field, TypeAdapter

from api import cursors
from api.problems import ApiProblem, Code
from api.resources import Injected, Resources
from api.starting import start_or_join
from domain.companies import GOOGLE, YELP
from integrations import google_places, yelp
from schema.contracts.api import CityName, StartedWorkflow, StateCode
from schema.contracts.contractors_api import (
    AcquisitionStatus,
    ContractorDetail,
    ContractorPage,
    ContractorPatch,
    ContractorSummary,
    DiscoverCity,
    DiscoverySource,
    DiscoverySources,
)
from schema.contracts.ids import discovery_workflow_id, profile_workflow_id
from schema.contracts.outreach import DiscoveryRequest
from schema.contracts.profiles import ProfileRequest
from schema.repositories.discovery import UNRANKED, ContractorFilter
from schema.tables import Contractor
from workflows.discovery import ContractorDiscoveryWorkflow
from workflows.profile import ContractorProfileWorkflow

router = APIRouter(tags=["contractors"])
scraper_router = APIRouter(tags=["scraping"])

Priority = Annotated[Decimal, Field(ge=0, le=100, max_digits=5, decimal_places=2)]

_CURSOR = TypeAdapter(tuple[Annotated[Decimal, Field(ge=-1, le=100)], UUID])


@router.post("/discover/city", status_code=202)
async def discover_city(body: DiscoverCity, resources: Injected) -> StartedWorkflow:
    """Start looking for a city's contractors, or join the discovery of that city."""
    return await _discover(body, resources)


@scraper_router.post("/scrape/contractors", status_code=202)
async def scrape_contractors(body: DiscoverCity, resources: Injected) -> StartedWorkflow:
    """The same discovery under the scraper's name (spec 5.2)."""
    return await _discover(body, resources)


@router.get("/discover/sources")
async def discovery_sources(resources: Injected) -> DiscoverySources:
    """What a discovery asks, and whether there is a key for it."""
    settings = resources.settings
    return DiscoverySources(
        sources=(
            DiscoverySource(
                name=GOOGLE,
                title="Google Places",
                configured=bool(settings.google_maps_api_key.get_secret_value()),
                cost_per_search=google_places.PRICE_PER_SEARCH,
                cost_per_lookup=google_places.PRICE_PER_DETAILS,
            ),
            DiscoverySource(
                name=YELP,
                title="Yelp",
                configured=bool(settings.yelp_api_key.get_secret_value()),
                cost_per_search=yelp.PRICE_PER_CALL,
                cost_per_lookup=yelp.PRICE_PER_CALL,
            ),
        )
    )


@router.post("/contractors/{contractor_id}/enrich", status_code=202)
async def enrich_contractor(contractor_id: UUID, resources: Injected) -> StartedWorkflow:
    """Start completing and scoring a contractor's profile, or join the run that is doing so."""
    return await _profile(ProfileRequest(contractor_id=contractor_id), resources)


@router.post("/contractors/{contractor_id}/score", status_code=202)
async def score_contractor(contractor_id: UUID, resources: Injected) -> StartedWorkflow:
    """Start scoring what is known of a contractor, or join the run that is at its profile."""
    return await _profile(ProfileRequest(contractor_id=contractor_id, enrich=False), resources)


@router.get("/contractors")
async def list_contractors(
    resources: Injected,
    city: CityName | None = None,
    state: StateCode | None = None,
    status: AcquisitionStatus | None = None,
    min_priority: Annotated[Priority | None, Query()] = None,
    after: cursors.After = None,
    limit: cursors.Limit = cursors.DEFAULT_PAGE,
) -> ContractorPage:
    """Contractors, highest priority first; those without a score come last."""
    key = cursors.decode(after, _CURSOR)
    async with resources.database.transaction() as tx:
        found = await tx.discovery.page(ContractorFilter(city, state, status, min_priority), key, limit)
    return ContractorPage(
        contractors=tuple(ContractorSummary(**_summary(row)) for row in found), next=_next(found, limit)
    )


@router.get("/contractors/{contractor_id}")
async def get_contractor(contractor_id: UUID, resources: Injected) -> ContractorDetail:
    """One contractor, with the points of its scores."""
    async with resources.database.transaction() as tx:
        row = await tx.contractors.get(contractor_id)
    if row is None:
        raise ApiProblem(Code.UNKNOWN_CONTRACTOR)
    return _detail(row)


@router.patch("/contractors/{contractor_id}")
async def update_contractor(contractor_id: UUID, body: ContractorPatch, resources: Injected) -> ContractorDetail:
    """Correct what is known of a contractor: only the fields that are given change."""
    if "company_name" in body.model_fields_set and body.company_name is None:
        raise ApiProblem(Code.INVALID_REQUEST, "A contractor keeps a name.")
    values = body.model_dump(mode="json", include=body.model_fields_set)
    async with resources.database.transaction() as tx:
        row = await tx.discovery.edit(contractor_id, values)
    if row is None:
        raise ApiProblem(Code.UNKNOWN_CONTRACTOR)
    return _detail(row)


async def _discover(body: DiscoverCity, resources: Resources) -> StartedWorkflow:
    async with resources.database.transaction() as tx:
        city = await tx.cities.get(body.city, body.state)
    if city is None:
        raise ApiProblem(Code.UNKNOWN_CITY)
    request = DiscoveryRequest(city=city.city, state=city.state, max_results=body.max_results)
    workflow_id = discovery_workflow_id(city.city, city.state)
    return await start_or_join(resources, ContractorDiscoveryWorkflow.run, request, workflow_id)


async def _profile(request: ProfileRequest, resources: Resources) -> StartedWorkflow:
    async with resources.database.transaction() as tx:
        row = await tx.contractors.get(request.contractor_id)
    if row is None:
        raise ApiProblem(Code.UNKNOWN_CONTRACTOR)
    workflow_id = profile_workflow_id(request.contractor_id)
    return await start_or_join(resources, ContractorProfileWorkflow.run, request, workflow_id)


def _next(found: Sequence[Contractor], limit: int) -> str | None:
    last = found[-1] if len(found) == limit else None
    if last is None:
        return None
    return cursors.encode((last.priority_score if last.priority_score is not None else UNRANKED, last.id), _CURSOR)


def _summary(row: Contractor) -> dict[str, object]:
    columns = ContractorSummary.model_fields.keys() - {"contractor_id", "has_email", "has_phone"}
    return {
        "contractor_id": row.id,
        "has_email": row.email is not None,
        "has_phone": row.phone is not None,
        **{name: getattr(row, name) for name in columns},
    }


def _detail(row: Contractor) -> ContractorDetail:
    columns = ContractorDetail.model_fields.keys() - ContractorSummary.model_fields.keys() - {"said_by"}
    held = {name: getattr(row, name) for name in columns}
    given = {name: value for name, value in held.items() if value is not None}
    return ContractorDetail(**_summary(row), **given, said_by=(row.sources or {}).get("fields", {}))
