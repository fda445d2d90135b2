"""Campaigns' sequences: enrolments, touches and their schedule, decisions, mailboxes, people's tasks, promo codes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import case, func, or_, select, text, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from schema.repositories.base import Repository, checked, clean, page_size
from schema.tables import (
    ContactDecision,
    Contractor,
    DemoMeeting,
    Mailbox,
    MailboxClaim,
    OutreachCampaign,
    OutreachTask,
    OutreachTouchpoint,
    PromoCode,
    ScheduledTouchpoint,
    SequenceEnrollment,
)

UNASKED = ("outreach", "nurture")
"""Purposes of touches that nobody asked for: frequency caps count these."""
FIRST_TOUCH = "outreach-0"
"""The touch that makes somebody a new lead of a mailbox; everything later is a follow-up."""
MAX_TOUCHES = 500
OPEN_TASK = ("open", "claimed")
BY_PEOPLE = ("linkedin", "direct_mail")
"""Tasks that stand for a touch: it is sent when they are done."""


@dataclass(frozen=True, slots=True)
class Enrolled:
    """An enrolment that was live when it was halted."""

    campaign_id: UUID
    contractor_id: UUID


@dataclass(frozen=True, slots=True)
class MailboxDay:
    """How far a mailbox's day has gone: places taken, and follow-ups that are still to come."""

    taken: int
    follow_ups_due: int


