"""`./scripts/outreach-storm [--sequences N] [--kills N] [--json FILE]`: outreach while everything is shot at.

N sequences with compressed days run at once on servers of their own. Workers, workflow server, database and API are
killed with SIGKILL in turn, again and again, while contractors answer, bounce, opt out and unsubscribe: each of these
arrives twice, mixed with late opens and deliveries. Afterwards the sandbox's mailboxes, which nobody killed, say
whether anybody got a message twice, after they had stopped it, or not at all.
"""

import argparse
import asyncio
import itertools
import json
import random
import signal
import time
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import httpx
from rich.console import Console
from rich.table import Table
from temporalio.client import Client
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError

from config.settings import Settings
from demo.own_servers import OwnServers
from demo.world import WorldError
from domain.cadence import is_business_day
from schema.contracts.outreach import SweepRequest
from schema.database import Database
from schema.tables import Contractor, Mailbox
from stack.errors import StackError
from temporal.clean_exit import leave
from workflows.sweep import OutreachSweepWorkflow

MOST_SEQUENCES = 2_000
DAY = 1 / 86_400
"""A second, in days: steps count in seconds here."""
LETTERS = ("case_study", "social_proof", "limited_offer", "final_follow_up")
SERVERS = frozenset({"temporal", "postgres"})
TARGETS = ("workers", "temporal", "postgres", "api", "workers", "postgres")
SWEEP_EVERY_SECONDS = 10
PATIENCE_SECONDS = 400
WAIT_FOR_STILLNESS_SECONDS = 15
SAY_EVERY_SECONDS = 10
SILENT, REPLY, OPT_OUT, BOUNCE, UNSUBSCRIBE = "silent", "reply", "opt_out", "bounce", "unsubscribe"
FATES = (SILENT,) * 5 + (REPLY, OPT_OUT, BOUNCE, UNSUBSCRIBE, REPLY)
PLACES = (
    ("Pacific/Guam", "GU", "671"),
    ("Pacific/Honolulu", "HI", "808"),
    ("America/Los_Angeles", "CA", "213"),
    ("America/New_York", "NY", "212"),
)


@dataclass
class Roofer:
    """A contractor of this run and what they will do."""

    id: UUID
    email: str
    phone: str
    fate: str
    after: int
    """How many letters they read before they do it."""
    stopped_at: datetime | None = None
    """When the platform had acknowledged their stop."""


