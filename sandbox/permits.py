"""The city's permits: roofing work, what only sounds like it, and everything else, as Socrata rows."""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from sandbox.city import RECENT_DAYS, City, House

Row = dict[str, object]


@dataclass(frozen=True, slots=True)
class PermitKind:
    """A sort of permit. `roofing` is what a person would answer to "is this roof work?"; `value` in dollars."""

    type: str
    work_class: str
    description: str
    roofing: bool
    value: tuple[int, int]
    residential: bool = True


REPAIRS = (
    PermitKind("BP", "Repair", "Repair storm damaged roof: replace missing shingles and flashing at rear slope", True,
               (1_800, 7_500)),
    PermitKind("BP", "Repair", "Express - hail damage roof inspection and temporary roof repair, tarp at ridge", True,
               (600, 2_400)),
    PermitKind("BP", "Repair", "Repair leaking roof decking, 6 sheets, patch roofing to match existing", True,
               (1_500, 6_000)),
    PermitKind("BP", "Repair", "Roof repair after hail: seal punctures, replace damaged vents and pipe boots", True,
               (900, 4_800)),
    PermitKind("BP", "Repair", "Structural inspection of sagging roof rafters; shore up and repair roof framing", True,
               (2_500, 9_000)),
    PermitKind("BP", "Repair", "Storm damage assessment of roof covering, repair of gutters and roof edge", True,
               (700, 3_200)),
)  # fmt: skip
REPLACEMENTS = (
    PermitKind("BP", "Remodel", "Re-roof: tear off existing shingles and install new composition shingles", True,
               (9_500, 24_000)),
    PermitKind("BP", "Remodel", "Reroof residence, remove and replace roof covering, new underlayment", True,
               (8_800, 21_000)),
    PermitKind("BP", "Remodel", "Express - remove shingles and replace with standing seam metal roofing", True,
               (17_000, 39_000)),
    PermitKind("BP", "Remodel", "Roof replacement with like material including new decking where rotten", True,
               (9_900, 26_000)),
)  # fmt: skip
LOOKALIKES = (
    PermitKind("EP", "Auxiliary Power", "Install new 8.4 kW DC rooftop solar system to existing residential", False,
               (14_000, 31_000)),
    PermitKind("EP", "Auxiliary Power", "Roof mounted PV, 22 modules with microinverters, line side tap", False,
               (15_000, 34_000)),
    PermitKind("BP", "Addition", "Add two dormers to existing roof and finish attic as bedroom", False,
               (32_000, 88_000)),
    PermitKind("BP", "Addition", "New covered patio with its own roof, attached at rear of residence", False,
               (11_000, 42_000)),
    PermitKind("BP", "Addition", "Second floor addition with uncovered roof deck and exterior stair", False,
               (90_000, 260_000)),
    PermitKind("BP", "Remodel", "Interior remodel of kitchen and two baths. No change to existing roof.", False,
               (24_000, 96_000)),
    PermitKind("MP", "Change Out", "Change out roof top unit (RTU), like for like, crane lift", False,
               (7_000, 18_000), residential=False),
    PermitKind("BP", "Remodel", "Upgrade antennas on existing rooftop colocation", False,
               (12_000, 30_000), residential=False),
)  # fmt: skip
ORDINARY = (
    PermitKind("PP", "Repair", "Replace existing water heater, 50 gallon gas", False, (900, 2_400)),
    PermitKind("PP", "Repair", "Replace sewer line from house to city tap", False, (3_800, 12_000)),
    PermitKind("EP", "Upgrade", "Upgrade electrical panel to 200 amp", False, (1_900, 4_400)),
    PermitKind("EP", "Repair", "Reconnect meter after repair of riser", False, (400, 1_200)),
    PermitKind("MP", "Change Out", "Change out of HVAC system, 4 ton", False, (6_200, 14_500)),
    PermitKind("BP", "Remodel", "Foundation repair, 14 concrete piers", False, (6_500, 21_000)),
    PermitKind("BP", "Remodel", "Replace windows size for size", False, (5_400, 19_000)),
    PermitKind("BP", "New", "Accessory dwelling unit, one story, detached", False, (85_000, 190_000)),
    PermitKind("DS", "New", "Replace driveway approach and sidewalk panel", False, (1_500, 5_200)),
)
OVERLAY = PermitKind("BP", "Remodel", "Roof overlay: second layer of composition shingles over existing", True,
                     (6_400, 12_500))  # fmt: skip

