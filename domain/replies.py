"""What an answer by e-mail or text says, by rules that anyone can read (spec 3.6.4, 6.3; decision 0008).

An opt-out counts in whatever words it comes and wins over everything else: wrongly stopping costs a
contractor, wrongly going on breaks the law. What says two things at once, or nothing clear, is left to a person.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from itertools import pairwise
from zoneinfo import ZoneInfo

from domain.quiet_hours import load_zone
from domain.reply_words import (
    AUTOMATIC_SUBJECT,
    AWAY,
    BACK_ALREADY,
    BEFORE_MENTION,
    CALL_ME,
    DENIED,
    FOR_EVER,
    FOR_NOW,
    FROM,
    INTERESTED,
    NO_CONTACT,
    NO_OPT_OUT,
    NOT_INTERESTED,
    OPT_OUT,
    OTHERWISE,
    RETURN,
    STOP_WORDS,
    THROUGH,
    TRY_LATER,
    UNAVAILABLE,
    UNTIL,
)
from domain.texts import TYPEWRITTEN
from domain.when import Mention, business_days_later, find_days, find_moment


class Intent(StrEnum):
    """What the writer wants."""

    OPT_OUT = "opt_out"
    HELP = "help"
    START = "start"
    OUT_OF_OFFICE = "out_of_office"
    INTERESTED = "interested"
    CALLBACK = "callback"
    NOT_INTERESTED = "not_interested"
    UNCLEAR = "unclear"


@dataclass(frozen=True, slots=True)
class Reading:
    """What a reply says. `keyword` is set when it was one word that carriers act on, in capitals.

    `until` (UTC): back on, for OUT_OF_OFFICE; the time to call, for CALLBACK; the time proposed for a
    demo, for INTERESTED. None when none was named.
    """

    intent: Intent
    until: datetime | None = None
    keyword: str | None = None


KEYWORDS: dict[str, Intent] = {
    **dict.fromkeys(
        (
            "STOP",
            "STOPALL",
            "STOP ALL",
            "UNSUBSCRIBE",
            "CANCEL",
            "END",
            "QUIT",
            "OPTOUT",
            "OPT OUT",
            "OPT-OUT",
            "REVOKE",
        ),
        Intent.OPT_OUT,
    ),
    **dict.fromkeys(("HELP", "INFO"), Intent.HELP),
    **dict.fromkeys(("START", "UNSTOP"), Intent.START),
    # A carrier takes YES for START after a STOP; from anyone else it answers what we asked.
    "YES": Intent.INTERESTED,
}
FIRST_LINE_KEYWORDS = frozenset(
    {"STOP", "STOPALL", "STOP ALL", "UNSUBSCRIBE", "OPTOUT", "OPT OUT", "OPT-OUT", "REVOKE"}
)
"""Counted also when a name or a company follows on the next lines."""

LONGEST_TEXT = 8_000
LONGEST_SENTENCE, OVERLAP = 300, 100
"""What goes on for longer without a full stop is read in pieces: patterns take time with the length."""
FURTHEST = timedelta(days=60)
"""Nobody is taken to be away, or to want a call, later than this."""
BACK_AT = time(8)
DEFAULT_ABSENCE = 3
"""Business days that an absence without a date is taken to last."""


def read_reply(text: str, now: datetime, zone: str | None, *, subject: str = "") -> Reading:
    """What the newest part of a reply says. Times in it are the writer's, in `zone` (UTC when unknown).

    `subject` of an e-mail, where there is one, tells an automatic reply.
    """
    plain = _plain(visible_part(text[:LONGEST_TEXT]))
    keyword = _keyword(plain)
    if keyword is not None:
        return Reading(KEYWORDS[keyword], keyword=keyword)
    sentences = _sentences(plain)
    if _asks_to_stop(sentences):
        return Reading(Intent.OPT_OUT)
    place = load_zone(zone) or ZoneInfo("UTC")
    if AUTOMATIC_SUBJECT.search(_plain(subject)) or _is_away(sentences):
        return Reading(Intent.OUT_OF_OFFICE, _back_on(_plain(subject) + "\n" + plain, now, place))
    return _wish(plain, sentences, now, place)


def asks_to_stop(text: str) -> bool:
    """Whether somebody asks, in any words, not to be contacted any more. For written and for spoken text."""
    plain = _plain(text[:LONGEST_TEXT])
    keyword = _keyword(plain)
    return (keyword is not None and KEYWORDS[keyword] is Intent.OPT_OUT) or _asks_to_stop(_sentences(plain))


# What was written now, without what is quoted below it.

_QUOTE_STARTS = re.compile(
    r"\s*(?:-{2,}\s*(?:original|forwarded) message\s*-{2,}|-{5,}\s*forwarded message.*|begin forwarded message:.*"
    r"|_{10,}|on .{4,200} wrote:|.{4,200}<[^<>\s]+@[^<>\s]+>\s*wrote:)\s*",
    re.IGNORECASE,
)
_SIGNATURE = re.compile(
    r"\s*(?:--\s*|—\s*|sent from (?:my|yahoo|mail|outlook|the) .{0,60}|get outlook for .{0,60}|sent via .{0,40})",
    re.IGNORECASE,
)
_HEADER = re.compile(r"\s*\*?(?:from|sent|date|to|subject|cc)\*?:\*?\s", re.IGNORECASE)
_ON_DATE = re.compile(r"\s*on\s.{4,150}", re.IGNORECASE)


def visible_part(text: str) -> str:
    """The reply without quoted lines, the quoted original below, and the signature."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    kept: list[str] = []
    for number, line in enumerate(lines):
        if _begins_rest(lines, number):
            break
        if not line.lstrip().startswith((">", "|")):
            kept.append(line)
    return "\n".join(kept).strip()


