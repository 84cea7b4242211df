"""The words of a statement around its caret: what is typed so far, what it replaces, and the names before its dot."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from alveary.sqltext import Dialect, LexState, TokenKind
from alveary.sqltext.lexer import Scan, lexer_of

CARET = "|caret|"
"""What stands in the place of the word at the caret, so that the rest reads as if there was a name."""
LONGEST = 200_000
"""Characters of a statement that is read; in a longer one, as many around the caret."""
_BODY_HEADS = ("create", "do", "alter")
_BEGINNINGS = frozenset({"begin", "then", "else", "do", "loop", "declare", "atomic"})
_BEFORE = frozenset(" \t\r\n\f\v(,.=<>+-/*%|;[")
_OF_SEQUENCES = frozenset({"nextval", "currval", "setval"})
_BEHIND = frozenset(" \t\r\n\f\v),.;(=<>+*/%|]")


class Word(NamedTuple):
    """A token that says something. ``lower`` is a bare word in lower case or an operator; empty for names in quotes,
    ``'`` for strings, ``0`` for numbers and ``?`` for parameters."""

    text: str
    lower: str
    kind: TokenKind
    start: int
    end: int

    @property
    def is_name(self) -> bool:
        """Whether it could be a name; keywords are not told from names here."""
        return self.kind in (TokenKind.WORD, TokenKind.QUOTED_IDENTIFIER) and self.lower != CARET

    @property
    def name(self) -> str:
        """The name it stands for, without its quotes."""
        if self.kind is not TokenKind.QUOTED_IDENTIFIER:
            return self.text
        quote = self.text[:1] if self.text[:1] not in "uU" else '"'
        text = self.text if self.text[:1] not in "uU" else self.text[2:]
        closing = "]" if quote == "[" else quote
        inner = text[1:-1] if len(text) > 1 and text.endswith(closing) else text[1:]
        return inner if quote == "[" else inner.replace(quote * 2, quote)


@dataclass(frozen=True, slots=True)
class Writing:
    """A statement with the caret in it."""

    words: list[Word]
    at: int
    """Which of the words is the caret's."""
    typed: str
    """What stands before the caret of the word there, without its quote."""
    quote: str
    """The quote that the name at the caret was begun with, empty for a bare word; ``'`` where a string names it."""
    start: int
    end: int
    """``text[start:end]`` is what a suggestion replaces."""
    glued: bool
    """Something stands right before it that a word would run into."""
    spaced: bool
    """A word needs a space behind it, lest it runs into what follows."""
    is_body: bool
    """It is a statement of a routine's body."""
    around: list[Word]
    """The words of the whole statement that the body is of; else none."""

    @property
    def qualifiers(self) -> list[Word]:
        """The names before the caret's, each with a dot behind it."""
        found: list[Word] = []
        at = self.at
        while at >= 2 and self.words[at - 1].lower == "." and self.words[at - 2].is_name:
            found.insert(0, self.words[at - 2])
            at -= 2
        return found

    @property
    def after_dot(self) -> bool:
        """Whether a dot stands before the caret's word."""
        return self.at > 0 and self.words[self.at - 1].lower == "."


def words_of(text: str, dialect: Dialect) -> list[Word]:
    """Return all words of a text but comments."""
    return [word for word, _ in _tokens(text, 0, len(text), dialect) if word.kind is not TokenKind.COMMENT]


