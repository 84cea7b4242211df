"""What panels hold is written soon after it changes, so that it outlives the window, however that ends."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from alveary.errors import StorageError, described
from alveary_shell.sdk import Panel, Window
from alveary_shell.workspace import Workspace

_log = logging.getLogger(__name__)

WRITE_MILLISECONDS = 500
"""How long after a change a panel's state is written; a second is what is promised."""
RETRY_MILLISECONDS = 5000


class Journal:
    """Belongs to a window, on Tk's thread; ``workspace`` writes on a thread of its own."""

    def __init__(self, window: Window, layout: Callable[[], dict[str, Any]]) -> None:
        """``layout`` tells where everything stands."""
        self.workspace = Workspace(window.kernel.store, self._failed)
        self._window = window
        self._layout = layout
        self._written: dict[str, Any] | None = None
        self._dirty: set[str] = set()
        self._timer: str | None = None
        self._ended = False
        self._retrying = False
        """Whether everything is written again and again, until all of it could be."""
        self._failures = 0
        """How many there were when everything was last written again."""

    def changed(self, panel: Panel) -> None:
        """Write a panel's state soon."""
        self._dirty.add(panel.id)
        self.moved()

    def moved(self) -> None:
        """Write soon where everything stands."""
        if self._timer is None and not self._ended:
            self._timer = self._window.root.after(WRITE_MILLISECONDS, self._write_now)

    def closed(self, panel: Panel) -> None:
        """Keep a panel's last state for whoever opens it again."""
        self._write(panel)
        self.workspace.close_panel(panel.id)
        self._dirty.discard(panel.id)

    def reopened(self, panel: Panel, id: str | None) -> None:
        """Write at once a panel that was kept under another ``id``, which is free then."""
        self._write(panel)
        if id is not None:
            self.workspace.forget(id)
        self.moved()

    def end(self) -> None:
        """Write what has changed for the last time, and what could not be written before."""
        if self._retrying:
            self._all_changed()
        self._ended = True
        if self._timer is not None:
            self._window.root.after_cancel(self._timer)
        self._write_changed()
        self.workspace.save_layout(self._layout())

    def _write_now(self) -> None:
        self._timer = None
        self._write_changed()
        # A window that is not on the screen yet has no place.
        if self._window.root.winfo_ismapped() and (layout := self._layout()) != self._written:
            self._written = layout
            self.workspace.save_layout(layout)

    def _write_changed(self) -> None:
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
            if not self._retrying:
                self._retrying = True
                self._window.root.after(RETRY_MILLISECONDS, self._retry)

        self._window.post(tell)

    def _retry(self) -> None:
        """Write everything again, for nobody knows what of it is missing, as long as something failed since."""
        if self._ended:
            return
        if not self.workspace.busy:
            before, self._failures = self._failures, self.workspace.failures
            if self._failures == before and not self.workspace.broken:
                self._retrying = False
                return
            self._all_changed()
        self._window.root.after(RETRY_MILLISECONDS, self._retry)

    def _all_changed(self) -> None:
        for panel in self._window.panels():
            self.changed(panel)
