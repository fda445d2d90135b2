"""What comes back of our messages, and whom it concerns: touchpoints as they are answered."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import and_, case, delete, func, literal, or_, select, text, update
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlmodel import col

from schema.repositories.base import Repository, clean
from schema.tables import (
    Contractor,
    Notification,
    OutreachTouchpoint,
    SequenceEnrollment,
    SuppressionEntry,
)

STATUS_RANK: Mapping[str, int] = {
    "scheduled": 0,
    "unknown": 1,
    "denied": 1,
    "skipped": 1,
    "sent": 2,
    "failed": 3,
    "delivered": 4,
    "opened": 5,
    "clicked": 6,
    "bounced": 7,
    "replied": 8,
}
"""A touchpoint's status only ever rises, so that the order in which vendors tell us things decides nothing."""

MARKS = (
    "delivered_at",
    "opened_at",
    "clicked_at",
    "replied_at",
    "failed_at",
    "bounced_at",
    "complained_at",
    "unsubscribed_at",
)
UNASKED_PHASES = ("outreach", "callback", "person", "nurture")
STOP_KEYWORD = "sms_keyword"
"""Source of a suppression that the same telephone may lift again with START."""
MOST_COLLEAGUES = 50
MAX_RESPONSE = 20_000

# One statement, whatever names the sender: the touchpoint answered, else the address, else the company's domain.
# Everybody at the company comes along, since anyone's reply stops it.
_WRITERS = text(
    f"""
    WITH written AS (
        SELECT id, contractor_id, campaign_id FROM outreach_touchpoints WHERE id = ANY(:tokens) LIMIT 10
    ), named AS (
        SELECT contractor_id AS id FROM written WHERE contractor_id IS NOT NULL
        UNION SELECT id FROM contractors WHERE email = ANY(:emails)
    ), domains AS (
        SELECT email_domain FROM contractors WHERE id IN (SELECT id FROM named) AND email_domain IS NOT NULL
        UNION SELECT CAST(:domain AS text) WHERE CAST(:domain AS text) IS NOT NULL
    ), people AS (
        SELECT id FROM named
        UNION SELECT id FROM contractors WHERE email_domain IN (SELECT email_domain FROM domains)
    )
    SELECT contractor.id, contractor.timezone, (SELECT written.id FROM written
             WHERE written.contractor_id = contractor.id ORDER BY written.id LIMIT 1) AS touchpoint_id,
           contractor.email = ANY(:emails) AS by_address
    FROM contractors contractor
    WHERE contractor.id IN (SELECT id FROM people)
    ORDER BY contractor.id
    LIMIT {MOST_COLLEAGUES}
    """  # noqa: S608 - assembled from our own constants
)


@dataclass(frozen=True, slots=True)
class Touched:
    """A touchpoint and who got it."""

    touchpoint_id: UUID
    contractor_id: UUID
    campaign_id: UUID | None
    channel: str | None
    email: str | None = field(repr=False)
    phone: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Writer:
    """Somebody a reply may come from. `touchpoint_id` is what they answered, `by_address` that it is their own."""

    contractor_id: UUID
    zone: str | None
    touchpoint_id: UUID | None = None
    by_address: bool = False


