"""The PostgreSQL driver: the server's own text of every value, streamed, and a cancel that hits what it is meant for.

It speaks psycopg's low-level connection. Nothing is begun, prepared, retried or reconnected unasked.
"""

from __future__ import annotations

import contextlib
import enum
import logging
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from typing import Any

import psycopg
from psycopg.pq import ExecStatus, TransactionStatus
from psycopg.pq.abc import PGresult

from alveary.contracts.driver import (
    Batch,
    BatchSize,
    Columns,
    Connection,
    Driver,
    InlineData,
    Message,
    Notice,
    RowCount,
    ServerInfo,
    TlsInfo,
    TransactionState,
)
from alveary.contracts.target import Target
from alveary.contracts.types import Delimited, LoadColumn
from alveary.contracts.values import Column, Parameters, Row, ValueKind
from alveary.errors import (
    AlvearyError,
    ConnectionFailedError,
    ConnectionTimeoutError,
    InvalidInputError,
    QueryCancelledError,
    QueryError,
    SessionClosedError,
    UnsupportedError,
    described,
)
from alveary.sqltext import POSTGRES, only_reads
from alveary_plugins.drivers.postgres import connecting, copying, errors, guard, pooling, types
from alveary_plugins.drivers.postgres.binding import Bound, bind
from alveary_plugins.drivers.postgres.catalog import PostgresCatalog
from alveary_plugins.drivers.postgres.names import TypeNames
from alveary_plugins.drivers.postgres.wire import COPY_SLICE, COPY_STATES, MANY, Rows, Wire

_log = logging.getLogger(__name__)

CANCEL_SECONDS = 5.0
"""How long a cancel request may take to reach the server."""

ISOLATION_LEVELS = ("read committed", "repeatable read", "serializable")

_IDENTITY = (
    "select system_identifier, d.oid from pg_control_system(), pg_database d where d.datname = current_database()"
)
_STATES = {
    TransactionStatus.INTRANS: TransactionState.ACTIVE,
    TransactionStatus.INERROR: TransactionState.FAILED,
}
#: Command tags of statements that change rows; with rows in its result (COMMAND_OK has none) SELECT is none of them.
_CHANGES = (b"INSERT", b"UPDATE", b"DELETE", b"MERGE")
_CHANGES_WITHOUT_ROWS = (*_CHANGES, b"COPY", b"SELECT")


class _Stage(enum.Enum):
    """How far a statement has come, as far as a cancel needs to know."""

    NONE = "none"
    ASKED_FOR = "asked for"
    RUNNING = "running"


class PostgresDriver(Driver):
    """Opens connections to PostgreSQL."""

    def connect(self, target: Target, *, timeout: float) -> PostgresConnection:
        return PostgresConnection(connecting.connect(target, timeout), target, self.sent)


