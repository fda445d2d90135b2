"""Pictures of the city for people: a contact sheet of roofs and a map."""

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from domain.roof import RoofCondition, View
from ml_models.synthetic import render_overhead, render_street
from sandbox.city import City, House

Picture = npt.NDArray[np.uint8]
TILE, MARGIN, CAPTION = 240, 8, 34
INK, PAPER, LAND = (40, 40, 40), (250, 250, 250), (236, 238, 232)
COLOURS = {
    RoofCondition.EXCELLENT: (70, 160, 90),
    RoofCondition.GOOD: (150, 190, 80),
    RoofCondition.FAIR: (235, 190, 70),
    RoofCondition.POOR: (230, 120, 50),
    RoofCondition.CRITICAL: (190, 40, 40),
}


def contact_sheet(houses: Sequence[House], columns: int = 6) -> Picture:
    """Each house from above and from the street, with its condition and damages."""
    tiles = [_tile(house) for house in houses]
    tiles += [np.full_like(tiles[0], PAPER[0])] * (-len(tiles) % columns)
    rows = [np.hstack(tiles[start : start + columns]) for start in range(0, len(tiles), columns)]
    return np.vstack(rows)


def city_map(city: City, width: int = 1200) -> Picture:
    """Every house as a dot in the colour of its roof's condition, storms as circles, recent permits ringed."""
    canvas = np.full((width, width, 3), LAND, np.uint8)
    lats, lngs = [h.lat for h in city.houses], [h.lng for h in city.houses]
    middle = ((min(lats) + max(lats)) / 2, (min(lngs) + max(lngs)) / 2)
    shrink = float(np.cos(np.radians(middle[0])))
    scale = 0.86 * width / max(max(lats) - min(lats), (max(lngs) - min(lngs)) * shrink)

    def spot(lat: float, lng: float) -> tuple[int, int]:
        return int(width / 2 + (lng - middle[1]) * shrink * scale), int(width / 2 - (lat - middle[0]) * scale)

    for storm in city.storms:
        radius = int(storm.radius_miles / 69.0 * scale)
        cv2.circle(canvas, spot(storm.lat, storm.lng), radius, (120, 140, 200), 3 if storm.damages else 1, cv2.LINE_AA)
    for house in city.houses:
        cv2.circle(canvas, spot(house.lat, house.lng), 3, COLOURS[house.roof.condition], -1, cv2.LINE_AA)
        if house.recent:
            cv2.circle(canvas, spot(house.lat, house.lng), 6, INK, 1, cv2.LINE_AA)
    return canvas


def _tile(house: House) -> Picture:
    overhead = render_overhead(house.roof, size_px=640, metres_per_px=0.0644).rgb
    street = render_street(house.roof, View.FRONT, size_px=640).rgb
    pair = [cv2.resize(picture, (TILE, TILE), interpolation=cv2.INTER_AREA) for picture in (overhead, street)]
    tile = np.full((TILE * 2 + CAPTION + MARGIN, TILE + MARGIN, 3), PAPER, np.uint8)
    for row, picture in enumerate(pair):
        tile[row * TILE : (row + 1) * TILE, :TILE] = picture
    words = f"{house.roof.condition.value}, {house.roof.age_years} y, {house.roof.material.value}"
    damages = ", ".join(found.damage.value for found in house.roof.damages) or "no damage"
    for line, text in enumerate((words, damages)):
        at = (2, TILE * 2 + 13 + 14 * line)
        cv2.putText(tile, text, at, cv2.FONT_HERSHEY_SIMPLEX, 0.36, INK, 1, cv2.LINE_AA)
    return tile


def save(picture: Picture, path: str) -> None:
    """Write an RGB picture; raises OSError when it cannot be written."""
    if not cv2.imwrite(path, cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)):
        raise OSError(f"could not write {path}")
