"""Open cursors: a result that reached its row limit is gone on with later, and in the way of nothing meanwhile."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from alveary.contracts.driver import Capability
from alveary.errors import CursorClosedError
from alveary.events import CursorClosed, CursorEnd, Event, Outcome, SessionState
from alveary.sessions import Session
from alveary.statements import Statement
from alveary.testing.conformance.base import HANG, OpenSession, completed, crossed, needs
from alveary.testing.conformance.sessions import HOSTS, Sessions

if TYPE_CHECKING:
    from alveary.kernel import HostKind, Kernel


class Cursors(Sessions):
    """What the window does with a result of which only the first rows were wanted at first."""

    @pytest.fixture
    def closed(self, alveary_kernel: Kernel) -> Iterator[Closed]:
        """What was said of cursors that were closed."""
        closed = Closed()
        leave = alveary_kernel.bus.subscribe(closed.hear)
        yield closed
        leave()

    def held(self, session: Session, sql: str, limit: int = 100, hold: float = 600.0) -> Statement:
        """Run a statement up to its limit, and see that it can be resumed."""
        statement = session.execute(sql, limit=limit, hold=hold)
        assert statement.wait(HANG)
        assert (statement.outcome, statement.rows) == (Outcome.TRUNCATED, limit), statement.error
        assert statement.held_until is not None
        return statement

    @HOSTS
    def test_a_result_is_gone_on_with_and_no_row_is_lost_or_doubled(
        self, open_session: OpenSession, host: HostKind
    ) -> None:
        session = open_session(host)
        self.digits(session)
        numbers = crossed(4, "d0.n * 1000 + d1.n * 100 + d2.n * 10 + d3.n")
        statement = self.held(session, numbers, 7)
        result = statement.result
        assert result is not None
        for more, rows, outcome in (
            (1, 8, Outcome.TRUNCATED),
            (512, 520, Outcome.TRUNCATED),
            (9479, 9999, Outcome.TRUNCATED),
            (1, 10_000, Outcome.COMPLETED),
        ):
            statement.fetch_more(more)
            assert statement.wait(HANG)
            assert (statement.outcome, statement.rows, len(result)) == (outcome, rows, rows), statement.error
        assert sorted(int(row[0]) for row in result) == list(range(10_000))
        whole = self.held(session, numbers)
        whole.fetch_more()
        assert whole.wait(HANG)
        assert (whole.outcome, whole.held_until) == (Outcome.COMPLETED, None)
        assert whole.result is not None
        assert sorted(int(row[0]) for row in whole.result) == list(range(10_000))

    @HOSTS
    def test_the_next_statement_closes_it_and_runs(
        self, open_session: OpenSession, closed: Closed, host: HostKind
    ) -> None:
        session = open_session(host)
        self.digits(session)
        statement = self.held(session, crossed(6))
        assert session.state is SessionState.IDLE
        assert completed(session, "select n from digit where n = 7") == [(7,)]
        assert closed.wait(statement) is CursorEnd.NEXT
        assert (statement.outcome, statement.rows, statement.held_until) == (Outcome.TRUNCATED, 100, None)
        with pytest.raises(CursorClosedError):
            statement.fetch_more()

    @HOSTS
    def test_its_time_is_over_and_a_cancel_closes_it(
        self, open_session: OpenSession, closed: Closed, host: HostKind
    ) -> None:
        session = open_session(host)
        self.digits(session)
        timed = session.execute(crossed(6), limit=10, hold=0.05)
        assert closed.wait(timed) is CursorEnd.TIME
        statement = self.held(session, crossed(6))
        statement.cancel()
        assert closed.wait(statement) is CursorEnd.CANCELLED
        assert (statement.outcome, session.state) == (Outcome.TRUNCATED, SessionState.IDLE)
        assert completed(session, "select n from digit where n = 7") == [(7,)]

    @HOSTS
    @needs(Capability.CANCEL)
    def test_what_is_gone_on_with_can_be_cancelled(self, open_session: OpenSession, host: HostKind) -> None:
        session = open_session(host)
        self.digits(session)
        statement = self.held(session, crossed(12))
        statement.fetch_more()
        assert not statement.wait(0.2), f"it ended too soon to be cancelled: {statement.error}"
        statement.cancel()
        assert statement.wait(HANG)
        assert statement.outcome is Outcome.CANCELLED, statement.error
        assert statement.result is not None
        assert len(statement.result) == statement.rows > 100
        assert completed(session, "select n from digit where n = 7") == [(7,)]

    @HOSTS
    def test_a_session_with_an_open_cursor_closes(self, open_session: OpenSession, host: HostKind) -> None:
        session = open_session(host)
        self.digits(session)
        statement = self.held(session, crossed(9))
        started = time.monotonic()
        session.close()
        assert time.monotonic() - started < 5, "a session closes within a second"
        assert session.error is None, "it was closed, not given up"
        assert (statement.rows, statement.held_until) == (100, None)

    @needs(Capability.TRANSACTIONS)
    def test_a_transaction_stays_what_it_is(self, open_session: OpenSession) -> None:
        session, states = open_session(), list[SessionState]()
        self.digits(session)
        session.begin()
        completed(session, "delete from digit where n > 4")
        statement = self.held(session, crossed(4))
        states.append(session.state)
        statement.fetch_more(100)
        assert statement.wait(HANG)
        states.append(session.state)
        session.commit()
        assert [*states, session.state] == [SessionState.IN_TRANSACTION] * 2 + [SessionState.IDLE]
        assert len(completed(session, "select n from digit")) == 5

    def test_nothing_is_kept_open_unasked_or_without_need(self, open_session: OpenSession) -> None:
        session = open_session()
        self.digits(session)
        for limit, hold in ((5, 0.0), (None, 600.0), (5000, 600.0)):
            statement = session.execute("select n from digit", limit=limit, hold=hold)
            assert statement.wait(HANG)
            assert statement.held_until is None


class Closed:
    """Listens to the bus until the cursor of a statement is closed."""

    def __init__(self) -> None:
        self._heard = threading.Condition()
        self._reasons: dict[str, CursorEnd] = {}

    def hear(self, event: Event) -> None:
        """Take an event."""
        if isinstance(event, CursorClosed):
            assert event.error is None, event.error
            with self._heard:
                self._reasons[event.statement] = event.reason
                self._heard.notify_all()

    def wait(self, statement: Statement) -> CursorEnd:
        """Return why the cursor of a statement was closed."""
        with self._heard:
            assert self._heard.wait_for(lambda: statement.id in self._reasons, HANG), "it is still open"
            return self._reasons[statement.id]
