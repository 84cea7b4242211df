"""``catalog.list``: what a database holds, one level at a time or found by name, its SQL, what uses what."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, NoReturn

import msgspec
from msgspec import Meta

from alveary.catalog import parse_path
from alveary.commands import Context
from alveary.contracts.catalog import (
    Catalog,
    ColumnInfo,
    Constraint,
    Dependency,
    ForeignKey,
    Gap,
    IndexInfo,
    ObjectInfo,
    Relation,
    RelationDetails,
)
from alveary.contracts.driver import Capability
from alveary.errors import InvalidInputError, UnknownObjectError
from alveary.sqltext import script
from alveary.tables import plain_table

if TYPE_CHECKING:
    from alveary.known import KnownCatalog

_JUST_NOW = timedelta(seconds=1)
_EXACT = "names are matched exactly; try --search"


class CatalogParameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which part of the catalog to list."""

    target: Annotated[str, Meta(description="URL of the database, or a saved name.", extra={"argument": True})]
    path: Annotated[
        str | None, Meta(description="A schema, a relation, or schema.relation.", extra={"argument": True})
    ] = None
    search: Annotated[
        str | None,
        Meta(
            description="List what has a name or a comment that contains this, columns as well, the best first; "
            "where nothing has, what has its letters in order."
        ),
    ] = None
    ddl: Annotated[
        str | None,
        Meta(
            description="Print the SQL that makes what stands at this path, instead of a list: a table or view with "
            "what stands on it, a routine, an index, a trigger; name, schema.name, table.name or schema.table.name."
        ),
    ] = None
    uses: Annotated[str | None, Meta(description="List what the thing at this path uses, one step far.")] = None
    used_by: Annotated[str | None, Meta(description="List what uses the thing at this path, one step far.")] = None
    system: Annotated[
        bool, Meta(description="Look into the server's own schemas, too, and list what stands in none: roles and such.")
    ] = False
    refresh: Annotated[bool, Meta(description="Ask the server again, also for what is known from before.")] = False


class CatalogListing(msgspec.Struct, frozen=True, kw_only=True):
    """What was found. ``columns`` and all about indexes, constraints and keys come for one relation, or for a search.

    ``objects`` are what a schema holds besides relations, ``gaps`` what this user is not told, and why. ``uses`` and
    ``used_by`` are what was asked of them, ``script`` is the SQL that was asked for. ``taken_at`` is when the server
    was asked, None for just now.
    """

    schemas: list[str]
    relations: list[Relation]
    objects: list[ObjectInfo] = []
    columns: list[ColumnInfo] = []
    indexes: list[IndexInfo] = []
    constraints: list[Constraint] = []
    foreign_keys: list[ForeignKey] = []
    referenced_by: list[ForeignKey] = []
    uses: list[Dependency] | None = None
    used_by: list[Dependency] | None = None
    gaps: list[Gap] = []
    script: str | None = None
    taken_at: datetime | None = None


def list_catalog(context: Context, parameters: CatalogParameters) -> CatalogListing:
    """List what all schemas hold or one, what there is to tell of a relation, or what a search finds; or tell SQL."""
    of_one = {"--ddl": parameters.ddl, "--uses": parameters.uses, "--used-by": parameters.used_by}
    given = [option for option, path in of_one.items() if path is not None]
    if given and (len(given) > 1 or parameters.path is not None or parameters.search is not None):
        raise InvalidInputError(f"{given[0]} takes the path itself", hint="leave the other path and --search out")
    listing = _Listing(context, parameters)
    if given:
        return listing.of_one(given[0], of_one[given[0]] or "")
    names = parse_path(parameters.path) if parameters.path is not None else []
    if len(names) > 2:
        raise InvalidInputError(f"{parameters.path!r} has too many names", hint="write schema.name, or a name alone")
    if parameters.search is not None:
        return listing.found(names, parameters.search)
    if not names:
        # What all schemas hold besides relations can be thousands of functions.
        return listing.of_schemas(listing.usual, objects=parameters.system)
    if len(names) == 1 and names[0] in listing.schemas:
        return listing.of_schemas(names, objects=True)
    return listing.of_name(names, parameters.path or "")


