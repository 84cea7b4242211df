"""How PostgreSQL explains: its JSON as a tree, and what each step took by itself.

The server says the time of one loop, the steps below included. What a step took is derived:

- All its loops together took the time of one times their number.
- Below a Gather, processes work side by side: their loops count as one for each process, of which there are as many as
  the step below the Gather has loops for one of its own.
- Of itself a step took what is left without the steps below it, never less than nothing.
- An InitPlan runs when somebody first wants its value. Its time is part of the first step below that names its result,
  and only where none does of the step it hangs on.
- A CTE is computed by whoever reads it first. Its time is part of its CTE Scans, of the longest first.
- A CTE that nobody reads changes something and is run at the end, outside all other steps.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field
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
from alveary.errors import QueryError

ENGINE = "postgres"
ROLLED_BACK = (
    "It was run, and rolled back. A rollback does not take back the numbers that sequences gave out, nor what "
    "functions did outside of this database."
)

_RELATION_SIZES = """
    select n.nspname, c.relname, c.reltuples from pg_catalog.pg_class c
      join pg_catalog.pg_namespace n on n.oid = c.relnamespace
     where (n.nspname, c.relname) in ({names})"""
_MOST_ASKED = 100

_AGGREGATES = {"Plain": "Aggregate", "Sorted": "GroupAggregate", "Hashed": "HashAggregate", "Mixed": "MixedAggregate"}
_BLOCKS = re.compile(r"(Shared|Local|Temp) (Hit|Read|Dirtied|Written) Blocks")
#: What repeats a field of the node, or says little.
_FIGURES = frozenset(
    {
        *("Node Type", "Parent Relationship", "Subplan Name", "Join Type", "Strategy", "Partial Mode", "Operation"),
        *("Command", "Startup Cost", "Total Cost", "Plan Rows", "Plan Width", "Actual Startup Time"),
        *("Actual Total Time", "Actual Rows", "Actual Loops", "Output", "Relation Name", "Schema", "Alias"),
        *("Index Name", "CTE Name", "Scan Direction", "Inner Unique", "Parallel Aware"),
    }
)
_CONDITIONS = ("Filter", "Join Filter", "One-Time Filter", "Index Cond", "Hash Cond", "Merge Cond", "Recheck Cond")
#: Which way of throwing rows away counts which condition's.
_REMOVED = (
    "Rows Removed by Filter",
    "Rows Removed by Join Filter",
    "Rows Removed by Conflict Filter",
    "Rows Removed by Index Recheck",
)
#: Steps that take every row from below before they give the first, whatever is wanted of them.
_BLOCKING = frozenset({"Sort", "Hash", "Aggregate", "WindowAgg", "SetOp", "ModifyTable"})
_WHOLE = ("Seq Scan", "Parallel Seq Scan", "Sample Scan")
_NOTHING = ("0", "0.000")
_RETURNED = re.compile(r"\(returns (?P<names>[$\d, ]+)\)")


class PostgresExplainer(Explainer):
    """Explains by EXPLAIN (FORMAT JSON)."""

    def explain(self, request: ExplainRequest) -> Generator[Step, Explained, Plan]:
        words = ["verbose", "buffers", "settings", *(["wal"] if request.analyze else []), "format json"]
        if (version := _version(request.server.version)) < 13:
            words = [word for word in words if word != "wal" and (word != "buffers" or request.analyze)]
        if version < 12:
            words.remove("settings")
        if request.analyze:
            words.insert(0, "analyze")
        sql = f"explain ({', '.join(words)}) {request.sql}"
        # A function that is called immutable is run while the server plans, whatever it does.
        said = yield Step(sql=sql, bound=True, runs=request.analyze, undone=True)
        plan = read(said.text(), request)
        if names := _unsized(plan):
            try:
                sizes = yield Step(sql=_RELATION_SIZES.format(names=", ".join(names)))
            except QueryError:  # a plan without sizes is a plan
                return plan
            plan = _with_sizes(plan, sizes)
        return plan


def read(raw: str, request: ExplainRequest) -> Plan:
    """Read what EXPLAIN (FORMAT JSON) answered; what is no such thing comes as one step that says so."""
    try:
        document: Any = read_document(raw)
    except ValueError:
        document = None
    plans = document if isinstance(document, list) and not isinstance(document, Members) else [document]
    query = plans[0] if plans and isinstance(plans[0], Members) else Members()
    top = query.get("Plan")
    root = PlanNode(kind="A plan that can't be read")
    if isinstance(top, Members):
        draft = _Draft.of(top)
        _take_times(draft)
        root = draft.node()
    return Plan(
        engine=ENGINE,
        server=f"{request.server.product} {request.server.version}",
        statement=request.sql,
        analyzed=request.analyze,
        root=root,
        planning_ms=_decimal(number(query.get("Planning Time"))),
        execution_ms=_decimal(number(query.get("Execution Time"))),
        details=tuple(_of_the_whole(query)),
        remarks=(ROLLED_BACK,) if request.analyze else (),
        raw=raw,
        raw_format="json",
    )


# -- one step ----------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Draft:
    """A step on its way to a node, with what it takes to compute its times."""

    members: Members
    children: list[_Draft]
    stops_early: bool = False
    total_ms: float | None = None
    deferred: float = 0.0
    """Milliseconds of steps elsewhere in the tree that this one waited for: InitPlans and CTEs."""
    outside: list[_Draft] = field(default_factory=list)
    """Children whose time is not part of this step's."""

    @classmethod
    def of(cls, members: Members, stops_early: bool = False) -> _Draft:
        kind = members.get("Node Type")
        below = (stops_early or kind == "Limit") and kind not in _BLOCKING
        below = below or members.get("Join Type") in ("Semi", "Anti") or kind == "Merge Join"
        plans = [each for name, value in members if name == "Plans" and isinstance(value, list) for each in value]
        children = [
            cls.of(plan, below and plan.get("Parent Relationship") not in ("InitPlan", "SubPlan"))
            for plan in plans
            if isinstance(plan, Members)
        ]
        return cls(members, children, stops_early)

    def said(self, name: str) -> Number | None:
        return number(self.members.get(name))

    @property
    def kind(self) -> str:
        return words(self.members.get("Node Type") or "?")

    def every(self) -> Iterator[_Draft]:
        yield self
        for child in self.children:
            yield from child.every()

    def node(self) -> PlanNode:
        """Return the step as a node; its times must be known."""
        get, said = self.members.get, self.said
        name, schema = get("Relation Name"), get("Schema")
        relation = f"{schema}.{name}" if name and schema else name
        cte, function = get("CTE Name"), get("Function Name")
        kind = title(self.members)
        actual, loops = said("Actual Rows"), said("Actual Loops")
        removed = [found for each in _REMOVED if (found := said(each)) is not None]
        scanned = discarded = None
        if actual is not None and loops:
            scanned = (actual + sum(removed)) * loops
            discarded = sum(removed) / (actual + sum(removed)) if removed and actual + sum(removed) else None
        scans = kind in _WHOLE
        children = tuple(child.node() for child in self.children)
        inner = sum(child.total_ms or 0.0 for child in self.children if child not in self.outside)
        own = None if self.total_ms is None else max(0.0, self.total_ms - inner - self.deferred)
        return PlanNode(
            kind=kind,
            role=get("Subplan Name") or get("Parent Relationship"),
            relation=_text(relation or cte or function),
            alias=_text(get("Alias")),
            index=_text(get("Index Name")),
            condition=" and ".join(words(found) for each in _CONDITIONS if (found := get(each))) or None,
            estimated_rows=said("Plan Rows"),
            actual_rows=actual,
            loops=loops,
            startup_cost=said("Startup Cost"),
            total_cost=said("Total Cost"),
            total_ms=None if self.total_ms is None else round(self.total_ms, 6),
            own_ms=None if own is None else round(own, 6),
            scans=scans,
            scanned_rows=scanned if scans or removed else None,
            discarded=discarded,
            discards_measured=discarded is not None,
            spilled=self._spilled(),
            may_stop_early=self.stops_early,
            buffers={
                f"{block[1].lower()} {block[2].lower()}": count
                for name, value in self.members
                if (block := _BLOCKS.fullmatch(name)) and (count := number(value))
            },
            details=tuple(detail(*each) for each in self.members if not _is_figure(*each) and each[0] != "Plans"),
            figures=tuple(detail(*each) for each in self.members if _is_figure(*each)),
            children=children,
        )

    def _spilled(self) -> str | None:
        get, said = self.members.get, self.said
        if get("Sort Space Type") == "Disk":
            return f"sorting took {said('Sort Space Used'):,} kB on disk"
        for group in ("Full-sort Groups", "Pre-sorted Groups"):
            if isinstance(found := get(group), Members) and isinstance(space := found.get("Sort Space Disk"), Members):
                return f"sorting took {words(space.get('Peak Sort Space Used'))} kB on disk"
        if (batches := said("Hash Batches")) is not None and batches > 1:
            return f"the hash was split into {batches:,} batches on disk"
        if said("Disk Usage"):
            return f"grouping took {said('Disk Usage'):,} kB on disk"
        for worker in get("Workers") or ():
            if isinstance(worker, Members) and worker.get("Sort Space Type") == "Disk":
                return f"sorting took {words(worker.get('Sort Space Used'))} kB on disk in a worker"
        written = (said("Temp Written Blocks") or 0) - sum(
            child.said("Temp Written Blocks") or 0 for child in self.children
        )
        return f"it wrote {written:,} temporary blocks" if written > 0 else None


