"""P3 and P12: a PostgreSQL table to files of other formats beside ``\\copy``, and the peak of ten times the rows."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import peers
import sample
from processes import Settings, in_turn
from servers import ServerMissingError
from table import Line, compared, seconds, verdict

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
        if format == "parquet":
            lines.append(_beside_arrow(settings, server.url, ours, files[0]))
        for file in files:
            Path(file).unlink(missing_ok=True)
    return lines


def _beside_arrow(settings: Settings, url: str, ours: list[str], file: str) -> Line:
    work = "the same to parquet; peer: ADBC to Arrow batches, pyarrow to Parquet"
    try:
        adbc = [peers.python_of(settings.data, "adbc"), peers.__file__, url, "parquet", file]
    except peers.PeerMissingError as exc:
        return Line("P3", work, peer=f"not measured: {exc}")
    settings.checked(adbc, str(settings.rows))
    pair = in_turn(partial(settings.run, ours), partial(settings.run, adbc), settings.rounds or 5)
    return compared("P3", work, pair, bar=None, floor=settings.floor)


GROWING = {
    "PostgreSQL": "select t.* from t, generate_series(1, {times})",
    "MariaDB": "select t.* from t, seq_1_to_{times}",
    "SQLite": "with recursive n(i) as (select 1 union all select i + 1 from n where i < {times}) "
    "select t.* from n cross join t",
}
"""Queries that have so many times the rows of the table."""
GROWING_FORMATS = ("none", "csv", "jsonl", "parquet")


def measure_growth(settings: Settings) -> list[Line]:
    """Compare the peak of the whole table with that of ten times its rows, into a stored result and into files."""
    lines = []
    for product, sql in GROWING.items():
        work = f"peak memory of {product} {settings.rows:,} × 10, and of ten times the rows"
        try:
            url = url_of(settings, product)
        except ServerMissingError as exc:
            lines.append(Line("P12", work, peer=f"not measured: {exc}"))
            continue
        # The others take their rows by other ways; what becomes of them is the same.
        formats = GROWING_FORMATS if product == "PostgreSQL" else GROWING_FORMATS[:2]
        lines += [_growth(settings, url, sql, work, format) for format in formats]
    return lines


def url_of(settings: Settings, product: str) -> str:
    """Return the URL of the database of PostgreSQL, MariaDB or SQLite with the table ``t``."""
    if product == "SQLite":
        return f"sqlite:///{sample.make(settings.data, settings.rows)}"
    return (settings.servers.postgres() if product == "PostgreSQL" else settings.servers.mariadb()).url


def _growth(settings: Settings, url: str, sql: str, work: str, format: str) -> Line:
    runs = []
    file = settings.data / f"growing.{format}"
    for times in (1, 10):
        output = [] if format == "none" else ["-o", str(file)]
        command = [settings.alveary, "query", url, sql.format(times=times), "--format", format, *output]
        if times == 1:
            settings.checked([*command, "--stats"], f'"rows":{settings.rows},')
        runs.append(settings.run(command))
        file.unlink(missing_ok=True)
    few, many = runs
    growth = many.peak / few.peak
    return Line(
        "P12",
        f"{work}: {'into a ResultSet' if format == 'none' else format}",
        ours=f"{seconds(few.seconds)} → {seconds(many.seconds)}",
        ratio=f"**{growth:.2f}**",
        bar=verdict(f"≤ {GROWTH_BAR:g}", growth <= GROWTH_BAR),
        peak=f"{few.peak:.0f} → {many.peak:.0f}",
    )
