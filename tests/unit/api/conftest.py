"""The API with nothing behind it: every address points at a port where nobody listens."""

import socket
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
from pydantic import SecretStr

from api.app import create_app
from config.settings import Settings
from schema.pii import new_key
from tests.api_client import serving


@pytest.fixture(scope="session")
def dead_settings() -> Iterator[Settings]:
    """Settings whose servers refuse connections: the port is bound, and nobody listens on it."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        yield Settings(
            _env_file=None,
            database_url=f"postgresql+asyncpg://nobody:secret-word@127.0.0.1:{port}/nothing",
            redis_url=f"redis://127.0.0.1:{port}/0",
            s3_endpoint=f"http://127.0.0.1:{port}",
            temporal_address=f"127.0.0.1:{port}",
            temporal_ui_url=None,
            otel_exporter_otlp_endpoint=None,
            metrics_port=None,
            pii_encryption_key=SecretStr(new_key()),
            pii_index_key=SecretStr(new_key()),
        )


@pytest.fixture(scope="module")
async def client(dead_settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """A client of all services together."""
    async with serving(create_app(dead_settings)) as client:
        yield client
