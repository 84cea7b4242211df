"""The vault contract: a place that keeps secrets, such as the desktop's keyring, or one that only gives them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Literal, TypeAlias

import msgspec

from alveary.contracts.target import Target

SecretKind: TypeAlias = Literal["password", "passphrase", "ssh_password"]
"""The password of a database's user, the passphrase of a key file, the password of a user of the SSH server."""


class SecretKey(msgspec.Struct, frozen=True):
    """What a secret is kept under: the id of a profile, which no renaming changes, and the kind of secret."""

    profile_id: str
    kind: SecretKind


class Vault(ABC):
    """Keeps secrets. Made once per kernel, with no arguments, by the factory its spec names.

    Each method is called in a thread of its own, one at a time, and given up if it takes too long: :meth:`check` after
    2 seconds, the others after 60, for a person may be asked to unlock the vault. What a method raises is told as a
    KeyringFailedError; one it raises itself is told as it is. No error may repeat a secret.
    """

    @abstractmethod
    def check(self) -> None:
        """Raise KeyringFailedError, saying why, where there is no such vault. Must neither ask a person nor write."""

    @abstractmethod
    def get(self, key: SecretKey) -> str | None:
        """Return a secret, None if the vault has none of that key."""

    @abstractmethod
    def set(self, key: SecretKey, secret: str) -> None:
        """Keep a secret, in place of one that is kept under the same key."""

    @abstractmethod
    def delete(self, key: SecretKey) -> None:
        """Forget a secret; without one, do nothing."""


class PasswordSource(ABC):
    """Gives passwords that somebody else keeps. Made once per kernel, with no arguments, by the factory its spec names.

    A saved connection names it and an ``argument``: ``env:SHOP_PASSWORD``. It is called as a :class:`Vault` is, and may
    raise the same. No error may repeat a password.
    """

    lifetime: float | None = None
    """Seconds for which a password is remembered, where the connection does not say; None is as long as the kernel."""

    def check(self) -> None:
        """Raise KeyringFailedError, saying why, where it can't be used."""
        return

    def prepare(self, argument: str) -> None:
        """Take what no child process should inherit; called for saved connections before the first child starts."""
        return

    def confirmation(self, argument: str) -> str | None:
        """Return what a person must agree to before a connection is saved that uses it; None for nothing."""
        return None

    @abstractmethod
    def validate(self, argument: str) -> None:
        """Raise InvalidInputError for an argument that makes no sense."""

    @abstractmethod
    def password(self, argument: str, target: Target) -> str:
        """Return the password for a target; raise KeyringFailedError, saying why, where there is none."""
