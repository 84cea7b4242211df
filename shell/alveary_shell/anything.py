"""Find anything: what the palette offers, what was used lately, and what is done with what a person chooses."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from alveary.contracts.finder import Action, Hit, ListFinder
from alveary.contracts.specs import FinderSpec
from alveary.errors import AlvearyError, StorageError
from alveary.finding import Found, told
from alveary.jobs import Job
from alveary.matching import Query
from alveary.urls import url_of
from alveary_shell.palette import Palette
from alveary_shell.seeking import Seeking, Seen
from alveary_shell.workspace import Workspace

if TYPE_CHECKING:
    from alveary_shell.window import MainWindow

COMMANDS = "commands"
"""Id of the finder whose place the window takes: it knows what can be done now, and by which keys."""
MOST_RECENT = 30
"""Things used lately that are kept."""
LARGEST_RECENT = 20_000
"""Bytes of a thing that is kept; a longer statement is found in the history."""


class WindowCommands(ListFinder):
    """What can be done in the window now."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window.kernel)
        hits = []
        for spec in window.kernel.plugins.commands:
            if spec.placement is not None and window.enabled(spec):
                title = spec.placement.title.rstrip("…")
                keys, place = next(iter(window.keys(spec.id)), ""), {"command": spec.id}
                icon = spec.placement.icon or "chevron-right"
                hits.append(
                    Hit(
                        kind="command", text=title, detail=spec.summary, aside=keys, icon=icon, place=place,
                        actions=(Action("Run", spec.id),),
                    )
                )  # fmt: skip
        hits.sort(key=lambda hit: hit.text)
        for panel in window.kernel.plugins.panels:
            if panel.dock != "center":
                go = Action("Go there", "window.panel", {"panel": panel.id})
                place = {"command": f"window.panel {panel.id}"}
                hits.append(Hit(kind="panel", text=f"Go to {panel.title}", icon=panel.icon, place=place, actions=(go,)))
        self._listed = hits
        self.prepare()

    def list(self) -> Iterable[tuple[Hit, str]]:
        return [(hit, str(hit.place["command"])) for hit in self._listed]


