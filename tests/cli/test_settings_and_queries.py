"""Settings, saved queries and the log on the command line, as a person meets them; and a store that is out of order."""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Alveary = Callable[..., Any]
SECRET = "gehe1m-zwölf/½"
SPELLINGS = (SECRET, "gehe1m-zw", "zw%C3%B6lf", "zw\\xf6lf", "zw\\u00f6lf")


# -- settings ----------------------------------------------------------------------------------------------------


def test_settings_are_listed_shown_set_and_reset(alveary: Alveary, home: Path) -> None:
    listed = alveary("settings", "list")
    assert (listed.status, listed.err) == (0, "")
    assert re.search(r"^connect\.timeout +10s +How long", listed.out, re.MULTILINE)
    assert alveary("settings").out == listed.out
    assert not home.exists(), "looking makes nothing"
    assert alveary("settings", "set", "connect.timeout", "1.5 min").out == "connect.timeout is 90s\n"
    assert re.search(r"^connect\.timeout +90s +\* +How long", alveary("settings", "list").out, re.MULTILINE)
    shown = json.loads(alveary("settings", "get", "connect.timeout", "--format", "json").out)
    assert (shown["value"], shown["default"], shown["chosen"], shown["minimum"]) == (90.0, 10.0, True, 0.1)
    assert alveary("settings", "reset", "connect.timeout").out == "connect.timeout is 10s\n"
    assert alveary("settings", "reset", "query.timeout").out == "query.timeout is not set\n"


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("catalog.pool_size", "17", "must be a whole number from 1 to 16, not '17'"),
        ("catalog.pool_size", "-5", "must be a whole number from 1 to 16, not '-5'"),
        ("catalog.pool_size", "", "must be a whole number from 1 to 16, not ''"),
        ("log.level", "loud", "must be one of debug, info, warning, error, critical, not 'loud'"),
        ("query.timeout", "soon", "must be a time such as 90s, 5min, 2h or 7d from 1ms to 7d, not 'soon'"),
        ("query.timeout", "-1s", "must be a time such as 90s, 5min, 2h or 7d from 1ms to 7d, not '-1s'"),
    ],
)
def test_a_wrong_value_is_refused_by_name(alveary: Alveary, home: Path, name: str, value: str, said: str) -> None:
    ran = alveary("settings", "set", name, value)
    assert (ran.status, ran.out) == (2, "")
    assert f"error invalid_input: the setting {name} {said}" in ran.err
    assert not home.exists()


def test_an_unknown_setting_is_told_what_was_meant(alveary: Alveary) -> None:
    for arguments in (("get",), ("reset",), ("set", "3")):
        ran = alveary("settings", arguments[0], "history.keepdays", *arguments[1:])
        assert (ran.status, "unknown_setting" in ran.err) == (2, True)
        assert "did you mean history.keep_days?" in ran.err


# -- saved queries -----------------------------------------------------------------------------------------------


def test_a_template_from_saving_to_deleting(alveary: Alveary, shop_url: str) -> None:
    sql = "select name from item where id = :id and :flag"
    saved = alveary(
        "queries", "save", "shop/find", sql, "--default", "flag:=true", "--describe", "id=Which", "--tag", "s"
    )
    assert saved.out == "saved shop/find, with the parameters :id, :flag\n"
    assert re.search(
        r"^shop/find +:id, :flag +s +select name", alveary("queries", "list", "--tag", "s").out, re.MULTILINE
    )
    shown = alveary("queries", "show", "shop/find").out
    assert shown.endswith(f"\n{sql}\n")
    assert re.search(r"^:flag +default true$", shown, re.MULTILINE)
    assert re.search(r"^:id +needs a value; Which$", shown, re.MULTILINE)
    ran = alveary("queries", "run", "shop/find", shop_url, "-p", "id=1", "--format", "csv")
    assert (ran.status, ran.out, ran.err) == (0, "name\ncomb\n", "")
    ran = alveary("queries", "run", "shop/find", shop_url, "--param", "id:=3", "--format", "json", "--stats")
    assert json.loads(ran.out) == [{"name": 'a,b"c'}]
    assert json.loads(ran.err)["rows"] == 1
    ran = alveary("queries", "run", "shop/find", shop_url)
    assert (ran.status, ran.out) == (2, "")
    assert "error missing_parameter: the query 'shop/find' needs a value for :id" in ran.err
    assert alveary("queries", "delete", "shop/find").out == "deleted shop/find\n"
    assert "unknown_query" in alveary("queries", "run", "shop/find", shop_url).err


