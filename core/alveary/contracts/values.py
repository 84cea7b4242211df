"""Cells and columns: the server's own values, carried as the wire brought them and decoded only when looked at."""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, TypeAlias

import msgspec

from alveary.contracts.factory import load_factory
from alveary.wire import Small

#: One value: NULL, the server's own text, or (where the database types each value) its storage class.
#: Text that is not valid UTF-8 carries each bad byte as a lone surrogate (``surrogateescape``).
Cell: TypeAlias = bool | int | float | str | bytes | None
Row: TypeAlias = tuple[Cell, ...]

#: Bound parameters: by name, by position, or none.
Parameters: TypeAlias = Mapping[str, Cell] | Sequence[Cell] | None


class ValueKind(enum.StrEnum):
    """What a column's cells mean, as far as alignment and JSON need to know."""

    DYNAMIC = "dynamic"
    """Each cell's own class says it (SQLite)."""
    NUMBER = "number"
    BOOLEAN = "boolean"
    TEXT = "text"
    BINARY = "binary"
    TEMPORAL = "temporal"
    JSON = "json"
    RAW = "raw"
    """What the server wrote for a file, the one column of its result: a text is a line of it without its end, bytes are
    a piece of it. Whatever the format, it goes to an output as it is."""
    OTHER = "other"


class Column(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One column of a result.

    ``type_name`` is the server's own name of the type, "" where an expression has none; ``type_id`` the server's
    number for it. ``nullable`` is None where the server does not say. ``precision`` are the digits of a decimal number
    and ``scale`` those of them behind the point, None where it may have any. ``labels`` are the values of an
    enumeration in their order, where the header tells them. ``decoder`` names a function
    ``"module:attr"`` of ``(column, cell)`` that turns a cell which is not NULL into a Python value; without one the
    cell is the value.
    """

    name: str
    type_name: str = ""
    type_id: Small | None = None
    nullable: bool | None = None
    kind: ValueKind = ValueKind.DYNAMIC
    decoder: str | None = None
    precision: Small | None = None
    scale: Small | None = None
    labels: tuple[str, ...] = ()

    def text(self, cell: Cell) -> str | None:
        """Return the cell as the server writes it; None for NULL."""
        return None if cell is None else cell_text(cell)

    def decode(self, cell: Cell) -> Any:
        """Return the cell as a Python value, or the server's text where Python has no type that can hold it."""
        if cell is None or self.decoder is None:
            return cell
        return _decoder(self.decoder)(self, cell)


@lru_cache(maxsize=64)
def _decoder(reference: str) -> Callable[[Column, Cell], Any]:
    decoder: Callable[[Column, Cell], Any] = load_factory(reference)
    return decoder


def cell_text(cell: Cell) -> str:
    """Return a cell that is not NULL as text: integers exact, reals shortest round trip, bytes as ``0x`` hex."""
    if type(cell) is str:
        return cell
    if isinstance(cell, bytes):
        return "0x" + cell.hex().upper()
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float):
        return float_text(cell)
    return str(cell)


def float_text(value: float) -> str:
    """Return the shortest text that reads back as the same double; ``Inf``, ``-Inf`` and ``NaN`` by those names."""
    if value != value:
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "Inf" if value > 0 else "-Inf"
    return repr(value)
