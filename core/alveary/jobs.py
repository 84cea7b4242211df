"""Jobs: work in the background with progress and cancel; so many at once, so many waiting, no more."""

from __future__ import annotations

import itertools
import logging
import threading
import time
from collections.abc import Callable
from typing import Any

from alveary.bus import Bus
from alveary.errors import AlvearyError, BusyError, InternalError, QueryCancelledError, described
from alveary.events import JobEnded, JobNoticed, JobProgressed, JobStarted, Outcome

_log = logging.getLogger(__name__)

_LOOK = 0.2
"""Seconds between two looks of a waiting job whether it was cancelled."""
PROGRESS_EVERY = 0.1
"""Seconds between two published progress events of one job."""


class Job:
    """One unit of work: how far it is, how to stop it, and what came of it."""

    def __init__(self, id: str, title: str, bus: Bus) -> None:
        self.id = id
        self.title = title
        self.percent: float | None = None
        """None while the whole is not known."""
        self.item = ""
        self.done = 0
        self.unit = ""
        self.speed = 0.0
        """``unit`` done a second, since the job began."""
        self.outcome: Outcome | None = None
        """None while the job waits or runs."""
        self.error: AlvearyError | None = None
        self._result: Any = None
        self._bus = bus
        self._lock = threading.Lock()
        self._cancelled = False
        self._on_cancel: list[Callable[[], None]] = []
        self._on_abandon: list[Callable[[], None]] = []
        self._on_end: list[Callable[[], None]] = []
        self._started = self._published = time.monotonic()
        self._ended = threading.Event()

    @property
    def cancelled(self) -> bool:
        """Whether somebody asked the job to stop; long work looks here between its steps."""
        return self._cancelled

    def cancel(self) -> None:
        """Ask the job to stop; returns at once."""
        with self._lock:
            if self._cancelled:
                return
            self._cancelled = True
            callbacks = list(self._on_cancel)
        for callback in callbacks:
            callback()

    def on_cancel(self, callback: Callable[[], None]) -> None:
        """Call ``callback`` when the job is cancelled, on the canceller's thread: now, if it already is.

        A callback that is set again is called once more if the job is cancelled by now, and else once in all.
        """
        with self._lock:
            if callback not in self._on_cancel:
                self._on_cancel.append(callback)
            cancelled = self._cancelled
        if cancelled:
            callback()

    def on_abandon(self, callback: Callable[[], None]) -> None:
        """Call ``callback``, which must not block or raise, if the process leaves without waiting for the job."""
        self._on_abandon.append(callback)

    def on_end(self, callback: Callable[[], None]) -> None:
        """Call ``callback``, which must not block or raise, when the job has ended, on its thread: now, if it has."""
        with self._lock:
            ended = self._ended.is_set()
            if not ended:
                self._on_end.append(callback)
        if ended:
            callback()

    def abandon(self) -> None:
        """Undo what a dying process must not leave behind, such as half a file; the job itself is not stopped."""
        for callback in self._on_abandon:
            callback()

    def notice(self, text: str) -> None:
        """Tell what must not be missed, beside what the job returns."""
        self._bus.publish(JobNoticed(job=self.id, text=text))

    def progress(
        self, done: int, unit: str, *, whole: int | None = None, item: str = "", percent: float | None = None
    ) -> None:
        """Say how much is done, of how much if that is known, and what is being done now.

        ``percent`` is for work whose end is known in another unit than the one that is told.
        """
        now = time.monotonic()
        self.done, self.unit, self.item = done, unit, item
        self.percent = 100.0 * done / whole if whole else percent
        self.speed = done / max(now - self._started, 1e-9)
        if now - self._published >= PROGRESS_EVERY:
            self._published = now
            self._bus.publish(
                JobProgressed(job=self.id, percent=self.percent, item=item, done=done, unit=unit, speed=self.speed)
            )

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for the end; False if it has not come."""
        return self._ended.wait(timeout)

    def result(self) -> Any:
        """Wait for the end and return what the work returned, or raise what it raised."""
        self._ended.wait()
        if self.error is not None:
            raise self.error
        return self._result

    def run(self, work: Callable[[Job], Any]) -> None:
        """Do the work on this thread and keep what came of it; called by :class:`Jobs` only."""
        self._started = time.monotonic()
        self._bus.publish(JobStarted(job=self.id, title=self.title))
        outcome = Outcome.COMPLETED
        try:
            if self._cancelled:
                raise QueryCancelledError("cancelled before it began")
            self._result = work(self)
        except QueryCancelledError as exc:
            outcome, self.error = Outcome.CANCELLED, exc
        except AlvearyError as exc:
            outcome, self.error = Outcome.FAILED, exc
        except BaseException as exc:  # noqa: BLE001  # whoever waits for the job must hear of it, sys.exit included
            _log.error("job %s failed: %s", self.title, described(exc))
            outcome, self.error = Outcome.FAILED, InternalError(described(exc))
            self.error.__cause__ = exc
        self.outcome = outcome
        self._bus.publish(
            JobEnded(
                job=self.id,
                outcome=outcome,
                seconds=time.monotonic() - self._started,
                error=self.error.record() if self.error else None,
            )
        )

    def end(self) -> None:
        """Wake whoever waits; called by :class:`Jobs` only, when the job no longer counts as open."""
        with self._lock:
            self._ended.set()
            callbacks = list(self._on_end)
        for callback in callbacks:
            callback()


class Jobs:
    """``running`` jobs at once, ``waiting`` more in line; one more is refused.

    Each has a daemon thread of its own, so a job that hangs can't keep the process from ending.
    """

    def __init__(self, bus: Bus, *, running: int = 8, waiting: int = 64) -> None:
        self._bus = bus
        self._most = running + waiting
        self._running = threading.Semaphore(running)
        self._open: dict[str, Job] = {}
        self._lock = threading.Lock()
        self._ids = itertools.count(1)
        self._closed = False

    def submit(self, title: str, work: Callable[[Job], Any]) -> Job:
        """Queue ``work``, which is handed its job; BusyError when the queue is full."""
        with self._lock:
            if self._closed:
                raise BusyError("no more jobs are taken: the kernel is closed")
            if len(self._open) >= self._most:
                raise BusyError(f"{self._most} jobs are waiting or running already", hint="wait for one to end")
            job = Job(f"job-{next(self._ids)}", title, self._bus)
            self._open[job.id] = job
        try:
            threading.Thread(target=self._work, args=(job, work), name=f"alveary-{job.id}", daemon=True).start()
        except RuntimeError as exc:
            with self._lock:
                del self._open[job.id]
            raise BusyError(f"no more work can be begun: {exc}", hint="wait for some to end") from exc
        return job

    def open(self) -> list[Job]:
        """Return the jobs that wait or run, in the order they came."""
        with self._lock:
            return list(self._open.values())

    def close(self) -> None:
        """Cancel everything and take no more; a job that does not listen is left to its thread."""
        with self._lock:
            self._closed = True
        for job in self.open():
            job.cancel()

    def _work(self, job: Job, work: Callable[[Job], Any]) -> None:
        # One that is cancelled while it waits in line ends at once, however long the others take.
        while not (running := self._running.acquire(timeout=_LOOK)) and not job.cancelled:
            continue
        try:
            job.run(work)
        finally:
            if running:
                self._running.release()
            with self._lock:
                self._open.pop(job.id, None)
            job.end()
