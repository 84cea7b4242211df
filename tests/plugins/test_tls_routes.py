"""TLS by every route to real servers: each mode, each certificate, each engine; what the server itself says of it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Literal

import msgspec
import pytest
from fix_mariadb import HANG, MariaServer, running_mariadb
from fix_postgres import PostgresServer
from fix_sshd import SshServer, through
from fix_tls import CERTIFICATES, Certificate, Certificates, TlsMariadb, TlsPostgres

from alveary import Kernel
from alveary.contracts.driver import TlsInfo
from alveary.contracts.target import Target
from alveary.contracts.values import Row
from alveary.errors import ConnectionFailedError, QueryCancelledError
from alveary.events import SessionState
from alveary.sessions import Session

Server = TlsPostgres | TlsMariadb
ROUTES = ("direct", "ssh", "openssh")
Mode = Literal["disable", "prefer", "require", "verify-ca", "verify-full"]
MODES: tuple[Mode, ...] = ("disable", "prefer", "require", "verify-ca", "verify-full")
TRUSTED: dict[Mode, tuple[Certificate, ...]] = {"verify-ca": ("good", "wrong name"), "verify-full": ("good",)}
VERIFIED = {"verify-ca": ("authority", None), "verify-full": ("name", "localhost")}
Opened = Callable[[Target], Session]

pytestmark = pytest.mark.usefixtures("known_server")


def by(route: str, target: Target, sshd: SshServer) -> Target:
    """Return a target as a route leads there. Its certificate is for the name that the far end knows it by."""
    return target if route == "direct" else msgspec.structs.replace(target, tunnel=through(sshd, route))


def verifying(server: Server, mode: Mode, certificates: Certificates) -> Target:
    """Return a target of this mode, with our authority where that is what is verified by."""
    if mode in TRUSTED:
        return server.target("localhost", mode=mode, ca=str(certificates.authority))
    return server.target("localhost", mode=mode)


@pytest.fixture
def opened(kernel: Kernel) -> Iterator[Opened]:
    """Opens sessions, which are closed at the end, so that all of a route go over one tunnel."""
    with ExitStack() as stack:

        def open(target: Target) -> Session:
            driver = kernel.plugins.drivers.find(target.scheme)
            assert driver is not None
            session = stack.enter_context(kernel.open(target, driver, timeout=HANG))
            session.wait_connected()
            return session

        yield open


def row(session: Session, sql: str) -> Row:
    rows = session.run(sql)
    assert rows is not None
    (found,) = rows
    return found


def encrypted(server: Server, session: Session) -> str:
    """Return the protocol that the server says the connection has, "" for none."""
    if server.kind == "postgres":
        return str(row(session, "select coalesce(version, '') from pg_stat_ssl where pid = pg_backend_pid()")[0])
    return str(row(session, "show session status like 'Ssl_version'")[1])


@pytest.mark.parametrize("certificate", CERTIFICATES)
def test_each_mode_takes_the_certificates_it_says_by_each_route(
    opened: Opened, sshd: SshServer, tls_server: Server, certificates: Certificates, certificate: Certificate
) -> None:
    tls_server.show(certificate)
    for route in ROUTES:
        for mode in MODES:  # the first always connects, and holds the tunnel for the others
            asked = by(route, verifying(tls_server, mode, certificates), sshd)
            if certificate not in TRUSTED.get(mode, CERTIFICATES):
                with pytest.raises(ConnectionFailedError) as caught:
                    opened(asked)
                assert "certificate" in str(caught.value.record()).lower(), (route, mode)
                assert "tunnel" not in caught.value.code, "the server is to blame, not the way"
                continue
            session = opened(asked)
            assert session.server is not None
            assert (told := session.server.tls) is not None
            assert told.version == encrypted(tls_server, session), (route, mode)
            assert (told == TlsInfo()) is (mode == "disable")
            assert (told.verified, told.name) == VERIFIED.get(mode, ("nothing", None))
            assert session.route.startswith({"ssh": "through SSH", "openssh": "through OpenSSH"}.get(route, route))


def test_a_certificate_that_vouches_for_itself_is_trusted_where_it_is_named(
    opened: Opened, sshd: SshServer, tls_server: Server, certificates: Certificates
) -> None:
    tls_server.show("self-signed")
    named = str(certificates.servers["self-signed"][0])
    for route in ROUTES:
        opened(by(route, tls_server.target("localhost", mode="verify-full", ca=named), sshd))


@contextmanager
def without_tls(server: Server) -> Iterator[Server]:
    """The same engine with TLS switched off."""
    if isinstance(server, TlsPostgres):
        server.show_none()
        yield server
        return
    with running_mariadb("--skip-ssl") as bare:
        yield TlsMariadb(bare, server.certificates)


def test_a_server_without_tls_is_for_those_who_can_do_without(
    opened: Opened, sshd: SshServer, tls_server: Server, certificates: Certificates
) -> None:
    with without_tls(tls_server) as server:
        for route in ROUTES:
            for mode in MODES:
                asked = by(route, verifying(server, mode, certificates), sshd)
                if mode not in ("disable", "prefer"):
                    with pytest.raises(ConnectionFailedError, match=r"(?i)SSL|TLS"):
                        opened(asked)
                    continue
                session = opened(asked)
                assert session.server is not None
                # On this machine nobody can listen; through a tunnel the last stretch is somebody's network.
                assert session.server.tls == TlsInfo(downgraded=mode == "prefer" and route != "direct")
                assert encrypted(server, session) == ""


def certified(server: Server, ca: str, shown: tuple[Path, Path] | None) -> Target:
    """Return the target of the user who must show a certificate, with this one or with none."""
    if shown is None:
        return server.target("localhost", "certified", mode="verify-full", ca=ca)
    return server.target("localhost", "certified", mode="verify-full", ca=ca, certificate=str(shown[0]),
                         key=str(shown[1]))  # fmt: skip


def test_who_must_show_a_certificate_shows_the_right_one_by_each_route(
    opened: Opened, sshd: SshServer, tls_server: Server, certificates: Certificates
) -> None:
    tls_server.show("good")
    tls_server.require_client()
    ca = str(certificates.authority)
    for route in ROUTES:
        for shown, works in ((certificates.client, True), (certificates.stranger, False), (None, False)):
            asked = by(route, certified(tls_server, ca, shown), sshd)
            if works:
                opened(asked)
            else:
                with pytest.raises(ConnectionFailedError):
                    opened(asked)


def test_cancels_and_metadata_connections_are_protected_alike_by_each_route(
    kernel: Kernel, opened: Opened, sshd: SshServer, tls_server: Server, certificates: Certificates
) -> None:
    """The server lets this user in over TLS and with their certificate alone, and tells of each connection."""
    tls_server.show("good")
    tls_server.require_client()
    asked = certified(tls_server, str(certificates.authority), certificates.client)
    for route in ROUTES:
        session = opened(by(route, asked, sshd))
        assert kernel.catalog(session).schemas()
        if isinstance(tls_server, TlsPostgres):
            counted = row(
                session,
                "select count(*), bool_and(ssl), bool_and(client_dn like '%alveary%') from pg_stat_ssl"
                " join pg_stat_activity using (pid) where usename = 'certified'",
            )
            assert int(str(counted[0])) >= 2, "the session, and that of the catalog"
            assert [str(each) for each in counted[1:]] == ["True", "True"]
        statement = session.execute(tls_server.sleep)
        threading.Timer(0.3, statement.cancel).start()
        statement.wait(HANG)
        with pytest.raises(QueryCancelledError):
            statement.check()
        assert session.state is SessionState.IDLE


def test_several_databases_over_one_tunnel_are_each_verified_by_its_own_authority(
    opened: Opened, sshd: SshServer, postgres: PostgresServer, mariadb: MariaServer, certificates: Certificates,
    tls_server: Server,
) -> None:  # fmt: skip
    tls_server.show("good")
    theirs = str(certificates.authority)
    before = set(sshd.sessions())  # an earlier test's, which may still be on their way out
    for route in ("ssh", "openssh"):
        opened(by(route, tls_server.target("localhost", mode="verify-full", ca=theirs), sshd))
        for authority in (mariadb.authority, theirs):
            asked = mariadb.target(host="localhost", ssl_mode="verify-full", ssl_ca=authority)
            if authority == mariadb.authority:
                opened(by(route, asked, sshd))
                continue
            with pytest.raises(ConnectionFailedError, match=r"(?i)certificate"):
                opened(by(route, asked, sshd))
        opened(by(route, postgres.target(host="localhost"), sshd))
    assert len(set(sshd.sessions()) - before) <= 2 * 2, (
        "one tunnel each way, with at most a process of its own for its rights"
    )
