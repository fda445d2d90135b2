"""The roofing companies of a city that are no customers yet, as the truth has them and as directories show them.

Google and Yelp overlap, spell names, phones and addresses their own way, list what is closed, far away or no
roofer at all. Companies are invented and have no people: their mailboxes are roles, their numbers are fiction's.
"""

import hashlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property

import numpy as np

from sandbox import names
from sandbox.city import City, Company

BRANDS = (
    "Anchorline", "Birchfall", "Brightridge", "Cactus Wren", "Cedarcrest", "Cloudbreak", "Cottonwood", "Crestpoint",
    "Dovetail", "Dustdevil", "Eaglepass", "Eastwind", "Emberstone", "Fairweather", "Fencepost", "Firewheel",
    "Foxglove", "Goldenrod", "Hackberry", "Harborlight", "Hawkfeather", "Highwater", "Honeylocust", "Ironwood",
    "Jackrabbit", "Juniper Bend", "Keystone Creek", "Larkspur", "Lantana", "Lighthouse", "Magnolia Gate",
    "Millstone", "Moonrise", "Nightjar", "Northstar", "Oakhurst", "Onyx Peak", "Paintbrush", "Peregrine",
    "Pinnacle Oak", "Quicksilver", "Rainlily", "Redbud", "Riverbirch", "Roadrunner", "Sagebrush", "Sandhill",
    "Scissortail", "Shadetree", "Silverleaf", "Skyward", "Stonebridge", "Sundance", "Sycamore", "Tallgrass",
    "Thunderhead", "Trailblaze", "Upland", "Vaquero", "Wagonwheel", "Whitetail", "Wildrye", "Windward", "Yaupon",
    "Zephyr", "Basalt", "Copperhead", "Driftwood", "Flintlock", "Greenbriar",
)  # fmt: skip
TRADES = ("Roofing", "Roofing & Exteriors", "Roof Co", "Roofing Company", "Roofing and Construction", "Roof Repair")
MAILBOXES = ("info", "office", "sales", "hello", "contact", "estimates")
SERVICES = (
    "Roof replacement", "Roof repair", "Roof inspections", "Insurance claims assistance", "Gutters", "Skylights",
    "Emergency tarping", "Siding",
)  # fmt: skip
CERTIFICATIONS = (
    "GAF Master Elite", "Owens Corning Preferred", "CertainTeed SELECT ShingleMaster", "TAMKO Pro Certified",
)  # fmt: skip
SIZES = (1, 3, 4, 6, 8, 12, 18, 25, 40, 75)
MAIL_STATUSES = ("valid",) * 7 + ("catch-all", "unknown", "invalid")
ROOFER_TYPES = ("roofing_contractor", "general_contractor", "point_of_interest", "establishment")
TOLL_FREE = "+18885550142"
"""A call centre's number that companies which have nothing to do with each other give as theirs."""

SITES = (
    ("full",) * 10
    + ("plain",) * 3
    + ("none", "none", "moved", "gone", "garbage", "huge", "forbidden", "circle", "private")
)
"""What stands behind a company's web address, most of them fine."""

PLAN = (
    ("both", 22), ("hidden", 4), ("tracked", 3), ("twice", 2), ("google", 14), ("yelp", 9), ("nearby", 3),
    ("namesake", 4), ("neighbour", 2), ("hotline", 2), ("franchise", 2), ("closed", 3), ("far", 2),
    ("relocated", 1),
)  # fmt: skip
"""How many companies of each kind there are.

`both` are in both directories; `hidden` there, without their address; `tracked` with another number on Yelp;
`twice` twice on Google; `relocated` on Yelp with the number and the street of years ago, so that nobody could tell.
`namesake`: two companies of nearly one name in one ZIP code; `neighbour`: two in one house;
`hotline`: two with one toll-free number; `franchise`: two branches with one website.
"""
OTHERS = (
    ("Lone Prairie Roofing Supply", ("home_goods_store", "store"), ("buildingsupplies", "Building Supplies")),
    ("Hail & Roof Claims Law", ("lawyer", "point_of_interest"), ("lawyers", "Lawyers")),
    ("The Rooftop on Sixth", ("bar", "restaurant", "point_of_interest"), ("bars", "Bars")),
    ("Ladder Barn Hardware and Roofing Tools", ("hardware_store", "store"), ("hardware", "Hardware Stores")),
)  # fmt: skip
"""What turns up in a search for roofers and is none."""


