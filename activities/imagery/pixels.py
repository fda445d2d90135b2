"""What is done to pixels, as pure functions over RGB arrays (height × width × 3, uint8); no I/O.

`preprocess` and `TRANSFORMS` make pictures for people: a reviewer sees more in them. The models are fed
the original decode at its known scale instead, because that is what they were trained on: enhancement
would move every picture away from the training distribution, and resizing would void `metres_per_px`.

Super-resolution (spec 3.3.1.3) is not done: there is no super-resolution model in the project yet, and
plain interpolation under that name would be a lie. Its place in the key layout is reserved.
"""

from collections.abc import Callable, Mapping
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from activities.imagery.formats import BadImage, Header, read_header
from domain.roof import DamageType

Pixels = npt.NDArray[np.uint8]
Transform = Callable[[Pixels], Pixels]

PIPELINE_VERSION = "1"
"""Goes up with every change to what comes out; images of an older version are processed again."""

STANDARD_SIDE_PX = 1024
JPEG_QUALITY = 88
BLANK_DEVIATION = 2.5
USABLE_QUALITY = 30


def decode(content: bytes) -> tuple[Pixels, Header]:
    """Checks the header, then decodes; raises BadImage. The decode must agree with the header."""
    header = read_header(content)
    bgr = cv2.imdecode(
        np.frombuffer(content, np.uint8),
        cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION,
    )
    if bgr is None:
        raise BadImage("undecodable")
    if bgr.shape[:2] != (header.height, header.width):
        raise BadImage("dimensions")
    return _uint8(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)), header


def encode_jpeg(rgb: Pixels, quality: int = JPEG_QUALITY) -> bytes:
    """JPEG bytes of an RGB picture."""
    done, buffer = cv2.imencode(
        ".jpg",
        cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR),
        [cv2.IMWRITE_JPEG_QUALITY, quality],
    )
    if not done:
        raise ValueError("the picture cannot be encoded")
    return buffer.tobytes()


def quality_score(rgb: Pixels) -> int:
    """0-100 for how much a picture can tell: sharpness 40, resolution 30, exposure 15, contrast 15.

    0 for a picture of one colour, such as a vendor's card saying that there is no imagery.
    """
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    deviation, mean = float(grey.std()), float(grey.mean())
    if deviation < BLANK_DEVIATION:
        return 0
    detail = float(cv2.Laplacian(grey, cv2.CV_32F).var())
    sharpness = float(np.clip(np.log10(1 + detail) / 3, 0, 1))
    resolution = min(1.0, min(rgb.shape[:2]) / 640)
    exposure = float(np.clip(1 - abs(mean - 128) / 128, 0, 1))
    contrast = min(1.0, deviation / 40)
    points: float = 40 * sharpness + 30 * resolution + 15 * exposure + 15 * contrast
    return round(points)


def preprocess(rgb: Pixels) -> Pixels:
    """Steps 1 and 2 of spec 3.3.1: 1024×1024, neutral colours, less noise, balanced light, sharper."""
    picture = denoise(neutral_colours(rgb))  # before enlarging: a third of the pixels
    return sharpen(balance_light(fit_square(picture)))


def fit_square(rgb: Pixels, side: int = STANDARD_SIDE_PX) -> Pixels:
    """The whole picture within a square of `side` pixels, its proportions kept, borders repeated."""
    height, width = rgb.shape[:2]
    scale = side / max(height, width)
    new_width, new_height = max(1, round(width * scale)), max(1, round(height * scale))
    if (new_height, new_width) != (height, width):
        rgb = _uint8(
            cv2.resize(
                rgb,
                (new_width, new_height),
                interpolation=cv2.INTER_CUBIC if scale > 1 else cv2.INTER_AREA,
            )
        )
    if (new_height, new_width) == (side, side):
        return rgb
    top, left = (side - new_height) // 2, (side - new_width) // 2
    bottom, right = side - new_height - top, side - new_width - left
    return _uint8(cv2.copyMakeBorder(rgb, top, bottom, left, right, cv2.BORDER_REPLICATE))


def neutral_colours(rgb: Pixels, strength: float = 0.6) -> Pixels:
    """Grey-world white balance, at most ±25 % per channel: a red roof filling the frame must stay red."""
    means = np.array(cv2.mean(rgb)[:3]) + 1e-6
    gains = np.clip(1 + strength * (means.mean() / means - 1), 0.75, 1.25)
    return _uint8(cv2.LUT(rgb, _curves(np.arange(256)[:, None] * gains)))


def denoise(rgb: Pixels) -> Pixels:
    """Smooths sensor and JPEG noise, keeps edges."""
    return _uint8(cv2.bilateralFilter(rgb, 5, 18, 3))


