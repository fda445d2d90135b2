"""What outreach did and what came of it (spec 3.6.5), counted anew from what happened, so that no counter drifts.

What counts: an e-mail or text was delivered when the vendor said so or when somebody opened, clicked or
answered it. A call was answered when a person spoke. A sign-up belongs to the last campaign the contractor
had been in by then. Costs are those of the touches and, for the first campaign a contractor was in, of
finding and completing the contractor; revenue is the subscription fees paid, less what was paid back.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import text, update
from sqlmodel import col

from domain.campaign_figures import Counters, Ripe
from domain.engagement import Moment, Sign, Stage
from domain.experiments import Tally
from domain.mailboxes import MailTally
from schema.repositories.base import Repository, rows_of
from schema.tables import OutreachCampaign

RESEARCH = "research"
"""The kind of cost of finding contractors and completing what is known of them."""
MAX_MOMENTS = 1_000
MAX_STEPS = 200

_ARRIVED = (
    "(touch.bounced_at IS NULL AND coalesce(touch.delivered_at, touch.opened_at, touch.clicked_at, touch.replied_at)"
    " IS NOT NULL)"
)
# A touch whose sending nobody can tell of was sent if anything came back of it.
_SENT = (
    "(coalesce(touch.sent_at, touch.bounced_at, touch.delivered_at, touch.opened_at, touch.clicked_at,"
    " touch.replied_at) IS NOT NULL)"
)
_ANSWERED = "(call.status IN ('answered', 'completed') AND call.disposition IS DISTINCT FROM 'no_answer')"
_INTERESTED = "(call.disposition IN ('wants_demo', 'wants_callback', 'moderate'))"
_HELD = "meeting.status NOT IN ('cancelled', 'rescheduled')"
_WILLING = "(touch.replied_at IS NOT NULL AND touch.response_sentiment IS DISTINCT FROM 'negative')"

# `chosen` holds the campaigns; each of the rest one row per campaign, except `costs`: one per campaign and kind.
_FACTS = f"""
    chosen AS MATERIALIZED (
        SELECT id FROM outreach_campaigns WHERE id = ANY(CAST(:ids AS uuid[]))
    ), enrolled AS (
        SELECT enrolment.campaign_id, count(*) AS contractors
        FROM sequence_enrollments enrolment JOIN chosen ON chosen.id = enrolment.campaign_id
        GROUP BY 1
    ), touched AS (
        SELECT touch.campaign_id,
               count(*) FILTER (WHERE touch.channel = 'email' AND {_SENT}) AS emails_sent,
               count(*) FILTER (WHERE touch.channel = 'email' AND {_ARRIVED}) AS emails_delivered,
               count(*) FILTER (WHERE touch.channel = 'email' AND {_ARRIVED} AND touch.opened_at IS NOT NULL)
                   AS emails_opened,
               count(*) FILTER (WHERE touch.channel = 'email' AND {_ARRIVED} AND touch.clicked_at IS NOT NULL)
                   AS emails_clicked,
               count(*) FILTER (WHERE touch.channel = 'email' AND {_ARRIVED} AND touch.replied_at IS NOT NULL)
                   AS emails_replied,
               count(*) FILTER (WHERE touch.channel = 'sms' AND {_SENT}) AS sms_sent,
               count(*) FILTER (WHERE touch.channel = 'sms' AND {_ARRIVED}) AS sms_delivered,
               count(*) FILTER (WHERE touch.channel = 'sms' AND {_ARRIVED} AND touch.replied_at IS NOT NULL)
                   AS sms_replied
        FROM outreach_touchpoints touch JOIN chosen ON chosen.id = touch.campaign_id
        GROUP BY 1
    ), called AS (
        SELECT call.campaign_id, count(*) AS calls_made,
               count(*) FILTER (WHERE {_ANSWERED}) AS calls_answered,
               count(*) FILTER (WHERE {_ANSWERED} AND {_INTERESTED}) AS calls_interested
        FROM ai_call_logs call JOIN chosen ON chosen.id = call.campaign_id
        GROUP BY 1
    ), met AS (
        SELECT meeting.campaign_id, count(*) AS meetings
        FROM demo_meetings meeting JOIN chosen ON chosen.id = meeting.campaign_id
        WHERE {_HELD}
        GROUP BY 1
    ), people AS (
        SELECT DISTINCT enrolment.contractor_id
        FROM sequence_enrollments enrolment JOIN chosen ON chosen.id = enrolment.campaign_id
    ), won AS (
        SELECT DISTINCT ON (enrolment.contractor_id) enrolment.campaign_id, enrolment.contractor_id
        FROM sequence_enrollments enrolment
        JOIN people ON people.contractor_id = enrolment.contractor_id
        JOIN contractors contractor ON contractor.id = enrolment.contractor_id
        WHERE enrolment.phase = 'signed_up' OR enrolment.enrolled_at <= contractor.signed_up_at
        ORDER BY enrolment.contractor_id, (enrolment.phase = 'signed_up') DESC, enrolment.enrolled_at DESC, enrolment.id
    ), signed AS (
        SELECT won.campaign_id, count(*) AS signups,
               coalesce(sum(paid.amount), 0) - coalesce(sum(returned.amount), 0) AS revenue
        FROM won
        JOIN chosen ON chosen.id = won.campaign_id
        LEFT JOIN LATERAL (
            SELECT sum(payment.amount) AS amount FROM payments payment
            WHERE payment.contractor_id = won.contractor_id AND payment.state = 'succeeded'
              AND payment.kind IN ('subscription', 'proration')
        ) paid ON true
        LEFT JOIN LATERAL (
            SELECT sum(refund.amount) AS amount
            FROM payment_refunds refund JOIN payments payment ON payment.id = refund.payment_id
            WHERE payment.contractor_id = won.contractor_id AND payment.kind IN ('subscription', 'proration')
              AND refund.state <> 'failed'
        ) returned ON true
        GROUP BY 1
    ), touch_costs AS (
        -- The same money may stand in the touch, in the call's bill and in the log of vendor calls.
        SELECT touch.campaign_id, touch.channel AS kind,
               greatest(coalesce(billed.cost, touch.cost, 0), coalesce(used.cost, 0)) AS cost
        FROM outreach_touchpoints touch
        JOIN chosen ON chosen.id = touch.campaign_id
        LEFT JOIN (
            SELECT call.touchpoint_id, sum(call.cost) AS cost
            FROM ai_call_logs call JOIN chosen ON chosen.id = call.campaign_id
            GROUP BY 1
        ) billed ON billed.touchpoint_id = touch.id
        LEFT JOIN (
            SELECT log.entity_id, sum(log.cost) AS cost
            FROM api_usage_logs log
            JOIN outreach_touchpoints known ON known.id = log.entity_id
            JOIN chosen ON chosen.id = known.campaign_id
            GROUP BY 1
        ) used ON used.entity_id = touch.id
    ), first_in AS (
        SELECT DISTINCT ON (enrolment.contractor_id) enrolment.campaign_id, enrolment.contractor_id
        FROM sequence_enrollments enrolment JOIN people ON people.contractor_id = enrolment.contractor_id
        ORDER BY enrolment.contractor_id, enrolment.enrolled_at, enrolment.id
    ), costs AS (
        SELECT campaign_id, kind, sum(cost) AS cost
        FROM (
            SELECT campaign_id, kind, cost FROM touch_costs
            UNION ALL
            SELECT call.campaign_id, 'call', call.cost
            FROM ai_call_logs call JOIN chosen ON chosen.id = call.campaign_id
            WHERE call.touchpoint_id IS NULL AND call.cost IS NOT NULL
            UNION ALL
            -- What a message costs stands with its touch.
            SELECT first_in.campaign_id, '{RESEARCH}', log.cost
            FROM first_in
            JOIN chosen ON chosen.id = first_in.campaign_id
            JOIN api_usage_logs log ON log.entity_id = first_in.contractor_id
            WHERE log.cost IS NOT NULL AND log.api_provider NOT IN ('sendgrid', 'vapi', 'bland_ai', 'stripe')
              AND NOT (log.api_provider = 'twilio' AND log.api_endpoint = 'send')
        ) every
        GROUP BY 1, 2
    ), spent AS (
        SELECT campaign_id, sum(cost) AS cost FROM costs GROUP BY 1
    ), figures AS (
        SELECT chosen.id, coalesce(enrolled.contractors, 0) AS contractors_targeted,
               coalesce(touched.emails_sent, 0) AS emails_sent,
               coalesce(touched.emails_delivered, 0) AS emails_delivered,
               coalesce(touched.emails_opened, 0) AS emails_opened,
               coalesce(touched.emails_clicked, 0) AS emails_clicked,
               coalesce(touched.emails_replied, 0) AS emails_replied,
               coalesce(called.calls_made, 0) AS calls_made,
               coalesce(called.calls_answered, 0) AS calls_answered,
               coalesce(called.calls_interested, 0) AS calls_interested,
               coalesce(touched.sms_sent, 0) AS sms_sent,
               coalesce(touched.sms_delivered, 0) AS sms_delivered,
               coalesce(touched.sms_replied, 0) AS sms_replied,
               coalesce(met.meetings, 0) AS meetings_booked,
               coalesce(signed.signups, 0) AS signups_generated,
               coalesce(spent.cost, 0) AS total_cost,
               coalesce(signed.revenue, 0) AS total_revenue
        FROM chosen
        LEFT JOIN enrolled ON enrolled.campaign_id = chosen.id
        LEFT JOIN touched ON touched.campaign_id = chosen.id
        LEFT JOIN called ON called.campaign_id = chosen.id
        LEFT JOIN met ON met.campaign_id = chosen.id
        LEFT JOIN signed ON signed.campaign_id = chosen.id
        LEFT JOIN spent ON spent.campaign_id = chosen.id
    )
