"""Looking at a file: what it holds and what would become of it, here or, beside a window, in a process of its own."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import msgspec

from alveary.arrangement.children import Child, run
from alveary.contracts.importer import Fault
from alveary.contracts.setting import Value
from alveary.transfer.files import Identity, Opened, Survey, Watched, check_sha256, open_with, survey
from alveary.transfer.importing import Plan, rehearse
from alveary.wire import Small

if TYPE_CHECKING:
    from alveary.jobs import Job

_SAY_EVERY = 10_000


class SampleRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row as it stands in the file; None is NULL."""

    line: Small
    cells: tuple[str | None, ...]


class Look(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """What is to be found out about a file: its format and options are checked.

    ``keep`` rows are shown; ``most`` are looked at, None for all, 0 for the columns' names alone. ``sha256`` is what it
    must have.
    """

    path: str
    format: str
    factory: str
    options: dict[str, Value]
    identity: Identity
    keep: int = 0
    most: int | None = None
    sha256: str | None = None


class Rehearse(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """An import to be gone through without a database."""

    plan: Plan
    opened: Opened


class Looked(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """What was found out; ``survey`` is None where only the names of the columns were asked for."""

    opened: Opened
    survey: Survey | None
    sample: tuple[SampleRow, ...]
    sha256: str | None


class Rehearsed(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """How many rows would go in, how many would not, and the first that would not."""

    rows: int
    rejected: int
    faults: tuple[Fault, ...]


Task: TypeAlias = Look | Rehearse
Answer: TypeAlias = Looked | Rehearsed


class _Errand(msgspec.Struct, frozen=True):
    """What a child is sent for, and the file its answer goes to."""

    task: Task
    answer: str


def look(task: Look, job: Job, *, elsewhere: Path | None = None) -> Looked:
    """Look at a file; with a folder ``elsewhere``, for the answer, in a process of its own.

    Raises ChecksumMismatchError and FileUnreadableError, and QueryCancelledError once the job is cancelled.
    """
    found = _answered(task, job, elsewhere)
    assert isinstance(found, Looked), "that is the answer to it"
    return found


def go_through(task: Rehearse, job: Job, *, elsewhere: Path | None = None) -> Rehearsed:
    """Go through an import without a database, here or elsewhere as :func:`look` does."""
    found = _answered(task, job, elsewhere)
    assert isinstance(found, Rehearsed), "that is the answer to it"
    return found


def _answered(task: Task, job: Job, elsewhere: Path | None) -> Answer:
    if elsewhere is None:
        return _do(task, job)
    elsewhere.mkdir(parents=True, exist_ok=True)
    descriptor, path = tempfile.mkstemp(prefix="looked-", dir=elsewhere)
    os.close(descriptor)
    try:
        run(__name__, _Errand(task, path), 0, job, ("looking", "looking at the file"))
        found: Answer = msgspec.msgpack.decode(Path(path).read_bytes(), type=Answer)
        return found
    finally:
        os.unlink(path)


def _do(task: Task, job: Watched) -> Answer:
    if isinstance(task, Rehearse):
        rows, rejected, faults = rehearse(task.plan, task.opened, job)
        return Rehearsed(rows=rows, rejected=rejected, faults=faults)
    checksum = None if task.sha256 is None else check_sha256(task.path, task.sha256, job, task.identity.size)
    opened = open_with(task.path, task.format, task.factory, task.options, task.identity)
    if task.most == 0:
        return Looked(opened=opened, survey=None, sample=(), sha256=checksum)
    found, kept = survey(opened, job, keep=task.keep, most=task.most)
    sample = tuple(SampleRow(line=line, cells=cells) for line, cells in kept)
    return Looked(opened=opened, survey=found, sample=sample, sha256=checksum)


# -- in the child ------------------------------------------------------------------------------------------------


class _Told:
    """A job as the child has it: what it is told goes to the parent now and then."""

    cancelled = False

    def __init__(self, done: Callable[[int], object]) -> None:
        self._done = done
        self._said = -_SAY_EVERY

    def progress(
        self, done: int, unit: str, *, whole: int | None = None, item: str = "", percent: float | None = None
    ) -> None:
        """Tell how far it is."""
        if unit == "rows" and done - self._said >= _SAY_EVERY:
            self._said = done
            self._done(done)


def main() -> None:
    """Do what stands on standard input."""
    child = Child(end_at_once=True)
    errand = msgspec.json.decode(child.task, type=_Errand)

    def work() -> int:
        Path(errand.answer).write_bytes(msgspec.msgpack.encode(_do(errand.task, _Told(child.done))))
        return 1

    child.work(work)


if __name__ == "__main__":
    main()
