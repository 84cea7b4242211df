"""Running a statement and taking back what it changed: one piece, between whose parts nothing else can come."""

from __future__ import annotations

import itertools
from collections.abc import Generator
from typing import Any

from alveary.contracts.driver import BatchSize, Connection, Message, Notice, TransactionState
from alveary.errors import (
    AlvearyError,
    ConnectionLostError,
    InternalError,
    QueryCancelledError,
    QueryError,
    UnsupportedError,
)

STAYS = "not undone"
"""The severity of notices that tell of what could not be rolled back."""
_ENDED = "the statement ended the transaction it was run in, so what it changed stays"
_SAVEPOINT = "alveary_undone"
_MOST_TRIES = 100
"""How often undoing is begun anew because a cancel that was meant for the statement came late."""


def undone(connection: Connection, sql: str, parameters: Any, batch: BatchSize) -> Generator[Message, None, None]:
    """Run a statement and yield what :meth:`Connection.execute` does, and at its end roll back what it changed.

    In a transaction that is open only this statement is undone, by a savepoint. What the server says of the way back
    is of what stays, such as rows in a table without transactions; it comes as notices of the severity ``STAYS``, with
    an error as its detail.
    """
    state = connection.transaction_state
    if state is TransactionState.FAILED:
        yield from connection.execute(sql, parameters, batch=batch)  # which the server refuses
        return
    within = state is TransactionState.ACTIVE
    if within:
        try:
            _run(connection, f"savepoint {_SAVEPOINT}")
        except QueryCancelledError:
            raise
        except QueryError as exc:
            raise UnsupportedError(
                "in an open transaction one statement alone can't be undone here",
                hint="commit the transaction, or roll it back",
                server_code=exc.server_code,
            ) from exc
    else:
        connection.begin()
    try:
        yield from connection.execute(sql, parameters, batch=batch)
    except AlvearyError as exc:
        if stays := _back(connection, within):  # of a server that has ended the transaction itself: all is undone
            exc.detail = "; ".join(filter(None, [exc.detail, *(f"{STAYS}: {each}" for each in stays)]))
        raise
    except BaseException:
        _back(connection, within)
        raise
    has_ended = connection.transaction_state is TransactionState.IDLE
    for each in [_ENDED] if has_ended else _back(connection, within):
        yield Notice(STAYS, each)


def _back(connection: Connection, within: bool) -> list[str]:
    """Roll back, and return what the server says of that."""
    for tried in itertools.count(1):
        if connection.transaction_state is TransactionState.IDLE:
            return []
        try:
            if not within:
                return _run(connection, "rollback")
            said = _run(connection, f"rollback to savepoint {_SAVEPOINT}")
            return [*said, *_run(connection, f"release savepoint {_SAVEPOINT}")]
        except ConnectionLostError:
            raise  # with the connection its transaction is gone
        except QueryCancelledError as exc:
            if tried == _MOST_TRIES:
                raise InternalError("what the statement changed could not be rolled back; it is still open") from exc
    raise AssertionError("never reached")


def _run(connection: Connection, sql: str) -> list[str]:
    return [each.message for each in connection.execute(sql, None, batch=BatchSize()) if isinstance(each, Notice)]
