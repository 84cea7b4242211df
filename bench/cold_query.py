"""P6: the smallest query from a standing start: interpreter, plugins, connection, one row, a table on stdout."""

from __future__ import annotations

import sqlite3

from peers import PeerMissingError
from processes import Settings, in_turn
from table import Line, compared

BAR = 0.7


def measure(settings: Settings) -> list[Line]:
    """Compare the two programs."""
    work = 'cold `query sqlite:///x "select 1"`; peer: `hsql -a sqlite x -c "select 1"`'
    try:
        hsql = settings.peer("hsql")
    except PeerMissingError as exc:
        return [Line("P6", work, peer=f"not measured: {exc}")]
    settings.data.mkdir(parents=True, exist_ok=True)
    database = settings.data / "small.db"
    db = sqlite3.connect(database)
    db.execute("create table if not exists t (a)")
    db.close()
    ours = [settings.alveary, "query", f"sqlite:///{database}", "select 1"]
    peer = [hsql, "-a", "sqlite", str(database), "-c", "select 1"]
    for command in (ours, peer):
        settings.checked(command, "1\n")
    pair = in_turn(lambda: settings.run(ours), lambda: settings.run(peer), settings.rounds or 21)
    return [compared("P6", work, pair, bar=BAR, floor=settings.floor)]
