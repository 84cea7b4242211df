"""H1: searches in a history of 1,000,000 statements. H2: what recording costs a script of 20,000 statements.

As a script it is the process H1 measures (``history.py HOME ROUNDS``): it prints one line of JSON.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from processes import Settings, Usage
    from table import Line

    from alveary.history import Record

ENTRIES = 1_000_000
MOST_SECONDS = 0.2
STATEMENTS = 20_000
MOST_RATIO = 1.15

#: What is searched for: rare, frequent, everywhere; beginnings, several words, none, only failures, one connection.
SEARCHES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("", {}),
    ("customer", {}),
    ("customer_id invoi", {}),
    ("12345", {}),
    ("12", {}),
    ("sel", {}),
    ("select from where order", {}),
    ("update price 42", {}),
    ("nowhere to be found", {}),
    ("s", {}),
    ("", {"failed": True}),
    ("select", {"failed": True}),
    ("", {"connection": "staging"}),
    ("invoice", {"connection": "sqlite:////home/ann/seldom.db"}),
    ("", {"connection": "sqlite:////home/ann/seldom.db"}),
)
UNINDEXED = "->>"
"""Punctuation is in no index: entries are read one by one until enough are found."""
_NOUNS = ("customer", "invoice", "product", "account", "session", "payment", "region", "item", "price", "stock")
_ENDINGS = ("", "_id", "_name", "_at", "_total", "s", "_archive")
_CONNECTIONS = ("prod", "staging", "sqlite:////home/ann/shop.db", "postgres://ann@db.example.com:5432/app")


def measure(settings: Settings) -> list[Line]:
    """Search, each in turn, in a process that has the history open."""
    from table import Line, seconds, verdict

    home = make(settings.data, ENTRIES)
    usage = settings.run([sys.executable, str(Path(__file__)), str(home), str(settings.rounds or 7)])
    times: dict[str, float] = json.loads(usage.output)
    unindexed = times.pop(UNINDEXED)
    worst = max(times, key=lambda search: times[search])
    return [
        Line(
            "H1",
            f"{len(times)} searches in a history of {ENTRIES:,} statements, the newest 50 of each",
            ours=f"median {seconds(statistics.median(times.values()))}, slowest {seconds(times[worst])} ({worst})",
            bar=verdict(f"each ≤ {MOST_SECONDS:g} s", times[worst] <= MOST_SECONDS),
            peak=f"{usage.peak:.0f}",
        ),
        Line("H1", f"the same for `{UNINDEXED}`, which is in no index", ours=seconds(unindexed)),
    ]


def measure_script(settings: Settings) -> list[Line]:
    """Run the script with and without a history, in turn, on a database in memory."""
    from processes import in_turn
    from table import compared

    script = settings.data / f"script-{STATEMENTS}.sql"
    lines = (
        f"insert into t values ({n}, 'name number {n * 7919 % 100_003}', {n * 0.37:.2f});\n" for n in range(STATEMENTS)
    )
    script.write_text("create table t (a integer primary key, b text, c real);\n" + "".join(lines))
    command = [settings.alveary, "query", "sqlite:///:memory:", "-f", str(script), "--format", "none"]

    def run(*more: str) -> Usage:
        return settings.run([*command, *more])

    pair = in_turn(run, lambda: run("--no-history"), settings.rounds or 9)
    work = f"a script of {STATEMENTS:,} inserts into SQLite, recorded; peer: the same with `--no-history`"
    return [compared("H2", work, pair, bar=MOST_RATIO, floor=settings.floor)]


def make(folder: Path, entries: int) -> Path:
    """Return a data directory whose history holds so many statements, made now if it is not there."""
    from alveary.history import History
    from alveary.store.database import Store

    home = folder / f"history-{entries}"
    if home.exists():
        return home
    print(f"making {home.name} …", file=sys.stderr)
    folder.mkdir(parents=True, exist_ok=True)
    new = home.with_suffix(f".{os.getpid()}.new")
    store = Store(new)
    history = History(store)
    records: list[Record] = []
    for record in _records(entries):
        records.append(record)
        if len(records) == 5000:
            history.add(records, [], [])
            records = []
    history.add(records, [], [])
    store.close()
    os.replace(new, home)
    return home


def _records(count: int) -> Iterator[Record]:
    now = time.time_ns() // 1000
    for number in range(count):
        # A multiplicative hash: values that look random, the same on every machine and Python.
        mixed = number * 0x9E3779B97F4A7C15 % (1 << 64)
        picks = [mixed >> shift & 0xFFFF for shift in (0, 16, 32, 48)]
        one, two, three, four = (_NOUNS[pick % 10] + _ENDINGS[pick // 10 % 7] for pick in picks)
        key = mixed % 1_000_003
        statement = (
            f"select {one}, {two}, {three} from {four} where {two} = {key} and day > '2025-{key % 12 + 1:02}-01' "
            f"order by {one} limit 100",
            f"insert into {four} ({one}, {two}) values ({key}, 'name {picks[1]}')",
            f"update {four} set {one} = {picks[2]} where id = {key}",
            f"select data->>'{one}' from {four}_archive where id = {key}",
        )[(0, 0, 0, 1, 1, 2, 2, 0)[picks[3] % 8] if number % 5000 else 3]
        connection = _CONNECTIONS[picks[0] % 4] if number % 20_011 else "sqlite:////home/ann/seldom.db"
        outcome = "failed" if picks[1] % 33 == 0 else "completed"
        started = now - (count - number) * 20_000_000
        yield started, None, connection, "app", statement, "[]", outcome, 0.01, 1, None, None, None


def _search(home: Path, rounds: int) -> None:
    from alveary.history import History
    from alveary.store.database import Store

    history = History(Store(home))
    times: dict[str, list[float]] = {}
    for _ in range(rounds + 1):
        for text, conditions in (*SEARCHES, (UNINDEXED, {})):
            started = time.perf_counter()
            found = history.search(text, **conditions)
            seconds = time.perf_counter() - started
            assert found or "nowhere" in text or len(text) == 1, (text, conditions)
            words = " ".join([text, *(f"--{name} {value}" for name, value in conditions.items())]).strip()
            times.setdefault(words or "the newest", []).append(seconds)
    # The first round finds the file's pages; "cold" here as everywhere means a process, not a disk.
    print(json.dumps({words: statistics.median(each[1:]) for words, each in times.items()}))


if __name__ == "__main__":
    _search(Path(sys.argv[1]), int(sys.argv[2]))
