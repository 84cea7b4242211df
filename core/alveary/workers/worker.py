"""The worker: one connection, one thread that alone touches it; requests in, events out, rows into a sink."""

from __future__ import annotations

import enum
import logging
import math
import queue
import threading
import time
from collections.abc import Callable
from contextlib import closing

import msgspec

from alveary.contracts.driver import Batch, BatchSize, Columns, Connection, Driver, Notice, RowCount, TransactionState
from alveary.contracts.factory import load_factory
from alveary.errors import (
    AlvearyError,
    ErrorRecord,
    InternalError,
    QueryCancelledError,
    QueryTimeoutError,
    described,
)
from alveary.events import (
    Answered,
    Outcome,
    QueryColumnsReady,
    QueryEnded,
    QueryNoticed,
    QueryProgressed,
    QueryStarted,
    SessionClosed,
    SessionOpened,
    SessionOpenFailed,
    WorkerEvent,
)
from alveary.redaction import SECRETS, redacted
from alveary.results import ResultWriter, Sink
from alveary.workers.messages import AnyRequest, Ask, Cancel, Close, Execute, Open
from alveary.workers.questions import answer
from alveary.workers.watchdog import Watchdog

_log = logging.getLogger(__name__)

PROGRESS_EVERY = 0.1
"""Seconds between two progress events of one statement; the first one comes with the first rows."""
ABORT_SECONDS = 5.0
"""How long a cancel asks; after that the connection's socket is shut, which wakes any thread that waits for it."""
MOST_NOTICES = 1000
"""Notices of one statement that become events; a loop on the server can raise millions."""


