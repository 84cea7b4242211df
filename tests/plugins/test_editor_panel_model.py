"""What an editor runs and how a run goes on, without a window: real sessions, in threads and in processes."""

from __future__ import annotations

import os
import queue
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest

from alveary import Kernel
from alveary.errors import (
    AlvearyError,
    BusyError,
    ClientCommandError,
    EmptyScriptError,
    NulCharacterError,
    QueryCancelledError,
    SessionClosedError,
    SqlSyntaxError,
    UnterminatedError,
)
from alveary.events import Event, Outcome, QueryEnded, SessionClosed, SessionState, SessionStateChanged
from alveary.jobs import Job
from alveary.kernel import HostKind
from alveary.sessions import Session
from alveary.sqltext import MYSQL, POSTGRES, SQLITE, split
from alveary.statements import Statement
from alveary_plugins.panels.editor.model import (
    EditorModel,
    Item,
    Reactions,
    all_of,
    at_caret,
    names_in,
    selected,
    without_password,
)

T = TypeVar("T")
HANG = 30.0
FOREVER = "with recursive n(i) as (select 1 union all select i + 1 from n) select count(*) from n"


# -- what to run -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "sql"),
    [
        ("sel|ect 1; select 2", "select 1"),
        ("select 1;|", "select 1"),
        ("select 1; | -- done", "select 1"),
        ("select 1;|\nselect 2", "select 1"),
        ("select 1;\n|select 2", "select 2"),
        ("select 1;\n\n|\nselect 2", "select 2"),
        ("select 1; -- sa|id\nselect 2", "select 1"),
        ("-- be|fore\nselect 1", "select 1"),
        ("select\n|\n1", "select\n\n1"),
        ("select 1;\n-- tail|", ""),
        ("|", ""),
        ("create trigger t after insert on i begin select 1; sel|ect 2; end; select 3", "create trigger"),
    ],
)
def test_the_statement_at_the_caret(text: str, sql: str) -> None:
    caret = text.index("|")
    text = text.replace("|", "")
    if not sql:
        with pytest.raises(EmptyScriptError):
            at_caret(text, split(text, SQLITE), caret)
        return
    (item,) = at_caret(text, split(text, SQLITE), caret)
    assert item.sql.startswith(sql)
    assert text.startswith(item.sql, item.start)


def test_a_selection_is_run_as_it_stands_and_a_script_whole() -> None:
    text = "-- a\nselect 1;\nselect 2;\n"
    assert [item.sql for item in all_of(text, split(text, SQLITE))] == ["select 1", "select 2"]
    items = selected(text, text.index("1"), text.index("2") + 1, SQLITE)
    assert [item.sql for item in items] == ["1", "select 2"]
    assert all(text.startswith(item.sql, item.start) for item in items)
    delimited = "delimiter //\nselect 1; select 2//\n"
    assert [item.sql for item in all_of(delimited, split(delimited, MYSQL))] == ["select 1; select 2"]


@pytest.mark.parametrize(
    ("text", "error", "position"),
    [
        ("select 'open", UnterminatedError, 8),
        ("\\d table", ClientCommandError, 1),
        ("select '\0'", NulCharacterError, 9),
        ("  -- nothing", EmptyScriptError, None),
    ],
)
def test_what_can_not_be_sent_is_said_before(text: str, error: type[AlvearyError], position: int | None) -> None:
    with pytest.raises(error) as raised:
        all_of(text, split(text, POSTGRES))
    assert raised.value.position == position


def test_names_of_parameters_and_targets_without_secrets() -> None:
    assert names_in([Item("select :b, ':no', :a::int", 0), Item("select :b", 20)], POSTGRES) == ["b", "a"]
    assert without_password("postgres://me:secret@host/db") == "postgres://me@host/db"
    assert without_password("sqlite:////tmp/a.db") == "sqlite:////tmp/a.db"
    assert without_password("Work shop") == "Work shop"


# -- how it goes on ----------------------------------------------------------------------------------------------


