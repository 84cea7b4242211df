"""What a grid has drawn on its canvases: items that are kept and changed, so that nothing is drawn twice."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from alveary.contracts.values import Row
from alveary_shell.theme import Theme
from alveary_shell.widgets.grid_layout import NULL, PLAIN, Layout, Look, cell_look
from alveary_shell.widgets.grid_text import visible
from alveary_shell.widgets.grid_view import Mark, Range, Selection


@dataclass(frozen=True, slots=True)
class Scene:
    """What is in sight."""

    rows: Sequence[Row | None]
    """From the first in sight on; None is one that is not at hand yet."""
    top: int
    sight: int
    """The number of the first row, and for how many rows there is room, the last one perhaps in part."""
    count: int
    """How many rows there are in all."""
    columns: range
    selection: Selection
    focused: bool
    marks: Mapping[int, Mark]
    needle: str
    """What stands out in the cells, folded; "" for nothing."""
    empty_text: str


class _Slot:
    """The text items of one visible column, from top to bottom, and what each shows."""

    __slots__ = ("items", "shown", "x")

    def __init__(self) -> None:
        self.items: list[int] = []
        self.shown: list[tuple[str, Look]] = []
        self.x = (0, 0)


class Drawing:
    """The canvases of a grid and the items on them."""

    def __init__(self, master: tk.Misc, theme: Theme, layout: Layout) -> None:
        self._theme, self._layout = theme, layout
        plain: dict[str, Any] = {"highlightthickness": 0, "borderwidth": 0}
        self.corner = tk.Canvas(master, takefocus=False, **plain)
        self.head = tk.Canvas(master, takefocus=False, confine=False, xscrollincrement=1, **plain)
        self.index = tk.Canvas(master, takefocus=False, **plain)
        self.body = tk.Canvas(master, takefocus=True, confine=False, xscrollincrement=1, **plain)
        self.slots: dict[int, _Slot] = {}
        self._spare: list[_Slot] = []
        self._numbers: list[tuple[int, tuple[str, str]]] = []
        self._ranges_drawn: tuple[object, ...] = ()
        self._head_drawn: tuple[object, ...] = ()
        self._roles: dict[str, str] = {}
        self._cursor = self.body.create_rectangle(0, 0, 0, 0, state="hidden")
        self._said = self.body.create_text(0, 0, state="hidden")

    def repaint(self) -> None:
        """Take the theme's colours and fonts anew; everything is to be drawn again."""
        theme, px, color = self._theme, self._theme.px, self._theme.color
        self._roles = {role: color(role) for role in ("text", "faint", "accent")}
        line = theme.ui.metrics("linespace")
        height = line + px(10) + (theme.small.metrics("linespace") if self._layout.typed else 0)
        for canvas, role in (
            (self.corner, "surface"),
            (self.head, "surface"),
            (self.index, "surface"),
            (self.body, "background"),
        ):
            canvas.configure(background=color(role))
        self.head.configure(height=height)
        self.corner.configure(height=height)
        self.body.itemconfigure(self._cursor, outline=color("accent"), width=px(1.5))
        self.body.itemconfigure(self._said, fill=color("faint"), font=theme.ui, anchor="center")
        for slot in (*self.slots.values(), *self._spare):
            self.body.delete(*slot.items)
        self.body.delete("stripe", "line", "range")
        self.index.delete("all")
        self.slots, self._spare, self._numbers = {}, [], []
        self._ranges_drawn = self._head_drawn = ()

    def laid_out(self) -> None:
        """Take note that the columns stand elsewhere."""
        self._head_drawn = ()
        for canvas in (self.head, self.body):
            canvas.configure(scrollregion=(0, 0, max(self._layout.total, 1), 1))
        for column, slot in self.slots.items():
            if column < len(self._layout.columns):
                slot.x = (0, 0)

    def pan(self) -> None:
        """Move the canvases to where the layout says the columns are."""
        for canvas in (self.head, self.body):
            canvas.xview_moveto(self._layout.x / max(self._layout.total, 1))

    def draw(self, scene: Scene) -> dict[int, int]:
        """Draw what is in sight; return the columns whose numbers had no room, with the pixels they need."""
        self._place_slots(scene.columns, scene.sight)
        cut = self._fill(scene)
        self._draw_numbers(scene)
        self._draw_ground(scene)
        self._draw_cursor(scene)
        self._draw_head(scene)
        return cut

    def place(self, each: Range, top: int, sight: int) -> tuple[int, int, int, int] | None:
        """Return where the part of a range that is in sight stands, in pixels."""
        first, last = max(each.top, top), min(each.bottom, top + sight)
        if first >= last:
            return None
        lefts, row = self._layout.lefts, self._layout.row
        upper, lower = (first - top) * row, (last - top) * row
        left, right = lefts[min(each.left, len(lefts) - 1)], lefts[min(each.right, len(self._layout.columns))]
        return left, upper, right, lower

    def _place_slots(self, columns: range, sight: int) -> None:
        """Give every visible column a slot of as many items as there are rows in sight."""
        for column in [column for column in self.slots if column not in columns]:
            slot = self.slots.pop(column)
            slot.x = (0, 0)
            self._spare.append(slot)
        body, lefts, row, pad = self.body, self._layout.lefts, self._layout.row, self._layout.pad
        call, path = body.tk.call, str(body)
        for column in columns:
            slot = self.slots.get(column) or (self._spare.pop() if self._spare else _Slot())
            self.slots[column] = slot
            while len(slot.items) < sight:
                middle = len(slot.items) * row + row // 2
                slot.items.append(
                    body.create_text(-9, middle, anchor="w", font=self._theme.ui, fill=self._roles["text"], tags="cell")
                )
                slot.shown.append(("", PLAIN))
                slot.x = (0, 0)
            if len(slot.items) > sight:
                body.delete(*slot.items[sight:])
                del slot.items[sight:], slot.shown[sight:]
            edges = (lefts[column] + pad, lefts[column + 1] - pad)
            if slot.x != edges:
                slot.x = edges
                for number, (item, (_, look)) in enumerate(zip(slot.items, slot.shown, strict=True)):
                    call(path, "coords", item, edges[look.right], number * row + row // 2)
                    slot.shown[number] = ("\0", look)  # the room is another one, so every text is cut anew
        for slot in self._spare:
            if slot.items and slot.shown[0] != ("", PLAIN):
                body.delete(*slot.items)
                slot.items, slot.shown = [], []
        self._spare = [slot for slot in self._spare if slot.items]

    def _fill(self, scene: Scene) -> dict[int, int]:
        layout, call, path = self._layout, self.body.tk.call, str(self.body)
        fit, fit_small, row_height = layout.plain.fit, layout.small.fit, layout.row
        seen, needle = scene.rows, scene.needle
        cut: dict[int, int] = {}
        for column, slot in self.slots.items():
            of, right = layout.columns[column], layout.right[column]
            room = slot.x[1] - slot.x[0]
            shown = slot.shown
            for number, item in enumerate(slot.items):
                row = seen[number] if number < len(seen) else ()
                if row is None:
                    text, look = "…", NULL
                elif column < len(row):
                    whole, look = cell_look(of, row[column], right=right)
                    if needle and row[column] is not None and needle in whole.casefold():
                        look = Look(look.right, "accent", False)
                    text = fit_small(whole, room) if look.small else fit(whole, room)
                    if look.right and text != whole:
                        cut[column] = max(cut.get(column, 0), layout.plain.width(whole))
                else:
                    text, look = "", PLAIN
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
        return cut

    def _draw_numbers(self, scene: Scene) -> None:
        layout, index, selection = self._layout, self.index, scene.selection
        digits = len(f"{max(scene.count, 100):,}")
        width = layout.small.width("0") * digits + 2 * layout.pad
        if int(index.cget("width")) != width:
            index.configure(width=width)
            self.corner.configure(width=width)
            index.delete("all")
            self._numbers = []
        for number in range(len(self._numbers), scene.sight):
            y = number * layout.row + layout.row // 2
            item = index.create_text(width - layout.pad, y, anchor="e", font=self._theme.small)
            self._numbers.append((item, ("", "")))
        if len(self._numbers) > scene.sight:
            index.delete(*(item for item, _ in self._numbers[scene.sight :]))
            del self._numbers[scene.sight :]
        touched = selection.clipped(scene.count, max(len(layout.columns), 1))
        for number, (item, shown) in enumerate(self._numbers):
            row = scene.top + number
            role = "faint"
            if row == selection.row:
                role = "accent"
            elif any(each.top <= row < each.bottom for each in touched):
                role = "text"
            now = (f"{row + 1:,}" if row < scene.count else "", role)
            if now != shown:
                self._numbers[number] = (item, now)
                index.itemconfigure(item, text=now[0], fill=self._theme.color(role))

    def _draw_ground(self, scene: Scene) -> None:
        """Draw what lies under the texts: stripes, lines between the columns, the selection."""
        body, color, lefts, row = self.body, self._theme.color, self._layout.lefts, self._layout.row
        top, sight, selection = scene.top, scene.sight, scene.selection
        width = max(self._layout.total, 1)
        rows = min(sight, scene.count - top)
        ground = top & 1, rows, width
        lines = tuple(lefts[column + 1] for column in self.slots)
        ranges = top, scene.focused, tuple(selection.ranges), selection.row, selection.column
        now = (ground, lines, ranges)
        if now == self._ranges_drawn:
            return
        before, self._ranges_drawn = self._ranges_drawn or ((), (), ()), now
        if before[0] != ground:
            body.delete("stripe")
            for number in range(1 - (top & 1), rows, 2):
                body.create_rectangle(
                    0, number * row, width, number * row + row, fill=color("stripe"), width=0, tags="stripe"
                )
        if before[:2] != now[:2]:
            body.delete("line")
            for x in lines:
                body.create_line(x - 1, 0, x - 1, rows * row, fill=color("border"), tags="line")
        body.delete("range")
        fill = color("selection" if scene.focused else "selection_idle")
        for each in selection.clipped(scene.count, len(self._layout.columns)):
            drawn = self.place(each, top, sight)
            if drawn is not None and not (selection.single and not scene.focused):
                body.create_rectangle(*drawn, fill=fill, width=0, tags="range")
        body.tag_lower("line")
        body.tag_lower("range")
        body.tag_lower("stripe")

    def _draw_cursor(self, scene: Scene) -> None:
        """Draw the cursor, or what is said where there are no rows."""
        body, at = self.body, scene.selection
        place = self.place(Range(at.row, at.column, at.row + 1, at.column + 1), scene.top, scene.sight)
        if place is None or at.row >= scene.count or at.column >= len(self._layout.columns):
            body.itemconfigure(self._cursor, state="hidden")
        else:
            left, upper, right, lower = place
            body.coords(self._cursor, left, upper, right - 1, lower - 1)
            color = self._theme.color("accent" if scene.focused else "faint")
            body.itemconfigure(self._cursor, state="normal", outline=color)
        if scene.count == 0 and scene.empty_text:
            body.coords(self._said, self._layout.x + body.winfo_width() // 2, body.winfo_height() // 2)
            body.itemconfigure(self._said, text=scene.empty_text, state="normal")
        else:
            body.itemconfigure(self._said, state="hidden")

    def _draw_head(self, scene: Scene) -> None:
        layout, columns = self._layout, scene.columns
        chosen = {
            column
            for each in scene.selection.clipped(max(scene.count, 1), len(layout.columns))
            for column in range(max(each.left, columns.start), min(each.right, columns.stop))
        }
        marks = tuple(scene.marks.items())
        now = (columns, marks, frozenset(chosen), tuple(layout.right[columns.start : columns.stop]))
        if now == self._head_drawn:
            return
        self._head_drawn = now
        head, color, px = self.head, self._theme.color, self._theme.px
        head.delete("all")
        height = int(head.cget("height"))
        for column in columns:
            left, right = layout.lefts[column], layout.lefts[column + 1]
            if column in chosen:
                head.create_rectangle(left, 0, right, height, fill=color("raised"), width=0)
            head.create_line(right - 1, px(5), right - 1, height - px(5), fill=color("border"))
            self._draw_name(column, scene.marks.get(column))
        head.create_line(0, height - 1, max(layout.total, 1), height - 1, fill=color("border"))
        self.corner.delete("all")
        corner = int(self.corner.cget("width"))
        self.corner.create_line(0, height - 1, corner, height - 1, fill=color("border"))

    def _draw_name(self, column: int, mark: Mark | None) -> None:
        """Draw a column's name, the sign of its order, and its type below."""
        head, theme, px, color, layout = self.head, self._theme, self._theme.px, self._theme.color, self._layout
        of, right = layout.columns[column], layout.right[column]
        start, end = layout.lefts[column] + layout.pad, layout.lefts[column + 1] - layout.pad
        line = theme.ui.metrics("linespace")
        middle = px(5) + line // 2
        edges = start, end
        if mark is not None:
            sign = ("▼" if mark.descending else "▲") + (str(mark.rank) if mark.rank else "")
            head.create_text(end, middle, anchor="e", text=sign, fill=color("accent"), font=theme.small)
            end -= layout.small.width(sign) + px(4)
        anchor: Literal["e", "w"] = "e" if right else "w"
        name = layout.bold.fit(visible(of.name[:200]), end - start)
        head.create_text(
            end if right else start, middle, anchor=anchor, text=name, fill=color("text"), font=theme.ui_bold
        )
        if layout.typed:
            kind = layout.small.fit(visible(of.type_name[:100]), edges[1] - edges[0])
            below = px(5) + line + theme.small.metrics("linespace") // 2
            head.create_text(edges[right], below, anchor=anchor, text=kind, fill=color("faint"), font=theme.small)
