"""What Alveary remembers under damage, a full disk and a directory that goes: said, survived, brought back."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from fix_faults import Disk

from alveary import Kernel
from alveary.errors import DiskFullError, StorageError
from alveary.paths import Paths
from alveary.store import backups
from alveary.store.database import FILE_NAME, Store

FLIPS = 200
Alveary = Callable[..., Any]


def paths(home: Path) -> Paths:
    return Paths(home, home / "cache")


def remembered(home: Path) -> list[str]:
    """Return the names of the saved queries."""
    with Kernel(paths=paths(home)) as kernel:
        return [query.name for query in kernel.saved.all()]


def save(home: Path, name: str) -> None:
    with Kernel(paths=paths(home)) as kernel:
        kernel.run("queries.save", {"name": name, "sql": f"select '{name}'"})


@pytest.fixture
def backed_up(home: Path) -> Path:
    """A store with a query, a copy of it, and then another query; its file."""
    save(home, "old")
    with Kernel(paths=paths(home)) as kernel:
        kernel.run("store.backup")
    save(home, "new")
    return home / FILE_NAME


def works(home: Path) -> None:
    """Everything that touches the store answers with its result or with a clear error, and statements run."""
    with Kernel(paths=paths(home)) as kernel:
        for command in ("doctor.run", "settings.list", "history.list", "connections.list", "queries.list"):
            with contextlib.suppress(StorageError):
                kernel.run(command)
        with kernel.connect("sqlite:///:memory:") as session:
            assert session.run("select 1") is not None


@pytest.mark.parametrize("seed", range(4))
def test_a_damaged_store_is_survived_and_restored_and_the_damaged_file_kept(
    home: Path, backed_up: Path, tmp_path: Path, seed: int
) -> None:
    chance = random.Random(seed)
    sound = backed_up.read_bytes()
    (copy,) = (home / "backups").iterdir()
    for number in range(FLIPS // 4):
        content = bytearray(sound)
        # Most of a page is data; what a page is stands at its beginning.
        at = chance.choice((chance.randrange(len(sound)), chance.randrange(len(sound) // 4096) * 4096 + number % 24))
        content[at] ^= 1 << chance.randrange(8)
        backed_up.write_bytes(content)
        works(home)
        with Kernel(paths=paths(home)) as kernel:
            if kernel.run("store.restore").sound:  # this bit is of no account
                assert kernel.store.check() == []
        for kept in home.glob("*-damaged-*"):
            kept.unlink()
        shutil.copy(copy, backed_up)
    backed_up.write_bytes(sound)
    assert remembered(home) == ["new", "old"]


def truncated(content: bytes) -> bytes:
    return content[: len(content) // 2]


def headless(content: bytes) -> bytes:
    return bytes(100) + content[100:]


def replaced(content: bytes) -> bytes:
    return b"this is no database at all" * 400


def empty(content: bytes) -> bytes:
    return content[:0]


@pytest.mark.parametrize("damage", [truncated, headless, replaced, empty])
def test_the_newest_copy_takes_the_place_of_a_damaged_store(
    alveary: Alveary, home: Path, backed_up: Path, damage: Callable[[bytes], bytes]
) -> None:
    bad = damage(backed_up.read_bytes())
    backed_up.write_bytes(bad)
    said = alveary("history")
    assert (said.status, "alveary store restore" in said.err, "Traceback" in said.err) == (2, True, False)
    assert alveary("query", "sqlite://", "select 1 as a", "--format", "csv").out == "a\n1\n"
    done = alveary("store", "restore")
    assert done.status == 0, done.err
    (kept,) = home.glob("alveary-damaged-*.db")
    assert kept.read_bytes() == bad
    assert kept.name in done.out
    assert remembered(home) == ["old"]
    assert "nothing was changed" in alveary("store", "restore").out


def test_without_a_copy_one_begins_anew_only_when_told_to(alveary: Alveary, home: Path) -> None:
    save(home, "old")
    (home / FILE_NAME).write_bytes(b"nothing" * 1000)
    refused = alveary("store", "restore")
    assert (refused.status, "--empty" in refused.err) == (2, True)
    assert (home / FILE_NAME).read_bytes() == b"nothing" * 1000
    assert alveary("store", "restore", "--empty").status == 0
    assert remembered(home) == []
    assert len(list(home.glob("alveary-damaged-*.db"))) == 1


def test_a_copy_that_is_damaged_itself_is_passed_over(home: Path, backed_up: Path) -> None:
    with Kernel(paths=paths(home)) as kernel:
        newest = Path(kernel.run("store.backup").path)
    newest.write_bytes(b"x" * 5000)
    backed_up.write_bytes(b"x" * 5000)
    with Kernel(paths=paths(home)) as kernel:
        kernel.run("store.restore")
    assert remembered(home) == ["old"]


def test_no_copy_is_made_of_a_damaged_store_and_none_is_thrown_away_for_it(home: Path, backed_up: Path) -> None:
    content = bytearray(backed_up.read_bytes())
    content[-4096:] = os.urandom(4096)
    backed_up.write_bytes(content)
    before = sorted((home / "backups").iterdir())
    with Kernel(paths=paths(home)) as kernel, pytest.raises(StorageError):
        kernel.run("store.backup")
    assert sorted((home / "backups").iterdir()) == before


def test_what_waits_in_the_journal_of_a_damaged_store_does_not_get_into_the_restored_one(
    home: Path, backed_up: Path
) -> None:
    store = Store(home)
    with store.writing() as connection:
        connection.execute("insert into settings values ('in.the.journal', '1')")
    for end in ("-wal", "-shm"):
        shutil.copy(f"{backed_up}{end}", home / f"held{end}")
    store.close()
    for end in ("-wal", "-shm"):
        shutil.move(home / f"held{end}", f"{backed_up}{end}")
    backups.restore(backed_up)
    store = Store(home)
    with store.reading() as connection:
        assert connection.execute("select count(*) from settings").fetchone() == (0,)
    store.close()
    assert len(list(home.glob("*-damaged-*"))) == 3


RESTORING = """
import os, signal, sys
from pathlib import Path
from alveary.store import backups
left = int(sys.argv[2])
def counted(real):
    def call(*arguments, **named):
        global left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*arguments, **named)
    return call
