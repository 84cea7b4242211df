"""What the keyboard and the pointer do in a grid: move, select, sort, resize, open."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable
from typing import TYPE_CHECKING

from alveary_shell.widgets.grid_drawing import Drawing
from alveary_shell.widgets.grid_layout import Layout
from alveary_shell.widgets.grid_view import Range

if TYPE_CHECKING:
    from alveary_shell.widgets.grid import Grid

_PAGE = {"Prior": -1, "Next": 1}
_STEPS = {"Up": (-1, 0), "Down": (1, 0), "Left": (0, -1), "Right": (0, 1)}
_SHIFT, _CONTROL = 0x1, 0x4


class Hands:
    """Turns keys, clicks and drags into calls of the grid."""

    def __init__(self, grid: Grid, drawing: Drawing, layout: Layout) -> None:
        self._grid, self._drawing, self._layout = grid, drawing, layout
        self._drag: Callable[[tk.Event[tk.Misc]], None] | None = None
        self._drag_end: Callable[[tk.Event[tk.Misc]], None] | None = None
        self._drag_event: tk.Event[tk.Misc] | None = None
        self._scroll_id: str | None = None
        self._listen()

    def _listen(self) -> None:
        body, head, index, corner = self._drawing.body, self._drawing.head, self._drawing.index, self._drawing.corner
        for canvas in (body, head, index):
            canvas.bind("<B1-Motion>", self._dragged)
            canvas.bind("<ButtonRelease-1>", self._dropped)
        body.bind("<Button-1>", self._press_cell)
        body.bind("<Double-Button-1>", self._double_cell)
        index.bind("<Button-1>", self._press_number)
        head.bind("<Button-1>", self._press_head)
        head.bind("<Double-Button-1>", self._double_head)
        head.bind("<Motion>", self._over_head)
        corner.bind("<Button-1>", self._press_corner)
        aqua = str(body.tk.call("tk", "windowingsystem")) == "aqua"
        for button in ("<Button-3>", "<Control-Button-1>") if aqua else ("<Button-3>",):
            body.bind(button, self._menu_cell)
            head.bind(button, lambda event: self._grid.menu(event, -1, self._layout.at(event.x)))
            index.bind(button, self._menu_number)
        body.bind("<Key>", self._key)

    # -- the keyboard --------------------------------------------------------------------------------------------

    def _key(self, event: tk.Event[tk.Misc]) -> str | None:
        grid = self._grid
        state = int(event.state)
        extend, control = bool(state & _SHIFT), bool(state & _CONTROL)
        if grid.count == 0 or not grid.columns:
            return None
        selection = grid.selection
        row, column = selection.corner if extend else (selection.row, selection.column)
        last_row, last_column = grid.count - 1, len(grid.columns) - 1
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
            grid.scroll_to(grid.view.top + _PAGE[key] * grid.whole_rows())
            row += _PAGE[key] * grid.whole_rows()
        elif key == "Home":
            row, column = 0 if control else row, 0
        elif key == "End":
            row, column = last_row if control else row, last_column
        elif key in ("Return", "Enter"):
            return grid.open(selection.row, selection.column)
        elif key == "space" and control:
            selection.columns(selection.row, selection.column)
            grid.selected()
            return "break"
        elif key == "space" and extend:
            selection.rows(selection.row, selection.column)
            grid.selected()
            return "break"
        elif key in ("a", "A") and control:
            grid.select_everything()
            return "break"
        elif key == "Escape" and not selection.single:
            selection.go(selection.row, selection.column)
            grid.selected()
            return "break"
        elif key in ("Menu", "F10") and (key == "Menu" or extend):
            return self._menu_by_key(event)
        else:
            return None
        grid.go(row, column, extend=extend)
        return "break"

    # -- the pointer ---------------------------------------------------------------------------------------------

    def _cell_at(self, event: tk.Event[tk.Misc]) -> tuple[int, int]:
        """Return the cell nearest to the pointer."""
        grid = self._grid
        row = grid.view.top + event.y // self._layout.row
        column = self._layout.at(event.x)
        return max(0, min(row, grid.count - 1)), max(0, min(column, len(grid.columns) - 1))

    def _press_cell(self, event: tk.Event[tk.Misc]) -> None:
        grid = self._grid
        self._drawing.body.focus_set()
        if grid.count == 0 or not grid.columns:
            return
        row, column = self._cell_at(event)
        state = int(event.state)
        if state & _SHIFT:
            grid.selection.extend(row, column)
        elif state & _CONTROL:
            grid.selection.add(row, column)
        else:
            grid.selection.go(row, column)
        grid.see(row, column)
        grid.selected()
        self._drag = self._drag_cells

    def _double_cell(self, event: tk.Event[tk.Misc]) -> None:
        grid = self._grid
        if grid.count and event.y // self._layout.row + grid.view.top < grid.count:
            grid.open(*self._cell_at(event))

    def _press_corner(self, event: tk.Event[tk.Misc]) -> None:
        grid = self._grid
        self._drawing.body.focus_set()
        grid.select_everything()

    def _press_number(self, event: tk.Event[tk.Misc]) -> None:
        grid = self._grid
        self._drawing.body.focus_set()
        if grid.count == 0:
            return
        row, column = self._cell_at(event)[0], grid.selection.column
        state = int(event.state)
        if state & _SHIFT:
            grid.selection.extend(row, column)
        else:
            grid.selection.rows(row, column, add=bool(state & _CONTROL))
        grid.selected()
        self._drag = self._drag_cells

    def _drag_cells(self, event: tk.Event[tk.Misc]) -> None:
        grid = self._grid
        row, column = self._cell_at(event)
        grid.selection.extend(row, column)
        across = event.widget is self._drawing.index
        grid.see(row, grid.selection.column if across else column)
        grid.selected()

    def _dragged(self, event: tk.Event[tk.Misc]) -> None:
        grid = self._grid
        if self._drag is not None:
            self._drag_event = event
            self._drag(event)
            outside = not (
                0 <= event.y < self._drawing.body.winfo_height() and 0 <= event.x < self._drawing.body.winfo_width()
            )
            if outside and self._scroll_id is None and self._drag == self._drag_cells:
                self._scroll_id = grid.after(50, self._drag_on)

    def _drag_on(self) -> None:
        """Go on selecting while the pointer rests outside."""
        grid = self._grid
        self._scroll_id = None
        if self._drag is not None and self._drag_event is not None:
            event, height = self._drag_event, self._drawing.body.winfo_height()
            if event.widget is not self._drawing.head:
                grid.scroll_by(
                    (event.y - height) // self._layout.row + 1
                    if event.y >= height
                    else min(event.y // self._layout.row, 0)
                )
            self._dragged(event)

    def _dropped(self, event: tk.Event[tk.Misc]) -> None:
        end, self._drag_end = self._drag_end, None
        self.let_go()
        if end is not None:
            end(event)

    def let_go(self) -> None:
        """Forget a drag that is under way."""
        grid = self._grid
        self._drag = self._drag_end = self._drag_event = None
        if self._scroll_id is not None:
            grid.after_cancel(self._scroll_id)
            self._scroll_id = None

    def _press_head(self, event: tk.Event[tk.Misc]) -> None:
        grid = self._grid
        self._drawing.body.focus_set()
        border = self._layout.border_at(event.x)
        if border is not None:
            self._drag = lambda event: grid.resize(border, event.x)
            return
        column = self._layout.at(event.x)
        if not 0 <= column < len(grid.columns):
            return
        state = int(event.state)
        if state & _CONTROL:
            grid.selection.columns(grid.first_row(), column, add=True)
            grid.selected()
            return
        started = event.x
        selecting = False

        def drag(event: tk.Event[tk.Misc]) -> None:
            nonlocal selecting
            if not selecting and abs(event.x - started) > grid.theme.px(6):
                selecting = True
                grid.selection.columns(grid.first_row(), column)
            if selecting:
                to = max(0, min(self._layout.at(event.x), len(grid.columns) - 1))
                grid.selection.extend(grid.selection.row, to)
                grid.see(grid.first_row(), to)
                grid.selected()

        def drop(event: tk.Event[tk.Misc]) -> None:
            if not selecting and grid.on_sort is not None and self._layout.at(event.x) == column:
                grid.on_sort(column, bool(state & _SHIFT))

        self._drag, self._drag_end = drag, drop

    def _double_head(self, event: tk.Event[tk.Misc]) -> None:
        grid = self._grid
        if (border := self._layout.border_at(event.x)) is not None:
            self.let_go()
            grid.fit_columns([border])
        else:
            self._press_head(event)  # the second of two quick clicks counts as well

    def _over_head(self, event: tk.Event[tk.Misc]) -> None:
        cursor = "sb_h_double_arrow" if self._layout.border_at(event.x) is not None else ""
        if self._drawing.head.cget("cursor") != cursor:
            self._drawing.head.configure(cursor=cursor)

    def _menu_cell(self, event: tk.Event[tk.Misc]) -> None:
        grid = self._grid
        self._drawing.body.focus_set()
        if grid.count and grid.columns:
            row, column = self._cell_at(event)
            if not any(each.holds(row, column) for each in grid.selection.ranges):
                grid.selection.go(row, column)
                grid.selected()
            grid.menu(event, row, column)

    def _menu_number(self, event: tk.Event[tk.Misc]) -> None:
        grid = self._grid
        self._drawing.body.focus_set()
        if grid.count:
            row = self._cell_at(event)[0]
            if not any(each.top <= row < each.bottom for each in grid.selection.ranges):
                grid.selection.rows(row, grid.selection.column)
                grid.selected()
            grid.menu(event, row, -1)

    def _menu_by_key(self, event: tk.Event[tk.Misc]) -> str:
        grid = self._grid
        selection = grid.selection
        place = self._drawing.place(
            Range(selection.row, selection.column, selection.row + 1, selection.column + 1),
            grid.view.top, grid.rows_in_sight(),
        )  # fmt: skip
        if place is not None:
            event.x_root = self._drawing.body.winfo_rootx() + place[0] - self._layout.x + self._layout.pad
            event.y_root = self._drawing.body.winfo_rooty() + place[3]
        grid.menu(event, selection.row, selection.column)
        return "break"
