"""Where the vendors of the sandbox send their webhooks, and what came of each.

The sandbox does not retry: a control endpoint that makes a vendor speak says with `copies` how often.
"""

import asyncio
from collections import Counter
from collections.abc import Coroutine, Mapping
from typing import Any

import httpx
from fastapi import HTTPException

NOBODY = 0
"""The status of a delivery that nobody answered."""


class Webhooks:
    """The target of all webhooks, a client, and counts of the answers.

    `base_url` is where requests go; `public_url` is the address that customers gave the vendors, which Twilio
    signs. They differ where an API listens on a port of its own and `settings.public_url` names another.
    """

    def __init__(self) -> None:
        self.base_url = ""
        self.public_url = ""
        self.answers: Counter[tuple[str, int]] = Counter()
        self._client: httpx.AsyncClient | None = None
        self._tasks: set[asyncio.Task[Any]] = set()

    @property
    def aimed(self) -> bool:
        """Whether there is anybody to tell."""
        return bool(self.base_url)

    async def aim(self, base_url: str, public_url: str = "", transport: httpx.AsyncBaseTransport | None = None) -> None:
        """Deliver to this address from now on; an empty one stops deliveries, those under way included."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._client is not None:
            await self._client.aclose()
        self.base_url = base_url.rstrip("/")
        self.public_url = (public_url or base_url).rstrip("/")
        self.answers.clear()
        self._client = httpx.AsyncClient(timeout=30, trust_env=False, transport=transport) if base_url else None

    async def deliver(self, path: str, body: bytes, headers: Mapping[str, str]) -> int:
        """POST a webhook to `path` (with its query, if any) below the target; returns the status, or NOBODY.

        Raises HTTPException 409 when no target is set: that is a mistake in the test that asked for it.
        """
        status, _ = await self.exchange(path, body, headers)
        return status

    async def exchange(self, path: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, bytes]:
        """As `deliver`, with the answer's body, for vendors that read it."""
        if self._client is None:
            raise HTTPException(409, "Say first where webhooks go: POST /control/webhooks.")
        try:
            answer = await self._client.post(self.base_url + path, content=body, headers=dict(headers))
            status, content = answer.status_code, answer.content
        except httpx.TransportError:
            status, content = NOBODY, b""
        self.answers[path.partition("?")[0], status] += 1
        return status, content

    async def deliver_copies(self, copies: int, path: str, body: bytes, headers: Mapping[str, str]) -> list[int]:
        """The same webhook several times at once, as a vendor does that is not sure we heard; their statuses."""
        return [status for status, _ in await self.exchange_copies(copies, path, body, headers)]

    async def exchange_copies(
        self, copies: int, path: str, body: bytes, headers: Mapping[str, str]
    ) -> list[tuple[int, bytes]]:
        """As `deliver_copies`, with the answers' bodies."""
        return list(await asyncio.gather(*(self.exchange(path, body, headers) for _ in range(copies))))

    def later(self, delivery: Coroutine[Any, Any, Any]) -> None:
        """Run a delivery after the request under way has been answered."""
        task = asyncio.get_running_loop().create_task(delivery)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    @property
    def under_way(self) -> tuple[asyncio.Task[Any], ...]:
        """Deliveries that have not ended."""
        return tuple(self._tasks)

    def report(self) -> dict[str, Any]:
        """The target, and how many deliveries to which path got which status."""
        counted = [{"path": path, "status": status, "count": count} for (path, status), count in self.answers.items()]
        return {"base_url": self.base_url, "public_url": self.public_url, "answers": counted}
