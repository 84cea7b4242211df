"""A page that is longer than its place: a frame that scrolls, and shows the field that has the keyboard."""

from __future__ import annotations

import tkinter as tk

from alveary_shell.theme import Theme
from alveary_shell.widgets.scrollbar import AutoScrollbar


class Scrolled(tk.Frame):
    """Put widgets into ``inner``; it is as wide as the page and as high as they need."""

    def __init__(self, master: tk.Misc, theme: Theme) -> None:
        super().__init__(master, borderwidth=0)
        self._canvas = tk.Canvas(self, highlightthickness=0, borderwidth=0)
        self._bar = AutoScrollbar(self._canvas)
        self._canvas.pack(side="left", fill="both", expand=True)
        self.inner = tk.Frame(self._canvas, borderwidth=0)
        window = self._canvas.create_window(0, 0, anchor="nw", window=self.inner)
        self._canvas.bind("<Configure>", lambda event: self._canvas.itemconfigure(window, width=event.width))
        self.inner.bind("<Configure>", lambda _: self._canvas.configure(scrollregion=self._canvas.bbox("all")))
        self.bind_all("<Button-4>", lambda event: self._wheel(event, -3), add="+")
        self.bind_all("<Button-5>", lambda event: self._wheel(event, 3), add="+")
        self.bind_all("<MouseWheel>", lambda event: self._wheel(event, -3 if event.delta > 0 else 3), add="+")
        self.bind_all("<FocusIn>", self._show_focused, add="+")

        def paint() -> None:
            for widget in (self, self.inner):
                widget.configure(background=theme.color("background"))
            self._canvas.configure(background=theme.color("background"))

        theme.follow(self, paint)

    def _holds(self, widget: object) -> bool:
        return self.winfo_exists() and isinstance(widget, tk.Misc) and str(widget).startswith(f"{self}.")

    def _wheel(self, event: tk.Event[tk.Misc], step: int) -> None:
        if self._holds(event.widget) and self._bar.winfo_ismapped():
            self._canvas.yview_scroll(step, "units")

    def _show_focused(self, event: tk.Event[tk.Misc]) -> None:
        if not self._holds(event.widget) or event.widget is self._canvas:
            return
        top = event.widget.winfo_rooty() - self.inner.winfo_rooty()
        bottom, height = top + event.widget.winfo_height(), max(self.inner.winfo_height(), 1)
        first, last = (part * height for part in self._canvas.yview())
        if top < first or bottom > last:
            self._canvas.yview_moveto(max(top - self._canvas.winfo_height() // 2, 0) / height)
