"""Fixtures every test may use: a home of its own, so that no test sees or touches the person's data."""

from __future__ import annotations

import importlib.util
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from debian import provide
from hypothesis import settings

from alveary import Kernel
from alveary.paths import Paths
from alveary.redaction import SECRETS


def _no_tk() -> bool:
    importlib.invalidate_caches()
    return importlib.util.find_spec("_tkinter") is None


provide(_no_tk, "python3-tk")
if _no_tk():
    pytest.exit(f"{sys.executable} has no Tk, which the window's tests need (on Debian: apt install python3-tk)", 4)

pytest_plugins = [
    "fix_postgres",
    "fix_mariadb",
    "fix_keyring",
    "fix_window",
    "fix_editor",
    "fix_faults",
    "fix_sshd",
    "fix_tls",
    "fix_engines",
]

# Examples touch files and share two slow cores: how long one takes says nothing, and the same ones come each time.
settings.register_profile("house", deadline=None, derandomize=True)
settings.load_profile("house")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Point every kernel and child process of a test at a new, empty home."""
    home = tmp_path / "alveary-home"
    monkeypatch.setenv("ALVEARY_HOME", str(home))
    for name in ("ALVEARY_ENV", "ALVEARY_LOG", "DISPLAY"):  # no test opens a window on the person's screen
        monkeypatch.delenv(name, raising=False)
    return home


@pytest.fixture(autouse=True)
def no_known_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every test begin with no secret known: those of all tests together would be looked for in every text."""
    monkeypatch.setattr(SECRETS, "_known", {})


@pytest.fixture
def kernel(home: Path) -> Iterator[Kernel]:
    """A kernel on the test's home."""
    with Kernel(paths=Paths(home, home / "cache")) as kernel:
        yield kernel


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A SQLite file with a small table ``item``."""
    path = tmp_path / "shop.db"
    connection = sqlite3.connect(path)
    connection.executescript(
        "create table item (id integer primary key, name text, price real, picture blob);"
        "insert into item values (1, 'comb', 2.5, x'00ff'), (2, '', null, null), (3, 'a,b\"c', 0.1, x'');"
    )
    connection.close()
    return path


@pytest.fixture
def shop_url(shop: Path) -> str:
    """The URL of ``shop``."""
    return f"sqlite:///{shop}"


@dataclass(frozen=True)
class Ran:
    """What a command line did."""

    status: int
    out: str
    err: str


@pytest.fixture
def alveary(tmp_path: Path) -> Callable[..., Ran]:
    """Run ``alveary …`` as a person would, in a process of its own and in ``tmp_path``."""

    def run(*arguments: str, stdin: str | bytes | None = None, env: dict[str, str] | None = None) -> Ran:
        done = subprocess.run(
            [sys.executable, "-m", "alveary", *arguments],
            input=stdin.encode() if isinstance(stdin, str) else stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            cwd=tmp_path,
            env={**os.environ, **(env or {})},
            start_new_session=True,  # without the terminal of whoever runs the tests, who is to be asked nothing
            timeout=60,
            check=False,
        )
        return Ran(done.returncode, done.stdout.decode("utf-8", "surrogateescape"), done.stderr.decode())

    return run


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Install a distribution with plugins: found by its entry points, as one that pip installed.

    ``install("hostile", "import os; ...", {"hostile": "hostile"})`` makes the module and the metadata, and puts them
    on the path of this process and of its children.
    """
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [str(site), os.environ.get("PYTHONPATH")])))

    def install(
        distribution: str, code: str, entry_points: dict[str, str], version: str = "1.0", group: str = "alveary"
    ) -> None:
        module = distribution.replace("-", "_")
        (site / f"{module}.py").write_text(code)
        monkeypatch.delitem(sys.modules, module, raising=False)
        metadata = site / f"{module}-{version}.dist-info"
        metadata.mkdir()
        (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n")
        lines = "".join(f"{name} = {value}\n" for name, value in entry_points.items())
        (metadata / "entry_points.txt").write_text(f"[{group}]\n{lines}")

    return install