class _Listing:
    """Answers one command."""

    def __init__(self, context: Context, parameters: CatalogParameters) -> None:
        self._kernel = context.kernel
        self._parameters = parameters
        self._stopped = context.stopped()
        self._listed = self._known((), ())
        self.schemas = self._listed.schemas

    def _known(self, schemas: Iterable[str], levels: Iterable[str]) -> KnownCatalog:
        from alveary.known import Level  # a start that lists nothing needs none of it

        return self._kernel.catalogs.load(
            self._parameters.target,
            schemas=list(schemas),
            levels=[Level(level) for level in levels],
            stopped=self._stopped,
            refresh=self._parameters.refresh,
        )

    @property
    def catalog(self) -> Catalog:
        """The server itself, for what is asked about one thing."""
        return self._kernel.catalog(self._parameters.target, stopped=self._stopped)

    @property
    def usual(self) -> list[str]:
        """The schemas that are looked into: not the server's own, unless one is the current one or they are wanted."""
        known = self._listed
        if self._parameters.system:
            return list(known.schemas)
        return [name for name in known.schemas if name not in known.system_schemas or name == known.schemas[0]]

    def of_schemas(self, schemas: Sequence[str], *, objects: bool) -> CatalogListing:
        """List what schemas hold, with or without what are no relations."""
        known = self._known(schemas, ("relations", "gaps", *(["objects"] if objects else [])))
        others = [each for schema in schemas for each in known.objects(schema)] if objects else []
        gaps = [gap for gap in known.gaps if gap.schema in schemas]
        if self._parameters.system:
            others += self.catalog.server_objects()
            gaps += self.catalog.gaps("")
        return CatalogListing(
            schemas=list(schemas),
            relations=[each for schema in schemas for each in known.relations(schema).values()],
            objects=others,
            gaps=gaps,
            taken_at=_age(known),
        )

    def found(self, names: Sequence[str], text: str) -> CatalogListing:
        """List what a search finds in all schemas or one, or in one relation."""
        from alveary.commands.catalog_search import search

        schemas = self.usual if not names else [names[0]] if names[0] in self.schemas else []
        if schemas and len(names) < 2:
            known = self._known(schemas, ("relations", "columns", "objects"))
            listing = CatalogListing(
                schemas=schemas,
                relations=[each for schema in schemas for each in known.relations(schema).values()],
                objects=[each for schema in schemas for each in known.objects(schema)],
                columns=[each for schema in schemas for each in known.all_columns(schema)],
                taken_at=_age(known),
            )
        else:
            listing = self.of_name(names, ".".join(names))
        relations, objects, columns = search(listing.relations, listing.objects, listing.columns, text)
        return CatalogListing(
            schemas=listing.schemas, relations=relations, objects=objects, columns=columns, taken_at=listing.taken_at
        )

    def of_name(self, names: Sequence[str], path: str) -> CatalogListing:
        """Tell of the relation a path leads to, or of what else has the name."""
        catalog = self.catalog
        for schema, name in self._places(names):
            if (details := catalog.details(schema, name)) is not None:
                return CatalogListing(
                    schemas=[schema],
                    relations=[self._with_query(catalog, details.relation)],
                    objects=list(details.objects),
                    columns=list(details.columns),
                    indexes=list(details.indexes),
                    constraints=list(details.constraints),
                    foreign_keys=list(details.foreign_keys),
                    referenced_by=list(details.referenced_by),
                )
        for schema, name in self._places(names):
            known = self._known([schema], ["objects"])
            if objects := known.objects_named(schema, name):
                return CatalogListing(schemas=[schema], relations=[], objects=list(objects), taken_at=_age(known))
        raise UnknownObjectError(f"there is nothing at {path!r}", hint=_EXACT)

    def _with_query(self, catalog: Catalog, relation: Relation) -> Relation:
        """Return a view with the SQL that makes it, where it was not told with it."""
        _, driver = self._kernel.target(self._parameters.target)
        if "view" not in relation.kind or relation.definition or Capability.DEFINITIONS not in driver.capabilities:
            return relation
        statements = catalog.definition(relation.schema, relation.name)
        return msgspec.structs.replace(relation, definition=statements[0] if statements else None)

    def of_one(self, option: str, path: str) -> CatalogListing:
        """Tell the SQL of what a path leads to, what it uses, or what uses it."""
        catalog = self.catalog
        names = parse_path(path)
        if option == "--ddl":
            _, driver = self._kernel.target(self._parameters.target)
            return CatalogListing(
                schemas=[], relations=[], script=script(self._statements(names, path), driver.dialect)
            )
        if len(names) > 2:
            raise InvalidInputError(f"{path!r} has too many names", hint="write schema.name, or a name alone")
        for schema, name in self._places(names):
            if (found := catalog.dependencies(schema, name)) is not None:
                return CatalogListing(
                    schemas=[schema],
                    relations=[],
                    uses=list(found.uses) if option == "--uses" else None,
                    used_by=list(found.used_by) if option == "--used-by" else None,
                )
        raise UnknownObjectError(f"there is nothing at {path!r}", hint=_EXACT)

    def _statements(self, names: Sequence[str], path: str) -> list[str]:
        """Return the SQL of what a path leads to: a thing of a schema, or of a relation, whose name comes before it."""
        catalog = self.catalog
        if len(names) > 3:
            raise InvalidInputError(f"{path!r} has too many names", hint="write schema.name, or schema.table.trigger")
        if len(names) == 3 or (len(names) == 2 and names[0] not in self.schemas):
            for schema, relation in self._places(names[:-1]):
                if (details := catalog.details(schema, relation)) is not None and names[-1] in _parts(details):
                    return catalog.part(schema, relation, names[-1]) or _untold(names[-1], schema, relation)
        for schema, name in self._places(names) if len(names) < 3 else ():
            if statements := catalog.definition(schema, name) or self._of_only(schema, name):
                return statements
            for each in self._known([schema], ["objects"]).objects_named(schema, name):
                _untold(f"the {each.kind} {name}", schema, each.relation)
        if len(names) == 1 and names[0] in self.schemas:
            raise UnknownObjectError(f"{path!r} is a schema", hint="--ddl tells what stands in one: schema.name")
        raise UnknownObjectError(f"there is nothing at {path!r}", hint=_EXACT)

    def _of_only(self, schema: str, name: str) -> list[str]:
        """Return the SQL of a routine that is written with its arguments, where no other has the name."""
        bare, _, arguments = name.partition("(")
        if not arguments.endswith(")"):
            return []
        found = [each for each in self._known([schema], ["objects"]).objects_named(schema, bare) if each.signature]
        return self.catalog.definition(schema, bare) if len(found) == 1 else []

    def _places(self, names: Sequence[str]) -> Iterator[tuple[str, str]]:
        """Yield where to look for a name: in its schema, or in one after the other, the server's own last."""
        schemas = self.schemas
        if len(names) == 2 and names[0] not in schemas:
            raise UnknownObjectError(f"there is no schema {names[0]!r}", hint=f"schemas: {', '.join(schemas)}")
        for schema in names[:-1] or schemas:
            yield schema, names[-1]


