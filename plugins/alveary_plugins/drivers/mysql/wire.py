"""The wire: PyMySQL shakes hands and sends commands; the rows are read here, each cell as the server wrote it.

PyMySQL makes some four calls for each cell. Here a row of ASCII, as most are, is decoded at once and cut to cells.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from pymysql.constants import COMMAND  # type: ignore[import-untyped]  # PyMySQL has no annotations

from alveary.contracts.driver import TlsInfo
from alveary.contracts.line import hung_up
from alveary.contracts.values import Cell, Row
from alveary_plugins.drivers.mysql.types import Field, converter

_CHUNK = 1 << 16
_MOST_AT_ONCE = 1 << 20
_LONGEST_PACKET = 0xFFFFFF
"""A packet of this length is continued by the next one."""
_WIDEST_CUT = 256
_NULL, _TWO_BYTES, _THREE_BYTES, _EIGHT_BYTES = 251, 252, 253, 254
_NULL_MARK = bytes([_NULL])
_EOF, _ERROR = 0xFE, 0xFF

IN_TRANSACTION, MORE_RESULTS, NO_BACKSLASH_ESCAPES = 1, 8, 512
"""Flags of the server's status."""


class ProtocolError(Exception):
    """The server's answer can't be understood; what comes after it neither."""


class LocalFileRequestedError(ProtocolError):
    """The server asked for a file of this machine."""


class Stream:
    """What is read from a socket: the file PyMySQL reads from, and the buffer in which we look for rows.

    ``data[at:]`` was received and not taken yet.
    """

    def __init__(self, sock: socket.socket) -> None:
        self._receive = sock.recv
        self.data = b""
        self.at = 0

    def read(self, size: int) -> bytes:
        """Return ``size`` bytes, fewer only at the end of the stream."""
        with contextlib.suppress(EOFError):
            self.fill(size)
        start, self.at = self.at, min(self.at + size, len(self.data))
        return self.data[start : self.at]

    def fill(self, size: int) -> None:
        """Receive until ``size`` bytes can be taken; raises EOFError when no more come. Nothing received is lost."""
        parts = [self.data[self.at :]]
        missing = size - len(parts[0])
        try:
            while missing > 0:
                part = self._receive(max(_CHUNK, min(missing, _MOST_AT_ONCE)))
                if not part:
                    raise EOFError("the server closed the connection")
                parts.append(part)
                missing -= len(part)
        finally:
            self.data, self.at = b"".join(parts), 0

    def close(self) -> None:
        """Do nothing: the socket is its owner's to close."""


@dataclass(slots=True)
class Answer:
    """What the server answers to a statement: a result, whose rows are fetched, or how many rows it changed."""

    fields: list[Field] | None = None
    """None where there is no result."""
    affected: int = 0
    warnings: int = 0
    ended: bool = True
    """All of it is read."""
    more: bool = False
    """Another answer follows, as after each result of a procedure."""
    converters: list[Callable[[bytes], Cell] | None] = field(default_factory=list)
    is_cut: bool = False
    """Its rows are text, and not so many cells that writing out how to cut them would take long."""
    continued: bool = False
    """The next packet goes on with the row before it."""


