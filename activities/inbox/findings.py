"""What follows from a fact."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from schema.contracts.inbox import Notice
from schema.contracts.outreach import ContactEvent, EventKind
from schema.repositories.inbox import InboxItem


class Sequenced(Protocol):
    """A contractor in a campaign."""

    @property
    def campaign_id(self) -> UUID:
        """The campaign."""

    @property
    def contractor_id(self) -> UUID:
        """The contractor."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Events to pass on, or the reason (a stable code) why a fact leads to nothing."""

    notices: Sequence[Notice] = ()
    ignored: str | None = None


def notices(
    item: InboxItem,
    kind: EventKind,
    sequences: Iterable[Sequenced],
    *,
    until: datetime | None = None,
    touchpoint_id: UUID | None = None,
    meeting_id: UUID | None = None,
) -> list[Notice]:
    """One event for every sequence. Its id follows from the vendor's, so that telling it twice tells it once."""
    event = ContactEvent(
        event_id=item.key,
        kind=kind,
        at=item.fact.at,
        until=until,
        touchpoint_id=touchpoint_id,
        meeting_id=meeting_id,
    )
    return [Notice(campaign_id=each.campaign_id, contractor_id=each.contractor_id, event=event) for each in sequences]
