"""Five pictures of a property: bought once, checked, stored with what is known of them, whatever the vendor sends."""

import asyncio
import dataclasses
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from pydantic import SecretStr
from temporalio.common import RetryPolicy
from temporalio.testing import ActivityEnvironment

from activities.imagery.activities import ImageryActivities
from activities.imagery.keys import SHOTS, original_key, shot_of, sidecar_key
from config.settings import Settings
from domain.roof import STREET_VIEWS, View
from integrations.http import VendorUnavailable
from integrations.object_store import ObjectStore
from schema.contracts.property import ImagerySummary, Reason
from schema.database import Database
from schema.tables import PropertyImage
from tests.conftest import as_environment
from tests.integration.lead_world import House, activities, admit, houses, run
from tests.support.sandbox import Sandbox
from workflows.options import TaskQueue

COMPLETE = ImagerySummary(satellite=1, street_views=4)
STATIC_MAP, STREET_VIEW = "/google/maps/api/staticmap", "/google/maps/api/streetview"
PRICE = Decimal("0.002") + 4 * Decimal("0.007")


@pytest.fixture
async def imagery(sandbox_settings: Settings, object_store: ObjectStore) -> AsyncIterator[ImageryActivities]:
    async with activities(sandbox_settings, TaskQueue.IMAGERY) as built:
        yield built


@pytest.fixture
async def house(database: Database, sandbox: Sandbox) -> House:
    truth = next(truth for truth in houses(sandbox) if truth["has_street_view"])
    return await admit(database, truth)


