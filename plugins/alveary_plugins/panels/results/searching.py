"""Where some text is in the rows of the result in front, and going there."""

from __future__ import annotations

import tkinter as tk

from alveary.arrangement import Filter, Matches
from alveary.contracts.values import Row, cell_text
from alveary.errors import AlvearyError, InvalidInputError, QueryCancelledError
from alveary_plugins.panels.results import parts
from alveary_plugins.panels.results.bars import FindBar
from alveary_plugins.panels.results.front import Front
from alveary_plugins.panels.results.model import Awaited, counted, finding


class Searching:
    """The line for what is looked for, the rows that have it, and the one that is gone to."""

    def __init__(self, front: Front, master: tk.Misc) -> None:
        self._front = front
        self.bar = FindBar(master, front.window.theme, changed=self._sought, step=self.step, closed=self.close)
        self._matches: Matches | None = None
        self._needle = ""
        self._going_to: int | None = None
        """The row with a match whose cells are being looked at for it."""

    def open(self) -> None:
        """Show the line for what is looked for."""
        if self._front.gridded is not None:
            self._front.show_above(self.bar)
            self.bar.begin()

    def close(self) -> None:
        """Hide the line."""
        self.bar.pack_forget()
        self._forget()
        self._front.focus()

    def follow(self, has_rows: bool) -> None:
        """Another result is in front, or its rows stand otherwise."""
        self._forget()
        if not has_rows:
            self.bar.pack_forget()
        elif self.bar.winfo_manager():
            self.bar.again()

    def step(self, by: int) -> None:
        """Go to the next row with a match, or the one before."""
        matches = self._matches
        if matches is None or not len(matches):
            return
        row = self._front.grid.selection.row if self._going_to is None else self._going_to
        at = matches.rank(row + 1) if by > 0 else matches.rank(row) - 1
        self._go_to(at % len(matches))

    def _sought(self, text: str, regex: bool) -> None:
        self._forget()
        entry = self._front.gridded
        if entry is None or not text:
            self.bar.say("")
            return
        wanted = Filter(test="matches" if regex else "contains", value=text)
        self.bar.say("looking…")

        def done(matches: Matches) -> None:
            if self._front.gridded is entry and self._needle == text:
                self._matches = matches
                if len(matches):
                    self._go_to(matches.rank(self._front.grid.selection.row) % len(matches))
                else:
                    self.bar.say("not found", "warning")

        def failed(error: AlvearyError) -> None:
            if isinstance(error, InvalidInputError):
                self.bar.say(error.message, "danger")
            elif not isinstance(error, QueryCancelledError):
                self._front.window.show_error(error)

        self._needle = text
        self._front.grid.highlight("" if regex else text)
        self._front.window.background("Finding", finding(entry, wanted), done, failed)

    def _go_to(self, at: int) -> None:
        front = self._front
        entry, matches, needle = front.gridded, self._matches, self._needle.casefold()
        if entry is None or matches is None:
            return
        position = self._going_to = matches[at]
        self.bar.say(f"{at + 1:,} of {counted(len(matches), 'row')}")

        def done(row: Row | None) -> None:
            if position == self._going_to:
                self._going_to = None
            if row is not None and front.gridded is entry:
                held = [at for at, cell in enumerate(row) if cell is not None and needle in cell_text(cell).casefold()]
                front.grid.select(position, held[0] if held else front.grid.selection.column)

        front.wait_for(Awaited(front.model.reader, parts.value_at(entry.source(), position)), done)

    def _forget(self) -> None:
        self._matches, self._needle, self._going_to = None, "", None
        self._front.grid.highlight("")
        self.bar.say("")
