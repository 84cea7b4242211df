"""What a session is handed, checked before anything is sent: text and values that reach every driver unchanged."""

from __future__ import annotations

import itertools
from collections.abc import Mapping

from alveary.contracts.values import Cell, Parameters
from alveary.errors import InvalidInputError, NulCharacterError

MOST_NAMES = 1000
"""Parameters whose names are kept."""


def check_text(sql: str) -> None:
    """Raise NulCharacterError or InvalidInputError, with the position, for text no server could read as it stands."""
    if "\0" in sql:
        # libpq would cut the text there and run the first half.
        raise NulCharacterError(
            "the statement holds the character U+0000",
            position=sql.index("\0") + 1,
            statement=sql,
            hint="remove it; a NUL inside a value is passed as a parameter",
        )
    try:
        sql.encode()
    except UnicodeEncodeError as exc:
        raise InvalidInputError(
            "the statement is not valid Unicode text",
            position=exc.start + 1,
            statement=sql,
            hint="was the file saved in UTF-8?",
        ) from None


def plain(parameters: Parameters) -> dict[str, Cell] | list[Cell] | None:
    """Return parameters as a plain dict or list; InvalidInputError names the one that no driver could take."""
    if parameters is None:
        return None
    if isinstance(parameters, str | bytes):
        raise InvalidInputError("parameters are a mapping of names to values or a sequence of values, not text")
    if isinstance(parameters, Mapping):
        return {name: _checked(value, name) for name, value in parameters.items()}
    return [_checked(value, str(place)) for place, value in enumerate(parameters, start=1)]


def names(parameters: Parameters) -> tuple[str, ...]:
    """Return the names of parameters, the first thousand; those that have none are counted from 1."""
    if parameters is None:
        return ()
    if isinstance(parameters, Mapping):
        return tuple(itertools.islice(parameters, MOST_NAMES))
    return tuple(map(str, range(1, min(len(parameters), MOST_NAMES) + 1)))


def _checked(value: object, name: str) -> Cell:
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise InvalidInputError(f"the parameter {name} does not fit into 64 bits", hint="pass it as text")
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            raise InvalidInputError(f"the parameter {name} is not valid Unicode text", hint="pass bytes") from None
    if value is None or isinstance(value, int | float | str | bytes):
        return value
    raise InvalidInputError(
        f"the parameter {name} is a {type(value).__name__}", hint="pass text, a number, bytes, a boolean or None"
    )
