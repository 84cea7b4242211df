"""A tree of any size, drawn on one canvas: only the lines in sight exist, so ten thousand of them open at once."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable
from tkinter import ttk

from alveary_shell.theme import Theme
from alveary_shell.widgets.grid_text import ELLIPSIS, Fitter, visible
from alveary_shell.widgets.tip import tip
from alveary_shell.widgets.tree_rows import Line, Node, Sieve, all_lines, find, parts

INDENT = 15
"""Units a line stands further to the right than the one it belongs to."""
NAMED = 90
"""Units of its text that a line shows at least beside the word of a badge."""
LONGEST = 300
"""Characters of a text that are looked at when a line is drawn."""
WHEEL_LINES = 3
TIP_MILLISECONDS = 600
_CONTROL = 0x4


class Tree(tk.Frame):
    """Lines with an icon, a text, a word behind it and a badge; one of them is selected.

    ``on_open(node)`` is called when a node is opened whose children are not known yet; ``on_close(node)`` when one is
    closed. ``on_activate(node)`` is for Enter and a double click; where it returns False the node is opened or closed.
    ``on_menu(node, event)`` is for a context menu, None beside all lines, and ``on_type(text)`` for a letter that is
    typed.
    """

    def __init__(
        self,
        master: tk.Misc,
        theme: Theme,
        *,
        on_open: Callable[[Node], object] | None = None,
        on_close: Callable[[Node], object] | None = None,
        on_activate: Callable[[Node], bool] | None = None,
        on_select: Callable[[], object] | None = None,
        on_menu: Callable[[Node | None, tk.Event[tk.Misc]], object] | None = None,
        on_type: Callable[[str], object] | None = None,
    ) -> None:
        super().__init__(master, borderwidth=0)
        self._theme = theme
        self._on_open, self._on_close, self._on_activate = on_open, on_close, on_activate
        self._on_select, self._on_menu, self._on_type = on_select, on_menu, on_type
        self.roots: list[Node] = []
        self.selected: Node | None = None
        self.empty_text = ""
        """What is said in the middle when no line is left."""
        self.lines: list[Line] = []
        """What can be scrolled to now, from top to bottom."""
        self._sieve: Sieve | None = None
        self._top = 0
        self._stale = True
        self._hover: int | None = None
        self._focused = False
        self._draw_id: str | None = None
        self._tip_id: str | None = None
        self._tip: tk.Toplevel | None = None
        self._cut: set[int] = set()
        self._images: dict[tuple[str, str, int], str] = {}
        self.canvas = tk.Canvas(self, highlightthickness=0, borderwidth=0, takefocus=True)
        self._bar = ttk.Scrollbar(self, orient="vertical", command=self._scrolled)
        self.canvas.pack(side="left", fill="both", expand=True)
        self._listen()
        theme.follow(self, self._paint)
        self.bind("<Destroy>", self._destroyed, add="+")

    # -- what the owner calls ------------------------------------------------------------------------------------

    def show(self, roots: list[Node]) -> None:
        """Show other nodes; the same path stays selected, if it is there."""
        self.roots = roots
        self.refresh()

    def refresh(self) -> None:
        """Draw again, soon: nodes came, or went, or changed."""
        self._stale = True
        self._draw_soon()

    def filter(self, text: str) -> None:
        """Leave only the lines that hold all words of a text, and those they stand in; "" for no filter."""
        self._sieve = Sieve(text) if text.strip() else None
        self._stale = True
        self._update_lines()
        if self._sieve is not None and (self.selected is None or not self._sieve.fits(self.selected)):
            fitting = next((line.node for line in self.lines if self._sieve.fits(line.node)), None)
            self._choose(fitting or (self.lines[0].node if self.lines else None))
        if self.selected is not None:
            self.see(self.selected)
        self._draw_soon()

    @property
    def filtered(self) -> bool:
        """Whether a filter holds."""
        return self._sieve is not None

    def select(self, node: Node) -> None:
        """Select a node, open what it stands in, and bring it into sight."""
        for outer in node.line():
            if outer is not node:
                outer.open = True
        self._stale = True
        self._update_lines()
        self._choose(node)
        self.see(node)

    def see(self, node: Node) -> None:
        """Scroll as little as is needed to have a node's line in sight."""
        at = self._place(node)
        if at is not None:
            whole = self._whole_lines()
            if at < self._top:
                self._scroll_to(at)
            elif at >= self._top + whole:
                self._scroll_to(at - whole + 1)

    def toggle(self, node: Node) -> None:
        """Open a node, or close it."""
        self._set_open(node, not self._is_open(node))

    def focus_set(self) -> None:
        """Give the keyboard to the lines."""
        self.canvas.focus_set()
        if self.selected is None and self.lines:
            self._choose(self.lines[0].node)

    # -- lines ---------------------------------------------------------------------------------------------------

    def _update_lines(self) -> None:
        if self._stale:
            self._stale = False
            self.lines = all_lines(self.roots) if self._sieve is None else self._sieve.lines(self.roots)
            if self.selected is not None:
                self.selected = self._now(self.selected)

    def _now(self, node: Node) -> Node | None:
        """Return what stands where a node stood, or the nearest of those it stood in that is left."""
        path = node.path
        while path:
            if (found := find(self.roots, path)) is not None:
                return found
            path = path[:-1]
        return None

    def _place(self, node: Node | None) -> int | None:
        self._update_lines()
        return next((at for at, line in enumerate(self.lines) if line.node is node), None)

    def _is_open(self, node: Node) -> bool:
        at = self._place(node)
        return self.lines[at].open if at is not None else node.open

    def _set_open(self, node: Node, is_open: bool) -> None:
        if node.leaf:
            return
        if self._sieve is not None and not is_open:
            self._sieve.closed.add(node)
        elif self._sieve is not None:
            self._sieve.closed.discard(node)
        node.open = is_open
        if not is_open and self.selected is not None and node in self.selected.line():
            self._choose(node)
        if is_open and node.children is None and self._on_open is not None:
            self._on_open(node)
        if not is_open and self._on_close is not None:
            self._on_close(node)
        self.refresh()

    def _choose(self, node: Node | None) -> None:
        if node is not self.selected:
            self.selected = node
            if self._on_select is not None:
                self._on_select()
        self._draw_soon()

    # -- drawing -------------------------------------------------------------------------------------------------

    def _paint(self) -> None:
        theme, px = self._theme, self._theme.span
        self.configure(background=theme.color("background"))
        self.canvas.configure(background=theme.color("background"))
        self._row = theme.ui.metrics("linespace") + px(8)
        self._plain, self._small, self._bold = Fitter(theme.ui), Fitter(theme.small), Fitter(theme.ui_bold)
        self._images = {}
        self._draw_soon()

    def _draw_soon(self) -> None:
        if self._draw_id is None:
            self._draw_id = self.after_idle(self._draw)

    def _draw(self) -> None:
        self._draw_id = None
        self._update_lines()
        whole = self._whole_lines()
        self._top = max(0, min(self._top, len(self.lines) - whole))
        canvas, height = self.canvas, max(self.canvas.winfo_height(), 1)
        canvas.delete("all")
        self._cut = set()
        width = canvas.winfo_width()
        for place, line in enumerate(self.lines[self._top : self._top + -(-height // self._row)]):
            self._draw_line(self._top + place, line, place * self._row, width)
        if not self.lines and self.empty_text:
            canvas.create_text(
                width // 2, min(height // 3, 4 * self._row), text=self.empty_text, width=width - self._theme.span(30),
                justify="center", fill=self._theme.color("faint"), font=self._theme.ui,
            )  # fmt: skip
        total = max(len(self.lines), 1)
        self._bar.set(self._top / total, min((self._top + whole) / total, 1.0))
        if (len(self.lines) > whole) != bool(self._bar.winfo_manager()):
            if self._bar.winfo_manager():
                self._bar.pack_forget()
            else:
                self._bar.pack(side="right", fill="y", before=canvas)

    def _draw_line(self, at: int, line: Line, y: int, width: int) -> None:
        canvas, theme, px = self.canvas, self._theme, self._theme.span
        node, middle, row = line.node, y + self._row // 2, self._row
        ground = "background"
        if node is self.selected:
            ground = "selection" if self._focused else "selection_idle"
        elif at == self._hover:
            ground = "raised"
        if ground != "background":
            canvas.create_rectangle(0, y, width, y + row, width=0, fill=theme.color(ground))
        color = next((outer.color for outer in node.line() if outer.color is not None), None)
        if color is not None:
            canvas.create_rectangle(0, y, px(3), y + row, width=0, fill=color)
        x = px(8) + line.depth * px(INDENT)
        if not node.leaf:
            chevron = "chevron-down" if line.open else "chevron-right"
            canvas.create_image(x + px(5), middle, image=self._image(chevron, "muted", 10))
        x += px(16)
        if node.icon:
            canvas.create_image(x + px(8), middle, image=self._image(node.icon, node.icon_role, 14))
            if node.dot is not None:
                self._draw_dot(x + px(14), middle + px(5), node.dot, ground)
            x += px(22)
        aside = "faint" if ground == "background" else "muted"
        end = self._draw_end(node, x, middle, width - px(8), aside)
        self._draw_text(at, node, x, middle, end - px(6), aside)

    def _draw_dot(self, x: int, y: int, role: str, ground: str) -> None:
        self.canvas.create_image(x, y, image=self._image("circle-fill", ground, 10))
        self.canvas.create_image(x, y, image=self._image("circle-fill", role, 7))

    def _draw_end(self, node: Node, start: int, middle: int, end: int, aside: str) -> int:
        """Draw what stands at the end of a line and return where it begins.

        The text, from ``start`` on, comes first: where there is hardly room for both a badge keeps its colour alone,
        and what is aside is left out.
        """
        canvas, theme, px = self.canvas, self._theme, self._theme.span
        needed = self._plain.width(visible(node.text[:LONGEST])) if node.badge is not None or node.aside else 0
        if node.badge is not None:
            text, role = node.badge
            wide = self._small.width(text) + px(12)
            if start + min(needed, px(NAMED)) + px(6) > end - wide:
                text, wide = "", px(8)
            half = theme.small.metrics("linespace") // 2 + px(1)
            left = end - wide
            canvas.create_rectangle(left, middle - half, end, middle + half, width=0, fill=theme.color(role))
            canvas.create_text(left + wide // 2, middle, text=text, font=theme.small, fill=theme.color("background"))
            end = left - px(6)
        if node.aside and start + needed + px(6) <= end - self._small.width(node.aside):
            canvas.create_text(end, middle, anchor="e", text=node.aside, font=theme.small, fill=theme.color(aside))
            end -= self._small.width(node.aside)
        return end

    def _draw_text(self, at: int, node: Node, x: int, middle: int, end: int, aside: str) -> None:
        canvas, theme, px = self.canvas, self._theme, self._theme.span
        whole = visible(node.text[:LONGEST])
        text = self._plain.fit(whole, end - x)
        if text != whole:
            self._cut.add(at)
        role = node.role
        if self._sieve is None or not node.folded:
            canvas.create_text(x, middle, anchor="w", text=text, font=theme.ui, fill=theme.color(role))
            x += self._plain.width(text)
        else:
            for piece, found in parts(text, self._sieve.words):
                wide = self._plain.width(piece)
                if found:
                    half = theme.ui.metrics("linespace") // 2
                    canvas.create_line(
                        x, middle + half - px(1), x + wide, middle + half - px(1), fill=theme.color("accent"),
                        width=px(2),
                    )  # fmt: skip
                fill = theme.color("accent" if found else role)
                canvas.create_text(x, middle, anchor="w", text=piece, font=theme.ui, fill=fill)
                x += wide
        if node.detail and text == whole:
            x += px(8)
            whole = visible(node.detail[:LONGEST])
            detail = self._small.fit(whole, end - x)
            if detail != whole:
                self._cut.add(at)
            if detail and detail != ELLIPSIS:
                canvas.create_text(x, middle, anchor="w", text=detail, font=theme.small, fill=theme.color(aside))

    def _image(self, icon: str, role: str, size: int) -> str:
        wanted = (icon, role, size)
        if wanted not in self._images:
            self._images[wanted] = self._theme.icon(*wanted)
        return self._images[wanted]

    # -- scrolling -----------------------------------------------------------------------------------------------

    def _whole_lines(self) -> int:
        return max(self.canvas.winfo_height() // self._row, 1)

    def _scroll_to(self, top: int) -> None:
        top = max(0, min(top, len(self.lines) - self._whole_lines()))
        if top != self._top:
            self._top = top
            self._hide_tip()
            self._draw_soon()

    def _scroll_by(self, lines: int) -> str:
        self._scroll_to(self._top + lines)
        return "break"

    def _scrolled(self, *words: str) -> None:
        if words[0] == "moveto":
            self._scroll_to(round(float(words[1]) * len(self.lines)))
        else:
            self._scroll_by(int(words[1]) * (self._whole_lines() if words[2].startswith("page") else 1))

    # -- the pointer ---------------------------------------------------------------------------------------------

    def _listen(self) -> None:
        canvas = self.canvas
        canvas.bind("<Configure>", lambda _: self._draw_soon())
        canvas.bind("<Button-1>", self._pressed)
        canvas.bind("<Double-Button-1>", self._double)
        canvas.bind("<Button-3>", self._context)
        if str(self.tk.call("tk", "windowingsystem")) == "aqua":
            canvas.bind("<Control-Button-1>", self._context)
        canvas.bind("<Motion>", lambda event: self._point(self._line_at(event.y)))
        canvas.bind("<Leave>", lambda _: self._point(None))
        for event, step in (("<Button-4>", -WHEEL_LINES), ("<Button-5>", WHEEL_LINES)):
            canvas.bind(event, lambda _, step=step: self._scroll_by(step))  # type: ignore[misc]  # mypy can't infer a default
        canvas.bind("<MouseWheel>", lambda event: self._scroll_by(-WHEEL_LINES if event.delta > 0 else WHEEL_LINES))
        canvas.bind("<FocusIn>", lambda _: self._focus(True))
        canvas.bind("<FocusOut>", lambda _: self._focus(False))
        canvas.bind("<Key>", self._key)
        for keys in ("<Menu>", "<App>", "<Shift-F10>"):
            if keys != "<App>" or str(self.tk.call("tk", "windowingsystem")) == "win32":
                canvas.bind(keys, self._menu_by_key)

    def _line_at(self, y: int) -> int | None:
        at = self._top + y // self._row
        return at if 0 <= at < len(self.lines) else None

    def _pressed(self, event: tk.Event[tk.Misc]) -> None:
        self.canvas.focus_set()
        self._hide_tip()
        self._update_lines()
        if (at := self._line_at(event.y)) is None:
            return
        line = self.lines[at]
        px = self._theme.span
        self._choose(line.node)
        chevron = px(8) + line.depth * px(INDENT)
        if chevron - px(4) <= event.x < chevron + px(15):
            self.toggle(line.node)

    def _double(self, event: tk.Event[tk.Misc]) -> None:
        if (at := self._line_at(event.y)) is None:
            return
        line = self.lines[at]
        chevron = self._theme.span(8) + line.depth * self._theme.span(INDENT)
        if event.x >= chevron + self._theme.span(15) or line.node.leaf:
            self.activate(line.node)
        else:
            self._pressed(event)  # the second of two quick clicks on a chevron counts as well

    def activate(self, node: Node) -> None:
        """Do with a node what Enter does."""
        if self._on_activate is None or not self._on_activate(node):
            self.toggle(node)

    def _context(self, event: tk.Event[tk.Misc]) -> None:
        self.canvas.focus_set()
        self._hide_tip()
        at = self._line_at(event.y)
        if at is not None:
            self._choose(self.lines[at].node)
        if self._on_menu is not None:
            self._on_menu(self.lines[at].node if at is not None else None, event)

    def _menu_by_key(self, event: tk.Event[tk.Misc]) -> str:
        at = self._place(self.selected)
        if at is not None and self._on_menu is not None:
            self.see(self.lines[at].node)
            event.x_root = self.canvas.winfo_rootx() + self._theme.span(40)
            event.y_root = self.canvas.winfo_rooty() + (at - self._top + 1) * self._row
            self._on_menu(self.lines[at].node, event)
        return "break"

    def _point(self, at: int | None) -> None:
        if at != self._hover:
            self._hover = at
            self._hide_tip()
            if at is not None:
                self._tip_id = self.after(TIP_MILLISECONDS, lambda: self._show_tip(at))
            self._draw_soon()

    def _show_tip(self, at: int) -> None:
        self._tip_id = None
        if at >= len(self.lines) or at != self._hover:
            return
        node, theme = self.lines[at].node, self._theme
        words = [node.text, node.detail] if at in self._cut else []
        text = "\n".join(filter(None, [" ".join(filter(None, words)), node.tip]))
        if not text:
            return
        y = self.canvas.winfo_rooty() + (at - self._top + 1) * self._row
        shown = "\n".join(visible(line[:LONGEST]) for line in text.split("\n")[:20])
        self._tip = tip(self, theme, shown, self.canvas.winfo_rootx() + theme.span(30), y)

    def _hide_tip(self) -> None:
        if self._tip_id is not None:
            self.after_cancel(self._tip_id)
            self._tip_id = None
        if self._tip is not None:
            self._tip.destroy()
            self._tip = None

    # -- the keyboard --------------------------------------------------------------------------------------------

    def _focus(self, focused: bool) -> None:
        self._focused = focused
        self._draw_soon()

    def _key(self, event: tk.Event[tk.Misc]) -> str | None:
        key = event.keysym.removeprefix("KP_")
        if int(event.state) & _CONTROL:
            return None
        if key in ("Return", "Enter", "space"):
            if self.selected is not None:
                if key == "space":
                    self.toggle(self.selected)
                else:
                    self.activate(self.selected)
            return "break"
        if self._step(key):
            return "break"
        if event.char and event.char.isprintable() and self._on_type is not None:
            self._on_type(event.char)
            return "break"
        return None

    def _step(self, key: str) -> bool:
        """Move by a key; return whether it is one that moves."""
        steps = {
            "Up": -1,
            "Down": 1,
            "Prior": -self._whole_lines(),
            "Next": self._whole_lines(),
            "Home": -len(self.lines),
            "End": len(self.lines),
        }
        if key in ("Left", "Right"):
            if self.selected is not None:
                self._go_inward(self.selected) if key == "Right" else self._go_outward(self.selected)
            return True
        if key not in steps:
            return False
        if self.lines:
            at = self._place(self.selected)
            to = max(0, min((-1 if at is None else at) + steps[key], len(self.lines) - 1))
            self._choose(self.lines[to].node)
            self.see(self.lines[to].node)
        return True

    def _go_inward(self, node: Node) -> None:
        if not node.leaf and not self._is_open(node):
            self._set_open(node, True)
            return
        at = self._place(node)
        if at is not None and at + 1 < len(self.lines) and self.lines[at + 1].depth > self.lines[at].depth:
            self._choose(self.lines[at + 1].node)
            self.see(self.lines[at + 1].node)

    def _go_outward(self, node: Node) -> None:
        if not node.leaf and self._is_open(node):
            self._set_open(node, False)
        elif node.parent is not None:
            self._choose(node.parent)
            self.see(node.parent)

    def _destroyed(self, event: tk.Event[tk.Misc]) -> None:
        if event.widget is self:
            for pending in (self._draw_id, self._tip_id):
                if pending is not None:
                    self.after_cancel(pending)
            self._draw_id = self._tip_id = None
