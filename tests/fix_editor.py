"""Fixtures for tests of the editor: windows with nothing but its panel, one after the other on the same home."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from fix_window import Screen

from alveary import Kernel
from alveary.errors import AlvearyError
from alveary.paths import Paths
from alveary_plugins.panels import editor as declaration

if TYPE_CHECKING:
    from alveary_plugins.panels.editor.view import EditorPanel
    from alveary_shell.sdk import StatementQueued
    from alveary_shell.window import MainWindow


def declare(kernel: Kernel) -> None:
    """Declare the editor, as its entry point does where it is installed."""
    for panel in declaration.alveary_panels():
        if kernel.plugins.panels.find(panel.id) is None:
            kernel.plugins.panels.add(panel)
    for command in declaration.alveary_commands():
        if kernel.plugins.commands.find(command.id) is None:
            kernel.plugins.commands.add(command)


@pytest.fixture
def make(screen: Screen, home: Path) -> Iterator[Callable[[], MainWindow]]:
    """Opens windows one after the other on the same home."""
    from alveary_shell.window import MainWindow

    opened: list[MainWindow] = []

    def close() -> None:
        if opened:
            opened[-1].confirm = lambda *_, **__: True  # type: ignore[method-assign]  # nobody is there to answer
            opened[-1].quit()
            for child in screen.root.winfo_children():
                child.destroy()
            opened[-1].kernel.close()

    def make() -> MainWindow:
        close()
        kernel = Kernel(paths=Paths(home, home / "cache"))
        declare(kernel)
        report = screen.root.report_callback_exception
        window = MainWindow(kernel, screen.root)  # type: ignore[arg-type]  # the fixture's root is one
        screen.root.report_callback_exception = report
        opened.append(window)
        window.root.deiconify()
        screen.settle()
        return window

    yield make
    close()


@pytest.fixture
def window(make: Callable[[], MainWindow]) -> MainWindow:
    return make()


@pytest.fixture
def said(window: MainWindow, monkeypatch: pytest.MonkeyPatch) -> list[AlvearyError]:
    """The errors the window showed."""
    errors: list[AlvearyError] = []

    def show(error: AlvearyError, *, title: str | None = None) -> None:
        errors.append(error)

    monkeypatch.setattr(window, "show_error", show)
    return errors


def open_editor(window: MainWindow, screen: Screen, **state: Any) -> EditorPanel:
    from alveary_plugins.panels.editor.view import EditorPanel

    panel = window.open("editor", state)
    assert isinstance(panel, EditorPanel)
    panel.code.text.focus_force()
    screen.pump(lambda: window.root.focus_get() is panel.code.text)
    return panel


def statements_of(window: MainWindow) -> list[StatementQueued]:
    """Collect what editors hand to their sessions from now on."""
    from alveary_shell.sdk import StatementQueued

    heard: list[StatementQueued] = []
    window.subscribe(window.root, StatementQueued, heard.append)
    return heard
