"""Stars of select lists in the columns they stand for, in the order in which the server would give them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from alveary.contracts.completion import CatalogView
from alveary.sqltext import Dialect, PieceKind, split
from alveary_plugins.completion.names import written
from alveary_plugins.completion.reading import read_queries
from alveary_plugins.completion.scope import Field, Scope
from alveary_plugins.completion.tree import Place, Query, Source
from alveary_plugins.completion.words import Word, read, words_of

WIDTH = 100
"""Characters of a line up to which columns stand beside each other."""
_BEFORE = frozenset({"select", "distinct", "all", "returning", ",", "straight_join", "sql_calc_found_rows", ")"})
_BEHIND = frozenset({"", ",", "from", ")", ";", "into", "union", "except", "intersect", "order", "limit", "where"})
_SIDES = frozenset({"inner", "left", "right", "full", "cross", "outer"})


@dataclass(frozen=True, slots=True)
class Star:
    """A star, ``text[start:end]`` with what qualifies it: the columns it stands for, or why they are not known."""

    start: int
    end: int
    columns: str = ""
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Expanded:
    """A script with stars expanded; ``edits`` and what was ``left`` are in the places of the script before."""

    text: str
    edits: tuple[Star, ...]
    left: tuple[Star, ...]


def expand_script(text: str, dialect: Dialect, catalog: CatalogView, at: int | None = None) -> Expanded:
    """Expand the stars of a script; with ``at`` only the one there, or all of the statement there."""
    found: list[Star] = []
    for piece in split(text, dialect):
        if piece.kind is PieceKind.STATEMENT and (at is None or piece.start <= at <= piece.end):
            first = piece.sql_start
            found += [
                Star(star.start + first, star.end + first, star.columns, star.reason)
                for star in stars(piece.sql(text), dialect, catalog)
            ]
    if at is not None and (here := [star for star in found if star.start <= at <= star.end]):
        found = here[:1]
    edits = tuple(star for star in found if star.reason is None)
    for star in reversed(edits):
        text = f"{text[: star.start]}{star.columns}{text[star.end :]}"
    return Expanded(text, edits, tuple(star for star in found if star.reason is not None))


class _Unknown(Exception):
    """Why a star's columns are not known."""


def stars(text: str, dialect: Dialect, catalog: CatalogView) -> list[Star]:
    """Return the stars of a statement's select lists, in order."""
    words = words_of(text, dialect)
    found = []
    for at, word in enumerate(words):
        if word.lower != "*":
            continue
        first = at
        while first > 1 and words[first - 1].lower == "." and words[first - 2].is_name:
            first -= 2
        before = words[first - 1].lower if first else ""
        behind = words[at + 1].lower if at + 1 < len(words) else ""
        if (
            before not in _BEFORE
            or behind not in _BEHIND
            or (before == ")" and not _ends_distinct_on(words, first - 1))
        ):
            continue
        if [each.lower for each in words[max(first - 3, 0) : first]] == ["exists", "(", "select"]:
            continue  # nobody looks at these columns
        start = words[first].start
        try:
            names = _columns(text, dialect, catalog, words[first:at:2], start)
        except _Unknown as exc:
            found.append(Star(start, word.end, reason=str(exc)))
        else:
            found.append(Star(start, word.end, _listed(names, text, start)))
    return found


def _ends_distinct_on(words: Sequence[Word], at: int) -> bool:
    depth = 0
    for index in range(at, 1, -1):
        depth += {")": 1, "(": -1}.get(words[index].lower, 0)
        if depth == 0:
            return words[index - 1].lower == "on" and words[index - 2].lower == "distinct"
    return False


def _listed(names: Sequence[str], text: str, start: int) -> str:
    """Return names beside each other, or each on a line where that would become too long."""
    column = start - (text.rfind("\n", 0, start) + 1)
    line = ", ".join(names)
    return line if column + len(line) <= WIDTH else f",\n{' ' * column}".join(names)


def _columns(text: str, dialect: Dialect, catalog: CatalogView, path: Sequence[Word], at: int) -> list[str]:
    """Return the columns of a star as SQL; ``path`` qualifies it."""
    writing = read(text, at, dialect)
    place = None if writing is None else read_queries(writing.words, text)
    if place is None:
        raise _Unknown("it can't be told what it stands for")
    scope = Scope(place, catalog, dialect)
    query = place.query
    sources = [query.target] if place.clause == "returning" and query.target is not None else list(query.sources)
    if path:
        sources = [_named(scope, sources, path)]
    if not sources:
        raise _Unknown("nothing stands in FROM")
    fields = {id(source): _fields(scope, source) for source in sources}
    alone = len(sources) == 1 and not path
    joins = _Joins(place, query, sources) if len(sources) > 1 else None
    if joins is None:
        (source,) = sources
        return [_written(each.name, None if alone else source, dialect) for each in fields[id(source)]]
    return joins.columns(fields, dialect)


def _named(scope: Scope, sources: Sequence[Source], path: Sequence[Word]) -> Source:
    low = path[-1].name.lower()
    for source in [*sources, *scope.sources()]:
        if source.name is not None and source.name.name.lower() == low:
            return source
    raise _Unknown(f"nothing is called {path[-1].text} here")


