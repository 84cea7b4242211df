"""``alveary explain`` as a person runs it: formats, files, statuses, and what is asked before anything is run."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from conftest import Ran
from fix_postgres import PostgresServer

Run = Callable[..., Ran]


def test_the_tree_is_printed(alveary: Run, shop_url: str) -> None:
    ran = alveary("explain", shop_url, "select * from item order by name")
    assert (ran.status, ran.err) == (0, "")
    assert ran.out.startswith("#  Step ")
    assert "2  ├─ SCAN item                        3\n3  └─ USE TEMP B-TREE FOR ORDER BY\n" in ran.out


def test_json_is_one_document_with_the_servers_own_words(alveary: Run, shop_url: str) -> None:
    ran = alveary("explain", shop_url, "select * from item where id = :id", "-p", "id:number=3", "--format", "json")
    plan = json.loads(ran.out)
    assert (plan["engine"], plan["analyzed"], plan["statement"]) == (
        "sqlite",
        False,
        "select * from item where id = :id",
    )
    assert plan["root"]["relation"] == "item"
    assert plan["raw"].endswith("|SEARCH item USING INTEGER PRIMARY KEY (rowid=?)")


def test_a_picture_goes_to_a_file_that_appears_when_it_is_whole(alveary: Run, shop_url: str, tmp_path: Path) -> None:
    (tmp_path / "q.sql").write_text("-- what is there\nselect * from item;\n")
    ran = alveary("explain", shop_url, "-f", "q.sql", "--format", "svg", "-o", "plan.svg")
    assert (ran.status, ran.out, ran.err) == (0, "", "")
    assert (tmp_path / "plan.svg").read_text().startswith("<svg ")
    before = (tmp_path / "plan.svg").read_text()
    assert alveary("explain", shop_url, "select * from nowhere", "-o", "plan.svg").status == 1
    assert (tmp_path / "plan.svg").read_text() == before
    assert sorted(path.name for path in tmp_path.glob("*plan*")) == ["plan.svg"]


def test_standard_input_is_a_file(alveary: Run, shop_url: str) -> None:
    assert "SCAN item" in alveary("explain", shop_url, "-f", "-", stdin="select * from item").out


@pytest.mark.parametrize(
    ("words", "status", "told"),
    [
        (["select * from nowhere"], 1, "no such table: nowhere"),
        ([], 2, "there is no statement to explain"),
        (["select 1", "-f", "x.sql"], 2, "exclude each other"),
        (["select 1; select 2"], 2, "one is explained at a time"),
        (["select 1", "--analyze"], 2, "SQLite does not measure its plans"),
        (["select 1", "--format", "html"], 2, "html"),
        (["select 1", "-o", "no/such/folder/x"], 2, "can't write"),
        (["-f", "missing.sql"], 2, "can't read missing.sql"),
    ],
)
def test_what_goes_wrong_has_its_status(alveary: Run, shop_url: str, words: list[str], status: int, told: str) -> None:
    ran = alveary("explain", shop_url, *words)
    assert (ran.status, ran.out) == (status, "")
    assert told in ran.err


def test_the_database_is_not_replaced_by_its_plan(alveary: Run, shop_url: str, shop: Path) -> None:
    assert alveary("explain", shop_url, "select 1", "-o", str(shop)).status == 2
    with closing(sqlite3.connect(shop)) as db:
        assert db.execute("select count(*) from item").fetchall() == [(3,)]


def test_what_is_explained_is_in_the_history_unless_that_is_not_wanted(alveary: Run, shop_url: str) -> None:
    alveary("explain", shop_url, "select name from item")
    alveary("explain", shop_url, "select price from item", "--no-history")
    entries = json.loads(alveary("history", "--format", "json").out)
    assert [entry["statement"] for entry in entries] == ["explain query plan select name from item"]


def test_measuring_what_writes_is_asked_for_and_undone(
    alveary: Run, postgres: PostgresServer, postgres_url: str
) -> None:
    database = postgres_url.rpartition("/")[2]
    postgres.psql("create table bee (id int); insert into bee select generate_series(1, 10)", database)
    words = ["explain", postgres_url, "delete from bee where id < 4", "--analyze"]
    refused = alveary(*words)
    assert (refused.status, refused.out) == (2, "")
    assert "running DELETE to measure it and rolling it back" in refused.err
    ran = alveary(*words, "--yes", "--format", "json")
    plan = json.loads(ran.out)
    assert (plan["undone"], plan["root"]["children"][0]["actual_rows"]) == (True, 3)
    assert postgres.psql("select count(*) from bee", database, "-A", "-t").strip() == b"10"
    assert alveary(*words, "--yes", "--read-only").status == 1
    alveary("connections", "add", "hives", postgres_url, "--environment", "production")
    named = ["explain", "hives", "delete from bee where id < 4", "--analyze"]
    assert "--confirm hives\n" in alveary(*named, "--yes").err
    assert alveary(*named, "--confirm", "hives").status == 0
    assert alveary("explain", "hives", "delete from bee").status == 0
    assert postgres.psql("select count(*) from bee", database, "-A", "-t").strip() == b"10"


def test_a_measurement_that_takes_too_long_is_stopped(alveary: Run, postgres_url: str) -> None:
    ran = alveary("explain", postgres_url, "select pg_sleep(60)", "--analyze", "--timeout", "0.2")
    assert (ran.status, ran.out) == (4, "")
    assert "query_timeout" in ran.err


def test_explaining_is_imported_by_nobody_else(alveary: Run, shop_url: str) -> None:
    import subprocess
    import sys

    code = (
        "import sys; from alveary.cli import run; "
        f"run(['query', {shop_url!r}, 'select 1', '--format', 'none']); "
        "print([name for name in sys.modules if 'explain' in name or name == 'alveary.contracts.plan'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
