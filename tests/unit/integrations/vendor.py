"""A vendor that says what the test wants it to say."""

import json
from collections.abc import Callable, Sequence
from typing import Any

import httpx

from integrations.http import ApiCall, VendorHttp


class Vendor:
    """Answers requests from a list (the last one for ever) or a function; remembers requests and metered calls."""

    def __init__(
        self, *answers: httpx.Response | Exception, by: Callable[[httpx.Request], httpx.Response] | None = None
    ):
        self._answers: Sequence[httpx.Response | Exception] = answers
        self._by = by
        self.requests: list[httpx.Request] = []
        self.calls: list[ApiCall] = []
        client = httpx.AsyncClient(transport=httpx.MockTransport(self._answer))
        self.http = VendorHttp("vendor", client, "https://vendor.example", self._book)

    @property
    def params(self) -> dict[str, str]:
        """Query parameters of the last request."""
        return dict(self.requests[-1].url.params)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        if self._by is not None:
            return self._by(request)
        answer = self._answers[min(len(self.requests), len(self._answers)) - 1]
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def _book(self, call: ApiCall) -> None:
        self.calls.append(call)


def says(body: Any, status: int = 200, **headers: str) -> httpx.Response:
    """A response with JSON, text or raw bytes."""
    content = body if isinstance(body, str | bytes) else json.dumps(body)
    return httpx.Response(status, content=content, headers=headers)
