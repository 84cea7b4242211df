"""F1: what each key of the palette costs among 100,000 tables, and with their 1,000,000 columns, beside fzf.

As a script it is the measured process (``find.py FILE PASSES``): it makes the names, writes them to a file, finds what
is typed, and prints one line of JSON.
"""

from __future__ import annotations

import json
import random
import shutil
import statistics
import sys
import time
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from processes import Settings
    from table import Line

TABLES = 100_000
COLUMNS = 10
BAR = 0.050
"""Seconds of a key, of 95 in 100."""
SHOWN = 100
PASSES = 5
WORDS = [
    "account",
    "address",
    "amount",
    "archive",
    "article",
    "audit",
    "batch",
    "booking",
    "branch",
    "budget",
    "campaign",
    "carrier",
    "catalog",
    "category",
    "charge",
    "claim",
    "client",
    "comment",
    "contract",
    "country",
    "coupon",
    "currency",
    "customer",
    "delivery",
    "deposit",
    "detail",
    "device",
    "discount",
    "document",
    "employee",
    "event",
    "expense",
    "export",
    "factor",
    "feature",
    "file",
    "forecast",
    "group",
    "history",
    "import",
    "invoice",
    "item",
    "job",
    "journal",
    "ledger",
    "line",
    "loan",
    "location",
    "log",
    "machine",
    "market",
    "member",
    "message",
    "note",
    "number",
    "offer",
    "order",
    "package",
    "partner",
    "payment",
    "period",
    "permission",
    "person",
    "plan",
    "policy",
    "price",
    "product",
    "profile",
    "project",
    "quote",
    "rate",
    "reason",
    "receipt",
    "record",
    "refund",
    "region",
    "report",
    "request",
    "review",
    "role",
    "route",
    "rule",
    "sale",
    "schedule",
    "segment",
    "sensor",
    "service",
    "session",
    "shipment",
    "site",
    "source",
    "stage",
    "state",
    "stock",
    "store",
    "supplier",
    "table",
    "target",
    "task",
    "tax",
    "team",
    "ticket",
    "token",
    "transfer",
    "unit",
    "user",
    "value",
    "vendor",
    "version",
    "visit",
    "warehouse",
    "zone",
]
TYPED = (
    "customer_order", "invoice", "cuor", "prdprc", "item order", "sales.inv", "zzz", "paymentreceipt", "wrhs",
    "order customer tax", "employee", "ltrs",
)  # fmt: skip
"""What is typed, key by key."""


def measure(settings: Settings) -> list[Line]:
    """Run the process, and fzf for each thing that was typed."""
    from table import Line, seconds, spread, verdict

    names = settings.data / "find.txt"
    usage = settings.run([sys.executable, __file__, str(names), str(settings.rounds or PASSES)])
    said = json.loads(usage.output)
    lines = []
    for what, found in said["keys"].items():
        bar = verdict(f"p95 ≤ {BAR * 1000:.0f} ms", found["p95"] <= BAR) if what == "tables" else "–"
        took = {name: f"{found[name] * 1000:.1f} ms" for name in ("median", "p95", "longest", "first")}
        work = (
            f"a key among {TABLES:,} {what}: the first {SHOWN} of what is found; median {took['median']}, "
            f"p95 {took['p95']}, longest {took['longest']}; first hits p95 {took['first']}; {found['bytes']:.0f} bytes "
            f"each, made in {found['built']:.1f} s; seconds of the thread, whatever else the machine does"
        )
        lines.append(Line("F1", work, ours=seconds(found["median"]), bar=bar, peak=f"{usage.peak:.0f}"))
    if (fzf := shutil.which("fzf")) is None:
        return [*lines, Line("F1", "the same by fzf", peer="not measured: there is no fzf (apt install fzf)")]
    ratios, ours, theirs, peak = [], [], [], 0.0
    for text, mine in said["whole"].items():
        other = settings.run(
            ["sh", "-c", f'"{fzf}" --filter "$1" < "$2" | head -{SHOWN} | wc -l', "sh", text, str(names)]
        )
        peak = max(peak, other.peak)
        ratios.append(mine / other.seconds)
        ours.append(mine)
        theirs.append(other.seconds)
    lines.append(
        Line(
            "F1",
            f"{len(TYPED)} whole words among {TABLES:,} tables; peer: fzf --filter, which reads the list each time",
            ours=seconds(statistics.median(ours)),
            peer=seconds(statistics.median(theirs)),
            ratio=spread(ratios),
            peak=f"{usage.peak:.0f} / {peak:.0f}",
        )
    )
    return lines


