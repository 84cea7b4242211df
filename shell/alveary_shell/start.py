"""What comes before the window: the desktop it needs, and how its last start ended."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tkinter as tk
from collections.abc import Sequence
from pathlib import Path
from tkinter import ttk

import ttkbootstrap

from alveary.errors import WindowUnavailableError
from alveary.paths import make_private
from alveary.plugins import PluginFault
from alveary_shell.commands import HINT
from alveary_shell.theme import Theme, button
from alveary_shell.themes import DARK, LIGHT

TITLE = "Alveary"
POINTS_TO_PIXELS = 96 / 72
"""Pixels of a point on a usual screen: what Tk calls scaling."""


def new_root(scale: float | None) -> ttkbootstrap.App:
    """Return the process's one root, not shown yet; WindowUnavailableError where there is no display for it.

    ``scale`` is how much larger than on a usual screen everything is, None as the screen says.
    """
    if sys.platform.startswith("linux") and not os.environ.get("DISPLAY"):
        raise WindowUnavailableError("no window can be opened: there is no display (DISPLAY is not set)", hint=HINT)
    try:
        root = ttkbootstrap.App(
            title=TITLE, iconphoto=None, scaling=None if scale is None else scale * POINTS_TO_PIXELS
        )
    except tk.TclError as exc:
        raise WindowUnavailableError(f"no window can be opened: the display can't be opened: {exc}", hint=HINT) from exc
    root.withdraw()
    return root


def plain_fonts(root: tk.Misc) -> str | None:
    """Return what to say of a Tk that draws text without smoothing it, None of any other."""
    if str(root.tk.call("tk", "windowingsystem")) != "x11":
        return None
    try:
        system = str(root.tk.call("::tk::pkgconfig", "get", "fontsystem"))
    except tk.TclError:  # a Tk that does not say
        return None
    if system == "xft":
        return None
    return (
        f"this Python's Tk draws text without smooth fonts (its font system is {system}, not xft); run Alveary with the"
        " system's Python and its Tk: on Debian /usr/bin/python3 and python3-tk"
    )


def desktop_mode() -> str:
    """Return whether the desktop is "dark" or "light", as far as it says so; takes up to a second."""
    if sys.platform == "darwin":
        command, dark = ["defaults", "read", "-g", "AppleInterfaceStyle"], "Dark"
    elif sys.platform == "win32":
        key = r"HKCU\Software\Microsoft\Windows\CurrentVersion\Themes\Personalize"
        command, dark = ["reg", "query", key, "/v", "AppsUseLightTheme"], "0x0"
    else:
        command, dark = ["gsettings", "get", "org.gnome.desktop.interface", "color-scheme"], "prefer-dark"
    try:
        said = subprocess.run(command, capture_output=True, text=True, timeout=1, check=False).stdout
    except (OSError, subprocess.TimeoutExpired):
        return "light"
    return "dark" if dark in said else "light"


class Attempt:
    """A note in the data directory that a start is under way; whoever finds one knows that a start went wrong."""

    def __init__(self, data: Path) -> None:
        self._file = data / "window.starting"

    def begin(self) -> bool:
        """Take note, and return whether the last attempt did not come to its end."""
        make_private(self._file.parent)
        found = self._file.exists()
        with contextlib.suppress(OSError):  # a directory that can't be written is told of elsewhere
            self._file.touch(mode=0o600)
        return found

    def over(self) -> None:
        """The window is there, or is not to be."""
        with contextlib.suppress(OSError):
            self._file.unlink(missing_ok=True)


def safe_mode_said(faults: Sequence[PluginFault]) -> tuple[str, str]:
    """Return what to say in a window in safe mode: what that is, and why, as far as ``faults`` tell."""
    ended = [f"{fault.plugin}: {fault.cause}" for fault in faults if fault.stage == "start"]
    keeps_out = "In View, Plugins, a plugin can be disabled; the next start is a usual one then." if ended else ""
    return "Safe mode: only the built-in plugins are loaded", "\n".join(filter(None, [*ended, keeps_out]))


def wants_safe_mode(scale: float | None, theme: str) -> bool:
    """Ask, in a window that needs no plugin, whether to leave out all plugins that are not built in."""
    root = new_root(scale)
    try:
        look = Theme(root, [DARK, LIGHT])
        look.use(theme if theme in look.specs else DARK.id)
        chosen = tk.BooleanVar(root)
        answered = tk.BooleanVar(root)

        def answer(safe: bool) -> None:
            chosen.set(safe)
            answered.set(True)

        px = look.px
        page = ttk.Frame(root, style="Surface.TFrame", padding=px(22))
        page.pack(fill="both", expand=True)
        ttk.Label(page, text="Alveary's last start came to no end", style="Bold.TLabel").pack(anchor="w")
        explained = (
            "Safe mode loads the built-in plugins only and opens none of the tabs there were; they are kept, and are"
            " there again after the next usual start."
        )
        label = ttk.Label(page, text=explained, style="Muted.TLabel", wraplength=look.span(440))
        label.pack(anchor="w", pady=(px(8), px(18)))
        for text, safe in (("Safe mode", True), ("As usual", False)):
            made = button(page, text, lambda safe=safe: answer(safe), style="accent" if safe else "normal")  # type: ignore[misc]  # mypy can't infer a default
            made.pack(side="left", padx=(0, px(8)))
            made.bind("<Return>", lambda _, safe=safe: answer(safe))  # type: ignore[misc]  # likewise
            if safe:
                made.focus_set()
        root.bind("<Escape>", lambda _: answer(False))
        root.protocol("WM_DELETE_WINDOW", lambda: answer(False))
        root.deiconify()
        root.wait_variable(answered)
        return chosen.get()
    finally:
        root.destroy()
