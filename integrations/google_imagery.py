"""Google's satellite and street-level pictures (spec 3.1.3, 7.3), through VendorHttp.

Only downloads: whether the bytes are a picture is for the caller to find out. A `garbage` answer that is
not even an image by its content type is refused here.
"""

import math
import re
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from integrations.http import (
    Body,
    VendorHttp,
    VendorRejected,
    VendorUnavailable,
    VendorUnreadable,
)

VENDOR = "google_imagery"
SATELLITE_PRICE = Decimal("0.002")
"""US dollars per static map: $2 per 1,000 (spec 7.3); the free allowance is not netted off."""
STREET_VIEW_PRICE = Decimal("0.007")
"""US dollars per street view: $7 per 1,000 (spec 7.3). Metadata is free."""

SIZE_PX = 640
ZOOM = 21
PANORAMA_RADIUS_M = 50
FIELD_OF_VIEW = 80
PITCH = 12
"""Degrees above the horizon: roofs are above the camera."""

_EQUATOR_METRES_PER_PX = 156543.03392
_METADATA_FAULTS = {
    "OVER_QUERY_LIMIT": VendorUnavailable,
    "UNKNOWN_ERROR": VendorUnavailable,
}


def metres_per_px(lat: float, zoom: int = ZOOM) -> float:
    """Ground metres per pixel of a Web Mercator map at scale 1: 0.0645 in Austin at zoom 21."""
    return _EQUATOR_METRES_PER_PX * math.cos(math.radians(lat)) / float(2**zoom)


@dataclass(frozen=True, slots=True)
class Panorama:
    """A Street View panorama: where its camera stood and when (Google tells year and month)."""

    pano_id: str
    lat: float
    lng: float
    captured: date | None


class GoogleImagery:
    """Maps Static API and Street View Static API with one key."""

    def __init__(self, http: VendorHttp, api_key: str) -> None:
        self._http = http
        self._key = api_key

    async def satellite(self, lat: float, lng: float) -> bytes:
        """A 640×640 overhead picture centred on the point, zoom 21, JPEG."""
        params = {
            "center": f"{lat:.7f},{lng:.7f}",
            "zoom": ZOOM,
            "size": f"{SIZE_PX}x{SIZE_PX}",
            "scale": 1,
            "maptype": "satellite",
            "format": "jpg",
            "key": self._key,
        }
        body = await self._http.get("staticmap", "/maps/api/staticmap", params, cost=SATELLITE_PRICE)
        return self._image("staticmap", body)

    async def panorama(self, lat: float, lng: float) -> Panorama | None:
        """The outdoor panorama nearest to the point within 50 m, or None. Free of charge."""
        params = {
            "location": f"{lat:.7f},{lng:.7f}",
            "radius": PANORAMA_RADIUS_M,
            "source": "outdoor",
            "key": self._key,
        }
        answer = await self._http.get_json("streetview_metadata", "/maps/api/streetview/metadata", params)
        return self._panorama(answer)

    async def street_view(self, pano_id: str, heading: float) -> bytes | None:
        """A 640×640 picture from a panorama towards `heading` (degrees from north), or None if there is none."""
        params = {
            "pano": pano_id,
            "heading": f"{heading % 360:.1f}",
            "size": f"{SIZE_PX}x{SIZE_PX}",
            "fov": FIELD_OF_VIEW,
            "pitch": PITCH,
            # Without it Google sends, and bills, a grey card that says there is no imagery.
            "return_error_code": "true",
            "key": self._key,
        }
        try:
            body = await self._http.get("streetview", "/maps/api/streetview", params, cost=STREET_VIEW_PRICE)
        except VendorRejected as error:
            if error.status == 404:
                return None
            raise
        return self._image("streetview", body)

    def _image(self, operation: str, body: Body) -> bytes:
        media_type = body.content_type.partition(";")[0].strip().lower()
        if not media_type.startswith("image/"):
            raise VendorUnreadable(self._http.vendor, operation, "the answer is not an image")
        return body.content

    def _panorama(self, answer: Any) -> Panorama | None:
        vendor, operation = self._http.vendor, "streetview_metadata"
        status = answer.get("status") if isinstance(answer, dict) else None
        if not isinstance(status, str):
            raise VendorUnreadable(vendor, operation, "the answer has no status")
        if status in ("ZERO_RESULTS", "NOT_FOUND"):
            return None
        if status in _METADATA_FAULTS:
            raise _METADATA_FAULTS[status](vendor, operation, status)
        if status != "OK":
            known = status if re.fullmatch(r"[A-Z_]{2,40}", status) else "an unknown status"
            raise VendorRejected(vendor, operation, known, 200)
        try:
            return Panorama(
                pano_id=str(answer["pano_id"]),
                lat=float(answer["location"]["lat"]),
                lng=float(answer["location"]["lng"]),
                captured=_month(answer.get("date")),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise VendorUnreadable(vendor, operation, "a panorama without id or location") from error


def _month(value: Any) -> date | None:
    """The first day of Google's "YYYY-MM"; None when it does not say."""
    match = re.fullmatch(r"(\d{4})-(\d{2})(?:-\d{2})?", str(value or ""))
    if not match or not 1 <= int(match[2]) <= 12:
        return None
    return date(int(match[1]), int(match[2]), 1)
