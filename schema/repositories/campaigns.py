"""Campaigns and mailboxes as their owners see them: made, listed, launched, paused, resumed."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import exists, func, insert, select, text, tuple_, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlmodel import col

from domain.contact_points import contact_point
from schema.contracts.campaigns import TargetCriteria
from schema.contracts.ids import sequence_workflow_id
from schema.repositories.base import Repository, checked, page_size, rows_of, sql_table
from schema.tables import (
    Contractor,
    Mailbox,
    OutreachCampaign,
    OutreachTouchpoint,
    SequenceEnrollment,
    SuppressionEntry,
    SystemEvent,
    TargetCity,
)

MAX_STRANDED = 200
_NO_PRIORITY = Decimal(-1)

# Live enrolments of running campaigns that nobody seems to work on: a touch is overdue, or nothing is planned
# and nothing has happened for as long. The second kind may only be waiting for an answer, so it comes after
# the first, and in no fixed order: were there more than a sweep takes, each would still have its turn.
_STRANDED = text(
    f"""
    WITH age AS (
        SELECT now() - make_interval(secs => :seconds) AS before
    ), live AS (
        SELECT enrolment.campaign_id, enrolment.contractor_id, enrolment.updated_at, enrolment.paused_until,
               min(planned.scheduled_for) AS next_at
        FROM sequence_enrollments enrolment
        JOIN outreach_campaigns campaign ON campaign.id = enrolment.campaign_id AND campaign.status = 'active'
        LEFT JOIN scheduled_touchpoints planned
               ON planned.campaign_id = enrolment.campaign_id AND planned.contractor_id = enrolment.contractor_id
              AND planned.status = 'scheduled'
        WHERE enrolment.ended_at IS NULL
        GROUP BY enrolment.id
    )
    SELECT live.campaign_id, live.contractor_id
    FROM live, age
    WHERE greatest(live.updated_at, live.paused_until) < age.before
      AND (live.next_at < age.before
           OR (live.next_at IS NULL
               AND NOT EXISTS (SELECT 1 FROM outreach_touchpoints touch
                               WHERE touch.contractor_id = live.contractor_id
                                 AND touch.campaign_id = live.campaign_id
                                 AND greatest(touch.created_at, touch.sent_at) >= age.before)))
    ORDER BY live.next_at IS NULL, random()
    LIMIT {MAX_STRANDED}
    """  # noqa: S608 - assembled from our own constants
)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A contractor that a campaign may take in. Its `repr` shows no address."""

    id: UUID
    priority: Decimal
    email: str | None = field(repr=False)
    phone: str | None = field(repr=False)
    linkedin: bool
    address: bool
    zone: str | None
    lat: Decimal | None
    lng: Decimal | None
    city_zone: str | None
    """The time zone of its city, if that is a target city."""

    @property
    def cursor(self) -> tuple[Decimal, UUID]:
        """Pass as `after` for the candidates behind this one."""
        return self.priority, self.id


@dataclass(frozen=True, slots=True)
class Claim:
    """A contractor a campaign takes in: the mailbox that writes to it, and its time zone."""

    contractor_id: UUID
    mailbox_id: UUID | None
    zone: str


