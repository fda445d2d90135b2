"""Who may be reached where: consent, suppression and Do Not Call, by blind index of the address.

An address is an e-mail address or a US phone number; both are brought into their one form here, so that
callers may pass what they have. What has no such form cannot be reached, and matches nothing.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from domain.contact_points import DNC_LIST_FRESH, area_code, contact_point, us_phone
from schema.repositories.base import Repository, rows_of, sql_table
from schema.tables import Consent, DncAreaCode, DncNumber, SuppressionEntry

EVERY_CHANNEL = "all"


class PeopleRepository(Repository):
    """`consents`, `suppression_entries`, `dnc_numbers`."""

    async def lock(self, contractor_id: UUID, wait_seconds: int = 40) -> None:
        """Waits until nobody else sends to this contractor or takes its opt-out, until the transaction ends.

        Every send takes it before its gate and keeps it until the vendor has answered; every opt-out takes
        it too. So an opt-out that is committed is seen by the next send, and one under way waits for the
        request that has already begun. Take it before touching rows of the contractor, so that nobody
        waits in a circle. Raises when the wait is too long.
        """
        await self._session.execute(text(f"SET LOCAL lock_timeout = '{int(wait_seconds)}s'"))
        key = f"contractor:{contractor_id}"
        await self._session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(key, 0))))

    async def suppress(self, address: str, channel: str, reason: str, source: str) -> bool:
        """No more to this address on the channel (email, sms, call or all); True if that is new.

        The first reason stays, except that somebody's own opt-out replaces any other.
        """
        point = contact_point(address)
        if point is None:
            return False
        statement = insert(SuppressionEntry).values(
            address_bidx=self._vault.blind_index(point), channel=channel, reason=reason, source=source
        )
        ours = statement.excluded
        added = await self._session.scalar(
            statement.on_conflict_do_update(
                index_elements=["address_bidx", "channel"],
                set_={"reason": ours.reason, "source": ours.source},
                where=(ours.reason == "opt_out") & (col(SuppressionEntry.reason) != "opt_out"),
            ).returning(text("xmax = 0"))
        )
        return bool(added)

    async def lift(self, address: str, channel: str) -> bool:
        """Takes a suppression back (somebody wrote START); True if there was one."""
        point = contact_point(address)
        if point is None:
            return False
        lifted = await self._session.scalar(
            delete(SuppressionEntry)
            .where(
                col(SuppressionEntry.address_bidx) == self._vault.blind_index(point),
                col(SuppressionEntry.channel) == channel,
            )
            .returning(col(SuppressionEntry.id))
        )
        return lifted is not None

    async def suppressed(self, email: str | None, phone: str | None) -> frozenset[str]:
        """Channels on which one of these addresses must not be reached: email, sms, call, all."""
        found = await self._session.scalars(
            select(col(SuppressionEntry.channel)).where(
                col(SuppressionEntry.address_bidx).in_(self._indexes(email, phone))
            )
        )
        return frozenset(found)

    async def grant_consent(
        self,
        address: str,
        channel: str,
        kind: str,
        source: str,
        *,
        contractor_id: UUID | None = None,
        wording: str | None = None,
        evidence: Mapping[str, Any] | None = None,
        at: datetime | None = None,
    ) -> bool:
        """Stores a permission; it takes the place of the live one for this channel, if that is another kind.

        True if something changed. `wording` is what the person agreed to, `evidence` how we know.
        """
        point = contact_point(address)
        if point is None:
            return False
        index = self._vault.blind_index(point)
        live = await self._session.scalar(select(Consent).where(*_live(index, channel)).with_for_update())
        if live is not None and live.kind == kind:
            return False
        granted_at = at or func.now()
        if live is not None:
            await self._session.execute(update(Consent).where(col(Consent.id) == live.id).values(revoked_at=granted_at))
        granted = await self._session.scalar(
            insert(Consent)
            .values(
                subject_type="contractor",
                subject_id=contractor_id,
                address_bidx=index,
                channel=channel,
                kind=kind,
                source=source,
                wording=wording,
                evidence=None if evidence is None else dict(evidence),
                granted_at=granted_at,
            )
            .on_conflict_do_nothing()
            .returning(col(Consent.id))
        )
        return granted is not None

    async def revoke_consent(self, address: str, channel: str | None = None, at: datetime | None = None) -> int:
        """Ends the live permissions of an address, on every channel unless one is named; returns how many."""
        point = contact_point(address)
        if point is None:
            return 0
        live = _live(self._vault.blind_index(point), channel)
        revoked = await self._session.scalars(
            update(Consent).where(*live).values(revoked_at=at or func.now()).returning(col(Consent.id))
        )
        return len(revoked.all())

    async def consents(self, email: str | None, phone: str | None) -> dict[str, str]:
        """Per channel the kind of the live permission that these addresses have."""
        found = await self._session.execute(
            select(col(Consent.channel), col(Consent.kind)).where(
                col(Consent.address_bidx).in_(self._indexes(email, phone)), col(Consent.revoked_at).is_(None)
            )
        )
        return {row.channel: row.kind for row in found}

    async def dnc(self, phone: str | None, now: datetime) -> bool | None:
        """Whether a number is on the registry; None when its area code's list is not fresh enough to tell."""
        number, area = us_phone(phone), area_code(phone)
        if number is None or area is None:
            return None
        listed = select(col(DncNumber.number_bidx)).where(col(DncNumber.number_bidx) == self._vault.blind_index(number))
        found = await self._session.scalar(
            select(listed.exists()).where(
                select(col(DncAreaCode.area_code))
                .where(col(DncAreaCode.area_code) == area, col(DncAreaCode.loaded_at) >= now - DNC_LIST_FRESH)
                .exists()
            )
        )
        return None if found is None else bool(found)

    async def load_dnc(self, rows: Mapping[str, Iterable[str]], now: datetime) -> int:
        """Replaces the lists of these area codes by these numbers; returns how many numbers stand there now.

        A number that does not belong to its area code, or is none, is left out.
        """
        loaded = 0
        for code, numbers in rows.items():
            points = {us_phone(number) for number in numbers}
            indexes = sorted(self._vault.blind_index(point) for point in points if point and area_code(point) == code)
            await self._load_area(code, indexes, now)
            loaded += len(indexes)
        return loaded

    async def _load_area(self, code: str, indexes: list[str], now: datetime) -> None:
        values = {"loaded_at": now, "numbers": len(indexes)}
        await self._session.execute(
            insert(DncAreaCode)
            .values(area_code=code, **values)
            .on_conflict_do_update(index_elements=["area_code"], set_=values)
        )
        await self._session.execute(delete(DncNumber).where(col(DncNumber.area_code) == code))
        if indexes:
            names = ["number_bidx", "area_code"]
            sent = rows_of(DncNumber, names, [{"number_bidx": index, "area_code": code} for index in indexes])
            await self._session.execute(insert(sql_table(DncNumber)).from_select(names, sent).on_conflict_do_nothing())

    def _indexes(self, *addresses: str | None) -> list[str]:
        points = (contact_point(address) for address in addresses if address)
        return [self._vault.blind_index(point) for point in points if point]


def _live(index: str, channel: str | None) -> tuple[Any, ...]:
    where = (col(Consent.address_bidx) == index, col(Consent.revoked_at).is_(None))
    return where if channel is None else (*where, col(Consent.channel) == channel)
