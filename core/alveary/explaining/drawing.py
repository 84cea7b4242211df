"""Draws a plan: a tree with columns of numbers and bars, as shapes that a window's canvas or a file can show.

Who shows it measures its own texts and picks the colours of the roles; a line is drawn by itself, so that a window
draws those in sight alone.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

from alveary.contracts.plan import Plan
from alveary.explaining.rows import PlanRow, columns_of, rows_of
from alveary.explaining.texts import step_text
from alveary.tables import visible

HOT = 0.3
"""From which part of the whole on a step's own part is marked."""


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


class PlanDrawing:
    """A plan laid out: lines of one height, the tree at the left, the columns at the right of it."""

    def __init__(self, plan: Plan, metrics: Metrics, *, width: int | None = None, closed: Collection[int] = ()) -> None:
        """Lay out a plan within ``width``, or as wide as it needs, without what stands below the steps ``closed``."""
        self.plan = plan
        self.rows = rows_of(plan, closed)
        self._metrics = metrics
        self._columns = columns_of(plan)
        self.unit = metrics.line
        """The height of a line of text; everything else is in proportion."""
        self.row_height = round(self.unit * 1.6)
        gap = self.unit
        texts = [[column.text(row.node) for row in self.rows] for column in self._columns]
        self._texts = texts
        # Digits are all as wide, so that the longest text is the widest one: measuring each would take too long.
        self._widths = [
            max(metrics.width(column.title, bold=True), metrics.width(max(each, key=len, default=""))) + gap
            + (2 * self.unit if column.share is not None else 0)
            for column, each in zip(self._columns, texts, strict=True)
        ]  # fmt: skip
        numbers = sum(self._widths) + gap
        if width is None:
            step = max((self._step_left(row) + self._step_width(row) for row in self.rows), default=0)
            width = round(max(step, 20 * self.unit)) + numbers
        self.width = max(width, numbers + 12 * self.unit)
        self.step_right = self.width - numbers
        self.height = self.row_height * len(self.rows)

    def head(self) -> Iterator[Shape]:
        """Yield the headings, in a line that begins at 0."""
        middle = self.row_height / 2
        yield Box(0, 0, self.width, self.row_height, "raised")
        yield Label(self.unit * 0.6, middle, "Step", "muted", bold=True)
        right = float(self.step_right)
        for column, width in zip(self._columns, self._widths, strict=True):
            right += width
            yield Label(right, middle, column.title, "muted", "right", bold=True)

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
        if row.node.condition is not None:
            after = left + self._metrics.width(text, bold=not is_dead) + self.unit * 0.7
            if (room := self.step_right - after - self.unit * 0.5) > 4 * self.unit:
                yield Label(
                    after, middle, self._cut(visible(row.node.condition), room), "faint" if is_dead else "muted"
                )
        right = float(self.step_right)
        for column, width, texts in zip(self._columns, self._widths, self._texts, strict=True):
            if column.share is not None and (share := column.share(row.node)) > 0:
                far = self.unit * 0.4
                bar = (width - far) * share
                yield Box(right + width + far / 2 - bar, top + 3, right + width + far / 2, top + self.row_height - 3,
                          "warning" if share >= HOT else "accent", 0.35)  # fmt: skip
            right += width
            if texts[at]:
                warns = column.title == "Estimated" and any(each.rule == "estimate" for each in row.warnings)
                yield Label(right, middle, texts[at], "faint" if is_dead else "warning" if warns else "text", "right")

    def handle_at(self, at: int, x: float) -> bool:
        """Return whether a point of a line is where its steps below are folded away."""
        row = self.rows[at]
        left = self._step_left(row)
        return row.is_parent and left - 1.4 * self.unit <= x < left

    # -- parts -----------------------------------------------------------------------------------------------------

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
