"""Connecting and leaving: where nothing answers, where the wrong thing answers, and what is left after ``close``."""

from __future__ import annotations

import socket
import time
from pathlib import Path
from typing import Any

import pytest

from alveary.contracts.driver import BatchSize, Capability, Connection, Driver
from alveary.contracts.factory import load_factory
from alveary.contracts.specs import DriverSpec
from alveary.contracts.target import Target
from alveary.errors import AlvearyError, ConnectionFailedError, InternalError
from alveary.testing.conformance.base import HANG, Conformance, Connect, run, values

TIMEOUT = 1.0
"""Seconds allowed for a connection that can't be made."""


class Connecting(Conformance):
    """Opening and closing connections."""

    def test_the_factory_makes_a_driver_from_nothing(self, spec: DriverSpec) -> None:
        assert isinstance(load_factory(spec.factory)(), Driver)

    def test_the_server_says_who_it_is(self, connection: Connection) -> None:
        server = connection.server()
        assert server.product
        assert server.version

    def test_what_is_no_database_is_refused_in_time(
        self, connect: Connect, spec: DriverSpec, target: Target, tmp_path: Path
    ) -> None:
        if spec.file_based:
            (tmp_path / "text").write_text("This is no database.\n" * 1000)
            for path in (tmp_path / "no such folder" / "file", tmp_path, tmp_path / "text"):
                refuse(connect, target, database=str(path))
            if Capability.READ_ONLY in spec.capabilities:
                refuse(connect, target, database=str(tmp_path / "new"), read_only=True)
                assert not (tmp_path / "new").exists(), "a read-only target creates nothing"
            return
        with socket.create_server(("127.0.0.1", 0)) as silent:
            port: int = silent.getsockname()[1]
            refuse(connect, target, host="127.0.0.1", port=port)
        refuse(connect, target, host="127.0.0.1", port=port)  # where nobody listens any more
        if target.database is not None:
            refuse(connect, target, database="no_such_database_anywhere", timeout=HANG)
        if target.password is not None:
            refuse(connect, target, password=f"not {target.password}", timeout=HANG)

    def test_what_was_written_is_there_for_the_next_connection(self, connect: Connect) -> None:
        first = connect()
        self.make_bee(first)
        first.close()
        assert values(connect(), "select v from bee where k = 1") == [("one",)]

    def test_close_is_quick_and_can_be_repeated(self, bee: Connection) -> None:
        close(bee)
        close(bee)
        with pytest.raises(AlvearyError) as caught:
            run(bee, "select k from bee")
        assert not isinstance(caught.value, InternalError), "a closed connection is the caller's mistake, not a defect"

    def test_close_is_quick_with_a_result_half_read(self, bee: Connection) -> None:
        messages = bee.execute("select b1.k from bee b1, bee b2, bee b3", None, batch=BatchSize())
        next(messages)
        close(bee)
        messages.close()

    def test_abort_never_blocks_or_raises(self, connect: Connect) -> None:
        connection = connect()
        started = time.monotonic()
        connection.abort()
        connection.abort()
        close(connection)
        connection.abort()
        assert time.monotonic() - started < HANG


def refuse(connect: Connect, target: Target, *, timeout: float = TIMEOUT, **changes: Any) -> None:
    """See the connection refused within the time, in words that hold no password."""
    started = time.monotonic()
    with pytest.raises(ConnectionFailedError) as caught:
        connect(timeout=timeout, **changes)
    assert time.monotonic() - started < 5 * timeout + 1, f"it took too long to refuse {changes}"
    assert caught.value.message
    if target.password is not None:
        assert target.password not in str(caught.value.record()), "an error must not repeat the password"


def close(connection: Connection) -> None:
    """Close a connection, which takes a second at most, with headroom for a busy machine."""
    started = time.monotonic()
    connection.close()
    assert time.monotonic() - started < 5, "close returns within a second"
