"""P13: two sessions that each read the whole table at once, beside the same two one after the other.

As a script it is the measured process (``streams.py DATABASE thread|process``): it prints one line of JSON.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from typing import TYPE_CHECKING, Literal, cast

if TYPE_CHECKING:
    from processes import Settings
    from table import Line

    from alveary import Session

BAR = 1.5


def measure(settings: Settings) -> list[Line]:
    """Run the process several times for workers in processes, and in threads for comparison."""
    import sample
    from table import Line, seconds, spread, verdict

    database = sample.make(settings.data, settings.rows)
    lines = []
    for host in ("process", "thread"):
        both, alone, peak = [], [], 0.0
        for _ in range(settings.rounds or 3):
            usage = settings.run([sys.executable, __file__, str(database), host])
            said = json.loads(usage.output)
            assert said["rows"] == [settings.rows] * 4, said
            both.append(said["both"])
            alone.append(said["alone"])
            peak = max(peak, usage.peak)
        ratios = [together / apart for together, apart in zip(both, alone, strict=True)]
        lines.append(
            Line(
                "P13",
                f'two streams of {settings.rows:,} × 10 at once, host="{host}"; peer: the sum of each alone',
                ours=seconds(statistics.median(both)),
                peer=seconds(statistics.median(alone)),
                ratio=spread(ratios),
                bar=verdict(f"≤ {BAR:g}", statistics.median(ratios) <= BAR) if host == "process" else "–",
                peak=f"{peak:.0f}",
            )
        )
    return lines


def main(database: str, host: Literal["thread", "process"]) -> None:
    """Time the first alone, both at once, the second alone: a machine that slows down slows both sides."""
    from alveary import Kernel

    with Kernel() as kernel:
        sessions = [kernel.connect(f"sqlite:///{database}", host=host) for _ in range(2)]
        for session in sessions:
            _read([session], limit=10_000)
        first, rows = _read(sessions[:1])
        both, more = _read(sessions)
        second, last = _read(sessions[1:])
    print(json.dumps({"both": both, "alone": first + second, "rows": rows + more + last}))


def _read(sessions: list[Session], limit: int | None = None) -> tuple[float, list[int]]:
    """Return the seconds until each session has stored the table, and the rows of each result; drops them."""
    started = time.perf_counter()
    statements = [session.execute("select * from t", limit=limit) for session in sessions]
    for statement in statements:
        statement.wait()
    took = time.perf_counter() - started
    rows = []
    for statement in statements:
        statement.check()
        result = statement.result
        assert result is not None, "a select has a result"
        rows.append(len(result))
        result.drop()
    return took, rows


if __name__ == "__main__":
    main(sys.argv[1], cast(Literal["thread", "process"], sys.argv[2]))
