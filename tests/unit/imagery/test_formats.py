"""Headers are read, and bad bytes refused, before anything decodes."""

import struct

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from activities.imagery import pixels
from activities.imagery.formats import MAX_BYTES, BadImage, Header, read_header


def picture(width: int = 320, height: int = 240) -> np.ndarray:
    rows, columns = np.mgrid[0:height, 0:width]
    return np.stack([rows % 256, columns % 256, (rows + columns) % 256], axis=2).astype(np.uint8)


def jpeg(width: int = 320, height: int = 240, *options: int) -> bytes:
    return cv2.imencode(".jpg", picture(width, height), list(options))[1].tobytes()


def png(width: int = 320, height: int = 240) -> bytes:
    return cv2.imencode(".png", picture(width, height))[1].tobytes()


def with_png_size(content: bytes, width: int, height: int) -> bytes:
    return content[:16] + struct.pack(">II", width, height) + content[24:]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (jpeg(), Header("jpg", 320, 240)),
        (jpeg(640, 640, cv2.IMWRITE_JPEG_PROGRESSIVE, 1), Header("jpg", 640, 640)),
        (jpeg(320, 240, cv2.IMWRITE_JPEG_RST_INTERVAL, 4), Header("jpg", 320, 240)),
        (jpeg() + b"\x00" * 40, Header("jpg", 320, 240)),
        (png(), Header("png", 320, 240)),
    ],
    ids=["jpeg", "progressive", "restart markers", "padded", "png"],
)
def test_header_of_a_good_picture(content: bytes, expected: Header) -> None:
    assert read_header(content) == expected


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b"<html>429 Too Many Requests</html>" * 40, "not_an_image"),
        (b"GIF89a" + b"\x00" * 200, "not_an_image"),
        (b"\xff\xd8\xff" + b"\x00" * 400, "not_an_image"),
        (jpeg()[: len(jpeg()) // 2], "truncated"),
        (jpeg()[:-2], "truncated"),
        (jpeg()[:24], "truncated"),
        (png()[: len(png()) // 2], "truncated"),
        (jpeg(32, 32), "dimensions"),
        (with_png_size(png(), 60_000, 60_000), "dimensions"),
        (jpeg() + b"\x00" * MAX_BYTES, "too_large"),
    ],
    ids=[
        "nothing", "a page", "a gif", "garbage after the magic", "half a jpeg", "no end marker", "a jpeg's head",
        "half a png", "a thumbnail", "a decompression bomb", "16 MB",
    ],
)  # fmt: skip
def test_bad_bytes_have_a_reason(content: bytes, reason: str) -> None:
    with pytest.raises(BadImage) as refused:
        read_header(content)
    assert refused.value.reason == reason


@given(st.integers(min_value=0, max_value=len(jpeg()) - 3))
def test_a_jpeg_cut_anywhere_is_never_accepted(length: int) -> None:
    with pytest.raises(BadImage):
        read_header(jpeg()[:length])


@given(st.binary(max_size=300))
def test_any_bytes_after_the_magic_end_in_a_verdict(tail: bytes) -> None:
    for magic in (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"):
        with pytest.raises(BadImage):
            read_header(magic + tail)


def test_a_header_that_lies_is_caught_by_the_decode() -> None:
    with pytest.raises(BadImage) as refused:
        pixels.decode(with_png_size(png(), 300, 240))
    assert refused.value.reason in {"undecodable", "dimensions"}


def test_decode_gives_rgb() -> None:
    blue = np.zeros((100, 100, 3), np.uint8)
    blue[:, :, 2] = 200
    rgb, header = pixels.decode(pixels.encode_jpeg(blue, quality=98))
    assert header == Header("jpg", 100, 100)
    assert rgb[50, 50, 2] > 190
    assert rgb[50, 50, 0] < 15