def title(members: Members) -> str:
    """Return what a step is called in the server's own text."""
    get = members.get
    kind = words(get("Node Type") or "?")
    if kind == "Aggregate":
        kind = _AGGREGATES.get(words(get("Strategy")), kind)
        partial = get("Partial Mode")
        kind = f"{partial} {kind}" if partial in ("Partial", "Finalize") else kind
    elif kind == "SetOp":
        hashed = "Hash" if get("Strategy") == "Hashed" else ""
        kind = f"{hashed}SetOp {get('Command')}" if get("Command") else f"{hashed}SetOp"
    elif kind == "ModifyTable":
        kind = words(get("Operation") or kind)
    elif kind in ("Nested Loop", "Hash Join", "Merge Join") and get("Join Type") not in (None, "Inner"):
        first = kind.removesuffix(" Join")
        kind = f"{first} {get('Join Type')} Join"
    elif kind == "Foreign Scan" and get("Operation") not in (None, "Select"):
        kind = f"Foreign {get('Operation')}"
    if get("Scan Direction") == "Backward":
        kind += " Backward"
    return f"Parallel {kind}" if get("Parallel Aware") is True else kind


def _is_figure(name: str, value: Any) -> bool:
    return name in _FIGURES or _BLOCKS.fullmatch(name) is not None or value is False or value in _NOTHING


