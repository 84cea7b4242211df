"""A password that a command prints, such as one of a password manager's; no shell is between."""

from __future__ import annotations

import shlex
import shutil
import subprocess

from alveary.contracts.target import Target
from alveary.contracts.vault import PasswordSource
from alveary.errors import InvalidInputError, KeyringFailedError

SECONDS = 50.0
"""How long a command may take; a person may have to unlock something first."""
_MOST = 1 << 16


class CommandSource(PasswordSource):
    """Runs a command and takes the first line it prints, which is remembered for a while and written nowhere.

    What it says on its standard error is shown to nobody: it may repeat the password.
    """

    lifetime = 15 * 60.0

    def validate(self, argument: str) -> None:
        _words(argument)

    def confirmation(self, argument: str) -> str:
        return "running " + shlex.join(_words(argument)) + " for the password"

    def password(self, argument: str, target: Target) -> str:
        words = _words(argument)
        program = shutil.which(words[0])
        if program is None:
            raise KeyringFailedError(f"there is no program {words[0]!r}")
        try:
            done = subprocess.run(
                [program, *words[1:]], stdin=subprocess.DEVNULL, capture_output=True, timeout=SECONDS, check=False
            )
        except subprocess.TimeoutExpired as exc:
            raise KeyringFailedError(f"{words[0]} did not end within {SECONDS:g} seconds") from exc
        except OSError as exc:
            raise KeyringFailedError(f"{words[0]} can't be run: {exc.strerror}") from exc
        if done.returncode:
            raise KeyringFailedError(
                f"{words[0]} ended with status {done.returncode}", hint=f"run it yourself: {argument}"
            )
        try:
            password = done.stdout[:_MOST].decode().partition("\n")[0].removesuffix("\r")
        except UnicodeDecodeError:
            raise KeyringFailedError(f"what {words[0]} printed is not text") from None
        if not password:
            raise KeyringFailedError(f"{words[0]} printed nothing")
        return password


def _words(argument: str) -> list[str]:
    try:
        words = shlex.split(argument)
    except ValueError as exc:
        raise InvalidInputError(f"password_from: the command can't be read: {exc}") from None
    if not words:
        raise InvalidInputError("password_from: there is no command", hint="write command:PROGRAM ARGUMENTS")
    return words
