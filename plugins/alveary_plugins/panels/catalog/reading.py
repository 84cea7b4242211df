"""What stands below a connection in the tree is read in bulk, one level at a time, and made into nodes.

Reading takes time and happens in the background, so nodes are made there, too; nothing here knows Tk.
"""

from __future__ import annotations

import threading
from collections import Counter, defaultdict

from alveary.contracts.catalog import Catalog, ObjectInfo, Relation, RelationDetails
from alveary.contracts.driver import Capability
from alveary.errors import UnsupportedError
from alveary.kernel import Kernel
from alveary.known import KnownCatalog, Level
from alveary_plugins.panels.catalog.model import (
    TREE,
    Database,
    Dependents,
    Folder,
    Found,
    Objects,
    Schema,
    Server,
    Table,
)
from alveary_plugins.panels.catalog.nodes import (
    ends,
    gap_nodes,
    icon_of,
    object_node,
    parts,
    plural,
    relation_node,
)
from alveary_shell.widgets.tree_rows import Node

_KINDS = ("table", "partitioned table", "foreign table", "view", "materialized view")
"""The order of what a schema holds; other kinds follow."""


def catalog_of(kernel: Kernel, database: Database, stopped: threading.Event) -> Catalog:
    """Return the catalog to ask; it asks over connections of its own."""
    return kernel.catalog(database.session or database.target, stopped=stopped, origin=TREE)


def read(kernel: Kernel, what: object, stopped: threading.Event, *, refresh: bool = False) -> list[Node]:
    """Return the nodes below what :func:`is_read` says yes to; for the background.

    What is kept of relations and objects is not asked again, unless it is to ``refresh``.
    """
    if isinstance(what, Database):
        return _schemas(kernel, what, stopped, refresh=refresh)
    if isinstance(what, Schema):
        return _schema(kernel, what, stopped, refresh=refresh)
    if isinstance(what, Objects):
        return _objects(_known(kernel, what.schema, stopped, refresh=refresh), what)
    if isinstance(what, Server):
        return _server(catalog_of(kernel, what.database, stopped))
    if isinstance(what, Dependents):
        return _dependents(catalog_of(kernel, what.schema.database, stopped), what)
    assert isinstance(what, Table), "nothing else is read"
    schema = what.schema
    details = catalog_of(kernel, schema.database, stopped).details(schema.name, what.relation.name)
    known = kernel.catalogs.known(schema.database.session or schema.database.target)
    inner = [each for each in known.relations(schema.name).values() if is_within(each)] if known is not None else []
    nodes = parts(
        what,
        details or RelationDetails(relation=what.relation),
        [each for each in inner if each.parent == what.relation.name],
    )
    return nodes + (ends(what) if tells_dependencies(kernel, schema.database) else [])


def is_read(data: object) -> bool:
    """Return whether what is below a node with these data is read from its database."""
    return isinstance(data, Database | Schema | Objects | Server | Table | Dependents)


def is_within(relation: Relation) -> bool:
    """Return whether a relation is shown in another one: a partition, or what a virtual table keeps."""
    return relation.parent_schema == relation.schema and (
        relation.kind == "shadow table" or (relation.detail or "").startswith("partition of ")
    )


def tells_dependencies(kernel: Kernel, database: Database) -> bool:
    """Return whether it can be told of a database what uses what."""
    driver = database.session.driver if database.session is not None else kernel.target(database.target)[1]
    return Capability.DEPENDENCIES in driver.capabilities