def _text(value: Any) -> str | None:
    return None if value is None else words(value)


def _decimal(value: Number | None) -> float | None:
    return None if value is None else float(value)


def _version(text: str) -> int:
    found = re.match(r"\d+", text)
    return int(found[0]) if found else 0


def _of_the_whole(query: Members) -> Iterator[Detail]:
    """Yield what is said beside the tree: each trigger and each setting by itself."""
    for name, value in query:
        if name == "Plan" or name in ("Planning Time", "Execution Time") or value in ([], Members()):
            continue
        if name == "Triggers" and isinstance(value, list):
            for each in value:
                if isinstance(each, Members):
                    yield Detail("Trigger", ", ".join(f"{key}: {words(found)}" for key, found in each))
        elif isinstance(value, Members):
            said = [f"{key}: {words(found)}" for key, found in value if found not in _NOTHING]
            yield Detail(name, ", ".join(said) or "nothing")
        else:
            yield detail(name, value)


# -- times -------------------------------------------------------------------------------------------------------


def _take_times(root: _Draft) -> None:
    _take_totals(root, 1.0)
    readers: dict[str, list[_Draft]] = {}
    for draft in root.every():
        if draft.kind == "CTE Scan":
            readers.setdefault(words(draft.members.get("CTE Name")), []).append(draft)
    for draft in root.every():
        for child in draft.children:
            if child.members.get("Parent Relationship") != "InitPlan" or not child.total_ms:
                continue
            name = words(child.members.get("Subplan Name") or "")
            if name.startswith("CTE "):
                draft.outside.append(child)
                _defer(child.total_ms, readers.get(name.removeprefix("CTE "), []))
            elif (user := _first_user(draft, child, name)) is not None:
                draft.outside.append(child)
                _defer(child.total_ms, [user])


