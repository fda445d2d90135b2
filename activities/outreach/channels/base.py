"""What a touch is made of, and what every channel can do with it."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Protocol
from uuid import UUID

from activities.effects import Find, Gate, Outcome, Perform, Record, perform_once
from domain.compliance import LetterParts
from schema.contracts.outreach import TouchRef
from schema.database import Database
from schema.tables import Contractor, Mailbox, OutreachCampaign, OutreachTouchpoint, SequenceEnrollment

KIND = "touch"
SEARCH_SETTLES = timedelta(hours=1)
"""A message that a vendor's search does not show so long after it was begun was never sent."""


@dataclass(frozen=True, slots=True)
class Case:
    """One touch with the rows it is about, as they were when it was opened."""

    touch: TouchRef
    touchpoint: OutreachTouchpoint = field(repr=False)
    campaign: OutreachCampaign = field(repr=False)
    contractor: Contractor = field(repr=False)
    enrollment: SequenceEnrollment = field(repr=False)
    now: datetime
    mailbox: Mailbox | None = field(default=None, repr=False)

    @property
    def key(self) -> str:
        """The effect's key."""
        return effect_key(self.touch)

    @property
    def extra(self) -> dict[str, Any]:
        """What an earlier attempt kept with the touch."""
        return dict(self.touchpoint.extra or {})


@dataclass(frozen=True, slots=True)
class Draft:
    """A message ready to go. `payload` is what the vendor's client takes; `extra` is kept with the touch."""

    payload: Any = field(repr=False)
    message: str | None = field(default=None, repr=False)
    subject: str | None = field(default=None, repr=False)
    variant: str | None = None
    letter: LetterParts | None = None
    """E-mail only."""
    extra: Mapping[str, Any] = field(default_factory=dict, repr=False)


class Unsendable(Exception):
    """There is nothing to send: `reason` is a stable code."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Sender(Protocol):
    """One channel. `price`: US dollars of one touch, None where that is only known later."""

    @property
    def price(self) -> Decimal | None:
        """See above."""

    def address(self, contractor: Contractor) -> str | None:
        """Where the contractor is reached on this channel, in its one form; None: nowhere."""

    async def compose(self, case: Case) -> Draft:
        """The message. Only reads from vendors; raises Unsendable, or a VendorError when it cannot do without one."""

    async def perform(self, case: Case, draft: Draft | None, record: Record, gate: Gate) -> Outcome:
        """Makes the touch at most once, as `activities.effects.perform_once` does.

        Without a draft, and with a gate that is shut, an earlier attempt is cleared up: the vendor is asked
        for it, and nothing is sent.
        """


async def perform(
    db: Database,
    case: Case,
    effect: Perform,
    find: Find,
    record: Record,
    gate: Gate,
    search_settles: timedelta | None = None,
) -> Outcome:
    """`perform_once` for a touch."""
    return await perform_once(
        db,
        case.key,
        KIND,
        case.touchpoint.id,
        effect=effect,
        find=find,
        record=record,
        gate=gate,
        search_settles=search_settles,
    )


def payload_of(draft: Draft | None) -> Any:
    """What is handed to the vendor. Raises ValueError without a draft: an effect is reached with one only."""
    if draft is None:
        raise ValueError("nothing was composed")
    return draft.payload


def effect_key(touch: TouchRef) -> str:
    """The ledger's key of a touch."""
    return f"touch-{touch.campaign_id}-{touch.contractor_id}-{touch.key}"


def short_token(touchpoint_id: UUID) -> str:
    """A touch's id in 22 characters, for links in texts."""
    return base64.urlsafe_b64encode(touchpoint_id.bytes).rstrip(b"=").decode()


def from_short_token(token: str) -> UUID | None:
    """The id of a token made by `short_token`; None for any other."""
    try:
        return UUID(bytes=base64.urlsafe_b64decode(token + "=="))
    except ValueError:
        return None
