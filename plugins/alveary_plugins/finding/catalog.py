"""What is found in databases: what their catalogs are known to hold, by name, path and comment.

Nothing here asks a server but :meth:`~alveary.contracts.finder.Finder.read`, which a person asks for.
"""

from __future__ import annotations

import threading
from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, ClassVar

from alveary.catalogs import Reached, key_of
from alveary.contracts.catalog import ObjectInfo, Relation
from alveary.contracts.finder import PROSE, Action, Finder, Hit, Wanted, closest, in_prose
from alveary.errors import AlvearyError
from alveary.kernel import Kernel
from alveary.known import KnownSchema, Level
from alveary.matching import Haystack
from alveary.matching import Level as Found
from alveary.profiles import COLORS
from alveary.sessions import Session
from alveary.urls import url_of
from alveary.workers.questions import named

WANTED = frozenset({Level.RELATIONS, Level.COLUMNS, Level.OBJECTS})
"""What is read of a database so that it is found."""

_ICONS = {
    "table": "table",
    "view": "eye",
    "materialized view": "eye-fill",
    "sequence": "list-ol",
    "foreign table": "box-arrow-up-right",
    "partitioned table": "grid-3x3-gap",
    "function": "braces",
    "procedure": "braces",
    "aggregate": "braces",
    "trigger": "lightning",
    "index": "lightning-charge",
}
_FIRST = ("table", "partitioned table", "view", "materialized view", "foreign table")
"""Kinds that come first among names of one length; all others follow them."""


@dataclass(frozen=True, slots=True)
class Database:
    """A database that is known: what a person calls it, and what leads there."""

    key: str
    name: str
    color: str | None
    parameters: dict[str, Any]
    """What commands are told to reach it."""
    implied: str | None
    """The schema that names need not be qualified with."""

    def of(self, schema: str) -> dict[str, Any]:
        """Return what commands are told to reach a schema."""
        return {**self.parameters, "schema": schema, "implied": schema == self.implied}


class _Names:
    """The relations of one schema, and what else it holds."""

    def __init__(self, database: Database, schema: KnownSchema) -> None:
        self.whole = (schema.relations, schema.objects)
        every: list[Relation | ObjectInfo] = [*schema.relations.values()]
        for found in schema.objects.values():
            every += found
        every.sort(key=lambda each: (each.kind not in _FIRST, len(each.name), each.name))
        self.things = every
        self.names = _haystack(database, schema.name, ((each.name, 0) for each in every))
        self.said = array("I", (number for number, each in enumerate(every) if each.comment))
        self.prose = Haystack(((every[number].comment or "", 0) for number in self.said), scattered=False)

    def find(self, database: Database, schema: str, wanted: Wanted, level: Found) -> Iterator[Hit]:
        for number in self.names.find(wanted.query, level, wanted.stopped):
            yield _hit(database, self.things[number])
        if level is PROSE and wanted.query.words:
            for place in in_prose(self.prose, wanted):
                thing = self.things[self.said[place]]
                if wanted.query.match(f"{schema}.{thing.name}", len(schema) + 1) is None:
                    yield _hit(database, thing)


class _ColumnNames:
    """The columns of one schema, kept as the text they are found in and one number a relation."""

    def __init__(self, database: Database, schema: KnownSchema) -> None:
        self.whole = (schema.packed_columns,)
        self.relations = list(schema.packed_columns)
        self.firsts = array("I")
        self.said = array("I")
        comments: list[str] = []
        self.names = _haystack(database, schema.name, self._texts(schema, comments))
        self.prose = Haystack(((comment, 0) for comment in comments), scattered=False)

    def _texts(self, schema: KnownSchema, comments: list[str]) -> Iterator[tuple[str, int]]:
        count = 0
        for relation, columns in schema.packed_columns.items():
            self.firsts.append(count)
            for name, _, comment in named(columns):
                if comment:
                    self.said.append(count)
                    comments.append(comment)
                count += 1
                yield f"{relation}.{name}", len(relation) + 1

    def find(self, database: Database, schema: str, wanted: Wanted, level: Found) -> Iterator[Hit]:
        for number in self.names.find(wanted.query, level, wanted.stopped):
            yield self._hit(database, schema, number)
        if level is PROSE and wanted.query.words:
            for place in in_prose(self.prose, wanted):
                hit = self._hit(database, schema, self.said[place])
                if wanted.query.match(hit.text, hit.name_at) is None:
                    yield hit

    def _hit(self, database: Database, schema: str, number: int) -> Hit:
        at = bisect_right(self.firsts, number) - 1
        relation = self.relations[at]
        name, type_name, comment = named(self.whole[0][relation])[number - self.firsts[at]]
        return _column(database, schema, relation, name, "  ".join(filter(None, [type_name, comment])))


