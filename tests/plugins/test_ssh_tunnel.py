"""Tunnels through real SSH servers to real databases: who is believed, who we are, what is shared, what is lost."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from fix_mariadb import HANG, MariaServer
from fix_postgres import PostgresServer
from fix_sshd import PASSPHRASE, SshServer, running_sshd, through

from alveary import Kernel
from alveary.contracts.target import Target
from alveary.contracts.tunnel import HostKey, TunnelTarget
from alveary.credentials import Credentials
from alveary.errors import (
    AlvearyError,
    ConnectionLostError,
    HostKeyChangedError,
    HostKeyRevokedError,
    HostKeyUnknownError,
    QueryCancelledError,
    TunnelAuthenticationError,
    TunnelFailedError,
)
from alveary.events import SessionState
from alveary.paths import Paths
from alveary.sessions import Session
from alveary_plugins.drivers.postgres.driver import PostgresDriver

Made = Callable[..., Session]
KINDS = ("ssh", "openssh")


@pytest.fixture(autouse=True)
def known(known_server: Path) -> Path:
    """A known_hosts file of the person, in which the server stands."""
    return known_server


def database(postgres: PostgresServer, tunnel: TunnelTarget, **changes: Any) -> Target:
    return postgres.target(**{"host": "localhost", "tunnel": tunnel, **changes})


@pytest.fixture
def connect(kernel: Kernel) -> Made:
    def connect(target: Target, *, timeout: float = HANG, host: Any = "thread") -> Session:
        driver = kernel.plugins.drivers.find(target.scheme)
        assert driver is not None
        if target.tunnel is not None:
            kernel.tunnels.check(target.tunnel)
        session = kernel.open(target, driver, timeout=timeout, host=host)
        session.wait_connected()
        return session

    return connect


def ask_kernel(home: Path, **answers: Any) -> Kernel:
    return Kernel(paths=Paths(home, home / "cache"), credentials=Credentials(**answers))


# -- through -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("host", ["thread", "process"])
def test_both_engines_are_reached_from_a_thread_and_from_a_process(
    connect: Made, sshd: SshServer, postgres: PostgresServer, mariadb: MariaServer, kind: str, host: str
) -> None:
    tunnel = through(sshd, kind)
    for target in (database(postgres, tunnel), msgspec.structs.replace(mariadb.target(), tunnel=tunnel)):
        with connect(target, host=host) as session:
            assert session.run("select 6 * 7", limit=1) is not None
            assert session.route == f"through {'SSH' if kind == 'ssh' else 'OpenSSH'} {tunnel.display()}"
            assert session.target.tunnel == tunnel, "and it is never told to the driver"


@pytest.mark.parametrize("kind", KINDS)
def test_a_statement_is_cancelled_through_the_tunnel_and_rows_come_whole(
    connect: Made, sshd: SshServer, postgres: PostgresServer, kind: str
) -> None:
    with connect(database(postgres, through(sshd, kind))) as session:
        statement = session.execute("select pg_sleep(60)")
        threading.Timer(0.3, statement.cancel).start()
        statement.wait()
        with pytest.raises(QueryCancelledError):
            statement.check()
        rows = session.run("select repeat('x', 1000) || n from generate_series(1, 20000) n")
        assert rows is not None
        assert sum(len(str(row[0])) for row in rows) > 20_000_000


def test_a_copy_reads_its_source_through_the_tunnel_and_nowhere_else(
    alveary_kernel: Kernel, sshd: SshServer, postgres: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reached = list[tuple[str, int] | None]()
    connect = PostgresDriver.connect

    def watched(driver: PostgresDriver, target: Target, **more: Any) -> Any:
        reached.append(target.via)
        return connect(driver, target, **more)

    monkeypatch.setattr(PostgresDriver, "connect", watched)
    with postgres.database() as name:
        postgres.psql("create table bee (id int); insert into bee values (1), (2)", name)
        url = f"{postgres.url(name)}?tunnel=ssh://{sshd.user}@127.0.0.1:{sshd.port}&tunnel_key={sshd.key}"
        target = f"sqlite:///{tmp_path / 'bees.db'}?mode=rwc"
        report = alveary_kernel.run("copy.run", {"source": url, "table": "bee", "target": target})
    assert report.rows == 2
    assert len(reached) == 2, "the session that looks at the table, and the connection that reads it"
    assert None not in reached


def test_several_databases_go_over_one_tunnel_which_ends_with_the_last_of_them(
    connect: Made, kernel: Kernel, postgres: PostgresServer, mariadb: MariaServer, ssh_keys: Path, known: Path
) -> None:
    with running_sshd(ssh_keys) as server:
        known.write_text(server.known_line())
        tunnel = through(server)
        sessions = [
            connect(database(postgres, tunnel)),
            connect(database(postgres, tunnel, database="template1")),
            connect(msgspec.structs.replace(mariadb.target(), tunnel=tunnel)),
        ]
        assert server.log().count("Accepted publickey") == 1
        for session in sessions[:2]:
            session.close()
        assert sessions[2].run("select 1") is not None
        assert len(server.sessions()) == 1
        sessions[2].close()
        until(lambda: not server.sessions())


def test_nothing_listens_but_on_the_loopback_address(connect: Made, sshd: SshServer, postgres: PostgresServer) -> None:
    with connect(database(postgres, through(sshd))) as session:
        lease = session._attempts._lease
        assert lease is not None
        assert lease.address[0] == "127.0.0.1"
    until(lambda: not _listens(lease.address))


def _listens(address: tuple[str, int]) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(address, 1):
        return True
    return False


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + HANG
    while not condition():
        assert time.monotonic() < deadline
        threading.Event().wait(0.02)


# -- who answers ---------------------------------------------------------------------------------------------------


def test_a_server_nobody_knows_is_refused_with_its_fingerprint_and_nothing_is_written(
    connect: Made, kernel: Kernel, sshd: SshServer, postgres: PostgresServer, known: Path
) -> None:
    known.unlink()
    with pytest.raises(HostKeyUnknownError) as caught:
        connect(database(postgres, through(sshd)))
    assert sshd.fingerprint() in caught.value.message
    assert f"--ssh-accept-fingerprint {sshd.fingerprint()}" in str(caught.value.hint)
    assert not (kernel.paths.data / "known_hosts").exists()


def test_a_person_accepts_a_server_once(home: Path, sshd: SshServer, postgres: PostgresServer, known: Path) -> None:
    known.write_text("")
    asked: list[HostKey] = []
    target = database(postgres, through(sshd))

    def accept(key: HostKey, given_up: threading.Event) -> bool:
        asked.append(key)
        return True

    for _ in range(2):
        with ask_kernel(home, accept_host=accept) as kernel:
            kernel.open(target, kernel.plugins.drivers.find("postgres")).wait_connected()  # type: ignore[arg-type]  # it is there
    assert [key.fingerprint for key in asked] == [sshd.fingerprint()]
    assert (home / "known_hosts").read_text() == sshd.known_line()
    assert known.read_text() == "", "the person's own file is only read"


@pytest.mark.parametrize("hashed", [False, True])
def test_a_changed_key_and_a_revoked_one_can_not_be_accepted(
    home: Path, sshd: SshServer, postgres: PostgresServer, known: Path, ssh_keys: Path, hashed: bool
) -> None:
    other = "[127.0.0.1]:" + f"{sshd.port} " + " ".join((ssh_keys / "other_host.pub").read_text().split()[:2]) + "\n"
    target = database(postgres, through(sshd))
    for lines, error in (
        (other, HostKeyChangedError),
        (sshd.known_line() + "@revoked " + sshd.known_line(host="*"), HostKeyRevokedError),
    ):
        known.write_text(lines)
        if hashed and error is HostKeyChangedError:
            _hash(known)
        with ask_kernel(home, accept_host=lambda key, given_up: True) as kernel, pytest.raises(error) as caught:
            kernel.open(target, kernel.plugins.drivers.find("postgres")).wait_connected()  # type: ignore[arg-type]  # it is there
        assert sshd.fingerprint() in str(caught.value.detail)
    assert not (home / "known_hosts").exists()


def _hash(file: Path) -> None:
    subprocess.run(["ssh-keygen", "-q", "-H", "-f", file], check=True, capture_output=True)


def test_the_kind_of_key_that_is_known_is_asked_for(
    connect: Made, sshd: SshServer, postgres: PostgresServer, known: Path
) -> None:
    known.write_text(sshd.known_line(kind="rsa"))
    connect(database(postgres, through(sshd))).close()


def test_openssh_refuses_a_server_that_it_does_not_know(
    connect: Made, sshd: SshServer, postgres: PostgresServer, known: Path
) -> None:
    known.write_text("")
    with pytest.raises(HostKeyUnknownError):
        connect(database(postgres, through(sshd, "openssh")))


# -- who we are ----------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("ssh_agent")
@pytest.mark.parametrize("kind", KINDS)
def test_an_agent_proves_who_we_are(connect: Made, sshd: SshServer, postgres: PostgresServer, kind: str) -> None:
    connect(database(postgres, through(sshd, kind, method="agent", key=None))).close()


def test_a_passphrase_is_asked_for_and_a_wrong_one_is_told(
    home: Path, sshd: SshServer, postgres: PostgresServer
) -> None:
    target = database(postgres, through(sshd, key=str(sshd.locked_key)))
    asked: list[str] = []
    for answer, works in ((PASSPHRASE, True), ("wrong-passphrase", False)):

        def ask(about: Target, given_up: threading.Event, answer: str = answer) -> str:
            asked.append(about.display())
            return answer

        with ask_kernel(home, ask=ask) as kernel:
            session = kernel.open(target, kernel.plugins.drivers.find("postgres"))  # type: ignore[arg-type]  # it is there
            if works:
                session.wait_connected()
                continue
            with pytest.raises(TunnelAuthenticationError, match="passphrase does not open") as caught:
                session.wait_connected()
            assert answer not in str(caught.value.record())
    assert asked == [f"the key {sshd.locked_key}"] * 2


def test_a_passphrase_of_the_environment_opens_the_key(alveary: Any, sshd: SshServer, postgres: PostgresServer) -> None:
    url = f"{postgres.url()}?tunnel=ssh://{sshd.user}@127.0.0.1:{sshd.port}&tunnel_key={sshd.locked_key}"
    done = alveary("query", url, "select 1", env={"ALVEARY_SSH_PASSPHRASE": PASSPHRASE})
    assert done.status == 0, done.err
    done = alveary("query", url, "select 1")
    assert (done.status, done.out) == (3, "")
    assert "tunnel_authentication_failed" in done.err


def test_a_passphrase_that_nobody_says_is_missed_by_name(
    alveary: Any, sshd: SshServer, postgres: PostgresServer
) -> None:
    url = f"{postgres.url()}?tunnel=ssh://{sshd.user}@127.0.0.1:{sshd.port}&tunnel_key={sshd.locked_key}"
    done = alveary("query", url, "select 1", "--format", "csv")
    assert done.status == 3
    assert f"nobody said the secret of the key {sshd.locked_key}" in done.err
    assert "ALVEARY_SSH_PASSPHRASE" in done.err


def test_a_key_that_is_not_let_in_is_told_with_what_was_tried(
    connect: Made, sshd: SshServer, postgres: PostgresServer
) -> None:
    stranger = str(sshd.folder / "stranger")
    with pytest.raises(TunnelAuthenticationError, match=f"{sshd.user}@127.0.0.1:{sshd.port} refuses us") as caught:
        connect(database(postgres, through(sshd, key=stranger)))
    assert f"the key {stranger}" in str(caught.value.detail)
    with pytest.raises(TunnelFailedError, match="can't be read"):
        connect(database(postgres, through(sshd, key="/no/such/key")))
    with pytest.raises(TunnelFailedError, match="holds no key"):
        connect(database(postgres, through(sshd, key=str(sshd.folder / "conf"))))
    with pytest.raises(TunnelAuthenticationError, match="refuses us"):
        connect(database(postgres, through(sshd, "openssh", key=stranger)))


def test_a_config_file_says_where_a_server_is_and_how_to_get_there(
    connect: Made, sshd: SshServer, postgres: PostgresServer, ssh_home: Path
) -> None:
    (ssh_home / ".ssh" / "config").write_text(
        f"Host bastion\n  HostName 127.0.0.1\n  Port {sshd.port}\n  User {sshd.user}\n"
        f"  IdentityFile {sshd.key}\n  ProxyJump gate\n"
        f"Host gate\n  HostName=127.0.0.1\n  Port={sshd.port}\n  User={sshd.user}\n  IdentityFile={sshd.key}\n"
        'Match exec "touch /tmp/never"\n  ProxyCommand never\n'
    )
    tunnel = TunnelTarget(host="bastion")
    with connect(database(postgres, tunnel)) as session:
        place = f"{sshd.user}@127.0.0.1:{sshd.port}"
        assert session.route == f"through SSH {place}, {place}"


def test_a_jump_host_that_fails_is_named(
    connect: Made, sshd: SshServer, postgres: PostgresServer, ssh_keys: Path, known: Path
) -> None:
    with running_sshd(ssh_keys, "AllowTcpForwarding no") as gate:
        known.write_text(sshd.known_line() + gate.known_line())
        jump = f"{gate.user}@127.0.0.1:{gate.port}"
        with pytest.raises(TunnelFailedError, match=f"{jump} let us in, but does not allow forwarding") as caught:
            connect(database(postgres, through(sshd, jump=jump)))
        assert f"127.0.0.1:{sshd.port}" in caught.value.message
        known.write_text(sshd.known_line())
        with pytest.raises(HostKeyUnknownError, match=f"127.0.0.1:{gate.port} is not known"):
            connect(database(postgres, through(sshd, jump=jump)))


def test_a_proxy_command_is_run_only_where_that_was_allowed(
    connect: Made, sshd: SshServer, postgres: PostgresServer, ssh_home: Path, tmp_path: Path
) -> None:
    mark = tmp_path / "ran"
    program = tmp_path / "proxy"
    program.write_text(
        f"#!{sys.executable}\n"
        "import os, pathlib, socket, sys, threading\n"
        f"pathlib.Path({str(mark)!r}).write_text('')\n"
        "s = socket.create_connection((sys.argv[1], int(sys.argv[2])))\n"
        "def out():\n"
        "    while data := os.read(0, 65536): s.sendall(data)\n"
        "threading.Thread(target=out, daemon=True).start()\n"
        "while data := s.recv(65536): os.write(1, data)\n"
    )
    program.chmod(0o755)
    (ssh_home / ".ssh" / "config").write_text(f"Host 127.0.0.1\n  ProxyCommand {program} %h %p\n")
    with pytest.raises(TunnelFailedError, match="ProxyCommand") as caught:
        connect(database(postgres, through(sshd)))
    assert "proxy_command=yes" in str(caught.value.hint)
    assert not mark.exists()
    connect(database(postgres, through(sshd, proxy_command="yes"))).close()
    assert mark.exists()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("host", "user"), [("-oProxyCommand=x", None), ("a b", None), ("127.0.0.1", "-x")])
def test_nothing_is_taken_for_an_option_of_a_program(
    connect: Made, sshd: SshServer, postgres: PostgresServer, kind: str, host: str, user: str | None
) -> None:
    if kind == "ssh" and user:
        return  # which goes into no command line
    with pytest.raises(AlvearyError) as caught:
        connect(database(postgres, through(sshd, kind, host=host, user=user or sshd.user)), timeout=3)
    assert caught.value.code in ("invalid_input", "tunnel_failed")


# -- what goes wrong -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_a_server_that_allows_no_forwarding_and_a_database_that_is_not_there_are_told(
    connect: Made, sshd: SshServer, postgres: PostgresServer, ssh_keys: Path, known: Path, kind: str
) -> None:
    with running_sshd(ssh_keys, "AllowTcpForwarding no") as closed:
        known.write_text(closed.known_line() + sshd.known_line())
        with pytest.raises(TunnelFailedError, match="let us in, but"):
            connect(database(postgres, through(closed, kind)))
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(TunnelFailedError, match="let us in, but"):
        connect(database(postgres, through(sshd, kind), port=port))
    with pytest.raises(TunnelFailedError, match=f"127.0.0.1:{port}" if kind == "ssh" else "127.0.0.1"):
        connect(database(postgres, through(sshd, kind, port=port)))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("host", ["thread", "process"])
def test_sessions_of_a_tunnel_that_dies_are_broken_at_once_and_say_which(
    connect: Made, postgres: PostgresServer, ssh_keys: Path, known: Path, kind: str, host: str
) -> None:
    with running_sshd(ssh_keys) as server:
        known.write_text(server.known_line())
        tunnel = through(server, kind)
        busy, idle = (connect(database(postgres, tunnel), host=host) for _ in range(2))
        statement = busy.execute("select pg_sleep(60)")
        until(lambda: busy.state is SessionState.RUNNING)
        started = time.monotonic()
        server.kill_sessions()
        statement.wait()
        until(lambda: busy.state is idle.state is SessionState.BROKEN)
        assert time.monotonic() - started < 2
        for session in (busy, idle):
            assert f"{server.user}@127.0.0.1:{server.port}" in str(session.error)
        with pytest.raises(ConnectionLostError):
            statement.check()
        connect(database(postgres, tunnel)).close()


@pytest.fixture
def hole(sshd: SshServer, known: Path) -> Iterator[tuple[int, threading.Event]]:
    """The port of a way to the server that swallows everything once the event is set."""
    closed = threading.Event()
    listener = socket.create_server(("127.0.0.1", 0))
    ends: list[socket.socket] = []

    def pump(source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if not closed.is_set():
                    sink.sendall(data)

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = listener.accept()
                far = socket.create_connection(("127.0.0.1", sshd.port))
                ends.extend((near, far))
                for pair in ((near, far), (far, near)):
                    threading.Thread(target=pump, args=pair, daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    port = listener.getsockname()[1]
    known.write_text(sshd.known_line(host=f"[127.0.0.1]:{port}"))
    yield port, closed
    listener.shutdown(socket.SHUT_RDWR)
    for end in (*ends, listener):
        end.close()


@pytest.mark.parametrize("kind", KINDS)
def test_a_server_that_goes_silent_is_noticed_by_its_heartbeat(
    connect: Made, kernel: Kernel, sshd: SshServer, postgres: PostgresServer, hole: tuple[int, threading.Event],
    kind: str,
) -> None:  # fmt: skip
    port, closed = hole
    kernel.tunnels.heartbeat = 1.0
    session = connect(database(postgres, through(sshd, kind, port=port)))
    statement = session.execute("select pg_sleep(60)")
    until(lambda: session.state is SessionState.RUNNING)
    closed.set()
    started = time.monotonic()
    statement.wait()
    assert time.monotonic() - started < 10
    assert session.state is SessionState.BROKEN
    assert f"127.0.0.1:{port}" in str(session.error)
    session.close()


def test_a_kernel_that_is_closed_leaves_no_tunnel_behind(
    home: Path, postgres: PostgresServer, ssh_keys: Path, known: Path
) -> None:
    with running_sshd(ssh_keys) as server:
        known.write_text(server.known_line())
        for kind in KINDS:
            with Kernel(paths=Paths(home, home / "cache")) as kernel:
                driver = kernel.plugins.drivers.find("postgres")
                assert driver is not None
                kernel.open(database(postgres, through(server, kind)), driver).wait_connected()
                assert server.sessions()
            until(lambda: not server.sessions())
            assert not _children_named("ssh")


def _children_named(name: str) -> list[int]:
    me = os.getpid()
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError, IndexError, ValueError):
            text = stat.read_text()
            command, rest = text[text.index("(") + 1 : text.rindex(")")], text[text.rindex(")") + 2 :].split()
            if command == name and int(rest[1]) == me and rest[0] != "Z":
                found.append(int(stat.parent.name))
    return found
