"""The bridge to Tk's thread: whatever another thread has to say is queued here, and said when the window has time."""

from __future__ import annotations

import contextlib
import logging
import os
import queue
import sys
import threading
import time
import tkinter as tk
from collections.abc import Callable
from typing import Any

from alveary.bus import Bus
from alveary.errors import described
from alveary.events import Event, JobProgressed, QueryProgressed

_log = logging.getLogger(__name__)

BUDGET = 0.008
"""Seconds that callbacks may take in one go; then the window draws and hears the keyboard first."""
POLL_MILLISECONDS = 15
"""How often to look where Tk can't be woken by a file."""
BEAT_MILLISECONDS = 10


class Pump:
    """Calls callbacks and delivers events on Tk's thread; :meth:`post` alone may be called from other threads."""

    def __init__(self, root: tk.Tk, bus: Bus) -> None:
        self._root = root
        self._queue: queue.SimpleQueue[Callable[[], object]] = queue.SimpleQueue()
        self._listeners: list[tuple[tk.Misc | None, type[Any], Callable[[Any], object]]] = []
        self._latest: dict[tuple[type[Event], str], Event] = {}
        self._lock = threading.Lock()
        self._awake = False
        self._closed = False
        self.longest_gap = 0.0
        """Seconds: the longest that Tk's loop kept anything waiting; since the window opened or it was reset."""
        self._beat = time.perf_counter()
        self._pipe: tuple[int, int] | None = None
        if sys.platform != "win32":
            self._pipe = os.pipe()
            for end in self._pipe:
                os.set_blocking(end, False)
            root.tk.createfilehandler(self._pipe[0], tk.READABLE, lambda *_: self._woken())
        else:
            self._poll()
        self._after = root.after(BEAT_MILLISECONDS, self._measure)
        self._unsubscribe = bus.subscribe(self._hear)

    def post(self, callback: Callable[[], object]) -> None:
        """Call ``callback`` on Tk's thread, soon."""
        # Under the lock, which closing takes: else the pipe could be closed in between, and its number be a file's.
        with self._lock:
            if self._closed:
                return
            self._queue.put(callback)
            if self._awake or self._pipe is None:
                return
            self._awake = True
            with contextlib.suppress(BlockingIOError):  # a pipe that is full wakes all the same
                os.write(self._pipe[1], b"\0")

    def subscribe(self, owner: tk.Misc | None, kind: type[Any], callback: Callable[[Any], object]) -> None:
        """Call ``callback`` with every event of a kind, until the widget ``owner`` is destroyed."""
        entry = (owner, kind, callback)
        self._listeners.append(entry)
        if owner is not None:

            def forget(event: tk.Event[tk.Misc]) -> None:
                if event.widget is owner and entry in self._listeners:
                    self._listeners.remove(entry)

            owner.bind("<Destroy>", forget, add="+")

    def deliver(self, event: object) -> None:
        """Hand an event to whoever subscribed to its kind; one listener's failure is logged and stops nobody."""
        for _, kind, callback in list(self._listeners):
            if isinstance(event, kind):
                self._call(lambda callback=callback: callback(event))  # type: ignore[misc]  # mypy can't infer a default

    def close(self) -> None:
        """Take nothing more."""
        with self._lock:
            self._closed = True
        self._unsubscribe()
        self._root.after_cancel(self._after)
        if self._pipe is not None:
            self._root.tk.deletefilehandler(self._pipe[0])
            for end in self._pipe:
                os.close(end)

    def _hear(self, event: Event) -> None:
        """Take an event on the bus's thread. Of those that only count, the newest is enough."""
        if isinstance(event, QueryProgressed | JobProgressed):
            key = (type(event), event.statement if isinstance(event, QueryProgressed) else event.job)
            with self._lock:
                waiting = key in self._latest
                self._latest[key] = event
            if not waiting:
                self.post(lambda: self._deliver_latest(key))
        else:
            self.post(lambda: self.deliver(event))

    def _deliver_latest(self, key: tuple[type[Event], str]) -> None:
        with self._lock:
            event = self._latest.pop(key)
        self.deliver(event)

    def _woken(self) -> None:
        assert self._pipe is not None, "only a pipe wakes us"
        with self._lock:
            self._awake = False
            with contextlib.suppress(BlockingIOError):
                os.read(self._pipe[0], 4096)
        self._drain()

    def _drain(self) -> None:
        until = time.perf_counter() + BUDGET
        while not self._closed:
            try:
                callback = self._queue.get_nowait()
            except queue.Empty:
                return
            self._call(callback)
            if time.perf_counter() > until:
                if self._pipe is not None:
                    self._root.after(1, self._drain)
                return

    def _call(self, callback: Callable[[], object]) -> None:
        try:
            callback()
        except Exception as exc:  # noqa: BLE001  # a panel's mistake must not silence the others
            _log.exception("a callback of the window failed: %s", described(exc))
            self._root.report_callback_exception(type(exc), exc, exc.__traceback__)

    def _poll(self) -> None:
        self._drain()
        self._root.after(POLL_MILLISECONDS, self._poll)

    def _measure(self) -> None:
        now = time.perf_counter()
        self.longest_gap = max(self.longest_gap, now - self._beat - BEAT_MILLISECONDS / 1000)
        self._beat = now
        self._after = self._root.after(BEAT_MILLISECONDS, self._measure)
