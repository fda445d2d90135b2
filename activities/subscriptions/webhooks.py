"""What an event of Stripe's says to us: whose subscription to look at, and why."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from schema.contracts.onboarding import BillingEvent, BillingEventKind

SOURCE = "stripe"

KINDS: dict[str, BillingEventKind] = {
    "invoice.paid": BillingEventKind.PAID,
    "invoice.payment_failed": BillingEventKind.FAILED,
    "invoice.payment_action_required": BillingEventKind.ACTION_NEEDED,
    "customer.subscription.updated": BillingEventKind.CHANGED,
    "customer.subscription.deleted": BillingEventKind.ENDED,
}
"""Events that a subscription's workflow looks at Stripe for; all others are kept and passed over."""


class UnreadableEvent(ValueError):
    """A signed delivery that is no event."""


@dataclass(frozen=True, slots=True)
class StripeNotice:
    """An event, without what it says of anybody. `contractor_id` is our own label, where the object carries it."""

    event_id: str
    event_type: str
    at: datetime
    kind: BillingEventKind | None = None
    contractor_id: UUID | None = None
    customer: str | None = None

    @property
    def event(self) -> BillingEvent | None:
        """The signal it becomes; None: nothing that a subscription minds."""
        if self.kind is None:
            return None
        return BillingEvent(event_id=f"{SOURCE}:{self.event_id}", kind=self.kind, at=self.at)


def notice_of(payload: bytes | Mapping[str, Any]) -> StripeNotice:
    """Reads an event, as bytes or decoded. Raises UnreadableEvent for what is none."""
    try:
        event = payload if isinstance(payload, Mapping) else json.loads(payload)
        subject = event["data"]["object"]
        customer = subject.get("customer")
        return StripeNotice(
            event_id=_short(event["id"]),
            event_type=_short(event["type"]),
            at=datetime.fromtimestamp(event["created"], UTC),
            kind=KINDS.get(event["type"]),
            contractor_id=_label(subject),
            customer=customer if isinstance(customer, str) else None,
        )
    except (KeyError, TypeError, AttributeError, ValueError, OverflowError, OSError, RecursionError) as failure:
        raise UnreadableEvent("this is no event") from failure


def _short(text: Any) -> str:
    if not isinstance(text, str) or not 0 < len(text) <= 200:
        raise UnreadableEvent("this is no event")
    return text


def _label(subject: Mapping[str, Any]) -> UUID | None:
    details = (subject.get("parent") or {}).get("subscription_details") or {}
    for labels in (subject.get("metadata"), details.get("metadata")):
        label = (labels or {}).get("contractor_id")
        if isinstance(label, str):
            try:
                return UUID(label)
            except ValueError:
                continue
    return None
