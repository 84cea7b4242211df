"""What is worth a look in a plan, by rules with limits that a person can set."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from alveary.contracts.plan import Number, Plan, PlanNode, PlanWarning

if TYPE_CHECKING:
    from alveary.settings import Settings


FEWEST = 100
"""Rows, of all loops together, below which neither a wrong estimate nor a condition is worth a warning."""


@dataclass(frozen=True, slots=True)
class Limits:
    """From where on something is worth a warning."""

    factor: float = 10.0
    """How many times more or fewer rows than estimated; ``explain.estimate_factor``."""
    percent: float = 90.0
    """Percent of the rows that conditions throw away; ``explain.filter_percent``."""
    rows: float = 10_000
    """Rows of a table that is read whole; ``explain.scan_rows``."""

    @classmethod
    def of(cls, settings: Settings) -> Limits:
        """Return what is set."""
        factor, percent, rows = (
            settings.get(f"explain.{name}") for name in ("estimate_factor", "filter_percent", "scan_rows")
        )
        return cls(factor, percent, rows)


def warned(plan: Plan, limits: Limits) -> Plan:
    """Return a plan with the warnings that its numbers give reason for."""
    return msgspec.structs.replace(plan, warnings=tuple(_warnings(plan, limits)))


def _warnings(plan: Plan, limits: Limits) -> Iterator[PlanWarning]:
    for number, (_, node) in enumerate(plan.nodes(), start=1):
        factor = off_by(node)
        if factor is not None and factor >= limits.factor and _counts(node) and not _is_repeated(node):
            way = "more" if (node.actual_rows or 0) > (node.estimated_rows or 0) else "fewer"
            yield PlanWarning(
                rule="estimate",
                node=number,
                message=f"{factor:,.0f} times {way} rows than estimated: {amount(node.actual_rows)} instead of "
                f"{amount(node.estimated_rows)}",
            )
        looked = node.scanned_rows
        if node.discarded and node.discarded * 100 >= limits.percent and (looked is None or looked >= FEWEST):
            how = "its conditions throw" if node.discards_measured else "by the estimate its conditions throw"
            percent = math.floor(node.discarded * 10_000) / 100  # never 100 where a row passed
            yield PlanWarning(
                rule="filter",
                node=number,
                message=f"{how} away {percent:g} % of the {amount(looked) or 'many'} rows it looks at",
            )
        if node.spilled is not None:
            yield PlanWarning(rule="spill", node=number, message=f"memory did not suffice: {node.spilled}")
        if node.scans and node.scanned_rows is not None and node.scanned_rows > limits.rows and node.loops != 0:
            yield PlanWarning(
                rule="scan",
                node=number,
                message=f"reads all of {node.relation or 'a table'}, about {amount(node.scanned_rows)} rows",
            )


def off_by(node: PlanNode) -> float | None:
    """Return how many times more or fewer rows there were than estimated, 1 for none; None where nobody can tell.

    Less than one row counts as one. Of a step that may have stopped early, few rows tell nothing.
    """
    if node.estimated_rows is None or node.actual_rows is None or node.was_executed is False:
        return None
    estimated, actual = max(1.0, node.estimated_rows), max(1.0, node.actual_rows)
    if actual < estimated and node.may_stop_early:
        return None
    return max(actual / estimated, estimated / actual)


def _counts(node: PlanNode) -> bool:
    return max(node.estimated_rows or 0, node.actual_rows or 0) * (node.loops or 1) >= FEWEST


def _is_repeated(node: PlanNode) -> bool:
    """Return whether a step only hands on what is told of the step below it: as many rows, as wrongly estimated."""
    rows = (node.estimated_rows, node.actual_rows)
    return any((child.estimated_rows, child.actual_rows) == rows for child in node.children)


def amount(number: Number | None) -> str:
    """Return a number as a person reads it: whole ones with commas, others with as many digits as they say much."""
    if number is None:
        return ""
    return f"{number:,.0f}" if number == int(number) else f"{number:,.2f}"
