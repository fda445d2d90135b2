"""What every service answers: who it is, whether it lives, whether it is ready."""

from fastapi import APIRouter, Response

from api import API_VERSION, readiness
from api.resources import Injected
from schema.contracts.api import Health, Readiness, ServiceInfo

_LINKS = {"health": "/health", "ready": "/ready", "docs": "/docs", "openapi": "/openapi.json"}


def meta_router(service: str, title: str) -> APIRouter:
    """The router for the service called `service`."""
    router = APIRouter(tags=["service"])

    @router.get("/")
    async def service_info() -> ServiceInfo:
        """Which service this is and where to go from here."""
        return ServiceInfo(name="ridgeline", version=API_VERSION, service=service, title=title, links=_LINKS)

    @router.get("/health")
    async def health() -> Health:
        """The process is up. For restarts; asks nothing of the servers behind it."""
        return Health(service=service)

    @router.get("/ready", responses={503: {"model": Readiness, "description": "Something does not answer."}})
    async def ready(resources: Injected, response: Response) -> Readiness:
        """Whether PostgreSQL, Redis, the object store and Temporal answer within two seconds each."""
        state = await readiness.check(resources, service)
        if not state.ready:
            response.status_code = 503
            response.headers["Retry-After"] = "5"
        return state

    return router
