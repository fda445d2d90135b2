"""Whether a paragraph that a language model wrote may go into a letter (spec 3.6.4; decision 0008).

It may say nothing specific that was not among the facts it was given: no number, sum, name, link or address
of its own making, no promise, and no history that never was. Refusing costs one paragraph of a letter that
stands without it, so every doubt is a refusal.
"""

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from domain.texts import TYPEWRITTEN

SHORTEST, LONGEST = 40, 500


class Refused(StrEnum):
    """Why a paragraph is not used; stored with the touch."""

    TOO_SHORT = "too_short"
    TOO_LONG = "too_long"
    NOT_ONE_PARAGRAPH = "not_one_paragraph"
    STRANGE_CHARACTERS = "strange_characters"
    MARKUP = "markup"
    GREETING = "greeting"
    PROMISE = "promise"
    FALSE_HISTORY = "false_history"
    UNKNOWN_EMAIL = "unknown_email"
    UNKNOWN_LINK = "unknown_link"
    UNKNOWN_PHONE = "unknown_phone"
    UNKNOWN_NUMBER = "unknown_number"
    UNKNOWN_QUOTE = "unknown_quote"
    UNKNOWN_NAME = "unknown_name"


@dataclass(frozen=True, slots=True)
class _Draft:
    """The paragraph and the facts, each in one form."""

    raw: str
    text: str
    facts: str

    @property
    def lower(self) -> str:
        return self.text.lower()


def check_paragraph(text: str, facts: Mapping[str, str]) -> str | None:
    """None when the paragraph may be used; otherwise the code of the first rule it breaks."""
    draft = _Draft(text.strip(), _plain(text), "\n".join(_plain(str(value)) for value in facts.values()))
    for reason, breaks in RULES:
        if breaks(draft):
            return reason.value
    return None


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text).translate(TYPEWRITTEN).strip()


# What is wrong with the form.

_MARKUP = re.compile(
    r"[<>{}\[\]|\\^~#*_]|`|&\w+;|https?://\S+\)|^\s*(?:[-+]|\d+[.)])\s|\b(?:lorem ipsum|insert|placeholder"
    r"|your name)\b",
    re.IGNORECASE,
)
_GREETING = re.compile(
    r"(?:hi|hello|hey|dear|greetings|howdy|good (?:morning|afternoon|evening|day)|to whom|subject"
    r"|here(?:'s| is) (?:a|the|your)|sure|certainly|of course|as an ai)\b",
    re.IGNORECASE,
)
_CLOSING = re.compile(
    r"\b(?:best|kind|warm) regards\b|\bsincerely\b|\byours truly\b|\bcheers,|\bthe \w+ team\W*$", re.IGNORECASE
)

# What nobody may promise in our name, and what would be a lie.

_PROMISES = re.compile(
    r"\b(?:guarantee\w*|warrant\w*|promis\w+|assur\w+|ensur\w+|free|complimentary|no[- ]cost|at no charge|risk[- ]?free"
    r"|no[- ]risk|without risk|risk(?:s)? nothing|no obligation|no strings|no commitment|money[- ]back|refund\w*"
    r"|discount\w*"
    r"|cheap\w*|lowest|best (?:price|deal|leads?)|unlimited|certain to|sure to|bound to|never (?:pay|lose|worry|miss)"
    r"|always|every (?:lead|job|time)|act now|limited[- ]time|limited spots?|last chance|hurry|expires?|only today"
    r"|will (?:\w+ )?(?:double|triple|increase|grow|boost|skyrocket|earn|win|close|make|get|bring|save|see|receive)"
    r"|you'll (?:\w+ )?(?:double|triple|increase|grow|boost|earn|win|close|make|get|save|see|receive|never)"
    r"|proven|number one|#1|top[- ]rated|award[- ]winning|winner|congratulations|exclusive to you|double your"
    r"|triple your)\b",
    re.IGNORECASE,
)
_HISTORIES = re.compile(
    r"\b(?:as (?:we )?(?:discussed|agreed|promised|mentioned|requested)|(?:our|my) (?:last|previous|recent|earlier) \w+"
    r"|following up on|per (?:our|your)|your (?:request|inquiry|enquiry|interest|application|message|email|call)"
    r"|you (?:asked|requested|contacted|called|emailed|signed up|told|said|mentioned|agreed)|when we (?:spoke|talked"
    r"|met)"
    r"|(?:great|nice|good) (?:speaking|talking|meeting|chatting)|(?:thanks|thank you) for|we (?:spoke|talked|met"
    r"|worked)"
    r"|referred (?:me|us|by)|recommended (?:you|by)|(?:i|we) (?:know|met|visited|called|drove)|my (?:friend|colleague"
    r"|neighbor)"
    r"|your (?:customers?|neighbors?|competitors?) (?:say|said|told|are|have|love))\b",
    re.IGNORECASE,
)

