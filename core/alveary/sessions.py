"""Sessions: one open connection each, an actor that takes statements and owns its state."""

from __future__ import annotations

import itertools
import logging
import os
import threading
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from alveary.bus import Bus
from alveary.contracts.catalog import Catalog
from alveary.contracts.driver import Capability, ServerInfo, TransactionState
from alveary.contracts.specs import DriverSpec
from alveary.contracts.target import Target
from alveary.contracts.values import Cell, Parameters
from alveary.errors import (
    AlvearyError,
    BusyError,
    ConnectionLostError,
    ConnectionTimeoutError,
    ErrorRecord,
    InvalidInputError,
    NulCharacterError,
    QueryCancelledError,
    SessionClosedError,
    UnsupportedError,
    error_from_record,
)
from alveary.events import (
    Answered,
    Outcome,
    QueryEnded,
    QueryStarted,
    SessionClosed,
    SessionOpened,
    SessionOpenFailed,
    SessionState,
    SessionStateChanged,
    WorkerEvent,
)
from alveary.results import ResultSet, ResultStore, Sink
from alveary.statements import Statement
from alveary.workers.hosts import WorkerHost
from alveary.workers.messages import Ask, Cancel, Close, Execute, Open
from alveary.workers.questions import QUESTIONS, AskedCatalog

_log = logging.getLogger(__name__)

