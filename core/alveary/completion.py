"""Completion: which statement the caret is in, who is asked what could stand there, and the best of what they say.

Built-in completers are asked on the thread that asks; strangers' each in a thread of its own, so that one that hangs
or is slow keeps nobody waiting: what is not there in time is left out.
"""

from __future__ import annotations

import re
import threading
import time
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import islice

import msgspec

from alveary.contracts.completion import CatalogView, CompletionRequest, Suggestion
from alveary.errors import InvalidInputError, described
from alveary.known import LEVELS, KnownCatalog
from alveary.known import Level as Read
from alveary.matching import Level, Query
from alveary.plugins import Completer, Plugins
from alveary.sqltext import Dialect, Piece, PieceKind, split

PATIENCE = 0.5
"""Seconds within which a stranger's completer must have answered."""
MOST = 1000
"""Suggestions of one completer that are looked at."""
HOOK = "alveary_complete"
_LONGEST_PATH = 300
_OF_INDEXES = re.compile(r"\b(?:re)?index(?:ed|_info)?\b|\bconstraint\b|\bcluster\b", re.IGNORECASE)
_OF_ROLES = re.compile(r"\b(?:grant|revoke|role|user|owner)\b", re.IGNORECASE)
_QUALIFIER = re.compile(r"""(?:["`\[](?P<quoted>[^"`\]\n]+)["`\]]|(?P<plain>[\w$]+))\.["`\[]?[\w$]*\Z""")


class Completion:
    """Asks all completers. May be used from any thread."""

    def __init__(self, plugins: Plugins) -> None:
        self._plugins = plugins
        self._lock = threading.Lock()
        self._asked: dict[str, _Asked] = {}

    def complete(
        self,
        text: str,
        offset: int,
        dialect: Dialect,
        catalog: CatalogView,
        *,
        driver: str = "",
        pieces: Sequence[Piece] | None = None,
        limit: int = 100,
    ) -> list[Suggestion]:
        """Return what could stand at an offset of a script, the best first; their ranges are the script's.

        ``driver`` is the id of the database's driver, and ``pieces`` are the script's where they are known already.
        """
        start, end = statement_around(text, offset, split(text, dialect) if pieces is None else pieces)
        request = CompletionRequest(
            text=text[start:end],
            caret=offset - start,
            dialect=dialect,
            catalog=catalog,
            limit=limit,
            driver=driver,
        )
        return [
            msgspec.structs.replace(each, start=each.start + start, end=each.end + start)
            for each in self.suggestions(request)
        ]

    def suggestions(self, request: CompletionRequest) -> list[Suggestion]:
        """Return what the completers suggest for one statement, the best first, at most as many as are wanted."""
        completers = self._plugins.completers
        until = time.monotonic() + PATIENCE
        waiting = [asked for each in completers if not each.built_in and (asked := self._ask(each, request))]
        found: list[Suggestion] = []
        for completer in completers:
            if completer.built_in:
                asked = _Asked(completer, request)
                asked.run()
                found += self._answer(asked)
        for asked in waiting:
            if asked.ended.wait(max(until - time.monotonic(), 0)):
                found += self._answer(asked)
            else:
                self._plugins.failed(asked.completer.plugin, HOOK, f"did not answer within {PATIENCE:g} seconds")
        found.sort(key=lambda each: each.rank)  # of equal ones each completer knows the order
        unlike: dict[tuple[int, int, str], Suggestion] = {}
        for each in found:
            unlike.setdefault((each.start, each.end, each.text), each)
        return list(islice(unlike.values(), request.limit))

    def _ask(self, completer: Completer, request: CompletionRequest) -> _Asked | None:
        """Ask in a thread; None for one that is still busy with what it was asked before."""
        with self._lock:
            before = self._asked.get(completer.plugin)
            if before is not None and not before.ended.is_set():
                return None
            asked = self._asked[completer.plugin] = _Asked(completer, request)
        threading.Thread(target=asked.run, name=f"alveary-complete-{completer.plugin}", daemon=True).start()
        return asked

    def _answer(self, asked: _Asked) -> list[Suggestion]:
        for cause in asked.faults:
            self._plugins.failed(asked.completer.plugin, HOOK, cause)
        return asked.found


