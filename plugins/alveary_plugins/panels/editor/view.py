"""The editor panel's widgets, and how they hang together with what it knows."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import re
import time
import tkinter as tk
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

from alveary.contracts.values import Cell
from alveary.errors import AlvearyError, InvalidInputError, QueryCancelledError, SessionClosedError
from alveary.events import CancelStepTaken, QueryEnded, SessionClosed, SessionState, SessionStateChanged
from alveary.jobs import Job
from alveary.sessions import Session
from alveary.sqltext import Piece
from alveary.statements import Statement
from alveary_plugins.panels.editor import files
from alveary_plugins.panels.editor.bars import ConnectionBar, ParameterBar, QuestionBar, Shown
from alveary_plugins.panels.editor.compare import CompareWindow, differences
from alveary_plugins.panels.editor.files import Form, Loaded, Stamp, Watch
from alveary_plugins.panels.editor.model import (
    LIMIT,
    EditorModel,
    Item,
    Reactions,
    all_of,
    at_caret,
    names_in,
    selected,
    without_password,
)
from alveary_shell.sdk import ActiveChanged, Panel, SessionChanged, StatementQueued, Window
from alveary_shell.widgets.code import Code

LOOK_MILLISECONDS = 500
"""How often it is asked whether the file was changed."""
CLOCK_MILLISECONDS = 200
SOON_MILLISECONDS = 10
LONG = 1 << 20
"""Characters of a text that is not journaled for each step of the caret, but after a rest."""
REST_MILLISECONDS = 700
LIMITS = (100, 1000, 10_000, 100_000)
#: How a session is told which schema names without one mean, by the dialect's name.
_SWITCH_SCHEMA = {"postgres": "set search_path to {}", "mysql": "use {}"}
ENDINGS = {"SQL": ".sql", "Text": ".txt"}


class EditorPanel(Panel):
    """A tab with SQL text and a session of its own."""

    def __init__(self, window: Window, frame: tk.Misc, state: Mapping[str, Any]) -> None:
        super().__init__(window, frame, state)
        self.path: str | None = None
        self._form = Form()
        self._stamp: Stamp | None = None
        self._watch: Watch | None = None
        self._saved: int | None = None
        """The document's state that is in the file; None if none is."""
        self._number = 0
        self._profile: tuple[str | None, str | None] = (None, None)
        """Colour and environment of the saved connection."""
        self._schema: str | None = None
        """The schema that was chosen in this session."""
        self._asked: list[Item] = []
        """What is to be run once its parameters have values."""
        self._was_modified = False
        self._timers: dict[str, str] = {}
        self._ready = False
        self.model = EditorModel(
            window,
            Reactions(
                changed=self._changed,
                session_changed=self._session_changed,
                queued=self._queued,
                failed=self._failed,
            ),
        )
        self._build()
        window.subscribe(frame, SessionStateChanged, self._heard)
        window.subscribe(frame, QueryEnded, self._heard)
        window.subscribe(frame, SessionClosed, self._heard)
        window.subscribe(frame, CancelStepTaken, self.model.stepped)
        window.subscribe(frame, ActiveChanged, lambda event: self._activated() if event.panel is self else None)
        frame.bind("<Destroy>", self._destroyed, add="+")
        self._restore(state)
        self._ready = True
        self._show_bar()
        self._changed()
        self._every("look", LOOK_MILLISECONDS, self._look)
        self._every("clock", CLOCK_MILLISECONDS, self._tick)

    def _build(self) -> None:
        theme, frame = self.window.theme, self.frame
        actions: dict[str, Callable[[], object]] = {
            "connect": self.choose_connection,
            "reconnect": self.connect,
            "place": self.choose_schema,
            "stop": self.model.cancel,
            "commit": self.model.commit,
            "rollback": self.model.rollback,
            "autocommit": self.switch_autocommit,
            "limit": self._choose_limit_below,
        }
        self.bar = ConnectionBar(frame, theme, actions)
        self.question = QuestionBar(frame, theme)
        self.parameters = ParameterBar(frame, theme, run=self._run_with_values, close=self._put_parameters_away)
        self.code = Code(frame, theme, changed=self._text_changed, moved=self._moved)
        self.bar.pack(fill="x")
        self.code.pack(fill="both", expand=True)
        self.code.text.bind("<FocusIn>", lambda _: self._look_now(), add="+")
        self.code.text.bind("<Button-3>", self._context_menu)
        for keys in ("<Shift-F10>", "<Menu>"):
            self.code.text.bind(keys, self._context_menu)

    def _context_menu(self, event: tk.Event[tk.Misc]) -> str:
        code, run = self.code, self.window.run
        if str(event.type) == "KeyPress":
            box = code.text.bbox("insert") or (0, 0, 0, 0)
            event.x_root = code.text.winfo_rootx() + box[0]
            event.y_root = code.text.winfo_rooty() + box[1] + box[3]
        elif code.selection is None:
            code.text.mark_set("insert", f"@{event.x},{event.y}")
        code.focus()
        self.window.menu(
            [
                ("Run", lambda: run("editor.run")),
                ("Select statement", code.select_statement),
                None,
                ("Cut", lambda: code.copy(cut=True)),
                ("Copy", code.copy),
                ("Paste", code.paste),
                None,
                ("Toggle comment", code.comment),
                ("Find…", code.open_find),
            ],
            event,
        )
        return "break"

    # -- what the window asks ------------------------------------------------------------------------------------

    @property
    def title(self) -> str:
        return os.path.basename(self.path) if self.path is not None else f"Query {self._number}"

    @property
    def modified(self) -> bool:
        if self.path is None:
            return any(line.strip() for line in self.code.document.lines)
        return self.code.document.state != self._saved

    @property
    def color(self) -> str | None:
        return self._profile[0]

    def state(self) -> dict[str, Any]:
        text = self.code.content
        target = without_password(self.model.target) if self.model.target is not None else None
        selection = self.code.selection
        return {
            **_text_as_state(text),
            "caret": self.code.caret,
            "selection": list(selection) if selection is not None else None,
            "scroll": list(self.code.scroll),
            "number": self._number,
            "target": target,
            "limit": self.model.limit or 0,
            "autocommit": self.model.autocommit,
            "path": self.path,
            "modified": self.modified,
            "encoding": self._form.encoding,
            "mark": self._form.mark.hex(),
            "newline": self._form.newline,
            "stamp": [self._stamp.modified, self._stamp.size, self._stamp.digest] if self._stamp is not None else None,
        }

    def focus(self) -> None:
        self.code.focus()

    def can_close(self) -> bool:
        if self.model.transaction == "none" and self.model.phase not in ("running", "waiting"):
            return True
        if self.model.transaction == "none":
            what, detail = "A statement still runs", "Closing the tab stops it."
        else:
            what, detail = "A transaction is open", "Closing the tab rolls it back."
        return self.window.confirm(f"{what} in {self.title}", detail=detail, yes="Close the tab", no="Keep it open")

    def closed(self) -> None:
        self.model.close()
        if self._watch is not None:
            self._watch.close()

    def _restore(self, state: Mapping[str, Any]) -> None:
        """Take what the panel is opened with, or what it was; the session stays closed until somebody asks for it."""
        number = state.get("number")
        self._number = number if isinstance(number, int) and number > 0 else self._free_number()
        limit = state.get("limit", LIMIT)
        self.model.limit = (limit or None) if isinstance(limit, int) and limit >= 0 else LIMIT
        self.model.autocommit = state.get("autocommit") is not False
        if isinstance(target := state.get("target"), str):
            self._aim(target)
        path = state.get("path")
        if isinstance(path, str) and "caret" not in state:
            self._open(path)
            return
        text = _text_from_state(state)
        self.code.load(text)
        caret = state.get("caret")
        if isinstance(caret, int):
            selection = state.get("selection")
            if isinstance(selection, list) and len(selection) == 2 and all(isinstance(at, int) for at in selection):
                self.code.go_to(*selection)
            else:
                self.code.go_to(caret)
            scroll = state.get("scroll")
            if isinstance(scroll, list) and len(scroll) == 2:
                with contextlib.suppress(TypeError, ValueError):  # from another version
                    self.code.scroll = (int(scroll[0]), float(scroll[1]))
        if isinstance(path, str):
            self._restore_file(path, state)
        if state.get("connect") is True and self.model.target is not None:
            self._later("connect", 1, self.connect)

    def _restore_file(self, path: str, state: Mapping[str, Any]) -> None:
        self.path = path
        with contextlib.suppress(KeyError, TypeError, ValueError):  # from another version
            self._form = Form(str(state["encoding"]), bytes.fromhex(state["mark"]), str(state["newline"]))
            modified, size, digest = state["stamp"]
            self._stamp = Stamp(int(modified), int(size), str(digest))
        self.model.newline = self._form.newline
        self._saved = None if state.get("modified") else self.code.document.state
        self._begin_watch()

    def _free_number(self) -> int:
        taken = {panel._number for panel in self.window.panels("editor") if isinstance(panel, EditorPanel)}
        return next(number for number in range(1, len(taken) + 2) if number not in taken)

    # -- the text ------------------------------------------------------------------------------------------------

    def _text_changed(self) -> None:
        if not self._ready:
            return
        self.window.changed(self)
        if self.modified != self._was_modified:
            self._was_modified = self.modified
            self.window.retitle(self)

    def _moved(self) -> None:
        if not self._ready:
            return
        self._later("moved", 60 if self.code.document.size < LONG else REST_MILLISECONDS, self._note_move)
        if self.window.active is self:
            self._later("position", 1, self._show_position)

    def _note_move(self) -> None:
        self.window.changed(self)

    def _show_position(self) -> None:
        document, (line, column) = self.code.document, self.code.caret_position
        text = f"Ln {line + 1}, Col {column + 1}"
        if (selection := self.code.selection) is not None:
            text += f" ({selection[1] - selection[0]:,} selected)"
        elif (sign := document.lines[line][column : column + 1]) and not sign.isprintable():
            text += f" · U+{ord(sign):04X}"
        extras = [text]
        if self.path is not None:
            extras.append(_form_name(self._form))
        self.window.status("position", " · ".join(extras))

    def go_to_line(self, line: int | None = None) -> None:
        """Go to a line, or ask for its number."""
        if line is None:
            answer = self.window.ask_text("Go to line", value=str(self.code.caret_position.line + 1))
            if answer is None:
                return
            if not answer.strip().isdigit():
                raise InvalidInputError(f"{answer!r} is no number of a line")
            line = int(answer)
        self.code.go_to_line(line)

    # -- files ---------------------------------------------------------------------------------------------------

    def save(self) -> None:
        """Write the text to its file in the background; asks for a file if there is none."""
        if self.path is None:
            self.save_as()
        else:
            self._write(self.path, self._stamp)

    def save_as(self, path: str | None = None) -> None:
        """Write the text to another file, which is the editor's from then on."""
        if path is None:
            name = os.path.basename(self.path) if self.path is not None else f"{self.title}.sql"
            path = self.window.ask_file(save=True, title="Save as", name=name, endings=ENDINGS)
        if path is not None:
            self._write(os.path.abspath(path), None)

    def reload(self) -> None:
        """Show what the file holds now; that is one step that can be undone."""
        if self.path is not None:
            path = self.path
            self.window.background(f"Reading {self.title}", lambda _: files.read(path), self._take_file)

    def _open(self, path: str) -> None:
        self.path = os.path.abspath(path)
        self.code.load("")

        def failed(error: AlvearyError) -> None:
            self.path = None
            self.window.show_error(error)
            self.window.retitle(self)

        self.window.background(
            f"Reading {self.title}",
            lambda _: files.read(path),
            lambda loaded: self._take_file(loaded, new=True),
            failed,
        )

    def _take_file(self, loaded: Loaded, *, new: bool = False) -> None:
        if new:
            self.code.load(loaded.text)
        else:
            self.code.replace_all(loaded.text)
        self._form = loaded.form
        self.model.newline = loaded.form.newline
        self._settle(loaded.path, loaded.stamp, self.code.document.state)

    def _write(self, path: str, expected: Stamp | None) -> None:
        text, form, state = self.code.content, self._form, self.code.document.state

        def work(_: Job) -> Stamp | None:
            return files.write(path, text, form, expected)

        def done(stamp: Stamp | None) -> None:
            if stamp is None:
                self._ask_about_file()
            else:
                self._settle(path, stamp, state)

        self.window.background(f"Saving {os.path.basename(path)}", work, done)

    def _settle(self, path: str, stamp: Stamp, state: int) -> None:
        """The file holds what the document held in this state."""
        self._saved, self._stamp = state, stamp
        if path != self.path or self._watch is None:
            self.path = path
            self._begin_watch()
        else:
            self._watch.settle(stamp)
        self.question.pack_forget()
        self._was_modified = self.modified
        self.window.retitle(self)
        self.window.changed(self)
        if self.window.active is self:
            self._show_position()

    def _begin_watch(self) -> None:
        if self._watch is not None:
            self._watch.close()
        self._watch = Watch(self.path, self._stamp) if self.path is not None else None

    def _look_now(self) -> None:
        if self._watch is not None:
            self._watch.look()

    def _look(self) -> None:
        if self._watch is not None and self._watch.changed and not self.question.winfo_manager():
            self._ask_about_file()

    def _ask_about_file(self) -> None:
        """Say that the file is not what it was; nothing is done until somebody answers."""
        watch = self._watch
        name = self.title
        if watch is not None and watch.found is None:
            self.question.ask(
                f"{name} is gone from the disk; the text is only here.",
                [("Save it again", self._overwrite), ("Keep as it is", self._keep_mine)],
            )
        else:
            self.question.ask(
                f"{name} was changed by another program.",
                [("Reload", self.reload), ("Keep mine", self._keep_mine), ("Compare", self._compare)],
            )
        self.question.pack(fill="x", after=self.bar)

    def _keep_mine(self) -> None:
        """Take note of the file as it is; the next time it is saved it is replaced."""
        self.question.pack_forget()
        watch = self._watch
        if watch is None:
            return
        if watch.found is None:
            watch.close()
            self._watch = self._stamp = None
        else:
            self._stamp = watch.found
            watch.settle(watch.found)
        self._saved = None
        self.window.retitle(self)
        self.window.changed(self)

    def _overwrite(self) -> None:
        if self.path is not None:
            self._write(self.path, None)

    def _compare(self) -> None:
        if self.path is None:
            return
        path, mine, title = self.path, self.code.content, self.title
        self.window.background(
            f"Comparing {title}",
            lambda _: differences(mine, files.read(path).text),
            lambda lines: CompareWindow(self.frame, self.window.theme, f"{title}: file and editor", lines),
        )

    # -- the connection ------------------------------------------------------------------------------------------

    def choose_connection(self, target: str | None = None) -> None:
        """Connect to a target; without one, show what there is to connect to."""
        if target is not None:
            self._switch(target)
            return
        kernel = self.window.kernel

        def work(_: Job) -> list[str]:
            return [saved.name for saved in kernel.profiles.all() if saved.profile is not None]

        self.window.background("Reading the saved connections", work, self._show_connections)

    def _show_connections(self, names: list[str]) -> None:
        items: list[tuple[str, Callable[[], object]] | None] = [
            (name, lambda name=name: self._switch(name))  # type: ignore[misc]  # mypy can't infer a default
            for name in names
        ]
        if items:
            items.append(None)
        others = [
            panel.model.target
            for panel in self.window.panels("editor")
            if isinstance(panel, EditorPanel) and panel is not self and panel.model.target is not None
        ]
        shown = {without_password(target) or "": target for target in others if target not in names}
        for text, target in sorted(shown.items()):
            if text:
                items.append((text, lambda target=target: self._switch(target)))  # type: ignore[misc]  # likewise
        items.append(("URL…", self._ask_url))
        if self.model.connected:
            items += [None, ("Disconnect", self.disconnect)]
        self._menu_below(self.bar.name_button, items)

    def _ask_url(self) -> None:
        url = self.window.ask_text("URL of the database, or the name of a saved connection", value="")
        if url is not None and url.strip():
            self._switch(url.strip())

    def _switch(self, target: str) -> None:
        """Connect somewhere else, after asking when that rolls something back."""
        if self.model.transaction != "none" and not self.window.confirm(
            "A transaction is open", detail="Connecting somewhere else rolls it back.", yes="Roll it back"
        ):
            return
        self.window.kernel.target(target) if "://" in target else None  # what can't be read is said at once
        if self.model.busy:
            self.model.cancel()
        self.model.disconnect()
        self._aim(target)
        self.connect()

    def connect(self) -> None:
        """Open a session to the target; a new one if there is one."""
        self._connect_and()

    def disconnect(self) -> None:
        """Close the session, after asking when that rolls something back."""
        if self.model.transaction == "none" or self.window.confirm(
            "A transaction is open", detail="Disconnecting rolls it back.", yes="Roll it back"
        ):
            self.model.disconnect()

    def _connect_and(self, then: Callable[[], object] = lambda: None) -> None:
        self._schema = None
        self.model.connect(then=then)

    def _aim(self, target: str) -> None:
        """Note where to connect, and learn in the background what is known of it."""
        self.model.target = target
        self._profile = (None, None)
        kernel = self.window.kernel

        def work(_: Job) -> tuple[Any, Any]:
            driver = kernel.target(target)[1]
            return driver.dialect, None if "://" in target else kernel.profiles.find(target)

        def done(found: tuple[Any, Any]) -> None:
            dialect, profile = found
            if self.model.target == target:
                from alveary.profiles import COLORS

                self.model.planned_dialect = dialect
                if profile is not None:
                    color = profile.color
                    self._profile = COLORS.get(color, color) if color else None, profile.environment
                self._changed()
                self.window.retitle(self)

        # What is wrong with the target is said when somebody connects.
        self.window.background("Looking up the connection", work, done, lambda _: None)

    def choose_schema(self) -> None:
        """Show the schemas of the database, to choose the one that names without a schema mean, and other databases."""
        session = self.model.session
        if session is None or not self.model.connected:
            return
        kernel = self.window.kernel

        def work(_: Job) -> tuple[list[str], list[tuple[str, str]]]:
            catalog = kernel.catalog(session, origin="editor")
            return catalog.databases(), [(name, catalog.quote(name)) for name in catalog.schemas()]

        self.window.background("Reading the schemas", work, lambda found: self._show_schemas(*found))

    def _show_schemas(self, databases: list[str], schemas: list[tuple[str, str]]) -> None:
        switch = _SWITCH_SCHEMA.get(self.model.dialect.name)
        items: list[tuple[str, Callable[[], object]] | None] = []
        for name, quoted in schemas if switch is not None else []:
            items.append((name, functools.partial(self._use_schema, name, str(switch).format(quoted))))
        session, target = self.model.session, self.model.target
        others = [name for name in databases if session is not None and name != session.target.database]
        if target is not None and "://" in target and databases != [name for name, _ in schemas] and others:
            items.append(None)
            items += [
                (f"Connect to {name}", functools.partial(self._switch, _with_database(target, name))) for name in others
            ]
        if items:
            self._menu_below(self.bar.place_button, items)
        else:
            self.window.notify("There is no other schema to switch to")

    def _use_schema(self, name: str, sql: str) -> None:
        self._schema = name
        self.model.start([Item(sql, -1, own=True)])

    def switch_autocommit(self) -> None:
        """Switch between autocommit and transactions by hand; one that is open stays open."""
        self.model.autocommit = not self.model.autocommit
        self._changed()
        self.window.changed(self)

    def choose_limit(self, rows: int | None = None) -> None:
        """Set the row limit, 0 for none; without a number, ask for one."""
        if rows is None:
            answer = self.window.ask_text("Rows taken of each result (0 for all)", value=str(self.model.limit or 0))
            if answer is None:
                return
            plain = answer.replace(",", "").strip()
            if not plain.isdigit():
                raise InvalidInputError(f"{answer!r} is no number of rows")
            rows = int(plain)
        self.model.limit = rows or None
        self._changed()
        self.window.changed(self)

    def _choose_limit_below(self) -> None:
        items: list[tuple[str, Callable[[], object]] | None] = [
            (f"{rows:,} rows", lambda rows=rows: self.choose_limit(rows))  # type: ignore[misc]  # likewise
            for rows in LIMITS
        ]
        items += [("All rows", lambda: self.choose_limit(0)), ("Other…", self.choose_limit)]
        self._menu_below(self.bar.limit_button, items)

    def _menu_below(self, widget: tk.Misc, items: list[tuple[str, Callable[[], object]] | None]) -> None:
        event: tk.Event[tk.Misc] = tk.Event()
        event.x_root, event.y_root = widget.winfo_rootx(), widget.winfo_rooty() + widget.winfo_height()
        self.window.menu(items, event)

    # -- running -------------------------------------------------------------------------------------------------

    def run(self, *, script: bool = False) -> None:
        """Run the selection or the statement at the caret, or all of them; connects first if nothing is connected."""
        phase = self.model.phase
        if phase == "lost":
            raise SessionClosedError(
                "the session was lost; nothing was sent",
                detail=self.model.session.error.message
                if self.model.session is not None and self.model.session.error is not None
                else None,
                hint="press Connect again above the text",
            )
        if phase == "disconnected":
            if self.model.target is None:
                self.choose_connection()
                return
            self._connect_and(lambda: self._run(script=script))
            return
        self._run(script=script)

    def _run(self, *, script: bool) -> None:
        self._dress()
        selection = None if script else self.code.selection
        text = self.code.content
        if selection is not None and text[slice(*selection)].strip():
            self._plan(lambda: selected(text, *selection, self.model.dialect))
            return
        caret = self.code.caret

        def split(pieces: list[Piece]) -> None:
            self._plan(lambda: all_of(text, pieces) if script else at_caret(text, pieces, caret))

        self.code.when_split(split)

    def _plan(self, plan: Callable[[], list[Item]]) -> None:
        self.code.clear_errors()
        try:
            items = plan()
        except AlvearyError as exc:
            self._show_failure(exc, None)
            return
        names = names_in(items, self.model.dialect)
        session = self.model.session
        if names and session is not None and "named_parameters" in session.driver.capabilities:
            self._asked = items
            self.parameters.ask(names)
            self.parameters.pack(fill="x", after=self.bar)
            self.parameters.focus_first()
            return
        self._start(items, {})

    def _run_with_values(self) -> None:
        if (values := self.parameters.values()) is None:
            return
        items, self._asked = self._asked, []
        self._put_parameters_away()
        self._start(items, values)

    def _put_parameters_away(self) -> None:
        self.parameters.pack_forget()
        self.code.focus()

    def _start(self, items: list[Item], values: Mapping[str, Cell]) -> None:
        self.code.document.separate()
        self.model.start(items, values)

    def _queued(self, session: Session, statement: Statement, batch: int) -> None:
        self.window.announce(StatementQueued(self, session, statement, batch))

    def _failed(self, error: AlvearyError, item: Item | None) -> None:
        if isinstance(error, QueryCancelledError):
            return
        if item is None or item.start < 0:
            self.window.show_error(error)
        else:
            self._show_failure(error, item)

    def _show_failure(self, error: AlvearyError, item: Item | None) -> None:
        """Mark the place an error points at, as far as the statement still stands there, and say what it is."""
        message = " · ".join(filter(None, [error.message, error.hint]))
        sql = item.sql if item is not None else error.statement
        start = self._find(sql, item.start if item is not None else None) if sql else None
        if start is None or sql is None:
            self.code.say(message)
            return
        offset = self.model.offset_in(error, Item(sql, start)) if item is not None else None
        if offset is None:
            offset = start + max((error.position or 1) - 1, 0)
        self.code.mark_error(offset, message)

    def _find(self, sql: str, start: int | None) -> int | None:
        """Return where a statement stands now: where it was, or the place nearest to that."""
        text = self.code.content
        if start is not None and text.startswith(sql, start):
            return start
        near = start if start is not None else self.code.caret
        before, after = text.rfind(sql, 0, near + len(sql)), text.find(sql, near)
        found = [at for at in (before, after) if at >= 0]
        return min(found, key=lambda at: abs(at - near)) if found else None

    # -- what happens --------------------------------------------------------------------------------------------

    def _heard(self, event: SessionStateChanged | QueryEnded | SessionClosed) -> None:
        if self.model.session is not None and event.session == self.model.session.id:
            self.model.heard()

    def _session_changed(self) -> None:
        if self._ready and "session" not in self._timers:
            self._later("session", SOON_MILLISECONDS, self._tell_session)

    def _tell_session(self) -> None:
        self.window.announce(SessionChanged(self, self.model.session))

    def _dress(self) -> None:
        self.code.dialect = self.model.dialect

    def _changed(self) -> None:
        """Show how everything stands, once for whatever happens at about the same time."""
        if self._ready and "changed" not in self._timers:
            self._later("changed", SOON_MILLISECONDS, self._show)

    def _show(self) -> None:
        self._dress()
        self._show_bar()
        if self.window.active is self:
            self._show_status()

    def _show_bar(self) -> None:
        model, session = self.model, self.model.session
        target = model.target
        name = "Connect to…" if target is None else without_password(target) or "(a URL)"
        if session is not None:
            name = _name(session)
        text, role = self._state_text()
        self.bar.show(
            Shown(
                name=name,
                color=self._profile[0],
                environment=self._profile[1],
                place=_place(session, self._schema) if model.connected else "",
                state=text,
                role=role,
                autocommit=model.autocommit,
                limit=f"Limit {model.limit:,}" if model.limit is not None else "All rows",
                connected=model.connected,
                busy=model.busy,
                lost=model.phase == "lost",
                can_commit=model.phase == "idle" and model.transaction == "open",
                can_roll_back=model.phase == "idle" and model.transaction != "none",
            )
        )

    def _state_text(self) -> tuple[str, str]:
        model = self.model
        run = model.run
        match model.phase:
            case "disconnected":
                return "", "muted"
            case "connecting":
                return "Connecting…", "accent"
            case "lost":
                error = model.session.error if model.session is not None else None
                told = "; ".join(filter(None, [error.message, error.detail])) if error is not None else ""
                return told or "The session was lost", "danger"
            case "waiting":
                return "Waiting for the server…", "accent"
            case "running" | "cancelling" if run is not None:
                many = f" {run.at + 1:,} of {len(run.items):,}" if len(run.items) > 1 else ""
                word = "Cancelling" if run.cancelled else "Running"
                step = f" · {run.step.sentence}" if run.step is not None else ""
                return f"{word}{many}{step} · {_seconds(time.monotonic() - run.begun)}", "accent"
            case "running" | "cancelling":
                return f"{model.phase.capitalize()}…", "accent"
        if model.transaction == "failed":
            return "Transaction failed: roll it back", "danger"
        if model.session is not None and model.session.state is SessionState.UNVERIFIED:
            open_ = "In transaction · " if model.transaction == "open" else ""
            return f"{open_}Unverified: it is tried before anything is sent", "warning"
        return (f"In transaction · {self._age()}", "warning") if model.transaction == "open" else ("", "muted")

    def _age(self) -> str:
        since = self.model.in_transaction_since
        seconds = int(time.monotonic() - since) if since is not None else 0
        return f"{seconds} s" if seconds < 60 else f"{seconds // 60} min {seconds % 60} s"

    def _tick(self) -> None:
        if self.model.busy or self.model.transaction != "none":
            self._show_bar()
            if self.window.active is self:
                self._show_transaction()

    def _activated(self) -> None:
        self._show_status()
        self._look_now()

    def _show_status(self) -> None:
        session = self.model.session
        self._show_position()
        self._show_transaction()
        if session is not None and session.state is SessionState.BROKEN:
            self.window.status("session", f"{_name(session)} · lost")
        elif session is not None and self.model.connected:
            self.window.status("session", " · ".join([_name(session), *_facts(session)]))
        else:
            self.window.status("session", "")

    def _show_transaction(self) -> None:
        model = self.model
        if not model.connected:
            text = ""
        elif model.transaction == "failed":
            text = "Transaction failed"
        elif model.transaction == "open":
            text = f"In transaction · {self._age()}"
        else:
            text = "Autocommit" if model.autocommit else "Manual commit"
        self.window.status("transaction", text)

    # -- timers --------------------------------------------------------------------------------------------------

    def _later(self, what: str, milliseconds: int, callback: Callable[[], object]) -> None:
        if (id := self._timers.pop(what, None)) is not None:
            self.frame.after_cancel(id)

        def call() -> None:
            self._timers.pop(what, None)
            callback()

        self._timers[what] = self.frame.after(milliseconds, call)

    def _every(self, what: str, milliseconds: int, callback: Callable[[], object]) -> None:
        def call() -> None:
            callback()
            self._later(what, milliseconds, call)

        self._later(what, milliseconds, call)

    def _destroyed(self, event: tk.Event[tk.Misc]) -> None:
        if event.widget is self.frame:
            for id in self._timers.values():
                self.frame.after_cancel(id)
            self._timers.clear()


