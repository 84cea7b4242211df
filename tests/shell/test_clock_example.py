"""The clock: a stranger's panel, installed by pip into an environment of its own, stands in the window."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "alveary-panel-clock"

#: Opens the clock by the keys it declares, looks, and prints what it saw.
LOOK = """
from alveary import Kernel
from alveary_shell.window import MainWindow

with Kernel() as kernel:
    print([fault.cause for fault in kernel.plugins.faults])
    window = MainWindow(kernel)
    window.root.deiconify()
    window.root.update()
    print(window.keymap.keys("clock.show"))
    window.run("clock.show")
    window.root.update()
    (panel,) = window.panels("clock")
    print(window.docks.visible("right"), panel._label["text"].count(":"))
    window.quit()
"""


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> str:
    """An interpreter whose environment has this one's packages and, beside them, the example as pip installs it."""
    site = tmp_path_factory.mktemp("clock")
    install = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-build-isolation", "--target", str(site)]
    subprocess.run([*install, str(EXAMPLE)], check=True, capture_output=True)
    return str(site)


def test_a_panel_that_pip_installed_is_found_and_opens(python: str, home: Path, display: str) -> None:
    env = {**os.environ, "PYTHONPATH": python, "DISPLAY": display}
    looked = subprocess.run(
        [sys.executable, "-c", LOOK], env=env, capture_output=True, text=True, timeout=120, check=False
    )
    assert looked.stderr == ""
    faults, keys, seen = looked.stdout.splitlines()
    assert (faults, keys) == ("[]", "['Ctrl+Alt+K']")
    assert seen.startswith("True ")
    listed = subprocess.run(
        [sys.executable, "-m", "alveary", "plugins"], env=env, capture_output=True, text=True, timeout=60, check=True
    )
    assert "panel-clock" in listed.stdout
    assert "panels: clock" in listed.stdout
