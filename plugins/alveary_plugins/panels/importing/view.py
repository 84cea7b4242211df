"""The page of an import as it is drawn: a form, beside it the columns, the first rows and what is refused."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Mapping
from tkinter import ttk
from typing import Any

from alveary.commands.imports import ImportPreview, ImportReport
from alveary.errors import AlvearyError, QueryCancelledError
from alveary.events import JobProgressed
from alveary.jobs import Job
from alveary_plugins.panels.importing.model import TYPES, Draft, faults, outcome, progress, worded
from alveary_shell.sdk import Answer, Panel, Window
from alveary_shell.theme import button
from alveary_shell.widgets.flat import FlatButton
from alveary_shell.widgets.form import Form
from alveary_shell.widgets.form_fields import Choice, Field, Section
from alveary_shell.widgets.listing import ListColumn, Listing
from alveary_shell.widgets.words import break_lines

LOOK_MILLISECONDS = 400
"""How long after the last change the file is looked at again."""
_FOUND_OUT = Choice("", "Found out")
_COLUMNS = (
    ListColumn("Column", 110),
    ListColumn("Goes to", 110),
    ListColumn("Type", 80),
    ListColumn("Note", 180, stretch=True),
)
_FORM_PIXELS, _FORM_DIGITS = 140, 50
"""How wide the form beside the columns is: what does not grow with the letters, and what does, in digits."""
_LEAST_BESIDE = 300
"""Units that the columns have at least beside the form; with less they stand below it."""
_REFUSED = (
    ListColumn("Line", 70, numeric=True),
    ListColumn("Column", 120),
    ListColumn("Value", 180),
    ListColumn("Reason", 260, stretch=True),
)


class ImportPanel(Panel):
    """What is chosen stands in the draft; what takes time goes to the background and can be stopped."""

    def __init__(self, window: Window, frame: tk.Misc, state: Mapping[str, Any]) -> None:
        super().__init__(window, frame, state)
        self.draft = Draft.from_state(state)
        self._running: Job | None = None
        self._looking: Job | None = None
        self._look_id: str | None = None
        self._rows: Listing | None = None
        self._build()
        self._form.fill(self.draft.values)
        self._buttons()
        self._ask_connections()
        window.subscribe(frame, JobProgressed, self._progressed)
        if self.draft.value("file"):
            self.look()

    # -- what the window asks ------------------------------------------------------------------------------------

    @property
    def title(self) -> str:
        table = self.draft.value("table").replace('"', "")
        return f"Import into {table}" if table else self.spec.title

    def state(self) -> dict[str, Any]:
        return self.draft.state()

    def focus(self) -> None:
        self._form.focus_field("file")

    def closed(self) -> None:
        if self._look_id is not None:
            self.frame.after_cancel(self._look_id)
        for job in (self._running, self._looking):
            if job is not None:
                job.cancel()

    def can_close(self) -> bool:
        return self._running is None or self.window.confirm(
            "Stop the import and close the page?", detail="Nothing of it stays.", yes="Stop it"
        )

    # -- building ------------------------------------------------------------------------------------------------

    def _build(self) -> None:
        theme, px = self.window.theme, self.window.theme.px
        foot = tk.Frame(self.frame, borderwidth=0)
        foot.pack(side="bottom", fill="x")
        inner = tk.Frame(foot, borderwidth=0)
        inner.pack(fill="x", padx=px(24), pady=px(10))
        self._import = button(inner, "Import", self.start, style="accent")
        self._import.pack(side="left")
        self._try = FlatButton(
            inner, theme, lambda: self.start(dry_run=True), text=" Dry run ", role="text", large=True
        )
        self._try.pack(side="left", padx=px(6))
        self._stop = FlatButton(inner, theme, self.stop, text=" Stop ", role="danger", large=True)
        self._stop.pack(side="left")
        self._said = tk.Label(inner, anchor="w", borderwidth=0, justify="left")
        self._said.pack(side="left", fill="x", expand=True, padx=px(12))
        break_lines(self._said, px(4))
        body = tk.Frame(self.frame, borderwidth=0)
        body.pack(fill="both", expand=True)
        left = tk.Frame(body, borderwidth=0)
        left.pack_propagate(False)
        self._form = Form(left, theme, changed=self._changed, browse=self._browse)
        self._form.pack(fill="both", expand=True)
        self._targets: tuple[Choice, ...] = ()
        self._arrange()
        right = tk.Frame(body, borderwidth=0)
        right.pack_propagate(False)
        foot.lift()  # the keyboard comes to the buttons after the fields
        self._found = ttk.Label(right, style="PageMuted.TLabel")
        self._found.pack(fill="x", pady=px(4))
        break_lines(self._found)
        self._columns = Listing(right, theme, _COLUMNS, on_open=self._edit_type, on_menu=self._column_menu)
        self._columns.empty_text = "Choose a file.\nEnter or a double click changes the type of a column."
        self._columns.tree.bind("<<TreeviewSelect>>", lambda _: self._tell_note())
        self._columns.pack(fill="both", expand=True)
        self._under = tk.Frame(right, borderwidth=0)
        self._under.pack(fill="both", expand=True, pady=(px(8), 0))
        self._refused = Listing(right, theme, _REFUSED)

        def place() -> None:
            """Stand side by side, or one below the other where that is too narrow."""
            form = px(_FORM_PIXELS) + theme.ui.measure("0") * _FORM_DIGITS
            beside = body.winfo_width() >= form + theme.span(_LEAST_BESIDE)
            left.configure(width=form)
            left.grid(row=0, column=0, sticky="nsew")
            right.grid(row=0 if beside else 1, column=1 if beside else 0, sticky="nsew", pady=px(8),
                       padx=(0 if beside else px(24), px(12)))  # fmt: skip
            body.columnconfigure(0, weight=0 if beside else 1)
            body.columnconfigure(1, weight=1 if beside else 0)
            body.rowconfigure(0, weight=1, uniform="" if beside else "halves")
            body.rowconfigure(1, weight=0 if beside else 1, uniform="" if beside else "halves")

        body.bind("<Configure>", lambda _: place())

        def paint() -> None:
            for part in (foot, inner):
                part.configure(background=theme.color("surface"))
            for part in (body, left, right, self._under):
                part.configure(background=theme.color("background"))
            place()
            self._said.configure(background=theme.color("surface"), foreground=theme.color("muted"), font=theme.ui)

        theme.follow(foot, paint)

    def _arrange(self) -> None:
        formats = tuple(Choice(spec.id, spec.id) for spec in self.window.kernel.plugins.importers)
        encodings = ("utf-8", "utf-16", "windows-1252", "latin-1")
        self._form.arrange(
            [
                Section(
                    "The file",
                    (
                        Field("file", "File", "file", hint="A path", width=30),
                        Field("format", "Format", "choice", (_FOUND_OUT, *formats), width=20),
                        Field("delimiter", "Delimiter", "suggested", _choices(",", ";", "\\t", "|"), "Found out",
                              width=20),
                        Field("encoding", "Encoding", "choice", (_FOUND_OUT, *_choices(*encodings)), width=20),
                        Field("header", "First line", "segments",
                              (_FOUND_OUT, Choice("yes", "Names"), Choice("no", "A row"))),
                        Field("sha256", "SHA-256", hint="Must be this one, if it is given", width=36),
                    ),
                ),
                Section(
                    "The table",
                    (
                        Field("target", "Database", "suggested", self._targets, "A saved name or a URL", width=36),
                        Field("table", "Table", hint="table or schema.table", width=36),
                        Field("create", "", "switch", hint="Make the table, with types that hold every value"),
                        Field("truncate", "", "switch", hint="Delete the rows that are there"),
                        Field("rejects", "Rejects", "file", hint="All or nothing, without a file", width=30,
                              description="Rows that are refused go there, the others go in."),
                    ),
                ),
            ]
        )  # fmt: skip

    def _ask_connections(self) -> None:
        kernel = self.window.kernel

        def done(listing: Any) -> None:
            self._targets = tuple(Choice(each.name, each.name) for each in listing.connections)
            self._arrange()

        self.window.background(
            "Reading the saved connections",
            lambda job: kernel.commands.run("connections.list", {}, job=job),
            done,
            lambda error: None,  # a URL can be typed all the same
        )

    # -- what a person does --------------------------------------------------------------------------------------

    def _changed(self, name: str) -> None:
        again = self.draft.take(name, self._form.value(name))
        self.window.changed(self)
        if name == "table":
            self.window.retitle(self)
        if again:
            if self._look_id is not None:
                self.frame.after_cancel(self._look_id)
            self._look_id = self.frame.after(LOOK_MILLISECONDS, self.look)
        self._form.complain({})

    def _browse(self, name: str) -> str | None:
        if name == "rejects":
            return self.window.ask_file(
                save=True, title="Rows that are refused", name="rejects.csv", endings={"CSV": ".csv"}
            )
        endings = {
            spec.id.upper(): spec.extensions[0] for spec in self.window.kernel.plugins.importers if spec.extensions
        }
        return self.window.ask_file(save=False, title="Import a file", endings=endings)

    def _edit_type(self, column: str) -> None:
        answers = [
            Answer("Found out", "By the values of the file"),
            *(Answer(name) for name in TYPES),
            Answer("Another…"),
        ]
        chosen = self.window.ask_choice(f"What is {column}?", answers)
        if chosen is None:
            return
        text = "" if chosen == 0 else TYPES[chosen - 1] if chosen <= len(TYPES) else None
        if text is None:
            text = self.window.ask_text(f"Type of {column}", value=self.draft.types.get(column, "decimal(12,2)"))
            if text is None:
                return
        try:
            self.draft.give_type(column, text)
        except ValueError as exc:
            self.window.notify(str(exc), "warning")
        self._show()

    def _tell_note(self) -> None:
        """Say the whole note of the column that is selected, for which there may be no room in its line."""
        notes = {name: cells[-1] for name, cells, _ in self.draft.columns()}
        if note := notes.get(self._columns.selected or ""):
            self._say(note)

    def _edit_end(self, column: str) -> None:
        name = self.window.ask_text(
            f"Column of the table that {column} goes to", value=self.draft.mapping.get(column, column)
        )
        if name:
            self.draft.map_to(column, name)
            self._show()

    def _leave_out(self, column: str) -> None:
        self.draft.map_to(column, "")
        self._show()

    def _column_menu(self, column: str, event: tk.Event[tk.Misc]) -> None:
        out = self.draft.mapping.get(column) == ""
        self.window.menu(
            [
                ("Type…", lambda: self._edit_type(column)),
                ("Goes to…", lambda: self._edit_end(column)),
                ("Take it in again", lambda: self._take_in(column))
                if out
                else ("Leave out", lambda: self._leave_out(column)),
            ],
            event,
        )

    def _take_in(self, column: str) -> None:
        self.draft.map_to(column, column)
        self._show()

    # -- work ----------------------------------------------------------------------------------------------------

    def look(self, *, whole: bool = False) -> None:
        """Look at the file, at its beginning or at all of it, in the background."""
        self._look_id = None
        if self._looking is not None:
            self._looking.cancel()
        if not self.draft.value("file"):
            self.draft.preview = None
            self._show()
            return
        kernel, asked = self.window.kernel, self.draft.looking(whole=whole)

        def done(preview: ImportPreview) -> None:
            if self._looking is job:
                self._looking = None
                self.draft.preview = preview
                self._say("\n".join(preview.notes))
                self._show()

        def failed(error: AlvearyError) -> None:
            if self._looking is job:
                self._looking = None
                self.draft.preview = None
                self._form.complain({"file": error.message})
                self._show()

        job = self._looking = self.window.background(
            "Looking at a file", lambda job: kernel.commands.run("import.preview", asked, job=job), done, failed
        )

    def start(self, *, dry_run: bool = False) -> None:
        """Import, or go through it without writing."""
        if self._running is not None:
            return
        problems = self.draft.problems()
        self._form.complain(problems)
        if problems:
            self._form.focus_field(next(iter(problems)))
            return
        kernel, asked = self.window.kernel, self.draft.importing(dry_run=dry_run)
        self._refused.pack_forget()
        self._say("Going through the file…" if dry_run else "Importing…")
        self._running = self.window.background(
            "Dry run of an import" if dry_run else "Importing a file",
            lambda job: kernel.commands.run("import.run", asked, job=job),
            self._done,
            self._failed,
        )
        self._buttons()

    def stop(self) -> None:
        """Stop what runs; nothing of it stays."""
        if self._running is not None:
            self._running.cancel()
            self._say("Stopping…")

    def _done(self, report: ImportReport) -> None:
        self._running = None
        self._say(outcome(report))
        if report.faults:
            self._refused.show(faults(report.faults))
            self._refused.pack(fill="both", expand=True, pady=(self.window.theme.px(8), 0))
        if not report.dry_run:
            self.window.notify(outcome(report), "warning" if report.rejected else "success")
        self._buttons()

    def _failed(self, error: AlvearyError) -> None:
        self._running = None
        self._buttons()
        if isinstance(error, QueryCancelledError):
            self._say("Stopped; nothing was written")
            return
        self._say("Nothing was written")
        error.hint = worded(error.hint)
        self.window.show_error(error, title="The import failed")

    def _progressed(self, event: JobProgressed) -> None:
        if self._running is not None and event.job == self._running.id:
            self._say(progress(event))

    # -- showing -------------------------------------------------------------------------------------------------

    def _show(self) -> None:
        self._found.configure(text=self.draft.found())
        self._columns.show(self.draft.columns())
        headings, lines = self.draft.sample()
        if self._rows is not None:
            self._rows.destroy()
            self._rows = None
        if headings:
            columns = [ListColumn("Line", 60, numeric=True), *(ListColumn(name, 130) for name in headings[1:])]
            self._rows = Listing(self._under, self.window.theme, columns)
            self._rows.pack(fill="both", expand=True)
            self._rows.show(lines)
        self.window.changed(self)

    def _buttons(self) -> None:
        runs = self._running is not None
        self._import.configure(state="disabled" if runs else "normal")
        self._try.show(enabled=not runs)
        self._stop.show(enabled=runs)

    def _say(self, text: str) -> None:
        self._said.configure(text=text)


def _choices(*values: str) -> tuple[Choice, ...]:
    return tuple(Choice(value, "tab" if value == "\\t" else value) for value in values)