def _take_totals(draft: _Draft, processes: float) -> None:
    once, loops = draft.said("Actual Total Time"), draft.said("Actual Loops")
    if loops is not None and not loops:
        draft.total_ms = 0.0
    elif once is not None and loops is not None:
        draft.total_ms = once * loops / processes
    for child in draft.children:
        beside = processes
        if draft.kind in ("Gather", "Gather Merge") and child.members.get("Parent Relationship") == "Outer":
            below = child.said("Actual Loops")
            beside = max(1.0, below / loops) if loops and below else processes
        _take_totals(child, beside)


def _defer(milliseconds: float, users: Sequence[_Draft]) -> None:
    """Take the time of a step elsewhere out of those that waited for it, of the longest first."""
    for user in sorted(users, key=lambda user: -(user.total_ms or 0.0)):
        part = min(milliseconds, max(0.0, (user.total_ms or 0.0) - user.deferred))
        user.deferred += part
        milliseconds -= part


def _first_user(parent: _Draft, plan: _Draft, name: str) -> _Draft | None:
    """Return the step that first wants an InitPlan's value: the first that names it and has the time for it."""
    returned = _RETURNED.search(name)
    names = returned["names"].split(",") if returned else [f"({name})"]
    wanted = re.compile("|".join(rf"{re.escape(each.strip())}(?!\d)" for each in names))
    best: _Draft | None = None
    for draft in parent.every():
        if draft is plan or not any(wanted.search(words(value)) for key, value in draft.members if _mentions(key)):
            continue
        if (draft.total_ms or 0.0) >= 0.9 * (plan.total_ms or 0.0):
            best = draft  # the deepest that still holds its time
    return best


def _mentions(key: str) -> bool:
    return key not in ("Plans", "Subplan Name", "Workers")


# -- sizes of what is read whole ---------------------------------------------------------------------------------


def _unsized(plan: Plan) -> list[str]:
    """Return the relations that are read whole, as rows of names, where the plan does not say how large they are."""
    found = {
        node.relation: ", ".join("'" + part.replace("'", "''") + "'" for part in _names(node))
        for _, node in plan.nodes()
        if node.scans and node.scanned_rows is None and node.relation is not None and len(_names(node)) == 2
    }
    return [f"({names})" for names in list(found.values())[:_MOST_ASKED]]


def _names(node: PlanNode) -> list[str]:
    """Return the schema and the name of the relation that a step reads."""
    said = {each.name: each.value for each in node.figures}
    return [said[name] for name in ("Schema", "Relation Name") if name in said]


def _with_sizes(plan: Plan, sizes: Explained) -> Plan:
    rows = {f"{schema}.{name}": number(count) for schema, name, count in sizes.rows}

    def sized(node: PlanNode) -> PlanNode:
        count = rows.get(node.relation or "")
        known = node.scans and node.scanned_rows is None and count is not None and count >= 0
        return msgspec.structs.replace(
            node,
            scanned_rows=count if known else node.scanned_rows,
            children=tuple(sized(child) for child in node.children),
        )

    return msgspec.structs.replace(plan, root=sized(plan.root))
