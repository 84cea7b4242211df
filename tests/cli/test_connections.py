"""``alveary connections`` as a person uses it: real servers, a real keyring, and what goes wrong with each."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import select
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from conftest import Ran
from fix_keyring import SecretService
from fix_mariadb import MariaServer
from fix_postgres import PASSWORD, ROLE, PostgresServer

HANG = 30
Alveary = Callable[..., Ran]


@pytest.fixture(autouse=True)
def no_bus(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No test but those with a keyring of their own finds one; and whatever writes at home writes here."""
    monkeypatch.delenv("DBUS_SESSION_BUS_ADDRESS", raising=False)
    for name in ("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(tmp_path / "person"))


@pytest.fixture
def guarded(postgres: PostgresServer) -> str:
    """The URL, password and all, of a role whom PostgreSQL asks for it."""
    return postgres.url(user=ROLE, password=PASSWORD)


def listed(alveary: Alveary) -> list[dict[str, Any]]:
    done = alveary("connections", "list", "--format", "json")
    assert done.status == 0, done.err
    connections: list[dict[str, Any]] = json.loads(done.out)["connections"]
    return connections


def shown(alveary: Alveary, name: str) -> dict[str, Any]:
    details: dict[str, Any] = json.loads(alveary("connections", "show", name, "--format", "json").out)
    return details


# -- saving and finding ----------------------------------------------------------------------------------------------


def test_a_connection_is_saved_listed_used_changed_copied_and_removed(alveary: Alveary, shop: Path) -> None:
    assert alveary("connections", "list").out.startswith("no connection is saved; save one with:")
    done = alveary("connections", "add", "Shop", "sqlite:///shop.db", "--group", "Work/EU", "--color", "red",
                   "--environment", "production", "--read-only")  # fmt: skip
    assert (done.status, done.out, done.err) == (0, f"Shop is saved: sqlite:///{shop}\n", "")
    assert alveary("connections", "list").out == (
        "group    name  environment  driver  database" + " " * (len(str(shop)) - 8) + "  user  access\n"
        "-------  ----  -----------  ------  " + "-" * len(str(shop)) + "  ----  ---------\n"
        f"Work/EU  Shop  production   sqlite  {shop}        read-only\n"
    )
    for arguments in (
        ("query", "shop", "select name from item where id = 1", "--format", "csv"),
        ("query", "SHOP", "select name from item where id = 1", "--format", "csv"),
    ):
        assert alveary(*arguments).out == "name\ncomb\n"
    assert "item" in alveary("catalog", "Shop").out
    assert alveary("query", "Shop", "delete from item").status == 1, "it is read-only"
    assert alveary("connections", "edit", "shop", "--unset", "read_only", "--rename", "Laden", "--color", "#00ff00",
                   "--unset", "environment", "--confirm", "shop").status == 0  # fmt: skip
    (entry,) = listed(alveary)
    assert [entry[field] for field in ("name", "group", "color", "environment", "read_only")] == [
        "Laden", "Work/EU", "#00ff00", None, False,
    ]  # fmt: skip
    assert alveary("query", "Laden", "delete from item where id = 2").status == 0
    assert alveary("connections", "copy", "laden", "Laden 2").status == 0
    assert [entry["name"] for entry in listed(alveary)] == ["Laden", "Laden 2"]
    assert alveary("connections", "edit", "Laden 2", "--position", "1").status == 0
    assert [entry["name"] for entry in listed(alveary)] == ["Laden 2", "Laden"]
    assert alveary("connections", "remove", "LADEN").out == "LADEN is removed\n"
    done = alveary("query", "laden", "select 1")
    assert (done.status, done.out) == (2, "")
    assert "unknown_target" in done.err
    assert shop.exists(), "what it leads to stays"


def test_the_commands_run_from_a_script_as_well(alveary: Alveary, shop: Path) -> None:
    saved = json.loads(alveary("run", "connections.add", "name=a", f"url=sqlite:///{shop}", "read_only:=true").out)
    assert saved["profile"]["read_only"] is True
    assert saved["password"] is None
    tried = json.loads(alveary("run", "connections.test", "target=a").out)
    assert (tried["product"], tried["version"], tried["tls"]) == ("SQLite", sqlite3.sqlite_version, None)
    assert tried["round_trip_ms"] >= 0
    assert alveary("run", "connections.list", "group=nothing").status == 2
    schema = json.loads(alveary("commands", "connections.add", "--format", "json").out)
    assert "name" in str(schema)


def test_only_what_is_given_is_changed(alveary: Alveary, tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("")
    url = "postgresql://ann@db.example:5433/shop?options=-c%20a=b"
    alveary("connections", "add", "pg", url, "--tls-mode", "verify-ca", "--tls-ca", "ca.pem", "--connect-timeout",
            "2.5", "--application-name", "bees", "--ssh-host", "bastion", "--ssh-user", "bob")  # fmt: skip
    before = shown(alveary, "pg")["profile"]
    assert before["tls"] == {"mode": "verify-ca", "ca": str(tmp_path / "ca.pem"), "certificate": None, "key": None}
    assert before["tunnel"] == {
        "enabled": True, "kind": "ssh", "host": "bastion", "port": 22, "user": "bob", "method": "agent", "key": None,
        "options": {},
    }  # fmt: skip
    assert alveary("connections", "edit", "pg", "--port", "5434", "--option", "options=-c c=d").status == 0
    after = shown(alveary, "pg")["profile"]
    assert after == {**before, "port": 5434, "options": {"options": "-c c=d"}}
    assert alveary("connections", "edit", "pg", "--url", "postgresql://other.example/d").status == 0
    moved = shown(alveary, "pg")["profile"]
    assert moved == {**after, "host": "other.example", "port": None, "user": None, "database": "d", "options": {}}
    assert alveary("connections", "edit", "pg", "--url", "sqlite:///x.db").status == 0, "what is of no use there goes"
    assert shown(alveary, "pg")["profile"]["tls"]["mode"] is None
    assert alveary("connections", "show", "pg").out.count("tls") == 0


def test_a_key_that_is_given_is_what_proves_who_we_are(alveary: Alveary, tmp_path: Path) -> None:
    (tmp_path / "id").touch()
    assert alveary("connections", "add", "S", "postgresql://db.example/d", "--ssh-host", "gate").status == 0
    assert shown(alveary, "S")["profile"]["tunnel"]["method"] == "agent"
    assert alveary("connections", "edit", "S", "--ssh-key", str(tmp_path / "id")).status == 0
    assert shown(alveary, "S")["profile"]["tunnel"]["method"] == "key"
    assert alveary("connections", "edit", "S", "--ssh-key", str(tmp_path / "id"), "--ssh-method", "agent").status == 0
    assert shown(alveary, "S")["profile"]["tunnel"]["method"] == "agent"
    done = alveary("connections", "edit", "S", "--ssh-jump", "")
    assert (done.status, "--unset tunnel.options.jump" in done.err) == (2, True)


def test_a_saved_name_with_a_tunnel_is_not_connected_around_it(alveary: Alveary, postgres_url: str) -> None:
    alveary("connections", "add", "far", postgres_url, "--ssh-host", "bastion.invalid")
    for arguments in (("query", "far", "select 1"), ("catalog", "far"), ("connections", "test", "far")):
        done = alveary(*arguments)
        assert (done.status, done.out) == (3, "")
        assert "tunnel_failed: can't connect to the SSH server bastion.invalid:22" in done.err
    assert "bastion.invalid:22, agent" in alveary("connections", "show", "far").out
    done = alveary("connections", "edit", "far", "--ssh-jump", "ann@gate", "--tunnel-option", "config=none")
    assert done.status == 0, done.err
    assert shown(alveary, "far")["profile"]["tunnel"]["options"] == {"jump": "ann@gate", "config": "none"}
    for wrong in (("--tunnel-option", "colour=red"), ("--tunnel", "carrier-pigeon"), ("--tunnel-option", "x")):
        done = alveary("connections", "edit", "far", *wrong)
        assert (done.status, "invalid_input: tunnel" in done.err) == (2, True), done.err
    assert alveary("connections", "edit", "far", "--tunnel", "off").status == 0
    assert alveary("query", "far", "select 1").status == 0


@pytest.mark.parametrize(("arguments", "words"), [
    (("add", "a", "sqlite:///x.db"), "name: a connection is saved as 'A' already"),
    (("add", "", "sqlite:///x.db"), "name: it is empty"),
    (("add", "x" * 65, "sqlite:///x.db"), "name: it is longer than 64"),
    (("add", "b\x1b[2Jc", "sqlite:///x.db"), "name: it holds U+001B"),
    (("add", "sqlite:///x.db", "b"), "neither a URL nor a saved name"),
    (("add", "b", "oracle://h/d"), "no installed driver speaks oracle://"),
    (("add", "b", "sqlite:///x.db", "--tls-mode", "require"), "tls.mode: the SQLite driver has nothing of the kind"),
    (("add", "b", "sqlite:///x.db", "--ask-password"), "password: SQLite opens a file"),
    (("add", "b", "postgresql://h/d", "--color", "reddish"), "color: it is neither #rrggbb nor"),
    (("add", "b", "postgresql://h/d", "--tls-ca", "/no/such"), "tls.ca: there is no file /no/such"),
    (("add", "b", "postgresql://h/d", "--connect-timeout", "0"), "connect_timeout: expected `float` > 0.0"),
    (("add", "b", "postgresql://h/d", "--ssh-method", "key", "--ssh-host", "h"), "tunnel.key: the method key needs"),
    (("add", "b", "postgresql://h/d", "--group", "A//B"), "group: it is empty"),
    (("add", "b", "postgresql://h/d", "--ask-password"), "nobody gave a password"),
    (("edit", "nobody", "--color", "red"), "no connection is saved as 'nobody'"),
    (("edit", "A", "--unset", "colour"), "unset: 'colour' is no field"),
    (("edit", "A", "--option", "mode"), "option: it is not NAME=VALUE"),
    (("edit", "A", "--option", "mode=q"), "options.mode: it is none of"),
    (("edit", "A", "--rename", "a://b"), "name: a name with ://"),
    (("edit", "A", "--host", "h"), "host: SQLite opens a file"),
    (("remove", "nobody"), "no connection is saved as 'nobody'"),
    (("copy", "A", "a"), "name: a connection is saved as 'A' already"),
    (("show", "nobody"), "there is A"),
    (("list", "--group", "nothing"), "there is no group 'nothing'"),
    (("test", "nobody"), "neither a URL nor a saved name"),
    (("test", "sqlite:///:memory:", "--remember"), "only a saved connection's password can be kept"),
])  # fmt: skip
def test_what_makes_no_sense_is_refused_and_changes_nothing(
    alveary: Alveary, arguments: tuple[str, ...], words: str
) -> None:
    alveary("connections", "add", "A", "sqlite:///a.db")
    before = alveary("connections", "list", "--format", "json").out
    done = alveary("connections", *arguments)
    assert (done.status, done.out) == (2, "")
    assert words in done.err
    assert "\x1b" not in done.err
    assert "Traceback" not in done.err
    assert alveary("connections", "list", "--format", "json").out == before


def test_what_a_store_holds_does_not_drive_the_terminal(alveary: Alveary, home: Path) -> None:
    alveary("connections", "add", "a", "sqlite:///a.db")
    with sqlite3.connect(home / "alveary.db") as connection:
        connection.execute("update profiles set name = 'a' || char(27) || '[2Jb'")
    connection.close()
    for arguments in (("list",), ("list", "--format", "json")):
        done = alveary("connections", *arguments)
        assert done.status == 0
        assert "\x1b" not in done.out


def test_groups_are_made_moved_and_removed(alveary: Alveary) -> None:
    assert alveary("groups", "list").out == "there are no groups\n"
    alveary("connections", "add", "a", "sqlite:///a.db", "--group", "Work/EU")
    alveary("groups", "add", "Play")
    assert alveary("groups", "edit", "Work/EU", "--rename", "Europe", "--color", "blue", "--parent", "Play").status == 0
    assert alveary("groups", "list").out.split() == ["group", "color", "-----------", "-----", "Work", "Play",
                                                     "Play/Europe", "blue"]  # fmt: skip
    assert alveary("groups", "remove", "Play").status == 0
    assert [entry["group"] for entry in listed(alveary)] == ["Europe"]
    assert alveary("connections", "edit", "a", "--unset", "group").status == 0
    assert [entry["group"] for entry in listed(alveary)] == [""]
    done = alveary("groups", "remove", "nothing")
    assert (done.status, "unknown_group" in done.err) == (2, True)


# -- trying ----------------------------------------------------------------------------------------------------------


def test_a_test_tells_who_answers_and_how_it_is_encrypted(
    alveary: Alveary, postgres: PostgresServer, mariadb: MariaServer, mariadb_url: str
) -> None:
    for url, product, tls in (
        (postgres.url(), "PostgreSQL", re.compile("")),
        (mariadb_url, "MariaDB", re.compile(r"TLSv1\.3, TLS_\w+")),
        (f"{mariadb_url}?ssl_mode=disabled", "MariaDB", re.compile("")),
    ):
        done = alveary("connections", "test", url, "--format", "json")
        assert done.status == 0, done.err
        tried = json.loads(done.out)
        assert tried["product"] == product
        assert re.match(r"\d+\.\d+", tried["version"])
        assert tls.fullmatch(tried["tls"])
        assert tried["connect_ms"] > tried["round_trip_ms"] > 0
    text = alveary("connections", "test", postgres.url()).out
    for line in (
        r"server +PostgreSQL \d+",
        r"connecting +[\d.]+ ms",
        r"round trip +[\d.]+ ms",
        "TLS +no: not encrypted",
    ):
        assert re.search(f"^{line}", text, re.MULTILINE)


def test_a_connection_that_fails_leaves_with_its_status(alveary: Alveary, postgres: PostgresServer) -> None:
    alveary("connections", "add", "nowhere", "postgresql://ann@127.0.0.1:1/x")
    alveary("connections", "add", "nothing", "sqlite:///no/such/file.db")
    alveary("connections", "add", "unknown", postgres.url("no_such_database"))
    for name, code in (
        ("nowhere", "connection_failed"), ("nothing", "database_not_found"), ("unknown", "database_not_found"),
    ):  # fmt: skip
        done = alveary("connections", "test", name)
        assert (done.status, done.out) == (3, "")
        assert code in done.err


def test_the_timeout_of_a_connection_is_kept(alveary: Alveary) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        alveary("connections", "add", "silent", f"postgresql://ann@127.0.0.1:{port}/x", "--connect-timeout", "2")
        done = alveary("connections", "test", "silent")
    assert done.status == 3
    assert "did not answer within 2 seconds" in done.err


@pytest.fixture
def encrypted(postgres: PostgresServer) -> Iterator[Path]:
    """The shared server speaks TLS for the while; the certificate, which is for ``localhost``."""
    folder = postgres.folder
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", folder / "key.pem",
         "-out", folder / "cert.pem"],
        check=True, capture_output=True,
    )  # fmt: skip
    os.chmod(folder / "key.pem", 0o600)
    if os.geteuid() == 0:
        shutil.chown(folder / "key.pem", "postgres")
    for setting in ("ssl = on", f"ssl_cert_file = '{folder}/cert.pem'", f"ssl_key_file = '{folder}/key.pem'"):
        postgres.psql(f"alter system set {setting}")
    postgres.psql("select pg_reload_conf()")
    _until(postgres, "on")
    yield folder / "cert.pem"
    postgres.psql("alter system reset all")
    postgres.psql("select pg_reload_conf()")
    _until(postgres, "off")


