"""How a call stands and what its provider reports of it, in words that do not depend on the provider."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum


class CallStatus(StrEnum):
    """The words of `ai_call_logs.status` (spec 4.5.4)."""

    INITIATED = "initiated"
    RINGING = "ringing"
    ANSWERED = "answered"
    COMPLETED = "completed"
    """Over, and somebody spoke with us."""
    FAILED = "failed"
    NO_ANSWER = "no_answer"
    VOICEMAIL = "voicemail"
    BUSY = "busy"


OVER = frozenset({CallStatus.COMPLETED, CallStatus.FAILED, CallStatus.NO_ANSWER, CallStatus.VOICEMAIL, CallStatus.BUSY})
UNREACHED = OVER - {CallStatus.COMPLETED}
"""Over, and nobody was spoken with."""

RANK: dict[CallStatus, int] = {
    CallStatus.INITIATED: 0,
    CallStatus.RINGING: 1,
    CallStatus.ANSWERED: 2,
    **dict.fromkeys(sorted(UNREACHED), 3),
    CallStatus.COMPLETED: 4,
}
"""Reports come in any order and more than once: only a higher rank replaces what is known."""

ASSISTANT = "AI"
CUSTOMER = "User"
"""Who speaks, at the start of each line of a transcript: `AI: ...`, `User: ...`."""


@dataclass(frozen=True, slots=True)
class CallReport:
    """What a provider says of a call. `cost` in US dollars; `repr` shows no words and no address."""

    call_id: str
    provider: str
    status: CallStatus
    transcript: str | None = field(default=None, repr=False)
    summary: str | None = field(default=None, repr=False)
    recording_url: str | None = field(default=None, repr=False)
    duration_seconds: int | None = None
    cost: Decimal | None = None
    ended_reason: str | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None

    @property
    def over(self) -> bool:
        """Whether nothing more will come of it."""
        return self.status in OVER


def customer_spoke(transcript: str | None) -> bool:
    """Whether the other side said anything at all."""
    mark = f"{CUSTOMER}:"
    lines = (transcript or "").splitlines()
    return any(line.strip().startswith(mark) and line.strip()[len(mark) :].strip() for line in lines)
