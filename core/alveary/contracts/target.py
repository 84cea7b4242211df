"""A target: where a connection goes and how, as a driver is handed it."""

from __future__ import annotations

import re
from typing import Literal, TypeAlias

import msgspec

from alveary.contracts.tunnel import TunnelTarget

_HERE = re.compile(r"localhost|127(\.\d{1,3}){3}|::1|/.*", re.IGNORECASE | re.DOTALL)

Environment: TypeAlias = Literal["local", "staging", "production"]
"""What kind of data a connection leads to."""
Level: TypeAlias = Literal["never", "ask", "name"]
"""When a person is asked first: never, with a yes as the answer, or with the connection's name as the answer."""


class Confirm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which statements a person must confirm first: those that write, DDL, those that change every row of a table.

    None is what the environment says, and never where nothing says anything.
    """

    writes: Level | None = None
    ddl: Level | None = None
    unfiltered: Level | None = None


class Target(msgspec.Struct, frozen=True, kw_only=True, repr_omit_defaults=True):
    """Everything a driver needs to open one connection.

    ``scheme`` is the URL's, and so names the driver. ``database`` is a name or, for a file, its path as given (a
    relative one is relative to the working directory). ``options`` are the URL's query, checked against what the
    driver declares. The password is left out of ``repr``, so it can't wander into a log or a traceback.

    ``tunnel`` is the server to go through, from which ``host`` is reached. The kernel opens it, and ``via`` is its near
    end on this machine, where a driver connects to instead of ``host`` and ``port``; the host stays the name that a
    certificate must be for.

    A saved connection has its ``name`` and ``profile_id``, and may say how many seconds connecting and each statement
    take unless the caller says otherwise, which ``environment`` it leads to, and what a person must ``confirm`` there;
    drivers need none of that.
    """

    scheme: str
    host: str | None = None
    port: int | None = None
    user: str | None = None
    password: str | None = None
    database: str | None = None
    options: dict[str, str] = {}
    read_only: bool = False
    tunnel: TunnelTarget | None = None
    via: tuple[str, int] | None = None
    profile_id: str | None = None
    name: str | None = None
    connect_timeout: float | None = None
    statement_timeout: float | None = None
    environment: Environment | None = None
    confirm: Confirm = Confirm()

    def __repr__(self) -> str:
        return f"Target({self.display()!r}, read_only={self.read_only})"

    @property
    def is_here(self) -> bool:
        """Whether the server is on this machine, so that nobody can listen on the way to it."""
        return self.via is None and self.tunnel is None and on_this_machine(self.host)

    def display(self) -> str:
        """Return what a person calls the target: its saved name, else its URL; safe on a screen and in a log."""
        return self.name or self.url()

    def url(self) -> str:
        """Return the target as a URL without password or options."""
        user = f"{self.user}@" if self.user else ""
        port = f":{self.port}" if self.port is not None else ""
        return f"{self.scheme}://{user}{self.host or ''}{port}/{self.database or ''}"


def on_this_machine(host: str | None) -> bool:
    """Return whether a host is this machine itself, or the path of a socket here; None is what a driver takes then."""
    return host is None or _HERE.fullmatch(host) is not None
