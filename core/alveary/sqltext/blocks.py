"""Statements that hold semicolons of their own: watchers that say which semicolon ends one.

A statement whose first word may open such a statement is read token by token, and its watcher is told each
token that is neither white space nor comment. As soon as a watcher knows that the statement is an ordinary one
it says so by ``plain``, and the splitter goes on in long strides.
"""

from __future__ import annotations

from typing import ClassVar, Protocol

from alveary.sqltext.dialects import BlockStyle, Dialect
from alveary.sqltext.lexer import TokenKind


class Watcher(Protocol):
    """Follows one statement."""

    plain: bool
    """Nothing in the rest of the statement can matter: the next terminator ends it."""
    copies: bool
    """The statement is a ``COPY … FROM STDIN``."""

    def ends(self, kind: TokenKind, text: str) -> bool:
        """Take the next token, its text in lower case; return whether it is a semicolon that ends the statement.

        After a semicolon that does the watcher is done with.
        """


class TriggerWatcher:
    """SQLite, where ``sqlite3_complete`` of the library defines what a whole statement is: its state table."""

    copies = False
    _table: ClassVar = {
        "start": {"explain": "explain", "create": "create", "": "normal"},
        "explain": {"create": "create", "explain": "normal", "temp": "normal", "temporary": "normal",
                    "trigger": "normal", "end": "normal", "": "explain"},
        "create": {"temp": "create", "temporary": "create", "trigger": "trigger", "": "normal"},
        "trigger": {";": "semicolon", "": "trigger"},
        "semicolon": {";": "semicolon", "end": "end", "": "trigger"},
        "end": {"": "trigger"},
    }  # fmt: skip

    def __init__(self) -> None:
        self.plain = False
        self._state = "start"

    def ends(self, kind: TokenKind, text: str) -> bool:
        if text == ";" and self._state not in ("trigger", "semicolon"):
            return True
        if kind is TokenKind.PARAMETER and text[0] in ":@":
            # The library's table knows no parameters: to it the mark is a token and the name another.
            self._step("")
            self._step(text[1:])
        else:
            self._step(text if kind is TokenKind.WORD or text == ";" else "")
        return False

    def _step(self, word: str) -> None:
        if not self.plain:
            row = self._table[self._state]
            self._state = row.get(word, row[""])
            self.plain = self._state == "normal"


class AtomicWatcher:
    """PostgreSQL: ``BEGIN ATOMIC`` bodies counted as by psql, ``CREATE RULE … DO (a; b)``, and ``COPY``.

    In other statements parentheses do not hold a semicolon, as they would in psql: no valid statement needs it,
    and while one is being typed an open parenthesis must not swallow the rest of the script.
    """

    def __init__(self) -> None:
        self.plain = False
        self.copies = False
        self._subject = ""
        self._previous = ""
        self._parentheses = 0
        self._depth = 0

    def ends(self, kind: TokenKind, text: str) -> bool:
        word = text if kind is TokenKind.WORD else ""
        if text == ";":
            return not (self._depth or (self._subject == "rule" and self._parentheses))
        if text == "(":
            self._parentheses += 1
        elif text == ")":
            self._parentheses = max(0, self._parentheses - 1)
        elif not self._subject or self._subject == "create":
            self._begin(word)
        elif self._parentheses == 0:
            self._go_on(word)
        self._previous = word
        return False

    def _begin(self, word: str) -> None:
        if word in ("create", "copy", "function", "procedure", "rule"):
            self._subject = word
        elif word not in ("or", "replace"):
            self.plain = True

    def _go_on(self, word: str) -> None:
        if self._subject == "copy":
            self.copies = self._previous == "from" and word == "stdin"
            self.plain = self.copies or word == "to"
        elif self._depth == 0:
            # Only BEGIN ATOMIC opens a body: a function may well be named "begin".
            self._depth = int(self._previous == "begin" and word == "atomic")
        elif word == "case":
            self._depth += 1
        elif word == "end":
            self._depth -= 1


_PROGRAMS = frozenset({"procedure", "function", "trigger", "event"})
_NAMED_ENDS = frozenset({"if", "loop", "while", "repeat", "for"})


class CompoundWatcher:
    """MySQL and MariaDB: ``BEGIN … END`` in stored programs, without the help of ``DELIMITER``.

    Only ``BEGIN`` and ``CASE`` are counted. The other blocks end with ``END`` and their own word, so their ends
    can be told from those that count, and their beginnings (the statement IF or the function?) need not be.
    """

    copies = False

    def __init__(self) -> None:
        self.plain = False
        self._head = ""
        self._in_program = False
        self._open: list[str] = []
        self._ending = False
        self._previous = ""

    def ends(self, kind: TokenKind, text: str) -> bool:
        word = text if kind is TokenKind.WORD else ""
        if self._in_program:
            self._in_body(text, word)
        elif word:
            self._in_head(word)
        self._previous = text
        return text == ";" and not self._open

    def _in_head(self, word: str) -> None:
        if not self._head:
            self._head = word
            self.plain = word not in ("create", "alter", "begin")
        elif self._head == "begin":
            self._in_program = word == "not"
            self._open = ["begin"] if self._in_program else []
            self.plain = not self._in_program
        elif word in _PROGRAMS:
            self._in_program = True
        elif word == "definer":
            self._head = word  # what follows may be any name, up to the kind of the object
        elif word not in ("or", "replace", "aggregate"):
            self.plain = self._head != "definer" or word in ("sql", "view")

    def _in_body(self, text: str, word: str) -> None:
        closes_case = False
        if self._ending:
            self._ending = False
            if word not in _NAMED_ENDS:
                closes_case = self._open.pop() == "case" and word == "case"
        if word == "end" and self._open and self._previous != ".":
            if self._previous in (";", "begin"):
                self._ending = True  # of a block; the next token tells which
            elif self._open[-1] == "case":
                self._open.pop()  # of an expression
        elif word in ("begin", "case") and not closes_case and self._previous not in _PROGRAMS | {"."}:
            self._open.append(word)


def watcher(dialect: Dialect, word: str) -> Watcher | None:
    """Return a watcher for a statement whose first word is ``word``, or None if it cannot hold semicolons.

    ``word`` is in lower case; it is empty for a statement that begins with an executable comment.
    """
    match dialect.blocks:
        case BlockStyle.TRIGGER if word in ("create", "explain"):
            return TriggerWatcher()
        case BlockStyle.ATOMIC if word == "create":
            return AtomicWatcher()
        case BlockStyle.COMPOUND if word in ("create", "alter", "begin", ""):
            return CompoundWatcher()
    return AtomicWatcher() if dialect.copy_data and word == "copy" else None
