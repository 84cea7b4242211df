"""A proxy in a process of its own that breaks the line between a client and a server, in every way a line can break.

In its own process, so that it goes on when this one is frozen, which is one of the things to be found out.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import subprocess
import sys
import threading
import time

_PIECE = 65536
_NO_LINGER = struct.pack("ii", 1, 0)
"""Closing such a socket resets the connection instead of ending it."""
_SLICE = 0.05
"""Seconds between two pieces on a slow line."""


class Proxy:
    """Stands between a client and a server of this machine. Use it in a ``with`` statement.

    What is to happen is told with the methods; it holds for the connections that are open and those to come. Amounts
    count bytes that the server sends from then on, over all connections.
    """

    def __init__(self, port: int) -> None:
        """Lead to ``port`` of this machine."""
        command = [sys.executable, "-I", "-S", __file__, str(port)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._lock = threading.Lock()
        self.port = int(self._answer())

    def mend(self) -> None:
        """Pass everything on."""
        self._tell("pass")

    def swallow(self) -> None:
        """Accept everything and pass nothing on, either way: what a pulled cable behind a router looks like."""
        self._tell("swallow")

    def slow(self, bytes_per_second: int) -> None:
        """Pass on what the server sends slowly."""
        self._tell("slow", bytes_per_second)

    def delay(self, seconds: float) -> None:
        """Hold each piece that the server sends for so long."""
        self._tell("delay", seconds)

    def cut(self, after: int = 0) -> None:
        """End every connection tidily, at once or ``after`` so many bytes."""
        self._tell("cut", after)

    def reset(self, after: int = 0) -> None:
        """Reset every connection, at once or ``after`` so many bytes."""
        self._tell("reset", after)

    def half_close(self, after: int = 0) -> None:
        """End what the server says, at once or ``after`` so many bytes, and go on listening to the client."""
        self._tell("half_close", after)

    def corrupt(self, at: int) -> None:
        """Turn all bits of one byte that the server sends."""
        self._tell("corrupt", at)

    @property
    def sent(self) -> int:
        """How many bytes of the server's were passed on by now."""
        return int(self._tell("sent"))

    @property
    def heard(self) -> int:
        """How many bytes of the clients' have come by now, those that were swallowed too."""
        return int(self._tell("heard"))

    @property
    def accepted(self) -> int:
        """How many connections were accepted by now."""
        return int(self._tell("accepted"))

    def __enter__(self) -> Proxy:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def _tell(self, *words: object) -> str:
        with self._lock:
            assert self._process.stdin is not None, "it is a pipe"
            self._process.stdin.write(" ".join(map(str, words)) + "\n")
            self._process.stdin.flush()
            return self._answer()

    def _answer(self) -> str:
        assert self._process.stdout is not None, "it is a pipe"
        line = self._process.stdout.readline()
        assert line, "the proxy died"
        return line


class _Pair:
    """One connection: the client's end and the server's."""

    def __init__(self, client: socket.socket, server: socket.socket) -> None:
        self.client, self.server = client, server
        self.mute = False
        """Nothing of the server's passes any more."""

    def end(self, how: str) -> None:
        self.mute = True
        if how == "half_close":
            with contextlib.suppress(OSError):
                self.client.shutdown(socket.SHUT_WR)
            return
        for each in (self.client, self.server):
            with contextlib.suppress(OSError):
                if how == "reset":
                    each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
                # Closing does not wake who reads; once nobody does, the last one to leave closes it.
                each.shutdown(socket.SHUT_RD if how == "reset" else socket.SHUT_RDWR)


class _Line:
    """What is done to all connections, in the proxy's process."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._lock = threading.Lock()
        self._how, self._amount = "pass", 0.0
        self._left = 0
        """Bytes of the server's that still pass before something happens."""
        self._sent = self._heard = self._accepted = 0
        self._pairs: list[_Pair] = []
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)

    def tell(self, how: str, amount: float) -> str:
        if how in ("sent", "heard", "accepted"):
            return str({"sent": self._sent, "heard": self._heard, "accepted": self._accepted}[how])
        with self._lock:
            self._how, self._amount, self._left = how, amount, int(amount)
            if how in ("cut", "reset", "half_close") and not amount:
                self._end()
        return "done"

    def serve(self) -> None:
        while True:
            client, _ = self.listener.accept()
            self._accepted += 1
            try:
                server = socket.create_connection(("127.0.0.1", self._port))
            except OSError:  # nobody there: the client hears what it would hear without us
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
                client.close()
                continue
            for each in (client, server):
                each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            pair = _Pair(client, server)
            with self._lock:
                self._pairs.append(pair)
            threading.Thread(target=self._both, args=(pair,), daemon=True).start()

    def _both(self, pair: _Pair) -> None:
        up = threading.Thread(target=self._up, args=(pair,), daemon=True)
        up.start()
        self._down(pair)
        up.join()
        with self._lock:
            self._pairs.remove(pair)
        pair.client.close()
        pair.server.close()

    def _up(self, pair: _Pair) -> None:
        with contextlib.suppress(OSError):
            while data := pair.client.recv(_PIECE):
                self._heard += len(data)
                if self._how != "swallow":
                    pair.server.sendall(data)
            if self._how != "swallow":
                pair.server.shutdown(socket.SHUT_WR)

    def _down(self, pair: _Pair) -> None:
        with contextlib.suppress(OSError):
            # A server that ends with something of the client's unread resets the line, which is an end, too.
            with contextlib.suppress(ConnectionResetError):
                while data := pair.server.recv(_PIECE):
                    while data:
                        data = self._pass_on(pair, data)
            if self._how != "swallow" and not pair.mute:
                pair.client.shutdown(socket.SHUT_WR)

    def _pass_on(self, pair: _Pair, data: bytes) -> bytes:
        """Pass on what may pass of a piece and return the rest."""
        how, amount = self._how, self._amount
        if how == "swallow" or pair.mute:
            return b""
        if how == "delay":
            time.sleep(amount)
        size = len(data)
        if how == "slow":
            size = max(1, int(amount * _SLICE))
            time.sleep(_SLICE)
        with self._lock:
            if how in ("cut", "reset", "half_close", "corrupt") and self._how == how:
                size = min(size, self._left + (how == "corrupt"))
                if how == "corrupt" and self._left < size:
                    data = data[: self._left] + bytes([data[self._left] ^ 0xFF]) + data[self._left + 1 :]
                    self._how = "pass"
                self._left -= size
        if size:
            self._sent += len(data[:size])  # before the client can have it, and ask
            pair.client.sendall(data[:size])
        with self._lock:
            if self._how == how and how in ("cut", "reset", "half_close") and self._left <= 0:
                self._end()
                return b""
        return data[size:]

    def _end(self) -> None:
        for pair in self._pairs:
            pair.end(self._how)
        self._how = "pass"  # it breaks once: who connects again finds a line that works


def _main(port: int) -> None:
    line = _Line(port)
    threading.Thread(target=line.serve, daemon=True).start()
    sys.stdout.write(f"{line.listener.getsockname()[1]}\n")
    sys.stdout.flush()
    for words in map(str.split, sys.stdin):
        sys.stdout.write(line.tell(words[0], float(words[1]) if len(words) > 1 else 0) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    _main(int(sys.argv[1]))
