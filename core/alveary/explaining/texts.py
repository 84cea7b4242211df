"""A plan as text: the tree with its numbers in columns, what the server said of each step below it, the warnings."""

from __future__ import annotations

from alveary.contracts.plan import Plan
from alveary.explaining.rows import PlanRow, columns_of, numbered, rows_of, summary, warning_line
from alveary.tables import visible

PLACES = ("Outer", "Inner", "Member")
"""Roles that say no more than where a step stands."""


def plan_text(plan: Plan) -> str:
    """Return a plan as lines, ending in a newline; nothing in it can drive a terminal."""
    rows, columns = rows_of(plan), columns_of(plan)
    steps = [f"{_branch(row)}{step_text(row)}" for row in rows]
    digits = len(str(len(rows)))
    width = max([4, *map(len, steps)])
    cells = [[column.text(row.node) for row in rows] for column in columns]
    widths = [max(len(column.title), *map(len, each)) for column, each in zip(columns, cells, strict=True)]

    def line(number: str, step: str, numbers: list[str]) -> str:
        right = "  ".join(cell.rjust(width) for cell, width in zip(numbers, widths, strict=True))
        return f"{number.rjust(digits)}  {step.ljust(width)}  {right}".rstrip()

    lines = [line("#", "Step", [column.title for column in columns])]
    lines.append(line("-" * digits, "-" * width, ["-" * each for each in widths]))
    for at, row in enumerate(rows):
        lines.append(line(str(row.number), steps[at], [each[at] for each in cells]))
        below = _below(row)
        for detail in row.node.details:
            name = f"{visible(detail.name)}: " if detail.name else ""
            lines.append(f"{'':>{digits}}  {below}{name}{visible(detail.value)}")
    lines.append("")
    lines.append(summary(plan))
    lines += [f"{visible(detail.name)}: {visible(detail.value)}" for detail in plan.details]
    nodes = numbered(plan)
    lines += [f"warning: {visible(warning_line(nodes, warning))}" for warning in plan.warnings]
    lines += [f"note: {visible(remark)}" for remark in plan.remarks]
    return "\n".join(lines) + "\n"


def step_text(row: PlanRow) -> str:
    """Return what a step does, what it is to the one above where that says something, and whether it ran."""
    role = "" if row.node.role is None or row.node.role in PLACES else f"{row.node.role}: "
    never = " (never executed)" if row.node.was_executed is False else ""
    return visible(f"{role}{row.node.title}{never}")


def _branch(row: PlanRow) -> str:
    if not row.lines:
        return ""
    above = "".join("│  " if goes_on else "   " for goes_on in row.lines[:-1])
    return above + ("├─ " if row.lines[-1] else "└─ ")


def _below(row: PlanRow) -> str:
    above = "".join("│  " if goes_on else "   " for goes_on in row.lines)
    return above + ("│    " if row.is_parent else "     ")
