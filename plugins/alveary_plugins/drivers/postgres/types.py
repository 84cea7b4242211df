"""Types: what a column of each type means, and its cells as Python values; nothing here needs psycopg."""

from __future__ import annotations

import datetime
import json
import re
import uuid
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from alveary.contracts.values import Cell, Column, ValueKind

DECODER = "alveary_plugins.drivers.postgres.types:decode"

# The numbers of the built-in types never change (src/include/catalog/pg_type.dat).
BOOL, BYTEA, INT8, INT4, FLOAT8, NUMERIC = 16, 17, 20, 23, 701, 1700

_KINDS: dict[int, ValueKind] = {
    BOOL: ValueKind.BOOLEAN,
    BYTEA: ValueKind.BINARY,
    **dict.fromkeys((20, 21, 23, 26, 700, 701, 1700), ValueKind.NUMBER),  # int8, 2, 4, oid, float4, 8, numeric
    **dict.fromkeys((18, 19, 25, 705, 1042, 1043), ValueKind.TEXT),  # "char", name, text, unknown, char(n), varchar
    **dict.fromkeys((114, 3802), ValueKind.JSON),  # json, jsonb
    **dict.fromkeys((1082, 1083, 1114, 1184, 1186, 1266), ValueKind.TEMPORAL),
}


def kind(type_id: int) -> ValueKind:
    """Return what values of a type mean; money is no number, for its text carries a currency."""
    return _KINDS.get(type_id, ValueKind.OTHER)


def decimals(type_id: int, modifier: int) -> tuple[int | None, int | None]:
    """Return the precision and scale of a type as the server modified it; None for both where it may have any."""
    if type_id != NUMERIC or modifier < 4:
        return None, None
    digits = modifier - 4
    return digits >> 16 & 0xFFFF, ((digits & 0x7FF) ^ 0x400) - 0x400  # a scale of 11 bits, with its sign


def decode(column: Column, cell: Cell) -> Any:
    """Return a cell as the Python value that is exactly it; the server's text where Python has none."""
    decoder = _DECODERS.get(column.type_id or 0)
    if decoder is None or not isinstance(cell, str):
        return cell
    try:
        return decoder(cell)
    except (ValueError, ArithmeticError, RecursionError):
        return cell


def _matching(pattern: str, convert: Callable[[str], Any]) -> Callable[[str], Any]:
    """Return ``convert`` for texts of one form only: Python reads more forms than the server writes in this style."""
    matches = re.compile(pattern, re.ASCII).fullmatch

    def decode(text: str) -> Any:
        return convert(text) if matches(text) else text

    return decode


_DATE = r"\d{4}-\d\d-\d\d"
_TIME = r"(?!24)\d\d:\d\d:\d\d(?:\.\d{1,6})?"  # 24:00:00 is no time of Python's
_ZONE = r"[+-]\d\d(?::\d\d){0,2}"


def _boolean(text: str) -> bool | str:
    return text == "t" if text in ("t", "f") else text


def _bytes(text: str) -> bytes:
    if text.startswith("\\x"):
        return bytes.fromhex(text[2:])
    # bytea_output = escape, where a backslash is doubled: what begins with \x is never of this form.
    return _ESCAPED.sub(lambda m: "\\" if m[0] == "\\\\" else chr(int(m[1], 8)), text).encode("latin-1")


_ESCAPED = re.compile(r"\\(?:\\|([0-3][0-7]{2}))")


def _json(text: str) -> Any:
    return json.loads(text, parse_float=_json_number, object_pairs_hook=_json_object)


def _json_number(text: str) -> float | Decimal:
    number, exact = float(text), Decimal(text)
    return number if number - number == 0 and Decimal(repr(number)) == exact else exact


def _json_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        raise ValueError("a key comes twice, which a dict can't hold")
    return value


_DECODERS: dict[int, Callable[[str], Any]] = {
    16: _boolean,
    BYTEA: _bytes,
    **dict.fromkeys((20, 21, 23, 26), int),
    **dict.fromkeys((114, 3802), _json),
    **dict.fromkeys((700, 701), float),  # Infinity and NaN go by those very names
    1700: Decimal,
    1082: _matching(_DATE, datetime.date.fromisoformat),
    1083: _matching(_TIME, datetime.time.fromisoformat),
    1114: _matching(f"{_DATE} {_TIME}", datetime.datetime.fromisoformat),
    1184: _matching(f"{_DATE} {_TIME}{_ZONE}", datetime.datetime.fromisoformat),
    1266: _matching(f"{_TIME}{_ZONE}", datetime.time.fromisoformat),
    2950: uuid.UUID,
}
