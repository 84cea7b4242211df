"""The vault contract: a place that keeps secrets beyond the end of the process, such as the desktop's keyring."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Literal, TypeAlias

import msgspec

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
