"""Every task queue, time-out and retry policy of the workflows, in one table.

A killed worker is noticed through the heartbeat time-out (seconds), not the start-to-close one
(minutes), so a retry starts soon. Attempts are bounded: a vendor that stays down costs a fallback and
a reason on the lead, never the workflow.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any, TypeVar

from temporalio import workflow
from temporalio.common import RetryPolicy

from domain.validation import REVIEW_EXPIRES_AFTER

ArgT = TypeVar("ArgT")
ResultT = TypeVar("ResultT")


class TaskQueue(StrEnum):
    """One queue, and one kind of worker, per kind of work."""

    ORCHESTRATION = "orchestration"
    SCRAPING = "scraping"
    IMAGERY = "imagery"
    INFERENCE = "inference"
    ENRICHMENT = "enrichment"
    MESSAGING = "messaging"
    BILLING = "billing"


@dataclass(frozen=True, slots=True)
class Remote:
    """How an activity on another worker is called. All times in seconds."""

    queue: TaskQueue
    start_to_close: float
    heartbeat: float | None = None
    attempts: int = 6
    first_retry: float = 0.5
    longest_retry: float = 30.0


REMOTE: dict[str, Remote] = {
    "scrape_city_permits": Remote(TaskQueue.SCRAPING, 3600, heartbeat=20, attempts=10),
    "scrape_permit_history": Remote(TaskQueue.SCRAPING, 60, heartbeat=15),
    "scrape_property_record": Remote(TaskQueue.SCRAPING, 60, heartbeat=15),
    "geocode_property": Remote(TaskQueue.ENRICHMENT, 30, heartbeat=15),
    "find_contacts": Remote(TaskQueue.ENRICHMENT, 60, heartbeat=15),
    "acquire_imagery": Remote(TaskQueue.IMAGERY, 120, heartbeat=15),
    "process_images": Remote(TaskQueue.IMAGERY, 120, heartbeat=20),
    "analyze_roof": Remote(TaskQueue.INFERENCE, 120, heartbeat=30),
    "notify_contractors": Remote(TaskQueue.MESSAGING, 60, heartbeat=15),
    "settle_lead_cost": Remote(TaskQueue.BILLING, 30),
    "discover_contractors": Remote(TaskQueue.SCRAPING, 900, heartbeat=20, attempts=10),
    "enrich_contractor": Remote(TaskQueue.ENRICHMENT, 120, heartbeat=20),
    "score_contractor": Remote(TaskQueue.ENRICHMENT, 30),
    "send_touch": Remote(TaskQueue.MESSAGING, 60, heartbeat=15, attempts=20, longest_retry=300),
    "analyze_call": Remote(TaskQueue.MESSAGING, 180, heartbeat=20, attempts=10),
    "use_payment_method": Remote(TaskQueue.BILLING, 90, heartbeat=15, attempts=20, longest_retry=300),
    "sync_subscription": Remote(TaskQueue.BILLING, 60, heartbeat=15, attempts=20, longest_retry=300),
    "change_plan": Remote(TaskQueue.BILLING, 90, heartbeat=15, attempts=10),
    "settle_period": Remote(TaskQueue.BILLING, 120, heartbeat=15, attempts=20, longest_retry=300),
    "judge_guarantee": Remote(TaskQueue.BILLING, 120, heartbeat=15, attempts=20, longest_retry=300),
    "send_subscription_letter": Remote(TaskQueue.MESSAGING, 60, heartbeat=15, attempts=20, longest_retry=300),
    "book_demo": Remote(TaskQueue.MESSAGING, 60, heartbeat=15, attempts=10),
}

LOCAL_START_TO_CLOSE = timedelta(seconds=20)
LOCAL_RETRY = RetryPolicy(
    initial_interval=timedelta(milliseconds=200), maximum_interval=timedelta(seconds=30), maximum_attempts=0
)
"""Local activities are short database steps: they are retried for ever, since without the database
nothing else can go on either, and a bug is mended by a deploy while the workflow waits."""


@dataclass(frozen=True, slots=True)
class ReviewTimes:
    """How long a review may wait and when reviewers are reminded, from the moment it opens."""

    expires_after: timedelta
    reminders: tuple[timedelta, ...]


REVIEW_TIMES = ReviewTimes(
    expires_after=REVIEW_EXPIRES_AFTER, reminders=(timedelta(days=1), timedelta(days=3), timedelta(days=6))
)


@dataclass(frozen=True, slots=True)
class SequenceTimes:
    """How patient a contractor's sequence is."""

    last_word: timedelta
    """For an answer to the last touch, before it turns to nurture."""
    call: timedelta
    """For a call's report, before the vendor is asked."""
    next_call: timedelta
    """Until the next try, where no time was agreed."""
    booking: timedelta
    demo_outcome: timedelta
    """From the start of the demo."""
    decision: timedelta
    person: timedelta
    try_again: timedelta
    """After a vendor was down for all the attempts of one touch."""


SEQUENCE_TIMES = SequenceTimes(
    last_word=timedelta(days=7),
    call=timedelta(hours=2),
    next_call=timedelta(days=1),
    booking=timedelta(days=5),
    demo_outcome=timedelta(days=3),
    decision=timedelta(days=7),
    person=timedelta(days=14),
    try_again=timedelta(hours=1),
)


@dataclass(frozen=True, slots=True)
class OnboardingTimes:
    """How patient the life of a subscription is. Reminders of an overdue payment are in `domain.subscriptions`."""

    first_payment: timedelta
    """From the choice of a tier until its first month must be paid."""
    renewal: timedelta
    """After a month's end, before Stripe is asked what became of the next one: it bills an hour late."""
    ask_again: timedelta
    """Between two such questions, and after a vendor was down for all the attempts of a step."""


ONBOARDING_TIMES = OnboardingTimes(
    first_payment=timedelta(days=7), renewal=timedelta(hours=3), ask_again=timedelta(hours=6)
)


async def remote(method: Callable[[Any, ArgT], Awaitable[ResultT]], arg: ArgT, summary: str) -> ResultT:
    """Run an activity on its own worker; `summary` is what the UI shows for it."""
    call = REMOTE[method.__name__]
    return await workflow.execute_activity_method(
        method,
        arg,
        task_queue=call.queue,
        start_to_close_timeout=timedelta(seconds=call.start_to_close),
        heartbeat_timeout=timedelta(seconds=call.heartbeat) if call.heartbeat else None,
        retry_policy=RetryPolicy(
            initial_interval=timedelta(seconds=call.first_retry),
            maximum_interval=timedelta(seconds=call.longest_retry),
            maximum_attempts=call.attempts,
        ),
        summary=summary,
    )


async def local(method: Callable[[Any, ArgT], Awaitable[ResultT]], arg: ArgT, summary: str) -> ResultT:
    """Run a short database step inside the workflow task: one history event, no round trip."""
    return await workflow.execute_local_activity_method(
        method, arg, start_to_close_timeout=LOCAL_START_TO_CLOSE, retry_policy=LOCAL_RETRY, summary=summary
    )
