"""Google's answers: validated against the published description, pictures drawn from the truth."""

import io
import math
from typing import Any

import cv2
import httpx
import jsonschema
import numpy as np
import pytest

from domain.roof import View
from ml_models.synthetic import render_overhead
from sandbox.city import House
from sandbox.vendors.google import EQUATOR_M_PER_PX, seen
from sandbox.world import Town
from tests.unit.sandbox import published

API = "/google/maps/api"
KEY = {"key": "test"}


def decoded(content: bytes) -> Any:
    """RGB pixels of an encoded picture."""
    bgr = cv2.imdecode(np.frombuffer(io.BytesIO(content).getvalue(), np.uint8), cv2.IMREAD_COLOR)
    assert bgr is not None
    return cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)


async def geocode(http: httpx.AsyncClient, address: str, **params: str) -> dict[str, Any]:
    """An answer that fits the published schema."""
    answer = await http.get(f"{API}/geocode/json", params={"address": address, **(params or KEY)})
    assert answer.status_code == 200
    body: dict[str, Any] = answer.json()
    jsonschema.validate(body, published.google_schema("GeocodingResponse"))
    return body


async def test_an_address_is_found_to_the_rooftop(http: httpx.AsyncClient, house: House) -> None:
    body = await geocode(http, f"{house.number} {house.street}, Austin, TX {house.zip}")
    result = body["results"][0]
    assert body["status"] == "OK"
    assert result["geometry"]["location_type"] == "ROOFTOP"
    assert result["geometry"]["location"] == {"lat": house.lat, "lng": house.lng}
    parts = {kind: part["short_name"] for part in result["address_components"] for kind in part["types"]}
    assert (parts["street_number"], parts["postal_code"]) == (str(house.number), house.zip)
    assert "partial_match" not in result


async def test_an_unknown_number_is_interpolated_and_marked(http: httpx.AsyncClient, house: House) -> None:
    body = await geocode(http, f"{house.number // 100 * 100 + 98} {house.street}, Austin, TX")
    assert body["results"][0]["partial_match"] is True
    assert body["results"][0]["geometry"]["location_type"] == "RANGE_INTERPOLATED"


@pytest.mark.parametrize("address", ["99999 Nowhere Rd, Austin, TX", "Paris, France", "5300", ",,,", "%27--"])
async def test_what_is_not_there_is_not_found(http: httpx.AsyncClient, address: str) -> None:
    assert await geocode(http, address) == {"results": [], "status": "ZERO_RESULTS"}


async def test_some_houses_do_not_geocode_and_other_states_do_not_match(http: httpx.AsyncClient, town: Town) -> None:
    lost = next(house for house in town.city.houses if not house.geocodes)
    assert (await geocode(http, f"{lost.line}, Austin, TX"))["status"] == "ZERO_RESULTS"
    known = next(house for house in town.city.houses if house.geocodes)
    assert (await geocode(http, f"{known.line}, Denver, CO"))["status"] == "ZERO_RESULTS"


async def test_keys_and_addresses_are_required(http: httpx.AsyncClient) -> None:
    assert (await geocode(http, "5300 X", key=""))["status"] == "REQUEST_DENIED"
    assert (await geocode(http, " "))["status"] == "INVALID_REQUEST"
    assert (await http.get(f"{API}/staticmap", params={"center": "30,-97"})).status_code == 403


async def test_a_map_shows_the_roof_at_its_true_size(http: httpx.AsyncClient, house: House) -> None:
    center = f"{house.lat:.7f},{house.lng:.7f}"
    params = {"center": center, "zoom": "21", "size": "640x640", "maptype": "satellite", "format": "jpg"}
    answer = await http.get(f"{API}/staticmap", params=params | KEY)
    assert answer.headers["content-type"] == "image/jpeg"
    picture = decoded(answer.content)
    scale = EQUATOR_M_PER_PX * math.cos(math.radians(house.lat)) / 2**21
    drawn = render_overhead(house.roof, size_px=640, metres_per_px=scale)
    assert picture.shape == (640, 640, 3)
    assert np.abs(picture.astype(int) - drawn.rgb.astype(int)).mean() < 8
    true_m2 = house.roof.footprint.plan_m2
    assert drawn.roof_mask.astype(bool).sum() * scale**2 == pytest.approx(true_m2, rel=0.12)


