"""One window for each data directory: the first one listens, a second start asks it to come to the front."""

from __future__ import annotations

import contextlib
import os
import socket
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

from alveary.errors import StorageError
from alveary.paths import make_private

if sys.platform != "win32":
    import fcntl

_RAISE = b"raise\n"
_SECONDS = 3.0


class Instance:
    """Holds the lock of a data directory as long as its window is open. On Windows there is no such lock yet."""

    def __init__(self, data: Path) -> None:
        self._file = data / "window.lock"
        self._descriptor = -1
        self._socket: socket.socket | None = None
        self._address: Path | None = None

    def take(self) -> bool:
        """Take the lock; False if another process has it."""
        make_private(self._file.parent)
        if sys.platform == "win32":
            return True
        try:
            descriptor = os.open(self._file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        except OSError as exc:
            raise StorageError(f"can't lock {self._file}: {exc.strerror or exc}") from exc
        self._descriptor = descriptor
        return True

    def listen(self, asked: Callable[[], object]) -> None:
        """Call ``asked``, on another thread, whenever a second start wants the window in front."""
        if sys.platform == "win32":
            return
        # Not in the data directory, whose path may be longer than a socket's may be.
        self._address = Path(tempfile.mkdtemp(prefix="alveary-")) / "window"
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.bind(str(self._address))
        self._socket.listen()
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, os.fsencode(self._address), 0)
        threading.Thread(target=self._serve, args=(self._socket, asked), name="alveary-instance", daemon=True).start()

    def raise_other(self) -> bool:
        """Ask the window that has the lock to come to the front; False if it does not answer."""
        if sys.platform == "win32":
            return False
        try:
            address = self._file.read_bytes()
            with socket.socket(socket.AF_UNIX) as other:
                other.settimeout(_SECONDS)
                other.connect(address)
                other.sendall(_RAISE)
                return other.recv(16) == b"ok\n"
        except OSError:
            return False

    def release(self) -> None:
        """Give the lock back."""
        if self._socket is not None:
            self._socket.close()
        if self._address is not None:
            with contextlib.suppress(OSError):
                self._address.unlink()
                self._address.parent.rmdir()
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    @staticmethod
    def _serve(listening: socket.socket, asked: Callable[[], object]) -> None:
        while True:
            try:
                other, _ = listening.accept()
            except OSError:  # it was closed
                return
            with other, contextlib.suppress(OSError):
                other.settimeout(_SECONDS)
                if other.recv(16) == _RAISE:
                    asked()
                    other.sendall(b"ok\n")
