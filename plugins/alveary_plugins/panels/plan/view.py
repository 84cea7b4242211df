"""The plan panel's widgets, and how they hang together with what it knows."""

from __future__ import annotations

import threading
import tkinter as tk
from collections.abc import Iterator, Mapping
from itertools import groupby, islice
from operator import itemgetter
from tkinter import ttk
from typing import Any

from alveary.contracts.plan import Plan
from alveary.errors import AlvearyError
from alveary.explaining.rows import summary
from alveary.explaining.texts import plan_text
from alveary.jobs import Job
from alveary_plugins.panels.plan.model import (
    ENDINGS,
    Entry,
    Format,
    PlanModel,
    View,
    ask,
    differences,
    format_of,
    words_of,
    written,
)
from alveary_plugins.panels.plan.side import PlanSide, says_something
from alveary_plugins.panels.plan.tree import PlanTree
from alveary_shell.sdk import Panel, PlanWanted, Window
from alveary_shell.widgets.flat import FlatButton
from alveary_shell.widgets.focus import focused
from alveary_shell.widgets.grid_text import visible, visible_lines
from alveary_shell.widgets.scrollbar import AutoScrollbar
from alveary_shell.widgets.standins import drawn
from alveary_shell.widgets.tabs import Tab, TabStrip
from alveary_shell.widgets.words import CutLabel

_VIEWS: tuple[tuple[View, str], ...] = (("tree", "Tree"), ("raw", "Raw"), ("compare", "Compare"))
_NAMES: dict[Format, str] = {"text": "Text", "json": "JSON", "svg": "Picture"}
LINES_AT_ONCE = 200
"""Lines that are put into a text before Tk draws again."""
MOST_LINE = 4000
"""Characters of a line that are drawn; what is saved and copied has all of it."""
NOTHING = "Explain a statement in an editor to see how the server would run it"


