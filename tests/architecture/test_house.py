"""Rules of the house that no type checker knows: what may be imported when, what ships, what is documented."""

from __future__ import annotations

import importlib.util
import inspect
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

import alveary
from alveary import hookspecs
from alveary.errors import AlvearyError, InternalError, every_error

ROOT = Path(__file__).parents[2]
PACKAGES = {
    "alveary": "core/alveary",
    "alveary_plugins": "plugins/alveary_plugins",
    "alveary_shell": "shell/alveary_shell",
    "alveary_migrations": "alembic/alveary_migrations",
}
HEAVY = ("sqlite3", "sqlalchemy", "alembic", "tkinter", "ttkbootstrap", "psycopg", "pymysql", "paramiko", "keyring",
         "asyncio", "multiprocessing", "http", "email.mime", "pytest", "_pytest")  # fmt: skip


def tracked(*under: str) -> list[str]:
    listed = subprocess.run(["git", "ls-files", *under], cwd=ROOT, capture_output=True, text=True, check=True)
    return listed.stdout.splitlines()


def sources() -> Iterator[Path]:
    for name in tracked(*PACKAGES.values(), "docs", "bench", "examples"):
        if name.endswith(".py") and (ROOT / name).exists():
            yield ROOT / name


def imported_by(code: str, home: Path) -> set[str]:
    script = f"import sys\n{code}\nprint(*sys.modules, sep='\\n')"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=home.parent)
    return set(done.stdout.splitlines())


def test_loading_every_declaration_imports_no_database_library_and_no_window(home: Path) -> None:
    modules = imported_by("from alveary import Kernel\nKernel()", home)
    assert "alveary_plugins.drivers.sqlite" in modules
    assert [name for name in HEAVY if name in modules] == []


def test_a_query_imports_only_its_own_driver_and_format(home: Path) -> None:
    run = "import contextlib, io\nfrom alveary.cli import run\n"
    modules = imported_by(run + "run(['query', 'sqlite:///:memory:', 'select 1', '--format', 'none'])", home)
    assert [name for name in HEAVY if name in modules] == ["sqlite3"]
    later = (
        "alveary_plugins.exporters.", "alveary_plugins.panels", "alveary_shell", "importlib.metadata",
        "alveary.tunnels", "alveary.forwarding", "alveary_plugins.tunnels.ssh.", "alveary_plugins.tunnels.openssh.",
        "alveary.completion", "alveary.contracts.completion", "alveary.matching", "alveary_plugins.completion",
    )  # fmt: skip
    assert [name for name in modules if name.startswith(later)] == []


def test_a_query_loads_nothing_of_the_window_whatever_its_format(home: Path) -> None:
    words = ["query", "sqlite:///:memory:", "select 1", "--format", "csv", "-o", f"{home}.csv"]
    modules = imported_by(f"from alveary.cli import run\nrun({words})", home)
    assert "alveary_plugins.exporters.delimited" in modules
    assert [name for name in modules if name.startswith(("alveary_plugins.panels", "alveary_shell"))] == []


def test_the_version_needs_no_kernel(home: Path) -> None:
    quiet = "sys.stdout = sys.stderr\nrun(['--version'])\nsys.stdout = sys.__stdout__"
    modules = imported_by(f"from alveary.cli import run\n{quiet}", home)
    assert "alveary_plugins" not in modules


def test_importing_alveary_costs_nothing(home: Path) -> None:
    assert {name for name in imported_by("import alveary", home) if name.startswith("alveary")} == {"alveary"}


def test_the_wheel_holds_what_git_holds(tmp_path: Path) -> None:
    """A careless line in .gitignore silently empties a wheel."""
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path], cwd=ROOT, check=True,
                   capture_output=True)  # fmt: skip
    (wheel,) = tmp_path.glob("*.whl")
    shipped = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    expected = {
        f"{package}/{name.removeprefix(folder + '/')}"
        for package, folder in PACKAGES.items()
        for name in tracked(folder)
        if (ROOT / name).exists()
    }
    assert shipped == expected


