"""Every statement is recorded, found again, and durable once it is reported; a store that fails stops nothing."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from fix_faults import Measure
from hypothesis import given
from hypothesis import strategies as st

from alveary import Kernel
from alveary.errors import QueryError, QueryTimeoutError, StoreReadOnlyError, UnknownEntryError
from alveary.events import Event, StatementsUnrecorded
from alveary.history import MOST_CHARACTERS, MOST_WORDS, PRUNED_AT_ONCE, History, HistoryEntry, Record
from alveary.kernel import HostKind
from alveary.recorder import MANY, Recorder
from alveary.redaction import SECRETS
from alveary.store.database import FILE_NAME, Store

HANG = 60.0
DAY = 86_400_000_000
ENDLESS = "with recursive n(i) as (select 1 union all select i + 1 from n) select max(i) from n"

thread_and_process = pytest.mark.parametrize("host", ["thread", "process"])


def entries(kernel: Kernel) -> list[HistoryEntry]:
    assert kernel.recorder.flush()
    return kernel.history.search(limit=1_000_000)


def wait_for(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + HANG
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def record(statement: str, *, connection: str = "prod", outcome: str = "completed", started_at: int = 0) -> Record:
    return (started_at, None, connection, None, statement, "[]", outcome, 0.1, 0, None, None, None)


@pytest.fixture
def history(tmp_path: Path) -> Iterator[History]:
    store = Store(tmp_path / "data")
    yield History(store)
    store.close()


# -- what is recorded ----------------------------------------------------------------------------------------------


@thread_and_process
def test_everything_about_a_statement_is_recorded(kernel: Kernel, shop: Path, shop_url: str, host: HostKind) -> None:
    before = time.time()
    with kernel.connect(shop_url, host=host) as session:
        session.run("update item set price = :price where id = :id", {"price": 3, "id": 1})
        session.run("select * from item")
        assert session.execute("select * from item", limit=2).wait(HANG)
        assert session.execute("select * from nowhere").wait(HANG)
        with pytest.raises(QueryTimeoutError):
            session.run(ENDLESS, timeout=0.2)
        statement = session.execute(ENDLESS)
        wait_for(lambda: session.state == "running")
        statement.cancel()
        assert statement.wait(HANG)
        session.run("select ?, ?", [1, "x"])
    found = entries(kernel)[::-1]
    assert [(entry.outcome, entry.rows, entry.rows_affected, entry.parameters) for entry in found] == [
        ("completed", 0, 1, ["price", "id"]),
        ("completed", 3, None, []),
        ("truncated", 2, None, []),
        ("failed", 0, None, []),
        ("timed out", 0, None, []),
        ("cancelled", 0, None, []),
        ("completed", 1, None, ["1", "2"]),
    ]
    assert [entry.error_code for entry in found if entry.error_code] == ["query_failed", "query_timeout"]
    assert "no such table" in str(found[3].error)
    assert found[0].statement == "update item set price = :price where id = :id"
    assert {(entry.connection, entry.database, entry.profile_id) for entry in found} == {(shop_url, str(shop), None)}
    for entry in found:
        assert entry.seconds is not None
        assert entry.started_at.startswith("20")
        assert entry.started_at.endswith("Z")
    assert 0.2 <= (found[4].seconds or 0) < HANG
    with kernel.store.reading() as rows:
        for (started_at,) in rows.execute("select started_at from history"):
            assert before - 1 <= started_at / 1_000_000 <= time.time() + 1


def test_a_saved_connection_is_recorded_by_its_name(kernel: Kernel, shop_url: str) -> None:
    target, driver = kernel.target(shop_url)
    target = msgspec.structs.replace(target, name="My shop", profile_id="0123456789abcdef")
    with kernel.open(target, driver) as session:
        session.run("select 1")
    assert [(entry.connection, entry.profile_id) for entry in entries(kernel)] == [("My shop", "0123456789abcdef")]


def test_a_file_is_recorded_by_the_path_it_has_from_everywhere(
    kernel: Kernel, shop: Path, shop_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(shop.parent)
    with kernel.connect(f"sqlite:///{shop.name}") as session:
        session.run("select 1")
    with kernel.connect("sqlite:///:memory:") as session:
        session.run("select 2")
    assert [entry.connection for entry in entries(kernel)] == ["sqlite:///:memory:", shop_url]


def test_questions_to_the_catalog_and_statements_that_never_ran_are_not_recorded(kernel: Kernel, shop_url: str) -> None:
    kernel.catalog(shop_url).relations("main")
    with kernel.connect(shop_url) as session:
        session.catalog().columns("main")
        session.begin()
        session.rollback()
        running = session.execute(ENDLESS)
        waiting = session.execute("select 1")
        wait_for(lambda: session.state == "running")
        waiting.cancel()
        running.cancel()
        assert waiting.wait(HANG)
        assert running.wait(HANG)
    with kernel.connect(shop_url, record=False) as session:
        session.run("select 'not this'")
    assert [entry.statement for entry in entries(kernel)] == [ENDLESS]


def test_secrets_are_blotted_before_they_are_written(kernel: Kernel, home: Path, shop_url: str) -> None:
    SECRETS.add("S3cret-of-history")
    with kernel.connect(shop_url) as session:
        for sql in (
            "alter role bob password 'hunter2'",
            "select 'S3cret-of-history'",
            "select 'postgres://me:hunter2@host/d' as url, :hunter1",
            "select password 'hunter2",
        ):
            session.execute(sql, {"hunter1": "hunter2"}).wait(HANG)
    found = entries(kernel)
    assert len(found) == 4
    kernel.store.close()
    for file in home.glob(f"{FILE_NAME}*"):
        content = file.read_bytes()
        assert b"hunter2" not in content
        assert b"S3cret-of-history" not in content
    assert found[3].statement == "alter role bob password '***'"


def test_a_very_long_statement_is_cut_and_says_so(kernel: Kernel, shop_url: str) -> None:
    head = "select 1 /* "
    sql = head + "x" * (MOST_CHARACTERS + 10_000 - len(head) - 3) + " */"
    with kernel.connect(shop_url) as session:
        session.run(sql)
        session.run("select 2")
    short, long = entries(kernel)
    assert (short.cut, long.cut) == (0, 10_000)
    assert long.statement[-MOST_CHARACTERS:] == sql[:MOST_CHARACTERS]
    with kernel.connect(shop_url) as session, pytest.raises(QueryError, match=r"syntax|unrecognized"):
        session.run(long.statement)


def test_a_secret_that_stands_where_a_statement_is_cut_is_blotted(kernel: Kernel, home: Path, shop_url: str) -> None:
    SECRETS.add("S3cret-at-the-edge")
    for before in range(1, 18, 4):
        filler = "x" * (MOST_CHARACTERS - before - len("select '', ''"))
        with kernel.connect(shop_url) as session:
            session.run(f"select '{filler}', 'S3cret-at-the-edge'")
            assert session.execute(f"select '{filler}' password 'hunter2-at-the-edge'").wait(HANG)
    assert {entry.cut > 0 for entry in entries(kernel)} == {True}
    kernel.store.close()
    for file in home.glob(f"{FILE_NAME}*"):
        content = file.read_bytes()
        assert b"S3c" not in content
        assert b"hunt" not in content


def test_a_kernel_in_memory_remembers_in_memory() -> None:
    with Kernel.in_memory() as kernel:
        with kernel.connect("sqlite:///:memory:") as session:
            session.run("select 1")
        assert len(entries(kernel)) == 1
        assert not (kernel.paths.data / FILE_NAME).exists()


def test_a_recorder_that_keeps_nothing_records_nothing(kernel: Kernel, home: Path, shop_url: str) -> None:
    kernel.recorder = Recorder(kernel.history, kernel.bus, keep_entries=0)
    with kernel.connect(shop_url) as session:
        session.run("select 1")
    assert kernel.recorder.flush()
    assert not (home / FILE_NAME).exists()


def test_a_long_script_is_recorded_whole_and_in_order(kernel: Kernel, shop_url: str) -> None:
    count = 5 * MANY
    with kernel.connect(shop_url) as session:
        for number in range(count):
            session.execute(f"select {number}")
            if number % 500 == 499:
                session.run("select 'wait'")
    found = [entry.statement for entry in entries(kernel)[::-1] if "wait" not in entry.statement]
    assert found == [f"select {number}" for number in range(count)]


# -- while it runs, and when the process dies ----------------------------------------------------------------------


def test_a_statement_that_lasts_is_written_before_it_ends(kernel: Kernel, shop_url: str) -> None:
    with kernel.connect(shop_url) as session:
        statement = session.execute(ENDLESS)
        wait_for(kernel.history.search)
        (entry,) = kernel.history.search()
        assert (entry.outcome, entry.seconds, entry.error) == ("running", None, None)
        statement.cancel()
        assert statement.wait(HANG)
    (ended,) = entries(kernel)
    assert (ended.id, ended.outcome, ended.started_at) == (entry.id, "cancelled", entry.started_at)
    assert (ended.seconds or 0) > 0.5


def test_what_ran_in_a_process_that_died_is_shown_as_interrupted(kernel: Kernel, shop_url: str) -> None:
    program = (
        "from alveary import Kernel\n"
        f"with Kernel() as kernel, kernel.connect({shop_url!r}) as session: session.run({ENDLESS!r})\n"
    )
    process = subprocess.Popen([sys.executable, "-c", program])
    wait_for(kernel.history.search)
    assert [entry.outcome for entry in kernel.history.search()] == ["running"]
    process.kill()
    process.wait()
    assert [(entry.outcome, entry.error) for entry in kernel.history.search()] == [("interrupted", None)]


def test_a_session_whose_process_is_killed_leaves_a_failed_statement(kernel: Kernel, shop_url: str) -> None:
    with kernel.connect(shop_url, host="process") as session:
        statement = session.execute(ENDLESS)
        wait_for(lambda: session.state == "running")
        os.kill(session._host.process, signal.SIGKILL)  # type: ignore[union-attr]  # the test's subject
        assert statement.wait(HANG)
    (entry,) = entries(kernel)
    assert (entry.outcome, entry.error_code) == ("failed", "connection_lost")


ACKNOWLEDGING = """
import sys
from alveary import Kernel
with Kernel() as kernel, kernel.connect("sqlite:///:memory:") as session:
    number = 0
    while True:
        for _ in range(number % 7 + 1):
            number += 1
            session.run(f"select {number}")
        if kernel.recorder.flush():
            sys.stdout.write(f"{number}\\n")
            sys.stdout.flush()
