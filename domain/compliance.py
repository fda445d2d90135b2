"""Whether a contractor may be written to or called now (spec 3.6.4, 11.2; decision 0008).

Every send asks `may_contact` and stores the answer. The rules are rows of two tables: first what forbids
a contact for good, then what puts it off. Nothing here knows a name, an address or a number, so nothing
of the kind can end up in what is stored.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from domain.cadence import is_holiday
from domain.quiet_hours import CLOSES, OPENS, Hours, Verdict, first_open, load_zone, require_aware


class ContactChannel(StrEnum):
    """The channels that a machine sends on."""

    EMAIL = "email"
    SMS = "sms"
    CALL = "call"


class ContactPurpose(StrEnum):
    """Why: what was asked for or agreed to obeys fewer rules than what was not."""

    OUTREACH = "outreach"
    NURTURE = "nurture"
    ARRANGED = "arranged"


class Reason(StrEnum):
    """Why the gate decided as it did; stored in `contact_decisions.reason`."""

    ALLOWED = "allowed"
    NO_ADDRESS = "no_address"
    SUPPRESSED = "suppressed"
    HALTED = "halted"
    ALREADY_CUSTOMER = "already_customer"
    UNKNOWN_ZONE = "unknown_zone"
    LETTER_INCOMPLETE = "letter_incomplete"
    MOBILE_CALLS_OFF = "mobile_calls_off"
    NO_WRITTEN_CONSENT = "no_written_consent"
    NO_CONSENT = "no_consent"
    DNC_UNCHECKED = "dnc_unchecked"
    DO_NOT_CALL = "do_not_call"
    TOO_OFTEN = "too_often"
    NO_COMMON_HOURS = "no_common_hours"
    TOO_SOON = "too_soon"
    QUIET_HOURS = "quiet_hours"


@dataclass(frozen=True, slots=True)
class LetterParts:
    """What CAN-SPAM wants of a commercial e-mail, and whether this one has it."""

    postal_address: bool
    unsubscribe_link: bool
    one_click: bool
    """The `List-Unsubscribe` and `List-Unsubscribe-Post` headers."""
    from_name: bool
    subject: str


@dataclass(frozen=True, slots=True)
class Person:
    """The facts that the rules look at, for one channel of one contractor."""

    zone: str | None
    """IANA zone of the address."""
    phone_zones: tuple[str, ...]
    """IANA zones of the number's area code (`domain.phones.zones_of_number`); empty when unknown."""
    state: str | None
    has_address: bool
    """There is an e-mail address, or a phone number, for this channel."""
    suppressed: frozenset[str]
    """Channels that must not be used: email, sms, call or all."""
    phone_kind: str | None
    dnc: bool | None
    """On the Do Not Call registry; None when its list for the area code is older than 31 days or missing."""
    consents: Mapping[str, str]
    """By channel, the strongest consent not withdrawn: express_written, express or implied."""
    contacted: Mapping[str, tuple[datetime, ...]]
    """By channel, unasked contacts of the last 30 days."""
    customer: bool
    halted: bool
    """Answered, bounced or opted out since this phase of the sequence began."""
    letter: LetterParts | None = None
    """E-mail only."""


@dataclass(frozen=True, slots=True)
class Cap:
    """At most `limit` unasked contacts within any span of `within`."""

    limit: int
    within: timedelta


CAPS: dict[ContactChannel, tuple[Cap, ...]] = {
    ContactChannel.EMAIL: (Cap(1, timedelta(hours=20)), Cap(10, timedelta(days=30))),
    ContactChannel.SMS: (Cap(1, timedelta(days=7)),),
    ContactChannel.CALL: (Cap(1, timedelta(hours=24)), Cap(3, timedelta(days=30))),
}


@dataclass(frozen=True, slots=True)
class Policy:
    """What an operator may set. Hours, consent, opt-outs and the states' limits are not among it."""

    calls_to_mobiles: bool = False
    """Whether an AI voice may call a mobile number at all; written consent is needed all the same."""
    caps: Mapping[ContactChannel, tuple[Cap, ...]] = field(default_factory=lambda: CAPS)


DEFAULT_POLICY = Policy()


