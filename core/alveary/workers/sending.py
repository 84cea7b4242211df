"""What a driver sends, statement by statement, told once its end is known."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from alveary.events import Outcome, StatementSent, WorkerEvent

MOST_CHARACTERS = 8192
"""Characters that are told of a statement; the session keeps fewer, but a secret must not be cut in half before."""


class Sending:
    """Listens to a driver. Statements of one connection follow each other, so each ends where the next begins.

    The statement a request asks for is told by how the request ends; only what the driver sends beside it is told here.
    """

    def __init__(self, session: str, emit: Callable[[WorkerEvent], None], connection: str = "") -> None:
        """``connection`` says where the statements go, if that is not where the session does."""
        self._session = session
        self._connection = connection
        self._emit = emit
        self._thread = 0
        self._request = self._own = ""
        self._open: tuple[str, float] | None = None
        """The statement under way, and when it began."""

    def begin(self, request: str, own: str = "") -> None:
        """A request is served from here on, on this thread; ``own`` is the statement it asks for, if it is one."""
        self._thread = threading.get_ident()
        self._request, self._own = request, own

    def sent(self, sql: str) -> None:
        """A statement goes to the server; from any thread."""
        if threading.get_ident() != self._thread:  # a cancel's, over a connection of its own
            self._tell(sql, 0.0, None)
            return
        self.end()
        if sql != self._own:
            self._open = sql, time.monotonic()

    def end(self, error: str | None = None) -> None:
        """What was under way has ended; ``error`` is the code of the one that ended it."""
        if self._open is not None:
            (sql, began), self._open = self._open, None
            self._tell(sql, time.monotonic() - began, error)

    def _tell(self, sql: str, seconds: float, error: str | None) -> None:
        self._emit(
            StatementSent(
                session=self._session,
                request=self._request,
                text=sql[:MOST_CHARACTERS],
                seconds=seconds,
                outcome=Outcome.COMPLETED if error is None else Outcome.FAILED,
                connection=self._connection,
                error_code=error,
            )
        )
