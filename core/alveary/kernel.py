"""The kernel: builds the rooms in order, hands each what it needs, and closes them in reverse."""

from __future__ import annotations

import functools
import logging
import os
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import msgspec

from alveary.bus import Bus
from alveary.changes import ChangeWatch
from alveary.commands import KERNEL_COMMANDS, Commands
from alveary.contracts.availability import installed
from alveary.contracts.catalog import Catalog
from alveary.contracts.driver import Capability
from alveary.contracts.specs import DriverSpec
from alveary.contracts.target import Confirm, Target
from alveary.contracts.tunnel import TunnelHelp
from alveary.contracts.vault import SecretKey
from alveary.credentials import Credentials
from alveary.errors import (
    BusyError,
    InternalError,
    InvalidInputError,
    KeyringFailedError,
    MissingPackageError,
    SessionClosedError,
    StorageError,
    UnsupportedError,
    described,
)
from alveary.events import SecretUnavailable
from alveary.jobs import Jobs
from alveary.paths import Paths, remove_tree
from alveary.plugins import Plugins
from alveary.policy import Policy, effective, tightened
from alveary.pool import MetadataPools, lives_in_its_session
from alveary.results import ResultStore
from alveary.sent import Sent
from alveary.sessions import Session
from alveary.settings import KERNEL_SETTINGS, Settings
from alveary.sqltext import Change, only_reads, schema_of
from alveary.urls import parse_target
from alveary.witnesses import CATALOG
from alveary.workers.hosts import ProcessHost, ThreadHost, WorkerHost

if TYPE_CHECKING:
    from alveary.catalogs import Catalogs
    from alveary.completion import Completion
    from alveary.finding import Finding
    from alveary.history import History
    from alveary.profile_store import ProfileStore
    from alveary.profiles import Profile
    from alveary.project import Project
    from alveary.recorder import Recorder
    from alveary.saved import SavedQueries
    from alveary.secrets import Secrets
    from alveary.store.database import Store
    from alveary.tunnels import Lease, Tunnels
    from alveary.workers.forkserver import ForkServer

# A library is silent unless its user configures logging.
logging.getLogger("alveary").addHandler(logging.NullHandler())

CLOSE_SECONDS = 3.0
"""How long closing the kernel waits for its sessions."""
MOST_SESSIONS = 64
"""Sessions open at once in one kernel."""

HostKind: TypeAlias = Literal["thread", "process"]


