"""What a language model says of a call, held against what was said (spec 3.6.4, call analysis and follow-up).

A model may invent, contradict itself or read a date wrongly. `check` lets through what the transcript bears
out and names the rest; `disposition` says what follows. An opt-out needs no model: it is looked for in the
words of whoever was called.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from domain.quiet_hours import require_aware
from domain.replies import asks_to_stop

SENTIMENTS = ("very_positive", "positive", "neutral", "negative", "very_negative")
KEEN = 70
"""Interest (0-100) from which a demo is proposed although none was asked for."""
MODERATE = 40
"""Interest from which a follow-up e-mail is sent; what contradicts a refusal."""
FURTHEST = timedelta(days=60)
"""A demo or a call back later than this is a misread date."""
MAX_QUOTES = 10
MAX_QUOTE = 300
MAX_NEXT_ACTION = 255
QUOTED = 0.6
"""Share of a quote's words that one stretch of the callee's words must hold: models repair grammar."""
STRETCH = 2
"""A stretch is so many of the callee's turns that follow one another."""

OURS = frozenset({"ai", "assistant", "agent", "bot"})
"""Who speaks for us, as transcripts label the lines; lines without a label go on with the same speaker."""
_LABEL = re.compile(r"\s*([A-Za-z][A-Za-z ]{0,20}):\s*(.*)")
_WORD = re.compile(r"[a-z0-9]+")
_FILLERS = frozenset(
    {
        "a", "an", "and", "are", "as", "at", "be", "been", "but", "by", "can", "do", "does", "for", "from",
        "had", "has", "have", "he", "her", "his", "how", "i", "if", "in", "is", "it", "its", "just", "me", "my",
        "of", "on", "or", "our", "she", "so", "that", "the", "their", "them", "they", "this", "to", "too", "us",
        "was", "we", "were", "what", "when", "will", "with", "would", "you", "your",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class CallFindings:
    """What a call came to. Times are aware; interest and probability are 0-100, None when not known."""

    sentiment: str | None = None
    interest: int | None = None
    wants_demo: bool = False
    demo_at: datetime | None = None
    wants_callback: bool = False
    callback_at: datetime | None = None
    not_interested: bool = False
    opted_out: bool = False
    objections: tuple[str, ...] = ()
    questions: tuple[str, ...] = ()
    next_action: str | None = None
    probability: int | None = None


@dataclass(frozen=True, slots=True)
class Checked:
    """Findings that may be acted on, and the fields of which something was not believed."""

    findings: CallFindings
    rejected: tuple[str, ...] = ()


def check(findings: CallFindings, transcript: str, now: datetime) -> Checked:
    """Keeps what can be true; `now` (aware) is the end of the call.

    Of flags that contradict each other the more cautious one holds: opted out, then not interested, then
    demo, then call back.
    """
    require_aware(now)
    turns = callee_turns(transcript)
    rejected: list[str] = []
    for rule in (_known_words, _possible_numbers, _resolve_flags, _possible_times, _real_quotes):
        checked = rule(findings, turns, now)
        rejected += _lost(findings, checked)
        findings = checked
    return Checked(findings, tuple(dict.fromkeys(rejected)))


DISPOSITIONS: tuple[tuple[str, Callable[[CallFindings], bool]], ...] = (
    ("opted_out", lambda found: found.opted_out),
    ("not_interested", lambda found: found.not_interested),
    ("wants_demo", lambda found: found.wants_demo),
    ("wants_callback", lambda found: found.wants_callback),
    ("wants_demo", lambda found: (found.interest or 0) >= KEEN),
    ("moderate", lambda found: (found.interest or 0) >= MODERATE),
)
"""The follow-up actions of the spec; the first that holds. Only a refusal in words disqualifies, never a low number."""


def disposition(findings: CallFindings, answered: bool) -> str:
    """What a call came to, in the words of `schema.contracts.outreach.Disposition`."""
    if not answered and not findings.opted_out:
        return "no_answer"
    return next((word for word, holds in DISPOSITIONS if holds(findings)), "unclear")


def callee_turns(transcript: str) -> tuple[str, ...]:
    """What the person called said, turn by turn. Without any labels everything may be theirs."""
    turns: list[str] = []
    ours = False
    for line in transcript.splitlines():
        match = _LABEL.fullmatch(line)
        words = match[2] if match else line
        if match:
            ours = match[1].strip().lower() in OURS
        if not ours and words.strip():
            turns.append(words.strip())
    return tuple(turns)


# The rules. Each returns the findings without what it does not believe.


def _known_words(found: CallFindings, _: tuple[str, ...], __: datetime) -> CallFindings:
    sentiment = found.sentiment if found.sentiment in SENTIMENTS else None
    action = " ".join((found.next_action or "").split())[:MAX_NEXT_ACTION]
    return replace(found, sentiment=sentiment, next_action=action or None)


def _possible_numbers(found: CallFindings, _: tuple[str, ...], __: datetime) -> CallFindings:
    return replace(found, interest=_percentage(found.interest), probability=_percentage(found.probability))


def _resolve_flags(found: CallFindings, turns: tuple[str, ...], _: datetime) -> CallFindings:
    opted_out = found.opted_out or any(asks_to_stop(turn) for turn in turns)
    # Nobody who said nothing agreed to anything.
    refused = opted_out or found.not_interested or not turns
    demo = found.wants_demo and not refused
    return replace(
        found,
        opted_out=opted_out,
        not_interested=found.not_interested and bool(turns),
        wants_demo=demo,
        wants_callback=found.wants_callback and not refused and not demo,
        interest=None if refused and (found.interest or 0) >= MODERATE else found.interest,
    )


def _possible_times(found: CallFindings, _: tuple[str, ...], now: datetime) -> CallFindings:
    return replace(
        found,
        demo_at=found.demo_at if found.wants_demo and _ahead(found.demo_at, now) else None,
        callback_at=found.callback_at if found.wants_callback and _ahead(found.callback_at, now) else None,
    )


def _real_quotes(found: CallFindings, turns: tuple[str, ...], _: datetime) -> CallFindings:
    stretches = [_words(" ".join(turns[start : start + STRETCH])) for start in range(len(turns))]
    return replace(
        found,
        objections=_borne_out(found.objections, stretches),
        questions=_borne_out(found.questions, stretches),
    )


def _lost(before: CallFindings, after: CallFindings) -> list[str]:
    """Fields in which something was claimed that is not there any more."""
    lost = []
    for name in CallFindings.__dataclass_fields__:
        claimed, kept = getattr(before, name), getattr(after, name)
        if name == "next_action" or (name == "opted_out" and not claimed):
            continue
        if claimed != kept and claimed is not None:
            lost.append(name)
    return lost


def _percentage(value: int | None) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if 0 <= value <= 100 else None


def _ahead(at: datetime | None, now: datetime) -> bool:
    return at is not None and at.tzinfo is not None and now < at <= now + FURTHEST


def _borne_out(quotes: Iterable[str], stretches: list[frozenset[str]]) -> tuple[str, ...]:
    kept = [quote for quote in quotes if len(quote) <= MAX_QUOTE and _was_said(_words(quote), stretches)]
    return tuple(dict.fromkeys(kept))[:MAX_QUOTES]


def _was_said(words: frozenset[str], stretches: list[frozenset[str]]) -> bool:
    return bool(words) and any(len(words & said) >= QUOTED * len(words) for said in stretches)


def _words(text: str) -> frozenset[str]:
    """The words that carry meaning, without endings: "leads" is "lead"; fillers count only where nothing else is."""
    every = _WORD.findall(text.lower().replace("'", "").replace("’", ""))
    telling = [word for word in every if word not in _FILLERS]
    return frozenset(_stem(word) for word in telling or every)


def _stem(word: str) -> str:
    for ending in ("ing", "ed", "es", "s"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word[: -len(ending)]
    return word