def _until(postgres: PostgresServer, state: str) -> None:
    deadline = time.monotonic() + HANG
    while postgres.psql("show ssl", "postgres", "-At").decode().strip() != state:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_tls_of_a_profile_is_what_the_driver_does(
    alveary: Alveary, postgres: PostgresServer, mariadb: MariaServer, mariadb_url: str, encrypted: Path
) -> None:
    for name, url, authority in (
        ("pg", postgres.url().replace("127.0.0.1", "localhost"), str(encrypted)),
        ("maria", mariadb_url.replace("127.0.0.1", "localhost"), mariadb.authority),
    ):
        password = re.search(":([^:/]*)@", url)
        plain = url.replace(password[0], "@") if password else url
        hand_in = {"stdin": "s3cret-pässword\n"} if password else {}
        extra = ("--password-stdin",) if password else ()
        assert (
            alveary("connections", "add", name, plain, "--tls-mode", "verify-full", "--tls-ca", authority).status == 0
        )

        def tried(name: str = name, extra: Any = extra, hand_in: Any = hand_in) -> Ran:
            return alveary("connections", "test", name, "--format", "json", *extra, **hand_in)

        assert json.loads(tried().out)["tls"].startswith("TLSv1.3, TLS_")
        alveary("connections", "edit", name, "--host", "127.0.0.1")
        assert tried().status == 3, "the certificate is for localhost"
        alveary("connections", "edit", name, "--tls-mode", "verify-ca")
        assert json.loads(tried().out)["tls"].startswith("TLSv1.3")
        alveary("connections", "edit", name, "--tls-ca", "system")
        assert tried().status in (2, 3), "no authority of the system's has signed it"
        alveary("connections", "edit", name, "--unset", "tls", "--tls-mode", "disable")
        assert json.loads(tried().out)["tls"] == ""


