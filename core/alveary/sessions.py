"""Sessions: one open connection each, an actor that takes statements and owns its state."""

from __future__ import annotations

import functools
import itertools
import logging
import os
import threading
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from alveary.attempts import Attempts
from alveary.bus import Bus
from alveary.contracts.catalog import Catalog
from alveary.contracts.driver import Capability, InlineData, ServerInfo, TransactionState
from alveary.contracts.specs import DriverSpec
from alveary.contracts.target import Target
from alveary.contracts.types import LoadColumn
from alveary.contracts.values import Parameters
from alveary.credentials import Credentials
from alveary.errors import (
    AlvearyError,
    BusyError,
    ConnectionLostError,
    ConnectionTimeoutError,
    CursorClosedError,
    ErrorRecord,
    InvalidInputError,
    QueryCancelledError,
    SessionClosedError,
    UnsupportedError,
    error_from_record,
)
from alveary.events import (
    Answered,
    CancelStep,
    CancelStepTaken,
    CursorClosed,
    Loss,
    Outcome,
    QueryEnded,
    QueryResumed,
    QueryStarted,
    SessionClosed,
    SessionOpened,
    SessionOpenFailed,
    SessionState,
    SessionStateChanged,
    SessionUnverified,
    StatementSent,
    WorkerEvent,
)
from alveary.inputs import check_text, names, plain
from alveary.losses import loss, told
from alveary.policy import Clearance, Consent, Policy
from alveary.results import ResultSet, ResultStore, Sink
from alveary.sqltext import only_reads
from alveary.statements import Statement
from alveary.witnesses import CATALOG, IMPORT, USER, Witnesses
from alveary.workers.hosts import WorkerHost
from alveary.workers.messages import AnyRequest, Ask, Cancel, Close, Execute, Fetch, Load
from alveary.workers.questions import AskedCatalog, read

if TYPE_CHECKING:
    from alveary.recorder import Recording
    from alveary.sent import Sent
    from alveary.tunnels import Lease

_log = logging.getLogger(__name__)

MOST_WAITING = 1000
"""Statements that may wait in one session; one more is refused."""
CLOSE_SECONDS = 0.8
"""How long a session may take to close before its worker is given up; within a second it is gone, whatever hangs."""
LONGEST_HELD = 20_000
"""Characters of a statement whose cursor may stay open: to look at longer ones takes time, and the caller waits."""
LOOK = 0.05
"""Seconds between two looks of a waiting thread whether it was told to stop."""

_BY_TRANSACTION = {
    TransactionState.IDLE: SessionState.IDLE,
    TransactionState.ACTIVE: SessionState.IN_TRANSACTION,
    TransactionState.FAILED: SessionState.FAILED,
}
_OVER = (SessionState.BROKEN, SessionState.CLOSED)


