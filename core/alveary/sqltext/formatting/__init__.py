"""Scripts laid out statement by statement, and nothing else of them changed but the case of keywords, if it is chosen.

The layout is not believed: what it returns is read again, token by token, and thrown away if anything is not what it
was. Comments are tokens, and their order counts. So does white space where it says something, as between a name and its
parenthesis in MySQL.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from alveary.sqltext.dialects import ANSI, MYSQL, POSTGRES, SQLITE, Dialect
from alveary.sqltext.formatting.keywords import keyword_places
from alveary.sqltext.formatting.lines import Builder, tree_of
from alveary.sqltext.formatting.printing import Printer
from alveary.sqltext.formatting.proof import same
from alveary.sqltext.formatting.words import NoLayout, gap_before, hint_of, words_of
from alveary.sqltext.lexer import Scan, TokenKind, lexer_of
from alveary.sqltext.scanner import Piece, PieceKind, split

KeywordCase: TypeAlias = Literal["keep", "upper", "lower"]
CommaStyle: TypeAlias = Literal["trailing", "leading"]
ANY = (POSTGRES, SQLITE, MYSQL, ANSI)
"""Where nobody says whose SQL a text is, it must be the same to all of these that can read it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """What a person can choose about a layout; ``indent`` and ``width`` count characters."""

    indent: int = 4
    width: int = 100
    keyword_case: KeywordCase = "keep"
    commas: CommaStyle = "trailing"


@dataclass(frozen=True, slots=True)
class Left:
    """A statement that was left as it is: the line it begins on, counted from 1, and why."""

    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class Formatted:
    """A script laid out, and what of it was left as it is."""

    text: str
    left: tuple[Left, ...]


def format_script(text: str, dialect: Dialect | None, style: Style, within: tuple[int, int] | None = None) -> Formatted:
    """Lay out the statements of a script; with ``within`` those only that have a part in this stretch.

    What stands between statements is kept: comments, blank lines, another client's commands, data of COPY. Never
    raises for a text; a statement that can't be laid out without changing it is left as it is, with the reason.
    """
    dialects = _readers(text) if dialect is None else (dialect,)
    pieces = split(text, dialects[0])
    parts: list[str] = []
    statements: list[str] = []
    left: list[Left] = []
    before: Piece | None = None
    for piece in pieces:
        part, sql = text[piece.start : piece.end], piece.sql(text)
        if piece.kind is PieceKind.STATEMENT and _touches(piece, within):
            try:
                sql = format_statement(text, piece, dialects, style)
                part = _in_place(text, piece, before, sql)
            except NoLayout as exc:
                left.append(Left(piece.line, str(exc)))
        parts.append(part)
        statements.append(sql)
        before = piece
    result = "".join(parts)
    if result != text and (said := _otherwise(text, pieces, result, statements, dialects, style)) is not None:
        return Formatted(text, (*left, Left(1, f"laid out, its statements would not be what they are{said}")))
    return Formatted(result, tuple(left))


def _readers(text: str) -> Sequence[Dialect]:
    """Return the dialects a text may be of: it leaves nothing open in them, and holds nothing that is no SQL."""

    def reads(dialect: Dialect) -> bool:
        pieces = split(text, dialect)
        return all(piece.unterminated is None for piece in pieces) and not any(
            kind is TokenKind.OTHER
            for piece in pieces
            if piece.kind is PieceKind.STATEMENT
            for _, _, kind in Scan(piece.sql(text), lexer_of(dialect), blanks=False)
        )

    return tuple(filter(reads, ANY)) or ANY


def format_statement(text: str, piece: Piece, dialects: Sequence[Dialect], style: Style) -> str:
    """Return a statement of a script laid out; NoLayout says why it has to be left as it is."""
    if piece.unterminated is not None and piece.unterminated_at is not None:
        line = text.count("\n", 0, piece.unterminated_at) + 1
        raise NoLayout(f"the {piece.unterminated} that opens on line {line} is never closed")
    sql = piece.sql(text)
    laid = lay_out(sql, dialects[0], style)
    if "/*" in sql and laid != sql:
        # A comment within a line that now begins one may belong to what is below: once more, and it stays there.
        laid = lay_out(laid, dialects[0], style)
    for dialect in dialects if laid != sql else ():
        if not same(sql, laid, dialect, fold=style.keyword_case != "keep"):
            raise NoLayout(f"laid out it would not have the same tokens{_to(dialect, dialects)}")
    return laid


