"""Redaction: what must not be repeated is blotted out of statements and messages before anybody keeps or shows them.

This is the one room for it, whoever writes: the history, the log, an error, a crash report. Two things are blotted: the
secrets that were used in this process, in every spelling, and whatever stands where a secret stands (``PASSWORD 'x'``,
``password=x``, ``scheme://user:x@host``).
"""

from __future__ import annotations

import re
import threading
from binascii import b2a_base64
from collections.abc import Iterator, Sequence
from functools import lru_cache
from urllib.parse import quote, quote_plus

import msgspec

from alveary.sqltext import Dialect
from alveary.sqltext.secrets import Span, merged, secrets_in_statement, secrets_in_text

MARK = "***"
SHORT = 3
"""Characters from which on a secret is blotted wherever it stands.

A shorter one, or one of the words everybody tries first, is blotted only where it stands as a value: between quotes,
after ``=``, in a URL. Blotted everywhere it would make texts unreadable, and the marks within words would spell it out.
"""
MOST_KNOWN = 1000
"""Secrets kept; short-lived ones (tokens that are issued anew each quarter of an hour) push the oldest out."""
_LEAST_CORE = 8
"""Characters of base64 from which on they are no coincidence."""
_LONGEST_PATTERN = 4000
"""Characters of a secret that is looked for in every mixture of percent encoding; a longer one in the usual ones."""
FAMOUS = frozenset({"admin", "demo", "guest", "mariadb", "mysql", "password", "postgres", "root", "test", "user"})
"""Words everybody tries first."""


class Secrets:
    """Secrets that are known, and how to blot them out of a text. Every method may be called from any thread."""

    def __init__(self, *secrets: str | None) -> None:
        self._known: dict[str, None] = {}
        self._lock = threading.Lock()
        for secret in secrets:
            self.add(secret)

    def add(self, secret: str | None) -> None:
        """Know a secret from now on. None is none, nor is what looks like the mark."""
        if not secret or not secret.strip(MARK):
            return
        with self._lock:
            self._known.pop(secret, None)
            self._known[secret] = None
            if len(self._known) > MOST_KNOWN:
                self._known.pop(next(iter(self._known)))

    def redacted(self, text: str) -> str:
        """Return the text without any of them, in whatever spelling; the same object if there was none."""
        known = list(self._known)
        # Blotting may put together what stood apart. It ends: each round takes characters that are not the mark's.
        while known and (spans := merged(span for secret in known for span in _found(text, secret))):
            text = _blotted(text, spans)
        return text


SECRETS = Secrets()
"""Every password this process has used. Whoever is handed one adds it before using it."""


def redacted(text: str, *secrets: str | None) -> str:
    """Return a message, a log line or any other prose without secrets: the known ones, ``secrets``, what looks so."""
    text = SECRETS.redacted(text)
    if secrets:
        text = Secrets(*secrets).redacted(text)
    return _blotted(text, secrets_in_text(text))


def redacted_statement(sql: str, dialect: Dialect | None = None) -> str:
    """Return a statement without secrets; the same object if it holds none."""
    return SECRETS.redacted(_blotted(sql, secrets_in_statement(sql, dialect)))


def redacted_error(message: str, sql: str, dialect: Dialect | None = None) -> str:
    """Return what a server said of a statement without the secrets of the statement, which it may repeat."""
    secrets = [sql[start:end] for start, end in secrets_in_statement(sql, dialect)]
    if secrets:
        # MySQL repeats the text from the mistake on and cuts it anywhere, so also within a secret.
        message = re.sub(r"(near ['\"]).*(['\"] at line \d)", rf"\1{MARK}\2", message, flags=re.DOTALL)
    plain = [re.sub(r"\\(.)|''", lambda match: match[1] or "'", secret, flags=re.DOTALL) for secret in secrets]
    return redacted(message, *secrets, *plain)


def _blotted(text: str, spans: Sequence[Span]) -> str:
    if not spans:
        return text
    parts, done = [], 0
    for start, end in spans:
        parts += [text[done:start], MARK]
        done = end
    return "".join([*parts, text[done:]])


