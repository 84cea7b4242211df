"""Stored results: rows in pages on disk, bounded memory whatever their number, read back by window.

A result is a directory: ``columns`` (MessagePack), ``pages`` (MessagePack arrays of rows, one after the other) and
``index`` (per page, as two little-endian 64-bit numbers: where it ends in ``pages``, how many rows end there). The
writer and the reader may be different processes: a page counts once its index record stands.
"""

from __future__ import annotations

import contextlib
import errno
import os
import struct
import threading
import weakref
from array import array
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import msgspec

from alveary.contracts.values import Cell, Column, Row
from alveary.errors import DiskFullError, StorageError, described
from alveary.locks import try_lock
from alveary.paths import make_private, remove_tree

_RECORD = struct.Struct("<QQ")
_encode = msgspec.msgpack.Encoder().encode

# MessagePack extension codes, for cells its own types can't hold.
_BAD_UTF8, _SURROGATES, _BIG_INTEGER = 1, 2, 3


class Sink(Protocol):
    """Where a worker puts the rows of one statement, on the worker's thread."""

    def columns(self, columns: Sequence[Column]) -> None:
        """Take the header; called once, before any rows, and not at all for a statement that has no result."""

    def rows(self, rows: Sequence[Row]) -> int:
        """Take rows and return how many bytes they became; may wait while a reader is slow."""

    def close(self, whole: bool) -> None:
        """Take note that no more rows come: the result is whole (a row limit included), or it was cut short."""


class ResultWriter:
    """The sink that stores a result in a directory."""

    def __init__(self, directory: str | Path) -> None:
        self._directory = Path(directory)
        self._pages = self._index = -1
        self._size = self._rows = 0

    def columns(self, columns: Sequence[Column]) -> None:
        make_private(self._directory)
        with _storing(self._directory):
            (self._directory / "columns").write_bytes(_encode(columns))
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
            self._pages = os.open(self._directory / "pages", flags, 0o600)
            self._index = os.open(self._directory / "index", flags, 0o600)

    def rows(self, rows: Sequence[Row]) -> int:
        page = encode_page(rows)
        with _storing(self._directory):
            _write_all(self._pages, page)
            self._size += len(page)
            self._rows += len(rows)
            _write_all(self._index, _RECORD.pack(self._size, self._rows))
        return len(page)

    def close(self, whole: bool) -> None:
        for descriptor in (self._pages, self._index):
            if descriptor >= 0:
                os.close(descriptor)
        self._pages = self._index = -1


class ResultSet:
    """A stored result, readable by any thread while it is still being written and until it is dropped.

    It is dropped by :meth:`drop`, when nobody holds it any more, or with its kernel.
    """

    CACHED_PAGES, CACHED_BYTES = 16, 32 << 20

    def __init__(self, directory: str | Path) -> None:
        """Open a result whose ``columns`` are already written."""
        self.directory = Path(directory)
        try:
            header = (self.directory / "columns").read_bytes()
            with _undamaged(self.directory):
                self.columns = msgspec.msgpack.decode(header, type=tuple[Column, ...])
            self._index = os.open(self.directory / "index", os.O_RDONLY | getattr(os, "O_BINARY", 0))
            self._pages = os.open(self.directory / "pages", os.O_RDONLY | getattr(os, "O_BINARY", 0))
        except OSError as exc:
            raise StorageError(f"the stored result is gone: {exc.strerror}", detail=str(self.directory)) from exc
        self._ends = array("Q")
        self._counts = array("Q")
        self._cache: OrderedDict[int, list[Row]] = OrderedDict()
        self._lock = threading.Lock()
        self._files = weakref.finalize(self, _delete, self.directory, self._pages, self._index)

    def __len__(self) -> int:
        """Return how many rows stand by now."""
        with self._lock:
            self._refresh()
            return self._counts[-1] if self._counts else 0

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        """Yield the rows as Python values (see :meth:`Column.decode`)."""
        if all(column.decoder is None for column in self.columns):
            yield from self.cells()
            return
        for row in self.cells():
            yield tuple(column.decode(cell) for column, cell in zip(self.columns, row, strict=True))

    def cells(self) -> Iterator[Row]:
        """Yield the rows as the server sent them."""
        page = 0
        while True:
            with self._lock, _undamaged(self.directory):
                self._refresh()
                if page >= len(self._ends):
                    return
                rows = self._page(page)
            yield from rows
            page += 1

    def window(self, top: int, bottom: int) -> list[Row]:
        """Return the cells of the rows from ``top`` up to, not including, ``bottom``, as far as they exist."""
        rows: list[Row] = []
        with self._lock, _undamaged(self.directory):
            self._refresh()
            top, bottom = max(top, 0), min(bottom, self._counts[-1] if self._counts else 0)
            page = bisect_right(self._counts, top)
            while top < bottom:
                first = self._counts[page - 1] if page else 0
                part = self._page(page)[top - first : bottom - first]
                rows += part
                top += len(part)
                page += 1
        return rows

    @property
    def stored_bytes(self) -> int:
        """How many bytes the rows take on disk by now."""
        with self._lock:
            self._refresh()
            return self._ends[-1] if self._ends else 0

    def drop(self) -> None:
        """Delete the result from the disk; reading it afterwards is an error. Dropping twice is fine."""
        with self._lock:
            self._cache.clear()
            self._files()

    def _refresh(self) -> None:
        if not self._files.alive:
            raise StorageError("the stored result was dropped", detail=str(self.directory))
        os.lseek(self._index, len(self._ends) * _RECORD.size, os.SEEK_SET)
        while new := os.read(self._index, _RECORD.size << 12):
            # Should half a record be seen, it is left for the next look.
            whole = len(new) - len(new) % _RECORD.size
            for end, count in _RECORD.iter_unpack(new[:whole]):
                self._ends.append(end)
                self._counts.append(count)
            if whole < len(new):
                return

    def _page(self, number: int) -> list[Row]:
        if (page := self._cache.get(number)) is not None:
            self._cache.move_to_end(number)
            return page
        size = self._size(number)
        os.lseek(self._pages, self._ends[number] - size, os.SEEK_SET)
        page = decode_page(_read_all(self._pages, size))
        self._cache[number] = page
        while len(self._cache) > 1 and (
            len(self._cache) > self.CACHED_PAGES or sum(map(self._size, self._cache)) > self.CACHED_BYTES
        ):
            self._cache.popitem(last=False)
        return page

    def _size(self, number: int) -> int:
        return self._ends[number] - (self._ends[number - 1] if number else 0)


