"""Lexical facts of the SQL families: what one has to know to find where a statement ends, as plain data.

A driver picks one of the four dialects below, or makes its own with :func:`dataclasses.replace` (for a MySQL
session in ``ANSI_QUOTES`` mode, a PostgreSQL session with ``standard_conforming_strings`` off).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class BackslashEscapes(Enum):
    """Where a backslash protects the next character of a string literal."""

    NEVER = "never"
    E_STRINGS = "e-strings"
    """Only in ``E'…'``, the PostgreSQL way."""
    ALWAYS = "always"


class BlockStyle(Enum):
    """Which statements may hold semicolons of their own."""

    NONE = "none"
    TRIGGER = "trigger"
    """SQLite: ``CREATE TRIGGER`` runs to ``; END ;`` and nothing else does."""
    ATOMIC = "atomic"
    """PostgreSQL: ``BEGIN ATOMIC … END`` in routines, parentheses in ``CREATE RULE``."""
    COMPOUND = "compound"
    """MySQL and MariaDB: ``BEGIN … END`` in stored programs and in ``BEGIN NOT ATOMIC``."""


class ClientCommands(Enum):
    """The command-line client that scripts are written for; its own commands never go to the server."""

    NONE = "none"
    PSQL = "psql"
    r"""A backslash and a letter anywhere outside quotes, up to the end of the line; ``\;`` is no terminator."""
    SQLITE3 = "sqlite3"
    """A dot first on its line."""
    MYSQL = "mysql"
    r"""A backslash or a word such as ``source`` first in a statement; ``\g`` and ``\G`` are terminators."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """The lexical facts of one SQL family. The defaults are those of standard SQL."""

    name: str
    identifier_quotes: str = '"'
    """Opening quotes of identifiers: ``"``, `````, ``[``. All but the last are doubled to stand for themselves."""
    string_quotes: str = "'"
    """Quotes of string literals: ``'`` and perhaps ``"`` (which then must not be an identifier quote)."""
    backslash_escapes: BackslashEscapes = BackslashEscapes.NEVER
    dollar_quotes: bool = False
    """``$tag$ … $tag$`` is a string literal."""
    nested_comments: bool = False
    open_comment_is_legal: bool = False
    """A block comment may run to the end of the text without being an error."""
    executable_comments: bool = False
    """``/*! … */`` and ``/*M! … */`` hold SQL that the server runs."""
    hint_comments: bool = False
    """``/*+ … */`` before a statement belongs to it."""
    line_comments: tuple[str, ...] = ("--",)
    dashes_need_space: bool = False
    """Within a statement ``--`` starts a comment only before white space, a control character or the end."""
    line_ends: str = "\n"
    """Characters that end a line comment."""
    space: str = " \t\r\n\f\v"
    parameter_marks: str = ":?"
    """First characters of parameters: ``:name``, ``?`` or ``?1``, ``@name``, ``$name`` (only ``$1`` if there are
    dollar quotes)."""
    blocks: BlockStyle = BlockStyle.NONE
    copy_data: bool = False
    r"""``COPY … FROM STDIN`` is followed by lines of data up to ``\.``."""
    client_commands: ClientCommands = ClientCommands.NONE
    delimiter_command: bool = False
    """``DELIMITER x`` makes ``x`` the terminator of the statements that follow."""


ANSI = Dialect(name="ansi")

SQLITE = Dialect(
    name="sqlite",
    identifier_quotes='"`[',
    open_comment_is_legal=True,
    space=" \t\r\n\f",
    parameter_marks=":?@$",
    blocks=BlockStyle.TRIGGER,
    client_commands=ClientCommands.SQLITE3,
)

POSTGRES = Dialect(
    name="postgres",
    backslash_escapes=BackslashEscapes.E_STRINGS,
    dollar_quotes=True,
    nested_comments=True,
    hint_comments=True,
    line_ends="\r\n",
    parameter_marks=":$",
    blocks=BlockStyle.ATOMIC,
    copy_data=True,
    client_commands=ClientCommands.PSQL,
)

MYSQL = Dialect(
    name="mysql",
    identifier_quotes="`",
    string_quotes="'\"",
    backslash_escapes=BackslashEscapes.ALWAYS,
    executable_comments=True,
    hint_comments=True,
    line_comments=("--", "#"),
    dashes_need_space=True,
    blocks=BlockStyle.COMPOUND,
    client_commands=ClientCommands.MYSQL,
    delimiter_command=True,
)