TYPES = {
    "BP": ("Building Permit", "General Contractor"),
    "EP": ("Electrical Permit", "Electrical Contractor"),
    "MP": ("Mechanical Permit", "Mechanical Contractor"),
    "PP": ("Plumbing Permit", "Plumbing Contractor"),
    "DS": ("Driveway / Sidewalks", "Concrete Contractor"),
}
OTHER_TRADES = ("Third Coast Electric Example Co", "Cactus Plumbing Example LLC", "Cool Limestone Air Example Inc")

Plan = tuple[date, PermitKind, date | None]
"""When a permit is issued, for what, and when the work was signed off."""


@dataclass(frozen=True, slots=True)
class Permit:
    """A permit with what is true of it; `row` is its wire form."""

    house: House
    kind: PermitKind
    issued: date
    row: Row

    @property
    def number(self) -> str:
        """Permit number."""
        return str(self.row["permit_number"])

    @property
    def replaces_roof(self) -> bool:
        """Whether the work puts a new roof on the house."""
        return self.kind in REPLACEMENTS or self.kind is OVERLAY


def permits_of(city: City) -> tuple[Permit, ...]:
    """Every permit of the city, newest first."""
    drafts: list[tuple[date, int, House, PermitKind, date | None]] = []
    for house in city.houses:
        rng = city.rng("permits", house.index)
        planned = [*_roof_permits(city, house, rng), *_other_permits(city, house, rng)]
        drafts += [(issued, house.index, house, kind, completed) for issued, kind, completed in planned]
    drafts.sort(key=lambda draft: (draft[0], draft[1], draft[3].description))
    rows = [
        Permit(house, kind, issued, _row(city, house, kind, issued, completed, serial))
        for serial, (issued, _, house, kind, completed) in enumerate(drafts)
    ]
    return tuple(reversed(rows))


def _roof_permits(city: City, house: House, rng: np.random.Generator) -> list[Plan]:
    planned: list[Plan] = []
    if house.reroof_recorded:
        kind = OVERLAY if house.recent is None and rng.random() < 0.08 else _any(rng, REPLACEMENTS)
        # A new roof is signed off some days after its permit.
        before = int(rng.integers(1, 7)) if house.recent else int(rng.integers(5, 40))
        planned.append((house.roofed - timedelta(days=before), kind, house.roofed))
    if house.recent == "worn":
        latest = RECENT_DAYS
        if house.storm:
            latest = min(latest, (city.today - house.storm.day).days - 2)
        planned.append((city.today - timedelta(days=int(rng.integers(1, latest))), _any(rng, REPAIRS), None))
    elif house.recent is None and rng.random() < 0.07:
        planned.append(_finished(city, int(rng.integers(120, 2_400)), _any(rng, REPAIRS), rng))
    return planned


def _other_permits(city: City, house: House, rng: np.random.Generator) -> list[Plan]:
    oldest = min((city.today - date(house.year_built, 12, 31)).days, 26 * 365)
    planned = [
        _finished(city, int(rng.integers(45, max(46, oldest))), _any(rng, ORDINARY), rng)
        for _ in range(int(rng.integers(0, 4)))
    ]
    if rng.random() < 0.16:
        planned.append((city.today - timedelta(days=int(rng.integers(1, 45))), _any(rng, LOOKALIKES), None))
    if rng.random() < 0.22:
        planned.append((city.today - timedelta(days=int(rng.integers(1, 45))), _any(rng, ORDINARY), None))
    return planned


