"""Pictures of a house whose roof is known: from above (map geometry) and from the street."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from domain.roof import Box, DamageType, RoofMaterial, View
from ml_models.synthetic.damage import Patch, chimney, draw, place
from ml_models.synthetic.geometry import (
    Block,
    Camera,
    Overhead,
    Plane,
    Points,
    Street,
    blocks,
    eave_outline,
    street_camera,
    sun_vector,
)
from ml_models.synthetic.texture import Grid, Pixels, Rgb, blend, grid, noise, surface
from ml_models.synthetic.truth import RoofShape, RoofTruth

DEFAULT_METRES_PER_PX = 0.0645
"""Google Static Maps at zoom 21 over Austin."""


@dataclass(frozen=True, slots=True)
class TrueBox:
    """Where one patch of damage is seen; `severity` 0-100."""

    damage: DamageType
    box: Box
    severity: float


@dataclass(frozen=True, slots=True)
class Render:
    """A picture and what is true of it. Masks are 0/1 of the picture's size; hidden parts of the roof are 0."""

    rgb: npt.NDArray[np.uint8]
    roof_mask: npt.NDArray[np.uint8]
    damage_mask: npt.NDArray[np.uint8]
    boxes: tuple[TrueBox, ...]
    material: RoofMaterial


class _Canvas:
    """Colour, which patch of damage each pixel shows, and which pixels are roof."""

    def __init__(self, rgb: Pixels) -> None:
        self.rgb = rgb
        self.patches = np.zeros(rgb.shape[:2], np.uint8)
        self.roof = np.zeros(rgb.shape[:2], np.uint8)

    def cover(self, rows: slice, columns: slice, alpha: Pixels, colour: Pixels) -> None:
        """Something that is not roof lies over these pixels."""
        self.rgb[rows, columns] = blend(self.rgb[rows, columns], colour, alpha)
        self.patches[rows, columns][alpha > 0.5] = 0
        self.roof[rows, columns][alpha > 0.5] = 0


def render_overhead(truth: RoofTruth, size_px: int = 640, metres_per_px: float = DEFAULT_METRES_PER_PX) -> Render:
    """The parcel from straight above, house in the middle; `size_px` square."""
    rng = np.random.default_rng((truth.seed, 21))
    outline = eave_outline(truth)
    middle = (outline.max(axis=0) + outline.min(axis=0)) / 2 + rng.uniform(-1.0, 1.0, 2)
    camera = Overhead(size_px, metres_per_px, truth.rotation_deg, (float(middle[0]), float(middle[1])))
    canvas = _Canvas(_lawn(size_px, metres_per_px, rng))
    _street_and_drive(canvas, truth, camera, rng)
    _neighbours(canvas, truth, camera, rng)
    _ground_shadow(canvas, outline, truth.eave_m + 0.8, camera, truth)
    patches = _house(canvas, truth, camera, walls=False)
    _garden_trees(canvas, truth, camera, outline, rng)
    return _finish(canvas, truth, patches, rng)


def render_street(truth: RoofTruth, view: View, size_px: int = 640) -> Render:
    """The house from the street (front, left, right) or from behind; `size_px` square."""
    if view is View.OVERHEAD:
        raise ValueError("render_street draws the four street views; use render_overhead")
    rng = np.random.default_rng((truth.seed, 31, list(View).index(view)))
    jitter = rng.uniform(-1, 1, 3)
    camera = street_camera(truth, view, size_px, (float(jitter[0]), float(jitter[1]), float(jitter[2])))
    canvas = _Canvas(_sky_and_ground(camera, size_px, view, rng))
    patches = _house(canvas, truth, camera, walls=True, wing_last=view is not View.REAR)
    _street_trees(canvas, truth, camera, rng)
    return _finish(canvas, truth, patches, rng)


# --- the house -------------------------------------------------------------------------------------------------------


