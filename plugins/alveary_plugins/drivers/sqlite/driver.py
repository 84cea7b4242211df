"""The SQLite driver: opens files as told, streams rows, can be cancelled at any moment, and means it by read-only.

It speaks the standard library's sqlite3, and leaves what SQLite does as sqlite3 users know it.
"""

from __future__ import annotations

import contextlib
import functools
import math
import operator
import os
import sqlite3
import stat
import threading
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from alveary.contracts.driver import (
    Batch,
    BatchSize,
    Columns,
    Connection,
    Driver,
    Message,
    RowCount,
    ServerInfo,
    TransactionState,
)
from alveary.contracts.target import Target
from alveary.contracts.types import Kind, LoadColumn
from alveary.contracts.values import Column, Parameters, Row
from alveary.errors import (
    AlvearyError,
    ConnectionFailedError,
    DatabaseNotFoundError,
    InvalidInputError,
    NotADatabaseError,
    QueryCancelledError,
    QueryError,
    ReadOnlyError,
    UnsupportedError,
)
from alveary_plugins.drivers.sqlite import errors
from alveary_plugins.drivers.sqlite.catalog import SqliteCatalog

_BUSY_SLICE = 0.25
"""Seconds SQLite itself waits for a lock: interrupt() can't end that wait, so it is short and we repeat it."""

_CANCEL_EVERY = 1_000_000
"""Instructions of SQLite's machine (some 20 ms) between two looks at the cancelled flag."""

_READ_UNCOMMITTED = {"serializable": 0, "read uncommitted": 1}
_EFFECTIVE = os.access in os.supports_effective_ids


class SqliteDriver(Driver):
    """Opens SQLite files and databases in memory."""

    def connect(self, target: Target, *, timeout: float) -> SqliteConnection:
        mode = target.options.get("mode", "rw")
        read_only = target.read_only or mode == "ro"
        path = target.database
        if not path or path == ":memory:" or mode == "memory":
            path, uri = None, ":memory:"
        else:
            _check_place(path, creates=mode == "rwc" and not read_only, read_only=read_only)
            # ``rw`` creates nothing, where a bare path would; as a URI every character of a name survives.
            uri = f"{Path(path).absolute().as_uri()}?mode={'ro' if read_only else mode}"
        try:
            db = sqlite3.connect(
                uri,
                uri=True,
                timeout=min(_BUSY_SLICE, timeout),
                isolation_level=None,  # transactions are begun by the person, never by the library
                check_same_thread=False,
                detect_types=0,
                # A statement run again costs 1.3 instead of 3.7 µs; more than a few would only keep long scripts alive.
                cached_statements=8,
            )
        except Exception as exc:
            raise _connect_error(exc, path) from exc
        try:
            return SqliteConnection(db, read_only=read_only, sent=self.sent)
        except Exception as exc:
            db.close()
            raise _connect_error(exc, path) from exc