class Bought:
    """How many pictures the vendor was asked for since this object was made."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._before = self._paths()

    def __call__(self) -> tuple[int, int]:
        """Satellite pictures, street views."""
        now = self._paths()
        asked = [now.get(path, 0) - self._before.get(path, 0) for path in (STATIC_MAP, STREET_VIEW)]
        return asked[0], asked[1]

    def _paths(self) -> dict[str, int]:
        counted: dict[str, int] = self._sandbox.get("/control/stats")["paths"]
        return counted


@pytest.fixture
def bought(sandbox: Sandbox) -> Bought:
    return Bought(sandbox)


async def rows(database: Database, lead_id: UUID) -> dict[str, PropertyImage]:
    async with database.transaction() as tx:
        return {str(row.view_angle): row for row in await tx.images.originals(lead_id)}


async def cost(database: Database, lead_id: UUID) -> Decimal:
    async with database.transaction() as tx:
        return await tx.usage.cost_of(lead_id)


async def sidecar(store: ObjectStore, house: House, view: View) -> dict[str, Any]:
    facts: dict[str, Any] = json.loads(await store.get(sidecar_key(original_key(house.lead_id, shot_of(view)))))
    return facts


async def test_five_pictures_with_sidecars_and_rows(
    imagery: ImageryActivities, database: Database, object_store: ObjectStore, house: House, bought: Bought
) -> None:
    assert await run(imagery.acquire_imagery, house.ref) == COMPLETE
    assert bought() == (1, 4)
    assert await cost(database, house.lead_id) == PRICE
    stored = await rows(database, house.lead_id)
    assert set(stored) == {view.value for view in View}
    for shot in SHOTS:
        row, facts = stored[shot.view], await sidecar(object_store, house, shot.view)
        content = await object_store.get(original_key(house.lead_id, shot))
        assert row.s3_key == original_key(house.lead_id, shot)
        assert (row.image_width, row.image_height, row.format) == (640, 640, "jpg")
        assert row.file_size_bytes == facts["size_bytes"] == len(content)
        assert row.usable_for_analysis
        assert row.quality_score is not None
        assert 30 <= row.quality_score <= 100
        text = json.dumps(facts)
        assert house.truth["address"] not in text
        assert f"{house.truth['lat']:.3f}" not in text
    assert stored[View.FRONT].capture_date is not None


async def test_sidecars_say_scale_and_heading(
    imagery: ImageryActivities, object_store: ObjectStore, house: House
) -> None:
    await run(imagery.acquire_imagery, house.ref)
    overhead = await sidecar(object_store, house, View.OVERHEAD)
    assert (overhead["source"], overhead["zoom"]) == ("google_static_map", 21)
    assert overhead["metres_per_px"] == pytest.approx(0.0645, abs=0.0003)
    headings = [(await sidecar(object_store, house, view))["heading"] for view in STREET_VIEWS]
    front = (house.truth["front_azimuth"] + 180) % 360
    for heading, turn in zip(headings, (0, 90, 270, 180), strict=True):
        assert min((heading - front - turn) % 360, (front + turn - heading) % 360) < 3


async def test_a_second_run_buys_nothing(
    imagery: ImageryActivities, database: Database, house: House, bought: Bought
) -> None:
    for _ in range(3):
        assert await run(imagery.acquire_imagery, house.ref) == COMPLETE
    assert bought() == (1, 4)
    assert await cost(database, house.lead_id) == PRICE


async def test_a_house_without_a_panorama_has_its_roof_from_above(
    imagery: ImageryActivities, database: Database, sandbox: Sandbox, bought: Bought
) -> None:
    truth = next(truth for truth in houses(sandbox) if not truth["has_street_view"])
    house = await admit(database, truth)
    summary = await run(imagery.acquire_imagery, house.ref)
    assert summary == ImagerySummary(satellite=1, street_views=0, reason=Reason.IMAGERY_INCOMPLETE)
    assert bought() == (1, 0)
    assert await cost(database, house.lead_id) == Decimal("0.002")


async def test_a_lead_without_coordinates_has_no_imagery(
    imagery: ImageryActivities, database: Database, sandbox: Sandbox, bought: Bought
) -> None:
    house = await admit(database, houses(sandbox)[1], located=False)
    assert await run(imagery.acquire_imagery, house.ref) == ImagerySummary(reason=Reason.IMAGERY_UNAVAILABLE)
    assert bought() == (0, 0)


@pytest.mark.parametrize("kind", ["truncate", "garbage"])
async def test_one_bad_answer_costs_one_more_try(
    imagery: ImageryActivities, house: House, sandbox: Sandbox, bought: Bought, kind: str
) -> None:
    sandbox.fault("google", kind, count=1, path="/staticmap")
    assert await run(imagery.acquire_imagery, house.ref) == COMPLETE
    assert bought() == (2, 4)


@pytest.mark.parametrize(("kind", "reason"), [("truncate", "truncated"), ("garbage", "not_an_image")])
async def test_an_image_that_stays_bad_is_recorded_and_the_others_proceed(
    imagery: ImageryActivities,
    database: Database,
    object_store: ObjectStore,
    house: House,
    sandbox: Sandbox,
    bought: Bought,
    kind: str,
    reason: str,
) -> None:
    sandbox.fault("google", kind, path="/staticmap")
    summary = await run(imagery.acquire_imagery, house.ref)
    assert summary == ImagerySummary(satellite=0, street_views=4, reason=Reason.IMAGE_UNREADABLE)
    assert bought() == (2, 4)
    row = (await rows(database, house.lead_id))[View.OVERHEAD]
    assert not row.usable_for_analysis
    assert (row.processing_config or {})["reason"] == reason
    assert not await object_store.exists(original_key(house.lead_id, shot_of(View.OVERHEAD)))

    processed = await run(imagery.process_images, house.ref)
    assert (processed.usable, processed.unusable, processed.reason) == (4, 1, Reason.IMAGE_UNREADABLE)


async def test_nothing_but_garbage_ends_with_a_reason(
    imagery: ImageryActivities, house: House, sandbox: Sandbox
) -> None:
    sandbox.fault("google", "garbage", path="/staticmap")
    sandbox.fault("google", "garbage", path="/maps/api/streetview")
    assert await run(imagery.acquire_imagery, house.ref) == ImagerySummary(reason=Reason.IMAGE_UNREADABLE)
    processed = await run(imagery.process_images, house.ref)
    assert (processed.usable, processed.reason) == (0, Reason.NO_USABLE_IMAGE)


@pytest.mark.parametrize("kind", ["error", "throttle"])
async def test_a_retry_buys_only_what_is_missing(
    imagery: ImageryActivities, database: Database, house: House, sandbox: Sandbox, bought: Bought, kind: str
) -> None:
    sandbox.fault("google", kind, path="/streetview", skip=1)
    with pytest.raises(VendorUnavailable):
        await run(imagery.acquire_imagery, house.ref)
    assert await cost(database, house.lead_id) == Decimal("0.002")
    assert set(await rows(database, house.lead_id)) == {View.OVERHEAD}
    sandbox.mend()
    assert await run(imagery.acquire_imagery, house.ref) == COMPLETE
    assert bought()[0] == 1
    assert await cost(database, house.lead_id) == PRICE


async def test_a_vendor_down_at_the_last_attempt_is_a_reason(
    imagery: ImageryActivities, house: House, sandbox: Sandbox
) -> None:
    sandbox.fault("google", "error", path="/maps/api/streetview")
    last = ActivityEnvironment()
    last.info = dataclasses.replace(last.info, attempt=6, retry_policy=RetryPolicy(maximum_attempts=6))
    summary = await last.run(imagery.acquire_imagery, house.ref)
    assert summary == ImagerySummary(satellite=1, street_views=0, reason=Reason.IMAGERY_INCOMPLETE)


async def test_a_refused_key_is_a_reason_not_a_retry(
    sandbox_settings: Settings, object_store: ObjectStore, database: Database, house: House
) -> None:
    wrong = sandbox_settings.model_copy(update={"google_maps_api_key": SecretStr("")})
    async with activities(wrong, TaskQueue.IMAGERY) as built:
        assert await run(built.acquire_imagery, house.ref) == ImagerySummary(reason=Reason.IMAGERY_UNAVAILABLE)
    assert await cost(database, house.lead_id) == 0
    async with activities(sandbox_settings, TaskQueue.IMAGERY) as built:
        assert await run(built.acquire_imagery, house.ref) == COMPLETE


DYING = """
import asyncio, os, sys
from uuid import UUID
from temporalio.testing import ActivityEnvironment
from config.settings import Settings
from integrations import object_store
from schema.contracts.base import LeadRef
from workflows.options import TaskQueue

