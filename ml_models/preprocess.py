"""Input sizes of the three models and the pixel scaling they were trained with."""

import numpy as np
import numpy.typing as npt

CLASSIFIER_PX = 192
DETECTOR_PX = 192
SEGMENTOR_PX = 192
MEAN = np.array((0.485, 0.456, 0.406), dtype=np.float32)
STD = np.array((0.229, 0.224, 0.225), dtype=np.float32)


def normalised(images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """NHWC bytes to NCHW floats with ImageNet statistics, for all three models."""
    scaled = (images.astype(np.float32) / 255 - MEAN) / STD
    return np.ascontiguousarray(scaled.transpose(0, 3, 1, 2), dtype=np.float32)
