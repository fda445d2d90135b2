"""What the discovery tests share: the activities on real clients, the sandbox's companies, Austin as it is."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, TypeVar
from uuid import UUID, uuid4

from sqlalchemy import func, select
from sqlmodel import col
from temporalio.common import RetryPolicy
from temporalio.testing import ActivityEnvironment

from activities.discovery.activities import DiscoveryActivities
from activities.profiles.activities import ProfileActivities
from config.settings import Settings
from integrations.google_places import GooglePlaces
from integrations.yelp import YelpFusion
from schema.contracts.outreach import ContractorRef, DiscoveredContractors, DiscoveryRequest
from schema.database import Database
from schema.tables import ApiUsageLog, Contractor, ScrapingJob, SystemEvent
from tests.support.sandbox import Sandbox
from workers.factories import _profiles
from workers.resources import Resources

ATTEMPTS = 10
T = TypeVar("T")


@dataclass
class DiscoveryWorld:
    """The discovery and profile activities with the sandbox as the world outside."""

    db: Database
    sandbox: Sandbox
    resources: Resources
    run_id: str = field(default_factory=lambda: str(uuid4()))

    @property
    def discovery(self) -> DiscoveryActivities:
        """The discovery activities; Google's next page is asked for at once instead of after a moment."""
        settings, vendor = self.resources.settings, self.resources.vendor

        async def at_once(_: float) -> None:
            return None

        return DiscoveryActivities(
            self.db,
            GooglePlaces(vendor("google_maps", settings.google_maps_base_url), "key", pause=at_once),
            YelpFusion(vendor("yelp", settings.yelp_base_url), settings.yelp_api_key.get_secret_value()),
        )

    @cached_property
    def profiles(self) -> ProfileActivities:
        """The profile activities, made as a worker makes them."""
        return _profiles(self.resources)

    @cached_property
    def companies(self) -> list[dict[str, Any]]:
        """The sandbox's truth."""
        found: list[dict[str, Any]] = self.sandbox.get("/control/companies")
        return found

    async def run(self, method: Callable[..., Awaitable[T]], argument: Any, attempt: int = 1) -> T:
        """Run an activity as Temporal would, on the given attempt of ten."""
        environment = ActivityEnvironment()
        environment.info = replace(
            environment.info,
            attempt=attempt,
            retry_policy=RetryPolicy(maximum_attempts=ATTEMPTS),
            scheduled_time=datetime.now(UTC),
            workflow_run_id=self.run_id,
        )
        return await environment.run(method, argument)

    async def discover(self, attempt: int = 1, **changes: Any) -> DiscoveredContractors:
        """Discover Austin's contractors."""
        request = DiscoveryRequest(city="Austin", state="TX", **changes)
        return await self.run(self.discovery.discover_contractors, request, attempt)

    async def enrich(self, contractor_id: UUID, attempt: int = ATTEMPTS) -> Any:
        """Complete a contractor's profile, without another try to wait for unless `attempt` says so."""
        return await self.run(self.profiles.enrich_contractor, ContractorRef(contractor_id=contractor_id), attempt)

    async def contractors(self) -> list[Contractor]:
        """All there are."""
        async with self.db.transaction() as tx:
            return list(await tx.session.scalars(select(Contractor).order_by(col(Contractor.id))))

    async def contractor(self, company: dict[str, Any]) -> Contractor:
        """The contractor that a company of the sandbox became."""
        ids = {*company["google"], *company["yelp"]}
        return next(row for row in await self.contractors() if ids & known_ids(row))

    async def adopt(self, company: dict[str, Any], **changes: Any) -> Contractor:
        """A contractor of its own, as discovery would have stored this company."""
        values = {
            "id": uuid4(),
            "company_name": company["name"],
            "phone": company["phone"],
            "website": f"{self.sandbox.url}/web/{company['slug']}/",
            "city": company["city"],
            "state": company["state"],
            "acquisition_status": "discovered",
            "sources": {"fields": dict.fromkeys(("company_name", "phone", "website"), "google_maps")},
            **changes,
        }
        async with self.db.transaction() as tx:
            tx.session.add(Contractor(**values))
        return await self.row(values["id"])

    async def row(self, contractor_id: UUID) -> Contractor:
        """A contractor as it is now."""
        async with self.db.transaction() as tx:
            row = await tx.contractors.get(contractor_id)
        assert row is not None
        return row

    async def job(self) -> ScrapingJob:
        """The latest scraping job."""
        async with self.db.transaction() as tx:
            jobs = await tx.jobs.scraping_page(None, 1)
        return jobs[0]

    async def events(self, event_type: str) -> int:
        """How many events of a type there are."""
        async with self.db.transaction() as tx:
            found = await tx.session.scalar(
                select(func.count()).select_from(SystemEvent).where(col(SystemEvent.event_type) == event_type)
            )
        return found or 0

    async def calls(self, vendor: str) -> list[ApiUsageLog]:
        """The calls of a vendor that were booked."""
        async with self.db.transaction() as tx:
            return list(await tx.session.scalars(select(ApiUsageLog).where(col(ApiUsageLog.api_provider) == vendor)))


def known_ids(row: Contractor) -> set[str]:
    """The ids under which sources list a contractor."""
    listings = (row.sources or {}).get("listings", {})
    return {each for source in listings.values() for each in source["ids"]}


@asynccontextmanager
async def discovery_world(settings: Settings, db: Database, sandbox: Sandbox) -> AsyncIterator[DiscoveryWorld]:
    """A world around this test's database."""
    async with AsyncExitStack() as stack:
        yield DiscoveryWorld(db, sandbox, Resources(settings, stack))
