"""Trigger events that make an owner need a roof now (spec 3.5.3)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum

from domain.bands import Band, band_for


class TriggerType(StrEnum):
    """`lead_triggers.trigger_type` (spec 4.3.2)."""

    NEIGHBOR_PERMITS = "neighbor_permits"
    WEATHER_EVENT = "weather_event"
    ROOF_AGE = "roof_age"
    DAMAGE_DETECTED = "damage_detected"
    INSURANCE_CLAIM = "insurance_claim"
    PROPERTY_SALE = "property_sale"


class StormType(StrEnum):
    """`weather_events.event_type` (spec 4.3.1)."""

    HAIL = "hail"
    WIND = "wind"
    TORNADO = "tornado"
    HURRICANE = "hurricane"


@dataclass(frozen=True, slots=True)
class Storm:
    """A weather event near a property. `miles` is the distance from the edge of its swath (0 inside)."""

    kind: StormType
    on: date
    miles: float
    hail_inches: float | None = None
    wind_mph: int | None = None
    tornado_rating: str | None = None


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What is known around one property on a day. `neighbor_permits_30d` excludes the property itself."""

    neighbor_permits_30d: int = 0
    last_neighbor_permit: date | None = None
    storms: tuple[Storm, ...] = ()
    roof_age_years: float | None = None
    worst_damage: int | None = None
    analyzed_on: date | None = None
    insurance_claim: date | None = None
    last_sale: date | None = None


@dataclass(frozen=True, slots=True)
class Trigger:
    """An active reason to buy. `strength` 0-100; `key` tells two triggers of one type apart."""

    type: TriggerType
    key: str
    strength: int
    happened_on: date
    expires_at: datetime | None
    evidence: str
    points: int = 0
    urgent: bool = False


NEIGHBOR_RADIUS_MILES = 0.25
NEIGHBOR_MINIMUM = 5
STORM_RADIUS_MILES = 5.0
STORM_WINDOW_DAYS = 90
WIND_MINIMUM_MPH = 60
ROOF_AGE_MINIMUM = 20
SALE_WINDOW_DAYS = 365
DAMAGE_MINIMUM = 50

# Days a trigger stays active, from the event. None: until the roof is replaced.
EXPIRY_DAYS: dict[TriggerType, int | None] = {
    TriggerType.WEATHER_EVENT: 180,
    TriggerType.NEIGHBOR_PERMITS: 90,
    TriggerType.INSURANCE_CLAIM: 365,
    TriggerType.PROPERTY_SALE: 365,
    TriggerType.DAMAGE_DETECTED: 365,
    TriggerType.ROOF_AGE: None,
}

# Points of spec 3.5.1 factor 3; what is not listed earns none there.
MAX_POINTS = 25
POINTS: dict[str, int] = {
    "weather_event:hail": 15,
    "weather_event:wind": 10,
    "weather_event:tornado": 10,
    "weather_event:hurricane": 10,
    "neighbor_permits": 10,
    "insurance_claim": 15,
}

HAIL_STRENGTH = (
    Band(2.5, 100, "hail of 2.5 inches and more"),
    Band(2.0, 95, "hail of 2 inches and more"),
    Band(1.5, 90, "hail of 1.5 inches and more"),
    Band(1.0, 85, "hail of 1 inch and more"),
    Band(0.0, 80, "hail"),
)
WIND_STRENGTH = (
    Band(100, 100, "wind of 100 mph and more"),
    Band(90, 95, "wind of 90 mph and more"),
    Band(80, 90, "wind of 80 mph and more"),
    Band(70, 85, "wind of 70 mph and more"),
    Band(0, 80, "wind above 60 mph"),
)
TORNADO_STRENGTH = {"EF0": 85, "EF1": 90, "EF2": 95, "EF3": 100, "EF4": 100, "EF5": 100}
NEIGHBOR_STRENGTH_MIN, NEIGHBOR_STRENGTH_MAX, NEIGHBOR_STRENGTH_STEP = 70, 90, 2
AGE_STRENGTH_MIN, AGE_STRENGTH_MAX, AGE_STRENGTH_STEP = 50, 70, 2
# By age of the event in days, most recent first: (up to this many days, strength).
CLAIM_STRENGTH = ((30, 100), (90, 95), (365, 90))
SALE_STRENGTH = ((90, 60), (180, 50), (365, 40))


def detect(around: Surroundings, today: date) -> tuple[Trigger, ...]:
    """Every trigger active today, strongest first. One per storm type, from its strongest event."""
    found = (
        _neighbors(around, today),
        *(_storm(around.storms, kind, today) for kind in StormType),
        _age(around, today),
        _damage(around, today),
        _claim(around, today),
        _sale(around, today),
    )
    active = [trigger for trigger in found if trigger is not None and is_active(trigger, _midnight(today))]
    return tuple(sorted(active, key=lambda trigger: (-trigger.strength, trigger.key)))


def is_active(trigger: Trigger, now: datetime) -> bool:
    """Whether the trigger has not expired at `now`."""
    return trigger.expires_at is None or now < trigger.expires_at


