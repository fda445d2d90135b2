"""What came in from outside, in our own words whatever the vendor's: the payload of an inbox row.

A row keeps what was read of a delivery rather than the delivery: an event can be derived from it again at
any time, and attachments, headers and recordings that nobody reads are not kept.
"""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from pydantic import ConfigDict, Field

from schema.contracts.base import Contract
from schema.contracts.outreach import ContactEvent


class FactKind(StrEnum):
    """What a delivery says. The first group is about a message of ours, the second about what people do."""

    DELIVERED = "delivered"
    OPENED = "opened"
    CLICKED = "clicked"
    FAILED = "failed"
    """It will not arrive, for a reason that says nothing of the address."""
    BOUNCED = "bounced"
    """There is no such address."""
    COMPLAINED = "complained"
    UNSUBSCRIBED = "unsubscribed"

    REPLY = "reply"
    """An e-mail to us."""
    TEXT = "text"
    """A text message to us."""
    CALL_PROGRESS = "call_progress"
    CALL_ENDED = "call_ended"
    MEETING_BOOKED = "meeting_booked"
    MEETING_CANCELED = "meeting_canceled"
    MEETING_MISSED = "meeting_missed"

    NOTHING = "nothing"
    """Nothing that we act on; `reason` says why it is kept all the same."""


class Fact(Contract):
    """One thing that happened. Its `repr` shows nothing that somebody wrote or can be reached at."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    kind: FactKind
    at: datetime
    """By the vendor's clock; by ours where the vendor does not say."""
    touchpoint_id: UUID | None = None
    notification_id: UUID | None = None
    external_id: str | None = Field(default=None, max_length=500, repr=False)
    """The vendor's own id of the message, call or meeting it is about."""
    address: str | None = Field(default=None, max_length=320, repr=False)
    """Whose: an e-mail address, or a number in E.164."""
    tokens: tuple[UUID, ...] = Field(default=(), max_length=10)
    """Touchpoints named by the addresses that a reply went to."""
    subject: str | None = Field(default=None, repr=False)
    text: str | None = Field(default=None, repr=False)
    automatic: bool = False
    """Written by a machine: an absence notice, a ticket number."""
    reason: str | None = Field(default=None, max_length=100)
    """A stable code of ours."""
    details: dict[str, Any] = Field(default_factory=dict, repr=False)
    """The report of a call or the particulars of a meeting."""


class Notice(Contract):
    """An event on its way to one sequence."""

    campaign_id: UUID
    contractor_id: UUID
    event: ContactEvent
    also: str | None = None
    """Another workflow that waits for it, by id."""
