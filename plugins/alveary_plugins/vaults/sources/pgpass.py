"""A password in PostgreSQL's password file, for connections that ask for it; a file that others can read is refused."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator

from alveary.contracts.target import Target
from alveary.contracts.vault import PasswordSource
from alveary.errors import InvalidInputError, KeyringFailedError

_PORT = 5432
_MOST = 1 << 20
"""Bytes of a file that are read."""


class PgpassSource(PasswordSource):
    """Reads the file anew for each connection; the first line that matches counts, as it does for PostgreSQL."""

    def validate(self, argument: str) -> None:
        if argument and not os.path.isabs(os.path.expanduser(argument)):
            raise InvalidInputError("password_from: the path of the password file must be absolute")

    def password(self, argument: str, target: Target) -> str:
        path = os.path.expanduser(argument or "~/.pgpass")
        is_socket = target.host is None or target.host.startswith("/")
        wanted = (
            "localhost" if is_socket else str(target.host),
            str(target.port or _PORT),
            target.database or target.user or "",
            target.user or "",
        )
        for *fields, password in _lines(path):
            if all(field in ("*", value) for field, value in zip(fields, wanted, strict=True)):
                return password
        raise KeyringFailedError(f"{path} has no line for {target.display()}")


def _lines(path: str) -> Iterator[list[str]]:
    """Yield the five fields of each line that has them."""
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    except OSError as exc:
        raise KeyringFailedError(f"can't read {path}: {exc.strerror}") from exc
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        os.close(descriptor)
        raise KeyringFailedError(f"{path} is no file")
    with os.fdopen(descriptor, "rb") as file:
        if os.name == "posix" and status.st_mode & 0o077:
            raise KeyringFailedError(f"{path} can be read by others, so it is not used", hint=f"chmod 600 {path}")
        text = file.read(_MOST).decode("utf-8", "surrogateescape")
    for line in (each.removesuffix("\r") for each in text.split("\n")):  # no other character ends a line there
        if line and not line.startswith("#") and len(fields := _fields(line)) == 5:
            yield fields


def _fields(line: str) -> list[str]:
    """Split a line at colons; a backslash takes the next character as it is. A password may hold colons."""
    fields, characters = [""], iter(line)
    for character in characters:
        if character == ":" and len(fields) < 5:
            fields.append("")
        else:
            fields[-1] += next(characters, "") if character == "\\" else character
    return fields