class SqliteConnection(Connection):
    """One connection of Python's sqlite3, and the flag by which another thread cancels what it does."""

    reads_while_loading = True
    patience = 5.0
    """Seconds a statement waits for a lock before it fails."""

    def __init__(
        self, db: sqlite3.Connection, *, read_only: bool, sent: Callable[[str], None] = lambda _: None
    ) -> None:
        """Prepare a fresh connection; raises what sqlite3 raises when the file is no database."""
        self._db = db
        self._sent = sent
        self._cursors = set[sqlite3.Cursor]()
        self._cancelled = threading.Event()
        # How things stood before the statement: was a transaction open, and how many rows had ever been changed.
        self._was_active, self._changes = False, 0
        self._guard: _ReadOnlyGuard | None = None
        # interrupt() stops what runs; one that comes just before it starts is lost, and this finds the flag then.
        db.set_progress_handler(self._cancelled.is_set, _CANCEL_EVERY)
        # A file may hold views and triggers of a stranger: they get no functions with side effects, and a broken
        # page is found before it is used. foreign_keys stays off as in every sqlite3 program: that a statement does
        # here what it does there is worth more than a better default.
        if _can_distrust():
            self._tell("pragma trusted_schema = off")
        self._tell("pragma cell_size_check = on")
        # Reading a mapped file that somebody makes shorter would end the process.
        self._tell("pragma mmap_size = 0")
        if read_only:
            self._tell("pragma query_only = on")
            self._guard = _ReadOnlyGuard(db)
        try:
            self._tell("pragma schema_version").fetchall()  # reads the header: is this a database at all?
        except sqlite3.OperationalError as exc:
            if not errors.is_busy(exc):  # somebody is at work in it, which is no reason not to connect
                raise

    def execute(self, sql: str, parameters: Parameters, *, batch: BatchSize) -> Generator[Message, None, None]:
        self._cancelled.clear()
        return self._messages(sql, parameters, batch)

    def _messages(self, sql: str, parameters: Parameters, batch: BatchSize) -> Generator[Message, None, None]:
        cursor = self._start(sql, _bindable(parameters))
        try:
            if cursor.description is not None:
                yield Columns(tuple(Column(name=name) for name, *_ in cursor.description))
                more = True
                while more:
                    wanted = batch.rows
                    rows, failure = self._fetch(cursor, wanted)
                    if rows:
                        yield Batch(rows)
                    if failure is not None:
                        raise self._error(failure, sql) from failure
                    more = len(rows) == wanted
            count = self._count(cursor, sql)
            if count is not None:
                yield RowCount(count)
        finally:
            self._finish(cursor)

    def load(self, table: tuple[str, ...], columns: Sequence[LoadColumn], rows: Sequence[Row]) -> int:
        """Insert rows by one statement, prepared once; each row is a run of its own, so it is known which failed.

        SQLite waits for no lock meanwhile. While somebody reads the file it can't put full pages there, and would wait
        in vain for each of them before it keeps it in memory; the lock for the first row is waited for here.
        """
        self._tell("pragma busy_timeout = 0")
        try:
            return self._load(table, columns, rows)
        finally:
            self._tell(f"pragma busy_timeout = {_BUSY_SLICE * 1000:.0f}")

    def _load(self, table: tuple[str, ...], columns: Sequence[LoadColumn], rows: Sequence[Row]) -> int:
        quote = self.catalog().quote
        names = ", ".join(quote(column.name) for column in columns)
        head = f"insert into {'.'.join(map(quote, table))} ({names})"
        sql = f"{head} values ({', '.join('?' * len(columns))})"
        self._cancelled.clear()
        doubles = [place for place, column in enumerate(columns) if column.kind in (Kind.DOUBLE, Kind.REAL)]
        if any(not _INFINITIES.keys().isdisjoint([row[place] for row in rows]) for place in doubles):
            rows = [_with_infinities(row, doubles) for row in rows]
        deadline, done, count = time.monotonic() + self.patience, 0, 0
        self._sent(sql)
        while True:
            if self._cancelled.is_set():  # between two rows it is lost to SQLite; a portion of them never takes long
                raise QueryCancelledError("cancelled")
            cursor = self._db.cursor()
            self._cursors.add(cursor)
            waiting = iter([*rows[done:]])
            try:
                before = self._db.total_changes
                return count + cursor.executemany(sql, waiting).rowcount
            except Exception as exc:
                refused: Exception = exc
                taken = len(rows) - operator.length_hint(waiting)
                if isinstance(exc, UnicodeEncodeError):
                    kept_out = self._insert_bytes(head, rows[taken - 1], exc)
                    if kept_out is None:
                        # A table may keep some back; what its triggers changed is counted, too.
                        count += min(self._db.total_changes - before, taken - done)
                        done = taken
                        continue
                    refused = kept_out
                if errors.is_busy(exc) and taken <= 1 and time.monotonic() < deadline:
                    self._cancelled.wait(0.02)
                    continue
                error = self._error(refused, sql)
                if isinstance(error, InvalidInputError):  # here it is a value of the row's that can't be
                    error = QueryError(error.message)
                error.position, error.line = None, taken or None
                raise error from exc
            finally:
                self._finish(cursor)

    def _insert_bytes(self, head: str, row: Row, refused: UnicodeEncodeError) -> Exception | None:
        """Insert a row with texts that are not UTF-8, as the bytes they are; return what keeps it out."""
        cells, marks = list(row), ["?"] * len(row)
        for place, cell in enumerate(row):
            if isinstance(cell, str) and not cell.isascii():
                try:
                    cells[place], marks[place] = cell.encode("utf-8", "surrogateescape"), "cast(? as text)"
                except UnicodeEncodeError:
                    return refused
        try:
            if self._db.execute("pragma encoding").fetchone() != ("UTF-8",):
                return refused  # the bytes would be read as something else
            self._db.execute(f"{head} values ({', '.join(marks)})", cells)
        except Exception as exc:  # noqa: BLE001  # it is told as the row's
            return exc
        return None

    def close(self) -> None:
        # An open cursor would keep the file and its locks after the connection is closed.
        for cursor in list(self._cursors):
            self._finish(cursor)
        with contextlib.suppress(Exception):
            self._db.close()

    def server(self) -> ServerInfo:
        return ServerInfo(product="SQLite", version=sqlite3.sqlite_version)

    @property
    def transaction_state(self) -> TransactionState:
        try:
            return TransactionState.ACTIVE if self._db.in_transaction else TransactionState.IDLE
        except sqlite3.Error as exc:
            raise errors.translate(exc) from exc

    def cancel(self) -> None:
        self._cancelled.set()
        with contextlib.suppress(sqlite3.ProgrammingError):  # closed meanwhile
            self._db.interrupt()

    def begin(self, isolation: str | None = None) -> None:
        """Begin a transaction. ``read uncommitted`` makes a difference only between connections that share a cache."""
        level = "serializable" if isolation is None else isolation
        if level not in _READ_UNCOMMITTED:
            raise UnsupportedError(
                f"SQLite has no isolation level {level!r}", hint=f"there are {', '.join(_READ_UNCOMMITTED)}"
            )
        self._command(f"pragma read_uncommitted = {_READ_UNCOMMITTED[level]}")
        self._command("begin")

    def commit(self) -> None:
        self._command("commit")

    def rollback(self) -> None:
        """Roll back; without a transaction there is nothing to do, for SQLite ends some on its own."""
        if self.transaction_state is TransactionState.ACTIVE:
            self._command("rollback")

    def catalog(self) -> SqliteCatalog:
        return SqliteCatalog(self._ask, sqlite3.sqlite_version_info)

    # -- statements --------------------------------------------------------------------------------------------

    def _start(self, sql: str, parameters: Any) -> sqlite3.Cursor:
        """Run a statement up to its first row, waiting for locks; the cursor must be finished."""
        deadline = time.monotonic() + self.patience
        self._sent(sql)
        try:
            self._db.text_factory = str
            self._was_active, self._changes = self._db.in_transaction, self._db.total_changes
            while True:
                if self._cancelled.is_set():
                    raise QueryCancelledError("cancelled")
                cursor = self._db.cursor()
                self._cursors.add(cursor)
                try:
                    return cursor.execute(sql, parameters)
                except Exception as exc:
                    self._finish(cursor)
                    # A statement that lost its transaction, or the moment its snapshot was of, is not begun again.
                    waits = errors.is_busy(exc) and self._db.in_transaction == self._was_active
                    if not waits or time.monotonic() >= deadline:
                        raise
                    # SQLite answers at once where waiting could be for ever (a deadlock): don't spin.
                    self._cancelled.wait(0.02)
        except AlvearyError:
            raise
        except Exception as exc:
            raise self._error(exc, sql) from exc

    def _tell(self, sql: str) -> sqlite3.Cursor:
        """Run a statement of ours that waits for nothing."""
        self._sent(sql)
        return self._db.execute(sql)

    def _finish(self, cursor: sqlite3.Cursor) -> None:
        self._cursors.discard(cursor)
        with contextlib.suppress(sqlite3.Error):  # the connection is closed
            cursor.close()

    def _fetch(self, cursor: sqlite3.Cursor, wanted: int) -> tuple[list[Row], Exception | None]:
        """Return up to ``wanted`` rows and, if something stopped it short, the reason: what was fetched is kept."""
        rows: list[Row] = []
        while True:
            try:
                rows.extend(islice(cursor, wanted - len(rows)))
            except Exception as exc:  # noqa: BLE001  # raised by the caller, after the rows before it
                if not errors.is_undecodable(exc) or self._db.text_factory is not str:
                    return rows, exc
                # The strict decoder is the fast one. It fails before the cursor moves on, so the row that it could
                # not read comes again.
                self._db.text_factory = _decoded
            else:
                return rows, None

    def _count(self, cursor: sqlite3.Cursor, sql: str) -> int | None:
        if cursor.rowcount >= 0:
            return cursor.rowcount
        # Python counts only for what begins with INSERT, UPDATE, DELETE or REPLACE.
        changed = cursor.description is None or self._db.total_changes != self._changes
        if changed and errors.first_word(sql) == "with":
            with contextlib.suppress(sqlite3.Error):  # a late cancel hits this: the statement itself is done
                count: int = self._tell("select changes()").fetchone()[0]
                return count
        return None

    def _command(self, sql: str) -> None:
        self._cancelled.clear()
        self._finish(self._start(sql, ()))

    def _ask(self, sql: str, parameters: Any = ()) -> list[tuple[Any, ...]]:
        """Return all rows of a question of ours; names that are not UTF-8 come with surrogates."""
        self._cancelled.clear()
        cursor = self._start(sql, parameters)
        try:
            self._db.text_factory = _decoded
            return cursor.fetchall()
        except Exception as exc:
            raise self._error(exc, sql) from exc
        finally:
            self._finish(cursor)

    def _error(self, exc: Exception, sql: str) -> AlvearyError:
        refused, error = None, errors.translate(exc, sql)
        if self._guard is not None:
            refused, self._guard.refused = self._guard.refused, None
        if refused is not None and errors.is_unauthorized(exc):
            error = ReadOnlyError(f"{refused} is refused: the session is read-only", server_code=error.server_code)
        with contextlib.suppress(sqlite3.Error):
            if error.message.startswith("no such table") and error.hint is None:
                error.hint = errors.similar_table(error.message, self._tell)
            if self._was_active and not self._db.in_transaction and error.detail is None:
                error.detail = "SQLite rolled the open transaction back"
        return error


