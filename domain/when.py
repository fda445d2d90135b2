"""Days and times as people write them: "back on Monday", "12/1", "in two weeks", "tomorrow at 3pm".

American order (month before day). A day without a year is the nearest one ahead. Text comes in lower case.
"""

import calendar
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from domain.cadence import is_business_day

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
COUNTS = {
    "a": 1, "an": 1, "one": 1, "two": 2, "couple": 2, "couple of": 2, "three": 3, "few": 3, "four": 4, "five": 5,
    "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10, "twelve": 12,
}  # fmt: skip

STALE_DAYS = 60
"""A day without a year this short a time ago is meant as past: an old notice still switched on."""
MORNING, NOON, AFTERNOON, EVENING = time(9), time(12), time(14), time(17)
PARTS_OF_DAY = {"morning": MORNING, "noon": NOON, "midday": NOON, "lunch": NOON, "lunchtime": NOON,
                "afternoon": AFTERNOON, "evening": EVENING}  # fmt: skip

_MONTH = (
    r"(?P<month>jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?"
    r"|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)"
)
_DAY_NAME = r"(?:mon|tues|wednes|thurs|fri|satur|sun)day|mon|tues?|weds?|thu(?:rs?)?|fri"
_DAY_FIRST = rf"(?:\b(?:{_DAY_NAME}),?\s+(?:the\s+)?)?"
_ORDINAL = r"(?:st|nd|rd|th)?"
_YEAR = r"(?:,?\s+(?P<year>20\d\d))?"
_COUNTS = r"\d{1,2}|" + "|".join(sorted(COUNTS, key=len, reverse=True))
_COUNT = f"(?P<count>{_COUNTS})"


@dataclass(frozen=True, slots=True)
class Mention:
    """A day found in a text and where.

    `lasts`: whoever is away "next week" is away for so many days from `day` on. `last`: the text names the
    end of something, so that what follows begins a day later.
    """

    day: date
    start: int
    end: int
    lasts: int = 1
    last: bool = False


Resolver = Callable[[re.Match[str], date], date | None]


def business_days_later(day: date, count: int) -> date:
    """The day that is so many business days after `day`."""
    while count > 0:
        day += timedelta(days=1)
        count -= is_business_day(day)
    return day


def _numbers(match: re.Match[str], today: date) -> date | None:
    first, second, year = int(match["first"]), int(match["second"]), match["year"]
    if year is None:
        return _nearest(first, second, today)
    month, day = (second, first) if first > 12 else (first, second)
    return _valid(int(year) + (2000 if len(year) == 2 else 0), month, day)


def _iso(match: re.Match[str], _: date) -> date | None:
    return _valid(int(match["year"]), int(match["month"]), int(match["day"]))


def _named(match: re.Match[str], today: date) -> date | None:
    month = MONTHS.index(match["month"][:3]) + 1
    if match["year"]:
        return _valid(int(match["year"]), month, int(match["day"]))
    return _nearest(month, int(match["day"]), today)


def _day_of_month(match: re.Match[str], today: date) -> date | None:
    number = int(match["day"])
    for ahead in range(3):
        year, month = divmod(today.month - 1 + ahead, 12)
        day = _valid(today.year + year, month + 1, number)
        if day is not None and day > today:
            return day
    return None


def _weekday(match: re.Match[str], today: date) -> date:
    number = WEEKDAYS.index(match["name"][:3])
    if match["which"] in ("next", "following"):
        return _monday_after(today) + timedelta(days=number)
    return today + timedelta(days=(number - today.weekday() - 1) % 7 + 1)


def _within_week(match: re.Match[str], today: date) -> date:
    offset = {"mid": 2, "middle of": 2, "late": 3, "later": 3, "end of": 4}.get(match["part"] or "", 0)
    return _monday_after(today) + timedelta(days=offset)


