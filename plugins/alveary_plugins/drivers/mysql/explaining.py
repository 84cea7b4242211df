"""How MariaDB and MySQL explain: their JSON, and MySQL's tree in text, as steps.

The documents of both nest what is done in objects whose names say what it is. So every object, and every object of a
list, becomes a step, but for those that only count (``cost_info``, ``r_engine_stats``); what is neither is a detail.
MariaDB says the time of all loops together: of a query block the steps below included, of everything else without them.
What says no time of its own has none here, and in all that of the steps below.
MySQL says that of one loop, the steps below included; its loops are multiplied.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator, Sequence
from typing import Any

import msgspec

from alveary.contracts.documents import Members, detail, number, read_document, words
from alveary.contracts.plan import (
    Detail,
    Explained,
    Explainer,
    ExplainRequest,
    Number,
    Plan,
    PlanNode,
    Step,
)
from alveary_plugins.drivers.mysql.undoable import check_undoable

ENGINE = "mysql"
ROLLED_BACK = (
    "It was run, and rolled back. A rollback does not take back numbers of AUTO_INCREMENT and sequences, nor what "
    "stored functions and triggers did in tables without transactions."
)

#: What the servers call the ways to read a table.
_WAYS = {
    "ALL": "Full table scan",
    "index": "Full index scan",
    "range": "Index range scan",
    "ref": "Index lookup",
    "eq_ref": "Unique index lookup",
    "ref_or_null": "Index lookup with NULL",
    "const": "Constant row",
    "system": "Single row",
    "fulltext": "Full-text lookup",
    "index_merge": "Index merge",
    "unique_subquery": "Unique subquery lookup",
    "index_subquery": "Index subquery lookup",
}
_KINDS = {
    "query_block": "Query block",
    "nested_loop": "Nested loop join",
    "block-nl-join": "Block nested loop join",
    "filesort": "Sort",
    "temporary_table": "Temporary table",
    "union_result": "Union",
    "materialized": "Materialized",
    "materialized_from_subquery": "Materialized",
    "recursive_union": "Recursive union",
    "read_sorted_file": "Read the sorted rows",
    "window_functions_computation": "Window functions",
    "expression_cache": "Subquery cache",
    "grouping_operation": "Group",
    "ordering_operation": "Order",
    "duplicates_removal": "Distinct",
    "buffer_result": "Buffer",
    "windowing": "Window functions",
}
_COUNTS = ("cost_info", "r_engine_stats")
_FIGURES = frozenset(
    {
        *("table_name", "key", "rows", "r_rows", "r_loops", "filtered", "r_filtered", "cost", "r_total_time_ms"),
        *("r_table_time_ms", "r_other_time_ms", "rows_examined_per_scan", "rows_produced_per_join", "used_columns"),
        *("select_id", "operation", "estimated_rows", "actual_rows", "actual_loops", "estimated_total_cost"),
        *("estimated_first_row_cost", "actual_first_row_ms", "actual_last_row_ms"),
    }
)
_CONDITIONS = ("attached_condition", "index_condition", "having_condition", "outer_ref_condition", "condition")
_OWN_TIMES = ("r_table_time_ms", "r_other_time_ms", "r_unpack_time_ms")

_LINE = re.compile(r"(?P<indent> *)(?:-> )(?P<what>.*)")
_N = r"\d+(?:\.\d+)?(?:e[+-]?\d+)?"
_ESTIMATED = re.compile(rf"\s*\((?:cost=(?P<first>{_N})(?:\.\.(?P<cost>{_N}))?\s*)?(?:rows=(?P<rows>{_N}))?\)")
_ACTUAL = re.compile(rf"\s*\(actual time=(?P<first>{_N})\.\.(?P<last>{_N}) rows=(?P<rows>{_N}) loops=(?P<loops>\d+)\)")
_NEVER = re.compile(r"\s*\(never executed\)")
_ON = re.compile(r"(?P<kind>.+?) on (?P<relation><?[\w`.,]+>?)(?: using (?P<index>[\w`]+))?(?P<rest>.*)", re.DOTALL)


class MysqlExplainer(Explainer):
    """Explains by EXPLAIN and ANALYZE FORMAT=JSON, MySQL's ANALYZE by its tree."""

    def explain(self, request: ExplainRequest) -> Generator[Step, Explained, Plan]:
        is_mariadb = request.server.product == "MariaDB"
        head = "explain format=json"
        if request.analyze:
            if request.changes:
                yield from check_undoable(request.sql)
            head = "analyze format=json" if is_mariadb else "explain analyze"
        said = yield Step(sql=f"{head} {request.sql}", bound=True, runs=request.analyze)
        return read(said.text(), request)


