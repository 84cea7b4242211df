"""The editor of SQL text: a sheet that shows a :class:`Document`, coloured, with what a person expects of an editor."""

from __future__ import annotations

import sys
import tkinter as tk
from collections.abc import Callable, Sequence
from tkinter import ttk

from alveary.sqltext import ANSI, Dialect, LexState, Piece, TokenKind, scan_line
from alveary_shell.theme import Theme
from alveary_shell.widgets import brackets
from alveary_shell.widgets.code_colours import Colours
from alveary_shell.widgets.code_editing import TAB, Editing
from alveary_shell.widgets.code_errors import ErrorMarks
from alveary_shell.widgets.code_statements import Statements
from alveary_shell.widgets.code_text import CodeText
from alveary_shell.widgets.document import Document, Edit, Position
from alveary_shell.widgets.find import FindBar
from alveary_shell.widgets.focus import focused
from alveary_shell.widgets.gutter import Gutter, Line
from alveary_shell.widgets.highlight import LONGEST, ROLES
from alveary_shell.widgets.search import Match
from alveary_shell.widgets.sheet import Sheet
from alveary_shell.widgets.timers import Timers

MOST_MARKED = 2000
"""Matches marked at once."""

BAR_COMES, BAR_GOES = 150, 1500
"""Milliseconds after which the lower scrollbar comes when it is needed, and goes when it is not."""
_SIGNS = "<>=!|&@#~^%*/+-:"
_FIELDS = ("Entry", "TEntry", "TCombobox", "TSpinbox", "Spinbox", "Text")
_TAGS = ("line", *ROLES, "undrawable", "bracket", "found", "error")


