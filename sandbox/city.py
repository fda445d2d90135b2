"""A deterministic city: the same seed, size and day always give the same houses, people, roofs, permits and storms."""

import hashlib
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cached_property
from itertools import product
from typing import Any

import numpy as np

from domain.geo import Point, miles_between
from domain.roof import CONDITIONS, DamageType, RoofCondition, RoofMaterial
from ml_models.synthetic import RoofTruth, TrueDamage, condition_for_age, sample_truth
from sandbox import names
from sandbox.addresses import street_key
from sandbox.places import CitySpec, Neighbourhood

METRES_PER_DEGREE = 111_320.0
SQFT_PER_M2 = 10.7639
LOT_M, BLOCK_M, SETBACK_M = 24.0, 96.0, 20.0
RECENT_DAYS = 30

MATERIALS = {
    RoofMaterial.SHINGLE: 0.62,
    RoofMaterial.METAL: 0.16,
    RoofMaterial.TILE: 0.12,
    RoofMaterial.FLAT: 0.06,
    RoofMaterial.SLATE: 0.04,
}
ORDINARY_CONDITIONS = (0.08, 0.22, 0.28, 0.26, 0.16)
"""Grades, best first, of older roofs nobody has asked a permit for."""
UNWORTHY_VALUE = 480_000
"""US dollars. A new roof on a costlier house in the storm would still reach the score that makes a lead."""
HAIL_SHOWS_ON = frozenset({RoofMaterial.SHINGLE, RoofMaterial.METAL})

FINDABLE, DELIVERABLE = 0.85, 0.90
BAD_MAIL = ("invalid", "invalid", "catch-all", "do_not_mail", "unknown")


@dataclass(frozen=True, slots=True)
class Storm:
    """A storm over a circle of ground; `index` is its place in the city's description."""

    index: int
    kind: str
    day: date
    lat: float
    lng: float
    radius_miles: float
    hail_inches: float
    wind_mph: int | None
    damages: bool

    def covers(self, lat: float, lng: float) -> bool:
        """Whether the point lies in the circle."""
        return miles_between(Point(self.lat, self.lng), Point(lat, lng)) <= self.radius_miles


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody invented. `email` is what a finder finds, `mail_status` what a verifier says of it."""

    name: str
    email: str | None
    mail_status: str
    finder_score: int
    phone: str | None
    phone_listed: bool
    phone_found: bool
    company: bool = False

    @property
    def strings(self) -> Iterator[str]:
        """Every way this person could show up in a text."""
        if not self.company:
            yield self.name
        if self.email:
            yield self.email
        if self.phone:
            area, exchange, line = self.phone[2:5], self.phone[5:8], self.phone[8:]
            yield from (
                f"{area}{exchange}{line}",
                f"{area}-{exchange}-{line}",
                f"({area}) {exchange}-{line}",
                f"{area}.{exchange}.{line}",
            )


@dataclass(frozen=True, slots=True)
class House:
    """A house with its true roof. `front_azimuth` is the compass direction its front looks to, in degrees."""

    index: int
    neighbourhood: Neighbourhood
    number: int
    street: str
    city: str
    state: str
    zip: str
    lat: float
    lng: float
    front_azimuth: float
    parcel: str
    legal: str
    year_built: int
    sqft: int
    lot_acres: float
    beds: int | None
    baths: float
    value: int
    tax: float
    sale_date: date
    sale_price: int | None
    owner: Person
    mailing: str
    owner_occupied: bool
    roof: RoofTruth
    roofed: date
    """When the present roof was laid."""
    reroof_recorded: bool
    recent: str | None
    """`worn` or `renewed` when a roofing permit was issued in the last 30 days."""
    storm: Storm | None
    has_panorama: bool
    geocodes: bool

    @property
    def line(self) -> str:
        """Upper-case street line."""
        return f"{self.number} {self.street}".upper()

    @property
    def pano_id(self) -> str:
        """Google's name for the panorama in front of the house."""
        return self._name("pano", 22)

    @property
    def place_id(self) -> str:
        """Google's name for the house."""
        return self._name("place", 27)

    def _name(self, kind: str, length: int) -> str:
        return hashlib.sha256(f"{kind}|{self.city}|{self.line}".encode()).hexdigest()[:length]


