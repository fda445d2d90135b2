"""What people say when the sandbox's telephone rings, and what is true of each conversation.

A conversation follows from its outcome and the time that is agreed in it, so a transcript can be recognised
and its truth told by whoever plays the language model.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sandbox.city import generator

ZONE = ZoneInfo("America/Chicago")
"""Where the sandbox's people live."""

ASSISTANT, CUSTOMER = "assistant", "user"
Turn = tuple[str, str]

OUTCOMES = (
    "interested_demo",
    "callback",
    "not_interested",
    "opt_out",
    "moderate",
    "voicemail",
    "no_answer",
    "busy",
    "hang_up",
)
ODDS = (0.16, 0.12, 0.18, 0.06, 0.16, 0.12, 0.12, 0.04, 0.04)
SECONDS_PER_WORD = 0.42
PRICE_PER_MINUTE = 0.12
"""US dollars, within the spec's 0.10 to 0.30 (7.2)."""

_GREETING: Turn = (CUSTOMER, "Yeah, this is me. What is this about?")
_PITCH: Turn = (
    ASSISTANT,
    "We bring roofing contractors exclusive leads with proven roof conditions. May I show you in a short demo?",
)

_SCRIPTS: dict[str, tuple[Turn, ...]] = {
    "interested_demo": (
        _GREETING,
        _PITCH,
        (CUSTOMER, "Okay, that sounds interesting. How do you know the roof is bad? And what does a lead cost?"),
        (ASSISTANT, "Good questions. The demo shows both with real examples. When would suit you?"),
        (CUSTOMER, "Let's do the demo on {at}."),
        (ASSISTANT, "{at} it is. You will get an invitation by e-mail."),
        (CUSTOMER, "Great, talk to you then."),
    ),
    "callback": (
        (CUSTOMER, "This is me, but I'm up on a roof right now."),
        (ASSISTANT, "No problem at all. When is a better time to talk?"),
        (CUSTOMER, "Call me back on {at}."),
        (ASSISTANT, "I will call you back on {at}. Stay safe up there."),
    ),
    "not_interested": (
        _GREETING,
        _PITCH,
        (CUSTOMER, "We have all the work we can handle and your kind of service is too expensive."),
        (ASSISTANT, "I understand. May I ask what is working for you now?"),
        (CUSTOMER, "Word of mouth. I'm not interested, thanks."),
        (ASSISTANT, "Thank you for telling me. Have a good day."),
    ),
    "opt_out": (
        _GREETING,
        _PITCH,
        (CUSTOMER, "I don't want these calls. Take me off your list and do not call me again."),
        (ASSISTANT, "Of course. You are off our list and will not hear from us again. Goodbye."),
    ),
    "moderate": (
        _GREETING,
        _PITCH,
        (CUSTOMER, "Maybe. I'd have to talk to my partner first. Can you send me some information?"),
        (ASSISTANT, "Gladly. Is e-mail the best way?"),
        (CUSTOMER, "Yes, e-mail is fine. Does it work for commercial roofs too?"),
        (ASSISTANT, "I will make sure the e-mail answers that. Thank you for your time."),
    ),
    "voicemail": ((CUSTOMER, "You have reached our voicemail. Please leave a message after the tone."),),
    "no_answer": (),
    "busy": (),
    "hang_up": ((CUSTOMER, "Hello?"),),
}

