"""Rogue PostgreSQL servers: whatever one sends, it is an error in time and within bounds, and never a whole result."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from itertools import pairwise

import pytest
from fix_mariadb import HANG

from alveary import Kernel
from alveary.contracts.driver import Batch, BatchSize, Columns
from alveary.contracts.target import Target
from alveary.errors import AlvearyError, ConnectionFailedError
from alveary_plugins.drivers.postgres.driver import PostgresConnection, PostgresDriver

PASSWORD = "S3cret-of-bees"


def message(kind: bytes, payload: bytes = b"") -> bytes:
    return kind + struct.pack(">I", len(payload) + 4) + payload


def column(name: bytes) -> bytes:
    return name + b"\0" + struct.pack(">IHIhih", 0, 0, 25, -1, -1, 0)


def header(count: int) -> bytes:
    return message(b"T", struct.pack(">H", count) + b"".join(column(b"c%d" % n) for n in range(count)))


READY = message(b"Z", b"I")
DONE = message(b"C", b"SELECT 1\0") + READY
NOTICE = message(b"N", b"SNOTICE\0VNOTICE\0C00000\0M" + b"x" * 100 + b"\0\0")
WELCOME = (
    message(b"R", struct.pack(">I", 0))
    + b"".join(
        message(b"S", name + b"\0" + value + b"\0")
        for name, value in ((b"server_version", b"15.0"), (b"client_encoding", b"UTF8"), (b"server_encoding", b"UTF8"))
    )
    + message(b"K", struct.pack(">II", 7, 7))
    + READY
)

Answer = Callable[[socket.socket], None]


class Rogue:
    """A server that lets everybody in, and then answers as a function does."""

    def __init__(self, answer: Answer, welcome: bytes, knows_types: bool) -> None:
        """``knows_types``: the first question, for the names of types, is answered as it should be."""
        self._answer, self._welcome, self._knows_types = answer, welcome, knows_types
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._ends: list[socket.socket] = []
        self.heard = b""
        threading.Thread(target=self._serve, daemon=True).start()

    def target(self) -> Target:
        return Target(scheme="postgresql", host="127.0.0.1", port=self._listener.getsockname()[1], user="ann",
                      password=PASSWORD, database="d", options={"sslmode": "disable"})  # fmt: skip

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connected, _ = self._listener.accept()
                self._ends.append(connected)
                threading.Thread(target=self._talk, args=(connected,), daemon=True).start()

    def _talk(self, connected: socket.socket) -> None:
        with contextlib.suppress(OSError):
            self.heard += connected.recv(4096)
            connected.sendall(self._welcome)
            self.heard += connected.recv(4096)
            if self._knows_types:
                connected.sendall(header(3) + DONE)
                connected.recv(4096)
            self._answer(connected)
            connected.shutdown(socket.SHUT_RDWR)  # whoever asks once more is not to wait

    def close(self) -> None:
        for end in (self._listener, *self._ends):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()


@pytest.fixture
def rogue() -> Iterator[Callable[..., Rogue]]:
    made: list[Rogue] = []

    def make(answer: Answer | bytes, welcome: bytes = WELCOME, *, knows_types: bool = True) -> Rogue:
        script = answer if callable(answer) else lambda connected: connected.sendall(answer)
        made.append(Rogue(script, welcome, knows_types))
        return made[-1]

    yield make
    for each in made:
        each.close()


Make = Callable[..., Rogue]


def connect(target: Target, timeout: float = 5.0) -> PostgresConnection:
    return PostgresDriver().connect(target, timeout=timeout)


@pytest.mark.parametrize(
    "welcome",
    [
        message(b"R", struct.pack(">I", 3)),  # the password in plain text
        message(b"R", struct.pack(">I", 99)),
        message(b"R", struct.pack(">I", 10) + b"NO-SUCH-WAY\0\0"),
        b"R" + struct.pack(">i", -1),
        b"R" + struct.pack(">i", 3),
        b"E" + struct.pack(">I", 0x7FFFFFFF) + b"x" * 4096,
        message(b"E", b"no fields at all"),
        message(b"v", struct.pack(">Ii", 0x30000, -1)),
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        NOTICE * 10_000 + message(b"R", struct.pack(">I", 3)),
    ],
)
def test_a_welcome_that_is_none_is_a_failed_connection_and_gets_no_password(rogue: Make, welcome: bytes) -> None:
    server = rogue(b"", welcome)
    started = time.monotonic()
    with pytest.raises(ConnectionFailedError) as caught:
        connect(server.target(), 2.0)
    assert time.monotonic() - started < HANG
    assert PASSWORD not in str(caught.value.record())
    assert PASSWORD.encode() not in server.heard


@pytest.mark.parametrize("knows_types", [True, False])
@pytest.mark.parametrize(
    "reply",
    [
        header(1) + message(b"D", struct.pack(">Hi", 1, 0x7FFFFFFF)) + DONE,
        header(1) + message(b"D", struct.pack(">H", 2)) + DONE,
        header(1) + b"D" + struct.pack(">i", -7) + DONE,
        message(b"T", struct.pack(">h", -1)) + DONE,
        message(b"T", struct.pack(">H", 5) + b"c\0") + DONE,
        header(65535) + message(b"D", struct.pack(">H", 1) + b"\0\0\0\1x") + DONE,
        message(b"D", struct.pack(">Hi", 1, -1)) + DONE,
        message(b"?", b"") + DONE,
        b"\0" * 64,
    ],
)
def test_an_answer_that_is_none_ends_the_connection_and_is_never_a_whole_result(
    rogue: Make, reply: bytes, knows_types: bool
) -> None:
    connection = connect(rogue(reply, knows_types=knows_types).target())
    with pytest.raises(AlvearyError):
        list(connection.execute("select 1", None, batch=BatchSize()))
    with pytest.raises(AlvearyError):
        list(connection.execute("select 1", None, batch=BatchSize()))
    connection.close()


def test_as_many_columns_as_the_protocol_can_say_are_a_header(rogue: Make) -> None:
    row = message(b"D", struct.pack(">H", 65535) + struct.pack(">i", -1) * 65535)
    connection = connect(rogue(header(65535) + row + DONE).target())
    messages = connection.execute("select 1", None, batch=BatchSize())
    columns = next(messages)
    assert isinstance(columns, Columns)
    assert len(columns.columns) == 65535
    assert sum(len(each.rows) for each in messages if isinstance(each, Batch)) == 1
    connection.close()


def test_notices_without_an_end_fill_no_memory_and_are_left_by_a_cancel(rogue: Make, kernel: Kernel) -> None:
    def answer(connected: socket.socket) -> None:
        while True:
            connected.sendall(NOTICE * 100)

    driver = kernel.plugins.drivers.find("postgresql")
    assert driver is not None
    session = kernel.open(rogue(answer).target(), driver, record=False)
    session.wait_connected()
    statement = session.execute("select 1")
    tracemalloc.start()
    most = []
    for _ in range(4):
        threading.Event().wait(0.5)
        most.append(tracemalloc.get_traced_memory()[0])
    tracemalloc.stop()
    assert max(after - before for before, after in pairwise(most)) < 20 << 20
    started = time.monotonic()
    statement.cancel()
    statement.wait()
    assert time.monotonic() - started < HANG
    session.close()