async def test_a_map_moves_with_its_center(http: httpx.AsyncClient, house: House) -> None:
    params = {"zoom": "20", "size": "320x240", **KEY}
    here = await http.get(f"{API}/staticmap", params=params | {"center": f"{house.lat},{house.lng}"})
    beside = await http.get(f"{API}/staticmap", params=params | {"center": f"{house.lat + 0.00004},{house.lng}"})
    by_name = await http.get(f"{API}/staticmap", params=params | {"center": f"{house.line}, Austin, TX"})
    assert here.headers["content-type"] == "image/png"
    assert decoded(here.content).shape == (240, 320, 3)
    assert here.content == by_name.content != beside.content
    field = await http.get(f"{API}/staticmap", params=params | {"center": "30.0,-97.0"})
    assert decoded(field.content).std() < 20


@pytest.mark.parametrize(
    "params",
    [
        {"center": "30.3,-97.7", "zoom": "21"},
        {"center": "30.3,-97.7", "zoom": "x", "size": "640x640"},
        {"center": "nowhere at all", "zoom": "21", "size": "640x640"},
        {"center": "30.3,-97.7", "zoom": "21", "size": "0x640"},
        {"center": "99,-97.7", "zoom": "21", "size": "640x640"},
    ],
)
async def test_bad_map_requests_are_refused(http: httpx.AsyncClient, params: dict[str, str]) -> None:
    assert (await http.get(f"{API}/staticmap", params=params | KEY)).status_code == 400


async def test_the_camera_turns_around_the_house(house: House) -> None:
    facing = house.front_azimuth + 180
    assert [seen(house, facing + turn) for turn in (0, 90, 180, 270, 44)] == [
        View.FRONT,
        View.LEFT,
        View.REAR,
        View.RIGHT,
        View.FRONT,
    ]
    assert seen(house, None) is View.FRONT


async def test_metadata_then_picture(http: httpx.AsyncClient, house: House, town: Town) -> None:
    house = next(other for other in town.city.houses if other.has_panorama)
    location = {"location": f"{house.lat},{house.lng}", **KEY}
    body = (await http.get(f"{API}/streetview/metadata", params=location)).json()
    jsonschema.validate(body, published.google_schema("StreetViewResponse"))
    assert body["status"] == "OK"
    towards = math.degrees(
        math.atan2(
            (house.lng - body["location"]["lng"]) * math.cos(math.radians(house.lat)),
            house.lat - body["location"]["lat"],
        )
    )
    assert seen(house, towards) is View.FRONT
    views = ((0, {"pano": body["pano_id"]}), (0, location), (90, location))
    pictures = [
        await http.get(f"{API}/streetview", params={"size": "640x640", "heading": str(towards + turn), **where, **KEY})
        for turn, where in views
    ]
    assert decoded(pictures[0].content).shape == (640, 640, 3)
    assert pictures[0].content == pictures[1].content != pictures[2].content


async def test_a_house_without_panorama(http: httpx.AsyncClient, town: Town) -> None:
    bare = next(house for house in town.city.houses if not house.has_panorama)
    location = {"location": f"{bare.lat},{bare.lng}", **KEY}
    body = (await http.get(f"{API}/streetview/metadata", params=location)).json()
    assert body == {"status": "ZERO_RESULTS"}
    picture = await http.get(f"{API}/streetview", params=location | {"size": "640x640"})
    assert decoded(picture.content).std() < 1
    refused = await http.get(f"{API}/streetview", params=location | {"size": "640x640", "return_error_code": "true"})
    assert refused.status_code == 404
