"""Building permits as portals publish them, and which of them are roof work (spec 3.1.1).

A third of the permits that say "roof" in a big city are rooftop solar, roof decks, roof-top units or
new buildings. The tables below first blank out those phrases, then look for work on the covering of
a roof in what is left.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from domain.age import ASSUMED_DONE_DAYS


@dataclass(frozen=True, slots=True)
class PermitRecord:
    """One permit of one city; `address` is the street line as the portal writes it, money in US dollars."""

    permit_number: str
    address: str
    city: str
    state: str
    zip: str | None = None
    lat: float | None = None
    lng: float | None = None
    permit_type: str | None = None
    description: str | None = None
    estimated_value: Decimal | None = None
    contractor_name: str | None = None
    contractor_license: str | None = None
    issue_date: date | None = None
    completion_date: date | None = None
    status: str | None = None
    source: str | None = None
    source_url: str | None = None


class RoofWork(StrEnum):
    """What a permit does to the roof covering. Only a replacement starts the roof's age anew."""

    NONE = "none"
    REPAIR = "repair"
    REPLACEMENT = "replacement"


def _any(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns))


_ROOF = r"(?:roof(?:s|ing)?|shingles?)"
_COVERING = r"(?:shingles?|standing seam|tpo|epdm|modified bitumen|asphalt|metal|tile|slate|single ply|flat|low slope)"

_SOME = r"(?:missing|damaged|broken|loose|some|several|few)"

# Things that are called after a roof, stand on one or pass through one: not roof work by themselves.
_NOT_ROOF_WORK = _any(
    r"\b(?:on|to|onto|above|from|through|thru|off)(?: of)?(?: (?:an?|the|its|existing|exsting|commercial|residential|"
    r"building|house|home|flat|metal|main|new|low slope))* roof(?:[ -]?tops?|s)?\b(?! (?:sheathing|decking|covering))",
    r"roof(?:[ -]?tops?)\b",
    r"roof(?:\s*(?:and|&|or|/)\s*ground)?[ -]?mount(?:ed|ing)?\b",
    r"roof[ -](?:top )?(?:decks?\b(?! (?:sheathing|replacement))|terraces?|patios?|lounges?|gardens?|bars?\b|"
    r"hatch(?:es)?|ladders?|anchors?|drains?|vents?\b|fans?\b|curbs?|rafters?|truss(?:es)?|framing|joists?|dormers?|lines?\b|height|"
    r"penetrations?|equipment|units?\b|hvac|antennas?|signs?|screens?|access|plans?|level|jacks?|solar|pv|"
    r"modifications?|overhangs?|extensions?|additions?|structures?|covers?\b)",
    r"no (?:work|changes?|modifications?|alterations?)(?: \w+){0,3} (?:roof(?:ing)?)\b",
    r"(?:new|add|adding|build|construct)\w*(?: \w+){0,3} roof over(?: (?:an?|the|existing|new|rear|front|back|side))* "
    r"(?:patio|deck|porch|carport|walkway|entry|slab|pad|terrace|courtyard|outdoor)",
    r"(?:roof|shingle)[ -](?:integrated )?solar",
    r"solar (?:roof|shingles?)",
    r"(?:fire|water|weather|sound|bullet|damp)[ -]?proof(?:ed|ing)?",
)

# A new building or outbuilding has a new roof, which says nothing of the house.
_NEW_STRUCTURE = _any(
    r"\bnew (?:construction|(?:\d+[ -]?(?:story|storey|unit) )?(?:single[ -]family|sfr|residence|duplex|townho\w+|"
    r"apartment|multi))",
    r"\bnew (?:\w+ ){0,3}(?:awning|canopy|carport|gazebo|pergola|pavilion|shed|ramada|patio cover|porch)\b",
    r"\b(?:pool|spa)\b.*\b(?:pergola|cabana|gazebo|pavilion)\b",
    r"\b(?:pergola|cabana|gazebo|pavilion|awning|canopy) with\b",
)

# Work that is about panels, antennas or machines unless the roof covering itself is plainly replaced.
_OTHER_TRADE = _any(
    r"\bsolar\b", r"\bphoto ?voltaic\b", r"\bpv\b", r"\bantennas?\b", r"\btelecom\w*", r"\bwireless\b", r"\brtus?\b"
)

_STRONG_REPLACEMENT = _any(
    r"\bre-? ?roof(?:s|ing|ed)?\b",
    rf"\b(?:remov\w+|replac\w+|tear(?:ing)? off|torn off)\b(?: (?!panels?\b|solar\b|{_SOME}\b)\w+){{0,4}} {_ROOF}\b"
    r"(?! (?:mount|panel))",
    rf"\b{_ROOF}\b(?: (?!{_SOME}\b)\w+){{0,4}} (?:remov\w+|replac\w+|overlay|tear[ -]?off|changed?|recover\w*)\b",
)

