"""Forwarding: bytes go both ways whole, a port of ours is nobody else's, and what prevents a connection is told."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator

import pytest

from alveary.errors import TunnelFailedError
from alveary.forwarding import Forward

HANG = 15.0


@pytest.fixture
def echo() -> Iterator[Callable[[], socket.socket]]:
    """Dial a server that sends back what it is sent, as often as wanted."""
    ends: list[socket.socket] = []

    def dial() -> socket.socket:
        near, far = socket.socketpair()
        ends.extend((near, far))

        def serve() -> None:
            with contextlib.suppress(OSError):
                while data := far.recv(65536):
                    far.sendall(data)
                far.shutdown(socket.SHUT_WR)

        threading.Thread(target=serve, daemon=True).start()
        return near

    yield dial
    for end in ends:
        end.close()


def spoken(address: tuple[str, int], data: bytes) -> bytes:
    with socket.create_connection(address, HANG) as sock:

        def say() -> None:
            with contextlib.suppress(OSError):  # nobody takes it any more
                sock.sendall(data)
                sock.shutdown(socket.SHUT_WR)

        threading.Thread(target=say, daemon=True).start()
        heard = b""
        while part := sock.recv(65536):
            heard += part
        return heard


def test_bytes_go_both_ways_whole(echo: Callable[[], socket.socket]) -> None:
    forward = Forward(echo, threading.Event())
    forward.prepare()
    data = os.urandom(3_000_000)
    assert spoken(forward.address, data) == data, "over the connection that was made ahead"
    assert spoken(forward.address, b"again") == b"again"
    forward.close()
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(forward.address, HANG)


def test_what_prevents_a_connection_is_told_once() -> None:
    def dial() -> socket.socket:
        raise TunnelFailedError("the far end says no")

    forward = Forward(dial, threading.Event())
    with pytest.raises(TunnelFailedError):
        forward.prepare()
    assert spoken(forward.address, b"") == b""
    trouble = forward.trouble()
    assert trouble is not None
    assert trouble.message == "the far end says no"
    assert forward.trouble() is None
    forward.close()


@pytest.mark.skipif(os.geteuid() != 0 or not os.path.exists("/proc/net/tcp"), reason="needs another user to be")
def test_another_user_of_this_machine_gets_nothing(echo: Callable[[], socket.socket]) -> None:
    forward = Forward(echo, threading.Event())
    host, port = forward.address
    for user, heard in ((os.geteuid(), b"hello"), (65534, b"")):
        speak = (
            f"import os, socket, sys\nos.setuid({user})\ns = socket.socket()\n"
            f"s.settimeout({HANG})\ns.connect(({host!r}.encode(), {port}))\n"  # text would need a codec of root's
            "try:\n    s.sendall(b'hello')\n    sys.stdout.buffer.write(s.recv(100))\nexcept OSError: pass\n"
        )
        done = subprocess.run([sys.executable, "-I", "-c", speak], capture_output=True, timeout=60, check=False)
        assert (done.stdout, done.stderr) == (heard, b"")
    forward.close()
