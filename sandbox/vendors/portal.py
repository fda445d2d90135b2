"""A Socrata permit portal."""

import json
from collections.abc import Iterable
from itertools import count
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from sandbox import soql
from sandbox.world import Town, World

DEFAULT_LIMIT, MAX_LIMIT = 1_000, 50_000
SYSTEM = frozenset({"$where", "$order", "$limit", "$offset", "$select", "$$app_token", "$q"})


def router(world: World) -> APIRouter:
    """Routes under /portal."""
    routes = APIRouter(prefix="/portal")
    turns = count(1)

    @routes.get("/{slug}/resource/{dataset}.json")
    def rows(slug: str, dataset: str, request: Request) -> Response:
        town = world.towns.get(slug)
        if town is None or town.city.spec.dataset != dataset:
            return _error(404, "dataset.missing", "Not found", {"dataset": dataset})
        query = dict(request.query_params)
        try:
            found = _query(town, query, next(turns))
        except soql.SoqlError as refusal:
            return _error(400, refusal.code, str(refusal), {"query": query.get("$where", "")})
        headers = {
            "X-SODA2-Fields": json.dumps(sorted(town.columns - {":id"})[:40]),
            "X-SODA2-Data-Out-Of-Date": "false",
        }
        return JSONResponse(found, headers=headers)

    return routes


def _query(town: Town, query: dict[str, str], turn: int) -> list[dict[str, Any]]:
    columns = town.columns
    unknown = [name for name in query if name.startswith("$") and name not in SYSTEM]
    if unknown:
        raise soql.SoqlError(f"Unrecognized arguments {unknown}", "query.malformed-parameter")
    tests = [soql.where(query["$where"], columns)] if query.get("$where", "").strip() else []
    tests += [_equal(name, value, columns) for name, value in query.items() if not name.startswith("$")]
    order = soql.order(query["$order"], columns) if query.get("$order", "").strip() else ()
    chosen = soql.select(query["$select"], columns) if query.get("$select", "").strip() else None
    limit = _whole(query.get("$limit"), DEFAULT_LIMIT, "$limit")
    offset = _whole(query.get("$offset"), 0, "$offset")
    if limit > MAX_LIMIT:
        raise soql.SoqlError(f"$limit may not exceed {MAX_LIMIT}", "query.limit-too-large")
    found = [row for row in town.rows if all(test(row) for test in tests)]
    found = _sorted(found, order) if order else _shuffled(found, turn)
    return [_shown(row, chosen) for row in found[offset : offset + limit]]


def _equal(name: str, value: str, columns: frozenset[str]) -> soql.Predicate:
    if name not in columns:
        raise soql.SoqlError(f"No such column: {name}", "query.soql.no-such-column")
    return lambda row: row.get(name) == value


def _whole(text: str | None, default: int, name: str) -> int:
    if text is None:
        return default
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise soql.SoqlError(f"{name} must be a whole number", "query.malformed-parameter")
    return int(text)


def _sorted(rows: list[dict[str, Any]], order: Iterable[soql.Order]) -> list[dict[str, Any]]:
    for key in reversed(tuple(order)):
        rows = sorted(rows, key=lambda row: str(row.get(key.column) or ""), reverse=key.descending)
    return rows


def _shuffled(rows: list[dict[str, Any]], turn: int) -> list[dict[str, Any]]:
    """Without $order no two pages agree, as with the real portal."""
    start = turn * 7 % len(rows) if rows else 0
    return rows[start:] + rows[:start]


def _shown(row: dict[str, Any], chosen: tuple[str, ...] | None) -> dict[str, Any]:
    if chosen is None:
        return {name: value for name, value in row.items() if name != ":id"}
    return {name: row[name] for name in chosen if name in row}


def _error(status: int, code: str, message: str, data: dict[str, str]) -> JSONResponse:
    return JSONResponse({"code": code, "error": True, "message": message, "data": data}, status_code=status)
