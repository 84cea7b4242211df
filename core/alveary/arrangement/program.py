"""The child process that arranges: reads the pages of a stored result, sorts and filters, writes the order down.

``python -m alveary.arrangement.program`` takes a :class:`Task`. It works beside the process that shows the rows because
not a moment of its work may be felt there.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from array import array
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate, chain, islice
from pathlib import Path

import msgspec

from alveary.arrangement.children import Child
from alveary.arrangement.filtering import Sieve
from alveary.arrangement.ordering import Key, Unfit, Way, ways
from alveary.arrangement.specs import Task
from alveary.arrangement.stored import Pages
from alveary.contracts.values import Column, Row
from alveary.errors import DiskFullError, StorageError

CACHE_KILOBYTES = 65_536
"""Memory SQLite may take to sort; what does not fit goes to files beside the result."""
SAY_EVERY = 20_000
CHUNK = 1 << 16

_pieces = msgspec.msgpack.Decoder(list[msgspec.Raw]).decode


def arrange(task: Task, done: Callable[[int], object]) -> int:
    """Do the task and return how many rows are in the output; ``done`` is told how many rows have been read."""
    pages = Pages(Path(task.directory), task.rows)
    columns = pages.columns()
    sieve = Sieve(columns, task.filters) if task.filters else None
    with open(task.output, "wb") as output, contextlib.closing(pages):
        if task.base is not None:
            assert sieve is not None, "positions are asked for of what is found"
            found = bytearray((task.rows + 7) // 8)
            for first, _, places in _passing(task, pages, sieve, done):
                for place in places:
                    found[(first + place) >> 3] |= 1 << ((first + place) & 7)
            return _write(output.fileno(), _positions(task.base, found))
        if not task.sorts:
            count = 0
            for first, _, places in _passing(task, pages, sieve, done):
                count += len(places)
                output.write(array("Q", [first + place for place in places]).tobytes())
            return count
        return _sorted(task, pages, columns, sieve, output.fileno(), done)


def _passing(
    task: Task, pages: Pages, sieve: Sieve | None, done: Callable[[int], object]
) -> Iterator[tuple[int, Sequence[Row], Sequence[int]]]:
    """Yield for each page its first row's number, its rows, and the places of those that stay.

    On the way it is written down where each row ends, if that is not known yet.
    """
    said = 0
    known = os.path.exists(task.ends)
    temporary = f"{task.ends}.{os.getpid()}"
    with open(os.devnull if known else temporary, "wb") as ends:
        for first, page, end, rows in pages.each():
            if not known:
                sizes = [memoryview(piece).nbytes for piece in _pieces(page)]
                ends.write(array("Q", accumulate(sizes[1:], initial=end - sum(sizes) + sizes[0])).tobytes())
            yield first, rows, range(len(rows)) if sieve is None else sieve.passing(rows)
            if (read := first + len(rows)) - said >= SAY_EVERY:
                said = read
                done(read)
    if not known:
        os.replace(temporary, task.ends)


def _sorted(
    task: Task,
    pages: Pages,
    columns: Sequence[Column],
    sieve: Sieve | None,
    output: int,
    done: Callable[[int], object],
) -> int:
    choices = [ways(columns[sort.column]) for sort in task.sorts]
    tried = [0] * len(choices)
    while True:
        chosen = [each[at] for each, at in zip(choices, tried, strict=True)]
        try:
            with contextlib.closing(_database(len(choices))) as database:
                _insert(database, task, chosen, tried, _passing(task, pages, sieve, done))
                done(task.rows)
                words = [
                    f"k{number} {'desc' if sort.descending else 'asc'} nulls {sort.nulls}"
                    for number, sort in enumerate(task.sorts)
                ]
                cursor = database.execute(f"select row from keys order by {', '.join(words)}, row")
                return _write(output, chain.from_iterable(cursor))
        except _Again:
            continue
        except sqlite3.Error as exc:
            full = exc.sqlite_errorcode == sqlite3.SQLITE_FULL
            raise (DiskFullError if full else StorageError)(
                f"the rows can't be sorted: {exc}", hint="let the server sort them: ORDER BY"
            ) from exc


class _Again(Exception):
    """A way to make keys did not fit; the next one is to be tried from the start."""


def _database(keys: int) -> sqlite3.Connection:
    # Without a name it is a temporary file, which appears only once the cache is full.
    database = sqlite3.connect("", isolation_level=None)
    for pragma in (f"cache_size = -{CACHE_KILOBYTES}", "journal_mode = off", "synchronous = off"):
        database.execute(f"pragma {pragma}").close()
    names = "".join(f"k{number}, " for number in range(keys))
    database.execute(f"create table keys ({names}row integer primary key)")
    return database


def _insert(
    database: sqlite3.Connection,
    task: Task,
    chosen: Sequence[Way],
    tried: list[int],
    pages: Iterator[tuple[int, Sequence[Row], Sequence[int]]],
) -> None:
    insert = f"insert into keys values ({'?, ' * len(chosen)}?)"
    database.execute("begin")
    for first, page, places in pages:
        rows = page if len(places) == len(page) else [page[place] for place in places]
        keys: list[Sequence[Key]] = []
        for number, (sort, way) in enumerate(zip(task.sorts, chosen, strict=True)):
            try:
                keys.append(way([row[sort.column] for row in rows]))
            except Unfit:
                tried[number] += 1
                raise _Again from None
        database.executemany(insert, zip(*keys, [first + place for place in places], strict=True))
    database.execute("commit")


def _positions(base: str, found: bytearray) -> Iterator[int]:
    """Yield where in the order ``base`` the rows stand that are marked in ``found``."""
    at = 0
    with open(base, "rb") as file:
        while data := file.read(8 * CHUNK):
            for row in array("Q", data):
                if found[row >> 3] >> (row & 7) & 1:
                    yield at
                at += 1


def _write(output: int, numbers: Iterator[int]) -> int:
    count = 0
    with open(output, "wb", closefd=False) as file:
        while chunk := array("Q", islice(numbers, CHUNK)):
            chunk.tofile(file)
            count += len(chunk)
    return count


def main() -> None:
    """Do the task that stands on standard input."""
    child = Child(end_at_once=True)
    task = msgspec.json.decode(child.task, type=Task)
    os.environ["SQLITE_TMPDIR"] = task.directory  # where the system puts such files may be memory
    child.work(lambda: arrange(task, child.done))


if __name__ == "__main__":
    main()
