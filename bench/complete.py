"""E1: what stands first at the caret, and how soon, in a catalog of 10,000 tables; pgcli's engine beside ours.

The cases are those of the tests, which we wrote: pgcli is measured by what we think right. So an answer counts that
says the same in other words, and of several that we want first any one does.
"""

from __future__ import annotations

import json
import re
import statistics
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import peers
from processes import Settings
from table import Line, verdict

sys.path.append(str(Path(__file__).parents[1] / "tests"))

if TYPE_CHECKING:
    from completion_cases import Case

TABLES, COLUMNS = 10_000, 10
BAR = 30.0
"""Milliseconds of the slowest twentieth of all answers."""


def measure(settings: Settings) -> list[Line]:
    """Answer all cases of all dialects by our engine, and those of PostgreSQL by pgcli's."""
    from completion_cases import cases

    lines = []
    work = f"at {TABLES:,} tables × {COLUMNS} columns"
    for dialect in ("postgres", "mysql", "sqlite"):
        wanted = [case for case in cases(dialect) if case.first or case.has or case.nothing]
        ours = _answers(sys.executable, "ours", dialect, wanted, settings)
        theirs: dict[str, Any] | None = None
        missing = ""
        if dialect == "postgres":
            try:
                python = peers.python_of(settings.data, "pgcli")
                theirs = _answers(python, "pgcli", dialect, wanted, settings)
            except peers.PeerMissingError as exc:
                missing = f"not measured: {exc}"
        peer = "; peer: pgcli's completer" if dialect == "postgres" else ""
        for what, right in (("what is meant comes first", _first), ("what is meant is among ten", _among)):
            lines.append(
                Line(
                    "E1",
                    f"{dialect}, {len(wanted)} places of the caret: {what}{peer}",
                    ours=f"{_count(wanted, ours, right)} of {len(wanted)}",
                    peer=f"{_count(wanted, theirs, right)} of {len(wanted)}" if theirs is not None else missing or "–",
                )
            )
        lines.append(_times(dialect, work, peer, ours, theirs))
    return lines


def _times(dialect: str, work: str, peer: str, ours: dict[str, Any], theirs: dict[str, Any] | None) -> Line:
    mine, tail = _spread(ours)
    line = Line(
        "E1",
        f"{dialect}, an answer {work}{peer}",
        ours=mine,
        bar=verdict(f"p95 ≤ {BAR:g} ms", tail <= BAR),
        peak=f"{ours['peak']:.0f}",
    )
    if theirs is None:
        return line
    its, other = _spread(theirs)
    return Line(
        line.figure, line.work, ours=mine, peer=its, ratio=f"{tail / other:.2f}", bar=line.bar,
        peak=f"{ours['peak']:.0f} / {theirs['peak']:.0f}",
    )  # fmt: skip


def _spread(said: dict[str, Any]) -> tuple[str, float]:
    times = sorted(said["milliseconds"])
    tail = times[int(len(times) * 0.95)]
    return f"{statistics.median(times):.2f} ms, p95 {tail:.1f} ms", tail


def _answers(python: str, engine: str, dialect: str, wanted: list[Case], settings: Settings) -> dict[str, Any]:
    given = {
        "dialect": dialect,
        "catalog": _catalog(dialect),
        "cases": [(case.text, case.caret) for case in wanted],
    }
    command = [python, str(Path(__file__).with_name("completers.py")), engine]
    done = subprocess.run(
        command, input=json.dumps(given).encode(), env=settings.environment, stdout=subprocess.PIPE, check=True
    )
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def _catalog(dialect: str) -> dict[str, Any]:
    """Return the catalog of the cases, and in its first schema as many tables more as are wanted."""
    from completion_cases import catalog

    known = catalog(dialect)
    made: dict[str, Any] = {}
    for schema in (*known.schemas, ""):  # in none of them stand roles
        made[schema] = {
            "relations": [
                (each.name, each.kind, [(field.name, field.type_name) for field in known.columns(schema, each.name)])
                for each in known.relations(schema).values()
            ],
            "keys": [
                (key.relation, key.columns, key.target_relation, key.target_columns)
                for key in known.keys
                if key.schema == schema
            ],
            "indexes": [
                (each.relation, each.name, each.unique, each.columns, each.origin) for each in known.all_indexes(schema)
            ],
            "objects": [(each.name, each.kind, each.signature, each.detail) for each in known.objects(schema)],
        }
    first = made[known.schemas[0]]["relations"]
    words = ("ledger", "sensor", "invoice", "account", "visit", "parcel", "tariff", "meter")
    for number in range(TABLES - len(first)):
        name = f"{words[number % 8]}_{words[number // 8 % 8]}_{number:05}"
        first.append((name, "table", [(f"field_{at}", "text") for at in range(COLUMNS)]))
    return made


def _count(wanted: list[Case], said: dict[str, Any] | None, right: Any) -> int:
    answers = said["answers"] if said is not None else []
    return sum(
        (not answer if case.nothing else right(case, answer)) for case, answer in zip(wanted, answers, strict=True)
    )


def _first(case: Case, answer: list[str]) -> bool:
    meant = {_plain(each) for each in case.first or case.has}
    return bool(answer) and _plain(answer[0]) in meant


def _among(case: Case, answer: list[str]) -> bool:
    meant = {_plain(each) for each in case.first or case.has}
    return any(_plain(each) in meant for each in answer)


def _plain(text: str) -> str:
    """Return what a suggestion says, however it is written: in any case, with parentheses or without, ``a = b`` as
    ``b = a``."""
    text = re.sub(r"\s+", " ", text.lower()).strip().rstrip(".").removesuffix("()").removesuffix("(")
    if " = " not in text and " " not in text:
        text = text.rpartition(".")[2]  # with a qualifier or without
    sides = [" = ".join(sorted(part.split(" = "))) for part in text.split(" and ")]
    return " and ".join(sorted(sides))
