"""Connecting to MariaDB: TLS as asked, the password to nobody else, bounded whatever listens there, mapped errors."""

from __future__ import annotations

import contextlib
import gc
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fix_mariadb import HANG, PASSWORD, USER, MariaServer, rows, run

from alveary.contracts.driver import BatchSize, RowCount
from alveary.contracts.target import Target
from alveary.errors import (
    AlvearyError,
    AuthenticationFailedError,
    ConnectionFailedError,
    ConnectionLostError,
    ConnectionTimeoutError,
    DatabaseNotFoundError,
    QueryCancelledError,
)
from alveary_plugins.drivers.mysql import alveary_drivers
from alveary_plugins.drivers.mysql.driver import MysqlConnection, MysqlDriver

Connect = Callable[..., MysqlConnection]


@pytest.fixture
def connect(mariadb_connect: Connect) -> Connect:
    return mariadb_connect


@pytest.fixture
def connection(connect: Connect) -> MysqlConnection:
    return connect()


def open_(target: Target, timeout: float = HANG) -> MysqlConnection:
    return MysqlDriver().connect(target, timeout=timeout)


def cipher(connection: MysqlConnection) -> str:
    ((_, name),) = rows(connection, "show status like 'ssl_cipher'")
    return str(name)


# -- who answers ---------------------------------------------------------------------------------------------------


def test_the_server_says_who_it_is(connection: MysqlConnection) -> None:
    assert connection.server().product == "MariaDB"
    assert connection.server().version[:3] == "10." or connection.server().version[:3] >= "11."


def test_we_say_who_we_are(connection: MysqlConnection) -> None:
    assert rows(connection, "select @@autocommit, @@character_set_client, @@character_set_results") == [
        ("1", "utf8mb4", "utf8mb4")
    ]
    sql = "select attr_value from performance_schema.session_connect_attrs where attr_name = 'program_name'"
    assert rows(connection, sql) in ([("alveary",)], [])  # the server may keep no such things


def test_a_client_that_takes_no_rows_for_a_while_is_not_given_up(connection: MysqlConnection) -> None:
    assert rows(connection, "select @@net_write_timeout") == [("86400",)]


def test_the_unix_socket_is_taken_instead_of_host_and_port(mariadb: MariaServer) -> None:
    connection = open_(mariadb.target(host="nowhere.invalid", port=1, unix_socket=mariadb.socket))
    assert cipher(connection) == ""
    connection.close()


def test_a_password_may_hold_any_character(mariadb: MariaServer) -> None:
    for number, password in enumerate(("p€ß😀", "a'b\\c\"d", "x" * 300, "")):
        mariadb.admin(
            f"create or replace user p{number}; set password for p{number} = password('{_escaped(password)}')"
        )
        open_(mariadb.target(user=f"p{number}", password=password)).close()


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("'", "\\'")


def test_the_declared_options_are_those_that_are_understood() -> None:
    (spec,) = alveary_drivers()
    assert {option.name for option in spec.options} == {
        "ssl_mode",
        "ssl_ca",
        "ssl_cert",
        "ssl_key",
        "unix_socket",
        "max_statement_time",
    }
    assert spec.schemes == ("mysql", "mariadb")


# -- what goes wrong -----------------------------------------------------------------------------------------------


def test_a_wrong_password_is_told_without_the_password(mariadb: MariaServer) -> None:
    changes: dict[str, Any]
    for changes in ({"password": "wr0ng-pass"}, {"user": "nobody"}, {"password": None}):
        with pytest.raises(AuthenticationFailedError, match="Access denied") as caught:
            open_(mariadb.target(**changes))
        assert caught.value.server_code == "1045 (28000)"
        assert "wr0ng" not in str(caught.value.record())


def test_a_password_that_is_no_text_is_refused_without_a_piece_of_it(mariadb: MariaServer) -> None:
    with pytest.raises(ConnectionFailedError) as caught:
        open_(mariadb.target(password="s3c\udcffret"))
    chain: BaseException | None = caught.value
    while chain is not None:
        assert "udcff" not in repr(chain)
        chain = chain.__cause__


def test_an_unknown_database_is_told(mariadb: MariaServer) -> None:
    with pytest.raises(DatabaseNotFoundError, match="nosuch") as caught:
        open_(mariadb.target("nosuch"))
    assert caught.value.server_code == "1049 (42000)"


