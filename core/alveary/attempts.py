"""A session's way to its connection: through its tunnel, with a password, in one attempt or two."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from alveary.contracts.target import Target
from alveary.credentials import Credentials, Opening
from alveary.errors import AlvearyError, AuthenticationFailedError, ErrorRecord, InternalError, described
from alveary.workers.hosts import WorkerHost
from alveary.workers.messages import Open

if TYPE_CHECKING:
    from alveary.tunnels import Lease


class Attempts:
    """Belongs to one session. Each attempt has a worker of its own, which outlives it only if it was the last one.

    ``lock`` is the session's, and ``over`` is set, under it, once the session is. ``failed`` is told what ended the
    way, ``lost`` that the tunnel broke, whether the connection stood or not; on whatever thread that is noticed.
    """

    def __init__(
        self,
        session: str,
        target: Target,
        factory: str,
        *,
        lock: threading.RLock,
        over: threading.Event,
        failed: Callable[[ErrorRecord], None],
        lost: Callable[[str], None],
    ) -> None:
        self.reached = target
        """What the driver was told to connect to."""
        self.host: WorkerHost | None = None
        """The worker of the current attempt; None while there is none, because a password is awaited."""
        self.timeout, self.deadline = 0.0, math.inf
        self._session, self._target, self._factory = session, target, factory
        self._lock, self._over, self._failed, self._lost = lock, over, failed, lost
        self._make_host: Callable[[str], WorkerHost] | None = None
        self._opening: Opening | None = None
        self._tunnel: Callable[[threading.Event, float], Lease] | None = None
        self._lease: Lease | None = None
        self._made = 0

    def begin(
        self,
        make_host: Callable[[str], WorkerHost],
        timeout: float,
        credentials: Credentials,
        tunnel: Callable[[threading.Event, float], Lease] | None,
    ) -> None:
        """Set out; see :meth:`~alveary.sessions.Session.start`."""
        self._make_host, self.timeout, self._tunnel = make_host, timeout, tunnel
        self._opening = Opening(self._target, credentials, attempt=self._attempt, failed=self._failed, over=self._over)
        self._opening.begin()

    @property
    def route(self) -> str | None:
        """Through which tunnel the server is reached; None without one."""
        return self._lease.route if self._lease is not None else None

    def refused(self, error: ErrorRecord) -> ErrorRecord | None:
        """Return what to say of an attempt that failed; None if a person is being asked and another may follow."""
        assert self._opening is not None, "an attempt was made"
        told = self._opening.refused(error)
        if told is None:
            self.host, self.deadline = None, math.inf
            return None
        # Where the far end of a tunnel did not get further, that is why.
        trouble = self._lease.trouble() if self._lease is not None else None
        if trouble is None or told.code == AuthenticationFailedError.code:
            return told
        return msgspec.structs.replace(trouble.record(), detail=trouble.detail or told.message)

    def release(self) -> None:
        """Let the tunnel go, which is no longer needed."""
        if self._lease is not None:
            self._lease.release()

    def _attempt(self, target: Target) -> None:
        if self._tunnel is None or self._lease is not None:
            self._connect(target)
        else:
            threading.Thread(target=self._go_through, args=(target,), name="alveary-tunnel", daemon=True).start()

    def _go_through(self, target: Target) -> None:
        """Open the tunnel, which may take a person's time, then connect through it."""
        assert self._tunnel is not None, "only where there is one"
        try:
            lease = self._tunnel(self._over, self.timeout)
        except AlvearyError as exc:
            self._failed(exc.record())
            return
        except Exception as exc:  # noqa: BLE001  # whoever waits for the session must hear of it
            self._failed(InternalError(f"the tunnel can't be opened: {described(exc)}").record())
            return
        with self._lock:
            if not self._over.is_set():
                self._lease = lease
        if self._lease is None:
            lease.release()
            return
        lease.when_lost(self._lost)
        self._connect(target)

    def _connect(self, target: Target) -> None:
        assert self._make_host is not None, "it has begun"
        self.reached = target
        with self._lock:
            if self._over.is_set():
                return
            self._made += 1
            name = self._session if self._made == 1 else f"{self._session}-{self._made}"
            host = self.host = self._make_host(name)
            # The driver keeps the timeout itself; the second on top is for one that does not.
            self.deadline = time.monotonic() + self.timeout + 1
        if self._lease is not None:
            target = self.reached = msgspec.structs.replace(target, tunnel=None, via=self._lease.address)
        host.submit(Open(factory=self._factory, target=target, timeout=self.timeout))
