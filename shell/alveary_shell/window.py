"""The window: puts the bars, the docks and the panels together, and is what panels know as :class:`sdk.Window`."""

from __future__ import annotations

import contextlib
import functools
import logging
import tkinter as tk
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Literal, TypeVar

import ttkbootstrap

from alveary.contracts.factory import load_factory
from alveary.contracts.specs import CommandSpec
from alveary.contracts.window import Dock, PanelSpec
from alveary.errors import (
    AlvearyError,
    InternalError,
    QueryCancelledError,
    StoreCorruptError,
    UnknownObjectError,
    described,
)
from alveary.events import SettingChanged
from alveary.jobs import Job
from alveary.kernel import Kernel
from alveary.sessions import Session
from alveary.store.backups import Restored
from alveary_shell import dialogs
from alveary_shell.anything import FindAnything
from alveary_shell.asking import Asking
from alveary_shell.bars import MenuBar, StatusBar, ToolBar
from alveary_shell.docks import Docks, Place
from alveary_shell.fault import FaultPanel
from alveary_shell.journal import Journal
from alveary_shell.keyboard import Keyboard
from alveary_shell.palette import Palette
from alveary_shell.pump import Pump
from alveary_shell.running import RunningJobs
from alveary_shell.sdk import ActiveChanged, Answer, Level, Panel, Window
from alveary_shell.standing import Standing
from alveary_shell.start import TITLE, desktop_mode, new_root, plain_fonts, safe_mode_said
from alveary_shell.theme import Theme
from alveary_shell.toasts import Toasts, shown
from alveary_shell.widgets.focus import focused
from alveary_shell.workspace import SavedPanel

_log = logging.getLogger(__name__)

T = TypeVar("T")

POSTPONED_MILLISECONDS = 30
"""How long after the window is shown what is hidden is built."""


