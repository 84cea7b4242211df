"""``alveary query`` as a person or a script runs it: data, narration, exit status."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

HANG = 30
ENDLESS = "with recursive n(x) as (select 1 union all select x + 1 from n) select count(*) from n"
ENDLESS_ROWS = "with recursive n(x) as (select 1 union all select x + 1 from n) select x from n"

Alveary = Callable[..., Any]


def test_the_default_is_a_table_on_standard_output_and_silence_beside_it(alveary: Alveary, shop_url: str) -> None:
    ran = alveary("query", shop_url, "select id, name from item order by id")
    assert ran.out == ' id | name\n----+-------\n  1 | comb\n  2 |\n  3 | a,b"c\n'
    assert (ran.status, ran.err) == (0, "")


def test_csv_is_written_by_the_rule_of_copy(alveary: Alveary, shop_url: str) -> None:
    ran = alveary("query", shop_url, "select name, price, picture from item order by id", "--format", "csv")
    assert ran.out == 'name,price,picture\ncomb,2.5,0x00FF\n"",,\n"a,b""c",0.1,0x\n'


def test_null_and_header_can_be_chosen(alveary: Alveary, shop_url: str) -> None:
    ran = alveary(
        "query", shop_url, "select price from item order by id", "--format", "csv", "--null", "NIL", "--no-header"
    )
    assert ran.out == "2.5\nNIL\n0.1\n"


def test_several_results_are_one_json_array_a_line(alveary: Alveary, shop_url: str) -> None:
    two, one = "select 1 as a, 2 as a; select null as b where 0", "select 9223372036854775807 as c"
    ran = alveary("query", shop_url, two, one, "--format", "json")
    assert ran.out == '[{"a":1,"a_2":2}]\n[]\n[{"c":9223372036854775807}]\n'


def test_json_lines(alveary: Alveary, shop_url: str) -> None:
    ran = alveary("query", shop_url, "select id, price from item order by id", "--format", "jsonl")
    assert ran.out == '{"id":1,"price":2.5}\n{"id":2,"price":null}\n{"id":3,"price":0.1}\n'


def test_a_whole_table_by_name(alveary: Alveary, shop: Path, shop_url: str) -> None:
    connection = sqlite3.connect(shop)
    connection.execute('create table "odd ""name"".x" (a)')
    connection.close()
    assert alveary("query", shop_url, "--table", "item", "--format", "csv").out.startswith("id,name,price,picture\n")
    assert alveary("query", shop_url, "--table", "main.item", "--format", "csv").status == 0
    assert alveary("query", shop_url, "--table", '"odd ""name"".x"', "--format", "csv").out == "a\n"
    assert alveary("query", shop_url, "--table", "nothing").status == 1
    assert alveary("query", shop_url, "select 1", "--table", "item").status == 2


def test_sql_comes_from_a_file_or_a_pipe(alveary: Alveary, shop_url: str, tmp_path: Path) -> None:
    (tmp_path / "s.sql").write_text("\ufeffselect 'ü' as a;", "utf-8")
    assert alveary("query", shop_url, "-f", "s.sql", "--format", "csv").out == "a\nü\n"
    assert alveary("query", shop_url, "-f", "-", "--format", "csv", stdin="select 2 as b").out == "b\n2\n"
    assert alveary("query", shop_url, "--format", "csv", stdin="select 3 as c").out == "c\n3\n"
    # Given SQL wins over a pipe that merely happens to be there.
    assert alveary("query", shop_url, "select 4 as d", "--format", "csv", stdin="select 5").out == "d\n4\n"


def test_a_comment_at_the_end_of_one_argument_does_not_swallow_the_next(alveary: Alveary, shop_url: str) -> None:
    ran = alveary("query", shop_url, "select 1 as a -- one", "select 2 as b", "--format", "csv")
    assert ran.out == "a\n1\nb\n2\n"


def test_no_sql_at_all_is_a_usage_error(alveary: Alveary, shop_url: str, tmp_path: Path) -> None:
    (tmp_path / "empty.sql").write_text("-- nothing\n ; /* at all */")
    for arguments in ((), ("",), ("-f", "empty.sql")):
        ran = alveary("query", shop_url, *arguments)
        assert (ran.status, ran.out) == (2, "")
        assert "empty_script" in ran.err


def test_parameters_are_text_unless_written_as_json(alveary: Alveary, shop_url: str) -> None:
    ran = alveary("query", shop_url, "select typeof(:a) as a, typeof(:b) as b, :c as c, :a as d", "--format", "jsonl",
                  "--param", "a=1=2", "--param", "b:=12", "--param", "c:=null")  # fmt: skip
    assert ran.out == '{"a":"text","b":"integer","c":null,"d":"1=2"}\n'
    missing = alveary("query", shop_url, "select :nope")
    assert (missing.status, "missing_parameter" in missing.err, "nope" in missing.err) == (2, True, True)
    ran = alveary("query", shop_url, "select typeof(:n), typeof(:d), :d, typeof(:b), :b, :x, @y", "--format", "csv",
                  "-p", "n:number=1.5", "-p", "d:date=2024-02-29", "-p", "b:boolean=yes", "-p", "x:null=",
                  "-p", "y:number=12")  # fmt: skip
    assert ran.out.splitlines()[-1] == "real,text,2024-02-29,integer,1,,12"
    for wrong, said in (
        ("n:number=1.00000000000000000001", "more digits than a number keeps"),
        ("n:number=nan", ":n is no number"),
        ("d:date=2023-02-29", ":d is no date such as"),
        ("t:time=25:00", ":t is no time such as"),
        ("b:boolean=maybe", "neither true nor false"),
        ("x:null=1", "has no value"),
        ("x:colour=red", "there are text, number"),
        ("x", "a --param is not K=V, K:TYPE=V or K:=JSON"),
        ("a=1 -p a:number=2", "a is given twice by --param"),
        ("a:null= -p a=1", "a is given twice by --param"),
    ):
        ran = alveary("query", shop_url, "select 1", "-p", *wrong.split(" "))
        assert ran.status == 2
        assert said in ran.err
    assert alveary("query", shop_url, "select 1", "--param", "novalue").status == 2
    assert alveary("query", shop_url, "select 1", "--param", "a:={").status == 2


def test_truncation_is_announced_even_to_a_script_and_is_no_error(alveary: Alveary, shop_url: str) -> None:
    ran = alveary("query", shop_url, "select id from item", "--limit", "2", "--format", "csv")
    assert (ran.status, ran.out) == (0, "id\n1\n2\n")
    assert ran.err.startswith("truncated: the first 2 rows")
    assert alveary("query", shop_url, "select id from item", "--limit", "3").err == ""


def test_counts_do_not_disturb_a_script(alveary: Alveary, shop_url: str) -> None:
    ran = alveary("query", shop_url, "insert into item (name) values ('x'), ('y')")
    assert (ran.status, ran.out, ran.err) == (0, "", "")


def test_stats_are_one_line_of_json(alveary: Alveary, shop_url: str) -> None:
    ran = alveary("query", shop_url, "select * from item; select 1", "--format", "none", "--stats")
    assert (ran.status, ran.out) == (0, "")
    stats = json.loads(ran.err)
    assert (stats["rows"], stats["statements"]) == (4, 2)
    assert stats["spooled_bytes"] > 0
    assert 0 < stats["first_row_seconds"] <= stats["total_seconds"]


def test_an_error_shows_code_message_and_a_caret(alveary: Alveary, shop_url: str) -> None:
    ran = alveary("query", shop_url, "select 1;\n\nselect id,\n  nme from item")
    assert ran.status == 1
    message, line, caret = ran.err.splitlines()[:3]
    assert message == "error query_failed (SQLITE_ERROR): no such column: nme"
    assert line == "  line 4:   nme from item"
    assert line[caret.index("^") :].startswith("nme")


def test_an_error_can_be_json_wherever_the_option_stands(alveary: Alveary, shop_url: str) -> None:
    for arguments in (
        ("query", shop_url, "selec 1", "--error-format", "json"),
        ("--error-format", "json", "query", shop_url, "selec 1"),
        ("query", shop_url, "selec 1", "--error-format=json"),
    ):
        ran = alveary(*arguments)
        error = json.loads(ran.err)
        assert (ran.status, error["code"], error["type"], error["position"]) == (1, "syntax_error", "query", 1)
    usage = alveary("query", "--nonsense", "--error-format", "json")
    assert (usage.status, json.loads(usage.err)["code"]) == (2, "usage_error")


def test_a_script_stops_at_the_first_error_or_goes_on(alveary: Alveary, shop_url: str) -> None:
    script = "select 1 as a; select nope; select 2 as b"
    stopped = alveary("query", shop_url, script, "--format", "csv")
    assert (stopped.status, stopped.out, stopped.err.count("error ")) == (1, "a\n1\n", 1)
    went_on = alveary("query", shop_url, script, "--format", "csv", "--on-error", "continue")
    assert (went_on.status, went_on.out, went_on.err.count("error ")) == (1, "a\n1\nb\n2\n", 1)


def test_a_single_transaction_is_all_or_nothing(alveary: Alveary, shop_url: str) -> None:
    failing = "delete from item where id = 1; select nope"
    assert alveary("query", shop_url, failing, "--single-transaction").status == 1
    assert alveary("query", shop_url, "select count(*) as n from item", "--format", "csv").out == "n\n3\n"
    assert alveary("query", shop_url, "delete from item where id = 1; select 1", "--single-transaction").status == 0
    assert alveary("query", shop_url, "select count(*) as n from item", "--format", "csv").out == "n\n2\n"
    for ending in ("commit", "END;", "rollback", "Begin", "start  transaction", "-- x\nabort"):
        own = alveary("query", shop_url, f"delete from item; {ending}; select 1", "--single-transaction")
        assert (own.status, "begins or ends a transaction itself" in own.err) == (2, True)
    assert alveary("query", shop_url, "savepoint a; rollback to a; release a", "--single-transaction").status == 0
    both = alveary("query", shop_url, "select 1", "--single-transaction", "--on-error", "continue")
    assert both.status == 2


def test_a_transaction_left_open_is_said_to_be_rolled_back(alveary: Alveary, shop_url: str) -> None:
    ran = alveary("query", shop_url, "begin; delete from item")
    assert (ran.status, ran.err) == (0, "notice: the script left a transaction open; it was rolled back\n")
    assert alveary("query", shop_url, "select count(*) as n from item", "--format", "csv").out == "n\n3\n"


def test_read_only_refuses_to_write(alveary: Alveary, shop_url: str) -> None:
    ran = alveary("query", shop_url, "delete from item", "--read-only")
    assert (ran.status, "read_only" in ran.err) == (1, True)


def test_a_timeout_has_an_exit_status_of_its_own(alveary: Alveary, shop_url: str) -> None:
    ran = alveary("query", shop_url, ENDLESS, "--timeout", "0.2")
    assert (ran.status, "query_timeout" in ran.err) == (4, True)
    ran = alveary("query", shop_url, ENDLESS, "--timeout", "0.2", "--error-format", "json")
    assert (ran.status, json.loads(ran.err)["code"]) == (4, "query_timeout")
    assert alveary("query", shop_url, "select 1", "--timeout", "0").status == 2


# -- where it goes -------------------------------------------------------------------------------------------------


def test_a_file_appears_when_it_is_whole(alveary: Alveary, shop_url: str, tmp_path: Path) -> None:
    target = tmp_path / "out.csv"
    assert alveary("query", shop_url, "select id from item", "--format", "csv", "-o", "out.csv").out == ""
    assert target.read_text() == "id\n1\n2\n3\n"
    target.chmod(0o640)
    cut = alveary(
        "query", shop_url, f"select 1; {ENDLESS_ROWS}", "--format", "csv", "-o", "out.csv", "--timeout", "0.3"
    )
    assert cut.status == 4
    assert target.read_text() == "id\n1\n2\n3\n"
    assert alveary("query", shop_url, "select 7 as a", "--format", "csv", "-o", "out.csv").status == 0
    assert (target.read_text(), stat.S_IMODE(target.stat().st_mode)) == ("a\n7\n", 0o640)
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == ["out.csv", "shop.db"]


def test_a_link_keeps_pointing_where_it_did(alveary: Alveary, shop_url: str, tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link.csv").symlink_to("real/out.csv")
    assert alveary("query", shop_url, "select 1 as a", "--format", "csv", "-o", "link.csv").status == 0
    assert (tmp_path / "link.csv").is_symlink()
    assert (tmp_path / "real" / "out.csv").read_text() == "a\n1\n"


def test_a_dash_is_standard_output(alveary: Alveary, shop_url: str, tmp_path: Path) -> None:
    assert alveary("query", shop_url, "select 1 as a", "--format", "csv", "-o", "-").out == "a\n1\n"
    assert not (tmp_path / "-").exists()


def test_a_run_time_error_of_a_script_says_its_line(alveary: Alveary, shop_url: str) -> None:
    ran = alveary("query", shop_url, "select 1;\n\ninsert into item (id)\nvalues (1)", "--format", "csv")
    assert "  line 3: insert into item (id)\n" in ran.err


def test_a_fifo_and_dev_stdout_are_written_in_place(alveary: Alveary, shop_url: str, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    read: list[str] = []
    reader = threading.Thread(target=lambda: read.append((tmp_path / "fifo").read_text()))
    reader.start()
    assert alveary("query", shop_url, "select 1 as a", "--format", "csv", "-o", "fifo").status == 0
    reader.join(HANG)
    assert read == ["a\n1\n"]
    assert stat.S_ISFIFO((tmp_path / "fifo").stat().st_mode)
    assert alveary("query", shop_url, "select 1 as a", "--format", "csv", "-o", "/dev/stdout").out == "a\n1\n"
    with (tmp_path / "redirected").open("wb") as redirected:
        redirected.write(b"before\n")
        redirected.flush()
        subprocess.run(
            [sys.executable, "-m", "alveary", "query", shop_url, "select 1 as a", "--format=csv", "-o", "/dev/stdout"],
            stdout=redirected, timeout=HANG, check=True,
        )  # fmt: skip
        redirected.write(b"after\n")
    assert (tmp_path / "redirected").read_text() == "before\na\n1\nafter\n"


@pytest.mark.parametrize(("output", "code"), [
    ("missing/out.csv", "file_unwritable"), (".", "file_unwritable"), ("/dev/full", "disk_full"),
])  # fmt: skip
def test_an_output_that_can_not_be_written_is_named(alveary: Alveary, shop_url: str, output: str, code: str) -> None:
    ran = alveary("query", shop_url, "select 1", "--format", "csv", "-o", output)
    assert (ran.status, code in ran.err, output in ran.err) == (2, True, True)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to mount a small file system")
def test_a_full_disk_leaves_the_old_file_and_no_part_of_the_new_one(
    alveary: Alveary, shop_url: str, tmp_path: Path
) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", disk], check=False, capture_output=True)
    if mounted.returncode:
        pytest.skip(f"no mount here: {mounted.stderr!r}")
    try:
        (disk / "out.csv").write_text("old")
        ran = alveary("query", shop_url, ENDLESS_ROWS, "--limit", "100000", "--format", "csv", "-o", "disk/out.csv")
        assert (ran.status, "disk_full" in ran.err) == (2, True)
        assert [path.name for path in disk.iterdir()] == ["out.csv"]
        assert (disk / "out.csv").read_text() == "old"
    finally:
        subprocess.run(["umount", disk], check=True)


def test_a_closed_pipe_ends_quietly(shop_url: str, tmp_path: Path) -> None:
    for format in ("csv", "table", "json"):
        process = subprocess.Popen(
            [sys.executable, "-m", "alveary", "query", shop_url, ENDLESS_ROWS, "--format", format],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=tmp_path,
        )  # fmt: skip
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.read(10)
        process.stdout.close()
        assert process.wait(HANG) == 0
        assert process.stderr.read() == b""
        process.stderr.close()
    piped = subprocess.run(
        ["sh", "-c", f"for verb in plugins --help; do {sys.executable} -m alveary $verb | head -c 1; done"],
        capture_output=True, timeout=HANG, check=False, cwd=tmp_path,
    )  # fmt: skip
    assert (piped.stdout, piped.stderr) == (b"pU", b"")


# -- Ctrl-C --------------------------------------------------------------------------------------------------------


def interrupted(shop_url: str, tmp_path: Path, sql: str, *arguments: str) -> subprocess.Popen[bytes]:
    """Start a query whose first statement says on standard output that the second is about to run."""
    process = subprocess.Popen(
        [sys.executable, "-m", "alveary", "query", shop_url, "select 'ready' as r", sql, *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=tmp_path,
    )  # fmt: skip
    assert process.stdout is not None
    while b"ready" not in process.stdout.readline():
        pass
    return process


def test_the_first_ctrl_c_cancels_on_the_server_and_exits_130(shop_url: str, tmp_path: Path) -> None:
    process = interrupted(shop_url, tmp_path, ENDLESS)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=HANG)
    assert process.returncode == 130
    assert b"query_cancelled" in err
    assert b"Traceback" not in err
    assert out == b"" or out.strip() == b""


def test_a_cancelled_export_leaves_no_file(shop_url: str, tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "alveary", "query", shop_url, ENDLESS_ROWS, "-o", "out.csv", "--format", "csv"],
        stderr=subprocess.PIPE, cwd=tmp_path,
    )  # fmt: skip
    while not any(path.name.endswith(".part") and path.stat().st_size for path in tmp_path.iterdir()):
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    assert process.wait(HANG) == 130
    assert process.stderr is not None
    process.stderr.close()
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["shop.db"]


def test_the_second_ctrl_c_leaves_even_while_nobody_reads(shop_url: str, tmp_path: Path) -> None:
    """The reader of our pipe sleeps, so the worker hangs in a write and the first Ctrl-C can't end it."""
    process = interrupted(shop_url, tmp_path, ENDLESS_ROWS, "--format", "csv")
    assert process.stdout is not None
    process.stdout.read(100)
    for _ in range(50):
        process.send_signal(signal.SIGINT)
        try:
            process.wait(0.3)
            break
        except subprocess.TimeoutExpired:
            continue
    assert process.returncode == 130
    process.communicate()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_to_end_stops_the_statement_and_is_the_exit_status(
    shop_url: str, tmp_path: Path, number: signal.Signals
) -> None:
    process = interrupted(shop_url, tmp_path, ENDLESS)
    process.send_signal(number)
    _, err = process.communicate(timeout=HANG)
    assert process.returncode == -number
    assert b"Traceback" not in err


