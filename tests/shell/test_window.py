"""The window with panels of its own: docks, keys, commands, the workspace, and what a broken panel does to others."""

from __future__ import annotations

import subprocess
import sys
import threading
import tkinter as tk
import types
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest
from fix_window import Screen

from alveary import CommandSpec, Kernel
from alveary.commands import Context
from alveary.contracts.window import PanelSpec, Placement
from alveary.errors import QueryError, StorageError, StoreCorruptError, UnknownObjectError
from alveary.jobs import Job
from alveary.paths import Paths
from alveary.store.backups import back_up
from alveary_shell import journal
from alveary_shell.fault import FaultPanel
from alveary_shell.sdk import ActiveChanged, Panel, Window, window_of
from alveary_shell.standing import fitting
from alveary_shell.window import MainWindow


class Note(Panel):
    """A document: a text."""

    def __init__(self, window: Window, frame: tk.Misc, state: Mapping[str, Any]) -> None:
        super().__init__(window, frame, state)
        self.text = tk.Text(frame)
        self.text.insert("1.0", state.get("text", ""))
        self.text.pack()
        self.text.bind("<<Modified>>", lambda _: window.changed(self))
        self.objects = False
        self.was_closed = False

    @property
    def title(self) -> str:
        return f"Note {self.id}"

    def state(self) -> dict[str, Any]:
        return {"text": self.text.get("1.0", "end-1c")}

    def focus(self) -> None:
        self.text.focus_force()

    def can_close(self) -> bool:
        return not self.objects

    def closed(self) -> None:
        self.was_closed = True


class Broken(Panel):
    """A panel whose author made a mistake."""

    def __init__(self, window: Window, frame: tk.Misc, state: Mapping[str, Any]) -> None:
        tk.Label(frame, text="half").pack()
        raise ZeroDivisionError("by the author")


class NoParameters(msgspec.Struct):
    """Nothing."""


ran: list[str] = []


def shout(context: Context, parameters: NoParameters) -> None:
    """Note who is active."""
    active = window_of(context).active
    ran.append(active.id if active is not None else "nobody")


def fail(context: Context, parameters: NoParameters) -> None:
    """Fail."""
    raise QueryError("as it was asked to", hint="do not ask")


def is_loud(window: Window) -> bool:
    """Whether shouting is enabled."""
    return window.active is not None and "quiet" not in window.active.state().get("text", "")


@pytest.fixture
def panels(monkeypatch: pytest.MonkeyPatch) -> None:
    module = types.ModuleType("window_test_panels")
    for thing in (Note, Broken, shout, fail, is_loud):
        setattr(module, thing.__name__, thing)
    monkeypatch.setitem(sys.modules, "window_test_panels", module)
    ran.clear()


def declare(kernel: Kernel) -> None:
    """Add the panels and commands of this file to a kernel in safe mode, which has no others but ours."""
    here = "window_test_panels"
    for id, dock, factory in (
        ("note", "center", "Note"),
        ("side", "left", "Note"),
        ("broken", "bottom", "Broken"),
        ("missing", "right", "Nothing"),
        ("below", "bottom", "Note"),
        ("page", "center", "Note"),
    ):
        spec = PanelSpec(
            id=id,
            title=id.title(),
            factory=f"{here}:{factory}",
            dock=dock,  # type: ignore[arg-type]  # a loop hides that it is one
            whole=id == "page",
        )
        assert kernel.plugins.panels.add(spec) is None
    placement = Placement(title="Shout", menu="Test", keys=("Ctrl+U",), panel="note", enabled=f"{here}:is_loud")
    shout_spec = CommandSpec(id="test.shout", summary="Shout.", factory=f"{here}:shout", placement=placement)
    fail_spec = CommandSpec(
        id="test.fail", summary="Fail.", factory=f"{here}:fail", placement=Placement(title="Fail", toolbar=True)
    )
    for command in (shout_spec, fail_spec):
        assert kernel.plugins.commands.add(command) is None


