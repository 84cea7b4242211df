"""Poolers such as PgBouncer: which statements mean more than a transaction, and whether one would keep it."""

from __future__ import annotations

from itertools import islice

from alveary.contracts.driver import Notice
from alveary_plugins.drivers.postgres import guard

PID = "select pg_backend_pid()"
"""What tells a pooler: it made up the number that it gave when we connected."""
WARNING = Notice(
    "WARNING",
    "a pooler such as PgBouncer stands before this server: unless it pools whole sessions, what this statement sets"
    " holds until the end of a transaction only, and for whoever gets the server's session next",
)


def outlives(sql: str) -> bool:
    """Return whether what a statement does is for the session, and not only for the transaction it stands in."""
    first, second, third = (*islice(guard.words(sql), 3), "", "", "")[:3]
    if first == "set":
        return second not in ("local", "transaction", "constraints")
    temporary = {"temp", "temporary"}
    return first in ("prepare", "listen", "load") or (first == "create" and not temporary.isdisjoint((second, third)))
