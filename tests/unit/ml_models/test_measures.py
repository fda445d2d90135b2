import numpy as np
import pytest

from domain.roof import Box, DamageType
from ml_models.crops import Window, mask_window, stretch
from ml_models.evaluation import Hit, average_precision, box_iou, hits, mask_iou
from ml_models.runner import RawBox
from ml_models.synthetic import Split
from ml_models.training.pictures import picture

MOSS = DamageType.MOSS_ALGAE


def test_box_iou():
    box = Box(0.1, 0.1, 0.2, 0.2)
    assert box_iou(box, box) == pytest.approx(1)
    assert box_iou(box, Box(0.2, 0.1, 0.2, 0.2)) == pytest.approx(1 / 3)
    assert box_iou(box, Box(0.5, 0.5, 0.2, 0.2)) == 0


def test_mask_iou():
    a, b = np.zeros((4, 4), np.uint8), np.zeros((4, 4), np.uint8)
    assert mask_iou(a, b) == 1
    a[:2], b[1:3] = 1, 1
    assert mask_iou(a, b) == pytest.approx(4 / 12)


def test_average_precision_of_known_rankings():
    right, wrong = (lambda s: Hit(MOSS, s, True)), (lambda s: Hit(MOSS, s, False))
    assert average_precision([right(0.9), right(0.8)], 2) == pytest.approx(1)
    assert average_precision([wrong(0.9), right(0.8)], 1) == pytest.approx(0.5)
    assert average_precision([right(0.9), wrong(0.8)], 2) == pytest.approx(0.5)
    assert average_precision([], 3) == 0


def test_each_true_box_is_found_once():
    shown = next(p for p in (picture(s, Split.ANY) for s in range(40)) if p.render.boxes)
    true = shown.render.boxes[0]
    judged = hits([RawBox(true.damage, 0.9, true.box), RawBox(true.damage, 0.8, true.box)], shown)
    assert [hit.correct for hit in judged] == [True, False]


def test_stretch_puts_the_window_where_it_belongs():
    image = np.zeros((100, 200, 3), np.uint8)
    image[40:60, 100:180] = 255
    window = mask_window((image[..., 0] > 0).astype(np.uint8), margin=0)
    assert window == Window(100, 40, 80, 20)
    assert stretch(image, window, 64)[4:-4, 4:-4].min() > 250  # the rim blends with what lies outside
    wide = stretch(image, Window(0, 0, 200, 100), 50)
    assert wide[25, 35].min() > 200
    assert wide[5, 5].max() < 5


def test_an_empty_mask_has_no_window():
    assert mask_window(np.zeros((10, 10), np.uint8)) is None