@pytest.fixture
def make(panels: None, screen: Screen, home: Path) -> Iterator[Callable[..., MainWindow]]:
    """Opens windows one after the other on the same home."""
    opened: list[MainWindow] = []

    def make(*, restore: bool = True) -> MainWindow:
        if opened:
            opened[-1].quit()
            for child in screen.root.winfo_children():
                child.destroy()
            opened[-1].kernel.close()
        kernel = Kernel(paths=Paths(home, home / "cache"))
        declare(kernel)
        for page in [spec.id for spec in kernel.plugins.panels if spec.open_at_start]:
            kernel.plugins.panels._specs.pop(page)
        report = screen.root.report_callback_exception
        window = MainWindow(kernel, screen.root, restore=restore)  # type: ignore[arg-type]  # the fixture's root is one
        screen.root.report_callback_exception = report
        opened.append(window)
        window.root.deiconify()
        screen.settle()
        return window

    yield make
    if opened:
        opened[-1].quit()
        opened[-1].kernel.close()


@pytest.fixture
def window(make: Callable[[], MainWindow]) -> MainWindow:
    return make()


def test_documents_get_a_tab_each_and_tools_are_raised(window: MainWindow) -> None:
    first, second = window.open("note", {"text": "a"}), window.open("note")
    assert [panel.id for panel in window.panels("note")] == ["note-1", "note-2"]
    assert window.active is second
    window.raise_panel(first)
    assert window.active is first
    assert window.open("side") is window.open("side")
    assert window.docks.visible("left")
    assert window.active is first  # a tool does not take a document's place


def test_a_page_of_its_own_has_the_room_of_what_stands_below(
    make: Callable[..., MainWindow], window: MainWindow, screen: Screen
) -> None:
    note, other = window.open("note"), window.open("note")
    window.open("below")
    assert window.docks.visible("bottom")
    page = window.open("page")
    assert not window.docks.visible("bottom")
    window.raise_panel(note)
    assert window.docks.visible("bottom")
    window.raise_panel(page)
    window.toggle("bottom")  # a person wants to see both
    window.raise_panel(page)
    window.close(other)
    assert window.docks.visible("bottom")
    window.raise_panel(note)
    window.raise_panel(page)
    assert not window.docks.visible("bottom")
    again = make()  # with the page in front, and what it hides not forgotten
    assert again.active is not None
    assert again.active.spec.id == "page"
    assert not again.docks.visible("bottom")
    again.close(again.active)
    assert again.docks.visible("bottom")
    again.toggle("bottom")
    again.raise_panel(again.open("page"))
    again.raise_panel(again.panels("note")[0])
    assert not again.docks.visible("bottom")  # which was a person's own doing


def test_a_panel_that_raises_shows_its_fault_and_hurts_nobody(window: MainWindow) -> None:
    assert isinstance(window.open("broken", {"kept": 1}), FaultPanel)
    assert isinstance(window.open("missing"), FaultPanel)
    assert window.panels("broken")[0].state() == {"kept": 1}
    assert isinstance(window.open("note"), Note)
    with pytest.raises(UnknownObjectError, match="'nobody'"):
        window.open("nobody")


def test_keys_run_commands_where_they_are_enabled(window: MainWindow, screen: Screen) -> None:
    note = window.open("note")
    assert isinstance(note, Note)
    screen.pump(lambda: window.root.focus_get() is note.text)
    screen.press(note.text, "<Control-Key-u>")
    assert ran == ["note-1"]
    note.text.insert("1.0", "quiet")
    screen.press(note.text, "<Control-Key-u>")
    assert ran == ["note-1"]
    assert note.state() == {"text": "quiet"}


def test_a_command_that_fails_is_shown_and_the_window_goes_on(window: MainWindow, screen: Screen) -> None:
    assert window.run("test.fail") is None
    assert window.run("test.unheard-of") is None
    screen.settle()
    assert len(window._toasts._cards) == 2
    assert window._toasts.close_last()


