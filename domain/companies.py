"""Which listings are the same company, and what is true of it when its listings differ (spec 3.6.1, deduplication)."""

import ipaddress
import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from itertools import combinations
from typing import Any
from urllib.parse import urlsplit

from rapidfuzz import fuzz

from domain.address import InvalidAddress, parse_address
from domain.geo import Point, miles_between

GOOGLE, YELP, WEBSITE, HUNTER, PERSON = "google_maps", "yelp", "website", "hunter", "person"
"""Who says something of a contractor; `PERSON` is the contractor or one of us, and is never overruled."""

NAME_SIMILARITY = 88.0
"""From here on (0-100) two names may be spellings of one."""
NEARBY_MILES = 0.5
FAR_MILES = 50.0
"""A listing farther from the city's centre is another city's (spec 3.6.3: beyond 50 miles earns nothing)."""

LEGAL_FORMS = frozenset(
    {"llc", "inc", "incorporated", "corp", "corporation", "co", "company", "ltd", "limited", "lp", "llp", "pllc", "pc"}
)
FILLERS = frozenset({"the", "and", "of", "a", "n", "dba"})
SPELLINGS = {
    "roofing": "roof", "roofer": "roof", "roofers": "roof", "roofs": "roof", "exteriors": "exterior",
    "contractors": "contractor", "contracting": "contractor", "constructions": "construction",
    "services": "service", "gutters": "gutter", "solutions": "solution", "systems": "system", "bros": "brothers",
    "restorations": "restoration", "repairs": "repair", "works": "work", "mt": "mount", "saint": "st",
}  # fmt: skip
TRADE_WORDS = frozenset(
    {
        "roof", "exterior", "contractor", "construction", "service", "gutter", "solution", "system", "restoration",
        "repair", "work", "siding", "sheet", "metal", "storm", "residential", "commercial", "general", "home", "pro",
        "pros", "group", "team", "experts", "specialists", "replacement", "installation",
    }
)  # fmt: skip
"""Words that half of all roofers have in their names: they tell nobody apart."""

TOLL_FREE = frozenset({"800", "822", "833", "844", "855", "866", "877", "888"})
SHARED_HOSTS = frozenset(
    {
        "facebook.com", "instagram.com", "linktr.ee", "sites.google.com", "business.site", "wixsite.com",
        "linkedin.com", "nextdoor.com", "x.com", "twitter.com", "youtube.com", "weebly.com", "godaddysites.com",
    }
)  # fmt: skip
"""Hosts of many companies: the page, and not the host, is the company's."""
DIRECTORY_HOSTS = frozenset(
    {
        "yelp.com", "google.com", "maps.google.com", "angi.com", "angieslist.com", "homeadvisor.com", "bbb.org",
        "houzz.com", "thumbtack.com", "porch.com", "yellowpages.com", "goo.gl", "bit.ly",
    }
)  # fmt: skip
"""A link to these is no website of the company's own."""
MAIL_PROVIDERS = frozenset(
    {
        "gmail.com", "googlemail.com", "yahoo.com", "ymail.com", "rocketmail.com", "aol.com", "aim.com", "hotmail.com",
        "outlook.com", "live.com", "msn.com", "icloud.com", "me.com", "mac.com", "proton.me", "protonmail.com",
        "gmx.com", "gmx.net", "mail.com", "zoho.com", "yandex.com", "fastmail.com", "hey.com", "att.net",
        "sbcglobal.net", "bellsouth.net", "pacbell.net", "swbell.net", "verizon.net", "comcast.net", "cox.net",
        "charter.net", "spectrum.net", "roadrunner.com", "rr.com", "earthlink.net", "juno.com", "netzero.net",
        "centurylink.net", "embarqmail.com", "frontier.com", "frontiernet.net", "windstream.net", "optonline.net",
        "optimum.net", "suddenlink.net", "grandecom.net", "austin.rr.com", "tds.net", "hughes.net", "q.com",
    }
)  # fmt: skip
"""Domains anybody can have an address at: they say nothing of a company."""

