"""SSH servers between us and a database that are stopped, fall silent, forbid, or take no more connections."""

from __future__ import annotations

import contextlib
import itertools
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from faults.proxy import Proxy
from fix_faults import HANG, Measure, until
from fix_mariadb import MariaServer
from fix_postgres import PostgresServer
from fix_sshd import SshServer, running_sshd

from alveary import Kernel
from alveary.contracts.target import Target
from alveary.contracts.tunnel import TunnelTarget
from alveary.errors import ConnectionLostError, TunnelBusyError, TunnelFailedError
from alveary.events import SessionState
from alveary.sessions import Session

KINDS = ("ssh", "openssh")
ENGINES = ("postgres", "mariadb")


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> tuple[Target, str]:
    """A database without TLS that is this machine's as a server on it knows it, and a statement that lasts."""
    if request.param == "postgres":
        postgres: PostgresServer = request.getfixturevalue("postgres")
        return postgres.target(host="127.0.0.1", options={"sslmode": "disable"}), "select pg_sleep(600)"
    mariadb: MariaServer = request.getfixturevalue("mariadb")
    return mariadb.target(mariadb.new_database(), ssl_mode="disable"), "select sleep(600)"


class Way:
    """A server with keys that we know, and the tunnel through it."""

    def __init__(self, server: SshServer, kind: str, home: Path, port: int | None = None) -> None:
        """``port`` is where it is reached; its own if there is nothing between."""
        self.server = server
        self.port = port or server.port
        (home / ".ssh" / "known_hosts").write_text(server.known_line(host=f"[127.0.0.1]:{self.port}"))
        options: tuple[tuple[str, str], ...] = ()
        if kind == "openssh":  # which looks for ~ in the system's table, not in the environment
            config = server.folder / "ssh_config"
            config.write_text(f"UserKnownHostsFile {home}/.ssh/known_hosts\nGlobalKnownHostsFile none\n")
            options = (("config", str(config)),)
        self.tunnel = TunnelTarget(
            kind=kind, host="127.0.0.1", port=self.port, user=server.user, method="key", key=str(server.key),
            options=options,
        )  # fmt: skip

    def connect(self, kernel: Kernel, target: Target, **more: Any) -> Session:
        driver = kernel.plugins.drivers.find(target.scheme)
        assert driver is not None
        session = kernel.open(msgspec.structs.replace(target, tunnel=self.tunnel), driver, timeout=HANG, **more)
        session.wait_connected()
        return session


@pytest.mark.parametrize("kind", KINDS)
def test_sessions_are_freed_at_once_when_the_server_of_their_tunnel_is_stopped(
    kernel: Kernel, engine: tuple[Target, str], ssh_keys: Path, ssh_home: Path, kind: str, measured: Measure
) -> None:
    target, sleep = engine
    with running_sshd(ssh_keys) as server:
        way = Way(server, kind, ssh_home)
        busy, idle = way.connect(kernel, target), way.connect(kernel, target, host="process")
        statement = busy.execute(sleep)
        until(lambda: busy.state is SessionState.RUNNING)
        started = time.monotonic()
        server.stop()
        assert statement.wait(HANG), "it hangs"
        until(lambda: idle.state is SessionState.BROKEN)
        measured(f"F08 sessions freed when a tunnel is lost ({kind}, {target.scheme})", time.monotonic() - started)
        for session in (busy, idle):
            assert f"{server.user}@127.0.0.1:{server.port}" in str(session.error)
            session.close()
        with pytest.raises(TunnelFailedError):
            way.connect(kernel, target)
        server.start()
        with way.connect(kernel, target) as again:
            assert again.run("select 1") is not None


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("quick", [True, pytest.param(False, marks=pytest.mark.soak)], ids=["quick", "as it is"])
def test_a_tunnel_that_falls_silent_is_noticed_and_can_be_left_before(
    kernel: Kernel, engine: tuple[Target, str], sshd: SshServer, ssh_home: Path, kind: str, quick: bool,
    measured: Measure,
) -> None:  # fmt: skip
    if quick:
        kernel.tunnels.heartbeat = 1.0
    target, sleep = engine
    with Proxy(sshd.port) as proxy:
        way = Way(sshd, kind, ssh_home, proxy.port)
        waits, closed = way.connect(kernel, target), way.connect(kernel, target)
        statement, other = waits.execute(sleep), closed.execute(sleep)
        until(lambda: waits.state is closed.state is SessionState.RUNNING)
        proxy.swallow()
        started = time.monotonic()
        closed.close()
        measured(f"F09 disconnect through a silent tunnel ({kind}, {target.scheme})", time.monotonic() - started)
        assert other.outcome is not None
        assert statement.wait(60), "nobody noticed"
        noticed = f"F09 a silent tunnel noticed{', heartbeat of 1 s' if quick else ''} ({kind}, {target.scheme})"
        measured(noticed, time.monotonic() - started)
        with pytest.raises(ConnectionLostError, match=f"127.0.0.1:{proxy.port}"):
            statement.check()
        assert waits.state is SessionState.BROKEN
        waits.close()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("option", ["AllowTcpForwarding no", "PermitOpen none", "DisableForwarding yes"])
def test_a_server_that_forbids_forwarding_is_told_from_one_that_does_not_let_us_in(
    kernel: Kernel, engine: tuple[Target, str], ssh_keys: Path, ssh_home: Path, kind: str, option: str
) -> None:
    target, _ = engine
    with running_sshd(ssh_keys, option) as server:
        way = Way(server, kind, ssh_home)
        with pytest.raises(TunnelFailedError, match="let us in, but"):
            way.connect(kernel, target)


@contextlib.contextmanager
def crowd(server: SshServer, most: int) -> Iterator[list[socket.socket]]:
    """So many connections that say nothing, and are all that the server takes."""
    silent: list[socket.socket] = []
    deadline = time.monotonic() + HANG
    try:
        while len(silent) < most:  # who asked before whether it listens may not be gone yet
            assert time.monotonic() < deadline
            silent.append(socket.create_connection(("127.0.0.1", server.port), HANG))
            if silent[-1].recv(4) != b"SSH-":
                silent.pop().close()
        yield silent
    finally:
        for each in silent:
            each.close()


@pytest.mark.parametrize("kind", KINDS)
def test_a_server_with_too_many_who_are_not_let_in_is_tried_once_more_and_told(
    kernel: Kernel, engine: tuple[Target, str], ssh_keys: Path, ssh_home: Path, kind: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    target, _ = engine
    with running_sshd(ssh_keys, "MaxStartups 2") as server, crowd(server, 2) as silent:
        way = Way(server, kind, ssh_home)
        before = server.log().count("drop connection")
        with pytest.raises(TunnelBusyError, match="takes no more connections now") as caught:
            way.connect(kernel, target)
        assert caught.value.exit_status == 3
        assert server.log().count("drop connection") == before + 2
        tries = itertools.count(1)

        def room(low: float, high: float) -> float:
            """Return how long to wait before the second time, and make room meanwhile."""
            next(tries)
            silent.pop().close()
            return high

        monkeypatch.setattr("alveary.tunnels.random.uniform", room)
        with way.connect(kernel, target) as session:
            assert session.run("select 1") is not None
        assert next(tries) == 2, "there was one second time"
