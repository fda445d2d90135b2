"""ContractorOnboardingWorkflow's decisions, seen on the time-skipping server."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from temporalio.client import WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError
from temporalio.testing import WorkflowEnvironment

from domain.matching import Tier
from schema.contracts.ids import sequence_workflow_id
from schema.contracts.onboarding import (
    BillingEventKind,
    OnboardingStage,
    PlanAction,
    PlanAnswer,
    PlanChange,
    PlanRefusal,
    SequenceRef,
    SubscriptionState,
)
from schema.contracts.outreach import Enrollment, Phase, SequenceRequest
from tests.workflow.conftest import run_script
from tests.workflow.subscriber import AUTHENTICATE, DECLINED, MONTH, Handle, Subscriber, an_event, until
from workflows.onboarding import ContractorOnboardingWorkflow
from workflows.options import ONBOARDING_TIMES, REMOTE
from workflows.sequence import ContractorSequenceWorkflow

NEAR = timedelta(minutes=5)
"""How late a step may be: the server's clock runs while workers work."""

CANCEL = PlanChange(change_id="stop", action=PlanAction.CANCEL_NOW)


def near(moment: datetime, expected: datetime) -> bool:
    return timedelta(0) <= moment - expected < NEAR


async def active(script: Subscriber, environment: WorkflowEnvironment) -> Handle:
    """A subscription whose first month is paid and whose letters are out."""
    handle = await script.start(environment)
    await until(handle, lambda status: status.stage is OnboardingStage.ACTIVE)
    return handle


async def cancel(handle: Handle) -> PlanAnswer:
    return await handle.execute_update(ContractorOnboardingWorkflow.change_plan, CANCEL)


async def eventually(holds: Callable[[], bool]) -> None:
    while not holds():
        await asyncio.sleep(0.01)


async def test_signing_up_pays_welcomes_and_shows_leads_at_once(time_skipping: WorkflowEnvironment) -> None:
    script = Subscriber()
    async with run_script(time_skipping.client, script):
        handle = await active(script, time_skipping)
        assert script.kinds == ["receipt", "welcome", "training_call"]
        [welcome] = [call for call in script.called("send_subscription_letter") if call.kind == "welcome"]
        assert welcome.leads == 3
        names = [name for name, _ in script.calls]
        assert names.index("use_payment_method") < names.index("complete_sign_up") < names.index("show_first_leads")
        await cancel(handle)
        result = await handle.result()
    assert (result.stage, result.reason) == (OnboardingStage.ENDED, "stop")


async def test_outreach_hears_of_the_sign_up(time_skipping: WorkflowEnvironment) -> None:
    script = Subscriber()
    campaign, lost = uuid4(), uuid4()
    script.sequences = tuple(
        SequenceRef(campaign_id=each, contractor_id=script.contractor_id) for each in (lost, campaign)
    )
    script.answers |= {"enroll": lambda _: Enrollment(), "enter_phase": None}
    async with run_script(time_skipping.client, script):
        sequence = await time_skipping.client.start_workflow(
            ContractorSequenceWorkflow.run,
            SequenceRequest(campaign_id=campaign, contractor_id=script.contractor_id),
            id=sequence_workflow_id(campaign, script.contractor_id),
            task_queue="orchestration",
        )
        handle = await active(script, time_skipping)
        assert (await sequence.result()).phase is Phase.SIGNED_UP
        await cancel(handle)
        await handle.result()


async def test_a_declined_card_is_told_and_another_one_tried(time_skipping: WorkflowEnvironment) -> None:
    script = Subscriber(cards={1: DECLINED})
    async with run_script(time_skipping.client, script):
        handle = await script.start(time_skipping)
        await until(handle, lambda status: status.stage is OnboardingStage.DECLINED)
        await time_skipping.sleep(timedelta(days=6))
        assert script.kinds == ["payment_declined"]
        script.set(attempt=2)
        await handle.signal(ContractorOnboardingWorkflow.look_again)
        await until(handle, lambda status: status.stage is OnboardingStage.ACTIVE)
        await cancel(handle)
        await handle.result()
    assert [card.attempt for card in script.called("use_payment_method")] == [1, 2]


async def test_without_a_card_it_is_over_after_seven_days(time_skipping: WorkflowEnvironment) -> None:
    script = Subscriber(cards={1: DECLINED})
    async with run_script(time_skipping.client, script):
        handle = await script.start(time_skipping)
        result = await handle.result()
    [ended] = script.at("never-paid")
    assert script.standing.created_at
    assert near(ended, script.standing.created_at + timedelta(days=7))
    assert result.reason == "never-paid"
    assert script.kinds == ["payment_declined", "subscription_ended"]
    assert not script.called("complete_sign_up")


