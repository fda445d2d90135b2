"""Who is told what about a lead, once."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, literal, select, update
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlmodel import col

from domain.matching import Match
from schema.repositories.base import MAX_PAGE, Repository, page_size, rows_of, sql_table
from schema.tables import Contractor, Notification, SuppressionEntry

NEW_LEAD = "new_lead"
CONTRACTOR_CHANNELS = ("email", "in_app")
SUPPRESSED = "suppressed"


@dataclass(frozen=True, slots=True)
class PendingEmail:
    """A notification that is to go out by e-mail. Its `repr` does not show the address."""

    notification_id: UUID
    contractor_id: UUID
    email: str = field(repr=False)
    suppressed: bool


class NotificationRepository(Repository):
    """`notifications`."""

    async def announce(self, lead_id: UUID, matches: Sequence[Match], kind: str = NEW_LEAD) -> int:
        """Adds what matched contractors are to be told, by e-mail and in the app; returns how many rows are new.

        A contractor hears of a lead once per channel, however often this runs. Without an address there
        is no e-mail row.
        """
        if not matches:
            return 0
        with_email = await self._with_email([match.contractor_id for match in matches])
        rows = [
            {
                "base_lead_id": lead_id,
                "contractor_id": match.contractor_id,
                "channel": channel,
                "kind": kind,
                "payload": {"tier": match.tier, "visible_from": match.visible_from},
            }
            for match in matches
            for channel in CONTRACTOR_CHANNELS
            if channel != "email" or match.contractor_id in with_email
        ]
        return await self._insert(rows)

    async def show(self, offered: Sequence[tuple[UUID, Match]], kind: str = NEW_LEAD) -> int:
        """Adds leads that contractors are to see in the app only; returns how many rows are new."""
        rows = [
            {
                "base_lead_id": lead_id,
                "contractor_id": match.contractor_id,
                "channel": "in_app",
                "kind": kind,
                "payload": {"tier": match.tier, "visible_from": match.visible_from},
            }
            for lead_id, match in offered
        ]
        return await self._insert(rows)

    async def remind(self, lead_id: UUID, user_ids: Iterable[UUID], kind: str, payload: dict[str, Any]) -> int:
        """Adds an in-app notification of this kind for each user; returns how many are new."""
        rows = [
            {"base_lead_id": lead_id, "user_id": user_id, "channel": "in_app", "kind": kind, "payload": payload}
            for user_id in user_ids
        ]
        return await self._insert(rows)

    async def told(self, lead_id: UUID, kind: str = NEW_LEAD) -> int:
        """How many contractors have a notification about this lead."""
        found = await self._session.scalar(
            select(func.count(col(Notification.contractor_id).distinct())).where(
                col(Notification.base_lead_id) == lead_id, col(Notification.kind) == kind
            )
        )
        return found or 0

    async def pending_emails(self, lead_id: UUID, limit: int = MAX_PAGE) -> list[PendingEmail]:
        """E-mails about a lead that have not gone out, oldest first; says which addresses are suppressed."""
        found = await self._session.execute(
            select(col(Notification.id), col(Notification.contractor_id), col(Contractor.email))
            .join(Contractor, col(Contractor.id) == col(Notification.contractor_id))
            .where(
                col(Notification.base_lead_id) == lead_id,
                col(Notification.channel) == "email",
                col(Notification.state) == "pending",
                col(Contractor.email).is_not(None),
            )
            .order_by(col(Notification.created_at), col(Notification.id))
            .limit(max(1, min(limit, 1_000)))
        )
        rows = [(notice, contractor, email) for notice, contractor, email in found if contractor and email]
        suppressed = await self._suppressed({email for *_, email in rows})
        return [PendingEmail(notice, contractor, email, email in suppressed) for notice, contractor, email in rows]

    async def settle_emails(
        self, ids: Sequence[UUID], state: str, *, reason: str | None = None, external_id: str | None = None
    ) -> None:
        """Records how pending e-mails went; what is settled as sent or read stays so."""
        if not ids:
            return
        values: dict[str, Any] = {"state": state}
        if external_id is not None:
            values["external_id"] = external_id
        if state == "sent":
            values["sent_at"] = func.now()
        if reason is not None:
            payload = func.coalesce(col(Notification.payload), literal({}, JSONB))
            values["payload"] = payload.op("||")(literal({"reason": reason}, JSONB))
        await self._session.execute(
            update(Notification)
            .where(
                col(Notification.id).in_(ids),
                col(Notification.channel) == "email",
                col(Notification.state).not_in(("sent", "read")),
            )
            .values(**values)
            .execution_options(synchronize_session=False)
        )

    async def email_states(self, lead_id: UUID) -> dict[str, int]:
        """E-mails about a lead by state; `failed_delivery` counts the failed ones that were not suppressed."""
        suppressed = func.coalesce(col(Notification.payload)["reason"].astext == SUPPRESSED, False)
        found = await self._session.execute(
            select(col(Notification.state), suppressed, func.count())
            .where(col(Notification.base_lead_id) == lead_id, col(Notification.channel) == "email")
            .group_by(col(Notification.state), suppressed)
        )
        states: dict[str, int] = {}
        for state, was_suppressed, number in found:
            states[state] = states.get(state, 0) + number
            if state == "failed" and not was_suppressed:
                states["failed_delivery"] = number
        return states

    async def of_user(
        self, user_id: UUID, after: tuple[datetime, UUID] | None = None, limit: int = 50
    ) -> Sequence[Notification]:
        """A user's notifications, newest first, behind the (created_at, id) of the page before."""
        query = select(Notification).where(col(Notification.user_id) == user_id)
        if after is not None:
            moment, last = after
            query = query.where(
                (col(Notification.created_at) < moment)
                | ((col(Notification.created_at) == moment) & (col(Notification.id) < last))
            )
        query = query.order_by(col(Notification.created_at).desc(), col(Notification.id).desc())
        return (await self._session.scalars(query.limit(page_size(limit)))).all()

    async def _insert(self, rows: list[dict[str, Any]]) -> int:
        if not rows:
            return 0
        names = list(rows[0])
        statement = (
            insert(sql_table(Notification))
            .from_select(names, rows_of(Notification, names, rows), include_defaults=False)
            .on_conflict_do_nothing()
            .returning(col(Notification.id))
        )
        return len((await self._session.scalars(statement)).all())

    async def _with_email(self, contractor_ids: Sequence[UUID]) -> set[UUID]:
        found = await self._session.scalars(
            select(col(Contractor.id)).where(
                col(Contractor.id).in_(contractor_ids), func.coalesce(col(Contractor.email), "") != ""
            )
        )
        return set(found)

    async def _suppressed(self, emails: set[str]) -> set[str]:
        if not emails:
            return set()
        index = {self._vault.blind_index(email): email for email in emails}
        found = await self._session.scalars(
            select(col(SuppressionEntry.address_bidx)).where(
                col(SuppressionEntry.address_bidx).in_(list(index)),
                col(SuppressionEntry.channel).in_(("email", "all")),
            )
        )
        return {index[bidx] for bidx in found}