class PlanPanel(Panel):
    """Tabs of plans: each a tree beside what is said of the step that is selected."""

    def __init__(self, window: Window, frame: tk.Misc, state: Mapping[str, Any]) -> None:
        super().__init__(window, frame, state)
        self.model = PlanModel()
        self.view: View = "tree"
        self._jobs: dict[int, Job] = {}
        self._filling: str | None = None
        self._quiet = False
        """Whether it comes to the front for somebody to see, not to work in."""
        self._build()
        window.subscribe(frame, PlanWanted, self._wanted)
        frame.bind("<Destroy>", self._destroyed, add="+")
        self._show()

    def _build(self) -> None:
        theme, frame = self.window.theme, self.frame
        top = tk.Frame(frame, borderwidth=0)
        top.pack(fill="x")
        tools = tk.Frame(top, borderwidth=0)
        tools.pack(side="right", padx=theme.px(4))
        self._stop = FlatButton(tools, theme, self.stop, text="Stop", icon="stop-fill", role="danger")
        self._views = {
            view: FlatButton(tools, theme, lambda view=view: self.choose_view(view), text=word)  # type: ignore[misc]  # mypy can't infer a default
            for view, word in _VIEWS
        }
        self._save = FlatButton(tools, theme, self.save, icon="download")
        for button in (*self._views.values(), self._save):
            button.pack(side="left", padx=theme.px(1), pady=theme.px(2))
        self._strip = TabStrip(top, theme, select=lambda key: self.choose(int(key)), close=self._close_tab)
        self._strip.pack(side="left", fill="x", expand=True)
        self._foot = CutLabel(frame)
        self._foot.pack(side="bottom", fill="x")
        self._said = tk.Label(frame, borderwidth=0, justify="center")
        self._panes = ttk.PanedWindow(frame, orient="horizontal")
        self.tree = PlanTree(self._panes, theme, selected=self._selected, menu=self._context_menu)
        self.side = PlanSide(self._panes, theme, choose=self._go_to)
        self._panes.add(self.tree, weight=4)
        self._page = tk.Frame(frame, borderwidth=0)
        self.raw = tk.Text(self._page, wrap="none", borderwidth=0, highlightthickness=0, state="disabled", height=4)
        self.raw.pack(side="left", fill="both", expand=True)
        AutoScrollbar(self.raw)
        self.raw.bind("<Button-1>", lambda _: self.raw.focus_set(), add="+")

        def paint() -> None:
            color, px = theme.color, theme.px
            for bar in (top, tools):
                bar.configure(background=color("surface"))
            self._page.configure(background=color("background"))
            self._foot.configure(padx=px(10), pady=px(3))
            self._foot.wear(font=theme.small, background=color("surface"), foreground=color("muted"))
            self._said.configure(background=color("background"), foreground=color("muted"), font=theme.ui)
            self.raw.configure(background=color("background"), highlightthickness=0, foreground=color("text"),
                               selectbackground=color("selection"), selectforeground=color("text"), font=theme.code,
                               padx=px(12), pady=px(8))  # fmt: skip
            for tag, role in (("plus", "success"), ("minus", "danger")):
                self.raw.tag_configure(tag, foreground=color(role))

        theme.follow(frame, paint)

    # -- what the window asks ------------------------------------------------------------------------------------

    def focus(self) -> None:
        if self._quiet:
            return
        front = self.model.front
        if front is None or front.plan is None:
            return  # nothing is there to work in; and what is not drawn yet would take the focus later
        if self.view == "tree":
            self.tree.canvas.focus_set()
        else:
            self.raw.focus_set()

    def closed(self) -> None:
        for job in self._jobs.values():
            job.cancel()

    # -- what is asked for ---------------------------------------------------------------------------------------

    def _wanted(self, event: PlanWanted) -> None:
        entry = Entry(event.sql, event.session.target.display(), event.analyze)
        self.model.add(entry)
        if self.view == "compare":
            self.view = "tree"
        kernel, session, values = self.window.kernel, event.session, dict(event.values)
        stopped = threading.Event()

        def work(job: Job) -> Plan:
            job.on_cancel(stopped.set)
            return ask(kernel, session, entry, values, stopped)

        def done(plan: Plan) -> None:
            self._jobs.pop(entry.number, None)
            entry.plan = plan
            self._show()

        def failed(error: AlvearyError) -> None:
            self._jobs.pop(entry.number, None)
            entry.error = error
            self._show()
            event.failed(error)

        self._jobs[entry.number] = self.window.background(
            "Measuring" if event.analyze else "Explaining", work, done, failed
        )
        self._quiet = True
        try:
            self.window.raise_panel(self)
        finally:
            self._quiet = False
        self._show()

    def stop(self) -> None:
        """Stop what is awaited in the tab in front, on the server too."""
        front = self.model.front
        if front is not None and (job := self._jobs.get(front.number)) is not None:
            job.cancel()

    def choose(self, number: int) -> None:
        """Bring a plan to the front."""
        self.model.choose(number)
        self._show()

    def choose_view(self, view: View | None = None) -> None:
        """Show the plan as a tree, as the server sent it, or beside the one before; without one, the next way."""
        names = [name for name, _ in _VIEWS]
        self.view = view or names[(names.index(self.view) + 1) % len(names)]
        self._show()

    def fold(self) -> None:
        """Fold the tree away, or unfold it."""
        self.tree.fold()

    def copy(self) -> None:
        """Copy what is selected of a text, or the plan as text."""
        front = self.model.front
        if front is None or front.plan is None:
            return
        for text in (self.raw, self.side.text):
            if text.winfo_viewable() and focused(self.frame) is text and text.tag_ranges("sel"):
                self.window.copy(text.get("sel.first", "sel.last"))
                return
        self.window.copy(plan_text(front.plan))

    def save(self, path: str | None = None, format: Format | None = None) -> None:
        """Write the plan to a file; a person is asked for its name."""
        front = self.model.front
        if front is None or (plan := front.plan) is None:
            return
        if path is None:
            endings = {_NAMES[each]: ending for ending, each in ENDINGS.items()}
            path = self.window.ask_file(save=True, title="Save the plan", name="plan.txt", endings=endings)
            if path is None:
                return
        place, kind = path, format or format_of(path)

        def done(size: int) -> None:
            self.window.notify("The plan was saved", "success", detail=f"{place}, {size:,} bytes")

        self.window.background("Saving the plan", lambda _: written(plan, place, kind), done)

    # -- showing -------------------------------------------------------------------------------------------------

    def _show(self) -> None:
        front = self.model.front
        tabs = [
            Tab(key=str(entry.number), text=entry.title, icon=_icon(entry), closable=True)
            for entry in self.model.entries
        ]
        self._strip.show(tabs, str(front.number) if front is not None else None)
        plan = front.plan if front is not None else None
        for view, button in self._views.items():
            button.on = view == self.view and plan is not None
            button.show(enabled=plan is not None)
        self._save.show(enabled=plan is not None)
        if front is not None and front.is_waiting:
            self._stop.pack(side="left", before=self._views["tree"], padx=self.window.theme.px(6))
        else:
            self._stop.pack_forget()
        self._foot.say(visible(_foot(front)))
        for page in (self._said, self._panes, self._page):
            page.pack_forget()
        self._stop_filling()
        if front is None or plan is None:
            self._said.configure(text=_words(front))
            self._said.pack(fill="both", expand=True)
        elif self.view == "tree":
            self._panes.pack(fill="both", expand=True)
            self.tree.show(plan, front.closed, front.selected)
            self._show_side(plan, front.selected)
        else:
            self._page.pack(fill="both", expand=True)
            if self.view == "raw":
                self._fill(iter([(line, "") for line in plan.raw.split("\n")]))
            else:
                self._compare(front, plan)

    def _compare(self, front: Entry, plan: Plan) -> None:
        before = self.model.before(front)
        if before is None or (old := before.plan) is None:
            self._fill(iter([("There is no plan before this one.", "")]))
            return
        head = [(f"- {before.title}: {_line(before.sql)}", "minus"), (f"+ {front.title}: {_line(front.sql)}", "plus")]

        def done(lines: list[str]) -> None:
            if self.view == "compare" and self.model.front is front:
                tags = {"+": "plus", "-": "minus"}
                self._fill(iter([*head, ("", ""), *((line, tags.get(line[:1], "")) for line in lines)]))

        self._fill(iter(head))
        self.window.background("Comparing the plans", lambda _: differences(old, plan), done)

    def _fill(self, lines: Iterator[tuple[str, str]]) -> None:
        """Put lines into the text, as many as Tk takes without keeping anybody waiting, and go on soon."""
        self.raw.configure(state="normal")
        self.raw.delete("1.0", "end")

        def some() -> None:
            self._filling = None
            self.raw.configure(state="normal")
            part = list(islice(lines, LINES_AT_ONCE))
            for tag, same in groupby(part, key=itemgetter(1)):
                self.raw.insert("end", "".join(f"{drawn(text[:MOST_LINE])}\n" for text, _ in same), tag)
            if part:
                self._filling = self.frame.after(1, some)
            self.raw.configure(state="disabled")

        some()

    def _stop_filling(self) -> None:
        if self._filling is not None:
            self.frame.after_cancel(self._filling)
            self._filling = None

    def _selected(self, number: int) -> None:
        front = self.model.front
        if front is not None and front.plan is not None:
            front.selected = number
            self._show_side(front.plan, number)

    def _show_side(self, plan: Plan, number: int) -> None:
        """Show what there is to say beside the tree, which has all the room where nothing is said of any step."""
        shown = bool(self.side.winfo_manager())
        if says_something(plan) and not shown:
            self._panes.add(self.side, weight=1)
        elif shown and not says_something(plan):
            self._panes.forget(self.side)
        self.side.show(plan, number)

    def _go_to(self, number: int) -> None:
        self.tree.choose(number)
        self.tree.canvas.focus_set()

    def _close_tab(self, key: str) -> None:
        number = int(key)
        if (job := self._jobs.pop(number, None)) is not None:
            job.cancel()
        self.model.close(number)
        self._show()

    def _context_menu(self, event: tk.Event[tk.Misc]) -> None:
        front = self.model.front
        if front is None or front.plan is None:
            return
        number = front.selected
        node = next(node for at, (_, node) in enumerate(front.plan.nodes(), start=1) if at == number)
        self.window.menu(
            [
                ("Copy step", lambda: self.window.copy(node.title)),
                ("Copy the plan", self.copy),
                ("Copy what the server sent", lambda: self.window.copy(front.plan.raw if front.plan else "")),
                ("Copy the statement", lambda: self.window.copy(front.sql)),
                None,
                ("Fold or unfold", lambda: self.tree.toggle(number))
                if node.children
                else ("Fold or unfold all", self.fold),
                None,
                ("Save the plan…", self.save),
            ],
            event,
        )

    def _destroyed(self, event: tk.Event[tk.Misc]) -> None:
        if event.widget is self.frame:
            self._stop_filling()


def _icon(entry: Entry) -> str:
    if entry.is_waiting:
        return "hourglass-split"
    if entry.error is not None:
        return "exclamation-circle"
    return "exclamation-triangle" if entry.plan is not None and entry.plan.warnings else "diagram-3"


def _foot(entry: Entry | None) -> str:
    if entry is None:
        return ""
    parts = [entry.connection, _line(entry.sql)]
    if entry.plan is not None:
        parts.insert(0, summary(entry.plan))
        if entry.plan.warnings:
            count = len(entry.plan.warnings)
            parts.insert(1, f"▲ {count:,} warning{'s' * (count > 1)}")
    return "   ·   ".join(parts)


def _words(entry: Entry | None) -> str:
    if entry is None:
        return NOTHING
    if entry.error is not None:
        return visible_lines(words_of(entry.error))
    return "Waiting for the plan; what is run is rolled back…" if entry.analyze else "Waiting for the plan…"


def _line(sql: str) -> str:
    text = " ".join(sql.split())
    return text if len(text) <= 160 else text[:159] + "…"
