"""The words of the e-mails we send, from the templates beside this file."""

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Self
from uuid import UUID

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

if TYPE_CHECKING:
    from config.settings import Settings

UNSUBSCRIBE_TAG = "-unsubscribe_url-"
"""Replaced per recipient by the mail vendor (a substitution), so that one batch serves all."""


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
    """Renders letters; an unknown variable in a template is an error, never a blank."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender
        self._templates = Environment(
            loader=FileSystemLoader(Path(__file__).parent / "templates"),
            autoescape=select_autoescape(["html.j2"]),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.filters["dollars"] = dollars

    def new_lead(self, lead: LeadPreview) -> Letter:
        """Tells a contractor of a lead in their area."""
        facts = {
            "lead": lead,
            "sender": self._sender,
            "lead_url": f"{self._sender.public_url.rstrip('/')}/leads/{lead.lead_id}",
            "unsubscribe": UNSUBSCRIBE_TAG,
        }
        subject = self._render("new_lead.subject.j2", facts)
        return Letter(
            subject=" ".join(subject.split()),
            text=self._render("new_lead.text.j2", facts),
            html=self._render("new_lead.html.j2", facts),
        )

    def unsubscribe_url(self, notification_id: UUID) -> str:
        """Where one recipient says no to more; the id is not guessable and names nobody."""
        return f"{self._sender.public_url.rstrip('/')}/unsubscribe/{notification_id}"

    def _render(self, template: str, facts: dict[str, object]) -> str:
        return self._templates.get_template(template).render(facts)


def dollars(amount: Decimal) -> str:
    """Like "$120", or "$120.50" when there are cents."""
    return f"${amount:,.0f}" if amount == amount.to_integral_value() else f"${amount:,.2f}"
