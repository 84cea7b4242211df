"""One thread per worker that ends a statement when its time is over, instead of one timer per statement."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


class Watchdog:
    """Watches one thing at a time; ``bite`` is called with its id, on the watchdog's thread."""

    def __init__(self, bite: Callable[[str], None]) -> None:
        self._bite = bite
        self._changed = threading.Condition()
        self._watched: tuple[str, float] | None = None
        self._ended = False
        threading.Thread(target=self._run, name="alveary-watchdog", daemon=True).start()

    def watch(self, id: str, seconds: float) -> None:
        """Bite in ``seconds``, unless told otherwise before."""
        with self._changed:
            self._watched = (id, time.monotonic() + min(seconds, threading.TIMEOUT_MAX / 2))
            self._changed.notify()

    def rest(self) -> None:
        """Watch nothing; the thread notices when it wakes, so this costs next to nothing."""
        with self._changed:
            self._watched = None

    def end(self) -> None:
        """End the thread."""
        with self._changed:
            self._ended = True
            self._changed.notify()

    def _run(self) -> None:
        while True:
            with self._changed:
                if self._ended:
                    return
                left = None if self._watched is None else self._watched[1] - time.monotonic()
                if left is None or left > 0:
                    self._changed.wait(left)
                    continue
                assert self._watched is not None, "its time is over"
                (id, _), self._watched = self._watched, None
            self._bite(id)
