"""Leads and contractors as the steps before ours leave them, and our activities wired as the workers wire them."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from temporalio.testing import ActivityEnvironment

from config.settings import Settings
from domain.address import lead_id_for, parse_address
from domain.matching import Match, Tier
from schema.contracts.base import LeadRef, LeadStatus
from schema.database import Database
from schema.tables import Contractor, RoofAnalysis
from tests.support.sandbox import Sandbox
from workers.factories import FACTORIES
from workers.queues import QUEUES
from workers.resources import Resources
from workflows.options import TaskQueue


@dataclass(frozen=True, slots=True)
class House:
    """A house of the sandbox that has become a lead."""

    lead_id: UUID
    truth: dict[str, Any]

    @property
    def ref(self) -> LeadRef:
        """What workflows pass around."""
        return LeadRef(lead_id=self.lead_id)


async def admit(database: Database, truth: dict[str, Any], *, located: bool = True) -> House:
    """A lead in processing for a house of the sandbox."""
    address = parse_address(truth["address"], truth["city"], truth["state"], truth["zip"])
    lead_id = lead_id_for(address)
    async with database.transaction() as tx:
        await tx.leads.admit(lead_id, address, f"property-{lead_id}")
        if located:
            await tx.leads.save_location(lead_id, truth["lat"], truth["lng"], "geocoder")
    return House(lead_id, truth)


async def publish(database: Database, house: House, contractors: int = 3) -> list[Contractor]:
    """The lead on the market, matched with some contractors whose e-mails are pending."""
    from datetime import UTC, datetime

    now = datetime.now(UTC)
    rows = [
        Contractor(
            company_name=f"Roofer {number}",
            email=f"roofer{number}@contractor.example",
            city=house.truth["city"],
            state=house.truth["state"],
            acquisition_status="active",
        )
        for number in range(contractors)
    ]
    async with database.transaction() as tx:
        tx.session.add_all(rows)
        tx.session.add(RoofAnalysis(base_lead_id=house.lead_id, overall_condition="poor", confidence_score=Decimal(97)))
        await tx.leads.update(house.lead_id, quality_score=85, grade="B", price=Decimal("125.00"))
        await tx.leads.set_status(house.lead_id, LeadStatus.AVAILABLE)
        await tx.session.flush()
        await tx.notifications.announce(house.lead_id, [Match(row.id, Tier.ENTERPRISE, now) for row in rows])
    return rows


@asynccontextmanager
async def activities(settings: Settings, queue: TaskQueue, kind: type | None = None) -> AsyncIterator[Any]:
    """The activities of a queue (of this class, else of its first), built as its worker builds them."""
    kinds = QUEUES[queue].activities
    async with AsyncExitStack() as stack:
        yield FACTORIES[queue][kinds.index(kind or kinds[0])](Resources(settings, stack))


async def run(method: Any, argument: Any) -> Any:
    """An activity method inside an activity's context."""
    return await ActivityEnvironment().run(method, argument)


def houses(sandbox: Sandbox) -> list[dict[str, Any]]:
    """The truth of every house, in a fixed order."""
    found: list[dict[str, Any]] = sandbox.get("/control/houses")
    return found
