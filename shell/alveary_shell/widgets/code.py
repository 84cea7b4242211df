"""The editor of SQL text: a Tk text that shows a :class:`Document`, coloured, with what a person expects of an editor.

The document is the text; the widget only shows it. Every insertion and removal that Tk's own bindings ask the widget
for is turned into an edit of the document, and the document's edits are shown. So the text stays exact whatever Tk
makes of it: what it can't draw has a stand-in, and a line too long for it is shown in several rows.
"""

from __future__ import annotations

import contextlib
import sys
import threading
import time
import tkinter as tk
from collections.abc import Callable
from tkinter import ttk
from typing import Any

from alveary.sqltext import ANSI, Dialect, Piece, PieceKind, split, statement_at
from alveary_shell.theme import Theme
from alveary_shell.widgets import brackets
from alveary_shell.widgets.code_text import CodeText
from alveary_shell.widgets.document import Document, Edit, Position
from alveary_shell.widgets.find import FindBar
from alveary_shell.widgets.gutter import Gutter, Line
from alveary_shell.widgets.highlight import COLOURED, ROLES, LineStates, stretches
from alveary_shell.widgets.rows import Rows, with_breaks
from alveary_shell.widgets.search import Match
from alveary_shell.widgets.standins import UNDRAWABLE, WIDE, drawn, drawn_lines

TAB = 4
"""Columns a tab is wide, and spaces the tab key stands for."""
SLICE = 0.003
"""Seconds that work left for later may take in one go."""
AT_ONCE = 120_000
"""Characters that are shown at once; more come in slices, and so long nothing can be edited."""
PIECE = 80_000
"""Characters shown in one slice."""
SPLIT_AT_ONCE = 60_000
"""Characters that are split into statements at once; more are split in another thread."""
PAUSE_MILLISECONDS = 120
"""How long nothing must be typed before statements are told from each other anew."""
REST_MILLISECONDS = 25
"""How long after a key the work that was left begins; the next key comes first."""
AROUND = 150
"""Lines above and below what is seen that are coloured before they are."""
MOST_MARKED = 2000
"""Matches marked at once."""

_FIELDS = ("Entry", "TEntry", "TCombobox", "TSpinbox", "Spinbox", "Text")
_TAGS = ("line", *ROLES, "undrawable", "bracket", "found", "error")


