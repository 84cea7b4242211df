"""An import from its plan to its commit: which column of the file goes where, as what, and all of it or nothing."""

from __future__ import annotations

import csv
import itertools
import os
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import msgspec

from alveary.contracts.catalog import ColumnInfo
from alveary.contracts.importer import Fault
from alveary.contracts.types import ColumnType, Kind, LoadColumn, TypeTable, parse_type
from alveary.errors import (
    AlvearyError,
    InvalidInputError,
    NameTakenError,
    QueryCancelledError,
    RowRefusedError,
    UnknownObjectError,
)
from alveary.jobs import Job
from alveary.output import Output
from alveary.policy import Consent
from alveary.sessions import Session
from alveary.statements import Statement
from alveary.transfer.cells import Fitting
from alveary.transfer.files import MOST_FAULTS, FileTask, Opened, Survey, Watched
from alveary.transfer.tables import NewColumn, Table, Work, creation

#: Kinds whose form is checked where the engine takes any value in any column.
_CHECKED = (Kind.SMALLINT, Kind.INTEGER, Kind.BIGINT, Kind.DECIMAL, Kind.REAL, Kind.DOUBLE, Kind.BOOLEAN)


class PlannedColumn(msgspec.Struct, frozen=True, kw_only=True):
    """A column of the file and where it goes. ``type`` is how the engine calls its type, ``kind`` what its values are;
    ``note`` is what there is to be said about it."""

    file: str
    column: str
    type: str
    kind: Kind
    checked: bool = False
    note: str | None = None


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What an import does. ``create`` is the statement that makes the table, None for one that is there."""

    table: Table
    create: str | None
    columns: tuple[PlannedColumn, ...]
    left_out: tuple[str, ...]
    """Columns of the file that go nowhere."""


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of it."""

    rows: int
    rejected: int
    seconds: float
    faults: tuple[Fault, ...] = ()
    """The first rows that were rejected."""


def plan(
    session: Session,
    table: Table,
    types: TypeTable,
    opened: Opened,
    survey: Survey | None,
    *,
    mapping: Mapping[str, str],
    given: Mapping[str, str],
) -> Plan:
    """Return what is to be done; raises InvalidInputError for a mapping or a type that makes no sense.

    ``mapping`` says where columns of the file go by another name, "" for nowhere; ``given`` are types as a person
    wrote them, by column of the file. ``survey`` is needed to make a table that is not there.
    """
    names = [column.name for column in opened.columns]
    for what, wanted in (("maps", mapping), ("gives a type to", given)):
        if unknown := [name for name in wanted if name not in names]:
            raise InvalidInputError(
                f"the import {what} {', '.join(map(repr, unknown))}, which the file does not have",
                hint=f"columns of the file: {', '.join(names)}",
            )
    chosen = {name: _parsed(name, text) for name, text in given.items()}
    going = [(name, mapping.get(name, name)) for name in names if mapping.get(name, name)]
    if not going:
        raise InvalidInputError("every column of the file is left out, so there is nothing to import")
    ends = [end for _, end in going]
    if twice := sorted({end for end in ends if ends.count(end) > 1}):
        raise InvalidInputError(f"two columns of the file go to {', '.join(map(repr, twice))}")
    left_out = tuple(name for name in names if name not in dict(going))
    if table.columns:
        return Plan(table=table, create=None, columns=_into(table, types, going, mapping, chosen), left_out=left_out)
    assert survey is not None, "a table is made by what all of the file tells"
    surveyed = {column.name: column for column in survey.columns}
    new, columns = [], []
    for name, end in going:
        type = chosen.get(name) or surveyed[name].type
        if type.kind is Kind.DECIMAL and types.free_decimals and name not in chosen:
            type = ColumnType(kind=Kind.DECIMAL)
        if surveyed[name].has_minus_zero and not types.keeps_minus_zero and name not in chosen:
            type = ColumnType(kind=Kind.TEXT)
        new.append(NewColumn(name=end, type=type))
    create, said = creation(session.catalog(), table, new, types)
    for (name, end), column, inexact in zip(going, new, said, strict=True):
        misfit = surveyed[name].misfit
        why = None if misfit is None or name in chosen else f"text because of line {misfit.line}: {misfit.value!r}"
        if why is None and column.type.kind is Kind.TEXT and surveyed[name].has_minus_zero and name not in chosen:
            why = "text because of a -0, which is no number here"
        columns.append(
            PlannedColumn(
                file=name,
                column=end,
                type=types.declared(column.type)[0],
                kind=column.type.kind,
                checked=name in chosen,
                note=inexact or why,
            )
        )
    return Plan(table=table, create=create, columns=tuple(columns), left_out=left_out)


