"""P5: a SQLite table completely into a stored result, start-up included, beside sqlite3 writing it down a pipe."""

from __future__ import annotations

import shutil

import sample
from processes import Settings, in_turn
from table import Line, compared

BAR = 1.2


def measure(settings: Settings) -> list[Line]:
    """Compare the two programs."""
    work = f"SQLite {settings.rows:,} × 10 into a ResultSet; peer: `sqlite3 … | cat > /dev/null`"
    if shutil.which("sqlite3") is None:
        return [Line("P5", work, peer="not measured: peer missing, install sqlite3")]
    database = sample.make(settings.data, settings.rows)
    ours = [settings.alveary, "query", f"sqlite:///{database}", "--table", "t", "--format", "none"]
    pipe = f'sqlite3 "{database}" "select * from t" |'
    settings.checked([*ours, "--stats"], f'"rows":{settings.rows},')
    settings.checked(["sh", "-c", f"{pipe} wc -l"], str(settings.rows))
    peer = ["sh", "-c", f"{pipe} cat > /dev/null"]
    pair = in_turn(lambda: settings.run(ours), lambda: settings.run(peer), settings.rounds or 7)
    return [compared("P5", work, pair, bar=BAR, floor=settings.floor)]
