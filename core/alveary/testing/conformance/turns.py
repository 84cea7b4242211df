"""Counts round trips: stands between a driver and its server and sees who speaks."""

from __future__ import annotations

import contextlib
import socket
import threading


class Turns:
    """A proxy to a server on TCP that counts how often the client asks after the server has answered."""

    def __init__(self, host: str, port: int) -> None:
        """Lead to ``port`` of ``host``. Use it in a ``with`` statement."""
        self.count = 0
        self._asking = False
        self._server = (host, port)
        self._lock = threading.Lock()
        self._sockets: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]

    def __enter__(self) -> Turns:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        for each in (self._listener, *self._sockets):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(self._server)
                self._sockets += (client, server)
                threading.Thread(target=self._pass_on, args=(client, server, True), daemon=True).start()
                threading.Thread(target=self._pass_on, args=(server, client, False), daemon=True).start()

    def _pass_on(self, source: socket.socket, sink: socket.socket, asking: bool) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                with self._lock:
                    self.count += asking and not self._asking
                    self._asking = asking
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
