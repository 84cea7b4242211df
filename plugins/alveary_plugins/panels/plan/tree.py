"""A plan on a canvas: the lines in sight are drawn, by the routine that also draws the picture."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable

from alveary.contracts.plan import Plan
from alveary.explaining.drawing import Box, Label, PlanDrawing, Shape
from alveary_shell.theme import Theme
from alveary_shell.widgets.focus import focused
from alveary_shell.widgets.scrollbar import AutoScrollbar

SOON_MILLISECONDS = 8
LEAST = 200
"""Pixels a tree asks for; it takes what it gets."""
_KEYS = {"Up": -1, "Down": 1}


class _Measures:
    """Measures texts in the window's font, each once."""

    def __init__(self, theme: Theme) -> None:
        self._fonts = {False: theme.ui, True: theme.ui_bold}
        self._known: dict[tuple[str, bool], int] = {}
        self.line = int(theme.ui.metrics("linespace"))

    def width(self, text: str, *, bold: bool = False) -> int:
        """Return how wide a text is."""
        key = (text, bold)
        if (found := self._known.get(key)) is None:
            found = self._known[key] = self._fonts[bold].measure(text)
        return found


class PlanTree(tk.Frame):
    """The tree: steps are selected, folded and unfolded by keys and pointer."""

    def __init__(
        self,
        master: tk.Misc,
        theme: Theme,
        *,
        selected: Callable[[int], object],
        menu: Callable[[tk.Event[tk.Misc]], object],
    ) -> None:
        super().__init__(master, borderwidth=0)
        self._theme, self._selected, self._menu = theme, selected, menu
        self._plan: Plan | None = None
        self._closed: set[int] = set()
        self.chosen = 1
        """The number of the step that is selected."""
        self._drawing: PlanDrawing | None = None
        self._measures = _Measures(theme)
        self._after: str | None = None
        self._head = tk.Canvas(self, highlightthickness=0, borderwidth=0, takefocus=False, width=LEAST)
        self._head.pack(fill="x")
        body = tk.Frame(self, borderwidth=0)
        body.pack(fill="both", expand=True)
        self.canvas = tk.Canvas(body, highlightthickness=0, borderwidth=0, takefocus=True, width=LEAST)
        self.canvas.pack(side="left", fill="both", expand=True)
        self._bar = AutoScrollbar(self.canvas)
        self.canvas.configure(yscrollcommand=self._scrolled)
        self.canvas.bind("<Configure>", lambda _: self._lay_out())
        self.canvas.bind("<Button-1>", self._pressed)
        self.canvas.bind("<Double-1>", self._pressed_twice)
        self.canvas.bind("<Button-3>", self._context)
        self.canvas.bind("<Key>", self._key)
        for event in ("<FocusIn>", "<FocusOut>"):
            self.canvas.bind(event, lambda _: self._soon())
        for event, step in (("<Button-4>", -3), ("<Button-5>", 3)):
            self.canvas.bind(event, lambda _, step=step: self._wheel(step))  # type: ignore[misc]  # mypy can't infer a default
        self.canvas.bind("<MouseWheel>", lambda event: self._wheel(-3 if event.delta > 0 else 3))
        self.bind("<Destroy>", self._destroyed, add="+")
        theme.follow(self, self._paint)

    def show(self, plan: Plan | None, closed: set[int], chosen: int) -> None:
        """Show a plan with what is folded away and the step that is selected; the set is changed by folding."""
        self._plan, self._closed, self.chosen = plan, closed, chosen
        self._lay_out()
        self.canvas.yview_moveto(0)
        self._into_sight()

    @property
    def numbers(self) -> list[int]:
        """The numbers of the steps that are not folded away, in their order."""
        return [row.number for row in self._drawing.rows] if self._drawing is not None else []

    def choose(self, number: int) -> None:
        """Select a step, unfolding what stands above it."""
        if self._plan is None:
            return
        if number not in self.numbers and self._closed:
            self._closed.difference_update(_above(self._plan, number))
            self._lay_out()
        if number in self.numbers:
            self.chosen = number
            self._selected(number)
            self._into_sight()
            self._soon()

    def toggle(self, number: int) -> None:
        """Fold away what stands below a step, or unfold it."""
        self._closed.symmetric_difference_update({number})
        self._lay_out()
        if self.chosen not in self.numbers:
            self.choose(number)

    def fold(self) -> None:
        """Unfold everything, or, where nothing is folded, fold away what stands below the second level."""
        if self._plan is None:
            return
        if self._closed:
            self._closed.clear()
        else:
            found = enumerate(self._plan.nodes(), start=1)
            self._closed.update(number for number, (depth, node) in found if depth == 1 and node.children)
        self._lay_out()
        if self.chosen not in self.numbers:
            self.choose(1)

    # -- drawing ---------------------------------------------------------------------------------------------------

    def _lay_out(self) -> None:
        if self._plan is None:
            self._drawing = None
        else:
            width = max(self.canvas.winfo_width(), LEAST)
            self._drawing = PlanDrawing(self._plan, self._measures, width=width, closed=self._closed)
            self.canvas.configure(scrollregion=(0, 0, self._drawing.width, self._drawing.height))
            self._head.configure(height=self._drawing.row_height)
        self._soon()

    def _soon(self) -> None:
        if self._after is None:
            self._after = self.after(SOON_MILLISECONDS, self._draw)

    def _draw(self) -> None:
        self._after = None
        self.canvas.delete("all")
        self._head.delete("all")
        drawing = self._drawing
        if drawing is None:
            return
        for shape in drawing.head():
            self._put(self._head, shape, "raised")
        top = self.canvas.canvasy(0)
        first = max(0, int(top // drawing.row_height))
        last = min(len(drawing.rows), int((top + self.canvas.winfo_height()) // drawing.row_height) + 1)
        for at in range(first, last):
            ground = "background"
            if drawing.rows[at].number == self.chosen:
                ground = "selection" if focused(self) is self.canvas else "selection_idle"
                bottom = (at + 1) * drawing.row_height
                place = (0, at * drawing.row_height, max(drawing.width, self.canvas.winfo_width()), bottom)
                self.canvas.create_rectangle(*place, fill=self._theme.color(ground), width=0)
            for shape in drawing.row(at):
                self._put(self.canvas, shape, ground)

    def _put(self, canvas: tk.Canvas, shape: Shape, ground: str) -> None:
        theme = self._theme
        if isinstance(shape, Box):
            fill = theme.blend(ground, shape.role, shape.strength)
            canvas.create_rectangle(shape.left, shape.top, shape.right, shape.bottom, fill=fill, width=0)
        elif isinstance(shape, Label):
            canvas.create_text(
                shape.x,
                shape.y,
                text=shape.text,
                anchor="w" if shape.end == "left" else "e",
                fill=theme.color(shape.role),
                font=theme.ui_bold if shape.bold else theme.ui,
                tags="label",
            )
        elif shape.filled:
            canvas.create_polygon(*shape.points, fill=theme.color(shape.role), width=0)
        else:
            canvas.create_line(*shape.points, fill=theme.color(shape.role))

    def _paint(self) -> None:
        self._measures = _Measures(self._theme)
        self.configure(background=self._theme.color("background"))
        for canvas, role in ((self.canvas, "background"), (self._head, "raised")):
            canvas.configure(background=self._theme.color(role), highlightthickness=0)
        self._lay_out()

    # -- hands -----------------------------------------------------------------------------------------------------

    def _scrolled(self, first: float, last: float) -> None:
        self._bar.set(first, last)
        self._soon()

    def _wheel(self, rows: int) -> None:
        drawing = self._drawing
        if drawing is not None and drawing.height > self.canvas.winfo_height():
            top = self.canvas.canvasy(0) + rows * drawing.row_height
            self.canvas.yview_moveto(max(0.0, top) / drawing.height)

    def _into_sight(self) -> None:
        drawing, height = self._drawing, self.canvas.winfo_height()
        if drawing is None or self.chosen not in self.numbers or height < drawing.row_height:
            return  # it has no place yet, in which anything could be seen
        at, top = self.numbers.index(self.chosen), self.canvas.canvasy(0)
        if at * drawing.row_height < top:
            self.canvas.yview_moveto(at * drawing.row_height / drawing.height)
        elif (at + 1) * drawing.row_height > top + height:
            self.canvas.yview_moveto(((at + 1) * drawing.row_height - height) / drawing.height)

    def _at(self, event: tk.Event[tk.Misc]) -> int | None:
        if self._drawing is None:
            return None
        at = int(self.canvas.canvasy(event.y) // self._drawing.row_height)
        return at if 0 <= at < len(self._drawing.rows) else None

    def _pressed(self, event: tk.Event[tk.Misc]) -> None:
        self.canvas.focus_set()
        if (at := self._at(event)) is None or self._drawing is None:
            return
        number = self._drawing.rows[at].number
        if self._drawing.handle_at(at, self.canvas.canvasx(event.x)):
            self.toggle(number)
        else:
            self.choose(number)

    def _pressed_twice(self, event: tk.Event[tk.Misc]) -> None:
        at = self._at(event)
        if at is None or self._drawing is None or self._drawing.handle_at(at, self.canvas.canvasx(event.x)):
            return
        if self._drawing.rows[at].is_parent:
            self.toggle(self._drawing.rows[at].number)

    def _context(self, event: tk.Event[tk.Misc]) -> None:
        self._pressed(event)
        self._menu(event)

    def _key(self, event: tk.Event[tk.Misc]) -> str | None:
        drawing = self._drawing
        if drawing is None or self.chosen not in self.numbers:
            return None
        at = self.numbers.index(self.chosen)
        row = drawing.rows[at]
        page = max(1, self.canvas.winfo_height() // drawing.row_height - 1)
        steps = {**_KEYS, "Prior": -page, "Next": page, "Home": -len(drawing.rows), "End": len(drawing.rows)}
        if event.keysym in steps:
            to = min(max(at + steps[event.keysym], 0), len(drawing.rows) - 1)
            self.choose(drawing.rows[to].number)
        elif event.keysym == "Left" and row.is_parent and row.is_open:
            self.toggle(row.number)
        elif event.keysym == "Left":
            above = [each.number for each in drawing.rows[:at] if each.depth < row.depth]
            self.choose(above[-1] if above else row.number)
        elif event.keysym in ("Right", "space", "Return") and row.is_parent:
            if event.keysym == "Right" and row.is_open:
                self.choose(drawing.rows[at + 1].number)
            else:
                self.toggle(row.number)
        else:
            return None
        return "break"

    def _destroyed(self, event: tk.Event[tk.Misc]) -> None:
        if event.widget is self and self._after is not None:
            self.after_cancel(self._after)
            self._after = None


def _above(plan: Plan, number: int) -> set[int]:
    """Return the numbers of the steps above one."""
    found: list[tuple[int, int]] = []
    for at, (depth, _) in enumerate(plan.nodes(), start=1):
        while found and found[-1][0] >= depth:
            found.pop()
        if at == number:
            break
        found.append((depth, at))
    return {at for _, at in found}
