"""Binding: values put into a statement as literals that mean the same in every mode and character set of a session.

The protocol of MySQL can bind values only in prepared statements, which are not for every statement and bring their
results in another form. So there is one function that makes a literal, :func:`literal`, and nothing else that does.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from alveary.contracts.values import Cell, Parameters
from alveary.errors import InvalidInputError
from alveary.inputs import missing
from alveary.sqltext import Dialect, TokenKind, tokens

# ASCII without backslash and control characters: between quotes, its own doubled, it is itself whatever the session
# is set to. Everything else is safe only as hexadecimal digits.
_PLAIN = re.compile(r"[ -\[\]-~]*")


@dataclass(frozen=True, slots=True)
class Bound:
    """A statement with its values in place."""

    text: str
    places: tuple[tuple[int, int, int], ...] = ()
    """For each value where it begins and ends in ``text``, and how far what follows was moved by it and those
    before."""

    def origin(self, position: int) -> int:
        """Return the position in the statement as it was written; within a value, where its mark begins."""
        moved = 0
        for start, end, after in self.places:
            if position - 1 < start:
                break
            if position - 1 < end:
                return start - moved + 1
            moved = after
        return position - moved


def marks(sql: str, dialect: Dialect) -> list[tuple[int, int]]:
    """Return where the parameters of a statement stand: ``:name``, ``?`` and ``?1``."""
    return [(start, end) for start, end, kind in tokens(sql, dialect) if kind is TokenKind.PARAMETER]


def bind(sql: str, parameters: Parameters, dialect: Dialect) -> Bound:
    """Return the statement with its parameters replaced.

    Raises MissingParameterError for one without a value and InvalidInputError for a value that has no literal, or a
    sequence of more values than there are parameters.
    """
    if parameters is None:
        return Bound(sql)
    pieces, places = list[str](), list[tuple[int, int, int]]()
    done = length = taken = 0
    for start, end in marks(sql, dialect):
        mark = sql[start:end]
        if isinstance(parameters, Mapping):
            value, found = parameters.get(mark[1:]), mark[0] == ":" and mark[1:] in parameters
        else:
            number = int(mark[1:] or taken + 1) if mark[0] == "?" else 0
            taken = max(taken, number)
            found = 0 < number <= len(parameters)
            value = parameters[number - 1] if found else None
            mark = f"?{number}" if number else mark
        if not found:
            raise missing(mark)
        text = literal(value)
        pieces += (sql[done:start], text)
        length += start - done
        places.append((length, length + len(text), length + len(text) - end))
        length += len(text)
        done = end
    if isinstance(parameters, Sequence) and taken < len(parameters):
        raise InvalidInputError(f"{len(parameters)} values were given for {taken} parameters")
    return Bound("".join([*pieces, sql[done:]]), tuple(places))


def literal(value: Cell) -> str:
    """Return a value as SQL, in ASCII. Raises InvalidInputError for one that MySQL has no literal for."""
    match value:
        case None:
            return "NULL"
        case bool():
            return "1" if value else "0"
        case int():
            # In brackets, so that a minus before it does not make a comment of the two.
            return str(value) if value >= 0 else f"({value})"
        case float():
            if not math.isfinite(value):
                raise InvalidInputError(f"MySQL has no number {value}")
            # Without an exponent it would be a decimal.
            text = repr(value) if "e" in repr(value) else f"{value!r}e0"
            return text if math.copysign(1, value) > 0 else f"({text})"
        case str():
            if _PLAIN.fullmatch(value):
                doubled = value.replace("'", "''")
                return f"'{doubled}'"
            try:
                return f"_utf8mb4 x'{value.encode().hex()}'"
            except UnicodeEncodeError:
                raise InvalidInputError("a parameter holds a lone surrogate, which MySQL can't store") from None
        case bytes() | bytearray() | memoryview():
            return f"_binary x'{value.hex()}'"
    raise InvalidInputError(f"a parameter is a {type(value).__name__}, which MySQL has no literal for")
