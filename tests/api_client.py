"""A client of the API in this process, with its lifespan run as a server would."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from fastapi import FastAPI

from api.problems import KINDS, Code


@asynccontextmanager
async def serving(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """A client of `app`; a failure nobody handles is an answer, as over the wire."""
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000", timeout=30) as client:
            yield client


def problem(response: httpx.Response, code: Code) -> dict[str, object]:
    """The problem document, after asserting the shape RFC 9457 and we ask for."""
    kind = KINDS[code]
    assert response.headers["content-type"] == "application/problem+json", response.text
    document: dict[str, object] = response.json()
    assert (document["code"], response.status_code) == (code.value, kind.status), document
    assert document["type"] == f"urn:ridgeline:problem:{code.value}"
    assert document["title"] == kind.title
    assert document["status"] == kind.status
    assert document["instance"] == f"urn:ridgeline:request:{response.headers['x-request-id']}"
    return document