ROOFING_CATEGORIES = frozenset({"roofing_contractor", "roofing"})
OTHER_TRADES = frozenset(
    {
        "store", "hardware_store", "home_goods_store", "lawyer", "insurance_agency", "school", "real_estate_agency",
        "buildingsupplies", "hardware", "restaurant", "bar", "car_repair", "lodging", "moving_company",
    }
)  # fmt: skip
"""Categories that make a company with a roof in its name something else."""
_ROOF_IN_NAME = re.compile(r"\b(?:re-?)?roof(?:s|ing|er|ers)?\b", re.IGNORECASE)
_WORD = re.compile(r"[a-z0-9]+")
_UNIT = re.compile(r"\s+(?:STE|UNIT|APT|BLDG|FL|RM|OFC|LOT|#)\b.*$|\s+#.*$")


@dataclass(frozen=True, slots=True)
class Record:
    """What tells a company from others. `key` names the record; `phone` is E.164, `state` two letters."""

    key: str
    name: str
    phone: str | None = None
    website: str | None = None
    street: str | None = None
    city: str | None = None
    state: str | None = None
    zip: str | None = None
    at: Point | None = None


@dataclass(frozen=True, slots=True)
class Listing:
    """A company as one source shows it. `rating` is 0-5, `price_range` the source's own word.

    `detailed` says that the source was asked for all it knows of this company, not only for a list.
    """

    source: str
    external_id: str
    record: Record
    categories: frozenset[str] = frozenset()
    services: tuple[str, ...] = ()
    closed: bool = False
    rating: Decimal | None = None
    reviews: int | None = None
    last_review_at: datetime | None = None
    price_range: str | None = None
    detailed: bool = False


@dataclass(frozen=True, slots=True)
class Known:
    """A company we have: its record, its ids by source, and whether it is a customer."""

    record: Record
    ids: Mapping[str, Collection[str]]
    customer: bool = False


@dataclass(frozen=True, slots=True)
class Merged:
    """One company out of its listings: a value per column, who said it, and the ids by source."""

    values: Mapping[str, Any]
    origin: Mapping[str, str]
    ids: Mapping[str, tuple[str, ...]]


@dataclass(slots=True)
class _Union:
    """Disjoint sets of indexes, with paths halved on the way."""

    parent: list[int] = field(default_factory=list)

    def find(self, index: int) -> int:
        while self.parent[index] != index:
            self.parent[index] = self.parent[self.parent[index]]
            index = self.parent[index]
        return index

    def join(self, one: int, other: int) -> None:
        roots = sorted((self.find(one), self.find(other)))
        self.parent[roots[1]] = roots[0]


# Names, places, addresses in a form that can be compared


@lru_cache(maxsize=20_000)
def normal_name(name: str) -> str:
    """A company's name without case, accents, punctuation, legal form and filler, trade words spelt one way."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    words = _WORD.findall(plain.replace("'", "").replace(".", ""))
    kept = [SPELLINGS.get(word, word) for word in words if word not in FILLERS]
    while len(kept) > 1 and kept[-1] in LEGAL_FORMS:
        kept.pop()
    return " ".join(word for word in kept if word not in LEGAL_FORMS) or " ".join(kept)


@lru_cache(maxsize=20_000)
def distinctive(name: str) -> str:
    """The part of a normalised name that is not the trade; empty for "Roofing Company"."""
    return " ".join(word for word in normal_name(name).split() if word not in TRADE_WORDS)


def name_similarity(one: str, other: str) -> float:
    """0 to 100. Names made of trade words only are alike when they are the same."""
    mine, theirs = distinctive(one), distinctive(other)
    if not mine or not theirs:
        return 100.0 if normal_name(one) == normal_name(other) else 0.0
    return max(fuzz.token_set_ratio(mine, theirs), fuzz.ratio(mine.replace(" ", ""), theirs.replace(" ", "")))


@lru_cache(maxsize=20_000)
def street_of(street: str | None, city: str | None, state: str | None) -> str | None:
    """House number and street in USPS form without the unit, or None when it is no street address."""
    if not (street and city and state):
        return None
    try:
        return _UNIT.sub("", parse_address(street, city, state).line)
    except InvalidAddress:
        return None


@lru_cache(maxsize=20_000)
def website_key(url: str | None) -> str | None:
    """What a website belongs to: its host, or the page where the host is many companies'. None if it is a directory."""
    try:
        parts = urlsplit(url if url and "//" in url else f"//{url or ''}")
        host, port = (parts.hostname or "").removeprefix("www."), parts.port
    except ValueError:
        return None
    if not host or _under(host, DIRECTORY_HOSTS):
        return None
    page = parts.path.strip("/").lower()
    if _is_address(host) or "." not in host:
        return f"{host}:{port or ''}/{page}"
    return f"{host}/{page}" if _under(host, SHARED_HOSTS) else host


