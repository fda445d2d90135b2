"""Google Maps Platform: geocoding, static satellite maps and street view, drawn from the houses' truth."""

import math
import re
from typing import Annotated, Any

import cv2
import numpy as np
import numpy.typing as npt
from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse, PlainTextResponse, Response

from domain.roof import View
from ml_models.synthetic import render_overhead, render_street
from sandbox.addresses import SUFFIXES, street_key
from sandbox.city import METRES_PER_DEGREE, City, House
from sandbox.world import Town, World

Picture = npt.NDArray[np.uint8]
MAX_SIZE = 640
EQUATOR_M_PER_PX = 156_543.03392
VIEW_BY_QUARTER = (View.FRONT, View.LEFT, View.REAR, View.RIGHT)
"""What a camera sees that turns clockwise from facing the front: facing on by a quarter it sees the left side."""
IN_REACH_M = 60.0
NO_KEY = (
    "The Google Maps Platform server rejected your request. "
    "You must use an API key to authenticate each request to Google Maps Platform APIs."
)
LONG_SUFFIX = {short: long.title() for long, short in SUFFIXES.items() if long not in ("AV", "TR", "WY")}
JPEG_QUALITY = 90


def router(world: World) -> APIRouter:
    """Routes under /google."""
    routes = APIRouter(prefix="/google/maps/api")
    for add in (_add_geocoding, _add_static_map, _add_street_view, _add_metadata):
        add(routes, world)
    return routes


def _add_geocoding(routes: APIRouter, world: World) -> None:
    @routes.get("/geocode/json")
    def geocode(address: str = "", key: str = "") -> Response:
        if not key:
            return _answer("REQUEST_DENIED", [], NO_KEY)
        if not address.strip():
            return _answer("INVALID_REQUEST", [], "Invalid request. Missing the 'address' parameter.")
        found = [place for town in world.towns.values() if (place := _place(town.city, address))]
        return _answer("OK" if found else "ZERO_RESULTS", found)


def _add_static_map(routes: APIRouter, world: World) -> None:
    @routes.get("/staticmap")
    def static_map(
        center: str = "",
        zoom: str = "",
        size: str = "",
        scale: str = "1",
        encoding: Annotated[str, Query(alias="format")] = "png",
        key: str = "",
    ) -> Response:
        if not key:
            return PlainTextResponse(NO_KEY, status_code=403)
        shape, level, factor = _size(size), _level(zoom), _level(scale)
        spot = _spot(world, center)
        if shape is None or level is None or factor not in (1, 2) or spot is None:
            return PlainTextResponse("Invalid request.", status_code=400)
        return _overhead(world, spot, shape, level, factor, encoding)


def _add_street_view(routes: APIRouter, world: World) -> None:
    @routes.get("/streetview")
    def street_view(
        location: str = "",
        size: str = "",
        heading: str = "",
        pano: str = "",
        key: str = "",
        return_error_code: str = "false",
    ) -> Response:
        if not key:
            return PlainTextResponse(NO_KEY, status_code=403)
        shape, turn = _size(size), _degrees(heading)
        if shape is None or (heading and turn is None) or not (location or pano):
            return PlainTextResponse("Invalid request.", status_code=400)
        house = _panorama(world, location, pano)
        if house is None:
            if return_error_code == "true":
                return PlainTextResponse("Not found.", status_code=404)
            return Response(_jpeg(np.full((shape[1], shape[0], 3), 228, np.uint8)), media_type="image/jpeg")
        view = seen(house, turn)
        key_ = ("street", house.city, house.index, view, shape)
        return Response(world.pictures.get(key_, lambda: _street(house, view, shape)), media_type="image/jpeg")


def _add_metadata(routes: APIRouter, world: World) -> None:
    @routes.get("/streetview/metadata")
    def metadata(location: str = "", pano: str = "", key: str = "") -> Response:
        if not key:
            return JSONResponse({"status": "REQUEST_DENIED", "error_message": NO_KEY})
        if not (location or pano):
            return JSONResponse({"status": "INVALID_REQUEST"})
        if location and _spot(world, location) is None:
            return JSONResponse({"status": "NOT_FOUND"})
        house = _panorama(world, location, pano)
        if house is None:
            return JSONResponse({"status": "ZERO_RESULTS"})
        lat, lng = _kerb(house)
        return JSONResponse(
            {
                "copyright": "© Google",
                "date": _captured(world, house),
                "location": {"lat": lat, "lng": lng},
                "pano_id": house.pano_id,
                "status": "OK",
            }
        )


