"""The MySQL and MariaDB driver: streams the server's own texts, and cancels what it was told to and nothing else."""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import replace

import msgspec

from alveary.contracts.driver import (
    Batch,
    BatchSize,
    Columns,
    Connection,
    Driver,
    Message,
    Notice,
    RowCount,
    ServerInfo,
    TlsInfo,
    TransactionState,
)
from alveary.contracts.target import Target
from alveary.contracts.types import LoadColumn
from alveary.contracts.values import Parameters, Row
from alveary.errors import (
    AlvearyError,
    ConnectionFailedError,
    ConnectionLostError,
    ConnectionTimeoutError,
    InvalidInputError,
    NulCharacterError,
    QueryCancelledError,
    QueryError,
    SqlSyntaxError,
    UnsupportedError,
)
from alveary.inputs import missing
from alveary.sqltext import MYSQL, BackslashEscapes, Dialect
from alveary_plugins.drivers.mysql import errors, guard, inserting
from alveary_plugins.drivers.mysql.binding import Bound, bind, literal, marks
from alveary_plugins.drivers.mysql.catalog import MysqlCatalog
from alveary_plugins.drivers.mysql.opening import bounded, open_wire
from alveary_plugins.drivers.mysql.running import Running
from alveary_plugins.drivers.mysql.types import column
from alveary_plugins.drivers.mysql.wire import (
    IN_TRANSACTION,
    NO_BACKSLASH_ESCAPES,
    Answer,
    Lifeline,
    Wire,
)

KILL_SECONDS = 5.0
"""How long a cancel may take: to connect a second time, and to be answered."""
_REST_SECONDS = 0.05
"""How long the rest of a result that nobody wants is read before the server is told to stop."""
_PAUSE_SECONDS = 86_400
"""How long the server waits while we take no rows."""
_LONGEST_STATEMENT = 31_536_000.0
"""Seconds: the most that MariaDB takes for max_statement_time."""
_MOST_WARNINGS = 1000
_MOST_BARRIERS = 100

_LEVELS = ("read uncommitted", "read committed", "repeatable read", "serializable")
#: Statements that only bring rows, by their first word; and those that change them, so that zero is an answer too.
_QUERIES = ("select", "with", "values", "table")
_CHANGES = ("insert", "update", "delete", "replace", "load", "with")


#: First words of what locks tables or unlocks them, which beginning a transaction does silently; and what follows.
_LOCKS = ("lock", "unlock", "begin", "start")
_LOCKED = re.compile(r"\b(?:tables?|begin|transaction)\b", re.I)

_ENGINE = """
    select t.engine, e.transactions
      from information_schema.tables t join information_schema.engines e on e.engine = t.engine
     where t.table_schema = {schema} and t.table_name = {table}"""


class MysqlDriver(Driver):
    """Opens connections to MySQL and MariaDB servers."""

    def connect(self, target: Target, *, timeout: float) -> MysqlConnection:
        _most_seconds(target)  # what is wrong with the target is said before anybody is asked for a connection
        deadline = time.monotonic() + timeout
        wire, lifeline = open_wire(target, timeout, self.sent)
        try:
            with bounded(lifeline, deadline - time.monotonic()) as late:
                try:
                    return MysqlConnection(target, wire, lifeline, self.sent)
                except Exception as exc:
                    if late.is_set():
                        raise ConnectionTimeoutError(f"the server did not answer within {timeout:g} seconds") from exc
                    error = errors.translate(exc)
                    raise ConnectionFailedError(error.message, server_code=error.server_code) from exc
        except BaseException:
            wire.drop()
            lifeline.close()
            raise