def _fields(scope: Scope, source: Source) -> list[Field]:
    what = source.name.text if source.name is not None else "a query without a name"
    if source.is_function and not source.columns:
        raise _Unknown(f"the columns of the function {what} are not known")
    query = source.query
    if query is None and len(source.path) == 1 and (named := scope.named(source.path[0].name)) is not None:
        query = named.query
        if named.columns and query is None:
            raise _Unknown(f"the columns of {what} are not known")
    if query is not None:
        _check(scope, query, what)
    fields = [field for field in scope.fields(source) if not field.hidden]
    if not fields:
        raise _Unknown(f"the columns of {what} are not known")
    lower = [field.name.lower() for field in fields]
    if twice := next((field.name for field in fields if lower.count(field.name.lower()) > 1), None):
        raise _Unknown(f"{what} has two columns {twice}")
    return fields


def _check(scope: Scope, query: Query, what: str, depth: int = 0) -> None:
    """Refuse a query of which a column has no name that is certain: engines differ in what they call an expression."""
    query = query.first or query
    if query.verb == "values":
        return
    if depth > 8 or not query.items:
        raise _Unknown(f"the columns of {what} are not known")
    for start, end in query.items:
        if not scope.item(query, start, end) or scope.words[end - 1].lower == ")":
            raise _Unknown(f"a column of {what} has no name that is certain")
    for source in query.sources:
        inner = source.query
        if inner is None and len(source.path) == 1 and (named := scope.named(source.path[0].name)) is not None:
            inner = named.query
        if inner is not None and inner is not query:
            _check(scope, inner, what, depth + 1)


def _written(name: str, source: Source | None, dialect: Dialect) -> str:
    if source is None:
        return written(name, dialect)
    qualifier = source.name
    if qualifier is None:
        raise _Unknown("a query in FROM has no name")
    return f"{qualifier.text}.{written(name, dialect)}"


class _Joins:
    """What USING and NATURAL make of the columns of several sources: one each of those they are joined by."""

    def __init__(self, place: Place, query: Query, sources: Sequence[Source]) -> None:
        self._words = place.words
        self._sources = sources
        self._query = query

    def columns(self, fields: dict[int, list[Field]], dialect: Dialect) -> list[str]:
        """Return the columns of all sources."""
        # Of each: the name as it is written, and in lower case the name it is merged by.
        left: list[tuple[str, str]] = []
        for number, source in enumerate(self._sources):
            own = [(_written(each.name, source, dialect), each.name.lower()) for each in fields[id(source)]]
            common = self._common(number, left, own, dialect)
            if common:
                if self._is_right(number):
                    raise _Unknown("a RIGHT or FULL JOIN with USING gives columns that stand in neither table")
                keys = [low for _, low in common]
                rest = [each for each in left if each[1] not in keys]
                # The standard's order begins with what is joined by; SQLite leaves it where it stands on the left.
                merged = dict(zip(keys, common, strict=True))
                in_place = dialect.name == "sqlite"
                left = [merged.get(each[1], each) for each in left] if in_place else [*common, *rest]
                own = [each for each in own if each[1] not in keys]
            left = [*left, *own]
        return [text for text, _ in left]

    def _common(
        self, number: int, left: Sequence[tuple[str, str]], own: Sequence[tuple[str, str]], dialect: Dialect
    ) -> list[tuple[str, str]]:
        """Return the columns that a source is joined by with those before: as written on the left."""
        mine = {low for _, low in own}
        if self._is_natural(number):
            return [each for each in left if each[1] in mine]
        found = []
        for name in self._using(number):
            low = name.name.lower()
            mates = [each for each in left if each[1] == low]
            if len(mates) != 1 or low not in mine:
                raise _Unknown(f"the join by {name.text} is not understood")
            found.append(mates[0])
        # MySQL has them in the order of the first table, PostgreSQL as USING lists them.
        return [each for each in left if each in found] if dialect.name == "mysql" else found

    def _before(self, number: int) -> list[str]:
        """Return the words right before a source that say how it is joined, the last one first."""
        at, found = self._sources[number].at - 1, []
        while at >= 0 and self._words[at].lower in {*_SIDES, "natural", "join", "lateral", "only"}:
            found.append(self._words[at].lower)
            at -= 1
        return found

    def _is_natural(self, number: int) -> bool:
        return number > 0 and "natural" in self._before(number)

    def _is_right(self, number: int) -> bool:
        return not {"right", "full"}.isdisjoint(self._before(number))

    def _using(self, number: int) -> list[Word]:
        """Return the names of the USING that follows a source, before the next one."""
        words = self._words
        end = self._sources[number + 1].at if number + 1 < len(self._sources) else len(words)
        depth = 0
        for at in range(self._sources[number].at, end):
            low = words[at].lower
            depth += {"(": 1, ")": -1}.get(low, 0)
            if depth < 0 or (depth == 0 and low in ("on", "where")):
                return []
            if depth == 0 and low == "using" and at + 1 < end and words[at + 1].lower == "(":
                close = next((place for place in range(at, end) if words[place].lower == ")"), end)
                return [word for word in words[at + 2 : close] if word.is_name]
        return []