def _schemas(kernel: Kernel, database: Database, stopped: threading.Event, *, refresh: bool) -> list[Node]:
    of = database.session or database.target
    known = kernel.catalogs.load(of, schemas=(), levels=(), stopped=stopped, refresh=refresh, origin=TREE)
    own = [name for name in known.schemas if name not in known.system_schemas]
    schemas = [Schema(database, name, database.is_file and name == known.schemas[0]) for name in known.schemas]
    if len(schemas) == 1:  # a level that holds nothing but one thing is only in the way
        return _schema(kernel, schemas[0], stopped, refresh=refresh)
    nodes = [
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
    if not database.is_file:
        server = Server(database)
        nodes.append(Node(key="server\0", text="Server", icon="hdd", icon_role="faint", role="muted", data=server))
    return nodes


def _known(kernel: Kernel, schema: Schema, stopped: threading.Event, *, refresh: bool) -> KnownCatalog:
    return kernel.catalogs.load(
        schema.database.session or schema.database.target,
        schemas=[schema.name],
        levels=(Level.RELATIONS, Level.OBJECTS, Level.GAPS),
        stopped=stopped,
        refresh=refresh,
        origin=TREE,
    )


def _schema(kernel: Kernel, schema: Schema, stopped: threading.Event, *, refresh: bool) -> list[Node]:
    known = _known(kernel, schema, stopped, refresh=refresh)
    as_of = f"as of {known.known[schema.name].levels[Level.RELATIONS].astimezone():%H:%M:%S}; F5 asks again"
    by_kind: defaultdict[str, list[Node]] = defaultdict(list)
    for relation in known.relations(schema.name).values():
        if not is_within(relation):
            by_kind[relation.kind].append(relation_node(Table(schema, relation)))
    kinds = sorted(by_kind, key=lambda kind: (_KINDS.index(kind) if kind in _KINDS else len(_KINDS), kind))
    others = Counter(each.kind for each in known.objects(schema.name) if _stands_alone(each))
    gaps = [gap for gap in known.gaps if gap.schema == schema.name]
    if len(kinds) == 1 and not others and not gaps:
        return by_kind[kinds[0]]
    nodes = [
        Node(
            key=f"{kind}\0",  # no name holds it
            text=plural(kind),
            icon="folder2",
            aside=f"{len(by_kind[kind]):,}",
            open=number == 0,
            tip=as_of,
            children=by_kind[kind],
            data=Folder(schema, kind),
        )
        for number, kind in enumerate(kinds)
    ]
    nodes += [
        Node(
            key=f"objects {kind}\0",
            text=plural(kind),
            icon="folder2",
            aside=f"{count:,}",
            tip=as_of,
            data=Objects(schema, kind),
        )
        for kind, count in sorted(others.items())
    ]
    return nodes + gap_nodes(gaps)


def _stands_alone(object: ObjectInfo) -> bool:
    """Return whether something stands in no relation and came with no extension, where it is shown otherwise."""
    return object.relation is None and object.extension is None


def _objects(known: KnownCatalog, what: Objects) -> list[Node]:
    found = [each for each in known.objects(what.schema.name) if each.relation is None]
    if what.extension is not None:
        return [object_node(what.schema, each, kind=True) for each in found if each.extension == what.extension]
    return [object_node(what.schema, each) for each in found if each.kind == what.kind and _stands_alone(each)]


def _dependents(catalog: Catalog, what: Dependents) -> list[Node]:
    name = what.of.relation.name if isinstance(what.of, Table) else what.of.object.name
    try:
        found = catalog.dependencies(what.schema.name, name)
    except UnsupportedError as error:
        return [Node(key="none\0", text=error.message, role="faint", leaf=True, passing=True)]
    others = () if found is None else found.uses if what.uses else found.used_by
    nodes = [
        Node(
            key=f"{each.schema}\0{each.name}\0{each.how}",
            text=each.name if each.schema in ("", what.schema.name) else f"{each.schema}.{each.name}",
            icon=icon_of(each.kind),
            detail=f"{each.kind}: {each.how}",
            tip="found by reading its text, where a name may mean something else" if each.textual else "",
            aside="text" if each.textual else "",
            leaf=True,
            data=Found(each.name),
        )
        for each in others
    ]
    return nodes or [Node(key="none\0", text="nothing", role="faint", leaf=True, passing=True)]


def _server(catalog: Catalog) -> list[Node]:
    by_kind: defaultdict[str, list[Node]] = defaultdict(list)
    for each in catalog.server_objects():
        by_kind[each.kind].append(object_node(Schema(Database(""), "", False), each))
    nodes = [
        Node(key=f"{kind}\0", text=plural(kind), icon="folder2", aside=f"{len(children):,}", children=children)
        for kind, children in sorted(by_kind.items())
    ] + gap_nodes(catalog.gaps(""))
    return nodes or [Node(key="none\0", text="nothing", role="faint", leaf=True, passing=True)]
