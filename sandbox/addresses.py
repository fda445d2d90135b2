"""How the outside world compares addresses: people write the same street in many ways."""

import re

SUFFIXES = {
    "DRIVE": "DR", "LANE": "LN", "STREET": "ST", "AVENUE": "AVE", "AV": "AVE", "ROAD": "RD", "COURT": "CT",
    "CIRCLE": "CIR", "TRAIL": "TRL", "TR": "TRL", "PLACE": "PL", "WY": "WAY", "BOULEVARD": "BLVD", "COVE": "CV",
    "PARKWAY": "PKWY", "TERRACE": "TER",
}  # fmt: skip
DIRECTIONS = {"NORTH": "N", "SOUTH": "S", "EAST": "E", "WEST": "W"}
_WORD = re.compile(r"[A-Z0-9]+")


def street_key(line: str) -> str:
    """A street line with case, punctuation and the spelling of suffixes and directions levelled."""
    words = _WORD.findall(line.upper())
    return " ".join(SUFFIXES.get(word, DIRECTIONS.get(word, word)) for word in words)
