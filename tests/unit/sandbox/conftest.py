"""One world for all: it is deterministic, and requests of a test only touch its own application."""

from collections.abc import AsyncIterator
from datetime import date

import httpx
import pytest
from fastapi import FastAPI

from sandbox.app import create_app
from sandbox.city import House
from sandbox.world import Mailbox, Texts, Town, World

TODAY = date(2026, 11, 24)


@pytest.fixture(scope="session")
def default_world() -> World:
    """Seed 1 at its default size."""
    return World(seed=1, today=TODAY)


@pytest.fixture
def world(default_world: World) -> World:
    """The default world with no mail, texts, calls or meetings."""
    default_world.mailbox = Mailbox()
    default_world.texts = Texts()
    default_world.telephone.clear()
    default_world.calendar.clear()
    default_world.models.clear()
    return default_world


@pytest.fixture
def town(world: World) -> Town:
    """Austin."""
    return world.towns["austin"]


@pytest.fixture
def house(town: Town) -> House:
    """A worn house under the storm with an owner one can find."""
    return next(
        house
        for house in town.city.houses
        if house.recent == "worn" and house.storm and house.owner.email and house.owner.mail_status == "valid"
    )


@pytest.fixture(scope="session")
def app(default_world: World) -> FastAPI:
    """The application: building one takes longer than most tests."""
    return create_app(default_world)


@pytest.fixture
async def http(world: World, app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the sandbox, which has no faults, mail or counts from other tests."""
    assert app.state.world is world
    app.state.faults.clear()
    app.state.faults.reset_counts()
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://sandbox.example") as client:
        yield client
