"""AI calls through Vapi's own SDK: an assistant made for the call, speaking with an ElevenLabs voice.

Vapi takes no idempotency key, so the call's `name` is a digest of ours; listing the calls of the last days
finds it again. A message of Vapi proves itself by a signature where an HMAC credential is set up in Vapi's
dashboard (`VAPI_CREDENTIAL_ID`), else by a secret header that we ask for in the call itself.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from json import JSONDecodeError
from typing import TYPE_CHECKING, Any, Self

import httpx

from integrations.calls import (
    SEARCH_DAYS,
    TOUCHPOINT_FIELD,
    CallEvent,
    CallOrder,
    CallReport,
    CallStatus,
    digest_of,
    moment,
    money,
    seconds_between,
    text_in,
    unix_moment,
)
from integrations.http import (
    ApiCall,
    CallMeter,
    VendorError,
    VendorNotReached,
    VendorRejected,
    VendorUnavailable,
    VendorUnreadable,
    parse_retry_after,
)
from integrations.webhooks import VAPI_PROOF
from schema.calls import OVER, customer_spoke

if TYPE_CHECKING:
    from vapi import AsyncVapi
    from vapi.types import CreateAssistantDto

    from config.settings import Settings

VENDOR = "vapi"
PAGE = 50
MAX_PAGES = 100
WEBHOOK_PATH = "/webhooks/vapi"
MODEL = "gpt-4.1-mini"
"""The model that talks; what was said is read by ours."""
SERVER_MESSAGES = ("status-update", "end-of-call-report")

_UNDER_WAY: dict[str, CallStatus] = {
    "ringing": CallStatus.RINGING,
    "in-progress": CallStatus.ANSWERED,
    "forwarding": CallStatus.ANSWERED,
}
_ENDED: dict[str, CallStatus] = {
    "customer-busy": CallStatus.BUSY,
    "customer-did-not-answer": CallStatus.NO_ANSWER,
    "voicemail": CallStatus.VOICEMAIL,
    "customer-ended-call": CallStatus.COMPLETED,
    "assistant-ended-call": CallStatus.COMPLETED,
    "assistant-said-end-call-phrase": CallStatus.COMPLETED,
    "assistant-ended-call-after-message-spoken": CallStatus.COMPLETED,
    "assistant-ended-call-with-hangup-task": CallStatus.COMPLETED,
    "exceeded-max-duration": CallStatus.COMPLETED,
    "silence-timed-out": CallStatus.COMPLETED,
}
_NEVER_CONNECTED = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


class VapiCalls:
    """Places calls, finds them again, asks how they went."""

    name = "vapi"

    def __init__(
        self,
        *,
        api_key: str,
        base_url: str,
        phone_number_id: str,
        public_url: str,
        webhook_secret: str,
        credential_id: str,
        timeout: float,
        meter: CallMeter,
    ) -> None:
        self._api_key = api_key
        self._base_url = base_url.rstrip("/")
        self._phone_number_id = phone_number_id
        self._server_url = public_url.rstrip("/") + WEBHOOK_PATH
        self._webhook_secret = webhook_secret
        self._credential_id = credential_id
        self._meter = meter
        self._http = httpx.AsyncClient(timeout=timeout)
        self._sdk: AsyncVapi | None = None

    @classmethod
    def from_settings(cls, settings: "Settings", meter: CallMeter) -> Self:
        """The account and number that the settings name."""
        return cls(
            api_key=settings.vapi_api_key.get_secret_value(),
            base_url=settings.vapi_base_url,
            phone_number_id=settings.vapi_phone_number_id,
            public_url=settings.public_url,
            webhook_secret=settings.vapi_webhook_secret.get_secret_value(),
            credential_id=settings.vapi_credential_id,
            timeout=settings.vendor_timeout_seconds,
            meter=meter,
        )

    async def place(self, order: CallOrder) -> str:
        """Places the call in one request; returns Vapi's id of it."""

        async def create(sdk: "AsyncVapi") -> Any:
            from vapi.types import CreateCustomerDto

            return await sdk.calls.with_raw_response.create(
                name=digest_of(order.key),
                phone_number_id=self._phone_number_id,
                customer=CreateCustomerDto(number=order.to),
                assistant=self._assistant(order),
            )

        call = _as_dict(await self._call("place_call", "POST", create))
        return _id_of(call, "place_call")

    async def find(self, key: str) -> str | None:
        """The id of the call with this key, looked for among those of the last days, newest first."""
        wanted = digest_of(key)
        since = datetime.now(UTC) - timedelta(days=SEARCH_DAYS)
        until: datetime | None = None
        seen: set[str] = set()
        for _ in range(MAX_PAGES):
            calls = await self._page(since, until)
            found = next((call for call in calls if call.get("name") == wanted), None)
            if found is not None:
                return _id_of(found, "list_calls")
            fresh = {_id_of(call, "list_calls") for call in calls} - seen
            oldest = min((at for call in calls if (at := moment(call.get("createdAt")))), default=None)
            if len(calls) < PAGE or not fresh or oldest is None:
                return None
            seen |= fresh
            until = oldest
        raise VendorUnavailable(VENDOR, "list_calls", "more calls than we look through")

    async def fetch(self, call_id: str) -> CallReport:
        """How the call stands now."""

        async def get(sdk: "AsyncVapi") -> Any:
            return await sdk.calls.with_raw_response.get(call_id)

        return report_of(_as_dict(await self._call("get_call", "GET", get)))

    async def close(self) -> None:
        """Closes the connections."""
        await self._http.aclose()

    async def _page(self, since: datetime, until: datetime | None) -> list[dict[str, Any]]:
        async def listing(sdk: "AsyncVapi") -> Any:
            return await sdk.calls.with_raw_response.list(
                phone_number_id=self._phone_number_id, limit=PAGE, created_at_ge=since, created_at_le=until
            )

        found = await self._call("list_calls", "GET", listing)
        if not isinstance(found, list):
            raise VendorUnreadable(VENDOR, "list_calls", "the answer is no list of calls")
        return [_as_dict(call) for call in found]

    def _assistant(self, order: CallOrder) -> "CreateAssistantDto":
        """The assistant of one call: model, voice, script, and where its reports go."""
        from vapi.types import (
            ArtifactPlan,
            CreateAssistantDto,
            DeepgramTranscriber,
            ElevenLabsVoice,
            OpenAiMessage,
            OpenAiModel,
            Server,
            TranscriptPlan,
            VapiVoicemailDetectionPlan,
        )

        script = order.script
        signed = {"credential_id": self._credential_id} if self._credential_id else {}
        secret = {} if self._credential_id else {"headers": {VAPI_PROOF: self._webhook_secret}}
        return CreateAssistantDto(
            name="Ridgeline outreach",
            first_message=script.first_message,
            first_message_mode="assistant-speaks-first",
            model=OpenAiModel(
                provider="openai",
                model=MODEL,
                temperature=0.3,
                messages=[OpenAiMessage(role="system", content=script.system_prompt)],
            ),
            voice=ElevenLabsVoice(provider="11labs", voice_id=script.voice_id),
            transcriber=DeepgramTranscriber(provider="deepgram", model="nova-3", language="en-US"),
            voicemail_detection=VapiVoicemailDetectionPlan(provider="vapi"),
            end_call_message=script.end_message,
            max_duration_seconds=script.max_seconds,
            server_messages=list(SERVER_MESSAGES),
            server=Server(url=self._server_url, timeout_seconds=20, **signed, **secret),
            artifact_plan=ArtifactPlan(recording_enabled=True, transcript_plan=TranscriptPlan(enabled=True)),
            metadata=order.references,
        )

    async def _call(self, operation: str, method: str, call: Callable[["AsyncVapi"], Awaitable[Any]]) -> Any:
        """One metered call of the SDK, which itself never tries again; returns the answer's data."""
        started = time.perf_counter()
        status: int | None = None
        error: str | None = None
        try:
            sdk = await self._client()
            answer = await call(sdk)
            status = 201 if method == "POST" else 200
            return answer.data
        except Exception as failure:
            told = explain(operation, failure)
            if told is None:
                raise
            status = getattr(failure, "status_code", None)
            error = str(told)
            raise told from failure
        finally:
            elapsed = int((time.perf_counter() - started) * 1000)
            await self._meter(ApiCall(VENDOR, operation, method, status, elapsed, Decimal(0), error))

    async def _client(self) -> "AsyncVapi":
        """The SDK, whose import takes seconds: on a thread, when it is first needed."""
        if self._sdk is None:
            self._sdk = await asyncio.to_thread(self._build)
        return self._sdk

    def _build(self) -> "AsyncVapi":
        from vapi import AsyncVapi

        return AsyncVapi(base_url=self._base_url, token=self._api_key, httpx_client=self._http)