def _begins_rest(lines: list[str], number: int) -> bool:
    line = lines[number]
    if _QUOTE_STARTS.fullmatch(line) or _SIGNATURE.fullmatch(line):
        return True
    # "On Tuesday, 2 June, Ridgeline" and "wrote:" on the next line.
    following = lines[number + 1].strip() if number + 1 < len(lines) else ""
    if _ON_DATE.fullmatch(line) and _QUOTE_STARTS.fullmatch(f"{line.strip()} {following}"):
        return True
    # Outlook's block of From, Sent, To and Subject.
    return bool(_HEADER.match(line)) and sum(bool(_HEADER.match(each)) for each in lines[number : number + 5]) >= 3


# One form for whatever was typed.

_ABBREVIATIONS = re.compile(
    r"\b(jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec|mon|tues?|wed|thurs?|thu|fri|mr|mrs|st|dr|vs|approx)\.(?=\s|,|$)"
)
_HALVES = re.compile(r"(?<=\d)\s*([ap])\.?\s?m\b\.?")
_SENTENCE_ENDS = re.compile(r"[.!?;]+(?:\s+|$)|\n+")
_WRAPPED_FROM = 45
"""A line this long without a full stop goes on in the next one."""
_CONTRACTIONS = (
    (re.compile(r"\b(don|won|can|isn|aren|didn|doesn|wouldn|shouldn|couldn|wasn|haven|hasn)t\b"), r"\1't"),
    (re.compile(r"\bdo ?n[o']t\b|\bdo not\b"), "don't"),
    (re.compile(r"\bcannot\b|\bcan not\b"), "can't"),
    (re.compile(r"\b(?:pls|plz|plse|pleas)\b"), "please"),
    (re.compile(r"\bim\b"), "i'm"),
    (re.compile(r"\bi am\b"), "i'm"),
    (re.compile(r"\bwe are\b"), "we're"),
    (re.compile(r"\bu\b"), "you"),
    (re.compile(r"\bur\b"), "your"),
    (re.compile(r"\btxt(?=s|ing|ed|\b)"), "text"),
    (re.compile(r"\be-mail"), "email"),
    (re.compile(r"\bany more\b"), "anymore"),
)


def _plain(text: str) -> str:
    """Lower case, straight quotes, single spaces, the usual contractions; lines are kept."""
    text = _HALVES.sub(r"\1m", text.translate(TYPEWRITTEN).lower())
    text = _ABBREVIATIONS.sub(r"\1", text)
    for pattern, written in _CONTRACTIONS:
        text = pattern.sub(written, text)
    return "\n".join(" ".join(line.split()) for line in text.split("\n")).strip()


def _sentences(plain: str) -> tuple[str, ...]:
    lines = plain.split("\n")
    joined = lines[0]
    for before, line in pairwise(lines):
        wrapped = len(before) >= _WRAPPED_FROM and line and before[-1] not in ".!?:"
        joined += (" " if wrapped else "\n") + line
    found = (sentence.strip(" ,-*\"'()") for sentence in _SENTENCE_ENDS.split(joined))
    return tuple(piece for sentence in found if sentence for piece in _pieces(sentence))


def _pieces(sentence: str) -> Iterable[str]:
    for start in range(0, max(1, len(sentence) - OVERLAP), LONGEST_SENTENCE - OVERLAP):
        yield sentence[start : start + LONGEST_SENTENCE]


def _keyword(plain: str) -> str | None:
    """The word that carriers act on, when it is all there is, or all there is on the first line."""
    whole = _bare(plain)
    if whole in KEYWORDS:
        return whole
    first = _bare(plain.split("\n", 1)[0])
    return first if first in FIRST_LINE_KEYWORDS else None


def _bare(text: str) -> str:
    return " ".join(re.sub(r"[^\w\s-]", " ", text).split()).strip("-").upper()


