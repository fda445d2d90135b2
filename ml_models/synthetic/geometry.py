"""Roof planes, walls and the two cameras. House frame in metres: x along the street, -y to the street, z up."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from domain.roof import View
from ml_models.synthetic.truth import RoofShape, RoofTruth

Points = npt.NDArray[np.float64]
OVERHANG_M = 0.45


def cross(a: Points, b: Points) -> Points:
    """Cross product of two vectors of space; numpy's own costs ten times as much for so little."""
    return np.array(
        [
            a[1] * b[2] - a[2] * b[1],
            a[2] * b[0] - a[0] * b[2],
            a[0] * b[1] - a[1] * b[0],
        ]
    )


@dataclass(frozen=True, slots=True)
class Plane:
    """A flat polygon in space with its own axes: `u` along the eave, `v` up the slope; `outline` is in (u, v)."""

    origin: Points
    u: Points
    v: Points
    outline: Points

    @property
    def extent(self) -> tuple[float, float]:
        """Size of the outline's bounding rectangle in metres."""
        return float(self.outline[:, 0].max()), float(self.outline[:, 1].max())

    @property
    def normal(self) -> Points:
        """Outward unit normal."""
        return cross(self.u, self.v)

    @property
    def area(self) -> float:
        """Surface in square metres."""
        x, y = self.outline[:, 0], self.outline[:, 1]
        return 0.5 * abs(float(np.dot(x, np.roll(y, 1)) - np.dot(y, np.roll(x, 1))))

    def at(self, uv: Points) -> Points:
        """Points of the house frame for points of the plane."""
        return self.origin + uv[:, :1] * self.u + uv[:, 1:] * self.v


def plane(points: Sequence[tuple[float, float, float]]) -> Plane:
    """Plane through a counter-clockwise polygon (seen from outside) whose first edge lies along the eave."""
    corners = np.array(points, dtype=np.float64)
    u = corners[1] - corners[0]
    u /= np.linalg.norm(u)
    normal = cross(corners[1] - corners[0], corners[-1] - corners[0])
    normal /= np.linalg.norm(normal)
    v = cross(normal, u)
    uv = np.stack([(corners - corners[0]) @ u, (corners - corners[0]) @ v], axis=1)
    low = uv.min(axis=0)
    return Plane(corners[0] + low[0] * u + low[1] * v, u, v, uv - low)


@dataclass(frozen=True, slots=True)
class Block:
    """A part of the house whose roof and walls are drawn together: the main block or the wing."""

    roof: tuple[Plane, ...]
    walls: tuple[Plane, ...]


def blocks(truth: RoofTruth) -> tuple[Block, ...]:
    """The main block, then the wing if there is one."""
    f, slope, eave = truth.footprint, truth.pitch / 12.0, truth.eave_m
    a, b = f.length_m / 2, f.width_m / 2
    main = Block(
        _main_roof(truth.shape, a, b, eave, slope),
        _walls(truth.shape, a, b, eave, slope),
    )
    if truth.shape not in (RoofShape.L, RoofShape.T):
        return (main,)
    return main, _wing(truth)


def _main_roof(shape: RoofShape, a: float, b: float, eave: float, slope: float) -> tuple[Plane, ...]:
    if shape is RoofShape.FLAT:
        return (plane([(-a, -b, eave), (a, -b, eave), (a, b, eave), (-a, b, eave)]),)
    top = eave + b * slope
    r = a - b if shape is RoofShape.HIP else a
    slopes = [
        plane([(-a, -b, eave), (a, -b, eave), (r, 0, top), (-r, 0, top)]),
        plane([(a, b, eave), (-a, b, eave), (-r, 0, top), (r, 0, top)]),
    ]
    if shape is RoofShape.HIP:
        slopes.append(plane([(a, -b, eave), (a, b, eave), (r, 0, top)]))
        slopes.append(plane([(-a, b, eave), (-a, -b, eave), (-r, 0, top)]))
    return tuple(slopes)


def _walls(shape: RoofShape, a: float, b: float, eave: float, slope: float) -> tuple[Plane, ...]:
    x, y = a - OVERHANG_M, b - OVERHANG_M
    low = eave
    if shape in (RoofShape.FLAT, RoofShape.HIP):
        ends = [
            plane([(x, -y, 0), (x, y, 0), (x, y, low), (x, -y, low)]),
            plane([(-x, y, 0), (-x, -y, 0), (-x, -y, low), (-x, y, low)]),
        ]
    else:
        top = eave + y * slope
        ends = [
            plane([(x, -y, 0), (x, y, 0), (x, y, low), (x, 0, top), (x, -y, low)]),
            plane([(-x, y, 0), (-x, -y, 0), (-x, -y, low), (-x, 0, top), (-x, y, low)]),
        ]
    return (
        plane([(-x, -y, 0), (x, -y, 0), (x, -y, low), (-x, -y, low)]),
        plane([(x, y, 0), (-x, y, 0), (-x, y, low), (x, y, low)]),
        *ends,
    )


