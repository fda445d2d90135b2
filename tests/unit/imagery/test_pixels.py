"""What the image functions promise, whatever the picture."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from activities.imagery import pixels
from domain.roof import DamageType

STEPS = {
    "neutral_colours": pixels.neutral_colours,
    "denoise": pixels.denoise,
    "balance_light": pixels.balance_light,
    "sharpen": pixels.sharpen,
}


def scene(seed: int = 7, height: int = 200, width: int = 260) -> np.ndarray:
    """Something with edges, colours and noise."""
    rng = np.random.default_rng(seed)
    canvas = np.full((height, width, 3), (120, 130, 110), np.uint8)
    for _ in range(25):
        x, y = int(rng.integers(0, width)), int(rng.integers(0, height))
        colour = tuple(int(value) for value in rng.integers(20, 235, 3))
        cv2.rectangle(canvas, (x, y), (x + int(rng.integers(8, 70)), y + int(rng.integers(8, 70))), colour, -1)
    return np.clip(canvas + rng.normal(0, 5, canvas.shape), 0, 255).astype(np.uint8)


def flat(colour: tuple[int, int, int], side: int = 128) -> np.ndarray:
    return np.full((side, side, 3), colour, np.uint8)


def spread(rgb: np.ndarray) -> float:
    return float(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY).std())


@pytest.mark.parametrize("function", [*STEPS.values(), *pixels.TRANSFORMS.values()])
def test_every_step_keeps_shape_type_and_its_input(function: pixels.Transform) -> None:
    before = scene()
    untouched = before.copy()
    after = function(before)
    assert (after.shape, after.dtype) == (before.shape, np.uint8)
    assert np.array_equal(before, untouched)


@pytest.mark.parametrize("function", [*STEPS.values(), *pixels.TRANSFORMS.values()])
@pytest.mark.parametrize("colour", [(0, 0, 0), (255, 255, 255), (128, 128, 128)])
def test_every_step_survives_a_picture_without_content(
    function: pixels.Transform, colour: tuple[int, int, int]
) -> None:
    after = function(flat(colour))
    assert float(after.reshape(-1, 3).std(axis=0).max()) <= 2.0


@settings(max_examples=20, deadline=None)
@given(st.integers(64, 700), st.integers(64, 700))
def test_fit_square_is_square_and_idempotent(height: int, width: int) -> None:
    once = pixels.fit_square(scene(height=height, width=width), 256)
    assert once.shape == (256, 256, 3)
    assert np.array_equal(pixels.fit_square(once, 256), once)


def test_preprocess_gives_the_specs_size_and_is_deterministic() -> None:
    first = pixels.preprocess(scene())
    assert first.shape == (1024, 1024, 3)
    assert np.array_equal(first, pixels.preprocess(scene()))


def test_neutral_colours_removes_a_cast_and_then_rests() -> None:
    cast = np.clip(scene().astype(np.float32) * (1.15, 1.0, 0.85), 0, 255).astype(np.uint8)

    def imbalance(rgb: np.ndarray) -> float:
        means = rgb.reshape(-1, 3).mean(axis=0)
        return float(means.max() - means.min())

    once = pixels.neutral_colours(cast)
    assert imbalance(once) < 0.6 * imbalance(cast)
    assert imbalance(pixels.neutral_colours(once)) < imbalance(once)


def test_neutral_colours_keeps_a_red_roof_red() -> None:
    roof = pixels.neutral_colours(flat((170, 60, 50)))
    assert int(roof[0, 0, 0]) > int(roof[0, 0, 1]) + 40


def test_denoise_smooths_noise_and_keeps_edges() -> None:
    rng = np.random.default_rng(3)
    step = flat((80, 80, 80))
    step[:, 64:] = 180
    noisy = np.clip(step + rng.normal(0, 6, step.shape), 0, 255).astype(np.uint8)
    calm = pixels.denoise(noisy)
    assert calm[:, :50].std() < 0.7 * noisy[:, :50].std()
    assert calm[:, 80:].mean() - calm[:, :48].mean() > 95


def test_sharpen_and_balance_raise_contrast() -> None:
    dull = np.clip(scene().astype(np.float32) * 0.3 + 90, 0, 255).astype(np.uint8)
    assert spread(pixels.balance_light(dull)) > 1.2 * spread(dull)
    assert spread(pixels.sharpen(dull)) > spread(dull)


def test_quality_orders_pictures_as_a_person_would() -> None:
    sharp = scene(height=640, width=640)
    blurred = cv2.GaussianBlur(sharp, (0, 0), 6)
    small = cv2.resize(sharp, (160, 160), interpolation=cv2.INTER_AREA)
    dark = (sharp * 0.12).astype(np.uint8)
    score = pixels.quality_score(sharp)
    assert score >= 70
    assert all(pixels.quality_score(worse) < score for worse in (blurred, small, dark))


@pytest.mark.parametrize("colour", [(228, 228, 228), (0, 0, 0), (96, 120, 92)])
def test_a_card_of_one_colour_has_no_quality(colour: tuple[int, int, int]) -> None:
    assert pixels.quality_score(flat(colour, 640)) == 0


@given(st.integers(0, 2**31))
@settings(max_examples=15, deadline=None)
def test_quality_is_a_score(seed: int) -> None:
    noise = np.random.default_rng(seed).integers(0, 256, (80, 90, 3), dtype=np.uint8)
    assert 0 <= pixels.quality_score(noise) <= 100


# What each transformation is for.


def test_the_table_names_the_five_damages_of_the_spec() -> None:
    assert set(pixels.TRANSFORMS) == {
        DamageType.MISSING_SHINGLES,
        DamageType.MOSS_ALGAE,
        DamageType.RUST_STAINS,
        DamageType.CURLED_SHINGLES,
        DamageType.HAIL_DAMAGE,
    }


def test_edges_light_up_where_a_shingle_is_missing() -> None:
    roof = flat((110, 105, 100))
    roof[50:80, 50:80] = (60, 55, 50)
    seen = pixels.edges(roof).astype(int)
    assert seen[50, 50:80].mean() > seen[10:30, 10:30].mean() + 80


def test_green_stays_and_the_rest_turns_grey() -> None:
    roof = flat((150, 70, 60))
    roof[:, 64:] = (70, 140, 60)
    seen = pixels.isolate_green(roof).astype(int)
    assert np.ptp(seen[60, 20]) <= 1
    assert seen[60, 100, 1] - seen[60, 100, 0] > 60


def test_rust_gets_redder_and_grey_stays_grey() -> None:
    roof = flat((120, 120, 120))
    roof[:, 64:] = (140, 90, 70)
    seen = pixels.boost_rust(roof).astype(int)
    assert abs(seen[60, 20] - 120).max() <= 2
    before, after = 140 - 70, seen[60, 100, 0] - seen[60, 100, 2]
    assert after > before + 30


def test_shadows_open_up() -> None:
    roof = flat((40, 40, 40))
    roof[60:64] = (22, 22, 22)
    seen = pixels.lift_shadows(roof).astype(int)
    assert seen[30].mean() - seen[61].mean() > 1.3 * (40 - 22)


def test_dents_stand_out() -> None:
    roof = flat((120, 120, 120))
    for centre in range(20, 120, 20):
        cv2.circle(roof, (centre, 64), 3, (112, 112, 112), -1)
    seen = pixels.boost_contrast(roof).astype(int)
    assert seen[20].mean() - seen[64, 60].mean() > 2 * 8
