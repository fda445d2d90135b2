"""One real training of each network on a handful of pictures, and its export."""

import numpy as np
import onnxruntime
import pytest

torch = pytest.importorskip("torch", reason="training needs the ml extra")

from ml_models.preprocess import CLASSIFIER_PX, DETECTOR_PX, SEGMENTOR_PX  # noqa: E402
from ml_models.training import networks  # noqa: E402
from ml_models.training.dataset import build, load, save  # noqa: E402
from ml_models.training.export import export, runnable  # noqa: E402
from ml_models.training.loops import Plan, train_classifier, train_detector, train_segmentor  # noqa: E402

FEW = 4
TRAIN = {
    "classifier": lambda data, folder: train_classifier(data, Plan(20, 5, batch=4)),
    "detector": lambda data, folder: train_detector(data, Plan(20, 5, batch=4), folder),
    "segmentor": lambda data, folder: train_segmentor(data, Plan(10, 5, batch=4)),
}
FRESH = {
    "classifier": (lambda folder: networks.classifier(), CLASSIFIER_PX),
    "detector": (networks.detector, DETECTOR_PX),
    "segmentor": (lambda folder: networks.segmentor(), SEGMENTOR_PX),
}


@pytest.fixture(scope="module")
def data():
    return build("train", FEW, processes=1)


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("role", list(TRAIN))
def test_loss_falls(role, data, tmp_path):
    result = TRAIN[role](data, tmp_path)
    assert result.last_loss < result.first_loss
    assert np.isfinite(result.last_loss)
    assert result.pictures > FEW


@pytest.mark.parametrize("role", list(FRESH))
def test_export_says_what_the_network_says(role, tmp_path):
    make, size = FRESH[role]
    net = make(tmp_path).eval()
    export(role, net, size, tmp_path / "net.onnx")
    images = np.random.default_rng(0).random((3, 3, size, size), dtype=np.float32)
    with torch.no_grad():
        expected = runnable(role, net)(torch.from_numpy(images)).numpy()
    session = onnxruntime.InferenceSession(str(tmp_path / "net.onnx"), providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {"images": images})
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() <= 0.02 * max(1.0, np.abs(expected).max())
    assert (tmp_path / "net.onnx").stat().st_size < 8_000_000


def test_a_data_set_survives_the_disk(data, tmp_path):
    save(data, tmp_path / "set")
    again = load(tmp_path / "set")
    assert len(again) == FEW
    assert np.array_equal(again.crop, data.crop)
    assert np.array_equal(again.crop_labels, data.crop_labels)
    assert [len(b) for b in again.boxes] == [len(b) for b in data.boxes]


def test_labels_and_boxes_of_a_sample_agree(data):
    for labels, boxes in zip(data.crop_labels, data.boxes, strict=True):
        assert (labels % 16 > 0).any()
        assert bool(boxes) <= bool((labels >= 16).any())
        for _, x, y, w, h in boxes:
            assert -0.01 <= x <= x + w <= 1.01
            assert -0.01 <= y <= y + h <= 1.01
