"""Launching: who is taken in, once each whatever races; pausing, resuming; what the sweep finds."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import func, select, update

from activities.campaigns.activities import CampaignActivities
from activities.campaigns.launch import INVALID_CRITERIA, PAGE
from schema.contracts.outreach import (
    CampaignRequest,
    Delivered,
    EnrollmentBatch,
    SweepRequest,
)
from schema.database import Database
from schema.tables import (
    Contractor,
    OutreachCampaign,
    ScheduledTouchpoint,
    SequenceEnrollment,
    SystemEvent,
    WebhookInboxItem,
)
from tests.integration.campaign_world import LONG_AGO, NOW, add, add_all, campaign, contractor, enrolled, mailbox, touch

HOUR = 3600


@pytest.fixture
def activities(database: Database) -> CampaignActivities:
    return CampaignActivities(database)


async def launch(activities: CampaignActivities, campaign_id: UUID) -> list[EnrollmentBatch]:
    """Every batch of a launch, as the workflow asks for them."""
    batches: list[EnrollmentBatch] = []
    while not batches or batches[-1].more:
        batches.append(await activities.next_batch(CampaignRequest(campaign_id=campaign_id)))
    return batches


def ids(batches: list[EnrollmentBatch]) -> list[UUID]:
    return [contractor_id for batch in batches for contractor_id in batch.contractor_ids]


async def enrolments(database: Database, *where: Any) -> list[SequenceEnrollment]:
    async with database.transaction() as tx:
        return list(await tx.session.scalars(select(SequenceEnrollment).where(*where)))


async def test_250_contractors_come_in_three_batches_best_first(
    database: Database, activities: CampaignActivities
) -> None:
    ours = campaign()
    people = [contractor(number, priority_score=Decimal(number % 90) / 2) for number in range(250)]
    await add(database, ours)
    await add_all(database, people)
    batches = await launch(activities, ours.id)
    assert [len(batch.contractor_ids) for batch in batches] == [100, 100, 50]
    scores = {each.id: each.priority_score for each in people}
    taken = ids(batches)
    assert len(set(taken)) == 250 and [scores[each] for each in taken] == sorted(scores.values(), reverse=True)
    await activities.finish_launch(CampaignRequest(campaign_id=ours.id, launched=250))
    async with database.transaction() as tx:
        stored = await tx.campaigns.get(ours.id)
        assert stored is not None and stored.contractors_targeted == 250
        told = select(func.count()).select_from(SystemEvent).where(SystemEvent.event_type == "sequence.outreach")
        assert await tx.session.scalar(told) == 250
    assert ids(await launch(activities, ours.id)) == []


async def test_two_launches_at_once_claim_everybody_once(database: Database, activities: CampaignActivities) -> None:
    """Also when they are of two campaigns: a contractor is in one live sequence only."""
    first, second = campaign(), campaign(name="Austin again")
    await add(database, first, second)
    await add_all(database, [contractor(number) for number in range(250)])
    same, again, other = await asyncio.gather(
        launch(activities, first.id), launch(activities, first.id), launch(activities, second.id)
    )
    taken = [*ids(same), *ids(again), *ids(other)]
    assert len(taken) == len(set(taken)) == 250
    live = await enrolments(database, SequenceEnrollment.ended_at.is_(None))
    assert len(live) == len({row.contractor_id for row in live}) == 250
    assert {row.contractor_id for row in live if row.campaign_id == second.id} == set(ids(other))


async def test_the_enrolment_is_complete(database: Database, activities: CampaignActivities) -> None:
    ours, box = campaign(), mailbox()
    known = contractor(1)
    by_place = contractor(2, timezone=None, lat=Decimal("21.30694"), lng=Decimal("-157.85833"), priority_score=None)
    by_city = contractor(3, timezone=None, priority_score=Decimal(10))
    nowhere = contractor(4, timezone=None, city="Nowhere", state="TX")
    await add(database, ours, box, mailbox(1, state="paused"), known, by_place, by_city, nowhere)
    everywhere = campaign(target_city=None)
    await add(database, everywhere)
    assert ids(await launch(activities, everywhere.id)) == [known.id, by_city.id, by_place.id]
    rows = {row.contractor_id: row for row in await enrolments(database)}
    assert {row.mailbox_id for row in rows.values()} == {box.id}
    assert rows[known.id].workflow_id == f"sequence-{everywhere.id}-{known.id}"
    async with database.transaction() as tx:
        zones = {row.id: (row.timezone, row.current_stage) for row in await tx.session.scalars(select(Contractor))}
    assert zones[by_place.id] == ("Pacific/Honolulu", "outreach")
    assert zones[by_city.id] == ("America/Chicago", "outreach")
    assert zones[nowhere.id] == (None, None)


WANTED: list[tuple[str, dict[str, Any], dict[str, Any], dict[str, Any]]] = [
    ("fit", {"min_fit": 60}, {"fit_score": 60}, {"fit_score": 59}),
    ("an unknown fit is no fit", {"min_fit": 1}, {"fit_score": 1}, {"fit_score": None}),
    ("likelihood", {"min_likelihood": 30}, {"conversion_likelihood": 30}, {"conversion_likelihood": 20}),
    ("priority", {"min_priority": "70.5"}, {"priority_score": Decimal("70.5")}, {"priority_score": Decimal("70.4")}),
    ("value", {"min_ltv": 10_000}, {"ltv_estimate": Decimal(10_000)}, {"ltv_estimate": Decimal("9999.99")}),
    ("phone", {"has_phone": True}, {"phone": "+15125550100"}, {"phone": None}),
    ("no website", {"has_website": False}, {"website": ""}, {"website": "https://roofer.example"}),
    ("city", {}, {}, {"city": "Dallas"}),
    ("state", {}, {}, {"state": "NY"}),
    ("no customers", {}, {"acquisition_status": "contacted"}, {"acquisition_status": "active"}),
    ("no disqualified", {}, {}, {"acquisition_status": "disqualified"}),
    ("reachable", {}, {"email": None, "phone": "+15125550101"}, {"email": None}),
]


async def test_who_a_campaign_is_for(database: Database, activities: CampaignActivities) -> None:
    found: dict[str, list[UUID]] = {}
    expected: dict[str, list[UUID]] = {}
    for number, (what, criteria, yes, no) in enumerate(WANTED):
        # A city of its own for each, so that all can live in one database.
        city = f"Town {chr(ord('a') + number)}"
        fits = contractor(2 * number, **{"city": city.upper(), **yes})
        does_not = contractor(2 * number + 1, **{"city": city, **no})
        ours = campaign(target_city=city, target_criteria=criteria)
        await add(database, ours, fits, does_not)
        found[what], expected[what] = ids(await launch(activities, ours.id)), [fits.id]
    assert found == expected


async def test_nobody_who_said_no_or_is_spoken_to_already(database: Database, activities: CampaignActivities) -> None:
    ours, other = campaign(), campaign(name="Other")
    no_by_mail, no_by_text, no_mail, busy, done_here, done_there = (contractor(number) for number in range(6))
    no_by_text.phone = "(512) 555-0134"
    await add(database, ours, other, no_by_mail, no_by_text, no_mail, busy, done_here, done_there)
    await add(
        database,
        enrolled(other.id, busy.id),
        enrolled(ours.id, done_here.id, ended_at=NOW, phase="stopped"),
        enrolled(other.id, done_there.id, ended_at=NOW, phase="stopped"),
    )
    async with database.transaction() as tx:
        await tx.people.suppress(str(no_by_mail.email).upper(), "all", "opt_out", "reply")
        await tx.people.suppress("+15125550134", "all", "opt_out", "sms_keyword")
        await tx.people.suppress(str(no_mail.email), "email", "hard_bounce", "sendgrid")
    assert ids(await launch(activities, ours.id)) == [done_there.id]


async def test_many_suppressed_ones_in_front_hide_nobody(database: Database, activities: CampaignActivities) -> None:
    ours = campaign()
    people = [contractor(number, priority_score=Decimal(90)) for number in range(PAGE + 20)]
    last = contractor(1000, priority_score=Decimal(1))
    await add(database, ours, last)
    await add_all(database, people)
    async with database.transaction() as tx:
        for each in people:
            await tx.people.suppress(str(each.email), "all", "opt_out", "reply")
    assert ids(await launch(activities, ours.id)) == [last.id]


async def test_a_campaign_takes_in_no_more_than_it_wants(database: Database, activities: CampaignActivities) -> None:
    ours = campaign(target_criteria={"max_contractors": 3})
    await add(database, ours)
    await add_all(database, [contractor(number) for number in range(5)])
    assert len(ids(await launch(activities, ours.id))) == 3
    assert ids(await launch(activities, ours.id)) == []


async def test_criteria_nobody_understands_pause_the_campaign(
    database: Database, activities: CampaignActivities
) -> None:
    ours = campaign(target_criteria={"min_fitt": 60})
    await add(database, ours, contractor())
    assert await launch(activities, ours.id) == [EnrollmentBatch()]
    async with database.transaction() as tx:
        stored = await tx.campaigns.get(ours.id)
        assert stored is not None and (stored.status, stored.pause_reason) == ("paused", INVALID_CRITERIA)
        assert [event.event_data for event in await tx.events.of("campaign", ours.id)] == [{"reason": INVALID_CRITERIA}]


async def test_a_campaign_for_contractors_picked_by_hand_takes_in_nobody_else(
    database: Database, activities: CampaignActivities
) -> None:
    ours, picked = campaign(target_criteria=None), contractor(1)
    await add(database, ours, picked, contractor(2))
    await add(database, enrolled(ours.id, picked.id, held=True))
    assert await launch(activities, ours.id) == [EnrollmentBatch(resumed=(picked.id,))]


async def test_a_paused_campaign_takes_nobody_in_and_a_resumed_one_tells_those_it_held(
    database: Database, activities: CampaignActivities
) -> None:
    ours = campaign(status="paused")
    people = [contractor(number) for number in range(4)]
    await add(database, ours, *people)
    held, ended, going, _new = people
    await add(
        database,
        enrolled(ours.id, held.id, held=True),
        enrolled(ours.id, ended.id, held=True, ended_at=NOW),
        enrolled(ours.id, going.id),
    )
    assert await launch(activities, ours.id) == [EnrollmentBatch()]
    async with database.transaction() as tx:
        assert await tx.campaigns.set_status(ours.id, "active", ("draft", "paused"))
    [batch] = await launch(activities, ours.id)
    assert (batch.resumed, batch.contractor_ids) == ((held.id,), (people[3].id,))
    assert await launch(activities, ours.id) == [EnrollmentBatch()]


async def test_the_end_of_an_unknown_launch_is_nothing(activities: CampaignActivities) -> None:
    request = CampaignRequest(campaign_id=uuid4())
    assert await activities.next_batch(request) == EnrollmentBatch()
    await activities.finish_launch(request)


# The sweep


def planned(campaign_id: UUID, contractor_id: UUID, at: Any, **values: Any) -> ScheduledTouchpoint:
    return ScheduledTouchpoint(
        **{
            "campaign_id": campaign_id,
            "contractor_id": contractor_id,
            "channel": "email",
            "touch_key": "outreach-1",
            "scheduled_for": at,
            **values,
        }
    )


Stand = Callable[[UUID, UUID], list[Any]]
STANDS: list[tuple[str, bool, dict[str, Any], Stand]] = [
    ("overdue", True, {}, lambda one, other: [planned(one, other, NOW - timedelta(hours=2))]),
    ("just due", False, {}, lambda one, other: [planned(one, other, NOW - timedelta(minutes=5))]),
    ("due later", False, {}, lambda one, other: [planned(one, other, NOW + timedelta(days=2))]),
    ("nothing planned", True, {}, lambda one, other: []),
    ("one sent, none planned", True, {}, lambda one, other: [planned(one, other, LONG_AGO, status="sent")]),
    ("touched just now", False, {}, lambda one, other: [touch(one, other, sent_at=NOW)]),
    ("touched long ago", True, {}, lambda one, other: [touch(one, other, created_at=LONG_AGO)]),
    ("away", False, {"paused_until": NOW + timedelta(days=3)}, lambda one, other: [planned(one, other, LONG_AGO)]),
    ("back", True, {"paused_until": NOW - timedelta(days=3)}, lambda one, other: [planned(one, other, LONG_AGO)]),
    ("ended", False, {"ended_at": NOW}, lambda one, other: [planned(one, other, LONG_AGO)]),
]


async def test_what_the_sweep_finds(database: Database, activities: CampaignActivities) -> None:
    ours = campaign()
    people = {what: contractor(number) for number, (what, *_) in enumerate(STANDS)}
    await add(database, ours, *people.values())
    for what, _, values, stand in STANDS:
        who = people[what].id
        await add(database, enrolled(ours.id, who, **{"updated_at": LONG_AGO, **values}), *stand(ours.id, who))
    findings = await activities.find_stranded(SweepRequest(older_than_seconds=HOUR))
    assert {each.campaign_id for each in findings.sequences} == {ours.id}
    names = {each.id: what for what, each in people.items()}
    found = {names[each.contractor_id] for each in findings.sequences}
    assert found == {what for what, stranded, *_ in STANDS if stranded}


async def test_the_sweep_leaves_new_enrolments_and_paused_campaigns_alone(
    database: Database, activities: CampaignActivities
) -> None:
    paused, ours, who, fresh = campaign(status="paused"), campaign(), contractor(1), contractor(2)
    await add(database, paused, ours, who, fresh)
    await add(database, enrolled(paused.id, who.id, updated_at=LONG_AGO), enrolled(ours.id, fresh.id))
    assert (await activities.find_stranded(SweepRequest(older_than_seconds=HOUR))).sequences == ()


async def test_a_sweep_is_bounded_and_takes_the_overdue_first(
    database: Database, activities: CampaignActivities
) -> None:
    ours = campaign()
    people = [contractor(number) for number in range(230)]
    await add(database, ours)
    await add_all(database, people)
    await add_all(database, [enrolled(ours.id, each.id, updated_at=LONG_AGO) for each in people])
    overdue = {each.id for each in people[200:]}
    await add_all(database, [planned(ours.id, each, LONG_AGO) for each in overdue])
    found = [each.contractor_id for each in (await activities.find_stranded(SweepRequest())).sequences]
    assert len(found) == 200 and set(found[:30]) == overdue
    again = [each.contractor_id for each in (await activities.find_stranded(SweepRequest())).sequences]
    assert set(found) != set(again)  # those left out now have their turn later


async def test_events_nobody_passed_on_are_found_until_settled(
    database: Database, activities: CampaignActivities
) -> None:
    ours, who = campaign(), contractor()
    await add(database, ours, who)
    event = {"event_id": "e-1", "kind": "replied", "at": NOW.isoformat()}
    notice = {"campaign_id": str(ours.id), "contractor_id": str(who.id), "event": event}
    rows = [
        WebhookInboxItem(id=uuid4(), source="sendgrid", event_id="1", created_at=LONG_AGO),
        WebhookInboxItem(id=uuid4(), source="sendgrid", event_id="2", created_at=NOW + timedelta(minutes=1)),
    ]
    for row in rows:
        row.payload = {"fact": {}, "notices": [notice]}
    await add(database, *rows)
    [found] = (await activities.find_stranded(SweepRequest(older_than_seconds=HOUR))).events
    assert (found.inbox_id, found.contractor_id, found.event.event_id) == (rows[0].id, who.id, "e-1")
    await activities.settle_delivered(Delivered(inbox_ids=(found.inbox_id,)))
    assert (await activities.find_stranded(SweepRequest(older_than_seconds=HOUR))).events == ()


async def test_a_campaign_paused_between_batches_stops_taking_in(
    database: Database, activities: CampaignActivities
) -> None:
    ours = campaign()
    await add(database, ours)
    await add_all(database, [contractor(number) for number in range(150)])
    assert len((await activities.next_batch(CampaignRequest(campaign_id=ours.id))).contractor_ids) == 100
    async with database.transaction() as tx:
        await tx.session.execute(update(OutreachCampaign).values(status="paused"))
    assert await activities.next_batch(CampaignRequest(campaign_id=ours.id)) == EnrollmentBatch()
