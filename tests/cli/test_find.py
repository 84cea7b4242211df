"""Find anything on the command line: everything there is, the best first, no database asked that nobody names."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Alveary = Callable[..., Any]


@pytest.fixture
def library(alveary: Alveary, tmp_path: Path) -> Path:
    """A home with a saved connection, a saved query and a history."""
    path = tmp_path / "library.db"
    connection = sqlite3.connect(path)
    connection.executescript(
        'create table loan (id integer primary key, reader_id int, "due\u202eon" text);'
        "create table reader (id integer primary key, loanCount int);"
        "create view open_loans as select * from loan;"
    )
    connection.close()
    assert alveary("connections", "add", "library", f"sqlite:///{path}").status == 0
    assert alveary("queries", "save", "reports/overdue", "select * from loan", "--connection", "library").status == 0
    assert alveary("query", "library", "select count(*) from reader").status == 0
    return path


def found(alveary: Alveary, *arguments: str) -> tuple[list[tuple[str, str]], dict[str, Any]]:
    ran = alveary("find", *arguments, "--format", "json")
    assert (ran.status, ran.err) == (0, "")
    report = json.loads(ran.out)
    return [(each["kind"], each["text"]) for each in report["found"]], report


def test_everything_is_looked_through_and_what_was_not_read_is_said(alveary: Alveary, library: Path) -> None:
    hits, report = found(alveary, "lib")
    assert hits[0] == ("connection", "library")
    assert report["unread"] == ["library"]
    assert "--connection NAME" in alveary("find", "lib").out
    hits, _ = found(alveary, "reader", "--in", "history")
    assert hits == [("history", "select count(*) from reader")]
    hits, _ = found(alveary, "overdue")
    assert hits[0] == ("saved query", "reports/overdue")
    hits, _ = found(alveary, "import", "--in", "commands", "--limit", "2")
    assert {text for _, text in hits} == {"import.run", "connections.import"}


def test_a_database_that_is_named_is_read(alveary: Alveary, library: Path) -> None:
    hits, report = found(alveary, "loan", "--connection", "library")
    assert hits[:2] == [("table", "main.loan"), ("view", "main.open_loans")]
    assert ("column", "main.reader.loanCount") in hits
    assert report["unread"] == []
    assert all(each["connection"] == "library" for each in report["found"])
    first = report["found"][0]
    assert (first["place"], first["ranges"]) == ({"schema": "main", "name": "loan"}, [[5, 9]])
    url = f"sqlite:///{library}"
    assert found(alveary, "loan", "--connection", url)[0][0] == ("table", "main.loan")
    alveary("query", url, "select 'by url'")
    assert found(alveary, "by url", "--connection", url, "--in", "history")[0] == [("history", "select 'by url'")]
    ran = alveary("find", "loan", "--connection", "nowhere")
    assert (ran.status, "unknown_target" in ran.err) == (2, True)


def test_columns_are_found_by_their_path_and_by_the_beginnings_of_words(alveary: Alveary, library: Path) -> None:
    wanted = ("--in", "columns", "--connection", "library")
    assert found(alveary, "loan.rea", *wanted)[0][0] == ("column", "main.loan.reader_id")
    assert found(alveary, "count", *wanted)[0] == [("column", "main.reader.loanCount")]
    assert found(alveary, "reader count", *wanted)[0] == [("column", "main.reader.loanCount")]
    assert found(alveary, "rid", *wanted)[0][0] == ("column", "main.loan.reader_id")


def test_the_limit_is_kept_and_more_is_said(alveary: Alveary, library: Path) -> None:
    hits, report = found(alveary, "e", "--limit", "3")
    assert (len(hits), report["more"]) == (3, True)
    assert "there is more" in alveary("find", "e", "--limit", "3").out


def test_what_could_drive_a_terminal_is_shown_as_its_escape(alveary: Alveary, library: Path) -> None:
    shown = alveary("find", "due", "--in", "columns", "--connection", "library").out
    assert "main.loan.due\\u202eon" in shown


def test_what_can_be_looked_for_is_said(alveary: Alveary) -> None:
    ran = alveary("find", "x", "--in", "tables")
    assert (ran.status, "objects" in ran.err) == (2, True)


def test_a_password_that_was_run_is_not_found(alveary: Alveary, shop_url: str) -> None:
    alveary("query", shop_url, "create user bee password 'hunter2hunter2'")
    assert "hunter2" not in alveary("find", "bee").out
    assert found(alveary, "hunter2hunter2", "--in", "history")[0] == []
