"""Launch and sweep on the real server and the real database: every contractor's sequence is started, once."""

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from temporalio.client import Client

from activities.campaigns.activities import CampaignActivities
from config.settings import Settings
from schema.contracts.ids import campaign_workflow_id, sequence_workflow_id
from schema.contracts.outreach import CampaignRequest, Enrollment, Refusal, SequenceRequest, SweepRequest
from schema.database import Database
from tests.integration.api_world import World, scripted
from tests.integration.campaign_world import LONG_AGO, add, add_all, campaign, contractor, enrolled
from tests.workflow.scripted import Script
from workflows.campaign import CampaignWorkflow
from workflows.sweep import OutreachSweepWorkflow


@pytest.fixture
def world(settings: Settings, database: Database, temporal_client: Client) -> World:
    return World(settings, database, temporal_client)


def script_of(database: Database) -> Script:
    """The campaigns' own activities; a sequence notes that it began, and ends at once."""
    ours = CampaignActivities(database)
    real = (ours.next_batch, ours.finish_launch, ours.find_stranded, ours.settle_delivered)
    answers: dict[str, Any] = {method.__name__: method for method in real}
    return Script(**answers, enroll=Enrollment(refusal=Refusal.NO_STEPS), enter_phase=None)


def begun(script: Script) -> Counter[str]:
    """How often each sequence began."""
    requests: list[SequenceRequest] = script.called("enroll")
    return Counter(sequence_workflow_id(each.campaign_id, each.contractor_id) for each in requests)


async def test_a_launch_starts_every_sequence_once(world: World) -> None:
    ours, people = campaign(), [contractor(number) for number in range(110)]
    await add(world.database, ours)
    await add_all(world.database, people)
    expected = {sequence_workflow_id(ours.id, each.id) for each in people}
    script = script_of(world.database)
    async with scripted(world, script):
        for launched in (110, 0):
            result = await world.client.execute_workflow(
                CampaignWorkflow.run,
                CampaignRequest(campaign_id=ours.id),
                id=campaign_workflow_id(ours.id),
                task_queue="orchestration",
            )
            assert result == launched
        for workflow_id in expected:
            await world.client.get_workflow_handle(workflow_id).result()
    assert begun(script) == Counter(expected)
    async with world.database.transaction() as tx:
        stored = await tx.campaigns.get(ours.id)
    assert stored is not None and stored.contractors_targeted == 110


async def test_the_sweep_starts_a_sequence_that_was_claimed_and_never_begun(world: World) -> None:
    """As when the worker dies between the claim and the start of the child."""
    ours, lost, fresh = campaign(), contractor(1), contractor(2)
    await add(world.database, ours, lost, fresh)
    await add(world.database, enrolled(ours.id, lost.id, updated_at=LONG_AGO), enrolled(ours.id, fresh.id))
    script = script_of(world.database)
    async with scripted(world, script):
        report = await world.client.execute_workflow(
            OutreachSweepWorkflow.run,
            SweepRequest(older_than_seconds=600),
            id="sweep",
            task_queue="orchestration",
            execution_timeout=timedelta(minutes=1),
        )
        await world.client.get_workflow_handle(sequence_workflow_id(ours.id, lost.id)).result()
    assert report.restarted == 1
    assert begun(script) == Counter([sequence_workflow_id(ours.id, lost.id)])
