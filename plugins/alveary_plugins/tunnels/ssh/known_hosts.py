"""known_hosts: which keys a host may show, read as OpenSSH reads them; only Alveary's own file is ever written."""

from __future__ import annotations

import base64
import binascii
import enum
import fnmatch
import hashlib
import hmac
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

MOST_BYTES = 16 << 20
"""Of a file that are read; what is longer is no known_hosts."""
_HASHED = b"|1|"


class Verdict(enum.Enum):
    """What is known of a key that a host shows."""

    KNOWN = "known"
    UNKNOWN = "unknown"
    CHANGED = "changed"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class Entry:
    """One line: whom it is about, and the key."""

    hosts: bytes
    kind: str
    key: bytes
    revoked: bool
    where: str
    """File and line, for a person."""

    def matches(self, name: str) -> bool:
        """Return whether the line is about a host of this name, ``host`` or ``[host]:port``."""
        wanted = name.lower().encode()
        if self.hosts.startswith(_HASHED):
            return _is_hash_of(self.hosts, wanted)
        found = False
        for pattern in self.hosts.lower().split(b","):
            negated = pattern.startswith(b"!")
            if _pattern(pattern[1:] if negated else pattern).fullmatch(wanted):
                if negated:
                    return False
                found = True
        return found


def host_name(host: str, port: int) -> str:
    """Return what a host is called in a known_hosts file."""
    return host.lower() if port == 22 else f"[{host.lower()}]:{port}"


def fingerprint(key: bytes) -> str:
    """Return a key's fingerprint as ssh prints it."""
    return "SHA256:" + base64.b64encode(hashlib.sha256(key).digest()).decode().rstrip("=")


def parsed(content: bytes, file: str) -> Iterator[Entry]:
    """Yield the entries of a file. Comments, certificate authorities, and lines that are none are left out."""
    for number, line in enumerate(content.split(b"\n"), start=1):
        fields = line.strip(b" \t\r").split()
        revoked = False
        if fields and fields[0].startswith(b"@"):
            if fields[0] != b"@revoked":  # an authority's certificates are not understood, so it vouches for nobody
                continue
            revoked = True
            fields = fields[1:]
        if len(fields) < 3 or fields[0].startswith(b"#"):
            continue
        try:
            key = base64.b64decode(fields[2], validate=True)
        except (binascii.Error, ValueError):
            continue
        kind = fields[1].decode("ascii", "replace")
        if kind != key_kind(key):
            continue
        yield Entry(fields[0], kind, key, revoked, f"{file}, line {number}")


def read(paths: Iterable[Path]) -> list[Entry]:
    """Return the entries of some files; one that is not there has none. Raises OSError for one that can't be read."""
    entries: list[Entry] = []
    for path in paths:
        try:
            with path.open("rb") as file:
                entries.extend(parsed(file.read(MOST_BYTES), str(path)))
        except FileNotFoundError:
            continue
    return entries


def about(entries: Iterable[Entry], name: str) -> list[Entry]:
    """Return the entries about a host."""
    return [entry for entry in entries if entry.matches(name)]


def verdict(entries: Iterable[Entry], key: bytes) -> tuple[Verdict, Entry | None]:
    """Return what the entries about a host say of a key, and the line that says it.

    A host that is known by another key has changed, whatever kind of key the other one is: who could show a new kind
    at will would need no other attack.
    """
    entries = list(entries)
    for entry in entries:
        if entry.revoked and entry.key == key:
            return Verdict.REVOKED, entry
    trusted = [entry for entry in entries if not entry.revoked]
    for entry in trusted:
        if entry.key == key:
            return Verdict.KNOWN, entry
    return (Verdict.CHANGED, trusted[0]) if trusted else (Verdict.UNKNOWN, None)


def remember(path: Path, name: str, kind: str, key: bytes) -> None:
    """Add a host's key to our own file, which nobody else can read; raises OSError."""
    line = f"{name} {kind} {base64.b64encode(key).decode()}\n".encode()
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o600)
    try:
        os.write(descriptor, line)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def key_kind(key: bytes) -> str:
    """Return the kind that a key itself says it is of, "" for what is no key."""
    size = int.from_bytes(key[:4], "big")
    return key[4 : 4 + size].decode("ascii", "replace") if 0 < size <= len(key) - 4 else ""


def _pattern(pattern: bytes) -> re.Pattern[bytes]:
    """Return a pattern in which only ``*`` and ``?`` are special."""
    escaped = pattern.replace(b"[", b"[[]")
    return re.compile(fnmatch.translate(escaped.decode("latin-1")).encode("latin-1"))


def _is_hash_of(hashed: bytes, name: bytes) -> bool:
    try:
        salt, digest = (base64.b64decode(part, validate=True) for part in hashed[len(_HASHED) :].split(b"|"))
    except (binascii.Error, ValueError):
        return False
    return hmac.compare_digest(hmac.new(salt, name, hashlib.sha1).digest(), digest)