class PostgresConnection(Connection):
    """One connection, and what another thread needs to cancel what it does."""

    def __init__(self, connection: psycopg.Connection[Any], target: Target, sent: Callable[[str], None]) -> None:
        self._target = target
        self._wire = Wire(connection, sent)
        self._types = TypeNames()
        self._fresh, self._closed = True, False
        self._may_be_pooled = True
        """Whether it is still to be found out if a pooler stands in between."""
        # Held by a cancel while it is under way, so that a statement can't be left under it. The flag is set by
        # cancel() alone; whether a statement was meant by it is decided by the stage.
        self._cancelling = threading.Lock()
        self._stage = _Stage.NONE
        self._cancelled = False
        self._before = TransactionStatus.IDLE
        """The transaction when the running statement was begun."""

    # -- statements --------------------------------------------------------------------------------------------

    def execute(self, sql: str, parameters: Parameters, *, batch: BatchSize) -> Generator[Message, None, None]:
        self._arm()
        return self._messages(sql, parameters, batch)

    def feed(self, sql: str, data: InlineData, *, batch: BatchSize) -> Generator[Message, None, None]:
        self._arm()
        return self._messages(sql, None, batch, data)

    def _messages(
        self, sql: str, parameters: Parameters, batch: BatchSize, data: InlineData | None = None
    ) -> Generator[Message, None, None]:
        with self._running():
            if self._target.read_only:
                guard.check(sql)
            bound = bind(sql, parameters, self._wire.codec)
            try:
                self._wire.send(bound)
                failure = yield from self._received(batch, data)
            except psycopg.Error as exc:
                raise self._broken(exc) from exc
            except (AlvearyError, GeneratorExit):  # nobody wants the rest
                self._leave(bound)
                raise
            except Exception as exc:
                raise self._garbled(exc) from exc
            if failure is not None:
                raise self._error(failure, bound, data)
            ended = self._before is TransactionStatus.INERROR and self._wire.status is TransactionStatus.IDLE
            if ended and guard.first_word(sql) in ("commit", "end"):
                yield Notice("WARNING", "the transaction had failed, so it was rolled back instead of committed")
            if self._may_be_pooled and self._wire.status is self._before is TransactionStatus.IDLE:
                yield from self._pooled(sql)

    def _pooled(self, sql: str) -> Iterator[Notice]:
        """Say, once, that a pooler may not keep what a statement was to change."""
        if not pooling.outlives(sql):
            return
        self._may_be_pooled = False
        with contextlib.suppress(QueryError):  # what answers may be something else that speaks PostgreSQL's protocol
            if self._rows(pooling.PID) != [(str(self._wire.libpq.backend_pid),)]:
                yield pooling.WARNING

    def _received(self, batch: BatchSize, data: InlineData | None) -> Generator[Message, None, PGresult | None]:
        """Yield what comes back, to its end; return the server's failure if that is how it ends."""
        wire = self._wire
        header, load = False, Rows(wire.codec).load
        rows: list[Row] = []
        failure: PGresult | None = None
        count: int | None = None
        while True:
            # Chunks are put together as long as something is there already: rows don't wait for a slow server.
            while rows and (len(rows) >= batch.rows or wire.waiting):
                wanted = batch.rows
                ready, rows = rows[:wanted], rows[wanted:]
                yield Batch(ready)
                del ready
            try:
                result = yield from wire.result()
            except psycopg.Error:
                if failure is None:
                    raise
                break  # a server that ends the connection says so first, and that is the better message
            if result is None:
                break
            status = result.status
            if status in (ExecStatus.TUPLES_CHUNK, ExecStatus.TUPLES_OK):
                if not header and result.nfields:  # ``select from t`` has rows, but nothing in them
                    yield Columns(self._columns(result))
                    header = True
                if header and result.ntuples:
                    rows += load(result)
                # The tag comes with the last chunk or behind it.
                if (changed := _count(result, _CHANGES)) is not None:
                    count = changed
            elif status == ExecStatus.COMMAND_OK:
                count = None if header else _count(result, _CHANGES_WITHOUT_ROWS)
                self._types.after(result.command_status)
            elif status == ExecStatus.FATAL_ERROR:
                failure = failure or result
            elif status == ExecStatus.COPY_OUT:
                yield Columns((Column(name="copy", kind=ValueKind.RAW),))
                header = True
                yield from self._copied_out(batch, is_text=not result.binary_tuples)
            elif status == ExecStatus.COPY_IN and data is not None:
                wire.copy_in(_encoded(data, wire.codec), lambda: self._cancelled)
            elif status in COPY_STATES:
                self._refuse_copy(result)
            del result
        while rows:
            wanted = batch.rows
            ready, rows = rows[:wanted], rows[wanted:]
            yield Batch(ready)
        if count is not None and failure is None:
            yield RowCount(count)
        return failure

    def _columns(self, result: PGresult) -> tuple[Column, ...]:
        return tuple(self._column(result, place, result.ftype(place)) for place in range(result.nfields))

    def _column(self, result: PGresult, place: int, type_id: int) -> Column:
        precision, scale = types.decimals(type_id, result.fmod(place))
        return Column(
            name=(result.fname(place) or b"").decode(self._wire.codec, "surrogateescape"),
            type_name=self._types.of(type_id),
            type_id=type_id,
            kind=types.kind(type_id),
            decoder=types.DECODER,
            precision=precision,
            scale=scale,
            labels=self._types.labels(type_id),
        )

    def _copied_out(self, batch: BatchSize, *, is_text: bool) -> Generator[Message, None, None]:
        """Yield what the server copies to the client: lines without their ends, or pieces of its binary format."""
        codec = self._wire.codec
        rows: list[Row] = []
        for said in self._wire.copy_out():
            if isinstance(said, Notice):
                yield said
            elif said is not None:
                rows.append((said.removesuffix(b"\n").decode(codec, "surrogateescape") if is_text else said,))
            if rows and (said is None or len(rows) >= batch.rows):
                yield Batch(rows)
                rows = []
        if rows:
            yield Batch(rows)

    def _refuse_copy(self, result: PGresult) -> None:
        self._wire.end_copy(result)
        self._wire.drain()
        raise UnsupportedError(
            "the statement wants lines of data, and there are none",
            hint="put them on the lines after it, ended by a line of \\. alone, in a script",
        )

    def _leave(self, bound: Bound) -> None:
        """End a statement whose rest nobody wants; raises if that undid what it was to change."""
        wire = self._wire
        if wire.dead or wire.status is not TransactionStatus.ACTIVE:
            return
        # A cancel would roll back what the statement changes, and fail the transaction it stands in. Where either is
        # at stake the rest is taken from the server and dropped; a cancel() can still end that.
        harmless = self._before is TransactionStatus.IDLE and (
            only_reads(bound.text, POSTGRES) or only_reads(guard.copied_out(bound.text), POSTGRES)
        )
        try:
            if harmless:
                self._stop_on_server()
            failure = wire.drain()
        except psycopg.Error as exc:
            raise self._broken(exc) from exc
        if failure is not None and not harmless and not self._cancelled:
            raise self._error(failure, bound)

    def load(self, table: tuple[str, ...], columns: Sequence[LoadColumn], rows: Sequence[Row]) -> int:
        """Insert rows by COPY; the line of its error is the one that COPY counts."""
        if rows:
            self._copy_in(table, columns, "", lambda codec: copying.text(rows, codec))
        return len(rows)

    def load_text(
        self, table: tuple[str, ...], columns: Sequence[LoadColumn], text: str, form: Delimited
    ) -> int | None:
        """Insert them by COPY, which has the same rule of quotes and NULL."""
        if not all(each.isascii() for each in (form.delimiter, form.quote, form.null)) or "\n\\.\n" in f"\n{text}":
            return None  # what would end the data
        options = ", ".join(
            f"{name} {copying.literal(value)}"
            for name, value in (("delimiter", form.delimiter), ("quote", form.quote), ("null", form.null))
        )
        try:
            data = text.encode(self._wire.codec)
        except UnicodeEncodeError:  # which row that is in, the other way tells
            return None
        return self._copy_in(table, columns, f" (format csv, {options})", lambda _: data)

    def _copy_in(
        self, table: tuple[str, ...], columns: Sequence[LoadColumn], options: str, encoded: Callable[[str], bytes]
    ) -> int:
        """Copy what ``encoded`` returns for the session's encoding, and return how many rows the server took."""
        quote = self.catalog().quote
        names = ", ".join(quote(column.name) for column in columns)
        sql = f"copy {'.'.join(map(quote, table))} ({names}) from stdin{options}"
        self._arm()
        with self._running():
            data = encoded(self._wire.codec)
            bound = bind(sql, None, self._wire.codec)
            try:
                self._wire.send(bound)
                result = self._wire.next_result()
                if result is not None and result.status == ExecStatus.COPY_IN:
                    pieces = (data[at : at + COPY_SLICE] for at in range(0, len(data), COPY_SLICE))
                    self._wire.copy_in(pieces, lambda: self._cancelled)
                    result = None
                failure = self._wire.drain() or result
            except psycopg.Error as exc:
                raise self._broken(exc) from exc
            if self._cancelled:
                raise QueryCancelledError("cancelled")
            if failure is not None:
                raise copying.placed(self._error(failure, bound), failure, self._wire.codec)
            return self._wire.taken

    # -- the frame of every statement --------------------------------------------------------------------------

    def _arm(self) -> None:
        """From here on a cancel means this statement, even before it is sent."""
        if self._closed:
            raise SessionClosedError("the connection is closed")
        if self._wire.status is TransactionStatus.ACTIVE:
            raise QueryError("a statement of this connection is still running", hint="take its result first")
        with self._cancelling:
            self._stage, self._cancelled = _Stage.ASKED_FOR, False

    @contextlib.contextmanager
    def _running(self) -> Iterator[None]:
        with self._cancelling:
            if self._cancelled:
                self._stage = _Stage.NONE
                raise QueryCancelledError("cancelled")
            self._stage = _Stage.RUNNING
        self._before = self._wire.status
        self._wire.notices.clear()
        try:
            self._prepare()
            if self._cancelled:
                raise QueryCancelledError("cancelled")
            yield
        finally:
            self._settle()

    def _settle(self) -> None:
        """Leave a statement so that no cancel of it can hit the next one."""
        if self._wire.dead:  # no next one; and a cancel that waits for a dead server must not be waited for
            self._stage = _Stage.NONE
            return
        with contextlib.suppress(psycopg.Error):  # the next statement says it
            if self._wire.status is TransactionStatus.ACTIVE:  # something unforeseen got in between
                self._stop_on_server()
                self._wire.drain()
        with self._cancelling:  # waits for a cancel that is under way
            self._stage = _Stage.NONE
        if self._cancelled:
            with contextlib.suppress(psycopg.Error):
                self._wire.barrier()

    def _prepare(self) -> None:
        """Bring the session into order before a statement."""
        if self._fresh:
            self._fresh = False
            if self._wire.setting("server_encoding") == "SQL_ASCII":
                # Such a database holds bytes of no known encoding; asked for UTF-8 it refuses those that are none.
                self._rows("set client_encoding to sql_ascii")
        if self._before is TransactionStatus.IDLE and self._types.outdated:
            # Never in a transaction: a query would take its snapshot.
            try:
                self._types.learn(self._rows)
            except QueryError as exc:
                _log.info("the names of types can't be had: %s", exc.message)
            except (ValueError, TypeError) as exc:  # the server answers something else than was asked
                raise self._garbled(exc) from exc
        # Servers before 14 don't report the setting, so there it is always made.
        loose = self._target.read_only and self._wire.setting("default_transaction_read_only") != "on"
        if loose and not self._failed:
            self._rows(guard.TIGHTEN)

    @property
    def _failed(self) -> bool:
        return self._wire.status is TransactionStatus.INERROR

    def _rows(self, sql: str, parameters: Parameters = None) -> list[Row]:
        """Run a statement of ours within the frame and return its rows."""
        return list(self._each(sql, parameters))

    def _each(self, sql: str, parameters: Parameters = None) -> Iterator[Row]:
        """Run a statement of ours within the frame and yield its rows as they come."""
        wire = self._wire
        bound = bind(sql, parameters, wire.codec)
        load = Rows(wire.codec).load
        failure = None
        try:
            wire.send(bound, MANY)
            while (result := wire.next_result()) is not None:
                if result.status == ExecStatus.FATAL_ERROR:
                    failure = failure or result
                elif result.ntuples:
                    yield from load(result)
        except psycopg.Error as exc:
            if failure is None:
                raise self._broken(exc) from exc
        except Exception as exc:
            raise self._garbled(exc) from exc
        if failure is not None:
            raise self._error(failure, bound)

    def _ask(self, sql: str, parameters: Parameters = None) -> Iterator[Row]:
        """Run a statement of ours, from its beginning to its end, and yield its rows, which must all be taken."""
        self._arm()
        with self._running():
            yield from self._each(sql, parameters)

    def _run(self, sql: str) -> None:
        """Run a statement of ours that brings no rows."""
        deque(self._ask(sql), maxlen=0)

    # -- what went wrong -----------------------------------------------------------------------------------------

    def _error(self, failure: PGresult, bound: Bound, data: InlineData | None = None) -> AlvearyError:
        wire = self._wire
        error = errors.from_result(
            failure,
            bound,
            codec=wire.codec,
            counts_bytes=not wire.dead and wire.setting("server_encoding") == "SQL_ASCII",
            lost=wire.dead,
        )
        if data is not None and (line := copying.line_of(failure)) is not None:
            error.detail = f"{error.detail}\nit is line {data.line + line - 1} of the script"
        return error

    def _broken(self, exc: psycopg.Error) -> AlvearyError:
        if self._closed:
            return SessionClosedError("the connection is closed")
        return errors.lost_connection(str(exc)) if self._wire.dead else QueryError(str(exc))

    def _garbled(self, exc: Exception) -> AlvearyError:
        """Return the error for what is no answer of a server; libpq reads on after some, and what it then reads is not
        what the server means."""
        self.abort()
        self._wire.close()
        return errors.lost_connection(
            "the server's answer can't be understood; the connection was closed", detail=described(exc)
        )

    # -- cancelling ----------------------------------------------------------------------------------------------

    def cancel(self) -> None:
        with self._cancelling:
            if self._stage is _Stage.NONE:
                return
            self._cancelled = True
            if self._stage is _Stage.RUNNING:
                self._request_cancel()

    def _stop_on_server(self) -> None:
        """Cancel the running statement from within; it may be that it has ended, or that the server can't be asked."""
        with self._cancelling:
            self._cancelled = True
            with contextlib.suppress(ConnectionFailedError):
                self._request_cancel()

    def _request_cancel(self) -> None:
        try:
            self._wire.connection.cancel_safe(timeout=CANCEL_SECONDS)  # its cancel() can freeze the whole process
        except psycopg.errors.CancellationTimeout as exc:
            raise ConnectionTimeoutError(f"no answer to the cancel within {CANCEL_SECONDS:g} seconds") from exc
        except psycopg.Error as exc:
            raise errors.refused(str(exc)) from exc

    def abort(self) -> None:
        self._wire.shut()

    def lost(self) -> str | None:
        return self._wire.last_words()

    def close(self) -> None:
        self._closed = True
        self._wire.close()

    # -- the connection ------------------------------------------------------------------------------------------

    def server(self) -> ServerInfo:
        return ServerInfo(product="PostgreSQL", version=self._wire.setting("server_version") or "")

    def identity(self) -> str | None:
        with contextlib.suppress(QueryError):  # a pooler knows no such function, and a service may refuse it
            for cluster, database in self._ask(_IDENTITY):
                return f"{cluster!s}/{database!s}"
        return None

    def tls(self) -> TlsInfo:
        if not self._wire.libpq.ssl_in_use:
            is_socket = self._wire.libpq.host.startswith(b"/")
            preferred = self._target.options.get("sslmode", "prefer") in ("allow", "prefer")
            return TlsInfo(downgraded=preferred and not is_socket and not self._target.is_here)
        version, cipher = "TLS", ""
        # libpq knows more, but psycopg does not pass it on. A pooler in between answers for its own way to the server,
        # or knows no such view.
        with contextlib.suppress(QueryError):
            for found in self._ask("select version, cipher from pg_stat_ssl where pid = pg_backend_pid() and ssl"):
                version, cipher = str(found[0]), str(found[1])
        options = self._target.options
        if options.get("sslmode") == "verify-full":
            return TlsInfo(version=version, cipher=cipher, verified="name", name=self._target.host or "localhost")
        # libpq verifies whenever it has authorities to verify by.
        by_authority = options.get("sslmode") == "verify-ca" or bool(options.get("sslrootcert"))
        return TlsInfo(version=version, cipher=cipher, verified="authority" if by_authority else "nothing")

    @property
    def transaction_state(self) -> TransactionState:
        if self._wire.dead:
            return TransactionState.IDLE
        status = self._wire.status
        return _STATES.get(self._before if status is TransactionStatus.ACTIVE else status, TransactionState.IDLE)

    def begin(self, isolation: str | None = None) -> None:
        """Begin a transaction; inside one the server only warns, which is an error here."""
        if isolation is not None and isolation not in ISOLATION_LEVELS:
            raise UnsupportedError(
                f"PostgreSQL has no isolation level {isolation!r}", hint=f"there are {', '.join(ISOLATION_LEVELS)}"
            )
        if self._wire.status in (TransactionStatus.INTRANS, TransactionStatus.INERROR):
            raise QueryError("there is already a transaction in progress", server_code="25001")
        self._run(f"begin isolation level {isolation}" if isolation else "begin")

    def commit(self) -> None:
        """Commit; of a failed transaction the server makes a rollback, which is an error here."""
        if self._wire.status is TransactionStatus.IDLE:
            raise QueryError("there is no transaction in progress", server_code="25P01")
        failed = self._failed
        self._run("commit")
        if failed:
            raise QueryError("the transaction had failed, so it was rolled back", server_code="25P02")

    def rollback(self) -> None:
        """Roll back; without a transaction there is nothing to do."""
        if self._wire.status is not TransactionStatus.IDLE:
            self._run("rollback")

    def catalog(self) -> PostgresCatalog:
        return PostgresCatalog(self._ask, 0 if self._wire.dead else self._wire.libpq.server_version)


def _encoded(data: InlineData, codec: str) -> Iterator[bytes]:
    for chunk in data.chunks():
        try:
            yield chunk.encode(codec, "surrogateescape")
        except UnicodeEncodeError as exc:
            raise InvalidInputError(
                f"the data hold a character that {codec} has no bytes for: {chunk[exc.start]!r}",
                hint="set client_encoding to UTF8 before",
            ) from exc


def _count(result: PGresult, tags: tuple[bytes, ...]) -> int | None:
    tag = (result.command_status or b"").split(b" ", 1)[0]
    return result.command_tuples if tag in tags else None