class Kernel:
    """Everything Alveary can do, without a window; the only composition root. Use it in a ``with`` statement."""

    def __init__(
        self,
        *,
        paths: Paths | None = None,
        safe_mode: bool = False,
        credentials: Credentials | None = None,
        pool_size: int | None = None,
    ) -> None:
        """Load the plugins and build the rooms; nothing is written and nothing connected yet.

        ``credentials`` say where passwords come from that no URL holds; ``pool_size`` is the number of metadata
        connections each target may have, None what is set.
        """
        self.paths = paths or Paths.from_environment()
        self.safe_mode = safe_mode
        self.bus = Bus()
        self.plugins = Plugins(self.paths.data, safe_mode=safe_mode, settings=KERNEL_SETTINGS, commands=KERNEL_COMMANDS)
        is_stored = os.path.exists(self.paths.store)
        self.settings = Settings(self.plugins.settings, lambda: self.store, self.bus, stored=is_stored)
        self.policy = Policy(self.plugins.guards)
        self.sent = Sent(self.bus)
        """Every statement that was sent to a database, of those the newest."""
        self.jobs = Jobs(self.bus)
        self.results = ResultStore(self.paths.cache)
        self.credentials = credentials or Credentials()
        self.credentials.sources.append(self._password_kept)
        self.credentials.refusals.append(self._password_refused)
        self.pools = MetadataPools(
            self._open_for_metadata,
            lambda: self.settings.get("catalog.pool_size") if pool_size is None else pool_size,
        )
        self.host: HostKind = "thread"
        """Where a session's worker lives if nothing else is said; a window wants none in its own process."""
        self.commands = Commands(self)
        self.gauges: dict[str, Callable[[], float]] = {}
        """What is measured while Alveary runs, in seconds, by name; ``doctor`` shows it."""
        self._sessions: dict[str, Session] = {}
        self._forkserver: ForkServer | None = None
        self._lock = threading.Lock()
        self._proven: set[str] = set()
        self._tunnels: Tunnels | None = None
        self._catalogs: Catalogs | None = None
        self._closed = self._temporary = False

    @classmethod
    def in_memory(cls, *, safe_mode: bool = False, credentials: Credentials | None = None) -> Kernel:
        """Return a kernel that leaves nothing behind: its files live in a new directory that goes with it."""
        kernel = cls(paths=Paths.temporary(), safe_mode=safe_mode, credentials=credentials)
        kernel._temporary = True
        return kernel

    @property
    def tunnels(self) -> Tunnels:
        """The tunnels that sessions go through; made, and imported, when the first one is wanted."""
        with self._lock:
            if self._tunnels is None:
                from alveary.tunnels import Tunnels

                self._tunnels = Tunnels(self.plugins.tunnels, self._tunnel_help)
            return self._tunnels

    @functools.cached_property
    def store(self) -> Store:
        """Alveary's own database; its file is made when it is first needed."""
        from alveary.store.database import Store

        return Store(None if self._temporary else self.paths.data)

    @functools.cached_property
    def history(self) -> History:
        """What was run, as the store knows it; :attr:`recorder` writes it."""
        from alveary.history import History

        return History(self.store)

    @functools.cached_property
    def recorder(self) -> Recorder:
        """Who writes down what the sessions run."""
        from alveary.recorder import Recorder

        keep_days, keep_entries = (self.settings.get(f"history.keep_{what}") for what in ("days", "entries"))
        return Recorder(self.history, self.bus, keep_days=keep_days, keep_entries=keep_entries)

    @functools.cached_property
    def profiles(self) -> ProfileStore:
        """The saved connections."""
        from alveary.profile_store import ProfileStore

        return ProfileStore(self.store, lambda: self.project)

    @functools.cached_property
    def project(self) -> Project | None:
        """What the file of the project holds in which the working directory stands; None where there is none."""
        from alveary.project import find_file, read

        file = find_file()
        return None if file is None else read(file, self.plugins.drivers)

    @functools.cached_property
    def saved(self) -> SavedQueries:
        """The saved queries."""
        from alveary.saved import SavedQueries

        return SavedQueries(self.store, lambda: self.project.queries if self.project is not None else ())

    @functools.cached_property
    def completion(self) -> Completion:
        """Who knows what could stand at a caret."""
        from alveary.completion import Completion

        return Completion(self.plugins)

    @functools.cached_property
    def finding(self) -> Finding:
        """What can be found by a few letters, as the plugins' finders know it."""
        from alveary.finding import Finding

        return Finding(self)

    @functools.cached_property
    def secrets(self) -> Secrets:
        """The passwords that are kept for saved connections."""
        from alveary.secrets import Secrets

        return Secrets(self.plugins.vaults, self.profiles)

    def run(self, command: str, parameters: Mapping[str, Any] | None = None) -> Any:
        """Run a command of the table on this thread and return its typed result."""
        return self.commands.run(command, parameters)

    def target(self, text: str, *, read_only: bool = False) -> tuple[Target, DriverSpec]:
        """Return what a URL or saved name stands for and the driver that goes there; a URL opens no store.

        Raises UnknownTargetError, MalformedUrlError, UnsupportedError, or MissingPackageError with what to install, and
        StorageError where a name can't be looked up.
        """
        profile = None if "://" in text else self.profiles.find(text)
        if profile is None:
            target, driver = parse_target(text, self.plugins.drivers, read_only=read_only)
        else:
            from alveary.profiles import driver_of, target_of

            driver = driver_of(profile, self.plugins.drivers)
            target = target_of(profile, driver, read_only=read_only)
            target = msgspec.structs.replace(target, confirm=self.confirmed_in(profile))
        if target.tunnel is not None:
            self.tunnels.check(target.tunnel)
        if target.read_only and Capability.READ_ONLY not in driver.capabilities:
            raise UnsupportedError(f"the {driver.name} driver can't open a database read-only")
        if not installed(driver.package):
            extra = f"alveary[{driver.extra}]" if driver.extra else driver.package
            raise MissingPackageError(
                f"{driver.name} needs the Python package {driver.package}, which is not installed",
                hint=f"pip install '{extra}'",
            )
        return target, driver

    def confirmed_in(self, profile: Profile) -> Confirm:
        """Return what must be confirmed on a saved connection: what it says itself, else what its environment says."""
        own = profile.confirm
        project = vars(self).get("project")  # read by now, if the connection stands there
        if project is not None and project.holds(profile.id):
            own = tightened(own, effective(Confirm(), profile.environment, self.settings.get))
        return effective(own, profile.environment, self.settings.get)

    def connect(
        self,
        target: str,
        *,
        read_only: bool = False,
        timeout: float | None = None,
        host: HostKind | None = None,
        record: bool = True,
    ) -> Session:
        """Open a session and wait until it is connected, ``timeout`` seconds at most (None: as the target says).

        The worker lives in a thread, or in a ``process`` of its own, which can't slow or crash this one; without
        ``host`` where :attr:`host` says. What the session runs goes to the history, unless ``record`` is false.
        """
        session = self.open(*self.target(target, read_only=read_only), timeout=timeout, host=host, record=record)
        session.wait_connected()
        return session

    def open(
        self,
        target: Target,
        driver: DriverSpec,
        *,
        timeout: float | None = None,
        host: HostKind | None = None,
        record: bool = True,
    ) -> Session:
        """Begin to open a session and return it at once, while it is still connecting."""
        if target.statement_timeout is None and (seconds := self.settings.get("query.timeout")) is not None:
            target = msgspec.structs.replace(target, statement_timeout=seconds)
        with self._lock:
            recording = self.recorder.recording(target, driver) if record else None
        session = Session(target, driver, self.bus, self.results, self.policy, recording, self.sent)
        session.hold_seconds = self.settings.get("query.hold")
        with self._lock:
            if self._closed:
                raise SessionClosedError("the kernel is closed")
            if len(self._sessions) >= MOST_SESSIONS:
                raise BusyError(f"{MOST_SESSIONS} sessions are open already", hint="close one first")
            self._sessions[session.id] = session
        witnesses = session.witnesses
        witnesses.when_over(lambda: self._over(session))
        if driver.file_based:
            witnesses.before_running(lambda sql: self._make_way(session, sql))
        witnesses.after_running(ChangeWatch(driver.dialect, lambda changes: self._defined(session, changes)).ended)
        try:
            self._start(session, timeout, host or self.host)
        except BaseException:
            self._sessions.pop(session.id, None)
            raise
        return session

    def catalog(self, of: str | Session, *, stopped: threading.Event | None = None, origin: str = CATALOG) -> Catalog:
        """Return the catalog of a target, or of the database a session is connected to; safe to use from many threads.

        Each question goes over a metadata connection of its own, borrowed from a small pool: it waits for no statement
        and sits in nobody's transaction. Where all are busy for too long it raises BusyError, and QueryCancelledError
        once ``stopped`` is set. A database in memory exists in its session alone, and a file of an exclusive engine is
        its session's, so that session is asked. ``origin`` says for what, to whoever looks at what was sent.
        """
        if isinstance(of, Session):
            return self._catalog(of.target, of.driver, of, stopped, origin)
        return self._catalog(*self.target(of), None, stopped, origin)

    @property
    def catalogs(self) -> Catalogs:
        """What databases hold, as far as it was asked for and is kept; made, and imported, when it is first wanted."""
        with self._lock:
            if self._catalogs is None:
                from alveary.catalogs import Catalogs

                self._catalogs = Catalogs(self.target, self._catalog, self.sessions, self.bus)
            return self._catalogs

    def _catalog(
        self,
        target: Target,
        driver: DriverSpec,
        session: Session | None,
        stopped: threading.Event | None,
        origin: str,
    ) -> Catalog:
        if session is not None and lives_in_its_session(target, driver):
            return session.catalog(stopped, origin=origin)
        if driver.exclusive:
            for other in self.sessions():
                if other.target.database == target.database and other.driver.id == driver.id:
                    return other.catalog(stopped, origin=origin)
        return self.pools.catalog(target, driver, stopped, origin)

    def sessions(self) -> list[Session]:
        """Return the sessions that are not closed, in the order they were opened."""
        with self._lock:
            return list(self._sessions.values())

    def refuse_replacing(self, path: str) -> None:
        """Raise InvalidInputError where a file to be written would take the place of a database that is open here."""
        from alveary.output import files_of, refuse_replacing

        read = [file for session in self.sessions() for file in files_of(session.target, session.driver)]
        refuse_replacing(path, *read, why="belongs to a database that is open")

    def close(self) -> None:
        """Close everything, within a few seconds whatever hangs; stored results are deleted."""
        with self._lock:
            self._closed = True
        if self._catalogs is not None:
            self._catalogs.close()
        self.jobs.close()
        sessions = [*self.sessions(), *self.pools.close()]
        closers = []
        for session in sessions:
            closer = threading.Thread(target=session.close, daemon=True)
            try:
                closer.start()
            except RuntimeError:  # no more threads: one after the other
                session.close()
            else:
                closers.append(closer)
        for closer in closers:
            closer.join(CLOSE_SECONDS)
        if self._tunnels is not None:
            self._tunnels.close()
        if self._forkserver is not None:
            self._forkserver.close()
        self.results.close()
        if "recorder" in vars(self):
            self.recorder.close()
        if "store" in vars(self):
            self.store.close()
        self.bus.close()
        if self._temporary:
            remove_tree(self.paths.data)

    def __enter__(self) -> Kernel:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def _make_way(self, session: Session, sql: str) -> None:
        """Close cursors that other sessions left open in the same file, where they would keep it from being written."""
        for other in self.sessions():
            shares = other.has_open_cursor and other is not session and other.target.database == session.target.database
            if shares and not only_reads(sql, session.driver.dialect):
                other.close_cursor()

    def _defined(self, session: Session, changes: Sequence[Change]) -> None:
        """A session changed what its database holds: say so, and see to it that what is kept of it is read anew."""
        if self._catalogs is not None:
            self._catalogs.changed(session, [schema_of(change) for change in changes])
        if not self.bus.heard:
            return
        from alveary.catalogs import CHANGES, key_of

        key = key_of(session.target, session.driver, session)
        for change in changes:
            if change.verb == "unseen":
                continue
            self.bus.publish(
                CHANGES[change.verb](
                    catalog=key,
                    target=session.target.display(),
                    session=session.id,
                    kind=change.kind,
                    path=change.path,
                )
            )

    def _over(self, session: Session) -> None:
        self._sessions.pop(session.id, None)
        if self._catalogs is not None:
            self._catalogs.session_over(session)

    def _password_kept(self, target: Target) -> str | None:
        if target.profile_id is None:
            return None
        try:
            return self.secrets.password(target)
        except KeyringFailedError as exc:
            self.bus.publish(SecretUnavailable(target=target.display(), error=exc.record()))
            raise

    def _password_refused(self, target: Target, password: str) -> str | None:
        return None if target.profile_id is None else self.secrets.refused(target, password)

    def _tunnel_help(self, target: Target, stopped: threading.Event) -> TunnelHelp:
        from alveary.tunnels import Help

        def kept(key: SecretKey) -> str | None:
            return self.secrets.find(key, stopped=stopped)

        return Help(target, stopped, self.credentials, kept, folder=self.paths.data, heartbeat=self.tunnels.heartbeat)

    def _open_for_metadata(self, target: Target, driver: DriverSpec) -> Session:
        session = Session(target, driver, self.bus, self.results, self.policy, sent=self.sent)
        self._start(session, None, self.host)
        return session

    def _start(self, session: Session, timeout: float | None, kind: HostKind) -> None:
        if timeout is None:
            timeout = session.target.connect_timeout or self.settings.get("connect.timeout")
        # What opens a file takes no password, so nobody is asked for one.
        credentials = Credentials() if session.driver.file_based else self.credentials
        try:
            session.start(lambda name: self._host(name, session, kind), timeout, credentials, self._tunnel_of(session))
        except (OSError, RuntimeError) as exc:  # no thread, no descriptor
            raise InternalError(f"no session can be started: {described(exc)}") from exc

    def _tunnel_of(self, session: Session) -> Callable[[threading.Event, float], Lease] | None:
        target = session.target
        if target.tunnel is None:
            return None
        if (port := target.port or session.driver.port) is None:
            raise InvalidInputError("port: to go through a tunnel the database's port must be said")

        def lease(stopped: threading.Event, timeout: float) -> Lease:
            self._prepare_children()  # a program may open the tunnel
            return self.tunnels.lease(target, port, stopped, timeout)

        return lease

    def _prepare_children(self) -> None:
        """Take secrets out of what a child process inherits; without a store there is no connection that names one."""
        if self.paths.store.exists():
            try:
                self.secrets.prepare()
            except StorageError as exc:  # which is told to whoever needs it
                logging.getLogger(__name__).info("saved connections can't be read: %s", exc.message)

    def _host(self, name: str, session: Session, kind: HostKind) -> WorkerHost:
        if kind == "thread":
            return ThreadHost(name, session.hear)
        forkserver = None
        if sys.platform != "win32":
            with self._lock:
                if self._forkserver is None:
                    from alveary.workers.forkserver import ForkServer

                    self._prepare_children()
                    self._forkserver = ForkServer()
                forkserver = self._forkserver
        # What a first session has shown to be harmless is imported before the fork from then on, so that a further
        # session does not wait for it; a module that hangs or crashes at import takes only its own process along.
        module = session.driver.factory.partition(":")[0]
        session.witnesses.when_open(lambda: self._proven.add(module))
        return ProcessHost(name, session.hear, forkserver, (module,) if module in self._proven else ())
