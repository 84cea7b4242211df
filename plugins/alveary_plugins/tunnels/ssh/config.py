"""ssh_config: the few words of a person's configuration that say where a server is and who we are there.

Nothing in it is run. What a ``Match`` guards is left out, for to know whether it holds may mean to run a program.
"""

from __future__ import annotations

import fnmatch
import getpass
import glob
import os
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from alveary.errors import InvalidInputError

_DEEPEST = 8
"""Files that include one another."""
_MOST_BYTES = 1 << 20
_MANY = ("identityfile",)
_KNOWN = ("hostname", "port", "user", "identityfile", "proxyjump", "proxycommand", "identitiesonly")


@dataclass(frozen=True, slots=True)
class HostConfig:
    """What a configuration says of one server; None where it says nothing."""

    host: str
    port: int | None = None
    user: str | None = None
    identity_files: tuple[str, ...] = ()
    identities_only: bool = False
    jump: str | None = None
    proxy_command: str | None = None


def lookup(path: Path | None, alias: str) -> HostConfig:
    """Return what a file says of a server; raises InvalidInputError, naming the line, for what can't be understood."""
    found: dict[str, list[str]] = {}
    if path is not None:
        for keyword, value in _settings(path, alias, 0):
            values = found.setdefault(keyword, [])
            if not values or keyword in _MANY:  # the first one holds
                values.append(value)
    first = {keyword: values[0] for keyword, values in found.items()}
    host = first.get("hostname", alias).replace("%%", "\0").replace("%h", alias).replace("\0", "%")
    port = first.get("port")
    if port is not None and not (port.isascii() and port.isdigit() and 0 < int(port[:6]) < 65536):
        raise InvalidInputError(f"{path}: the Port of {alias} is no port")
    expanded = {"%h": host, "%u": _user(), "%d": os.path.expanduser("~"), "%r": first.get("user", _user()), "%%": "%"}
    jump, command = first.get("proxyjump"), first.get("proxycommand")
    return HostConfig(
        host=host,
        port=int(port) if port else None,
        user=first.get("user"),
        identity_files=tuple(
            os.path.expanduser(_expanded(file, expanded))
            for file in found.get("identityfile", [])
            if file.lower() != "none"
        ),
        identities_only=first.get("identitiesonly", "no").lower() == "yes",
        jump=jump if jump and jump.lower() != "none" else None,
        proxy_command=command if command and command.lower() != "none" else None,
    )


def command_line(command: str, host: str, port: int, user: str) -> list[str]:
    """Return the words of a ProxyCommand, which no shell sees; raises InvalidInputError for quotes left open."""
    try:
        words = shlex.split(command)
    except ValueError as exc:
        raise InvalidInputError(f"the ProxyCommand can't be read: {exc}") from exc
    if words[:1] == ["exec"]:
        words = words[1:]
    return [_expanded(word, {"%h": host, "%p": str(port), "%r": user, "%%": "%"}) for word in words]


def _settings(path: Path, alias: str, depth: int) -> Iterator[tuple[str, str]]:
    """Yield what holds for a server, word by word."""
    try:
        with path.open("rb") as file:
            text = file.read(_MOST_BYTES).decode("utf-8", "surrogateescape")
    except FileNotFoundError:
        return
    except OSError as exc:
        raise InvalidInputError(f"{path} can't be read: {exc.strerror}") from exc
    holds = True
    for number, line in enumerate(text.splitlines(), start=1):
        words = _words(line, f"{path}, line {number}")
        if len(words) < 2:
            continue
        keyword, values = words[0].lower(), words[1:]
        if keyword == "host":
            holds = _matches(alias, values)
        elif keyword == "match":
            holds = values == ["all"]
        elif not holds:
            continue
        elif keyword == "include" and depth < _DEEPEST:
            for pattern in values:
                whole = os.path.join(os.path.expanduser("~/.ssh"), os.path.expanduser(pattern))
                for name in sorted(glob.glob(whole)):
                    yield from _settings(Path(name), alias, depth + 1)
        elif keyword == "proxycommand":
            yield keyword, line.strip().split(None, 1)[1].removeprefix("=").strip()
        elif keyword in _KNOWN:
            yield keyword, values[0]


def _words(line: str, where: str) -> list[str]:
    stripped = line.strip()
    if not stripped or stripped.startswith("#"):
        return []
    keyword, _, rest = stripped.replace("=", " ", 1).partition(" ") if _has_equals(stripped) else _parted(stripped)
    try:
        return [keyword, *shlex.split(rest, comments=False)]
    except ValueError as exc:
        if keyword.lower() in (*_KNOWN, "host", "match", "include"):
            raise InvalidInputError(f"{where}: {exc}") from exc
        return []


def _has_equals(line: str) -> bool:
    """Return whether a line is ``Keyword=value``, as it may be."""
    keyword = line.split(None, 1)[0]
    return "=" in keyword or line[len(keyword) :].lstrip().startswith("=")


def _parted(line: str) -> tuple[str, str, str]:
    keyword, *rest = line.split(None, 1)
    return keyword, " ", rest[0] if rest else ""


def _matches(alias: str, patterns: list[str]) -> bool:
    found = False
    for pattern in patterns:
        negated = pattern.startswith("!")
        if fnmatch.fnmatchcase(alias.lower(), pattern.removeprefix("!").replace("[", "[[]").lower()):
            if negated:
                return False
            found = True
    return found


def _expanded(text: str, values: dict[str, str]) -> str:
    parts, place = [], 0
    while place < len(text):
        token = text[place : place + 2]
        if token in values:
            parts.append(values[token])
            place += 2
        else:
            parts.append(text[place])
            place += 1
    return "".join(parts)


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return ""
