"""Tunnels: opened when a session needs one, shared by all that go the same way, watched, closed with the last of them.

They live in the kernel's own process; a worker, in whatever process, is handed a port of this machine.
"""

from __future__ import annotations

import functools
import logging
import random
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from alveary.contracts.availability import installed
from alveary.contracts.factory import load_factory
from alveary.contracts.specs import TunnelSpec
from alveary.contracts.target import Target
from alveary.contracts.tunnel import HostKey, Tunnel, Tunneler, TunnelHelp, TunnelSecret, TunnelTarget
from alveary.contracts.vault import SecretKey
from alveary.credentials import Credentials
from alveary.errors import (
    AlvearyError,
    ConnectionFailedError,
    InvalidInputError,
    KeyringFailedError,
    MissingPackageError,
    QueryCancelledError,
    TunnelBusyError,
    TunnelFailedError,
    described,
)
from alveary.forwarding import Forward
from alveary.paths import make_private
from alveary.plugins import Registry

_log = logging.getLogger(__name__)

HEARTBEAT_SECONDS = 15.0
"""Between two heartbeats, and how long the answer may take: a dead peer is noticed within twice that."""
_BUSY_SECONDS = (0.5, 1.5)
"""How long to wait for a server that takes no more connections: more or less, as others wait for the same."""
_LATER = 0.5
"""Seconds that a tunnel gets beyond its time to say which server does not answer."""
_LOOK = 0.05
"""Seconds between two looks of a waiting thread whether it was told to stop."""


class Lease:
    """One session's use of a tunnel: where to connect to, and news of its end."""

    def __init__(self, shared: _Shared, forward: Forward) -> None:
        self._shared = shared
        self._forward = forward
        self._lost: Callable[[str], object] | None = None
        self._released = False

    @property
    def address(self) -> tuple[str, int]:
        """The near end."""
        return self._forward.address

    @property
    def route(self) -> str:
        """The way the tunnel takes, for a person."""
        return self._shared.route

    def trouble(self) -> AlvearyError | None:
        """Return why the far end could not connect to the database, if that is what went wrong."""
        return self._forward.trouble()

    def when_lost(self, callback: Callable[[str], object]) -> None:
        """Call ``callback``, which must not block, with the reason once the tunnel is lost; at once if it is."""
        self._lost = callback
        if self._shared.reason is not None:
            callback(self._shared.reason)

    def lose(self, reason: str) -> None:
        """Tell whoever holds the lease that the tunnel is lost."""
        if self._lost is not None and not self._released:
            self._lost(reason)

    def release(self) -> None:
        """Say that nobody needs it any more; the last one closes the tunnel, behind the caller's back."""
        if not self._released:
            self._released = True
            self._shared.release(self)


