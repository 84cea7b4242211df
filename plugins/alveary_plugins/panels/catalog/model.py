"""What stands below a connection in the tree: read in bulk, one level at a time, and made into nodes.

Reading takes time and happens in the background, so nodes are made there, too; nothing here knows Tk.
"""

from __future__ import annotations

import re
import threading
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from alveary.contracts.catalog import Catalog, ColumnInfo, ForeignKey, IndexInfo, Relation
from alveary.errors import AlvearyError
from alveary.kernel import Kernel
from alveary.sessions import Session
from alveary_shell.widgets.tree_rows import Node

SYSTEM_SCHEMAS = ("information_schema", "pg_catalog", "mysql", "performance_schema", "sys", "ndbinfo")
"""What servers keep for themselves: shown, but not opened unasked."""

_ICONS = {
    "view": ("eye", "function"),
    "system view": ("eye", "function"),
    "materialized view": ("eye-fill", "function"),
    "sequence": ("list-ol", "muted"),
    "foreign table": ("box-arrow-up-right", "warning"),
    "partitioned table": ("grid-3x3-gap", "warning"),
}
_KINDS = ("table", "partitioned table", "foreign table", "view", "materialized view")
"""The order of what a schema holds; other kinds follow."""
_TYPES = (
    (re.compile(r"json|xml|hstore", re.I), "braces"),
    (re.compile(r"bool|^bit\b|^tinyint\(1\)", re.I), "toggle2-on"),
    (re.compile(r"date|time|year|interval", re.I), "calendar3"),
    (re.compile(r"int|num|dec|real|doub|float|serial|money|^oid$", re.I), "123"),
    (re.compile(r"blob|bytea|binary", re.I), "file-binary"),
    (re.compile(r"char|text|clob|enum|uuid|name", re.I), "fonts"),
)


# -- what a node stands for --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Database:
    """A database as it is reached: by the name it is saved under or its URL, or, if it is not saved, by a session."""

    target: str
    """What editors and tables are opened with."""
    session: Session | None = None
    is_file: bool = False


@dataclass(frozen=True, slots=True)
class Schema:
    """A schema. ``implied`` says that names need not be qualified with it; ``shelf`` keeps what was read of it."""

    database: Database
    name: str
    implied: bool
    shelf: Shelf = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Folder:
    """The relations of one kind."""

    schema: Schema
    kind: str


@dataclass(frozen=True, slots=True)
class Table:
    """A relation."""

    schema: Schema
    relation: Relation


@dataclass(frozen=True, slots=True)
class Part:
    """A column, index or key of a relation; ``name`` is what is copied of it."""

    table: Table
    name: str


@dataclass(frozen=True, slots=True)
class Failed:
    """What could not be read, and why."""

    error: AlvearyError


@dataclass(slots=True)
class Details:
    """What is known of one relation."""

    columns: list[ColumnInfo] = field(default_factory=list)
    indexes: list[IndexInfo] = field(default_factory=list)
    foreign_keys: list[ForeignKey] = field(default_factory=list)
    referenced_by: list[ForeignKey] = field(default_factory=list)


