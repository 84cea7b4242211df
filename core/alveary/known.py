"""What is known of a database at one moment: read level by level, and never changed afterwards."""

from __future__ import annotations

import enum
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TypeVar

from alveary.contracts.catalog import Catalog, ColumnInfo, ForeignKey, Gap, IndexInfo, ObjectInfo, Relation
from alveary.errors import PermissionDeniedError, QueryError
from alveary.workers.questions import AskedCatalog, named, packed, unpacked

_OfRelation = TypeVar("_OfRelation", ForeignKey, IndexInfo)


class Level(enum.StrEnum):
    """What can be asked of a schema by itself; each is one question."""

    RELATIONS = "relations"
    COLUMNS = "columns"
    FOREIGN_KEYS = "foreign keys"
    INDEXES = "indexes"
    OBJECTS = "objects"
    GAPS = "gaps"


LEVELS = frozenset({Level.RELATIONS, Level.COLUMNS, Level.FOREIGN_KEYS, Level.OBJECTS})
"""What is asked for where nobody says what."""


@dataclass(frozen=True, slots=True)
class KnownSchema:
    """What is known of one schema; a level that was not asked for is empty, and not in ``levels``.

    By the name ``""`` it is what stands in no schema, such as roles.
    """

    name: str
    levels: Mapping[Level, datetime] = field(default_factory=dict)
    """When each level was read."""
    relations: Mapping[str, Relation] = field(default_factory=dict, repr=False)
    packed_columns: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    """By relation, as :func:`~alveary.workers.questions.packed` has them: a few dozen bytes a column."""
    foreign_keys: Mapping[str, tuple[ForeignKey, ...]] = field(default_factory=dict, repr=False)
    references: Mapping[tuple[str, str], tuple[ForeignKey, ...]] = field(default_factory=dict, repr=False)
    """The same foreign keys by the schema and relation they lead to."""
    indexes: Mapping[str, tuple[IndexInfo, ...]] = field(default_factory=dict, repr=False)
    objects: Mapping[str, tuple[ObjectInfo, ...]] = field(default_factory=dict, repr=False)
    """By name, of which there may be several: functions that differ in their arguments."""
    gaps: Mapping[Level, tuple[Gap, ...]] = field(default_factory=dict)
    """Why a level could not be read; those of the level ``GAPS`` are what the server says."""
    named: dict[str, tuple[str, str]] = field(init=False, default_factory=dict, repr=False, compare=False)
    """By the name of a column one relation that has it and the type there, once somebody asked."""


_NOTHING = KnownSchema("")


@dataclass(frozen=True, slots=True)
class KnownCatalog:
    """What is known of a database. Every lookup by name is one in a dictionary; names are matched exactly."""

    key: str
    target: str
    """What a person calls the database."""
    schemas: tuple[str, ...]
    """All schemas, those of the server included, in the order in which it told them."""
    search_path: tuple[str, ...]
    """The schemas whose names need not be qualified, the one that wins first."""
    system_schemas: frozenset[str]
    listed_at: datetime
    """When the schemas were listed."""
    known: Mapping[str, KnownSchema] = field(repr=False)

    @property
    def taken_at(self) -> datetime:
        """When the oldest part of this was read."""
        return min([self.listed_at, *(at for schema in self.known.values() for at in schema.levels.values())])

    @property
    def gaps(self) -> tuple[Gap, ...]:
        """What could not be read, and why."""
        return tuple(gap for schema in self.known.values() for found in schema.gaps.values() for gap in found)

    def has(self, schema: str, level: Level) -> bool:
        """Return whether a level of a schema was read."""
        return level in self.known.get(schema, _NOTHING).levels

    def relations(self, schema: str) -> Mapping[str, Relation]:
        """Return the relations of a schema by name, in the order of their names."""
        return self.known.get(schema, _NOTHING).relations

    def relation(self, schema: str, name: str) -> Relation | None:
        """Return a relation, None where none is known."""
        return self.relations(schema).get(name)

    def columns(self, schema: str, relation: str) -> tuple[ColumnInfo, ...]:
        """Return the columns of a relation in their places."""
        found = self.known.get(schema, _NOTHING).packed_columns.get(relation)
        return () if found is None else unpacked(schema, relation, found)

    def all_columns(self, schema: str) -> Iterator[ColumnInfo]:
        """Yield the columns of all relations of a schema, made as they are asked for."""
        for relation, found in self.known.get(schema, _NOTHING).packed_columns.items():
            yield from unpacked(schema, relation, found)

    def column_names(self, schema: str) -> Mapping[str, tuple[str, str]]:
        """Return each name that columns of a schema have, with one relation that has it and the type it has there."""
        known = self.known.get(schema, _NOTHING)
        if not known.named:
            for relation, columns in reversed(list(known.packed_columns.items())):
                known.named.update((name, (relation, kind)) for name, kind, _ in named(columns))
        return known.named

    def foreign_keys(self, schema: str, relation: str) -> tuple[ForeignKey, ...]:
        """Return the foreign keys that a relation has."""
        return self.known.get(schema, _NOTHING).foreign_keys.get(relation, ())

    def referenced_by(self, schema: str, relation: str) -> tuple[ForeignKey, ...]:
        """Return the foreign keys, of all schemas that are known, that lead to a relation."""
        where = (schema, relation)
        return tuple(key for each in self.known.values() for key in each.references.get(where, ()))

    def indexes(self, schema: str, relation: str) -> tuple[IndexInfo, ...]:
        """Return the indexes of a relation."""
        return self.known.get(schema, _NOTHING).indexes.get(relation, ())

    def all_indexes(self, schema: str) -> Iterator[IndexInfo]:
        """Yield the indexes of all relations of a schema."""
        for found in self.known.get(schema, _NOTHING).indexes.values():
            yield from found

    def objects(self, schema: str) -> Iterator[ObjectInfo]:
        """Yield what a schema holds besides relations; of ``""`` what stands in none."""
        for found in self.known.get(schema, _NOTHING).objects.values():
            yield from found

    def objects_named(self, schema: str, name: str) -> tuple[ObjectInfo, ...]:
        """Return what has a name in a schema besides relations: functions that differ in their arguments."""
        return self.known.get(schema, _NOTHING).objects.get(name, ())


