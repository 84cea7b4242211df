"""The query path: a script is split and checked as a whole, then run statement by statement into a sink."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from alveary.bus import Bus
from alveary.contracts.driver import InlineData
from alveary.contracts.values import Parameters
from alveary.errors import (
    ClientCommandError,
    ConnectionLostError,
    EmptyScriptError,
    ErrorRecord,
    InvalidInputError,
    NulCharacterError,
    OutputClosedError,
    UnterminatedError,
)
from alveary.events import Outcome, ScriptStatementEnded, SessionState
from alveary.jobs import Job
from alveary.policy import Clearance
from alveary.results import Sink
from alveary.sessions import Session
from alveary.sqltext import Dialect, PieceKind, data_of, split
from alveary.statements import Statement

_WORD = re.compile(r"[A-Za-z]+")
_TRANSACTION = re.compile(
    r"(begin(?!\s+(atomic|not\b))|commit|end|abort|start\s+transaction|rollback(?!\s+to\b))\b", re.I
)
_POLL = 0.1
"""Seconds between two looks at a running statement, for the job's progress."""


@dataclass(slots=True)
class ScriptReport:
    """What became of a script: the totals of its statements, and the first error."""

    statements: int = 0
    rows: int = 0
    stored_bytes: int = 0
    first_row: float | None = None
    """Seconds from the start of the script to its first row; None when it had no row."""
    seconds: float = 0.0
    failed: int = 0
    cut: bool = False
    """Whether a result was cut short after its header was written."""
    cancelled: bool = False
    unread: bool = False
    """Whether the reader of the output went away; nothing further was run for nobody."""
    left_transaction: bool = False
    """Whether the script ended inside a transaction it had begun itself; closing the session rolls it back."""
    error: ErrorRecord | None = None


@dataclass(frozen=True, slots=True)
class ScriptOptions:
    """How to run a script. ``limit`` counts rows of each result, ``timeout`` seconds of each statement."""

    parameters: Parameters = None
    limit: int | None = None
    timeout: float | None = None
    stop_on_error: bool = True
    single_transaction: bool = False
    clearance: Clearance | None = None
    """What :meth:`Policy.clear` gave for the statements, of which some may have to be confirmed."""
    sink: Callable[[str], Sink] | None = field(default=None)
    """Makes the sink of one statement, given its SQL; without it rows are stored, counted and dropped."""


@dataclass(frozen=True, slots=True)
class Planned:
    """A statement ready to run, with the lines of data its script holds for it.

    ``line`` is where it begins in its script, counted from 1.
    """

    sql: str
    line: int = 1
    data: InlineData | None = None


def plan(scripts: Sequence[str], dialect: Dialect) -> list[Planned]:
    """Return the statements of some scripts, each script checked as a whole before anything is sent.

    Raises an error that names the line for an open quote, U+0000 or another client's command, and EmptyScriptError
    when there is nothing to run.
    """
    statements = [statement for script in scripts for statement in _planned(script, dialect)]
    if not statements:
        raise EmptyScriptError("there is no statement to run", hint="give SQL as an argument, with -f, or by a pipe")
    return statements


def _planned(script: str, dialect: Dialect) -> Iterator[Planned]:
    if (nul := script.find("\0")) >= 0:
        line = script.count("\n", 0, nul) + 1
        raise NulCharacterError(f"line {line} holds the character U+0000", line=line, hint="remove it")
    try:
        script.encode()
    except UnicodeEncodeError as exc:
        line = script.count("\n", 0, exc.start) + 1
        raise InvalidInputError(f"line {line} is not valid Unicode text", line=line, hint="save it in UTF-8") from None
    pieces = split(script, dialect)
    data = data_of(pieces)
    for piece in pieces:
        sql = piece.sql(script)
        if piece.unterminated is not None and piece.unterminated_at is not None:
            line = script.count("\n", 0, piece.unterminated_at) + 1
            raise UnterminatedError(
                f"the {piece.unterminated} that opens on line {line} is never closed",
                position=max(piece.unterminated_at - piece.sql_start, 0) + 1,
                line=piece.line,
                statement=sql,
                hint="nothing was sent",
            )
        if piece.kind is PieceKind.CLIENT_COMMAND:
            raise ClientCommandError(
                f"line {piece.line} is a command of another client, not SQL",
                line=piece.line,
                statement=sql,
                hint="remove it; nothing was sent",
            )
        if piece.kind is PieceKind.STATEMENT:
            lines = data.get(piece)
            inline = None if lines is None else InlineData(text=lines.sql(script), line=lines.line)
            yield Planned(sql, piece.line, inline)


