"""Which statement of an editor's text is where: told anew when nobody types, in another thread when it takes long."""

from __future__ import annotations

import threading
from collections.abc import Callable

from alveary.sqltext import Dialect, Piece, PieceKind, split, statement_at
from alveary_shell.widgets.document import Document, Edit
from alveary_shell.widgets.timers import Timers

SPLIT_AT_ONCE = 60_000
"""Characters that are split into statements at once; more are split in another thread."""
PAUSE_MILLISECONDS = 120
"""How long nothing must be typed before statements are told from each other anew."""
_LOOK_MILLISECONDS = 15


class Statements:
    """The statements of a document."""

    def __init__(
        self,
        document: Document,
        dialect: Callable[[], Dialect],
        timers: Timers,
        known: Callable[[], object],
    ) -> None:
        """``known`` is called whenever the statements of the text as it is now are known."""
        self._document, self._dialect, self._timers, self._known = document, dialect, timers, known
        self._pieces: tuple[int, list[Piece]] = (-1, [])
        self._splitting: _Split | None = None
        self._waiting: list[Callable[[list[Piece]], object]] = []
        self.marked: tuple[int, int] | None = None
        """First and last line of the statement the caret is in."""

    def forget(self) -> None:
        """Tell them anew: the dialect is another, or the text."""
        self._pieces = (-1, [])
        self.marked = None
        self._timers.later("split", 1, self.tell)

    def edited(self, edit: Edit) -> None:
        """Follow an edit: what is marked moves with its lines, until statements are told anew."""
        first, by = edit.start.line, edit.lines
        if self.marked is not None and by:
            begin, end = self.marked
            moved = by if edit.inserted else -by
            self.marked = begin + (moved if first < begin else 0), max(end + (moved if first <= end else 0), begin)

    def tell_soon(self) -> None:
        """Tell them anew when nothing is typed for a while."""
        self._timers.later("split", PAUSE_MILLISECONDS, self.tell)

    def when_known(self, callback: Callable[[list[Piece]], object]) -> None:
        """Call ``callback`` with the statements of the text as it is now: at once if they are known, else soon."""
        if self._pieces[0] == self._document.version:
            callback(self._pieces[1])
            return
        self._waiting.append(callback)
        self.tell()

    def mark(self, caret: int) -> bool:
        """Mark the statement the caret is in; return whether it is another one than before."""
        version, pieces = self._pieces
        if version != self._document.version:
            return False
        piece = statement_at(pieces, caret) if pieces else None
        marked = None
        if piece is not None and piece.kind is not PieceKind.BLANK:
            position = self._document.position
            marked = position(piece.sql_start).line, position(max(piece.sql_end, piece.sql_start)).line
        changed = marked != self.marked
        self.marked = marked
        return changed

    def tell(self) -> None:
        """Tell them from each other now, or begin to."""
        version = self._document.version
        if self._pieces[0] == version:
            return
        text = self._document.text
        if len(text) <= SPLIT_AT_ONCE:
            self._take(version, split(text, self._dialect()))
        else:
            if self._splitting is None or self._splitting.version != version:
                self._splitting = _Split(text, self._dialect(), version)
            self._timers.later("splitting", _LOOK_MILLISECONDS, self._look)

    def _look(self) -> None:
        done = self._splitting
        if done is None or done.pieces is None:
            self._timers.later("splitting", _LOOK_MILLISECONDS, self._look)
        elif done.version == self._document.version:
            self._splitting = None
            self._take(done.version, done.pieces)
        else:
            self.tell()

    def _take(self, version: int, pieces: list[Piece]) -> None:
        self._pieces = version, pieces
        self._known()
        waiting, self._waiting = self._waiting, []
        for callback in waiting:
            callback(pieces)


class _Split:
    """Splits a text into statements in another thread."""

    def __init__(self, text: str, dialect: Dialect, version: int) -> None:
        self.version = version
        self.pieces: list[Piece] | None = None
        threading.Thread(target=self._run, args=(text, dialect), name="alveary-split", daemon=True).start()

    def _run(self, text: str, dialect: Dialect) -> None:
        self.pieces = split(text, dialect)
