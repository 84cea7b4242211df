"""Runs the migrations on the connection it is handed: all of them in one transaction, or none."""

from __future__ import annotations

from alembic import context

connection = context.config.attributes["connection"]
context.configure(connection=connection, transactional_ddl=True, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
    # Off while tables are rebuilt, since a rebuild would delete what refers to a table, so checked here.
    if broken := connection.exec_driver_sql("pragma foreign_key_check").fetchall():
        raise RuntimeError(f"the migration leaves {len(broken)} rows that refer to nothing")
