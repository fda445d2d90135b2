"""What every webhook does once its vendor is believed: store, answer for it, read, pass on, settle."""

import asyncio
import contextlib
from collections.abc import Sequence

import structlog
from fastapi import Request, Response
from sqlalchemy.exc import SQLAlchemyError
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException

from activities.inbox.processing import read
from activities.inbox.readers import by_urgency
from api.passing_on import pass_on
from api.problems import ApiProblem, Code, unavailable
from api.resources import Resources
from integrations.webhooks import WebhookRefused
from schema.contracts.inbox import Notice
from schema.repositories.inbox import InboxItem, Incoming

log = structlog.get_logger()

AT_ONCE = 4
"""Rows of one delivery read at the same time: a batch must not take every connection."""
PATIENCE_SECONDS = 8.0
"""For reading and passing on, before the vendor is asked to repeat itself."""
READ_AGAIN_AFTER = (0.2, 0.5, 1.0, 2.0)
"""Seconds; a database that comes back meanwhile costs nobody a message after their no."""

MAX_FIELDS = 1_000


async def refuse(resources: Resources, vendor: str, refusal: WebhookRefused) -> ApiProblem:
    """Counts a refusal; the 403 problem to raise says nothing about its reason."""
    await resources.refusals.count(vendor, refusal.reason)
    return ApiProblem(Code.WEBHOOK_REFUSED)


async def receive(resources: Resources, source: str, incoming: Sequence[Incoming]) -> Response:
    """Takes the events of a delivery: a 204 says that they were stored and that what they ask for holds from now on.

    Passing them on to the sequences may come later, by the sweep. Raises a 503 problem while nothing could be
    done: whoever delivers repeats that, and the sweep reads what is stored.
    """
    urgent = by_urgency(incoming)
    async with resources.database.transaction() as tx:
        items = await tx.inbox.store(source, urgent)
        if len(items) < len(urgent):
            known = {item.event_id for item in items}
            items += await tx.inbox.unread_of(source, {each.event_id for each in urgent} - known)
    if items:
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await _act(resources, items)
        except Exception as failure:
            log.warning("inbox_left_to_the_sweep", source=source, rows=len(items), failure=type(failure).__name__)
            raise unavailable("The database") from failure
    return Response(status_code=204)


async def _act(resources: Resources, items: Sequence[InboxItem]) -> None:
    slots = asyncio.Semaphore(AT_ONCE)

    async def one(item: InboxItem) -> InboxItem | None:
        async with slots:
            notices = await _read(resources, item)
            passed_on = bool(notices) and await pass_on(resources, notices or ())
        return item if passed_on else None

    done = await asyncio.gather(*(one(item) for item in items))
    settled = [item.id for item in done if item is not None]
    if settled:
        async with resources.database.transaction() as tx:
            await tx.inbox.settle(settled)


async def _read(resources: Resources, item: InboxItem) -> list[Notice] | None:
    """Reads a row, again if need be; None for one that cannot be read. Raises while there is no database."""
    for pause in READ_AGAIN_AFTER:
        with contextlib.suppress(SQLAlchemyError, OSError):
            notices = await read(resources.database, item)
            if notices is not None:
                return notices
        await asyncio.sleep(pause)
    return await read(resources.database, item)


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
