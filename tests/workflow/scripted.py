"""Activities that say what a test tells them to, so that a workflow's own decisions can be seen alone.

They stand on the queues and under the names of the real ones; `Script.calls` is what the workflow asked.
"""

from collections.abc import Callable
from typing import Any, get_type_hints
from uuid import UUID, uuid4

from temporalio import activity

from domain.roof import RoofCondition
from schema.contracts.base import LeadStatus
from schema.contracts.property import (
    Admission,
    AnalysisSummary,
    ClusterSummary,
    ContactSummary,
    GeocodeSummary,
    ImagerySummary,
    LeadCost,
    NotifySummary,
    PermitHistory,
    ProcessingSummary,
    PropertyRecordSummary,
    PublishSummary,
    ScoreSummary,
    TriggerSummary,
    ValidationSummary,
)
from workers.queues import QUEUES, activity_names

Answer = Any
"""A contract to return, an exception to raise, or a function of the argument that gives either."""


class Script:
    """Answers by activity name; whatever a test does not change goes well."""

    def __init__(self, **changes: Answer) -> None:
        self.lead_id: UUID = uuid4()
        self.review_id: UUID = uuid4()
        self.calls: list[tuple[str, Any]] = []
        self.answers: dict[str, Answer] = {
            "admit_property": Admission(lead_id=self.lead_id, city="Austin", state="TX"),
            "close_lead": None,
            "validate_analysis": ValidationSummary(confidence=97.0),
            "settle_review": None,
            "remind_reviewers": None,
            "detect_triggers": TriggerSummary(types=("weather_event",), urgent=True),
            "score_lead": ScoreSummary(score=85, grade="B", price="210.00"),
            "assign_cluster": ClusterSummary(cluster_id=uuid4()),
            "publish_lead": PublishSummary(status=LeadStatus.AVAILABLE, matched=3),
            "scrape_permit_history": PermitHistory(permits=2),
            "scrape_property_record": PropertyRecordSummary(found=True),
            "geocode_property": GeocodeSummary(located=True, source="geocoder"),
            "find_contacts": ContactSummary(email_found=True, email_verified=True, phone_found=True),
            "acquire_imagery": ImagerySummary(satellite=1, street_views=4),
            "process_images": ProcessingSummary(usable=5),
            "analyze_roof": AnalysisSummary(analysis_id=uuid4(), condition=RoofCondition.POOR, confidence=81.0),
            "notify_contractors": NotifySummary(notified=3),
            "settle_lead_cost": LeadCost(cost="0.06"),
            **changes,
        }

    def needs_review(self, confidence: float = 71.0) -> "Script":
        """Validation finds too little confidence and opens a review."""
        self.answers["validate_analysis"] = ValidationSummary(confidence=confidence, review_id=self.review_id)
        return self

    def called(self, name: str) -> list[Any]:
        """The arguments of every call of one activity."""
        return [argument for called, argument in self.calls if called == name]

    def activities(self) -> list[Callable[..., Any]]:
        """One activity per answer, typed as the real one is."""
        return [self._activity(name) for name in self.answers]

    def _activity(self, name: str) -> Callable[..., Any]:
        kind = _argument_of(name)

        async def run(argument: kind) -> Any:  # type: ignore[valid-type]
            self.calls.append((name, argument))
            answer = self.answers[name]
            if callable(answer):
                answer = answer(argument)
            if hasattr(answer, "__await__"):
                answer = await answer
            if isinstance(answer, Exception):
                raise answer
            return answer

        return activity.defn(name=name)(run)


def _argument_of(name: str) -> Any:
    """The message that the real activity of this name takes."""
    for spec in QUEUES.values():
        for kind in spec.activities:
            if name in activity_names(kind):
                hints = get_type_hints(getattr(kind, name))
                hints.pop("return", None)
                return next(iter(hints.values()))
    raise LookupError(name)
