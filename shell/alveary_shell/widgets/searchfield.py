"""A field to look for something by, with a word in it for as long as it is empty."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable
from tkinter import ttk

from alveary_shell.theme import Theme
from alveary_shell.widgets.form import Hint


class SearchField(ttk.Entry):
    """Calls ``changed`` when another text stands in it, whoever put it there."""

    def __init__(self, master: tk.Misc, theme: Theme, word: str, changed: Callable[[], object]) -> None:
        self._text = tk.StringVar(master)
        super().__init__(master, font=theme.ui, textvariable=self._text)
        self._hint = Hint(self, theme, word)
        self._changed = changed
        self._text.trace_add("write", lambda *_: self._written())

    def _written(self) -> None:
        self._hint.show(not self._text.get())
        self._changed()
