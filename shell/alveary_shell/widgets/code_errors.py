"""The errors marked in an editor's text, what is said of one under the pointer, and the bar that says what is wrong."""

from __future__ import annotations

import sys
import tkinter as tk
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from alveary_shell.theme import Theme
from alveary_shell.widgets.document import Document, Edit, Position
from alveary_shell.widgets.sheet import Sheet
from alveary_shell.widgets.standins import drawn
from alveary_shell.widgets.timers import Timers
from alveary_shell.widgets.tip import tip

REST_MILLISECONDS = 350
"""How long the pointer rests on an error until it is said what is wrong there."""
LONGEST = 1000
"""Characters of a message that are shown."""


@dataclass(slots=True)
class _Error:
    start: Position
    end: Position
    message: str


class ErrorMarks:
    """Words that are underlined because the server said so; each goes when something else is written there."""

    def __init__(
        self,
        master: tk.Misc,
        theme: Theme,
        sheet: Sheet,
        document: Document,
        timers: Timers,
        *,
        token_end: Callable[[Position], int],
        go: Callable[[], object],
        changed: Callable[[], object],
    ) -> None:
        """``token_end`` returns the column where the token at a place ends, on its line; ``go`` is called when a
        person clicks on what is said, ``changed`` when marks came or went."""
        self._theme, self._sheet, self._document, self._timers = theme, sheet, document, timers
        self._token_end, self._changed = token_end, changed
        self._errors: list[_Error] = []
        self._master = master
        self._tip: tk.Toplevel | None = None
        self._pointed: _Error | None = None
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
        return {error.start.line for error in self._errors}

    # -- marking -------------------------------------------------------------------------------------------------

    def mark(self, offset: int, message: str) -> None:
        """Underline the token at a place and say below the text what is wrong there."""
        start = self._document.position(offset)
        line = self._document.lines[start.line]
        end = min(max(self._token_end(start), start.column + 1), len(line))
        if end == start.column and end > 0:  # at the end of a line: the character before
            start = Position(start.line, end - 1)
        self._errors.append(_Error(start, Position(start.line, end), message))
        self._underline()
        self.say(message)
        self._changed()

    def say(self, message: str) -> None:
        """Show what went wrong in a bar below the text."""
        self.message.configure(text=drawn(message.replace("\n", " · ")[:LONGEST]))
        self.bar.grid()

    def clear(self, stretches: Sequence[tuple[int, int]] | None = None) -> None:
        """Take the marks in some stretches of the text away, or all of them, and the bar."""
        offset, gone = self._document.offset, sorted(stretches or ())

        def stays(error: _Error) -> bool:
            at = bisect_right(gone, (offset(error.start), sys.maxsize)) - 1
            return at < 0 or gone[at][1] < offset(error.start)

        self._errors = [] if stretches is None else [error for error in self._errors if stays(error)]
        self._underline()
        self.bar.grid_remove()
        self._changed()

    def reset(self) -> None:
        """Forget all: the text is another."""
        self._errors = []
        self._hide()

    def next(self, caret: int) -> int | None:
        """Say the next error behind the caret, the first one if there is none behind, and return where it is."""
        places = sorted((self._document.offset(error.start), error.message) for error in self._errors)
        if not places:
            return None
        place, message = next((each for each in places if each[0] > caret), places[0])
        self.say(message)
        return place

    def edited(self, edit: Edit) -> None:
        """An error is no longer one where something else is written; the others move with their text."""
        if not self._errors:
            return
        kept = [error for error in self._errors if not _touches(edit, error)]
        for error in kept:
            error.start, error.end = _moved(error.start, edit), _moved(error.end, edit)
        if len(kept) < len(self._errors):
            self._errors = kept
            self._underline()
            if not kept:
                self.bar.grid_remove()

    def _underline(self) -> None:
        self._hide()
        self._sheet.call("tag", "remove", "error", "1.0", "end")
        for error in self._errors:
            self._sheet.call("tag", "add", "error", self._sheet.index(error.start), self._sheet.index(error.end))

    # -- pointing ------------------------------------------------------------------------------------------------

    def pointed(self, place: Position | None, event: tk.Event[tk.Misc], *, whole_line: bool = False) -> None:
        """Say what is wrong where the pointer rests, in a moment; nothing where all is well, or for no place."""
        error = (
            None if place is None else next(filter(lambda each: _holds(each, place, whole_line), self._errors), None)
        )
        if error is self._pointed:
            return
        self._hide()
        self._pointed = error
        if error is not None:
            x, y = event.x_root + self._theme.px(10), event.y_root + self._theme.px(16)
            self._timers.later("tip", REST_MILLISECONDS, lambda: self._show(error, x, y))

    def _show(self, error: _Error, x: int, y: int) -> None:
        if error is self._pointed:
            self._tip = tip(self._master, self._theme, drawn(error.message[:LONGEST]), x, y)

    def _hide(self) -> None:
        self._pointed = None
        if self._tip is not None:
            self._tip.destroy()
            self._tip = None


def _holds(error: _Error, place: Position, whole_line: bool) -> bool:
    return error.start.line == place.line if whole_line else error.start <= place < error.end


def _touches(edit: Edit, error: _Error) -> bool:
    if edit.inserted:
        return error.start <= edit.start <= error.end
    return edit.start < error.end and error.start < edit.end


def _moved(place: Position, edit: Edit) -> Position:
    """Return where a place is after an edit that does not touch it."""
    if place < edit.start or (place == edit.start and not edit.inserted):
        return place
    near, far = (edit.start, edit.end) if edit.inserted else (edit.end, edit.start)
    column = place.column - near.column + far.column if place.line == near.line else place.column
    return Position(place.line - near.line + far.line, column)
