"""The keyring of the desktop or the system: declares the vault; nothing here imports the library, which takes 90 ms."""

from __future__ import annotations

from alveary.contracts.specs import VaultSpec
from alveary.hookspecs import hookimpl


@hookimpl
def alveary_vaults() -> list[VaultSpec]:
    """Declare the keyring."""
    return [
        VaultSpec(
            id="keyring",
            name="the keyring",
            factory="alveary_plugins.vaults.keyring.vault:KeyringVault",
            package="keyring",
            extra="keyring",
        )
    ]