def test_a_database_one_may_not_see_is_a_failed_connection(mariadb: MariaServer) -> None:
    mariadb.admin("create or replace user nothing identified by 'x'")
    with pytest.raises(ConnectionFailedError) as caught:
        open_(mariadb.target("mysql", user="nothing", password="x"))
    assert caught.value.server_code == "1044 (42000)"


def test_where_nobody_listens_is_told_at_once(mariadb: MariaServer) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    changes: dict[str, Any]
    for changes in ({"port": port}, {"unix_socket": "/nowhere/socket"}, {"host": "nosuch.invalid"}):
        with pytest.raises(ConnectionFailedError) as caught:
            open_(mariadb.target(**changes))
        assert caught.value.code == "connection_failed"
        assert "can't" in caught.value.message


def test_nothing_is_left_open_by_a_connection_that_failed(mariadb: MariaServer) -> None:
    for password, mode in (("wrong", "prefer"), (PASSWORD, "verify-full")):
        with pytest.raises(ConnectionFailedError):
            open_(mariadb.target(password=password, ssl_mode=mode))
    gc.collect()  # an open socket would warn, which is an error here


# -- TLS -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("host", "mode", "trusted", "encrypted"),
    [
        ("127.0.0.1", "disable", False, False),
        ("127.0.0.1", "prefer", False, True),
        ("127.0.0.1", "require", False, True),
        ("127.0.0.1", "verify-ca", True, True),
        ("localhost", "verify-full", True, True),
        ("127.0.0.1", "verify-full", True, None),
        ("localhost", "verify-ca", False, None),
        ("localhost", "verify-full", False, None),
    ],
)
def test_tls_is_what_was_asked_for(
    mariadb: MariaServer, host: str, mode: str, trusted: bool, encrypted: bool | None
) -> None:
    options: dict[str, Any] = {"ssl_mode": mode, **({"ssl_ca": mariadb.authority} if trusted else {})}
    if encrypted is None:
        with pytest.raises(ConnectionFailedError, match="not to be trusted"):
            open_(mariadb.target(host=host, **options))
        return
    connection = open_(mariadb.target("mysql", host=host, **options))
    assert bool(cipher(connection)) is encrypted
    messages = connection.execute("select seq from seq_1_to_100000000", None, batch=BatchSize())
    next(messages), next(messages)
    connection.cancel()  # its second connection must pass the same gate
    with pytest.raises(QueryCancelledError):
        list(messages)
    connection.close()


def test_a_mode_that_is_none_is_refused_and_not_taken_for_a_weaker_one(mariadb: MariaServer) -> None:
    with pytest.raises(ConnectionFailedError, match="verify_full"):
        open_(mariadb.target(ssl_mode="verify_full"))


def test_a_certificate_that_can_not_be_read_is_told(mariadb: MariaServer) -> None:
    for mode, option, file in (
        ("verify-ca", "ssl_ca", "/nowhere/ca.pem"),
        ("require", "ssl_cert", "/nowhere/me.pem"),
        ("verify-ca", "ssl_ca", str(mariadb.folder / "log")),
    ):
        options: dict[str, Any] = {"ssl_mode": mode, option: file}
        with pytest.raises(ConnectionFailedError, match="certificates"):
            open_(mariadb.target(**options))


# -- hostile servers -----------------------------------------------------------------------------------------------


def packet(number: int, payload: bytes) -> bytes:
    return struct.pack("<I", len(payload))[:3] + bytes([number]) + payload


def greeting(plugin: bytes = b"mysql_native_password", *, tls: bool = False) -> bytes:
    capabilities = 0x000F_F7FF if not tls else 0x000F_FFFF
    return packet(
        0,
        b"\x0a5.7.0-rogue\0" + struct.pack("<I", 7) + b"12345678\0" + struct.pack("<H", capabilities & 0xFFFF)
        + b"\x2d" + struct.pack("<H", 2) + struct.pack("<H", capabilities >> 16) + bytes([21]) + b"\0" * 10
        + b"123456789012\0" + plugin + b"\0",
    )  # fmt: skip


OK = b"\0\0\0\2\0\0\0"
EOF = b"\xfe\0\0\2\0"


