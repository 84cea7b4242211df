"""What colour each stretch of a line has, without Tk: the kernel's lexer, and what is open where each line begins."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from alveary.sqltext import Dialect, LexState, TokenKind
from alveary.sqltext.lexer import Lexer, Scan, lexer_of
from alveary_shell.widgets.document import Edit

LONGEST = 20_000
"""Characters of a line that is read at once, to know what is open behind it; a longer one is read in slices."""
COLOURED = 2000
"""Characters of a line that have colours, the first ones: Tk's time for a tag grows with those that its row has."""
FINE = 500
"""Characters of a line in which signs have a colour of their own."""
_SOME = 500
"""Tokens read between two looks at the clock."""
_MANY = 1500
"""Characters read between two looks."""

#: What a stretch can be, each with the theme's role that colours it.
ROLES = {
    "keyword": "keyword",
    "string": "string",
    "number": "number",
    "comment": "comment",
    "function": "function",
    "operator": "operator",
    "parameter": "warning",
}

_WORDS = """
add after all alter always analyze and any array as asc asymmetric attach authorization autoincrement before begin
between both by call cascade case cast check checkpoint close cluster collate column columns comment commit
concurrently conflict constraint copy create cross cube current current_catalog current_date current_role
current_schema current_time current_timestamp current_user cursor cycle database databases deallocate declare
default deferrable deferred delete delimiter desc describe detach distinct do domain drop each else elseif elsif
end enum escape except exclude execute exists explain extension false fetch filter first following for foreign
from full function generated glob global grant group grouping groups handler having identity if ignore ilike
immediate immutable in index indexed inherits initially inner inout insert instead intersect interval into is
isnull isolation join key language last lateral leading leave left like limit listen load local localtime
localtimestamp lock locked loop match materialized merge minus modify natural new next no not nothing notify
notnull nowait null nulls of off offset old on only open or order others out outer over overlaps overriding owned
owner partition perform plpgsql pragma preceding prepare primary procedure public raise range read recursive
references refresh regexp reindex release rename repeat replace restart restrict return returning returns revoke
right rlike role rollback rollup row rows savepoint schema security select sequence session session_user set sets
show signal similar skip some stable start stored straight_join strict symmetric table tables tablesample temp
temporary then ties to trailing transaction trigger true truncate unbounded union unique unlisten unlock unsigned
until update use using vacuum values variadic view virtual volatile when where while window with within without
work write xor zerofill
"""
KEYWORDS = frozenset(_WORDS.split())
"""Words that are coloured. Those that are names more often than not (``name``, ``type``, ``date``) are left out."""

_PLAIN = {
    TokenKind.COMMENT: "comment",
    TokenKind.STRING: "string",
    TokenKind.NUMBER: "number",
    TokenKind.PARAMETER: "parameter",
    TokenKind.OPERATOR: "operator",
    TokenKind.OTHER: "operator",
}


class Stretch(NamedTuple):
    """``line[start:end]`` is of one kind, a key of :data:`ROLES`."""

    start: int
    end: int
    kind: str


def stretches(line: str, state: LexState, lexer: Lexer) -> list[Stretch]:
    """Return what is to be coloured of a line that begins in ``state``."""
    found: list[Stretch] = []
    fine = len(line) <= FINE
    for start, end, kind in Scan(line, lexer, state, blanks=False):
        if start >= COLOURED:
            break
        if not fine and kind is TokenKind.OPERATOR:
            continue
        if kind is TokenKind.WORD:
            if (start and line[start - 1] == ".") or line.startswith(".", end):
                kind_of = ""  # part of a name
            elif line[start:end].lower() in KEYWORDS:
                kind_of = "keyword"
            else:
                kind_of = "function" if line.startswith("(", end) else ""
        else:
            kind_of = _PLAIN.get(kind, "")
        if kind_of:
            if found and found[-1].end == start and found[-1].kind == kind_of:
                found[-1] = Stretch(found[-1].start, end, kind_of)
            else:
                found.append(Stretch(start, end, kind_of))
    return found