class MysqlConnection(Connection):
    """One connection, used by one thread; ``cancel`` and ``abort`` are for any other."""

    def __init__(self, target: Target, wire: Wire, lifeline: Lifeline, sent: Callable[[str], None]) -> None:
        """Prepare a fresh connection; raises what PyMySQL raises."""
        self._target = target
        self._sent = sent
        self._wire = wire
        self._lifeline = lifeline
        self._handshake_id = wire.handshake_id & 0xFFFFFFFF
        self._lost = self._in_doubt = self._strict = False
        self._locks_tables = False
        """Whether LOCK TABLES is in force."""
        self._undoable = set[tuple[str, ...]]()
        """Tables of which it is known that a rollback undoes what is inserted."""
        self._answer: Answer | None = None
        """What the server has not been heard out on."""
        self._running = Running(self._kill)
        ((number, version),) = self._read_all("select connection_id(), version()")
        self._id, self._version = int(str(number)), str(version)
        self._is_mariadb = "mariadb" in self._version.lower()
        # By default a server gives up a client that takes no rows for a minute: one whose output a person reads.
        self._read_all(f"set session net_write_timeout = {_PAUSE_SECONDS}")
        if target.read_only:
            self._read_all("set session transaction read only")
        if (seconds := _most_seconds(target)) is not None:
            # Each has a setting of its own, MySQL's in milliseconds.
            setting = (
                f"max_statement_time = {seconds:f}"
                if self._is_mariadb
                else f"max_execution_time = {seconds * 1000:.0f}"
            )
            self._read_all(f"set session {setting}")

    def execute(self, sql: str, parameters: Parameters, *, batch: BatchSize) -> Generator[Message, None, None]:
        """Run a statement. What it warns of comes as notices, for which the server is asked afterwards."""
        self._announce()
        return self._messages(sql, parameters, batch)

    def _messages(self, sql: str, parameters: Parameters, batch: BatchSize) -> Generator[Message, None, None]:
        bound, was_active = Bound(sql), False
        try:
            try:
                self._begin_turn()
                _check(sql)
                if parameters is not None or self._target.read_only:
                    dialect = self._dialect(sql, ask=True)
                    if self._target.read_only:
                        guard.check(sql, dialect)
                    bound = bind(sql, parameters, dialect)
                was_active = self.transaction_state is TransactionState.ACTIVE
                self._wire.send(bound.text, sql)
                self._answer = first = self._wire.receive()
                if first.fields is not None:
                    yield Columns(tuple(map(column, first.fields)))
                    while not first.ended:
                        if rows := self._wire.fetch(first, batch.rows):
                            yield Batch(rows)
                last, further = self._rest(first)
                self._answer = None
                if first.fields is not None and self._running.cancelled and errors.first_word(sql) in _QUERIES:
                    # SLEEP() on MySQL and BENCHMARK() on either end, when killed, as if they had come to their end;
                    # the rows can't be told from whole ones.
                    raise QueryCancelledError("cancelled")
            except AlvearyError:
                raise
            except Exception as exc:
                error = self._failed(exc, bound, was_active)
                if errors.number_of(exc) == errors.EMPTY and not self._lost:  # only comments: there was nothing to do
                    return
                raise (self._missing(error, sql) if parameters is None else error) from exc
            if further:
                yield Notice("Note", f"{further} more result{'s' * (further > 1)} of the statement can't be shown")
            if last.warnings:
                for level, code, message in self._warnings():
                    if code == str(errors.INTERRUPTED):  # so ends a DO that was killed: well, with a warning
                        raise QueryCancelledError(str(message))
                    yield Notice(str(level), str(message))
            word = errors.first_word(sql)
            if word in _LOCKS and _LOCKED.search(sql) is not None:
                self._locks_tables = word == "lock"
            if first.fields is None and (word in _CHANGES or (last.affected and word not in _QUERIES)):
                yield RowCount(last.affected)
        finally:
            if self._answer is not None:
                self._abandon(self._answer)
                self._answer = None
            self._running.over()

    def close(self) -> None:
        self._lost = True
        self._wire.close()
        self._lifeline.close()

    def server(self) -> ServerInfo:
        return ServerInfo(product="MariaDB" if self._is_mariadb else "MySQL", version=self._version)

    def identity(self) -> str | None:
        ((host, port, folder),) = self._ask("select @@hostname, @@port, @@datadir")
        return f"{host!s}/{port!s}{folder!s}"

    def tls(self) -> TlsInfo:
        return self._wire.tls

    @property
    def transaction_state(self) -> TransactionState:
        """What the server's last answer said; a lost connection has no transaction any more."""
        active = not self._lost and self._wire.status & IN_TRANSACTION
        return TransactionState.ACTIVE if active else TransactionState.IDLE

    def cancel(self) -> None:
        """Stop the running statement by a second connection; takes at most some five seconds."""
        self._running.cancel()

    def abort(self) -> None:
        self._lifeline.shut()

    def lost(self) -> str | None:
        return "the server closed the connection" if self._lost or self._lifeline.hung_up else None

    def begin(self, isolation: str | None = None) -> None:
        if isolation is not None and isolation not in _LEVELS:
            raise UnsupportedError(
                f"MySQL has no isolation level {isolation!r}", hint=f"there are {', '.join(_LEVELS)}"
            )
        if self.transaction_state is TransactionState.ACTIVE:
            # The server would commit it.
            raise QueryError("a transaction is open already", hint="commit it or roll it back first")
        if self._locks_tables:
            raise UnsupportedError("a transaction would unlock the tables that are locked", hint="unlock tables before")
        if isolation is not None:
            self._ask(f"set transaction isolation level {isolation}")
        self._ask("start transaction read only" if self._target.read_only else "start transaction")

    def commit(self) -> None:
        if self.transaction_state is TransactionState.IDLE and not self._lost:
            raise QueryError("no transaction is active")
        self._ask("commit")

    def rollback(self) -> None:
        """Roll back; without a transaction there is nothing to do, for the server ends some on its own."""
        if self.transaction_state is TransactionState.ACTIVE:
            self._ask("rollback")

    def catalog(self) -> MysqlCatalog:
        return MysqlCatalog(self._ask, is_mariadb=self._is_mariadb)

    def load(self, table: tuple[str, ...], columns: Sequence[LoadColumn], rows: Sequence[Row]) -> int:
        """Insert rows by statements of many at once.

        What the server would change silently, cutting a text or rounding a number, is refused: it warns of it; a 0 in
        a column that counts by itself stays 0. A table whose engine can't undo anything, such as MyISAM's, is refused.
        """
        self._check_undoable(table)
        quote = self.catalog().quote
        names = ", ".join(quote(column.name) for column in columns)
        head = f"insert into {'.'.join(map(quote, table))} ({names}) values "
        if not self._strict:
            self._ask("set session sql_mode = concat(@@sql_mode, ',STRICT_ALL_TABLES,NO_AUTO_VALUE_ON_ZERO')")
            self._strict = True
        count = 0
        for sql, first, rows_of_it in inserting.statements(head, columns, rows):
            try:
                count += self._insert(sql, f"{head}…")
            except QueryError as exc:
                row = exc.line or inserting.row_of(exc.message)
                if row is None and rows_of_it == 1:
                    row = 1
                exc.line = None if row is None else first + row
                raise
        return count

    def _check_undoable(self, table: tuple[str, ...]) -> None:
        if table in self._undoable:
            return
        schema = literal(table[0]) if len(table) > 1 else "database()"
        for engine, transactions in self._ask(_ENGINE.format(schema=schema, table=literal(table[-1]))):
            if transactions == "NO":
                raise UnsupportedError(
                    f"the table is kept by the engine {engine!s}, which can't undo what was inserted",
                    hint="alter table … engine = InnoDB, or insert without a transaction by the server's own client",
                )
        self._undoable.add(table)

    def _insert(self, sql: str, told: str) -> int:
        """Insert by a statement of ours, as a turn of its own, and return how many rows; a warning is an error."""
        self._announce()
        was_active = self.transaction_state is TransactionState.ACTIVE
        try:
            self._begin_turn()
            self._wire.send(sql, told)
            answer = self._wire.receive()
            if answer.warnings:
                for _, code, message in self._warnings():
                    raise QueryError(str(message), server_code=str(code))
            return answer.affected
        except AlvearyError:
            raise
        except Exception as exc:
            raise self._failed(exc, Bound(""), was_active) from exc
        finally:
            self._running.over()

    # -- statements --------------------------------------------------------------------------------------------

    def _ask(self, sql: str) -> list[Row]:
        """Return all rows of a statement of ours, as a turn of its own."""
        self._announce()
        was_active = self.transaction_state is TransactionState.ACTIVE
        try:
            self._begin_turn()
            return self._read_all(sql)
        except AlvearyError:
            raise
        except Exception as exc:
            raise self._failed(exc, Bound(sql), was_active) from exc
        finally:
            self._running.over()

    def _announce(self) -> None:
        if self._answer is not None:
            raise QueryError("another result of this connection is still being read")
        self._running.announce()

    def _begin_turn(self) -> None:
        if self._in_doubt:
            self._lose()
            raise ConnectionLostError("a cancel got no answer, and could still hit what is run next", hint=errors.AGAIN)
        if self._lost:
            raise ConnectionLostError("the connection to the server is lost", hint=errors.AGAIN)
        if self._running.begin():
            self._settle()

    def _read_all(self, sql: str) -> list[Row]:
        self._wire.send(sql)
        answer = self._wire.receive()
        rows = list[Row]()
        while not answer.ended:
            rows += self._wire.fetch(answer, 1000)
        return rows

    def _rest(self, answer: Answer) -> tuple[Answer, int]:
        """Read an answer to its end, and those that follow it; return the last, and how many of them were results."""
        further = 0
        self._wire.skip(answer)
        while answer.more:
            answer = self._wire.receive()
            further += answer.fields is not None
            self._wire.skip(answer)
        return answer, further

    def _warnings(self) -> list[Row]:
        try:
            return self._read_all(f"show warnings limit {_MOST_WARNINGS}")
        except Exception as exc:
            if errors.number_of(exc) == errors.INTERRUPTED:  # a late cancel: the statement itself is done
                return []
            raise self._failed(exc, Bound(""), False) from exc

    def _settle(self) -> None:
        """Run a statement that does nothing until one is not hit by a cancel that was meant for what came before.

        It also brings the state of the transaction, which the server does not tell with an error.
        """
        for _ in range(_MOST_BARRIERS):
            try:
                self._read_all("do 0")
            except Exception as exc:
                if errors.number_of(exc) != errors.INTERRUPTED:
                    raise
            else:
                return
        self._lose()
        raise ConnectionLostError("the server interrupts every statement of this connection")

    def _failed(self, exc: Exception, bound: Bound, was_active: bool) -> AlvearyError:
        """Return the error for what a statement raised, and leave the connection ready for the next, or closed."""
        error = errors.translate(exc)
        if not isinstance(error, ConnectionLostError):
            try:
                self._settle()
            except Exception as lost:  # noqa: BLE001  # the connection died with the statement: that is what to tell
                error = errors.translate(lost)
        if isinstance(error, ConnectionLostError):
            self._lose()
            return error
        if was_active and self.transaction_state is TransactionState.IDLE:
            error.detail = "the open transaction ended with it"
        place = errors.position(error, bound.text, self._dialect(bound.text, ask=False))
        error.position = bound.origin(place) if place is not None else None
        return error

    def _missing(self, error: AlvearyError, sql: str) -> AlvearyError:
        """Return the error, or a better one where it is a syntax error at a parameter: none was given a value."""
        if isinstance(error, SqlSyntaxError) and error.position is not None:
            for start, end in marks(sql, self._dialect(sql, ask=False)):
                if start + 1 == error.position:
                    return missing(sql[start:end])
        return error

    def _lose(self) -> None:
        self._lost = True
        self._answer = None
        self._lifeline.shut()
        self._wire.drop()
        self._lifeline.close()

    def _dialect(self, sql: str, *, ask: bool) -> Dialect:
        """Return how the server reads a statement in the session's present mode; may have to ``ask`` it."""
        if self._wire.status & NO_BACKSLASH_ESCAPES:
            return _WITHOUT_ESCAPES
        # Only for a backslash between double quotes it matters what those mean.
        if ask and '"' in sql and "\\" in sql:
            ((mode,),) = self._read_all("select @@sql_mode")
            if "ANSI_QUOTES" in str(mode):
                return _ANSI_QUOTES
        return MYSQL

    # -- stopping ----------------------------------------------------------------------------------------------

    def _abandon(self, answer: Answer) -> None:
        """Get rid of the rest of a result that nobody wants: read it, or have the server stop it if it is long."""
        try:
            with contextlib.suppress(TimeoutError):
                self._wire.skip(answer, _REST_SECONDS)
            if not answer.ended or answer.more:
                with contextlib.suppress(AlvearyError):  # then the rest may still end by itself
                    self._running.kill()
                with bounded(self._lifeline, KILL_SECONDS):
                    self._rest(answer)
        except Exception as exc:  # noqa: BLE001  # its rows are not wanted, nor then why they end
            # An error that the server tells is the end of its answer.
            if errors.number_of(exc) is None or isinstance(errors.translate(exc), ConnectionLostError):
                self._lose()

    def _kill(self) -> None:
        """Have the server stop what runs on this connection; from any thread."""
        if self._id & 0xFFFFFFFF != self._handshake_id:
            # Between us and the server stands a proxy; by another connection it may reach another server, where the
            # number is a stranger's.
            raise UnsupportedError("a statement can't be cancelled through a proxy: disconnect instead")
        deadline = time.monotonic() + KILL_SECONDS
        wire, lifeline = open_wire(msgspec.structs.replace(self._target, database=None), KILL_SECONDS, self._sent)
        try:
            with bounded(lifeline, deadline - time.monotonic()):
                wire.send(f"kill query {self._id}")
                wire.receive()
        except Exception as exc:
            if errors.number_of(exc) == errors.NO_SUCH_THREAD:  # it is gone already
                return
            error = errors.translate(exc)
            self._in_doubt = isinstance(error, ConnectionLostError)
            raise error from exc
        finally:
            wire.close()
            lifeline.close()


def _most_seconds(target: Target) -> float | None:
    """Return for how long the server may run a statement of this target; None leaves it to the server."""
    text = target.options.get("max_statement_time")
    if text is None:
        return None
    with contextlib.suppress(ValueError):
        seconds = float(text)
        if 0 <= seconds <= _LONGEST_STATEMENT:
            return seconds
    raise InvalidInputError(f"max_statement_time is not a number of seconds from 0 to {_LONGEST_STATEMENT:.0f}")


def _check(sql: str) -> None:
    """Raise what is wrong with a statement's characters."""
    if "\0" in sql:
        raise NulCharacterError("a statement can't hold U+0000", position=sql.index("\0") + 1)
    try:
        sql.encode()
    except UnicodeEncodeError as exc:
        raise SqlSyntaxError(
            "the statement holds a lone surrogate, which is no character", position=exc.start + 1
        ) from None


_WITHOUT_ESCAPES = replace(MYSQL, backslash_escapes=BackslashEscapes.NEVER)
_ANSI_QUOTES = replace(MYSQL, identifier_quotes='`"', string_quotes="'")
