"""A subscription for real: over the API, through the workflow, at the sandbox's Stripe, and back by its webhooks."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from temporalio.client import Client

from activities.subscriptions.activities import SubscriptionActivities
from activities.subscriptions.choices import choose_tier
from api.problems import Code
from config.settings import Settings
from domain.matching import Tier
from domain.subscriptions import prorate
from schema.contracts.ids import onboarding_workflow_id
from schema.contracts.onboarding import (
    OnboardingStage,
    PaymentAttempt,
    PaymentOutcome,
    SubscriptionRef,
    SubscriptionState,
)
from schema.database import Database
from schema.tables import Contractor, LeadAssignment, OutreachCampaign, SequenceEnrollment
from tests.api_client import problem
from tests.integration.billing_world import ASKING_CARD, CARD, DECLINED_CARD, Billing, billing
from tests.integration.lead_world import activities, admit, houses, publish, run
from tests.support.sandbox import Sandbox
from workflows.options import TaskQueue

A_DAY = timedelta(days=1)
pytestmark = pytest.mark.filterwarnings("ignore:Use .content=:DeprecationWarning")


@pytest.fixture
async def world(
    sandbox_settings: Settings, database: Database, temporal_client: Client, sandbox: Sandbox
) -> AsyncIterator[Billing]:
    async with billing(sandbox_settings, database, temporal_client, sandbox) as world:
        yield world


async def test_from_the_choice_of_a_tier_to_the_first_leads(world: Billing, sandbox: Sandbox) -> None:
    house = next(truth for truth in houses(sandbox) if truth["city"] == "Austin")
    lead = await admit(world.database, house)
    await publish(world.database, lead, contractors=0)
    await world.rows("UPDATE base_leads SET published_at = now()")
    contractor_id = await world.contractor()
    campaign = OutreachCampaign(id=uuid4(), name="A campaign", status="active", channels=["email"])
    async with world.database.transaction() as tx:
        tx.session.add(campaign)
        await tx.session.flush()
        row = {"campaign_id": campaign.id, "contractor_id": contractor_id}
        tx.session.add(SequenceEnrollment(**row, workflow_id="sequence-lost", phase="proposal"))
    code = await world.promo(contractor_id)

    answer = await world.choose(contractor_id, "professional", promo_code=f" {code.lower()} ")
    assert answer.status_code == 202
    assert answer.json()["state"] == "incomplete"
    view = await world.until(contractor_id, state="active")
    assert (view["tier"], view["leads_per_month"], view["paid"]) == ("professional", 50, "1000.00")
    [month] = view["periods"]
    assert (month["number"], month["allowance"], month["used"], month["paid"]) == (1, 50, 0, "1000.00")

    welcome = await world.mail(contractor_id, "welcome")
    assert "first 1 lead is waiting" in welcome["text"]
    assert "$1,000" in (await world.mail(contractor_id, "receipt"))["text"]
    await world.mail(contractor_id, "training call")
    [row] = await world.rows(
        "SELECT acquisition_status, subscription_tier, monthly_fee, leads_per_month, contract_start_date, "
        "contract_end_date, auto_renew, signed_up_at FROM contractors WHERE id = :id",
        id=contractor_id,
    )
    assert row[:4] == ("onboarded", "professional", Decimal("2000.00"), 50)
    assert row.contract_start_date == datetime.now(UTC).date()
    assert row.contract_end_date.isoformat() == month["ends_at"][:10]
    assert row.signed_up_at
    assert await world.rows("SELECT kind, channel FROM notifications") == [("new_lead", "in_app")]
    [(halted, reason)] = await world.rows("SELECT halted_at, halt_reason FROM sequence_enrollments")
    assert halted
    assert reason == "signed_up"
    [(redeemed,)] = await world.rows("SELECT redeemed_at FROM promo_codes")
    assert redeemed
    assert "contractor.signed_up" in await world.events(contractor_id)
    assert await world.balanced(contractor_id) == (Decimal(1000), Decimal(0))


async def test_preferences_complete_the_profile_and_show_the_leads_they_want(world: Billing, sandbox: Sandbox) -> None:
    house = next(truth for truth in houses(sandbox) if truth["city"] == "Austin")
    await publish(world.database, await admit(world.database, house), contractors=0)
    await world.rows("UPDATE base_leads SET published_at = now()")
    contractor_id = await world.contractor(city="Dallas")
    await world.choose(contractor_id)
    await world.mail(contractor_id, "training call")
    assert await world.rows("SELECT 1 FROM notifications") == []

    path = f"/contractors/{contractor_id}/preferences"
    first = await world.api.patch(path, json={"service_areas": [{"city": "Austin", "state": "tx"}]})
    assert first.json() == {"profile_complete": False}
    await world.wait(lambda: world.rows("SELECT 1 FROM notifications"), bool)
    second = await world.api.patch(path, json={"lead_preferences": {"min_score": 70, "max_price": "300.00"}})
    assert second.json() == {"profile_complete": True}
    [(status, areas, fields)] = await world.rows(
        "SELECT acquisition_status, service_areas, custom_fields FROM contractors WHERE id = :id", id=contractor_id
    )
    assert status == "active"
    assert areas == [{"city": "Austin", "state": "TX"}]
    assert fields["lead_preferences"] == {"min_score": 70, "max_price": "300.00"}


async def test_a_declined_card_and_then_a_good_one(world: Billing) -> None:
    contractor_id = await world.contractor()
    await world.choose(contractor_id, card=DECLINED_CARD)
    letter = await world.mail(contractor_id, "not accepted")
    assert "invoice.stripe.com" in letter["text"]
    view = await world.view(contractor_id)
    assert (view["state"], view["paid"]) == ("incomplete", "0.00")
    again = await world.api.patch(f"/contractors/{contractor_id}/subscription", json={"payment_method": CARD})
    assert again.status_code == 200
    await world.until(contractor_id, state="active", paid="500.00")
    await world.mail(contractor_id, "training call")
    assert await world.balanced(contractor_id) == (Decimal(500), Decimal(0))
    assert len((await world.stripe())["subscriptions"]) == 1
    assert len((await world.stripe())["customers"]) == 1


async def test_a_card_that_is_no_card(world: Billing) -> None:
    contractor_id = await world.contractor()
    await world.choose(contractor_id, card="pm_card_nobody")
    await world.mail(contractor_id, "not accepted")
    await world.choose(contractor_id)
    await world.until(contractor_id, state="active")


async def test_the_bank_wants_to_see_its_customer(world: Billing) -> None:
    contractor_id = await world.contractor()
    await world.choose(contractor_id, card=ASKING_CARD)
    await world.mail(contractor_id, "asks you to confirm")
    view = await world.view(contractor_id)
    assert view["payment_url"].startswith("https://invoice.stripe.com/")
    assert (await world.status(contractor_id)).stage is OnboardingStage.AUTHENTICATION
    [intent] = (await world.stripe())["payment_intents"]
    await world.control("authenticate", payment_intent=intent["id"])
    await world.until(contractor_id, state="active", payment_url=None)
    assert await world.balanced(contractor_id) == (Decimal(500), Decimal(0))


async def test_a_month_ends_and_its_unused_leads_go_back(world: Billing) -> None:
    contractor_id = await world.subscribed()
    async with world.database.transaction() as tx:
        drawn = [await tx.billing.draw_lead(contractor_id) for _ in range(5)]
    assert len(set(drawn)) == 1
    await world.control("advance", subscription=await world.subscription_at_stripe())
    await world.mail(contractor_id, "refund")
    view = await world.view(contractor_id)
    newer, older = view["periods"]
    assert (newer["number"], newer["state"], newer["used"], newer["paid"]) == (2, "open", 0, "500.00")
    assert (older["number"], older["state"], older["used"], older["unused_refund"]) == (1, "ended", 5, "333.33")
    assert older["ends_at"] == newer["starts_at"]
    assert await world.balanced(contractor_id) == (Decimal(1000), Decimal("333.33"))


async def test_the_allowance_is_drawn_once_per_lead_however_many_buy_at_once(world: Billing) -> None:
    contractor_id = await world.subscribed()

    async def draw() -> UUID | None:
        async with world.database.transaction() as tx:
            return await tx.billing.draw_lead(contractor_id)

    drawn = [month for month in await asyncio.gather(*(draw() for _ in range(25))) if month]
    assert len(drawn) == 15
    async with world.database.transaction() as tx:
        assert await tx.billing.return_lead(drawn[0])
        assert await tx.billing.draw_lead(contractor_id)
        assert not await tx.billing.draw_lead(contractor_id)


async def test_an_overdue_payment_stops_leads_and_another_card_brings_them_back(
    world: Billing, sandbox: Sandbox
) -> None:
    contractor_id = await world.subscribed()
    house = next(truth for truth in houses(sandbox) if truth["city"] == "Austin")
    lead = await admit(world.database, house)
    await world.control("advance", subscription=await world.subscription_at_stripe(), outcome="failed")
    view = await world.until(contractor_id, state="past_due")
    assert view["past_due_since"]
    await world.mail(contractor_id, "did not go through")
    async with world.database.transaction() as tx:
        assert await tx.contractors.candidates(lead.lead_id) == []
        assert await tx.contractors.offers(contractor_id, datetime.now(UTC)) == []
        assert await tx.billing.draw_lead(contractor_id) is None
    path = f"/contractors/{contractor_id}/subscription"
    problem(await world.api.patch(path, json={"tier": "enterprise"}), Code.PLAN_NOT_CHANGED)
    await world.api.patch(path, json={"payment_method": "pm_card_mastercard"})
    view = await world.until(contractor_id, state="active", past_due_since=None)
    assert [month["number"] for month in view["periods"]] == [2, 1]
    async with world.database.transaction() as tx:
        assert [buyer.id for buyer in await tx.contractors.candidates(lead.lead_id)] == [contractor_id]
        assert await tx.billing.draw_lead(contractor_id) is not None
    await world.mail(contractor_id, "refund")
    assert await world.balanced(contractor_id) == (Decimal(1000), Decimal(500))


async def test_an_overdue_payment_is_reminded_of_and_then_it_is_over(world: Billing) -> None:
    contractor_id = await world.subscribed()
    await world.control("advance", subscription=await world.subscription_at_stripe(), outcome="failed")
    await world.until(contractor_id, state="past_due")
    await world.mail(contractor_id, "did not go through")

    async def reminders() -> int:
        [(sent,)] = await world.rows("SELECT reminders_sent FROM subscriptions")
        return int(sent)

    for days, sent in ((3, 2), (7, 3), (14, 0)):
        await world.rows("UPDATE subscriptions SET past_due_since = :since", since=datetime.now(UTC) - days * A_DAY)
        await world.stir(contractor_id)
        if sent:
            await world.wait(reminders, lambda found, sent=sent: found == sent)  # type: ignore[misc]
    view = await world.until(contractor_id, state="canceled")
    assert view["reason"] == "unpaid"
    await world.mail(contractor_id, "has ended")
    await world.mail(contractor_id, "refund")
    [(status,)] = await world.rows("SELECT acquisition_status FROM contractors WHERE id = :id", id=contractor_id)
    assert status == "churned"
    [at_stripe] = (await world.stripe())["subscriptions"]
    assert at_stripe["status"] == "canceled"
    assert await world.balanced(contractor_id) == (Decimal(500), Decimal(500)), "what was paid was the first month only"


async def test_up_and_down_to_the_cent(world: Billing) -> None:
    contractor_id = await world.subscribed(promo=True)
    path = f"/contractors/{contractor_id}/subscription"
    [month] = (await world.view(contractor_id))["periods"]
    starts_at, ends_at = (datetime.fromisoformat(month[name]) for name in ("starts_at", "ends_at"))
    asked_at = datetime.now(UTC).replace(microsecond=0)
    answer = await world.api.patch(path, json={"tier": "professional"})
    assert answer.status_code == 200, answer.text
    changed = answer.json()
    possible = {
        prorate(Decimal(250), Decimal(2000), starts_at, ends_at, asked_at + timedelta(seconds=late)).total
        for late in range(-2, 30)
    }
    assert Decimal(changed["total"]) in possible
    view = await world.until(contractor_id, tier="professional")
    [month] = view["periods"]
    assert (month["allowance"], Decimal(month["paid"])) == (50, 250 + Decimal(changed["total"]))
    [row] = await world.rows("SELECT subscription_tier, monthly_fee FROM contractors WHERE id = :id", id=contractor_id)
    assert tuple(row) == ("professional", Decimal("2000.00"))
    problem(await world.api.patch(path, json={"tier": "professional"}), Code.PLAN_NOT_CHANGED)

    down = (await world.api.patch(path, json={"tier": "starter"})).json()
    assert Decimal(down["total"]) < 0, "a credit"
    [month] = (await world.view(contractor_id))["periods"]
    paid = 250 + Decimal(changed["total"])
    assert Decimal(month["paid"]) == paid + Decimal(down["total"])
    assert (await world.balanced(contractor_id))[0] == paid, "a credit takes no money and gives none"

    await world.control("advance", subscription=await world.subscription_at_stripe())
    view = await world.until(contractor_id, paid=str(paid))
    await world.mail(contractor_id, "refund")
    newer, older = (await world.view(contractor_id))["periods"]
    assert Decimal(newer["paid"]) == 500, "paid with the credit"
    assert Decimal(older["unused_refund"]) == Decimal(older["paid"])
    await world.balanced(contractor_id)
    assert "subscription.proration_differs" not in await world.events(contractor_id)


async def test_an_upgrade_that_cannot_be_paid_changes_nothing(world: Billing) -> None:
    contractor_id = await world.subscribed()
    path = f"/contractors/{contractor_id}/subscription"
    await world.api.patch(path, json={"payment_method": DECLINED_CARD})
    await world.wait(
        world.stripe,
        lambda books: books["subscriptions"][0]["default_payment_method"] != books["payment_methods"][-1]["id"],
    )
    problem(await world.api.patch(path, json={"tier": "enterprise"}), Code.CARD_DECLINED)
    view = await world.view(contractor_id)
    assert (view["tier"], view["state"]) == ("starter", "active")
    assert (await world.balanced(contractor_id))[0] == 500


async def test_cancelled_now_with_a_refund_and_a_guarantee_afterwards(world: Billing, sandbox: Sandbox) -> None:
    contractor_id = await world.subscribed()
    leads = [await admit(world.database, truth) for truth in houses(sandbox)[:7]]
    [(starts_at,)] = await world.rows("SELECT starts_at FROM subscription_periods")
    async with world.database.transaction() as tx:
        for number, lead in enumerate(leads):
            await tx.billing.draw_lead(contractor_id)
            assignment = {"base_lead_id": lead.lead_id, "contractor_id": contractor_id, "assigned_at": starts_at}
            released = datetime.now(UTC) if number == 6 else None
            tx.session.add(LeadAssignment(**assignment, converted=number == 0, released_at=released))
    path = f"/contractors/{contractor_id}/subscription"
    answer = await world.api.delete(path, params={"when": "now"})
    assert answer.status_code == 200
    await world.until(contractor_id, state="canceled", reason="asked_for")
    await world.mail(contractor_id, "has ended")
    await world.mail(contractor_id, "refund: $266.67")
    assert await world.balanced(contractor_id) == (Decimal(500), Decimal("266.67"))
    problem(await world.api.patch(path, json={"tier": "enterprise"}), Code.PLAN_NOT_CHANGED)

    [month] = (await world.view(contractor_id))["periods"]
    due = datetime.fromisoformat(month["guarantee_due_at"])
    assert abs(due - datetime.now(UTC) - timedelta(days=60)) < timedelta(minutes=2)
    await world.rows("UPDATE subscription_periods SET guarantee_due_at = now()")
    await world.stir(contractor_id)
    handle = world.temporal.get_workflow_handle(onboarding_workflow_id(contractor_id))
    result = await asyncio.wait_for(handle.result(), 30)
    assert result["stage"] == "ended"
    [month] = (await world.view(contractor_id))["periods"]
    assert (month["guarantee_decision"], month["guarantee_refund"]) == ("paid_back", "233.33")
    assert await world.balanced(contractor_id) == (Decimal(500), Decimal(500)), "never more than was paid"


async def test_leaving_with_the_month(world: Billing) -> None:
    contractor_id = await world.subscribed()
    answer = await world.api.delete(f"/contractors/{contractor_id}/subscription")
    [month] = (await world.view(contractor_id))["periods"]
    assert answer.json()["ends_at"] == month["ends_at"]
    view = await world.until(contractor_id, cancel_at_period_end=True)
    assert view["state"] == "active"
    await world.control("advance", subscription=await world.subscription_at_stripe())
    await world.until(contractor_id, state="canceled")
    await world.mail(contractor_id, "refund: $500")
    assert await world.balanced(contractor_id) == (Decimal(500), Decimal(500))

    back = await world.choose(contractor_id, "enterprise")
    assert back.status_code == 202
    view = await world.until(contractor_id, state="active", tier="enterprise")
    assert len((await world.stripe())["customers"]) == 1, "the same customer as before"
    assert (await world.balanced(contractor_id))[0] == 5500


async def test_who_never_pays_is_let_go(world: Billing) -> None:
    contractor_id = await world.contractor()
    await world.choose(contractor_id, card=DECLINED_CARD)
    await world.mail(contractor_id, "not accepted")
    await world.rows("UPDATE subscriptions SET created_at = :then", then=datetime.now(UTC) - 8 * A_DAY)
    # The wait was computed when it began: a new run reads it anew, as after a lost one.
    await world.temporal.get_workflow_handle(onboarding_workflow_id(contractor_id)).terminate("lost")
    await world.choose(contractor_id, card=DECLINED_CARD)
    await world.until(contractor_id, state="canceled", reason="never-paid")
    await world.mail(contractor_id, "has ended")
    [status] = (await world.rows("SELECT acquisition_status FROM contractors WHERE id = :id", id=contractor_id))[0]
    assert status == "negotiating"
    assert await world.balanced(contractor_id) == (Decimal(0), Decimal(0))


# What the API refuses


async def test_what_cannot_be_chosen(world: Billing) -> None:
    contractor_id, other = await world.contractor(), await world.contractor()
    code = await world.promo(other)
    problem(await world.choose(contractor_id, promo_code=code), Code.PROMO_CODE_REFUSED)
    problem(await world.choose(uuid4()), Code.UNKNOWN_CONTRACTOR)
    problem(await world.api.get(f"/contractors/{contractor_id}/subscription"), Code.UNKNOWN_SUBSCRIPTION)
    problem(await world.api.delete(f"/contractors/{contractor_id}/subscription"), Code.UNKNOWN_SUBSCRIPTION)
    for body in (
        {"tier": "gold", "payment_method": CARD},
        {"tier": "starter", "payment_method": "4242424242424242"},
        {"tier": "starter"},
        {"tier": "starter", "payment_method": CARD, "price": 1},
    ):
        problem(await world.api.post(f"/contractors/{contractor_id}/subscription", json=body), Code.INVALID_REQUEST)
    path = f"/contractors/{contractor_id}/preferences"
    for body in (
        {},
        {"service_areas": []},
        {"service_areas": [{"city": "Austin"}]},
        {"service_areas": [{}]},
        {"lead_preferences": {"min_score": 90, "max_score": 10}},
    ):
        problem(await world.api.patch(path, json=body), Code.INVALID_REQUEST)
    assert (await world.stripe())["customers"] == []


async def test_chosen_many_times_at_once_is_paid_once(world: Billing) -> None:
    contractor_id = await world.contractor()
    answers = await asyncio.gather(*(world.choose(contractor_id) for _ in range(6)))
    assert {answer.status_code for answer in answers} <= {202, 409}
    await world.until(contractor_id, state="active")
    await world.mail(contractor_id, "training call")
    problem(await world.choose(contractor_id, "enterprise"), Code.ALREADY_SUBSCRIBED)
    assert await world.balanced(contractor_id) == (Decimal(500), Decimal(0))


# When Stripe fails


LOST = ("/customers", "/attach", "/subscriptions", "/confirm")
"""Requests of a sign-up that change something."""


@pytest.mark.parametrize(
    "fault",
    [{"kind": "after_effect"}, {"kind": "error"}, {"kind": "garbage"}, {"kind": "throttle", "seconds": 0}],
)
async def test_one_charge_whatever_is_lost_on_the_way(world: Billing, fault: dict[str, Any]) -> None:
    for path in LOST:
        world.sandbox.fault("stripe", path=path, count=1, **fault)
    contractor_id = await world.subscribed()
    assert await world.balanced(contractor_id) == (Decimal(500), Decimal(0))
    books = await world.stripe()
    assert [len(books[name]) for name in ("customers", "subscriptions", "charges")] == [1, 1, 1]


@pytest.mark.parametrize("arrived", [True, False])
async def test_a_worker_that_died_in_mid_payment_is_followed_by_one_that_looks(
    sandbox_settings: Settings, database: Database, sandbox: Sandbox, arrived: bool
) -> None:
    """Its effects stand in the ledger as begun; what arrived at Stripe is found, what did not is sent once."""
    contractor = Contractor(company_name="Roofer", city="Austin", state="TX")
    async with database.transaction() as tx:
        tx.session.add(contractor)
        await tx.session.flush()
        row = await choose_tier(tx, contractor.id, Tier.STARTER, CARD, None)
    assert row is not None
    attempt = PaymentAttempt(contractor_id=contractor.id, subscription_id=row.id, attempt=1)
    async with activities(sandbox_settings, TaskQueue.BILLING, SubscriptionActivities) as served:
        if arrived:
            assert (await run(served.use_payment_method, attempt)).outcome is PaymentOutcome.PAID
        keys = (f"customer-{contractor.id}", f"subscribe-{row.id}-1", f"pay-{row.id}-1")
        async with database.transaction() as tx:
            await tx.session.execute(text("DELETE FROM effects"))
            for key in keys:
                await tx.effects.begin(key, "stripe", contractor.id)
            await tx.billing.update(row.id, stripe_customer_id=None, stripe_subscription_id=None)
        assert (await run(served.use_payment_method, attempt)).outcome is PaymentOutcome.PAID
        standing = await run(
            served.sync_subscription, SubscriptionRef(contractor_id=contractor.id, subscription_id=row.id)
        )
    assert (standing.state, standing.period) == (SubscriptionState.ACTIVE, 1)
    books = sandbox.get("/control/stripe")
    assert [len(books[name]) for name in ("customers", "subscriptions", "charges")] == [1, 1, 1]
    assert books["taken"] == 500_00


@pytest.mark.parametrize("fault", [{"kind": "after_effect"}, {"kind": "error"}])
async def test_one_refund_whatever_is_lost_on_the_way(world: Billing, fault: dict[str, Any]) -> None:
    contractor_id = await world.subscribed()
    world.sandbox.fault("stripe", path="/refunds", count=1, **fault)
    await world.api.delete(f"/contractors/{contractor_id}/subscription", params={"when": "now"})
    await world.mail(contractor_id, "refund")
    assert await world.balanced(contractor_id) == (Decimal(500), Decimal(500))
    assert len((await world.stripe())["refunds"]) == 1


@pytest.mark.parametrize("fault", [{"kind": "after_effect"}, {"kind": "error"}])
async def test_one_upgrade_whatever_is_lost_on_the_way(world: Billing, fault: dict[str, Any]) -> None:
    contractor_id = await world.subscribed()
    identity = await world.subscription_at_stripe()
    # The request that changes the subscription, not those that look at it.
    world.sandbox.fault("stripe", path=f"/subscriptions/{identity}", count=1, skip=1, **fault)
    answer = await world.api.patch(f"/contractors/{contractor_id}/subscription", json={"tier": "enterprise"})
    assert answer.status_code == 200, answer.text
    await world.until(contractor_id, tier="enterprise")
    assert len((await world.stripe())["charges"]) == 2
    await world.balanced(contractor_id)
