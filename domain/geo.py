"""Distances on the ground."""

import math
from dataclasses import dataclass

EARTH_RADIUS_MILES = 3958.7613
METRES_PER_MILE = 1609.344


@dataclass(frozen=True, slots=True)
class Point:
    """WGS 84 latitude and longitude in degrees."""

    lat: float
    lng: float

    def __post_init__(self) -> None:
        if not (-90 <= self.lat <= 90 and -180 <= self.lng <= 180):
            raise ValueError("latitude must be within ±90 and longitude within ±180 degrees")


def miles_between(a: Point, b: Point) -> float:
    """Great-circle distance in statute miles."""
    lat1, lat2 = math.radians(a.lat), math.radians(b.lat)
    half_lat = math.sin((lat2 - lat1) / 2)
    half_lng = math.sin(math.radians(b.lng - a.lng) / 2)
    chord = half_lat**2 + math.cos(lat1) * math.cos(lat2) * half_lng**2
    return 2 * EARTH_RADIUS_MILES * math.asin(min(1.0, math.sqrt(chord)))
