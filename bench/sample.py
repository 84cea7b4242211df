"""The data: one table of ten columns as SQLite file and as CSV, the same bytes in every run, made once and kept."""

from __future__ import annotations

import csv
import os
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

Value: TypeAlias = int | float | str | None

_CREATE = """
create table t (
  id integer primary key, account integer, name text, amount numeric, created_at text,
  active integer, score real, born_on date, note text, attributes text
)
"""
_WORDS = ("amber", "birch", "cedar", "dune", "ember", "fjord", "grove", "heath", "islet", "jetty", "kelp", "lagoon")


def make(folder: Path, rows: int) -> Path:
    """Return the SQLite file that holds table ``t`` with so many rows, made now if it is not there."""
    path = folder / f"sample-{rows}.db"
    if path.exists():
        return path
    print(f"making {path.name} …", file=sys.stderr)
    folder.mkdir(parents=True, exist_ok=True)
    new = path.with_suffix(f".{os.getpid()}.new")
    new.unlink(missing_ok=True)
    db = sqlite3.connect(new, isolation_level=None)
    for pragma in ("journal_mode = off", "synchronous = off"):
        db.execute(f"pragma {pragma}")
    db.execute("begin")
    db.execute(_CREATE)
    db.executemany(f"insert into t values ({', '.join('?' * 10)})", _rows(rows))
    db.execute("commit")
    db.close()
    os.replace(new, path)
    return path


def csv_file(folder: Path, rows: int) -> Path:
    """Return the CSV file, NULL as ``\\N``, from which servers load the same rows."""
    path = folder / f"sample-{rows}.csv"
    if path.exists():
        return path
    print(f"making {path.name} …", file=sys.stderr)
    folder.mkdir(parents=True, exist_ok=True)
    new = path.with_suffix(f".{os.getpid()}.new")
    with new.open("w", encoding="utf-8", newline="") as file:
        lines = csv.writer(file, lineterminator="\n")
        lines.writerows([r"\N" if cell is None else cell for cell in row] for row in _rows(rows))
    os.replace(new, path)
    return path


def _rows(count: int) -> Iterator[tuple[Value, ...]]:
    for number in range(count):
        # A multiplicative hash: values that look random, the same on every machine and Python.
        mixed = number * 0x9E3779B97F4A7C15 % (1 << 64)
        high, low = mixed >> 32, mixed & 0xFFFFFFFF
        word, other = _WORDS[high % 12], _WORDS[low % 12]
        day = low % 28 + 1
        time = f"{low % 24:02}:{high % 59:02}:{high % 60:02}.{low % 1_000_000:06}"
        yield (
            number + 1,
            high * 97 + low,
            f"{word} {other} {high % 10_000}",
            (high % 10_000_000) / 100,
            f"20{low % 20 + 10}-{high % 12 + 1:02}-{day:02} {time}",
            high & 1,
            mixed / 1e13,
            f"19{high % 60 + 40}-{low % 12 + 1:02}-{day:02}",
            None if low % 3 == 0 else f"about {other}, seen near the {word}",
            f'{{"kind": "{word}", "tags": ["{other}", "{high % 100}"], "size": {low % 1000}}}',
        )
