"""The one policy for servers that tests need: installed where that is allowed, skipped aloud, never skipped in CI."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest


def provide(missing: Callable[[], bool], *packages: str) -> None:
    """Install Debian's packages if something is missing: as root, under CI=true or ALVEARY_TEST_SERVERS=install."""
    allowed = os.environ.get("CI") == "true" or os.environ.get("ALVEARY_TEST_SERVERS") == "install"
    if not (missing() and allowed and os.geteuid() == 0 and shutil.which("apt-get")):
        return
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    # Tests run in several processes, of which one installs and the others wait.
    with (Path(tempfile.gettempdir()) / "alveary-tests-install.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for command in (["update"], ["install", "-y", "--no-install-recommends", *packages]) if missing() else ():
            subprocess.run(["apt-get", *command], env=environment, stdin=subprocess.DEVNULL, timeout=600, check=False)


def require(what: str, missing: Callable[[], bool], *packages: str) -> None:
    """Return if nothing is missing, or no longer after :func:`provide`; else skip, or fail in CI."""
    provide(missing, *packages)
    if missing():
        reason = f"{what} is not installed (as root, ALVEARY_TEST_SERVERS=install lets the tests install it)"
        if os.environ.get("CI") == "true":
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
