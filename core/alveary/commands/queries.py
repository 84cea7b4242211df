"""``queries.list`` and its neighbours: saved queries, kept, found, and run by the same path as any other SQL."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import msgspec
from msgspec import UNSET, Meta

from alveary.commands import Context
from alveary.commands.query import QueryParameters, QueryReport, RunParameters, read_script
from alveary.commands.query import run as run_query
from alveary.errors import InvalidInputError, MissingParameterError
from alveary.profiles import driver_of
from alveary.saved import SavedParameter, SavedQuery, Value, parameters_of
from alveary.sqltext import ANSI, Dialect, parameters
from alveary.tables import plain_table, visible
from alveary.wire import json_text

if TYPE_CHECKING:
    from alveary.kernel import Kernel

Name = Annotated[
    str, Meta(description="Its folder and name, such as reports/monthly, or its id.", extra={"argument": True})
]


class ListParameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which queries."""

    folder: Annotated[str | None, Meta(description="Only those in this folder and the folders in it.")] = None
    tag: Annotated[str | None, Meta(description="Only those with this tag.")] = None
    search: Annotated[str | None, Meta(description="Only those that hold this text anywhere, in any case.")] = None


class NameParameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which query."""

    name: Name


class SaveParameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to save, and under which name."""

    name: Annotated[str, Meta(description="Name, or folder and name: reports/monthly.", extra={"argument": True})]
    sql: Annotated[str | None, Meta(description="The SQL.", extra={"argument": True})] = None
    file: Annotated[
        str | None, Meta(description="Save the SQL of a file; - is standard input.", extra={"flags": ["-f", "--file"]})
    ] = None
    folder: Annotated[str | None, Meta(description="Folder to save it in, such as reports/sales.")] = None
    tags: Annotated[list[str], Meta(description="A tag.", extra={"flags": ["--tag"]})] = []
    defaults: Annotated[
        dict[str, Value],
        Meta(
            description="Value of the parameter :K where none is given; K:=JSON for a number, true, false or null.",
            extra={"flags": ["--default"]},
        ),
    ] = {}
    descriptions: Annotated[
        dict[str, str], Meta(description="What the parameter :K means.", extra={"flags": ["--describe"]})
    ] = {}
    description: Annotated[str | None, Meta(description="What the query is for.")] = None
    connection: Annotated[str | None, Meta(description="Saved connection to run it on, where no other is named.")] = (
        None
    )
    replace: Annotated[bool, Meta(description="Overwrite what is saved under this name, all of it.")] = False


