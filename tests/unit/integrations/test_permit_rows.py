import json
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.permit_rows import FieldMap, read_page, read_row

FIELDS = FieldMap(
    {
        "permit_number": "permit_number",
        "address": "original_address1",
        "issue_date": "issue_date",
        "permit_type": "permit_type_desc",
        "description": "description",
        "value": "total_job_valuation",
        "contractor_name": "contact_N_name where contact_N_type contains CONTRACTOR",
        "contractor_license": None,
        "status": "status_current",
        "lat": "location_1.latitude",
        "lng": "location_1.longitude",
    }
)
ROW = {
    "permit_number": "2026-000123 BP",
    "original_address1": "12 Copper  Finch Dr",
    "original_zip": "78757-1234",
    "issue_date": "2026-07-28T00:00:00.000",
    "completed_date": "2026-08-09T00:00:00.000",
    "permit_type_desc": "Building Permit",
    "description": "Re-roof",
    "total_job_valuation": "12500",
    "status_current": "Final",
    "location_1": {"latitude": "30.347", "longitude": "-97.742"},
    "link": {"url": "https://permits.example/1"},
}


def read(**changes: Any) -> Any:
    return read_row({**ROW, **changes}, FIELDS, "Austin", "TX", "socrata")


def test_a_full_row() -> None:
    permit = read()
    assert permit.permit_number == "2026-000123 BP"
    assert permit.address == "12 Copper Finch Dr"
    assert (permit.city, permit.state, permit.zip) == ("Austin", "TX", "78757")
    assert (permit.lat, permit.lng) == (30.347, -97.742)
    assert (permit.issue_date, permit.completion_date) == (date(2026, 7, 28), date(2026, 8, 9))
    assert permit.estimated_value == Decimal("12500.00")
    assert permit.source_url == "https://permits.example/1"
    assert permit.contractor_name is None


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"permit_number": None}, "no permit number"),
        ({"permit_number": "   "}, "no permit number"),
        ({"permit_number": ["1"]}, "no permit number"),
        ({"permit_number": "9" * 101}, "the permit number or address is too long to be one"),
        ({"original_address1": None}, "no address"),
        ({"original_address1": {"street": "x"}}, "no address"),
        ({"original_address1": "x" * 301}, "the permit number or address is too long to be one"),
        ({"issue_date": "soon"}, "the issue date is not a date"),
        ({"issue_date": "2026-02-30T00:00:00.000"}, "the issue date is not a date"),
        ({"completed_date": 20260101}, "the completion date is not a date"),
    ],
)
def test_a_row_that_is_no_permit_is_rejected_with_a_reason(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError) as failure:
        read(**changes)
    assert str(failure.value) == reason


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("12500", "12500.00"),
        (12500.5, "12500.50"),
        ("$1,234.567", "1234.57"),
        ("0", "0.00"),
        ("-5", None),
        ("NaN", None),
        ("Infinity", None),
        ("1e30", None),
        ("lots", None),
        (True, None),
        ({"amount": 3}, None),
        (None, None),
    ],
)
def test_a_value_that_cannot_be_right_is_left_out(value: Any, expected: str | None) -> None:
    assert read(total_job_valuation=value).estimated_value == (None if expected is None else Decimal(expected))


@pytest.mark.parametrize(
    "point",
    [
        {"latitude": "0", "longitude": "0"},
        {"latitude": "48.8", "longitude": "2.3"},
        {"latitude": "north", "longitude": "-97"},
        {"latitude": "nan", "longitude": "-97"},
        {"latitude": "30.3"},
        {},
        "POINT (-97 30)",
        None,
    ],
)
def test_coordinates_outside_the_country_are_none(point: Any) -> None:
    permit = read(location_1=point)
    assert (permit.lat, permit.lng) == (None, None)


def test_text_is_made_fit_for_the_database() -> None:
    permit = read(description="a\x00b\n\tc" + "x" * 20_000, status_current="s" * 80, original_zip="78")
    assert permit.description is not None
    assert permit.description.startswith("a b c")
    assert len(permit.description) == 10_000
    assert len(permit.status or "") == 50
    assert permit.zip is None


@pytest.mark.parametrize("link", [{"url": "javascript:alert(1)"}, "ftp://x", {"url": 5}, "https://x/" + "y" * 3000])
def test_only_a_web_address_is_a_source_url(link: Any) -> None:
    assert read(link=link).source_url is None


def test_an_address_in_several_columns_is_joined() -> None:
    fields = FieldMap({"permit_number": "id", "address": "street_number+street_direction+street_name"})
    row = {"id": 7, "street_number": 120, "street_name": "OAK ST"}
    permit = read_row(row, fields, "Chicago", "IL", "socrata")
    assert (permit.permit_number, permit.address) == ("7", "120 OAK ST")


def test_a_page_keeps_the_good_rows_and_says_why_the_others_are_not() -> None:
    rows = [ROW, "text", None, {**ROW, "permit_number": ""}, {**ROW, "status_current": "Active"}]
    page = read_page(rows, FIELDS, "Austin", "TX", "socrata")
    assert [permit.status for permit in page.records] == ["Active"], "the later of two rows with one number counts"
    assert [(row.index, row.reason) for row in page.rejected] == [
        (1, "the row is not an object"),
        (2, "the row is not an object"),
        (3, "no permit number"),
    ]
    assert page.rows == 5


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@given(st.lists(st.dictionaries(st.sampled_from(sorted(ROW)), JSON) | JSON, max_size=5))
def test_no_row_however_odd_breaks_a_page(rows: list[Any]) -> None:
    page = read_page(rows, FIELDS, "Austin", "TX", "socrata")
    assert page.rows == len(rows)
    for permit in page.records:
        assert permit.permit_number
        assert permit.address
        json.dumps([permit.lat, permit.lng], allow_nan=False)
