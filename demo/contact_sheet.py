"""A sheet of analysed roofs to look at: overlay, verdict, score and price of each."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from PIL import Image, ImageDraw, ImageFont

from schema.contracts.property import PropertyResult

TILE = 300
CAPTION = 52
COLUMNS = 4
MOST_TILES = 16
INK, PAPER, PRICE = (33, 37, 41), (250, 250, 248), (12, 120, 70)


@dataclass(frozen=True, slots=True)
class Tile:
    """One roof of the sheet."""

    overlay: bytes
    verdict: str
    offer: str


def draw(tiles: Sequence[Tile], path: Path) -> Path:
    """Write the sheet as a PNG and return its path."""
    rows = -(-len(tiles) // COLUMNS)
    sheet = Image.new("RGB", (COLUMNS * TILE, rows * (TILE + CAPTION)), PAPER)
    pen = ImageDraw.Draw(sheet)
    bold, plain = ImageFont.load_default(size=17), ImageFont.load_default(size=15)
    for number, tile in enumerate(tiles):
        x, y = number % COLUMNS * TILE, number // COLUMNS * (TILE + CAPTION)
        picture = Image.open(io.BytesIO(tile.overlay)).convert("RGB").resize((TILE - 8, TILE - 8))
        sheet.paste(picture, (x + 4, y + 4))
        pen.text((x + 8, y + TILE), tile.verdict, fill=INK, font=bold)
        pen.text((x + 8, y + TILE + 22), tile.offer, fill=PRICE, font=plain)
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(path)
    return path


def captions(result: PropertyResult) -> tuple[str, str]:
    """The two lines under a roof; no address."""
    confidence = f", {result.confidence:.0f} %" if result.confidence is not None else ""
    by = " (reviewed)" if result.reviewed else ""
    verdict = f"{result.condition.value if result.condition else 'no verdict'}{confidence}{by}"
    offer = f"score {result.score} {result.grade}, ${result.price}" if result.price else result.status.value
    return verdict, offer


def pick(results: Mapping[UUID, PropertyResult]) -> list[tuple[UUID, PropertyResult]]:
    """Which roofs to show: the best scores first."""
    judged = [(lead, result) for lead, result in results.items() if result.condition is not None]
    return sorted(judged, key=lambda row: row[1].score or 0, reverse=True)[:MOST_TILES]
