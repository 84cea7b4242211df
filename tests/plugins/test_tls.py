"""TLS on real servers: what each mode accepts of each certificate, on each route; cancel and metadata alike."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from collections.abc import Iterator
from typing import Literal

import msgspec
import pytest
from fix_mariadb import HANG
from fix_postgres import PostgresServer
from fix_tls import CERTIFICATES, NAME, Certificate, Certificates, TlsMariadb, TlsPostgres

from alveary import Kernel
from alveary.cli.narration import Narration
from alveary.contracts.driver import BatchSize, TlsInfo
from alveary.contracts.target import Target
from alveary.errors import ConnectionFailedError, QueryCancelledError
from alveary.events import SessionOpened
from alveary.profiles import Profile, tls_mode
from alveary_plugins.drivers.postgres import connecting
from alveary_plugins.drivers.postgres.driver import PostgresDriver

SSL_REQUEST = 80877103
Server = TlsPostgres | TlsMariadb
Mode = Literal["disable", "prefer", "require", "verify-ca", "verify-full"]
MODES: tuple[Mode, ...] = ("disable", "prefer", "require", "verify-ca", "verify-full")
TRUSTED: dict[Mode, tuple[Certificate, ...]] = {
    "verify-ca": ("good", "wrong name"),
    "verify-full": ("good",),
}


def target(server: Server, route: str, **more: str) -> Target:
    """Return the server's target: on this machine, or by the name it has at the far end of a tunnel."""
    is_direct = route == "direct"
    via = None if is_direct else ("127.0.0.1", server.port)
    return server.target("localhost" if is_direct else NAME, via=via, **more)


@pytest.mark.parametrize("route", ["direct", "through"])
@pytest.mark.parametrize("certificate", CERTIFICATES)
def test_each_mode_takes_the_certificates_it_says_on_each_route(
    tls_server: Server, certificates: Certificates, certificate: Certificate, route: str
) -> None:
    tls_server.show(certificate)
    for mode in MODES:
        trust = {"ca": str(certificates.authority)} if mode in TRUSTED else {}
        asked = target(tls_server, route, mode=mode, **trust)
        if certificate not in TRUSTED.get(mode, CERTIFICATES):
            with pytest.raises(ConnectionFailedError) as caught:
                tls_server.connect(asked)
            assert "certificate" in str(caught.value.record()).lower(), mode
            continue
        connection = tls_server.connect(asked)
        told = connection.tls()
        connection.close()
        if mode == "disable":
            assert told == TlsInfo()
            continue
        assert told.version.startswith("TLSv1.")
        assert told.cipher
        assert (told.verified, told.name) == {
            "verify-ca": ("authority", None),
            "verify-full": ("name", asked.host),
        }.get(mode, ("nothing", None))


def test_an_authority_that_is_named_is_used_in_every_mode(tls_server: Server, certificates: Certificates) -> None:
    tls_server.show("other authority")
    with pytest.raises(ConnectionFailedError):
        tls_server.connect(target(tls_server, "direct", mode="require", ca=str(certificates.authority)))
    tls_server.show("good")
    connection = tls_server.connect(target(tls_server, "direct", mode="require", ca=str(certificates.authority)))
    assert connection.tls().verified == "authority"
    connection.close()


@pytest.mark.parametrize("mode", MODES[1:])
def test_authorities_of_the_system_are_used_in_every_mode(tls_server: Server, mode: Mode) -> None:
    tls_server.show("good")  # of an authority that no system knows
    with pytest.raises(ConnectionFailedError):
        tls_server.connect(target(tls_server, "direct", mode=mode, ca="system"))


def test_a_user_who_must_show_a_certificate_shows_the_right_one(tls_server: Server, certificates: Certificates) -> None:
    tls_server.show("good")
    tls_server.require_client()
    ca = str(certificates.authority)
    for route in ("direct", "through"):
        for shown, works in ((certificates.client, True), (certificates.stranger, False), (None, False)):
            files = {} if shown is None else {"certificate": str(shown[0]), "key": str(shown[1])}
            asked = target(tls_server, route, user="certified", mode="verify-full", ca=ca, **files)
            if works:
                tls_server.connect(asked).close()
            else:
                with pytest.raises(ConnectionFailedError):
                    tls_server.connect(asked)


def test_a_cancel_goes_the_same_verified_way(tls_server: Server, certificates: Certificates) -> None:
    tls_server.show("good")
    connection = tls_server.connect(target(tls_server, "through", mode="verify-full", ca=str(certificates.authority)))
    timer = threading.Timer(0.3, connection.cancel)
    timer.start()
    with pytest.raises(QueryCancelledError):
        list(connection.execute(tls_server.sleep, None, batch=BatchSize()))
    timer.join()
    connection.close()


def test_a_cancel_is_not_sent_to_a_server_that_shows_another_certificate_by_then(
    tls_server: Server, certificates: Certificates
) -> None:
    tls_server.show("good")
    connection = tls_server.connect(target(tls_server, "through", mode="verify-full", ca=str(certificates.authority)))
    tls_server.show("wrong name")
    ended = threading.Event()

    def cancel() -> None:
        with contextlib.suppress(ConnectionFailedError):
            connection.cancel()
        ended.set()

    timer = threading.Timer(0.2, cancel)
    timer.start()
    started = time.monotonic()
    with contextlib.suppress(QueryCancelledError):  # MySQL's rows can't be told from those of one that was killed
        list(connection.execute(tls_server.sleep.replace("60", "1"), None, batch=BatchSize()))
    assert time.monotonic() - started > 0.9, "it ran to its end"
    assert ended.wait(HANG)
    connection.close()


