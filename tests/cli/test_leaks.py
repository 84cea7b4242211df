"""After failures of every kind no secret is found in any file, argument or environment of a child, in any spelling."""

from __future__ import annotations

import base64
import html
import json
import os
import shlex
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest
from conftest import Ran
from fix_postgres import PASSWORD, ROLE, PostgresServer
from fix_sshd import PASSPHRASE, SshServer
from scripted_vault import SPEC, ScriptedVault

from alveary import Kernel
from alveary.contracts.vault import SecretKey
from alveary.errors import AlvearyError
from alveary.logs import keep_files

Run = Callable[..., Ran]

WRONG = "wr0ng sécret/of:bees%1"
"""A password that no server takes, with characters that each spelling writes in a way of its own."""

CRASHING = """
from alveary import CommandSpec, hookimpl
import msgspec

class Parameters(msgspec.Struct):
    target: str = ""

def crash(context, parameters: Parameters) -> None:
    with context.kernel.connect("shop") as session:
        raise RuntimeError(f"crashed with {context.kernel.credentials.secrets()}")

@hookimpl
def alveary_commands():
    return [CommandSpec(id="leak.crash", summary="Crash.", factory="leaky:crash")]
"""


def spellings(secret: str) -> set[bytes]:
    """Return what a secret looks like wherever it may be written down."""
    raw = secret.encode()
    texts = {
        *(secret, quote(secret, safe=""), quote(secret), quote_plus(secret), repr(secret)[1:-1], raw.hex()),
        *(quote(secret, safe="").lower(), repr(raw)[2:-1], json.dumps(secret)[1:-1], html.escape(secret)),
        *(secret.replace("'", "''"), secret.replace("\\", "\\\\"), shlex.quote(secret)[1:-1]),
        secret.encode("unicode_escape").decode(),
    }
    # In a longer text that is in Base64 it begins at any of three places; the characters at its ends hold others' bits.
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        texts |= {encode(b"-" * start + raw).decode().rstrip("=")[4 if start else 0 : -2] for start in range(3)}
    wide = ("utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be")
    return {text.encode() for text in texts} | {secret.encode(encoding) for encoding in wide}


SECRETS = {secret: spellings(secret) for secret in (PASSWORD, WRONG, PASSPHRASE)}


def found_in(content: bytes) -> list[bytes]:
    return [spelling for spelled in SECRETS.values() for spelling in spelled if spelling in content]


def test_each_spelling_is_found() -> None:
    """Were it not, the tests here would find nothing, whatever leaks."""
    for encoded in (WRONG, quote(WRONG, safe=""), json.dumps(WRONG), repr(WRONG),
                    base64.b64encode(b"ann:" + WRONG.encode()).decode(),
                    base64.b64encode(b"an:" + WRONG.encode() + b"@h").decode()):  # fmt: skip
        assert found_in(b"x" + encoded.encode() + b"y"), encoded
    assert found_in(WRONG.encode("utf-16"))
    assert not found_in(b"nothing of the kind")


