"""Draws a plan: a tree with columns of numbers and bars, as shapes that a window's canvas or a file can show.

Who shows it measures its own texts and picks the colours of the roles; a line is drawn by itself, so that a window
draws those in sight alone.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

from alveary.contracts.plan import Plan
from alveary.explaining.rows import PlanColumn, PlanRow, columns_of, rows_of
from alveary.explaining.texts import step_text
from alveary.tables import visible

HOT = 0.3
"""From which part of the whole on a step's own part is marked."""


LEAST_STEP = 20
"""Heights of a line that the tree is wide at least, as long as columns can be left out for it."""
SPARED = ("Cost", "Total ms", "Loops", "Size", "Estimated")
"""Columns that are left out where there is no room, the first one first; their numbers are told of the step, too."""


class Metrics(Protocol):
    """How large text is where the plan is shown."""

    @property
    def line(self) -> int:
        """The height of a line of text."""
        ...

    def width(self, text: str, *, bold: bool = False) -> int:
        """Return how wide a text is."""
        ...


@dataclass(frozen=True, slots=True)
class Box:
    """A filled rectangle; ``strength`` says how much of the role's colour is in it, the rest is the background's."""

    left: float
    top: float
    right: float
    bottom: float
    role: str
    strength: float = 1.0


@dataclass(frozen=True, slots=True)
class Label:
    """A line of text, from its left or right end, in the middle of its height."""

    x: float
    y: float
    text: str
    role: str = "text"
    end: Literal["left", "right"] = "left"
    bold: bool = False


@dataclass(frozen=True, slots=True)
class Path:
    """A line through some points, or the area within them."""

    points: tuple[tuple[float, float], ...]
    role: str
    filled: bool = False


Shape: TypeAlias = Box | Label | Path


@dataclass(frozen=True, slots=True)
class _Column:
    """A column with its texts, a line each, and how wide it is."""

    column: PlanColumn
    texts: list[str]
    width: int

    @classmethod
    def of(cls, column: PlanColumn, rows: Sequence[PlanRow], metrics: Metrics) -> _Column:
        texts = [column.text(row.node) for row in rows]
        # Digits are all as wide, so that the longest text is the widest one: measuring each would take too long.
        widest = max(metrics.width(column.title, bold=True), metrics.width(max(texts, key=len, default="")))
        return cls(column, texts, widest + metrics.line + (2 * metrics.line if column.share is not None else 0))


