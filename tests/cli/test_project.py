"""A project's file: connections without secrets and queries for a team, which can lower nothing and hide nothing."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from conftest import Ran

from alveary.project import find_file

Run = Callable[..., Ran]

PROJECT = """
[connections.shop]
url = "sqlite:///shop.db"
environment = "production"
confirm = { writes = "never" }
color = "teal"

[connections.far]
url = "postgresql://ann@db.example/shop"
tls = { mode = "verify-full", ca = "ca.pem" }

[queries."reports/all"]
file = "sql/all.sql"
connection = "shop"
tags = ["daily"]
parameters.id = { default = 0, description = "from here on" }
"""


@pytest.fixture
def project(tmp_path: Path, shop: Path) -> Path:
    (tmp_path / "sql").mkdir()
    (tmp_path / "sql" / "all.sql").write_text("select name from item where id > :id and id < 2")
    (tmp_path / "alveary.toml").write_text(PROJECT)
    return tmp_path / "alveary.toml"


def listed(alveary: Run) -> dict[str, dict[str, object]]:
    listing = json.loads(alveary("connections", "list", "--format", "json").out)
    return {each["name"]: each for each in listing["connections"]}


def test_its_connections_are_targets_and_say_where_they_stand(alveary: Run, project: Path, shop: Path) -> None:
    sources = {name: each["source"] for name, each in listed(alveary).items()}
    assert sources == {"shop": str(project), "far": str(project)}
    assert alveary("query", "SHOP", "select name from item where id = 1", "--format", "csv").out == "name\ncomb\n"
    assert str(project) in alveary("connections", "show", "shop").out
    shown = json.loads(alveary("connections", "show", "far", "--format", "json").out)
    assert shown["profile"]["tls"]["ca"] == str(project.parent / "ca.pem")


def test_templates_are_queries_and_a_parameter_may_be_its_default_alone(
    alveary: Run, project: Path, shop: Path
) -> None:
    text = PROJECT + '[templates.since]\nstatement = "select :day as day, :n as n"\n'
    project.write_text(text + "parameters = { day = 2024-02-29, n = 7 }\n")
    assert alveary("queries", "run", "since", "shop", "--format", "csv").out == "day,n\n2024-02-29,7\n"
    assert "since" in alveary("queries", "list").out


def test_it_is_found_from_a_folder_below(alveary: Run, project: Path, tmp_path: Path) -> None:
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    assert find_file(below) == project
    assert listed(lambda *words: alveary(*words, env={"ALVEARY_PROJECT": "none"})) == {}
    assert "far" in listed(lambda *words: alveary(*words, env={"ALVEARY_PROJECT": str(tmp_path)}))


def test_its_queries_run_with_their_defaults(alveary: Run, project: Path) -> None:
    ran = alveary("queries", "run", "reports/all", "--format", "csv")
    assert (ran.out, ran.err) == ("name\ncomb\n", "")
    shown = json.loads(alveary("queries", "list", "--format", "json").out)["queries"]
    (query,) = shown
    assert (query["path"], query["source"], query["tags"]) == ("reports/all", str(project), ["daily"])
    ran = alveary("queries", "delete", "reports/all")
    assert (ran.status, str(project) in ran.err) == (2, True)


def test_it_can_not_lower_a_guard(alveary: Run, project: Path, shop: Path) -> None:
    ran = alveary("query", "shop", "delete from item")
    assert (ran.status, "not_confirmed" in ran.err) == (2, True)
    with closing(sqlite3.connect(shop)) as db:
        assert db.execute("select count(*) from item").fetchone() == (3,)


def test_ones_own_comes_first_and_is_made_by_a_copy(alveary: Run, project: Path) -> None:
    for change in (["edit", "shop", "--color", "red"], ["remove", "shop"]):
        ran = alveary("connections", *change)
        assert ran.status == 2
        assert f"'shop' stands in {project}" in ran.err
        assert "alveary connections copy shop shop" in ran.err
    assert alveary("connections", "copy", "shop", "shop").status == 0
    assert (listed(alveary)["shop"]["source"], listed(alveary)["far"]["source"]) == (None, str(project))
    assert alveary("connections", "edit", "shop", "--color", "red").status == 0
    assert alveary("connections", "remove", "shop").status == 0
    assert listed(alveary)["shop"]["source"] == str(project)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[connections.x]\nurl = "postgresql://a:s3cr3t@h/x"', "its URL holds a password"),
        ('[connections.x]\nurl = "postgresql://a@h/x"\npassword = "s3cr3t"', "holds no passwords"),
        ('[connections.x]\nurl = "postgresql://a@h/x"\npassword_from = "command:touch x"', "holds no passwords"),
        ('[connections.x]\nurl = "postgresql://a@h/x?sslmode=disable"', "can't ask for disable"),
        ('[connections.x]\nurl = "postgresql://a@h/x"\ntls.mode = "prefer"', "can't ask for prefer"),
        ('[connections.x]\nurl = "postgresql://a@h/x"\nfrob = 1', "unknown field `frob`"),
        ('[connections.x]\ncolor = "red"', "missing required field `url`"),
        ('[connections."a\\u001b[31m"]\nurl = "sqlite:///x.db"', "which can't be seen"),
        ('[queries.x]\nfile = "../../../../etc/hostname"', "outside of the project"),
        ('[queries.x]\nfile = "link.sql"', "outside of the project"),
        ('[queries.x]\nfile = "nothing.sql"', "can't be read"),
        ('[queries.x]\nstatement = "select 1"\nfile = "x"', "given once"),
        ("[frob]", "'frob' is not known"),
        ("connections = 3", "connections is no table"),
        ("[connections", "is no TOML"),
    ],
)
def test_what_is_wrong_with_it_is_said_with_its_place(alveary: Run, tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "link.sql").symlink_to("/etc/hostname")
    (tmp_path / "alveary.toml").write_text(text)
    ran = alveary("query", "x", "select 1")
    assert (ran.status, ran.err.startswith(f"error project_file: {tmp_path / 'alveary.toml'}")) == (2, True)
    assert said in ran.err
    assert "s3cr3t" not in ran.err
    assert "\x1b" not in ran.err
    # One's own connections, and URLs, do not care.
    assert alveary("query", "sqlite:///:memory:", "select 1").status == 0
    assert "alveary.toml" in alveary("connections", "list").out


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can give a file away")
def test_a_file_of_somebody_else_is_not_looked_at(alveary: Run, project: Path) -> None:
    os.chown(project, 65534, 65534)
    assert listed(alveary) == {}
