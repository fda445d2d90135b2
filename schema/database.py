"""The database as the rest of the system sees it: one bounded pool, transactions, repositories."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from functools import cached_property
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from sqlalchemy import text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.ext.asyncio import (
    AsyncEngine,
    AsyncSession,
    async_sessionmaker,
    create_async_engine,
)

from schema.pii import PiiVault

if TYPE_CHECKING:
    from schema.repositories.analyses import AnalysisRepository
    from schema.repositories.billing import BillingRepository
    from schema.repositories.calls import CallRepository
    from schema.repositories.campaigns import CampaignRepository
    from schema.repositories.cities import CityRepository
    from schema.repositories.clusters import ClusterRepository
    from schema.repositories.contractors import ContractorRepository
    from schema.repositories.desk import DeskRepository
    from schema.repositories.discovery import DiscoveryRepository
    from schema.repositories.effects import EffectRepository
    from schema.repositories.events import EventRepository
    from schema.repositories.images import ImageRepository
    from schema.repositories.inbox import InboxRepository
    from schema.repositories.jobs import JobRepository
    from schema.repositories.leads import LeadRepository
    from schema.repositories.market_facts import MarketFactsRepository
    from schema.repositories.meetings import MeetingRepository
    from schema.repositories.metrics import MetricsRepository
    from schema.repositories.notifications import NotificationRepository
    from schema.repositories.outreach import OutreachRepository
    from schema.repositories.people import PeopleRepository
    from schema.repositories.permits import PermitRepository
    from schema.repositories.responses import ResponseRepository
    from schema.repositories.reviews import ReviewRepository
    from schema.repositories.scores import ScoreRepository
    from schema.repositories.triggers import TriggerRepository
    from schema.repositories.usage import UsageRepository
    from schema.repositories.users import UserRepository

CONNECT_TIMEOUT_SECONDS = 5
POOL_TIMEOUT_SECONDS = 15
STATEMENT_TIMEOUT_MS = 60_000


def async_url(url: str) -> URL:
    """A PostgreSQL URL of any common spelling as one for asyncpg; `sslmode` becomes asyncpg's `ssl`."""
    parsed = make_url(url)
    if parsed.get_backend_name() not in ("postgresql", "postgres"):
        raise ValueError("DATABASE_URL must be a postgresql:// URL")
    query = {("ssl" if name == "sslmode" else name): value for name, value in parsed.query.items()}
    return parsed.set(drivername="postgresql+asyncpg", query=query)


def to_json(value: Any) -> str:
    """JSON for JSONB columns: dates as ISO 8601, decimals and ids as text; refuses NaN and infinities."""
    return json.dumps(value, default=_plain, allow_nan=False)


def _plain(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Decimal | UUID):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")


def create_engine(url: str, *, pool_size: int = 10, application_name: str = "ridgeline") -> AsyncEngine:
    """An engine with a pool of exactly `pool_size`.

    Prepared statements get unique names, so a pooler in front never sees a clash; behind a
    transaction-mode pooler also add `?prepared_statement_cache_size=0` to the URL.
    """
    return create_async_engine(
        async_url(url),
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=POOL_TIMEOUT_SECONDS,
        pool_pre_ping=True,
        pool_recycle=1800,
        json_serializer=to_json,
        connect_args={
            "timeout": CONNECT_TIMEOUT_SECONDS,
            "prepared_statement_name_func": lambda: f"__asyncpg_{uuid4()}__",
            "server_settings": {
                "application_name": application_name,
                "timezone": "UTC",
                "statement_timeout": str(STATEMENT_TIMEOUT_MS),
                "idle_in_transaction_session_timeout": str(STATEMENT_TIMEOUT_MS),
            },
        },
    )