@dataclass(frozen=True, slots=True)
class Firm:
    """A company as it truly is. `kind` is its row in PLAN, `site` what its web address shows."""

    index: int
    kind: str
    name: str
    slug: str
    phone: str
    street: str
    city: str
    state: str
    zip: str
    lat: float
    lng: float
    site: str
    mail_domain: str
    email: str
    mail_status: str
    mail_shown: str
    """How the site shows the address: mailto, plain, hidden ("name [at] …") or not."""
    in_finder: bool
    founded: int
    employees: int
    services: tuple[str, ...]
    commercial: bool
    certifications: tuple[str, ...]
    insured: bool
    licence: str | None
    networks: tuple[str, ...]
    roofer: bool = True
    customer: bool = False

    @property
    def closed(self) -> bool:
        """Whether it went out of business."""
        return self.kind == "closed"


@dataclass(frozen=True, slots=True)
class Place:
    """A company as Google shows it."""

    place_id: str
    firm: Firm
    name: str
    phone: str
    street: str | None
    lat: float
    lng: float
    rating: float
    reviews: int
    reviewed: datetime
    types: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Business:
    """A company as Yelp shows it."""

    business_id: str
    alias: str
    firm: Firm
    name: str
    phone: str
    street: str | None
    lat: float
    lng: float
    rating: float
    reviews: int
    price: str | None
    categories: tuple[tuple[str, str], ...]


