"""Opening SQLite: what connect accepts, creates and refuses, and in which words."""

from __future__ import annotations

import os
import socket
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from alveary.contracts.driver import BatchSize
from alveary.contracts.factory import load_factory
from alveary.contracts.target import Target
from alveary.errors import (
    ConnectionFailedError,
    DatabaseNotFoundError,
    NotADatabaseError,
    ReadOnlyError,
    SessionClosedError,
)
from alveary_plugins.drivers.sqlite import alveary_drivers
from alveary_plugins.drivers.sqlite.driver import SqliteConnection, SqliteDriver


def connect(path: object = None, *, read_only: bool = False, **options: str) -> SqliteConnection:
    database = None if path is None else str(path)
    target = Target(scheme="sqlite", database=database, options=options, read_only=read_only)
    return SqliteDriver().connect(target, timeout=5)


def run(connection: SqliteConnection, sql: str) -> list[object]:
    return list(connection.execute(sql, None, batch=BatchSize()))


@pytest.fixture
def made(tmp_path: Path) -> Path:
    path = tmp_path / "made.db"
    with closing(sqlite3.connect(path)) as db:
        db.executescript("create table t(a); insert into t values (1)")
    return path


def test_the_declaration_imports_no_sqlite3() -> None:
    code = "import sys, alveary_plugins.drivers.sqlite as p; p.alveary_drivers(); sys.exit('sqlite3' in sys.modules)"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    assert subprocess.run([sys.executable, "-c", code], env=environment, check=False).returncode == 0


def test_the_declaration_holds() -> None:
    (spec,) = alveary_drivers()
    assert spec.file_based
    assert load_factory(spec.factory) is SqliteDriver
    with closing(connect()) as connection:
        for level in spec.isolation_levels:
            connection.begin(level)
            connection.rollback()


@pytest.mark.parametrize("database", [None, "", ":memory:"])
def test_without_a_file_the_database_is_in_memory(
    database: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with closing(connect(database)) as connection:
        run(connection, "create table t(a)")
    with closing(connect("name.db", mode="memory")) as connection:
        run(connection, "create table t(a)")
    assert list(tmp_path.iterdir()) == []


def test_the_server_is_sqlite_of_the_library_version() -> None:
    with closing(connect()) as connection:
        assert (connection.server().product, connection.server().version) == ("SQLite", sqlite3.sqlite_version)


def test_a_missing_file_is_not_created_but_named_with_a_hint(tmp_path: Path) -> None:
    for read_only in (False, True):
        with pytest.raises(DatabaseNotFoundError, match=r"typo\.db") as caught:
            connect(tmp_path / "typo.db", read_only=read_only)
        assert ("mode=rwc" in (caught.value.hint or "")) is not read_only
    with pytest.raises(DatabaseNotFoundError):
        connect(tmp_path / "typo.db", read_only=True, mode="rwc")
    assert list(tmp_path.iterdir()) == []


def test_rwc_creates_the_file(tmp_path: Path) -> None:
    with closing(connect(tmp_path / "new.db", mode="rwc")) as connection:
        run(connection, "create table t(a)")
    assert (tmp_path / "new.db").stat().st_size > 0


def test_a_relative_path_is_relative_to_the_working_directory(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(made.parent)
    with closing(connect("made.db")) as connection:
        assert run(connection, "delete from t")


@pytest.mark.parametrize(
    "name", ["a?mode=memory&x#y%41 é.db", "two\nlines.db", "'\".db", os.fsdecode(b"not-utf8-\xff.db")]
)
def test_every_character_of_a_file_name_survives(name: str, tmp_path: Path) -> None:
    with closing(connect(tmp_path / name, mode="rwc")) as connection:
        run(connection, "create table t(a)")
    assert [path.name for path in tmp_path.iterdir()] == [name]
    with closing(connect(tmp_path / name)) as connection:
        run(connection, "insert into t values (1)")


def test_a_zero_byte_file_is_an_empty_database(tmp_path: Path) -> None:
    (tmp_path / "empty.db").touch()
    with closing(connect(tmp_path / "empty.db")) as connection:
        run(connection, "create table t(a)")


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConnectionFailedError, match="folder"):
        connect(tmp_path)


def test_a_pipe_or_socket_is_refused_without_waiting_for_its_other_end(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "socket"))
        for name in ("pipe", "socket"):
            with pytest.raises(ConnectionFailedError, match="no file"):
                connect(tmp_path / name, read_only=True)


def test_a_name_the_system_refuses_fails_with_its_reason(tmp_path: Path) -> None:
    with pytest.raises(ConnectionFailedError, match="too long"):
        connect(tmp_path / ("x" * 300))
    with pytest.raises(ConnectionFailedError, match="null"):
        connect("a\0b")


