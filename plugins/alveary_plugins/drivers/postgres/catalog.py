"""The PostgreSQL catalog: one question, one round trip, however many tables there are."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from itertools import groupby
from operator import attrgetter, itemgetter
from typing import Any

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
from alveary.contracts.values import Row
from alveary.errors import InvalidInputError, NulCharacterError
from alveary_plugins.drivers.postgres import questions
from alveary_plugins.drivers.postgres.definitions import Definitions
from alveary_plugins.drivers.postgres.dependencies import dependencies_of
from alveary_plugins.drivers.postgres.twins import Twins

_LONGEST = 63
"""Bytes of a name that every server takes; some are built to take more."""

#: Runs a query with its parameters and yields its rows as they come, each cell as text; all must be taken.
Ask = Callable[..., Iterable[Row]]

_KINDS = {"r": "table", "p": "partitioned table", "v": "view", "m": "materialized view", "f": "foreign table"}
_ACTIONS = {"a": "NO ACTION", "r": "RESTRICT", "c": "CASCADE", "n": "SET NULL", "d": "SET DEFAULT"}
_CONSTRAINTS = {"p": "primary key", "u": "unique", "c": "check", "x": "exclusion"}
_IDENTITIES = {"a": "always", "d": "by default"}
_PERSISTENCE = {"u": "unlogged", "t": "temporary"}
_MOST_NAMED = 20
"""Names told in the reason of a gap; of more their number."""


class PostgresCatalog(Catalog):
    """Answers from pg_catalog, of what the user may see; names are sorted by their bytes, as pg_catalog does."""

    def __init__(self, ask: Ask, version: int) -> None:
        """``version`` is the server's, as in ``server_version_num``."""
        self._ask = ask
        self._version = version

    def databases(self) -> list[str]:
        return [str(name) for (name,) in self._ask(questions.DATABASES)]

    def schemas(self) -> list[str]:
        return [str(name) for (name,) in self._ask(questions.SCHEMAS)]

    def search_path(self) -> list[str]:
        ((path,),) = self._ask(questions.SEARCH_PATH)
        return [str(name) for name in json.loads(str(path))]

    def relations(self, schema: str) -> list[Relation]:
        return self._relations(schema)

    def columns(self, schema: str) -> list[ColumnInfo]:
        return self._columns(schema)

    def indexes(self, schema: str) -> list[IndexInfo]:
        return self._indexes(schema)

    def foreign_keys(self, schema: str) -> list[ForeignKey]:
        return self._foreign_keys(questions.HAVING, schema)

    def constraints(self, schema: str) -> list[Constraint]:
        return self._constraints(schema)

    def objects(self, schema: str) -> list[ObjectInfo]:
        return self._objects(questions.OBJECTS.format(kind=questions.routine_kind(self._version)), schema)

    def details(self, schema: str, name: str) -> RelationDetails | None:
        """Return what there is to tell of one relation, but for the query of a view.

        To write it the server waits for whoever alters one of the view's tables; ``definition`` asks for it.
        """
        relations = self._relations(schema, name)
        if not relations:
            return None
        keys = self._foreign_keys(questions.TOUCHING, schema, name)
        return RelationDetails(
            relation=relations[0],
            columns=tuple(self._columns(schema, name)),
            indexes=tuple(self._indexes(schema, name)),
            constraints=tuple(self._constraints(schema, name)),
            foreign_keys=tuple(key for key in keys if (key.schema, key.relation) == (schema, name)),
            referenced_by=tuple(key for key in keys if (key.target_schema, key.target_relation) == (schema, name)),
            objects=tuple(self._objects(questions.ON_RELATION.format(only=questions.ONLY), schema, name)),
        )

    def server_objects(self) -> list[ObjectInfo]:
        found = [
            ObjectInfo(schema="", name=name, kind=kind, relation=relation, detail=detail or None, comment=comment)
            for name, kind, relation, detail, comment in self._of(questions.SERVER_OBJECTS)
        ]
        return sorted(found, key=attrgetter("kind", "name"))

    def gaps(self, schema: str) -> list[Gap]:
        """Return what may be listed and not read; in ``""`` what only a superuser is told."""
        if not schema:
            ((superuser,),) = self._ask(questions.IS_SUPERUSER)
            reason = "only superusers are told of them"
            return [] if superuser == "t" else [Gap(schema="", what="subscriptions", reason=reason)]
        found: dict[str, list[str]] = {"schema": [], "relation": [], "routine": [], "locked": []}
        for what, name in self._of(questions.GAPS, schema):
            found[what].append(name)
        gaps = []
        if found["schema"]:
            reason = "this role has no USAGE on the schema: what it holds is listed and can't be used"
            gaps.append(Gap(schema=schema, what=f"schema {schema}", reason=reason))
        if names := found["locked"]:
            reason = f"somebody has locked {_several(names)}, to alter it: ask again when that is done"
            gaps.append(Gap(schema=schema, what="defaults, checks and expressions of indexes", reason=reason))
        for what, right, lost in (("relation", "SELECT", "rows"), ("routine", "EXECUTE", "results")):
            if names := found[what]:
                reason = f"this role has no {right} on {_several(names)}"
                told = f"{lost} of {len(names)} {what}{'s' * (len(names) > 1)}"
                gaps.append(Gap(schema=schema, what=told, reason=reason))
        return gaps

    def definition(self, schema: str, name: str) -> list[str]:
        """Return the statements; owners and privileges are left out. Takes a few round trips for each object."""
        return Definitions(self._ask, self._version).of(schema, name)

    def part(self, schema: str, relation: str, name: str) -> list[str]:
        return Definitions(self._ask, self._version).part(schema, relation, name)

    def dependencies(self, schema: str, name: str) -> Dependencies | None:
        """Return what the server keeps record of, and what stands in the bodies of routines, which is a guess."""
        return dependencies_of(self._ask, schema, name, questions.routine_kind(self._version))

    def twin(self, schema: str, name: str, twin_schema: str, twin_name: str) -> Twin | None:
        at = f"{self.quote(twin_schema)}.{self.quote(twin_name)}"
        return Twins(self._ask, self._version).of_table(schema, name, at, keeps_names=name == twin_name)

    def quote(self, name: str) -> str:
        if "\0" in name:
            raise NulCharacterError("a name can't hold U+0000")
        # The server cuts off what is too long, by its own count of bytes, and means another thing without a word.
        if len(name.encode("utf-8", "surrogateescape")) > _LONGEST and self._is_cut(name):
            raise InvalidInputError(
                f"the name {name!r} is too long: PostgreSQL would cut it off, and mean something else",
                hint=f"names have {_LONGEST} bytes at most; a column of a file gets another one by --map",
            )
        return '"' + name.replace('"', '""') + '"'

    def _is_cut(self, name: str) -> bool:
        ((same,),) = self._ask("select $1::pg_catalog.text::pg_catalog.name::pg_catalog.text = $1", [name])
        return bool(same != "t")

    # -- about all relations of a schema, or one ---------------------------------------------------------------

    def _relations(self, schema: str, *name: str) -> list[Relation]:
        uncounted = (
            "c.relkind in ('v', 'f')" if self._version >= 140000 else "(c.relkind in ('v', 'f') or c.relpages = 0)"
        )
        sql = questions.RELATIONS.format(
            uncounted=uncounted,
            partition="c.relispartition" if self._version >= 100000 else "false",
            block=questions.BLOCK,
            owner="pg_catalog.pg_get_userbyid(c.relowner)" if name else "null",
            only=questions.ONLY if name else "",
        )
        found = []
        for relname, kind, comment, rows, size, special, owner in self._of(sql, schema, *name):
            detail, parent = (None, (None, None)) if special is None else _special(json.loads(special))
            found.append(
                Relation(
                    schema=schema,
                    name=relname,
                    kind=_KINDS[kind],
                    rows=rows and int(rows),
                    size=size and int(size),
                    comment=comment,
                    detail=detail,
                    parent_schema=parent[0],
                    parent=parent[1],
                    owner=owner,
                )
            )
        return sorted(found, key=attrgetter("name"))

    def _columns(self, schema: str, *name: str) -> list[ColumnInfo]:
        generated = "a.attgenerated <> ''" if self._version >= 120000 else "false"
        sql = questions.COLUMNS.format(generated=generated, only=questions.ONLY if name else "")
        found = [
            ColumnInfo(
                schema=schema,
                relation=relation,
                name=column,
                ordinal=int(ordinal),
                type_name=type_name,
                nullable=nullable == "t",
                default=default,
                primary_key=key and int(key),
                generated=generated == "t",
                identity=identity and _IDENTITIES[identity],
                collation=collation,
                comment=comment,
            )
            for relation, column, ordinal, type_name, nullable, default, key, generated, identity, collation, comment
            in self._of(sql, schema, *name)
        ]  # fmt: skip
        return sorted(found, key=attrgetter("relation", "ordinal"))

    def _indexes(self, schema: str, *name: str) -> list[IndexInfo]:
        rows = self._of(
            questions.INDEXES.format(block=questions.BLOCK, only=questions.ONLY if name else ""), schema, *name
        )
        found = []
        for key, group in _grouped(rows, 10):
            relation, index, unique, origin, partial, method, predicate, size, comment, valid = key
            found.append(
                IndexInfo(
                    schema=schema,
                    relation=relation,
                    name=index,
                    unique=unique == "t",
                    columns=tuple(column for *_, included, column in group if included != "t"),
                    origin=origin,
                    partial=partial == "t",
                    method=method,
                    included=tuple(column for *_, included, column in group if included == "t"),
                    predicate=predicate,
                    size=size and int(size),
                    comment=comment,
                    valid=valid == "t",
                )
            )
        return found

    def _foreign_keys(self, where: str, schema: str, *name: str) -> list[ForeignKey]:
        rows = self._of(questions.FOREIGN_KEYS.format(where=where), schema, *name)
        rows = sorted(rows, key=itemgetter(8, 0, 1))  # stable: the columns stay in their order
        return [
            ForeignKey(
                schema=own_schema,
                relation=relation,
                name=key_name,
                columns=tuple(row[6] for row in group),
                target_schema=target_schema,
                target_relation=target,
                target_columns=tuple(row[7] for row in group),
                on_update=_ACTIONS[on_update],
                on_delete=_ACTIONS[on_delete],
            )
            for (relation, key_name, target_schema, target, on_update, on_delete, own_schema), group in (
                (key, list(group)) for key, group in groupby(rows, itemgetter(0, 1, 2, 3, 4, 5, 8))
            )
        ]

    def _constraints(self, schema: str, *name: str) -> list[Constraint]:
        rows = self._of(questions.CONSTRAINTS.format(only=questions.ONLY if name else ""), schema, *name)
        return [
            Constraint(
                schema=schema,
                relation=relation,
                name=constraint,
                kind=_CONSTRAINTS[kind],
                columns=tuple(json.loads(columns)) if columns is not None else (),
                expression=expression,
                detail=", ".join(
                    filter(
                        None,
                        [
                            "deferrable" if deferrable == "t" else "",
                            "initially deferred" if deferred == "t" else "",
                            "not valid" if valid != "t" else "",
                        ],
                    )
                )
                or None,
                comment=comment,
            )
            for relation, constraint, kind, expression, columns, deferrable, deferred, valid, comment in rows
        ]

    def _objects(self, sql: str, schema: str, *name: str) -> list[ObjectInfo]:
        found = [
            ObjectInfo(
                schema=schema,
                name=each,
                kind=kind,
                signature=signature or "",
                relation=relation,
                detail=_trigger(int(detail)) if kind == "trigger" else detail or None,
                comment=comment,
                extension=extension,
            )
            for each, kind, signature, relation, detail, comment, extension in self._of(sql, schema, *name)
        ]
        return sorted(found, key=attrgetter("kind", "name", "signature"))

    def _of(self, question: str, *path: str) -> Iterable[tuple[Any, ...]]:
        return self._ask(question, list(path))


