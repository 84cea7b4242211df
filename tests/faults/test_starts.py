"""Plugins that take the program down while it starts: named at the next start, and a way to start without them."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from alveary import Kernel
from alveary.paths import Paths
from alveary.starts import Start, crashed

Alveary = Callable[..., Any]
HANG = 60.0
DEADLY = {
    "a segfault": "import ctypes; ctypes.string_at(0)",
    "leaving at once": "import os; os._exit(7)",
    "a segfault in a hook": "import ctypes\nfrom alveary import hookimpl\n@hookimpl\n"
    "def alveary_exporters(): ctypes.string_at(0)",
}


@pytest.mark.parametrize("way", DEADLY)
def test_after_a_start_that_a_plugin_ended_safe_mode_is_offered(
    alveary: Alveary, install: Callable[..., None], home: Path, way: str
) -> None:
    install("deadly", DEADLY[way], {"deadly": "deadly"})
    first = alveary("formats")
    assert first.status not in (0, 1, 2)
    assert "the last start" not in first.err
    again = alveary("formats")
    assert again.status == first.status
    assert "the last start ended while the plugin deadly was loaded" in again.err
    assert "alveary --safe-mode" in again.err
    safe = alveary("--safe-mode", "plugins", "--format", "json")
    assert (safe.status, safe.err) == (0, "")
    assert '"stage": "start"' in safe.out or '"stage":"start"' in safe.out
    assert alveary("--safe-mode", "plugins", "disable", "deadly").status == 0
    after = alveary("formats")
    assert (after.status, after.err) == (0, "")
    assert crashed(home) == []


def test_a_plugin_that_never_ends_its_import_is_named_at_the_next_start(
    install: Callable[..., None], alveary: Alveary, home: Path, tmp_path: Path
) -> None:
    reached = tmp_path / "reached"
    install("endless", f"open({str(reached)!r}, 'w').close()\nwhile True: pass", {"endless": "endless"})
    process = subprocess.Popen([sys.executable, "-m", "alveary", "formats"], cwd=tmp_path, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + HANG
    while not reached.exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert crashed(home) == []  # it may still get there
    process.send_signal(signal.SIGINT)
    assert process.wait(HANG) == 130
    assert crashed(home) == ["endless"]
    assert "safe mode" not in alveary("--safe-mode", "formats").err


def test_a_start_that_gets_through_is_the_end_of_the_warning(
    install: Callable[..., None], alveary: Alveary, home: Path
) -> None:
    install("moody", "import os\nif os.environ.get('MOOD') == 'bad': os._exit(3)", {"moody": "moody"})
    assert alveary("formats", env={"MOOD": "bad"}).status == 3
    assert "moody" in alveary("formats").err
    assert alveary("formats").err == ""


def test_a_plugin_that_is_no_longer_there_is_named_once(
    install: Callable[..., None], alveary: Alveary, home: Path, tmp_path: Path
) -> None:
    install("deadly", DEADLY["leaving at once"], {"deadly": "deadly"})
    assert alveary("formats").status == 7
    shutil.rmtree(tmp_path / "site")
    assert "deadly" in alveary("formats").err
    assert alveary("formats").err == ""
    assert crashed(home) == []


def test_nothing_is_written_where_there_are_only_plugins_of_ours(home: Path) -> None:
    with Kernel(paths=Paths(home, home / "cache")):
        assert not home.exists()


def test_starts_that_are_under_way_do_not_accuse_each_other(home: Path) -> None:
    first, second = Start(home), Start(home)
    first.at("one")
    second.at("two")
    second.at("three")
    assert crashed(home) == []
    first.over()
    second.over()
    assert os.listdir(home) == []


def test_where_nothing_can_be_written_a_start_goes_on(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    start = Start(tmp_path / "file" / "data")
    start.at("one")
    start.over()
    assert crashed(tmp_path / "file" / "data") == []
