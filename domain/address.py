"""US street addresses in USPS form, and the lead id each one stands for."""

import re
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid5

from scourgify import normalize_address_record
from scourgify.address_constants import STATE_ABBREVIATIONS

LEAD_NAMESPACE = UUID("6f1f3a52-7c0e-5d0b-9a43-2f6b8c1d7e90")
MAX_LINE = 120
MAX_CITY = 100
UNREADABLE = "The address line could not be read as one street address."

_STATES = frozenset(STATE_ABBREVIATIONS.values())
_LINE = re.compile(r"[A-Z]{0,2}[0-9][A-Z0-9/-]*\s+.*[A-Z0-9]")
_NO_STREET = re.compile(r"\b(P\.?\s*O\.?\s*BOX|LOT|BLK|BLOCK|TRACT)\b\.?\s*\w+", re.IGNORECASE)
# The normaliser reads "FM 2222" as a numbered street and appends "ND".
_ROUTE_ORDINAL = re.compile(r"\b(FM|RM|CR|SH|SR|US|IH|I|HWY|HIGHWAY|ROUTE|RTE) (\d+)(?:ST|ND|RD|TH)\b")
_ZIP = re.compile(r"(\d{5})(?:-?\d{4})?")


class InvalidAddress(ValueError):
    """Not a street address. `detail` is one sentence and never quotes the input."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Address:
    """A property's address. `line` is upper case USPS form with the unit, `state` two letters, `zip` five digits."""

    line: str
    city: str
    state: str
    zip: str | None = None


def parse_address(line: str, city: str, state: str, zip_code: str | None = None) -> Address:
    """Normalise an address; raises InvalidAddress when the line is not a house number and a street.

    An unusable ZIP code is dropped: it is no part of a property's identity.
    """
    city = _tidy(city)
    if not city or len(city) > MAX_CITY:
        raise InvalidAddress("The city is missing or too long.")
    state = parse_state(state)
    line = _tidy(line)
    if not line:
        raise InvalidAddress("The address line is empty.")
    if len(line) > MAX_LINE:
        raise InvalidAddress(f"The address line is longer than {MAX_LINE} characters.")
    if not _LINE.match(line.upper()) or not re.search(r"[A-Za-z]", line):
        raise InvalidAddress(_why(line, "The address line must be a house number and a street."))
    line = _without_city(line, city, state)
    return Address(_normal_line(line, city, state), city, state, parse_zip(zip_code))


def parse_state(state: str) -> str:
    """Two upper-case letters from an abbreviation or a state's name."""
    name = _tidy(state).upper()
    code = STATE_ABBREVIATIONS.get(name, name)
    if code not in _STATES:
        raise InvalidAddress("The state is not a US state.")
    return str(code)


def parse_zip(text: str | None) -> str | None:
    """The five digits of a ZIP or ZIP+4, None for anything else."""
    match = _ZIP.fullmatch((text or "").strip())
    return match.group(1) if match else None


def lead_id_for(address: Address) -> UUID:
    """The lead of a property: the same address always has the same id, with or without a ZIP."""
    return uuid5(LEAD_NAMESPACE, f"{address.line}|{address.city}|{address.state}".upper())


def _tidy(text: str) -> str:
    return " ".join("".join(c if c.isprintable() else " " for c in text or "").split())


def _without_city(line: str, city: str, state: str) -> str:
    """People paste whole addresses: drop the city, state and ZIP from the end when they only repeat."""
    tail = rf"[,\s]+{re.escape(city)}[,\s]+{state}[.,\s]*([0-9]{{5}}(-[0-9]{{4}})?)?$"
    return re.sub(tail, "", line, flags=re.IGNORECASE)


def _normal_line(line: str, city: str, state: str) -> str:
    record: dict[str, Any] = {
        "address_line_1": line,
        "address_line_2": None,
        "city": city,
        "state": state,
        "postal_code": "00000",  # the normaliser insists on one; it does not touch the line
    }
    try:
        parsed = normalize_address_record(record)
    except Exception as failure:  # the parser raises whatever its guess ran into
        raise InvalidAddress(_why(line, UNREADABLE)) from failure
    street = " ".join(part for part in (parsed["address_line_1"], parsed["address_line_2"]) if part).upper()
    street = _ROUTE_ORDINAL.sub(r"\1 \2", street)
    if not _LINE.fullmatch(street):
        raise InvalidAddress(_why(line, UNREADABLE))
    return street


def _why(line: str, otherwise: str) -> str:
    if _NO_STREET.match(line):
        return "A PO box or a lot and block number is not a street address."
    return otherwise
