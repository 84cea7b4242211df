"""Errors: what the server and libpq say, as errors of our tree."""

from __future__ import annotations

import re
from typing import NamedTuple

from psycopg.pq import DiagnosticField
from psycopg.pq.abc import PGresult

from alveary.errors import (
    AlvearyError,
    AuthenticationFailedError,
    ConnectionFailedError,
    ConnectionLostError,
    ConstraintViolationError,
    DatabaseFullError,
    DatabaseLockedError,
    DatabaseNotFoundError,
    DeadlockError,
    LockTimeoutError,
    MissingParameterError,
    OutOfMemoryError,
    PermissionDeniedError,
    QueryCancelledError,
    QueryError,
    QueryTimeoutError,
    ReadOnlyError,
    SqlSyntaxError,
    TooManyConnectionsError,
)
from alveary.inputs import UNNAMED, missing
from alveary_plugins.drivers.postgres.binding import Bound, unbound

#: By SQLSTATE, or by its class (the first two characters); what is not listed is a QueryError.
_BY_STATE: dict[str, type[AlvearyError]] = {
    "23": ConstraintViolationError,
    "25006": ReadOnlyError,
    "40P01": DeadlockError,
    "42501": PermissionDeniedError,
    "42601": SqlSyntaxError,
    "42P02": MissingParameterError,
    "53100": DatabaseFullError,
    "55P03": DatabaseLockedError,
    "57014": QueryCancelledError,
}

#: States that stand for two things, told apart by the server's words; in another language they are what is above.
_TIMEOUTS: tuple[tuple[str, str, type[AlvearyError]], ...] = (
    ("57014", "statement timeout", QueryTimeoutError),
    ("55P03", "lock timeout", LockTimeoutError),
)

#: Where the server gives no hint of its own.
_HINTS = {
    "25006": "the session or the server is read-only",
    "25P02": "roll the transaction back; nothing else is possible in it",
    "25P03": "the server closes a transaction that does nothing for too long; connect again",
    "25P04": "the server closes a transaction that takes too long; connect again",
    "40001": "roll back and run the transaction again",
    "40P01": "roll back and run the transaction again",
    "53100": "make room on the server's disk",
    "55P03": "another transaction holds the lock: let it end, then try again",
    "57P05": "the server closes a session that does nothing for too long; connect again",
    "57P01": "the server is stopping, or somebody ended this connection; connect again",
}
_HINTS_BY_KIND: dict[type[AlvearyError], str] = {
    QueryTimeoutError: "give it more time, or ask for less",
    MissingParameterError: UNNAMED,
}

_FATAL = ("FATAL", "PANIC")


def from_result(result: PGresult, bound: Bound, *, codec: str, counts_bytes: bool, lost: bool) -> AlvearyError:
    """Return the error that a result of the server is.

    ``lost`` says that the connection is gone. ``counts_bytes``: a database without an encoding gives positions in
    bytes, all others in characters.
    """

    def field(name: DiagnosticField) -> str | None:
        value = result.error_field(name)
        return value.decode(codec, "backslashreplace") if value else None

    state = field(DiagnosticField.SQLSTATE)
    message = field(DiagnosticField.MESSAGE_PRIMARY)
    if message is None:  # libpq's own words: the server never got to say anything
        message = result.error_message.decode(codec, "backslashreplace")
    # Where in a function it happened is worth as much as the server's own detail.
    context = field(DiagnosticField.CONTEXT)
    detail = "\n".join(filter(None, (field(DiagnosticField.MESSAGE_DETAIL), context and f"CONTEXT: {context}")))
    if lost or field(DiagnosticField.SEVERITY_NONLOCALIZED) in _FATAL:
        return lost_connection(message, detail=detail or None, state=state)
    kind = _BY_STATE.get(state or "") or _BY_STATE.get((state or "")[:2], QueryError)
    if state is None and "out of memory" in message:  # libpq's
        return OutOfMemoryError(message.strip(), hint="ask for a part of its longest values")
    kind = next((sort for code, words, sort in _TIMEOUTS if code == state and words in message), kind)
    place = field(DiagnosticField.STATEMENT_POSITION)
    position = _position(int(place), bound, counts_bytes) if place else None
    if state == "08P01" and not bound.values:  # and the connection lives: the statement has $1, and no values
        return missing("$1", detail=message, server_code=state)
    if kind is SqlSyntaxError and bound.values is None and position and (better := unbound(bound.text, position)):
        return better
    return kind(
        message,
        detail=detail or None,
        hint=field(DiagnosticField.MESSAGE_HINT) or _HINTS_BY_KIND.get(kind) or _HINTS.get(state or ""),
        position=position,
        server_code=state,
    )


