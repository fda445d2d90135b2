"""Where a phone number's area code lies: the law counts the caller's idea of it and the callee's (decision 0008)."""

from functools import lru_cache

import phonenumbers
from phonenumbers import timezone

US_REGIONS = frozenset({"US", "PR", "VI", "GU", "AS", "MP"})
UNKNOWN_ZONE = "Etc/Unknown"


@lru_cache(maxsize=4096)
def zones_of_number(e164: str | None) -> tuple[str, ...]:
    """IANA zones of the number's area code, of all of them where it spans several.

    Empty when that says nothing about a place: toll-free and premium numbers, numbers outside the United
    States, and what is no number.
    """
    try:
        number = phonenumbers.parse(e164 or "")
    except phonenumbers.NumberParseException:
        return ()
    if phonenumbers.region_code_for_number(number) not in US_REGIONS or not phonenumbers.is_number_geographical(number):
        return ()
    return tuple(sorted(zone for zone in timezone.time_zones_for_number(number) if zone != UNKNOWN_ZONE))