# -- passwords -------------------------------------------------------------------------------------------------------

WAYS = "hand it in with --password-stdin or ALVEARY_PASSWORD, or type it when you are asked"


def assert_secret(*texts: str) -> None:
    for text in texts:
        assert [piece for piece in ("S3cr", quote(PASSWORD, safe=""), "p'w", "d é:") if piece in text] == [], text


def test_a_password_of_a_url_goes_to_the_keyring_and_nowhere_else(
    alveary: Alveary, guarded: str, secret_service: SecretService, home: Path
) -> None:
    done = alveary("connections", "add", "bees", guarded)
    assert (done.status, done.err) == (0, "")
    assert done.out.splitlines()[1:] == ["its password is kept in the keyring"]
    id = shown(alveary, "bees")["profile"]["id"]
    assert secret_service.items() == {f"alveary/{id} password": PASSWORD.encode()}
    for arguments in (
        ("query", "bees", "select 1 as n", "--format", "csv"),
        ("catalog", "bees"),
        ("connections", "test", "BEES"),
    ):
        assert alveary(*arguments).status == 0
    assert alveary("connections", "edit", "bees", "--rename", "wasps").status == 0
    assert alveary("query", "wasps", "select 1 as n", "--format", "csv").out == "n\n1\n"
    assert_secret(*(alveary("connections", *words).out for words in (("list",), ("show", "wasps"), ("show", "wasps",
                    "--format", "json"))))  # fmt: skip
    for file in home.rglob("*"):
        assert not file.is_file() or b"S3cr" not in file.read_bytes()
    assert alveary("connections", "remove", "wasps").out == "wasps is removed, and its password forgotten\n"
    assert secret_service.items() == {}


