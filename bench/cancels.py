"""P10: how long a cancelled statement stays on the server, seen in the server's own list of what runs.

As a script it is the measured process (``cancels.py postgres|mariadb URL PORT ROUNDS``): it prints one line of JSON.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from processes import Settings
    from table import Line

BAR = 500.0
"""Milliseconds of the slowest twentieth."""
PATIENCE = 60.0

_WAITING = {"postgres": "select pg_sleep(600)", "mariadb": "select sleep(600)"}
_STREAMING = {
    "postgres": "select a.id, b.name from t a cross join t b",
    "mariadb": "select a.id, b.name from t a cross join t b",
}
# Whether the statement with this text runs on any connection but the one that asks.
_RUNNING = {
    "postgres": "select count(*) from pg_stat_activity where state = 'active' and query = %s",
    "mariadb": "select count(*) from information_schema.processlist where info = %s",
}


def measure(settings: Settings) -> list[Line]:
    """Run the process for each server."""
    from servers import ServerMissingError
    from table import Line, verdict

    lines = []
    for kind, start in (("postgres", settings.servers.postgres), ("mariadb", settings.servers.mariadb)):
        try:
            server = start()
        except ServerMissingError as exc:
            lines.append(Line("P10", "from cancel to gone", peer=f"not measured: {exc}"))
            continue
        rounds = settings.rounds or 100
        usage = settings.run([sys.executable, __file__, kind, server.url, str(server.port), str(rounds)])
        said = json.loads(usage.output)
        for what, gone in said.items():
            gone.sort()
            slow = gone[min(len(gone) * 95 // 100, len(gone) - 1)] * 1000
            lines.append(
                Line(
                    "P10",
                    f"{server.product}: a statement that is {what}, {rounds} times from cancel to gone from the "
                    "server's list",
                    ours=f"p95 {slow:.1f} ms (median {gone[len(gone) // 2] * 1000:.1f}, worst {gone[-1] * 1000:.1f})",
                    bar=verdict(f"p95 ≤ {BAR:g} ms", slow <= BAR),
                    peak=f"{usage.peak:.0f}",
                )
            )
    return lines


def main(kind: str, url: str, port: int, rounds: int) -> None:
    """Cancel a statement again and again while a second connection watches the server's list."""
    import plain

    from alveary import Kernel
    from alveary.events import Outcome

    ask = plain.OPENERS[kind](port)
    found: dict[str, list[float]] = {}
    with Kernel() as kernel, kernel.connect(url) as session:
        for what, sql in (("waiting", _WAITING[kind]), ("streaming", _STREAMING[kind])):

            def running(sql: str = sql) -> bool:
                return bool(int(ask(_RUNNING[kind], sql)[0][0]))

            times = found[what] = []
            for _ in range(rounds):
                statement = session.execute(sql)
                _until(running)
                asked = time.perf_counter()
                statement.cancel()
                _until(lambda: not running())
                times.append(time.perf_counter() - asked)
                assert statement.wait(PATIENCE), "it ends"
                assert statement.outcome is Outcome.CANCELLED, statement.error
                if statement.result is not None:
                    statement.result.drop()
    print(json.dumps(found))


def _until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < deadline, "it hangs"


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
