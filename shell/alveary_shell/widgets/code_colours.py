"""The colours of an editor's text: those of the lines that are seen at once, the rest in slices when nobody types."""

from __future__ import annotations

import time
from collections.abc import Callable

from alveary.sqltext import Dialect
from alveary_shell.theme import Theme
from alveary_shell.widgets.document import Document, Edit, Position
from alveary_shell.widgets.highlight import COLOURED, ROLES, LineStates, stretches
from alveary_shell.widgets.sheet import Sheet
from alveary_shell.widgets.standins import UNDRAWABLE, WIDE
from alveary_shell.widgets.timers import Timers

SLICE = 0.003
"""Seconds that work left for later may take in one go."""
REST_MILLISECONDS = 25
"""How long after a key the work that was left begins; the next key comes first."""
AROUND = 150
"""Lines above and below what is seen that are coloured before they are."""


class Colours:
    """Tells the kinds of words of a document and paints them on its sheet."""

    def __init__(
        self, sheet: Sheet, document: Document, timers: Timers, dialect: Dialect, seen: Callable[[], tuple[int, int]]
    ) -> None:
        """``seen`` returns the first and the last row in sight."""
        self._sheet, self._document, self._timers, self._seen = sheet, document, timers, seen
        self.states = LineStates(dialect)
        self._painted = bytearray(1)
        """Which lines have their colours."""

    def reset(self, dialect: Dialect | None = None) -> None:
        """Begin anew: the text is another, or its dialect."""
        lines = len(self._document.lines)
        self.states.reset(lines, dialect)
        self._painted = bytearray(lines)
        self._timers.later("work", 1, self._work)

    def repaint(self, theme: Theme) -> None:
        """Take the theme's colours."""
        for kind, role in ROLES.items():
            self._sheet.call("tag", "configure", kind, "-foreground", theme.color(role))
        danger, raised = theme.color("danger"), theme.color("raised")
        self._sheet.call("tag", "configure", "undrawable", "-foreground", danger, "-background", raised)

    def edited(self, edit: Edit) -> None:
        """Follow an edit; what is seen of it has its colours at once, so that what is typed is never without."""
        first, by = edit.start.line, edit.lines
        if edit.inserted:
            self._painted[first : first + 1] = bytes(by + 1)
        else:
            self._painted[first : first + by + 1] = b"\0"
        self.states.edited(edit)
        first_seen, last_seen = self._seen_lines()
        if first_seen <= first + (by if edit.inserted else 0) and first <= last_seen:
            self._colour(time.perf_counter() + SLICE)
        self._timers.later("work", REST_MILLISECONDS, self._work)

    def paint_seen(self) -> None:
        """Colour what is seen, as much of it as can be at once and the rest soon."""
        if not self._colour(time.perf_counter() + SLICE):
            self._timers.later("work", 2, self._work)

    def _work(self) -> None:
        """Do some of what is not urgent: read the rest of the text, colour what is near."""
        deadline = time.perf_counter() + SLICE
        done = self._colour(deadline)
        if done and not self.states.complete:
            lines = self._document.lines
            for line in self.states.advance(lines, len(lines) - 1, deadline):
                self._painted[line] = 0
            done = False
        if not done or not self._colour_around(deadline):
            self._timers.later("work", 2, self._work)

    def _colour(self, deadline: float) -> bool:
        """Colour the lines that are seen, up to a deadline; return whether all of them have their colours."""
        first, last = self._seen_lines()
        for line in self.states.advance(self._document.lines, last, deadline):
            self._painted[line] = 0
        right = self.states.right
        return self._colour_between(first, min(last, right), deadline) and last <= right

    def _colour_around(self, deadline: float) -> bool:
        """Colour lines near those that are seen; return whether all of them have their colours."""
        first, last = self._seen_lines()
        return self._colour_between(max(first - AROUND, 0), min(last + AROUND, self.states.right), deadline)

    def _colour_between(self, first: int, last: int, deadline: float) -> bool:
        while (line := self._painted.find(0, first, last + 1)) >= 0:
            self._colour_line(line)
            if time.perf_counter() > deadline:
                return False
        return True

    def _seen_lines(self) -> tuple[int, int]:
        first, last = self._seen()
        most = len(self._document.lines) - 1
        return min(self._sheet.rows.row(first).line, most), min(self._sheet.rows.row(last).line, most)

    def _colour_line(self, line: int) -> None:
        self._painted[line] = 1
        text = self._document.lines[line]
        row = self._sheet.rows.first_row(line)
        parts = self._sheet.rows.first_row(line + 1) - row
        begin, end = f"{row + 1}.0", f"{row + parts}.end"
        call = self._sheet.call
        for tag in ROLES:
            call("tag", "remove", tag, begin, end)
        head = text[:COLOURED]
        # Up to here the widget's columns in the first row are those of the line.
        simple = 0 if WIDE.search(head) else min(self._sheet.rows.row(row).end or len(text), COLOURED)
        if (state := self.states.state(line)) is not None:
            by_kind: dict[str, list[str]] = {}
            for start, stop, kind in stretches(text, state, self.states.lexer):
                if stop <= simple:
                    places = f"{row + 1}.{start}", f"{row + 1}.{stop}"
                else:
                    places = self._sheet.index(Position(line, start)), self._sheet.index(Position(line, stop))
                by_kind.setdefault(kind, []).extend(places)
            for kind, ranges in by_kind.items():
                call("tag", "add", kind, *ranges)
        if not head.isprintable():
            call("tag", "remove", "undrawable", begin, end)
            for found in UNDRAWABLE.finditer(head):
                ends = (self._sheet.index(Position(line, at)) for at in found.span())
                call("tag", "add", "undrawable", *ends)
