"""The permit portal in Socrata's wire format."""

import httpx
import pytest

from sandbox.world import Town
from tests.unit.sandbox import published

PATH = "/portal/austin/resource/3syk-w9eu.json"


async def test_rows_have_the_datasets_columns_and_only_texts(http: httpx.AsyncClient) -> None:
    rows = (await http.get(PATH, params={"$limit": 50_000})).json()
    columns = {column for row in rows for column in row}
    assert columns <= published.permit_columns()
    assert {"permit_number", "issue_date", "description", "original_address1", "latitude"} <= columns
    plain = [value for row in rows for name, value in row.items() if name not in ("link", "location")]
    assert all(isinstance(value, str) for value in plain)
    assert all(row["issue_date"].endswith("T00:00:00.000") for row in rows)
    assert any("latitude" not in row for row in rows), "nulls are left out"


async def test_default_limit_and_pages(http: httpx.AsyncClient, town: Town) -> None:
    total = len(town.permits)
    assert len((await http.get(PATH)).json()) == min(1000, total)
    pages, size = [], 300
    for offset in range(0, total + size, size):
        params = {"$order": "issue_date,:id", "$limit": size, "$offset": offset, "$select": "permit_number"}
        pages += (await http.get(PATH, params=params)).json()
    assert len(pages) == total
    assert {row["permit_number"] for row in pages} == {permit.number for permit in town.permits}


async def test_without_order_pages_disagree(http: httpx.AsyncClient) -> None:
    first = (await http.get(PATH, params={"$limit": 20})).json()
    again = (await http.get(PATH, params={"$limit": 20})).json()
    assert first != again


async def test_filter_by_column(http: httpx.AsyncClient, town: Town) -> None:
    permit = town.permits[5]
    rows = (await http.get(PATH, params={"permit_number": permit.number})).json()
    assert rows == [permit.row]


@pytest.mark.parametrize(
    "params",
    [
        {"$where": "issue_date >> 3"},
        {"$where": "nosuch = '1'"},
        {"$where": "description > 5"},
        {"$order": "1; drop"},
        {"$limit": "ten"},
        {"$limit": "50001"},
        {"$offset": "-1"},
        {"$select": "count(*)"},
        {"$group": "status_current"},
        {"nosuch": "1"},
    ],
)
async def test_bad_queries_are_refused_in_socratas_words(http: httpx.AsyncClient, params: dict[str, str]) -> None:
    answer = await http.get(PATH, params=params)
    assert answer.status_code == 400
    body = answer.json()
    assert body["error"] is True
    assert body["code"].startswith("query.")
    assert body["message"]


async def test_unknown_datasets_are_not_found(http: httpx.AsyncClient) -> None:
    assert (await http.get("/portal/austin/resource/aaaa-bbbb.json")).status_code == 404
    assert (await http.get("/portal/nowhere/resource/3syk-w9eu.json")).status_code == 404
