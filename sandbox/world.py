"""Everything the sandbox's routers share: the cities, their permits, pictures, mail and texts, where webhooks go."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import cached_property
from threading import Lock
from typing import Any

from sandbox.calendar import Calendar
from sandbox.city import City, House
from sandbox.companies import Directory
from sandbox.models import Models
from sandbox.permits import Permit, permits_of
from sandbox.places import CITIES
from sandbox.telephone import Telephone
from sandbox.webhooks import Webhooks


@dataclass(frozen=True, slots=True)
class Mail:
    """One e-mail as one recipient got it."""

    message_id: str
    to: str
    name: str | None
    sender: str
    subject: str
    text: str
    html: str
    custom_args: dict[str, str]
    categories: tuple[str, ...]
    headers: dict[str, str]
    received_at: datetime
    reply_to: str | None = None
    tracking: dict[str, bool] = field(default_factory=dict)


@dataclass(slots=True)
class Mailbox:
    """Mail the sandbox accepted, oldest first, bounded."""

    mails: list[Mail] = field(default_factory=list)
    serial: int = 0
    limit: int = 20_000

    def next_id(self, seed: int) -> str:
        """A message id nobody got before."""
        self.serial += 1
        return f"sbx{seed}-{self.serial:08d}"

    def add(self, mail: Mail) -> None:
        """Keep a mail."""
        self.mails.append(mail)
        del self.mails[: -self.limit]


@dataclass(slots=True)
class Text:
    """One text message, to or from the customer of the sandbox's Twilio."""

    sid: str
    to: str
    sender: str
    body: str
    direction: str
    status: str
    parts: int
    created_at: datetime
    callback: str | None = None
    sent_at: datetime | None = None
    error_code: int | None = None


@dataclass(slots=True)
class Texts:
    """Texts the sandbox took, oldest first, bounded; who answered STOP; lines that are not of their usual kind."""

    texts: list[Text] = field(default_factory=list)
    blocked: set[str] = field(default_factory=set)
    lines: dict[str, str] = field(default_factory=dict)
    serial: int = 0
    limit: int = 20_000

    def next_sid(self, seed: int) -> str:
        """A message id nobody got before, whatever was cleared since."""
        self.serial += 1
        return f"SM{seed % 10**8:08d}{self.serial:024d}"

    def add(self, text: Text) -> None:
        """Keep a text."""
        self.texts.append(text)
        del self.texts[: -self.limit]

    def get(self, sid: str) -> Text | None:
        """The text with this id."""
        return next((text for text in reversed(self.texts) if text.sid == sid), None)

    def clear(self) -> int:
        """Forget all but which ids were given; returns how many texts there were."""
        removed = len(self.texts)
        self.texts.clear()
        self.blocked.clear()
        self.lines.clear()
        return removed


class Pictures:
    """Rendered pictures, the last `limit` of them kept: drawing takes far longer than serving."""

    def __init__(self, limit: int = 300) -> None:
        self._limit = limit
        self._kept: OrderedDict[tuple[Any, ...], bytes] = OrderedDict()
        self._lock = Lock()

    def get(self, key: tuple[Any, ...], draw: Callable[[], bytes]) -> bytes:
        """The picture of this key, drawn now if it is not kept."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        picture = draw()
        with self._lock:
            self._kept[key] = picture
            while len(self._kept) > self._limit:
                self._kept.popitem(last=False)
        return picture


class Town:
    """A city with its permits."""

    def __init__(self, city: City) -> None:
        self.city = city

    @cached_property
    def directory(self) -> Directory:
        """The roofing companies that are no customers yet, and their listings."""
        return Directory(self.city)

    @cached_property
    def permits(self) -> tuple[Permit, ...]:
        """Every permit, newest first."""
        return permits_of(self.city)

    @cached_property
    def columns(self) -> frozenset[str]:
        """Columns of the permit dataset."""
        return frozenset(name for row in self.rows for name in row)

    @cached_property
    def rows(self) -> list[dict[str, object]]:
        """The permit dataset with Socrata's row identifiers."""
        return [{":id": f"row-{permit.number}", **permit.row} for permit in self.permits]


class World:
    """The outside world of one seed."""

    def __init__(self, seed: int = 1, houses: int = 400, today: date | None = None) -> None:
        self.seed, self.houses = seed, houses
        self.today = today or datetime.now(UTC).date()
        self.towns = {slug: Town(City(spec, seed, houses, self.today)) for slug, spec in CITIES.items()}
        self.mailbox = Mailbox()
        self.texts = Texts()
        self.pictures = Pictures()
        self.webhooks = Webhooks()
        self.telephone = Telephone(seed)
        self.calendar = Calendar()
        self.models = Models()

    @cached_property
    def panoramas(self) -> dict[str, House]:
        """Houses that have a street view, by panorama id."""
        houses = (house for town in self.towns.values() for house in town.city.houses)
        return {house.pano_id: house for house in houses if house.has_panorama}

    @cached_property
    def company_phones(self) -> frozenset[str]:
        """The numbers of all companies."""
        customers = {company.phone for town in self.towns.values() for company in town.city.companies}
        return frozenset(customers | {firm.phone for town in self.towns.values() for firm in town.directory.firms})

    def warm(self) -> None:
        """Build all that requests would otherwise wait for."""
        _ = self.panoramas
        for town in self.towns.values():
            _ = town.columns, town.city.by_email, town.city.by_owner
            _ = town.directory.places, town.directory.businesses, town.directory.by_email
