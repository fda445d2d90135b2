"""Twilio: what became of our texts, and texts to us. Both are signed over the public address and the form."""

from datetime import UTC, datetime

from fastapi import APIRouter, Request, Response

from activities.inbox.readers import TWILIO, TWILIO_INBOUND, twilio_inbound, twilio_status
from api.middleware import MAX_BODY_BYTES
from api.resources import Injected, Resources
from api.webhooks.receiving import form_fields, receive, refuse
from integrations.webhooks import TWILIO_SIGNATURE, WebhookRefused, verify_twilio

router = APIRouter(prefix="/webhooks/twilio", tags=["webhooks"])

EMPTY_ANSWER = '<?xml version="1.0" encoding="UTF-8"?><Response></Response>'
"""TwiML for: say nothing. STOP and HELP are answered by the carrier."""


@router.post("/status", status_code=204)
async def twilio_status_callback(request: Request, resources: Injected) -> Response:
    """How a text of ours fares."""
    fields = await _believed(request, resources, TWILIO)
    return await receive(resources, TWILIO, twilio_status(fields, request.query_params, datetime.now(UTC)))


@router.post("/inbound")
async def twilio_inbound_message(request: Request, resources: Injected) -> Response:
    """A text to us; answered with nothing to say."""
    fields = await _believed(request, resources, TWILIO_INBOUND)
    await receive(resources, TWILIO_INBOUND, twilio_inbound(fields, datetime.now(UTC)))
    return Response(EMPTY_ANSWER, media_type="text/xml")


async def _believed(request: Request, resources: Resources, source: str) -> list[tuple[str, str]]:
    """The form, once Twilio's signature over it and over our public address holds."""
    settings = resources.settings
    fields = await form_fields(request, MAX_BODY_BYTES)
    query = f"?{request.url.query}" if request.url.query else ""
    url = settings.public_url.rstrip("/") + request.url.path + query
    try:
        verify_twilio(
            url,
            fields,
            request.headers.get(TWILIO_SIGNATURE, ""),
            settings.twilio_auth_token.get_secret_value(),
        )
    except WebhookRefused as refusal:
        raise await refuse(resources, source, refusal) from refusal
    return fields
