"""County assessor web pages: search by address, read the parcel's detail page by its labels.

Counties lay their pages out differently but name things alike, so a detail page is read as pairs of
label and value wherever they stand (table rows, definition lists), and `LABELS` says which label is
which field. A county's `assessor_config["labels"]` adds its own.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

from selectolax.lexbor import LexborHTMLParser, LexborNode

from domain.address import Address, InvalidAddress, parse_address
from domain.property_record import AssessorRecord
from domain.roof import RoofMaterial
from integrations.http import Body, VendorHttp, VendorRejected, VendorUnreadable

MAX_REDIRECTS = 3
SQFT_PER_ACRE = Decimal(43_560)
_REDIRECTS = frozenset({301, 302, 303, 307, 308})

LABELS: Mapping[str, tuple[str, ...]] = {
    "parcel_id": ("parcel id", "parcel", "parcel number", "apn", "account", "account number", "property id", "pin"),
    "property_address": ("property address", "situs address", "site address", "situs", "location", "address"),
    "owner_name": ("owner name", "owner", "owner 1", "owner names", "taxpayer name"),
    "owner_mailing_address": ("mailing address", "owner mailing address", "owner address", "taxpayer address"),
    "owner_phone": ("owner phone", "phone", "phone number", "telephone"),
    "owner_email": ("owner email", "owner e-mail", "email", "e-mail", "email address"),
    "property_value": (
        "assessed value", "total assessed value", "market value", "total market value", "appraised value",
        "total value", "total appraised value",
    ),
    "year_built": ("year built", "actual year built", "built"),
    "sqft": ("square feet", "square footage", "living area", "living sqft", "total living area", "sqft", "sq ft"),
    "lot_size": ("lot size", "lot size acres", "lot acres", "acres", "acreage", "land size"),
    "beds": ("bedrooms", "beds", "number of bedrooms"),
    "baths": ("bathrooms", "baths", "number of bathrooms", "full baths"),
    "property_type": ("property type", "use", "property use", "land use", "class", "type"),
    "last_sale_date": ("last sale date", "sale date", "deed date", "date of sale"),
    "last_sale_price": ("last sale price", "sale price", "price"),
    "tax_amount": ("tax amount", "taxes", "annual tax", "annual taxes", "total tax", "property tax"),
    "roof_type": ("roof type", "roof cover", "roof material", "roof", "roofing"),
}  # fmt: skip

_NO_HITS = re.compile(
    r"\b(?:no|0)\s+(?:\w+\s+){0,3}(?:records?|results?|property|properties|parcels?|match(?:es)?)\b|\bnot found\b",
    re.IGNORECASE,
)
_MIN_FIELDS = 3

# Words of assessors for what roofs are covered with, most telling first.
ROOF_WORDS: tuple[tuple[str, RoofMaterial], ...] = (
    ("slate", RoofMaterial.SLATE),
    ("tile", RoofMaterial.TILE),
    ("clay", RoofMaterial.TILE),
    ("metal", RoofMaterial.METAL),
    ("standing seam", RoofMaterial.METAL),
    ("shingle", RoofMaterial.SHINGLE),
    ("comp", RoofMaterial.SHINGLE),
    ("asphalt", RoofMaterial.SHINGLE),
    ("flat", RoofMaterial.FLAT),
    ("tar", RoofMaterial.FLAT),
    ("built", RoofMaterial.FLAT),
    ("membrane", RoofMaterial.FLAT),
)


@dataclass(frozen=True, slots=True)
class AssessorSite:
    """Where a county's search is. The template holds `{address}`, or `{number}` and `{street}`."""

    search_url_template: str
    labels: Mapping[str, tuple[str, ...]]

    @classmethod
    def from_config(cls, template: str, config: Mapping[str, Any] | None) -> "AssessorSite":
        """A site with the county's own labels before the usual ones."""
        own = (config or {}).get("labels") or {}
        labels = {field: _texts(own.get(field)) + usual for field, usual in LABELS.items()}
        return cls(template, labels)

    def search_url(self, address: Address) -> str:
        """The URL that searches for an address."""
        number, _, street = address.line.partition(" ")
        values = {"address": address.line, "number": number, "street": street}
        return re.sub(r"\{(address|number|street)\}", lambda name: quote(values[name[1]]), self.search_url_template)


