"""AI calls: how each went, what was said, what was read out of it (spec 4.5.4, 5.7)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, case, exists, func, or_, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from schema.calls import OVER, RANK, CallReport
from schema.repositories.base import Repository, checked, clean, page_size
from schema.tables import AiCallLog, DemoMeeting, OutreachTouchpoint

Cursor = tuple[datetime, UUID]

FOLLOW_UP = ("wants_demo", "wants_callback", "moderate", "unclear")
"""Dispositions after which something is still owed (spec 3.6.4, follow-up actions)."""
MADE = ("sent", "delivered", "opened", "clicked", "replied")
NEVER_SET = ("id", "created_at", "call_provider", "external_call_id")


@dataclass(frozen=True, slots=True)
class PlacedCall:
    """A call just placed. The contractor and campaign are those of its touchpoint."""

    provider: str
    external_id: str
    touchpoint_id: UUID
    phone: str


class CallRepository(Repository):
    """`ai_call_logs`, one row for each call of a provider."""

    async def open(self, call: PlacedCall) -> UUID:
        """The row of a placed call; a report may have made it already, and loses nothing by this."""
        return await self._upsert(
            {
                "call_provider": call.provider,
                "external_call_id": call.external_id,
                "touchpoint_id": call.touchpoint_id,
                "phone_number": call.phone,
                "status": "initiated",
            }
        )

    async def record(self, report: CallReport, touchpoint_id: UUID | None = None) -> UUID:
        """What a provider reports. Twice is as good as once, and the order does not matter.

        The status only rises (see `schema.calls.RANK`); a fact once known stays, the longer text and the
        greater number of two win. A touchpoint that we do not have is left out.
        """
        return await self._upsert(
            {
                "call_provider": report.provider,
                "external_call_id": report.call_id,
                "touchpoint_id": touchpoint_id,
                "status": report.status.value,
                "full_transcript": clean(report.transcript),
                "summary": clean(report.summary),
                "recording_url": clean(report.recording_url),
                "duration_seconds": report.duration_seconds,
                "cost": report.cost,
                "ended_reason": clean(report.ended_reason, 100),
                "started_at": report.started_at,
                "ended_at": report.ended_at or (datetime.now(UTC) if report.over else None),
            }
        )

    async def save_analysis(self, call_id: UUID, values: Mapping[str, Any]) -> None:
        """What was read out of a call; a later analysis replaces an earlier one."""
        checked(AiCallLog, values, NEVER_SET)
        await self._session.execute(
            update(AiCallLog)
            .where(col(AiCallLog.id) == call_id)
            .values(analyzed_at=func.now(), **values)
            .execution_options(synchronize_session=False)
        )

    async def get(self, call_id: UUID) -> AiCallLog | None:
        """The call, or None."""
        return await self._session.get(AiCallLog, call_id, populate_existing=True)

    async def by_external(self, provider: str, external_id: str) -> AiCallLog | None:
        """The call a provider knows by this id, or None."""
        return await self._one(
            (col(AiCallLog.call_provider) == provider) & (col(AiCallLog.external_call_id) == external_id)
        )

    async def of_touchpoint(self, touchpoint_id: UUID) -> AiCallLog | None:
        """The call of a touch, or None while none was placed."""
        return await self._one(col(AiCallLog.touchpoint_id) == touchpoint_id)

    async def page(
        self,
        after: Cursor | None = None,
        limit: int = 50,
        *,
        contractor_id: UUID | None = None,
        campaign_id: UUID | None = None,
        status: str | None = None,
    ) -> Sequence[AiCallLog]:
        """Calls, newest first, behind the (created_at, id) of the page before."""
        wanted: dict[Any, Any] = {
            AiCallLog.contractor_id: contractor_id,
            AiCallLog.campaign_id: campaign_id,
            AiCallLog.status: status,
        }
        chosen = [col(column) == value for column, value in wanted.items() if value is not None]
        return await self._newest(after, limit, chosen)

    async def pending_follow_up(self, after: Cursor | None = None, limit: int = 50) -> Sequence[AiCallLog]:
        """Analysed calls that something is owed after and nothing was done: no later touch, no demo."""
        touched = exists().where(
            col(OutreachTouchpoint.contractor_id) == col(AiCallLog.contractor_id),
            col(OutreachTouchpoint.sent_at) > func.coalesce(col(AiCallLog.ended_at), col(AiCallLog.created_at)),
            col(OutreachTouchpoint.status).in_(MADE),
        )
        met = exists().where(
            col(DemoMeeting.contractor_id) == col(AiCallLog.contractor_id),
            col(DemoMeeting.created_at) > col(AiCallLog.created_at),
        )
        return await self._newest(after, limit, [col(AiCallLog.disposition).in_(FOLLOW_UP), ~touched, ~met])

    async def unreported(self, older_than: datetime, limit: int = 100) -> Sequence[AiCallLog]:
        """Calls placed before `older_than` whose end nobody has told us, oldest first."""
        over = sorted(status.value for status in OVER)
        found = await self._session.scalars(
            select(AiCallLog)
            .where(
                or_(col(AiCallLog.status).is_(None), col(AiCallLog.status).not_in(over)),
                col(AiCallLog.created_at) < older_than,
            )
            .order_by(col(AiCallLog.created_at), col(AiCallLog.id))
            .limit(page_size(limit))
        )
        return found.all()

    async def _upsert(self, values: dict[str, Any]) -> UUID:
        """One statement: insert the call, or bring its row forward; who it is about follows from the touchpoint."""
        touchpoint_id = values.pop("touchpoint_id", None)
        touch = (
            select(
                col(OutreachTouchpoint.id).label("touchpoint_id"),
                col(OutreachTouchpoint.contractor_id),
                col(OutreachTouchpoint.campaign_id),
            )
            .where(col(OutreachTouchpoint.id) == touchpoint_id)
            .subquery("touch")
        )
        about = {name: select(touch.c[name]).scalar_subquery() for name in touch.c.keys()}  # noqa: SIM118 - columns
        statement = insert(AiCallLog).values({**values, **about})
        new = statement.excluded
        later = _rank(new.status) > _rank(col(AiCallLog.status))
        rules: dict[str, ColumnElement[Any]] = {
            "status": case((later, new.status), else_=col(AiCallLog.status)),
            "ended_reason": case(
                (later, func.coalesce(new.ended_reason, col(AiCallLog.ended_reason))),
                else_=func.coalesce(col(AiCallLog.ended_reason), new.ended_reason),
            ),
            "duration_seconds": func.greatest(col(AiCallLog.duration_seconds), new.duration_seconds),
            "cost": func.greatest(col(AiCallLog.cost), new.cost),
            "full_transcript": _longer(col(AiCallLog.full_transcript), new.full_transcript),
            "summary": _longer(col(AiCallLog.summary), new.summary),
        }
        kept = ("contractor_id", "campaign_id", "touchpoint_id", "phone_number", "recording_url")
        first = {name: func.coalesce(getattr(AiCallLog, name), new[name]) for name in kept}
        earliest = {
            "started_at": func.least(col(AiCallLog.started_at), new.started_at),
            "ended_at": func.least(col(AiCallLog.ended_at), new.ended_at),
        }
        row_id: UUID | None = await self._session.scalar(
            statement.on_conflict_do_update(
                index_elements=["call_provider", "external_call_id"], set_={**rules, **first, **earliest}
            ).returning(col(AiCallLog.id))
        )
        if row_id is None:
            raise AssertionError("an upsert returns its row")
        return row_id

    async def _one(self, condition: ColumnElement[bool]) -> AiCallLog | None:
        found: AiCallLog | None = await self._session.scalar(
            select(AiCallLog)
            .where(condition)
            .order_by(col(AiCallLog.created_at).desc())
            .limit(1)
            .execution_options(populate_existing=True)
        )
        return found

    async def _newest(
        self, after: Cursor | None, limit: int, conditions: Sequence[ColumnElement[bool]]
    ) -> Sequence[AiCallLog]:
        query = select(AiCallLog).where(*conditions)
        if after is not None:
            query = query.where(tuple_(col(AiCallLog.created_at), col(AiCallLog.id)) < after)
        query = query.order_by(col(AiCallLog.created_at).desc(), col(AiCallLog.id).desc()).limit(page_size(limit))
        return (await self._session.scalars(query)).all()


def _rank(status: Any) -> ColumnElement[int]:
    return case({known.value: rank for known, rank in RANK.items()}, value=status, else_=-1)


def _longer(known: Any, told: Any) -> ColumnElement[str]:
    longer = func.length(told) > func.coalesce(func.length(known), 0)
    return case((longer, told), else_=known)
