"""Nonsense in a request is refused or not found; it never breaks the sandbox."""

import httpx
import pytest

NASTY = (
    "",
    " ",
    "\x00",
    "'",
    '"',
    "%",
    "../../etc/passwd",
    "-1",
    "9" * 60,
    "NaN",
    "1e400",
    "\U0001f3e0",
    "a" * 5000,
    "{}",
)
QUERIES = {
    "/portal/austin/resource/3syk-w9eu.json": ("$where", "$order", "$limit", "$offset", "$select", "description", "x"),
    "/assessor/austin/search": ("address",),
    "/google/maps/api/geocode/json": ("address",),
    "/google/maps/api/staticmap": ("center", "zoom", "size", "scale", "format"),
    "/google/maps/api/streetview": ("location", "pano", "size", "heading"),
    "/google/maps/api/streetview/metadata": ("location", "pano"),
    "/hunter/v2/email-finder": ("full_name", "first_name", "domain", "max_duration"),
    "/zerobounce/v2/validate": ("email", "ip_address"),
    "/sendgrid/v3/messages": ("query", "limit"),
    "/control/truth": ("address",),
    "/control/permits": ("recent_days", "city"),
}
GOOD = {
    "/google/maps/api/staticmap": {"center": "30.3,-97.7", "zoom": "21", "size": "64x64", "key": "k"},
    "/google/maps/api/streetview": {"location": "30.3,-97.7", "size": "64x64", "key": "k"},
}


@pytest.mark.parametrize("path", QUERIES)
async def test_nonsense_in_a_query(http: httpx.AsyncClient, path: str) -> None:
    headers = {"Authorization": "Bearer k"}
    for name in QUERIES[path]:
        for value in NASTY:
            params = {"key": "k", "api_key": "k"} if not path.startswith("/portal") else {}
            answer = await http.get(path, params=params | GOOD.get(path, {}) | {name: value}, headers=headers)
            assert answer.status_code < 500, (name, value[:20])


@pytest.mark.parametrize("zoom", [0, 12, 19, 20, 22])
async def test_every_zoom_and_shape_has_a_picture(http: httpx.AsyncClient, zoom: int) -> None:
    house = (await http.get("/control/houses")).json()[0]
    center = f"{house['lat']},{house['lng']}"
    for size in ("1x1", "64x33", "640x17", "9999x2"):
        params = {"center": center, "zoom": str(zoom), "size": size, "key": "k"}
        answer = await http.get("/google/maps/api/staticmap", params=params)
        assert answer.status_code == 200, size
        assert answer.headers["content-type"] == "image/png"


@pytest.mark.parametrize("body", [b"", b"null", b"[]", b"\xff\xfe", b'{"personalizations": "x"}', b"[" * 10_000])
async def test_nonsense_as_mail(http: httpx.AsyncClient, body: bytes) -> None:
    answer = await http.post("/sendgrid/v3/mail/send", content=body, headers={"Authorization": "Bearer k"})
    assert answer.status_code == 400
    assert answer.json()["errors"]