class LineStates:
    """What is open where each line begins, brought up to date a few lines at a time.

    A line is *loose* when the state kept for the next line may not follow from its own. The states up to the first
    loose line are right; reading that line makes the next one loose only if its state turns out to be another.
    """

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect
        self.lexer = lexer_of(dialect)
        self._states: list[LexState | None] = [LexState()]
        self._loose: list[int] = []
        self._unread = 0
        """From this line on all lines are loose."""
        self._scan: tuple[int, Scan, Iterator[object]] | None = None
        """A line too long to be read at once, as far as it has been read."""

    def reset(self, lines: int, dialect: Dialect | None = None) -> None:
        """Begin anew with so many lines."""
        self.dialect = dialect or self.dialect
        self.lexer = lexer_of(self.dialect)
        self._states = [LexState(), *([None] * (lines - 1))]
        self._loose, self._unread, self._scan = [], 0, None

    def edited(self, edit: Edit) -> None:
        """Follow an edit."""
        first, by = edit.start.line, edit.lines
        if self._scan is not None and self._scan[0] >= first:
            self._scan = None
        if edit.inserted:
            self._states[first + 1 : first + 1] = [None] * by
            loose = {line + by if line > first else line for line in self._loose}
            loose.update(range(first, first + by + 1))
            self._unread += by if self._unread > first else 0
        else:
            del self._states[first + 1 : first + 1 + by]
            loose = {line - by if line > first + by else line for line in self._loose if not first < line <= first + by}
            loose.add(first)
            if self._unread > first:
                self._unread = max(self._unread - by, first + 1)
        self._loose = sorted(line for line in loose if line < self._unread)

    @property
    def right(self) -> int:
        """The last line of which it is known what is open where it begins."""
        return min(self._loose[0] if self._loose else self._unread, len(self._states) - 1)

    @property
    def complete(self) -> bool:
        """Whether that is the last line."""
        return self.right == len(self._states) - 1

    def state(self, line: int) -> LexState | None:
        """Return what is open where a line begins; None while that is not known."""
        return self._states[line] if line <= self.right else None

    def advance(self, lines: Sequence[str], until: int, deadline: float) -> set[int]:
        """Read on until that of line ``until`` is known, or to the deadline (of ``time.perf_counter``).

        Returns the lines for which it is not what it was.
        """
        changed: set[int] = set()
        states, loose = self._states, self._loose
        until = min(until, len(states) - 1)
        read = 0
        while (line := loose[0] if loose else self._unread) < until:
            state = states[line]
            assert state is not None, "the states up to the first loose line are right"
            after = self._after(line, lines[line], state, deadline)
            if after is None:
                break
            if loose:
                del loose[0]
            else:
                self._unread += 1
            if states[line + 1] != after:
                states[line + 1] = after
                changed.add(line + 1)
                if line + 1 < self._unread and (not loose or loose[0] != line + 1):
                    loose.insert(0, line + 1)
            read += len(lines[line]) + 50
            if read > _MANY:
                if time.perf_counter() > deadline:
                    break
                read = 0
        return changed

    def _after(self, line: int, text: str, state: LexState, deadline: float) -> LexState | None:
        """Return what is open behind a line; None if there is no time to read it all, and next time it goes on."""
        if len(text) <= LONGEST:
            whole = Scan(text, self.lexer, state, blanks=False)
            for _ in whole:
                continue
            return whole.state
        if self._scan is None or self._scan[0] != line:
            scan = Scan(text, self.lexer, state, blanks=False)
            self._scan = line, scan, iter(scan)
        _, scan, tokens = self._scan
        while True:
            for _ in range(_SOME):
                if next(tokens, None) is None:
                    self._scan = None
                    return scan.state
            if time.perf_counter() > deadline:
                return None