def _untold(name: str, schema: str, relation: str | None) -> NoReturn:
    """Say of what there is, though no statement of its own makes it, where its SQL is."""
    if relation is None:
        raise UnknownObjectError(f"no statement is known that makes {name}")
    raise UnknownObjectError(f"{name} comes with the SQL of {relation}", hint=f"--ddl {schema}.{relation}")


def _parts(details: RelationDetails) -> set[str]:
    named = (details.indexes, details.constraints, details.foreign_keys, details.objects)
    return {each.name for things in named for each in things}


def _age(known: KnownCatalog) -> datetime | None:
    return known.taken_at if datetime.now(UTC) - known.taken_at > _JUST_NOW else None


# -- for a person ------------------------------------------------------------------------------------------------


def render(listing: CatalogListing, write: Callable[[str], object]) -> None:
    """Print a listing, or the script, for a person."""
    if listing.script is not None:
        write(listing.script)
        return
    if listing.uses is not None or listing.used_by is not None:
        write(_dependencies(listing.uses if listing.uses is not None else listing.used_by or []))
        return
    write(
        _table(
            ["schema", "name", "kind", "rows", "size", "detail", "comment"],
            [
                [
                    each.schema,
                    each.name,
                    each.kind,
                    "" if each.rows is None else f"~{each.rows}",
                    "" if each.size is None else size_text(each.size),
                    each.detail or "",
                    each.comment or "",
                ]
                for each in listing.relations
            ],
            always=4,
        )
    )
    for header, rows in _sections(listing):
        if rows:
            write("\n" + _table(header, rows))
    for relation in listing.relations[:1]:
        if relation.definition:
            write(f"\n{relation.definition.rstrip()}\n")


