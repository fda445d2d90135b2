"""Where pictures live, which way cameras look, what a summary says."""

import math
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from activities.imagery.acquisition import TURNS, bearing, summarise
from activities.imagery.keys import (
    SHOTS,
    original_key,
    overlay_key,
    preprocessed_key,
    shot_of,
    sidecar_key,
    super_res_key,
    transformed_key,
)
from domain.roof import STREET_VIEWS, DamageType, View
from integrations.google_imagery import metres_per_px
from schema.contracts.property import Reason

LEAD = UUID("5d1f2c9e-8f4b-5a51-9d0e-6c7f3f1a2b3c")


def test_keys_follow_decision_0005() -> None:
    front, overhead = shot_of(View.FRONT), shot_of(View.OVERHEAD)
    assert original_key(LEAD, overhead) == f"images/{LEAD}/original/satellite/overhead.jpg"
    assert original_key(LEAD, front) == f"images/{LEAD}/original/street_view/front.jpg"
    assert sidecar_key(original_key(LEAD, front)) == f"images/{LEAD}/original/street_view/front.json"
    assert preprocessed_key(LEAD, front) == f"images/{LEAD}/preprocessed/street_view/front.jpg"
    moss = transformed_key(LEAD, DamageType.MOSS_ALGAE, front)
    assert moss == f"images/{LEAD}/transformed/moss_algae/street_view/front.jpg"
    assert super_res_key(LEAD, front) == f"images/{LEAD}/super_res/street_view/front.jpg"
    assert overlay_key(LEAD, View.OVERHEAD) == f"images/{LEAD}/analysis/overhead.jpg"


def test_no_two_pictures_share_a_key() -> None:
    keys = [make(LEAD, shot) for make in (original_key, preprocessed_key, super_res_key) for shot in SHOTS]
    keys += [transformed_key(LEAD, damage, shot) for damage in DamageType for shot in SHOTS]
    keys += [overlay_key(LEAD, view) for view in View]
    assert len(keys) == len(set(keys))


@pytest.mark.parametrize(
    ("to", "expected"), [((31.0, -97.0), 0.0), ((30.0, -96.0), 90.0), ((29.0, -97.0), 180.0), ((30.0, -98.0), 270.0)]
)
def test_bearing_of_the_compass_points(to: tuple[float, float], expected: float) -> None:
    assert bearing(30.0, -97.0, *to) == pytest.approx(expected, abs=0.5)


@given(st.floats(24, 49), st.floats(-124, -67), st.floats(0, 359.9))
def test_bearing_finds_the_way_back(lat: float, lng: float, azimuth: float) -> None:
    """From a point 20 m away in some direction, the house is in the opposite one."""
    away = 20 / 111_320
    camera_lat = lat + away * math.cos(math.radians(azimuth))
    camera_lng = lng + away * math.sin(math.radians(azimuth)) / math.cos(math.radians(lat))
    found = bearing(camera_lat, camera_lng, lat, lng)
    assert min((found - azimuth - 180) % 360, (azimuth + 180 - found) % 360) < 0.5


def test_four_views_look_four_ways() -> None:
    assert set(TURNS) == set(STREET_VIEWS)
    assert sorted(TURNS.values()) == [0.0, 90.0, 180.0, 270.0]


def test_scale_in_austin() -> None:
    assert metres_per_px(30.27) == pytest.approx(0.0645, abs=0.0001)


def keys_of(*views: View) -> set[str]:
    return {original_key(LEAD, shot_of(view)) for view in views}


@pytest.mark.parametrize(
    ("views", "unreadable", "satellite", "street", "reason"),
    [
        (tuple(View), False, 1, 4, None),
        (STREET_VIEWS, False, 0, 4, Reason.IMAGERY_INCOMPLETE),
        (STREET_VIEWS, True, 0, 4, Reason.IMAGE_UNREADABLE),
        ((View.OVERHEAD,), False, 1, 0, Reason.IMAGERY_INCOMPLETE),
        ((), False, 0, 0, Reason.IMAGERY_UNAVAILABLE),
        ((), True, 0, 0, Reason.IMAGE_UNREADABLE),
    ],
)
def test_summary(views: tuple[View, ...], unreadable: bool, satellite: int, street: int, reason: Reason | None) -> None:
    summary = summarise(LEAD, keys_of(*views), unreadable)
    assert (summary.satellite, summary.street_views, summary.reason) == (satellite, street, reason)
