"""Vendor calls and what they cost."""

from decimal import Decimal
from typing import Protocol
from uuid import UUID

from sqlalchemy import func, insert, select
from sqlmodel import col

from schema.repositories.base import Repository, clean
from schema.tables import ApiUsageLog


class VendorCall(Protocol):
    """What is logged of a call; carries no parameter values, for they may be personal."""

    @property
    def vendor(self) -> str:
        """Who was called."""

    @property
    def operation(self) -> str:
        """What was asked for."""

    @property
    def method(self) -> str:
        """The HTTP method."""

    @property
    def status(self) -> int | None:
        """The HTTP status; None without an answer."""

    @property
    def elapsed_ms(self) -> int:
        """How long it took."""

    @property
    def cost(self) -> Decimal:
        """What it cost, in US dollars."""

    @property
    def error(self) -> str | None:
        """What went wrong, without personal data; None if nothing did."""


class UsageRepository(Repository):
    """`api_usage_logs`."""

    async def record(
        self,
        call: VendorCall,
        entity_id: UUID | None = None,
        entity_type: str = "base_lead",
        service: str | None = None,
    ) -> None:
        """Logs one call, on account of a lead if `entity_id` is given."""
        await self._session.execute(
            insert(ApiUsageLog).values(
                api_provider=clean(call.vendor, 100),
                api_endpoint=clean(call.operation, 255),
                request_method=clean(call.method, 10),
                response_status=call.status,
                response_time_ms=call.elapsed_ms,
                cost=call.cost,
                service=service,
                entity_type=entity_type if entity_id else None,
                entity_id=entity_id,
                success=call.error is None,
                error_message=clean(call.error, 500),
            )
        )

    async def cost_of(self, entity_id: UUID) -> Decimal:
        """What vendors charged on account of an entity, in US dollars."""
        total = await self._session.scalar(
            select(func.sum(col(ApiUsageLog.cost))).where(col(ApiUsageLog.entity_id) == entity_id)
        )
        return total or Decimal(0)