def test_sql_is_saved_from_a_file_a_pipe_and_with_a_comment_in_front(alveary: Alveary, tmp_path: Path) -> None:
    (tmp_path / "q.sql").write_bytes(b"select 1 as a \r\n\n")
    assert alveary("queries", "save", "file", "-f", "q.sql").status == 0
    assert alveary("queries", "save", "pipe", "-f", "-", stdin="select 2 as a").status == 0
    assert alveary("queries", "save", "comment", "-- one\nselect 3 as a").status == 0
    kept = {
        each["name"]: each["statement"]
        for each in json.loads(alveary("queries", "list", "--format", "json").out)["queries"]
    }
    assert kept == {"file": "select 1 as a \r\n\n", "pipe": "select 2 as a", "comment": "-- one\nselect 3 as a"}
    for name, value in (("file", "1"), ("pipe", "2"), ("comment", "3")):
        ran = alveary("queries", "run", name, "sqlite:///:memory:", "--format", "csv", "--no-header")
        assert ran.out == f"{value}\n"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("save", "", "select 1"), "invalid_input"),
        (("save", "x", ""), "empty_script"),
        (("save", "x"), "invalid_input"),
        (("save", "x", "select 1", "-f", "q.sql"), "invalid_input"),
        (("save", "x", "-f", "nothing.sql"), "file_unreadable"),
        (("save", "taken", "select 1"), "name_taken"),
        (("save", "x", "select 1", "--connection", "nowhere"), "unknown_connection"),
        (("save", "x", "select :a", "--default", "b=1"), "invalid_input"),
        (("save", "x", "select :a", "--default", "b"), "invalid_input"),
        (("show", "x"), "unknown_query"),
        (("delete", "0123456789abcdef"), "unknown_query"),
        (("run", "taken"), "invalid_input"),
        (("run", "taken", "nowhere"), "unknown_target"),
        (("run", "taken", "sqlite:///:memory:", "-p", "z=1"), "invalid_input"),
        (("run", "taken", "sqlite:///:memory:", "--format", "papyrus"), "unknown_format"),
    ],
)
def test_every_mistake_has_its_code(alveary: Alveary, arguments: tuple[str, ...], code: str) -> None:
    assert alveary("queries", "save", "taken", "select 1").status == 0
    ran = alveary("queries", *arguments, "--error-format", "json")
    assert (ran.status, ran.out, json.loads(ran.err)["code"]) == (2, "", code)
    assert [each["path"] for each in json.loads(alveary("queries", "list", "--format", "json").out)["queries"]] == [
        "taken"
    ]


def test_what_is_shown_cannot_drive_the_terminal(alveary: Alveary) -> None:
    nasty = "select '\x1b[31m' -- \u202e"
    assert alveary("queries", "save", "x", nasty, "--description", "a\x1bb").status == 0
    for command in (("list",), ("show", "x")):
        assert all(char.isprintable() or char == "\n" for char in alveary("queries", *command).out)
    assert json.loads(alveary("queries", "show", "x", "--format", "json").out)["statement"] == nasty


# -- a store that is out of order --------------------------------------------------------------------------------


def truncated(home: Path) -> None:
    os.truncate(home / "alveary.db", 5000)


def overwritten(home: Path) -> None:
    (home / "alveary.db").write_bytes(b"this is no database" * 500)


def from_the_future(home: Path) -> None:
    import sqlite3

    connection = sqlite3.connect(home / "alveary.db")
    connection.execute("update alembic_version set version_num = '9999'")
    connection.commit()
    connection.close()


def anothers(home: Path) -> None:
    os.chown(home / "alveary.db", 65534, 65534)


@pytest.mark.parametrize("spoil", [truncated, overwritten, from_the_future, anothers])
def test_a_query_runs_by_the_defaults_and_one_sentence_says_why(
    alveary: Alveary, home: Path, spoil: Callable[[Path], None]
) -> None:
    if spoil is anothers and os.geteuid() != 0:
        pytest.skip("only root can give a file to somebody else")
    assert alveary("settings", "set", "log.keep_days", "3").status == 0
    spoil(home)
    before = (home / "alveary.db").read_bytes()
    ran = alveary("query", "sqlite:///:memory:", "select 1 as a", "--format", "csv")
    assert (ran.status, ran.out) == (0, "a\n1\n")
    assert len(ran.err.splitlines()) == 1, ran.err
    assert ran.err.startswith("warning: not recorded in the history, and every setting has its default: ")
    assert str(home) in ran.err
    listed = alveary("settings", "list")
    assert listed.status == 0
    assert re.search(r"^log\.keep_days +14 ", listed.out, re.MULTILINE)
    for arguments in (
        ("settings", "set", "log.keep_days", "3"),
        ("queries", "list"),
        ("queries", "save", "x", "select 1"),
    ):
        ran = alveary(*arguments)
        assert (ran.status, ran.out, len(ran.err.splitlines())) == (2, "", 2), ran.err
        assert re.match(r"error (store_corrupt|store_from_future|storage_failed): ", ran.err)
    assert "problem: " in alveary("doctor").out
    assert (home / "alveary.db").read_bytes() == before


