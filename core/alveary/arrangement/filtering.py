"""Which rows stay: filters as functions of a row, and a quick look at a whole page of rows before each is asked."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import chain
from operator import ge, gt, le, lt

from alveary.arrangement.ordering import Unfit, moment_key, number_key
from alveary.arrangement.specs import Filter
from alveary.contracts.values import Cell, Column, Row, ValueKind, cell_text

_COMPARE: dict[str, Callable[[bytes, bytes], bool]] = {"less": lt, "at most": le, "greater": gt, "at least": ge}


class Sieve:
    """All filters together: a row stays if it passes each."""

    def __init__(self, columns: Sequence[Column], filters: Sequence[Filter]) -> None:
        self._tests = [_row_test(columns, filter) for filter in filters]
        self._needles = [
            filter.value.casefold() for filter in filters if filter.test == "contains" and "\0" not in filter.value
        ]

    def passing(self, rows: Sequence[Row]) -> list[int]:
        """Return the places of the rows that stay."""
        if self._needles:
            # One look at everything at once settles most pages where what is looked for is rare.
            page = "\0".join(map(_text, chain.from_iterable(rows))).casefold()
            if any(needle not in page for needle in self._needles):
                return []
        places = range(len(rows))
        for test in self._tests:
            places = [place for place in places if test(rows[place])]  # type: ignore[assignment]  # fewer than before
        return list(places)


def cell_test(column: Column, filter: Filter) -> Callable[[Cell], bool]:
    """Return whether a cell of a column satisfies a filter, as a function."""
    test, value = filter.test, filter.value
    if test == "null":
        return lambda cell: cell is None
    if test == "not null":
        return lambda cell: cell is not None
    if test == "contains":
        needle = value.casefold()
        return lambda cell: cell is not None and needle in _text(cell).casefold()
    if test == "lacks":
        needle = value.casefold()
        return lambda cell: cell is not None and needle not in _text(cell).casefold()
    if test == "matches":
        search = re.compile(value).search
        return lambda cell: cell is not None and search(_text(cell)) is not None
    if test == "equals":
        return _equality(column, value)
    if test == "differs":
        equal = _equality(column, value)
        return lambda cell: cell is not None and not equal(cell)
    return _comparison(column, value, _COMPARE[test])


def _row_test(columns: Sequence[Column], filter: Filter) -> Callable[[Row], bool]:
    if filter.column is None:
        tests = [cell_test(column, filter) for column in columns]
        if filter.test == "contains":
            # The cells of a row are looked at together where no match can reach over the end of one.
            needle = filter.value.casefold()
            if "\0" not in needle:
                return lambda row: needle in "\0".join(map(_text, row)).casefold()
        every = all if filter.test in ("lacks", "null", "not null") else any
        return lambda row: every(test(cell) for test, cell in zip(tests, row, strict=True))
    column, test = filter.column, cell_test(columns[filter.column], filter)
    return lambda row: test(row[column])


def _text(cell: Cell) -> str:
    return cell if type(cell) is str else "" if cell is None else cell_text(cell)


def _equality(column: Column, value: str) -> Callable[[Cell], bool]:
    key = _keys(column, value)
    if key is None:
        return lambda cell: cell is not None and _text(cell) == value
    wanted = key(value)

    def test(cell: Cell) -> bool:
        if cell is None:
            return False
        try:
            return _text(cell) == value or key(cell) == wanted
        except Unfit:
            return False

    return test


def _comparison(column: Column, value: str, compare: Callable[[bytes, bytes], bool]) -> Callable[[Cell], bool]:
    if (key := _keys(column, value)) is None:
        wanted = value.encode("utf-8", "surrogatepass")

        def test_text(cell: Cell) -> bool:
            if cell is None or (column.kind is ValueKind.DYNAMIC and not isinstance(cell, str)):
                return False
            return compare(_text(cell).encode("utf-8", "surrogatepass"), wanted)

        return test_text
    limit = key(value)

    def test(cell: Cell) -> bool:
        if cell is None or (column.kind is ValueKind.DYNAMIC and isinstance(cell, str)):
            return False
        try:
            return compare(key(cell), limit)
        except Unfit:
            return False

    return test


def _label_key(labels: Sequence[str]) -> Callable[[Cell], bytes]:
    places: dict[Cell, bytes] = {label: place.to_bytes(4, "big") for place, label in enumerate(labels)}

    def key(cell: Cell) -> bytes:
        if (found := places.get(cell)) is None:
            raise Unfit
        return found

    return key


def _keys(column: Column, value: str) -> Callable[[Cell], bytes] | None:
    """Return how cells are compared with a value, as bytes; None for by their text."""
    if column.labels:
        key: Callable[[Cell], bytes] | None = _label_key(column.labels)
    else:
        key = {ValueKind.NUMBER: number_key, ValueKind.DYNAMIC: number_key, ValueKind.TEMPORAL: moment_key}.get(
            column.kind
        )
    if key is not None:
        try:
            key(value)
        except Unfit:
            return None
    return key