"""


def test_no_kill_loses_what_was_acknowledged(home: Path, tmp_path: Path, measured: Measure) -> None:
    """Set ALVEARY_KILLS for more rounds than thirty."""
    rounds = int(os.environ.get("ALVEARY_KILLS", "30"))
    chance = random.Random(4)
    acknowledged_in_all = 0
    for round in range(rounds):
        said = tmp_path / f"acknowledged-{round}"
        store = Store(home)
        with store.reading() as rows:
            before = rows.execute("select count(*) from history").fetchone()[0]
        store.close()
        with said.open("wb") as file:
            process = subprocess.Popen([sys.executable, "-c", ACKNOWLEDGING], stdout=file)
        wait_for(lambda said=said: said.stat().st_size)  # type: ignore[misc]  # mypy can't tell the type of its default
        time.sleep(chance.uniform(0, 0.25))
        process.kill()
        process.wait()
        lines = said.read_bytes().split(b"\n")[:-1]  # what follows the last line end was not said
        acknowledged = int(lines[-1])
        acknowledged_in_all += acknowledged
        store = Store(home)
        with store.reading() as rows:
            written = [
                row[0] for row in rows.execute("select statement from history order by id limit -1 offset ?", (before,))
            ]
            assert rows.execute("pragma integrity_check").fetchone()[0] == "ok"
            rows.execute("insert into history_search(history_search) values ('integrity-check')")
        store.close()
        assert written[:acknowledged] == [f"select {number}" for number in range(1, acknowledged + 1)]
    assert acknowledged_in_all > rounds
    measured(f"F21 statements acknowledged in {rounds} rounds, of which none was lost", acknowledged_in_all)


WRITING = """
import sys
from alveary import Kernel
with Kernel() as kernel, kernel.connect("sqlite:///:memory:") as session:
    for number in range(2000):
        session.run(f"select '{sys.argv[1]} {number}'")
        if number % 50 == 0:
            assert kernel.recorder.flush()
    assert kernel.recorder.flush()