class UnitOfWork:
    """One transaction and the repositories that work in it."""

    def __init__(self, session: AsyncSession, vault: PiiVault) -> None:
        self.session = session
        self.vault = vault

    @cached_property
    def leads(self) -> "LeadRepository":
        from schema.repositories.leads import LeadRepository

        return LeadRepository(self.session, self.vault)

    @cached_property
    def permits(self) -> "PermitRepository":
        from schema.repositories.permits import PermitRepository

        return PermitRepository(self.session, self.vault)

    @cached_property
    def cities(self) -> "CityRepository":
        from schema.repositories.cities import CityRepository

        return CityRepository(self.session, self.vault)

    @cached_property
    def effects(self) -> "EffectRepository":
        from schema.repositories.effects import EffectRepository

        return EffectRepository(self.session, self.vault)

    @cached_property
    def usage(self) -> "UsageRepository":
        from schema.repositories.usage import UsageRepository

        return UsageRepository(self.session, self.vault)

    @cached_property
    def events(self) -> "EventRepository":
        from schema.repositories.events import EventRepository

        return EventRepository(self.session, self.vault)

    @cached_property
    def users(self) -> "UserRepository":
        from schema.repositories.users import UserRepository

        return UserRepository(self.session, self.vault)

    @cached_property
    def jobs(self) -> "JobRepository":
        from schema.repositories.jobs import JobRepository

        return JobRepository(self.session, self.vault)

    @cached_property
    def images(self) -> "ImageRepository":
        from schema.repositories.images import ImageRepository

        return ImageRepository(self.session, self.vault)

    @cached_property
    def analyses(self) -> "AnalysisRepository":
        from schema.repositories.analyses import AnalysisRepository

        return AnalysisRepository(self.session, self.vault)

    @cached_property
    def triggers(self) -> "TriggerRepository":
        from schema.repositories.triggers import TriggerRepository

        return TriggerRepository(self.session, self.vault)

    @cached_property
    def reviews(self) -> "ReviewRepository":
        from schema.repositories.reviews import ReviewRepository

        return ReviewRepository(self.session, self.vault)

    @cached_property
    def clusters(self) -> "ClusterRepository":
        from schema.repositories.clusters import ClusterRepository

        return ClusterRepository(self.session, self.vault)

    @cached_property
    def contractors(self) -> "ContractorRepository":
        from schema.repositories.contractors import ContractorRepository

        return ContractorRepository(self.session, self.vault)

    @cached_property
    def notifications(self) -> "NotificationRepository":
        from schema.repositories.notifications import NotificationRepository

        return NotificationRepository(self.session, self.vault)

    @cached_property
    def scores(self) -> "ScoreRepository":
        from schema.repositories.scores import ScoreRepository

        return ScoreRepository(self.session, self.vault)

    @cached_property
    def inbox(self) -> "InboxRepository":
        from schema.repositories.inbox import InboxRepository

        return InboxRepository(self.session, self.vault)

    @cached_property
    def desk(self) -> "DeskRepository":
        from schema.repositories.desk import DeskRepository

        return DeskRepository(self.session, self.vault)

    @cached_property
    def responses(self) -> "ResponseRepository":
        from schema.repositories.responses import ResponseRepository

        return ResponseRepository(self.session, self.vault)

    @cached_property
    def outreach(self) -> "OutreachRepository":
        from schema.repositories.outreach import OutreachRepository

        return OutreachRepository(self.session, self.vault)

    @cached_property
    def market_facts(self) -> "MarketFactsRepository":
        from schema.repositories.market_facts import MarketFactsRepository

        return MarketFactsRepository(self.session, self.vault)

    @cached_property
    def people(self) -> "PeopleRepository":
        from schema.repositories.people import PeopleRepository

        return PeopleRepository(self.session, self.vault)

    @cached_property
    def campaigns(self) -> "CampaignRepository":
        from schema.repositories.campaigns import CampaignRepository

        return CampaignRepository(self.session, self.vault)

    @cached_property
    def metrics(self) -> "MetricsRepository":
        from schema.repositories.metrics import MetricsRepository

        return MetricsRepository(self.session, self.vault)

    @cached_property
    def calls(self) -> "CallRepository":
        from schema.repositories.calls import CallRepository

        return CallRepository(self.session, self.vault)

    @cached_property
    def discovery(self) -> "DiscoveryRepository":
        from schema.repositories.discovery import DiscoveryRepository

        return DiscoveryRepository(self.session, self.vault)

    @cached_property
    def meetings(self) -> "MeetingRepository":
        from schema.repositories.meetings import MeetingRepository

        return MeetingRepository(self.session, self.vault)

    @cached_property
    def billing(self) -> "BillingRepository":
        from schema.repositories.billing import BillingRepository

        return BillingRepository(self.session, self.vault)


class Database:
    """A pool of connections; every piece of work is a transaction of its own."""

    def __init__(
        self,
        url: str,
        vault: PiiVault,
        pool_size: int = 10,
        application_name: str = "ridgeline",
    ) -> None:
        self.vault = vault
        self.engine = create_engine(url, pool_size=pool_size, application_name=application_name)
        self._sessions = async_sessionmaker(self.engine, expire_on_commit=False)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[UnitOfWork]:
        """Commits when the block ends, rolls back when it raises."""
        async with self._sessions() as session, session.begin():
            yield UnitOfWork(session, self.vault)

    async def ping(self) -> None:
        """Raises if the database does not answer."""
        async with self.engine.connect() as connection:
            await connection.execute(text("SELECT 1"))

    async def close(self) -> None:
        """Closes every connection."""
        await self.engine.dispose()
