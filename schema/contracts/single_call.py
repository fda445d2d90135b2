"""Messages of ContractorCallWorkflow: one AI call that an operator asked for (spec 5.7)."""

from datetime import datetime
from uuid import UUID

from schema.contracts.base import Contract
from schema.contracts.outreach import CallVerdict, TouchOutcome


class CallRequest(Contract):
    """Call a contractor on behalf of the sequence they are in. `number` makes the call's key unique in it."""

    campaign_id: UUID
    contractor_id: UUID
    number: int
    template: str = "demo_call"


class CallResult(Contract):
    """What became of the call: refused or deferred by a rule, or made, and then what it came to."""

    outcome: TouchOutcome
    reason: str | None = None
    until: datetime | None = None
    touchpoint_id: UUID | None = None
    verdict: CallVerdict | None = None
