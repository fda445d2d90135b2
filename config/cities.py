"""The target cities the platform ships with: facts, and where their permits and parcels are published.

Nothing in the file was called live. `confidence` says how an address is known: `seen` was read in a
public source, `from_memory` is general knowledge, `unknown` has none; check before relying on it.
"""

from decimal import Decimal
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

CITIES_FILE = Path(__file__).with_name("cities.json")

MACHINE_READABLE = frozenset({"socrata", "arcgis", "ckan"})


class _Facts(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Freshness(_Facts):
    """Whether a feed was still being updated, and the newest date seen in or for it (ISO, day optional)."""

    status: str
    as_of: str | None = None


class PermitFeed(_Facts):
    """A city's permits. `roofing_filter` is a WHERE clause in the platform's dialect, where one is known."""

    platform: str
    url: str | None = None
    dataset_id: str | None = None
    field_map: dict[str, str] = Field(default_factory=dict)
    field_map_unverified: tuple[str, ...] = ()
    roofing_filter: str | None = None
    confidence: str
    evidence: str
    freshness: Freshness


class Assessor(_Facts):
    """The office that assesses a city's parcels, and how to search them."""

    name: str
    platform: str
    url: str | None = None
    search_url_template: str | None = None
    layer_url: str | None = None
    field_map: dict[str, str] = Field(default_factory=dict)
    confidence: str
    template_confidence: str
    evidence: str


class City(_Facts):
    """One target city. Home value in US dollars (metro figure of 2022), population of the 2020 census."""

    city: str
    state: str
    tier: int
    priority: int
    population: int
    median_home_value: Decimal
    storm_risk_score: int
    lat: Decimal
    lng: Decimal
    county: str
    timezone: str
    permit: PermitFeed
    assessor: Assessor

    @property
    def active(self) -> bool:
        """Whether the city is watched from the start: tier 1 with a feed that is seen, live and machine-readable."""
        feed = self.permit
        return (
            self.tier == 1
            and feed.confidence == "seen"
            and feed.freshness.status == "live"
            and feed.platform in MACHINE_READABLE
        )

    @property
    def permit_config(self) -> dict[str, Any]:
        """What `target_cities.permit_config` holds; `source` marks it as seeded rather than set by an operator."""
        known = self.permit.model_dump(mode="json", exclude={"url"}, exclude_defaults=True)
        return {**known, "source": CITIES_FILE.name}

    @property
    def assessor_config(self) -> dict[str, Any]:
        """What `target_cities.assessor_config` holds."""
        known = self.assessor.model_dump(mode="json", exclude={"url", "search_url_template"}, exclude_defaults=True)
        return {**known, "county": self.county, "source": CITIES_FILE.name}


def load_cities(path: Path = CITIES_FILE) -> tuple[City, ...]:
    """The cities of the data file; raises ValidationError if it is malformed."""
    return TypeAdapter(tuple[City, ...]).validate_json(path.read_bytes())
