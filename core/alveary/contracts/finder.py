"""The finder contract: what a plugin lets a person find by a few letters, and what can be done with it then."""

from __future__ import annotations

import heapq
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec

from alveary.matching import Haystack, Level, Query

if TYPE_CHECKING:
    from alveary.kernel import Kernel

Place: TypeAlias = Mapping[str, str | int | None]


class Action(msgspec.Struct, frozen=True):
    """What can be done with a hit: a command of the table, as ``title`` says it in a word or two."""

    title: str
    command: str
    parameters: dict[str, Any] = {}


class Hit(msgspec.Struct, frozen=True, kw_only=True):
    """Something that can be found.

    ``text`` is what it is called, a path whose last name begins at ``name_at``; ``kind`` says in a word what it is.
    ``detail`` says more in a line. ``connection`` is the database it belongs to as a person calls it, ``color`` that
    one's. ``place`` leads there, by whatever names. Of the ``actions`` the first is the natural one.
    """

    kind: str
    text: str
    name_at: int = 0
    detail: str = ""
    aside: str = ""
    """What stands at the end of its line in the place of the connection, such as keys."""
    connection: str | None = None
    color: str | None = None
    icon: str = "dot"
    place: Place = {}
    actions: tuple[Action, ...] = ()


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody looks for: a query, in these databases or, with None, all; until they do not any more."""

    query: Query
    connections: frozenset[str] | None = None
    stopped: threading.Event | None = None

    def includes(self, connection: str | None) -> bool:
        """Return whether what belongs to a database, or with None to none, is looked for."""
        return self.connections is None or connection in self.connections


class Finder(ABC):
    """Knows what there is of one sort. Made once, when something is first looked for; called on any thread but Tk's."""

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel

    def prepare(self, stopped: threading.Event | None = None) -> None:
        """Look what there is, because somebody is about to look for it. May read files; asks no server anything."""
        return

    @abstractmethod
    def find(self, wanted: Wanted, level: Level) -> Iterator[Hit]:
        """Yield what is found this well and not better, the best first; whoever asks stops when it has enough.

        Where letters are scattered the best are those that stand closest together: :func:`closest` sorts some lists.

        This runs at each key: what takes long belongs into :meth:`prepare`.
        """

    def unread(self) -> Sequence[str]:
        """Return the databases that were not read yet, so that nothing in them is found, as :meth:`read` takes them."""
        return ()

    def read(self, connection: str, stopped: threading.Event | None = None) -> None:
        """Read what a database holds; a person asked for it. Raises what the database raises."""
        return


class ListFinder(Finder):
    """A finder of what can be listed: subclasses say what there is, and the rest is done here."""

    _hits: Sequence[Hit] = ()
    _names = _prose = Haystack(())

    @abstractmethod
    def list(self) -> Iterable[Hit | tuple[Hit, str]]:
        """Return what there is, the more important first; with each, if there is any, more text it is found by."""

    def prepare(self, stopped: threading.Event | None = None) -> None:
        pairs = [each if isinstance(each, tuple) else (each, "") for each in self.list()]
        self._names = Haystack((hit.text, hit.name_at) for hit, _ in pairs)
        self._prose = Haystack(((f"{hit.detail} {more}", 0) for hit, more in pairs), scattered=False)
        self._hits = [hit for hit, _ in pairs]

    def find(self, wanted: Wanted, level: Level) -> Iterator[Hit]:
        hits = self._hits
        for number in self._names.find(wanted.query, level, wanted.stopped):
            yield hits[number]
        if level is PROSE and wanted.query.words:
            for number in in_prose(self._prose, wanted):
                if wanted.query.match(hits[number].text, hits[number].name_at) is None:
                    yield hits[number]


def closest(wanted: Wanted, *found: Iterator[Hit]) -> Iterator[Hit]:
    """Yield hits with scattered letters of several lists, each in its order, as if they were one."""

    def span(hit: Hit) -> int:
        match = wanted.query.match(hit.text, hit.name_at)
        return match.span if match is not None else 0

    return heapq.merge(*found, key=span)


PROSE = Level.INITIALS
"""As what counts that stands in a description, not in a name: before names that merely have the letters."""


def in_prose(haystack: Haystack, wanted: Wanted) -> Iterator[int]:
    """Yield the numbers of the descriptions that hold the words, those first where words begin with them."""
    for level in (Level.EXACT, Level.BEGINNING, Level.WORD, Level.INSIDE):
        yield from haystack.find(wanted.query, level, wanted.stopped)
