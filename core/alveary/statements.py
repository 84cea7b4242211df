"""A statement as its caller holds it: what is known of it by now, and how to wait for it or stop it."""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Callable

from alveary.contracts.values import Column
from alveary.errors import AlvearyError, ErrorRecord, QueryCancelledError, error_from_record
from alveary.events import (
    CursorClosed,
    Outcome,
    QueryColumnsReady,
    QueryEnded,
    QueryNoticed,
    QueryProgressed,
    WorkerEvent,
)
from alveary.paths import remove_tree
from alveary.results import ResultSet


class Statement:
    """One statement handed to a session: what is known of it by now, and how to wait for it or stop it."""

    def __init__(
        self,
        id: str,
        sql: str,
        parameters: tuple[str, ...],
        spool: str,
        cancel: Callable[[Statement], None],
        fetch: Callable[[Statement, int | None], None],
    ) -> None:
        """``spool`` is the directory its rows go to, "" when they go elsewhere."""
        self.id = id
        self.sql = sql
        self.recorded = True
        """Whether the history gets to know it; set before it is handed over."""
        self.parameters = parameters
        """The names of its parameters; their values are known to the driver alone."""
        self.columns: tuple[Column, ...] | None = None
        """The header; None until it is known, and for ever when the statement has no result."""
        self.rows = 0
        self.bytes = 0
        self.affected: int | None = None
        """Rows inserted, updated or deleted, as the server counts them."""
        self.notices: list[QueryNoticed] = []
        """What the server said on the side; the first thousand, ``noticed`` counts them all."""
        self.noticed = 0
        self.rejected = 0
        """Rows of a load that were put aside."""
        self.digest: str | None = None
        """The sum of the rows that a load read, if it was asked for."""
        self.outcome: Outcome | None = None
        """None while the statement waits or runs."""
        self.error: AlvearyError | None = None
        self.seconds = 0.0
        self.first_row: float | None = None
        self.held_until: float | None = None
        """Until when, on the monotonic clock, its cursor stays open for :meth:`fetch_more`; None when it is closed."""
        self._cancel = cancel
        self._fetch = fetch
        self._spool = spool
        self._result: ResultSet | None = None
        self._lock = threading.Lock()
        self._ended = threading.Event()
        # Rows that nobody looks at while the statement is held are gone with it.
        self._unread = weakref.finalize(self, remove_tree, spool) if spool else None

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the statement has ended; False if it has not."""
        return self._ended.wait(timeout)

    def cancel(self) -> None:
        """Ask the server to stop the statement, or close its open cursor; returns at once. Else do nothing."""
        self._cancel(self)

    def fetch_more(self, rows: int | None = None) -> None:
        """Take ``rows`` more rows, or all, from the cursor that stayed open; returns at once, :meth:`wait` waits.

        They come behind those that are there already; the statement itself is not run again. Raises CursorClosedError
        when there is no open cursor. Should it be closed before this is served, the outcome stays ``truncated``.
        """
        self._fetch(self, rows)

    @property
    def result(self) -> ResultSet | None:
        """The stored rows, growing while the statement runs; None as long as there is no header."""
        with self._lock:
            if self._result is None and self.columns is not None and self._spool:
                self._result = ResultSet(self._spool)
                if self._unread is not None:
                    self._unread.detach()
            return self._result

    def check(self) -> None:
        """Raise the statement's error, or QueryCancelledError if it was cancelled; both say what was run."""
        if self.outcome is Outcome.CANCELLED:
            raise QueryCancelledError("the statement was cancelled", statement=self.sql)
        if self.error is not None:
            raise self.error

    def hear(self, event: WorkerEvent) -> None:
        """Take an event that is about this statement; called by its session only."""
        if isinstance(event, QueryProgressed):
            self.rows, self.bytes = event.rows, event.bytes
        elif isinstance(event, QueryColumnsReady):
            self.columns = event.columns
        elif isinstance(event, QueryNoticed):
            self.notices.append(event)
        elif isinstance(event, CursorClosed):
            self.held_until = None
            if self.outcome is None:  # more rows were asked for, too late
                self.end(Outcome.TRUNCATED, None)
        elif isinstance(event, QueryEnded):
            self.rows, self.bytes, self.affected = event.rows, event.bytes, event.affected
            self.seconds, self.first_row, self.noticed = event.seconds, event.first_row, event.notices
            self.rejected, self.digest = event.rejected, event.digest
            self.held_until = None if event.held is None else time.monotonic() + event.held
            self.end(event.outcome, event.error)

    def resume(self) -> None:
        """Take note that more rows are asked for; called by its session only."""
        self._ended.clear()
        self.outcome = self.held_until = None

    def end(self, outcome: Outcome, error: ErrorRecord | None) -> None:
        """Note how it ended; called by its session only."""
        if outcome is not Outcome.TRUNCATED:
            self.held_until = None
        if error is not None:
            self.error = error_from_record(error)
            self.error.statement = self.sql
        self.outcome = outcome
        self._ended.set()