def _span(match: re.Match[str], today: date) -> date | None:
    count = COUNTS.get(match["count"]) or int(match["count"])
    if match["unit"].startswith("month"):
        year, month = divmod(today.month - 1 + count, 12)
        last = calendar.monthrange(today.year + year, month + 1)[1]
        return date(today.year + year, month + 1, min(today.day, last))
    if match["business"]:
        return business_days_later(today, count)
    return today + timedelta(days=count * (7 if match["unit"].startswith("week") else 1))


def _next_month(_: re.Match[str], today: date) -> date:
    return _first_of_next_month(today)


def _end_of_month(_: re.Match[str], today: date) -> date:
    return _first_of_next_month(today) - timedelta(days=1)


def _end_of_week(_: re.Match[str], today: date) -> date:
    return _monday_after(today) - timedelta(days=3) if today.weekday() < 5 else _monday_after(today)


def _new_year(_: re.Match[str], today: date) -> date:
    return date(today.year + 1, 1, 2)


LAST_DAY = -1
"""In the table: what is named is the last day of something."""
# Earlier rows take precedence where two overlap. The number is `Mention.lasts`, or LAST_DAY.
_DAYS: tuple[tuple[re.Pattern[str], Resolver, int], ...] = tuple(
    (re.compile(pattern), resolver, lasts)
    for pattern, resolver, lasts in (
        (r"\b(?P<year>20\d\d)-(?P<month>\d{1,2})-(?P<day>\d{1,2})\b", _iso, 1),
        (rf"{_DAY_FIRST}\b{_MONTH}\.?\s+(?:the\s+)?(?P<day>\d{{1,2}}){_ORDINAL}\b{_YEAR}", _named, 1),
        (rf"{_DAY_FIRST}\b(?P<day>\d{{1,2}}){_ORDINAL}\s+(?:of\s+)?{_MONTH}\b{_YEAR}", _named, 1),
        (
            (
                rf"{_DAY_FIRST}(?<![\d/$.])(?P<first>\d{{1,2}})/(?P<second>\d{{1,2}})"
                r"(?:/(?P<year>20\d\d|\d\d))?(?![\d/%])"
            ),
            _numbers,
            1,
        ),
        (r"(?<![\d-])(?P<first>\d{1,2})-(?P<second>\d{1,2})-(?P<year>20\d\d)\b", _numbers, 1),
        (rf"{_DAY_FIRST}\bthe\s+(?P<day>\d{{1,2}})(?:st|nd|rd|th)\b", _day_of_month, 1),
        (r"\bday after tomorrow\b", lambda _, today: today + timedelta(days=2), 1),
        (r"\btomorrow\b", lambda _, today: today + timedelta(days=1), 1),
        (r"\b(?:today|tonight|this (?:morning|afternoon|evening))\b", lambda _, today: today, LAST_DAY),
        (r"\bend of (?:the |this )?week\b|\brest of (?:the |this )?week\b|\ball week\b", _end_of_week, LAST_DAY),
        (
            r"\b(?:(?P<part>early|mid|middle of|late|later|end of)[ -])?(?:the )?(?:next|following) week\b",
            _within_week,
            7,
        ),
        (r"\bthis week\b", _end_of_week, LAST_DAY),
        (r"\bnext month\b", _next_month, 30),
        (r"\b(?:end|rest) of (?:the |this )?month\b", _end_of_month, LAST_DAY),
        (r"\b(?:new year(?:'?s(?: day)?)?|after the holidays)\b", _new_year, 1),
        (
            (
                rf"\b(?:in|for|within|after|about|next|another)\s+(?:the\s+)?(?:next\s+|about\s+|another\s+|a\s+)?{_COUNT}\s+"
                r"(?P<business>business |working )?(?P<unit>days?|weeks?|months?)\b"
            ),
            _span,
            0,
        ),
        (rf"\b(?:(?P<which>next|this|coming|following)\s+)?(?P<name>{_DAY_NAME})\b", _weekday, 1),
    )
)


def find_days(text: str, today: date) -> tuple[Mention, ...]:
    """Every day that the text names, in the order of the text; days past are among them."""
    found: list[Mention] = []
    for pattern, resolver, lasts in _DAYS:
        for match in pattern.finditer(text):
            if any(match.start() < other.end and other.start < match.end() for other in found):
                continue
            day = resolver(match, today)
            if day is not None:
                last = lasts == LAST_DAY
                found.append(Mention(day, match.start(), match.end(), 1 if last else lasts, last))
    return tuple(sorted(found, key=lambda mention: mention.start))


