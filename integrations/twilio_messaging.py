"""Text messages and number look-ups through Twilio's own SDK (spec 3.6.4, 7.2).

The SDK is synchronous, so calls run in a thread. Twilio keeps no key of ours with a message: a text is found again
by its number and its words, which is why each must hold something of its own (the link of its touch does).
"""

import asyncio
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Self, TypeVar

from integrations.http import ApiCall, CallMeter, VendorError, VendorRejected, VendorUnreadable

if TYPE_CHECKING:
    from config.settings import Settings
    from integrations.twilio_http import TwilioWire

VENDOR = "twilio"
API_HOST = "https://api.twilio.com"
LOOKUPS_HOST = "https://lookups.twilio.com"

PRICE_PER_SMS = Decimal("0.0079")
"""US dollars for each part of a text (spec 7.2)."""
PRICE_PER_LOOKUP = Decimal("0.008")
"""US dollars for one look-up of a line's type, by Twilio's price list."""
QUEUE_SECONDS = 600
"""How long a text may wait at Twilio. Its own default of ten hours would let an evening's text arrive at night."""

CLOCKS_DIFFER = timedelta(minutes=5)
_SEARCHED, _PAGE = 200, 50
_SID = re.compile(r"(SM|MM)[0-9a-fA-F]{32}")
Answer = TypeVar("Answer")


class LineType(StrEnum):
    """What kind of line a number is, in the words of `contractors.phone_kind`."""

    MOBILE = "mobile"
    LANDLINE = "landline"
    VOIP = "voip"
    TOLL_FREE = "toll_free"
    UNKNOWN = "unknown"


LINE_TYPES = {
    "mobile": LineType.MOBILE,
    "pager": LineType.MOBILE,
    "landline": LineType.LANDLINE,
    "fixedVoip": LineType.VOIP,
    "nonFixedVoip": LineType.VOIP,
    "tollFree": LineType.TOLL_FREE,
}
"""Twilio's words that have one of ours; the law treats pagers like mobiles (47 USC 227). The rest are unknown."""


@dataclass(frozen=True, slots=True)
class Sms:
    """A text to one number (E.164). `key` is the effect's key; no text sent before `sent_after` can be this one.

    Twilio tells `status_callback` how delivery goes.
    """

    key: str
    to: str
    body: str
    sent_after: datetime
    status_callback: str | None = None


class TwilioMessaging:
    """Sends texts, finds them again, and tells what kind of line a number is."""

    def __init__(
        self,
        *,
        account_sid: str,
        auth_token: str,
        sender: str,
        base_url: str,
        lookups_base_url: str,
        timeout: float,
        meter: CallMeter,
    ) -> None:
        self._account_sid = account_sid
        self._auth_token = auth_token
        self._sender = sender
        self._hosts = {API_HOST: base_url, LOOKUPS_HOST: lookups_base_url}
        self._timeout = timeout
        self._meter = meter

    @classmethod
    def from_settings(cls, settings: "Settings", meter: CallMeter) -> Self:
        """The account and number that the settings name."""
        return cls(
            account_sid=settings.twilio_account_sid,
            auth_token=settings.twilio_auth_token.get_secret_value(),
            sender=settings.twilio_phone_number,
            base_url=settings.twilio_base_url,
            lookups_base_url=settings.twilio_lookups_base_url,
            timeout=settings.vendor_timeout_seconds,
            meter=meter,
        )

    async def send(self, sms: Sms) -> str:
        """Hands the text to Twilio in one request; returns its id.

        Raises VendorErrors; a TwilioRejected with `unsubscribed` when the number's owner answered STOP before.
        """

        def create(api: Any) -> tuple[str, int]:
            made = api.messages.create(
                to=sms.to,
                from_=self._sender,
                body=sms.body,
                status_callback=sms.status_callback,
                validity_period=QUEUE_SECONDS,
            )
            return _sid(made, "send"), _parts(made)

        sid, _ = await self._call("send", "POST", create, lambda made: PRICE_PER_SMS * made[1])
        return sid

    async def find(self, sms: Sms) -> str | None:
        """The id of a text of these very words to this number since `sent_after`, or None if Twilio has none.

        Searches by number and not by the date of sending: a text still in Twilio's queue has none yet.
        """
        earliest = sms.sent_after - CLOCKS_DIFFER

        def search(api: Any) -> str | None:
            # Newest first, so that what is older than the text can be left unread.
            for message in api.messages.stream(to=sms.to, from_=self._sender, limit=_SEARCHED, page_size=_PAGE):
                if message.date_created is not None and message.date_created < earliest:
                    return None
                if message.body == sms.body:
                    return _sid(message, "find")
            return None

        return await self._call("find", "GET", search)

    async def lookup(self, number: str) -> LineType:
        """What kind of line a number (E.164) is; unknown when Twilio cannot tell. Costs `PRICE_PER_LOOKUP`."""

        def fetch(api: Any) -> LineType:
            answer = api.lookups.v2.phone_numbers(number).fetch(fields="line_type_intelligence")
            line = answer.line_type_intelligence or {}
            return LINE_TYPES.get(str(line.get("type")), LineType.UNKNOWN)

        return await self._call("lookup", "GET", fetch, lambda _: PRICE_PER_LOOKUP)

    async def _call(
        self,
        operation: str,
        method: str,
        call: Callable[[Any], Answer],
        price: Callable[[Answer], Decimal] = lambda _: Decimal(0),
    ) -> Answer:
        from twilio.base.exceptions import TwilioException

        from integrations.twilio_http import TwilioWire

        wire = TwilioWire(operation, self._hosts, self._timeout)
        started = time.perf_counter()
        cost, error = Decimal(0), None
        try:
            answer = await asyncio.to_thread(lambda: call(self._client(operation, wire)))
            cost = price(answer)
            return answer
        except VendorError as failure:
            error = str(failure)
            raise
        except (TwilioException, ValueError, TypeError, AttributeError, LookupError):
            # The SDK takes answers as it expects them. What it stumbles over is the answer, and may quote it.
            unreadable = VendorUnreadable(VENDOR, operation, "the answer is not what Twilio documents")
            error = str(unreadable)
            raise unreadable from None
        finally:
            elapsed = int((time.perf_counter() - started) * 1000)
            await self._meter(ApiCall(VENDOR, operation, method, wire.status, elapsed, cost, error))

    def _client(self, operation: str, wire: "TwilioWire") -> Any:
        """A client of the SDK over this wire. What is not set in our settings is set nowhere."""
        from twilio.rest import Client

        if not (self._account_sid and self._auth_token and self._sender):
            raise VendorRejected(VENDOR, operation, "no account is set", 401)
        # The SDK would read the environment if this were empty.
        nothing = {"TWILIO_REGION": ""}
        return Client(self._account_sid, self._auth_token, http_client=wire, environment=nothing)


def _sid(message: Any, operation: str) -> str:
    if not isinstance(message.sid, str) or not _SID.fullmatch(message.sid):
        raise VendorUnreadable(VENDOR, operation, "the answer names no message")
    return message.sid


def _parts(message: Any) -> int:
    """How many texts Twilio charges for; one where it does not say."""
    told = str(message.num_segments)
    return max(1, int(told)) if told.isascii() and told.isdigit() else 1