MOST_WAITING = 1000
"""Statements that may wait in one session; one more is refused."""
CLOSE_SECONDS = 1.0
"""How long a session may take to close before its worker is given up."""

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

    def __init__(self, target: Target, driver: DriverSpec, bus: Bus, results: ResultStore) -> None:
        """Make a session that is connecting; :meth:`start` gives it its worker."""
        self.id = os.urandom(6).hex()
        self.target = target
        self.driver = driver
        self.server: ServerInfo | None = None
        self.error: AlvearyError | None = None
        """Why the session could not be opened, or broke."""
        self._bus = bus
        self._results = results
        self._state = SessionState.CONNECTING
        self._changes = 0
        self._transaction = TransactionState.IDLE
        self._lock = threading.RLock()
        self._statements: dict[str, Statement] = {}
        self._running: str | None = None
        self._answers: dict[str, Callable[[Answered], None]] = {}
        self._connected = threading.Event()
        self._over = threading.Event()
        self._ids = itertools.count(1)
        self._host: WorkerHost | None = None
        self._timeout = 0.0
        self._when_open: list[Callable[[], object]] = []
        self._when_over: list[Callable[[], object]] = []

    # -- life --------------------------------------------------------------------------------------------------

    def start(self, host: WorkerHost, timeout: float) -> None:
        """Begin to connect through ``host``, whose worker reports to :meth:`hear`; ``timeout`` is in seconds."""
        self._host = host
        self._timeout = timeout
        self._send(Open(factory=self.driver.factory, target=self.target, timeout=timeout))

    def wait_connected(self) -> None:
        """Wait for the connection; raises the error that prevented it, ConnectionTimeoutError after the timeout."""
        # The driver keeps the timeout itself; the second on top is for one that does not.
        if not self._connected.wait(self._timeout + 1):
            self.kill()
            raise ConnectionTimeoutError(f"{self.target.display()} did not answer within {self._timeout:g} seconds")
        if self.error is not None:
            raise self.error

    def give_up_connecting(self) -> None:
        """Do not wait for a connection that is not there yet; an open session is left alone."""
        with self._lock:
            if self._state is not SessionState.CONNECTING:
                return
            self._finish(SessionState.CLOSED, QueryCancelledError("connecting was cancelled").record())
        if self._host is not None:
            self._host.kill()

    def when_open(self, callback: Callable[[], object]) -> None:
        """Call ``callback``, which must not block, once the connection stands; set before the session is started."""
        self._when_open.append(callback)

    def when_over(self, callback: Callable[[], object]) -> None:
        """Call ``callback``, which must not block, once the session is closed or lost; set before it is started."""
        self._when_over.append(callback)

    @property
    def state(self) -> SessionState:
        """Where the session stands."""
        return self._state

    def close(self, timeout: float = CLOSE_SECONDS) -> None:
        """Stop what runs and close the connection; a worker that does not follow in time is given up."""
        with self._lock:
            if self._over.is_set() or self._host is None:
                return
            waiting = [*self._statements, *self._answers]
        for id in waiting:
            self._send(Cancel(id=id))
        self._send(Close())
        if not self._over.wait(timeout):
            self.kill()

    def kill(self) -> None:
        """Give the worker up at once: kill its process, or leave its thread behind."""
        if self._host is not None and not self._over.is_set():
            self._host.kill()
            self._over.wait(CLOSE_SECONDS)

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
    ) -> Statement:
        """Queue one statement and return at once.

        Rows are stored on disk, or go to ``sink`` on the worker's thread (only where the worker is a thread). At most
        ``limit`` rows are taken; that there were more is the outcome ``truncated``. ``timeout`` is in seconds, from
        the moment the statement begins. Raises InvalidInputError or NulCharacterError before anything is sent.
        """
        _check_text(sql)
        id = f"{self.id}-{next(self._ids)}"
        spool = str(self._results.new_directory()) if sink is None else ""
        request = Execute(id=id, sql=sql, parameters=_plain(parameters), limit=limit, timeout=timeout, spool=spool)
        statement = Statement(id, sql, spool, self.cancel)
        with self._lock:
            self._check_open()
            if len(self._statements) >= MOST_WAITING:
                raise BusyError(f"{MOST_WAITING} statements wait in this session already")
            self._statements[id] = statement
        try:
            self._send(request, sink)
        except BaseException:  # it was refused, so nobody will ever say that it ended
            with self._lock:
                self._statements.pop(id, None)
            raise
        return statement

    def run(
        self, sql: str, parameters: Parameters = None, *, limit: int | None = None, timeout: float | None = None
    ) -> ResultSet | None:
        """Run one statement, wait, and return its rows; None for a statement that has no result.

        Raises what the database raised, QueryTimeoutError or QueryCancelledError.
        """
        statement = self.execute(sql, parameters, limit=limit, timeout=timeout)
        try:
            statement.wait()
        except BaseException:  # Ctrl-C in the caller's thread: the server must not go on for nobody
            statement.cancel()
            raise
        statement.check()
        return statement.result

    def cancel(self, statement: Statement | None = None) -> None:
        """Stop a statement, by default the one that runs; returns at once and never touches another one."""
        with self._lock:
            id = statement.id if statement is not None else self._running
            if id is None or id not in self._statements:
                return
            if id == self._running:
                self._move(SessionState.CANCELLING)
        self._send(Cancel(id=id))

    def cancel_questions(self) -> None:
        """Stop every question to the catalog or the transaction that waits or runs; returns at once."""
        with self._lock:
            ids = list(self._answers)
        for id in ids:
            self._send(Cancel(id=id))

    # -- transactions and catalog ------------------------------------------------------------------------------

    def begin(self, isolation: str | None = None) -> None:
        """Begin a transaction, at one of ``driver.isolation_levels`` (None: the server's default)."""
        self._need(Capability.TRANSACTIONS)
        self._ask("begin", isolation)

    def commit(self) -> None:
        """Commit the transaction."""
        self._need(Capability.TRANSACTIONS)
        self._ask("commit")

    def rollback(self) -> None:
        """Roll the transaction back."""
        self._need(Capability.TRANSACTIONS)
        self._ask("rollback")

    def catalog(self) -> Catalog:
        """Return the catalog; its methods wait for the worker, so they queue behind a running statement."""
        self._need(Capability.CATALOG)
        return AskedCatalog(self._ask)

    def _need(self, capability: Capability) -> None:
        if capability not in self.driver.capabilities:
            raise UnsupportedError(f"the {self.driver.name} driver does not support {capability.value}")

    def _ask(self, question: str, *arguments: str | None) -> Any:
        id = f"{self.id}-{next(self._ids)}"
        answered = threading.Event()
        answers: list[Answered] = []

        def take(event: Answered) -> None:
            answers.append(event)
            answered.set()

        with self._lock:
            self._check_open()
            self._answers[id] = take
        self._send(Ask(id=id, question=question, arguments=arguments))
        try:
            answered.wait()
        except BaseException:  # Ctrl-C in the caller's thread
            self._send(Cancel(id=id))
            raise
        if (error := answers[0].error) is not None:
            raise error_from_record(error)
        return msgspec.msgpack.decode(answers[0].payload, type=QUESTIONS[question][1])

    # -- what the worker says ----------------------------------------------------------------------------------

    def hear(self, event: WorkerEvent) -> None:
        """Take an event from the worker, on the worker's thread or the one that listens to its process."""
        with self._lock:
            self._follow(event)
            self._bus.publish(event)

    def _follow(self, event: WorkerEvent) -> None:
        if isinstance(event, SessionOpened):
            self.server = ServerInfo(product=event.product, version=event.version)
            self._move(SessionState.IDLE)
            self._connected.set()
            for callback in self._when_open:
                callback()
        elif isinstance(event, SessionOpenFailed):
            self._finish(SessionState.CLOSED, event.error)
        elif isinstance(event, SessionClosed):
            if event.lost is None:
                self._finish(SessionState.CLOSED, None)
            else:
                lost = ConnectionLostError(
                    f"the session was lost: {event.lost}", hint="open a new session; nothing is run again on its own"
                )
                self._finish(SessionState.BROKEN, lost.record())
        elif isinstance(event, Answered):
            self._transaction = event.transaction
            self._settle()
            if (take := self._answers.pop(event.request, None)) is not None:
                take(event)
        elif (statement := self._statements.get(event.statement)) is not None:
            if isinstance(event, QueryStarted):
                self._running = event.statement
                self._move(SessionState.RUNNING)
            elif isinstance(event, QueryEnded):
                self._running = None
                self._statements.pop(event.statement)
                self._transaction = event.transaction
                if event.error is not None and event.error.code == ConnectionLostError.code:
                    self._move(SessionState.BROKEN, event.error.message)
                else:
                    self._settle()
            statement.hear(event)

    def _settle(self) -> None:
        if self._running is None:
            self._move(_BY_TRANSACTION[self._transaction])

    def _finish(self, state: SessionState, error: ErrorRecord | None) -> None:
        """The worker is gone: nothing that waits will be answered, and whoever waits is told."""
        if self._over.is_set():
            return
        if error is not None:
            self.error = error_from_record(error)
        self._move(state, error.message if error else None)
        reason = error or SessionClosedError("the session was closed").record()
        for statement in self._statements.values():
            statement.end(Outcome.FAILED, reason)
        self._statements.clear()
        answers, self._answers = self._answers, {}
        for id, take in answers.items():
            take(Answered(session=self.id, request=id, transaction=TransactionState.IDLE, error=reason))
        self._over.set()
        self._connected.set()
        for callback in self._when_over:
            callback()

    def _move(self, new: SessionState, reason: str | None = None) -> None:
        with self._lock:
            old = self._state
            if old is new or old in _OVER:
                return
            self._state = new
            self._changes += 1
            self._bus.publish(
                SessionStateChanged(session=self.id, sequence=self._changes, old=old, new=new, reason=reason)
            )

    def _check_open(self) -> None:
        if self._state in _OVER:
            raise SessionClosedError(
                f"the session is {self._state.value}", detail=self.error.message if self.error else None
            )

    def _send(self, request: Open | Execute | Ask | Cancel | Close, sink: Sink | None = None) -> None:
        assert self._host is not None, "a session is started before it is used"
        self._host.submit(request, sink)


