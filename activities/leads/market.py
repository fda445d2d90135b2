"""Cluster, market and end of a lead."""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from activities.leads.facts import lead_and_roof
from activities.leads.valuation import location
from domain.clusters import assign
from domain.matching import Match, OfferedLead, match
from domain.pricing import LISTED_FOR
from domain.scoring import MINIMUM_SCORE
from schema.contracts.base import LeadStatus
from schema.contracts.property import ClusterSummary, LeadClosing, PublishSummary, Reason
from schema.database import Database, UnitOfWork
from schema.repositories.leads import SETTLED
from schema.tables import BaseLead

OPEN = tuple(status for status in LeadStatus if status not in SETTLED)


class Market:
    """Puts leads on the market, or takes them out of the running."""

    def __init__(self, db: Database, clock: Callable[[], datetime]) -> None:
        self._db = db
        self._clock = clock

    async def assign_cluster(self, lead_id: UUID) -> ClusterSummary:
        """Nearest cluster within two miles, else a new one; none without coordinates."""
        async with self._db.transaction() as tx:
            lead, _ = await lead_and_roof(tx, lead_id)
            at = location(lead)
            if at is None:
                return ClusterSummary()
            await tx.clusters.lock(lead.city, lead.state)
            near = await tx.clusters.near(lead.city, lead.state, at)
            chosen = assign(lead_id, at, [found.cluster for found in near])
            if chosen.created:
                await tx.clusters.found(chosen.cluster, lead.city, lead.state)
            before = await tx.clusters.place(lead_id, chosen.cluster.id)
            await tx.clusters.recount((before, chosen.cluster.id))
            if before != chosen.cluster.id:
                data = {"cluster_id": str(chosen.cluster.id), "founded": chosen.created}
                await tx.events.record("lead.clustered", "lead", lead_id, data, service="leads")
        return ClusterSummary(cluster_id=chosen.cluster.id)

    async def publish(self, lead_id: UUID) -> PublishSummary:
        """Available with everyone who matches told, or unqualified below 60 points."""
        now = self._clock()
        async with self._db.transaction() as tx:
            lead, _ = await lead_and_roof(tx, lead_id)
            if LeadStatus(lead.status) in SETTLED:
                return PublishSummary(status=LeadStatus(lead.status))
            if lead.quality_score is None or lead.quality_score < MINIMUM_SCORE or lead.price is None:
                await _end(tx, lead, LeadStatus.UNQUALIFIED, Reason.SCORE_BELOW_MINIMUM)
                return PublishSummary(status=LeadStatus.UNQUALIFIED)
            matches = await self._offer(tx, lead, now)
        return PublishSummary(status=LeadStatus.AVAILABLE, matched=len(matches))

    async def close(self, closing: LeadClosing) -> None:
        """Ends a lead with its reason."""
        async with self._db.transaction() as tx:
            lead, _ = await lead_and_roof(tx, closing.lead_id)
            await _end(tx, lead, closing.status, closing.reason)

    async def _offer(self, tx: UnitOfWork, lead: BaseLead, now: datetime) -> tuple[Match, ...]:
        is_new = lead.status != LeadStatus.AVAILABLE or lead.published_at is None
        published = now if is_new or lead.published_at is None else lead.published_at
        if is_new:
            await tx.leads.set_status(
                lead.id,
                LeadStatus.AVAILABLE,
                among=OPEN,
                published_at=published,
                available_until=published + LISTED_FOR,
            )
        matches = match(await _offered(tx, lead, published), await tx.contractors.candidates(lead.id))
        await tx.notifications.announce(lead.id, matches)
        if is_new:
            await tx.clusters.recount((lead.cluster_id,))
            data = {"score": lead.quality_score, "grade": lead.grade, "price": lead.price, "matched": len(matches)}
            await tx.events.record("lead.available", "lead", lead.id, data, service="leads")
        return matches


async def _offered(tx: UnitOfWork, lead: BaseLead, published_at: datetime) -> OfferedLead:
    cluster = await tx.clusters.get(lead.cluster_id) if lead.cluster_id else None
    until = cluster.exclusivity_expires_at if cluster else None
    owned = cluster is not None and (until is None or until > published_at)
    if lead.quality_score is None or lead.price is None:
        raise AssertionError("only a scored and priced lead is offered")
    return OfferedLead(
        city=lead.city,
        state=lead.state,
        at=location(lead),
        score=lead.quality_score,
        price=lead.price,
        published_at=published_at,
        exclusive_to=cluster.exclusive_contractor_id if cluster and owned else None,
    )


async def _end(tx: UnitOfWork, lead: BaseLead, status: LeadStatus, reason: Reason) -> None:
    if (lead.status, lead.status_reason) == (status, reason):
        return
    if await tx.leads.set_status(lead.id, status, reason.value, among=OPEN):
        await tx.clusters.recount((lead.cluster_id,))
        await tx.events.record(f"lead.{status.value}", "lead", lead.id, {"reason": reason}, service="leads")
