"""Rules that hold for every table, so that a new one cannot forget them."""

from typing import Any

import pytest
from geoalchemy2 import Geography
from sqlalchemy import CheckConstraint, Column, DateTime, Float, Table
from sqlalchemy.dialects import postgresql

from domain.roof import RoofCondition, View
from domain.scoring import Grade
from domain.triggers import StormType, TriggerType
from schema.contracts.base import LeadStatus
from schema.tables import metadata

TABLES = metadata.sorted_tables


def _checks(table: Table) -> dict[str, str]:
    return {str(c.name): str(c.sqltext) for c in table.constraints if isinstance(c, CheckConstraint)}


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_types(table: Table) -> None:
    for column in table.columns:
        _check_type(column)


def _check_type(column: Column[Any]) -> None:
    sql = column.type.compile(postgresql.dialect())
    assert not isinstance(column.type, Float), "use NUMERIC"
    if "TIMESTAMP" in sql:
        assert sql == "TIMESTAMP WITH TIME ZONE"
    if isinstance(column.type, DateTime):
        assert column.type.timezone
    if isinstance(column.type, Geography):
        assert column.computed is not None
        assert any(
            index.dialect_options["postgresql"]["using"] == "gist" and column.name in index.columns
            for index in column.table.indexes
        )


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_every_foreign_key_leads_an_index(table: Table) -> None:
    leading = {next(iter(index.columns.keys()), None) for index in table.indexes}
    leading |= {next(iter(key.columns.keys()), None) for key in table.constraints if hasattr(key, "columns")}
    for column in table.columns:
        if column.foreign_keys:
            assert column.name in leading


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_every_constraint_and_index_has_a_name_of_its_own(table: Table) -> None:
    names = [str(item.name) for item in (*table.constraints, *table.indexes)]
    assert "None" not in names
    assert len(names) == len(set(names))
    assert all(len(name) <= 63 for name in names)


@pytest.mark.parametrize(
    ("table", "column", "values"),
    [
        ("base_leads", "status", LeadStatus),
        ("base_leads", "grade", Grade),
        ("roof_analysis", "overall_condition", RoofCondition),
        ("review_tasks", "corrected_condition", RoofCondition),
        ("property_images", "view_angle", View),
        ("lead_triggers", "trigger_type", TriggerType),
        ("weather_events", "event_type", StormType),
    ],
)
def test_checks_know_every_word_of_the_domain(table: str, column: str, values: list[str]) -> None:
    check = _checks(metadata.tables[table])[f"ck_{table}_{column}"]
    assert check == f"{column} IN ({', '.join(repr(str(value)) for value in values)})"
