"""A contractor's profile completed: website, e-mail, kind of phone line (spec 3.6.2).

Each step stores what it found before the next one starts, so that a retry repeats nothing that was paid for.
What cannot be had costs a reason, never the activity.
"""

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from temporalio.exceptions import ApplicationError

from activities.attempts import worth_retrying
from activities.metering import CONTRACTOR, charged_to
from domain.companies import HUNTER, PERSON, PREFERENCE, WEBSITE, email_domain, fill, website_key
from domain.contact_points import us_phone
from domain.websites import SiteFindings, read_site, size_range
from integrations.http import VendorError, VendorRejected, VendorUnavailable
from integrations.hunter import HunterFinder
from integrations.twilio_messaging import TwilioMessaging
from integrations.websites import Websites
from integrations.zerobounce import Deliverability, ZeroBounceVerifier
from schema.contracts.outreach import ProfileSummary
from schema.database import Database, UnitOfWork
from schema.tables.contractors import Contractor

SITE_FRESH = timedelta(hours=1)
"""A site read this lately is not read again: it is the same enrichment, tried once more."""
FINDER_FRESH = timedelta(days=90)
"""How long Hunter's paid answer is used again."""
MAX_TRIES = 3
"""Addresses of one source that are verified at most."""
UNVERIFIED_LICENCE = "unverified"
"""A licence number that the contractor's own site tells; only a state's board makes it valid (spec 3.6.3)."""

STATUS_OF = {Deliverability.DELIVERABLE: "valid", Deliverability.RISKY: "unknown"}
"""What `contractors.email_status` says of an address that may be written to."""


@dataclass
class Profile:
    """One enrichment as it goes; `row` is the contractor as last stored."""

    row: Contractor
    reasons: list[str] = field(default_factory=list)
    website_read: bool = False

    @property
    def sources(self) -> Mapping[str, Any]:
        """What was learnt from whom so far."""
        return self.row.sources or {}

    @property
    def origin(self) -> Mapping[str, str]:
        """Who said each column."""
        found: Mapping[str, str] = self.sources.get("fields", {})
        return found