class ResponseRepository(Repository):
    """`outreach_touchpoints` as seen by what comes back, with the contractors and enrolments it concerns."""

    async def touched(self, touchpoint_id: UUID | None, external_id: str | None = None) -> Touched | None:
        """The touchpoint with this id, else the one that the vendor knows under `external_id`."""
        query = select(
            col(OutreachTouchpoint.id),
            col(OutreachTouchpoint.contractor_id),
            col(OutreachTouchpoint.campaign_id),
            col(OutreachTouchpoint.channel),
            col(Contractor.email),
            col(Contractor.phone),
        ).join(Contractor, col(Contractor.id) == col(OutreachTouchpoint.contractor_id))
        if touchpoint_id is not None:
            query = query.where(col(OutreachTouchpoint.id) == touchpoint_id)
        elif external_id:
            query = query.where(col(OutreachTouchpoint.external_id) == external_id).limit(1)
        else:
            return None
        row = (await self._session.execute(query)).first()
        if row is None or row[1] is None:
            return None
        return Touched(row[0], row[1], *row[2:])

    async def notified(self, notification_id: UUID) -> tuple[UUID, str] | None:
        """Whom a notice about a lead went to, and at which address; None if there is no such notice."""
        row = (
            await self._session.execute(
                select(col(Contractor.id), col(Contractor.email))
                .join(Notification, col(Notification.contractor_id) == col(Contractor.id))
                .where(col(Notification.id) == notification_id)
            )
        ).first()
        return (row[0], row[1] or "") if row is not None else None

    async def is_a_link(self, token: UUID) -> str | None:
        """What an unsubscribe link stands for: a `touchpoint`, a `notice` to a customer, or nothing we know."""
        touchpoint = select(col(OutreachTouchpoint.id)).where(col(OutreachTouchpoint.id) == token).exists()
        notice = (
            select(col(Notification.id))
            .where(col(Notification.id) == token, col(Notification.contractor_id).is_not(None))
            .exists()
        )
        found: str | None = await self._session.scalar(
            select(case((touchpoint, "touchpoint"), (notice, "notice"), else_=None))
        )
        return found

    async def writers(self, tokens: Sequence[UUID], email: str | None) -> list[Writer]:
        """Who may have written from this address to these reply addresses, with everybody at their company."""
        emails = sorted({email, email.lower()}) if email else []
        domain = email.lower().rpartition("@")[2] if email else None
        found = await self._session.execute(
            _WRITERS, {"tokens": list(tokens), "emails": emails, "domain": domain or None}
        )
        return [Writer(*row) for row in found]

    async def with_phone(self, phone: str) -> list[Writer]:
        """Contractors with this number (E.164)."""
        found = await self._session.execute(
            select(col(Contractor.id), col(Contractor.timezone))
            .where(col(Contractor.phone) == phone)
            .order_by(col(Contractor.id))
            .limit(MOST_COLLEAGUES)
        )
        return [Writer(contractor_id, zone, by_address=True) for contractor_id, zone in found]

    async def mark(
        self, touchpoint_id: UUID, status: str | None, mark: str, at: datetime, reason: str | None = None
    ) -> None:
        """Raises the status, if there is one, and keeps the earliest time of what happened.

        `mark` is the column of that time. A message heard of before its own record was written counts as sent.
        """
        if mark not in MARKS:
            raise AttributeError(f"{mark} is no time of a touchpoint")
        values: dict[str, Any] = {mark: func.least(getattr(OutreachTouchpoint, mark), at)}
        if status is not None:
            values |= {"status": _higher(status), "sent_at": func.coalesce(col(OutreachTouchpoint.sent_at), at)}
        if reason is not None:
            values["outcome_reason"] = func.coalesce(col(OutreachTouchpoint.outcome_reason), reason)
        await self._session.execute(
            update(OutreachTouchpoint)
            .where(col(OutreachTouchpoint.id) == touchpoint_id)
            .values(**values)
            .execution_options(synchronize_session=False)
        )

    async def answered(
        self, contractor_id: UUID, channel: str, touchpoint_id: UUID | None, at: datetime, words: str, sentiment: str
    ) -> UUID | None:
        """Keeps an answer with the touchpoint it is to, else with the last one made before it; returns which.

        Of several answers the last is kept, and the time of the first.
        """
        target: Any = literal(touchpoint_id)
        if touchpoint_id is None:
            target = (
                select(col(OutreachTouchpoint.id))
                .where(
                    col(OutreachTouchpoint.contractor_id) == contractor_id,
                    col(OutreachTouchpoint.channel) == channel,
                    col(OutreachTouchpoint.sent_at) <= at,
                )
                .order_by(col(OutreachTouchpoint.sent_at).desc(), col(OutreachTouchpoint.id).desc())
                .limit(1)
                .scalar_subquery()
            )
        stamp = f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"
        extra = func.coalesce(col(OutreachTouchpoint.extra), literal({}, JSONB))
        known = extra["response_at"].astext
        kept = clean(words, MAX_RESPONSE) or ""
        # Equal times: by the words themselves, so that both orders end alike.
        newer = or_(
            known.is_(None),
            known < stamp,
            and_(known == stamp, func.coalesce(col(OutreachTouchpoint.response_text), "") < kept),
        )
        return await self._session.scalar(
            update(OutreachTouchpoint)
            .where(col(OutreachTouchpoint.id) == target)
            .values(
                {
                    OutreachTouchpoint.status: _higher("replied"),
                    OutreachTouchpoint.contractor_responded: True,
                    OutreachTouchpoint.replied_at: func.least(
                        func.coalesce(col(OutreachTouchpoint.replied_at), at), at
                    ),
                    OutreachTouchpoint.response_text: case((newer, kept), else_=col(OutreachTouchpoint.response_text)),
                    OutreachTouchpoint.response_sentiment: case(
                        (newer, sentiment), else_=col(OutreachTouchpoint.response_sentiment)
                    ),
                    OutreachTouchpoint.extra: case(
                        (newer, extra.op("||")(literal({"response_at": stamp}, JSONB))),
                        else_=col(OutreachTouchpoint.extra),
                    ),
                }
            )
            .returning(col(OutreachTouchpoint.id))
            .execution_options(synchronize_session=False)
        )

    async def pause(self, contractor_ids: Sequence[UUID], until: datetime) -> None:
        """Nothing unasked before `until`; the latest of several absences counts."""
        if not contractor_ids:
            return
        await self._session.execute(
            update(SequenceEnrollment)
            .where(
                col(SequenceEnrollment.contractor_id).in_(contractor_ids),
                col(SequenceEnrollment.ended_at).is_(None),
                col(SequenceEnrollment.phase).in_(UNASKED_PHASES),
            )
            .values(paused_until=func.greatest(col(SequenceEnrollment.paused_until), until))
            .execution_options(synchronize_session=False)
        )

    async def allow_texts_again(self, phone: str, before: datetime) -> bool:
        """START: lifts what the same telephone's STOP did before, for texts only; True if it had done anything."""
        index = self._vault.blind_index(phone)
        lifted = await self._session.scalars(
            delete(SuppressionEntry)
            .where(
                col(SuppressionEntry.address_bidx) == index,
                col(SuppressionEntry.channel).in_(("sms", "all")),
                col(SuppressionEntry.reason) == "opt_out",
                col(SuppressionEntry.source) == STOP_KEYWORD,
                col(SuppressionEntry.created_at) <= before + timedelta(minutes=1),
            )
            .returning(col(SuppressionEntry.channel))
            .execution_options(synchronize_session=False)
        )
        channels = set(lifted)
        if "all" in channels:
            # A word that allows texts allows no calls.
            await self._session.execute(
                insert(SuppressionEntry)
                .values(address_bidx=index, channel="call", reason="opt_out", source=STOP_KEYWORD)
                .on_conflict_do_nothing(index_elements=["address_bidx", "channel"])
            )
        return bool(channels)


def _higher(status: str) -> Any:
    """The higher of a touchpoint's status and this one."""
    rank = STATUS_RANK[status]
    lower = [name for name, place in STATUS_RANK.items() if place < rank]
    current = col(OutreachTouchpoint.status)
    return case((or_(current.is_(None), current.in_(lower)), status), else_=current)
