"""What databases hold, as far as it was asked for: kept in memory, told at once and with its age, asked anew when we
change it.

A :class:`~alveary.known.KnownCatalog` never changes; whoever holds one reads it on any thread without waiting. Asking
anew makes another one and puts it in its place.
"""

from __future__ import annotations

import hashlib
import logging
import os
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TypeAlias

import msgspec

from alveary.bus import Bus
from alveary.contracts.catalog import Catalog
from alveary.contracts.specs import DriverSpec
from alveary.contracts.target import Target
from alveary.errors import AlvearyError, InternalError, QueryCancelledError, described
from alveary.events import (
    SchemaObjectChanged,
    SchemaObjectCreated,
    SchemaObjectDropped,
    SchemaRefreshed,
    SchemaRefreshStarted,
)
from alveary.known import LEVELS, KnownCatalog, KnownSchema, Level
from alveary.known import read as read_schema
from alveary.pool import is_in_memory
from alveary.sessions import LOOK, Session

_log = logging.getLogger(__name__)

MOST_KEPT = 8
"""Catalogs that are kept; of one more the one goes that was asked for longest ago, of a closed connection first."""
QUIET = 0.3
"""Seconds without a further change after which what we changed is read anew, once for all of a script."""
LONGEST_WAIT = 3.0
"""Seconds after which it is read anew although changes go on."""


CHANGES = {"created": SchemaObjectCreated, "dropped": SchemaObjectDropped, "changed": SchemaObjectChanged}
"""What is published of a change, by what a statement does."""

#: Opens the catalog of a target, or of a session that alone reaches its database.
Open: TypeAlias = Callable[[Target, DriverSpec, Session | None, threading.Event | None, str], Catalog]


@dataclass(frozen=True, slots=True)
class Reached:
    """What is known of a database, and what leads there: a target or, where that alone has it, a session."""

    known: KnownCatalog
    target: Target
    driver: DriverSpec
    session: Session | None


class _Kept:
    """The place of one catalog, and what is due to it."""

    def __init__(self, key: str, target: Target, driver: DriverSpec, session: Session | None) -> None:
        self.key = key
        self.target = target
        self.driver = driver
        self.session = session
        """The session that alone reaches the database; None where any connection does."""
        self.asking = threading.Lock()
        self.known: KnownCatalog | None = None
        self.outdated: set[str | None] = set()
        """Schemas that we changed since they were read, None for all of them and their list."""
        self.used = 0.0
        self.due = self.due_since = 0.0
        """When, on the monotonic clock, it is to be read anew; since when that is known. 0 for not at all."""
        self.is_followed = False
        """Whether a thread waits for that, or reads."""