_TRUTHS: dict[str, dict[str, Any]] = {
    "interested_demo": {
        "sentiment": "positive",
        "interest": 88,
        "wants_demo": True,
        "questions": ["How do you know the roof is bad?", "What does a lead cost?"],
        "next_action": "Book the demo that was agreed.",
        "probability": 55,
        "summary": "The contractor is interested and agreed to a demo.",
        "key_points": ["Asked how roofs are judged", "Asked for the price of a lead"],
    },
    "callback": {
        "sentiment": "neutral",
        "interest": 50,
        "wants_callback": True,
        "next_action": "Call back at the time asked for.",
        "probability": 25,
        "summary": "The contractor was at work and asked for a call back.",
        "key_points": ["Busy on a roof"],
    },
    "not_interested": {
        "sentiment": "negative",
        "interest": 8,
        "not_interested": True,
        "not_interested_reason": "Has enough work by word of mouth.",
        "objections": ["too expensive"],
        "next_action": "None.",
        "probability": 2,
        "summary": "The contractor has enough work and is not interested.",
        "key_points": ["Lives off word of mouth"],
    },
    "opt_out": {
        "sentiment": "very_negative",
        "interest": 0,
        "not_interested": True,
        "opted_out": True,
        "next_action": "Never contact again.",
        "probability": 0,
        "summary": "The contractor wants no more calls.",
        "key_points": ["Asked to be taken off the list"],
    },
    "moderate": {
        "sentiment": "neutral",
        "interest": 55,
        "objections": ["has to talk to a partner"],
        "questions": ["Does it work for commercial roofs too?"],
        "next_action": "Send information by e-mail.",
        "probability": 20,
        "summary": "The contractor wants information by e-mail.",
        "key_points": ["Decides with a partner"],
    },
    "hang_up": {
        "sentiment": "negative",
        "interest": 5,
        "next_action": "Try again another day.",
        "probability": 3,
        "summary": "Somebody answered and hung up.",
    },
}

_ENDED: dict[str, str] = {
    "voicemail": "voicemail",
    "no_answer": "customer-did-not-answer",
    "busy": "customer-busy",
    "hang_up": "customer-ended-call",
    "interested_demo": "customer-ended-call",
}
NOBODY = frozenset({"no_answer", "busy"})
"""Outcomes in which nothing is said at all."""


@dataclass(frozen=True, slots=True)
class Conversation:
    """One conversation: who said what, how it ended, and what is true of it."""

    outcome: str
    turns: tuple[Turn, ...]
    ended_reason: str
    """In Vapi's words."""
    seconds: int
    truth: dict[str, Any]

    @property
    def cost(self) -> float:
        """US dollars."""
        return round(self.seconds / 60 * PRICE_PER_MINUTE, 4)

    @property
    def transcript(self) -> str:
        """As Vapi writes one."""
        speakers = {ASSISTANT: "AI", CUSTOMER: "User"}
        return "".join(f"{speakers[who]}: {words}\n" for who, words in self.turns)


def outcome_for(seed: int, number: str) -> str:
    """How people at this number answer in this world."""
    return str(generator(seed, "call", number).choice(OUTCOMES, p=ODDS))


def next_afternoon(now: datetime) -> datetime:
    """Two o'clock on the second business day from now, where the sandbox's people live."""
    day, left = now.astimezone(ZONE), 2
    while left:
        day += timedelta(days=1)
        left -= day.weekday() < 5
    return day.replace(hour=14, minute=0, second=0, microsecond=0)


def converse(outcome: str, opening: str, at: datetime) -> Conversation:
    """The conversation with this outcome; `at` is what is agreed where something is."""
    spoken = f"{at:%A, %B} {at.day} at {at.hour % 12 or 12}:{at:%M} {'PM' if at.hour >= 12 else 'AM'}"
    script = tuple((who, words.format(at=spoken)) for who, words in _SCRIPTS[outcome])
    turns = () if outcome in NOBODY else ((ASSISTANT, opening), *script)
    if outcome == "voicemail":
        turns = script
    words = sum(len(text.split()) for _, text in turns)
    truth = dict(_TRUTHS.get(outcome, {}))
    agreed = at.astimezone(UTC).isoformat()
    if outcome == "interested_demo":
        truth["demo_at"] = agreed
    if outcome == "callback":
        truth["callback_at"] = agreed
    return Conversation(
        outcome, turns, _ENDED.get(outcome, "assistant-ended-call"), round(words * SECONDS_PER_WORD), truth
    )
