"""The example of a driver: installed by pip into a clean environment, found there, and passing the suite."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import venv
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "alveary-duckdb"
PROGRAMS = "Scripts" if os.name == "nt" else "bin"

Run = Callable[..., subprocess.CompletedProcess[str]]


def finish(*command: str | Path, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Run a command without what leads Python to other packages, and return how it went."""
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME")}
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=600, check=False)


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment with wheels of Alveary and of the example, and with nothing but what these ask for."""
    folder = tmp_path_factory.mktemp("duckdb")
    wheels, environment = folder / "wheels", folder / "env"
    for project in (ROOT, EXAMPLE):
        built = finish(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", wheels, cwd=project)
        assert built.returncode == 0, built.stderr
    venv.create(environment)
    pip = (sys.executable, "-m", "pip", "--python", environment / PROGRAMS / "python", "--no-input", "--quiet")
    (alveary,), (example,) = wheels.glob("alveary-*.whl"), wheels.glob("alveary_duckdb-*.whl")
    installed = finish(*pip, "install", alveary, f"{example}[test]")
    if installed.returncode:
        served = finish(*pip, "download", "--no-deps", "-d", folder / "probe", "duckdb>=2.0", "pytest>=9.0")
        if served.returncode == 0 or os.environ.get("CI") == "true":
            pytest.fail(f"the example can't be installed: {installed.stderr[-2000:]}", pytrace=False)
        pytest.skip("no package index serves DuckDB 2 here, so the example was not installed and not tested")
    return environment


@pytest.fixture
def run(environment: Path, tmp_path: Path) -> Run:
    """Run a program of the environment, in a folder that holds nothing."""

    def run(program: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        return finish(environment / PROGRAMS / program, *arguments, cwd=tmp_path)

    return run


def test_it_is_found_by_its_entry_point(run: Run, environment: Path) -> None:
    listed = run("alveary", "plugins", "--format", "json")
    (plugin,) = [
        plugin for plugin in json.loads(listed.stdout)["plugins"] if plugin["distribution"] == "alveary-duckdb"
    ]
    assert (plugin["name"], plugin["state"]) == ("duckdb", "loaded")
    assert plugin["declares"] == {"drivers": ["duckdb"], "explainers": ["duckdb"], "answers": ["complete"]}
    where = run("python", "-c", "import alveary, alveary_duckdb; print(alveary.__file__, alveary_duckdb.__file__)")
    assert where.stdout.count(str(environment)) == 2, where


def test_it_answers_on_the_command_line(run: Run, tmp_path: Path) -> None:
    url = f"duckdb:///{tmp_path}/bees.duckdb"
    answer = run("alveary", "query", url, "select 42", "--format", "csv")
    assert (answer.returncode, answer.stdout, answer.stderr) == (0, "42\n42\n", "")
    assert run("alveary", "query", url, "create table bee (k integer primary key, v varchar)").returncode == 0
    named = run(
        "alveary", "query", url, "insert into bee values (:k, :v) returning v", "--param", "k:=1", "--param", "v=é"
    )
    assert (named.returncode, "é" in named.stdout) == (0, True), named
    assert "bee" in run("alveary", "catalog", url).stdout
    assert "v" in run("alveary", "complete", url, "select  from bee", "--at", "7").stdout.split()
    assert "exclude ()" in run("alveary", "complete", url, "select * ex").stdout
    failed = run("alveary", "query", url, "selec 1")
    assert (failed.returncode, "syntax_error" in failed.stderr) == (1, True), failed
    refused = run("alveary", "query", "--read-only", url, "delete from bee")
    assert (refused.returncode, "read_only" in refused.stderr) == (1, True), refused


def test_it_passes_the_suite_there(run: Run) -> None:
    tested = run("python", "-m", "pytest", EXAMPLE / "tests", "-q", "-rs", "-p", "no:cacheprovider", "-W", "error")
    assert tested.returncode == 0, tested.stdout[-5000:]
    reasons = re.findall(r"SKIPPED .*?: (.*)", tested.stdout)
    assert {reason.rpartition(" ")[2] for reason in reasons} == {"'copy'", "'dependencies'"}, (
        "it declares everything else"
    )
    passed = re.search(r"(\d+) passed", tested.stdout)
    assert passed is not None
    assert int(passed[1]) > 100
    assert run("python", "-c", "import hypothesis").returncode == 1, "the suite needs nothing but pytest"


def test_it_is_as_small_as_it_says() -> None:
    """Lines of Python that are not blank; what tests it and asks DuckDB (SQL) not counted."""

    def lines(*names: str) -> int:
        sources = [EXAMPLE / "alveary_duckdb" / name for name in names]
        return sum(bool(line.strip()) for source in sources for line in source.read_text("utf-8").splitlines())

    assert lines("driver.py", "catalog.py") < 150
    assert lines("completion.py") < 40
    assert lines("explaining.py") < 40
    suite = (EXAMPLE / "tests" / "test_conformance.py").read_text("utf-8")
    assert len([line for line in suite.partition("class ")[2].splitlines() if line.strip()]) <= 10