def _house(
    canvas: _Canvas,
    truth: RoofTruth,
    camera: Camera,
    walls: bool,
    wing_last: bool = True,
) -> list[Patch]:
    parts = blocks(truth)
    planes = [p for block in parts for p in block.roof]
    patches = place(truth, planes, _under_wing(truth, len(parts[0].roof)))
    order = parts if wing_last else parts[::-1]
    for block in order:
        first = 0 if block is parts[0] else len(parts[0].roof)
        if walls:
            _walls(canvas, truth, block, camera)
        for index, roof_plane in enumerate(block.roof, start=first):
            here = [p for p in patches if p.plane == index]
            _paint(
                canvas,
                camera,
                roof_plane,
                _roof_texture(truth, roof_plane, index, here),
                roof=True,
            )
        _edges(canvas, truth, block, camera, walls)
    return patches


def _under_wing(truth: RoofTruth, main_planes: int) -> Callable[[int, Points], bool]:
    f = truth.footprint
    meet = -(f.width_m - f.wing_width_m) / 2 + 0.2

    def hidden(index: int, point: Points) -> bool:
        if not f.wing_extent_m or index >= main_planes:
            return False
        return bool(abs(point[0] - f.wing_centre_m) < f.wing_width_m / 2 + 0.2 and point[1] < meet)

    return hidden


Texture = Callable[[Grid], tuple[Pixels, npt.NDArray[np.uint8]]]


def _roof_texture(truth: RoofTruth, roof_plane: Plane, index: int, patches: list[Patch]) -> Texture:
    sun = sun_vector(truth.sun_azimuth_deg + truth.rotation_deg, truth.sun_elevation_deg)
    light = np.float32(0.66 + 0.46 * max(0.0, float(roof_plane.normal @ sun)))

    def texture(g: Grid) -> tuple[Pixels, npt.NDArray[np.uint8]]:
        rng = np.random.default_rng((truth.seed, 41, index))
        image = surface(truth, g, rng)
        _fittings(image, truth, roof_plane, patches, g)
        seen = np.zeros(g.shape, np.uint8)
        for patch in patches:
            seen[draw(image, g, patch, truth.material) > 0] = patch.number
        return image * light, seen

    return texture


