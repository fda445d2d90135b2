"""What a lead cost is the exact sum of its vendor calls, however often it is added up."""

from decimal import Decimal
from uuid import uuid4

from config.settings import Settings
from integrations.http import ApiCall
from schema.contracts.property import LeadCost
from schema.database import Database
from tests.integration.lead_world import activities, admit, houses, run
from tests.support.sandbox import Sandbox
from workflows.options import TaskQueue

CENTS = ["0.0020", "0.0070", "0.0070", "0.0070", "0.0070", "0.0050", "0.0049", "0.1000", "0"]


async def test_the_sum_is_exact_and_stable(settings: Settings, database: Database, sandbox: Sandbox) -> None:
    house = await admit(database, houses(sandbox)[0])
    async with database.transaction() as tx:
        for price in CENTS:
            await tx.usage.record(ApiCall("vendor", "call", "GET", 200, 5, Decimal(price)), house.lead_id)
        await tx.usage.record(ApiCall("vendor", "call", "GET", 200, 5, Decimal(9)), uuid4())
        await tx.usage.record(ApiCall("vendor", "call", "GET", 200, 5, Decimal(9)))
    async with activities(settings, TaskQueue.BILLING) as billing:
        for _ in range(2):
            assert await run(billing.settle_lead_cost, house.ref) == LeadCost(cost=Decimal("0.1399"))
    async with database.transaction() as tx:
        lead = await tx.leads.get(house.lead_id)
    assert lead is not None
    assert lead.vendor_cost == Decimal("0.1399")


async def test_a_lead_without_calls_cost_nothing(settings: Settings, database: Database, sandbox: Sandbox) -> None:
    house = await admit(database, houses(sandbox)[0])
    async with activities(settings, TaskQueue.BILLING) as billing:
        assert await run(billing.settle_lead_cost, house.ref) == LeadCost(cost=Decimal(0))