async def test_the_bank_asks_and_the_contractor_confirms(time_skipping: WorkflowEnvironment) -> None:
    script = Subscriber(cards={1: AUTHENTICATE})
    async with run_script(time_skipping.client, script):
        handle = await script.start(time_skipping)
        await until(handle, lambda status: status.stage is OnboardingStage.AUTHENTICATION)
        await eventually(lambda: "payment_confirmation" in script.kinds)
        script.happen(state=SubscriptionState.ACTIVE, period=1)
        await handle.signal(ContractorOnboardingWorkflow.event, an_event())
        await until(handle, lambda status: status.stage is OnboardingStage.ACTIVE)
        await cancel(handle)
        await handle.result()
    assert len(script.called("use_payment_method")) == 1


async def test_an_event_acts_once_and_the_order_does_not_matter(time_skipping: WorkflowEnvironment) -> None:
    script = Subscriber(cards={1: AUTHENTICATE})
    async with run_script(time_skipping.client, script):
        handle = await script.start(time_skipping)
        await until(handle, lambda status: status.stage is OnboardingStage.AUTHENTICATION)
        await eventually(lambda: bool(script.letters))
        late = an_event(BillingEventKind.ACTION_NEEDED, "stripe:evt_late")
        script.happen(state=SubscriptionState.ACTIVE, period=1)
        for event in (an_event(BillingEventKind.PAID, "stripe:evt_paid"), late, late, late):
            await handle.signal(ContractorOnboardingWorkflow.event, event)
        status = await until(handle, lambda status: status.stage is OnboardingStage.ACTIVE)
        assert status.events == 2
        await handle.signal(ContractorOnboardingWorkflow.event, late)
        await cancel(handle)
        await handle.result()
    assert len(script.at("sync")) <= 3, "one after the card, one for each of two events at most"
    assert script.kinds.count("welcome") == 1


async def test_months_renew_each_in_a_run_of_its_own(time_skipping: WorkflowEnvironment) -> None:
    script = Subscriber()
    async with run_script(time_skipping.client, script):
        handle = await active(script, time_skipping)
        first = (await handle.describe()).run_id
        for month in (2, 3):
            script.renew()
            await handle.signal(ContractorOnboardingWorkflow.event, an_event())
            await eventually(lambda month=month: len(script.at("settle")) == month - 1)  # type: ignore[misc]
        await eventually(lambda: script.kinds.count("refund") == 2)
        assert (await handle.describe()).run_id != first
        assert [number for kind, number, _ in script.letters if kind == "receipt"] == ["1", "2", "3"]
        assert script.kinds.count("refund") == 2
        assert script.kinds.count("welcome") == 1
        assert len(script.called("use_payment_method")) == 1, "a card is tried once, also after a new run began"
        await cancel(handle)
        await handle.result()


async def test_a_renewal_nobody_told_of_is_found(time_skipping: WorkflowEnvironment) -> None:
    script = Subscriber()
    async with run_script(time_skipping.client, script):
        handle = await active(script, time_skipping)
        ends_at = script.standing.period_ends_at
        assert ends_at
        script.renew()
        before = len(script.at("sync"))
        await time_skipping.sleep(MONTH + timedelta(hours=4))
        await eventually(lambda: "refund" in script.kinds)
        assert near(script.at("sync")[before], ends_at + ONBOARDING_TIMES.renewal)
        await cancel(handle)
        await handle.result()


async def test_an_overdue_payment_is_reminded_of_three_times_and_ends_on_day_14(
    time_skipping: WorkflowEnvironment,
) -> None:
    script = Subscriber()
    async with run_script(time_skipping.client, script):
        handle = await active(script, time_skipping)
        script.happen(state=SubscriptionState.PAST_DUE)
        await handle.signal(ContractorOnboardingWorkflow.event, an_event(BillingEventKind.FAILED))
        result = await handle.result()
    since = script.standing.past_due_since
    assert since
    reminders = [at for kind, _, at in script.letters if kind == "payment_failed"]
    assert len(reminders) == 3
    for at, day in zip([*reminders, *script.at("unpaid")], (0, 3, 7, 14), strict=True):
        assert near(at, since + timedelta(days=day)), day
    assert result.reason == "unpaid"
    assert script.kinds.count("subscription_ended") == 1


