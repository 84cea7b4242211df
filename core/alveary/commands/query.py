"""``query.run``: SQL in, rows out through an exporter or into a stored result."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec
from msgspec import Meta

from alveary.catalog import parse_path
from alveary.commands import Context
from alveary.commands.confirming import Confirming
from alveary.contracts.exporter import Origin
from alveary.contracts.setting import Value
from alveary.contracts.specs import DriverSpec
from alveary.contracts.target import Target
from alveary.errors import (
    AlvearyError,
    EmptyScriptError,
    ErrorRecord,
    FileUnreadableError,
    InvalidInputError,
    QueryCancelledError,
    QueryError,
    error_from_record,
)
from alveary.formats import Format, find_format, format_of
from alveary.inputs import refuse_unused
from alveary.output import ExportWriter, files_of, refuse_replacing
from alveary.policy import Clearance
from alveary.results import Sink
from alveary.runner import Planned, ScriptOptions, ScriptReport, plan, refuse_transactions, run_statements
from alveary.sessions import Session
from alveary.sqltext import Dialect
from alveary.wire import Small

if TYPE_CHECKING:
    from alveary.kernel import Kernel

_MARK = b"\xef\xbb\xbf"
"""What stands before a text in UTF-8, if anything does."""
NO_OUTPUT = "none"


class RunParameters(Confirming, msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How to run something, and what to do with the rows."""

    format: Annotated[str, Meta(description="Output format, or none to read everything and print nothing.")] = "table"
    output: Annotated[str | None, Meta(description="File to write; standard output without it, or for -.")] = None
    limit: Annotated[int, Meta(ge=0, description="Rows to take of each result at most.")] | None = None
    timeout: Annotated[float, Meta(gt=0, description="Seconds each statement may run.")] | None = None
    parameters: Annotated[
        dict[str, bool | int | float | str | None], Meta(description="Values for the statements' :name parameters.")
    ] = {}
    read_only: Annotated[bool, Meta(description="Refuse to write.")] = False
    on_error: Annotated[Literal["stop", "continue"], Meta(description="What to do after a failed statement.")] = "stop"
    single_transaction: Annotated[bool, Meta(description="Run everything in one transaction.")] = False
    header: Annotated[bool, Meta(description="Write the column names.")] = True
    null: Annotated[str | None, Meta(description="Text that stands for NULL.")] = None
    options: Annotated[
        dict[str, Value], Meta(description="Options of the format by their names; formats.list tells which there are.")
    ] = {}
    checksum: Annotated[bool, Meta(description="Report the SHA-256 of what is written.")] = False
    history: Annotated[bool, Meta(description="Record what is run in the history.")] = True


