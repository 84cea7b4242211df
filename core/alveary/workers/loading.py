"""Loading: rows of a source into a table, chunk by chunk; what is refused ends it or is put aside."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from alveary.contracts.driver import BatchSize, Connection, TransactionState
from alveary.contracts.factory import load_factory
from alveary.contracts.importer import Fault
from alveary.contracts.types import Delimited
from alveary.contracts.values import Column, Row, cell_text
from alveary.errors import (
    AlvearyError,
    ConnectionFailedError,
    DiskFullError,
    QueryCancelledError,
    QueryError,
    QueryTimeoutError,
    RowRefusedError,
    UnsupportedError,
)
from alveary.events import QueryStarted, WorkerEvent
from alveary.workers.messages import Load
from alveary.workers.running import PROGRESS_EVERY, Run
from alveary.workers.sending import Sending

SAVEPOINT = "alveary_load"
_SPECIAL = re.compile(r'[",\r\n]').search
_NO_CHARACTER = re.compile(r"[\x00\ud800-\udfff]").search
_SHOWN = 1000
"""Characters of a value that are repeated."""


@dataclass(slots=True)
class Portion:
    """Some rows ready for the driver, and which line or row of the source each was.

    ``done`` says how much of the source is read, in its own unit. ``faults`` are the rows that can't be taken.
    """

    rows: list[Row]
    lines: Sequence[int]
    done: int
    faults: Sequence[Fault] = ()


@dataclass(slots=True)
class TextPortion:
    """Some rows as text, for a database that reads such text itself: how many there are, and for others the portion."""

    text: str
    form: Delimited
    count: int
    done: int
    read: Callable[[], Portion]


class RowSource(Protocol):
    """Where the rows come from; used by the worker's thread, but for ``cancel``.

    It is made of what the load's request says of it, and of what returns, for the name of another connection, who is
    told the statements that are sent over it (:class:`~alveary.workers.sending.Sending`).
    """

    def portions(self, connection: Connection) -> Iterator[Portion | TextPortion]:
        """Yield the rows; raises what stands in the way. ``connection`` is the one that writes."""

    def digest(self) -> str | None:
        """Return the sum of the rows, if it was asked for, once all have been taken."""

    def cancel(self) -> None:
        """Stop waiting for rows, from any thread."""

    def close(self) -> None:
        """Let go of what is open."""


class LoadRun(Run):
    """What is done for one load, and what is counted of it. For the worker's thread only."""

    request: Load

    def __init__(
        self, session: str, request: Load, emit: Callable[[WorkerEvent], None], stopped: Callable[[], bool]
    ) -> None:
        """``stopped`` tells whether somebody wants it to end."""
        super().__init__(session, request, _Nowhere(), emit, lambda: False)
        self._stopped = stopped
        self._source: RowSource | None = None
        self._rejects: _Rejects | None = None
        self._savepoints = self._takes_text = True
        self._reported = 0.0

    def begin(self, connection: Connection) -> None:
        self._emit(QueryStarted(session=self._session, statement=self.request.id))
        source: RowSource = load_factory(self.request.source)(self.request.arguments, self._sending)
        self._source = source
        try:
            self._take(connection)
        finally:
            source.close()
            if self._rejects is not None:
                self._rejects.close()

    def _sending(self, connection: str) -> Sending:
        """Return what tells of statements that the source sends over a connection of its own."""
        sending = Sending(self._session, self._emit, connection)
        sending.begin(self.request.id)
        return sending

    def cancel(self) -> None:
        """Stop waiting for rows, from any thread; what the driver does is not touched."""
        if self._source is not None:
            self._source.cancel()

    def _follow(self, connection: Connection | None) -> bool:
        assert connection is not None, "a load is never gone on with"
        assert self._source is not None, "it is made when the load begins"
        request, self._affected = self.request, 0
        if request.rejects is not None:
            self._rejects = _Rejects(request.rejects)
        for each in self._source.portions(connection):
            if self._stopped():
                raise QueryCancelledError("cancelled")
            if isinstance(each, TextPortion) and self._took_text(connection, each):
                self._went_on(each.done)
                continue
            portion = each.read() if isinstance(each, TextPortion) else each
            if portion.faults and self._rejects is None:
                self._refuse(portion.faults)
            found = self._insert(connection, portion) if portion.rows else []
            if refused := sorted([*portion.faults, *found], key=lambda fault: fault.line):
                self._refuse(refused)
            self._went_on(portion.done)
        if self._stopped():
            raise QueryCancelledError("cancelled")
        self._digest = self._source.digest()
        return True

    def _went_on(self, done: int) -> None:
        self._rows, self._bytes = self._affected or 0, done
        if (now := time.monotonic()) - self._reported >= PROGRESS_EVERY:
            self._reported = now
            self._progressed()

    def _took_text(self, connection: Connection, portion: TextPortion) -> bool:
        """Have the database read a portion itself, and return whether it took all of it; else nothing is done.

        Why it did not is found out row by row.
        """
        if not self._takes_text or not self._save(connection):
            return False
        try:
            count = connection.load_text(self.request.table, self.request.columns, portion.text, portion.form)
        except QueryError as exc:
            if isinstance(exc, QueryCancelledError | QueryTimeoutError) or self._stopped():
                raise
            if connection.transaction_state is TransactionState.IDLE:
                raise  # there is no way back
            count = -1
        if count != portion.count:
            self._takes_text = count is not None
            self._command(connection, f"rollback to savepoint {SAVEPOINT}")
            return False
        self._command(connection, f"release savepoint {SAVEPOINT}")
        self._affected = (self._affected or 0) + count
        return True

    def _insert(self, connection: Connection, portion: Portion) -> list[Fault]:
        """Insert a portion and return what was refused of it.

        Where the database does not say which row it refused, ever smaller parts are tried.
        """
        refused: list[Fault] = []
        rows, lines = portion.rows, portion.lines
        pending = [(0, len(rows))]
        while pending:
            start, end = pending.pop()
            self._save(connection)
            before = self._affected or 0
            try:
                self._loaded(connection, rows[start:end])
            except QueryError as exc:
                if isinstance(exc, QueryCancelledError | QueryTimeoutError) or self._stopped():
                    raise
                place = None if exc.line is None or not 0 < exc.line <= end - start else start + exc.line - 1
                if place is None and end - start == 1:
                    place = start
                if place is not None and self._rejects is None:
                    raise self._told(exc, rows[place], lines[place]) from exc
                if not self._savepoints or connection.transaction_state is TransactionState.IDLE:
                    raise  # there is no way back to before it; after a deadlock the whole transaction is gone
                self._affected = before
                self._command(connection, f"rollback to savepoint {SAVEPOINT}")
                if end - start == 1:
                    refused.append(_fault(exc, self.request, rows[start], lines[start]))
                    continue
                # The one that was named goes alone, so that nobody else is blamed for it.
                middle = (start + end) // 2
                parts = [(start, middle), (middle, end)]
                if place is not None:
                    parts = [(start, place), (place, place + 1), (place + 1, end)]
                pending += [part for part in reversed(parts) if part[0] < part[1]]
            else:
                if self._savepoints:
                    self._command(connection, f"release savepoint {SAVEPOINT}")
        return refused

    def _save(self, connection: Connection) -> bool:
        """Note where to go back to, and return whether that can be done."""
        if not self._savepoints:
            return False
        try:
            self._command(connection, f"savepoint {SAVEPOINT}")
        except UnsupportedError:
            if self._rejects is not None:
                raise
            self._savepoints = False
        return self._savepoints

    def _loaded(self, connection: Connection, rows: list[Row]) -> None:
        count = connection.load(self.request.table, self.request.columns, rows)
        if count != len(rows):
            raise QueryError(
                f"of {len(rows):,} rows the database took {count:,}",
                hint="a trigger or a rule keeps some back; nothing was imported",
            )
        self._affected = (self._affected or 0) + count

    def _refuse(self, faults: Sequence[Fault]) -> None:
        if self._rejects is None:
            first = faults[0]
            where = f", column {first.column}" if first.column else ""
            raise RowRefusedError(
                f"line {first.line}{where}: {first.reason}",
                detail=f"the value is {_cut(first.value)!r}" if first.value else None,
                line=first.line,
                hint="nothing was written; a rejects file takes such rows, and the others go in",
            )
        self._rejects.add(faults)
        self._rejected += len(faults)

    def _told(self, exc: QueryError, row: Row, line: int) -> QueryError:
        """Return what the database said of a row, with its line."""
        fault = _fault(exc, self.request, row, line)
        where = f", column {fault.column}" if fault.column else ""
        return type(exc)(
            f"line {fault.line}{where}: {exc.message}",
            detail=_beside(exc, fault.column) or (f"the value is {_cut(fault.value)!r}" if fault.value else None),
            hint=exc.hint or "nothing was written; a rejects file takes such rows, and the others go in",
            server_code=exc.server_code,
            line=fault.line,
        )

    def _command(self, connection: Connection, sql: str) -> None:
        try:
            for _ in connection.execute(sql, None, batch=BatchSize()):
                continue
        except (ConnectionFailedError, QueryCancelledError):
            raise
        except AlvearyError as exc:
            raise UnsupportedError(
                f"this database can't put rows aside: {exc.message}", hint="without a rejects file it is all or nothing"
            ) from exc


