"""The lexer: SQL text to tokens, whole or line by line, for highlighting, parameters and the splitter.

One idea does everything. A regular expression per dialect recognises tokens; strings, quoted identifiers,
block comments and dollar quotes are recognised by their opener only, and one function, :meth:`Lexer.close`,
runs from there to the end of the construct. What is open at the end of a text is therefore a small value,
:class:`LexState`, from which scanning can go on, and an editor needs to keep only that per line.

The expressions repeat single characters only, and those possessively: there is nothing to backtrack into, so
time is linear for any text. (Possessive *groups* match wrongly in Python 3.11.0 to 3.11.4, and in later ones
they take memory for each round.)
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import NamedTuple

from alveary.sqltext.dialects import BackslashEscapes, ClientCommands, Dialect

# As in the servers' own lexers every character from U+0080 on may be part of a word, lone surrogates too.
_WORD_PART = r"[^\x00-#%-/:-@\[-\^`{-\x7f]"
_WORD_START = r"[^\x00-@\[-\^`{-\x7f]"
_TAG = rf"\$(?:{_WORD_START}[^\x00-/:-@\[-\^`{{-\x7f]*+)?\$"

PSQL_COMMAND = r"\\[A-Za-z?!]"


class TokenKind(Enum):
    """What a token is, lexically; keywords are not told from names."""

    WHITESPACE = "whitespace"
    COMMENT = "comment"
    STRING = "string"
    QUOTED_IDENTIFIER = "quoted identifier"
    WORD = "word"
    NUMBER = "number"
    PARAMETER = "parameter"
    OPERATOR = "operator"
    """Operators and punctuation, a character each but for ``::``, ``:=``, and ``/*!`` and its ``*/``."""
    OTHER = "other"


class Token(NamedTuple):
    """A stretch ``text[start:end]`` of one kind; the tokens of a text follow each other without gaps."""

    start: int
    end: int
    kind: TokenKind


class Parameter(NamedTuple):
    """A named parameter; ``text[start:end]`` is its name with the colon."""

    name: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class LexState:
    """What is open at a point of a text; the default is nothing."""

    opener: str = ""
    """``'``, ``e'`` (an E string), ``"``, `````, ``[``, ``/*``, a dollar tag, or empty."""
    depth: int = 0
    """How many block comments are open within each other."""
    executable: bool = False
    """Within ``/*! … */``, whose text is SQL."""
    goes_on: bool = False
    """An E string has ended, and a string on a line below goes on with it: its backslashes escape, too."""


_NOTHING_OPEN = LexState()


