"""Why a lead has the score it has, and what roofs like it look like."""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from sqlalchemy import func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from domain.ensemble import score_of
from domain.roof import CONDITIONS
from domain.scoring import Factor, FactorScore, ScoreBreakdown
from domain.validation import SimilarRoofs
from schema.repositories.base import Repository, rows_of, sql_table
from schema.tables import ScoreBreakdownRow

_COLUMNS = ("base_lead_id", "factor", "points", "maximum", "evidence")

# A roof counts as similar when it is in the same city and within five years of age.
_SIMILAR = text(
    f"""
    WITH aged AS (
        SELECT lead.id, lead.city, lead.state, analysis.overall_condition,
               COALESCE(roof.estimated_roof_age,
                        CASE WHEN lead.year_built IS NOT NULL
                             THEN LEAST(40, CAST(:year AS integer) - lead.year_built) END) AS age
        FROM base_leads lead
        LEFT JOIN roofing_leads roof ON roof.base_lead_id = lead.id
        LEFT JOIN roof_analysis analysis ON analysis.base_lead_id = lead.id
    )
    SELECT count(*), avg(grade.score), COALESCE(stddev_samp(grade.score), 0)
    FROM aged self
    JOIN aged other ON other.city = self.city AND other.state = self.state AND other.id <> self.id
                   AND other.age BETWEEN self.age - 5 AND self.age + 5
    JOIN (VALUES {", ".join(f"('{grade.value}', {score_of(grade)})" for grade in CONDITIONS)}) AS grade (name, score)
      ON grade.name = other.overall_condition
    WHERE self.id = :lead_id
    """  # noqa: S608 - assembled from our own enumeration
)


class ScoreRepository(Repository):
    """`score_breakdowns`."""

    async def save(self, lead_id: UUID, breakdown: ScoreBreakdown) -> None:
        """Replaces the lead's breakdown, one row per factor."""
        rows = [
            {
                "base_lead_id": lead_id,
                "factor": factor.name,
                "points": factor.points,
                "maximum": factor.maximum,
                "evidence": factor.evidence,
            }
            for factor in breakdown.factors
        ]
        statement = insert(sql_table(ScoreBreakdownRow)).from_select(
            list(_COLUMNS), rows_of(ScoreBreakdownRow, _COLUMNS, rows), include_defaults=False
        )
        changed = {name: statement.excluded[name] for name in ("points", "maximum", "evidence")}
        await self._session.execute(
            statement.on_conflict_do_update(
                index_elements=["base_lead_id", "factor"], set_={**changed, "created_at": func.now()}
            )
        )

    async def breakdowns(self, lead_ids: Sequence[UUID]) -> dict[UUID, tuple[FactorScore, ...]]:
        """The factors of each lead that has been scored, in the spec's order."""
        found = await self._session.scalars(
            select(ScoreBreakdownRow).where(col(ScoreBreakdownRow.base_lead_id).in_(lead_ids))
        )
        order = {factor.value: place for place, factor in enumerate(Factor)}
        by_lead: dict[UUID, list[FactorScore]] = {}
        for row in sorted(found, key=lambda row: order.get(row.factor, len(order))):
            factor = FactorScore(Factor(row.factor), row.points, row.maximum, str(row.evidence))
            by_lead.setdefault(row.base_lead_id, []).append(factor)
        return {lead_id: tuple(factors) for lead_id, factors in by_lead.items()}

    async def similar_roofs(self, lead_id: UUID, today: date) -> SimilarRoofs:
        """Mean and spread (0-100) of analysed roofs of about this age in this city; this one is left out."""
        row = (await self._session.execute(_SIMILAR, {"lead_id": lead_id, "year": today.year})).one()
        count, mean, deviation = row
        return SimilarRoofs(count, float(mean or 0), float(deviation or 0))
