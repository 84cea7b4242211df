"""A scrollbar that is there only while there is something to scroll."""

from __future__ import annotations

import tkinter as tk
from tkinter import ttk


class AutoScrollbar(ttk.Scrollbar):
    """Stands at the right of ``of``, a widget that scrolls and is packed in the same frame."""

    def __init__(self, of: tk.Canvas | tk.Text | ttk.Treeview) -> None:
        super().__init__(of.master, orient="vertical", command=of.yview)
        self._of = of
        of.configure(yscrollcommand=self.set)

    def set(self, first: float | str, last: float | str) -> None:
        if float(first) <= 0 and float(last) >= 1:
            self.pack_forget()
        else:
            self.pack(side="right", fill="y", before=self._of)
        super().set(first, last)
