"""The words of a statement, which are its tokens but white space, and the spaces between them on one line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from alveary.sqltext.dialects import Dialect
from alveary.sqltext.formatting.keywords import APART
from alveary.sqltext.lexer import TokenKind, tokens

LONGEST_OPERATOR = 8
"""Characters of an operator that are looked at: of a longer one it only matters that it is none of the known."""
_TIGHT = {",", ";", ")"}
_BLANKLESS = {*",;()[]."}
_COMPARES = {"=", "<>", "!=", "<", ">", "<=", ">=", "==", "<=>", "=>", ":="}
_SPACED = _COMPARES | {"+", "-", "*", "/", "%", "||"}
TAKES_SIGNS = frozenset("~!@#%^&|`?")
"""An operator that holds one of these may end with a plus or minus, so that what is glued to it is a part of it."""
BEFORE_OPERAND = frozenset({
    "select", "distinct", "all", "where", "and", "or", "not", "on", "having", "by", "when", "then", "else",
    "case", "in", "between", "like", "ilike", "is", "returning", "set", "limit", "offset", "values", "from",
    "join", "using", "as", "return", "default", "check", "any", "some", "except", "union", "intersect",
    "interval", "escape", "similar", "glob", "regexp", "rlike", "div", "mod",
})  # fmt: skip
"""Words behind which an operand comes, so that an operator there is a sign."""


class NoLayout(Exception):
    """A statement that is left as it is; the message says why."""


@dataclass(slots=True)
class Word:
    """A token that is no white space, and how it stood in the text."""

    text: str
    kind: TokenKind
    glued: bool
    """Nothing stands between it and the token before."""
    below: bool
    """A line end stands before it."""
    lower: str = ""
    """Of a word that may be a keyword: not one next to a dot."""
    ends_line: bool = False
    """Of a comment: nothing follows on its line."""
    is_comment: bool = False

    @property
    def ends(self) -> bool:
        """Whether nothing may follow on its line."""
        return self.is_comment and (self.owns_line or not self.text.startswith("/*"))

    @property
    def owns_line(self) -> bool:
        """Whether it is a comment that stands on a line of its own."""
        return self.is_comment and self.below and self.ends_line

    @property
    def trails(self) -> bool:
        """Whether it is a comment at the end of the line of what is before it."""
        return self.is_comment and self.ends_line and not self.below


def words_of(text: str, dialect: Dialect) -> list[Word]:
    """Return the words of a statement; NoLayout if it holds what no layout is known for."""
    words: list[Word] = []
    blank, below = "", False
    for start, end, kind in tokens(text, dialect):
        token = text[start:end]
        if kind is TokenKind.WHITESPACE:
            blank, below = token, ends_a_line(token, dialect)
            if words and words[-1].is_comment:
                words[-1].ends_line = words[-1].ends_line or below
            continue
        _refuse(kind, token)
        if token == "(" and not blank and words and words[-1].kind is TokenKind.PARAMETER:
            raise NoLayout("a parenthesis next to a parameter is a part of its name")  # to SQLite
        lower = token.lower() if kind is TokenKind.WORD else ""
        if token == "." and words:
            words[-1].lower = ""
        elif words and words[-1].text == ".":
            lower = ""
        # A comment behind which the text ends is no block comment, or behind it the statement ends as well.
        ends_line = kind is TokenKind.COMMENT and not token.startswith("/*")
        is_comment = kind is TokenKind.COMMENT
        words.append(Word(token, kind, not blank and start > 0, below, lower, ends_line, is_comment))
        blank, below = "", False
    return words


def ends_a_line(blank: str, dialect: Dialect) -> bool:
    """Return whether white space ends a line in a dialect; in PostgreSQL a lone carriage return does."""
    return any(mark in blank for mark in dialect.line_ends)


def _refuse(kind: TokenKind, word: str) -> None:
    if kind is TokenKind.OTHER:
        raise NoLayout("it holds what is no SQL")
    if kind is TokenKind.OPERATOR:
        if word == ";":
            raise NoLayout("it holds statements of its own")
        if len(word) > 1 and (word.startswith("/*") or word == "*/"):
            raise NoLayout("it holds an executable comment")


def hint_of(word: Word) -> str:
    """Return what a token tells about the word next to it."""
    if word.kind is TokenKind.OPERATOR:
        return word.text
    return {TokenKind.STRING: "'", TokenKind.NUMBER: "0"}.get(word.kind, word.lower)


def gap_before(words: Sequence[Word], at: int) -> str:
    """Return what stands between a token and the one before, where no line breaks."""
    before, word = words[at - 1], words[at]
    as_it_is = "" if word.glued else " "
    if word.text in _TIGHT or before.text == "(":
        return ""
    if before.is_comment or word.is_comment:
        return " "
    if before.text == ",":
        return " "
    if word.text == "(":
        if before.lower in APART or cluster_of(words, at - 1) in _SPACED:
            return as_it_is if _is_sign(words, at - 1) else " "
        return as_it_is
    if word.text == ".":
        if at > 1 and words[at - 2].text == "@":
            return as_it_is  # MySQL takes a dot next to it for a part of a variable's name
        return "" if _names(before) and not (at + 1 < len(words) and not _follows_dot(words[at + 1])) else as_it_is
    if before.text == ".":
        return "" if _follows_dot(word) and at > 1 and _names(words[at - 2]) else as_it_is
    if "[" in (word.text, before.text) or word.text == "]":
        return as_it_is
    if "::" in (word.text, before.text):
        return as_it_is if _is_sign(words, at) or _is_sign(words, at - 1) else ""
    operators = (before.kind is TokenKind.OPERATOR, word.kind is TokenKind.OPERATOR)
    if all(operators) and before.text not in _BLANKLESS:
        return " " if _compares_with_sign(words, at) else as_it_is
    if operators[1]:
        spaced = cluster_of(words, at) in _SPACED or _is_comparison_before_sign(words, at)
        return " " if spaced else as_it_is
    if operators[0] and before.text not in _BLANKLESS:
        return " " if cluster_of(words, at - 1) in _SPACED and not is_unary(words, at - 1) else as_it_is
    if word.kind is TokenKind.STRING and before.kind in (TokenKind.WORD, TokenKind.STRING, TokenKind.OTHER):
        return as_it_is
    if word.kind is TokenKind.NUMBER and before.kind is TokenKind.WORD:
        return as_it_is  # MySQL has variables such as @v1.5
    return " "


def _names(word: Word) -> bool:
    return word.kind in (TokenKind.WORD, TokenKind.QUOTED_IDENTIFIER)


def _follows_dot(word: Word) -> bool:
    return _names(word) or word.text == "*"


def _is_sign(words: Sequence[Word], at: int) -> bool:
    """Return whether a token is an operator that may belong to the one before or behind it."""
    word = words[at]
    return word.kind is TokenKind.OPERATOR and word.text not in _BLANKLESS and is_unary(words, at)


def cluster_of(words: Sequence[Word], at: int) -> str:
    """Return the operator of which the one-character token at a place is a part: ``<=``, ``->>``."""
    if words[at].kind is not TokenKind.OPERATOR or words[at].text in _BLANKLESS:
        return ""
    first, last = _cluster_ends(words, at)
    return "".join(word.text for word in words[first : last + 1])


def _cluster_ends(words: Sequence[Word], at: int) -> tuple[int, int]:
    first = last = at
    while first > max(at - LONGEST_OPERATOR, 0) and words[first].glued and is_operator(words[first - 1]):
        first -= 1
    while last + 1 < min(at + LONGEST_OPERATOR, len(words)) and words[last + 1].glued and is_operator(words[last + 1]):
        last += 1
    return first, last


def is_operator(word: Word) -> bool:
    return word.kind is TokenKind.OPERATOR and word.text not in _BLANKLESS


def is_unary(words: Sequence[Word], at: int) -> bool:
    """Return whether no operand stands before an operator."""
    first, _ = _cluster_ends(words, at)
    before = first - 1
    while before >= 0 and words[before].is_comment:
        before -= 1
    if before < 0:
        return True
    word = words[before]
    if word.kind is TokenKind.OPERATOR:
        return word.text not in (")", "]")
    return word.lower in BEFORE_OPERAND


def _compares_with_sign(words: Sequence[Word], at: int) -> bool:
    """Return whether a comparison and a sign are glued: ``a=-1``, which no dialect takes for one operator."""
    return words[at].text in "+-" and _is_comparison_before_sign(words, at - 1) and _cluster_ends(words, at)[1] == at


def _is_comparison_before_sign(words: Sequence[Word], at: int) -> bool:
    cluster = cluster_of(words, at)
    # PostgreSQL takes the sign for a part of an operator that holds one of some marks.
    return cluster[-1:] in ("+", "-") and cluster[:-1] in _COMPARES and not TAKES_SIGNS.intersection(cluster)
