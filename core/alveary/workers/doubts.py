"""Whether an idle connection may have been lost without a word, and how it is found out before anything is sent."""

from __future__ import annotations

import logging
import threading
import time

from alveary.contracts.driver import Connection
from alveary.errors import ConnectionFailedError, ConnectionLostError, described
from alveary.workers.questions import answer

_log = logging.getLogger(__name__)

SLEPT_SECONDS = 5.0
"""How much faster the clock on the wall must have gone than ours for the machine to have slept."""
IDLE_SECONDS = 600.0
"""Idling for longer makes a connection doubtful: what stands between may have forgotten it without a word."""
PING_SECONDS = 5.0
"""How long a doubtful connection may take for a sign of life."""


class Doubts:
    """Compares two clocks: the one on the wall goes on while the machine sleeps, the monotonic one stands still."""

    def __init__(self) -> None:
        self.reason: str | None = None
        """Why it is not known whether the connection still stands; None when it does."""
        self.used()

    def used(self) -> None:
        """Take note that the connection was just in use."""
        self._used = time.monotonic()
        self._clocks = time.time(), self._used

    def look(self) -> bool:
        """Look at the clocks; True when that made the connection doubtful, which it was not before."""
        (wall, ours), self._clocks = self._clocks, (time.time(), time.monotonic())
        if self.reason is not None:
            return False
        slept = (self._clocks[0] - wall) - (self._clocks[1] - ours)
        idled = self._clocks[1] - self._used
        if slept > SLEPT_SECONDS:
            self.reason = f"the machine slept for {_span(slept)}"
        elif idled > IDLE_SECONDS:
            self.reason = f"it idled for {_span(idled)}"
        return self.reason is not None

    def settle(self, connection: Connection) -> ConnectionLostError | None:
        """Ask a doubtful connection for a sign of life, and return why there was none; in any case it is known then."""
        doubt, self.reason = self.reason, None
        if doubt is None:
            return None
        timer = threading.Timer(PING_SECONDS, connection.abort)
        timer.daemon = True
        timer.start()
        try:
            answer(connection, "ping", ())
        except ConnectionFailedError as exc:
            return ConnectionLostError(f"the connection was lost while {doubt}; nothing was sent", detail=exc.message)
        except Exception as exc:  # noqa: BLE001  # whoever says no is alive
            _log.info("a connection that was doubtful answered: %s", described(exc))
        finally:
            timer.cancel()
        return None


def _span(seconds: float) -> str:
    """Return a time as a person says it."""
    for size, unit in ((3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"
