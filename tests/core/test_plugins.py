"""Plugins: found, isolated, reported."""

from __future__ import annotations

import importlib
import json
import os
import os.path
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from alveary import Kernel
from alveary.distributions import EntryPoint
from alveary.errors import UnknownPluginError
from alveary.paths import Paths
from alveary.plugins import GROUP, WINDOW_GROUP, PluginInfo

ROOT = Path(__file__).parents[2]

EXPORTER = """
from alveary import ExporterSpec, hookimpl

@hookimpl
def alveary_exporters():
    return [ExporterSpec(id="{id}", summary="", factory="nowhere:Nothing")]
"""


def info_of(kernel: Kernel, name: str) -> PluginInfo:
    return next(info for info in kernel.plugins.infos if info.name == name)


def load(home: Path, *, safe_mode: bool = False) -> Kernel:
    return Kernel(paths=Paths(home, home / "cache"), safe_mode=safe_mode)


def test_ours_are_found_through_entry_points(kernel: Kernel) -> None:
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["entry-points"]
    declared = {name for group in (GROUP, WINDOW_GROUP) for name in groups[group]}
    assert {info.name for info in kernel.plugins.infos if info.built_in} == declared
    assert info_of(kernel, "sqlite").declares == {"drivers": ["sqlite"], "explainers": ["sqlite"]}
    assert kernel.plugins.faults == []


def test_a_strangers_plugin_comes_through_the_same_door(install: Callable[..., None], home: Path) -> None:
    install("alveary-dots", EXPORTER.format(id="dots"), {"dots": "alveary_dots"}, "3.1")
    with load(home) as kernel:
        info = info_of(kernel, "dots")
        assert (info.distribution, info.version, info.built_in, info.state) == ("alveary-dots", "3.1", False, "loaded")
        assert info.declares == {"exporters": ["dots"]}
        assert "dots" in kernel.plugins.exporters.ids()


HOSTILE = {
    "import error": ("import no_such_module", "import", "ModuleNotFoundError"),
    "syntax error": ("def (", "import", "SyntaxError"),
    "exits": ("import sys; sys.exit(3)", "import", "SystemExit: 3"),
    "raises at import": ("raise RuntimeError('boom')", "import", "RuntimeError: boom"),
    "raises in a hook": (
        "from alveary import hookimpl\n@hookimpl\ndef alveary_drivers(): raise RuntimeError('boom')",
        "alveary_drivers",
        "RuntimeError: boom",
    ),
    "exits in a hook": (
        "import sys\nfrom alveary import hookimpl\n@hookimpl\ndef alveary_commands(): sys.exit()",
        "alveary_commands",
        "SystemExit",
    ),
    "answers no list": (
        "from alveary import hookimpl\n@hookimpl\ndef alveary_drivers(): return 42",
        "alveary_drivers",
        "answered int, not a list of DriverSpec",
    ),
    "answers text": (
        "from alveary import hookimpl\n@hookimpl\ndef alveary_drivers(): return 'sqlite'",
        "alveary_drivers",
        "answered str, not a list of DriverSpec",
    ),
    "answers another spec": (
        "from alveary import hookimpl, ExporterSpec\n@hookimpl\n"
        "def alveary_drivers(): return [ExporterSpec(id='x', summary='', factory='x:y')]",
        "alveary_drivers",
        "answered a ExporterSpec where a DriverSpec is due",
    ),
    "fields of the wrong type": (
        "from alveary import hookimpl, ExporterSpec\n@hookimpl\n"
        "def alveary_exporters(): return [ExporterSpec(id='x', summary=7, factory='x:y')]",
        "alveary_exporters",
        "Expected `str`, got `int` - at `$.summary`",
    ),
    "a factory that is no reference": (
        "from alveary import hookimpl, ExporterSpec\n@hookimpl\n"
        "def alveary_exporters(): return [ExporterSpec(id='x', summary='', factory='x')]",
        "alveary_exporters",
        "at `$.factory`",
    ),
    "a taken id": (EXPORTER.format(id="csv"), "alveary_exporters", "'csv' is left out: 'csv' is declared already"),
    "a taken scheme": (
        "from alveary import hookimpl, DriverSpec\n@hookimpl\n"
        "def alveary_drivers(): return [DriverSpec(id='x', name='X', schemes=('sqlite',), factory='x:y')]",
        "alveary_drivers",
        "'sqlite' is declared already",
    ),
    "a taken verb": (
        "from alveary import hookimpl, CommandSpec\n@hookimpl\n"
        "def alveary_commands(): return [CommandSpec(id='x.y', summary='', factory='x:y', verb='doctor')]",
        "alveary_commands",
        "'verb doctor' is declared already",
    ),
    "needs an unknown argument": (
        "from alveary import hookimpl\n@hookimpl\ndef alveary_drivers(window): return []",
        "register",
        "PluginValidationError",
    ),
    "implements an unknown hook": (
        "from alveary import hookimpl\n@hookimpl\ndef alveary_brews_coffee(): return []",
        "register",
        "PluginValidationError",
    ),
    "prints, closes the output and interrupts": (
        "import sys; print('data?'); sys.stdout.close(); raise KeyboardInterrupt",
        "import",
        "KeyboardInterrupt",
    ),
    "an error that can not be told": (
        "class E(Exception):\n    def __str__(self): raise E()\nraise E()",
        "import",
        "E: (it can't be told)",
    ),
    "no scheme": (
        "from alveary import hookimpl, DriverSpec\n@hookimpl\n"
        "def alveary_drivers(): return [DriverSpec(id='x', name='X', schemes=(), factory='x:y', file_based=True)]",
        "alveary_drivers",
        "at `$.schemes`",
    ),
    "never ends": (
        "import itertools\nfrom alveary import hookimpl, ExporterSpec\n@hookimpl\n"
        "def alveary_exporters():\n"
        "    for n in itertools.count(): yield ExporterSpec(id=f'x{n}', summary='', factory='x:y')",
        "alveary_exporters",
        "more than 1000 specs",
    ),
}


