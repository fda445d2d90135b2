"""Where damage sits on a roof and how each of the ten kinds is drawn into the texture of a roof plane."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from domain.roof import DamageType, RoofMaterial
from ml_models.synthetic.geometry import Plane
from ml_models.synthetic.texture import COURSES, Grid, Pixels, blend, noise
from ml_models.synthetic.truth import PATCHES, RoofTruth

Mask = npt.NDArray[np.uint8]
Points = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Patch:
    """One place of damage: on plane `plane`, centred at (u, v) metres with half axes (ru, rv) metres."""

    number: int
    damage: DamageType
    strength: float
    plane: int
    u: float
    v: float
    ru: float
    rv: float
    seed: int


# Width over height of a patch on the slope.
ASPECTS: dict[DamageType, float] = {
    DamageType.MISSING_SHINGLES: 1.5,
    DamageType.CURLED_SHINGLES: 1.7,
    DamageType.MOSS_ALGAE: 1.3,
    DamageType.RUST_STAINS: 0.75,
    DamageType.HAIL_DAMAGE: 1.2,
    DamageType.CRACKED_TILES: 1.4,
    DamageType.PONDING_WATER: 1.4,
    DamageType.DAMAGED_FLASHING: 1.0,
    DamageType.SAGGING: 1.6,
    DamageType.TREE_DAMAGE: 1.3,
}


def place(truth: RoofTruth, planes: Sequence[Plane], hidden: Callable[[int, Points], bool]) -> list[Patch]:
    """Lay out the damages of a roof over its planes; `hidden` says that a point of a plane is covered by the wing."""
    rng = np.random.default_rng((truth.seed, 11))
    patches: list[Patch] = []
    areas = np.array([p.area for p in planes])
    for damage in truth.damages:
        rule = PATCHES[damage.damage]
        wanted = damage.share * truth.surface_m2
        typical = rule.smallest_m2 + (rule.largest_m2 - rule.smallest_m2) * damage.severity / 100
        count = int(np.clip(round(wanted / typical), 1, 6))
        for _ in range(count):
            where = _site(
                rng,
                planes,
                areas,
                wanted / count,
                ASPECTS[damage.damage],
                patches,
                hidden,
            )
            strength = 0.5 + 0.5 * damage.severity / 100
            patches.append(
                Patch(
                    len(patches) + 1,
                    damage.damage,
                    strength,
                    *where,
                    seed=int(rng.integers(2**31)),
                )
            )
    return patches


def _site(
    rng: np.random.Generator,
    planes: Sequence[Plane],
    areas: npt.NDArray[np.float64],
    area: float,
    aspect: float,
    taken: Sequence[Patch],
    hidden: Callable[[int, Points], bool],
) -> tuple[int, float, float, float, float]:
    """Plane, centre and half axes of a patch: inside its plane and clear of the others, smaller when it must be."""
    aspect *= float(rng.uniform(0.75, 1.35))
    rv = float(np.sqrt(area / np.pi / aspect))
    ru = rv * aspect
    for attempt in range(60):
        index = int(rng.choice(len(planes), p=areas / areas.sum()))
        width, height = planes[index].extent
        fit_u, fit_v = min(ru, 0.44 * width), min(rv, 0.44 * height)
        u, v = (
            float(rng.uniform(fit_u, width - fit_u)),
            float(rng.uniform(fit_v, height - fit_v)),
        )
        if _inside(planes[index], u, v, fit_u, fit_v, index, hidden) and all(
            p.plane != index or abs(p.u - u) > p.ru + fit_u or abs(p.v - v) > p.rv + fit_v for p in taken
        ):
            return index, u, v, fit_u, fit_v
        if attempt % 6 == 5:
            ru, rv = ru * 0.86, rv * 0.86
    index = int(areas.argmax())
    width, height = planes[index].extent
    return index, width / 2, height * 0.42, min(ru, 0.2 * width), min(rv, 0.25 * height)


def _inside(
    p: Plane,
    u: float,
    v: float,
    ru: float,
    rv: float,
    index: int,
    hidden: Callable[[int, Points], bool],
) -> bool:
    rim = np.array([(u, v), (u - ru, v), (u + ru, v), (u, v - rv), (u, v + rv)])
    outline = p.outline.astype(np.float32)
    return all(cv2.pointPolygonTest(outline, (float(x), float(y)), False) >= 0 for x, y in rim) and not any(
        hidden(index, point) for point in p.at(rim)
    )


@dataclass(slots=True)
class Stroke:
    """What a drawing function gets: the texture to draw on and the patch in pixels of it."""

    image: Pixels
    g: Grid
    patch: Patch
    material: RoofMaterial
    rng: np.random.Generator

    def px(self, u: float, v: float) -> tuple[int, int]:
        return round(u * self.g.ppm_u), round(v * self.g.ppm_v)

    @property
    def s(self) -> float:
        return self.patch.strength

    def polar(self) -> tuple[Pixels, Pixels]:
        """Offsets from the patch's centre in units of its half axes."""
        x = (self.g.u[None, :] - np.float32(self.patch.u)) / np.float32(self.patch.ru)
        y = (self.g.v[:, None] - np.float32(self.patch.v)) / np.float32(self.patch.rv)
        return np.broadcast_to(x, self.g.shape), np.broadcast_to(y, self.g.shape)

    def blob(self, rough: float = 0.35) -> Pixels:
        """1 at the centre, 0 at the rim of an irregular ellipse, negative outside."""
        x, y = self.polar()
        cell = max(0.25, 0.35 * min(self.patch.ru, self.patch.rv))
        return np.asarray(1 - np.sqrt(x * x + y * y) - rough * 0.5 * np.abs(noise(self.rng, self.g, cell, cell)))

    def pieces(self, keep: float) -> tuple[npt.NDArray[np.bool_], Pixels, Pixels]:
        """Whole shingles or tiles inside the patch, each kept with probability `keep`; and the place within one."""
        c = COURSES[self.material]
        row_m, piece_m = (c.row_m, c.piece_m) if c.row_m < 10 else (0.5, c.piece_m)
        row = np.floor(self.g.v / row_m).astype(np.int32)
        along = self.g.u[None, :] + np.float32(0.5 * piece_m) * (row % 2)[:, None]
        piece = np.floor(along / piece_m).astype(np.int32)
        chance = self.rng.random(4096, dtype=np.float32)[(row[:, None] * 71 + piece * 13) % 4096]
        x = ((piece + 0.5) * piece_m - 0.5 * piece_m * (row % 2)[:, None] - self.patch.u) / self.patch.ru
        y = (((row + 0.5) * row_m)[:, None] - self.patch.v) / self.patch.rv
        inside = (x * x + y * y < 1) & (chance < keep)
        in_row = np.broadcast_to((self.g.v / row_m - row)[:, None], self.g.shape)
        return inside, np.asarray(in_row), np.asarray(along / piece_m - piece)