def _check_text(sql: str) -> None:
    if "\0" in sql:
        # libpq would cut the text there and run the first half.
        raise NulCharacterError(
            "the statement holds the character U+0000",
            position=sql.index("\0") + 1,
            statement=sql,
            hint="remove it; a NUL inside a value is passed as a parameter",
        )
    try:
        sql.encode()
    except UnicodeEncodeError as exc:
        raise InvalidInputError(
            "the statement is not valid Unicode text",
            position=exc.start + 1,
            statement=sql,
            hint="was the file saved in UTF-8?",
        ) from None


def _plain(parameters: Parameters) -> dict[str, Cell] | list[Cell] | None:
    if parameters is None:
        return None
    if isinstance(parameters, str | bytes):
        raise InvalidInputError("parameters are a mapping of names to values or a sequence of values, not text")
    if isinstance(parameters, Mapping):
        return {name: _checked_cell(value, name) for name, value in parameters.items()}
    return [_checked_cell(value, str(place)) for place, value in enumerate(parameters, start=1)]


def _checked_cell(value: object, name: str) -> Cell:
    """Return a parameter's value if it is one that reaches every driver unchanged, in a process or not."""
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise InvalidInputError(f"the parameter {name} does not fit into 64 bits", hint="pass it as text")
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            raise InvalidInputError(f"the parameter {name} is not valid Unicode text", hint="pass bytes") from None
    if value is None or isinstance(value, int | float | str | bytes):
        return value
    raise InvalidInputError(
        f"the parameter {name} is a {type(value).__name__}", hint="pass text, a number, bytes, a boolean or None"
    )