class RunQueryParameters(RunParameters, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which saved query to run, and where."""

    name: Name
    target: Annotated[
        str | None, Meta(description="URL of the database, or a saved name; the query's own connection without it.")
    ] = None


class QueryListing(msgspec.Struct, frozen=True, kw_only=True):
    """Saved queries, by folder and name."""

    queries: list[SavedQuery]


def list_queries(context: Context, parameters: ListParameters) -> QueryListing:
    """List saved queries."""
    found = context.kernel.saved.all(folder=parameters.folder, tag=parameters.tag, search=parameters.search)
    return QueryListing(queries=found)


def show(context: Context, parameters: NameParameters) -> SavedQuery:
    """Show one saved query."""
    return context.kernel.saved.get(parameters.name)


def save(context: Context, parameters: SaveParameters) -> SavedQuery:
    """Save a query."""
    kernel = context.kernel
    if (parameters.sql is None) == (parameters.file is None):
        raise InvalidInputError("the SQL to save is given once: as an argument, or with -f FILE")
    statement = parameters.sql if parameters.sql is not None else read_script(parameters.file or "-")
    dialects, profile_id = _dialects(kernel), None
    if parameters.connection is not None:
        profile_id = kernel.profiles.id_of(parameters.connection)
        profile = kernel.profiles.get(parameters.connection)
        dialects = [driver_of(profile, kernel.plugins.drivers).dialect]
    return kernel.saved.save(
        parameters.name if parameters.folder is None else f"{parameters.folder}/{parameters.name}",
        statement,
        parameters=parameters_of(statement, dialects, parameters.defaults, parameters.descriptions),
        description=parameters.description,
        tags=parameters.tags,
        profile_id=profile_id,
        replace=parameters.replace,
    )


def delete(context: Context, parameters: NameParameters) -> SavedQuery:
    """Delete one saved query."""
    return context.kernel.saved.delete(parameters.name)


def run(context: Context, parameters: RunQueryParameters) -> QueryReport:
    """Run a saved query with the values given and, for the others, its defaults."""
    kernel = context.kernel
    query = kernel.saved.get(parameters.name)
    target = parameters.target if parameters.target is not None else query.connection
    if target is None:
        raise InvalidInputError(
            f"the query {query.path!r} is saved for no connection", hint="name a target: a URL or a saved connection"
        )
    _, driver = kernel.target(target, read_only=parameters.read_only)
    values = _values(query, driver.dialect, parameters.parameters)
    given = {name: value for name, value in msgspec.structs.asdict(parameters).items() if name != "name"}
    return run_query(
        context, QueryParameters(**given | {"target": target, "sql": [query.statement], "parameters": values})
    )


def _values(query: SavedQuery, dialect: Dialect, given: dict[str, Value]) -> dict[str, Value]:
    """Return a value for each parameter of a query; what has none, or is none of its parameters, is refused."""
    names = list(dict.fromkeys(each.name for each in parameters(query.statement, dialect)))
    if wrong := [name for name in given if name not in names]:
        known = ", ".join(f":{name}" for name in names) or "none"
        raise InvalidInputError(
            f"the query {query.path!r} has no parameter :{wrong[0]}", hint=f"its parameters: {known}"
        )
    values = {each.name: each.default for each in query.parameters if each.default is not UNSET} | given
    if missing := [name for name in names if name not in values]:
        raise MissingParameterError(
            f"the query {query.path!r} needs a value for {', '.join(f':{name}' for name in missing)}",
            hint=f"give it with -p {missing[0]}=VALUE",
        )
    return {name: values[name] for name in names}


def _dialects(kernel: Kernel) -> list[Dialect]:
    return [ANSI, *(driver.dialect for driver in kernel.plugins.drivers)]


def render(listing: QueryListing, write: Callable[[str], object]) -> None:
    """Print the saved queries for a person, a line each."""
    rows = [
        [
            each.path,
            ", ".join(f":{parameter.name}" for parameter in each.parameters),
            ", ".join(each.tags),
            each.connection or "",
            _first_line(each.description or each.statement),
        ]
        for each in listing.queries
    ]
    write(plain_table(["query", "parameters", "tags", "connection", "what it is"], rows))


def render_query(query: SavedQuery, write: Callable[[str], object]) -> None:
    """Print everything about a query, the statement last and as it was written."""
    rows = [["id", query.id], ["connection", query.connection or ""], ["tags", ", ".join(query.tags)]]
    rows += [["description", query.description or ""], ["saved", query.updated_at]]
    rows += [[f":{each.name}", _told(each)] for each in query.parameters]
    write(plain_table([query.path, ""], rows))
    lines = query.statement.split("\n")
    write("\n" + "\n".join(visible(line.replace("\t", "    ")) for line in lines).rstrip() + "\n")


def render_saved(query: SavedQuery, write: Callable[[str], object]) -> None:
    """Say what was saved."""
    names = ", ".join(f":{each.name}" for each in query.parameters)
    write(f"saved {visible(query.path)}{f', with the parameters {names}' if names else ''}\n")


def render_deleted(query: SavedQuery, write: Callable[[str], object]) -> None:
    """Say what was deleted."""
    write(f"deleted {visible(query.path)}\n")


def _told(parameter: SavedParameter) -> str:
    default = "needs a value" if parameter.default is UNSET else f"default {json_text(parameter.default)}"
    return f"{default}; {parameter.description}" if parameter.description else default


def _first_line(text: str) -> str:
    line = text.strip().partition("\n")[0]
    return line if len(line) <= 60 else line[:60] + "…"
