"""Calls by the AI voice."""

from decimal import Decimal

from activities.effects import Gate, Outcome, Record
from activities.outreach.calls import Calls
from activities.outreach.channels.base import Case, Draft
from activities.outreach.facts import about, first_name
from activities.outreach.personal import facts_of
from activities.outreach.scripts import CallFacts, call_script
from domain.contact_points import us_phone
from integrations.calls import CallScript
from schema.database import Database
from schema.tables import Contractor

NOTHING_SAID = CallScript(first_message="", system_prompt="", voice_id="")
"""The script of a call that is only looked for: it is never placed."""


class CallSender:
    """A call with a script made for this contractor."""

    price: Decimal | None = None

    def __init__(self, db: Database, calls: Calls, company: str, voice_id: str) -> None:
        self._db = db
        self._calls = calls
        self._company = company
        self._voice_id = voice_id

    def address(self, contractor: Contractor) -> str | None:
        """The contractor's number."""
        return us_phone(contractor.phone)

    async def compose(self, case: Case) -> Draft:
        """The script; what it claims is counted now. The price is known when the call is over."""
        facts = about(case.contractor, case.campaign)
        city, state = facts["city"], facts["state"]
        contractors = 0
        if city and state:
            async with self._db.transaction() as tx:
                contractors = (await tx.market_facts.market(city, state, case.now)).contractors
        script = call_script(
            case.touch.step.template,
            CallFacts(
                our_company=self._company,
                company=case.contractor.company_name,
                city=city or "your area",
                first_name=first_name(case.contractor.owner_name),
                contractors_in_area=contractors,
                facts=facts_of(case.contractor),
            ),
            self._voice_id,
        )
        return Draft(payload=script, message=script.first_message)

    async def perform(self, case: Case, draft: Draft | None, record: Record, gate: Gate) -> Outcome:
        """One request for one call; its row in `ai_call_logs` is there with the record."""
        to = self.address(case.contractor) or ""
        script = draft.payload if draft is not None else NOTHING_SAID
        return await self._calls.place(case.touchpoint.id, case.key, to, script, record=record, gate=gate)
