"""A POST is made once, and its failure says whether anything may have happened."""

import json

import httpx
import pytest

from activities.effects import Meaning, meaning_of
from integrations.http import VendorError, VendorUnavailable, VendorUnreadable
from tests.unit.integrations.vendor import Vendor, says

FAILURES: list[tuple[httpx.Response | Exception, Meaning]] = [
    (says("no", 400), Meaning.REFUSED),
    (says("no", 401), Meaning.DID_NOTHING),
    (says("later", 429, **{"retry-after": "7"}), Meaning.DID_NOTHING),
    (says("broken", 500), Meaning.UNCLEAR),
    (httpx.ConnectError("secret"), Meaning.DID_NOTHING),
    (httpx.ConnectTimeout("secret"), Meaning.DID_NOTHING),
    (httpx.PoolTimeout("secret"), Meaning.DID_NOTHING),
    (httpx.ReadTimeout("secret"), Meaning.UNCLEAR),
    (httpx.WriteError("secret"), Meaning.UNCLEAR),
]


@pytest.mark.parametrize(("answer", "meaning"), FAILURES, ids=lambda value: repr(value)[:40])
async def test_failures(answer: httpx.Response | Exception, meaning: Meaning) -> None:
    vendor = Vendor(answer)
    with pytest.raises(VendorError) as told:
        await vendor.http.post("act", "/things", {"name": "secret"}, headers={"x": "secret"})
    assert meaning_of(told.value) is meaning
    assert "secret" not in str(told.value)
    assert len(vendor.requests) == 1
    assert [(call.method, call.operation, call.error is None) for call in vendor.calls] == [("POST", "act", False)]


async def test_throttling_says_how_long_to_wait() -> None:
    with pytest.raises(VendorUnavailable) as told:
        await Vendor(says("later", 429, **{"retry-after": "7"})).http.post("act", "/things")
    assert told.value.retry_after == 7


async def test_the_body_goes_as_json_and_the_answer_comes_back() -> None:
    vendor = Vendor(says({"id": 1}, 201))
    assert await vendor.http.post_json("act", "/things", {"a": [1]}) == {"id": 1}
    assert json.loads(vendor.requests[0].content) == {"a": [1]}
    assert (vendor.requests[0].method, vendor.calls[0].status) == ("POST", 201)


async def test_an_answer_that_is_not_json_leaves_the_effect_in_question() -> None:
    with pytest.raises(VendorUnreadable) as told:
        await Vendor(says("<html>", 201)).http.post_json("act", "/things", {})
    assert meaning_of(told.value) is Meaning.UNCLEAR


async def test_delete() -> None:
    vendor = Vendor(says("", 204), says("", 404))
    assert (await vendor.http.delete("remove", "/things/1")).status == 204
    assert (await vendor.http.delete("remove", "/things/1", accept=frozenset({204, 404}))).status == 404
    assert [request.method for request in vendor.requests] == ["DELETE", "DELETE"]