def _finished(city: City, days_ago: int, kind: PermitKind, rng: np.random.Generator) -> Plan:
    issued = city.today - timedelta(days=days_ago)
    return issued, kind, issued + timedelta(days=int(rng.integers(3, 25)))


def _any(rng: np.random.Generator, kinds: tuple[PermitKind, ...]) -> PermitKind:
    return kinds[int(rng.integers(len(kinds)))]


def _row(city: City, house: House, kind: PermitKind, issued: date, completed: date | None, serial: int) -> Row:
    rng = city.rng("row", house.index, issued, kind.description)
    label, trade = TYPES[kind.type]
    applied = issued - timedelta(days=int(rng.integers(0, 9)))
    expires = issued + timedelta(days=180)
    value = int(round(rng.uniform(*kind.value), -1))
    age = (city.today - issued).days
    folder = 11_000_000 + serial * 37
    row: dict[str, object | None] = {
        "permittype": kind.type,
        "permit_type_desc": label,
        "permit_number": f"{issued.year}-{serial + 1:06d} {kind.type}",
        "permit_class_mapped": "Residential" if kind.residential else "Commercial",
        "permit_class": "R- 435 Renovations/Remodel" if kind.residential else "C-1000 Commercial Remodel",
        "work_class": kind.work_class,
        "condominium": "No",
        "permit_location": house.line,
        "description": kind.description,
        "tcad_id": house.parcel,
        "legal_description": house.legal,
        "applieddate": _stamp(applied),
        "issue_date": _stamp(issued),
        "day_issued": issued.strftime("%A").upper(),
        "calendar_year_issued": str(issued.year),
        "fiscal_year_issued": str(issued.year + (issued.month >= 10)),
        "issued_in_last_30_days": "Yes" if age <= RECENT_DAYS else "No",
        "issue_method": "Permit Center",
        "status_current": "Final" if completed else ("Active" if age <= 180 else "Expired"),
        "statusdate": _stamp(completed or issued),
        "expiresdate": _stamp(expires),
        "completed_date": _stamp(completed) if completed else None,
        "total_job_valuation": str(value) if kind.type == "BP" else None,
        "building_valuation_remodel": str(value) if kind.type == "BP" else None,
        "number_of_floors": "1",
        "housing_units": "1",
        "original_address1": house.line,
        "original_city": house.city.upper(),
        "original_state": house.state,
        "original_zip": house.zip,
        "council_district": house.neighbourhood.council_district,
        "jurisdiction": f"{house.city.upper()} FULL PURPOSE",
        "link": {"url": f"https://permits.sandbox.example/web/permit?t_selected_folderrsn={folder}"},
        "project_id": str(folder),
        "masterpermitnum": str(folder - 11) if rng.random() < 0.4 else None,
        "contractor_trade": trade,
        "contractor_company_name": _contractor(city, kind, rng),
        "contractor_city": "Austin",
        "contractor_zip": house.zip,
        "certificate_of_occupancy": "No",
    }
    if rng.random() < 0.6:  # The real feed lacks coordinates on most rows.
        row["latitude"], row["longitude"] = f"{house.lat:.8f}", f"{house.lng:.8f}"
        row["location"] = {
            "latitude": row["latitude"],
            "longitude": row["longitude"],
            "human_address": '{"address": "", "city": "", "state": "", "zip": ""}',
        }
    return {name: value for name, value in row.items() if value is not None}


def _stamp(day: date) -> str:
    return f"{day.isoformat()}T00:00:00.000"


def _contractor(city: City, kind: PermitKind, rng: np.random.Generator) -> str | None:
    if rng.random() < 0.12:
        return None
    if kind.roofing:
        return city.companies[int(rng.integers(len(city.companies)))].name
    return OTHER_TRADES[int(rng.integers(len(OTHER_TRADES)))]