for name in ("open", "link", "unlink", "replace", "fsync", "write"):
    setattr(os, name, counted(getattr(os, name)))
backups.restore(Path(sys.argv[1]))
"""


def test_a_restore_killed_at_every_step_leaves_the_damaged_store_or_the_copy(home: Path, backed_up: Path) -> None:
    bad = b"nothing" * 1000
    moment, status = 0, -signal.SIGKILL
    while status == -signal.SIGKILL:
        moment += 1
        for each in home.glob("alveary*"):
            each.unlink()
        backed_up.write_bytes(bad)
        status = subprocess.run([sys.executable, "-c", RESTORING, str(backed_up), str(moment)], check=False).returncode
        found = backed_up.read_bytes()
        assert found == bad or remembered(home) == ["old"]
        assert bad in [each.read_bytes() for each in home.glob("alveary*")]
    assert (status, moment > 6) == (0, True)
    assert remembered(home) == ["old"]


def test_a_copy_is_made_once_a_day_when_the_store_is_let_go(home: Path) -> None:
    save(home, "first")
    assert list((home / "backups").iterdir()) == []
    save(home, "second")
    (copy,) = (home / "backups").iterdir()
    save(home, "third")
    assert list((home / "backups").iterdir()) == [copy]
    yesterday = time.time() - backups.EVERY_SECONDS - 60
    os.utime(copy, (yesterday, yesterday))
    save(home, "fourth")
    assert len(list((home / "backups").iterdir())) == 2


def test_copies_that_a_clock_which_ran_ahead_has_dated_push_no_newer_one_out(home: Path, backed_up: Path) -> None:
    for _ in range(backups.BACKUPS_KEPT):
        backups.back_up(backed_up, "x")
    future = time.time() + 400 * 86_400
    dated = sorted((home / "backups").iterdir(), key=os.path.getmtime)
    for days, each in enumerate(dated):
        os.utime(each, (future + days, future + days))
    save(home, "third")
    found = backups.copies(backed_up)
    assert [Path(copy.path) for copy in found] == dated[::-1], "none is due, and their order is kept"
    assert all(copy.made_at <= time.time() for copy in found)
    yesterday = time.time() - backups.EVERY_SECONDS - 60
    for days, each in enumerate(dated):
        os.utime(each, (yesterday + days, yesterday + days))
    save(home, "fourth")
    found = backups.copies(backed_up)
    assert Path(found[0].path) not in dated, "a day later one is made, and stays"
    assert len(found) == backups.BACKUPS_KEPT


def test_a_full_disk_stops_no_statement_and_is_over_when_there_is_room(
    alveary: Alveary, disk: Disk, shop_url: str
) -> None:
    home = disk.path / "home"
    env = {"ALVEARY_HOME": str(home)}
    assert alveary("query", shop_url, "select 'before'", env=env).status == 0
    disk.fill()
    for _ in range(3):  # the history may find room in what its file has already
        ran = alveary("query", shop_url, f"select '{'x' * 100_000}' as x", "--format", "csv", env=env)
        assert ran.status == 0
        assert len(ran.out) > 100_000
        assert "not recorded in the history" in ran.err
        assert "Traceback" not in ran.err
    for verb in (("history",), ("doctor",), ("connections",), ("settings", "list")):
        ran = alveary(*verb, env=env)
        assert (ran.status, "Traceback" in ran.err) == (0, False)
    refused = alveary("queries", "save", "big", "select '" + "y" * 100_000 + "'", env=env)
    assert (refused.status, "full" in refused.err) == (2, True)
    disk.free()
    assert alveary("query", shop_url, "select 'after'", env=env).err == ""
    listed = alveary("history", env=env).out
    assert ("before" in listed, "after" in listed) == (True, True)


def test_a_full_disk_leaves_the_old_file_and_no_piece_of_a_new_one(alveary: Alveary, disk: Disk, shop_url: str) -> None:
    output = disk.path / "rows.csv"
    output.write_text("what stood there before")
    disk.fill()
    many = "with recursive n(x) as (select 1 union all select x + 1 from n limit 200000) select x from n"
    ran = alveary("query", shop_url, many, "--format", "csv", "-o", str(output))
    assert (ran.status, "disk_full" in ran.err, "Traceback" in ran.err) == (2, True, False)
    assert sorted(each.name for each in disk.path.iterdir()) == ["filler", "rows.csv"]
    assert output.read_text() == "what stood there before"


def test_a_full_disk_behind_stored_rows_fails_the_statement_and_not_the_session(disk: Disk, home: Path) -> None:
    with Kernel(paths=Paths(home, disk.path)) as kernel, kernel.connect("sqlite:///:memory:") as session:
        many = "with recursive n(x) as (select 1 union all select x + 1 from n limit 2000000) select x from n"
        statement = session.execute(many)
        assert statement.wait(60)
        assert isinstance(statement.error, DiskFullError)
        assert statement.result is not None
        assert statement.result.window(0, 2) == [(1,), (2,)]  # what found room stays
        statement.result.drop()
        assert session.run("select 1") is not None


def test_a_directory_that_goes_while_the_program_runs_is_survived(home: Path, shop_url: str) -> None:
    with Kernel(paths=paths(home)) as kernel, kernel.connect(shop_url) as session:
        session.run("select 1")
        kernel.recorder.flush()
        shutil.rmtree(home)
        session.run("select 2")
        kernel.recorder.flush()
    save(home, "again")
    assert remembered(home) == ["again"]


def test_closing_is_not_held_up_by_a_copy_that_can_not_be_made(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save(home, "old")
    shutil.rmtree(home / "backups")
    (home / "backups").write_text("a file, not a directory")
    save(home, "new")
    with closing(Store(home)) as store:
        assert store.check() == []


def test_a_damaged_cell_of_the_history_or_the_saved_queries_hides_no_other(kernel: Kernel, shop_url: str) -> None:
    with kernel.connect(shop_url) as session:
        for number in range(2):
            session.run("select :n as n", {"n": number})
    assert kernel.recorder.flush()
    for name in ("one", "two"):
        kernel.run("queries.save", {"name": name, "sql": "select :n", "defaults": {"n": "5"}})
    for damage in ("{", '[{"name": 7}]', "", "[1, 2"):
        with kernel.store.writing() as connection:
            connection.execute("update history set parameters = ? where id = 1", (damage,))
            connection.execute("update saved_queries set parameters = ? where name = 'one'", (damage,))
        assert sorted(entry.parameters for entry in kernel.history.search("")) == [[], ["n"]]
        found = {query.name: [each.name for each in query.parameters] for query in kernel.saved.all()}
        assert found == {"one": [], "two": ["n"]}
