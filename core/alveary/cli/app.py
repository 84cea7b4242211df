"""One run of the command line: the kernel it makes when it needs one, and how it waits for a command."""

from __future__ import annotations

import os
import signal
import sys
from functools import cached_property
from types import FrameType, TracebackType
from typing import Any

import msgspec

from alveary.cli.narration import Narration
from alveary.jobs import Job
from alveary.kernel import Kernel

LEAVE_SECONDS = 3.0
"""How long a run that was told to end (SIGTERM, SIGHUP) waits for its statement to stop."""


class _Told(BaseException):
    """A signal told the process to end."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


class App:
    """What the verbs share. The kernel is made when a verb first needs it, so ``--version`` does without."""

    def __init__(self, *, safe_mode: bool, json_errors: bool) -> None:
        self.safe_mode = safe_mode
        self.json_errors = json_errors
        self._made: Kernel | None = None

    @cached_property
    def kernel(self) -> Kernel:
        """The kernel of this run."""
        self._made = Kernel(safe_mode=self.safe_mode)
        return self._made

    def __enter__(self) -> App:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._made is not None:
            self._made.close()

    def run(self, id: str, parameters: msgspec.Struct, *, data_on_terminal: bool = False) -> Any:
        """Run a command in the background and wait for its result, or raise its error.

        ``data_on_terminal`` says that the command itself writes rows to the terminal while it runs. The first Ctrl-C
        cancels it, on the server too, and waits; the second leaves at once with status 130.
        """
        narration = Narration(json_errors=self.json_errors, data_on_terminal=data_on_terminal)
        if faults := len(self.kernel.plugins.faults):
            narration.say(f"{faults} plugin fault{'s' if faults > 1 else ''}; see: alveary plugins")
        unsubscribe = self.kernel.bus.subscribe(narration.hear)
        job = self.kernel.commands.submit(id, parameters)
        try:
            self._wait(job, narration)
        finally:
            self.kernel.bus.flush()
            unsubscribe()
            narration.end()
        return job.result()

    def _wait(self, job: Job, narration: Narration) -> None:
        previous = {number: signal.signal(number, _told) for number in _TELLING}
        try:
            try:
                job.wait()
            except KeyboardInterrupt:
                narration.say("cancelling; press Ctrl-C again to leave without waiting")
                job.cancel()
                job.wait()
        except KeyboardInterrupt:
            narration.say("left without waiting: the server may still be at work")
            self._leave(job, 130)
        except _Told as told:
            job.cancel()
            job.wait(LEAVE_SECONDS)
            signal.signal(told.number, signal.SIG_DFL)
            job.abandon()
            os.kill(os.getpid(), told.number)
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)

    def _leave(self, job: Job, status: int) -> None:
        job.abandon()
        self.kernel.results.close()
        sys.stderr.flush()
        os._exit(status)  # a thread that hangs inside a driver would hold up any other way out


_TELLING = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]


def _told(number: int, frame: FrameType | None) -> None:
    raise _Told(number)