def _to(dialect: Dialect, dialects: Sequence[Dialect]) -> str:
    return f" to {dialect.name}; say whose SQL it is" if len(dialects) > 1 else ""


def lay_out(text: str, dialect: Dialect, style: Style) -> str:
    """Return a statement laid out; NoLayout says why one has to be left as it is."""
    words = words_of(text, dialect)
    if not words:
        return text
    tree = tree_of(words)
    gaps = [""] + [gap_before(words, at) for at in range(1, len(words))]
    if style.keyword_case != "keep":
        change = str.upper if style.keyword_case == "upper" else str.lower
        for at in keyword_places([hint_of(word) for word in words]):
            words[at].text = change(words[at].text)
    builder = Builder(words, short=style.width // 2, leading=style.commas == "leading")
    lines = builder.statement(tree)
    return Printer(words, gaps, forced=builder.forced, indent=style.indent, width=style.width).printed(lines)


def _touches(piece: Piece, within: tuple[int, int] | None) -> bool:
    return within is None or (piece.sql_start <= within[1] and within[0] <= piece.end)


def _in_place(text: str, piece: Piece, before: Piece | None, laid: str) -> str:
    """Return a piece with its statement laid out, at the beginning of a line of its own."""
    opening, closing = text[piece.start : piece.sql_start], text[piece.sql_end : piece.end]
    head, line_end, indentation = opening.rpartition("\n")
    if not indentation.strip():
        if line_end or before is None:
            opening = head + line_end
        elif before.kind is PieceKind.STATEMENT and before.terminator == ";" and not before.takes_data:
            opening = "\n"
    if piece.terminator == ";":
        closing = ("\n" if "\n" in closing and _ends_with_comment(laid) else "") + ";"
    return opening + laid + closing


def _ends_with_comment(laid: str) -> bool:
    """Return whether the last line may be a comment; a line break too many there does no harm."""
    return any(mark in laid[laid.rfind("\n") + 1 :] for mark in ("--", "#"))


def _otherwise(
    text: str,
    pieces: Sequence[Piece],
    result: str,
    statements: Sequence[str],
    dialects: Sequence[Dialect],
    style: Style,
) -> str | None:
    """Return to whom a script would be another than it was, "" if only one was asked; None if to nobody."""
    for dialect in dialects:
        first = dialect is dialects[0]
        was, now = pieces if first else split(text, dialect), split(result, dialect)
        if len(was) != len(now):
            return _to(dialect, dialects)
        for number, (one, other) in enumerate(zip(was, now, strict=True)):
            if (one.kind, one.terminator, one.takes_data) != (other.kind, other.terminator, other.takes_data):
                return _to(dialect, dialects)
            if text[one.start : one.sql_start].rstrip() != result[other.start : other.sql_start].rstrip():
                return _to(dialect, dialects)
            old, new = one.sql(text), other.sql(result)
            expected = statements[number] if first else old
            if new != expected and (
                first
                or one.kind is PieceKind.COPY_DATA
                or not same(old, new, dialect, fold=style.keyword_case != "keep")
            ):
                return _to(dialect, dialects)
    return None


# -- places --------------------------------------------------------------------------------------------------------


class Places:
    """Where a place of a text is in the same text laid out."""

    def __init__(self, before: str, after: str, dialect: Dialect | None) -> None:
        dialect = dialect or ANY[0]
        self._before, self._after = _solid(before, dialect), _solid(after, dialect)
        self._end = len(after)

    def __call__(self, offset: int) -> int:
        """Return the place at the same character of the same token; behind one, where the token ends."""
        starts, ends = self._before
        at = bisect_right(starts, offset) - 1
        if at < 0:
            return min(offset, self._after[0][0] if self._after[0] else self._end)
        start, end = self._after[0][at], self._after[1][at]
        return min(start + offset - starts[at], end) if offset <= ends[at] else end


def _solid(text: str, dialect: Dialect) -> tuple[list[int], list[int]]:
    spans = [(token.start, token.end) for token in Scan(text, lexer_of(dialect), blanks=False)]
    return [start for start, _ in spans], [end for _, end in spans]


def left_in_words(left: Iterable[Left]) -> list[str]:
    """Return a sentence for each statement that was left as it is."""
    return [f"line {each.line} is left as it is: {each.reason}" for each in left]
