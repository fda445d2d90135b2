"""SendGrid: what became of our messages (ECDSA-signed), and mail to us (a secret in the address)."""

from datetime import UTC, datetime, timedelta

from fastapi import APIRouter, Request, Response

from activities.inbox.readers import SENDGRID, SENDGRID_INBOUND, sendgrid_events, sendgrid_inbound
from api.middleware import INBOUND_MAIL_BYTES
from api.resources import Injected
from api.webhooks.receiving import form_fields, receive, refuse
from integrations.webhooks import WebhookRefused, verify_sendgrid, verify_token

router = APIRouter(prefix="/webhooks/sendgrid", tags=["webhooks"])


@router.post("/events", status_code=204)
async def sendgrid_event_webhook(request: Request, resources: Injected) -> Response:
    """A batch of delivered, opened, clicked, bounced, complained and unsubscribed."""
    settings, now, body = resources.settings, datetime.now(UTC), await request.body()
    tolerance = timedelta(seconds=settings.webhook_tolerance_seconds)
    try:
        verify_sendgrid(body, request.headers, settings.sendgrid_webhook_public_key, now, tolerance)
    except WebhookRefused as refusal:
        raise await refuse(resources, SENDGRID, refusal) from refusal
    return await receive(resources, SENDGRID, sendgrid_events(body, now))


@router.post("/inbound/{token}", status_code=204)
async def sendgrid_inbound_parse(token: str, request: Request, resources: Injected) -> Response:
    """One e-mail to us. The secret is checked before a byte of the message is read; attachments are left unread."""
    try:
        verify_token(token, resources.settings.sendgrid_inbound_token.get_secret_value())
    except WebhookRefused as refusal:
        raise await refuse(resources, SENDGRID_INBOUND, refusal) from refusal
    fields = await form_fields(request, INBOUND_MAIL_BYTES)
    return await receive(resources, SENDGRID_INBOUND, sendgrid_inbound(fields, datetime.now(UTC)))
