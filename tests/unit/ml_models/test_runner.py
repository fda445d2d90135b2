import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from domain.roof import CONDITIONS, DamageType, View
from ml_models.card import ROLES, read_card
from ml_models.evaluation import judge, scores
from ml_models.runner import RoofImage, RoofModels, UnusableImage, WeightsMissing, calibrated
from ml_models.synthetic import Split, render_overhead, sample_truth
from ml_models.training.pictures import picture

WEIGHTS = Path(__file__).parents[3] / "ml_models" / "weights"
FRESH = range(77_000_000, 77_000_060)
"""Houses of held-out parameters that neither training nor the committed scores have seen."""


@pytest.fixture(scope="module")
def models():
    return RoofModels.load(WEIGHTS)


@pytest.fixture(scope="module")
def fresh_scores(models):
    return scores(judge(models, (picture(seed, Split.HELD_OUT) for seed in FRESH)))


def noise(height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.mark.parametrize(
    ("measure", "floor"),
    [
        ("segmentor_roof_iou", 0.8),
        ("segmentor_material_accuracy", 0.8),
        ("classifier_accuracy", 0.6),
        ("classifier_accuracy_within_one_grade", 0.85),
        ("detector_map50", 0.5),
    ],
)
def test_fresh_held_out_houses_are_read_well(fresh_scores, measure, floor):
    assert fresh_scores[measure] >= floor


def test_roof_area_is_measured(fresh_scores):
    assert fresh_scores["roof_area_mean_error"] <= 0.2


def test_confidence_is_not_far_from_accuracy(fresh_scores):
    assert abs(fresh_scores["classifier_mean_confidence"] - fresh_scores["classifier_accuracy"]) < 0.25


def test_findings_are_complete_and_within_bounds(models):
    seen = picture(77_000_000, Split.HELD_OUT)
    (found,) = models.analyze([RoofImage(View.OVERHEAD, seen.render.rgb, seen.metres_per_px)])
    assert set(found.condition_probabilities) == set(CONDITIONS)
    assert sum(found.condition_probabilities.values()) == pytest.approx(1, abs=1e-4)
    assert 0 <= found.damage_share <= 1
    assert 0 < found.roof_share < 1
    assert 0.5 < found.segmentation_confidence <= 1
    for detection in found.detections:
        assert 0 <= detection.confidence <= 1
        assert detection.box.x >= 0
        assert detection.box.x + detection.box.w <= 1 + 1e-6
        assert detection.box.y + detection.box.h <= 1 + 1e-6


def test_a_batch_says_what_single_pictures_say(models):
    images = [RoofImage(p.view, p.render.rgb, p.metres_per_px) for p in (picture(s, Split.ANY) for s in (4, 5, 6))]
    together = models.analyze(images)
    for image, found in zip(images, together, strict=True):
        (alone,) = models.analyze([image])
        assert alone.condition_probabilities == pytest.approx(found.condition_probabilities, abs=1e-3)
        assert alone.roof_share == pytest.approx(found.roof_share, rel=0.01)


def test_area_does_not_depend_on_the_pictures_size(models):
    house = sample_truth(np.random.default_rng(8))
    small, large = (
        models.analyze([RoofImage(View.OVERHEAD, render_overhead(house, size, 41.28 / size).rgb, 41.28 / size)])[0]
        for size in (512, 1024)
    )
    assert small.roof_sqft == pytest.approx(large.roof_sqft, rel=0.12)


def test_area_needs_a_scale_and_a_view_from_above(models):
    rgb = picture(77_000_002, Split.HELD_OUT).render.rgb
    unknown, street = models.analyze([RoofImage(View.OVERHEAD, rgb), RoofImage(View.FRONT, rgb, 0.06)])
    assert unknown.roof_sqft is None
    assert street.roof_sqft is None


def test_no_pictures_no_findings(models):
    assert models.analyze([]) == []


@pytest.mark.parametrize("shape", [(64, 64), (65, 1999), (2000, 70), (333, 777)])
def test_odd_sizes_are_read(models, shape):
    (found,) = models.analyze([RoofImage(View.FRONT, noise(*shape))])
    assert sum(found.condition_probabilities.values()) == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize(
    "rgb",
    [
        noise(10, 10),
        noise(640, 20),
        np.zeros((640, 640), np.uint8),
        np.zeros((640, 640, 4), np.uint8),
        np.zeros((640, 640, 3), np.float32),
        np.zeros((0, 0, 3), np.uint8),
    ],
)
def test_what_is_no_picture_is_refused(models, rgb):
    with pytest.raises(UnusableImage):
        models.analyze([RoofImage(View.OVERHEAD, rgb)])


def test_a_picture_without_a_roof_says_so(models):
    (found,) = models.analyze([RoofImage(View.OVERHEAD, np.full((640, 640, 3), 128, np.uint8), 0.06)])
    if found.roof_share == 0:
        assert found.detections == ()
        assert found.roof_sqft is None
        assert found.segmentation_confidence == 0
        assert set(found.condition_probabilities.values()) == {0.2}
    assert found.roof_share < 0.5


def test_calibration_keeps_the_order_of_scores():
    raw = [0.0, 0.1, 0.5, 0.9, 1.0]
    fitted = [calibrated(score, 0.8, -0.3) for score in raw]
    assert fitted == sorted(fitted)
    assert all(0 <= value <= 1 for value in fitted)


def test_missing_or_foreign_weights_are_named(tmp_path):
    with pytest.raises(WeightsMissing, match="python -m ml_models train"):
        RoofModels.load(tmp_path)
    shutil.copytree(WEIGHTS, tmp_path / "w")
    (tmp_path / "w" / "detector.onnx").write_bytes(b"not a model")
    with pytest.raises(WeightsMissing, match=r"detector\.onnx is not the file"):
        RoofModels.load(tmp_path / "w")
    (tmp_path / "w" / "detector.onnx").unlink()
    with pytest.raises(WeightsMissing, match="no weights"):
        RoofModels.load(tmp_path / "w")
    (tmp_path / "w" / "model_card.json").write_text("{}")
    with pytest.raises(WeightsMissing, match="not readable"):
        RoofModels.load(tmp_path / "w")


def test_card_says_what_the_weights_are():
    card = read_card(WEIGHTS)
    assert card.trained_on == "synthetic-trained"
    assert "real roofs" in card.warning
    assert set(card.models) == set(ROLES)
    assert "AGPL-3.0" in card.models["detector"].licence
    assert sum(m.bytes for m in card.models.values()) < 20_000_000
    assert set(card.scores["detector_ap50_by_damage"]) <= {d.value for d in DamageType}
    text = (WEIGHTS / "MODEL_CARD.md").read_text()
    assert "Synthetic-trained" in text
    assert f"{card.scores['segmentor_roof_iou']:.3f}" in text


def test_running_the_models_needs_no_torch():
    code = (
        "import sys; from ml_models.runner import RoofModels as M; M.load(sys.argv[1]); print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(WEIGHTS)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_card_command_prints_and_evaluate_names_missing_weights(tmp_path, capsys):
    from ml_models.__main__ import main

    assert main(["card"]) == 0
    assert "Held-out scores" in capsys.readouterr().out
    assert main(["evaluate", "--weights", str(tmp_path)]) == 1
    assert "no model card" in capsys.readouterr().err
    assert main(["evaluate", "--json", "--pictures", "4"]) == 0
    assert json.loads(capsys.readouterr().out)["pictures"] == 4