def _name(session: Session) -> str:
    """Return what a session is called: its saved name, the name of its file, or its URL."""
    target = session.target
    if target.name is None and session.driver.file_based and target.database:
        return os.path.basename(target.database)
    return target.display()


def _facts(session: Session) -> list[str]:
    """Return who answers, how the connection is encrypted, and through which tunnel it goes."""
    facts = []
    if session.server is not None:
        facts.append(f"{session.server.product} {session.server.version}")
        if session.server.tls is not None:
            facts.append(session.server.tls.summary())
    return facts if session.route == "direct" else [*facts, session.route]


def _place(session: Session | None, schema: str | None) -> str:
    if session is None or session.driver.file_based:
        return ""
    database = session.target.database
    if schema is not None and session.driver.dialect.name == "mysql":  # where databases are schemas
        return schema
    return " · ".join(filter(None, [database, schema])) or "(no database)"


def _with_database(url: str, name: str) -> str:
    """Return a URL that leads to another database of the same server."""
    return re.sub(r"^([^:]+://[^/?#]*)(/[^?#]*)?", lambda found: f"{found[1]}/{quote(name, safe='')}", url)


def _seconds(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 60 else f"{int(seconds) // 60} min {int(seconds) % 60} s"


def _form_name(form: Form) -> str:
    ends = {"\n": "LF", "\r\n": "CRLF", "\r": "CR"}[form.newline]
    mark = " BOM" if form.mark and form.encoding == "utf-8" else ""
    return f"{form.encoding.upper()}{mark} · {ends}"


def _text_as_state(text: str) -> dict[str, str]:
    """Return text as JSON in UTF-8 can hold it: half characters, which it can't, are written as escapes."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return {"escaped": json.dumps(text)}
    return {"text": text}


def _text_from_state(state: Mapping[str, Any]) -> str:
    escaped = state.get("escaped")
    if isinstance(escaped, str):
        with contextlib.suppress(ValueError):  # from another version
            return str(json.loads(escaped))
    text = state.get("text", "")
    return text if isinstance(text, str) else ""
