"""What stands in the place of a grid where a statement failed: its error, in full."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable
from tkinter import ttk
from typing import TYPE_CHECKING

from alveary.errors import AlvearyError
from alveary_shell.widgets.flat import FlatButton
from alveary_shell.widgets.grid_text import visible, visible_lines

if TYPE_CHECKING:
    from alveary_shell.theme import Theme

MOST_TEXT = 20_000
"""Characters of an error's parts that are shown; copying takes all of them."""


class ErrorPage(tk.Frame):
    """An error in full: its text can be selected, and copied as a whole."""

    def __init__(self, master: tk.Misc, theme: Theme, *, copy: Callable[[str], object]) -> None:
        super().__init__(master, borderwidth=0)
        self._theme = theme
        self._error: AlvearyError | None = None
        self._text = tk.Text(self, wrap="word", height=4, width=1)
        self._bar = ttk.Scrollbar(self, orient="vertical", command=self._text.yview)
        self._text.configure(yscrollcommand=self._bar.set, state="disabled", cursor="arrow")
        self._button = FlatButton(
            self, theme, lambda: self._copy(copy), text="Copy error", icon="copy", ground="background"
        )
        self._bar.pack(side="right", fill="y")
        self._button.pack(side="right", anchor="n", padx=theme.px(8), pady=theme.px(10))
        self._text.pack(side="left", fill="both", expand=True)
        # A text that can't be edited does not take the focus by a click, and then nothing can be copied from it.
        self._text.bind("<Button-1>", lambda _: self._text.focus_set(), add="+")
        theme.follow(self, self._paint)

    def show(self, error: AlvearyError) -> None:
        """Show an error."""
        if error is self._error:
            return
        self._error = error
        text = self._text
        text.configure(state="normal")
        text.delete("1.0", "end")
        text.insert("end", _cut(error.message), "message")
        for name, value in _parts(error):
            text.insert("end", f"\n{name}  ", "name", _cut(value), "value")
        if (excerpt := place_in(error)) is not None:
            where, line, caret = excerpt
            # Marked in the line itself: it may be wrapped, and a caret below would stand under another line of it.
            start = len(caret) - 1
            end = _word_end(line, start)
            text.insert("end", f"\n{where}\n", "name", line[:start], "code", line[start:end] or " ", ("code", "place"))
            text.insert("end", line[end:], "code")
        text.configure(state="disabled")

    def _copy(self, copy: Callable[[str], object]) -> None:
        if self._error is not None:
            copy(error_text(self._error))

    def focus_set(self) -> None:
        """Give the keyboard to the text."""
        self._text.focus_set()

    def _paint(self) -> None:
        theme, color, text = self._theme, self._theme.color, self._text
        self.configure(background=color("background"))
        text.configure(
            borderwidth=0,
            highlightthickness=0,
            padx=theme.px(16),
            pady=theme.px(14),
            background=color("background"), foreground=color("text"), font=theme.ui, spacing1=theme.px(2),
            selectbackground=color("selection"), selectforeground=color("text"),
            inactiveselectbackground=color("selection_idle"),
        )  # fmt: skip
        text.tag_configure("message", foreground=color("danger"), font=theme.ui_bold)
        text.tag_configure("name", foreground=color("muted"), spacing1=theme.px(8))
        text.tag_configure("code", font=theme.code, foreground=color("text"))
        text.tag_configure("place", foreground=color("danger"), underline=True)
        text.tag_raise("sel")


def error_text(error: AlvearyError) -> str:
    """Return everything an error says, as it is copied."""
    lines = [error.message, *(f"{name}: {value}" for name, value in _parts(error))]
    if (excerpt := place_in(error)) is not None:
        lines += excerpt
    if error.statement:
        lines += ["Statement:", error.statement]
    return "\n".join(lines)


def place_in(error: AlvearyError) -> tuple[str, str, str] | None:
    """Return where in its statement an error is: in words, the line itself, and a caret to stand under the place."""
    statement, position = error.statement, error.position
    if statement is None or position is None or not 1 <= position <= len(statement) + 1:
        return None
    before = statement[: position - 1]
    number, column = before.count("\n") + 1, len(before) - (before.rfind("\n") + 1)
    line = statement.split("\n")[number - 1]
    start = max(0, column - 60)
    shown, upto = visible(line[start : start + 160]), visible(line[start:column])
    script = f" (line {error.line + number - 1} of the script)" if error.line is not None else ""
    return f"Line {number}, character {column + 1}{script}", shown, " " * len(upto) + "^"


def _word_end(line: str, start: int) -> int:
    """Return where the word ends that begins in a line; any other character stands for itself."""
    end = start
    while end < len(line) and (line[end].isalnum() or line[end] in "_$"):
        end += 1
    return max(end, min(start + 1, len(line)))


def _parts(error: AlvearyError) -> list[tuple[str, str]]:
    named = (("Detail", error.detail), ("Hint", error.hint), ("Code", error.code), ("Server code", error.server_code))
    return [(name, value) for name, value in named if value]


def _cut(text: str) -> str:
    return visible_lines(text if len(text) <= MOST_TEXT else text[:MOST_TEXT] + "…")
