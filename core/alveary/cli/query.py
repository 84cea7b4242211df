"""``alveary query``: SQL from arguments, a file or a pipe; rows to standard output or a file."""

from __future__ import annotations

import re
import sys
from typing import Any

import click

from alveary.cli.app import App
from alveary.cli.verbs import bound, pairs
from alveary.commands.query import NO_OUTPUT, QueryParameters, QueryReport, RunParameters, read_script
from alveary.errors import EmptyScriptError, QueryCancelledError, UsageError
from alveary.tables import visible
from alveary.wire import json_text

_COMMENT = re.compile(r"--\s")


class _Query(click.Command):
    """A command to which SQL that begins with a comment is SQL, not an option."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, [f" {word}" if _COMMENT.match(word) else word for word in args])


def query_command(app: App, everywhere: list[click.Parameter]) -> click.Command:
    """Return the verb."""
    return _Query(
        "query",
        help="Run SQL on TARGET, a URL such as sqlite:///file.db, and write what comes back.",
        callback=lambda **values: _query(app, **values),
        params=[
            click.Argument(["target"], metavar="TARGET"),
            click.Argument(["sql"], nargs=-1, metavar="[SQL]..."),
            click.Option(["-f", "--file"], metavar="FILE", help="Run the SQL of a file; - is standard input."),
            click.Option(["--table"], metavar="NAME", help="Read a whole table instead of running SQL."),
            *_running(),
            *everywhere,
        ],
    )


def saved_query_command(app: App, everywhere: list[click.Parameter]) -> click.Command:
    """Return the verb below ``queries`` that runs one."""
    return click.Command(
        "run",
        help="Run a saved query NAME on TARGET, or on the connection it is saved for.",
        callback=lambda **values: _saved_query(app, **values),
        params=[
            click.Argument(["name"], metavar="NAME"),
            click.Argument(["target"], required=False, metavar="[TARGET]"),
            *_running(),
            *everywhere,
        ],
    )


def _running() -> list[click.Parameter]:
    """Return the options of what runs SQL and writes rows."""
    return [
        click.Option(
            ["--format"],
            default="table",
            show_default=True,
            help="table, csv, json, jsonl, sql, another one that `alveary formats` lists, or none: read everything, "
            "print nothing.",
        ),
        click.Option(["-o", "--output"], metavar="FILE", help="Write to a file, which appears when it is whole."),
        click.Option(
            ["--option", "options"],
            multiple=True,
            metavar="K=V",
            help="Option K of the format, such as delimiter=; for csv; `alveary formats` lists them.",
        ),
        click.Option(["--checksum"], is_flag=True, help="Print the SHA-256 of what is written on standard error."),
        click.Option(["--limit"], type=int, metavar="N", help="Take at most N rows of each result."),
        click.Option(["--timeout"], type=float, metavar="SECONDS", help="Stop a statement that runs longer."),
        click.Option(
            ["-p", "--param", "params"],
            multiple=True,
            metavar="K=V",
            help="Value of the parameter :K, a text; K:TYPE=V for another type: number, boolean, date, time, "
            "timestamp, null; or K:=JSON.",
        ),
        click.Option(["--read-only"], is_flag=True, help="Refuse to write."),
        *confirming(),
        click.Option(["--stats"], is_flag=True, help="Print counts and times as a line of JSON on standard error."),
        click.Option(
            ["--on-error"],
            type=click.Choice(["stop", "continue"]),
            default="stop",
            show_default=True,
            help="What to do after a statement that failed.",
        ),
        click.Option(["--single-transaction"], is_flag=True, help="All statements or none."),
        click.Option(["--no-header"], is_flag=True, help="Leave the column names out."),
        click.Option(["--null"], metavar="TEXT", help="Text that stands for NULL."),
        click.Option(["--no-history"], is_flag=True, help="Do not record what is run in the history."),
    ]


def confirming() -> list[click.Parameter]:
    """Return the options by which a script confirms what a person would be asked."""
    return [
        click.Option(["--confirm"], metavar="NAME", help="Confirm what must be confirmed on the connection NAME."),
        click.Option(["--yes"], is_flag=True, help="Confirm what needs no more than a yes."),
    ]


def _query(app: App, *, sql: tuple[str, ...], stats: bool, **values: Any) -> int:
    file, table = values["file"], values["table"]
    if table is not None and (sql or file is not None):
        raise UsageError("--table and SQL exclude each other", hint="give one of them")
    if not sql and file is None and table is None:
        if sys.stdin is None or sys.stdin.isatty():
            raise EmptyScriptError("there is no SQL to run", hint="give it as an argument, with -f, or by a pipe")
        file = "-"
    scripts = list(sql)
    if file == "-":
        if app.password_on_stdin:
            raise UsageError(
                "standard input can't hold both the password and the SQL",
                hint="give the SQL as an argument or with -f FILE, or the password another way",
            )
        # Read here, where Ctrl-C still simply leaves.
        if sys.stdin.isatty():
            sys.stderr.write("reading SQL from the terminal; end it with Ctrl-D\n")
        scripts.append(read_script(file))
        file = None
    values["file"] = file
    return _run(app, "query.run", QueryParameters(sql=scripts, **_parameters(values)), stats=stats)


def _saved_query(app: App, *, stats: bool, **values: Any) -> int:
    from alveary.commands.queries import RunQueryParameters

    return _run(app, "queries.run", RunQueryParameters(**_parameters(values)), stats=stats)


def _parameters(values: dict[str, Any]) -> dict[str, Any]:
    """Return what the options are called in the command's parameters."""
    values_of, options = bound(values.pop("params")), pairs(values.pop("options"), "--option")
    no_header, no_history = values.pop("no_header"), values.pop("no_history")
    return values | {"parameters": values_of, "options": options, "header": not no_header, "history": not no_history}


def _run(app: App, command: str, parameters: RunParameters, *, stats: bool) -> int:
    data_on_terminal = sys.stdout.isatty() and parameters.output in (None, "-") and parameters.format != NO_OUTPUT
    report: QueryReport = app.run(command, parameters, data_on_terminal=data_on_terminal)
    if report.rolled_back:
        sys.stderr.write("notice: the script left a transaction open; it was rolled back\n")
    if report.sha256 is not None:
        name = "standard output" if parameters.output in (None, "-") else visible(str(parameters.output))
        sys.stderr.write(f"sha256 {report.sha256}  {name}\n")
    if stats:
        sys.stderr.write(json_text(_stats(report)) + "\n")
    if report.cancelled:
        cancelled = QueryCancelledError(f"cancelled after {report.rows:,} rows")
        sys.stderr.write(app.failure_text(cancelled.record()))
    return report.exit_status


def _stats(report: QueryReport) -> dict[str, Any]:
    return {
        "statements": report.statements,
        "rows": report.rows,
        "spooled_bytes": report.spooled_bytes,
        "written_bytes": report.written_bytes,
        "sha256": report.sha256,
        "first_row_seconds": report.first_row_seconds,
        "total_seconds": report.total_seconds,
    }
