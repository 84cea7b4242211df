"""Errors: what SQLite and Python's sqlite3 say, as errors of our tree, and the place in the statement they mean."""

from __future__ import annotations

import re
import sqlite3
from bisect import bisect_left
from collections.abc import Callable, Iterator

from alveary.errors import (
    AlvearyError,
    ConstraintViolationError,
    DatabaseFullError,
    DatabaseLockedError,
    InvalidInputError,
    NotADatabaseError,
    NulCharacterError,
    PermissionDeniedError,
    QueryCancelledError,
    QueryError,
    ReadOnlyError,
    SessionClosedError,
    SqlSyntaxError,
)
from alveary.inputs import missing
from alveary.sqltext import SQLITE, TokenKind, tokens

#: SQLite's primary result codes; what is not listed is a QueryError.
_BY_CODE: dict[int, type[AlvearyError]] = {
    sqlite3.SQLITE_BUSY: DatabaseLockedError,
    sqlite3.SQLITE_LOCKED: DatabaseLockedError,
    sqlite3.SQLITE_READONLY: ReadOnlyError,
    sqlite3.SQLITE_CONSTRAINT: ConstraintViolationError,
    sqlite3.SQLITE_NOTADB: NotADatabaseError,
    sqlite3.SQLITE_FULL: DatabaseFullError,
    sqlite3.SQLITE_PERM: PermissionDeniedError,
    sqlite3.SQLITE_AUTH: PermissionDeniedError,
    sqlite3.SQLITE_INTERRUPT: QueryCancelledError,
}

#: The codes of statements that can't be prepared. A connection that has not read its schema yet says the second one.
_PLAIN = (sqlite3.SQLITE_ERROR, sqlite3.SQLITE_SCHEMA)

#: What is told apart by its words: SQLite's plain SQLITE_ERROR, and what Python says itself, without any code.
_BY_MESSAGE: tuple[tuple[str, type[AlvearyError]], ...] = (
    (r'near ".*": syntax error$|incomplete input$|unrecognized token: ', SqlSyntaxError),
    (r"not authorized", PermissionDeniedError),
    (r"the query contains a null character|embedded null", NulCharacterError),
    (r"You can only execute one statement at a time", SqlSyntaxError),
    (r"Cannot operate on a closed", SessionClosedError),
    (r"Error binding parameter|Binding \d+ \('", InvalidInputError),
)

#: By extended result code or, where that says nothing more, by primary code.
_HINTS: dict[int, str] = {
    sqlite3.SQLITE_BUSY_SNAPSHOT: "another connection wrote since this transaction first read: "
    "roll back and begin again",
    sqlite3.SQLITE_READONLY_DIRECTORY: "in WAL mode even a reader writes beside the database: "
    "copy it to a folder you may write to",
    sqlite3.SQLITE_READONLY_ROLLBACK: "its last writer was interrupted: open it once with the right to write, "
    "so that SQLite can undo what was half done",
    sqlite3.SQLITE_BUSY: "another connection is writing or holds the file: let it commit or close it, then try again",
    sqlite3.SQLITE_LOCKED: "a statement of this or a connected session still uses the table: end it, then try again",
    sqlite3.SQLITE_NOTADB: "the file is of another kind, or encrypted",
    sqlite3.SQLITE_CORRUPT: "PRAGMA integrity_check tells how much is damaged; restore a copy, "
    "or rescue rows with .recover of the sqlite3 program",
    sqlite3.SQLITE_FULL: "make room on the disk",
    sqlite3.SQLITE_CANTOPEN: "check that the file and its folder exist and may be written",
}

_UNNAMED = re.compile(r"Binding (\d+) has no name")
_UNGIVEN = re.compile(r"You did not supply a value for binding(?: parameter)? (.+?)\.?$", re.DOTALL)
_MISCOUNTED = re.compile(r"Incorrect number of bindings .* uses (\d+), and there are (\d+) supplied")

