"""Run by Alembic for every command; the runner hands it a connection, so no URL is read here."""

from alembic import context

from schema.migrations.runner import context_options

config = context.config
connection = config.attributes.get("connection")

if connection is None:
    context.configure(dialect_name="postgresql", literal_binds=True, **context_options())
else:
    context.configure(connection=connection, **context_options())

with context.begin_transaction():
    context.run_migrations()