# -- bad input -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("target", "code", "status"), [
    ("nosuchname", "unknown_target", 2),
    ("", "unknown_target", 2),
    ("oracle://u:S3cret@h/d", "unknown_target", 2),
    ("sqlite://u:S3cret@h/d", "malformed_url", 2),
    ("sqlite:///a%ZZS3cret", "malformed_url", 2),
    ("sqlite://[S3cret", "malformed_url", 2),
    ("sqlite:///a#S3cret", "malformed_url", 2),
    ("sqlite:///a?S3cret=1", "invalid_input", 2),
    ("sqlite:///a?mode=S3cret", "invalid_input", 2),
    ("user:S3cret@host", "unknown_target", 2),
    ("sqlite:///nowhere.db", "database_not_found", 3),
    ("sqlite:///nowhere/x.db?mode=rwc", "connection_failed", 3),
    ("sqlite:///.", "connection_failed", 3),
    ("sqlite:///text.db", "not_a_database", 3),
])  # fmt: skip
def test_a_bad_target_is_named_without_repeating_what_may_be_secret(
    alveary: Alveary, tmp_path: Path, target: str, code: str, status: int
) -> None:
    (tmp_path / "text.db").write_text("this is no database, " * 100)
    before = sorted(tmp_path.iterdir())
    ran = alveary("query", target, "select 1")
    assert (ran.status, ran.out) == (status, "")
    assert f"error {code}" in ran.err
    assert "S3cret" not in ran.err
    assert set(tmp_path.iterdir()) - set(before) <= {tmp_path / "alveary-home"}


