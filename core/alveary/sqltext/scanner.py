"""The splitter: a script to its statements, client commands and data, with their places in the text.

It knows no grammar and never fails: whatever the text, its pieces follow each other without gaps and together
are the text. Most statements are crossed in long strides (:meth:`Lexer.landmark`); only those whose words matter
(triggers, routines, ``COPY``) are read token by token, under the eye of a watcher.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from functools import lru_cache

from alveary.sqltext.blocks import Watcher, watcher
from alveary.sqltext.dialects import BlockStyle, ClientCommands, Dialect
from alveary.sqltext.lexer import PSQL_COMMAND, LexState, Scan, TokenKind, lexer_of


class PieceKind(Enum):
    """What a piece of a script is."""

    STATEMENT = "statement"
    BLANK = "blank"
    """White space, comments, and perhaps a stray terminator, or psql's ``\\restrict``."""
    DELIMITER = "delimiter"
    CLIENT_COMMAND = "client command"
    """A line for psql, sqlite3 or mysql itself, without its line end."""
    COPY_DATA = "copy data"
    r"""The lines between ``COPY … FROM STDIN`` and ``\.``."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch ``text[start:end]`` of a script; offsets count characters from 0."""

    start: int
    end: int
    sql_start: int
    sql_end: int
    """``text[sql_start:sql_end]`` is the piece without comments before it, white space around it, terminator."""
    kind: PieceKind
    line: int
    """The line of ``sql_start``, counted from 1."""
    terminator: str = ""
    """Empty if the piece ends with the text, before a client command, or with its line."""
    unterminated: str | None = None
    """What is open at the end of the text: "string", "quoted identifier", "block comment", "dollar quote" or
    "copy data". None for an unfinished ``BEGIN``: only the server can tell that for certain."""
    unterminated_at: int | None = None
    """Where that opens; at the quote, not at a prefix such as ``E``."""
    takes_data: bool = False
    """A ``COPY … FROM STDIN``, for which the next piece of copy data is meant."""

    def sql(self, text: str) -> str:
        """Return what is to be executed, given the text that was split."""
        return text[self.sql_start : self.sql_end]


def split(text: str, dialect: Dialect) -> list[Piece]:
    """Split a script; the pieces together are the text, and an empty text has none."""
    return list(_Splitter(text, dialect))


def data_of(pieces: Iterable[Piece]) -> dict[Piece, Piece]:
    """Return for each statement that takes data the piece that holds them."""
    found: dict[Piece, Piece] = {}
    taker: Piece | None = None
    for piece in pieces:
        if piece.takes_data:
            taker = piece
        elif piece.kind is PieceKind.COPY_DATA and taker is not None:
            found[taker], taker = piece, None
    return found


def statement_at(pieces: Sequence[Piece], offset: int) -> Piece | None:
    """Return the piece that holds the caret; right after a terminator this is the piece that it ends."""
    index = bisect_right(pieces, offset, key=lambda piece: piece.start) - 1
    if index < 0 or offset > pieces[-1].end:
        return None
    if index > 0 and offset == pieces[index].start and pieces[index - 1].kind is not PieceKind.BLANK:
        index -= 1
    return pieces[index]


# Words of the mysql client that begin no statement of the server (so not "use" and "help").
_MYSQL_WORDS = (
    "source|system|tee|notee|pager|nopager|prompt|rehash|status|quit|exit|edit|ego|go|charset|clear|connect|print"
    "|warnings|nowarning|resetconnection"
)
_LONGEST_DELIMITER = 15  # the mysql client keeps no more


@lru_cache(maxsize=64)
def _landmark(dialect: Dialect, terminator: str) -> re.Pattern[str]:
    return lexer_of(dialect).landmark(terminator)


@lru_cache(maxsize=1)
def _patterns() -> dict[str, re.Pattern[str]]:
    """Return the expressions that are the same for all dialects, compiled on first use."""
    return {
        "word": re.compile(r"[A-Za-z]*+"),
        "blank line": re.compile(r"[ \t\r\f\v]*+(?:--[^\n]*+)?\n"),
        "psql command": re.compile(PSQL_COMMAND),
        # pg_dump begins and ends with it: in between psql is to run no commands of its own, which here nobody does.
        "psql restriction": re.compile(r"\\(?:un)?restrict[ \t]"),
        "mysql command": re.compile(rf"\\|(?:{_MYSQL_WORDS})(?=[\s;]|\Z)", re.IGNORECASE),
        "blank rest": re.compile(r"[ \t\r\n\f\v]*+\Z"),
        "delimiter": re.compile(
            r"(?:delimiter|\\d)(?=[ \t\r\n]|\Z)"
            r"(?:[ \t]++(?:'([^'\n]++)'|\"([^\"\n]++)\"|`([^`\n]++)`|(\S++)))?",
            re.IGNORECASE,
        ),
        "copy command": re.compile(r"\\copy\s.*\sfrom\s++stdin\b", re.IGNORECASE),
    }


