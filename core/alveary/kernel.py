"""The kernel: builds the rooms in order, hands each what it needs, and closes them in reverse."""

from __future__ import annotations

import logging
import shutil
import sys
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from alveary.bus import Bus
from alveary.commands import KERNEL_COMMANDS, Commands
from alveary.contracts.availability import installed
from alveary.contracts.driver import Capability
from alveary.contracts.specs import DriverSpec
from alveary.contracts.target import Target
from alveary.errors import (
    BusyError,
    InternalError,
    MissingPackageError,
    SessionClosedError,
    UnsupportedError,
    described,
)
from alveary.jobs import Jobs
from alveary.paths import Paths
from alveary.plugins import Plugins
from alveary.results import ResultStore
from alveary.sessions import Session
from alveary.urls import parse_target
from alveary.workers.hosts import ProcessHost, ThreadHost, WorkerHost

if TYPE_CHECKING:
    from alveary.workers.forkserver import ForkServer

# A library is silent unless its user configures logging.
logging.getLogger("alveary").addHandler(logging.NullHandler())

CONNECT_TIMEOUT = 10.0
"""Seconds a connection may take to be made, unless the caller says otherwise."""
CLOSE_SECONDS = 3.0
"""How long closing the kernel waits for its sessions."""
MOST_SESSIONS = 64
"""Sessions open at once in one kernel."""

HostKind: TypeAlias = Literal["thread", "process"]


class Kernel:
    """Everything Alveary can do, without a window; the only composition root. Use it in a ``with`` statement."""

    def __init__(self, *, paths: Paths | None = None, safe_mode: bool = False) -> None:
        """Load the plugins and build the rooms; nothing is written and nothing connected yet."""
        self.paths = paths or Paths.from_environment()
        self.safe_mode = safe_mode
        self.bus = Bus()
        self.plugins = Plugins(self.paths.data, safe_mode=safe_mode, commands=KERNEL_COMMANDS)
        self.jobs = Jobs(self.bus)
        self.results = ResultStore(self.paths.cache)
        self.commands = Commands(self)
        self._sessions: dict[str, Session] = {}
        self._forkserver: ForkServer | None = None
        self._lock = threading.Lock()
        self._proven: set[str] = set()
        self._closed = self._temporary = False

    @classmethod
    def in_memory(cls, *, safe_mode: bool = False) -> Kernel:
        """Return a kernel that leaves nothing behind: its files live in a new directory that goes with it."""
        kernel = cls(paths=Paths.temporary(), safe_mode=safe_mode)
        kernel._temporary = True
        return kernel

    def run(self, command: str, parameters: Mapping[str, Any] | None = None) -> Any:
        """Run a command of the table on this thread and return its typed result."""
        return self.commands.run(command, parameters)

    def target(self, text: str, *, read_only: bool = False) -> tuple[Target, DriverSpec]:
        """Return what a URL or saved name stands for and the driver that goes there.

        Raises UnknownTargetError, MalformedUrlError, UnsupportedError, or MissingPackageError with what to install.
        """
        target, driver = parse_target(text, self.plugins.drivers, read_only=read_only)
        if read_only and Capability.READ_ONLY not in driver.capabilities:
            raise UnsupportedError(f"the {driver.name} driver can't open a database read-only")
        if not installed(driver.package):
            extra = f"alveary[{driver.extra}]" if driver.extra else driver.package
            raise MissingPackageError(
                f"{driver.name} needs the Python package {driver.package}, which is not installed",
                hint=f"pip install '{extra}'",
            )
        return target, driver

    def connect(
        self,
        target: str,
        *,
        read_only: bool = False,
        timeout: float = CONNECT_TIMEOUT,
        host: HostKind = "thread",
    ) -> Session:
        """Open a session and wait until it is connected, ``timeout`` seconds at most.

        The worker lives in a thread, or in a ``process`` of its own, which can't slow or crash this one.
        """
        session = self.open(*self.target(target, read_only=read_only), timeout=timeout, host=host)
        session.wait_connected()
        return session

    def open(
        self, target: Target, driver: DriverSpec, *, timeout: float = CONNECT_TIMEOUT, host: HostKind = "thread"
    ) -> Session:
        """Begin to open a session and return it at once, while it is still connecting."""
        session = Session(target, driver, self.bus, self.results)
        with self._lock:
            if self._closed:
                raise SessionClosedError("the kernel is closed")
            if len(self._sessions) >= MOST_SESSIONS:
                raise BusyError(f"{MOST_SESSIONS} sessions are open already", hint="close one first")
            self._sessions[session.id] = session
        session.when_over(lambda: self._sessions.pop(session.id, None))
        try:
            session.start(self._host(session, driver, host), timeout)
        except BaseException as exc:
            self._sessions.pop(session.id, None)
            if isinstance(exc, OSError | RuntimeError):  # no thread, no descriptor
                raise InternalError(f"no session can be started: {described(exc)}") from exc
            raise
        return session

    def sessions(self) -> list[Session]:
        """Return the sessions that are not closed, in the order they were opened."""
        with self._lock:
            return list(self._sessions.values())

    def close(self) -> None:
        """Close everything, within a few seconds whatever hangs; stored results are deleted."""
        with self._lock:
            self._closed = True
        self.jobs.close()
        sessions = self.sessions()
        closers = [threading.Thread(target=session.close, daemon=True) for session in sessions]
        for closer in closers:
            closer.start()
        for closer in closers:
            closer.join(CLOSE_SECONDS)
        if self._forkserver is not None:
            self._forkserver.close()
        self.results.close()
        self.bus.close()
        if self._temporary:
            shutil.rmtree(self.paths.data, ignore_errors=True)

    def __enter__(self) -> Kernel:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def _host(self, session: Session, driver: DriverSpec, kind: HostKind) -> WorkerHost:
        if kind == "thread":
            return ThreadHost(session.id, session.hear)
        forkserver = None
        if sys.platform != "win32":
            with self._lock:
                if self._forkserver is None:
                    from alveary.workers.forkserver import ForkServer

                    self._forkserver = ForkServer()
                forkserver = self._forkserver
        # What a first session has shown to be harmless is imported before the fork from then on, so that a further
        # session does not wait for it; a module that hangs or crashes at import takes only its own process along.
        module = driver.factory.partition(":")[0]
        session.when_open(lambda: self._proven.add(module))
        return ProcessHost(session.id, session.hear, forkserver, (module,) if module in self._proven else ())
