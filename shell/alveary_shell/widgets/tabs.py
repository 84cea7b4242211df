"""A strip of tabs: flat, with a mark of colour, a dot for what is not saved, and a list of those that don't fit."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable
from dataclasses import dataclass

from alveary_shell.theme import Theme


@dataclass(slots=True)
class Tab:
    """What a tab shows."""

    key: str
    text: str
    icon: str | None = None
    color: str | None = None
    modified: bool = False
    closable: bool = False


class TabStrip(tk.Canvas):
    """Tabs drawn on one canvas. ``selected`` is the key of the one in front."""

    MOST = 220
    """Units a tab may be wide."""

    def __init__(
        self,
        master: tk.Misc,
        theme: Theme,
        *,
        select: Callable[[str], object],
        close: Callable[[str], object] | None = None,
        menu: Callable[[str, tk.Event[tk.Misc]], object] | None = None,
    ) -> None:
        super().__init__(master, highlightthickness=0, borderwidth=0, takefocus=False)
        self._theme = theme
        self._select, self._close, self._menu = select, close, menu
        self._tabs: list[Tab] = []
        self.selected: str | None = None
        self._hover: str | None = None
        self._first = 0
        self._places: list[tuple[int, int, str]] = []
        self.bind("<Configure>", lambda _: self._paint())
        self.bind("<Button-1>", self._pressed)
        self.bind("<Button-2>", self._middle)
        self.bind("<Button-3>", self._context)
        self.bind("<Motion>", self._moved)
        self.bind("<Leave>", lambda _: self._hovering(None))
        for event, step in (("<Button-4>", -1), ("<Button-5>", 1)):
            self.bind(event, lambda _, step=step: self._scroll(step))  # type: ignore[misc]  # mypy can't infer a default
        self.bind("<MouseWheel>", lambda event: self._scroll(-1 if event.delta > 0 else 1))
        theme.follow(self, self._paint)

    def show(self, tabs: list[Tab], selected: str | None) -> None:
        """Show these tabs, one of them selected."""
        if tabs != self._tabs or selected != self.selected:
            self._tabs, self.selected = list(tabs), selected
            self._paint(reveal=True)

    def _width(self, tab: Tab) -> int:
        px = self._theme.span
        width = self._theme.ui.measure(tab.text) + px(24)
        width += px(20) if tab.icon else 0
        width += px(20) if tab.closable or tab.modified else 0
        return min(width + 2, px(self.MOST))

    def _paint(self, *, reveal: bool = False) -> None:
        theme, px = self._theme, self._theme.span
        height = theme.ui.metrics("linespace") + px(14)
        self.configure(height=height, background=theme.color("surface"))
        self.delete("all")
        room = max(self.winfo_width(), 1)
        widths = [self._width(tab) for tab in self._tabs]
        overflow = sum(widths) > room
        room -= px(28) if overflow else 0
        self._first = self._begin(widths, room, reveal) if overflow else 0
        self._places, x = [], 0
        for tab, width in list(zip(self._tabs, widths, strict=True))[self._first :]:
            if x + width > room and x > 0:
                break
            self._paint_tab(tab, x, width, height)
            self._places.append((x, x + width, tab.key))
            x += width
        self.create_line(0, height - 1, self.winfo_width(), height - 1, fill=theme.color("border"))
        for left, right, key in self._places:
            if key == self.selected:
                self.create_line(left, height - 1, right, height - 1, fill=theme.color("background"))
        if overflow:
            self.create_image(room + px(14), height // 2, image=theme.icon("chevron-down", "muted", 12))

    def _begin(self, widths: list[int], room: int, reveal: bool) -> int:
        """Return the first tab to draw, such that the selected one is seen if it is to be."""
        first = min(self._first, len(widths) - 1)
        at = next((place for place, tab in enumerate(self._tabs) if tab.key == self.selected), None)
        if reveal and at is not None:
            first = min(first, at)
            while first < at and sum(widths[first : at + 1]) > room:
                first += 1
        return first

    def _paint_tab(self, tab: Tab, x: int, width: int, height: int) -> None:
        theme, px = self._theme, self._theme.span
        front, hover = tab.key == self.selected, tab.key == self._hover
        ground = "background" if front else "raised" if hover else "surface"
        self.create_rectangle(x, 0, x + width, height, fill=theme.color(ground), width=0)
        self.create_line(x + width - 1, 0, x + width - 1, height, fill=theme.color("border"))
        if front or tab.color:
            self.create_rectangle(x, 0, x + width - 1, px(2), fill=tab.color or theme.color("accent"), width=0)
        middle, at = height // 2 + 1, x + px(12)
        if tab.icon:
            self.create_image(at + px(7), middle, image=theme.icon(tab.icon, "accent" if front else "muted", 13))
            at += px(20)
        end = x + width - px(12) - (px(20) if tab.closable or tab.modified else 0)
        self.create_text(
            at,
            middle,
            anchor="w",
            text=_fitted(tab.text, end - at, theme),
            font=theme.ui,
            fill=theme.color("text" if front else "muted"),
        )
        if tab.modified and not hover:
            self.create_image(x + width - px(17), middle, image=theme.icon("circle-fill", "muted", 8))
        elif tab.closable and (front or hover):
            self.create_image(x + width - px(17), middle, image=theme.icon("x-lg", "muted", 10))

    def _at(self, x: int) -> tuple[str, bool] | None:
        """Return the tab at a place, and whether it is its cross."""
        for left, right, key in self._places:
            if left <= x < right:
                tab = next(tab for tab in self._tabs if tab.key == key)
                return key, (tab.closable or tab.modified) and x > right - self._theme.span(28)
        return None

    def _pressed(self, event: tk.Event[tk.Misc]) -> None:
        if (found := self._at(event.x)) is None:
            if event.x > (self._places[-1][1] if self._places else 0) and len(self._places) < len(self._tabs):
                self._list(event)
            return
        key, cross = found
        if cross and self._close is not None and next(tab for tab in self._tabs if tab.key == key).closable:
            self._close(key)
        else:
            self._select(key)

    def _list(self, event: tk.Event[tk.Misc]) -> None:
        menu = tk.Menu(self, tearoff=False)
        for tab in self._tabs:
            menu.add_command(label=tab.text, command=lambda key=tab.key: self._select(key))  # type: ignore[misc]  # mypy can't infer a default
        menu.tk_popup(event.x_root, event.y_root)

    def _middle(self, event: tk.Event[tk.Misc]) -> None:
        found = self._at(event.x)
        if found is not None and self._close is not None:
            self._close(found[0])

    def _context(self, event: tk.Event[tk.Misc]) -> None:
        if (found := self._at(event.x)) is not None and self._menu is not None:
            self._menu(found[0], event)

    def _moved(self, event: tk.Event[tk.Misc]) -> None:
        found = self._at(event.x)
        self._hovering(found[0] if found is not None else None)

    def _hovering(self, key: str | None) -> None:
        if key != self._hover:
            self._hover = key
            self._paint()

    def _scroll(self, step: int) -> None:
        self._first = max(0, min(self._first + step, len(self._tabs) - 1))
        self._paint()


def _fitted(text: str, width: int, theme: Theme) -> str:
    if theme.ui.measure(text) <= width:
        return text
    while text and theme.ui.measure(text + "…") > width:
        text = text[:-1]
    return text + "…"