@pytest.mark.parametrize("way", HOSTILE)
def test_a_hostile_plugin_is_named_and_stops_nothing(way: str, install: Callable[..., None], home: Path) -> None:
    code, stage, cause = HOSTILE[way]
    install("hostile", code, {"hostile": "hostile"})
    install("polite", EXPORTER.format(id="polite"), {"polite": "polite"})
    with load(home) as kernel:
        (fault,) = kernel.plugins.faults
        assert (fault.plugin, fault.stage) == ("hostile", stage)
        assert cause in fault.cause
        assert {"sqlite"} <= set(kernel.plugins.drivers.ids())
        assert {"csv", "polite"} <= set(kernel.plugins.exporters.ids())
        assert kernel.connect("sqlite:///:memory:").run("select 1")


def test_one_bad_spec_does_not_take_the_good_ones_along(install: Callable[..., None], home: Path) -> None:
    install(
        "mixed",
        "from alveary import hookimpl, ExporterSpec\n@hookimpl\ndef alveary_exporters():\n"
        "    return [None, ExporterSpec(id='good', summary='', factory='x:y')]",
        {"mixed": "mixed"},
    )
    with load(home) as kernel:
        assert "good" in kernel.plugins.exporters.ids()
        assert [fault.plugin for fault in kernel.plugins.faults] == ["mixed"]


def test_two_plugins_of_one_name_are_told_apart_and_ours_wins(install: Callable[..., None], home: Path) -> None:
    install("pretender", EXPORTER.format(id="other"), {"sqlite": "pretender"})
    with load(home) as kernel:
        assert "other" not in kernel.plugins.exporters.ids()
        assert kernel.plugins.drivers.find("sqlite") is not None
        (fault,) = kernel.plugins.faults
        assert "same entry-point name" in fault.cause


def test_nobody_can_take_a_built_in_plugin_away(install: Callable[..., None], home: Path) -> None:
    install("thief", "", {"mine": "alveary_plugins.drivers.sqlite", "none": "os:devnull.nothing", "empty": "thief:x"})
    with load(home) as kernel:
        assert {fault.plugin for fault in kernel.plugins.faults} == {"mine", "none", "empty"}
        assert "sqlite" in kernel.plugins.drivers.ids()


@pytest.mark.parametrize("reader", ["importlib.metadata", "importlib_metadata"])
def test_broken_metadata_hides_nobody(install: Callable[..., None], home: Path, tmp_path: Path, reader: str) -> None:
    importlib.import_module(reader)  # the backport, which keyring brings, takes the place of Python's own reader
    for name, metadata, entry_points in (
        ("nameless", "Version: 1\n", "[alveary]\na = nowhere\n"),
        ("versionless", "Name: versionless\n", "[alveary]\nb = nowhere\n"),
        ("noise", "Name: noise\nVersion: 1\n", "no section\n[alveary\n==="),
        ("bytes", "Name: bytes\nVersion: 1\n", "[alveary]\n\udcff = x"),
    ):
        folder = tmp_path / "site" / f"{name}-1.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(metadata)
        (folder / "entry_points.txt").write_bytes(entry_points.encode("utf-8", "surrogateescape"))
    install("polite", EXPORTER.format(id="polite"), {"polite": "polite"})
    with load(home) as kernel:
        assert {"csv", "polite"} <= set(kernel.plugins.exporters.ids())
        assert {"a", "b"} <= {fault.plugin for fault in kernel.plugins.faults}
        assert kernel.run("plugins.list")


