"""The keyboard shortcuts as they are drawn."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Mapping
from typing import Any

from alveary_shell.sdk import Panel, Window
from alveary_shell.widgets.listing import ListColumn, Listing
from alveary_shell.widgets.searchfield import SearchField

_COLUMNS = (
    ListColumn("Command", 240),
    ListColumn("Keys", 200),
    ListColumn("Where", 100),
    ListColumn("What it does", 400, stretch=True),
)


class KeysPanel(Panel):
    """Enter or a double click asks for other keys; those that another command has are refused."""

    def __init__(self, window: Window, frame: tk.Misc, state: Mapping[str, Any]) -> None:
        super().__init__(window, frame, state)
        theme = window.theme
        self._search = SearchField(frame, theme, "Search commands and keys", self._show)
        self._search.pack(fill="x", padx=theme.px(8), pady=theme.px(6))
        self._list = Listing(frame, theme, _COLUMNS, on_open=self._ask)
        self._list.empty_text = "No command has these words"
        self._list.pack(fill="both", expand=True)
        self._search.bind("<Down>", lambda _: self._list.focus_list())
        self._show()

    def focus(self) -> None:
        self._search.focus_set()

    def _show(self) -> None:
        wanted = self._search.get().lower()
        lines = []
        for spec in sorted(self.window.kernel.plugins.commands, key=lambda spec: spec.id):
            if (placement := spec.placement) is None:
                continue
            keys = ", ".join(self.window.keys(spec.id))
            if wanted in f"{placement.title} {spec.id} {keys}".lower():
                line = [placement.title.rstrip("…"), keys, placement.panel or "", spec.summary]
                lines.append((spec.id, line, ""))
        self._list.show(lines)

    def _ask(self, command: str) -> None:
        now = ", ".join(self.window.keys(command))
        answer = self.window.ask_text(f"Keys for {command}, such as Ctrl+Shift+P; several with commas", value=now)
        if answer is not None:
            self.window.rebind(command, [each.strip() for each in answer.split(", ") if each.strip()])
            self._show()