puts = int(sys.argv[2])

class DyingStore(object_store.ObjectStore):
    done = 0
    async def put(self, key, content, content_type, metadata=None):
        digest = await super().put(key, content, content_type, metadata)
        DyingStore.done += 1
        if DyingStore.done == puts:
            os._exit(9)
        return digest

async def main():
    object_store.ObjectStore = DyingStore
    from activities.imagery import acquisition
    acquisition.DOWNLOADS_AT_ONCE = 1
    from tests.integration.lead_world import activities
    async with activities(Settings(), TaskQueue.IMAGERY) as built:
        await ActivityEnvironment().run(built.acquire_imagery, LeadRef(lead_id=UUID(sys.argv[1])))

asyncio.run(main())
"""


@pytest.mark.parametrize(
    ("puts", "complete", "paid"), [(6, 3, 5), (5, 2, 6)], ids=["after the third sidecar", "between image and sidecar"]
)
async def test_a_killed_worker_pays_again_only_for_the_picture_in_its_hands(
    sandbox_settings: Settings,
    imagery: ImageryActivities,
    database: Database,
    object_store: ObjectStore,
    house: House,
    bought: Bought,
    puts: int,
    complete: int,
    paid: int,
) -> None:
    """One picture at a time here, so that the moment of death is exact. Each is two puts: image, then sidecar."""
    died = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", DYING, str(house.lead_id), str(puts)],
        env=as_environment(sandbox_settings),
        capture_output=True,
        timeout=90,
    )
    assert died.returncode == 9, died.stderr.decode()
    assert await rows(database, house.lead_id) == {}
    keys = [sidecar_key(original_key(house.lead_id, shot)) for shot in SHOTS]
    assert sum([await object_store.exists(key) for key in keys]) == complete
    assert await run(imagery.acquire_imagery, house.ref) == COMPLETE
    assert sum(bought()) == paid
    assert len(await rows(database, house.lead_id)) == 5