def read(raw: str, request: ExplainRequest) -> Plan:
    """Read what EXPLAIN answered, in JSON or as a tree; what is neither comes as one step that says so."""
    try:
        document: Any = read_document(raw)
    except ValueError:
        document = None
    planning = execution = None
    rest: Sequence[Detail] = ()
    if isinstance(document, Members):
        if document.get("operation") is not None or document.get("inputs") is not None:
            root = _operation(document)
        elif isinstance(plan := document.get("query_plan"), Members):  # the second version of MySQL's JSON
            root = _operation(plan)
            rest = [detail(*each) for each in document if each[0] != "query_plan"]
        else:
            optimizing = document.get("query_optimization")
            if isinstance(optimizing, Members):
                planning = number(optimizing.get("r_total_time_ms"))
            blocks = [each for each in document if each[0] != "query_optimization"]
            steps = list(_steps(blocks))
            rest = [detail(*each) for each in blocks if not _is_step(*each)]
            root = steps[0] if len(steps) == 1 else PlanNode(kind="Plan", children=tuple(steps))
    else:
        root = _tree(raw)
    if request.analyze:
        execution = root.total_ms
    return Plan(
        engine=ENGINE,
        server=f"{request.server.product} {request.server.version}",
        statement=request.sql,
        analyzed=request.analyze,
        root=root,
        planning_ms=None if planning is None else float(planning),
        execution_ms=execution,
        details=tuple(rest),
        remarks=(ROLLED_BACK,) if request.analyze else (),
        raw=raw,
        raw_format="json" if document is not None else "text",
    )


# -- JSON of nested objects --------------------------------------------------------------------------------------


def _is_step(name: str, value: Any) -> bool:
    if name in _COUNTS:
        return False
    return isinstance(value, Members) or (
        isinstance(value, list) and bool(value) and all(isinstance(each, Members) for each in value)
    )


def _steps(members: Sequence[tuple[str, Any]]) -> Iterator[PlanNode]:
    for name, value in members:
        if not _is_step(name, value):
            continue
        if isinstance(value, Members):
            yield _step(name, value)
            continue
        # A list holds what is done one after the other, each in an object with its name alone.
        inner = [node for each in value for node in (_steps(each) if _only_steps(each) else [_step(name, each)])]
        if name == "nested_loop" and len(inner) > 1:
            yield _summed(PlanNode(kind=_KINDS[name], children=tuple(inner)))
        elif name in ("subqueries", "query_specifications", "nested_loop", "sorts"):
            yield from (_with_role(node, name) if name == "subqueries" else node for node in inner)
        else:
            yield from (_with_role(node, name) for node in inner)


def _only_steps(members: Members) -> bool:
    return bool(members) and all(_is_step(*each) for each in members)


def _with_role(node: PlanNode, name: str) -> PlanNode:
    return msgspec.structs.replace(node, role=name)