def _mask(condition: npt.NDArray[np.bool_]) -> Mask:
    return condition.astype(np.uint8)


def _missing(k: Stroke) -> Mask:
    gone, in_row, _ = k.pieces(0.62 + 0.3 * k.s)
    under = np.array(
        (52, 40, 32) if k.material is RoofMaterial.SHINGLE else (112, 88, 64),
        dtype=np.float32,
    )
    tone = (1 + 0.2 * noise(k.rng, k.g, 0.3, 0.15))[..., None]
    k.image[:] = blend(
        k.image,
        np.asarray(under * tone, dtype=np.float32),
        gone * np.float32(0.62 + 0.33 * k.s),
    )
    k.image[gone & (in_row > 0.8)] *= 0.55
    return _closed(k, gone)


def _closed(k: Stroke, seen: npt.NDArray[np.bool_]) -> Mask:
    size = max(3, round(0.5 * k.g.ppm_u) | 1), max(3, round(0.5 * k.g.ppm_v) | 1)
    return np.asarray(
        cv2.morphologyEx(_mask(seen), cv2.MORPH_CLOSE, np.ones(size[::-1], np.uint8)),
        dtype=np.uint8,
    )


def _curled(k: Stroke) -> Mask:
    curled, in_row, in_piece = k.pieces(0.75 + 0.2 * k.s)
    lift = np.float32(k.s)
    # A curl shows as a bright lifted lip above a dark gap, at two courses' scale so that it survives from above.
    row2 = (k.g.v / (2 * COURSES[k.material].row_m))[:, None]
    wave = row2 + 0.3 * noise(k.rng, k.g, 0.34, 0.45)
    phase = wave - np.floor(wave)
    lip = curled & (phase > 0.55) & (phase < 0.85)
    gap = curled & (phase < 0.4)
    k.image[lip] += 44 * lift
    k.image[gap] *= 1 - 0.5 * lift
    k.image[curled & (in_piece > 0.86) & (in_row > 0.3)] *= 0.75
    return _closed(k, curled)