def refuse_transactions(statements: Sequence[Planned]) -> None:
    """Refuse statements that begin or end a transaction themselves, which a single transaction can't survive."""
    for statement in statements:
        if _TRANSACTION.match(statement.sql):
            raise InvalidInputError(
                f"line {statement.line} begins or ends a transaction itself",
                line=statement.line,
                statement=statement.sql,
                hint="leave it out, or leave out the single transaction; nothing was sent",
            )


def run_statements(
    session: Session, statements: Sequence[Planned], options: ScriptOptions, job: Job, bus: Bus
) -> ScriptReport:
    """Run statements one after the other, each once, and report.

    What a statement raises is in the report, not raised here; the events of its end go to the bus. In a single
    transaction the first error rolls everything back. A cancelled job stops the statement that runs and all that
    follow.
    """
    report, started = ScriptReport(), time.monotonic()
    current: list[Statement] = []

    def cancel() -> None:
        for statement in current:
            statement.cancel()

    if options.single_transaction:
        session.begin()
    for number, planned in enumerate(statements, start=1):
        if job.cancelled:
            report.cancelled = True
            break
        statement = session.execute(
            planned.sql,
            options.parameters if planned.data is None else None,
            limit=options.limit,
            timeout=options.timeout,
            sink=options.sink(planned.sql) if options.sink is not None else None,
            clearance=options.clearance,
            data=planned.data,
        )
        began = time.monotonic()
        current[:] = [statement]
        job.on_cancel(cancel)  # called now, if somebody asked before the callback could know this statement
        while not statement.wait(_POLL):
            size = f"{statement.bytes / 1e6:,.1f} MB of statement {number} of {len(statements)}"
            job.progress(report.rows + statement.rows, "rows", item=size)
        if options.sink is None and statement.result is not None:
            report.stored_bytes += statement.bytes
            statement.result.drop()
        if report.first_row is None and statement.first_row is not None:
            report.first_row = began - started + statement.first_row
        report.statements += 1
        report.rows += statement.rows
        _conclude(report, statement, planned)
        bus.publish(_narrated(job, planned, statement, options.limit))
        if statement.columns is not None or statement.error is not None:
            bus.flush()  # what is said of these rows must not come between the next ones
        if report.cancelled or report.unread or (report.failed and options.stop_on_error):
            break
        if session.state in (SessionState.BROKEN, SessionState.CLOSED):
            break
    if options.single_transaction and session.state not in (SessionState.BROKEN, SessionState.CLOSED):
        if report.error is None and not report.cancelled:
            session.commit()
        else:
            session.rollback()
    report.left_transaction = session.state in (SessionState.IN_TRANSACTION, SessionState.FAILED)
    if job.cancelled and report.error is not None and report.error.code == ConnectionLostError.code:
        report.cancelled = True  # as somebody wanted, though no server confirms it
    report.seconds = time.monotonic() - started
    return report


def _conclude(report: ScriptReport, statement: Statement, planned: Planned) -> None:
    if statement.outcome is Outcome.CANCELLED:
        report.cancelled = True
    elif statement.outcome is Outcome.FAILED and statement.error is not None:
        report.failed += 1
        statement.error.line = planned.line
        report.unread = isinstance(statement.error, OutputClosedError)
        report.error = report.error or statement.error.record()
    if statement.columns is not None and statement.outcome in (Outcome.CANCELLED, Outcome.FAILED):
        report.cut = True


def _narrated(job: Job, planned: Planned, statement: Statement, limit: int | None) -> ScriptStatementEnded:
    assert statement.outcome is not None, "the statement has ended"
    word = _WORD.search(statement.sql)
    return ScriptStatementEnded(
        job=job.id,
        line=planned.line,
        verb=word[0].lower() if word else "",
        outcome=statement.outcome,
        rows=statement.rows,
        seconds=statement.seconds,
        has_result=statement.columns is not None,
        affected=statement.affected,
        limit=limit if statement.outcome is Outcome.TRUNCATED else None,
        notices=tuple(f"{notice.severity}: {notice.message}" for notice in statement.notices),
        more_notices=statement.noticed - len(statement.notices),
        error=statement.error.record() if statement.error else None,
    )