async def test_a_late_payment_ends_the_reminders(time_skipping: WorkflowEnvironment) -> None:
    script = Subscriber()
    async with run_script(time_skipping.client, script):
        handle = await active(script, time_skipping)
        script.happen(state=SubscriptionState.PAST_DUE)
        await handle.signal(ContractorOnboardingWorkflow.event, an_event(BillingEventKind.FAILED))
        await until(handle, lambda status: status.stage is OnboardingStage.PAST_DUE)
        await time_skipping.sleep(timedelta(days=4))
        script.renew()
        await handle.signal(ContractorOnboardingWorkflow.event, an_event())
        await eventually(lambda: "refund" in script.kinds)
        await time_skipping.sleep(timedelta(days=20))
        assert script.kinds.count("payment_failed") == 2
        assert not script.at("unpaid")
        await cancel(handle)
        await handle.result()


async def test_another_card_pays_what_is_overdue(time_skipping: WorkflowEnvironment) -> None:
    script = Subscriber(cards={2: DECLINED})
    async with run_script(time_skipping.client, script):
        handle = await active(script, time_skipping)
        script.happen(state=SubscriptionState.PAST_DUE)
        await handle.signal(ContractorOnboardingWorkflow.event, an_event(BillingEventKind.FAILED))
        await until(handle, lambda status: status.stage is OnboardingStage.PAST_DUE)
        for attempt in (2, 3):
            script.set(attempt=attempt)
            await handle.signal(ContractorOnboardingWorkflow.look_again)
            await eventually(lambda attempt=attempt: len(script.called("use_payment_method")) == attempt)  # type: ignore[misc]
        await until(handle, lambda status: status.stage is OnboardingStage.ACTIVE)
        assert script.kinds.count("payment_declined") == 1
        await cancel(handle)
        await handle.result()


async def test_an_upgrade_answers_what_it_cost(time_skipping: WorkflowEnvironment) -> None:
    script = Subscriber()
    change = PlanChange(change_id="up", action=PlanAction.CHANGE_TIER, tier=Tier.PROFESSIONAL)
    async with run_script(time_skipping.client, script):
        handle = await active(script, time_skipping)
        answers = await asyncio.gather(
            *(handle.execute_update(ContractorOnboardingWorkflow.change_plan, change) for _ in range(3))
        )
        assert {(str(answer.credit), str(answer.charge), str(answer.total)) for answer in answers} == {
            ("250.00", "1000.00", "750.00")
        }
        assert len(script.at("up")) == 1, "asked three times, done once"
        await eventually(lambda: "plan_changed" in script.kinds)
        await cancel(handle)
        await handle.result()


@pytest.mark.parametrize("refusal", [PlanRefusal.DECLINED, PlanRefusal.SAME_TIER])
async def test_a_refused_change_is_answered_and_nobody_is_congratulated(
    time_skipping: WorkflowEnvironment, refusal: PlanRefusal
) -> None:
    script = Subscriber()
    change = PlanChange(change_id="up", action=PlanAction.CHANGE_TIER, tier=Tier.ENTERPRISE)
    async with run_script(time_skipping.client, script):
        handle = await active(script, time_skipping)
        usual = script.answers["change_plan"]
        script.answers["change_plan"] = PlanAnswer(refusal=refusal)
        answer = await handle.execute_update(ContractorOnboardingWorkflow.change_plan, change)
        script.answers["change_plan"] = usual
        await cancel(handle)
        await handle.result()
    assert answer.refusal is refusal
    assert "plan_changed" not in script.kinds


async def test_leaving_at_the_end_of_the_month(time_skipping: WorkflowEnvironment) -> None:
    script = Subscriber()
    leave = PlanChange(change_id="leave", action=PlanAction.CANCEL_AT_PERIOD_END)
    async with run_script(time_skipping.client, script):
        handle = await active(script, time_skipping)
        answer = await handle.execute_update(ContractorOnboardingWorkflow.change_plan, leave)
        assert answer.ends_at == script.standing.period_ends_at
        await until(handle, lambda status: status.stage is OnboardingStage.LEAVING)
        script.happen(state=SubscriptionState.CANCELED, reason="asked_for", to_settle=(uuid4(),))
        result = await handle.result()
    assert result.reason == "asked_for"
    assert answer.ends_at
    [settled] = script.at("settle")
    assert near(settled, answer.ends_at + ONBOARDING_TIMES.renewal)
    [judged] = script.at("judge")
    assert near(judged, settled + timedelta(days=60)), "the guarantee outlives the subscription"
    assert [kind for kind in script.kinds if kind in ("subscription_ended", "refund")] == [
        "subscription_ended", "refund", "refund",
    ]  # fmt: skip


