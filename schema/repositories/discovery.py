"""Contractors on their way in: found, merged, completed, scored (spec 3.6.1 to 3.6.3)."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Text, and_, cast, func, literal, or_, select, tuple_, update
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, insert
from sqlmodel import col

from domain.companies import PREFERENCE, email_domain
from domain.geo import METRES_PER_MILE, Point
from schema.repositories.base import Repository, checked, page_size, rows_of, sql_table
from schema.tables import Contractor

MAX_CANDIDATES = 5_000
CUSTOMER_STATUSES = ("onboarded", "active")
NOT_TO_ENRICH = (*CUSTOMER_STATUSES, "disqualified", "churned")
LOCK = 0x1D15C0
"""Of the advisory lock that merging takes: two discoveries of neighbouring cities may find the same company."""

UNRANKED = Decimal(-1)
"""Where contractors without a score stand among those with one."""

COLUMNS = ("id", *PREFERENCE, "timezone", "source", "sources")
"""What discovery writes. The acquisition status is never among them: a row that is new is `discovered`."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a discovery made of its listings: how many rows it created, and the rows still to be enriched."""

    created: int
    to_enrich: tuple[UUID, ...]


@dataclass(frozen=True, slots=True)
class ContractorFilter:
    """Which contractors a list holds; None means all."""

    city: str | None = None
    state: str | None = None
    status: str | None = None
    min_priority: Decimal | None = None


class DiscoveryRepository(Repository):
    """`contractors`, as far as finding and judging them is concerned."""

    async def lock(self) -> None:
        """Merge alone until this transaction ends."""
        await self._session.execute(select(func.pg_advisory_xact_lock(LOCK)))

    async def candidates(
        self,
        *,
        city: str,
        state: str,
        around: Point | None,
        miles: float,
        phones: Collection[str],
        ids: Mapping[str, Collection[str]],
    ) -> Sequence[Contractor]:
        """Contractors that new listings may be: of the city, within `miles` of `around`, with one of the phones,
        or with one of the ids by source. Locked against other writers; one statement.
        """
        tests: list[Any] = [
            and_(func.lower(col(Contractor.city)) == city.lower(), col(Contractor.state) == state.upper()),
            col(Contractor.phone) == func.any(cast(list(phones), ARRAY(Text))),
            *(_holds_any(source, found) for source, found in ids.items() if found),
        ]
        if around is not None:
            centre = func.geography(func.ST_SetSRID(func.ST_MakePoint(around.lng, around.lat), 4326))
            tests.append(func.ST_DWithin(col(Contractor.geom), centre, miles * METRES_PER_MILE))
        found = await self._session.scalars(
            select(Contractor)
            .where(or_(*tests))
            .order_by(col(Contractor.created_at), col(Contractor.id))
            .limit(MAX_CANDIDATES)
            .with_for_update(key_share=True)
            .execution_options(populate_existing=True)
        )
        return found.all()

    async def upsert(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Adds rows that are new and writes the COLUMNS of those that are not; every row gives all COLUMNS."""
        if not rows:
            return
        statement = insert(sql_table(Contractor)).from_select(
            list(COLUMNS), rows_of(Contractor, COLUMNS, rows), include_defaults=False
        )
        changes = {name: statement.excluded[name] for name in COLUMNS if name not in ("id", "source")}
        await self._session.execute(
            statement.on_conflict_do_update(index_elements=["id"], set_={**changes, "updated_at": func.now()})
        )

    async def detailed_since(self, source: str, ids: Collection[str], moment: datetime) -> set[str]:
        """Which of a source's ids were looked up one by one since `moment`: they need not be paid for again."""
        if not ids:
            return set()
        listing = col(Contractor.sources)["listings"][source]
        rows = await self._session.execute(
            select(listing["ids"], listing["detailed_at"].astext).where(_holds_any(source, ids)).limit(MAX_CANDIDATES)
        )
        fresh = {one for known, at in rows if at and datetime.fromisoformat(at) >= moment for one in known}
        return fresh & set(ids)

    async def outcome(self, ids: Collection[UUID], job_id: UUID) -> Found:
        """What became of the contractors `ids`: how many the job created, which are still to be enriched."""
        if not ids:
            return Found(0, ())
        rows = await self._session.execute(
            select(
                col(Contractor.id),
                col(Contractor.sources)["job"].astext == str(job_id),
                and_(
                    col(Contractor.enriched_at).is_(None),
                    col(Contractor.acquisition_status).not_in(NOT_TO_ENRICH),
                ),
            )
            .where(col(Contractor.id).in_(list(ids)))
            .order_by(col(Contractor.google_review_count).desc().nulls_last(), col(Contractor.id))
        )
        found = rows.all()
        return Found(sum(bool(new) for _, new, _ in found), tuple(each for each, _, open_ in found if open_))

    async def save(self, contractor_id: UUID, **values: Any) -> None:
        """Writes columns of one contractor."""
        checked(Contractor, values, ("id", "created_at", "geom", "acquisition_status"))
        await self._session.execute(update(Contractor).where(col(Contractor.id) == contractor_id).values(**values))

    async def edit(self, contractor_id: UUID, values: Mapping[str, Any]) -> Contractor | None:
        """Writes what a person says of a contractor, which no source overrules from then on; None if unknown."""
        row = await self.locked(contractor_id)
        if row is None:
            return None
        origin = (row.sources or {}).get("fields", {})
        changes = dict(values)
        changes["sources"] = {
            **(row.sources or {}),
            "fields": {name: source for name, source in origin.items() if name not in values},
        }
        if "email" in values and values["email"] != row.email:
            changes |= {"email_domain": email_domain(values["email"]), "email_status": None}
        if "phone" in values and values["phone"] != row.phone:
            changes["phone_kind"] = None
        await self.save(contractor_id, **changes)
        return await self.locked(contractor_id)

    async def locked(self, contractor_id: UUID) -> Contractor | None:
        """The contractor, locked against other writers until the transaction ends."""
        return await self._session.get(
            Contractor, contractor_id, populate_existing=True, with_for_update={"key_share": True}
        )

    async def page(
        self, wanted: ContractorFilter, after: tuple[Decimal, UUID] | None, limit: int
    ) -> Sequence[Contractor]:
        """Contractors, highest priority first, behind the (priority, id) of the page before."""
        priority = func.coalesce(col(Contractor.priority_score), UNRANKED)
        query = select(Contractor).order_by(priority.desc(), col(Contractor.id).desc())
        if wanted.city is not None:
            query = query.where(func.lower(col(Contractor.city)) == wanted.city.lower())
        if wanted.state is not None:
            query = query.where(col(Contractor.state) == wanted.state)
        if wanted.status is not None:
            query = query.where(col(Contractor.acquisition_status) == wanted.status)
        if wanted.min_priority is not None:
            query = query.where(col(Contractor.priority_score) >= wanted.min_priority)
        if after is not None:
            query = query.where(tuple_(priority, col(Contractor.id)) < tuple_(literal(after[0]), literal(after[1])))
        return (await self._session.scalars(query.limit(page_size(limit)))).all()


def _holds_any(source: str, ids: Collection[str]) -> Any:
    """Whether a contractor is known under one of a source's ids."""
    known = cast(col(Contractor.sources)["listings"][source]["ids"], JSONB)
    return func.jsonb_exists_any(known, cast(list(ids), ARRAY(Text)))