# What must be among the facts.

_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_LINK = re.compile(
    r"(?:https?://|www\.)\S+|\b[a-z0-9-]+(?:\.[a-z0-9-]+)*\.(?:com|net|org|io|co|us|biz|info|pro|app|ai|dev|me|site"
    r"|online|xyz|gov|edu"
    r"|shop|store|tech|link|ly)\b(?:/\S*)?",
    re.IGNORECASE,
)
_PHONE = re.compile(r"(?<![\w.])\+?\(?\d[\d() .-]{5,}\d(?!\w)")
_NUMBER = re.compile(
    r"(?P<money>[$€£]\s?)?(?P<number>\d+(?:,\d{3})*(?:\.\d+)?|\.\d+)"
    r"(?P<scale>\s?(?:k|m|b|bn|mm|thousand|million|billion)\b)?(?P<unit>\s?(?:%|percent\b|per cent\b|dollars?\b|usd\b"
    r"|x\b))?",
    re.IGNORECASE,
)
_SCALES = {
    **dict.fromkeys(("k", "thousand"), 1_000),
    **dict.fromkeys(("m", "mm", "million"), 1_000_000),
    **dict.fromkeys(("b", "bn", "billion"), 1_000_000_000),
}
_UNITS = {"%": "%", "percent": "%", "per cent": "%", "dollar": "$", "dollars": "$", "usd": "$", "x": "x"}
# Two to nineteen and the tens; then quantities that no fact states in figures.
_SMALL = (
    "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen", "fourteen",
    "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_VAGUE = frozenset(
    {
        "hundred", "hundreds", "thousand", "thousands", "million", "millions", "billion", "billions", "dozen", "dozens",
        "double", "doubled", "doubles", "triple", "tripled", "triples", "twice", "half", "halve", "halved", "quarter",
        "third", "tenfold", "twofold", "threefold", "score", "scores", "majority", "couple",
    }
)  # fmt: skip
_NUMBER_WORDS = {
    **{word: str(number) for number, word in enumerate(_SMALL, 2)},
    **{word: str(10 * number) for number, word in enumerate(_TENS, 2)},
    **{word: word for word in _VAGUE},
}
_QUOTE = re.compile(r'"([^"]+)"')
_NAME = re.compile(r"[^\W\d_](?:[\w&'-]*\w)?")
_SENTENCE_START = re.compile(r"(?:^|[.!?:]\s+|\"\s*|-\s+)$")
_LONE = frozenset({"i", "i'm", "i'd", "i've", "i'll"})
"""Capitals wherever they stand."""
_MIXED_CASE = re.compile(r"\w*[a-z]\w*[A-Z]\w*|[A-Z]{2,}\w*")

# Words that may begin a sentence in capitals without being a name.
_STARTERS = frozenset(
    _word
    for _line in """
    a about above across after again all along already also although always among an and any anyone are as at back
    based because been before being below besides better between beyond both building built busy but by can
    choosing closing come coming companies company consider considering contractors could crews customers day days
    demand do does done down during each earning either enough established even every everything families few
    fewer filling finding firms focus focusing following for fresh from full further getting given giving good
    great growing had hail half has have having he help helping her here hers high his home homeowners homes how
    however if imagine in instead into is it it's its jobs just keep keeping knowing last lately lead leads less
    let let's like local long longtime look looking made maintaining make making many matching may maybe meanwhile
    might more most much my nearby nearly neighborhoods new next no nobody none nor not nothing now of off
    offering often older on once one only operating or other others our out over owners people perhaps picking
    please plenty property providing put quality rather reaching ready residential right roof roofer roofers
    roofing roofs running season seasoned see seeing seems serving she should since slow small so some someone
    specializing spending spring staying steady still storm storms strong summer such teams than that that's the
    their them then there there's these they they're this those though through thus time to together too trusted
    under unlike until up upon us using very want was we we'd we'll we're we've well were what what's when where whether
    which while who whole whose why winter with within without word work working would year years yet you you'd
    you're you've your yours
    """.splitlines()
    for _word in _line.split()
)


def _has_many_lines(draft: _Draft) -> bool:
    return "\n" in draft.raw or "\r" in draft.raw or "\u2028" in draft.raw or "\u2029" in draft.raw


def _is_strange(draft: _Draft) -> bool:
    """Control and invisible characters, pictures, and letters that only look like ours."""
    return any(
        unicodedata.category(character) in ("Cc", "Cf", "Co", "Cs", "Cn", "So")
        or (character.isalpha() and "LATIN" not in unicodedata.name(character, ""))
        for character in draft.raw
    )


