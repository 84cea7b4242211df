"""Loaders and parsers take any bytes and answer with state or a clear error; sessions keep what their model says."""

from __future__ import annotations

import os
import sqlite3
import tempfile
import threading
import unicodedata
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from fix_faults import HANG, Line
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from alveary import Kernel
from alveary.errors import AlvearyError, ConnectionLostError, QueryError, StorageError
from alveary.events import Outcome, SessionState
from alveary.paths import Paths
from alveary.plugins import Choices
from alveary.sessions import Session
from alveary.store.database import FILE_NAME, Store
from alveary.tables import visible
from alveary_shell.workspace import Workspace

LIVES = 200 if os.environ.get("ALVEARY_SOAK") == "1" else 5
BIDIRECTIONAL = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
TEXTS = st.text() | st.text(alphabet=st.characters(categories=["Cc", "Cf", "Cs", "Zl", "Zp", "Co", "Cn"]))
CELLS = (
    st.binary()
    | TEXTS.map(lambda text: text.encode("utf-8", "surrogatepass"))
    | st.sampled_from([b"[" * 50_000, b'{"a":' * 20_000, b'{"text": NaN}', b'{"text": 1e999}', b"\xff", b"null", b"7"])
)


@given(TEXTS)
def test_no_text_drives_a_terminal(text: str) -> None:
    shown = visible(text)
    assert not any(unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp") for char in shown)
    assert not any(unicodedata.bidirectional(char) in BIDIRECTIONAL for char in shown)
    assert visible(shown) == shown


def stored(directory: Path, statement: str, *values: object) -> None:
    with closing(sqlite3.connect(directory / FILE_NAME)) as connection, connection:
        connection.execute(statement, values)


@pytest.fixture(scope="module")
def home_of_all() -> Any:
    """A store that all examples of a test share: to make one takes longer than to read it."""
    with tempfile.TemporaryDirectory(prefix="alveary-") as directory:
        Store(Path(directory)).revision()
        yield Path(directory)


@given(state=CELLS, layout=CELLS, as_text=st.booleans())
def test_a_workspace_of_any_bytes_opens_what_it_can(
    home_of_all: Path, state: bytes, layout: bytes, as_text: bool
) -> None:
    cell = "cast(? as text)" if as_text else "?"
    stored(home_of_all, "delete from workspace_panels")
    stored(home_of_all, f"insert or replace into workspace values ('layout', {cell})", layout)
    stored(home_of_all, "insert into workspace_panels values ('a-1', 1, 'a', '{\"text\": \"kept\"}', 1, null)")
    stored(home_of_all, f"insert into workspace_panels values ('a-1', 2, 'a', {cell}, 2, null)", state)
    stored(home_of_all, "insert into workspace_panels values ('b-1', 1, 'b', '{}', 1, null)")
    store = Store(home_of_all)
    workspace = Workspace(store, lambda _: None)
    try:
        assert isinstance(workspace.layout(), dict)
        panels = {saved.id: saved for saved in workspace.open_panels()}
        assert set(panels) == {"a-1", "b-1"}, "one panel's damage hides no other"
        assert isinstance(panels["a-1"].state, dict)
    finally:
        workspace.close()
        store.close()


@given(name=TEXTS.filter(lambda text: "\0" not in text), value=CELLS, as_text=st.booleans())
@example(name="query.timeout", value=b"[" * 50_000, as_text=True)
@example(name="query.timeout", value=b"\xff", as_text=True)
def test_settings_of_any_bytes_leave_the_defaults(home_of_all: Path, name: str, value: bytes, as_text: bool) -> None:
    cell = "cast(? as text)" if as_text else "?"
    stored(home_of_all, "delete from settings")
    for each in (name.encode("utf-8", "replace").decode(), "query.timeout"):
        stored(home_of_all, f"insert or replace into settings values (?, {cell})", each, value)
    with Kernel(paths=Paths(home_of_all, home_of_all / "cache")) as kernel:
        assert kernel.settings.get("connect.timeout") == 10
        kernel.settings.get("query.timeout")
        assert kernel.settings.states()


@given(CELLS)
def test_a_file_of_choices_of_any_bytes_is_read_or_refused(home_of_all: Path, content: bytes) -> None:
    (home_of_all / "plugins.json").write_bytes(content)
    try:
        names = Choices(home_of_all).disabled()
    except StorageError as exc:
        names = {exc.message}
    finally:
        (home_of_all / "plugins.json").unlink()
    assert all(isinstance(name, str) for name in names)


class Life(RuleBasedStateMachine):
    """A session's life on a real server, beside a model: which rows stand, and how its transaction stands."""

    line: Line
    kernel: Kernel

    def __init__(self) -> None:
        super().__init__()
        self.session: Session | None = None
        self.number = 0
        self.kept: list[int] = []
        self.open: list[int] | None = None
        self.failed = False
        """Whether the transaction that is open can only be rolled back."""
        self.doubtful: set[int] = set()
        """Rows that a server may have stored before it ended the connection, whose answer nobody got."""
        self.line.ask("delete from spot")

    def teardown(self) -> None:
        if self.session is not None:
            self.session.close()

    @precondition(lambda self: self.session is None)
    @rule()
    def connect(self) -> None:
        self.session = self.kernel.connect(self.line.url)

    @precondition(lambda self: self.session is not None and not self.failed)
    @rule()
    def insert(self) -> None:
        assert self.session is not None
        self.number += 1
        self.session.run(f"insert into spot values ({self.number})")
        (self.kept if self.open is None else self.open).append(self.number)

    @precondition(lambda self: self.session is not None and self.open is None)
    @rule()
    def begin(self) -> None:
        assert self.session is not None
        self.session.begin()
        self.open = []

    @precondition(lambda self: self.session is not None and self.open is not None)
    @rule(commits=st.booleans())
    def end(self, commits: bool) -> None:
        assert self.session is not None
        assert self.open is not None
        if self.failed and commits:
            with pytest.raises(QueryError, match="rolled back"):
                self.session.commit()
        elif commits:
            self.session.commit()
            self.kept += self.open
        else:
            self.session.rollback()
        self.open, self.failed = None, False

    @precondition(lambda self: self.session is not None and not self.failed)
    @rule()
    def cancel(self) -> None:
        assert self.session is not None
        statement = self.session.execute(self.line.sleep.format(HANG))
        self.line.wait_running(1)
        statement.cancel()
        assert statement.wait(HANG), "it hangs"
        assert statement.outcome is Outcome.CANCELLED
        # To PostgreSQL a statement that is cancelled is one that failed; to MariaDB it is as if it had not been.
        self.failed = self.open is not None and self.line.name == "postgres"

    @precondition(lambda self: self.session is not None)
    @rule(how=st.sampled_from(["cut", "reset", "end_all"]))
    def lose(self, how: str) -> None:
        assert self.session is not None
        if how == "end_all":
            self.line.end_all()
        else:
            getattr(self.line.proxy, how)()
        self.number += 1
        if how == "end_all" and self.open is None:
            self.doubtful.add(self.number)
        with pytest.raises(AlvearyError) as caught:
            self.session.run(f"insert into spot values ({self.number})")
        assert caught.value.exit_status == 3
        if isinstance(caught.value, ConnectionLostError):
            lost = "the open transaction is lost" in (caught.value.detail or "")
            assert lost == (self.open is not None)
        assert self.session.state is SessionState.BROKEN
        self.session.close()
        self.session, self.open, self.failed = None, None, False

    @invariant()
    def the_transaction_is_what_the_server_says(self) -> None:
        if self.session is not None:
            expected = "failed" if self.failed else "in transaction" if self.open is not None else "idle"
            assert str(self.session.state) in (expected, "unverified")

    @invariant()
    def what_was_committed_stands_once_and_nothing_else(self) -> None:
        if self.open is None and self.session is None:
            stand = sorted(map(int, self.line.ask("select n from spot").split()))
            assert [n for n in stand if n not in self.doubtful] == sorted(self.kept)
            assert len(stand) == len(set(stand)), "nothing is run twice"


@pytest.mark.parametrize("seed", [1])
def test_a_session_s_life_is_what_its_model_says(kernel: Kernel, line: Line, seed: int) -> None:
    line.ask("create table spot (n int)")
    machine = type("LifeHere", (Life,), {"line": line, "kernel": kernel})
    phases = [Phase.explicit, Phase.generate]  # to shrink an example takes as long as a hundred of them
    settled = settings(
        max_examples=LIVES, stateful_step_count=8, phases=phases, suppress_health_check=list(HealthCheck)
    )
    run_state_machine_as_test(machine, settings=settled)
    assert threading.active_count() < 100