def seen(house: House, heading: float | None) -> View:
    """Which side a camera pointing to `heading` (degrees from north) shows; without one it looks at the front."""
    if heading is None:
        return View.FRONT
    turned = (heading - (house.front_azimuth + 180)) % 360
    return VIEW_BY_QUARTER[round(turned / 90) % 4]


def _answer(status: str, results: list[dict[str, Any]], message: str | None = None) -> JSONResponse:
    body: dict[str, Any] = {"results": results, "status": status}
    return JSONResponse(body | ({"error_message": message} if message else {}))


def _place(city: City, address: str) -> dict[str, Any] | None:
    """A house exactly, or its street when only the number is unknown, as Google interpolates."""
    tail = re.sub(r"[^A-Z0-9 ]", " ", " ".join(address.upper().split(",")[1:])).split()
    if tail and city.spec.state not in tail and city.spec.city.upper() not in tail:
        return None
    house = city.find(address)
    if house:
        return _result(city, house, house.number, "ROOFTOP", partial=False) if house.geocodes else None
    match = re.match(r"\s*(\d{1,6})\s+(.+)", address.split(",")[0])
    street = city.by_street.get(street_key(match.group(2))) if match else None
    if match is None or street is None:
        return None
    number = int(match.group(1))
    if street[0].number // 100 != number // 100:
        return None
    nearest = min(street, key=lambda other: abs(other.number - number))
    return _result(city, nearest, number, "RANGE_INTERPOLATED", partial=True)


def _result(city: City, house: House, number: int, kind: str, *, partial: bool) -> dict[str, Any]:
    lat, lng = house.lat, house.lng
    *words, suffix = house.street.split()
    route = f"{' '.join(words)} {LONG_SUFFIX.get(suffix.upper(), suffix)}"
    spec = city.spec
    parts = [
        (str(number), str(number), ["street_number"]),
        (route, house.street, ["route"]),
        (house.neighbourhood.name, house.neighbourhood.name, ["neighborhood", "political"]),
        (spec.city, spec.city, ["locality", "political"]),
        (f"{spec.county} County", f"{spec.county} County", ["administrative_area_level_2", "political"]),
        ({"TX": "Texas"}.get(spec.state, spec.state), spec.state, ["administrative_area_level_1", "political"]),
        ("United States", "US", ["country", "political"]),
        (house.zip, house.zip, ["postal_code"]),
    ]
    result: dict[str, Any] = {
        "address_components": [
            {"long_name": long, "short_name": short, "types": types} for long, short, types in parts
        ],
        "formatted_address": f"{number} {house.street}, {spec.city}, {spec.state} {house.zip}, USA",
        "geometry": {
            "location": {"lat": lat, "lng": lng},
            "location_type": kind,
            "viewport": {
                "northeast": {"lat": lat + 0.0013489802915, "lng": lng + 0.0013489802915},
                "southwest": {"lat": lat - 0.0013489802915, "lng": lng - 0.0013489802915},
            },
        },
        "place_id": house.place_id,
        "types": ["street_address"] if kind == "RANGE_INTERPOLATED" else ["premise", "street_address"],
    }
    return result | ({"partial_match": True} if partial else {})


def _overhead(
    world: World, spot: tuple[float, float], shape: tuple[int, int], zoom: int, scale: int, encoding: str
) -> Response:
    lat, lng = spot
    metres_per_px = EQUATOR_M_PER_PX * math.cos(math.radians(lat)) / 2**zoom / scale
    width, height = shape[0] * scale, shape[1] * scale
    jpeg = encoding.lower().startswith("jp")
    media_type = "image/jpeg" if jpeg else "image/png"
    house, metres = _nearest(world, lat, lng)
    if house is None or metres > IN_REACH_M:
        return Response(_encode(np.full((height, width, 3), (96, 120, 92), np.uint8), jpeg), media_type=media_type)
    north = (house.lat - lat) * METRES_PER_DEGREE
    east = (house.lng - lng) * METRES_PER_DEGREE * math.cos(math.radians(lat))
    # A few centimetres of rounding in a coordinate are the same picture.
    shift = (round(east / metres_per_px), round(-north / metres_per_px))
    shift = (0, 0) if max(abs(shift[0]), abs(shift[1])) < 4 else shift
    key = ("overhead", house.city, house.index, zoom, scale, width, height, shift, jpeg)

    def draw() -> bytes:
        render = render_overhead(house.roof, size_px=max(width, height), metres_per_px=metres_per_px)
        return _encode(_crop(_shifted(render.rgb, shift), width, height), jpeg)

    return Response(world.pictures.get(key, draw), media_type=media_type)


