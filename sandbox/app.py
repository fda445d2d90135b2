"""The sandbox's one web application: a path prefix per vendor, and /control."""

from urllib.parse import urlsplit

from fastapi import FastAPI

from sandbox import control
from sandbox.faults import FaultMiddleware, Faults
from sandbox.vendors import (
    assessor,
    bland,
    calendly,
    google,
    google_places,
    ollama,
    people,
    phone_control,
    portal,
    sendgrid,
    sendgrid_webhooks,
    stripe,
    twilio,
    twilio_webhooks,
    vapi,
    web,
    yelp,
)
from sandbox.world import World

BASE_URL_SETTINGS = {
    "google_maps_base_url": "/google",
    "hunter_base_url": "/hunter",
    "zerobounce_base_url": "/zerobounce",
    "sendgrid_base_url": "/sendgrid",
    "twilio_base_url": "/twilio",
    "twilio_lookups_base_url": "/twilio",
    "vapi_base_url": "/vapi",
    "bland_base_url": "/bland",
    "calendly_base_url": "/calendly",
    "stripe_base_url": "/stripe",
    "ollama_base_url": "/ollama",
    "yelp_base_url": "/yelp",
}
"""Settings that point vendor clients here, as paths below the sandbox's URL."""

ACCOUNT_SETTINGS = {
    "google_maps_api_key": "sandbox-key",
    "hunter_api_key": "sandbox-key",
    "zerobounce_api_key": "sandbox-key",
    "sendgrid_api_key": "sandbox-key",
    "yelp_api_key": "sandbox-key",
    "vapi_api_key": vapi.API_KEY,
    "vapi_phone_number_id": vapi.PHONE_NUMBER_ID,
    "vapi_credential_id": vapi.CREDENTIAL_ID,
    "vapi_webhook_secret": vapi.WEBHOOK_SECRET,
    "bland_api_key": bland.API_KEY,
    "bland_webhook_secret": bland.WEBHOOK_SECRET,
    "calendly_api_key": calendly.API_KEY,
    "calendly_event_type": calendly.EVENT_TYPE,
    "calendly_webhook_signing_key": calendly.SIGNING_KEY,
    "sendgrid_webhook_public_key": sendgrid_webhooks.PUBLIC_KEY,
    "sendgrid_inbound_token": sendgrid_webhooks.INBOUND_TOKEN,
    "twilio_account_sid": twilio_webhooks.ACCOUNT_SID,
    "twilio_auth_token": twilio_webhooks.AUTH_TOKEN,
    "twilio_phone_number": twilio_webhooks.PHONE_NUMBER,
    "stripe_secret_key": stripe.SECRET_KEY,
    "stripe_webhook_secret": stripe.WEBHOOK_SECRET,
}
"""What a customer of each vendor is given: keys, ids, secrets. The vendors' modules hold what they must agree on."""

VENDORS = (
    *(portal, assessor, google, google_places, yelp, web, people, sendgrid, sendgrid_webhooks, twilio, twilio_webhooks),
    *(vapi, bland, phone_control, calendly, ollama, stripe),
)
"""Modules with a `router(world)`."""


def create_app(world: World) -> FastAPI:
    """The application over a world."""
    app = FastAPI(title="Ridgeline sandbox", docs_url=None, redoc_url=None)
    faults = Faults()
    app.add_middleware(FaultMiddleware, faults=faults)
    for vendor in VENDORS:
        app.include_router(vendor.router(world))
    app.include_router(calendly.control_router(world))
    app.include_router(control.router(world, faults))
    app.state.world, app.state.faults = world, faults
    return app


def settings_for(url: str) -> dict[str, str]:
    """Settings, by field name, that make every vendor client talk to the sandbox at `url`."""
    base = url.rstrip("/")
    addresses = {name: base + path for name, path in BASE_URL_SETTINGS.items()}
    return addresses | ACCOUNT_SETTINGS | {"crawler_allowed_hosts": urlsplit(base).netloc}
