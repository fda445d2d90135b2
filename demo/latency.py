"""`./scripts/halt-latency [--sequences N] [--json FILE]`: how long a reply takes to halt a sequence.

On servers of its own, with the real API and workers: N sequences wait for their next touch. For each, a reply
arrives at the webhook, and the time runs until the workflow has left the outreach, as its history shows. Beside it,
on as many other sequences of the same run and observed in the same way, the same event goes straight to the
workflow as a bare signal: the difference is what the webhook costs. When the webhook has answered, the halt is in
the database already, which is what keeps a send under way from going out.
"""

import argparse
import asyncio
import json
import signal
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
from rich.console import Console
from rich.table import Table
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowHandle
from temporalio.service import RPCError, RPCStatusCode

from config.settings import Settings
from demo.own_servers import OwnServers
from demo.world import WorldError
from schema.contracts.ids import sequence_workflow_id
from schema.contracts.outreach import ContactEvent, EventKind, SequenceStatus
from schema.database import Database
from schema.tables import Contractor, OutreachTouchpoint
from stack.errors import StackError
from temporal.clean_exit import leave
from workflows.sequence import ContractorSequenceWorkflow

MOST_SEQUENCES = 2_000
WARM_UP = 10
LOOK_EVERY_SECONDS = 0.001
LIMIT_SECONDS = 60
AT_ONCE = 8
STEP = {"day": 3, "channel": "email", "template": "cold_introduction", "window": "any_time"}
PASSING = frozenset({RPCStatusCode.DEADLINE_EXCEEDED, RPCStatusCode.UNAVAILABLE, RPCStatusCode.CANCELLED})
"""Answers of a server or a worker that is not up to it yet."""
NEW_STAGE = EventType.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES
WORDS = "My cousin also has a truck."
"""An answer that only a person can read: what follows it in the workflow is as short as it can be."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A contractor whose sequence waits, and the touch they could answer."""

    contractor_id: UUID
    touchpoint_id: UUID
    email: str


@dataclass(frozen=True, slots=True)
class Figures:
    """What one kind of halt took, in milliseconds."""

    count: int
    p50: float
    p99: float
    most: float

    @classmethod
    def of(cls, seconds: Sequence[float]) -> "Figures":
        """The figures of measured times."""
        ordered = sorted(seconds)

        def at(share: float) -> float:
            return round(ordered[min(len(ordered) - 1, int(share * len(ordered)))] * 1000, 2)

        return cls(len(ordered), at(0.50), at(0.99), round(ordered[-1] * 1000, 2))


