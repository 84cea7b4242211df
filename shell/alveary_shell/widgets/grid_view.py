"""What a person has done to a grid: a cursor and ranges of cells, never the cells one by one; widths, place, order."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

END = 1 << 62
"""Stands for the last row, however many there are or will be."""


class Range(NamedTuple):
    """A rectangle of cells; ``bottom`` and ``right`` are the first that do not belong to it."""

    top: int
    left: int
    bottom: int
    right: int

    def holds(self, row: int, column: int) -> bool:
        """Return whether a cell lies in the rectangle."""
        return self.top <= row < self.bottom and self.left <= column < self.right


class Selection:
    """A cursor, which is always one cell, and the ranges; the last one is the one that keys and drags change."""

    def __init__(self) -> None:
        self.row = self.column = 0
        self._anchor = (0, 0)
        self._whole: tuple[bool, bool] = (False, False)  # whether the last range takes whole rows, whole columns
        self.ranges: list[Range] = [Range(0, 0, 1, 1)]

    def go(self, row: int, column: int) -> None:
        """Put the cursor on a cell and select it alone."""
        self.row, self.column = row, column
        self._begin(row, column, (False, False), add=False)

    def add(self, row: int, column: int) -> None:
        """Begin another range at a cell; where the cell is selected alone already, take it away instead."""
        single = Range(row, column, row + 1, column + 1)
        if single in self.ranges and len(self.ranges) > 1:
            self.ranges.remove(single)
            last = self.ranges[-1]
            self.row, self.column = self._anchor = (last.top, last.left)
            return
        self.row, self.column = row, column
        self._begin(row, column, (False, False), add=True)

    def rows(self, row: int, column: int, *, add: bool = False) -> None:
        """Select a whole row; the cursor goes to ``column`` in it."""
        self.row, self.column = row, column
        self._begin(row, column, (True, False), add=add)

    def columns(self, row: int, column: int, *, add: bool = False) -> None:
        """Select a whole column; the cursor goes to ``row`` in it."""
        self.row, self.column = row, column
        self._begin(row, column, (False, True), add=add)

    def everything(self) -> None:
        """Select all cells; the cursor stays."""
        self._anchor = (self.row, self.column)
        self._whole = (True, True)
        self.ranges = [Range(0, 0, END, END)]

    def extend(self, row: int, column: int) -> None:
        """Let the last range reach from where it began to this cell; the cursor stays where it began."""
        top, bottom = sorted((self._anchor[0], row))
        left, right = sorted((self._anchor[1], column))
        rows, columns = self._whole
        self.ranges[-1] = Range(
            0 if columns else top, 0 if rows else left, END if columns else bottom + 1, END if rows else right + 1
        )

    @property
    def corner(self) -> tuple[int, int]:
        """The cell of the last range that lies across from where it began: what an extending key moves."""
        last, (row, column) = self.ranges[-1], self._anchor
        rows, columns = self._whole
        return (
            row if columns else last.bottom - 1 if last.top == row else last.top,
            column if rows else last.right - 1 if last.left == column else last.left,
        )

    @property
    def single(self) -> bool:
        """Whether it is one cell only."""
        return self.ranges == [Range(self.row, self.column, self.row + 1, self.column + 1)]

    def clipped(self, rows: int, columns: int) -> list[Range]:
        """Return the ranges as far as they lie in a grid of this size, none of them empty."""
        cut = [Range(each.top, each.left, min(each.bottom, rows), min(each.right, columns)) for each in self.ranges]
        return [each for each in cut if each.top < each.bottom and each.left < each.right]

    def count(self, rows: int, columns: int) -> tuple[int, int]:
        """Return how many rows and columns are touched in a grid of this size."""
        ranges = self.clipped(rows, columns)
        return (
            sum(bottom - top for top, bottom in spans([(each.top, each.bottom) for each in ranges])),
            sum(right - left for left, right in spans([(each.left, each.right) for each in ranges])),
        )

    def _begin(self, row: int, column: int, whole: tuple[bool, bool], *, add: bool) -> None:
        self._anchor, self._whole = (row, column), whole
        new = Range(
            0 if whole[1] else row,
            0 if whole[0] else column,
            END if whole[1] else row + 1,
            END if whole[0] else column + 1,
        )
        self.ranges = [*self.ranges, new] if add else [new]


def spans(parts: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return half-open spans in order, those that touch or overlap made one."""
    joined: list[tuple[int, int]] = []
    for start, end in sorted(parts):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((start, end))
    return joined


class Mark(NamedTuple):
    """How a column takes part in the order of the rows; ``rank`` counts from 1, 0 for the only one."""

    descending: bool
    rank: int = 0


@dataclass(slots=True)
class View:
    """How a person has arranged the look of one set of rows; given back to the grid, it is as it was."""

    widths: dict[int, float] = field(default_factory=dict)
    """Units by column, where they are known."""
    top: int = 0
    left: float = 0.0
    """The first row in sight, and how many units the columns are moved to the left."""
    selection: Selection = field(default_factory=Selection)
    measured: int = 0
    """How many rows the grid has looked at to find widths by itself."""
    chosen: set[int] = field(default_factory=set)
    """Columns whose width a person has chosen, which is never changed."""