@dataclass(frozen=True, slots=True)
class StateRule:
    """Where a state is stricter than 8:00-20:00 about unasked calls and texts, or limits their number."""

    opens: time = OPENS
    closes: time = CLOSES
    saturdays: bool = True
    cap: Cap | None = None
    """Calls and texts together."""


THREE_A_DAY = Cap(3, timedelta(hours=24))
# Rounded to the stricter side where a state tells weekdays, Saturdays and kinds of call apart.
# Sundays and federal holidays, which a dozen states close in one form or another, are closed in all of them.
STATE_RULES: dict[str, StateRule] = {
    "CT": StateRule(opens=time(9)),
    "FL": StateRule(cap=THREE_A_DAY),
    "KY": StateRule(opens=time(10)),
    "MD": StateRule(cap=THREE_A_DAY),
    "ME": StateRule(opens=time(9), closes=time(17), saturdays=False),  # automatic calling equipment
    "MI": StateRule(opens=time(9)),
    "MN": StateRule(opens=time(9)),
    "NM": StateRule(opens=time(9)),
    "NV": StateRule(opens=time(9)),
    "OK": StateRule(cap=THREE_A_DAY),
    "OR": StateRule(opens=time(9), closes=time(19), cap=THREE_A_DAY),
    "RI": StateRule(opens=time(10), closes=time(17)),  # its hours of Saturday
    "SC": StateRule(closes=time(19)),
    "SD": StateRule(opens=time(9)),
    "TX": StateRule(opens=time(9)),
}
ANY_STATE = StateRule()
UNKNOWN_STATE = StateRule(
    opens=max(rule.opens for rule in STATE_RULES.values()),
    closes=min(rule.closes for rule in STATE_RULES.values()),
    saturdays=all(rule.saturdays for rule in STATE_RULES.values()),
    cap=THREE_A_DAY,
)
"""The strictest of each: whoever's state is unknown may live in any of them."""

LONGEST_WAIT = timedelta(days=14)
"""A touch that a cap puts off for longer than the sequence lasts is not made at all."""
EXPRESS_WRITTEN = "express_written"
EXPRESS = "express"
CONSENT_KINDS = frozenset({EXPRESS_WRITTEN, EXPRESS, "implied"})
PHONE_KINDS = frozenset({"mobile", "landline", "voip", "toll_free", "unknown"})
NOT_MOBILE = frozenset({"landline", "voip"})
"""Kinds of line whose owner does not pay for being called; all others count as mobile."""
SUPPRESSIBLE = ("all", "call", "email", "sms")
ALL_CHANNELS = frozenset(ContactChannel)
BY_PHONE = frozenset({ContactChannel.SMS, ContactChannel.CALL})
ONLY_EMAIL = frozenset({ContactChannel.EMAIL})
ONLY_SMS = frozenset({ContactChannel.SMS})
ONLY_CALL = frozenset({ContactChannel.CALL})

# "Re:" and "Fwd:" claim a conversation that never was.
_FALSE_SUBJECT = re.compile(r"\s*(re|fw|fwd|aw|wg)\s*(\[\d+\]|\(\d+\))?\s*:", re.IGNORECASE)
_STATE = re.compile(r"[A-Z]{2}")


@dataclass(frozen=True, slots=True)
class ContactDecision:
    """The answer. `until` (UTC) is set for a deferral only; `facts` is JSON-able and names nobody."""

    verdict: Verdict
    reason: Reason
    until: datetime | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Case:
    """One question to the gate."""

    channel: ContactChannel
    purpose: ContactPurpose
    person: Person
    now: datetime
    policy: Policy

    @property
    def unasked(self) -> bool:
        return self.purpose is not ContactPurpose.ARRANGED

    @property
    def consent(self) -> str | None:
        return self.person.consents.get(self.channel)

    @property
    def zones(self) -> tuple[str | None, ...]:
        """Every zone that the recipient may be in; None stands for one that is not known."""
        if self.channel not in BY_PHONE:
            return (self.person.zone,)
        return (self.person.zone, *(self.person.phone_zones or (None,)))

    @property
    def places(self) -> tuple[ZoneInfo, ...]:
        return tuple(place for zone in self.zones if (place := load_zone(zone)) is not None)


