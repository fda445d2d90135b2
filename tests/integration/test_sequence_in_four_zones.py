"""The whole sequence with nothing scripted but time: real database, real SDKs, the sandbox's vendors, skipped days."""

import time
from collections import Counter
from datetime import UTC, datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from temporalio import activity
from temporalio.worker import Worker

from activities.interceptor import HistorySafeActivities
from activities.metering import call_meter
from activities.outreach.activities import OutreachActivities
from activities.outreach.calls import Calls
from activities.outreach.demos import Demos
from activities.sequences.activities import SequenceActivities
from config.settings import Settings
from domain.cadence import WINDOWS, default_sequence, is_business_day
from integrations.calendly import Calendly
from integrations.calls import call_provider
from integrations.ollama_llm import LanguageModel
from schema.contracts.ids import sequence_workflow_id
from schema.contracts.outreach import Phase, SequenceRequest
from schema.database import Database
from schema.tables import OutreachTouchpoint, ScheduledTouchpoint
from tests.integration.outreach_world import Clock, make_world
from tests.support.sandbox import Sandbox
from tests.workflow.conftest import time_skipping_server
from workers.queues import activity_methods
from workers.runner import workflow_runner
from workflows.options import TaskQueue
from workflows.sequence import ContractorSequenceWorkflow

ZONES = [
    ("Pacific/Honolulu", "HI", "Honolulu", "808"),
    ("America/Phoenix", "AZ", "Phoenix", "602"),
    ("America/Indiana/Indianapolis", "IN", "Indianapolis", "317"),
    ("America/New_York", "NY", "New York", "212"),
]
CLOCKS_CHANGE = [
    pytest.param(datetime(2027, 3, 8, 13, tzinfo=UTC), datetime(2027, 3, 14, tzinfo=UTC), id="spring"),
    pytest.param(datetime(2027, 11, 1, 13, tzinfo=UTC), datetime(2027, 11, 7, tzinfo=UTC), id="autumn"),
]


class ServerClock(Clock):
    """The time of the server that skips it, as the running activity was given it."""

    def __call__(self) -> datetime:
        return activity.info().current_attempt_scheduled_time if activity.in_activity() else self.now


@pytest.mark.parametrize(("starts", "change"), CLOCKS_CHANGE)
@pytest.mark.parametrize(("zone", "state", "city", "area_code"), ZONES, ids=[zone[2] for zone in ZONES])
async def test_every_touch_goes_out_once_at_its_legal_local_time(
    database: Database,
    sandbox_settings: Settings,
    sandbox: Sandbox,
    zone: str,
    state: str,
    city: str,
    area_code: str,
    starts: datetime,
    change: datetime,
) -> None:
    world = await make_world(
        database, sandbox_settings, clock=ServerClock(starts), target_city=city, target_state=state
    )
    phone = f"+1{area_code}5550123"
    contractor_id = await world.contractor(phone=phone, city=city, state=state, timezone=zone, phone_kind="landline")
    async with database.transaction() as tx:
        await tx.people.grant_consent(phone, "call", "express_written", "test", wording="Call me")
        await tx.people.grant_consent(phone, "sms", "express_written", "test", wording="Text me")
        await tx.people.load_dnc({area_code: []}, starts)
    sandbox.post("/control/twilio/lines", number=phone, type="mobile")
    sandbox.post("/control/calls/script", number=phone, outcome="no_answer")
    sandbox.post("/control/calls/settings", auto=True)
    meter = call_meter(database)
    model = LanguageModel.from_settings(sandbox_settings, meter)
    calls = Calls(database, call_provider(sandbox_settings, meter), model)
    demos = Demos(database, Calendly.from_settings(sandbox_settings, meter))
    registered = [
        *activity_methods(SequenceActivities(database, world.clock)),
        *activity_methods(OutreachActivities(world.touches, calls, demos)),
    ]

    async with time_skipping_server() as environment:
        await environment.sleep(starts - await environment.get_current_time())
        queues = (TaskQueue.ORCHESTRATION, TaskQueue.MESSAGING)
        workers = [
            Worker(
                environment.client,
                task_queue=queue.value,
                workflows=[ContractorSequenceWorkflow],
                activities=registered,
                workflow_runner=workflow_runner(),
                interceptors=[HistorySafeActivities()],
            )
            for queue in queues
        ]
        async with workers[0], workers[1]:
            began = time.perf_counter()
            handle = await environment.client.start_workflow(
                ContractorSequenceWorkflow.run,
                SequenceRequest(campaign_id=world.campaign_id, contractor_id=contractor_id),
                id=sequence_workflow_id(world.campaign_id, contractor_id),
                task_queue=TaskQueue.ORCHESTRATION.value,
            )
            while (await handle.query(ContractorSequenceWorkflow.status)).phase is Phase.OUTREACH:
                await environment.sleep(86_400)
            print(f"\n{city}: fourteen days and the wait for an answer in {time.perf_counter() - began:.1f} s")
            await handle.terminate()

    rows = await world.rows(OutreachTouchpoint, contractor_id=contractor_id)
    made = sorted((row for row in rows if row.purpose == "outreach"), key=lambda row: row.sent_at or starts)
    steps = default_sequence()
    assert [(row.channel, row.template_used, row.status) for row in made] == [
        (step.channel.value, step.template, made[index].status) for index, step in enumerate(steps)
    ]
    assert {row.outcome_reason for row in made} <= {None}
    for row, step in zip(made, steps, strict=True):
        local = row.sent_at.astimezone(ZoneInfo(zone))
        opens, closes = WINDOWS[step.channel]
        assert opens <= local.time().replace(second=0, microsecond=0) <= closes, (row.template_used, local)
        assert is_business_day(local.date())
    assert made[0].sent_at < change < made[-1].sent_at
    for earlier, later in pairwise(made):
        assert earlier.sent_at <= later.sent_at
    mails = Counter(mail["subject"] for mail in sandbox.get("/control/mailbox")["mails"])
    assert len(mails) == 6
    assert set(mails.values()) == {1}
    assert len(sandbox.get("/control/texts")["texts"]) == 1
    assert len(sandbox.get("/control/calls")["calls"]) == 2
    scheduled = await world.rows(ScheduledTouchpoint, contractor_id=contractor_id)
    assert {row.status for row in scheduled if row.touch_key.startswith("outreach")} == {"sent"}
