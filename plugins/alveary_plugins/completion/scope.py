"""Which columns can be named at a place: those of relations by the catalog, those of queries by their select lists."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from alveary.contracts.catalog import ForeignKey
from alveary.contracts.completion import CatalogView
from alveary.sqltext import Dialect, TokenKind
from alveary_plugins.completion.tree import Named, Place, Query, Source
from alveary_plugins.completion.words import CARET, Word

DEEPEST = 12
"""Queries within queries whose columns are looked for."""
#: The columns of functions that stand in FROM, by the function's name.
_OF_FUNCTIONS = {
    "json_each": ("key", "value", "type", "atom", "id", "parent", "fullkey", "path"),
    "json_tree": ("key", "value", "type", "atom", "id", "parent", "fullkey", "path"),
    "jsonb_each": ("key", "value"),
    "json_each_text": ("key", "value"),
    "jsonb_each_text": ("key", "value"),
    "pragma_table_info": ("cid", "name", "type", "notnull", "dflt_value", "pk"),
    "pragma_foreign_key_list": ("id", "seq", "table", "from", "to", "on_update", "on_delete", "match"),
    "pragma_index_list": ("seq", "name", "unique", "origin", "partial"),
    "pragma_table_list": ("schema", "name", "type", "ncol", "wr", "strict"),
}
#: Relations that an engine has in every database and lists in none.
OWN_RELATIONS = {
    "sqlite": {
        "sqlite_master": ("type", "name", "tbl_name", "rootpage", "sql"),
        "sqlite_schema": ("type", "name", "tbl_name", "rootpage", "sql"),
        "sqlite_sequence": ("name", "seq"),
    }
}


@dataclass(frozen=True, slots=True)
class Field:
    """A column in scope."""

    name: str
    detail: str = ""
    filled: str = ""
    """``computed`` if nothing else can be written there than what the server computes, ``counted`` if it counts up."""
    hidden: bool = False
    """A star leaves it out."""


class Scope:
    """What the names at a place can mean."""

    def __init__(self, place: Place, catalog: CatalogView, dialect: Dialect) -> None:
        self._place = place
        self._catalog = catalog
        self._folds = dialect.name == "postgres"
        self._own = OWN_RELATIONS.get(dialect.name, {})
        self._counts_from = 0 if dialect.name == "mysql" else 1
        self._found: dict[tuple[str, ...], tuple[str, str] | None] = {}
        self._fields: dict[int, list[Field]] = {}
        self.unqualified = frozenset(catalog.search_path)
        """Schemas whose names need no qualifier."""
        self._schemas = [*catalog.search_path, *(name for name in catalog.schemas if name not in self.unqualified)]

    @property
    def words(self) -> Sequence[Word]:
        """The words of the statement."""
        return self._place.words

    @property
    def schemas(self) -> Sequence[str]:
        """The schemas, in the order in which names without a schema are looked for."""
        return self._schemas

    def sources(self) -> list[Source]:
        """Return what can be named at the place, the nearest first."""
        found: list[Source] = []
        query: Query | None = self._place.query
        before: int | None = None
        while query is not None:
            written = query.verb == "insert" and self._place.clause != "values row"
            if written and query.target is not None and query.target not in query.sources:
                found.append(query.target)
            found += [
                each for each in query.sources if (before is None or each.at < before) and not self._is_within(each)
            ]
            before = None
            if query.correlated:
                before = query.source.at if query.source is not None else None
                query = query.outer
            elif query.source is not None and query.outer is not None and query.outer.correlated:
                query = query.outer.outer  # beside it nothing is seen, but what is around both
            else:
                query = None
        return found

    def _is_within(self, source: Source) -> bool:
        """Return whether the place is within the arguments of a function that stands in FROM."""
        begin = source.at + 2 * len(source.path)
        return source.is_function and any(frame.begin == begin for frame in self._place.frames)

    def named(self, name: str) -> Named | None:
        """Return the query that WITH gives this name."""
        query: Query | None = self._place.query
        while query is not None:
            if (found := query.named.get(name.lower())) is not None:
                return found
            query = query.outer
        return None

    def all_named(self) -> list[Named]:
        """Return the queries that WITH gives names, the nearest first."""
        found: dict[str, Named] = {}
        query: Query | None = self._place.query
        while query is not None:
            for key, each in query.named.items():
                found.setdefault(key, each)
            query = query.outer
        return list(found.values())

    def source(self, name: str) -> Source | None:
        """Return what is qualified by this name at the place."""
        low = name.lower()
        for source in self.sources():
            if source.name is not None and source.name.name.lower() == low:
                return source
        return None

    def relation(self, path: Sequence[Word]) -> tuple[str, str] | None:
        """Return the schema and name of the relation a path leads to, None for one that is not known."""
        key = tuple(word.text for word in path[-2:])
        if key not in self._found:
            self._found[key] = self._look_up(path)
        return self._found[key]

    def _look_up(self, path: Sequence[Word]) -> tuple[str, str] | None:
        if not path:
            return None
        name = self._meant(path[-1])
        schemas = self._schemas
        if len(path) > 1:
            schema = self._meant(path[-2])
            schemas = [each for each in schemas if each == schema or each.lower() == schema.lower()] or [schema]
        for schema in schemas:
            if self._catalog.columns(schema, name):
                return schema, name
        low = name.lower()
        for schema in schemas:
            for each in self._catalog.relations(schema):
                if each.lower() == low:
                    return schema, each
        return None

    def _meant(self, word: Word) -> str:
        name = word.name
        return name.lower() if self._folds and word.kind is TokenKind.WORD else name

    def fields(self, source: Source, depth: int = 0) -> list[Field]:
        """Return the columns of something a query reads from."""
        key = id(source)
        if key not in self._fields:
            self._fields[key] = []  # what refers to itself has no columns by that way
            self._fields[key] = self._fields_of(source, depth)
        return self._fields[key]

    def _fields_of(self, source: Source, depth: int) -> list[Field]:
        if depth > DEEPEST:
            return []
        if source.query is not None:
            found = self.outputs(source.query, depth + 1)
        elif source.is_function:
            found = self._of_function(source)
        elif len(source.path) == 1 and (named := self.named(source.path[0].name)) is not None:
            found = self.fields_of_named(named, depth + 1)
        else:
            found = self.of_relation(source.path)
        return _renamed(found, source.columns)

    def fields_of_named(self, named: Named, depth: int = 0) -> list[Field]:
        """Return the columns of a query that WITH gives a name."""
        found = self.outputs(named.query, depth) if named.query is not None else []
        return _renamed(found, named.columns)

    def of_relation(self, path: Sequence[Word]) -> list[Field]:
        """Return the columns of a relation of the catalog."""
        if (found := self.relation(path)) is None:
            own = self._own.get(path[-1].name.lower(), ()) if path else ()
            return [Field(name) for name in own]
        return [
            Field(
                each.name,
                each.type_name + (" · key" if each.primary_key is not None else ""),
                "computed" if each.generated else "counted" if each.identity == "always" else "",
                each.hidden,
            )
            for each in self._catalog.columns(*found)
        ]

    def _of_function(self, source: Source) -> list[Field]:
        name = source.path[-1].name.lower()
        if names := _OF_FUNCTIONS.get(name):
            return [Field(each) for each in names]
        for schema in self._schemas:
            for each in self._catalog.objects_named(schema, name):
                if each.detail and each.detail.upper().startswith("TABLE("):
                    parts = each.detail[6:].rstrip(")").split(",")
                    return [Field(*_parted(part)) for part in parts if part.strip()]
        return [Field(source.name.name)] if source.name is not None else []

    def foreign_keys(self, source: Source) -> tuple[tuple[str, str] | None, Sequence[ForeignKey]]:
        """Return the relation that a source is, and its foreign keys in both directions."""
        if source.query is not None or source.is_function or not source.path:
            return None, ()
        if len(source.path) == 1 and self.named(source.path[0].name) is not None:
            return None, ()
        found = self.relation(source.path)
        if found is None:
            return None, ()
        keys = [*self._catalog.foreign_keys(*found), *self._catalog.referenced_by(*found)]
        return found, list(dict.fromkeys(keys))

    # -- what a query returns ------------------------------------------------------------------------------------

    def outputs(self, query: Query, depth: int = 0) -> list[Field]:
        """Return the columns of a query's rows."""
        query = query.first or query
        if query.verb == "values":
            first = self._counts_from
            mark = "column_" if first == 0 else "column"
            return [Field(f"{mark}{first + index}") for index in range(query.widths)]
        found: list[Field] = []
        for start, end in query.items:
            found += self.item(query, start, end, depth)
        return found

    def aliases(self, query: Query) -> list[Field]:
        """Return the names that a select list gives its columns by AS or without."""
        words = self._place.words
        found = []
        for start, end in query.items:
            if end - start > 1 and words[end - 1].is_name and words[end - 2].lower != ".":
                found += [field for field in self.item(query, start, end, DEEPEST) if field.name]
        return found

    def item(self, query: Query, start: int, end: int, depth: int = 0) -> list[Field]:
        """Return the columns of an item of a select list, ``words[start:end]``; none where they have no name."""
        words = [word for word in self._place.words[start:end] if word.lower != CARET]
        if not words:
            return []
        if words[-1].lower == "*" and (len(words) == 1 or words[-2].lower == "."):
            sources = list(query.sources) or ([query.target] if query.target is not None else [])
            if len(words) > 1:
                name = words[-3].name.lower() if len(words) > 2 else ""
                sources = [each for each in sources if each.name is not None and each.name.name.lower() == name]
            if depth >= DEEPEST:
                return []
            return [field for source in sources for field in self.fields(source, depth + 1) if not field.hidden]
        last = words[-1]
        if len(words) > 1 and last.is_name and words[-2].lower not in (".", "::") and last.lower != "end":
            before = words[-2]
            if before.lower in ("as", ")", "'", "0", "?", "end", "]") or before.is_name:
                inner = words[:-2] if before.lower == "as" else words[:-1]
                return [Field(last.name, self._type(query, inner, depth))]
        cast = next((index for index, word in enumerate(words) if word.lower == "::"), len(words))
        path = words[:cast]
        if path and path[-1].is_name and all(word.is_name or word.lower == "." for word in path):
            return [Field(path[-1].name, self._type(query, path, depth))]
        if words[0].is_name and len(words) > 1 and words[1].lower == "(":
            return [Field(words[0].name)]
        return []

    def _type(self, query: Query, path: list[Word], depth: int) -> str:
        """Return the type of a column that a path names, empty if that is not known."""
        if depth >= DEEPEST or not path or len(path) > 5 or not path[-1].is_name:
            return ""
        low = path[-1].name.lower()
        qualifier = path[-3].name.lower() if len(path) > 2 and path[-2].lower == "." else None
        for source in query.sources:
            if qualifier is None or (source.name is not None and source.name.name.lower() == qualifier):
                for field in self.fields(source, depth + 1):
                    if field.name.lower() == low:
                        return field.detail.removesuffix(" · key")
        return ""


def _renamed(fields: list[Field], names: list[Word]) -> list[Field]:
    given = [
        Field(word.name, fields[index].detail if index < len(fields) else "")
        for index, word in enumerate(names)
        if word.lower != CARET
    ]
    return given + fields[len(given) :] if given else fields


def _parted(declared: str) -> tuple[str, str]:
    name, _, kind = declared.strip().partition(" ")
    return name.strip('"'), kind
