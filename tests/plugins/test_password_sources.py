"""Passwords that somebody else keeps: the environment, PostgreSQL's password file, a command."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Ran
from fix_postgres import PASSWORD, ROLE, PostgresServer

from alveary import Kernel, Target
from alveary.contracts.vault import PasswordSource
from alveary.errors import AuthenticationFailedError, InvalidInputError, KeyringFailedError, NotConfirmedError
from alveary_plugins.vaults.sources.command import CommandSource
from alveary_plugins.vaults.sources.environment import EnvironmentSource
from alveary_plugins.vaults.sources.pgpass import PgpassSource

Run = Callable[..., Ran]
TARGET = Target(scheme="postgresql", host="db.example", port=5433, user="ann", database="shop")


@pytest.fixture
def url(postgres: PostgresServer) -> str:
    return postgres.url(user=ROLE)


@pytest.fixture
def printing(tmp_path: Path) -> str:
    """A command that prints the password, and counts how often it was asked."""
    script = tmp_path / "vault tool.py"
    script.write_text(f"open({str(tmp_path / 'asked')!r}, 'a').write('x')\nprint({PASSWORD!r})\nprint('more')\n")
    return f"command:{sys.executable} '{script}'"


def add(kernel: Kernel, url: str, source: str, **more: object) -> None:
    kernel.run("connections.add", {"name": "shop", "url": url, "password_from": source, "tls_mode": "disable", **more})


def test_a_variable_is_read_and_then_gone(kernel: Kernel, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_PASSWORD", PASSWORD)
    add(kernel, url, "env:SHOP_PASSWORD")
    for _ in range(2):  # it is remembered
        with kernel.connect("shop") as session:
            assert session.run("select 1") is not None
        assert "SHOP_PASSWORD" not in os.environ


def test_a_command_is_confirmed_run_without_a_shell_and_remembered(
    kernel: Kernel, url: str, printing: str, tmp_path: Path
) -> None:
    with pytest.raises(NotConfirmedError, match=r"running .* for the password on shop must be confirmed first"):
        add(kernel, url, printing)
    assert not (tmp_path / "asked").exists()
    add(kernel, url, printing, yes=True)
    for _ in range(2):
        kernel.connect("shop").close()
    assert (tmp_path / "asked").read_text() == "x"
    kernel.run("connections.edit", {"name": "shop", "password_ttl": 0.001})
    with Kernel(paths=kernel.paths) as other:
        for _ in range(2):
            other.connect("shop").close()
    assert (tmp_path / "asked").read_text() == "xxx"


def test_a_password_that_is_refused_is_asked_for_anew(kernel: Kernel, url: str, tmp_path: Path) -> None:
    script = tmp_path / "tool.py"
    script.write_text("print('wr0ng-one')")
    add(kernel, url, f"command:{sys.executable} {script}", yes=True)
    with pytest.raises(AuthenticationFailedError) as caught:
        kernel.connect("shop")
    assert "gave for 'shop' was refused" in (caught.value.hint or "")
    assert "wr0ng-one" not in str(caught.value.record())
    script.write_text(f"print({PASSWORD!r})")
    kernel.connect("shop").close()


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("import sys; print('s3cr3t'); sys.stderr.write('s3cr3t'); sys.exit(3)", "ended with status 3"),
        ("pass", "printed nothing"),
        ("import sys; sys.stdout.buffer.write(b'\\xff')", "is not text"),
    ],
)
def test_what_is_wrong_with_a_command_is_said_without_its_words(tmp_path: Path, code: str, said: str) -> None:
    (tmp_path / "tool.py").write_text(code)
    with pytest.raises(KeyringFailedError, match=said) as caught:
        CommandSource().password(f"{sys.executable} {tmp_path / 'tool.py'}", TARGET)
    assert "s3cr3t" not in str(caught.value.record())


def test_a_shell_never_sees_a_command(tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    argument = f"echo $HOME; touch {marker}"
    assert CommandSource().password(argument, TARGET) == f"$HOME; touch {marker}"
    assert not marker.exists()
    assert CommandSource().confirmation(argument) == f"running echo '$HOME;' touch {marker} for the password"


@pytest.fixture
def pgpass(tmp_path: Path) -> Callable[[str], str]:
    def write(text: str, mode: int = 0o600) -> str:
        path = tmp_path / "pgpass"
        path.write_text(text)
        path.chmod(mode)
        return str(path)

    return write


@pytest.mark.parametrize(
    ("text", "password"),
    [
        ("db.example:5433:shop:ann:first\n*:*:*:*:second\n", "first"),
        ("# db.example:5433:shop:ann:no\nother:5433:shop:ann:no\n*:*:*:ann:a\\:b\\\\c:d\n", "a:b\\c:d"),
        ("db.example:5432:shop:ann:no\nnonsense\n\n*:5433:*:*:yes", "yes"),
    ],
)
def test_the_first_line_of_the_password_file_that_matches_counts(
    pgpass: Callable[[str], str], text: str, password: str
) -> None:
    assert PgpassSource().password(pgpass(text), TARGET) == password


def test_a_password_file_that_others_can_read_is_refused(pgpass: Callable[..., str], tmp_path: Path) -> None:
    with pytest.raises(KeyringFailedError, match="can be read by others") as caught:
        PgpassSource().password(pgpass("*:*:*:*:secret", 0o640), TARGET)
    assert caught.value.hint == f"chmod 600 {tmp_path / 'pgpass'}"
    with pytest.raises(KeyringFailedError, match="has no line for"):
        PgpassSource().password(pgpass("other:*:*:*:secret"), TARGET)
    with pytest.raises(KeyringFailedError, match="No such file"):
        PgpassSource().password(str(tmp_path / "nothing"), TARGET)
    with pytest.raises(KeyringFailedError, match="is no file"):
        PgpassSource().password(str(tmp_path), TARGET)


@pytest.mark.parametrize(
    ("source", "argument"),
    [(EnvironmentSource(), "A B"), (EnvironmentSource(), ""), (CommandSource(), " "), (CommandSource(), "'open"),
     (PgpassSource(), "relative/file")],
)  # fmt: skip
def test_an_argument_that_makes_no_sense_is_refused(source: PasswordSource, argument: str) -> None:
    with pytest.raises(InvalidInputError):
        source.validate(argument)


def test_on_the_command_line(alveary: Run, url: str, postgres: PostgresServer, tmp_path: Path) -> None:
    file = tmp_path / "pgpass"
    file.write_text(f"127.0.0.1:{postgres.port}:*:{ROLE}:{PASSWORD}".replace("\\", "\\\\"))
    file.chmod(0o600)
    for source in ("vault:x", "env:", "command:"):
        assert alveary("connections", "add", "shop", url, "--password-from", source).status == 2
    ran = alveary("connections", "add", "shop", url, "--tls-mode", "disable", "--password-from", f"pgpass:{file}")
    assert ran.status == 0
    assert f"from pgpass:{file}\n" in alveary("connections", "show", "shop").out
    assert alveary("query", "shop", "select 7 as n", "--format", "csv").out == "n\n7\n"
    ran = alveary("connections", "edit", "shop", "--password-from", "env:NOWHERE")
    assert ran.status == 0
    ran = alveary("query", "shop", "select 1")
    assert (ran.status, "NOWHERE is not set" in ran.err) == (3, True)
    assert alveary("connections", "add", "file", "sqlite:///x.db", "--password-from", "env:X").status == 2
