"""Which row of a text widget shows which part of which line: a line too long for Tk is shown in several rows.

Tk measures a whole row whenever one of its characters changes, so its time for a key grows with the row: 0.8 ms at
2,000 characters, 12 ms at 50,000. The text itself knows nothing of this.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import accumulate
from typing import NamedTuple

from alveary_shell.widgets.document import Edit, Position

MOST = 4000
"""Characters a row may hold; one that grows beyond is broken."""
PART = 2000
"""Characters of the rows that a long line is broken into."""


class Row(NamedTuple):
    """What a row shows: ``line`` from ``start`` to ``end``; ``end`` is None when it shows the line to its end."""

    line: int
    start: int
    end: int | None


class Patch(NamedTuple):
    """What is to be done to the widget: ``text`` comes in the place of what stands between two places."""

    row: int
    column: int
    end_row: int
    end_column: int
    text: str


class Rows:
    """The rows of a document's lines; rows, lines and columns count from 0."""

    def __init__(self) -> None:
        self._parts: dict[int, list[int]] = {}
        """The long lines: how many characters each of their rows shows."""
        self._index: tuple[list[int], list[int], list[int]] | None = None

    def reset(self, lines: Sequence[str]) -> None:
        """Begin with these lines."""
        self._parts = {at: _broken(len(line)) for at, line in enumerate(lines) if len(line) > MOST}
        self._index = None

    def is_long(self, line: int) -> bool:
        """Return whether a line takes several rows."""
        return line in self._parts

    def place(self, position: Position) -> tuple[int, int]:
        """Return the row and the column in it of a place in the text."""
        if not self._parts:
            return position
        row = self.first_row(position.line)
        part, column = self._part(position)
        return row + part, column

    def first_row(self, line: int) -> int:
        """Return the row in which a line begins."""
        if not self._parts:
            return line
        lines, extra, _ = self._extra()
        return line + extra[bisect_left(lines, line)]

    def row(self, row: int) -> Row:
        """Return what a row shows."""
        if not self._parts:
            return Row(row, 0, None)
        lines, _, firsts = self._extra()
        at = bisect_right(firsts, row) - 1
        if at < 0:
            return Row(row, 0, None)
        part = row - firsts[at]
        parts = self._parts[lines[at]]
        if part >= len(parts):
            return Row(lines[at] + 1 + part - len(parts), 0, None)
        start = sum(parts[:part])
        return Row(lines[at], start, start + parts[part] if part < len(parts) - 1 else None)

    def position(self, row: int, column: int) -> Position:
        """Return the place in the text of a column of a row."""
        line, start, _ = self.row(row)
        return Position(line, start + column)

    def edited(self, edit: Edit, lines: Sequence[str]) -> list[Patch]:
        """Follow an edit of which ``lines`` are the outcome; return what shows it, one after the other."""
        start = self.place(edit.start)
        if edit.inserted:
            text = with_breaks(edit.text)
            self._inserted(edit, lines, text)
            return [Patch(*start, *start, text), *self._rebroken(edit, lines)]
        end = self.place(edit.end)
        self._removed(edit, lines)
        return [Patch(*start, *end, ""), *self._rebroken(edit, lines)]

    def _part(self, position: Position) -> tuple[int, int]:
        column = position.column
        parts = self._parts.get(position.line)
        if parts is None:
            return 0, column
        for at, length in enumerate(parts[:-1]):
            if column < length:
                return at, column
            column -= length
        return len(parts) - 1, column

    def _extra(self) -> tuple[list[int], list[int], list[int]]:
        """Return the long lines; before each and after the last, how many more rows than lines; where each begins."""
        if self._index is None:
            lines = sorted(self._parts)
            extra = [0, *accumulate(len(self._parts[line]) - 1 for line in lines)]
            self._index = lines, extra, [line + more for line, more in zip(lines, extra, strict=False)]
        return self._index

    def _removed(self, edit: Edit, lines: Sequence[str]) -> None:
        if not self._parts:
            return
        first, last = edit.start.line, edit.end.line
        at, _ = self._part(edit.start)
        until, _ = self._part(edit.end)
        before = self._parts.get(first, [0])[:at]
        after = self._parts.get(last, [0])[until + 1 :]
        self._shift(last, -edit.lines, first)
        self._keep(first, [*before, len(lines[first]) - sum(before) - sum(after), *after])

    def _inserted(self, edit: Edit, lines: Sequence[str], text: str) -> None:
        if not self._parts and text == edit.text:
            return
        first, last = edit.start.line, edit.end.line
        at, column = self._part(edit.start)
        old = self._parts.get(first, [0])
        before, after = old[:at], old[at + 1 :]
        self._shift(first, edit.lines, first)
        inserted = edit.text.split("\n")
        for number, part in enumerate(inserted):
            line = first + number
            pieces = _broken(len(part)) if len(part) > MOST else [len(part)]
            if number == 0:
                pieces = [*before, column + pieces[0], *pieces[1:]]
            if line == last:
                pieces[-1] = len(lines[line]) - sum(pieces[:-1]) - sum(after)
                pieces += after
            self._keep(line, pieces)

    def _shift(self, after: int, by: int, forget: int) -> None:
        """Let the lines from ``forget`` to ``after`` go, and count those behind on by so many."""
        self._parts = {
            line + (by if line > after else 0): parts
            for line, parts in self._parts.items()
            if line < forget or line > after
        }
        self._index = None

    def _keep(self, line: int, parts: list[int]) -> None:
        if len(parts) > 1:
            self._parts[line] = parts
            self._index = None

    def _rebroken(self, edit: Edit, lines: Sequence[str]) -> list[Patch]:
        """Break the rows that hold too much now, and put a line that became short into one row again."""
        patches: list[Patch] = []
        touched = {edit.start.line, edit.end.line} if edit.inserted else {edit.start.line}
        for line in sorted(touched, reverse=True):  # the last one first, so that the places before stay right
            parts = self._parts.get(line) or [len(lines[line])]
            row = self.first_row(line)
            if len(parts) > 1 and sum(parts) <= MOST:
                ends = range(len(parts) - 2, -1, -1)
                patches += [Patch(row + at, parts[at], row + at + 1, 0, "") for at in ends]
                del self._parts[line]
                self._index = None
                continue
            if max(parts) <= MOST:
                continue
            whole: list[int] = []
            for at in range(len(parts) - 1, -1, -1):
                pieces = _broken(parts[at]) if parts[at] > MOST else [parts[at]]
                whole = [*pieces, *whole]
                cuts = range((len(pieces) - 1) * PART, 0, -PART)
                patches += [Patch(row + at, cut, row + at, cut, "\n") for cut in cuts]
            self._keep(line, whole)
        return patches


def _broken(length: int) -> list[int]:
    """Return how a line of so many characters is broken into rows."""
    parts = [PART] * (length // PART)
    if length % PART or not parts:
        parts.append(length % PART)
    return parts


def with_breaks(text: str) -> str:
    """Return text with line ends where a line that is too long goes on in another row."""
    if len(text) <= MOST:
        return text
    return "\n".join(
        "\n".join(line[at : at + PART] for at in range(0, len(line), PART)) if len(line) > MOST else line
        for line in text.split("\n")
    )
