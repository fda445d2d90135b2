"""A server on loopback that remembers every request it gets, byte for byte, and answers as the test wants."""

import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self
from urllib.parse import parse_qsl

import uvicorn
from starlette.types import ASGIApp, Message, Receive, Scope, Send

WAIT_SECONDS = 20


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it came in. Header names are in lower case; the query is as it was written."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes

    @property
    def parameters(self) -> dict[str, str]:
        """The query's parameters."""
        return dict(parse_qsl(self.query, keep_blank_values=True))

    @property
    def form(self) -> dict[str, str]:
        """The fields of a form."""
        return dict(parse_qsl(self.body.decode(), keep_blank_values=True))


@dataclass(frozen=True, slots=True)
class Reply:
    """What to answer. `cut` is how many bytes of the body to keep back while promising them all."""

    status: int = 200
    body: bytes = b""
    content_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()
    cut: int = 0


Answer = Callable[[Request], Reply | None]
"""What to say to a request; None leaves it to the application behind."""


class Wire:
    """The server, in a thread of its own. Requests that `answer` has nothing for go to `app`."""

    def __init__(self, answer: Answer, app: ASGIApp | None = None) -> None:
        self.requests: list[Request] = []
        self.answer, self._app = answer, app
        self._arrived = threading.Condition()
        listening = socket.socket()
        listening.bind(("127.0.0.1", 0))
        # Listening before the server runs: whoever connects meanwhile waits and is not refused.
        listening.listen()
        self.url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        config = uvicorn.Config(self._serve, interface="asgi3", log_level="warning", access_log=False, lifespan="off")
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, args=([listening],), daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def says(self, answer: Answer) -> None:
        """Answer like this from now on, and forget what was asked before."""
        self.answer = answer
        self.requests.clear()

    def close(self) -> None:
        """Stop serving."""
        self._server.should_exit = True
        self._thread.join(WAIT_SECONDS)

    def to(self, path: str) -> list[Request]:
        """Requests to this path so far."""
        return [request for request in self.requests if request.path == path]

    def wait_for(self, path: str, count: int = 1) -> list[Request]:
        """Requests to this path, once there are as many; fails the test when they do not come."""
        with self._arrived:
            assert self._arrived.wait_for(lambda: len(self.to(path)) >= count, WAIT_SECONDS), f"{path}: {self.to(path)}"
            return self.to(path)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = await _whole(receive)
        headers = {name.decode().lower(): value.decode() for name, value in scope["headers"]}
        request = Request(scope["method"], scope["path"], scope["query_string"].decode(), headers, body)
        reply = self.answer(request)
        with self._arrived:
            self.requests.append(request)
            self._arrived.notify_all()
        if reply is None:
            assert self._app is not None
            await self._app(scope, _again(body), send)
        else:
            await _send(reply, send)


async def _whole(receive: Receive) -> bytes:
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            return bytes(body)


def _again(body: bytes) -> Receive:
    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    return receive


async def _send(reply: Reply, send: Send) -> None:
    headers = [
        ("content-type", reply.content_type),
        ("content-length", str(len(reply.body))),
        ("connection", "close"),
        *reply.headers,
    ]
    raw = [(name.encode(), value.encode()) for name, value in headers]
    await send({"type": "http.response.start", "status": reply.status, "headers": raw})
    kept = reply.body[: len(reply.body) - reply.cut]
    await send({"type": "http.response.body", "body": kept, "more_body": bool(reply.cut)})
