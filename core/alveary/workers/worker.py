"""The worker: one connection, one thread that alone touches it; requests in, events out, rows into a sink."""

from __future__ import annotations

import logging
import math
import queue
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from alveary.contracts.driver import Connection, Driver, TlsInfo, TransactionState
from alveary.contracts.factory import load_factory
from alveary.errors import ConnectionLostError, QueryCancelledError, QueryError, UnsupportedError, described
from alveary.events import (
    Answered,
    CancelStep,
    CancelStepTaken,
    CursorClosed,
    CursorEnd,
    SessionClosed,
    SessionOpened,
    SessionOpenFailed,
    SessionUnverified,
    WorkerEvent,
)
from alveary.redaction import SECRETS, redacted
from alveary.results import ResultWriter, Sink
from alveary.workers.doubts import Doubts
from alveary.workers.messages import AnyRequest, Ask, Cancel, Close, Execute, Fetch, Load, Open
from alveary.workers.questions import answer
from alveary.workers.running import SHUT, Run, Stop, error_record
from alveary.workers.sending import Sending
from alveary.workers.watchdog import Watchdog

if TYPE_CHECKING:
    from alveary.workers.loading import LoadRun

_log = logging.getLogger(__name__)

ABORT_SECONDS = 5.0
"""How long a cancel asks; after that the connection's socket is shut, which wakes any thread that waits for it."""
LOOK_SECONDS = 2.0
"""How often it is looked whether an idle connection was lost."""


class _Lost(Exception):
    """The connection was lost while nothing ran."""