def may_contact(
    channel: ContactChannel,
    purpose: ContactPurpose,
    person: Person,
    now: datetime,
    policy: Policy = DEFAULT_POLICY,
) -> ContactDecision:
    """Allow, deny for good, or defer until the first moment at which every rule allows it.

    `now` must be aware; raises ValueError otherwise. The answer depends on the arguments only.
    """
    require_aware(now)
    case = _Case(ContactChannel(channel), ContactPurpose(purpose), person, now, policy)
    facts = _facts(case)
    for denial in DENIALS:
        if case.channel in denial.channels and denial.forbids(case):
            return ContactDecision(Verdict.DENY, denial.reason, facts=facts)
    reason, moment = Reason.ALLOWED, now
    for deferral in DEFERRALS:
        if case.channel not in deferral.channels:
            continue
        later = deferral.earliest(case, moment)
        if later is None:
            return ContactDecision(Verdict.DENY, Reason.NO_COMMON_HOURS, facts=facts)
        if later > moment and reason is Reason.ALLOWED:
            reason = deferral.reason
        moment = max(moment, later)
    if reason is Reason.ALLOWED:
        return ContactDecision(Verdict.ALLOW, reason, facts=facts)
    return ContactDecision(Verdict.DEFER, reason, moment.astimezone(UTC), facts)


# What forbids a contact.


def _has_no_address(case: _Case) -> bool:
    return not case.person.has_address


def _is_suppressed(case: _Case) -> bool:
    return not case.person.suppressed.isdisjoint({case.channel.value, "all"})


def _is_halted(case: _Case) -> bool:
    return case.person.halted and case.unasked


def _is_customer(case: _Case) -> bool:
    return case.person.customer and case.unasked


def _is_nowhere(case: _Case) -> bool:
    return len(case.places) < len(case.zones)


def _lacks_letter_parts(case: _Case) -> bool:
    return bool(missing_parts(case.person.letter))


def _is_mobile_and_off(case: _Case) -> bool:
    return case.person.phone_kind not in NOT_MOBILE and not case.policy.calls_to_mobiles


def _lacks_written_consent(case: _Case) -> bool:
    return case.consent != EXPRESS_WRITTEN


def _lacks_consent(case: _Case) -> bool:
    return case.consent not in (EXPRESS, EXPRESS_WRITTEN)


def _is_unchecked(case: _Case) -> bool:
    return case.person.dnc is None


def _is_on_registry(case: _Case) -> bool:
    return case.person.dnc is True and case.consent != EXPRESS_WRITTEN


def _had_too_many(case: _Case) -> bool:
    free = _free_of_caps(case, case.now)
    return free is None or free - case.now > LONGEST_WAIT


@dataclass(frozen=True, slots=True)
class Denial:
    """A row of what forbids."""

    reason: Reason
    channels: frozenset[ContactChannel]
    forbids: Callable[[_Case], bool]


DENIALS: tuple[Denial, ...] = (
    Denial(Reason.NO_ADDRESS, ALL_CHANNELS, _has_no_address),
    Denial(Reason.SUPPRESSED, ALL_CHANNELS, _is_suppressed),
    Denial(Reason.HALTED, ALL_CHANNELS, _is_halted),
    Denial(Reason.ALREADY_CUSTOMER, ALL_CHANNELS, _is_customer),
    Denial(Reason.UNKNOWN_ZONE, ALL_CHANNELS, _is_nowhere),
    Denial(Reason.LETTER_INCOMPLETE, ONLY_EMAIL, _lacks_letter_parts),
    Denial(Reason.NO_WRITTEN_CONSENT, ONLY_CALL, _lacks_written_consent),
    Denial(Reason.MOBILE_CALLS_OFF, ONLY_CALL, _is_mobile_and_off),
    Denial(Reason.NO_CONSENT, ONLY_SMS, _lacks_consent),
    Denial(Reason.DNC_UNCHECKED, BY_PHONE, _is_unchecked),
    Denial(Reason.DO_NOT_CALL, BY_PHONE, _is_on_registry),
    Denial(Reason.TOO_OFTEN, ALL_CHANNELS, _had_too_many),
)


# What puts a contact off. Each answers the first moment from the given one on that suits it.


def _after_caps(case: _Case, moment: datetime) -> datetime | None:
    return _free_of_caps(case, moment)


def _in_open_hours(case: _Case, moment: datetime) -> datetime | None:
    return first_open(moment, case.places, opening_hours(case.purpose, case.person.state))


