"""Read-only sessions on SQLite: nothing is written, neither to the database nor beside it."""

from __future__ import annotations

import hashlib
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from alveary.contracts.driver import Batch, BatchSize, Message
from alveary.contracts.target import Target
from alveary.errors import AlvearyError, ReadOnlyError
from alveary_plugins.drivers.sqlite.driver import SqliteConnection, SqliteDriver

READ_ONLY = [(True, "rw"), (True, "rwc"), (False, "ro")]

WRITES = [
    "insert into t values (2)",
    "update t set a = 2",
    "delete from t",
    "create table u(a)",
    "create temp table u(a)",
    "drop table t",
    "alter table t add column b",
    "create index i on t(a)",
    "analyze",
    "reindex",
    "vacuum",
    "begin immediate",
    "with x as (select 2) insert into t select * from x",
]
AROUND = [
    "attach 'other.db' as other",
    "attach ':memory:' as other",
    "detach main",
    "vacuum into 'other.db'",
    "pragma query_only = 0",
    "pragma Query_Only(off)",
    "pragma main.query_only = off",
    "pragma writable_schema = on",
    "pragma journal_mode = wal",
    "pragma journal_mode(delete)",
    "pragma user_version = 7",
    "pragma application_id = 7",
    "pragma schema_version = 7",
    "pragma wal_checkpoint(truncate)",
    "pragma auto_vacuum = full",
    "pragma locking_mode = exclusive",
    "pragma temp_store_directory = '/'",
]


def connect(path: Path | None, read_only: bool, mode: str) -> SqliteConnection:
    target = Target(scheme="sqlite", database=str(path) if path else None, options={"mode": mode}, read_only=read_only)
    return SqliteDriver().connect(target, timeout=5)


def run(connection: SqliteConnection, sql: str) -> list[Message]:
    return list(connection.execute(sql, None, batch=BatchSize()))


def state(folder: Path) -> dict[str, str]:
    """What the folder holds; only asked while no connection is open, for reading a file would drop its locks."""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    with closing(sqlite3.connect("made.db")) as db:
        db.executescript("create table t(a); insert into t values (1)")
    return tmp_path / "made.db"


@pytest.mark.parametrize(("read_only", "mode"), READ_ONLY)
def test_nothing_is_written_to_a_file_nor_beside_it(path: Path, read_only: bool, mode: str) -> None:
    before = state(path.parent)
    with closing(connect(path, read_only, mode)) as connection:
        for sql in WRITES + AROUND:
            if sql == "reindex":
                run(connection, sql)  # there is no index, so nothing to do
            else:
                with pytest.raises(ReadOnlyError):
                    run(connection, sql)
        assert Batch([(1,)]) in run(connection, "select a from t")
    assert state(path.parent) == before


@pytest.mark.parametrize("mode", ["rw", "memory"])
def test_a_database_in_memory_can_be_read_only_too(mode: str, path: Path) -> None:
    before = state(path.parent)
    with closing(connect(None, True, mode)) as connection:
        for sql in ("create table t(a)", "create temp table t(a)", *AROUND):
            with pytest.raises(AlvearyError):
                run(connection, sql)
    assert state(path.parent) == before


@pytest.mark.parametrize("sql", AROUND)
def test_what_leads_around_it_is_refused_in_clear_words(path: Path, sql: str) -> None:
    with closing(connect(path, True, "rw")) as connection:
        with pytest.raises(ReadOnlyError, match="is refused: the session is read-only"):
            run(connection, sql)
        # The next failure is told as what it is.
        with pytest.raises(AlvearyError, match="no such table"):
            run(connection, "select * from nope")


@pytest.mark.parametrize(
    "sql",
    [
        "pragma query_only",
        "pragma journal_mode",
        "pragma user_version",
        "pragma table_info(t)",
        "pragma integrity_check(10)",
        "pragma foreign_key_check(t)",
        "select * from pragma_table_xinfo('t')",
        "explain query plan select * from t",
        "with recursive r(i) as (select 1 union select i + 1 from r where i < 9) select * from r order by -i",
        "begin",
        "savepoint s",
    ],
)
def test_what_only_reads_is_let_through(path: Path, sql: str) -> None:
    with closing(connect(path, True, "rw")) as connection:
        run(connection, sql)


def test_transactions_and_the_catalog_work_read_only(path: Path) -> None:
    with closing(connect(path, True, "rw")) as connection:
        connection.begin("read uncommitted")
        assert [relation.name for relation in connection.catalog().relations("main")] == ["t"]
        assert [column.name for column in connection.catalog().columns("main")] == ["a"]
        assert connection.catalog().indexes("main") == []
        assert connection.catalog().foreign_keys("main") == []
        connection.commit()


def test_the_words_of_a_plain_write_are_the_servers(path: Path) -> None:
    with closing(connect(path, True, "rw")) as connection, pytest.raises(ReadOnlyError) as caught:
        run(connection, "insert into t values (2)")
    assert caught.value.message == "attempt to write a readonly database"
    assert caught.value.server_code == "SQLITE_READONLY"
