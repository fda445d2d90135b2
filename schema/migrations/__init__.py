"""Alembic migrations: `python -m schema migrate` runs them, `python -m schema revision` drafts one."""
