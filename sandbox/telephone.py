"""The sandbox's telephone network: every call any of its call vendors placed, and how each went."""

from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from sandbox.conversations import Conversation, converse, next_afternoon, outcome_for

CALL_IDS = UUID("0f0c7a52-7d8e-5d1b-9f0a-6d7b1a5f4c11")
MAX_CALLS = 20_000


@dataclass(slots=True)
class Call:
    """One call. `request` is what the vendor was asked; `ended_at` is None while it is under way."""

    id: str
    vendor: str
    number: str
    request: dict[str, Any]
    created_at: datetime
    conversation: Conversation
    metadata: dict[str, str] = field(default_factory=dict)
    ended_at: datetime | None = None
    reports: int = 0

    @property
    def started_at(self) -> datetime:
        """When it began: as long before its end as it lasted, though the sandbox takes no such time."""
        if self.ended_at is None:
            return self.created_at
        return self.ended_at - timedelta(seconds=self.conversation.seconds)

    def end(self) -> None:
        """It is over; ending it again changes nothing."""
        if self.ended_at is None:
            self.ended_at = datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Told:
    """How a call's end is reported: how often, altered after signing or not, seconds by which its clock is off."""

    copies: int = 1
    tamper: bool = False
    timestamp_offset: int = 0


Report = Callable[[Call, Told], Awaitable[list[int]]]
"""Sends what a vendor says at the end of a call; returns the statuses of the answers."""


class Telephone:
    """The calls of all vendors, the scripts for numbers, and what to do when a call is placed."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.calls: dict[str, Call] = {}
        self.scripts: dict[str, tuple[str, datetime | None]] = {}
        self.auto = False
        self.reporters: dict[str, Report] = {}
        self._serial = 0

    def clear(self) -> int:
        """Forget calls, scripts and settings; returns how many calls there were."""
        count = len(self.calls)
        self.calls.clear()
        self.scripts.clear()
        self.auto = False
        return count

    def place(self, vendor: str, number: str, opening: str, request: dict[str, Any], metadata: dict[str, str]) -> Call:
        """A new call to a number."""
        self._serial += 1
        now = datetime.now(UTC)
        outcome, at = self.scripts.get(number, (outcome_for(self.seed, number), None))
        call = Call(
            id=str(uuid5(CALL_IDS, f"{self.seed} {now.isoformat()} {self._serial}")),
            vendor=vendor,
            number=number,
            request=request,
            created_at=now,
            conversation=converse(outcome, opening, at or next_afternoon(now)),
            metadata=metadata,
        )
        self.calls[call.id] = call
        while len(self.calls) > MAX_CALLS:
            self.calls.pop(next(iter(self.calls)))
        return call

    def of_vendor(self, vendor: str) -> list[Call]:
        """Its calls, newest first."""
        return [call for call in reversed(self.calls.values()) if call.vendor == vendor]

    def find(self, call_id: str | None, number: str | None) -> Call | None:
        """A call by its id, else the newest one to a number."""
        if call_id is not None:
            return self.calls.get(call_id)
        return next((call for call in reversed(self.calls.values()) if call.number == number), None)

    async def end(self, call: Call, told: Told) -> list[int]:
        """The call ends and its vendor says so."""
        call.end()
        call.reports += told.copies
        return await self.reporters[call.vendor](call, told) if told.copies else []

    def said_in(self, text: str) -> Conversation | None:
        """The conversation whose words are in this text; None if it holds none of ours."""
        lines = " ".join(text.split())
        found = [
            call.conversation
            for call in self.calls.values()
            if call.conversation.turns and all(" ".join(words.split()) in lines for _, words in call.conversation.turns)
        ]
        return max(found, key=lambda conversation: len(conversation.turns), default=None)

    def report(self) -> dict[str, Any]:
        """All calls, and how many each number and each effect's key got."""
        calls = list(self.calls.values())
        return {
            "count": len(calls),
            "by_number": dict(Counter(call.number for call in calls)),
            "by_key": dict(Counter(call.metadata.get("effect_key", "") for call in calls)),
            "calls": [_plain(call) for call in calls],
        }


def _plain(call: Call) -> dict[str, Any]:
    return {
        "id": call.id,
        "vendor": call.vendor,
        "number": call.number,
        "outcome": call.conversation.outcome,
        "metadata": call.metadata,
        "created_at": call.created_at.isoformat(),
        "ended_at": call.ended_at.isoformat() if call.ended_at else None,
        "reports": call.reports,
        "transcript": call.conversation.transcript,
        "truth": call.conversation.truth,
        "request": call.request,
    }
