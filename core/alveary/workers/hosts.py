"""Where a worker lives: in a thread of this process or in a process of its own, behind one interface."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, BinaryIO, cast

from alveary.errors import UnsupportedError
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
        # The thread is abandoned: it ends with its driver call, and nobody hears it any more.
        emit, self._emit = self._emit, None
        if emit is not None:
            emit(SessionClosed(session=self._session, lost="its thread was abandoned"))

    def _forward(self, event: WorkerEvent) -> None:
        if (emit := self._emit) is not None:
            emit(event)


class ProcessHost(WorkerHost):
    """A worker in a process: it can't slow this one down, take it along in a crash, or resist being killed."""

    def __init__(self, session: str, emit: Emit, forkserver: ForkServer | None, modules: tuple[str, ...]) -> None:
        """Fork from ``forkserver``, with ``modules`` imported there first; without one, start a new interpreter."""
        self._session = session
        self._emit = emit
        self._over = False
        self._status: int | None = None
        self._ended = threading.Event()
        if forkserver is None:
            import subprocess  # 5 ms that a thread's host does not need

            spawned = subprocess.Popen(
                [sys.executable, "-P", "-m", "alveary.workers.child", session],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                start_new_session=True,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
            )
            self.process = spawned.pid
            threading.Thread(target=lambda: self._on_exit(spawned.wait()), daemon=True).start()
            reader, writer = cast(BinaryIO, spawned.stdout), cast(BinaryIO, spawned.stdin)
        else:
            self.process, stream = forkserver.fork(session, modules, self._on_exit)
            reader, writer = cast(BinaryIO, stream.makefile("rb")), cast(BinaryIO, stream.makefile("wb"))
            stream.close()  # the two files keep it open
        self._channel = Channel(reader, writer, WorkerEvent)
        threading.Thread(target=self._listen, name=f"alveary-session-{session}", daemon=True).start()

    def submit(self, request: AnyRequest, sink: Sink | None = None) -> None:
        if sink is not None:
            raise UnsupportedError("a session in a process of its own stores its rows; it can't use a sink of ours")
        # When the process is gone, the listening thread tells the session; there is nothing to add here.
        with contextlib.suppress(OSError):
            self._channel.send(request)

    def kill(self) -> None:
        # Once it has ended its number may belong to a stranger.
        if self._ended.is_set():
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.process, signal.SIGKILL if sys.platform != "win32" else signal.SIGTERM)

    def _on_exit(self, status: int) -> None:
        self._status = status
        self._ended.set()

    def _listen(self) -> None:
        while (event := self._channel.receive()) is not None:
            self._over = isinstance(event, SessionClosed | SessionOpenFailed)
            self._emit(event)
        self._channel.close()
        if not self._over:
            self._ended.wait(2)
            self._emit(SessionClosed(session=self._session, lost=_how_it_ended(self._status)))


def _how_it_ended(status: int | None) -> str:
    if status is None:
        return "its process is gone"
    if status < 0:
        return f"its process was ended by {signal.Signals(-status).name}"
    return f"its process ended with status {status}"
