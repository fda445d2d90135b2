"""How old a roof probably is, from the permits on file and the year the house was built."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

# A roofing permit is usually worked off within half a year; one without a completion date counts then.
ASSUMED_DONE_DAYS = 180
# No roof of the common materials is expected to outlast this; an older house had an unrecorded re-roof.
OLDEST_PLAUSIBLE_ROOF = 40
DAYS_PER_YEAR = 365.25


@dataclass(frozen=True, slots=True)
class RoofPermit:
    """One roofing permit of the property."""

    issued: date
    completed: date | None = None


@dataclass(frozen=True, slots=True)
class RoofAge:
    """Whole years and where they come from (`permit`, `year_built`); None when nothing is known."""

    years: int | None
    source: str | None
    evidence: str


def roof_age(permits: Sequence[RoofPermit], year_built: int | None, today: date) -> RoofAge:
    """Years since the last finished re-roof, else since the house was built (at most 40).

    A permit issued within the last 180 days without a completion date announces a new roof but is not
    one yet: the old roof is still the one on the photographs.
    """
    finished = [done for permit in permits if (done := _finished(permit, today)) is not None]
    if finished:
        years = int((today - max(finished)).days / DAYS_PER_YEAR)
        return RoofAge(years, "permit", f"last roofing permit finished {_years(years)} ago")
    if year_built is not None and 1600 <= year_built <= today.year:
        years = min(today.year - year_built, OLDEST_PLAUSIBLE_ROOF)
        return RoofAge(
            years,
            "year_built",
            f"no finished roofing permit on file; house built in {year_built}",
        )
    return RoofAge(None, None, "neither a roofing permit nor the year of construction is known")


def _finished(permit: RoofPermit, today: date) -> date | None:
    if permit.completed is not None:
        return permit.completed if permit.completed <= today else None
    return permit.issued if (today - permit.issued).days > ASSUMED_DONE_DAYS else None


def _years(years: int) -> str:
    return "1 year" if years == 1 else f"{years} years"