_REPLACEMENT = _any(
    rf"\bnew (?:(?:and|{_COVERING}|asphalt|composition|comp|architectural|membrane)[ /]*){{0,4}}"
    r"roof(?:ing|s)?\b(?! (?:over|cover|line))",
    rf"\binstall\w*(?: [\w-]+){{0,12}} {_COVERING}(?: (?:roof(?:ing|s)?|shingles?))\b",
    r"\binstall\w*(?: [\w-]+){0,7} (?:shingles|standing seam|roof systems?|roofing)\b",
    r"\b(?:retro-? ?fit|overlay|recover)\w*(?: [\w-]+){0,5} roof\b",
    r"\broof (?:system|overlay|recover|replacement|replac\w+)\b",
    r"\broof\]? (?:decking|sheathing) (?:removal|replacement|repair)\b",
    r"\bre-? ?shingl\w+",
)

_REPAIR = _any(
    rf"\b(?:replac\w+|remov\w+)(?: \w+){{0,2}} {_SOME}(?: [\w-]+){{0,2}} (?:roof(?:ing)?|shingles?)\b",
    r"\b(?:repair\w*|patch\w*|restor\w+|fix\w*)(?: [\w-]+){0,4} (?:roof(?:ing)?|shingles?)\b",
    r"\b(?:roof(?:ing)?|shingles?)(?: [\w-]+){0,2} (?:repair\w*|restor\w+|leak\w*)\b",
    r"\b(?:fire|storm|hail|wind|smoke|tree|water)\b(?: [\w-]+){0,2} (?:damage|remediation)\b.*\broof(?:ing)?\b",
)

# Troubles of the roof's own frame: looked for before the phrases above are blanked out.
_TROUBLE = _any(
    r"\b(?:sagging|leak(?:ing|y)?|collaps(?:ed|ing)|(?:storm|hail|wind|fire|tree)[ -]damaged) roof\b",
    r"\brepair\w*(?: [\w-]+){0,2} roof (?:framing|rafters?|truss(?:es)?|joists?|structure)\b",
)

# Permit types of cities that class roof work themselves ("Re-Roof", "ROOF RESIDENTIAL", "Roofing / Siding").
_ROOF_TYPE = re.compile(r"\b(?:re-? ?)?roof(?:ing|s|wind)?(?:\b|(?=[-_/]))")

PORTAL_WORDS = ("ROOF", "SHINGLE")
"""Substrings to ask a portal for; `roof_work` then decides."""


def _plain(text: str | None) -> str:
    lowered = (text or "").lower().replace("[", " ").replace("]", " ")
    return re.sub(r"\s+", " ", re.sub(r"[(){}*_\"]+", " ", lowered)).strip()


def roof_work(permit: PermitRecord) -> RoofWork:
    """Whether the permit replaces or repairs the covering of an existing roof."""
    text = _plain(permit.description)
    kind = _NOT_ROOF_WORK.sub(" # ", _plain(permit.permit_type))
    if _ROOF_TYPE.search(kind) and not _OTHER_TRADE.search(text):
        repair = _REPAIR.search(text) and not (_STRONG_REPLACEMENT.search(text) or _REPLACEMENT.search(text))
        return RoofWork.REPAIR if repair else RoofWork.REPLACEMENT
    left = _NOT_ROOF_WORK.sub(" # ", text)
    if _STRONG_REPLACEMENT.search(left):
        return RoofWork.REPLACEMENT
    if _OTHER_TRADE.search(left):
        return RoofWork.NONE
    if _REPAIR.search(left) or _TROUBLE.search(text):
        return RoofWork.REPAIR
    if _REPLACEMENT.search(left) and not _NEW_STRUCTURE.search(left):
        return RoofWork.REPLACEMENT
    return RoofWork.NONE


def is_roofing(permit: PermitRecord) -> bool:
    """Whether the permit is roof work, as opposed to solar, dormers, roof decks, roof-top units or new buildings."""
    return roof_work(permit) is not RoofWork.NONE


_NOT_DONE = frozenset({"withdrawn", "cancelled", "canceled", "void", "voided", "denied", "expired", "rejected"})


def last_replacement(permits: Iterable[PermitRecord], today: date) -> date | None:
    """The day the roof covering was last replaced (`roofing_leads.last_roof_permit`, spec 4.1.4).

    A permit without a completion date counts from its issue once it is old enough to have been worked
    off; a withdrawn or expired one never does.
    """
    days = (_replaced_on(permit, today) for permit in permits if roof_work(permit) is RoofWork.REPLACEMENT)
    return max((day for day in days if day is not None), default=None)


def _replaced_on(permit: PermitRecord, today: date) -> date | None:
    if permit.completion_date is not None:
        return permit.completion_date if permit.completion_date <= today else None
    if permit.issue_date is None or (permit.status or "").strip().lower() in _NOT_DONE:
        return None
    return permit.issue_date if (today - permit.issue_date).days > ASSUMED_DONE_DAYS else None
