"""Campaigns, contractors and what was sent to them, as outreach leaves them behind."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

from schema.contracts.ids import sequence_workflow_id
from schema.database import Database
from schema.tables import Contractor, Mailbox, OutreachCampaign, OutreachTouchpoint, SequenceEnrollment
from schema.tables.base import Table

NOW = datetime.now(UTC).replace(microsecond=0)
LONG_AGO = NOW - timedelta(days=10)


async def add(database: Database, *rows: Table) -> None:
    """Stores rows in their order."""
    async with database.transaction() as tx:
        for row in rows:
            tx.session.add(row)
            await tx.session.flush()


async def add_all(database: Database, rows: Sequence[Table]) -> None:
    """Stores many rows at once."""
    async with database.transaction() as tx:
        tx.session.add_all(rows)


def contractor(number: int = 0, **values: Any) -> Contractor:
    """A contractor in Austin that a campaign may be for."""
    return Contractor(
        **{
            "id": uuid4(),
            "company_name": f"Roofer {number}",
            "email": f"roofer{number}@company{number}.example",
            "city": "Austin",
            "state": "TX",
            "timezone": "America/Chicago",
            "priority_score": Decimal(50),
            "fit_score": 50,
            **values,
        }
    )


def campaign(**values: Any) -> OutreachCampaign:
    """An active campaign for Austin."""
    return OutreachCampaign(
        **{
            "id": uuid4(),
            "name": "Austin",
            "type": "cold_outreach",
            "target_city": "Austin",
            "target_state": "TX",
            "channels": ["email", "call", "sms"],
            "target_criteria": {},
            "status": "active",
            **values,
        }
    )


def mailbox(number: int = 0, **values: Any) -> Mailbox:
    """A mailbox that is warm."""
    return Mailbox(**{"id": uuid4(), "address": f"anna{number}@sender.example", "display_name": "Anna", **values})


def enrolled(campaign_id: UUID, contractor_id: UUID, **values: Any) -> SequenceEnrollment:
    """A contractor in a campaign for ten days."""
    return SequenceEnrollment(
        **{
            "campaign_id": campaign_id,
            "contractor_id": contractor_id,
            "workflow_id": sequence_workflow_id(campaign_id, contractor_id),
            "enrolled_at": LONG_AGO,
            "phase_started_at": LONG_AGO,
            **values,
        }
    )


def touch(campaign_id: UUID | None, contractor_id: UUID, **values: Any) -> OutreachTouchpoint:
    """An e-mail sent ten days ago, of which nothing has been heard."""
    return OutreachTouchpoint(
        **{
            "id": uuid4(),
            "campaign_id": campaign_id,
            "contractor_id": contractor_id,
            "channel": "email",
            "status": "sent",
            "sent_at": LONG_AGO,
            "purpose": "outreach",
            **values,
        }
    )