def _wing(truth: RoofTruth) -> Block:
    f, slope, eave = truth.footprint, truth.pitch / 12.0, truth.eave_m
    b, h, c = f.width_m / 2, f.wing_width_m / 2, f.wing_centre_m
    front, top, meet = -(b + f.wing_extent_m), eave + h * slope, -(b - h)
    roof = (
        plane([(c - h, -b, eave), (c - h, front, eave), (c, front, top), (c, meet, top)]),
        plane([(c + h, front, eave), (c + h, -b, eave), (c, meet, top), (c, front, top)]),
    )
    w, y = h - OVERHANG_M, front + OVERHANG_M
    inner_top = eave + w * slope
    walls = (
        plane([(c - w, -b, 0), (c - w, y, 0), (c - w, y, eave), (c - w, -b, eave)]),
        plane([(c + w, y, 0), (c + w, -b, 0), (c + w, -b, eave), (c + w, y, eave)]),
        plane(
            [
                (c - w, y, 0),
                (c + w, y, 0),
                (c + w, y, eave),
                (c, y, inner_top),
                (c - w, y, eave),
            ]
        ),
    )
    return Block(roof, walls)


def eave_outline(truth: RoofTruth) -> Points:
    """The roof seen from above as a polygon in the house frame (x, y)."""
    f = truth.footprint
    a, b = f.length_m / 2, f.width_m / 2
    if not f.wing_extent_m:
        return np.array([(-a, -b), (a, -b), (a, b), (-a, b)])
    h, c, front = f.wing_width_m / 2, f.wing_centre_m, -(b + f.wing_extent_m)
    return np.array(
        [
            (-a, -b),
            (c - h, -b),
            (c - h, front),
            (c + h, front),
            (c + h, -b),
            (a, -b),
            (a, b),
            (-a, b),
        ]
    )


class Camera(Protocol):
    """Maps the house frame to pixels."""

    def project(self, points: Points) -> Points:
        """Pixels (x right, y down) of points in space."""

    def faces(self, surface: Plane) -> bool:
        """Whether the surface's outer side is seen."""


@dataclass(frozen=True, slots=True)
class Overhead:
    """Straight down; the house is turned by `rotation_deg` and its footprint's middle sits near the image's."""

    size_px: int
    metres_per_px: float
    rotation_deg: float
    centre: tuple[float, float] = (0.0, 0.0)

    def project(self, points: Points) -> Points:
        turn = math.radians(self.rotation_deg)
        x, y = points[:, 0] - self.centre[0], points[:, 1] - self.centre[1]
        east = x * math.cos(turn) - y * math.sin(turn)
        north = x * math.sin(turn) + y * math.cos(turn)
        half = self.size_px / 2
        return np.stack(
            [half + east / self.metres_per_px, half - north / self.metres_per_px],
            axis=1,
        )

    def faces(self, surface: Plane) -> bool:
        return bool(surface.normal[2] > 0)


@dataclass(frozen=True, slots=True)
class Street:
    """A pinhole camera at `eye` that looks at `target`."""

    size_px: int
    eye: Points
    target: Points
    field_of_view_deg: float = 60.0

    def project(self, points: Points) -> Points:
        forward = self.target - self.eye
        forward = forward / np.linalg.norm(forward)
        right = cross(forward, np.array((0.0, 0.0, 1.0)))
        right /= np.linalg.norm(right)
        up = cross(right, forward)
        rel = points - self.eye
        depth = np.maximum(rel @ forward, 0.1)
        focal = self.size_px / 2 / math.tan(math.radians(self.field_of_view_deg / 2))
        half = self.size_px / 2
        return np.stack(
            [half + focal * (rel @ right) / depth, half - focal * (rel @ up) / depth],
            axis=1,
        )

    def faces(self, surface: Plane) -> bool:
        return bool((self.eye - surface.origin) @ surface.normal > 0.15)


VIEW_AZIMUTHS_DEG = {
    View.FRONT: 0.0,
    View.LEFT: -38.0,
    View.RIGHT: 38.0,
    View.REAR: 180.0,
}
"""Where the camera stands around the house, from the street's middle, clockwise seen from above is negative x."""


def street_camera(truth: RoofTruth, view: View, size_px: int, jitter: tuple[float, float, float]) -> Street:
    """Camera for a street view; `jitter` (each about -1 to 1) varies azimuth, height and distance."""
    f = truth.footprint
    azimuth = math.radians(VIEW_AZIMUTHS_DEG[view] + 7 * jitter[0])
    depth = f.width_m / 2 + (f.wing_extent_m if view is not View.REAR else 0.0)
    distance = depth + 0.66 * f.length_m + 3.2 + 1.5 * jitter[2]
    eye = np.array(
        [
            distance * math.sin(azimuth),
            -distance * math.cos(azimuth),
            6.3 + 0.8 * jitter[1],
        ]
    )
    return Street(size_px, eye, np.array([0.0, 0.0, truth.eave_m + 0.4]))


def sun_vector(azimuth_deg: float, elevation_deg: float) -> Points:
    """Unit vector to the sun; azimuth clockwise from +y."""
    azimuth, elevation = math.radians(azimuth_deg), math.radians(elevation_deg)
    flat = math.cos(elevation)
    return np.array([flat * math.sin(azimuth), flat * math.cos(azimuth), math.sin(elevation)])