def test_a_copy_has_the_password_only_if_asked_for(
    alveary: Alveary, guarded: str, secret_service: SecretService
) -> None:
    alveary("connections", "add", "bees", guarded)
    assert alveary("connections", "copy", "bees", "one").out.splitlines()[1:] == [
        "its password was not copied; --with-password does"
    ]
    assert alveary("connections", "copy", "bees", "two", "--with-password").out.splitlines()[1:] == [
        "its password is kept in the keyring"
    ]
    assert len(secret_service.items()) == 2
    assert alveary("query", "one", "select 1").status == 3
    assert alveary("query", "two", "select 1").status == 0


def test_a_password_comes_by_standard_input_and_is_forgotten_on_request(
    alveary: Alveary, postgres: PostgresServer, secret_service: SecretService
) -> None:
    done = alveary("connections", "add", "bees", postgres.url(user=ROLE), "--password-stdin", stdin=f"{PASSWORD}\n")
    assert done.out.splitlines()[1:] == ["its password is kept in the keyring"]
    assert alveary("query", "bees", "select 1").status == 0
    assert alveary("connections", "edit", "bees", "--password-stdin", stdin="wrong\n").status == 0
    done = alveary("query", "bees", "select 1")
    assert done.status == 3
    assert "the password that is kept for 'bees' was refused; change it: alveary connections edit NAME" in done.err
    assert alveary("query", "bees", "select 1", "--password-stdin", stdin=PASSWORD).status == 0, "what is said counts"
    assert alveary("connections", "edit", "bees", "--forget-password").status == 0
    assert secret_service.items() == {}
    done = alveary("query", "bees", "select 1")
    assert (done.status, "no password was given" in done.err) == (3, True)
    assert alveary("connections", "test", "bees", "--remember", "--password-stdin", stdin=PASSWORD).status == 0
    assert list(secret_service.items().values()) == [PASSWORD.encode()]
    assert alveary("query", "bees", "select 1").status == 0