def test_metadata_connections_are_protected_alike(
    tls_server: Server, certificates: Certificates, kernel: Kernel
) -> None:
    tls_server.show("good")
    driver = kernel.plugins.drivers.find(tls_server.kind)
    assert driver is not None
    asked = target(tls_server, "through", mode="verify-full", ca=str(certificates.authority))
    with kernel.open(asked, driver) as session:
        session.wait_connected()
        assert session.server is not None
        assert session.server.tls is not None
        assert session.server.tls.summary().endswith(f", {NAME} verified")
        assert kernel.catalog(session).schemas()
    tls_server.show("wrong name")
    another = msgspec.structs.replace(asked, statement_timeout=77.0)  # whose pool has no connection yet
    with pytest.raises(ConnectionFailedError):
        kernel.pools.catalog(another, driver).schemas()


@pytest.fixture
def plain(postgres: PostgresServer, tls_server: Server) -> Iterator[tuple[str, int]]:
    """Where a server is that a stranger has stripped of its TLS."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connected, _ = listener.accept()
                    threading.Thread(target=_without_tls, args=(connected, tls_server), daemon=True).start()

        threading.Thread(target=serve, daemon=True).start()
        yield listener.getsockname()
        listener.shutdown(socket.SHUT_RDWR)


def _without_tls(connected: socket.socket, server: Server) -> None:
    with connected, socket.create_connection(("127.0.0.1", server.port)) as upstream, contextlib.suppress(OSError):
        if server.kind == "postgres":
            if (first := connected.recv(8))[4:8] == struct.pack(">I", SSL_REQUEST):
                connected.sendall(b"N")
            else:
                upstream.sendall(first)
        else:
            greeting = bytearray(upstream.recv(4096))
            place = greeting.index(b"\0", 5) + 1 + 4 + 8 + 1  # behind version, thread and salt: the capabilities
            greeting[place + 1] &= ~0x08
            connected.sendall(greeting)
        back = threading.Thread(target=_pump, args=(upstream, connected), daemon=True)
        back.start()
        _pump(connected, upstream)
        back.join()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_RDWR)


def test_a_downgrade_is_told_unless_nobody_can_listen(tls_server: Server, plain: tuple[str, int]) -> None:
    tls_server.show("good")
    for via, downgraded in ((plain, True), (("127.0.0.1", tls_server.port), False)):
        connection = tls_server.connect(tls_server.target(NAME, mode="prefer", via=via))
        assert connection.tls().downgraded is downgraded
        assert (connection.tls().summary() == "not encrypted, although TLS was preferred") is downgraded
        connection.close()
    with pytest.raises(ConnectionFailedError):
        tls_server.connect(tls_server.target(NAME, mode="require", via=plain))
    assert tls_server.target("localhost").is_here


def test_a_person_is_told_of_a_downgrade_once(capsys: pytest.CaptureFixture[str]) -> None:
    narration = Narration(lambda error: error.message, data_on_terminal=False)
    opened = SessionOpened(session="a", product="P", version="1", seconds=0.1, tls=TlsInfo(downgraded=True))
    for event in (opened, opened, msgspec.structs.replace(opened, tls=TlsInfo())):
        narration.hear(event)
    told = capsys.readouterr().err
    assert told == "warning: the connection is not encrypted: TLS was preferred, but the server has none\n"


def test_new_connections_off_this_machine_require_tls(kernel: Kernel) -> None:
    for scheme in ("postgresql", "mysql"):
        driver = kernel.plugins.drivers.find(scheme)
        assert driver is not None
        for host, mode in (("db.example", "require"), ("localhost", "prefer"), ("127.0.0.5", "prefer")):
            assert tls_mode(Profile(name="x", scheme=scheme, host=host), driver) == mode
        tunnel = Profile(name="x", scheme=scheme, host="localhost").with_fields(
            {"tunnel.enabled": True, "tunnel.host": "bastion"}
        )
        assert tls_mode(tunnel, driver) == "require"


# -- who gets a password of PostgreSQL's ---------------------------------------------------------------------------


class Rogue:
    """A PostgreSQL server that asks for the password in plain text; ``heard`` is what it was sent."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.heard = b""
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    @property
    def port(self) -> int:
        port: int = self.listener.getsockname()[1]
        return port

    def _serve(self) -> None:
        while True:
            try:
                connected, _ = self.listener.accept()
            except OSError:
                return
            with connected:
                first = connected.recv(8)
                if first[4:8] == struct.pack(">I", SSL_REQUEST):
                    connected.sendall(b"N")
                    first = connected.recv(4096)
                self.heard += first
                connected.sendall(b"R" + struct.pack(">II", 8, 3))
                self.heard += connected.recv(4096)

    def close(self) -> None:
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join()


def test_no_server_gets_the_password_of_postgresql_in_plain_text() -> None:
    rogue = Rogue()
    for mode in ("disable", "prefer"):
        asked = Target(scheme="postgresql", host="127.0.0.1", port=rogue.port, user="ann", password="S3cret-pass",
                       options={"sslmode": mode})  # fmt: skip
        with pytest.raises(ConnectionFailedError, match="cleartext password") as caught:
            PostgresDriver().connect(asked, timeout=10)
        assert "not sent" in str(caught.value.hint)
    rogue.close()
    assert b"S3cret" not in rogue.heard


def test_authorities_in_the_home_are_for_those_who_verify() -> None:
    for mode, file in (("require", connecting.NO_FILE), ("verify-full", "")):
        asked = Target(scheme="postgresql", host="db.example", user="ann", options={"sslmode": mode})
        assert connecting._parameters(asked, 1)["sslrootcert"] == file
