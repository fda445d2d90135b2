"""What reviewers see drawn over a picture."""

import numpy as np
import pytest

from activities.inference.overlay import DAMAGE_COLOURS, OUTLINE, STRIP_PX, annotate
from domain.roof import Box, DamageType, Detection, RoofCondition

GREY = np.full((400, 500, 3), 120, np.uint8)


def draw(*detections: Detection, mask: np.ndarray | None = None, rgb: np.ndarray = GREY) -> np.ndarray:
    return annotate(rgb, detections, mask, condition=RoofCondition.POOR, confidence=71.4, note="2,150 sq ft")


def test_a_strip_is_added_below_and_the_input_left_alone() -> None:
    before = GREY.copy()
    drawn = draw()
    assert drawn.shape == (400 + STRIP_PX, 500, 3)
    assert np.array_equal(drawn[:400], GREY)
    assert np.array_equal(GREY, before)
    assert drawn[400:].std() > 10


@pytest.mark.parametrize("damage", list(DamageType))
def test_each_damage_has_its_own_colour_on_its_box(damage: DamageType) -> None:
    drawn = draw(Detection(damage, 0.8, Box(0.4, 0.5, 0.2, 0.25)))
    assert tuple(drawn[200 + 50, 200]) == DAMAGE_COLOURS[damage]
    assert len(set(DAMAGE_COLOURS.values())) == len(DamageType)


def test_doubtful_detections_are_not_drawn() -> None:
    assert np.array_equal(draw(Detection(DamageType.HAIL_DAMAGE, 0.1, Box(0.4, 0.5, 0.2, 0.2)))[:400], GREY)


@pytest.mark.parametrize(
    "box", [Box(0, 0, 1, 1), Box(0.95, 0.95, 0.2, 0.2), Box(-0.1, -0.1, 0.3, 0.3), Box(0.5, 0, 0.01, 0.01)]
)
def test_boxes_at_the_border_stay_legible(box: Box) -> None:
    assert not np.array_equal(draw(Detection(DamageType.SAGGING, 0.9, box))[:400], GREY)


@pytest.mark.parametrize("size", [(400, 500), (100, 125)])
def test_the_roof_is_outlined_whatever_the_mask_size(size: tuple[int, int]) -> None:
    mask = np.zeros(size, bool)
    mask[size[0] // 4 : size[0] * 3 // 4, size[1] // 4 : size[1] * 3 // 4] = True
    drawn = draw(mask=mask)
    assert tuple(drawn[200, 125]) == OUTLINE or tuple(drawn[200, 124]) == OUTLINE
    assert np.array_equal(drawn[190:210, 240:260], GREY[190:210, 240:260])


def test_no_roof_no_outline() -> None:
    assert np.array_equal(draw(mask=np.zeros((400, 500)))[:400], GREY)
