"""From stored pictures to a saved verdict: real store, real database, the committed models."""

import json
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from activities.imagery import pixels
from activities.imagery.activities import ImageryActivities
from activities.imagery.keys import original_key, overlay_key, shot_of
from activities.inference.activities import InferenceActivities
from config.settings import Settings
from domain.ensemble import combine
from domain.roof import STREET_VIEWS, View
from integrations.object_store import ObjectStore
from schema.contracts.property import AnalysisSummary, Reason
from schema.database import Database
from schema.repositories.analyses import analysis_id_for
from schema.tables import MlInferenceJob, RoofAnalysis, RoofingLead
from tests.integration.lead_world import House, activities, admit, houses, run
from tests.support.sandbox import Sandbox
from workflows.options import TaskQueue


@pytest.fixture
async def imagery(sandbox_settings: Settings, object_store: ObjectStore) -> AsyncIterator[ImageryActivities]:
    async with activities(sandbox_settings, TaskQueue.IMAGERY) as built:
        yield built


@pytest.fixture
async def inference(sandbox_settings: Settings) -> AsyncIterator[InferenceActivities]:
    async with activities(sandbox_settings, TaskQueue.INFERENCE) as built:
        yield built


@pytest.fixture
async def house(imagery: ImageryActivities, database: Database, sandbox: Sandbox) -> House:
    """A badly worn house whose five pictures are stored."""
    worn = (truth for truth in houses(sandbox) if truth["has_street_view"] and truth["condition"] == "critical")
    house = await admit(database, next(worn))
    await run(imagery.acquire_imagery, house.ref)
    return house


async def saved(database: Database, house: House) -> tuple[RoofAnalysis, RoofingLead, list[MlInferenceJob]]:
    async with database.transaction() as tx:
        analysis = await tx.analyses.current(house.lead_id)
        roof = await tx.leads.roofing(house.lead_id)
        assert analysis is not None
        assert roof is not None
        return analysis, roof, list(await tx.analyses.jobs(house.lead_id))


async def test_the_verdict_is_saved_with_its_evidence(
    inference: InferenceActivities, database: Database, house: House
) -> None:
    summary = await run(inference.analyze_roof, house.ref)
    analysis, roof, jobs = await saved(database, house)
    assert summary.analysis_id == analysis.id == analysis_id_for(house.lead_id)
    assert summary.condition is not None
    assert (summary.condition.value, summary.reason) == (analysis.overall_condition, None)
    assert summary.confidence == pytest.approx(float(analysis.confidence_score or -1), abs=0.01)
    assert analysis.validation_status == "pending"

    async with database.transaction() as tx:
        findings = await tx.analyses.findings(house.lead_id)
    assert [result.view for result in findings] == [View.OVERHEAD, *sorted(STREET_VIEWS)]
    verdict = combine(findings)
    assert verdict.condition is summary.condition
    assert analysis.damage_types == [damage.damage.value for damage in verdict.damages]
    assert analysis.damage_detected == bool(verdict.damages)
    assert roof.damage_severity == {damage.damage.value: damage.severity for damage in verdict.damages}
    for place in analysis.damage_locations:
        assert set(place) == {"view", "damage", "confidence", "box"}
        assert set(place["box"]) == {"x", "y", "w", "h"}

    assert {(job.model_type, job.status) for job in jobs} == {
        (role, "completed") for role in ("classifier", "detector", "segmentor")
    }
    assert len(jobs) == 15
    assert len({job.property_image_id for job in jobs}) == 5


async def test_size_and_costs_are_there_when_the_roof_is_seen_from_above(
    inference: InferenceActivities, database: Database, house: House
) -> None:
    await run(inference.analyze_roof, house.ref)
    analysis, roof, _ = await saved(database, house)
    assert analysis.roof_sqft is not None
    assert abs(analysis.roof_sqft / house.truth["roof_sqft"] - 1) < 0.35
    assert roof.roof_sqft == analysis.roof_sqft
    assert analysis.replacement_cost_low is not None
    assert analysis.replacement_cost_high is not None
    assert Decimal(1000) < analysis.replacement_cost_low < analysis.replacement_cost_high


async def test_every_analysis_says_that_its_models_were_trained_on_renders(
    inference: InferenceActivities, database: Database, house: House
) -> None:
    await run(inference.analyze_roof, house.ref)
    analysis, roof, jobs = await saved(database, house)
    versions = [analysis.classifier_version, analysis.detector_version, analysis.segmentor_version]
    assert all("synthetic" in str(version) for version in versions)
    assert "synthetic" in (roof.ai_roof_analysis or {})["trained_on"]
    assert all("synthetic" in str(job.model_version) for job in jobs)


async def test_the_overlay_shows_the_picture_the_models_saw(
    inference: InferenceActivities, object_store: ObjectStore, house: House
) -> None:
    await run(inference.analyze_roof, house.ref)
    drawn, _ = pixels.decode(await object_store.get(overlay_key(house.lead_id, View.OVERHEAD)))
    original, _ = pixels.decode(await object_store.get(original_key(house.lead_id, shot_of(View.OVERHEAD))))
    assert drawn.shape[1] == original.shape[1]
    difference = np.abs(drawn[: original.shape[0]].astype(int) - original)
    assert np.median(difference) < 12  # the same picture, drawn upon
    assert (difference.max(axis=2) > 60).mean() > 0.002  # an outline at least


async def test_running_again_replaces_the_analysis_and_its_validation(
    inference: InferenceActivities, database: Database, house: House
) -> None:
    first = await run(inference.analyze_roof, house.ref)
    before, _, _ = await saved(database, house)
    async with database.transaction() as tx:
        await tx.analyses.update(before.id, validation_status="approved", human_validated=True)
    assert await run(inference.analyze_roof, house.ref) == first
    after, _, jobs = await saved(database, house)
    assert after.id == before.id
    assert (after.validation_status, after.human_validated) == ("pending", False)
    assert len(jobs) == 15
    assert after.overall_condition == before.overall_condition
    assert after.damage_locations == before.damage_locations


async def test_it_makes_do_with_the_pictures_there_are(
    inference: InferenceActivities, database: Database, object_store: ObjectStore, house: House
) -> None:
    rear = original_key(house.lead_id, shot_of(View.REAR))
    await object_store.put(rear, b"spoilt", "image/jpeg")
    summary = await run(inference.analyze_roof, house.ref)
    assert summary.condition is not None
    _, _, jobs = await saved(database, house)
    assert len(jobs) == 12


async def test_processing_for_people_does_not_change_what_the_models_say(
    imagery: ImageryActivities, inference: InferenceActivities, database: Database, house: House
) -> None:
    before: AnalysisSummary = await run(inference.analyze_roof, house.ref)
    roof_before: Any = (await saved(database, house))[1].ai_roof_analysis
    await run(imagery.process_images, house.ref)
    assert await run(inference.analyze_roof, house.ref) == before
    roof_after: Any = (await saved(database, house))[1].ai_roof_analysis
    assert json.dumps(roof_after, sort_keys=True) == json.dumps(roof_before, sort_keys=True)


async def test_without_pictures_there_is_a_reason_and_no_analysis(
    inference: InferenceActivities, database: Database, sandbox: Sandbox
) -> None:
    house = await admit(database, houses(sandbox)[3])
    assert await run(inference.analyze_roof, house.ref) == AnalysisSummary(reason=Reason.NO_USABLE_IMAGE)
    async with database.transaction() as tx:
        assert await tx.analyses.current(house.lead_id) is None
