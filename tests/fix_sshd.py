"""sshd for tests: private servers of Debian's openssh-server, with keys of their own."""

from __future__ import annotations

import contextlib
import getpass
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from debian import require

from alveary.contracts.tunnel import TunnelTarget

_PATH = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/bin"])
_SECONDS = 20.0
PASSPHRASE = "bees-and-h0ney"


def _program(name: str) -> str:
    return shutil.which(name, path=_PATH) or name


@dataclass
class SshServer:
    """A running sshd and who may log in: the person who runs the tests, with the key ``client``."""

    folder: Path
    options: tuple[str, ...] = ()
    port: int = 0
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def user(self) -> str:
        return getpass.getuser()

    @property
    def key(self) -> Path:
        """A key that it lets in."""
        return self.folder / "client"

    @property
    def locked_key(self) -> Path:
        """One with the passphrase ``PASSPHRASE``."""
        return self.folder / "locked"

    def fingerprint(self, kind: str = "ed25519") -> str:
        """Return the fingerprint of its own key, as ssh-keygen says it."""
        said = _run("ssh-keygen", "-l", "-E", "sha256", "-f", str(self.folder / f"host_{kind}.pub"))
        return said.split()[1]

    def known_line(self, *, host: str = "", kind: str = "ed25519") -> str:
        """Return the line by which a known_hosts file knows it."""
        key = " ".join((self.folder / f"host_{kind}.pub").read_text().split()[:2])
        return f"{host or f'[127.0.0.1]:{self.port}'} {key}\n"

    def log(self) -> str:
        """Return what it wrote down."""
        return (self.folder / "log").read_text(errors="replace")

    def start(self) -> None:
        """Start it, on the port it had before if it was started before."""
        if not self.port:
            with socket.create_server(("127.0.0.1", 0)) as free:
                self.port = free.getsockname()[1]
        conf = self.folder / "conf"
        conf.write_text(
            "\n".join(
                [
                    "MaxStartups 100",  # of which the last one holds; of every other name the first one
                    *self.options,
                    f"Port {self.port}", "ListenAddress 127.0.0.1", "UsePAM no", "StrictModes no",
                    "PermitRootLogin yes", "MaxAuthTries 20",
                    *(f"HostKey {self.folder}/host_{kind}" for kind in ("ed25519", "rsa")),
                    f"AuthorizedKeysFile {self.folder}/authorized", f"PidFile {self.folder}/pid", "LogLevel VERBOSE",
                ]
            ) + "\n"
        )  # fmt: skip
        self.process = subprocess.Popen(
            [_program("sshd"), "-D", "-f", str(conf), "-E", str(self.folder / "log")],
            stdin=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        deadline = time.monotonic() + _SECONDS
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return
            if self.process.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"sshd does not start: {self.log()}")
            threading.Event().wait(0.02)

    def sessions(self) -> list[int]:
        """Return the processes that serve who is logged in."""
        assert self.process is not None
        return _children(self.process.pid)

    def kill_sessions(self) -> None:
        """End them all at once."""
        for pid in self.sessions():
            for child in [*_children(pid), pid]:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(child, signal.SIGKILL)

    def stop(self) -> None:
        """End it and whoever is logged in."""
        if self.process is not None:
            self.kill_sessions()
            self.process.kill()
            self.process.wait()
            self.process = None


def _children(pid: int) -> list[int]:
    try:
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    except FileNotFoundError:
        return []
    return [int(word) for word in text.split()]


def _run(program: str, *arguments: str) -> str:
    done = subprocess.run([_program(program), *arguments], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def require_ssh() -> None:
    """Skip, or install, or fail."""

    def missing() -> bool:
        return any(shutil.which(name, path=_PATH) is None for name in ("sshd", "ssh", "ssh-keygen", "ssh-agent"))

    require("OpenSSH's server", missing, "openssh-server", "openssh-client")


@pytest.fixture(scope="session")
def ssh_keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The keys of a run: two of a server's, one that is let in, one with a passphrase that is, and one that is not."""
    require_ssh()
    folder = tmp_path_factory.mktemp("ssh")
    for name, kind, passphrase in (
        ("host_ed25519", "ed25519", ""), ("host_rsa", "rsa", ""), ("client", "ed25519", ""),
        ("locked", "ed25519", PASSPHRASE), ("stranger", "ed25519", ""), ("other_host", "ed25519", ""),
    ):  # fmt: skip
        _run("ssh-keygen", "-q", "-t", kind, "-N", passphrase, "-C", name, "-f", str(folder / name))
    return folder


@contextlib.contextmanager
def running_sshd(keys: Path, *options: str) -> Iterator[SshServer]:
    """A server with options of its own, which hold before the usual ones."""
    if os.geteuid() == 0:
        os.makedirs("/run/sshd", mode=0o755, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="alveary-sshd-"))
    for file in keys.iterdir():
        shutil.copy(file, folder / file.name)
    authorized = "".join((keys / f"{name}.pub").read_text() for name in ("client", "locked"))
    (folder / "authorized").write_text(authorized)
    server = SshServer(folder, options)
    try:
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def sshd(ssh_keys: Path) -> Iterator[SshServer]:
    """The server that tests share which break nothing."""
    with running_sshd(ssh_keys) as server:
        yield server


def through(server: SshServer, kind: str = "ssh", **changes: Any) -> TunnelTarget:
    """Return the tunnel through a server; ``changes`` are for its fields and options."""
    fields: dict[str, Any] = {
        "user": server.user,
        "method": "key",
        "key": str(server.key),
        "port": server.port,
        "host": "127.0.0.1",
    }
    fields |= {name: changes.pop(name) for name in [*fields] if name in changes}
    if kind == "openssh":  # which looks for ~ in the system's table, not in the environment
        config = server.folder / "ssh_config"
        config.write_text(f"UserKnownHostsFile {Path.home()}/.ssh/known_hosts\nGlobalKnownHostsFile none\n")
        changes.setdefault("config", str(config))
    return TunnelTarget(kind=kind, options=tuple(sorted(changes.items())), **fields)


@pytest.fixture
def ssh_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A person's home with an empty ``.ssh``, without an agent."""
    home = tmp_path / "person"
    (home / ".ssh").mkdir(parents=True, mode=0o700)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    return home


@pytest.fixture
def known_server(sshd: SshServer, ssh_home: Path) -> Path:
    """The person's known_hosts file, in which the shared server stands."""
    file = ssh_home / ".ssh" / "known_hosts"
    file.write_text(sshd.known_line())
    return file


@pytest.fixture
def ssh_agent(ssh_keys: Path, ssh_home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An agent that holds the key that is let in."""
    folder = tempfile.mkdtemp(prefix="alveary-agent-")
    path = f"{folder}/agent"
    agent = subprocess.Popen([_program("ssh-agent"), "-D", "-a", path], stdout=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + _SECONDS
        while not os.path.exists(path):
            assert time.monotonic() < deadline
            threading.Event().wait(0.01)
        monkeypatch.setenv("SSH_AUTH_SOCK", path)
        _run("ssh-add", "-q", str(ssh_keys / "client"))
        yield
    finally:
        agent.kill()
        agent.wait()
        shutil.rmtree(folder, ignore_errors=True)