def column_of(name: bytes) -> bytes:
    texts = [b"def", b"", b"", b"", name, name]
    return b"".join(bytes([len(t)]) + t for t in texts) + b"\x0c" + struct.pack("<HIBHB", 45, 100, 253, 0, 0) + b"\0\0"


def answer(*rows_: tuple[bytes, ...]) -> bytes:
    """Return an answer of text columns, as a server sends it."""
    width = len(rows_[0])
    parts = [bytes([width]), *[column_of(b"c")] * width, EOF]
    parts += [b"".join(bytes([len(cell)]) + cell for cell in row) for row in rows_]
    return b"".join(packet(1 + number & 0xFF, part) for number, part in enumerate([*parts, EOF]))


class Rogue:
    """A server that does to each connection what a function says; ``heard`` is all that was sent to it."""

    def __init__(self, script: Callable[[Rogue, socket.socket], None]) -> None:
        self._script = script
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self.heard = b""
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connected, _ = self._listener.accept()
                self._open.append(connected)
                threading.Thread(target=self._talk, args=(connected,), daemon=True).start()

    def _talk(self, connected: socket.socket) -> None:
        with contextlib.suppress(OSError, IndexError):
            self._script(self, connected)

    def hear(self, connected: socket.socket) -> bytes:
        heard = connected.recv(65536)
        self.heard += heard
        return heard

    def log_in(self, connected: socket.socket) -> None:
        """Let the client in, and answer what it asks first."""
        connected.sendall(greeting())
        self.hear(connected)
        connected.sendall(packet(2, OK))
        self.hear(connected)
        connected.sendall(packet(1, OK))  # set names
        self.hear(connected)
        connected.sendall(answer((b"7", b"5.7.0-rogue")))
        self.hear(connected)
        connected.sendall(packet(1, OK))  # set session

    def target(self, **options: str) -> Target:
        return Target(scheme="mysql", host="127.0.0.1", port=self._listener.getsockname()[1], user=USER,
                      password=PASSWORD, options=options)  # fmt: skip

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.thread.join(HANG)
        for connected in self._open:
            connected.close()


@pytest.fixture
def rogue() -> Iterator[Callable[[Callable[[Rogue, socket.socket], None]], Rogue]]:
    made: list[Rogue] = []

    def make(script: Callable[[Rogue, socket.socket], None]) -> Rogue:
        made.append(Rogue(script))
        return made[-1]

    yield make
    for each in made:
        each.close()


Make = Callable[[Callable[[Rogue, socket.socket], None]], Rogue]


def never(server: Rogue, connected: socket.socket) -> None:
    """Accept, and say nothing."""


def greets_only(server: Rogue, connected: socket.socket) -> None:
    connected.sendall(greeting())


def trickles(server: Rogue, connected: socket.socket) -> None:
    for byte in greeting():
        connected.sendall(bytes([byte]))
        threading.Event().wait(0.2)


def is_silent_after_the_handshake(server: Rogue, connected: socket.socket) -> None:
    connected.sendall(greeting())
    server.hear(connected)
    connected.sendall(packet(2, OK))
    server.hear(connected)
    connected.sendall(packet(1, OK))


@pytest.mark.parametrize("script", [never, greets_only, trickles, is_silent_after_the_handshake])
def test_a_server_that_goes_silent_is_not_waited_for(rogue: Make, script: Any) -> None:
    started = time.monotonic()
    with pytest.raises(ConnectionTimeoutError):
        open_(rogue(script).target(), timeout=0.5)
    assert time.monotonic() - started < 5


@pytest.mark.parametrize(
    "reply",
    [
        b"SSH-2.0-OpenSSH_9.2p1 Debian\r\n",
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        packet(0, b""),
        packet(0, b"\x0a"),
        packet(0, b"\xff\x10\x04Too many connections"),
        packet(0, b"\xff\x69\x04#HY000Host '1.2.3.4' is blocked"),
        packet(7, b"\x0a5.7\0"),
        b"\xff\xff\xff\0" + b"x" * 100,
        b"",
    ],
)
def test_what_is_no_server_is_a_failed_connection(rogue: Make, reply: bytes) -> None:
    def script(server: Rogue, connected: socket.socket) -> None:
        connected.sendall(reply)
        connected.shutdown(socket.SHUT_RDWR)

    with pytest.raises(ConnectionFailedError) as caught:
        open_(rogue(script).target())
    assert PASSWORD not in str(caught.value.record())


