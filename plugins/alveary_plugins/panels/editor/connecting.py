"""Where an editor connects: chosen among the saved connections, the other editors' and URLs, and changed safely."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from typing import Any, Literal, TypeAlias
from urllib.parse import quote

from alveary.jobs import Job
from alveary.profiles import COLORS
from alveary_plugins.panels.editor.model import EditorModel, Item, without_password
from alveary_shell.sdk import Window

Button: TypeAlias = Literal["name", "place", "limit"]
"""A button of the bar above the text."""
Items: TypeAlias = list[tuple[str, Callable[[], object]] | None]

#: How a session is told which schema names without one mean, by the dialect's name.
SWITCH_SCHEMA = {"postgres": "set search_path to {}", "mysql": "use {}"}


class Connecting:
    """Belongs to one editor. ``menu`` shows a menu below a button, ``others`` tells where other editors connect,
    ``changed`` is called when it is another connection, or more is known of it."""

    def __init__(
        self,
        window: Window,
        model: EditorModel,
        *,
        menu: Callable[[Button, Items], object],
        others: Callable[[], list[str]],
        changed: Callable[[], object],
    ) -> None:
        self.color: str | None = None
        """That of the saved connection, as its environment is."""
        self.environment: str | None = None
        self.schema: str | None = None
        """The schema that was chosen in this session."""
        self._window, self._model, self._menu = window, model, menu
        self._others, self._changed = others, changed

    def choose(self, target: str | None = None) -> None:
        """Connect to a target; without one, show what there is to connect to."""
        if target is not None:
            self._switch(target)
            return
        profiles = self._window.kernel.profiles

        def work(_: Job) -> list[str]:
            return [saved.name for saved in profiles.all() if saved.profile is not None]

        self._window.background("Reading the saved connections", work, self._show_connections)

    def connect(self, then: Callable[[], object] = lambda: None) -> None:
        """Open a session to the target; a new one if there is one."""
        self.schema = None
        self._model.connect(then=then)

    def disconnect(self) -> None:
        """Close the session, after asking when that rolls something back."""
        if self._may_roll_back("Disconnecting rolls it back."):
            self._model.disconnect()

    def aim(self, target: str) -> None:
        """Note where to connect, and learn in the background what is known of it."""
        self._model.target = target
        self.color = self.environment = None
        kernel = self._window.kernel

        def work(_: Job) -> tuple[Any, Any]:
            driver = kernel.target(target)[1]
            return driver.dialect, None if "://" in target else kernel.profiles.find(target)

        def done(found: tuple[Any, Any]) -> None:
            dialect, profile = found
            if self._model.target == target:
                self._model.planned_dialect = dialect
                if profile is not None:
                    self.color = COLORS.get(profile.color, profile.color) if profile.color else None
                    self.environment = profile.environment
                self._changed()

        # What is wrong with the target is said when somebody connects.
        self._window.background("Looking up the connection", work, done, lambda _: None)

    def choose_schema(self) -> None:
        """Show the schemas of the database, to choose the one that names without a schema mean, and other databases."""
        session = self._model.session
        if session is None or not self._model.connected:
            return
        kernel = self._window.kernel

        def work(_: Job) -> tuple[list[str], list[tuple[str, str]]]:
            catalog = kernel.catalog(session, origin="editor")
            return catalog.databases(), [(name, catalog.quote(name)) for name in catalog.schemas()]

        self._window.background("Reading the schemas", work, lambda found: self._show_schemas(*found))

    def _show_connections(self, names: list[str]) -> None:
        items: Items = [(name, functools.partial(self._switch, name)) for name in names]
        if items:
            items.append(None)
        shown = {without_password(target) or "": target for target in self._others() if target not in names}
        items += [(text, functools.partial(self._switch, target)) for text, target in sorted(shown.items()) if text]
        items.append(("URL…", self._ask_url))
        if self._model.connected:
            items += [None, ("Disconnect", self.disconnect)]
        self._menu("name", items)

    def _ask_url(self) -> None:
        url = self._window.ask_text("URL of the database, or the name of a saved connection", value="")
        if url is not None and url.strip():
            self._switch(url.strip())

    def _switch(self, target: str) -> None:
        """Connect somewhere else, after asking when that rolls something back."""
        if not self._may_roll_back("Connecting somewhere else rolls it back."):
            return
        if "://" in target:
            self._window.kernel.target(target)  # what can't be read is said at once
        if self._model.busy:
            self._model.cancel()
        self._model.disconnect()
        self.aim(target)
        self.connect()

    def _may_roll_back(self, detail: str) -> bool:
        return self._model.transaction == "none" or self._window.confirm(
            "A transaction is open", detail=detail, yes="Roll it back"
        )

    def _show_schemas(self, databases: list[str], schemas: list[tuple[str, str]]) -> None:
        switch = SWITCH_SCHEMA.get(self._model.dialect.name)
        items: Items = []
        if switch is not None:
            items += [
                (name, functools.partial(self._use_schema, name, switch.format(quoted))) for name, quoted in schemas
            ]
        session, target = self._model.session, self._model.target
        others = [name for name in databases if session is not None and name != session.target.database]
        if target is not None and "://" in target and databases != [name for name, _ in schemas] and others:
            items.append(None)
            items += [
                (f"Connect to {name}", functools.partial(self._switch, _with_database(target, name))) for name in others
            ]
        if items:
            self._menu("place", items)
        else:
            self._window.notify("There is no other schema to switch to")

    def _use_schema(self, name: str, sql: str) -> None:
        self.schema = name
        self._model.start([Item(sql, -1, own=True)])


def _with_database(url: str, name: str) -> str:
    """Return a URL that leads to another database of the same server."""
    return re.sub(r"^([^:]+://[^/?#]*)(/[^?#]*)?", lambda found: f"{found[1]}/{quote(name, safe='')}", url)