@functools.cache
def _can_distrust() -> bool:
    """Return whether a schema that is not trusted may use all that is harmless.

    Before 3.41 SQLite counts its own JSON functions among those that are not: a table with a check by ``json_valid``
    would make the whole file unreadable. We register no function and load no extension, and those with side effects
    that SQLite brings itself are refused to any schema.
    """
    with contextlib.closing(sqlite3.connect(":memory:")) as db:
        db.execute("pragma trusted_schema = off")
        try:
            db.execute("create table probe (a check (json_valid(a)))")
        except sqlite3.OperationalError as exc:
            return "unsafe" not in str(exc)  # a SQLite without JSON says something else
    return True


class _ReadOnlyGuard:
    """Closes the ways around a read-only connection, as the authorizer SQLite asks while it prepares a statement.

    The file is opened read-only, or for a database in memory ``query_only`` refuses writes; but ATTACH could create
    another file (VACUUM INTO does so too, by attaching), and a PRAGMA could turn ``query_only`` off. Of the pragmas
    that take a value only those are let through that are known to write nothing.
    """

    HARMLESS = frozenset(
        {
            *("table_info", "table_xinfo", "table_list", "index_list", "index_info", "index_xinfo"),
            *("foreign_key_list", "foreign_key_check", "integrity_check", "quick_check"),
            *("read_uncommitted", "case_sensitive_like", "cache_size"),
        }
    )

    def __init__(self, db: sqlite3.Connection) -> None:
        self.refused: str | None = None
        db.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
        db.set_authorizer(self)

    def __call__(self, action: int, first: str | None, second: str | None, *_: str | None) -> int:
        if action in (sqlite3.SQLITE_ATTACH, sqlite3.SQLITE_DETACH):
            self.refused = "attaching or detaching a database"
        elif action == sqlite3.SQLITE_PRAGMA and second is not None and str(first).lower() not in self.HARMLESS:
            self.refused = f"PRAGMA {first} with a value"
        else:
            return sqlite3.SQLITE_OK
        return sqlite3.SQLITE_DENY


