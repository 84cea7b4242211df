"""A real Secret Service for tests: GNOME's keyring, without a screen, on a bus of its own that starts nothing else."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import pytest
from debian import require

_PROGRAMS = ("dbus-daemon", "gnome-keyring-daemon")
_START_SECONDS = 20
#: Without the directories of services that a bus starts when somebody speaks to them: nobody is there to be asked.
_BUS = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:path={folder}/bus</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
"""


@dataclass(frozen=True)
class SecretService:
    """A running bus with an unlocked keyring."""

    folder: Path

    @property
    def address(self) -> str:
        """What DBUS_SESSION_BUS_ADDRESS must be."""
        return f"unix:path={self.folder}/bus"

    @property
    def environment(self) -> dict[str, str]:
        """The variables of a process that is to find the keyring."""
        return {"DBUS_SESSION_BUS_ADDRESS": self.address}

    def lock(self) -> None:
        """Lock the keyring; nobody is there to unlock it."""
        import secretstorage

        with closing(secretstorage.dbus_init()) as connection:
            secretstorage.get_default_collection(connection).lock()

    def items(self) -> dict[str, bytes]:
        """Return every secret of ours by its service and user name."""
        import secretstorage

        with closing(secretstorage.dbus_init()) as connection:
            found = {}
            for item in secretstorage.get_default_collection(connection).get_all_items():
                attributes = item.get_attributes()
                if attributes.get("service", "").startswith("alveary/"):
                    found[f"{attributes['service']} {attributes['username']}"] = item.get_secret()
        return found


@pytest.fixture
def secret_service(monkeypatch: pytest.MonkeyPatch) -> Iterator[SecretService]:
    """A keyring of this test's own; the processes it starts find it, too."""
    require("GNOME's keyring, or the extra 'keyring'", _is_missing, "dbus-daemon", "gnome-keyring")
    folder = Path(tempfile.mkdtemp(prefix="alveary-keyring-"))
    (folder / "bus.conf").write_text(_BUS.format(folder=folder))
    service = SecretService(folder)
    home = {"HOME": str(folder), "XDG_DATA_HOME": str(folder / "data"), "XDG_RUNTIME_DIR": str(folder)}
    environment = {**os.environ, **home, **service.environment}
    environment.pop("DISPLAY", None)
    processes: list[subprocess.Popen[bytes]] = []

    def start(*command: str) -> subprocess.Popen[bytes]:
        with open(folder / "log", "ab") as log:
            processes.append(
                subprocess.Popen(command, stdin=subprocess.PIPE, stdout=log, stderr=log, env=environment, cwd=folder)
            )
        return processes[-1]

    try:
        start("dbus-daemon", "--nofork", "--nopidfile", f"--config-file={folder}/bus.conf")
        _wait((folder / "bus").exists, folder)
        keyring = start(
            "gnome-keyring-daemon", "--foreground", "--unlock", "--components=secrets", f"--control-directory={folder}"
        )
        assert keyring.stdin is not None
        keyring.stdin.write(b"the password of the keyring itself")
        keyring.stdin.close()
        monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", service.address)
        _wait(_is_there, folder)
        yield service
    finally:
        for process in reversed(processes):
            process.terminate()
            process.wait(10)
            if process.stdin is not None:
                process.stdin.close()
        shutil.rmtree(folder, ignore_errors=True)


def _is_missing() -> bool:
    return any(shutil.which(name) is None for name in _PROGRAMS) or find_spec("secretstorage") is None


def _is_there() -> bool:
    import secretstorage
    from jeepney.bus_messages import message_bus  # type: ignore[import-untyped]  # jeepney has no annotations
    from jeepney.io.blocking import Proxy  # type: ignore[import-untyped]  # likewise
    from secretstorage.util import BUS_NAME

    with closing(secretstorage.dbus_init()) as connection:
        return bool(Proxy(message_bus, connection).NameHasOwner(BUS_NAME)[0])


def _wait(condition: Callable[[], bool], folder: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while not condition():
        assert time.monotonic() < deadline, (folder / "log").read_text()
        time.sleep(0.02)
