"""Weather and the reasons a lead is worth calling on now (spec 4.3)."""

from datetime import date, datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Index, UniqueConstraint, text

from schema.tables.base import (
    JSON,
    Row,
    flag,
    json,
    latitude,
    longitude,
    number,
    one_of,
    point,
    prose,
    ref,
    state_code,
    within,
    word,
)

WEATHER_TYPES = ("hail", "wind", "tornado", "hurricane")
SEVERITIES = ("minor", "moderate", "severe", "extreme")
TORNADO_RATINGS = ("EF0", "EF1", "EF2", "EF3", "EF4", "EF5")
TRIGGER_TYPES = (
    "neighbor_permits",
    "weather_event",
    "roof_age",
    "damage_detected",
    "insurance_claim",
    "property_sale",
)


class WeatherEvent(Row, table=True):
    """A storm report; `external_id` is the source's own number, so a feed read twice is stored once."""

    __tablename__ = "weather_events"
    __table_args__ = (
        UniqueConstraint("source", "external_id"),
        state_code(),
        one_of("event_type", WEATHER_TYPES),
        one_of("severity", SEVERITIES),
        one_of("tornado_rating", TORNADO_RATINGS),
        Index("idx_weather_events_location", "city", "state"),
        Index("idx_weather_events_date", text("event_date DESC")),
        Index("idx_weather_events_type", "event_type"),
        Index("idx_weather_events_geom", "geom", postgresql_using="gist"),
    )

    event_type: str | None = word(50)
    event_date: date | None = None
    event_time: time | None = None
    city: str | None = word(100)
    state: str | None = word(2)
    county: str | None = word(100)
    lat: Decimal | None = latitude()
    lng: Decimal | None = longitude()
    geom: Any = point()
    radius_miles: Decimal | None = number(5, 2)
    severity: str | None = word(50)
    hail_size_inches: Decimal | None = number(3, 2)
    wind_speed_mph: int | None = None
    tornado_rating: str | None = word(10)
    source: str | None = word(100)
    source_url: str | None = prose()
    external_id: str | None = word(255)
    properties_affected_estimate: int | None = None
    insurance_claims_filed: int | None = None
    damage_estimate: Decimal | None = number(12, 2)


class LeadTrigger(Row, table=True):
    """A reason to act; `source_ref` names what caused it, so detecting it again finds the same row."""

    __tablename__ = "lead_triggers"
    __table_args__ = (
        UniqueConstraint("base_lead_id", "trigger_type", "source_ref"),
        one_of("trigger_type", TRIGGER_TYPES),
        within("trigger_strength", 0, 100),
        Index("idx_lead_triggers_lead", "base_lead_id"),
        Index("idx_lead_triggers_type", "trigger_type"),
        Index("idx_lead_triggers_active", "active", postgresql_where=text("active = true")),
        Index("idx_lead_triggers_strength", text("trigger_strength DESC")),
    )

    base_lead_id: UUID = ref("base_leads.id", "CASCADE", required=True)
    trigger_type: str | None = word(50)
    source_ref: str | None = word(255)
    trigger_date: datetime | None = None
    trigger_strength: int | None = None
    trigger_details: JSON | None = json()
    active: bool = flag(True)
    expired_at: datetime | None = None
