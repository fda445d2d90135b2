"""The call clients ask as their vendors want, and say of every failure whether a call may have been made."""

import copy
import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import httpx
import jsonschema
import pytest

from activities.effects import Meaning, meaning_of
from integrations import bland_calls, vapi_calls
from integrations.bland_calls import BlandCalls
from integrations.calls import CallOrder, CallScript, digest_of
from integrations.http import ApiCall, VendorError, VendorNotReached, VendorRejected, VendorUnavailable
from integrations.vapi_calls import VapiCalls
from schema.calls import CallStatus
from tests.unit.integrations.published import HAVE_VAPI, WHY, validate
from tests.unit.integrations.vendor import Vendor, says

ORDER = CallOrder(
    key="touch-c-1-outreach-1",
    to="+15125550123",
    script=CallScript(
        first_message="Hi, this is an AI assistant.", system_prompt="Be kind.", voice_id="voice-7", max_seconds=300
    ),
    metadata={"touchpoint_id": "0d7f3a52-0000-4000-8000-000000000001"},
)
CALL = {
    "id": "call-1",
    "orgId": "o",
    "createdAt": "2026-11-24T10:00:00.000Z",
    "updatedAt": "2026-11-24T10:00:00.000Z",
    "status": "queued",
}


class Wire:
    """What the SDK sent and what it is answered."""

    def __init__(self, *answers: httpx.Response | Exception) -> None:
        self.answers = list(answers)
        self.requests: list[httpx.Request] = []
        self.calls: list[ApiCall] = []

    def handle(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self.answers[min(len(self.requests), len(self.answers)) - 1]
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def meter(self, call: ApiCall) -> None:
        self.calls.append(call)

    def vapi(self, credential_id: str = "") -> VapiCalls:
        client = VapiCalls(
            api_key="key", base_url="http://vapi.example/vapi", phone_number_id="number-1",
            public_url="https://app.example/", webhook_secret="secret", credential_id=credential_id, timeout=5,
            meter=self.meter,
        )  # fmt: skip
        client._http = httpx.AsyncClient(transport=httpx.MockTransport(self.handle))
        return client


async def placed(credential_id: str = "") -> tuple[dict[str, Any], httpx.Request]:
    wire = Wire(says(CALL, 201))
    assert await wire.vapi(credential_id).place(ORDER) == "call-1"
    (request,) = wire.requests
    return json.loads(request.content), request


async def test_vapi_is_asked_for_a_call_by_an_assistant_made_for_it() -> None:
    body, request = await placed()
    assert (request.method, str(request.url)) == ("POST", "http://vapi.example/vapi/call")
    assert request.headers["authorization"] == "Bearer key"
    assert body["name"] == digest_of(ORDER.key)
    assert body["customer"] == {"number": "+15125550123"}
    assistant = body["assistant"]
    assert assistant["voice"] == {"provider": "11labs", "voiceId": "voice-7"}
    assert assistant["model"]["messages"] == [{"role": "system", "content": "Be kind."}]
    assert assistant["maxDurationSeconds"] == 300
    assert assistant["metadata"] == {**ORDER.metadata, "effect_key": ORDER.key}
    assert assistant["server"]["url"] == "https://app.example/webhooks/vapi"


@pytest.mark.parametrize(
    ("credential", "proof"),
    [("", {"headers": {"X-Vapi-Secret": "secret"}}), ("cred-1", {"credentialId": "cred-1"})],
    ids=["secret header", "signed"],
)
async def test_vapi_is_told_how_to_prove_itself(credential: str, proof: dict[str, Any]) -> None:
    server = (await placed(credential))[0]["assistant"]["server"]
    assert {name: server[name] for name in ("headers", "credentialId") if name in server} == proof


@pytest.mark.skipif(not HAVE_VAPI, reason=WHY)
@pytest.mark.parametrize("credential", ["", "cred-1"])
async def test_requests_are_what_vapi_publishes(credential: str) -> None:
    body, _ = await placed(credential)
    validate("vapi", "CreateCallDTO", body)
    spoilt = copy.deepcopy(body)
    spoilt["assistant"]["maxDurationSeconds"] = 5
    with pytest.raises(jsonschema.ValidationError):
        validate("vapi", "CreateCallDTO", spoilt)


def test_a_name_is_short_enough_and_one_per_key() -> None:
    names = {digest_of(f"touch-{number}") for number in range(1_000)}
    assert len(names) == 1_000
    assert all(len(name) <= 40 for name in names)


VAPI_FAILURES: list[tuple[httpx.Response | Exception, type[VendorError], Meaning]] = [
    (says({"message": "no"}, 400), VendorRejected, Meaning.REFUSED),
    (says({"message": "no"}, 401), VendorRejected, Meaning.DID_NOTHING),
    (says({"message": "no"}, 402), VendorRejected, Meaning.DID_NOTHING),
    (says({"message": "slow down"}, 429), VendorNotReached, Meaning.DID_NOTHING),
    (says("<html>", 500), VendorUnavailable, Meaning.UNCLEAR),
    (says("<html>", 503), VendorUnavailable, Meaning.UNCLEAR),
    (says("<html>", 201), VendorError, Meaning.UNCLEAR),
    (says({}, 201), VendorError, Meaning.UNCLEAR),
    (httpx.ConnectError("refused +15125550123"), VendorNotReached, Meaning.DID_NOTHING),
    (httpx.ConnectTimeout("slow"), VendorNotReached, Meaning.DID_NOTHING),
    (httpx.ReadTimeout("slow"), VendorUnavailable, Meaning.UNCLEAR),
    (httpx.RemoteProtocolError("closed"), VendorUnavailable, Meaning.UNCLEAR),
]


@pytest.mark.parametrize(("answer", "kind", "meaning"), VAPI_FAILURES, ids=lambda value: repr(value)[:40])
async def test_what_a_failure_of_vapi_means(
    answer: httpx.Response | Exception, kind: type[VendorError], meaning: Meaning
) -> None:
    wire = Wire(answer)
    with pytest.raises(kind) as told:
        await wire.vapi().place(ORDER)
    assert meaning_of(told.value) is meaning
    assert "5550123" not in str(told.value)
    assert len(wire.requests) == 1, "a call is never tried twice"
    assert [call.operation for call in wire.calls] == ["place_call"]


async def test_a_call_is_found_by_its_name_among_many_pages() -> None:
    def page(first: int) -> httpx.Response:
        rows = [
            {**CALL, "id": f"call-{number}", "createdAt": f"2026-11-24T09:{59 - number // 10:02d}:00.000Z"}
            for number in range(first, first + 50)
        ]
        return says(rows)

    wire = Wire(page(0), page(50), says([{**CALL, "id": "wanted", "name": digest_of(ORDER.key)}]))
    assert await wire.vapi().find(ORDER.key) == "wanted"
    assert [request.url.params.get("createdAtLe") is None for request in wire.requests] == [True, False, False]
    assert {request.url.params["phoneNumberId"] for request in wire.requests} == {"number-1"}


async def test_a_call_that_is_not_there_is_not_found() -> None:
    assert await Wire(says([])).vapi().find(ORDER.key) is None


# What became of a call: (Vapi's status, its reason, did the customer speak) → ours.
STATUSES = {
    "queued": ("queued", None, False, CallStatus.INITIATED),
    "ringing": ("ringing", None, False, CallStatus.RINGING),
    "under way": ("in-progress", None, True, CallStatus.ANSWERED),
    "busy": ("ended", "customer-busy", False, CallStatus.BUSY),
    "nobody": ("ended", "customer-did-not-answer", False, CallStatus.NO_ANSWER),
    "voicemail": ("ended", "voicemail", True, CallStatus.VOICEMAIL),
    "talked": ("ended", "customer-ended-call", True, CallStatus.COMPLETED),
    "broke in mid-talk": ("ended", "pipeline-error-openai-llm-failed", True, CallStatus.COMPLETED),
    "broke at once": ("ended", "pipeline-error-openai-llm-failed", False, CallStatus.FAILED),
    "a reason of the future": ("ended", "solar-flare", False, CallStatus.FAILED),
}


@pytest.mark.parametrize(("status", "reason", "spoke", "ours"), STATUSES.values(), ids=STATUSES.keys())
def test_what_became_of_a_call_of_vapi(status: str, reason: str | None, spoke: bool, ours: CallStatus) -> None:
    words = "AI: Hi.\nUser: Hello.\n" if spoke else "AI: Hi.\n"
    told = vapi_calls.report_of({**CALL, "status": status, "endedReason": reason, "artifact": {"transcript": words}})
    assert told.status is ours


def test_a_report_of_vapi_holds_times_costs_and_words() -> None:
    told = vapi_calls.report_of(
        {
            **CALL,
            "status": "ended",
            "endedReason": "customer-ended-call",
            "startedAt": "2026-11-24T10:00:08.000Z",
            "endedAt": "2026-11-24T10:01:38.400Z",
            "cost": 0.18,
            "analysis": {"summary": "Fine."},
            "artifact": {"transcript": "User: Hi.", "recording": {"mono": {"combinedUrl": "https://r.example/1"}}},
        }
    )
    assert (told.duration_seconds, told.cost) == (90, Decimal("0.1800"))
    assert (told.summary, told.transcript, told.recording_url) == ("Fine.", "User: Hi.", "https://r.example/1")
    assert told.started_at == datetime(2026, 11, 24, 10, 0, 8, tzinfo=UTC)
    assert "Hi." not in repr(told)
    assert "r.example" not in repr(told)


@pytest.mark.parametrize(
    "payload",
    [None, [], {}, {"message": None}, {"message": {"type": "end-of-call-report"}}, {"message": {"call": {"id": 5}}},
     {"message": {"type": "transcript", "call": {"id": "x"}}}],
)  # fmt: skip
def test_other_messages_of_vapi_are_none_of_ours(payload: object) -> None:
    assert vapi_calls.event_of(payload) is None


# Bland.ai


def bland(vendor: Vendor) -> BlandCalls:
    return BlandCalls(vendor.http, "key", "https://app.example", httpx.AsyncClient())


async def test_bland_is_asked_with_the_bare_key_and_our_references() -> None:
    vendor = Vendor(says({"status": "success", "call_id": "b-1"}))
    assert await bland(vendor).place(ORDER) == "b-1"
    request = vendor.requests[0]
    assert (request.method, request.url.path, request.headers["authorization"]) == ("POST", "/v1/calls", "key")
    body = json.loads(request.content)
    assert body["phone_number"] == "+15125550123"
    assert body["task"] == "Be kind."
    assert body["max_duration"] == 5
    assert body["webhook"] == "https://app.example/webhooks/bland"
    assert body["metadata"] == {**ORDER.metadata, "effect_key": ORDER.key}


@pytest.mark.parametrize(
    ("answer", "meaning"),
    [
        (says({"status": "error", "message": "Invalid phone number +15125550123"}), Meaning.REFUSED),
        (says({"status": "error"}, 400), Meaning.REFUSED),
        (says({"status": "error"}, 401), Meaning.DID_NOTHING),
        (says("slow down", 429), Meaning.DID_NOTHING),
        (httpx.ConnectError("refused"), Meaning.DID_NOTHING),
        (says("<html>", 502), Meaning.UNCLEAR),
        (says("<html>"), Meaning.UNCLEAR),
        (says({"status": "success"}), Meaning.UNCLEAR),
        (httpx.ReadTimeout("slow"), Meaning.UNCLEAR),
    ],
    ids=lambda value: repr(value)[:40],
)
async def test_what_a_failure_of_bland_means(answer: httpx.Response | Exception, meaning: Meaning) -> None:
    vendor = Vendor(answer)
    with pytest.raises(VendorError) as told:
        await bland(vendor).place(ORDER)
    assert meaning_of(told.value) is meaning
    assert "5550123" not in str(told.value)
    assert len(vendor.requests) == 1


async def test_a_call_of_bland_is_found_by_the_key_in_its_metadata() -> None:
    rows = [{"call_id": "b-2", "metadata": {}}, {"call_id": "b-1", "metadata": {"effect_key": ORDER.key}}]
    assert await bland(Vendor(says({"calls": rows}))).find(ORDER.key) == "b-1"
    assert await bland(Vendor(says({"calls": rows[:1]}))).find(ORDER.key) is None


BLAND_STATUSES = {
    "queued": ({"completed": False, "queue_status": "new"}, CallStatus.INITIATED),
    "ringing": ({"completed": False, "queue_status": "started"}, CallStatus.RINGING),
    "voicemail": ({"completed": True, "answered_by": "voicemail"}, CallStatus.VOICEMAIL),
    "nobody": ({"completed": True, "answered_by": "no-answer"}, CallStatus.NO_ANSWER),
    "busy": ({"completed": True, "answered_by": None, "status": "busy"}, CallStatus.BUSY),
    "broke": ({"completed": True, "answered_by": None, "error_message": "carrier"}, CallStatus.FAILED),
    "talked": ({"completed": True, "answered_by": "human", "status": "completed"}, CallStatus.COMPLETED),
}


@pytest.mark.parametrize(("call", "ours"), BLAND_STATUSES.values(), ids=BLAND_STATUSES.keys())
def test_what_became_of_a_call_of_bland(call: dict[str, Any], ours: CallStatus) -> None:
    assert bland_calls.report_of({"call_id": "b-1", **call}).status is ours


def test_a_report_of_bland_reads_like_one_of_vapi() -> None:
    rows = [
        {"user": "assistant", "text": "Hi."},
        {"user": "user", "text": "Hello."},
        {"user": "agent-action", "text": "x"},
    ]
    told = bland_calls.report_of(
        {"call_id": "b-1", "completed": True, "transcripts": rows, "corrected_duration": "71", "price": 0.068}
    )
    assert told.transcript == "AI: Hi.\nUser: Hello."
    assert (told.duration_seconds, told.cost) == (71, Decimal("0.0680"))


@pytest.mark.parametrize("payload", [None, [], {}, {"call_id": ""}, {"call_id": 5}])
def test_other_messages_of_bland_are_none_of_ours(payload: object) -> None:
    assert bland_calls.event_of(payload) is None