class Headless:
    """The doors of a window without one: answers and events are taken in by :meth:`pump`."""

    def __init__(self, kernel: Kernel, host: HostKind) -> None:
        self.kernel, self.host = kernel, host
        self.todo: queue.SimpleQueue[Callable[[], object]] = queue.SimpleQueue()
        self.statements: list[tuple[Statement, int]] = []
        self.errors: list[tuple[AlvearyError, Item | None]] = []
        self.model = EditorModel(
            self,
            Reactions(
                changed=lambda: None,
                session_changed=lambda: None,
                queued=lambda session, statement, batch: self.statements.append((statement, batch)),
                failed=lambda error, item: self.errors.append((error, item)),
            ),
        )
        kernel.bus.subscribe(self._hear)

    def background(
        self,
        title: str,
        work: Callable[[Job], T],
        done: Callable[[T], object],
        failed: Callable[[AlvearyError], object] | None = None,
    ) -> Job:
        job = self.kernel.jobs.submit(title, work)

        def finish() -> None:
            if job.error is None:
                done(job.result())
            elif failed is not None:
                failed(job.error)

        job.on_end(lambda: self.todo.put(finish))
        return job

    def connect(
        self,
        target: str,
        done: Callable[[Session], object],
        failed: Callable[[AlvearyError], object] | None = None,
    ) -> Job:
        def work(job: Job) -> Session:
            session = self.kernel.open(*self.kernel.target(target), host=self.host)
            job.on_cancel(session.give_up_connecting)
            session.wait_connected()
            return session

        return self.background("Connecting", work, done, failed)

    def _hear(self, event: Event) -> None:
        if isinstance(event, SessionStateChanged | QueryEnded | SessionClosed):
            self.todo.put(lambda: self._heard(event.session))

    def _heard(self, session: str) -> None:
        if self.model.session is not None and self.model.session.id == session:
            self.model.heard()

    def pump(self, until: Callable[[], object]) -> None:
        end = time.monotonic() + HANG
        while not until():
            try:
                self.todo.get(timeout=0.05)()
            except queue.Empty:
                assert time.monotonic() < end, "what the test waits for did not come about"

    def run(self, script: str, values: dict[str, Any] | None = None) -> list[Statement]:
        """Run a script to its end and return its statements."""
        before = len(self.statements)
        self.model.start(all_of(script, split(script, self.model.dialect)), values)
        self.pump(lambda: self.model.run is None)
        return [statement for statement, _ in self.statements[before:]]

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        (statement,) = self.run(sql)
        assert statement.result is not None
        return [tuple(row) for row in statement.result.window(0, 100)]


@pytest.fixture(params=["thread", "process"])
def editor(kernel: Kernel, shop_url: str, request: pytest.FixtureRequest) -> Iterator[Headless]:
    """An editor that is connected to the shop."""
    editor = Headless(kernel, request.param)
    editor.model.connect(shop_url)
    assert str(editor.model.phase) == "connecting"
    editor.pump(lambda: editor.model.phase == "idle")
    yield editor
    editor.model.close()


def test_statements_run_one_after_the_other_each_once(editor: Headless) -> None:
    script = "create table run (n); insert into run values (1); insert into run values (2); select n from run"
    statements = editor.run(script)
    assert [statement.outcome for statement in statements] == [Outcome.COMPLETED] * 4
    assert len({batch for _, batch in editor.statements}) == 1
    assert editor.rows("select n from run order by n") == [(1,), (2,)]
    assert len({batch for _, batch in editor.statements}) == 2
    assert editor.errors == []


def test_a_script_stops_at_the_first_error_which_knows_its_place(editor: Headless) -> None:
    script = "create table t (n);\ninsert into nowhere values (1);\ninsert into t values (1)"
    statements = editor.run(script)
    assert len(statements) == 2
    ((error, item),) = editor.errors
    assert item is not None
    assert script.startswith(item.sql, item.start)
    assert "nowhere" in error.message
    assert editor.rows("select * from t") == []
    assert str(editor.model.phase) == "idle"


def test_an_error_s_place_is_counted_in_the_text_as_it_is_shown(editor: Headless) -> None:
    editor.model.newline = "\r\n"
    text = "select 1;\n\nselect\n  1,\n  selekt from\n  where"
    editor.run(text)
    ((error, item),) = editor.errors
    assert isinstance(error, SqlSyntaxError)
    assert item is not None
    offset = editor.model.offset_in(error, item)
    assert offset is not None
    assert text[offset:] == "where"
    assert "\r\n" in editor.statements[-1][0].sql


