"""Making pictures people can judge by: standardised, enhanced, and one per kind of damage (spec 3.3)."""

import asyncio
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import structlog

from activities.imagery import pixels
from activities.imagery.formats import BadImage
from activities.imagery.keys import (
    ImageType,
    Shot,
    preprocessed_key,
    shot_of,
    sidecar_key,
    transformed_key,
)
from domain.roof import View
from integrations.object_store import ObjectMissing, ObjectStore
from schema.contracts.property import ProcessingSummary, Reason
from schema.database import Database
from schema.repositories.images import ImageRecord
from schema.tables import PropertyImage

log = structlog.get_logger()

IMAGES_AT_ONCE = 2
UPLOADS_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class Prints:
    """The encoded results of one picture, by object key; `preprocessed` is the key of the first."""

    preprocessed: str
    files: Mapping[str, bytes]


def develop(lead_id: UUID, shot: Shot, content: bytes) -> Prints:
    """Decodes, enhances, transforms and encodes one picture; raises BadImage. About 0.2 s of CPU."""
    rgb, _ = pixels.decode(content)
    enhanced = pixels.preprocess(rgb)
    first = preprocessed_key(lead_id, shot)
    files = {first: pixels.encode_jpeg(enhanced)}
    for damage, transform in pixels.TRANSFORMS.items():
        files[transformed_key(lead_id, damage, shot)] = pixels.encode_jpeg(transform(enhanced))
    return Prints(first, files)


class Processing:
    """Processes what was not yet, or by an older pipeline."""

    def __init__(self, db: Database, store: ObjectStore) -> None:
        self._db = db
        self._store = store
        self._benches = asyncio.Semaphore(IMAGES_AT_ONCE)
        self._uploads = asyncio.Semaphore(UPLOADS_AT_ONCE)

    async def process(self, lead_id: UUID) -> ProcessingSummary:
        """Processes the usable originals of a lead; one that turns out unreadable is marked so."""
        async with self._db.transaction() as tx:
            rows = await tx.images.originals(lead_id)
        waiting = [row for row in rows if row.usable_for_analysis and not _is_current(row)]

        async def one(row: PropertyImage) -> list[ImageRecord]:
            async with self._benches:
                return await self._one(lead_id, row)

        records = [record for made in await asyncio.gather(*map(one, waiting)) for record in made]
        async with self._db.transaction() as tx:
            await tx.images.save(lead_id, records)
        spoilt = {record.key for record in records if not record.usable}
        unusable = sum(not row.usable_for_analysis or row.s3_key in spoilt for row in rows)
        usable = len(rows) - unusable
        reason = Reason.IMAGE_UNREADABLE if unusable else None
        return ProcessingSummary(
            usable=usable,
            unusable=unusable,
            reason=reason if usable else Reason.NO_USABLE_IMAGE,
        )

    async def _one(self, lead_id: UUID, row: PropertyImage) -> list[ImageRecord]:
        shot = shot_of(View(str(row.view_angle)))
        try:
            content = await self._store.get(str(row.s3_key), max_bytes=16_000_000)
            prints = await asyncio.to_thread(develop, lead_id, shot, content)
        except (BadImage, ObjectMissing) as failure:
            reason = failure.reason if isinstance(failure, BadImage) else "missing"
            log.warning(
                "image unusable",
                lead_id=str(lead_id),
                view=shot.view.value,
                reason=reason,
            )
            return [_original(row, usable=False, facts={"reason": reason})]
        now = datetime.now(UTC)
        facts = {
            "pipeline": pixels.PIPELINE_VERSION,
            "original": row.s3_key,
            "original_sha256": hashlib.sha256(content).hexdigest(),
            "steps": [
                "grey_world",
                "bilateral",
                f"fit_{pixels.STANDARD_SIDE_PX}",
                "clahe",
                "unsharp",
            ],
            "transforms": [damage.value for damage in pixels.TRANSFORMS],
            "processed_at": now.isoformat(timespec="seconds"),
        }
        await self._store_all(prints, facts)
        enhanced = prints.files[prints.preprocessed]
        processed = ImageRecord(
            image_type=ImageType.PROCESSED.value,
            view=shot.view.value,
            key=prints.preprocessed,
            bucket=self._store.bucket,
            usable=False,  # for people: the models are fed the original
            quality=row.quality_score,
            captured=row.capture_date,
            width=pixels.STANDARD_SIDE_PX,
            height=pixels.STANDARD_SIDE_PX,
            size_bytes=len(enhanced),
            format="jpg",
            processed_at=now,
            facts=facts,
        )
        return [
            _original(
                row,
                usable=True,
                facts={"pipeline": pixels.PIPELINE_VERSION},
                processed_at=now,
            ),
            processed,
        ]

    async def _store_all(self, prints: Prints, facts: dict[str, Any]) -> None:
        """All pictures, then one sidecar for them: its presence says that they are complete."""

        async def put(key: str, content: bytes) -> None:
            async with self._uploads:
                await self._store.put(key, content, "image/jpeg")

        await asyncio.gather(*(put(key, content) for key, content in prints.files.items()))
        listed = {key: hashlib.sha256(content).hexdigest() for key, content in prints.files.items()}
        sidecar = json.dumps({**facts, "files": listed}).encode()
        await self._store.put(sidecar_key(prints.preprocessed), sidecar, "application/json")


def _is_current(row: PropertyImage) -> bool:
    return row.processed and (row.processing_config or {}).get("pipeline") == pixels.PIPELINE_VERSION


def _original(
    row: PropertyImage,
    *,
    usable: bool,
    facts: dict[str, Any],
    processed_at: datetime | None = None,
) -> ImageRecord:
    return ImageRecord(
        image_type=str(row.image_type),
        view=str(row.view_angle),
        key=str(row.s3_key),
        bucket=str(row.s3_bucket),
        usable=usable,
        quality=row.quality_score,
        captured=row.capture_date,
        width=row.image_width,
        height=row.image_height,
        size_bytes=row.file_size_bytes,
        format=row.format,
        processed_at=processed_at,
        facts=facts,
    )