_NEAR = re.compile(r'near "(.*)": syntax error', re.DOTALL)
_TOKEN = re.compile(r'unrecognized token: "(.*)"', re.DOTALL)
_NAME = re.compile(
    r"(?:no such (?:column|table|function|index|view|trigger|module|savepoint|collation sequence)|"
    r"ambiguous column name|table .* has no column named|unknown database):? "
    r"(.+?)(?: - should this be a string literal in single-quotes\?)?",
    re.DOTALL,
)

_BLANK = (TokenKind.WHITESPACE, TokenKind.COMMENT)
# Strings count as names: SQLite takes one for the other where only a name makes sense.
_NAMES = (TokenKind.WORD, TokenKind.QUOTED_IDENTIFIER, TokenKind.STRING)
_QUOTES = {'"': '"', "'": "'", "`": "`", "[": "]"}

_LONGEST = 1_000_000
"""Characters of a statement above which no position is looked for: it would take seconds."""


def translate(exc: Exception, sql: str = "") -> AlvearyError:
    """Return the error of ours that an exception out of sqlite3 means."""
    if isinstance(exc, UnicodeEncodeError):  # a lone surrogate, which UTF-8 has no bytes for
        if exc.object == sql:
            return SqlSyntaxError("the statement holds a lone surrogate, which is no character", position=exc.start + 1)
        return InvalidInputError("a parameter holds a lone surrogate, which SQLite can't store as text")
    if isinstance(exc, OverflowError):  # a whole number of more than 64 bits, or text of more than 2 GB
        return InvalidInputError(f"a parameter is too large: {exc}")
    if not isinstance(exc, sqlite3.Error | sqlite3.Warning | ValueError):
        return QueryError(f"{type(exc).__name__}: {exc}")
    message = str(exc) or type(exc).__name__
    code = primary_code(exc)
    if code is None and (parameter := _parameter_error(message)) is not None:
        return parameter
    kind = _BY_CODE.get(code or 0, QueryError)
    if kind is QueryError:
        kind = next((kind for pattern, kind in _BY_MESSAGE if re.match(pattern, message, re.DOTALL)), QueryError)
    error = kind(message, hint=_hint(exc), server_code=getattr(exc, "sqlite_errorname", None))
    if kind is NulCharacterError and "\0" in sql:
        error.position = sql.index("\0") + 1
    elif code in _PLAIN and len(sql) <= _LONGEST:
        error.position = position(message, sql)
    return error


def primary_code(exc: Exception) -> int | None:
    """Return SQLite's primary result code; None for what did not come from SQLite."""
    code: int | None = getattr(exc, "sqlite_errorcode", None)
    return None if code is None else code & 0xFF


def is_busy(exc: Exception) -> bool:
    """Tell whether it helps to try again: another connection has a lock, and our snapshot is not outdated by it."""
    outdated = getattr(exc, "sqlite_errorcode", None) == sqlite3.SQLITE_BUSY_SNAPSHOT
    return primary_code(exc) == sqlite3.SQLITE_BUSY and not outdated


def is_unauthorized(exc: Exception) -> bool:
    """Tell whether an authorizer refused the statement."""
    return primary_code(exc) == sqlite3.SQLITE_AUTH


def is_corrupt(exc: Exception) -> bool:
    """Tell whether SQLite found the file damaged."""
    return primary_code(exc) == sqlite3.SQLITE_CORRUPT


def is_undecodable(exc: Exception) -> bool:
    """Tell whether Python could not decode a text cell: it says so itself, without a code of SQLite's."""
    return isinstance(exc, sqlite3.OperationalError) and str(exc).startswith("Could not decode to UTF-8")


def similar_table(message: str, run: Callable[[str], sqlite3.Cursor]) -> str | None:
    """Return a hint that names the table most like the one that there is not; None if none is like it.

    ``run`` runs a question in the database.
    """
    import difflib  # of no use but here

    wanted = message.rpartition(": ")[2].rpartition(".")[2]
    names = {name.lower(): name for (name,) in run("select name from pragma_table_list limit 5000")}
    close = difflib.get_close_matches(wanted.lower(), names, n=1)
    return f"did you mean {names[close[0]]}?" if close else None


