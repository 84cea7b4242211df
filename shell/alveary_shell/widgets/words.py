"""Labels that keep to the room they have: cut with an ellipsis, or broken into lines."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable
from tkinter import ttk
from tkinter.font import Font

from alveary_shell.widgets.grid_text import Fitter


class CutLabel(tk.Label):
    """One line of text that takes the room it is given, asks for none, and ends with an ellipsis where it is cut."""

    def __init__(self, master: tk.Misc, *, anchor: str = "w") -> None:
        super().__init__(master, borderwidth=0, width=1)
        self.configure(anchor=anchor)  # type: ignore[call-overload]  # one of Tk's, as text
        self.whole = ""
        """The text, of which the label may show less."""
        self._fitter: Fitter | None = None
        self.bind("<Configure>", lambda _: self._fit())

    def say(self, text: str) -> None:
        """Show a text."""
        self.whole = text
        self._fit()

    def wear(self, *, font: Font, background: str, foreground: str) -> None:
        """Look like this."""
        self.configure(font=font, background=background, foreground=foreground)
        self._fitter = Fitter(font)
        self._fit()

    def _fit(self) -> None:
        if self._fitter is not None:
            room = self.winfo_width() - 2 * int(str(self.cget("padx")))
            self.configure(text=self._fitter.fit(self.whole, room))


def break_lines(label: tk.Label | ttk.Label, margin: int = 0, most: Callable[[], int] | None = None) -> None:
    """Break a label's text into lines wherever it is too long for the label, which must fill its place.

    ``most`` says how long a line is at most, where a whole window of text would be hard to read.
    """

    def fit(width: int) -> None:
        room = max(width - margin - 4, 1)
        label.configure(wraplength=room if most is None else min(room, most()))

    label.bind("<Configure>", lambda event: fit(event.width), add="+")
