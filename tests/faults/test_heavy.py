"""What takes minutes: ten million rows, a gigabyte in a cell, a hundred thousand tables, all formats, bounded memory.

Each in a process of its own, whose peak is compared with that of the same for little.
"""

from __future__ import annotations

import json
import os
import sqlite3
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from fix_faults import Line, Measure
from fix_mariadb import MariaServer, running_mariadb
from fix_postgres import PostgresServer

from alveary import Kernel
from alveary.kernel import HostKind

pytestmark = pytest.mark.soak

MB = 1 << 20
GB = 1_000_000_000
MOST_SECONDS = 900.0
FORMATS = ("table", "csv", "tsv", "json", "jsonl", "markdown", "html", "xlsx", "parquet", "sql", "vertical")
TABLES, COLUMNS = 100_000, "(id int, note text)"
MAKE = f"do $$ begin for i in {{}}..{{}} loop execute format('create table t%s {COLUMNS}', i); end loop; end $$"

BEGIN = """
import json, sys, time
from alveary import Kernel

def peak():
    (most,) = [line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")]
    return int(most) / 1024

began = time.monotonic()
arguments = json.loads(sys.argv[1])
"""
STORE = """
with Kernel.in_memory() as kernel, kernel.connect(arguments["url"], record=False) as session:
    statement = session.execute(arguments["sql"])
    statement.wait()
    statement.check()
    result = statement.result
    (last,) = result.window(len(result) - 1, len(result))
    told = {"rows": len(result), "first": statement.first_row, "last": len(str(last[0])), "memory": peak()}
"""
EXPORT = """
with Kernel.in_memory() as kernel:
    report = kernel.run("query.run", arguments)
    told = {"rows": report.rows, "memory": peak()}
"""
LIST = """
with Kernel.in_memory() as kernel:
    relations = kernel.catalog(arguments["url"]).relations(arguments["schema"])
    columns = kernel.catalog(arguments["url"]).columns(arguments["schema"])
    sent = sum(kernel.sent.counts().values())
    told = {"rows": len(relations), "columns": len(columns), "sent": sent, "memory": peak()}
"""
END = """
told["seconds"] = time.monotonic() - began
print(json.dumps(told))
"""


