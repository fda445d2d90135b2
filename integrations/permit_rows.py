"""From a portal's rows to permits: data-driven columns, tolerant values, reasons for what is turned away.

A row without a permit number or an address, or with a date that is none, is rejected. Everything else
is optional: a value that cannot be right is left out. Reasons never quote a row.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from domain.address import parse_zip
from domain.permits import PermitRecord

MAX_VALUE = Decimal("99999999.99")

# Columns that city tables leave unmapped although portals agree on their names.
USUAL_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "zip": ("original_zip", "originalzip", "zip", "zip_code", "zipcode", "postal_code"),
    "completion_date": ("completed_date", "completeddate", "completion_date", "final_date", "finaled_date"),
    "source_url": ("link", "url", "permit_url"),
}

_COLUMN = re.compile(r"[a-z_:@][\w:@]*(?:\.\w+)*")
_MAX_LENGTH = {
    "permit_number": 100,
    "permit_type": 100,
    "contractor_name": 255,
    "contractor_license": 100,
    "status": 50,
    "description": 10_000,
    "address": 300,
    "source_url": 2_000,
}


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """A row that is no permit: its place in the page and why."""

    index: int
    reason: str


@dataclass(frozen=True, slots=True)
class PermitPage:
    """One page of a query; `rows` counts the rejected ones too."""

    records: tuple[PermitRecord, ...]
    rejected: tuple[RejectedRow, ...]
    rows: int


class FieldMap:
    """Which column holds what: `a`, nested `a.b`, or joined by spaces `a+b`. Anything else counts as unknown."""

    def __init__(self, fields: Mapping[str, Any]) -> None:
        self._columns = {name: _columns(value) for name, value in fields.items()}

    def columns(self, field: str) -> tuple[str, ...]:
        """The columns that together hold `field`; empty when unknown."""
        return self._columns.get(field, ())

    def single(self, field: str) -> str | None:
        """The one column of `field` that a query can name, or None."""
        columns = self.columns(field)
        return columns[0] if len(columns) == 1 and "." not in columns[0] else None

    def read(self, row: Mapping[str, Any], field: str) -> Any:
        """The value of `field` in a row: as it came for one column, joined text for several."""
        columns = self.columns(field) or tuple(name for name in USUAL_COLUMNS.get(field, ()) if name in row)[:1]
        if len(columns) == 1:
            return _nested(row, columns[0])
        parts = [text for column in columns if (text := _text(_nested(row, column)))]
        return " ".join(parts) or None


def read_page(rows: Sequence[Any], fields: FieldMap, city: str, state: str, source: str) -> PermitPage:
    """Parse a page; a permit number that comes twice counts once, the later row wins."""
    records: dict[str, PermitRecord] = {}
    rejected: list[RejectedRow] = []
    for index, row in enumerate(rows):
        try:
            record = read_row(row, fields, city, state, source)
        except ValueError as failure:
            rejected.append(RejectedRow(index, str(failure)))
        else:
            records[record.permit_number] = record
    return PermitPage(tuple(records.values()), tuple(rejected), len(rows))


def read_row(row: Any, fields: FieldMap, city: str, state: str, source: str) -> PermitRecord:
    """One row as a permit; raises ValueError with a reason that quotes nothing."""
    if not isinstance(row, Mapping):
        raise ValueError("the row is not an object")
    text = {name: _text(fields.read(row, name)) for name in _MAX_LENGTH if name != "source_url"}
    number, address = text["permit_number"], text["address"]
    if not number:
        raise ValueError("no permit number")
    if not address:
        raise ValueError("no address")
    if len(number) > _MAX_LENGTH["permit_number"] or len(address) > _MAX_LENGTH["address"]:
        raise ValueError("the permit number or address is too long to be one")
    lat, lng = _point(fields.read(row, "lat"), fields.read(row, "lng"))
    return PermitRecord(
        permit_number=number,
        address=address,
        city=city,
        state=state,
        zip=parse_zip((_text(fields.read(row, "zip")) or "")[:5]),
        lat=lat,
        lng=lng,
        permit_type=_cut(text, "permit_type"),
        description=_cut(text, "description"),
        estimated_value=_money(fields.read(row, "value")),
        contractor_name=_cut(text, "contractor_name"),
        contractor_license=_cut(text, "contractor_license"),
        issue_date=_date(fields.read(row, "issue_date"), "issue date"),
        completion_date=_date(fields.read(row, "completion_date"), "completion date"),
        status=_cut(text, "status"),
        source=source,
        source_url=_url(fields.read(row, "source_url")),
    )


def _columns(value: Any) -> tuple[str, ...]:
    if not isinstance(value, str):
        return ()
    parts = tuple(part.strip() for part in value.split("+"))
    return parts if all(_COLUMN.fullmatch(part) for part in parts) else ()


def _nested(row: Mapping[str, Any], column: str) -> Any:
    value: Any = row
    for key in column.split("."):
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def _text(value: Any) -> str | None:
    """Printable text with single spaces; None for nothing, for objects and lists, and for booleans."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    return " ".join("".join(char if char.isprintable() else " " for char in str(value)).split()) or None


def _cut(text: Mapping[str, str | None], field: str) -> str | None:
    value = text[field]
    return value[: _MAX_LENGTH[field]] if value else None


def _date(value: Any, name: str) -> date | None:
    text = _text(value)
    if text is None:
        return None
    for pattern in ("%Y-%m-%d", "%m/%d/%Y"):
        try:
            return datetime.strptime(text[:10], pattern).replace(tzinfo=UTC).date()
        except ValueError:
            continue
    raise ValueError(f"the {name} is not a date")


def _money(value: Any) -> Decimal | None:
    text = _text(value)
    if text is None:
        return None
    try:
        amount = Decimal(text.replace("$", "").replace(",", ""))
    except InvalidOperation:
        return None
    if not amount.is_finite() or not 0 <= amount <= MAX_VALUE:
        return None
    return amount.quantize(Decimal("0.01"))


def _number(value: Any) -> float | None:
    try:
        number = float(_text(value) or "nan")
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _point(lat: Any, lng: Any) -> tuple[float | None, float | None]:
    """Coordinates in the United States, or none: portals fill unknown ones with zeros."""
    latitude, longitude = _number(lat), _number(lng)
    if latitude is None or longitude is None or not (17 <= latitude <= 72 and -180 <= longitude <= -64):
        return None, None
    return latitude, longitude


def _url(value: Any) -> str | None:
    text = _text(value.get("url") if isinstance(value, Mapping) else value)
    if text is None or not text.startswith(("http://", "https://")):
        return None
    return text if len(text) <= _MAX_LENGTH["source_url"] else None
