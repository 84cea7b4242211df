"""Binding: parameters as the server takes them, by number, and the way back from its positions to the statement's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import copysign, isfinite

from alveary.contracts.values import Cell, Parameters
from alveary.errors import InvalidInputError, MissingParameterError, SqlSyntaxError
from alveary.inputs import missing
from alveary.sqltext import POSTGRES, TokenKind, parameters, tokens
from alveary_plugins.drivers.postgres.types import BOOL, BYTEA, FLOAT8, INT4, INT8, NUMERIC

MOST = 65535
"""Values one statement takes: the protocol counts them in 16 bits."""


@dataclass(frozen=True, slots=True)
class Bound:
    """A statement ready to be sent; ``types`` are OIDs, 0 where the server is to find the type itself."""

    text: str
    sql: bytes
    values: list[bytes | None] | None = None
    types: list[int] | None = None
    replaced: list[tuple[int, int, int]] = field(default_factory=list)
    """Of each parameter that was renamed: where it stands in the statement, and its length there and as sent."""

    def original(self, position: int) -> int:
        """Return the place in the statement, counted from 1, of a place in what was sent."""
        place = position - 1
        for start, length, sent in self.replaced:
            if place < start:
                break
            place = start if place < start + sent else place + length - sent
            if place == start:
                break
        return place + 1


def bind(text: str, given: Parameters, codec: str) -> Bound:
    """Return a statement with its values.

    A mapping gives values to ``:name``, a sequence to ``$1``, ``$2`` and so on as the statement has them. Raises
    MissingParameterError, or InvalidInputError for a value that can't be bound.
    """
    if given is None:
        return Bound(text, _encode_sql(text, codec))
    if isinstance(given, Mapping):
        return _bind_names(text, given, codec)
    wanted = max(_numbers(text), default=0)
    if len(given) < wanted:
        raise missing(f"${len(given) + 1}", detail=f"{wanted} wanted, {len(given)} given")
    if len(given) > wanted:
        raise InvalidInputError(f"{len(given)} values were given for {wanted} parameters")
    return Bound(text, _encode_sql(text, codec), *_values(given, codec))


def unbound(text: str, position: int) -> MissingParameterError | None:
    """Return the error of a parameter without a value at a place, counted from 1, where the server stumbled."""
    for name, start, _ in parameters(text, POSTGRES):
        if start == position - 1:
            return missing(f":{name}", position=position)
    return None


def _bind_names(text: str, given: Mapping[str, Cell], codec: str) -> Bound:
    numbers: dict[str, int] = {}
    pieces, replaced, end = list[str](), list[tuple[int, int, int]](), 0
    for name, start, stop in parameters(text, POSTGRES):
        if name not in given:
            raise missing(f":{name}", position=start + 1)
        mark = f"${numbers.setdefault(name, len(numbers) + 1)}"
        pieces += (text[end:start], mark)
        # ``:n1`` becomes ``$1``: a digit or letter that followed would not have ended the name, so none does here.
        replaced.append((start, stop - start, len(mark)))
        end = stop
    sql = "".join((*pieces, text[end:]))
    return Bound(text, _encode_sql(sql, codec), *_values([given[name] for name in numbers], codec), replaced)


def _numbers(text: str) -> Iterator[int]:
    for start, end, kind in tokens(text, POSTGRES):
        if kind is TokenKind.PARAMETER and text[start] == "$" and text[start + 1 : end].isdecimal():
            yield int(text[start + 1 : end])


def _values(cells: Sequence[Cell], codec: str) -> tuple[list[bytes | None], list[int]]:
    if len(cells) > MOST:
        raise InvalidInputError(f"{len(cells)} values were given; a statement takes {MOST} at most")
    return [_value(cell, codec) for cell in cells], [_type(cell) for cell in cells]


def _type(cell: Cell) -> int:
    """Return the type the server is told: that of the same value written in a statement, 0 for text and NULL."""
    match cell:
        case bytes():
            return BYTEA
        case bool():
            return BOOL
        case int() if -(2**63) <= cell < 2**63:
            return INT4 if -(2**31) <= cell < 2**31 else INT8
        case float() if not isfinite(cell) or (cell == 0 and copysign(1, cell) < 0):
            return FLOAT8  # neither infinity nor -0 is an exact number
        case int() | float():
            return NUMERIC
    return 0


def _value(cell: Cell, codec: str) -> bytes | None:
    """Return a cell as the text the server reads; of a text it decides the type by the place the value stands in."""
    if cell is None:
        return None
    if isinstance(cell, bytes):
        return b"\\x" + cell.hex().encode()
    if not isinstance(cell, str | int | float):
        raise InvalidInputError(f"a parameter is a {type(cell).__name__}, which can't be bound")
    text = cell if isinstance(cell, str) else str(cell).lower()  # true, nan and inf are read in any case
    if "\0" in text:
        raise InvalidInputError("a parameter holds U+0000, which PostgreSQL can't store")
    try:
        # A byte that came as a lone surrogate, out of a database without an encoding, goes back as it was.
        return text.encode(codec, "surrogateescape")
    except UnicodeEncodeError as exc:
        raise InvalidInputError(f"a parameter holds a character that {codec} has no bytes for") from exc


def _encode_sql(text: str, codec: str) -> bytes:
    try:
        return text.encode(codec, "surrogateescape")
    except UnicodeEncodeError as exc:
        raise SqlSyntaxError(
            f"the statement holds a character that {codec} has no bytes for", position=exc.start + 1
        ) from exc
