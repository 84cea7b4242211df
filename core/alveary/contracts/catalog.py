"""What a server holds, in bulk: each question is answered in round trips that do not grow with the tables."""

from __future__ import annotations

from abc import ABC, abstractmethod

import msgspec

from alveary.errors import UnsupportedError
from alveary.wire import Small


class Relation(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A table, view or other thing with columns.

    ``rows`` is the server's estimate and ``size`` its estimate of the bytes that the rows take, None where it keeps
    none. ``detail`` says what is special about it in the engine's words: ``strict``, ``partition by range (day)``.
    ``parent`` is the relation it is a partition of, or inherits from. ``owner`` and ``definition``, the query of a
    view, are told where one relation is asked for, and nobody has to be waited for.
    """

    schema: str
    name: str
    kind: str
    rows: int | None = None
    size: int | None = None
    comment: str | None = None
    detail: str | None = None
    parent_schema: str | None = None
    parent: str | None = None
    owner: str | None = None
    definition: str | None = None


class ColumnInfo(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A column of a relation. ``ordinal`` and ``primary_key`` (its place in the key, None outside) count from 1.

    ``default`` is, of a column that is ``generated``, the expression. ``identity`` says that the server counts it up,
    in the engine's words: ``always``, ``by default``, ``auto_increment``. ``collation`` is told where it is not the
    usual one. One that is ``hidden`` is left out by ``select *``.
    """

    schema: str
    relation: str
    name: str
    ordinal: Small
    type_name: str
    nullable: bool
    default: str | None = None
    primary_key: Small | None = None
    generated: bool = False
    identity: str | None = None
    collation: str | None = None
    comment: str | None = None
    hidden: bool = False


class IndexInfo(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An index; an expression stands in ``columns`` as its text, or as None where the server does not give it.

    ``included`` are columns that it holds without being ordered by them; ``predicate`` is what the rows of a
    ``partial`` one fulfil, ``size`` the estimate of its bytes. One that is not ``valid`` is not used.
    """

    schema: str
    relation: str
    name: str
    unique: bool
    columns: tuple[str | None, ...]
    origin: str = "index"
    """``index``, ``unique`` or ``primary key``: what it was created for."""
    partial: bool = False
    method: str | None = None
    """How it is built, in the engine's words: ``btree``, ``gin``, ``fulltext``."""
    included: tuple[str, ...] = ()
    predicate: str | None = None
    size: int | None = None
    comment: str | None = None
    valid: bool = True


class Constraint(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What rows of a relation must fulfil, besides foreign keys.

    ``kind`` is ``primary key``, ``unique``, ``check`` or ``exclusion``; ``expression`` is what a check checks, or how
    an exclusion excludes; ``columns`` are those it names, where the engine tells. ``name`` is empty where it has none.
    """

    schema: str
    relation: str
    name: str
    kind: str
    columns: tuple[str, ...] = ()
    expression: str | None = None
    detail: str | None = None
    """What is special about it: ``deferrable``, ``not valid``."""
    comment: str | None = None


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
    """What a schema, or the server, holds besides relations: a routine, a trigger, a sequence, a type, a role.

    ``kind`` is the engine's word for it, in lower case, and the plural of it names a folder of the tree: a driver may
    list things nobody has heard of. ``signature`` tells routines of one name apart, ``relation`` is what a trigger or
    policy stands on, ``detail`` says more in the engine's words: what a function returns, the labels of an enum.
    ``extension`` is what it came with, if it was not made by itself. ``schema`` is empty for what stands in none.
    """

    schema: str
    name: str
    kind: str
    signature: str = ""
    relation: str | None = None
    detail: str | None = None
    comment: str | None = None
    extension: str | None = None


class Dependency(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A thing that another one uses, or is used by. ``how`` says where: ``foreign key``, ``query``, ``default of k``.

    ``textual`` says that it was found by reading SQL: a name that stands there may mean something else, and one that
    is put together while it runs is not seen.
    """

    schema: str
    name: str
    kind: str
    how: str
    textual: bool = False


class Dependencies(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a thing uses, and what uses it: both one step far."""

    uses: tuple[Dependency, ...] = ()
    used_by: tuple[Dependency, ...] = ()


class Gap(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something a catalog can't tell, and why: a right that is missing, a view whose table is gone.

    ``what`` names it in a few words, such as ``triggers``; ``schema`` is empty where it is the whole server's.
    """

    schema: str
    what: str
    reason: str


class RelationDetails(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """All that is told of one relation; ``referenced_by`` are the foreign keys of others that lead to it.

    ``objects`` are those that stand on it, such as its triggers.
    """

    relation: Relation
    columns: tuple[ColumnInfo, ...] = ()
    indexes: tuple[IndexInfo, ...] = ()
    constraints: tuple[Constraint, ...] = ()
    foreign_keys: tuple[ForeignKey, ...] = ()
    referenced_by: tuple[ForeignKey, ...] = ()
    objects: tuple[ObjectInfo, ...] = ()


class Trait(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something a table has beside its columns: ``kind`` in a word or two, such as ``check`` or ``foreign key``."""

    kind: str
    name: str = ""

    def __str__(self) -> str:
        return f"{self.kind} {self.name}".strip()


class Twin(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How an empty table is made that is like another one, at another path of the same engine.

    ``create`` makes the columns with what belongs to them, and the primary key. ``after`` are statements for once its
    rows are there, and what each of them makes. ``within`` is what ``create`` makes beside columns and key; ``left`` is
    what no statement here makes, such as triggers and the ``privileges of`` others.
    """

    create: str
    after: tuple[tuple[Trait, str], ...] = ()
    within: tuple[Trait, ...] = ()
    left: tuple[Trait, ...] = ()

    def traits(self) -> list[Trait]:
        """Return all that the table has."""
        return [*self.within, *(trait for trait, _ in self.after), *self.left]


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

    def constraints(self, schema: str) -> list[Constraint]:
        """Return the constraints of all relations of a schema but for foreign keys, by relation and name."""
        return []

    def objects(self, schema: str) -> list[ObjectInfo]:
        """Return what a schema holds besides relations, by kind and name; none where there are no such things."""
        return []

    def server_objects(self) -> list[ObjectInfo]:
        """Return what stands in no schema, such as roles, by kind and name; none where there are no such things."""
        return []

    def gaps(self, schema: str) -> list[Gap]:
        """Return what this user is not told of a schema, and why; ``""`` is for what stands in no schema."""
        return []

    def dependencies(self, schema: str, name: str) -> Dependencies | None:
        """Return what everything of a name uses and what uses it, None where there is nothing of that name."""
        raise UnsupportedError("this driver can't tell what uses what")

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
            constraints=tuple(each for each in self.constraints(schema) if each.relation == name),
            foreign_keys=tuple(each for each in keys if each.relation == name),
            referenced_by=tuple(each for each in keys if (each.target_schema, each.target_relation) == (schema, name)),
            objects=tuple(each for each in self.objects(schema) if each.relation == name),
        )

    def definition(self, schema: str, name: str) -> list[str]:
        """Return the statements that make everything of this name in a schema; none if there is nothing.

        Run in their order, each without a terminator, they make it anew where it is missing and what it needs is
        there; a relation comes with its indexes and triggers, without its rows.
        """
        raise UnsupportedError("this driver can't tell the SQL that makes an object")

    def part(self, schema: str, relation: str, name: str) -> list[str]:
        """Return the statements that make what has a name among the things that stand on a relation; none as above.

        Overridden where two relations of a schema may have a trigger or an index of one name.
        """
        return self.definition(schema, name)

    def twin(self, schema: str, name: str, twin_schema: str, twin_name: str) -> Twin | None:
        """Return how a table like this one is made at another path; None for what is no table, or if nobody knows.

        Names that only one thing of a schema can have are left to the server where the twin's name is another one.
        """
        return None

    @abstractmethod
    def quote(self, name: str) -> str:
        """Return a name quoted as an identifier, whatever characters it holds; U+0000 is refused."""
