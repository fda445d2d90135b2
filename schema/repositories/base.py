"""What every repository has: the session of its caller's transaction and the vault for personal data."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Table as SqlTable
from sqlalchemy import column, func, literal, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.sql.selectable import Select, TableValuedAlias

from schema.pii import PiiVault
from schema.tables.base import Table

MAX_PAGE = 200


class Repository:
    """SQL of one aggregate, inside the caller's transaction."""

    def __init__(self, session: AsyncSession, vault: PiiVault) -> None:
        self._session = session
        self._vault = vault


def page_size(limit: int) -> int:
    """A limit between 1 and MAX_PAGE: no list is unbounded, whatever the caller asks."""
    return max(1, min(limit, MAX_PAGE))


def clean(text: str | None, length: int | None = None) -> str | None:
    """Outside text as PostgreSQL can hold it: no NUL characters, at most `length` long, None if empty."""
    if text is None:
        return None
    kept = text.replace("\x00", "").strip()[:length]
    return kept or None


def sql_table(model: type[Table]) -> SqlTable:
    """The SQLAlchemy table of a model."""
    table: SqlTable = model.__table__  # type: ignore[attr-defined]
    return table


def checked(model: type[Table], names: Iterable[str], forbidden: Iterable[str] = ()) -> None:
    """Raises AttributeError for a column that `model` lacks or that the caller may not set."""
    allowed = set(sql_table(model).columns.keys()) - set(forbidden)
    for name in names:
        if name not in allowed:
            raise AttributeError(f"{model.__name__} has no column {name} to set here")


def rows_of(model: type[Table], names: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> Select[Any]:
    """`rows` as a SELECT with `model`'s column types, sent as one JSON parameter however many there are.

    With it a set-based INSERT or UPDATE is a single statement of constant size.
    """
    table = sql_table(model)
    sent: TableValuedAlias = (
        func.jsonb_to_recordset(literal(list(rows), JSONB))
        .table_valued(*(column(name, table.c[name].type) for name in names))
        .render_derived(name="sent", with_types=True)
    )
    return select(*(sent.c[name] for name in names))