def files_below(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


@pytest.mark.usefixtures("home")
def test_no_file_and_no_output_holds_a_secret_after_failures(
    alveary: Run, install: Callable[..., None], postgres: PostgresServer, home: Path
) -> None:
    install("leaky", CRASHING, {"leaky": "leaky"})
    url = postgres.url(user=ROLE)
    with_wrong = postgres.url(user=ROLE, password=WRONG)
    ready = alveary(
        "connections", "add", "shop", url, "--tls-mode", "disable", "--password-stdin", stdin=PASSWORD + "\n"
    )
    assert ready.status == 0
    runs = [
        alveary("query", "shop", "select 1", env={"ALVEARY_PASSWORD": PASSWORD}),
        alveary("query", "shop", "select 1", env={"ALVEARY_PASSWORD": WRONG}),
        alveary("query", "shop", "select 1", "--password-stdin", stdin=WRONG + "\n"),
        alveary("query", with_wrong, "select 1"),
        alveary("query", with_wrong + "?frob=1", "select 1"),
        alveary("query", with_wrong.replace("postgresql", "nonsense"), "select 1"),
        alveary("query", with_wrong.replace("127.0.0.1", "127.0.0.1:x"), "select 1"),
        alveary("connections", "add", "kept", with_wrong),
        alveary("connections", "edit", "shop", "--password-stdin", stdin=WRONG + "\n"),
        alveary("connections", "test", "shop", "--remember", env={"ALVEARY_PASSWORD": PASSWORD}),
        alveary("run", "leak.crash", env={"ALVEARY_PASSWORD": PASSWORD, "ALVEARY_LOG": "debug"}),
        alveary("query", "shop", f"alter role nobody password '{WRONG}'", env={"ALVEARY_PASSWORD": PASSWORD}),
        alveary("connections", "edit", "shop", "--password-from", "env:LEAK"),
        alveary("query", "shop", "select 1", env={"LEAK": WRONG}),
        alveary("query", "shop", "select 1", env={"LEAK": PASSWORD}),
        alveary(
            "connections", "edit", "shop", "--password-from", f"command:{sys.executable} -c 'print(open(0).read())'"
        ),
        alveary("query", with_wrong, "select nonsense", "--error-format", "json"),
        alveary("history", "--format", "json"),
        alveary("doctor"),
    ]
    assert {0, 1, 2, 3} <= {ran.status for ran in runs}
    for ran in runs:
        assert found_in((ran.out + ran.err).encode()) == [], ran
    endings = set()
    for path in files_below(home):
        endings.add(path.suffix)
        assert found_in(path.read_bytes()) == [], path
    assert endings >= {".db", ".log"}


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="arguments and environments are read from /proc")
def test_no_child_is_started_with_a_secret(
    kernel: Kernel, postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEAK", PASSWORD)
    url = postgres.url(user=ROLE)
    kernel.run("connections.add", {"name": "shop", "url": url, "tls_mode": "disable", "password_from": "env:LEAK"})
    with kernel.connect("shop", host="process") as session:
        assert session.run("select 1") is not None
        children = descendants(os.getpid())
        assert children
        for child in children:
            for part in ("cmdline", "environ"):
                assert found_in(Path(f"/proc/{child}/{part}").read_bytes()) == [], (child, part)


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="arguments and environments are read from /proc")
@pytest.mark.parametrize("kind", ["ssh", "openssh"])
def test_nobody_who_helps_a_tunnel_is_started_with_a_secret(
    kernel: Kernel, postgres: PostgresServer, sshd: SshServer, known_server: Path, kind: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setenv("LEAK", PASSWORD)
    monkeypatch.setenv("OTHER", WRONG)
    place = {"tls_mode": "disable", "password_from": "env:LEAK", "ssh_host": "127.0.0.1", "ssh_port": sshd.port,
             "ssh_user": sshd.user, "ssh_method": "key", "tunnel": kind}  # fmt: skip
    if kind == "ssh":
        place |= {"ssh_key": str(sshd.locked_key), "ssh_secret": PASSPHRASE}
    else:
        config = sshd.folder / "leak_config"
        config.write_text(f"UserKnownHostsFile {known_server}\nGlobalKnownHostsFile none\n")
        place |= {"ssh_key": str(sshd.key), "tunnel_option": [f"config={config}"]}
    kernel.run("connections.add", {"name": "shop", "url": postgres.url(user=ROLE), **place})
    other = {"name": "other", "url": "mysql://ann@db.example/x", "password_from": "env:OTHER"}
    kernel.run("connections.add", other)
    with kernel.connect("shop", host="process") as session:
        assert session.run("select 1") is not None
        names = set()
        for child in descendants(os.getpid()):
            names.add(Path(f"/proc/{child}/comm").read_text().strip())
            for part in ("cmdline", "environ"):
                assert found_in(Path(f"/proc/{child}/{part}").read_bytes()) == [], (child, part)
        assert kind == "ssh" or "ssh" in names


def test_a_vault_that_repeats_what_it_keeps_is_not_repeated(kernel: Kernel, home: Path) -> None:
    """It raises what it was handed, or what it holds and nobody here has ever seen."""
    ScriptedVault.reset()
    kernel.plugins.vaults._specs.clear()
    assert kernel.plugins.vaults.add(SPEC) is None
    keep_files("debug", 1)
    kernel.run("connections.add", {"name": "shop", "url": "postgresql://ann@127.0.0.1:1/x", "password": WRONG})
    kernel.secrets._remembered.clear()

    def repeat(method: str) -> None:
        if method in ("get", "set", "delete"):
            raise RuntimeError(f"{method}: the collection is locked, while holding {PASSWORD} and {WRONG}")

    ScriptedVault.before = repeat
    told = []
    for command, parameters in (
        ("connections.test", {"target": "shop"}),
        ("connections.edit", {"name": "shop", "password": PASSWORD}),
        ("connections.edit", {"name": "shop", "forget_password": True}),
        ("connections.copy", {"name": "shop", "new": "again", "with_password": True}),
        ("connections.remove", {"name": "shop"}),
    ):
        kernel.secrets._remembered.clear()
        try:
            told.append(str(kernel.run(command, parameters)))
        except AlvearyError as error:
            told.append(f"{error.record()} {error.__cause__!r} {error.__context__!r}")
    ScriptedVault.reset()
    assert any("RuntimeError" in each for each in told)
    assert found_in("\n".join(told).encode()) == []
    for path in files_below(home):
        assert found_in(path.read_bytes()) == [], path


def test_a_worker_that_is_killed_leaves_no_secret_behind(
    kernel: Kernel, postgres: PostgresServer, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # where a core would be
    url = postgres.url(user=ROLE)
    kernel.run("connections.add", {"name": "shop", "url": url, "tls_mode": "disable", "password": WRONG})
    id = kernel.profiles.get("shop").id
    kernel.secrets.remember(SecretKey(id, "password"), PASSWORD)
    before = set(descendants(os.getpid()))
    session = kernel.connect("shop", host="process")
    statement = session.execute(f"select '{PASSWORD.replace(chr(39), chr(39) * 2)}', pg_sleep(60)")
    for child in set(descendants(os.getpid())) - before:
        os.kill(child, signal.SIGSEGV)
    assert statement.wait(30)
    assert statement.error is not None
    session.close()
    kernel.recorder.flush()
    assert found_in(str(statement.error.record()).encode()) == []
    for path in (*files_below(home), *files_below(tmp_path)):
        if path.name.startswith("core"):
            raise AssertionError(f"a core of it is left: {path}")


def descendants(process: int) -> list[int]:
    """Return the processes that stand below one, however deep."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except (OSError, IndexError):  # it ended meanwhile
                continue
            parents.setdefault(parent, []).append(int(entry.name))
    found, waiting = [], [process]
    while waiting:
        below = parents.get(waiting.pop(), [])
        found += below
        waiting += below
    return found