class QueryParameters(RunParameters, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to run, where, and what to do with the rows."""

    target: Annotated[str, Meta(description="URL of the database, or a saved name.")]
    sql: Annotated[list[str], Meta(description="SQL text, each piece one or more statements.")] = []
    file: Annotated[str | None, Meta(description="File with SQL to run, - for standard input.")] = None
    table: Annotated[str | None, Meta(description="Table to read whole, instead of SQL.")] = None


class QueryReport(msgspec.Struct, frozen=True, kw_only=True):
    """What became of it. A failed statement is reported here; only what prevents the start is raised.

    ``total_seconds`` and ``first_row_seconds`` count from the start of the command, connecting included.
    ``written_bytes`` went to the file or to standard output; ``sha256`` is theirs, in hexadecimal, if it was asked for.
    """

    statements: Small
    failed: Small
    rows: int
    spooled_bytes: int
    first_row_seconds: float | None
    total_seconds: float
    written_bytes: int = 0
    sha256: str | None = None
    cancelled: bool = False
    rolled_back: bool = False
    error: ErrorRecord | None = None
    exit_status: Small = 0
    """What the command line leaves with."""


def run(context: Context, parameters: QueryParameters) -> QueryReport:
    """Run SQL and write every result; a file appears under its name only when all its results are whole."""
    started = time.monotonic()
    kernel = context.kernel
    if parameters.single_transaction and parameters.on_error == "continue":
        raise InvalidInputError("a single transaction can't continue after an error", hint="leave one of the two out")
    format = _format(kernel, parameters)
    target, driver = kernel.target(parameters.target, read_only=parameters.read_only)
    refuse_replacing(parameters.output, parameters.file, *files_of(target, driver))
    statements: list[Planned] = []
    if parameters.table is None:
        scripts = parameters.sql if parameters.file is None else [*parameters.sql, read_script(parameters.file)]
        # What is wrong with a script is said before anybody is asked for a connection or a file is opened.
        statements = plan(scripts, driver.dialect)
        refuse_unused(parameters.parameters, (each.sql for each in statements), driver.dialect)
        if parameters.single_transaction:
            refuse_transactions(statements)
    clearance = cleared(context, parameters, statements, target, driver)
    writer = None
    if format is not None:
        writer = ExportWriter(format, parameters.output, checksum=parameters.checksum)
        context.job.on_abandon(writer.discard)
    try:
        with kernel.open(target, driver, record=parameters.history) as session:
            context.job.on_cancel(session.give_up_connecting)
            session.wait_connected()
            connected = time.monotonic()
            if parameters.table is not None:
                statements = [Planned(_whole_table(session, parameters.table))]
            options = ScriptOptions(
                parameters=parameters.parameters or None,
                limit=parameters.limit,
                timeout=parameters.timeout,
                stop_on_error=parameters.on_error == "stop",
                single_transaction=parameters.single_transaction,
                clearance=clearance,
                sink=_sinks(writer, driver.dialect) if writer is not None else None,
            )
            try:
                report = run_statements(session, statements, options, context.job, kernel.bus)
            finally:
                if parameters.history:
                    kernel.recorder.flush()  # what is reported, or appears as a file, is in the history
        stopped = report.cut or report.cancelled or (report.failed > 0 and options.stop_on_error)
        if writer is not None and not stopped:
            writer.commit()
    finally:
        if writer is not None:
            writer.discard()  # nothing is left to discard after a commit
    result = _report(report, connected - started, time.monotonic() - started, options.stop_on_error)
    if writer is None:
        return result
    # What was thrown away has no sum.
    return msgspec.structs.replace(result, written_bytes=writer.bytes, sha256=None if stopped else writer.sha256)


def cleared(
    context: Context, parameters: RunParameters, statements: Sequence[Planned], target: Target, driver: DriverSpec
) -> Clearance:
    """Have a script reviewed whole, and confirmed where it must be, before anything of it is sent.

    Raises what :meth:`~alveary.policy.Policy.clear` raises, with the line of the script.
    """
    try:
        return context.kernel.policy.clear(
            [planned.sql for planned in statements],
            target,
            driver,
            consent=parameters.consent(),
            stopped=context.stopped(),
        )
    except AlvearyError as exc:
        exc.line = next((planned.line for planned in statements if planned.sql == exc.statement), None)
        raise


def _sinks(writer: ExportWriter, dialect: Dialect) -> Callable[[str], Sink]:
    return lambda sql: writer.sink(Origin(sql=sql, dialect=dialect))


def _format(kernel: Kernel, parameters: RunParameters) -> Format | None:
    """Return how to write, all of it checked; None to write nothing."""
    if parameters.format == NO_OUTPUT:
        if parameters.options or parameters.checksum:
            raise InvalidInputError(
                "the format none writes nothing, so it takes no option and has no checksum",
                hint="choose another format with --format",
            )
        return None
    spec = find_format(kernel.plugins.exporters, parameters.format, NO_OUTPUT)
    null = _null(kernel, spec.id) if parameters.null is None else parameters.null
    return format_of(spec, parameters.options, header=parameters.header, null=null)


def _null(kernel: Kernel, format: str) -> str | None:
    """Return what a person set to stand for NULL in this format; None for the format's own."""
    name = f"{format}.null"
    # Whoever brings the format declares its setting, too, and is loaded.
    is_declared = any(spec.id == name for spec in kernel.plugins.settings.so_far())
    null: str | None = kernel.settings.get(name) if is_declared else None
    return null


def read_script(file: str) -> str:
    """Return the text of a file, or of standard input for ``-``; FileUnreadableError says why not."""
    return decoded(read_bytes(file), file)[1]


def sql_of(argument: str | None) -> str:
    """Return SQL that is given as an argument, or without one, or for ``-``, on standard input."""
    if argument is not None and argument != "-":
        return argument
    if sys.stdin is None or sys.stdin.isatty():
        raise EmptyScriptError("there is no SQL", hint="give it as an argument, or pipe it in")
    return read_script("-")


def read_bytes(file: str) -> bytes:
    """Return what a file holds, or standard input for ``-``; FileUnreadableError says why not."""
    try:
        return sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as exc:
        raise FileUnreadableError(f"can't read {_called(file)}: {exc.strerror or exc}") from exc


def decoded(content: bytes, file: str) -> tuple[bytes, str]:
    """Return the mark before a text, and the text; FileUnreadableError names the line that is none."""
    mark = _MARK if content.startswith(_MARK) else b""
    try:
        return mark, content[len(mark) :].decode()
    except UnicodeDecodeError as exc:
        line = content.count(b"\n", 0, len(mark) + exc.start) + 1
        raise FileUnreadableError(f"{_called(file)} is not UTF-8 text: line {line}", hint="save it in UTF-8") from exc


def _called(file: str) -> str:
    return "standard input" if file == "-" else file


def _whole_table(session: Session, table: str) -> str:
    catalog = session.catalog()  # its own: a second connection would be opened only to put a name in quotes
    return "select * from " + ".".join(catalog.quote(name) for name in parse_path(table))


def _report(report: ScriptReport, connecting: float, total: float, stop_on_error: bool) -> QueryReport:
    first_row = None if report.first_row is None else round(connecting + report.first_row, 6)
    return QueryReport(
        statements=report.statements,
        failed=report.failed,
        rows=report.rows,
        spooled_bytes=report.stored_bytes,
        first_row_seconds=first_row,
        total_seconds=round(total, 6),
        cancelled=report.cancelled,
        rolled_back=report.left_transaction,
        error=report.error,
        exit_status=_exit_status(report, stop_on_error),
    )


def _exit_status(report: ScriptReport, stop_on_error: bool) -> int:
    if report.cancelled:
        return QueryCancelledError.exit_status
    if report.error is None or report.unread:
        return 0
    return error_from_record(report.error).exit_status if stop_on_error else QueryError.exit_status
