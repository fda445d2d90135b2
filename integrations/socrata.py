"""Socrata (SODA 2.1) open-data portals: permits of a city by date or by address.

The portal sends numbers as strings, leaves nulls out, and orders nothing unless asked; a query without
`$order` may repeat and lose rows between pages.
"""

import re
from dataclasses import dataclass
from datetime import date

from domain.address import Address
from domain.permits import PORTAL_WORDS
from integrations.http import VendorHttp, VendorUnreadable
from integrations.permit_rows import FieldMap, PermitPage, read_page

ROWS_AT_ADDRESS = 200
# Words that portals spell in several ways, or leave out.
_STREET_WORDS = re.compile(
    r"[NSEW]|[NS][EW]|NORTH|SOUTH|EAST|WEST|ST|STREET|AVE|AVENUE|DR|DRIVE|RD|ROAD|LN|LANE|CT|COURT|CIR|CIRCLE|BLVD|"
    r"BOULEVARD|PL|PLACE|TER|TERRACE|WAY|TRL|TRAIL|PKWY|PARKWAY|HWY|HIGHWAY|CV|COVE|LOOP|PATH|RUN|APT|UNIT|STE|BLDG"
)


@dataclass(frozen=True, slots=True)
class SocrataDataset:
    """Where a city's permits are and what its columns are called."""

    url: str
    fields: FieldMap
    city: str
    state: str


class SocrataPortal:
    """One dataset of one portal. Raises the VendorErrors of `integrations.http`."""

    def __init__(self, http: VendorHttp, dataset: SocrataDataset, app_token: str | None = None) -> None:
        self._http = http
        self._dataset = dataset
        self._headers = {"X-App-Token": app_token} if app_token else None

    async def page(self, since: date, offset: int, limit: int) -> PermitPage:
        """Permits issued on or after `since` that mention a roof, oldest first, so that new rows come last."""
        column = self._column("issue_date")
        where = f"{column} >= '{since.isoformat()}T00:00:00.000' AND ({self._mentions_roof()})"
        return await self._query("permits by date", where, f"{column},:id", limit, offset)

    async def at_address(self, address: Address) -> PermitPage:
        """Permits of any age that mention a roof at about this address: the caller compares the lines."""
        column = self._dataset.fields.single("issue_date")
        where = f"{self._at(address)} AND ({self._mentions_roof()})"
        return await self._query(
            "permits at address", where, f"{column} DESC,:id" if column else ":id", ROWS_AT_ADDRESS, 0
        )

    async def _query(self, operation: str, where: str, order: str, limit: int, offset: int) -> PermitPage:
        params = {"$where": where, "$order": order, "$limit": limit, "$offset": offset}
        rows = await self._http.get_json(operation, self._dataset.url, params, headers=self._headers)
        if not isinstance(rows, list):
            raise VendorUnreadable(self._http.vendor, operation, "the answer is not a list of rows")
        page = read_page(rows, self._dataset.fields, self._dataset.city, self._dataset.state, source="socrata")
        if rows and not page.records:
            raise VendorUnreadable(self._http.vendor, operation, f"none of {len(rows)} rows is a permit")
        return page

    def _column(self, field: str) -> str:
        column = self._dataset.fields.single(field)
        if column is None:
            raise VendorUnreadable(self._http.vendor, "field map", f"no column is known for {field}")
        return column

    def _mentions_roof(self) -> str:
        columns = [self._dataset.fields.single(field) for field in ("description", "permit_type")]
        return " OR ".join(
            f"upper({column}) like '%{word}%'"
            for column in dict.fromkeys(filter(None, columns))
            for word in PORTAL_WORDS
        )

    def _at(self, address: Address) -> str:
        """House number and the longest word of the street, which survives other spellings of the rest."""
        number, _, street = address.line.partition(" ")
        words = [word for word in re.findall(r"[A-Z0-9]+", street.upper()) if not _STREET_WORDS.fullmatch(word)]
        core = max(words, key=len, default=street.upper())
        columns = self._dataset.fields.columns("address")
        if not columns:
            raise VendorUnreadable(self._http.vendor, "field map", "no column is known for address")
        if len(columns) == 1:
            return f"upper({columns[0]}) like '{_quoted(number)} %{_quoted(core)}%'"
        name = next((column for column in columns if "name" in column), columns[-1])
        return f"{columns[0]} = '{_quoted(number)}' AND upper({name}) like '%{_quoted(core)}%'"


def _quoted(text: str) -> str:
    """Text inside a SoQL literal: quotes doubled, wildcards dropped."""
    return re.sub(r"[%_\\]", "", text).replace("'", "''")
