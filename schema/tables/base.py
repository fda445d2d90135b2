"""What every table shares: naming of constraints, column kinds, checks.

Timestamps are `timestamptz`, money is `NUMERIC`, enumerations are text with a named CHECK, points are
`geography(Point,4326)` computed by the database from `lat` and `lng`, so the two can never disagree.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID, uuid4

from geoalchemy2 import Geography
from sqlalchemy import (
    ARRAY,
    CheckConstraint,
    Column,
    Computed,
    MetaData,
    Text,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

NAMING = {
    "pk": "pk_%(table_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "ix": "idx_%(table_name)s_%(column_0_N_name)s",
}

# Written as PostgreSQL prints it back, so that models and migrated database compare equal.
POINT_SQL = "(st_setsrid(st_makepoint((lng)::double precision, (lat)::double precision), 4326))::geography"

JSON = dict[str, Any]


class Table(SQLModel):
    """Root of all tables; carries the metadata that migrations and `--ddl` read."""

    metadata = MetaData(naming_convention=NAMING)
    # UPDATE … RETURNING what the database computes: an async session cannot fetch it on attribute access.
    __mapper_args__: ClassVar[dict[str, Any]] = {"eager_defaults": True}


class Row(Table):
    """A row with a random (version 4) id and the time of its insertion."""

    id: UUID = Field(
        default_factory=uuid4,
        primary_key=True,
        sa_column_kwargs={"server_default": text("gen_random_uuid()")},
    )
    created_at: datetime = Field(default=None, nullable=False, sa_column_kwargs={"server_default": func.now()})


class ChangingRow(Row):
    """A row that also says when it last changed."""

    updated_at: datetime = Field(
        default=None,
        nullable=False,
        sa_column_kwargs={"server_default": func.now(), "onupdate": func.now()},
    )


def now() -> Any:
    """A required timestamp that defaults to the transaction's time."""
    return Field(default=None, nullable=False, sa_column_kwargs={"server_default": func.now()})


def flag(default: bool = False) -> Any:
    """A required boolean with a server default."""
    return Field(
        default=default,
        nullable=False,
        sa_column_kwargs={"server_default": text(str(default).lower())},
    )


def count(default: int = 0) -> Any:
    """A required integer with a server default."""
    return Field(
        default=default,
        nullable=False,
        sa_column_kwargs={"server_default": text(str(default))},
    )


def word(length: int, default: str | None = None) -> Any:
    """A short text of at most `length` characters: required with a server default if one is given, else optional."""
    if default is None:
        return Field(default=None, max_length=length)
    return Field(
        default=default,
        max_length=length,
        nullable=False,
        sa_column_kwargs={"server_default": text(f"'{default}'")},
    )


def prose(required: bool = False) -> Any:
    """Text without a limit."""
    return Field(sa_type=Text) if required else Field(default=None, sa_type=Text)


def number(digits: int, places: int, default: int | None = None) -> Any:
    """An exact decimal, `NUMERIC(digits, places)`: required with a server default if one is given, else optional."""
    if default is None:
        return Field(default=None, max_digits=digits, decimal_places=places)
    return Field(
        default=default,
        max_digits=digits,
        decimal_places=places,
        nullable=False,
        sa_column_kwargs={"server_default": text(str(default))},
    )


def latitude() -> Any:
    """Degrees north."""
    return number(10, 8)


def longitude() -> Any:
    """Degrees east."""
    return number(11, 8)


def json() -> Any:
    """Optional JSONB; None is SQL NULL, never a JSON null."""
    return Field(default=None, sa_type=JSONB(none_as_null=True), nullable=True)


def texts() -> Any:
    """Optional array of text."""
    return Field(default=None, sa_type=ARRAY(Text()))


def ref(target: str, ondelete: Any = None, required: bool = False) -> Any:
    """Foreign key to `table.column`."""
    options: dict[str, Any] = {} if required else {"default": None}
    return Field(foreign_key=target, ondelete=ondelete, nullable=not required, **options)


def point() -> Any:
    """The geography point of `lat` and `lng`, stored and computed by the database; never written by us."""
    column: Column[Any] = Column(
        Geography("POINT", srid=4326, spatial_index=False),
        Computed(POINT_SQL, persisted=True),
        nullable=True,
    )
    return Field(default=None, sa_column=column)


def one_of(column: str, values: Iterable[str]) -> CheckConstraint:
    """The column holds one of these words (or NULL where it may)."""
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({listed})", name=column)


def within(column: str, low: int, high: int) -> CheckConstraint:
    """The column lies between two numbers, ends included (or is NULL where it may)."""
    return CheckConstraint(f"{column} BETWEEN {low} AND {high}", name=column)


def state_code(column: str = "state") -> CheckConstraint:
    """A two-letter state code in capitals."""
    return CheckConstraint(f"{column} ~ '^[A-Z]{{2}}$'", name=column)
