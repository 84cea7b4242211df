"""The jobs as they are drawn: those that wait or run, then the last that ended."""

from __future__ import annotations

import tkinter as tk
from collections import deque
from collections.abc import Mapping
from typing import Any

from alveary.events import JobEnded, JobProgressed, JobStarted
from alveary.jobs import Job
from alveary_shell.sdk import Panel, Window
from alveary_shell.widgets.listing import ListColumn, Listing

KEPT = 50
"""Jobs that ended and are still listed."""

_COLUMNS = (
    ListColumn("Job", 320, stretch=True),
    ListColumn("State", 110),
    ListColumn("Done", 180),
    ListColumn("Speed", 140),
)


class JobsPanel(Panel):
    """Enter, Delete or the menu cancels the job that is selected."""

    def __init__(self, window: Window, frame: tk.Misc, state: Mapping[str, Any]) -> None:
        super().__init__(window, frame, state)
        self._list = Listing(frame, window.theme, _COLUMNS, on_menu=self._menu)
        self._list.empty_text = "Nothing runs in the background"
        self._list.pack(fill="both", expand=True)
        self._list.tree.bind("<Delete>", lambda _: self._cancel(self._list.selected))
        self._jobs: dict[str, Job] = {job.id: job for job in window.kernel.jobs.open()}
        self._ended: deque[str] = deque()
        window.subscribe(self._list, JobStarted, lambda _: self._look())
        window.subscribe(self._list, JobProgressed, lambda _: self._show())
        window.subscribe(self._list, JobEnded, self._has_ended)
        self._show()

    def focus(self) -> None:
        self._list.focus_list()

    def _look(self) -> None:
        self._jobs |= {job.id: job for job in self.window.kernel.jobs.open()}
        self._show()

    def _has_ended(self, event: JobEnded) -> None:
        if event.job in self._jobs:
            self._ended.append(event.job)
            if len(self._ended) > KEPT:
                self._jobs.pop(self._ended.popleft(), None)
            self._show()

    def _show(self) -> None:
        lines = []
        for job in reversed(self._jobs.values()):
            state = "running" if job.outcome is None else job.outcome.value
            done = f"{job.percent:.0f} %" if job.percent is not None else ""
            if job.done:
                done = f"{done} {job.done:,} {job.unit}".strip()
            speed = f"{job.speed:,.0f} {job.unit}/s" if job.done else ""
            role = "" if job.outcome is None else "danger" if job.error is not None else "muted"
            title = job.title if job.error is None else f"{job.title}: {job.error.message}"
            lines.append((job.id, [title, state, done, speed], role))
        self._list.show(lines)

    def _menu(self, key: str, event: tk.Event[tk.Misc]) -> None:
        if self._jobs[key].outcome is None:
            self.window.menu([("Cancel", lambda: self._cancel(key))], event)

    def _cancel(self, key: str | None) -> None:
        if key is not None and self._jobs[key].outcome is None:
            self._jobs[key].cancel()
