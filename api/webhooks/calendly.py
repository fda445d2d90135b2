"""Calendly: demos booked, cancelled, missed."""

from datetime import UTC, datetime, timedelta

from fastapi import APIRouter, Request, Response

from activities.inbox.readers import CALENDLY, calendly_event
from api.resources import Injected
from api.webhooks.receiving import receive, refuse
from integrations.webhooks import WebhookRefused, verify_calendly

router = APIRouter(prefix="/webhooks", tags=["webhooks"])


@router.post("/calendly", status_code=204)
async def calendly_webhook(request: Request, resources: Injected) -> Response:
    """An invitee booked, cancelled or did not come."""
    settings, now, body = resources.settings, datetime.now(UTC), await request.body()
    tolerance = timedelta(seconds=settings.webhook_tolerance_seconds)
    key = settings.calendly_webhook_signing_key.get_secret_value()
    try:
        verify_calendly(body, request.headers, key, now, tolerance)
    except WebhookRefused as refusal:
        raise await refuse(resources, CALENDLY, refusal) from refusal
    return await receive(resources, CALENDLY, calendly_event(body, now))
