"""Buying the five pictures of a property, each of them once (spec 3.1.3).

An image is put first, its sidecar second, its row last. Whatever a crash leaves behind, the retry finds
the sidecar and does not pay again.
"""

import asyncio
import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import structlog

from activities.attempts import worth_retrying
from activities.imagery import pixels
from activities.imagery.formats import BadImage, Header
from activities.imagery.keys import SHOTS, ImageType, Shot, original_key, sidecar_key
from activities.metering import charged_to
from domain.roof import View
from integrations.google_imagery import SIZE_PX, ZOOM, GoogleImagery, Panorama, metres_per_px
from integrations.http import VendorError, VendorUnreadable
from integrations.object_store import ObjectMissing, ObjectStore
from schema.contracts.property import ImagerySummary, Reason
from schema.database import Database
from schema.repositories.images import ImageRecord

log = structlog.get_logger()

DOWNLOADS_AT_ONCE = 10
TRIES_PER_IMAGE = 2

TURNS: Mapping[View, float] = {
    View.FRONT: 0.0,
    View.LEFT: 90.0,
    View.REAR: 180.0,
    View.RIGHT: 270.0,
}
"""Camera heading of each view, clockwise from looking at the front of the house.

All four come from the one panorama nearest to the house, so a real street only gives a good front; the
other headings show the sides as far as the camera sees them. Choosing a panorama per side (metadata is
free) is where this gets better.
"""


@dataclass(frozen=True, slots=True)
class Target:
    """What the pictures are to show."""

    lead_id: UUID
    lat: float
    lng: float


@dataclass(frozen=True, slots=True)
class Download:
    """Bytes of one picture and what is known of how it was taken."""

    content: bytes
    facts: dict[str, Any] = field(default_factory=dict)
    captured: date | None = None


def bearing(lat: float, lng: float, to_lat: float, to_lng: float) -> float:
    """Initial bearing in degrees clockwise from north, 0 ≤ bearing < 360."""
    a, b, turn = math.radians(lat), math.radians(to_lat), math.radians(to_lng - lng)
    east = math.sin(turn) * math.cos(b)
    north = math.cos(a) * math.sin(b) - math.sin(a) * math.cos(b) * math.cos(turn)
    return math.degrees(math.atan2(east, north)) % 360


