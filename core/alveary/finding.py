"""Find anything: asks all finders for what a person means, the best of all of them first."""

from __future__ import annotations

import heapq
import logging
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING

from alveary.contracts.factory import load_factory
from alveary.contracts.finder import Finder, Hit, Wanted
from alveary.contracts.specs import FinderSpec
from alveary.errors import AlvearyError, InvalidInputError
from alveary.matching import Level, Query
from alveary.strangers import guarded

if TYPE_CHECKING:
    from alveary.kernel import Kernel

_log = logging.getLogger(__name__)

Ranges = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Found:
    """A hit, who found it, and which parts of its text and of its detail are what was looked for."""

    finder: str
    hit: Hit
    ranges: Ranges = ()
    detail_ranges: Ranges = ()
    span: int = 0
    """Characters over which scattered letters are spread."""


@dataclass(slots=True)
class Faults:
    """What kept finders from their work, a sentence each."""

    said: dict[str, str] = field(default_factory=dict)

    def note(self, finder: str, error: AlvearyError) -> None:
        """Take note of what one finder could not do."""
        self.said.setdefault(finder, error.message)
        _log.warning("%s can't be searched: %s", finder, error.message)


class Finding:
    """The finders of all plugins. Any thread but Tk's may ask; a finder that fails keeps no other from finding."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._finders: dict[str, Finder] = {}
        self._lock = threading.Lock()

    @property
    def specs(self) -> list[FinderSpec]:
        """What can be looked for, in the order in which equals are listed."""
        return sorted(self._kernel.plugins.finders, key=lambda spec: spec.order)

    def chosen(self, ids: Sequence[str] | None) -> list[FinderSpec]:
        """Return the specs of these ids, of all without; InvalidInputError for one that there is not."""
        known = {spec.id: spec for spec in self.specs}
        for id in ids or ():
            if id not in known:
                raise InvalidInputError(f"there is nothing to be found in {id!r}", hint=f"there is {', '.join(known)}")
        return [spec for spec in known.values() if ids is None or spec.id in ids]

    def prepare(
        self, specs: Sequence[FinderSpec], stopped: threading.Event | None = None, faults: Faults | None = None
    ) -> None:
        """Have finders look what there is; done before the first search, and again when it may be something else."""
        for spec in specs:
            if stopped is None or not stopped.is_set():
                try:
                    finder = self._finder(spec)
                    with guarded(f"{spec.name} can't be read", passing=(AlvearyError,)):
                        finder.prepare(stopped)
                except AlvearyError as exc:
                    (faults or Faults()).note(spec.name, exc)

    def search(
        self,
        wanted: Wanted,
        specs: Sequence[FinderSpec],
        *,
        instead: Mapping[str, Finder] | None = None,
        faults: Faults | None = None,
    ) -> Iterator[Found]:
        """Yield what is found, the best first, as it is found: take as many as are wanted.

        What each finder finds worse than another one by its ``weight`` comes with what that one finds. ``instead`` has
        finders that stand in for others, by id.
        """
        return chain.from_iterable(self.steps(wanted, specs, instead=instead, faults=faults))

    def steps(
        self,
        wanted: Wanted,
        specs: Sequence[FinderSpec],
        *,
        instead: Mapping[str, Finder] | None = None,
        faults: Faults | None = None,
    ) -> Iterator[Iterator[Found]]:
        """Yield the same in steps: between two of them whoever watches can be shown what there is so far."""
        faults = faults or Faults()

        def able() -> list[FinderSpec]:
            return [spec for spec in specs if spec.name not in faults.said]

        def found(spec: FinderSpec, level: Level) -> Iterator[Found]:
            return self._found(spec, (instead or {}).get(spec.id), wanted, level, faults)

        for step in range(Level.SCATTERED + max((spec.weight for spec in specs), default=0)):
            for spec in able():
                if 0 <= step - spec.weight < Level.SCATTERED:
                    yield found(spec, Level(step - spec.weight))
        # Of scattered letters those count most that stand together, wherever.
        yield heapq.merge(*(found(spec, Level.SCATTERED) for spec in able()), key=lambda each: each.span)
        yield from (found(spec, Level.LABEL) for spec in able())

    def unread(self, specs: Sequence[FinderSpec]) -> list[str]:
        """Return the databases in which nothing is found because nobody has read them yet."""
        found: dict[str, None] = {}
        for spec in specs:
            try:
                finder = self._finder(spec)
                with guarded(f"{spec.name} can't be listed", passing=(AlvearyError,)):
                    found |= dict.fromkeys(finder.unread())
            except AlvearyError as exc:
                Faults().note(spec.name, exc)
        return list(found)

    def read(self, connection: str, specs: Sequence[FinderSpec], stopped: threading.Event | None = None) -> None:
        """Read what a database holds, which may mean to connect to it. Raises what the database raises."""
        for spec in specs:
            self._finder(spec).read(connection, stopped)

    def _finder(self, spec: FinderSpec) -> Finder:
        with self._lock:
            if (finder := self._finders.get(spec.id)) is None:
                with guarded(f"{spec.name} can't be searched", passing=(AlvearyError,)):
                    finder = self._finders[spec.id] = load_factory(spec.factory)(self._kernel)
            return finder

    def _found(
        self, spec: FinderSpec, finder: Finder | None, wanted: Wanted, level: Level, faults: Faults
    ) -> Iterator[Found]:
        try:
            finder = finder or self._finder(spec)
            with guarded(f"{spec.name} can't be searched", passing=(AlvearyError,)):
                hits = iter(finder.find(wanted, level))
            while True:
                with guarded(f"{spec.name} can't be searched", passing=(AlvearyError,)):
                    if (hit := next(hits, None)) is None:
                        return
                    if not wanted.includes(hit.connection):
                        continue
                    found = told(spec.id, hit, wanted.query)
                yield found
        except AlvearyError as exc:
            faults.note(spec.name, exc)


def told(finder: str, hit: Hit, query: Query) -> Found:
    """Return a hit with what of it matched."""
    match = query.match(hit.text, hit.name_at)
    detail = query.match(hit.detail, scattered=False) if match is None or match.level >= Level.INITIALS else None
    if detail is not None:
        return Found(finder, hit, detail_ranges=detail.ranges)
    return Found(finder, hit) if match is None else Found(finder, hit, match.ranges, (), match.span)