class OutreachRepository(Repository):
    """`outreach_campaigns`, `sequence_enrollments`, `outreach_touchpoints` and what hangs on them."""

    # Campaigns and enrolments.

    async def campaign(self, campaign_id: UUID) -> OutreachCampaign | None:
        """The campaign, or None."""
        return await self._session.get(OutreachCampaign, campaign_id, populate_existing=True)

    async def enrollment(
        self, campaign_id: UUID, contractor_id: UUID, *, lock: bool = False
    ) -> SequenceEnrollment | None:
        """The contractor's place in the campaign, or None; `lock` keeps others from changing it meanwhile."""
        query = select(SequenceEnrollment).where(
            col(SequenceEnrollment.campaign_id) == campaign_id, col(SequenceEnrollment.contractor_id) == contractor_id
        )
        query = query.execution_options(populate_existing=True)
        return await self._session.scalar(query.with_for_update() if lock else query)

    async def enroll(
        self, campaign_id: UUID, contractor_id: UUID, workflow_id: str, at: datetime, mailbox_id: UUID | None
    ) -> SequenceEnrollment:
        """The enrolment, made now if there is none; an existing one is left as it is."""
        await self._session.execute(
            insert(SequenceEnrollment)
            .values(
                campaign_id=campaign_id,
                contractor_id=contractor_id,
                workflow_id=workflow_id,
                mailbox_id=mailbox_id,
                enrolled_at=at,
                phase_started_at=at,
            )
            .on_conflict_do_nothing(index_elements=["campaign_id", "contractor_id"])
        )
        row = await self.enrollment(campaign_id, contractor_id, lock=True)
        if row is None:
            raise LookupError("the enrolment vanished while it was made")
        return row

    async def update_enrollment(self, enrollment_id: UUID, **values: Any) -> None:
        """Sets columns of an enrolment."""
        checked(SequenceEnrollment, values, {"id", "campaign_id", "contractor_id"})
        await self._session.execute(
            update(SequenceEnrollment).where(col(SequenceEnrollment.id) == enrollment_id).values(**values)
        )

    async def live(self, contractor_ids: Sequence[UUID]) -> list[Enrolled]:
        """Enrolments of these contractors that have not ended."""
        found = await self._session.execute(
            select(col(SequenceEnrollment.campaign_id), col(SequenceEnrollment.contractor_id))
            .where(
                col(SequenceEnrollment.contractor_id).in_(contractor_ids), col(SequenceEnrollment.ended_at).is_(None)
            )
            .order_by(col(SequenceEnrollment.enrolled_at), col(SequenceEnrollment.id))
        )
        return [Enrolled(campaign, contractor) for campaign, contractor in found]

    async def halt(self, contractor_ids: Sequence[UUID], reason: str, at: datetime) -> list[Enrolled]:
        """Nothing unasked may go out to these contractors any more; returns their live enrolments.

        The latest halt counts, since a new phase forgets the ones before it.
        """
        halted = await self._session.execute(
            update(SequenceEnrollment)
            .where(
                col(SequenceEnrollment.contractor_id).in_(contractor_ids), col(SequenceEnrollment.ended_at).is_(None)
            )
            .values(halted_at=func.greatest(col(SequenceEnrollment.halted_at), at), halt_reason=reason)
            .returning(col(SequenceEnrollment.campaign_id), col(SequenceEnrollment.contractor_id))
        )
        return [Enrolled(campaign, contractor) for campaign, contractor in halted]

    # Contractors, as far as outreach changes them.

    async def contractor(self, contractor_id: UUID, *, lock: bool = False) -> Contractor | None:
        """The contractor, or None."""
        query = select(Contractor).where(col(Contractor.id) == contractor_id)
        query = query.execution_options(populate_existing=True)
        return await self._session.scalar(query.with_for_update() if lock else query)

    async def set_zone(self, contractor_id: UUID, zone: str) -> None:
        """Keeps the time zone found for a contractor's place."""
        await self._session.execute(update(Contractor).where(col(Contractor.id) == contractor_id).values(timezone=zone))

    async def set_stage(
        self, contractor_id: UUID, stage: str, status: str | None, *, unless: Sequence[str] = ()
    ) -> None:
        """Moves a contractor to a stage of acquisition, unless its status is one of `unless`."""
        values: dict[str, Any] = {"current_stage": stage}
        if status is not None:
            values["acquisition_status"] = status
        await self._session.execute(
            update(Contractor)
            .where(col(Contractor.id) == contractor_id, col(Contractor.acquisition_status).not_in(unless))
            .values(**values)
        )

    async def contacted_now(self, contractor_id: UUID, at: datetime) -> None:
        """Counts one more contact; somebody only discovered so far is contacted from now on."""
        await self._session.execute(
            update(Contractor)
            .where(col(Contractor.id) == contractor_id)
            .values(
                first_contact_date=func.coalesce(col(Contractor.first_contact_date), at),
                last_contact_date=func.greatest(col(Contractor.last_contact_date), at),
                total_touchpoints=col(Contractor.total_touchpoints) + 1,
                acquisition_status=func.coalesce(
                    func.nullif(col(Contractor.acquisition_status), "discovered"), "contacted"
                ),
            )
        )

    async def city_zone(self, city: str, state: str) -> str | None:
        """The time zone of a target city, if we know that city."""
        found: str | None = await self._session.scalar(
            text("SELECT timezone FROM target_cities WHERE lower(city) = lower(:city) AND state = upper(:state)"),
            {"city": city, "state": state},
        )
        return found

    # Touches.

    async def touchpoint(self, touchpoint_id: UUID) -> OutreachTouchpoint | None:
        """A touch by its id, which is also the token in its links and reply address."""
        return await self._session.get(OutreachTouchpoint, touchpoint_id, populate_existing=True)

    async def touchpoint_of(self, effect_key: str) -> OutreachTouchpoint | None:
        """A touch by the key of its effect."""
        query = select(OutreachTouchpoint).where(col(OutreachTouchpoint.effect_key) == effect_key)
        return await self._session.scalar(query.execution_options(populate_existing=True))

    async def open_touchpoint(self, effect_key: str, **values: Any) -> OutreachTouchpoint:
        """The touch with this key, made now (as scheduled) if there is none."""
        checked(OutreachTouchpoint, values, {"id", "status", "effect_key"})
        await self._session.execute(
            insert(OutreachTouchpoint)
            .values(effect_key=effect_key, status="scheduled", **values)
            .on_conflict_do_nothing(index_elements=["effect_key"])
        )
        row = await self.touchpoint_of(effect_key)
        if row is None:
            raise LookupError("the touch vanished while it was made")
        return row

    async def draft(self, touchpoint_id: UUID, extra: Mapping[str, Any] | None = None, **values: Any) -> None:
        """Keeps what a touch will say, so that its record is what went out, whatever crashes in between."""
        checked(OutreachTouchpoint, values, {"id", "status", "effect_key"})
        columns: dict[Any, Any] = {getattr(OutreachTouchpoint, name): value for name, value in values.items()}
        if extra is not None:
            # Its column is called `metadata`, a name that SQLAlchemy keeps for itself.
            columns[col(OutreachTouchpoint.extra)] = dict(extra)
        await self._session.execute(
            update(OutreachTouchpoint)
            .where(col(OutreachTouchpoint.id) == touchpoint_id, col(OutreachTouchpoint.sent_at).is_(None))
            .values(columns)
        )

    async def settle_touchpoint(self, touchpoint_id: UUID, status: str, **values: Any) -> bool:
        """Records what became of a touch; True if it was open until now. Events may have moved it on already."""
        checked(OutreachTouchpoint, values, {"id", "effect_key"})
        settled = await self._session.scalar(
            update(OutreachTouchpoint)
            .where(col(OutreachTouchpoint.id) == touchpoint_id, col(OutreachTouchpoint.status) == "scheduled")
            .values(status=status, **values)
            .returning(col(OutreachTouchpoint.id))
        )
        return settled is not None

    async def made(self, touchpoint_id: UUID, status: str, **values: Any) -> None:
        """Records how an attempt to send went. What vendors told of the touch meanwhile stays: it is further on."""
        checked(OutreachTouchpoint, values, {"id", "effect_key"})
        current = col(OutreachTouchpoint.status)
        await self._session.execute(
            update(OutreachTouchpoint)
            .where(col(OutreachTouchpoint.id) == touchpoint_id)
            .values(status=case((current == "scheduled", status), else_=current), **values)
        )

    async def done_keys(self, campaign_id: UUID, contractor_id: UUID) -> tuple[str, ...]:
        """Keys of an enrolment's touches that are settled, or are on a person's list."""
        has_task = (
            select(col(OutreachTask.id)).where(col(OutreachTask.touchpoint_id) == col(OutreachTouchpoint.id)).exists()
        )
        found = await self._session.scalars(
            select(col(OutreachTouchpoint.touch_key))
            .where(
                col(OutreachTouchpoint.campaign_id) == campaign_id,
                col(OutreachTouchpoint.contractor_id) == contractor_id,
                col(OutreachTouchpoint.touch_key).is_not(None),
                or_(col(OutreachTouchpoint.status) != "scheduled", has_task),
            )
            .order_by(col(OutreachTouchpoint.created_at), col(OutreachTouchpoint.id))
            .limit(MAX_TOUCHES)
        )
        return tuple(key for key in found if key)

    async def last_touch_at(self, campaign_id: UUID, contractor_id: UUID) -> datetime | None:
        """When an enrolment's last touch was made."""
        found: datetime | None = await self._session.scalar(
            select(func.max(col(OutreachTouchpoint.sent_at))).where(
                col(OutreachTouchpoint.campaign_id) == campaign_id,
                col(OutreachTouchpoint.contractor_id) == contractor_id,
            )
        )
        return found

    async def unasked_contacts(self, contractor_id: UUID, since: datetime) -> dict[str, tuple[datetime, ...]]:
        """Per channel, when a contractor was last contacted unasked, newest first; over all campaigns."""
        found = await self._session.execute(
            select(col(OutreachTouchpoint.channel), col(OutreachTouchpoint.sent_at))
            .where(
                col(OutreachTouchpoint.contractor_id) == contractor_id,
                col(OutreachTouchpoint.purpose).in_(UNASKED),
                col(OutreachTouchpoint.sent_at) >= since,
            )
            .order_by(col(OutreachTouchpoint.sent_at).desc())
            .limit(MAX_TOUCHES)
        )
        contacts: dict[str, tuple[datetime, ...]] = {}
        for channel, at in found:
            if channel is not None and at is not None:
                contacts[channel] = (*contacts.get(channel, ()), at)
        return contacts

    async def decide(
        self,
        touchpoint_id: UUID,
        contractor_id: UUID,
        channel: str,
        verdict: str,
        reason: str,
        until: datetime | None,
        facts: Mapping[str, Any],
    ) -> None:
        """Stores what the compliance gate said, and on what grounds."""
        await self._session.execute(
            insert(ContactDecision).values(
                touchpoint_id=touchpoint_id,
                contractor_id=contractor_id,
                channel=channel,
                verdict=verdict,
                reason=reason[:60],
                until=until,
                facts=dict(facts),
            )
        )

    # The schedule.

    async def schedule(self, campaign_id: UUID, contractor_id: UUID, touch_key: str, **values: Any) -> None:
        """When a touch is due; one row per touch. A settled one is left alone."""
        checked(ScheduledTouchpoint, values, {"id", "status", "touch_key"})
        statement = insert(ScheduledTouchpoint).values(
            campaign_id=campaign_id, contractor_id=contractor_id, touch_key=touch_key, status="scheduled", **values
        )
        await self._session.execute(
            statement.on_conflict_do_update(
                index_elements=["campaign_id", "contractor_id", "touch_key"],
                set_={"scheduled_for": statement.excluded.scheduled_for},
                where=col(ScheduledTouchpoint.status) == "scheduled",
            )
        )

    async def settle_scheduled(
        self, campaign_id: UUID, contractor_id: UUID, touch_key: str, status: str, at: datetime, touchpoint_id: UUID
    ) -> None:
        """Takes a touch off the schedule: sent, failed or cancelled."""
        times = {"sent": {"sent_at": at}, "failed": {"failed_at": at}}
        await self._session.execute(
            update(ScheduledTouchpoint)
            .where(
                col(ScheduledTouchpoint.campaign_id) == campaign_id,
                col(ScheduledTouchpoint.contractor_id) == contractor_id,
                col(ScheduledTouchpoint.touch_key) == touch_key,
                col(ScheduledTouchpoint.status).in_(("scheduled", "processing", "cancelled")),
            )
            .values(status=status, touchpoint_id=touchpoint_id, **times.get(status, {}))
        )

    async def cancel_scheduled(self, enrolled: Sequence[Enrolled]) -> int:
        """Takes everything these enrolments have on the schedule off it; returns how many touches that were."""
        if not enrolled:
            return 0
        pairs = [(each.campaign_id, each.contractor_id) for each in enrolled]
        cancelled = await self._session.scalars(
            update(ScheduledTouchpoint)
            .where(
                tuple_(col(ScheduledTouchpoint.campaign_id), col(ScheduledTouchpoint.contractor_id)).in_(pairs),
                col(ScheduledTouchpoint.status) == "scheduled",
            )
            .values(status="cancelled")
            .returning(col(ScheduledTouchpoint.id))
        )
        return len(cancelled.all())

    # Mailboxes.

    async def active_mailboxes(self) -> list[UUID]:
        """Mailboxes that may be written from, in a fixed order."""
        found = await self._session.scalars(
            select(col(Mailbox.id)).where(col(Mailbox.state) == "active").order_by(col(Mailbox.id)).limit(1_000)
        )
        return list(found)

    async def has_mailboxes(self) -> bool:
        """Whether any mailbox was ever set up; without one the default sender writes."""
        return bool(await self._session.scalar(select(select(col(Mailbox.id)).exists())))

    async def mailbox(self, mailbox_id: UUID, *, lock: bool = False) -> Mailbox | None:
        """A mailbox; `lock` serialises those who want a place in its day."""
        query = select(Mailbox).where(col(Mailbox.id) == mailbox_id).execution_options(populate_existing=True)
        return await self._session.scalar(query.with_for_update() if lock else query)

    async def mailbox_day(self, mailbox_id: UUID, day: date, until: datetime, besides: UUID) -> MailboxDay:
        """Places taken in a mailbox's day and follow-ups due by `until`, leaving out the touch `besides`."""
        taken = await self._session.scalar(
            select(func.count())
            .select_from(MailboxClaim)
            .where(
                col(MailboxClaim.mailbox_id) == mailbox_id,
                col(MailboxClaim.day) == day,
                col(MailboxClaim.touchpoint_id) != besides,
            )
        )
        due = await self._session.scalar(
            select(func.count())
            .select_from(ScheduledTouchpoint)
            .join(
                SequenceEnrollment,
                (col(SequenceEnrollment.campaign_id) == col(ScheduledTouchpoint.campaign_id))
                & (col(SequenceEnrollment.contractor_id) == col(ScheduledTouchpoint.contractor_id)),
            )
            .join(OutreachCampaign, col(OutreachCampaign.id) == col(SequenceEnrollment.campaign_id))
            .where(
                col(OutreachCampaign.status) == "active",
                col(SequenceEnrollment.mailbox_id) == mailbox_id,
                col(SequenceEnrollment.halted_at).is_(None) | (col(SequenceEnrollment.phase) != "outreach"),
                col(ScheduledTouchpoint.status) == "scheduled",
                col(ScheduledTouchpoint.channel) == "email",
                col(ScheduledTouchpoint.scheduled_for) < until,
                col(ScheduledTouchpoint.touch_key) != FIRST_TOUCH,
            )
        )
        return MailboxDay(taken or 0, due or 0)

    async def claim(self, touchpoint_id: UUID, mailbox_id: UUID, day: date, follow_up: bool) -> None:
        """Takes a place in a mailbox's day; a touch has one, on the day it was last tried."""
        place = {"mailbox_id": mailbox_id, "day": day, "follow_up": follow_up}
        await self._session.execute(
            insert(MailboxClaim)
            .values(touchpoint_id=touchpoint_id, **place)
            .on_conflict_do_update(index_elements=["touchpoint_id"], set_=place)
        )

    async def unclaim(self, touchpoint_id: UUID) -> None:
        """Gives the place back: nothing went out."""
        await self._session.execute(text("DELETE FROM mailbox_claims WHERE touchpoint_id = :id"), {"id": touchpoint_id})

    # Demos, as far as letters speak of them.

    async def meeting(self, meeting_id: UUID | None) -> DemoMeeting | None:
        """A demo, or None."""
        if meeting_id is None:
            return None
        return await self._session.get(DemoMeeting, meeting_id, populate_existing=True)

    async def kept_link(self, touchpoint_id: UUID, name: str) -> str | None:
        """A link that was kept with a touch, or None."""
        found: str | None = await self._session.scalar(
            select(col(OutreachTouchpoint.extra)[name].astext).where(col(OutreachTouchpoint.id) == touchpoint_id)
        )
        return found

    # People's tasks.

    async def open_task(self, effect_key: str, kind: str, contractor_id: UUID, due_at: datetime, **values: Any) -> bool:
        """Puts something on people's list, once per key; True if it is new."""
        checked(OutreachTask, values, {"id", "effect_key", "state"})
        if isinstance(values.get("instructions"), str):
            values["instructions"] = clean(values["instructions"])
        added = await self._session.scalar(
            insert(OutreachTask)
            .values(effect_key=effect_key, kind=kind, contractor_id=contractor_id, due_at=due_at, **values)
            .on_conflict_do_nothing(index_elements=["effect_key"])
            .returning(col(OutreachTask.id))
        )
        return added is not None

    async def has_open_task(self, contractor_id: UUID, kind: str) -> bool:
        """Whether people have something of this kind to do for the contractor."""
        found = select(col(OutreachTask.id)).where(
            col(OutreachTask.contractor_id) == contractor_id,
            col(OutreachTask.kind) == kind,
            col(OutreachTask.state).in_(OPEN_TASK),
        )
        return bool(await self._session.scalar(select(found.exists())))

    async def task(self, task_id: UUID) -> OutreachTask | None:
        """A task, or None."""
        return await self._session.get(OutreachTask, task_id, populate_existing=True)

    async def task_of(self, effect_key: str) -> OutreachTask | None:
        """A task by its key."""
        return await self._session.scalar(select(OutreachTask).where(col(OutreachTask.effect_key) == effect_key))

    async def open_tasks(
        self, after: tuple[datetime, UUID] | None = None, limit: int = 50, kind: str | None = None
    ) -> Sequence[OutreachTask]:
        """What people have to do, most urgent first, behind the (due_at, id) of the page before."""
        query = select(OutreachTask).where(col(OutreachTask.state).in_(OPEN_TASK))
        if kind is not None:
            query = query.where(col(OutreachTask.kind) == kind)
        if after is not None:
            query = query.where(tuple_(col(OutreachTask.due_at), col(OutreachTask.id)) > after)
        query = query.order_by(col(OutreachTask.due_at), col(OutreachTask.id)).limit(page_size(limit))
        return (await self._session.scalars(query)).all()

    async def settle_task(
        self, task_id: UUID, state: str, at: datetime, *, note: str | None = None, by: UUID | None = None
    ) -> OutreachTask | None:
        """Ends an open task (done, skipped, expired) and, with it, the touch it stands for.

        None if there is no such open task: somebody else may have been quicker.
        """
        task = await self._session.scalar(
            update(OutreachTask)
            .where(col(OutreachTask.id) == task_id, col(OutreachTask.state).in_(OPEN_TASK))
            .values(
                state=state,
                settled_at=at,
                note=func.coalesce(clean(note), col(OutreachTask.note)),
                assignee_id=func.coalesce(by, col(OutreachTask.assignee_id)),
            )
            .returning(OutreachTask)
            .execution_options(populate_existing=True)
        )
        if task is not None and task.touchpoint_id is not None and task.kind in BY_PEOPLE:
            if state == "done":
                settled = await self.settle_touchpoint(task.touchpoint_id, "sent", sent_at=at)
                if settled:
                    await self.contacted_now(task.contractor_id, at)
            else:
                await self.settle_touchpoint(task.touchpoint_id, "skipped", outcome_reason=f"task_{state}")
        return task

    async def expire_tasks(
        self,
        contractor_id: UUID,
        kinds: Sequence[str],
        at: datetime,
        campaign_id: UUID | None = None,
        besides: str = "",
    ) -> int:
        """Takes what is no longer to be done off people's list, and the touches it stood for; returns how many.

        Only of one campaign, if it is named; the task with the key `besides` stays.
        """
        query = update(OutreachTask).where(
            col(OutreachTask.contractor_id) == contractor_id,
            col(OutreachTask.kind).in_(kinds),
            col(OutreachTask.state).in_(OPEN_TASK),
            col(OutreachTask.effect_key) != besides,
        )
        if campaign_id is not None:
            query = query.where(col(OutreachTask.campaign_id) == campaign_id)
        expired = await self._session.execute(
            query.values(state="expired", settled_at=at).returning(
                col(OutreachTask.kind), col(OutreachTask.touchpoint_id)
            )
        )
        rows = expired.all()
        await self._session.execute(
            update(OutreachTouchpoint)
            .where(
                col(OutreachTouchpoint.id).in_([touch for kind, touch in rows if kind in BY_PEOPLE and touch]),
                col(OutreachTouchpoint.status) == "scheduled",
            )
            .values(status="skipped", outcome_reason="task_expired")
        )
        return len(rows)

    # Promo codes.

    async def offer(
        self,
        code: str,
        contractor_id: UUID,
        campaign_id: UUID | None,
        channel: str,
        percent_off: int,
        expires_at: datetime | None,
    ) -> PromoCode | None:
        """The contractor's code in this campaign and channel, made now if there is none.

        None when `code` is taken by somebody else: try another.
        """
        await self._session.execute(
            insert(PromoCode)
            .values(
                code=code,
                contractor_id=contractor_id,
                campaign_id=campaign_id,
                channel=channel,
                percent_off=percent_off,
                expires_at=expires_at,
            )
            .on_conflict_do_nothing()
        )
        return await self.offered(contractor_id, campaign_id, channel)

    async def offered(self, contractor_id: UUID, campaign_id: UUID | None, channel: str) -> PromoCode | None:
        """The code that the contractor was given in this campaign on this channel."""
        return await self._session.scalar(
            select(PromoCode).where(
                col(PromoCode.contractor_id) == contractor_id,
                col(PromoCode.campaign_id) == campaign_id,
                col(PromoCode.channel) == channel,
            )
        )

    async def redeem(self, code: str, contractor_id: UUID, at: datetime) -> PromoCode | None:
        """Marks a code as used by its own contractor; None if it is unknown, not theirs, expired or used."""
        return await self._session.scalar(
            update(PromoCode)
            .where(
                col(PromoCode.code) == code.strip().upper(),
                col(PromoCode.contractor_id) == contractor_id,
                col(PromoCode.redeemed_at).is_(None),
                or_(col(PromoCode.expires_at).is_(None), col(PromoCode.expires_at) > at),
            )
            .values(redeemed_at=at)
            .returning(PromoCode)
        )
