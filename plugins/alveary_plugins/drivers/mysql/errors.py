"""Errors: what the server and PyMySQL say, as errors of our tree, and the place in the statement they mean."""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Iterator

from pymysql import err  # type: ignore[import-untyped]  # PyMySQL has no annotations

from alveary.errors import (
    AlvearyError,
    AuthenticationFailedError,
    ConnectionFailedError,
    ConnectionLostError,
    ConnectionTimeoutError,
    ConstraintViolationError,
    DatabaseFullError,
    DatabaseLockedError,
    DatabaseNotFoundError,
    DeadlockError,
    LockTimeoutError,
    PermissionDeniedError,
    QueryCancelledError,
    QueryError,
    QueryTimeoutError,
    ReadOnlyError,
    SqlSyntaxError,
    TooManyConnectionsError,
)
from alveary.sqltext import MYSQL, Dialect, TokenKind, tokens
from alveary_plugins.drivers.mysql.wire import LocalFileRequestedError, ProtocolError

INTERRUPTED = 1317
EMPTY = 1065
NO_SUCH_THREAD = 1094
AGAIN = "connect again; what was not committed is lost"
_SYNTAX = 1064
_OPTION_PREVENTS = 1290

#: By the server's number, for a statement; what is not listed is a QueryError.
_BY_NUMBER: dict[int, type[AlvearyError]] = {
    **dict.fromkeys((1064, 1149), SqlSyntaxError),
    # duplicates, NULL where none may be, foreign keys, checks
    **dict.fromkeys(
        (1022, 1048, 1062, 1169, 1216, 1217, 1364, 1451, 1452, 1557, 1586, 1761, 1762, 1859, 3819, 4025),
        ConstraintViolationError,
    ),
    **dict.fromkeys((1099, 1100, 1223, 3572), DatabaseLockedError),
    1205: LockTimeoutError,
    **dict.fromkeys((1213, 1614, 3058), DeadlockError),
    INTERRUPTED: QueryCancelledError,
    **dict.fromkeys((1028, 1969, 3024), QueryTimeoutError),
    # 1045 is what a statement gets that needs the FILE privilege
    **dict.fromkeys((1044, 1045, 1095, 1142, 1143, 1148, 1227, 1370, 1410, 1419, 1698, 3948, 4166),
                    PermissionDeniedError),
    **dict.fromkeys((1036, 1792, 1836, 3989), ReadOnlyError),
    **dict.fromkeys((1021, 1114), DatabaseFullError),
    # killed, shut down, idle for too long, a packet too large, or gone without a word
    **dict.fromkeys((1053, 1077, 1079, 1080, 1152, 1153, 1154, 1156, 1157, 1158, 1159, 1160, 1161, 1184, 1927, 3169,
                     4031, 2006, 2013, 2014, 2027, 2055), ConnectionLostError),
}  # fmt: skip

#: By the server's number, while connecting; what is not listed is a ConnectionFailedError.
_BY_NUMBER_CONNECTING: dict[int, type[ConnectionFailedError]] = {
    1049: DatabaseNotFoundError,
    **dict.fromkeys((1040, 1203, 1226), TooManyConnectionsError),
    **dict.fromkeys((1045, 1524, 1698, 1862, 2059, 2061, 3118, 3955, 4151), AuthenticationFailedError),
}

_HINTS: dict[int, str] = {
    1040: "the server has as many connections as it takes: close some, or wait",
    1129: "the server refuses this host after too many failed connections: its administrator runs FLUSH HOSTS",
    1148: "files of this machine are never sent to a server",
    4166: "files of this machine are never sent to a server",
    1153: "the statement is larger than the server's max_allowed_packet",
    1203: "the server gives this user no more connections: close some, or wait",
    1226: "the server gives this user no more of it: wait, or close some connections",
    1205: "another transaction holds the lock: let it end, then try again",
    1213: "the transaction was rolled back so that another could go on: begin it again",
    1114: "make room on the server's disk, or, for a table in memory, raise max_heap_table_size",
    1021: "make room on the server's disk",
    **dict.fromkeys((1969, 3024), "give it more time, or ask for less"),
    **dict.fromkeys((1927, 2006, 2013, 4031), f"the server stopped, ended it, or waited too long for us; {AGAIN}"),
}  # fmt: skip


def connect_error(exc: Exception, place: str) -> ConnectionFailedError:
    """Return the error that an exception while connecting to ``place`` means; never with a word of the password."""
    original = getattr(exc, "original_exception", exc)  # PyMySQL's, and the system's behind it
    if isinstance(original, TimeoutError):
        return ConnectionTimeoutError(f"{place} did not answer in time")
    if isinstance(original, ssl.SSLCertVerificationError):
        return ConnectionFailedError(
            f"the certificate of {place} is not to be trusted: {original.verify_message}",
            hint="ssl_ca names the file with the certificates to trust",
        )
    if isinstance(original, socket.gaierror):
        return ConnectionFailedError(f"can't find the host of {place}: {original.strerror}")
    if isinstance(original, OSError):
        reason = getattr(original, "reason", None) or original.strerror or str(original)
        return ConnectionFailedError(f"can't connect to {place}: {reason}")
    if (number := number_of(exc)) is not None:
        kind = _BY_NUMBER_CONNECTING.get(number, ConnectionFailedError)
        return kind(_message(exc), hint=_HINTS.get(number), server_code=_server_code(exc))
    if isinstance(exc, err.Error | RuntimeError):  # a missing library, a method nobody knows
        return ConnectionFailedError(f"can't connect to {place}: {exc}")
    # Bytes that are no handshake bring down the parser in many ways, whose texts may hold anything.
    return ConnectionFailedError(
        f"can't connect to {place}: its answer can't be understood", detail=type(exc).__name__,
        hint="is it a MySQL or MariaDB server that listens there?",
    )  # fmt: skip