def is_urgent(triggers: Sequence[Trigger]) -> bool:
    """Hail or storm damage: the urgency premium of spec 3.5.2."""
    return any(trigger.urgent for trigger in triggers)


def points(triggers: Sequence[Trigger]) -> int:
    """Points of spec 3.5.1 factor 3: each kind once, cumulative, at most 25."""
    return min(MAX_POINTS, sum({trigger.key: trigger.points for trigger in triggers}.values()))


def storm_strength(storm: Storm) -> int | None:
    """80-100 by severity; None when the storm is too weak to count (spec 3.5.3)."""
    if storm.kind is StormType.HAIL:
        return band_for(HAIL_STRENGTH, storm.hail_inches or 0.0).points
    if storm.kind is StormType.TORNADO:
        return TORNADO_STRENGTH.get((storm.tornado_rating or "").upper(), 85)
    if storm.kind is StormType.HURRICANE:
        return max(90, band_for(WIND_STRENGTH, storm.wind_mph or 0).points)
    if storm.wind_mph is None or storm.wind_mph <= WIND_MINIMUM_MPH:
        return None
    return band_for(WIND_STRENGTH, storm.wind_mph).points


def _trigger(
    kind: TriggerType,
    strength: int,
    on: date,
    evidence: str,
    *,
    detail: str | None = None,
    urgent: bool = False,
) -> Trigger:
    key = f"{kind}:{detail}" if detail else str(kind)
    days = EXPIRY_DAYS[kind]
    expires = None if days is None else _midnight(on + timedelta(days=days + 1))
    return Trigger(kind, key, strength, on, expires, evidence, POINTS.get(key, 0), urgent)


def _neighbors(around: Surroundings, today: date) -> Trigger | None:
    count = around.neighbor_permits_30d
    if count < NEIGHBOR_MINIMUM:
        return None
    extra = (count - NEIGHBOR_MINIMUM) * NEIGHBOR_STRENGTH_STEP
    strength = min(NEIGHBOR_STRENGTH_MAX, NEIGHBOR_STRENGTH_MIN + extra)
    evidence = f"{count} roofing permits within {NEIGHBOR_RADIUS_MILES} miles in the last 30 days"
    return _trigger(
        TriggerType.NEIGHBOR_PERMITS,
        strength,
        around.last_neighbor_permit or today,
        evidence,
    )


def _storm(storms: Sequence[Storm], kind: StormType, today: date) -> Trigger | None:
    known = [
        (strength, storm.on, storm)
        for storm in storms
        if storm.kind is kind
        and 0 <= (today - storm.on).days <= STORM_WINDOW_DAYS
        and storm.miles <= STORM_RADIUS_MILES
        and (strength := storm_strength(storm)) is not None
    ]
    if not known:
        return None
    strength, on, storm = max(known, key=lambda row: (row[0], row[1]))
    return _trigger(
        TriggerType.WEATHER_EVENT,
        strength,
        on,
        _storm_evidence(storm, today),
        detail=kind,
        urgent=True,
    )


def _storm_evidence(storm: Storm, today: date) -> str:
    measures = (
        (storm.hail_inches, "{:g} inch hail"),
        (storm.wind_mph, "{} mph wind"),
        (storm.tornado_rating, "{} tornado"),
    )
    size = next(
        (text.format(value) for value, text in measures if value is not None),
        str(storm.kind),
    )
    distance = "at the property" if storm.miles <= 0 else f"{storm.miles:.1f} miles away"
    return f"{size} {distance}, {(today - storm.on).days} days ago"


def _age(around: Surroundings, today: date) -> Trigger | None:
    age = around.roof_age_years
    if age is None or age <= ROOF_AGE_MINIMUM:
        return None
    strength = min(
        AGE_STRENGTH_MAX,
        AGE_STRENGTH_MIN + int(AGE_STRENGTH_STEP * (age - ROOF_AGE_MINIMUM)),
    )
    return _trigger(TriggerType.ROOF_AGE, strength, today, f"roof about {age:.0f} years old")


def _damage(around: Surroundings, today: date) -> Trigger | None:
    worst = around.worst_damage
    if worst is None or worst < DAMAGE_MINIMUM:
        return None
    on = around.analyzed_on or today
    return _trigger(
        TriggerType.DAMAGE_DETECTED,
        min(100, 50 + worst // 2),
        on,
        f"damage of severity {worst} in images",
    )


def _claim(around: Surroundings, today: date) -> Trigger | None:
    return _recent(
        TriggerType.INSURANCE_CLAIM,
        around.insurance_claim,
        today,
        CLAIM_STRENGTH,
        "insurance claim filed",
    )


def _sale(around: Surroundings, today: date) -> Trigger | None:
    return _recent(
        TriggerType.PROPERTY_SALE,
        around.last_sale,
        today,
        SALE_STRENGTH,
        "property sold",
    )


def _recent(
    kind: TriggerType,
    on: date | None,
    today: date,
    table: Sequence[tuple[int, int]],
    what: str,
) -> Trigger | None:
    if on is None or on > today:
        return None
    age = (today - on).days
    strength = next((strength for days, strength in table if age <= days), None)
    return None if strength is None else _trigger(kind, strength, on, f"{what} {age} days ago")


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