def _hint(exc: Exception) -> str | None:
    code = getattr(exc, "sqlite_errorcode", 0)
    return _HINTS.get(code) or _HINTS.get(code & 0xFF)


def _parameter_error(message: str) -> AlvearyError | None:
    if match := _UNGIVEN.match(message):
        return missing(match[1])
    if match := _UNNAMED.match(message):
        return missing(f"?{match[1]}")
    if match := _MISCOUNTED.match(message):
        wanted, given = int(match[1]), int(match[2])
        if given < wanted:
            return missing(f"?{given + 1}", detail=f"{wanted} wanted, {given} given")
        return InvalidInputError(f"{given} values were given for {wanted} parameters")
    return None


# -- where in the statement --------------------------------------------------------------------------------------


def position(message: str, sql: str) -> int | None:
    """Return the place, in characters from 1, that a message of SQLite means; None where it is not certain.

    SQLite knows the offset of an error, but Python's module does not hand it on.
    """
    if match := _NEAR.fullmatch(message):
        return _near(match[1], message, sql)
    if match := _TOKEN.fullmatch(message):
        return sql.index(match[1]) + 1 if sql.count(match[1]) == 1 else None
    if match := _NAME.fullmatch(message):
        places = [place for place, name in _dotted_names(sql) if name == _unquoted(match[1])]
        return places[0] + 1 if len(places) == 1 else None
    return None


def _near(text: str, message: str, sql: str) -> int | None:
    """Find the token a syntax error is near: the first of its text up to which SQLite, too, finds that error.

    SQLite reads from left to right, so the message is the same for every text that ends with or behind the offending
    token and another one before it: a binary search needs few tries however often the token comes.
    """
    # Our lexer takes operators by the character, so a token of SQLite's can be longer than one of ours.
    places = [
        start for start, end, _ in tokens(sql, SQLITE) if end - start <= len(text) and sql.startswith(text, start)
    ]
    scratch = sqlite3.connect(":memory:", isolation_level=None, cached_statements=0)
    try:
        # EXPLAIN keeps a statement from running, but for pragmas, some of which act while they are prepared.
        scratch.set_authorizer(_no_pragma)
        explain = "" if first_word(sql) == "explain" else "explain "

        def fails_alike(place: int) -> bool:
            try:
                scratch.execute(explain + sql[: place + len(text)])
            except sqlite3.Error as exc:
                return str(exc) == message
            return False

        first = bisect_left(places, True, key=fails_alike)
    finally:
        scratch.close()
    if first == len(places):  # the empty scratch database has another complaint, before it comes to this one
        return places[0] + 1 if len(places) == 1 else None
    return places[first] + 1


def _no_pragma(action: int, *_: str | None) -> int:
    refused = (sqlite3.SQLITE_PRAGMA, sqlite3.SQLITE_ATTACH, sqlite3.SQLITE_DETACH)
    return sqlite3.SQLITE_DENY if action in refused else sqlite3.SQLITE_OK


def _dotted_names(sql: str) -> Iterator[tuple[int, str]]:
    """Yield each name, or whole chain of names with dots between, and where it begins."""
    place, parts, dotted = 0, list[str](), False
    for start, end, kind in tokens(sql, SQLITE):
        if kind in _BLANK:
            continue
        text = sql[start:end]
        if text == "." and parts:
            dotted = True
            continue
        if parts and not (dotted and kind in _NAMES):
            yield place, ".".join(parts)
            parts = []
        if kind in _NAMES:
            place = place if parts else start
            parts.append(_unquoted(text))
        dotted = False
    if parts:
        yield place, ".".join(parts)


def _unquoted(name: str) -> str:
    if name[:1] in _QUOTES:
        end = _QUOTES[name[0]]
        return name[1:-1].replace(end * 2, end)
    return name


def first_word(sql: str) -> str:
    """Return the word a statement begins with, in lower case, whatever comments stand before it."""
    first = next((token for token in tokens(sql, SQLITE) if token.kind not in _BLANK), None)
    return sql[first.start : first.end].lower() if first else ""