class Acquisition:
    """Gets what is missing, checks it, stores it. `DOWNLOADS_AT_ONCE` bounds one process."""

    def __init__(self, db: Database, store: ObjectStore, imagery: GoogleImagery) -> None:
        self._db = db
        self._store = store
        self._imagery = imagery
        self._slots = asyncio.Semaphore(DOWNLOADS_AT_ONCE)

    async def acquire(self, lead_id: UUID) -> ImagerySummary:
        """Stores the pictures of a lead. Raises VendorUnavailable after the others are safe, so that a
        retry only buys what is missing; a refusal (bad key), or a vendor still down at the last attempt,
        is a reason instead."""
        async with self._db.transaction() as tx:
            lead = await tx.leads.get(lead_id)
            rows = await tx.images.originals(lead_id)
        if lead is None or lead.lat is None or lead.lng is None:
            return ImagerySummary(reason=Reason.IMAGERY_UNAVAILABLE)
        target = Target(lead_id, float(lead.lat), float(lead.lng))
        stored = {str(row.s3_key) for row in rows if row.usable_for_analysis}
        missing = [shot for shot in SHOTS if original_key(lead_id, shot) not in stored]

        with charged_to(lead_id):
            visit = _Visit(self._imagery, target)
            outcomes = await asyncio.gather(
                *(self._bounded(visit, shot) for shot in missing),
                return_exceptions=True,
            )
        records = [outcome for outcome in outcomes if isinstance(outcome, ImageRecord)]
        usable = stored | {record.key for record in records if record.usable}
        await self._save(lead_id, records, usable)
        failures = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
        for failure in failures:
            if not isinstance(failure, VendorError) or worth_retrying(failure):
                raise failure
        if failures:
            log.warning("imagery missing", lead_id=str(lead_id), missing=len(failures), error=str(failures[0]))
        return summarise(lead_id, usable, unreadable=any(not record.usable for record in records))

    async def _bounded(self, visit: "_Visit", shot: Shot) -> ImageRecord | None:
        async with self._slots:
            return await self._one(visit, shot)

    async def _one(self, visit: "_Visit", shot: Shot) -> ImageRecord | None:
        """The record of a shot: found in the store, or bought now; None when the vendor has no such picture."""
        key = original_key(visit.target.lead_id, shot)
        found = await self._from_sidecar(key, shot)
        if found is not None:
            return found
        reason = "unknown"
        for _ in range(TRIES_PER_IMAGE):
            try:
                download = await visit.download(shot)
                if download is None:
                    return None
                rgb, header = await asyncio.to_thread(pixels.decode, download.content)
                quality = await asyncio.to_thread(pixels.quality_score, rgb)
                if quality == 0:
                    raise BadImage("blank")
                return await self._keep(key, shot, download, header, quality)
            except BadImage as bad:
                reason = bad.reason
            except VendorUnreadable:
                reason = "not_an_image"
        log.warning(
            "image unusable",
            lead_id=str(visit.target.lead_id),
            view=shot.view.value,
            reason=reason,
        )
        return self._record(key, shot, {"reason": reason}, usable=False)

    async def _keep(self, key: str, shot: Shot, download: Download, header: Header, quality: int) -> ImageRecord:
        facts: dict[str, Any] = {
            **_rescaled(download.facts, header),
            "view": shot.view.value,
            "captured": download.captured.isoformat() if download.captured else None,
            "format": header.format,
            "width": header.width,
            "height": header.height,
            "size_bytes": len(download.content),
            "sha256": hashlib.sha256(download.content).hexdigest(),
            "quality": quality,
            "fetched_at": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        media_type = "image/png" if header.format == "png" else "image/jpeg"
        await self._store.put(key, download.content, media_type)
        await self._store.put(sidecar_key(key), json.dumps(facts).encode(), "application/json")
        return self._record(key, shot, facts)

    async def _from_sidecar(self, key: str, shot: Shot) -> ImageRecord | None:
        try:
            facts = json.loads(await self._store.get(sidecar_key(key)))
        except (ObjectMissing, ValueError):
            return None
        return self._record(key, shot, facts) if isinstance(facts, dict) and facts.get("sha256") else None

    def _record(self, key: str, shot: Shot, facts: dict[str, Any], usable: bool = True) -> ImageRecord:
        captured = facts.get("captured")
        quality = facts.get("quality", 0)
        return ImageRecord(
            image_type=shot.source.value,
            view=shot.view.value,
            key=key,
            bucket=self._store.bucket,
            usable=usable and quality >= pixels.USABLE_QUALITY,
            quality=quality,
            captured=date.fromisoformat(captured) if captured else None,
            width=facts.get("width"),
            height=facts.get("height"),
            size_bytes=facts.get("size_bytes"),
            format=facts.get("format"),
            facts=facts
            if usable
            else {
                **facts,
                "failed_at": datetime.now(UTC).isoformat(timespec="seconds"),
            },
        )

    async def _save(self, lead_id: UUID, records: Sequence[ImageRecord], usable: set[str]) -> None:
        if not records:
            return
        urls = {
            shot.view: f"s3://{self._store.bucket}/{key}"
            for shot in SHOTS
            if (key := original_key(lead_id, shot)) in usable
        }
        overhead = urls.pop(View.OVERHEAD, None)
        async with self._db.transaction() as tx:
            await tx.images.save(lead_id, records)
            await tx.leads.update_roofing(
                lead_id,
                satellite_image_url=overhead,
                street_view_urls=list(urls.values()),
            )


def _rescaled(facts: dict[str, Any], header: Header) -> dict[str, Any]:
    """The scale is that of a picture of the size we asked for; a vendor may send another."""
    scale = facts.get("metres_per_px")
    return facts if scale is None else {**facts, "metres_per_px": round(scale * SIZE_PX / header.width, 6)}


class _Visit:
    """Downloads for one property. The panorama is looked up when the first street view needs it, once."""

    def __init__(self, imagery: GoogleImagery, target: Target) -> None:
        self.target = target
        self._imagery = imagery
        self._panorama: asyncio.Task[Panorama | None] | None = None

    async def download(self, shot: Shot) -> Download | None:
        """The picture, or None when the vendor has none."""
        if shot.source is ImageType.SATELLITE:
            content = await self._imagery.satellite(self.target.lat, self.target.lng)
            scale = round(metres_per_px(self.target.lat), 6)
            return Download(
                content,
                {"source": "google_static_map", "zoom": ZOOM, "metres_per_px": scale},
            )
        return await self._street_view(shot.view)

    async def _street_view(self, view: View) -> Download | None:
        if self._panorama is None:
            self._panorama = asyncio.create_task(self._imagery.panorama(self.target.lat, self.target.lng))
        camera = await asyncio.shield(self._panorama)
        if camera is None:
            return None
        towards_house = bearing(camera.lat, camera.lng, self.target.lat, self.target.lng)
        heading = round((towards_house + TURNS[view]) % 360, 1)
        picture = await self._imagery.street_view(camera.pano_id, heading)
        if picture is None:
            return None
        return Download(
            picture,
            {"source": "google_street_view", "heading": heading},
            camera.captured,
        )


def summarise(lead_id: UUID, usable: set[str], unreadable: bool) -> ImagerySummary:
    """Counts of usable pictures, and the reason when they are not five."""
    have = [shot for shot in SHOTS if original_key(lead_id, shot) in usable]
    satellite = sum(shot.source is ImageType.SATELLITE for shot in have)
    reason = None
    if len(have) < len(SHOTS):
        absent = Reason.IMAGERY_INCOMPLETE if have else Reason.IMAGERY_UNAVAILABLE
        reason = Reason.IMAGE_UNREADABLE if unreadable else absent
    return ImagerySummary(satellite=satellite, street_views=len(have) - satellite, reason=reason)
