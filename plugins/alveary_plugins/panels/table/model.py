"""What the page of a table asks its server for, and what it shows of the answer. No Tk."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from alveary.contracts.catalog import Catalog, ColumnInfo, Constraint, ForeignKey, IndexInfo, ObjectInfo, Relation
from alveary.contracts.driver import Capability
from alveary.contracts.values import Cell, Column, Row
from alveary.errors import InvalidInputError, QueryCancelledError, SessionClosedError, UnknownObjectError
from alveary.events import Outcome, SessionState
from alveary.jobs import Job
from alveary.kernel import Kernel
from alveary.profiles import COLORS
from alveary.results import ResultSet
from alveary.sessions import Session
from alveary.sqltext import Dialect, PieceKind, split
from alveary.statements import Statement
from alveary_plugins.exporters.literals import literals_of

PAGE = 500
"""Rows of a page."""
PATIENCE = 0.4
"""Seconds the first page waits for the structure, so that it can be ordered by the primary key."""

_OVER = (SessionState.BROKEN, SessionState.CLOSED)


@dataclass(frozen=True, slots=True)
class Place:
    """Which table: ``implied`` says that its name need not be qualified; ``session`` is the id of the session that
    holds it, if it is in memory."""

    target: str
    schema: str
    table: str
    implied: bool = False
    session: str | None = None

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Place:
        """Return the place a panel is opened with; InvalidInputError where something is missing."""
        for name in ("target", "schema", "table"):
            if not isinstance(state.get(name), str):
                raise InvalidInputError(f"{name}: it is not said which", hint="open tables from the tree of databases")
        session = state.get("session")
        return cls(
            target=state["target"],
            schema=state["schema"],
            table=state["table"],
            implied=state.get("implied") is True,
            session=session if isinstance(session, str) else None,
        )


@dataclass(frozen=True, slots=True)
class Wish:
    """Which rows are wanted: ``where`` is SQL as it was typed, ``order`` names columns and says whether downwards.

    Without an order it is that of the primary key, once that is known.
    """

    where: str = ""
    order: tuple[tuple[str, bool], ...] = ()
    page: int = 0

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Wish:
        """Return what a panel's state says, as far as it makes sense."""
        where, order, page = state.get("where"), state.get("order"), state.get("page")
        pairs = order if isinstance(order, list) else []
        return cls(
            where=where if isinstance(where, str) else "",
            order=tuple((str(pair[0]), bool(pair[1])) for pair in pairs if isinstance(pair, list) and len(pair) == 2),
            page=page if isinstance(page, int) and page >= 0 else 0,
        )

    def sorted_by(self, column: str, *, more: bool) -> Wish:
        """Return the wish after a click on a header: upwards, downwards, no more; ``more`` keeps the other columns."""
        now = dict(self.order).get(column)
        others = tuple(pair for pair in self.order if pair[0] != column)
        if now is None:
            order = (*(self.order if more else ()), (column, False))
        elif not now:
            order = tuple((name, True if name == column else down) for name, down in self.order)
            order = order if more else ((column, True),)
        else:
            order = others if more else ()
        return Wish(self.where, order)


@dataclass(slots=True)
class Structure:
    """How a table is built."""

    relation: Relation | None = None
    columns: list[ColumnInfo] = field(default_factory=list)
    indexes: list[IndexInfo] = field(default_factory=list)
    constraints: list[Constraint] = field(default_factory=list)
    """Without those that an index stands for."""
    objects: list[ObjectInfo] = field(default_factory=list)
    """Triggers and the like that stand on it."""
    foreign_keys: list[ForeignKey] = field(default_factory=list)
    referenced_by: list[ForeignKey] = field(default_factory=list)
    keys_of_others: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """The primary keys of the tables that are referred to without saying by which columns."""

    @property
    def primary_key(self) -> tuple[str, ...]:
        """The columns of the primary key in its order, none if there is none."""
        return key_of(self.columns)

    def keys_on(self, column: str) -> list[ForeignKey]:
        """Return the foreign keys that a column takes part in."""
        return [key for key in self.foreign_keys if column in key.columns]

    def target_columns(self, key: ForeignKey) -> tuple[str, ...]:
        """Return the columns a foreign key refers to."""
        return key.target_columns or self.keys_of_others.get(key.target_relation, ())