def test_the_plain_way_finds_what_python_finds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive, egg, wheel = tmp_path / "a.zip", tmp_path / "old-1.egg", tmp_path / "new-1.dist-info"
    lines = "# none\n\n[ other ]\nx = y\n[alveary]\n one= pack.age:some.thing [extra]\n# two = no\n"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("zipped-1.dist-info/METADATA", "Name: zipped\nVersion: 1\n\nName: no\n")
        file.writestr("zipped-1.dist-info/entry_points.txt", lines)
    for folder, headers in ((egg / "EGG-INFO", "PKG-INFO"), (wheel, "METADATA")):
        folder.mkdir(parents=True)
        (folder / headers).write_text("name:  what\nSummary: a: b\nVersion: 2.0\n\nVersion: 3\n")
        (folder / "entry_points.txt").write_text(lines)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(map(str, (archive, egg, tmp_path))))
    done = subprocess.run([sys.executable, "-c", BOTH_WAYS], capture_output=True, text=True, check=True)
    plain, theirs, with_a_finder = done.stdout.splitlines()
    assert plain == theirs == with_a_finder
    for name in ("alveary", "zipped", "what"):
        assert f"('{name}', " in plain


BOTH_WAYS = """
import sys
from alveary.distributions import bringing
groups = ("alveary", "alveary.window")

def ours():
    return sorted((each.name, each.version, entry.group, entry.name, entry.value)
                  for each in bringing(groups) for entry in each.entry_points)

print(ours())
from importlib.metadata import distributions
print(sorted((each.metadata["Name"], each.version, entry.group, entry.name, entry.value)
             for each in distributions() for entry in each.entry_points if entry.group in groups))
sys.meta_path.append(type("Finder", (), {"find_distributions": lambda context: []}))
print(ours())
"""


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("os", os),
        (" os [posix] ", os),
        ("os:path", os.path),
        ("os : path.join", os.path.join),
        ("os.path:join[x]", os.path.join),
    ],
)
def test_an_entry_point_leads_to_a_module_or_to_what_stands_in_it(value: str, expected: object) -> None:
    assert EntryPoint(GROUP, "x", value).load() is expected


PANEL = """
from alveary import CommandSpec, hookimpl
from alveary.contracts.window import PanelSpec

@hookimpl
def alveary_commands():
    return [CommandSpec(id="{id}", summary="", factory="nowhere:nothing", verb="{verb}")]

@hookimpl
def alveary_panels():
    return [PanelSpec(id="{id}", title="Late", factory="nowhere:Nothing", dock="left")]
"""


def test_what_only_a_window_needs_is_loaded_when_it_is_asked_for(home: Path) -> None:
    asked: list[Callable[[Kernel], object]] = [
        lambda kernel: kernel.plugins.commands.find("window.open"),
        lambda kernel: kernel.plugins.commands.find("verb window"),
        lambda kernel: "editor.new" in {spec.id for spec in kernel.commands},
        lambda kernel: kernel.commands.get("editor.new"),
        lambda kernel: kernel.settings.get("window.theme"),
        lambda kernel: kernel.plugins.panels.find("editor"),
        lambda kernel: "dark" in kernel.plugins.themes.ids(),
        lambda kernel: info_of(kernel, "panel-editor").declares["panels"],
    ]
    for ask in asked:
        with load(home) as kernel:
            assert kernel.plugins.drivers.find("sqlite")
            assert kernel.plugins.commands.find("query.run")
            assert "editor.new" not in {spec.id for spec in kernel.plugins.commands.so_far()}
            assert ask(kernel)
            assert "editor.new" in {spec.id for spec in kernel.plugins.commands.so_far()}


def test_a_stranger_takes_nothing_from_a_plugin_that_is_loaded_later(install: Callable[..., None], home: Path) -> None:
    install("thief", PANEL.format(id="editor.new", verb="window"), {"thief": "thief"})
    with load(home) as kernel:
        spec = kernel.plugins.commands.find("editor.new")
        assert spec is not None
        assert spec.factory.startswith("alveary_plugins.panels.editor")
        assert kernel.commands.verb("window") is kernel.plugins.commands.find("window.open")
        assert "is declared already" in kernel.plugins.faults_so_far[0].cause