def test_a_damaged_store_is_told_once_and_restored_from_the_window(
    make: Callable[..., MainWindow], screen: Screen, tmp_path: Path
) -> None:
    first = make()
    first.open("note", {"text": "precious"})
    first.open("note", {"text": "more"})
    first.quit()
    first.kernel.close()
    store = first.kernel.paths.store
    back_up(store, "0001")
    store.write_bytes(b"nothing" * 1000)
    window = make()
    mine = window.open("note", {"text": "typed since"})
    screen.pump(lambda: window._toasts._cards)  # nothing can be saved
    for title in ("Reading the history", "Reading the connections"):
        with pytest.raises(StoreCorruptError) as caught:
            window.kernel.store.revision()
        window.show_error(caught.value, title=title)
    (card,) = window._toasts._cards
    words = {label.cget("text"): label for label in labels(card)}
    assert any("Reading the history · Reading the connections" in word for word in words)
    words["Restore the newest copy"].event_generate("<Button-1>")
    screen.pump(lambda: len(window.panels("note")) == 3)
    assert [panel.state()["text"] for panel in window.panels("note")] == ["typed since", "precious", "more"]
    assert mine.id not in ("note-1", "note-2")  # which may have been anybody's while the store could not be read
    again = make()
    assert sorted(panel.state()["text"] for panel in again.panels("note")) == ["more", "precious", "typed since"]
    assert [each.read_bytes() for each in store.parent.glob("alveary-damaged-*.db")] == [b"nothing" * 1000]


def test_what_is_open_when_a_store_is_restored_is_written_into_it(
    make: Callable[..., MainWindow], screen: Screen
) -> None:
    window = make()
    note = window.open("note", {"text": "typed before the copy"})
    assert isinstance(note, Note)
    window.close(window.open("note", {"text": "closed"}))
    screen.pump(lambda: [panel.state for panel in window._workspace.open_panels()] == [note.state()])
    window.kernel.store.close()
    store = window.kernel.paths.store
    back_up(store, "0001")
    note.text.insert("end", ", and since")
    window.changed(note)
    screen.pump(lambda: [panel.state for panel in window._workspace.open_panels()] == [note.state()])
    window.kernel.store.close()
    store.write_bytes(b"nothing" * 1000)
    window._restore_store()
    both = {"note-1": "typed before the copy, and since", "note-3": "typed before the copy"}
    screen.pump(lambda: len(window.panels("note")) == 2)
    screen.pump(lambda: {panel.id: panel.state["text"] for panel in window._workspace.open_panels()} == both)
    window.reopen()
    screen.pump(lambda: "closed" in [panel.state()["text"] for panel in window.panels("note")])


def test_what_could_not_be_written_is_written_once_it_can_be(
    window: MainWindow, screen: Screen, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "WRITE_MILLISECONDS", 1)
    monkeypatch.setattr(journal, "RETRY_MILLISECONDS", 5)
    store, workspace = window.kernel.store, window._workspace
    with store.writing() as connection:
        connection.execute("create trigger no before insert on workspace_panels begin select raise(abort, 'no'); end")
    window.open("note", {"text": "precious"})
    screen.pump(lambda: workspace.failures > 3)
    with store.writing() as connection:
        connection.execute("drop trigger no")
    screen.pump(lambda: [panel.state for panel in workspace.open_panels()] == [{"text": "precious"}])
    screen.pump(lambda: not window._journal._retrying)  # and then no more


def labels(widget: tk.Misc) -> Iterator[tk.Label]:
    for child in widget.winfo_children():
        if isinstance(child, tk.Label):
            yield child
        yield from labels(child)


def test_closing_can_be_refused_and_undone(window: MainWindow, screen: Screen) -> None:
    note = window.open("note", {"text": "precious"})
    assert isinstance(note, Note)
    note.objects = True
    assert not window.close(note)
    note.objects = False
    assert window.close(note)
    assert note.was_closed
    assert window.panels("note") == []
    assert window.active is None
    window.reopen()
    screen.pump(lambda: window.panels("note"))
    assert window.panels("note")[0].state() == {"text": "precious"}
    window.reopen()
    screen.pump(lambda: window._toasts._cards)  # nothing is left to reopen, and that is said