def _moss(k: Stroke) -> Mask:
    body = k.blob(0.7)
    fleck = 0.5 * noise(k.rng, k.g, 0.16, 0.12) + 0.35 * noise(k.rng, k.g, 0.5, 0.4)
    amount = np.clip(body * 1.6 + fleck, 0, 1) * (body > 0)
    green = np.array((70, 98, 40), dtype=np.float32) * (1 + 0.25 * noise(k.rng, k.g, 0.2, 0.2))[..., None]
    k.image[:] = blend(
        k.image,
        np.asarray(green, dtype=np.float32),
        amount * np.float32(0.45 + 0.5 * k.s),
    )
    return _mask(body > 0.02)


def _rust(k: Stroke) -> Mask:
    x, y = k.polar()
    body = k.blob(0.5)
    run = np.clip(noise(k.rng, k.g, 0.2, 2.5) * 0.8 + 0.35, 0, 1) * (np.abs(x) < 0.8) * np.clip(1 + y, 0, 1) * (y < 0.3)
    run = run * (y > -1)
    spots = np.clip(body * 2.2 + 0.6 * noise(k.rng, k.g, 0.25, 0.25), 0, 1) * (body > 0)
    amount = np.clip(np.maximum(spots, 0.75 * run), 0, 1)
    rust = np.array((156, 78, 34), dtype=np.float32) * (1 + 0.22 * noise(k.rng, k.g, 0.3, 0.4))[..., None]
    k.image[:] = blend(
        k.image,
        np.asarray(rust, dtype=np.float32),
        amount * np.float32(0.4 + 0.52 * k.s),
    )
    return _mask((amount > 0.25) & (x * x + y * y < 1.3))