class _Shared:
    """One tunnel, those who use it, and the places it leads to."""

    def __init__(self, target: TunnelTarget, name: str, forget: Callable[[_Shared], None]) -> None:
        self.opening = threading.Lock()
        self.reason: str | None = None
        """Why it was lost."""
        self.closed = threading.Event()
        self.users = 0
        """Those who hold a lease or wait for one."""
        self.route = f"through {name} {target.display()}"
        self._name, self._target = name, target
        self._forget = forget
        self._tunnel: Tunnel | None = None
        self._lock = threading.Lock()
        self._leases: set[Lease] = set()
        self._forwards: dict[tuple[str, int], Forward] = {}
        self._lost = threading.Event()

    @property
    def is_open(self) -> bool:
        """Whether connections can be made through it."""
        return self._tunnel is not None and self.reason is None

    def open(self, tunneler: Tunneler, help: TunnelHelp, timeout: float, heartbeat: float) -> None:
        """Open it; raises what the tunneler raises."""
        tunnel = tunneler.open(self._target, help, self.lose, timeout=timeout)
        self._tunnel = tunnel
        self.route = f"through {self._name} {tunnel.route}"
        beat = functools.partial(self._beat, tunnel, heartbeat)
        threading.Thread(target=beat, name="alveary-heartbeat", daemon=True).start()

    def lease(self, host: str, port: int, timeout: float) -> Lease:
        """Return a lease of the way to a place, which can be reached; raises what prevents it."""
        assert self._tunnel is not None, "it was opened"
        dial = functools.partial(self._tunnel.connect, host, port, timeout=timeout)
        with self._lock:
            if (forward := self._forwards.get((host, port))) is None:
                forward = self._forwards[host, port] = Forward(dial, self._lost)
        forward.prepare()
        lease = Lease(self, forward)
        with self._lock:
            self._leases.add(lease)
        return lease

    def lose(self, reason: str) -> None:
        """The tunnel has ended by itself: tell everybody first, then wake who waits for a connection."""
        with self._lock:
            if self.closed.is_set() or self.reason is not None:
                return
            self.reason = f"the tunnel {self.route} was lost: {reason}"
            leases = list(self._leases)
        _log.info("%s", self.reason)
        self._forget(self)
        for lease in leases:
            lease.lose(self.reason)
        self._lost.set()
        self.close()

    def release(self, lease: Lease) -> None:
        with self._lock:
            self._leases.discard(lease)
        self._forget(self)

    def close(self) -> None:
        """Close it, and every connection through it."""
        with self._lock:
            self.closed.set()
            forwards = list(self._forwards.values())
        for forward in forwards:
            forward.close()
        if self._tunnel is not None:
            try:
                self._tunnel.close()
            except Exception as exc:  # noqa: BLE001  # a stranger's; there is nothing more to be done with it
                _log.info("closing the tunnel %s failed: %s", self.route, described(exc))

    def _beat(self, tunnel: Tunnel, seconds: float) -> None:
        while not self.closed.wait(seconds):
            answered = threading.Event()
            failures: list[str] = []

            def check(answered: threading.Event = answered, failures: list[str] = failures) -> None:
                try:
                    tunnel.check(seconds)
                except Exception as exc:  # noqa: BLE001  # whatever it is, the tunnel does not work
                    failures.append(exc.message if isinstance(exc, AlvearyError) else described(exc))
                answered.set()

            threading.Thread(target=check, name="alveary-heartbeat", daemon=True).start()
            if not answered.wait(seconds + _LATER) and not failures:
                failures.append(f"it has not answered for {seconds:g} seconds")
            if failures:
                self.lose(failures[0])
                return


class Help:
    """What a tunnel may ask while it is opened, answered from what is given, from a vault, or by a person."""

    def __init__(
        self,
        target: Target,
        stopped: threading.Event,
        credentials: Credentials,
        kept: Callable[[SecretKey], str | None],
        *,
        folder: Path,
        heartbeat: float,
    ) -> None:
        """``kept`` returns what a vault keeps for a saved connection; it may raise what a vault raises."""
        self._target = target
        self._credentials = credentials
        self._kept = kept
        self._folder = folder
        self.heartbeat = heartbeat
        self.stopped = stopped

    @property
    def folder(self) -> Path:
        return make_private(self._folder)

    def secret(self, kind: TunnelSecret, of: str) -> str | None:
        secret = self._found(kind, of)
        if secret is None and self._credentials.may_ask:
            secret = self._credentials.ask(_about(of), self.stopped)
            if kind == "answer":  # which is another one each time
                self._credentials.forget(_about(of), secret)
        if secret is not None:
            self._credentials.use(secret)
        return secret

    def refused(self, kind: TunnelSecret, of: str, secret: str) -> None:
        self._credentials.forget(_about(of), secret)

    def accepts(self, key: HostKey) -> bool:
        return self._credentials.accepts(key, self.stopped)

    def _found(self, kind: TunnelSecret, of: str) -> str | None:
        tunnel = self._target.tunnel
        if kind == "answer" or (kind == "passphrase" and tunnel and tunnel.key and not of.endswith(tunnel.key)):
            return None
        if (given := self._credentials.tunnel_secrets.get(kind)) is not None:
            return given
        if self._target.profile_id is None:
            return None
        try:
            return self._kept(SecretKey(self._target.profile_id, kind))
        except KeyringFailedError as exc:  # a person may know it
            _log.info("no %s from the vault: %s", kind, exc.message)
            return None


def _about(of: str) -> Target:
    """Return what a person is asked about as the question knows it."""
    return Target(scheme="ssh", host=of, name=of)