def test_a_tab_that_was_closed_before_a_restart_takes_no_other_with_it(
    make: Callable[..., MainWindow], screen: Screen
) -> None:
    window = make()
    window.open("note", {"text": "one"})
    window.close(window.open("note", {"text": "closed"}))
    window = make()
    window.open("note", {"text": "new"})
    window.reopen()
    screen.pump(lambda: len(window.panels("note")) == 3)
    window = make()
    assert sorted(panel.state()["text"] for panel in window.panels("note")) == ["closed", "new", "one"]
    assert len({panel.id for panel in window.panels("note")}) == 3


def test_what_is_told_before_the_window_is_on_the_screen_can_be_read_there(screen: Screen, window: MainWindow) -> None:
    width = window.root.winfo_width()
    window.root.winfo_width = lambda: 1  # type: ignore[method-assign]  # as it is before a window is first shown
    window.notify("Text looks rough here")
    (card,) = window._toasts._cards
    del window.root.winfo_width
    window.docks.pack_configure(padx=1)  # it gets its size
    screen.pump(lambda: card.winfo_width() > 100)
    assert card.winfo_width() < width


def test_work_in_the_background_comes_back_to_this_thread(window: MainWindow, screen: Screen) -> None:
    seen: list[object] = []

    def work(job: Job) -> threading.Thread:
        return threading.current_thread()

    def refuse(job: Job) -> None:
        raise StorageError("no")

    window.background("working", work, lambda thread: seen.append((thread, threading.current_thread())))
    screen.pump(lambda: seen)
    ((there, here),) = seen  # type: ignore[misc]  # it holds one pair
    assert there is not here is threading.current_thread()  # type: ignore[has-type]  # likewise
    window.background("refused", refuse, seen.append, lambda error: seen.append(error.code))
    screen.pump(lambda: len(seen) == 2)
    assert seen[1] == "storage_failed"


def test_what_is_announced_is_heard(window: MainWindow, screen: Screen) -> None:
    heard: list[ActiveChanged] = []
    window.subscribe(window.root, ActiveChanged, heard.append)
    note = window.open("note")
    assert [event.panel for event in heard] == [note]


def test_everything_is_back_after_a_restart(make: Callable[[], MainWindow], screen: Screen) -> None:
    window = make()
    window.open("note", {"text": "one"})
    window.open("note", {"text": "two"})
    window.open("side", {"text": "aside"})
    window.open("broken", {"text": "kept"})
    window.raise_panel(window.panels("note")[0])
    window.choose("window.theme", "light")
    screen.pump(lambda: window.theme.id == "light")
    window.toggle("left")
    window = make()
    assert [(panel.id, panel.state()) for panel in window.panels("note")] == [
        ("note-1", {"text": "one"}),
        ("note-2", {"text": "two"}),
    ]
    assert window.active is window.panels("note")[0]
    assert window.theme.id == "light"
    assert not window.docks.visible("left")
    assert window.docks.visible("bottom")
    assert window.panels("broken")[0].state() == {"text": "kept"}
    assert window.open("note").id == "note-3"


def test_what_is_typed_is_in_the_workspace_before_the_window_is_closed(window: MainWindow, screen: Screen) -> None:
    note = window.open("note")
    assert isinstance(note, Note)
    note.text.insert("1.0", "typed")

    def stored() -> bool:
        return any(panel.state == {"text": "typed"} for panel in window._workspace.open_panels())

    screen.pump(stored)


def test_themes_switch_live_and_text_can_be_zoomed(window: MainWindow, screen: Screen) -> None:
    window.open("note")
    before = window.theme.ui.actual("size")
    window.run("window.zoom-in")
    screen.pump(lambda: window.theme.ui.actual("size") == before + 1)
    window.run("window.zoom-reset")
    screen.pump(lambda: window.theme.ui.actual("size") == before)
    window.run("window.toggle-theme")
    screen.pump(lambda: window.theme.id == "light")
    assert window.root["background"] == window.theme.color("surface")


