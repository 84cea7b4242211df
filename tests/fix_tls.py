"""TLS for tests: authorities and certificates, good and bad, and servers that show them for a while."""

from __future__ import annotations

import contextlib
import datetime
import os
import shutil
import socket
import ssl
import struct
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from fix_mariadb import HANG, PASSWORD, USER, MariaServer, running_mariadb
from fix_postgres import PASSWORD as ROLE_PASSWORD
from fix_postgres import ROLE, PostgresServer

from alveary.contracts.driver import Connection
from alveary.contracts.target import Target

Certificate: TypeAlias = Literal["good", "wrong name", "other authority", "self-signed", "expired"]
CERTIFICATES: tuple[Certificate, ...] = ("good", "wrong name", "other authority", "self-signed", "expired")
NAME = "db.internal"
"""What the servers are called where only a tunnel leads; good certificates are for it, and for ``localhost``."""
_DAY = datetime.timedelta(days=1)


class Authority:
    """A certificate authority that signs what it is asked to."""

    def __init__(self, folder: Path, name: str) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.file = folder / f"{name}.pem"
        usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
        made = self._signed(self._name, self._key.public_key(), expired=False).add_extension(
            x509.BasicConstraints(ca=True, path_length=None), critical=True
        )
        made = made.add_extension(usage, critical=True)
        made = made.add_extension(x509.SubjectKeyIdentifier.from_public_key(self._key.public_key()), critical=False)
        self.file.write_bytes(made.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))

    def certificate(self, path: Path, *names: str, expired: bool = False, client: bool = False) -> tuple[Path, Path]:
        """Write a certificate for some names, the first the common one, and its key; return both paths."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
        purpose = ExtendedKeyUsageOID.CLIENT_AUTH if client else ExtendedKeyUsageOID.SERVER_AUTH
        begun = self._signed(subject, key.public_key(), expired=expired)
        made = _for_names(begun, names).add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
        return _written(path, made.sign(self._key, hashes.SHA256()), key)

    def _signed(self, subject: x509.Name, key: Any, *, expired: bool) -> x509.CertificateBuilder:
        return _begun(subject, self._name, key, expired=expired).add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False
        )


def self_signed(path: Path, *names: str) -> tuple[Path, Path]:
    """Write a certificate that vouches for itself, and its key; return both paths."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
    made = _for_names(_begun(name, name, key.public_key(), expired=False), names).sign(key, hashes.SHA256())
    return _written(path, made, key)


def _begun(subject: x509.Name, issuer: x509.Name, key: Any, *, expired: bool) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - 3 * _DAY)
        .not_valid_after(now - _DAY if expired else now + 2 * _DAY)
    )


def _for_names(begun: x509.CertificateBuilder, names: tuple[str, ...]) -> x509.CertificateBuilder:
    return begun.add_extension(
        x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=False
    ).add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)


def _written(path: Path, made: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> tuple[Path, Path]:
    files = path.with_suffix(".pem"), path.with_suffix(".key")
    files[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    plain = serialization.NoEncryption()
    files[1].write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain))
    files[1].chmod(0o600)
    return files


@dataclass(frozen=True)
class Certificates:
    """What a server can show, the authority to trust, and what a client can show."""

    authority: Path
    servers: dict[Certificate, tuple[Path, Path]]
    client: tuple[Path, Path]
    """Signed by the authority."""
    stranger: tuple[Path, Path]
    """Signed by another one."""


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """The certificates of a run."""
    folder = tmp_path_factory.mktemp("certificates")
    ours, others = Authority(folder, "ours"), Authority(folder, "others")
    return Certificates(
        authority=ours.file,
        servers={
            "good": ours.certificate(folder / "good", "localhost", NAME),
            "wrong name": ours.certificate(folder / "wrong", "db.example"),
            "other authority": others.certificate(folder / "other", "localhost", NAME),
            "self-signed": self_signed(folder / "self", "localhost", NAME),
            "expired": ours.certificate(folder / "expired", "localhost", NAME, expired=True),
        },
        client=ours.certificate(folder / "client", "alveary", client=True),
        stranger=others.certificate(folder / "stranger", "alveary", client=True),
    )


class TlsServer:
    """A server that speaks TLS; ``with_client`` makes a target of a user who must show a certificate."""

    kind: str
    words: dict[str, str]
    """What the driver calls mode, ca, certificate and key, and the modes that have another name there."""

    def show(self, certificate: Certificate) -> None:
        """Show this certificate from now on."""
        raise NotImplementedError

    def target(self, host: str, user: str | None = None, via: tuple[str, int] | None = None, **tls: str) -> Target:
        """Return a target by our words for TLS: mode, ca, certificate, key."""
        raise NotImplementedError

    def connect(self, target: Target) -> Connection:
        """Connect with the driver."""
        raise NotImplementedError

    @property
    def port(self) -> int:
        """Where it listens on this machine."""
        raise NotImplementedError

    def _options(self, tls: dict[str, str]) -> dict[str, str]:
        return {self.words[name]: self.words.get(word, word) for name, word in tls.items()}


