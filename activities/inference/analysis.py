"""From stored pictures to a roof's condition, damage, size and costs (spec 3.4.1 to 3.4.3).

The models see the originals as the vendor sent them, at their known scale: that is what they were trained
on. The enhanced versions are for people (see `activities.imagery.pixels`).
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import structlog

from activities.imagery import pixels
from activities.imagery.formats import BadImage
from activities.imagery.keys import overlay_key
from activities.inference.overlay import annotate
from domain.costs import CostEstimate, assumed_roof_sqft, estimate_costs
from domain.ensemble import EnsembleVerdict, combine
from domain.roof import ImageFindings, RoofCondition, View
from integrations.object_store import ObjectMissing, ObjectStore
from ml_models.runner import Inspection, RoofImage, RoofModels
from schema.contracts.property import AnalysisSummary, Reason
from schema.database import Database
from schema.repositories.analyses import findings_to_json
from schema.tables import BaseLead, PropertyImage

log = structlog.get_logger()

MODEL_TYPES = ("classifier", "detector", "segmentor")
MAX_IMAGE_BYTES = 16_000_000

AGE_OF: Mapping[RoofCondition, int] = dict(zip(RoofCondition, (2, 7, 13, 18, 22), strict=True))
"""Typical age in years of each grade, by the age ranges of spec 3.4.1."""
TYPICAL_LIFE_YEARS = 25
"""Of an asphalt shingle roof, for which the spec's age ranges are drawn."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A picture ready for the models and the row it comes from."""

    row: PropertyImage
    image: RoofImage


