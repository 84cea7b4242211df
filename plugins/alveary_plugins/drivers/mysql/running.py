"""What runs on a connection, so that a cancel hits that, and neither nothing nor what comes after."""

from __future__ import annotations

import threading
from collections.abc import Callable

from alveary.errors import QueryCancelledError


class Running:
    """What a cancel would hit: nothing, what is about to begin, or what runs on the server."""

    def __init__(self, kill: Callable[[], None]) -> None:
        self._send = kill
        self._lock = threading.Lock()
        self._announced = self._begun = self._killed = False
        self.cancelled = False

    def announce(self) -> None:
        """Say that something is about to begin; waits for a cancel that is under way."""
        with self._lock:
            self._announced, self._begun, self.cancelled = True, False, False

    def begin(self) -> bool:
        """Say that it begins, unless it was cancelled; tell whether a kill was sent since the last time."""
        with self._lock:
            if self.cancelled:
                raise QueryCancelledError("cancelled")
            self._begun = True
            killed, self._killed = self._killed, False
            return killed

    def over(self) -> None:
        """Say that it is over. A cancel that is under way may still hit the connection, but not what begins next."""
        self._announced = self._begun = False

    def cancel(self) -> None:
        """Stop it; from any thread."""
        with self._lock:
            if self._announced:
                self.cancelled = True
                if self._begun:
                    self._killed = True
                    self._send()

    def kill(self) -> None:
        """Stop it; from its own thread."""
        with self._lock:
            self._killed = True
            self._send()