class FindAnything:
    """Belongs to a window, on Tk's thread."""

    def __init__(self, window: MainWindow, palette: Palette, workspace: Workspace) -> None:
        self._window, self._palette, self._workspace = window, palette, workspace
        self._recent: list[Hit] | None = None
        """Newest first; None until it is read."""
        self._seeking: Seeking | None = None
        self._reading: Job | None = None
        self._unread: tuple[str, ...] = ()
        self._specs: list[FinderSpec] = []

    def open(self, *, commands_only: bool = False) -> None:
        """Show the palette, with everything or with the commands alone."""
        window = self._window
        commands = WindowCommands(window)
        kernel = window.kernel
        self._specs = [spec for spec in kernel.finding.specs if not commands_only or spec.id == COMMANDS]
        if not any(spec.id == COMMANDS for spec in self._specs):  # its plugin was disabled
            self._specs.append(FinderSpec(id=COMMANDS, name="the commands", factory=f"{__name__}:WindowCommands"))
        listed = {hit.place["command"]: hit for hit in commands._listed}
        self._palette.open(
            "Type a command" if commands_only else "Find tables, columns, queries, history, commands…",
            asked=self._asked,
            chosen=self._chosen,
            read=self._read,
            closed=self._closed,
        )

        def show(seen: Seen) -> None:
            window.post(lambda: self._show(seeking, seen, commands_only, listed))

        seeking = self._seeking = Seeking(kernel.finding, self._specs, show, instead={COMMANDS: commands})
        if self._recent is None:
            self._read_recent(lambda: seeking.ask(self._palette.query))
        else:
            seeking.ask("")
        if not commands_only:
            self._read_connected()

    # -- what the palette tells ------------------------------------------------------------------------------------

    def _asked(self, text: str) -> None:
        if self._seeking is not None:
            self._seeking.ask(text)

    def _closed(self) -> None:
        if self._seeking is not None:
            self._seeking.close()
            self._seeking = None

    def _chosen(self, found: Found, number: int) -> None:
        action = found.hit.actions[number]
        self._remember(found.hit)
        if action.parameters:
            self._window.run(action.command, action.parameters)
        else:
            self._window.run(action.command)

    def _show(self, seeking: Seeking, seen: Seen, commands_only: bool, listed: dict[Any, Hit]) -> None:
        if seeking is not self._seeking or seen.text != self._palette.query:
            return
        self._unread = () if commands_only else seen.unread
        found = list(seen.found)
        if not seen.text.strip():
            found = self._with_recent(found, commands_only, listed)
        self._palette.show(found, whole=seen.whole, more=seen.more, notes=self._notes(seen))

    def _notes(self, seen: Seen) -> list[str]:
        notes = list(seen.faults)
        if self._reading is not None:
            notes.append("Reading…")
        elif self._unread:
            count = len(self._unread)
            what = "1 connection is" if count == 1 else f"{count} connections are"
            notes.append(f"{what} not read yet: Ctrl+Enter reads {'it' if count == 1 else 'them'}")
        return notes

    # -- reading what databases hold -------------------------------------------------------------------------------

    def _read(self) -> None:
        """Read, because a person asked for it, what is not known yet."""
        if self._unread and self._reading is None:
            self._read_all(self._unread, quietly=False)

    def _read_connected(self) -> None:
        """Read what the databases hold that are connected anyway, so that it is found."""
        sessions = self._window.kernel.sessions()
        if self._reading is None and sessions:
            names = [session.target.name or url_of(session.target, session.driver) for session in sessions]
            self._read_all(tuple(dict.fromkeys(names)), quietly=True)

    def _read_all(self, names: Sequence[str], *, quietly: bool) -> None:
        kernel, specs = self._window.kernel, self._specs

        def work(job: Job) -> tuple[bool, dict[str, AlvearyError]]:
            stopped, failed = threading.Event(), dict[str, AlvearyError]()
            job.on_cancel(stopped.set)
            kernel.finding.prepare(specs, stopped)
            unread = [name for name in names if name in kernel.finding.unread(specs)]
            for name in unread:
                if not stopped.is_set():
                    try:
                        kernel.finding.read(name, specs, stopped)
                    except AlvearyError as exc:
                        failed[name] = exc
            return bool(unread), failed

        def done(what: tuple[bool, dict[str, AlvearyError]]) -> None:
            any_read, failed = what
            self._over(prepare=any_read)
            if failed and not quietly:
                detail = "\n".join(f"{name}: {error.message}" for name, error in failed.items())
                self._window.notify("Not everything could be read", "warning", detail=detail)

        job = self._window.background("Reading what databases hold", work, done, lambda _: self._over(prepare=True))
        if not quietly:
            self._reading = job
            self._asked(self._palette.query)

    def _over(self, *, prepare: bool) -> None:
        self._reading = None
        if self._seeking is not None and prepare:
            self._seeking.prepare()

    # -- what was used lately --------------------------------------------------------------------------------------

    def _read_recent(self, done: Callable[[], object]) -> None:
        workspace = self._workspace

        def work(job: Job) -> list[Hit]:
            try:
                return msgspec.convert(workspace.recall("found").get("recent", []), list[Hit])
            except (StorageError, msgspec.ValidationError):  # from another version, or nothing can be read at all
                return []

        def read(recent: list[Hit]) -> None:
            self._recent = recent if self._recent is None else self._recent
            done()

        self._window.background("Reading what was used lately", work, read)

    def _remember(self, hit: Hit) -> None:
        recent = [hit, *(other for other in self._recent or () if _key(other) != _key(hit))]
        if len(msgspec.json.encode(hit)) <= LARGEST_RECENT:
            self._recent = recent[:MOST_RECENT]
            self._workspace.remember("found", {"recent": msgspec.to_builtins(self._recent)})

    def _with_recent(self, found: list[Found], commands_only: bool, listed: dict[Any, Hit]) -> list[Found]:
        """Return what was used lately and still can be, then the rest."""
        recent = []
        for hit in self._recent or ():
            if (command := hit.place.get("command")) is not None:
                if (now := listed.get(command)) is not None:  # with the keys it has now
                    recent.append(now)
            elif not commands_only:
                recent.append(hit)
        keys = {_key(hit) for hit in recent}
        nothing = Query("")
        return [*(told("", hit, nothing) for hit in recent), *(each for each in found if _key(each.hit) not in keys)]


def _key(hit: Hit) -> tuple[object, ...]:
    place = sorted((name, str(value)) for name, value in hit.place.items())
    return hit.kind, hit.text, hit.connection, tuple(place)
