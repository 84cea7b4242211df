"""The doctor's findings as they are drawn: what the command prints, to be read and copied."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Mapping
from typing import Any

from alveary.commands.doctor import Diagnosis, render
from alveary_shell.sdk import Panel, Window
from alveary_shell.widgets.scrollbar import AutoScrollbar


class DoctorPanel(Panel):
    """Asks once, when it is opened."""

    def __init__(self, window: Window, frame: tk.Misc, state: Mapping[str, Any]) -> None:
        super().__init__(window, frame, state)
        theme = window.theme
        self._text = tk.Text(frame, wrap="none", borderwidth=0, highlightthickness=0, state="disabled")
        self._text.configure(padx=theme.px(16), pady=theme.px(12))
        self._text.pack(side="left", fill="both", expand=True)
        AutoScrollbar(self._text)
        self._text.bind("<Button-1>", lambda _: self._text.focus_set())
        theme.follow(self._text, self._paint)
        kernel = window.kernel
        window.background(
            "Checking this installation", lambda job: kernel.commands.run("doctor.run", job=job), self._show
        )

    def focus(self) -> None:
        self._text.focus_set()

    def _show(self, diagnosis: Diagnosis) -> None:
        self._text.configure(state="normal")
        render(diagnosis, lambda text: self._text.insert("end", text))
        self._text.configure(state="disabled")

    def _paint(self) -> None:
        theme = self.window.theme
        self._text.configure(
            background=theme.color("background"),
            highlightthickness=0,  # a switch of the theme gives every Text a border
            foreground=theme.color("text"),
            selectbackground=theme.color("selection"),
            selectforeground=theme.color("text"),
            font=theme.code,
        )
