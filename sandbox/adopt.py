"""Make a database believe in the sandbox: its city's portals, its contractors, its storms."""

from collections.abc import Sequence
from typing import Any

import httpx
from sqlalchemy.dialects.postgresql import insert

from schema.database import Database, UnitOfWork
from schema.repositories.base import rows_of, sql_table
from schema.tables import Contractor, WeatherEvent

TIMEOUT_SECONDS = 30.0


async def adopt(database: Database, base_url: str) -> dict[str, int]:
    """Point the sandbox's cities at `base_url` and add its contractors and storms; running it twice changes nothing.

    Raises httpx.HTTPError when no sandbox answers there.
    """
    base = base_url.rstrip("/")
    async with httpx.AsyncClient(base_url=base, timeout=TIMEOUT_SECONDS) as sandbox:
        cities = await _rows(sandbox, "/control/cities", {"base_url": base})
        contractors = await _rows(sandbox, "/control/contractors")
        storms = await _rows(sandbox, "/control/storms")
    async with database.transaction() as tx:
        for city in cities:
            await tx.cities.point_at(**city)
        await _upsert(tx, Contractor, contractors, ("id",))
        await _upsert(tx, WeatherEvent, storms, ("source", "external_id"))
    return {"cities": len(cities), "contractors": len(contractors), "storms": len(storms)}


async def _rows(sandbox: httpx.AsyncClient, path: str, params: dict[str, str] | None = None) -> list[dict[str, Any]]:
    answer = await sandbox.get(path, params=params)
    rows: list[dict[str, Any]] = answer.raise_for_status().json()
    return rows


async def _upsert(
    tx: UnitOfWork, model: type[Contractor | WeatherEvent], rows: Sequence[dict[str, Any]], key: tuple[str, ...]
) -> None:
    columns = list(rows[0])
    # Without `include_defaults=False` one Python-made id would serve all rows: let the database make them.
    statement = insert(sql_table(model)).from_select(columns, rows_of(model, columns, rows), include_defaults=False)
    changes = {name: statement.excluded[name] for name in columns if name not in key}
    await tx.session.execute(statement.on_conflict_do_update(index_elements=list(key), set_=changes))
