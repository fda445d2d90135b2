"""Outreach orchestrator (spec 5.8): how campaigns and contractors do, and the mailboxes we write from."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import TypeAdapter

from activities.campaigns.mailboxes import change
from api import cursors
from api.problems import ApiProblem, Code
from api.resources import Injected
from api.routers.campaigns import campaign_or_problem
from domain import mailboxes as rules
from domain.engagement import engagement, time_to_response
from domain.rates import share
from schema.contracts.campaigns_api import (
    MAX_DAYS,
    CampaignPerformance,
    ChangeMailbox,
    ContractorEngagement,
    DayPerformance,
    EngagementPart,
    MailboxPage,
    MailboxStanding,
    NewMailbox,
    StepPerformance,
)
from schema.database import UnitOfWork
from schema.repositories.metrics import DayFigure, StepFigures
from schema.tables import Mailbox

router = APIRouter(tags=["tracking"])

_CURSOR = TypeAdapter(cursors.MomentKey)
_DEFAULT_DAYS = timedelta(days=29)

Day = Annotated[date | None, Query(description="A day, UTC.")]


@router.get("/campaigns/{campaign_id}/performance")
async def campaign_performance(
    campaign_id: UUID, resources: Injected, first: Day = None, last: Day = None
) -> CampaignPerformance:
    """A campaign day by day (the last thirty days unless told otherwise) and step by step."""
    until = last or datetime.now(UTC).date()
    since = first or until - _DEFAULT_DAYS
    if not timedelta(0) <= until - since < timedelta(days=MAX_DAYS):
        raise ApiProblem(
            Code.INVALID_REQUEST, f"`last` must be `first` or a later day, at most {MAX_DAYS} days in all."
        )
    async with resources.database.transaction() as tx:
        await campaign_or_problem(tx, campaign_id)
        days = await tx.metrics.by_day(campaign_id, since, until)
        steps = await tx.metrics.by_step(campaign_id)
    return CampaignPerformance(
        campaign_id=campaign_id,
        first=since,
        last=until,
        days=_by_day(days),
        steps=tuple(_step(each) for each in steps),
    )


@router.get("/contractors/{contractor_id}/engagement")
async def contractor_engagement(contractor_id: UUID, resources: Injected) -> ContractorEngagement:
    """How a contractor takes what it is sent: the score with what it is made of, rates, time to the first answer."""
    now = datetime.now(UTC)
    async with resources.database.transaction() as tx:
        contractor = await tx.contractors.get(contractor_id)
        if contractor is None:
            raise ApiProblem(Code.UNKNOWN_CONTRACTOR)
        figures = await tx.metrics.contractor(contractor_id)
        found = engagement(await tx.metrics.moments(contractor_id), now)
    waited = time_to_response(figures.first_contact, figures.first_response)
    return ContractorEngagement(
        contractor_id=contractor_id,
        score=found.score,
        parts=tuple(EngagementPart(**asdict(part)) for part in found.parts),
        acquisition_status=contractor.acquisition_status,
        stage=contractor.current_stage,
        touchpoints=figures.touchpoints,
        channels=figures.channels,
        open_rate=share(figures.opened, figures.delivered),
        click_rate=share(figures.clicked, figures.delivered),
        response_rate=share(figures.responded, figures.touchpoints),
        hours_to_response=round(waited / timedelta(hours=1), 2) if waited is not None else None,
        first_contact=figures.first_contact,
        last_contact=figures.last_contact,
        at=now,
    )


@router.post("/mailboxes", status_code=201)
async def add_mailbox(body: NewMailbox, resources: Injected) -> MailboxStanding:
    """An address to write from; from today on it warms up, unless told otherwise."""
    now = datetime.now(UTC)
    async with resources.database.transaction() as tx:
        box = await tx.campaigns.add_mailbox(
            body.address, body.display_name, body.daily_cap, now.date() if body.warm_up else None
        )
        if box is None:
            raise ApiProblem(Code.ALREADY_EXISTS, "There is a mailbox with this address.")
        return (await _standings(tx, [box], now))[0]


@router.get("/mailboxes")
async def list_mailboxes(
    resources: Injected, after: cursors.After = None, limit: cursors.Limit = cursors.DEFAULT_PAGE
) -> MailboxPage:
    """Mailboxes with their day and what came back of their messages, newest first."""
    key = cursors.decode(after, _CURSOR)
    async with resources.database.transaction() as tx:
        rows = await tx.campaigns.mailboxes(key, limit)
        shown = await _standings(tx, rows, datetime.now(UTC))
    last = rows[-1] if len(rows) == limit else None
    return MailboxPage(mailboxes=shown, next=cursors.encode((last.created_at, last.id), _CURSOR) if last else None)


@router.patch("/mailboxes/{mailbox_id}")
async def change_mailbox(mailbox_id: UUID, body: ChangeMailbox, resources: Injected) -> MailboxStanding:
    """Pause, resume or retire a mailbox, or change its daily cap."""
    now = datetime.now(UTC)
    async with resources.database.transaction() as tx:
        if await tx.campaigns.mailbox(mailbox_id) is None:
            raise ApiProblem(Code.UNKNOWN_MAILBOX)
        box = await change(tx, mailbox_id, now, body.state, body.daily_cap)
        if box is None:
            raise ApiProblem(Code.MAILBOX_RETIRED)
        return (await _standings(tx, [box], now))[0]


async def _standings(tx: UnitOfWork, rows: Sequence[Mailbox], now: datetime) -> tuple[MailboxStanding, ...]:
    if not rows:
        return ()
    ids, today = [row.id for row in rows], now.date()
    tallies = await tx.metrics.mailboxes(now - timedelta(days=rules.TALLY_DAYS), ids)
    taken = await tx.metrics.taken(ids, today)
    return tuple(
        MailboxStanding(
            mailbox_id=row.id,
            address=row.address,
            display_name=row.display_name,
            state=row.state,
            pause_reason=row.pause_reason,
            paused_at=row.paused_at,
            daily_cap=row.daily_cap,
            warm_up_from=row.warm_up_from,
            cap_today=rules.cap_on(today, row.daily_cap, row.warm_up_from) if row.state == "active" else 0,
            sent_today=taken.get(row.id, 0),
            **asdict(tallies[row.id]),
            created_at=row.created_at,
        )
        for row in rows
    )


def _by_day(figures: Sequence[DayFigure]) -> tuple[DayPerformance, ...]:
    counted: dict[tuple[date, str], dict[str, int]] = {}
    for each in figures:
        counted.setdefault((each.day, each.channel), {})[each.sign] = each.number
    return tuple(DayPerformance(day=day, channel=channel, **signs) for (day, channel), signs in counted.items())


def _step(figures: StepFigures) -> StepPerformance:
    return StepPerformance(
        **asdict(figures),
        open_rate=share(figures.opened, figures.delivered),
        click_rate=share(figures.clicked, figures.delivered),
        reply_rate=share(figures.replied, figures.delivered),
    )
