"""The three engines side by side, each with an empty database and its own client as the oracle."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
from fix_mariadb import MariaServer
from fix_postgres import PostgresServer
from typed_values import POSTGRES_TYPES

from alveary.kernel import Kernel
from alveary.sessions import Session

ENGINES = ("sqlite", "postgres", "mariadb")


@dataclass(frozen=True)
class Engine:
    """One engine: the URL of a database of its own, and SQL run on it without any code of ours."""

    name: str
    url: str
    ask: Callable[[str], list[str]]
    """Runs SQL and returns the lines of its rows, cells joined by a bar, NULL as nothing."""


@pytest.fixture
def engine_of(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[str], Engine]]:
    """Return an engine by its name, with a new database each time."""
    number = 0
    postgres_databases = []

    def make(name: str) -> Engine:
        nonlocal number
        number += 1
        if name == "sqlite":
            path = tmp_path / f"engine-{number}.db"
            return Engine(name, f"sqlite:///{path}?mode=rwc", lambda sql: _sqlite(path, sql))
        if name == "postgres":
            server: PostgresServer = request.getfixturevalue("postgres")
            context = server.database()
            database = context.__enter__()
            postgres_databases.append(context)
            return Engine(name, server.url(database),
                          lambda sql: server.psql(sql, database, "-A", "-t").decode().splitlines())  # fmt: skip
        maria: MariaServer = request.getfixturevalue("mariadb")
        database = maria.new_database()
        return Engine(
            name,
            maria.url(database),
            lambda sql: maria.admin(f"use {database}; {sql}").replace("NULL", "").replace("\t", "|").splitlines(),
        )

    yield make
    for context in postgres_databases:
        context.__exit__(None, None, None)


@pytest.fixture(scope="module")
def on_postgres(postgres: PostgresServer, module_kernel: Kernel) -> Iterator[Session]:
    """Return a session to a database that has the types of the table of values."""
    with postgres.database() as name:
        postgres.psql(POSTGRES_TYPES, name)
        with module_kernel.connect(postgres.url(name), record=False) as session:
            yield session


@pytest.fixture(scope="module")
def on_mariadb(mariadb: MariaServer, module_kernel: Kernel) -> Iterator[Session]:
    """Return a session to a new database."""
    with module_kernel.connect(mariadb.url(mariadb.new_database()), record=False) as session:
        yield session


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest, engine_of: Callable[[str], Engine]) -> Engine:
    """Each of the three, one after the other."""
    return engine_of(request.param)


def _sqlite(path: Path, sql: str) -> list[str]:
    with closing(sqlite3.connect(path)) as db:
        rows = [row for statement in sql.split(";") if statement.strip() for row in db.execute(statement)]
        db.commit()
        return ["|".join("" if cell is None else str(cell) for cell in row) for row in rows]
