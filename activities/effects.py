"""The one way to do something outside that must not happen twice (decision 0003).

The ledger row is committed before the effect and settled after it. Whoever finds a row that was started
and not settled asks the vendor whether it happened; if nobody can tell, a person decides. The effect
itself is never repeated on a guess.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from uuid import UUID

import structlog

from integrations.http import VendorError, VendorNotReached, VendorRejected, VendorUnavailable
from schema.database import Database, UnitOfWork
from schema.effects import EffectState
from schema.tables import Effect

log = structlog.get_logger()

Perform = Callable[[], Awaitable[str | None]]
"""Does the effect; returns the vendor's id of it."""
Find = Callable[[str], Awaitable[str | None]]
"""Asks the vendor for the effect with this key; returns its id, or None if the vendor knows none."""

NOT_LET_IN = frozenset({401, 402, 403, 404, 405})
"""Refusals of us rather than of the request: nothing happened, and once our set-up is mended it may go on."""


class Withheld(Exception):
    """Raised by a gate: the vendor was asked nothing, and the key is free again."""


Gate = Callable[[UnitOfWork], AbstractAsyncContextManager[None]]
"""Entered right before the effect and left right after it; raises Withheld where it must not happen after all.

It gets the transaction that holds the effect's lock, so it needs no connection of its own. That transaction
ends after the effect was recorded: what the gate locks it should let go of itself, with a savepoint.
"""


class Meaning(StrEnum):
    """What an error says about the effect."""

    DID_NOTHING = "did_nothing"
    REFUSED = "refused"
    UNCLEAR = "unclear"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the effect stands in the ledger; `fresh` when this call settled it."""

    state: EffectState
    external_id: str | None = None
    fresh: bool = False


Record = Callable[[UnitOfWork, Outcome], Awaitable[None]]
"""Writes what follows from an outcome, in the transaction that settles it."""


def meaning_of(error: VendorError) -> Meaning:
    """Whether a failed call may have had its effect all the same."""
    if isinstance(error, VendorNotReached):
        return Meaning.DID_NOTHING
    if isinstance(error, VendorRejected):
        return Meaning.DID_NOTHING if error.status in NOT_LET_IN else Meaning.REFUSED
    return Meaning.UNCLEAR


async def perform_once(
    db: Database,
    key: str,
    kind: str,
    subject_id: UUID,
    effect: Perform,
    find: Find,
    record: Record | None = None,
    gate: Gate | None = None,
    search_settles: timedelta | None = None,
) -> Outcome:
    """Does `effect` unless the ledger knows `key`; returns how it stands.

    Raises the vendor's error when nothing happened (the key is free again) or when the vendor cannot be
    asked right now (the next attempt asks again), and Withheld when the gate stays shut. With
    `search_settles`, an effect of which the vendor knows nothing so long after it was begun did not happen
    and is done now; before that VendorUnavailable says when to ask again. Without it a person decides. Holds one pooled
    connection while it runs, so fewer callers than the pool has connections may run at once.
    """
    work = asyncio.ensure_future(_Attempt(db, key, kind, subject_id, effect, find, record, gate, search_settles).run())
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        # An effect under way is finished and recorded, not torn off: clients bound it by their time-outs.
        await asyncio.wait([work])
        if not work.cancelled() and (error := work.exception()) is not None:
            log.warning("effect failed during cancellation", kind=kind, error_type=type(error).__name__)
        raise


@dataclass(frozen=True, slots=True)
class _Attempt:
    db: Database
    key: str
    kind: str
    subject_id: UUID
    effect: Perform
    find: Find
    record: Record | None
    gate: Gate | None
    search_settles: timedelta | None

    async def run(self) -> Outcome:
        async with self._alone() as guard:
            async with self.db.transaction() as tx:
                begun = await tx.effects.begin(self.key, self.kind, self.subject_id)
                row = await tx.effects.get(self.key)
            if begun is EffectState.NEW:
                outcome = await self._perform(guard)
            elif begun is EffectState.STARTED:
                outcome = await self._take_up(guard, row)
            else:
                return Outcome(begun, row.external_id if row else None)
            return await self._settle(outcome)

    @asynccontextmanager
    async def _alone(self) -> AsyncIterator[UnitOfWork]:
        """Nobody else works on this key meanwhile: a row found started is then an attempt that died."""
        async with self.db.transaction() as guard:
            await guard.effects.lock(self.key)
            yield guard

    async def _perform(self, guard: UnitOfWork) -> Outcome:
        try:
            return Outcome(EffectState.DONE, await self._act(guard))
        except VendorError as error:
            meaning = meaning_of(error)
            if meaning is Meaning.UNCLEAR:
                return await self._ask(str(error)) or Outcome(EffectState.UNKNOWN)
            if meaning is Meaning.REFUSED:
                await self._tell("effect_refused", str(error), "warning")
                return Outcome(EffectState.FAILED)
            await self._release()
            raise

    async def _act(self, guard: UnitOfWork) -> str | None:
        async with AsyncExitStack() as stack:
            if self.gate is not None:
                try:
                    await stack.enter_async_context(self.gate(guard))
                except Exception:
                    # Shut or broken: either way the vendor was asked nothing.
                    await self._release()
                    raise
            return await self.effect()

    async def _release(self) -> None:
        async with self.db.transaction() as tx:
            await tx.effects.release(self.key)

    async def _take_up(self, guard: UnitOfWork, row: Effect | None) -> Outcome:
        """Goes on where an attempt ended between the effect and its record."""
        began = row.started_at if row is not None else datetime.now(UTC)
        age = datetime.now(UTC) - began
        outcome = await self._ask("an earlier attempt ended between the effect and its record", age)
        if outcome is not None:
            return outcome
        async with self.db.transaction() as tx:
            await tx.effects.begin_anew(self.key)
        return await self._perform(guard)

    async def _ask(self, why: str, age: timedelta = timedelta(0)) -> Outcome | None:
        """What the vendor knows of an effect of this age; None: it certainly did not happen."""
        try:
            external_id = await self.find(self.key)
        except VendorRejected as refusal:
            return await self._unknown(f"{why}; {refusal}")
        if external_id is not None:
            return Outcome(EffectState.DONE, external_id)
        if self.search_settles is None:
            return await self._unknown(why)
        wait = (self.search_settles - age).total_seconds()
        if wait > 0:
            raise VendorUnavailable(self.kind, "search", "the vendor may not show it yet", retry_after=wait)
        return None

    async def _unknown(self, why: str) -> Outcome:
        await self._tell("effect_unknown", why, "error")
        return Outcome(EffectState.UNKNOWN)

    async def _tell(self, event: str, why: str, severity: str) -> None:
        async with self.db.transaction() as tx:
            data = {"key": self.key, "why": why}
            await tx.events.record(event, self.kind, self.subject_id, data, severity=severity)

    async def _settle(self, outcome: Outcome) -> Outcome:
        settled = Outcome(outcome.state, outcome.external_id, fresh=True)
        async with self.db.transaction() as tx:
            await tx.effects.settle(self.key, settled.state, settled.external_id)
            if self.record is not None:
                await self.record(tx, settled)
        return settled
