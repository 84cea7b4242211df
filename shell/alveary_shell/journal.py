"""What panels hold is written soon after it changes, so that it outlives the window, however that ends."""

from __future__ import annotations

import logging

from alveary.errors import StorageError, described
from alveary_shell.sdk import Panel, Window
from alveary_shell.workspace import Workspace

_log = logging.getLogger(__name__)

WRITE_MILLISECONDS = 500
"""How long after a change a panel's state is written; a second is what is promised."""
RETRY_MILLISECONDS = 5000


class Journal:
    """Belongs to a window, on Tk's thread; ``workspace`` writes on a thread of its own."""

    def __init__(self, window: Window) -> None:
        self.workspace = Workspace(window.kernel.store, self._failed)
        self._window = window
        self._dirty: set[str] = set()
        self._timer: str | None = None

    def changed(self, panel: Panel) -> None:
        """Write a panel's state soon."""
        self._dirty.add(panel.id)
        if self._timer is None:
            self._timer = self._window.root.after(WRITE_MILLISECONDS, self.write)

    def closed(self, panel: Panel) -> None:
        """Keep a panel's last state for whoever opens it again."""
        self._write(panel)
        self.workspace.close_panel(panel.id)
        self._dirty.discard(panel.id)

    def write(self) -> None:
        """Write now what has changed."""
        self._timer = None
        dirty, self._dirty = self._dirty, set()
        for panel in self._window.panels():
            if panel.id in dirty:
                self._write(panel)

    def _write(self, panel: Panel) -> None:
        try:
            self.workspace.save(panel.id, panel.spec.id, panel.state())
        except Exception as exc:  # noqa: BLE001  # a stranger's panel; the others' states are written all the same
            _log.exception("the state of %s can't be written: %s", panel.id, described(exc))

    def _failed(self, error: StorageError) -> None:
        """Take note, on the workspace's thread, that it can't be written; it is tried again soon."""

        def tell() -> None:
            self._window.show_error(error, title="What you type is not being saved")
            self._window.root.after(RETRY_MILLISECONDS, self._all_changed)

        self._window.post(tell)

    def _all_changed(self) -> None:
        for panel in self._window.panels():
            self.changed(panel)
