"""``catalog.list``: what a database holds, one level at a time or found by name, in few round trips."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from alveary.catalog import parse_path
from alveary.commands import Context
from alveary.contracts.catalog import Catalog, ColumnInfo, ForeignKey, IndexInfo, ObjectInfo, Relation
from alveary.errors import InvalidInputError, UnknownObjectError
from alveary.matching import Haystack, Level, Query
from alveary.sqltext import script
from alveary.tables import plain_table


class CatalogParameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which part of the catalog to list."""

    target: Annotated[str, Meta(description="URL of the database, or a saved name.", extra={"argument": True})]
    path: Annotated[
        str | None, Meta(description="A schema, a relation, or schema.relation.", extra={"argument": True})
    ] = None
    search: Annotated[
        str | None,
        Meta(
            description="List what has a name that contains this, columns as well, the best first; "
            "where nothing has, what has its letters in order."
        ),
    ] = None
    ddl: Annotated[
        str | None, Meta(description="Print the SQL that makes what stands at this path, instead of a list.")
    ] = None


class CatalogListing(msgspec.Struct, frozen=True, kw_only=True):
    """What was found. ``columns``, ``indexes`` and ``foreign_keys`` come for one relation, or for a search.

    ``objects`` are what a schema holds besides relations, of all schemas only for a search. ``script`` is the SQL that
    was asked for.
    """

    schemas: list[str]
    relations: list[Relation]
    objects: list[ObjectInfo] = []
    columns: list[ColumnInfo] = []
    indexes: list[IndexInfo] = []
    foreign_keys: list[ForeignKey] = []
    script: str | None = None


def list_catalog(context: Context, parameters: CatalogParameters) -> CatalogListing:
    """List what all schemas hold or one, the columns of a relation, or what a search finds; or tell SQL."""
    if parameters.ddl is not None and (parameters.path is not None or parameters.search is not None):
        raise InvalidInputError("--ddl takes the path itself", hint="leave the other path and --search out")
    stopped = threading.Event()
    context.job.on_cancel(stopped.set)
    catalog = context.kernel.catalog(parameters.target, stopped=stopped)
    schemas = catalog.schemas()
    if parameters.ddl is not None:
        _, driver = context.kernel.target(parameters.target)
        statements = _definition(catalog, schemas, parameters.ddl)
        return CatalogListing(schemas=[], relations=[], script=script(statements, driver.dialect))
    names = parse_path(parameters.path) if parameters.path is not None else []
    if not names:
        # What all schemas hold besides relations is thousands of functions of the server's own.
        listing = _all(catalog, schemas, objects=parameters.search is not None)
    elif len(names) == 1 and names[0] in schemas:
        listing = _all(catalog, names, objects=True)
    else:
        listing = _one(catalog, schemas if len(names) == 1 else names[:1], names[-1], parameters.path or "")
    if parameters.search is not None:
        listing = _search(catalog, listing, Query(parameters.search))
    return listing


def _all(catalog: Catalog, schemas: list[str], *, objects: bool) -> CatalogListing:
    return CatalogListing(
        schemas=schemas,
        relations=[relation for schema in schemas for relation in catalog.relations(schema)],
        objects=[each for schema in schemas for each in catalog.objects(schema)] if objects else [],
    )


def _definition(catalog: Catalog, schemas: list[str], path: str) -> list[str]:
    """Return the statements that make what a path leads to, in the first schema that holds something of the name."""
    names = parse_path(path)
    if len(names) > 2:
        raise InvalidInputError(f"{path!r} has too many names", hint="write schema.name, or a name alone")
    if len(names) == 2 and names[0] not in schemas:
        raise UnknownObjectError(f"there is no schema {names[0]!r}", hint=f"schemas: {', '.join(schemas)}")
    for schema in names[:-1] or schemas:
        if statements := catalog.definition(schema, names[-1]):
            return statements
    raise UnknownObjectError(f"there is nothing at {path!r}", hint="names are matched exactly; try --search")


