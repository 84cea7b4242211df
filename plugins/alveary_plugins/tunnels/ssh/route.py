"""The route: which servers a tunnel goes through, in order, and what is known of each of them."""

from __future__ import annotations

import getpass
import re
from dataclasses import dataclass
from pathlib import Path

from alveary.contracts.tunnel import TunnelMethod, TunnelSecret, TunnelTarget
from alveary.errors import InvalidInputError, TunnelFailedError
from alveary_plugins.tunnels.ssh import config

MOST_HOPS = 8
_JUMP = re.compile(
    r"(?:ssh://)?(?:(?P<user>[^@\s]+)@)?(?P<host>\[[0-9A-Fa-f:.%]+\]|[^@:\s,/]+)(?::(?P<port>[0-9]{1,5}))?/?"
)
_DEFAULT_KEYS = ("id_ed25519", "id_ecdsa", "id_rsa")


@dataclass(frozen=True, slots=True)
class Hop:
    """One server on the way. ``keys`` are files of keys to try, ``only_keys`` says that an agent's others are not."""

    host: str
    port: int
    user: str
    method: TunnelMethod
    keys: tuple[str, ...]
    only_keys: bool
    is_last: bool = True
    proxy_command: tuple[str, ...] = ()

    @property
    def password(self) -> TunnelSecret:
        """What its password is: that of the target's is kept and given, others a person is asked for."""
        return "ssh_password" if self.is_last else "answer"

    def display(self) -> str:
        """Return what a sentence calls it."""
        return f"{self.user}@{self.host}" + (f":{self.port}" if self.port != 22 else "")


def hops_of(target: TunnelTarget) -> list[Hop]:
    """Return the servers on the way, the last one that of the target; raises InvalidInputError or TunnelFailedError."""
    options = dict(target.options)
    path = options.get("config", "~/.ssh/config")
    file = None if path in ("", "none") else Path(path).expanduser()
    port = target.port if target.port != 22 else None  # which is what it is if nothing was said
    hops = _hops(file, target.host, target.user, port, options.get("jump") or None, target, 0)
    if hops[0].proxy_command and options.get("proxy_command", "false").lower() not in ("true", "yes", "on", "1"):
        raise TunnelFailedError(
            f"{file} has a ProxyCommand for {target.host}: it is a program, which is not run unless you say so",
            detail=" ".join(hops[0].proxy_command),
            hint="allow it by the tunnel's option proxy_command=yes, or go through the tunnel openssh",
        )
    return hops


def _hops(
    file: Path | None,
    alias: str,
    user: str | None,
    port: int | None,
    jump: str | None,
    target: TunnelTarget,
    depth: int,
) -> list[Hop]:
    """Return the way to a server, by what is said of it here and in the configuration."""
    said = config.lookup(file, alias)
    jump = jump or said.jump
    before: list[Hop] = []
    for number, word in enumerate(jump.split(",") if jump else ()):
        if (match := _JUMP.fullmatch(word.strip())) is None:
            raise InvalidInputError(f"tunnel.options.jump: {word.strip()!r} is not user@host:port")
        if depth + number >= MOST_HOPS:
            raise TunnelFailedError(f"the way to {target.host} has more than {MOST_HOPS} servers", hint=_loop(file))
        host = match["host"].strip("[]")
        number_ = int(match["port"]) if match["port"] else None
        # Of the servers on the way only the first one can have further ones before it.
        own = _hops(file, host, match["user"], number_, None, target, depth + number + 1)
        before += own if number == 0 else own[-1:]
    is_last = depth == 0
    name = user or said.user or _user()
    whole_port = port or said.port or 22
    keys = tuple(filter(None, (target.key, *said.identity_files))) or tuple(
        str(Path("~/.ssh", key).expanduser()) for key in _DEFAULT_KEYS
    )
    command: tuple[str, ...] = ()
    if said.proxy_command is not None and not before:
        command = tuple(config.command_line(said.proxy_command, _safe(said.host), whole_port, _safe(name)))
    return [
        *before,
        Hop(
            host=said.host,
            port=whole_port,
            user=name,
            method=target.method if is_last else "agent",
            keys=(target.key,) if is_last and target.method == "key" and target.key else keys,
            only_keys=said.identities_only or target.key is not None,
            is_last=is_last,
            proxy_command=command,
        ),
    ]


def _loop(file: Path | None) -> str:
    return f"does ProxyJump in {file} lead back to itself?" if file is not None else "leave some of them out"


def _safe(word: str) -> str:
    """Return a word that no program takes for an option, and no shell for anything else."""
    if not re.fullmatch(r"[A-Za-z0-9._:][A-Za-z0-9._:-]*", word):
        raise InvalidInputError(f"tunnel: {word!r} can't be handed to a program", hint="leave ProxyCommand out")
    return word


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError) as exc:
        raise InvalidInputError("tunnel.user: it is not said, and the system knows none") from exc
