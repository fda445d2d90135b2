"""Texts through Twilio: one part of 160 characters, with a link by which it is found again (spec 3.6.4, channel 3)."""

from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import urlencode

from activities.effects import Gate, Outcome, Record
from activities.messaging.letters import Letters
from activities.outreach.channels.base import SEARCH_SETTLES, Case, Draft, Unsendable, payload_of, perform
from activities.outreach.facts import about
from activities.outreach.links import LINK, Links
from activities.outreach.opt_out import opt_out
from domain.contact_points import us_phone
from domain.texts import fits_one_sms, typewritten
from integrations.http import VendorRejected
from integrations.twilio_messaging import PRICE_PER_SMS, Sms, TwilioMessaging
from schema.database import Database, UnitOfWork
from schema.repositories.people import EVERY_CHANNEL
from schema.tables import Contractor

SOURCE = "carrier"
"""The recipient answered STOP to the carrier, and we learn of it by its refusal."""
STATUS_PATH = "/webhooks/twilio/status"
FEWEST_WORDS = 1


class SmsSender:
    """A text with a short link of its own."""

    price = PRICE_PER_SMS

    def __init__(
        self,
        db: Database,
        twilio: TwilioMessaging,
        letters: Letters,
        links: Links,
        public_url: str,
        search_settles: timedelta = SEARCH_SETTLES,
    ) -> None:
        self._db = db
        self._twilio = twilio
        self._letters = letters
        self._links = links
        self._public_url = public_url.rstrip("/")
        self._search_settles = search_settles

    def address(self, contractor: Contractor) -> str | None:
        """The contractor's number."""
        return us_phone(contractor.phone)

    async def compose(self, case: Case) -> Draft:
        """The longest form that fits one text: the company's name is what gives way."""
        link = await self._links.sure(case)
        if link is None:
            raise Unsendable("no_link")
        body = self._body(case)
        return Draft(payload=self._sms(case, body), message=body, extra={LINK: link})

    async def perform(self, case: Case, draft: Draft | None, record: Record, gate: Gate) -> Outcome:
        """One request for one text; it is found again by its number and words, which hold a link of its own."""
        body = case.touchpoint.message
        stopped = False

        async def send() -> str | None:
            nonlocal stopped
            try:
                return await self._twilio.send(payload_of(draft))
            except VendorRejected as refusal:
                stopped = getattr(refusal, "unsubscribed", False)
                raise

        async def find(_: str) -> str | None:
            return await self._twilio.find(self._sms(case, body)) if body else None

        async def recorded(tx: UnitOfWork, outcome: Outcome) -> None:
            if stopped:
                await opt_out(tx, case.contractor.id, EVERY_CHANNEL, SOURCE)
            await record(tx, outcome)

        return await perform(self._db, case, send, find, recorded, gate, self._search_settles)

    def _body(self, case: Case) -> str:
        facts = about(case.contractor, case.campaign) | {"demo_url": self._links.short(case)}
        for company, city in _shorter(facts["company"], facts["city"]):
            text = typewritten(self._letters.text(case.touch.step.template, facts | {"company": company, "city": city}))
            if fits_one_sms(text):
                return text
        raise Unsendable("too_long")

    def _sms(self, case: Case, body: str) -> Sms:
        to = self.address(case.contractor)
        if to is None:
            raise Unsendable("no_address")
        query = urlencode({"touchpoint": str(case.touchpoint.id)})
        return Sms(
            key=case.key,
            to=to,
            body=body,
            sent_after=case.touchpoint.created_at,
            status_callback=f"{self._public_url}{STATUS_PATH}?{query}",
        )


def _shorter(company: str, city: str | None) -> Iterator[tuple[str | None, str | None]]:
    """Company and city, with less and less of the company's name, at last without either."""
    words = company.split()
    for count in range(len(words), FEWEST_WORDS - 1, -1):
        yield " ".join(words[:count]), city
    yield None, city
    yield None, None
