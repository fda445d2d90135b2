"""Letters through SendGrid."""

from datetime import timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from activities.effects import Gate, Outcome, Record
from activities.messaging.letters import Letter, Letters
from activities.outreach.channels.base import SEARCH_SETTLES, Case, Draft, payload_of, perform
from activities.outreach.facts import WITH_LINK, gather
from activities.outreach.links import LINK, Links
from activities.outreach.personal import KEPT, Personaliser
from domain.compliance import LetterParts
from domain.contact_points import email_address
from domain.experiments import choose
from integrations.sendgrid_mail import MailBatch, Recipient, SendGridMail
from schema.contracts.outreach import Purpose
from schema.database import Database
from schema.tables import Contractor, OutreachCampaign

BECAUSE = {
    Purpose.OUTREACH: "You get this because {company} is listed as a roofing contractor{place}.",
    Purpose.NURTURE: "You get this because {company} is listed as a roofing contractor{place} and we wrote before.",
    Purpose.ARRANGED: "You get this because you told us that {company} would like to know more.",
}


class EmailSender:
    """Composes from templates and facts, with an A/B arm and perhaps a paragraph of its own."""

    price: Decimal | None = None

    def __init__(
        self,
        db: Database,
        mail: SendGridMail,
        letters: Letters,
        links: Links,
        personaliser: Personaliser,
        inbound_domain: str,
        search_settles: timedelta = SEARCH_SETTLES,
    ) -> None:
        self._db = db
        self._mail = mail
        self._letters = letters
        self._links = links
        self._personaliser = personaliser
        self._inbound_domain = inbound_domain
        self._search_settles = search_settles

    def address(self, contractor: Contractor) -> str | None:
        """The contractor's e-mail address."""
        return email_address(contractor.email)

    async def compose(self, case: Case) -> Draft:
        """Everything around it degrades: without calendar or model the letter goes out in its plainer form."""
        template = case.touch.step.template
        variant = case.touchpoint.variant or arm_of(case)
        facts = await self._facts(case)
        personal = await self._personaliser.paragraph(case)
        facts |= {"variant": variant, "paragraph": personal.text if personal is not None else None}
        letter = self._letters.render(
            template,
            facts,
            because=_because(case),
            unsubscribe=self._letters.unsubscribe_url(case.touchpoint.id),
        )
        extra = {LINK: facts.get("demo_url"), KEPT: personal.kept() if personal is not None else None}
        batch = self._batch(case, letter)
        return Draft(
            payload=batch,
            message=letter.text,
            subject=letter.subject,
            variant=variant,
            letter=self._parts(batch),
            extra={name: value for name, value in extra.items() if value is not None},
        )

    async def perform(self, case: Case, draft: Draft | None, record: Record, gate: Gate) -> Outcome:
        """One request for one letter; it is found again by the key that travels with it."""

        async def send() -> str | None:
            return await self._mail.send(payload_of(draft))

        return await perform(self._db, case, send, self._mail.find, record, gate, self._search_settles)

    async def _facts(self, case: Case) -> dict[str, Any]:
        template = case.touch.step.template
        async with self._db.transaction() as tx:
            facts = await gather(tx, template, case.contractor, case.campaign, case.enrollment, case.now)
            meeting = await tx.outreach.meeting(case.touch.meeting_id)
        if meeting is not None and meeting.scheduled_at is not None:
            place = ZoneInfo(case.contractor.timezone or "UTC")
            facts["meeting"] = {
                "starts": meeting.scheduled_at.astimezone(place),
                "url": meeting.meeting_url,
                "minutes": meeting.duration_minutes,
            }
        facts["signature"] = case.mailbox.display_name if case.mailbox is not None else None
        facts["demo_url"] = await self._links.booking(case) if template in WITH_LINK else None
        return facts

    def _batch(self, case: Case, letter: Letter) -> MailBatch:
        to = self.address(case.contractor)
        if to is None:
            raise ValueError("a letter needs an address")
        box = case.mailbox
        return MailBatch(
            key=case.key,
            subject=letter.subject,
            text=letter.text,
            html=letter.html,
            recipients=[Recipient(to, arguments={"touchpoint_id": str(case.touchpoint.id)})],
            category=case.touch.step.template,
            sender=(box.address, box.display_name) if box is not None else None,
            reply_to=f"reply+{case.touchpoint.id.hex}@{self._inbound_domain}",
            unsubscribe_url=self._letters.unsubscribe_url(case.touchpoint.id),
            track=True,
        )

    def _parts(self, batch: MailBatch) -> LetterParts:
        """What CAN-SPAM wants, looked for in the letter itself rather than believed of its template."""
        sender = self._letters.sender
        postal, url = sender.postal_address.strip(), batch.unsubscribe_url or ""
        name = batch.sender[1] if batch.sender is not None else sender.name
        return LetterParts(
            postal_address=bool(postal) and postal in batch.text,
            unsubscribe_link=bool(url) and url in batch.text and url in batch.html,
            one_click=bool(url),
            from_name=bool(name.strip()),
            subject=batch.subject,
        )


def arm_of(case: Case) -> str | None:
    """The arm of the template's A/B test: the winner once there is one, else this contractor's own."""
    tests = case.campaign.experiments or {}
    test = tests.get(case.touch.step.template)
    winner = test.get("winner") if isinstance(test, dict) else None
    key = f"{case.touch.campaign_id}|{case.touch.contractor_id}|{case.touch.step.template}"
    return choose(key, case.touch.step.variants, winner)


def _because(case: Case) -> str:
    place = _place(case.contractor, case.campaign)
    return BECAUSE[case.touch.purpose].format(company=" ".join(case.contractor.company_name.split()), place=place)


def _place(contractor: Contractor, campaign: OutreachCampaign) -> str:
    city = contractor.city or campaign.target_city
    return f" in {city}" if city else ""
