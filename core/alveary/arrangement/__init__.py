"""Arrangements: a stored result seen sorted or filtered, or searched, without moving a row.

A child process reads the pages and sorts the rows' keys in a temporary SQLite database; what comes of it is a file with
the numbers of the rows in their new order. Memory does not grow with the rows, here or there, and nothing of the work
is done in this process, where somebody looks at the rows meanwhile.
"""

from __future__ import annotations

import os
import threading
import weakref
from bisect import bisect_left
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from alveary.arrangement.children import run
from alveary.arrangement.specs import Filter, Sort, Task, Test, checked
from alveary.arrangement.stored import Numbers, Ordered, Pages
from alveary.contracts.values import Column, Row
from alveary.errors import StorageError
from alveary.results import ResultSet

if TYPE_CHECKING:
    from alveary.jobs import Job

__all__ = ["Arrangement", "Filter", "Matches", "Sort", "Test", "arrange", "checked", "find"]

_PROGRAM = "alveary.arrangement.program"


class Arrangement:
    """Rows of a result in another order, or some of them; reads like a :class:`~alveary.results.ResultSet`.

    It keeps the result from being dropped, and is let go by :meth:`close` or with its last holder. Any thread may use
    it. Rows that the result got after it was made are not in it.
    """

    def __init__(self, result: ResultSet, rows: int, order: Path, ends: Path) -> None:
        """Made by :func:`arrange`; ``rows`` is how many rows of the result were looked at."""
        self.result = result
        self.of = rows
        self.order, self.ends = order, ends
        self._order, self._ends = Numbers(order, delete=True), Numbers(ends)
        self._pages = Pages(result.directory, rows)
        self._rows = Ordered(self._pages, self._order, self._ends)
        self._count = len(self._order)
        self._lock = threading.Lock()
        self._open = weakref.finalize(self, self._pages.close)

    @property
    def columns(self) -> tuple[Column, ...]:
        """The header of the result."""
        return self.result.columns

    def __len__(self) -> int:
        """Return how many rows stayed."""
        return self._count

    def window(self, top: int, bottom: int) -> list[Row]:
        """Return the cells of the rows from ``top`` up to, not including, ``bottom``, as far as they exist."""
        with self._lock:
            self._check_open()
            return self._rows.window(top, bottom)

    def stored(self, position: int) -> int:
        """Return which row of the result stands at a position."""
        with self._lock:
            self._check_open()
            return self._order[position]

    def close(self) -> None:
        """Delete the order; reading it afterwards is an error."""
        with self._lock:
            self._open()
            self._order.close()
            self._ends.close()

    def _check_open(self) -> None:
        if not self._open.alive:
            raise StorageError("the arrangement was closed", detail=str(self.result.directory))


class Matches:
    """The positions of rows that hold what was looked for, in the order of the rows."""

    def __init__(self, result: ResultSet, positions: Path) -> None:
        """Made by :func:`find`."""
        self._result = result  # the file lies beside its pages, and goes with them
        self._positions = Numbers(positions, delete=True)

    def __len__(self) -> int:
        """Return how many rows match."""
        return len(self._positions)

    def __getitem__(self, at: int) -> int:
        """Return the position of a match by its number, counted from 0."""
        return self._positions[at]

    def rank(self, position: int) -> int:
        """Return how many matches stand before a position."""
        return bisect_left(self, position)


def arrange(
    result: ResultSet, *, sorts: Sequence[Sort] = (), filters: Sequence[Filter] = (), job: Job | None = None
) -> Arrangement:
    """Return the rows a result has by now, those that pass all filters, in the order of the sorts, and else as stored.

    Rows that are equal by all sorts keep the order they are stored in. Takes a while, so it belongs into a job, which
    is told of the progress and, cancelled, makes this raise QueryCancelledError. Raises InvalidInputError for a regular
    expression that is none, DiskFullError where the temporary files do not fit.
    """
    rows = len(result)
    order = _run(result, rows, job, sorts=tuple(sorts), filters=tuple(map(checked, filters)))
    return Arrangement(result, rows, order, _ends(result, rows))


def find(result: ResultSet, filter: Filter, *, within: Arrangement | None = None, job: Job | None = None) -> Matches:
    """Return where in a result, or in an arrangement of it, the rows stand that pass a filter; like :func:`arrange`."""
    rows = len(result) if within is None else within.of
    base = str(within.order) if within is not None else None
    return Matches(result, _run(result, rows, job, filters=(checked(filter),), base=base))


def _run(
    result: ResultSet,
    rows: int,
    job: Job | None,
    *,
    sorts: tuple[Sort, ...] = (),
    filters: tuple[Filter, ...] = (),
    base: str | None = None,
) -> Path:
    output = result.directory / f"order-{os.urandom(8).hex()}"
    task = Task(
        directory=str(result.directory),
        rows=rows,
        output=str(output),
        ends=str(_ends(result, rows)),
        sorts=sorts,
        filters=filters,
        base=base,
    )
    try:
        run(_PROGRAM, task, rows, job, ("reading", "sorting"))
    except BaseException:
        output.unlink(missing_ok=True)
        raise
    return output


def _ends(result: ResultSet, rows: int) -> Path:
    # One for each number of rows that the result had: those that came later are not in it.
    return result.directory / f"ends-{rows}"
