"""The rows of a table as a source: read beside the connection that writes, or over it, never faster than it does."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence

import msgspec

from alveary.contracts.driver import Batch, BatchSize, Columns, Connection, Driver, Message
from alveary.contracts.factory import load_factory
from alveary.contracts.target import Target
from alveary.contracts.types import Kind
from alveary.contracts.values import Cell, Column, Row, cell_text
from alveary.redaction import SECRETS
from alveary.transfer.cells import Digest, single
from alveary.wire import Small
from alveary.workers.loading import Portion
from alveary.workers.sending import Sending

_ROWS = 4096
"""Rows of one portion, about; fewer where they are wide."""


class TableTask(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker is told to read: by which driver, where, what, and which kind each column is here and there.

    ``prepare`` makes what the server writes the same whatever its settings; ``same`` says that the target is of the
    same engine, which reads what it wrote, and ``in_place`` that it is the same database, where what is written changes
    nothing of what is read.
    """

    factory: str
    target: Target
    timeout: float
    prepare: tuple[str, ...]
    sql: str
    names: tuple[str, ...]
    source_kinds: tuple[Kind, ...]
    kinds: tuple[Kind, ...]
    same: bool
    digest: bool
    in_place: bool
    first: Small = 1


class TableRows:
    """The rows of a table as a :class:`~alveary.workers.loading.RowSource`; the line of a row is its number."""

    def __init__(self, arguments: bytes, sending: Callable[[str], Sending]) -> None:
        self._task = msgspec.msgpack.decode(arguments, type=TableTask)
        self._sending = sending(self._task.target.display())
        self._connection: Connection | None = None
        self._messages: Generator[Message, None, None] | None = None
        self._digest = Digest(self._task.kinds) if self._task.digest else None

    def portions(self, connection: Connection) -> Iterator[Portion]:
        """Read all of it and yield the rows as the target takes them.

        A second connection reads, but in one database where the first can do so while it writes: what somebody else
        reads of a file SQLite can't write there, and would keep all of it in memory.
        """
        task = self._task
        if not (task.in_place and connection.reads_while_loading):
            connection = self._connected()
        batch, number = BatchSize(), task.first
        columns: Sequence[Column] = ()
        gathered: list[Row] = []
        weight = 0
        self._messages = connection.execute(task.sql, None, batch=batch)
        for message in self._messages:
            if isinstance(message, Columns):
                columns = message.columns
            elif isinstance(message, Batch):
                size = len(message.rows) * _weight(message.rows[0])
                batch.weighed(len(message.rows), size)
                gathered += message.rows
                weight += size
                if len(gathered) >= _ROWS or weight >= BatchSize.TARGET_BYTES:
                    yield self._portion(columns, gathered, number)
                    number += len(gathered)
                    gathered, weight = [], 0
        self._sending.end()
        if gathered:
            yield self._portion(columns, gathered, number)

    def digest(self) -> str | None:
        """Return the sum of the rows that were read."""
        return None if self._digest is None else self._digest.hexdigest()

    def cancel(self) -> None:
        """Stop reading, from any thread."""
        if (connection := self._connection) is not None:
            connection.cancel()

    def close(self) -> None:
        """Stop reading, and close the connection that is only for that."""
        if self._messages is not None:
            self._messages.close()
        if self._connection is not None:
            self._connection.close()

    def _connected(self) -> Connection:
        task = self._task
        SECRETS.add(task.target.password)  # this may be a process of its own
        driver: Driver = load_factory(task.factory)()
        driver.sent = self._sending.sent
        self._connection = driver.connect(task.target, timeout=task.timeout)
        for sql in task.prepare:
            for _ in self._connection.execute(sql, None, batch=BatchSize()):
                continue
        return self._connection

    def _portion(self, columns: Sequence[Column], rows: list[Row], number: int) -> Portion:
        if not self._task.same:
            made = [
                _converted(column, there, kind, cells)
                for column, there, kind, cells in zip(
                    columns, self._task.source_kinds, self._task.kinds, zip(*rows, strict=True), strict=True
                )
            ]
            rows = list(zip(*made, strict=True))
        if self._digest is not None:
            self._digest.add(rows)
        return Portion(rows, range(number, number + len(rows)), number + len(rows) - 1)


def _weight(row: Row) -> int:
    return sum(len(cell) if isinstance(cell, str | bytes) else 8 for cell in row) + 1


def _converted(column: Column, there: Kind, kind: Kind, cells: Sequence[Cell]) -> Sequence[Cell]:
    """Return the cells of a column, which is of the kind ``there``, as another engine takes them for a ``kind``."""
    if there is Kind.BINARY:
        return [column.decode(cell) if isinstance(cell, str) else cell for cell in cells]
    if Kind.BOOLEAN in (there, kind) and kind not in (Kind.TEXT, Kind.OTHER):
        truths = [_truth(cell) for cell in cells]
        return truths if kind is Kind.BOOLEAN else [int(cell) if isinstance(cell, bool) else cell for cell in truths]
    if there is Kind.REAL and kind is not Kind.DOUBLE:
        return [single(cell) if isinstance(cell, str) else cell for cell in cells]
    if set(map(type, cells)) <= {str, type(None)}:
        return cells
    if kind in (Kind.SMALLINT, Kind.INTEGER, Kind.BIGINT, Kind.REAL, Kind.DOUBLE):
        return cells
    # Where an engine types each value (SQLite), a column of another kind may hold numbers all the same.
    return [cell if cell is None or isinstance(cell, str) else cell_text(cell) for cell in cells]


_TRUTHS: dict[Cell, bool] = {"t": True, "f": False, "true": True, "false": False, "1": True, "0": False}


def _truth(cell: Cell) -> Cell:
    """Return a cell as a boolean, if it is one; what it is otherwise, the target says."""
    if isinstance(cell, str):
        return _TRUTHS.get(cell.lower(), cell)
    return bool(cell) if cell in (0, 1) else cell