# -- reading -----------------------------------------------------------------------------------------------------


def read(catalog: Catalog, schema: KnownSchema, levels: Iterable[Level]) -> KnownSchema:
    """Return a schema with these levels asked of the catalog; one that the server refuses is a gap."""
    for level in levels:
        at, gaps = datetime.now(UTC), {other: found for other, found in schema.gaps.items() if other is not level}
        try:
            schema = _READERS[level](catalog, replace(schema, gaps=gaps))
        except QueryError as exc:
            # Cancelled, locked and the like hold for the next question, too.
            if type(exc) not in (QueryError, PermissionDeniedError):
                raise
            refused = Gap(schema=schema.name, what=level.value, reason=exc.message)
            schema = replace(schema, gaps={**gaps, level: (refused,)})
        schema = replace(schema, levels={**schema.levels, level: at})
    return schema


def _relations(catalog: Catalog, schema: KnownSchema) -> KnownSchema:
    return replace(schema, relations={each.name: each for each in catalog.relations(schema.name)})


def _columns(catalog: Catalog, schema: KnownSchema) -> KnownSchema:
    if isinstance(catalog, AskedCatalog):
        return replace(schema, packed_columns=catalog.packed_columns(schema.name))
    return replace(schema, packed_columns=packed(catalog.columns(schema.name)))


def _foreign_keys(catalog: Catalog, schema: KnownSchema) -> KnownSchema:
    keys = catalog.foreign_keys(schema.name)
    leading: defaultdict[tuple[str, str], list[ForeignKey]] = defaultdict(list)
    for key in keys:
        leading[key.target_schema, key.target_relation].append(key)
    return replace(
        schema,
        foreign_keys=_by_relation(keys),
        references={where: tuple(found) for where, found in leading.items()},
    )


def _by_relation(things: Iterable[_OfRelation]) -> dict[str, tuple[_OfRelation, ...]]:
    found: defaultdict[str, list[_OfRelation]] = defaultdict(list)
    for each in things:
        found[each.relation].append(each)
    return {name: tuple(group) for name, group in found.items()}


def _indexes(catalog: Catalog, schema: KnownSchema) -> KnownSchema:
    return replace(schema, indexes=_by_relation(catalog.indexes(schema.name)))


def _objects(catalog: Catalog, schema: KnownSchema) -> KnownSchema:
    found: defaultdict[str, list[ObjectInfo]] = defaultdict(list)
    for each in catalog.objects(schema.name) if schema.name else catalog.server_objects():
        found[each.name].append(each)
    return replace(schema, objects={name: tuple(each) for name, each in found.items()})


def _gaps(catalog: Catalog, schema: KnownSchema) -> KnownSchema:
    return replace(schema, gaps={**schema.gaps, Level.GAPS: tuple(catalog.gaps(schema.name))})


_READERS: dict[Level, Callable[[Catalog, KnownSchema], KnownSchema]] = {
    Level.RELATIONS: _relations,
    Level.COLUMNS: _columns,
    Level.FOREIGN_KEYS: _foreign_keys,
    Level.INDEXES: _indexes,
    Level.OBJECTS: _objects,
    Level.GAPS: _gaps,
}
