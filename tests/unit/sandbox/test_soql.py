"""The query language: what portals are asked is understood, everything else is refused and never run."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox import soql

COLUMNS = frozenset({"permit_number", "description", "issue_date", "value", "status", ":id"})
ROWS = [
    {
        "permit_number": "1",
        "description": "Re-roof, O'Hara house",
        "issue_date": "2026-11-01T00:00:00.000",
        "value": "900",
    },
    {
        "permit_number": "2",
        "description": "solar 100%",
        "issue_date": "2026-11-10T00:00:00.000",
        "value": "12000",
    },
    {
        "permit_number": "3",
        "description": "New SHINGLES",
        "issue_date": "2026-11-20T00:00:00.000",
        "status": "Final",
    },
]


def numbers(query: str) -> list[str]:
    """Permit numbers of the rows a clause keeps."""
    keeps = soql.where(query, COLUMNS)
    return [row["permit_number"] for row in ROWS if keeps(row)]


@pytest.mark.parametrize(
    ("query", "kept"),
    [
        ("permit_number = '2'", ["2"]),
        ("permit_number='2' or permit_number='3'", ["2", "3"]),
        ("permit_number != '2'", ["1", "3"]),
        ("upper(description) like '%ROOF%' OR upper(description) like '%SHINGLE%'", ["1", "3"]),
        ("description like '%O''Hara%'", ["1"]),
        ("description like 'New%'", ["3"]),
        ("description like '%house'", ["1"]),
        ("description like 'solar ____'", ["2"]),
        ("description like '%'", ["1", "2", "3"]),
        ("description like 'solar'", []),
        ("description like '%a%a%'", ["1"]),
        ("description like 'solar 100%100%'", []),
        ("issue_date >= '2026-11-10T00:00:00.000'", ["2", "3"]),
        ("issue_date > '2026-11-10'", ["3"]),
        ("issue_date = '2026-11-10T00:00:00'", ["2"]),
        ("issue_date between '2026-11-01' and '2026-11-10'", ["1", "2"]),
        ("issue_date not between '2026-11-01' and '2026-11-10'", ["3"]),
        ("value > 1000", ["2"]),
        ("value is null", ["3"]),
        ("status is not null", ["3"]),
        ("status = 'Final' AND NOT permit_number = '1'", ["3"]),
        ("permit_number in ('1', '3')", ["1", "3"]),
        ("NOT (permit_number = '1' OR permit_number = '2')", ["3"]),
        ("permit_number = '1' OR permit_number = '2' AND value > 1000", ["1", "2"]),
        ("`permit_number` = '1'", ["1"]),
        ("lower(description) like '%shingle%'", ["3"]),
    ],
)
def test_understands(query: str, kept: list[str]) -> None:
    assert numbers(query) == kept


@pytest.mark.parametrize(
    "query",
    [
        "", "permit_number", "permit_number =", "= '1'", "permit_number = '1", "permit_number = '1' AND", "'1' '2'",
        "permit_number = '1'; drop table permits", "permit_number = '1' -- comment", "1=1 union select *",
        "sleep(10) = 1", "nosuch = '1'", "permit_number like upper('x')", "(permit_number = '1'",
        "permit_number between '1'", "permit_number in ()", "upper(description like '%A%')", "__import__('os')",
        "\x00", "permit_number = \u2019x\u2019", "(" * 500 + "permit_number = '1'" + ")" * 500,
        "not " * 500 + "permit_number = '1'", "and = '1'", "\U0001f3e0",
    ],
)  # fmt: skip
def test_refuses(query: str) -> None:
    with pytest.raises(soql.SoqlError):
        soql.where(query, COLUMNS)


def test_numbers_and_words_do_not_compare() -> None:
    keeps = soql.where("description > 5", COLUMNS)
    with pytest.raises(soql.SoqlError, match="not a number"):
        keeps(ROWS[0])


WORDS = ("(", ")", "=", "<", "like", "and", "or", "not", "in", "is", "null", "'a'", "5", "value", "description", ",")


@given(st.text(max_size=80) | st.lists(st.sampled_from(WORDS)).map(" ".join))
def test_any_text_is_understood_or_refused(text: str) -> None:
    with suppress(soql.SoqlError):
        keeps = soql.where(text, COLUMNS)
        assert all(keeps(row) in (True, False) for row in ROWS)


def test_many_wildcards_are_cheap() -> None:
    keeps = soql.where(f"description like '{'%a' * 2000}%b'", COLUMNS)
    assert not keeps({"description": "a" * 3000})


def test_order_and_select() -> None:
    assert soql.order("issue_date DESC, :id", COLUMNS) == (soql.Order("issue_date", True), soql.Order(":id", False))
    assert soql.select("permit_number, value", COLUMNS) == ("permit_number", "value")
    assert soql.select("*", COLUMNS) is None
    with pytest.raises(soql.SoqlError):
        soql.order("issue_date sideways", COLUMNS)
    with pytest.raises(soql.SoqlError):
        soql.select("count(*)", COLUMNS)
