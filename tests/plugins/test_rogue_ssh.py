"""Rogue SSH servers: whatever one does, connecting ends in time, with an error that names it, and leaks nothing."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import paramiko  # type: ignore[import-untyped]  # paramiko has no annotations
import pytest
from fix_mariadb import HANG

from alveary.contracts.tunnel import HostKey, TunnelSecret, TunnelTarget
from alveary.errors import AlvearyError, TunnelFailedError
from alveary_plugins.tunnels.ssh.tunnel import SshTunneler

Script = Callable[[socket.socket], None]
PASSWORD = "S3cret-of-the-bees"


class Help:
    """Knows a password, and believes everybody."""

    heartbeat = 15.0

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.stopped = threading.Event()
        self.given: list[str] = []

    def secret(self, kind: TunnelSecret, of: str) -> str | None:
        self.given.append(of)
        return PASSWORD

    def refused(self, kind: TunnelSecret, of: str, secret: str) -> None:
        self.given.append(f"refused {of}")

    def accepts(self, key: HostKey) -> bool:
        return True


@pytest.fixture
def rogue() -> Iterator[Callable[[Script], int]]:
    """Make a server that does to each connection what a function says; its port."""
    listeners: list[socket.socket] = []
    ends: list[socket.socket] = []

    def make(script: Script) -> int:
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connected, _ = listener.accept()
                    ends.append(connected)
                    threading.Thread(target=talk, args=(connected,), daemon=True).start()

        def talk(connected: socket.socket) -> None:
            with contextlib.suppress(OSError, EOFError, paramiko.SSHException):
                script(connected)

        threading.Thread(target=serve, daemon=True).start()
        port: int = listener.getsockname()[1]
        return port

    yield make
    for end in (*listeners, *ends):
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
        end.close()


def failure(port: int, folder: Path, timeout: float = 2.0) -> tuple[AlvearyError, Help]:
    """Return the error of connecting, which must come in time."""
    help_ = Help(folder)
    target = TunnelTarget(host="127.0.0.1", port=port, user="ann", method="password",
                          options=(("config", "none"), ("known_hosts", "none")))  # fmt: skip
    started = time.monotonic()
    with pytest.raises(AlvearyError) as caught:
        _connect(target, help_, timeout)
    assert time.monotonic() - started < HANG
    assert f"127.0.0.1:{port}" in caught.value.message
    assert PASSWORD not in str(caught.value.record())
    return caught.value, help_


def _connect(target: TunnelTarget, help: Help, timeout: float) -> None:
    tunnel = SshTunneler().open(target, help, lambda reason: None, timeout=timeout)
    try:
        tunnel.connect("db", 5432, timeout=timeout)
    finally:
        tunnel.close()


def never(connected: socket.socket) -> None:
    """Accept, and say nothing."""


def speaks_http(connected: socket.socket) -> None:
    connected.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    connected.shutdown(socket.SHUT_RDWR)


def has_a_long_banner(connected: socket.socket) -> None:
    connected.sendall(b"x" * (1 << 20) + b"\r\n")
    connected.recv(100)


def never_ends_its_banner(connected: socket.socket) -> None:
    while True:
        connected.sendall(b"x" * 65536)


def says_nonsense_after_its_banner(connected: socket.socket) -> None:
    connected.sendall(b"SSH-2.0-rogue\r\n" + b"\xff" * 4096)
    connected.recv(100)


def goes_silent_after_its_banner(connected: socket.socket) -> None:
    connected.sendall(b"SSH-2.0-rogue\r\n")
    connected.recv(100)


@pytest.mark.parametrize(
    "script",
    [never, speaks_http, has_a_long_banner, never_ends_its_banner, says_nonsense_after_its_banner,
     goes_silent_after_its_banner],
)  # fmt: skip
def test_what_is_no_ssh_server_is_left_in_time_and_within_bounds(
    rogue: Callable[[Script], int], tmp_path: Path, script: Script
) -> None:
    port = rogue(script)
    tracemalloc.start()
    error, help_ = failure(port, tmp_path)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert isinstance(error, TunnelFailedError)
    assert help_.given == [], "nobody is asked for a password for it"
    assert most < 50 << 20


class Server(paramiko.ServerInterface):  # type: ignore[misc]  # paramiko has no annotations
    """Lets everybody in who has the password, unless told otherwise."""

    def __init__(self, *, lets_in: bool = True) -> None:
        self.lets_in = lets_in
        self.passwords: list[str] = []

    def get_allowed_auths(self, username: str) -> str:
        return "password"

    def check_auth_password(self, username: str, password: str) -> int:
        self.passwords.append(password)
        return int(paramiko.AUTH_SUCCESSFUL if self.lets_in else paramiko.AUTH_FAILED)

    def check_channel_direct_tcpip_request(self, *arguments: Any) -> int:
        threading.Event().wait(HANG)  # never says yes or no
        return int(paramiko.OPEN_FAILED_CONNECT_FAILED)


def served(server: Server) -> Script:
    def script(connected: socket.socket) -> None:
        transport = paramiko.Transport(connected)
        transport.add_server_key(paramiko.ECDSAKey.generate())
        transport.start_server(server=server)
        transport.join(HANG)

    return script


def test_a_channel_that_is_never_opened_is_not_waited_for(rogue: Callable[[Script], int], tmp_path: Path) -> None:
    error, _ = failure(rogue(served(Server())), tmp_path)
    assert "did not open a connection to db:5432 within 2 seconds" in error.message


def test_a_refused_password_is_not_given_twice(rogue: Callable[[Script], int], tmp_path: Path) -> None:
    server = Server(lets_in=False)
    error, help_ = failure(rogue(served(server)), tmp_path)
    assert error.code == "tunnel_authentication_failed"
    assert server.passwords == [PASSWORD]
    assert any(said.startswith("refused") for said in help_.given)


def test_a_server_whose_key_changed_gets_no_password(rogue: Callable[[Script], int], tmp_path: Path) -> None:
    server = Server()
    port = rogue(served(server))
    failure(port, tmp_path)  # the key is accepted, and remembered
    server.passwords.clear()
    error, help_ = failure(port, tmp_path)  # each connection shows a new one
    assert error.code == "host_key_changed"
    assert (server.passwords, help_.given) == ([], [])


# -- who asks questions of its own, which is no crime ----------------------------------------------------------------


class Asking(Server):
    """Wants a password and a code, each by a question."""

    def __init__(self) -> None:
        super().__init__()
        self.answers: list[str] = []

    def get_allowed_auths(self, username: str) -> str:
        return "keyboard-interactive"

    def check_auth_interactive(self, username: str, submethods: str) -> Any:
        return paramiko.InteractiveQuery("Login", "", ("Password: ", False), ("Code: ", True))

    def check_auth_interactive_response(self, responses: list[str]) -> int:
        self.answers = list(responses)
        return int(paramiko.AUTH_SUCCESSFUL)


def test_what_a_server_asks_is_answered_by_the_password_or_a_person(
    rogue: Callable[[Script], int], tmp_path: Path
) -> None:
    server = Asking()
    port = rogue(served(server))
    error, help_ = failure(port, tmp_path)
    assert "did not open a connection to db:5432" in error.message, "it let us in"
    assert server.answers == [PASSWORD, PASSWORD]
    assert help_.given == [f"ann@127.0.0.1:{port}", f"ann@127.0.0.1:{port}: Code"]
