"""What a person at a terminal sees and a script does not: a real pseudo-terminal, no fakes."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import sqlite3
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from conftest import Ran

from alveary import Kernel

HANG = 30


def on_a_terminal(*arguments: str, cwd: Path, keys: bytes = b"", after: bytes = b"") -> tuple[int, str]:
    """Run ``alveary`` on a new terminal, type ``keys`` once ``after`` is on the screen; return status and screen."""
    process, terminal = pty.fork()
    if process == 0:
        os.chdir(cwd)
        os.execv(sys.executable, [sys.executable, "-m", "alveary", *arguments])
    screen, typed, deadline = b"", False, time.monotonic() + HANG
    while time.monotonic() < deadline:
        if not select.select([terminal], [], [], 0.1)[0]:
            continue
        try:
            part = os.read(terminal, 65536)
        except OSError:  # Linux says so when the last process has closed the terminal
            break
        if not part:
            break
        screen += part
        if keys and not typed and after in screen:
            typed = True
            os.write(terminal, keys)
    else:
        os.kill(process, 9)
    os.close(terminal)
    _, status = os.waitpid(process, 0)
    return os.waitstatus_to_exitcode(status), screen.decode("utf-8").replace("\r\n", "\n")


@pytest.mark.parametrize("format", ["table", "csv", "tsv", "json", "jsonl", "markdown", "html", "sql", "vertical"])
def test_control_characters_can_not_drive_a_terminal(format: str, shop_url: str, tmp_path: Path) -> None:
    sql = "select 'a' || char(27) || '[31m' || char(155) || char(8238) || char(7) as \"h\x1b[2J\""
    status, screen = on_a_terminal("query", shop_url, sql, "--format", format, cwd=tmp_path)
    assert status == 0
    for dangerous in ("\x1b", "\x9b", "\u202e", "\x07"):
        assert dangerous not in screen
    assert "1b" in screen.lower()


UNSEEN = "\x1b[31m\u202eevil\u2066\x07\x9b"
ACTING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")


@pytest.fixture
def unseen(tmp_path: Path) -> Path:
    """A database whose names act, with one row in its table, and a file of such names to import."""
    path = tmp_path / "unseen.db"
    with closing(sqlite3.connect(path)) as db:
        db.execute(f'create table "n{UNSEEN}" ("n{UNSEEN}" text, other integer)')
        db.execute(f'create trigger "t{UNSEEN}" after insert on "n{UNSEEN}" begin select 1; end')
        db.execute(f'insert into "n{UNSEEN}" values (?, 1)', (UNSEEN,))
        db.commit()
    (tmp_path / "rows.csv").write_text(f"n{UNSEEN},b\n{UNSEEN},1\n")
    return path


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (["catalog", "URL"], 0),
        (["catalog", "URL", "--ddl", f'"n{UNSEEN}"'], 0),
        (["catalog", "URL", "--format", "json"], 0),
        (["preview", "rows.csv"], 0),
        (["import", "URL", "rows.csv", "--table", f'"m{UNSEEN}"'], 0),
        (["copy", "URL", f'"n{UNSEEN}"', "sqlite:///other.db?mode=rwc"], 0),
        (["query", "URL", f"select * from nosuch where '{UNSEEN}'", "--error-format", "json"], 1),
        (["history", "--search", UNSEEN], 0),
        (["sent"], 0),
        (["connections", "show", UNSEEN], 2),
        (["query", f"sqlite:///{UNSEEN}.db", "select 1"], 3),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else None,
)
def test_nothing_that_any_command_says_can_drive_a_terminal(
    unseen: Path, tmp_path: Path, words: list[str], status: int
) -> None:
    ended, screen = on_a_terminal(*[word.replace("URL", f"sqlite:///{unseen}") for word in words], cwd=tmp_path)
    assert ended == status, screen
    screen = screen.replace("\r\x1b[K", "")  # the line that says how far it is, which is ours
    assert ACTING.findall(screen) == []


def test_what_is_redirected_is_exact(alveary: Callable[..., Ran], unseen: Path) -> None:
    url = f"sqlite:///{unseen}"
    assert f'CREATE TABLE "n{UNSEEN}"' in alveary("catalog", url, "--ddl", f'"n{UNSEEN}"').out
    listed = json.loads(alveary("catalog", url, "--format", "json").out)
    assert [each["name"] for each in listed["relations"]] == [f"n{UNSEEN}"]
    ran = alveary("query", url, f"select * from nosuch where '{UNSEEN}'", "--error-format", "json")
    assert UNSEEN in json.loads(ran.err)["statement"]
    assert alveary("query", url, f"select '{UNSEEN}' as x", "--format", "csv").out == f"x\n{UNSEEN}\n"


def test_a_format_that_is_no_text_is_kept_from_a_terminal(shop_url: str, tmp_path: Path) -> None:
    status, screen = on_a_terminal("query", shop_url, "delete from item", "--format", "xlsx", cwd=tmp_path)
    assert (status, "a terminal can't show it" in screen, "-o" in screen) == (2, True, True)
    _, screen = on_a_terminal("query", shop_url, "select count(*) as n from item", "--format", "csv", cwd=tmp_path)
    assert screen.startswith("n\n3\n")


def test_an_error_message_can_not_drive_a_terminal_either(shop_url: str, tmp_path: Path) -> None:
    _, screen = on_a_terminal("query", shop_url, 'select * from "\x1b[31mred"', cwd=tmp_path)
    assert "\x1b[31m" not in screen
    assert "\\x1b[31mred" in screen


def test_a_person_is_told_counts_and_times(shop_url: str, tmp_path: Path) -> None:
    _, screen = on_a_terminal("query", shop_url, "insert into item (name) values ('x'); select 1", cwd=tmp_path)
    assert "1 row inserted (" in screen
    assert "1 row (" in screen


def test_long_work_shows_progress_when_the_data_goes_elsewhere(shop_url: str, tmp_path: Path) -> None:
    sql = "with recursive n(x) as (select 1 union all select x + 1 from n) select x from n"
    status, screen = on_a_terminal(
        "query", shop_url, sql, "--format", "none", cwd=tmp_path, keys=b"\x03", after=b"rows/s"
    )
    assert status == 130
    assert "rows/s" in screen
    assert "query_cancelled" in screen


def test_ctrl_c_at_the_terminal_cancels(shop_url: str, tmp_path: Path) -> None:
    sql = "with recursive n(x) as (select 1 union all select x + 1 from n) select count(*) from n"
    status, screen = on_a_terminal("query", shop_url, "select 'ready'", sql, cwd=tmp_path, keys=b"\x03", after=b"ready")
    assert status == 130
    assert "cancelling" in screen
    assert "Traceback" not in screen


def test_no_sql_at_a_terminal_is_a_usage_error_and_does_not_wait(shop_url: str, tmp_path: Path) -> None:
    status, screen = on_a_terminal("query", shop_url, cwd=tmp_path)
    assert status == 2
    assert "empty_script" in screen


def test_a_failed_plugin_is_hinted_at(shop_url: str, tmp_path: Path, install: object) -> None:
    install("hostile", "raise RuntimeError", {"hostile": "hostile"})  # type: ignore[operator]  # a fixture
    _, screen = on_a_terminal("query", shop_url, "select 1", cwd=tmp_path)
    assert "1 plugin fault; see: alveary plugins" in screen


def test_what_is_said_of_a_result_stands_right_below_it(shop_url: str, tmp_path: Path) -> None:
    script = "; ".join(f"select {n} as n{n}" for n in range(20))
    _, screen = on_a_terminal("query", shop_url, script, "--format", "csv", cwd=tmp_path)
    lines = [line.partition(" (")[0] for line in screen.splitlines()]
    assert lines == [line for n in range(20) for line in (f"n{n}", str(n), "1 row")]


@pytest.mark.parametrize(
    ("keys", "status", "left"), [(b"shop\n", 0, 0), (b"yes\n", 2, 3), (b"\n", 2, 3), (b"\x03", 130, 3)]
)
def test_what_must_be_confirmed_is_asked_for(
    shop: Path, shop_url: str, tmp_path: Path, kernel: Kernel, keys: bytes, status: int, left: int
) -> None:
    kernel.run("connections.add", {"name": "shop", "url": shop_url, "environment": "production"})
    asked = b"type shop to go on: "
    ended, screen = on_a_terminal("query", "shop", "delete from item", cwd=tmp_path, keys=keys, after=asked)
    assert "DELETE without WHERE on shop (production):\n  delete from item\n" in screen
    assert ended == status
    with closing(sqlite3.connect(shop)) as db:
        assert db.execute("select count(*) from item").fetchone() == (left,)