class _Asked:
    """One question to one completer, and what came of it."""

    def __init__(self, completer: Completer, request: CompletionRequest) -> None:
        self.completer = completer
        self.request = request
        self.found: list[Suggestion] = []
        self.faults: list[str] = []
        self.ended = threading.Event()

    def run(self) -> None:
        try:
            answer = self.completer.suggest(self.request)
            if isinstance(answer, str | bytes) or not isinstance(answer, Iterable):
                raise InvalidInputError(f"answered {type(answer).__name__}, not suggestions")
            for each in islice(answer, MOST):
                self._take(each)
        except BaseException as exc:  # noqa: BLE001  # strangers' code raises what it likes; the fault is reported
            self.faults.append(exc.message if isinstance(exc, InvalidInputError) else described(exc))
        finally:
            self.ended.set()

    def _take(self, each: object) -> None:
        request = self.request
        if not isinstance(each, Suggestion):
            self.faults.append(f"answered a {type(each).__name__} where a Suggestion is due")
            return
        try:
            each = msgspec.convert(msgspec.structs.asdict(each), Suggestion)
        except msgspec.ValidationError as exc:
            self.faults.append(f"Suggestion {each.label!r}: {exc}")
            return
        if 0 <= each.start <= request.caret <= each.end <= len(request.text):
            self.found.append(each)
        else:
            self.faults.append(f"Suggestion {each.label!r} replaces what does not enclose the caret")


def statement_around(text: str, offset: int, pieces: Sequence[Piece]) -> tuple[int, int]:
    """Return where the statement begins and ends that somebody writes at an offset, comments before it included.

    Behind a terminator that is the next one; within a client's command or data nothing: the place itself.
    """
    index = bisect_right(pieces, offset, key=lambda piece: piece.start) - 1
    if index < 0 or offset > pieces[-1].end:
        return offset, offset
    piece = pieces[index]
    if piece.kind not in (PieceKind.STATEMENT, PieceKind.BLANK):
        return offset, offset
    if piece.terminator and offset == piece.end:
        return offset, offset
    end = piece.end - len(piece.terminator)
    return (piece.start, end) if offset <= end else (offset, offset)


def unread(text: str, offset: int, known: KnownCatalog) -> Iterator[tuple[str, frozenset[Read]]]:
    """Yield what is named before an offset and was not read, as it rarely is needed: each schema with its levels.

    That is what a schema holds that is the server's own, the indexes of all that need no qualifier, and, as the
    schema ``""``, what stands in none: roles.
    """
    before = text[max(0, offset - _LONGEST_PATH) : offset]
    if (found := _QUALIFIER.search(before)) is not None:
        name = found["quoted"] or found["plain"]
        meant = next((each for each in known.schemas if each.lower() == name.lower()), None)
        if meant is not None and not known.has(meant, Read.RELATIONS):
            yield meant, LEVELS
    if _OF_INDEXES.search(before):
        for schema in known.search_path:
            if schema not in known.system_schemas and not known.has(schema, Read.INDEXES):
                yield schema, frozenset({Read.INDEXES})
    if _OF_ROLES.search(before) and not known.has("", Read.OBJECTS):
        yield "", frozenset({Read.OBJECTS})


def misfit(typed: str, name: str) -> float | None:
    """Return how badly a name fits what is typed, 0 best, None if not at all; a shorter one of two alike is better."""
    if not typed:
        return 0.0
    found = _query(typed).match(name)
    if found is None or (found.level is Level.SCATTERED and found.span > _WIDEST * len(typed)):
        return None
    return 0.0 if found.level is Level.EXACT else _COSTS[found.level] + min(len(name) - len(typed), 40) / 20


_COSTS = {Level.BEGINNING: 5.0, Level.WORD: 22.0, Level.INITIALS: 25.0, Level.INSIDE: 45.0, Level.SCATTERED: 60.0}
_WIDEST = 6
"""Characters over which each letter may be scattered: what lies farther apart nobody meant."""
_query = lru_cache(maxsize=64)(Query)
