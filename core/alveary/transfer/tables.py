"""Tables at the target: finding one, declaring a new one, and doing both within what can be undone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import msgspec

from alveary.catalog import parse_path
from alveary.contracts.catalog import Catalog, ColumnInfo
from alveary.contracts.driver import Capability
from alveary.contracts.factory import load_factory
from alveary.contracts.specs import DriverSpec
from alveary.contracts.types import ColumnType, TypeTable
from alveary.errors import (
    QueryCancelledError,
    QueryError,
    QueryTimeoutError,
    UnknownObjectError,
    UnsupportedError,
)
from alveary.events import SessionState
from alveary.jobs import Job
from alveary.policy import Clearance
from alveary.sessions import Session
from alveary.statements import Statement

_POLL = 0.1
SAVE, RELEASE, BACK = (
    f"{words} alveary_trait" for words in ("savepoint", "release savepoint", "rollback to savepoint")
)
"""What stands around a statement that may fail."""


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """A table by its path; ``columns`` is empty where there is none of that name."""

    schema: str
    name: str
    columns: tuple[ColumnInfo, ...]

    @property
    def path(self) -> tuple[str, str]:
        return (self.schema, self.name)

    def display(self) -> str:
        """Return what a sentence calls it."""
        return f"{self.schema}.{self.name}"


class NewColumn(msgspec.Struct, frozen=True, kw_only=True):
    """A column of a table that is to be made. ``place_in_key`` counts from 1, None outside the primary key."""

    name: str
    type: ColumnType
    nullable: bool = True
    place_in_key: int | None = None
    declared: str | None = None
    """The engine's own words for the type, where they are known already."""
    default: str | None = None
    """As the engine writes it."""


def type_table(driver: DriverSpec) -> TypeTable:
    """Return how the engine calls its types."""
    table: TypeTable = load_factory(driver.types)
    return table


def find_table(catalog: Catalog, path: str) -> Table:
    """Return the table at a path such as ``track`` or ``shop.track``, or where it would be made."""
    names = parse_path(path)
    schemas = catalog.schemas()
    schema = schemas[0] if len(names) == 1 else names[-2]
    if schema not in schemas:
        raise UnknownObjectError(f"there is no schema {schema!r}", hint=f"schemas: {', '.join(schemas)}")
    columns = sorted((each for each in catalog.columns(schema) if each.relation == names[-1]), key=_ordinal)
    return Table(schema=schema, name=names[-1], columns=tuple(columns))


def _ordinal(column: ColumnInfo) -> int:
    return column.ordinal


def creation(
    catalog: Catalog, table: Table, columns: Sequence[NewColumn], types: TypeTable
) -> tuple[str, list[str | None]]:
    """Return the statement that makes a table, and of each column what is to be said about its type."""
    lines, said = [], []
    for column in columns:
        in_key = column.place_in_key is not None
        declared, note = types.declared(column.type, key=in_key) if column.declared is None else (column.declared, None)
        said.append(note)
        default = "" if column.default is None else f" default {column.default}"
        required = "" if column.nullable and not in_key else " not null"
        lines.append(f"{catalog.quote(column.name)} {declared}{default}{required}")
    key = sorted((each for each in columns if each.place_in_key is not None), key=lambda each: each.place_in_key or 0)
    if key:
        lines.append(f"primary key ({', '.join(catalog.quote(each.name) for each in key)})")
    name = ".".join(map(catalog.quote, table.path))
    return f"create table {name} (\n  " + ",\n  ".join(lines) + f"\n){types.suffix}", said


class Work:
    """What is done at the target in one transaction; what can't stand in one is undone by hand."""

    def __init__(self, session: Session, job: Job, clearance: Clearance) -> None:
        """``clearance`` is for all it will run."""
        self._session = session
        self._clearance = clearance
        self._job = job
        self._running: Statement | None = None
        self._undo: list[str] = []
        job.on_cancel(self._cancel)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Begin, and commit at the end; whatever is raised, nothing of it stays."""
        if Capability.TRANSACTIONS not in self._session.driver.capabilities:
            raise UnsupportedError(
                f"the {self._session.driver.name} driver has no transactions, so it can't be all or nothing"
            )
        self._session.begin()
        try:
            yield
            self._session.commit()
        except BaseException:
            self._take_back()
            raise

    def make(self, sql: str, undo: str) -> None:
        """Make something, which ``undo`` takes away again where the engine commits at such a statement."""
        self.run(sql)
        if self._session.state is SessionState.IDLE:
            self._undo.append(undo)
            self._clearance = self._clearance.also(undo)
            self._session.begin()

    def run(self, sql: str) -> None:
        """Run a statement whose rows nobody needs."""
        self.wait(self._session.execute(sql, clearance=self._clearance))

    def attempt(self, sql: str) -> QueryError | None:
        """Run a statement without which the rest is worth having; return why the database refused it, if it did."""
        if self._session.state is SessionState.IN_TRANSACTION:
            self.run(SAVE)
        try:
            self.run(sql)
            failure = None
            if self._session.state is SessionState.IN_TRANSACTION:
                self.run(RELEASE)
        except (QueryCancelledError, QueryTimeoutError):
            raise
        except QueryError as exc:
            failure = exc
            if self._session.state in (SessionState.IN_TRANSACTION, SessionState.FAILED):
                self.run(BACK)
        if self._session.state is SessionState.IDLE:  # where the engine commits at such a statement
            self._session.begin()
        return failure

    def count(self, table: str) -> int:
        """Return how many rows a table has."""
        statement = self._session.execute(f"select count(*) from {table}")
        self.wait(statement)
        assert statement.result is not None, "a query has a result"
        ((count,),) = statement.result.window(0, 1)
        return int(str(count))

    def wait(self, statement: Statement, progress: Callable[[Statement], object] | None = None) -> Statement:
        """Wait for a statement, and raise what it raised; a cancel of the job ends it."""
        self._running = statement
        if self._job.cancelled:
            statement.cancel()
        while not statement.wait(_POLL):
            if progress is not None:
                progress(statement)
        self._running = None
        statement.check()
        return statement

    def _cancel(self) -> None:
        if (running := self._running) is not None:
            running.cancel()

    def _take_back(self) -> None:
        if self._session.state in (SessionState.BROKEN, SessionState.CLOSED):
            return
        self._session.rollback()
        for sql in reversed(self._undo):
            statement = self._session.execute(sql, clearance=self._clearance)
            statement.wait()
