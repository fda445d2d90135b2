"""Scraping and enrichment jobs, with the answers that vendors were paid for."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import func, literal, select, tuple_, update
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlmodel import col

from schema.progress import ScrapingProgress
from schema.repositories.base import Repository, page_size
from schema.tables.base import JSON
from schema.tables.jobs import EnrichmentJob, ScrapingJob


class JobRepository(Repository):
    """`scraping_jobs` and `enrichment_jobs`. The caller chooses a job's id, so that a retry finds its row."""

    async def start_scraping(self, job_id: UUID, job_type: str, city: str, state: str, config: JSON) -> None:
        """Opens the job, or opens it again and counts the retry."""
        statement = insert(ScrapingJob).values(
            id=job_id, job_type=job_type, city=city, state=state, config=config, status="running", started_at=func.now()
        )
        again = {
            "status": "running",
            "error_message": None,
            "completed_at": None,
            "config": statement.excluded.config,
            "retry_count": col(ScrapingJob.retry_count) + 1,
        }
        await self._session.execute(statement.on_conflict_do_update(index_elements=["id"], set_=again))

    async def scraping_progress(self, job_id: UUID, progress: ScrapingProgress) -> None:
        """Records how far the job is."""
        await self._update_scraping(job_id, **_items(progress))

    async def finish_scraping(
        self, job_id: UUID, progress: ScrapingProgress, results: JSON, error: str | None = None
    ) -> None:
        """Closes the job, as failed when there is an error; `error` and `results` hold no personal data."""
        await self._update_scraping(
            job_id,
            **_items(progress),
            status="failed" if error else "completed",
            results=results,
            error_message=error,
            completed_at=func.now(),
            duration_seconds=func.extract("epoch", func.now() - col(ScrapingJob.started_at)),
        )

    async def scraping_job(self, job_id: UUID) -> ScrapingJob | None:
        """The job's row."""
        return await self._session.get(ScrapingJob, job_id)

    async def scraping_page(self, after: tuple[datetime, UUID] | None, limit: int) -> Sequence[ScrapingJob]:
        """Jobs, newest first, behind the (created_at, id) of the page before."""
        query = select(ScrapingJob).order_by(col(ScrapingJob.created_at).desc(), col(ScrapingJob.id).desc())
        if after is not None:
            query = query.where(tuple_(col(ScrapingJob.created_at), col(ScrapingJob.id)) < after)
        return (await self._session.scalars(query.limit(page_size(limit)))).all()

    async def scraped_within(self, job_id: UUID, age: timedelta) -> ScrapingJob | None:
        """The job if it last succeeded less than `age` ago."""
        job = await self.scraping_job(job_id)
        fresh = job is not None and job.status == "completed" and job.completed_at is not None
        return job if job and fresh and datetime.now(UTC) - _at(job.completed_at) < age else None

    async def start_enrichment(self, job_id: UUID, lead_id: UUID, enrichment_type: str) -> None:
        """Opens the job, or opens it again keeping its answers and costs."""
        statement = insert(EnrichmentJob).values(
            id=job_id,
            base_lead_id=lead_id,
            enrichment_type=enrichment_type,
            status="running",
            started_at=func.now(),
            cost=Decimal(0),
        )
        again = {"status": "running", "error_message": None, "completed_at": None}
        await self._session.execute(statement.on_conflict_do_update(index_elements=["id"], set_=again))

    async def save_answer(self, job_id: UUID, source: str, question: str, answer: JSON, cost: Decimal) -> None:
        """Keeps what a vendor was paid for, encrypted, and adds its price to the job in US dollars."""
        entry = {
            source: {
                "question": self._vault.blind_index(question),
                "answer": self._vault.encrypt(json.dumps(answer)),
                "at": datetime.now(UTC).isoformat(),
                "cost": str(cost),
            }
        }
        kept = func.coalesce(col(EnrichmentJob.enrichment_data), literal({}, JSONB))
        await self._update_enrichment(
            job_id,
            enrichment_data=kept.concat(literal(entry, JSONB)),
            cost=func.coalesce(col(EnrichmentJob.cost), 0) + cost,
            api_calls_made=col(EnrichmentJob.api_calls_made) + 1,
        )

    async def answer(self, job_id: UUID, source: str, question: str, age: timedelta) -> JSON | None:
        """The vendor's answer to the same question if it is younger than `age`: it is not paid for twice."""
        job = await self.enrichment_job(job_id)
        entry = (job.enrichment_data or {}).get(source) if job else None
        if not entry or entry["question"] != self._vault.blind_index(question):
            return None
        if datetime.now(UTC) - datetime.fromisoformat(entry["at"]) >= age:
            return None
        answer: JSON = json.loads(self._vault.decrypt(entry["answer"]))
        return answer

    async def finish_enrichment(
        self,
        job_id: UUID,
        *,
        sources_tried: list[str],
        successful_source: str | None,
        confidence: Decimal | None,
        data_found: bool,
        error: str | None = None,
    ) -> None:
        """Closes the job, as failed when there is an error; `error` holds no personal data."""
        await self._update_enrichment(
            job_id,
            status="failed" if error else "completed",
            sources_tried=sources_tried,
            successful_source=successful_source,
            confidence_score=confidence,
            data_found=data_found,
            error_message=error,
            completed_at=func.now(),
        )

    async def enrichment_job(self, job_id: UUID) -> EnrichmentJob | None:
        """The job's row."""
        return await self._session.get(EnrichmentJob, job_id, populate_existing=True)

    async def _update_scraping(self, job_id: UUID, **values: Any) -> None:
        await self._session.execute(update(ScrapingJob).where(col(ScrapingJob.id) == job_id).values(**values))

    async def _update_enrichment(self, job_id: UUID, **values: Any) -> None:
        await self._session.execute(update(EnrichmentJob).where(col(EnrichmentJob.id) == job_id).values(**values))


def _items(progress: ScrapingProgress) -> dict[str, int]:
    return {
        "total_items": progress.total,
        "processed_items": progress.processed,
        "succeeded_items": progress.succeeded,
        "failed_items": progress.failed,
    }


def _at(moment: datetime | None) -> datetime:
    return moment if moment is not None else datetime.min.replace(tzinfo=UTC)