class ResultStore:
    """The directory in the cache where one kernel's results live; gone when the kernel closes.

    Directories that a killed process left behind are swept when the first result is stored: their lock is free.
    """

    def __init__(self, cache: Path) -> None:
        self._root = cache / "results"
        self._home: Path | None = None
        self._held: int | None = None
        self._lock = threading.Lock()

    def new_directory(self) -> Path:
        """Return a path where a result may be written; nothing stands there yet."""
        with self._lock:
            if self._home is None:
                self._home = self._claim()
        return self._home / os.urandom(16).hex()

    def close(self) -> None:
        """Delete all results."""
        with self._lock:
            home, held, self._home, self._held = self._home, self._held, None, None
        if home is not None:
            remove_tree(home)
        if held is not None:
            os.close(held)

    def _claim(self) -> Path:
        make_private(self._root)
        self._sweep()
        while True:
            home = make_private(self._root / f"{os.getpid()}-{os.urandom(4).hex()}")
            with _storing(home):
                self._held = os.open(home / "lock", os.O_RDWR | os.O_CREAT, 0o600)
            if try_lock(self._held) and (home / "lock").exists():
                return home
            os.close(self._held)  # somebody swept it before it was locked

    def _sweep(self) -> None:
        for orphan in self._root.iterdir():
            # Losing a race for a directory, or not owning it, is no reason to fail: the next start sweeps again.
            with contextlib.suppress(OSError):
                descriptor = os.open(orphan / "lock", os.O_RDWR)
                try:
                    if try_lock(descriptor):
                        remove_tree(orphan)
                finally:
                    os.close(descriptor)


def encode_page(rows: Sequence[Row]) -> bytes:
    """Return rows as MessagePack, cells it has no type for (bad UTF-8, integers beyond 64 bits) as extensions."""
    try:
        return _encode(rows)
    except (UnicodeEncodeError, OverflowError):
        return _encode([tuple(_storable(cell) for cell in row) for row in rows])


def decode_page(page: bytes) -> list[Row]:
    """Return the rows of a page."""
    return _decoder.decode(page)


def _storable(cell: Cell) -> Cell | msgspec.msgpack.Ext:
    if isinstance(cell, str) and not cell.isascii():
        try:
            cell.encode()
        except UnicodeEncodeError:
            try:
                return msgspec.msgpack.Ext(_BAD_UTF8, cell.encode("utf-8", "surrogateescape"))
            except UnicodeEncodeError:
                return msgspec.msgpack.Ext(_SURROGATES, cell.encode("utf-8", "surrogatepass"))
    elif isinstance(cell, int) and not -(2**63) <= cell < 2**64:
        return msgspec.msgpack.Ext(_BIG_INTEGER, f"{cell:x}".encode())
    return cell


def _from_extension(code: int, data: memoryview) -> Cell:
    if code == _BIG_INTEGER:
        return int(bytes(data), 16)
    return str(data, "utf-8", "surrogateescape" if code == _BAD_UTF8 else "surrogatepass")


_decoder = msgspec.msgpack.Decoder(list[tuple[Any, ...]], ext_hook=_from_extension)


def _write_all(descriptor: int, data: bytes) -> None:
    written = os.write(descriptor, data)
    while written < len(data):
        written += os.write(descriptor, memoryview(data)[written:])


def _read_all(descriptor: int, size: int) -> bytes:
    data = os.read(descriptor, size)
    while len(data) < size:
        if not (part := os.read(descriptor, size - len(data))):
            raise StorageError("a stored result is shorter than its index says")
        data += part
    return data


def _delete(directory: Path, *descriptors: int) -> None:
    for descriptor in descriptors:
        os.close(descriptor)
    remove_tree(directory)


@contextlib.contextmanager
def _undamaged(directory: Path) -> Iterator[None]:
    """Raise StorageError where files were damaged since they were written, which can show in any of these."""
    try:
        yield
    except (msgspec.MsgspecError, OSError, ValueError, IndexError, OverflowError, TypeError, MemoryError) as exc:
        raise StorageError("the stored result is damaged", detail=f"{directory}: {described(exc)}") from exc


@contextlib.contextmanager
def _storing(directory: Path) -> Iterator[None]:
    try:
        yield
    except OSError as exc:
        error = DiskFullError if exc.errno in (errno.ENOSPC, errno.EDQUOT) else StorageError
        raise error(
            f"can't store the result: {exc.strerror or exc}",
            detail=str(directory),
            hint="write it to a file with -o, or set ALVEARY_HOME to a directory with room",
        ) from exc