def _parsed(name: str, text: str) -> ColumnType:
    try:
        return parse_type(text)
    except ValueError as exc:
        raise InvalidInputError(f"the type of {name!r}: {exc}") from None


def _into(
    table: Table,
    types: TypeTable,
    going: Sequence[tuple[str, str]],
    mapping: Mapping[str, str],
    chosen: Mapping[str, ColumnType],
) -> tuple[PlannedColumn, ...]:
    there = {column.name: column for column in table.columns}
    folded: dict[str, list[ColumnInfo]] = {}
    for column in table.columns:
        folded.setdefault(column.name.casefold(), []).append(column)
    columns, missing = [], []
    for name, end in going:
        found = there.get(end)
        if found is None and len(alike := folded.get(end.casefold(), [])) == 1:
            found = alike[0]
        if found is None:
            missing.append(end)
            continue
        if found.generated:
            raise InvalidInputError(
                f"the column {found.name!r} of {table.display()} is generated, so nothing can be written to it",
                hint=f"leave it out: --map '{name}='",
            )
        own = types.read(found.type_name)
        kind = chosen[name].kind if name in chosen else own.kind
        if types.loose and name not in chosen:
            # There JSON is a name for text, and so came out as text; a decimal may be any number, 1e+20 and Inf.
            kind = {Kind.JSON: Kind.TEXT, Kind.DECIMAL: Kind.DOUBLE}.get(kind, kind)
        checked = name in chosen or (types.loose and kind in _CHECKED)
        columns.append(PlannedColumn(file=name, column=found.name, type=found.type_name, kind=kind, checked=checked))
    if missing:
        raise UnknownObjectError(
            f"{table.display()} has no column {', '.join(map(repr, missing))}",
            hint=f"its columns: {', '.join(there)}; --map FILE=COLUMN maps one, --map FILE= leaves one out",
        )
    return tuple(columns)


def check_table(table: Table, *, create: bool, existing: bool) -> None:
    """Raise UnknownObjectError or NameTakenError where the table is not there, or is and should not be."""
    if not table.columns and existing:
        raise UnknownObjectError(
            f"there is no table {table.display()}", hint="without --existing it is made from the file"
        )
    if table.columns and create:
        raise NameTakenError(f"there is a table {table.display()} already", hint="without --create its rows are added")


