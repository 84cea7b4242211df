"""What must be confirmed first, on the command line: asked at a terminal, refused elsewhere, reviewed whole."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from conftest import Ran

Run = Callable[..., Ran]


@pytest.fixture
def production(alveary: Run, shop_url: str) -> None:
    assert alveary("connections", "add", "shop", shop_url, "--environment", "production").status == 0


def items(shop: Path) -> int:
    with closing(sqlite3.connect(shop)) as db:
        (count,) = db.execute("select count(*) from item").fetchone()
    return int(count)


@pytest.mark.usefixtures("production")
def test_a_script_is_told_what_to_say_and_nothing_is_sent(alveary: Run, shop: Path) -> None:
    ran = alveary("query", "shop", "select 1;\ninsert into item (name) values ('x');\ndelete from item")
    assert (ran.status, ran.out) == (2, "")
    assert ran.err == (
        "error not_confirmed: INSERT, DELETE without WHERE on shop (production) must be confirmed first; "
        "nothing was sent\n"
        "  line 2: insert into item (name) values ('x')\n"
        "  hint: at a terminal you are asked; a script says --confirm shop\n"
    )
    assert items(shop) == 3
    assert alveary("history", "--format", "json").out.count("insert into") == 0


@pytest.mark.usefixtures("production")
def test_the_name_confirms_and_nothing_else_does(alveary: Run, shop: Path) -> None:
    for wrong in (["--yes"], ["--confirm", "other"], ["--confirm", ""]):
        ran = alveary("query", "shop", "delete from item where id = 1", *wrong)
        assert (ran.status, "not_confirmed" in ran.err) == (2, True)
    assert items(shop) == 3
    assert alveary("query", "shop", "delete from item where id = 1", "--confirm", "shop").status == 0
    assert items(shop) == 2
    error = json.loads(alveary("query", "shop", "drop table item", "--error-format", "json").err)
    assert (error["code"], error["type"], error["statement"]) == ("not_confirmed", "policy", "drop table item")


@pytest.mark.usefixtures("production")
def test_no_way_of_running_sql_leads_around_it(alveary: Run, shop: Path, tmp_path: Path) -> None:
    (tmp_path / "new.csv").write_text("id,name\n7,x\n")
    (tmp_path / "script.sql").write_text("select 1; /* x */ DELETE FROM item")
    alveary("queries", "save", "gone", "delete from item", "--connection", "shop")
    for arguments in (
        ["query", "shop", "-f", "script.sql"],
        ["query", "shop", "with x as (select 1) delete from item", "--on-error", "continue"],
        ["query", "shop", "delete from item", "--single-transaction"],
        ["query", "shop", "delete from item where name = :n", "-p", "n=x"],
        ["queries", "run", "gone"],
        ["import", "shop", "new.csv", "--table", "item"],
        ["run", "query.run", "target=shop", 'sql:=["delete from item"]'],
        ["run", "queries.run", "name=gone"],
    ):
        ran = alveary(*arguments)
        assert (ran.status, "not_confirmed" in ran.err) == (2, True), arguments
    ran = alveary("query", "shop", stdin="delete from item")
    assert (ran.status, "not_confirmed" in ran.err) == (2, True)
    assert items(shop) == 3
    assert alveary("queries", "run", "gone", "--confirm", "shop").status == 0
    assert items(shop) == 0
    assert alveary("import", "shop", "new.csv", "--table", "item", "--truncate", "--confirm", "shop").status == 0
    assert items(shop) == 1


def test_a_yes_is_enough_on_staging(alveary: Run, shop: Path, shop_url: str) -> None:
    alveary("connections", "add", "stage", shop_url, "--environment", "staging")
    assert alveary("query", "stage", "insert into item (name) values ('x')").status == 0
    ran = alveary("query", "stage", "delete from item")
    assert (ran.status, "--confirm stage or --yes" in ran.err) == (2, True)
    assert alveary("query", "stage", "delete from item", "--yes").status == 0
    assert items(shop) == 0


def test_a_read_only_connection_refuses_the_whole_script(alveary: Run, shop: Path, shop_url: str) -> None:
    alveary("connections", "add", "shop", shop_url, "--read-only")
    ran = alveary("query", "shop", "select 1;\nvacuum into 'copy.db'", "--on-error", "continue", "--confirm", "shop")
    assert (ran.status, ran.out) == (1, "")
    assert ran.err == (
        "error read_only: VACUUM INTO is refused: the session is read-only\n  line 2: vacuum into 'copy.db'\n"
        "  hint: read-only guards against accidents; what must never write needs a role that may only read\n"
    )


@pytest.mark.usefixtures("production")
def test_fewer_guards_are_confirmed_and_do_not_travel(alveary: Run, shop: Path, shop_url: str) -> None:
    def confirmed(name: str) -> dict[str, str]:
        shown = json.loads(alveary("connections", "show", name, "--format", "json").out)
        levels: dict[str, str] = shown["confirm"]
        return levels

    for change in (
        ["connections", "edit", "shop", "--confirm-writes", "never"],
        ["connections", "edit", "shop", "--environment", "local"],
        ["connections", "edit", "shop", "--unset", "environment"],
        ["settings", "set", "confirm.production.writes", "never"],
    ):
        ran = alveary(*change)
        assert (ran.status, "lowering what must be confirmed" in ran.err) == (2, True), change
    assert confirmed("shop") == {"writes": "name", "ddl": "name", "unfiltered": "name"}
    assert alveary("connections", "edit", "shop", "--confirm-writes", "never", "--confirm", "shop").status == 0
    assert confirmed("shop") == {"writes": "never", "ddl": "name", "unfiltered": "name"}
    assert alveary("query", "shop", "delete from item where id = 1").status == 0
    # A copy has what its environment says, and never less.
    assert alveary("connections", "copy", "shop", "copy").status == 0
    assert confirmed("copy") == {"writes": "name", "ddl": "name", "unfiltered": "name"}
    assert alveary("connections", "edit", "shop", "--unset", "confirm").status == 0
    assert alveary("settings", "set", "confirm.production.writes", "ask", "--confirm", "production").status == 0
    assert alveary("query", "shop", "delete from item where id = 2", "--yes").status == 0
    assert alveary("settings", "reset", "confirm.production.writes").status == 0
    added = alveary("connections", "add", "mild", shop_url, "--environment", "production", "--confirm-ddl", "never")
    assert (added.status, alveary("connections", "show", "mild").status) == (2, 2)


@pytest.mark.usefixtures("production")
def test_what_shows_a_connection_shows_what_must_be_confirmed(alveary: Run) -> None:
    out = alveary("connections", "show", "shop").out
    assert "confirm.unfiltered  name (as set for production)" in out
