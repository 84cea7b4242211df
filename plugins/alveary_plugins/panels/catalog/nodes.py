"""The nodes of the tree below a schema: relations with all that stands on them, and what are no relations."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence

from alveary.contracts.catalog import (
    ColumnInfo,
    Constraint,
    ForeignKey,
    Gap,
    IndexInfo,
    ObjectInfo,
    Relation,
    RelationDetails,
)
from alveary_plugins.panels.catalog.model import (
    USED_BY,
    USES,
    Dependents,
    Objects,
    Part,
    Schema,
    Table,
    Thing,
)
from alveary_shell.widgets.tree_rows import Node

ICONS = {
    "view": ("eye", "function"),
    "system view": ("eye", "function"),
    "materialized view": ("eye-fill", "function"),
    "sequence": ("list-ol", "muted"),
    "foreign table": ("box-arrow-up-right", "warning"),
    "partitioned table": ("grid-3x3-gap", "warning"),
}
_CALLED = ("function", "procedure", "aggregate", "window function")
OBJECT_ICONS = {
    "function": "braces-asterisk",
    "procedure": "braces-asterisk",
    "aggregate": "braces-asterisk",
    "window function": "braces-asterisk",
    "trigger": "lightning-charge",
    "sequence": "list-ol",
    "extension": "puzzle",
    "event": "calendar3",
    "role": "person",
    "user": "person",
    "enum": "braces",
    "domain": "braces",
}
_TYPES = (
    (re.compile(r"json|xml|hstore", re.I), "braces"),
    (re.compile(r"bool|^bit\b|^tinyint\(1\)", re.I), "toggle2-on"),
    (re.compile(r"date|time|year|interval", re.I), "calendar3"),
    (re.compile(r"int|num|dec|real|doub|float|serial|money|^oid$", re.I), "123"),
    (re.compile(r"blob|bytea|binary", re.I), "file-binary"),
    (re.compile(r"char|text|clob|enum|uuid|name", re.I), "fonts"),
)


def relation_node(table: Table) -> Node:
    """Return the node of a relation; the estimate of its rows stands at the end."""
    relation = table.relation
    icon, role = ICONS.get(relation.kind, ("table", "warning"))
    return Node(
        key=relation.name,
        text=relation.name,
        icon=icon,
        icon_role=role,
        detail=relation.detail or "",
        aside="" if relation.rows is None else f"~{relation.rows:,}",
        tip=relation.comment or "",
        data=table,
    )


def parts(table: Table, details: RelationDetails, inner: Sequence[Relation] = ()) -> list[Node]:
    """Return the nodes of a relation's columns, and below them those of all that stands on it.

    ``inner`` are relations that are shown in it, such as its partitions.
    """
    targets = {name: key for key in details.foreign_keys for name in key.columns}
    nodes = [_column(table, column, targets.get(column.name)) for column in details.columns]
    by_kind: defaultdict[str, list[Node]] = defaultdict(list)
    for each in details.objects:
        by_kind[each.kind].append(object_node(table.schema, each))
    # What an index stands for is told with it.
    checks = [each for each in details.constraints if each.kind not in ("primary key", "unique")]
    within = plural("partition" if table.relation.kind == "partitioned table" else "shadow table")
    groups = (
        ("indexes\0", "Indexes", [_index(table, index) for index in details.indexes]),
        ("constraints\0", "Constraints", [_constraint(table, number, each) for number, each in enumerate(checks)]),
        ("keys\0", "Foreign keys", [_key(table, key) for key in details.foreign_keys]),
        ("references\0", "Referenced by", [_reference(table, key) for key in details.referenced_by]),
        *((f"objects {kind}\0", plural(kind), found) for kind, found in sorted(by_kind.items())),
        ("within\0", within, [relation_node(Table(table.schema, each)) for each in inner]),
    )
    nodes += [
        Node(key=key, text=text, icon="folder2", aside=f"{len(inner):,}", children=inner, data=Part(table, ""))
        for key, text, inner in groups
        if inner
    ]
    return nodes or [Node(key="none\0", text="no columns", role="faint", leaf=True, passing=True)]


def _constraint(table: Table, number: int, constraint: Constraint) -> Node:
    return Node(
        key=f"{number}\0{constraint.name}",
        text=constraint.name or constraint.kind,
        icon="check2-square",
        detail=constraint.expression or f"({names(constraint.columns)})",
        tip="\n".join(filter(None, [constraint.kind, constraint.detail, constraint.comment])),
        leaf=True,
        data=Part(table, constraint.name),
    )


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
        f"{'as' if column.generated else 'default'} {column.default}" if column.default is not None else "",
        "generated" if column.generated else "",
        "hidden from select *" if column.hidden else "",
        f"identity, {column.identity}" if column.identity is not None else "",
        f"collate {column.collation}" if column.collation is not None else "",
        column.comment or "",
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
    tips = [
        f"by {index.method}" if index.method is not None else "",
        f"includes {', '.join(index.included)}" if index.included else "",
        f"where {index.predicate}" if index.predicate is not None else "",
        "" if index.valid else "not valid: it is not used",
        index.comment or "",
    ]
    icon = "key" if index.origin == "primary key" else "lightning-charge"
    return Node(
        key=index.name,
        text=index.name,
        icon=icon,
        detail=detail,
        tip="\n".join(filter(None, tips)),
        leaf=True,
        data=Part(table, index.name),
    )


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


def icon_of(kind: str) -> str:
    """Return the icon of a relation or another thing by its kind."""
    return ICONS[kind][0] if kind in ICONS else OBJECT_ICONS.get(kind, "table" if "table" in kind else "dot")


def type_icon(type_name: str) -> str:
    """Return the icon of a column by the name of its type."""
    return next((icon for pattern, icon in _TYPES if pattern.search(type_name)), "dot")


def plural(kind: str) -> str:
    """Return what many relations of a kind are called: ``Materialized views``."""
    return f"{kind.capitalize()}s"


def names(columns: Sequence[str | None]) -> str:
    """Return names in a row; what is no column, but an expression whose text is not known, as that word."""
    return ", ".join("expression" if name is None else name for name in columns)


def object_node(schema: Schema, object: ObjectInfo, *, kind: bool = False) -> Node:
    """Return the node of what is no relation; with its ``kind``, where several kinds stand together."""
    said = [object.kind if kind else "", object.detail or ""]
    node = Node(
        key=f"{object.kind}\0{object.name}\0{object.signature}",
        text=f"{object.name}({object.signature})" if object.signature or object.kind in _CALLED else object.name,
        icon=OBJECT_ICONS.get(object.kind, "dot"),
        icon_role="function",
        detail=", ".join(filter(None, said)),
        tip=object.comment or "",
        leaf=True,
        data=Thing(schema, object),
    )
    if object.kind == "extension":
        node.leaf, node.data = False, Objects(schema, object.kind, object.name)
    elif schema.name:
        node.leaf, node.children = False, ends(Thing(schema, object))
    return node


def ends(of: Table | Thing) -> list[Node]:
    """Return the nodes in which what uses it is read, and what it uses."""
    return [
        Node(key=USED_BY, text="Used by", icon="box-arrow-in-left", icon_role="faint", data=Dependents(of, False)),
        Node(key=USES, text="Uses", icon="box-arrow-right", icon_role="faint", data=Dependents(of, True)),
    ]


def gap_nodes(gaps: Sequence[Gap]) -> list[Node]:
    """Return the node of what this user is not told, if there is such."""
    if not gaps:
        return []
    inner = [
        Node(key=f"{number}\0", text=gap.what, icon="eye-slash", detail=gap.reason, tip=gap.reason, leaf=True)
        for number, gap in enumerate(gaps)
    ]
    return [
        Node(key="gaps\0", text="Not told", icon="eye-slash", icon_role="warning", aside=f"{len(gaps)}", children=inner)
    ]
