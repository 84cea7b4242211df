"""A cable that can be pulled: a network namespace with a far end of its own, from where a relay leads to a server.

The relay reaches the server by its Unix socket, which is a file and so of no namespace.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import socket
import subprocess
import sys
import threading

_PIECE = 65536
_NUMBERS = itertools.count(1)


class NoCableError(Exception):
    """No network can be made here; says why."""


class Cable:
    """Leads to the server behind a Unix socket. Use it in a ``with`` statement; raises NoCableError."""

    def __init__(self, path: str) -> None:
        number = (os.getpid() + 4 * next(_NUMBERS)) % 16000
        name = f"alv{os.getpid() % 100_000}n{number % 1000}"
        self._namespace, self._near, self._far = name, f"{name}a", f"{name}b"
        net, part = divmod(number * 4, 256)
        self.host = f"10.213.{net}.{part + 2}"
        """The address of the far end."""
        self._relay: subprocess.Popen[str] | None = None
        if shutil.which("ip") is None or os.geteuid() != 0:
            raise NoCableError("that takes root and the program ip")
        try:
            self._ip("netns", "add", self._namespace)
            self._ip("link", "add", self._near, "type", "veth", "peer", "name", self._far, "netns", self._namespace)
            self._ip("address", "add", f"10.213.{net}.{part + 1}/30", "dev", self._near)
            self._ip("link", "set", self._near, "up")
            self._far_ip("address", "add", f"{self.host}/30", "dev", self._far)
            self._far_ip("link", "set", self._far, "up")
            command = ["ip", "netns", "exec", self._namespace, sys.executable, "-I", "-S", __file__, self.host, path]
            self._relay = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
            assert self._relay.stdout is not None, "it is a pipe"
            self.port = int(self._relay.stdout.readline())
        except BaseException:
            self._take_down()
            raise

    def pull(self) -> None:
        """Pull the cable out at the far end: nothing passes, nobody is told."""
        self._far_ip("link", "set", self._far, "down")

    def plug(self) -> None:
        """Put it in again."""
        self._far_ip("link", "set", self._far, "up")

    def __enter__(self) -> Cable:
        return self

    def __exit__(self, *_: object) -> None:
        self._take_down()

    def _take_down(self) -> None:
        if self._relay is not None:
            self._relay.kill()
            self._relay.communicate()
        with contextlib.suppress(NoCableError):  # it may not have come to that
            self._ip("netns", "del", self._namespace)  # and with it both ends of the cable

    def _far_ip(self, *words: str) -> None:
        self._ip("-n", self._namespace, *words)

    def _ip(self, *words: str) -> None:
        done = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)
        if done.returncode:
            raise NoCableError(f"ip {' '.join(words)}: {done.stderr.strip()}")


def _carry(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(_PIECE):
            sink.sendall(data)
    for end in (source, sink):
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


def _main(host: str, path: str) -> None:
    listener = socket.create_server((host, 0))
    sys.stdout.write(f"{listener.getsockname()[1]}\n")
    sys.stdout.flush()
    while True:
        near, _ = listener.accept()
        far = socket.socket(socket.AF_UNIX)
        far.connect(path)
        for pair in ((near, far), (far, near)):
            threading.Thread(target=_carry, args=pair, daemon=True).start()


if __name__ == "__main__":
    _main(*sys.argv[1:])
