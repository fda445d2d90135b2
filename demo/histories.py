"""What the workflow histories of a run hold: how large they are, how long each step took, and no people."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import mean

from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import Client


@dataclass
class HistoryReport:
    """Figures over all histories read."""

    events_max: int = 0
    bytes_max: int = 0
    pii_hits: list[str] = field(default_factory=list)
    """`<workflow id> event <number>` for each event in which a personal string was found."""
    seconds: dict[str, list[float]] = field(default_factory=dict)

    @property
    def stage_seconds(self) -> dict[str, float]:
        """Mean seconds from scheduling to completion, by activity."""
        return {name: round(mean(values), 3) for name, values in sorted(self.seconds.items())}


async def read_histories(client: Client, workflow_ids: Iterable[str], people: Sequence[str]) -> HistoryReport:
    """Fetch each workflow's history and search it for every string of `people`, ignoring case."""
    report = HistoryReport()
    needles = [text.lower().encode() for text in people if len(text) > 3]
    for workflow_id in workflow_ids:
        history = await client.get_workflow_handle(workflow_id).fetch_history()
        report.events_max = max(report.events_max, len(history.events))
        report.bytes_max = max(report.bytes_max, sum(event.ByteSize() for event in history.events))
        report.pii_hits += [
            f"{workflow_id} event {event.event_id}" for event in history.events if _mentions(event, needles)
        ]
        for name, seconds in _activity_seconds(history.events):
            report.seconds.setdefault(name, []).append(seconds)
    return report


def _mentions(event: HistoryEvent, needles: Sequence[bytes]) -> bool:
    # Payloads are uncompressed JSON inside the protobuf, so its bytes can be searched as they are.
    haystack = event.SerializeToString().lower()
    return any(needle in haystack for needle in needles)


def _activity_seconds(events: Sequence[HistoryEvent]) -> Iterable[tuple[str, float]]:
    scheduled: Mapping[int, HistoryEvent] = {
        event.event_id: event for event in events if event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED
    }
    for event in events:
        if event.event_type != EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED:
            continue
        start = scheduled[event.activity_task_completed_event_attributes.scheduled_event_id]
        elapsed = event.event_time.ToDatetime() - start.event_time.ToDatetime()
        yield start.activity_task_scheduled_event_attributes.activity_type.name, elapsed.total_seconds()
