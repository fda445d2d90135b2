"""One form for every e-mail address and phone number, so that equal ones are found equal."""

import re
from datetime import timedelta

import phonenumbers

DNC_LIST_FRESH = timedelta(days=31)
"""A Do Not Call list must have been fetched within this time to be relied on (16 CFR 310.4(b)(3)(iv))."""

_EMAIL = re.compile(r"[^@\s<>\",;]{1,64}@[^@\s<>\",;]{1,255}")


def email_address(text: str | None) -> str | None:
    """An address in lower case without spaces around it, or None for what is none."""
    address = (text or "").strip().lower()
    return address if _EMAIL.fullmatch(address) else None


def us_phone(text: str | None) -> str | None:
    """A US number in E.164 form, or None for what is no valid one."""
    if not text:
        return None
    try:
        number = phonenumbers.parse(text, "US")
    except phonenumbers.NumberParseException:
        return None
    if number.country_code != 1 or not phonenumbers.is_valid_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def contact_point(text: str) -> str | None:
    """An e-mail address or a US number in its one form, whichever it is; None for neither."""
    return email_address(text) if "@" in text else us_phone(text)


def area_code(phone: str | None) -> str | None:
    """The three digits that the Do Not Call lists are cut by; None for what is no US number."""
    number = us_phone(phone)
    return number[2:5] if number else None
