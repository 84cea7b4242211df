"""Whether a statement only reads, as far as its words tell; the server alone knows what its functions do."""

from __future__ import annotations

from alveary.sqltext.dialects import Dialect
from alveary.sqltext.lexer import TokenKind, tokens

_READS = frozenset({"select", "table", "values", "show", "explain", "with", "fetch"})
#: ``update`` and ``share`` also lock rows behind FOR, as does LOCK IN SHARE MODE.
_CHANGES = frozenset({"insert", "update", "delete", "merge", "into", "execute", "analyze", "share"})
_NAMES = (TokenKind.WORD, TokenKind.QUOTED_IDENTIFIER)

_LONGEST = 1_000_000
"""Characters of a statement above which its words are not looked at: it would take seconds."""


def only_reads(text: str, dialect: Dialect) -> bool:
    """Tell whether a statement looks as if it changed and locked nothing. False is no proof, and True is none either.

    A name that reads like a word of change counts as one.
    """
    if len(text) > _LONGEST:
        return False
    words = (text[start:end].strip('"`').lower() for start, end, kind in tokens(text, dialect) if kind in _NAMES)
    return next(words, "") in _READS and _CHANGES.isdisjoint(words)
