"""``copy.run``: a table of one database into a table of another, whatever engines they are of."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable
from typing import Annotated

import msgspec
from msgspec import Meta

from alveary.commands import Context
from alveary.commands.confirming import ConfirmedName, Yes
from alveary.contracts.catalog import Catalog
from alveary.errors import InvalidInputError, QueryError, UnknownObjectError
from alveary.policy import Consent
from alveary.sessions import Session
from alveary.tables import plain_table
from alveary.transfer import copying
from alveary.transfer.copying import CopiedColumn
from alveary.transfer.tables import Table, find_table, type_table
from alveary.witnesses import IMPORT


class CopyParameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is copied, and where to."""

    source: Annotated[str, Meta(description="URL or saved name of the database to read.", extra={"argument": True})]
    table: Annotated[str, Meta(description="Table to copy.", extra={"argument": True})]
    target: Annotated[str, Meta(description="URL or saved name of the database to write.", extra={"argument": True})]
    to: Annotated[
        str | None, Meta(description="Table to write; of the same name if left out.", extra={"argument": True})
    ] = None
    truncate: Annotated[bool, Meta(description="Delete the rows that are there, in the same transaction.")] = False
    checksum: Annotated[bool, Meta(description="Read everything back and compare it, before it is committed.")] = False
    history: Annotated[bool, Meta(description="Record what is run in the history.")] = True
    confirm: ConfirmedName = None
    yes: Yes = False


class CopyReport(msgspec.Struct, frozen=True, kw_only=True):
    """What was done. ``checksum`` is the sum of all rows, in any order, alike on both sides."""

    source: str
    table: str
    created: str | None
    made: tuple[str, ...]
    """What the table has beside its columns and their key, once it is made: indexes, constraints, comments."""
    left_out: tuple[str, ...]
    """What the source has that was not made, with why where the database says it."""
    columns: tuple[CopiedColumn, ...]
    rows: int
    seconds: float
    checksum: str | None


def run(context: Context, parameters: CopyParameters) -> CopyReport:
    """Copy in one transaction at the target: everything, counted, or nothing."""
    kernel, job, started = context.kernel, context.job, time.monotonic()
    source_target, source_driver = kernel.target(parameters.source, read_only=False)
    target, driver = kernel.target(parameters.target)
    timeout = source_target.connect_timeout or kernel.settings.get("connect.timeout")
    with contextlib.ExitStack() as stack:
        source = stack.enter_context(kernel.open(source_target, source_driver, record=False))
        job.on_cancel(source.give_up_connecting)
        source.wait_connected()
        source_catalog = source.catalog()
        found = find_table(source_catalog, parameters.table)
        if not found.columns:
            raise UnknownObjectError(f"there is no table {found.display()}", hint="names are matched exactly")
        estimates = {each.name: each.rows for each in source_catalog.relations(found.schema)}
        quoting = {name: source_catalog.quote(name) for name in (*found.path, *(each.name for each in found.columns))}
        # The source stays open for what it goes through: its rows are read by another connection over the same tunnel.
        session = stack.enter_context(kernel.open(target, driver, record=parameters.history))
        job.on_cancel(session.give_up_connecting)
        session.wait_connected()
        catalog = session.catalog()
        table = find_table(catalog, parameters.to or _last(parameters.table))
        in_place = _one_database(source, session)
        if found.path == table.path and in_place:
            raise InvalidInputError(f"{table.display()} would be copied onto itself", hint="name another table")
        source_types, types = type_table(source_driver), type_table(driver)
        same, twin, details = source_driver.id == driver.id, None, None
        if not table.columns:
            at = table.path if same else found.path
            with contextlib.suppress(QueryError):  # it may be hidden from this user, or a view whose table is gone
                twin = source_catalog.twin(*found.path, *at)
            details = source_catalog.details(*found.path)
        plan = copying.plan(found, source_types, catalog, table, types, same=same, twin=twin, details=details)
        copied = copying.run(
            session,
            plan,
            (source.reached, source_driver, source_types, quoting),
            types,
            job,
            in_place=in_place and _are_apart(source_catalog, found, catalog, table),
            truncate=parameters.truncate and plan.create is None,
            checksum=parameters.checksum,
            timeout=timeout,
            expected=estimates.get(found.name),
            consent=Consent(yes=parameters.yes, name=parameters.confirm),
        )
        if parameters.history:
            kernel.recorder.flush()
    refused = dict(copied.refused)
    left_out = [*map(str, plan.left_out), *(f"{trait} ({why})" for trait, why in copied.refused)]
    if left_out:
        job.notice(f"{table.display()} has not all that {found.display()} has; left out: {', '.join(left_out)}")
    return CopyReport(
        source=found.display(),
        table=table.display(),
        created=plan.create,
        made=tuple(str(trait) for trait, _ in plan.after if trait not in refused),
        left_out=tuple(left_out),
        columns=plan.columns,
        rows=copied.rows,
        seconds=round(time.monotonic() - started, 6),
        checksum=copied.digest,
    )


def _last(path: str) -> str:
    """Return the last name of a path, as a path."""
    from alveary.catalog import parse_path

    return '"' + parse_path(path)[-1].replace('"', '""') + '"'


def _are_apart(source_catalog: Catalog, source: Table, catalog: Catalog, target: Table) -> bool:
    """Tell whether writing one changes nothing of the other: both are tables, and no trigger is at the target."""
    read = source_catalog.details(*source.path)
    written = catalog.details(*target.path) if target.columns else None
    if any(each is not None and each.relation.kind != "table" for each in (read, written)):
        return False
    return written is None or all(each.kind != "trigger" for each in written.objects)


def _one_database(one: Session, other: Session) -> bool:
    """Tell whether both lead to the same database, by whatever names: the servers themselves are asked."""
    if one.driver.id != other.driver.id:
        return False
    if one.driver.file_based and one.target.database and other.target.database:
        with contextlib.suppress(OSError, ValueError):  # there is no such file, as for a database in memory
            return os.path.samefile(one.target.database, other.target.database)
    identities = [each.ask("identity", origin=IMPORT) for each in (one, other)]
    if None not in identities:
        return bool(identities[0] == identities[1])
    places = [
        (target.host, target.port or driver.port, target.database, target.tunnel)
        for target, driver in ((each.target, each.driver) for each in (one, other))
    ]
    return places[0] == places[1]


def render(report: CopyReport, write: Callable[[str], object]) -> None:
    """Print what became of a copy."""
    write(
        plain_table(
            ["column", "type there", "becomes", "type here", "note"],
            [[each.source, each.source_type, each.column, each.type, each.note or ""] for each in report.columns],
        )
    )
    made = "" if report.created is None else ", which was made"
    rate = report.rows / max(report.seconds, 1e-9)
    write(f"\n{report.rows:,} rows of {report.source} copied to {report.table}{made}, and counted there")
    write(f" ({report.seconds:.3f} s, {rate:,.0f} rows/s)\n")
    if report.made:
        write(f"made, too: {', '.join(report.made)}\n")
    if report.checksum is not None:
        write(f"checksum {report.checksum}, alike on both sides\n")