class _Stop(enum.Enum):
    CANCELLED = "cancelled"
    TIMED_OUT = "timed out"


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
        self._stopped: dict[str, _Stop] = {}
        self._current: str | None = None
        self._unheeded: str | None = None
        """The statement that its driver can't stop, or does not: it is left as soon as it says anything."""
        self._left = threading.Event()
        self._connection: Connection | None = None
        self._watchdog: Watchdog | None = None
        self._thread = threading.Thread(target=self._serve, name=f"alveary-worker-{session}", daemon=True)
        self._thread.start()

    def submit(self, request: AnyRequest, sink: Sink | None = None) -> None:
        """Take a request; a :class:`Cancel` acts at once, everything else waits its turn."""
        if isinstance(request, Cancel):
            self._stop(request.id, _Stop.CANCELLED)
            return
        if isinstance(request, Execute | Ask):
            with self._lock:
                self._waiting.add(request.id)
        self._requests.put((request, sink))

    def stop_all(self) -> None:
        """Stop the running statement and all that wait."""
        with self._lock:
            waiting = list(self._waiting)
        for id in waiting:
            self._stop(id, _Stop.CANCELLED)

    def join(self, timeout: float | None = None) -> bool:
        """Wait for the worker's thread to end; False if it has not."""
        self._thread.join(timeout)
        return not self._thread.is_alive()

    # -- any thread --------------------------------------------------------------------------------------------

    def _stop(self, id: str, why: _Stop) -> None:
        with self._lock:
            if id not in self._waiting:
                return
            running = id == self._current and id not in self._stopped
            self._stopped.setdefault(id, why)
        if running:
            self._cancel_soon(id)

    def _cancel_soon(self, id: str) -> None:
        threading.Thread(target=self._cancel, args=(id,), name="alveary-cancel", daemon=True).start()

    def _cancel(self, id: str) -> None:
        # Again and again, more and more slowly: a cancel that arrives before the driver has begun the statement is
        # lost in some drivers. ``_left`` ends the wait as soon as the statement does.
        # Should the server not answer at all, the connection itself is given up.
        pause, abort_at = 0.05, time.monotonic() + ABORT_SECONDS
        while True:
            with self._cancelling:
                if self._current != id or self._connection is None:
                    return
                try:
                    if time.monotonic() < abort_at:
                        self._connection.cancel()
                    else:
                        abort_at = math.inf
                        self._unheeded = id
                        self._connection.abort()
                except Exception as exc:  # noqa: BLE001  # told to the log; the statement stops between two messages
                    self._unheeded = id
                    _log.info("the driver could not cancel: %s", described(exc))
            if self._left.wait(pause):
                return
            pause = min(pause * 2, 1.0)

    # -- the worker's thread -----------------------------------------------------------------------------------

    def _serve(self) -> None:
        lost: str | None = None
        try:
            while True:
                request, sink = self._requests.get()
                if isinstance(request, Close):
                    break
                if isinstance(request, Open):
                    if not self._open(request):
                        return
                elif isinstance(request, Execute):
                    self._execute(request, sink)
                elif isinstance(request, Ask):
                    self._ask(request)
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
        self._emit(SessionClosed(session=self._session, lost=lost))

    def _open(self, request: Open) -> bool:
        started = time.monotonic()
        SECRETS.add(request.target.password)  # this may be a process of its own
        try:
            driver: Driver = load_factory(request.factory)()
            connection = driver.connect(request.target, timeout=request.timeout)
            server = connection.server()
        except Exception as exc:  # noqa: BLE001  # mapped: drivers raise anything
            self._emit(SessionOpenFailed(session=self._session, error=_record(exc)))
            return False
        self._connection = connection
        self._emit(
            SessionOpened(
                session=self._session,
                product=server.product,
                version=server.version,
                seconds=time.monotonic() - started,
            )
        )
        return True

    def _enter(self, id: str) -> _Stop | None:
        with self._lock:
            if (stop := self._stopped.get(id)) is None:
                self._left.clear()
                self._current = id
            return stop

    def _leave(self, id: str) -> _Stop | None:
        # This waits for a driver's cancel that is under way, so it can't reach what comes next.
        with self._cancelling, self._lock:
            self._current = None
            self._left.set()
            self._waiting.discard(id)
            return self._stopped.pop(id, None)

    def _execute(self, request: Execute, sink: Sink | None) -> None:
        run = _Run(self._session, request, sink if sink is not None else ResultWriter(request.spool), self._emit)
        error: Exception | None = None
        if self._enter(request.id) is None:
            if request.timeout is not None:
                self._watchdog = self._watchdog or Watchdog(lambda id: self._stop(id, _Stop.TIMED_OUT))
                self._watchdog.watch(request.id, request.timeout)
            try:
                assert self._connection is not None, "the first request opens the connection"
                run.drive(self._connection, lambda: request.id == self._unheeded)
            except Exception as exc:  # noqa: BLE001  # mapped in ended(): drivers and sinks raise anything
                error = exc
            if self._watchdog is not None:
                self._watchdog.rest()
        stop = self._leave(request.id)
        self._emit(run.ended(stop, error, self._transaction()))

    def _ask(self, request: Ask) -> None:
        payload, error = b"", None
        if self._enter(request.id) is None:
            try:
                assert self._connection is not None, "the first request opens the connection"
                payload = answer(self._connection, request.question, request.arguments)
            except Exception as exc:  # noqa: BLE001  # mapped: drivers raise anything
                error = _record(exc)
        if self._leave(request.id) is not None and not payload:
            error = error or QueryCancelledError("cancelled").record()
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
        try:
            return TransactionState(self._connection.transaction_state) if self._connection else TransactionState.IDLE
        except Exception:  # noqa: BLE001  # logged; the event that asks must go out
            _log.exception("the driver can't tell the transaction state")
            return TransactionState.IDLE


