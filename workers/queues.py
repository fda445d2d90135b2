"""What runs on each task queue and how much of it at once (spec 3.8.4), in one table.

Light to import: `python -m workers --list` and the compose test read it without building anything.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from activities.billing.activities import BillingActivities
from activities.enrichment.activities import EnrichmentActivities
from activities.imagery.activities import ImageryActivities
from activities.inference.activities import InferenceActivities
from activities.leads.activities import LeadActivities
from activities.messaging.activities import MessagingActivities
from activities.scraping.activities import ScrapingActivities
from workflows.options import TaskQueue
from workflows.permits import PermitScrapeWorkflow
from workflows.property import PropertyWorkflow


@dataclass(frozen=True, slots=True)
class QueueSpec:
    """One worker: the activities class it serves and how many run at once in one process."""

    activities: type
    concurrency: int
    workflows: tuple[type, ...] = ()

    def activity_names(self) -> list[str]:
        """Names under which the server knows this queue's activities."""
        return activity_names(self.activities)


def activity_names(activities: type) -> list[str]:
    """The methods of a class that carry `@activity.defn`."""
    return [name for name, member in vars(activities).items() if hasattr(member, "__temporal_activity_definition")]


QUEUES: dict[TaskQueue, QueueSpec] = {
    TaskQueue.ORCHESTRATION: QueueSpec(LeadActivities, 20, (PropertyWorkflow, PermitScrapeWorkflow)),
    TaskQueue.SCRAPING: QueueSpec(ScrapingActivities, 10),
    TaskQueue.IMAGERY: QueueSpec(ImageryActivities, 5),
    TaskQueue.INFERENCE: QueueSpec(InferenceActivities, 2),
    TaskQueue.ENRICHMENT: QueueSpec(EnrichmentActivities, 10),
    TaskQueue.MESSAGING: QueueSpec(MessagingActivities, 5),
    TaskQueue.BILLING: QueueSpec(BillingActivities, 5),
}


def activity_methods(instance: object) -> list[Callable[..., Any]]:
    """The bound activity methods of an activities object, as a worker registers them."""
    return [getattr(instance, name) for name in activity_names(type(instance))]