def main(file: str, passes: int) -> None:
    """Make the names, type, and print what each key took."""
    from alveary import Kernel, Query, Wanted
    from alveary.catalogs import Reached
    from alveary.contracts.catalog import ColumnInfo, Relation
    from alveary.known import KnownCatalog, KnownSchema, Level
    from alveary.workers.questions import packed

    chance = random.Random(20)
    schemas: dict[str, KnownSchema] = {}
    now = datetime.now(UTC)
    levels = dict.fromkeys((Level.RELATIONS, Level.COLUMNS, Level.OBJECTS), now)
    for number in range(20):
        schema = f"{chance.choice(('sales', 'staging', 'public', 'core', 'mart'))}_{number}"
        names = [f"{_name(chance, 3)}_{at}" for at in range(TABLES // 20)]
        relations = {name: Relation(schema=schema, name=name, kind="table") for name in names}
        columns = packed(
            ColumnInfo(schema=schema, relation=name, name=_name(chance, 2), ordinal=at, type_name="text", nullable=True)
            for name in names
            for at in range(1, COLUMNS + 1)
        )
        schemas[schema] = KnownSchema(schema, levels=levels, relations=relations, packed_columns=columns)
    texts = [f"{schema.name}.{name}" for schema in schemas.values() for name in schema.relations]
    Path(file).write_text("\n".join(texts) + "\n", "utf-8")
    report: dict[str, Any] = {"keys": {}, "whole": {}}
    with Kernel.in_memory() as kernel:
        target, driver = kernel.target("sqlite:///:memory:")
        known = KnownCatalog("k", "bench", tuple(schemas), (), frozenset(), now, schemas)
        kernel.catalogs.kept = lambda: [Reached(known, target, driver, None)]  # type: ignore[method-assign]  # no server has a million columns at hand
        for what, ids, count in (
            ("tables", ["objects"], TABLES),
            (f"tables and their {TABLES * COLUMNS:,} columns", ["objects", "columns"], TABLES * (1 + COLUMNS)),
        ):
            specs = kernel.finding.chosen(ids)
            before, started = _memory(), time.perf_counter()
            kernel.finding.prepare(specs)
            built, took = _memory() - before, time.perf_counter() - started
            times, firsts = [], []
            for _pass in range(passes):
                for text in TYPED:
                    for end in range(1, len(text) + 1):
                        query = text[:end]
                        began, started = time.perf_counter(), time.thread_time()
                        found = kernel.finding.search(Wanted(Query(query)), specs)
                        any_found = next(found, None)
                        firsts.append(time.thread_time() - started)
                        for _ in islice(found, SHOWN - 1 if any_found else 0):
                            pass
                        times.append(time.thread_time() - started)
                        clock = time.perf_counter() - began
                    if what == "tables":
                        report["whole"].setdefault(text, []).append(clock)
            report["keys"][what] = {
                "median": statistics.median(times),
                "p95": statistics.quantiles(times, n=20)[-1],
                "longest": max(times),
                "first": statistics.quantiles(firsts, n=20)[-1],
                "bytes": built / count,
                "built": took,
            }
    report["whole"] = {text: statistics.median(times) for text, times in report["whole"].items()}
    print(json.dumps(report))


def _name(chance: random.Random, most: int) -> str:
    return "_".join(chance.choice(WORDS) for _ in range(chance.randint(1, most)))


def _memory() -> int:
    """Return how many bytes of memory this process holds."""
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * 4096


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
