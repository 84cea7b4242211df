"""The store's file: opened when first needed, made or brought up to date then, shared by threads and processes."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from alveary.errors import (
    StorageError,
    StoreCorruptError,
    StoreFullError,
    StoreLockedError,
    StoreReadOnlyError,
)
from alveary.paths import make_private
from alveary.store.backups import back_up_if_due, copies

FILE_NAME = "alveary.db"
REVISION = "0001"
"""The revision of the store this version reads and writes: the newest migration's."""
LOCK_SECONDS = 2.0
"""How long to wait for another process that is writing."""

_KEEP = "; the file is left as it is"


class Store:
    """Alveary's own database. One connection serves all threads, one at a time; nothing here may run on Tk's thread.

    Every method raises errors of :mod:`alveary.errors` only: StoreLockedError, StoreReadOnlyError, StoreFullError,
    StoreCorruptError, StoreFromFutureError, MigrationError, or StorageError for the rest.
    """

    def __init__(self, directory: Path | None) -> None:
        """Name the directory of ``alveary.db``, or None for a store in memory; nothing is opened yet."""
        self.file = None if directory is None else directory / FILE_NAME
        self._connection: sqlite3.Connection | None = None
        self._is_read_only = False
        """Whether it was opened where nothing can be written, as on a disk that is full."""
        self._lock = threading.RLock()

    def __str__(self) -> str:
        return "in memory" if self.file is None else str(self.file)

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Hand out the connection, outside a transaction."""
        with self._lock, self._mapped():
            yield self._opened()

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Hand out the connection in a transaction that is committed at the end, or rolled back on any exception."""
        with self._lock, self._mapped():
            if self._is_read_only:
                self.close()  # there may be room again, or permission
            connection = self._opened()
            connection.execute("begin immediate")
            try:
                yield connection
                connection.execute("commit")
            except BaseException:
                if connection.in_transaction:  # SQLite rolls back itself when the disk is full
                    connection.execute("rollback")
                raise

    def revision(self) -> str:
        """Return the revision of the store, opening it."""
        with self.reading() as connection:
            return str(connection.execute("select version_num from alembic_version").fetchone()[0])

    def check(self) -> list[str]:
        """Return what SQLite finds wrong with the file, nothing for a sound one; reads all of it."""
        with self.reading() as connection:
            found = [str(row[0]) for row in connection.execute("pragma quick_check")]
        return [] if found == ["ok"] else found

    def close(self) -> None:
        """Close the file; it is opened again when it is needed. Once a day a copy of it is made first."""
        with self._lock:
            connection, self._connection = self._connection, None
            if connection is not None:
                connection.close()
                if self.file is not None:
                    back_up_if_due(self.file, REVISION)

    def _opened(self) -> sqlite3.Connection:
        if self._connection is None:
            if self.file is None:
                connection, self._is_read_only = _connect(":memory:"), False
            else:
                connection, self._is_read_only = _open(self.file)
            connection.execute("pragma foreign_keys = on")
            if self.file is None:
                _make(connection)
            self._connection = connection
        return self._connection

    @contextmanager
    def _mapped(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as exc:
            raise self._our_error(exc) from exc
        except OSError as exc:
            raise StorageError(f"can't open the store {self}: {exc.strerror or exc}") from exc

    def _our_error(self, exc: sqlite3.Error) -> StorageError:
        code = getattr(exc, "sqlite_errorcode", 0) & 0xFF  # the low byte is the kind, the rest says more of it
        if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            return StoreLockedError(f"another program holds a lock on the store {self}", hint="try again")
        if code == sqlite3.SQLITE_READONLY:
            return StoreReadOnlyError(
                f"the store {self} can't be written", hint="check its permissions, and whether its disk is full"
            )
        if code == sqlite3.SQLITE_FULL:
            return StoreFullError(f"the disk that holds the store {self} is full", hint="make room, then try again")
        if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            return _damaged(f"the store {self} is damaged: {exc}")
        return StorageError(f"the store {self} can't be used: {exc}")


def _damaged(sentence: str) -> StoreCorruptError:
    return StoreCorruptError(
        sentence + _KEEP,
        hint="`alveary store restore` puts the newest sound copy in its place and keeps the damaged one",
    )


def _connect(name: str | Path) -> sqlite3.Connection:
    uri = isinstance(name, str) and name.startswith("file:")
    return sqlite3.connect(name, timeout=LOCK_SECONDS, isolation_level=None, check_same_thread=False, uri=uri)


def _open(file: Path) -> tuple[sqlite3.Connection, bool]:
    """Open the store in ``file``, made if there is none and brought to this version's revision if it is older.

    Where nothing can be written, it can be read as long as it was closed properly; then the second value is True.
    """
    make_private(file.parent)
    _refuse_foreign(file)
    if file.exists():
        _refuse_emptied(file)
    else:
        # Made here, so that it is never open to anybody else: SQLite gives its other files the same permissions.
        os.close(os.open(file, os.O_CREAT | os.O_WRONLY, 0o600))
    if not os.access(file.parent, os.W_OK) or not os.access(file, os.W_OK):
        return _open_read_only(file), True
    connection = _connect(file)
    try:
        try:
            connection.execute("select 1 from sqlite_master").fetchone()
        except sqlite3.OperationalError as exc:
            # On a full disk there is no room for the file that readers share.
            if exc.sqlite_errorcode & 0xFF not in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL, sqlite3.SQLITE_CANTOPEN):
                raise
            connection.close()
            return _open_read_only(file), True
        revision = _revision(connection)
        if revision is None:
            _keep_a_log_ahead(connection)
            _make(connection)
        elif revision != REVISION:
            from alveary.store.upgrade import upgrade

            connection.close()
            upgrade(file, revision)
            connection = _connect(file)
        # A commit is on the disk when it returns, also when the power fails next.
        connection.execute("pragma synchronous = full")
    except BaseException:
        connection.close()
        raise
    return connection, False


