"""The page on which a contractor picks a time for a demo: one of its own for each touch."""

import asyncio
from typing import TYPE_CHECKING

from activities.outreach.channels.base import Case, short_token
from integrations.http import VendorError

if TYPE_CHECKING:
    from integrations.calendly import Calendly

LINK = "demo_url"
LINK_SECONDS = 5.0


class Links:
    """Makes booking links and keeps them with the touch, so that a retry uses the same one."""

    def __init__(self, calendar: "Calendly", public_url: str) -> None:
        self._calendar = calendar
        self._public_url = public_url.rstrip("/")

    async def booking(self, case: Case) -> str | None:
        """The link; None when the calendar does not answer in time, or there is none."""
        try:
            async with asyncio.timeout(LINK_SECONDS):
                return await self.sure(case)
        except (VendorError, TimeoutError):
            return None

    async def sure(self, case: Case) -> str | None:
        """The link; raises a VendorError when the calendar does not give one. None when there is no calendar."""
        known = case.extra.get(LINK)
        if isinstance(known, str):
            return known
        if not self._calendar.event_type:
            return None
        return await self._calendar.scheduling_link(case.touchpoint.id.hex)

    def short(self, case: Case) -> str:
        """An address of ours that leads to the link: short enough for a text."""
        return f"{self._public_url}/b/{short_token(case.touchpoint.id)}"