class Storm(OwnServers):
    """One run; `go` returns the figures, among them what went wrong."""

    def __init__(self, sequences: int, kills: int, console: Console, seed: int = 7, home: Path | None = None) -> None:
        # How often somebody may be written to is counted in days, and these days are seconds; the sandbox's search
        # shows a message at once.
        super().__init__("storm", console, {"CONTACT_CAPS": "false", "VENDOR_SEARCH_SETTLES_SECONDS": "5"}, home)
        self._kills = kills
        self._random = random.Random(seed)
        self._roofers = [self._roofer(number) for number in range(sequences)]
        self._said = 0.0
        self._killed: Counter[str] = Counter()
        self._told: Counter[str] = Counter()
        place = legal_place(datetime.now(UTC))
        self._zone, self._state, self._area = place or PLACES[1]
        self._texts = place is not None

    async def run(
        self, settings: Settings, database: Database, client: Client, api: httpx.AsyncClient
    ) -> dict[str, Any]:
        """Launch, shoot, wait until it is still, count."""
        begun = time.perf_counter()
        async with httpx.AsyncClient(base_url=self.world.sandbox_url, timeout=60) as sandbox:
            self._sandbox, self._api = sandbox, api
            (await sandbox.post("/control/webhooks", json={"base_url": self.world.api_url})).raise_for_status()
            await self._fill(database)
            campaign = await self._launch()
            async with self.world.supervised():
                work = [
                    asyncio.create_task(self._shoot()),
                    asyncio.create_task(self._act()),
                    asyncio.create_task(self._sweep(client)),
                ]
                try:
                    await self._until_still(work[:2])
                finally:
                    for task in work:
                        task.cancel()
                    await asyncio.gather(*work, return_exceptions=True)
            return await self._count(database, campaign, time.perf_counter() - begun)

    def _roofer(self, number: int) -> Roofer:
        return Roofer(
            uuid4(),
            f"owner@storm{number}.example",
            "",
            self._random.choice(FATES),
            self._random.randint(1, len(LETTERS) - 1),
        )

    @property
    def steps(self) -> list[dict[str, Any]]:
        """Four letters and, where it is day somewhere, a text: a few seconds apart."""
        gap = max(10, len(self._roofers) // 12)
        steps: list[dict[str, Any]] = [
            {"day": gap * index * DAY, "channel": "email", "template": letter, "window": "any_time"}
            for index, letter in enumerate(LETTERS)
        ]
        if self._texts:
            text = {"channel": "sms", "template": "check_in", "window": "any_time", "condition": "has_phone"}
            steps.insert(3, {"day": gap * 2.5 * DAY, **text})
        return steps

    async def _fill(self, database: Database) -> None:
        self._console.print(f"{len(self._roofers)} contractors; texts {'included' if self._texts else 'left out'}")
        async with database.transaction() as tx:
            tx.session.add_all(
                Mailbox(address=f"dana{number}@mail.example", display_name="Dana at Ridgeline", daily_cap=100_000)
                for number in range(5)
            )
            for number, roofer in enumerate(self._roofers):
                roofer.phone = f"+1{self._area}555{1000 + number:04d}"
                tx.session.add(
                    Contractor(
                        id=roofer.id,
                        company_name=f"Storm Roofing {number}",
                        email=roofer.email,
                        email_domain=roofer.email.partition("@")[2],
                        phone=roofer.phone,
                        phone_kind="mobile",
                        city="Stormtown",
                        state=self._state,
                        timezone=self._zone,
                    )
                )
            await tx.session.flush()
            for roofer in self._roofers:
                await tx.people.grant_consent(roofer.phone, "sms", "express_written", "storm", wording="Text me")
            await tx.people.load_dnc({self._area: []}, datetime.now(UTC))

    async def _launch(self) -> UUID:
        body = {
            "name": "Storm", "city": "Stormtown", "state": self._state, "channels": ["email", "sms"],
            "sequence_steps": self.steps,
        }  # fmt: skip
        created = await self._api.post("/campaigns", json=body)
        created.raise_for_status()
        campaign = UUID(created.json()["campaign_id"])
        (await self._api.post(f"/campaigns/{campaign}/start")).raise_for_status()
        return campaign

    async def _shoot(self) -> None:
        """Kills one thing after another, each when the one before has had a moment to come back."""
        for target in itertools.islice(itertools.cycle(TARGETS), self._kills):
            await asyncio.sleep(self._random.uniform(6, 12))
            await asyncio.to_thread(self.world.stack.kill if target in SERVERS else self.world.kill, target)
            self._killed[target] += 1
            self._console.print(f"  killed {target}", highlight=False)

    async def _act(self) -> None:
        """Contractors do what they do once they have read enough."""
        waiting = {roofer.email: roofer for roofer in self._roofers if roofer.fate != SILENT}
        acting: set[asyncio.Task[None]] = set()
        while waiting or acting:
            by_recipient = await self._mails()
            for email, mails in by_recipient.items():
                if email in waiting and len(mails) >= waiting[email].after:
                    acting.add(asyncio.create_task(self._stop(waiting.pop(email), mails)))
            acting = {task for task in acting if not task.done()}
            await asyncio.sleep(0.5)

    async def _mails(self) -> dict[str, list[dict[str, Any]]]:
        found: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for mail in (await self._sandbox.get("/control/mailbox")).json()["mails"]:
            found[mail["to"]].append(mail)
        return found

    async def _stop(self, roofer: Roofer, mails: list[dict[str, Any]]) -> None:
        """Tells the platform, twice and out of order, until it has said that it heard."""
        await asyncio.sleep(self._random.uniform(0, 3))
        touchpoint = mails[-1]["custom_args"]["touchpoint_id"]
        while not await self._heard(roofer, touchpoint):  # noqa: ASYNC110 - the platform may be down
            await asyncio.sleep(0.5)
        roofer.stopped_at = datetime.now(UTC)
        self._told[roofer.fate] += 1
        # What the vendor knew earlier comes later.
        late = {"touchpoint_id": touchpoint, "events": [{"event": "open"}, {"event": "delivered"}], "copies": 2}
        await self._sandbox.post("/control/sendgrid/events", json=late)

    async def _heard(self, roofer: Roofer, touchpoint: str) -> bool:
        try:
            if roofer.fate == UNSUBSCRIBE:
                form = {"List-Unsubscribe": "One-Click"}
                answers = [await self._api.post(f"/unsubscribe/{touchpoint}", data=form) for _ in range(2)]
                return all(answer.is_success for answer in answers)
            if roofer.fate == BOUNCE:
                told = {"touchpoint_id": touchpoint, "events": [{"event": "bounce"}], "copies": 2}
                answer = await self._sandbox.post("/control/sendgrid/events", json=told)
            else:
                words = "Please take us off your list." if roofer.fate == OPT_OUT else "My cousin also has a truck."
                address = f"reply+{UUID(touchpoint).hex}@{self.world.settings().inbound_mail_domain}"
                told = {"to": address, "from": roofer.email, "subject": "Re: hello", "text": words, "copies": 2}
                answer = await self._sandbox.post("/control/sendgrid/reply", json=told)
        except httpx.TransportError:
            return False
        statuses = answer.json().get("statuses", []) if answer.is_success else []
        return bool(statuses) and all(status is not None and 200 <= status < 300 for status in statuses)

    async def _sweep(self, client: Client) -> None:
        """The sweep of every five minutes, every few seconds."""
        for number in itertools.count():
            await asyncio.sleep(SWEEP_EVERY_SECONDS)
            try:
                await client.start_workflow(
                    OutreachSweepWorkflow.run,
                    SweepRequest(older_than_seconds=20),
                    id=f"storm-sweep-{number}",
                    task_queue="orchestration",
                    execution_timeout=timedelta(seconds=60),
                )
            except (RPCError, WorkflowAlreadyStartedError):
                continue

    async def _until_still(self, work: Iterable["asyncio.Task[None]"]) -> None:
        """Until everybody was shot at and told, and nothing more arrives. Raises TimeoutError after a while."""
        last, since = -1, time.monotonic()
        async with asyncio.timeout(PATIENCE_SECONDS + len(self._roofers)):
            while True:
                await asyncio.sleep(1)
                for task in work:
                    if task.done() and task.exception() is not None:
                        task.result()
                mailbox = (await self._sandbox.get("/control/mailbox")).json()["count"]
                texts = (await self._sandbox.get("/control/texts")).json()["count"]
                if mailbox + texts != last:
                    last, since = mailbox + texts, time.monotonic()
                missing = sum((await self._missing()).values())
                self._say(f"{mailbox} letters, {texts} texts, {missing} to come, {sum(self._told.values())} stops")
                still = time.monotonic() - since > WAIT_FOR_STILLNESS_SECONDS
                if still and not missing and all(task.done() for task in work):
                    return

    def _say(self, progress: str) -> None:
        if time.monotonic() - self._said > SAY_EVERY_SECONDS:
            self._said = time.monotonic()
            self._console.print(f"  {progress}", highlight=False)

    async def _received(self) -> dict[UUID, list[tuple[str, datetime]]]:
        """Per contractor, the touches that reached them and when."""
        by_email = {roofer.email: roofer.id for roofer in self._roofers}
        by_phone = {roofer.phone: roofer.id for roofer in self._roofers}
        found: dict[UUID, list[tuple[str, datetime]]] = defaultdict(list)
        for email, mails in (await self._mails()).items():
            for mail in mails:
                at = datetime.fromisoformat(mail["received_at"])
                found[by_email[email]].append((mail["custom_args"]["touchpoint_id"], at))
        for text in (await self._sandbox.get("/control/texts")).json()["texts"]:
            if text["to"] in by_phone:
                at = datetime.fromisoformat(text["created_at"])
                found[by_phone[text["to"]]].append((text["body"], at))
        return found

    async def _missing(self) -> dict[UUID, int]:
        """How many touches each contractor who never stopped anything still lacks."""
        received = await self._received()
        expected = len(self.steps)
        return {
            roofer.id: expected - len({key for key, _ in received[roofer.id]})
            for roofer in self._roofers
            if roofer.fate == SILENT and len({key for key, _ in received[roofer.id]}) < expected
        }

    async def _count(self, database: Database, campaign: UUID, seconds: float) -> dict[str, Any]:
        received = await self._received()
        duplicates = sum(
            times - 1 for touches in received.values() for times in Counter(key for key, _ in touches).values()
        )
        stops = {roofer.id: roofer.stopped_at for roofer in self._roofers if roofer.stopped_at is not None}
        fates = {roofer.id: roofer.fate for roofer in self._roofers}
        late = [
            f"{fates[who]}, {(sent - at).total_seconds():.1f} s"
            for who, at in stops.items()
            for _, sent in received[who]
            if sent > at
        ]
        async with database.transaction() as tx:
            effects = await tx.effects.states("touch")
        return {
            "sequences": len(self._roofers),
            "messages": sum(len(touches) for touches in received.values()),
            "stops": dict(self._told),
            "kills": dict(self._killed),
            "duplicates": duplicates,
            "sent_after_stop": len(late),
            "late": late,
            "missing": sum((await self._missing()).values()),
            "effects": effects,
            "seconds": round(seconds, 1),
        }


def legal_place(now: datetime) -> tuple[str, str, str] | None:
    """A place where texts may be sent for the next quarter of an hour; None at hours when there is none."""
    for zone, state, area in PLACES:
        local = now.astimezone(ZoneInfo(zone))
        if 8 <= local.hour < 19 and is_business_day(local.date()):
            return zone, state, area
    return None


def passed(figures: dict[str, Any]) -> bool:
    """Nothing twice, nothing after a stop, nothing missing."""
    return not (figures["duplicates"] or figures["sent_after_stop"] or figures["missing"])


def show(figures: dict[str, Any], console: Console) -> None:
    """The figures as a table."""
    table = Table("", "", title="Outreach under fire", show_header=False)
    for name, value in figures.items():
        told = ", ".join(f"{key} {count}" for key, count in value.items()) if isinstance(value, dict) else str(value)
        table.add_row(name.replace("_", " "), told)
    console.print(table)


def arguments() -> argparse.Namespace:
    """The command line, checked."""
    parser = argparse.ArgumentParser(prog="./scripts/outreach-storm", description=__doc__)
    parser.add_argument("--sequences", type=int, default=500, metavar="N", help="sequences at once (500)")
    parser.add_argument("--kills", type=int, default=12, metavar="N", help="how often something is killed (12)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to FILE")
    parsed = parser.parse_args()
    if not 1 <= parsed.sequences <= MOST_SEQUENCES:
        parser.error(f"--sequences must be between 1 and {MOST_SEQUENCES}")
    return parsed


def main() -> int:
    """Run, print, and say by the exit status whether every promise was kept."""
    chosen = arguments()
    console = Console()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    storm = Storm(chosen.sequences, chosen.kills, console)
    try:
        figures = asyncio.run(storm.go())
        show(figures, console)
        if chosen.json is not None:
            chosen.json.write_text(json.dumps(figures, indent=2) + "\n")
        return 0 if passed(figures) else 1
    except (WorldError, StackError, TimeoutError, httpx.HTTPError) as failure:
        console.print(f"[red]The storm stopped:[/] {type(failure).__name__} {failure}", highlight=False)
        console.print(storm.last_words(), highlight=False, markup=False)
        return 1
    except KeyboardInterrupt:
        return 130
    finally:
        storm.close()


if __name__ == "__main__":
    leave(main())
