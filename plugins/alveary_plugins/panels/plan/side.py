"""The side of a plan: its warnings, and everything the server said of the step that is selected."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable

from alveary.contracts.plan import Detail, Plan
from alveary.explaining.rows import numbered
from alveary.explaining.texts import PLACES
from alveary_shell.theme import Theme
from alveary_shell.widgets.grid_text import visible
from alveary_shell.widgets.scrollbar import AutoScrollbar

MOST_TEXT = 2000
"""Characters of a value that are shown; all of it stands in what the server sent."""
MOST_WARNINGS = 30


def says_something(plan: Plan) -> bool:
    """Return whether there is more to say of a plan, or of any of its steps, than stands in the tree."""
    said = plan.warnings or plan.details or plan.remarks
    return bool(said) or any(
        node.details or node.buffers or node.figures or node.was_executed is False for _, node in plan.nodes()
    )


class PlanSide(tk.Frame):
    """Reads like a page. A warning is a link to its step."""

    def __init__(self, master: tk.Misc, theme: Theme, *, choose: Callable[[int], object]) -> None:
        super().__init__(master, borderwidth=0)
        self._theme, self._choose = theme, choose
        self.text = tk.Text(
            self, wrap="word", borderwidth=0, highlightthickness=0, state="disabled", width=12, height=4
        )
        self.text.pack(side="left", fill="both", expand=True)
        AutoScrollbar(self.text)
        self.text.bind("<Button-1>", lambda _: self.text.focus_set(), add="+")
        theme.follow(self, self._paint)

    def show(self, plan: Plan | None, number: int) -> None:
        """Show the warnings of a plan, a step of it, and what is said of the whole."""
        text = self.text
        text.configure(state="normal")
        text.delete("1.0", "end")
        if plan is not None:
            nodes = numbered(plan)
            node = nodes.get(number, plan.root)
            own = [warning for warning in plan.warnings if warning.node == number]
            text.insert("end", visible(node.title) + "\n", "title")
            if node.role is not None and node.role not in PLACES:
                text.insert("end", visible(node.role) + "\n", "muted")
            for warning in own:
                text.insert("end", f"▲ {visible(warning.message)}\n", "warning")
            if node.was_executed is False:
                text.insert("end", "This step was never executed.\n", "muted")
            self._details(node.details)
            if node.buffers:
                self._details([Detail(name, f"{count:,}") for name, count in node.buffers.items()])
            self._section("As the server said it", node.figures)
            others = [warning for warning in plan.warnings if warning.node != number]
            if others:
                text.insert("end", "Other warnings\n", "section")
                for warning in others[:MOST_WARNINGS]:
                    link = f"step-{warning.node}"
                    said = f"▲ {visible(nodes[warning.node].title)}: {visible(warning.message)}\n"
                    text.insert("end", said, ("warning", "link", link))
                if len(others) > MOST_WARNINGS:
                    text.insert("end", f"and {len(others) - MOST_WARNINGS:,} more\n", "muted")
            self._section("The whole", plan.details)
            for remark in plan.remarks:
                text.insert("end", visible(remark) + "\n", "muted")
        text.configure(state="disabled")
        text.yview_moveto(0)

    def _section(self, title: str, details: tuple[Detail, ...]) -> None:
        if details:
            self.text.insert("end", f"{title}\n", "section")
            self._details(details)

    def _details(self, details: tuple[Detail, ...] | list[Detail]) -> None:
        for detail in details:
            if detail.name:
                self.text.insert("end", f"{visible(detail.name)}  ", "name")
            value = detail.value if len(detail.value) <= MOST_TEXT else detail.value[:MOST_TEXT] + "…"
            self.text.insert("end", visible(value) + "\n", "value")

    def _followed(self, event: tk.Event[tk.Text]) -> None:
        for tag in self.text.tag_names(f"@{event.x},{event.y}"):
            if tag.startswith("step-"):
                self._choose(int(tag.removeprefix("step-")))

    def _paint(self) -> None:
        theme, text = self._theme, self.text
        self.configure(background=theme.color("background"))
        text.configure(
            background=theme.color("background"),
            highlightthickness=0,  # a switch of the theme gives every Text a border
            foreground=theme.color("text"),
            selectbackground=theme.color("selection"),
            selectforeground=theme.color("text"),
            font=theme.ui,
            padx=theme.px(12),
            pady=theme.px(8),
            spacing3=theme.px(2),
        )
        indent = theme.px(14)
        text.tag_configure("title", font=theme.ui_bold)
        text.tag_configure("section", font=theme.ui_bold, foreground=theme.color("muted"), spacing1=theme.px(10))
        text.tag_configure("muted", foreground=theme.color("muted"))
        text.tag_configure("name", foreground=theme.color("muted"), lmargin2=indent)
        text.tag_configure("value", lmargin2=indent)
        text.tag_configure("warning", foreground=theme.color("warning"), lmargin2=indent)
        text.tag_configure("link", underline=False)
        text.tag_bind("link", "<Button-1>", self._followed)
        text.tag_bind("link", "<Enter>", lambda _: text.configure(cursor="hand2"))
        text.tag_bind("link", "<Leave>", lambda _: text.configure(cursor=""))