class Enrichment:
    """Completes profiles."""

    def __init__(
        self,
        db: Database,
        websites: Websites,
        finder: HunterFinder,
        verifier: ZeroBounceVerifier,
        lines: TwilioMessaging,
        clock: Callable[[], datetime],
    ) -> None:
        self._db = db
        self._websites = websites
        self._finder = finder
        self._verifier = verifier
        self._lines = lines
        self._clock = clock

    async def run(self, contractor_id: UUID) -> ProfileSummary:
        """Website, e-mail, phone line, in this order: each may need what the one before found."""
        async with self._db.transaction() as tx:
            row = await tx.contractors.get(contractor_id)
        if row is None:
            raise ApplicationError("no such contractor", type="UnknownContractor", non_retryable=True)
        profile = Profile(row)
        with charged_to(contractor_id, CONTRACTOR):
            await self._read_site(profile)
            await self._find_email(profile)
            await self._learn_line(profile)
        async with self._db.transaction() as tx:
            await tx.discovery.save(contractor_id, enriched_at=self._clock())
            await tx.events.record("contractor.enriched", "contractor", contractor_id, {"reasons": profile.reasons})
        return ProfileSummary(
            website_read=profile.website_read,
            email_found=profile.row.email is not None and profile.row.email_status != "invalid",
            phone_kind=profile.row.phone_kind,
            reason=profile.reasons[0] if profile.reasons else None,
        )

    # The website

    async def _read_site(self, profile: Profile) -> None:
        url = profile.row.website
        before = profile.sources.get(WEBSITE, {})
        if not url:
            profile.reasons.append("no_website")
        elif self._is_fresh(before.get("read_at"), SITE_FRESH):
            profile.website_read = "failure" not in before
            profile.reasons += [before["failure"]] if "failure" in before else []
        else:
            await self._read(profile, url)

    async def _read(self, profile: Profile, url: str) -> None:
        now = self._clock()
        try:
            pages = await self._websites.read(url)
        except VendorError as failure:
            # A site that is down is down for us: to try again is not worth what it delays.
            reason = _site_reason(failure)
            profile.reasons.append(reason)
            await self._learn(profile, {}, WEBSITE, {"read_at": now.isoformat(), "failure": reason})
            return
        findings = read_site(pages, profile.row.company_name, now.year)
        notes = {
            "read_at": now.isoformat(),
            "pages": len(pages),
            "emails": list(findings.emails),
            "evidence": dict(findings.evidence),
        }
        await self._learn(profile, _columns(findings, profile.row.state), WEBSITE, notes)
        profile.website_read = True

    # The e-mail address

    async def _find_email(self, profile: Profile) -> None:
        if profile.row.email and profile.origin.get("email", PERSON) == PERSON:
            return
        async for source, email in self._candidates(profile):
            verdict = await self._verify(profile, email)
            if verdict is Deliverability.UNDELIVERABLE:
                continue
            status = STATUS_OF.get(verdict) if verdict else None
            await self._take(profile, email, source, status)
            return
        if profile.row.email:
            await self._take(profile, profile.row.email, profile.origin["email"], "invalid")
        profile.reasons.append("email_not_found")

    async def _take(self, profile: Profile, email: str, source: str, status: str | None) -> None:
        """Make this the contractor's address unless a person gave another one meanwhile."""
        async with self._db.transaction() as tx:
            row = await _locked(tx, profile.row.id)
            sources = row.sources or {}
            origin = sources.get("fields", {})
            if not row.email or origin.get("email", PERSON) != PERSON:
                await tx.discovery.save(
                    row.id,
                    email=email,
                    email_domain=email_domain(email),
                    email_status=status,
                    sources={**sources, "fields": {**origin, "email": source}},
                )
            profile.row = await _locked(tx, row.id)

    async def _candidates(self, profile: Profile) -> AsyncIterator[tuple[str, str]]:
        """Addresses of the site before paid ones: a company's own word is free and more reliable (spec 3.6.2)."""
        for email in profile.sources.get(WEBSITE, {}).get("emails", ())[:MAX_TRIES]:
            yield WEBSITE, email
        for email in (await self._ask_hunter(profile))[:MAX_TRIES]:
            yield HUNTER, email

    async def _ask_hunter(self, profile: Profile) -> list[str]:
        before = profile.sources.get(HUNTER, {})
        if self._is_fresh(before.get("asked_at"), FINDER_FRESH):
            return list(before.get("emails", ()))
        try:
            found = await self._finder.company(domain=_domain(profile.row), company=profile.row.company_name)
        except VendorError as failure:
            if worth_retrying(failure):
                raise
            profile.reasons.append("contact_vendor_unavailable")
            return []
        emails = [each.email.lower() for each in found]
        await self._learn(profile, {}, HUNTER, {"asked_at": self._clock().isoformat(), "emails": emails})
        return emails

    async def _verify(self, profile: Profile, email: str) -> Deliverability | None:
        """What ZeroBounce says, or None when it cannot be asked."""
        try:
            return await self._verifier.verify(email)
        except VendorError as failure:
            if worth_retrying(failure):
                raise
            if "verifier_unavailable" not in profile.reasons:
                profile.reasons.append("verifier_unavailable")
            return None

    # The phone line

    async def _learn_line(self, profile: Profile) -> None:
        phone = us_phone(profile.row.phone)
        if phone is None or profile.row.phone_kind is not None:
            return
        try:
            kind = await self._lines.lookup(phone)
        except VendorError as failure:
            if worth_retrying(failure):
                raise
            profile.reasons.append("lookup_unavailable")
            return
        async with self._db.transaction() as tx:
            await tx.discovery.save(profile.row.id, phone_kind=kind.value)
        profile.row.phone_kind = kind.value

    # Storing

    async def _learn(self, profile: Profile, values: Mapping[str, Any], source: str, notes: Mapping[str, Any]) -> None:
        """Write what `source` says where its word counts, and the notes on the visit to it."""
        async with self._db.transaction() as tx:
            row = await _locked(tx, profile.row.id)
            sources = row.sources or {}
            held = {name: getattr(row, name) for name in PREFERENCE}
            changes, origin = fill(held, sources.get("fields", {}), values, dict.fromkeys(values, source))
            if "phone" in changes and changes["phone"] != row.phone:
                changes["phone_kind"] = None
            changes["sources"] = {**sources, "fields": origin, source: {**sources.get(source, {}), **notes}}
            if "read_at" in notes and "failure" not in notes:
                changes["sources"][source].pop("failure", None)
            await tx.discovery.save(row.id, **changes)
            profile.row = await _locked(tx, row.id)

    def _is_fresh(self, moment: str | None, age: timedelta) -> bool:
        return moment is not None and self._clock() - datetime.fromisoformat(moment) < age


async def _locked(tx: UnitOfWork, contractor_id: UUID) -> Contractor:
    row = await tx.discovery.locked(contractor_id)
    if row is None:
        raise ApplicationError("no such contractor", type="UnknownContractor", non_retryable=True)
    return row


def _site_reason(failure: VendorError) -> str:
    if isinstance(failure, VendorUnavailable):
        return "website_unreachable"
    return "website_refused" if isinstance(failure, VendorRejected) else "website_unreadable"


def _columns(findings: SiteFindings, state: str | None) -> dict[str, Any]:
    """What a site tells, by column; what it does not tell is left out."""
    phone = next(filter(None, map(us_phone, findings.phones)), None)
    licence = findings.license_number
    columns: dict[str, Any] = {
        "phone": phone,
        "services_offered": list(findings.services),
        "roof_types": list(findings.roof_types),
        "certifications": list(findings.certifications),
        "insurance_types": list(findings.insurance),
        "years_in_business": findings.years,
        "employee_count_range": size_range(findings.employees) if findings.employees else None,
        "license_number": licence,
        "license_state": state if licence else None,
        "license_status": UNVERIFIED_LICENCE if licence else None,
        "social_media": dict(findings.social),
        "linkedin_url": findings.social.get("linkedin"),
    }
    return {name: value for name, value in columns.items() if value not in (None, [], {})}


def _domain(row: Contractor) -> str | None:
    """The company's own domain; None for a page on somebody else's host."""
    key = website_key(row.website)
    return key if key and "/" not in key and ":" not in key else None
