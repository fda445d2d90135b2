"""Letters about a subscription, each once.

They belong to a business relationship: somebody who wants no advertising gets them all the same. Nobody gets
them at an address that bounces or complained.
"""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from activities.effects import perform_once
from domain.matching import Tier
from domain.subscriptions import DUNNING, GUARANTEE_AFTER, PLANS, DunningStep
from integrations.http import VendorError
from integrations.sendgrid_mail import MailBatch, Recipient, SendGridMail
from schema.contracts.onboarding import LetterOutcome, LetterResult, SubscriptionLetter, SubscriptionLetterKind
from schema.database import Database, UnitOfWork
from schema.effects import EffectState
from schema.repositories.billing import LetterAddress
from schema.tables import Subscription, SubscriptionPeriod

if TYPE_CHECKING:
    from activities.messaging.letters import Letters
    from integrations.calendly import Calendly

CATEGORY = "subscription"
BECAUSE = "You get this because your company has a subscription with us."
GUARANTEE = (
    f"If fewer than one in five of a month's leads become jobs, you get back what you paid for that month. We look at "
    f"it {GUARANTEE_AFTER.days} days after the month has ended."
)
OUTCOMES = {
    EffectState.DONE: LetterOutcome.SENT,
    EffectState.UNKNOWN: LetterOutcome.UNKNOWN,
    EffectState.FAILED: LetterOutcome.FAILED,
}
LAST_REMINDER = sum(step.step is DunningStep.REMIND for step in DUNNING)
ENDS_AFTER = next(step.after for step in DUNNING if step.step is DunningStep.CANCEL)


class Correspondence:
    """Loads the facts of a letter and sends it."""

    def __init__(self, db: Database, mail: SendGridMail, letters: "Letters", calendar: "Calendly") -> None:
        self._db = db
        self._mail = mail
        self._letters = letters
        self._calendar = calendar

    async def send(self, letter: SubscriptionLetter) -> LetterResult:
        """Sends the letter unless it has gone out before."""
        async with self._db.transaction() as tx:
            to = await tx.billing.address(letter.contractor_id)
            row = await tx.billing.get(letter.subscription_id)
            if to is None or row is None or not to.email:
                return LetterResult(outcome=LetterOutcome.NO_ADDRESS)
            facts = await self._facts(tx, letter, row, to)
        if not to.reachable:
            return LetterResult(outcome=LetterOutcome.UNREACHABLE)
        if letter.kind is SubscriptionLetterKind.TRAINING_CALL:
            facts["demo_url"] = await self._time_to_choose(letter)
        words = self._letters.render(letter.kind.value, facts, because=BECAUSE)
        batch = MailBatch(
            key=effect_key(letter),
            subject=words.subject,
            text=words.text,
            html=words.html,
            recipients=[Recipient(to.email, {"subscription_id": str(row.id)})],
            category=CATEGORY,
        )
        outcome = await perform_once(
            self._db,
            batch.key,
            "subscription_letter",
            letter.contractor_id,
            effect=lambda: self._mail.send(batch),
            find=self._mail.find,
        )
        return LetterResult(outcome=OUTCOMES[outcome.state])

    async def _facts(
        self, tx: UnitOfWork, letter: SubscriptionLetter, row: Subscription, to: LetterAddress
    ) -> dict[str, Any]:
        plan = PLANS[Tier(row.tier)]
        period = await tx.billing.period(letter.period_id) if letter.period_id else None
        facts: dict[str, Any] = {
            "company": to.company,
            "plan": plan.tier.capitalize(),
            "leads_per_month": plan.allowance,
            "app_url": f"{self._letters.sender.public_url.rstrip('/')}/leads",
            "payment_url": tx.vault.decrypt(row.payment_url) if row.payment_url else None,
        }
        match letter.kind:
            case SubscriptionLetterKind.WELCOME:
                facts |= {"first_leads": letter.leads or None, "guarantee": GUARANTEE}
            case SubscriptionLetterKind.PAYMENT_FAILED:
                facts |= _reminder(letter, row, plan.fee)
            case SubscriptionLetterKind.SUBSCRIPTION_ENDED:
                facts |= {"ended": row.canceled_at or row.period_end or row.updated_at, "unpaid": row.reason}
            case SubscriptionLetterKind.REFUND if period is not None:
                facts |= await _refund(tx, letter, period)
            case SubscriptionLetterKind.RECEIPT if period is not None:
                facts |= {"amount": period.paid, "period": _span(period), "invoice": period.stripe_invoice_id}
            case _:
                pass
        return facts

    async def _time_to_choose(self, letter: SubscriptionLetter) -> str | None:
        """A page to pick a time for the call; the letter does without where the calendar does not answer."""
        if not self._calendar.event_type:
            return None
        try:
            return await self._calendar.scheduling_link(effect_key(letter))
        except VendorError:
            return None


def effect_key(letter: SubscriptionLetter) -> str:
    """The ledger's key of a letter."""
    return f"letter-{letter.subscription_id}-{letter.kind.value}-{letter.number}"


def _reminder(letter: SubscriptionLetter, row: Subscription, fee: Decimal) -> dict[str, Any]:
    since: datetime = row.past_due_since or row.updated_at
    number = letter.number.rpartition("-")[2]
    return {
        "amount": fee,
        "deadline": since + ENDS_AFTER,
        "last_attempt": number.isdigit() and int(number) + 1 >= LAST_REMINDER,
    }


async def _refund(tx: UnitOfWork, letter: SubscriptionLetter, period: SubscriptionPeriod) -> dict[str, Any]:
    reason = letter.number.partition("-")[0]
    amount, _ = await tx.billing.refund_sums(period.id, reason)
    unused = max(period.allowance - period.used, 0)
    return {"amount": amount, "period": _span(period), "unused": unused, "for_guarantee": reason == "guarantee"}


def _span(period: SubscriptionPeriod) -> str:
    last = (period.ended_at or period.ends_at) - timedelta(seconds=1)
    return f"{period.starts_at:%B} {period.starts_at.day}, {period.starts_at:%Y} to {last:%B} {last.day}, {last:%Y}"
