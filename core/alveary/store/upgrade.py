"""Brings a store of an older version up to date with alembic: a backup first, then every migration or none."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from alveary.errors import MigrationError, StoreFromFutureError, described
from alveary.store.backups import back_up

if TYPE_CHECKING:
    from alembic.config import Config

_HEAD = "-- Generated from the migrations by docs/generate.py; write a migration instead of editing this.\n"


def upgrade(file: Path, revision: str, *, to: str = "head") -> None:
    """Bring the store in ``file``, which stands at ``revision``, to another one.

    Raises StoreFromFutureError when ``revision`` is not among ours, MigrationError when a migration fails; then the
    store is as it was. A copy made before stays in ``backups/`` beside the store. Of several processes that come here
    at once one migrates, and the others find the work done.
    """
    from alembic.script import ScriptDirectory

    config = _config()
    if revision not in {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}:
        raise StoreFromFutureError(
            f"the store {file} was written by a newer Alveary (revision {revision})",
            hint="update Alveary, or set ALVEARY_HOME to another directory; the store is left as it is",
        )
    try:
        back_up(file, revision)
        _migrate(file, to)
    except Exception as exc:  # alembic, SQLAlchemy, SQLite and the migrations raise what they like
        raise MigrationError(
            f"the store {file} can't be brought from revision {revision} to this version: {described(exc)}",
            hint="the store is as it was; update Alveary, or set ALVEARY_HOME to another directory",
        ) from exc


def make(file: Path, *, to: str = "head") -> None:
    """Make a store from nothing by running the migrations: what schema.sql is the quick way to."""
    _migrate(file, to)


def schema(file: Path) -> str:
    """Return the SQL that makes an empty store like the one in ``file``: the text of schema.sql."""
    with closing(sqlite3.connect(file)) as connection:
        rows = connection.execute(
            "select sql from sqlite_master where sql is not null and name not like 'sqlite_%' and name not like"
            " 'history\\_search\\_%' escape '\\' order by rowid"  # the full-text table makes its own shadow tables
        )
        (revision,) = connection.execute("select version_num from alembic_version").fetchone()
        statements = [*(sql for (sql,) in rows), f"INSERT INTO alembic_version VALUES ('{revision}')"]
    # Whoever runs them tells them apart by the blank lines.
    texts = ("\n".join(filter(None, map(str.rstrip, sql.splitlines()))) + ";\n" for sql in statements)
    return f"{_HEAD}\n" + "\n".join(texts)


def _migrate(file: Path, to: str) -> None:
    from alembic import command
    from sqlalchemy import create_engine, event
    from sqlalchemy.pool import StaticPool

    raw = sqlite3.connect(file, timeout=30, isolation_level=None)
    # A rebuilt table would take along, by cascade, the rows that refer to it; env.py checks them at the end.
    raw.execute("pragma foreign_keys = off")
    raw.execute("pragma synchronous = full")
    engine = create_engine("sqlite://", creator=lambda: raw, poolclass=StaticPool, hide_parameters=True)
    # sqlite3 would begin before the first INSERT only, and a CREATE TABLE before it would stand on its own.
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("begin immediate"))
    try:
        with engine.connect() as connection:
            config = _config()
            config.attributes["connection"] = connection
            command.upgrade(config, to)
    finally:
        engine.dispose()
        raw.close()


def _config() -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", "alveary_migrations:")
    return config
