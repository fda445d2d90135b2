"""What the models said of a roof: one current analysis per lead, its evidence and its model runs."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID, uuid5

from pydantic import TypeAdapter
from sqlalchemy import delete, func, select
from sqlalchemy import insert as plain_insert
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from domain.roof import ImageFindings
from schema.repositories.base import Repository
from schema.tables import MlInferenceJob, RoofAnalysis, RoofingLead

_FINDINGS = TypeAdapter(tuple[ImageFindings, ...])
_UNVALIDATED = {
    "validation_status": "pending",
    "validation_confidence": None,
    "human_validated": False,
    "human_validator_id": None,
    "validation_notes": None,
    "validation_date": None,
}


def analysis_id_for(lead_id: UUID) -> UUID:
    """A lead's analysis keeps its id when it is made again, so that reviews stay attached."""
    return uuid5(lead_id, "roof-analysis")


def findings_to_json(findings: Sequence[ImageFindings]) -> list[dict[str, Any]]:
    """Findings as plain JSON; `AnalysisRepository.findings` reads them back."""
    dumped: list[dict[str, Any]] = _FINDINGS.dump_python(tuple(findings), mode="json")
    return dumped


class AnalysisRepository(Repository):
    """`roof_analysis` and `ml_inference_jobs`."""

    async def current(self, lead_id: UUID) -> RoofAnalysis | None:
        """The lead's analysis."""
        return await self._session.scalar(select(RoofAnalysis).where(col(RoofAnalysis.base_lead_id) == lead_id))

    async def replace(
        self,
        lead_id: UUID,
        columns: Mapping[str, Any],
        jobs: Sequence[Mapping[str, Any]],
    ) -> UUID:
        """Makes this the lead's analysis, not validated yet, and these its model runs; returns its id."""
        analysis_id = analysis_id_for(lead_id)
        values = {**columns, **_UNVALIDATED, "analyzed_at": func.now()}
        statement = insert(RoofAnalysis).values(id=analysis_id, base_lead_id=lead_id, **values)
        await self._session.execute(statement.on_conflict_do_update(index_elements=["id"], set_=values))
        await self._session.execute(delete(MlInferenceJob).where(col(MlInferenceJob.base_lead_id) == lead_id))
        if jobs:
            await self._session.execute(
                plain_insert(MlInferenceJob),
                [{"base_lead_id": lead_id, **job} for job in jobs],
            )
        return analysis_id

    async def update(self, analysis_id: UUID, **columns: Any) -> None:
        """Sets columns of an analysis, such as the outcome of its validation."""
        row = await self._session.get_one(RoofAnalysis, analysis_id)
        for name, value in columns.items():
            if name not in RoofAnalysis.model_fields:
                raise AttributeError(name)
            setattr(row, name, value)
        await self._session.flush()

    async def findings(self, lead_id: UUID) -> tuple[ImageFindings, ...]:
        """What the models said of each image in the current analysis; empty without one."""
        stored = await self._session.scalar(
            select(col(RoofingLead.ai_roof_analysis)["findings"]).where(col(RoofingLead.base_lead_id) == lead_id)
        )
        return _FINDINGS.validate_python(stored or ())

    async def jobs(self, lead_id: UUID) -> Sequence[MlInferenceJob]:
        """The model runs behind the current analysis."""
        found = await self._session.scalars(select(MlInferenceJob).where(col(MlInferenceJob.base_lead_id) == lead_id))
        return found.all()
