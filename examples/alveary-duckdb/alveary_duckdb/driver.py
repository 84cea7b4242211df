"""The driver: one way to run anything, DuckDB's own text for every cell, rows streamed, a cancel that interrupts."""

import contextlib
import re
from collections.abc import Generator, Iterator, Mapping
from decimal import Decimal
from typing import Any

import duckdb

import alveary
from alveary import Batch, BatchSize, Column, Columns, RowCount, TransactionState, ValueKind, errors
from alveary.sqltext import POSTGRES
from alveary_duckdb.catalog import DuckdbCatalog

Messages = Generator[alveary.Message, None, None]

_COUNT, _ROWS = duckdb.ExpectedResultType.CHANGED_ROWS, duckdb.ExpectedResultType.QUERY_RESULT
_NUMBER = re.compile(r"U?(TINY|SMALL|BIG|HUGE)INT|U?INTEGER|BIGNUM|FLOAT|DOUBLE|DECIMAL\(\d+,\d+\)").fullmatch
_KINDS = {"BOOLEAN": ValueKind.BOOLEAN, "BLOB": ValueKind.BINARY, "VARCHAR": ValueKind.TEXT, "JSON": ValueKind.JSON}
_ERRORS = {
    "Values were not provided": errors.MissingParameterError,
    "argument/count mismatch": errors.InvalidInputError,
    "read-only mode|disabled by configuration": errors.ReadOnlyError,
    "^INTERRUPT": errors.QueryCancelledError,
    "^Parser": errors.SqlSyntaxError,
    "^Constraint": errors.ConstraintViolationError,
    "^Connection|^FATAL": errors.ConnectionLostError,
}


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    """Raise DuckDB's errors as Alveary's, in DuckDB's words and with the cause."""
    try:
        yield
    except duckdb.Error as exc:
        message, _, detail = str(exc).partition("\n\n")  # which shows the line and the place in it
        kind = next((kind for words, kind in _ERRORS.items() if re.search(words, message)), errors.QueryError)
        raise kind(message, detail=detail or None, server_code=type(exc).__name__) from exc


def _column(name: str, type_name: str) -> Column:
    kind = ValueKind.NUMBER if _NUMBER(type_name) else _KINDS.get(type_name, ValueKind.OTHER)
    return Column(name=name, type_name=type_name, kind=kind, decoder=f"{__name__}:decode")


def decode(column: Column, cell: Any) -> Any:
    """Return a cell as the Python value that is exactly it, or the text where there is none."""
    if column.kind is ValueKind.BINARY:
        return re.sub(rb"\\x(..)", lambda found: bytes.fromhex(found[1].decode()), cell.encode())
    if column.kind is ValueKind.NUMBER:
        return {"FL": float, "DO": float, "DE": Decimal}.get(column.type_name[:2], int)(cell)
    return cell == "true" if column.kind is ValueKind.BOOLEAN else cell


class DuckdbDriver(alveary.Driver):
    """Opens DuckDB files, which DuckDB makes if need be, and databases in memory."""

    def connect(self, target: alveary.Target, *, timeout: float) -> "DuckdbConnection":
        path = target.database or ":memory:"
        # A name in SQL must not find a Python variable, nor COPY and ATTACH write where a session only reads.
        config: Any = {"python_enable_replacements": False, "enable_external_access": not target.read_only}
        try:
            return DuckdbConnection(duckdb.connect(path, target.read_only, config))
        except duckdb.Error as exc:
            raise errors.ConnectionFailedError(f"can't open {path}: {exc}", server_code=type(exc).__name__) from exc


class DuckdbConnection(alveary.Connection):
    """One connection of duckdb's Python client."""

    def __init__(self, db: duckdb.DuckDBPyConnection) -> None:
        self._db = db

    def execute(self, sql: str, parameters: Any, *, batch: BatchSize) -> Messages:
        for _, start, _ in alveary.sqltext.parameters(sql, POSTGRES):  # DuckDB writes $name for :name
            sql = f"{sql[:start]}${sql[start + 1 :]}"
        with _translated():
            statements = self._db.extract_statements(sql)
            if len(statements) > 1:
                raise errors.SqlSyntaxError(f"there are {len(statements)} statements in one text")
            for statement in statements:
                if isinstance(parameters, Mapping):
                    parameters = {name: parameters[name] for name in statement.named_parameters if name in parameters}
                yield from self._run(statement, parameters, batch)

    def _run(self, statement: Any, given: Any, batch: BatchSize) -> Messages:
        # What only reads becomes a relation that has not run yet; all else is run here, once, and its rows are kept.
        relation, expected = self._db.sql(statement, params=given), statement.expected_result_type
        if _COUNT in expected and relation.columns == ["Count"] and "returning" not in statement.query.lower():
            yield from (RowCount(count) for (count,) in relation.fetchall())
        elif _ROWS in expected:
            yield Columns(tuple(map(_column, relation.columns, map(str, relation.types))))
            # The cast is the one that DuckDB's shell and COPY make: Python has no type for many a value.
            sql = f"select columns(*)::varchar from ({relation.sql_query()}\n)"
            try:
                self._db.execute(sql, given if relation.type == "QUERY_RELATION" else None)
                while rows := self._db.fetchmany(batch.rows):
                    yield Batch(rows)
            finally:
                self._db.abort()  # what is left of it

    def _ask(self, sql: str, *path: str) -> list[Any]:
        with _translated():
            found = self._db.execute(sql, dict(zip(("schema", "name"), path, strict=False)))
            names = [name for name, *_ in found.description]
            return [dict(zip(names, row, strict=True)) if len(row) > 1 else row[0] for row in found.fetchall()]

    def cancel(self) -> None:
        with contextlib.suppress(duckdb.ConnectionException):  # it is closed
            self._db.interrupt()

    def close(self) -> None:
        self._db.close()

    def server(self) -> alveary.ServerInfo:
        return alveary.ServerInfo(product="DuckDB", version=duckdb.__version__)

    @property
    def transaction_state(self) -> TransactionState:
        try:  # within a transaction its number stays the same
            one, other = (self._db.sql("select txid_current()").fetchall() for _ in range(2))
        except duckdb.TransactionException:
            return TransactionState.FAILED
        return TransactionState.ACTIVE if one == other else TransactionState.IDLE

    def begin(self, isolation: str | None = None) -> None:
        if isolation is not None:
            raise errors.UnsupportedError("DuckDB has one isolation level, which has no name")
        self._ask("begin")

    def commit(self) -> None:
        failed = self.transaction_state is TransactionState.FAILED
        self._ask("commit")
        if failed:
            raise errors.QueryError("the transaction had failed, so it was rolled back")

    def rollback(self) -> None:
        if self.transaction_state is not TransactionState.IDLE:
            self._ask("rollback")

    def catalog(self) -> DuckdbCatalog:
        return DuckdbCatalog(self._ask)