class _Catalogs(Finder):
    """What :class:`Objects` and :class:`Columns` have in common: which databases are known, and which are not."""

    sections: ClassVar[type[_Names | _ColumnNames]]
    needed: ClassVar[frozenset[Level]]

    def __init__(self, kernel: Kernel) -> None:
        super().__init__(kernel)
        self._lock = threading.Lock()
        self._built: dict[tuple[str, str], _Names | _ColumnNames] = {}
        self._known: list[tuple[Database, str, _Names | _ColumnNames]] = []
        self._unread: list[str] = []

    def prepare(self, stopped: threading.Event | None = None) -> None:
        with self._lock:  # what is built is built once, whoever else waits for it
            kept = {reached.known.key: reached for reached in self.kernel.catalogs.kept()}
            profiles = {saved.id: saved for saved in self.kernel.profiles.all()}
            colors = {id: saved.profile.color for id, saved in profiles.items() if saved.profile is not None}
            known, built = [], {}
            for key, reached in kept.items():
                database = _database(reached, colors.get(reached.target.profile_id or ""))
                for name, schema in reached.known.known.items():
                    if not name:  # roles and the like: there is no SQL that makes them, and no page
                        continue
                    if stopped is not None and stopped.is_set():
                        return
                    section = self._built.get((key, name))
                    if section is None or any(
                        a is not b for a, b in zip(section.whole, _whole(section, schema), strict=True)
                    ):
                        section = self.sections(database, schema)
                    built[key, name] = section
                    known.append((database, name, section))
            self._built, self._known = built, known
            names = [saved.name for saved in profiles.values() if saved.profile is not None]
            self._unread = list(self._missing(kept, names))

    def find(self, wanted: Wanted, level: Found) -> Iterator[Hit]:
        found = [
            section.find(database, schema, wanted, level)
            for database, schema, section in self._known
            if wanted.includes(database.name)
        ]
        yield from closest(wanted, *found) if level is Found.SCATTERED else chain.from_iterable(found)

    def unread(self) -> Sequence[str]:
        return self._unread

    def read(self, connection: str, stopped: threading.Event | None = None) -> None:
        open_there = [session for session in self.kernel.sessions() if _name(session) == connection]
        self.kernel.catalogs.load(
            open_there[0] if open_there else connection, levels=WANTED, stopped=stopped, origin="find"
        )

    def _missing(self, kept: dict[str, Reached], names: Iterable[str]) -> Iterator[str]:
        read = {
            key
            for key, reached in kept.items()
            if all(
                all(reached.known.has(schema, level) for level in self.needed)
                for schema in reached.known.schemas
                if schema not in reached.known.system_schemas
            )
        }
        for session in self.kernel.sessions():
            if session.target.profile_id is None and key_of(session.target, session.driver, session) not in read:
                yield _name(session)
        for name in names:
            try:
                is_read = key_of(*self.kernel.target(name)) in read
            except AlvearyError:
                continue  # of what can't be reached nothing can be read
            if not is_read:
                yield name


class Objects(_Catalogs):
    """Relations, routines and whatever else schemas hold."""

    sections = _Names
    needed = frozenset({Level.RELATIONS, Level.OBJECTS})


class Columns(_Catalogs):
    """The columns of relations."""

    sections = _ColumnNames
    needed = frozenset({Level.COLUMNS})


def _whole(section: _Names | _ColumnNames, schema: KnownSchema) -> tuple[object, ...]:
    return (schema.relations, schema.objects) if isinstance(section, _Names) else (schema.packed_columns,)


def _haystack(database: Database, schema: str, texts: Iterable[tuple[str, int]]) -> Haystack:
    return Haystack(((f"{schema}.{text}", len(schema) + 1 + at) for text, at in texts), label=database.name)


def _name(session: Session) -> str:
    return session.target.name or url_of(session.target, session.driver)


def _database(reached: Reached, color: str | None) -> Database:
    target, driver, known = reached.target, reached.driver, reached.known
    name = target.name or url_of(target, driver)
    return Database(
        key=known.key,
        name=name,
        color=COLORS.get(color, color) if color else None,
        parameters={"target": name, "session": reached.session.id if reached.session is not None else None},
        implied=next(iter(known.search_path), None) if driver.file_based else None,
    )


def _hit(database: Database, thing: Relation | ObjectInfo) -> Hit:
    where = {**database.of(thing.schema), "table": thing.name}
    actions = [
        Action("DDL in an editor", "catalog.definition", where),
        Action("Insert the name", "catalog.insert-name", where),
    ]
    detail = thing.detail or ""
    place = {**where, "kind": thing.kind}
    if isinstance(thing, Relation):
        actions.insert(0, Action("Open", "catalog.open-table", where))
        place["relation"] = (thing.parent if thing.parent_schema == thing.schema else None) or ""
    else:
        place |= {"signature": thing.signature, "relation": thing.relation or ""}
        on = f"on {thing.relation}" if thing.relation else ""
        detail = "  ".join(filter(None, [f"({thing.signature})" if thing.signature else "", on, detail]))
    actions.append(Action("Reveal in tree", "catalog.reveal", place))
    return Hit(
        kind=thing.kind,
        text=f"{thing.schema}.{thing.name}",
        name_at=len(thing.schema) + 1,
        detail=thing.comment or detail,
        connection=database.name,
        color=database.color,
        icon=_ICONS.get(thing.kind, "box"),
        place={"schema": thing.schema, "name": thing.name},
        actions=tuple(actions),
    )


def _column(database: Database, schema: str, relation: str, column: str, detail: str) -> Hit:
    where = {**database.of(schema), "table": relation}
    return Hit(
        kind="column",
        text=f"{schema}.{relation}.{column}",
        name_at=len(schema) + len(relation) + 2,
        detail=detail,
        connection=database.name,
        color=database.color,
        icon="layout-three-columns",
        place={"schema": schema, "relation": relation, "name": column},
        actions=(
            Action("Open its table", "catalog.open-table", where),
            Action("DDL in an editor", "catalog.definition", where),
            Action("Insert the name", "catalog.insert-name", {**where, "column": column}),
            Action("Reveal in tree", "catalog.reveal", {**where, "column": column}),
        ),
    )
