"""Secrecy: what the command line writes to standard error never holds a password it was given."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable
from urllib.parse import unquote

from alveary.contracts.tunnel import TunnelSecret
from alveary.errors import InvalidInputError
from alveary.redaction import redacted

VARIABLE = "ALVEARY_PASSWORD"
TUNNEL_VARIABLES: dict[TunnelSecret, str] = {
    "ssh_password": "ALVEARY_SSH_PASSWORD",
    "passphrase": "ALVEARY_SSH_PASSPHRASE",
}
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
        return redacted(text, *self._known, *self._more())


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