def translate(exc: Exception) -> AlvearyError:
    """Return the error that an exception while running a statement means.

    A ConnectionLostError says that the connection is of no more use, be it gone or out of step.
    """
    if isinstance(exc, AlvearyError):
        return exc
    number = number_of(exc)
    if number is None or (isinstance(exc, err.InterfaceError) and number == 0):
        if isinstance(exc, OSError | EOFError | err.InterfaceError):
            return ConnectionLostError(f"the connection to the server is lost: {exc or 'it is closed'}", hint=AGAIN)
        if isinstance(exc, LocalFileRequestedError):
            return ConnectionLostError(f"{exc}; the connection was closed", hint=_HINTS[1148])
        detail = str(exc) if isinstance(exc, ProtocolError) else f"{type(exc).__name__}: {exc}"
        return ConnectionLostError("the server's answer can't be understood; the connection was closed", detail=detail)
    message = _message(exc)
    kind = _BY_NUMBER.get(number, QueryError)
    if number == _OPTION_PREVENTS:  # --read-only, --secure-file-priv, --skip-grant-tables …
        kind = ReadOnlyError if re.search("read[-_]only", message) else PermissionDeniedError
    return kind(message, hint=_HINTS.get(number), server_code=_server_code(exc))


def number_of(exc: Exception) -> int | None:
    """Return the number of an error of the server's or PyMySQL's; None for anything else."""
    if isinstance(exc, err.Error) and len(exc.args) > 1 and isinstance(exc.args[0], int):
        return exc.args[0] & 0xFFFF  # PyMySQL reads it with a sign
    return None


def _message(exc: Exception) -> str:
    return str(exc.args[1]) or f"error {exc.args[0]}"


def _server_code(exc: Exception) -> str:
    state = getattr(exc, "sqlstate", None)
    return f"{number_of(exc)} ({state})" if state else str(number_of(exc))


# -- where in the statement --------------------------------------------------------------------------------------

_NEAR = re.compile(r".* near '(.*)' at line (\d+)", re.DOTALL)
_SURELY_WHOLE = 70
"""Bytes under which the server surely repeated the whole rest of the statement."""
_ENDS = " \t\r\n\f\v;\0"
_NAME = re.compile(
    r"(?:Unknown column|Column|Table|Unknown table|FUNCTION|PROCEDURE|Unknown SEQUENCE:|Unknown VIEW:) '?([^']+?)'? "
    r"?(?:in .*|doesn't exist|does not exist|is ambiguous)?",
    re.DOTALL,
)
_BLANK = (TokenKind.WHITESPACE, TokenKind.COMMENT)
_LONGEST = 1_000_000
"""Characters of a statement above which no position is looked for: it would take long."""


def position(error: AlvearyError, sql: str, dialect: Dialect = MYSQL) -> int | None:
    """Return the place, in characters from 1, that an error of the server's means; None where it is not certain."""
    if len(sql) > _LONGEST or isinstance(error, ConnectionFailedError):
        return None
    if match := _NEAR.fullmatch(error.message):
        return _near(match[1], int(match[2]), sql)
    if match := _NAME.fullmatch(error.message):
        wanted = match[1].split(".")
        places = [place for place, names in _chains(sql, dialect) if names[-len(wanted) :] == wanted[-len(names) :]]
        return places[0] + 1 if len(places) == 1 else None
    return None


def _near(text: str, line: int, sql: str) -> int | None:
    """Find what a syntax error is near: the rest of the statement, of which the server repeats some 80 bytes."""
    if len(text.encode("utf-8", "replace")) < _SURELY_WHOLE:
        # The server does not count what ends a statement.
        ended, text = sql.rstrip(_ENDS), text.rstrip(_ENDS)
        return len(ended) - len(text) + 1 if ended.endswith(text) else None
    # Cut short, perhaps in the middle of a character, and by some versions with an ellipsis.
    text = text.removesuffix("...").rstrip("?\ufffd")
    places = [match.start() for match in re.finditer(f"(?={re.escape(text)})", sql)]
    if len(places) > 1:
        places = [place for place in places if sql.count("\n", 0, place) + 1 == line]
    return places[0] + 1 if len(places) == 1 else None


def _chains(sql: str, dialect: Dialect) -> Iterator[tuple[int, list[str]]]:
    """Yield where each name begins, and its parts: ``a.b`` is one name of two parts."""
    place, parts, dotted = 0, list[str](), False
    for start, end, kind in tokens(sql, dialect):
        if kind in _BLANK:
            continue
        text = sql[start:end]
        if text == "." and parts:
            dotted = True
            continue
        is_name = kind in (TokenKind.WORD, TokenKind.QUOTED_IDENTIFIER)
        if parts and not (dotted and is_name):
            yield place, parts
            parts = []
        if is_name:
            place = place if parts else start
            quoted = kind is TokenKind.QUOTED_IDENTIFIER
            parts = [*parts, text[1:-1].replace(text[0] * 2, text[0]) if quoted else text]
        dotted = False
    if parts:
        yield place, parts


def first_word(sql: str, dialect: Dialect = MYSQL) -> str:
    """Return the word a statement begins with, in lower case, whatever comments or brackets stand before it."""
    for start, end, kind in tokens(sql, dialect):
        if kind is TokenKind.WORD:
            return sql[start:end].lower()
        if kind not in (*_BLANK, TokenKind.OPERATOR):
            break
    return ""
