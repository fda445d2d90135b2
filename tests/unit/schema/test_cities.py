"""The data file of target cities: complete, plausible, honest about what is known."""

import re
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError

from config.cities import City, load_cities
from schema.tables.core import PERMIT_PLATFORMS

CITIES = load_cities()


def test_there_are_75_in_three_tiers() -> None:
    assert len(CITIES) == 75
    assert len({(city.city, city.state) for city in CITIES}) == 75
    assert {city.tier for city in CITIES} == {1, 2, 3}


@pytest.mark.parametrize("city", CITIES, ids=lambda city: f"{city.city}-{city.state}")
def test_facts_are_plausible(city: City) -> None:
    assert 24 < city.lat < 49
    assert -125 < city.lng < -66
    assert 0 <= city.storm_risk_score <= 100
    assert 1 <= city.priority <= 100
    assert city.population > 50_000
    assert re.fullmatch("[A-Z]{2}", city.state)
    assert ZoneInfo(city.timezone).key.startswith("America/")
    assert city.permit.platform in PERMIT_PLATFORMS


@pytest.mark.parametrize("city", CITIES, ids=lambda city: f"{city.city}-{city.state}")
def test_confidence_and_evidence_come_along(city: City) -> None:
    assert city.permit.confidence in {"seen", "unknown"}
    assert city.assessor.confidence in {"seen", "host_seen", "from_memory"}
    assert city.permit_config["confidence"] == city.permit.confidence
    assert city.permit_config["evidence"]
    assert city.assessor_config["evidence"]
    assert city.permit_config["freshness"]["status"] in {"live", "frozen", "unknown"}
    assert re.fullmatch(r"(20\d\d-[01]\d(-[0-3]\d)?)?", city.permit.freshness.as_of or "")


def test_columns_are_names_and_filters_are_clauses() -> None:
    for city in CITIES:
        for column in (*city.permit.field_map.values(), *city.assessor.field_map.values()):
            assert re.fullmatch(r"[A-Za-z_][\w .+]*", column), (city.city, column)
        clause = city.permit.roofing_filter
        assert clause is None or clause.count("(") == clause.count(")"), (city.city, clause)
        assert clause is None or clause.count("'") % 2 == 0, (city.city, clause)


def test_only_feeds_that_were_seen_live_are_watched_from_the_start() -> None:
    active = {city.city for city in CITIES if city.active}
    assert "Austin" in active
    assert not active & {"Dallas", "Houston", "St. Paul", "Las Vegas", "Little Rock"}
    assert all(
        city.tier == 1 and city.permit.url and city.permit.confidence == "seen" for city in CITIES if city.active
    )


def test_a_malformed_file_is_refused(tmp_path: Path) -> None:
    bad = tmp_path / "cities.json"
    bad.write_text('[{"city": "Austin", "mayor": "x"}]')
    with pytest.raises(ValidationError):
        load_cities(bad)
