"""The questions a worker answers that are no statements: the connection, the transaction, the catalog."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from itertools import groupby
from operator import attrgetter
from typing import Any, get_origin

import msgspec

from alveary.contracts.catalog import (
    Catalog,
    ColumnInfo,
    Constraint,
    Dependencies,
    ForeignKey,
    Gap,
    IndexInfo,
    ObjectInfo,
    Relation,
    RelationDetails,
    Twin,
)
from alveary.contracts.driver import BatchSize, Connection
from alveary.errors import UnsupportedError
from alveary.wire import escaped

AT_ONCE = 1 << 19
"""Bytes of an answer that are read in one go, in some two milliseconds: a list of ten thousand tables."""
SLICE = 1000
"""Items read in one go of an answer that is longer."""
_PINGS = 3


def _ping(connection: Connection) -> float:
    """Return how many seconds the shortest of a few round trips took."""
    times = []
    for _ in range(_PINGS):
        started = time.perf_counter()
        for _ in connection.execute("select 1", None, batch=BatchSize()):
            continue
        times.append(time.perf_counter() - started)
    return min(times)


def _pairs(connection: Connection, schema: str) -> list[tuple[str, bytes]]:
    """Return the packed columns as a list, which is read in slices where it is long."""
    return list(packed(connection.catalog().columns(schema)).items())


#: Question → (how to answer it on a connection, the type of the answer).
QUESTIONS: dict[str, tuple[Callable[..., Any], Any]] = {
    "begin": (lambda connection, isolation: connection.begin(isolation), None),
    "commit": (lambda connection: connection.commit(), None),
    "rollback": (lambda connection: connection.rollback(), None),
    "ping": (_ping, float),
    "identity": (lambda connection: connection.identity(), str | None),
    "databases": (lambda connection: connection.catalog().databases(), list[str]),
    "schemas": (lambda connection: connection.catalog().schemas(), list[str]),
    "search_path": (lambda connection: connection.catalog().search_path(), list[str]),
    "relations": (lambda connection, schema: connection.catalog().relations(schema), list[Relation]),
    "columns": (lambda connection, schema: connection.catalog().columns(schema), list[ColumnInfo]),
    "packed_columns": (_pairs, list[tuple[str, bytes]]),
    "indexes": (lambda connection, schema: connection.catalog().indexes(schema), list[IndexInfo]),
    "foreign_keys": (lambda connection, schema: connection.catalog().foreign_keys(schema), list[ForeignKey]),
    "constraints": (lambda connection, schema: connection.catalog().constraints(schema), list[Constraint]),
    "server_objects": (lambda connection: connection.catalog().server_objects(), list[ObjectInfo]),
    "gaps": (lambda connection, schema: connection.catalog().gaps(schema), list[Gap]),
    "dependencies": (lambda connection, *path: connection.catalog().dependencies(*path), Dependencies | None),
    "objects": (lambda connection, schema: connection.catalog().objects(schema), list[ObjectInfo]),
    "details": (lambda connection, *path: connection.catalog().details(*path), RelationDetails | None),
    "definition": (lambda connection, *path: connection.catalog().definition(*path), list[str]),
    "part": (lambda connection, *path: connection.catalog().part(*path), list[str]),
    "twin": (lambda connection, *paths: connection.catalog().twin(*paths), Twin | None),
    "quote": (lambda connection, name: connection.catalog().quote(name), str),
}


def answer(connection: Connection, question: str, arguments: tuple[str | None, ...]) -> bytes:
    """Return the answer as MessagePack."""
    if question not in QUESTIONS:
        raise UnsupportedError(f"a worker can't answer {question!r}")
    found = QUESTIONS[question][0](connection, *arguments)
    try:
        return msgspec.msgpack.encode(found)
    except UnicodeEncodeError:
        # A name that is not valid UTF-8 is listed with its bad bytes escaped; it must not hide all the others.
        return msgspec.msgpack.encode(escaped(msgspec.to_builtins(found)))


def read(question: str, payload: bytes) -> Any:
    """Return an answer from its MessagePack.

    A long list is read in slices: the columns of ten thousand tables in one go would hold the interpreter for a tenth
    of a second, and nothing else in this process, such as a window, would move.
    """
    kind = QUESTIONS[question][1]
    if len(payload) <= AT_ONCE or get_origin(kind) is not list:
        return msgspec.msgpack.decode(payload, type=kind)
    parts = msgspec.msgpack.decode(payload, type=list[msgspec.Raw])
    decoder, found = msgspec.msgpack.Decoder(kind), []
    for at in range(0, len(parts), SLICE):
        found += decoder.decode(msgspec.msgpack.encode(parts[at : at + SLICE]))
    return found


class _Packed(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A column within its relation, in as few bytes as may be."""

    name: str
    ordinal: int
    type_name: str
    nullable: bool
    default: str | None
    primary_key: int | None
    generated: bool
    identity: str | None
    collation: str | None
    comment: str | None
    hidden: bool


