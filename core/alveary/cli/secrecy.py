"""Secrecy: what the command line writes to standard error never holds a password it was given."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Callable, Iterable
from urllib.parse import quote, quote_plus, unquote

from alveary.errors import InvalidInputError, blotted
from alveary.wire import json_text

VARIABLE = "ALVEARY_PASSWORD"
HINT = f"no password was given: use --password-stdin or {VARIABLE}, or type it when you are asked at a terminal"
WARNING = (
    "warning: other users of this machine can read the password in the URL, with ps; leave it out and type it when "
    f"you are asked, or use --password-stdin or {VARIABLE}"
)
_LONGEST = 1 << 16
"""Bytes of a password; more than that is another file by mistake."""
#: An argument with a space before the first :// is SQL rather than a URL.
_IN_ARGUMENT = re.compile(r"\s*\S*?\w:/+[^/:@]*:(.*)@", re.DOTALL)
_RESERVED = re.compile(r"[/?#@:]")
_PIECE = 3
"""Characters of a piece of a password that is worth hiding; shorter ones stand in any word."""


class Secrets:
    """Every password that is known, and how to blot it out of a text."""

    def __init__(self, arguments: Iterable[str], more: Callable[[], Iterable[str]]) -> None:
        """Know what stands where a URL among ``arguments`` has its password, well-formed or not, and ``more``."""
        self._known = {piece for argument in arguments for piece in _in_argument(argument)}
        self._more = more

    def blotted(self, text: str) -> str:
        """Return the text without any password, however it was quoted or escaped."""
        spellings = {spelling for secret in {*self._known, *self._more()} for spelling in _spellings(secret)}
        for spelling in sorted(filter(None, spellings), key=len, reverse=True):
            text = text.replace(spelling, "***")
        return blotted(text)


class BlottingFormatter(logging.Formatter):
    """Formats as another formatter does and blots the secrets out of the whole, tracebacks included."""

    def __init__(self, inner: logging.Formatter, secrets: Secrets) -> None:
        super().__init__()
        self._inner = inner
        self._secrets = secrets

    def format(self, record: logging.LogRecord) -> str:
        return self._secrets.blotted(self._inner.format(record))

    @classmethod
    def install(cls, secrets: Secrets) -> None:
        """Put one in front of the formatter of each handler of Alveary's log."""
        for handler in logging.getLogger("alveary").handlers:
            if (inner := handler.formatter) is not None:
                handler.setFormatter(cls(inner._inner if isinstance(inner, cls) else inner, secrets))


def password_from_stdin() -> str:
    """Return the first line of standard input without its line ending; the rest is left there."""
    if sys.stdin is None or sys.stdin.isatty():
        raise InvalidInputError(
            "--password-stdin reads no terminal, which would show the password",
            hint="leave the option out: you are asked when the server wants a password",
        )
    line = sys.stdin.buffer.readline(_LONGEST)
    if not line:
        raise InvalidInputError("--password-stdin: standard input is empty")
    if len(line) == _LONGEST:
        raise InvalidInputError(f"--password-stdin: the first line is longer than {_LONGEST - 1:,} bytes")
    try:
        return line.removesuffix(b"\n").removesuffix(b"\r").decode()
    except UnicodeDecodeError:
        raise InvalidInputError("--password-stdin: the first line is not UTF-8 text") from None


def _in_argument(argument: str) -> Iterable[str]:
    if (match := _IN_ARGUMENT.match(argument)) is not None:
        # In a URL gone wrong a piece of it may have been taken for something else: a port, a host, a path.
        pieces = [piece for piece in _RESERVED.split(match[1]) if len(piece) >= _PIECE]
        for secret in (match[1], *pieces):
            yield from (secret, unquote(secret))


def _spellings(secret: str) -> Iterable[str]:
    bytes_too = secret.encode("utf-8", "surrogateescape")
    yield from (secret, quote(bytes_too, safe=""), quote(bytes_too), quote_plus(bytes_too))
    for escaped in (repr(secret), ascii(secret), json_text(secret)):
        yield escaped[1:-1]
