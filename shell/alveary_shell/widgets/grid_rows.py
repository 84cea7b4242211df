"""Rows for a grid: those at hand at once, those on the disk a moment later, so that drawing never waits for long."""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Protocol

from alveary.contracts.values import Cell, Row
from alveary.errors import AlvearyError, described
from alveary_shell.widgets.grid_text import LONGEST

_log = logging.getLogger(__name__)

PATIENCE = 0.008
"""Seconds that drawing waits for rows that are not at hand; a page from the disk takes one or two milliseconds."""
REST = 0.03
"""Seconds until rows are read that nobody has asked for yet."""
CACHED_BLOCKS = 24
BLOCK_ROWS, BLOCK_CELLS = 256, 20_000
"""A block is at most so many rows, and about so many cells."""


class GridRows(Protocol):
    """What a grid draws. Both methods are called on Tk's thread and return at once."""

    def __len__(self) -> int:
        """Return how many rows there are by now."""

    def window(self, top: int, bottom: int) -> Sequence[Row | None]:
        """Return the rows from ``top`` up to, not including, ``bottom``; None for those that are still on their way."""


class StoredRows(Protocol):
    """Rows that may have to be read from somewhere, such as a :class:`alveary.results.ResultSet`."""

    def __len__(self) -> int: ...

    def window(self, top: int, bottom: int) -> Sequence[Row]: ...


class ListedRows:
    """Rows of a list, for a grid."""

    def __init__(self, rows: Sequence[Row] = ()) -> None:
        self.rows = rows

    def __len__(self) -> int:
        return len(self.rows)

    def window(self, top: int, bottom: int) -> Sequence[Row]:
        return self.rows[top:bottom]


class Reader:
    """A thread that reads for grids, what was asked for last first. It starts when first needed."""

    def __init__(self) -> None:
        self._tasks: OrderedDict[object, tuple[float, Callable[[], None]]] = OrderedDict()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._closed = False

    def ask(self, key: object, task: Callable[[], None], *, delay: float = 0.0) -> None:
        """Run ``task`` soon, or in ``delay`` seconds, instead of one with the same key that has not begun."""
        with self._changed:
            if self._closed:
                return
            self._tasks[key] = (time.monotonic() + delay, task)
            self._tasks.move_to_end(key)
            if self._thread is None:
                thread = threading.Thread(target=self._serve, name="alveary-grid", daemon=True)
                thread.start()  # which may fail, and then there is none
                self._thread = thread
            self._changed.notify()

    def close(self) -> None:
        """Read nothing more."""
        with self._changed:
            self._closed = True
            self._tasks.clear()
            self._changed.notify()

    def _serve(self) -> None:
        while (task := self._next()) is not None:
            try:
                task()
            except Exception as exc:  # noqa: BLE001  # tasks keep their own errors; a defect must not end all reading
                _log.error("reading rows for a grid failed: %s", described(exc))
            del task  # it may hold a result, which is dropped with its last holder

    def _next(self) -> Callable[[], None] | None:
        """Wait for the latest task that is due and return it; None once nothing more is to be read."""
        with self._changed:
            while not self._closed:
                now = time.monotonic()
                for key in reversed(self._tasks):
                    if self._tasks[key][0] <= now:
                        return self._tasks.pop(key)[1]
                due = min((due for due, _ in self._tasks.values()), default=None)
                self._changed.wait(None if due is None else max(due - now, 0.0))
            return None


class CachedRows:
    """Blocks of stored rows, read by a :class:`Reader`. Cells longer than a grid draws are kept only in part.

    ``source`` opens the rows, on the reader's thread; it may return None while there are none.
    """

    def __init__(self, source: Callable[[], StoredRows | None], columns: int, reader: Reader) -> None:
        self.error: AlvearyError | None = None
        """Why rows can't be read; those are empty then."""
        self._source, self._reader = source, reader
        self._block = max(16, min(BLOCK_ROWS, BLOCK_CELLS // max(columns, 1)))
        self._blocks: OrderedDict[int, list[Row]] = OrderedDict()
        self._asked: dict[int, threading.Event] = {}
        self._count = 0
        self._lock = threading.Lock()
        self._last_top = 0

    def __len__(self) -> int:
        return self._count

    def grown(self, count: int) -> None:
        """Take note that there are at least so many rows."""
        self._count = max(self._count, count)

    def window(self, top: int, bottom: int) -> Sequence[Row | None]:
        bottom = min(bottom, self._count)
        if top >= bottom:
            return []
        size = self._block
        wanted = range(top // size, (bottom - 1) // size + 1)
        waiting = [event for number in wanted if (event := self._ask(number, bottom)) is not None]
        for event in waiting:
            event.wait(PATIENCE / len(waiting))
        rows: list[Row | None] = []
        missing = None if self.error is None else ()
        with self._lock:
            for number in wanted:
                first = number * size
                block = self._blocks.get(number, [])
                if number in self._blocks:
                    self._blocks.move_to_end(number)
                start, end = max(top - first, 0), min(bottom - first, size)
                rows += block[start:end]
                rows += [missing] * (end - max(len(block), start))
        # The block that comes next in the direction of movement is read while this one is looked at, but not while it
        # is drawn: two threads that take turns at every step are slower than one after the other.
        ahead = wanted[-1] + 1 if top >= self._last_top else wanted[0] - 1
        self._last_top = top
        if 0 <= ahead * size < self._count and ahead not in self._blocks:
            self._ask(ahead, min(ahead * size + 1, self._count), delay=REST)
        return rows

    def _ask(self, number: int, bottom: int, *, delay: float = 0.0) -> threading.Event | None:
        """Have a block read, unless all its rows before ``bottom`` are there; return what tells that it is."""
        with self._lock:
            block = self._blocks.get(number)
            if self.error is not None or (
                block is not None and len(block) >= min(self._block, bottom - number * self._block)
            ):
                return None
            if (event := self._asked.get(number)) is None:
                event = self._asked[number] = threading.Event()
        self._reader.ask((id(self), number), lambda: self._read(number, event), delay=delay)
        return event

    def _read(self, number: int, event: threading.Event) -> None:
        rows: list[Row] = []
        source: StoredRows | None = None
        with self._lock:
            if self._asked.get(number) is not event:
                return  # it was asked for again while it was read
        try:
            if (source := self._source()) is not None:
                first = number * self._block
                rows = [_trimmed(row) for row in source.window(first, first + self._block)]
                self.grown(len(source))
        except AlvearyError as exc:
            self.error = exc
        finally:
            with self._lock:
                self._asked.pop(number, None)
                if source is not None:
                    self._blocks[number] = rows
                    self._blocks.move_to_end(number)
                    while len(self._blocks) > CACHED_BLOCKS:
                        self._blocks.popitem(last=False)
            event.set()


def _trimmed(row: Row) -> Row:
    """Return a row whose cells are no longer than what is drawn: a gigabyte must not stay for its first words."""
    if any(isinstance(cell, str | bytes) and len(cell) > LONGEST for cell in row):
        return tuple([_start(cell) for cell in row])
    return row


def _start(cell: Cell) -> Cell:
    # One more than is drawn, so that it is still seen to be longer.
    return cell[: LONGEST + 1] if isinstance(cell, str | bytes) else cell