class Assessor:
    """Reads any county's pages. Raises the VendorErrors of `integrations.http`."""

    def __init__(self, http: VendorHttp) -> None:
        self._http = http

    async def find(self, site: AssessorSite, address: Address) -> AssessorRecord | None:
        """The parcel at an address, or None when the county has none there.

        One hit redirects to its detail page; of several, the one with the same address is opened.
        """
        url, page = await self._open("search", site.search_url(address))
        record = read_detail(page, site.labels)
        if record is None:
            link = matching_hit(page, address)
            if link is None and (is_result_list(page) or says_no_hits(page)):
                return None
            if link is None:
                raise VendorUnreadable(self._http.vendor, "search", "the page is neither a parcel nor a list of hits")
            _, page = await self._open("detail", self._same_host("search", url, link))
            record = read_detail(page, site.labels)
            if record is None:
                raise VendorUnreadable(self._http.vendor, "detail", "the page shows no parcel")
        return record if _same_property(record, address) else None

    async def _open(self, operation: str, url: str) -> tuple[str, LexborHTMLParser]:
        for _ in range(MAX_REDIRECTS + 1):
            body = await self._http.get(operation, url, accept=frozenset({200, 404}) | _REDIRECTS)
            if body.status not in _REDIRECTS:
                return url, self._parse(operation, body)
            url = self._same_host(operation, url, body.headers.get("location", ""))
        raise VendorUnreadable(self._http.vendor, operation, "too many redirects")

    def _parse(self, operation: str, body: Body) -> LexborHTMLParser:
        if b"<" not in body.content[:4096]:
            raise VendorUnreadable(self._http.vendor, operation, "the page is not HTML")
        return LexborHTMLParser(body.content)

    def _same_host(self, operation: str, base: str, link: str) -> str:
        """Only ever follow a county's page to the same county."""
        target = urljoin(base, link)
        if urlsplit(target)[:2] != urlsplit(base)[:2]:
            raise VendorRejected(self._http.vendor, operation, "redirected to another host", 302)
        return target


def says_no_hits(page: LexborHTMLParser) -> bool:
    """Whether a short page says in words that nothing was found."""
    text = page.body.text(separator=" ") if page.body else ""
    return bool(_NO_HITS.search(text))


def is_result_list(page: LexborHTMLParser) -> bool:
    """Whether the page is a table of hits with a link in each row."""
    return any(row.css_first("a[href]") for row in page.css("table tr"))


def matching_hit(page: LexborHTMLParser, address: Address) -> str | None:
    """The link of the row that shows this address."""
    for row in page.css("table tr"):
        link = row.css_first("a[href]")
        if link is not None and any(_is_line(_clean(cell.text()), address) for cell in row.css("td")):
            return link.attributes.get("href")
    return None


def read_detail(page: LexborHTMLParser, labels: Mapping[str, tuple[str, ...]]) -> AssessorRecord | None:
    """The parcel on a page, or None when it shows too little of one. Values that cannot be right are left out."""
    found: dict[str, str] = {}
    for label, value in _pairs(page):
        found.setdefault(label, value)
    raw = {field: next((found[name] for name in names if name in found), None) for field, names in labels.items()}
    values = {field: _READERS[field](text) for field, text in raw.items() if text and field in _READERS}
    values = {field: value for field, value in values.items() if value is not None}
    if len(values) < _MIN_FIELDS or not values.keys() & {"parcel_id", "owner_name"}:
        return None
    return AssessorRecord(**values)


def _pairs(page: LexborHTMLParser) -> Iterator[tuple[str, str]]:
    for row in page.css("tr"):
        cells = [node for node in row.iter() if node.tag in ("th", "td")]
        if len(cells) in (2, 4) and all(cell.tag == "td" for cell in cells[1::2]):
            for label, value in zip(cells[::2], cells[1::2], strict=True):
                yield _label(label), _clean(value.text(separator=" "))
    for term in page.css("dt"):
        value_node = _next_element(term)
        if value_node is not None and value_node.tag == "dd":
            yield _label(term), _clean(value_node.text(separator=" "))