def _one(catalog: Catalog, schemas: list[str], name: str, path: str) -> CatalogListing:
    known = catalog.schemas()
    for schema in schemas:
        if schema not in known:
            raise UnknownObjectError(f"there is no schema {schema!r}", hint=f"schemas: {', '.join(known)}")
        for relation in catalog.relations(schema):
            if relation.name == name:
                return CatalogListing(
                    schemas=[schema],
                    relations=[relation],
                    columns=[each for each in catalog.columns(schema) if each.relation == name],
                    indexes=[each for each in catalog.indexes(schema) if each.relation == name],
                    foreign_keys=[each for each in catalog.foreign_keys(schema) if each.relation == name],
                )
    raise UnknownObjectError(f"there is nothing at {path!r}", hint="names are matched exactly; try --search")


def _search(catalog: Catalog, listing: CatalogListing, query: Query) -> CatalogListing:
    columns = listing.columns or [column for schema in listing.schemas for column in catalog.columns(schema)]
    # One word is meant as a name; where things stand counts for ``track.title`` and for ``track title``.
    by_path = len(query.words) > 1 or "." in query.text
    named = [
        _Named([((each.schema, each.name), each) for each in listing.relations], by_path),
        _Named([((each.schema, each.name), each) for each in listing.objects], by_path),
        _Named([((each.schema, each.relation, each.name), each) for each in columns], by_path),
    ]
    for levels in (tuple(Level)[: Level.INITIALS], tuple(Level)[Level.INITIALS :]):
        relations, objects, fields = (each.find(query, levels) for each in named)
        if relations or objects or fields:
            break
    return CatalogListing(schemas=listing.schemas, relations=relations, objects=objects, columns=fields)


class _Named:
    """Things to be found by their names, or by their paths."""

    def __init__(self, things: Sequence[tuple[tuple[str, ...], Any]], by_path: bool) -> None:
        self._things = [thing for _, thing in things]
        paths = [path if by_path else path[-1:] for path, _ in things]
        self._names = Haystack((".".join(path), sum(map(len, path[:-1])) + len(path) - 1) for path in paths)

    def find(self, query: Query, levels: Iterable[Level]) -> list[Any]:
        return [self._things[number] for level in levels for number in self._names.find(query, level)]


def render(listing: CatalogListing, write: Callable[[str], object]) -> None:
    """Print a listing, or the script, for a person."""
    if listing.script is not None:
        write(listing.script)
        return
    rows = [
        [each.schema, each.name, each.kind, "" if each.rows is None else f"~{each.rows}"] for each in listing.relations
    ]
    write(plain_table(["schema", "name", "kind", "rows"], rows))
    _section(
        write,
        ["schema", "name", "kind", "of", "detail"],
        [
            [
                each.schema,
                f"{each.name}({each.signature})" if each.signature else each.name,
                each.kind,
                each.relation or "",
                each.detail or "",
            ]
            for each in listing.objects
        ],
    )
    _section(
        write,
        ["relation", "column", "type", "null", "key", "default"],
        [
            [
                each.relation,
                each.name,
                each.type_name,
                "yes" if each.nullable else "no",
                "" if each.primary_key is None else str(each.primary_key),
                each.default or "",
            ]
            for each in listing.columns
        ],
    )
    _section(
        write,
        ["index", "unique", "columns"],
        [
            [each.name, "yes" if each.unique else "no", ", ".join(name or "(expression)" for name in each.columns)]
            for each in listing.indexes
        ],
    )
    _section(
        write,
        ["foreign key", "references"],
        [
            [", ".join(each.columns), f"{each.target_relation} ({', '.join(each.target_columns)})"]
            for each in listing.foreign_keys
        ],
    )


def _section(write: Callable[[str], object], header: list[str], rows: list[list[str]]) -> None:
    if rows:
        write("\n" + plain_table(header, rows))
