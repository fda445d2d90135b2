"""Taking contractors into a campaign, batch by batch, and telling those a pause held to go on (spec 6.3 step 4)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from pydantic import ValidationError

from activities.sequences.records import pick_mailbox
from domain.campaign_targets import DEFAULT_TYPE, ELIGIBLE, reachable
from domain.quiet_hours import load_zone
from schema.contracts.campaigns import TargetCriteria
from schema.contracts.outreach import CampaignRequest, EnrollmentBatch
from schema.database import Database, UnitOfWork
from schema.repositories.campaigns import Candidate, Claim
from schema.tables import OutreachCampaign

BATCH = 100
PAGE = 500
"""Candidates looked at in one go: some cannot be reached, or are somewhere unknown."""
INVALID_CRITERIA = "invalid_criteria"


@dataclass(frozen=True, slots=True)
class Launch:
    """Short database steps of CampaignWorkflow."""

    db: Database
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)

    async def next_batch(self, request: CampaignRequest) -> EnrollmentBatch:
        """The next contractors, best first; none while the campaign is not active.

        They are enrolled when this returns: should the workflow never hear of it, the sweep finds them.
        """
        async with self.db.transaction() as tx:
            campaign = await tx.campaigns.get(request.campaign_id)
            if campaign is None or campaign.status != "active":
                return EnrollmentBatch()
            try:
                criteria = _criteria(campaign)
            except ValidationError:
                await pause(tx, campaign, INVALID_CRITERIA)
                return EnrollmentBatch()
            resumed = await tx.campaigns.release_held(campaign.id, BATCH)
            claims = await self._choose(tx, campaign, criteria) if criteria is not None else []
            claimed = await tx.campaigns.claim(campaign.id, claims, self.clock())
        return EnrollmentBatch(
            contractor_ids=tuple(claimed),
            resumed=tuple(resumed),
            more=len(claims) == BATCH or len(resumed) == BATCH,
        )

    async def finish(self, request: CampaignRequest) -> None:
        """Records how many contractors the campaign has; counted, since a launch may run twice."""
        async with self.db.transaction() as tx:
            campaign = await tx.campaigns.get(request.campaign_id)
            if campaign is None:
                return
            targeted = await tx.campaigns.count_targets(campaign.id)
            if request.launched:
                data = {"launched": request.launched, "targeted": targeted}
                await tx.events.record("campaign.launched", "campaign", campaign.id, data)

    async def _choose(self, tx: UnitOfWork, campaign: OutreachCampaign, criteria: TargetCriteria) -> list[Claim]:
        """Up to BATCH contractors that can be reached, at a place whose time is known."""
        await tx.campaigns.lock_claims()
        wanted = BATCH
        if criteria.max_contractors is not None:
            wanted = min(wanted, criteria.max_contractors - await tx.campaigns.taken_in(campaign.id))
        statuses = ELIGIBLE.get(campaign.type or DEFAULT_TYPE, ())
        mailboxes = await tx.outreach.active_mailboxes()
        chosen: dict[object, Claim] = {}
        after = None
        while len(chosen) < wanted:
            page = await tx.campaigns.candidates(campaign, criteria, statuses, after, PAGE)
            for candidate in await _reachable(tx, campaign, page):
                zone = zone_of(candidate)
                if zone is not None and len(chosen) < wanted:
                    mailbox = pick_mailbox(f"{campaign.id}|{candidate.id}", mailboxes)
                    chosen[candidate.id] = Claim(candidate.id, mailbox, zone)
            if len(page) < PAGE:
                break
            after = page[-1].cursor
        return list(chosen.values())


async def pause(tx: UnitOfWork, campaign: OutreachCampaign, reason: str) -> bool:
    """Pauses an active campaign for a reason, with an event that says so; False if it was not active."""
    if not await tx.campaigns.set_status(campaign.id, "paused", ("active",), reason):
        return False
    await tx.events.record("campaign.paused", "campaign", campaign.id, {"reason": reason}, "warning")
    return True


def zone_of(candidate: Candidate) -> str | None:
    """A contractor's time zone: as stored, else of its coordinates, else of its city. None: nothing is sent to it."""
    if load_zone(candidate.zone) is not None:
        return candidate.zone
    found: str | None = None
    if candidate.lat is not None and candidate.lng is not None:
        from tzfpy import get_tz

        found = get_tz(float(candidate.lng), float(candidate.lat))
    for zone in (found, candidate.city_zone):
        if load_zone(zone) is not None:
            return zone
    return None


async def _reachable(tx: UnitOfWork, campaign: OutreachCampaign, page: Sequence[Candidate]) -> list[Candidate]:
    addresses = {address for each in page for address in (each.email, each.phone) if address}
    suppressed = await tx.campaigns.suppressions(addresses)
    channels = campaign.channels or ()
    return [
        each
        for each in page
        if reachable(
            channels,
            _has(each),
            {"email": suppressed.get(each.email or "", ()), "phone": suppressed.get(each.phone or "", ())},
        )
    ]


def _has(candidate: Candidate) -> set[str]:
    known = {
        "email": candidate.email,
        "phone": candidate.phone,
        "linkedin": candidate.linkedin,
        "address": candidate.address,
    }
    return {name for name, value in known.items() if value}


def _criteria(campaign: OutreachCampaign) -> TargetCriteria | None:
    """What the campaign asks of contractors; None: they are enrolled by hand. Raises ValidationError if unclear."""
    if campaign.target_criteria is None:
        return None
    return TargetCriteria.model_validate(campaign.target_criteria)
