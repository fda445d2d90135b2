"""Queries for Temporal's visibility store, built from a whitelist of filters.

The dev server's store has no ORDER BY; what people sort comes from PostgreSQL.
"""

from collections.abc import Mapping
from typing import Any

from temporalio.common import TypedSearchAttributes

from api.problems import ApiProblem, Code
from workflows import search_attributes as sa

_FILTERS: Mapping[str, str] = {
    "status": "ExecutionStatus",
    "city": sa.CITY.name,
    "state": sa.STATE.name,
    "lead_status": sa.LEAD_STATUS.name,
    "stage": sa.STAGE.name,
}


def visibility_query(filters: Mapping[str, str | None]) -> str:
    """`Name="value" AND …` for the filters that are set, keyed as in the endpoint's parameters."""
    clauses = (f"{_FILTERS[name]}={_quoted(value)}" for name, value in filters.items() if value is not None)
    return " AND ".join(clauses)


def shown_attributes(attributes: TypedSearchAttributes) -> dict[str, Any]:
    """Our own search attributes by name; the server's internal ones are left out."""
    ours = {key.name for key in sa.ALL}
    return {pair.key.name: pair.value for pair in attributes if pair.key.name in ours}


def _quoted(value: str) -> str:
    """A string literal. Refuses what could end it instead of trusting an escape rule of the server."""
    if not value.isprintable() or '"' in value or "\\" in value:
        raise ApiProblem(Code.INVALID_FILTER)
    return f'"{value}"'