def test_the_public_door_is_complete_and_sorted() -> None:
    assert alveary.__all__ == sorted(alveary._HOME)
    for name in alveary.__all__:
        assert getattr(alveary, name).__doc__ or name in ("Cell", "Row", "Parameters", "Message", "hookimpl")
    with pytest.raises(AttributeError):
        alveary.nothing  # noqa: B018  # the access is the test


def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_reference_is_what_the_code_says() -> None:
    for file, text in generator().pages().items():
        assert file.read_text("utf-8") == text, f"{file} is stale; run: tox run -e docs"


def test_every_hook_says_when_where_how_dear_and_what_a_raise_does() -> None:
    for name, hook in vars(hookspecs).items():
        if name.startswith("alveary_"):
            words = " ".join((inspect.getdoc(hook) or "").split())
            for part in ("Called ", "on its thread", "cost", "Returns ", "If it raises"):
                assert part in words, f"{name} does not say {part!r}"
            assert f"@hookimpl\ndef {name}" in "\n".join(path.read_text("utf-8") for path in sources()), name


def test_every_error_has_a_code_of_its_own_and_says_what_it_means() -> None:
    errors = [error for error in every_error() if error is not AlvearyError]
    codes = [error.code for error in errors]
    assert len(set(codes)) == len(codes)
    assert InternalError.code == AlvearyError.code
    for error in errors:
        assert re.fullmatch(r"[a-z][a-z_]*", error.code)
        assert error.__doc__
        assert error.exit_status in (0, 1, 2, 3, 4, 130)


def test_every_error_survives_the_way_through_a_pipe() -> None:
    from alveary.errors import error_from_record

    for error in every_error():
        original = error("m", detail="d", hint="h", position=3, line=2, server_code="42", statement="s")
        back = error_from_record(original.record())
        assert back.record() == original.record()
        assert type(back) is (error if error is not AlvearyError else InternalError)


def test_every_module_says_what_its_room_is_for() -> None:
    for path in sources():
        first = path.read_text("utf-8").splitlines()[:1]
        assert first, path
        assert re.match(r'r?"""\S.*', first[0]), f"{path} does not begin with a sentence"


def test_every_ignore_has_its_reason() -> None:
    for path in [*sources(), *(ROOT / name for name in tracked("tests") if name.endswith(".py"))]:
        for number, line in enumerate(path.read_text("utf-8").splitlines(), start=1):
            where = f"{path}:{number}"
            if re.search(r"# (noqa|type: ignore)\b", line) and "re.search" not in line:
                assert re.search(r"# (noqa: [A-Z0-9, ]+|type: ignore\[[a-z, -]+\])  # \S", line), f"{where}: no reason"


def test_continuous_integration_runs_the_test_command_of_the_readme() -> None:
    commands = re.findall(r"```sh\n(.*?)\n```", (ROOT / "README.md").read_text("utf-8"), flags=re.DOTALL)
    assert commands[1] in (ROOT / ".ci" / "run").read_text("utf-8").splitlines()


def test_every_test_that_the_page_of_reliability_names_is_there() -> None:
    page = (ROOT / "docs" / "reliability.md").read_text()
    named = re.findall(r"`(\S+\.py)::(\w+)`", page)
    assert len(named) > 40
    for file, test in named:
        assert f"def {test}(" in (ROOT / "tests" / file).read_text(), f"{file}::{test}"
    for kind, last in (("F", 40), ("L", 10), ("P", 14)):
        spoken = set(re.findall(rf"\b{kind}(\d\d)\b", page))
        for first, end in re.findall(rf"\b{kind}(\d\d)–{kind}?(\d\d)\b", page):
            spoken |= {f"{number:02}" for number in range(int(first), int(end) + 1)}
        missing = {f"{number:02}" for number in range(1, last + 1)} - spoken
        assert not missing, f"{kind}: {sorted(missing)}"
