"""What one session changed of what its database holds: told once it is committed, and not if it is rolled back."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from alveary.contracts.driver import TransactionState
from alveary.events import Answered, Outcome, QueryEnded
from alveary.sqltext import Change, Dialect, changes_in

_ROLLBACK = re.compile(r"\s*(?:rollback|abort)\b(?!\s+(?:(?:work|transaction)\s+)?to\b)", re.I)


class ChangeWatch:
    """Hears how each statement of a session ended, on whatever thread, one after the other."""

    def __init__(self, dialect: Dialect, committed: Callable[[Sequence[Change]], object]) -> None:
        """``committed``, which must not block, is called with the changes that are there for everybody now."""
        self._dialect = dialect
        self._committed = committed
        self._pending: list[Change] = []
        self._before = TransactionState.IDLE

    def ended(self, text: str, event: QueryEnded | Answered) -> None:
        """Take note of a statement that ended, or of a begin, commit or rollback by its name."""
        failed = event.error is not None
        if isinstance(event, QueryEnded) and event.outcome in (Outcome.COMPLETED, Outcome.TRUNCATED):
            self._pending += changes_in(text, self._dialect)
        before, self._before = self._before, event.transaction
        if not self._pending:
            return
        over = event.transaction is TransactionState.IDLE
        # A commit of what has failed is a rollback, whatever the server calls it.
        if _ROLLBACK.match(text) or (over and (failed or before is TransactionState.FAILED)):
            self._pending.clear()
        elif over:
            pending, self._pending = self._pending, []
            self._committed(pending)
