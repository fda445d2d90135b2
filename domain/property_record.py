"""What a county assessor says of a property and its owner (spec 3.1.2)."""

import re
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from domain.roof import RoofMaterial


@dataclass(frozen=True, slots=True)
class AssessorRecord:
    """One parcel. Money in US dollars, `sqft` is living area, `lot_size` in acres; owner fields are personal data."""

    parcel_id: str | None = None
    property_address: str | None = None
    owner_name: str | None = None
    owner_mailing_address: str | None = None
    owner_phone: str | None = None
    owner_email: str | None = None
    owner_occupied: bool | None = None
    property_value: Decimal | None = None
    year_built: int | None = None
    sqft: int | None = None
    lot_size: Decimal | None = None
    beds: int | None = None
    baths: Decimal | None = None
    property_type: str | None = None
    last_sale_date: date | None = None
    last_sale_price: Decimal | None = None
    tax_amount: Decimal | None = None
    roof_type: RoofMaterial | None = None


_COMPANY = re.compile(
    r"\b(?:LLC|L\.L\.C|INC|CORP|CO|COMPANY|LTD|LP|LLP|PLLC|TRUST|TRUSTEE|BANK|CHURCH|CITY OF|COUNTY|STATE OF|HOLDINGS|"
    r"PROPERTIES|INVESTMENTS?|PARTNERS|PARTNERSHIP|ASSOCIATION|ASSN|HOA|HOMES|REALTY|ISD|UNIVERSITY|ESTATE)\b",
    re.IGNORECASE,
)


def is_company(owner_name: str) -> bool:
    """Whether an owner's name is a company's, a trust's or a public body's rather than a person's."""
    return bool(_COMPANY.search(owner_name))


@dataclass(frozen=True, slots=True)
class PersonName:
    """A person's first and last name in title case."""

    first: str
    last: str


def person_name(owner_name: str) -> PersonName | None:
    """The first person named on a title: "DOE, JANE A & JOHN" and "Jane A Doe" both give Jane Doe.

    None for companies and for names of one word.
    """
    if is_company(owner_name):
        return None
    first_owner = re.split(r"\s+(?:&|AND)\s+|;|/", owner_name.strip(), maxsplit=1, flags=re.IGNORECASE)[0]
    last, comma, given = first_owner.partition(",")
    words = re.findall(r"[^\W\d_][\w'’.-]*", given if comma else first_owner)
    words = [word for word in words if word.strip(".").upper() not in _SUFFIXES]
    if comma:
        return PersonName(_title(words[0]), _title(last.strip())) if words and last.strip() else None
    if len(words) < 2:
        return None
    return PersonName(_title(words[0]), _title(words[-1]))


_SUFFIXES = {"JR", "SR", "II", "III", "IV", "ET", "AL", "ETAL", "UX", "MR", "MRS", "MS", "DR"}


def _title(word: str) -> str:
    return word.title() if word.isupper() or word.islower() else word