def test_a_run_is_cancelled_with_what_would_follow(editor: Headless) -> None:
    script = f"create table c (n); {FOREVER}; insert into c values (1)"
    editor.model.start(all_of(script, split(script, SQLITE)))
    with pytest.raises(BusyError):
        editor.model.start([Item("select 1", 0)])
    editor.pump(lambda: editor.model.session is not None and editor.model.session.state is SessionState.RUNNING)
    editor.pump(lambda: len(editor.statements) == 2)
    assert str(editor.model.phase) == "running"
    editor.model.cancel()
    assert str(editor.model.phase) == "cancelling"
    editor.pump(lambda: editor.model.run is None)
    assert editor.statements[1][0].outcome is Outcome.CANCELLED
    assert len(editor.statements) == 2
    assert editor.errors == []
    assert editor.rows("select * from c") == []


def test_transactions_by_hand_begin_with_the_first_statement(editor: Headless, kernel: Kernel, shop_url: str) -> None:
    model = editor.model
    model.autocommit = False
    editor.run("update item set price = 9 where id = 1")
    assert str(model.transaction) == "open"
    assert model.in_transaction_since is not None
    with kernel.connect(shop_url) as other:
        before = other.run("select price from item where id = 1")
        assert before is not None
        assert [tuple(row) for row in before.window(0, 1)] == [(2.5,)]
    model.rollback()
    assert str(model.phase) == "waiting"
    editor.pump(lambda: model.phase == "idle")
    assert str(model.transaction) == "none"
    editor.run("update item set price = 8 where id = 1; update item set price = 7 where id = 1")
    model.commit()
    editor.pump(lambda: model.phase == "idle" and model.transaction == "none")
    assert editor.rows("select price from item where id = 1") == [(7.0,)]
    model.rollback()
    editor.pump(lambda: model.phase == "idle" and model.transaction == "none")
    editor.run("begin; select 1; commit")  # said by hand, so nothing is begun before
    assert editor.errors == []
    assert str(model.transaction) == "none"


def test_values_are_given_to_the_statements_that_name_them(editor: Headless) -> None:
    statements = editor.run("select :a; select :b; select 1", {"a": "x", "b": None})
    results = [statement.result for statement in statements]
    assert [next(iter(result.window(0, 1)))[0] for result in results if result is not None] == ["x", None, 1]
    editor.run("select :missing")
    assert editor.errors[-1][0].code == "missing_parameter"


def test_the_row_limit_is_kept_and_said(editor: Headless) -> None:
    many = "with recursive n(i) as (select 1 union all select i + 1 from n where i < 2000) select i from n"
    (statement,) = editor.run(many)
    assert (statement.outcome, statement.rows) == (Outcome.TRUNCATED, 1000)
    assert statement.held_until is not None, "the rest can be fetched"
    editor.model.limit = None
    (statement,) = editor.run(many)
    assert (statement.outcome, statement.rows) == (Outcome.COMPLETED, 2000)


def test_what_another_panel_runs_in_the_session_is_shown_and_stopped(editor: Headless) -> None:
    (statement,) = editor.run("with recursive n(i) as (select 1 union all select i + 1 from n) select i from n")
    statement.fetch_more()
    editor.pump(lambda: editor.model.phase == "running")
    assert editor.model.busy
    with pytest.raises(BusyError):
        editor.run("select 1")
    editor.model.cancel()
    editor.pump(lambda: editor.model.phase == "idle")
    assert statement.outcome is Outcome.CANCELLED
    assert editor.rows("select 1") == [(1,)]


def test_what_the_session_refuses_before_it_is_sent_ends_the_run(editor: Headless) -> None:
    editor.model.start([Item("select '\ud800'", 3), Item("select 1", 20)])
    assert editor.model.run is None
    assert editor.statements == []
    ((error, item),) = editor.errors
    assert (error.code, item and item.start) == ("invalid_input", 3)


def test_disconnecting_closes_the_session_and_connecting_again_makes_another(editor: Headless) -> None:
    first = editor.model.session
    assert first is not None
    editor.model.disconnect()
    assert str(editor.model.phase) == "disconnected"
    with pytest.raises(SessionClosedError):
        editor.model.start([Item("select 1", 0)])
    went_on: list[bool] = []
    editor.model.connect(then=lambda: went_on.append(True))
    with pytest.raises(BusyError):
        editor.model.connect()
    editor.pump(lambda: went_on)
    assert editor.model.session is not first
    assert editor.rows("select 1") == [(1,)]
    editor.pump(lambda: first.state is SessionState.CLOSED)


