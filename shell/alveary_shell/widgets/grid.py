"""A grid of cells for any number of rows: only what is seen exists, and what is drawn is drawn once."""

from __future__ import annotations

import contextlib
import tkinter as tk
from collections.abc import Callable, Mapping, Sequence
from tkinter import ttk

from alveary.contracts.values import Column, Row
from alveary_shell.theme import Theme
from alveary_shell.widgets.grid_drawing import Drawing, Scene
from alveary_shell.widgets.grid_hands import Hands
from alveary_shell.widgets.grid_layout import Layout
from alveary_shell.widgets.grid_rows import GridRows, ListedRows
from alveary_shell.widgets.grid_view import Mark, Selection, View

LOOK_AGAIN = 15
"""Milliseconds until rows that were not at hand are asked for again."""


class Grid(tk.Frame):
    """Rows and columns with a header, row numbers, a cell cursor and ranges of selected cells.

    It asks ``rows`` (:class:`GridRows`) for what is in sight, nothing else; call :meth:`refresh` when there are more.
    The callbacks are: ``on_select()`` after the cursor or the selection changed; ``on_sort(column, more)`` when a
    header was clicked, with Shift if ``more``; ``on_open(row, column)`` for Enter or a double click; and
    ``on_menu(event, row, column)``, where -1 stands for the header and the row numbers.
    """

    def __init__(
        self,
        master: tk.Misc,
        theme: Theme,
        *,
        on_select: Callable[[], object] | None = None,
        on_sort: Callable[[int, bool], object] | None = None,
        on_open: Callable[[int, int], object] | None = None,
        on_menu: Callable[[tk.Event[tk.Misc], int, int], object] | None = None,
    ) -> None:
        super().__init__(master, borderwidth=0)
        self.theme = theme
        self.on_sort = on_sort
        self._on_select, self._on_open, self._on_menu = on_select, on_open, on_menu
        self.rows: GridRows = ListedRows()
        self.empty_text = ""
        """What is said in the middle when there are no rows."""
        self.count = 0
        """How many rows there were when it was last looked."""
        self.focused = False
        """Whether the keyboard is with the cells."""
        self._marks: Mapping[int, Mark] = {}
        self._needle = ""
        self._seen: Sequence[Row | None] = ()
        self._draw_id: str | None = None
        self._look_id: str | None = None
        self._wheel = 0.0
        self._layout = Layout(theme)
        self._build()
        self._listen()
        self._hands = Hands(self, self._drawing, self._layout)
        theme.follow(self, self._paint)
        self.bind("<Destroy>", self._destroyed, add="+")

    # -- what the owner calls ------------------------------------------------------------------------------------

    def show(self, columns: Sequence[Column], rows: GridRows, view: View | None = None) -> None:
        """Show other rows, with the look they had if ``view`` is what :attr:`view` was then."""
        self._hands.let_go()
        self._layout.show(columns, view or View())
        self.rows = rows
        self._marks = {}
        self.count = len(rows)
        self._seen = ()
        self._paint()

    @property
    def columns(self) -> Sequence[Column]:
        """The columns that are shown."""
        return self._layout.columns

    @property
    def view(self) -> View:
        """How a person has arranged what is shown."""
        return self._layout.view

    def refresh(self) -> None:
        """Draw again, soon: rows came, or went, or changed."""
        if self._draw_id is None:
            self._draw_id = self.after_idle(self._draw)

    def mark(self, marks: Mapping[int, Mark]) -> None:
        """Show in the header by which columns the rows are ordered."""
        self._marks = dict(marks)
        self.refresh()

    def highlight(self, text: str) -> None:
        """Make the cells in sight stand out that hold a text, whatever its case; "" for none."""
        if text != self._needle:
            self._needle = text.casefold()
            self.refresh()

    @property
    def selection(self) -> Selection:
        """What is selected; change it by the grid's methods."""
        return self.view.selection

    def select(self, row: int, column: int) -> None:
        """Put the cursor on a cell, select it alone and bring it into sight."""
        self.go(row, column, extend=False)

    def select_column(self, column: int) -> None:
        """Select a whole column."""
        self.selection.columns(self.first_row(), column)
        self.selected()

    def select_everything(self) -> None:
        """Select all cells."""
        self.selection.everything()
        self.selected()

    def see(self, row: int, column: int) -> None:
        """Scroll as little as is needed to have a cell in sight."""
        whole = self.whole_rows()
        if row < self.view.top:
            self.scroll_to(row)
        elif row >= self.view.top + whole:
            self.scroll_to(row - whole + 1)
        if column < len(self.columns):
            left, right, room = self._layout.lefts[column], self._layout.lefts[column + 1], self.cells.winfo_width()
            if left < self._layout.x:
                self._pan_to(left)
            elif right > self._layout.x + room:
                self._pan_to(min(left, right - room))

    def fit_columns(self, columns: Sequence[int] | None = None) -> None:
        """Make columns, all without an argument, as wide as their headers and the rows at hand need."""
        wanted = range(len(self.columns)) if columns is None else columns
        self._layout.fit(wanted, self.rows)
        self._lay_out()

    @property
    def settled(self) -> bool:
        """Whether everything in sight is drawn as it is by now."""
        return self._draw_id is None and None not in self._seen

    @property
    def visible_rows(self) -> range:
        """The rows in sight, the last one perhaps in part."""
        return range(self.view.top, min(self.view.top + self.rows_in_sight(), self.count))

    def focus_set(self) -> None:
        """Give the keyboard to the cells."""
        self.cells.focus_set()

    @property
    def cells(self) -> tk.Canvas:
        """The widget that has the focus when the grid has it; an owner binds further keys to it."""
        return self._drawing.body

    # -- building ------------------------------------------------------------------------------------------------

    def _build(self) -> None:
        self._drawing = drawing = Drawing(self, self.theme, self._layout)
        self._down = ttk.Scrollbar(self, orient="vertical", command=self._scrolled)
        self._across = ttk.Scrollbar(self, orient="horizontal", command=self._panned)
        drawing.corner.grid(row=0, column=0, sticky="nsew")
        drawing.head.grid(row=0, column=1, sticky="nsew")
        drawing.index.grid(row=1, column=0, sticky="nsew")
        drawing.body.grid(row=1, column=1, sticky="nsew")
        self._down.grid(row=0, column=2, rowspan=2, sticky="ns")
        self._across.grid(row=2, column=0, columnspan=2, sticky="ew")
        self.rowconfigure(1, weight=1)
        self.columnconfigure(1, weight=1)

    def _listen(self) -> None:
        body, head, index = self._drawing.body, self._drawing.head, self._drawing.index
        for canvas in (body, head, index):
            for event, rows in (("<Button-4>", -3), ("<Button-5>", 3)):
                canvas.bind(event, lambda _, rows=rows: self.scroll_by(rows))  # type: ignore[misc]  # mypy can't infer a default
                canvas.bind(f"<Shift-{event[1:]}", lambda _, rows=rows: self._pan_by(rows))  # type: ignore[misc]  # likewise
            for event, columns in (("<Button-6>", -3), ("<Button-7>", 3)):
                with contextlib.suppress(tk.TclError):  # Tk before 8.7 knows five buttons
                    canvas.bind(event, lambda _, columns=columns: self._pan_by(columns))  # type: ignore[misc]  # likewise
            canvas.bind("<MouseWheel>", lambda event: self._wheeled(event.delta, self.scroll_by))
            canvas.bind("<Shift-MouseWheel>", lambda event: self._wheeled(event.delta, self._pan_by))
            with contextlib.suppress(tk.TclError):  # from Tk 9 on
                canvas.bind("<TouchpadScroll>", self._touched)
        body.bind("<FocusIn>", lambda _: self._focus(True))
        body.bind("<FocusOut>", lambda _: self._focus(False))
        body.bind("<Configure>", lambda _: self.refresh())
        head.bind("<Configure>", lambda _: self.refresh())

    def _focus(self, focused: bool) -> None:
        self.focused = focused
        self.refresh()

    def _paint(self) -> None:
        """Take fonts and colours anew, and draw everything."""
        self.configure(background=self.theme.color("background"))
        self._layout.repaint()
        self._drawing.repaint()
        self._lay_out()

    def _lay_out(self) -> None:
        """Place the columns by their widths."""
        self._layout.place()
        self._drawing.laid_out()
        self._pan_to(self._layout.x)
        self.refresh()

    # -- scrolling -----------------------------------------------------------------------------------------------

    def rows_in_sight(self) -> int:
        """Return for how many rows there is room, the last one perhaps in part."""
        return -(-max(self.cells.winfo_height(), 1) // self._layout.row)

    def whole_rows(self) -> int:
        """Return how many rows are seen whole."""
        return max(self.cells.winfo_height() // self._layout.row, 1)

    def first_row(self) -> int:
        """Return the first row in sight."""
        return min(self.view.top, max(self.count - 1, 0))

    def scroll_to(self, top: int) -> None:
        """Have a row at the top, or one before it where the rows end."""
        # The last row may stand alone above an empty line, so that it is seen whole.
        self.view.top = max(0, min(top, self.count - self.whole_rows()))
        self.refresh()

    def scroll_by(self, rows: int) -> str:
        """Scroll by some rows; return what tells Tk that the event is dealt with."""
        self.scroll_to(self.view.top + rows)
        return "break"

    def _pan_to(self, x: int) -> None:
        x = max(0, min(x, self._layout.total - self.cells.winfo_width()))
        self.view.left = x / self._layout.unit
        self._drawing.pan()
        self.refresh()

    def _pan_by(self, steps: int) -> str:
        self._pan_to(self._layout.x + round(steps * 20 * self._layout.unit))
        return "break"

    def _wheeled(self, delta: int, move: Callable[[int], str]) -> str:
        # Windows counts a notch as 120, macOS by its speed; what is left of a notch is kept for the next event.
        self._wheel += -delta / (40 if abs(delta) >= 40 else 1)
        steps = int(self._wheel)
        self._wheel -= steps
        return move(steps) if steps else "break"

    def _touched(self, event: tk.Event[tk.Misc]) -> str:
        # Tk packs the two distances of a touchpad, in pixels, into one number.
        across, down = (event.delta >> 16), (event.delta & 0xFFFF)
        down = down - 0x10000 if down >= 0x8000 else down
        self._pan_to(self._layout.x - across)
        self._wheel -= down / self._layout.row
        steps = int(self._wheel)
        self._wheel -= steps
        return self.scroll_by(steps)

    def _scrolled(self, *words: str) -> None:
        if words[0] == "moveto":
            self.scroll_to(round(float(words[1]) * self.count))
        else:
            self.scroll_by(int(words[1]) * (self.whole_rows() if words[2].startswith("page") else 1))

    def _panned(self, *words: str) -> None:
        if words[0] == "moveto":
            self._pan_to(round(float(words[1]) * self._layout.total))
        else:
            self._pan_by(int(words[1]) * (10 if words[2].startswith("page") else 1))

    # -- drawing -------------------------------------------------------------------------------------------------

    def _draw(self) -> None:
        self._draw_id = None
        self.count = len(self.rows)
        self.view.top = min(self.view.top, max(0, self.count - self.whole_rows()))
        top, sight = self.view.top, self.rows_in_sight()
        self._seen = self.rows.window(top, top + sight)
        if self._layout.suggest(self.rows, self.count):
            self._lay_out()
        if any(row is None for row in self._seen) and self._look_id is None:
            self._look_id = self.after(LOOK_AGAIN, self._look_again)
        first = max(self._layout.at(0), 0)
        last = min(self._layout.at(max(self.cells.winfo_width(), 1)), len(self.columns) - 1)
        cut = self._drawing.draw(
            Scene(
                rows=self._seen,
                top=top,
                sight=sight,
                count=self.count,
                columns=range(first, last + 1),
                selection=self.selection,
                focused=self.focused,
                marks=self._marks,
                needle=self._needle,
                empty_text=self.empty_text,
            )
        )
        if self._layout.widen(cut):
            self._lay_out()
        self._draw_bars()

    def _look_again(self) -> None:
        self._look_id = None
        self.refresh()

    def _draw_bars(self) -> None:
        """Show where in the rows and columns this is, on bars that are there only if there is more."""
        count, whole = max(self.count, 1), self.whole_rows()
        self._down.set(self.view.top / count, min((self.view.top + whole) / count, 1.0))
        total, room, x = max(self._layout.total, 1), self.cells.winfo_width(), self._layout.x
        self._across.set(x / total, min((x + room) / total, 1.0))
        for bar, needed in ((self._down, whole < self.count), (self._across, room < total)):
            if needed != bool(bar.winfo_manager()):
                if needed:
                    bar.grid()
                else:
                    bar.grid_remove()

    # -- what the hands do ---------------------------------------------------------------------------------------

    def go(self, row: int, column: int, *, extend: bool) -> None:
        """Put the cursor on the cell nearest to this, or let the selection reach to it, and bring it into sight."""
        row = max(0, min(row, self.count - 1))
        column = max(0, min(column, len(self.columns) - 1))
        if extend:
            self.selection.extend(row, column)
        else:
            self.selection.go(row, column)
        self.see(row, column)
        self.selected()

    def selected(self) -> None:
        """Show that the cursor or the selection changed, and tell the owner."""
        self.refresh()
        if self._on_select is not None:
            self._on_select()

    def resize(self, column: int, x: int) -> None:
        """Give a column the width that puts its right border at a place of the window."""
        self._layout.resize(column, x)
        self._lay_out()

    def open(self, row: int, column: int) -> str:
        """Tell the owner that a cell is opened; return what tells Tk that the event is dealt with."""
        if self._on_open is not None and row < self.count and 0 <= column < len(self.columns):
            self._on_open(row, column)
        return "break"

    def menu(self, event: tk.Event[tk.Misc], row: int, column: int) -> None:
        """Tell the owner that a menu is wanted."""
        if self._on_menu is not None and column < len(self.columns):
            self._on_menu(event, row, column)

    def _destroyed(self, event: tk.Event[tk.Misc]) -> None:
        if event.widget is self:
            self._hands.let_go()
            for pending in (self._draw_id, self._look_id):
                if pending is not None:
                    self.after_cancel(pending)
            self._draw_id = self._look_id = None
