"""Listings become contractors: matched with those we have, merged field by field, stored in one transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid5

from tzfpy import get_tz

from domain.companies import FAR_MILES, PREFERENCE, Known, Listing, Merged, Record, assign, fill, merge
from domain.geo import Point
from schema.database import Database
from schema.repositories.discovery import COLUMNS, CUSTOMER_STATUSES
from schema.tables.contractors import Contractor

CONTRACTORS = UUID("5e0b1c0a-5f0e-5c6e-9a54-1d0f6a7f2b11")
"""Namespace of the ids of discovered contractors: a listing that made one always makes the same."""
LENGTHS = {"company_name": 255, "website": 500, "city": 100, "zip": 10}


@dataclass(frozen=True, slots=True)
class Area:
    """The city that is looked through; `centre` is None where we do not know it."""

    city: str
    state: str
    centre: Point | None


class Merging:
    """Stores what one discovery found, a batch of listings at a time."""

    def __init__(self, db: Database, job_id: UUID, area: Area) -> None:
        self._db = db
        self._job_id = job_id
        self._area = area

    async def store(self, listings: Sequence[Listing], room: int) -> set[UUID]:
        """The contractors that the listings are: `room` new ones at most. Storing twice changes nothing."""
        if not listings:
            return set()
        async with self._db.transaction() as tx:
            await tx.discovery.lock()
            rows = await tx.discovery.candidates(
                city=self._area.city,
                state=self._area.state,
                around=self._area.centre,
                miles=FAR_MILES,
                phones={listing.record.phone for listing in listings if listing.record.phone},
                ids=_by_source(listings),
            )
            written, created = self._rows(listings, rows, room)
            await tx.discovery.upsert(written)
            await tx.events.record_many(
                "contractor.discovered", "contractor", created, {"job_id": str(self._job_id), "city": self._area.city}
            )
        return {row["id"] for row in written}

    def _rows(
        self, listings: Sequence[Listing], rows: Sequence[Contractor], room: int
    ) -> tuple[list[dict[str, Any]], list[UUID]]:
        written: list[dict[str, Any]] = []
        created: list[UUID] = []
        for at, members in assign(listings, [_known(row) for row in rows]):
            merged = merge(members)
            if at is not None:
                written.append(_changed(rows[at], members, merged))
            elif len(created) < room:
                written.append(_new(members, merged, self._job_id))
                created.append(written[-1]["id"])
        return written, created


def _known(row: Contractor) -> Known:
    listed = _listed(row.sources)
    ids = {source: listed[source].get("ids", ()) for source in listed}
    at = Point(float(row.lat), float(row.lng)) if row.lat is not None and row.lng is not None else None
    record = Record(
        key=str(row.id),
        name=row.company_name,
        phone=row.phone,
        website=row.website,
        street=row.address,
        city=row.city,
        state=row.state,
        zip=row.zip,
        at=at,
    )
    return Known(record, ids, row.acquisition_status in CUSTOMER_STATUSES)


def _new(members: Sequence[Listing], merged: Merged, job_id: UUID) -> dict[str, Any]:
    source = merged.origin["company_name"]
    row: dict[str, Any] = dict.fromkeys(PREFERENCE) | dict(merged.values)
    sources = {"job": str(job_id), "listings": _seen({}, members), "fields": dict(merged.origin)}
    row |= {"id": uuid5(CONTRACTORS, f"{source}/{merged.ids[source][0]}"), "source": source, "sources": sources}
    return _fitting(row)


def _changed(existing: Contractor, members: Sequence[Listing], merged: Merged) -> dict[str, Any]:
    row = {name: getattr(existing, name) for name in COLUMNS}
    before = existing.sources or {}
    changes, origin = fill(row, before.get("fields", {}), merged.values, merged.origin)
    sources = {**before, "listings": _seen(_listed(before), members), "fields": origin}
    if existing.source is None:
        row["source"] = merged.origin["company_name"]
    return _fitting(row | changes | {"sources": sources})


def _listed(sources: Mapping[str, Any] | None) -> Mapping[str, Any]:
    listed = (sources or {}).get("listings", {})
    return listed if isinstance(listed, Mapping) else {}


def _seen(before: Mapping[str, Any], members: Sequence[Listing]) -> dict[str, Any]:
    """Per source: under which ids we know the company, when it was last listed and looked up, its price range."""
    seen = dict(before)
    now = datetime.now(UTC).isoformat()
    for listing in members:
        entry = dict(seen.get(listing.source, {}))
        entry["ids"] = sorted({*entry.get("ids", ()), listing.external_id})
        entry["seen_at"] = now
        if listing.detailed:
            entry["detailed_at"] = now
        if listing.price_range:
            entry["price_range"] = listing.price_range
        seen[listing.source] = entry
    return seen


def _fitting(row: dict[str, Any]) -> dict[str, Any]:
    """With texts cut to what the columns hold, and the time zone of the place."""
    for name, length in LENGTHS.items():
        if isinstance(row.get(name), str):
            row[name] = row[name].replace("\x00", "")[:length]
    if row.get("timezone") is None and row.get("lat") is not None and row.get("lng") is not None:
        row["timezone"] = get_tz(float(row["lng"]), float(row["lat"])) or None
    return row


def _by_source(listings: Sequence[Listing]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for listing in listings:
        found.setdefault(listing.source, []).append(listing.external_id)
    return found
