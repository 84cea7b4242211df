"""Types: what the server calls a column, what its cells are, and how one becomes a Python value when looked at."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

from alveary.contracts.values import Cell, Column, ValueKind

DECODER = f"{__name__}:decode"

# Flags of a column, as the protocol numbers them.
_NOT_NULL, _UNSIGNED, _ENUM, _SET = 1, 32, 256, 2048
_BINARY_CHARSET = 63

_BIT, _JSON, _GEOMETRY = 16, 245, 255

_NAMES: dict[int, tuple[str, ValueKind]] = {
    0: ("decimal", ValueKind.NUMBER),
    1: ("tinyint", ValueKind.NUMBER),
    2: ("smallint", ValueKind.NUMBER),
    3: ("int", ValueKind.NUMBER),
    4: ("float", ValueKind.NUMBER),
    5: ("double", ValueKind.NUMBER),
    6: ("null", ValueKind.OTHER),
    7: ("timestamp", ValueKind.TEMPORAL),
    8: ("bigint", ValueKind.NUMBER),
    9: ("mediumint", ValueKind.NUMBER),
    10: ("date", ValueKind.TEMPORAL),
    11: ("time", ValueKind.TEMPORAL),
    12: ("datetime", ValueKind.TEMPORAL),
    13: ("year", ValueKind.NUMBER),
    14: ("date", ValueKind.TEMPORAL),
    _BIT: ("bit", ValueKind.NUMBER),
    _JSON: ("json", ValueKind.JSON),
    246: ("decimal", ValueKind.NUMBER),
    247: ("enum", ValueKind.TEXT),
    248: ("set", ValueKind.TEXT),
    _GEOMETRY: ("geometry", ValueKind.BINARY),
}

#: Types that are text or, with the binary character set, bytes: (name as text, name as bytes).
_STRINGS: dict[int, tuple[str, str]] = {
    15: ("varchar", "varbinary"),
    249: ("tinytext", "tinyblob"),
    250: ("mediumtext", "mediumblob"),
    251: ("longtext", "longblob"),
    252: ("text", "blob"),
    253: ("varchar", "varbinary"),
    254: ("char", "binary"),
}
_BLOB = 252

#: How long the longest cell of a blob can be → what is put before its name.
_BLOB_SIZES = ((0xFF, "tiny"), (0xFFFF, ""), (0xFFFFFF, "medium"))
_BYTES_PER_CHARACTER = 4
"""In utf8mb4, the character set of our results."""


class Field(NamedTuple):
    """One column as the server announces it."""

    name: str
    charset: int
    length: int
    """Bytes of the longest cell."""
    type: int
    flags: int
    decimals: int = 0
    """Digits behind the point."""


def column(field: Field) -> Column:
    """Return the column of ours that a field of the server's is."""
    name, kind = _name(field)
    decodes = kind in (ValueKind.NUMBER, ValueKind.TEMPORAL, ValueKind.JSON) and field.type != _BIT
    precision, scale = _decimals(field, name)
    return Column(
        name=field.name,
        type_name=name,
        type_id=field.type,
        nullable=not field.flags & _NOT_NULL,
        kind=kind,
        decoder=DECODER if decodes else None,
        precision=precision,
        scale=scale,
    )


def _decimals(field: Field, name: str) -> tuple[int | None, int | None]:
    if not name.startswith("decimal"):
        return None, None
    # The length counts the point and the sign, too.
    return field.length - (field.decimals > 0) - (not field.flags & _UNSIGNED), field.decimals


def converter(field: Field) -> Callable[[bytes], Cell] | None:
    """Return what makes a cell of the field's bytes; None where they are text."""
    if field.type == _BIT:
        return _bit
    is_bytes = field.type == _GEOMETRY or (field.type in _STRINGS and field.charset == _BINARY_CHARSET)
    return bytes if is_bytes else None


def _bit(data: bytes) -> int:
    return int.from_bytes(data, "big")


def _name(field: Field) -> tuple[str, ValueKind]:
    if field.flags & _ENUM:
        return _NAMES[247]
    if field.flags & _SET:
        return _NAMES[248]
    if field.type in _STRINGS:
        is_bytes = field.charset == _BINARY_CHARSET
        name = _STRINGS[field.type][is_bytes]
        if field.type == _BLOB:  # the one number under which blobs of all sizes come
            # Text is announced by characters of four bytes each, however few bytes it can hold.
            longest = field.length if is_bytes else field.length // _BYTES_PER_CHARACTER
            name = next((size for most, size in _BLOB_SIZES if longest <= most), "long") + name
        return name, ValueKind.BINARY if is_bytes else ValueKind.TEXT
    name, kind = _NAMES.get(field.type, ("", ValueKind.OTHER))
    if kind is ValueKind.NUMBER and field.flags & _UNSIGNED and name not in ("year", "bit"):
        name += " unsigned"
    return name, kind


# -- values ------------------------------------------------------------------------------------------------------


def decode(column: Column, cell: Cell) -> Any:
    """Return the Python value of a cell, or its text where Python has none: zero dates, numbers out of range."""
    if not isinstance(cell, str):
        return cell
    convert = _VALUES.get(column.type_name.removesuffix(" unsigned"))
    if convert is None:
        return cell
    try:
        return convert(cell)
    except (ValueError, InvalidOperation, OverflowError, RecursionError):
        return cell


def _double(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError("a double holds no such number")
    return value


def _date(text: str) -> date:
    return date.fromisoformat(text)


def _datetime(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _time(text: str) -> timedelta:
    """Read a time of the server's, which is a span of up to 838 hours, with its sign."""
    hours, minutes, seconds = text.lstrip("-").split(":")
    whole, _, fraction = seconds.partition(".")
    span = timedelta(
        hours=int(hours), minutes=int(minutes), seconds=int(whole), microseconds=int(f"{fraction:0<6}" or 0)
    )
    return -span if text.startswith("-") else span


def _json(text: str) -> Any:
    return json.loads(text, parse_float=_double, parse_constant=_double)


_VALUES: dict[str, Callable[[str], Any]] = {
    **dict.fromkeys(("tinyint", "smallint", "mediumint", "int", "bigint", "year"), int),
    **dict.fromkeys(("float", "double"), _double),
    "decimal": Decimal,
    "date": _date,
    "datetime": _datetime,
    "timestamp": _datetime,
    "time": _time,
    "json": _json,
}