_PACKED = msgspec.msgpack.Decoder(list[_Packed])


def packed(columns: Iterable[ColumnInfo]) -> dict[str, bytes]:
    """Return columns by relation in a few dozen bytes each, which :func:`unpacked` reads; columns come by relation.

    They are packed where the worker lives: whoever keeps the columns of a whole server pays for no struct of any.
    """
    found: dict[str, bytes] = {}
    for relation, group in groupby(columns, key=attrgetter("relation")):
        each = [_Packed(*(getattr(column, field) for field in _Packed.__struct_fields__)) for column in group]
        try:
            found[relation] = msgspec.msgpack.encode(each)
        except UnicodeEncodeError:
            found[escaped(relation)] = msgspec.msgpack.encode(escaped(msgspec.to_builtins(each)))
    return found


def unpacked(schema: str, relation: str, columns: bytes) -> tuple[ColumnInfo, ...]:
    """Return the columns of a relation again."""
    return tuple(
        ColumnInfo(schema=schema, relation=relation, **msgspec.structs.asdict(each)) for each in _PACKED.decode(columns)
    )


def named(columns: bytes) -> list[tuple[str, str, str | None]]:
    """Return the names, types and comments alone of packed columns, without making structs that live on."""
    return [(each.name, each.type_name, each.comment) for each in _PACKED.decode(columns)]


class AskedCatalog(Catalog):
    """The catalog as a session sees it: each method asks the worker and waits."""

    def __init__(self, ask: Callable[..., Any]) -> None:
        self._ask = ask

    def databases(self) -> list[str]:
        answer: list[str] = self._ask("databases")
        return answer

    def schemas(self) -> list[str]:
        answer: list[str] = self._ask("schemas")
        return answer

    def search_path(self) -> list[str]:
        answer: list[str] = self._ask("search_path")
        return answer

    def relations(self, schema: str) -> list[Relation]:
        answer: list[Relation] = self._ask("relations", schema)
        return answer

    def columns(self, schema: str) -> list[ColumnInfo]:
        answer: list[ColumnInfo] = self._ask("columns", schema)
        return answer

    def packed_columns(self, schema: str) -> dict[str, bytes]:
        """Return the columns as :func:`packed` has them."""
        answer: list[tuple[str, bytes]] = self._ask("packed_columns", schema)
        return dict(answer)

    def indexes(self, schema: str) -> list[IndexInfo]:
        answer: list[IndexInfo] = self._ask("indexes", schema)
        return answer

    def foreign_keys(self, schema: str) -> list[ForeignKey]:
        answer: list[ForeignKey] = self._ask("foreign_keys", schema)
        return answer

    def constraints(self, schema: str) -> list[Constraint]:
        answer: list[Constraint] = self._ask("constraints", schema)
        return answer

    def server_objects(self) -> list[ObjectInfo]:
        answer: list[ObjectInfo] = self._ask("server_objects")
        return answer

    def gaps(self, schema: str) -> list[Gap]:
        answer: list[Gap] = self._ask("gaps", schema)
        return answer

    def dependencies(self, schema: str, name: str) -> Dependencies | None:
        answer: Dependencies | None = self._ask("dependencies", schema, name)
        return answer

    def objects(self, schema: str) -> list[ObjectInfo]:
        answer: list[ObjectInfo] = self._ask("objects", schema)
        return answer

    def details(self, schema: str, name: str) -> RelationDetails | None:
        answer: RelationDetails | None = self._ask("details", schema, name)
        return answer

    def definition(self, schema: str, name: str) -> list[str]:
        answer: list[str] = self._ask("definition", schema, name)
        return answer

    def part(self, schema: str, relation: str, name: str) -> list[str]:
        answer: list[str] = self._ask("part", schema, relation, name)
        return answer

    def twin(self, schema: str, name: str, twin_schema: str, twin_name: str) -> Twin | None:
        answer: Twin | None = self._ask("twin", schema, name, twin_schema, twin_name)
        return answer

    def quote(self, name: str) -> str:
        answer: str = self._ask("quote", name)
        return answer