class _Run:
    """One statement on its way through the driver into its sink, and what is counted of it."""

    def __init__(self, session: str, request: Execute, sink: Sink, emit: Callable[[WorkerEvent], None]) -> None:
        self._session = session
        self._request = request
        self._sink = sink
        self._emit = emit
        self._rows = self._bytes = self._notices = 0
        self._affected: int | None = None
        self._started = time.monotonic()
        self._first_row: float | None = None
        self._truncated = self._whole = False

    def drive(self, connection: Connection, unheeded: Callable[[], bool]) -> None:
        """Run the statement to the end its driver makes of it.

        To stop it is the driver's part, for it alone knows whether what was to be stopped is done already. Only where
        it does not heed that (``unheeded``) the statement is left between two messages.
        """
        request, batch = self._request, BatchSize()
        reported = 0.0
        self._emit(QueryStarted(session=self._session, statement=request.id))
        self._started = time.monotonic()
        try:
            self._clamp(batch)
            # Leaving the loop early closes the generator, which is how a driver learns that nobody wants the rest.
            with closing(connection.execute(request.sql, request.parameters, batch=batch)) as messages:
                for message in messages:
                    if isinstance(message, Batch):
                        if self._first_row is None:
                            self._first_row = time.monotonic() - self._started
                        self._store(message, batch)
                        if self._truncated:
                            break
                        now = time.monotonic()
                        if now - reported >= PROGRESS_EVERY:
                            reported = now
                            self._emit(
                                QueryProgressed(
                                    session=self._session, statement=request.id, rows=self._rows, bytes=self._bytes
                                )
                            )
                    elif isinstance(message, Columns):
                        self._sink.columns(message.columns)
                        self._emit(
                            QueryColumnsReady(session=self._session, statement=request.id, columns=message.columns)
                        )
                    elif isinstance(message, RowCount):
                        self._affected = message.count
                        continue  # it is done, whoever wanted it stopped
                    elif isinstance(message, Notice):
                        self._notice(message)
                    if unheeded():
                        return
            self._whole = True
        finally:
            self._sink.close(self._whole)

    def _notice(self, message: Notice) -> None:
        self._notices += 1
        if self._notices <= MOST_NOTICES:
            self._emit(
                QueryNoticed(
                    session=self._session,
                    statement=self._request.id,
                    severity=message.severity,
                    message=message.message,
                )
            )

    def _store(self, message: Batch, batch: BatchSize) -> None:
        rows = message.rows
        if self._request.limit is not None and self._rows + len(rows) > self._request.limit:
            self._truncated = True
            rows = rows[: self._request.limit - self._rows]
        if rows:
            size = self._sink.rows(rows)
            self._rows += len(rows)
            self._bytes += size
            batch.weighed(len(rows), size)
            self._clamp(batch)

    def _clamp(self, batch: BatchSize) -> None:
        # One row more than the limit is fetched: that is how we know that there was more.
        if self._request.limit is not None:
            batch.rows = min(batch.rows, self._request.limit - self._rows + 1)

    def ended(self, stop: _Stop | None, error: Exception | None, transaction: TransactionState) -> QueryEnded:
        # The driver's word counts: what ran to its end is complete, however late somebody wanted it stopped, and a
        # statement that failed for a reason of its own has failed.
        outcome, record = Outcome.COMPLETED, None
        if self._whole and error is None:
            outcome = Outcome.TRUNCATED if self._truncated else Outcome.COMPLETED
        elif stop is _Stop.CANCELLED and (error is None or isinstance(error, QueryCancelledError)):
            outcome = Outcome.CANCELLED
        elif stop is _Stop.TIMED_OUT and (error is None or isinstance(error, QueryCancelledError)):
            outcome = Outcome.FAILED
            record = QueryTimeoutError(
                f"the statement was stopped after {self._request.timeout:g} s",
                hint="give it more time, or ask for less",
            ).record()
        else:
            outcome = Outcome.FAILED
            record = _record(error or InternalError("the statement ended without a reason"))
        return QueryEnded(
            session=self._session,
            statement=self._request.id,
            outcome=outcome,
            transaction=transaction,
            rows=self._rows,
            bytes=self._bytes,
            affected=self._affected,
            first_row=self._first_row,
            notices=self._notices,
            seconds=time.monotonic() - self._started,
            error=record,
        )


def _record(error: BaseException) -> ErrorRecord:
    """Return an error as data, without secrets: a driver's text may hold anything."""
    if not isinstance(error, AlvearyError):
        _log.error("the driver raised what is not an error of ours: %s", described(error))
        return InternalError(described(error), hint="this is a defect of a plugin, not of the statement").record()
    record = error.record()
    return msgspec.structs.replace(
        record,
        message=redacted(record.message),
        detail=redacted(record.detail) if record.detail else None,
        hint=redacted(record.hint) if record.hint else None,
    )
