"""A grid of cells for any number of rows: only what is seen exists, and what is drawn is drawn once."""

from __future__ import annotations

import contextlib
import tkinter as tk
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate
from tkinter import ttk
from typing import Any, Literal, NamedTuple

from alveary.contracts.values import Cell, Column, Row, ValueKind
from alveary_shell.theme import Theme
from alveary_shell.widgets.grid_rows import GridRows, ListedRows
from alveary_shell.widgets.grid_text import Fitter, cell_line, visible
from alveary_shell.widgets.grid_view import Mark, Range, Selection, View

NARROWEST, WIDEST, SUGGESTED = 32, 1600, 320
"""Units: how narrow and wide a column can be made, and how wide it becomes by itself at most."""
MARGIN = 8
"""Units between a cell's text and its edges."""
LOOK_AGAIN = 15
"""Milliseconds until rows that were not at hand are asked for again."""
SAMPLE_ROWS, SAMPLE_CELLS = 200, 4000
"""What is looked at, at most, to find how wide columns should be."""
MEASURED_COLUMNS = 64
_GRIP = 4
_PAGE = {"Prior": -1, "Next": 1}
_STEPS = {"Up": (-1, 0), "Down": (1, 0), "Left": (0, -1), "Right": (0, 1)}
_SHIFT, _CONTROL = 0x1, 0x4


class _Look(NamedTuple):
    """How one cell's text is drawn."""

    right: bool
    role: str
    small: bool


_PLAIN, _NUMBER = _Look(False, "text", False), _Look(True, "text", False)
_NULL, _NULL_NUMBER = _Look(False, "faint", True), _Look(True, "faint", True)


