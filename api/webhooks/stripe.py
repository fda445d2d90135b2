"""Stripe: invoices paid or not, subscriptions changed and ended. An event only says where to look."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from fastapi import APIRouter, Request, Response

from activities.subscriptions.webhooks import SOURCE, StripeNotice, UnreadableEvent, notice_of
from api.onboarding import signal_onboarding
from api.problems import ApiProblem, Code
from api.resources import Injected, Resources
from api.webhooks.receiving import refuse
from integrations.webhooks import WebhookRefused, verify_stripe
from schema.contracts.inbox import Fact, FactKind
from schema.database import UnitOfWork
from schema.repositories.inbox import Incoming

router = APIRouter(prefix="/webhooks", tags=["webhooks"])

NOT_OURS = "no_subscription_minds"


@router.post("/stripe", status_code=204)
async def stripe_webhook(request: Request, resources: Injected) -> Response:
    """One event. It is answered once its subscription knows; Stripe sends again what was not answered."""
    settings, now, body = resources.settings, datetime.now(UTC), await request.body()
    tolerance = timedelta(seconds=settings.webhook_tolerance_seconds)
    secret = settings.stripe_webhook_secret.get_secret_value()
    try:
        verify_stripe(body, request.headers, secret, now, tolerance)
    except WebhookRefused as refusal:
        raise await refuse(resources, SOURCE, refusal) from refusal
    try:
        notice = notice_of(body)
    except UnreadableEvent as failure:
        raise ApiProblem(Code.BAD_REQUEST) from failure
    await _receive(resources, notice)
    return Response(status_code=204)


async def _receive(resources: Resources, notice: StripeNotice) -> None:
    """Stores the event, tells the subscription's workflow, and notes that it was told: each time it is needed."""
    fact = Fact(kind=FactKind.NOTHING, at=notice.at, reason=notice.event_type)
    async with resources.database.transaction() as tx:
        await tx.inbox.store(SOURCE, [Incoming(notice.event_id, notice.event_type, fact)])
        item = await tx.billing.unfinished_webhook(notice.event_id)
        contractor_id = await _whose(tx, notice)
        if item is not None and (contractor_id is None or notice.event is None):
            await tx.inbox.ignore(item, NOT_OURS)
    if item is None or contractor_id is None or notice.event is None:
        return
    await signal_onboarding(resources, contractor_id, "event", notice.event)
    async with resources.database.transaction() as tx:
        await tx.inbox.settle((item,))


async def _whose(tx: UnitOfWork, notice: StripeNotice) -> UUID | None:
    """The contractor: who we know the customer as, else who our own label names, if there is a subscription."""
    found = await tx.billing.contractor_of(notice.customer) if notice.customer else None
    if found is None and notice.contractor_id is not None:
        row = await tx.billing.of_contractor(notice.contractor_id)
        found = row.contractor_id if row else None
    return found