async def test_who_comes_back_while_a_guarantee_is_open_begins_anew(time_skipping: WorkflowEnvironment) -> None:
    script = Subscriber()
    async with run_script(time_skipping.client, script):
        handle = await active(script, time_skipping)
        await cancel(handle)
        await until(handle, lambda status: status.stage is OnboardingStage.GUARANTEE)
        script.set(
            subscription_id=uuid4(), state=SubscriptionState.INCOMPLETE, onboarded=False, attempt=1, created_at=None,
            period=0, reason=None,
        )  # fmt: skip
        await handle.signal(ContractorOnboardingWorkflow.look_again)
        await eventually(lambda: script.kinds.count("training_call") == 2)
        assert len(script.called("use_payment_method")) == 2
        await time_skipping.sleep(timedelta(days=61))
        assert len(script.at("judge")) == 1, "the old month is judged all the same"
        again = PlanChange(change_id="stop-again", action=PlanAction.CANCEL_NOW)
        await handle.execute_update(ContractorOnboardingWorkflow.change_plan, again)
        await handle.result()


async def test_a_completed_profile_shows_leads_of_the_new_areas(time_skipping: WorkflowEnvironment) -> None:
    script = Subscriber()
    async with run_script(time_skipping.client, script):
        handle = await active(script, time_skipping)
        script.set(profile_complete=True)
        await handle.signal(ContractorOnboardingWorkflow.profile_completed)
        await until(handle, lambda status: status.profile_complete)
        assert len(script.called("show_first_leads")) == 2
        await cancel(handle)
        await handle.result()


@pytest.mark.parametrize("step", ["use_payment_method", "sync_subscription", "settle_period", "judge_guarantee"])
async def test_a_vendor_that_is_down_delays_and_loses_nothing(time_skipping: WorkflowEnvironment, step: str) -> None:
    script = Subscriber()
    usual, limit = script.answers[step], REMOTE[step].attempts

    def down(argument: Any) -> Any:
        calls = len(script.called(step))
        return RuntimeError("down") if calls <= limit else usual(argument)

    script.answers[step] = down
    async with run_script(time_skipping.client, script):
        handle = await script.start(time_skipping)
        await time_skipping.sleep(timedelta(days=1))
        await until(handle, lambda status: status.stage is OnboardingStage.ACTIVE)
        await cancel(handle)
        await handle.result()
    assert len(script.called(step)) > limit
    assert script.kinds.count("welcome") == 1
    assert script.kinds.count("refund") == 2


async def test_a_letter_that_cannot_be_sent_holds_nothing_up(time_skipping: WorkflowEnvironment) -> None:
    script = Subscriber(send_subscription_letter=RuntimeError("down"))
    async with run_script(time_skipping.client, script):
        handle = await script.start(time_skipping)
        await time_skipping.sleep(timedelta(days=1))
        await until(handle, lambda status: status.stage is OnboardingStage.ACTIVE)
        await cancel(handle)
        await handle.result()


async def test_nothing_to_do_ends_at_once_and_takes_no_orders(time_skipping: WorkflowEnvironment) -> None:
    script = Subscriber()
    script.set(subscription_id=None, state=SubscriptionState.CANCELED)
    async with run_script(time_skipping.client, script):
        handle = await script.start(time_skipping)
        result = await handle.result()
    assert result.reason == "no_subscription"


@pytest.mark.parametrize(
    "change",
    [
        PlanChange(change_id="unpaid", action=PlanAction.CANCEL_NOW),
        PlanChange(change_id="x", action=PlanAction.CHANGE_TIER),
    ],
)
async def test_an_order_that_makes_no_sense_is_refused(time_skipping: WorkflowEnvironment, change: PlanChange) -> None:
    script = Subscriber()
    async with run_script(time_skipping.client, script):
        handle = await active(script, time_skipping)
        with pytest.raises(WorkflowUpdateFailedError) as refused:
            await handle.execute_update(ContractorOnboardingWorkflow.change_plan, change)
        assert isinstance(refused.value.cause, ApplicationError)
        assert not script.called("change_plan")
        await cancel(handle)
        await handle.result()


async def test_a_lost_run_goes_on_from_the_database(time_skipping: WorkflowEnvironment) -> None:
    script = Subscriber()
    since = await time_skipping.get_current_time() - timedelta(days=1)
    script.set(
        state=SubscriptionState.PAST_DUE, onboarded=True, period=4, period_id=uuid4(), created_at=since - 4 * MONTH,
        period_ends_at=since, past_due_since=since, reminders=1,
    )  # fmt: skip
    script.cards = {1: DECLINED}
    async with run_script(time_skipping.client, script):
        result = await (await script.start(time_skipping)).result()
    reminders = [at for kind, _, at in script.letters if kind == "payment_failed"]
    assert [round((at - since) / timedelta(days=1)) for at in reminders] == [3, 7], "the first had gone out already"
    assert "welcome" not in script.kinds
    assert near(script.at("unpaid")[0], since + timedelta(days=14))
    assert result.reason == "unpaid"
