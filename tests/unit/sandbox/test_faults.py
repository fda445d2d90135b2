"""Faults hit the requests they were asked to hit, and lose answers but not effects."""

import asyncio
from itertools import pairwise
from typing import Any

import httpx
import pytest

from sandbox.city import House
from sandbox.faults import ActiveFault, Fault
from tests.unit.sandbox.test_sendgrid import AUTH, MAIL, SEND

PORTAL = "/portal/austin/resource/3syk-w9eu.json"
ONE_ROW = {"$limit": "1"}


async def play(http: httpx.AsyncClient, **fault: Any) -> None:
    """Put a fault in force."""
    answer = await http.post("/control/faults", json=fault)
    assert answer.status_code == 201, answer.text


async def statuses(http: httpx.AsyncClient, count: int) -> list[int]:
    """Statuses of this many requests to the portal."""
    return [(await http.get(PORTAL, params=ONE_ROW)).status_code for _ in range(count)]


async def test_count_hits_the_next_requests_then_stops(http: httpx.AsyncClient) -> None:
    await play(http, vendor="portal", kind="error", count=2)
    assert await statuses(http, 4) == [500, 500, 200, 200]
    assert (await http.get("/robots.txt")).status_code == 200


async def test_skip_lets_the_first_pass(http: httpx.AsyncClient) -> None:
    await play(http, vendor="portal", kind="error", count=1, skip=2)
    assert await statuses(http, 4) == [200, 200, 500, 200]


@pytest.mark.parametrize(("rate", "asked", "hits"), [(0.1, 100, 10), (0.25, 8, 2), (1.0, 5, 5), (0.3, 100, 30)])
def test_rate_is_even_and_counted(rate: float, asked: int, hits: int) -> None:
    active = ActiveFault(Fault(vendor="google", kind="error", rate=rate))
    struck = [index for index in range(asked) if active.strikes("/google/x")]
    assert len(struck) == hits
    gaps = {b - a for a, b in pairwise(struck)}
    assert not gaps or max(gaps) - min(gaps) <= 1


async def test_throttle_tells_when_to_come_back(http: httpx.AsyncClient) -> None:
    await play(http, vendor="portal", kind="throttle", count=1, seconds=3)
    answer = await http.get(PORTAL)
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "3")


async def test_google_says_it_in_the_body_for_data_and_with_429_for_pictures(http: httpx.AsyncClient) -> None:
    await play(http, vendor="google", kind="throttle")
    geocoded = await http.get("/google/maps/api/geocode/json", params={"address": "x", "key": "k"})
    assert (geocoded.status_code, geocoded.json()["status"]) == (200, "OVER_QUERY_LIMIT")
    assert (await http.get("/google/maps/api/staticmap")).status_code == 429


async def test_path_narrows_a_fault(http: httpx.AsyncClient) -> None:
    await play(http, vendor="google", kind="error", path="staticmap")
    assert (await http.get("/google/maps/api/staticmap")).status_code == 500
    assert (await http.get("/google/maps/api/geocode/json")).status_code == 200


async def test_garbage_comes_with_200_and_is_no_answer(http: httpx.AsyncClient) -> None:
    await play(http, vendor="portal", kind="garbage", count=3)
    answers = [await http.get(PORTAL) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert len({answer.content for answer in answers}) == 3
    for answer in answers:
        with pytest.raises(ValueError, match=r"."):
            answer.json()


async def test_a_truncated_picture_is_half_a_picture(http: httpx.AsyncClient, house: House) -> None:
    params = {"center": f"{house.lat},{house.lng}", "zoom": "21", "size": "320x320", "format": "jpg", "key": "k"}
    whole = await http.get("/google/maps/api/staticmap", params=params)
    await play(http, vendor="google", kind="truncate", count=1)
    half = await http.get("/google/maps/api/staticmap", params=params)
    assert half.headers["content-type"] == "image/jpeg"
    assert half.content == whole.content[: len(whole.content) // 2]
    assert int(half.headers["content-length"]) == len(half.content)


@pytest.mark.parametrize(
    "fault",
    [{"kind": "after_effect"}, {"kind": "error", "after": True}, {"kind": "timeout", "after": True, "seconds": 0}],
)
async def test_after_effect_sends_the_mail_and_loses_the_answer(http: httpx.AsyncClient, fault: dict[str, Any]) -> None:
    await play(http, vendor="sendgrid", count=1, **fault)
    lost = await http.post(SEND, json=MAIL, headers=AUTH)
    assert lost.status_code in (500, 504)
    assert (await http.get("/control/mailbox")).json()["count"] == 2


async def test_an_error_before_sends_nothing(http: httpx.AsyncClient) -> None:
    await play(http, vendor="sendgrid", kind="error", count=1)
    assert (await http.post(SEND, json=MAIL, headers=AUTH)).status_code == 500
    assert (await http.get("/control/mailbox")).json()["count"] == 0


@pytest.mark.parametrize("kind", ["timeout", "latency"])
async def test_held_requests_are_let_go_when_faults_are_cleared(http: httpx.AsyncClient, kind: str) -> None:
    await play(http, vendor="portal", kind=kind, seconds=3000)
    held = asyncio.create_task(http.get(PORTAL, params=ONE_ROW))
    while not (await http.get("/control/stats")).json()["faults"]:
        pass
    assert (await http.delete("/control/faults")).json() == {"ended": 1}
    answer = await asyncio.wait_for(held, 10)
    assert answer.status_code == (504 if kind == "timeout" else 200)
    assert await statuses(http, 1) == [200]


async def test_requests_are_counted_by_vendor_and_path(http: httpx.AsyncClient, house: House) -> None:
    await http.get(f"/assessor/austin/property/{house.parcel}")
    await statuses(http, 2)
    stats = (await http.get("/control/stats")).json()
    assert stats["requests"] == {"assessor": 1, "portal": 2}
    assert stats["paths"]["/assessor/austin/property/*"] == 1
    await http.delete("/control/stats")
    assert (await http.get("/control/stats")).json()["requests"] == {}


@pytest.mark.parametrize(
    "fault",
    [
        {"vendor": "nobody", "kind": "error"},
        {"vendor": "portal", "kind": "mischief"},
        {"vendor": "portal", "kind": "error", "rate": 0},
        {"vendor": "portal", "kind": "error", "count": 0},
        {"vendor": "portal", "kind": "garbage", "after": True},
        {"vendor": "portal", "kind": "error", "typo": 1},
    ],
)
async def test_impossible_faults_are_refused(http: httpx.AsyncClient, fault: dict[str, Any]) -> None:
    assert (await http.post("/control/faults", json=fault)).status_code == 422
