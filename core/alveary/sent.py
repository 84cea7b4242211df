"""Every statement Alveary sends to a database, whoever wants it sent: the newest ones are kept, each is an event."""

from __future__ import annotations

import threading
from collections import Counter, deque

import msgspec

from alveary.bus import Bus
from alveary.events import StatementSent
from alveary.redaction import redacted_statement
from alveary.sqltext import Dialect

MOST = 1000
"""Statements that are kept; the oldest go."""
MOST_CHARACTERS = 4000
"""Characters kept of each."""
_OVERLAP = 4096
"""Characters beyond them that are looked at, lest half a secret remains at the end."""


class Sent:
    """The newest statements, in memory only. Every method may be called from any thread."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._entries: deque[StatementSent] = deque(maxlen=MOST)
        self._counts: Counter[str] = Counter()
        self._lock = threading.Lock()

    def add(self, entry: StatementSent, dialect: Dialect) -> None:
        """Keep a statement, without its secrets, and publish it."""
        text = redacted_statement(entry.text[: MOST_CHARACTERS + _OVERLAP], dialect)
        if len(text) > MOST_CHARACTERS:
            text = text[:MOST_CHARACTERS] + "…"
        entry = msgspec.structs.replace(entry, text=text)
        with self._lock:
            self._entries.append(entry)
            self._counts[entry.origin] += 1
        self._bus.publish(entry)

    def entries(self, origin: str | None = None) -> list[StatementSent]:
        """Return what is kept, the oldest first; with ``origin`` only what was sent for that."""
        with self._lock:
            return [entry for entry in self._entries if origin is None or entry.origin == origin]

    def counts(self) -> dict[str, int]:
        """Return how many statements were sent for each origin, those included that are not kept any more."""
        with self._lock:
            return dict(self._counts)
