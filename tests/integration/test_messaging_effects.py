"""`perform_once` on a real ledger: whatever goes wrong, and whoever comes at once, the effect happens at most once."""

import asyncio
import contextlib
import subprocess
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from sqlalchemy import func, select, text
from sqlmodel import col

from activities.effects import Outcome, perform_once
from integrations.http import (
    VendorError,
    VendorNotReached,
    VendorRejected,
    VendorUnavailable,
    VendorUnreadable,
)
from schema.database import Database
from schema.effects import EffectState
from schema.tables import Effect, SystemEvent

KIND = "letter"


@dataclass
class Vendor:
    """A vendor that remembers what it did. `fails` is raised by the call, after or before acting."""

    fails: BaseException | None = None
    acts_first: bool = False
    forgetful: bool = False
    deaf: VendorError | None = None
    done: list[str] = field(default_factory=list)
    asked: int = 0

    def act(self, key: str) -> Callable[[], Awaitable[str]]:
        async def call() -> str:
            if self.fails is None or self.acts_first:
                self.done.append(key)
            if self.fails is not None:
                raise self.fails
            return f"id-{key}"

        return call

    async def find(self, key: str) -> str | None:
        self.asked += 1
        if self.deaf is not None:
            raise self.deaf
        return f"id-{key}" if key in self.done and not self.forgetful else None


async def perform(database: Database, vendor: Vendor, key: str, subject: UUID | None = None) -> Outcome:
    return await perform_once(database, key, KIND, subject or uuid4(), vendor.act(key), vendor.find)


async def row(database: Database, key: str) -> Effect | None:
    async with database.transaction() as tx:
        return await tx.effects.get(key)


async def begin(database: Database, key: str) -> None:
    """What an attempt leaves behind that dies before its record."""
    async with database.transaction() as tx:
        assert await tx.effects.begin(key, KIND, uuid4()) is EffectState.NEW


async def events(database: Database, subject: UUID) -> list[tuple[str, str]]:
    async with database.transaction() as tx:
        return [(str(event.event_type), str(event.severity)) for event in await tx.events.of(KIND, subject)]


def error(kind: type[VendorError], *rest: int) -> VendorError:
    return kind("vendor", "act", "failed", *rest)


async def test_the_first_call_acts_and_every_later_one_only_reads(database: Database) -> None:
    vendor = Vendor()
    first = await perform(database, vendor, "letter-1")
    assert first == Outcome(EffectState.DONE, "id-letter-1", fresh=True)
    for _ in range(3):
        assert await perform(database, vendor, "letter-1") == Outcome(EffectState.DONE, "id-letter-1")
    assert vendor.done == ["letter-1"]
    assert vendor.asked == 0