class Measurement(OwnServers):
    """One run on servers of its own; `go` returns the figures."""

    def __init__(self, sequences: int, console: Console) -> None:
        super().__init__("latency", console)
        self._sequences = sequences

    async def run(
        self, settings: Settings, database: Database, client: Client, api: httpx.AsyncClient
    ) -> dict[str, Any]:
        body = {"name": "Halt latency", "steps": [STEP]}
        created = await api.post("/sequences", json=body)
        created.raise_for_status()
        campaign = UUID(created.json()["sequence_id"])
        total = 2 * (self._sequences + WARM_UP)
        self._console.print(f"Enrolling {total} contractors")
        waiting = await self._contractors(database, campaign, total)
        handles = await self._enroll(api, client, campaign, waiting)
        token = settings.sendgrid_inbound_token.get_secret_value()
        domain = settings.inbound_mail_domain
        self._console.print(f"Measuring {self._sequences} replies and {self._sequences} bare signals in turn")
        replies: list[float] = []
        answers: list[float] = []
        signals: list[float] = []
        for number in range(self._sequences + WARM_UP):
            by_reply, by_signal = waiting[2 * number], waiting[2 * number + 1]
            message = reply_to(by_reply, domain)
            halted, answered = await timed(partial(post_reply, api, token, message), handles[by_reply.contractor_id])
            event = ContactEvent(event_id=f"bare:{by_signal.contractor_id}", kind=EventKind.REPLIED, at=now())
            handle = handles[by_signal.contractor_id]
            bare, _ = await timed(partial(handle.signal, ContractorSequenceWorkflow.event, event), handle)
            if number >= WARM_UP:
                replies.append(halted)
                answers.append(answered)
                signals.append(bare)
        return report(Figures.of(replies), Figures.of(answers), Figures.of(signals))

    async def _contractors(self, database: Database, campaign: UUID, number: int) -> list[Waiting]:
        waiting = [Waiting(uuid4(), uuid4(), f"owner@roofer-{index}.example") for index in range(number)]
        async with database.transaction() as tx:
            tx.session.add_all(
                Contractor(
                    id=who.contractor_id,
                    company_name=f"Roofer {index}",
                    email=who.email,
                    email_domain=who.email.partition("@")[2],
                    city="Austin",
                    state="TX",
                    timezone="America/Chicago",
                )
                for index, who in enumerate(waiting)
            )
            await tx.session.flush()
            tx.session.add_all(
                OutreachTouchpoint(
                    id=who.touchpoint_id,
                    contractor_id=who.contractor_id,
                    campaign_id=campaign,
                    channel="email",
                    status="sent",
                    sent_at=now(),
                    purpose="outreach",
                )
                for who in waiting
            )
        return waiting

    async def _enroll(
        self, api: httpx.AsyncClient, client: Client, campaign: UUID, waiting: Sequence[Waiting]
    ) -> dict[UUID, WorkflowHandle[Any, Any]]:
        """Starts every sequence and waits until each waits for its touch."""
        slots = asyncio.Semaphore(AT_ONCE)
        handles: dict[UUID, WorkflowHandle[Any, Any]] = {}

        async def one(who: Waiting) -> None:
            async with slots:
                body = {"contractor_id": str(who.contractor_id)}
                (await api.post(f"/sequences/{campaign}/enroll", json=body)).raise_for_status()
                handle = client.get_workflow_handle(sequence_workflow_id(campaign, who.contractor_id))
                await until(handle, lambda status: status.next_touch is not None)
                handles[who.contractor_id] = handle

        await asyncio.gather(*(one(who) for who in waiting))
        return handles


async def timed(act: Callable[[], Awaitable[Any]], handle: WorkflowHandle[Any, Any]) -> tuple[float, float]:
    """Seconds from the start of `act` until the workflow has left the outreach, and until `act` was answered."""
    listening = asyncio.Event()
    watching = asyncio.create_task(left_the_outreach(handle, listening))
    await listening.wait()
    started = time.perf_counter()
    act_done = asyncio.create_task(answered(act, started))
    halted = await watching - started
    return halted, await act_done


async def answered(act: Callable[[], Awaitable[Any]], started: float) -> float:
    """Seconds until `act` has its answer."""
    await act()
    return time.perf_counter() - started


async def left_the_outreach(handle: WorkflowHandle[Any, Any], listening: asyncio.Event) -> float:
    """When the workflow entered its next phase, by our clock: it writes the new stage into its history.

    The server tells us as it happens, so that watching takes nothing from what is measured. `listening` is set once
    everything older is known. Raises TimeoutError after a minute.
    """
    known = (await handle.describe()).history_length
    seen = 0
    async with asyncio.timeout(LIMIT_SECONDS):
        async for event in handle.fetch_history_events(wait_new_event=True):
            seen += 1
            if seen >= known:
                listening.set()
            if seen > known and event.event_type == NEW_STAGE:
                return time.perf_counter()
    raise TimeoutError("the sequence ended without leaving the outreach")


async def until(handle: WorkflowHandle[Any, Any], holds: Callable[[SequenceStatus], bool]) -> None:
    """Asks the workflow again and again, with a pause of a millisecond. Raises TimeoutError after a minute."""

    async def holds_now() -> bool:
        try:
            return holds(await handle.query(ContractorSequenceWorkflow.status))
        except RPCError as failure:
            if failure.status not in PASSING:
                raise
            return False

    async with asyncio.timeout(LIMIT_SECONDS):
        while not await holds_now():  # noqa: ASYNC110 - the workflow is another process
            await asyncio.sleep(LOOK_EVERY_SECONDS)


