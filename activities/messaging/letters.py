"""The words of what we send, from templates: letters in HTML and plain text, texts, notes for people."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, is_dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from uuid import UUID

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from activities.messaging.markup import Kind, read

if TYPE_CHECKING:
    from config.settings import Settings

UNSUBSCRIBE_TAG = "-unsubscribe_url-"
"""Replaced per recipient by the mail vendor (a substitution), so that one batch serves all."""

FOLDERS = tuple(
    Path(__file__).parent.parent / place / "templates" for place in ("messaging", "outreach", "subscriptions")
)

MAY_BE_MISSING = (
    "amount", "app_url", "card", "city", "company", "contractors", "deadline", "demo_url", "discount", "expires",
    "first_leads", "guarantee", "invoice", "last_attempt", "leads", "leads_per_month", "meeting", "name", "offer",
    "paragraph", "payment_url", "period", "permits", "places", "plan", "plans", "recent", "sample", "signature",
    "state", "variant", "won",
)  # fmt: skip
"""Facts that a letter can do without; every template says what it does then. Any other name must be given."""

GREETING = "Hello,"
"""To somebody whose name we do not know."""


@dataclass(frozen=True, slots=True)
class LeadPreview:
    """What a contractor may see before buying (spec 6.4 step 3): no house number, nothing of the owner."""

    lead_id: UUID
    street: str
    city: str
    state: str
    value_range: str | None
    score: int
    grade: str
    price: Decimal
    condition: str | None


@dataclass(frozen=True, slots=True)
class Sender:
    """Who writes, as CAN-SPAM wants it in the footer."""

    name: str
    email: str
    postal_address: str
    public_url: str

    @classmethod
    def from_settings(cls, settings: "Settings") -> Self:
        """The company that the settings describe."""
        return cls(
            name=settings.email_from_name,
            email=settings.email_from,
            postal_address=settings.company_postal_address,
            public_url=settings.public_url,
        )


@dataclass(frozen=True, slots=True)
class Letter:
    """A rendered e-mail."""

    subject: str
    text: str
    html: str


class Letters:
    """Renders templates; an unknown variable in one is an error, never a blank.

    A letter `name` is `<name>.letter.j2` in the marks of `markup`, so that its HTML and its plain text say
    the same. What comes from outside is put on one line and escaped.
    """

    def __init__(self, sender: Sender) -> None:
        self.sender = sender
        self._templates = Environment(
            loader=FileSystemLoader(FOLDERS),
            autoescape=select_autoescape(["html.j2"]),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.filters |= {"dollars": dollars, "day": day, "moment": moment}

    def render(
        self, name: str, facts: Mapping[str, Any], *, because: str | None = None, unsubscribe: str | None = None
    ) -> Letter:
        """The letter `name`. `because` says why somebody gets it, `unsubscribe` is where they say no to more.

        Facts named in `MAY_BE_MISSING` may be left out or None. Raises jinja2's UndefinedError for others.
        """
        subject, blocks = read(self._render(f"{name}.letter.j2", facts))
        frame = {
            "subject": subject,
            "blocks": blocks,
            "kind": {kind.name: kind.value for kind in Kind},
            "sender": self.sender,
            "because": because,
            "unsubscribe": unsubscribe,
        }
        return Letter(
            subject=subject,
            text=self._templates.get_template("layout.text.j2").render(frame),
            html=self._templates.get_template("layout.html.j2").render(frame),
        )

    def text(self, name: str, facts: Mapping[str, Any]) -> str:
        """A text message `name`, on one line."""
        return " ".join(self._render(f"{name}.sms.j2", facts).split())

    def note(self, name: str, facts: Mapping[str, Any]) -> str:
        """Words that a person copies: a message on LinkedIn, a postcard."""
        return self._render(f"{name}.note.j2", facts).strip()

    def new_lead(self, lead: LeadPreview) -> Letter:
        """Tells a contractor of a lead in their area."""
        lead_url = f"{self.sender.public_url.rstrip('/')}/leads/{lead.lead_id}"
        because = f"You get this because your company serves {lead.city}."
        return self.render(
            "new_lead", {"lead": lead, "lead_url": lead_url}, because=because, unsubscribe=UNSUBSCRIBE_TAG
        )

    def unsubscribe_url(self, token: UUID) -> str:
        """Where one recipient says no to more; the id is not guessable and names nobody."""
        return f"{self.sender.public_url.rstrip('/')}/unsubscribe/{token}"

    def _render(self, template: str, facts: Mapping[str, Any]) -> str:
        known = (
            dict.fromkeys(MAY_BE_MISSING)
            | {"greeting": GREETING}
            | {name: one_line(value) for name, value in facts.items()}
        )
        return self._templates.get_template(template).render(known | {"sender": self.sender})


def one_line(value: Any) -> Any:
    """Facts with every text on one line, so that nothing from outside can add a line, or a button, to a letter."""
    if isinstance(value, str):
        return " ".join(value.split())
    if is_dataclass(value) and not isinstance(value, type):
        return one_line(asdict(value))
    if isinstance(value, Mapping):
        return {key: one_line(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [one_line(each) for each in value]
    return value


def dollars(amount: Decimal) -> str:
    """Like "$120", or "$120.50" when there are cents."""
    return f"${amount:,.0f}" if amount == amount.to_integral_value() else f"${amount:,.2f}"


def day(value: date) -> str:
    """Like "Friday, June 12"."""
    return f"{value:%A, %B} {value.day}"


def moment(value: datetime) -> str:
    """Like "Friday, June 12 at 2:30 PM CDT", by the clock that `value` carries."""
    hour = value.hour % 12 or 12
    return f"{day(value)} at {hour}:{value:%M %p} {value:%Z}".strip()