def _step(name: str, members: Members) -> PlanNode:
    get = members.get
    children = tuple(_steps(members))
    way = get("access_type")
    is_table = name == "table" or get("table_name") is not None
    kind = _KINDS.get(name, name)
    if name == "query_block" and get("select_id") is not None:
        kind = f"{kind} {words(get('select_id'))}"
    elif is_table and name == "table":
        kind = _WAYS.get(words(way), words(way)) if way is not None else words(get("message") or "Table")
        for change in ("update", "delete", "insert"):
            if get(change) is not None:
                kind = f"{change.capitalize()} by {kind[0].lower()}{kind[1:]}"
    rows = _first(members, "rows", "rows_examined_per_scan")
    actual, loops = number(get("r_rows")), _first(members, "r_loops")
    actual = _first(members, "r_output_rows") if actual is None else actual
    scans = is_table and way in ("ALL", "index") and not words(get("table_name") or "<").startswith("<")
    scanned = None
    if is_table:
        # A change is no part of a join, and says no loops.
        scanned = rows if actual is None else actual * (1 if loops is None else loops)
    filtered, measured = number(get("filtered")), False
    if "r_filtered" in [each for each, _ in members]:
        filtered, measured = number(get("r_filtered")), True
    return _summed(
        PlanNode(
            kind=kind,
            role=words(get("operation")) if get("operation") is not None else None,
            relation=words(get("table_name")) if get("table_name") is not None else None,
            index=words(get("key")) if get("key") is not None else None,
            condition=" and ".join(words(found) for each in _CONDITIONS if (found := get(each))) or None,
            estimated_rows=rows,
            actual_rows=actual,
            loops=loops,
            total_cost=_cost(members),
            total_ms=_decimal(number(get("r_total_time_ms"))) if name == "query_block" else None,
            own_ms=None if name == "query_block" else _own(members),
            scans=scans,
            scanned_rows=scanned,
            discarded=None
            if filtered is None or not (is_table or measured)
            else min(1.0, max(0.0, 1 - filtered / 100)),
            discards_measured=measured,
            spilled=_spilled(members),
            buffers=_pages(members),
            details=tuple(_details(members)),
            figures=tuple(detail(*each) for each in members if _is_figure(*each)),
            children=children,
        )
    )


def _summed(node: PlanNode) -> PlanNode:
    """Return a step with both of its times: the one that was said, and the one that follows from the steps below."""
    known = [child.total_ms for child in node.children if child.total_ms is not None]
    below = sum(known)
    if node.total_ms is not None:
        return msgspec.structs.replace(node, own_ms=round(max(0.0, node.total_ms - below), 6))
    if node.own_ms is not None:
        return msgspec.structs.replace(node, total_ms=round(node.own_ms + below, 6))
    return msgspec.structs.replace(node, total_ms=round(below, 6)) if known else node


def _is_figure(name: str, value: Any) -> bool:
    return not _is_step(name, value) and (name in _FIGURES or value is None or value is False)


def _details(members: Members) -> Iterator[Detail]:
    for name, value in members:
        if name in _COUNTS and isinstance(value, Members):
            yield from (Detail(f"{name}.{key}", words(found)) for key, found in value)
        elif not _is_step(name, value) and not _is_figure(name, value):
            yield detail(name, value)


def _first(members: Members, *names: str) -> Number | None:
    return next((found for name in names if (found := number(members.get(name))) is not None), None)


def _cost(members: Members) -> Number | None:
    if (cost := number(members.get("cost"))) is not None:
        return cost
    info = members.get("cost_info")
    return _first(info, "prefix_cost", "query_cost", "sort_cost") if isinstance(info, Members) else None


def _own(members: Members) -> float | None:
    if (total := number(members.get("r_total_time_ms"))) is not None:
        return float(total)
    times = [found for name in _OWN_TIMES if (found := number(members.get(name))) is not None]
    if times:
        return round(float(sum(times)), 9)
    return 0.0 if number(members.get("r_loops")) == 0 else None


def _spilled(members: Members) -> str | None:
    passes = number(members.get("r_sort_passes"))
    return f"sorting took {passes:,} passes over files on disk" if passes else None


def _pages(members: Members) -> dict[str, Number]:
    stats = members.get("r_engine_stats")
    if not isinstance(stats, Members):
        return {}
    return {
        name.replace("_", " "): count
        for name, value in stats
        if name.startswith("pages_") and not name.endswith("_ms") and (count := number(value))
    }


def _decimal(value: Number | None) -> float | None:
    return None if value is None else float(value)


# -- MySQL's trees -----------------------------------------------------------------------------------------------


def _operation(members: Members) -> PlanNode:
    """Read a step of the second version of MySQL's JSON."""
    get = members.get
    children = tuple(
        _operation(each)
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
        _summed(
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


def _tree(raw: str) -> PlanNode:
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
        _summed(
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
