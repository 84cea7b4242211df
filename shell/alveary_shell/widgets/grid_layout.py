"""Where the columns of a grid stand: measured by their headers and first rows, kept in units, placed in pixels."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import NamedTuple

from alveary.contracts.values import Cell, Column, Row, ValueKind
from alveary_shell.theme import Theme
from alveary_shell.widgets.grid_rows import GridRows
from alveary_shell.widgets.grid_text import Fitter, cell_line, visible
from alveary_shell.widgets.grid_view import View

NARROWEST, WIDEST, SUGGESTED = 32, 1600, 320
"""Units: how narrow and wide a column can be made, and how wide it becomes by itself at most."""
MARGIN = 8
"""Units between a cell's text and its edges."""
SAMPLE_ROWS, SAMPLE_CELLS = 200, 4000
"""What is looked at, at most, to find how wide columns should be."""
MEASURED_COLUMNS = 64
_GRIP = 4


class Look(NamedTuple):
    """How one cell's text is drawn."""

    right: bool
    role: str
    small: bool


PLAIN, NUMBER = Look(False, "text", False), Look(True, "text", False)
NULL, NULL_NUMBER = Look(False, "faint", True), Look(True, "faint", True)


def cell_look(column: Column, cell: Cell, *, right: bool) -> tuple[str, Look]:
    """Return what is drawn of a cell, on one line and not yet cut, and how; ``right`` as its column stands."""
    if cell is None:
        return "NULL", NULL_NUMBER if right else NULL
    if column.kind is ValueKind.DYNAMIC:
        right = isinstance(cell, int | float)
    return cell_line(column, cell), NUMBER if right else PLAIN


class Layout:
    """The places of the columns. What a person chose of it is in ``view``; it draws nothing."""

    def __init__(self, theme: Theme) -> None:
        self._theme = theme
        self.columns: Sequence[Column] = ()
        self.view = View()
        self.typed = False
        """Whether any column says its type, so that the header has two lines."""
        self.right: list[bool] = []
        """Which columns have their texts at the right edge, as numbers do."""
        self.lefts: list[int] = [0]
        """Pixels at which each column begins; behind them, where the last one ends."""
        self.repaint()

    def show(self, columns: Sequence[Column], view: View) -> None:
        """Lay out other columns."""
        self.columns, self.view = columns, view
        self.typed = any(column.type_name for column in columns)
        self.right = [column.kind is ValueKind.NUMBER for column in columns]
        self.lefts = [0] * (len(columns) + 1)

    def repaint(self) -> None:
        """Take the theme's fonts anew."""
        theme, px = self._theme, self._theme.px
        line = theme.ui.metrics("linespace")
        # Columns grow with the text when it is zoomed.
        self.unit = px(1000) / 1000 * line / px(16)
        self.row = line + px(8)
        self.pad = px(MARGIN)
        self.plain, self.small, self.bold = Fitter(theme.ui), Fitter(theme.small), Fitter(theme.ui_bold)

    @property
    def x(self) -> int:
        """How many pixels the columns are moved to the left."""
        return round(self.view.left * self.unit)

    @property
    def total(self) -> int:
        """How many pixels all columns take."""
        return self.lefts[-1]

    def width(self, column: int) -> int:
        """Return a column's width in pixels."""
        if (units := self.view.widths.get(column)) is not None:
            return round(units * self.unit)
        return round(SUGGESTED * self.unit / 2.5)

    def place(self) -> None:
        """Place the columns by their widths."""
        self.lefts = list(accumulate(map(self.width, range(len(self.columns))), initial=0))

    def at(self, x: int) -> int:
        """Return the column at a place of the window: -1 left of the first, how many there are beyond the last."""
        return min(bisect_right(self.lefts, x + self.x) - 1, len(self.columns))

    def border_at(self, x: int) -> int | None:
        """Return the column whose right border is near a place."""
        grip = self._theme.px(_GRIP)
        at = bisect_right(self.lefts, x + self.x + grip) - 1
        if at >= 1 and abs(self.lefts[at] - (x + self.x)) <= grip:
            return at - 1
        return None

    # -- widths --------------------------------------------------------------------------------------------------

    def resize(self, column: int, x: int) -> None:
        """Give a column the width that puts its right border at a place of the window."""
        width = (x + self.x - self.lefts[column]) / self.unit
        self.view.widths[column] = max(NARROWEST, min(width, WIDEST))
        self.view.chosen.add(column)

    def fit(self, columns: Sequence[int], rows: GridRows) -> None:
        """Make columns as wide as their headers and the rows at hand need."""
        sample = self._sample(rows, len(columns))
        for column in columns:
            self.view.widths[column] = self._natural(column, sample) / self.unit

    def suggest(self, rows: GridRows, count: int) -> bool:
        """Find widths by the first rows; once more when many have followed, for then columns may grow.

        Return whether any was looked for.
        """
        before = self.view.measured
        if before >= SAMPLE_ROWS or count < max(8 * before, 1):
            return False
        sample = [row for row in self._sample(rows, len(self.columns)) if row]
        if not sample:
            return False
        self.view.measured = SAMPLE_ROWS if before or count >= SAMPLE_ROWS else len(sample)
        for column, of in enumerate(self.columns):
            if of.kind is ValueKind.DYNAMIC:
                cells = [row[column] for row in sample if row[column] is not None]
                self.right[column] = bool(cells) and all(isinstance(cell, int | float) for cell in cells)
            # Measuring hundreds of columns would be felt; those far to the right keep the usual width.
            if column not in self.view.chosen and column < MEASURED_COLUMNS:
                width = self._natural(column, sample) / self.unit
                self.view.widths[column] = max(width, self.view.widths.get(column, 0.0) if before else 0.0)
        return True

    def widen(self, cut: Mapping[int, int]) -> bool:
        """Make room, in pixels, for numbers, which mean something else when they are cut; return whether any moved."""
        wider = {column: width for column, width in cut.items() if column not in self.view.chosen}
        for column, width in wider.items():
            self.view.widths[column] = min(width + 2 * self.pad, round(SUGGESTED * self.unit)) / self.unit
        return any(self.width(column) != self.lefts[column + 1] - self.lefts[column] for column in wider)

    def _sample(self, rows: GridRows, columns: int) -> Sequence[Row | None]:
        """Return rows at hand from the first in sight on, few if many columns are to be measured."""
        many = max(8, min(SAMPLE_ROWS, SAMPLE_CELLS // max(columns, 1)))
        return rows.window(self.view.top, self.view.top + many)

    def _natural(self, column: int, rows: Sequence[Row | None]) -> int:
        """Return how wide a column should be by its header and some rows, in pixels."""
        of, most = self.columns[column], round(SUGGESTED * self.unit)
        name = self.bold.width(visible(of.name[:200])) + self.small.width("▲1") + round(4 * self.unit)
        widest = max(name, self.small.width(visible(of.type_name[:100])))
        for row in rows:
            if row is not None and column < len(row):
                text, look = cell_look(of, row[column], right=False)
                widest = max(widest, (self.small if look.small else self.plain).width(text[:most]))
        return min(max(widest + 2 * self.pad, round(NARROWEST * self.unit)), most)