def test_rwc_in_a_missing_folder_names_the_folder(tmp_path: Path) -> None:
    with pytest.raises(ConnectionFailedError, match=r"no folder .*nowhere"):
        connect(tmp_path / "nowhere" / "x.db", mode="rwc")


@pytest.mark.parametrize(
    "content", [b"hello, this is not a database, but it is long enough " * 20, bytes(range(256)) * 16]
)
def test_another_kind_of_file_is_no_database(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "x.db").write_bytes(content)
    with pytest.raises(NotADatabaseError) as caught:
        connect(tmp_path / "x.db")
    assert caught.value.exit_status == 3
    assert caught.value.server_code == "SQLITE_NOTADB"


def test_a_corrupt_header_is_no_database(made: Path) -> None:
    content = bytearray(made.read_bytes())
    content[16:18] = b"\x00\x03"  # a page size that can't be
    made.write_bytes(content)
    with pytest.raises(NotADatabaseError):
        connect(made)


def test_a_file_that_is_locked_exclusively_can_be_connected_to(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(sqlite3.connect(made, isolation_level=None)) as other:
        other.execute("begin exclusive")
        with closing(connect(made)) as connection:
            other.execute("rollback")
            assert run(connection, "update t set a = 2")


def test_a_wal_database_opens_in_every_mode(made: Path) -> None:
    with closing(sqlite3.connect(made)) as db:
        db.execute("pragma journal_mode = wal")
    for read_only in (False, True):
        with closing(connect(made, read_only=read_only)) as connection:
            assert len(run(connection, "select * from t")) == 2


def test_sqlite_keeps_its_own_defaults_but_distrusts_the_schema_where_that_leaves_it_readable() -> None:
    trusted = int(sqlite3.sqlite_version_info < (3, 41))
    with closing(connect()) as connection:
        values = [
            run(connection, f"pragma {name}")[1] for name in ("foreign_keys", "trusted_schema", "cell_size_check")
        ]
        assert [value.rows for value in values] == [[(0,)], [(trusted,)], [(1,)]]  # type: ignore[attr-defined]  # batches


def test_close_is_idempotent_and_frees_the_file_though_a_result_is_half_read(made: Path) -> None:
    with closing(sqlite3.connect(made)) as db:
        db.executemany("insert into t values (?)", [(n,) for n in range(1000)])
        db.commit()
    connection = connect(made)
    messages = connection.execute("select * from t", None, batch=BatchSize())
    next(messages), next(messages)
    connection.close()
    connection.close()
    connection.cancel()
    with closing(sqlite3.connect(made, timeout=0, isolation_level=None)) as other:
        other.execute("begin exclusive")
    with pytest.raises(SessionClosedError):
        next(messages)
    with pytest.raises(SessionClosedError):
        run(connection, "select 1")
    with pytest.raises(SessionClosedError):
        _ = connection.transaction_state


# -- what a person without rights meets ----------------------------------------------------------------------------


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder with a database that others can reach, as pytest's own they can't; root is root again at the end."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        path.chmod(0o755)
        with closing(sqlite3.connect(path / "made.db")) as db:
            db.executescript("create table t(a)")
        yield path
        if os.getuid() == 0:
            os.seteuid(0)


def become_nobody() -> None:
    if os.geteuid() == 0:
        os.seteuid(65534)


def test_a_file_that_may_not_be_read_says_permission_denied(place: Path) -> None:
    (place / "made.db").chmod(0)
    become_nobody()
    with pytest.raises(ConnectionFailedError, match="permission denied"):
        connect(place / "made.db")


def test_a_folder_that_may_not_be_entered_says_permission_denied(place: Path) -> None:
    inner = place / "inner"
    inner.mkdir(mode=0)
    become_nobody()
    with pytest.raises(ConnectionFailedError, match=r"(?i)permission denied"):
        connect(inner / "x.db", mode="rwc")


def test_a_folder_that_may_not_be_written_says_permission_denied_on_create(place: Path) -> None:
    place.chmod(0o555)
    become_nobody()
    with pytest.raises(ConnectionFailedError, match="permission denied"):
        connect(place / "x.db", mode="rwc")


def test_a_wal_database_in_a_folder_that_may_not_be_written_says_what_to_do(place: Path) -> None:
    with closing(sqlite3.connect(place / "made.db")) as db:
        db.execute("pragma journal_mode = wal")
    place.chmod(0o555)
    become_nobody()
    with pytest.raises(ConnectionFailedError) as caught:
        connect(place / "made.db", read_only=True)
    assert caught.value.server_code == "SQLITE_READONLY_DIRECTORY"
    assert "WAL" in (caught.value.hint or "")


def test_a_file_that_may_only_be_read_opens_and_refuses_writes(place: Path) -> None:
    (place / "made.db").chmod(0o444)
    become_nobody()
    with closing(connect(place / "made.db")) as connection:
        assert run(connection, "select * from t")
        with pytest.raises(ReadOnlyError):
            run(connection, "insert into t values (1)")
