"""The window's own commands."""

from __future__ import annotations

import contextlib
import importlib.util
import sys
from typing import TYPE_CHECKING, Annotated, cast

import msgspec
from msgspec import Meta

from alveary.commands import Context
from alveary.errors import WindowUnavailableError
from alveary_shell import LARGEST, SMALLEST
from alveary_shell.sdk import window_of

if TYPE_CHECKING:
    from alveary.kernel import Kernel
    from alveary_shell.instance import Instance
    from alveary_shell.window import MainWindow

SETTLED_MILLISECONDS = 300
"""How long a window must have been there for its start to count as well ended."""
HINT = "without a window everything is there as well: alveary --help"


class NoParameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A command that needs nothing."""


class PanelParameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which panel."""

    panel: Annotated[str, Meta(description="Id of the panel.")]


def open(context: Context, parameters: NoParameters) -> None:
    """Open the window and stay until it is closed; where one is open already, bring that one to the front."""
    if importlib.util.find_spec("tkinter") is None or importlib.util.find_spec("_tkinter") is None:
        raise WindowUnavailableError("this Python has no Tk", hint=f"on Debian: apt install python3-tk; {HINT}")
    if importlib.util.find_spec("ttkbootstrap") is None:
        raise WindowUnavailableError(
            "the window needs the Python package ttkbootstrap, which is not installed",
            hint=f"pip install 'alveary[desktop]'; {HINT}",
        )
    from alveary_shell.instance import Instance

    instance = Instance(context.kernel.paths.data)
    if not instance.take():
        if not instance.raise_other():
            raise WindowUnavailableError(
                "a window is open on this data directory already, and does not answer",
                hint="close it, or set ALVEARY_HOME to another directory",
            )
        sys.stderr.write("Alveary's window is open already; it has been brought to the front\n")
        return
    try:
        _stay(context.kernel, instance)
    finally:
        instance.release()


def _stay(kernel: Kernel, instance: Instance) -> None:
    """Open the window, in safe mode if the last start failed and a person wants that, until it is closed."""
    from alveary.kernel import Kernel
    from alveary_shell.start import Attempt, plain_fonts, wants_safe_mode
    from alveary_shell.window import MainWindow

    attempt = Attempt(kernel.paths.data)
    with contextlib.ExitStack() as stack:
        safe = False
        try:
            if attempt.begin():
                safe = wants_safe_mode(kernel.settings.get("window.scale"), kernel.settings.get("window.theme"))
            if safe:
                kernel = stack.enter_context(Kernel(paths=kernel.paths, safe_mode=True))
            window = MainWindow(kernel, restore=not safe, at_once=False)
        except WindowUnavailableError:
            attempt.over()
            raise
        if (poor := plain_fonts(window.root)) is not None:
            sys.stderr.write(f"warning: {poor}; {HINT}\n")
        window.root.after(SETTLED_MILLISECONDS, attempt.over)
        instance.listen(lambda: window.post(window.show))
        window.mainloop()
        attempt.over()


def palette(context: Context, parameters: NoParameters) -> None:
    """Show the palette with the commands alone."""
    _window(context).find(commands_only=True)


def find(context: Context, parameters: NoParameters) -> None:
    """Show the palette that finds anything."""
    _window(context).find()


def toggle_theme(context: Context, parameters: NoParameters) -> None:
    """Switch to the next theme."""
    window = _window(context)
    ids = list(window.theme.specs)
    window.choose("window.theme", ids[(ids.index(window.theme.id) + 1) % len(ids)])


def zoom_in(context: Context, parameters: NoParameters) -> None:
    """Make all text a point larger."""
    _zoom(_window(context), 1)


def zoom_out(context: Context, parameters: NoParameters) -> None:
    """Make all text a point smaller."""
    _zoom(_window(context), -1)


def zoom_reset(context: Context, parameters: NoParameters) -> None:
    """Give all text the size it began with."""
    _window(context).choose("window.font_size", None)


def toggle_left(context: Context, parameters: NoParameters) -> None:
    """Show or hide the left dock."""
    _window(context).toggle("left")


def toggle_bottom(context: Context, parameters: NoParameters) -> None:
    """Show or hide the bottom dock."""
    _window(context).toggle("bottom")


def toggle_right(context: Context, parameters: NoParameters) -> None:
    """Show or hide the right dock."""
    _window(context).toggle("right")


def next_tab(context: Context, parameters: NoParameters) -> None:
    """Go to the next tab of the centre."""
    _window(context).step(1)


def previous_tab(context: Context, parameters: NoParameters) -> None:
    """Go to the tab before."""
    _window(context).step(-1)


def close_tab(context: Context, parameters: NoParameters) -> None:
    """Close the tab in front."""
    window = _window(context)
    if window.active is not None:
        window.close(window.active)


def reopen_tab(context: Context, parameters: NoParameters) -> None:
    """Open the tab that was closed last."""
    _window(context).reopen()


def next_dock(context: Context, parameters: NoParameters) -> None:
    """Put the keyboard into the next part of the window."""
    _window(context).step_dock()


def panel(context: Context, parameters: PanelParameters) -> None:
    """Open a panel."""
    _window(context).open(parameters.panel)


def quit(context: Context, parameters: NoParameters) -> None:
    """Close the window."""
    _window(context).quit()


def _zoom(window: MainWindow, steps: int) -> None:
    window.choose("window.font_size", max(SMALLEST, min(LARGEST, window.theme.points + steps)))


def _window(context: Context) -> MainWindow:
    return cast("MainWindow", window_of(context))  # there is no other kind