def _found(text: str, secret: str) -> Iterator[Span]:
    """Yield where a secret stands in a text, occurrences that overlap included."""
    if len(secret) < SHORT or secret.lower() in FAMOUS:
        for match in _as_value(secret).finditer(text):
            yield match.span()
        return
    for spelling in _spellings(secret):
        start = text.find(spelling)
        while start >= 0:
            yield start, start + len(spelling)
            start = text.find(spelling, start + 1)
    if ("%" in text or "+" in text) and len(secret) <= _LONGEST_PATTERN:
        for match in _percent_encoded(secret).finditer(text):
            yield match.span(1)


@lru_cache(maxsize=MOST_KNOWN)
def _spellings(secret: str) -> tuple[str, ...]:
    """Return the texts a secret is written as: itself, and as Python, JSON, SQL and HTTP's Basic scheme escape it."""
    bytes_of_it = secret.encode("utf-8", "surrogatepass")
    escaped = [quote(bytes_of_it), quote(bytes_of_it, safe=""), quote_plus(bytes_of_it)]
    escaped += [repr(secret)[1:-1], ascii(secret)[1:-1], _json(secret), _json(secret, ascii_only=True)]
    escaped += [written(f"'\"{secret}")[4:-1] for written in (repr, ascii)]  # beside both quotes one is escaped
    # A quote within a Python or SQL literal may be escaped, or doubled, or not, depending on the quotes around it.
    backslashed = secret.replace("\\", "\\\\")
    for mark in "'\"":
        escaped += [secret.replace(mark, mark * 2), backslashed.replace(mark, mark * 2)]
        escaped += [backslashed.replace(mark, "\\" + mark)]
    return tuple(dict.fromkeys([secret, *escaped, *_base64(bytes_of_it)]))


def _json(text: str, *, ascii_only: bool = False) -> str:
    try:
        encoded = msgspec.json.encode(text).decode()[1:-1]
    except UnicodeEncodeError:  # lone surrogates, which our JSON holds as Python escapes them
        encoded = msgspec.json.encode(text.encode("utf-8", "backslashreplace").decode()).decode()[1:-1]
    return "".join(map(_json_escape, encoded)) if ascii_only else encoded


def _json_escape(character: str) -> str:
    if " " <= character <= "~":
        return character
    units = character.encode("utf-16-be").hex()
    return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))


def _base64(content: bytes) -> Iterator[str]:
    """Yield what of the secret shows in base64, wherever in the encoded text it stands."""
    for before in range(3):
        encoded = b2a_base64(b"\0" * before + content, newline=False).decode()
        # The first characters hold bits of what stands before, the last ones of what follows.
        core = encoded[(0, 2, 3)[before] : (before + len(content)) * 8 // 6]
        if len(core) >= _LEAST_CORE:
            yield core
            yield core.replace("+", "-").replace("/", "_")


@lru_cache(maxsize=MOST_KNOWN)
def _percent_encoded(secret: str) -> re.Pattern[str]:
    """Compile a secret as URLs hold it: any of its characters encoded or not, in either case, spaces as plus."""
    parts = []
    for character in secret:
        coded = "".join(f"%{byte:02x}" for byte in character.encode("utf-8", "surrogatepass"))
        parts.append(f"(?:{re.escape(character)}|(?i:{coded}){'|[+]' if character == ' ' else ''})")
    # Within a lookahead, so that occurrences that overlap are found as well.
    return re.compile(f"(?=({''.join(parts)}))", re.DOTALL)


@lru_cache(maxsize=MOST_KNOWN)
def _as_value(secret: str) -> re.Pattern[str]:
    spelled = "|".join({re.escape(secret), re.escape(quote_plus(secret.encode("utf-8", "surrogatepass")))})
    return re.compile(rf"(?:(?<=[=\"'`])|(?<=\w:)(?=\S*@))(?:{spelled})(?=[\"'`@&;,)}}\]\s\\]|\Z)")