class Directory:
    """The companies of a city and their listings."""

    def __init__(self, city: City) -> None:
        self._city = city

    @cached_property
    def firms(self) -> tuple[Firm, ...]:
        """Every company, the first few customers and what is no roofer included."""
        found: list[Firm] = []
        for kind, number in PLAN:
            for order in range(number):
                firm = self._firm(len(found), kind)
                second = order % 2 == 1 and kind in PAIRS
                found.append(PAIRS[kind](found[-1], firm) if second else firm)
        for name, _, _ in OTHERS:
            found.append(self._other(len(found), name))
        for company in self._city.companies[:3]:
            found.append(self._customer(len(found), company))
        return tuple(found)

    @cached_property
    def places(self) -> tuple[Place, ...]:
        """Google's listings."""
        found = [self._place(firm, 0) for firm in self.firms if firm.kind != "yelp"]
        found += [self._place(firm, 1) for firm in self.firms if firm.kind == "twice"]
        return tuple(found)

    @cached_property
    def businesses(self) -> tuple[Business, ...]:
        """Yelp's listings: the closed ones are there too, for whoever asks by id."""
        return tuple(self._business(firm) for firm in self.firms if firm.kind not in ("google", "twice"))

    @cached_property
    def by_slug(self) -> dict[str, Firm]:
        """Companies by the name of their site; a franchise's is its first branch's."""
        return {firm.slug: firm for firm in reversed(self.firms)}

    @cached_property
    def by_email(self) -> dict[str, str]:
        """What a verifier says of each address."""
        return {firm.email: firm.mail_status for firm in self.firms if not firm.customer}

    @cached_property
    def by_domain(self) -> dict[str, Firm]:
        """Companies by the domain of their mail."""
        return {firm.mail_domain: firm for firm in self.firms}

    @cached_property
    def _phones(self) -> list[str]:
        # Customers have the last numbers of the first area code, owners all below 80.
        spec = self._city.spec
        numbers = [f"+1{area}55501{line}" for area in spec.area_codes[1:] for line in range(80, 100)]
        return [numbers[i] for i in self._city.rng("firm phones").permutation(len(numbers))]

    @cached_property
    def _brands(self) -> list[str]:
        return [BRANDS[i] for i in self._city.rng("brands").permutation(len(BRANDS))]

    def _firm(self, index: int, kind: str) -> Firm:
        rng = self._city.rng("firm", index)
        spec = self._city.spec
        part = spec.neighbourhoods[int(rng.integers(len(spec.neighbourhoods)))]
        brand = self._brands[index % len(BRANDS)] + (" Crew" if index >= len(BRANDS) else "")
        name = f"{brand} {TRADES[int(rng.integers(len(TRADES)))]}"
        slug = _slug(name)
        domain = f"{brand.lower().replace(' ', '')}roof.example"
        north, east = DISTANCES.get(kind, (0.0, 0.0))
        return Firm(
            index=index,
            kind=kind,
            name=name,
            slug=slug,
            phone=self._phones[index],
            street=_street(rng),
            city={"nearby": f"{part.name}", "far": "Farmersburg"}.get(kind, spec.city),
            state=spec.state,
            zip=part.zip if kind not in DISTANCES else f"7{int(rng.integers(5000, 5400))}",
            lat=round(part.lat + north + float(rng.uniform(-0.02, 0.02)), 6),
            lng=round(part.lng + east + float(rng.uniform(-0.02, 0.02)), 6),
            site="full" if kind == "franchise" else SITES[index % len(SITES)],
            mail_domain=domain,
            email=f"{MAILBOXES[int(rng.integers(len(MAILBOXES)))]}@{domain}",
            mail_status=MAIL_STATUSES[int(rng.integers(len(MAIL_STATUSES)))],
            mail_shown=("mailto", "plain", "hidden", "none")[index % 4],
            in_finder=bool(rng.random() < 0.6),
            founded=self._city.today.year - int(rng.integers(1, 41)),
            employees=SIZES[int(rng.integers(len(SIZES)))],
            services=tuple(sorted({SERVICES[int(i)] for i in rng.integers(len(SERVICES), size=4)})),
            commercial=bool(rng.random() < 0.5),
            certifications=tuple(sorted({CERTIFICATIONS[int(i)] for i in rng.integers(4, size=int(rng.integers(3)))})),
            insured=bool(rng.random() < 0.7),
            licence=f"RCAT-{int(rng.integers(20_000, 99_999))}" if rng.random() < 0.5 else None,
            networks=tuple(("facebook", "instagram", "linkedin")[: int(rng.integers(4))]),
        )

    def _other(self, index: int, name: str) -> Firm:
        firm = self._firm(index, "other")
        return replace(firm, name=name, slug=_slug(name), roofer=False, mail_domain=f"{_slug(name)}.example")

    def _customer(self, index: int, company: Company) -> Firm:
        firm = self._firm(index, "both")
        return replace(
            firm, name=company.name, slug=_slug(company.name), phone=company.phone, street=company.address,
            zip=company.zip, lat=company.lat, lng=company.lng, email=company.email, customer=True, site="none",
            mail_domain=company.email.partition("@")[2],
        )  # fmt: skip

    def _place(self, firm: Firm, copy: int) -> Place:
        rng = self._city.rng("place", firm.index, copy)
        other = next((types for name, types, _ in OTHERS if name == firm.name), None)
        lat, lng = self._shown(firm, rng)
        return Place(
            place_id=_identifier("ChIJ", "place", self._city.seed, firm.index, copy),
            firm=firm,
            name=firm.name if copy == 0 else SPELLINGS[0](firm.name),
            phone=TOLL_FREE if firm.kind == "hotline" else firm.phone,
            street=None if firm.kind == "hidden" else firm.street,
            lat=lat,
            lng=lng,
            rating=round(float(rng.uniform(3.2, 5.0)), 1),
            reviews=int(rng.integers(1, 320)),
            reviewed=datetime.combine(self._city.today, datetime.min.time(), UTC)
            - timedelta(days=int(rng.integers(1, 400))),
            types=other or ROOFER_TYPES[: 1 + int(rng.integers(3))],
        )

    def _business(self, firm: Firm) -> Business:
        rng = self._city.rng("business", firm.index)
        other = next((category for name, _, category in OTHERS if name == firm.name), None)
        lat, lng = self._shown(firm, rng)
        name = SPELLINGS[int(rng.integers(len(SPELLINGS)))](firm.name)
        phone = TOLL_FREE if firm.kind == "hotline" else firm.phone
        if firm.kind in ("tracked", "relocated"):
            phone = self._phones[-1 - firm.index]
        old_street = _street(rng) if firm.kind == "relocated" else None
        extra = (("gutterservices", "Gutter Services"), ("contractors", "Contractors"))[: int(rng.integers(3))]
        return Business(
            business_id=_identifier("", "business", self._city.seed, firm.index, 0)[:22],
            alias=f"{_slug(name)}-{self._city.spec.slug}",
            firm=firm,
            name=name,
            phone=phone,
            street=None if firm.kind == "hidden" else _other_spelling(old_street or firm.street, rng),
            lat=lat,
            lng=lng,
            rating=round(float(rng.uniform(2.5, 5.0)) * 2) / 2,
            reviews=int(rng.integers(1, 90)),
            price=("$", "$$", "$$$", None)[int(rng.integers(4))],
            categories=(other,) if other else (("roofing", "Roofing"), *extra),
        )

    def _shown(self, firm: Firm, rng: np.random.Generator) -> tuple[float, float]:
        """Where a directory puts the pin: beside the house, or at the city's centre when the address is hidden."""
        if firm.kind == "hidden":
            part = self._city.spec.neighbourhoods[0]
            return part.lat, part.lng
        north, east = (float(shift) for shift in rng.uniform(-0.0008, 0.0008, size=2))
        return round(firm.lat + north, 7), round(firm.lng + east, 7)


