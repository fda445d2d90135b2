"""Reading an image's header without decoding it: an image is bounded before anything allocates for it."""

import struct
from dataclasses import dataclass

MAX_BYTES = 15_000_000
MIN_SIDE_PX = 64
MAX_SIDE_PX = 8_192
MAX_PIXELS = 40_000_000

_PNG_MAGIC = b"\x89PNG\r\n\x1a\n"
_PNG_END = b"IEND\xaeB`\x82"
_JPEG_STANDALONE = {0x01, *range(0xD0, 0xD8)}
_JPEG_FRAMES = set(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_JPEG_SCAN = 0xDA


class BadImage(ValueError):
    """Bytes that are no usable picture; `reason` is a stable code: `empty`, `too_large`, `not_an_image`,
    `truncated`, `dimensions`, `undecodable`, `blank`."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Header:
    """What an image says of itself; sides in pixels."""

    format: str
    width: int
    height: int


def read_header(content: bytes) -> Header:
    """Format and size of a complete JPEG or PNG within our bounds; raises BadImage otherwise."""
    if not content:
        raise BadImage("empty")
    if len(content) > MAX_BYTES:
        raise BadImage("too_large")
    if content.startswith(b"\xff\xd8\xff"):
        header = _jpeg(content)
    elif content.startswith(_PNG_MAGIC):
        header = _png(content)
    else:
        raise BadImage("not_an_image")
    sides = (header.width, header.height)
    if min(sides) < MIN_SIDE_PX or max(sides) > MAX_SIDE_PX or header.width * header.height > MAX_PIXELS:
        raise BadImage("dimensions")
    return header


def _png(content: bytes) -> Header:
    if len(content) < 33 or content[12:16] != b"IHDR" or _PNG_END not in content[-64:]:
        raise BadImage("truncated")
    width, height = struct.unpack(">II", content[16:24])
    return Header("png", width, height)


def _jpeg(content: bytes) -> Header:
    """Walks the segments to the first scan, then wants the end marker behind it."""
    position, frame = 2, None
    while position + 4 <= len(content):
        if content[position] != 0xFF:
            raise BadImage("not_an_image")
        marker = content[position + 1]
        if marker == 0xFF:  # a fill byte
            position += 1
            continue
        if marker in _JPEG_STANDALONE:
            position += 2
            continue
        length = struct.unpack(">H", content[position + 2 : position + 4])[0]
        if length < 2:
            raise BadImage("not_an_image")
        if marker in _JPEG_FRAMES:
            if position + 9 > len(content):
                break
            height, width = struct.unpack(">HH", content[position + 5 : position + 9])
            frame = Header("jpg", width, height)
        if marker == _JPEG_SCAN:
            # Inside a scan 0xFF is always escaped, so this marker can only be the true end.
            if frame is None or content.rfind(b"\xff\xd9") < position:
                break
            return frame
        position += 2 + length
    raise BadImage("truncated")
