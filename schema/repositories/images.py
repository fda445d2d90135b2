"""Images of properties."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from schema.repositories.base import Repository
from schema.tables import PropertyImage

ORIGINALS = ("satellite", "street_view")


@dataclass(frozen=True, slots=True)
class ImageRecord:
    """One image in the object store, or the reason why there is none of use.

    `facts` goes to `processing_config` (merged into what is there): hash, heading, scale, reason.
    """

    image_type: str
    view: str
    key: str
    bucket: str
    usable: bool = True
    quality: int | None = None
    captured: date | None = None
    width: int | None = None
    height: int | None = None
    size_bytes: int | None = None
    format: str | None = None
    processed_at: datetime | None = None
    facts: dict[str, Any] = field(default_factory=dict)


class ImageRepository(Repository):
    """`property_images`. An object key has one row, whoever writes it how often."""

    async def save(self, lead_id: UUID, records: Iterable[ImageRecord]) -> None:
        """Inserts or updates the rows of these images in one statement."""
        rows = [_values(lead_id, record) for record in records]
        if not rows:
            return
        statement = insert(PropertyImage).values(rows)
        changed: dict[str, Any] = {
            name: statement.excluded[name] for name in rows[0] if name not in ("s3_key", "s3_bucket")
        }
        changed["processing_config"] = func.coalesce(
            col(PropertyImage.processing_config), func.jsonb_build_object()
        ).concat(statement.excluded.processing_config)
        await self._session.execute(
            statement.on_conflict_do_update(index_elements=["s3_bucket", "s3_key"], set_=changed)
        )

    async def originals(self, lead_id: UUID) -> Sequence[PropertyImage]:
        """The images as vendors sent them, satellite first, unusable ones included."""
        found = await self._session.scalars(
            select(PropertyImage)
            .where(
                col(PropertyImage.base_lead_id) == lead_id,
                col(PropertyImage.image_type).in_(ORIGINALS),
            )
            .order_by(col(PropertyImage.image_type), col(PropertyImage.view_angle))
        )
        return found.all()

    async def all(self, lead_id: UUID) -> Sequence[PropertyImage]:
        """Every image of a lead, by key."""
        found = await self._session.scalars(
            select(PropertyImage).where(col(PropertyImage.base_lead_id) == lead_id).order_by(col(PropertyImage.s3_key))
        )
        return found.all()


def _values(lead_id: UUID, record: ImageRecord) -> dict[str, Any]:
    return {
        "base_lead_id": lead_id,
        "image_type": record.image_type,
        "view_angle": record.view,
        "s3_key": record.key,
        "s3_bucket": record.bucket,
        "s3_url": f"s3://{record.bucket}/{record.key}",
        "capture_date": record.captured,
        "image_width": record.width,
        "image_height": record.height,
        "file_size_bytes": record.size_bytes,
        "format": record.format,
        "quality_score": record.quality,
        "usable_for_analysis": record.usable,
        "processed": record.processed_at is not None,
        "processed_at": record.processed_at,
        "processing_config": record.facts,
    }