"""


def test_two_processes_record_at_once(kernel: Kernel) -> None:
    processes = [
        subprocess.Popen([sys.executable, "-c", WRITING, name], stderr=subprocess.PIPE) for name in ("ann", "bob")
    ]
    for process in processes:
        assert process.communicate(timeout=HANG * 3)[1] == b""
        assert process.returncode == 0
    statements = {entry.statement for entry in kernel.history.search(limit=10_000)}
    assert statements == {f"select '{name} {number}'" for name in ("ann", "bob") for number in range(2000)}


# -- a store that can't be used ------------------------------------------------------------------------------------


def heard_by(kernel: Kernel) -> list[Event]:
    heard: list[Event] = []
    kernel.bus.subscribe(lambda event: heard.append(event) if isinstance(event, StatementsUnrecorded) else None)
    return heard


def test_a_store_that_fails_stops_nothing_and_is_said_once(
    kernel: Kernel, shop_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard, attempts = heard_by(kernel), []

    def fail(*arguments: object) -> list[int]:
        attempts.append(1)
        raise StoreReadOnlyError("the store can't be written", hint="check its disk")

    monkeypatch.setattr(kernel.history, "add", fail)
    with kernel.connect(shop_url) as session:
        for number in range(20):
            result = session.run(f"select {number}")
            assert result is not None
            assert result.window(0, 1) == [(number,)]
            assert not kernel.recorder.flush()
    kernel.bus.flush()
    assert [event.error.code for event in heard if isinstance(event, StatementsUnrecorded)] == ["store_read_only"]
    assert (attempts, kernel.recorder.unrecorded) == ([1], 20)


def test_it_records_again_when_the_store_can_be_used_again(
    kernel: Kernel, shop_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("alveary.recorder.REST", 0.0)
    add = kernel.history.add
    monkeypatch.setattr(kernel.history, "add", lambda *arguments: 1 / 0)
    heard = heard_by(kernel)
    with kernel.connect(shop_url) as session:
        session.run("select 1")
        assert not kernel.recorder.flush()
        monkeypatch.setattr(kernel.history, "add", add)
        session.run("select 2")
        assert not kernel.recorder.flush()  # the first one is lost
    kernel.bus.flush()
    assert [event.error.code for event in heard if isinstance(event, StatementsUnrecorded)] == ["internal"]
    assert [entry.statement for entry in kernel.history.search()] == ["select 2"]


def test_a_lock_that_goes_away_loses_nothing(kernel: Kernel, home: Path, shop_url: str) -> None:
    assert kernel.history.search() == []
    with kernel.connect(shop_url) as session, closing(sqlite3.connect(home / FILE_NAME, isolation_level=None)) as other:
        other.execute("begin immediate")
        session.run("select 1")
        unlock = threading.Timer(2.5, lambda: None)  # longer than one attempt waits
        unlock.start()
        waiting = threading.Thread(target=kernel.recorder.flush)
        waiting.start()
        unlock.join()
        other.execute("rollback")
        waiting.join()
    assert kernel.recorder.unrecorded == 0
    assert [entry.statement for entry in kernel.history.search()] == ["select 1"]


def test_a_lock_that_stays_is_waited_for_with_patience_and_no_longer(kernel: Kernel, home: Path, shop_url: str) -> None:
    heard = heard_by(kernel)
    assert kernel.history.search() == []
    with kernel.connect(shop_url) as session, closing(sqlite3.connect(home / FILE_NAME, isolation_level=None)) as other:
        other.execute("begin immediate")
        session.run("select 1")
        assert not kernel.recorder.flush(HANG)
        session.run("select 2")
        assert not kernel.recorder.flush(HANG)
        other.execute("rollback")
    kernel.bus.flush()
    assert [event.error.code for event in heard if isinstance(event, StatementsUnrecorded)] == ["store_locked"]


def test_what_waits_is_bounded(kernel: Kernel, shop_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("alveary.recorder.MOST_WAITING", 10)
    writing, go_on = threading.Event(), threading.Event()
    add = kernel.history.add

    def slow(*arguments: object) -> list[int]:
        writing.set()
        assert go_on.wait(HANG)
        return add(*arguments)  # type: ignore[arg-type]  # handed on as it came

    monkeypatch.setattr(kernel.history, "add", slow)
    with kernel.connect(shop_url) as session:
        session.run("select 'first'")
        assert writing.wait(HANG)
        for number in range(25):
            session.run(f"select {number}")
        go_on.set()
    assert not kernel.recorder.flush()
    assert len(kernel.history.search()) == 11
    assert kernel.recorder.unrecorded == 15


# -- finding -------------------------------------------------------------------------------------------------------


def found(history: History, text: str, **more: object) -> list[str]:
    return [entry.statement for entry in history.search(text, **more)]  # type: ignore[arg-type]  # the caller's


def test_words_are_found_by_their_beginnings_newest_first(history: History) -> None:
    statements = ["select name from customer", "SELECT * FROM Customers", "delete from order_item", "select 'Zürich'"]
    history.add([record(statement) for statement in statements], [], [])
    assert found(history, "") == statements[::-1]
    assert found(history, "cust") == [statements[1], statements[0]]
    assert found(history, "sel cust nam") == [statements[0]]
    assert found(history, "CUSTOMERS") == [statements[1]]
    assert found(history, "order_it") == [statements[2]]
    assert found(history, "zurich") == [statements[3]]
    assert found(history, "customer delete") == []
    assert found(history, "prod zür") == [statements[3]]  # the connection counts, too
    assert found(history, "", limit=2) == statements[:1:-1]


def test_what_has_no_letters_is_found_as_it_is(history: History) -> None:
    statements = [
        "select a->>'b'",
        "select 100% of x",
        "select 'a_b'",
        "select '漢字かな交じり文'",
        "select '🐝'",
        "select a \\ b",
    ]
    history.add([record(statement) for statement in statements], [], [])
    assert found(history, "->>") == [statements[0]]
    assert found(history, "select ->>") == [statements[0]]
    assert found(history, "%") == [statements[1]]
    assert found(history, "_") == [statements[2]]
    assert found(history, "\\") == [statements[5]]
    assert found(history, "交じり") == [statements[3]]
    assert found(history, "🐝") == [statements[4]]


@given(st.text(max_size=60))
def test_any_text_is_a_valid_search(text: str) -> None:
    with closing(Store(None)) as store:
        history = History(store)
        history.add([record("select 1")], [], [])
        assert len(history.search(text, connection=text or None, failed=len(text) % 2 == 0)) <= 1


@given(st.text(st.sampled_from("abcé漢1_ '\"*-:^(){}+%\\,.;\n")).filter(str.strip))
def test_a_statement_is_found_by_its_own_words(statement: str) -> None:
    with closing(Store(None)) as store:
        history = History(store)
        history.add([record("select 'another'"), record(statement)], [], [])
        assert statement in found(history, statement)


@pytest.mark.parametrize(
    "text", ['"', "a OR b", "NOT", "a AND", "NEAR(a b)", "*", "a*", "-a", "connection : x", "^a", "{", "'", "a\0b"]
)
def test_the_searchs_own_language_is_only_text(history: History, text: str) -> None:
    history.add([record("quite something else")], [], [])
    assert found(history, text) == []


def test_a_pasted_novel_is_a_search(history: History) -> None:
    words = [f"word{number}" for number in range(5 * MOST_WORDS)]
    history.add([record(" ".join(words))], [], [])
    assert len(found(history, " ".join(words))) == 1
    assert len(found(history, "%" * 10_000 + " " + "x" * 100_000)) == 0


def test_only_what_failed_and_only_one_connection(history: History) -> None:
    history.add(
        [
            record("select 1", connection="sqlite:////tmp/a.db"),
            record("select 2", connection="prod", outcome="failed"),
            record("select 3", connection="prod eu"),
            record("select 4", connection="!!"),
        ],
        [],
        [],
    )
    assert found(history, "", failed=True) == found(history, "sel", failed=True) == ["select 2"]
    assert found(history, "", connection="prod") == found(history, "select", connection="prod") == ["select 2"]
    assert found(history, "", connection="sqlite:////tmp/a.db") == ["select 1"]
    assert found(history, "", connection="!!") == found(history, "sel", connection="!!") == ["select 4"]
    assert found(history, "", connection="pro") == []


def test_an_entry_that_is_not_there_is_an_error(history: History) -> None:
    with pytest.raises(UnknownEntryError, match="no entry 7"):
        history.entry(7)


# -- forgetting ----------------------------------------------------------------------------------------------------


def test_clearing_removes_it_from_the_file(tmp_path: Path) -> None:
    for before in (10**15, None):
        store = Store(tmp_path / "data")
        history = History(store)
        history.add([record(f"select 'remembered {number}'") for number in range(3 * PRUNED_AT_ONCE)], [], [])
        assert history.clear(before) >= 3 * PRUNED_AT_ONCE
        assert (history.count(), found(history, "remembered")) == (0, [])
        history.add([record("select 'afterwards'", started_at=2 * 10**15)], [], [])
        assert found(history, "after") == ["select 'afterwards'"]
        with store.reading() as rows:
            rows.execute("insert into history_search(history_search) values ('integrity-check')")
        store.close()
        for file in (tmp_path / "data").glob(f"{FILE_NAME}*"):
            assert b"'remembered" not in file.read_bytes()


def test_only_what_is_older_is_cleared(history: History) -> None:
    history.add([record(f"select {day}", started_at=day * DAY) for day in range(5)], [], [])
    assert (history.count(3 * DAY), history.clear(3 * DAY)) == (3, 3)
    assert found(history, "") == ["select 4", "select 3"]


def test_what_is_too_old_is_pruned_in_small_steps(history: History) -> None:
    now = time.time_ns() // 1000
    old = [record(f"select 'old {number}'", started_at=now - 400 * DAY) for number in range(PRUNED_AT_ONCE + 1)]
    history.add([*old, record("select 'young'", started_at=now - 364 * DAY + DAY // 2)], [], [])
    assert history.prune(365, 10**6)
    assert not history.prune(365, 10**6)
    assert found(history, "") == ["select 'young'"]
    assert not history.prune(363, 10**6)  # less than a day is too old: that can wait
    assert len(found(history, "")) == 1


def test_what_is_too_much_is_pruned_from_the_old_end(history: History) -> None:
    now = time.time_ns() // 1000
    history.add([record(f"select {number}", started_at=now) for number in range(1000)], [], [])
    assert not history.prune(365, 1000)
    while history.prune(365, 500):
        assert len(found(history, "", limit=10_000)) > 500
    assert found(history, "", limit=10_000) == [f"select {number}" for number in range(999, 499, -1)]


def test_the_recorder_prunes_by_and_by(kernel: Kernel, shop_url: str) -> None:
    old = [record(f"select {number}", started_at=0) for number in range(3 * PRUNED_AT_ONCE)]
    kernel.history.add(old, [], [])
    with kernel.connect(shop_url) as session:
        session.run("select 'now'")
        assert kernel.recorder.flush()
        wait_for(lambda: kernel.history.count() == 1)
    assert [entry.statement for entry in entries(kernel)] == ["select 'now'"]


def test_an_unknown_dialect_makes_no_difference(kernel: Kernel, shop_url: str) -> None:
    target, driver = kernel.target(shop_url)
    driver = msgspec.structs.replace(driver, dialect=replace(driver.dialect, name="strange"))
    with kernel.open(target, driver) as session:
        session.run("select 'a''b'")
    assert [entry.statement for entry in entries(kernel)] == ["select 'a''b'"]
