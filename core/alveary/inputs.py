"""What a session is handed, checked before anything is sent: text and values that reach every driver unchanged."""

from __future__ import annotations

import itertools
import re
from collections.abc import Collection, Iterable, Mapping
from typing import Literal, TypeAlias

from alveary.contracts.values import Cell, Parameters
from alveary.errors import InvalidInputError, MissingParameterError, NulCharacterError
from alveary.sqltext import Dialect, TokenKind, tokens

ParameterKind: TypeAlias = Literal["text", "number", "boolean", "date", "time", "timestamp", "null"]
"""What a person can say a value is. A date or a time is checked and handed over as it was written: a database takes it
for what the place it stands in wants."""

_BOOLEANS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}

UNNAMED = "it has no name, so nobody is asked for it: write :name in its place"
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


def typed(name: str, text: str, kind: ParameterKind) -> Cell:
    """Return the value a person wrote for a parameter; InvalidInputError says why it is none of its kind."""
    word = text.strip()
    match kind:
        case "text":
            return text
        case "null":
            if word:
                raise InvalidInputError(f":{name} is null, which has no value", hint="choose another type, or leave it")
            return None
        case "boolean":
            if word.lower() not in _BOOLEANS:
                raise InvalidInputError(f":{name} is neither true nor false")
            return _BOOLEANS[word.lower()]
        case "number":
            return _number(name, word)
    return _moment(name, word, kind)


def _moment(name: str, word: str, kind: Literal["date", "time", "timestamp"]) -> str:
    from datetime import date, datetime, time

    read, example = {
        "date": (date.fromisoformat, "2024-12-31"),
        "time": (time.fromisoformat, "23:59:59"),
        "timestamp": (datetime.fromisoformat, "2024-12-31 23:59:59"),
    }[kind]
    try:
        read(word)
    except ValueError:
        raise InvalidInputError(f":{name} is no {kind} such as {example}") from None
    return word


def _number(name: str, word: str) -> int | float:
    from decimal import Decimal  # needed by nobody who gives no number

    if not re.fullmatch(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?", word):
        raise InvalidInputError(f":{name} is no number")
    exact = Decimal(word)
    if "." not in word and "e" not in word.lower():
        return int(word)
    value = float(word)
    if Decimal(repr(value)) != exact:
        raise InvalidInputError(
            f":{name} has more digits than a number keeps", hint="give it as text: the server reads all of them"
        )
    return value


def missing(
    mark: str, *, position: int | None = None, detail: str | None = None, server_code: str | None = None
) -> MissingParameterError:
    """Return the error of a parameter without a value, as it is written: ``:name``, ``?``, ``?1``, ``$1``."""
    has_name = mark.strip(":@$?0123456789") != ""
    return MissingParameterError(
        f"the parameter {mark} was given no value",
        position=position,
        detail=detail,
        server_code=server_code,
        hint=None if has_name else UNNAMED,
    )


def refuse_unused(given: Collection[str], statements: Iterable[str], dialect: Dialect) -> None:
    """Raise InvalidInputError for the first value that is given for a parameter which no statement has."""
    if not given:
        return
    wanted = dict.fromkeys(
        sql[start + 1 : end]
        for sql in statements
        for start, end, kind in tokens(sql, dialect)
        if kind is TokenKind.PARAMETER and end - start > 1
    )
    if unused := next((name for name in given if name not in wanted), None):
        known = ", ".join(f":{name}" for name in wanted)
        hint = f"it has {known}" if known else "parameters are written :name, outside of quotes"
        raise InvalidInputError(f"there is no parameter :{unused} in what is to be run", hint=hint)


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
