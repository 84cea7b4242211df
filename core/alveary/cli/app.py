"""One run of the command line: the kernel it makes when it needs one, and how it waits for a command."""

from __future__ import annotations

import contextlib
import gc
import math
import os
import signal
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from functools import cached_property
from types import TracebackType
from typing import Any

import msgspec

from alveary.cli.failures import failure_text
from alveary.cli.narration import Narration
from alveary.cli.prompt import Prompt
from alveary.cli.secrecy import HINT, WARNING, Secrets, password_from_stdin
from alveary.contracts.target import Target
from alveary.contracts.tunnel import HostKey, TunnelSecret
from alveary.credentials import Credentials
from alveary.errors import AlvearyError, ErrorRecord
from alveary.jobs import Job
from alveary.kernel import Kernel
from alveary.logs import keep_files
from alveary.paths import Paths
from alveary.starts import crashed
from alveary.tables import visible
from alveary.urls import parse_target

LEAVE_SECONDS = 3.0
"""How long a run that was told to end (SIGTERM, SIGHUP) waits for its statement to stop."""


_LOOK = 0.05
"""Seconds between two looks whether a signal has come; a job that ends is seen at once."""
_TELLING = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))
"""Signals that tell the process to end."""


class App:
    """What the verbs share. The kernel is made when a verb first needs it, so ``--version`` does without."""

    def __init__(
        self,
        *,
        safe_mode: bool,
        json_errors: bool,
        password: str | None = None,
        tunnel_secrets: Mapping[TunnelSecret, str] | None = None,
        arguments: Sequence[str] = (),
    ) -> None:
        """``password`` and ``tunnel_secrets`` are the environment's; ``arguments`` are looked through for what must
        not be repeated."""
        self.safe_mode = safe_mode
        self.json_errors = json_errors
        self.password_on_stdin = False
        """Whether the first line of standard input is a password."""
        self.interrupted = False
        """Whether somebody pressed Ctrl-C while a command ran."""
        self._password = password or None  # a variable that is set and empty is how many systems unset one
        self._from_stdin: str | None = None
        self._prompt = Prompt()
        self.accepted_fingerprints: set[str] = set()
        """Of keys of SSH servers that are taken without asking."""
        self._credentials = Credentials(
            [self._given],
            ask=self._prompt.ask,
            accept_host=self._accepts,
            tunnel_secrets=tunnel_secrets,
            hint=HINT,
        )
        for secret in (tunnel_secrets or {}).values():
            self._credentials.use(secret)
        self.secrets = Secrets(arguments, self._credentials.secrets)
        self._made: Kernel | None = None
        words = [word for word in arguments if not word.startswith("-")]
        self._opens_window = not words or words[0] == "window"

    @cached_property
    def kernel(self) -> Kernel:
        """The kernel of this run; after a start that a plugin ended, one that opens a window is in safe mode."""
        paths = Paths.from_environment()
        safe_mode = self.safe_mode
        if not safe_mode and (names := crashed(paths.data)):
            safe_mode = self._opens_window
            sys.stderr.write(_offer(names, safe_mode))
            sys.stderr.flush()
        self._made = Kernel(paths=paths, safe_mode=safe_mode, credentials=self._credentials)
        self._made.policy.ask = self._prompt.confirm
        settings = self._made.settings
        keep_files(settings.get("log.level"), settings.get("log.keep_days"))
        return self._made

    def __enter__(self) -> App:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._made is not None:
            self._made.close()

    def run(
        self, id: str, parameters: msgspec.Struct, *, data_on_terminal: bool = False, foreground: bool = False
    ) -> Any:
        """Run a command in the background and wait for its result, or raise its error.

        ``data_on_terminal`` says that the command itself writes rows to the terminal while it runs. One that needs the
        main thread runs in the ``foreground``, and Ctrl-C ends the process. The first Ctrl-C of any other
        cancels it, on the server too, and waits; the second leaves at once with status 130.
        """
        if self.password_on_stdin:
            self.password()
        narration = Narration(self.failure_text, data_on_terminal=data_on_terminal, errors_as_data=self.json_errors)
        if self._shows_password(parameters):
            narration.say(WARNING)
        if faults := len(self.kernel.plugins.faults_so_far):
            narration.say(f"{faults} plugin fault{'s' if faults > 1 else ''}; see: alveary plugins")
        if (trouble := self.kernel.settings.trouble) is not None:
            narration.unread(trouble.record())
        if foreground:
            return self.kernel.commands.run(id, parameters)
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
                self._prompt.restore()  # its thread may be about to, but we may be gone by then
                self.kernel.bus.flush()
                unsubscribe()
                narration.end(job.error)
        return job.result()

    def password(self) -> str:
        """Return the password of standard input, read here and once, where Ctrl-C still simply leaves."""
        if self._from_stdin is None:
            self._from_stdin = password_from_stdin()
        return self._from_stdin

    def failure_text(self, error: ErrorRecord) -> str:
        """Return the text that tells of an error on standard error, without any password."""
        return failure_text(error, as_json=self.json_errors, blotted=self.secrets.blotted)

    def _accepts(self, key: HostKey, given_up: threading.Event) -> bool:
        """Return whether an SSH server is taken for what it says it is: as was said before, or by a person now."""
        if self.accepted_fingerprints:
            return key.fingerprint in self.accepted_fingerprints
        place = f"{key.host}:{key.port}" if key.port != 22 else key.host
        question = (
            f"the SSH server {place} is not known; its {key.kind} key has the fingerprint\n{key.fingerprint}\n"
            "type yes if that is what whoever runs it says: "
        )
        return (self._prompt.ask_shown(question, given_up) or "").strip().lower() == "yes"

    def _given(self, target: Target) -> str | None:
        return self._from_stdin if self._from_stdin is not None else self._password

    def _shows_password(self, parameters: msgspec.Struct) -> bool:
        """Return whether the command line holds a URL with a password in it."""
        for value in msgspec.structs.asdict(parameters).values():
            if isinstance(value, str) and "://" in value:
                with contextlib.suppress(AlvearyError):  # what is wrong with it the command will say
                    if parse_target(value, self.kernel.plugins.drivers)[0].password is not None:
                        return True
        return False

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
                    self.interrupted |= number == signal.SIGINT
                    if number != signal.SIGINT:
                        deadline = min(deadline, time.monotonic() + LEAVE_SECONDS)
                    elif job.cancelled:
                        narration.say("left without waiting: the server may still be at work")
                        self._leave(job, 130)
                    elif not self._prompt.is_open:
                        narration.say("cancelling; press Ctrl-C again to leave without waiting")
                    job.cancel()
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)
        for number in heard:
            if number != signal.SIGINT:
                job.abandon()
                self._prompt.restore()
                self.kernel.results.close()
                signal.signal(number, signal.SIG_DFL)
                os.kill(os.getpid(), number)

    def _leave(self, job: Job, status: int) -> None:
        job.abandon()
        self._prompt.restore()
        self.kernel.results.close()
        sys.stderr.flush()
        os._exit(status)  # a thread that hangs inside a driver would hold up any other way out


def _offer(plugins: Sequence[str], safe_mode: bool) -> str:
    """Return what is said, before anything is loaded, after a start that ended while plugins were loaded."""
    names = ", ".join(visible(name) for name in plugins)
    way = "this start is in safe mode" if safe_mode else "should this one, too: alveary --safe-mode"
    return (
        f"warning: the last start ended while the plugin {names} was loaded; {way}"
        "; alveary --safe-mode plugins disable NAME keeps it out\n"
    )
