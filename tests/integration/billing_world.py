"""Everything a subscription needs, for real: the API on a port, workers, the sandbox's Stripe that calls back."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import httpx
import uvicorn
from sqlalchemy import text
from temporalio.client import Client

from api.app import create_app
from config.settings import Settings
from schema.contracts.ids import onboarding_workflow_id
from schema.contracts.onboarding import OnboardingStatus
from schema.database import Database
from schema.tables import Contractor, PromoCode
from stack.ports import pick
from tests.support.sandbox import Sandbox
from workers.resources import Resources
from workers.runner import build_worker
from workflows.onboarding import ContractorOnboardingWorkflow
from workflows.options import TaskQueue

SERVED = (TaskQueue.ORCHESTRATION, TaskQueue.BILLING, TaskQueue.MESSAGING)
PATIENCE = 30.0
CARD, DECLINED_CARD, ASKING_CARD = "pm_card_visa", "pm_card_chargeCustomerFail", "pm_card_authenticationRequired"


@dataclass
class Billing:
    """The API, the database, Temporal and Stripe of one test."""

    api: httpx.AsyncClient
    settings: Settings
    database: Database
    temporal: Client
    sandbox: Sandbox
    numbers: list[int] = field(default_factory=lambda: list(range(1, 100)))

    # Who, and what they do.

    async def contractor(self, **values: Any) -> UUID:
        """A roofing company in Austin that nobody has signed up yet."""
        number = self.numbers.pop(0)
        row = Contractor(
            **{
                "id": uuid4(), "company_name": f"Roofer {number}", "email": f"roofer{number}@contractor.example",
                "city": "Austin", "state": "TX", "timezone": "America/Chicago", "acquisition_status": "negotiating",
            } | values
        )  # fmt: skip
        async with self.database.transaction() as tx:
            tx.session.add(row)
        return row.id

    async def promo(self, contractor_id: UUID, code: str = "ROOF-7K4M", percent_off: int = 50) -> str:
        """A code of the contractor's own."""
        async with self.database.transaction() as tx:
            tx.session.add(PromoCode(code=code, contractor_id=contractor_id, channel="email", percent_off=percent_off))
        return code

    async def choose(self, contractor_id: UUID, tier: str = "starter", card: str = CARD, **more: Any) -> httpx.Response:
        """Chooses a tier over the API."""
        body = {"tier": tier, "payment_method": card, **more}
        return await self.api.post(f"/contractors/{contractor_id}/subscription", json=body)

    async def subscribed(self, tier: str = "starter", **more: Any) -> UUID:
        """A contractor whose first month is paid and who has been welcomed."""
        contractor_id = await self.contractor()
        if more.pop("promo", False):
            more["promo_code"] = await self.promo(contractor_id)
        answer = await self.choose(contractor_id, tier, **more)
        assert answer.status_code == 202, answer.text
        await self.until(contractor_id, state="active")
        await self.mail(contractor_id, "training call")
        return contractor_id

    async def view(self, contractor_id: UUID) -> dict[str, Any]:
        """The subscription as the API shows it."""
        answer = await self.api.get(f"/contractors/{contractor_id}/subscription")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def until(self, contractor_id: UUID, **wanted: Any) -> dict[str, Any]:
        """Waits for the API to show these values."""
        return await self.wait(
            lambda: self.view(contractor_id), lambda view: {name: view[name] for name in wanted} == wanted
        )

    async def status(self, contractor_id: UUID) -> OnboardingStatus:
        """What the workflow says."""
        handle = self.temporal.get_workflow_handle(onboarding_workflow_id(contractor_id))
        return await handle.query(ContractorOnboardingWorkflow.status)

    async def stir(self, contractor_id: UUID) -> None:
        """Lets the workflow look at the database again, where a test has moved a moment."""
        handle = self.temporal.get_workflow_handle(onboarding_workflow_id(contractor_id))
        await handle.signal(ContractorOnboardingWorkflow.look_again)

    async def wait(self, look: Callable[[], Awaitable[Any]], holds: Callable[[Any], bool]) -> Any:
        """What `look` sees once it holds."""
        seen: Any = None
        try:
            async with asyncio.timeout(PATIENCE):
                while not holds(seen := await look()):
                    await asyncio.sleep(0.02)
        except TimeoutError:
            raise AssertionError(f"waited in vain; last seen: {seen}") from None
        return seen

    async def mail(self, contractor_id: UUID, subject: str) -> dict[str, Any]:
        """The letter to the contractor whose subject holds these words, once it has arrived."""
        [address] = [
            row.email for row in await self.rows("SELECT email FROM contractors WHERE id = :id", id=contractor_id)
        ]

        async def look() -> list[dict[str, Any]]:
            mails = (await asyncio.to_thread(self.sandbox.get, "/control/mailbox", to=address))["mails"]
            return [mail for mail in mails if subject.lower() in mail["subject"].lower()]

        found = await self.wait(look, bool)
        assert len(found) == 1, "a letter goes out once"
        letter: dict[str, Any] = found[0]
        return letter

    # Rows.

    async def rows(self, sql: str, **values: Any) -> list[Any]:
        """Rows of a query."""
        async with self.database.transaction() as tx:
            result = await tx.session.execute(text(sql), values)
            return list(result.all()) if result.returns_rows else []

    async def events(self, contractor_id: UUID) -> list[str]:
        """Types of the contractor's events, oldest first."""
        async with self.database.transaction() as tx:
            found = await tx.events.of("contractor", contractor_id)
        return [str(event.event_type) for event in reversed(found)]

    # Stripe.

    async def stripe(self) -> dict[str, Any]:
        """Stripe's books."""
        found: dict[str, Any] = await asyncio.to_thread(self.sandbox.get, "/control/stripe")
        return found

    async def control(self, path: str, **body: Any) -> Any:
        """One of the sandbox's handles on Stripe."""
        return await asyncio.to_thread(lambda: self.sandbox.post(f"/control/stripe/{path}", **body))

    async def control_webhooks(self, base_url: str) -> None:
        """Where Stripe's webhooks go; nowhere with an empty address."""
        await asyncio.to_thread(lambda: self.sandbox.post("/control/webhooks", base_url=base_url))

    async def subscription_at_stripe(self) -> str:
        """The id of the only subscription."""
        [found] = (await self.stripe())["subscriptions"]
        return str(found["id"])

    async def balanced(self, contractor_id: UUID) -> tuple[Decimal, Decimal]:
        """What our ledger says came in and went back, after asserting that Stripe says the same to the cent."""
        async with self.database.transaction() as tx:
            paid, back = await tx.billing.sums(contractor_id)
        books = await self.stripe()
        assert (int(paid * 100), int(back * 100)) == (books["taken"], books["given_back"])
        # A letter may be under way; nothing may stay so, nor be for a person to look at.
        await self.wait(
            lambda: self.rows("SELECT key, state FROM effects WHERE state <> 'done'"), lambda left: not left
        )
        return paid, back


@asynccontextmanager
async def billing(settings: Settings, database: Database, temporal: Client, sandbox: Sandbox) -> AsyncIterator[Billing]:
    """The API served on a port, workers of the three queues, and Stripe's webhooks on their way to the API."""
    port = pick([])
    settings = settings.model_copy(update={"public_url": f"http://127.0.0.1:{port}"})
    server = uvicorn.Server(
        uvicorn.Config(create_app(settings), host="127.0.0.1", port=port, log_config=None, access_log=False)
    )
    serving = asyncio.create_task(server.serve())
    async with AsyncExitStack() as stack:
        for queue in SERVED:
            # Each queue has its own resources, as it has where every worker is a process.
            worker = build_worker(temporal, queue, Resources(settings, stack))
            await stack.enter_async_context(worker)
        api = await stack.enter_async_context(httpx.AsyncClient(base_url=settings.public_url, timeout=60))
        while not server.started:
            await asyncio.sleep(0.01)
        await asyncio.to_thread(lambda: sandbox.post("/control/webhooks", base_url=settings.public_url))
        yield Billing(api, settings, database, temporal, sandbox)
        await asyncio.to_thread(lambda: sandbox.post("/control/webhooks", base_url=""))
    server.should_exit = True
    await serving
