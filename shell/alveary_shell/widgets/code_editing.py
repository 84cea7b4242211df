"""What a person can do to a text with an editor: type, undo, indent, comment, move lines, select, copy and paste."""

from __future__ import annotations

import sys
import tkinter as tk
from collections.abc import Callable

from alveary.sqltext import Dialect, Piece, PieceKind, statement_at
from alveary_shell.widgets.document import Document, Position
from alveary_shell.widgets.sheet import Sheet
from alveary_shell.widgets.standins import drawn_lines

TAB = 4
"""Columns a tab is wide, and spaces the tab key stands for."""


class Editing(tk.Frame):
    """The half of an editor that changes the text and selects in it; :class:`Code` brings what is declared here."""

    document: Document
    sheet: Sheet
    read_only: bool
    typed: Callable[[str], object] = staticmethod(lambda _: None)
    """Called with what keys have put into the text; whoever wants to know sets it."""

    @property
    def dialect(self) -> Dialect:
        """Whose SQL it is."""
        raise NotImplementedError

    def go(self, start: Position, end: Position | None = None, *, middle: bool = False) -> None:
        """Put the caret at ``end``, the stretch before it selected, or at ``start``, and show it."""
        raise NotImplementedError

    def caret_moved(self) -> None:
        """Show that the caret is somewhere else, and tell whoever wants to know."""
        raise NotImplementedError

    def when_split(self, callback: Callable[[list[Piece]], object]) -> None:
        """Call ``callback`` with the statements of the text as it is now: at once if they are known, else soon."""
        raise NotImplementedError

    def type(self, text: str) -> None:
        """Put text in the place of the selection, as keys do."""
        if self._refuses():
            return
        start, end = self.sheet.selected() or (self.sheet.caret,) * 2
        if start == end and text in ")]}" and not self.document.lines[start.line][: start.column].strip():
            self._unindent_closing(start)
            start = end = self.sheet.caret
        self.document.replace(start, end, text, "typing")
        self._show_caret()
        self.typed(text)

    def insert(self, text: str) -> None:
        """Put text in the place of the selection, as one step of undo."""
        if self._refuses():
            return
        start, end = self.sheet.selected() or (self.sheet.caret,) * 2
        self.document.separate()
        self.document.replace(start, end, text)
        self.document.separate()
        self._show_caret()

    def replace(self, start: int, end: int, text: str, caret: int | None = None) -> None:
        """Put text in the place of a stretch, as one step of undo; ``caret`` is where in it the caret stands then."""
        if self._refuses():
            return
        position = self.document.position
        self.document.separate()
        self.document.replace(position(start), position(end), text)
        self.document.separate()
        self.go(position(start + (len(text) if caret is None else caret)))

    def replace_all(self, text: str) -> None:
        """Make this the whole text in one step that can be undone; the caret stays near where it was."""
        self.document.separate()
        self.document.replace_all(text)
        self.document.separate()
        self.caret_moved()

    def undo(self) -> None:
        """Undo the last step."""
        self._step(self.document.undo)

    def redo(self) -> None:
        """Do again what was undone."""
        self._step(self.document.redo)

    def _step(self, step: Callable[[], Position | None]) -> None:
        if not self._refuses() and (place := step()) is not None:
            self.go(place)

    def new_line(self) -> None:
        """Begin a line as far to the right as this one, further behind an opening bracket."""
        if self._refuses():
            return
        start, end = self.sheet.selected() or (self.sheet.caret,) * 2
        before = self.document.lines[start.line][: start.column]
        indent = before[: len(before) - len(before.lstrip(" \t"))]
        if before.rstrip().endswith(("(", "[")):
            indent += " " * TAB
        self.document.separate()
        self.document.replace(start, end, "\n" + indent)
        self.document.separate()
        self._show_caret()

    def erase(self, *, forward: bool, word: bool = False) -> None:
        """Remove the selection, or the character or word beside the caret."""
        if self._refuses():
            return
        if (places := self.sheet.selected()) is not None:
            self.document.delete(*places)
        else:
            here = self.sheet.caret
            there = self._beside(here, forward=forward, word=word)
            self.document.delete(min(here, there), max(here, there), "erasing")
        self._show_caret()

    def indent(self, *, back: bool = False) -> None:
        """Move the selected lines right or left; without a selection put spaces up to the next stop, or take them."""
        if self._refuses():
            return
        places = self.sheet.selected()
        if places is None or (not back and places[0].line == places[1].line):
            if back:
                self._change_lines(_unindented)
            else:
                column = (places[0] if places else self.sheet.caret).column
                self.type(" " * (TAB - column % TAB))
            return
        self._change_lines(_unindented if back else _indented)

    def indent_lines(self, *, back: bool = False) -> None:
        """Move the selected lines right or left, or the line the caret is in."""
        if not self._refuses():
            self._change_lines(_unindented if back else _indented)

    def comment(self) -> None:
        """Turn the selected lines into comments, or back if all of them are."""
        if self._refuses():
            return
        first, last = self.sheet.selected_lines()
        mark = self.dialect.line_comments[0] if self.dialect.line_comments else "--"
        filled = [line for line in self.document.lines[first : last + 1] if line.strip()]
        if filled and all(line.lstrip().startswith(mark) for line in filled):
            self._change_lines(lambda line: _uncommented(line, mark))
            return
        column = min((len(line) - len(line.lstrip()) for line in filled), default=0)
        self._change_lines(
            lambda line: f"{line[:column]}{mark} {line[column:]}" if line.strip() or not filled else line
        )

    def duplicate_lines(self) -> None:
        """Repeat the selected lines below themselves."""
        if self._refuses():
            return
        first, last = self.sheet.selected_lines()
        lines = self.document.lines[first : last + 1]
        caret = self.sheet.caret
        self.document.separate()
        self.document.insert(Position(last, len(self.document.lines[last])), "".join(f"\n{line}" for line in lines))
        self.document.separate()
        self.go(Position(caret.line + len(lines), caret.column))

    def delete_lines(self) -> None:
        """Remove the selected lines."""
        if self._refuses():
            return
        first, last = self.sheet.selected_lines()
        column = self.sheet.caret.column
        self.document.separate()
        if last + 1 < len(self.document.lines):
            self.document.delete(Position(first, 0), Position(last + 1, 0))
        elif first > 0:
            self.document.delete(Position(first - 1, len(self.document.lines[first - 1])), self.document.end)
        else:
            self.document.delete(Position(0, 0), self.document.end)
        self.document.separate()
        self.go(self.document.within(Position(min(first, len(self.document.lines) - 1), column)))

    def move_lines(self, by: int) -> None:
        """Move the selected lines up (-1) or down (1)."""
        if self._refuses():
            return
        first, last = self.sheet.selected_lines()
        lines = self.document.lines
        if first + by < 0 or last + by >= len(lines):
            return
        selected, caret = self.sheet.selected(), self.sheet.caret
        top, bottom = (first - 1, last) if by < 0 else (first, last + 1)
        moved = lines[first : last + 1]
        whole = [*moved, lines[top]] if by < 0 else [lines[bottom], *moved]
        self.document.separate()
        self.document.replace(Position(top, 0), Position(bottom, len(lines[bottom])), "\n".join(whole))
        self.document.separate()
        if selected is None:
            self.go(Position(caret.line + by, caret.column))
        else:
            start, end = (Position(place.line + by, place.column) for place in selected)
            self.go(self.document.within(start), self.document.within(end))

    def select_line(self) -> None:
        """Select the lines the selection touches; again, one more."""
        first, last = self.sheet.selected_lines()
        if (places := self.sheet.selected()) is not None and places[1].column == 0 and places[0].column == 0:
            last += 1
        self.go(Position(first, 0), self.document.within(Position(last + 1, 0)))

    def select_word(self) -> None:
        """Select the word the caret is in."""
        here = self.sheet.caret
        line = self.document.lines[here.line]
        start = end = here.column
        while start > 0 and _is_word(line[start - 1]):
            start -= 1
        while end < len(line) and _is_word(line[end]):
            end += 1
        if end > start:
            self.go(Position(here.line, start), Position(here.line, end))

    def select_statement(self) -> None:
        """Select the statement the caret is in, as soon as statements are told from each other."""

        def select(pieces: list[Piece]) -> None:
            piece = statement_at(pieces, self.document.offset(self.sheet.caret))
            if piece is not None and piece.kind is not PieceKind.BLANK:
                self.go(self.document.position(piece.sql_start), self.document.position(piece.sql_end))

        self.when_split(select)

    def select_all(self) -> None:
        """Select the whole text."""
        self.sheet.call("tag", "add", "sel", "1.0", "end-1c")
        self.sheet.call("mark", "set", "insert", "end-1c")
        self.caret_moved()

    def copy(self, *, cut: bool = False) -> None:
        """Put the selection on the clipboard, or the whole line if nothing is selected."""
        places = self.sheet.selected()
        if places is None:
            line = self.sheet.caret.line
            places = Position(line, 0), self.document.within(Position(line + 1, 0))
        text = self.document.slice(*places)
        if not text or (cut and self._refuses()):
            return
        # What the clipboard can't carry goes as its stand-in, but between editors the text itself does.
        shown = drawn_lines(text)
        _Clip.last = shown, text
        self.clipboard_clear()
        self.clipboard_append(shown)
        if cut:
            self.document.separate()
            self.document.delete(*places)
            self.document.separate()
            self._show_caret()

    def paste(self) -> None:
        """Put what the clipboard holds in the place of the selection."""
        try:
            text = str(self.clipboard_get(type="UTF8_STRING" if sys.platform == "linux" else "STRING"))
        except tk.TclError:
            return  # it is empty, or holds no text
        if _Clip.last is not None and text == _Clip.last[0]:
            text = _Clip.last[1]
        self.insert(text.replace("\r\n", "\n"))

    # -- what they are made of -----------------------------------------------------------------------------------

    def _refuses(self) -> bool:
        if self.read_only or self.sheet.loading:
            self.bell()
            return True
        return False

    def _change_lines(self, change: Callable[[str], str]) -> None:
        """Change each selected line, and keep the same text selected."""
        first, last = self.sheet.selected_lines()
        old = self.document.lines[first : last + 1]
        new = [change(line) for line in old]
        if new == old:
            return
        selected, caret = self.sheet.selected(), self.sheet.caret

        def moved(place: Position) -> Position:
            if not first <= place.line <= last:
                return place
            before, after = old[place.line - first], new[place.line - first]
            tail = len(before) - place.column
            return Position(place.line, max(len(after) - tail, 0))

        self.document.separate()
        with self.document.group():
            for line, text in enumerate(new, start=first):
                if text != self.document.lines[line]:
                    self._change_line(line, text)
        self.document.separate()
        if selected is None:
            self.go(moved(caret))
        else:
            start, end = selected
            self.go(Position(first, 0) if start.column == 0 else moved(start), moved(end))

    def _change_line(self, line: int, text: str) -> None:
        """Change a line with the smallest edit there is."""
        old = self.document.lines[line]
        before = 0
        while before < min(len(old), len(text)) and old[before] == text[before]:
            before += 1
        behind = 0
        while behind < min(len(old), len(text)) - before and old[-1 - behind] == text[-1 - behind]:
            behind += 1
        self.document.replace(
            Position(line, before), Position(line, len(old) - behind), text[before : len(text) - behind]
        )

    def _unindent_closing(self, at: Position) -> None:
        line = self.document.lines[at.line]
        if line[: at.column].endswith(" " * TAB) and not line[at.column :].strip():
            self.document.delete(Position(at.line, at.column - TAB), at)

    def home(self, *, extend: bool) -> None:
        """Go to the first character of the line that is no space, or from there to its beginning."""
        here = self.sheet.caret
        line = self.document.lines[here.line]
        first = len(line) - len(line.lstrip())
        there = self.sheet.index(Position(here.line, 0 if here.column == first else first))
        self.tk.call("tk::TextKeySelect" if extend else "tk::TextSetCursor", self.sheet.path, there)

    def _show_caret(self) -> None:
        self.sheet.call("tag", "remove", "sel", "1.0", "end")
        self.sheet.call("see", "insert")

    def _beside(self, here: Position, *, forward: bool, word: bool) -> Position:
        lines = self.document.lines
        line, column = here
        text = lines[line]
        if forward and column == len(text):
            return Position(line + 1, 0) if line + 1 < len(lines) else here
        if not forward and column == 0:
            return Position(line - 1, len(lines[line - 1])) if line else here
        step = 1 if forward else -1
        if not word:
            if not forward and not text[:column].strip(" ") and column % TAB == 0:
                return Position(line, column - TAB)  # a step of indentation goes as it came
            return Position(line, column + step)

        def kind(at: int) -> str:
            char = text[at if forward else at - 1]
            return "space" if char.isspace() else "word" if _is_word(char) else "sign"

        stop = len(text) if forward else 0
        while column != stop and kind(column) == "space":
            column += step
        if column != stop:
            wanted = kind(column)
            while column != stop and kind(column) == wanted:
                column += step
        return Position(line, column)

    def _edit_asked(self, operation: str, start: Position, end: Position | None, text: str) -> None:
        """Make an edit that Tk's bindings asked for."""
        if self.read_only or self.sheet.loading:
            return
        if end is None:
            end = self._beside(start, forward=True, word=False)
        if start <= end:
            self.document.replace(start, end, text)


class _Clip:
    """What was last copied in an editor: as the clipboard has it, and as it is."""

    last: tuple[str, str] | None = None


def _is_word(char: str) -> bool:
    return char.isalnum() or char in "_$"


def _indented(line: str) -> str:
    return " " * TAB + line if line.strip() else line


def _unindented(line: str) -> str:
    if line.startswith("\t"):
        return line[1:]
    return line[min(len(line) - len(line.lstrip(" ")), TAB) :]


def _uncommented(line: str, mark: str) -> str:
    before, found, after = line.partition(mark)
    return before + after.removeprefix(" ") if found else line