@pytest.mark.parametrize(("script", "code"), [
    ("select 1;\nselect 'open", "unterminated_quote"),
    ('select 1;\nselect "open', "unterminated_quote"),
    ("select 1;\n.tables\n", "client_command"),
    ("select 1;\nselect '\0'", "nul_character"),
    ("select 1;\nfrobnicate", "syntax_error"),
])  # fmt: skip
def test_what_is_wrong_with_a_script_names_its_line(
    alveary: Alveary, shop_url: str, tmp_path: Path, script: str, code: str
) -> None:
    (tmp_path / "s.sql").write_text(script)
    ran = alveary("query", shop_url, "-f", "s.sql", "--format", "csv")
    assert (ran.status, f"error {code}" in ran.err, "line 2" in ran.err) == (1, True, True)
    # Only the database can find the last one; everything else is found before anything is sent.
    assert ran.out == ("1\n1\n" if code == "syntax_error" else "")


def test_files_that_can_not_be_read_are_named(alveary: Alveary, shop_url: str, tmp_path: Path) -> None:
    (tmp_path / "latin.sql").write_bytes(b"select 1;\nselect '\xe9'")
    for file, what in (("missing.sql", "No such file"), (".", "directory"), ("latin.sql", "line 2")):
        ran = alveary("query", shop_url, "-f", file)
        assert (ran.status, "file_unreadable" in ran.err, what in ran.err) == (2, True, True)