def test_an_environment_s_password_is_used_and_not_kept(
    alveary: Alveary, postgres: PostgresServer, secret_service: SecretService
) -> None:
    env = {"ALVEARY_PASSWORD": PASSWORD}
    done = alveary("connections", "add", "bees", postgres.url(user=ROLE), env=env)
    assert len(done.out.splitlines()) == 1
    assert alveary("query", "bees", "select 1", env=env).status == 0
    assert secret_service.items() == {}


def test_a_password_is_typed_and_kept_when_that_is_asked_for(
    alveary: Alveary, postgres: PostgresServer, secret_service: SecretService, tmp_path: Path
) -> None:
    for arguments in (("add", "bees", postgres.url(user=ROLE)), ("edit", "bees")):
        status, screen = typed(tmp_path, PASSWORD, "connections", *arguments, "--ask-password")
        assert status == 0, screen
        assert "password for bees: " in screen
        assert "its password is kept in the keyring" in screen
        assert_secret(screen)
        assert list(secret_service.items().values()) == [PASSWORD.encode()]
    assert alveary("query", "bees", "select 1").status == 0
    status, screen = typed(tmp_path, "\x03", "connections", "add", "other", postgres.url(), "--ask-password")
    assert status == 130, screen
    assert [entry["name"] for entry in listed(alveary)] == ["bees"], "nothing was saved"