# What an error of the call leads to: (error, did the vendor act, does it tell) → ledger, effects, questions, event.
CASES = {
    "bad request": (error(VendorRejected, 400), False, True, EffectState.FAILED, 0, "effect_refused"),
    "too large": (error(VendorRejected, 413), False, True, EffectState.FAILED, 0, "effect_refused"),
    "timed out, was done": (error(VendorUnavailable), True, True, EffectState.DONE, 1, None),
    "timed out, was not": (error(VendorUnavailable), False, True, EffectState.UNKNOWN, 1, "effect_unknown"),
    "500, was done, not told": (error(VendorUnavailable), True, False, EffectState.UNKNOWN, 1, "effect_unknown"),
    "unreadable answer, was done": (error(VendorUnreadable), True, True, EffectState.DONE, 1, None),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
async def test_errors_after_which_the_key_is_settled(
    database: Database, case: tuple[VendorError, bool, bool, EffectState, int, str | None]
) -> None:
    fails, acts, tells, state, questions, event = case
    vendor, subject = Vendor(fails=fails, acts_first=acts, forgetful=not tells), uuid4()
    outcome = await perform(database, vendor, "letter-2", subject)
    assert (outcome.state, outcome.fresh, vendor.asked) == (state, True, questions)
    severities = {"effect_refused": "warning", "effect_unknown": "error"}
    assert await events(database, subject) == ([(event, severities[event])] if event else [])

    vendor.fails = None  # even when the vendor is well again, nobody guesses
    again = await perform(database, vendor, "letter-2", subject)
    assert (again.state, again.fresh) == (state, False)
    assert len(vendor.done) == int(acts)


@pytest.mark.parametrize(
    "fails",
    [error(VendorNotReached), error(VendorRejected, 401), error(VendorRejected, 403), error(VendorRejected, 404)],
    ids=["never connected", "401", "403", "404"],
)
async def test_errors_that_did_nothing_free_the_key(database: Database, fails: VendorError) -> None:
    vendor = Vendor(fails=fails)
    with pytest.raises(type(fails)):
        await perform(database, vendor, "letter-3")
    assert await row(database, "letter-3") is None
    vendor.fails = None
    assert (await perform(database, vendor, "letter-3")).state is EffectState.DONE
    assert vendor.done == ["letter-3"]


@pytest.mark.parametrize(
    ("was_done", "state"), [(True, EffectState.DONE), (False, EffectState.UNKNOWN)], ids=["found", "not found"]
)
async def test_a_started_row_is_asked_about_and_never_acted_on(
    database: Database, was_done: bool, state: EffectState
) -> None:
    vendor, subject = Vendor(done=["letter-4"] if was_done else []), uuid4()
    await begin(database, "letter-4")
    outcome = await perform(database, vendor, "letter-4", subject)
    assert (outcome.state, vendor.asked, len(vendor.done)) == (state, 1, int(was_done))
    assert await events(database, subject) == ([] if was_done else [("effect_unknown", "error")])


async def test_a_vendor_that_cannot_be_asked_leaves_the_question_open(database: Database) -> None:
    vendor = Vendor(done=["letter-5"], deaf=error(VendorUnavailable))
    await begin(database, "letter-5")
    with pytest.raises(VendorUnavailable):
        await perform(database, vendor, "letter-5")
    vendor.deaf = None
    assert (await perform(database, vendor, "letter-5")).state is EffectState.DONE
    assert vendor.done == ["letter-5"]


async def test_a_vendor_that_will_not_be_asked_leaves_it_to_a_person(database: Database) -> None:
    vendor, subject = Vendor(done=["letter-6"], deaf=error(VendorRejected, 403)), uuid4()
    await begin(database, "letter-6")
    assert (await perform(database, vendor, "letter-6", subject)).state is EffectState.UNKNOWN
    assert await events(database, subject) == [("effect_unknown", "error")]


async def test_our_own_bug_after_the_effect_counts_as_a_crash(database: Database) -> None:
    vendor = Vendor(fails=KeyError("bug"), acts_first=True)
    with pytest.raises(KeyError):
        await perform(database, vendor, "letter-7")
    vendor.fails = None
    assert (await perform(database, vendor, "letter-7")).state is EffectState.DONE
    assert vendor.done == ["letter-7"]


@pytest.mark.parametrize("callers", [2, 6])
async def test_callers_at_once_make_one_effect(database: Database, callers: int) -> None:
    """The others wait for the first instead of taking it for dead."""
    vendor = Vendor()
    entered = 0
    everyone_waits = asyncio.Event()
    act = vendor.act("letter-8")

    async def slow() -> str:
        nonlocal entered
        entered += 1
        await asyncio.wait_for(everyone_waits.wait(), 10)
        return await act()

    async def caller() -> Outcome:
        return await perform_once(database, "letter-8", KIND, uuid4(), slow, vendor.find)

    calls = [asyncio.create_task(caller()) for _ in range(callers)]
    await _until(lambda: _waiting(database), callers - 1)
    everyone_waits.set()
    outcomes = await asyncio.gather(*calls)
    assert entered == 1
    assert vendor.done == ["letter-8"]
    assert sorted(outcome.fresh for outcome in outcomes) == [False] * (callers - 1) + [True]
    assert {outcome.state for outcome in outcomes} == {EffectState.DONE}


async def _waiting(database: Database) -> int:
    async with database.engine.connect() as connection:
        found = await connection.execute(
            text(
                "SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = 'advisory'"
                " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
            )
        )
        return int(found.scalar_one())


async def _until(read: Callable[[], Awaitable[int]], expected: int) -> None:
    async with asyncio.timeout(10):
        while await read() < expected:
            pass  # each look is a round trip to the database


async def test_cancellation_lets_an_effect_under_way_finish_and_be_recorded(database: Database) -> None:
    vendor = Vendor()
    acting, go_on = asyncio.Event(), asyncio.Event()

    async def slow() -> str:
        acting.set()
        await go_on.wait()
        return await vendor.act("letter-9")()

    call = asyncio.create_task(perform_once(database, "letter-9", KIND, uuid4(), slow, vendor.find))
    await acting.wait()
    call.cancel()
    await asyncio.sleep(0)
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await call
    settled = await row(database, "letter-9")
    assert settled is not None
    assert (settled.state, settled.external_id) == ("done", "id-letter-9")


async def test_what_follows_is_written_with_the_outcome_or_not_at_all(database: Database) -> None:
    vendor, subject = Vendor(), uuid4()

    async def record(tx: object, outcome: Outcome) -> None:
        await tx.events.record("letter_sent", KIND, subject)  # type: ignore[attr-defined]
        raise RuntimeError("the database is full")

    with pytest.raises(RuntimeError):
        await perform_once(database, "letter-10", KIND, subject, vendor.act("letter-10"), vendor.find, record)
    assert await events(database, subject) == []
    state = await row(database, "letter-10")
    assert state is not None
    assert state.state == "started"
    assert (await perform(database, vendor, "letter-10", subject)).state is EffectState.DONE
    assert vendor.done == ["letter-10"]


CRASHING = """
import asyncio, os, sys
from pathlib import Path
from uuid import uuid4
from activities.effects import perform_once
from config.settings import Settings
from schema.database import Database
from schema.pii import PiiVault

key, moment, log = sys.argv[1:]

def die(now):
    if now == moment:
        os._exit(9)

async def act():
    die("before")
    with open(log, "a") as file:
        file.write(key + "\\n")
        file.flush()
        os.fsync(file.fileno())
    die("after")
    return "id"

async def record(tx, outcome):
    die("settling")

async def find(key):
    raise AssertionError("the first attempt asks nobody")

async def main():
    settings = Settings()
    db = Database(settings.database_url, PiiVault.from_settings(settings))
    await perform_once(db, key, "letter", uuid4(), act, find, record)

asyncio.run(main())
"""


@pytest.mark.parametrize(
    ("moment", "state"),
    [("before", EffectState.UNKNOWN), ("after", EffectState.DONE), ("settling", EffectState.DONE)],
)
async def test_a_process_that_dies_never_makes_a_second_effect(
    database: Database, environment: dict[str, str], tmp_path: Path, moment: str, state: EffectState
) -> None:
    """The process is truly gone (`os._exit`); its lock goes with its connection."""
    log = tmp_path / "vendor.log"
    died = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", CRASHING, "letter-11", moment, str(log)],
        env=environment,
        capture_output=True,
        timeout=60,
    )
    assert died.returncode == 9, died.stderr.decode()
    left = await row(database, "letter-11")
    assert left is not None
    assert left.state == "started"
    done = log.read_text().split() if log.exists() else []
    vendor = Vendor(done=done)
    outcome = await perform(database, vendor, "letter-11")
    assert (outcome.state, vendor.asked) == (state, 1)
    assert vendor.done == done
    assert len(done) == (0 if moment == "before" else 1)


