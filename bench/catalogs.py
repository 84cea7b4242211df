"""P9: the catalog of 10,000 tables of ten columns through a session, beside one plain query by the plain library.

As a script it is the measured process (``catalogs.py postgres|mariadb URL PORT ROUNDS``): it prints one line of JSON.
"""

from __future__ import annotations

import json
import socket
import statistics
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from processes import Settings
    from table import Line

BAR = 1.3

# What a person would ask to see all tables with comments and the estimate of their rows, or all columns with their
# types, nullability and defaults.
_RAW = {
    "postgres": (
        """select c.relname, c.relkind, c.reltuples, d.description
             from pg_catalog.pg_class c
             join pg_catalog.pg_namespace n on n.oid = c.relnamespace
             left join pg_catalog.pg_description d
                    on d.objoid = c.oid and d.classoid = 'pg_catalog.pg_class'::regclass and d.objsubid = 0
            where n.nspname = %s and c.relkind in ('r', 'p', 'v', 'm', 'f') order by c.relname""",
        """select c.relname, a.attname, a.attnum, pg_catalog.format_type(a.atttypid, a.atttypmod), a.attnotnull,
                  pg_catalog.pg_get_expr(d.adbin, d.adrelid)
             from pg_catalog.pg_class c
             join pg_catalog.pg_namespace n on n.oid = c.relnamespace
             join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
             left join pg_catalog.pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
            where n.nspname = %s and c.relkind in ('r', 'p', 'v', 'm', 'f') order by c.relname, a.attnum""",
    ),
    "mariadb": (
        """select table_name, table_type, table_rows, table_comment from information_schema.tables
            where table_schema = %s order by table_name""",
        """select table_name, column_name, ordinal_position, column_type, is_nullable, column_default, column_key
             from information_schema.columns where table_schema = %s order by table_name, ordinal_position""",
    ),
}


def measure(settings: Settings) -> list[Line]:
    """Run the process for each server and put the two questions beside the two queries."""
    from servers import TABLES, ServerMissingError
    from table import Line, seconds, spread, verdict

    lines = []
    for kind, start in (("postgres", settings.servers.postgres), ("mariadb", settings.servers.mariadb)):
        try:
            server = settings.servers.with_catalog(start())
        except ServerMissingError as exc:
            lines.append(Line("P9", f"the catalog of {TABLES:,} tables", peer=f"not measured: {exc}"))
            continue
        command = [sys.executable, __file__, kind, server.url, str(server.port), str(settings.rounds or 16)]
        usage = settings.run(command)
        said = json.loads(usage.output)
        for question in ("relations", "columns"):
            found = said[question]
            ratios = [mine / theirs for mine, theirs in zip(found["ours"], found["peer"], strict=True)]
            met = statistics.median(ratios) <= BAR and found["trips"] == found["trips_of_few"]
            lines.append(
                Line(
                    "P9",
                    f"{server.product}: {question} of {TABLES:,} tables of 10 columns, in an open session; "
                    f"peer: one plain query by {said['library']}; {_trips(found['trips'], found['trips_of_few'])}",
                    ours=seconds(statistics.median(found["ours"])),
                    peer=seconds(statistics.median(found["peer"])),
                    ratio=spread(ratios),
                    bar=verdict(f"≤ {BAR:g}, trips constant", met),
                    peak=f"{usage.peak:.0f}",
                )
            )
    return lines


def _trips(many: int, few: int) -> str:
    return f"{many} round trip{'s' * (many > 1)}, {few} for ten tables"


def main(kind: str, url: str, port: int, rounds: int) -> None:
    """Time the questions and the queries in turn; then count the round trips, which takes no part in the times."""
    import plain
    from servers import CATALOG, SMALL_CATALOG, TABLES

    from alveary import Kernel

    ask = plain.OPENERS[kind](port)
    answers: dict[str, Any] = {"library": plain.LIBRARIES[kind]}
    with Kernel() as kernel:
        with kernel.connect(url) as session:
            catalog = session.catalog()
            questions = {"relations": (catalog.relations, TABLES), "columns": (catalog.columns, TABLES * 10)}
            for (name, (question, count)), sql in zip(questions.items(), _RAW[kind], strict=True):
                ours, peer = [], []
                for number in range(rounds + 1):
                    both = [partial(question, CATALOG), partial(ask, sql, CATALOG)]
                    # A B B A: what the server keeps of the first helps the second.
                    swap = -1 if number % 2 else 1
                    mine, theirs = [_timed(each) for each in both[::swap]][::swap]
                    assert mine[1] == theirs[1] == count, (mine, theirs)
                    if number:  # the first warms both up
                        ours.append(mine[0])
                        peer.append(theirs[0])
                answers[name] = {"ours": ours, "peer": peer}
        with Counter(port) as counter, kernel.connect(url.replace(f":{port}/", f":{counter.port}/")) as session:
            catalog = session.catalog()
            for name, question in (("relations", catalog.relations), ("columns", catalog.columns)):
                question(SMALL_CATALOG)  # what is asked once per connection is none of the question's
                for key, schema in (("trips", CATALOG), ("trips_of_few", SMALL_CATALOG)):
                    before = counter.trips
                    question(schema)
                    answers[name][key] = counter.trips - before
    print(json.dumps(answers))


def _timed(what: Callable[[], Any]) -> tuple[float, int]:
    started = time.perf_counter()
    found = what()
    return time.perf_counter() - started, len(found)


class Counter:
    """Stands between a client and a server and counts round trips: how often the client speaks after the server did."""

    def __init__(self, port: int) -> None:
        """Lead to ``port`` of this machine."""
        self.trips = 0
        self._target = port
        self._sockets: list[socket.socket] = []
        self._client_spoke = False
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Counter:
        return self

    def __exit__(self, *_: object) -> None:
        for each in (self._listener, *self._sockets):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self._target))
                self._sockets += (client, server)
                threading.Thread(target=self._pump, args=(client, server, True), daemon=True).start()
                threading.Thread(target=self._pump, args=(server, client, False), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket, is_client: bool) -> None:
        with suppress(OSError):
            while data := source.recv(1 << 16):
                if is_client and not self._client_spoke:
                    self.trips += 1
                self._client_spoke = is_client
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