class _Splitter:
    """One pass over a text."""

    def __init__(self, text: str, dialect: Dialect) -> None:
        self._text = text
        self._dialect = dialect
        self._lexer = lexer_of(dialect)
        self._patterns = _patterns()
        self._terminator = ";"
        self._landmark = _landmark(dialect, ";")
        self._copy_pending = False
        self._open: tuple[LexState, int] | None = None
        self._line = 1
        self._line_offset = 0

    def __iter__(self) -> Iterator[Piece]:
        position = 0
        while position < len(self._text):
            piece = self._copy_data(position) if self._copy_pending else None
            piece = piece or self._next(position)
            yield piece
            position = piece.end

    def _next(self, start: int) -> Piece:
        text = self._text
        first = self._skip_blank(start)
        if first == len(text):
            return self._piece(PieceKind.BLANK, start, start, start, first)
        if text[first] == "\\" or text.startswith(self._terminator, first):
            found = self._landmark.match(text, first)
            if found and found.lastgroup == "end":
                return self._piece(PieceKind.BLANK, start, start, start, found.end(), found["end"])
        if command := self._client_command(start, first):
            return command
        was_pending = self._copy_pending
        end, terminator = self._statement_end(first)
        piece = self._piece(PieceKind.STATEMENT, start, first, end, end + len(terminator), terminator)
        # The server asks for the data of the first one on a line; it has none for another one behind it.
        return replace(piece, takes_data=True) if self._copy_pending and not was_pending else piece

    def _piece(self, kind: PieceKind, start: int, first: int, last: int, end: int, terminator: str = "") -> Piece:
        self._line += self._text.count("\n", self._line_offset, first)
        self._line_offset = first
        if last > first:
            last = first + len(self._text[first:last].rstrip(self._dialect.space))
        what, where = self._left_open()
        return Piece(start, end, first, last, kind, self._line, terminator, what, where)

    def _left_open(self) -> tuple[str | None, int | None]:
        if self._open is None:
            return None, None
        state, where = self._open
        if state.executable:
            return "block comment", where
        kind = self._lexer.kind_of(state.opener)
        if kind is TokenKind.COMMENT:
            return (None, None) if self._dialect.open_comment_is_legal else ("block comment", where)
        return ("dollar quote" if state.opener[0] == "$" else kind.value), where

    def _skip_blank(self, position: int) -> int:
        """Go to the first character that is neither white space nor comment, or to the end."""
        while found := self._lexer.blank.match(self._text, position):
            position = found.end()
            if found.lastgroup is None:
                break
            if found.lastgroup == "block":
                position = self._close(position, LexState("/*", 1), position - 2)
        return position

    def _close(self, position: int, state: LexState, opened_at: int) -> int:
        text, lexer = self._text, self._lexer
        end, after = lexer.close(text, position, state)
        while state.opener == "e'" and not after.opener:
            part, below = lexer.over_gap(text, end, len(text))
            if not (below and text.startswith("'", part)):
                break
            opened_at = part
            end, after = lexer.close(text, part + 1, state)
        if after.opener:
            self._open = after, opened_at
        return end

    def _statement_end(self, first: int) -> tuple[int, str]:
        """Return where the statement ends that begins at ``first``, and its terminator."""
        if self._terminator == ";":
            found = self._patterns["word"].match(self._text, first)
            follower = watcher(self._dialect, found[0].lower() if found else "")
            if follower and ((found and found[0]) or self._text.startswith("/*", first)):
                return self._watch(first, follower)
        return self._stride(first, None)

    def _watch(self, first: int, follower: Watcher) -> tuple[int, str]:
        text = self._text
        scan = Scan(text, self._lexer, position=first, blanks=False)
        resume = first
        for start, end, kind in scan:
            if kind is TokenKind.COMMENT or start < resume:
                continue
            if text[start] in ";\\":
                found = self._landmark.match(text, start)
                group = found and found.lastgroup
                ends = text[start] == "\\" or (follower.ends(kind, ";") and not scan.state.executable)
                if found and (group == "client" or (group == "end" and ends)):
                    self._copy_pending |= follower.copies
                    return start, found["end"] or ""
                resume = found.end() if found else end
                continue
            follower.ends(kind, text[start:end].lower())
            if follower.plain:
                self._copy_pending |= follower.copies
                return self._stride(end, scan.open_at if scan.state.executable else None)
        if scan.state.opener or scan.state.executable:
            self._open = scan.state, scan.open_at
        return len(text), ""

    def _stride(self, position: int, executable_at: int | None) -> tuple[int, str]:
        text = self._text
        size = len(text)
        match = self._landmark.match
        while position < size:
            found = match(text, position)
            assert found is not None
            position = found.end()
            group = found.lastgroup
            if group is None:
                continue
            if group == "end" and executable_at is None:
                return found.start(group), found[group]
            if group == "client":
                return found.start(group), ""
            if group == "executable":
                executable_at = found.start(group)
            elif group == "finish":
                if executable_at is None:
                    position -= 1  # a star and a slash, which may begin a comment
                executable_at = None
            elif group == "open":
                position = self._close(position, self._lexer.opening(found[group]), found.start(group))
            elif group == "escaped":
                position = self._close(position, LexState("e'"), found.start(group))
        if executable_at is not None:
            self._open = LexState(executable=True), executable_at
        return size, ""

    def _client_command(self, start: int, first: int) -> Piece | None:
        text = self._text
        if self._dialect.delimiter_command and (found := self._patterns["delimiter"].match(text, first)):
            wanted = next(filter(None, found.groups()), self._terminator)
            self._terminator = wanted[:_LONGEST_DELIMITER]
            self._landmark = _landmark(self._dialect, self._terminator)
            return self._command_line(PieceKind.DELIMITER, start, first)
        if self._is_client_command(start, first):
            harmless = self._patterns["psql restriction"].match(text, first) is not None
            return self._command_line(PieceKind.BLANK if harmless else PieceKind.CLIENT_COMMAND, start, first)
        return None

    def _command_line(self, kind: PieceKind, start: int, first: int) -> Piece:
        end = self._text.find("\n", first)
        end = len(self._text) if end < 0 else end
        if self._dialect.copy_data and self._patterns["copy command"].match(self._text, first, end):
            self._copy_pending = True
        return self._piece(kind, start, first, end, end)

    def _is_client_command(self, start: int, first: int) -> bool:
        match self._dialect.client_commands:
            case ClientCommands.PSQL:
                return self._patterns["psql command"].match(self._text, first) is not None
            case ClientCommands.SQLITE3:
                return self._text[first] == "." and self._begins_line(start, first)
            case ClientCommands.MYSQL:
                found = self._patterns["mysql command"].match(self._text, first)
                return found is not None and (found[0] == "\\" or self._begins_line(start, first))
        return False

    def _begins_line(self, start: int, first: int) -> bool:
        before = self._text[start:first].rstrip(" \t")
        return before.endswith("\n") or (not before and start == 0)

    def _copy_data(self, start: int) -> Piece | None:
        """Return the data that follow a COPY once its line ends; until then there may be more statements."""
        text = self._text
        rest_of_line = self._patterns["blank line"].match(text, start)
        if rest_of_line is None:
            return None
        self._copy_pending = False
        first = rest_of_line.end()
        if self._patterns["blank rest"].match(text, first):
            return None
        mark = first - 1
        while (mark := text.find("\n\\.", mark)) >= 0:
            if text[mark + 3 : mark + 4] in ("", "\n", "\r"):
                break
            mark += 1
        self._line += text.count("\n", self._line_offset, first)
        self._line_offset = first
        last, end = (mark + 1, mark + 3) if mark >= 0 else (len(text), len(text))
        if mark >= 0:
            return Piece(start, end, first, last, PieceKind.COPY_DATA, self._line, "\\.")
        return Piece(start, end, first, last, PieceKind.COPY_DATA, self._line, "", "copy data", first)


def script(statements: Sequence[str], dialect: Dialect) -> str:
    """Return statements as one script, each ended in the first way by which :func:`split` gives it back unchanged.

    After a comment the terminator needs a line of its own; what holds semicolons that would end it, another terminator:
    clients that know DELIMITER know nothing of blocks, so a body in one needs it, too.
    """
    return "".join(_terminated(statement, dialect) for statement in statements)


def _terminated(statement: str, dialect: Dialect) -> str:
    plain = f"{statement};\n"
    ways = [plain, f"{statement}\n;\n"]
    if dialect.delimiter_command:
        ways += [f"delimiter {mark}\n{statement}\n{mark}\ndelimiter ;\n" for mark in (";;", "//", "$$")]
        dialect = replace(dialect, blocks=BlockStyle.NONE)
    return next((way for way in ways if _statements(way, dialect) == [statement]), plain)


def _statements(text: str, dialect: Dialect) -> list[str]:
    return [piece.sql(text) for piece in split(text, dialect) if piece.kind is PieceKind.STATEMENT]
