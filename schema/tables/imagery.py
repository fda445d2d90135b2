"""Images of a property and what the models say of its roof (spec 4.2)."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Index, text

from domain.roof import RoofCondition, RoofMaterial, View
from schema.tables.base import (
    JSON,
    Row,
    flag,
    json,
    now,
    number,
    one_of,
    prose,
    ref,
    texts,
    within,
    word,
)

IMAGE_TYPES = ("satellite", "street_view", "processed", "super_res")
VALIDATION_STATUSES = ("pending", "approved", "needs_review", "rejected")


class PropertyImage(Row, table=True):
    """One image in the object store."""

    __tablename__ = "property_images"
    __table_args__ = (
        one_of("image_type", IMAGE_TYPES),
        one_of("view_angle", View),
        one_of("format", ("jpg", "png")),
        within("quality_score", 0, 100),
        Index("idx_property_images_lead", "base_lead_id"),
        Index("idx_property_images_type", "image_type"),
        # An object is described once: storing an image twice updates its row.
        Index("uq_property_images_object", "s3_bucket", "s3_key", unique=True),
    )

    base_lead_id: UUID = ref("base_leads.id", "CASCADE", required=True)
    image_type: str | None = word(50)
    view_angle: str | None = word(50)
    original_url: str | None = prose()
    s3_url: str | None = prose()
    s3_key: str | None = prose()
    s3_bucket: str | None = word(100)
    capture_date: date | None = None
    image_width: int | None = None
    image_height: int | None = None
    file_size_bytes: int | None = None
    format: str | None = word(10)
    quality_score: int | None = None
    usable_for_analysis: bool = flag(True)
    processed: bool = flag()
    processed_at: datetime | None = None
    processing_config: JSON | None = json()


class RoofAnalysis(Row, table=True):
    """The ensemble's verdict on a roof, with its parts, measures and the state of its validation."""

    __tablename__ = "roof_analysis"
    __table_args__ = (
        one_of("overall_condition", RoofCondition),
        one_of("roof_type", RoofMaterial),
        one_of("validation_status", VALIDATION_STATUSES),
        within("confidence_score", 0, 100),
        within("validation_confidence", 0, 100),
        Index("idx_roof_analysis_lead", "base_lead_id"),
        Index("idx_roof_analysis_condition", "overall_condition"),
        Index("idx_roof_analysis_confidence", text("confidence_score DESC")),
        Index("idx_roof_analysis_validator", "human_validator_id"),
    )

    base_lead_id: UUID = ref("base_leads.id", "CASCADE", required=True)
    overall_condition: str | None = word(50)
    confidence_score: Decimal | None = number(5, 2)
    damage_detected: bool | None = None
    damage_types: list[str] | None = texts()
    damage_severity: JSON | None = json()
    damage_locations: Any = json()
    damage_areas_sqft: JSON | None = json()
    roof_sqft: int | None = None
    roof_pitch: str | None = word(50)
    roof_type: str | None = word(50)
    estimated_age: int | None = None
    estimated_remaining_life: int | None = None
    repair_cost_low: Decimal | None = number(10, 2)
    repair_cost_high: Decimal | None = number(10, 2)
    replacement_cost_low: Decimal | None = number(10, 2)
    replacement_cost_high: Decimal | None = number(10, 2)
    roi_for_replacement: Decimal | None = number(5, 2)
    classifier_model: str | None = word(100)
    classifier_version: str | None = word(50)
    detector_model: str | None = word(100)
    detector_version: str | None = word(50)
    segmentor_model: str | None = word(100)
    segmentor_version: str | None = word(50)
    validation_status: str | None = word(50)
    validation_confidence: Decimal | None = number(5, 2)
    human_validated: bool = flag()
    human_validator_id: UUID | None = ref("users.id", "SET NULL")
    validation_notes: str | None = prose()
    validation_date: datetime | None = None
    analyzed_at: datetime = now()
