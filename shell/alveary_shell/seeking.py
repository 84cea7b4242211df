"""A search that goes on while somebody types: on a thread of its own, and always for the newest question."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from alveary.contracts.finder import Finder, Wanted
from alveary.contracts.specs import FinderSpec
from alveary.errors import described
from alveary.finding import Faults, Finding, Found
from alveary.matching import Query

_log = logging.getLogger(__name__)

LIMIT = 100
"""Hits that are shown of one search."""
SOON = 0.02
"""Seconds after which what is found so far is shown while the search goes on."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What is known of one question so far."""

    text: str
    found: tuple[Found, ...]
    whole: bool
    """The search is over."""
    more: bool = False
    """There is more than is shown."""
    faults: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()


class Seeking:
    """Asks the finders; ``show`` is called on a thread of its own. What finders know of is searched, while what there
    is now is looked up: a key waits for neither."""

    def __init__(
        self,
        finding: Finding,
        specs: Sequence[FinderSpec],
        show: Callable[[Seen], object],
        *,
        instead: Mapping[str, Finder] | None = None,
    ) -> None:
        """``instead`` has finders that stand in for others, by id; they are prepared already."""
        self._finding, self._show = finding, show
        self._specs, self._instead = list(specs), dict(instead or {})
        self._others = [spec for spec in specs if spec.id not in self._instead]
        self._condition = threading.Condition()
        self._question: str | None = None
        self._text = ""
        self._stopped = threading.Event()
        self._closed = threading.Event()
        self._preparing = 0
        self._faults = Faults()
        self._unread: tuple[str, ...] = ()
        threading.Thread(target=self._work, name="alveary-find", daemon=True).start()
        self.prepare()

    def ask(self, text: str) -> None:
        """Look for a text, and no longer for the one before."""
        with self._condition:
            self._stopped.set()
            self._question = self._text = text
            self._condition.notify()

    def prepare(self) -> None:
        """Look anew what there is, then for the same text again."""
        if self._others:
            with self._condition:
                self._preparing += 1
            threading.Thread(target=self._prepare, name="alveary-find-prepare", daemon=True).start()

    def close(self) -> None:
        """Look for nothing any more."""
        with self._condition:
            self._closed.set()
            self._stopped.set()
            self._condition.notify()

    def _prepare(self) -> None:
        faults = Faults()
        try:
            self._finding.prepare(self._others, self._closed, faults)
            unread = tuple(self._finding.unread(self._others))
        finally:
            with self._condition:
                self._preparing -= 1
        self._faults, self._unread = faults, unread
        self.ask(self._text)

    def _work(self) -> None:
        while True:
            with self._condition:
                while self._question is None and not self._closed.is_set():
                    self._condition.wait()
                if self._closed.is_set() or self._question is None:
                    return
                text, self._question = self._question, None
                stopped = self._stopped = threading.Event()
            try:
                self._look(text, stopped)
            except Exception as exc:  # noqa: BLE001  # the next key is another chance
                _log.exception("the search failed: %s", described(exc))

    def _look(self, text: str, stopped: threading.Event) -> None:
        wanted, found, shown = Wanted(Query(text), None, stopped), list[Found](), time.monotonic()
        preparing, faults = bool(self._preparing), Faults(dict(self._faults.said))

        def show(*, over: bool, more: bool = False) -> None:
            if not stopped.is_set():
                said = tuple(faults.said.values())
                self._show(Seen(text, tuple(found), over and not preparing, more, said, self._unread))

        for step in self._finding.steps(wanted, self._specs, instead=self._instead, faults=faults):
            if stopped.is_set():
                return
            for each in step:
                if stopped.is_set():
                    return
                if len(found) == LIMIT:
                    show(over=True, more=True)
                    return
                found.append(each)
            if found and time.monotonic() - shown >= SOON:
                show(over=False)
                shown = time.monotonic()
        show(over=True)
