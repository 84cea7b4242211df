"""The text of an editor without Tk: its lines exactly as they are, edits, and what undoes them."""

from __future__ import annotations

import contextlib
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import accumulate
from typing import Literal, NamedTuple, TypeAlias

MOST_KEPT = 50_000_000
"""Characters of removed and inserted text that are kept for undoing; the oldest steps go first."""

Kind: TypeAlias = Literal["", "typing", "erasing"]
"""What a person did: typing and erasing go on in one step of undo, anything else is a step of its own."""


class Position(NamedTuple):
    """A place between two characters; both count from 0, columns in characters."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Edit:
    """``text`` was inserted at ``start`` or removed from there; ``end`` is where it ends, or ended."""

    start: Position
    end: Position
    text: str
    inserted: bool

    @property
    def lines(self) -> int:
        """How many line ends came or went."""
        return self.end.line - self.start.line

    def reverse(self) -> Edit:
        """Return the edit that undoes this one."""
        return Edit(self.start, self.end, self.text, not self.inserted)


@dataclass(slots=True)
class _Step:
    edits: list[Edit]
    before: int
    after: int
    caret: Position
    kind: Kind
    size: int = 0


class Document:
    """Lines without their ends. A position outside the text is taken for the nearest one within."""

    def __init__(self, text: str = "") -> None:
        self.lines = text.split("\n")
        self.size = len(text)
        """How many characters there are, a line end being one."""
        self.version = 0
        """Counts changes of the text, undoing included."""
        self.state = 0
        """Names the text among those that undo and redo lead to; what was saved is unmodified while it is the same."""
        self._states = 0
        self._listeners: list[Callable[[Edit], object]] = []
        self._undo: list[_Step] = []
        self._redo: list[_Step] = []
        self._open = False
        """Whether the last step may still grow."""
        self._grouped = 0
        self._kept = 0
        self._joined: tuple[int, str] | None = None
        self._starts: tuple[int, list[int]] | None = None

    def listen(self, callback: Callable[[Edit], object]) -> None:
        """Call ``callback`` after every insertion and removal."""
        self._listeners.append(callback)

    # -- reading -------------------------------------------------------------------------------------------------

    @property
    def text(self) -> str:
        """The whole text."""
        if self._joined is None or self._joined[0] != self.version:
            self._joined = self.version, "\n".join(self.lines)
        return self._joined[1]

    @property
    def end(self) -> Position:
        """The place after the last character."""
        return Position(len(self.lines) - 1, len(self.lines[-1]))

    def within(self, position: Position) -> Position:
        """Return the nearest place there is."""
        if position.line < 0:
            return Position(0, 0)
        if position.line >= len(self.lines):
            return self.end
        return Position(position.line, max(0, min(position.column, len(self.lines[position.line]))))

    def slice(self, start: Position, end: Position) -> str:
        """Return the text between two places."""
        if start.line == end.line:
            return self.lines[start.line][start.column : end.column]
        first = self.lines[start.line][start.column :]
        return "\n".join([first, *self.lines[start.line + 1 : end.line], self.lines[end.line][: end.column]])

    def offset(self, position: Position) -> int:
        """Return how many characters stand before a place, a line end being one."""
        return self._line_starts()[position.line] + position.column

    def position(self, offset: int) -> Position:
        """Return the place after so many characters."""
        starts = self._line_starts()
        line = bisect_right(starts, max(offset, 0)) - 1
        return self.within(Position(line, offset - starts[line]))

    def _line_starts(self) -> list[int]:
        if self._starts is None or self._starts[0] != self.version:
            self._starts = self.version, [0, *accumulate(len(line) + 1 for line in self.lines[:-1])]
        return self._starts[1]

    # -- editing -------------------------------------------------------------------------------------------------

    def reset(self, text: str) -> None:
        """Begin anew with a text; nobody is told, and nothing before can be undone."""
        self.lines = text.split("\n")
        self.size = len(text)
        self.version += 1
        self._states += 1
        self.state = self._states
        self._undo.clear()
        self._redo.clear()
        self._kept = 0

    def insert(self, at: Position, text: str, kind: Kind = "") -> Position:
        """Insert text and return where it ends."""
        if not text:
            return at
        lines = text.split("\n")
        end = Position(at.line + len(lines) - 1, len(lines[-1]) + (at.column if len(lines) == 1 else 0))
        self._do(Edit(at, end, text, inserted=True), kind)
        return end

    def delete(self, start: Position, end: Position, kind: Kind = "") -> None:
        """Remove what stands between two places."""
        if start < end:
            self._do(Edit(start, end, self.slice(start, end), inserted=False), kind)

    def replace(self, start: Position, end: Position, text: str, kind: Kind = "") -> Position:
        """Put text in the place of what stands between two places, in one step; return where it ends."""
        if start == end:
            return self.insert(start, text, kind)
        with self.group():
            self.delete(start, end, kind)
            return self.insert(start, text, kind)

    def replace_all(self, text: str) -> None:
        """Make this the whole text, in one step that touches only the lines that differ."""
        old, new = self.lines, text.split("\n")
        first = 0
        while first < min(len(old), len(new)) and old[first] == new[first]:
            first += 1
        last = 0
        while last < min(len(old), len(new)) - first and old[-1 - last] == new[-1 - last]:
            last += 1
        if first == len(old) == len(new):
            return
        if first < len(old) - last and first < len(new) - last:
            end = Position(len(old) - last - 1, len(old[len(old) - last - 1]))
            self.replace(Position(first, 0), end, "\n".join(new[first : len(new) - last]))
        elif last or first == 0:  # whole lines came or went, before one that stayed
            self.replace(
                Position(first, 0),
                Position(len(old) - last, 0),
                "".join(f"{line}\n" for line in new[first : len(new) - last]),
            )
        else:  # likewise, after the last one that stayed
            self.replace(
                Position(first - 1, len(old[first - 1])),
                self.end,
                "".join(f"\n{line}" for line in new[first:]),
            )

    @contextlib.contextmanager
    def group(self) -> Iterator[None]:
        """Make all edits within one step of undo."""
        if self._grouped == 0:
            self._open = False
        self._grouped += 1
        try:
            yield
        finally:
            self._grouped -= 1

    def separate(self) -> None:
        """End the step: what is typed next is undone on its own."""
        if self._grouped == 0:
            self._open = False

    # -- undoing -------------------------------------------------------------------------------------------------

    @property
    def can_undo(self) -> bool:
        """Whether there is something to undo."""
        return bool(self._undo)

    @property
    def can_redo(self) -> bool:
        """Whether something undone can be done again."""
        return bool(self._redo)

    def undo(self) -> Position | None:
        """Undo the last step; return where the caret was before it, None if there is no step."""
        if not self._undo:
            return None
        step = self._undo.pop()
        for edit in reversed(step.edits):
            self._apply(edit.reverse())
        self._redo.append(step)
        self._open, self.state = False, step.before
        return self.within(step.caret)

    def redo(self) -> Position | None:
        """Do the step again that was undone last; return where it ends."""
        if not self._redo:
            return None
        step = self._redo.pop()
        for edit in step.edits:
            self._apply(edit)
        self._undo.append(step)
        self._open, self.state = False, step.after
        last = step.edits[-1]
        return last.end if last.inserted else last.start

    def _do(self, edit: Edit, kind: Kind) -> None:
        self._states += 1
        caret = edit.start if edit.inserted else edit.end
        if not (self._open and self._undo and (self._grouped or self._goes_on(edit, kind))):
            self._undo.append(_Step([], self.state, self._states, caret, kind))
        step = self._undo[-1]
        step.edits.append(edit)
        step.size += len(edit.text)
        step.after = self.state = self._states
        self._open = True
        self._kept += len(edit.text) - sum(each.size for each in self._redo)
        self._redo.clear()
        while self._kept > MOST_KEPT and len(self._undo) > 1:
            self._kept -= self._undo.pop(0).size
        self._apply(edit)

    def _goes_on(self, edit: Edit, kind: Kind) -> bool:
        """Return whether an edit belongs to the step before: the same word typed on, the same key held down."""
        step = self._undo[-1]
        last = step.edits[-1]
        if kind == "" or step.kind != kind or "\n" in edit.text or "\n" in last.text:
            return False
        if kind == "erasing":
            return not last.inserted and last.start in (edit.start, edit.end)
        return last.inserted and last.end == edit.start and not (last.text[-1].isspace() and not edit.text[0].isspace())

    def _apply(self, edit: Edit) -> None:
        (line, column), (last, end) = edit.start, edit.end
        lines = self.lines
        if edit.inserted:
            whole = lines[line][:column] + edit.text + lines[line][column:]
            lines[line : line + 1] = whole.split("\n") if last > line else [whole]
        else:
            lines[line : last + 1] = [lines[line][:column] + lines[last][end:]]
        self.size += len(edit.text) if edit.inserted else -len(edit.text)
        self.version += 1
        for listener in self._listeners:
            listener(edit)
