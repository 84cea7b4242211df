"""A plan as lines and columns: what each line says, whoever prints or draws it."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from alveary.contracts.plan import Plan, PlanNode, PlanWarning
from alveary.explaining.warnings import amount


@dataclass(frozen=True, slots=True)
class PlanRow:
    """A line: a step, where it stands in the tree, and what is worth a look in it."""

    number: int
    """In reading order, from 1, of all steps of the plan."""
    node: PlanNode
    depth: int
    lines: tuple[bool, ...]
    """For each level above, whether the tree's line goes on there to a further step; the last is the step's own."""
    is_open: bool
    warnings: tuple[PlanWarning, ...]

    @property
    def is_parent(self) -> bool:
        """Whether steps stand below."""
        return bool(self.node.children)


@dataclass(frozen=True, slots=True)
class PlanColumn:
    """A column of numbers: its heading, what it says of a step, and how much of a bar that is, from 0 to 1."""

    title: str
    text: Callable[[PlanNode], str]
    share: Callable[[PlanNode], float] | None = None


def rows_of(plan: Plan, closed: Collection[int] = ()) -> list[PlanRow]:
    """Return the lines in sight, in reading order; what stands below a step whose number is ``closed`` is not."""
    warnings: dict[int, list[PlanWarning]] = {}
    for warning in plan.warnings:
        warnings.setdefault(warning.node, []).append(warning)
    rows = []
    number, hidden = 0, -1
    waiting: list[tuple[PlanNode, tuple[bool, ...]]] = [(plan.root, ())]
    while waiting:
        node, lines = waiting.pop()
        number += 1
        depth = len(lines)
        if hidden < 0 or depth <= hidden:
            is_open = number not in closed
            hidden = -1 if is_open or not node.children else depth
            rows.append(PlanRow(number, node, depth, lines, is_open, tuple(warnings.get(number, ()))))
        for at, child in reversed(list(enumerate(node.children, start=1))):
            waiting.append((child, (*lines, at < len(node.children))))
    return rows


def columns_of(plan: Plan) -> list[PlanColumn]:
    """Return the columns for which the plan has anything to say."""
    nodes = [node for _, node in plan.nodes()]
    columns = []
    if any(node.estimated_rows is not None for node in nodes):
        columns.append(PlanColumn("Estimated", lambda node: amount(node.estimated_rows)))
    if any(node.actual_rows is not None for node in nodes):
        columns.append(PlanColumn("Rows", lambda node: amount(node.actual_rows)))
    if any(_size(node) for node in nodes):
        columns.append(PlanColumn("Size", _size))
    if any(node.loops is not None for node in nodes):
        columns.append(PlanColumn("Loops", lambda node: amount(node.loops)))
    whole = max((node.total_ms or 0.0 for node in nodes), default=0.0)
    is_timed = any(node.total_ms is not None for node in nodes)
    if is_timed:
        columns.append(PlanColumn("Total ms", lambda node: _milliseconds(node.total_ms)))
        columns.append(
            PlanColumn("Own ms", lambda node: _milliseconds(node.own_ms), lambda node: _part(node.own_ms, whole))
        )
    if any(node.total_cost is not None for node in nodes):
        dearest = max(float(node.total_cost or 0.0) for node in nodes)
        share = None if is_timed else lambda node: _part(node.total_cost, dearest)
        columns.append(PlanColumn("Cost", lambda node: amount(node.total_cost), share))
    return columns


def summary(plan: Plan) -> str:
    """Return in a line who answered, and what the whole took."""
    parts = [plan.server]
    if plan.planning_ms is not None:
        parts.append(f"planning {plan.planning_ms:,.3f} ms")
    if plan.execution_ms is not None:
        parts.append(f"execution {plan.execution_ms:,.3f} ms")
    if plan.analyzed:
        parts.append("run and rolled back" if plan.undone else "run, and not all of it rolled back")
    return ", ".join(parts)


def warning_line(plan_rows: dict[int, PlanNode], warning: PlanWarning) -> str:
    """Return a warning with the step it is about."""
    return f"#{warning.node} {plan_rows[warning.node].title}: {warning.message}"


def numbered(plan: Plan) -> dict[int, PlanNode]:
    """Return the steps by their numbers in reading order."""
    return {number: node for number, (_, node) in enumerate(plan.nodes(), start=1)}


def _size(node: PlanNode) -> str:
    """Return how large is what a step reads whole, where there is no estimate that would say so."""
    return amount(node.scanned_rows) if node.scans and node.estimated_rows is None else ""


def _milliseconds(value: float | None) -> str:
    return "" if value is None else f"{value:,.3f}"


def _part(value: float | None, whole: float) -> float:
    return 0.0 if not value or not whole else min(1.0, float(value) / whole)
