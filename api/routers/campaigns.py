"""Contractor acquisition (spec 5.6): campaigns, made, started, paused and counted; what a contractor was sent."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from fastapi import APIRouter
from pydantic import TypeAdapter, ValidationError

from activities.campaigns.launch import pause
from activities.campaigns.optimize import ratios_of, standings
from activities.sequences.records import steps_of
from api import cursors
from api.problems import ApiProblem, Code
from api.resources import Injected
from api.starting import start_or_join
from domain import campaign_figures
from domain.cadence import default_sequence
from domain.engagement import funnel
from domain.experiments import State, Verdict
from schema.contracts.campaigns import TargetCriteria
from schema.contracts.campaigns_api import (
    ArmStanding,
    CampaignCounters,
    CampaignDetail,
    CampaignPage,
    CampaignRates,
    CampaignStats,
    CampaignStatus,
    CampaignSummary,
    ExperimentStanding,
    FunnelStage,
    NewCampaign,
    StartedCampaign,
    TouchpointPage,
    TouchpointRecord,
)
from schema.contracts.ids import campaign_workflow_id
from schema.contracts.outreach import CampaignRequest, SequenceStep
from schema.database import UnitOfWork
from schema.tables import OutreachCampaign, OutreachTouchpoint
from workflows.campaign import CampaignWorkflow

router = APIRouter(tags=["campaigns"])

BY_OPERATOR = "operator"
STARTABLE = ("draft", "paused")

_CURSOR = TypeAdapter(cursors.MomentKey)


@router.post("/campaigns", status_code=201)
async def create_campaign(body: NewCampaign, resources: Injected) -> CampaignDetail:
    """A draft: nobody is written to before it is started. Without steps it has the spec's fourteen days."""
    steps: tuple[SequenceStep, ...] = body.sequence_steps or tuple(
        SequenceStep.of(touch) for touch in default_sequence(body.channels)
    )
    async with resources.database.transaction() as tx:
        campaign = await tx.campaigns.create(
            name=body.name,
            type=body.type.value,
            target_city=body.city,
            target_state=body.state,
            target_criteria=body.target_criteria.model_dump(mode="json", exclude_defaults=True),
            channels=[channel.value for channel in body.channels],
            sequence_steps=[step.model_dump(mode="json") for step in steps],
        )
    return _detail(campaign)


@router.get("/campaigns")
async def list_campaigns(
    resources: Injected,
    status: CampaignStatus | None = None,
    after: cursors.After = None,
    limit: cursors.Limit = cursors.DEFAULT_PAGE,
) -> CampaignPage:
    """Campaigns, newest first."""
    key = cursors.decode(after, _CURSOR)
    async with resources.database.transaction() as tx:
        rows = await tx.campaigns.page(key, limit, status.value if status else None)
    last = rows[-1] if len(rows) == limit else None
    return CampaignPage(
        campaigns=tuple(CampaignSummary(**_summary(row)) for row in rows),
        next=cursors.encode((last.created_at, last.id), _CURSOR) if last else None,
    )


@router.get("/campaigns/{campaign_id}")
async def get_campaign(campaign_id: UUID, resources: Injected) -> CampaignDetail:
    """A campaign with whom it is for and what it does."""
    async with resources.database.transaction() as tx:
        return _detail(await campaign_or_problem(tx, campaign_id))


@router.post("/campaigns/{campaign_id}/start", status_code=202)
async def start_campaign(campaign_id: UUID, resources: Injected) -> StartedCampaign:
    """Take contractors in, best first, and let the sequences that a pause held go on. Repeating it is harmless."""
    async with resources.database.transaction() as tx:
        campaign = await campaign_or_problem(tx, campaign_id)
        before = campaign.status
        if before not in (*STARTABLE, "active"):
            raise ApiProblem(Code.CAMPAIGN_STATUS, f"Its status is {before}.")
        if await tx.campaigns.set_status(campaign_id, "active", STARTABLE):
            await tx.events.record("campaign.started", "campaign", campaign_id, {"before": before})
    request = CampaignRequest(campaign_id=campaign_id)
    started = await start_or_join(resources, CampaignWorkflow.run, request, campaign_workflow_id(campaign_id))
    links = {**started.links, "stats": f"/campaigns/{campaign_id}/stats"}
    return StartedCampaign(**{**started.model_dump(), "links": links}, campaign_id=campaign_id)


@router.post("/campaigns/{campaign_id}/pause")
async def pause_campaign(campaign_id: UUID, resources: Injected) -> CampaignDetail:
    """Nothing more goes out until it is started again; what is arranged with a contractor waits too."""
    async with resources.database.transaction() as tx:
        campaign = await campaign_or_problem(tx, campaign_id)
        if campaign.status not in ("active", "paused"):
            raise ApiProblem(Code.CAMPAIGN_STATUS, f"Its status is {campaign.status}.")
        await pause(tx, campaign, BY_OPERATOR)
        return _detail(await campaign_or_problem(tx, campaign_id))


