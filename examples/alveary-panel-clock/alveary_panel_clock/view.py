"""The clock as it is drawn."""

import time
import tkinter as tk
from collections.abc import Mapping
from typing import Any

from alveary.events import QueryEnded, QueryStarted
from alveary_panel_clock.model import Clock
from alveary_shell.sdk import Panel, Window


class ClockPanel(Panel):
    """A label that is written anew every second, as long as it exists."""

    def __init__(self, window: Window, frame: tk.Misc, state: Mapping[str, Any]) -> None:
        super().__init__(window, frame, state)
        self._clock = Clock()
        self._label = tk.Label(frame, justify="left", anchor="nw", padx=16, pady=16)
        self._label.pack(fill="both", expand=True)
        window.theme.follow(self._label, self._paint)
        window.subscribe(self._label, QueryStarted, lambda event: self._clock.started(event.statement))
        window.subscribe(self._label, QueryEnded, lambda event: self._clock.ended(event.statement))
        self._tick()

    def _tick(self) -> None:
        self._label.configure(text="\n".join(self._clock.lines(time.time())))
        self._after = self._label.after(1000, self._tick)

    def closed(self) -> None:
        self._label.after_cancel(self._after)

    def _paint(self) -> None:
        theme = self.window.theme
        self._label.configure(background=theme.color("background"), foreground=theme.color("text"), font=theme.ui)