def run(
    session: Session,
    plan: Plan,
    opened: Opened,
    job: Job,
    *,
    truncate: bool = False,
    rejects: str | None = None,
    scratch: Path,
    consent: Consent | None = None,
) -> Outcome:
    """Do what was planned, in one transaction; what is raised leaves the database as it was.

    What must be confirmed there is asked before anything is sent, unless there is ``consent``.

    The file of rejects appears once the rest is committed; ``scratch`` is a folder for what it is until then.
    """
    started = time.monotonic()
    catalog = session.catalog()
    quoted = ".".join(map(catalog.quote, plan.table.path))
    picks = [[column.name for column in opened.columns].index(column.file) for column in plan.columns]
    task = FileTask(
        opened=opened,
        picks=tuple(picks),
        kinds=tuple(column.kind for column in plan.columns),
        checked=tuple(column.checked for column in plan.columns),
    )
    columns = [LoadColumn(name=column.column, kind=column.kind) for column in plan.columns]
    names = ", ".join(catalog.quote(column.name) for column in columns)
    load = f"insert into {quoted} ({names}) /* the rows of {_in_comment(Path(opened.path).name)} */"
    emptying = f"delete from {quoted}"
    stopped = threading.Event()
    job.on_cancel(stopped.set)
    to_run = [*([plan.create] if plan.create is not None else []), *([emptying] if truncate else []), load]
    clearance = session.clear(to_run, consent=consent, stopped=stopped)
    output = None if rejects is None else Output(rejects)
    scratch.mkdir(parents=True, exist_ok=True)
    descriptor, waiting = tempfile.mkstemp(prefix="rejects-", dir=scratch)
    os.close(descriptor)
    size = max(opened.identity.size, 1)

    def progress(statement: Statement) -> None:
        speed = statement.bytes / max(time.monotonic() - started, 1e-9) / 1e6
        told = f"{statement.bytes / 1e6:,.1f} of {size / 1e6:,.1f} MB, {speed:,.1f} MB/s"
        job.progress(statement.rows, "rows", item=told, percent=min(100.0 * statement.bytes / size, 100.0))

    work = Work(session, job, clearance)
    faults: tuple[Fault, ...] = ()
    try:
        with work.transaction():
            if plan.create is not None:
                work.make(plan.create, f"drop table {quoted}")
            if truncate:
                work.run(emptying)
            statement = session.load(
                plan.table.path,
                columns,
                "alveary.transfer.files:FileRows",
                msgspec.msgpack.encode(task),
                sql=load,
                rejects=None if output is None else waiting,
                clearance=clearance,
            )
            try:
                work.wait(statement, progress)
            except AlvearyError as exc:
                exc.statement = None  # it says the line of the file, which is no line of a statement
                raise
            progress(statement)
            if output is not None:  # before the commit, so that a full disk undoes the import
                faults = _first_faults(waiting)
                with open(waiting, "rb") as kept:
                    while data := kept.read(1 << 16):
                        output.write(data)
                output.flush()
        if output is not None:
            output.commit()
    finally:
        os.unlink(waiting)
        if output is not None:
            output.discard()
    return Outcome(faults=faults, rows=statement.rows, rejected=statement.rejected, seconds=time.monotonic() - started)


def rehearse(plan: Plan, opened: Opened, job: Watched) -> tuple[int, int, tuple[Fault, ...]]:
    """Go through the file as the import would, without a database.

    Return how many rows would go in and how many would not, and the first faults. A value unlike its column is one
    here whether or not an engine could make something of it.
    """
    names = [column.name for column in opened.columns]
    picks = [names.index(column.file) for column in plan.columns]
    importer = opened.importer()
    fitting = Fitting(
        [column.file for column in plan.columns],
        [column.kind for column in plan.columns],
        [column.checked or column.kind in _CHECKED for column in plan.columns],
        from_json=importer.is_json,
    )
    rows, faulty, faults = 0, 0, list[Fault]()
    for chunk in importer.chunks(opened.columns):
        if job.cancelled:
            raise QueryCancelledError("cancelled")
        fit, _, found = fitting([tuple([row[pick] for pick in picks]) for row in chunk.rows], chunk.lines)
        found = sorted([*chunk.faults, *found], key=lambda fault: fault.line)
        rows, faulty = rows + len(fit), faulty + len(found)
        faults += found[: MOST_FAULTS - len(faults)]
        job.progress(rows, "rows", item="dry run", percent=100.0 * chunk.done / max(opened.identity.size, 1))
    return rows, faulty, tuple(faults)


def _first_faults(path: str) -> tuple[Fault, ...]:
    found: list[Fault] = []
    with open(path, encoding="utf-8", errors="surrogateescape", newline="") as file, suppress(csv.Error):
        # A value can be longer than the reader takes; those before it are told.
        for line, name, value, why in itertools.islice(csv.reader(file), 1, 1 + MOST_FAULTS):
            found.append(Fault(line=int(line), column=name, value=value[:200], reason=why))
    return tuple(found)


def _in_comment(name: str) -> str:
    return "".join(char if char.isprintable() and char not in "*/" else "?" for char in name)


def refuse_faults(survey: Survey, *, rejecting: bool) -> None:
    """Raise RowRefusedError for a file that holds what is no row, unless such records are put aside."""
    if survey.faulty and not rejecting:
        raise refused(survey.faults[0], survey.faulty)


def refused(fault: Fault, count: int) -> RowRefusedError:
    """Return the error that tells of a fault, and how many there are."""
    more = "" if count == 1 else f"; {count - 1:,} more such lines follow"
    return RowRefusedError(
        f"line {fault.line}: {fault.reason}{more}",
        detail=f"the line begins {fault.value!r}" if fault.value else None,
        line=fault.line,
        hint="nothing was written; a rejects file takes such rows, and the others go in",
    )