class TlsPostgres(TlsServer):
    kind = "postgres"
    words = {"mode": "sslmode", "ca": "sslrootcert", "certificate": "sslcert", "key": "sslkey"}  # noqa: RUF012  # a test's
    sleep = "select pg_sleep(60)"

    def __init__(self, server: PostgresServer, certificates: Certificates) -> None:
        self._server = server
        self._certificates = certificates
        self._shown: Certificate | None = None

    @property
    def port(self) -> int:
        return self._server.port

    def show(self, certificate: Certificate) -> None:
        if certificate == self._shown:
            return
        file, key = self._certificates.servers[certificate]
        folder = self._server.folder
        for source, name in ((file, "tls.pem"), (key, "tls.key"), (self._certificates.authority, "tls.ca")):
            shutil.copy(source, folder / name)
            if os.geteuid() == 0:
                shutil.chown(folder / name, "postgres")
        for setting in (
            "ssl = on", f"ssl_cert_file = '{folder}/tls.pem'", f"ssl_key_file = '{folder}/tls.key'",
            f"ssl_ca_file = '{folder}/tls.ca'",
        ):  # fmt: skip
            self._server.psql(f"alter system set {setting}")
        self._reload()
        _until(lambda: self._server.psql("show ssl", "postgres", "-At").strip() == b"on")
        serial = _serial(file)
        _until(lambda: self._answering() == serial)
        self._shown = certificate

    def show_none(self) -> None:
        """Have no TLS from now on."""
        self._server.psql("alter system set ssl = off")
        self._reload()
        _until(lambda: self._server.psql("show ssl", "postgres", "-At").strip() == b"off")
        self._shown = None

    def _answering(self) -> int:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with socket.create_connection(("127.0.0.1", self.port), HANG) as plain:
            plain.sendall(struct.pack(">II", 8, 80877103))
            assert plain.recv(1) == b"S"
            with context.wrap_socket(plain) as encrypted:
                shown = encrypted.getpeercert(binary_form=True)
        assert shown is not None
        return x509.load_der_x509_certificate(shown).serial_number

    def require_client(self) -> None:
        """Make the users ``certified`` (any certificate of ours) and let nobody in without one."""
        hba = self._server.folder / "data" / "pg_hba.conf"
        line = "hostssl all certified 127.0.0.1/32 trust clientcert=verify-ca\nhost all certified all reject\n"
        if line not in (text := hba.read_text()):
            self._server.psql("create role certified login superuser")
            hba.write_text(line + text)
            self._reload()

    def target(self, host: str, user: str | None = None, via: tuple[str, int] | None = None, **tls: str) -> Target:
        return Target(scheme="postgresql", host=host, port=self.port, user=user or ROLE, password=ROLE_PASSWORD,
                      database="postgres", options=self._options(tls), via=via)  # fmt: skip

    def connect(self, target: Target) -> Connection:
        from alveary_plugins.drivers.postgres.driver import PostgresDriver

        return PostgresDriver().connect(target, timeout=HANG)

    def close(self) -> None:
        """Be as before."""
        self._server.psql("alter system reset all")
        self._reload()
        _until(lambda: self._server.psql("show ssl", "postgres", "-At").strip() == b"off")

    def _reload(self) -> None:
        self._server.psql("select pg_reload_conf()")


class TlsMariadb(TlsServer):
    kind = "mysql"
    words = {  # noqa: RUF012  # a test's
        "mode": "ssl_mode", "ca": "ssl_ca", "certificate": "ssl_cert", "key": "ssl_key",
    }  # fmt: skip
    sleep = "select sleep(60)"

    def __init__(self, server: MariaServer, certificates: Certificates) -> None:
        self._server = server
        self.certificates = certificates
        self._shown: Certificate | None = None

    @property
    def port(self) -> int:
        return self._server.port

    def show(self, certificate: Certificate) -> None:
        if certificate == self._shown:
            return
        for source, name in zip(self.certificates.servers[certificate], ("server.pem", "server.key"), strict=True):
            (self._server.folder / name).write_bytes(source.read_bytes())
        self._server.admin("flush ssl")
        self._shown = certificate

    def require_client(self) -> None:
        self._server.admin(
            f"create or replace user certified identified by '{PASSWORD}' require x509; grant all on *.* to certified"
        )

    def target(self, host: str, user: str | None = None, via: tuple[str, int] | None = None, **tls: str) -> Target:
        return Target(scheme="mysql", host=host, port=self.port, user=user or USER, password=PASSWORD,
                      database="mysql", options=self._options(tls), via=via)  # fmt: skip

    def connect(self, target: Target) -> Connection:
        from alveary_plugins.drivers.mysql.driver import MysqlDriver

        return MysqlDriver().connect(target, timeout=HANG)

    def close(self) -> None:
        """It goes with its server."""


def _serial(file: Path) -> int:
    return x509.load_pem_x509_certificate(file.read_bytes()).serial_number


def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + HANG
    while not condition():
        assert time.monotonic() < deadline
        threading.Event().wait(0.02)


@pytest.fixture(scope="module", params=["postgres", "mysql"])
def tls_server(request: pytest.FixtureRequest, certificates: Certificates) -> Iterator[TlsPostgres | TlsMariadb]:
    """A real server that can be made to show each of the certificates."""
    if request.param == "postgres":
        postgres = TlsPostgres(request.getfixturevalue("postgres"), certificates)
        with contextlib.closing(postgres):
            yield postgres
    else:
        with tempfile.NamedTemporaryFile(prefix="alveary-ca-", suffix=".pem") as readable:  # by the server's user, too
            readable.write(certificates.authority.read_bytes())
            readable.flush()
            os.chmod(readable.name, 0o644)
            with running_mariadb(f"--ssl-ca={readable.name}") as server:
                yield TlsMariadb(server, certificates)
