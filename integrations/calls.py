"""AI calls behind one interface: Vapi, or Bland.ai in its place (spec 3.6.4, channel 2; 7.2).

Decimal prices, E.164 numbers, times in UTC. Providers raise VendorErrors whose kind says whether the call
may have been placed. A call carries our effect's key, so that a lost answer is resolved by asking for it.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, Protocol

from schema.calls import CallReport, CallStatus

if TYPE_CHECKING:
    from config.settings import Settings
    from integrations.http import CallMeter

__all__ = [
    "CallEvent",
    "CallOrder",
    "CallProvider",
    "CallReport",
    "CallScript",
    "CallStatus",
    "call_provider",
    "digest_of",
]

KEY_FIELD = "effect_key"
TOUCHPOINT_FIELD = "touchpoint_id"
"""Names of our references in a call's metadata; they come back with every report."""

MAX_CALL_SECONDS = 600
DIGEST_CHARACTERS = 40
SEARCH_DAYS = 14
"""How far back a call is looked for: longer than any activity is retried."""


@dataclass(frozen=True, slots=True)
class CallScript:
    """What the assistant says and how. `system_prompt` holds the script; `repr` shows none of it."""

    first_message: str = field(repr=False)
    system_prompt: str = field(repr=False)
    voice_id: str
    end_message: str = field(default="Thank you for your time. Goodbye.", repr=False)
    max_seconds: int = MAX_CALL_SECONDS


@dataclass(frozen=True, slots=True)
class CallOrder:
    """One call to be placed. `key` is the effect's key, `to` an E.164 number; `metadata` holds ids only."""

    key: str
    to: str = field(repr=False)
    script: CallScript
    metadata: Mapping[str, str] = field(default_factory=dict)

    @property
    def references(self) -> dict[str, str]:
        """The metadata a provider keeps with the call."""
        return {**self.metadata, KEY_FIELD: self.key}


@dataclass(frozen=True, slots=True)
class CallEvent:
    """A provider's webhook message about a call. `event_id` is the same for every delivery of it."""

    event_id: str
    call_id: str
    report: CallReport
    touchpoint_id: str | None = None
    at: datetime | None = None
    """When it happened, by the provider's clock."""


class CallProvider(Protocol):
    """Somebody who makes calls for us."""

    @property
    def name(self) -> str:
        """As in `ai_call_logs.call_provider`."""

    async def place(self, order: CallOrder) -> str:
        """Places the call; returns the provider's id of it. Never tries twice."""

    async def find(self, key: str) -> str | None:
        """The id of the call placed under this key in the last `SEARCH_DAYS` days, or None."""

    async def fetch(self, call_id: str) -> CallReport:
        """How the call stands now."""

    async def close(self) -> None:
        """Lets go of connections."""


def call_provider(settings: "Settings", meter: "CallMeter") -> CallProvider:
    """The provider that `settings.call_provider` names."""
    if settings.call_provider == "bland_ai":
        from integrations.bland_calls import BlandCalls

        return BlandCalls.from_settings(settings, meter)
    from integrations.vapi_calls import VapiCalls

    return VapiCalls.from_settings(settings, meter)


def digest_of(key: str) -> str:
    """An effect's key as a name of at most 40 characters, which is what Vapi lets a call have."""
    return "rl-" + hashlib.sha256(key.encode()).hexdigest()[: DIGEST_CHARACTERS - 3]


# Reading what providers answer: every field may be missing or of another type.


def text_in(data: object, *path: str) -> str | None:
    """The non-empty text at a path of nested objects, or None."""
    for name in path:
        data = data.get(name) if isinstance(data, Mapping) else None
    return data if isinstance(data, str) and data.strip() else None


def money(value: object) -> Decimal | None:
    """A price as it was written, or None if it is none."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        return None
    return amount.quantize(Decimal("0.0001")) if amount.is_finite() and 0 <= amount < 100_000 else None


def moment(value: object) -> datetime | None:
    """A time in UTC from ISO 8601 text or a datetime; what has no zone is UTC. None if it is none."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return None
    if not isinstance(value, datetime):
        return None
    return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)


def unix_moment(value: Any) -> datetime | None:
    """A time in UTC from Unix milliseconds, or None."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e14:
        return None
    return datetime.fromtimestamp(value / 1000, UTC)


def seconds_between(started: datetime | None, ended: datetime | None) -> int | None:
    """Whole seconds of a call, or None where an end is missing."""
    if started is None or ended is None or ended < started:
        return None
    return round((ended - started).total_seconds())
