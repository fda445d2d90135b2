"""The owner's e-mail and phone, free sources first, each e-mail verified (spec 3.2.1, 3.2.2)."""

from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid5

from activities.attempts import worth_retrying
from activities.enrichment.lookups import load
from activities.metering import charged_to
from domain.contact_points import us_phone
from domain.property_record import person_name
from integrations.http import VendorError
from integrations.hunter import PRICE_PER_SEARCH, FoundEmail, HunterFinder
from integrations.zerobounce import PRICE_PER_CHECK, Deliverability, ZeroBounceVerifier
from schema.contracts.property import ContactSummary, Reason
from schema.database import Database
from schema.repositories.leads import OwnerContact
from schema.tables.core import BaseLead

PUBLIC_RECORD, HUNTER, ZEROBOUNCE = "public_record", "hunter", "zerobounce"

ANSWER_FRESH = timedelta(days=90)
"""How long an answer we paid for is used again for the same question."""

PUBLIC_RECORD_CONFIDENCE = 80
UNVERIFIABLE_CONFIDENCE = 50
"""At most this (0-100) for an address whose server accepts anything, or would not say."""

JOBS = UUID("a8c7a1d0-93c5-4c55-8f0c-4b7a52f7d6a1")


@dataclass(frozen=True, slots=True)
class Candidate:
    """An e-mail address that may be the owner's, and who says so."""

    source: str
    email: str
    confidence: int


@dataclass
class Search:
    """One lead's search for contacts as it goes: what was tried, what was found, what went wrong."""

    job_id: UUID
    lead: BaseLead
    contact: OwnerContact
    tried: list[str]
    phone: str | None = None
    email: Candidate | None = None
    verified: bool = False
    reason: Reason | None = None


class OwnerContacts:
    """One search per lead is one `enrichment_jobs` row, with every answer we paid for."""

    def __init__(self, db: Database, finder: HunterFinder, verifier: ZeroBounceVerifier) -> None:
        self._db = db
        self._finder = finder
        self._verifier = verifier

    async def find(self, lead_id: UUID) -> ContactSummary:
        """Find, verify and store.

        Each answer a vendor is paid for is kept, encrypted, with the job before anything else happens, so
        that running twice asks and pays once. Only a crash between a vendor's answer and its storing
        repeats a question; it changes nothing outside but a few cents.
        """
        search = await self._open(lead_id)
        with charged_to(lead_id):
            search.phone = us_phone(search.contact.phone)
            async for candidate in self._candidates(search):
                if await self._accept(search, candidate):
                    break
        return await self._close(search)

    async def _open(self, lead_id: UUID) -> Search:
        row, contact = await load(self._db, lead_id)
        job_id = uuid5(JOBS, f"contacts/{lead_id}")
        async with self._db.transaction() as tx:
            await tx.jobs.start_enrichment(job_id, lead_id, "all")
        return Search(job_id, row, contact, [])

    async def _candidates(self, search: Search) -> AsyncIterator[Candidate]:
        """Addresses by source in the order of spec 3.2.1; a paid source is asked only if those before fail."""
        search.tried.append(PUBLIC_RECORD)
        if search.contact.email and search.lead.owner_email_source == "assessor":
            yield Candidate(PUBLIC_RECORD, search.contact.email, PUBLIC_RECORD_CONFIDENCE)
        found = await self._ask_hunter(search)
        if found is not None:
            search.phone = search.phone or us_phone(found.phone)
            if found.email:
                yield Candidate(HUNTER, found.email, found.confidence)

    async def _ask_hunter(self, search: Search) -> FoundEmail | None:
        name = person_name(search.contact.name or "")
        if name is None:
            return None
        search.tried.append(HUNTER)
        question = f"{name.first}|{name.last}"
        kept = await self._kept(search, HUNTER, question)
        if kept is not None:
            return FoundEmail(**kept["found"]) if kept["found"] else None
        try:
            found = await self._finder.find(name)
        except VendorError as failure:
            if worth_retrying(failure):
                raise
            search.reason = Reason.CONTACT_VENDOR_UNAVAILABLE
            return None
        answer = {"found": asdict(found) if found else None}
        async with self._db.transaction() as tx:
            await tx.jobs.save_answer(search.job_id, HUNTER, question, answer, PRICE_PER_SEARCH)
        return found

    async def _accept(self, search: Search, candidate: Candidate) -> bool:
        """Verify a candidate and take it unless mail to it would bounce."""
        verdict = await self._verify(search, candidate)
        if verdict is Deliverability.UNDELIVERABLE:
            if candidate.source == PUBLIC_RECORD:
                async with self._db.transaction() as tx:
                    await tx.leads.drop_email(search.lead.id)
            return False
        sure = verdict is Deliverability.DELIVERABLE
        confidence = candidate.confidence if sure else min(candidate.confidence, UNVERIFIABLE_CONFIDENCE)
        search.email, search.verified = replace(candidate, confidence=confidence), sure
        return True

    async def _verify(self, search: Search, candidate: Candidate) -> Deliverability | None:
        """What ZeroBounce says of the address, or None when it cannot be asked."""
        source = f"{ZEROBOUNCE}/{candidate.source}"
        kept = await self._kept(search, source, candidate.email)
        if kept is not None:
            return Deliverability(kept["verdict"])
        try:
            verdict = await self._verifier.verify(candidate.email)
        except VendorError as failure:
            if worth_retrying(failure):
                raise
            search.reason = Reason.VERIFIER_UNAVAILABLE
            return None
        async with self._db.transaction() as tx:
            answer = {"verdict": verdict.value}
            await tx.jobs.save_answer(search.job_id, source, candidate.email, answer, PRICE_PER_CHECK)
        return verdict

    async def _kept(self, search: Search, source: str, question: str) -> dict[str, Any] | None:
        async with self._db.transaction() as tx:
            return await tx.jobs.answer(search.job_id, source, question, ANSWER_FRESH)

    async def _close(self, search: Search) -> ContactSummary:
        email = search.email
        async with self._db.transaction() as tx:
            job = await tx.jobs.enrichment_job(search.job_id)
            await tx.leads.save_contact(
                search.lead.id,
                email=email.email if email else None,
                email_confidence=Decimal(email.confidence) if email else None,
                email_source=email.source if email else None,
                email_verified=search.verified,
                phone=search.phone,
                cost=(job.cost if job else None) or Decimal(0),
            )
            await tx.jobs.finish_enrichment(
                search.job_id,
                sources_tried=search.tried,
                successful_source=email.source if email else None,
                confidence=Decimal(email.confidence) if email else None,
                data_found=bool(email or search.phone),
                error=search.reason.value if search.reason else None,
            )
        reason = search.reason or (None if email or search.phone else Reason.CONTACT_NOT_FOUND)
        return ContactSummary(
            email_found=email is not None,
            email_verified=search.verified,
            phone_found=search.phone is not None,
            reason=reason,
        )
