"""The line of the status bar that names a job that takes its time, and the button that cancels what runs."""

from __future__ import annotations

from alveary.events import JobEnded, JobProgressed, JobStarted
from alveary.jobs import Job
from alveary_shell.bars import StatusBar
from alveary_shell.sdk import Window

SHOWN_MILLISECONDS = 300
"""How long a job has been running before the status bar names it."""


class RunningJobs:
    """What runs in the window's kernel, as soon as it is shown."""

    def __init__(self, window: Window) -> None:
        self._window = window
        self._jobs: dict[str, Job] = {}

    def show_in(self, status: StatusBar) -> None:
        """Tell in a status bar what runs, as long as it is there."""
        self._status = status
        self._window.subscribe(status, JobStarted, self._started)
        self._window.subscribe(status, JobProgressed, self._at)
        self._window.subscribe(status, JobEnded, self._ended)

    def cancel(self) -> None:
        """Cancel all that runs."""
        for job in self._jobs.values():
            job.cancel()

    def _started(self, event: JobStarted) -> None:
        for job in self._window.kernel.jobs.open():
            self._jobs[job.id] = job
        self._status.after(SHOWN_MILLISECONDS, self._show)  # most are over before anybody could read their name

    def _at(self, event: JobProgressed) -> None:
        if (job := self._jobs.get(event.job)) is not None:
            percent = f" {event.percent:.0f} %" if event.percent is not None else f" {event.done:,} {event.unit}"
            self._status.job(job.title + percent)

    def _ended(self, event: JobEnded) -> None:
        self._jobs.pop(event.job, None)
        self._show()

    def _show(self) -> None:
        if self._status.winfo_exists():
            job = next((job for job in self._jobs.values() if job.outcome is None), None)
            self._status.job(job.title if job is not None else "")
