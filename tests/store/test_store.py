"""The store's file: made, shared, refused with a clear sentence when something is wrong with it, and left as it is."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from alveary.errors import (
    StorageError,
    StoreCorruptError,
    StoreFromFutureError,
    StoreFullError,
    StoreLockedError,
    StoreReadOnlyError,
)
from alveary.store.database import FILE_NAME, Store

ADD = "insert into settings values (?, '1')"
COUNT = "select count(*) from settings"

only_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to somebody else")


def count(store: Store) -> int:
    with store.reading() as connection:
        return int(connection.execute(COUNT).fetchone()[0])


def add(store: Store, name: str = "a") -> None:
    with store.writing() as connection:
        connection.execute(ADD, (name,))


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "data"


def test_nothing_is_made_before_it_is_needed(directory: Path) -> None:
    Store(directory).close()
    assert not directory.exists()


def test_what_is_written_is_there_for_the_next_one(directory: Path) -> None:
    first = Store(directory)
    add(first)
    first.close()
    assert count(Store(directory)) == 1


def test_only_its_owner_can_read_it(directory: Path) -> None:
    store = Store(directory)
    add(store)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in [directory, *directory.iterdir()]}
    assert modes.pop(directory.name) == 0o700
    assert set(modes) == {FILE_NAME, f"{FILE_NAME}-wal", f"{FILE_NAME}-shm"}
    assert set(modes.values()) == {0o600}


def test_a_store_in_memory_leaves_no_file(directory: Path) -> None:
    store = Store(None)
    add(store)
    assert count(store) == 1
    assert str(store) == "in memory"


def test_an_exception_takes_the_whole_transaction_back(directory: Path) -> None:
    store = Store(directory)
    with contextlib.suppress(ZeroDivisionError), store.writing() as connection:
        connection.execute(ADD, ("a",))
        raise ZeroDivisionError
    assert count(store) == 0
    add(store)
    assert count(store) == 1


def test_many_processes_may_make_it_at_once(directory: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from alveary.store.database import Store\n"
        f"with Store(Path({str(directory)!r})).writing() as connection: connection.execute({ADD!r}, (sys.argv[1],))"
    )
    started = [subprocess.Popen([sys.executable, "-c", program, str(number)]) for number in range(8)]
    assert [process.wait(60) for process in started] == [0] * 8
    assert count(Store(directory)) == 8


def test_who_finds_it_being_made_waits(directory: Path) -> None:
    directory.mkdir(mode=0o700)
    with closing(sqlite3.connect(directory / FILE_NAME, isolation_level=None, check_same_thread=False)) as other:
        other.execute("begin immediate")
        later = threading.Timer(0.2, other.execute, ("rollback",))
        later.start()
        add(Store(directory))
        later.join()
    assert count(Store(directory)) == 1


def test_a_store_from_the_future_is_refused_and_untouched(directory: Path) -> None:
    store = Store(directory)
    with store.writing() as connection:
        connection.execute("update alembic_version set version_num = '9999'")
    store.close()
    before = (directory / FILE_NAME).read_bytes()
    with pytest.raises(StoreFromFutureError, match="newer Alveary") as caught:
        count(Store(directory))
    assert caught.value.hint is not None
    assert (directory / FILE_NAME).read_bytes() == before
    assert list((directory / "backups").iterdir()) == []


def truncate(file: Path) -> None:
    os.truncate(file, file.stat().st_size // 2)


def overwrite(file: Path) -> None:
    file.write_bytes(b"this is no database at all" * 400)


def scramble(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[100:4096] = os.urandom(3996)
    file.write_bytes(content)


@pytest.mark.parametrize("damage", [truncate, overwrite, scramble])
def test_a_damaged_store_is_said_to_be_and_kept(directory: Path, damage: Callable[[Path], None]) -> None:
    store = Store(directory)
    add(store)
    store.close()
    damage(directory / FILE_NAME)
    before = (directory / FILE_NAME).read_bytes()
    with pytest.raises(StoreCorruptError, match="left as it is") as caught:
        add(Store(directory), "b")
    assert str(directory / FILE_NAME) in caught.value.message
    assert (directory / FILE_NAME).read_bytes() == before


def test_damage_is_found_by_a_check(directory: Path) -> None:
    store = Store(directory)
    assert store.check() == []
    with store.writing() as connection:
        connection.execute("insert into settings values ('big', ?)", ("x" * 100_000,))
    store.close()
    with open(directory / FILE_NAME, "r+b") as file:
        file.seek(-20_000, os.SEEK_END)
        file.write(b"\0" * 20_000)
    assert Store(directory).check() != []


def test_somebody_elses_database_under_our_name_is_left_alone(directory: Path) -> None:
    directory.mkdir()
    with closing(sqlite3.connect(directory / FILE_NAME)) as connection:
        connection.execute("create table mine (x)")
    with pytest.raises(StoreCorruptError, match="not Alveary's"):
        count(Store(directory))


def test_a_lock_that_is_held_is_an_error_and_not_a_hang(directory: Path) -> None:
    store = Store(directory)
    add(store)
    with closing(sqlite3.connect(directory / FILE_NAME, isolation_level=None)) as other:
        other.execute("begin exclusive")
        with pytest.raises(StoreLockedError, match="another program"):
            add(store, "b")
        assert count(store) == 1  # readers go on
        other.execute("rollback")
    add(store, "b")
    assert count(store) == 2


def test_a_full_disk_takes_nothing_that_was_there(directory: Path) -> None:
    store = Store(directory)
    add(store)
    with store.reading() as connection:
        connection.execute(f"pragma max_page_count = {connection.execute('pragma page_count').fetchone()[0]}")
    with pytest.raises(StoreFullError, match="full"), store.writing() as connection:
        connection.execute("insert into settings values ('big', ?)", ("x" * 1_000_000,))
    assert count(store) == 1


def test_a_store_in_a_directory_that_cannot_be_written_can_still_be_read(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(directory)
    add(store)
    store.close()
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # root may write anywhere
    store = Store(directory)
    assert count(store) == 1
    with pytest.raises(StoreReadOnlyError, match="can't be written"):
        add(store, "b")


def test_a_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match=r"file/data.*Not a directory"):
        count(Store(tmp_path / "file" / "data"))


@only_root
@pytest.mark.parametrize("name", [".", FILE_NAME])
def test_what_belongs_to_another_user_is_not_trusted(directory: Path, name: str) -> None:
    store = Store(directory)
    add(store)
    store.close()
    os.chown(directory / name, 65534, 65534)
    with pytest.raises(StorageError, match="belongs to another user"):
        count(Store(directory))