class Session:
    """One open connection and its worker. Every method may be called from any thread.

    The state changes only here, by what the worker says, and each change is published as an event.
    """

    def __init__(
        self,
        target: Target,
        driver: DriverSpec,
        bus: Bus,
        results: ResultStore,
        policy: Policy,
        recording: Recording | None = None,
        sent: Sent | None = None,
    ) -> None:
        """Make a session that is connecting; :meth:`start` gives it its worker.

        ``policy`` is asked about every statement before it is sent; ``recording`` is told what runs, ``sent`` all that
        is sent.
        """
        self.id = os.urandom(6).hex()
        self.target = target
        self.driver = driver
        self.server: ServerInfo | None = None
        self.connect_seconds: float | None = None
        """What making the connection took; what a person took to give a password is not counted."""
        self.hold_seconds = 0.0
        """How long the window keeps a cursor open by what is set; :meth:`execute` must be told all the same."""
        self.error: AlvearyError | None = None
        """Why the session could not be opened, or broke."""
        self._bus = bus
        self._results = results
        self.policy = policy
        self.witnesses = Witnesses(target, driver, recording, sent)
        self._state = SessionState.CONNECTING
        self._changes = 0
        self._transaction = TransactionState.IDLE
        self._lock = threading.RLock()
        self._statements: dict[str, Statement] = {}
        self._running: str | None = None
        self._open_cursor: Statement | None = None
        """The statement that can be resumed."""
        self._questions: dict[str, tuple[str, Callable[[Answered], None]]] = {}
        """Each question whose answer is awaited, and who takes the answer."""
        self._connected = threading.Event()
        self._over = threading.Event()
        self._ids = itertools.count(1)
        self._held: list[tuple[AnyRequest, Sink | None]] = []
        """What was asked for before the connection stands; the worker it is for may not be made yet."""
        self._attempts = Attempts(
            self.id,
            target,
            driver.factory,
            lock=self._lock,
            over=self._over,
            failed=self._fail,
            lost=self._tunnel_lost,
        )
        self._stopping: float | None = None
        """When it was first asked to close."""

    # -- life --------------------------------------------------------------------------------------------------

    def start(
        self,
        make_host: Callable[[str], WorkerHost],
        timeout: float,
        credentials: Credentials | None = None,
        tunnel: Callable[[threading.Event, float], Lease] | None = None,
    ) -> None:
        """Begin to connect through workers that ``make_host`` makes, each of its own name, reporting to :meth:`hear`.

        ``tunnel`` leases the tunnel to go through, until the event is set, each step in so many seconds. Each of the
        two attempts there can be takes ``timeout`` seconds at most; what a person or a vault takes to give a password
        is not counted.
        """
        self._attempts.begin(make_host, timeout, credentials or Credentials(), tunnel)

    def wait_connected(self, stopped: threading.Event | None = None) -> None:
        """Wait for the connection; raises the error that prevented it, ConnectionTimeoutError after the timeout.

        When ``stopped`` is set meanwhile the connection is given up, which raises QueryCancelledError.
        """
        while not self._connected.is_set():
            if stopped is not None and stopped.is_set():
                self.give_up_connecting()
            elif (left := self._attempts.deadline - time.monotonic()) <= 0:
                self.kill()
                raise ConnectionTimeoutError(
                    f"{self.target.display()} did not answer within {self._attempts.timeout:g} seconds"
                )
            else:
                self._connected.wait(min(left, LOOK if stopped is not None else 1.0))
        if self.error is not None:
            raise self.error
        self._check_open()

    def give_up_connecting(self) -> None:
        """Do not wait for a connection that is not there yet; an open session is left alone."""
        with self._lock:
            if self._state is not SessionState.CONNECTING:
                return
            self._finish(SessionState.CLOSED, QueryCancelledError("connecting was cancelled").record())
            host = self._host
        if host is not None:
            host.kill()
            self._took(CancelStep.GIVEN_UP, "")

    def _tunnel_lost(self, reason: str) -> None:
        """Nothing that waits for the server will be answered; its worker is given up, wherever it hangs."""
        error = ConnectionLostError(reason).record()
        with self._lock:
            if self._over.is_set():
                return
            if self._state is SessionState.CONNECTING:
                self._fail(error)
            else:
                self._lose(error)
            host = self._host
        if host is not None:
            host.kill()

    def _fail(self, error: ErrorRecord) -> None:
        with self._lock:
            if not self._over.is_set():
                self._finish(SessionState.CLOSED, error)
                self._bus.publish(SessionOpenFailed(session=self.id, error=error))

    @property
    def route(self) -> str:
        """How the server is reached: ``direct``, or through which tunnel."""
        return self._attempts.route or "direct"

    @property
    def reached(self) -> Target:
        """What the driver was told to connect to: with the password that was found, and the near end of the tunnel,
        which stands as long as the session does; for another connection of the same command."""
        return self._attempts.reached

    @property
    def _host(self) -> WorkerHost | None:
        return self._attempts.host

    @property
    def state(self) -> SessionState:
        """Where the session stands."""
        return self._state

    def close(self, timeout: float = CLOSE_SECONDS) -> None:
        """Stop what runs and close the connection; a worker that does not follow in time is given up."""
        with self._lock:
            if self._over.is_set():
                return
            if (host := self._host) is None:
                self._finish(SessionState.CLOSED, None)
                return
            waiting = [*self._statements, *self._questions]
            self._stopping = time.monotonic()
        for id in waiting:
            self._send(Cancel(id=id))
        host.submit(Close())
        if not self._over.wait(timeout):
            self.kill()

    def kill(self) -> None:
        """Give the worker up at once: kill its process, or leave its thread behind."""
        with self._lock:
            if self._over.is_set():
                return
            if (host := self._host) is None:
                self._finish(SessionState.CLOSED, None)
                return
            waiting = [*self._statements, *self._questions]
        host.kill()
        for id in waiting:
            self._took(CancelStep.GIVEN_UP, id)
        self._over.wait(CLOSE_SECONDS)

    def _took(self, step: CancelStep, id: str) -> None:
        seconds = time.monotonic() - self._stopping if self._stopping is not None else 0.0
        self._bus.publish(CancelStepTaken(session=self.id, statement=id, step=step, seconds=seconds))

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    # -- statements --------------------------------------------------------------------------------------------

    def execute(
        self,
        sql: str,
        parameters: Parameters = None,
        *,
        limit: int | None = None,
        timeout: float | None = None,
        sink: Sink | None = None,
        hold: float = 0.0,
        clearance: Clearance | None = None,
        data: InlineData | None = None,
        origin: str = USER,
        undone: bool = False,
        recorded: bool = True,
    ) -> Statement:
        """Queue one statement and return at once.

        Rows are stored on disk, or go to ``sink`` on the worker's thread (only where the worker is a thread). At most
        ``limit`` rows are taken; that there were more is the outcome ``truncated``. ``timeout`` is in seconds, from
        the moment the statement begins; None is what the target says. Raises InvalidInputError or NulCharacterError
        before anything is sent.

        What would write is refused where the session is read-only (ReadOnlyError). Where a person must confirm it first
        it needs a ``clearance``, which :meth:`clear` gives; without one it raises NotConfirmedError.

        With ``hold`` the cursor of a stored result stays open for that many seconds once the limit is reached, or until
        the next request, so that :meth:`Statement.fetch_more` can go on. That is only done for what looks as if it
        changed nothing: of another statement the server might keep the changes, or its locks, open as long.
        ``origin`` says for what the statement is sent, to whoever looks at what was.

        ``data`` are lines of data for a statement that takes such; UnsupportedError if the driver can't send any.

        ``undone`` runs it in a transaction that is rolled back, and in one that is open up to a savepoint, as one
        piece: no other statement comes in between. UnsupportedError if the driver has no transactions. What is not
        ``recorded`` stays out of the history.
        """
        check_text(sql)
        # Everything that runs passes here, so here is where it is looked at.
        self.policy.check(sql, self.target, self.driver, clearance)
        if data is not None:
            self._need(Capability.COPY)
            check_text(data.text)
        if undone:
            self._need(Capability.TRANSACTIONS)
        id = f"{self.id}-{next(self._ids)}"
        spool = str(self._results.new_directory()) if sink is None else ""
        timeout = self.target.statement_timeout if timeout is None else timeout
        if hold and (limit is None or not spool or not self._may_hold(sql)):
            hold = 0.0
        request = Execute(
            id=id,
            sql=sql,
            parameters=plain(parameters),
            limit=limit,
            timeout=timeout,
            spool=spool,
            hold=hold,
            data=data,
            undone=undone,
        )
        statement = Statement(id, sql, names(parameters), spool, self.cancel, self._fetch)
        statement.recorded = recorded
        self.witnesses.about_to_run(sql)
        with self._lock:
            self._check_open()
            if len(self._statements) >= MOST_WAITING:
                raise BusyError(f"{MOST_WAITING} statements wait in this session already")
            self._statements[id] = statement
            self.witnesses.requested(id, origin)
        try:
            self._send(request, sink)
        except BaseException:  # it was refused, so nobody will ever say that it ended
            with self._lock:
                self._statements.pop(id, None)
                self.witnesses.refused(id)
            raise
        return statement

    def clear(
        self,
        statements: Sequence[str],
        *,
        consent: Consent | None = None,
        stopped: threading.Event | None = None,
    ) -> Clearance:
        """Have statements reviewed together before the first is run, and confirmed where that must be.

        May wait for a person, so not on Tk's thread. Raises what :meth:`Policy.clear` raises.
        """
        return self.policy.clear(statements, self.target, self.driver, consent=consent, stopped=stopped)

    def load(
        self,
        table: tuple[str, ...],
        columns: Sequence[LoadColumn],
        source: str,
        arguments: bytes,
        *,
        sql: str,
        rejects: str | None = None,
        clearance: Clearance | None = None,
    ) -> Statement:
        """Queue the insertion of many rows and return at once; what they are undone with is a transaction, yours.

        ``table`` are the names of its path, ``source`` names what makes a
        :class:`~alveary.workers.loading.RowSource` of ``arguments`` where the worker lives. Rows that are refused go to
        the file ``rejects``, as CSV; without one the first of them ends it. ``sql`` is what the history shows,
        and what the policy is asked about, as :meth:`execute` asks it.
        """
        self.policy.check(sql, self.target, self.driver, clearance)
        id = f"{self.id}-{next(self._ids)}"
        request = Load(id=id, table=table, columns=tuple(columns), source=source, arguments=arguments, rejects=rejects)
        statement = Statement(id, sql, (), "", self.cancel, self._fetch)
        self.witnesses.about_to_run(sql)
        with self._lock:
            self._check_open()
            self._statements[id] = statement
            self.witnesses.requested(id, IMPORT)
        self._send(request)
        return statement

    def run(
        self, sql: str, parameters: Parameters = None, *, limit: int | None = None, timeout: float | None = None
    ) -> ResultSet | None:
        """Run one statement, wait, and return its rows; None for a statement that has no result.

        Raises what the database raised, QueryTimeoutError or QueryCancelledError, and what :meth:`clear` raises.
        """
        clearance = self.clear([sql])
        statement = self.execute(sql, parameters, limit=limit, timeout=timeout, clearance=clearance)
        try:
            statement.wait()
        except BaseException:  # Ctrl-C in the caller's thread: the server must not go on for nobody
            statement.cancel()
            raise
        statement.check()
        return statement.result

    def cancel(self, statement: Statement | None = None) -> None:
        """Stop a statement, by default the one that runs; returns at once and never touches another one.

        Of one that has ended and can be resumed the cursor is closed.
        """
        with self._lock:
            id = statement.id if statement is not None else self._running
            if id is None or (id not in self._statements and statement is not self._open_cursor):
                return
            if id == self._running:
                self._move(SessionState.CANCELLING)
        self._send(Cancel(id=id))

    def close_cursor(self) -> None:
        """Close the cursor that a statement left open, if there is one; returns at once."""
        if (statement := self._open_cursor) is not None:
            self.cancel(statement)

    @property
    def has_open_cursor(self) -> bool:
        """Whether the last statement reached its limit and can be resumed."""
        return self._open_cursor is not None

    def _fetch(self, statement: Statement, rows: int | None) -> None:
        if rows is not None and rows < 1:
            raise InvalidInputError(f"{rows} is no number of rows to fetch")
        with self._lock:
            self._check_open()
            if statement is not self._open_cursor:
                raise CursorClosedError(
                    "the cursor of this statement is closed",
                    hint="run the statement again, with a higher limit or without one",
                    statement=statement.sql,
                )
            self._open_cursor = None
            self._statements[statement.id] = statement
            statement.resume()
        self._send(Fetch(id=statement.id, rows=rows))

    def _may_hold(self, sql: str) -> bool:
        return len(sql) <= LONGEST_HELD and only_reads(sql, self.driver.dialect)

    # -- transactions and catalog ------------------------------------------------------------------------------

    def begin(self, isolation: str | None = None) -> None:
        """Begin a transaction, at one of ``driver.isolation_levels`` (None: the server's default)."""
        self._need(Capability.TRANSACTIONS)
        self.ask("begin", isolation)

    def commit(self) -> None:
        """Commit the transaction."""
        self._need(Capability.TRANSACTIONS)
        self.ask("commit")

    def rollback(self) -> None:
        """Roll the transaction back."""
        self._need(Capability.TRANSACTIONS)
        self.ask("rollback")

    def catalog(self, stopped: threading.Event | None = None, *, origin: str = CATALOG) -> Catalog:
        """Return the catalog as this connection sees it, its own transaction and temporary tables included.

        Its methods wait for the worker, so they queue behind a running statement; :meth:`Kernel.catalog` does not.
        Once ``stopped`` is set they raise QueryCancelledError, those that wait as well.
        """
        self._need(Capability.CATALOG)
        return AskedCatalog(functools.partial(self.ask, stopped=stopped, origin=origin))

    def ask(
        self,
        question: str,
        *arguments: str | None,
        stopped: threading.Event | None = None,
        origin: str | None = None,
    ) -> Any:
        """Ask the worker one of :data:`~alveary.workers.questions.QUESTIONS` and wait for the answer.

        Once ``stopped`` is set the question is cancelled, on the server too.
        """
        id = f"{self.id}-{next(self._ids)}"
        answered = threading.Event()
        answers: list[Answered] = []

        def take(event: Answered) -> None:
            answers.append(event)
            answered.set()

        with self._lock:
            self._check_open()
            if stopped is not None and stopped.is_set():
                raise QueryCancelledError("cancelled")
            self._questions[id] = question, take
            self.witnesses.asked(id, question, origin)
        self._send(Ask(id=id, question=question, arguments=arguments))
        try:
            while stopped is not None and not answered.wait(LOOK):
                if stopped.is_set():
                    self._send(Cancel(id=id))
                    break
            answered.wait()
        except BaseException:  # Ctrl-C in the caller's thread
            self._send(Cancel(id=id))
            raise
        if (error := answers[0].error) is not None:
            raise error_from_record(error)
        return read(question, answers[0].payload)

    def _need(self, capability: Capability) -> None:
        if capability not in self.driver.capabilities:
            raise UnsupportedError(f"the {self.driver.name} driver does not support {capability.value}")

    # -- what the worker says ----------------------------------------------------------------------------------

    def hear(self, event: WorkerEvent) -> None:
        """Take an event from the worker, on the worker's thread or the one that listens to its process."""
        with self._lock:
            if event.session != self.id:  # from the worker of a second attempt, which has a name of its own
                event = msgspec.structs.replace(event, session=self.id)
            if isinstance(event, SessionOpenFailed):
                if (error := self._attempts.refused(event.error)) is None:
                    return
                event = msgspec.structs.replace(event, error=error)
            elif isinstance(event, SessionOpened):
                event = msgspec.structs.replace(event, route=self._attempts.route)
            if isinstance(event, StatementSent):
                # Which publishes it, without its secrets.
                self.witnesses.sent(event, beside=event.request in self._statements)
                return
            if isinstance(event, QueryEnded | CursorClosed | Answered):
                event = self._with_loss(event)
            self._follow(event)
            self._bus.publish(event)

    def _lose(self, lost: ErrorRecord) -> None:
        """Nothing will come from the worker any more."""
        if self._over.is_set():
            return
        running = self._statements[self._running].sql if self._running is not None else None
        error = told(lost, Loss.NOTHING) if self._state in _OVER else self._break(lost, running)
        self._finish(SessionState.BROKEN, error)

    def _with_loss(self, event: QueryEnded | CursorClosed | Answered) -> QueryEnded | CursorClosed | Answered:
        """Return an event of a lost connection that says what was lost with it; any other as it is."""
        error = event.error
        shut = isinstance(event, QueryEnded) and event.shut
        if error is None or (error.code != ConnectionLostError.code and not shut) or self._state in _OVER:
            return event
        running = None
        if isinstance(event, Answered):
            question, _ = self._questions.get(event.request, ("", None))
            running = question if question in ("commit", "begin") else None
        elif isinstance(event, QueryEnded) and event.statement == self._running:
            running = self._statements[event.statement].sql
        return msgspec.structs.replace(event, error=self._break(error, running))

    def _break(self, error: ErrorRecord, running: str | None) -> ErrorRecord:
        """The connection is lost while ``running`` ran: note it, and return the error that says what went with it."""
        lost = loss(self._transaction, running, self.driver.dialect)
        error = told(error, lost)
        of_session = error if error.code == ConnectionLostError.code else ConnectionLostError(error.message).record()
        self.error = error_from_record(of_session)
        self._transaction = TransactionState.IDLE
        self._move(SessionState.BROKEN, error.message, lost)
        return error

    def _follow(self, event: WorkerEvent) -> None:
        match event:
            case SessionOpened():
                self._opened(event)
            case SessionOpenFailed():
                self._finish(SessionState.CLOSED, event.error)
            case SessionClosed(lost=None):
                self._finish(SessionState.CLOSED, None)
            case SessionClosed():
                self._lose(ConnectionLostError(f"the session was lost: {event.lost}").record())
            case SessionUnverified():
                if self._running is None and self._state is not SessionState.CONNECTING:
                    self._move(SessionState.UNVERIFIED, event.reason)
            case Answered():
                question, take = self._questions.pop(event.request, ("", None))
                self.witnesses.answered(question, event)
                self._follow_transaction(event)
                if take is not None:
                    take(event)
            case CursorClosed():
                # More rows may have been asked for meanwhile, but too late.
                statement = self._statements.pop(event.statement, None) or self._open_cursor
                self._open_cursor = None
                self._follow_transaction(event)
                if statement is not None:
                    statement.hear(event)
            case CancelStepTaken() | StatementSent():
                pass
            case _:
                if (statement := self._statements.get(event.statement)) is not None:
                    self._follow_statement(statement, event)

    def _opened(self, event: SessionOpened) -> None:
        self.server = ServerInfo(product=event.product, version=event.version, tls=event.tls)
        self.connect_seconds = event.seconds
        self._move(SessionState.IDLE)
        self._let_go()
        self._connected.set()
        self.witnesses.opened()

    def _follow_statement(self, statement: Statement, event: WorkerEvent) -> None:
        if isinstance(event, QueryStarted | QueryResumed):
            self._running = statement.id
            if isinstance(event, QueryStarted):
                self.witnesses.started(statement)
            self._move(SessionState.RUNNING)
        elif isinstance(event, QueryEnded):
            self._running = None
            self.witnesses.ended(statement, event)
            self._statements.pop(statement.id)
            if event.held is not None:
                self._open_cursor = statement
            self._follow_transaction(event)
        statement.hear(event)

    def _follow_transaction(self, event: QueryEnded | CursorClosed | Answered) -> None:
        self._transaction = event.transaction
        self._settle()  # which a broken session does not

    def _settle(self) -> None:
        if self._running is None:
            self._move(_BY_TRANSACTION[self._transaction])

    def _finish(self, state: SessionState, error: ErrorRecord | None) -> None:
        """The worker is gone: nothing that waits will be answered, and whoever waits is told."""
        if self._over.is_set():
            return
        if error is not None and self.error is None:
            self.error = error_from_record(error)
        self._move(state, error.message if error else None)
        reason = error or SessionClosedError("the session was closed").record()
        self.witnesses.lost(reason)
        for statement in self._statements.values():
            statement.end(Outcome.FAILED, reason)
        self._statements.clear()
        cursor, self._open_cursor = self._open_cursor, None
        if cursor is not None:
            cursor.held_until = None
        self._held.clear()
        questions, self._questions = self._questions, {}
        for id, (_, take) in questions.items():
            take(Answered(session=self.id, request=id, transaction=TransactionState.IDLE, error=reason))
        self._over.set()
        self._connected.set()
        self._attempts.release()
        self.witnesses.over()

    def _move(self, new: SessionState, reason: str | None = None, loss: Loss | None = None) -> None:
        with self._lock:
            old = self._state
            if old is new or old in _OVER:
                return
            self._state = new
            self._changes += 1
            self._bus.publish(
                SessionStateChanged(session=self.id, sequence=self._changes, old=old, new=new, reason=reason, loss=loss)
            )

    def _check_open(self) -> None:
        if self._state in _OVER:
            raise SessionClosedError(
                f"the session is {self._state.value}", detail=self.error.message if self.error else None
            )

    def _send(self, request: AnyRequest, sink: Sink | None = None) -> None:
        with self._lock:
            if self._state is SessionState.CONNECTING:
                self._held.append((request, sink))
                return
            host = self._host
        if host is not None:  # else the session is over, and whoever waits has been told
            host.submit(request, sink)

    def _let_go(self) -> None:
        assert self._host is not None, "it has just said that the connection stands"
        for request, sink in self._held:
            try:
                self._host.submit(request, sink)
            except AlvearyError as exc:  # this worker does not take it, which nobody could know before
                assert isinstance(request, Execute), "only a statement has a sink"
                self._statements.pop(request.id).end(Outcome.FAILED, exc.record())
        self._held.clear()