def _any(patterns: Iterable[re.Pattern[str]], sentences: Iterable[str]) -> bool:
    return any(pattern.search(sentence) for sentence in sentences for pattern in patterns)


def _without(patterns: Iterable[re.Pattern[str]], sentence: str) -> str:
    for pattern in patterns:
        sentence = pattern.sub(" ", sentence)
    return sentence


def _asks_to_stop(sentences: Iterable[str]) -> bool:
    return any(_is_opt_out(sentence) for sentence in sentences)


def _is_opt_out(sentence: str) -> bool:
    if any(STOP_WORDS.fullmatch(part.strip()) for part in (sentence, *re.split(r",| - ", sentence))):
        return True
    sentence = _without(NO_OPT_OUT, sentence)
    if _only_says_how(sentence):
        return False
    return any(pattern.search(sentence) for pattern in OPT_OUT)


def _only_says_how(sentence: str) -> bool:
    match = NO_CONTACT.search(sentence)
    if match is None or FOR_EVER.search(sentence):
        return False
    rest = sentence[match.end() :]
    return bool(FOR_NOW.search(rest) or OTHERWISE.search(sentence[: match.start()] + "," + rest))


def _is_away(sentences: Iterable[str]) -> bool:
    return _any(AWAY, (_without(BACK_ALREADY, sentence) for sentence in sentences))


def _back_on(plain: str, now: datetime, place: ZoneInfo) -> datetime:
    """Eight in the morning of the day that an absence notice says, or of the third business day from now."""
    today = now.astimezone(place).date()
    ranked = []
    for mention in find_days(plain, today):
        rank, days_more = _role(plain, mention)
        day = mention.day + timedelta(days=days_more)
        if day > today and rank is not None:
            # Of two returns the first counts, of two last days the last.
            ranked.append((rank, day.toordinal() if rank <= 1 else -day.toordinal(), day))
    day = min(ranked)[2] if ranked else business_days_later(today, DEFAULT_ABSENCE)
    day = min(day, today + FURTHEST)
    return datetime.combine(day, BACK_AT, place).astimezone(UTC)


def _role(plain: str, mention: Mention) -> tuple[int | None, int]:
    """How well a day says when somebody is back (0 best; None: it does not), and days to add to it."""
    before = re.split(r"[!?;\n]|\.\s", plain[max(0, mention.start - BEFORE_MENTION) : mention.start])[-1]
    more = 1 if mention.last else 0
    if THROUGH.search(before):
        return 2, 1
    if UNTIL.search(before):
        return 1, more
    if RETURN.search(UNAVAILABLE.sub(" ", before)):
        return 0, more
    if FROM.search(before):
        return None, 0
    return 3, mention.lasts


def _wish(plain: str, sentences: tuple[str, ...], now: datetime, place: ZoneInfo) -> Reading:
    no = _any(NOT_INTERESTED, sentences)
    wanted = tuple(DENIED.sub(" ", sentence) for sentence in sentences)
    calls = [call for sentence in wanted for call in _calls(sentence)]
    yes = _any(INTERESTED, wanted)
    if no:
        # A no and a yes in one: nobody but a person can tell what is meant.
        return Reading(Intent.UNCLEAR if yes or calls or _later(wanted, now, place) else Intent.NOT_INTERESTED)
    if calls:
        return _call_at(_named_moment((*calls, plain), now, place), now)
    if yes:
        moment = _named_moment(wanted, now, place)
        return Reading(Intent.INTERESTED, moment if _soon(moment, now) else None)
    return _later(wanted, now, place) or Reading(Intent.UNCLEAR)


def _calls(sentence: str) -> list[str]:
    """The wishes to be called that a sentence holds, each to its end; then the sentence: "Tomorrow call me"."""
    found = [sentence[match.start() :] for pattern in CALL_ME if (match := pattern.search(sentence))]
    return [*found, sentence] if found else []


def _later(sentences: tuple[str, ...], now: datetime, place: ZoneInfo) -> Reading | None:
    """ "Try me again next Tuesday": a call back only when it says when."""
    for sentence in sentences:
        moment = find_moment(sentence, now, place) if _any(TRY_LATER, (sentence,)) else None
        if moment is not None:
            return _call_at(moment, now)
    return None


def _named_moment(texts: Iterable[str], now: datetime, place: ZoneInfo) -> datetime | None:
    return next((moment for text in texts if (moment := find_moment(text, now, place)) is not None), None)


def _call_at(moment: datetime | None, now: datetime) -> Reading:
    if moment is None:
        return Reading(Intent.CALLBACK)
    return Reading(Intent.CALLBACK, moment) if _soon(moment, now) else Reading(Intent.UNCLEAR)


def _soon(moment: datetime | None, now: datetime) -> bool:
    return moment is not None and now < moment <= now + FURTHEST