def test_a_session_that_is_lost_is_shown_as_that_and_nothing_is_run_again(kernel: Kernel, shop_url: str) -> None:
    editor = Headless(kernel, "process")
    editor.model.connect(shop_url)
    editor.pump(lambda: editor.model.phase == "idle")
    assert editor.model.session is not None
    script = f"insert into item (name) values ('once'); {FOREVER}"
    editor.model.start(all_of(script, split(script, SQLITE)))
    editor.pump(lambda: len(editor.statements) == 2)
    editor.pump(lambda: editor.model.session is not None and editor.model.session.state is SessionState.RUNNING)
    host: Any = editor.model.session._host
    os.kill(host.process, signal.SIGKILL)
    editor.pump(lambda: editor.model.phase == "lost")
    editor.pump(lambda: editor.model.run is None)
    assert editor.errors[0][0].code == "connection_lost"
    assert len(editor.statements) == 2
    with pytest.raises(SessionClosedError, match="no session"):
        editor.model.start([Item("select 1", 0)])
    editor.model.connect()
    editor.pump(lambda: editor.model.phase == "idle")
    assert editor.rows("select count(*) from item where name = 'once'") == [(1,)]
    editor.model.close()


def test_connecting_that_fails_is_said_and_can_be_tried_again(kernel: Kernel, tmp_path: Path) -> None:
    editor = Headless(kernel, "thread")
    with pytest.raises(SessionClosedError, match="not connected"):
        editor.model.connect()
    editor.model.connect(f"sqlite:///{tmp_path}/none.db")
    editor.pump(lambda: editor.errors)
    assert editor.errors[0][0].code == "database_not_found"
    assert str(editor.model.phase) == "disconnected"
    editor.model.connect(f"sqlite:///{tmp_path}/none.db?mode=rwc")
    editor.pump(lambda: editor.model.phase == "idle")
    editor.model.close()


def test_connecting_is_given_up(kernel: Kernel, tmp_path: Path) -> None:
    editor = Headless(kernel, "thread")
    editor.model.connect("postgres://nobody@192.0.2.1/none")
    editor.model.cancel()
    editor.pump(lambda: editor.model.phase == "disconnected")
    assert all(isinstance(error, QueryCancelledError) for error, _ in editor.errors)
    editor.model.connect("postgres://nobody@192.0.2.1/none")
    editor.model.disconnect()
    assert str(editor.model.phase) == "disconnected"
    editor.model.connect(f"sqlite:///{tmp_path}/new.db?mode=rwc")
    editor.pump(lambda: editor.model.phase == "idle")
    editor.model.close()


def test_postgresql_s_failed_transaction_is_shown_and_rolled_back(kernel: Kernel, postgres_url: str) -> None:
    editor = Headless(kernel, "process")
    editor.model.connect(postgres_url)
    editor.pump(lambda: editor.model.phase == "idle")
    editor.model.autocommit = False
    text = "create schema desk;\ncreate table desk.t (n int);\nselect 1,\n  nothing;"
    editor.run(text)
    ((error, item),) = editor.errors
    assert item is not None
    offset = editor.model.offset_in(error, item)
    assert offset is not None
    assert text[offset:] == "nothing;"
    assert str(editor.model.transaction) == "failed"
    editor.model.rollback()
    editor.pump(lambda: editor.model.phase == "idle" and editor.model.transaction == "none")
    editor.model.start([Item("set search_path to pg_catalog", -1, own=True)])
    editor.pump(lambda: editor.model.run is None)
    assert str(editor.model.transaction) == "none"  # it begins none, so that no rollback takes it back
    assert editor.rows("show search_path") == [("pg_catalog",)]
    assert str(editor.model.transaction) == "open"
    editor.model.start([Item("select pg_sleep(60)", 0), Item("select 1", 30)])
    editor.pump(lambda: editor.model.session is not None and editor.model.session.state is SessionState.RUNNING)
    editor.model.cancel()
    editor.pump(lambda: editor.model.run is None)
    assert editor.statements[-1][0].outcome is Outcome.CANCELLED
    editor.model.close()
