"""Child processes that work on stored results: a task goes in, lines that say how far it is come out."""

from __future__ import annotations

import contextlib
import errno
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from alveary.errors import (
    AlvearyError,
    DiskFullError,
    ErrorRecord,
    InternalError,
    QueryCancelledError,
    StorageError,
    described,
    error_from_record,
)

if TYPE_CHECKING:
    from alveary.jobs import Job

END_SECONDS = 2.0
"""How long a child may take to clean up when nobody wants its work any more."""


class Said(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a child says: how many rows it has done, and at last how many came of it or why none did."""

    done: int = 0
    rows: int | None = None
    error: ErrorRecord | None = None


def run(module: str, task: msgspec.Struct, whole: int, job: Job | None, doing: tuple[str, str]) -> int:
    """Run ``python -m module`` on a task and return how many rows came of it; raises what it reports.

    ``whole`` is how many rows there are to do, ``doing`` what is being done until all of them are, and then. Cancelling
    the job closes the child's input, which tells it to clean up and end.
    """
    child = subprocess.Popen(
        [sys.executable, "-P", "-m", module],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
    )
    try:
        return _listen(child, task, whole, job, doing)
    finally:
        _end(child)


def _listen(
    child: subprocess.Popen[bytes], task: msgspec.Struct, whole: int, job: Job | None, doing: tuple[str, str]
) -> int:
    assert child.stdin is not None
    assert child.stdout is not None
    stdin = child.stdin
    with contextlib.suppress(BrokenPipeError):  # what it says, or does not say, tells why
        stdin.write(msgspec.json.encode(task) + b"\n")
        stdin.flush()
    if job is not None:
        job.on_cancel(lambda: _close(stdin))
    for line in child.stdout:
        said = msgspec.json.decode(line, type=Said)
        if said.error is not None:
            raise error_from_record(said.error)
        if said.rows is not None:
            return said.rows
        if job is not None and not job.cancelled:
            job.progress(said.done, "rows", whole=whole, item=doing[said.done >= whole])
    if job is not None and job.cancelled:
        raise QueryCancelledError(f"{doing[0]} was cancelled")
    raise InternalError(f"the process for {doing[0]} the rows ended with status {child.wait()}")


def _close(stdin: object) -> None:
    with contextlib.suppress(OSError):  # the child has ended meanwhile
        stdin.close()  # type: ignore[attr-defined]  # a pipe


def _end(child: subprocess.Popen[bytes]) -> None:
    _close(child.stdin)
    try:
        child.wait(END_SECONDS)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
    if child.stdout is not None:
        child.stdout.close()


# -- in the child ------------------------------------------------------------------------------------------------


class Child:
    """The child's side. ``task`` is what it was given, still as JSON."""

    def __init__(self, *, end_at_once: bool) -> None:
        """``end_at_once`` says that nothing needs to be cleaned up when the work is not wanted any more."""
        with contextlib.suppress(AttributeError, OSError):  # what a person does meanwhile goes first
            os.nice(5)
        sys.set_int_max_str_digits(0)
        self.task = sys.stdin.buffer.readline()
        self._unwanted = False
        threading.Thread(target=self._watch, args=(end_at_once,), daemon=True).start()

    def done(self, rows: int) -> None:
        """Say how far it is; QueryCancelledError if the work is not wanted any more."""
        if self._unwanted:
            raise QueryCancelledError("nobody waits for it any more")
        self._say(Said(done=rows))

    def work(self, work: Callable[[], int]) -> None:
        """Do the work, which returns how many rows came of it, and say how it ended."""
        try:
            self._say(Said(rows=work()))
        except AlvearyError as exc:
            self._say(Said(error=exc.record()))
        except OSError as exc:
            full = exc.errno in (errno.ENOSPC, errno.EDQUOT)
            error = DiskFullError if full else StorageError
            hint = "make room where Alveary keeps its cache" if full else None
            self._say(Said(error=error(f"a stored result can't be worked on: {described(exc)}", hint=hint).record()))
        except Exception as exc:  # noqa: BLE001  # told to the parent, which has the log
            self._say(Said(error=InternalError(described(exc)).record()))

    def _watch(self, end_at_once: bool) -> None:
        sys.stdin.buffer.read()
        self._unwanted = True
        if end_at_once:
            os._exit(1)

    def _say(self, said: Said) -> None:
        with contextlib.suppress(BrokenPipeError):  # the parent is gone
            sys.stdout.buffer.write(msgspec.json.encode(said) + b"\n")
            sys.stdout.buffer.flush()
