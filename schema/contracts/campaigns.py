"""What a campaign is told about whom it is for, and the messages of its optimisation (spec 3.6.5)."""

from decimal import Decimal
from uuid import UUID

from pydantic import ConfigDict, Field

from domain.matching import Tier
from schema.contracts.base import Contract


class TargetCriteria(Contract):
    """`outreach_campaigns.target_criteria`: which contractors of the campaign's place it is for. None: no limit."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    min_fit: int | None = Field(default=None, ge=0, le=100)
    min_likelihood: int | None = Field(default=None, ge=0, le=100)
    min_priority: Decimal | None = Field(default=None, ge=0, le=100)
    min_ltv: Decimal | None = Field(default=None, ge=0, le=99_999_999)
    """US dollars."""
    tiers: tuple[Tier, ...] = Field(default=(), max_length=3)
    """Tiers that former customers had."""
    has_email: bool | None = None
    has_phone: bool | None = None
    has_website: bool | None = None
    max_contractors: int | None = Field(default=None, ge=1, le=100_000)
    """How many the campaign takes in altogether, the best ones."""


class OptimizationRequest(Contract):
    """Look at one campaign, or at all that are not drafts."""

    campaign_id: UUID | None = None


class OptimizationReport(Contract):
    """What was looked at and decided. `active`: campaigns that go on, and may take in new contractors."""

    campaigns: int = 0
    winners: int = 0
    paused_campaigns: tuple[UUID, ...] = ()
    paused_mailboxes: tuple[UUID, ...] = ()
    active: tuple[UUID, ...] = ()
