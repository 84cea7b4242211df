"""What is done with a table of the tree; what needs the server's word goes to the background."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, cast

import msgspec
from msgspec import Meta

from alveary.commands import Context
from alveary.contracts.catalog import Catalog, ColumnInfo, Relation
from alveary.errors import UnknownObjectError
from alveary.jobs import Job
from alveary.pool import lives_in_its_session
from alveary.sqltext import script
from alveary_plugins.panels.catalog import sql
from alveary_plugins.panels.catalog.model import (
    USED_BY,
    USES,
    Database,
    Failed,
    Found,
    Part,
    Schema,
    Table,
    Thing,
)
from alveary_plugins.panels.catalog.reading import catalog_of
from alveary_plugins.panels.catalog.revealing import Goal
from alveary_shell.sdk import Window, show_once, window_of
from alveary_shell.widgets.tree_rows import Node

if TYPE_CHECKING:
    from alveary_plugins.panels.connections.view import ConnectionsPanel
    from alveary_plugins.panels.table.view import TablePanel


class NoParameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A command that needs nothing."""


class TableParameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which table or other thing; the one that is selected in the tree without a target."""

    target: Annotated[str | None, Meta(description="URL of the database, or a saved name.")] = None
    session: Annotated[str | None, Meta(description="Id of the session that alone reaches the database.")] = None
    schema: Annotated[str, Meta(description="Its schema.")] = ""
    table: Annotated[str, Meta(description="Its name.")] = ""
    implied: Annotated[bool, Meta(description="Its name need not be qualified with the schema.")] = False


class NameParameters(TableParameters, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whose name; with a column that one's."""

    target: Annotated[str, Meta(description="URL of the database, or a saved name.")]
    column: Annotated[str | None, Meta(description="A column of the table.")] = None


