"""The other verbs: demo, catalog, plugins, commands, doctor, run; each prints JSON when asked."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click
import pytest

from alveary.cli.app import App
from alveary.cli.verbs import Verbs

Alveary = Callable[..., Any]


def test_version_and_help(alveary: Alveary) -> None:
    assert alveary("--version").out == f"alveary {version('alveary')}\n"
    shown = alveary("--help")
    assert shown.status == 0
    for verb in ("catalog", "demo", "doctor", "plugins", "query", "run"):
        assert f"  {verb} " in shown.out
    assert alveary().out == shown.out
    for verb in ("query", "plugins", "catalog", "demo", "run"):
        assert alveary(verb, "--help").status == 0


def test_every_option_says_what_it_does() -> None:
    silent, seen = [], 0
    with App(safe_mode=False, json_errors=False) as app:
        commands: list[tuple[str, click.Command]] = [("alveary", Verbs(app))]
        while commands:
            name, command = commands.pop()
            seen += 1
            silent += [
                f"{name} {each.name}" for each in command.params if isinstance(each, click.Option) and not each.help
            ]
            if isinstance(command, click.Group):
                context = click.Context(command)
                below = ((each, command.get_command(context, each)) for each in command.list_commands(context))
                commands += [(f"{name} {verb}", found) for verb, found in below if found is not None]
    assert silent == []
    assert seen > 40


def test_the_demo_makes_a_sample_once_and_shows_queries(alveary: Alveary, home: Path) -> None:
    first = alveary("demo")
    assert (first.status, first.err) == (0, "")
    assert first.out.startswith(f"Made a sample database: {home}/sample.db\n")
    assert "O'Hara's Hexagons" in first.out
    assert "9223372036854775807" in first.out
    again = json.loads(alveary("demo", "--format", "json").out)
    assert again["created"] is False
    assert again["results"][2]["rows"] == [[None, "", "9223372036854775807", "0.1", "0x00FF"]]


def test_what_the_demo_says_to_try_next_works(alveary: Alveary) -> None:
    for line in json.loads(alveary("demo", "--format", "json").out)["next"]:
        import shlex

        program, *arguments = shlex.split(line)
        assert program == "alveary"
        assert alveary(*arguments).status == 0


def test_the_demo_goes_where_it_is_told_and_overwrites_nothing(alveary: Alveary, tmp_path: Path) -> None:
    assert alveary("demo", "--file", "a b#?.db").status == 0
    assert (tmp_path / "a b#?.db").exists()
    (tmp_path / "mine.db").write_text("not a database at all" * 100)
    ran = alveary("demo", "--file", "mine.db")
    assert (ran.status, "not_a_database" in ran.err) == (3, True)
    assert (tmp_path / "mine.db").read_text() == "not a database at all" * 100


@pytest.fixture
def library(tmp_path: Path) -> str:
    connection = sqlite3.connect(tmp_path / "library.db")
    connection.executescript(
        "create table author (id integer primary key, name text not null);"
        "create table book (id integer primary key, author_id integer references author (id), title text default '?');"
        "create view titles as select title from book;"
        "create unique index one_title on book (author_id, title);"
    )
    connection.close()
    return "sqlite:///library.db"


def test_the_catalog_level_by_level(alveary: Alveary, library: str) -> None:
    listing = json.loads(alveary("catalog", library, "--format", "json").out)
    assert listing["schemas"] == ["main"]
    assert [(each["name"], each["kind"]) for each in listing["relations"]] == [
        ("author", "table"), ("book", "table"), ("titles", "view"),
    ]  # fmt: skip
    assert json.loads(alveary("catalog", library, "main", "--format", "json").out) == listing
    for path in ("book", "main.book", '"main"."book"'):
        book = json.loads(alveary("catalog", library, path, "--format", "json").out)
        assert [each["name"] for each in book["columns"]] == ["id", "author_id", "title"]
        assert book["columns"][2]["default"] == "'?'"
        assert [each["name"] for each in book["indexes"]] == ["one_title"]
        assert book["foreign_keys"][0]["target_relation"] == "author"
    shown = alveary("catalog", library, "book").out
    assert "author_id" in shown
    assert "one_title" in shown


def test_the_catalog_finds_names_in_any_case(alveary: Alveary, library: str) -> None:
    found = json.loads(alveary("catalog", library, "--search", "TITLE", "--format", "json").out)
    assert [each["name"] for each in found["relations"]] == ["titles"]
    assert [(each["relation"], each["name"]) for each in found["columns"]] == [("book", "title"), ("titles", "title")]
    scattered = json.loads(alveary("catalog", library, "--search", "auid", "--format", "json").out)
    assert [(each["relation"], each["name"]) for each in scattered["columns"]] == [("book", "author_id")]
    by_path = json.loads(alveary("catalog", library, "--search", "book.id", "--format", "json").out)
    assert [(each["relation"], each["name"]) for each in by_path["columns"]] == [("book", "id")]
    nothing = json.loads(alveary("catalog", library, "--search", "zzz", "--format", "json").out)
    assert (nothing["relations"], nothing["columns"]) == ([], [])


def test_a_path_to_nothing_is_an_error(alveary: Alveary, library: str) -> None:
    for path in ("nothing", "nowhere.book", "Book"):
        ran = alveary("catalog", library, path)
        assert (ran.status, "unknown_object" in ran.err) == (2, True)
    assert alveary("catalog", library, "a..b").status == 2


def test_plugins_are_listed_disabled_and_enabled(alveary: Alveary) -> None:
    listed = alveary("plugins")
    assert re.search(
        r"^sqlite +0\.1\.0 +alveary +loaded +drivers: sqlite; explainers: sqlite$", listed.out, re.MULTILINE
    )
    assert re.search(r"^guards +0\.1\.0 +alveary +loaded +answers: review$", listed.out, re.MULTILINE)
    assert alveary("plugins", "disable", "demo").out == "demo is disabled from the next start on\n"
    assert alveary("demo").status == 2
    states = {each["name"]: each["state"] for each in json.loads(alveary("plugins", "--format", "json").out)["plugins"]}
    assert states["demo"] == "disabled"
    assert json.loads(alveary("plugins", "enable", "demo", "--format", "json").out) == {
        "plugin": "demo",
        "enabled": True,
    }
    assert alveary("demo").status == 0
    assert alveary("plugins", "disable", "nobody").status == 2


def test_safe_mode_works_before_and_after_the_verb(alveary: Alveary, install: Callable[..., None]) -> None:
    install("hostile", "raise RuntimeError('boom')", {"hostile": "hostile"})
    assert "RuntimeError: boom" in alveary("plugins").out
    for arguments in (("--safe-mode", "plugins"), ("plugins", "--safe-mode")):
        ran = alveary(*arguments)
        assert "boom" not in ran.out
        assert "skipped" in ran.out


def test_doctor_finds_what_is_wrong(alveary: Alveary, home: Path, install: Callable[..., None]) -> None:
    assert "no problems found" in alveary("doctor").out
    install("hostile", "raise RuntimeError('boom')", {"hostile": "hostile"})
    home.mkdir(mode=0o755)
    home.chmod(0o755)
    diagnosis = json.loads(alveary("doctor", "--format", "json").out)
    assert diagnosis["alveary"] == version("alveary")
    assert [driver["id"] for driver in diagnosis["drivers"]] == ["mysql", "postgres", "sqlite"]
    assert any("mode 0755" in problem for problem in diagnosis["problems"])
    assert any("plugin hostile failed at import: RuntimeError: boom" in problem for problem in diagnosis["problems"])


def test_every_command_is_listed_with_its_schema(alveary: Alveary) -> None:
    commands = json.loads(alveary("commands", "--format", "json").out)
    assert {"query.run", "catalog.list", "plugins.list", "doctor.run", "demo.run"} <= {each["id"] for each in commands}
    (query,) = json.loads(alveary("commands", "query.run", "--format", "json").out)
    assert "QueryParameters" in query["schema"]["$defs"]
    assert alveary("commands", "coffee.brew").status == 2


def test_any_command_runs_by_its_id(alveary: Alveary, shop_url: str) -> None:
    ran = alveary("run", "query.run", f"target={shop_url}", 'sql:=["select 1 as a"]', "format=csv", "limit=5")
    assert ran.out.startswith('a\n1\n{"statements":1,')
    assert alveary("run", "query.run", "target").status == 2
    assert alveary("run", "coffee.brew").status == 2


def test_the_log_is_silent_unless_asked_for(alveary: Alveary, shop_url: str) -> None:
    ran = alveary("query", shop_url, "select 1", env={"ALVEARY_LOG": "info"})
    assert "alveary.commands: command query.run: ok in" in ran.err
    wrong = alveary("doctor", env={"ALVEARY_LOG": "loud"})
    assert (wrong.status, "ALVEARY_LOG" in wrong.err) == (2, True)


def test_a_driver_whose_package_is_missing_names_the_extra(alveary: Alveary, install: Callable[..., None]) -> None:
    install(
        "nodrv",
        "from alveary import DriverSpec, hookimpl\n@hookimpl\ndef alveary_drivers():\n"
        "    return [DriverSpec(id='no', name='NoDB', schemes=('no',), factory='x:y',"
        " package='no_such_pkg', extra='no')]",
        {"nodrv": "nodrv"},
    )
    ran = alveary("query", "no://host/db", "select 1")
    assert (ran.status, "missing_package" in ran.err, "pip install 'alveary[no]'" in ran.err) == (2, True, True)
    drivers = {each["id"]: each for each in json.loads(alveary("doctor", "--format", "json").out)["drivers"]}
    assert drivers["no"]["missing"] == "no_such_pkg"
