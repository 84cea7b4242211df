"""Where exported bytes go: standard output, a device in place, or a file that appears when it is whole."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import stat
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from alveary.contracts.exporter import ExportOptions, Origin
from alveary.contracts.specs import DriverSpec
from alveary.contracts.target import Target
from alveary.contracts.values import Column, Row, ValueKind
from alveary.errors import AlvearyError, DiskFullError, FileUnwritableError, InvalidInputError, OutputClosedError
from alveary.formats import Format
from alveary.results import Sink
from alveary.tables import visible

if TYPE_CHECKING:
    import hashlib

_STDOUT = 1
_DESCRIPTOR = re.compile(r"/dev/(?:(?P<stream>stdin|stdout|stderr)|fd/(?P<number>\d+))|/proc/self/fd/(?P<same>\d+)")
_STREAMS = ("stdin", "stdout", "stderr")


class Output:
    """Takes bytes; :meth:`commit` makes them final, :meth:`discard` leaves what stood there before."""

    BUFFER = 1 << 16

    def __init__(self, path: str | None, *, checksum: bool = False) -> None:
        """Open ``path`` for writing, or standard output for None; FileUnwritableError when that can't be done.

        With ``checksum`` the SHA-256 of what is written is kept.
        """
        path = None if path == "-" else path
        self.name = "standard output" if path is None else path or "a file without a name"
        self.bytes = 0
        self._sum = _sha256() if checksum else None
        self._buffer = bytearray()
        self._final: Path | None = None
        self._temporary: Path | None = None
        self._owned = True
        self._descriptor = -1
        try:
            self._open(path)
        except OSError as exc:
            self.discard()
            raise self._mapped(exc) from exc
        self.is_terminal = os.isatty(self._descriptor)

    @property
    def sha256(self) -> str | None:
        """The SHA-256 of what has been written out, in hexadecimal; None if nobody asked for it."""
        return None if self._sum is None else self._sum.hexdigest()

    def write(self, data: bytes) -> None:
        """Write all of ``data``, soon; at once when a person's terminal reads it."""
        self.bytes += len(data)
        self._buffer += data
        if len(self._buffer) >= self.BUFFER or self.is_terminal:
            self.flush()

    def flush(self) -> None:
        """Write what is still buffered."""
        view, self._buffer = memoryview(self._buffer), bytearray()
        if self._sum is not None:
            self._sum.update(view)
        try:
            while view:
                view = view[os.write(self._descriptor, view) :]
        except OSError as exc:
            raise self._mapped(exc) from exc

    def commit(self) -> None:
        """Write everything out and give the file its name."""
        self.flush()
        try:
            if self._temporary is not None and self._final is not None:
                os.fsync(self._descriptor)
                os.replace(self._temporary, self._final)
                self._temporary = None
        except OSError as exc:
            raise self._mapped(exc) from exc
        finally:
            self._close()

    def discard(self) -> None:
        """Throw away what is not written yet; a file that stood under the name stays as it was. Never raises."""
        self._buffer.clear()
        self._close()

    def _open(self, path: str | None) -> None:
        if path is None:
            if sys.__stdout__ is not None:
                sys.__stdout__.flush()
            self._descriptor, self._owned = _STDOUT, False
            return
        if not path or path.endswith("/"):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        if (named := _DESCRIPTOR.fullmatch(path)) is not None:
            # Also where it leads to a file: opened again, it would have a place of its own there, and whoever writes to
            # the same one next would write over what we wrote.
            number = named["number"] or named["same"] or _STREAMS.index(named["stream"])
            self._descriptor = os.dup(int(number))
            return
        final = Path(os.path.realpath(path))
        mode = os.stat(path).st_mode if os.path.exists(path) else None
        # A device or a FIFO has no whole, and what another process has open is not ours to replace.
        if mode is not None and (not stat.S_ISREG(mode) or path.startswith("/proc/")):
            self._descriptor = os.open(path, os.O_WRONLY | os.O_APPEND)
            return
        if mode is not None and not os.access(final, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        with contextlib.suppress(FileNotFoundError):
            os.lstat(final)  # a name that is too long is found out now, not when everything is done
        temporary = final.with_name(f".alveary-{os.urandom(4).hex()}.part")
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
        self._descriptor = os.open(temporary, flags, 0o666 if mode is None else 0o600)
        self._temporary, self._final = temporary, final
        if mode is not None:
            os.chmod(temporary, stat.S_IMODE(mode))

    def _close(self) -> None:
        with contextlib.suppress(OSError):
            if self._owned and self._descriptor >= 0:
                self._owned = False
                os.close(self._descriptor)
        if self._temporary is not None:
            self._temporary.unlink(missing_ok=True)
            self._temporary = None

    def _mapped(self, exc: OSError) -> AlvearyError:
        kept = "; nothing stands under that name that did not before" if self._final is not None else ""
        return output_error(exc, self.name, kept)


def write_whole(path: str, content: bytes) -> int:
    """Write a file that appears when it is whole, and return how many bytes it has; raises as :class:`Output`."""
    output = Output(path)
    try:
        output.write(content)
        output.commit()
    finally:
        output.discard()
    return output.bytes


def files_of(target: Target, driver: DriverSpec) -> tuple[str, ...]:
    """Return the files a database stands in, those that its engine keeps beside it included, there or not."""
    if not driver.file_based or not target.database:
        return ()
    places = {target.database, os.path.realpath(target.database)}
    return (target.database, *(place + ending for place in sorted(places) for ending in driver.beside))


def refuse_replacing(path: str | None, *read: str | None, why: str = "is read by this very command") -> None:
    """Raise InvalidInputError where an output would take the place of a file that is ``read``, which would be lost.

    That a file is not there yet makes no difference: a journal comes and goes.
    """
    if not path or path == "-":
        return
    for other in filter(None, read):
        with contextlib.suppress(OSError, ValueError):  # what can't be looked at is told by whoever opens it
            same_place = os.path.realpath(path) == os.path.realpath(other)
            if same_place or (os.path.isfile(path) and os.path.samefile(path, other)):
                raise InvalidInputError(f"{path} {why}, so it can't be replaced", hint="give the output another name")


def output_error(exc: OSError, name: str, consequence: str = "") -> AlvearyError:
    """Return our error for one that writing ``name`` ran into."""
    if exc.errno == errno.EPIPE:
        return OutputClosedError(f"{name} was closed by its reader")
    error = DiskFullError if exc.errno in (errno.ENOSPC, errno.EDQUOT) else FileUnwritableError
    return error(f"can't write {name}: {exc.strerror or exc}{consequence}")


def _sha256() -> hashlib._Hash:
    import hashlib  # a fiftieth of a second, for those who ask

    return hashlib.sha256()


class ExportWriter:
    """One exporter on one output, for the results of any number of statements."""

    def __init__(self, format: Format, path: str | None, *, checksum: bool = False) -> None:
        """Open the output; whether it is a person's terminal decides how control characters are written.

        A format that no terminal can show is refused there.
        """
        exporter = format.exporter()
        self._binary = format.binary
        self._formatted = self._raw = self._in_format = False
        self._output = Output(path, checksum=checksum)
        terminal = self._output.is_terminal
        try:
            if format.binary and terminal:
                raise InvalidInputError(
                    "this format is not text, and a terminal can't show it",
                    hint="give a file with -o, or lead the output into a file or a pipe",
                )
            options = ExportOptions(header=format.header, null=format.null, terminal=terminal)
            self._exporter = exporter(self._output.write, options)
        except BaseException:
            self._output.discard()
            raise

    @property
    def bytes(self) -> int:
        """How many bytes have been written."""
        return self._output.bytes

    @property
    def name(self) -> str:
        """What a sentence calls the output."""
        return self._output.name

    @property
    def sha256(self) -> str | None:
        """The SHA-256 of what has been written out; None if nobody asked for it."""
        return self._output.sha256

    def sink(self, origin: Origin) -> Sink:
        """Return the sink for the next statement, whose rows come from ``origin``."""
        return _ExportSink(self, origin)

    def commit(self) -> None:
        """Everything is whole: write what is left, and give the file its name."""
        if self._formatted or not self._raw:
            self._exporter.finish()
        self._output.commit()

    def discard(self) -> None:
        """Something was cut short: no file appears. What went to a terminal or a pipe has gone."""
        self._output.discard()

    def begin(self, columns: Sequence[Column], origin: Origin) -> Callable[[Sequence[Row]], None]:
        """Begin a result and return what writes its rows; what a server wrote for a file goes out as it is."""
        if [column.kind for column in columns] == [ValueKind.RAW]:
            if self._binary:
                raise InvalidInputError(
                    "the statement writes the lines of a file itself, which can't stand in this format",
                    hint="leave --format out",
                )
            self._raw, self._in_format = True, False
            return self._write_raw
        self._formatted = self._in_format = True
        self._exporter.origin = origin
        self._exporter.begin(columns)
        return self._exporter.rows

    def end(self, whole: bool) -> None:
        """End the result that was begun."""
        if self._in_format:
            self._exporter.end(whole)
        self._output.flush()

    def _write_raw(self, rows: Sequence[Row]) -> None:
        pieces = []
        for (cell,) in rows:
            if isinstance(cell, str):
                line = "\t".join(map(visible, cell.split("\t"))) if self._output.is_terminal else cell
                pieces.append(line.encode("utf-8", "surrogateescape") + b"\n")
            elif isinstance(cell, bytes):
                if self._output.is_terminal:
                    raise InvalidInputError("this is no text, and a terminal can't show it", hint="give a file with -o")
                pieces.append(cell)
        self._output.write(b"".join(pieces))


class _ExportSink:
    """Writes one statement's rows as they come; nothing touches the disk on the way."""

    def __init__(self, writer: ExportWriter, origin: Origin) -> None:
        self._writer = writer
        self._origin = origin
        self._write: Callable[[Sequence[Row]], None] | None = None

    def columns(self, columns: Sequence[Column]) -> None:
        if columns:  # a result of no columns has nothing any format could write
            self._write = self._writer.begin(columns, self._origin)

    def rows(self, rows: Sequence[Row]) -> int:
        before = self._writer.bytes
        if self._write is not None:
            self._write(rows)
        return self._writer.bytes - before

    def close(self, whole: bool) -> None:
        if self._write is not None:
            self._writer.end(whole)