@dataclass(frozen=True, slots=True)
class Deferral:
    """A row of what puts off; `earliest` answers None when no moment will ever do."""

    reason: Reason
    channels: frozenset[ContactChannel]
    earliest: Callable[[_Case, datetime], datetime | None]


# Caps come first: waiting longer never breaks one, while what they free may be the middle of the night.
DEFERRALS: tuple[Deferral, ...] = (
    Deferral(Reason.TOO_SOON, ALL_CHANNELS, _after_caps),
    Deferral(Reason.QUIET_HOURS, BY_PHONE, _in_open_hours),
)


def opening_hours(purpose: ContactPurpose, state: str | None) -> Hours:
    """Local hours for calls and texts. What was arranged may be made on any day from 8:00 to 20:00."""
    if purpose is ContactPurpose.ARRANGED:
        return Hours()
    rule = state_rule(state)

    def closed_on(day: date) -> bool:
        return day.weekday() == 6 or is_holiday(day) or (day.weekday() == 5 and not rule.saturdays)

    return Hours(max(OPENS, rule.opens), min(CLOSES, rule.closes), closed_on)


def state_rule(state: str | None) -> StateRule:
    """The row of a state; what is no two-letter state gets the strictest of everything."""
    code = _known_state(state)
    return STATE_RULES.get(code, ANY_STATE) if code else UNKNOWN_STATE


def missing_parts(letter: LetterParts | None) -> tuple[str, ...]:
    """Which of CAN-SPAM's parts an e-mail lacks, or has only in pretence."""
    if letter is None:
        return ("letter",)
    parts = {
        "postal_address": letter.postal_address,
        "unsubscribe_link": letter.unsubscribe_link,
        "one_click": letter.one_click,
        "from_name": letter.from_name,
        "subject": letter.subject.strip(),
        "honest_subject": not _FALSE_SUBJECT.match(letter.subject),
    }
    return tuple(name for name, there in parts.items() if not there)


def _free_of_caps(case: _Case, moment: datetime) -> datetime | None:
    """The first moment from `moment` on that no cap forbids; None when a cap allows none at all."""
    if not case.unasked:
        return moment
    for cap, contacts in _caps(case):
        if cap.limit < 1:
            return None
        newest_first = sorted(contacts, reverse=True)
        if len(newest_first) >= cap.limit:
            moment = max(moment, newest_first[cap.limit - 1] + cap.within)
    return moment


def _caps(case: _Case) -> list[tuple[Cap, tuple[datetime, ...]]]:
    """Each cap that holds, with the contacts that count towards it."""
    contacted = case.person.contacted
    caps = [(cap, contacted.get(case.channel, ())) for cap in case.policy.caps.get(case.channel, ())]
    by_state = state_rule(case.person.state).cap
    if by_state is not None and case.channel in BY_PHONE:
        by_phone = (contact for channel in BY_PHONE for contact in contacted.get(channel, ()))
        caps.append((by_state, tuple(by_phone)))
    return caps


# What is stored of the grounds: words of ours, zones, states and counts. Whatever else a caller may have
# put into a field by mistake stays out.


def _facts(case: _Case) -> dict[str, Any]:
    person = case.person
    facts: dict[str, Any] = {
        "channel": case.channel.value,
        "purpose": case.purpose.value,
        "zone": _known_zone(person.zone),
        "state": _known_state(person.state),
        "has_address": person.has_address,
        "suppressed": [word for word in SUPPRESSIBLE if word in person.suppressed],
        "customer": person.customer,
        "halted": person.halted,
        "contacts_30_days": len(person.contacted.get(case.channel, ())),
    }
    if case.channel is ContactChannel.EMAIL:
        return {**facts, "letter_lacks": list(missing_parts(person.letter))}
    return {
        **facts,
        "phone_zones": [_known_zone(zone) for zone in person.phone_zones],
        "phone_kind": person.phone_kind if person.phone_kind in PHONE_KINDS else "unknown",
        "dnc": person.dnc,
        "consent": case.consent if case.consent in CONSENT_KINDS else None,
    }


def _known_zone(zone: str | None) -> str | None:
    return zone if load_zone(zone) is not None else None


def _known_state(state: str | None) -> str | None:
    code = (state or "").strip().upper()
    return code if _STATE.fullmatch(code) else None
