"""A password in an environment variable, which is taken out of it, so that no child inherits it."""

from __future__ import annotations

import os
import re

from alveary.contracts.target import Target
from alveary.contracts.vault import PasswordSource
from alveary.errors import InvalidInputError, KeyringFailedError


class EnvironmentSource(PasswordSource):
    """Reads a variable once; it is remembered as long as the kernel lives."""

    def __init__(self) -> None:
        self._taken: dict[str, str] = {}

    def validate(self, argument: str) -> None:
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", argument):
            raise InvalidInputError(
                "password_from: it is no name of an environment variable",
                hint="write env:NAME, as in env:SHOP_PASSWORD",
            )

    def prepare(self, argument: str) -> None:
        if password := os.environ.pop(argument, ""):
            self._taken[argument] = password

    def password(self, argument: str, target: Target) -> str:
        self.prepare(argument)
        if argument not in self._taken:
            raise KeyringFailedError(f"the environment variable {argument} is not set")
        return self._taken[argument]