def _next_element(node: LexborNode) -> LexborNode | None:
    following = node.next
    while following is not None and not (following.tag or "")[:1].isalpha():
        following = following.next
    return following


def _label(node: LexborNode) -> str:
    return re.sub(r"[^a-z0-9& -]+", " ", _clean(node.text(separator=" ")).lower()).strip().replace("  ", " ")


def _clean(text: str) -> str:
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())


def _texts(value: Any) -> tuple[str, ...]:
    items = [value] if isinstance(value, str) else value if isinstance(value, list | tuple) else []
    return tuple(str(item).lower() for item in items)


def _is_line(text: str, address: Address) -> bool:
    try:
        return parse_address(text, address.city, address.state).line == address.line
    except InvalidAddress:
        return False


def _same_property(record: AssessorRecord, address: Address) -> bool:
    """A search may find a neighbour: the house number on the page, if any, must be ours."""
    number = re.match(r"\d+\w*", record.property_address or "")
    return number is None or number.group().upper() == address.line.split(" ")[0].upper()


def _text(limit: int) -> Callable[[str], str | None]:
    return lambda text: text[:limit] if text.strip(" -") and text.upper() not in ("N/A", "NONE", "UNKNOWN") else None


def _number(text: str) -> Decimal | None:
    match = re.search(r"-?\d[\d,]*(?:\.\d+)?|-?\.\d+", text)
    if match is None:
        return None
    try:
        return Decimal(match.group().replace(",", ""))
    except InvalidOperation:
        return None


def _material(text: str) -> RoofMaterial | None:
    return next((material for word, material in ROOF_WORDS if word in text.lower()), None)


def _between(low: str, high: str, places: str) -> Callable[[str], Decimal | None]:
    def read(text: str) -> Decimal | None:
        number = _number(text)
        in_range = number is not None and Decimal(low) <= number <= Decimal(high)
        return number.quantize(Decimal(places)) if number is not None and in_range else None

    return read


def _whole(low: int, high: int) -> Callable[[str], int | None]:
    def read(text: str) -> int | None:
        number = _number(text)
        return int(number) if number is not None and low <= number <= high else None

    return read


def _acres(text: str) -> Decimal | None:
    number = _number(text)
    if number is None or number <= 0:
        return None
    in_feet = "sq" in text.lower() or ("ac" not in text.lower() and number > 500)
    acres = number / SQFT_PER_ACRE if in_feet else number
    return acres.quantize(Decimal("0.01")) if acres < 100_000 else None


def _date(text: str) -> date | None:
    for pattern in ("%Y-%m-%d", "%m/%d/%Y", "%B %d, %Y", "%b %d, %Y"):
        try:
            return datetime.strptime(text.strip(), pattern).replace(tzinfo=UTC).date()
        except ValueError:
            continue
    return None


def _email(text: str) -> str | None:
    match = re.fullmatch(r"[^@\s]{1,64}@[^@\s]+\.[^@\s.]{2,}", text)
    return match.group() if match and len(text) <= 254 else None


_MONEY = _between("1", "9999999999.99", "0.01")
_READERS: Mapping[str, Callable[[str], Any]] = {
    "parcel_id": _text(100),
    "property_address": _text(300),
    "owner_name": _text(255),
    "owner_mailing_address": _text(300),
    "owner_phone": _text(50),
    "owner_email": _email,
    "property_value": _MONEY,
    "year_built": _whole(1600, 2100),
    "sqft": _whole(100, 200_000),
    "lot_size": _acres,
    "beds": _whole(0, 100),
    "baths": _between("0", "99.9", "0.1"),
    "property_type": _text(50),
    "last_sale_date": _date,
    "last_sale_price": _MONEY,
    "tax_amount": _MONEY,
    "roof_type": _material,
}