class Code(tk.Frame):
    """A text with line numbers. Places are offsets in characters from 0.

    ``moved`` is called when the caret or the selection is somewhere else, ``changed`` when the text is another.
    """

    def __init__(
        self,
        master: tk.Misc,
        theme: Theme,
        *,
        dialect: Dialect = ANSI,
        read_only: bool = False,
        changed: Callable[[], object] = lambda: None,
        moved: Callable[[], object] = lambda: None,
    ) -> None:
        super().__init__(master, borderwidth=0)
        self.theme = theme
        self.read_only = read_only
        self.document = Document()
        self._changed, self._moved = changed, moved
        self._rows = Rows()
        self._states = LineStates(dialect)
        self._painted = bytearray(1)
        """Which lines have their colours."""
        self._loading: list[str] = []
        """What of a long text is still to be shown."""
        self._when_loaded: list[Callable[[], object]] = []
        self._wide = int(self.tk.call("string", "length", "\U0001f600")) == 2
        self._after: dict[str, str] = {}
        self._pieces: tuple[int, list[Piece]] = (-1, [])
        self._splitting: _Split | None = None
        self._when_split: list[Callable[[list[Piece]], object]] = []
        self._statement: tuple[int, int] | None = None
        self._errors: list[tuple[str, str]] = []
        self._found: list[Match] = []
        self._caret_row = -1
        self._seen = (0, 0)
        self._anchor_line = 0
        """Where a selection of lines by the numbers beside them began."""
        self._build()
        self.document.listen(self._edited)

    # -- what it shows -------------------------------------------------------------------------------------------

    def load(self, text: str) -> None:
        """Show a text from its beginning; nothing before can be undone."""
        self.document.reset(text)
        lines = self.document.lines
        self._rows.reset(lines)
        self._states.reset(len(lines))
        self._painted = bytearray(len(lines))
        self._found, self._statement, self._errors = [], None, []
        self._loading, self._when_loaded = [], []
        self._call("delete", "1.0", "end")
        self._call("mark", "set", "insert", "1.0")
        self._caret_row = -1
        shown = with_breaks(drawn_lines(text))
        if len(text) <= AT_ONCE:
            self._call("insert", "end", shown)
        else:
            self._loading = [shown[at : at + PIECE] for at in range(0, len(shown), PIECE)]
            self._load_some()
        self._call("mark", "set", "insert", "1.0")
        self._bottom_bar.grid_remove()
        self._call("xview", "moveto", 0)
        self._caret_moved()
        self._later("work", 1, self._work)
        self._later("split", 1, self._split)

    @property
    def loading(self) -> bool:
        """Whether a long text is still being shown; nothing can be edited so long."""
        return bool(self._loading)

    @property
    def settled(self) -> bool:
        """Whether nothing is left to be shown or coloured."""
        return not self._loading and "work" not in self._after

    @property
    def content(self) -> str:
        """The text, exactly."""
        return self.document.text

    @property
    def dialect(self) -> Dialect:
        """Whose SQL it is."""
        return self._states.dialect

    @dialect.setter
    def dialect(self, dialect: Dialect) -> None:
        if dialect is not self._states.dialect:
            self._states.reset(len(self.document.lines), dialect)
            self._painted = bytearray(len(self.document.lines))
            self._pieces = (-1, [])
            self._view()
            self._later("work", 1, self._work)
            self._later("split", 1, self._split)

    @property
    def caret(self) -> int:
        """Where the caret is."""
        return self.document.offset(self.caret_position)

    @property
    def caret_position(self) -> Position:
        """The caret's line and column."""
        return self._position("insert")

    @property
    def selection(self) -> tuple[int, int] | None:
        """The selected stretch, None if nothing is selected."""
        if (places := self._selected()) is None:
            return None
        return self.document.offset(places[0]), self.document.offset(places[1])

    def go_to(self, offset: int, end: int | None = None, *, middle: bool = False) -> None:
        """Put the caret somewhere and show it; with ``end``, select up to there."""
        if self._loading:  # not everything is there yet to go to
            self._when_loaded.append(lambda: self.go_to(offset, end, middle=middle))
            return
        start = self.document.position(offset)
        self._go(start, self.document.position(end) if end is not None else None, middle=middle)

    def go_to_line(self, line: int) -> None:
        """Put the caret at the beginning of a line, counted from 1; past the last one, there."""
        self._go(self.document.within(Position(line - 1, 0)), middle=True)

    @property
    def scroll(self) -> tuple[int, float]:
        """The first line that is seen, and how far it is scrolled sideways; to be set again later."""
        return self._position("@0,0").line, float(self._call_list("xview")[0])

    @scroll.setter
    def scroll(self, place: tuple[int, float]) -> None:
        if self._loading:
            self._when_loaded.append(lambda: setattr(self, "scroll", place))
            return
        self._call("yview", self._index(self.document.within(Position(place[0], 0))))
        self._call("xview", "moveto", place[1])
        self._view()

    # -- statements ----------------------------------------------------------------------------------------------

    def when_split(self, callback: Callable[[list[Piece]], object]) -> None:
        """Call ``callback`` with the statements of the text as it is now: at once if they are known, else soon."""
        if self._pieces[0] == self.document.version:
            callback(self._pieces[1])
            return
        self._when_split.append(callback)
        self._split()

    def _split(self) -> None:
        version = self.document.version
        if self._pieces[0] == version:
            return
        text = self.document.text
        if len(text) <= SPLIT_AT_ONCE:
            self._take_pieces(version, split(text, self.dialect))
        else:
            if self._splitting is None or self._splitting.version != version:
                self._splitting = _Split(text, self.dialect, version)
            self._later("splitting", 15, self._splitting_done)

    def _splitting_done(self) -> None:
        done = self._splitting
        if done is None or done.pieces is None:
            self._later("splitting", 15, self._splitting_done)
        elif done.version == self.document.version:
            self._splitting = None
            self._take_pieces(done.version, done.pieces)
        else:
            self._split()

    def _take_pieces(self, version: int, pieces: list[Piece]) -> None:
        self._pieces = version, pieces
        self._mark_statement()
        waiting, self._when_split = self._when_split, []
        for callback in waiting:
            callback(pieces)

    def _mark_statement(self) -> None:
        version, pieces = self._pieces
        if version != self.document.version:
            return
        piece = statement_at(pieces, self.caret) if pieces else None
        marked = None
        if piece is not None and piece.kind is not PieceKind.BLANK:
            position = self.document.position
            marked = position(piece.sql_start).line, position(max(piece.sql_end, piece.sql_start)).line
        if marked != self._statement:
            self._statement = marked
            self._view()

    # -- errors --------------------------------------------------------------------------------------------------

    def keep_place(self, offset: int) -> str:
        """Return a name for a place, an anchor, which moves with the text around it."""
        name = f"anchor{time.monotonic_ns()}"
        self._call("mark", "set", name, self._index(self.document.position(offset)))
        self._call("mark", "gravity", name, "left")
        return name

    def offset_of(self, anchor: str) -> int:
        """Return where an anchor is now."""
        return self.document.offset(self._position(anchor))

    def let_go(self, anchor: str) -> None:
        """Forget an anchor."""
        self._call("mark", "unset", anchor)

    def mark_error(self, offset: int, message: str) -> None:
        """Underline the word at a place and say below the text what is wrong there."""
        start = self.document.position(offset)
        line = self.document.lines[start.line]
        end = start.column
        while end < len(line) and (line[end].isalnum() or line[end] in "_$"):
            end += 1
        if end == start.column:
            end = min(end + 1, len(line))
        if end == start.column and end > 0:  # at the end of a line: the character before
            start = Position(start.line, end - 1)
        stop = Position(start.line, end)
        self._call("tag", "add", "error", self._index(start), self._index(stop))
        self._errors.append((self.keep_place(self.document.offset(start)), message))
        self.say(message)
        self._view()

    def say(self, message: str) -> None:
        """Show what went wrong in a bar below the text."""
        self._message.configure(text=drawn(message.replace("\n", " · ")[:1000]))
        self._message_bar.grid()

    def clear_errors(self) -> None:
        """Take all marks of errors away."""
        self._call("tag", "remove", "error", "1.0", "end")
        for anchor, _ in self._errors:
            self.let_go(anchor)
        self._errors = []
        self._message_bar.grid_remove()
        self._view()

    @property
    def has_errors(self) -> bool:
        """Whether an error is marked."""
        return bool(self._errors)

    def go_to_error(self) -> bool:
        """Put the caret at the next error behind it; return whether there is one."""
        places = sorted((self.offset_of(anchor), message) for anchor, message in self._errors)
        if not places:
            return False
        place, message = next((each for each in places if each[0] > self.caret), places[0])
        self.say(message)
        self.go_to(place, middle=True)
        return True

    # -- editing -------------------------------------------------------------------------------------------------

    def type(self, text: str) -> None:
        """Put text in the place of the selection, as keys do."""
        if self._refuses():
            return
        start, end = self._selected() or (self.caret_position,) * 2
        if start == end and text in ")]}" and not self.document.lines[start.line][: start.column].strip():
            self._unindent_closing(start)
            start = end = self.caret_position
        self.document.replace(start, end, text, "typing")
        self._show_caret()

    def insert(self, text: str) -> None:
        """Put text in the place of the selection, as one step of undo."""
        if self._refuses():
            return
        start, end = self._selected() or (self.caret_position,) * 2
        self.document.separate()
        self.document.replace(start, end, text)
        self.document.separate()
        self._show_caret()

    def replace_all(self, text: str) -> None:
        """Make this the whole text in one step that can be undone; the caret stays near where it was."""
        self.document.separate()
        self.document.replace_all(text)
        self.document.separate()
        self._caret_moved()

    def undo(self) -> None:
        """Undo the last step."""
        self._step(self.document.undo)

    def redo(self) -> None:
        """Do again what was undone."""
        self._step(self.document.redo)

    def _step(self, step: Callable[[], Position | None]) -> None:
        if not self._refuses() and (place := step()) is not None:
            self._go(place)

    def new_line(self) -> None:
        """Begin a line as far to the right as this one, further behind an opening bracket."""
        if self._refuses():
            return
        start, end = self._selected() or (self.caret_position,) * 2
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
        if (places := self._selected()) is not None:
            self.document.delete(*places)
        else:
            here = self.caret_position
            there = self._beside(here, forward=forward, word=word)
            self.document.delete(min(here, there), max(here, there), "erasing")
        self._show_caret()

    def indent(self, *, back: bool = False) -> None:
        """Move the selected lines right or left; without a selection put spaces up to the next stop, or take them."""
        if self._refuses():
            return
        places = self._selected()
        if places is None or (not back and places[0].line == places[1].line):
            if back:
                self._change_lines(_unindented)
            else:
                column = (places[0] if places else self.caret_position).column
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
        first, last = self._selected_lines()
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
        first, last = self._selected_lines()
        lines = self.document.lines[first : last + 1]
        caret = self.caret_position
        self.document.separate()
        self.document.insert(Position(last, len(self.document.lines[last])), "".join(f"\n{line}" for line in lines))
        self.document.separate()
        self._go(Position(caret.line + len(lines), caret.column))

    def delete_lines(self) -> None:
        """Remove the selected lines."""
        if self._refuses():
            return
        first, last = self._selected_lines()
        column = self.caret_position.column
        self.document.separate()
        if last + 1 < len(self.document.lines):
            self.document.delete(Position(first, 0), Position(last + 1, 0))
        elif first > 0:
            self.document.delete(Position(first - 1, len(self.document.lines[first - 1])), self.document.end)
        else:
            self.document.delete(Position(0, 0), self.document.end)
        self.document.separate()
        self._go(self.document.within(Position(min(first, len(self.document.lines) - 1), column)))

    def move_lines(self, by: int) -> None:
        """Move the selected lines up (-1) or down (1)."""
        if self._refuses():
            return
        first, last = self._selected_lines()
        lines = self.document.lines
        if first + by < 0 or last + by >= len(lines):
            return
        selected, caret = self._selected(), self.caret_position
        top, bottom = (first - 1, last) if by < 0 else (first, last + 1)
        moved = lines[first : last + 1]
        whole = [*moved, lines[top]] if by < 0 else [lines[bottom], *moved]
        self.document.separate()
        self.document.replace(Position(top, 0), Position(bottom, len(lines[bottom])), "\n".join(whole))
        self.document.separate()
        if selected is None:
            self._go(Position(caret.line + by, caret.column))
        else:
            start, end = (Position(place.line + by, place.column) for place in selected)
            self._go(self.document.within(start), self.document.within(end))

    def select_line(self) -> None:
        """Select the lines the selection touches; again, one more."""
        first, last = self._selected_lines()
        if (places := self._selected()) is not None and places[1].column == 0 and places[0].column == 0:
            last += 1
        self._go(Position(first, 0), self.document.within(Position(last + 1, 0)))

    def select_word(self) -> None:
        """Select the word the caret is in."""
        here = self.caret_position
        line = self.document.lines[here.line]
        start = end = here.column
        while start > 0 and _is_word(line[start - 1]):
            start -= 1
        while end < len(line) and _is_word(line[end]):
            end += 1
        if end > start:
            self._go(Position(here.line, start), Position(here.line, end))

    def select_statement(self) -> None:
        """Select the statement the caret is in, as soon as statements are told from each other."""

        def select(pieces: list[Piece]) -> None:
            piece = statement_at(pieces, self.caret)
            if piece is not None and piece.kind is not PieceKind.BLANK:
                self.go_to(piece.sql_start, piece.sql_end)

        self.when_split(select)

    def select_all(self) -> None:
        """Select the whole text."""
        self._call("tag", "add", "sel", "1.0", "end-1c")
        self._call("mark", "set", "insert", "end-1c")
        self._caret_moved()

    def copy(self, *, cut: bool = False) -> None:
        """Put the selection on the clipboard, or the whole line if nothing is selected."""
        places = self._selected()
        if places is None:
            line = self.caret_position.line
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

    # -- finding -------------------------------------------------------------------------------------------------

    def open_find(self, *, replace: bool = False) -> None:
        """Show the bar to find, or to replace, with what is selected on one line in it."""
        places = self._selected()
        word = self.document.slice(*places) if places is not None and places[0].line == places[1].line else None
        self.find_bar.open(word, replace=replace and not self.read_only)

    def find_next(self, *, back: bool = False) -> None:
        """Go to the next match, or the one before."""
        self.find_bar.step(back=back)

    def show_found(self, matches: list[Match]) -> None:
        """Mark these matches where they are seen; the one that is selected stands out though the bar has the focus."""
        self._found = matches
        role = "selection" if self.find_bar.shown else "selection_idle"
        self.text.configure(inactiveselectbackground=self.theme.color(role))
        self._mark_found()

    @property
    def typing_elsewhere(self) -> bool:
        """Whether the keyboard writes into some other field, that of the bar to find for one."""
        with contextlib.suppress(KeyError):  # a menu of Tk's own has the focus, which tkinter does not know
            focused = self.focus_get()
            return focused not in (None, self.text) and focused.winfo_class() in _FIELDS
        return False

    def _mark_found(self) -> None:
        self._call("tag", "remove", "found", "1.0", "end")
        if not self._found:
            return
        first, last = self._seen
        top, bottom = self._rows.row(first), self._rows.row(last)
        low = self.document.offset(self.document.within(Position(top.line, top.start)))
        high = self.document.offset(self.document.within(Position(bottom.line, bottom.end or sys.maxsize)))
        seen = [match for match in self._found if match.end >= low and match.start <= high][:MOST_MARKED]
        places: list[str] = []
        for match in seen:
            start, end = (self.document.position(max(low, min(at, high + 1))) for at in (match.start, match.end))
            places += [self._index(start), self._index(end)]
        if places:
            self._call("tag", "add", "found", *places)

    # -- the widget ----------------------------------------------------------------------------------------------

    def focus(self) -> None:
        """Put the keyboard's focus into the text."""
        self.text.focus_set()

    def _build(self) -> None:
        theme = self.theme
        self.columnconfigure(1, weight=1)
        self.rowconfigure(1, weight=1)
        self.text = CodeText(self, self)
        self.gutter = Gutter(self, theme, self._gutter_pressed)
        self.find_bar = FindBar(self, theme, self)
        self._side_bar = ttk.Scrollbar(self, orient="vertical", command=self.text.yview)
        self._bottom_bar = ttk.Scrollbar(self, orient="horizontal", command=self.text.xview)
        self._message_bar = tk.Frame(self, borderwidth=0)
        self._message = tk.Label(self._message_bar, anchor="w", justify="left", borderwidth=0)
        self._message_close = tk.Label(self._message_bar, borderwidth=0, cursor="hand2")
        self._message_close.bind("<Button-1>", lambda _: self.clear_errors())
        self._message.bind("<Button-1>", lambda _: self.go_to_error())
        self._message_close.pack(side="right", padx=theme.px(8))
        self._message.pack(side="left", fill="x", expand=True, padx=(theme.px(10), 0), pady=theme.px(4))
        self.gutter.grid(row=1, column=0, sticky="ns")
        self.text.grid(row=1, column=1, sticky="nsew")
        self._side_bar.grid(row=1, column=2, sticky="ns")
        self._bottom_bar.grid(row=2, column=1, sticky="ew")
        self._message_bar.grid(row=3, column=0, columnspan=3, sticky="ew")
        for hidden in (self._bottom_bar, self._message_bar):
            hidden.grid_remove()
        self._proxy()
        self.text.configure(
            yscrollcommand=lambda low, high: self._scrolled_down(float(low), float(high)),
            xscrollcommand=lambda low, high: self._scrolled_aside(float(low), float(high)),
        )
        for tag in (*_TAGS, "sel"):  # of two that say something else, the later one is seen
            self._call("tag", "configure", tag)
            self._call("tag", "raise", tag)
        self.text.bind("<<Selection>>", lambda _: self._selection_changed(), add="+")
        self.text.bind("<Configure>", lambda _: self._later("view", 1, self._view), add="+")
        for sequence, rows in (("<Button-4>", -3), ("<Button-5>", 3)):
            self.gutter.bind(sequence, lambda _, rows=rows: self.text.yview_scroll(rows, "units"))  # type: ignore[misc]  # mypy can't infer a default
        self.gutter.bind("<MouseWheel>", lambda event: self.text.yview_scroll(-3 if event.delta > 0 else 3, "units"))
        self.bind("<Destroy>", self._destroyed, add="+")
        theme.follow(self, self._paint)

    def _proxy(self) -> None:
        """Put ourselves between Tk's bindings and the widget."""
        path = str(self.text)
        self._raw = f"{path}.raw"
        edited = self.register(self._asked)
        notify = self.register(self._notified)
        self.tk.call("rename", path, self._raw)
        self.tk.call(
            "proc",
            path,
            "operation args",
            f"""
            switch -- $operation {{
                insert - delete - replace {{ return [{edited} $operation {{*}}$args] }}
                edit {{ return 0 }}
            }}
            set answer [uplevel 1 [list {self._raw} $operation {{*}}$args]]
            switch -- $operation {{
                mark {{ if {{[lrange $args 0 1] eq "set insert"}} {{ {notify} caret }} }}
                yview - see {{ if {{[llength $args]}} {{ {notify} view }} }}
            }}
            return $answer
            """,
        )

    def _call(self, *arguments: Any) -> Any:
        return self.tk.call(self._raw, *arguments)

    def _call_list(self, *arguments: Any) -> tuple[Any, ...]:
        return tuple(self.tk.splitlist(self._call(*arguments)))

    def _destroyed(self, event: tk.Event[tk.Misc]) -> None:
        if event.widget is self:
            for id in self._after.values():
                self.after_cancel(id)
            self._after.clear()
            self.tk.call("rename", str(self.text), "")

    def _later(self, what: str, milliseconds: int, callback: Callable[[], object]) -> None:
        """Call ``callback`` after a while; asked for again before, it is called once."""
        if (id := self._after.pop(what, None)) is not None:
            self.after_cancel(id)

        def call() -> None:
            self._after.pop(what, None)
            callback()

        self._after[what] = self.after(milliseconds, call)

    # -- places --------------------------------------------------------------------------------------------------

    def _index(self, position: Position) -> str:
        row, column = self._rows.place(position)
        line = self.document.lines[position.line]
        if self._wide and not line.isascii():
            column += len(WIDE.findall(line, position.column - column, position.column))
        return f"{row + 1}.{column}"

    def _position(self, index: str) -> Position:
        row, _, column = str(self._call("index", index)).partition(".")
        line, start, end = self._rows.row(int(row) - 1)
        if line >= len(self.document.lines):
            return self.document.end
        text, units = self.document.lines[line], int(column)
        if self._wide and not text.isascii() and WIDE.search(text, start, end if end is not None else len(text)):
            at = start
            while units > 0 and at < len(text):
                units -= 2 if text[at] > "\uffff" else 1
                at += units >= 0  # between the halves of a character is before it
            return Position(line, at)
        return self.document.within(Position(line, start + units))

    def _selected(self) -> tuple[Position, Position] | None:
        places = self._call_list("tag", "ranges", "sel")
        if not places:
            return None
        start, end = self._position(str(places[0])), self._position(str(places[1]))
        return (start, end) if start < end else None

    def _selected_lines(self) -> tuple[int, int]:
        """Return the first and last line the selection touches; one that it only ends before is not touched."""
        if (places := self._selected()) is None:
            line = self.caret_position.line
            return line, line
        start, end = places
        return start.line, end.line - (end.column == 0 and end.line > start.line)

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

    def _go(self, start: Position, end: Position | None = None, *, middle: bool = False) -> None:
        """Put the caret at ``end``, the stretch before it selected, or at ``start``."""
        at = self._index(start)
        to = self._index(end) if end is not None else at
        self._call("tag", "remove", "sel", "1.0", "end")
        self._call("mark", "set", "insert", to)
        self._call("mark", "set", f"tk::anchor{self.text}", at)
        if end is not None:
            self._call("tag", "add", "sel", at, to)
        if middle and not self._is_seen(to):
            row = int(to.partition(".")[0])
            self._call("yview", f"{max(row - self._page() // 2, 1)}.0")
        self._call("see", to)
        self._call("see", at)
        self._caret_moved()
        self._view()

    def _page(self) -> int:
        return max(self.text.winfo_height() // max(self._height(), 1), 1)

    def _is_seen(self, index: str) -> bool:
        return bool(self._call("dlineinfo", index))

    # -- edits ---------------------------------------------------------------------------------------------------

    def _refuses(self) -> bool:
        if self.read_only or self._loading:
            self.bell()
            return True
        return False

    def _asked(self, operation: str, *arguments: str) -> str:
        """Take an edit that Tk's bindings asked the widget for."""
        if self.read_only or self._loading:
            return ""
        if operation == "insert":
            start = end = self._position(arguments[0])
            text = "".join(arguments[1::2])
        else:
            start = self._position(arguments[0])
            two = len(arguments) > 1
            end = self._position(arguments[1]) if two else self._beside(start, forward=True, word=False)
            text = "".join(arguments[2::2])
        if start <= end:
            self.document.replace(start, end, text)
        return ""

    def _edited(self, edit: Edit) -> None:
        """Show an edit of the document."""
        lines = self.document.lines
        for patch in self._rows.edited(edit, lines):
            self._patch(patch.row, patch.column, patch.end_row, patch.end_column, patch.text, edit)
        first, by = edit.start.line, edit.lines
        if edit.inserted:
            self._painted[first : first + 1] = bytes(by + 1)
        else:
            self._painted[first : first + by + 1] = b"\0"
        self._states.edited(edit)
        if self._statement is not None and by:
            begin, end = self._statement
            moved = by if edit.inserted else -by
            self._statement = begin + (moved if first < begin else 0), max(end + (moved if first <= end else 0), begin)
        self._found = []
        self._forget_errors(edit)
        # At once, so that what is typed is never seen without its colour.
        first_seen, last_seen = self._seen_lines()
        if first_seen <= first + (by if edit.inserted else 0) and first <= last_seen:
            self._colour(time.perf_counter() + SLICE)
        self._later("work", REST_MILLISECONDS, self._work)
        if "shown" not in self._after:
            self._after["shown"] = self.after_idle(self._show_edits)

    def _patch(self, row: int, column: int, end_row: int, end_column: int, text: str, edit: Edit) -> None:
        """Put what is shown of an edit in its place; the widget's columns count halves of wide characters."""
        start, end = f"{row + 1}.{column}", f"{end_row + 1}.{end_column}"
        if self._wide:
            line = self.document.lines[edit.start.line]
            if not (line.isascii() and edit.text.isascii()):
                # The widget still shows what was there before, so it is asked itself.
                start, end = self._unit_index(row, column), self._unit_index(end_row, end_column)
        if (row, column) != (end_row, end_column):
            self._call("delete", start, end)
        if text:
            self._call("insert", start, drawn_lines(text))

    def _unit_index(self, row: int, column: int) -> str:
        shown = str(self._call("get", f"{row + 1}.0", f"{row + 1}.end"))
        return f"{row + 1}.{column + len(WIDE.findall(shown[:column]))}"

    def _show_edits(self) -> None:
        """Bring what is seen up to date, once for all edits since Tk last drew."""
        self._after.pop("shown", None)
        self._caret_moved(tell=False)
        self._view()
        if self.find_bar.shown:
            self.find_bar.text_changed()
        self._later("split", PAUSE_MILLISECONDS, self._split)
        self._changed()
        self._moved()

    def _forget_errors(self, edit: Edit) -> None:
        """An error is no longer one where something else is written."""
        if not self._errors:
            return
        kept = []
        for anchor, message in self._errors:
            if edit.start.line <= self._position(anchor).line <= max(edit.end.line, edit.start.line):
                index = self._call("index", anchor)
                self._call("tag", "remove", "error", f"{index} linestart", f"{index} lineend")
                self.let_go(anchor)
            else:
                kept.append((anchor, message))
        self._errors = kept
        if not kept:
            self._message_bar.grid_remove()

    def _change_lines(self, change: Callable[[str], str]) -> None:
        """Change each selected line, and keep the same text selected."""
        first, last = self._selected_lines()
        old = self.document.lines[first : last + 1]
        new = [change(line) for line in old]
        if new == old:
            return
        selected, caret = self._selected(), self.caret_position

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
            self._go(moved(caret))
        else:
            start, end = selected
            self._go(Position(first, 0) if start.column == 0 else moved(start), moved(end))

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

    def escape(self) -> bool:
        """Put away what lies around the text, one thing after the other; return whether there was something."""
        if self.find_bar.shown:
            self.find_bar.close()
        elif self._message_bar.winfo_ismapped():
            self.clear_errors()
        elif self._selected() is not None:
            self._go(self.caret_position)
        else:
            return False
        return True

    def home(self, *, extend: bool) -> None:
        """Go to the first character of the line that is no space, or from there to its beginning."""
        here = self.caret_position
        line = self.document.lines[here.line]
        first = len(line) - len(line.lstrip())
        there = self._index(Position(here.line, 0 if here.column == first else first))
        self.tk.call("tk::TextKeySelect" if extend else "tk::TextSetCursor", str(self.text), there)

    def _show_caret(self) -> None:
        self._call("tag", "remove", "sel", "1.0", "end")
        self._call("see", "insert")

    # -- painting ------------------------------------------------------------------------------------------------

    def _load_some(self) -> None:
        if not self._loading:  # another text came meanwhile
            return
        self._call("insert", "end", self._loading.pop(0))
        self._call("mark", "set", "insert", "1.0")
        if self._loading:
            self._later("load", 1, self._load_some)
            return
        waiting, self._when_loaded = self._when_loaded, []
        for callback in waiting:
            callback()

    def _work(self) -> None:
        """Do some of what is not urgent: read the rest of the text, colour what is near."""
        deadline = time.perf_counter() + SLICE
        done = self._colour(deadline)
        if done and not self._states.complete:
            lines = self.document.lines
            for line in self._states.advance(lines, len(lines) - 1, deadline):
                self._painted[line] = 0
            done = False
        if not done or not self._colour_around(deadline):
            self._later("work", 2, self._work)

    def _colour(self, deadline: float) -> bool:
        """Colour the lines that are seen, up to a deadline; return whether all of them have their colours."""
        first, last = self._seen_lines()
        for line in self._states.advance(self.document.lines, last, deadline):
            self._painted[line] = 0
        right = self._states.right
        return self._colour_between(first, min(last, right), deadline) and last <= right

    def _colour_around(self, deadline: float) -> bool:
        """Colour lines near those that are seen; return whether all of them have their colours."""
        first, last = self._seen_lines()
        return self._colour_between(max(first - AROUND, 0), min(last + AROUND, self._states.right), deadline)

    def _colour_between(self, first: int, last: int, deadline: float) -> bool:
        while (line := self._painted.find(0, first, last + 1)) >= 0:
            self._colour_line(line)
            if time.perf_counter() > deadline:
                return False
        return True

    def _seen_lines(self) -> tuple[int, int]:
        first, last = self._seen
        most = len(self.document.lines) - 1
        return min(self._rows.row(first).line, most), min(self._rows.row(last).line, most)

    def _colour_line(self, line: int) -> None:
        self._painted[line] = 1
        text = self.document.lines[line]
        row = self._rows.first_row(line)
        parts = self._rows.first_row(line + 1) - row
        begin, end = f"{row + 1}.0", f"{row + parts}.end"
        call, raw = self.tk.call, self._raw
        for tag in ROLES:
            call(raw, "tag", "remove", tag, begin, end)
        head = text[:COLOURED]
        # Up to here the widget's columns in the first row are those of the line.
        simple = 0 if WIDE.search(head) else min(self._rows.row(row).end or len(text), COLOURED)
        if (state := self._states.state(line)) is not None:
            by_kind: dict[str, list[str]] = {}
            for start, stop, kind in stretches(text, state, self._states.lexer):
                if stop <= simple:
                    places = f"{row + 1}.{start}", f"{row + 1}.{stop}"
                else:
                    places = self._index(Position(line, start)), self._index(Position(line, stop))
                by_kind.setdefault(kind, []).extend(places)
            for kind, ranges in by_kind.items():
                call(raw, "tag", "add", kind, *ranges)
        if not head.isprintable():
            call(raw, "tag", "remove", "undrawable", begin, end)
            for found in UNDRAWABLE.finditer(head):
                ends = (self._index(Position(line, at)) for at in found.span())
                call(raw, "tag", "add", "undrawable", *ends)

    def _paint(self) -> None:
        """Take the theme's colours and fonts."""
        theme = self.theme
        color = theme.color
        self.configure(background=color("background"))
        self.text.configure(
            background=color("background"),
            foreground=color("text"),
            insertbackground=color("text"),
            insertwidth=max(theme.px(1.5), 1),
            selectforeground="",
            inactiveselectbackground=color("selection" if self.find_bar.shown else "selection_idle"),
            selectbackground=color("selection"),
            font=theme.code,
            padx=theme.px(6),
            pady=theme.px(6),
            spacing1=theme.px(1),
            spacing3=theme.px(2),
            tabs=(theme.code.measure(" " * TAB),),
        )
        for kind, role in ROLES.items():
            self._call("tag", "configure", kind, "-foreground", color(role))
        self._call("tag", "configure", "line", "-background", color("raised"))
        self._call("tag", "configure", "bracket", "-background", color("selection_idle"))
        self._call("tag", "configure", "found", "-background", color("selection_idle"))
        self._call("tag", "configure", "undrawable", "-foreground", color("danger"), "-background", color("raised"))
        self._call("tag", "configure", "error", "-underline", True, "-underlinefg", color("danger"))
        for widget in (self._message_bar, self._message, self._message_close):
            widget.configure(background=color("raised"))
        self._message.configure(foreground=color("danger"), font=theme.ui)
        self._message_close.configure(image=theme.icon("x-lg", "muted", 11))
        self.gutter.repaint()
        self._later("view", 1, self._view)

    def _height(self) -> int:
        """Return how high a row is."""
        return int(self.theme.code.metrics("linespace")) + self.theme.px(1) + self.theme.px(2)

    def _view(self) -> None:
        """Draw what stands beside the rows that are seen, and colour them."""
        height, room = self._height(), self.text.winfo_height()
        top = self._call_list("dlineinfo", "@0,0")
        if not top or room <= 1:
            return
        first = int(str(self._call("index", "@0,0")).partition(".")[0]) - 1
        y = int(top[1])
        count = max((room - y + height - 1) // height, 1)
        last = first + count - 1
        if (first, last) != self._seen:
            self._seen = first, last
            self._mark_found()
            if not self._colour(time.perf_counter() + SLICE):
                self._later("work", 2, self._work)
        caret = self.caret_position.line
        errors = {self._position(anchor).line for anchor, _ in self._errors}
        begin, end = self._statement or (-1, -2)
        shown: list[Line] = []
        number = len(self.document.lines)
        for at in range(count):
            line, start, _ = self._rows.row(first + at)
            if line >= number:
                break
            shown.append(
                Line(
                    y + at * height,
                    line + 1 if start == 0 else None,
                    current=line == caret,
                    statement=begin <= line <= end,
                    error=line in errors,
                )
            )
        self.gutter.show(shown, height, number)

    def _scrolled_down(self, low: float, high: float) -> None:
        self._side_bar.set(low, high)
        if "view" not in self._after:
            self._later("view", 0, self._view)

    def _scrolled_aside(self, low: float, high: float) -> None:
        self._bottom_bar.set(low, high)
        # What is seen decides how far there is to go, so it is only put away when that has been so for a while.
        if low > 0 or high < 1:
            self._bottom_bar.grid()
        if self._bottom_bar.winfo_manager():
            self._later("aside", 1500, self._put_bottom_bar_away)

    def _put_bottom_bar_away(self) -> None:
        low, high = self._call_list("xview")
        if float(low) <= 0 and float(high) >= 1:
            self._bottom_bar.grid_remove()

    def _notified(self, what: str) -> None:
        if what == "caret":
            self.document.separate()
            self._caret_moved()
        self._view()

    def _caret_moved(self, *, tell: bool = True) -> None:
        row = int(str(self._call("index", "insert")).partition(".")[0])
        if row != self._caret_row or not tell:
            self._caret_row = row
            self._call("tag", "remove", "line", "1.0", "end")
            self._call("tag", "add", "line", f"{row}.0", f"{row + 1}.0")
        self._call("tag", "remove", "bracket", "1.0", "end")
        self._later("brackets", 30, self._match_brackets)
        if tell:
            self._mark_statement()
            self._moved()

    def _selection_changed(self) -> None:
        self._later("moved", 1, self._moved)

    def _match_brackets(self) -> None:
        lines, states = self.document.lines, self._states
        pair = brackets.pair_at(lines, self.caret_position, states.state, self.dialect)
        for place in pair or ():
            after = Position(place.line, place.column + 1)
            self._call("tag", "add", "bracket", self._index(place), self._index(after))

    def _gutter_pressed(self, y: int, extend: bool) -> None:
        self.focus()
        line = self._position(f"@0,{y}").line
        first = last = line
        if extend:
            anchor = self._anchor_line
            first, last = min(anchor, line), max(anchor, line)
        else:
            self._anchor_line = line
        self._go(Position(first, 0), self.document.within(Position(last + 1, 0)))


class _Clip:
    """What was last copied in an editor: as the clipboard has it, and as it is."""

    last: tuple[str, str] | None = None


class _Split:
    """Splits a text into statements in another thread."""

    def __init__(self, text: str, dialect: Dialect, version: int) -> None:
        self.version = version
        self.pieces: list[Piece] | None = None
        threading.Thread(target=self._run, args=(text, dialect), name="alveary-split", daemon=True).start()

    def _run(self, text: str, dialect: Dialect) -> None:
        self.pieces = split(text, dialect)


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
