"""The workspace: what panels hold and where they stand, journaled as it changes, back after quit or ``kill -9``.

A journal thread does the writing, so that Tk's thread never waits for a disk. Each panel has generations: the newest
is its state, the one before is kept in case the newest can't be read.
"""

from __future__ import annotations

import json
import logging
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from alveary.errors import StorageError, described

if TYPE_CHECKING:
    from alveary.store.database import Store

_log = logging.getLogger(__name__)

GENERATIONS = 3
CLOSED_KEPT = 50
"""Panels that were closed and can be reopened."""


@dataclass(frozen=True, slots=True)
class SavedPanel:
    """A panel as it was last written."""

    id: str
    panel: str
    state: dict[str, Any]


class Workspace:
    """Reads and writes the workspace in the store; :meth:`save` and its kin return at once."""

    def __init__(self, store: Store, failed: Callable[[StorageError], object]) -> None:
        """``failed`` is called on the journal's thread when writing fails, once until it works again."""
        self._store = store
        self._failed = failed
        self._work: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self.broken = False
        """Whether the last that was to be written could not be."""
        self.failures = 0
        """How often something could not be written."""
        self._thread = threading.Thread(target=self._write, name="alveary-journal", daemon=True)
        self._thread.start()

    def layout(self) -> dict[str, Any]:
        """Return what :meth:`save_layout` was last handed; nothing when it can't be read."""
        return self.recall("layout")

    def recall(self, name: str) -> dict[str, Any]:
        """Return what :meth:`remember` was last handed under a name; nothing when it can't be read."""
        with self._store.reading() as connection:
            row = connection.execute("select cast(value as blob) from workspace where name = ?", (name,)).fetchone()
        found = _decoded(row[0]) if row is not None else None
        return found or {}

    def open_panels(self) -> list[SavedPanel]:
        """Return the panels that were open, each in its newest generation that can be read."""
        return self._panels("closed_at is null", "id, generation desc")

    def kept(self) -> list[tuple[str, str]]:
        """Return what each panel is and its id, of all that are kept: an id of one that was closed is in use, too."""
        with self._store.reading() as connection:
            return connection.execute("select distinct panel, id from workspace_panels").fetchall()

    def last_closed(self) -> SavedPanel | None:
        """Return the panel that was closed last."""
        return next(iter(self._panels("closed_at is not null", "closed_at desc, id, generation desc")), None)

    @property
    def busy(self) -> bool:
        """Whether something waits to be written."""
        return not self._work.empty()

    def save(self, id: str, panel: str, state: dict[str, Any]) -> None:
        """Write a panel's state as its newest generation."""

        def write() -> None:
            try:
                encoded = json.dumps(state)  # which, unlike msgspec, takes lone surrogates, as a file may hold them
            except Exception as exc:  # noqa: BLE001  # a stranger's panel; what the others hold must still be written
                _log.error("the state of %s can't be written: %s", id, described(exc))
                return
            with self._store.writing() as connection:
                (last,) = connection.execute(
                    "select ifnull(max(generation), 0) from workspace_panels where id = ?", (id,)
                ).fetchone()
                connection.execute(
                    "insert into workspace_panels values (?, ?, ?, ?, ?, null)",
                    (id, last + 1, panel, encoded, _now()),
                )
                connection.execute(
                    "delete from workspace_panels where id = ? and generation <= ?", (id, last + 1 - GENERATIONS)
                )

        self._work.put(write)

    def close_panel(self, id: str) -> None:
        """Note that a panel was closed; its state is kept, so that it can be reopened."""

        def write() -> None:
            with self._store.writing() as connection:
                connection.execute("update workspace_panels set closed_at = ? where id = ?", (_now(), id))
                connection.execute(
                    "delete from workspace_panels where closed_at is not null and id not in (select id from"
                    " workspace_panels where closed_at is not null group by id order by max(closed_at) desc limit ?)",
                    (CLOSED_KEPT,),
                )

        self._work.put(write)

    def forget(self, id: str) -> None:
        """Delete a panel's state."""

        def write() -> None:
            with self._store.writing() as connection:
                connection.execute("delete from workspace_panels where id = ?", (id,))

        self._work.put(write)

    def save_layout(self, layout: dict[str, Any]) -> None:
        """Write where everything stands."""
        self.remember("layout", layout)

    def remember(self, name: str, value: dict[str, Any]) -> None:
        """Write something that is no panel's under a name of its own."""

        def write() -> None:
            with self._store.writing() as connection:
                connection.execute("insert or replace into workspace values (?, ?)", (name, json.dumps(value)))

        self._work.put(write)

    def flush(self, timeout: float = 3.0) -> bool:
        """Wait until everything handed over so far is written; False if that took too long."""
        reached = threading.Event()
        self._work.put(reached.set)
        return reached.wait(timeout)

    def close(self) -> None:
        """Write what is left, then end."""
        self._work.put(None)
        self._thread.join(3.0)

    def _panels(self, which: str, order: str) -> list[SavedPanel]:
        with self._store.reading() as connection:
            rows = connection.execute(
                f"select id, panel, cast(state as blob) from workspace_panels where {which} order by {order}"
            ).fetchall()
        found: dict[str, SavedPanel] = {}
        for id, panel, state in rows:
            if id not in found and (decoded := _decoded(state)) is not None:
                found[id] = SavedPanel(id, panel, decoded)
        return list(found.values())

    def _write(self) -> None:
        while (work := self._work.get()) is not None:
            try:
                work()
                self.broken = False
            except StorageError as exc:
                _log.error("the workspace can't be written: %s", exc.message)
                self.failures += 1
                if not self.broken:
                    self.broken = True
                    self._failed(exc)


def _decoded(text: bytes) -> dict[str, Any] | None:
    """Return what was written; None for bytes that damage made of it, which must not hide what is beside it."""
    try:
        decoded = json.loads(text.decode("utf-8"))
    except (ValueError, RecursionError):
        return None
    return decoded if isinstance(decoded, dict) else None


def _now() -> int:
    return time.time_ns() // 1000