def test_a_strangers_plugin_for_the_window_waits_for_it_too(
    install: Callable[..., None], alveary: Callable[..., Any], shop_url: str
) -> None:
    code = "print('data?'); open('imported', 'w').close()\n" + PANEL.format(id="late.show", verb="late show")
    install("late", code, {"late": "late"}, group=WINDOW_GROUP)
    install("broken", "raise RuntimeError('boom')", {"broken": "broken"}, group=WINDOW_GROUP)
    queried = alveary("query", shop_url, "select 1 as one", "--format", "csv")
    assert (queried.status, queried.out, queried.err) == (0, "one\n1\n", "")
    assert not Path("imported").exists()
    assert "late" in alveary("--help").out
    assert "show" in alveary("late", "--help").out
    listed = {plugin["name"]: plugin for plugin in json.loads(alveary("plugins", "--format", "json").out)["plugins"]}
    assert listed["late"]["declares"] == {"commands": ["late.show"], "panels": ["late.show"]}
    assert listed["broken"]["faults"][0]["cause"] == "RuntimeError: boom"
    assert "no such thing" in alveary("late", "no such thing").err
    assert "can't be loaded" in alveary("run", "late.show").err
    assert alveary("doctor", "--format", "json").out.count("RuntimeError: boom") == 2


def test_what_others_print_while_a_plugin_is_loaded_is_theirs(
    install: Callable[..., None], home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = "import threading\nprint('mine')\nthread = threading.Thread(target=print, args=('yours',))\n"
    install("chatty", code + "thread.start(); thread.join()", {"chatty": "chatty"}, group=WINDOW_GROUP)
    with load(home) as kernel:
        assert info_of(kernel, "chatty").state == "loaded"
    assert capsys.readouterr().out == "yours\n"


def test_a_guard_that_would_come_too_late_is_a_fault(install: Callable[..., None], home: Path) -> None:
    review = "from alveary import hookimpl\n@hookimpl\ndef alveary_review(statement, profile):\n    return None\n"
    install("late", review, {"late": "late"}, group="alveary.window")
    with load(home) as kernel:
        assert ("late", "register") in [(fault.plugin, fault.stage) for fault in kernel.plugins.faults]
        assert "late" not in kernel.plugins.guards


def test_safe_mode_does_not_even_import_a_strangers_plugin(install: Callable[..., None], home: Path) -> None:
    install("hostile", "open('imported', 'w').close(); raise SystemExit", {"hostile": "hostile"})
    with load(home, safe_mode=True) as kernel:
        assert info_of(kernel, "hostile").state == "skipped"
        assert kernel.plugins.faults == []
        assert "sqlite" in kernel.plugins.drivers.ids()
    assert not Path("imported").exists()


def test_a_disabled_plugin_stays_disabled_until_enabled(install: Callable[..., None], home: Path) -> None:
    install("alveary-dots", EXPORTER.format(id="dots"), {"dots": "alveary_dots"})
    with load(home) as kernel:
        kernel.run("plugins.disable", {"name": "dots"})
        assert "dots" in kernel.plugins.exporters.ids()  # this kernel goes on as it is
    with load(home) as kernel:
        assert info_of(kernel, "dots").state == "disabled"
        assert "dots" not in kernel.plugins.exporters.ids()
        kernel.run("plugins.enable", {"name": "dots"})
    with load(home) as kernel:
        assert "dots" in kernel.plugins.exporters.ids()


def test_safe_mode_brings_disabled_built_ins_back(home: Path) -> None:
    with load(home) as kernel:
        kernel.run("plugins.disable", {"name": "sqlite"})
    with load(home) as kernel:
        assert "sqlite" not in kernel.plugins.drivers.ids()
    with load(home, safe_mode=True) as kernel:
        assert "sqlite" in kernel.plugins.drivers.ids()


def test_an_unknown_plugin_cannot_be_disabled(kernel: Kernel) -> None:
    with pytest.raises(UnknownPluginError, match="'nobody'"):
        kernel.run("plugins.disable", {"name": "nobody"})


@pytest.mark.parametrize("content", ["{", "[]", '{"disabled": ["\u00ff"]}', '{"other": []}', '{"disabled": [1]}', ""])
def test_damaged_choices_are_a_fault_and_stay_as_they_are(content: str, home: Path) -> None:
    home.mkdir()
    (home / "plugins.json").write_text(content, "latin-1")
    with load(home) as kernel:
        (fault,) = kernel.plugins.faults
        assert fault.stage == "choices"
        assert "sqlite" in kernel.plugins.drivers.ids()
    assert (home / "plugins.json").read_text("latin-1") == content


def test_the_command_line_names_a_hostile_plugin_and_answers_all_the_same(
    install: Callable[..., None], alveary: Callable[..., Any], shop_url: str
) -> None:
    install("hostile", "print('into your data'); raise RuntimeError('boom')", {"hostile": "hostile"}, "6.6")
    listed = alveary("plugins", "--format", "json")
    plugins = {plugin["name"]: plugin for plugin in json.loads(listed.out)["plugins"]}
    assert plugins["hostile"]["version"] == "6.6"
    assert plugins["hostile"]["faults"][0]["cause"] == "RuntimeError: boom"
    queried = alveary("query", shop_url, "select 1 as one", "--format", "csv")
    assert (queried.status, queried.out, queried.err) == (0, "one\n1\n", "")
