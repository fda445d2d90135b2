from decimal import Decimal
from typing import Any

import httpx
import pytest

from domain.property_record import PersonName
from integrations.http import VendorRejected, VendorUnavailable, VendorUnreadable
from integrations.hunter import FoundEmail, HunterFinder
from integrations.zerobounce import Deliverability, ZeroBounceVerifier
from tests.unit.integrations.vendor import Vendor, says

JANE = PersonName("Jane", "Doe")


def finding(**data: Any) -> dict[str, Any]:
    return {"data": {"email": "jane@post.example", "score": 91, "phone_number": None, **data}, "meta": {}}


async def find(answer: httpx.Response) -> FoundEmail | None:
    return await HunterFinder(Vendor(answer).http, "key").find(JANE)


async def test_hunter_is_asked_by_name_and_paid() -> None:
    vendor = Vendor(says(finding(phone_number="+1 512 555 0123")))
    found = await HunterFinder(vendor.http, "key").find(JANE, company="Acme")
    assert found == FoundEmail("jane@post.example", 91, "+1 512 555 0123")
    assert vendor.requests[0].url.path == "/v2/email-finder"
    assert vendor.params == {"first_name": "Jane", "last_name": "Doe", "company": "Acme", "api_key": "key"}
    assert [call.cost for call in vendor.calls] == [Decimal("0.05")]


@pytest.mark.parametrize(
    "answer",
    [
        says(finding(email=None, score=None)),
        says({"errors": [{"id": "claimed_email", "code": 451}]}, 451),
        says({"errors": [{"id": "not_found", "code": 404}]}, 404),
    ],
)
async def test_hunter_knows_nobody(answer: httpx.Response) -> None:
    assert await find(answer) is None


@pytest.mark.parametrize("score", [None, "high", -1, 101, True])
async def test_a_score_that_is_none_counts_as_no_confidence(score: Any) -> None:
    found = await find(says(finding(score=score)))
    assert found is not None
    assert found.confidence == 0


@pytest.mark.parametrize(
    "body",
    [
        "oops",
        '{"data": {"ema',
        [],
        {},
        {"data": []},
        {"data": {"score": 3}},
        finding(email=5),
        finding(email="nobody"),
        finding(email="a@b@c"),
        finding(email="a b@c.example"),
        finding(email="a@" + "b" * 300),
    ],
)
async def test_hunter_garbage_is_unreadable(body: Any) -> None:
    with pytest.raises(VendorUnreadable):
        await find(says(body))


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        (says({"errors": []}, 401), VendorRejected),
        (says({"errors": []}, 400), VendorRejected),
        (says({"errors": []}, 429, **{"Retry-After": "30"}), VendorUnavailable),
    ],
)
async def test_hunter_failures_are_sorted_and_free(answer: httpx.Response, failure: type[Exception]) -> None:
    vendor = Vendor(answer)
    with pytest.raises(failure) as caught:
        await HunterFinder(vendor.http, "secret-key").find(JANE)
    assert "secret-key" not in str(caught.value)
    assert "Doe" not in str(caught.value)
    assert [call.cost for call in vendor.calls] == [Decimal(0)]


@pytest.mark.parametrize(
    ("status", "meaning"),
    [
        ("valid", Deliverability.DELIVERABLE),
        ("Valid", Deliverability.DELIVERABLE),
        ("catch-all", Deliverability.RISKY),
        ("unknown", Deliverability.RISKY),
        ("invalid", Deliverability.UNDELIVERABLE),
        ("spamtrap", Deliverability.UNDELIVERABLE),
        ("abuse", Deliverability.UNDELIVERABLE),
        ("do_not_mail", Deliverability.UNDELIVERABLE),
    ],
)
async def test_each_verdict_of_zerobounce_has_one_meaning(status: str, meaning: Deliverability) -> None:
    vendor = Vendor(says({"address": "jane@post.example", "status": status, "sub_status": ""}))
    assert await ZeroBounceVerifier(vendor.http, "key").verify("jane@post.example") is meaning
    assert vendor.params == {"api_key": "key", "email": "jane@post.example", "ip_address": ""}
    assert [call.cost for call in vendor.calls] == [Decimal("0.001")]


async def test_zerobounce_says_no_with_status_200() -> None:
    body = {"error": "Invalid API key or your account ran out of credits"}
    with pytest.raises(VendorRejected):
        await ZeroBounceVerifier(Vendor(says(body)).http, "key").verify("jane@post.example")


@pytest.mark.parametrize("body", ["", "<html>", '{"status": "val', [], {}, {"status": None}, {"status": "maybe"}])
async def test_zerobounce_garbage_is_unreadable(body: Any) -> None:
    with pytest.raises(VendorUnreadable):
        await ZeroBounceVerifier(Vendor(says(body)).http, "key").verify("jane@post.example")
