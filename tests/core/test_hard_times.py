"""What goes wrong around a session and must not make anybody wait for ever, leak, or tell a secret."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from alveary import Kernel, Outcome, SessionState
from alveary.errors import (
    AlvearyError,
    BusyError,
    ConnectionLostError,
    ConnectionTimeoutError,
    InternalError,
    InvalidInputError,
    SessionClosedError,
    UnsupportedError,
    described,
)
from alveary.jobs import Job
from alveary.kernel import HostKind
from alveary.redaction import redacted

HANG = 30
ENDLESS = "with recursive n(x) as (select 1 union all select x + 1 from n) select count(*) from n"

ODD = """
import sys, time
from alveary import Batch, Column, Columns, Connection, Driver, DriverSpec, RowCount, ServerInfo
from alveary import TransactionState, hookimpl
from alveary.errors import ConnectionFailedError

@hookimpl
def alveary_drivers():
    return [DriverSpec(id="odd", name="Odd", schemes=("odd",), factory="odd:Odd")]

class Odd(Driver):
    def connect(self, target, *, timeout):
        if target.database == "slow":
            time.sleep(3)
        if target.database == "refuse":
            raise ConnectionFailedError(f"no entry for {target.password}")
        if target.database == "exit":
            sys.exit(f"no entry for {target.password}")
        return Line()

class Line(Connection):
    cancels = 0
    state = TransactionState.IDLE
    def execute(self, sql, parameters, *, batch):
        if sql == "column":
            yield Columns((Column(name="a", type_name=None),))
        elif sql == "count":
            yield RowCount(1.5)
        elif sql == "state":
            Line.state = None
        elif sql == "stubborn":
            while Line.cancels < 3:
                time.sleep(0.01)
        yield Columns((Column(name="n"),))
        yield Batch([(Line.cancels,)])
    def cancel(self): Line.cancels += 1
    def close(self): pass
    def server(self): return ServerInfo(product="Odd", version="0")
    @property
    def transaction_state(self): return Line.state