class Tunnels:
    """The tunnels of a kernel. Every method may be called from any thread."""

    def __init__(
        self,
        specs: Registry[TunnelSpec],
        help: Callable[[Target, threading.Event], TunnelHelp],
        *,
        heartbeat: float = HEARTBEAT_SECONDS,
    ) -> None:
        """``help`` returns whom a tunnel asks that is opened for a target, until the event is set."""
        self.heartbeat = heartbeat
        self._specs = specs
        self._help = help
        self._lock = threading.Lock()
        self._shared: dict[TunnelTarget, _Shared] = {}
        self._tunnelers: dict[str, Tunneler] = {}
        self._closed = False

    def lease(self, target: Target, port: int, stopped: threading.Event, timeout: float) -> Lease:
        """Return a lease of the tunnel of a target to its host; ``port`` is where its engine listens by default.

        Raises a ConnectionFailedError that names the server in between that it failed at, InvalidInputError for what
        the kind of tunnel can't do, and QueryCancelledError once ``stopped`` is set.
        """
        assert target.tunnel is not None, "only where there is one"
        spec = self._spec(target.tunnel)
        while True:
            with self._lock:
                if self._closed:
                    raise ConnectionFailedError("the kernel is closed")
                if (shared := self._shared.get(target.tunnel)) is None:
                    shared = self._shared[target.tunnel] = _Shared(target.tunnel, spec.name, self._forget)
                shared.users += 1
            try:
                while not shared.opening.acquire(timeout=_LOOK):
                    if stopped.is_set():
                        raise QueryCancelledError("connecting was cancelled")
                try:
                    if shared.closed.is_set() or shared.reason is not None:
                        continue  # it ended while we waited
                    if not shared.is_open:
                        self._open(shared, self._tunneler(spec), self._help(target, stopped), timeout)
                finally:
                    shared.opening.release()
                lease = shared.lease(target.host or "localhost", target.port or port, timeout)
            except BaseException as exc:
                self._forget(shared)
                if isinstance(exc, AlvearyError) or not isinstance(exc, Exception):
                    raise
                raise TunnelFailedError(f"the tunnel {shared.route} can't be opened: {described(exc)}") from exc
            return lease

    def _open(self, shared: _Shared, tunneler: Tunneler, help: TunnelHelp, timeout: float) -> None:
        """Open a tunnel; where a server has too many who are not let in yet, a second time a moment later.

        Nothing was said to it by then, so nothing can happen twice.
        """
        ends = time.monotonic() + timeout
        try:
            shared.open(tunneler, help, timeout, self.heartbeat)
        except TunnelBusyError:
            if help.stopped.wait(random.uniform(*_BUSY_SECONDS)):
                raise QueryCancelledError("connecting was cancelled") from None
            if (left := ends - time.monotonic()) < 1:
                raise
            shared.open(tunneler, help, left, self.heartbeat)

    def check(self, target: TunnelTarget) -> None:
        """Raise InvalidInputError for what no installed kind of tunnel can do, MissingPackageError with what to do."""
        spec = self._spec(target)
        known = {option.name: option for option in spec.options}
        for name, value in target.options:
            if name not in known:
                raise InvalidInputError(
                    f"tunnel.options.{name}: the tunnel {spec.name} has no such option",
                    hint=f"known options: {', '.join(known) or 'none'}",
                )
            try:
                known[name].accept(value)
            except ValueError as exc:
                raise InvalidInputError(f"tunnel.options.{name}: {exc}") from exc

    def close(self) -> None:
        """Close all of them."""
        with self._lock:
            self._closed = True
            tunnels = list(self._shared.values())
            self._shared.clear()
        for tunnel in tunnels:
            tunnel.close()

    def _forget(self, shared: _Shared) -> None:
        """One who used it does no more; or all of them, because it is lost."""
        with self._lock:
            shared.users -= 1
            if shared.users > 0 and shared.reason is None:
                return
            for target, other in list(self._shared.items()):
                if other is shared:
                    del self._shared[target]
        if shared.reason is None:
            threading.Thread(target=shared.close, name="alveary-tunnel", daemon=True).start()

    def _spec(self, target: TunnelTarget) -> TunnelSpec:
        spec = self._specs.find(target.kind)
        if spec is None:
            raise InvalidInputError(
                f"tunnel: no installed plugin opens a tunnel of the kind {target.kind!r}",
                hint=f"there are {', '.join(self._specs.ids()) or 'none'}",
            )
        if not installed(spec.package):
            extra = f"alveary[{spec.extra}]" if spec.extra else spec.package
            raise MissingPackageError(
                f"the tunnel {spec.name} needs the Python package {spec.package}, which is not installed",
                hint=f"pip install '{extra}'",
            )
        return spec

    def _tunneler(self, spec: TunnelSpec) -> Tunneler:
        with self._lock:
            if (tunneler := self._tunnelers.get(spec.id)) is None:
                made: Any = load_factory(spec.factory)()
                tunneler = self._tunnelers[spec.id] = made
        return tunneler
