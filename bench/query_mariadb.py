"""P4: a MariaDB table into a stored result, beside the server's own client and beside PyMySQL's streaming cursor.

As a script it is the second peer (``query_mariadb.py PORT``): it reads the table with ``SSCursor`` and counts the rows.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from processes import Settings
    from table import Line

BAR, PEAK_BAR = 0.8, 90
"""The ratio to PyMySQL's cursor, and MB."""


def measure(settings: Settings) -> list[Line]:
    """Compare with both."""
    from processes import in_turn
    from servers import ServerMissingError
    from table import Line, compared

    work = f"MariaDB {settings.rows:,} × 10 into a ResultSet; peer: PyMySQL's `SSCursor`, its rows dropped"
    try:
        server = settings.servers.mariadb()
    except ServerMissingError as exc:
        return [Line("P4", work, peer=f"not measured: {exc}")]
    ours = [settings.alveary, "query", server.url, "--table", "t", "--format", "none"]
    cursor = [sys.executable, __file__, str(server.port)]
    client = [*server.client[:-1], "--quick", "-e", "select * from t"]
    quiet = ["sh", "-c", '"$0" "$@" > /dev/null', *client]
    settings.checked([*ours, "--stats"], f'"rows":{settings.rows},')
    settings.checked(cursor, str(settings.rows))
    settings.checked(["sh", "-c", '"$0" "$@" | wc -l', *client], str(settings.rows + 1))
    pair = in_turn(lambda: settings.run(ours), lambda: settings.run(cursor), settings.rounds or 5)
    lines = [compared("P4", work, pair, bar=BAR, floor=settings.floor, peak_bar=PEAK_BAR)]
    pair = in_turn(lambda: settings.run(ours), lambda: settings.run(quiet), settings.rounds or 7)
    lines.append(compared("P4", "the same; peer: `mariadb --quick > /dev/null`", pair, bar=None, floor=settings.floor))
    return lines


def main(port: int) -> None:
    """Read the table as PyMySQL does it by itself."""
    import pymysql  # type: ignore[import-untyped]  # PyMySQL has no annotations
    from pymysql.cursors import SSCursor  # type: ignore[import-untyped]  # PyMySQL has no annotations
    from servers import DATABASE

    db = pymysql.connect(
        host="127.0.0.1", port=port, user="bench", database=DATABASE, charset="utf8mb4", cursorclass=SSCursor
    )
    with db, db.cursor() as cursor:
        cursor.execute("select * from t")
        print(sum(1 for _ in cursor))


if __name__ == "__main__":
    main(int(sys.argv[1]))
