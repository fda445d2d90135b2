"""The spec's services (sections 5 and 9.3) in one table: name, title, port and the routers they serve.

A service without endpoints yet still says who it is and whether it is well.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from fastapi import APIRouter

from api.routers import (
    bookings,
    calls,
    campaigns,
    discovery,
    leads,
    links,
    outreach,
    scraping,
    subscriptions,
    tracking,
    validation,
    workflows,
)
from api.webhooks import calendly, sendgrid, stripe, twilio
from api.webhooks import calls as call_webhooks


@dataclass(frozen=True, slots=True)
class Service:
    """One service as the spec names it, with its default port."""

    title: str
    port: int
    routers: tuple[APIRouter, ...] = ()


ALL_TOGETHER = "backend"

WEBHOOKS = (sendgrid.router, twilio.router, call_webhooks.router, calendly.router)
"""Where vendors tell us things: with the service they are about, and on the one that serves everything."""
MONEY = (subscriptions.router, stripe.router)
"""Subscriptions are the backend's own (spec 5.1)."""

_ALONE: Mapping[str, Service] = {
    "scraper": Service("Scraper", 8001, (scraping.router, discovery.scraper_router)),
    "images": Service("Image Processor", 8002),
    "inference": Service("ML Inference", 8003, (validation.router,)),
    "enricher": Service("Enricher", 8004),
    "acquisition": Service("Contractor Acquisition", 8005, (discovery.router, campaigns.router)),
    "calling": Service("AI Calling", 8006, (calls.router,)),
    "outreach": Service(
        "Outreach Orchestrator",
        8007,
        (outreach.router, tracking.router, links.router, bookings.router, *WEBHOOKS),
    ),
    "leads": Service("Lead Generator", 8008),
    "orchestrator": Service("Master Orchestrator", 8009, (workflows.router,)),
}

SERVICES: Mapping[str, Service] = {
    ALL_TOGETHER: Service(
        "Backend API",
        8000,
        (leads.router, *MONEY, *(router for service in _ALONE.values() for router in service.routers)),
    ),
    **_ALONE,
}
