"""The command of the saved queries."""

from __future__ import annotations

from typing import Any

import msgspec

from alveary.commands import Context
from alveary.errors import AlvearyError
from alveary_shell.sdk import window_of


class NoParameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A command that needs nothing."""


def keep(context: Context, parameters: NoParameters) -> None:
    """Ask for a name and save the text of the active editor under it; what has that name is replaced only if agreed."""
    window = window_of(context)
    if window.active is None or not (text := window.active.state().get("text", "").strip()):
        window.notify("There is no text to save")
        return
    if not (name := window.ask_text("Name of the query, with its folder if it has one: reports/monthly")):
        return
    kernel = window.kernel

    def save(replace: bool) -> None:
        wanted = {"name": name, "sql": text, "replace": replace}
        window.background(
            "Saving a query",
            lambda job: kernel.commands.run("queries.save", wanted, job=job),
            done,
            None if replace else refused,
        )

    def done(saved: Any) -> None:
        window.notify(f"Saved as {saved.path}", "success")
        for panel in window.panels("saved"):
            panel.ask()  # type: ignore[attr-defined]  # every panel of this id is one of ours

    def refused(error: AlvearyError) -> None:
        if error.code != "name_taken":
            window.show_error(error)
        elif window.confirm(f"Replace the query {name}?", detail=error.message, yes="Replace"):
            save(True)

    save(False)
