"""Tells matched contractors of a lead: one batch, one effect, whatever crashes in between."""

from collections.abc import Sequence
from decimal import Decimal
from uuid import UUID

import structlog

from activities.effects import Outcome, perform_once
from activities.messaging.letters import UNSUBSCRIBE_TAG, LeadPreview, Letters
from activities.metering import charged_to
from integrations.sendgrid_mail import MAX_RECIPIENTS, MailBatch, Recipient, SendGridMail, unsubscribe_headers
from schema.contracts.base import LeadStatus
from schema.contracts.property import NotifySummary, Reason
from schema.database import Database, UnitOfWork
from schema.effects import EffectState
from schema.repositories.leads import street_of, value_range
from schema.repositories.notifications import PendingEmail
from schema.tables import BaseLead, RoofAnalysis

log = structlog.get_logger()

KIND = "notify_contractors"
CATEGORY = "new_lead"

NOTIFICATION_STATES = {
    EffectState.DONE: "sent",
    EffectState.UNKNOWN: "unknown",
    EffectState.FAILED: "failed",
}


def effect_key(lead_id: UUID) -> str:
    """The ledger's key for telling contractors of this lead."""
    return f"notify-{lead_id}"


class LeadNotices:
    """Loads what is pending for a lead, sends it once, records how it went."""

    def __init__(self, db: Database, mail: SendGridMail, letters: Letters) -> None:
        self._db = db
        self._mail = mail
        self._letters = letters

    async def send(self, lead_id: UUID) -> NotifySummary:
        """Sends the pending e-mails of a published lead, except to suppressed addresses."""
        async with self._db.transaction() as tx:
            lead = await tx.leads.get(lead_id)
            analysis = await tx.analyses.current(lead_id)
            pending = await tx.notifications.pending_emails(lead_id, limit=MAX_RECIPIENTS)
            refused = [notice.notification_id for notice in pending if notice.suppressed]
            await tx.notifications.settle_emails(refused, "failed", reason="suppressed")
        due = [notice for notice in pending if not notice.suppressed]
        if due and lead is not None and lead.status == LeadStatus.AVAILABLE.value:
            await self._announce(lead, analysis, due)
        return await self._summary(lead_id)

    async def _announce(self, lead: BaseLead, analysis: RoofAnalysis | None, due: Sequence[PendingEmail]) -> None:
        letter = self._letters.new_lead(preview_of(lead, analysis))
        batch = MailBatch(
            key=effect_key(lead.id),
            subject=letter.subject,
            text=letter.text,
            html=letter.html,
            recipients=[self._recipient(notice) for notice in due],
            category=CATEGORY,
        )
        with charged_to(lead.id):
            outcome = await perform_once(
                self._db,
                batch.key,
                KIND,
                lead.id,
                effect=lambda: self._mail.send(batch),
                find=self._mail.find,
                record=lambda tx, outcome: _record(tx, due, outcome),
            )
        if not outcome.fresh:
            # The batch went out before; these were matched later, and a lead is announced once.
            log.info("lead was announced before", lead_id=str(lead.id), not_told=len(due))

    def _recipient(self, notice: PendingEmail) -> Recipient:
        unsubscribe_url = self._letters.unsubscribe_url(notice.notification_id)
        return Recipient(
            email=notice.email,
            arguments={"notification_id": str(notice.notification_id)},
            substitutions={UNSUBSCRIBE_TAG: unsubscribe_url},
            headers=unsubscribe_headers(unsubscribe_url),
        )

    async def _summary(self, lead_id: UUID) -> NotifySummary:
        """From the rows, so that a retry after everything was done says the same."""
        async with self._db.transaction() as tx:
            states = await tx.notifications.email_states(lead_id)
        failed = states.get("failed_delivery", 0)
        return NotifySummary(
            notified=states.get("sent", 0) + states.get("read", 0),
            unknown=states.get("unknown", 0),
            reason=Reason.NOTIFICATION_FAILED if failed else None,
        )


def preview_of(lead: BaseLead, analysis: RoofAnalysis | None) -> LeadPreview:
    """What of a lead a contractor may see before buying."""
    return LeadPreview(
        lead_id=lead.id,
        street=street_of(lead.address).title(),
        city=lead.city.title(),
        state=lead.state,
        value_range=value_range(lead.property_value),
        score=lead.quality_score or 0,
        grade=lead.grade or "F",
        price=lead.price or Decimal(0),
        condition=analysis.overall_condition if analysis else None,
    )


async def _record(tx: UnitOfWork, due: Sequence[PendingEmail], outcome: Outcome) -> None:
    ids = [notice.notification_id for notice in due]
    await tx.notifications.settle_emails(ids, NOTIFICATION_STATES[outcome.state], external_id=outcome.external_id)
