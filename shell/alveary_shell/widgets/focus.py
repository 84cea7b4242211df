"""Which widget has the keyboard."""

from __future__ import annotations

import tkinter as tk


def focused(widget: tk.Misc) -> tk.Misc | None:
    """Return the widget of the application that has the keyboard; None where none has, or an open menu."""
    try:
        return widget.focus_get()
    except KeyError:  # a menu of Tk's own, a copy of ours, which tkinter does not know
        return None