"""


@pytest.fixture(params=["thread", "process"])
def host(request: pytest.FixtureRequest) -> HostKind:
    kind: HostKind = request.param
    return kind


@pytest.fixture
def odd(install: Callable[..., None], home: Path) -> Iterator[Kernel]:
    install("odd", ODD, {"odd": "odd"})
    with Kernel() as kernel:
        yield kernel


def threads() -> set[str]:
    return {thread.name for thread in threading.enumerate() if thread.name.startswith("alveary-")}


def test_a_frozen_process_holds_up_neither_a_statement_nor_closing(shop_url: str) -> None:
    with Kernel() as kernel:
        session = kernel.connect(shop_url, host="process")
        os.kill(session._host.process, signal.SIGSTOP)  # type: ignore[union-attr]  # the process is the test's subject
        statements = [session.execute("select 1 --" + "x" * 1_000_000) for _ in range(3)]
        session.close()
        assert all(statement.wait(HANG) for statement in statements)
        assert session.state is SessionState.BROKEN


def test_failed_connections_leave_nothing_behind(kernel: Kernel, tmp_path: Path) -> None:
    kernel.connect("sqlite:///:memory:", host="process").close()
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(10):
        with pytest.raises(AlvearyError):
            kernel.connect(f"sqlite:///{tmp_path}/nothing.db", host="process")
    for thread in threading.enumerate():
        if thread.name.startswith(("alveary-host", "alveary-ear")):
            thread.join(HANG)
    assert len(os.listdir("/proc/self/fd")) <= before
    assert kernel.sessions() == []


@pytest.mark.parametrize("sql", ["column", "count", "state"])
def test_what_a_driver_says_wrongly_ends_the_statement(odd: Kernel, host: HostKind, sql: str) -> None:
    with odd.connect("odd://h/d", host=host) as session:
        statement = session.execute(sql)
        assert statement.wait(HANG)
        assert statement.outcome is not None
    assert session.state in (SessionState.CLOSED, SessionState.BROKEN)
    assert odd.sessions() == []


def test_a_host_that_can_not_start_gives_its_place_back(kernel: Kernel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("alveary.kernel.MOST_SESSIONS", 2)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    # The limit is one of numbers, so the gaps below it are filled, but for one.
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(map(int, os.listdir("/proc/self/fd"))) + 1, hard))
    fillers = []
    with contextlib.suppress(OSError):
        while True:
            fillers.append(os.dup(0))
    os.close(fillers.pop())
    try:
        for _ in range(4):
            with pytest.raises(InternalError):
                kernel.connect("sqlite:///:memory:", host="process")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for filler in fillers:
            os.close(filler)
    assert kernel.connect("sqlite:///:memory:", host="process").run("select 1")


def test_a_stuck_forkserver_is_replaced(kernel: Kernel, shop_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("alveary.workers.forkserver.START_SECONDS", 0.5)
    kernel.connect(shop_url, host="process").close()
    os.kill(kernel._forkserver._process.pid, signal.SIGSTOP)  # type: ignore[union-attr]  # the test's subject
    with pytest.raises(InternalError):
        kernel.connect(shop_url, host="process")
    with kernel.connect(shop_url, host="process") as session:
        assert session.run("select 1")


def test_a_driver_slower_than_the_timeout_is_left_and_its_worker_ends(odd: Kernel, host: HostKind) -> None:
    with pytest.raises(ConnectionTimeoutError):
        odd.connect("odd://h/slow", timeout=0.1, host=host)
    for thread in threading.enumerate():
        if thread.name.startswith("alveary-worker"):
            thread.join(HANG)
    assert not any(name.startswith("alveary-worker") for name in threads())


@pytest.mark.parametrize("database", ["refuse", "exit"])
def test_no_error_of_a_driver_carries_the_password(odd: Kernel, host: HostKind, database: str) -> None:
    with pytest.raises(AlvearyError) as caught:
        odd.connect(f"odd://me:S3cr%40t@h/{database}", host=host)
    assert "no entry for ***" in str(caught.value.record())
    assert "S3cr" not in str(caught.value.record())


def test_many_cancels_are_one(odd: Kernel) -> None:
    with odd.connect("odd://h/d") as session:
        statement = session.execute("stubborn")
        while session.state is not SessionState.RUNNING:
            assert not statement.wait(0.01)
        for _ in range(100):
            statement.cancel()
        assert len([name for name in threads() if name == "alveary-cancel"]) <= 1
        assert statement.wait(HANG)


@pytest.mark.parametrize("value", [2**70, "\udcff", object(), 1j])
def test_a_parameter_no_driver_could_take_is_refused_the_same_everywhere(
    kernel: Kernel, shop_url: str, host: HostKind, value: object
) -> None:
    with kernel.connect(shop_url, host=host) as session:
        with pytest.raises(InvalidInputError, match="parameter a"):
            session.run("select :a", {"a": value})  # type: ignore[dict-item]  # the wrong type is the test
        assert session._statements == {}


def test_an_empty_list_is_a_sink_like_any_other(kernel: Kernel, shop_url: str, tmp_path: Path) -> None:
    class Rows(list[object]):
        def columns(self, columns: object) -> None: ...
        def rows(self, rows: Any) -> int:
            self.extend(rows)
            return 0

        def close(self, whole: bool) -> None: ...

    sink = Rows()
    with kernel.connect(shop_url) as session:
        assert session.execute("select id from item", sink=sink).wait(HANG)
    assert sink == [(1,), (2,), (3,)]


def test_a_refused_statement_does_not_count_as_waiting(kernel: Kernel, shop_url: str) -> None:
    with kernel.connect(shop_url, host="process") as session:
        with pytest.raises(UnsupportedError):
            session.execute("select 1", sink=object())  # type: ignore[arg-type]  # never looked at
        assert session._statements == {}


def test_closing_stops_a_question_too(kernel: Kernel, shop: Path, shop_url: str) -> None:
    with kernel.connect(shop_url) as session:
        statement = session.execute(ENDLESS)
        asked: list[BaseException] = []

        def ask() -> None:
            try:
                session.catalog().relations("main")
            except AlvearyError as exc:
                asked.append(exc)

        asking = threading.Thread(target=ask)
        asking.start()
        while not session._questions:
            assert not statement.wait(0.01)
        session.close()
        asking.join(HANG)
        assert not asking.is_alive()
        assert session.state is SessionState.CLOSED


def test_a_closed_kernel_opens_nothing_and_its_jobs_end(shop_url: str) -> None:
    kernel = Kernel()
    gate = threading.Event()
    running = [kernel.jobs.submit("hang", lambda _: gate.wait(HANG)) for _ in range(8)]
    waiting = kernel.jobs.submit("wait", lambda _: None)
    kernel.close()
    assert waiting.wait(HANG)
    assert waiting.outcome is Outcome.CANCELLED
    gate.set()
    assert all(job.wait(HANG) for job in running)
    with pytest.raises(SessionClosedError):
        kernel.connect(shop_url)
    with pytest.raises(BusyError):
        kernel.jobs.submit("late", lambda _: None)


class Unspeakable(Exception):
    def __str__(self) -> str:
        raise Unspeakable


def test_an_error_that_can_not_be_told_is_told_all_the_same(kernel: Kernel) -> None:
    def work(job: Job) -> None:
        raise Unspeakable

    with pytest.raises(InternalError, match="Unspeakable"):
        kernel.jobs.submit("work", work).result()
    assert described(Unspeakable()) == "Unspeakable: (it can't be told)"


def test_a_password_in_a_url_is_blotted_wherever_it_is_repeated() -> None:
    assert redacted("try pg://me:S3cret@h/d now") == "try pg://me:***@h/d now"
    assert redacted("a%20b and a b and a+b", "a b") == "*** and *** and ***"
    assert redacted("nothing", None) == "nothing"


def test_a_crash_while_nobody_waits_is_seen_by_the_next_statement(kernel: Kernel, shop_url: str) -> None:
    session = kernel.connect(shop_url, host="process")
    over = threading.Event()
    session.witnesses.when_over(over.set)
    os.kill(session._host.process, signal.SIGKILL)  # type: ignore[union-attr]  # the test's subject
    assert over.wait(HANG)
    assert isinstance(session.error, ConnectionLostError)
    with pytest.raises(SessionClosedError):
        session.execute("select 1")