async def test_different_keys_do_not_wait_for_each_other(database: Database) -> None:
    first_acts, second_done = asyncio.Event(), asyncio.Event()
    vendor = Vendor()

    async def slow() -> str:
        first_acts.set()
        await asyncio.wait_for(second_done.wait(), 10)
        return "first"

    call = asyncio.create_task(perform_once(database, "letter-12", KIND, uuid4(), slow, vendor.find))
    await first_acts.wait()
    assert (await perform(database, vendor, "letter-13")).state is EffectState.DONE
    second_done.set()
    assert (await call).external_id == "first"


async def test_every_ledger_row_is_settled_or_in_question(database: Database) -> None:
    """After a storm of failures no row is left `started`: each is done, failed, unknown or free again."""
    failures: list[VendorError | None] = [
        None, error(VendorUnavailable), error(VendorRejected, 400), error(VendorRejected, 401),
        error(VendorNotReached), error(VendorUnreadable),
    ]  # fmt: skip
    for number, fails in enumerate(failures):
        with contextlib.suppress(VendorError):
            await perform(database, Vendor(fails=fails), f"letter-storm-{number}")
    async with database.transaction() as tx:
        states = (await tx.session.scalars(select(col(Effect.state)).order_by(col(Effect.key)))).all()
        errors = await tx.session.scalar(
            select(func.count()).select_from(SystemEvent).where(col(SystemEvent.severity) == "error")
        )
    assert list(states) == ["done", "unknown", "failed", "unknown"]
    assert errors == 2