class Wire:
    """One connection after its handshake; used by one thread."""

    def __init__(self, db: Any, tls: TlsInfo, sent: Callable[[str], None]) -> None:
        """Take over a connection of PyMySQL's that is open, and encrypted like this.

        ``sent`` is told each statement before it is sent.
        """
        self._sent = sent
        self._db = db
        self.tls = tls
        self._stream = Stream(db._sock)
        file, db._rfile = db._rfile, self._stream
        file.close()

    @property
    def status(self) -> int:
        """What the server said last of its state."""
        status: int = self._db.server_status
        return status

    @property
    def handshake_id(self) -> int:
        """The number the connection has in the words of whoever shook hands: the server, or a proxy before it."""
        number: int = self._db.thread_id()
        return number

    def send(self, sql: str, told: str | None = None) -> None:
        """Send a statement; its answers must be read before the next. Where values stand in it, ``told`` has none."""
        self._sent(sql if told is None else told)
        self._db._execute_command(COMMAND.COM_QUERY, sql.encode())

    def receive(self) -> Answer:
        """Return the next answer; of a result only the header is read."""
        packet = self._db._read_packet()
        first = packet.get_all_data()[0]
        if first == 0xFB:
            # We said that we send no files, so no honest server asks.
            raise LocalFileRequestedError("the server asked for a file of this machine")
        if first == 0:
            packet.advance(1)
            affected = packet.read_length_encoded_integer()
            packet.read_length_encoded_integer()  # the last inserted id
            status, warnings = packet.read_struct("<HH")
            self._db.server_status = status
            return Answer(affected=affected, warnings=warnings, more=bool(status & MORE_RESULTS))
        count = packet.read_length_encoded_integer()
        fields = [self._field() for _ in range(count)]
        end = self._db._read_packet()
        if not end.is_eof_packet():
            raise ProtocolError("the header of the result does not end")
        converters = [converter(each) for each in fields]
        is_cut = count <= _WIDEST_CUT and not any(converters)
        return Answer(fields=fields, ended=False, converters=converters, is_cut=is_cut)

    def _field(self) -> Field:
        packet = self._db._read_packet()
        for _ in range(4):  # catalog, database, table and its real name
            packet.read_length_coded_string()
        name = packet.read_length_coded_string().decode("utf-8", "surrogateescape")
        packet.read_length_coded_string()  # the column's real name
        charset, length, type_, flags, decimals = packet.read_struct("<xHIBHB")
        return Field(name=name, charset=charset, length=length, type=type_, flags=flags, decimals=decimals)

    def fetch(self, answer: Answer, wanted: int) -> list[Row]:
        """Return up to ``wanted`` rows, fewer only where the result ends or breaks off.

        What broke it off is raised by the next call, so that no row before it is lost.
        """
        db, stream, converters = self._db, self._stream, answer.converters
        plain, with_nulls = _cutters(len(converters) if answer.is_cut else 0)
        data, at, sequence = stream.data, stream.at, db._next_seq_id
        rows: list[Row] = []
        try:
            while len(rows) < wanted:
                start = at + 4
                stop = start if start > len(data) else start + (data[at] | data[at + 1] << 8 | data[at + 2] << 16)
                if stop > len(data):
                    stream.at = at
                    try:
                        stream.fill(stop - at)
                    finally:
                        data, at = stream.data, stream.at
                    continue
                if data[at + 3] != sequence:
                    raise ProtocolError("the packets of the result are out of order")
                if stop - start == _LONGEST_PACKET:
                    stream.at, db._next_seq_id = at, sequence
                    rows.append(_row(db._read_packet().get_all_data(), converters))
                    data, at, sequence = stream.data, stream.at, db._next_seq_id
                    continue
                payload = data[start:stop]
                if payload[0] >= _EOF and (payload[0] == _ERROR or len(payload) < 9):
                    break
                # In ASCII no cell is longer than 127 bytes, and the mark of NULL is the only other byte above.
                if not answer.is_cut:
                    row = _row(payload, converters)
                elif payload.isascii():
                    end, row = plain(payload, payload.decode("ascii"))
                    if end != len(payload):
                        raise ProtocolError("a row is not as long as its cells")
                else:
                    nulls = payload.count(_NULL_MARK)
                    if nulls and payload.replace(_NULL_MARK, b"").isascii():
                        end, row = with_nulls(payload, payload.decode("latin-1"))
                        if end != len(payload) or row.count(None) != nulls:  # or a byte of text that is not UTF-8
                            row = _row(payload, converters)
                    else:
                        row = _row(payload, converters)
                rows.append(row)
                at, sequence = stop, (sequence + 1) & 0xFF
            else:
                return rows
        except (OSError, EOFError, IndexError, ProtocolError):
            if not rows:
                raise
            return rows
        finally:
            stream.at, db._next_seq_id = at, sequence
        if not rows or payload[0] == _EOF:
            self._end(answer)
        return rows

    def skip(self, answer: Answer, seconds: float | None = None) -> None:
        """Read the rest of an answer and drop it; raises TimeoutError after ``seconds``, and can then be called again.

        Raises what broke the result off, as :meth:`fetch`.
        """
        db, stream = self._db, self._stream
        deadline = None if seconds is None else time.monotonic() + seconds
        try:
            while not answer.ended:
                if deadline is not None:
                    if (left := deadline - time.monotonic()) <= 0:
                        raise TimeoutError("the rest of the result is long")
                    db._sock.settimeout(left)
                stream.fill(4)
                size = int.from_bytes(stream.data[stream.at : stream.at + 3], "little")
                stream.fill(4 + size)
                first = stream.data[stream.at + 4] if size else 0
                if not answer.continued and first >= _EOF and (first == _ERROR or size < 9):
                    self._end(answer)
                    return
                answer.continued = size == _LONGEST_PACKET
                stream.at += 4 + size
                db._next_seq_id = (db._next_seq_id + 1) & 0xFF
        finally:
            if deadline is not None and db._sock is not None:
                db._sock.settimeout(None)

    def _end(self, answer: Answer) -> None:
        """Read the packet that ends a result; raises what PyMySQL makes of one that tells an error."""
        answer.ended = True
        packet = self._db._read_packet()
        answer.warnings, self._db.server_status = packet.read_struct("<xHH")
        answer.more = bool(self._db.server_status & MORE_RESULTS)

    def close(self) -> None:
        """Say goodbye, if that takes no time, and close the socket."""
        with contextlib.suppress(Exception):
            self._db._sock.settimeout(0.2)
            self._db.close()

    def drop(self) -> None:
        """Close the socket without a word."""
        with contextlib.suppress(Exception):
            self._db._force_close()