def told(work: str, **arguments: object) -> dict[str, float]:
    """Do it in a process of its own; return what it says: seconds, and megabytes of memory at most."""
    command = [sys.executable, "-c", BEGIN + work + END, json.dumps(arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=MOST_SECONDS)
    assert done.returncode == 0, done.stderr
    said: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return said


@pytest.mark.parametrize("millions", [10])
def test_many_rows_are_stored_and_exported_in_little_memory(
    line: Line, tmp_path: Path, millions: int, measured: Measure
) -> None:
    sql, few = line.rows.format(millions * 1_000_000), line.rows.format(10_000)
    stored, base = told(STORE, url=line.straight, sql=sql), told(STORE, url=line.straight, sql=few)
    assert stored["rows"] == millions * 1_000_000
    measured(f"L01 first row of {millions} million ({line.name})", stored["first"])
    measured(f"L01 storing {millions} million rows ({line.name})", stored["seconds"])
    measured(f"L01 memory of it over 10,000 rows, in MB ({line.name})", stored["memory"] - base["memory"])
    assert stored["memory"] - base["memory"] < 150
    more = {"target": line.straight, "format": "csv", "output": str(tmp_path / "rows.csv")}
    written, base = told(EXPORT, sql=[sql], **more), told(EXPORT, sql=[few], **more)
    assert written["rows"] == millions * 1_000_000
    measured(f"L10 {millions} million rows to CSV ({line.name})", written["seconds"])
    measured(f"L10 memory of it over 10,000 rows, in MB ({line.name})", written["memory"] - base["memory"])
    assert written["memory"] - base["memory"] < 50


@pytest.mark.parametrize("host", ["thread", "process"])
def test_among_many_rows_a_cancel_works_at_any_point(
    kernel: Kernel, line: Line, host: HostKind, measured: Measure
) -> None:
    longest = 0.0
    with kernel.connect(line.straight, host=host) as session:
        for rows in (1, 1_000, 100_000, 1_000_000, 3_000_000):
            statement = session.execute(line.rows.format(10_000_000))
            while statement.rows < rows:
                assert not statement.wait(0.001), statement.error
            began = time.monotonic()
            statement.cancel()
            assert statement.wait(60), "it hangs"
            longest = max(longest, time.monotonic() - began)
            assert statement.rows >= rows
    measured(f"L01 the longest cancel among 10 million rows ({line.name}, {host})", longest)


@pytest.mark.parametrize("format", FORMATS)
def test_no_format_s_memory_grows_with_the_rows(tmp_path: Path, format: str, measured: Measure) -> None:
    numbers = (
        "with recursive n(i) as (select 1 union all select i + 1 from n where i < {}) select i, 'row ' || i as t, "
    )
    numbers += "i * 0.5 as half, case when i % 3 then 'x' end as some from n"
    more = {"target": "sqlite:///:memory:", "format": format, "output": str(tmp_path / "rows")}
    many, few = (
        told(EXPORT, sql=[numbers.format(1_000_000)], **more),
        told(EXPORT, sql=[numbers.format(50_000)], **more),
    )
    assert (many["rows"], few["rows"]) == (1_000_000, 50_000)
    measured(f"L10 a million rows ({format})", many["seconds"])
    measured(f"L10 memory of a million rows over 50,000, in MB ({format})", many["memory"] - few["memory"])
    assert many["memory"] - few["memory"] < 40


@pytest.mark.parametrize(
    ("server", "sql", "most"),
    [("postgres", "select repeat('x', {})", 3.5), ("mariadb", "select repeat('x', {})", 3.5),
     ("sqlite", "select cast(zeroblob({}) as text)", 2.5)],
)  # fmt: skip
def test_a_cell_of_a_gigabyte_is_stored_and_read_back_whole(
    request: pytest.FixtureRequest, server: str, sql: str, most: float, measured: Measure
) -> None:
    url = "sqlite:///:memory:"
    if server == "postgres":
        url = request.getfixturevalue("postgres_url")
    elif server == "mariadb":
        url = request.getfixturevalue("mariadb_url")
        mariadb: MariaServer = request.getfixturevalue("mariadb")
        mariadb.admin(f"set global max_allowed_packet = {1024 * MB}")
    said = told(STORE, url=url, sql=sql.format(GB))
    assert (said["rows"], said["last"]) == (1, GB)
    measured(f"L02 a cell of 1 GB ({server})", said["seconds"])
    measured(f"L02 memory of a cell of 1 GB ({server}), in times its size", said["memory"] * MB / GB)
    assert said["memory"] * MB / GB < most


def many_in_mariadb(mariadb: MariaServer, schema: str) -> None:
    """Make the tables of one by copies of its files, as the manual allows: the server takes minutes for as many."""
    mariadb.admin(f"use {schema}; create table t0 {COLUMNS} engine=myisam; flush tables")
    folder = mariadb.folder / "data" / schema
    for ending in ("frm", "MYD", "MYI"):
        of_one = folder / f"t0.{ending}"
        content, owner = of_one.read_bytes(), of_one.stat()
        for number in range(1, TABLES):
            file = of_one.with_stem(f"t{number}")
            file.write_bytes(content)
            os.chown(file, owner.st_uid, owner.st_gid)


def many_in_sqlite(file: Path) -> None:
    """Write the pages and the schema of a file of many tables: for each that it makes SQLite looks through all others.

    What is written is what SQLite would have written: each table's first page is like that of the first, and empty.
    """
    size, sql = 512, f"create table t{{}} {COLUMNS}"
    with closing(sqlite3.connect(file, isolation_level=None)) as db:
        db.execute(f"pragma page_size = {size}")
        db.execute(sql.format(0))
    empty = file.read_bytes()[-size:]
    with open(file, "r+b") as pages:
        pages.seek(28)  # where the header counts the pages, of which the first is the schema's
        pages.write(struct.pack(">I", 1 + TABLES))
        pages.seek(0, os.SEEK_END)
        pages.write(empty * (TABLES - 1))
    with closing(sqlite3.connect(file)) as db, db:
        db.execute("pragma writable_schema = on")
        rows = ((f"t{n}", f"t{n}", 2 + n, sql.format(n)) for n in range(1, TABLES))
        db.executemany("insert into sqlite_schema values ('table', ?, ?, ?, ?)", rows)


@pytest.fixture(params=["postgres", "mariadb", "sqlite"])
def tables(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, str, str]]:
    """A database of many tables: the engine, its URL, the schema they are in."""
    if request.param == "postgres":
        postgres: PostgresServer = request.getfixturevalue("postgres")
        postgres.psql("create database many")  # it goes with its server: to drop it would take minutes
        for first in range(0, TABLES, 1_000):  # each statement holds a lock of every table it makes
            postgres.psql(MAKE.format(first, first + 999), "many")
        yield request.param, postgres.url("many"), "public"
    elif request.param == "mariadb":
        with running_mariadb() as mariadb:  # its own, for to remove so many files takes a while
            schema = mariadb.new_database()
            many_in_mariadb(mariadb, schema)
            yield request.param, mariadb.url(schema), schema
    else:
        many_in_sqlite(tmp_path / "many.db")
        yield request.param, f"sqlite:///{tmp_path}/many.db", "main"


def test_the_catalog_of_a_hundred_thousand_tables_is_a_few_questions(
    tables: tuple[str, str, str], measured: Measure
) -> None:
    engine, url, schema = tables
    said = told(LIST, url=url, schema=schema)
    assert (said["rows"], said["columns"]) == (TABLES, 2 * TABLES)
    assert said["sent"] < 20, "it asks about each table by itself"
    measured(f"L04 relations and columns of {TABLES:,} tables ({engine})", said["seconds"])
    measured(f"L04 memory of it, in MB ({engine})", said["memory"])
