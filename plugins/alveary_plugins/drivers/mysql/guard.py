"""The guard of a read-only session: refuses what the server's own read-only transactions would let through.

The server refuses to change rows and tables; it does not refuse to switch that off, to change its settings or users,
or to write files. Against a person with intent only a role that may not write helps; this is for accidents.
"""

from __future__ import annotations

from itertools import pairwise

from alveary.errors import ReadOnlyError
from alveary.sqltext import Dialect, TokenKind, tokens

#: Statements that may read and nothing else, by their first word; what they read with is up to the server.
_READS = frozenset({"select", "show", "describe", "desc", "explain", "with", "values", "table", "help", "checksum",
                    "use", "do", "set", "begin", "start", "commit", "rollback", "savepoint", "release",
                    "analyze"})  # fmt: skip
#: Settings that end the read-only transactions, or reach beyond the session.
_SETTINGS = frozenset({"global", "persist", "persist_only", "write", "tx_read_only", "transaction_read_only",
                       "password", "statement", "role"})  # fmt: skip
#: What may follow ANALYZE, which otherwise stores what it found.
_ANALYZED = frozenset({"select", "with", "format"})


def check(sql: str, dialect: Dialect) -> None:
    """Raise ReadOnlyError for a statement that a read-only session must not run."""
    words, names = list[str](), list[str]()
    for start, end, kind in tokens(sql, dialect):
        if kind is TokenKind.WORD:
            words.append(sql[start:end].lower())
        elif kind is TokenKind.QUOTED_IDENTIFIER:
            names.append(sql[start + 1 : end - 1].lower())
    first = words[0] if words else ""
    following = words[1] if len(words) > 1 else ""
    if words and first not in _READS:
        refused = first.upper()
    elif first == "set" and (found := next((word for word in words + names if word in _SETTINGS), None)):
        refused = f"SET … {found.upper()}"
    elif first == "start" and (following != "transaction" or "write" in words):
        refused = "START TRANSACTION READ WRITE" if "write" in words else f"START {following.upper()}"
    elif first == "begin" and following == "not":
        refused = "BEGIN NOT ATOMIC"
    elif first == "analyze" and following not in _ANALYZED:
        refused = "ANALYZE"
    elif any(pair in pairwise(words) for pair in (("into", "outfile"), ("into", "dumpfile"))):
        refused = "writing a file"
    else:
        return
    raise ReadOnlyError(f"{refused} is refused: the session is read-only")
