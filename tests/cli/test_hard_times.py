"""The command line under conditions nobody plans for: full disks, closed streams, odd names, early signals."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

HANG = 60
Alveary = Callable[..., Any]


def shell(line: str, tmp_path: Path, **env: str) -> subprocess.CompletedProcess[bytes]:
    """Run a line of shell in which ``$A`` is the program."""
    return subprocess.run(
        ["sh", "-c", line.replace("$A", f"{sys.executable} -m alveary")],
        capture_output=True, timeout=HANG, check=False, cwd=tmp_path, env={**os.environ, **env},
        stdin=subprocess.DEVNULL,
    )  # fmt: skip


@pytest.mark.parametrize("verb", ["plugins", "demo", "--version", "--help", "query sqlite:// 'select 1'"])
def test_a_full_disk_behind_standard_output_is_an_error(verb: str, tmp_path: Path) -> None:
    done = shell(f"$A {verb} > /dev/full", tmp_path)
    assert done.returncode == 2
    assert b"error disk_full" in done.stderr
    assert b"Traceback" not in done.stderr


def test_closed_streams_are_no_crash(tmp_path: Path) -> None:
    assert shell("$A query sqlite:// 'select 1' >&-", tmp_path).returncode == 0
    quiet = shell("$A query sqlite:// 'select 1 as a' --format csv 2>&-", tmp_path)
    assert (quiet.returncode, quiet.stdout) == (0, b"a\n1\n")
    assert shell("$A query sqlite:// -f - <&-", tmp_path).returncode == 2
    assert shell("$A query nosuch 'select 1' 2> /dev/full", tmp_path).returncode == 2


def test_a_regular_file_under_dev_is_a_file(alveary: Alveary, tmp_path: Path) -> None:
    target = Path(f"/dev/shm/alveary-test-{os.getpid()}.csv")
    if not target.parent.is_dir():
        pytest.skip("no /dev/shm here")
    try:
        for _ in range(2):
            assert alveary("query", "sqlite://", "select 1 as a", "--format", "csv", "-o", str(target)).status == 0
        assert target.read_text() == "a\n1\n"
    finally:
        target.unlink(missing_ok=True)


def test_an_impossible_output_name_is_found_before_anything_runs(alveary: Alveary, shop_url: str) -> None:
    for name in ("x" * 300, "", "folder/"):
        ran = alveary("query", shop_url, "delete from item; select 1", "-o", name)
        assert (ran.status, "file_unwritable" in ran.err) == (2, True)
    assert alveary("query", shop_url, "select count(*) as n from item", "--format", "csv").out == "n\n3\n"


def test_a_long_name_of_wide_characters_is_fine(alveary: Alveary, shop_url: str, tmp_path: Path) -> None:
    name = "漢" * 84
    assert alveary("query", shop_url, "select 1 as a", "--format", "csv", "-o", name).status == 0
    assert (tmp_path / name).read_text() == "a\n1\n"


def test_a_reader_that_left_stops_the_whole_script(shop_url: str, alveary: Alveary, tmp_path: Path) -> None:
    many = "with recursive n(x) as (select 1 union all select x + 1 from n where x < 1000000) select x from n"
    done = shell(
        f"($A query {shop_url} --on-error continue --format csv '{many}' 'delete from item'; echo $? >&2) | head -1",
        tmp_path,
    )
    assert (done.stdout, done.stderr) == (b"x\n", b"0\n")
    assert alveary("query", shop_url, "select count(*) as n from item", "--format", "csv").out == "n\n3\n"


def test_sql_may_begin_with_a_comment(alveary: Alveary, shop_url: str) -> None:
    assert alveary("query", shop_url, "-- a note\nselect 1 as a", "--format", "csv").out == "a\n1\n"
    failed = alveary("query", shop_url, "-- a note\nselect nope")
    assert "line 2: select nope" in failed.err


def test_unicode_that_is_none_is_refused_before_anything_runs(shop_url: str, alveary: Alveary, tmp_path: Path) -> None:
    done = shell(f"$A query {shop_url} 'delete from item' \"select '$(printf '\\377')'\"", tmp_path)
    assert (done.returncode, b"not valid Unicode" in done.stderr) == (2, True)
    assert alveary("query", shop_url, "select count(*) as n from item", "--format", "csv").out == "n\n3\n"


def test_names_that_are_not_utf8_are_shown_escaped(tmp_path: Path) -> None:
    done = shell("$A --error-format json query sqlite:// -f \"$(printf 'no\\377.sql')\"", tmp_path)
    assert done.returncode == 2
    assert "no\\udcff.sql" in json.loads(done.stderr)["message"]
    shown = shell("$A doctor --format json", tmp_path, ALVEARY_HOME=os.fsdecode(b"/tmp/no\xff"))
    assert shown.returncode == 0
    assert "no\\udcff" in json.loads(shown.stdout)["directories"][0]["path"]


def test_a_narrow_terminal_encoding_loses_nothing(alveary: Alveary, shop_url: str) -> None:
    assert alveary("query", shop_url, 'create table "naïve" (a)').status == 0
    shown = alveary("catalog", shop_url, env={"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"})
    assert (shown.status, "na\\xefve" in shown.out) == (0, True)


@pytest.mark.parametrize("arguments", [
    ("pg://me:S3cret@h/d", "select 1"), ("run", "pg://me:S3cret@h/d"), ("run", "query.run", "pg://me:S3cret@h/d"),
    ("catalog", "pg://me:S3cret@h/d"), ("plugins", "disable", "pg://me:S3cret@h/d"),
])  # fmt: skip
def test_no_mistake_repeats_a_password(alveary: Alveary, arguments: tuple[str, ...]) -> None:
    ran = alveary(*arguments, env={"ALVEARY_LOG": "debug"})
    assert ran.status == 2
    assert "S3cret" not in ran.err + ran.out


def test_a_broken_command_of_a_plugin_breaks_only_itself(alveary: Alveary, install: Callable[..., None]) -> None:
    install(
        "evil",
        "from alveary import CommandSpec, ExporterSpec, hookimpl\n@hookimpl\ndef alveary_commands():\n"
        "    return [CommandSpec(id='evil.run', summary='Evil.', factory='evil_lazy:run', verb='evil'),\n"
        "            CommandSpec(id='evil.below', summary='Evil.', factory='evil_lazy:run', verb='doctor evil'),\n"
        "            CommandSpec(id='evil.show', summary='Evil.', factory='evil_show:run', verb='show',\n"
        "                        render='evil_lazy:render')]\n"
        "@hookimpl\ndef alveary_exporters():\n"
        "    return [ExporterSpec(id='chatty', summary='', factory='evil_chat:X')]",
        {"evil": "evil"},
    )
    install("evil_lazy", "import sys; sys.exit(0)", {})
    install(
        "evil_show",
        "import msgspec\nclass P(msgspec.Struct): pass\ndef run(context, parameters: P) -> int: return 1",
        {},
    )
    install(
        "evil_chat", "print('into your data')\nfrom alveary_plugins.exporters.delimited import CsvExporter as X", {}
    )
    assert "Evil." in alveary("--help").out
    assert alveary("doctor").status == 0
    for verb in (("evil",), ("doctor", "evil"), ("show",)):
        ran = alveary(*verb)
        assert (ran.status, "error internal" in ran.err, "Traceback" in ran.err) == (1, True, False)
    chatty = alveary("query", "sqlite://", "select 1 as a", "--format", "chatty")
    assert (chatty.status, chatty.out) == (0, "a\n1\n")


def test_a_command_run_by_its_id_has_the_exit_status_of_its_verb(alveary: Alveary) -> None:
    ran = alveary("run", "query.run", "target=sqlite://", 'sql:=["selec 1"]')
    assert ran.status == 1
    assert json.loads(ran.out)["error"]["code"] == "syntax_error"


@pytest.mark.parametrize("timeout", ["inf", "1e10"])
def test_a_timeout_beyond_measure_is_none(alveary: Alveary, timeout: str) -> None:
    ran = alveary("query", "sqlite://", "select 1 as a", "--format", "csv", "--timeout", timeout)
    assert (ran.status, ran.out, ran.err) == (0, "a\n1\n", "")


def test_ctrl_c_at_any_moment_of_a_short_run_shows_no_traceback(shop_url: str, tmp_path: Path) -> None:
    code = (
        "import sys; from alveary.__main__ import main\n"
        f"sys.argv = ['alveary', 'query', {shop_url!r}, 'select 1']\nprint('go', flush=True); main()"
    )
    for delay in (0.02, 0.05, 0.08, 0.11, 0.14, 0.17, 0.2, 0.25, 0.3):
        process = subprocess.Popen(
            [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=tmp_path
        )
        assert process.stdout is not None
        assert process.stdout.readline() == b"go\n"
        time.sleep(delay)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=HANG)
        # -2 is the same as 130 to a shell: Python was just taking its handlers down.
        assert process.returncode in (0, 130, -signal.SIGINT)
        assert b"Traceback" not in err


def test_two_signals_in_a_row_end_it_like_one(shop_url: str, tmp_path: Path) -> None:
    endless = "with recursive n(x) as (select 1 union all select x + 1 from n) select count(*) from n"
    process = subprocess.Popen(
        [sys.executable, "-m", "alveary", "query", shop_url, "select 'ready' as r", endless],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=tmp_path,
    )  # fmt: skip
    assert process.stdout is not None
    while b"ready" not in process.stdout.readline():
        pass
    process.send_signal(signal.SIGTERM)
    process.send_signal(signal.SIGHUP)
    _, err = process.communicate(timeout=HANG)
    assert process.returncode in (-signal.SIGTERM, -signal.SIGHUP)
    assert b"Traceback" not in err


def has_open(process: int, path: Path) -> bool:
    """Tell whether a process has a file open; its descriptors come and go while we look."""
    for descriptor in os.listdir(f"/proc/{process}/fd"):
        with contextlib.suppress(OSError):
            if os.readlink(f"/proc/{process}/fd/{descriptor}") == str(path):
                return True
    return False


def test_ctrl_c_stops_a_catalog_that_waits(shop: Path, shop_url: str, tmp_path: Path) -> None:
    import sqlite3

    holder = sqlite3.connect(shop)
    holder.execute("begin exclusive")
    process = subprocess.Popen(
        [sys.executable, "-m", "alveary", "catalog", shop_url], stderr=subprocess.PIPE, cwd=tmp_path
    )
    while not has_open(process.pid, shop):
        assert process.poll() is None
    time.sleep(0.5)  # it waits for the lock, for five seconds
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=HANG)
    holder.close()
    assert (process.returncode, b"query_cancelled" in err) == (130, True)


def test_a_home_that_leads_nowhere_is_named(alveary: Alveary) -> None:
    ran = alveary("doctor", env={"ALVEARY_HOME": "~nosuchuser/x"})
    assert (ran.status, "ALVEARY_HOME" in ran.err, "Traceback" in ran.err) == (2, True, False)
