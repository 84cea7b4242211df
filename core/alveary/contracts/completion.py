"""The completion contract: what a completer is asked while somebody writes SQL, and what it can suggest."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import msgspec

from alveary.contracts.catalog import ColumnInfo, ForeignKey, IndexInfo, ObjectInfo, Relation
from alveary.sqltext import Dialect
from alveary.wire import Small


class CatalogView(Protocol):
    """What is known of a database, without asking it: every answer is immediate, on any thread, and may be empty.

    Names are exactly those the server holds, and are matched exactly. What the kernel keeps of a database
    (``kernel.catalogs``) is one.
    """

    @property
    def schemas(self) -> Sequence[str]:
        """All schemas."""

    @property
    def search_path(self) -> Sequence[str]:
        """The schemas whose names need not be qualified, the one that wins first."""

    @property
    def system_schemas(self) -> Collection[str]:
        """Those that the server keeps for itself."""

    def relations(self, schema: str) -> Mapping[str, Relation]:
        """Return the tables, views and other things with columns of a schema by name."""

    def columns(self, schema: str, relation: str) -> Sequence[ColumnInfo]:
        """Return the columns of a relation in their order; none if there is no such relation."""

    def column_names(self, schema: str) -> Mapping[str, tuple[str, str]]:
        """Return each name that columns of a schema have, with one relation that has it and the type it has there."""

    def foreign_keys(self, schema: str, relation: str) -> Sequence[ForeignKey]:
        """Return the foreign keys that a relation has."""

    def referenced_by(self, schema: str, relation: str) -> Sequence[ForeignKey]:
        """Return the foreign keys that lead to a relation."""

    def indexes(self, schema: str, relation: str) -> Sequence[IndexInfo]:
        """Return the indexes of a relation."""

    def all_indexes(self, schema: str) -> Iterable[IndexInfo]:
        """Return the indexes of all relations of a schema."""

    def objects(self, schema: str) -> Iterable[ObjectInfo]:
        """Return what a schema holds besides relations: routines, types, sequences; of ``""`` roles and the like."""

    def objects_named(self, schema: str, name: str) -> Sequence[ObjectInfo]:
        """Return what has a name in a schema besides relations."""


class NothingKnown:
    """A database of which nothing is known."""

    schemas: tuple[str, ...] = ()
    search_path: tuple[str, ...] = ()
    system_schemas: frozenset[str] = frozenset()

    def relations(self, schema: str) -> Mapping[str, Relation]:
        """Return nothing."""
        return {}

    def columns(self, schema: str, relation: str) -> Sequence[ColumnInfo]:
        """Return nothing."""
        return ()

    def column_names(self, schema: str) -> Mapping[str, tuple[str, str]]:
        """Return nothing."""
        return {}

    def foreign_keys(self, schema: str, relation: str) -> Sequence[ForeignKey]:
        """Return nothing."""
        return ()

    referenced_by = foreign_keys

    def indexes(self, schema: str, relation: str) -> Sequence[IndexInfo]:
        """Return nothing."""
        return ()

    def all_indexes(self, schema: str) -> Iterable[IndexInfo]:
        """Return nothing."""
        return ()

    def objects_named(self, schema: str, name: str) -> Sequence[ObjectInfo]:
        """Return nothing."""
        return ()

    def objects(self, schema: str) -> Iterable[ObjectInfo]:
        """Return nothing."""
        return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CompletionRequest:
    """Where somebody writes. ``text`` is one statement, ``caret`` the offset in it in characters.

    ``driver`` is the id of the driver whose database it is for, empty where there is none; at most ``limit``
    suggestions are shown of all that all completers make.
    """

    text: str
    caret: int
    dialect: Dialect
    catalog: CatalogView
    limit: int = 100
    driver: str = ""


class Suggestion(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """Something that could stand at the caret: ``text`` in the place of ``text[start:end]`` of the request.

    ``start`` and ``end`` enclose the caret. ``label`` is what the list shows, and what typing on narrows; ``kind`` is a
    word such as ``column``, ``table``, ``keyword``; ``detail`` says more: a type, a signature. ``rank`` says how good
    it is, 0 best: with ours a column in scope has 4, a function 30, and what does not begin with what is typed 20 more.
    ``caret`` is where in ``text`` the caret stands afterwards, None behind it.
    """

    text: str
    label: str
    kind: str
    start: Small
    end: Small
    rank: float = 50.0
    detail: str = ""
    caret: Small | None = None
