"""The keyring vault, with a real Secret Service: what it keeps and where, and that nothing replaces it."""

from __future__ import annotations

import gc
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from fix_keyring import SecretService

from alveary.contracts.vault import SecretKey
from alveary.errors import KeyringFailedError
from alveary_plugins.vaults.keyring.vault import KeyringVault

# The library leaves the sockets of calls that failed to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning")

KEY = SecretKey("0123456789abcdef", "password")
OTHER = SecretKey("0123456789abcdef", "passphrase")
SECRET = "gehe1m @:/%#?&'\"\\ +%41 é漢 zwölf"


def opened() -> KeyringVault:
    vault = KeyringVault()
    vault.check()
    return vault


@pytest.fixture(autouse=True)
def _collected() -> Iterator[None]:
    yield
    gc.collect()


@pytest.fixture
def no_bus(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A machine without a desktop; returns where a library could write."""
    monkeypatch.delenv("DBUS_SESSION_BUS_ADDRESS", raising=False)
    for name in ("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    return tmp_path


def test_a_secret_is_kept_replaced_and_forgotten(secret_service: SecretService) -> None:
    vault = opened()
    assert vault.get(KEY) is None
    vault.delete(KEY)
    vault.set(KEY, "an older one")
    vault.set(KEY, SECRET)
    vault.set(OTHER, "another")
    assert (vault.get(KEY), vault.get(OTHER)) == (SECRET, "another")
    assert secret_service.items() == {
        "alveary/0123456789abcdef password": SECRET.encode(),
        "alveary/0123456789abcdef passphrase": b"another",
    }
    vault.delete(KEY)
    assert (vault.get(KEY), vault.get(OTHER)) == (None, "another")


def test_a_locked_keyring_that_nobody_unlocks_says_so(secret_service: SecretService) -> None:
    vault = opened()
    vault.set(KEY, SECRET)
    secret_service.lock()
    with pytest.raises(KeyringFailedError, match="locked"):
        vault.get(KEY)
    with pytest.raises(KeyringFailedError, match="locked"):
        vault.set(KEY, "x")
    with pytest.raises(KeyringFailedError, match="locked"):
        vault.delete(KEY)


def test_without_a_bus_there_is_no_keyring(no_bus: Path) -> None:
    with pytest.raises(KeyringFailedError, match="there is no keyring here"):
        opened()


@pytest.mark.parametrize("address", ["unix:path=/nowhere/bus", "tcp:host=localhost,port=1", "nonsense", ""])
def test_an_address_that_leads_nowhere_is_no_keyring(
    no_bus: Path, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", address)
    with pytest.raises(KeyringFailedError, match="there is no keyring here"):
        opened()


def test_a_library_that_writes_plain_text_is_never_used(no_bus: Path) -> None:
    picked = "import keyring; print(type(keyring.get_keyring()).__name__)"
    asked = subprocess.run([sys.executable, "-c", picked], capture_output=True, text=True, check=True)
    assert asked.stdout == "PlaintextKeyring\n", "which the keyring library itself would take"
    with pytest.raises(KeyringFailedError, match="there is no keyring here"):
        opened()
    assert list(no_bus.iterdir()) == []


EVIL = """
import os
from keyring.backend import KeyringBackend
open(os.environ["TRAP"], "a").write("imported")

class Keyring(KeyringBackend):
    priority = 1000
    def get_password(self, service, username): return "stolen"
    def set_password(self, service, username, password): open(os.environ["TRAP"], "a").write(password)
    def delete_password(self, service, username): pass
"""


@pytest.fixture
def trap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A back end that wants to be used, by every way there is; the file it writes to when it is."""
    (tmp_path / "evil_ring.py").write_text(EVIL)
    monkeypatch.syspath_prepend(str(tmp_path))
    written = tmp_path / "trap"
    monkeypatch.setenv("TRAP", str(written))
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "evil_ring.Keyring")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    settings = tmp_path / "config" / "python_keyring" / "keyringrc.cfg"
    settings.parent.mkdir(parents=True)
    settings.write_text(f"[backend]\ndefault-keyring=evil_ring.Keyring\nkeyring-path={tmp_path}\n")
    metadata = tmp_path / "evil_ring-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: evil-ring\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[keyring.backends]\nevil = evil_ring\n")
    yield written
    sys.modules.pop("evil_ring", None)


def test_no_variable_file_or_package_puts_another_back_end_in_place(
    secret_service: SecretService, trap: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEYRING_PROPERTY_PREFERRED_COLLECTION", "/org/freedesktop/secrets/collection/session")
    monkeypatch.setenv("KEYRING_PROPERTY_SCHEME", "KeePassXC")
    vault = opened()
    vault.set(KEY, SECRET)
    assert vault.get(KEY) == SECRET
    assert secret_service.items() == {"alveary/0123456789abcdef password": SECRET.encode()}
    assert not trap.exists()
    monkeypatch.delenv("DBUS_SESSION_BUS_ADDRESS")
    with pytest.raises(KeyringFailedError):
        opened()
    assert not trap.exists()


def test_a_bus_that_never_answers_is_left_to_who_waits(no_bus: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The vault itself can wait for ever; that nobody waits with it is the business of the kernel.
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(no_bus / "bus"))
        silent.listen()
        monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", f"unix:path={no_bus}/bus")
        failures: list[BaseException] = []

        def check() -> None:
            try:
                opened()
            except KeyringFailedError as exc:
                failures.append(exc)

        waiting = threading.Thread(target=check, daemon=True)
        waiting.start()
        silent.settimeout(10)
        connection, _ = silent.accept()
        time.sleep(0.3)
        assert waiting.is_alive()
        connection.close()
        waiting.join(10)
        assert [type(failure) for failure in failures] == [KeyringFailedError]


def test_declaring_the_vault_imports_no_library() -> None:
    code = (
        "import sys; from alveary import Kernel; vaults = Kernel().plugins.vaults.ids()\n"
        "print('keyring' in sys.modules, vaults)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("False ['keyring'")