class _Nowhere:
    """The sink of what has no result."""

    def columns(self, columns: Sequence[Column]) -> None:
        return

    def rows(self, rows: Sequence[Row]) -> int:
        return 0

    def close(self, whole: bool) -> None:
        return


class _Rejects:
    """The file of rows that were not taken, at a place of its own until the rest is committed."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        self._write([("line", "column", "value", "reason")])

    def add(self, faults: Sequence[Fault]) -> None:
        self._write([(str(fault.line), fault.column, fault.value, fault.reason) for fault in faults])

    def _write(self, rows: Sequence[tuple[str, ...]]) -> None:
        text = "".join(",".join(map(_field, row)) + "\n" for row in rows)
        view = memoryview(text.encode("utf-8", "surrogatepass"))
        try:
            while view:
                view = view[os.write(self._file, view) :]
        except OSError as exc:
            raise DiskFullError(f"can't write the rejects: {exc.strerror or exc}") from exc

    def close(self) -> None:
        os.close(self._file)


def _field(text: str) -> str:
    """Return a field of CSV; the standard library does not quote every carriage return before Python 3.13."""
    return '"' + text.replace('"', '""') + '"' if _SPECIAL(text) else text


def _fault(exc: AlvearyError, request: Load, row: Row, line: int) -> Fault:
    """Return what is to be said of a row that the database refused; the column is the one that it names."""
    said = f"{exc.message} {exc.detail or ''}"
    found = [
        (match.start(), place)
        for place, column in enumerate(request.columns)
        if (match := re.search(_NAMED.format(name=re.escape(column.name)), said)) is not None
    ]
    if not found:  # a character that it does not take, for which it may blame the whole row
        found = [(0, place) for place, cell in enumerate(row) if isinstance(cell, str) and _NO_CHARACTER(cell)]
    value, name = "", ""
    if found:
        place = min(found)[1]
        name, cell = request.columns[place].name, row[place]
        value = "" if cell is None else cell_text(cell)
    detail = _beside(exc, name)
    reason = exc.message if not detail or detail in exc.message else f"{exc.message} ({detail})"
    return Fault(line=line, column=name, value=value, reason=reason)


def _beside(exc: AlvearyError, column: str) -> str:
    """Return the detail of an error without the column, which is told before the error."""
    detail, told = exc.detail or "", f"column {column}"
    return "" if detail == told else detail.removeprefix(f"{told}: ")


#: How engines name a column: ``column "b"``, ``column b``, ``t.b``, ``(b)=``, with quotes of one kind or another; what
#: stands before a point is a table or a schema.
_NAMED = r"""(?:column ["'`]?|\.["'`]?|["'`(]){name}(?=["'`)]|\W|$)(?!["'`]?\.["'`\w])"""


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"
