"""The base of every message and the words they share."""

from enum import StrEnum
from uuid import UUID

from pydantic import BaseModel, ConfigDict


class Contract(BaseModel):
    """An immutable message. Unknown fields are ignored so that old histories replay on new code."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class LeadStatus(StrEnum):
    """The life of a lead (`base_leads.status`; spec 4.1.3 and 6.1, completed by decision 0002)."""

    PROCESSING = "processing"
    NEEDS_REVIEW = "needs_review"
    AVAILABLE = "available"
    RESERVED = "reserved"
    SOLD = "sold"
    EXPIRED = "expired"
    UNQUALIFIED = "unqualified"
    REJECTED = "rejected"


class LeadRef(Contract):
    """Points an activity at a lead; everything else it reads from the database."""

    lead_id: UUID
