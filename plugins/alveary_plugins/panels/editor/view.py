"""The editor panel's widgets, and how they hang together with what it knows."""

from __future__ import annotations

import contextlib
import functools
import os
import tkinter as tk
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from alveary.contracts.values import Cell
from alveary.errors import AlvearyError, InvalidInputError, QueryCancelledError, SessionClosedError
from alveary.events import CancelStepTaken, QueryEnded, SessionClosed, SessionStateChanged
from alveary.sessions import Session
from alveary.sqltext import ANSI, Dialect, Piece
from alveary.statements import Statement
from alveary_plugins.panels.editor import words
from alveary_plugins.panels.editor.bars import ConnectionBar, QuestionBar, Shown
from alveary_plugins.panels.editor.completing import Completing
from alveary_plugins.panels.editor.connecting import Button, Connecting, Items
from alveary_plugins.panels.editor.formatting import Formatting
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
from alveary_plugins.panels.editor.parameters import ParameterBar
from alveary_plugins.panels.editor.scopes import Scopes
from alveary_plugins.panels.editor.text_file import TextFile
from alveary_shell.sdk import ActiveChanged, Panel, PersonAsked, SessionChanged, StatementQueued, Window
from alveary_shell.widgets.code import Code

LOOK_MILLISECONDS = 500
"""How often it is asked whether the file was changed."""
CLOCK_MILLISECONDS = 200
SOON_MILLISECONDS = 10
LONG = 1 << 20
"""Characters of a text that is not journaled for each step of the caret, but after a rest."""
REST_MILLISECONDS = 700
LIMITS = (100, 1000, 10_000, 100_000)
Do: TypeAlias = Callable[[list[Item], Mapping[str, Cell]], object]


