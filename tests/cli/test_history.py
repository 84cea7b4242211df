"""The history as a person uses it: listed, searched, run again, cleared; a query runs whatever the store says."""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from cli.test_terminal import on_a_terminal

from alveary.history import MOST_CHARACTERS
from alveary.store.database import FILE_NAME

Alveary = Callable[..., Any]
ENDLESS = "with recursive n(i) as (select 1 union all select i + 1 from n) select max(i) from n"


def listed(alveary: Alveary, *arguments: str) -> list[dict[str, Any]]:
    ran = alveary("history", *arguments, "--format", "json")
    assert (ran.status, ran.err) == (0, "")
    return json.loads(ran.out)  # type: ignore[no-any-return]  # JSON is anything


def test_what_was_run_is_listed_newest_first_with_its_statement(alveary: Alveary, shop_url: str) -> None:
    alveary("query", shop_url, "select *\n  from item;\nupdate item set price = :p", "--param", "p=1")
    alveary("query", shop_url, "select * from nowhere")
    lines = alveary("history").out.splitlines()
    assert lines[0].split() == ["id", "time", "seconds", "rows", "outcome", "connection", "statement"]
    assert [line.split()[0] for line in lines[2:]] == ["3", "2", "1"]
    assert lines[2].endswith(f"failed     {shop_url}  select * from nowhere")
    assert lines[3].endswith(f"    3  completed  {shop_url}  update item set price = :p")
    assert lines[4].endswith(f"    3  completed  {shop_url}  select * ⏎ from item")
    assert lines[4].split()[1] in (
        time.strftime("%Y-%m-%d"),
        time.strftime("%Y-%m-%d", time.localtime(time.time() - 60)),
    )
    first, second, third = listed(alveary)[::-1]
    assert (first["statement"], first["rows"], first["parameters"]) == ("select *\n  from item", "3", ["p"])
    assert (second["rows_affected"], second["parameters"], second["connection"]) == ("3", ["p"], shop_url)
    assert (third["outcome"], third["error"], third["error_code"]) == (
        "failed",
        "no such table: nowhere",
        "query_failed",
    )


def test_it_is_searched_by_word_by_failure_by_connection_and_limited(
    alveary: Alveary, shop: Path, shop_url: str
) -> None:
    alveary("query", shop_url, "select 1; select 2 as customer_id; select 3", "--format", "none")
    alveary("query", "sqlite:///:memory:", "select nothing", "--format", "none")
    for arguments, ids in (
        (("--search", "customer"), [2]),
        (("--search", "SEL cust"), [2]),
        (("--search", '"* -'), []),
        (("--failed",), [4]),
        (("--limit", "2"), [4, 3]),
        (("--connection", shop_url, "--limit", "1"), [3]),
        (("--connection", f"sqlite:///{shop.name}", "--limit", "1"), [3]),  # from its directory
        (("--connection", "sqlite:///:memory:"), [4]),
        (("--connection", "nobody knows it"), []),
        (("--connection", "oracle://me@gone/x"), []),
    ):
        assert [int(entry["id"]) for entry in listed(alveary, *arguments)] == ids
    assert alveary("history", "--limit", "0").status == 2


def test_a_statement_is_shown_as_it_was_typed_and_runs_again(alveary: Alveary, shop_url: str) -> None:
    sql = "select name -- it's a comment\n\tfrom item\n where id = 1 and name <> 'x\x1b;\ny'"
    before = alveary("query", shop_url, sql, "--format", "csv")
    shown = alveary("history", "show", "1")
    assert (shown.status, shown.out) == (0, sql + "\n")
    again = alveary("query", shop_url, "--format", "csv", stdin=shown.out)
    assert (again.status, again.out) == (0, before.out) == (0, "name\ncomb\n")
    assert json.loads(alveary("history", "show", "1", "--format", "json").out)["statement"] == sql
    unknown = alveary("history", "show", "99")
    assert (unknown.status, unknown.out) == (2, "")
    assert "unknown_entry" in unknown.err


def test_a_pipe_gets_whole_statements_and_a_terminal_what_fits(alveary: Alveary, shop_url: str, tmp_path: Path) -> None:
    long = f"select '{'long ' * 60}', '漢字', '\x1b[31m'"
    alveary("query", shop_url, long, "--format", "none")
    (line,) = alveary("history").out.splitlines()[2:]
    assert line.endswith("'漢字', '\\x1b[31m'")
    status, screen = on_a_terminal("history", cwd=tmp_path)
    assert status == 0
    assert "\x1b[31m" not in screen
    assert screen.splitlines()[2].endswith("…")
    assert len(screen.splitlines()[2]) < len(line)
    _, screen = on_a_terminal("history", "show", "1", cwd=tmp_path)
    assert "\x1b" not in screen
    assert "\\x1b[31m" in screen