def _street(house: House, view: View, shape: tuple[int, int]) -> bytes:
    return _jpeg(_crop(render_street(house.roof, view, size_px=max(shape)).rgb, *shape))


def _shifted(rgb: Picture, shift: tuple[int, int]) -> Picture:
    if shift == (0, 0):
        return rgb
    move = np.array([[1, 0, shift[0]], [0, 1, shift[1]]], dtype=np.float32)
    moved = cv2.warpAffine(rgb, move, (rgb.shape[1], rgb.shape[0]), borderMode=cv2.BORDER_REFLECT_101)
    return np.asarray(moved, dtype=np.uint8)


def _crop(rgb: Picture, width: int, height: int) -> Picture:
    top, left = (rgb.shape[0] - height) // 2, (rgb.shape[1] - width) // 2
    return rgb[top : top + height, left : left + width]


def _encode(rgb: Picture, jpeg: bool) -> bytes:
    if jpeg:
        return _jpeg(rgb)
    return cv2.imencode(".png", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_PNG_COMPRESSION, 1])[1].tobytes()


def _jpeg(rgb: Picture) -> bytes:
    bgr = cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR)
    return cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1].tobytes()


def _panorama(world: World, location: str, pano: str) -> House | None:
    if pano:
        return world.panoramas.get(pano)
    spot = _spot(world, location) if location else None
    if spot is None:
        return None
    house, metres = _nearest(world, *spot)
    return house if house and metres <= IN_REACH_M and house.has_panorama else None


def _nearest(world: World, lat: float, lng: float) -> tuple[House | None, float]:
    found = [town.city.nearest(lat, lng) for town in world.towns.values() if town.city.houses]
    return min(found, key=lambda pair: pair[1], default=(None, math.inf))


def _spot(world: World, text: str) -> tuple[float, float] | None:
    """A `lat,lng` pair or an address."""
    match = re.fullmatch(r"\s*(-?\d{1,3}(?:\.\d+)?)\s*,\s*(-?\d{1,3}(?:\.\d+)?)\s*", text)
    if match:
        lat, lng = float(match.group(1)), float(match.group(2))
        return (lat, lng) if abs(lat) <= 85 and abs(lng) <= 180 else None
    return next((spot for town in world.towns.values() if (spot := _by_address(town, text))), None)


def _by_address(town: Town, text: str) -> tuple[float, float] | None:
    house = town.city.find(text)
    return (house.lat, house.lng) if house else None


def _kerb(house: House) -> tuple[float, float]:
    """Where the camera car stood: on the street in front of the house."""
    azimuth = math.radians(house.front_azimuth)
    lat = house.lat + 16 * math.cos(azimuth) / METRES_PER_DEGREE
    lng = house.lng + 16 * math.sin(azimuth) / (METRES_PER_DEGREE * math.cos(math.radians(house.lat)))
    return round(lat, 7), round(lng, 7)


def _captured(world: World, house: House) -> str:
    month = world.today.year * 12 + world.today.month - 2 - house.index % 3
    return f"{month // 12}-{month % 12 + 1:02d}"


def _size(text: str) -> tuple[int, int] | None:
    match = re.fullmatch(r"(\d{1,4})x(\d{1,4})", text)
    if not match or 0 in (int(match.group(1)), int(match.group(2))):
        return None
    return min(int(match.group(1)), MAX_SIZE), min(int(match.group(2)), MAX_SIZE)


def _level(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and int(text) <= 22 else None


def _degrees(text: str) -> float | None:
    match = re.fullmatch(r"-?\d{1,3}(?:\.\d+)?", text)
    return float(text) if match else None
