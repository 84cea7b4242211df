"""How MariaDB and MySQL explain: their JSON, and MySQL's tree in text, as steps.

The documents of both nest what is done in objects whose names say what it is. So every object, and every object of a
list, becomes a step, but for those that only count (``cost_info``, ``r_engine_stats``); what is neither is a detail.
MariaDB says the time of all loops together: of a query block the steps below included, of everything else without them.
What says no time of its own has none here, and in all that of the steps below.
The trees that MySQL has besides are read next door.
"""

from __future__ import annotations

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
from alveary.errors import UnsupportedError
from alveary_plugins.drivers.mysql.operations import operation, summed, tree
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
        *("select_id", "operation"),
    }
)
_CONDITIONS = ("attached_condition", "index_condition", "having_condition", "outer_ref_condition", "condition")
_OWN_TIMES = ("r_table_time_ms", "r_other_time_ms", "r_unpack_time_ms")


class MysqlExplainer(Explainer):
    """Explains by EXPLAIN and ANALYZE FORMAT=JSON, MySQL's ANALYZE by its tree."""

    def explain(self, request: ExplainRequest) -> Generator[Step, Explained, Plan]:
        is_mariadb = request.server.product == "MariaDB"
        head = "explain format=json"
        changes = yield from check_undoable(request)
        if request.analyze:
            head = "analyze format=json" if is_mariadb else "explain analyze"
        step = Step(sql=f"{head} {request.sql}", bound=True, runs=request.analyze, undone=True)
        try:
            said = yield step
        except UnsupportedError:  # tables are locked, so there can be no transaction
            if request.analyze or changes:
                raise
            said = yield msgspec.structs.replace(step, undone=False)
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
            root = operation(document)
        elif isinstance(plan := document.get("query_plan"), Members):  # the second version of MySQL's JSON
            root = operation(plan)
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
        root = tree(raw)
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
            yield summed(PlanNode(kind=_KINDS[name], children=tuple(inner)))
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
    return summed(
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
