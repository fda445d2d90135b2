"""Pictures for people: every version stored under its key, once, and a spoilt one named."""

import hashlib
import json
from collections.abc import AsyncIterator
from uuid import UUID

import numpy as np
import pytest

from activities.imagery import pixels
from activities.imagery.activities import ImageryActivities
from activities.imagery.keys import SHOTS, original_key, preprocessed_key, shot_of, sidecar_key, transformed_key
from config.settings import Settings
from domain.roof import View
from integrations.object_store import ObjectStore
from schema.contracts.property import ProcessingSummary, Reason
from schema.database import Database
from schema.tables import PropertyImage
from tests.integration.lead_world import House, activities, admit, houses, run
from tests.support.sandbox import Sandbox
from workflows.options import TaskQueue


@pytest.fixture
async def imagery(sandbox_settings: Settings, object_store: ObjectStore) -> AsyncIterator[ImageryActivities]:
    async with activities(sandbox_settings, TaskQueue.IMAGERY) as built:
        yield built


@pytest.fixture
async def house(imagery: ImageryActivities, database: Database, sandbox: Sandbox) -> House:
    """A lead whose five pictures are stored."""
    truth = next(truth for truth in houses(sandbox) if truth["has_street_view"])
    house = await admit(database, truth)
    await run(imagery.acquire_imagery, house.ref)
    return house


async def rows(database: Database, lead_id: UUID) -> dict[str, PropertyImage]:
    async with database.transaction() as tx:
        return {str(row.s3_key): row for row in await tx.images.all(lead_id)}


async def test_every_version_is_stored_and_described(
    imagery: ImageryActivities, database: Database, object_store: ObjectStore, house: House
) -> None:
    assert await run(imagery.process_images, house.ref) == ProcessingSummary(usable=5, unusable=0)
    stored = await rows(database, house.lead_id)
    assert len(stored) == 10
    for shot in SHOTS:
        key = preprocessed_key(house.lead_id, shot)
        facts = json.loads(await object_store.get(sidecar_key(key)))
        expected = {key, *(transformed_key(house.lead_id, damage, shot) for damage in pixels.TRANSFORMS)}
        assert set(facts["files"]) == expected
        for file, digest in facts["files"].items():
            content = await object_store.get(file)
            assert hashlib.sha256(content).hexdigest() == digest
            rgb, header = pixels.decode(content)
            assert (header.format, rgb.shape) == ("jpg", (1024, 1024, 3))
        original, processed = stored[original_key(house.lead_id, shot)], stored[key]
        assert (original.processed, original.usable_for_analysis) == (True, True)
        assert (processed.image_type, processed.usable_for_analysis) == ("processed", False)
        assert (processed.image_width, processed.image_height) == (1024, 1024)
        assert facts["original_sha256"] == (original.processing_config or {})["sha256"]


async def test_what_the_models_need_survives_processing(
    imagery: ImageryActivities, database: Database, house: House
) -> None:
    await run(imagery.process_images, house.ref)
    overhead = (await rows(database, house.lead_id))[original_key(house.lead_id, shot_of(View.OVERHEAD))]
    facts = overhead.processing_config or {}
    assert facts["metres_per_px"] == pytest.approx(0.0645, abs=0.0003)
    assert facts["pipeline"] == pixels.PIPELINE_VERSION


async def test_a_second_run_changes_nothing(imagery: ImageryActivities, database: Database, house: House) -> None:
    await run(imagery.process_images, house.ref)
    before = {key: row.processed_at for key, row in (await rows(database, house.lead_id)).items()}
    assert await run(imagery.process_images, house.ref) == ProcessingSummary(usable=5, unusable=0)
    assert {key: row.processed_at for key, row in (await rows(database, house.lead_id)).items()} == before


async def test_pictures_of_an_older_pipeline_are_processed_again(
    imagery: ImageryActivities, database: Database, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    await run(imagery.process_images, house.ref)
    monkeypatch.setattr(pixels, "PIPELINE_VERSION", "next")
    await run(imagery.process_images, house.ref)
    stored = await rows(database, house.lead_id)
    assert {(row.processing_config or {})["pipeline"] for row in stored.values()} == {"next"}


async def test_a_stored_picture_that_spoilt_is_named_and_the_others_proceed(
    imagery: ImageryActivities, database: Database, object_store: ObjectStore, house: House
) -> None:
    rear, left = (original_key(house.lead_id, shot_of(view)) for view in (View.REAR, View.LEFT))
    content = await object_store.get(rear)
    await object_store.put(rear, content[: len(content) // 3], "image/jpeg")
    grey = np.full((640, 640, 3), 9, np.uint8)
    await object_store.put(left, pixels.encode_jpeg(grey)[:-40], "image/jpeg")
    for _ in range(2):
        summary = await run(imagery.process_images, house.ref)
        assert summary == ProcessingSummary(usable=3, unusable=2, reason=Reason.IMAGE_UNREADABLE)
    stored = await rows(database, house.lead_id)
    assert [(stored[key].processing_config or {})["reason"] for key in (rear, left)] == ["truncated"] * 2
    assert not stored[rear].usable_for_analysis


async def test_a_lead_without_pictures_says_so(
    imagery: ImageryActivities, database: Database, sandbox: Sandbox
) -> None:
    house = await admit(database, houses(sandbox)[2])
    assert await run(imagery.process_images, house.ref) == ProcessingSummary(reason=Reason.NO_USABLE_IMAGE)
