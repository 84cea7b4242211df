"""Where a worker lives: in a thread of this process or in a process of its own, behind one interface."""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import sys
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, BinaryIO, cast

from alveary.errors import InternalError, UnsupportedError, described
from alveary.events import SessionClosed, SessionOpenFailed, WorkerEvent
from alveary.results import Sink
from alveary.workers.channel import Channel
from alveary.workers.messages import AnyRequest
from alveary.workers.worker import Worker

if TYPE_CHECKING:
    from alveary.workers.forkserver import ForkServer

Emit = Callable[[WorkerEvent], None]


class WorkerHost(ABC):
    """Carries requests to one worker and its events back; the last event is always a ``SessionClosed`` or a
    ``SessionOpenFailed``. Nothing here blocks."""

    @abstractmethod
    def submit(self, request: AnyRequest, sink: Sink | None = None) -> None:
        """Hand a request to the worker."""

    @abstractmethod
    def kill(self) -> None:
        """Give the worker up at once, whatever it is doing."""


class ThreadHost(WorkerHost):
    """A worker in a thread: the cheapest, for the command line, scripts and tests. A thread can't be killed."""

    def __init__(self, session: str, emit: Emit) -> None:
        self._session = session
        self._emit: Emit | None = emit
        self._worker = Worker(session, self._forward)

    def submit(self, request: AnyRequest, sink: Sink | None = None) -> None:
        self._worker.submit(request, sink)

    def kill(self) -> None:
        # A thread can't be killed: it is told to end when its driver lets it go, and nobody hears it any more.
        emit, self._emit = self._emit, None
        self._worker.abandon()
        if emit is not None:
            emit(SessionClosed(session=self._session, lost="its thread was abandoned"))

    def _forward(self, event: WorkerEvent) -> None:
        if (emit := self._emit) is not None:
            emit(event)


class ProcessHost(WorkerHost):
    """A worker in a process: it can't slow this one down, take it along in a crash, or resist being killed.

    One thread starts the process and sends, one listens; so a process that is frozen, or slow to start, holds up
    neither the caller nor another session.
    """

    def __init__(self, session: str, emit: Emit, forkserver: ForkServer | None, modules: tuple[str, ...]) -> None:
        """Fork from ``forkserver``, with ``modules`` imported there first; without one, start a new interpreter."""
        self._session = session
        self._emit = emit
        self._forkserver = forkserver
        self._modules = modules
        self._requests: queue.SimpleQueue[AnyRequest | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._killed = self._told_end = False
        self._status: int | None = None
        self._exited = threading.Event()
        self.process: int | None = None
        """The process's id, once it is started."""
        threading.Thread(target=self._serve, name=f"alveary-host-{session}", daemon=True).start()

    def submit(self, request: AnyRequest, sink: Sink | None = None) -> None:
        if sink is not None:
            raise UnsupportedError("a session in a process of its own stores its rows; it can't use a sink of ours")
        self._requests.put(request)

    def kill(self) -> None:
        self._kill_process()
        self._end(SessionClosed(session=self._session, lost="it was given up"))

    def _kill_process(self) -> None:
        with self._lock:
            self._killed = True
            # Once it has ended its number may belong to a stranger.
            if self.process is not None and not self._exited.is_set():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(self.process, signal.SIGKILL if sys.platform != "win32" else signal.SIGTERM)

    def _serve(self) -> None:
        try:
            channel = self._start()
            ear = f"alveary-ear-{self._session}"
            threading.Thread(target=self._listen, args=(channel,), name=ear, daemon=True).start()
        except Exception as exc:  # noqa: BLE001  # whatever prevents a process, the session must hear of it
            reason = InternalError(f"no process for the session: {described(exc)}").record()
            self._kill_process()
            self._end(SessionOpenFailed(session=self._session, error=reason))
            return
        while (request := self._requests.get()) is not None:
            # When the process is gone, the listening thread tells the session; there is nothing to add here.
            with contextlib.suppress(OSError):
                channel.send(request)

    def _start(self) -> Channel:
        if self._forkserver is None:
            import subprocess  # 5 ms that a thread's host does not need

            spawned = subprocess.Popen(
                [sys.executable, "-P", "-m", "alveary.workers.child", self._session],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                start_new_session=True,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
            )
            process = spawned.pid
            threading.Thread(target=lambda: self._on_exit(spawned.wait()), daemon=True).start()
            reader, writer = cast(BinaryIO, spawned.stdout), cast(BinaryIO, spawned.stdin)
        else:
            process, stream = self._forkserver.fork(self._session, self._modules, self._on_exit)
            reader, writer = cast(BinaryIO, stream.makefile("rb")), cast(BinaryIO, stream.makefile("wb"))
            stream.close()  # the two files keep it open
        with self._lock:
            self.process = process
            killed = self._killed
        if killed:
            self._kill_process()
        return Channel(reader, writer, WorkerEvent)

    def _listen(self, channel: Channel) -> None:
        lost = None
        try:
            while (event := channel.receive()) is not None:
                if isinstance(event, SessionClosed | SessionOpenFailed):
                    self._end(event)
                    break
                self._emit(event)
        except Exception as exc:  # noqa: BLE001  # the session must hear of it, or its callers wait for ever
            lost = f"its process sent what can't be read: {described(exc)}"
            self._kill_process()
        # Both ends close: the process sees it and leaves, if it has not left.
        self._requests.put(None)
        channel.close()
        if not self._told_end:
            self._exited.wait(2)
            self._end(SessionClosed(session=self._session, lost=lost or _how_it_ended(self._status)))

    def _end(self, event: SessionClosed | SessionOpenFailed) -> None:
        with self._lock:
            if self._told_end:
                return
            self._told_end = True
        self._requests.put(None)
        self._emit(event)

    def _on_exit(self, status: int) -> None:
        with self._lock:
            self._status = status
            self._exited.set()


def _how_it_ended(status: int | None) -> str:
    if status is None:
        return "its process is gone"
    if status < 0:
        return f"its process was ended by {signal.Signals(-status).name}"
    return f"its process ended with status {status}"
