"""What each roof material looks like, new and worn. Textures are float32 RGB sampled in metres of the roof plane."""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from domain.roof import RoofMaterial
from ml_models.synthetic.truth import RoofTruth

Pixels = npt.NDArray[np.float32]
Rgb = tuple[int, int, int]

PALETTES: dict[RoofMaterial, tuple[Rgb, ...]] = {
    RoofMaterial.SHINGLE: (
        (92, 88, 86), (112, 94, 78), (76, 80, 86), (134, 116, 96), (104, 84, 76), (86, 92, 84), (122, 114, 108),
    ),
    RoofMaterial.TILE: (
        (158, 100, 76), (172, 122, 92), (140, 88, 72), (180, 142, 114), (150, 112, 94), (164, 110, 88), (146, 98, 72),
    ),
    RoofMaterial.METAL: (
        (150, 156, 162), (92, 112, 134), (88, 118, 96), (138, 70, 62), (172, 172, 166), (112, 124, 132), (128, 96, 82),
    ),
    RoofMaterial.FLAT: (
        (206, 206, 202), (176, 176, 174), (148, 146, 144), (190, 184, 172), (222, 222, 220), (164, 166, 170),
        (198, 194, 186),
    ),
    RoofMaterial.SLATE: (
        (88, 96, 108), (100, 96, 112), (84, 98, 96), (112, 112, 116), (92, 86, 100), (96, 104, 106), (106, 100, 104),
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Courses:
    """How a material is laid: height of a row, width of a piece (metres) and its irregularity."""

    row_m: float
    piece_m: float
    tone: float
    hue: float
    shadow: float


COURSES: dict[RoofMaterial, Courses] = {
    RoofMaterial.SHINGLE: Courses(0.21, 0.34, 0.085, 0.012, 0.16),
    RoofMaterial.TILE: Courses(0.38, 0.30, 0.07, 0.02, 0.24),
    RoofMaterial.METAL: Courses(60.0, 0.48, 0.012, 0.0, 0.0),
    RoofMaterial.FLAT: Courses(60.0, 2.4, 0.018, 0.004, 0.0),
    RoofMaterial.SLATE: Courses(0.28, 0.26, 0.11, 0.025, 0.2),
}


@dataclass(frozen=True, slots=True)
class Grid:
    """Pixel centres of a texture in metres: `u` along the eave, `v` up the slope."""

    u: Pixels
    v: Pixels
    ppm_u: float
    ppm_v: float

    @property
    def shape(self) -> tuple[int, int]:
        return len(self.v), len(self.u)


def grid(extent: tuple[float, float], ppm_u: float, ppm_v: float) -> Grid:
    """Sampling grid that covers `extent` metres with the given pixels per metre."""
    w, h = max(4, round(extent[0] * ppm_u)), max(4, round(extent[1] * ppm_v))
    u = (np.arange(w, dtype=np.float32) + 0.5) * np.float32(extent[0] / w)
    v = (np.arange(h, dtype=np.float32) + 0.5) * np.float32(extent[1] / h)
    return Grid(u, v, w / extent[0], h / extent[1])


def noise(rng: np.random.Generator, g: Grid, cell_u: float, cell_v: float) -> Pixels:
    """Smooth noise of unit variance at the knots; the same field in metres at any sampling density."""
    cells_u = max(2, int(np.ceil(len(g.u) / g.ppm_u / cell_u)) + 1)
    cells_v = max(2, int(np.ceil(len(g.v) / g.ppm_v / cell_v)) + 1)
    knots = rng.standard_normal((min(cells_v, 400), min(cells_u, 400)), dtype=np.float32)
    return cv2.resize(knots, (len(g.u), len(g.v)), interpolation=cv2.INTER_LINEAR)  # type: ignore[return-value]


def wear(truth: RoofTruth) -> float:
    """How worn the surface is, 0 (new) to about 1: grows with age, and faster on badly damaged roofs."""
    worst = max((d.severity for d in truth.damages), default=0.0)
    return float(min(1.15, truth.age_years / 24 + (0.12 if worst > 70 else 0.0)))


def surface(truth: RoofTruth, g: Grid, rng: np.random.Generator) -> Pixels:
    """The material of the roof with the wear of its age, without damage."""
    image = _laid(truth, g, rng)
    return _worn(truth, image, g, rng)


def _laid(truth: RoofTruth, g: Grid, rng: np.random.Generator) -> Pixels:
    material, c = truth.material, COURSES[truth.material]
    tones = rng.standard_normal((8192, 3), dtype=np.float32) * np.float32(c.hue)
    tones += rng.standard_normal((8192, 1), dtype=np.float32) * np.float32(c.tone)
    shifts = rng.random(512, dtype=np.float32) * np.float32(c.piece_m)
    if material in (RoofMaterial.TILE, RoofMaterial.METAL, RoofMaterial.FLAT):
        shifts[:] = 0
    row = np.floor(g.v / c.row_m).astype(np.int32)
    in_row = g.v / c.row_m - row
    along = g.u[None, :] + shifts[row % 512][:, None]
    piece = np.floor(along / c.piece_m)
    in_piece = along / c.piece_m - piece
    image = 1.0 + tones[(row[:, None] * 131 + piece.astype(np.int32) * 17) % 8192]
    # Lines thinner than a pixel fade instead of turning into moiré.
    fine_v, fine_u = (
        min(1.0, g.ppm_v * c.row_m / 3.2),
        min(1.0, g.ppm_u * c.piece_m / 3.2),
    )
    if c.shadow:
        image *= (1 - np.float32(c.shadow * fine_v) * (in_row < 0.25))[:, None, None]
    if material is RoofMaterial.TILE:
        image *= (1 + 0.17 * fine_u * np.sin(2 * np.pi * in_piece))[..., None]
    elif material is RoofMaterial.METAL:
        rib = in_piece < max(0.09, 1.0 / max(g.ppm_u * c.piece_m, 1.0))
        image *= (1 + 0.22 * rib - 0.16 * (in_piece > 0.9))[..., None]
        image *= (1 + 0.03 * noise(rng, g, 3.0, 2.0))[..., None]
    elif material is RoofMaterial.FLAT:
        seam = np.abs(in_piece - 0.5) > 0.5 - max(0.03, 0.6 / max(g.ppm_u * c.piece_m, 1.0))
        image *= (1 - 0.07 * seam)[..., None]
        image *= (1 + 0.022 * noise(rng, g, 0.15, 0.15))[..., None]
    elif material is RoofMaterial.SHINGLE:
        image *= (1 + 0.045 * noise(rng, g, 0.07, 0.07))[..., None]
    colour = np.array(PALETTES[material][truth.palette], dtype=np.float32)
    return np.asarray(image * colour, dtype=np.float32)


FADED: dict[RoofMaterial, Rgb] = {
    RoofMaterial.SHINGLE: (158, 150, 140),
    RoofMaterial.TILE: (176, 156, 138),
    RoofMaterial.METAL: (164, 158, 148),
    RoofMaterial.FLAT: (132, 126, 114),
    RoofMaterial.SLATE: (138, 136, 128),
}
STAIN: dict[RoofMaterial, Rgb] = {
    RoofMaterial.SHINGLE: (44, 42, 40),
    RoofMaterial.TILE: (72, 58, 48),
    RoofMaterial.METAL: (104, 82, 66),
    RoofMaterial.FLAT: (82, 76, 66),
    RoofMaterial.SLATE: (60, 60, 50),
}


def blend(image: Pixels, colour: Rgb | Pixels, amount: Pixels | float) -> Pixels:
    """Mix a colour into an image; `amount` is 0-1, per pixel or one number."""
    a = np.asarray(amount, dtype=np.float32)
    mixed = np.asarray(colour, dtype=np.float32) - image
    mixed *= a[..., None] if a.ndim == 2 else a
    mixed += image
    return np.asarray(mixed, dtype=np.float32)


def _worn(truth: RoofTruth, image: Pixels, g: Grid, rng: np.random.Generator) -> Pixels:
    level = wear(truth)
    image = blend(image, FADED[truth.material], 0.52 * min(level, 1.0))
    blotches = np.clip(0.5 + 0.55 * noise(rng, g, 1.6, 1.2) + 0.35 * noise(rng, g, 0.5, 0.4), 0, 1)
    image = blend(image, STAIN[truth.material], blotches * np.float32(0.34 * level))
    streaks = np.clip(noise(rng, g, 0.22, 3.5) - 0.35, 0, 1.4) * np.clip(0.75 + 0.5 * noise(rng, g, 1.5, 1.2), 0, 1)
    image = blend(
        image,
        STAIN[truth.material],
        streaks * np.float32(0.55 * max(0.0, level - 0.12)),
    )
    speckle = noise(rng, g, 0.12, 0.12) * np.float32(0.09 * level)
    return np.asarray(image * (1 + speckle[..., None]), dtype=np.float32)