@pytest.mark.parametrize("plugin", [b"mysql_clear_password", b"dialog", b"mysql_old_password"])
@pytest.mark.parametrize("at", ["greeting", "switch"])
def test_no_server_gets_the_password_in_clear(rogue: Make, plugin: bytes, at: str) -> None:
    def script(server: Rogue, connected: socket.socket) -> None:
        connected.sendall(greeting(plugin if at == "greeting" else b"mysql_native_password"))
        server.hear(connected)
        connected.sendall(packet(2, b"\xfe" + plugin + b"\0" + b"Password: "))
        server.hear(connected)

    server = rogue(script)
    with pytest.raises(AuthenticationFailedError, match="was not sent"):
        open_(server.target())
    assert PASSWORD.encode() not in server.heard


@pytest.mark.parametrize("plugin", [b"caching_sha2_password", b"sha256_password"])
@pytest.mark.parametrize("at", ["greeting", "switch"])
def test_without_tls_no_server_gets_the_password_encrypted_with_a_key_of_its_own(
    rogue: Make, plugin: bytes, at: str
) -> None:
    key = b"\x01-----BEGIN PUBLIC KEY-----\nMFwwDQYJKoZIhvcNAQEBBQADSwAwSAJB\n-----END PUBLIC KEY-----\n"

    def script(server: Rogue, connected: socket.socket) -> None:
        connected.sendall(greeting(plugin if at == "greeting" else b"mysql_native_password"))
        server.hear(connected)
        number = 2
        if at == "switch":
            connected.sendall(packet(2, b"\xfe" + plugin + b"\0" + b"1" * 20 + b"\0"))
            server.hear(connected)
            number = 4
        connected.sendall(packet(number, b"\x01\x04" if plugin.startswith(b"caching") else key))
        server.hear(connected)
        connected.sendall(packet(number + 2, key))
        server.hear(connected)

    server = rogue(script)
    with pytest.raises(AuthenticationFailedError, match="was not sent"):
        open_(server.target())
    assert PASSWORD.encode() not in server.heard
    assert len(server.heard) < 500  # no block of RSA either


def test_a_server_that_knows_the_password_lets_in_by_its_hash_alone(rogue: Make) -> None:
    def script(server: Rogue, connected: socket.socket) -> None:
        connected.sendall(greeting(b"caching_sha2_password"))
        server.hear(connected)
        connected.sendall(packet(2, b"\x01\x03") + packet(3, OK))
        server.hear(connected)
        connected.sendall(packet(1, OK))
        server.hear(connected)
        connected.sendall(answer((b"7", b"8.0.36")))
        server.hear(connected)
        connected.sendall(packet(1, OK))

    connection = open_(rogue(script).target())
    assert connection.server().product == "MySQL"
    connection.close()


def test_a_server_without_tls_is_refused_where_it_is_required(rogue: Make) -> None:
    for mode in ("require", "verify-ca", "verify-full"):
        server = rogue(Rogue.log_in)
        with pytest.raises(ConnectionFailedError, match="SSL"):
            open_(server.target(ssl_mode=mode))
        assert USER.encode() not in server.heard


def test_a_server_that_only_pretends_tls_gets_nothing(rogue: Make) -> None:
    def script(server: Rogue, connected: socket.socket) -> None:
        connected.sendall(greeting(tls=True))
        server.hear(connected)
        connected.sendall(packet(2, OK))

    server = rogue(script)
    with pytest.raises(ConnectionFailedError):
        open_(server.target(ssl_mode="prefer"), timeout=2)
    assert USER.encode() not in server.heard