class Lexer:
    """One dialect, compiled. Get it from :func:`lexer_of`, which keeps it."""

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect
        self.quotes = dialect.string_quotes + dialect.identifier_quotes
        self.e_strings = dialect.backslash_escapes is BackslashEscapes.E_STRINGS
        space = f"[{re.escape(dialect.space)}]"
        executable = r"/\*M?!" if dialect.executable_comments else r"(?!)"
        kept = f"{executable}|" + (r"/\*\+" if dialect.hint_comments else r"(?!)")
        self.line_comment = "|".join(self._line_comments(dialect.dashes_need_space)) or r"(?!)"
        # Before a statement there is nothing to take from, so there dashes begin a comment in any case: mysql says so.
        between = "|".join(self._line_comments(False)) or r"(?!)"
        self.blank = re.compile(rf"{space}*+(?:(?P<line>{between})|(?P<block>(?!{kept})/\*))?")
        self._between_parts = re.compile(rf"{space}++|{self.line_comment}")
        number = (
            rf"0[xX]{_WORD_PART}*+"
            rf"|(?:\d{_WORD_PART}*+(?:\.(?!\.)(?:\d{_WORD_PART}*+)?)?|\.\d{_WORD_PART}*+)"
            rf"(?:(?<=[eE])[+\-]\d{_WORD_PART}*+)?"
        )
        self._token = re.compile(
            rf"(?P<WHITESPACE>{space}++)|(?P<COMMENT>{self.line_comment})"
            rf"|(?P<executable>{executable}\d*+)|(?P<open>{self._openers()})"
            rf"|(?P<NUMBER>{number})|(?P<PARAMETER>{self._parameters()})"
            rf"|(?P<WORD>{self._word_start()}{_WORD_PART}*+)"
            # A lone dollar takes the word after it along, lest that be read as the prefix of a string.
            rf"|(?P<OTHER>\${_WORD_PART}*+|[\x00-\x1f\\\x7f])|(?P<OPERATOR>::|:=|.)",
            re.ASCII | re.DOTALL,
        )
        self.match = self._token.match
        self.kinds: dict[str | None, TokenKind] = {
            name: TokenKind[name] for name in self._token.groupindex if name.isupper()
        }

    def _line_comments(self, dashes_need_space: bool) -> Iterator[str]:
        for start in self.dialect.line_comments:
            condition = r"(?=[\x00-\x20\x7f]|\Z)" if start == "--" and dashes_need_space else ""
            yield rf"{re.escape(start)}{condition}[^{re.escape(self.dialect.line_ends)}]*+"

    def _openers(self) -> str:
        prefixes = rf"(?<!{_WORD_PART})(?:[bBnNxX]|[uU]&{'|[eE]' if self.e_strings else ''})"
        openers = [r"/\*", f"(?:{prefixes})?'"]
        quotes = self.quotes.replace("'", "")
        openers += [r'(?:[uU]&)?"' if quote == '"' else re.escape(quote) for quote in quotes]
        if self.dialect.dollar_quotes:
            openers.append(rf"(?<!{_WORD_PART}){_TAG}")
        return "|".join(openers)

    def _word_start(self) -> str:
        return _WORD_START if self.dialect.dollar_quotes else rf"(?:\$|{_WORD_START})"

    def _parameters(self) -> str:
        # A colon after an operand belongs to an array slice or a label; after another colon, to a cast.
        named = rf"(?<!{_WORD_PART})(?<![:)\]'\"`]):{self._word_start()}{_WORD_PART}*+(?!')"
        numbered = rf"\$\d{_WORD_PART}*+" if self.dialect.dollar_quotes else rf"\${_WORD_PART}++"
        forms = {":": named, "?": r"\?\d*+", "@": rf"@{_WORD_PART}++", "$": numbered}
        return "|".join(forms[mark] for mark in self.dialect.parameter_marks if mark in forms) or r"(?!)"

    def opening(self, text: str) -> LexState:
        """Return the state after an opener, as matched with its prefix."""
        if text == "/*":
            return LexState(text, 1)
        if text[0] == "$":
            return LexState(text)
        return LexState("e'" if self.e_strings and text in ("e'", "E'") else text[-1])

    def close(self, text: str, position: int, state: LexState) -> tuple[int, LexState]:
        """Run from within what ``state`` says is open to its end; return where, and what is open there."""
        closed = LexState(executable=True) if state.executable else _NOTHING_OPEN
        opener = state.opener
        if opener == "/*" and self.dialect.nested_comments:
            depth = state.depth
            for mark in _comment_marks().finditer(text, position):
                depth += 1 if mark[0] == "/*" else -1
                if depth <= 0:
                    return mark.end(), closed
            return len(text), LexState(opener, depth, state.executable)
        if opener in _PLAIN_CLOSERS or opener.startswith("$"):
            closer = _PLAIN_CLOSERS.get(opener, opener)
            found = text.find(closer, position)
            return (len(text), state) if found < 0 else (found + len(closer), closed)
        always = self.dialect.backslash_escapes is BackslashEscapes.ALWAYS
        escapes = opener == "e'" or (always and opener in self.dialect.string_quotes)
        for mark in _quote_marks(opener[-1:], escapes).finditer(text, position):
            end = mark.end()
            if end - mark.start() == 1:
                return end, closed
        return len(text), state

    def over_gap(self, text: str, position: int, end: int) -> tuple[int, bool]:
        """Go over what may stand between the parts of one literal; return where to, and whether a line ends there."""
        first = position
        while found := self._between_parts.match(text, position, end):
            position = found.end()
        gap = text[first:position]
        return position, any(mark in gap for mark in self.dialect.line_ends)

    def kind_of(self, opener: str) -> TokenKind:
        """Return the kind of the token that ``opener`` (as in :class:`LexState`) opens."""
        if opener == "/*":
            return TokenKind.COMMENT
        if opener[0] == "$" or opener[-1] in self.dialect.string_quotes:
            return TokenKind.STRING
        return TokenKind.QUOTED_IDENTIFIER

    def landmark(self, terminator: str) -> re.Pattern[str]:
        """Compile the expression that goes to the next place which may matter for the end of a statement.

        It agrees with the tokens about what is a string or a comment, but takes many tokens at a stride. Its
        groups: ``end`` a terminator, ``client`` a psql command, ``executable`` and ``finish`` the two ends of an
        executable comment, ``open`` and ``escaped`` (of an E string) an opener. No group: go on.
        """
        client = self.dialect.client_commands
        ends = re.escape(terminator) + (r"|\\[gG]" if client is ClientCommands.MYSQL else "")
        choices = [f"(?P<end>{ends})"]
        if client is ClientCommands.PSQL:
            choices += [f"(?P<client>{PSQL_COMMAND})", r"\\[;:]"]
        choices.append(self.line_comment)
        if self.dialect.executable_comments:
            choices += [r"(?P<executable>/\*M?!)", r"(?P<finish>\*/)"]
        if self.e_strings:
            prefixed = rf"(?<=[eE])(?<!{_WORD_PART}[eE])"
            choices.append(rf"{prefixed}(?P<escaped>')")
        for quote in self.quotes:
            # The common string, without doubled quotes or backslashes, needs no second step.
            closing = re.escape("]" if quote == "[" else quote)
            choices.append(rf"{re.escape(quote)}[^{closing}\\]*+{closing}(?!{closing})")
        openers = [r"/\*", *map(re.escape, self.quotes)]
        if self.dialect.dollar_quotes:
            openers.append(rf"(?<!{_WORD_PART}){_TAG}")
        choices += [f"(?P<open>{'|'.join(openers)})", "."]
        first_characters = {terminator[0], "/", "*", "\\", "$", *self.quotes}
        first_characters.update(start[0] for start in self.dialect.line_comments)
        boring = f"[^{re.escape(''.join(sorted(first_characters)))}]*+"
        return re.compile(f"{boring}(?:{'|'.join(choices)})?", re.DOTALL)


