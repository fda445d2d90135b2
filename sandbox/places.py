"""The cities the sandbox can play, as data: neighbourhoods on real coordinates, storms, who lives there.

Streets and houses are invented; only city, ZIP codes and rough positions are those of the real place.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Neighbourhood:
    """A street grid. `bearing` turns the streets clockwise from east, in degrees; `share` of the city's houses.

    `recent` is the share of houses with a roofing permit in the last 30 days, `renewed` the share of those
    whose roof was just replaced: they are no leads and should not score like one.
    """

    name: str
    zip: str
    lat: float
    lng: float
    bearing: float
    share: float
    streets: int
    first_number: int
    built: tuple[int, int]
    value: tuple[int, int]
    council_district: str
    recent: float
    renewed: float
    worn: tuple[float, float, float]
    """Chances that a storm-hit or aged roof is fair, poor, critical."""


@dataclass(frozen=True, slots=True)
class StormSpec:
    """A storm; `days_ago` is a range the seed picks from, `hail_inches` 0 for wind only."""

    kind: str
    days_ago: tuple[int, int]
    lat: float
    lng: float
    radius_miles: float
    hail_inches: float = 0.0
    wind_mph: int | None = None
    damages: bool = False
    """Whether the roofs under it show it."""


@dataclass(frozen=True, slots=True)
class CitySpec:
    """What a sandbox city is made from."""

    slug: str
    city: str
    state: str
    county: str
    timezone: str
    dataset: str
    area_codes: tuple[str, ...]
    neighbourhoods: tuple[Neighbourhood, ...]
    storms: tuple[StormSpec, ...]


AUSTIN = CitySpec(
    slug="austin",
    city="Austin",
    state="TX",
    county="Travis",
    timezone="America/Chicago",
    dataset="3syk-w9eu",
    area_codes=("512", "737", "210", "254", "361", "713", "817", "830", "979"),
    neighbourhoods=(
        Neighbourhood(
            name="Falcon Park", zip="78757", lat=30.3470, lng=-97.7420, bearing=-22.0, share=0.50, streets=8,
            first_number=5300, built=(1956, 1979), value=(330_000, 980_000), council_district="7",
            recent=0.255, renewed=0.06, worn=(0.25, 0.45, 0.30),
        ),
        Neighbourhood(
            name="Quail Bend", zip="78758", lat=30.3605, lng=-97.7060, bearing=-12.0, share=0.25, streets=5,
            first_number=9100, built=(1974, 1995), value=(205_000, 430_000), council_district="4",
            recent=0.17, renewed=0.08, worn=(0.20, 0.45, 0.35),
        ),
        Neighbourhood(
            name="Windmill Ranch", zip="78749", lat=30.2060, lng=-97.8580, bearing=8.0, share=0.15, streets=4,
            first_number=7400, built=(2003, 2019), value=(420_000, 900_000), council_district="8",
            recent=0.05, renewed=1.0, worn=(0.80, 0.20, 0.0),
        ),
        Neighbourhood(
            name="Eastgate", zip="78724", lat=30.2990, lng=-97.5760, bearing=31.0, share=0.10, streets=2,
            first_number=3200, built=(1998, 2010), value=(90_000, 290_000), council_district="1",
            recent=0.075, renewed=0.5, worn=(0.60, 0.40, 0.0),
        ),
    ),
    storms=(
        StormSpec("hail", (33, 40), 30.3520, -97.7260, 2.6, hail_inches=2.0, wind_mph=58, damages=True),
        StormSpec("wind", (118, 150), 30.3000, -97.5900, 4.0, wind_mph=66),
        StormSpec("hail", (400, 440), 30.2980, -97.5800, 1.8, hail_inches=1.0, wind_mph=45),
        StormSpec("wind", (320, 350), 30.2100, -97.8600, 2.2, wind_mph=61),
        StormSpec("hail", (1090, 1140), 30.2000, -97.8700, 2.5, hail_inches=1.25, wind_mph=52),
    ),
)  # fmt: skip

CITIES = {spec.slug: spec for spec in (AUSTIN,)}
