"""C1: query, cancel, export, five hundred times over: what the process holds after the first tenth, and at the end.

As a script it is the measured process (``cycles.py URL thread|process CYCLES WARM``): it prints one line of JSON, what
it and its children hold after so many cycles and at the end.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast

if TYPE_CHECKING:
    from processes import Settings
    from table import Line

    from alveary import Kernel, Session

CYCLES, WARM = 500, 50
"""Cycles, and those until everything that is loaded once has been."""
GROWTH_BAR = 3.0
"""MB at the end beyond what it was when warm: the newest thousand statements that were sent are kept."""
ROWS = 2_000
_SETTLE_SECONDS = 5.0
"""How long what was told to go may take to be gone."""
_PRODUCTS = {"sqlite": "SQLite", "postgresql": "PostgreSQL", "mysql": "MariaDB"}
_ENDLESS = {
    "sqlite": "with recursive n(i) as (select 1 union all select i + 1 from n) select i from n",
    "postgresql": "select a, b from generate_series(1, 1000000) a, generate_series(1, 1000000) b",
    "mysql": "select a.seq, b.seq from seq_1_to_1000000 a, seq_1_to_1000000 b",
}
_ROWS = {
    "sqlite": "with recursive n(i) as (select 1 union all select i + 1 from n) select i, i || ' bees' from n limit {}",
    "postgresql": "select i, i || ' bees' from generate_series(1, {}) as i",
    "mysql": "select seq, concat(seq, ' bees') from seq_1_to_{}",
}


@dataclass(frozen=True, slots=True)
class Held:
    """What a process and its children hold: MB of memory that is no file's, and how many of each."""

    memory: float
    threads: int
    processes: int
    descriptors: int

    @property
    def counts(self) -> tuple[int, int, int]:
        return self.threads, self.processes, self.descriptors


def measure(settings: Settings) -> list[Line]:
    """Run the cycles with each engine, its worker in a thread and in a process of its own."""
    from exports import url_of
    from servers import ServerMissingError
    from table import Line, verdict

    lines = []
    for product in _PRODUCTS.values():
        work = f"{CYCLES} cycles of query, cancel and export on {product}"
        try:
            url = url_of(settings, product)
        except ServerMissingError as exc:
            lines.append(Line("C1", work, peer=f"not measured: {exc}"))
            continue
        for host in ("thread", "process"):
            said = json.loads(settings.run([sys.executable, __file__, url, host, str(CYCLES), str(WARM)]).output)
            warm, end = Held(**said["warm"]), Held(**said["end"])
            growth = end.memory - warm.memory
            lines.append(
                Line(
                    "C1",
                    f'{work}, host="{host}": threads {warm.threads} → {end.threads}, processes {warm.processes} → '
                    f"{end.processes}, descriptors {warm.descriptors} → {end.descriptors}",
                    ratio=f"**{growth:+.1f} MB**",
                    bar=verdict(
                        f"≤ +{GROWTH_BAR:g} MB, the counts the same", growth <= GROWTH_BAR and warm.counts == end.counts
                    ),
                    peak=f"{warm.memory:.0f} → {end.memory:.0f}",
                )
            )
    return lines


# -- the measured process ----------------------------------------------------------------------------------------


def main(url: str, host: Literal["thread", "process"], cycles: int, warm: int) -> None:
    """Go through the cycles, and print what is held when warm and at the end."""
    from alveary import Kernel

    looks = {}
    with tempfile.TemporaryDirectory() as folder, Kernel() as kernel:
        kernel.host = host
        with kernel.connect(url) as session:
            for number in range(1, cycles + 1):
                _cycle(kernel, session, url, str(Path(folder) / "bees.csv"))
                if number in (warm, cycles):
                    looks[number] = asdict(_held())
    print(json.dumps({"warm": looks[warm], "end": looks[cycles]}))


def _cycle(kernel: Kernel, session: Session, url: str, file: str) -> None:
    """Read some rows, stop a statement in the midst of its rows, write a file over a connection of its own."""
    dialect = url.partition(":")[0]
    sql = _ROWS[dialect].format(ROWS)
    result = session.run(sql)
    assert result is not None, "a select has a result"
    assert len(result) == ROWS, len(result)
    result.drop()
    statement = session.execute(_ENDLESS[dialect])
    while not statement.rows:
        assert not statement.wait(0.001), statement.error
    statement.cancel()
    statement.wait()
    assert statement.outcome == "cancelled", statement.outcome
    assert statement.result is not None, "there were rows"
    statement.result.drop()
    if kernel.host == "thread":
        kernel.run("query.run", {"target": url, "sql": [sql], "format": "csv", "output": file})
    else:  # as the window does it: a worker that stores the rows, and another process that writes them
        _export(kernel, url, sql, file)
    assert os.path.getsize(file) > ROWS, "there is a line for each row"


def _export(kernel: Kernel, url: str, sql: str, file: str) -> None:
    from alveary.formats import find_format, format_of
    from alveary.saving import save

    with kernel.connect(url) as other:
        result = other.run(sql)
        assert result is not None, "a select has a result"
        save(result, format_of(find_format(kernel.plugins.exporters, "csv")), file)
        result.drop()


def _held() -> Held:
    """Look at this process and its children until they hold the same twice."""
    gc.collect()
    until, before = time.monotonic() + _SETTLE_SECONDS, None
    while True:
        found = _look()
        if found is not None and ((before is not None and found.counts == before.counts) or time.monotonic() > until):
            return found
        before = found
        time.sleep(0.1)


def _look() -> Held | None:
    """Return what is held now; None where a process went meanwhile."""
    memory = threads = descriptors = 0
    family = _family(os.getpid())
    try:
        for process in family:
            folder = Path(f"/proc/{process}")
            # Of files that are mapped the parts change with whoever else on the machine has them, too.
            rollup = (folder / "smaps_rollup").read_text().splitlines()
            memory += next(int(line.split()[1]) for line in rollup if line.startswith("Anonymous:"))
            threads += len(list((folder / "task").iterdir()))
            descriptors += len(list((folder / "fd").iterdir()))
    except (OSError, StopIteration):
        return None
    return Held(memory / 1024, threads, len(family), descriptors)


def _family(process: int) -> list[int]:
    """Return a process and its children, however deep."""
    found = [process]
    for one in found:
        for task in Path(f"/proc/{one}/task").glob("*/children"):
            found += map(int, task.read_text().split())
    return found


if __name__ == "__main__":
    main(sys.argv[1], cast(Literal["thread", "process"], sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
