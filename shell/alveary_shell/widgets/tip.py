"""A few words in a window of their own, beside what they are about; it takes no focus."""

from __future__ import annotations

import tkinter as tk

from alveary_shell.theme import Theme

WRAP = 420
"""Pixels, before the zoom, after which a line of it is wrapped."""


def tip(master: tk.Misc, theme: Theme, text: str, x: int, y: int) -> tk.Toplevel:
    """Show text with its corner at a place of the screen, or as near as there is room; whoever asked destroys it."""
    window = tk.Toplevel(master, borderwidth=0, background=theme.color("border"))
    window.overrideredirect(True)
    label = tk.Label(window, text=text, font=theme.small, justify="left", wraplength=theme.span(WRAP))
    label.configure(
        background=theme.color("raised"), foreground=theme.color("text"), padx=theme.px(8), pady=theme.px(4)
    )
    label.pack(padx=1, pady=1)
    width, height = label.winfo_reqwidth() + 2, label.winfo_reqheight() + 2
    right, bottom = window.winfo_screenwidth(), window.winfo_screenheight()
    window.geometry(f"+{max(min(x, right - width), 0)}+{max(min(y, bottom - height), 0)}")
    return window