def _row(payload: bytes, converters: list[Callable[[bytes], Cell] | None]) -> Row:
    """Return a row, whatever its cells are."""
    cells: list[Cell] = []
    place = 0
    for convert in converters:
        size = payload[place]
        place += 1
        if size == _NULL:
            cells.append(None)
            continue
        if size > _NULL:
            width = {_TWO_BYTES: 2, _THREE_BYTES: 3, _EIGHT_BYTES: 8}.get(size)
            if width is None:
                raise ProtocolError("a cell has no length")
            size = int.from_bytes(payload[place : place + width], "little")
            place += width
        end = place + size
        data = payload[place:end]
        cells.append(str(data, "utf-8", "surrogateescape") if convert is None else convert(data))
        place = end
    if place != len(payload):
        raise ProtocolError("a row is not as long as its cells")
    return tuple(cells)


_Cutter = Callable[[bytes, str], tuple[int, Row]]


@lru_cache(maxsize=64)
def _cutters(count: int) -> tuple[_Cutter, _Cutter]:
    """Return two functions that cut a row of so many cells, short ones of ASCII: without and with NULL among them.

    They take the row as bytes and as text and return where its last cell ends and the cells. They are written out cell
    by cell, as a namedtuple's methods are: that takes 0.6 of the time of a loop.
    """
    plain, with_nulls = [], []
    for number in range(count):
        plain.append(f"start = end + 1; end = start + data[end]; c{number} = text[start:end]")
        with_nulls += [
            "start = end + 1; size = data[end]",
            f"if size == {_NULL}: end = start; c{number} = None",
            f"else: end = start + size; c{number} = text[start:end]",
        ]
    cells = "".join(f"c{number}, " for number in range(count))
    made: dict[str, _Cutter] = {}
    for name, lines in (("plain", plain), ("with_nulls", with_nulls)):
        exec("\n ".join([f"def {name}(data, text):", "end = 0", *lines, f"return end, ({cells})"]), made)
    return made["plain"], made["with_nulls"]


class Lifeline:
    """A second handle on a socket: by it any thread can shut the socket, and never another that got its number."""

    def __init__(self, sock: socket.socket) -> None:
        """``sock`` is the plain socket: one with TLS can't be doubled."""
        self._lock = threading.Lock()
        self._twin: socket.socket | None = sock.dup()

    def shut(self) -> None:
        """Shut the socket in both directions: who waits for it wakes at once. Doesn't block or raise."""
        with self._lock, contextlib.suppress(OSError):
            if self._twin is not None:
                self._twin.shutdown(socket.SHUT_RDWR)

    @property
    def hung_up(self) -> bool:
        """The other end closed the connection, whatever it said before."""
        with self._lock:
            return self._twin is None or hung_up(self._twin)

    def close(self) -> None:
        """Let go of the socket."""
        with self._lock:
            twin, self._twin = self._twin, None
        if twin is not None:
            twin.close()