class EditorPanel(Panel):
    """A tab with SQL text and a session of its own."""

    def __init__(self, window: Window, frame: tk.Misc, state: Mapping[str, Any]) -> None:
        super().__init__(window, frame, state)
        self._number = 0
        self._asked: list[Item] = []
        """What is to be run once its parameters have values."""
        self._do: Do = self._start
        """What is done with the statements that are wanted: they are run, unless somebody wants something else."""
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
        window.subscribe(frame, PersonAsked, lambda event: self.model.person_asked(event.what, event.place))
        window.subscribe(frame, ActiveChanged, lambda event: self._activated() if event.panel is self else None)
        frame.bind("<Destroy>", self._destroyed, add="+")
        self._restore(state)
        self._ready = True
        self._show_bar()
        self._changed()
        self._every("look", LOOK_MILLISECONDS, self.file.look)
        self._every("clock", CLOCK_MILLISECONDS, self._tick)

    def _build(self) -> None:
        theme, frame = self.window.theme, self.frame
        self.connection = Connecting(
            self.window, self.model, menu=self._menu_below, others=self._others, changed=self._connection_changed
        )
        actions: dict[str, Callable[[], object]] = {
            "connect": self.connection.choose,
            "reconnect": self.connection.connect,
            "place": self.connection.choose_schema,
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
        self.formatting = Formatting(self.window, self.code, self._known_dialect)
        self.completing = Completing(self.window, self.code, self.model, self.connection)
        self.code.typed = self.completing.typed
        self.scopes = Scopes(self.window, self.code, self.model)  # whose keys come behind those of the suggestions
        self.bar.pack(fill="x")
        self.code.pack(fill="both", expand=True)
        self.file = TextFile(
            self.window,
            frame,
            self.code,
            self.question,
            title=lambda: self.title,
            changed=self._file_changed,
            show=lambda: self.question.pack(fill="x", after=self.bar),
        )
        self.code.text.bind("<FocusIn>", lambda _: self.file.look_now(), add="+")
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
                ("Explain", lambda: run("editor.explain")),
                ("Explain and measure", lambda: run("editor.explain-analyze")),
                ("Select statement", code.select_statement),
                None,
                ("Cut", lambda: code.copy(cut=True)),
                ("Copy", code.copy),
                ("Paste", code.paste),
                None,
                ("Peek", lambda: run("editor.peek")),
                ("Expand *", lambda: run("editor.expand")),
                ("Format", lambda: run("editor.format")),
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
    def path(self) -> str | None:
        """The file that is edited."""
        return self.file.path

    @property
    def modified(self) -> bool:
        return self.file.modified

    @property
    def color(self) -> str | None:
        return self.connection.color

    def state(self) -> dict[str, Any]:
        text = self.code.content
        target = without_password(self.model.target) if self.model.target is not None else None
        selection = self.code.selection
        return {
            **words.text_as_state(text),
            "caret": self.code.caret,
            "selection": list(selection) if selection is not None else None,
            "scroll": list(self.code.scroll),
            "number": self._number,
            "target": target,
            "limit": self.model.limit or 0,
            "autocommit": self.model.autocommit,
            "parameters": self.parameters.state(),
            **self.file.state(),
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
        self.completing.close()
        self.model.close()
        self.file.close()

    def _restore(self, state: Mapping[str, Any]) -> None:
        """Take what the panel is opened with, or what it was; the session stays closed until somebody asks for it."""
        number = state.get("number")
        self._number = number if isinstance(number, int) and number > 0 else self._free_number()
        limit = state.get("limit", LIMIT)
        self.model.limit = (limit or None) if isinstance(limit, int) and limit >= 0 else LIMIT
        self.model.autocommit = state.get("autocommit") is not False
        self.parameters.remember(state.get("parameters"))
        if isinstance(target := state.get("target"), str):
            self.connection.aim(target)
        path = state.get("path")
        if isinstance(path, str) and "caret" not in state:
            self.file.open(path)
            return
        text = words.text_from_state(state)
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
            self.file.restore(path, state)
            self.model.newline = self.file.form.newline
        if state.get("connect") is True and self.model.target is not None:
            self._later("connect", 1, self.connection.connect)

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
        self.scopes.moved()
        self.completing.moved()
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
            extras.append(words.form_name(self.file.form))
        self.window.status("position", " · ".join(extras))

    def _file_changed(self) -> None:
        """Show that the text's file is another one, or holds something else."""
        self.model.newline = self.file.form.newline
        self._was_modified = self.modified
        self.window.retitle(self)
        self.window.changed(self)
        if self.window.active is self:
            self._show_position()

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

    # -- the connection ------------------------------------------------------------------------------------------

    def _others(self) -> list[str]:
        """Return where other editors connect."""
        panels = [panel for panel in self.window.panels("editor") if isinstance(panel, EditorPanel)]
        return [panel.model.target for panel in panels if panel is not self and panel.model.target is not None]

    def _connection_changed(self) -> None:
        self._changed()
        self.window.retitle(self)

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
        items: Items = [(f"{rows:,} rows", functools.partial(self.choose_limit, rows)) for rows in LIMITS]
        items += [("All rows", lambda: self.choose_limit(0)), ("Other…", self.choose_limit)]
        self._menu_below("limit", items)

    def _menu_below(self, button: Button, items: Items) -> None:
        buttons = {"name": self.bar.name_button, "place": self.bar.place_button, "limit": self.bar.limit_button}
        widget, event = buttons[button], tk.Event()
        event.x_root, event.y_root = widget.winfo_rootx(), widget.winfo_rooty() + widget.winfo_height()
        self.window.menu(items, event)

    # -- running -------------------------------------------------------------------------------------------------

    def run(self, *, script: bool = False, do: Do | None = None) -> None:
        """Run the selection or the statement at the caret, or all of them; connects first if nothing is connected.

        ``do`` is what is done with them instead, once the values of their parameters are known.
        """
        self._do = do or self._start
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
                self.connection.choose()
                return
            self.connection.connect(lambda: self._run(script=script))
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
        try:
            items = plan()
        except AlvearyError as exc:
            self.code.clear_errors()
            self.show_failure(exc, None)
            return
        # What is wrong elsewhere still is.
        self.code.clear_errors([(item.start, item.start + len(item.sql)) for item in items])
        names = names_in(items, self.model.dialect)
        session = self.model.session
        if names and session is not None and "named_parameters" in session.driver.capabilities:
            self._asked = items
            self.parameters.ask(names)
            self.parameters.pack(fill="x", after=self.bar)
            self.parameters.focus_first()
            return
        self._do(items, {})

    def _run_with_values(self) -> None:
        if (values := self.parameters.values()) is None:
            return
        items, self._asked = self._asked, []
        self._put_parameters_away()
        self.window.changed(self)
        self._do(items, values)

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
            self.show_failure(error, item)

    def show_failure(self, error: AlvearyError, item: Item | None) -> None:
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

    def _known_dialect(self) -> Dialect | None:
        """Return whose SQL the text is, None as long as it is not known where it is to be run."""
        return self.model.dialect if self.model.dialect is not ANSI else None

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
            name = words.name_of(session)
        text, role = words.state_text(model)
        self.bar.show(
            Shown(
                name=name,
                color=self.connection.color,
                environment=self.connection.environment,
                place=words.place_of(session, self.connection.schema) if model.connected else "",
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

    def _tick(self) -> None:
        if self.model.busy or self.model.transaction != "none":
            self._show_bar()
            if self.window.active is self:
                self._show_transaction()

    def _activated(self) -> None:
        self._show_status()
        self.file.look_now()

    def _show_status(self) -> None:
        self._show_position()
        self._show_transaction()
        lost = self.model.phase == "lost"
        text = words.session_text(self.model.session, connected=self.model.connected)
        self.window.status("session", text, "danger" if lost else "success")

    def _show_transaction(self) -> None:
        self.window.status("transaction", words.transaction_text(self.model))

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
