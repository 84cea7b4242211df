"""The tunnel: one ssh program that is logged in, and for each connection another one that goes through it.

No shell is involved, and nothing of a person's that could be taken for an option reaches the command line. The program
asks nobody anything: keys without a passphrase and an agent's keys are what it can use.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence

from alveary.contracts.tunnel import Stream, Tunnel, Tunneler, TunnelHelp, TunnelTarget
from alveary.errors import (
    HostKeyChangedError,
    HostKeyUnknownError,
    InvalidInputError,
    MissingPackageError,
    QueryCancelledError,
    TunnelAuthenticationError,
    TunnelBusyError,
    TunnelFailedError,
)

_WORD = re.compile(r"[A-Za-z0-9._:][A-Za-z0-9._:-]*")
_USER = re.compile(r"[A-Za-z0-9._\\][A-Za-z0-9._\\@-]*")
_JUMP = re.compile(r"[A-Za-z0-9._:@,\[\]/-]+")
_LOOK = 0.02
_MOST_SAID = 4000
"""Bytes kept of what the program says."""
_END_SECONDS = 1.0
_OURS = ("ALVEARY_PASSWORD", "ALVEARY_SSH_PASSWORD", "ALVEARY_SSH_PASSPHRASE")


class OpenSshTunneler(Tunneler):
    """Opens tunnels with the ssh program."""

    def open(self, target: TunnelTarget, help: TunnelHelp, lost: Callable[[str], None], *, timeout: float) -> Tunnel:
        if (program := shutil.which("ssh")) is None:
            raise MissingPackageError(
                "there is no ssh program on the PATH", hint="install it, or go through the tunnel ssh"
            )
        if target.method == "password":
            raise InvalidInputError(
                "tunnel.method: the ssh program asks nobody for a password here", hint="the tunnel ssh does"
            )
        tunnel = OpenSshTunnel(program, target, lost)
        try:
            tunnel.start(help, timeout)
        except BaseException:
            tunnel.close()
            raise
        return tunnel


class OpenSshTunnel(Tunnel):
    """A program that is logged in (a master, as ssh calls it), and those that it carries."""

    def __init__(self, program: str, target: TunnelTarget, lost: Callable[[str], None]) -> None:
        self._program = program
        self._target = target
        self._lost = lost
        self._folder = tempfile.mkdtemp(prefix="alveary-ssh-")  # 0700, and short enough for a socket
        self._socket = os.path.join(self._folder, "s")
        self._master: _Program | None = None
        self._is_up = self._closed = False

    @property
    def route(self) -> str:
        return self._target.display()

    def start(self, help: TunnelHelp, timeout: float) -> None:
        """Log in; raises an error with what the program said."""
        # The master ends when the far end has not answered for twice the time of a heartbeat.
        beat = max(1, round(help.heartbeat))
        options = {
            "ControlMaster": "yes",
            "ControlPersist": "no",
            "ServerAliveInterval": str(beat),
            "ServerAliveCountMax": "1",
            "ConnectTimeout": str(max(1, round(timeout))),
            "ExitOnForwardFailure": "yes",
            "ClearAllForwardings": "yes",
            "PermitLocalCommand": "no",
            "ForwardAgent": "no",
            "ForwardX11": "no",
        }
        self._master = _Program(
            [self._program, "-N", "-n", *self._words(options), *self._destination()],
            stdin=subprocess.DEVNULL,
            ended=self._ended,
        )
        deadline = time.monotonic() + timeout + 1
        while not os.path.exists(self._socket) or not self._checked():
            if self._master.over.wait(_LOOK):
                raise _refused(self._target, self._master.said())
            if help.stopped.is_set():
                raise QueryCancelledError("connecting was cancelled")
            if time.monotonic() > deadline:
                raise TunnelFailedError(
                    f"the SSH server {self._target.display()} did not let us in within {timeout:g} seconds"
                )
        self._is_up = True

    def connect(self, host: str, port: int, *, timeout: float) -> Stream:
        place = f"[{_word('host', host)}]:{port}"
        ours, its = socket.socketpair()
        with its:
            carried = _Program(
                [self._program, *self._words({"ControlMaster": "no"}), "-W", place, *self._destination()],
                stdin=its.fileno(),
                stdout=its.fileno(),
            )
        # The program has nothing to say when it works: whether it does shows with the first bytes, or at its end.
        assert self._master is not None, "it was started"
        return _Carried(ours, carried, self._master)

    def check(self, timeout: float) -> None:
        if self._master is None or self._master.over.is_set():
            raise TunnelFailedError(f"ssh to {self._target.display()} has ended")

    def close(self) -> None:
        self._closed = True
        if self._master is not None:
            self._master.end()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _checked(self) -> bool:
        words = [self._program, *self._words({}), "-O", "check", *self._destination()]
        done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, env=_environment(), check=False)
        return done.returncode == 0

    def _words(self, options: dict[str, str]) -> list[str]:
        """Return the words of a command line before its destination."""
        target = self._target
        chosen = dict(target.options)
        words = ["-F", chosen["config"]] if chosen.get("config") else []
        if jump := chosen.get("jump"):
            if not _JUMP.fullmatch(jump) or jump.startswith("-"):
                raise InvalidInputError("tunnel.options.jump: it can't be handed to the ssh program")
            words += ["-J", jump]
        if target.port != 22:
            words += ["-p", str(target.port)]
        if target.user is not None:
            if not _USER.fullmatch(target.user):
                raise InvalidInputError("tunnel.user: it can't be handed to the ssh program")
            words += ["-l", target.user]
        if target.method == "key" and target.key is not None:
            words += ["-i", target.key, "-o", "IdentitiesOnly=yes"]
        for name, value in ({"BatchMode": "yes", "ControlPath": self._socket} | options).items():
            words += ["-o", f"{name}={value}"]
        return words

    def _destination(self) -> list[str]:
        return ["--", _word("tunnel.host", self._target.host)]

    def _ended(self, said: str) -> None:
        if self._is_up and not self._closed:
            self._lost(said.strip().splitlines()[-1] if said.strip() else f"ssh to {self._target.display()} ended")


class _Program:
    """A program that runs; the thread that starts it waits for it, for with that thread the program ends."""

    def __init__(
        self,
        words: Sequence[str],
        *,
        stdin: int,
        stdout: int = subprocess.DEVNULL,
        ended: Callable[[str], None] | None = None,
    ) -> None:
        self.over = threading.Event()
        self._said = b""
        self._process: subprocess.Popen[bytes] | None = None
        self._failure: OSError | None = None
        started = threading.Event()
        streams = (stdin, stdout)

        def run() -> None:
            try:
                self._process = subprocess.Popen(
                    [sys.executable, "-P", "-S", _LAUNCHER, str(os.getpid()), *words],
                    stdin=streams[0],
                    stdout=streams[1],
                    stderr=subprocess.PIPE,
                    env=_environment(),
                    start_new_session=True,
                )
            except OSError as exc:
                self._failure = exc
                return
            finally:
                started.set()
            stderr = self._process.stderr
            assert stderr is not None, "it was asked for"
            with stderr:
                while said := os.read(stderr.fileno(), 4096):
                    self._said = (self._said + said)[-_MOST_SAID:]
            self._process.wait()
            self.over.set()
            if ended is not None:
                ended(self.said())

        threading.Thread(target=run, name="alveary-ssh", daemon=True).start()
        started.wait()
        if self._failure is not None:
            raise TunnelFailedError(f"ssh can't be started: {self._failure.strerror}") from self._failure

    def said(self) -> str:
        """Return the last of what it said."""
        return self._said.decode("utf-8", "replace")

    @property
    def failed(self) -> bool:
        """Whether it ended otherwise than well."""
        return self._process is not None and self._process.returncode not in (None, 0)

    def end(self) -> None:
        """End it, and wait for that a moment."""
        if self._process is not None and not self.over.is_set():
            self._process.terminate()
            if not self.over.wait(_END_SECONDS):
                self._process.kill()
                self.over.wait(_END_SECONDS)


class _Carried:
    """A socket to a program; both end together."""

    def __init__(self, sock: socket.socket, program: _Program, master: _Program) -> None:
        self._sock = sock
        self._program = program
        self._master = master
        self._any = False

    def recv(self, size: int, /) -> bytes:
        try:
            data = self._sock.recv(size)
        except ConnectionResetError:  # the program left without reading what it was sent
            data = b""
        if not data and self._program.over.wait(_END_SECONDS) and self._program.failed:
            if not self._any:
                raise TunnelFailedError("the SSH server let us in, but did not connect us", detail=self._program.said())
            self._master.over.wait(_END_SECONDS)  # if it has ended as well, that is why, and told first
        self._any = True
        return data

    def sendall(self, data: bytes, /) -> None:
        self._sock.sendall(data)

    def shutdown(self, how: int, /) -> None:
        with contextlib.suppress(OSError):
            self._sock.shutdown(how)

    def close(self) -> None:
        self._sock.close()
        self._program.end()


_LAUNCHER = os.path.join(os.path.dirname(__file__), "launcher.py")


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in _OURS}


def _word(field: str, word: str) -> str:
    """Return a word that no program can take for an option."""
    if not _WORD.fullmatch(word):
        raise InvalidInputError(f"{field}: {word!r} can't be handed to the ssh program")
    return word


def _refused(target: TunnelTarget, said: str) -> TunnelFailedError:
    place = target.display()
    detail = said.strip() or None
    if "REMOTE HOST IDENTIFICATION HAS CHANGED" in said:
        return HostKeyChangedError(
            f"the SSH server {place} shows another key than before: somebody may be listening in", detail=detail
        )
    if "Host key verification failed" in said:
        return HostKeyUnknownError(
            f"the SSH server {place} is not known",
            detail=detail,
            hint=f"compare its fingerprint and accept it once, in a terminal: ssh {place}",
        )
    if "Permission denied" in said:
        return TunnelAuthenticationError(
            f"the SSH server {place} refuses us",
            detail=detail,
            hint="ssh asks nobody here: use an agent (ssh-add), a key without a passphrase, or the tunnel ssh",
        )
    if "kex_exchange_identification" in said:
        return TunnelBusyError(
            f"the SSH server {place} is no SSH server, or takes no more connections now",
            detail=detail,
            hint="check the host and port",
        )
    return TunnelFailedError(f"ssh to {place} failed", detail=detail, hint="try it in a terminal: ssh -v")
