"""The wire: one way to run anything, by the extended protocol, its rows in chunks and every value as text."""

from __future__ import annotations

import contextlib
import selectors
import socket
from collections import deque
from collections.abc import Callable, Generator, Iterable
from typing import Any

import psycopg
from psycopg import generators, pq, waiting
from psycopg.adapt import AdaptersMap, Transformer
from psycopg.pq.abc import PGresult
from psycopg.types.string import TextLoader
from psycopg.waiting import Ready

from alveary.contracts.driver import Notice
from alveary.contracts.line import hung_up
from alveary.contracts.values import Row
from alveary_plugins.drivers.postgres.binding import Bound

CHUNK = 64
"""Rows libpq hands over at once: fewer cost time; more cost memory if rows are wide, and patience if they are slow."""
MANY = 1024
"""The same for questions of ours: their rows are small and all of them are wanted."""
COPY_SLICE = 1 << 18
"""Bytes of a COPY between two looks whether it is to stop."""
MOST_NOTICES = 1000
"""Notices kept while nobody takes them."""
NOTIFICATION = "NOTIFY"
"""The severity under which what a NOTIFY of another session says is passed on."""

COPY_STATES = (pq.ExecStatus.COPY_IN, pq.ExecStatus.COPY_OUT, pq.ExecStatus.COPY_BOTH)


class Wire:
    """The low-level connection; every method but :meth:`shut` belongs to the one thread that runs statements."""

    def __init__(self, connection: psycopg.Connection[Any], sent: Callable[[str], None]) -> None:
        """``sent`` is told each statement before it is sent."""
        self.connection = connection
        self._sent = sent
        self.taken = 0
        """Rows that a command of which nobody took the results says it has changed."""
        self.libpq = connection.pgconn
        # A duplicate of the socket, for shut(): the number of libpq's own may by then belong to a stranger's.
        self._line = socket.fromfd(self.libpq.socket, socket.AF_INET, socket.SOCK_STREAM)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self.libpq.socket, selectors.EVENT_READ)
        # Called while libpq reads: they only note what was said. (They don't know ``self``, which would be a cycle.)
        self.notices = notices = deque[Notice](maxlen=MOST_NOTICES)
        connection.add_notice_handler(lambda said: notices.append(_notice(said)))
        connection.add_notify_handler(lambda said: notices.append(_notification(said)))

    @property
    def codec(self) -> str:
        """Python's name of the encoding the server sends, which a statement may have changed."""
        codec = self.connection.info.encoding
        return "utf-8" if codec == "ascii" else codec  # SQL_ASCII: bytes of no known encoding, mostly UTF-8

    @property
    def status(self) -> pq.TransactionStatus:
        """What libpq knows of the transaction; UNKNOWN once the connection is dead."""
        return pq.TransactionStatus(self.libpq.transaction_status)

    @property
    def dead(self) -> bool:
        """The connection is closed or broken."""
        return self.libpq.status == pq.ConnStatus.BAD

    def setting(self, name: str) -> str | None:
        """Return a setting of those that the server reports on its own."""
        value = self.libpq.parameter_status(name.encode())
        return None if value is None else value.decode()

    def send(self, bound: Bound, chunk: int = CHUNK) -> None:
        """Send a statement; its results, of so many rows each, must then be taken until there is none."""
        self._sent(bound.text)
        self.libpq.send_query_params(bound.sql, bound.values, bound.types)
        self.libpq.set_chunked_rows_mode(chunk)
        self._flush()

    def _flush(self) -> None:
        waiting.wait(generators.send(self.libpq), self.libpq.socket, interval=0.5)

    @property
    def waiting(self) -> bool:
        """The next result is not here, nor is anything of it."""
        return bool(self.libpq.is_busy()) and not self._selector.select(0)

    def result(self) -> Generator[Notice, None, PGresult | None]:
        """Return the next result, None after the last, and yield what the server says meanwhile."""
        fetching = generators.fetch(self.libpq)
        try:
            next(fetching)
            while True:
                self._selector.select()
                fetching.send(Ready.R)
                while self.notices:
                    yield self.notices.popleft()
        except StopIteration as stop:
            result: PGresult | None = stop.value
        while self.notices:
            yield self.notices.popleft()
        return result

    def next_result(self) -> PGresult | None:
        """Return the next result, None after the last; what the server says meanwhile is nobody's."""
        waits = self.result()
        while True:
            try:
                next(waits)
            except StopIteration as stop:
                result: PGresult | None = stop.value
                return result

    def drain(self) -> PGresult | None:
        """Take all results that are left and return the first failure among them; ``taken`` is what the last counts."""
        failure = None
        self.taken = 0
        while (result := self.next_result()) is not None:
            if result.status == pq.ExecStatus.FATAL_ERROR:
                failure = failure or result
                if self.dead:
                    break
            elif result.status in COPY_STATES:
                self.end_copy(result)
            else:
                self.taken = result.command_tuples or 0
        return failure

    def copy_in(self, chunks: Iterable[bytes], stopped: Callable[[], bool]) -> None:
        """Send the data of a COPY that has begun and end it; its results come after it.

        Once ``stopped`` is true the server is told to give it up. An error of the server is among the results: it takes
        the rest of the data and drops it.
        """
        try:
            for chunk in chunks:
                if stopped():
                    break
                while self.libpq.put_copy_data(chunk) == 0:
                    self._give_and_take()
                self._push()
        except BaseException:  # what reads the data failed: none of it must stay
            self._put_copy_end(b"the rest of the data can't be had")
            self.drain()
            raise
        self._put_copy_end(b"cancelled" if stopped() else None)

    def _put_copy_end(self, error: bytes | None) -> None:
        while self.libpq.put_copy_end(error) == 0:
            self._give_and_take()
        self._push()

    def _push(self) -> None:
        while self.libpq.flush() == 1:
            self._give_and_take()

    def _give_and_take(self) -> None:
        """Wait until the server takes more, and take what it says meanwhile: else each could wait for the other."""
        self._selector.modify(self.libpq.socket, selectors.EVENT_READ | selectors.EVENT_WRITE)
        try:
            if any(events & selectors.EVENT_READ for _, events in self._selector.select()):
                self.libpq.consume_input()
        finally:
            self._selector.modify(self.libpq.socket, selectors.EVENT_READ)

    def copy_out(self) -> Generator[Notice | bytes | None, None, None]:
        """Yield what a COPY that has begun writes, a line or a piece at a time; None before it is waited for more."""
        while True:
            size, data = self.libpq.get_copy_data(1)
            if size > 0:
                yield bytes(data)
            elif size < 0:
                return
            else:
                if not self._selector.select(0):
                    yield None
                    self._selector.select()
                self.libpq.consume_input()
                while self.notices:
                    yield self.notices.popleft()

    def end_copy(self, result: PGresult) -> None:
        """End a COPY that has begun: nothing goes in, what comes out is dropped; results come after it."""
        if result.status == pq.ExecStatus.COPY_OUT:
            while (size := self.libpq.get_copy_data(1)[0]) >= 0:
                if size == 0:  # nothing has come yet
                    self._selector.select()
                    self.libpq.consume_input()
            return
        self._put_copy_end(b"there are no data")

    def barrier(self) -> None:
        """Go to the server and back with nothing: a cancel that was under way has then arrived, and hit nothing."""
        self._sent("")
        self.libpq.send_query(b"")
        self._flush()
        self.drain()

    def shut(self) -> None:
        """Shut the socket, from any thread, so that whoever waits for it wakes."""
        with contextlib.suppress(OSError):
            self._line.shutdown(socket.SHUT_RDWR)

    def last_words(self) -> str | None:
        """Return what the server said before it hung up; None as long as it has not. For while nothing runs."""
        if self.dead:
            return "the connection is closed"
        if not hung_up(self._line):
            return None
        words = "the server closed the connection"
        try:
            while self._selector.select(0):  # ends, for at the end of what is there libpq raises
                self.libpq.consume_input()
                self.libpq.is_busy()  # reads what it consumed: an error that nobody asked for is a notice
        except psycopg.Error as exc:
            words = str(exc)
        said = [notice.message for notice in self.notices if notice.severity in ("FATAL", "PANIC")]
        return said[-1] if said else words

    def close(self) -> None:
        """Close the connection without waiting for the server."""
        for each in (self._selector, self.connection, self._line):
            with contextlib.suppress(Exception):
                each.close()


