"""The errors marked in an editor's text, and the bar below it that says what is wrong."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable

from alveary_shell.theme import Theme
from alveary_shell.widgets.document import Document, Edit, Position
from alveary_shell.widgets.sheet import Sheet
from alveary_shell.widgets.standins import drawn


class ErrorMarks:
    """Words that are underlined because the server said so; each goes when something else is written there."""

    def __init__(
        self,
        master: tk.Misc,
        theme: Theme,
        sheet: Sheet,
        document: Document,
        *,
        go: Callable[[], object],
        changed: Callable[[], object],
    ) -> None:
        """``go`` is called when a person clicks on what is said, ``changed`` when marks came or went."""
        self._theme, self._sheet, self._document, self._changed = theme, sheet, document, changed
        self._errors: list[tuple[str, str]] = []
        self.bar = tk.Frame(master, borderwidth=0)
        self.message = tk.Label(self.bar, anchor="w", justify="left", borderwidth=0)
        self._close = tk.Label(self.bar, borderwidth=0, cursor="hand2")
        self._close.bind("<Button-1>", lambda _: self.clear())
        self.message.bind("<Button-1>", lambda _: go())
        self._close.pack(side="right", padx=theme.px(8))
        self.message.pack(side="left", fill="x", expand=True, padx=(theme.px(10), 0), pady=theme.px(4))

    def repaint(self) -> None:
        """Take the theme's colours and fonts."""
        color = self._theme.color
        for widget in (self.bar, self.message, self._close):
            widget.configure(background=color("raised"))
        self.message.configure(foreground=color("danger"), font=self._theme.ui)
        self._close.configure(image=self._theme.icon("x-lg", "muted", 11))
        self._sheet.call("tag", "configure", "error", "-underline", True, "-underlinefg", color("danger"))

    def __bool__(self) -> bool:
        return bool(self._errors)

    @property
    def lines(self) -> set[int]:
        """The lines where something is wrong."""
        return {self._sheet.position(anchor).line for anchor, _ in self._errors}

    def mark(self, offset: int, message: str) -> None:
        """Underline the word at a place and say below the text what is wrong there."""
        start = self._document.position(offset)
        line = self._document.lines[start.line]
        end = start.column
        while end < len(line) and (line[end].isalnum() or line[end] in "_$"):
            end += 1
        if end == start.column:
            end = min(end + 1, len(line))
        if end == start.column and end > 0:  # at the end of a line: the character before
            start = Position(start.line, end - 1)
        stop = Position(start.line, end)
        self._sheet.call("tag", "add", "error", self._sheet.index(start), self._sheet.index(stop))
        self._errors.append((self._sheet.keep_place(self._document.offset(start)), message))
        self.say(message)
        self._changed()

    def say(self, message: str) -> None:
        """Show what went wrong in a bar below the text."""
        self.message.configure(text=drawn(message.replace("\n", " · ")[:1000]))
        self.bar.grid()

    def clear(self) -> None:
        """Take all marks of errors away, and the bar."""
        self._sheet.call("tag", "remove", "error", "1.0", "end")
        for anchor, _ in self._errors:
            self._sheet.let_go(anchor)
        self._errors = []
        self.bar.grid_remove()
        self._changed()

    def reset(self) -> None:
        """Forget all: the text is another."""
        self._errors = []

    def next(self, caret: int) -> int | None:
        """Say the next error behind the caret, the first one if there is none behind, and return where it is."""
        places = sorted((self._sheet.offset_of(anchor), message) for anchor, message in self._errors)
        if not places:
            return None
        place, message = next((each for each in places if each[0] > caret), places[0])
        self.say(message)
        return place

    def edited(self, edit: Edit) -> None:
        """An error is no longer one where something else is written."""
        if not self._errors:
            return
        kept = []
        for anchor, message in self._errors:
            if edit.start.line <= self._sheet.position(anchor).line <= max(edit.end.line, edit.start.line):
                index = self._sheet.call("index", anchor)
                self._sheet.call("tag", "remove", "error", f"{index} linestart", f"{index} lineend")
                self._sheet.let_go(anchor)
            else:
                kept.append((anchor, message))
        self._errors = kept
        if not kept:
            self.bar.grid_remove()