class CampaignRepository(Repository):
    """`outreach_campaigns`, the enrolments a launch makes, `mailboxes`."""

    # Campaigns.

    async def create(self, **values: Any) -> OutreachCampaign:
        """A new campaign, as a draft."""
        checked(OutreachCampaign, values, {"id", "status"})
        row = OutreachCampaign(status="draft", **values)
        self._session.add(row)
        await self._session.flush()
        await self._session.refresh(row)
        return row

    async def get(self, campaign_id: UUID) -> OutreachCampaign | None:
        """The campaign, or None."""
        return await self._session.get(OutreachCampaign, campaign_id, populate_existing=True)

    async def page(
        self, after: tuple[datetime, UUID] | None, limit: int, status: str | None = None
    ) -> Sequence[OutreachCampaign]:
        """Campaigns, newest first, behind the (created_at, id) of the page before."""
        query = select(OutreachCampaign)
        if status is not None:
            query = query.where(col(OutreachCampaign.status) == status)
        return await self._newest_first(query, OutreachCampaign, after, limit)

    async def not_drafts(self, limit: int = 1_000) -> list[UUID]:
        """Campaigns that were ever started, the latest first."""
        found = await self._session.scalars(
            select(col(OutreachCampaign.id))
            .where(col(OutreachCampaign.status) != "draft")
            .order_by(col(OutreachCampaign.created_at).desc(), col(OutreachCampaign.id))
            .limit(limit)
        )
        return list(found)

    async def active(self, campaign_ids: Sequence[UUID], limit: int = 200) -> list[UUID]:
        """Which of these campaigns are active."""
        found = await self._session.scalars(
            select(col(OutreachCampaign.id))
            .where(col(OutreachCampaign.id).in_(campaign_ids), col(OutreachCampaign.status) == "active")
            .order_by(col(OutreachCampaign.created_at).desc(), col(OutreachCampaign.id))
            .limit(limit)
        )
        return list(found)

    async def set_status(
        self, campaign_id: UUID, status: str, allowed_from: Collection[str], reason: str | None = None
    ) -> bool:
        """Moves a campaign to a status if it is in one of these; True if it did."""
        values: dict[str, Any] = {"status": status, "pause_reason": reason}
        if status == "active":
            values["started_at"] = func.coalesce(col(OutreachCampaign.started_at), func.now())
        moved = await self._session.scalar(
            update(OutreachCampaign)
            .where(col(OutreachCampaign.id) == campaign_id, col(OutreachCampaign.status).in_(allowed_from))
            .values(**values)
            .returning(col(OutreachCampaign.id))
        )
        return moved is not None

    async def save_experiments(self, campaign_id: UUID, experiments: Mapping[str, Any]) -> None:
        """Keeps how the campaign's A/B tests stand."""
        await self._session.execute(
            update(OutreachCampaign)
            .where(col(OutreachCampaign.id) == campaign_id)
            .values(experiments=dict(experiments) or None)
        )

    # Launching.

    async def lock_claims(self) -> None:
        """One launch at a time takes contractors in, until the transaction ends.

        So nobody is claimed by two campaigns at once; a batch takes milliseconds.
        """
        await self._session.execute(
            select(func.pg_advisory_xact_lock(func.hashtextextended("outreach campaign claims", 0)))
        )

    async def candidates(
        self,
        campaign: OutreachCampaign,
        criteria: TargetCriteria,
        statuses: Collection[str],
        after: tuple[Decimal, UUID] | None = None,
        limit: int = 200,
    ) -> list[Candidate]:
        """Contractors that meet the criteria and are in no sequence, best priority first.

        Whoever was in this campaign before does not come again.
        """
        priority = func.coalesce(col(Contractor.priority_score), _NO_PRIORITY)
        city = col(TargetCity.city)
        query: Any = (
            select(
                col(Contractor.id),
                priority.label("priority"),
                col(Contractor.email),
                col(Contractor.phone),
                col(Contractor.linkedin_url).is_not(None).label("linkedin"),
                col(Contractor.address).is_not(None).label("address"),
                col(Contractor.timezone).label("zone"),
                col(Contractor.lat),
                col(Contractor.lng),
                col(TargetCity.timezone).label("city_zone"),
            )
            .outerjoin(
                TargetCity,
                (func.lower(city) == func.lower(col(Contractor.city)))
                & (col(TargetCity.state) == col(Contractor.state)),
            )
            .where(
                col(Contractor.acquisition_status).in_(statuses),
                *_place(campaign),
                *_meets(criteria),
                ~exists().where(
                    col(SequenceEnrollment.contractor_id) == col(Contractor.id),
                    (col(SequenceEnrollment.campaign_id) == campaign.id) | col(SequenceEnrollment.ended_at).is_(None),
                ),
            )
        )
        if after is not None:
            before, last = after
            query = query.where((priority < before) | ((priority == before) & (col(Contractor.id) > last)))
        found = await self._session.execute(query.order_by(priority.desc(), col(Contractor.id)).limit(limit))
        return [Candidate(**row) for row in found.mappings()]

    async def suppressions(self, addresses: Iterable[str]) -> dict[str, set[str]]:
        """Of these addresses, the suppressed ones with the channels they are suppressed on: one statement."""
        points = {address: contact_point(address) for address in addresses}
        indexes: dict[str, list[str]] = {}
        for address, point in points.items():
            if point is not None:
                indexes.setdefault(self._vault.blind_index(point), []).append(address)
        if not indexes:
            return {}
        found = await self._session.execute(
            select(col(SuppressionEntry.address_bidx), col(SuppressionEntry.channel)).where(
                col(SuppressionEntry.address_bidx).in_(list(indexes))
            )
        )
        channels: dict[str, set[str]] = {}
        for index, channel in found:
            for address in indexes[index]:
                channels.setdefault(address, set()).add(channel)
        return channels

    async def claim(self, campaign_id: UUID, claims: Sequence[Claim], at: datetime) -> list[UUID]:
        """Takes contractors into the campaign; returns those it did not have, in the order given.

        They are as `enroll` of a single sequence would leave them: with mailbox, stage and event.
        """
        if not claims:
            return []
        rows = [
            {
                "campaign_id": campaign_id,
                "contractor_id": claim.contractor_id,
                "workflow_id": sequence_workflow_id(campaign_id, claim.contractor_id),
                "mailbox_id": claim.mailbox_id,
                "enrolled_at": at,
                "phase_started_at": at,
            }
            for claim in claims
        ]
        names = list(rows[0])
        statement = (
            upsert(sql_table(SequenceEnrollment))
            .from_select(names, rows_of(SequenceEnrollment, names, rows), include_defaults=False)
            .on_conflict_do_nothing(index_elements=["campaign_id", "contractor_id"])
            .returning(col(SequenceEnrollment.contractor_id))
        )
        new = set((await self._session.scalars(statement)).all())
        taken = [claim for claim in claims if claim.contractor_id in new]
        await self._begin(campaign_id, taken)
        return [claim.contractor_id for claim in taken]

    async def _begin(self, campaign_id: UUID, taken: Sequence[Claim]) -> None:
        if not taken:
            return
        zones = rows_of(
            Contractor, ["id", "timezone"], [{"id": claim.contractor_id, "timezone": claim.zone} for claim in taken]
        ).subquery()
        await self._session.execute(
            update(Contractor)
            .where(col(Contractor.id) == zones.c.id)
            .values(timezone=zones.c.timezone, current_stage="outreach")
            .execution_options(synchronize_session=False)
        )
        event = "sequence.outreach"
        data = {"campaign_id": campaign_id}
        await self._session.execute(
            insert(SystemEvent),
            [
                {
                    "event_type": event,
                    "event_name": event,
                    "entity_type": "contractor",
                    "entity_id": claim.contractor_id,
                    "event_data": data,
                    "severity": "info",
                }
                for claim in taken
            ],
        )

    async def taken_in(self, campaign_id: UUID) -> int:
        """How many contractors were ever in the campaign."""
        found = await self._session.scalar(
            select(func.count())
            .select_from(SequenceEnrollment)
            .where(col(SequenceEnrollment.campaign_id) == campaign_id)
        )
        return found or 0

    async def count_targets(self, campaign_id: UUID) -> int:
        """Records how many contractors the campaign was launched for, and returns it."""
        targeted = await self.taken_in(campaign_id)
        await self._session.execute(
            update(OutreachCampaign)
            .where(col(OutreachCampaign.id) == campaign_id, col(OutreachCampaign.contractors_targeted) != targeted)
            .values(contractors_targeted=targeted)
        )
        return targeted

    async def release_held(self, campaign_id: UUID, limit: int) -> list[UUID]:
        """Live enrolments that a pause of the campaign held, which from now on it does not; at most `limit`."""
        held = (
            select(col(SequenceEnrollment.id))
            .where(
                col(SequenceEnrollment.campaign_id) == campaign_id,
                col(SequenceEnrollment.held),
                col(SequenceEnrollment.ended_at).is_(None),
            )
            .order_by(col(SequenceEnrollment.id))
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        released = await self._session.scalars(
            update(SequenceEnrollment)
            .where(col(SequenceEnrollment.id).in_(held))
            .values(held=False)
            .returning(col(SequenceEnrollment.contractor_id))
            .execution_options(synchronize_session=False)
        )
        return list(released)

    async def stranded(self, older_than_seconds: int) -> list[tuple[UUID, UUID]]:
        """(campaign, contractor) of live sequences that nobody seems to work on, at most MAX_STRANDED."""
        found = await self._session.execute(_STRANDED, {"seconds": older_than_seconds})
        return [(row.campaign_id, row.contractor_id) for row in found]

    # What a contractor has had.

    async def touchpoints(
        self, contractor_id: UUID, after: tuple[datetime, UUID] | None, limit: int
    ) -> Sequence[OutreachTouchpoint]:
        """A contractor's touches, newest first, behind the (created_at, id) of the page before."""
        query = select(OutreachTouchpoint).where(col(OutreachTouchpoint.contractor_id) == contractor_id)
        return await self._newest_first(query, OutreachTouchpoint, after, limit)

    # Mailboxes.

    async def add_mailbox(
        self, address: str, display_name: str, daily_cap: int, warm_up_from: date | None
    ) -> Mailbox | None:
        """A new mailbox; None if there is one with this address."""
        return await self._session.scalar(
            upsert(Mailbox)
            .values(
                address=address.strip().lower(),
                display_name=display_name,
                daily_cap=daily_cap,
                warm_up_from=warm_up_from,
            )
            .on_conflict_do_nothing(index_elements=["address"])
            .returning(Mailbox)
        )

    async def mailbox(self, mailbox_id: UUID) -> Mailbox | None:
        """The mailbox, or None."""
        return await self._session.get(Mailbox, mailbox_id, populate_existing=True)

    async def mailboxes(self, after: tuple[datetime, UUID] | None, limit: int) -> Sequence[Mailbox]:
        """Mailboxes, newest first, behind the (created_at, id) of the page before."""
        return await self._newest_first(select(Mailbox), Mailbox, after, limit)

    async def change_mailbox(
        self, mailbox_id: UUID, allowed_from: Collection[str] | None = None, **values: Any
    ) -> Mailbox | None:
        """Sets columns of a mailbox; None if there is none, or its state is not one of `allowed_from`."""
        checked(Mailbox, values, {"id", "address"})
        statement = update(Mailbox).where(col(Mailbox.id) == mailbox_id)
        if allowed_from is not None:
            statement = statement.where(col(Mailbox.state).in_(allowed_from))
        return await self._session.scalar(
            statement.values(updated_at=func.now(), **values)
            .returning(Mailbox)
            .execution_options(populate_existing=True)
        )

    async def _newest_first(
        self, query: Any, model: type[Any], after: tuple[datetime, UUID] | None, limit: int
    ) -> Sequence[Any]:
        if after is not None:
            query = query.where(tuple_(model.created_at, model.id) < after)
        query = query.order_by(model.created_at.desc(), model.id.desc()).limit(page_size(limit))
        return (await self._session.scalars(query)).all()


def _place(campaign: OutreachCampaign) -> list[Any]:
    """The campaign's city and state; one without either is for the whole country."""
    where: list[Any] = []
    if campaign.target_city:
        where.append(func.lower(col(Contractor.city)) == campaign.target_city.lower())
    if campaign.target_state:
        where.append(col(Contractor.state) == campaign.target_state)
    return where


def _meets(criteria: TargetCriteria) -> list[Any]:
    floors = (
        (Contractor.fit_score, criteria.min_fit),
        (Contractor.conversion_likelihood, criteria.min_likelihood),
        (Contractor.priority_score, criteria.min_priority),
        (Contractor.ltv_estimate, criteria.min_ltv),
    )
    known = (
        (Contractor.email, criteria.has_email),
        (Contractor.phone, criteria.has_phone),
        (Contractor.website, criteria.has_website),
    )
    where: list[Any] = [col(column) >= floor for column, floor in floors if floor is not None]
    where += [
        (func.coalesce(col(column), "") != "") if wanted else (func.coalesce(col(column), "") == "")
        for column, wanted in known
        if wanted is not None
    ]
    if criteria.tiers:
        where.append(col(Contractor.subscription_tier).in_([tier.value for tier in criteria.tiers]))
    return where
