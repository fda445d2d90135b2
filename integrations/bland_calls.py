"""AI calls through Bland.ai's v1 API: the alternative to Vapi behind the same interface (spec 7.2).

Bland keeps our metadata with a call and lists it, so a call is found again by the effect's key in it.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Self

import httpx

from integrations.calls import (
    KEY_FIELD,
    SEARCH_DAYS,
    TOUCHPOINT_FIELD,
    CallEvent,
    CallOrder,
    CallReport,
    CallStatus,
    moment,
    money,
    seconds_between,
    text_in,
)
from integrations.http import CallMeter, VendorHttp, VendorRejected, VendorUnavailable, VendorUnreadable
from schema.calls import ASSISTANT, CUSTOMER, customer_spoke

if TYPE_CHECKING:
    from config.settings import Settings

VENDOR = "bland_ai"
PAGE = 1_000
MAX_PAGES = 10
WEBHOOK_PATH = "/webhooks/bland"

_ANSWERED_BY: dict[str, CallStatus] = {
    "voicemail": CallStatus.VOICEMAIL,
    "no-answer": CallStatus.NO_ANSWER,
    "busy": CallStatus.BUSY,
}
_STATUS: dict[str, CallStatus] = {
    "no-answer": CallStatus.NO_ANSWER,
    "busy": CallStatus.BUSY,
    "failed": CallStatus.FAILED,
    "canceled": CallStatus.FAILED,
}
_QUEUE: dict[str, CallStatus] = {"started": CallStatus.RINGING, "in-progress": CallStatus.ANSWERED}
_SPEAKERS = {"assistant": ASSISTANT, "robot": ASSISTANT, "user": CUSTOMER}


class BlandCalls:
    """Places calls, finds them again, asks how they went."""

    name = VENDOR

    def __init__(self, http: VendorHttp, api_key: str, public_url: str, client: httpx.AsyncClient) -> None:
        self._http = http
        # Bland wants the bare key, not a bearer token.
        self._headers = {"authorization": api_key}
        self._webhook = public_url.rstrip("/") + WEBHOOK_PATH
        self._client = client

    @classmethod
    def from_settings(cls, settings: "Settings", meter: CallMeter) -> Self:
        """The account that the settings name."""
        client = httpx.AsyncClient(timeout=settings.vendor_timeout_seconds)
        http = VendorHttp(VENDOR, client, settings.bland_base_url, meter)
        return cls(http, settings.bland_api_key.get_secret_value(), settings.public_url, client)

    async def place(self, order: CallOrder) -> str:
        """Places the call in one request; returns Bland's id of it."""
        answer = await self._http.post_json(
            "place_call", "/v1/calls", self.request_body(order), headers=self._headers, accept=frozenset({200, 201})
        )
        if text_in(answer, "status") == "error":
            raise VendorRejected(VENDOR, "place_call", "refused", 400)
        return _id_of(answer, "place_call")

    async def find(self, key: str) -> str | None:
        """The id of the call with this key, looked for among those of the last days, newest first."""
        since = (datetime.now(UTC) - timedelta(days=SEARCH_DAYS)).date().isoformat()
        for page in range(MAX_PAGES):
            params = {"start_date": since, "from": page * PAGE, "to": (page + 1) * PAGE, "limit": PAGE}
            answer = await self._http.get_json("list_calls", "/v1/calls", params, headers=self._headers)
            calls = answer.get("calls") if isinstance(answer, Mapping) else None
            if not isinstance(calls, list):
                raise VendorUnreadable(VENDOR, "list_calls", "the answer is no list of calls")
            for call in calls:
                if text_in(call, "metadata", KEY_FIELD) == key:
                    return _id_of(call, "list_calls")
            if len(calls) < PAGE:
                return None
        raise VendorUnavailable(VENDOR, "list_calls", "more calls than we look through")

    async def fetch(self, call_id: str) -> CallReport:
        """How the call stands now."""
        answer = await self._http.get_json("get_call", f"/v1/calls/{call_id}", headers=self._headers)
        return report_of(answer)

    async def close(self) -> None:
        """Closes the connections."""
        await self._client.aclose()

    def request_body(self, order: CallOrder) -> dict[str, Any]:
        """The v1 calls request of an order. `max_duration` is in minutes."""
        script = order.script
        return {
            "phone_number": order.to,
            "task": script.system_prompt,
            "first_sentence": script.first_message,
            "voice": script.voice_id,
            "wait_for_greeting": True,
            "record": True,
            "max_duration": max(1, script.max_seconds // 60),
            "answered_by_enabled": True,
            "voicemail_action": "hangup",
            "webhook": self._webhook,
            "metadata": order.references,
        }


def event_of(payload: object) -> CallEvent | None:
    """Bland's post-call webhook, whose body is the call itself; None for anything else."""
    if not isinstance(payload, Mapping) or text_in(payload, "call_id") is None:
        return None
    report = report_of(payload)
    touchpoint = text_in(payload, "metadata", TOUCHPOINT_FIELD)
    return CallEvent(f"{report.call_id}:{report.status}", report.call_id, report, touchpoint, report.ended_at)


def report_of(call: object) -> CallReport:
    """Bland's call as our report. Raises VendorUnreadable when it is none."""
    if not isinstance(call, Mapping):
        raise VendorUnreadable(VENDOR, "call", "the answer is no call")
    transcript = _transcript(call)
    started, ended = moment(call.get("started_at")), moment(call.get("end_at"))
    status = _status(call, transcript)
    over = call.get("completed") is True
    return CallReport(
        call_id=_id_of(call, "call"),
        provider=VENDOR,
        status=status,
        transcript=transcript,
        summary=text_in(call, "summary"),
        recording_url=text_in(call, "recording_url"),
        duration_seconds=_duration(call, started, ended) if over else None,
        cost=money(call.get("price")) if over else None,
        ended_reason=(text_in(call, "error_message") or text_in(call, "call_ended_by") or "")[:100] or None,
        started_at=started,
        ended_at=ended if over else None,
    )


def _status(call: Mapping[str, Any], transcript: str | None) -> CallStatus:
    if call.get("completed") is not True:
        return _QUEUE.get(text_in(call, "queue_status") or "", CallStatus.INITIATED)
    known = _ANSWERED_BY.get(text_in(call, "answered_by") or "") or _STATUS.get(text_in(call, "status") or "")
    if known is not None:
        return known
    return CallStatus.COMPLETED if customer_spoke(transcript) or not call.get("error_message") else CallStatus.FAILED


def _transcript(call: Mapping[str, Any]) -> str | None:
    rows = call.get("transcripts")
    lines = [
        f"{_SPEAKERS[str(row.get('user'))]}: {text_in(row, 'text')}"
        for row in (rows if isinstance(rows, list) else [])
        if isinstance(row, Mapping) and row.get("user") in _SPEAKERS and text_in(row, "text")
    ]
    return "\n".join(lines) or None


def _duration(call: Mapping[str, Any], started: datetime | None, ended: datetime | None) -> int | None:
    """Seconds: as corrected by Bland, else from its minutes, else from the clock."""
    corrected = text_in(call, "corrected_duration")
    if corrected is not None and corrected.isdigit() and len(corrected) < 7:
        return int(corrected)
    minutes = money(call.get("call_length"))
    return round(minutes * Decimal(60)) if minutes is not None else seconds_between(started, ended)


def _id_of(call: object, operation: str) -> str:
    call_id = text_in(call, "call_id")
    if call_id is None or len(call_id) > 255 or "/" in call_id:
        raise VendorUnreadable(VENDOR, operation, "the answer is no call")
    return call_id