def test_the_palette_runs_what_is_chosen(window: MainWindow, screen: Screen) -> None:
    window.open("note")
    window.run("window.palette")
    entry = window._anything._palette._entry
    entry.insert(0, "shou")
    entry.focus_force()
    screen.pump(lambda: window.root.focus_get() is entry)
    screen.press(entry, "<KeyRelease>", "<Return>")  # faster than anything can be found
    screen.pump(lambda: ran == ["note-1"])


def test_keys_can_be_chosen_and_are_kept(make: Callable[[], MainWindow], screen: Screen) -> None:
    window = make()
    window.rebind("test.shout", ["ctrl+alt+u"])
    screen.pump(lambda: window.kernel.settings.get("window.keys") != "{}")
    window.rebind("test.shout", ["Ctrl+W"])  # which closes a tab
    assert window.keys("test.shout") == ["Ctrl+Alt+U"]
    window = make()
    note = window.open("note")
    assert isinstance(note, Note)
    screen.pump(lambda: window.root.focus_get() is note.text)
    screen.press(note.text, "<Control-Key-u>")
    assert ran == []
    screen.press(note.text, "<Control-Mod1-Key-u>")
    assert ran == ["note-1"]


def test_keys_of_the_declared_commands_do_not_clash(window: MainWindow) -> None:
    assert window.keymap.conflicts == []


@pytest.mark.parametrize("without", ["DISPLAY", "tkinter", "ttkbootstrap"])
def test_without_what_a_window_needs_one_line_says_so(without: str, home: Path, display: str) -> None:
    program = (
        "import importlib.util, os, sys\n"
        "find = importlib.util.find_spec\n"
        f"importlib.util.find_spec = lambda name, *rest: None if name == {without!r} else find(name, *rest)\n"
        f"os.environ.pop({without!r}, None)\n"
        "sys.argv = ['alveary', 'window']\n"
        "from alveary.__main__ import main\n"
        "main()\n"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 2
    assert "window_unavailable" in ended.stderr
    assert "alveary --help" in ended.stderr
    assert ended.stderr.count("\n") == 2


@pytest.mark.parametrize(
    ("saved", "fits"),
    [
        ("800x600+10+20", "800x600+10+20"),
        ("3000x2000+0+0", "1400x900+0+0"),
        ("800x600+1300+880", "800x600+600+300"),
        ("800x600+-50+-20", "800x600+0+0"),
        ("maximised", None),
        (None, None),
    ],
)
def test_a_window_that_was_on_a_larger_screen_comes_back_on_this_one(saved: object, fits: str | None) -> None:
    assert fitting(saved, (1400, 900)) == fits


def test_what_is_not_restored_is_kept_for_the_next_window(make: Callable[..., MainWindow], screen: Screen) -> None:
    window = make()
    note = window.open("note", {"text": "precious"})
    window.changed(note)
    careful = make(restore=False)
    assert careful.panels("note") == []
    other = careful.open("note", {"text": "another"})
    assert other.id != note.id
    careful.changed(other)
    assert sorted(panel.state()["text"] for panel in make().panels("note")) == ["another", "precious"]


def test_the_keyboard_goes_around_the_docks_and_is_never_in_one_that_is_hidden(
    window: MainWindow, screen: Screen
) -> None:
    panels = [window.open("side"), window.open("note"), window.open("below")]
    screen.settle()
    where = []
    for _ in range(4):
        window.step_dock()
        screen.settle()
        where.append(next(panel.id for panel in panels if window.root.focus_get() is getattr(panel, "text", None)))
    assert where == ["side-1", "note-1", "below-1", "side-1"]
    window.raise_panel(panels[2])
    screen.settle()
    window.toggle("bottom")
    screen.settle()
    assert window.root.focus_get() is getattr(panels[1], "text", None)
