"""How long this process stands still at most: a thread that wakes every 20 ms, and a bystander to compare with."""

from __future__ import annotations

import subprocess
import sys
import threading
import time

EVERY = 0.02
LIMIT = 0.25
"""Seconds that nothing which goes wrong may keep the process, beyond what the machine takes from everybody."""

_BUSY = 4
"""A process with something to do is in the way of others that much more often than one that sleeps."""

_BYSTANDER = f"""
import select, sys, time
longest, last = 0.0, time.monotonic()
sys.stdout.write("go\\n"); sys.stdout.flush()
while not select.select([0], [], [], {EVERY})[0]:
    now = time.monotonic()
    longest, last = max(longest, now - last), now
sys.stdout.write(str(longest))
"""


class Ticks:
    """Measures inside a ``with`` and fails at its end if the process stood still for longer than it may.

    A machine that is busy lets everybody wait. What it let a process wait that does nothing is not counted.
    """

    def __init__(self, limit: float = LIMIT) -> None:
        self._limit = limit
        self.longest = 0.0
        """Seconds between two wakes, the longest."""
        self.bystanders = 0.0
        """The same for a process that does nothing else; known at the end."""
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._tick, name="ticks", daemon=True)
        self._bystander = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", _BYSTANDER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def __enter__(self) -> Ticks:
        assert self._bystander.stdout is not None, "it is a pipe"
        assert self._bystander.stdout.readline() == "go\n"
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._over.set()
        self._thread.join()
        out, _err = self._bystander.communicate(timeout=10)
        self.bystanders = float(out)
        if kind is None:
            assert self.longest < self._limit + _BUSY * self.bystanders, (
                f"{self.longest:.3f} s, a bystander {self.bystanders:.3f} s"
            )

    def _tick(self) -> None:
        last = time.monotonic()
        while not self._over.wait(EVERY):
            now = time.monotonic()
            self.longest, last = max(self.longest, now - last), now
