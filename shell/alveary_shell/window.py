"""The window: puts the bars, the docks and the panels together, and is what panels know as :class:`sdk.Window`."""

from __future__ import annotations

import contextlib
import functools
import json
import logging
import re
import threading
import tkinter as tk
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Literal, TypeVar

import msgspec
import ttkbootstrap

from alveary.contracts.factory import load_factory
from alveary.contracts.specs import CommandSpec
from alveary.contracts.target import Target
from alveary.contracts.tunnel import HostKey
from alveary.contracts.window import Dock, PanelSpec
from alveary.credentials import Credentials
from alveary.errors import (
    AlvearyError,
    InternalError,
    InvalidInputError,
    QueryCancelledError,
    StorageError,
    UnknownObjectError,
    described,
)
from alveary.events import JobEnded, JobProgressed, JobStarted, SettingChanged
from alveary.jobs import Job
from alveary.kernel import Kernel
from alveary.policy import Confirmation
from alveary.sessions import Session
from alveary_shell import dialogs
from alveary_shell.bars import MenuBar, StatusBar, ToolBar
from alveary_shell.docks import SIZES, Docks, Place
from alveary_shell.keys import Keymap, sequence
from alveary_shell.palette import Choice, Palette
from alveary_shell.pump import Pump
from alveary_shell.sdk import ActiveChanged, Answer, Level, Panel, Window
from alveary_shell.start import TITLE, desktop_mode, new_root, plain_fonts
from alveary_shell.theme import Theme
from alveary_shell.toasts import Toasts, shown
from alveary_shell.workspace import SavedPanel, Workspace

_log = logging.getLogger(__name__)

T = TypeVar("T")

SIZE = (1360, 860)
"""Units the window is wide and high when it is first opened, if the screen has them."""
JOURNAL_MILLISECONDS = 500
"""How long after a change a panel's state is written; a second is what is promised."""
RETRY_MILLISECONDS = 5000
POSTPONED_MILLISECONDS = 30
"""How long after the window is shown what is hidden is built."""
SHOWN_MILLISECONDS = 300
"""How long a job has been running before the status bar names it."""


