"""MySQL's own trees of operations: in the second version of its JSON, and in the text of EXPLAIN ANALYZE.

It says the time of one loop, the steps below included; its loops are multiplied.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import msgspec

from alveary.contracts.documents import Members, detail, number, words
from alveary.contracts.plan import Detail, PlanNode

_FIGURES = frozenset(
    {
        *("operation", "estimated_rows", "actual_rows", "actual_loops", "estimated_total_cost"),
        *("estimated_first_row_cost", "actual_first_row_ms", "actual_last_row_ms", "used_columns"),
    }
)
_LINE = re.compile(r"(?P<indent> *)(?:-> )(?P<what>.*)")
_N = r"\d+(?:\.\d+)?(?:e[+-]?\d+)?"
_ESTIMATED = re.compile(rf"\s*\((?:cost=(?P<first>{_N})(?:\.\.(?P<cost>{_N}))?\s*)?(?:rows=(?P<rows>{_N}))?\)")
_ACTUAL = re.compile(rf"\s*\(actual time=(?P<first>{_N})\.\.(?P<last>{_N}) rows=(?P<rows>{_N}) loops=(?P<loops>\d+)\)")
_NEVER = re.compile(r"\s*\(never executed\)")
_ON = re.compile(r"(?P<kind>.+?) on (?P<relation><?[\w`.,]+>?)(?: using (?P<index>[\w`]+))?(?P<rest>.*)", re.DOTALL)


def summed(node: PlanNode) -> PlanNode:
    """Return a step with both of its times: the one that was said, and the one that follows from the steps below."""
    known = [child.total_ms for child in node.children if child.total_ms is not None]
    below = sum(known)
    if node.total_ms is not None:
        return msgspec.structs.replace(node, own_ms=round(max(0.0, node.total_ms - below), 6))
    if node.own_ms is not None:
        return msgspec.structs.replace(node, total_ms=round(node.own_ms + below, 6))
    return msgspec.structs.replace(node, total_ms=round(below, 6)) if known else node


def operation(members: Members) -> PlanNode:
    """Read a step of the second version of MySQL's JSON."""
    get = members.get
    children = tuple(
        operation(each)
        for name, value in members
        if name.startswith("inputs") and isinstance(value, list)
        for each in value
        if isinstance(each, Members)
    )
    loops, last = number(get("actual_loops")), number(get("actual_last_row_ms"))
    rows, actual = number(get("estimated_rows")), number(get("actual_rows"))
    scans = get("access_type") in ("table", "index") and get("index_access_type") in (None, "index_scan")
    total = 0.0 if loops == 0 else None if last is None or loops is None else round(float(last * loops), 6)
    return _scanned(
        summed(
            PlanNode(
                kind=words(get("operation") or get("access_type") or "?"),
                estimated_rows=rows,
                actual_rows=actual,
                loops=loops,
                total_cost=number(get("estimated_total_cost")),
                startup_cost=number(get("estimated_first_row_cost")),
                total_ms=total,
                scans=scans,
                condition=words(get("condition")) if get("condition") else None,
                details=tuple(
                    detail(*each)
                    for each in members
                    if each[0] not in _FIGURES and not (each[0].startswith("inputs") and isinstance(each[1], list))
                ),
                figures=tuple(detail(*each) for each in members if each[0] in _FIGURES),
                children=children,
            )
        )
    )


def tree(raw: str) -> PlanNode:
    """Read ``-> Nested loop  (cost=4.95 rows=9) (actual time=0.15..0.2 rows=9 loops=1)`` and what stands below."""
    levels: list[tuple[int, str, list[Any]]] = []
    roots: list[Any] = []
    said: list[str] = []
    for line in raw.splitlines():
        if (found := _LINE.fullmatch(line)) is None:
            if line.strip():
                (levels[-1][2] if levels else said).append(line.strip())
            continue
        indent = len(found["indent"])
        while levels and levels[-1][0] >= indent:
            levels.pop()
        step: tuple[int, str, list[Any]] = (indent, found["what"], [])
        (levels[-1][2] if levels else roots).append(step)
        levels.append(step)
    if not roots:
        return PlanNode(kind="A plan that can't be read", details=tuple(Detail("", line) for line in said))
    nodes = [_line(what, below, 0) for _, what, below in roots]
    return nodes[0] if len(nodes) == 1 else PlanNode(kind="Plan", children=tuple(nodes))


_DEEPEST = 200
"""Levels of a tree in text that are read as steps; deeper ones are kept as details of the last."""


def _line(what: str, below: Sequence[Any], depth: int) -> PlanNode:
    estimated, actual = _ESTIMATED.search(what), _ACTUAL.search(what)
    never = _NEVER.search(what) is not None
    marks = [found.start() for found in (estimated, actual, _NEVER.search(what)) if found is not None]
    text = what[: min(marks)].strip() if marks else what.strip()
    notes = [each for each in below if isinstance(each, str)]
    steps = [each for each in below if not isinstance(each, str)]
    if depth >= _DEEPEST:
        notes += [each[1] for each in steps]
        steps = []
    children = tuple(_line(inner, deeper, depth + 1) for _, inner, deeper in steps)
    place = _ON.fullmatch(text)
    loops = number(actual["loops"]) if actual else 0 if never else None
    total = None
    if actual and loops is not None:
        total = round(float(actual["last"]) * loops, 6)
    elif never:
        total = 0.0
    condition = text.partition(": ")[2] if text.startswith("Filter: ") else None
    rows = number(actual["rows"]) if actual else None
    return _scanned(
        summed(
            PlanNode(
                kind=place["kind"] if place else text,
                label=text,
                relation=place["relation"] if place else None,
                index=place["index"] if place else None,
                condition=condition,
                estimated_rows=number(estimated["rows"]) if estimated and estimated["rows"] else None,
                actual_rows=rows,
                loops=loops,
                startup_cost=number(estimated["first"]) if estimated and estimated["cost"] else None,
                total_cost=number(estimated["cost"] or estimated["first"] or "") if estimated else None,
                total_ms=total,
                scans=text.startswith(("Table scan on ", "Index scan on ", "Covering index scan on ")),
                details=(
                    *((Detail("rest", place["rest"].strip()),) if place and place["rest"].strip() else ()),
                    *(Detail("", note) for note in notes),
                ),
                figures=(Detail("line", what),),
                children=children,
            )
        )
    )


def _scanned(node: PlanNode) -> PlanNode:
    """Return a step with the rows it looked at: those it gave, and of a filter those that came from below."""
    rows = node.estimated_rows if node.actual_rows is None else node.actual_rows * (node.loops or 0)
    if node.scans and not (node.relation or "").startswith("<"):
        return msgspec.structs.replace(node, scanned_rows=rows)
    below = node.children[0] if node.condition is not None and len(node.children) == 1 else None
    if below is not None and below.actual_rows and node.actual_rows is not None:
        share = 1 - node.actual_rows / below.actual_rows
        return msgspec.structs.replace(
            node,
            discarded=min(1.0, max(0.0, share)),
            discards_measured=True,
            scanned_rows=below.actual_rows * (below.loops or 0),
        )
    return node