def test_a_server_that_asks_for_a_file_gets_none_and_no_more_statements(rogue: Make, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("what nobody else may read")

    def script(server: Rogue, connected: socket.socket) -> None:
        server.log_in(connected)
        server.hear(connected)
        connected.sendall(packet(1, b"\xfb" + str(tmp_path / "file").encode()))
        server.hear(connected)

    server = rogue(script)
    connection = open_(server.target())
    with pytest.raises(ConnectionLostError, match="file"):
        run(connection, "select 1")
    with pytest.raises(ConnectionLostError):
        run(connection, "select 1")
    assert server.heard.endswith(b"\x03select 1")


def test_a_server_that_refuses_a_local_file_leaves_the_session_usable(connection: MysqlConnection) -> None:
    with pytest.raises(AlvearyError):
        run(connection, "load data local infile '/etc/hostname' into table t")
    assert rows(connection, "select 1") == [("1",)]


def test_a_cancel_that_hits_late_hits_a_statement_that_does_nothing(rogue: Make) -> None:
    """However often the server then interrupts; a real one does so too seldom to be tested with."""
    interrupted = packet(1, b"\xff" + struct.pack("<H", 1317) + b"#70100Query execution was interrupted")

    def script(server: Rogue, connected: socket.socket) -> None:
        server.log_in(connected)
        for _ in range(3):
            assert server.hear(connected).endswith(b"do 0")
            connected.sendall(interrupted)
        assert server.hear(connected).endswith(b"do 0")
        connected.sendall(packet(1, OK))
        assert server.hear(connected).endswith(b"delete from t")
        connected.sendall(packet(1, b"\0\5\0\2\0\0\0"))

    connection = open_(rogue(script).target())
    connection._running._killed = True
    assert run(connection, "delete from t") == [RowCount(5)]
    connection.close()


def _whole() -> bytes:
    return answer((b"one", b"two"), (b"three", b"x" * 200))


@pytest.mark.parametrize(
    "reply",
    [
        packet(1, b""),
        packet(1, b"\x01") + packet(2, b"\x03def"),
        packet(1, b"\x01") + packet(2, b"\xff"),
        packet(1, b"\xfb"),
        packet(1, b"\x00"),
        packet(1, b"\x01") + packet(2, column_of(b"c")) + packet(3, b"no end"),
        packet(1, b"\x01") + packet(2, column_of(b"c")) + packet(3, EOF) + packet(4, b"\x05abc") + packet(5, EOF),
        packet(1, b"\x01") + packet(2, column_of(b"c")) + packet(3, EOF) + packet(4, b"\x01abc") + packet(5, EOF),
        packet(1, b"\x01") + packet(2, column_of(b"c")) + packet(3, EOF) + packet(4, b"\xfc") + packet(5, EOF),
        packet(1, b"\x01") + packet(2, column_of(b"c")) + packet(3, EOF) + packet(4, b"") + packet(5, EOF),
        packet(1, b"\x01") + packet(2, column_of(b"c")) + packet(3, EOF) + packet(9, b"\x01a") + packet(5, EOF),
        packet(1, b"\x01") + packet(2, column_of(b"c")) + packet(3, EOF) + packet(4, b"\xff"),
        *(_whole()[:cut] for cut in range(0, 300, 23)),
    ],
)
def test_an_answer_that_is_none_ends_the_connection_and_is_never_a_whole_result(rogue: Make, reply: bytes) -> None:
    def script(server: Rogue, connected: socket.socket) -> None:
        server.log_in(connected)
        server.hear(connected)
        connected.sendall(reply)
        connected.shutdown(socket.SHUT_RDWR)

    connection = open_(rogue(script).target())
    with pytest.raises(ConnectionLostError):
        run(connection, "select 1")
    with pytest.raises(ConnectionLostError):
        run(connection, "select 1")
    connection.close()


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100])
def test_an_answer_in_pieces_is_the_same_answer(rogue: Make, size: int) -> None:
    def script(server: Rogue, connected: socket.socket) -> None:
        server.log_in(connected)
        server.hear(connected)
        whole = _whole()
        for start in range(0, len(whole), size):
            connected.sendall(whole[start : start + size])

    connected = open_(rogue(script).target())
    assert rows(connected, "select 1") == [("one", "two"), ("three", "x" * 200)]
    connected.close()


def test_a_server_that_stops_in_mid_result_is_left_by_abort_and_close(rogue: Make) -> None:
    def script(server: Rogue, connected: socket.socket) -> None:
        server.log_in(connected)
        server.hear(connected)
        connected.sendall(_whole()[:-30])
        server.hear(connected)

    connection = open_(rogue(script).target())
    threading.Timer(0.2, connection.abort).start()
    with pytest.raises(ConnectionLostError):
        run(connection, "select 1")
    started = time.monotonic()
    other = open_(rogue(script).target())
    messages = other.execute("select 1", None, batch=BatchSize())
    next(messages)
    other.close()
    assert time.monotonic() - started < 5
    messages.close()