class Code(Editing):
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
        self.timers = timers = Timers(self)
        self._found: list[Match] = []
        self._caret_row = -1
        self._seen = (0, 0)
        self._anchor_line = 0
        """Where a selection of lines by the numbers beside them began."""
        self.text = CodeText(self, self)
        self.sheet = Sheet(self.text, self.document, timers, asked=self._edit_asked, notified=self._notified)
        self.colours = Colours(self.sheet, self.document, timers, dialect, lambda: self._seen)
        self.statements = Statements(self.document, lambda: self.dialect, timers, self._mark_statement)
        self.errors = ErrorMarks(
            self,
            theme,
            self.sheet,
            self.document,
            timers,
            token_end=self._token_end,
            go=self.go_to_error,
            changed=self._view,
        )
        self._build()
        self.document.listen(self._edited)

    # -- what it shows -------------------------------------------------------------------------------------------

    def load(self, text: str) -> None:
        """Show a text from its beginning; nothing before can be undone."""
        self.document.reset(text)
        self._found = []
        self.errors.reset()
        self._caret_row = -1
        self.sheet.load()
        self.colours.reset()
        self.statements.forget()
        self._bottom_bar.grid_remove()
        self.caret_moved()

    @property
    def loading(self) -> bool:
        """Whether a long text is still being shown; nothing can be edited so long."""
        return self.sheet.loading

    @property
    def settled(self) -> bool:
        """Whether nothing is left to be shown or coloured."""
        return not self.sheet.loading and "work" not in self.timers

    @property
    def content(self) -> str:
        """The text, exactly."""
        return self.document.text

    @property
    def dialect(self) -> Dialect:
        """Whose SQL it is."""
        return self.colours.states.dialect

    @dialect.setter
    def dialect(self, dialect: Dialect) -> None:
        if dialect is not self.dialect:
            self.colours.reset(dialect)
            self.statements.forget()
            self._view()

    @property
    def caret(self) -> int:
        """Where the caret is."""
        return self.document.offset(self.caret_position)

    @property
    def caret_position(self) -> Position:
        """The caret's line and column."""
        return self.sheet.caret

    @property
    def selection(self) -> tuple[int, int] | None:
        """The selected stretch, None if nothing is selected."""
        if (places := self.sheet.selected()) is None:
            return None
        return self.document.offset(places[0]), self.document.offset(places[1])

    def on_screen(self, offset: int) -> tuple[int, int, int] | None:
        """Return where on the screen a place is: left, top and height of its line; None if it is not seen."""
        box = self.sheet.call_list("bbox", self.sheet.index(self.document.position(offset)))
        if not box:
            return None
        x, y, _, height = map(int, box)
        return self.text.winfo_rootx() + x, self.text.winfo_rooty() + y, height

    def go_to(self, offset: int, end: int | None = None, *, middle: bool = False) -> None:
        """Put the caret somewhere and show it; with ``end``, select up to there."""

        def go() -> None:
            position = self.document.position
            self.go(position(offset), position(end) if end is not None else None, middle=middle)

        self.sheet.when_loaded(go)

    def go_to_line(self, line: int) -> None:
        """Put the caret at the beginning of a line, counted from 1; past the last one, there."""
        self.go(self.document.within(Position(line - 1, 0)), middle=True)

    @property
    def scroll(self) -> tuple[int, float]:
        """The first line that is seen, and how far it is scrolled sideways; to be set again later."""
        return self.sheet.position("@0,0").line, float(self.sheet.call_list("xview")[0])

    @scroll.setter
    def scroll(self, place: tuple[int, float]) -> None:
        def scroll() -> None:
            self.sheet.call("yview", self.sheet.index(self.document.within(Position(place[0], 0))))
            self.sheet.call("xview", "moveto", place[1])
            self._view()

        self.sheet.when_loaded(scroll)

    # -- statements and errors -----------------------------------------------------------------------------------

    def when_split(self, callback: Callable[[list[Piece]], object]) -> None:
        """Call ``callback`` with the statements of the text as it is now: at once if they are known, else soon."""
        self.statements.when_known(callback)

    def _mark_statement(self) -> None:
        if self.statements.mark(self.caret):
            self._view()

    def mark_error(self, offset: int, message: str) -> None:
        """Underline the word at a place and say below the text what is wrong there."""
        self.errors.mark(offset, message)

    def say(self, message: str) -> None:
        """Show what went wrong in a bar below the text."""
        self.errors.say(message)

    def clear_errors(self, stretches: Sequence[tuple[int, int]] | None = None) -> None:
        """Take the marks of errors in some stretches away, or all of them."""
        self.errors.clear(stretches)

    def _token_end(self, place: Position) -> int:
        """Return the column where the token at a place ends; an operator ends with its last character."""
        line, state = self.document.lines[place.line], self.colours.states.state(place.line)
        if state is None or len(line) > LONGEST:
            state, line = LexState(), line[: place.column + LONGEST]
        end = place.column
        for token in scan_line(line, state, self.dialect)[0]:
            goes_on = token.kind is TokenKind.OPERATOR and line[token.start] in _SIGNS and line[end - 1] in _SIGNS
            if (token.start <= end == place.column < token.end) or (token.start == end > place.column and goes_on):
                end = token.end
        return end

    def _pointed(self, event: tk.Event[tk.Misc]) -> None:
        self.errors.pointed(self.sheet.position(f"@{event.x},{event.y}") if self.errors else None, event)

    def _gutter_pointed(self, event: tk.Event[tk.Misc]) -> None:
        place = self.sheet.position(f"@0,{event.y}") if self.errors else None
        self.errors.pointed(place, event, whole_line=True)

    @property
    def has_errors(self) -> bool:
        """Whether an error is marked."""
        return bool(self.errors)

    def go_to_error(self) -> bool:
        """Put the caret at the next error behind it; return whether there is one."""
        place = self.errors.next(self.caret)
        if place is not None:
            self.go_to(place, middle=True)
        return place is not None

    # -- finding -------------------------------------------------------------------------------------------------

    def open_find(self, *, replace: bool = False) -> None:
        """Show the bar to find, or to replace, with what is selected on one line in it."""
        places = self.sheet.selected()
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
        holder = focused(self)
        return holder not in (None, self.text) and holder.winfo_class() in _FIELDS

    def _mark_found(self) -> None:
        self.sheet.call("tag", "remove", "found", "1.0", "end")
        if not self._found:
            return
        first, last = self._seen
        top, bottom = self.sheet.rows.row(first), self.sheet.rows.row(last)
        low = self.document.offset(self.document.within(Position(top.line, top.start)))
        high = self.document.offset(self.document.within(Position(bottom.line, bottom.end or sys.maxsize)))
        seen = [match for match in self._found if match.end >= low and match.start <= high][:MOST_MARKED]
        places: list[str] = []
        for match in seen:
            start, end = (self.document.position(max(low, min(at, high + 1))) for at in (match.start, match.end))
            places += [self.sheet.index(start), self.sheet.index(end)]
        if places:
            self.sheet.call("tag", "add", "found", *places)

    # -- the widget ----------------------------------------------------------------------------------------------

    def focus(self) -> None:
        """Put the keyboard's focus into the text."""
        self.text.focus_set()

    def escape(self) -> bool:
        """Put away what lies around the text, one thing after the other; return whether there was something."""
        if self.find_bar.shown:
            self.find_bar.close()
        elif self.errors.bar.winfo_ismapped():
            self.errors.clear()
        elif self.sheet.selected() is not None:
            self.go(self.caret_position)
        else:
            return False
        return True

    def _build(self) -> None:
        theme = self.theme
        self.columnconfigure(1, weight=1)
        self.rowconfigure(1, weight=1)
        self.gutter = Gutter(self, theme, self._gutter_pressed)
        self.find_bar = FindBar(self, theme, self)
        self._side_bar = ttk.Scrollbar(self, orient="vertical", command=self.text.yview)
        self._bottom_bar = ttk.Scrollbar(self, orient="horizontal", command=self.text.xview)
        self.gutter.grid(row=1, column=0, sticky="ns")
        self.text.grid(row=1, column=1, sticky="nsew")
        self._side_bar.grid(row=1, column=2, sticky="ns")
        self._bottom_bar.grid(row=2, column=1, sticky="ew")
        self.errors.bar.grid(row=3, column=0, columnspan=3, sticky="ew")
        for hidden in (self._bottom_bar, self.errors.bar):
            hidden.grid_remove()
        self.text.configure(
            yscrollcommand=lambda low, high: self._scrolled_down(float(low), float(high)),
            xscrollcommand=lambda low, high: self._scrolled_aside(float(low), float(high)),
        )
        for tag in (*_TAGS, "sel"):  # of two that say something else, the later one is seen
            self.sheet.call("tag", "configure", tag)
            self.sheet.call("tag", "raise", tag)
        for widget, pointed in ((self.text, self._pointed), (self.gutter, self._gutter_pointed)):
            widget.bind("<Motion>", pointed, add="+")
            widget.bind("<Leave>", lambda event: self.errors.pointed(None, event), add="+")
        self.text.bind("<Key>", lambda event: self.errors.pointed(None, event), add="+")
        self.text.bind("<<Selection>>", lambda _: self._selection_changed(), add="+")
        self.text.bind("<Configure>", lambda _: self.timers.later("view", 1, self._view), add="+")
        for sequence, rows in (("<Button-4>", -3), ("<Button-5>", 3)):
            self.gutter.bind(sequence, lambda _, rows=rows: self.text.yview_scroll(rows, "units"))  # type: ignore[misc]  # mypy can't infer a default
        self.gutter.bind("<MouseWheel>", lambda event: self.text.yview_scroll(-3 if event.delta > 0 else 3, "units"))
        self.bind("<Destroy>", self._destroyed, add="+")
        theme.follow(self, self._paint)

    def _destroyed(self, event: tk.Event[tk.Misc]) -> None:
        if event.widget is self:
            self.timers.cancel()
            self.sheet.close()

    def _paint(self) -> None:
        """Take the theme's colours and fonts."""
        theme = self.theme
        color = theme.color
        self.configure(background=color("background"))
        self.text.configure(
            background=color("background"),
            highlightthickness=0,  # a switch of the theme gives every Text a border
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
        self.sheet.call("tag", "configure", "line", "-background", theme.blend("background", "raised", 0.5))
        self.sheet.call("tag", "configure", "bracket", "-background", color("selection_idle"))
        self.sheet.call("tag", "configure", "found", "-background", color("selection_idle"))
        self.colours.repaint(theme)
        self.errors.repaint()
        self.gutter.repaint()
        self.timers.later("view", 1, self._view)

    def go(self, start: Position, end: Position | None = None, *, middle: bool = False) -> None:
        to = self.sheet.select(start, end)
        if middle and not self._is_seen(to):
            row = int(to.partition(".")[0])
            self.sheet.call("yview", f"{max(row - self._page() // 2, 1)}.0")
        self.sheet.call("see", to)
        self.sheet.call("see", self.sheet.index(start))
        self.caret_moved()
        self._view()

    def _page(self) -> int:
        return max(self.text.winfo_height() // max(self._height(), 1), 1)

    def _is_seen(self, index: str) -> bool:
        return bool(self.sheet.call("dlineinfo", index))

    # -- edits ---------------------------------------------------------------------------------------------------

    def _edited(self, edit: Edit) -> None:
        """Show an edit of the document."""
        self.sheet.edited(edit)
        self._found = []
        self.statements.edited(edit)
        self.errors.edited(edit)
        self.colours.edited(edit)
        self.timers.when_idle("shown", self._show_edits)

    def _show_edits(self) -> None:
        """Bring what is seen up to date, once for all edits since Tk last drew."""
        self.caret_moved(tell=False)
        self._view()
        if self.find_bar.shown:
            self.find_bar.text_changed()
        self.statements.tell_soon()
        self._changed()
        self._moved()

    # -- what is seen --------------------------------------------------------------------------------------------

    def _height(self) -> int:
        """Return how high a row is."""
        return int(self.theme.code.metrics("linespace")) + self.theme.px(1) + self.theme.px(2)

    def _view(self) -> None:
        """Draw what stands beside the rows that are seen, and colour them."""
        height, room = self._height(), self.text.winfo_height()
        top = self.sheet.call_list("dlineinfo", "@0,0")
        if not top or room <= 1:
            return
        first = int(str(self.sheet.call("index", "@0,0")).partition(".")[0]) - 1
        y = int(top[1])
        count = max((room - y + height - 1) // height, 1)
        last = first + count - 1
        if (first, last) != self._seen:
            self._seen = first, last
            self._mark_found()
            self.colours.paint_seen()
        caret = self.caret_position.line
        errors = self.errors.lines
        begin, end = self.statements.marked or (-1, -2)
        shown: list[Line] = []
        number = len(self.document.lines)
        for at in range(count):
            line, start, _ = self.sheet.rows.row(first + at)
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
        needed = low > 0 or high < 1
        if needed != bool(self._side_bar.winfo_manager()):
            if needed:
                self._side_bar.grid()
            else:
                self._side_bar.grid_remove()
        if "view" not in self.timers:
            self.timers.later("view", 0, self._view)

    def _scrolled_aside(self, low: float, high: float) -> None:
        self._bottom_bar.set(low, high)
        # What is seen decides how far there is to go, so it only comes and goes when that has been so for a while.
        needed, there = low > 0 or high < 1, bool(self._bottom_bar.winfo_manager())
        if needed != there and "aside" not in self.timers:
            self.timers.later("aside", BAR_GOES if there else BAR_COMES, self._settle_bottom_bar)

    def _settle_bottom_bar(self) -> None:
        low, high = self.sheet.call_list("xview")
        if float(low) > 0 or float(high) < 1:
            self._bottom_bar.grid()
        else:
            self._bottom_bar.grid_remove()

    def _notified(self, what: str) -> None:
        if what == "caret":
            self.document.separate()
            self.caret_moved()
        self._view()

    def caret_moved(self, *, tell: bool = True) -> None:
        row = int(str(self.sheet.call("index", "insert")).partition(".")[0])
        if row != self._caret_row or not tell:
            self._caret_row = row
            self.sheet.call("tag", "remove", "line", "1.0", "end")
            self.sheet.call("tag", "add", "line", f"{row}.0", f"{row + 1}.0")
        self.sheet.call("tag", "remove", "bracket", "1.0", "end")
        self.timers.later("brackets", 30, self._match_brackets)
        if tell:
            self._mark_statement()
            self._moved()

    def _selection_changed(self) -> None:
        self.timers.later("moved", 1, self._moved)

    def _match_brackets(self) -> None:
        lines, states = self.document.lines, self.colours.states
        pair = brackets.pair_at(lines, self.caret_position, states.state, self.dialect)
        for place in pair or ():
            after = Position(place.line, place.column + 1)
            self.sheet.call("tag", "add", "bracket", self.sheet.index(place), self.sheet.index(after))

    def _gutter_pressed(self, y: int, extend: bool) -> None:
        self.focus()
        line = self.sheet.position(f"@0,{y}").line
        first = last = line
        if extend:
            anchor = self._anchor_line
            first, last = min(anchor, line), max(anchor, line)
        else:
            self._anchor_line = line
        self.go(Position(first, 0), self.document.within(Position(last + 1, 0)))
