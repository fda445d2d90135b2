"""Local activities of the `orchestration` queue that keep a sequence's records."""

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from temporalio import activity

from schema.contracts.outreach import Enrollment, PhaseChange, SequenceRequest, TouchPlan, TouchRef

if TYPE_CHECKING:
    from schema.database import Database


class SequenceActivities:
    """Short database steps of ContractorSequenceWorkflow; each may run twice and changes nothing the second time."""

    def __init__(self, db: "Database", clock: Callable[[], datetime] | None = None) -> None:
        from activities.sequences.records import SequenceRecords, utc_now

        self._records = SequenceRecords(db, clock or utc_now)

    @activity.defn
    async def enroll(self, request: SequenceRequest) -> Enrollment:
        """Puts the contractor into the campaign, or finds where an earlier run stood."""
        return await self._records.enroll(request)

    @activity.defn
    async def plan_touch(self, touch: TouchRef) -> TouchPlan:
        """When the touch is due, by the recipient's clock; the row of `scheduled_touchpoints` says so too."""
        return await self._records.plan_touch(touch)

    @activity.defn
    async def enter_phase(self, change: PhaseChange) -> None:
        """Moves the enrolment, and with it the contractor's status; takes what is no longer due off the schedule."""
        await self._records.enter_phase(change)
