"""P11: commands that do nothing, through the kernel's table: parameters checked, run logged, event delivered."""

from __future__ import annotations

import json
import statistics
import sys
from pathlib import Path

from processes import Settings
from table import Line, verdict

LEAST, MOST = 10_000, 1.0
"""Calls a second, and milliseconds of the slowest hundredth."""
CALLS = 50_000


def measure(settings: Settings) -> list[Line]:
    """Run the process several times; absolute by nature, so it is read with the machine class."""
    rates, tails, peak = [], [], 0.0
    for _ in range(settings.rounds or 5):
        usage = settings.run([sys.executable, str(Path(__file__).with_name("nothing.py")), str(CALLS)])
        said = json.loads(usage.output)
        rates.append(said["rate"])
        tails.append(said["p99"])
        peak = max(peak, usage.peak)
    rate, tail = statistics.median(rates), statistics.median(tails)
    return [
        Line(
            "P11",
            f"{CALLS:,} do-nothing commands through the kernel: checked, logged, event delivered",
            ours=f"{rate:,.0f} /s ({min(rates):,.0f}–{max(rates):,.0f}), p99 {tail:.3f} ms (worst {max(tails):.3f})",
            bar=verdict(f"≥ {LEAST:,} /s, p99 < {MOST:g} ms", rate >= LEAST and tail < MOST),
            peak=f"{peak:.0f}",
        )
    ]