class Analysis:
    """Runs the models over a lead's pictures and saves what they say."""

    def __init__(self, db: Database, store: ObjectStore, models: RoofModels) -> None:
        self._db = db
        self._store = store
        self._models = models

    async def analyze(self, lead_id: UUID) -> AnalysisSummary:
        """Replaces the lead's analysis; `NO_USABLE_IMAGE` when there is nothing to look at."""
        async with self._db.transaction() as tx:
            lead = await tx.leads.get(lead_id)
            rows = [row for row in await tx.images.originals(lead_id) if row.usable_for_analysis]
        pictures = [loaded for loaded in await asyncio.gather(*map(self._load, rows)) if loaded is not None]
        if lead is None or not pictures:
            return AnalysisSummary(reason=Reason.NO_USABLE_IMAGE)
        started = datetime.now(UTC)
        seen = await asyncio.to_thread(self._models.inspect, [loaded.image for loaded in pictures])
        findings = [self._models.findings(inspection) for inspection in seen]
        finished = datetime.now(UTC)
        verdict = combine(findings)
        await self._draw(lead_id, seen, findings, verdict)
        columns, roof = self._columns(lead, findings, verdict)
        jobs = [
            self._job(loaded.row, result, model, started, finished)
            for loaded, result in zip(pictures, findings, strict=True)
            for model in MODEL_TYPES
        ]
        async with self._db.transaction() as tx:
            analysis_id = await tx.analyses.replace(lead_id, columns, jobs)
            await tx.leads.update_roofing(lead_id, **roof)
        return AnalysisSummary(
            analysis_id=analysis_id, condition=verdict.condition, confidence=round(verdict.confidence, 2)
        )

    async def _load(self, row: PropertyImage) -> Loaded | None:
        try:
            content = await self._store.get(str(row.s3_key), max_bytes=MAX_IMAGE_BYTES)
            rgb, _ = await asyncio.to_thread(pixels.decode, content)
        except (ObjectMissing, BadImage) as failure:
            log.warning("image left out", lead_id=str(row.base_lead_id), view=row.view_angle, reason=str(failure))
            return None
        view = View(str(row.view_angle))
        scale = (row.processing_config or {}).get("metres_per_px") if view is View.OVERHEAD else None
        return Loaded(row, RoofImage(view=view, rgb=rgb, metres_per_px=float(scale) if scale else None))

    async def _draw(
        self, lead_id: UUID, seen: Sequence[Inspection], findings: Sequence[ImageFindings], verdict: EnsembleVerdict
    ) -> None:
        """Stores the annotated overhead picture; the street views are judged by their originals."""
        for inspection, result in zip(seen, findings, strict=True):
            if result.view is View.OVERHEAD:
                drawn = await asyncio.to_thread(_overlay, inspection, result, verdict)
                await self._store.put(overlay_key(lead_id, result.view), drawn, "image/jpeg")

    def _columns(
        self, lead: BaseLead, findings: Sequence[ImageFindings], verdict: EnsembleVerdict
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Columns of `roof_analysis` and of `roofing_leads`."""
        costs = estimate(lead, verdict)
        severities = {damage.damage.value: damage.severity for damage in verdict.damages}
        areas = {damage.damage.value: damage.area_sqft for damage in verdict.damages if damage.area_sqft is not None}
        roof_sqft = None if verdict.roof_sqft is None else round(verdict.roof_sqft)
        material = None if verdict.material is None else verdict.material.value
        age = AGE_OF[verdict.condition]
        repair, replacement = (costs.repair, costs.replacement) if costs else (None, None)
        analysis = {
            "overall_condition": verdict.condition.value,
            "confidence_score": _percent(verdict.confidence),
            "damage_detected": bool(verdict.damages),
            "damage_types": list(severities),
            "damage_severity": severities,
            "damage_locations": _locations(findings),
            "damage_areas_sqft": areas,
            "roof_sqft": roof_sqft,
            "roof_type": material,
            "estimated_age": age,
            "estimated_remaining_life": max(0, TYPICAL_LIFE_YEARS - age),
            "repair_cost_low": repair.low if repair else None,
            "repair_cost_high": repair.high if repair else None,
            "replacement_cost_low": replacement.low if replacement else None,
            "replacement_cost_high": replacement.high if replacement else None,
            "roi_for_replacement": costs.roi_percent if costs else None,
            **self._model_columns(),
        }
        roof: dict[str, Any] = {
            "damage_detected": list(severities),
            "damage_severity": severities,
            "ai_roof_analysis": {
                "findings": findings_to_json(findings),
                "score": round(verdict.score, 2),
                "parts": {
                    name: {"score": round(part.score, 2), "confidence": round(part.confidence, 2)}
                    for name, part in zip(
                        MODEL_TYPES, (verdict.classifier, verdict.detector, verdict.segmentor), strict=True
                    )
                },
                "damage_share": round(verdict.damage_share, 4),
                "urgency": costs.urgency if costs else None,
                "cost_evidence": list(costs.evidence) if costs else [],
                "trained_on": self._models.trained_on,
                "overlay": overlay_key(lead.id, View.OVERHEAD) if _sees_overhead(findings) else None,
            },
            "repair_cost_estimate": {"low": repair.low, "high": repair.high} if repair else None,
            "replacement_cost_estimate": {"low": replacement.low, "high": replacement.high} if replacement else None,
        }
        if roof_sqft is not None:
            roof["roof_sqft"] = roof_sqft
        if material is not None:
            roof["roof_type"] = material
        return analysis, roof

    def _model_columns(self) -> dict[str, str]:
        """Names and versions; the version says what the weights learned from, wherever it is read."""
        columns = {}
        for role in MODEL_TYPES:
            entry = self._models.card.models[role]
            columns[f"{role}_model"] = entry.name[:100]
            columns[f"{role}_version"] = f"{entry.version} {self._models.trained_on}"[:50]
        return columns

    def _job(
        self, row: PropertyImage, result: ImageFindings, role: str, started: datetime, finished: datetime
    ) -> dict[str, Any]:
        """A row of `ml_inference_jobs`: one model's part in the batch, on one picture."""
        entry = self._models.card.models[role]
        confidence, said = _RESULTS[role](result)
        return {
            "property_image_id": row.id,
            "model_type": role,
            "model_name": entry.name[:100],
            "model_version": f"{entry.version} {self._models.trained_on}"[:50],
            "status": "completed",
            "started_at": started,
            "completed_at": finished,
            "duration_seconds": round((finished - started).total_seconds()),
            "gpu_used": False,
            "inference_results": said,
            "confidence_score": None if confidence is None else _percent(100 * confidence),
        }


def _classified(result: ImageFindings) -> tuple[float | None, dict[str, Any]]:
    shares = {condition.value: round(share, 4) for condition, share in result.condition_probabilities.items()}
    return max(result.condition_probabilities.values()), {"probabilities": shares}


def _detected(result: ImageFindings) -> tuple[float | None, dict[str, Any]]:
    sure = [found.confidence for found in result.detections]
    return (sum(sure) / len(sure) if sure else None), {"detections": _locations([result])}


def _segmented(result: ImageFindings) -> tuple[float | None, dict[str, Any]]:
    said = {
        "roof_share": round(result.roof_share, 4),
        "damage_share": round(result.damage_share, 4),
        "material": result.material.value if result.material else None,
        "roof_sqft": round(result.roof_sqft, 1) if result.roof_sqft else None,
    }
    return result.segmentation_confidence, said


_RESULTS: Mapping[str, Callable[[ImageFindings], tuple[float | None, dict[str, Any]]]] = {
    "classifier": _classified,
    "detector": _detected,
    "segmentor": _segmented,
}


def estimate(lead: BaseLead, verdict: EnsembleVerdict) -> CostEstimate | None:
    """Costs from the measured roof, else from the living area; None when neither is known."""
    area = verdict.roof_sqft or (assumed_roof_sqft(float(lead.sqft)) if lead.sqft else None)
    if area is None:
        return None
    return estimate_costs(
        roof_sqft=area,
        material=verdict.material,
        condition=verdict.condition,
        damages=verdict.damages,
        city=lead.city,
        state=lead.state,
    )


def _overlay(inspection: Inspection, result: ImageFindings, verdict: EnsembleVerdict) -> bytes:
    drawn = annotate(
        inspection.image.rgb,
        result.detections,
        inspection.roof_mask,
        condition=verdict.condition,
        confidence=verdict.confidence,
        note=f"{verdict.roof_sqft:,.0f} sq ft" if verdict.roof_sqft else "",
    )
    return pixels.encode_jpeg(drawn)


def _sees_overhead(findings: Sequence[ImageFindings]) -> bool:
    return any(result.view is View.OVERHEAD for result in findings)


def _locations(findings: Sequence[ImageFindings]) -> list[dict[str, Any]]:
    return [
        {
            "view": result.view.value,
            "damage": found.damage.value,
            "confidence": round(found.confidence, 4),
            "box": {"x": found.box.x, "y": found.box.y, "w": found.box.w, "h": found.box.h},
        }
        for result in findings
        for found in result.detections
    ]


def _percent(value: float) -> Decimal:
    return Decimal(str(round(value, 2)))
