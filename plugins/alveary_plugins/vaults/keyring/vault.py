"""The keyring vault: passwords go to a keyring that encrypts them, or nowhere, whatever is installed or configured."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from importlib import import_module

from keyring.backend import KeyringBackend
from keyring.errors import InitError, KeyringLocked

from alveary.contracts.vault import SecretKey, Vault
from alveary.errors import KeyringFailedError, described

#: The back ends that are used, by platform, the first that works. The library itself would take any that is installed,
#: one that writes plain text among them, or any class that an environment variable or a file names.
BACK_ENDS = {
    "darwin": (("keyring.backends.macOS", "Keyring"),),
    "win32": (("keyring.backends.Windows", "WinVaultKeyring"),),
}
OTHERS = (
    ("keyring.backends.SecretService", "Keyring"),
    ("keyring.backends.libsecret", "Keyring"),
    ("keyring.backends.kwallet", "DBusKeyring"),
)
#: What the libraries raise when a person does not unlock the keyring.
_LOCKED = ("LockedException", "PromptDismissedException")


class KeyringVault(Vault):
    """Keeps each secret under the service ``alveary/<profile id>``, with its kind for a user name."""

    def __init__(self) -> None:
        self._back_end: KeyringBackend | None = None

    def check(self) -> None:
        """Find a back end that works here; none of them asks a person for that."""
        reasons = []
        for module, name in BACK_ENDS.get(sys.platform, OTHERS):
            try:
                back_end: type[KeyringBackend] = getattr(import_module(module), name)
                _ = back_end.priority  # raises where it can't be used
                self._back_end = _plain(back_end)
                return
            except Exception as exc:  # noqa: BLE001  # whatever a back end can't live without
                reasons.append(str(exc) if isinstance(exc, RuntimeError) else described(exc))
        raise KeyringFailedError(
            f"there is no keyring here: {reasons[0]}",
            detail="; ".join(reasons[1:]) or None,
            hint="is a desktop session running?",
        )

    def get(self, key: SecretKey) -> str | None:
        with _mapped():
            return self._found().get_password(_service(key), key.kind)

    def set(self, key: SecretKey, secret: str) -> None:
        with _mapped():
            self._found().set_password(_service(key), key.kind, secret)

    def delete(self, key: SecretKey) -> None:
        with _mapped():
            # To delete what is not there is one of many reasons to raise the same error.
            if self._found().get_password(_service(key), key.kind) is not None:
                self._found().delete_password(_service(key), key.kind)

    def _found(self) -> KeyringBackend:
        assert self._back_end is not None, "check() comes first"
        return self._back_end


def _plain(back_end: type[KeyringBackend]) -> KeyringBackend:
    """Return a back end with its own settings, not with those of KEYRING_PROPERTY_… and KEYCHAIN_PATH."""
    plain: KeyringBackend = type("Plain", (back_end,), {"set_properties_from_env": lambda self: None})()
    for name, value in (("appid", "alveary"), ("keychain", None)):
        if hasattr(plain, name):
            setattr(plain, name, value)
    return plain


def _service(key: SecretKey) -> str:
    return f"alveary/{key.profile_id}"


@contextlib.contextmanager
def _mapped() -> Iterator[None]:
    try:
        yield
    except Exception as exc:
        if isinstance(exc, KeyringLocked | InitError) or type(exc).__name__ in _LOCKED:
            raise KeyringFailedError(
                "the keyring is locked, and was not unlocked", hint="unlock it, or give the password another way"
            ) from exc
        raise
