"""Activities of the `messaging` queue that reach contractors."""

from typing import TYPE_CHECKING

from temporalio import activity

from schema.contracts.outreach import CallRef, CallVerdict, DemoBooking, DemoRequest, TouchRef, TouchResult

if TYPE_CHECKING:
    from activities.outreach.calls import Calls
    from activities.outreach.demos import Demos
    from activities.outreach.sending import Touches


class OutreachActivities:
    """Everything that leaves the house towards a contractor; each passes the compliance gate and happens once."""

    def __init__(self, touches: "Touches", calls: "Calls", demos: "Demos") -> None:
        self._touches = touches
        self._calls = calls
        self._demos = demos

    @activity.defn
    async def send_touch(self, touch: TouchRef) -> TouchResult:
        """Makes one touch, whatever its channel, unless a rule forbids or defers it."""
        return await self._touches.send(touch)

    @activity.defn
    async def analyze_call(self, call: CallRef) -> CallVerdict:
        """What a call came to: its report if one came, else what the vendor says when asked."""
        return await self._calls.analyze(call)

    @activity.defn
    async def book_demo(self, request: DemoRequest) -> DemoBooking:
        """Books a demo at the vendor's next free time near the one agreed."""
        return await self._demos.book(request)
