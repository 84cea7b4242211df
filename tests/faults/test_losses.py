"""A connection that is lost: the session is broken, what went with it is said, and nothing is tried again."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from faults.proxy import Proxy
from faults.ticks import Ticks
from fix_faults import HANG, Line, Measure, through_mariadb, through_postgres, until
from fix_mariadb import MariaServer
from fix_postgres import PostgresServer

from alveary import Kernel
from alveary.contracts.driver import TransactionState
from alveary.errors import AlvearyError, ConnectionLostError, QueryTimeoutError, SessionClosedError
from alveary.events import (
    CancelStep,
    CancelStepTaken,
    Event,
    Loss,
    Outcome,
    SessionOpened,
    SessionState,
    SessionStateChanged,
    SessionUnverified,
)
from alveary.kernel import HostKind
from alveary.losses import loss
from alveary.sessions import Session
from alveary.sqltext import ANSI
from alveary.workers import doubts
from alveary.workers.messages import Cancel


@pytest.fixture(params=["thread", "process"])
def host(request: pytest.FixtureRequest) -> HostKind:
    kind: HostKind = request.param
    return kind


class Ear:
    """Hears what a kernel says, and waits for it."""

    def __init__(self, kernel: Kernel) -> None:
        self.heard: list[Event] = []
        self._changed = threading.Condition()
        kernel.bus.subscribe(self._hear)

    def _hear(self, event: Event) -> None:
        with self._changed:
            self.heard.append(event)
            self._changed.notify_all()

    def wait(self, wanted: Callable[[Event], bool]) -> Event:
        """Return the first event of that kind, heard already or to come."""
        with self._changed:
            assert self._changed.wait_for(lambda: any(map(wanted, self.heard)), HANG), self.heard
            return next(filter(wanted, self.heard))

    def broken(self) -> SessionStateChanged:
        """Return how the session broke, once it has."""
        event = self.wait(lambda each: isinstance(each, SessionStateChanged) and each.new is SessionState.BROKEN)
        assert isinstance(event, SessionStateChanged)
        return event


def table(line: Line) -> None:
    line.ask("create table spot (n int)")


def kept(line: Line) -> list[str]:
    return line.ask("select n from spot order by n").split()


def test_a_server_that_ends_a_session_breaks_it_and_says_what_went_with_it(
    kernel: Kernel, line: Line, host: HostKind, measured: Measure
) -> None:
    table(line)
    ear = Ear(kernel)
    session = kernel.connect(line.url, host=host)
    session.run("insert into spot values (1)")
    session.begin()
    session.run("insert into spot values (2)")
    statement = session.execute(line.sleep.format(600))
    line.wait_running(1)
    started = time.monotonic()
    line.end_all()
    assert statement.wait(HANG)
    measured(f"F01 the error of a session that the server ended ({line.name}, {host})", time.monotonic() - started)
    assert isinstance(statement.error, ConnectionLostError)
    assert "the open transaction is lost" in (statement.error.detail or "")
    assert ear.broken().loss is Loss.TRANSACTION
    assert session.state is SessionState.BROKEN
    with pytest.raises(SessionClosedError):
        session.execute("insert into spot values (3)")
    session.close()
    assert kept(line) == ["1"]


def test_queued_statements_are_not_run_by_another_connection(kernel: Kernel, line: Line, host: HostKind) -> None:
    table(line)
    ear = Ear(kernel)
    with kernel.connect(line.url, host=host) as session:
        first = session.execute(line.sleep.format(600))
        others = [session.execute(f"insert into spot values ({n})") for n in range(5)]
        line.wait_running(1)
        line.end_all()
        for statement in (first, *others):
            assert statement.wait(HANG)
            assert statement.outcome is Outcome.FAILED
            assert isinstance(statement.error, AlvearyError)
            assert statement.error.exit_status == 3
    assert kept(line) == []
    kernel.bus.flush()
    assert len([event for event in ear.heard if isinstance(event, SessionOpened)]) == 1


def test_a_commit_that_is_never_answered_is_not_known(
    kernel: Kernel, line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("alveary.workers.worker.ABORT_SECONDS", 0.2)
    monkeypatch.setattr("alveary_plugins.drivers.postgres.driver.CANCEL_SECONDS", 0.2)
    monkeypatch.setattr("alveary_plugins.drivers.mysql.driver.KILL_SECONDS", 0.2)
    table(line)
    finishes: list[tuple[Callable[[Session], object], type[AlvearyError]]] = [
        (Session.commit, ConnectionLostError),
        (lambda each: each.run("commit", timeout=0.3), QueryTimeoutError),  # its cancel goes unanswered, too
    ]
    for finish, error in finishes:
        ear = Ear(kernel)
        session = kernel.connect(line.url)
        session.begin()
        session.run("insert into spot values (1)")
        line.proxy.swallow()
        before = line.proxy.heard
        with ThreadPoolExecutor() as beside:
            finished = beside.submit(finish, session)
            until(lambda: line.proxy.heard > before)  # noqa: B023  # looked at before the next one
            if error is ConnectionLostError:
                line.proxy.cut()
            with pytest.raises(error) as caught:
                finished.result(HANG)
        assert "is not known" in (caught.value.detail or "")
        assert ear.broken().loss is Loss.UNKNOWN
        session.close()
        line.proxy.mend()


@pytest.mark.parametrize(
    ("state", "running", "lost"),
    [
        (TransactionState.IDLE, None, Loss.NOTHING),
        (TransactionState.IDLE, "select 1", Loss.NOTHING),
        (TransactionState.IDLE, "delete from t", Loss.UNKNOWN),
        (TransactionState.ACTIVE, None, Loss.TRANSACTION),
        (TransactionState.ACTIVE, "delete from t", Loss.TRANSACTION),
        (TransactionState.ACTIVE, " COMMIT ", Loss.UNKNOWN),
        (TransactionState.FAILED, "commit", Loss.TRANSACTION),
    ],
)
def test_what_is_lost(state: TransactionState, running: str | None, lost: Loss) -> None:
    assert loss(state, running, ANSI) is lost


def test_the_end_of_an_idle_session_is_noticed_before_anybody_asks(
    kernel: Kernel, line: Line, host: HostKind, measured: Measure
) -> None:
    ear = Ear(kernel)
    session = kernel.connect(line.url, host=host)
    session.begin()
    session.run(line.rows.format(3))
    started = time.monotonic()
    line.end_all()
    broken = ear.broken()
    measured(f"F15 an idle session's end noticed ({line.name}, {host})", time.monotonic() - started)
    assert broken.loss is Loss.TRANSACTION
    assert session.error is not None
    assert "the open transaction is lost" in (session.error.detail or "")
    with pytest.raises(SessionClosedError):
        session.execute("select 1")


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Let the machine have slept for a day: the clock on the wall goes on, ours does not."""
    hours = [0.0]
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + hours[0])

    def sleep() -> None:
        hours[0] += 86_400

    return sleep