def read(text: str, caret: int, dialect: Dialect) -> Writing | None:
    """Read a statement; None where nothing is to be suggested: in strings, comments, numbers and parameters."""
    base = 0
    if len(text) > LONGEST:
        base = max(0, caret - LONGEST // 2)
        text = text[: base + LONGEST]
    return _read(text, base, len(text), caret, dialect, is_body=False)


def _read(text: str, begin: int, stop: int, caret: int, dialect: Dialect, *, is_body: bool) -> Writing | None:
    words: list[Word] = []
    at = -1
    typed = quote = ""
    start = end = caret
    position, restart = begin, True
    while restart:
        restart = False
        for word, is_open in _tokens(text, position, stop, dialect):
            touches = word.start < caret <= word.end
            if (
                touches
                and word.kind is TokenKind.QUOTED_IDENTIFIER
                and (is_open or _reaches_too_far(text[caret : word.end], text[:stop], word.end, dialect))
            ):
                # The quote was opened and not closed yet: the name ends at the caret, and what follows is read anew.
                typed, quote = Word(word.text[: caret - word.start], "", word.kind, 0, 0).name, _quote(word.text)
                start, end, at = word.start, caret, len(words)
                words.append(Word("", CARET, TokenKind.WORD, caret, caret))
                position, restart = caret, True
                break
            if touches and (caret < word.end or is_open) and _names_sequence(word, words, dialect):
                typed, quote = word.text[1 : caret - word.start].lstrip('"'), "'"
                start, end, at = word.start, caret if is_open else word.end, len(words)
                words.append(Word("", CARET, TokenKind.WORD, start, end))
                if is_open:
                    position, restart = caret, True
                    break
                continue
            if touches and (inside := _inside(word, is_open, caret)):
                if inside == "body" and words and words[0].lower in _BODY_HEADS:
                    tag = word.text.index("$", 1) + 1
                    last = word.end if is_open or not word.text.endswith(word.text[:tag]) else word.end - tag
                    if word.start + tag <= caret <= last:
                        return _read(text, word.start + tag, last, caret, dialect, is_body=True)
                return None
            if touches and word.kind in (TokenKind.WORD, TokenKind.QUOTED_IDENTIFIER):
                closed = word.kind is TokenKind.QUOTED_IDENTIFIER and caret == word.end
                cut = word.text[: caret - word.start]
                typed = word.name if closed else Word(cut, "", word.kind, 0, 0).name
                quote = _quote(word.text) if word.kind is TokenKind.QUOTED_IDENTIFIER else ""
                start, end, at = word.start, word.end, len(words)
                words.append(Word("", CARET, TokenKind.WORD, word.start, word.end))
                continue
            if at < 0 and word.start >= caret:
                at = len(words)
                words.append(Word("", CARET, TokenKind.WORD, caret, caret))
            if word.kind is not TokenKind.COMMENT:
                words.append(word)
    if at < 0:
        at = len(words)
        words.append(Word("", CARET, TokenKind.WORD, caret, caret))
    before, behind = text[begin:start][-1:], text[end:stop][:1]
    glued = bool(before) and before not in _BEFORE and not text[begin:start].endswith("::")
    spaced = bool(behind) and behind not in _BEHIND
    is_body = is_body or _has_body(words, at)
    whole = words if is_body else []
    if is_body:
        words, at = _statement_within(words, at)
    return Writing(words, at, typed, quote, start, end, glued, spaced, is_body, whole)


def _tokens(text: str, begin: int, stop: int, dialect: Dialect) -> Iterator[tuple[Word, bool]]:
    """Yield the words from a place on, each with whether it runs to the end because nothing closes it."""
    scan = Scan(text[:stop], lexer_of(dialect), LexState(), position=begin, blanks=False)
    for start, end, kind in scan:
        said = text[start:end]
        match kind:
            case TokenKind.WORD:
                lower = said.lower()
            case TokenKind.STRING:
                lower = "'"
            case TokenKind.NUMBER:
                lower = "0"
            case TokenKind.PARAMETER:
                lower = "?"
            case TokenKind.QUOTED_IDENTIFIER | TokenKind.COMMENT:
                lower = ""
            case _:
                lower = said
        yield Word(said, lower, kind, start, end), end == stop and scan.state.opener != ""


def _reaches_too_far(rest: str, text: str, end: int, dialect: Dialect) -> bool:
    """Return whether a name in quotes goes on behind the caret only because its quote is not closed yet."""
    if any(sign in rest for sign in "\n,()=;"):
        return True
    if not any(sign.isspace() for sign in rest):
        return False
    scan = Scan(text, lexer_of(dialect), LexState(), position=end, blanks=False)
    for _ in scan:
        pass
    return scan.state.opener in tuple(dialect.identifier_quotes)


def _names_sequence(word: Word, before: list[Word], dialect: Dialect) -> bool:
    """Return whether a string is the name of a sequence: the first argument of PostgreSQL's nextval and the like."""
    if dialect.name != "postgres" or word.kind is not TokenKind.STRING or not word.text.startswith("'"):
        return False
    return len(before) > 1 and before[-1].lower == "(" and before[-2].lower in _OF_SEQUENCES


def _inside(word: Word, is_open: bool, caret: int) -> str:
    """Return why there is nothing to suggest within a token, ``body`` for a string that may hold statements."""
    match word.kind:
        case TokenKind.STRING:
            if caret < word.end or is_open:
                return "body" if word.text[:1] == "$" else "string"
            return "string"  # right behind it: a word would be read as part of the next string
        case TokenKind.COMMENT:
            # A line comment goes on behind its last character; a block comment that is closed does not.
            closed = word.text.startswith("/*") and not is_open and caret == word.end
            return "" if closed else "comment"
        case TokenKind.NUMBER | TokenKind.PARAMETER | TokenKind.OTHER:
            return "number"
    return ""


def _quote(text: str) -> str:
    return '"' if text[:1] in "uU" else text[:1]


def _has_body(words: list[Word], at: int) -> bool:
    """Return whether the caret stands within the BEGIN … END of a routine or trigger."""
    if not words or words[0].lower not in ("create", "begin", "declare"):
        return False
    if words[0].lower == "begin":
        return False
    before = words[1:at]
    each_row = any(one.lower == "each" and two.lower == "row" for one, two in pairwise(before))
    return each_row or any(word.lower in ("begin", "declare") for word in before)


def _statement_within(words: list[Word], at: int) -> tuple[list[Word], int]:
    """Return the statement of a body that holds the caret, and where the caret is in it."""
    first, cases, depth = 0, 0, 0
    for index, word in enumerate(words[:at]):
        lower = word.lower
        if lower == ";":
            first, cases, depth = index + 1, 0, 0
        elif lower in "()" and lower:
            depth += 1 if lower == "(" else -1
        elif lower == "case":
            cases += 1
        elif lower == "end" and cases:
            cases -= 1
        elif not cases and depth <= 0:
            each_row = lower == "row" and index > 0 and words[index - 1].lower == "each"
            first = index + 1 if lower in _BEGINNINGS or each_row else first
    last = next((index for index in range(at, len(words)) if words[index].lower == ";"), len(words))
    found = words[first:last]
    if found[0].lower == "perform":  # a SELECT whose rows nobody wants
        found[0] = found[0]._replace(lower="select")
    return found, at - first
