"""What a server holds, in bulk: each question is answered in round trips that do not grow with the tables."""

from __future__ import annotations

from abc import ABC, abstractmethod

import msgspec

from alveary.errors import UnsupportedError
from alveary.wire import Small


class Relation(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A table, view or other thing with columns. ``rows`` is the server's estimate, None where it keeps none.

    ``detail`` says what is special about it in the engine's words: ``strict``, ``partition of flight``.
    """

    schema: str
    name: str
    kind: str
    rows: int | None = None
    comment: str | None = None
    detail: str | None = None


class ColumnInfo(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A column of a relation. ``ordinal`` and ``primary_key`` (its place in the key, None outside) count from 1."""

    schema: str
    relation: str
    name: str
    ordinal: Small
    type_name: str
    nullable: bool
    default: str | None = None
    primary_key: Small | None = None
    generated: bool = False


class IndexInfo(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An index; an expression stands in ``columns`` as None where the server does not give its text."""

    schema: str
    relation: str
    name: str
    unique: bool
    columns: tuple[str | None, ...]
    origin: str = "index"
    """``index``, ``unique`` or ``primary key``: what it was created for."""
    partial: bool = False


class ForeignKey(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A reference from ``columns`` of a relation to ``target_columns`` of another."""

    schema: str
    relation: str
    name: str
    columns: tuple[str, ...]
    target_schema: str
    target_relation: str
    target_columns: tuple[str, ...]
    on_update: str = "NO ACTION"
    on_delete: str = "NO ACTION"


class ObjectInfo(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a schema holds besides relations: a routine, a trigger, a sequence, a type.

    ``signature`` tells routines of one name apart, ``relation`` is what a trigger or policy stands on, ``detail`` says
    more in the engine's words: what a function returns, the labels of an enum.
    """

    schema: str
    name: str
    kind: str
    signature: str = ""
    relation: str | None = None
    detail: str | None = None
    comment: str | None = None


class Gap(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something a catalog can't tell, and why: a right that is missing, a view whose table is gone.

    ``what`` names it in a few words, such as ``triggers``; ``schema`` is empty where it is the whole server's.
    """

    schema: str
    what: str
    reason: str


class RelationDetails(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """All that is told of one relation; ``referenced_by`` are the foreign keys of others that lead to it."""

    relation: Relation
    columns: tuple[ColumnInfo, ...] = ()
    indexes: tuple[IndexInfo, ...] = ()
    foreign_keys: tuple[ForeignKey, ...] = ()
    referenced_by: tuple[ForeignKey, ...] = ()


class Catalog(ABC):
    """Asked on the worker's thread. Never counts rows, never locks, and shows names exactly as the server holds them.

    An engine without databases or schemas answers with the one name by which its SQL reaches them.
    """

    @abstractmethod
    def databases(self) -> list[str]:
        """Return the databases this connection could go to, the current one first."""

    @abstractmethod
    def schemas(self) -> list[str]:
        """Return the schemas of the current database, the one searched first leading."""

    def search_path(self) -> list[str]:
        """Return the schemas whose names need not be qualified, the one that wins first; part of :meth:`schemas`."""
        return self.schemas()[:1]

    @abstractmethod
    def relations(self, schema: str) -> list[Relation]:
        """Return the relations of a schema, by name."""

    @abstractmethod
    def columns(self, schema: str) -> list[ColumnInfo]:
        """Return the columns of all relations of a schema, by relation and place."""

    @abstractmethod
    def indexes(self, schema: str) -> list[IndexInfo]:
        """Return the indexes of all relations of a schema."""

    @abstractmethod
    def foreign_keys(self, schema: str) -> list[ForeignKey]:
        """Return the foreign keys of all relations of a schema."""

    def objects(self, schema: str) -> list[ObjectInfo]:
        """Return what a schema holds besides relations, by kind and name; none where there are no such things."""
        return []

    def details(self, schema: str, name: str) -> RelationDetails | None:
        """Return what there is to tell of one relation, None where there is none of this name.

        This asks about all relations of the schema; a driver that can ask about one, of which a schema has many
        thousands, overrides it.
        """
        relation = next((each for each in self.relations(schema) if each.name == name), None)
        if relation is None:
            return None
        keys = self.foreign_keys(schema)
        return RelationDetails(
            relation=relation,
            columns=tuple(each for each in self.columns(schema) if each.relation == name),
            indexes=tuple(each for each in self.indexes(schema) if each.relation == name),
            foreign_keys=tuple(each for each in keys if each.relation == name),
            referenced_by=tuple(each for each in keys if (each.target_schema, each.target_relation) == (schema, name)),
        )

    def definition(self, schema: str, name: str) -> list[str]:
        """Return the statements that make everything of this name in a schema; none if there is nothing.

        Run in their order, each without a terminator, they make it anew where it is missing and what it needs is
        there; a relation comes with its indexes and triggers, without its rows.
        """
        raise UnsupportedError("this driver can't tell the SQL that makes an object")

    @abstractmethod
    def quote(self, name: str) -> str:
        """Return a name quoted as an identifier, whatever characters it holds; U+0000 is refused."""
