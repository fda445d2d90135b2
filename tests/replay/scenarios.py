"""The runs whose histories are kept: a table of scripts, requests and what is said to the workflow on its way."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from schema.contracts.campaigns import OptimizationReport, OptimizationRequest
from schema.contracts.ids import (
    call_workflow_id,
    campaign_workflow_id,
    discovery_workflow_id,
    property_workflow_id,
    sequence_workflow_id,
)
from schema.contracts.outreach import (
    CallVerdict,
    CampaignRequest,
    ContractorInCampaign,
    ContractorRef,
    DemoBooking,
    DiscoveredContractors,
    DiscoveryRequest,
    Disposition,
    Enrollment,
    EnrollmentBatch,
    EventKind,
    Phase,
    ProfileSummary,
    Refusal,
    SweepFindings,
    SweepRequest,
    TouchOutcome,
    TouchResult,
    UndeliveredEvent,
)
from schema.contracts.property import GeocodeSummary, PropertyRequest, Reason
from schema.contracts.single_call import CallRequest
from tests.workflow.contractor import STEPS, ContractorScript, an_event
from tests.workflow.scripted import Script
from workflows.campaign import CampaignWorkflow
from workflows.discovery import ContractorDiscoveryWorkflow
from workflows.optimization import CampaignOptimizationWorkflow
from workflows.property import PropertyWorkflow
from workflows.sequence import ContractorSequenceWorkflow
from workflows.single_call import ContractorCallWorkflow
from workflows.sweep import OutreachSweepWorkflow

Signal = tuple[str, Any]
"""Its name and what it says."""

MEETING = UUID(int=7)
CONTRACTORS = (UUID(int=1), UUID(int=2), UUID(int=3))
CAMPAIGN = UUID(int=4)
NOT_ENROLLED = {"enroll": Enrollment(refusal=Refusal.NO_STEPS)}
"""For the runs that start sequences: those end at once."""


@dataclass(frozen=True)
class Scenario:
    """One run. Where the workflow continues as new, its first run is kept."""

    script: Script
    workflow: Any
    request: Any
    id: str
    in_review: str | None = None
    """The signal a reviewer gives once the property waits for one."""
    said: dict[str, tuple[Signal, ...]] = field(default_factory=dict)
    """What the workflow is told while the touch of this key is being made."""


def of_property(script: Script, in_review: str | None = None, own_id: bool = True) -> Scenario:
    """A property's run, under its own id or under one that a person gave it."""
    request = PropertyRequest(lead_id=str(script.lead_id))
    run_id = property_workflow_id(script.lead_id) if own_id else f"by-hand-{script.lead_id}"
    return Scenario(script, PropertyWorkflow.run, request, run_id, in_review=in_review)


def of_sequence(script: ContractorScript, said: dict[str, tuple[Signal, ...]]) -> Scenario:
    """A contractor's sequence."""
    run_id = sequence_workflow_id(script.campaign_id, script.contractor_id)
    return Scenario(script, ContractorSequenceWorkflow.run, script.request, run_id, said=said)


def news(kind: EventKind, **fields: Any) -> Signal:
    """Something a contractor did."""
    return "event", an_event(kind, **fields)


def in_nurture(now: datetime) -> ContractorScript:
    """A contractor who was silent for three weeks."""
    return ContractorScript(
        enrolled=Enrollment(
            steps=STEPS, phase=Phase.NURTURE, cycle=1, phase_started_at=now, enrolled_at=now - timedelta(days=21)
        )
    )


def after_a_demo(now: datetime) -> Scenario:
    """Interest, a demo in twelve days, a proposal, a signature."""
    booking = DemoBooking(meeting_id=MEETING, starts_at=now + timedelta(days=12))
    return of_sequence(
        ContractorScript(book_demo=booking),
        {
            "outreach-0": (news(EventKind.INTERESTED),),
            "demo-2-2": (news(EventKind.DEMO_ATTENDED, meeting_id=MEETING),),
            "proposal-3-1": (news(EventKind.SIGNED_UP),),
        },
    )


def batches() -> Callable[[CampaignRequest], EnrollmentBatch]:
    """Two contractors, then one to resume, whose sequence has ended meanwhile."""
    left = [EnrollmentBatch(contractor_ids=CONTRACTORS[:2], more=True), EnrollmentBatch(resumed=CONTRACTORS[2:])]
    return lambda _: left.pop(0)