def _bindable(parameters: Parameters) -> Any:
    if parameters is None:
        return {}  # sqlite3 then says by name which value is missing
    # To sqlite3 every mapping but a dict is a sequence.
    if isinstance(parameters, Mapping) and not isinstance(parameters, dict):
        return dict(parameters)
    return parameters


_INFINITIES = {"Inf": math.inf, "Infinity": math.inf, "-Inf": -math.inf, "-Infinity": -math.inf}


def _with_infinities(row: Row, places: Sequence[int]) -> Row:
    """Return a row with infinities for their names, which SQLite would keep as text."""
    if not any(row[place] in _INFINITIES for place in places):
        return row
    return tuple(
        _INFINITIES.get(cell, cell) if isinstance(cell, str) and at in places else cell for at, cell in enumerate(row)
    )


def _decoded(text: bytes) -> str:
    return text.decode("utf-8", "surrogateescape")


# -- opening -----------------------------------------------------------------------------------------------------


def _check_place(path: str, *, creates: bool, read_only: bool) -> None:
    """Refuse what is no file, before SQLite opens it: opening a pipe would wait for its other end.

    The file itself is never opened here: to close it again would drop the locks of every connection this process
    has to it.
    """
    try:
        mode = os.stat(path).st_mode
    except (FileNotFoundError, NotADirectoryError) as exc:
        if not creates:
            hint = "a read-only session creates nothing" if read_only else "add ?mode=rwc to create the database"
            raise DatabaseNotFoundError(f"no such file: {path}", hint=hint) from exc
    except (OSError, ValueError) as exc:
        reason = exc.strerror if isinstance(exc, OSError) else str(exc)
        raise ConnectionFailedError(f"can't open {path}: {reason}") from exc
    else:
        if not stat.S_ISREG(mode):
            raise ConnectionFailedError(f"can't open {path}: it is {'a folder' if stat.S_ISDIR(mode) else 'no file'}")


def _connect_error(exc: Exception, path: str | None) -> ConnectionFailedError:
    error = errors.translate(exc)
    is_none = isinstance(error, NotADatabaseError) or errors.is_corrupt(exc)
    kind = NotADatabaseError if is_none else ConnectionFailedError
    reason = (path and _why_not(path)) or error.message
    return kind(f"can't open {path}: {reason}" if path else reason, hint=error.hint, server_code=error.server_code)


def _why_not(path: str) -> str | None:
    """Return what the file system says about a file that SQLite could not open; None where it sees nothing wrong."""
    folder = os.path.dirname(os.path.abspath(path))
    if os.path.exists(path):
        return None if os.access(path, os.R_OK, effective_ids=_EFFECTIVE) else "permission denied"
    if not os.path.isdir(folder):
        return f"there is no folder {folder}"
    return None if os.access(folder, os.W_OK | os.X_OK, effective_ids=_EFFECTIVE) else "permission denied"