def _fittings(image: Pixels, truth: RoofTruth, roof_plane: Plane, patches: list[Patch], g: Grid) -> None:
    """Sound vents, chimneys and roof units: things that are not damage and must not be taken for it."""
    rng = np.random.default_rng((truth.seed, 43, round(roof_plane.area * 100)))
    width, height = roof_plane.extent
    flat = truth.shape is RoofShape.FLAT
    for _ in range(int(rng.integers(1, 5))):
        u, v = (
            float(rng.uniform(0.15, 0.85) * width),
            float(rng.uniform(0.2, 0.8) * height),
        )
        size = float(rng.uniform(0.6, 1.1) if flat else rng.uniform(0.14, 0.3))
        kind = float(rng.random())
        clear = all(abs(p.u - u) > p.ru + size or abs(p.v - v) > p.rv + size for p in patches)
        if not clear or cv2.pointPolygonTest(roof_plane.outline.astype(np.float32), (u, v), True) < size * 1.5:
            continue
        if not flat and kind < 0.15:
            chimney(image, g, u, v, 0.4, 0.4)
            continue
        low = round((u - size) * g.ppm_u), round((v - size) * g.ppm_v)
        high = round((u + size) * g.ppm_u), round((v + size) * g.ppm_v)
        tone = float(rng.choice((70.0, 150.0, 190.0)))
        dark = (low[0] + 2, low[1] - 2), (high[0] + 2, high[1] - 2)
        cv2.rectangle(image, *dark, (40.0, 40.0, 42.0), -1)
        cv2.rectangle(image, low, high, (tone, tone, tone), -1)
        if flat:
            middle = (low[0] + high[0]) // 2, (low[1] + high[1]) // 2
            cv2.circle(image, middle, max(2, (high[0] - low[0]) // 3), (70.0, 72.0, 74.0), -1)


def _paint(canvas: _Canvas, camera: Camera, surface_plane: Plane, texture: Texture, roof: bool) -> None:
    """Draw a plane's texture where the camera sees it."""
    if not camera.faces(surface_plane):
        return
    width, height = surface_plane.extent
    rectangle = np.array([(0, 0), (width, 0), (width, height), (0, height)], dtype=np.float64)
    corners = camera.project(surface_plane.at(rectangle))
    outline = camera.project(surface_plane.at(surface_plane.outline))
    size = canvas.rgb.shape[0]
    low = np.clip(np.floor(outline.min(axis=0)) - 1, 0, size).astype(int)
    high = np.clip(np.ceil(outline.max(axis=0)) + 2, 0, size).astype(int)
    if (high - low < 3).any():
        return
    side = np.linalg.norm(corners - np.roll(corners, -1, axis=0), axis=1)
    ppm_u = float(np.clip(max(side[0], side[2]) / width, 4, 60))
    ppm_v = float(np.clip(max(side[1], side[3]) / height, 4, 60))
    g = grid((width, height), ppm_u, ppm_v)
    image, seen = texture(g)
    h, w = g.shape
    source = np.array([(0, 0), (w, 0), (w, h), (0, h)], dtype=np.float32) - 0.5
    warp = cv2.getPerspectiveTransform(source, (corners - low - 0.5).astype(np.float32))
    window = int(high[0] - low[0]), int(high[1] - low[1])
    rows, columns = slice(low[1], high[1]), slice(low[0], high[0])
    colour = cv2.warpPerspective(image, warp, window, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    alpha = np.zeros((window[1], window[0]), np.uint8)
    cv2.fillPoly(
        alpha,
        [np.round((outline - low - 0.5) * 16).astype(np.int32)],
        255,
        cv2.LINE_AA,
        4,
    )
    share = alpha.astype(np.float32) / 255
    canvas.cover(
        rows,
        columns,
        np.asarray(share, dtype=np.float32),
        np.asarray(colour, dtype=np.float32),
    )
    if roof:
        inside = alpha > 127
        marks = cv2.warpPerspective(seen, warp, window, flags=cv2.INTER_NEAREST)
        canvas.roof[rows, columns][inside] = 1
        canvas.patches[rows, columns][inside] = marks[inside]


def _edges(canvas: _Canvas, truth: RoofTruth, block: Block, camera: Camera, walls: bool) -> None:
    """Ridge caps, and gutters or a parapet along the eaves."""
    flat = truth.shape is RoofShape.FLAT
    for roof_plane in block.roof:
        if not camera.faces(roof_plane):
            continue
        points = camera.project(roof_plane.at(roof_plane.outline))
        for start, end, v0, v1 in zip(
            points, np.roll(points, -1, axis=0), roof_plane.outline[:, 1],
            np.roll(roof_plane.outline[:, 1], -1), strict=True,
        ):  # fmt: skip
            eave = flat or (v0 < 0.01 and v1 < 0.01)
            colour = (206.0, 204.0, 198.0) if eave else (58.0, 54.0, 52.0)
            thickness = 3 if flat or (eave and walls) else 1
            a, b = [(round(float(p[0]) * 16), round(float(p[1]) * 16)) for p in (start, end)]
            cv2.line(canvas.rgb, a, b, colour, thickness, cv2.LINE_AA, 4)


SIDINGS: tuple[Rgb, ...] = (
    (214, 206, 190), (188, 198, 204), (226, 224, 218), (164, 112, 92), (178, 170, 150), (150, 160, 150),
    (206, 186, 160),
)  # fmt: skip


def _walls(canvas: _Canvas, truth: RoofTruth, block: Block, camera: Camera) -> None:
    rng = np.random.default_rng((truth.seed, 51))
    siding = np.array(SIDINGS[int(rng.integers(len(SIDINGS)))], dtype=np.float32)
    sun = sun_vector(truth.sun_azimuth_deg + truth.rotation_deg, truth.sun_elevation_deg)
    for index, wall in enumerate(block.walls):
        light = np.float32(0.7 + 0.3 * max(0.0, float(wall.normal @ sun)))
        seed = (truth.seed, 53, index, len(block.walls))

        def texture(
            g: Grid,
            light: np.float32 = light,
            seed: tuple[int, ...] = seed,
            wall: Plane = wall,
        ) -> tuple[Pixels, npt.NDArray[np.uint8]]:
            image = np.empty((*g.shape, 3), np.float32)
            image[:] = siding * light
            image *= (1 - 0.08 * ((g.v / 0.22) % 1 < 0.18))[:, None, None]
            own = np.random.default_rng(seed)
            image *= (1 + 0.03 * noise(own, g, 1.2, 0.8))[..., None]
            # Under the eave the wall lies in shade.
            image *= np.clip(1 - 0.45 * (g.v - truth.eave_m + 0.7) * (g.v < truth.eave_m), 0.6, 1)[:, None, None]
            _openings(image, g, wall.extent[0], own, light)
            return image, np.zeros(g.shape, np.uint8)

        _paint(canvas, camera, wall, texture, roof=False)


def _openings(image: Pixels, g: Grid, width: float, rng: np.random.Generator, light: np.float32) -> None:
    """Windows, and a door or garage, spread along a wall."""
    count = max(1, int(width // 3.2))
    door = int(rng.integers(count))
    for slot in range(count):
        middle = (slot + 0.5) * width / count
        kind = float(rng.random())
        half, low, high = (0.55, 0.0, 2.1) if slot == door else (0.65, 0.95, 2.15)
        if slot == door and width > 9 and kind < 0.5:
            half = 1.3
        rect = [(middle - half, low), (middle + half, high)]
        a, b = [(round(u * g.ppm_u), round(v * g.ppm_v)) for u, v in rect]
        frame = tuple(float(c * light) for c in (238, 236, 230))
        fill = (96.0, 66.0, 50.0) if slot == door and half < 1 else (72.0, 88.0, 102.0)
        fill = (210.0, 208.0, 202.0) if half > 1 else fill
        cv2.rectangle(image, a, b, fill, -1)
        cv2.rectangle(image, a, b, frame, max(1, round(0.09 * g.ppm_u)))
        if slot != door:
            x = (a[0] + b[0]) // 2
            cv2.line(image, (x, a[1]), (x, b[1]), frame, max(1, round(0.05 * g.ppm_u)))


# --- around the house, from above ------------------------------------------------------------------------------------

LAWNS: tuple[Rgb, ...] = (
    (96, 118, 66),
    (116, 124, 78),
    (138, 132, 92),
    (84, 108, 62),
    (150, 140, 108),
)


def _lawn(size: int, metres_per_px: float, rng: np.random.Generator) -> Pixels:
    g = grid(
        (size * metres_per_px, size * metres_per_px),
        1 / metres_per_px,
        1 / metres_per_px,
    )
    base = np.array(LAWNS[int(rng.integers(len(LAWNS)))], dtype=np.float32)
    tone = 1 + 0.1 * noise(rng, g, 5.0, 5.0) + 0.06 * noise(rng, g, 0.8, 0.8) + 0.05 * noise(rng, g, 0.14, 0.14)
    dry = np.clip(0.6 * noise(rng, g, 3.0, 3.0), 0, 0.6)
    return blend(
        np.asarray(base * tone[..., None], dtype=np.float32),
        (152, 138, 98),
        dry[:size, :size],
    )


def _polygon(
    canvas: _Canvas,
    camera: Camera,
    xy: Points,
    colour: tuple[float, float, float],
    grain: float = 0,
) -> None:
    """Fill a ground polygon of the house frame."""
    points = camera.project(np.column_stack([xy, np.zeros(len(xy))]))
    cv2.fillPoly(canvas.rgb, [np.round(points * 16).astype(np.int32)], colour, cv2.LINE_AA, 4)


def _rect(x0: float, y0: float, x1: float, y1: float) -> Points:
    return np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)])


def _street_and_drive(canvas: _Canvas, truth: RoofTruth, camera: Camera, rng: np.random.Generator) -> None:
    f = truth.footprint
    front = -(f.width_m / 2 + f.wing_extent_m)
    kerb = front - float(rng.uniform(5.0, 8.0))
    grey = float(rng.uniform(88, 118))
    _polygon(canvas, camera, _rect(-70, kerb - 9, 70, kerb), (grey, grey, grey + 2))
    _polygon(canvas, camera, _rect(-70, kerb - 4.6, 70, kerb - 4.4), (206.0, 196.0, 150.0))
    _polygon(canvas, camera, _rect(-70, kerb, 70, kerb + 1.5), (186.0, 182.0, 174.0))
    if f.wing_extent_m:
        x, start = f.wing_centre_m, front + 0.5
    else:
        x, start = float(rng.choice((-1, 1))) * (f.length_m / 2 - 2.6), front + 0.5
    tone = float(rng.uniform(160, 196))
    _polygon(
        canvas,
        camera,
        _rect(x - 2.3, kerb, x + 2.3, start),
        (tone, tone - 3, tone - 10),
    )
    if rng.random() < 0.5:
        _car(canvas, camera, x, (kerb + front) / 2, rng)
    fence = f.length_m / 2 + 2.8
    for side in (-1, 1):
        _polygon(
            canvas,
            camera,
            _rect(side * fence - 0.08, front + 2, side * fence + 0.08, 22),
            (132.0, 110.0, 84.0),
        )
    if rng.random() < 0.35:
        x0, y0 = float(rng.uniform(-6, 2)), f.width_m / 2 + 2.5
        _polygon(
            canvas,
            camera,
            _rect(x0 - 0.6, y0 - 0.6, x0 + 6.1, y0 + 3.9),
            (196.0, 190.0, 178.0),
        )
        _polygon(canvas, camera, _rect(x0, y0, x0 + 5.5, y0 + 3.3), (88.0, 168.0, 190.0))
    elif rng.random() < 0.6:
        x0 = float(rng.uniform(-5, 2))
        _polygon(
            canvas,
            camera,
            _rect(x0, f.width_m / 2, x0 + 5, f.width_m / 2 + 3.5),
            (176.0, 168.0, 154.0),
        )


def _car(canvas: _Canvas, camera: Camera, x: float, y: float, rng: np.random.Generator) -> None:
    colours = (
        (176, 40, 38),
        (60, 84, 128),
        (230, 230, 230),
        (50, 50, 54),
        (150, 152, 156),
    )
    r, green, b = colours[int(rng.integers(len(colours)))]
    _polygon(canvas, camera, _rect(x - 0.85, y - 2.2, x + 1.05, y + 2.3), (48.0, 48.0, 50.0))
    _polygon(
        canvas,
        camera,
        _rect(x - 0.9, y - 2.2, x + 0.9, y + 2.2),
        (float(r), float(green), float(b)),
    )
    _polygon(canvas, camera, _rect(x - 0.75, y + 0.3, x + 0.75, y + 1.1), (36.0, 44.0, 52.0))


def _neighbours(canvas: _Canvas, truth: RoofTruth, camera: Overhead, rng: np.random.Generator) -> None:
    """Plain roofs to both sides: roof, but not the roof in question."""
    f = truth.footprint
    sun = sun_vector(truth.sun_azimuth_deg + truth.rotation_deg, truth.sun_elevation_deg)
    for side in (-1, 1):
        if rng.random() < 0.2:
            continue
        half_l, half_w = float(rng.uniform(5.5, 8)), float(rng.uniform(4.2, 5.5))
        x = side * (f.length_m / 2 + 5.6 + half_l + float(rng.uniform(0, 2)))
        y = float(rng.uniform(-1.5, 1.5))
        corners = _rect(x - half_l, y - half_w, x + half_l, y + half_w)
        _ground_shadow(canvas, corners, 3.4, camera, truth)
        tone = np.array(
            rng.choice(
                (
                    (96, 90, 86),
                    (122, 104, 88),
                    (170, 104, 76),
                    (150, 154, 158),
                    (92, 98, 108),
                )
            )
        )
        slope = 0.45
        for sign in (-1, 1):
            normal = np.array([0, sign * slope, 1.0]) / math.hypot(slope, 1)
            light = 0.66 + 0.46 * max(0.0, float(normal @ sun))
            r, green, b = (tone * light).tolist()
            _polygon(
                canvas,
                camera,
                _rect(x - half_l, y, x + half_l, y + sign * half_w),
                (r, green, b),
            )
            for row in np.arange(0.5, half_w, 0.9):
                line = _rect(x - half_l, y + sign * row, x + half_l, y + sign * (row + 0.12))
                _polygon(canvas, camera, line, (r * 0.9, green * 0.9, b * 0.9))


def _ground_shadow(canvas: _Canvas, outline: Points, height: float, camera: Overhead, truth: RoofTruth) -> None:
    sun = sun_vector(truth.sun_azimuth_deg + truth.rotation_deg, truth.sun_elevation_deg)
    shift = -sun[:2] / max(float(sun[2]), 0.2) * height
    points = np.concatenate([outline, outline + shift]).astype(np.float32)
    hull = cv2.convexHull(points)[:, 0].astype(np.float64)
    pixels = camera.project(np.column_stack([hull, np.zeros(len(hull))]))
    mask = np.zeros(canvas.rgb.shape[:2], np.uint8)
    cv2.fillPoly(mask, [np.round(pixels * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
    canvas.rgb *= (1 - 0.48 / 255 * mask.astype(np.float32))[..., None]


def _garden_trees(
    canvas: _Canvas,
    truth: RoofTruth,
    camera: Overhead,
    outline: Points,
    rng: np.random.Generator,
) -> None:
    rim = outline.astype(np.float32)
    shade = -sun_vector(truth.sun_azimuth_deg + truth.rotation_deg, truth.sun_elevation_deg)[:2] * 3
    for _ in range(int(rng.integers(3, 10))):
        radius = float(rng.uniform(1.2, 3.4))
        x, y = float(rng.uniform(-19, 19)), float(rng.uniform(-19, 19))
        # A crown may reach over the eaves, by no more than a third of its radius.
        if cv2.pointPolygonTest(rim, (x, y), True) > -0.75 * radius:
            continue
        where = camera.project(np.array([(x, y, 0.0), (x + shade[0], y + shade[1], 0.0)]))
        r = radius / camera.metres_per_px
        _crown(
            canvas,
            (float(where[0, 0]), float(where[0, 1])),
            r,
            rng,
            where[1] - where[0],
        )


def _crown(
    canvas: _Canvas,
    centre: tuple[float, float],
    radius: float,
    rng: np.random.Generator,
    shadow: Points | None = None,
) -> None:
    """A tree's crown as a clump of lit leaf bunches, with its shadow on the ground if given."""
    size = canvas.rgb.shape[0]
    reach = radius * 1.25
    low = np.clip(np.array(centre) - reach, 0, size).astype(int)
    high = np.clip(np.array(centre) + reach + 1, 0, size).astype(int)
    if (high - low < 3).any():
        return
    bunches = int(26 + radius * 0.5)
    angle, out = rng.uniform(0, 2 * np.pi, bunches), np.sqrt(rng.uniform(0, 1, bunches))
    sizes = rng.uniform(0.16, 0.34, bunches) * radius
    tones = rng.uniform(0.65, 1.3, bunches)
    xs, ys = radius * 0.85 * out * np.cos(angle), radius * 0.85 * out * np.sin(angle)
    base = np.array(
        ((58, 84, 40), (74, 96, 46), (48, 72, 44), (92, 100, 52))[int(rng.integers(4))],
        dtype=np.float64,
    )
    if shadow is not None:
        _round_shadow(
            canvas,
            (centre[0] + float(shadow[0]), centre[1] + float(shadow[1])),
            radius * 0.95,
        )
    h, w = int(high[1] - low[1]), int(high[0] - low[0])
    colour, alpha = np.zeros((h, w, 3), np.float32), np.zeros((h, w), np.uint8)
    for order in np.argsort(tones):
        at = (
            round(centre[0] - low[0] + xs[order]),
            round(centre[1] - low[1] + ys[order]),
        )
        paint = base * tones[order]
        cv2.circle(
            colour,
            at,
            max(1, round(sizes[order])),
            (float(paint[0]), float(paint[1]), float(paint[2])),
            -1,
        )
        cv2.circle(alpha, at, max(1, round(sizes[order])), 1, -1)
    colour += rng.standard_normal((h, w, 1), dtype=np.float32) * 9
    canvas.cover(slice(low[1], high[1]), slice(low[0], high[0]), alpha.astype(np.float32), colour)


def _round_shadow(canvas: _Canvas, centre: tuple[float, float], radius: float) -> None:
    size = canvas.rgb.shape[0]
    low = [max(0, int(c - radius - 1)) for c in centre]
    high = [min(size, int(c + radius + 2)) for c in centre]
    if low[0] >= high[0] or low[1] >= high[1]:
        return
    rows, columns = slice(low[1], high[1]), slice(low[0], high[0])
    dark = np.zeros((high[1] - low[1], high[0] - low[0]), np.uint8)
    cv2.circle(
        dark,
        (round(centre[0]) - low[0], round(centre[1]) - low[1]),
        round(radius),
        1,
        -1,
    )
    canvas.rgb[rows, columns][(dark > 0) & (canvas.roof[rows, columns] == 0)] *= 0.62


# --- around the house, from the street -------------------------------------------------------------------------------


def _sky_and_ground(camera: Street, size: int, view: View, rng: np.random.Generator) -> Pixels:
    far = camera.project(np.array([[0.0, 0.0, 0.0]]))  # the ground at the house
    rgb = np.empty((size, size, 3), np.float32)
    height = np.linspace(0, 1, size, dtype=np.float32)[:, None, None]
    top, low = (
        np.array((104, 150, 204), np.float32),
        np.array((206, 218, 228), np.float32),
    )
    rgb[:] = top + (low - top) * np.clip(height * 2.0, 0, 1)
    g = grid((10.0, 10.0), size / 10, size / 10)
    cloud = np.clip(noise(rng, g, 2.5, 0.9) * 0.6 + 0.4 * noise(rng, g, 0.7, 0.35) - 0.15, 0, 0.8)[:size, :size]
    rgb = blend(rgb, (240, 242, 244), np.asarray(cloud * rng.uniform(0.3, 1), dtype=np.float32))
    horizon = int(float(far[0, 1]) - size * 0.085)
    lawn = np.array(LAWNS[int(rng.integers(len(LAWNS)))], dtype=np.float32)
    grass = 1 + 0.1 * noise(rng, g, 1.5, 0.3) + 0.07 * noise(rng, g, 0.1, 0.05)
    rgb[horizon:] = (lawn * grass[..., None])[horizon:size]
    _tree_line(rgb, horizon, rng)
    front = view is not View.REAR
    ground: list[tuple[Points, tuple[float, float, float]]] = []
    if front:
        grey = float(rng.uniform(96, 120))
        ground.append((_rect(-60, -16.5, 60, -13.4), (188.0, 184.0, 176.0)))
        ground.append((_rect(-60, -60, 60, -16.5), (grey, grey, grey)))
        ground.append((_rect(3.0, -16.5, 7.0, -4.0), (178.0, 174.0, 166.0)))
    else:
        ground.append((_rect(-3, 4.2, 3, 8.5), (176.0, 168.0, 154.0)))
    for xy, colour in ground:
        _ground_polygon(rgb, camera, xy, colour)
    return rgb


def _ground_polygon(rgb: Pixels, camera: Street, xy: Points, colour: tuple[float, float, float]) -> None:
    """A ground polygon in perspective, cut at the camera so that nothing wraps around from behind."""
    forward = (camera.target - camera.eye)[:2]
    forward = forward / np.linalg.norm(forward)
    dense = np.concatenate(
        [
            a + (b - a) * np.linspace(0, 1, 40, endpoint=False)[:, None]
            for a, b in zip(xy, np.roll(xy, -1, axis=0), strict=True)
        ]
    )
    depth = (dense - camera.eye[:2]) @ forward
    dense = dense + np.maximum(0, 1.2 - depth)[:, None] * forward
    points = camera.project(np.column_stack([dense, np.zeros(len(dense))]))
    points = np.clip(points, -3000, 3000)
    cv2.fillPoly(rgb, [np.round(points * 8).astype(np.int32)], colour, cv2.LINE_AA, 3)


def _tree_line(rgb: Pixels, horizon: int, rng: np.random.Generator) -> None:
    size = rgb.shape[0]
    base = np.array((78, 98, 68), dtype=np.float64)
    for _ in range(46):
        x, r = int(rng.integers(0, size)), int(rng.uniform(0.03, 0.085) * size)
        tone = float(rng.uniform(0.7, 1.25))
        lift = int(rng.uniform(-0.1, 0.9) * r)
        r_, g_, b_ = (base * tone).tolist()
        cv2.circle(rgb, (x, horizon - lift), r, (r_, g_, b_), -1)
    rgb[horizon : horizon + 2] *= 0.8


def _street_trees(canvas: _Canvas, truth: RoofTruth, camera: Street, rng: np.random.Generator) -> None:
    """Shrubs along the wall and sometimes a tree at the side."""
    size = canvas.rgb.shape[0]
    f = truth.footprint
    eye = camera.eye
    side = 1.0 if eye[1] > 0 else -1.0
    for _ in range(int(rng.integers(2, 6))):
        x = float(rng.uniform(-f.length_m / 2, f.length_m / 2))
        y = side * (f.width_m / 2 + (f.wing_extent_m if side < 0 else 0) + 0.6)
        base = camera.project(np.array([[x, y, 0.35], [x, y, 1.0]]))
        _crown(
            canvas,
            (float(base[0, 0]), float(base[0, 1])),
            float(base[0, 1] - base[1, 1]),
            rng,
        )
    if rng.random() < 0.55:
        across = float(rng.choice((-1, 1)))
        x, y = across * (f.length_m / 2 + 2.4), side * (f.width_m / 2 + 2.0)
        post = camera.project(np.array([[x, y, 0.0], [x, y, 3.0], [x, y, 5.0]]))
        a, b = [(round(float(p[0])), round(float(p[1]))) for p in post[:2]]
        if 0 <= a[0] < size:
            cv2.line(canvas.rgb, a, b, (84.0, 66.0, 50.0), max(3, size // 70))
            cv2.line(canvas.roof, a, b, 0, max(3, size // 70))
            _crown(
                canvas,
                (float(post[2, 0]), float(post[2, 1])),
                float(post[1, 1] - post[2, 1]) * 0.95,
                rng,
            )


# --- the picture -----------------------------------------------------------------------------------------------------


def _finish(canvas: _Canvas, truth: RoofTruth, patches: list[Patch], rng: np.random.Generator) -> Render:
    size = canvas.rgb.shape[0]
    warmth = (60 - truth.sun_elevation_deg) / 100
    gain = np.array((1 + 0.25 * warmth, 1.0, 1 - 0.3 * warmth)) * rng.uniform(0.92, 1.08)
    haze = float(rng.uniform(0, 0.1))
    tint = np.column_stack([np.diag(gain * (1 - haze)), np.array((196, 204, 212)) * haze])
    rgb = cv2.GaussianBlur(cv2.transform(canvas.rgb, tint), (3, 3), float(rng.uniform(0.4, 0.7)))
    tile = rng.standard_normal((256, 256), dtype=np.float32) * np.float32(rng.uniform(1.5, 4))
    grain = np.tile(tile, (-(-size // 256), -(-size // 256)))[:size, :size]
    rgb = cv2.add(rgb, cv2.merge([grain, grain, grain]), dtype=cv2.CV_8U)
    severities = {d.damage: d.severity for d in truth.damages}
    marks = canvas.patches * canvas.roof
    boxes = [_box(marks, p, severities[p.damage]) for p in patches]
    return Render(
        rgb=np.asarray(rgb, dtype=np.uint8),
        roof_mask=canvas.roof,
        damage_mask=(marks > 0).astype(np.uint8),
        boxes=tuple(b for b in boxes if b is not None),
        material=truth.material,
    )


def _box(marks: npt.NDArray[np.uint8], patch: Patch, severity: float) -> TrueBox | None:
    """Bounds of what is seen of a patch; None if too little of it is seen to tell."""
    seen = (marks == patch.number).astype(np.uint8)
    size = marks.shape[0]
    x, y, w, h = cv2.boundingRect(seen)
    if cv2.countNonZero(seen) < 2.4e-4 * size * size or min(w, h) < size * 0.011:
        return None
    return TrueBox(patch.damage, Box(x / size, y / size, w / size, h / size), severity)