def _sections(listing: CatalogListing) -> Iterator[tuple[list[str], list[list[str]]]]:
    yield (
        ["schema", "name", "kind", "of", "detail", "comment"],
        [
            [
                each.schema,
                f"{each.name}({each.signature})" if each.signature else each.name,
                each.kind,
                each.relation or "",
                ", ".join(filter(None, [each.detail, each.extension and f"extension {each.extension}"])),
                each.comment or "",
            ]
            for each in listing.objects
        ],
    )
    yield (
        ["relation", "column", "type", "null", "key", "default", "detail", "comment"],
        [
            [
                each.relation,
                each.name,
                each.type_name,
                "yes" if each.nullable else "no",
                "" if each.primary_key is None else str(each.primary_key),
                each.default or "",
                ", ".join(
                    filter(
                        None,
                        [
                            "generated" if each.generated else "",
                            "hidden" if each.hidden else "",
                            each.identity and f"identity {each.identity}",
                            each.collation and f"collate {each.collation}",
                        ],
                    )
                ),
                each.comment or "",
            ]
            for each in listing.columns
        ],
    )
    yield (
        ["index", "unique", "columns", "method", "size", "detail", "comment"],
        [
            [
                each.name,
                "yes" if each.unique else "no",
                ", ".join(name or "(expression)" for name in each.columns),
                each.method or "",
                "" if each.size is None else size_text(each.size),
                ", ".join(
                    filter(
                        None,
                        [
                            f"includes {', '.join(each.included)}" if each.included else "",
                            f"where {each.predicate}" if each.predicate else "partial" if each.partial else "",
                            "" if each.valid else "not valid",
                        ],
                    )
                ),
                each.comment or "",
            ]
            for each in listing.indexes
        ],
    )
    yield (
        ["constraint", "kind", "columns", "expression", "detail", "comment"],
        [
            [
                each.name,
                each.kind,
                ", ".join(each.columns),
                each.expression or "",
                each.detail or "",
                each.comment or "",
            ]
            for each in listing.constraints
        ],
    )
    yield (
        ["foreign key", "references"],
        [
            [", ".join(each.columns), f"{each.target_relation} ({', '.join(each.target_columns)})"]
            for each in listing.foreign_keys
        ],
    )
    yield (
        ["referenced by", "columns"],
        [[each.relation, f"({', '.join(each.columns)})"] for each in listing.referenced_by],
    )
    yield ["not told", "reason"], [[each.what, each.reason] for each in listing.gaps]


def _dependencies(found: Sequence[Dependency]) -> str:
    rows = [
        [each.schema, each.name, each.kind, f"{each.how} (by its text)" if each.textual else each.how] for each in found
    ]
    return plain_table(["schema", "name", "kind", "how"], rows)


def _table(header: Sequence[str], rows: Sequence[Sequence[str]], *, always: int = 2) -> str:
    """Return a table without the columns in which nothing stands, but for the first ``always``."""
    kept = [at for at in range(len(header)) if at < always or any(row[at] for row in rows)]
    return plain_table([header[at] for at in kept], [[row[at] for at in kept] for row in rows])


def size_text(size: int) -> str:
    """Return a number of bytes as a person reads it: an estimate, with three digits."""
    amount = float(size)
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if amount < 1000 or unit == "TB":
            return f"~{amount:.0f} {unit}" if amount >= 100 or unit == "B" else f"~{amount:.3g} {unit}"
        amount /= 1024
    raise AssertionError("the last unit returns")
