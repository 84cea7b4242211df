"""``alveary import``, ``preview`` and ``copy``: the order of words, what is said where, and what they leave with."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

Alveary = Callable[..., Any]


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "bees.db"
    with closing(sqlite3.connect(path)) as db:
        db.execute("create table bee (id integer primary key, name text not null)")
        db.commit()
    return path


def rows(database: Path, table: str = "bee") -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(database)) as db:
        return db.execute(f"select * from {table}").fetchall()


def file(folder: Path, text: str, name: str = "bees.csv") -> str:
    (folder / name).write_text(text)
    return str(folder / name)


def test_a_file_goes_into_a_table(alveary: Alveary, database: Path, tmp_path: Path) -> None:
    done = alveary("import", f"sqlite:///{database}", file(tmp_path, "id,name\n1,Ann\n2,Bea\n"), "--table", "bee")
    assert (done.status, done.err) == (0, "")
    assert "2 rows imported into main.bee" in done.out
    assert rows(database) == [(1, "Ann"), (2, "Bea")]


def test_what_is_said_of_a_file_overrules_what_is_found_out(alveary: Alveary, database: Path, tmp_path: Path) -> None:
    content = file(tmp_path, "7|'Ann|x'|-\n8|-|-\n", "bees.txt")
    done = alveary(
        "import", f"sqlite:///{database}", content, "--table", "wasp", "--create", "--format", "csv",
        "--delimiter", "|", "--header", "no", "--option", "quote='", "--option", "null=-", "--map", "column1=id",
        "--map", "column3=", "--type", "column1=text",
    )  # fmt: skip
    assert done.status == 0, done.err
    assert rows(database, "wasp") == [("7", "Ann|x"), ("8", None)]


@pytest.mark.parametrize(
    ("words", "code", "status"),
    [
        (["--table", "bee", "--sha256", "0" * 64], "checksum_mismatch", 2),
        (["--table", "nothing", "--existing"], "unknown_object", 2),
        (["--table", "nothing", "--existing", "--create"], "invalid_input", 2),
        (["--table", "bee", "--create"], "name_taken", 2),
        (["--table", "bee", "--map", "no=id"], "invalid_input", 2),
        (["--table", "bee", "--type", "id=colour"], "invalid_input", 2),
        (["--table", "bee", "--format", "nothing"], "unknown_format", 2),
        (["--table", "bee", "--on-error", "reject"], "invalid_input", 2),
        (["--table", "bee"], "constraint_violation", 1),
        (["--table", "wasp", "--create", "--type", "name=integer"], "row_refused", 1),
        (["--table", "bee", "--rejects", "/nowhere/at/all.csv"], "file_unwritable", 2),
    ],
)
def test_a_failure_has_its_code_and_its_status_and_leaves_nothing(
    alveary: Alveary, database: Path, tmp_path: Path, words: list[str], code: str, status: int
) -> None:
    failed = alveary(
        "import", f"sqlite:///{database}", file(tmp_path, "id,name\n1,Ann\n2,\n"), *words, "--error-format", "json"
    )
    assert (failed.status, failed.out) == (status, "")
    assert json.loads(failed.err.splitlines()[-1])["code"] == code
    assert rows(database) == []
    assert [path.name for path in tmp_path.iterdir() if path.suffix in (".part", ".csv")] == ["bees.csv"]


@pytest.mark.parametrize(
    ("name", "head", "what"),
    [
        ("bees.xlsx", b"PK\x03\x04\x14\x00\n1,2\n", "a ZIP archive, as spreadsheets are"),
        ("bees.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\n1,2\n", "an old Office document"),
        ("bees.csv.gz", b"\x1f\x8b\x08\n1,2\n", "compressed with gzip"),
        ("other.db", b"SQLite format 3\x00\n1,2\n", "an SQLite database"),
    ],
)
def test_what_is_no_text_is_not_taken_for_csv(
    alveary: Alveary, database: Path, tmp_path: Path, name: str, head: bytes, what: str
) -> None:
    (tmp_path / name).write_bytes(head)
    for verb in (["import", f"sqlite:///{database}"], ["preview"]):
        words = ["--table", "wasp"] if verb[0] == "import" else []
        failed = alveary(*verb, str(tmp_path / name), *words, "--error-format", "json")
        assert (failed.status, failed.out) == (2, "")
        error = json.loads(failed.err.splitlines()[-1])
        assert error["code"] == "unknown_format"
        assert what in error["message"]
        assert "csv" in error["hint"]


def test_a_table_that_must_be_there_says_how_it_would_be_made(alveary: Alveary, database: Path, tmp_path: Path) -> None:
    content = file(tmp_path, "id,name\n1,Ann\n")
    failed = alveary("import", f"sqlite:///{database}", content, "--table", "wasp", "--existing")
    assert failed.status == 2
    assert "without --existing it is made from the file" in failed.err


def test_what_is_refused_goes_to_a_file_and_is_no_failure(alveary: Alveary, database: Path, tmp_path: Path) -> None:
    rejects = tmp_path / "rejects.csv"
    content = file(tmp_path, "id,name\n1,Ann\n2,\nx,Cleo\n")
    done = alveary("import", f"sqlite:///{database}", content, "--table", "bee", "--rejects", str(rejects))
    assert done.status == 0
    assert f"2 rows rejected: see {rejects}" in done.out
    lines = rejects.read_text().splitlines()
    assert lines[0] == "line,column,value,reason"
    assert [line.split(",")[:3] for line in lines[1:]] == [["3", "name", ""], ["4", "id", "x"]]
    assert rows(database) == [(1, "Ann")]
    with closing(sqlite3.connect(database)) as db:
        db.execute("delete from bee")
        db.commit()
    alveary(
        "import",
        f"sqlite:///{database}",
        file(tmp_path, "id,name\n1,Ann\n"),
        "--table",
        "bee",
        "--rejects",
        str(rejects),
    )
    assert rejects.read_text() == "line,column,value,reason\n", "those of the last time are not taken for those of this"


def test_a_preview_needs_no_database(alveary: Alveary, tmp_path: Path) -> None:
    shown = alveary("preview", file(tmp_path, "id;zip\n1;00123\n2;\n"), "--whole")
    assert (shown.status, shown.err) == (0, "")
    assert "delimiter ';'" in shown.out
    assert "2 rows" in shown.out
    assert [line.split() for line in shown.out.splitlines() if line.startswith(("id", "zip"))] == [
        ["id", "bigint", "no"],
        ["zip", "text", "yes"],
    ]


def test_a_table_is_copied(alveary: Alveary, database: Path, tmp_path: Path) -> None:
    with closing(sqlite3.connect(database)) as db:
        db.execute("insert into bee values (1, 'Ann')")
        db.commit()
    target = tmp_path / "other.db"
    done = alveary("copy", f"sqlite:///{database}", "bee", f"sqlite:///{target}?mode=rwc", "wasp", "--checksum")
    assert (done.status, done.err) == (0, "")
    assert "1 rows of main.bee copied to main.wasp" in done.out
    assert "alike on both sides" in done.out
    assert rows(target, "wasp") == [(1, "Ann")]
    again = alveary("copy", f"sqlite:///{database}", "bee", f"sqlite:///{target}", "wasp")
    assert (again.status, "constraint_violation" in again.err) == (1, True)
    assert rows(target, "wasp") == [(1, "Ann")]


def test_what_a_copy_leaves_out_is_said(alveary: Alveary, database: Path, tmp_path: Path) -> None:
    with closing(sqlite3.connect(database)) as db:
        db.execute("create index by_name on bee (name)")
        db.execute("create trigger counts after insert on bee begin select 1; end")
    source, target = f"sqlite:///{database}", f"sqlite:///{tmp_path}/other.db?mode=rwc"
    done = alveary("copy", source, "bee", target)
    assert (done.status, done.err) == (0, "notice: main.bee has not all that main.bee has; left out: trigger counts\n")
    assert "made, too: index by_name" in done.out
    done = alveary("copy", source, "bee", target, "wasp", "--format", "json")
    assert json.loads(done.out)["left_out"] == ["trigger counts"]
    assert "left out: trigger counts" in done.err


def test_what_was_imported_is_in_the_history(alveary: Alveary, database: Path, tmp_path: Path) -> None:
    alveary("import", f"sqlite:///{database}", file(tmp_path, "id,name\n1,Ann\n"), "--table", "bee")
    assert "/* the rows of bees.csv */" in alveary("history").out


@pytest.mark.parametrize("name", ["bees.csv", "bees.db", "link.csv"])
def test_rejects_never_take_the_place_of_what_is_read(
    alveary: Alveary, database: Path, tmp_path: Path, name: str
) -> None:
    content = file(tmp_path, "id,name\n1,Ann\n")
    (tmp_path / "link.csv").symlink_to(content)
    before = (database.read_bytes(), Path(content).read_bytes())
    words = ("--table", "bee", "--rejects", str(tmp_path / name))
    done = alveary("import", f"sqlite:///{database}", content, *words)
    assert (done.status, done.out) == (2, "")
    assert "is read by this very command" in done.err
    assert (database.read_bytes(), Path(content).read_bytes()) == before