_PLAIN_CLOSERS = {"[": "]", "/*": "*/"}


@lru_cache(maxsize=1)
def _comment_marks() -> re.Pattern[str]:
    return re.compile(r"/\*|\*/")


@lru_cache(maxsize=16)
def _quote_marks(quote: str, escapes: bool) -> re.Pattern[str]:
    """Compile what matters within quotes: pairs to skip (doubled quotes, escapes) and the single quote."""
    quote = re.escape(quote)
    return re.compile(quote + quote + (r"|\\." if escapes else "") + "|" + quote, re.DOTALL)


@lru_cache(maxsize=32)
def lexer_of(dialect: Dialect) -> Lexer:
    """Return the lexer of a dialect, compiled on first use."""
    return Lexer(dialect)


class Scan:
    """One pass over a text: iterate for its tokens; ``state`` tells what is open after the last one taken."""

    __slots__ = ("blanks", "lexer", "open_at", "position", "state", "text")

    def __init__(
        self,
        text: str,
        lexer: Lexer,
        state: LexState = _NOTHING_OPEN,
        *,
        position: int = 0,
        blanks: bool = True,
    ) -> None:
        self.text = text
        self.lexer = lexer
        self.state = state
        self.position = position
        """Where the pass begins."""
        self.blanks = blanks
        """Yield white space too."""
        self.open_at = position
        """Where the construct opens that is, or was last, open; at its quote if that has a prefix."""

    def __iter__(self) -> Iterator[Token]:
        text, lexer, position, state = self.text, self.lexer, self.position, self.state
        match, kinds, blanks = lexer.match, lexer.kinds, self.blanks
        escaped = position if state.goes_on else -1  # where an E string ended, if it was the last that did
        below = state.goes_on
        if below:
            self.state = LexState(executable=state.executable)
        if state.opener and position < len(text):
            kind = lexer.kind_of(state.opener)
            end, self.state = lexer.close(text, position, state)
            yield Token(position, end, kind)
            escaped = end if state.opener == "e'" and not self.state.opener else -1
            position, state = end, self.state
        while found := match(text, position):
            group, end = found.lastgroup, found.end()
            if group in kinds:
                kind = kinds[group]
                if state.executable and text.startswith("*/", position):
                    end, self.state = position + 2, _NOTHING_OPEN
            elif group == "executable":
                kind = TokenKind.OPERATOR
                self.open_at, self.state = position, LexState(executable=True)
            else:
                opened = lexer.opening(found[0])
                if escaped >= 0:
                    if found[0] == "'" and self._is_part(escaped, position, below):
                        opened = LexState("e'")
                    escaped = -1
                kind = lexer.kind_of(opened.opener)
                if state.executable:
                    opened = LexState(opened.opener, opened.depth, executable=True)
                else:
                    self.open_at = end - len(opened.opener.removeprefix("e"))
                end, self.state = lexer.close(text, end, opened)
                if opened.opener == "e'" and not self.state.opener:
                    escaped, below = end, False
            if blanks or kind is not TokenKind.WHITESPACE:
                yield Token(position, end, kind)
            position, state = end, self.state
        if escaped >= 0 and lexer.over_gap(text, escaped, len(text))[0] == len(text):
            self.state = LexState(executable=self.state.executable, goes_on=True)

    def _is_part(self, ended: int, position: int, below: bool) -> bool:
        """Return whether a string at ``position`` goes on with the one that ended before, ``below`` it or not."""
        reached, breaks = self.lexer.over_gap(self.text, ended, position)
        return reached == position and (breaks or below)


def tokens(text: str, dialect: Dialect, state: LexState = _NOTHING_OPEN) -> Iterator[Token]:
    """Yield the tokens of ``text``, which begins in ``state``."""
    return iter(Scan(text, lexer_of(dialect), state))


def scan_line(line: str, state: LexState, dialect: Dialect) -> tuple[list[Token], LexState]:
    """Return the tokens of a line, with or without its line end, and the state in which the next line begins.

    Line after line gives what the whole text gives, but tokens that span lines come in a part per line.
    """
    scan = Scan(line, lexer_of(dialect), state)
    return list(scan), scan.state


def parameters(text: str, dialect: Dialect) -> list[Parameter]:
    """Return the parameters written ``:name``, each time they occur, in order; those that SQLite writes ``@name`` and
    ``$name`` are the same to it, and here."""
    return [
        Parameter(text[start + 1 : end], start, end)
        for start, end, kind in tokens(text, dialect)
        if kind is TokenKind.PARAMETER and text[start] in ":@$" and not text[start + 1].isdecimal()
    ]