class Catalogs:
    """The catalogs of all databases. Every method may be called from any thread."""

    def __init__(
        self,
        resolve: Callable[[str], tuple[Target, DriverSpec]],
        open_catalog: Open,
        sessions: Callable[[], list[Session]],
        bus: Bus,
    ) -> None:
        """``resolve`` says what a URL or name stands for, ``sessions`` which sessions are open."""
        self._resolve = resolve
        self._open = open_catalog
        self._sessions = sessions
        self._bus = bus
        self._lock = threading.Condition()
        self._kept: dict[str, _Kept] = {}
        self._names: dict[str, str] = {}
        """Keys by the URLs and names that led to them."""
        self._stopped = threading.Event()

    def known(self, of: str | Session) -> KnownCatalog | None:
        """Return what is known of a target, or of a session's database, without asking or waiting for anything.

        A URL or name is known by the :meth:`load` that was given it, a session by where it leads.
        """
        key = self.key(of)
        kept = self._kept.get(key) if key is not None else None
        return None if kept is None else kept.known

    def key(self, of: str | Session) -> str | None:
        """Return the key that events name a catalog by, None for a URL or name that nothing was loaded of."""
        return self._names.get(of) if isinstance(of, str) else key_of(of.target, of.driver, of)

    def kept(self) -> list[Reached]:
        """Return all that is known, without asking or waiting for anything."""
        with self._lock:
            every = list(self._kept.values())
        return [
            Reached(known, kept.target, kept.driver, kept.session)
            for kept in every
            if (known := kept.known) is not None
        ]

    def load(
        self,
        of: str | Session,
        *,
        schemas: Iterable[str] | None = None,
        levels: Iterable[Level] = LEVELS,
        stopped: threading.Event | None = None,
        refresh: bool = False,
        origin: str = "catalog",
    ) -> KnownCatalog:
        """Return a catalog in which these levels of these schemas are known; what is not is asked for.

        Without ``schemas`` those are meant that are not the server's own; ``""`` is for
        what stands in none, such as roles. Each level of a schema is one question,
        however much there is; what we changed since it was read is asked again, with ``refresh`` everything that is
        known or wanted. Not on Tk's thread. Raises what the catalog raises; what a schema alone refuses is a gap.
        """
        target, driver = (of.target, of.driver) if isinstance(of, Session) else self._resolve(of)
        key = key_of(target, driver, of if isinstance(of, Session) else None)
        with self._lock:
            kept = self._kept.get(key)
            if kept is None:
                kept = _Kept(
                    key, target, driver, of if isinstance(of, Session) and is_in_memory(target, driver) else None
                )
                self._kept[key] = kept
            kept.target = target  # it may have found its password meanwhile
            kept.used = time.monotonic()
            if isinstance(of, str):
                self._names[of] = key
            self._drop_oldest(kept)
        wanted = None if schemas is None else list(schemas)
        try:
            return self._load(kept, wanted, frozenset(levels), stopped, refresh, origin)
        finally:
            with self._lock:
                if kept.known is None and self._kept.get(key) is kept:  # nothing came of it
                    self._drop(key)

    def forget(self, of: str | Session) -> None:
        """Keep nothing of a target any more."""
        with self._lock:
            if (key := self.key(of)) is not None:
                self._drop(key)

    def session_over(self, session: Session) -> None:
        """Take note that a session is closed, and with it a database that lives in it."""
        if is_in_memory(session.target, session.driver):
            self.forget(session)

    def changed(self, session: Session, schemas: Iterable[str | None]) -> None:
        """Take note that we changed these schemas of the database a session is connected to, None for any of them.

        What is kept of them is asked again before it is given to anybody who waits for it, and soon in any case.
        """
        wanted = set(schemas)
        with self._lock:
            now = time.monotonic()
            for kept in self._kept.values():
                if not _same_place(kept, session):
                    continue
                # A schema nobody has heard of may be a new one. What is read for the first time may be read already.
                known = kept.known.schemas if kept.known is not None else ()
                kept.outdated |= {name if name in known else None for name in wanted}
                kept.due_since = kept.due_since or now
                kept.due = min(now + QUIET, kept.due_since + LONGEST_WAIT)
                if not kept.is_followed and not self._stopped.is_set():
                    # One for each, for a server that does not answer must not keep the others from being read.
                    thread = threading.Thread(target=self._follow, args=(kept,), name="alveary-catalogs", daemon=True)
                    try:
                        thread.start()
                    except RuntimeError as exc:  # no more threads: who loads it next asks for what changed
                        _log.warning("the catalog of %s can't be read anew: %s", kept.target.display(), described(exc))
                    else:
                        kept.is_followed = True
            self._lock.notify_all()

    def close(self) -> None:
        """Ask nothing any more."""
        self._stopped.set()
        with self._lock:
            self._lock.notify_all()

    # -- asking ------------------------------------------------------------------------------------------------

    def _load(
        self,
        kept: _Kept,
        schemas: Sequence[str] | None,
        levels: frozenset[Level],
        stopped: threading.Event | None,
        refresh: bool,
        origin: str,
    ) -> KnownCatalog:
        _acquire(kept.asking, stopped)
        try:
            with self._lock:
                outdated, kept.outdated = kept.outdated, set()
            try:
                return self._bring_up(kept, schemas, levels, outdated, stopped, refresh, origin)
            except BaseException:
                with self._lock:
                    kept.outdated |= outdated
                raise
        finally:
            kept.asking.release()

    def _bring_up(
        self,
        kept: _Kept,
        schemas: Sequence[str] | None,
        levels: frozenset[Level],
        outdated: set[str | None],
        stopped: threading.Event | None,
        refresh: bool,
        origin: str,
    ) -> KnownCatalog:
        """Ask what is missing or outdated and publish what comes of it."""
        before, started = kept.known, time.monotonic()
        asker = _Asker(lambda: self._open(kept.target, kept.driver, kept.session, stopped, origin))
        known = before
        telling = _Telling(self._bus, kept, started, origin)
        try:
            if known is None or refresh or None in outdated:
                telling.begin(())
                known = asker.schemas(kept, before)
            wanted = dict.fromkeys(_wanted(known, schemas), levels)
            for name, schema in known.known.items():
                if (refresh and (schemas is None or name in schemas)) or _is_in(outdated, name, known):
                    wanted[name] = wanted.get(name, frozenset()) | frozenset(schema.levels)
            todo = {}
            for name, all_levels in wanted.items():
                schema = known.known.get(name) or KnownSchema(name)
                again = refresh or _is_in(outdated, name, known)
                if needed := [
                    level for level in Level if level in all_levels and (again or level not in schema.levels)
                ]:
                    todo[name] = needed
            if todo:
                telling.begin(tuple(todo))
            read = dict(known.known)
            for name, needed in todo.items():
                read[name] = read_schema(asker.catalog, read.get(name) or KnownSchema(name), needed)
            known = replace(known, known=read) if todo else known
        except BaseException as exc:
            telling.end(exc if isinstance(exc, AlvearyError) else InternalError(described(exc)))
            raise
        kept.known = known
        telling.end(None)
        return known

    def _drop_oldest(self, newest: _Kept) -> None:
        if len(self._kept) <= MOST_KEPT:
            return
        connected = {key_of(each.target, each.driver, each) for each in self._sessions()}
        oldest = min(
            (kept for kept in self._kept.values() if kept is not newest),
            key=lambda kept: (kept.key in connected, kept.used),
        )
        self._drop(oldest.key)

    def _drop(self, key: str) -> None:
        self._kept.pop(key, None)
        self._names = {name: other for name, other in self._names.items() if other != key}

    def _follow(self, kept: _Kept) -> None:
        """Read a catalog anew as soon as the changes pause, until there are none."""
        while True:
            with self._lock:
                while kept.due and not self._stopped.is_set() and (left := kept.due - time.monotonic()) > 0:
                    self._lock.wait(left)
                if not kept.due or self._stopped.is_set() or self._kept.get(kept.key) is not kept:
                    kept.is_followed = False
                    return
                kept.due = kept.due_since = 0.0
            try:
                self._load(kept, (), frozenset(), self._stopped, False, "catalog")
            except Exception as exc:  # noqa: BLE001  # a plugin's catalog raises anything; the next change must be followed
                _log.info("the catalog of %s is not read anew: %s", kept.target.display(), described(exc))


