"""A small clean process, started early, that forks a worker's process in milliseconds (POSIX only).

The standard library's forkserver would import the parent's main module again in every child, so a script without
the ``__main__`` guard would run twice. This one knows nothing of the parent: it is handed a socket for each session
and says which process it forked and how that process ended.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import selectors
import signal
import socket
import struct
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable

import msgspec

from alveary.errors import InternalError

_LENGTH = struct.Struct("<I")


START_SECONDS = 15.0
"""How long the server may take to fork; it does nothing else, so more than this means that it hangs."""


class Fork(msgspec.Struct, frozen=True):
    """Asks for a process for a session; its socket comes along. ``modules`` are imported before the fork, once."""

    session: str
    modules: tuple[str, ...]


class Said(msgspec.Struct, frozen=True):
    """Says the process of a session was forked (``status`` None) or how it ended (exit status, or minus a signal)."""

    session: str
    process: int
    status: int | None = None


class ForkServer:
    """The parent's side: starts the server when first needed and again should it die."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._control: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._ended: dict[str, Callable[[int], None]] = {}
        self._forked: dict[str, tuple[threading.Event, list[int], socket.socket]] = {}

    def fork(self, session: str, modules: tuple[str, ...], ended: Callable[[int], None]) -> tuple[int, socket.socket]:
        """Return the id of a new worker process and the socket to talk to it.

        ``ended`` is called, on another thread, with the exit status when the process ends.
        """
        said, answer = threading.Event(), list[int]()
        ours, theirs = socket.socketpair()
        try:
            with theirs, self._lock:
                self._ask(Fork(session, modules), theirs, (said, answer), ended)
            if not said.wait(START_SECONDS) or not answer:
                raise InternalError("the server of processes gave none", hint="see the system's process limits")
        except BaseException:
            ours.close()
            self._give_up(session)
            raise
        return answer[0], ours

    def _ask(
        self,
        request: Fork,
        theirs: socket.socket,
        answer: tuple[threading.Event, list[int]],
        ended: Callable[[int], None],
    ) -> None:
        frame = msgspec.msgpack.encode(request)
        for again in (True, False):
            control = self._control or self._start()
            self._forked[request.session] = (*answer, control)
            self._ended[request.session] = ended
            try:
                socket.send_fds(control, [_LENGTH.pack(len(frame)) + frame], [theirs.fileno()])
                return
            except OSError:  # the server died since the last session
                self._control = None
                if not again:
                    raise

    def _give_up(self, session: str) -> None:
        """The server does not answer: end it, so that the next session gets a new one. Its children live on."""
        with self._lock:
            asked = self._forked.pop(session, None)
            self._ended.pop(session, None)
            if asked is not None and self._control is asked[2]:
                self._control = None
                if self._process is not None:
                    self._process.kill()

    def close(self) -> None:
        """End the server; its children see their parent leave and end too."""
        with self._lock:
            control, self._control, process = self._control, None, self._process
        if control is not None:
            with contextlib.suppress(OSError):
                control.shutdown(socket.SHUT_RDWR)
            control.close()
        if process is not None:
            try:
                process.wait(3)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(3)

    def _start(self) -> socket.socket:
        if self._process is not None:
            self._process.kill()  # it does not answer any more
            self._process.wait()
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                self._process = subprocess.Popen(
                    [sys.executable, "-P", "-m", __name__, str(theirs.fileno())],
                    pass_fds=[theirs.fileno()],
                    stdin=subprocess.DEVNULL,
                    stdout=2,
                    start_new_session=True,
                    env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
                )
        except BaseException:
            ours.close()
            raise
        try:
            threading.Thread(target=self._listen, args=(ours,), name="alveary-forkserver", daemon=True).start()
        except RuntimeError:  # no more threads: a server that nobody listens to is none
            ours.close()
            raise
        self._control = ours
        return ours

    def _listen(self, control: socket.socket) -> None:
        with control.makefile("rb") as stream:
            while len(head := _read(stream.read, _LENGTH.size)) == _LENGTH.size:
                said = msgspec.msgpack.decode(_read(stream.read, _LENGTH.unpack(head)[0]), type=Said)
                if said.status is None:
                    event, answer, _ = self._forked.pop(said.session)
                    answer.append(said.process)
                    event.set()
                elif (ended := self._ended.pop(said.session, None)) is not None:
                    ended(said.status)
        # The server is gone: whoever waits for a process gets none.
        with self._lock:
            if self._control is control:
                self._control = None
            waiting = [session for session, (_, _, asked) in self._forked.items() if asked is control]
            for session in waiting:
                self._forked.pop(session)[0].set()
                self._ended.pop(session, None)
        control.close()


def _read(read: Callable[[int], bytes], size: int) -> bytes:
    try:
        return read(size)
    except (OSError, ValueError):  # the server died, or we are closing
        return b""


def _main(descriptor: int) -> None:
    """Serve fork requests on the socket until the parent is gone."""
    from alveary.workers import child

    control = socket.socket(fileno=descriptor)
    wake_read, wake_write = os.pipe()
    os.set_blocking(wake_write, False)
    signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    children: dict[int, str] = {}
    selector = selectors.DefaultSelector()
    selector.register(control, selectors.EVENT_READ)
    selector.register(wake_read, selectors.EVENT_READ)

    def say(said: Said) -> None:
        frame = msgspec.msgpack.encode(said)
        with contextlib.suppress(OSError):  # the parent is leaving: the next look at the socket ends the loop
            control.sendall(_LENGTH.pack(len(frame)) + frame)

    while True:
        ready = {key.fd for key, _ in selector.select()}
        if wake_read in ready:
            os.read(wake_read, 512)
            for process in list(children):
                done, status = os.waitpid(process, os.WNOHANG)
                if done:
                    say(Said(children.pop(done), done, os.waitstatus_to_exitcode(status)))
        if descriptor in ready:
            try:
                head, descriptors, _, _ = socket.recv_fds(control, _LENGTH.size, 1)
            except ConnectionResetError:  # the parent was killed with something of ours unread
                return
            if len(head) < _LENGTH.size:
                return
            request = msgspec.msgpack.decode(control.recv(_LENGTH.unpack(head)[0], socket.MSG_WAITALL), type=Fork)
            for module in request.modules:
                # What can't be imported is told by the worker that needs it, with the reason.
                with contextlib.suppress(Exception, SystemExit):
                    importlib.import_module(module)
            gc.freeze()  # what is loaded by now stays shared with the children
            try:
                process = os.fork()
            except OSError:  # no more processes: the parent sees its socket close, and hears the reason from us
                os.close(descriptors[0])
                say(Said(request.session, 0, -1))
                continue
            if process == 0:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                selector.close()
                for inherited in (descriptor, wake_read, wake_write):
                    os.close(inherited)
                status = 1
                try:
                    stream = socket.socket(fileno=descriptors[0])
                    child.serve(request.session, stream.makefile("rb"), stream.makefile("wb"))
                    status = 0
                except BaseException:  # noqa: BLE001  # nothing of the server's own loop may run in the child
                    traceback.print_exc()
                finally:
                    os._exit(status)
            os.close(descriptors[0])
            children[process] = request.session
            say(Said(request.session, process))


if __name__ == "__main__":
    _main(int(sys.argv[1]))
