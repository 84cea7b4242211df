"""Running a statement and taking back what it changed: one piece, between whose parts nothing else can come."""

from __future__ import annotations

import itertools
from collections.abc import Generator
from typing import Any

from alveary.contracts.driver import BatchSize, Connection, Message, Notice, TransactionState
from alveary.errors import ConnectionLostError, InternalError, QueryCancelledError, QueryError, UnsupportedError

_SAVEPOINT = "alveary_undone"
_MOST_TRIES = 100
"""How often undoing is begun anew because a cancel that was meant for the statement came late."""


def undone(connection: Connection, sql: str, parameters: Any, batch: BatchSize) -> Generator[Message, None, None]:
    """Run a statement and yield what :meth:`Connection.execute` does, and at its end roll back what it changed.

    In a transaction that is open only this statement is undone, by a savepoint. What the server says of the way back,
    such as of a table that can't be rolled back, comes as notices.
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
    is_back = False
    try:
        yield from connection.execute(sql, parameters, batch=batch)
        is_back = True
        yield from _back(connection, within)
    finally:
        if not is_back:
            _back(connection, within)


def _back(connection: Connection, within: bool) -> list[Notice]:
    for tried in itertools.count(1):
        if connection.transaction_state is TransactionState.IDLE:
            return []  # the server has undone everything itself
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


def _run(connection: Connection, sql: str) -> list[Notice]:
    return [each for each in connection.execute(sql, None, batch=BatchSize()) if isinstance(each, Notice)]
