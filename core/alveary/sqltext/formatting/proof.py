"""The proof that two texts say the same: their tokens, and the white space that says something."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from alveary.sqltext.dialects import Dialect
from alveary.sqltext.formatting.keywords import APART, KEYWORDS
from alveary.sqltext.formatting.words import TAKES_SIGNS, ends_a_line
from alveary.sqltext.lexer import Scan, TokenKind, lexer_of


class _Solid(NamedTuple):
    """A token, and how it stands behind the one before that is no comment."""

    kind: TokenKind
    text: str
    glued: bool
    below: bool
    """A line ends between."""
    takes_sign: bool
    """A sign that is glued to it is a part of an operator."""


def same(before: str, after: str, dialect: Dialect, *, fold: bool) -> bool:
    """Return whether two texts say the same, token by token, however they are laid out.

    With ``fold`` the case of words that may be keywords does not count.
    """
    was, now = list(_solids(before, dialect)), list(_solids(after, dialect))
    if len(was) != len(now):
        return False
    last: _Solid | None = None
    for one, other in zip(was, now, strict=True):
        if one.kind is not other.kind or (one.text != other.text and not (fold and _is_one_keyword(one, other))):
            return False
        if last is not None and _tells(last, one, other):
            return False
        if one.kind is not TokenKind.COMMENT:
            last = one
    return True


def _solids(text: str, dialect: Dialect) -> Iterator[_Solid]:
    last, below, takes_sign = 0, False, False
    for start, end, kind in Scan(text, lexer_of(dialect)):
        token = text[start:end]
        if kind is TokenKind.WHITESPACE:
            below = below or ends_a_line(token, dialect)
            continue
        if kind is TokenKind.COMMENT:
            below = below or not token.startswith("/*")
        takes_sign = kind is TokenKind.OPERATOR and (token in TAKES_SIGNS or (takes_sign and start == last))
        yield _Solid(kind, token, start == last, below, takes_sign)
        if kind is not TokenKind.COMMENT:
            last, below = end, False


def _is_one_keyword(one: _Solid, other: _Solid) -> bool:
    lower = one.text.lower()
    return one.kind is TokenKind.WORD and lower == other.text.lower() and lower in KEYWORDS


def _tells(last: _Solid, was: _Solid, now: _Solid) -> bool:
    """Return whether it says something that a token stands otherwise behind the one before than it did."""
    if was.kind is TokenKind.COMMENT:
        return False
    if was.kind is last.kind is TokenKind.STRING:
        return was.below is not now.below  # standard SQL goes on with a literal on the next line, and only there
    if was.glued is now.glued:
        return False
    if was.text == "(":
        named = last.kind in (TokenKind.WORD, TokenKind.QUOTED_IDENTIFIER)
        return named and last.text.lower() not in APART
    if was.kind is TokenKind.OPERATOR and last.kind is TokenKind.OPERATOR:
        if last.text in _APART_FROM_ALL or was.text in _APART_FROM_ALL:
            return False
        return last.takes_sign or not (last.text in "=<>" and was.text in "+-")
    if was.kind in (TokenKind.STRING, TokenKind.NUMBER) and last.kind is TokenKind.WORD:
        return True
    return last.text in _CLINGING or was.text in _CLINGING


_APART_FROM_ALL = frozenset(",;()[].")
_CLINGING = frozenset("@:")
"""What is a part of a name, or of a slice, if nothing stands between."""