@dataclass(frozen=True, slots=True)
class Page:
    """The answer to a wish: the rows stand in ``result``; ``more`` says whether further ones follow."""

    wish: Wish
    sql: str
    columns: tuple[Column, ...]
    result: ResultSet | None
    rows: int
    more: bool
    seconds: float
    first_row: float | None
    ordered_by: tuple[tuple[str, bool], ...]

    def row(self, number: int) -> Row:
        """Return a row of the page, whole; UnknownObjectError if there is none of this number."""
        rows = self.result.window(number, number + 1) if self.result is not None else []
        if not rows:
            raise UnknownObjectError(f"the page has no row {number + 1}")
        return rows[0]


def key_of(columns: Sequence[ColumnInfo]) -> tuple[str, ...]:
    """Return the names of the columns of a primary key, in its order."""
    placed = [(column.primary_key, column.name) for column in columns if column.primary_key is not None]
    return tuple(name for _, name in sorted(placed))


class TableReader:
    """Reads one table over a session of its own, which is made read-only where the driver can; for the background."""

    def __init__(self, kernel: Kernel, place: Place) -> None:
        self.place = place
        self.session: Session | None = None
        self.structure: Structure | None = None
        """None until it was read."""
        self._kernel = kernel
        self._lock = threading.Lock()
        self._read = threading.Event()
        self._closed = False

    def close(self) -> None:
        """Let go of the session, unless it is somebody else's; returns at once."""
        self._closed = True
        session, self.session = self.session, None
        if session is not None and self.place.session is None:
            threading.Thread(target=session.close, name="alveary-table", daemon=True).start()

    def color(self) -> str | None:
        """Return the colour of the saved connection, as ``#rrggbb``."""
        profile = None if "://" in self.place.target else self._kernel.profiles.find(self.place.target)
        return None if profile is None or profile.color is None else COLORS.get(profile.color, profile.color)

    def connected(self, job: Job) -> Session:
        """Return the session, opened if there is none that can be used."""
        with self._lock:
            if self.session is not None and self.session.state not in _OVER:
                return self.session
            if self.place.session is not None:
                self.session = self._lender(self.place.session)
                return self.session
            target, driver = self._kernel.target(self.place.target)
            if Capability.READ_ONLY in driver.capabilities:
                target, driver = self._kernel.target(self.place.target, read_only=True)
            session = self._kernel.open(target, driver, host="process")
            job.on_cancel(session.give_up_connecting)
            session.wait_connected()
            if self._closed:
                session.close()
                raise QueryCancelledError("the table was closed meanwhile")
            self.session = session
            return session

    def catalog(self, job: Job) -> Catalog:
        """Return the catalog, which stops asking when the job is cancelled."""
        stopped = threading.Event()
        job.on_cancel(stopped.set)
        if self.place.session is not None:
            return self._kernel.catalog(self._lender(self.place.session), stopped=stopped, origin="table")
        return self._kernel.catalog(self.place.target, stopped=stopped, origin="table")

    def read_structure(self, job: Job) -> Structure:
        """Read how the table is built; UnknownObjectError if it is not there."""
        try:
            self.structure = structure_of(self.catalog(job), self.place)
            return self.structure
        finally:
            self._read.set()

    def read_page(self, job: Job, wish: Wish) -> Page:
        """Read the rows that are wanted; raises what the server raises."""
        session = self.connected(job)
        catalog = self.catalog(job)
        if not wish.order:
            self._read.wait(PATIENCE)
        key = self.structure.primary_key if self.structure is not None else ()
        # Rows that are alike in what was chosen would else come on any page, or on two.
        order = (*wish.order, *((name, False) for name in key if name not in dict(wish.order)))
        sql = page_sql(catalog, self.place, wish, order, session.driver.dialect)
        statement = session.execute(sql, limit=PAGE, origin="table")
        job.on_cancel(statement.cancel)
        statement.wait()
        statement.check()
        return _page(wish, sql, statement, wish.order or order)

    def condition(self, job: Job, names: Sequence[str], row: Sequence[tuple[Column, Cell]]) -> str:
        """Return the SQL that is true for rows whose columns ``names`` have the values of a row."""
        session, catalog = self.connected(job), self.catalog(job)
        parts = []
        for name, (column, cell) in zip(names, row, strict=True):
            quoted = catalog.quote(name)
            value = "is null" if cell is None else f"= {literal(column, cell, session.driver.dialect)}"
            parts.append(f"{quoted} {value}")
        return " and ".join(parts)

    def _lender(self, id: str) -> Session:
        for session in self._kernel.sessions():
            if session.id == id:
                return session
        raise SessionClosedError("the database in memory is gone with its session")


