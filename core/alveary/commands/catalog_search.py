"""What a search of a catalog finds: by names, the best first, and after them by comments."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from alveary.contracts.catalog import ColumnInfo, ObjectInfo, Relation
from alveary.matching import Haystack, Level, Query


def search(
    relations: Sequence[Relation], objects: Sequence[ObjectInfo], columns: Sequence[ColumnInfo], text: str
) -> tuple[list[Relation], list[ObjectInfo], list[ColumnInfo]]:
    """Return what has the text in its name or comment; where no name has, what has its letters in order."""
    query = Query(text)
    # One word is meant as a name; where things stand counts for ``track.title`` and for ``track title``.
    by_path = len(query.words) > 1 or "." in query.text
    named = [
        _Named([((each.schema, each.name), each) for each in relations], by_path),
        _Named([((each.schema, each.name), each) for each in objects], by_path),
        _Named([((each.schema, each.relation, each.name), each) for each in columns], by_path),
    ]
    found: list[list[Any]] = [[], [], []]
    for levels in (tuple(Level)[: Level.INITIALS], tuple(Level)[Level.INITIALS :]):
        found = [each.find(query, levels) for each in named]
        if levels[0] is Level(0):
            for things, several in zip((relations, objects, columns), found, strict=True):
                several.extend(_by_comment(things, several, text.casefold()))
        if any(found):
            break
    return found[0], found[1], found[2]


def _by_comment(things: Iterable[Any], found: Sequence[Any], text: str) -> list[Any]:
    known = {id(each) for each in found}
    return [each for each in things if text in (each.comment or "").casefold() and id(each) not in known]


class _Named:
    """Things to be found by their names, or by their paths."""

    def __init__(self, things: Sequence[tuple[tuple[str, ...], Any]], by_path: bool) -> None:
        self._things = [thing for _, thing in things]
        paths = [path if by_path else path[-1:] for path, _ in things]
        self._names = Haystack((".".join(path), sum(map(len, path[:-1])) + len(path) - 1) for path in paths)

    def find(self, query: Query, levels: Iterable[Level]) -> list[Any]:
        return [self._things[number] for level in levels for number in self._names.find(query, level)]
