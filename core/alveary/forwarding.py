"""Forwarding: a port of this machine that only this user can reach, and what copies bytes between it and a tunnel."""

from __future__ import annotations

import collections
import contextlib
import logging
import os
import socket
import sys
import threading
import time
from collections.abc import Callable

from alveary.contracts.tunnel import Stream
from alveary.errors import AlvearyError, ConnectionFailedError, described

_log = logging.getLogger(__name__)

MOST_CONNECTIONS = 64
"""Connections through one port at once."""
FRESH_SECONDS = 5.0
"""How long a connection that was made ahead waits for its user: servers give up those who say nothing."""
END_SECONDS = 0.1
"""How long the end of a connection waits for the news that the whole tunnel is lost, which is the better reason."""
_PIECE = 1 << 16


class Forward:
    """Listens on the loopback address; each connection there is one through the tunnel, made by ``dial``."""

    def __init__(self, dial: Callable[[], Stream], lost: threading.Event) -> None:
        """``dial`` raises what prevents a connection, and ``lost`` is set when the tunnel is."""
        self._dial = dial
        self._lost = lost
        self._lock = threading.Lock()
        self._closed = False
        self._ready: collections.deque[tuple[float, Stream]] = collections.deque()
        self._open: set[_Pair] = set()
        self._trouble: AlvearyError | None = None
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address: tuple[str, int] = self._listener.getsockname()
        """Where to connect to."""
        threading.Thread(target=self._serve, name="alveary-forward", daemon=True).start()

    def prepare(self) -> None:
        """Make a connection ahead, for whoever comes next; raises what prevents it."""
        stream = self._dial()
        with self._lock:
            if not self._closed:
                self._ready.append((time.monotonic(), stream))
                return
        stream.close()

    def trouble(self) -> AlvearyError | None:
        """Return why the last connection could not be made, if it could not, and forget it."""
        trouble, self._trouble = self._trouble, None
        return trouble

    def close(self) -> None:
        """Listen no more and end all connections."""
        with self._lock:
            self._closed = True
            pairs, ready = list(self._open), list(self._ready)
            self._ready.clear()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for pair in pairs:
            pair.end()
        for _, stream in ready:
            _closed(stream)

    def _serve(self) -> None:
        while True:
            try:
                near, peer = self._listener.accept()
            except OSError:
                return
            if not _is_ours(peer, self.address) or len(self._open) >= MOST_CONNECTIONS:
                near.close()
                continue
            threading.Thread(target=self._carry, args=(near,), name="alveary-forward", daemon=True).start()

    def _carry(self, near: socket.socket) -> None:
        try:
            far = self._taken() or self._dial()
        except Exception as exc:  # noqa: BLE001  # told to whoever asks why the connection ended
            self._trouble = exc if isinstance(exc, AlvearyError) else ConnectionFailedError(described(exc))
            near.close()
            return
        near.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        pair = _Pair(near, far, self._lost)
        with self._lock:
            closed = self._closed
            if not closed:
                self._open.add(pair)
        try:
            if not closed:
                pair.carry()
        except AlvearyError as exc:  # a far end that says only now that it was not reached
            self._trouble = exc
        finally:
            pair.end()
            near.close()
            _closed(far)
            self._open.discard(pair)

    def _taken(self) -> Stream | None:
        """Return a connection that was made ahead, and is not too old to be of use."""
        while True:
            with self._lock:
                if not self._ready:
                    return None
                since, stream = self._ready.popleft()
            if time.monotonic() - since < FRESH_SECONDS:
                return stream
            _closed(stream)


class _Pair:
    """Two ends, and the bytes between them in both directions."""

    def __init__(self, near: socket.socket, far: Stream, lost: threading.Event) -> None:
        self._near, self._far, self._lost = near, far, lost
        self._near_ended = False

    def carry(self) -> None:
        """Copy until the far end has ended; the caller ends the rest."""
        out = threading.Thread(target=self._out, name="alveary-forward", daemon=True)
        out.start()
        with contextlib.suppress(OSError, EOFError):
            while data := self._far.recv(_PIECE):
                self._near.sendall(data)
        if not self._near_ended:
            self._lost.wait(END_SECONDS)

    def end(self) -> None:
        """Wake both directions."""
        for end in (self._near, self._far):
            with contextlib.suppress(OSError, EOFError):
                end.shutdown(socket.SHUT_RDWR)

    def _out(self) -> None:
        with contextlib.suppress(OSError, EOFError):
            while data := self._near.recv(_PIECE):
                self._far.sendall(data)
        self._near_ended = True
        with contextlib.suppress(OSError, EOFError):
            self._far.shutdown(socket.SHUT_WR)


def _closed(stream: Stream) -> None:
    with contextlib.suppress(OSError, EOFError):
        stream.close()


def _is_ours(peer: tuple[str, int], here: tuple[str, int]) -> bool:
    """Return whether a connection was made by a process of this user; where the system does not tell, it is.

    Other users of this machine can reach every port of the loopback address.
    """
    try:
        with open("/proc/net/tcp", encoding="ascii") as table:
            wanted = (_written(peer), _written(here))
            for line in table:
                fields = line.split()
                if tuple(fields[1:3]) == wanted:
                    return int(fields[7]) == os.getuid()
    except (OSError, ValueError, IndexError):
        return True
    return True


def _written(address: tuple[str, int]) -> str:
    host = int.from_bytes(socket.inet_aton(address[0]), sys.byteorder)
    return f"{host:08X}:{address[1]:04X}"