def _hail(k: Stroke) -> Mask:
    p = k.patch
    count = int((5.0 + 4.0 * k.s) * np.pi * p.ru * p.rv)
    radius = k.rng.uniform(0.05, 0.1, count)
    angle, reach = (
        k.rng.uniform(0, 2 * np.pi, count),
        np.sqrt(k.rng.uniform(0, 1, count)),
    )
    metal = k.material is RoofMaterial.METAL
    dark, light = (0.58 if metal else 0.45), (1.3 if metal else 1.22)
    for a, r, size in zip(angle, reach, radius, strict=True):
        u, v = p.u + p.ru * r * np.cos(a), p.v + p.rv * r * np.sin(a)
        axes = max(1, round(size * k.g.ppm_u)), max(1, round(size * k.g.ppm_v))
        x, y = k.px(float(u), float(v))
        window = k.image[max(0, y - axes[1]) : y + axes[1] + 1, max(0, x - axes[0]) : x + axes[0] + 1]
        tone = window.reshape(-1, 3).mean(axis=0) if window.size else np.zeros(3, np.float32)
        rim = tuple(float(c) * (1 + (light - 1) * k.s) for c in tone)
        pit = tuple(float(c) * (1 - (1 - dark) * k.s) for c in tone)
        cv2.ellipse(k.image, (x + axes[0] // 2, y + axes[1] // 2), axes, 0, 0, 360, rim, -1)
        cv2.ellipse(k.image, (x, y), axes, 0, 0, 360, pit, -1)
    x_rel, y_rel = k.polar()
    return _mask(x_rel * x_rel + y_rel * y_rel < 1)


def _cracked(k: Stroke) -> Mask:
    broken, in_row, in_piece = k.pieces(0.4 + 0.3 * k.s)
    c = COURSES[k.material]
    slant = np.abs(in_piece - 0.3 - 0.4 * in_row + 0.12 * noise(k.rng, k.g, 0.15, 0.15))
    wide = max(0.14, 0.8 / max(1.0, k.g.ppm_u * c.piece_m))
    fresh = np.array(
        (214, 158, 122) if k.material is RoofMaterial.TILE else (152, 152, 150),
        dtype=np.float32,
    )
    side = in_piece > 0.3 + 0.4 * in_row
    k.image[:] = blend(k.image, fresh, (broken & side) * np.float32(0.3 + 0.4 * k.s))
    k.image[:] = blend(k.image, (30, 24, 22), (broken & (slant < wide)) * np.float32(0.5 + 0.45 * k.s))
    lost, _, _ = k.pieces(0.1 + 0.12 * k.s)
    k.image[:] = blend(k.image, (42, 32, 28), (lost & broken) * np.float32(0.85))
    return _closed(k, broken)


def _ponding(k: Stroke) -> Mask:
    body = k.blob(0.3)
    water = np.clip(body * 6, 0, 1)
    rim = np.clip(1 - np.abs(body) * 9, 0, 1)
    k.image[:] = blend(k.image, (92, 82, 66), rim * np.float32(0.5 + 0.4 * k.s))
    deep = np.array((76, 88, 98), dtype=np.float32) * (1 + 0.1 * noise(k.rng, k.g, 1.0, 0.6))[..., None]
    k.image[:] = blend(k.image, np.asarray(deep, dtype=np.float32), water * np.float32(0.5 + 0.4 * k.s))
    glint = np.clip(noise(k.rng, k.g, 0.9, 0.35) - 0.9, 0, 1) * (body > 0.15)
    k.image[:] = blend(k.image, (206, 220, 232), glint * np.float32(0.7))
    return _mask(body > 0)


def _flashing(k: Stroke) -> Mask:
    p, rng = k.patch, k.rng
    stain = np.clip(k.blob(0.4) * 2, 0, 1)
    k.image[:] = blend(k.image, (46, 38, 32), stain * np.float32(0.3 + 0.35 * k.s))
    half_u, half_v = 0.36 * p.ru, 0.36 * p.rv
    corners = [(-1, -1), (1, -1), (1, 1), (-1, 1)]
    # Bent strips of bright metal that no longer meet, around the chimney's dark brick.
    for (ax, ay), (bx, by) in zip(corners, corners[1:] + corners[:1], strict=True):
        bend = rng.uniform(-0.3, 0.3, 4) * k.s
        start = k.px(p.u + half_u * 1.75 * (ax + bend[0]), p.v + half_v * 1.75 * (ay + bend[1]))
        end = k.px(p.u + half_u * 1.75 * (bx + bend[2]), p.v + half_v * 1.75 * (by + bend[3]))
        colour = (236.0, 238.0, 240.0) if rng.random() < 0.7 else (176.0, 112.0, 66.0)
        cv2.line(k.image, start, end, colour, max(2, round(0.16 * k.g.ppm_u)), cv2.LINE_AA)
    chimney(k.image, k.g, p.u, p.v, half_u, half_v)
    x, y = k.polar()
    return _mask(x * x + y * y < 0.95)


def chimney(image: Pixels, g: Grid, u: float, v: float, half_u: float, half_v: float) -> None:
    """A brick chimney seen along the roof's normal."""
    low = round((u - half_u) * g.ppm_u), round((v - half_v) * g.ppm_v)
    high = round((u + half_u) * g.ppm_u), round((v + half_v) * g.ppm_v)
    cv2.rectangle(image, low, high, (122.0, 74.0, 60.0), -1)
    inner = max(1, (high[0] - low[0]) // 4), max(1, (high[1] - low[1]) // 4)
    cv2.rectangle(
        image,
        (low[0] + inner[0], low[1] + inner[1]),
        (high[0] - inner[0], high[1] - inner[1]),
        (34.0, 30.0, 28.0),
        -1,
    )


def _sagging(k: Stroke) -> Mask:
    x, y = k.polar()
    bowl = np.exp(-1.6 * (x * x + y * y)).astype(np.float32)
    rows, columns = np.indices(k.g.shape, dtype=np.float32)
    drop = np.float32(0.42 * k.s * k.g.ppm_v)
    k.image[:] = cv2.remap(
        k.image,
        columns,
        rows + drop * bowl,
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REFLECT,
    )
    shade = -0.95 * y * bowl - 0.5 * bowl * bowl
    k.image *= np.clip(1 + 0.95 * k.s * shade, 0.3, 1.55)[..., None]
    return _mask(x * x + y * y < 1)


def _tree(k: Stroke) -> Mask:
    p, rng = k.patch, k.rng
    hole = k.blob(0.8) > 0.52
    k.image[:] = blend(k.image, (34, 28, 24), hole * np.float32(0.9))
    lean = rng.uniform(0.3, 0.9) * rng.choice((-1, 1))
    ends = [(-0.95, -lean), (0.95, lean)]
    trunk = [k.px(p.u + p.ru * a, p.v + p.rv * b) for a, b in ends]
    mask = np.zeros(k.g.shape, np.uint8)
    for canvas, colour in ((k.image, (96.0, 70.0, 48.0)), (mask, 1)):
        cv2.line(
            canvas,
            trunk[0],
            trunk[1],
            colour,
            max(2, round(0.28 * k.g.ppm_u)),
            cv2.LINE_AA if colour != 1 else 8,
        )
    for _ in range(int(9 + 8 * k.s)):
        at, out = rng.uniform(-0.8, 0.9), rng.uniform(-0.75, 0.75)
        root = k.px(p.u + p.ru * at, p.v + p.rv * at * lean)
        tip_uv = (
            p.u + p.ru * (at + rng.uniform(-0.1, 0.25)),
            p.v + p.rv * np.clip(at * lean + out, -0.95, 0.95),
        )
        tip = k.px(float(tip_uv[0]), float(tip_uv[1]))
        cv2.line(
            k.image,
            root,
            tip,
            (92.0, 72.0, 52.0),
            max(1, round(0.09 * k.g.ppm_u)),
            cv2.LINE_AA,
        )
        cv2.line(mask, root, tip, 1, max(1, round(0.2 * k.g.ppm_u)))
        for _ in range(4):
            leaf = (
                tip[0] + round(rng.normal(0, 0.22) * k.g.ppm_u),
                tip[1] + round(rng.normal(0, 0.22) * k.g.ppm_v),
            )
            axes = (
                max(1, round(rng.uniform(0.1, 0.26) * k.g.ppm_u)),
                max(1, round(rng.uniform(0.1, 0.26) * k.g.ppm_v)),
            )
            tone = rng.uniform(0.7, 1.25)
            cv2.ellipse(k.image, leaf, axes, 0, 0, 360, (62 * tone, 88 * tone, 38 * tone), -1)
            cv2.ellipse(mask, leaf, axes, 0, 0, 360, 1, -1)
    x, y = k.polar()
    return _closed(k, ((mask > 0) | hole) & (x * x + y * y < 1.7))


DRAWERS: dict[DamageType, Callable[[Stroke], Mask]] = {
    DamageType.MISSING_SHINGLES: _missing,
    DamageType.CURLED_SHINGLES: _curled,
    DamageType.MOSS_ALGAE: _moss,
    DamageType.RUST_STAINS: _rust,
    DamageType.HAIL_DAMAGE: _hail,
    DamageType.CRACKED_TILES: _cracked,
    DamageType.PONDING_WATER: _ponding,
    DamageType.DAMAGED_FLASHING: _flashing,
    DamageType.SAGGING: _sagging,
    DamageType.TREE_DAMAGE: _tree,
}


def draw(image: Pixels, g: Grid, patch: Patch, material: RoofMaterial) -> Mask:
    """Draw one patch into a plane's texture in place; returns 1 where the damage is."""
    return DRAWERS[patch.damage](Stroke(image, g, patch, material, np.random.default_rng(patch.seed)))