def test_a_doctor_tells_of_the_store_and_of_what_is_set_wrongly(alveary: Alveary, home: Path) -> None:
    import sqlite3

    store = json.loads(alveary("doctor", "--format", "json").out)["store"]
    assert (store["exists"], store["revision"], store["bytes"], store["problems"]) == (False, None, None, [])
    assert not (home / "alveary.db").exists()
    assert alveary("settings", "set", "log.keep_days", "3").status == 0
    connection = sqlite3.connect(home / "alveary.db")
    connection.execute("update settings set value = '0'")
    connection.commit()
    connection.close()
    diagnosis = json.loads(alveary("doctor", "--format", "json").out)
    assert diagnosis["store"]["path"] == str(home / "alveary.db")
    assert int(diagnosis["store"]["bytes"]) > 50_000
    assert diagnosis["store"]["revision"] is not None
    (problem,) = diagnosis["problems"]
    assert problem == "the setting log.keep_days must be a whole number from 1 to 3650, not '0'; the default holds"


# -- the log -----------------------------------------------------------------------------------------------------

CRASH = """
import msgspec
from alveary import CommandSpec, hookimpl

class Parameters(msgspec.Struct):
    password: str

def crash(context, parameters: Parameters) -> None:
    context.kernel.credentials.use(parameters.password)
    try:
        raise ValueError(f"could not parse {parameters.password}\\n2026-01-01 00:00:00,000 ERROR alveary: all is well")
    except ValueError as exc:
        raise ZeroDivisionError(f"with {parameters.password!r}") from exc

@hookimpl
def alveary_commands():
    return [CommandSpec(id="crash.now", summary="Crash.", factory="crash:crash")]
"""


def test_a_normal_run_makes_no_log(alveary: Alveary, home: Path, shop_url: str) -> None:
    assert alveary("query", shop_url, "select 1; selec 2", "--on-error", "continue").status == 1
    assert alveary("settings", "get", "nothing").status == 2
    assert alveary("doctor").status == 0
    assert not (home / "logs").exists()


def test_the_log_is_written_from_the_level_that_is_set(alveary: Alveary, home: Path, shop_url: str) -> None:
    assert alveary("settings", "set", "log.level", "info").status == 0
    assert alveary("query", shop_url, "select 1").err == ""
    (log,) = (home / "logs").iterdir()
    assert "INFO alveary.commands[" in log.read_text()
    assert [stat.S_IMODE(path.stat().st_mode) for path in (log.parent, log)] == [0o700, 0o600]


def test_a_crash_is_reported_where_the_error_says_and_without_secrets(
    alveary: Alveary, home: Path, install: Callable[..., None]
) -> None:
    install("crash", CRASH, {"crash": "crash"})
    ran = alveary("run", "crash.now", f"password={SECRET}", "--error-format", "json")
    error = json.loads(ran.err)
    assert (ran.status, error["code"]) == (1, "internal")
    (log,) = (home / "logs").iterdir()
    assert error["hint"] == f"this should not have happened; its traceback is in {log}"
    text = log.read_text()
    assert "could not parse ***" in text
    assert "ZeroDivisionError" in text
    assert "\n2026-01-01" not in text, "no line is forged"
    assert re.match(
        r"\S+ \S+ ERROR alveary\[\d+\]: this should not have happened \(Alveary \S+, Python \S+, \S+\)\n", text
    )
    assert [each for each in SPELLINGS if each in text + ran.err + ran.out] == []


def test_no_log_hides_nothing(alveary: Alveary, home: Path, install: Callable[..., None]) -> None:
    """Where the report can't be written the error is the same, and nothing points to a file that is not there."""
    install("crash", CRASH, {"crash": "crash"})
    home.mkdir()
    (home / "logs").write_text("")
    ran = alveary("run", "crash.now", "password=x1234567", "--error-format", "json")
    assert (ran.status, json.loads(ran.err)["code"], "hint" in json.loads(ran.err)) == (1, "internal", False)
    assert "Traceback" not in ran.err


def test_a_password_in_a_url_is_nowhere_but_on_the_wire(alveary: Alveary, home: Path) -> None:
    url = "postgresql://bee:gehe1m-zw%C3%B6lf%2F%C2%BD@127.0.0.1:1/hive"
    ran = alveary("query", url, f"select '{SECRET}'", env={"ALVEARY_LOG": "debug"})
    assert ran.status == 3
    assert "alveary.commands" in ran.err
    written = b"".join(path.read_bytes() for path in home.rglob("*") if path.is_file())
    assert b"alveary.commands" in written
    assert [each for each in SPELLINGS if each in ran.out + ran.err or each.encode() in written] == []