async def post_reply(api: httpx.AsyncClient, token: str, message: dict[str, str]) -> None:
    """Delivers an e-mail as SendGrid's Inbound Parse does."""
    parts = {name: (None, value) for name, value in message.items()}
    (await api.post(f"/webhooks/sendgrid/inbound/{token}", files=parts)).raise_for_status()


def reply_to(who: Waiting, domain: str) -> dict[str, str]:
    """An answer to the touch of a contractor."""
    to = f"reply+{who.touchpoint_id.hex}@{domain}"
    return {
        "headers": f"Message-ID: <{uuid4()}@roofer.example>\r\n",
        "from": f"Owner <{who.email}>",
        "to": to,
        "subject": "Re: your letter",
        "text": WORDS,
        "envelope": json.dumps({"to": [to], "from": who.email}),
    }


def report(replies: Figures, answers: Figures, signals: Figures) -> dict[str, Any]:
    """The figures, and how many times a bare signal's time a reply takes."""
    rows = {"reply_to_halted": replies, "webhook_answered": answers, "bare_signal": signals}
    plain = {
        name: {"count": each.count, "p50_ms": each.p50, "p99_ms": each.p99, "max_ms": each.most}
        for name, each in rows.items()
    }
    ratio = {"p50": round(replies.p50 / signals.p50, 2), "p99": round(replies.p99 / signals.p99, 2)}
    return {**plain, "ratio_to_bare_signal": ratio}


def show(figures: dict[str, Any], console: Console) -> None:
    """The figures as a table."""
    table = Table("", "times", "p50 ms", "p99 ms", "max ms", title="From a reply to a halted sequence")
    for name, words in (
        ("reply_to_halted", "reply webhook → workflow halted"),
        ("webhook_answered", "reply webhook → answered (halt committed)"),
        ("bare_signal", "bare signal → workflow halted"),
    ):
        row = figures[name]
        table.add_row(words, str(row["count"]), f"{row['p50_ms']}", f"{row['p99_ms']}", f"{row['max_ms']}")
    ratio = figures["ratio_to_bare_signal"]
    table.add_row("reply ÷ bare signal", "", f"{ratio['p50']}", f"{ratio['p99']}", "")
    console.print(table)


def now() -> datetime:
    """The time, with its zone."""
    return datetime.now(UTC)


def arguments() -> argparse.Namespace:
    """The command line, checked."""
    parser = argparse.ArgumentParser(prog="./scripts/halt-latency", description=__doc__)
    parser.add_argument("--sequences", type=int, default=200, metavar="N", help="replies to measure (200)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to FILE")
    parsed = parser.parse_args()
    if not 1 <= parsed.sequences <= MOST_SEQUENCES:
        parser.error(f"--sequences must be between 1 and {MOST_SEQUENCES}")
    if parsed.json is not None and not parsed.json.resolve().parent.is_dir():
        parser.error(f"--json: the folder {parsed.json.resolve().parent} does not exist")
    return parsed


def main() -> int:
    """Measure and print."""
    chosen = arguments()
    console = Console()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    measurement = Measurement(chosen.sequences, console)
    try:
        figures = asyncio.run(measurement.go())
        show(figures, console)
        if chosen.json is not None:
            chosen.json.write_text(json.dumps(figures, indent=2) + "\n")
    except (WorldError, StackError, TimeoutError, httpx.HTTPError) as failure:
        console.print(f"[red]The measurement stopped:[/] {type(failure).__name__} {failure}", highlight=False)
        console.print(measurement.last_words(), highlight=False, markup=False)
        return 1
    except KeyboardInterrupt:
        return 130
    finally:
        measurement.close()
    return 0


if __name__ == "__main__":
    leave(main())