def test_nothing_is_recorded_when_that_is_asked_for(alveary: Alveary, shop_url: str, home: Path) -> None:
    assert alveary("query", shop_url, "select 1", "--no-history").status == 0
    assert not (home / FILE_NAME).exists()
    assert listed(alveary) == []


def test_clearing_needs_a_yes_and_may_be_of_what_is_old(alveary: Alveary, shop_url: str) -> None:
    alveary("query", shop_url, "select 1; select 2", "--format", "none")
    refused = alveary("history", "clear")
    assert refused.status == 2
    assert "would remove 2 entries" in refused.err
    assert alveary("history", "clear", "--before", "2020-01-31", "--yes").out == "removed 0 entries\n"
    assert alveary("history", "clear", "--before", "yesterday", "--yes").status == 2
    assert len(listed(alveary)) == 2
    assert alveary("history", "clear", "--before", "2100-01-31T12:00", "--yes").out == "removed 2 entries\n"
    alveary("query", shop_url, "select 3", "--format", "none")
    assert alveary("history", "clear", "--yes").out == "removed 1 entries\n"
    assert listed(alveary) == []


def test_a_password_is_neither_listed_nor_written(alveary: Alveary, shop_url: str, home: Path) -> None:
    ran = alveary("query", shop_url, "create user bob identified by 'S3cr3t-here'; select 1", "--on-error", "continue")
    assert ran.status == 1
    (entry, _) = listed(alveary)[::-1]
    assert entry["statement"] == "create user bob identified by '***'"
    for file in home.rglob("*"):
        assert file.is_dir() or b"S3cr3t-here" not in file.read_bytes()


def test_a_very_long_statement_is_found_and_is_known_to_be_cut(alveary: Alveary, shop_url: str, tmp_path: Path) -> None:
    (tmp_path / "long.sql").write_text(f"select 'needle', '{'x' * MOST_CHARACTERS}'")
    assert alveary("query", shop_url, "-f", "long.sql", "--format", "none").status == 0
    (entry,) = listed(alveary, "--search", "needle")
    assert entry["cut"] == len("select 'needle', ''")
    assert alveary("query", shop_url, stdin=alveary("history", "show", "1").out).status == 1


def scramble(file: Path) -> None:
    file.write_bytes(os.urandom(9000))


def truncate(file: Path) -> None:
    os.truncate(file, file.stat().st_size // 2)


def from_the_future(file: Path) -> None:
    with closing(sqlite3.connect(file)) as store:
        store.execute("update alembic_version set version_num = '9999'")
        store.commit()


@pytest.mark.parametrize("damage", [scramble, truncate, from_the_future])
def test_a_query_runs_whatever_is_wrong_with_the_store(
    alveary: Alveary, shop_url: str, home: Path, damage: Callable[[Path], None]
) -> None:
    alveary("query", shop_url, "select 0", "--format", "none")
    damage(home / FILE_NAME)
    before = (home / FILE_NAME).read_bytes()
    ran = alveary("query", shop_url, "select 1 as a; select 2 as b", "--format", "csv")
    assert (ran.status, ran.out) == (0, "a\n1\nb\n2\n")
    assert ran.err.count("warning: not recorded in the history") == 1
    assert len(ran.err.splitlines()) == 1
    assert str(home / FILE_NAME) in ran.err
    failed = alveary("query", shop_url, "select * from nowhere")
    assert (failed.status, failed.err.count("warning")) == (1, 1)
    assert (home / FILE_NAME).read_bytes() == before
    assert alveary("history").status == 2


def test_a_query_runs_where_nothing_can_be_kept(alveary: Alveary, shop_url: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for home in (tmp_path / "file" / "below", Path("/dev/null/home")):
        ran = alveary("query", shop_url, "select 1 as a", "--format", "csv", env={"ALVEARY_HOME": str(home)})
        assert (ran.status, ran.out) == (0, "a\n1\n")
        assert ran.err.count("not recorded") == 1
    ran = alveary(
        "query", shop_url, "select 1 as a", "--format", "csv", "--no-history", env={"ALVEARY_HOME": "/dev/null/h"}
    )
    assert (ran.status, ran.out, ran.err.count("not recorded")) == (0, "a\n1\n", 0)


def test_a_store_that_is_locked_holds_a_query_up_for_seconds_only(alveary: Alveary, shop_url: str, home: Path) -> None:
    alveary("query", shop_url, "select 0", "--format", "none")
    with closing(sqlite3.connect(home / FILE_NAME, isolation_level=None)) as other:
        other.execute("begin immediate")
        ran = alveary("query", shop_url, "select 1 as a", "--format", "csv")
        assert (ran.status, ran.out) == (0, "a\n1\n")
        assert ran.err.startswith("warning: not recorded in the history: another program holds a lock")
        assert len(ran.err.splitlines()) == 1
        other.execute("rollback")
    assert [entry["statement"] for entry in listed(alveary)] == ["select 0"]
