"""A copy from its plan to its commit: a table of one database into one of another, counted, and compared if asked."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence

import msgspec

from alveary.contracts.catalog import Catalog, ColumnInfo, RelationDetails, Trait, Twin
from alveary.contracts.specs import DriverSpec
from alveary.contracts.target import Target
from alveary.contracts.types import Kind, LoadColumn, TypeTable
from alveary.errors import AlvearyError, ChecksumMismatchError, InvalidInputError, QueryError, UnknownObjectError
from alveary.jobs import Job
from alveary.policy import Consent
from alveary.sessions import Session
from alveary.statements import Statement
from alveary.transfer.cells import Digest
from alveary.transfer.databases import TableTask
from alveary.transfer.structure import default_of, left_by_another_engine, plain_default, unique_indexes
from alveary.transfer.tables import BACK, RELEASE, SAVE, NewColumn, Table, Work, creation

_ROWS = 1000


class CopiedColumn(msgspec.Struct, frozen=True, kw_only=True):
    """A column and what becomes of it: its name and type here and there, and what is to be said of it."""

    source: str
    source_type: str
    column: str
    type: str
    source_kind: Kind
    kind: Kind
    note: str | None = None


class CopyPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What a copy does. ``create`` is the statement that makes the table, None for one that is there."""

    source: Table
    table: Table
    create: str | None
    columns: tuple[CopiedColumn, ...]
    same: bool
    """Whether both are of one engine."""
    after: tuple[tuple[Trait, str], ...] = ()
    """What the source has beside its columns, and the statements that make it once the rows are there."""
    left_out: tuple[Trait, ...] = ()
    """What it has that is not made."""


class Copied(msgspec.Struct, frozen=True, kw_only=True):
    """What became of it."""

    rows: int
    digest: str | None
    seconds: float
    refused: tuple[tuple[Trait, str], ...] = ()
    """What was to be made once the rows were there, but the database refused, and why."""


def plan(
    source: Table,
    source_types: TypeTable,
    catalog: Catalog,
    table: Table,
    types: TypeTable,
    *,
    same: bool,
    twin: Twin | None = None,
    details: RelationDetails | None = None,
) -> CopyPlan:
    """Return what is to be done with the rows of ``source``; ``same`` says that both are of one engine.

    ``twin`` says how a table like it is made there, or what it has, and ``details`` what stands on it. Raises
    UnknownObjectError where the table that is there lacks a column.
    """
    if table.columns:
        return CopyPlan(
            source=source, table=table, create=None, columns=_into(source, source_types, table, types), same=same
        )
    if same and twin is not None:
        copied = tuple(_as_it_is(info, source_types) for info in source.columns if not info.generated)
        return CopyPlan(
            source=source,
            table=table,
            create=twin.create,
            columns=copied,
            same=same,
            after=twin.after,
            left_out=twin.left,
        )
    new = [_new(column, source_types, types, same=same) for column in source.columns]
    create, said = creation(catalog, table, new, types)
    columns = tuple(
        CopiedColumn(
            source=info.name,
            source_type=info.type_name,
            column=info.name,
            type=column.declared or types.declared(column.type, key=column.place_in_key is not None)[0],
            source_kind=column.type.kind,
            kind=column.type.kind,
            note=note,
        )
        for info, column, note in zip(source.columns, new, said, strict=True)
    )
    if details is None:
        return CopyPlan(source=source, table=table, create=create, columns=columns, same=same)
    after = unique_indexes(catalog, table.path, types, details)
    made = [trait for trait, _ in after]
    made += [default_of(info) for info, column in zip(source.columns, new, strict=True) if column.default is not None]
    left_out = left_by_another_engine(details, twin, made)
    return CopyPlan(
        source=source,
        table=table,
        create=create,
        columns=columns,
        same=same,
        after=tuple(after),
        left_out=tuple(left_out),
    )


def _new(info: ColumnInfo, source_types: TypeTable, types: TypeTable, *, same: bool) -> NewColumn:
    type, default = source_types.read(info.type_name), None
    if not info.generated:
        declared = types.declared(type, key=info.primary_key is not None)[0]
        default = plain_default(info, type, declared, loose=types.loose)
    return NewColumn(
        name=info.name,
        type=type,
        nullable=info.nullable,
        place_in_key=info.primary_key,
        declared=info.type_name if same else None,
        default=default,
    )


def _as_it_is(info: ColumnInfo, types: TypeTable) -> CopiedColumn:
    kind = types.read(info.type_name).kind
    return CopiedColumn(
        source=info.name,
        source_type=info.type_name,
        column=info.name,
        type=info.type_name,
        source_kind=kind,
        kind=kind,
    )


def _into(source: Table, source_types: TypeTable, table: Table, types: TypeTable) -> tuple[CopiedColumn, ...]:
    there = {column.name: column for column in table.columns}
    folded = {column.name.casefold(): column for column in table.columns}
    columns, missing = [], []
    for info in source.columns:
        found = there.get(info.name) or folded.get(info.name.casefold())
        if found is None:
            missing.append(info.name)
        elif not found.generated:
            columns.append(
                CopiedColumn(
                    source=info.name,
                    source_type=info.type_name,
                    column=found.name,
                    type=found.type_name,
                    source_kind=source_types.read(info.type_name).kind,
                    kind=types.read(found.type_name).kind,
                )
            )
    if missing:
        raise UnknownObjectError(
            f"{table.display()} has no column {', '.join(map(repr, missing))}",
            hint=f"its columns: {', '.join(there)}; copy to a new table instead",
        )
    return tuple(columns)


