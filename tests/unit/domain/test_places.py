from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.clusters import Cluster, assign, cluster_id_for, is_large, is_small
from domain.geo import Point, miles_between
from domain.matching import (
    HEAD_START,
    Buyer,
    OfferedLead,
    Preferences,
    ServiceArea,
    Tier,
    match,
    mismatch,
    service_areas,
)

AUSTIN = Point(30.2672, -97.7431)
NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
MILE_OF_LATITUDE = 1 / 69.0936
points = st.builds(Point, st.floats(-89, 89), st.floats(-179, 179))


def north(miles: float) -> Point:
    return Point(AUSTIN.lat + miles * MILE_OF_LATITUDE, AUSTIN.lng)


def test_distance_between_known_cities() -> None:
    assert miles_between(AUSTIN, Point(32.7767, -96.7970)) == pytest.approx(182, abs=2)


@given(points, points)
def test_distance_is_symmetric_and_never_negative(a: Point, b: Point) -> None:
    assert 0 <= miles_between(a, b) == pytest.approx(miles_between(b, a), abs=1e-6)
    assert miles_between(a, a) == 0


@pytest.mark.parametrize(("lat", "lng"), [(91, 0), (0, 181), (-90.1, 0)])
def test_a_point_is_on_earth(lat: float, lng: float) -> None:
    with pytest.raises(ValueError, match="latitude"):
        Point(lat, lng)


def test_the_nearest_cluster_within_two_miles() -> None:
    near, far = Cluster(uuid4(), north(1.0)), Cluster(uuid4(), north(1.9))
    found = assign(uuid4(), AUSTIN, [far, near])
    assert (found.cluster, found.created) == (near, False)
    assert found.miles == pytest.approx(1.0, abs=0.01)


def test_beyond_two_miles_a_new_one() -> None:
    lead = uuid4()
    found = assign(lead, AUSTIN, [Cluster(uuid4(), north(2.01))])
    assert found.created
    assert found.cluster == Cluster(cluster_id_for(lead), AUSTIN)


def test_ties_go_to_the_lower_id_whatever_the_order() -> None:
    one, two = Cluster(UUID(int=1), north(1)), Cluster(UUID(int=2), north(1))
    assert assign(uuid4(), AUSTIN, [two, one]).cluster == one == assign(uuid4(), AUSTIN, [one, two]).cluster


@given(points, st.lists(points, max_size=5))
def test_a_lead_is_never_more_than_two_miles_from_its_cluster(at: Point, centers: list[Point]) -> None:
    found = assign(uuid4(), at, [Cluster(uuid4(), center) for center in centers])
    assert miles_between(at, found.cluster.center) <= 2.0


@pytest.mark.parametrize(
    ("count", "small", "large"), [(9, True, False), (10, False, False), (100, False, False), (101, False, True)]
)
def test_sizes_for_the_weekly_optimisation(count: int, small: bool, large: bool) -> None:
    assert (is_small(count), is_large(count)) == (small, large)


def lead(**changes: object) -> OfferedLead:
    values = {"city": "Austin", "state": "TX", "at": AUSTIN, "score": 80, "price": Decimal(175), "published_at": NOW}
    return OfferedLead(**{**values, **changes})  # type: ignore[arg-type]


def buyer(**changes: object) -> Buyer:
    values = {
        "id": uuid4(),
        "tier": Tier.STARTER,
        "status": "active",
        "city": "Austin",
        "state": "TX",
        "at": AUSTIN,
        "areas": (ServiceArea("Austin", "TX", 25),),
    }
    return Buyer(**{**values, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("offered", "contractor", "why"),
    [
        (lead(), buyer(), None),
        (lead(city="AUSTIN"), buyer(), None),
        (lead(), buyer(status="onboarded"), None),
        (lead(), buyer(status="discovered"), "not a customer"),
        (lead(), buyer(status="churned"), "not a customer"),
        (lead(city="Dallas", at=None), buyer(), "outside the service area"),
        (lead(city="Pflugerville", at=north(24.9)), buyer(), None),
        (lead(city="Waco", at=north(25.1)), buyer(), "outside the service area"),
        (lead(city="Waco", at=north(5)), buyer(areas=(ServiceArea("Dallas", "TX", 25),)), "outside the service area"),
        (lead(city="Waco", at=north(5)), buyer(areas=(ServiceArea(radius_miles=10),)), None),
        (lead(city="Waco"), buyer(areas=(ServiceArea(state="TX"),)), None),
        (lead(), buyer(areas=()), None),
        (lead(score=70), buyer(preferences=Preferences(min_score=70)), None),
        (lead(score=69), buyer(preferences=Preferences(min_score=70)), "below the preferred score"),
        (lead(score=90), buyer(preferences=Preferences(max_score=90)), None),
        (lead(score=91), buyer(preferences=Preferences(max_score=90)), "above the preferred score"),
        (lead(), buyer(preferences=Preferences(max_price=Decimal(174))), "above the preferred price"),
    ],
)
def test_matching(offered: OfferedLead, contractor: Buyer, why: str | None) -> None:
    assert mismatch(offered, contractor) == why


def test_an_exclusive_territory_belongs_to_one() -> None:
    owner, other = buyer(), buyer()
    assert [found.contractor_id for found in match(lead(exclusive_to=owner.id), [other, owner])] == [owner.id]


def test_better_tiers_see_a_lead_first() -> None:
    tiers = [None, Tier.STARTER, Tier.ENTERPRISE, Tier.PROFESSIONAL]
    found = match(lead(), [buyer(tier=tier) for tier in tiers])
    assert [m.tier for m in found][:2] == [Tier.ENTERPRISE, Tier.PROFESSIONAL]
    assert found[0].visible_from == NOW
    assert found[-1].visible_from == NOW + HEAD_START[Tier.STARTER]
    assert HEAD_START[Tier.ENTERPRISE] == timedelta(0)


@pytest.mark.parametrize(
    ("raw", "areas"),
    [
        (None, ()),
        ("Austin", ()),
        ([None, 3, {}, {"radius_miles": -1}], ()),
        ([{"city": "Austin", "state": "TX", "radius_miles": 25}], (ServiceArea("Austin", "TX", 25.0),)),
        ([{"radius_miles": "far", "state": "TX"}], (ServiceArea(None, "TX"),)),
    ],
)
def test_service_areas_from_json(raw: object, areas: tuple[ServiceArea, ...]) -> None:
    assert service_areas(raw) == areas