"""  # noqa: S608 - assembled from our own constants

_COUNTED = tuple(Counters.__dataclass_fields__)
_STORED = (*_COUNTED, "total_cost", "total_revenue")

_FIGURES = text(f"WITH {_FACTS} SELECT figures.* FROM figures ORDER BY figures.id")  # noqa: S608
_COSTS = text(f"WITH {_FACTS} SELECT kind, cost FROM costs WHERE cost > 0 ORDER BY kind")  # noqa: S608
_REFRESH = text(
    f"""
    WITH {_FACTS}
    UPDATE outreach_campaigns campaign
    SET {", ".join(f"{name} = figures.{name}" for name in _STORED)}, updated_at = now()
    FROM figures
    WHERE figures.id = campaign.id
    RETURNING figures.*
    """  # noqa: S608 - assembled from our own constants
)

# Of each contractor in a campaign, how far it came. One row per contractor, then one per stage.
_FURTHEST = text(
    f"""
    WITH touched AS (
        SELECT touch.contractor_id, bool_or({_SENT}) AS contacted,
               bool_or(touch.opened_at IS NOT NULL OR touch.clicked_at IS NOT NULL) AS engaged,
               bool_or(touch.replied_at IS NOT NULL OR touch.contractor_responded) AS responded,
               bool_or(touch.response_sentiment = 'positive') AS interested
        FROM outreach_touchpoints touch WHERE touch.campaign_id = :id GROUP BY 1
    ), called AS (
        SELECT call.contractor_id, bool_or({_ANSWERED}) AS engaged, bool_or({_INTERESTED}) AS interested
        FROM ai_call_logs call WHERE call.campaign_id = :id GROUP BY 1
    ), met AS (
        SELECT DISTINCT meeting.contractor_id FROM demo_meetings meeting WHERE meeting.campaign_id = :id AND {_HELD}
    ), placed AS (
        SELECT CASE
                   WHEN enrolment.phase = 'signed_up' OR (
                       contractor.signed_up_at >= enrolment.enrolled_at AND NOT EXISTS (
                           SELECT 1 FROM sequence_enrollments later
                           WHERE later.contractor_id = enrolment.contractor_id AND later.id <> enrolment.id
                             AND later.enrolled_at BETWEEN enrolment.enrolled_at AND contractor.signed_up_at
                       )
                   ) THEN 'signed_up'
                   WHEN met.contractor_id IS NOT NULL OR enrolment.phase IN ('demo', 'proposal') THEN 'demo'
                   WHEN touched.interested OR called.interested OR enrolment.phase IN ('callback', 'booking')
                       THEN 'interested'
                   WHEN touched.responded THEN 'responded'
                   WHEN touched.engaged OR called.engaged THEN 'engaged'
                   WHEN touched.contacted OR called.contractor_id IS NOT NULL THEN 'contacted'
                   ELSE 'targeted'
               END AS stage
        FROM sequence_enrollments enrolment
        JOIN contractors contractor ON contractor.id = enrolment.contractor_id
        LEFT JOIN touched ON touched.contractor_id = enrolment.contractor_id
        LEFT JOIN called ON called.contractor_id = enrolment.contractor_id
        LEFT JOIN met ON met.contractor_id = enrolment.contractor_id
        WHERE enrolment.campaign_id = :id
    )
    SELECT stage, count(*) AS contractors FROM placed GROUP BY stage
    """  # noqa: S608 - assembled from our own constants
)

# A trial is a message that arrived long enough ago to have been answered; a success an answer that is no refusal.
_ARMS = text(
    f"""
    SELECT touch.campaign_id, touch.template_used AS template, touch.variant,
           count(*) AS trials, count(*) FILTER (WHERE {_WILLING} AND touch.unsubscribed_at IS NULL) AS successes
    FROM outreach_touchpoints touch
    WHERE touch.campaign_id = ANY(CAST(:ids AS uuid[])) AND touch.variant IS NOT NULL
      AND touch.template_used IS NOT NULL AND {_ARRIVED} AND touch.sent_at <= :ripe
    GROUP BY 1, 2, 3
    """  # noqa: S608 - assembled from our own constants
)

_RIPE = text(
    f"""
    SELECT campaign.id,
           count(touch.id) FILTER (WHERE {_SENT}) AS sent,
           count(touch.id) FILTER (WHERE {_ARRIVED}) AS delivered,
           count(touch.id) FILTER (WHERE {_ARRIVED} AND touch.replied_at IS NOT NULL) AS replied,
           count(touch.bounced_at) AS bounced,
           count(touch.complained_at) AS complained,
           campaign.meetings_booked + campaign.signups_generated AS successes
    FROM outreach_campaigns campaign
    LEFT JOIN outreach_touchpoints touch
           ON touch.campaign_id = campaign.id AND touch.channel = 'email' AND touch.sent_at <= :ripe
    WHERE campaign.id = ANY(CAST(:ids AS uuid[])) AND campaign.status = 'active'
    GROUP BY campaign.id
    """  # noqa: S608 - assembled from our own constants
)

# A mailbox that was resumed warms up again, and is judged only by what it has sent since.
_MAILBOXES = text(
    f"""
    SELECT mailbox.id,
           count(touch.id) FILTER (WHERE {_SENT}) AS sent,
           count(touch.bounced_at) AS bounced,
           count(touch.complained_at) AS complained
    FROM mailboxes mailbox
    LEFT JOIN outreach_touchpoints touch
           ON touch.mailbox_id = mailbox.id
          AND touch.sent_at >= greatest(CAST(:since AS timestamptz), CAST(mailbox.warm_up_from AS timestamptz))
    WHERE CAST(:ids AS uuid[]) IS NULL OR mailbox.id = ANY(CAST(:ids AS uuid[]))
    GROUP BY mailbox.id
    """  # noqa: S608 - assembled from our own constants
)
_TAKEN = text(
    """
    SELECT mailbox_id, count(*) AS taken FROM mailbox_claims
    WHERE mailbox_id = ANY(CAST(:ids AS uuid[])) AND day = :day GROUP BY 1
    """
)

_REFRESH_CONTRACTORS = text(
    f"""
    WITH people AS (
        SELECT DISTINCT contractor_id FROM sequence_enrollments WHERE campaign_id = ANY(CAST(:ids AS uuid[]))
    ), touched AS (
        SELECT people.contractor_id, count(touch.id) AS touches,
               min(touch.sent_at) AS first, max(touch.sent_at) AS last,
               round(100.0 * count(touch.id) FILTER (WHERE touch.contractor_responded OR touch.replied_at IS NOT NULL)
                     / nullif(count(touch.id), 0), 2) AS response_rate
        FROM people
        LEFT JOIN outreach_touchpoints touch ON touch.contractor_id = people.contractor_id AND {_SENT}
        GROUP BY 1
    )
    UPDATE contractors contractor
    SET total_touchpoints = touched.touches, response_rate = touched.response_rate,
        first_contact_date = least(contractor.first_contact_date, touched.first),
        last_contact_date = greatest(contractor.last_contact_date, touched.last)
    FROM touched
    WHERE touched.contractor_id = contractor.id
      AND (contractor.total_touchpoints, contractor.response_rate)
          IS DISTINCT FROM (touched.touches, touched.response_rate)
    """  # noqa: S608 - assembled from our own constants
)

_CONTRACTOR = text(
    f"""
    SELECT count(*) FILTER (WHERE {_SENT}) AS touchpoints,
           array_agg(DISTINCT touch.channel) FILTER (WHERE {_SENT} AND touch.channel IS NOT NULL) AS channels,
           count(*) FILTER (WHERE touch.channel = 'email' AND {_ARRIVED}) AS delivered,
           count(*) FILTER (WHERE touch.channel = 'email' AND {_ARRIVED} AND touch.opened_at IS NOT NULL) AS opened,
           count(*) FILTER (WHERE touch.channel = 'email' AND {_ARRIVED} AND touch.clicked_at IS NOT NULL) AS clicked,
           count(*) FILTER (WHERE touch.contractor_responded OR touch.replied_at IS NOT NULL) AS responded,
           min(touch.sent_at) AS first_contact,
           max(touch.sent_at) AS last_contact,
           min(touch.replied_at) AS first_response
    FROM outreach_touchpoints touch WHERE touch.contractor_id = :id
    """  # noqa: S608 - assembled from our own constants
)

_MOMENTS = text(
    f"""
    SELECT sign, at FROM (
        SELECT seen.sign, seen.at
        FROM outreach_touchpoints touch
        CROSS JOIN LATERAL (VALUES
            ('delivered', touch.delivered_at), ('opened', touch.opened_at), ('clicked', touch.clicked_at),
            ('replied', CASE WHEN {_WILLING} THEN touch.replied_at END),
            ('declined', CASE WHEN touch.response_sentiment = 'negative' THEN touch.replied_at END),
            ('bounced', touch.bounced_at), ('opted_out', coalesce(touch.unsubscribed_at, touch.complained_at))
        ) AS seen (sign, at)
        WHERE touch.contractor_id = :id
        UNION ALL
        SELECT seen.sign, coalesce(call.started_at, call.created_at)
        FROM ai_call_logs call
        CROSS JOIN LATERAL (VALUES
            ('call_answered', {_ANSWERED}), ('call_interested', {_INTERESTED}),
            ('declined', call.disposition = 'not_interested'), ('opted_out', call.disposition = 'opted_out')
        ) AS seen (sign, holds)
        WHERE call.contractor_id = :id AND seen.holds
        UNION ALL
        SELECT 'demo_booked', meeting.created_at
        FROM demo_meetings meeting WHERE meeting.contractor_id = :id AND {_HELD}
        UNION ALL
        SELECT 'demo_attended', meeting.scheduled_at
        FROM demo_meetings meeting WHERE meeting.contractor_id = :id AND meeting.attended
        UNION ALL
        SELECT 'signed_up', contractor.signed_up_at FROM contractors contractor WHERE contractor.id = :id
        UNION ALL
        SELECT 'opted_out', coalesce(enrolment.ended_at, enrolment.halted_at)
        FROM sequence_enrollments enrolment
        WHERE enrolment.contractor_id = :id AND (enrolment.phase = 'opted_out' OR enrolment.halt_reason = 'opted_out')
    ) every
    WHERE at IS NOT NULL
    ORDER BY at DESC, sign
    LIMIT {MAX_MOMENTS}
    """  # noqa: S608 - assembled from our own constants
)

_SIGNS = """(VALUES
        ('sent', touch.sent_at), ('delivered', CASE WHEN touch.bounced_at IS NULL THEN touch.delivered_at END),
        ('opened', touch.opened_at), ('clicked', touch.clicked_at), ('replied', touch.replied_at),
        ('bounced', touch.bounced_at), ('opted_out', coalesce(touch.unsubscribed_at, touch.complained_at))
    ) AS seen (sign, at)"""

_BY_DAY = text(
    f"""
    SELECT CAST(seen.at AT TIME ZONE 'UTC' AS date) AS day, touch.channel, seen.sign, count(*) AS number
    FROM outreach_touchpoints touch CROSS JOIN LATERAL {_SIGNS}
    WHERE touch.campaign_id = :id AND touch.channel IS NOT NULL
      AND seen.at >= CAST(:first AS date) AND seen.at < CAST(:last AS date) + 1
    GROUP BY 1, 2, 3
    ORDER BY 1, 2, 3
    """  # noqa: S608 - assembled from our own constants
)

_BY_STEP = text(
    f"""
    SELECT coalesce(touch.purpose, 'outreach') AS purpose, touch.sequence_step AS step, touch.channel,
           touch.template_used AS template,
           count(*) FILTER (WHERE {_SENT}) AS sent,
           count(*) FILTER (WHERE {_ARRIVED}) AS delivered,
           count(*) FILTER (WHERE {_ARRIVED} AND touch.opened_at IS NOT NULL) AS opened,
           count(*) FILTER (WHERE {_ARRIVED} AND touch.clicked_at IS NOT NULL) AS clicked,
           count(*) FILTER (WHERE touch.contractor_responded OR touch.replied_at IS NOT NULL) AS replied,
           count(touch.bounced_at) AS bounced,
           count(*) FILTER (WHERE touch.status = 'denied') AS denied,
           count(*) FILTER (WHERE touch.status = 'skipped') AS skipped
    FROM outreach_touchpoints touch
    WHERE touch.campaign_id = :id
    GROUP BY 1, 2, 3, 4
    ORDER BY 1 DESC, 2 NULLS LAST, 3, 4
    LIMIT {MAX_STEPS}
    """  # noqa: S608 - assembled from our own constants
)


@dataclass(frozen=True, slots=True)
class CampaignFigures:
    """A campaign counted anew. Money in US dollars."""

    campaign_id: UUID
    counters: Counters
    cost: Decimal
    revenue: Decimal


@dataclass(frozen=True, slots=True)
class Ratios:
    """What follows from a campaign's money; see `domain.campaign_figures`."""

    campaign_id: UUID
    cost_per_acquisition: Decimal | None
    roi: Decimal | None


