"""The command line: a thin face on the command table. stdout is data, stderr is narration, exit codes are an API."""

from __future__ import annotations

import contextlib
import os
import sys
from itertools import pairwise

import click

from alveary.cli.app import App
from alveary.cli.secrecy import TUNNEL_VARIABLES, VARIABLE
from alveary.cli.verbs import Verbs
from alveary.errors import (
    AlvearyError,
    ConnectionLostError,
    InternalError,
    QueryCancelledError,
    UsageError,
    described,
)
from alveary.logs import configure, report_crash
from alveary.output import output_error
from alveary.paths import Paths


def run(arguments: list[str]) -> int:
    """Run one command line and return its exit status; errors are told on standard error."""
    # Looked for before anything is parsed, because parsing may be what fails.
    app = App(
        safe_mode="--safe-mode" in arguments,
        json_errors=_wants_json_errors(arguments),
        password=os.environ.pop(VARIABLE, None),  # no process that is started from here on inherits it
        tunnel_secrets={
            kind: given for kind, name in TUNNEL_VARIABLES.items() if (given := os.environ.pop(name, None))
        },
        arguments=arguments,
    )
    status = 0
    try:
        configure(lambda: Paths.from_environment().logs, app.secrets.blotted)
        with app:
            verbs = Verbs(app)
            with verbs.make_context("alveary", list(arguments)) as context:
                answered = verbs.invoke(context)
                status = answered if isinstance(answered, int) else 0
    except click.exceptions.Exit as exc:
        status = exc.exit_code
    except click.UsageError as exc:
        where = exc.ctx.command_path if exc.ctx is not None else "alveary"
        status = _fail(app, UsageError(exc.format_message(), hint=f"see: {where} --help"))
    except AlvearyError as exc:
        status = _fail(app, exc)
    except OSError as exc:  # nothing but standard output is written here
        status = _fail(app, output_error(exc, "standard output"))
    except Exception as exc:  # noqa: BLE001  # a defect is told like any other error, and its traceback logged
        error = InternalError(described(exc))
        error.__cause__ = exc
        status = _fail(app, error)
    try:
        sys.stdout.flush()
    except OSError as exc:
        # Without this Python tries, and complains, once more while it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = _fail(app, output_error(exc, "standard output")) or status
    return status


def _fail(app: App, error: AlvearyError) -> int:
    if type(error) is InternalError and (file := report_crash(error)) is not None:
        error.hint = f"{error.hint}; " if error.hint else ""
        error.hint += f"this should not have happened; its traceback is in {file}"
    if error.exit_status:
        with contextlib.suppress(OSError):  # nobody reads it; the status still says it
            sys.stderr.write(app.failure_text(error.record()))
            sys.stderr.flush()
    if app.interrupted and isinstance(error, ConnectionLostError):  # no server is left that could confirm it
        return QueryCancelledError.exit_status
    return error.exit_status


def _wants_json_errors(arguments: list[str]) -> bool:
    return "--error-format=json" in arguments or ("--error-format", "json") in pairwise(arguments)
