"""One statement on its way: through the driver into its sink, to its end or to its row limit, and on from there."""

from __future__ import annotations

import enum
import logging
import time
from collections.abc import Callable, Generator

import msgspec

from alveary.contracts.driver import (
    Batch,
    BatchSize,
    Columns,
    Connection,
    Message,
    Notice,
    RowCount,
    TransactionState,
)
from alveary.contracts.values import Row
from alveary.errors import (
    AlvearyError,
    ConnectionLostError,
    ErrorRecord,
    InternalError,
    OutOfMemoryError,
    QueryCancelledError,
    QueryTimeoutError,
    described,
)
from alveary.events import (
    Outcome,
    QueryColumnsReady,
    QueryEnded,
    QueryNoticed,
    QueryProgressed,
    QueryResumed,
    QueryStarted,
    WorkerEvent,
)
from alveary.redaction import redacted
from alveary.results import Sink
from alveary.workers.messages import Execute, Load
from alveary.workers.undoing import undone

_log = logging.getLogger(__name__)

PROGRESS_EVERY = 0.1
"""Seconds between two progress events of one statement; the first one comes with the first rows."""
MOST_NOTICES = 1000
"""Notices of one statement that become events; a loop on the server can raise millions."""


class Stop(enum.Enum):
    """Why a statement is to stop."""

    CANCELLED = "cancelled"
    TIMED_OUT = "timed out"


SHUT = "the server gave no answer when it was asked to stop, so the connection was shut"
"""What is said of a connection that was lost because a cancel had to come to its end."""