def explain(operation: str, failure: BaseException) -> VendorError | None:
    """A failure of the SDK or of httpx beneath it as a VendorError; None if it is none of theirs."""
    from vapi.core.api_error import ApiError

    if isinstance(failure, ApiError):
        return _by_status(operation, failure)
    if isinstance(failure, _NEVER_CONNECTED):
        return VendorNotReached(VENDOR, operation, type(failure).__name__)
    if isinstance(failure, httpx.TimeoutException):
        return VendorUnavailable(VENDOR, operation, "timed out")
    if isinstance(failure, httpx.TransportError):
        return VendorUnavailable(VENDOR, operation, type(failure).__name__)
    if isinstance(failure, httpx.DecodingError | JSONDecodeError | UnicodeDecodeError):
        return VendorUnreadable(VENDOR, operation, "the answer is not JSON")
    return None


def event_of(payload: object) -> CallEvent | None:
    """A server message of Vapi about a call's course; None for any other message.

    The end-of-call report tells everything; a status update only how far the call is.
    """
    message = payload.get("message") if isinstance(payload, Mapping) else None
    call = message.get("call") if isinstance(message, Mapping) else None
    call_id = text_in(call, "id")
    if not isinstance(message, Mapping) or not isinstance(call, Mapping) or call_id is None:
        return None
    kind = message.get("type")
    if kind == "end-of-call-report":
        report = report_of({**call, **_told(message), "status": "ended"})
        event_id = f"{call_id}:{kind}"
    elif kind == "status-update":
        only = {name: message[name] for name in ("status", "endedReason", "artifact") if name in message}
        report = report_of({"id": call_id, **only})
        report = CallReport(call_id, VENDOR, report.status, ended_reason=report.ended_reason)
        event_id = f"{call_id}:{kind}:{text_in(message, 'status')}"
    else:
        return None
    touchpoint = text_in(message, "assistant", "metadata", TOUCHPOINT_FIELD)
    touchpoint = touchpoint or text_in(call, "assistant", "metadata", TOUCHPOINT_FIELD)
    return CallEvent(event_id, call_id, report, touchpoint, unix_moment(message.get("timestamp")) or report.ended_at)