class _Slot:
    """The text items of one visible column, from top to bottom, and what each shows."""

    __slots__ = ("items", "shown", "x")

    def __init__(self) -> None:
        self.items: list[int] = []
        self.shown: list[tuple[str, _Look]] = []
        self.x = (0, 0)


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
        self._theme = theme
        self._on_select, self._on_sort, self._on_open, self._on_menu = on_select, on_sort, on_open, on_menu
        self.columns: Sequence[Column] = ()
        self.rows: GridRows = ListedRows()
        self.view = View()
        self.empty_text = ""
        """What is said in the middle when there are no rows."""
        self._marks: Mapping[int, Mark] = {}
        self._needle = ""
        self._right: list[bool] = []
        self._lefts: list[int] = [0]
        self._typed = False
        self._count = 0
        self._seen: Sequence[Row | None] = ()
        self._slots: dict[int, _Slot] = {}
        self._spare: list[_Slot] = []
        self._numbers: list[tuple[int, tuple[str, str]]] = []
        self._stripes: list[int] = []
        self._lines: list[int] = []
        self._ranges_drawn: tuple[object, ...] = ()
        self._head_drawn: tuple[object, ...] = ()
        self._focused = False
        self._draw_id: str | None = None
        self._look_id: str | None = None
        self._drag: Callable[[tk.Event[tk.Misc]], None] | None = None
        self._drag_end: Callable[[tk.Event[tk.Misc]], None] | None = None
        self._drag_event: tk.Event[tk.Misc] | None = None
        self._scroll_id: str | None = None
        self._wheel = 0.0
        self._build()
        self._listen()
        theme.follow(self, self._paint)
        self.bind("<Destroy>", self._destroyed, add="+")

    # -- what the owner calls ------------------------------------------------------------------------------------

    def show(self, columns: Sequence[Column], rows: GridRows, view: View | None = None) -> None:
        """Show other rows, with the look they had if ``view`` is what :attr:`view` was then."""
        self._stop_drag()
        self.columns, self.rows = columns, rows
        self.view = view or View()
        self._typed = any(column.type_name for column in columns)
        self._right = [column.kind is ValueKind.NUMBER for column in columns]
        self._marks = {}
        self._count = len(rows)
        self._seen = ()
        self._measure_head()
        self._paint()

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
        self._go(row, column, extend=False)

    def select_column(self, column: int) -> None:
        """Select a whole column."""
        self.selection.columns(self._first_row(), column)
        self._selected()

    def select_everything(self) -> None:
        """Select all cells."""
        self.selection.everything()
        self._selected()

    def see(self, row: int, column: int) -> None:
        """Scroll as little as is needed to have a cell in sight."""
        whole = self._whole_rows()
        if row < self.view.top:
            self._scroll_to(row)
        elif row >= self.view.top + whole:
            self._scroll_to(row - whole + 1)
        if column < len(self.columns):
            left, right, room = self._lefts[column], self._lefts[column + 1], self._body.winfo_width()
            if left < self._x:
                self._pan_to(left)
            elif right > self._x + room:
                self._pan_to(min(left, right - room))

    def fit_columns(self, columns: Sequence[int] | None = None) -> None:
        """Make columns, all without an argument, as wide as their headers and the rows at hand need."""
        wanted = range(len(self.columns)) if columns is None else columns
        rows = self._sample(len(wanted))
        for column in wanted:
            self.view.widths[column] = self._natural(column, rows) / self._unit
        self._lay_out()

    @property
    def settled(self) -> bool:
        """Whether everything in sight is drawn as it is by now."""
        return self._draw_id is None and None not in self._seen

    @property
    def visible_rows(self) -> range:
        """The rows in sight, the last one perhaps in part."""
        return range(self.view.top, min(self.view.top + self._rows_in_sight(), self._count))

    # -- building ------------------------------------------------------------------------------------------------

    def _build(self) -> None:
        plain: dict[str, Any] = {"highlightthickness": 0, "borderwidth": 0}
        self._corner = tk.Canvas(self, takefocus=False, **plain)
        self._head = tk.Canvas(self, takefocus=False, confine=False, xscrollincrement=1, **plain)
        self._index = tk.Canvas(self, takefocus=False, **plain)
        self._body = tk.Canvas(self, takefocus=True, confine=False, xscrollincrement=1, **plain)
        self._down = ttk.Scrollbar(self, orient="vertical", command=self._scrolled)
        self._across = ttk.Scrollbar(self, orient="horizontal", command=self._panned)
        self._corner.grid(row=0, column=0, sticky="nsew")
        self._head.grid(row=0, column=1, sticky="nsew")
        self._index.grid(row=1, column=0, sticky="nsew")
        self._body.grid(row=1, column=1, sticky="nsew")
        self._down.grid(row=0, column=2, rowspan=2, sticky="ns")
        self._across.grid(row=2, column=0, columnspan=2, sticky="ew")
        self.rowconfigure(1, weight=1)
        self.columnconfigure(1, weight=1)
        self._cursor = self._body.create_rectangle(0, 0, 0, 0, state="hidden")
        self._said = self._body.create_text(0, 0, state="hidden")

    def _listen(self) -> None:
        body, head, index = self._body, self._head, self._index
        for canvas in (body, head, index):
            for event, rows in (("<Button-4>", -3), ("<Button-5>", 3)):
                canvas.bind(event, lambda _, rows=rows: self._scroll_by(rows))  # type: ignore[misc]  # mypy can't infer a default
                canvas.bind(f"<Shift-{event[1:]}", lambda _, rows=rows: self._pan_by(rows))  # type: ignore[misc]  # likewise
            for event, columns in (("<Button-6>", -3), ("<Button-7>", 3)):
                with contextlib.suppress(tk.TclError):  # Tk before 8.7 knows five buttons
                    canvas.bind(event, lambda _, columns=columns: self._pan_by(columns))  # type: ignore[misc]  # likewise
            canvas.bind("<MouseWheel>", lambda event: self._wheeled(event.delta, self._scroll_by))
            canvas.bind("<Shift-MouseWheel>", lambda event: self._wheeled(event.delta, self._pan_by))
            with contextlib.suppress(tk.TclError):  # from Tk 9 on
                canvas.bind("<TouchpadScroll>", self._touched)
            canvas.bind("<B1-Motion>", self._dragged)
            canvas.bind("<ButtonRelease-1>", self._dropped)
        body.bind("<Button-1>", self._press_cell)
        body.bind("<Double-Button-1>", self._double_cell)
        index.bind("<Button-1>", self._press_number)
        head.bind("<Button-1>", self._press_head)
        head.bind("<Double-Button-1>", self._double_head)
        head.bind("<Motion>", self._over_head)
        self._corner.bind("<Button-1>", self._press_corner)
        for button in ("<Button-3>", "<Control-Button-1>") if self._windowing == "aqua" else ("<Button-3>",):
            body.bind(button, self._menu_cell)
            head.bind(button, lambda event: self._menu(event, -1, self._column_at(event.x)))
            index.bind(button, self._menu_number)
        body.bind("<Key>", self._key)
        body.bind("<FocusIn>", lambda _: self._focus(True))
        body.bind("<FocusOut>", lambda _: self._focus(False))
        body.bind("<Configure>", lambda _: self.refresh())
        head.bind("<Configure>", lambda _: self.refresh())

    @property
    def _windowing(self) -> str:
        return str(self.tk.call("tk", "windowingsystem"))

    def focus_set(self) -> None:
        """Give the keyboard to the cells."""
        self._body.focus_set()

    @property
    def focused(self) -> bool:
        """Whether the keyboard is with the cells."""
        return self._focused

    @property
    def cells(self) -> tk.Canvas:
        """The widget that has the focus when the grid has it; an owner binds further keys to it."""
        return self._body

    def _paint(self) -> None:
        """Take fonts and colours anew, and draw everything."""
        theme, px, color = self._theme, self._theme.px, self._theme.color
        line = theme.ui.metrics("linespace")
        # Columns grow with the text when it is zoomed.
        self._unit = px(1000) / 1000 * line / px(16)
        self._row = line + px(8)
        self._pad = px(MARGIN)
        self._fitter, self._small, self._bold = Fitter(theme.ui), Fitter(theme.small), Fitter(theme.ui_bold)
        self._null = "NULL"
        self._roles = {role: color(role) for role in ("text", "faint", "accent")}
        self.configure(background=color("background"))
        height = line + px(10) + (theme.small.metrics("linespace") if self._typed else 0)
        for canvas, role in (
            (self._corner, "surface"),
            (self._head, "surface"),
            (self._index, "surface"),
            (self._body, "background"),
        ):
            canvas.configure(background=color(role))
        self._head.configure(height=height)
        self._corner.configure(height=height)
        self._body.itemconfigure(self._cursor, outline=color("accent"), width=px(1.5))
        self._body.itemconfigure(self._said, fill=color("faint"), font=theme.ui, anchor="center")
        self._forget_items()
        self._lay_out()

    def _forget_items(self) -> None:
        for slot in (*self._slots.values(), *self._spare):
            self._body.delete(*slot.items)
        self._body.delete("stripe", "line", "range")
        self._index.delete("all")
        self._slots, self._spare, self._numbers, self._stripes, self._lines = {}, [], [], [], []
        self._ranges_drawn = self._head_drawn = ()

    # -- columns -------------------------------------------------------------------------------------------------

    def _measure_head(self) -> None:
        self._lefts = [0] * (len(self.columns) + 1)

    def _width(self, column: int) -> int:
        if (units := self.view.widths.get(column)) is not None:
            return round(units * self._unit)
        return round(SUGGESTED * self._unit / 2.5)

    def _sample(self, columns: int) -> Sequence[Row | None]:
        """Return rows at hand from the first in sight on, few if many columns are to be measured."""
        rows = max(8, min(SAMPLE_ROWS, SAMPLE_CELLS // max(columns, 1)))
        return self.rows.window(self.view.top, self.view.top + rows)

    def _natural(self, column: int, rows: Sequence[Row | None]) -> int:
        """Return how wide a column should be by its header and some rows, in pixels."""
        name = (
            self._bold.width(visible(self.columns[column].name[:200])) + self._small.width("▲1") + round(4 * self._unit)
        )
        kind = self._small.width(visible(self.columns[column].type_name[:100]))
        most, of = round(SUGGESTED * self._unit), self.columns[column]
        widest = max(name, kind)
        for row in rows:
            if row is not None and column < len(row):
                cell = row[column]
                text, look = self._text(of, cell, right=False)
                widest = max(widest, (self._small if look.small else self._fitter).width(text[:most]))
        return min(max(widest + 2 * self._pad, round(NARROWEST * self._unit)), most)

    def _lay_out(self) -> None:
        """Place the columns by their widths."""
        widths = map(self._width, range(len(self.columns)))
        self._lefts = list(accumulate(widths, initial=0))
        self._head_drawn = ()
        total = max(self._lefts[-1], 1)
        for canvas in (self._head, self._body):
            canvas.configure(scrollregion=(0, 0, total, 1))
        for column, slot in list(self._slots.items()):
            if column < len(self.columns):
                slot.x = (0, 0)
        self._pan_to(self._x)
        self.refresh()

    def _suggest(self) -> None:
        """Find widths by the first rows; once more when many have followed, for then columns may grow."""
        before = self.view.measured
        if before >= SAMPLE_ROWS or self._count < max(8 * before, 1):
            return
        rows = [row for row in self._sample(len(self.columns)) if row]
        if not rows:
            return
        self.view.measured = SAMPLE_ROWS if before or self._count >= SAMPLE_ROWS else len(rows)
        for column, of in enumerate(self.columns):
            if of.kind is ValueKind.DYNAMIC:
                cells = [row[column] for row in rows if row[column] is not None]
                self._right[column] = bool(cells) and all(isinstance(cell, int | float) for cell in cells)
            # Measuring hundreds of columns would be felt; those far to the right keep the usual width.
            if column not in self.view.chosen and column < MEASURED_COLUMNS:
                width = self._natural(column, rows) / self._unit
                self.view.widths[column] = max(width, self.view.widths.get(column, 0.0) if before else 0.0)
        self._lay_out()

    def _column_at(self, x: int) -> int:
        """Return the column at a place of the window: -1 left of the first, how many there are beyond the last."""
        return min(bisect_right(self._lefts, x + self._x) - 1, len(self.columns))

    def _border_at(self, x: int) -> int | None:
        """Return the column whose right border is near a place."""
        grip = self._theme.px(_GRIP)
        at = bisect_right(self._lefts, x + self._x + grip) - 1
        if at >= 1 and abs(self._lefts[at] - (x + self._x)) <= grip:
            return at - 1
        return None

    # -- scrolling -----------------------------------------------------------------------------------------------

    @property
    def _x(self) -> int:
        """How many pixels the columns are moved to the left."""
        return round(self.view.left * self._unit)

    def _rows_in_sight(self) -> int:
        return -(-max(self._body.winfo_height(), 1) // self._row)

    def _whole_rows(self) -> int:
        return max(self._body.winfo_height() // self._row, 1)

    def _first_row(self) -> int:
        return min(self.view.top, max(self._count - 1, 0))

    def _scroll_to(self, top: int) -> None:
        # The last row may stand alone above an empty line, so that it is seen whole.
        self.view.top = max(0, min(top, self._count - self._whole_rows()))
        self.refresh()

    def _scroll_by(self, rows: int) -> str:
        self._scroll_to(self.view.top + rows)
        return "break"

    def _pan_to(self, x: int) -> None:
        x = max(0, min(x, self._lefts[-1] - self._body.winfo_width()))
        self.view.left = x / self._unit
        total = max(self._lefts[-1], 1)
        for canvas in (self._head, self._body):
            canvas.xview_moveto(x / total)
        self.refresh()

    def _pan_by(self, steps: int) -> str:
        self._pan_to(self._x + round(steps * 20 * self._unit))
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
        self._pan_to(self._x - across)
        self._wheel -= down / self._row
        steps = int(self._wheel)
        self._wheel -= steps
        return self._scroll_by(steps)

    def _scrolled(self, *words: str) -> None:
        if words[0] == "moveto":
            self._scroll_to(round(float(words[1]) * self._count))
        else:
            self._scroll_by(int(words[1]) * (self._whole_rows() if words[2].startswith("page") else 1))

    def _panned(self, *words: str) -> None:
        if words[0] == "moveto":
            self._pan_to(round(float(words[1]) * self._lefts[-1]))
        else:
            self._pan_by(int(words[1]) * (10 if words[2].startswith("page") else 1))

    # -- drawing -------------------------------------------------------------------------------------------------

    def _draw(self) -> None:
        self._draw_id = None
        self._count = len(self.rows)
        most = max(0, self._count - self._whole_rows())
        self.view.top = min(self.view.top, most)
        top, sight = self.view.top, self._rows_in_sight()
        self._seen = self.rows.window(top, top + sight)
        self._suggest()
        if any(row is None for row in self._seen) and self._look_id is None:
            self._look_id = self.after(LOOK_AGAIN, self._look_again)
        first = max(self._column_at(0), 0)
        last = min(self._column_at(max(self._body.winfo_width(), 1)), len(self.columns) - 1)
        self._place_slots(range(first, last + 1), sight)
        self._fill(top)
        self._draw_numbers(top, sight)
        self._draw_ground(top, sight)
        self._draw_head(range(first, last + 1))
        self._draw_bars()

    def _look_again(self) -> None:
        self._look_id = None
        self.refresh()

    def _place_slots(self, columns: range, sight: int) -> None:
        """Give every visible column a slot of as many items as there are rows in sight."""
        for column in [column for column in self._slots if column not in columns]:
            slot = self._slots.pop(column)
            slot.x = (0, 0)
            self._spare.append(slot)
        call, path, row, pad = self.tk.call, str(self._body), self._row, self._pad
        for column in columns:
            slot = self._slots.get(column) or (self._spare.pop() if self._spare else _Slot())
            self._slots[column] = slot
            while len(slot.items) < sight:
                middle = len(slot.items) * row + row // 2
                slot.items.append(
                    self._body.create_text(
                        -9, middle, anchor="w", font=self._theme.ui, fill=self._roles["text"], tags="cell"
                    )
                )
                slot.shown.append(("", _PLAIN))
                slot.x = (0, 0)
            if len(slot.items) > sight:
                self._body.delete(*slot.items[sight:])
                del slot.items[sight:], slot.shown[sight:]
            edges = (self._lefts[column] + pad, self._lefts[column + 1] - pad)
            if slot.x != edges:
                slot.x = edges
                for number, (item, (_, look)) in enumerate(zip(slot.items, slot.shown, strict=True)):
                    call(path, "coords", item, edges[look.right], number * row + row // 2)
                    slot.shown[number] = ("\0", look)  # the room is another one, so every text is cut anew
        for slot in self._spare:
            if slot.items and slot.shown[0] != ("", _PLAIN):
                self._body.delete(*slot.items)
                slot.items, slot.shown = [], []
        self._spare = [slot for slot in self._spare if slot.items]

    def _fill(self, top: int) -> None:
        call, path, row_height = self.tk.call, str(self._body), self._row
        fit, fit_small = self._fitter.fit, self._small.fit
        seen = self._seen
        cut: dict[int, int] = {}
        for column, slot in self._slots.items():
            of, right = self.columns[column], self._right[column]
            room = slot.x[1] - slot.x[0]
            shown = slot.shown
            for number, item in enumerate(slot.items):
                row = seen[number] if number < len(seen) else ()
                if row is None:
                    text, look = "…", _NULL
                elif column < len(row):
                    whole, look = self._text(of, row[column], right)
                    text = fit_small(whole, room) if look.small else fit(whole, room)
                    if look.right and text != whole:
                        cut[column] = max(cut.get(column, 0), self._fitter.width(whole))
                else:
                    text, look = "", _PLAIN
                before = shown[number]
                if before == (text, look):
                    continue
                shown[number] = (text, look)
                if before[1] == look:
                    call(path, "itemconfigure", item, "-text", text)
                    continue
                call(
                    path, "itemconfigure", item, "-text", text, "-fill", self._roles[look.role],
                    "-font", self._theme.small if look.small else self._theme.ui, "-anchor", "e" if look.right else "w",
                )  # fmt: skip
                if before[1].right != look.right:
                    call(path, "coords", item, slot.x[look.right], number * row_height + row_height // 2)

        self._widen(cut)

    def _widen(self, cut: Mapping[int, int]) -> None:
        """Make room for numbers, which mean something else when they are cut."""
        wider = {column: width for column, width in cut.items() if column not in self.view.chosen}
        for column, width in wider.items():
            self.view.widths[column] = min(width + 2 * self._pad, round(SUGGESTED * self._unit)) / self._unit
        if any(self._width(column) != self._lefts[column + 1] - self._lefts[column] for column in wider):
            self._lay_out()

    def _text(self, column: Column, cell: Cell, right: bool) -> tuple[str, _Look]:
        if cell is None:
            return self._null, _NULL_NUMBER if right else _NULL
        if column.kind is ValueKind.DYNAMIC:
            right = isinstance(cell, int | float)
        text = cell_line(column, cell)
        if self._needle and self._needle in text.casefold():
            return text, _Look(right, "accent", False)
        return text, _NUMBER if right else _PLAIN

    def _draw_numbers(self, top: int, sight: int) -> None:
        digits = len(f"{max(self._count, 100):,}")
        width = self._small.width("0") * digits + 2 * self._pad
        if int(self._index.cget("width")) != width:
            self._index.configure(width=width)
            self._corner.configure(width=width)
            self._index.delete("all")
            self._numbers = []
        for number in range(len(self._numbers), sight):
            y = number * self._row + self._row // 2
            item = self._index.create_text(width - self._pad, y, anchor="e", font=self._theme.small)
            self._numbers.append((item, ("", "")))
        if len(self._numbers) > sight:
            self._index.delete(*(item for item, _ in self._numbers[sight:]))
            del self._numbers[sight:]
        touched = self.selection.clipped(self._count, max(len(self.columns), 1))
        for number, (item, shown) in enumerate(self._numbers):
            row = top + number
            role = "faint"
            if row == self.selection.row:
                role = "accent"
            elif any(each.top <= row < each.bottom for each in touched):
                role = "text"
            now = (f"{row + 1:,}" if row < self._count else "", role)
            if now != shown:
                self._numbers[number] = (item, now)
                self._index.itemconfigure(item, text=now[0], fill=self._theme.color(role))

    def _draw_ground(self, top: int, sight: int) -> None:
        """Draw what lies under the texts: stripes, lines between the columns, the selection, the cursor."""
        body, color, row = self._body, self._theme.color, self._row
        width = max(self._lefts[-1], 1)
        rows = min(sight, self._count - top)
        focus = self._focused
        now = (
            top & 1, rows, width, top, focus, tuple(self.selection.ranges), self.selection.row, self.selection.column,
            tuple(self._lefts[column + 1] for column in self._slots),
        )  # fmt: skip
        if now == self._ranges_drawn:
            return
        before, self._ranges_drawn = self._ranges_drawn, now
        if before[:3] != now[:3]:
            body.delete("stripe")
            for number in range(1 - (top & 1), rows, 2):
                body.create_rectangle(
                    0, number * row, width, number * row + row, fill=color("stripe"), width=0, tags="stripe"
                )
        if before[8:] != now[8:] or before[1:2] != now[1:2]:
            body.delete("line")
            for column in self._slots:
                x = self._lefts[column + 1] - 1
                body.create_line(x, 0, x, rows * row, fill=color("border"), tags="line")
        body.delete("range")
        fill = color("selection" if focus else "selection_idle")
        for each in self.selection.clipped(self._count, len(self.columns)):
            if (drawn := self._place(each, top, sight)) is not None and not (self.selection.single and not focus):
                body.create_rectangle(*drawn, fill=fill, width=0, tags="range")
        body.tag_lower("line")
        body.tag_lower("range")
        body.tag_lower("stripe")
        cursor = self.selection
        place = self._place(Range(cursor.row, cursor.column, cursor.row + 1, cursor.column + 1), top, sight)
        if place is None or cursor.row >= self._count or cursor.column >= len(self.columns):
            body.itemconfigure(self._cursor, state="hidden")
        else:
            left, upper, right, lower = place
            body.coords(self._cursor, left, upper, right - 1, lower - 1)
            body.itemconfigure(self._cursor, state="normal", outline=color("accent" if focus else "faint"))
        if self._count == 0 and self.empty_text:
            body.coords(self._said, self._x + body.winfo_width() // 2, body.winfo_height() // 2)
            body.itemconfigure(self._said, text=self.empty_text, state="normal")
        else:
            body.itemconfigure(self._said, state="hidden")

    def _place(self, each: Range, top: int, sight: int) -> tuple[int, int, int, int] | None:
        """Return where the part of a range that is in sight stands, in pixels."""
        first, last = max(each.top, top), min(each.bottom, top + sight)
        if first >= last:
            return None
        upper, lower = (first - top) * self._row, (last - top) * self._row
        left, right = self._lefts[min(each.left, len(self._lefts) - 1)], self._lefts[min(each.right, len(self.columns))]
        return left, upper, right, lower

    def _draw_head(self, columns: range) -> None:
        chosen = {
            column
            for each in self.selection.clipped(max(self._count, 1), len(self.columns))
            for column in range(max(each.left, columns.start), min(each.right, columns.stop))
        }
        now = (columns, tuple(self._marks.items()), frozenset(chosen), tuple(self._right[columns.start : columns.stop]))
        if now == self._head_drawn:
            return
        self._head_drawn = now
        head, theme, px, color = self._head, self._theme, self._theme.px, self._theme.color
        head.delete("all")
        height = int(head.cget("height"))
        line = theme.ui.metrics("linespace")
        middle = px(5) + line // 2
        for column in columns:
            of, left, right = self.columns[column], self._lefts[column], self._lefts[column + 1]
            if column in chosen:
                head.create_rectangle(left, 0, right, height, fill=color("raised"), width=0)
            head.create_line(right - 1, px(5), right - 1, height - px(5), fill=color("border"))
            start, end = left + self._pad, right - self._pad
            if (mark := self._marks.get(column)) is not None:
                sign = ("▼" if mark.descending else "▲") + (str(mark.rank) if mark.rank else "")
                head.create_text(end, middle, anchor="e", text=sign, fill=color("accent"), font=theme.small)
                end -= self._small.width(sign) + px(4)
            at = end if self._right[column] else start
            anchor: Literal["e", "w"] = "e" if self._right[column] else "w"
            name = self._bold.fit(visible(of.name[:200]), end - start)
            head.create_text(at, middle, anchor=anchor, text=name, fill=color("text"), font=theme.ui_bold)
            if self._typed:
                at = right - self._pad if self._right[column] else start
                kind = self._small.fit(visible(of.type_name[:100]), right - left - 2 * self._pad)
                below = px(5) + line + theme.small.metrics("linespace") // 2
                head.create_text(at, below, anchor=anchor, text=kind, fill=color("faint"), font=theme.small)
        head.create_line(0, height - 1, max(self._lefts[-1], 1), height - 1, fill=color("border"))
        self._corner.delete("all")
        corner = int(self._corner.cget("width"))
        self._corner.create_line(0, height - 1, corner, height - 1, fill=color("border"))

    def _draw_bars(self) -> None:
        """Show where in the rows and columns this is, on bars that are there only if there is more."""
        count, whole = max(self._count, 1), self._whole_rows()
        self._down.set(self.view.top / count, min((self.view.top + whole) / count, 1.0))
        total, room = max(self._lefts[-1], 1), self._body.winfo_width()
        self._across.set(self._x / total, min((self._x + room) / total, 1.0))
        for bar, needed in ((self._down, whole < self._count), (self._across, room < total)):
            if needed != bool(bar.winfo_manager()):
                if needed:
                    bar.grid()
                else:
                    bar.grid_remove()

    # -- moving and selecting ------------------------------------------------------------------------------------

    def _go(self, row: int, column: int, *, extend: bool) -> None:
        row = max(0, min(row, self._count - 1))
        column = max(0, min(column, len(self.columns) - 1))
        if extend:
            self.selection.extend(row, column)
        else:
            self.selection.go(row, column)
        self.see(row, column)
        self._selected()

    def _selected(self) -> None:
        self.refresh()
        if self._on_select is not None:
            self._on_select()

    def _focus(self, focused: bool) -> None:
        self._focused = focused
        self.refresh()

    def _key(self, event: tk.Event[tk.Misc]) -> str | None:
        state = int(event.state)
        extend, control = bool(state & _SHIFT), bool(state & _CONTROL)
        if self._count == 0 or not self.columns:
            return None
        selection = self.selection
        row, column = selection.corner if extend else (selection.row, selection.column)
        last_row, last_column = self._count - 1, len(self.columns) - 1
        key = event.keysym.removeprefix("KP_")
        if key in _STEPS:
            down, across = _STEPS[key]
            if control:
                row = row if not down else 0 if down < 0 else last_row
                column = column if not across else 0 if across < 0 else last_column
            else:
                row, column = row + down, column + across
        elif key in _PAGE:
            if control:
                return None  # the window's, for its tabs
            self._scroll_to(self.view.top + _PAGE[key] * self._whole_rows())
            row += _PAGE[key] * self._whole_rows()
        elif key == "Home":
            row, column = 0 if control else row, 0
        elif key == "End":
            row, column = last_row if control else row, last_column
        elif key in ("Return", "Enter"):
            return self._open(selection.row, selection.column)
        elif key == "space" and control:
            selection.columns(selection.row, selection.column)
            self._selected()
            return "break"
        elif key == "space" and extend:
            selection.rows(selection.row, selection.column)
            self._selected()
            return "break"
        elif key in ("a", "A") and control:
            self.select_everything()
            return "break"
        elif key == "Escape" and not selection.single:
            selection.go(selection.row, selection.column)
            self._selected()
            return "break"
        elif key in ("Menu", "F10") and (key == "Menu" or extend):
            return self._menu_by_key(event)
        else:
            return None
        self._go(row, column, extend=extend)
        return "break"

    def _open(self, row: int, column: int) -> str:
        if self._on_open is not None and row < self._count and 0 <= column < len(self.columns):
            self._on_open(row, column)
        return "break"

    # -- the pointer ---------------------------------------------------------------------------------------------

    def _cell_at(self, event: tk.Event[tk.Misc]) -> tuple[int, int]:
        """Return the cell nearest to the pointer."""
        row = self.view.top + event.y // self._row
        column = self._column_at(event.x)
        return max(0, min(row, self._count - 1)), max(0, min(column, len(self.columns) - 1))

    def _press_cell(self, event: tk.Event[tk.Misc]) -> None:
        self._body.focus_set()
        if self._count == 0 or not self.columns:
            return
        row, column = self._cell_at(event)
        state = int(event.state)
        if state & _SHIFT:
            self.selection.extend(row, column)
        elif state & _CONTROL:
            self.selection.add(row, column)
        else:
            self.selection.go(row, column)
        self.see(row, column)
        self._selected()
        self._drag = self._drag_cells

    def _double_cell(self, event: tk.Event[tk.Misc]) -> None:
        if self._count and event.y // self._row + self.view.top < self._count:
            self._open(*self._cell_at(event))

    def _press_corner(self, event: tk.Event[tk.Misc]) -> None:
        self._body.focus_set()
        self.select_everything()

    def _press_number(self, event: tk.Event[tk.Misc]) -> None:
        self._body.focus_set()
        if self._count == 0:
            return
        row, column = self._cell_at(event)[0], self.selection.column
        state = int(event.state)
        if state & _SHIFT:
            self.selection.extend(row, column)
        else:
            self.selection.rows(row, column, add=bool(state & _CONTROL))
        self._selected()
        self._drag = self._drag_cells

    def _drag_cells(self, event: tk.Event[tk.Misc]) -> None:
        row, column = self._cell_at(event)
        self.selection.extend(row, column)
        across = event.widget is self._index
        self.see(row, self.selection.column if across else column)
        self._selected()

    def _dragged(self, event: tk.Event[tk.Misc]) -> None:
        if self._drag is not None:
            self._drag_event = event
            self._drag(event)
            outside = not (0 <= event.y < self._body.winfo_height() and 0 <= event.x < self._body.winfo_width())
            if outside and self._scroll_id is None and self._drag == self._drag_cells:
                self._scroll_id = self.after(50, self._drag_on)

    def _drag_on(self) -> None:
        """Go on selecting while the pointer rests outside."""
        self._scroll_id = None
        if self._drag is not None and self._drag_event is not None:
            event, height = self._drag_event, self._body.winfo_height()
            if event.widget is not self._head:
                self._scroll_by(
                    (event.y - height) // self._row + 1 if event.y >= height else min(event.y // self._row, 0)
                )
            self._dragged(event)

    def _dropped(self, event: tk.Event[tk.Misc]) -> None:
        end, self._drag_end = self._drag_end, None
        self._stop_drag()
        if end is not None:
            end(event)

    def _stop_drag(self) -> None:
        self._drag = self._drag_end = self._drag_event = None
        if self._scroll_id is not None:
            self.after_cancel(self._scroll_id)
            self._scroll_id = None

    def _press_head(self, event: tk.Event[tk.Misc]) -> None:
        self._body.focus_set()
        border = self._border_at(event.x)
        if border is not None:
            self._drag = lambda event: self._resize(border, event.x)
            return
        column = self._column_at(event.x)
        if not 0 <= column < len(self.columns):
            return
        state = int(event.state)
        if state & _CONTROL:
            self.selection.columns(self._first_row(), column, add=True)
            self._selected()
            return
        started = event.x
        selecting = False

        def drag(event: tk.Event[tk.Misc]) -> None:
            nonlocal selecting
            if not selecting and abs(event.x - started) > self._theme.px(6):
                selecting = True
                self.selection.columns(self._first_row(), column)
            if selecting:
                to = max(0, min(self._column_at(event.x), len(self.columns) - 1))
                self.selection.extend(self.selection.row, to)
                self.see(self._first_row(), to)
                self._selected()

        def drop(event: tk.Event[tk.Misc]) -> None:
            if not selecting and self._on_sort is not None and self._column_at(event.x) == column:
                self._on_sort(column, bool(state & _SHIFT))

        self._drag, self._drag_end = drag, drop

    def _double_head(self, event: tk.Event[tk.Misc]) -> None:
        if (border := self._border_at(event.x)) is not None:
            self._stop_drag()
            self.fit_columns([border])
        else:
            self._press_head(event)  # the second of two quick clicks counts as well

    def _resize(self, column: int, x: int) -> None:
        width = (x + self._x - self._lefts[column]) / self._unit
        self.view.widths[column] = max(NARROWEST, min(width, WIDEST))
        self.view.chosen.add(column)
        self._lay_out()

    def _over_head(self, event: tk.Event[tk.Misc]) -> None:
        cursor = "sb_h_double_arrow" if self._border_at(event.x) is not None else ""
        if self._head.cget("cursor") != cursor:
            self._head.configure(cursor=cursor)

    def _menu_cell(self, event: tk.Event[tk.Misc]) -> None:
        self._body.focus_set()
        if self._count and self.columns:
            row, column = self._cell_at(event)
            if not any(each.holds(row, column) for each in self.selection.ranges):
                self.selection.go(row, column)
                self._selected()
            self._menu(event, row, column)

    def _menu_number(self, event: tk.Event[tk.Misc]) -> None:
        self._body.focus_set()
        if self._count:
            row = self._cell_at(event)[0]
            if not any(each.top <= row < each.bottom for each in self.selection.ranges):
                self.selection.rows(row, self.selection.column)
                self._selected()
            self._menu(event, row, -1)

    def _menu_by_key(self, event: tk.Event[tk.Misc]) -> str:
        selection = self.selection
        place = self._place(
            Range(selection.row, selection.column, selection.row + 1, selection.column + 1),
            self.view.top, self._rows_in_sight(),
        )  # fmt: skip
        if place is not None:
            event.x_root = self._body.winfo_rootx() + place[0] - self._x + self._pad
            event.y_root = self._body.winfo_rooty() + place[3]
        self._menu(event, selection.row, selection.column)
        return "break"

    def _menu(self, event: tk.Event[tk.Misc], row: int, column: int) -> None:
        if self._on_menu is not None and column < len(self.columns):
            self._on_menu(event, row, column)

    def _destroyed(self, event: tk.Event[tk.Misc]) -> None:
        if event.widget is self:
            for pending in (self._draw_id, self._look_id, self._scroll_id):
                if pending is not None:
                    self.after_cancel(pending)
            self._draw_id = self._look_id = self._scroll_id = None