def lost_connection(message: str, *, detail: str | None = None, state: str | None = None) -> ConnectionLostError:
    """Return the error of a connection that died, with what was said last."""
    first, rest = _first_line(message)
    return ConnectionLostError(
        first,
        detail=detail or rest,
        hint=_HINTS.get(state or "", "connect again; what was not committed is lost"),
        server_code=state,
    )


def _position(place: int, bound: Bound, counts_bytes: bool) -> int:
    if counts_bytes:
        place = len(bound.sql[: place - 1].decode("utf-8", "surrogateescape")) + 1
    return bound.original(place)


# -- connecting --------------------------------------------------------------------------------------------------


class _Refusal(NamedTuple):
    pattern: str
    kind: type[ConnectionFailedError]
    state: str | None
    hint: str | None


# libpq hands on only the text of a server that refuses a connection, without its SQLSTATE. The text is in the
# server's language: in one we don't know it is a plain ConnectionFailedError.
_REFUSALS = (
    _Refusal(
        r"requested a cleartext password|requested a plaintext password",
        ConnectionFailedError,
        None,
        "it was not sent, for others could read it; connect with sslmode=verify-full if the server needs it",
    ),
    _Refusal(r'database ".*" does not exist', DatabaseNotFoundError, "3D000", "psql -l lists the databases"),
    _Refusal(
        r"password authentication failed|no password supplied|password is empty|SCRAM|authentication failed for user",
        AuthenticationFailedError,
        "28P01",
        "check the user and the password",
    ),
    _Refusal(
        r'role ".*" does not exist|is not permitted to log in|no pg_hba\.conf entry|pg_hba\.conf rejects|'
        r"permission denied for database",
        AuthenticationFailedError,
        "28000",
        "check the user, and what pg_hba.conf on the server lets in",
    ),
    _Refusal(
        r"too many clients already|remaining connection slots|too many connections for",
        TooManyConnectionsError,
        "53300",
        "the server takes no more connections: close some, or wait",
    ),
    _Refusal(r"the database system is (?:starting up|shutting down|in recovery)", ConnectionFailedError, "57P03",
             "wait a moment and connect again"),
    _Refusal(
        r"certificate|SSL",
        ConnectionFailedError,
        None,
        "check sslmode and sslrootcert",
    ),
    _Refusal(
        r"Connection refused|No such file or directory",
        ConnectionFailedError,
        None,
        "check the host and port, and that the server is running",
    ),
    _Refusal(
        r"unsupported startup parameter",
        ConnectionFailedError,
        None,
        "a pooler such as PgBouncer takes no settings at the start: leave out options, or a read-only target",
    ),
)  # fmt: skip

_PREAMBLE = re.compile(r"^(?:connection (?:failed|is bad): )+")


def refused(text: str) -> ConnectionFailedError:
    """Return the error of a connection that could not be made, from what psycopg says."""
    lines = [_PREAMBLE.sub("", line.strip()) for line in text.splitlines() if line.strip()]
    for pattern, kind, state, hint in _REFUSALS:
        for number, line in enumerate(lines):
            if re.search(pattern, line):
                rest = "\n".join(lines[:number] + lines[number + 1 :])
                return kind(line, detail=rest or None, hint=hint, server_code=state)
    return ConnectionFailedError(lines[0] if lines else "the connection failed", detail="\n".join(lines[1:]) or None)


def _first_line(text: str) -> tuple[str, str | None]:
    first, _, rest = text.strip().partition("\n")
    return first, " ".join(rest.split()) or None
