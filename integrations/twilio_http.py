"""What lies beneath Twilio's SDK: one request at a time, to where the settings say, with failures told as VendorErrors.

Imported only where a call is made: the SDK takes a third of a second to load.
"""

import json
import logging
import ssl
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import requests
from requests import exceptions as failures
from twilio.http import HttpClient
from twilio.http.response import Response
from urllib3.exceptions import NewConnectionError
from urllib3.exceptions import SSLError as TransportSecurityError

from integrations.http import (
    VendorError,
    VendorNotReached,
    VendorRejected,
    VendorUnavailable,
    parse_retry_after,
)

VENDOR = "twilio"
# At DEBUG it logs addresses, and those of look-ups are phone numbers.
logging.getLogger("urllib3.connectionpool").setLevel(logging.WARNING)

UNSUBSCRIBED = 21610
"""Twilio's code for a number whose owner answered STOP."""


class TwilioRejected(VendorRejected):
    """Twilio said no; `code` is its own number for why, None when it gave none."""

    def __init__(self, operation: str, status: int, code: int | None) -> None:
        super().__init__(VENDOR, operation, f"HTTP {status}" + (f", code {code}" if code else ""), status)
        self.code = code

    @property
    def unsubscribed(self) -> bool:
        """Whether the number's owner told Twilio to stop: it must not be written to again."""
        return self.code == UNSUBSCRIBED


class TwilioWire(HttpClient):
    """The SDK's HTTP client for one call. `hosts` maps Twilio's own addresses to those of the settings.

    Each request has a connection of its own: one kept open may be closed by the other side just as a text is
    posted, and then nobody knows whether it was sent. Nothing is logged: addresses hold phone numbers. Errors are
    raised `from None` for the same reason: what they are made of quotes the request.
    """

    def __init__(self, operation: str, hosts: Mapping[str, str], timeout: float) -> None:
        super().__init__(logging.getLogger(__name__), is_async=False, timeout=timeout)
        self._operation = operation
        self._hosts = hosts
        self.status: int | None = None

    def request(
        self,
        method: str,
        uri: str,
        params: dict[str, Any] | None = None,
        data: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        timeout: float | None = None,
        allow_redirects: bool = False,
    ) -> Response:
        """Sends it; raises a VendorError unless the status is 2xx."""
        try:
            answer = requests.request(
                method,
                self._address(uri),
                params=params,
                data=data,
                headers=headers,
                auth=auth,
                timeout=self.timeout,
                allow_redirects=False,
            )
        except failures.RequestException as failure:
            raise told(self._operation, failure) from None
        self.status = answer.status_code
        if not answer.ok or answer.is_redirect:
            raise refusal(self._operation, answer.status_code, answer.headers, answer.content)
        return Response(answer.status_code, answer.text, answer.headers)

    def _address(self, uri: str) -> str:
        for theirs, ours in self._hosts.items():
            if uri.startswith(f"{theirs}/"):
                return ours.rstrip("/") + uri.removeprefix(theirs)
        raise ValueError("the SDK asked for a host that no setting names")


def told(operation: str, failure: failures.RequestException) -> VendorError:
    """A failure to get an answer: not reached when no connection came about, unavailable when one may have."""
    kind = type(failure).__name__
    if isinstance(failure, failures.ConnectTimeout) or _never_connected(failure):
        return VendorNotReached(VENDOR, operation, kind)
    if isinstance(failure, failures.Timeout):
        return VendorUnavailable(VENDOR, operation, "timed out")
    return VendorUnavailable(VENDOR, operation, kind)


def refusal(operation: str, status: int, headers: Mapping[str, str], body: bytes) -> VendorError:
    """What an answer other than 2xx means. Throttled requests did nothing; 5xx may have had their effect."""
    if status in (408, 429) or status >= 500:
        wait = parse_retry_after(headers.get("Retry-After"), datetime.now(UTC))
        kind = VendorNotReached if status == 429 else VendorUnavailable
        return kind(VENDOR, operation, f"HTTP {status}", wait)
    return TwilioRejected(operation, status, _code(body))


def _never_connected(failure: failures.RequestException) -> bool:
    cause = getattr(failure.args[0], "reason", None) if failure.args else None
    if isinstance(cause, TransportSecurityError):
        return any(isinstance(each, ssl.SSLCertVerificationError) for each in cause.args)
    return isinstance(cause, NewConnectionError)


def _code(body: bytes) -> int | None:
    try:
        document: Any = json.loads(body)
    except ValueError:
        return None
    code = document.get("code") if isinstance(document, dict) else None
    return code if isinstance(code, int) else None
