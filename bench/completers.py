"""Measured processes of E1: an engine answers every cursor case and says how long each took (``completers.py ENGINE``).

Reads JSON from standard input: the cases, and a catalog of tables, views, columns, keys, indexes, functions and roles;
prints JSON. ``pgcli`` runs in the environment of that peer, which has nothing of ours.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable
from typing import Any

ROUNDS = 3


def main(engine: str) -> None:
    """Answer every case several times, the first time to warm up."""
    given = json.load(sys.stdin)
    begun = time.perf_counter()
    answer = {"pgcli": _pgcli, "ours": _ours}[engine](given["catalog"], given["dialect"])
    ready = time.perf_counter() - begun
    answers, times = [], []
    for text, caret in given["cases"]:
        found: list[str] = []
        for turn in range(ROUNDS):
            at = time.perf_counter()
            try:
                found = answer(text, caret)
            except Exception as exc:  # noqa: BLE001  # a case that an engine can't stand is one that it does not answer
                found = [f"{type(exc).__name__}"]
            if turn:
                times.append((time.perf_counter() - at) * 1000)
        answers.append(found[:10])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    json.dump({"ready": ready, "answers": answers, "milliseconds": times, "peak": peak}, sys.stdout)


def _ours(catalog: dict[str, Any], dialect: str) -> Callable[[str, int], list[str]]:
    from alveary.contracts.catalog import ColumnInfo, ForeignKey, IndexInfo, ObjectInfo, Relation
    from alveary.contracts.completion import CompletionRequest
    from alveary.known import KnownCatalog, KnownSchema
    from alveary.sqltext import MYSQL, POSTGRES, SQLITE
    from alveary.workers.questions import packed
    from alveary_plugins.completion import alveary_complete

    known: dict[str, KnownSchema] = {}
    for schema, held in catalog.items():
        relations = {name: Relation(schema=schema, name=name, kind=kind) for name, kind, _ in held["relations"]}
        columns = [
            ColumnInfo(schema=schema, relation=name, name=column, ordinal=at, type_name=type_name, nullable=True)
            for name, _, fields in held["relations"]
            for at, (column, type_name) in enumerate(fields, start=1)
        ]
        keys: dict[str, list[ForeignKey]] = {}
        leading: dict[tuple[str, str], list[ForeignKey]] = {}
        for relation, names, target, targets in held["keys"]:
            key = ForeignKey(
                schema=schema, relation=relation, name=f"{relation}_{target}", columns=tuple(names),
                target_schema=schema, target_relation=target, target_columns=tuple(targets),
            )  # fmt: skip
            keys.setdefault(relation, []).append(key)
            leading.setdefault((schema, target), []).append(key)
        indexes: dict[str, list[IndexInfo]] = {}
        for relation, name, unique, names, origin in held["indexes"]:
            index = IndexInfo(
                schema=schema, relation=relation, name=name, unique=unique, columns=tuple(names), origin=origin
            )
            indexes.setdefault(relation, []).append(index)
        objects: dict[str, list[ObjectInfo]] = {}
        for name, kind, signature, detail in held["objects"]:
            each = ObjectInfo(schema=schema, name=name, kind=kind, signature=signature, detail=detail)
            objects.setdefault(name, []).append(each)
        known[schema] = KnownSchema(
            schema,
            relations=relations,
            packed_columns=packed(columns),
            foreign_keys={name: tuple(found) for name, found in keys.items()},
            references={where: tuple(found) for where, found in leading.items()},
            indexes={name: tuple(found) for name, found in indexes.items()},
            objects={name: tuple(found) for name, found in objects.items()},
        )
    schemas = tuple(filter(None, known))
    view = KnownCatalog(
        key="", target="", schemas=schemas, search_path=schemas[:1], system_schemas=frozenset(),
        listed_at=None, known=known,  # type: ignore[arg-type]  # nobody asks how old it is
    )  # fmt: skip
    family = {each.name: each for each in (POSTGRES, MYSQL, SQLITE)}[dialect]

    def answer(text: str, caret: int) -> list[str]:
        found = alveary_complete(CompletionRequest(text=text, caret=caret, dialect=family, catalog=view))
        return [each.text for each in found]

    return answer


def _pgcli(catalog: dict[str, Any], _: str) -> Callable[[str, int], list[str]]:
    from pgcli.packages.parseutils.meta import (  # type: ignore[import-not-found]  # only the peer's environment has it
        ForeignKey,
        FunctionMetadata,
    )
    from pgcli.pgcompleter import PGCompleter  # type: ignore[import-not-found]  # the same
    from prompt_toolkit.document import Document  # type: ignore[import-not-found]  # the same

    catalog = {schema: held for schema, held in catalog.items() if schema}
    completer = PGCompleter(smart_completion=True)
    completer.extend_schemata(list(catalog))
    for schema, held in catalog.items():
        for kind, called in (("table", "tables"), ("view", "views")):
            relations = [each for each in held["relations"] if each[1] == kind]
            completer.extend_relations([(schema, name) for name, *_ in relations], called)
            completer.extend_columns(
                [
                    (schema, name, column, type_name, False, None)
                    for name, _, fields in relations
                    for column, type_name in fields
                ],
                called,
            )
        completer.extend_foreignkeys(
            [
                ForeignKey(schema, target, its, schema, relation, mine)
                for relation, names, target, targets in held["keys"]
                for mine, its in zip(names, targets, strict=True)
            ]
        )
        completer.extend_functions(
            [
                FunctionMetadata(schema, name, [], [], [], detail or "void", False, False,
                                 str(detail).upper().startswith(("SETOF", "TABLE")), False, None)
                for name, kind, _, detail in held["objects"]
                if kind == "function"
            ]
        )  # fmt: skip
        completer.extend_datatypes([(schema, name) for name, kind, *_ in held["objects"] if kind == "enum"])
    completer.set_search_path(list(catalog)[:1])

    def answer(text: str, caret: int) -> list[str]:
        return [each.text for each in completer.get_completions(Document(text, caret), None)]

    return answer


if __name__ == "__main__":
    main(*sys.argv[1:])