class RevealParameters(TableParameters, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is looked for in the tree; what the page in front shows without a target."""

    kind: Annotated[str, Meta(description="What it is, in a word of the engine; empty for a table or view.")] = ""
    signature: Annotated[str, Meta(description="The arguments of a routine.")] = ""
    relation: Annotated[str, Meta(description="The table that a trigger stands on, or that has it as partition.")] = ""
    column: Annotated[str, Meta(description="A column of the table.")] = ""


def has_tree(window: Window) -> bool:
    """The tree is there."""
    return bool(window.panels("connections"))


def shows_table(window: Window) -> bool:
    """The page in front shows a table."""
    return has_tree(window) and _shown(window) is not None


def has_table(window: Window) -> bool:
    """A relation is selected, or something in one."""
    return _table_of(_selected(window)) is not None


def has_definition(window: Window) -> bool:
    """Something is selected that SQL could make."""
    return _definable(_selected(window)) is not None


def has_dependencies(window: Window) -> bool:
    """Something is selected that may use other things, and be used."""
    return isinstance(_selected(window), Table | Thing)


def has_name(window: Window) -> bool:
    """What is selected has a name."""
    return _selected(window) is not None


def open_table(context: Context, parameters: TableParameters) -> None:
    """Open the page of a table, or bring it to the front."""
    window = window_of(context)
    table = _meant(window, parameters)
    schema = table.schema
    state = {"target": schema.database.target, "schema": schema.name, "table": table.relation.name}
    session = schema.database.session
    in_memory = session is not None and lives_in_its_session(session.target, session.driver)
    more = {"implied": schema.implied, "session": session.id if session and in_memory else None}
    show_once(window, "table", tuple(state.values()), {**state, **more})


def first_rows(context: Context, parameters: NoParameters) -> None:
    """Write a statement that reads a few rows of the selected table into an editor, and run it."""
    window = window_of(context)
    table = _table(window)

    def write(catalog: Catalog) -> str:
        return sql.first_rows(catalog, table.schema, table.relation.name)

    def done(text: str) -> None:
        window.open("editor", {"target": table.schema.database.target, "text": text})
        window.run("editor.run")

    _write(window, table.schema, write, done)


def select(context: Context, parameters: NoParameters) -> None:
    """Write a query with all columns of the selected table into an editor."""
    _generate(window_of(context), sql.select)


def insert(context: Context, parameters: NoParameters) -> None:
    """Write an INSERT with all columns of the selected table into an editor."""
    _generate(window_of(context), sql.insert)


def definition(context: Context, parameters: TableParameters) -> None:
    """Write the SQL that makes a thing, a table with its indexes and triggers, into an editor."""
    window = window_of(context)
    if parameters.target is not None:
        schema, name = _schema(window, parameters), parameters.table
    elif (found := _definable(_selected(window))) is not None:
        schema, name = found
    else:
        raise UnknownObjectError("nothing is selected that SQL could make", hint="select it in the tree of databases")

    def text(catalog: Catalog) -> str:
        _, driver = window.kernel.target(schema.database.target)
        if not (statements := catalog.definition(schema.name, name)):
            hint = "it comes with something else, or is gone"
            raise UnknownObjectError(f"there is no SQL that makes {name}", hint=hint)
        return script(statements, driver.dialect)

    _write(window, schema, text, lambda text: window.open("editor", {"target": schema.database.target, "text": text}))


def uses(context: Context, parameters: NoParameters) -> None:
    """Open what the selected table or other thing uses, below it."""
    _panel(window_of(context)).show_below(USES)


def used_by(context: Context, parameters: NoParameters) -> None:
    """Open what uses the selected table or other thing, below it."""
    _panel(window_of(context)).show_below(USED_BY)


def copy_name(context: Context, parameters: NoParameters) -> None:
    """Copy the name of what is selected: as the server's SQL wants it for what stands in a database."""
    window = window_of(context)
    node = _node(window)
    if node is None:
        return
    data = node.data
    if isinstance(data, Schema):
        _write(window, data, lambda catalog: catalog.quote(data.name), lambda name: _copied(window, name))
    elif isinstance(data, Table):
        _write(
            window,
            data.schema,
            lambda catalog: sql.qualified(catalog, data.schema, data.relation.name),
            lambda name: _copied(window, name),
        )
    elif isinstance(data, Thing) and data.schema.name:
        name, schema = data.object.name, data.schema
        _write(window, schema, lambda catalog: sql.qualified(catalog, schema, name), lambda name: _copied(window, name))
    elif isinstance(data, Found):
        _copied(window, data.name)
    elif isinstance(data, Part) and data.name:
        schema = data.table.schema
        _write(window, schema, lambda catalog: catalog.quote(data.name), lambda name: _copied(window, name))
    else:
        _copied(window, data.error.message if isinstance(data, Failed) else node.text)


def insert_name(context: Context, parameters: NameParameters) -> None:
    """Put the name of a table or column at the caret, quoted where it has to be."""
    window = window_of(context)
    table = _meant(window, parameters)

    def text(catalog: Catalog) -> str:
        if parameters.column is not None:
            return catalog.quote(parameters.column)
        return sql.qualified(catalog, table.schema, table.relation.name)

    _write(window, table.schema, text, lambda name: window.run("editor.insert", {"text": name}))


def reveal(context: Context, parameters: RevealParameters) -> None:
    """Select a thing in the tree of databases, opening what it stands in."""
    window = window_of(context)
    target, goal = parameters.target, Goal(
        parameters.schema, parameters.table, parameters.kind, parameters.signature, parameters.relation,
        parameters.column,
    )  # fmt: skip
    if target is None:
        if (shown := _shown(window)) is None:
            raise UnknownObjectError("the page in front shows no table", hint="name one, or open its page")
        target, goal = shown[0], Goal(*shown[1:])
    window.run("window.panel", {"panel": "connections"})
    if not _panel(window).go_to(target, parameters.session, goal):
        raise UnknownObjectError(f"{target} is not in the tree of databases", hint="connect to it first")


def refresh(context: Context, parameters: NoParameters) -> None:
    """Read what is selected anew."""
    panel = _panel(window_of(context))
    panel.refresh(panel.selected)


def selected_table(window: Window) -> Table:
    """Return the table that is selected in the tree; UnknownObjectError if there is none."""
    return _table(window)


def _generate(window: Window, write: Callable[[Catalog, Schema, str, list[ColumnInfo]], str]) -> None:
    table = _table(window)
    schema, name = table.schema, table.relation.name

    def text(catalog: Catalog) -> str:
        return write(catalog, schema, name, _columns(catalog, schema.name, name))

    _write(window, schema, text, lambda text: window.open("editor", {"target": schema.database.target, "text": text}))


def _columns(catalog: Catalog, schema: str, name: str) -> list[ColumnInfo]:
    details = catalog.details(schema, name)
    return [] if details is None else list(details.columns)


def _write(window: Window, schema: Schema, write: Callable[[Catalog], str], done: Callable[[str], object]) -> None:
    """Have a text written with the server's help, in the background."""
    kernel = window.kernel

    def work(job: Job) -> str:
        stopped = threading.Event()
        job.on_cancel(stopped.set)
        return write(catalog_of(kernel, schema.database, stopped))

    window.background("Asking the catalog", work, done)


def _copied(window: Window, name: str) -> None:
    window.copy(name)
    window.notify(f"Copied {name}")


def _node(window: Window) -> Node | None:
    panel = next(iter(window.panels("connections")), None)
    node: Node | None = getattr(panel, "selected", None)
    return node


def _selected(window: Window) -> object:
    node = _node(window)
    return node.data if node is not None else None


def _shown(window: Window) -> tuple[str, str, str] | None:
    """Return the target, schema and name of the table that the page in front shows."""
    front = window.active
    if front is None or front not in window.panels("table"):
        return None
    place = cast("TablePanel", front).place  # there is no other kind
    return place.target, place.schema, place.table


def _panel(window: Window) -> ConnectionsPanel:
    return cast("ConnectionsPanel", window.panels("connections")[0])  # there is no other kind


def _definable(data: object) -> tuple[Schema, str] | None:
    if isinstance(data, Thing):
        return (data.schema, data.object.name) if data.schema.name else None
    table = _table_of(data)
    return None if table is None else (table.schema, table.relation.name)


def _table_of(data: object) -> Table | None:
    return data if isinstance(data, Table) else data.table if isinstance(data, Part) else None


def _schema(window: Window, parameters: TableParameters) -> Schema:
    session = next((each for each in window.kernel.sessions() if each.id == parameters.session), None)
    return Schema(Database(parameters.target or "", session), parameters.schema, parameters.implied)


def _meant(window: Window, parameters: TableParameters) -> Table:
    """Return the table that is meant: the one that is named, or the one that is selected."""
    if parameters.target is None:
        return _table(window)
    relation = Relation(schema=parameters.schema, name=parameters.table, kind="table")
    return Table(_schema(window, parameters), relation)


def _table(window: Window) -> Table:
    if (table := _table_of(_selected(window))) is None:
        raise UnknownObjectError("no table is selected", hint="select one in the tree of databases")
    return table
