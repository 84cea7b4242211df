"""``import.run`` and ``import.preview``: a file into a table, and what it would be."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from alveary.commands import Context
from alveary.commands.confirming import ConfirmedName, Yes
from alveary.contracts.importer import Fault
from alveary.contracts.setting import Value
from alveary.contracts.types import ColumnType
from alveary.errors import InvalidInputError, MalformedUrlError
from alveary.formats import check_installed, checked_options
from alveary.output import files_of, refuse_replacing
from alveary.policy import Consent
from alveary.tables import plain_table
from alveary.transfer import files, importing, looking
from alveary.transfer.importing import PlannedColumn
from alveary.transfer.looking import Looked, SampleRow
from alveary.transfer.tables import find_table, type_table

PREVIEW_ROWS = 20


class ReadParameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which file, and how to read it; what is not said is found out."""

    format: Annotated[str | None, Meta(description="Format of the file: csv, tsv, jsonl, parquet.")] = None
    delimiter: Annotated[str | None, Meta(description="Character between two fields; \\t is the tab.")] = None
    encoding: Annotated[str | None, Meta(description="Encoding of the file, such as utf-8 or windows-1252.")] = None
    header: Annotated[
        Literal["yes", "no"] | None, Meta(description="Whether the first line holds the names of the columns.")
    ] = None
    options: Annotated[
        dict[str, Value],
        Meta(description="Further options of the format by their names.", extra={"flags": ["--option"]}),
    ] = {}
    sha256: Annotated[str | None, Meta(description="SHA-256 the file must have, in hexadecimal.")] = None


