"""`python -m api`: serve one service or all of them, or print their OpenAPI document."""

import argparse
import asyncio
import contextlib
import ipaddress
import json
import logging
import signal
import sys
from collections.abc import Iterator

import structlog
import uvicorn

from api.app import create_app
from api.services import ALL_TOGETHER, SERVICES
from config.settings import get_settings
from temporal.clean_exit import leave

GRACE_SECONDS = 10

REFUSAL = """\
The API has no log-in yet: whoever reaches it can start workflows and decide reviews.
It therefore listens on loopback only. To bind {host} all the same, behind a proxy that
authenticates or in a private network, add --insecure-no-auth (docs/decisions/0006-api-without-auth.md)."""


def main(arguments: list[str] | None = None) -> int:
    """Entry point; returns the exit status."""
    options = _parser().parse_args(arguments)
    settings = get_settings()
    if options.openapi:
        json.dump(create_app(settings, options.service).openapi(), sys.stdout, indent=2)
        sys.stdout.write("\n")
        return 0
    if not options.insecure_no_auth and not is_loopback(options.host):
        sys.stderr.write(REFUSAL.format(host=options.host) + "\n")
        return 2
    _log_json(settings.log_level)
    port = SERVICES[options.service].port if options.port is None else options.port
    config = uvicorn.Config(
        create_app(settings, options.service, any_host=options.insecure_no_auth),
        host=options.host,
        port=port,
        access_log=False,
        log_level="warning",
        server_header=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    server = Server(config)
    server.run()
    return 0 if server.started else 1


class Server(uvicorn.Server):
    """Ends well after SIGTERM or SIGINT, where uvicorn would raise the signal again."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Finish what runs when asked to stop; a second SIGINT stops at once."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.handle_exit, number, None)
        yield


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches a server bound to `host`."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _parser() -> argparse.ArgumentParser:
    ports = ", ".join(f"{name} {service.port}" for name, service in SERVICES.items())
    parser = argparse.ArgumentParser(prog="python -m api", description=__doc__, epilog=f"Services: {ports}.")
    parser.add_argument("--service", choices=tuple(SERVICES), default=ALL_TOGETHER)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, help="default: the spec's port of the service")
    parser.add_argument("--openapi", action="store_true", help="print the OpenAPI document and stop")
    parser.add_argument("--insecure-no-auth", action="store_true", help="allow --host beyond loopback")
    return parser


def _log_json(level: str) -> None:
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


if __name__ == "__main__":
    leave(main())
