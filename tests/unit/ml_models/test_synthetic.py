import math
from dataclasses import replace

import cv2
import numpy as np
import pytest

from domain.roof import CONDITIONS, STREET_VIEWS, DamageType, RoofCondition, RoofMaterial, View
from ml_models.synthetic import (
    Footprint,
    RoofShape,
    Split,
    TrueDamage,
    condition_for_age,
    render_overhead,
    render_street,
    sample_truth,
)
from ml_models.synthetic.truth import (
    AGES,
    DAMAGE_WEIGHTS,
    HELD_OUT_PALETTES,
    SEVERITIES,
    SQFT_PER_M2,
    TRAIN_PALETTES,
    TRAIN_SUN,
)

METRES_PER_PX = 0.0645
SLOPED = [shape for shape in RoofShape if shape is not RoofShape.FLAT]
MATERIAL_OF = {damage: material for material, found in DAMAGE_WEIGHTS.items() for damage in found}


def truth(seed, **overrides):
    return sample_truth(np.random.default_rng(seed), **overrides)


def test_same_truth_gives_the_same_pictures():
    house = truth(1, condition=RoofCondition.POOR)
    for render in (render_overhead, lambda t: render_street(t, View.LEFT)):
        first, second = render(house), render(house)
        assert np.array_equal(first.rgb, second.rgb)
        assert np.array_equal(first.damage_mask, second.damage_mask)
        assert first.boxes == second.boxes
    assert not np.array_equal(render_overhead(house).rgb, render_overhead(replace(house, seed=house.seed + 1)).rgb)


@pytest.mark.parametrize("shape", list(RoofShape))
@pytest.mark.parametrize("metres_per_px", [0.0645, 0.1])
def test_roof_pixels_times_scale_is_the_true_surface(shape, metres_per_px):
    material = RoofMaterial.FLAT if shape is RoofShape.FLAT else RoofMaterial.SHINGLE
    house = truth(3, shape=shape, material=material, condition=RoofCondition.EXCELLENT)
    seen = render_overhead(house, 640, metres_per_px)
    measured = seen.roof_mask.sum() * metres_per_px**2 * house.pitch_factor * SQFT_PER_M2
    assert measured == pytest.approx(house.roof_sqft, rel=0.04)  # a tree may hide a little of the eaves


def test_surface_follows_from_footprint_and_pitch():
    house = replace(truth(0), footprint=Footprint(10, 8, 4, 3), pitch=9.0)
    assert house.surface_m2 == pytest.approx((80 + 12) * math.hypot(1, 0.75))


@pytest.mark.parametrize("damage", list(DamageType))
def test_every_damage_is_drawn_seen_and_boxed(damage):
    material = MATERIAL_OF[damage]
    house = truth(
        int(list(DamageType).index(damage)) + 40,
        material=material,
        shape=RoofShape.FLAT if material is RoofMaterial.FLAT else RoofShape.GABLE,
        condition=RoofCondition.POOR,
        damages=(TrueDamage(damage, 60.0, 0.06),),
    )
    seen = render_overhead(house)
    sound = render_overhead(replace(house, damages=()))
    assert {box.damage for box in seen.boxes} == {damage}
    assert (seen.damage_mask <= seen.roof_mask).all()
    changed = np.abs(seen.rgb.astype(int) - sound.rgb.astype(int)).mean(axis=2)
    inside, outside = seen.damage_mask > 0, (seen.damage_mask == 0) & (seen.roof_mask == 0)
    assert changed[inside].mean() > 8
    assert changed[outside].mean() < 0.5


@pytest.mark.parametrize("view", STREET_VIEWS)
def test_street_views_show_a_roof_with_boxes_inside_the_picture(view):
    boxes = 0
    for seed in range(4):
        seen = render_street(truth(seed, condition=RoofCondition.CRITICAL), view, 480)
        assert seen.rgb.shape == (480, 480, 3)
        assert seen.roof_mask.mean() > 0.01
        boxes += len(seen.boxes)
        for found in seen.boxes:
            box = found.box
            assert 0 <= box.x < box.x + box.w <= 1
            assert 0 <= box.y < box.y + box.h <= 1
            rows = slice(int(box.y * 480), int((box.y + box.h) * 480))
            columns = slice(int(box.x * 480), int((box.x + box.w) * 480))
            assert seen.damage_mask[rows, columns].any()
    assert boxes > 0


def test_overhead_is_not_a_street_view():
    with pytest.raises(ValueError, match="render_overhead"):
        render_street(truth(0), View.OVERHEAD)


def test_grade_age_and_damage_agree():
    for seed in range(300):
        house = truth(seed)
        low, high = AGES[house.condition]
        assert low <= house.age_years <= high
        assert {d.damage for d in house.damages} <= set(DAMAGE_WEIGHTS[house.material])
        for found in house.damages:
            assert SEVERITIES[house.condition][0] <= found.severity <= SEVERITIES[house.condition][1]
            assert 0 < found.share <= 0.35
        assert bool(house.damages) or house.condition in (RoofCondition.EXCELLENT, RoofCondition.GOOD)


def test_overrides_are_kept_and_an_age_decides_the_grade():
    house = truth(5, age_years=18, material=RoofMaterial.METAL, rotation_deg=12.0)
    assert (house.condition, house.age_years) == (RoofCondition.POOR, 18)
    assert (house.material, house.rotation_deg) == (RoofMaterial.METAL, 12.0)
    assert [condition_for_age(age) for age in (0, 3, 4, 10, 11, 15, 16, 20, 21, 99)] == [
        grade for grade in CONDITIONS for _ in range(2)
    ]


def test_held_out_houses_have_what_training_never_saw():
    for seed in range(60):
        seen, unseen = truth(seed, split=Split.TRAIN), truth(seed, split=Split.HELD_OUT)
        assert seen.palette in TRAIN_PALETTES
        assert unseen.palette in HELD_OUT_PALETTES
        assert seen.shape is not RoofShape.T
        assert unseen.sun_elevation_deg <= TRAIN_SUN[0] <= seen.sun_elevation_deg


def test_no_damage_class_starves():
    rng = np.random.default_rng(0)
    counts = dict.fromkeys(DamageType, 0)
    for _ in range(2500):
        for found in sample_truth(rng).damages:
            counts[found.damage] += 1
    assert max(counts.values()) < 3.5 * min(counts.values())


def test_worse_roofs_look_worse():
    def roughness(condition):
        values = []
        for seed in range(6):
            seen = render_overhead(truth(seed, material=RoofMaterial.FLAT, condition=condition), 400, 0.1)
            inner = cv2.erode(seen.roof_mask, np.ones((9, 9), np.uint8)) > 0
            low, high = np.quantile(cv2.cvtColor(seen.rgb, cv2.COLOR_RGB2GRAY)[inner], (0.1, 0.9))
            values.append(high - low)  # roof units are dark whatever the roof's age
        return np.mean(values)

    assert roughness(RoofCondition.EXCELLENT) < roughness(RoofCondition.FAIR) < roughness(RoofCondition.CRITICAL)