class _Telling:
    """Says on the bus that a catalog is read, once, and that it was."""

    def __init__(self, bus: Bus, kept: _Kept, started: float, origin: str) -> None:
        self._bus = bus
        self._origin = origin
        self._kept = kept
        self._started = started
        self._begun = False
        self._schemas: tuple[str, ...] = ()

    def begin(self, schemas: tuple[str, ...]) -> None:
        self._schemas = schemas
        if not self._begun:
            self._begun = True
            target = self._kept.target.display()
            self._bus.publish(
                SchemaRefreshStarted(catalog=self._kept.key, target=target, origin=self._origin, schemas=schemas)
            )

    def end(self, error: AlvearyError | None) -> None:
        if self._begun:
            self._bus.publish(
                SchemaRefreshed(
                    catalog=self._kept.key,
                    target=self._kept.target.display(),
                    origin=self._origin,
                    schemas=self._schemas,
                    seconds=time.monotonic() - self._started,
                    error=None if error is None else error.record(),
                )
            )


class _Asker:
    """Asks the questions; the catalog is opened with the first of them."""

    def __init__(self, open_catalog: Callable[[], Catalog]) -> None:
        self._open = open_catalog
        self._catalog: Catalog | None = None

    @property
    def catalog(self) -> Catalog:
        if self._catalog is None:
            self._catalog = self._open()
        return self._catalog

    def schemas(self, kept: _Kept, before: KnownCatalog | None) -> KnownCatalog:
        schemas = tuple(self.catalog.schemas())
        return KnownCatalog(
            key=kept.key,
            target=kept.target.display(),
            schemas=schemas,
            search_path=tuple(self.catalog.search_path()),
            system_schemas=frozenset(kept.driver.system_schemas),
            listed_at=datetime.now(UTC),
            known={}
            if before is None
            else {name: each for name, each in before.known.items() if name in schemas or not name},
        )


def _wanted(known: KnownCatalog, schemas: Sequence[str] | None) -> list[str]:
    if schemas is None:
        return [name for name in known.schemas if name not in known.system_schemas]
    return [name for name in schemas if name in known.schemas or not name]


def _is_in(outdated: set[str | None], schema: str, known: KnownCatalog) -> bool:
    return schema in outdated or (None in outdated and schema not in known.system_schemas)


def _acquire(lock: threading.Lock, stopped: threading.Event | None) -> None:
    """Wait for a lock, or until somebody does not want to wait any more."""
    while not lock.acquire(timeout=LOOK if stopped is not None else -1):
        if stopped is not None and stopped.is_set():
            raise QueryCancelledError("cancelled")


def key_of(target: Target, driver: DriverSpec, session: Session | None = None) -> str:
    """Return what is the same for whatever leads to the same database by the same way and user; it tells no secret."""
    place = msgspec.structs.replace(
        target,
        password=None,
        database=_database(target, driver),
        options=dict(sorted(target.options.items())),
        read_only=False,
        via=None,
        profile_id=None,
        name=None,
        connect_timeout=None,
        statement_timeout=None,
        environment=None,
        confirm=type(target.confirm)(),
    )
    own = session.id if session is not None and is_in_memory(target, driver) else ""
    return hashlib.sha256(msgspec.json.encode([driver.id, own, repr(msgspec.structs.astuple(place))])).hexdigest()[:24]


def _database(target: Target, driver: DriverSpec) -> str | None:
    return os.path.abspath(target.database) if driver.file_based and target.database else target.database


def _host(target: Target) -> str | None:
    return "localhost" if target.host in ("127.0.0.1", "::1") else target.host


def _same_place(kept: _Kept, session: Session) -> bool:
    """Return whether what a session changes may stand in a catalog: the database is the same, whoever looks at it."""
    target, driver = session.target, session.driver
    if kept.session is not None or is_in_memory(target, driver):
        return kept.session is session
    mine, its = kept.target, target
    if (driver.id, _host(its), its.port, its.tunnel) != (kept.driver.id, _host(mine), mine.port, mine.tunnel):
        return False
    # Where databases are schemas of one server, one connection, into one of them or none, changes what another lists.
    listed = kept.known is None or (its.database or mine.database) in kept.known.schemas
    return listed or _database(mine, kept.driver) == _database(its, driver)