def swept() -> SweepFindings:
    """A sequence that is gone, and a reply that nobody passed on."""
    lost, answered, _ = CONTRACTORS
    return SweepFindings(
        sequences=(ContractorInCampaign(campaign_id=CAMPAIGN, contractor_id=lost),),
        events=(
            UndeliveredEvent(
                inbox_id=UUID(int=5),
                campaign_id=CAMPAIGN,
                contractor_id=answered,
                event=an_event(EventKind.REPLIED, "reply-1"),
            ),
        ),
    )


def website_down(contractor: ContractorRef) -> ProfileSummary | Exception:
    """One contractor's profile cannot be completed."""
    return RuntimeError() if contractor.contractor_id == CONTRACTORS[0] else ProfileSummary(website_read=True, fit=70)


SCENARIOS: dict[str, Callable[[datetime], Scenario]] = {
    "confident": lambda _: of_property(Script()),
    "approved": lambda _: of_property(Script().needs_review(), "approve"),
    "rejected": lambda _: of_property(Script().needs_review(), "reject"),
    "review_expired": lambda _: of_property(Script().needs_review()),
    "vendors_down": lambda _: of_property(
        Script(scrape_property_record=RuntimeError(), acquire_imagery=RuntimeError())
    ),
    "address_not_found": lambda _: of_property(
        Script(geocode_property=GeocodeSummary(reason=Reason.ADDRESS_NOT_FOUND))
    ),
    "handed_over": lambda _: of_property(Script(), own_id=False),
    "sequence_silent": lambda _: of_sequence(ContractorScript(), {}),
    "sequence_nurture_stopped": lambda now: of_sequence(in_nurture(now), {"nurture-1-0": (news(EventKind.STOPPED),)}),
    "sequence_reply": lambda _: of_sequence(ContractorScript(), {"outreach-1": (news(EventKind.REPLIED),)}),
    "sequence_signed_up": after_a_demo,
    "sequence_out_of_office": lambda now: of_sequence(
        ContractorScript(),
        {
            "outreach-0": (news(EventKind.OUT_OF_OFFICE, until=now + timedelta(days=21)),),
            "outreach-1": (news(EventKind.OPTED_OUT),),
        },
    ),
    "sequence_called_back": lambda now: of_sequence(
        ContractorScript(analyze_call=CallVerdict(disposition=Disposition.WANTS_CALLBACK, at=now + timedelta(days=20))),
        {"callback-2-0": (news(EventKind.NOT_INTERESTED),)},
    ),
    "sequence_steered": lambda now: of_sequence(
        ContractorScript(),
        {
            "outreach-0": (("pause", (now + timedelta(days=20)).isoformat()), ("skip", "outreach-1")),
            "outreach-3": (news(EventKind.STOPPED),),
        },
    ),
    "campaign": lambda _: Scenario(
        Script(next_batch=batches(), finish_launch=None, **NOT_ENROLLED),
        CampaignWorkflow.run,
        CampaignRequest(campaign_id=CAMPAIGN),
        campaign_workflow_id(CAMPAIGN),
    ),
    "sweep": lambda _: Scenario(
        Script(find_stranded=swept(), settle_delivered=None, **NOT_ENROLLED),
        OutreachSweepWorkflow.run,
        SweepRequest(),
        "outreach-sweep",
    ),
    "optimization": lambda _: Scenario(
        Script(
            optimize_campaigns=OptimizationReport(campaigns=1, active=(CAMPAIGN,)),
            next_batch=EnrollmentBatch(),
            finish_launch=None,
        ),
        CampaignOptimizationWorkflow.run,
        OptimizationRequest(),
        "campaign-optimization",
    ),
    "discovery": lambda _: Scenario(
        Script(
            discover_contractors=DiscoveredContractors(found={"google": 3}, created=3, to_enrich=CONTRACTORS),
            enrich_contractor=website_down,
        ),
        ContractorDiscoveryWorkflow.run,
        DiscoveryRequest(city="Austin", state="TX"),
        discovery_workflow_id("Austin", "TX"),
    ),
    "call_by_hand": lambda _: Scenario(
        Script(
            send_touch=TouchResult(outcome=TouchOutcome.SENT, touchpoint_id=UUID(int=6)),
            analyze_call=CallVerdict(disposition=Disposition.WANTS_DEMO),
        ),
        ContractorCallWorkflow.run,
        CallRequest(campaign_id=CAMPAIGN, contractor_id=CONTRACTORS[0], number=1),
        call_workflow_id(CONTRACTORS[0]),
    ),
}
"""By the name of the history's file; each is made at the server's time."""
