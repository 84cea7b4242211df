"""The metadata pool: a few connections per target that answer catalog questions and do nothing else."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from functools import cached_property
from typing import Any

import msgspec

from alveary.contracts.catalog import Catalog
from alveary.contracts.driver import Capability
from alveary.contracts.specs import DriverSpec
from alveary.contracts.target import Target
from alveary.errors import (
    BusyError,
    ConnectionFailedError,
    QueryCancelledError,
    QueryError,
    SessionClosedError,
    UnsupportedError,
)
from alveary.events import SessionState
from alveary.sessions import LOOK, Session
from alveary.wire import Small
from alveary.witnesses import CATALOG
from alveary.workers.questions import AskedCatalog

WAIT_SECONDS = 10.0
"""How long a question waits for a free connection."""
IDLE_SECONDS = 60.0
"""How long a connection nobody asks is kept."""
MOST_IDLE = 16
"""Connections that idle in all pools together; of one more the oldest is closed."""

_NAME = "application_name"


def is_in_memory(target: Target, driver: DriverSpec) -> bool:
    """Return whether the database is one in memory, which goes with its session."""
    in_memory = target.database in (None, "", ":memory:") or target.options.get("mode") == "memory"
    return driver.file_based and in_memory


def lives_in_its_session(target: Target, driver: DriverSpec) -> bool:
    """Return whether no second connection reaches the same database: it is in memory, or its file is locked."""
    return driver.exclusive or is_in_memory(target, driver)


class PoolState(msgspec.Struct, frozen=True, kw_only=True):
    """How the metadata connections of one target stand.

    ``size`` is how many there may be, ``open`` how many there are, ``available`` how many questions could be asked at
    once without waiting, ``waiting`` how many wait now.
    """

    target: str
    size: Small
    open: Small
    available: Small
    waiting: Small


class _Pool:
    def __init__(self, identity: object, target: Target, driver: DriverSpec) -> None:
        self.identity = identity
        self.target = target
        self.driver = driver
        self.open = self.waiting = 0
        """Connections there are, those included that are being opened or closed; questions that wait for one."""
        self.idle: list[tuple[float, Session]] = []
        """Since when, and what; the one used last stands last."""


class MetadataPools:
    """The pools of all targets. Every method may be called from any thread."""

    def __init__(self, connect: Callable[[Target, DriverSpec], Session], size: Callable[[], int]) -> None:
        """``connect`` begins to open a session; each target gets ``size()`` of them at most, which is asked once."""
        self._connect = connect
        self._size = size
        self._changed = threading.Condition()
        self._pools: dict[object, _Pool] = {}
        self._sessions: set[Session] = set()
        self._tidying = self._closed = False

    @cached_property
    def size(self) -> int:
        """Connections each target may have."""
        return max(1, self._size())

    def catalog(
        self, target: Target, driver: DriverSpec, stopped: threading.Event | None = None, origin: str = CATALOG
    ) -> Catalog:
        """Return a catalog whose every question borrows a connection."""
        if Capability.CATALOG not in driver.capabilities:
            raise UnsupportedError(f"the {driver.name} driver does not support {Capability.CATALOG.value}")
        if any(option.name == _NAME for option in driver.options):
            options = {**target.options, _NAME: f"{target.options.get(_NAME) or 'alveary'} metadata"}
            target = msgspec.structs.replace(target, options=options)

        def ask(question: str, *arguments: str | None) -> Any:
            return self._ask(target, driver, stopped, origin, question, arguments)

        return AskedCatalog(ask)

    def states(self) -> list[PoolState]:
        """Return how each pool stands that has a connection or somebody who waits for one."""
        with self._changed:
            return [
                PoolState(
                    target=pool.target.display(),
                    size=self.size,
                    open=pool.open,
                    available=self.size - pool.open + len(pool.idle),
                    waiting=pool.waiting,
                )
                for pool in self._pools.values()
            ]

    def close(self) -> list[Session]:
        """Lend no more and return the sessions that are open, for the caller to close; whoever waits is told."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
            return list(self._sessions)

    def _ask(
        self,
        target: Target,
        driver: DriverSpec,
        stopped: threading.Event | None,
        origin: str,
        question: str,
        arguments: tuple[str | None, ...],
    ) -> Any:
        while True:
            pool, session, is_new = self._borrow(target, driver, stopped)
            usable = False
            try:
                answer = session.ask(question, *arguments, stopped=stopped, origin=origin)
                usable = True
                return answer
            except ConnectionFailedError:
                if is_new:
                    raise
                # It died while nobody used it; the question, which changes nothing, goes to another one.
            except QueryError:
                usable = True  # the server said no, or was told to stop
                raise
            finally:
                self._give_back(pool, session, usable)

    def _borrow(
        self, target: Target, driver: DriverSpec, stopped: threading.Event | None
    ) -> tuple[_Pool, Session, bool]:
        """Return a session nobody else uses, and whether it is a new one."""
        deadline = time.monotonic() + WAIT_SECONDS
        fields = msgspec.structs.asdict(target)
        identity = tuple({**fields, "options": tuple(sorted(target.options.items()))}.items())
        with self._changed:
            while True:
                if self._closed:
                    raise SessionClosedError("the kernel is closed")
                if stopped is not None and stopped.is_set():
                    raise QueryCancelledError("cancelled")
                if (pool := self._pools.get(identity)) is None:
                    pool = self._pools[identity] = _Pool(identity, target, driver)
                if pool.idle:
                    return pool, pool.idle.pop()[1], False
                if pool.open < self.size:
                    pool.open += 1
                    break
                if (left := deadline - time.monotonic()) <= 0:
                    raise BusyError(
                        f"no metadata connection of {target.display()} was free within {WAIT_SECONDS:g} seconds",
                        hint=f"its {self.size} are all at work: wait, or cancel what they are asked",
                    )
                pool.waiting += 1
                try:
                    self._changed.wait(left if stopped is None else min(left, LOOK))
                finally:
                    pool.waiting -= 1
        return pool, self._new(pool, stopped), True

    def _new(self, pool: _Pool, stopped: threading.Event | None) -> Session:
        session = None
        try:
            session = self._connect(pool.target, pool.driver)
            with self._changed:
                self._sessions.add(session)
                closed = self._closed
            if closed:
                raise SessionClosedError("the kernel is closed")
            session.wait_connected(stopped)
            session.ask("schemas", stopped=stopped)  # a pooler may accept a connection that leads nowhere
            return session
        except BaseException:
            self._drop(pool, session)
            raise

    def _give_back(self, pool: _Pool, session: Session, usable: bool) -> None:
        oldest = None
        with self._changed:
            usable = usable and not self._closed and session.state is SessionState.IDLE
            if usable and not pool.driver.exclusive:  # which would keep every other process out
                pool.idle.append((time.monotonic(), session))
                self._changed.notify_all()
                idling = [other for other in self._pools.values() if other.idle]
                if sum(len(other.idle) for other in idling) > MOST_IDLE:
                    longest = min(idling, key=_idle_since)
                    oldest = longest, longest.idle.pop(0)[1]
                if not self._tidying:
                    with contextlib.suppress(
                        RuntimeError
                    ):  # no more threads: the next one that is given back tries again
                        threading.Thread(target=self._tidy, name="alveary-metadata", daemon=True).start()
                        self._tidying = True
        if oldest is not None:
            self._drop(*oldest)
        if not usable or pool.driver.exclusive:
            self._drop(pool, session)

    def _drop(self, pool: _Pool, session: Session | None) -> None:
        # Its place is free only when the server has one connection less.
        if session is not None:
            session.close()
        with self._changed:
            if session is not None:
                self._sessions.discard(session)
            pool.open -= 1
            if pool.open == pool.waiting == 0:
                self._pools.pop(pool.identity, None)
            self._changed.notify_all()

    def _tidy(self) -> None:
        """Close what has idled for long, until nothing idles any more."""
        while True:
            with self._changed:
                idling = [pool for pool in self._pools.values() if pool.idle]
                if not idling or self._closed:
                    self._tidying = False
                    return
                pool = min(idling, key=_idle_since)
                if (left := _idle_since(pool) + IDLE_SECONDS - time.monotonic()) > 0:
                    self._changed.wait(left)
                    continue
                _, session = pool.idle.pop(0)
            self._drop(pool, session)


def _idle_since(pool: _Pool) -> float:
    return pool.idle[0][0]
