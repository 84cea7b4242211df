"""Cursor cases of completion as readable data: ``completion/*.txt`` read, and the catalog that they know.

A case is a text with a ``|`` where the caret is, then lines that say what is expected:

    select na| from customer
    => name

``=>`` lists what the first suggestions insert, in their order, parted by `` ; ``; ``has:`` what is among the first
twenty; ``lacks:`` what is not suggested at all; ``=> nothing`` that there are no suggestions. A blank line ends a case,
and a line that begins with ``#`` is a title.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from alveary.contracts.catalog import ColumnInfo, ForeignKey, IndexInfo, ObjectInfo, Relation

FOLDER = Path(__file__).parent / "completion"
FIRST_SCHEMA = {"postgres": "public", "mysql": "shop", "sqlite": "main"}


@dataclass(frozen=True)
class Case:
    """A text with a caret, and what is expected there."""

    file: str
    line: int
    text: str
    caret: int
    first: tuple[str, ...]
    has: tuple[str, ...] = ()
    lacks: tuple[str, ...] = ()
    nothing: bool = False

    def __str__(self) -> str:
        shown = f"{self.text[: self.caret]}|{self.text[self.caret :]}"
        return f"{self.file}:{self.line} {' '.join(shown.split())}"


@dataclass
class Catalog:
    """A catalog that is known whole; what a completer is handed."""

    schemas: list[str] = field(default_factory=list)
    held: dict[str, dict[str, Relation]] = field(default_factory=dict)
    fields: dict[tuple[str, str], list[ColumnInfo]] = field(default_factory=dict)
    keys: list[ForeignKey] = field(default_factory=list)
    built: list[IndexInfo] = field(default_factory=list)
    others: dict[str, list[ObjectInfo]] = field(default_factory=dict)
    system_schemas: tuple[str, ...] = ()

    @property
    def search_path(self) -> Sequence[str]:
        return self.schemas[:1]

    def relations(self, schema: str) -> Mapping[str, Relation]:
        return self.held.get(schema, {})

    def columns(self, schema: str, relation: str) -> Sequence[ColumnInfo]:
        return self.fields.get((schema, relation), ())

    def column_names(self, schema: str) -> Mapping[str, tuple[str, str]]:
        every = [each for (where, _), found in self.fields.items() if where == schema for each in found]
        return {each.name: (each.relation, each.type_name) for each in reversed(every)}

    def indexes(self, schema: str, relation: str) -> Sequence[IndexInfo]:
        return [each for each in self.all_indexes(schema) if each.relation == relation]

    def all_indexes(self, schema: str) -> Sequence[IndexInfo]:
        return [each for each in self.built if each.schema == schema]

    def foreign_keys(self, schema: str, relation: str) -> Sequence[ForeignKey]:
        return [key for key in self.keys if (key.schema, key.relation) == (schema, relation)]

    def referenced_by(self, schema: str, relation: str) -> Sequence[ForeignKey]:
        return [key for key in self.keys if (key.target_schema, key.target_relation) == (schema, relation)]

    def objects(self, schema: str) -> Sequence[ObjectInfo]:
        return self.others.get(schema, ())

    def objects_named(self, schema: str, name: str) -> Sequence[ObjectInfo]:
        return [each for each in self.objects(schema) if each.name == name]

    def add(self, relation: Relation, columns: Sequence[ColumnInfo]) -> None:
        self.held.setdefault(relation.schema, {})[relation.name] = relation
        self.fields[relation.schema, relation.name] = list(columns)


@cache
def catalog(dialect: str) -> Catalog:
    """Return what is written in ``catalog.txt``, for one dialect."""
    made = Catalog()
    schema = relation = ""
    for line in (FOLDER / "catalog.txt").read_text("utf-8").splitlines():
        words = line.split()
        if not words or words[0] == "#":
            continue
        if words[0] == "schema":
            schema = FIRST_SCHEMA[dialect] if words[1] == "@" else words[1]
            made.schemas.append(schema)
        elif words[0] == "server":
            schema = ""
        elif words[0] in ("table", "view"):
            relation = words[1]
            rows = int(words[2][1:]) if len(words) > 2 else None
            made.add(Relation(schema=schema, name=relation, kind=words[0], rows=rows), [])
        elif words[0] == "foreign":
            found = re.fullmatch(r"\s*foreign \((.*)\) (\w+) \((.*)\)", line)
            assert found is not None, line
            made.keys.append(
                ForeignKey(
                    schema=schema,
                    relation=relation,
                    name=f"{relation}_{found[2]}",
                    columns=tuple(found[1].split(", ")),
                    target_schema=schema,
                    target_relation=found[2],
                    target_columns=tuple(found[3].split(", ")),
                )
            )
        elif line.startswith("  index "):
            columns_in = tuple(words[2].split(","))
            origin = " ".join(words[3:]) or "index"
            made.built.append(IndexInfo(schema=schema, relation=relation, name=words[1], unique=origin != "index",
                                        columns=columns_in, origin=origin))  # fmt: skip
        elif line.startswith("  "):
            columns = made.fields[schema, relation]
            is_key = words[-1] == "key"
            columns.append(
                ColumnInfo(
                    schema=schema,
                    relation=relation,
                    name=words[0],
                    ordinal=len(columns) + 1,
                    type_name=" ".join(words[1:-1] if is_key else words[1:]),
                    nullable=not is_key,
                    primary_key=1 if is_key else None,
                )
            )
        else:
            found = re.fullmatch(r"([a-z ]+?) (\w+)(?: \((.*?)\)(?: (.*))?)?", line)
            assert found is not None, line
            kind, name, signature, detail = found.groups()
            if kind == "enum" and dialect != "postgres":
                continue
            info = ObjectInfo(schema=schema, name=name, kind=kind, signature=signature or "", detail=detail)
            made.others.setdefault(schema, []).append(info)
    return made


def cases(dialect: str) -> list[Case]:
    """Return the cases of a dialect, in their order."""
    return list(_cases(FOLDER / f"{dialect}.txt"))


def _cases(path: Path) -> Iterator[Case]:
    text: list[str] = []
    said: dict[str, tuple[str, ...]] = {}
    begun = 0
    for number, line in enumerate([*path.read_text("utf-8").splitlines(), ""], start=1):
        mark, _, rest = line.partition(" ")
        if mark in ("=>", "has:", "lacks:"):
            said[mark] = tuple(rest.strip().split(" ; "))
        elif line.strip() and not (line.startswith("# ") and not text):
            begun = begun or number
            text.append(line)
        elif not line.strip() and said:
            whole = "\n".join(text)
            before, behind = re.split(r"(?<!\|)\|(?!\|)", whole)
            yield Case(
                file=path.name,
                line=begun,
                text=before + behind,
                caret=len(before),
                first=() if said.get("=>") == ("nothing",) else said.get("=>", ()),
                has=said.get("has:", ()),
                lacks=said.get("lacks:", ()),
                nothing=said.get("=>") == ("nothing",),
            )
            text, said, begun = [], {}, 0
        elif not line.strip() and text:
            text.append(line)