def _open_read_only(file: Path) -> sqlite3.Connection:
    """Open a store where nothing can be written, not even the files beside it that readers share."""
    journal = file.with_name(file.name + "-wal")
    if journal.exists() and journal.stat().st_size:
        raise StoreReadOnlyError(
            f"the store {file} can't be read where nothing can be written: it was not closed properly",
            hint="make its directory writable",
        )
    connection = sqlite3.connect(
        f"{file.as_uri()}?immutable=1", uri=True, isolation_level=None, check_same_thread=False
    )
    if (revision := _revision(connection)) != REVISION:
        connection.close()
        raise StoreReadOnlyError(f"the store {file} can't be written, so it stays at revision {revision}")
    return connection


def _refuse_emptied(file: Path) -> None:
    """Refuse a file in which nothing is left, though there are copies of what was: a new store would hide the loss."""
    give_up = time.monotonic() + LOCK_SECONDS  # another process may be making it this moment
    while not file.stat().st_size and copies(file):
        if time.monotonic() > give_up:
            raise _damaged(f"the store {file} is damaged: nothing is in it")
        time.sleep(0.01)


def _refuse_foreign(file: Path) -> None:
    """Refuse a directory or file of another user, who could read or replace what is written there."""
    if not hasattr(os, "geteuid"):
        return
    for path in (file.parent, file):
        if path.exists() and path.stat().st_uid != os.geteuid():
            raise StorageError(
                f"{path} belongs to another user",
                hint="set ALVEARY_HOME to a directory of your own",
            )


def _revision(connection: sqlite3.Connection) -> str | None:
    """Return the revision of a store, None for a file that holds nothing yet."""
    if connection.execute("select 1 from sqlite_master where name = 'alembic_version'").fetchone() is None:
        if connection.execute("select 1 from sqlite_master limit 1").fetchone() is None:
            return None
        raise StoreCorruptError(
            f"{connection.execute('pragma database_list').fetchone()[2]} is a database, but not Alveary's{_KEEP}",
            hint="move it away, or set ALVEARY_HOME to another directory",
        )
    row = connection.execute("select version_num from alembic_version").fetchone()
    return None if row is None else str(row[0])


def _keep_a_log_ahead(connection: sqlite3.Connection) -> None:
    """Switch a new store to write-ahead logging, so that readers and a writer don't wait for each other.

    Unlike other statements this one does not wait for a lock: SQLite answers "locked" at once, as when another
    process is making the same store. So the waiting is done here.
    """
    give_up = time.monotonic() + LOCK_SECONDS
    while True:
        try:
            connection.execute("pragma journal_mode = wal")
            return
        except sqlite3.OperationalError as exc:
            if exc.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > give_up:
                raise
            time.sleep(0.01)


def _make(connection: sqlite3.Connection) -> None:
    """Make the tables in one transaction, from the text the migrations are written down as."""
    from importlib.resources import files  # only who makes a store needs it

    script = files("alveary.store").joinpath("schema.sql").read_text()
    with closing(connection.cursor()) as cursor:
        cursor.execute("begin immediate")
        try:
            if _revision(connection) is None:  # another process may have been quicker
                for statement in script.split("\n\n"):
                    cursor.execute(statement)
            cursor.execute("commit")
        except BaseException:
            if connection.in_transaction:  # SQLite rolls back itself when the disk is full
                cursor.execute("rollback")
            raise
