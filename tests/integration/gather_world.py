"""What the gathering tests share: the activities on real clients, leads, the sandbox's truth."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import uuid4

from sqlalchemy import select
from temporalio.common import RetryPolicy
from temporalio.testing import ActivityEnvironment

from activities.enrichment.activities import EnrichmentActivities
from activities.scraping.activities import ScrapingActivities
from config.settings import Settings
from domain.address import lead_id_for, parse_address
from integrations.assessor import Assessor
from integrations.geocoding import CachedGeocoder, GoogleGeocoder
from integrations.hunter import HunterFinder
from integrations.portals import PermitPortals
from integrations.zerobounce import ZeroBounceVerifier
from sandbox.adopt import adopt
from schema.contracts.base import LeadRef
from schema.database import Database
from schema.tables import ApiUsageLog
from tests.support.sandbox import Sandbox
from workers.resources import Resources

ATTEMPTS = 6
T = TypeVar("T")


@dataclass
class Gather:
    """The gathering activities on real clients, with the sandbox as the world outside."""

    db: Database
    sandbox: Sandbox
    resources: Resources
    heartbeats: list[Any] = field(default_factory=list)
    cache_prefix: str = field(default_factory=lambda: f"{uuid4()}:")
    """Tests share one cache server; this keeps them apart."""

    @property
    def scraping(self) -> ScrapingActivities:
        """The `scraping` queue's activities."""
        vendor = self.resources.vendor
        return ScrapingActivities(self.db, PermitPortals(vendor("permit_portal", "")), Assessor(vendor("assessor", "")))

    @property
    def enrichment(self) -> EnrichmentActivities:
        """The `enrichment` queue's activities."""
        settings, vendor = self.resources.settings, self.resources.vendor
        google = GoogleGeocoder(vendor("google_maps", settings.google_maps_base_url), "key")
        return EnrichmentActivities(
            self.db,
            CachedGeocoder(google, self.resources.redis, self.cache_prefix),
            HunterFinder(vendor("hunter", settings.hunter_base_url), "key"),
            ZeroBounceVerifier(vendor("zerobounce", settings.zerobounce_base_url), "key"),
        )

    async def run(
        self, method: Callable[..., Awaitable[T]], argument: Any, attempt: int = 1, details: Sequence[Any] = ()
    ) -> T:
        """Run an activity as Temporal would, now, on the given attempt of six."""
        environment = ActivityEnvironment()
        environment.info = replace(
            environment.info,
            attempt=attempt,
            retry_policy=RetryPolicy(maximum_attempts=ATTEMPTS),
            scheduled_time=datetime.now(UTC),
            heartbeat_details=list(details),
        )
        environment.on_heartbeat = lambda *beat: self.heartbeats.append(beat)
        return await environment.run(method, argument)

    def house(self, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The first house of the sandbox that is as wanted."""
        return next(house for house in self.sandbox.get("/control/houses") if wanted(house))

    async def lead(self, house: dict[str, Any]) -> LeadRef:
        """A lead for a house, in processing."""
        address = parse_address(house["address"], house["city"], house["state"], house["zip"])
        lead_id = lead_id_for(address)
        async with self.db.transaction() as tx:
            await tx.leads.admit(lead_id, address, f"property-{lead_id}")
        return LeadRef(lead_id=lead_id)

    async def recorded_lead(self, house: dict[str, Any]) -> LeadRef:
        """A lead whose county record is in the database."""
        lead = await self.lead(house)
        assert (await self.run(self.scraping.scrape_property_record, lead)).found
        return lead

    async def calls(self, lead: LeadRef) -> list[ApiUsageLog]:
        """The vendor calls booked on a lead, oldest first."""
        async with self.db.transaction() as tx:
            rows = await tx.session.scalars(
                select(ApiUsageLog)
                .where(ApiUsageLog.entity_id == lead.lead_id)  # type: ignore[arg-type]
                .order_by(ApiUsageLog.created_at)  # type: ignore[arg-type]
            )
            return list(rows)


@asynccontextmanager
async def gather_world(settings: Settings, db: Database, sandbox: Sandbox) -> AsyncIterator[Gather]:
    """A world whose Austin is the sandbox's."""
    await adopt(db, sandbox.url)
    async with AsyncExitStack() as stack:
        yield Gather(db, sandbox, Resources(settings, stack))