class Worker:
    """Serves requests in order on a thread of its own, until it is closed or its connection can't be opened.

    ``emit`` is called on the worker's thread. A cancel never blocks its caller, and never hits a later statement:
    the driver's cancel is called holding ``_cancelling``, which the worker must take to leave the statement.
    """

    def __init__(self, session: str, emit: Callable[[WorkerEvent], None]) -> None:
        self._session = session
        self._emit = emit
        self._requests: queue.SimpleQueue[tuple[AnyRequest, Sink | None]] = queue.SimpleQueue()
        self._lock = threading.Lock()  # held for bookkeeping only, never across I/O
        self._cancelling = threading.Lock()
        self._waiting: set[str] = set()
        self._stopped: dict[str, Stop] = {}
        self._current: str | None = None
        self._unheeded: str | None = None
        """The statement that its driver can't stop, or does not: it is left as soon as it says anything."""
        self._shut: str | None = None
        """What the connection was shut for, because the server did not answer a cancel."""
        self._left = threading.Event()
        self._connection: Connection | None = None
        self._watchdog: Watchdog | None = None
        self._cursor: Run | None = None
        """The statement whose cursor is open until the next request, or until its time is over."""
        self._closes_at = math.inf
        self._loading: LoadRun | None = None
        self._last_transaction = TransactionState.IDLE
        self._doubts = Doubts()
        self._sending = Sending(session, emit)
        self._thread = threading.Thread(target=self._serve, name=f"alveary-worker-{session}", daemon=True)
        self._thread.start()

    def submit(self, request: AnyRequest, sink: Sink | None = None) -> None:
        """Take a request; a :class:`Cancel` acts at once, everything else waits its turn."""
        if isinstance(request, Cancel) and self._stop(request.id, Stop.CANCELLED):
            return  # else it is of a statement that has ended; its cursor may be open
        if isinstance(request, Execute | Load | Fetch | Ask):
            with self._lock:
                self._waiting.add(request.id)
        self._requests.put((request, sink))

    def stop_all(self) -> None:
        """Stop the running statement and all that wait."""
        with self._lock:
            waiting = list(self._waiting)
        for id in waiting:
            self._stop(id, Stop.CANCELLED)

    def abandon(self) -> None:
        """End as soon as the driver lets go, which it is made to: its connection is shut."""
        self.stop_all()
        self.submit(Close())
        if (connection := self._connection) is not None:
            try:
                connection.abort()
            except Exception as exc:  # noqa: BLE001  # nobody waits for this worker any more
                _log.info("the driver could not shut its connection: %s", described(exc))

    def join(self, timeout: float | None = None) -> bool:
        """Wait for the worker's thread to end; False if it has not."""
        self._thread.join(timeout)
        return not self._thread.is_alive()

    # -- any thread --------------------------------------------------------------------------------------------

    def _stop(self, id: str, why: Stop) -> bool:
        """Stop a statement that runs or waits; False if it does neither."""
        with self._lock:
            if id not in self._waiting:
                return False
            running = id == self._current and id not in self._stopped
            self._stopped.setdefault(id, why)
        if running:
            self._cancel_soon(id)
        return True

    def _time_out(self, id: str) -> None:
        self._stop(id, Stop.TIMED_OUT)

    def _cancel_soon(self, id: str) -> None:
        thread = threading.Thread(target=self._cancel, args=(id,), name="alveary-cancel", daemon=True)
        try:
            thread.start()
        except RuntimeError as exc:  # no more threads, and to ask a server on this one could block whoever cancels
            _log.warning("nobody can ask the server to cancel, so the connection is given up: %s", described(exc))
            with self._cancelling:
                if self._current == id and self._connection is not None:
                    self._unheeded = self._shut = id
                    self._connection.abort()

    def _cancel(self, id: str) -> None:
        # Again and again, more and more slowly: a cancel that arrives before the driver has begun the statement is
        # lost in some drivers. ``_left`` ends the wait as soon as the statement does.
        # Should the server not answer at all, the connection itself is given up.
        pause, began = 0.05, time.monotonic()
        abort_at = began + ABORT_SECONDS
        told: set[CancelStep] = set()

        def take(step: CancelStep, reason: str | None = None) -> None:
            if step not in told:
                told.add(step)
                seconds = time.monotonic() - began
                self._emit(
                    CancelStepTaken(session=self._session, statement=id, step=step, seconds=seconds, reason=reason)
                )

        take(CancelStep.ASKED)
        while True:
            failed = None
            with self._cancelling:
                if self._current != id or self._connection is None:
                    return
                if shuts := time.monotonic() >= abort_at:
                    abort_at, self._unheeded, self._shut = math.inf, id, id
                try:
                    if (loading := self._loading) is not None:
                        loading.cancel()
                    if shuts:
                        self._connection.abort()
                    else:
                        self._connection.cancel()
                except Exception as exc:  # noqa: BLE001  # told; the statement stops between two messages
                    self._unheeded, failed = id, exc
            if failed is not None:
                _log.info("the driver could not cancel: %s", described(failed))
                take(CancelStep.REFUSED, error_record(failed).message)
            elif shuts:
                take(CancelStep.SHUT)
            if self._left.wait(pause):
                return
            pause = min(pause * 2, 1.0)

    # -- the worker's thread -----------------------------------------------------------------------------------

    def _serve(self) -> None:
        lost: str | None = None
        try:
            while True:
                self._doubts.used()
                request, sink = self._next()
                if isinstance(request, Close):
                    break
                if isinstance(request, Open):
                    if not self._open(request):
                        return
                elif isinstance(request, Execute):
                    self._execute(request, sink)
                elif isinstance(request, Load):
                    self._load(request)
                elif isinstance(request, Fetch):
                    self._fetch(request)
                elif isinstance(request, Ask):
                    self._ask(request)
                elif self._cursor is not None and self._cursor.request.id == request.id:
                    self._give_up_cursor(CursorEnd.CANCELLED)
        except _Lost as exc:
            lost = str(exc)
        except BaseException as exc:  # noqa: BLE001  # a driver that calls sys.exit must not leave a session that waits for ever
            _log.error("the worker of session %s died: %s", self._session, described(exc))
            lost = described(exc)
        if self._watchdog is not None:
            self._watchdog.end()
        if self._connection is not None:
            try:
                self._connection.close()
            except Exception:  # noqa: BLE001  # logged; the session ends all the same
                _log.exception("closing the connection of session %s failed", self._session)
            self._connection = None
        # Only now: on an open connection a driver may have to take all that is left.
        self._close_cursor(CursorEnd.NEXT)
        self._emit(SessionClosed(session=self._session, lost=lost))

    def _next(self) -> tuple[AnyRequest, Sink | None]:
        """Wait for the next request; an open cursor whose time is over meanwhile is closed, and a loss is noticed."""
        while True:
            left = math.inf if self._cursor is None else self._closes_at - time.monotonic()
            try:
                request = self._requests.get(timeout=max(min(left, LOOK_SECONDS), 0.0))
            except queue.Empty:
                if self._cursor is None:
                    self._look()
                elif self._closes_at <= time.monotonic():
                    self._give_up_cursor(CursorEnd.TIME)
            else:
                self._doubt()
                return request

    def _look(self) -> None:
        """Look whether the connection was lost while nothing runs; raises _Lost."""
        if self._connection is None:
            return
        try:
            why = self._connection.lost()
        except Exception as exc:  # noqa: BLE001  # of this driver it will be known with the next statement
            _log.info("the driver can't tell whether its connection is lost: %s", described(exc))
            why = None
        if why is not None:
            raise _Lost(redacted(why))
        self._doubt()

    def _doubt(self) -> None:
        if self._connection is not None and self._doubts.look():
            self._emit(SessionUnverified(session=self._session, reason=self._doubts.reason or ""))

    def _open(self, request: Open) -> bool:
        started = time.monotonic()
        SECRETS.add(request.target.password)  # this may be a process of its own
        self._sending.begin("")
        try:
            driver: Driver = load_factory(request.factory)()
            driver.sent = self._sending.sent
            connection = driver.connect(request.target, timeout=request.timeout)
            server = connection.server()
            tls = _tls(connection)
        except Exception as exc:  # noqa: BLE001  # mapped: drivers raise anything
            record = error_record(exc)
            self._sending.end(record.code)
            self._emit(SessionOpenFailed(session=self._session, error=record))
            return False
        self._connection = connection
        self._sending.end()
        self._emit(
            SessionOpened(
                session=self._session,
                product=server.product,
                version=server.version,
                seconds=time.monotonic() - started,
                tls=tls,
            )
        )
        return True

    def _enter(self, id: str, own: str = "") -> Stop | None:
        self._sending.begin(id, own)
        with self._lock:
            if (stop := self._stopped.get(id)) is None:
                self._left.clear()
                self._current = id
            return stop

    def _leave(self, id: str) -> Stop | None:
        # This waits for a driver's cancel that is under way, so it can't reach what comes next.
        with self._cancelling, self._lock:
            self._current = None
            self._left.set()
            self._waiting.discard(id)
            return self._stopped.pop(id, None)

    def _execute(self, request: Execute, sink: Sink | None) -> None:
        sink = sink if sink is not None else ResultWriter(request.spool)
        run = Run(self._session, request, sink, self._emit, lambda: request.id == self._unheeded)
        error: Exception | None = None
        if self._enter(request.id, request.sql) is None:
            # Within the turn of what comes next, because it may take a while, and a cancel can end it there.
            self._close_cursor(CursorEnd.NEXT)
            if request.id not in self._stopped:
                connection = self._connection
                assert connection is not None, "the first request opens the connection"
                error = self._doubts.settle(connection) or self._drive(run, lambda: run.begin(connection))
        self._end(run, error)

    def _load(self, request: Load) -> None:
        from alveary.workers.loading import LoadRun  # most sessions load nothing

        run = self._loading = LoadRun(self._session, request, self._emit, lambda: request.id in self._stopped)
        error: Exception | None = None
        if self._enter(request.id) is None:
            self._close_cursor(CursorEnd.NEXT)
            if request.id not in self._stopped:
                connection = self._connection
                assert connection is not None, "the first request opens the connection"
                error = self._doubts.settle(connection) or self._drive(run, lambda: run.begin(connection))
        self._end(run, error)
        self._loading = None

    def _fetch(self, request: Fetch) -> None:
        if (run := self._cursor) is None or run.request.id != request.id:  # it was closed, which has been told
            self._leave(request.id)
            return
        error: Exception | None = None
        self._cursor = None
        if self._enter(request.id) is None:
            error = self._drive(run, lambda: run.go_on(request.rows))
        else:
            try:
                run.close(False)
            except Exception as exc:  # noqa: BLE001  # mapped when it is told: drivers raise anything
                error = exc
        self._end(run, error)

    def _drive(self, run: Run, drive: Callable[[], None]) -> Exception | None:
        """Let a statement run, for as long as it may; return what it raised."""
        try:
            if (timeout := run.request.timeout) is not None:
                self._watchdog = self._watchdog or Watchdog(self._time_out)
                self._watchdog.watch(run.request.id, timeout)
            drive()
        except Exception as exc:  # noqa: BLE001  # mapped when it is told: drivers and sinks raise anything
            return exc
        finally:
            if self._watchdog is not None:
                self._watchdog.rest()
        return None

    def _end(self, run: Run, error: Exception | None) -> None:
        stop = self._leave(run.request.id)
        self._sending.end()
        if run.held:
            self._cursor, self._closes_at = run, time.monotonic() + run.request.hold
        shut = self._shut == run.request.id and isinstance(error, ConnectionLostError)
        self._emit(run.ended(stop, error, self._transaction(), shut=shut))

    def _give_up_cursor(self, why: CursorEnd) -> None:
        """Close the open cursor as a turn of its own, which a cancel can end."""
        assert self._cursor is not None, "there is one"
        id = self._cursor.request.id
        with self._lock:
            self._waiting.add(id)
        self._enter(id)
        self._close_cursor(why, lambda: self._leave(id))

    def _close_cursor(self, why: CursorEnd, then: Callable[[], object] = lambda: None) -> None:
        run, self._cursor = self._cursor, None
        if run is None:
            return
        error = None
        try:
            run.close()
        except Exception as exc:  # noqa: BLE001  # mapped: drivers raise anything
            error = error_record(exc)
        then()
        self._sending.end()
        self._emit(
            CursorClosed(
                session=self._session,
                statement=run.request.id,
                reason=why,
                transaction=self._transaction(),
                error=error,
            )
        )

    def _ask(self, request: Ask) -> None:
        payload, error = b"", None
        if self._enter(request.id) is None:
            self._close_cursor(CursorEnd.NEXT)
            try:
                assert self._connection is not None, "the first request opens the connection"
                if (lost := self._doubts.settle(self._connection)) is not None:
                    raise lost
                payload = answer(self._connection, request.question, request.arguments)
            except Exception as exc:  # noqa: BLE001  # mapped: drivers raise anything
                error = error_record(exc)
        if self._leave(request.id) is not None and not payload:
            if error is not None and error.code == ConnectionLostError.code and self._shut == request.id:
                error = ConnectionLostError(SHUT).record()
            error = error or QueryCancelledError("cancelled").record()
        self._sending.end(error.code if error is not None else None)
        self._emit(
            Answered(
                session=self._session,
                request=request.id,
                transaction=self._transaction(),
                payload=payload,
                error=error,
            )
        )

    def _transaction(self) -> TransactionState:
        if self._connection is None:
            return TransactionState.IDLE
        try:
            self._last_transaction = TransactionState(self._connection.transaction_state)
        except Exception:  # noqa: BLE001  # logged; the event that asks must go out
            if self._cursor is not None:  # some can't be asked beside it; it only reads, so nothing has changed
                return self._last_transaction
            _log.exception("the driver can't tell the transaction state")
            return TransactionState.IDLE
        return self._last_transaction


def _tls(connection: Connection) -> TlsInfo | None:
    """Return how a connection is encrypted, None where the driver, or the server it asks, can't tell."""
    try:
        return connection.tls()
    except (UnsupportedError, QueryError):
        return None
