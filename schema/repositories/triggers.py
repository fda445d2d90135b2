"""What happens around leads, and the triggers that follow from it; every statement takes many leads at once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, func, or_, select, text, update
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlmodel import col

from domain.geo import METRES_PER_MILE
from domain.triggers import (
    NEIGHBOR_RADIUS_MILES,
    STORM_RADIUS_MILES,
    Storm,
    StormType,
    Trigger,
    TriggerType,
)
from schema.repositories.base import Repository, rows_of, sql_table
from schema.tables import LeadTrigger

WEATHER_DAYS = 180

# What describes a roof as it is: gone as soon as it is no longer true. Other triggers are events and expire.
_STATES = (TriggerType.ROOF_AGE.value, TriggerType.DAMAGE_DETECTED.value)

_TRIGGER_COLUMNS = (
    "base_lead_id",
    "trigger_type",
    "source_ref",
    "trigger_date",
    "trigger_strength",
    "trigger_details",
    "expired_at",
)

# Neighbours: permits within a quarter mile that are not the property's own. Storms: at most one of a kind
# and day, whose swath (point and radius) comes within five miles; `reach` keeps the index in use although
# every storm has a radius of its own.
_AROUND = text(
    """
    WITH reach AS (
        SELECT (5 + COALESCE(max(radius_miles), 0)::float8) * :mile AS metres
        FROM weather_events
        WHERE event_date BETWEEN CAST(:today AS date) - CAST(:weather_days AS integer) AND CAST(:today AS date)
    )
    SELECT lead.id,
           lead.year_built,
           lead.last_sale_date,
           roof.last_roof_permit,
           permits.within_30, permits.within_60, permits.within_90, permits.latest,
           storms.found AS storms,
           damage.worst AS worst_damage,
           damage.analyzed_at
    FROM base_leads lead
    LEFT JOIN roofing_leads roof ON roof.base_lead_id = lead.id
    LEFT JOIN LATERAL (
        SELECT count(*) FILTER (WHERE permit.issue_date >= CAST(:today AS date) - 30) AS within_30,
               count(*) FILTER (WHERE permit.issue_date >= CAST(:today AS date) - 60) AS within_60,
               count(*) AS within_90,
               max(permit.issue_date) AS latest
        FROM roofing_permits permit
        WHERE ST_DWithin(permit.geom, lead.geom, :neighbor_metres)
          AND permit.issue_date BETWEEN CAST(:today AS date) - 90 AND CAST(:today AS date)
          AND permit.base_lead_id IS DISTINCT FROM lead.id
          AND NOT (permit.address = lead.address AND permit.state = lead.state
                   AND lower(permit.city) = lower(lead.city))
    ) AS permits ON true
    LEFT JOIN LATERAL (
        SELECT jsonb_agg(jsonb_build_object(
                   'kind', storm.event_type, 'on', storm.event_date, 'miles', storm.miles,
                   'hail', storm.hail_size_inches, 'wind', storm.wind_speed_mph, 'rating', storm.tornado_rating
               ) ORDER BY storm.event_date, storm.event_type) AS found
        FROM (
            SELECT DISTINCT ON (event.event_type, event.event_date)
                   event.event_type, event.event_date, event.hail_size_inches, event.wind_speed_mph,
                   event.tornado_rating, distance.miles
            FROM weather_events event
            CROSS JOIN LATERAL (
                SELECT GREATEST(0, ST_Distance(event.geom, lead.geom) / :mile
                                   - COALESCE(event.radius_miles, 0)::float8) AS miles
            ) AS distance
            WHERE ST_DWithin(event.geom, lead.geom, (SELECT metres FROM reach))
              AND distance.miles <= :storm_miles
              AND event.event_type IS NOT NULL
              AND event.event_date BETWEEN CAST(:today AS date) - CAST(:weather_days AS integer)
                                       AND CAST(:today AS date)
            ORDER BY event.event_type, event.event_date, event.hail_size_inches DESC NULLS LAST,
                     event.wind_speed_mph DESC NULLS LAST, event.tornado_rating DESC NULLS LAST, distance.miles
        ) AS storm
    ) AS storms ON true
    LEFT JOIN LATERAL (
        SELECT analysis.analyzed_at,
               (SELECT max((severity #>> '{}')::float8)
                FROM jsonb_path_query(analysis.damage_severity, '$.* ? (@.type() == "number")') AS severity
               ) AS worst
        FROM roof_analysis analysis
        WHERE analysis.base_lead_id = lead.id
        ORDER BY analysis.analyzed_at DESC
        LIMIT 1
    ) AS damage ON true
    WHERE lead.id = ANY(CAST(:ids AS uuid[]))
    """
)

# What the lead's page shows of it (spec 4.1.4), for many leads.
_SHOWN = text(
    """
    UPDATE roofing_leads AS roof
    SET neighbor_permits_30d = shown.within_30,
        neighbor_permits_60d = shown.within_60,
        neighbor_permits_90d = shown.within_90,
        hail_event_30d = shown.hail_30,
        hail_event_90d = shown.hail_90,
        wind_event_30d = shown.wind_30,
        estimated_roof_age = shown.roof_age,
        trigger_event = shown.trigger_event,
        trigger_details = NULLIF(shown.trigger_details, 'null'::jsonb),
        updated_at = now()
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS shown (
        lead_id uuid, within_30 integer, within_60 integer, within_90 integer, hail_30 boolean, hail_90 boolean,
        wind_30 boolean, roof_age integer, trigger_event text, trigger_details jsonb
    )
    WHERE roof.base_lead_id = shown.lead_id
    """
).bindparams(bindparam("rows", type_=JSONB))


@dataclass(frozen=True, slots=True)
class Around:
    """What surrounds one lead: neighbours' permits within 0.25 miles, storms of 180 days, and what its roof is."""

    lead_id: UUID
    permits_30d: int
    permits_60d: int
    permits_90d: int
    last_permit: date | None
    storms: tuple[Storm, ...]
    year_built: int | None
    last_roof_permit: date | None
    last_sale: date | None
    worst_damage: int | None
    analyzed_on: date | None

    def had(self, kind: StormType, days: int, today: date) -> bool:
        """Whether a storm of this kind came by within so many days."""
        return any(storm.kind is kind and (today - storm.on).days <= days for storm in self.storms)

    @property
    def largest_hail(self) -> float | None:
        """Inches, within 180 days; None without hail of a known size."""
        sizes = [storm.hail_inches for storm in self.storms if storm.kind is StormType.HAIL and storm.hail_inches]
        return max(sizes, default=None)


class TriggerRepository(Repository):
    """`lead_triggers` and what they come from: `roofing_permits`, `weather_events`."""

    async def around(self, lead_ids: Sequence[UUID], today: date) -> dict[UUID, Around]:
        """What surrounds each lead on a day, in one statement. Without coordinates there are no neighbours."""
        values = {
            "ids": list(lead_ids),
            "today": today,
            "weather_days": WEATHER_DAYS,
            "mile": METRES_PER_MILE,
            "neighbor_metres": NEIGHBOR_RADIUS_MILES * METRES_PER_MILE,
            "storm_miles": STORM_RADIUS_MILES,
        }
        found = await self._session.execute(_AROUND, values)
        return {row["id"]: _around(row) for row in found.mappings()}

    async def replace(self, triggers: Mapping[UUID, Sequence[Trigger]], now: datetime) -> int:
        """Keeps these triggers active for these leads and returns how many of them are new; two statements.

        A trigger found again is refreshed. One that is not found again stays until it expires, unless it
        described a state of the roof.
        """
        rows = [_row(lead_id, trigger) for lead_id, found in triggers.items() for trigger in found]
        created = await self._upsert(rows) if rows else 0
        await self._deactivate(triggers, now)
        return created

    async def show(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Updates what the lead's page shows, for many leads; keys are those of `_SHOWN`."""
        if rows:
            await self._session.execute(_SHOWN, {"rows": list(rows)})

    async def active(self, lead_id: UUID) -> tuple[Trigger, ...]:
        """The lead's active triggers, strongest first."""
        found = await self._session.scalars(
            select(LeadTrigger)
            .where(col(LeadTrigger.base_lead_id) == lead_id, col(LeadTrigger.active))
            .order_by(col(LeadTrigger.trigger_strength).desc(), col(LeadTrigger.source_ref))
            .execution_options(populate_existing=True)
        )
        return tuple(_trigger(row) for row in found)

    async def _upsert(self, rows: list[dict[str, Any]]) -> int:
        statement = insert(sql_table(LeadTrigger)).from_select(
            list(_TRIGGER_COLUMNS), rows_of(LeadTrigger, _TRIGGER_COLUMNS, rows), include_defaults=False
        )
        changed = {name: statement.excluded[name] for name in _TRIGGER_COLUMNS[3:]}
        statement = statement.on_conflict_do_update(
            index_elements=["base_lead_id", "trigger_type", "source_ref"], set_={**changed, "active": True}
        )
        # xmax is 0 for a row that this statement inserted.
        inserted = await self._session.scalars(statement.returning(text("xmax = 0")))
        return sum(inserted)

    async def _deactivate(self, triggers: Mapping[UUID, Sequence[Trigger]], now: datetime) -> None:
        kept = [f"{lead_id}|{trigger.key}" for lead_id, found in triggers.items() for trigger in found]
        identity = func.concat(col(LeadTrigger.base_lead_id), "|", col(LeadTrigger.source_ref))
        await self._session.execute(
            update(LeadTrigger)
            .where(
                col(LeadTrigger.base_lead_id).in_(list(triggers)),
                col(LeadTrigger.active),
                identity.not_in(kept),
                or_(col(LeadTrigger.trigger_type).in_(_STATES), col(LeadTrigger.expired_at) <= now),
            )
            .values(active=False)
            .execution_options(synchronize_session=False)
        )


def _around(row: Mapping[Any, Any]) -> Around:
    worst, analyzed_at = row["worst_damage"], row["analyzed_at"]
    return Around(
        lead_id=row["id"],
        permits_30d=row["within_30"] or 0,
        permits_60d=row["within_60"] or 0,
        permits_90d=row["within_90"] or 0,
        last_permit=row["latest"],
        storms=tuple(_storm(found) for found in row["storms"] or ()),
        year_built=row["year_built"],
        last_roof_permit=row["last_roof_permit"],
        last_sale=row["last_sale_date"],
        worst_damage=None if worst is None else round(worst),
        analyzed_on=None if analyzed_at is None else analyzed_at.date(),
    )


def _storm(found: Mapping[str, Any]) -> Storm:
    return Storm(
        kind=StormType(found["kind"]),
        on=date.fromisoformat(found["on"]),
        miles=float(found["miles"]),
        hail_inches=None if found["hail"] is None else float(found["hail"]),
        wind_mph=found["wind"],
        tornado_rating=found["rating"],
    )


def _row(lead_id: UUID, trigger: Trigger) -> dict[str, Any]:
    return {
        "base_lead_id": lead_id,
        "trigger_type": trigger.type,
        "source_ref": trigger.key,
        "trigger_date": datetime.combine(trigger.happened_on, time(), UTC),
        "trigger_strength": trigger.strength,
        "trigger_details": {"evidence": trigger.evidence, "points": trigger.points, "urgent": trigger.urgent},
        "expired_at": trigger.expires_at,
    }


def _trigger(row: LeadTrigger) -> Trigger:
    details = row.trigger_details or {}
    return Trigger(
        type=TriggerType(row.trigger_type or ""),
        key=row.source_ref or "",
        strength=row.trigger_strength or 0,
        happened_on=row.trigger_date.date() if row.trigger_date else date.min,
        expires_at=row.expired_at,
        evidence=str(details.get("evidence", "")),
        points=int(details.get("points", 0)),
        urgent=bool(details.get("urgent", False)),
    )