def email_domain(email: str | None) -> str | None:
    """The company's domain in an address; None for the domains of mail providers."""
    domain = (email or "").rpartition("@")[2].strip().lower()
    return domain if domain and domain not in MAIL_PROVIDERS else None


def own_phone(phone: str | None) -> str | None:
    """A number that stands for one company: toll-free ones are shared by call centres."""
    return None if phone is None or phone[2:5] in TOLL_FREE else phone


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _under(host: str, domains: Collection[str]) -> bool:
    labels = host.split(".")
    return any(".".join(labels[start:]) in domains for start in range(len(labels)))


# The same company or not


def same_company(one: Record, other: Record) -> bool:
    """By phone, by website, or by a similar name at the same place (spec 3.6.1)."""
    phone = own_phone(one.phone)
    if phone is not None and phone == own_phone(other.phone):
        return True
    website = website_key(one.website)
    if website is not None and website == website_key(other.website) and not _contradict(one, other):
        return True
    if name_similarity(one.name, other.name) < NAME_SIMILARITY:
        return False
    return _same_place(one, other)


def _same_place(one: Record, other: Record) -> bool:
    """Two records of similar name are one company here; the more speaks against it, the nearer they must be."""
    streets = _street(one), _street(other)
    if None not in streets and streets[0] == streets[1]:
        return True
    same_name = normal_name(one.name) == normal_name(other.name)
    if None in streets:
        # A company that hides its address is shown at the city's centre, like all others that do.
        near = _both(one.zip, other.zip) or (same_name and _same_city(one, other))
        return near and (same_name or not _phones_differ(one, other))
    if _phones_differ(one, other):
        return False
    return _both(one.zip, other.zip) or _close(one, other)


def _contradict(one: Record, other: Record) -> bool:
    """Branches of a franchise share a website and nothing else."""
    streets = _street(one), _street(other)
    return _phones_differ(one, other) and None not in streets and streets[0] != streets[1]


def _street(record: Record) -> str | None:
    return street_of(record.street, record.city, record.state)


def _both(one: str | None, other: str | None) -> bool:
    return one is not None and one == other


def _phones_differ(one: Record, other: Record) -> bool:
    mine, theirs = own_phone(one.phone), own_phone(other.phone)
    return mine is not None and theirs is not None and mine != theirs


def _same_city(one: Record, other: Record) -> bool:
    return _both((one.city or "").lower() or None, (other.city or "").lower()) and _both(one.state, other.state)


def _close(one: Record, other: Record) -> bool:
    return one.at is not None and other.at is not None and miles_between(one.at, other.at) < NEARBY_MILES


def clusters(records: Sequence[Record]) -> list[list[int]]:
    """Indexes of `records` grouped by company, in order of appearance.

    Only records that share a block (phone, website, street, or a word's beginning in one ZIP code or
    neighbourhood) are compared: the work grows with the size of the blocks, not with the square of the whole.
    """
    union = _Union(list(range(len(records))))
    for one, other in _pairs(records):
        if union.find(one) != union.find(other) and same_company(records[one], records[other]):
            union.join(one, other)
    groups: dict[int, list[int]] = {}
    for index in range(len(records)):
        groups.setdefault(union.find(index), []).append(index)
    return list(groups.values())