def _has_unknown_email(draft: _Draft) -> bool:
    known = {email.lower() for email in _EMAIL.findall(draft.facts)}
    return any(email not in known for email in _EMAIL.findall(draft.lower))


def _has_unknown_link(draft: _Draft) -> bool:
    known = {_bare_link(link) for link in _LINK.findall(draft.facts)}
    return any(_bare_link(link) not in known for link in _LINK.findall(_EMAIL.sub(" ", draft.text)))


def _bare_link(link: str) -> str:
    return re.sub(r"^(?:https?://)?(?:www\.)?", "", link.lower()).rstrip("/.,;:!?)")


def _has_unknown_phone(draft: _Draft) -> bool:
    known = _phones(draft.facts)
    return any(phone not in known for phone in _phones(draft.text))


def _phones(text: str) -> set[str]:
    digits = (re.sub(r"\D", "", match) for match in _PHONE.findall(text))
    return {each[-10:] for each in digits if len(each) >= 7}


def _has_unknown_number(draft: _Draft) -> bool:
    known = _numbers(_without_contacts(draft.facts))
    return any(number not in known for number in _numbers(_without_contacts(draft.text)))


def _without_contacts(text: str) -> str:
    return _PHONE.sub(" ", _LINK.sub(" ", _EMAIL.sub(" ", text)))


def _numbers(text: str) -> set[tuple[str, str]]:
    """Every number with its kind: 50, 50 % and $50 are three things."""
    found = set()
    for match in _NUMBER.finditer(text):
        value = Decimal(match["number"].replace(",", "")) * _SCALES.get((match["scale"] or "").strip().lower(), 1)
        unit = "$" if match["money"] else _UNITS.get((match["unit"] or "").strip().lower(), "")
        found.add((f"{value.normalize():f}", unit))
    words = re.findall(r"[a-z]+", text.lower())
    return found | {(_NUMBER_WORDS[word], "") for word in words if word in _NUMBER_WORDS}


def _has_unknown_quote(draft: _Draft) -> bool:
    facts = " ".join(draft.facts.lower().split())
    return draft.text.count('"') % 2 == 1 or any(
        quote.strip(" .,!?").lower() not in facts for quote in _QUOTE.findall(draft.text)
    )


def _has_unknown_name(draft: _Draft) -> bool:
    known = {part for word in _NAME.findall(_without_contacts(draft.facts)) for part in _parts(word)}
    text = _without_contacts(draft.text)
    for match in _NAME.finditer(text):
        word = match[0]
        if not (word[0].isupper() or _MIXED_CASE.search(word)) or word.lower() in _LONE:
            continue
        may_be_plain = _SENTENCE_START.search(text[: match.start()]) and not _MIXED_CASE.search(word)
        first = word.lower().split("-")[0]
        if may_be_plain and (first in _STARTERS or first in _NUMBER_WORDS):
            continue
        if not _parts(word) <= known:
            return True
    return False


def _parts(word: str) -> frozenset[str]:
    """A word in lower case without a possessive, as the words it is joined of."""
    return frozenset(part for part in re.split(r"[-&]", re.sub(r"'s?$", "", word.lower())) if part)


def _found(pattern: re.Pattern[str]) -> Callable[[_Draft], bool]:
    return lambda draft: bool(pattern.search(draft.text))


RULES: tuple[tuple[Refused, Callable[[_Draft], bool]], ...] = (
    (Refused.TOO_SHORT, lambda draft: len(draft.raw) < SHORTEST),
    (Refused.TOO_LONG, lambda draft: len(draft.raw) > LONGEST),
    (Refused.NOT_ONE_PARAGRAPH, _has_many_lines),
    (Refused.STRANGE_CHARACTERS, _is_strange),
    (Refused.MARKUP, lambda draft: bool(_MARKUP.search(draft.raw))),
    (Refused.GREETING, lambda draft: bool(_GREETING.match(draft.text) or _CLOSING.search(draft.text))),
    (Refused.PROMISE, _found(_PROMISES)),
    (Refused.FALSE_HISTORY, _found(_HISTORIES)),
    (Refused.UNKNOWN_EMAIL, _has_unknown_email),
    (Refused.UNKNOWN_LINK, _has_unknown_link),
    (Refused.UNKNOWN_PHONE, _has_unknown_phone),
    (Refused.UNKNOWN_NUMBER, _has_unknown_number),
    (Refused.UNKNOWN_QUOTE, _has_unknown_quote),
    (Refused.UNKNOWN_NAME, _has_unknown_name),
)