class Run:
    """What is done for one statement, and what is counted of it. For the worker's thread only."""

    def __init__(
        self,
        session: str,
        request: Execute | Load,
        sink: Sink,
        emit: Callable[[WorkerEvent], None],
        unheeded: Callable[[], bool],
    ) -> None:
        """Make a run; it does not begin yet.

        To stop a statement is the driver's part, for it alone knows whether what was to be stopped is done already.
        Only where it does not heed that (``unheeded``) the statement is left between two messages.
        """
        self.request = request
        self.held = False
        """Whether its limit is reached and its cursor was left open, so that :meth:`go_on` finds the next rows."""
        self._session = session
        self._sink = sink
        self._emit = emit
        self._unheeded = unheeded
        self._messages: Generator[Message, None, None] | None = None
        self._batch = BatchSize()
        self._limit = request.limit
        self._over: list[Row] = []
        """Rows that came beyond the limit; the first of a continuation."""
        self._rows = self._bytes = self._notices = self._rejected = 0
        self._digest: str | None = None
        self._affected: int | None = None
        self._started = time.monotonic()
        self._seconds = 0.0
        self._first_row: float | None = None
        self._truncated = self._whole = False

    def begin(self, connection: Connection) -> None:
        """Run the statement, to its end or its limit; raises what the driver or the sink raises."""
        self._emit(QueryStarted(session=self._session, statement=self.request.id))
        self._take(connection)

    def go_on(self, rows: int | None) -> None:
        """Take that many more rows from the cursor that was held, or (None) all that are left."""
        self._emit(QueryResumed(session=self._session, statement=self.request.id))
        self.held = self._truncated = False
        self._limit = None if rows is None else self._rows + rows
        self._batch.rows = BatchSize.FIRST
        self._take(None)

    def close(self, whole: bool = True) -> None:
        """Take no more rows. Closing the generator is how a driver learns that nobody wants the rest; may raise."""
        self.held = False
        self._over.clear()
        messages, self._messages = self._messages, None
        try:
            if messages is not None:
                messages.close()
            self._whole = whole
        finally:
            self._sink.close(self._whole)

    def _take(self, connection: Connection | None) -> None:
        self._started, self._whole = time.monotonic(), False
        try:
            try:
                whole = self._follow(connection)
            except BaseException:
                self.close(False)
                raise
            if whole and self._truncated and self.request.hold:
                self.held = self._whole = True
            else:
                self.close(whole)
        finally:
            self._seconds += time.monotonic() - self._started

    def _follow(self, connection: Connection | None) -> bool:
        """Take what the driver yields; False if it was left because its driver does not stop it."""
        reported = 0.0
        self._clamp()
        if connection is not None:
            request = self.request
            assert isinstance(request, Execute), "what is loaded has a run of its own"
            if request.data is not None:
                self._messages = connection.feed(request.sql, request.data, batch=self._batch)
            elif request.undone:
                self._messages = undone(connection, request.sql, request.parameters, self._batch)
            else:
                self._messages = connection.execute(request.sql, request.parameters, batch=self._batch)
        if self._over:
            over, self._over = self._over, []
            self._store(over)
            if self._truncated:
                return True
        assert self._messages is not None, "it is begun, and not closed"
        for message in self._messages:
            if isinstance(message, Batch):
                if self._first_row is None:
                    self._first_row = time.monotonic() - self._started
                self._store(message.rows)
                if self._truncated:
                    return True
                now = time.monotonic()
                if now - reported >= PROGRESS_EVERY:
                    reported = now
                    self._progressed()
            elif isinstance(message, Columns):
                self._sink.columns(message.columns)
                self._emit(QueryColumnsReady(session=self._session, statement=self.request.id, columns=message.columns))
            elif isinstance(message, RowCount):
                self._affected = message.count
                continue  # it is done, whoever wanted it stopped
            elif isinstance(message, Notice):
                self._notice(message)
            if self._unheeded():
                return False
        return True

    def _progressed(self) -> None:
        self._emit(
            QueryProgressed(session=self._session, statement=self.request.id, rows=self._rows, bytes=self._bytes)
        )

    def _notice(self, message: Notice) -> None:
        self._notices += 1
        if self._notices <= MOST_NOTICES:
            self._emit(
                QueryNoticed(
                    session=self._session,
                    statement=self.request.id,
                    severity=message.severity,
                    message=message.message,
                )
            )

    def _store(self, rows: list[Row]) -> None:
        if self._limit is not None and self._rows + len(rows) > self._limit:
            room = self._limit - self._rows
            self._truncated, self._over, rows = True, rows[room:], rows[:room]
        if rows:
            size = self._sink.rows(rows)
            self._rows += len(rows)
            self._bytes += size
            self._batch.weighed(len(rows), size)
            self._clamp()

    def _clamp(self) -> None:
        # One row more than the limit is fetched: that is how we know that there was more.
        if self._limit is not None:
            self._batch.rows = min(self._batch.rows, self._limit - self._rows + 1)

    def ended(
        self, stop: Stop | None, error: Exception | None, transaction: TransactionState, *, shut: bool
    ) -> QueryEnded:
        """Return what to say of how it ended, for now or for good; ``shut`` is whether we shut its connection."""
        # The driver's word counts: what ran to its end is complete, however late somebody wanted it stopped, and a
        # statement that failed for a reason of its own has failed.
        outcome, record = Outcome.COMPLETED, None
        if self._whole and error is None:
            outcome = Outcome.TRUNCATED if self._truncated else Outcome.COMPLETED
        elif stop is Stop.CANCELLED and (error is None or isinstance(error, QueryCancelledError)):
            outcome = Outcome.CANCELLED
        elif stop is Stop.TIMED_OUT and (error is None or shut or isinstance(error, QueryCancelledError)):
            outcome = Outcome.FAILED
            record = QueryTimeoutError(
                f"the statement was stopped after {self.request.timeout:g} s" + (f": {SHUT}" if shut else ""),
                hint="give it more time, or ask for less",
            ).record()
        elif shut:  # what the driver says of the connection is our doing
            outcome, record = Outcome.FAILED, ConnectionLostError(SHUT).record()
        else:
            outcome = Outcome.FAILED
            record = error_record(error or InternalError("the statement ended without a reason"))
        return QueryEnded(
            session=self._session,
            statement=self.request.id,
            outcome=outcome,
            transaction=transaction,
            rows=self._rows,
            bytes=self._bytes,
            affected=self._affected,
            first_row=self._first_row,
            notices=self._notices,
            rejected=self._rejected,
            digest=self._digest,
            seconds=self._seconds,
            held=self.request.hold if self.held else None,
            shut=shut,
            error=record,
        )


def error_record(error: BaseException) -> ErrorRecord:
    """Return an error as data, without secrets: a driver's text may hold anything."""
    if isinstance(error, MemoryError) or isinstance(error.__cause__, MemoryError):
        error = OutOfMemoryError(
            "there is not enough memory for what the statement returns", hint="ask for a part of its longest values"
        )
    if isinstance(error, RuntimeError) and "start new thread" in str(error):
        error = InternalError("the system gives no more threads", hint="close connections, or other programs")
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
