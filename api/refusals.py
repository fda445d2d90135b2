"""How many webhooks were refused, and why: counted, so that a flood of forgeries writes a row a minute, not a flood."""

import time
from collections import Counter
from collections.abc import Callable

from schema.database import Database

EVERY_SECONDS = 60.0


class Refusals:
    """Counts by vendor and reason; the first of a kind is recorded at once, the others with the next that is due."""

    def __init__(self, database: Database, clock: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._clock = clock
        self._waiting: Counter[tuple[str, str]] = Counter()
        self._recorded: dict[tuple[str, str], float] = {}

    async def count(self, vendor: str, reason: str) -> None:
        """One more. Both words are ours, so that there is a bounded number of kinds."""
        kind = (vendor, reason)
        self._waiting[kind] += 1
        now = self._clock()
        if now - self._recorded.get(kind, -EVERY_SECONDS) < EVERY_SECONDS:
            return
        self._recorded[kind] = now
        number = self._waiting.pop(kind)
        async with self._database.transaction() as tx:
            await tx.events.record(
                "webhook.refused",
                data={"vendor": vendor, "reason": reason, "count": number},
                severity="warning",
                service="api",
            )
