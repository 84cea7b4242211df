"""Explaining from an editor: the statement that would be run, on the editor's own session, for whoever shows plans."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from alveary.contracts.values import Cell
from alveary.errors import AlvearyError, BusyError, InvalidInputError, QueryCancelledError
from alveary_plugins.panels.editor.model import Item
from alveary_shell.sdk import PlanWanted

if TYPE_CHECKING:
    from alveary_plugins.panels.editor.view import EditorPanel


def explaining(panel: EditorPanel, *, analyze: bool) -> Callable[[list[Item], Mapping[str, Cell]], None]:
    """Return what is done with a statement, once it and its values are known, to have its plan shown."""

    def start(items: list[Item], values: Mapping[str, Cell]) -> None:
        session, window = panel.model.session, panel.window
        if session is None:
            return
        if panel.model.busy:
            raise BusyError("a statement runs already in this editor", hint="wait for it, or cancel it")
        if len(items) > 1:
            raise InvalidInputError(f"{len(items)} statements are selected", hint="one is explained at a time")
        item = items[0]

        def failed(error: AlvearyError) -> None:
            # Where it went wrong is marked in the text; what was wanted before that is said by who shows plans.
            if error.position is not None and not isinstance(error, QueryCancelledError):
                panel.show_failure(error, item)

        sql = item.sql.replace("\n", panel.model.newline)
        window.open("plan")
        window.announce(PlanWanted(panel, session, sql, values, analyze, failed))
        panel.focus()  # the plan is to be seen; whoever asked for it goes on with the text

    return start
