"""The application factory: `create_app(settings, service)` for one service or all of them."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

from api import API_VERSION, problems
from api.middleware import RequestGuard
from api.resources import open_resources
from api.routers.meta import meta_router
from api.services import ALL_TOGETHER, SERVICES
from config.settings import Settings
from schema.contracts.api import Problem

LOOPBACK_HOSTS = frozenset({"127.0.0.1", "localhost", "::1"})

_PROBLEM_CONTENT = {problems.MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
_RESPONSES: Mapping[int | str, dict[str, Any]] = {
    "default": {"description": "A problem (RFC 9457); `code` says which.", "content": _PROBLEM_CONTENT}
}


class Api(FastAPI):
    """FastAPI, with the problem document among its schemas."""

    def openapi(self) -> dict[str, Any]:
        """The OpenAPI document; built once, without connecting to anything."""
        if self.openapi_schema is None:
            document = get_openapi(
                title=self.title, version=self.version, description=self.description, routes=self.routes
            )
            problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
            schemas = document.setdefault("components", {}).setdefault("schemas", {})
            schemas.update(problem.pop("$defs", {}))
            schemas["Problem"] = problem
            self.openapi_schema = document
        return self.openapi_schema


def create_app(settings: Settings, service: str | None = None, *, any_host: bool = False) -> FastAPI:
    """The API of one service of the spec, or of all of them together.

    Without `any_host` only requests whose Host header names loopback or `settings.public_url` are
    answered. Raises ValueError for a service that is not in the table.
    """
    name = service or ALL_TOGETHER
    if name not in SERVICES:
        raise ValueError(f"unknown service {name!r}; one of: {', '.join(SERVICES)}")
    entry = SERVICES[name]

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with open_resources(settings) as resources:
            app.state.resources = resources
            yield

    app = Api(
        title=f"Ridgeline: {entry.title}",
        version=API_VERSION,
        description="Roofing leads as durable workflows. Errors are `application/problem+json` (RFC 9457).",
        lifespan=lifespan,
        responses=dict(_RESPONSES),
        generate_unique_id_function=_operation_id,
    )
    app.include_router(meta_router(name, entry.title))
    for router in entry.routers:
        app.include_router(router)
    problems.install(app)
    hosts = None if any_host else LOOPBACK_HOSTS | {urlsplit(settings.public_url).hostname or "localhost"}
    app.add_middleware(RequestGuard, service=name, hosts=hosts)
    return app


def _operation_id(route: APIRoute) -> str:
    return route.name
