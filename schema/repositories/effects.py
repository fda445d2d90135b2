"""The idempotency ledger: what we are about to do outside, and whether it was done (decision 0003)."""

from uuid import UUID

from sqlalchemy import delete, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from schema.effects import EffectState
from schema.repositories.base import Repository
from schema.tables import Effect

__all__ = ["EffectRepository", "EffectState"]


class EffectRepository(Repository):
    """`effects`.

    Call `begin` in a transaction of its own and commit it before the effect, so that a crash leaves the
    row behind; then act; then `settle` in a second transaction.
    """

    async def begin(self, key: str, kind: str, subject_id: UUID | None) -> EffectState:
        """Claims the key. NEW for exactly one caller, however many come at once; else the state it is in.

        The caller that gets STARTED may be beside a first one still at work: ask the vendor, do not act.
        """
        created = await self._session.scalar(
            insert(Effect)
            .values(key=key, kind=kind, subject_id=subject_id, state=EffectState.STARTED.value, attempts=1)
            .on_conflict_do_nothing(index_elements=["key"])
            .returning(col(Effect.key))
        )
        if created is not None:
            return EffectState.NEW
        state = (
            await self._session.scalars(select(col(Effect.state)).where(col(Effect.key) == key).with_for_update())
        ).one()
        await self._session.execute(
            update(Effect).where(col(Effect.key) == key).values(attempts=col(Effect.attempts) + 1)
        )
        return EffectState(state)

    async def lock(self, key: str, wait_seconds: int = 40) -> None:
        """Waits until nobody else holds this key, then holds it until the transaction ends.

        A process that dies lets go at once, since its connection closes. Raises when the wait is too long.
        """
        await self._session.execute(text(f"SET LOCAL lock_timeout = '{int(wait_seconds)}s'"))
        await self._session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(f"effect:{key}", 0))))

    async def release(self, key: str) -> None:
        """Frees a started key whose effect provably did not happen, so that it may be tried again."""
        await self._session.execute(
            delete(Effect).where(col(Effect.key) == key, col(Effect.state) == EffectState.STARTED.value)
        )

    async def begin_anew(self, key: str) -> None:
        """A started effect that did not happen is done now: its age counts from here."""
        await self._session.execute(update(Effect).where(col(Effect.key) == key).values(started_at=func.now()))

    async def reopen(self, key: str) -> bool:
        """Turns a failed effect into a started one; True for the one caller that may try again."""
        reopened = await self._session.scalar(
            update(Effect)
            .where(col(Effect.key) == key, col(Effect.state) == EffectState.FAILED.value)
            .values(state=EffectState.STARTED.value, started_at=func.now(), settled_at=None)
            .returning(col(Effect.key))
        )
        return reopened is not None

    async def settle(self, key: str, state: EffectState, external_id: str | None = None) -> None:
        """Records how it went. DONE is final. Raises LookupError for a key that was never begun."""
        if state in (EffectState.NEW, EffectState.STARTED):
            raise ValueError("an effect settles as done, unknown or failed")
        settled = await self._session.scalar(
            update(Effect)
            .where(col(Effect.key) == key, col(Effect.state) != EffectState.DONE.value)
            .values(
                state=state.value,
                external_id=func.coalesce(external_id, col(Effect.external_id)),
                settled_at=func.now(),
            )
            .returning(col(Effect.key))
        )
        if settled is None and await self.get(key) is None:
            raise LookupError("this effect was never begun")

    async def get(self, key: str) -> Effect | None:
        """The effect, or None."""
        return await self._session.get(Effect, key, populate_existing=True)

    async def states(self, kind: str) -> dict[str, int]:
        """How many effects of a kind stand in each state."""
        found = await self._session.execute(
            select(col(Effect.state), func.count()).where(col(Effect.kind) == kind).group_by(col(Effect.state))
        )
        return dict(found.tuples().all())
