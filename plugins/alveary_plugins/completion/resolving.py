"""What a name in a statement means: the relation, column or other thing of the database that stands behind it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from alveary.contracts.completion import CatalogView
from alveary.sqltext import Dialect, TokenKind
from alveary_plugins.completion.reading import read_queries
from alveary_plugins.completion.scope import Scope
from alveary_plugins.completion.tree import Place, Source
from alveary_plugins.completion.words import Word, Writing, read


@dataclass(frozen=True, slots=True)
class Meant:
    """What a name means: a relation, or what else there is, by ``schema`` and ``name``, and a ``column`` of it.

    ``text[start:end]`` is the name in the statement.
    """

    schema: str
    name: str
    start: int
    end: int
    column: str | None = None
    is_relation: bool = True


def resolve(text: str, offset: int, dialect: Dialect, catalog: CatalogView) -> Meant | None:
    """Return what the name at an offset of a statement means; None where there is none, or nothing known of it.

    An alias means what it stands for; a name before a dot, what is behind it. A query in parentheses, or one that WITH
    gives a name, is nothing the database holds.
    """
    writing = read(text, offset, dialect)
    if writing is not None and writing.start == writing.end and offset < len(text):
        writing = read(text, offset + 1, dialect)  # right before a name that one is meant
    if writing is None or writing.start == writing.end:
        return None
    place = read_queries(writing.words, text)
    if place is None:
        return None
    return _Resolving(text, writing, place, Scope(place, catalog, dialect), catalog).meant()


class _Resolving:
    """One name."""

    def __init__(self, text: str, writing: Writing, place: Place, scope: Scope, catalog: CatalogView) -> None:
        self._writing, self._place, self._scope, self._catalog = writing, place, scope, catalog
        self._word = _word(text[writing.start : writing.end], writing)

    def meant(self) -> Meant | None:
        """Return what it means."""
        path = [*self._writing.qualifiers, self._word]
        after = self._writing.words[self._writing.at + 1 : self._writing.at + 2]
        if self._place.expects == "relation":
            return self._relation(path) or self._other(path)
        if self._place.expects == "alias" and len(path) == 1 and (before := self._before_alias()):
            return self._relation(before)
        if after and after[0].lower == ".":
            return self._source(path) or self._relation(path)
        return self._column(path) or self._source(path) or self._relation(path) or self._other(path)

    def _before_alias(self) -> list[Word]:
        """Return the path that an alias is given to at the caret."""
        words, at = self._writing.words, self._writing.at - 1
        if at >= 0 and words[at].lower == "as":
            at -= 1
        path: list[Word] = []
        while at >= 0 and words[at].is_name:
            path.insert(0, words[at])
            at -= 2
            if at + 1 < 0 or words[at + 1].lower != ".":
                break
        return path

    def _column(self, path: Sequence[Word]) -> Meant | None:
        low = path[-1].name.lower()
        about = self._place.frame.about
        sources = [about] if about is not None and len(path) == 1 else self._scope.sources()
        if len(path) > 1:
            named = path[-2].name.lower()
            sources = [each for each in sources if each.name is not None and each.name.name.lower() == named]
        for source in sources:
            field = next((each for each in self._scope.fields(source) if each.name.lower() == low), None)
            if field is not None:
                return self._of(source, field.name)
        return None

    def _of(self, source: Source, column: str | None) -> Meant | None:
        if source.query is not None or source.is_function:
            return None
        if len(source.path) == 1 and self._scope.named(source.path[0].name) is not None:
            return None
        found = self._scope.relation(source.path)
        return None if found is None else self._made(*found, column)

    def _source(self, path: Sequence[Word]) -> Meant | None:
        source = self._scope.source(path[-1].name) if len(path) == 1 else None
        return None if source is None else self._of(source, None)

    def _relation(self, path: Sequence[Word]) -> Meant | None:
        if len(path) == 1 and self._scope.named(path[0].name) is not None:
            return None
        found = self._scope.relation(path)
        return None if found is None else self._made(*found, None)

    def _other(self, path: Sequence[Word]) -> Meant | None:
        name = path[-1].name
        schemas = [path[-2].name] if len(path) > 1 else self._scope.schemas
        for schema in schemas:
            for said in dict.fromkeys((name, name.lower())):
                if self._catalog.objects_named(schema, said):
                    return self._made(schema, said, None, is_relation=False)
        return None

    def _made(self, schema: str, name: str, column: str | None, *, is_relation: bool = True) -> Meant:
        return Meant(schema, name, self._writing.start, self._writing.end, column, is_relation)


def _word(text: str, writing: Writing) -> Word:
    quoted = TokenKind.QUOTED_IDENTIFIER if writing.quote else TokenKind.WORD
    return Word(text, "" if writing.quote else text.lower(), quoted, writing.start, writing.end)
