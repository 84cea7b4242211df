"""The pages of a stored result as a process reads them that neither wrote the result nor owns it."""

from __future__ import annotations

import mmap
import os
import struct
import weakref
from array import array
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from alveary.contracts.values import Column, Row
from alveary.errors import StorageError
from alveary.results import decode_page

_RECORD = struct.Struct("<QQ")
_NUMBER = struct.Struct("=Q")


class Numbers:
    """A file of 64-bit numbers, read in place; it may grow. Deleted with its last holder, if ``delete``."""

    def __init__(self, path: Path, *, delete: bool = False) -> None:
        self.path = path
        self._file = open(path, "rb")  # noqa: SIM115  # open as long as the object
        self._map: mmap.mmap | None = None
        self._count = 0
        self._end = weakref.finalize(self, _let_go, self._file, path if delete else None)

    def __len__(self) -> int:
        if self._end.alive and (count := os.fstat(self._file.fileno()).st_size // 8) > self._count:
            # The map before is closed by whoever reads from it last.
            self._map = mmap.mmap(self._file.fileno(), 8 * count, access=mmap.ACCESS_READ)
            self._count = count
        return self._count

    def __getitem__(self, at: int) -> int:
        if not 0 <= at < self._count and not 0 <= at < len(self):
            raise IndexError(at)
        assert self._map is not None, "what is not empty is mapped"
        number: int = _NUMBER.unpack_from(self._map, 8 * at)[0]
        return number

    def slice(self, start: int, end: int) -> array[int]:
        """Return the numbers from ``start`` up to, not including, ``end``, as far as there are any."""
        end = min(end, len(self))
        if start >= end or self._map is None:
            return array("Q")
        return array("Q", self._map[8 * start : 8 * end])

    def close(self) -> None:
        """Let go of the file; there are no numbers any more."""
        self._map, self._count = None, 0
        self._end()


class Pages:
    """The first ``rows`` rows of the result in a directory. For one thread at a time."""

    def __init__(self, directory: Path, rows: int) -> None:
        self.directory = directory
        self._rows = rows
        self._file = open(directory / "pages", "rb")  # noqa: SIM115  # open as long as the object
        self._page_ends, self._counts = array("Q", [0]), array("Q", [0])
        index = (directory / "index").read_bytes()
        for end, count in _RECORD.iter_unpack(index[: len(index) - len(index) % _RECORD.size]):
            if self._counts[-1] >= rows:
                break
            self._page_ends.append(end)
            self._counts.append(count)
        if self._counts[-1] < rows:
            raise StorageError("a stored result is shorter than it was", detail=str(directory))

    def columns(self) -> tuple[Column, ...]:
        """Return the header."""
        return msgspec.msgpack.decode((self.directory / "columns").read_bytes(), type=tuple[Column, ...])

    def __len__(self) -> int:
        return self._rows

    def each(self) -> Iterator[tuple[int, bytes, int, Sequence[Row]]]:
        """Yield for each page the number of its first row, its bytes, where they end, and its rows."""
        for number in range(1, len(self._counts)):
            first = self._counts[number - 1]
            page = self._page(number)
            yield first, page, self._page_ends[number], decode_page(page)[: self._rows - first]

    def window(self, top: int, bottom: int) -> list[Row]:
        """Return the rows from ``top`` up to, not including, ``bottom``, as far as they exist."""
        rows: list[Row] = []
        top, bottom = max(top, 0), min(bottom, self._rows)
        while top < bottom:
            number = bisect_right(self._counts, top)
            first = self._counts[number - 1]
            part = decode_page(self._page(number))[top - first : bottom - first]
            rows += part
            top += len(part)
        return rows

    def row(self, number: int, ends: Numbers) -> Row:
        """Return one row, wherever it is; ``ends`` says where each ends."""
        page = bisect_right(self._counts, number)
        first = self._counts[page - 1]
        if number == first:
            rows = self._counts[page] - first
            start = self._page_ends[page - 1] + (1 if rows < 16 else 3 if rows < 65_536 else 5)
        else:
            start = ends[number - 1]
        self._file.seek(start)
        # A row by itself is a page of one row behind MessagePack's mark for a list of one.
        return decode_page(b"\x91" + self._file.read(ends[number] - start))[0]

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def _page(self, number: int) -> bytes:
        start, end = self._page_ends[number - 1], self._page_ends[number]
        self._file.seek(start)
        page = self._file.read(end - start)
        if len(page) < end - start:
            raise StorageError("a stored result is shorter than its index says", detail=str(self.directory))
        return page


class Ordered:
    """The rows of a result in an order that was written down."""

    def __init__(self, pages: Pages, order: Numbers, ends: Numbers) -> None:
        self._pages, self._order, self._ends = pages, order, ends

    def __len__(self) -> int:
        return len(self._order)

    def window(self, top: int, bottom: int) -> list[Row]:
        """Return the rows from ``top`` up to, not including, ``bottom``, as far as they exist."""
        return [self._pages.row(number, self._ends) for number in self._order.slice(max(top, 0), bottom)]


def _let_go(file: object, path: Path | None) -> None:
    file.close()  # type: ignore[attr-defined]  # an open file
    if path is not None:
        path.unlink(missing_ok=True)