class FaultPanel(Panel):
    """Stands where a panel's factory raised, and says why."""

    def __init__(self, window: Window, frame: tk.Misc, state: Mapping[str, Any], error: AlvearyError) -> None:
        super().__init__(window, frame, state)
        self._state = dict(state)
        theme = window.theme
        text = "\n".join(filter(None, [f"{error.message}", error.detail, error.hint]))
        label = tk.Label(frame, text=shown(text), justify="left", anchor="nw", padx=theme.px(16), pady=theme.px(16))
        label.pack(fill="both", expand=True)
        label.bind("<Configure>", lambda event: label.configure(wraplength=max(event.width - theme.px(40), 100)))
        theme.follow(
            label,
            lambda: label.configure(
                background=theme.color("background"), foreground=theme.color("danger"), font=theme.ui
            ),
        )

    def state(self) -> dict[str, Any]:
        # What a panel that can't be shown had to keep is kept for the day when it can.
        return self._state


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
        self._thread = threading.current_thread()
        self._own_root = root is None
        self.root = root or new_root(kernel.settings.get("window.scale"))
        self.root.title(f"{TITLE} (safe mode)" if kernel.safe_mode else TITLE)
        self.root.withdraw()
        self.root.protocol("WM_DELETE_WINDOW", self.quit)
        self.root.report_callback_exception = self._failed
        self.pump = Pump(self.root, kernel.bus)
        kernel.gauges["longest gap between two ticks of the window"] = lambda: self.pump.longest_gap
        self._workspace = Workspace(kernel.store, self._journal_failed)
        self._layout = self._read_layout()
        self.theme = Theme(self.root, kernel.plugins.themes, points=kernel.settings.get("window.font_size"))
        self._use_theme(kernel.settings.get("window.theme"))
        self._enablers: dict[str, Callable[[Window], bool]] = {}
        self._dirty: set[str] = set()
        self._journal: str | None = None
        self._active: Panel | None = None
        self._numbers: dict[str, int] = {}
        self._jobs: dict[str, Job] = {}
        self._closing = False
        self.keymap = Keymap(kernel.plugins.commands, self._chosen_keys())
        refusals = kernel.credentials.refusals
        kernel.credentials = Credentials(
            kernel.credentials.sources,
            ask=self._ask_password,
            accept_host=self._accept_host,
            tunnel_secrets=kernel.credentials.tunnel_secrets,
        )
        kernel.credentials.refusals.extend(refusals)
        kernel.policy.ask = self._ask_confirmation
        self._build()
        self._postponed: list[PanelSpec] = []
        self._restore(restore, at_once)
        if (poor := plain_fonts(self.root)) is not None:
            _log.warning("%s", poor)
            self.notify("Text looks rough here", "warning", detail=poor)

    # -- life ----------------------------------------------------------------------------------------------------

    def mainloop(self) -> None:
        """Show the window and stay until it is closed."""
        self.root.deiconify()
        self.root.after(POSTPONED_MILLISECONDS, self._make_postponed)
        self.root.mainloop()

    def show(self) -> None:
        """Bring the window to the front."""
        self.root.deiconify()
        self.root.lift()
        self.root.focus_force()

    def quit(self) -> None:
        """Close the window, unless a panel objects; everything typed is in the workspace."""
        if self._closing or not all(panel.can_close() for panel in self.panels()):
            return
        self._closing = True
        self._write_journal()
        self._workspace.save_layout(self._current_layout())
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
        self._status = StatusBar(self.root, self.theme, cancel=self._cancel_jobs)
        self._status.pack(side="bottom", fill="x")
        self.docks = Docks(self.root, self.theme, selected=self._selected, close=self.close, menu=self._tab_menu)
        self.docks.pack(fill="both", expand=True)
        self._toasts = Toasts(self.root, self.theme, self.copy)
        self._palette = Palette(self.root, self.theme, self._chosen)
        self._bind_keys()
        # Every widget hears our keys before its own class does: Ctrl+O must not open a line in a Text first.
        self.root.bind_all("<Map>", lambda event: self._tag(event.widget), add="+")
        self.root.bind_all("<FocusIn>", self._focused, add="+")
        self.pump.subscribe(None, SettingChanged, self._setting_changed)
        self.pump.subscribe(None, JobStarted, self._job_started)
        self.pump.subscribe(None, JobProgressed, self._job_at)
        self.pump.subscribe(None, JobEnded, self._job_ended)

    def _read_layout(self) -> dict[str, Any]:
        try:
            return self._workspace.layout()
        except StorageError as exc:
            error = exc
            self.post(lambda: self.show_error(error, title="The workspace can't be read; nothing will be kept."))
            return {}

    def _restore(self, restore: bool, at_once: bool) -> None:
        """Open what was open, where it stood."""
        layout = self._layout
        if self._own_root:
            screen = self.root.winfo_screenwidth(), self.root.winfo_screenheight()
            size = self.theme.px(SIZE[0]), self.theme.px(SIZE[1])
            # What the desktop needs for its bars, and the window for its title and menu.
            room = screen[0] - self.theme.px(24), screen[1] - self.theme.px(80)
            first = f"{min(size[0], room[0])}x{min(size[1], room[1])}"
            self.root.geometry(fitting(layout.get("geometry"), screen) or first)
        if isinstance(sizes := layout.get("sizes"), dict):
            self.docks.resize(sizes)
        saved: dict[str, SavedPanel] = {}
        with contextlib.suppress(StorageError):  # said already
            saved = {panel.id: panel for panel in self._workspace.open_panels()}
        order = [id for id in layout.get("panels", []) if id in saved]
        for id in [*order, *(id for id in saved if id not in order)]:
            self._numbers[saved[id].panel] = max(self._numbers.get(saved[id].panel, 0), _number(id))
            spec = self.kernel.plugins.panels.find(saved[id].panel)
            if spec is not None and restore:
                self._make(spec, saved[id].state, id)
        # Below stand results and what is told of them: there is nothing of the kind before anything is run.
        hidden = layout.get("hidden", ["bottom"])
        empty = not self.docks.frames["center"].places
        for spec in self.kernel.plugins.panels:
            if spec.open_at_start and (empty if spec.dock == "center" else not self.panels(spec.id)):
                if spec.dock in hidden and not at_once:
                    self._postponed.append(spec)
                else:
                    self._make(spec, {}, None)
        for dock in SIZES:
            frame = self.docks.frames[dock]
            if frame.places:
                frame.select(frame.places[0])
            if frame.places and dock not in hidden:
                self.docks.show(dock)
            else:
                self.docks.hide(dock)
        for id in layout.get("front", []):
            for panel in self.panels():
                if panel.id == id and (found := self.docks.place_of(panel)) is not None:
                    found[0].select(found[1])
        centre = self.docks.frames["center"]
        if centre.front is not None:
            self._activate(centre.front.panel)
            self.root.after_idle(self._focus_front)

    def _make_postponed(self) -> None:
        """Build one of the panels that nobody sees yet, then the next; they listen, so they are wanted all the same."""
        if self._closing or not self._postponed:
            return
        spec = self._postponed.pop(0)
        if not self.panels(spec.id):
            self._make(spec, {}, None)
            if not self.docks.visible(spec.dock):
                frame = self.docks.frames[spec.dock]
                frame.select(frame.places[0])
        self.root.after(1, self._make_postponed)

    def _focus_front(self) -> None:
        """Put the keyboard where work goes on, in whatever is in front by now."""
        front = self.docks.frames["center"].front
        if front is not None and not self._closing:
            front.panel.focus()

    def _current_layout(self) -> dict[str, Any]:
        frames = self.docks.frames
        return {
            "geometry": self.root.geometry(),
            "sizes": self.docks.sizes(),
            "hidden": [dock for dock in SIZES if not self.docks.visible(dock)],
            "panels": [place.panel.id for frame in frames.values() for place in frame.places],
            "front": [frame.front.panel.id for frame in frames.values() if frame.front is not None],
        }

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
            if not self._closing:
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
            if self._closing:
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

    def open_palette(self) -> None:
        """Show the command palette."""
        choices = [
            Choice(spec.id, spec.placement.title.rstrip("…"), next(iter(self.keymap.keys(spec.id)), ""), spec.summary)
            for spec in self.kernel.plugins.commands
            if spec.placement is not None and self.enabled(spec)
        ]
        panels = [
            Choice(f"panel:{spec.id}", f"Go to {spec.title}", "", "panel")
            for spec in self.kernel.plugins.panels
            if spec.dock != "center"
        ]
        self._palette.open([*sorted(choices, key=lambda choice: choice.title), *panels])

    def _chosen(self, id: str) -> None:
        if id.startswith("panel:"):
            self.open(id.removeprefix("panel:"))
        else:
            self.run(id)

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
        try:
            self.keymap.bind(command, keys)
        except AlvearyError as exc:
            self.show_error(exc)
            return
        self._bind_keys()
        self.choose("window.keys", json.dumps({**self._chosen_keys(), command: self.keymap.keys(command)}))

    def _chosen_keys(self) -> dict[str, list[str]]:
        try:
            chosen = msgspec.json.decode(self.kernel.settings.get("window.keys"), type=dict[str, list[str]])
        except msgspec.MsgspecError as exc:
            reason = InvalidInputError(f"the setting window.keys can't be read: {exc}", hint="mend or reset it")
            self.post(lambda: self.show_error(reason))
            return {}
        return chosen

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

    def _bind_keys(self) -> None:
        for bound in self.root.bind_class("Alveary") or ():
            self.root.unbind_class("Alveary", bound)
        for keys, commands in self.keymap.bindings().items():
            self.root.bind_class(
                "Alveary",
                sequence(keys),
                lambda event, commands=commands: self._pressed(event, commands),  # type: ignore[misc]  # mypy can't infer a default
            )
        self._tag(self.root)

    def _tag(self, widget: tk.Misc) -> None:
        if isinstance(widget, tk.Misc):
            tags = widget.bindtags()
            if "Alveary" not in tags:
                widget.bindtags((tags[0], "Alveary", *tags[1:]))

    def _pressed(self, event: tk.Event[tk.Misc], commands: list[str]) -> str | None:
        if self._closing:
            return None
        widget: object = event.widget  # a name, if it is gone by now
        if not isinstance(widget, tk.Misc) or widget.winfo_toplevel() is not self.root:
            return None  # a dialog has its own keys
        # The same keys may mean one thing in the grid and another in the editor: where the keyboard is decides.
        found = [spec for id in commands if (spec := self.kernel.plugins.commands.find(id)) is not None]
        for spec in sorted(found, key=lambda spec: not self._is_within(spec)):
            panel = spec.placement.panel if spec.placement is not None else None
            tool = panel is not None and self._dock(panel) != "center"
            if (self._is_within(spec) or not tool) and self.enabled(spec):
                self.run(spec.id)
                return "break"
        return None

    def _dock(self, panel: str) -> Dock | None:
        spec = self.kernel.plugins.panels.find(panel)
        return spec.dock if spec is not None else None

    def _is_there(self, panel: str) -> bool:
        """Return whether a panel of the centre is the active one, or one of another dock is open."""
        if self._dock(panel) == "center":
            return self.active is not None and self.active.spec.id == panel
        return bool(self.panels(panel))

    def _is_within(self, spec: CommandSpec) -> bool:
        """Return whether the keyboard is in the panel a command is limited to."""
        focused = self.root.focus_get()
        if focused is None or spec.placement is None or spec.placement.panel is None:
            return False
        frames = [
            found[1].frame for panel in self.panels(spec.placement.panel) if (found := self.docks.place_of(panel))
        ]
        return any(f"{focused}.".startswith(f"{frame}.") for frame in frames)

    # -- events --------------------------------------------------------------------------------------------------

    def subscribe(self, owner: tk.Misc, kind: type[T], callback: Callable[[T], object]) -> None:
        self.pump.subscribe(owner, kind, callback)

    def announce(self, event: object) -> None:
        self.pump.deliver(event)
        if not self._closing:
            self._toolbar.refresh()

    def _job_started(self, event: JobStarted) -> None:
        for job in self.kernel.jobs.open():
            self._jobs[job.id] = job
        self.root.after(SHOWN_MILLISECONDS, self._show_job)  # most are over before anybody could read their name

    def _job_at(self, event: JobProgressed) -> None:
        if (job := self._jobs.get(event.job)) is not None:
            percent = f" {event.percent:.0f} %" if event.percent is not None else f" {event.done:,} {event.unit}"
            self._status.job(job.title + percent)

    def _job_ended(self, event: JobEnded) -> None:
        self._jobs.pop(event.job, None)
        self._show_job()

    def _show_job(self) -> None:
        if not self._closing:
            job = next((job for job in self._jobs.values() if job.outcome is None), None)
            self._status.job(job.title if job is not None else "")

    def _cancel_jobs(self) -> None:
        for job in self._jobs.values():
            job.cancel()

    # -- panels --------------------------------------------------------------------------------------------------

    def open(self, panel: str, state: Mapping[str, Any] | None = None) -> Panel:
        if (spec := self.kernel.plugins.panels.find(panel)) is None:
            raise UnknownObjectError(f"no panel is named {panel!r}", hint="see: alveary plugins")
        opened = next(iter(self.panels(panel)), None) if spec.dock != "center" else None
        if opened is None:
            opened = self._make(spec, state or {}, None)
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
        self._write_state(panel)
        self._workspace.close_panel(panel.id)
        self._dirty.discard(panel.id)
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
            self._workspace.forget(saved.id)
            panel = self._make(spec, saved.state, None)
            self.changed(panel)
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
            self.docks.hide(dock)
        elif self.docks.frames[dock].places:
            self.docks.show(dock)
        else:
            self.notify("No panel stands there; the View menu has them")

    def retitle(self, panel: Panel) -> None:
        if (found := self.docks.place_of(panel)) is not None:
            found[0].retitle()

    def changed(self, panel: Panel) -> None:
        self._dirty.add(panel.id)
        if self._journal is None:
            self._journal = self.root.after(JOURNAL_MILLISECONDS, self._write_journal)

    def _make(self, spec: PanelSpec, state: Mapping[str, Any], id: str | None) -> Panel:
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
            self._numbers[spec.id] = self._numbers.get(spec.id, 0) + 1
            id = f"{spec.id}-{self._numbers[spec.id]}"
        panel.spec, panel.id = spec, id
        frame.add(Place(id, inner, panel))
        if spec.dock == "center":
            self._activate(panel)
        return panel

    def _selected(self, dock: Dock) -> None:
        front = self.docks.frames[dock].front
        if front is not None:
            if dock == "center":
                self._activate(front.panel)
            front.panel.focus()

    def _activate(self, panel: Panel | None) -> None:
        if panel is not self._active:
            self._active = panel
            for slot in ("transaction", "time", "rows", "position"):
                self._status.say(slot, "")
            self.status("session", "")
            self.announce(ActiveChanged(panel))

    def _focused(self, event: tk.Event[tk.Misc]) -> None:
        if not self._closing:
            self._toolbar.refresh()

    def _has_focus(self, dock: Dock) -> bool:
        focused = self.root.focus_get()
        return focused is not None and str(focused).startswith(str(self.docks.frames[dock]))

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

    # -- the workspace -------------------------------------------------------------------------------------------

    def _write_journal(self) -> None:
        self._journal = None
        dirty, self._dirty = self._dirty, set()
        for panel in self.panels():
            if panel.id in dirty:
                self._write_state(panel)

    def _write_state(self, panel: Panel) -> None:
        try:
            self._workspace.save(panel.id, panel.spec.id, panel.state())
        except Exception as exc:  # noqa: BLE001  # a stranger's panel; the others' states are written all the same
            _log.exception("the state of %s can't be written: %s", panel.id, described(exc))

    def _journal_failed(self, error: StorageError) -> None:
        """Take note, on the journal's thread, that the workspace can't be written; it is tried again soon."""

        def tell() -> None:
            self.show_error(error, title="What you type is not being saved")
            self.root.after(RETRY_MILLISECONDS, self._all_changed)

        self.post(tell)

    def _all_changed(self) -> None:
        for panel in self.panels():
            self.changed(panel)

    # -- saying and asking ---------------------------------------------------------------------------------------

    def notify(self, text: str, level: Level = "info", *, detail: str | None = None) -> None:
        self._toasts.show(text, level, detail=detail)

    def show_error(self, error: AlvearyError, *, title: str | None = None) -> None:
        _log.warning("shown: %s: %s", error.code, error.message)
        self._toasts.error(error, title)

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
                menu.add_command(label=item[0], command=item[1])
        menu.bind("<Unmap>", lambda _: menu.after_idle(menu.destroy))
        menu.tk_popup(event.x_root, event.y_root)

    def status(self, slot: Literal["session", "transaction", "rows", "time", "position"], text: str) -> None:
        self._status.say(slot, shown(text))
        if slot == "session":
            self._status.mark("success" if text else "faint")

    def copy(self, text: str) -> None:
        self.root.clipboard_clear()
        self.root.clipboard_append(text)

    def _ask_password(self, target: Target, given_up: threading.Event) -> str | None:
        """Ask for a password from another thread, and wait for the answer there."""
        question = f"Password for {target.display()}"
        return self._answered(lambda: self.ask_text(question, secret=True), given_up)

    def _accept_host(self, key: HostKey, given_up: threading.Event) -> bool:
        """Ask whether an SSH server is the one it says it is, as above; who only presses Return says no."""
        place = f"{key.host}:{key.port}" if key.port != 22 else key.host
        accepted = self._answered(
            lambda: self.confirm(
                f"The SSH server {place} is not known",
                detail=f"Its {key.kind} key has the fingerprint\n{key.fingerprint}\nTrust it only if that is what "
                "whoever runs it says: somebody in between could read everything.",
                yes="Trust this key",
            ),
            given_up,
        )
        return accepted is True

    def _ask_confirmation(self, confirmation: Confirmation, given_up: threading.Event) -> str | None:
        """Have a person confirm something, from any thread; "" if they would rather not."""

        def ask() -> str:
            return dialogs.confirm_named(self.root, self.theme, confirmation)

        return ask() if threading.current_thread() is self._thread else self._answered(ask, given_up)

    def _answered(self, question: Callable[[], T | None], given_up: threading.Event) -> T | None:
        """Ask on Tk's thread and wait for the answer in this one; None once it is given up."""
        answered = threading.Event()
        answers: list[T | None] = []

        def ask() -> None:
            answers.append(None if given_up.is_set() else question())
            answered.set()

        self.post(ask)
        while not answered.wait(0.1):
            if given_up.is_set() or self._closing:
                return None
        return answers[0]

    def _failed(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        """Report what a callback of Tk's raised; the window goes on."""
        if isinstance(error, AlvearyError):
            self.show_error(error)
            return
        _log.error("a callback of the window failed", exc_info=(kind, error, trace))
        self.show_error(InternalError(described(error)))


def fitting(geometry: object, screen: tuple[int, int]) -> str | None:
    """Return a saved geometry, ``WIDTHxHEIGHT+X+Y``, such that it lies on a screen of this size; None if it is none."""
    found = re.fullmatch(r"(\d+)x(\d+)\+(-?\d+)\+(-?\d+)", geometry) if isinstance(geometry, str) else None
    if found is None:
        return None
    width, height, x, y = map(int, found.groups())
    width, height = min(width, screen[0]), min(height, screen[1])
    return f"{width}x{height}+{max(0, min(x, screen[0] - width))}+{max(0, min(y, screen[1] - height))}"


def _number(id: str) -> int:
    digits = id.rpartition("-")[2]
    return int(digits) if digits.isdigit() else 0
