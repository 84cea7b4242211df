"""Columns as Arrow holds them: the exact type of each, found by the server's name for it or by all of its cells."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Sequence
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped]  # it brings no types

from alveary.contracts.values import Cell, Column, ValueKind, cell_text
from alveary.errors import InvalidInputError

_MOST_DIGITS = 76
"""Of a decimal number."""
_SAFE = 2**53
"""Up to here a double holds every integer."""
_DECIMAL = re.compile(r"(?:decimal|numeric)\((\d+),\s*(\d+)\)").fullmatch
_DIGITS = re.compile(r"-?([0-9]+)(?:\.([0-9]+))?").fullmatch
_BOOLEANS = {"t": True, "true": True, "f": False, "false": False}

_TYPES: dict[str, Callable[[], Any]] = {
    **dict.fromkeys(("tinyint",), pa.int8),
    **dict.fromkeys(("smallint", "year"), pa.int16),
    **dict.fromkeys(("integer", "int", "mediumint"), pa.int32),
    "bigint": pa.int64,
    **dict.fromkeys(("tinyint unsigned", "utinyint"), pa.uint8),
    **dict.fromkeys(("smallint unsigned", "usmallint"), pa.uint16),
    **dict.fromkeys(("int unsigned", "mediumint unsigned", "uinteger", "oid"), pa.uint32),
    **dict.fromkeys(("bigint unsigned", "ubigint", "bit"), pa.uint64),
    **dict.fromkeys(("real", "float"), pa.float32),
    **dict.fromkeys(("double precision", "double"), pa.float64),
    "date": pa.date32,
    **dict.fromkeys(("timestamp without time zone", "datetime", "timestamp"), lambda: pa.timestamp("us")),
    "timestamp with time zone": lambda: pa.timestamp("us", "UTC"),
}
#: Kinds whose columns may have a type by name; of another kind a name can mean anything.
_NAMED = (ValueKind.NUMBER, ValueKind.TEMPORAL)

TEXT = pa.string()
POOL = pa.system_memory_pool()
"""Arrow's own pool keeps a tenth more memory for itself."""


def known_type(column: Column) -> Any:
    """Return the type of a column as far as its header tells; None where only its cells can."""
    name = column.type_name.lower()
    if column.kind is ValueKind.DYNAMIC:
        return None
    if column.kind is ValueKind.BOOLEAN:
        return pa.bool_()
    if column.kind is ValueKind.BINARY:
        return pa.binary()
    if column.kind not in _NAMED:
        return TEXT
    if name in _TYPES:
        return _TYPES[name]()
    if column.kind is ValueKind.TEMPORAL:
        return TEXT
    if column.precision is not None and column.scale is not None:
        return decimal_type(column.precision - column.scale, column.scale)
    if (match := _DECIMAL(name)) is not None:
        return decimal_type(int(match[1]) - int(match[2]), int(match[2]))
    return None


def decimal_type(before: int, after: int) -> Any:
    """Return the type of decimals with so many digits before and behind the point; text where there is none."""
    after, precision = max(after, 0), max(before + max(after, 0), after, 1)
    if precision > _MOST_DIGITS:
        return TEXT
    return pa.decimal128(precision, after) if precision <= 38 else pa.decimal256(precision, after)


class Seen:
    """What the cells of a column that has no known type have been."""

    def __init__(self, column: Column) -> None:
        self._is_number = column.kind is ValueKind.NUMBER
        self._classes: set[type] = set()
        self._is_large = self._is_odd = False
        self._before = self._after = 0

    def look(self, cells: Sequence[Cell]) -> None:
        """Take some more cells into account."""
        classes = set(map(type, cells)) - {type(None)}
        self._classes |= classes
        if int in classes and not self._is_large:
            self._is_large = any(type(cell) is int and not -_SAFE <= cell <= _SAFE for cell in cells)
        if self._is_number and not self._is_odd:
            for cell in cells:
                if cell is not None:
                    self._measure(cell_text(cell))

    def type(self) -> Any:
        """Return the type that holds every cell exactly."""
        if self._is_number:
            # Some room, so that results of the same query have the same type more often than not.
            before = max(self._before, 38 - self._after) if self._before + self._after <= 38 else self._before
            return TEXT if self._is_odd or not self._classes else decimal_type(before, self._after)
        if self._classes == {int}:
            return pa.int64()
        if self._classes == {float} or (self._classes == {int, float} and not self._is_large):
            return pa.float64()
        if self._classes == {bool}:
            return pa.bool_()
        return pa.binary() if self._classes == {bytes} else TEXT

    def _measure(self, text: str) -> None:
        if (match := _DIGITS(text)) is None:
            self._is_odd = True
            return
        self._before, self._after = max(self._before, len(match[1])), max(self._after, len(match[2] or ""))


def keep(column: Column, cells: Sequence[Cell], type: Any) -> Any:
    """Return cells as an array that is small and quickly made; :func:`fit` makes it one of the column's type.

    Raises InvalidInputError for text that is not UTF-8, which Arrow can't hold.
    """
    if type == pa.binary():
        return _array([column.decode(cell) if isinstance(cell, str) else cell for cell in cells], type)
    if column.kind is ValueKind.DYNAMIC and type != TEXT:
        return _array(cells, type)
    try:
        if column.kind is not ValueKind.DYNAMIC:
            with contextlib.suppress(pa.ArrowTypeError, pa.ArrowInvalid):  # not all of them are text
                return _array(cells, TEXT)
        return _array([cell if cell is None else cell_text(cell) for cell in cells], TEXT)
    except UnicodeEncodeError as exc:
        raise InvalidInputError(
            f"column {column.name}: a text holds bytes that are no UTF-8, which Parquet can't hold",
            hint="cast the column to bytes in the query",
        ) from exc


def _array(cells: Sequence[Any], type: Any) -> Any:
    return pa.array(cells, type, memory_pool=POOL)


def fit(kept: Any, type: Any) -> Any:
    """Return what was kept as an array of the type; raises ValueError where a value does not fit."""
    if kept.type == type:
        return kept
    if type == pa.bool_():
        try:
            return _array([None if text is None else _BOOLEANS[text] for text in kept.to_pylist()], type)
        except KeyError as exc:
            raise ValueError(f"{exc.args[0]!r} is neither true nor false") from exc
    return kept.cast(type, memory_pool=POOL)


def misfit(kept: Any, type: Any) -> int:
    """Return the position of the first value that does not fit, where there is one."""
    low, high = 0, len(kept)
    while high - low > 1:
        middle = (low + high) // 2
        try:
            fit(kept.slice(low, middle - low), type)
        except ValueError:
            high = middle
        else:
            low = middle
    return low
