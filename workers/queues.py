"""What runs on each task queue and how much of it at once (spec 3.8.4), in one table.

Light to import: `python -m workers --list` and the compose test read it without building anything.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from activities.billing.activities import BillingActivities
from activities.campaigns.activities import CampaignActivities
from activities.discovery.activities import DiscoveryActivities
from activities.enrichment.activities import EnrichmentActivities
from activities.imagery.activities import ImageryActivities
from activities.inference.activities import InferenceActivities
from activities.leads.activities import LeadActivities
from activities.messaging.activities import MessagingActivities
from activities.outreach.activities import OutreachActivities
from activities.profiles.activities import ProfileActivities
from activities.scraping.activities import ScrapingActivities
from activities.sequences.activities import SequenceActivities
from activities.subscriptions.activities import SubscriptionActivities, SubscriptionLetters, SubscriptionRecords
from workflows.campaign import CampaignWorkflow
from workflows.discovery import ContractorDiscoveryWorkflow
from workflows.onboarding import ContractorOnboardingWorkflow
from workflows.optimization import CampaignOptimizationWorkflow
from workflows.options import TaskQueue
from workflows.permits import PermitScrapeWorkflow
from workflows.profile import ContractorProfileWorkflow
from workflows.property import PropertyWorkflow
from workflows.sequence import ContractorSequenceWorkflow
from workflows.single_call import CallAnalysisWorkflow, ContractorCallWorkflow
from workflows.sweep import OutreachSweepWorkflow


@dataclass(frozen=True, slots=True)
class QueueSpec:
    """One worker: the classes of activities it serves and how many run at once in one process."""

    activities: tuple[type, ...]
    concurrency: int
    workflows: tuple[type, ...] = ()

    def activity_names(self) -> list[str]:
        """Names under which the server knows this queue's activities."""
        return [name for kind in self.activities for name in activity_names(kind)]


def activity_names(activities: type) -> list[str]:
    """The methods of a class that carry `@activity.defn`."""
    return [name for name, member in vars(activities).items() if hasattr(member, "__temporal_activity_definition")]


QUEUES: dict[TaskQueue, QueueSpec] = {
    TaskQueue.ORCHESTRATION: QueueSpec(
        (LeadActivities, SequenceActivities, CampaignActivities, SubscriptionRecords),
        20,
        (
            PropertyWorkflow,
            PermitScrapeWorkflow,
            ContractorDiscoveryWorkflow,
            ContractorProfileWorkflow,
            CampaignWorkflow,
            ContractorSequenceWorkflow,
            OutreachSweepWorkflow,
            ContractorCallWorkflow,
            CallAnalysisWorkflow,
            CampaignOptimizationWorkflow,
            ContractorOnboardingWorkflow,
        ),
    ),
    TaskQueue.SCRAPING: QueueSpec((ScrapingActivities, DiscoveryActivities), 10),
    TaskQueue.IMAGERY: QueueSpec((ImageryActivities,), 5),
    TaskQueue.INFERENCE: QueueSpec((InferenceActivities,), 2),
    TaskQueue.ENRICHMENT: QueueSpec((EnrichmentActivities, ProfileActivities), 10),
    TaskQueue.MESSAGING: QueueSpec((MessagingActivities, OutreachActivities, SubscriptionLetters), 5),
    TaskQueue.BILLING: QueueSpec((BillingActivities, SubscriptionActivities), 5),
}


def activity_methods(instance: object) -> list[Callable[..., Any]]:
    """The bound activity methods of an activities object, as a worker registers them."""
    return [getattr(instance, name) for name in activity_names(type(instance))]
