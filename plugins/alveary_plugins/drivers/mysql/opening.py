"""Opening: a socket, TLS as the target asks, a handshake that gives the password to nobody else, all within a time."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pymysql  # type: ignore[import-untyped]  # PyMySQL has no annotations
from pymysql import _auth
from pymysql.constants import CLIENT, COMMAND  # type: ignore[import-untyped]  # PyMySQL has no annotations

from alveary.contracts.driver import TlsInfo
from alveary.contracts.target import Target
from alveary.errors import AlvearyError, AuthenticationFailedError, ConnectionFailedError, ConnectionTimeoutError
from alveary_plugins.drivers.mysql import errors
from alveary_plugins.drivers.mysql.wire import Lifeline, Stream, Wire

DEFAULT_PORT = 3306

#: Seconds, the last one milliseconds, where the system has such settings: a dead peer is noticed within about a minute,
#: while we wait and also, by the last one, where what we sent is not acknowledged.
_KEEP_ALIVE = {"TCP_KEEPIDLE": 30, "TCP_KEEPINTVL": 10, "TCP_KEEPCNT": 3, "TCP_USER_TIMEOUT": 60_000}


def open_wire(target: Target, timeout: float, sent: Callable[[str], None]) -> tuple[Wire, Lifeline]:
    """Connect within ``timeout`` seconds; raises ConnectionFailedError. Looking up the host's name can't be bounded.

    The statements sent over the wire are not bounded by it any more.
    """
    deadline = time.monotonic() + timeout
    try:
        db = _prepared(target, sent)
        sock = _socket(target, deadline)
    except AlvearyError:
        raise
    except Exception as exc:
        raise errors.connect_error(exc, _place(target)) from exc
    lifeline = Lifeline(sock)
    try:
        with bounded(lifeline, deadline - time.monotonic()) as late:
            try:
                db.connect(sock)
                if target.options.get("ssl_mode") in _ENCRYPTED and not isinstance(db._sock, ssl.SSLSocket):
                    raise ConnectionFailedError("the connection is not encrypted")
                wire = Wire(db, tls_info(target, db._sock), sent)
            except Exception as exc:
                if late.is_set():
                    raise ConnectionTimeoutError(
                        f"{_place(target)} did not finish the handshake within {timeout:g} seconds"
                    ) from exc
                if isinstance(exc, AlvearyError):
                    raise
                raise errors.connect_error(exc, _place(target)) from exc
    except BaseException:
        sock.close()
        lifeline.close()
        raise
    return wire, lifeline


class _Connection(pymysql.connections.Connection):  # type: ignore[misc]  # PyMySQL has no types
    """A connection of PyMySQL's that tells what it sends while it connects; later the wire does."""

    def _execute_command(self, command: int, sql: str | bytes) -> None:
        if command == COMMAND.COM_QUERY and not isinstance(self._rfile, Stream):
            self.sent(sql if isinstance(sql, str) else sql.decode("utf-8", "replace"))
        super()._execute_command(command, sql)


@contextlib.contextmanager
def bounded(lifeline: Lifeline, seconds: float) -> Iterator[threading.Event]:
    """Shut the connection if what happens inside takes longer; the event tells that it did.

    PyMySQL bounds only the connecting of the socket: a server that accepts and then is silent would hold it for ever.
    """
    late = threading.Event()

    def shut() -> None:
        late.set()
        lifeline.shut()

    timer = threading.Timer(max(seconds, 0.001), shut)
    timer.daemon = True
    timer.start()
    try:
        yield late
    finally:
        timer.cancel()


def _prepared(target: Target, sent: Callable[[str], None]) -> Any:
    """Return a connection of PyMySQL's that is not connected yet."""
    context = tls_context(target)
    mode = target.options.get("ssl_mode", "prefer")
    # Not where TLS is only preferred: it may turn out that there is none.
    verified = context is not None and context.verify_mode is ssl.CERT_REQUIRED and mode in _ENCRYPTED
    try:
        password = (target.password or "").encode()
    except UnicodeEncodeError:
        # The exception itself would repeat a piece of it.
        raise ConnectionFailedError("the password holds a lone surrogate, which is no character") from None
    db = _Connection(
        host=target.host or "localhost",
        port=target.port or DEFAULT_PORT,
        user=target.user,
        password=password,  # as bytes: PyMySQL itself encodes text as Latin-1
        database=target.database,
        unix_socket=target.options["unix_socket"] if _is_socket(target) else None,
        charset="utf8mb4",
        autocommit=True,
        local_infile=False,
        program_name="alveary",
        auth_plugin_map=_plugins(verified=verified),
        ssl=context,
        ssl_disabled=context is None,
        defer_connect=True,
    )
    db.sent = sent
    db._secure = _is_socket(target)  # nobody listens there
    if context is not None and mode == "prefer":
        # For this mode PyMySQL would make a context of its own; with ours it takes TLS for required.
        db._ssl_required = False
        db.client_flag &= ~CLIENT.SSL
    return db


