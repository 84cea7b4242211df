"""One run of the command line: the kernel it makes when it needs one, and how it waits for a command."""

from __future__ import annotations

import contextlib
import gc
import math
import os
import signal
import sys
import time
from functools import cached_property
from types import TracebackType
from typing import Any

import msgspec

from alveary.cli.narration import Narration
from alveary.jobs import Job
from alveary.kernel import Kernel

LEAVE_SECONDS = 3.0
"""How long a run that was told to end (SIGTERM, SIGHUP) waits for its statement to stop."""


_LOOK = 0.05
"""Seconds between two looks whether a signal has come; a job that ends is seen at once."""
_TELLING = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))
"""Signals that tell the process to end."""


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
        if not gc.isenabled():
            gc.freeze()
            gc.enable()
        # What a plugin's module prints when it is first used must not get into the data.
        with contextlib.redirect_stdout(sys.stderr):
            job = self.kernel.commands.submit(id, parameters)
            try:
                self._wait(job, narration)
            finally:
                self.kernel.bus.flush()
                unsubscribe()
                narration.end()
        return job.result()

    def _wait(self, job: Job, narration: Narration) -> None:
        # The handlers only take note: an exception raised out of one can leave a lock of ours half taken.
        heard: list[int] = []
        numbers = (signal.SIGINT, *_TELLING)
        previous = {number: signal.signal(number, lambda number, _: heard.append(number)) for number in numbers}
        try:
            acted, deadline = 0, math.inf
            while not job.wait(_LOOK) and time.monotonic() < deadline:
                for number in heard[acted:]:
                    acted += 1
                    if number != signal.SIGINT:
                        deadline = min(deadline, time.monotonic() + LEAVE_SECONDS)
                    elif job.cancelled:
                        narration.say("left without waiting: the server may still be at work")
                        self._leave(job, 130)
                    else:
                        narration.say("cancelling; press Ctrl-C again to leave without waiting")
                    job.cancel()
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)
        for number in heard:
            if number != signal.SIGINT:
                job.abandon()
                self.kernel.results.close()
                signal.signal(number, signal.SIG_DFL)
                os.kill(os.getpid(), number)

    def _leave(self, job: Job, status: int) -> None:
        job.abandon()
        self.kernel.results.close()
        sys.stderr.flush()
        os._exit(status)  # a thread that hangs inside a driver would hold up any other way out