def test_after_a_sleep_a_session_is_tried_before_anything_is_sent(
    kernel: Kernel, line: Line, slept: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doubts, "PING_SECONDS", 0.3)
    table(line)
    ear = Ear(kernel)
    with kernel.connect(line.url) as session:
        session.run("insert into spot values (1)")
        slept()
        event = ear.wait(lambda each: isinstance(each, SessionUnverified))
        assert isinstance(event, SessionUnverified)
        assert event.reason == "the machine slept for 24 h"
        assert str(session.state) == "unverified"
        session.run("insert into spot values (2)")  # it stood
        assert str(session.state) == "idle"
        session.begin()
        session.run("insert into spot values (3)")
        slept()
        line.proxy.swallow()  # a router forgot us, and drops what we send
        with pytest.raises(ConnectionLostError, match="slept for 24 h; nothing was sent") as caught:
            session.run("insert into spot values (4)")
        assert "the open transaction is lost" in (caught.value.detail or "")
        assert session.state is SessionState.BROKEN
    assert ear.broken().loss is Loss.TRANSACTION
    line.proxy.cut()
    line.proxy.mend()
    assert kept(line) == ["1", "2"]


def test_long_idling_makes_a_session_doubtful_and_a_question_finds_out(
    kernel: Kernel, line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doubts, "IDLE_SECONDS", 0.05)
    monkeypatch.setattr("alveary.workers.worker.LOOK_SECONDS", 0.1)
    ear = Ear(kernel)
    with kernel.connect(line.url) as session:
        ear.wait(lambda each: isinstance(each, SessionUnverified))
        monkeypatch.setattr(doubts, "IDLE_SECONDS", 600)
        session.begin()
        assert session.state is SessionState.IN_TRANSACTION


def test_a_new_session_takes_the_place_of_a_lost_one_and_shares_nothing_with_it(kernel: Kernel, line: Line) -> None:
    with kernel.connect(line.url) as first:
        first.run("create temporary table mine (n int)")
        line.proxy.reset()
        with pytest.raises(ConnectionLostError):
            first.run("select * from mine")
        with kernel.connect(line.url) as second:
            assert second.id != first.id
            with pytest.raises(AlvearyError, match="mine"):
                second.run("select * from mine")
        assert first.state is SessionState.BROKEN


def steps(ear: Ear) -> list[tuple[CancelStep, float]]:
    return [(event.step, event.seconds) for event in ear.heard if isinstance(event, CancelStepTaken)]


