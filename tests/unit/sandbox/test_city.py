"""The city is the same every time, plausible, invented, and worth prospecting."""

import hashlib
import json
import math
import re
from datetime import date, timedelta

import pytest

from domain.address import parse_address
from domain.permits import PermitRecord, RoofWork, roof_work
from domain.roof import RoofCondition
from sandbox import control, soql
from sandbox.world import Town, World
from tests.unit.sandbox.conftest import TODAY
from tests.unit.sandbox.expectation import recorded_age, true_score

FICTION = re.compile(r"\+1\d{3}55501\d{2}")


def digest(world: World) -> str:
    """A hash over everything a world tells."""
    town = world.towns["austin"]
    told = [
        [control.house_truth(house) for house in town.city.houses],
        [permit.row for permit in town.permits],
        [control.contractor(town.city, company, world.today) for company in town.city.companies],
        [control.storm_event(town.city, storm) for storm in town.city.storms],
    ]
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def test_same_seed_same_world() -> None:
    assert digest(World(5, 60, TODAY)) == digest(World(5, 60, TODAY))


@pytest.mark.parametrize(
    ("seed", "houses", "today"), [(6, 60, TODAY), (5, 61, TODAY), (5, 60, TODAY + timedelta(days=1))]
)
def test_another_seed_size_or_day_is_another_world(seed: int, houses: int, today: date) -> None:
    assert digest(World(seed, houses, today)) != digest(World(5, 60, TODAY))


def test_a_house_is_there_once_and_its_address_reads_back(town: Town) -> None:
    lines = set()
    for house in town.city.houses:
        address = parse_address(house.line, house.city, house.state, house.zip)
        assert address.line == house.line
        assert address.zip is not None
        assert re.fullmatch(r"787\d\d", address.zip)
        assert town.city.find(f"{house.number} {house.street.upper()}, Austin TX") is house
        lines.add(address.line)
    assert len(lines) == len(town.city.houses) == 400
    assert len({house.parcel for house in town.city.houses}) == 400


def test_houses_stand_apart_and_in_the_city(town: Town) -> None:
    spots = [(house.lat * 111_320, house.lng * 111_320 * math.cos(math.radians(30.3))) for house in town.city.houses]
    for index, (north, east) in enumerate(spots):
        others = (math.hypot(north - n, east - e) for n, e in spots[index + 1 :])
        assert min(others, default=99) > 15
    assert all(30.1 < house.lat < 30.5 and -98.0 < house.lng < -97.5 for house in town.city.houses)


def test_people_are_invented_and_distinct(town: Town) -> None:
    owners = [house.owner for house in town.city.houses if not house.owner.company]
    emails = [owner.email for owner in owners if owner.email] + [company.email for company in town.city.companies]
    phones = [owner.phone for owner in owners if owner.phone] + [company.phone for company in town.city.companies]
    assert all(email.endswith(".example") for email in emails)
    assert all(FICTION.fullmatch(phone) for phone in phones)
    assert len({owner.name for owner in owners}) == len(owners)
    assert len(set(emails)) == len(emails)
    assert len(set(phones)) == len(phones)


def test_most_owners_can_be_found_and_most_mail_arrives(town: Town) -> None:
    owners = [house.owner for house in town.city.houses if not house.owner.company]
    found = [owner for owner in owners if owner.email]
    assert 0.80 <= len(found) / len(owners) <= 0.90
    assert 0.85 <= sum(owner.mail_status == "valid" for owner in found) / len(found) <= 0.95


def test_roof_age_agrees_with_what_is_on_file(town: Town) -> None:
    for house in town.city.houses:
        if house.reroof_recorded:
            assert recorded_age(town, house) == house.roof.age_years, house.line
        assert house.roofed.year >= house.year_built
        assert house.roofed < TODAY


def test_recent_permits_come_after_the_storm_and_before_today(town: Town) -> None:
    storm = town.city.storms[0]
    assert timedelta(days=20) <= TODAY - storm.day <= timedelta(days=60)
    recent = [permit for permit in town.permits if permit.kind.roofing and permit.house.recent]
    newest = {permit.house.line: permit.issued for permit in reversed(recent)}
    assert all(storm.day < issued < TODAY for issued in newest.values())
    assert all(TODAY - issued <= timedelta(days=30) for issued in newest.values())


def test_permits_look_like_work_to_the_platform(town: Town) -> None:
    for permit in town.permits:
        row = permit.row
        record = PermitRecord(
            permit.number, permit.house.line, "Austin", "TX", permit_type=str(row["permit_type_desc"]),
            description=str(row["description"]),
        )  # fmt: skip
        work = roof_work(record)
        assert (work is not RoofWork.NONE) == permit.kind.roofing, permit.kind.description
        assert (work is RoofWork.REPLACEMENT) == permit.replaces_roof, permit.kind.description


def test_the_adopted_filter_lets_lookalikes_through_for_the_platform_to_refuse(town: Town) -> None:
    config = control.city_config(town.city, "http://sandbox.example")
    chosen = soql.where(config["permit_config"]["roofing_filter"], town.columns)
    hits = [permit for permit in town.permits if chosen(permit.row)]
    assert {permit.number for permit in town.permits if permit.kind.roofing} <= {permit.number for permit in hits}
    assert sum(not permit.kind.roofing for permit in hits) >= 10


@pytest.mark.parametrize("seed", [1, 2, 42])
def test_most_recent_permits_make_leads_and_some_clearly_do_not(seed: int) -> None:
    town = World(seed, today=TODAY).towns["austin"]
    recent = [house for house in town.city.houses if house.recent]
    scores = {house.line: true_score(town, house).total for house in recent}
    assert len(recent) >= 60
    assert sum(score >= 60 for score in scores.values()) / len(recent) >= 0.85
    unworthy = [house for house in recent if house.recent == "renewed"]
    assert 0.08 <= len(unworthy) / len(recent) <= 0.15
    assert all(scores[house.line] < 60 for house in unworthy)
    grades = {true_score(town, house).grade.value for house in recent}
    assert grades == {"A", "B", "C", "D", "F"}


def test_recent_worn_roofs_are_worn_and_renewed_ones_new(town: Town) -> None:
    for house in town.city.houses:
        if house.recent == "worn":
            assert house.roof.condition.rank >= RoofCondition.FAIR.rank
            assert house.roof.damages
        if house.recent == "renewed":
            assert house.roof.condition is RoofCondition.EXCELLENT
            assert not house.roof.damages


def test_small_cities_work() -> None:
    small = World(3, 20, date(2024, 2, 29)).towns["austin"]
    assert len(small.city.houses) == 20
    assert any(house.recent for house in small.city.houses)
