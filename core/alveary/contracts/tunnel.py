"""The tunnel contract: a way to a database that leads over another machine, opened in the process of the kernel."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Literal, Protocol, TypeAlias

import msgspec

TunnelMethod: TypeAlias = Literal["password", "key", "agent"]
TunnelSecret: TypeAlias = Literal["ssh_password", "passphrase", "answer"]
"""The password of a user of the server in between, the passphrase of a key file, the answer to its own question."""


class TunnelTarget(msgspec.Struct, frozen=True, kw_only=True):
    """The server in between and how to prove who we are to it; holds no secret.

    ``kind`` is the id of the :class:`~alveary.contracts.specs.TunnelSpec`, ``key`` the path of a key file, for the
    method of that name. ``options`` are what the spec declares, as a person wrote them, sorted by their names.
    """

    host: str
    kind: str = "ssh"
    port: int = 22
    user: str | None = None
    method: TunnelMethod = "agent"
    key: str | None = None
    options: tuple[tuple[str, str], ...] = ()

    def display(self) -> str:
        """Return what a sentence calls it, such as ``ann@bastion.example``."""
        user = f"{self.user}@" if self.user else ""
        port = f":{self.port}" if self.port != 22 else ""
        return f"{user}{self.host}{port}"


class HostKey(msgspec.Struct, frozen=True, kw_only=True):
    """The key by which a server in between proves who it is; ``fingerprint`` is as ssh prints it, ``SHA256:…``."""

    host: str
    port: int
    kind: str
    fingerprint: str


class TunnelHelp(Protocol):
    """What a tunnel may ask the kernel for while it is opened; every method may wait for a person."""

    @property
    def folder(self) -> Path:
        """Where Alveary keeps what must last, made if need be; ``known_hosts`` stands there."""

    @property
    def heartbeat(self) -> float:
        """Seconds between two looks whether the server in between still answers."""

    @property
    def stopped(self) -> threading.Event:
        """Set once nobody waits for the tunnel any more."""

    def secret(self, kind: TunnelSecret, of: str) -> str | None:
        """Return a secret; ``of`` is what a person is asked about: ``ann@bastion``, ``the key /home/ann/.ssh/id``."""

    def refused(self, kind: TunnelSecret, of: str, secret: str) -> None:
        """Say that a secret was refused, so that it is not given once more."""

    def accepts(self, key: HostKey) -> bool:
        """Return whether a person takes the key of a server that nobody knows yet."""


class Stream(Protocol):
    """One connection through a tunnel; a socket is one."""

    def recv(self, size: int, /) -> bytes:
        """Return what has come, nothing at the end."""

    def sendall(self, data: bytes, /) -> None:
        """Send everything."""

    def shutdown(self, how: int, /) -> None:
        """Send no more (1), or wake whoever waits (2)."""

    def close(self) -> None:
        """Close both ways."""


class Tunnel(ABC):
    """An open tunnel, which any number of connections share. Every method may be called from any thread."""

    @property
    @abstractmethod
    def route(self) -> str:
        """Every server on the way, such as ``ann@gate, ann@bastion``."""

    @abstractmethod
    def connect(self, host: str, port: int, *, timeout: float) -> Stream:
        """Connect from the far end to a host, as that end knows it; TunnelFailedError if it can't."""

    @abstractmethod
    def check(self, timeout: float) -> None:
        """Return when every server on the way has answered; raise TunnelFailedError, which names one that has not.

        One that hangs for longer than that is left behind.
        """

    @abstractmethod
    def close(self) -> None:
        """Close it, and wake all who wait for one of its streams, within a second; never raises."""


class Tunneler(ABC):
    """Opens tunnels of one kind. Made once per kernel, with no arguments, by the factory its spec names."""

    @abstractmethod
    def open(self, target: TunnelTarget, help: TunnelHelp, lost: Callable[[str], None], *, timeout: float) -> Tunnel:
        """Open a tunnel or raise an error of :mod:`alveary.errors` that names the server it failed at.

        Each step takes ``timeout`` seconds at most, what a person takes to answer not counted. ``lost`` is called, from
        any thread, if the tunnel ends without having been closed; its argument says why, in a few words.
        """
