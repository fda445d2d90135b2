"""The head schema as SQL, from the models alone."""

from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex, CreateTable

from schema.tables import metadata

EXTENSION = "CREATE EXTENSION IF NOT EXISTS postgis"


def ddl() -> str:
    """A script that builds the head schema in an empty database; needs no connection."""
    # `format`, not asyncpg's numbering: these statements have no parameters.
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    statements = [EXTENSION]
    for table in metadata.sorted_tables:
        statements.append(str(CreateTable(table).compile(dialect=dialect)))
        indexes = sorted(table.indexes, key=lambda index: str(index.name))
        statements += [str(CreateIndex(index).compile(dialect=dialect)) for index in indexes]
    return ";\n\n".join(_tidy(statement) for statement in statements) + ";\n"


def _tidy(statement: str) -> str:
    lines = (line.rstrip().replace("\t", "    ") for line in statement.strip().splitlines())
    return "\n".join(line for line in lines if line)
