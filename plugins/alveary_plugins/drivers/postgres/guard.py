"""The guard of a read-only session: against accidents. What may never write needs a role that can't.

The session starts with ``default_transaction_read_only``, which the server itself holds to, and a transaction that
began read-only stays so once it has run a query. What could loosen that is refused here, and what a function loosened
all the same is tightened again before the next statement.
"""

from __future__ import annotations

from itertools import islice, pairwise

from alveary.errors import ReadOnlyError
from alveary.sqltext import POSTGRES, TokenKind, tokens

STARTUP = "-c default_transaction_read_only=on"
TIGHTEN = "set default_transaction_read_only = on"

_SETTINGS = {"transaction_read_only", "default_transaction_read_only"}
_NAMES = (TokenKind.WORD, TokenKind.QUOTED_IDENTIFIER)

_FIRST_WORDS = 200
"""How many words of a statement are looked at to find what loosens the session: such statements are short."""


def check(sql: str) -> None:
    """Raise ReadOnlyError for what the server would let pass in a read-only transaction, but changes something."""
    found = list(islice(words(sql), _FIRST_WORDS))
    first, second = (*found, "", "")[:2]
    refused = None
    if first == "copy" and not copied_out(sql):
        refused = "COPY, which can write files of the server,"
    elif (first, second) == ("alter", "system"):
        refused = "ALTER SYSTEM"
    elif first in ("begin", "start", "set", "reset"):
        of_setting = first in ("set", "reset") and not _SETTINGS.isdisjoint(found)
        refused = "leaving read-only" if of_setting or ("read", "write") in pairwise(found) else None
    if refused:
        raise ReadOnlyError(f"{refused} is refused: the session is read-only")


def copied_out(sql: str) -> str:
    """Return the query whose rows ``COPY … TO STDOUT`` writes for the client; empty for any other statement."""
    outside: list[str] = []
    depth, begin, query = 0, 0, "table"
    for start, end, kind in tokens(sql, POSTGRES):
        text = sql[start:end].lower()
        if kind in _NAMES and depth == 0:
            outside.append(text)
            if outside[0] != "copy":
                return ""
        elif text == "(":
            begin = end if depth == 0 else begin
            depth += 1
        elif text == ")":
            depth -= 1
            if depth == 0 and outside == ["copy"]:
                query = sql[begin:start]
    return query if ("to", "stdout") in pairwise(outside) else ""


def first_word(sql: str) -> str:
    """Return the word a statement begins with, in lower case, whatever comments stand before it."""
    return next(words(sql), "")


def words(sql: str) -> map[str]:
    """Return the words and names of a statement, in lower case, as they come."""
    return map(str.lower, (sql[start:end].strip('"') for start, end, kind in tokens(sql, POSTGRES) if kind in _NAMES))
