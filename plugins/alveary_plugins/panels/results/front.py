"""What the parts of the results panel know of the panel they are parts of."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable
from typing import Protocol, TypeVar

from alveary_plugins.panels.results.model import Awaited, Entry, ResultsModel
from alveary_shell.sdk import Panel, Window
from alveary_shell.widgets.grid import Grid

T = TypeVar("T")


class Front(Protocol):
    """The panel, as its parts see it: one result in front, in a grid."""

    window: Window
    model: ResultsModel
    grid: Grid

    @property
    def gridded(self) -> Entry | None:
        """The result in front if its rows are shown in the grid."""
        ...

    @property
    def place(self) -> Panel:
        """The panel whose run is shown."""
        ...

    def focus(self) -> None:
        """Put the keyboard where a person goes on."""
        ...

    def refresh(self) -> None:
        """Show everything as it is now."""
        ...

    def say(self) -> None:
        """Say how the result in front stands."""
        ...

    def rewind(self, entry: Entry) -> None:
        """The rows of a result stand in another order: show the first ones."""
        ...

    def show_above(self, bar: tk.Widget) -> None:
        """Put a bar above the rows, if it is not there."""
        ...

    def wait_for(self, awaited: Awaited[T], done: Callable[[T | None], object]) -> None:
        """Call ``done`` with what another thread found, or show its error."""
        ...
