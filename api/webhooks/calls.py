"""Vapi and Bland.ai: how calls go and what they came to."""

from datetime import UTC, datetime, timedelta

from fastapi import APIRouter, Request, Response

from activities.inbox.readers import BLAND, VAPI, bland_call, vapi_message
from api.resources import Injected
from api.webhooks.receiving import receive, refuse
from integrations.webhooks import WebhookRefused, verify_bland, verify_vapi

router = APIRouter(prefix="/webhooks", tags=["webhooks"])


@router.post("/vapi", status_code=204)
async def vapi_webhook(request: Request, resources: Injected) -> Response:
    """A server message of Vapi; only a call's progress and its report are kept."""
    settings, now, body = resources.settings, datetime.now(UTC), await request.body()
    tolerance = timedelta(seconds=settings.webhook_tolerance_seconds)
    try:
        verify_vapi(body, request.headers, settings.vapi_webhook_secret.get_secret_value(), now, tolerance)
    except WebhookRefused as refusal:
        raise await refuse(resources, VAPI, refusal) from refusal
    return await receive(resources, VAPI, vapi_message(body, now))


@router.post("/bland", status_code=204)
async def bland_webhook(request: Request, resources: Injected) -> Response:
    """Bland's report of a call."""
    body = await request.body()
    try:
        verify_bland(body, request.headers, resources.settings.bland_webhook_secret.get_secret_value())
    except WebhookRefused as refusal:
        raise await refuse(resources, BLAND, refusal) from refusal
    return await receive(resources, BLAND, bland_call(body, datetime.now(UTC)))
