"""Formats as the command line has them: listed with their options, given options, refused and summed up."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest
from python_calamine import CalamineWorkbook

Alveary = Callable[..., Any]


def test_formats_are_listed_with_their_options(alveary: Alveary) -> None:
    ran = alveary("formats")
    assert (ran.status, ran.err) == (0, "")
    assert "csv" in ran.out
    assert "delimiter" in ran.out
    listed = {each["name"]: each for each in json.loads(alveary("formats", "--format", "json").out)["formats"]}
    assert (listed["csv"]["extensions"], listed["csv"]["binary"]) == ([".csv"], False)
    (quote,) = [option for option in listed["csv"]["options"] if option["name"] == "quote"]
    assert (quote["default"], quote["choices"]) == ("needed", ["needed", "text", "all"])
    assert [each["name"] for each in json.loads(alveary("formats", "tsv", "--format", "json").out)["formats"]] == [
        "tsv"
    ]
    assert alveary("formats", "nope").status == 2


def test_options_are_given_by_name(alveary: Alveary, shop_url: str) -> None:
    sql = "select id, name from item order by id"
    ran = alveary("query", shop_url, sql, "--format", "csv", "--option", "delimiter=;", "--option", "quote=all")
    assert ran.out == '"id";"name"\n"1";"comb"\n"2";""\n"3";"a,b""c"\n'
    marked = alveary("query", shop_url, "select 1 as a", "--format", "csv", "--option", "bom:=true")
    assert marked.out == "\ufeffa\n1\n"
    by_id = alveary("run", "query.run", f"target={shop_url}", 'sql:=["select 1 as a, 2 as b"]', "format=csv",
                    'options:={"delimiter": "|"}')  # fmt: skip
    assert by_id.out.startswith("a|b\n1|2\n")


def test_a_wrong_option_is_told_before_anything_runs(alveary: Alveary, shop_url: str, tmp_path: Path) -> None:
    for option, format in (
        ("delimiter=ab", "csv"), ("nope=1", "csv"), ("quote=maybe", "csv"), ("delimiter=;", "table"), ("bare", "csv"),
        ("delimiter=;", "none"),
    ):  # fmt: skip
        ran = alveary("query", shop_url, "delete from item", "--format", format, "--option", option, "-o", "out.csv")
        assert (ran.status, ran.out) == (2, ""), option
    assert not (tmp_path / "out.csv").exists()
    assert alveary("query", shop_url, "select count(*) as n from item", "--format", "csv").out == "n\n3\n"


def test_a_checksum_is_of_what_was_written(alveary: Alveary, shop_url: str, tmp_path: Path) -> None:
    ran = alveary("query", shop_url, "select * from item", "--format", "csv", "-o", "x.csv", "--checksum", "--stats")
    content = (tmp_path / "x.csv").read_bytes()
    expected = hashlib.sha256(content).hexdigest()
    said, stats = ran.err.splitlines()
    assert (ran.status, ran.out, said) == (0, "", f"sha256 {expected}  x.csv")
    assert (json.loads(stats)["sha256"], json.loads(stats)["written_bytes"]) == (expected, len(content))
    through_pipe = alveary("query", shop_url, "select * from item", "--format", "csv", "--checksum")
    assert through_pipe.err == f"sha256 {expected}  standard output\n"
    plain = json.loads(alveary("query", shop_url, "select 1", "--format", "csv", "--stats").err)
    assert (plain["sha256"], plain["written_bytes"]) == (None, 4)
    cut = alveary("query", shop_url, "select 1; select nope", "--format", "csv", "-o", "y.csv", "--checksum")
    assert (cut.status, "sha256" in cut.err, (tmp_path / "y.csv").exists()) == (1, False, False)
    assert alveary("query", shop_url, "select 1", "--format", "none", "--checksum").status == 2


def test_a_plugins_format_takes_its_own_options(alveary: Alveary, install: Callable[..., None], shop_url: str) -> None:
    install(
        "shout",
        "from alveary import Exporter, ExporterSpec, FormatOption, hookimpl\n"
        "class Shout(Exporter):\n"
        "    def __init__(self, write, options, *, times):\n"
        "        super().__init__(write, options)\n"
        "        self.times = times\n"
        "    def begin(self, columns):\n"
        "        self.write(f'{self.origin.sql}|{self.origin.dialect.name}'.encode())\n"
        "    def rows(self, rows): self.write(b'!' * self.times * len(rows))\n"
        "    def end(self, whole): self.write(b'\\n')\n"
        "@hookimpl\ndef alveary_exporters():\n"
        "    times = FormatOption(name='times', kind='int', default=2, minimum=0, description='How often.')\n"
        "    return [ExporterSpec(id='shout', summary='', factory='shout:Shout', options=(times,)),\n"
        "            ExporterSpec(id='far', summary='', factory='far:Far', package='no_such_package')]",
        {"shout": "shout"},
    )
    run = ("query", shop_url, "select 1; select 2 where 0", "--format", "shout")
    assert alveary(*run).out == "select 1|sqlite!!\nselect 2 where 0|sqlite\n"
    assert alveary(*run, "--option", "times=3").out == "select 1|sqlite!!!\nselect 2 where 0|sqlite\n"
    assert "a whole number, at least 0" in alveary(*run, "--option", "times=-1").err
    missing = alveary("query", shop_url, "select 1", "--format", "far")
    assert (missing.status, "missing_package" in missing.err) == (2, True)
    assert "needs: pip install 'no_such_package'" in alveary("formats").out


def test_a_workbook_goes_to_a_file_or_down_a_pipe(alveary: Alveary, shop_url: str, tmp_path: Path) -> None:
    sql = "select id, name from item order by id; select 2 as b"
    assert alveary("query", shop_url, sql, "--format", "xlsx", "-o", "x.xlsx").status == 0
    piped = subprocess.run(
        [sys.executable, "-m", "alveary", "query", shop_url, sql, "--format", "xlsx"], capture_output=True, check=True
    )
    assert piped.stdout == (tmp_path / "x.xlsx").read_bytes()
    book = CalamineWorkbook.from_path(tmp_path / "x.xlsx")
    assert [book.get_sheet_by_name(name).to_python() for name in book.sheet_names] == [
        [["id", "name"], [1, "comb"], [2, ""], [3, 'a,b"c']],
        [["b"], [2]],
    ]


def test_a_value_that_a_format_can_not_hold_leaves_no_file(alveary: Alveary, shop_url: str, tmp_path: Path) -> None:
    ran = alveary("query", shop_url, "select 1 as a; select printf('%40000c', 'x') as long", "--format", "xlsx",
                  "-o", "x.xlsx")  # fmt: skip
    assert (ran.status, (tmp_path / "x.xlsx").exists()) == (2, False)
    assert "row 1, column long: a value of 40,000 characters, and a cell holds 32,767" in ran.err
    assert "--option long=cut" in ran.err


def test_parquet_goes_to_a_file_or_down_a_pipe(alveary: Alveary, shop_url: str, tmp_path: Path) -> None:
    run = ("query", shop_url, "select id, name, price, picture from item order by id", "--format", "parquet")
    assert alveary(*run, "-o", "x.parquet").status == 0
    piped = subprocess.run([sys.executable, "-m", "alveary", *run], capture_output=True, check=True)
    assert piped.stdout == (tmp_path / "x.parquet").read_bytes()
    with duckdb.connect() as db:
        rows = db.execute(f"select * from read_parquet('{tmp_path}/x.parquet')").fetchall()
    assert rows == [(1, "comb", 2.5, b"\x00\xff"), (2, "", None, None), (3, 'a,b"c', 0.1, b"")]
    two = alveary("query", shop_url, "select 1; select 2", "--format", "parquet", "-o", "y.parquet")
    assert (two.status, "holds one result" in two.err, (tmp_path / "y.parquet").exists()) == (2, True, False)
    none = alveary("query", shop_url, "delete from item where 0", "--format", "parquet", "-o", "y.parquet")
    assert (none.status, "nothing to write" in none.err, (tmp_path / "y.parquet").exists()) == (2, True, False)


def test_parquet_without_its_package_says_what_to_install(alveary: Alveary, shop_url: str, tmp_path: Path) -> None:
    (tmp_path / "none").mkdir()
    code = "import sys; sys.modules['pyarrow'] = None; from alveary.__main__ import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, "query", shop_url, "select 1", "--format", "parquet", "-o", "x.parquet"],
        capture_output=True, text=True, cwd=tmp_path, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "needs the Python package pyarrow" in done.stderr
    assert "pip install 'alveary[parquet]'" in done.stderr


@pytest.mark.parametrize("format", ["csv", "jsonl", "html", "xlsx", "parquet", "sql"])
def test_a_result_that_was_stopped_leaves_no_file(alveary: Alveary, shop_url: str, tmp_path: Path, format: str) -> None:
    endless = "with recursive n(x) as (select 1 union all select x + 1 from n) select x, 'text' as y from n"
    ran = alveary("query", shop_url, endless, "--format", format, "-o", "out", "--timeout", "0.5")
    assert (ran.status, "query_timeout" in ran.err) == (4, True)
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == ["shop.db"]
    piped = alveary("query", shop_url, endless, "--format", format, "--timeout", "0.5")
    if format == "parquet":  # all rows are looked at before the first is written
        assert piped.out == ""
    elif format == "xlsx":
        assert not piped.out.endswith("\0\0")
    elif format == "sql":
        assert piped.out.endswith(",\n(\n")
    elif format == "html":
        assert "</table>" not in piped.out


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to mount a small file system")
@pytest.mark.parametrize("format", ["jsonl", "xlsx", "parquet", "sql"])
def test_a_full_disk_is_said_and_leaves_nothing_behind(
    alveary: Alveary, shop_url: str, tmp_path: Path, format: str
) -> None:
    (tmp_path / "disk").mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "none", tmp_path / "disk"], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip(f"no mount here: {mounted.stderr!r}")
    many = "with recursive n(x) as (select 1 union all select x + 1 from n limit 50000) select random() as x from n"
    try:
        ran = alveary("query", shop_url, many, "--format", format, "-o", "disk/out")
        assert (ran.status, "disk_full" in ran.err, "disk/out" in ran.err) == (2, True, True)
        assert list((tmp_path / "disk").iterdir()) == []
        if format == "parquet":
            elsewhere = {"TMPDIR": str(tmp_path / "disk")}
            ran = alveary("query", shop_url, many, "--format", format, "-o", "out", env=elsewhere)
            assert (ran.status, "disk_full" in ran.err, "a temporary file" in ran.err) == (2, True, True)
            assert not (tmp_path / "out").exists()
    finally:
        subprocess.run(["umount", tmp_path / "disk"], check=True)


def test_an_output_never_takes_the_place_of_what_is_read(alveary: Alveary, tmp_path: Path) -> None:
    database, script = tmp_path / "bees.db", tmp_path / "bees.sql"
    script.write_text("create table bee (id integer)")
    assert alveary("query", f"sqlite:///{database}?mode=rwc", "-f", str(script)).status == 0
    link = tmp_path / "link.db"
    link.symlink_to(database)
    for output in (database, script):
        before = output.read_bytes()
        done = alveary("query", f"sqlite:///{database}", "-f", str(script), "-o", str(output))
        assert (done.status, output.read_bytes()) == (2, before)
        assert "is read by this very command" in done.err
    for ending in ("-wal", "-shm", "-journal"):  # whether they are there just now or not
        for name in (database, link):
            done = alveary("query", f"sqlite:///{link}", "select 1", "-o", f"{name}{ending}")
            assert (done.status, Path(f"{name}{ending}").exists()) == (2, False)
            assert "is read by this very command" in done.err