@dataclass(frozen=True, slots=True)
class ContractorFigures:
    """What a contractor was sent, over all campaigns, and how it took it."""

    touchpoints: int
    channels: tuple[str, ...]
    delivered: int
    opened: int
    clicked: int
    responded: int
    first_contact: datetime | None
    last_contact: datetime | None
    first_response: datetime | None


@dataclass(frozen=True, slots=True)
class DayFigure:
    """How often something happened on a day (UTC) on a channel."""

    day: date
    channel: str
    sign: str
    number: int


@dataclass(frozen=True, slots=True)
class StepFigures:
    """What one step of a sequence did."""

    purpose: str
    step: int | None
    channel: str | None
    template: str | None
    sent: int
    delivered: int
    opened: int
    clicked: int
    replied: int
    bounced: int
    denied: int
    skipped: int


class MetricsRepository(Repository):
    """Figures of campaigns, contractors and mailboxes; each method is one statement, whatever the number of rows."""

    async def figures(self, campaign_id: UUID) -> CampaignFigures | None:
        """A campaign counted anew, without storing it; None if there is none."""
        row = (await self._session.execute(_FIGURES, {"ids": [campaign_id]})).mappings().first()
        return _figures(row) if row is not None else None

    async def refresh(self, campaign_ids: Sequence[UUID]) -> list[CampaignFigures]:
        """Stores the counters of these campaigns and returns them."""
        found = await self._session.execute(_REFRESH, {"ids": list(campaign_ids)})
        return [_figures(row) for row in found.mappings()]

    async def save_ratios(self, ratios: Sequence[Ratios]) -> None:
        """Stores what follows from the money."""
        if not ratios:
            return
        names = ["id", "cost_per_acquisition", "roi"]
        rows = [
            {"id": each.campaign_id, "cost_per_acquisition": each.cost_per_acquisition, "roi": each.roi}
            for each in ratios
        ]
        sent = rows_of(OutreachCampaign, names, rows).subquery()
        await self._session.execute(
            update(OutreachCampaign)
            .where(col(OutreachCampaign.id) == sent.c.id)
            .values(cost_per_acquisition=sent.c.cost_per_acquisition, roi=sent.c.roi)
            .execution_options(synchronize_session=False)
        )

    async def refresh_contractors(self, campaign_ids: Sequence[UUID]) -> None:
        """Stores touches and response rate of everybody in these campaigns, where they changed."""
        await self._session.execute(_REFRESH_CONTRACTORS, {"ids": list(campaign_ids)})

    async def costs(self, campaign_id: UUID) -> dict[str, Decimal]:
        """What a campaign cost, by channel; RESEARCH is what finding its contractors cost."""
        found = await self._session.execute(_COSTS, {"ids": [campaign_id]})
        return {row.kind: row.cost for row in found}

    async def furthest(self, campaign_id: UUID) -> dict[Stage, int]:
        """How many contractors of a campaign came exactly how far."""
        found = await self._session.execute(_FURTHEST, {"id": campaign_id})
        return {Stage(row.stage): row.contractors for row in found}

    async def arms(self, campaign_ids: Sequence[UUID], ripe: datetime) -> dict[UUID, dict[str, dict[str, Tally]]]:
        """Per campaign and template, each variant's messages sent by `ripe` that arrived, and their answers."""
        found = await self._session.execute(_ARMS, {"ids": list(campaign_ids), "ripe": ripe})
        arms: dict[UUID, dict[str, dict[str, Tally]]] = {}
        for row in found:
            tallies = arms.setdefault(row.campaign_id, {}).setdefault(row.template, {})
            tallies[row.variant] = Tally(row.trials, row.successes)
        return arms

    async def ripe(self, campaign_ids: Sequence[UUID], ripe: datetime) -> dict[UUID, Ripe]:
        """Of these campaigns the active ones, with the e-mails sent by `ripe`. Refresh their counters first."""
        found = await self._session.execute(_RIPE, {"ids": list(campaign_ids), "ripe": ripe})
        return {
            row.id: Ripe(row.sent, row.delivered, row.replied, row.bounced, row.complained, row.successes)
            for row in found
        }

    async def mailboxes(self, since: datetime, mailbox_ids: Sequence[UUID] | None = None) -> dict[UUID, MailTally]:
        """What these mailboxes, or all, sent since then and what came back."""
        ids = None if mailbox_ids is None else list(mailbox_ids)
        found = await self._session.execute(_MAILBOXES, {"since": since, "ids": ids})
        return {row.id: MailTally(row.sent, row.bounced, row.complained) for row in found}

    async def taken(self, mailbox_ids: Sequence[UUID], day: date) -> dict[UUID, int]:
        """Places taken in the day of these mailboxes."""
        found = await self._session.execute(_TAKEN, {"ids": list(mailbox_ids), "day": day})
        return {row.mailbox_id: row.taken for row in found}

    async def contractor(self, contractor_id: UUID) -> ContractorFigures:
        """What a contractor was sent and how it took it."""
        row = (await self._session.execute(_CONTRACTOR, {"id": contractor_id})).one()
        return ContractorFigures(
            touchpoints=row.touchpoints,
            channels=tuple(row.channels or ()),
            delivered=row.delivered,
            opened=row.opened,
            clicked=row.clicked,
            responded=row.responded,
            first_contact=row.first_contact,
            last_contact=row.last_contact,
            first_response=row.first_response,
        )

    async def moments(self, contractor_id: UUID) -> list[Moment]:
        """What shows a contractor's interest, the latest MAX_MOMENTS."""
        found = await self._session.execute(_MOMENTS, {"id": contractor_id})
        return [Moment(Sign(row.sign), row.at) for row in found]

    async def by_day(self, campaign_id: UUID, first: date, last: date) -> list[DayFigure]:
        """What happened on each day (UTC) from `first` to `last`, by channel."""
        found = await self._session.execute(_BY_DAY, {"id": campaign_id, "first": first, "last": last})
        return [DayFigure(row.day, row.channel, row.sign, row.number) for row in found]

    async def by_step(self, campaign_id: UUID) -> list[StepFigures]:
        """What each step did, in the order of the sequence."""
        found = await self._session.execute(_BY_STEP, {"id": campaign_id})
        return [StepFigures(**row) for row in found.mappings()]


def _figures(row: Mapping[Any, Any]) -> CampaignFigures:
    return CampaignFigures(
        campaign_id=row["id"],
        counters=Counters(**{name: row[name] for name in _COUNTED}),
        cost=row["total_cost"],
        revenue=row["total_revenue"],
    )