def report_of(call: Mapping[str, Any]) -> CallReport:
    """Vapi's call object as our report. Raises VendorUnreadable without an id."""
    artifact = call.get("artifact")
    transcript = text_in(artifact, "transcript")
    started, ended = moment(call.get("startedAt")), moment(call.get("endedAt"))
    status = _status(call, transcript)
    return CallReport(
        call_id=_id_of(call, "call"),
        provider=VENDOR,
        status=status,
        transcript=transcript,
        summary=text_in(call, "analysis", "summary"),
        recording_url=text_in(artifact, "recording", "mono", "combinedUrl")
        or text_in(artifact, "recording", "stereoUrl")
        or text_in(artifact, "recordingUrl"),
        duration_seconds=seconds_between(started, ended) if status in OVER else None,
        cost=money(call.get("cost")) if status in OVER else None,
        ended_reason=(text_in(call, "endedReason") or "")[:100] or None,
        started_at=started,
        ended_at=ended,
    )


def _told(message: Mapping[str, Any]) -> dict[str, Any]:
    """What an end-of-call report says beside its call object, which may be older."""
    names = ("endedReason", "artifact", "analysis", "cost", "startedAt", "endedAt")
    return {name: message[name] for name in names if message.get(name) is not None}


def _status(call: Mapping[str, Any], transcript: str | None) -> CallStatus:
    status = text_in(call, "status")
    if status != "ended":
        return _UNDER_WAY.get(status or "", CallStatus.INITIATED)
    known = _ENDED.get(text_in(call, "endedReason") or "")
    if known is not None:
        return known
    # Hundreds of reasons name a part that broke: what counts is whether there was a conversation.
    return CallStatus.COMPLETED if customer_spoke(transcript) else CallStatus.FAILED


def _by_status(operation: str, failure: Any) -> VendorError:
    status = int(failure.status_code or 0)
    wait = parse_retry_after((failure.headers or {}).get("retry-after"), datetime.now(UTC))
    if status == 429:
        return VendorNotReached(VENDOR, operation, f"HTTP {status}", wait)
    if status in (408, 409, 425) or status >= 500:
        return VendorUnavailable(VENDOR, operation, f"HTTP {status}", wait)
    if 200 <= status < 300:
        return VendorUnreadable(VENDOR, operation, "the answer is not JSON")
    return VendorRejected(VENDOR, operation, f"HTTP {status}", status)


def _as_dict(data: Any) -> dict[str, Any]:
    """The SDK's unchecked model as what came over the wire."""
    if isinstance(data, dict):
        return data
    plain = data.dict() if hasattr(data, "dict") else None
    return plain if isinstance(plain, dict) else {}


def _id_of(call: Mapping[str, Any], operation: str) -> str:
    call_id = text_in(call, "id")
    if call_id is None or len(call_id) > 255:
        raise VendorUnreadable(VENDOR, operation, "the answer is no call")
    return call_id