def balance_light(rgb: Pixels, clip: float = 2.0) -> Pixels:
    """Local tone mapping: CLAHE on lightness, colours kept (brightness, contrast and HDR of spec 3.3.1)."""
    lab = cv2.cvtColor(rgb, cv2.COLOR_RGB2LAB)
    lab[:, :, 0] = cv2.createCLAHE(clipLimit=clip, tileGridSize=(8, 8)).apply(np.ascontiguousarray(lab[:, :, 0]))
    return _uint8(cv2.cvtColor(lab, cv2.COLOR_LAB2RGB))


def sharpen(rgb: Pixels, amount: float = 0.6) -> Pixels:
    """Unsharp mask."""
    blurred = cv2.GaussianBlur(rgb, (0, 0), 1.6)
    return _uint8(cv2.addWeighted(rgb, 1 + amount, blurred, -amount, 0))


def edges(rgb: Pixels) -> Pixels:
    """Edges in white over a dimmed picture: a missing shingle breaks the rows."""
    grey = cv2.GaussianBlur(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), (3, 3), 0)
    strength = np.hypot(cv2.Scharr(grey, cv2.CV_32F, 1, 0), cv2.Scharr(grey, cv2.CV_32F, 0, 1))
    peak = float(np.percentile(strength, 99)) or 1.0
    glow = np.clip(strength * (255 / peak), 0, 255)
    return _clip(rgb * 0.35 + glow[:, :, None] * 0.65)


def isolate_green(rgb: Pixels) -> Pixels:
    """Keeps colour only where green leads, the rest grey: moss and algae."""
    return _keep_colour(rgb, lead=1, others=(0, 2), reach=40)


def boost_rust(rgb: Pixels) -> Pixels:
    """Red-brown pixels warmer and stronger: rust stains."""
    hsv = cv2.cvtColor(rgb, cv2.COLOR_RGB2HSV).astype(np.float32)
    distance = np.minimum(np.abs(hsv[:, :, 0] - 8), 180 - np.abs(hsv[:, :, 0] - 8))
    weight = np.clip(1 - distance / 14, 0, 1) * np.clip(hsv[:, :, 1] / 80, 0, 1)
    hsv[:, :, 1] = np.clip(hsv[:, :, 1] * (1 + 0.9 * weight), 0, 255)
    boosted = cv2.cvtColor(hsv.astype(np.uint8), cv2.COLOR_HSV2RGB).astype(np.float32)
    boosted[:, :, 0] += 40 * weight
    return _clip(boosted)


def lift_shadows(rgb: Pixels) -> Pixels:
    """Dark tones spread, local contrast up: the thin shadow under a curled edge."""
    curve = 255 * (np.arange(256) / 255) ** 0.6
    return balance_light(_uint8(cv2.LUT(rgb, _curves(np.repeat(curve[:, None], 3, axis=1)))), clip=4.0)


def boost_contrast(rgb: Pixels) -> Pixels:
    """Fine detail three times as strong around its surroundings: the dents and bruises of hail."""
    surroundings = cv2.GaussianBlur(rgb, (0, 0), 12)
    return _uint8(cv2.addWeighted(rgb, 3.0, surroundings, -2.0, 0))


TRANSFORMS: Mapping[DamageType, Transform] = {
    DamageType.MISSING_SHINGLES: edges,
    DamageType.MOSS_ALGAE: isolate_green,
    DamageType.RUST_STAINS: boost_rust,
    DamageType.CURLED_SHINGLES: lift_shadows,
    DamageType.HAIL_DAMAGE: boost_contrast,
}
"""Damage-specific transformations of spec 3.3.1.4."""


def _keep_colour(rgb: Pixels, lead: int, others: tuple[int, int], reach: float) -> Pixels:
    wide = rgb.astype(np.float32)
    excess = wide[:, :, lead] - np.maximum(wide[:, :, others[0]], wide[:, :, others[1]])
    weight = np.clip(excess / reach, 0, 1)[:, :, None]
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY).astype(np.float32)[:, :, None] * 0.6
    vivid = wide * 1.15
    return _clip(grey * (1 - weight) + vivid * weight)


def _curves(table: npt.NDArray[Any]) -> Pixels:
    return _clip(table).reshape(1, 256, 3) if table.shape == (256, 3) else _clip(table)


def _clip(values: npt.NDArray[Any]) -> Pixels:
    rounded: Pixels = np.clip(np.rint(values), 0, 255).astype(np.uint8)
    return rounded


def _uint8(values: Any) -> Pixels:
    return np.asarray(values, dtype=np.uint8)