def typed(folder: Path, keys: str, *arguments: str) -> tuple[int, str]:
    """Run ``alveary …`` on a terminal of its own and answer the first question; return its status and its screen."""
    process, terminal = pty.fork()
    if process == 0:
        os.chdir(folder)
        os.execv(sys.executable, [sys.executable, "-m", "alveary", *arguments])
    screen, answered, deadline = b"", False, time.monotonic() + HANG
    while True:
        if time.monotonic() > deadline:
            os.kill(process, signal.SIGKILL)
        if not select.select([terminal], [], [], 0.1)[0]:
            continue
        try:
            screen += os.read(terminal, 65536)
        except OSError:  # Linux says so when the last process has closed the terminal
            break
        if not answered and re.search(rb"password for [^\r\n]*: $", screen):
            answered = True
            os.write(terminal, keys.encode() if keys == "\x03" else f"{keys}\n".encode())
    _, status = os.waitpid(process, 0)
    os.close(terminal)
    return os.waitstatus_to_exitcode(status), screen.decode().replace("\r\n", "\n")


def test_without_a_keyring_it_is_said_that_nothing_was_kept(alveary: Alveary, guarded: str, tmp_path: Path) -> None:
    done = alveary("connections", "add", "bees", guarded)
    assert done.status == 0
    (line,) = done.out.splitlines()[1:]
    assert line.startswith("its password was not kept: there is no keyring here: ")
    assert line.endswith(WAYS)
    assert_secret(done.out, done.err)
    done = alveary("query", "bees", "select 1")
    assert (done.status, "no password was given" in done.err) == (3, True)
    assert alveary("query", "bees", "select 1", env={"ALVEARY_PASSWORD": PASSWORD}).status == 0
    assert not (tmp_path / "person").exists(), "and no library has written one anywhere"
    assert alveary("connections", "remove", "bees").out == "bees is removed\n"


