"""P3 and P12: a PostgreSQL table to files of other formats beside ``\\copy``, and the peak of ten times the rows."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

from processes import Settings, in_turn
from servers import ServerMissingError
from table import Line, compared, verdict

BAR, PEAK_BAR = 2.5, 200
"""The ratio, and MB."""
GROWTH_BAR = 1.1
"""Peak of ten times the rows by that of the rows."""
FORMATS = {"jsonl": BAR, "parquet": BAR, "xlsx": None}
"""By what the ratio of each may be; of a spreadsheet nothing is asked."""


def measure(settings: Settings) -> list[Line]:
    """Compare each format with ``\\copy`` to a CSV file."""
    lines = []
    for format, bar in FORMATS.items():
        work = f"PostgreSQL {settings.rows:,} × 10 to {format}; peer: `psql \\copy … csv header`"
        try:
            server = settings.servers.postgres()
        except ServerMissingError as exc:
            return [Line("P3", work, peer=f"not measured: {exc}")]
        files = [str(settings.data / name) for name in (f"ours.{format}", "copy.csv")]
        ours = [settings.alveary, "query", server.url, "--table", "t", "--format", format, "-o", files[0]]
        settings.checked([*ours, "--stats"], f'"rows":{settings.rows},')
        peer = [*server.client, f"\\copy t to '{files[1]}' csv header"]
        rounds = settings.rounds or (5 if bar is not None else 1)
        pair = in_turn(partial(settings.run, ours), partial(settings.run, peer), rounds)
        lines.append(compared("P3", work, pair, bar=bar, floor=settings.floor, peak_bar=PEAK_BAR))
        for file in files:
            Path(file).unlink(missing_ok=True)
    return lines


def measure_growth(settings: Settings) -> list[Line]:
    """Compare the peak of the whole table with that of ten times its rows, into a stored result and into files."""
    work = f"peak memory of PostgreSQL {settings.rows:,} × 10, and of ten times the rows"
    try:
        server = settings.servers.postgres()
    except ServerMissingError as exc:
        return [Line("P12", work, peer=f"not measured: {exc}")]
    lines = []
    for format in ("none", "csv", "jsonl", "parquet"):
        peaks = []
        for times in (1, 10):
            sql = f"select t.* from t, generate_series(1, {times})"
            output = [] if format == "none" else ["-o", os.devnull]
            command = [settings.alveary, "query", server.url, sql, "--format", format, *output]
            settings.checked([*command, "--stats"], f'"rows":{settings.rows * times},')
            peaks.append(settings.run(command).peak)
        growth = peaks[1] / peaks[0]
        lines.append(
            Line(
                "P12",
                f"{work}: {'into a ResultSet' if format == 'none' else format}",
                ratio=f"**{growth:.2f}**",
                bar=verdict(f"≤ {GROWTH_BAR:g}", growth <= GROWTH_BAR),
                peak=f"{peaks[0]:.0f} → {peaks[1]:.0f}",
            )
        )
    return lines
