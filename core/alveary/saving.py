"""Saving: a stored result, an arrangement of it or a part of either, written to a file by a child process.

Exporters work hard, and in this process whoever looks at the rows would feel it. ``python -m alveary.saving`` is the
child: it reads the pages itself and writes the file, which appears when it is whole.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import msgspec

from alveary.arrangement import Arrangement
from alveary.arrangement.children import Child, run
from alveary.arrangement.stored import Numbers, Ordered, Pages
from alveary.contracts.exporter import Origin
from alveary.contracts.values import Row
from alveary.errors import InvalidInputError
from alveary.formats import Format
from alveary.output import ExportWriter
from alveary.results import ResultSet

if TYPE_CHECKING:
    from alveary.jobs import Job

__all__ = ["Format", "Part", "save"]

BATCH = 500
SAY_EVERY = 10_000


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """Which rows, as half-open spans in order, and which columns, by their numbers; None for all."""

    rows: tuple[tuple[int, int], ...] | None = None
    columns: tuple[int, ...] | None = None

    def count(self, rows: int) -> int:
        """Return how many rows it takes of so many."""
        return rows if self.rows is None else sum(max(min(bottom, rows) - top, 0) for top, bottom in self.rows)

    def batches(self, source: Windowed) -> Iterator[Sequence[Row]]:
        """Yield the rows of the part, a few hundred at a time."""
        whole = len(source)
        for top, bottom in self.rows if self.rows is not None else ((0, whole),):
            for start in range(top, min(bottom, whole), BATCH):
                rows = source.window(start, min(start + BATCH, bottom))
                if self.columns is None:
                    yield rows
                else:
                    yield [tuple([row[column] for column in self.columns]) for row in rows]


class Windowed(Protocol):
    """Rows that are read by window."""

    def __len__(self) -> int: ...

    def window(self, top: int, bottom: int) -> Sequence[Row]: ...


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """What the child is to write. ``order`` and ``ends`` are the files of an arrangement, None for the rows as stored.

    ``most`` is how many bytes the file may have.
    """

    directory: str
    rows: int
    order: str | None
    ends: str | None
    part: Part
    format: Format
    origin: Origin
    path: str
    most: int | None


def save(
    source: ResultSet | Arrangement,
    format: Format,
    path: str,
    *,
    part: Part | None = None,
    origin: Origin | None = None,
    most: int | None = None,
    job: Job | None = None,
) -> int:
    """Write the rows that are there by now to a file, and return how many.

    ``origin`` is where they come from, for formats that want to know.

    Takes a while, so it belongs into a job, which is told of the progress; cancelled, it makes this raise
    QueryCancelledError, and no file appears. More than ``most`` bytes raise InvalidInputError.
    """
    part = part or Part()
    arranged = isinstance(source, Arrangement)
    result = source.result if isinstance(source, Arrangement) else source
    rows = source.of if isinstance(source, Arrangement) else len(source)
    task = Task(
        directory=str(result.directory),
        rows=rows,
        order=str(source.order) if isinstance(source, Arrangement) else None,
        ends=str(source.ends) if isinstance(source, Arrangement) else None,
        part=part,
        format=format,
        origin=origin or Origin(),
        path=str(Path(path).absolute()),
        most=most,
    )
    return run(__name__, task, part.count(len(source) if arranged else rows), job, ("writing", "writing"))


def write(task: Task, done: Callable[[int], object]) -> int:
    """Do the task and return how many rows were written; ``done`` is told how many have been."""
    with contextlib.closing(Pages(Path(task.directory), task.rows)) as pages:
        source: Windowed = pages
        if task.order is not None and task.ends is not None:
            source = Ordered(pages, Numbers(Path(task.order)), Numbers(Path(task.ends)))
        columns = pages.columns()
        if task.part.columns is not None:
            columns = tuple(columns[column] for column in task.part.columns)
        writer = ExportWriter(task.format, task.path)
        try:
            sink = writer.sink(task.origin)
            sink.columns(columns)
            count = said = size = 0
            for rows in task.part.batches(source):
                size += sink.rows(rows)
                count += len(rows)
                if task.most is not None and size > task.most:
                    raise InvalidInputError(f"that is more than {task.most:,} bytes")
                if count - said >= SAY_EVERY:
                    said = count
                    done(count)
            sink.close(True)
            done(count)
            writer.commit()
        finally:
            writer.discard()  # nothing is left to discard after a commit
    return count


def main() -> None:
    """Do the task that stands on standard input."""
    child = Child(end_at_once=False)
    task = msgspec.json.decode(child.task, type=Task)
    child.work(lambda: write(task, child.done))


if __name__ == "__main__":
    main()