class MainWindow(Window):
    """The one window of a process. Made on Tk's thread, which :meth:`mainloop` keeps until the window is closed."""

    def __init__(
        self, kernel: Kernel, root: ttkbootstrap.App | None = None, *, restore: bool = True, at_once: bool = True
    ) -> None:
        """Build the window into ``root``, a new one unless the process has its one root already.

        Without ``restore`` nothing is opened again; what was open is kept for the next window. Unless everything is
        to be there ``at_once``, what stands in docks that are hidden is built when the window is on the screen.
        WindowUnavailableError where there is no display.
        """
        self.kernel = kernel
        kernel.host = "process"  # no driver can slow or crash the window
        self._own_root = root is None
        self.root = root or new_root(kernel.settings.get("window.scale"))
        self.root.title(f"{TITLE} (safe mode)" if kernel.safe_mode else TITLE)
        self.root.withdraw()
        self.root.protocol("WM_DELETE_WINDOW", self.quit)
        self.root.report_callback_exception = self._failed
        self.pump = Pump(self.root, kernel.bus)
        kernel.gauges["longest gap between two ticks of the window"] = lambda: self.pump.longest_gap
        self._standing = Standing(self)
        self._journal = Journal(self, self._standing.now)
        self._workspace = self._journal.workspace
        self.theme = Theme(self.root, kernel.plugins.themes, points=kernel.settings.get("window.font_size"))
        self._use_theme(kernel.settings.get("window.theme"))
        self._enablers: dict[str, Callable[[Window], bool]] = {}
        self._active: Panel | None = None
        self._numbers: Counter[str] = Counter()
        self.closing = False
        """Whether it is being closed, or is closed: nothing new is begun then."""
        self._keyboard = Keyboard(self, lambda spec: not self.closing and self.enabled(spec))
        self.keymap = self._keyboard.keymap
        self._asking = Asking(self, kernel)
        self._build()
        self._standing.restore(self._workspace, own_root=self._own_root, panels=restore, at_once=at_once)
        self._begin_in_centre()
        if (poor := plain_fonts(self.root)) is not None:
            _log.warning("%s", poor)
            self.notify("Text looks rough here", "warning", detail=poor)
        if kernel.safe_mode:
            text, why = safe_mode_said(kernel.plugins.kernel_faults)
            self._toasts.show(text, "warning", detail=why, copied=f"{text}\n{why}")  # which stays until it is put away

    # -- life ----------------------------------------------------------------------------------------------------

    def mainloop(self) -> None:
        """Show the window and stay until it is closed."""
        self.root.deiconify()
        self.root.after(POSTPONED_MILLISECONDS, self._standing.make_postponed)
        self.root.mainloop()

    def show(self) -> None:
        """Bring the window to the front."""
        self.root.deiconify()
        self.root.lift()
        self.root.focus_force()

    def quit(self) -> None:
        """Close the window, unless a panel objects; everything typed is in the workspace."""
        if self.closing or not all(panel.can_close() for panel in self.panels()):
            return
        self.closing = True
        self._asking.close()
        self._journal.end()
        for panel in self.panels():
            with contextlib.suppress(Exception):  # what a panel can't let go of must not keep the window open
                panel.closed()
        if not self._workspace.flush():
            _log.error("the workspace was not written in time")
        self._workspace.close()
        self.pump.close()
        if self._own_root:
            self.root.destroy()

    def _build(self) -> None:
        specs = list(self.kernel.plugins.commands)
        doors: dict[str, Any] = {"run": self.run, "enabled": self.enabled, "keys": self.keymap.keys}
        tools: list[tuple[str, Callable[[], object]]] = [
            (spec.title, functools.partial(self.open, spec.id))
            for spec in sorted(self.kernel.plugins.panels, key=lambda spec: spec.title)
            if spec.dock != "center"
        ]
        MenuBar(self.root, self.theme, specs, panels=tools, **doors)
        self._toolbar = ToolBar(self.root, self.theme, specs, **doors)
        self._toolbar.pack(fill="x")
        running = RunningJobs(self)
        self._status = StatusBar(self.root, self.theme, cancel=running.cancel)
        running.show_in(self._status)
        self._status.pack(side="bottom", fill="x")
        self.docks = Docks(self.root, self.theme, selected=self._selected, close=self.close, menu=self._tab_menu)
        self.docks.pack(fill="both", expand=True)
        self._toasts = Toasts(self.root, self.theme, self.copy)
        self.docks.bind("<Configure>", lambda _: self._toasts.arrange(), add="+")
        self._anything = FindAnything(self, Palette(self.root, self.theme), self._workspace)
        self._keyboard.bind(self.docks)
        self.root.bind_all("<FocusIn>", self._focused, add="+")
        self.pump.subscribe(None, SettingChanged, self._setting_changed)

    def _begin_in_centre(self) -> None:
        centre = self.docks.frames["center"]
        if centre.front is not None:
            self._activate(centre.front.panel)
            self.docks.fold(centre.front.panel.spec.whole)
            self.root.after_idle(self._focus_front)

    def _focus_front(self) -> None:
        """Put the keyboard where work goes on, in whatever is in front by now."""
        front = self.docks.frames["center"].front
        if front is not None and not self.closing:
            front.panel.focus()

    # -- commands ------------------------------------------------------------------------------------------------

    def enabled(self, spec: CommandSpec) -> bool:
        """Return whether a command can be run now."""
        placement = spec.placement
        if placement is None:
            return True
        if placement.panel is not None and not self._is_there(placement.panel):
            return False
        if placement.enabled is None:
            return True
        try:
            if (enabler := self._enablers.get(spec.id)) is None:
                enabler = self._enablers[spec.id] = load_factory(placement.enabled)
            return bool(enabler(self))
        except Exception as exc:  # noqa: BLE001  # a stranger's function; its command is simply not to be had
            _log.error("whether %s is enabled can't be told: %s", spec.id, described(exc))
            return False

    def run(self, command: str, parameters: Mapping[str, Any] | None = None) -> Any:
        try:
            return self.kernel.commands.run(command, parameters, window=self)
        except QueryCancelledError:
            return None
        except AlvearyError as exc:
            self.show_error(exc)
            return None
        finally:
            if not self.closing:
                self.refresh()

    def submit(self, command: str, parameters: Mapping[str, Any], done: Callable[[Any], object]) -> Job:
        spec = self.kernel.plugins.commands.find(command)
        title = spec.summary if spec is not None else command
        return self.background(title, lambda job: self.kernel.commands.run(command, parameters, job=job), done)

    def background(
        self,
        title: str,
        work: Callable[[Job], T],
        done: Callable[[T], object],
        failed: Callable[[AlvearyError], object] | None = None,
    ) -> Job:
        def finish(job: Job) -> None:
            if self.closing:
                return
            if job.error is None:
                done(job.result())
            elif failed is not None:
                failed(job.error)
            elif not isinstance(job.error, QueryCancelledError):
                self.show_error(job.error, title=title)

        job = self.kernel.jobs.submit(title, work)
        job.on_end(lambda: self.post(lambda: finish(job)))
        return job

    def post(self, callback: Callable[[], object]) -> None:
        self.pump.post(callback)

    def connect(
        self,
        target: str,
        done: Callable[[Session], object],
        failed: Callable[[AlvearyError], object] | None = None,
    ) -> Job:
        kernel = self.kernel

        def work(job: Job) -> Session:
            session = kernel.open(*kernel.target(target))
            job.on_cancel(session.give_up_connecting)
            session.wait_connected()
            return session

        return self.background("Connecting", work, done, failed)

    def refresh(self) -> None:
        """Bring what depends on the state of panels up to date: the toolbar, the titles."""
        self._toolbar.refresh()
        for frame in self.docks.frames.values():
            frame.retitle()

    def find(self, *, commands_only: bool = False) -> None:
        """Show the palette that finds anything, or commands alone."""
        self._anything.open(commands_only=commands_only)

    # -- how it looks, and what the keys do ----------------------------------------------------------------------

    def choose(self, setting: str, value: object) -> None:
        """Change a setting of the window; None goes back to the default. The event that follows puts it into force."""
        kernel = self.kernel

        def work(job: Job) -> None:
            if value is None:
                kernel.settings.reset(setting)
            else:
                kernel.settings.set(setting, value)

        self.background("Changing a setting", work, lambda _: None)

    def keys(self, command: str) -> list[str]:
        return self.keymap.keys(command)

    def rebind(self, command: str, keys: list[str]) -> None:
        if (chosen := self._keyboard.rebind(command, keys)) is not None:
            self.choose("window.keys", chosen)

    def _use_theme(self, wanted: str) -> None:
        id = desktop_mode() if wanted == "system" else wanted
        self.theme.use(id if id in self.theme.specs else next(iter(self.theme.specs)))

    def _setting_changed(self, event: SettingChanged) -> None:
        if event.setting == "window.theme" and event.value == "system":
            self.background("Asking the desktop for its theme", lambda job: desktop_mode(), self._use_theme)
        elif event.setting == "window.theme":
            self._use_theme(str(event.value))
        elif event.setting == "window.font_size":
            self.theme.zoom(int(str(event.value)))

    def _is_there(self, panel: str) -> bool:
        """Return whether a panel of the centre is the active one, or one of another dock is open."""
        if self._keyboard.dock(panel) == "center":
            return self.active is not None and self.active.spec.id == panel
        return bool(self.panels(panel))

    # -- events --------------------------------------------------------------------------------------------------

    def subscribe(self, owner: tk.Misc, kind: type[T], callback: Callable[[T], object]) -> None:
        self.pump.subscribe(owner, kind, callback)

    def announce(self, event: object) -> None:
        self.pump.deliver(event)
        if not self.closing:
            self._toolbar.refresh()

    # -- panels --------------------------------------------------------------------------------------------------

    def open(self, panel: str, state: Mapping[str, Any] | None = None) -> Panel:
        if (spec := self.kernel.plugins.panels.find(panel)) is None:
            raise UnknownObjectError(f"no panel is named {panel!r}", hint="see: alveary plugins")
        opened = next(iter(self.panels(panel)), None) if spec.dock != "center" else None
        if opened is None:
            opened = self.make(spec, state or {})
            self.changed(opened)
        self.raise_panel(opened)
        return opened

    def raise_panel(self, panel: Panel) -> None:
        if (found := self.docks.place_of(panel)) is None:
            return
        frame, place = found
        self.docks.show(frame.dock)
        frame.select(place)
        if frame.dock == "center":
            self._activate(panel)
        panel.focus()

    def close(self, panel: Panel) -> bool:
        found = self.docks.place_of(panel)
        if found is None or not panel.can_close():
            return False
        frame, place = found
        self._journal.closed(panel)
        frame.remove(place)
        panel.closed()
        place.frame.destroy()
        if frame.dock == "center":
            self._activate(frame.front.panel if frame.front is not None else None)
            if frame.front is not None:
                frame.front.panel.focus()
        self.refresh()
        return True

    def reopen(self) -> None:
        """Open the panel that was closed last, as it was."""

        def done(saved: SavedPanel | None) -> None:
            if saved is None or (spec := self.kernel.plugins.panels.find(saved.panel)) is None:
                self.notify("No closed tab is left to reopen")
                return
            panel = self.make(spec, saved.state)
            self._journal.reopened(panel, saved.id)
            self.raise_panel(panel)

        workspace = self._workspace

        def work(job: Job) -> SavedPanel | None:
            workspace.flush()
            return workspace.last_closed()

        self.background("Reopening a tab", work, done)

    def panels(self, id: str | None = None) -> list[Panel]:
        return [
            place.panel
            for frame in self.docks.frames.values()
            for place in frame.places
            if id is None or place.panel.spec.id == id
        ]

    @property
    def active(self) -> Panel | None:
        return self._active

    def step(self, by: int) -> None:
        """Go to another tab of the centre."""
        centre = self.docks.frames["center"]
        if centre.front is not None:
            at = (centre.places.index(centre.front) + by) % len(centre.places)
            self.raise_panel(centre.places[at].panel)

    def step_dock(self) -> None:
        """Put the keyboard into the next dock that is shown."""
        docks = [dock for dock, frame in self.docks.frames.items() if self.docks.visible(dock) and frame.front]
        if docks:
            here = next((at for at, dock in enumerate(docks) if self._has_focus(dock)), -1)
            front = self.docks.frames[docks[(here + 1) % len(docks)]].front
            if front is not None:
                front.panel.focus()

    def toggle(self, dock: Dock) -> None:
        """Show or hide a dock."""
        if self.docks.visible(dock):
            had_focus = self._has_focus(dock)
            self.docks.hide(dock)
            if had_focus:
                self._focus_front()
        elif self.docks.frames[dock].places:
            self.docks.show(dock)
        else:
            self.notify("No panel stands there; the View menu has them")

    def retitle(self, panel: Panel) -> None:
        if (found := self.docks.place_of(panel)) is not None:
            found[0].retitle()

    def changed(self, panel: Panel) -> None:
        self._journal.changed(panel)

    def make(self, spec: PanelSpec, state: Mapping[str, Any], id: str | None = None) -> Panel:
        """Build a panel and put it into its dock; a new ``id`` is given to one that has none."""
        frame = self.docks.frames[spec.dock]
        inner = frame.make()
        try:
            factory = load_factory(spec.factory)
            panel: Panel = factory(self, inner, state)
        except Exception as exc:  # noqa: BLE001  # a stranger's panel; its fault stands in its place
            _log.exception("the panel %s can't be opened", spec.id)
            for child in inner.winfo_children():
                child.destroy()
            error = exc if isinstance(exc, AlvearyError) else InternalError(described(exc))
            panel = FaultPanel(self, inner, state, error)
        if id is None:
            self._numbers[spec.id] += 1
            id = f"{spec.id}-{self._numbers[spec.id]}"
        panel.spec, panel.id = spec, id
        frame.add(Place(id, inner, panel))
        if spec.dock == "center":
            self._activate(panel)
        return panel

    def count(self, panel: str, id: str) -> None:
        """Give no panel that is made an ``id`` that is in use."""
        digits = id.rpartition("-")[2]
        self._numbers[panel] = max(self._numbers[panel], int(digits) if digits.isdigit() else 0)

    def _selected(self, dock: Dock) -> None:
        front = self.docks.frames[dock].front
        if front is not None:
            if dock == "center":
                self._activate(front.panel)
            front.panel.focus()

    def _activate(self, panel: Panel | None) -> None:
        if panel is not self._active:
            # Not otherwise: what a person has shown beside this very page stays.
            self.docks.fold(panel is not None and panel.spec.whole)
            self._active = panel
            self._journal.moved()
            for slot in ("transaction", "time", "rows", "position"):
                self._status.say(slot, "")
            self.status("session", "")
            self.announce(ActiveChanged(panel))

    def _focused(self, event: tk.Event[tk.Misc]) -> None:
        if not self.closing:
            self._toolbar.refresh()

    def _has_focus(self, dock: Dock) -> bool:
        holder = focused(self.root)
        return holder is not None and f"{holder}.".startswith(f"{self.docks.frames[dock]}.")

    def _tab_menu(self, panel: Panel, event: tk.Event[tk.Misc]) -> None:
        if panel.spec.dock != "center":
            return
        others = [other for other in self.panels() if other.spec.dock == "center" and other is not panel]
        self.menu(
            [
                ("Close", lambda: self.close(panel)),
                ("Close others", lambda: [self.close(other) for other in others]),
                None,
                ("Reopen closed tab", self.reopen),
            ],
            event,
        )

    # -- saying and asking ---------------------------------------------------------------------------------------

    def notify(self, text: str, level: Level = "info", *, detail: str | None = None) -> None:
        self._toasts.show(text, level, detail=detail)

    def show_error(self, error: AlvearyError, *, title: str | None = None) -> None:
        _log.warning("shown: %s: %s", error.code, error.message)
        restore = {"Restore the newest copy": self._restore_store} if error.code == StoreCorruptError.code else None
        self._toasts.error(error, title, restore)

    def _restore_store(self) -> None:
        """Put the newest copy of the store in its place, and open again what was open then, beside what is open now."""
        workspace = self._workspace

        def work(job: Job) -> tuple[Restored, list[SavedPanel], list[tuple[str, str]]]:
            # Read at once: what is open here may have the same ids, and is written soon.
            return self.kernel.run("store.restore"), workspace.open_panels(), workspace.kept()

        def done(found: tuple[Restored, list[SavedPanel], list[tuple[str, str]]]) -> None:
            restored, saved, kept = found
            for panel, id in kept:
                self.count(panel, id)
            ours = {panel.id: panel for panel in self.panels()}
            for each in saved:
                spec = self.kernel.plugins.panels.find(each.panel)
                if spec is not None and spec.dock == "center" and not restored.sound:
                    self._journal.reopened(self.make(spec, each.state), each.id if each.id not in ours else None)
            for mine in ours.values():  # of which the copy knows nothing, or what it was once
                self.changed(mine)
            self.notify(
                "The store is restored" if not restored.sound else "The store is not damaged",
                "success",
                detail=f"The damaged file is kept: {restored.kept}" if restored.kept else None,
            )

        self.background("Restoring the store", work, done)

    def confirm(self, question: str, *, detail: str = "", yes: str = "OK", no: str = "Cancel") -> bool:
        return dialogs.confirm(self.root, self.theme, question, detail, yes, no)

    def ask_choice(self, question: str, choices: Sequence[Answer], *, detail: str = "") -> int | None:
        return dialogs.ask_choice(self.root, self.theme, question, choices, detail)

    def ask_text(self, question: str, *, value: str = "", secret: bool = False) -> str | None:
        return dialogs.ask_text(self.root, self.theme, question, value, secret=secret)

    def ask_file(
        self, *, save: bool, title: str, name: str = "", endings: Mapping[str, str] | None = None
    ) -> str | None:
        return dialogs.ask_file(self.root, save=save, title=title, name=name, endings=endings)

    def menu(self, items: list[tuple[str, Callable[[], object]] | None], event: tk.Event[tk.Misc]) -> None:
        menu = tk.Menu(self.root, tearoff=False)
        for item in items:
            if item is None:
                menu.add_separator()
            else:
                menu.add_command(label=shown(item[0]), command=item[1])
        menu.bind("<Unmap>", lambda _: menu.after_idle(menu.destroy))
        menu.tk_popup(event.x_root, event.y_root)

    def status(
        self, slot: Literal["session", "transaction", "rows", "time", "position"], text: str, role: str = "success"
    ) -> None:
        self._status.say(slot, shown(text))
        if slot == "session":
            self._status.mark(role if text else "faint")

    def copy(self, text: str) -> None:
        self.root.clipboard_clear()
        self.root.clipboard_append(text)

    def _failed(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        """Report what a callback of Tk's raised; the window goes on."""
        if isinstance(error, AlvearyError):
            self.show_error(error)
            return
        _log.error("a callback of the window failed", exc_info=(kind, error, trace))
        self.show_error(InternalError(described(error)))
