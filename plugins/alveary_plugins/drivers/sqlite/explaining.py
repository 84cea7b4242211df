"""How SQLite explains: the rows of EXPLAIN QUERY PLAN as a tree. It estimates no rows and measures nothing."""

from __future__ import annotations

import re
from collections.abc import Generator, Sequence
from typing import Any

import msgspec

from alveary.contracts.documents import number
from alveary.contracts.plan import Detail, Explained, Explainer, ExplainRequest, Plan, PlanNode, Step
from alveary.contracts.values import Row
from alveary.errors import InvalidInputError, UnsupportedError
from alveary.sqltext import SQLITE, TokenKind, tokens

ENGINE = "sqlite"

#: What has a plan. A PRAGMA, of those that are no statements to SQLite, would be carried out while it is looked at.
_EXPLAINABLE = ("select", "values", "with", "insert", "replace", "update", "delete")
_DEEPEST = 200
"""Levels that are read as steps; deeper ones stand side by side."""

_STEP = re.compile(
    r"(?P<kind>SCAN|SEARCH)(?: TABLE)? (?P<name>.+?)(?: AS (?P<alias>.+?))?"
    r"(?: USING (?P<how>(?:AUTOMATIC )?(?:PARTIAL )?(?:COVERING )?INDEX (?P<index>\S+)|INTEGER PRIMARY KEY|PRIMARY KEY)"
    r"(?: \((?P<terms>.*)\))?)?(?P<rest>(?: LEFT-JOIN| EXISTS)*)"
)
_TABLES = """
    select name from main.sqlite_master
     where type = 'table' and sql not like '%without%rowid%' and sql not like 'create virtual%'
       and name collate nocase in ({names}) or name = 'sqlite_stat1'"""
_STATISTICS = (
    "select tbl, max(cast(stat as integer)) from main.sqlite_stat1 where tbl collate nocase in ({names}) group by tbl"
)


class SqliteExplainer(Explainer):
    """Explains by EXPLAIN QUERY PLAN."""

    def explain(self, request: ExplainRequest) -> Generator[Step, Explained, Plan]:
        if request.analyze:
            raise UnsupportedError("SQLite does not measure its plans", hint="explain without analyze")
        words = _words(request.sql)
        if not words or words[0].lower() not in _EXPLAINABLE:
            raise InvalidInputError(
                f"SQLite has no plan of {(words[0] if words else '').upper() or 'this'}",
                hint="SELECT, INSERT, UPDATE and DELETE have plans",
                statement=request.sql,
            )
        said = yield Step(sql=f"explain query plan {request.sql}", bound=True)
        plan = read(said.rows, request)
        scanned = _scanned(plan, words)
        if not scanned:
            return plan
        # How large a table is was written down by ANALYZE, if ever; else its largest row number says how large at most.
        known = yield Step(sql=_TABLES.format(names=", ".join(map(_literal, scanned))))
        names = {str(row[0]) for row in known.rows}
        sizes: dict[str, Any] = {}
        if "sqlite_stat1" in names:
            found = yield Step(sql=_STATISTICS.format(names=", ".join(map(_literal, scanned))))
            sizes |= {str(name).lower(): count for name, count in found.rows}
        if unknown := sorted(name for name in names if name != "sqlite_stat1" and name.lower() not in sizes):
            selects = (f"select {_literal(name)}, max(rowid) from main.{_quoted(name)}" for name in unknown)
            found = yield Step(sql=" union all ".join(selects))
            sizes |= {str(name).lower(): count for name, count in found.rows}
        known_as = {
            alias: size
            for name, aliases in scanned.items()
            if (size := sizes.get(name.lower())) is not None
            for alias in aliases
        }
        return _sized(plan, known_as)


def read(rows: Sequence[Row], request: ExplainRequest) -> Plan:
    """Read the rows of EXPLAIN QUERY PLAN: id, parent, a number that is not used, and what is done in words."""
    below: dict[str, list[tuple[str, str]]] = {}
    ids: set[str] = set()
    lines = []
    for row in rows:
        cells = ["" if cell is None else str(cell) for cell in row]
        lines.append("|".join(cells))
        id, parent, _, text = cells if len(cells) == 4 else ["", "", "", " ".join(cells)]
        # A row whose parent has not come before belongs to nobody, and so nothing goes in a circle.
        below.setdefault(parent if parent in ids and parent != id else "", []).append(
            (id if id not in ids else "?", text)
        )
        ids.add(id)

    def nodes(parent: str, depth: int) -> tuple[PlanNode, ...]:
        if depth > _DEEPEST:
            return ()
        return tuple(
            _node(text, nodes(id, depth + 1) if id not in ("", "?") else ()) for id, text in below.get(parent, ())
        )

    steps = nodes("", 0)
    is_compound = len(steps) != 1
    return Plan(
        engine=ENGINE,
        server=f"{request.server.product} {request.server.version}",
        statement=request.sql,
        root=PlanNode(kind="QUERY PLAN", children=steps) if is_compound else steps[0],
        raw="\n".join(lines),
    )


def _node(text: str, children: tuple[PlanNode, ...]) -> PlanNode:
    found = _STEP.fullmatch(text)
    if found is None or found["name"].startswith("CONSTANT"):
        return PlanNode(kind=text, label=text, children=children)
    is_automatic = (found["how"] or "").startswith("AUTOMATIC")
    details = [Detail("warning", "an index is built for this statement alone")] if is_automatic else []
    return PlanNode(
        kind=found["kind"],
        label=text,
        relation=found["name"],
        alias=found["alias"],
        index=found["index"] if not is_automatic else None,
        condition=found["terms"],
        scans=found["kind"] == "SCAN",
        details=tuple(details),
        children=children,
    )


def _scanned(plan: Plan, words: Sequence[str]) -> dict[str, list[str]]:
    """Return the tables that are read whole, each with the names under which the plan has it.

    A plan knows a table by its alias alone; the statement has the table's name before it.
    """
    aliases: dict[str, list[str]] = {}
    for at, alias in enumerate(words):
        before = at - 2 if at > 1 and words[at - 1].lower() == "as" else at - 1
        if before >= 0 and words[before]:
            aliases.setdefault(alias.lower(), []).append(words[before])
    tables: dict[str, list[str]] = {}
    made = {
        node.kind.rpartition(" ")[2] for _, node in plan.nodes() if node.kind.startswith(("CO-ROUTINE", "MATERIALIZE"))
    }
    for _, node in plan.nodes():
        if node.scans and node.relation is not None and node.relation not in made:
            for name in (node.relation, *aliases.get(node.relation.lower(), [])):
                tables.setdefault(name, []).append(node.relation)
    return tables


def _sized(plan: Plan, sizes: dict[str, Any]) -> Plan:
    def sized(node: PlanNode) -> PlanNode:
        count = number(sizes.get(node.relation or "")) if node.scans else None
        return msgspec.structs.replace(node, scanned_rows=count, children=tuple(map(sized, node.children)))

    return msgspec.structs.replace(plan, root=sized(plan.root))


def _words(sql: str) -> list[str]:
    """Return the words and names of a statement, in their order, and nothing ("") for what stands between them."""
    found = []
    for token in tokens(sql, SQLITE):
        text = sql[token.start : token.end]
        if token.kind is TokenKind.WORD:
            found.append(text)
        elif token.kind is TokenKind.QUOTED_IDENTIFIER:
            found.append(text[1:-1].replace('""', '"'))
        elif token.kind not in (TokenKind.WHITESPACE, TokenKind.COMMENT):
            found.append("")
    return found


def _literal(name: str) -> str:
    return "'" + name.replace("'", "''") + "'"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