class PlanDrawing:
    """A plan laid out: lines of one height, the tree at the left, the columns at the right of it."""

    def __init__(self, plan: Plan, metrics: Metrics, *, width: int | None = None, closed: Collection[int] = ()) -> None:
        """Lay out a plan within ``width``, or as wide as it needs, without what stands below the steps ``closed``."""
        self.plan = plan
        self.rows = rows_of(plan, closed)
        self._metrics = metrics
        self.unit = metrics.line
        """The height of a line of text; everything else is in proportion."""
        self.row_height = round(self.unit * 1.6)
        self._columns = [_Column.of(column, self.rows, metrics) for column in columns_of(plan)]
        if width is None:
            step = max((self._step_left(row) + self._step_width(row) for row in self.rows), default=0)
            width = round(max(step, 20 * self.unit)) + self._numbers()
        for title in SPARED:
            if width - self._numbers() < LEAST_STEP * self.unit:
                self._columns = [each for each in self._columns if each.column.title != title]
        numbers = self._numbers()
        self.width = max(width, numbers + 12 * self.unit)
        self.step_right = self.width - numbers
        self.height = self.row_height * len(self.rows)

    def head(self) -> Iterator[Shape]:
        """Yield the headings, in a line that begins at 0."""
        middle = self.row_height / 2
        yield Box(0, 0, self.width, self.row_height, "raised")
        yield Label(self.unit * 0.6, middle, "Step", "muted", bold=True)
        right = float(self.step_right)
        for each in self._columns:
            right += each.width
            yield Label(right, middle, each.column.title, "muted", "right", bold=True)

    def row(self, at: int, *, hot: bool = True) -> Iterator[Shape]:
        """Yield what a line shows; it begins at its number times the height of a line."""
        row = self.rows[at]
        top = at * self.row_height
        middle = top + self.row_height / 2
        is_dead = row.node.was_executed is False
        yield from self._branches(row, top)
        left = self._step_left(row)
        if row.is_parent:
            yield self._handle(row, middle)
        if row.warnings:
            size = self.unit * 0.32
            x = left + size
            yield Path(
                ((x - size, middle + size), (x, middle - size), (x + size, middle + size)), "warning", filled=True
            )
            left += self.unit
        text = step_text(row)
        room = self.step_right - left - self.unit * 0.5
        role = "faint" if is_dead else "text"
        yield Label(left, middle, self._cut(text, room, bold=not is_dead), role, bold=not is_dead)
        if row.node.condition is not None and row.node.condition not in row.node.title:
            after = left + self._metrics.width(text, bold=not is_dead) + self.unit * 0.7
            if (room := self.step_right - after - self.unit * 0.5) > 4 * self.unit:
                yield Label(
                    after, middle, self._cut(visible(row.node.condition), room), "faint" if is_dead else "muted"
                )
        right = float(self.step_right)
        for each in self._columns:
            share = each.column.share(row.node) if each.column.share is not None else 0.0
            if share > 0:
                far = self.unit * 0.4
                bar = max(1.0, (each.width - far) * share)
                end = right + each.width + far / 2
                role = "warning" if share >= HOT else "accent"
                yield Box(end - bar, top + 3, end, top + self.row_height - 3, role, 0.35)
            right += each.width
            if each.texts[at]:
                warns = each.column.title == "Estimated" and any(found.rule == "estimate" for found in row.warnings)
                role = "faint" if is_dead else "warning" if warns else "text"
                yield Label(right, middle, each.texts[at], role, "right")

    def handle_at(self, at: int, x: float) -> bool:
        """Return whether a point of a line is where its steps below are folded away."""
        row = self.rows[at]
        left = self._step_left(row)
        return row.is_parent and left - 1.4 * self.unit <= x < left

    # -- parts -----------------------------------------------------------------------------------------------------

    def _numbers(self) -> int:
        return sum(each.width for each in self._columns) + self.unit

    def _step_left(self, row: PlanRow) -> float:
        return self.unit * (1.6 + 1.2 * row.depth)

    def _step_width(self, row: PlanRow) -> float:
        condition = "" if row.node.condition is None else visible(row.node.condition)
        shown = self._metrics.width(condition[:60]) + self.unit if condition else 0
        return self._metrics.width(step_text(row), bold=True) + shown + self.unit * (2 if row.warnings else 1)

    def _branches(self, row: PlanRow, top: float) -> Iterator[Shape]:
        for level, goes_on in enumerate(row.lines):
            x = self.unit * (1.0 + 1.2 * level)
            is_own = level == row.depth - 1
            if goes_on or is_own:
                bottom = top + self.row_height if goes_on else top + self.row_height / 2
                yield Path(((x, top), (x, bottom)), "border")
            if is_own:
                middle = top + self.row_height / 2
                yield Path(((x, middle), (x + self.unit * 0.6, middle)), "border")

    def _handle(self, row: PlanRow, middle: float) -> Shape:
        x, size = self._step_left(row) - self.unit * 0.6, self.unit * 0.26
        if row.is_open:
            points = ((x - size, middle - size * 0.6), (x + size, middle - size * 0.6), (x, middle + size * 0.8))
        else:
            points = ((x - size * 0.6, middle - size), (x + size * 0.8, middle), (x - size * 0.6, middle + size))
        return Path(points, "muted", filled=True)

    def _cut(self, text: str, room: float, *, bold: bool = False) -> str:
        """Return as much of a text as there is room for, with an ellipsis where some is left out."""
        if self._metrics.width(text, bold=bold) <= room:
            return text
        low, high = 0, len(text)
        while low < high:
            at = (low + high + 1) // 2
            low, high = (at, high) if self._metrics.width(text[:at] + "…", bold=bold) <= room else (low, at - 1)
        return text[:low] + "…"