class PreviewParameters(ReadParameters, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which file, how much of it to show."""

    file: Annotated[str, Meta(description="File to look at.", extra={"argument": True})]
    rows: Annotated[int, Meta(ge=0, le=1000, description="Rows to show.")] = PREVIEW_ROWS
    whole: Annotated[bool, Meta(description="Look at all of the file, not at its beginning only.")] = False


class ImportParameters(ReadParameters, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What goes where, and how."""

    target: Annotated[str, Meta(description="URL of the database, or a saved name.", extra={"argument": True})]
    file: Annotated[str, Meta(description="File to import.", extra={"argument": True})]
    table: Annotated[str, Meta(description="Table to import into; schema.table, with quotes around odd names.")]
    create: Annotated[
        bool, Meta(description="Make the table, with types that hold every value; refuse one that is there.")
    ] = False
    existing: Annotated[bool, Meta(description="Refuse to make a table; without it one that is not there is made.")] = (
        False
    )
    map: Annotated[
        dict[str, str], Meta(description="Column of the file = column of the table; nothing leaves it out.")
    ] = {}
    type: Annotated[
        dict[str, str], Meta(description="Column of the file = its type: integer, decimal(12,2), text, date.")
    ] = {}
    truncate: Annotated[bool, Meta(description="Delete the rows that are there, in the same transaction.")] = False
    dry_run: Annotated[bool, Meta(description="Look at all of it and tell; write nothing.")] = False
    rejects: Annotated[
        str | None, Meta(description="File for rows that are refused; the others go in. Without it: all or nothing.")
    ] = None
    on_error: Annotated[
        Literal["stop", "reject"] | None, Meta(description="What to do with a row that is refused.")
    ] = None
    confirm: ConfirmedName = None
    yes: Yes = False
    history: Annotated[bool, Meta(description="Record what is run in the history.")] = True


class ColumnPreview(msgspec.Struct, frozen=True, kw_only=True):
    """A column of a file and the type that holds what was looked at."""

    name: str
    type: ColumnType
    has_null: bool
    misfit: Fault | None = None


class ImportPreview(msgspec.Struct, frozen=True, kw_only=True):
    """What a file is. ``rows`` counts what was looked at, which is all of the file if ``whole``."""

    format: str
    options: dict[str, Value]
    columns: tuple[ColumnPreview, ...]
    sample: tuple[SampleRow, ...]
    rows: int
    whole: bool
    bytes: int
    faulty: int
    faults: tuple[Fault, ...]
    notes: tuple[str, ...]


class ImportReport(msgspec.Struct, frozen=True, kw_only=True):
    """What was done, or, of a dry run, would be."""

    table: str
    created: str | None
    format: str
    options: dict[str, Value]
    columns: tuple[PlannedColumn, ...]
    left_out: tuple[str, ...]
    rows: int
    rejected: int
    rejects: str | None
    bytes: int
    seconds: float
    sha256: str | None
    dry_run: bool
    faults: tuple[Fault, ...]
    notes: tuple[str, ...]


def preview(context: Context, parameters: PreviewParameters) -> ImportPreview:
    """Look at a file without any database."""
    most = None if parameters.whole else max(parameters.rows, 1)
    looked = _looked(context, parameters, keep=parameters.rows, most=most)
    opened, survey = looked.opened, looked.survey
    assert survey is not None, "rows were asked for"
    return ImportPreview(
        format=opened.format,
        options=opened.options,
        columns=tuple(
            ColumnPreview(name=each.name, type=each.type, has_null=each.has_null, misfit=each.misfit)
            for each in survey.columns
        ),
        sample=looked.sample,
        rows=survey.rows,
        whole=parameters.whole,
        bytes=opened.identity.size,
        faulty=survey.faulty,
        faults=survey.faults,
        notes=opened.notes,
    )


def run(context: Context, parameters: ImportParameters) -> ImportReport:
    """Import a file in one transaction: everything, or nothing, or everything but what goes to the rejects."""
    kernel, job, started = context.kernel, context.job, time.monotonic()
    rejecting = _rejecting(parameters)
    if parameters.create and parameters.existing:
        raise InvalidInputError("a table can't be made and be there already", hint="leave one of the two out")
    target, driver = kernel.target(parameters.target)
    refuse_replacing(parameters.rejects, parameters.file, *files_of(target, driver))
    # What is wrong with the file is said before anything is touched.
    looked = _looked(context, parameters, most=None if parameters.create or parameters.dry_run else 0)
    opened, survey = looked.opened, looked.survey
    if survey is not None:
        importing.refuse_faults(survey, rejecting=rejecting or parameters.dry_run)
    with kernel.open(target, driver, record=parameters.history) as session:
        job.on_cancel(session.give_up_connecting)
        session.wait_connected()
        table = find_table(session.catalog(), parameters.table)
        importing.check_table(table, create=parameters.create, existing=parameters.existing)
        if not table.columns and survey is None:
            survey = _looked(context, msgspec.structs.replace(parameters, sha256=None)).survey
            assert survey is not None, "all of the file was looked at"
            importing.refuse_faults(survey, rejecting=rejecting)
        types = type_table(driver)
        plan = importing.plan(session, table, types, opened, survey, mapping=parameters.map, given=parameters.type)
        outcome = importing.Outcome(rows=0, rejected=0, seconds=0.0)
        if not parameters.dry_run:
            outcome = importing.run(
                session,
                plan,
                opened,
                job,
                truncate=parameters.truncate,
                rejects=parameters.rejects,
                scratch=kernel.paths.cache,
                consent=Consent(yes=parameters.yes, name=parameters.confirm),
            )
            if parameters.history:
                kernel.recorder.flush()
    faults = outcome.faults
    rows, rejected = outcome.rows, outcome.rejected
    if parameters.dry_run:
        rehearsed = looking.go_through(looking.Rehearse(plan=plan, opened=opened), job, elsewhere=_elsewhere(context))
        rows, rejected, faults = rehearsed.rows, rehearsed.rejected, rehearsed.faults
    return ImportReport(
        table=table.display(),
        created=plan.create,
        format=opened.format,
        options=opened.options,
        columns=plan.columns,
        left_out=plan.left_out,
        rows=rows,
        rejected=rejected,
        rejects=parameters.rejects,
        bytes=opened.identity.size,
        seconds=round(time.monotonic() - started, 6),
        sha256=looked.sha256,
        dry_run=parameters.dry_run,
        faults=faults,
        notes=opened.notes,
    )


def _rejecting(parameters: ImportParameters) -> bool:
    if parameters.on_error == "reject" and parameters.rejects is None:
        raise InvalidInputError("rows can only be put aside with a file to put them into", hint="--rejects FILE")
    if parameters.on_error == "stop" and parameters.rejects is not None:
        raise InvalidInputError("an import that stops at the first refused row has no rejects", hint="leave one out")
    return parameters.rejects is not None


def _looked(
    context: Context, parameters: PreviewParameters | ImportParameters, *, keep: int = 0, most: int | None = None
) -> Looked:
    """Return the file, found to be the one that is expected, and how it is read."""
    if "://" in parameters.file:
        raise MalformedUrlError("a file is imported by its path", hint="the order is: TARGET FILE --table TABLE")
    path = os.path.abspath(parameters.file) if context.kernel.host == "process" else parameters.file
    identity = files.identify(path)
    spec = files.find_importer(context.kernel.plugins.importers, path, parameters.format)
    check_installed(spec)
    task = looking.Look(
        path=path,
        format=spec.id,
        factory=spec.factory,
        options=checked_options(spec, _options(parameters)),
        identity=identity,
        keep=keep,
        most=most,
        sha256=parameters.sha256,
    )
    return looking.look(task, context.job, elsewhere=_elsewhere(context))


def _elsewhere(context: Context) -> Path | None:
    """Return where a process of its own leaves its answer; None where the work may be done here, beside no window."""
    return context.kernel.paths.cache if context.kernel.host == "process" else None


def _options(parameters: ReadParameters) -> Mapping[str, object]:
    own = {"delimiter": parameters.delimiter, "encoding": parameters.encoding, "header": parameters.header}
    return {**parameters.options, **{name: value for name, value in own.items() if value is not None}}


# -- for a person ------------------------------------------------------------------------------------------------


def render_preview(preview: ImportPreview, write: Callable[[str], object]) -> None:
    """Print the columns and the first rows of a file."""
    told = ", ".join(f"{name} {value!r}" for name, value in preview.options.items() if value is not None)
    write(f"{preview.format}{f' ({told})' if told else ''}, {preview.bytes:,} bytes\n")
    for note in preview.notes:
        write(f"note: {note}\n")
    write("\n")
    write(
        plain_table(
            ["column", "type", "null", "note"],
            [
                [each.name, str(each.type), "yes" if each.has_null else "no", _misfit(each.misfit)]
                for each in preview.columns
            ],
        )
    )
    if preview.sample:
        write("\n")
        rows = [[str(row.line), *(_short(cell) for cell in row.cells)] for row in preview.sample]
        write(plain_table(["line", *(each.name for each in preview.columns)], rows))
    counted = "rows" if preview.whole else "rows or more"
    write(
        f"\n{preview.rows:,} {counted}" + (f", {preview.faulty:,} lines that are none" if preview.faulty else "") + "\n"
    )
    _faults(preview.faults, write)


def render(report: ImportReport, write: Callable[[str], object]) -> None:
    """Print what became of an import."""
    for note in report.notes:
        write(f"note: {note}\n")
    write(
        plain_table(
            ["file", "column", "type", "note"],
            [[each.file, each.column, each.type, each.note or ""] for each in report.columns],
        )
    )
    if report.left_out:
        write(f"left out: {', '.join(report.left_out)}\n")
    done = "would be imported" if report.dry_run else "imported"
    made = "" if report.created is None else (", which would be made" if report.dry_run else ", which was made")
    speed = (
        "" if report.dry_run else f" ({report.seconds:.3f} s, {report.rows / max(report.seconds, 1e-9):,.0f} rows/s)"
    )
    write(f"\n{report.rows:,} rows {done} into {report.table}{made}{speed}\n")
    if report.rejected:
        write(f"{report.rejected:,} rows rejected" + (f": see {report.rejects}" if report.rejects else "") + "\n")
    if report.sha256 is not None:
        write(f"sha256 {report.sha256}\n")
    _faults(report.faults, write)


def _faults(faults: tuple[Fault, ...], write: Callable[[str], object]) -> None:
    if faults:
        write("\n")
        rows = [[str(fault.line), fault.column, _short(fault.value), fault.reason] for fault in faults]
        write(plain_table(["line", "column", "value", "reason"], rows))


def _misfit(fault: Fault | None) -> str:
    return "" if fault is None else f"text because of line {fault.line}: {_short(fault.value)!r}"


def _short(cell: str | None) -> str:
    if cell is None:
        return "NULL"
    return cell if len(cell) <= 40 else cell[:40] + "…"
