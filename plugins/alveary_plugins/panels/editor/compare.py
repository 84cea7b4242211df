"""What differs between the text of an editor and its file."""

from __future__ import annotations

import difflib
import tkinter as tk
from tkinter import ttk

from alveary_shell.theme import Theme
from alveary_shell.widgets.standins import drawn

MOST_LINES = 20_000
"""Lines of a text that are compared one by one; what is longer is only said to differ."""
MOST_SHOWN = 5_000


def differences(mine: str, theirs: str) -> list[str]:
    """Return a unified diff from the file (``-``) to the text in the editor (``+``), line by line."""
    old, new = theirs.split("\n"), mine.split("\n")
    if max(len(old), len(new)) > MOST_LINES:
        same = sum(1 for one, other in zip(old, new, strict=False) if one == other)
        return [
            f"@@ too long to be compared line by line: {len(old):,} lines in the file, {len(new):,} in the editor; "
            f"{same:,} stand the same in both @@"
        ]
    lines = list(difflib.unified_diff(old, new, "file", "editor", lineterm=""))
    if len(lines) > MOST_SHOWN:
        lines[MOST_SHOWN:] = [f"@@ and {len(lines) - MOST_SHOWN:,} lines more @@"]
    return lines


class CompareWindow(tk.Toplevel):
    """Shows the differences; Escape closes."""

    def __init__(self, master: tk.Misc, theme: Theme, title: str, lines: list[str]) -> None:
        super().__init__(master)
        self.title(title)
        self.geometry(f"{theme.px(860)}x{theme.px(560)}")
        self._theme = theme
        self._text = tk.Text(self, wrap="none", borderwidth=0, highlightthickness=0, relief="flat", cursor="arrow")
        bar = ttk.Scrollbar(self, orient="vertical", command=self._text.yview)
        self._text.configure(yscrollcommand=bar.set)
        bar.pack(side="right", fill="y")
        self._text.pack(fill="both", expand=True)
        for line in lines or ["There is no difference."]:
            sign = line[:1]
            tag = {"+": "plus", "-": "minus", "@": "place"}.get(sign, "")
            self._text.insert("end", drawn(line[:10_000]) + "\n", tag)
        self._text.configure(state="disabled")
        self.bind("<Escape>", lambda _: self.destroy())
        theme.follow(self, self._paint)
        self._text.focus_set()

    def _paint(self) -> None:
        theme = self._theme
        self.configure(background=theme.color("background"))
        self._text.configure(
            background=theme.color("background"),
            highlightthickness=0,  # a switch of the theme gives every Text a border
            foreground=theme.color("text"),
            font=theme.code,
            padx=theme.px(10),
            pady=theme.px(8),
        )
        for tag, role in (("plus", "success"), ("minus", "danger"), ("place", "muted")):
            self._text.tag_configure(tag, foreground=theme.color(role))
