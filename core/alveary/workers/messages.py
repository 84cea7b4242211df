"""What a session says to its worker; the worker answers in events, so both can live in different processes."""

from __future__ import annotations

from typing import Any, TypeAlias

import msgspec

from alveary.contracts.driver import InlineData
from alveary.contracts.target import Target
from alveary.contracts.types import LoadColumn


class Request(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The root of all requests."""


class Open(Request, frozen=True, kw_only=True):
    """Open the connection; the first request. ``factory`` makes the driver, ``timeout`` is in seconds."""

    factory: str
    target: Target
    timeout: float


class Execute(Request, frozen=True, kw_only=True):
    """Run one statement. ``limit`` rows at most reach the sink, ``timeout`` is in seconds.

    ``spool`` is the directory for the rows; it is "" when the session hands the worker a sink instead. ``hold`` says
    for how many seconds the cursor is left open once the limit is reached, at most until the next request. ``data`` are
    lines of data for a statement that takes such. ``undone`` says that what it changes is rolled back at its end.
    """

    id: str
    sql: str
    parameters: dict[str, Any] | list[Any] | None  # cells: MessagePack itself tells text from bytes
    limit: int | None
    timeout: float | None
    spool: str
    hold: float = 0.0
    data: InlineData | None = None
    undone: bool = False


class Load(Request, frozen=True, kw_only=True):
    """Insert the rows of a source into some columns of a table, within the transaction that is open.

    ``source`` names what makes the :class:`~alveary.workers.loading.RowSource` of ``arguments``, in the worker, so that
    no row crosses to it. Rows that are refused go to the file ``rejects``; without one the first ends it.
    """

    id: str
    table: tuple[str, ...]
    columns: tuple[LoadColumn, ...]
    source: str
    arguments: bytes
    rejects: str | None = None
    timeout: float | None = None
    hold: float = 0.0
    limit: int | None = None


class Fetch(Request, frozen=True, kw_only=True):
    """Take so many more rows, or (None) all, from the open cursor of the statement with this id; else do nothing."""

    id: str
    rows: int | None


class Ask(Request, frozen=True, kw_only=True):
    """Answer a question of the table in :mod:`alveary.workers.questions`."""

    id: str
    question: str
    arguments: tuple[str | None, ...]


class Cancel(Request, frozen=True, kw_only=True):
    """Stop the statement with this id, whether it runs or still waits, or close its cursor; leave any other alone."""

    id: str


class Close(Request, frozen=True, kw_only=True):
    """Finish what runs, close the connection, end. Requests that came before are still served."""


AnyRequest: TypeAlias = Open | Execute | Load | Fetch | Ask | Cancel | Close
