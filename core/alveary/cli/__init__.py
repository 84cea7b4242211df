"""The command line: a thin face on the command table. stdout is data, stderr is narration, exit codes are an API."""

from __future__ import annotations

import os
import sys
from itertools import pairwise
from typing import NoReturn

import click

from alveary.cli.app import App
from alveary.cli.failures import failure_text
from alveary.cli.verbs import Verbs
from alveary.errors import AlvearyError, UsageError
from alveary.logs import configure


def main() -> NoReturn:
    """Run the command line of this process and leave with its exit status."""
    status = run(sys.argv[1:])
    try:
        sys.stdout.flush()
    except OSError:  # the reader went away; without this Python complains once more while it ends
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(status)


def run(arguments: list[str]) -> int:
    """Run one command line and return its exit status; errors are told on standard error."""
    # Looked for before anything is parsed, because parsing may be what fails.
    app = App(safe_mode="--safe-mode" in arguments, json_errors=_wants_json_errors(arguments))
    try:
        configure()
        with app:
            status = Verbs(app).main(arguments, prog_name="alveary", standalone_mode=False, obj=app)
        return status if isinstance(status, int) else 0
    except click.exceptions.Exit as exc:
        return exc.exit_code
    except click.Abort:
        return 130
    except click.UsageError as exc:
        where = exc.ctx.command_path if exc.ctx is not None else "alveary"
        return _fail(app, UsageError(exc.format_message(), hint=f"see: {where} --help"))
    except AlvearyError as exc:
        return _fail(app, exc)
    except BrokenPipeError:
        return 0


def _fail(app: App, error: AlvearyError) -> int:
    if error.exit_status:
        sys.stderr.write(failure_text(error.record(), as_json=app.json_errors))
    return error.exit_status


def _wants_json_errors(arguments: list[str]) -> bool:
    return "--error-format=json" in arguments or ("--error-format", "json") in pairwise(arguments)