class Rows:
    """Turns the chunks of one result into rows of text."""

    def __init__(self, codec: str) -> None:
        self._codec = codec
        adapters = AdaptersMap()
        adapters.register_loader(0, TextLoader)  # for every type, also those that don't exist yet
        self._transformer = Transformer(adapters)
        self._first = True

    def load(self, chunk: PGresult) -> list[Row]:
        """Return the rows of a chunk; bytes that are no text come as lone surrogates."""
        if self._codec == "utf-8":
            self._transformer.set_pgresult(chunk, set_loaders=self._first)
            self._first = False
            try:
                return self._transformer.load_rows(0, chunk.ntuples, tuple)
            except UnicodeDecodeError:
                pass  # once more, slowly
            finally:
                self._transformer.set_pgresult(None, set_loaders=False)
        return [
            tuple([self._text(chunk.get_value(row, column)) for column in range(chunk.nfields)])
            for row in range(chunk.ntuples)
        ]

    def _text(self, value: bytes | None) -> str | None:
        return None if value is None else value.decode(self._codec, "surrogateescape")


def _notice(said: psycopg.errors.Diagnostic) -> Notice:
    more = (("DETAIL", said.message_detail), ("HINT", said.message_hint))
    lines = [said.message_primary or "", *(f"{name}: {text}" for name, text in more if text)]
    return Notice(said.severity_nonlocalized or said.severity or "NOTICE", "\n".join(lines))


def _notification(said: psycopg.Notify) -> Notice:
    payload = f": {said.payload}" if said.payload else ""
    return Notice(NOTIFICATION, f"{said.channel}{payload} (from process {said.pid})")
