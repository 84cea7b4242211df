"""The names that stand in a text of SQL, whatever they mean there: what is found by them is a guess, and said to be."""

from __future__ import annotations

from alveary.sqltext.dialects import Dialect
from alveary.sqltext.lexer import TokenKind, tokens

NAMES = (TokenKind.WORD, TokenKind.QUOTED_IDENTIFIER)


def unquoted(kind: TokenKind, text: str) -> str:
    """Return the name that a word or a quoted identifier stands for, in the case it is written in."""
    if kind is TokenKind.WORD or len(text) < 2:
        return text
    quote = text[-1]
    opener = "[" if quote == "]" else quote
    return text[text.index(opener) + 1 : -1].replace(quote * 2, quote)


def names_in(text: str, dialect: Dialect) -> frozenset[str]:
    """Return the words and quoted identifiers of a text; those in its strings and comments are none."""
    return frozenset(unquoted(kind, text[start:end]) for start, end, kind in tokens(text, dialect) if kind in NAMES)