class Shelf:
    """The details of all relations of a schema, read once, in three questions; safe to use from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._details: dict[str, Details] | None = None

    def details(self, catalog: Catalog, schema: str, relation: str) -> Details:
        """Return the details of a relation; those of the whole schema are read with the first one."""
        with self._lock:
            if self._details is None:
                self._details = read_details(catalog, schema)
            return self._details.get(relation) or Details()

    def forget(self) -> None:
        """Read them again when they are next asked for."""
        with self._lock:
            self._details = None


def read_details(catalog: Catalog, schema: str) -> dict[str, Details]:
    """Return the details of every relation of a schema by its name."""
    found: defaultdict[str, Details] = defaultdict(Details)
    for column in catalog.columns(schema):
        found[column.relation].columns.append(column)
    for index in catalog.indexes(schema):
        found[index.relation].indexes.append(index)
    for key in catalog.foreign_keys(schema):
        found[key.relation].foreign_keys.append(key)
        if key.target_schema == schema:
            found[key.target_relation].referenced_by.append(key)
    return dict(found)


# -- reading -----------------------------------------------------------------------------------------------------


def catalog_of(kernel: Kernel, database: Database, stopped: threading.Event) -> Catalog:
    """Return the catalog to ask; it asks over connections of its own."""
    return kernel.catalog(database.session or database.target, stopped=stopped, origin="tree")


def read(kernel: Kernel, what: object, stopped: threading.Event) -> list[Node]:
    """Return the nodes below a :class:`Database`, a :class:`Schema` or a :class:`Table`; for the background."""
    if isinstance(what, Database):
        return _schemas(catalog_of(kernel, what, stopped), what)
    if isinstance(what, Schema):
        return _relations(catalog_of(kernel, what.database, stopped), what)
    assert isinstance(what, Table), "nothing else is read"
    schema = what.schema
    catalog = catalog_of(kernel, schema.database, stopped)
    return parts(what, schema.shelf.details(catalog, schema.name, what.relation.name))


def _schemas(catalog: Catalog, database: Database) -> list[Node]:
    names = catalog.schemas()
    own = [name for name in names if name not in SYSTEM_SCHEMAS]
    schemas = [Schema(database, name, database.is_file and name == names[0], Shelf()) for name in names]
    if len(schemas) == 1:  # a level that holds nothing but one thing is only in the way
        return _relations(catalog, schemas[0])
    return [
        Node(
            key=schema.name,
            text=schema.name,
            icon="collection",
            icon_role="accent" if schema.name in own else "faint",
            role="text" if schema.name in own else "muted",
            open=own == [schema.name],
            data=schema,
        )
        for schema in schemas
    ]


def _relations(catalog: Catalog, schema: Schema) -> list[Node]:
    by_kind: defaultdict[str, list[Node]] = defaultdict(list)
    for relation in catalog.relations(schema.name):
        by_kind[relation.kind].append(relation_node(Table(schema, relation)))
    kinds = sorted(by_kind, key=lambda kind: (_KINDS.index(kind) if kind in _KINDS else len(_KINDS), kind))
    if len(kinds) == 1:
        return by_kind[kinds[0]]
    return [
        Node(
            key=f"{kind}\0",  # no name holds it
            text=plural(kind),
            icon="folder2",
            aside=f"{len(by_kind[kind]):,}",
            open=number == 0,
            children=by_kind[kind],
            data=Folder(schema, kind),
        )
        for number, kind in enumerate(kinds)
    ]


def relation_node(table: Table) -> Node:
    """Return the node of a relation; the estimate of its rows stands at the end."""
    relation = table.relation
    icon, role = _ICONS.get(relation.kind, ("table", "warning"))
    return Node(
        key=relation.name,
        text=relation.name,
        icon=icon,
        icon_role=role,
        aside="" if relation.rows is None else f"~{relation.rows:,}",
        tip=relation.comment or "",
        data=table,
    )


def parts(table: Table, details: Details) -> list[Node]:
    """Return the nodes of a relation's columns, and below them those of its indexes and keys."""
    targets = {name: key for key in details.foreign_keys for name in key.columns}
    nodes = [_column(table, column, targets.get(column.name)) for column in details.columns]
    groups = (
        ("indexes\0", "Indexes", [_index(table, index) for index in details.indexes]),
        ("keys\0", "Foreign keys", [_key(table, key) for key in details.foreign_keys]),
        ("references\0", "Referenced by", [_reference(table, key) for key in details.referenced_by]),
    )
    nodes += [
        Node(key=key, text=text, icon="folder2", aside=f"{len(inner):,}", children=inner, data=Part(table, ""))
        for key, text, inner in groups
        if inner
    ]
    return nodes or [Node(key="none\0", text="no columns", role="faint", leaf=True, passing=True)]


def _column(table: Table, column: ColumnInfo, key: ForeignKey | None) -> Node:
    icon, role = type_icon(column.type_name), "muted"
    if column.primary_key is not None:
        icon, role = "key", "warning"
    elif key is not None:
        icon, role = "link-45deg", "accent"
    # Types of standard SQL are shouted by some servers; the labels of an enum are what they are.
    kind = column.type_name.lower() if column.type_name.isupper() and "'" not in column.type_name else column.type_name
    detail = kind + ("" if column.nullable else " not null")
    tips = [
        f"primary key, column {column.primary_key}" if column.primary_key is not None else "",
        f"references {key.target_relation} ({', '.join(key.target_columns)})" if key is not None else "",
        f"default {column.default}" if column.default is not None else "",
        "generated" if column.generated else "",
    ]
    return Node(
        key=f"{column.ordinal}\0{column.name}",
        text=column.name,
        icon=icon,
        icon_role=role,
        detail=detail,
        tip="\n".join(filter(None, tips)),
        leaf=True,
        data=Part(table, column.name),
    )


def _index(table: Table, index: IndexInfo) -> Node:
    unique = f"{index.origin} " if index.origin != "index" else "unique " if index.unique else ""
    detail = f"{unique}({names(index.columns)}){' partial' if index.partial else ''}"
    icon = "key" if index.origin == "primary key" else "lightning-charge"
    return Node(key=index.name, text=index.name, icon=icon, detail=detail, leaf=True, data=Part(table, index.name))


def _key(table: Table, key: ForeignKey) -> Node:
    return Node(
        key=key.name,
        text=", ".join(key.columns),
        icon="link-45deg",
        icon_role="accent",
        detail=f"→ {key.target_relation} ({names(key.target_columns)})",
        tip=f"{key.name}\non update {key.on_update.lower()}, on delete {key.on_delete.lower()}",
        leaf=True,
        data=Part(table, key.name),
    )


def _reference(table: Table, key: ForeignKey) -> Node:
    return Node(
        key=f"{key.relation}\0{key.name}",
        text=key.relation,
        icon="link-45deg",
        detail=f"({names(key.columns)}) → ({names(key.target_columns)})",
        leaf=True,
        data=Part(table, key.relation),
    )


def type_icon(type_name: str) -> str:
    """Return the icon of a column by the name of its type."""
    return next((icon for pattern, icon in _TYPES if pattern.search(type_name)), "dot")


def plural(kind: str) -> str:
    """Return what many relations of a kind are called: ``Materialized views``."""
    return f"{kind.capitalize()}s"


def names(columns: Sequence[str | None]) -> str:
    """Return names in a row; what is no column, but an expression whose text is not known, as that word."""
    return ", ".join("expression" if name is None else name for name in columns)
