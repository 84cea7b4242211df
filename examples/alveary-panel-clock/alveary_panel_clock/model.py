"""What the clock shows."""

import time


class Clock:
    """The time, and since when statements have been running."""

    def __init__(self) -> None:
        self._running: dict[str, float] = {}

    def started(self, statement: str) -> None:
        """A statement began."""
        self._running[statement] = time.monotonic()

    def ended(self, statement: str) -> None:
        """A statement ended."""
        self._running.pop(statement, None)

    def lines(self, now: float) -> list[str]:
        """Return the lines to show at a time, in seconds since 1970."""
        lines = [time.strftime("%H:%M:%S", time.localtime(now)), time.strftime("%H:%M:%S UTC", time.gmtime(now))]
        if self._running:
            lines.append(f"running for {time.monotonic() - min(self._running.values()):.0f} s")
        return lines
