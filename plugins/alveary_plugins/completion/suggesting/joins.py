"""Joins that foreign keys suggest: whole conditions in both directions, and the relations that could be joined."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from alveary.contracts.catalog import ForeignKey
from alveary.sqltext import Dialect, TokenKind
from alveary_plugins.completion.names import written
from alveary_plugins.completion.scope import Scope
from alveary_plugins.completion.tree import Place, Source
from alveary_plugins.completion.words import Word


class Joins:
    """What could be joined at a place, and how. ``upper`` says that keywords are written in capitals."""

    def __init__(self, place: Place, scope: Scope, dialect: Dialect, *, upper: bool) -> None:
        self._place = place
        self._scope = scope
        self._dialect = dialect
        self._and, self._on = (" AND ", " ON ") if upper else (" and ", " on ")
        self._before = [source for source in place.query.sources if source.at < place.at]
        self._said = " ".join(word.text.lower() for word in place.words)

    def conditions(self, qualifier: str = "") -> list[str]:
        """Return the conditions for what was joined last; behind ``qualifier.`` those that go on from there."""
        if len(self._before) < 2 or (self._place.clause == "where" and any(each.joined for each in self._before)):
            return []
        found: dict[str, None] = {}
        last = self._before[-1]
        here, keys = self._scope.foreign_keys(last)
        for other in reversed(self._before[:-1]):
            there, _ = self._scope.foreign_keys(other)
            for key in keys if here is not None and there is not None else ():
                for pairs in _pairs(key, here, there):
                    if not qualifier or _is_called(last, qualifier):
                        found[self._condition(last, other, pairs)] = None
                    elif _is_called(other, qualifier):
                        found[self._condition(other, last, [(b, a) for a, b in pairs])] = None
        unsaid = [text for text in found if not self._is_said(text)]
        return [text[text.index(".") + 1 :] if qualifier else text for text in unsaid]

    def _is_said(self, condition: str) -> bool:
        """Return whether a condition stands in the statement already, its sides this way or the other."""
        for part in condition.lower().split(self._and.lower()):
            one, _, other = part.replace(".", " . ").partition(" = ")
            if f"{one} = {other}" in self._said or f"{other} = {one}" in self._said:
                return True
        return False

    def related(self) -> dict[tuple[str, str], tuple[ForeignKey, Source]]:
        """Return what foreign keys lead to or come from, by schema and name: the key, and the source it is of."""
        found: dict[tuple[str, str], tuple[ForeignKey, Source]] = {}
        if self._place.before() in ("join", "straight_join"):
            for source in self._before:
                here, keys = self._scope.foreign_keys(source)
                for key in keys:
                    one, other = (key.schema, key.relation), (key.target_schema, key.target_relation)
                    found.setdefault(other if one == here else one, (key, source))
        return found

    def whole(self) -> Iterator[str]:
        """Yield whole joins: a relation and the condition."""
        following = self._place.words[self._place.at + 1 : self._place.at + 2]
        if following and following[0].lower in ("on", "using", "as"):
            return
        taken = {source.name.name.lower() for source in self._before if source.name is not None}
        for (schema, name), (key, source) in self.related().items():
            here, _ = self._scope.foreign_keys(source)
            path = alias = written(name, self._dialect)
            if schema not in self._scope.unqualified:
                path = f"{written(schema, self._dialect)}.{path}"
            if name.lower() in taken:
                alias = next(short for short in _short_names(name) if short not in taken)
                path = f"{path} {alias}"
            joined = Source(alias=Word(alias, alias.lower(), TokenKind.WORD, 0, 0))
            for pairs in _pairs(key, (schema, name), here):
                yield f"{path}{self._on}{self._condition(joined, source, pairs)}"

    def _condition(self, one: Source, other: Source, pairs: Sequence[tuple[str, str]]) -> str:
        def column(source: Source, name: str) -> str:
            qualifier = source.name.text if source.name is not None else ""
            return f"{qualifier}.{written(name, self._dialect)}"

        return self._and.join(f"{column(one, mine)} = {column(other, its)}" for mine, its in pairs)


def _pairs(
    key: ForeignKey, here: tuple[str, str] | None, there: tuple[str, str] | None
) -> Iterator[list[tuple[str, str]]]:
    """Yield the columns that a key makes equal, from one relation to the other; twice for one that leads to itself."""
    ends = (key.schema, key.relation), (key.target_schema, key.target_relation)
    if ends == (here, there):
        yield list(zip(key.columns, key.target_columns, strict=False))
    if ends == (there, here):
        yield list(zip(key.target_columns, key.columns, strict=False))


def _is_called(source: Source, name: str) -> bool:
    return source.name is not None and source.name.name.lower() == name


def _short_names(name: str) -> Iterator[str]:
    short = "".join(part[0] for part in name.lower().split("_") if part) or "t"
    short = short if short.isascii() and short.isalpha() else "t"
    yield short
    number = 2
    while True:
        yield f"{short}{number}"
        number += 1