@router.get("/campaigns/{campaign_id}/stats")
async def campaign_stats(campaign_id: UUID, resources: Injected) -> CampaignStats:
    """A campaign counted now: counters, rates, funnel, A/B tests, costs and what they brought (spec 3.6.5)."""
    now = datetime.now(UTC)
    async with resources.database.transaction() as tx:
        campaign = await campaign_or_problem(tx, campaign_id)
        figures = await tx.metrics.figures(campaign_id)
        costs = await tx.metrics.costs(campaign_id)
        furthest = await tx.metrics.furthest(campaign_id)
        tallies = await tx.metrics.arms([campaign_id], now - campaign_figures.RIPE_AFTER)
    if figures is None:
        raise ApiProblem(Code.UNKNOWN_CAMPAIGN)
    ratios = ratios_of(figures)
    return CampaignStats(
        campaign_id=campaign_id,
        status=CampaignStatus(campaign.status),
        counters=CampaignCounters(**asdict(figures.counters)),
        rates=CampaignRates(**asdict(campaign_figures.rates(figures.counters))),
        funnel=tuple(FunnelStage(**asdict(step)) for step in funnel(furthest)),
        experiments=tuple(
            _experiment(template, verdict, winner)
            for template, (verdict, winner) in standings(campaign, tallies.get(campaign_id, {})).items()
        ),
        costs=costs,
        total_cost=figures.cost,
        total_revenue=figures.revenue,
        cost_per_acquisition=ratios.cost_per_acquisition,
        roi_percent=ratios.roi,
        at=now,
    )


@router.get("/contractors/{contractor_id}/touchpoints")
async def contractor_touchpoints(
    contractor_id: UUID, resources: Injected, after: cursors.After = None, limit: cursors.Limit = cursors.DEFAULT_PAGE
) -> TouchpointPage:
    """What a contractor was sent over all campaigns, newest first; not what was said."""
    key = cursors.decode(after, _CURSOR)
    async with resources.database.transaction() as tx:
        if await tx.contractors.get(contractor_id) is None:
            raise ApiProblem(Code.UNKNOWN_CONTRACTOR)
        rows = await tx.campaigns.touchpoints(contractor_id, key, limit)
    last = rows[-1] if len(rows) == limit else None
    return TouchpointPage(
        touchpoints=tuple(_touchpoint(row) for row in rows),
        next=cursors.encode((last.created_at, last.id), _CURSOR) if last else None,
    )


async def campaign_or_problem(tx: UnitOfWork, campaign_id: UUID) -> OutreachCampaign:
    """The campaign. Raises a 404 problem if there is none."""
    campaign = await tx.campaigns.get(campaign_id)
    if campaign is None:
        raise ApiProblem(Code.UNKNOWN_CAMPAIGN)
    return campaign


def _spec_steps(body: NewCampaign) -> tuple[SequenceStep, ...]:
    return tuple(SequenceStep.of(touch) for touch in default_sequence(body.channels))


def _summary(campaign: OutreachCampaign) -> dict[str, Any]:
    return {
        "campaign_id": campaign.id,
        "name": campaign.name,
        "type": campaign.type,
        "city": campaign.target_city,
        "state": campaign.target_state,
        "status": campaign.status,
        "pause_reason": campaign.pause_reason,
        "contractors_targeted": campaign.contractors_targeted,
        "emails_sent": campaign.emails_sent,
        "emails_replied": campaign.emails_replied,
        "calls_made": campaign.calls_made,
        "meetings_booked": campaign.meetings_booked,
        "signups_generated": campaign.signups_generated,
        "started_at": campaign.started_at,
        "created_at": campaign.created_at,
    }


def _detail(campaign: OutreachCampaign) -> CampaignDetail:
    place = f"/campaigns/{campaign.id}"
    return CampaignDetail(
        **_summary(campaign),
        channels=tuple(campaign.channels or ()),
        target_criteria=_criteria(campaign.target_criteria),
        sequence_steps=steps_of(campaign),
        links={name: f"{place}/{name}" for name in ("start", "pause", "stats", "performance")},
    )


def _criteria(stored: Mapping[str, Any] | None) -> TargetCriteria | None:
    """What a campaign asks for; None also for what cannot be understood, which its `pause_reason` says."""
    try:
        return TargetCriteria.model_validate(stored) if stored is not None else None
    except ValidationError:
        return None


def _experiment(template: str, verdict: Verdict, winner: str | None) -> ExperimentStanding:
    return ExperimentStanding(
        template=template,
        state=State.WON if winner else verdict.state,
        winner=winner,
        arms=tuple(ArmStanding(arm=name, **asdict(arm)) for name, arm in verdict.arms.items()),
    )


def _touchpoint(row: OutreachTouchpoint) -> TouchpointRecord:
    return TouchpointRecord(
        touchpoint_id=row.id,
        campaign_id=row.campaign_id,
        channel=row.channel,
        template=row.template_used,
        variant=row.variant,
        purpose=row.purpose,
        touch_key=row.touch_key,
        status=row.status,
        reason=row.outcome_reason,
        scheduled_for=row.scheduled_for,
        sent_at=row.sent_at,
        delivered_at=row.delivered_at,
        opened_at=row.opened_at,
        clicked_at=row.clicked_at,
        replied_at=row.replied_at,
        bounced_at=row.bounced_at,
        responded=row.contractor_responded,
        sentiment=row.response_sentiment,
        cost=row.cost,
        created_at=row.created_at,
    )
