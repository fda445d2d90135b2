"""What every webhook does once its vendor is believed: store, answer for it, read, pass on, settle."""

import asyncio
from collections.abc import Sequence

import structlog
from fastapi import Request, Response
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException

from activities.inbox.processing import read
from activities.inbox.readers import by_urgency
from api.passing_on import pass_on
from api.problems import ApiProblem, Code
from api.resources import Resources
from integrations.webhooks import WebhookRefused
from schema.contracts.inbox import Notice
from schema.repositories.inbox import InboxItem, Incoming

log = structlog.get_logger()

AT_ONCE = 4
"""Rows of one delivery read at the same time: a batch must not take every connection."""
PATIENCE_SECONDS = 8.0
"""For reading and passing on, before the vendor is answered all the same; the sweep does what is left."""

MAX_FIELDS = 1_000


async def refuse(resources: Resources, vendor: str, refusal: WebhookRefused) -> ApiProblem:
    """Counts a refusal; the 403 problem to raise says nothing about its reason."""
    await resources.refusals.count(vendor, refusal.reason)
    return ApiProblem(Code.WEBHOOK_REFUSED)


async def receive(resources: Resources, source: str, incoming: Sequence[Incoming]) -> Response:
    """Takes the events of a delivery. Once they are stored the vendor gets its 204, whatever comes after."""
    async with resources.database.transaction() as tx:
        items = await tx.inbox.store(source, by_urgency(incoming))
    if items:
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await _act(resources, items)
        except TimeoutError:
            log.warning("inbox_left_to_the_sweep", source=source, rows=len(items))
        except Exception as failure:  # noqa: BLE001 - the rows are safe, so the vendor need not repeat itself
            log.warning("inbox_left_to_the_sweep", source=source, rows=len(items), failure=type(failure).__name__)
    return Response(status_code=204)


async def _act(resources: Resources, items: Sequence[InboxItem]) -> None:
    slots = asyncio.Semaphore(AT_ONCE)

    async def one(item: InboxItem) -> InboxItem | None:
        async with slots:
            notices: list[Notice] = await read(resources.database, item)
            passed_on = bool(notices) and await pass_on(resources, notices)
        return item if passed_on else None

    done = await asyncio.gather(*(one(item) for item in items))
    settled = [item.id for item in done if item is not None]
    if settled:
        async with resources.database.transaction() as tx:
            await tx.inbox.settle(settled)


async def form_fields(request: Request, max_part: int) -> list[tuple[str, str]]:
    """The text fields of a form, in order; files are left where they are. Raises a 400 problem for what is no form."""
    try:
        async with request.form(max_files=MAX_FIELDS, max_fields=MAX_FIELDS, max_part_size=max_part) as form:
            return _texts(form)
    except (MultiPartException, HTTPException, ValueError) as failure:
        if isinstance(failure, HTTPException) and failure.status_code == 413:
            raise
        raise ApiProblem(Code.BAD_REQUEST) from failure


def _texts(form: FormData) -> list[tuple[str, str]]:
    return [(name, value) for name, value in form.multi_items() if isinstance(value, str)]