def _socket(target: Target, deadline: float) -> socket.socket:
    if _is_socket(target):
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        return _connected(sock, target.options["unix_socket"], deadline - time.monotonic())
    host, port = target.via or (target.host or "localhost", target.port or DEFAULT_PORT)
    addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    failure: OSError = OSError("the host has no address")
    for number, (family, kind, protocol, _, address) in enumerate(addresses):
        # An address that does not answer leaves time for the others.
        share = (deadline - time.monotonic()) / (len(addresses) - number)
        try:
            sock = _connected(socket.socket(family, kind, protocol), address, share)
        except OSError as exc:
            failure = exc
            continue
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in _KEEP_ALIVE.items():
            if hasattr(socket, name):
                sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
        return sock
    raise failure


def _connected(sock: socket.socket, address: Any, seconds: float) -> socket.socket:
    try:
        sock.settimeout(max(seconds, 0.001))
        sock.connect(address)
        sock.settimeout(None)
    except BaseException:
        sock.close()
        raise
    return sock


def _place(target: Target) -> str:
    if _is_socket(target):
        return target.options["unix_socket"]
    return f"{target.host or 'localhost'}:{target.port or DEFAULT_PORT}"


def _is_socket(target: Target) -> bool:
    return bool(target.options.get("unix_socket")) and target.via is None


# -- TLS ---------------------------------------------------------------------------------------------------------

_ENCRYPTED = ("require", "verify-ca", "verify-full")


def tls_context(target: Target) -> ssl.SSLContext | None:
    """Return what TLS is made with; None for none. PyMySQL's own contexts verify less than their options say."""
    options = target.options
    mode = options.get("ssl_mode", "prefer")
    if mode not in ("disable", "prefer", *_ENCRYPTED):
        raise ConnectionFailedError(f"there is no ssl_mode {mode!r}")  # never a weaker one than was meant
    if mode == "disable" or (mode == "prefer" and _is_socket(target)):
        return None
    try:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        # The certificates that servers make for themselves are not as strict as newer Pythons want them.
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        context.check_hostname = mode == "verify-full"
        authorities = options.get("ssl_ca")
        if mode not in ("verify-ca", "verify-full") and not authorities:
            context.verify_mode = ssl.CERT_NONE  # and so without the system's certificates, which take 20 ms to load
        elif authorities and authorities != "system":
            context.load_verify_locations(authorities)
        else:
            context.load_default_certs()
        if options.get("ssl_cert"):
            context.load_cert_chain(options["ssl_cert"], options.get("ssl_key"), password=_no_passphrase)
    except (OSError, ValueError) as exc:
        reason = getattr(exc, "strerror", None) or str(exc)
        raise ConnectionFailedError(f"the certificates of the target can't be read: {reason}") from exc
    return context


def tls_info(target: Target, sock: socket.socket) -> TlsInfo:
    """Return how a socket is encrypted, with what verified."""
    if not isinstance(sock, ssl.SSLSocket):
        preferred = target.options.get("ssl_mode", "prefer") == "prefer"
        return TlsInfo(downgraded=preferred and not _is_socket(target) and not target.is_here)
    version, cipher = sock.version() or "TLS", (sock.cipher() or ("",))[0]
    if sock.context.check_hostname:
        return TlsInfo(version=version, cipher=cipher, verified="name", name=target.host or "localhost")
    by_authority = sock.context.verify_mode is ssl.CERT_REQUIRED
    return TlsInfo(version=version, cipher=cipher, verified="authority" if by_authority else "nothing")


def _no_passphrase() -> str:
    # Without this OpenSSL would ask on the terminal.
    raise ValueError("the key is protected by a passphrase")


# -- who gets the password ----------------------------------------------------------------------------------------


def _plugins(*, verified: bool) -> dict[str, type]:
    """Return the ways to prove who we are that PyMySQL must not go by itself; the server chooses among all it knows."""
    plugins: dict[str, type] = {"mysql_old_password": _Refused, "caching_sha2_password": _CachingSha2,
                                "sha256_password": _Sha256}  # fmt: skip
    if not verified:
        plugins |= {"mysql_clear_password": _Refused, "dialog": _Refused}
    return plugins


def _refusal() -> AlvearyError:
    return AuthenticationFailedError(
        "the server wants the password in a way that others could read; it was not sent",
        hint="connect with ssl_mode=verify-full if that is what this server needs",
    )


class _Refused:
    """A way that would give the password away."""

    def __init__(self, db: Any) -> None:
        pass

    def authenticate(self, packet: Any) -> Any:
        raise _refusal()


class _CachingSha2:
    """The password goes only through TLS; without, the server must know it already, from which a hash is enough.

    PyMySQL would encrypt it with whatever key the other end sends.
    """

    def __init__(self, db: Any) -> None:
        self._db = db

    def authenticate(self, packet: Any) -> Any:
        db = self._db
        if db._secure or not db.password:
            return _auth.caching_sha2_password_auth(db, packet)
        if packet.is_auth_switch_request():
            db.salt = packet.read_all().removesuffix(b"\0")
            packet = _auth._roundtrip(db, _auth.scramble_caching_sha2(db.password, db.salt))
        if packet.is_extra_auth_data() and packet.get_all_data()[1:] == b"\x03":
            return _auth.caching_sha2_password_auth(db, packet)
        raise _refusal()


class _Sha256:
    """The password goes through TLS or not at all."""

    def __init__(self, db: Any) -> None:
        self._db = db

    def authenticate(self, packet: Any) -> Any:
        if self._db._secure or not self._db.password:
            return _auth.sha256_password_auth(self._db, packet)
        raise _refusal()