def _pairs(records: Sequence[Record]) -> Iterator[tuple[int, int]]:
    blocks: dict[tuple[str, ...], list[int]] = {}
    for index, record in enumerate(records):
        for block in set(_blocks(record)):
            blocks.setdefault(block, []).append(index)
    for members in blocks.values():
        yield from combinations(members, 2)


def _blocks(record: Record) -> Iterator[tuple[str, ...]]:
    phone, website, street = own_phone(record.phone), website_key(record.website), _street(record)
    if phone:
        yield "phone", phone
    if website:
        yield "website", website
    if street:
        yield "street", street, record.state or ""
    yield "name", normal_name(record.name), record.state or "", (record.city or "").lower()
    words = distinctive(record.name).split() or normal_name(record.name).split()
    for beginning in {word[:3] for word in words}:
        if record.zip:
            yield "zip", record.zip, beginning
        if record.at:
            for cell in _cells(record.at):
                yield "cell", cell, beginning


def _cells(at: Point) -> Iterator[str]:
    """The squares of a hundredth of a degree around a point: points half a mile apart share one."""
    row, column = int(at.lat * 100), int(at.lng * 100)
    return (f"{row + up},{column + right}" for up in (-1, 0, 1) for right in (-1, 0, 1))


def assign(listings: Sequence[Listing], known: Sequence[Known]) -> list[tuple[int | None, list[Listing]]]:
    """Listings by company, with the index of the one among `known` (oldest first) that it is, or None for a new one.

    A listing we know by its id stays where it is. Two companies we know are never made one; a new listing
    that fits both goes to the customer, else to the older.
    """
    owners = {
        (source, each): at
        for at, one in reversed(list(enumerate(known)))
        for source in one.ids
        for each in one.ids[source]
    }
    bundles: dict[int, list[Listing]] = {}
    new: list[list[Listing]] = []
    for group in clusters([*(listing.record for listing in listings), *(one.record for one in known)]):
        members = [listings[index] for index in group if index < len(listings)]
        owned = {index - len(listings) for index in group if index >= len(listings)}
        owned |= {owners[key] for listing in members if (key := (listing.source, listing.external_id)) in owners}
        if not owned:
            new.append(members)
            continue
        first = min(owned, key=lambda at: (not known[at].customer, at))
        for listing in members:
            bundles.setdefault(owners.get((listing.source, listing.external_id), first), []).append(listing)
    return [*bundles.items(), *((None, members) for members in new)]


def refusal(listing: Listing, centre: Point | None, state: str) -> str | None:
    """Why a listing is none of a city's roofers (a stable code), or None."""
    if listing.closed:
        return "closed"
    roofer = listing.categories & ROOFING_CATEGORIES or _ROOF_IN_NAME.search(listing.record.name)
    if not roofer or (listing.categories & OTHER_TRADES and not listing.categories & ROOFING_CATEGORIES):
        return "not_a_roofer"
    at = listing.record.at
    if centre is not None and at is not None:
        return "too_far" if miles_between(centre, at) > FAR_MILES else None
    return "too_far" if listing.record.state not in (None, state) else None


# What is true of a company


PLACE = ("address", "city", "state", "zip", "lat", "lng")
"""These belong together and are taken from one listing."""

PREFERENCE: Mapping[str, tuple[str, ...]] = {
    "company_name": (GOOGLE, YELP),
    "phone": (GOOGLE, WEBSITE, YELP),
    "website": (GOOGLE, YELP),
    "email": (WEBSITE, HUNTER),
    "owner_name": (WEBSITE, HUNTER),
    "services_offered": (WEBSITE, GOOGLE, YELP),
    **dict.fromkeys(PLACE, (GOOGLE, YELP)),
    **dict.fromkeys(("google_place_id", "google_rating", "google_review_count", "last_review_at"), (GOOGLE,)),
    **dict.fromkeys(("yelp_business_id", "yelp_rating", "yelp_review_count"), (YELP,)),
    **dict.fromkeys(
        (
            "roof_types", "certifications", "insurance_types", "years_in_business", "employee_count_range",
            "license_number", "license_state", "license_status", "social_media", "linkedin_url",
        ),
        (WEBSITE,),
    ),
}  # fmt: skip
"""Whose word counts for a column, best first. A source that is not listed does not fill the column."""