def doing(kernel: Kernel, line: Line, session: Session, what: str) -> threading.Thread:
    """Begin something that lasts, and return the thread that waits for it."""
    catalog = session.catalog()
    work: dict[str, Callable[[], object]] = {
        "rows": lambda: session.run(line.rows.format(1_000_000)),
        "metadata": catalog.schemas,
    }

    def wait() -> None:
        with pytest.raises(AlvearyError):
            work[what]()

    thread = threading.Thread(target=wait)
    thread.start()
    return thread


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same steps, in less time."""
    monkeypatch.setattr("alveary.workers.worker.ABORT_SECONDS", 0.4)
    monkeypatch.setattr("alveary_plugins.drivers.postgres.driver.CANCEL_SECONDS", 0.2)
    monkeypatch.setattr("alveary_plugins.drivers.mysql.driver.KILL_SECONDS", 0.2)


@pytest.mark.usefixtures("short")
@pytest.mark.parametrize("what", ["rows", "metadata"])
def test_each_step_of_a_cancel_is_told_with_its_time(kernel: Kernel, line: Line, what: str) -> None:
    ear = Ear(kernel)
    session = kernel.connect(line.url)
    line.proxy.swallow()
    thread = doing(kernel, line, session, what)
    deadline = time.monotonic() + HANG
    while session._host._worker._current is None:  # type: ignore[union-attr]  # the worker is a thread of ours
        assert time.monotonic() < deadline
    for id in [*session._questions, *session._statements]:
        session._host.submit(Cancel(id=id))  # type: ignore[union-attr]  # as an interrupted caller does
    thread.join(HANG)
    assert not thread.is_alive()
    kernel.bus.flush()
    taken = steps(ear)
    assert [step for step, _ in taken] == [CancelStep.ASKED, CancelStep.REFUSED, CancelStep.SHUT]
    assert [seconds for _, seconds in taken] == sorted(seconds for _, seconds in taken)
    session.close()


@pytest.mark.usefixtures("short")
def test_an_export_that_is_cancelled_tells_each_step_and_leaves_no_file(
    kernel: Kernel, line: Line, tmp_path: Path
) -> None:
    ear = Ear(kernel)
    output = tmp_path / "rows.csv"
    sql = [line.rows.format(20_000_000)]
    job = kernel.commands.submit("query.run", {"target": line.url, "sql": sql, "format": "csv", "output": str(output)})
    before = line.proxy.sent
    until(lambda: line.proxy.sent > before + 1_000_000)
    line.proxy.swallow()
    job.cancel()
    assert job.wait(HANG), "it hangs"
    kernel.bus.flush()
    assert [step for step, _ in steps(ear)] == [CancelStep.ASKED, CancelStep.REFUSED, CancelStep.SHUT]
    assert [each.name for each in tmp_path.iterdir() if each.is_file()] == []


@pytest.mark.usefixtures("short")
def test_a_question_about_the_catalog_that_is_cancelled_tells_each_step(kernel: Kernel, line: Line) -> None:
    stopped = threading.Event()
    assert kernel.catalog(line.url).schemas()
    line.proxy.swallow()
    ear = Ear(kernel)
    threading.Timer(0.2, stopped.set).start()
    with pytest.raises(AlvearyError) as caught:
        kernel.catalog(line.url, stopped=stopped).schemas()
    assert caught.value.code in ("query_cancelled", "connection_lost")
    kernel.bus.flush()
    assert [step for step, _ in steps(ear)] == [CancelStep.ASKED, CancelStep.REFUSED, CancelStep.SHUT]
    line.proxy.cut()
    line.proxy.mend()
    assert kernel.catalog(line.url).schemas(), "there is a new connection for the next one"


def test_fifty_statements_of_silent_servers_are_cancelled_at_once(
    kernel: Kernel, postgres: PostgresServer, mariadb: MariaServer, measured: Measure
) -> None:
    with postgres.database() as name, Proxy(postgres.port) as first, Proxy(mariadb.port) as second:
        lines = [through_postgres(postgres, name, first), through_mariadb(mariadb, mariadb.new_database(), second)]
        sessions = [(line, kernel.connect(line.url)) for line in lines for _ in range(25)]
        statements = [session.execute(line.sleep.format(600)) for line, session in sessions]
        for line in lines:
            line.wait_running(25)
            line.proxy.swallow()
        ear = Ear(kernel)
        with Ticks() as ticks:
            started = time.monotonic()
            for statement in statements:
                statement.cancel()
            for statement in statements:
                assert statement.wait(HANG), "it hangs"
                assert isinstance(statement.error, ConnectionLostError)
            measured("L06 fifty cancels at once, of silent servers", time.monotonic() - started)
        measured("L06 longest gap between ticks, silent servers", ticks.longest)
        kernel.bus.flush()
        assert sum(step is CancelStep.SHUT for step, _ in steps(ear)) == 50
        until(lambda: not any(thread.name.startswith("alveary-cancel") for thread in threading.enumerate()))


def test_connecting_that_is_given_up_is_told(kernel: Kernel, line: Line) -> None:
    ear = Ear(kernel)
    line.proxy.swallow()
    session = kernel.open(*kernel.target(line.url))
    session.give_up_connecting()
    kernel.bus.flush()
    assert [step for step, _ in steps(ear)] == [CancelStep.GIVEN_UP]
    assert session.state is SessionState.CLOSED
