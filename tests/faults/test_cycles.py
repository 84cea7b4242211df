"""Query, cancel, export, over and over: the program that measures it is run for a while, and must end as it was."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).parents[2] / "bench" / "cycles.py"
CYCLES, WARM = 36, 12
MOST = 6.0
"""MB: what a few dozen cycles may add in an allocator's way of keeping what it has."""


@pytest.mark.skipif(not os.path.exists("/proc/self/smaps_rollup"), reason="what is held is read from Linux's /proc")
@pytest.mark.parametrize(("engine", "host"), [("sqlite", "process"), ("postgres", "thread"), ("mariadb", "thread")])
def test_nothing_is_held_that_was_not_before(
    request: pytest.FixtureRequest, tmp_path: Path, engine: str, host: str
) -> None:
    url = f"sqlite:///{tmp_path}/bees.db?mode=rwc" if engine == "sqlite" else request.getfixturevalue(f"{engine}_url")
    environment = {**os.environ, "ALVEARY_HOME": str(tmp_path / "home")}
    words = [sys.executable, str(PROGRAM), url, host, str(CYCLES), str(WARM)]
    done = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    for what in ("threads", "processes", "descriptors"):
        assert said["end"][what] == said["warm"][what], said
    assert said["end"]["memory"] - said["warm"]["memory"] < MOST, said
