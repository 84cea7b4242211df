"""P1 and P2: a PostgreSQL table into a stored result beside psql dropping it, and into a CSV file beside ``\\copy``.

As a script it is a measured process (``query_postgres.py URL``): it prints how soon the first rows were stored.
"""

from __future__ import annotations

import filecmp
import json
import statistics
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from processes import Settings
    from table import Line

BAR, CSV_BAR, PEAK_BAR = 1.0, 1.3, 90
"""Ratios, and MB."""
PGCLI_ROWS = 100_000
"""Rows of the comparison with pgcli, which holds them all and takes its time."""
FIRST_BAR = 50.0
"""Milliseconds from sending the statement to the first stored rows."""


def measure(settings: Settings) -> list[Line]:
    """Compare the two programs, and look at when the first rows come."""
    from processes import in_turn
    from servers import ServerMissingError
    from table import Line, compared, verdict

    work = f"PostgreSQL {settings.rows:,} × 10 into a ResultSet; peer: `psql -A -o /dev/null`"
    try:
        server = settings.servers.postgres()
    except ServerMissingError as exc:
        return [Line("P1", work, peer=f"not measured: {exc}")]
    ours = [settings.alveary, "query", server.url, "--table", "t", "--format", "none"]
    peer = [*server.client[:-1], "-A", "-o", "/dev/null", "-c", "select * from t"]
    settings.checked([*ours, "--stats"], f'"rows":{settings.rows},')
    # Through a pipe: what this process reads makes it grow, and a child is counted as large as its launcher.
    shown = ["/dev/stdout" if word == "/dev/null" else word for word in peer]
    settings.checked(["sh", "-c", '"$0" "$@" | tail -n 1', *shown], f"({settings.rows} rows)")
    pair = in_turn(lambda: settings.run(ours), lambda: settings.run(peer), settings.rounds or 7)
    lines = [compared("P1", work, pair, bar=BAR, floor=settings.floor, peak_bar=PEAK_BAR)]
    lines += _beside_adbc(settings, server.url, ours)
    lines += _beside_pgcli(settings, server.url)
    firsts = []
    for _ in range(settings.rounds or 7):
        said = json.loads(settings.run([sys.executable, __file__, server.url]).output)
        firsts.append(said["first"] * 1000)
    first = Line(
        "P1",
        "first rows stored, from sending the statement: `select * from t` in an open session",
        ours=f"{statistics.median(firsts):.0f} ms (worst {max(firsts):.0f})",
        bar=verdict(f"≤ {FIRST_BAR:g} ms", statistics.median(firsts) <= FIRST_BAR),
    )
    return [*lines, first]


def _beside_adbc(settings: Settings, url: str, ours: list[str]) -> list[Line]:
    import peers
    from processes import in_turn
    from table import Line, compared

    work = "the same; peer: ADBC to Arrow batches, which are dropped"
    try:
        adbc = [peers.python_of(settings.data, "adbc"), peers.__file__, url, "none"]
    except peers.PeerMissingError as exc:
        return [Line("P1", work, peer=f"not measured: {exc}")]
    settings.checked(adbc, str(settings.rows))
    pair = in_turn(lambda: settings.run(ours), lambda: settings.run(adbc), settings.rounds or 5)
    return [compared("P1", work, pair, bar=None, floor=settings.floor)]


def _beside_pgcli(settings: Settings, url: str) -> list[Line]:
    import peers
    from processes import in_turn
    from table import Line, compared

    rows = min(settings.rows, PGCLI_ROWS)
    work = f"PostgreSQL {rows:,} × 10 as a table of text to /dev/null; peer: `pgcli -c`"
    try:
        pgcli = settings.peer("pgcli")
    except peers.PeerMissingError as exc:
        return [Line("P1", work, peer=f"not measured: {exc}")]
    sql = f"select * from t limit {rows}"
    ours = [settings.alveary, "query", url, sql, "--format", "table", "-o", "/dev/null"]
    peer = ["sh", "-c", '"$0" "$@" > /dev/null', pgcli, "--less-chatty", "--row-limit", "0", url, "-c", sql]
    settings.checked(["sh", "-c", '"$0" "$@" | tail -n 2', *peer[3:]], f"SELECT {rows}")
    pair = in_turn(lambda: settings.run(ours), lambda: settings.run(peer), settings.rounds or 3)
    return [compared("P1", work, pair, bar=None, floor=settings.floor)]


def measure_csv(settings: Settings) -> list[Line]:
    """Compare the two programs, whose files must be the same; then ADBC, and hsql, if it can."""
    import peers
    from processes import in_turn
    from servers import ServerMissingError
    from table import Line, compared

    work = f"PostgreSQL {settings.rows:,} × 10 to a CSV file; peer: `psql \\copy … csv header`"
    try:
        server = settings.servers.postgres()
    except ServerMissingError as exc:
        return [Line("P2", work, peer=f"not measured: {exc}")]
    files = [str(settings.data / name) for name in ("ours.csv", "copy.csv", "hsql.csv")]
    ours = [settings.alveary, "query", server.url, "--table", "t", "--format", "csv", "-o", files[0]]
    peer = [*server.client, f"\\copy t to '{files[1]}' csv header"]
    settings.run(ours)
    settings.run(peer)
    if not filecmp.cmp(files[0], files[1], shallow=False):
        raise SystemExit("bench: the CSV files of the two programs differ")
    rounds = settings.rounds or 7
    pair = in_turn(lambda: settings.run(ours), lambda: settings.run(peer), rounds, warm=True)
    lines = [compared("P2", work, pair, bar=CSV_BAR, floor=settings.floor, peak_bar=PEAK_BAR)]
    work = "the same; peer: ADBC to Arrow batches, pyarrow to CSV"
    try:
        adbc = [peers.python_of(settings.data, "adbc"), peers.__file__, server.url, "csv", files[2]]
        settings.checked(adbc, str(settings.rows))
        arrow = in_turn(lambda: settings.run(ours), lambda: settings.run(adbc), settings.rounds or 5, warm=True)
        lines.append(compared("P2", work, arrow, bar=None, floor=settings.floor))
    except peers.PeerMissingError as exc:
        lines.append(Line("P2", work, peer=f"not measured: {exc}"))
    work = "the same; peer: `hsql -a postgres --csv`"
    try:
        hsql = [settings.peer("hsql"), "-a", "postgres", server.url, "-c", "select * from t", "--limit", "-1", "--csv"]
        if not settings.says([hsql[0], "--help"], "postgres"):
            raise peers.PeerMissingError("it lacks PostgreSQL, pip install 'harlequin[postgres]'")
        hsql += ["-o", files[2]]
        slow = in_turn(lambda: settings.run(ours), lambda: settings.run(hsql), settings.rounds or 3, warm=True)
        lines.append(compared("P2", work, slow, bar=None, floor=settings.floor))
    except peers.PeerMissingError as exc:
        lines.append(Line("P2", work, peer=f"not measured: {exc}"))
    for file in files:
        Path(file).unlink(missing_ok=True)
    return lines


def main(url: str) -> None:
    """Print after how many seconds the first rows of the whole table were stored."""
    from alveary import Kernel

    with Kernel() as kernel, kernel.connect(url) as session:
        session.run("select 1")
        statement = session.execute("select * from t")
        statement.wait()
        statement.check()
        print(json.dumps({"first": statement.first_row}))


if __name__ == "__main__":
    main(sys.argv[1])