@dataclass(frozen=True, slots=True)
class Company:
    """A roofing contractor that subscribed."""

    index: int
    name: str
    contact: Person
    email: str
    phone: str
    website: str
    address: str
    zip: str
    lat: float
    lng: float
    radius_miles: float
    tier: str
    licence: str
    years: int
    employees: str
    rating: float
    reviews: int
    certifications: tuple[str, ...]


def generator(*parts: object) -> np.random.Generator:
    """A random generator of its own for each thing, so that one change does not reshuffle the rest."""
    digest = hashlib.blake2b("|".join(map(str, parts)).encode(), digest_size=8).digest()
    return np.random.default_rng(int.from_bytes(digest))


class City:
    """All of a sandbox city. Build with `City(spec, seed, houses, today)`."""

    def __init__(self, spec: CitySpec, seed: int, houses: int, today: date) -> None:
        self.spec, self.seed, self.size, self.today = spec, seed, houses, today

    def rng(self, *parts: object) -> np.random.Generator:
        """The generator of one part of this city."""
        return generator(self.seed, self.spec.slug, *parts)

    @cached_property
    def storms(self) -> tuple[Storm, ...]:
        """Newest first."""
        found = []
        for index, storm in enumerate(self.spec.storms):
            ago = int(self.rng("storm", index).integers(storm.days_ago[0], storm.days_ago[1] + 1))
            found.append(
                Storm(
                    index, storm.kind, self.today - timedelta(days=ago), storm.lat, storm.lng,
                    storm.radius_miles, storm.hail_inches, storm.wind_mph, storm.damages,
                )
            )  # fmt: skip
        return tuple(sorted(found, key=lambda storm: storm.day, reverse=True))

    @cached_property
    def houses(self) -> tuple[House, ...]:
        """Every house, street by street."""
        found: list[House] = []
        for neighbourhood, count in self._shares():
            roles = self._roles(neighbourhood, count)
            for order, role in enumerate(roles):
                found.append(self._house(len(found), neighbourhood, order, count, role))
        return tuple(found)

    @cached_property
    def companies(self) -> tuple[Company, ...]:
        """The contractors."""
        return tuple(self._company(index) for index in range(15))

    @cached_property
    def by_key(self) -> dict[str, House]:
        """Houses by normalised street line."""
        return {street_key(house.line): house for house in self.houses}

    @cached_property
    def by_street(self) -> dict[str, list[House]]:
        """Houses by normalised street name."""
        found: dict[str, list[House]] = {}
        for house in self.houses:
            found.setdefault(street_key(house.street), []).append(house)
        return found

    @cached_property
    def by_parcel(self) -> dict[str, House]:
        """Houses by parcel id."""
        return {house.parcel: house for house in self.houses}

    @cached_property
    def by_owner(self) -> dict[str, Person]:
        """Findable people by lower-case name, as written and with the last name first."""
        found: dict[str, Person] = {}
        for house in self.houses:
            if not house.owner.company:
                first, last = house.owner.name.split(" ", 1)
                found[f"{first} {last}".lower()] = found[f"{last} {first}".lower()] = house.owner
        return found

    @cached_property
    def by_email(self) -> dict[str, str]:
        """What a verifier says of each address."""
        found = {house.owner.email: house.owner.mail_status for house in self.houses if house.owner.email}
        return found | {company.email: "valid" for company in self.companies}

    @cached_property
    def _coordinates(self) -> np.ndarray[Any, np.dtype[np.float64]]:
        return np.array([(house.lat, house.lng) for house in self.houses])

    def nearest(self, lat: float, lng: float) -> tuple[House, float]:
        """The house nearest to a point and its distance in metres."""
        scale = np.array([METRES_PER_DEGREE, METRES_PER_DEGREE * math.cos(math.radians(lat))])
        metres = np.hypot(*((self._coordinates - (lat, lng)) * scale).T)
        index = int(metres.argmin())
        return self.houses[index], float(metres[index])

    def find(self, address: str) -> House | None:
        """The house at an address as people write it; city and ZIP behind the first comma are not checked."""
        return self.by_key.get(street_key(address.split(",")[0]))

    @cached_property
    def people(self) -> tuple[Person, ...]:
        """Owners and contractors."""
        return (*(house.owner for house in self.houses), *(company.contact for company in self.companies))

    def _shares(self) -> Iterator[tuple[Neighbourhood, int]]:
        counts = [int(self.size * part.share) for part in self.spec.neighbourhoods]
        counts[0] += self.size - sum(counts)
        yield from zip(self.spec.neighbourhoods, counts, strict=True)

    def _roles(self, part: Neighbourhood, count: int) -> list[str | None]:
        recent = round(part.recent * count)
        renewed = round(part.renewed * recent)
        roles: list[str | None] = ["renewed"] * renewed + ["worn"] * (recent - renewed) + [None] * (count - recent)
        order = self.rng("roles", part.name).permutation(count)
        return [roles[position] for position in order]

    @cached_property
    def _streets(self) -> list[str]:
        pairs = list(product(names.STREET_FIRST, names.STREET_SECOND))
        rng = self.rng("streets")
        order = rng.permutation(len(pairs))
        suffixes = rng.integers(len(names.STREET_SUFFIXES), size=len(pairs))
        return [f"{' '.join(pairs[i])} {names.STREET_SUFFIXES[suffixes[n]]}" for n, i in enumerate(order)]

    @cached_property
    def _names(self) -> list[str]:
        pairs = list(product(names.FIRST_NAMES, names.LAST_NAMES))
        return [" ".join(pairs[i]) for i in self.rng("names").permutation(len(pairs))]

    @cached_property
    def _phones(self) -> list[str]:
        # 555-0100 to 555-0199 is set aside for fiction in every area code.
        # The last twenty of each are for companies.
        numbers = [f"+1{area}55501{line:02d}" for area in self.spec.area_codes for line in range(80)]
        return [numbers[i] for i in self.rng("phones").permutation(len(numbers))]

    def _person(self, index: int, rng: np.random.Generator, deliverable: float = DELIVERABLE) -> Person:
        name = self._names[index]
        domain = names.MAIL_DOMAINS[int(rng.integers(len(names.MAIL_DOMAINS)))]
        findable, good, phone = (float(share) for share in rng.random(3))
        bad = BAD_MAIL[int(rng.integers(len(BAD_MAIL)))]
        return Person(
            name=name,
            email=f"{name.lower().replace(' ', '.')}@{domain}" if findable < FINDABLE else None,
            mail_status="valid" if good < deliverable else bad,
            finder_score=int(rng.integers(61, 99)),
            phone=self._phones[index % len(self._phones)] if phone < 0.84 else None,
            phone_listed=phone < 0.58,
            phone_found=phone >= 0.58,
        )

    def _owner(self, index: int, rng: np.random.Generator) -> Person:
        if rng.random() < 0.03:
            name = names.LANDLORDS[int(rng.integers(len(names.LANDLORDS)))]
            return Person(name, None, "unknown", 0, None, False, False, company=True)
        return self._person(index, rng)

    def _house(self, index: int, part: Neighbourhood, order: int, count: int, role: str | None) -> House:
        rng = self.rng("house", index)
        street_index, position, number, lat, lng, turn = self._plot(part, order, count, rng)
        storm = next((storm for storm in self.storms if storm.damages and storm.covers(lat, lng)), None)
        year_built = int(rng.integers(part.built[0], part.built[1] + 1))
        roof, roofed, recorded = self._roof(part, year_built, role, storm, turn, rng)
        sqft = int(roof.footprint.plan_m2 * SQFT_PER_M2 * rng.uniform(0.74, 0.88) / 10) * 10
        beds = 2 + (sqft > 1150) + (sqft > 1650) + (sqft > 2300)
        value = int(round(math.exp(rng.uniform(math.log(part.value[0]), math.log(part.value[1]))), -2))
        if role == "renewed":
            value = min(value, UNWORTHY_VALUE)
        owner = self._owner(index, rng)
        street = self._street(part, street_index)
        line = f"{number} {street}"
        home = f"{line}, {self.spec.city}, {self.spec.state} {part.zip}"
        lives_there = not owner.company and rng.random() < 0.82
        sale_date = self._sale_date(year_built, rng)
        block, lot = chr(65 + street_index), position + 1
        return House(
            index=index,
            neighbourhood=part,
            number=number,
            street=street,
            city=self.spec.city,
            state=self.spec.state,
            zip=part.zip,
            lat=round(lat, 8),
            lng=round(lng, 8),
            front_azimuth=(180.0 - turn) % 360,
            parcel=f"0{int(part.zip[-2:]) + 100}{street_index:02d}{index:04d}",
            legal=f"LOT {lot} BLK {block} {part.name.upper()} SEC {1 + index % 4}",
            year_built=year_built,
            sqft=sqft,
            lot_acres=round(float(rng.uniform(0.14, 0.31)), 3),
            beds=beds if rng.random() < 0.93 else None,
            baths=1.0 + 0.5 * int(rng.integers(0, 2)) + (sqft > 1400) + (sqft > 2300),
            value=value,
            tax=round(value * 0.0181, 2),
            sale_date=sale_date,
            # Texas does not publish prices: the district knows most of them from surveys.
            sale_price=int(round(value * rng.uniform(0.42, 0.97), -2)) if rng.random() < 0.88 else None,
            owner=owner,
            mailing=home if lives_there else self._elsewhere(rng),
            owner_occupied=lives_there,
            roof=roof,
            roofed=roofed,
            reroof_recorded=recorded,
            recent=role,
            storm=storm,
            has_panorama=bool(rng.random() >= 0.03),
            geocodes=bool(role or rng.random() >= 0.01),
        )

    def _street(self, part: Neighbourhood, street_index: int) -> str:
        before = sum(other.streets for other in self.spec.neighbourhoods[: self.spec.neighbourhoods.index(part)])
        return self._streets[before + street_index]

    def _plot(
        self, part: Neighbourhood, order: int, count: int, rng: np.random.Generator
    ) -> tuple[int, int, int, float, float, float]:
        per_street = math.ceil(count / part.streets)
        street_index, position = divmod(order, per_street)
        side = position % 2
        along = (position // 2 - per_street / 4) * LOT_M + float(rng.uniform(-1, 1))
        across = (street_index - (part.streets - 1) / 2) * BLOCK_M + (SETBACK_M if side == 0 else -SETBACK_M)
        turn = math.radians(part.bearing)
        east = along * math.cos(turn) - across * math.sin(turn)
        north = along * math.sin(turn) + across * math.cos(turn)
        lat = part.lat + north / METRES_PER_DEGREE
        lng = part.lng + east / (METRES_PER_DEGREE * math.cos(math.radians(part.lat)))
        number = part.first_number + 100 * street_index + (position // 2) * 4 + side
        return street_index, position, number, lat, lng, part.bearing + (0.0 if side == 0 else 180.0)

    def _roof(
        self,
        part: Neighbourhood,
        year_built: int,
        role: str | None,
        storm: Storm | None,
        turn: float,
        rng: np.random.Generator,
    ) -> tuple[RoofTruth, date, bool]:
        oldest = self.today.year - year_built
        condition = self._condition(part, oldest, role, rng)
        material = list(MATERIALS)[int(rng.choice(len(MATERIALS), p=list(MATERIALS.values())))]
        choices: dict[str, Any] = {"condition": condition, "material": material, "rotation_deg": turn % 360}
        if role == "renewed":
            choices["age_years"] = 0
        elif oldest <= 30 and condition is condition_for_age(oldest):
            choices["age_years"] = oldest
        truth = sample_truth(rng, **choices)
        truth = replace(truth, age_years=min(truth.age_years, oldest))
        if storm and condition.rank >= RoofCondition.FAIR.rank and material in HAIL_SHOWS_ON:
            truth = _with_hail(truth)
        original = truth.age_years >= oldest - 2
        days = truth.age_years * 365.25 + float(rng.uniform(50, 330))
        roofed = date(year_built, 6, 1) if original else self.today - timedelta(days=int(days))
        if role == "renewed":
            roofed = self.today - timedelta(days=int(rng.integers(1, 22)))
        recorded = role == "renewed" or (not original and bool(rng.random() < 0.75))
        return truth, roofed, recorded

    def _condition(self, part: Neighbourhood, oldest: int, role: str | None, rng: np.random.Generator) -> RoofCondition:
        if role == "renewed":
            return RoofCondition.EXCELLENT
        if role == "worn":
            return CONDITIONS[2 + int(rng.choice(3, p=part.worn))]
        if oldest <= 30:
            return condition_for_age(oldest)
        return CONDITIONS[int(rng.choice(5, p=ORDINARY_CONDITIONS))]

    def _sale_date(self, year_built: int, rng: np.random.Generator) -> date:
        oldest = (self.today - date(year_built, 7, 1)).days
        return self.today - timedelta(days=int(rng.integers(40, max(60, min(oldest, 26 * 365)))))

    def _elsewhere(self, rng: np.random.Generator) -> str:
        box = int(rng.integers(100, 9999))
        return f"PO Box {box}, {self.spec.city}, {self.spec.state} {self.spec.neighbourhoods[0].zip}"

    def _company(self, index: int) -> Company:
        rng = self.rng("company", index)
        first = names.COMPANY_FIRST[index]
        name = f"{first} {names.COMPANY_SECOND[int(rng.integers(len(names.COMPANY_SECOND)))]}"
        domain = f"{first.lower().replace(' ', '')}roofing.example"
        contact = replace(
            self._person(len(self._names) - 1 - index, rng),
            email=None,
            phone=None,
        )
        phone = f"+1{self.spec.area_codes[index // 20]}55501{99 - index % 20:02d}"
        part = self.spec.neighbourhoods[index % len(self.spec.neighbourhoods)]
        email = f"{contact.name.split()[0].lower()}@{domain}"
        return Company(
            index=index,
            name=name,
            contact=replace(contact, email=email, phone=phone),
            email=email,
            phone=phone,
            website=f"https://www.{domain}",
            address=f"{int(rng.integers(100, 980))} {self._streets[-1 - index]}",
            zip=part.zip,
            lat=round(part.lat + float(rng.uniform(-0.03, 0.03)), 6),
            lng=round(part.lng + float(rng.uniform(-0.03, 0.03)), 6),
            radius_miles=float((6, 10, 15, 25, 40)[index % 5]),
            tier=("starter", "professional", "enterprise", "professional", "starter")[index % 5],
            licence=f"RCAT-{10_400 + int(rng.integers(0, 90)) + index * 100}",
            years=int(rng.integers(2, 34)),
            employees=("1-5", "5-10", "10-50", "50-100")[int(rng.integers(4))],
            rating=round(float(rng.uniform(3.6, 5.0)), 1),
            reviews=int(rng.integers(6, 420)),
            certifications=(("GAF Master Elite",), ("Owens Corning Preferred",), ())[int(rng.integers(3))],
        )


def _with_hail(truth: RoofTruth) -> RoofTruth:
    """Make the storm visible: the first damage becomes bruises from hail unless the roof has them already."""
    if not truth.damages or any(found.damage is DamageType.HAIL_DAMAGE for found in truth.damages):
        return truth
    first, *others = truth.damages
    share = min(max(first.share, (8 + 0.12 * first.severity) / truth.surface_m2), 0.35)
    return replace(truth, damages=(TrueDamage(DamageType.HAIL_DAMAGE, first.severity, round(share, 4)), *others))