_GREETING = re.compile(r"\bgood (?:morning|afternoon|evening|day)\b")
_SHORTLY = re.compile(
    rf"\bin\s+(?:about\s+|a\s+|the next\s+)?(?P<count>half an|{_COUNTS})\s+(?P<unit>min(?:ute)?s?|hours?|hrs?)\b"
)
_RANGE = re.compile(r"(?<![\d:/])(\d{1,2})(?::(\d\d))?\s*(?:-|to|and|or)\s*(\d{1,2})(?::\d\d)?\s*(am|pm)\b")
_WITH_HALF = re.compile(r"(?<![\d:/])(\d{1,2})(?:[:.](\d\d))?\s*(am|pm)\b")
_CLOCK = re.compile(r"(?<![\d:/.])(\d{1,2}):(\d\d)(?![\d:])")
_BARE = re.compile(
    r"(?:\b(?:at|around|about|after|between|from|by)|@)\s*(\d{1,2})(?:\s*o'?clock)?"
    r"(?![\d:/%-]|\s*(?:st|nd|rd|th|min|hour|day|week|month|percent)\w*)"
)
_PART = re.compile(r"\b(" + "|".join(PARTS_OF_DAY) + r")\b")


def find_time(text: str) -> time | None:
    """The first time of day that the text names; hours without am or pm are those of a working day."""
    text = _GREETING.sub(" ", text)
    if match := _RANGE.search(text):
        first, minute, second, half = int(match[1]), int(match[2] or 0), int(match[3]), match[4]
        other = "am" if half == "pm" and first % 12 > second % 12 else half
        return _clock(first, minute, other)
    if match := _WITH_HALF.search(text):
        return _clock(int(match[1]), int(match[2] or 0), match[3])
    if match := _CLOCK.search(text):
        return _clock(int(match[1]), int(match[2]), None)
    if match := _BARE.search(text):
        return _clock(int(match[1]), 0, None)
    match = _PART.search(text)
    return PARTS_OF_DAY[match[1]] if match else None


def find_moment(text: str, now: datetime, place: ZoneInfo, default: time = time(10)) -> datetime | None:
    """The first moment ahead (UTC) that the text names; None when it names none."""
    if match := _SHORTLY.search(text):
        count = 0.5 if match["count"] == "half an" else COUNTS.get(match["count"]) or int(match["count"])
        return now.astimezone(UTC) + timedelta(minutes=count * (60 if match["unit"].startswith("h") else 1))
    local = now.astimezone(place)
    days = [mention.day for mention in find_days(text, local.date()) if mention.day >= local.date()]
    at = find_time(text)
    if not days and at is None:
        return None
    day = days[0] if days else local.date()
    moment = datetime.combine(day, at or default, place)
    if moment <= local:
        if days:
            return None
        moment = datetime.combine(day + timedelta(days=1), at or default, place)
    return moment.astimezone(UTC)


def _clock(hour: int, minute: int, half: str | None) -> time | None:
    if half is not None and 1 <= hour <= 12:
        hour = hour % 12 + (12 if half == "pm" else 0)
    elif half is None and 1 <= hour <= 7:
        hour += 12
    return time(hour, minute) if hour < 24 and minute < 60 else None


def _nearest(month: int, day: int, today: date) -> date | None:
    found = _valid(today.year, month, day)
    if found is not None and (today - found).days > STALE_DAYS:
        return _valid(today.year + 1, month, day)
    if found is not None and (found - today).days > 365 - STALE_DAYS:
        return _valid(today.year - 1, month, day)
    return found


def _valid(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _monday_after(day: date) -> date:
    return day + timedelta(days=7 - day.weekday())


def _first_of_next_month(day: date) -> date:
    return date(day.year + day.month // 12, day.month % 12 + 1, 1)
