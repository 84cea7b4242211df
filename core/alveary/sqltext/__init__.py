"""The public door of SQL text: scripts split into statements, tokens for highlighting, named parameters."""

from alveary.sqltext.defining import Change, changes_in, schema_of
from alveary.sqltext.dialects import (
    ANSI,
    MYSQL,
    POSTGRES,
    SQLITE,
    BackslashEscapes,
    BlockStyle,
    ClientCommands,
    Dialect,
)
from alveary.sqltext.effects import Effect, Finding, effects_of
from alveary.sqltext.lexer import LexState, Parameter, Token, TokenKind, parameters, scan_line, tokens
from alveary.sqltext.names import names_in, unquoted
from alveary.sqltext.reading import only_reads
from alveary.sqltext.scanner import Piece, PieceKind, data_of, script, split, statement_at

__all__ = [
    "ANSI",
    "MYSQL",
    "POSTGRES",
    "SQLITE",
    "BackslashEscapes",
    "BlockStyle",
    "Change",
    "ClientCommands",
    "Dialect",
    "Effect",
    "Finding",
    "LexState",
    "Parameter",
    "Piece",
    "PieceKind",
    "Token",
    "TokenKind",
    "changes_in",
    "data_of",
    "effects_of",
    "names_in",
    "only_reads",
    "parameters",
    "scan_line",
    "schema_of",
    "script",
    "split",
    "statement_at",
    "tokens",
    "unquoted",
]
