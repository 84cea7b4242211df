"""Alveary as a library: the snippet of the README, the fixtures for testers, kernels that leave nothing behind."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from alveary import Kernel, Session

ROOT = Path(__file__).parents[2]

pytest_plugins = ["pytester"]


def test_the_readmes_snippet_runs(tmp_path: Path) -> None:
    (snippet,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), flags=re.DOTALL)
    subprocess.run([sys.executable, "-m", "alveary", "demo", "--file", "sample.db"], cwd=tmp_path, check=True,
                   stdout=subprocess.DEVNULL, timeout=60)  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", snippet], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.splitlines()[0] == "(1, 'The Honey Guides')"
    assert len(snippet.strip().splitlines()) <= 6


def test_the_fixtures_give_testers_a_kernel_and_a_session(alveary_kernel: Kernel, alveary_session: Session) -> None:
    alveary_session.run("create table bee (name text)")
    alveary_session.run("insert into bee values (:name)", {"name": "Maja"})
    result = alveary_session.run("select name from bee")
    assert result is not None
    assert list(result) == [("Maja",)]
    assert alveary_kernel.sessions() == [alveary_session]


def test_the_fixtures_are_found_by_pytest_itself(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        "import pytest\n"
        "@pytest.fixture\ndef alveary_target(tmp_path): return f'sqlite:///{tmp_path}/mine.db?mode=rwc'\n"
        "def test_it(alveary_session, tmp_path):\n"
        "    alveary_session.run('create table t (a)')\n"
        "    assert (tmp_path / 'mine.db').exists()\n"
    )
    pytester.runpytest_subprocess().assert_outcomes(passed=1)


def test_a_kernel_in_memory_leaves_nothing_behind() -> None:
    with Kernel.in_memory() as kernel:
        assert kernel.connect("sqlite:///:memory:").run("select 1")
        data = kernel.paths.data
        assert data.exists()
    assert not data.exists()