_OWN_COLUMNS: Mapping[str, tuple[str, str, str]] = {
    GOOGLE: ("google_place_id", "google_rating", "google_review_count"),
    YELP: ("yelp_business_id", "yelp_rating", "yelp_review_count"),
}


def merge(listings: Sequence[Listing]) -> Merged:
    """The best value of every column, by PREFERENCE; of two listings of one source the more reviewed one's."""
    ranked = sorted(listings, key=lambda one: (-(one.reviews or 0), one.external_id))
    values: dict[str, Any] = {}
    origin: dict[str, str] = {}
    ids: dict[str, tuple[str, ...]] = {}
    for source in dict.fromkeys(PREFERENCE["company_name"]):
        of_source = [listing for listing in ranked if listing.source == source]
        for listing in of_source:
            for column, value in _said(listing):
                if value not in (None, ()) and column not in values:
                    values[column], origin[column] = value, source
        if of_source:
            ids[source] = tuple(sorted(listing.external_id for listing in of_source))
    place = min(ranked, key=lambda one: (_street(one.record) is None, PREFERENCE["address"].index(one.source)))
    for column, value in _place(place.record):
        values[column], origin[column] = value, place.source
    services = sorted({service for listing in listings for service in listing.services})
    if services:
        values["services_offered"] = services
    return Merged(values, origin, ids)


def _said(listing: Listing) -> Iterator[tuple[str, Any]]:
    record = listing.record
    yield from (("company_name", record.name), ("phone", record.phone), ("website", record.website))
    yield "services_offered", listing.services
    identifier, rating, reviews = _OWN_COLUMNS[listing.source]
    yield from ((identifier, listing.external_id), (rating, listing.rating), (reviews, listing.reviews))
    if listing.source == GOOGLE:
        yield "last_review_at", listing.last_review_at


def _place(record: Record) -> Iterable[tuple[str, Any]]:
    lat, lng = (record.at.lat, record.at.lng) if record.at else (None, None)
    return zip(PLACE, (record.street, record.city, record.state, record.zip, lat, lng), strict=True)


def fill(
    row: Mapping[str, Any], origin: Mapping[str, str], values: Mapping[str, Any], said_by: Mapping[str, str]
) -> tuple[dict[str, Any], dict[str, str]]:
    """What changes in a row, and the row's new origins.

    A column is filled where it is empty, or where its value came from a source that counts no more than
    the one which speaks now. A value without an origin was told by a person and stays.
    """
    changes: dict[str, Any] = {}
    after = dict(origin)
    place_stays = any(_stays(row, origin, column, said_by.get(column)) for column in PLACE if _held(row, column))
    # A source that hides the address now does not make us forget it.
    place_stays = place_stays or (values.get("address") is None and _held(row, "address"))
    for column, value in values.items():
        source = said_by[column]
        if column in PLACE:
            if place_stays:
                continue
        elif value is None or _stays(row, origin, column, source):
            continue
        changes[column], after[column] = value, source
    return changes, after


def _held(row: Mapping[str, Any], column: str) -> bool:
    return row.get(column) not in (None, [], {}, "")


def _stays(row: Mapping[str, Any], origin: Mapping[str, str], column: str, source: str | None) -> bool:
    """Whether what the row holds is worth more than what `source` says."""
    order = PREFERENCE.get(column, ())
    if source not in order:
        return True
    if not _held(row, column):
        return False
    held_by = origin.get(column, PERSON)
    return held_by not in order or order.index(held_by) < order.index(source)