def _several(names: list[str]) -> str:
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return ", ".join(names[:_MOST_NAMED]) + more


def _special(found: list[Any]) -> tuple[str | None, tuple[str | None, str | None]]:
    """Return what is special about a relation in words, and the schema and name of the one it belongs to."""
    persistence, key, parents, partition, secured = found
    schema, name = parents[0] if parents else (None, None)
    words = [
        _PERSISTENCE.get(persistence, ""),
        f"partition by {key}" if key is not None else "",
        f"{'partition of' if partition else 'inherits'} {name}" if name is not None else "",
        "row level security" if secured else "",
    ]
    return ", ".join(filter(None, words)) or None, (schema, name)


def _trigger(bits: int) -> str:
    """Return when a trigger fires, which the server keeps as bits."""
    when = "instead of" if bits & 64 else "before" if bits & 2 else "after"
    events = [word for bit, word in ((4, "insert"), (8, "delete"), (16, "update"), (32, "truncate")) if bits & bit]
    return f"{when} {' or '.join(events)}"


def _grouped(rows: Iterable[tuple[Any, ...]], width: int) -> list[tuple[tuple[Any, ...], list[tuple[Any, ...]]]]:
    """Return the rows that begin with the same ``width`` cells together; they already stand together."""
    return [(key, list(group)) for key, group in groupby(rows, itemgetter(slice(width)))]