def test_unknown_formats_and_options_are_usage_errors(alveary: Alveary, shop_url: str) -> None:
    ran = alveary("query", shop_url, "select 1", "--format", "xml")
    assert (ran.status, "unknown_format" in ran.err, "csv" in ran.err) == (2, True, True)
    for arguments in (("query",), ("query", shop_url, "select 1", "--limit", "x"), ("nonsense",),
                      ("query", shop_url, "select 1", "--limit", "-1")):  # fmt: skip
        assert alveary(*arguments).status == 2


def test_a_locked_and_a_read_only_database(alveary: Alveary, shop: Path, shop_url: str) -> None:
    holder = sqlite3.connect(shop)
    holder.execute("begin exclusive")
    locked = alveary("query", shop_url, "select * from item")
    holder.close()
    assert (locked.status, "database_locked" in locked.err) == (1, True)
    written = alveary("query", f"{shop_url}?mode=ro", "delete from item")
    assert (written.status, "read_only" in written.err) == (1, True)


def test_a_file_nobody_may_open_is_named(shop: Path, shop_url: str, tmp_path: Path) -> None:
    shop.chmod(0)
    # Root may open everything, so it gives that power away first.
    powerless = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
    done = subprocess.run(
        [*powerless, sys.executable, "-m", "alveary", "query", shop_url, "select 1"],
        capture_output=True, timeout=HANG, check=False, cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 3
    assert b"error connection_failed" in done.stderr


def test_two_thousand_columns_and_a_result_without_any(alveary: Alveary, shop_url: str) -> None:
    wide = "select " + ", ".join(f"{n} as c{n}" for n in range(2000))
    ran = alveary("query", shop_url, wide, "--format", "csv")
    header, row = csv.reader(io.StringIO(ran.out))
    assert (len(header), row[1999]) == (2000, "1999")
    nothing = alveary("query", shop_url, "create table t2 (a)", "--format", "json")
    assert (nothing.status, nothing.out, nothing.err) == (0, "", "")


def test_a_cell_of_64_mb_comes_through_whole(alveary: Alveary, shop_url: str, tmp_path: Path) -> None:
    size = 64 << 20
    sql = f"select replace(hex(zeroblob({size // 2})), '0', 'x') as big, 1 as one"
    assert alveary("query", shop_url, sql, "--format", "csv", "--no-header", "-o", "big.csv").status == 0
    assert (tmp_path / "big.csv").stat().st_size == size + 3
    ran = alveary("query", shop_url, sql, "--format", "none", "--stats")
    assert json.loads(ran.err)["spooled_bytes"] >= size


def test_text_that_is_not_utf8_loses_no_row_and_no_byte(alveary: Alveary, shop_url: str, tmp_path: Path) -> None:
    sql = (
        "with recursive n(x) as (select 1 union all select x + 1 from n where x < 1000)"
        " select x, case when x % 7 = 0 then cast(x'ff41fe' as text) else 'ok' end as t from n"
    )
    assert alveary("query", shop_url, sql, "--format", "csv", "--no-header", "-o", "out.csv").status == 0
    expected = b"".join(b"%d,%s\n" % (n, b"ok" if n % 7 else b"\xffA\xfe") for n in range(1, 1001))
    assert (tmp_path / "out.csv").read_bytes() == expected
    stats = json.loads(alveary("query", shop_url, sql, "--format", "none", "--stats").err)
    assert stats["rows"] == 1000


def test_control_characters_stay_raw_in_files(alveary: Alveary, shop_url: str) -> None:
    ran = alveary("query", shop_url, "select 'a' || char(27) || '[31m' as c", "--format", "csv")
    assert ran.out == "c\na\x1b[31m\n"


def test_a_real_script_runs_from_a_file(alveary: Alveary, tmp_path: Path) -> None:
    import alveary_plugins.demo

    sample = Path(alveary_plugins.demo.__file__).with_name("sample.sql")
    ran = alveary("query", "sqlite:///new.db?mode=rwc", "-f", str(sample))
    assert (ran.status, ran.out, ran.err) == (0, "", "")
    reference = sqlite3.connect(tmp_path / "reference.db")
    reference.executescript(sample.read_text("utf-8"))
    ours = sqlite3.connect(tmp_path / "new.db")
    assert list(ours.iterdump()) == list(reference.iterdump())
    reference.close()
    ours.close()


def test_a_value_for_no_parameter_is_a_usage_error_before_anything_runs(alveary: Alveary, shop_url: str) -> None:
    made = "create table made (k int)"
    ran = alveary("query", shop_url, made, "select ':n' as x -- :n", "-p", "n=3")
    assert (ran.status, ran.out) == (2, "")
    assert "there is no parameter :n in what is to be run" in ran.err
    assert alveary("query", shop_url, "select * from made").status == 1
    ran = alveary("query", shop_url, "select :one; select :two", "-p", "one=1", "-p", "tow=2")
    assert (ran.status, "it has :one, :two" in ran.err) == (2, True)
    assert alveary("query", shop_url, "select :one as x; select :two as x", "-p", "one=1", "-p", "two=2").status == 0
    assert alveary("explain", shop_url, "select 1", "-p", "n=3").status == 2


@pytest.mark.parametrize("mark", ["?", "?1", "$1"])
def test_a_parameter_without_a_name_says_that_it_is_not_asked_for(alveary: Alveary, shop_url: str, mark: str) -> None:
    ran = alveary("query", shop_url, f"select {mark}")
    assert ran.status == 2
    assert "missing_parameter" in ran.err
    assert "it has no name, so nobody is asked for it: write :name in its place" in ran.err