def structure_of(catalog: Catalog, place: Place) -> Structure:
    """Return how a table is built; UnknownObjectError if it is not there."""
    details = catalog.details(place.schema, place.table)
    if details is None:
        raise UnknownObjectError(
            f"there is no {place.table!r} in the schema {place.schema!r}", hint="was it renamed or removed?"
        )
    unsaid = {key.target_relation for key in details.foreign_keys if not key.target_columns}
    if any(not key.target_columns for key in details.referenced_by):
        unsaid.add(place.table)
    others = {name: catalog.details(place.schema, name) for name in unsaid}
    return Structure(
        relation=details.relation,
        columns=list(details.columns),
        indexes=list(details.indexes),
        constraints=[each for each in details.constraints if each.kind not in ("primary key", "unique")],
        objects=list(details.objects),
        foreign_keys=list(details.foreign_keys),
        referenced_by=list(details.referenced_by),
        keys_of_others={name: key_of(other.columns) for name, other in others.items() if other is not None},
    )


def page_sql(catalog: Catalog, place: Place, wish: Wish, order: Sequence[tuple[str, bool]], dialect: Dialect) -> str:
    """Return the statement that reads a page, and one row more, which tells whether there is a next one.

    Raises InvalidInputError for a filter that would end the statement.
    """
    name = catalog.quote(place.table)
    lines = ["select *", f"from {name if place.implied else f'{catalog.quote(place.schema)}.{name}'}"]
    if where := wish.where.strip():
        # A comment in the last line must not take the parenthesis along.
        end = "\n)" if "--" in where or "#" in where else ")"
        lines.append(f"where ({where}{end}")
    if order:
        lines.append("order by " + ", ".join(catalog.quote(name) + (" desc" if down else "") for name, down in order))
    lines.append(f"limit {PAGE + 1}" + (f" offset {wish.page * PAGE}" if wish.page else ""))
    sql = "\n".join(lines)
    pieces = [piece for piece in split(sql, dialect) if piece.kind is not PieceKind.BLANK]
    if len(pieces) != 1 or pieces[0].unterminated is not None:
        raise InvalidInputError(
            "the filter is not one condition", hint="write what could stand behind WHERE, such as price > 10"
        )
    return sql


def literal(column: Column, cell: Cell, dialect: Dialect) -> str:
    """Return a value as the dialect writes it in a statement, whatever the modes of the session that will read it."""
    return literals_of(dialect.name, terminal=False, preamble=False).values(column, [cell])[0]


def tsv(result: ResultSet, rows: range, columns: range, *, header: bool) -> str:
    """Return cells tab-separated, as spreadsheets take them; NULL is left empty."""
    shown = [result.columns[number] for number in columns]
    lines = ["\t".join(column.name for column in shown)] if header else []
    for row in result.window(rows.start, rows.stop):
        cells = [column.text(row[number]) or "" for number, column in zip(columns, shown, strict=True)]
        lines.append("\t".join(_field(cell) for cell in cells))
    return "\n".join(lines)


def _field(text: str) -> str:
    return '"' + text.replace('"', '""') + '"' if any(char in text for char in '\t\n\r"') else text


def _page(wish: Wish, sql: str, statement: Statement, order: tuple[tuple[str, bool], ...]) -> Page:
    result = statement.result
    return Page(
        wish=wish,
        sql=sql,
        columns=statement.columns or (),
        result=result,
        rows=len(result) if result is not None else 0,
        more=statement.outcome is Outcome.TRUNCATED,
        seconds=statement.seconds,
        first_row=statement.first_row,
        ordered_by=order,
    )