def run(
    session: Session,
    plan: CopyPlan,
    origin: tuple[Target, DriverSpec, TypeTable, Mapping[str, str]],
    types: TypeTable,
    job: Job,
    *,
    in_place: bool,
    truncate: bool,
    checksum: bool,
    timeout: float,
    expected: int | None,
    consent: Consent | None = None,
) -> Copied:
    """Do what was planned, in one transaction at the target; what is raised leaves it as it was.

    ``origin`` is where the rows come from, with the password it takes, and how names are quoted there; ``expected`` is
    about how many there are; ``in_place`` says that both are in one database, where what is read stays as it
    is while rows are written. What must be confirmed is asked before anything is sent, unless there is ``consent``.
    """
    started = time.monotonic()
    target, driver, source_types, source_quoted = origin
    catalog = session.catalog()
    quoted = ".".join(map(catalog.quote, plan.table.path))
    kinds = tuple(column.kind for column in plan.columns)
    selected = ", ".join(
        source_types.selected(column.source_kind, source_quoted[column.source]) for column in plan.columns
    )
    task = TableTask(
        factory=driver.factory,
        target=target,
        timeout=timeout,
        prepare=source_types.steady,
        sql=f"select {selected} from {'.'.join(source_quoted[name] for name in plan.source.path)}",
        names=tuple(column.source for column in plan.columns),
        source_kinds=tuple(column.source_kind for column in plan.columns),
        kinds=kinds,
        same=plan.same,
        digest=checksum,
        in_place=in_place,
    )
    columns = [LoadColumn(name=column.column, kind=column.kind) for column in plan.columns]
    names = ", ".join(catalog.quote(column.name) for column in columns)

    def progress(statement: Statement) -> None:
        percent = None if not expected else min(100.0 * statement.rows / expected, 99.9)
        job.progress(statement.rows, "rows", item=f"to {plan.table.display()}", percent=percent)

    load = f"insert into {quoted} ({names}) /* the rows of a table of another database */"
    emptying = f"delete from {quoted}"
    stopped = threading.Event()
    job.on_cancel(stopped.set)
    to_run = [
        *types.steady,
        *([plan.create] if plan.create is not None else []),
        *([emptying] if truncate else []),
        load,
        *([SAVE, RELEASE, BACK] if plan.after else []),
        *(sql for _, sql in plan.after),
    ]
    # The second connection sends this without a session to ask the policy, so it is asked here.
    session.policy.clear([*task.prepare, task.sql], target, driver, stopped=stopped)
    clearance = session.clear(to_run, consent=consent, stopped=stopped)
    work = Work(session, job, clearance)
    for sql in types.steady:
        work.run(sql)
    with work.transaction():
        if plan.create is not None:
            work.make(plan.create, f"drop table {quoted}")
        if truncate:
            work.run(emptying)
        before = 0 if plan.create is not None or truncate else work.count(quoted)
        if checksum and before:
            raise InvalidInputError(
                f"{plan.table.display()} holds {before:,} rows already, so there is nothing to compare the copy with",
                hint="copy to a new table, replace its rows with --truncate, or leave --checksum out",
            )
        statement = session.load(
            plan.table.path,
            columns,
            "alveary.transfer.databases:TableRows",
            msgspec.msgpack.encode(task),
            sql=load,
            clearance=clearance,
        )
        try:
            work.wait(statement, progress)
        except AlvearyError as exc:
            if exc.line is None:
                raise
            raise type(exc)(
                exc.message.replace(f"line {exc.line}", f"row {exc.line}", 1),
                detail=exc.detail,
                hint="nothing was written",
                server_code=exc.server_code,
            ) from exc
        progress(statement)
        after = work.count(quoted)
        if after - before != statement.rows:
            raise QueryError(
                f"{statement.rows:,} rows were read, but {plan.table.display()} has {after - before:,} more",
                hint="nothing was written; a trigger or a rule at the target changes what is inserted",
            )
        if checksum:
            held = ", ".join(types.selected(column.kind, catalog.quote(column.name)) for column in columns)
            _compare(session, work, f"select {held} from {quoted}", kinds, statement.digest or "", plan)
        refused = [(trait, work.attempt(sql)) for trait, sql in plan.after]
    return Copied(
        rows=statement.rows,
        digest=statement.digest,
        seconds=time.monotonic() - started,
        refused=tuple((trait, error.message) for trait, error in refused if error is not None),
    )


def _compare(session: Session, work: Work, sql: str, kinds: Sequence[Kind], expected: str, plan: CopyPlan) -> None:
    found, statement = Digest(kinds), session.execute(sql)
    result = work.wait(statement).result
    assert result is not None, "a query has a result"
    for start in range(0, len(result), _ROWS):
        found.add(result.window(start, min(start + _ROWS, len(result))))
    result.drop()
    if (actual := found.hexdigest()) != expected:
        raise ChecksumMismatchError(
            f"what {plan.table.display()} holds is not what was read: its sum is {actual}, not {expected}",
            hint="nothing was written; a type at the target rounds, pads or cuts what it is given",
        )