@pytest.mark.parametrize("polite", [False, True])
def test_a_bus_that_never_answers_holds_nobody_up(alveary: Alveary, guarded: str, tmp_path: Path, polite: bool) -> None:
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(tmp_path / "bus"))
        silent.listen()
        threading.Thread(target=greet, args=(silent, polite), daemon=True).start()
        env = {"DBUS_SESSION_BUS_ADDRESS": f"unix:path={tmp_path}/bus"}
        done = alveary("connections", "add", "bees", guarded, env=env)
        assert done.status == 0
        assert "its password was not kept: " in done.out
        assert ("the keyring did not answer within 2 seconds" if polite else "not authenticate in") in done.out
        assert alveary("query", "bees", "select 1", env={**env, "ALVEARY_PASSWORD": PASSWORD}).status == 0
        silent.shutdown(socket.SHUT_RDWR)  # wakes who accepts


def greet(bus: socket.socket, polite: bool) -> None:
    """Accept whoever comes, let them in if polite, and say nothing more."""
    guests = []
    with contextlib.suppress(OSError):
        while True:
            guest, _ = bus.accept()
            guests.append(guest)
            if polite:
                # A line may come in pieces: its first byte, which is a NUL, is sent alone.
                for line in guest.makefile("rb"):
                    if b"BEGIN" in line:
                        break
                    guest.sendall(b"OK 0123456789abcdef\r\n" if b"AUTH" in line else b"ERROR\r\n")
    for guest in guests:
        guest.close()


def test_a_keyring_that_can_not_be_reached_is_named_where_a_password_is_missing(
    alveary: Alveary, guarded: str, secret_service: SecretService, tmp_path: Path
) -> None:
    alveary("connections", "add", "bees", guarded)
    secret_service.lock()
    done = alveary("query", "bees", "select 1")
    assert done.status == 3
    assert "detail: the keyring is locked, and was not unlocked" in done.err
    assert "--password-stdin" in done.err
    assert alveary("query", "bees", "select 1", "--password-stdin", stdin=PASSWORD).status == 0
    status, screen = typed(tmp_path, PASSWORD, "query", "bees", "select 41 + 1")
    assert status == 0, screen
    assert "no password for bees: the keyring is locked" in screen
    assert "42" in screen
    done = alveary("connections", "remove", "bees")
    assert done.status == 2
    assert "keyring_failed" in done.err
    assert "--keep-password removes the connection all the same" in done.err
    assert [entry["has_password"] for entry in listed(alveary)] == [True]
    assert alveary("connections", "remove", "bees", "--keep-password").status == 0
    assert listed(alveary) == []


def test_a_password_that_somebody_took_out_of_the_keyring_is_missed(
    alveary: Alveary, guarded: str, secret_service: SecretService
) -> None:
    import secretstorage

    alveary("connections", "add", "bees", guarded)
    connection = secretstorage.dbus_init()
    for item in secretstorage.get_default_collection(connection).get_all_items():
        item.delete()
    connection.close()
    done = alveary("query", "bees", "select 1")
    assert done.status == 3
    assert "detail: the keyring no longer holds the password" in done.err
    assert alveary("connections", "remove", "bees").status == 0


def test_a_password_is_no_argument(alveary: Alveary) -> None:
    done = alveary("run", "connections.add", "name=a", "url=postgresql://h/d", "password=gehe1m")
    assert done.status == 2
    assert "password is not for the command line, which others can read" in done.err
    assert alveary("connections", "add", "a", "postgresql://h/d", "--password", "gehe1m").status == 2
    assert alveary("connections", "add", "a", "sqlite:///x", "--password-stdin", stdin="gehe1m").status == 2
    assert listed(alveary) == []
