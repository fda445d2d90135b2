"""Figures counted by the database equal those counted by hand; winners, pauses and their reasons."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select

from activities.campaigns.activities import CampaignActivities
from domain.campaign_figures import BOUNCE_RATE, LOW_REPLY_RATE, Counters
from domain.engagement import Sign, Stage, engagement, funnel
from domain.experiments import Tally, choose, winner_of
from schema.contracts.campaigns import OptimizationReport, OptimizationRequest
from schema.database import Database
from schema.tables import (
    AiCallLog,
    ApiUsageLog,
    Contractor,
    DemoMeeting,
    Mailbox,
    OutreachCampaign,
    OutreachTouchpoint,
    Payment,
    PaymentRefund,
    SystemEvent,
)
from tests.integration.campaign_world import LONG_AGO, NOW, add, add_all, campaign, contractor, enrolled, mailbox, touch

EVERYTHING = {"delivered_at": LONG_AGO, "opened_at": LONG_AGO, "clicked_at": LONG_AGO, "replied_at": LONG_AGO}


@pytest.fixture
def activities(database: Database) -> CampaignActivities:
    return CampaignActivities(database)


def call(campaign_id: UUID, contractor_id: UUID, **values: Any) -> AiCallLog:
    return AiCallLog(
        **{
            "campaign_id": campaign_id,
            "contractor_id": contractor_id,
            "call_provider": "vapi",
            "external_call_id": str(uuid4()),
            "status": "completed",
            "started_at": LONG_AGO,
            **values,
        }
    )


def usage(entity_id: UUID, cost: str, provider: str = "google_places", endpoint: str = "search") -> ApiUsageLog:
    return ApiUsageLog(entity_id=entity_id, cost=Decimal(cost), api_provider=provider, api_endpoint=endpoint)


def payment(contractor_id: UUID, amount: str, **values: Any) -> Payment:
    paid = Decimal(amount)
    return Payment(
        **{
            "id": uuid4(),
            "contractor_id": contractor_id,
            "kind": "subscription",
            "amount": paid,
            "total": paid,
            "state": "succeeded",
            "effect_key": str(uuid4()),
            **values,
        }
    )


async def stored(database: Database, campaign_id: UUID) -> OutreachCampaign:
    async with database.transaction() as tx:
        found = await tx.campaigns.get(campaign_id)
        assert found is not None
        return found


async def optimize(activities: CampaignActivities) -> OptimizationReport:
    return await activities.optimize_campaigns(OptimizationRequest())


async def test_counters_equal_what_was_counted_by_hand(database: Database, activities: CampaignActivities) -> None:
    ours, other = campaign(emails_sent=999, calls_made=7), campaign(name="Other")
    first, second, third = (contractor(number) for number in range(3))
    await add(database, ours, other, first, second, third)
    await add(database, *(enrolled(ours.id, each.id) for each in (first, second, third)))
    await add(
        database,
        touch(ours.id, first.id, **EVERYTHING),
        touch(ours.id, first.id, opened_at=LONG_AGO),  # opened, though nobody said it was delivered
        touch(ours.id, first.id, delivered_at=LONG_AGO),
        touch(ours.id, second.id, bounced_at=LONG_AGO, delivered_at=LONG_AGO, opened_at=LONG_AGO),
        touch(ours.id, second.id),
        touch(ours.id, second.id, status="scheduled", sent_at=None),
        touch(ours.id, second.id, status="denied", sent_at=None),
        touch(ours.id, second.id, status="unknown", sent_at=None),
        touch(ours.id, third.id, status="unknown", sent_at=None, delivered_at=LONG_AGO),  # it did go out
        touch(ours.id, first.id, channel="sms", delivered_at=LONG_AGO, replied_at=LONG_AGO),
        touch(ours.id, second.id, channel="sms"),
        touch(ours.id, first.id, channel="call"),
        touch(ours.id, first.id, channel="linkedin"),
        touch(other.id, first.id, **EVERYTHING),
        touch(None, first.id, **EVERYTHING),
        call(ours.id, first.id, disposition="wants_demo"),
        call(ours.id, second.id, disposition="not_interested"),
        call(ours.id, third.id, status="no_answer"),
        call(ours.id, third.id, status="voicemail", disposition="no_answer"),
        call(ours.id, third.id, disposition="no_answer"),
        call(other.id, third.id, disposition="wants_demo"),
        DemoMeeting(contractor_id=first.id, campaign_id=ours.id, scheduled_at=NOW),
        DemoMeeting(contractor_id=second.id, campaign_id=ours.id, scheduled_at=NOW, status="cancelled"),
    )
    assert (await optimize(activities)).campaigns == 2
    found = await stored(database, ours.id)
    counted = Counters(**{name: getattr(found, name) for name in Counters.__dataclass_fields__})
    assert counted == Counters(
        contractors_targeted=3, emails_sent=6, emails_delivered=4, emails_opened=2, emails_clicked=1, emails_replied=1,
        calls_made=5, calls_answered=2, calls_interested=1, sms_sent=2, sms_delivered=1, sms_replied=1,
        meetings_booked=1, signups_generated=0,
    )  # fmt: skip
    assert (found.total_cost, found.total_revenue, found.cost_per_acquisition, found.roi) == (0, 0, None, None)
    async with database.transaction() as tx:
        live = await tx.metrics.figures(ours.id)
        assert live is not None and live.counters == counted
        people = {row.id: row for row in await tx.session.scalars(select(Contractor))}
    # Over all campaigns: seven of this one, one of the other, one of none; four answered.
    assert (people[first.id].total_touchpoints, people[first.id].response_rate) == (8, Decimal("50.00"))
    assert (people[second.id].total_touchpoints, people[second.id].response_rate) == (3, Decimal("0.00"))
    assert people[first.id].last_contact_date == LONG_AGO


async def test_money_is_counted_once(database: Database, activities: CampaignActivities) -> None:
    ours, later = campaign(), campaign(name="Later")
    won, lost, taken_over = (contractor(number) for number in range(3))
    won.signed_up_at = taken_over.signed_up_at = NOW
    await add(database, ours, later, won, lost, taken_over)
    email, spoken, text = (
        touch(ours.id, won.id, cost=Decimal("0.0010")),
        touch(ours.id, won.id, channel="call", cost=Decimal("0.10")),
        touch(ours.id, lost.id, channel="sms"),
    )
    paid, lead = payment(won.id, "250.00"), payment(won.id, "125.00", kind="lead")
    await add(
        database,
        enrolled(ours.id, won.id),
        enrolled(ours.id, lost.id),
        enrolled(ours.id, taken_over.id, ended_at=LONG_AGO),
        enrolled(later.id, taken_over.id, enrolled_at=LONG_AGO + timedelta(days=1)),
        email, spoken, text,
        usage(email.id, "0.001", "sendgrid", "send"),  # the same money as the touch's own
        usage(text.id, "0.0079", "twilio", "send"),  # only here
        call(ours.id, won.id, touchpoint_id=spoken.id, cost=Decimal("0.4211")),  # the bill replaces the estimate
        call(ours.id, lost.id, cost=Decimal("0.25")),  # a call that no sequence made
        usage(won.id, "0.032"), usage(won.id, "0.008", "twilio", "lookup"),
        usage(won.id, "0.001", "sendgrid", "send"),  # stands with its touch
        usage(taken_over.id, "0.04"),  # found for the first campaign
        paid, lead,
        payment(won.id, "500.00", state="failed"),
        payment(won.id, "1000.00", kind="proration"),
        PaymentRefund(payment_id=paid.id, amount=Decimal("50.00"), reason="unused_leads", effect_key="a"),
        PaymentRefund(payment_id=lead.id, amount=Decimal("125.00"), reason="lead", effect_key="b"),
        PaymentRefund(payment_id=paid.id, amount=Decimal("9.00"), reason="guarantee", effect_key="c", state="failed"),
        payment(lost.id, "77.00"),
        payment(taken_over.id, "500.00"),
    )  # fmt: skip
    await optimize(activities)
    mine, theirs = await stored(database, ours.id), await stored(database, later.id)
    async with database.transaction() as tx:
        costs = await tx.metrics.costs(ours.id)
    assert costs == {
        "email": Decimal("0.001"),
        "call": Decimal("0.6711"),
        "sms": Decimal("0.0079"),
        "research": Decimal("0.08"),
    }
    assert (mine.total_cost, mine.total_revenue, mine.signups_generated) == (Decimal("0.76"), 1200, 1)
    # 1200 earned for 0.7600 spent.
    assert (mine.cost_per_acquisition, mine.roi) == (Decimal("0.76"), Decimal("157794.74"))
    assert (theirs.total_cost, theirs.total_revenue, theirs.signups_generated) == (0, 500, 1)
    assert (theirs.cost_per_acquisition, theirs.roi) == (0, None)


async def test_the_funnel_equals_what_was_counted_by_hand(database: Database) -> None:
    ours = campaign()
    people = [contractor(number) for number in range(9)]
    people[8].signed_up_at = NOW
    await add(database, ours, *people)
    phases = {6: "booking", 7: "proposal"}
    await add(database, *(enrolled(ours.id, each.id, phase=phases.get(n, "outreach")) for n, each in enumerate(people)))
    await add(
        database,
        touch(ours.id, people[1].id),
        touch(ours.id, people[2].id, opened_at=NOW), touch(ours.id, people[2].id),
        call(ours.id, people[3].id, disposition="not_interested"),
        touch(ours.id, people[4].id, replied_at=NOW, response_sentiment="negative"),
        touch(ours.id, people[5].id, replied_at=NOW, response_sentiment="positive"),
    )  # fmt: skip
    async with database.transaction() as tx:
        furthest = await tx.metrics.furthest(ours.id)
    assert furthest == {
        Stage.TARGETED: 1, Stage.CONTACTED: 1, Stage.ENGAGED: 2, Stage.RESPONDED: 1, Stage.INTERESTED: 2,
        Stage.DEMO: 1, Stage.SIGNED_UP: 1,
    }  # fmt: skip
    assert [step.reached for step in funnel(furthest)] == [9, 8, 7, 5, 4, 2, 1]


async def test_moments_of_a_contractor_make_its_engagement(database: Database) -> None:
    ours, who, other = campaign(), contractor(1), contractor(2)
    await add(database, ours, who, other)
    hour = timedelta(hours=1)
    await add(
        database,
        touch(ours.id, who.id, delivered_at=NOW, opened_at=NOW + hour, replied_at=NOW + 2 * hour),
        touch(ours.id, who.id, bounced_at=NOW),
        touch(None, who.id, channel="sms", delivered_at=NOW, replied_at=NOW, response_sentiment="negative"),
        touch(ours.id, other.id, **EVERYTHING),
        call(ours.id, who.id, disposition="wants_demo", started_at=NOW),
        call(ours.id, who.id, status="no_answer", started_at=NOW),
        DemoMeeting(contractor_id=who.id, campaign_id=ours.id, scheduled_at=NOW, attended=True, created_at=NOW),
    )
    async with database.transaction() as tx:
        moments = await tx.metrics.moments(who.id)
        figures = await tx.metrics.contractor(who.id)
    assert {(each.sign, each.at) for each in moments} == {
        (Sign.DELIVERED, NOW), (Sign.OPENED, NOW + hour), (Sign.REPLIED, NOW + 2 * hour), (Sign.BOUNCED, NOW),
        (Sign.DECLINED, NOW), (Sign.CALL_ANSWERED, NOW), (Sign.CALL_INTERESTED, NOW), (Sign.DEMO_BOOKED, NOW),
        (Sign.DEMO_ATTENDED, NOW),
    }  # fmt: skip
    assert engagement(moments, NOW).score > 80
    assert (figures.touchpoints, figures.channels, figures.delivered, figures.opened, figures.responded) == (
        3, ("email", "sms"), 1, 1, 2,
    )  # fmt: skip
    assert (figures.first_contact, figures.first_response) == (LONG_AGO, NOW)
    out = touch(ours.id, who.id, unsubscribed_at=NOW)
    await add(database, out)
    async with database.transaction() as tx:
        assert engagement(await tx.metrics.moments(who.id), NOW).score == 0
        nobody = uuid4()
        assert (await tx.metrics.moments(nobody), (await tx.metrics.contractor(nobody)).touchpoints) == ([], 0)


# A/B tests


def letters(
    ours: OutreachCampaign, who: Contractor, variant: str, answered: int, of: int, **values: Any
) -> list[OutreachTouchpoint]:
    """Letters of one arm that arrived; the first ones were answered."""
    return [
        touch(
            ours.id, who.id, template_used="cold_introduction", variant=variant, delivered_at=LONG_AGO,
            replied_at=LONG_AGO if number < answered else None, **values,
        )
        for number in range(of)
    ]  # fmt: skip


async def test_a_winner_is_declared_only_with_evidence_and_stays(
    database: Database, activities: CampaignActivities
) -> None:
    ours, who = campaign(), contractor()
    await add(database, ours, who)
    await add_all(database, [*letters(ours, who, "plain", 9, 300), *letters(ours, who, "numbers", 16, 300)])
    assert (await optimize(activities)).winners == 0
    tests = (await stored(database, ours.id)).experiments or {}
    assert set(tests) == {"cold_introduction", "value_proposition"}  # those of the default sequence
    assert (tests["cold_introduction"]["state"], tests["value_proposition"]["state"]) == ("undecided", "too_few")
    assert tests["cold_introduction"]["arms"]["numbers"]["trials"] == 300
    assert winner_of(tests, "cold_introduction") is None

    await add_all(database, [*letters(ours, who, "plain", 5, 200), *letters(ours, who, "numbers", 32, 200)])
    assert (await optimize(activities)).winners == 1
    tests = (await stored(database, ours.id)).experiments
    winner = winner_of(tests, "cold_introduction")
    assert winner == "numbers"
    assert {choose(str(number), ("plain", "numbers"), winner) for number in range(20)} == {"numbers"}
    async with database.transaction() as tx:
        [event] = await tx.session.scalars(select(SystemEvent).where(SystemEvent.event_type == "experiment.won"))
        assert event.entity_id == ours.id and event.event_data["winner"] == "numbers"

    # The test is over: later luck of the other arm changes nothing.
    await add_all(database, letters(ours, who, "plain", 200, 200))
    assert (await optimize(activities)).winners == 0
    assert winner_of((await stored(database, ours.id)).experiments, "cold_introduction") == "numbers"


async def test_only_ripe_letters_that_arrived_count_and_a_no_is_no_success(
    database: Database, activities: CampaignActivities
) -> None:
    ours, other, who = campaign(), campaign(), contractor()
    await add(database, ours, other, who)
    rows = [
        *letters(ours, who, "plain", 3, 10),
        *letters(ours, who, "plain", 5, 5, response_sentiment="negative"),
        *letters(ours, who, "plain", 2, 2, unsubscribed_at=NOW),
        *letters(ours, who, "plain", 7, 7, sent_at=NOW - timedelta(days=1)),
        *letters(ours, who, "plain", 0, 4, bounced_at=NOW),
        *letters(other, who, "plain", 1, 1),
        touch(ours.id, who.id, template_used="cold_introduction", variant="plain"),
        touch(ours.id, who.id, template_used="case_study", delivered_at=NOW),
    ]
    await add_all(database, rows)
    async with database.transaction() as tx:
        arms = await tx.metrics.arms([ours.id], NOW - timedelta(days=3))
    assert arms == {ours.id: {"cold_introduction": {"plain": Tally(17, 3)}}}


# Pauses


async def test_a_campaign_nobody_answers_is_paused_with_reason_and_event(
    database: Database, activities: CampaignActivities
) -> None:
    silent, bouncing, young, winning = (campaign(name=name) for name in ("silent", "bouncing", "young", "winning"))
    who = contractor()
    await add(database, silent, bouncing, young, winning, who)
    await add_all(database, [touch(silent.id, who.id, delivered_at=LONG_AGO) for _ in range(310)])
    await add_all(database, [touch(bouncing.id, who.id, bounced_at=LONG_AGO) for _ in range(100)])
    await add_all(
        database, [touch(young.id, who.id, delivered_at=NOW, sent_at=NOW - timedelta(days=2)) for _ in range(310)]
    )
    await add_all(database, [touch(winning.id, who.id, delivered_at=LONG_AGO) for _ in range(310)])
    await add(database, DemoMeeting(contractor_id=who.id, campaign_id=winning.id, scheduled_at=NOW))
    report = await optimize(activities)
    assert set(report.paused_campaigns) == {silent.id, bouncing.id}
    assert set(report.active) == {young.id, winning.id}
    for each, reason in ((silent, LOW_REPLY_RATE), (bouncing, BOUNCE_RATE)):
        found = await stored(database, each.id)
        assert (found.status, found.pause_reason) == ("paused", reason)
        async with database.transaction() as tx:
            [event] = await tx.events.of("campaign", each.id)
            assert (event.event_type, event.event_data, event.severity) == (
                "campaign.paused", {"reason": reason}, "warning",
            )  # fmt: skip
    assert (await optimize(activities)).paused_campaigns == ()


async def test_a_mailbox_over_the_threshold_is_paused_and_may_start_again(
    database: Database, activities: CampaignActivities
) -> None:
    bad, good, few, rested = (mailbox(number) for number in range(4))
    rested.state = "paused"
    who = contractor()
    await add(database, bad, good, few, rested, who)

    def sent(box: Mailbox, bounced: int, of: int, at: datetime = LONG_AGO) -> list[OutreachTouchpoint]:
        return [
            touch(None, who.id, mailbox_id=box.id, sent_at=at, bounced_at=at if number < bounced else None)
            for number in range(of)
        ]

    await add_all(database, [*sent(bad, 10, 60), *sent(good, 3, 60), *sent(few, 20, 40), *sent(rested, 30, 60)])
    await add_all(database, sent(good, 60, 60, NOW - timedelta(days=40)))  # long ago
    report = await optimize(activities)
    assert report.paused_mailboxes == (bad.id,)
    async with database.transaction() as tx:
        found = await tx.campaigns.mailbox(bad.id)
        assert found is not None and found.paused_at is not None
        assert (found.state, found.pause_reason) == ("paused", "bounce_rate")
        [event] = await tx.events.of("mailbox", bad.id)
        assert event.event_data == {"reason": "bounce_rate", "sent": 60, "bounced": 10, "complained": 0}
        # An operator lets it start again, from a new warm-up on: what it did before counts no more.
        await tx.campaigns.change_mailbox(bad.id, state="active", warm_up_from=NOW.date())
    assert (await optimize(activities)).paused_mailboxes == ()


async def test_one_campaign_alone_and_an_unknown_one(database: Database, activities: CampaignActivities) -> None:
    ours, other = campaign(), campaign()
    await add(database, ours, other, campaign(status="draft"))
    assert (await activities.optimize_campaigns(OptimizationRequest(campaign_id=ours.id))).active == (ours.id,)
    assert await activities.optimize_campaigns(OptimizationRequest(campaign_id=uuid4())) == OptimizationReport()
    assert (await optimize(activities)).campaigns == 2


async def test_a_step_and_a_day_are_counted(database: Database) -> None:
    ours, who = campaign(), contractor()
    await add(database, ours, who)
    step = {"sequence_step": 0, "template_used": "cold_introduction"}
    await add(
        database,
        touch(ours.id, who.id, **step, delivered_at=LONG_AGO, opened_at=NOW),
        touch(ours.id, who.id, **step, bounced_at=LONG_AGO),
        touch(ours.id, who.id, sequence_step=7, channel="sms", status="denied", sent_at=None, template_used="check_in"),
    )
    async with database.transaction() as tx:
        steps = await tx.metrics.by_step(ours.id)
        days = await tx.metrics.by_day(ours.id, LONG_AGO.date(), NOW.date())
        assert await tx.metrics.by_day(ours.id, NOW.date() + timedelta(days=1), NOW.date() + timedelta(days=2)) == []
    assert [(each.step, each.sent, each.delivered, each.opened, each.bounced, each.denied) for each in steps] == [
        (0, 2, 1, 1, 1, 0),
        (7, 0, 0, 0, 0, 1),
    ]
    assert [(each.day, each.channel, each.sign, each.number) for each in days] == [
        (LONG_AGO.date(), "email", "bounced", 1),
        (LONG_AGO.date(), "email", "delivered", 1),
        (LONG_AGO.date(), "email", "sent", 2),
        (NOW.date(), "email", "opened", 1),
    ]
