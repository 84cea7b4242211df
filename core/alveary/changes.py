"""What one session changed of what its database holds: told once it is committed, and not if it is rolled back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import islice

from alveary.contracts.driver import TransactionState
from alveary.events import Answered, Outcome, QueryEnded
from alveary.sqltext import Change, Dialect, TokenKind, changes_in, tokens

_HEADS = ("savepoint", "rollback", "commit", "end")
"""First words of statements of which more words tell what becomes of the transaction."""
_MOST_WORDS = 6
"""Words within which a statement says what it does to the transaction."""


class ChangeWatch:
    """Hears how each statement of a session ended, on whatever thread, one after the other."""

    def __init__(self, dialect: Dialect, committed: Callable[[Sequence[Change]], object]) -> None:
        """``committed``, which must not block, is called with the changes that are there for everybody now."""
        self._dialect = dialect
        self._committed = committed
        self._pending: list[Change] = []
        self._marks: dict[str, int] = {}
        """How many of them there were at each savepoint, by its name in lower case."""
        self._before = TransactionState.IDLE

    def ended(self, text: str, event: QueryEnded | Answered) -> None:
        """Take note of a statement that ended, or of a begin, commit or rollback by its name."""
        failed = event.error is not None
        before, self._before = self._before, event.transaction
        over = event.transaction is TransactionState.IDLE
        if isinstance(event, QueryEnded) and event.outcome in (Outcome.COMPLETED, Outcome.TRUNCATED):
            self._pending += changes_in(text, self._dialect)
        if not self._pending and (over or before is TransactionState.IDLE):
            self._marks.clear()
            return
        head, *words = [""] if failed else self._words(text)
        if head == "savepoint" and words:
            self._marks[words[0]] = len(self._pending)
        elif head == "rollback" and "to" in words[:2]:
            del self._pending[self._marks.get(words[-1], len(self._pending)) :]
        # A commit of what has failed is a rollback, whatever the server calls it.
        elif head in ("rollback", "abort") or (over and (failed or before is TransactionState.FAILED)):
            self._pending, self._marks = [], {}
        elif over or (head in ("commit", "end") and "no" not in words and "chain" in words):
            pending, self._pending, self._marks = self._pending, [], {}
            if pending:
                self._committed(pending)

    def _words(self, text: str) -> list[str]:
        """Return the first word of a statement, and of one that ends or marks something the next ones, bare."""
        found = (
            text[start:end].strip('`"[]').lower()
            for start, end, kind in tokens(text, self._dialect)
            if kind in (TokenKind.WORD, TokenKind.QUOTED_IDENTIFIER)
        )
        head = next(found, "")
        return [head, *islice(found, _MOST_WORDS - 1)] if head in _HEADS else [head]
