"""Bookkeeping of scraping, enrichment and inference runs (spec 4.6)."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import Index, text

from schema.tables.base import (
    JSON,
    Row,
    count,
    json,
    number,
    one_of,
    prose,
    ref,
    state_code,
    texts,
    within,
    word,
)

JOB_STATUSES = ("pending", "running", "completed", "failed", "cancelled")
SCRAPING_JOB_TYPES = ("permit", "property", "image", "contractor", "weather")
ENRICHMENT_TYPES = ("email", "phone", "property", "validation", "all")
MODEL_TYPES = ("classifier", "detector", "segmentor")


class ScrapingJob(Row, table=True):
    """One scraping run."""

    __tablename__ = "scraping_jobs"
    __table_args__ = (
        state_code(),
        one_of("job_type", SCRAPING_JOB_TYPES),
        one_of("status", JOB_STATUSES),
        one_of("triggered_by", ("scheduler", "manual", "api", "event")),
        Index("idx_scraping_jobs_status", "status"),
        Index("idx_scraping_jobs_city", "city", "state"),
        Index("idx_scraping_jobs_type", "job_type"),
        Index("idx_scraping_jobs_created", text("created_at DESC")),
        Index("idx_scraping_jobs_parent", "parent_job_id"),
    )

    job_type: str | None = word(50)
    city: str | None = word(100)
    state: str | None = word(2)
    config: JSON | None = json()
    status: str = word(50, "pending")
    started_at: datetime | None = None
    completed_at: datetime | None = None
    duration_seconds: int | None = None
    total_items: int = count()
    processed_items: int = count()
    succeeded_items: int = count()
    failed_items: int = count()
    results: JSON | None = json()
    error_message: str | None = prose()
    error_stack: str | None = prose()
    retry_count: int = count()
    max_retries: int = count(3)
    next_retry_at: datetime | None = None
    triggered_by: str | None = word(100)
    parent_job_id: UUID | None = ref("scraping_jobs.id")


class EnrichmentJob(Row, table=True):
    """One search for a lead's contact or property data, with its cost."""

    __tablename__ = "enrichment_jobs"
    __table_args__ = (
        one_of("enrichment_type", ENRICHMENT_TYPES),
        one_of("status", JOB_STATUSES),
        within("confidence_score", 0, 100),
        Index("idx_enrichment_jobs_lead", "base_lead_id"),
        Index("idx_enrichment_jobs_status", "status"),
    )

    base_lead_id: UUID | None = ref("base_leads.id")
    enrichment_type: str | None = word(50)
    status: str = word(50, "pending")
    started_at: datetime | None = None
    completed_at: datetime | None = None
    data_found: bool | None = None
    confidence_score: Decimal | None = number(5, 2)
    cost: Decimal | None = number(10, 4)
    api_calls_made: int = count()
    sources_tried: list[str] | None = texts()
    successful_source: str | None = word(100)
    enrichment_data: JSON | None = json()
    error_message: str | None = prose()


class MlInferenceJob(Row, table=True):
    """One run of one model on one image."""

    __tablename__ = "ml_inference_jobs"
    __table_args__ = (
        one_of("model_type", MODEL_TYPES),
        one_of("status", JOB_STATUSES),
        within("confidence_score", 0, 100),
        Index("idx_ml_inference_jobs_lead", "base_lead_id"),
        Index("idx_ml_inference_jobs_image", "property_image_id"),
        Index("idx_ml_inference_jobs_status", "status"),
    )

    base_lead_id: UUID | None = ref("base_leads.id")
    property_image_id: UUID | None = ref("property_images.id")
    model_type: str | None = word(50)
    model_name: str | None = word(100)
    model_version: str | None = word(50)
    status: str = word(50, "pending")
    started_at: datetime | None = None
    completed_at: datetime | None = None
    duration_seconds: int | None = None
    gpu_used: bool | None = None
    gpu_id: int | None = None
    memory_used_mb: int | None = None
    inference_results: JSON | None = json()
    confidence_score: Decimal | None = number(5, 2)
    error_message: str | None = prose()
