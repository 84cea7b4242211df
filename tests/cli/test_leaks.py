"""After failures of every kind no secret is found in any file, argument or environment of a child, in any spelling."""

from __future__ import annotations

import base64
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest
from conftest import Ran
from fix_postgres import PASSWORD, ROLE, PostgresServer

from alveary import Kernel

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
        *(secret.replace("'", "''"), base64.b64encode(raw).decode().rstrip("=")),
        secret.encode("unicode_escape").decode(),
    }
    return {text.encode() for text in texts} | {secret.encode(wide) for wide in ("utf-16-le", "utf-16-be")}


def found_in(content: bytes) -> list[bytes]:
    return [spelling for secret in (PASSWORD, WRONG) for spelling in spellings(secret) if spelling in content]


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