DISTANCES = {"nearby": (0.22, 0.10), "far": (1.9, 0.9), "franchise": (0.0, 0.0)}
"""Degrees north and east of the city for companies that are elsewhere."""


def _namesakes(first: Firm, second: Firm) -> Firm:
    """Another company whose name differs by a word of the trade, in the same ZIP code and not in the same house."""
    brand = first.name.rsplit(" ", 1)[0].split(" Roof")[0]
    name = f"{brand} Restoration & Roof" if "Restoration" not in first.name else f"{brand} Exteriors"
    return replace(second, name=name, slug=_slug(name), zip=first.zip, lat=first.lat + 0.03, lng=first.lng + 0.03)


def _neighbours(first: Firm, second: Firm) -> Firm:
    """Another company in the same house."""
    return replace(second, street=first.street, zip=first.zip, lat=first.lat, lng=first.lng)


def _branches(first: Firm, second: Firm) -> Firm:
    """Another branch: the same site and brand, an owner and a number of its own, a town away."""
    name = f"{first.name} of {second.city} North"
    return replace(
        second, name=name, slug=first.slug, site=first.site, zip="78664", lat=first.lat + 0.2, lng=first.lng + 0.1
    )


PAIRS: dict[str, Callable[[Firm, Firm], Firm]] = {
    "namesake": _namesakes,
    "neighbour": _neighbours,
    "franchise": _branches,
}


def _slip(name: str) -> str:
    """With a letter of the first word doubled."""
    return f"{name[:3]}{name[2]}{name[3:]}"


SPELLINGS: tuple[Callable[[str], str], ...] = (
    lambda name: f"{name} LLC",
    str.upper,
    lambda name: name.replace("Roofing", "Roofers") + ", Inc.",
    lambda name: name.replace(" and ", " & "),
    _slip,
    lambda name: name,
    lambda name: f"The {name}",
)
"""How Yelp writes a name that Google writes otherwise."""

STREET_SPELLINGS = {
    " Dr": " Drive",
    " Ln": " Lane",
    " St": " Street",
    " Ave": " Avenue",
    " Rd": " Road",
    " Ct": " Court",
}


def _other_spelling(street: str, rng: np.random.Generator) -> str:
    for short, long in STREET_SPELLINGS.items():
        if street.endswith(short):
            street = street.removesuffix(short) + long
            break
    return f"{street} Ste {int(rng.integers(1, 40))}" if rng.random() < 0.3 else street


def _street(rng: np.random.Generator) -> str:
    first, second, suffix = (
        words[int(rng.integers(len(words)))]
        for words in (names.STREET_FIRST, names.STREET_SECOND, names.STREET_SUFFIXES)
    )
    return f"{int(rng.integers(100, 9800))} {first} {second} {suffix}"


def _slug(name: str) -> str:
    return "-".join(re.findall(r"[a-z0-9]+", name.lower()))


def _identifier(prefix: str, *parts: object) -> str:
    digest = hashlib.sha256("|".join(map(str, parts)).encode()).hexdigest()
    return f"{prefix}{digest[: 27 - len(prefix)]}"


def truth(directory: Directory) -> Iterator[dict[str, object]]:
    """Every company with the listings that are it."""
    for firm in directory.firms:
        yield {
            "name": firm.name,
            "kind": firm.kind,
            "roofer": firm.roofer,
            "closed": firm.closed,
            "customer": firm.customer,
            "slug": firm.slug,
            "google": [place.place_id for place in directory.places if place.firm is firm],
            "yelp": [business.business_id for business in directory.businesses if business.firm is firm],
            "phone": firm.phone,
            "email": firm.email,
            "email_status": firm.mail_status,
            "email_shown": firm.mail_shown,
            "in_finder": firm.in_finder,
            "site": firm.site,
            "founded": firm.founded,
            "employees": firm.employees,
            "services": list(firm.services),
            "commercial": firm.commercial,
            "certifications": list(firm.certifications),
            "insured": firm.insured,
            "licence": firm.licence,
            "networks": list(firm.networks),
            "city": firm.city,
            "state": firm.state,
            "zip": firm.zip,
            "street": firm.street,
            "lat": firm.lat,
            "lng": firm.lng,
        }
