"""A vault whose faults are scripted: what a keyring does on a bad day."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from alveary.contracts.specs import VaultSpec
from alveary.contracts.vault import SecretKey, Vault

SPEC = VaultSpec(id="scripted", name="the scripted vault", factory="scripted_vault:ScriptedVault")


def _nothing(method: str) -> None:
    return


class ScriptedVault(Vault):
    """Keeps secrets in this process; ``before`` is called with the name of each method, and may raise or hang."""

    secrets: ClassVar[dict[SecretKey, str]] = {}
    asked: ClassVar[list[str]] = []
    before: ClassVar[Callable[[str], object]] = _nothing

    @classmethod
    def reset(cls) -> None:
        """Begin anew."""
        cls.secrets.clear()
        cls.asked.clear()
        cls.before = _nothing

    def check(self) -> None:
        self._ask("check")

    def get(self, key: SecretKey) -> str | None:
        self._ask("get")
        return self.secrets.get(key)

    def set(self, key: SecretKey, secret: str) -> None:
        self._ask("set")
        self.secrets[key] = secret

    def delete(self, key: SecretKey) -> None:
        self._ask("delete")
        self.secrets.pop(key, None)

    def _ask(self, method: str) -> None:
        self.asked.append(method)
        type(self).before(method)
