"""What other threads ask a person: a password, whether to trust a server, whether to go on with a statement."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

from alveary.contracts.target import Target
from alveary.contracts.tunnel import HostKey
from alveary.credentials import Credentials
from alveary.kernel import Kernel
from alveary.policy import Confirmation
from alveary_shell import dialogs
from alveary_shell.sdk import PersonAsked, Window

T = TypeVar("T")


class Asking:
    """Answers the kernel's questions with dialogs of the window; made on Tk's thread.

    Whoever asks waits in its own thread, until there is an answer, it is given up, or the window is closed.
    """

    def __init__(self, window: Window, kernel: Kernel) -> None:
        self._window = window
        self._thread = threading.current_thread()
        self._closed = threading.Event()
        refusals = kernel.credentials.refusals
        kernel.credentials = Credentials(
            kernel.credentials.sources,
            ask=self._ask_password,
            accept_host=self._accept_host,
            tunnel_secrets=kernel.credentials.tunnel_secrets,
        )
        kernel.credentials.refusals.extend(refusals)
        kernel.policy.ask = self._ask_confirmation

    def close(self) -> None:
        """Let everybody go who waits for an answer."""
        self._closed.set()

    def _ask_password(self, target: Target, given_up: threading.Event) -> str | None:
        question = f"Password for {target.display()}"
        what = PersonAsked(f"the password for {target.display()}")
        return self._answered(what, lambda: self._window.ask_text(question, secret=True), given_up)

    def _accept_host(self, key: HostKey, given_up: threading.Event) -> bool:
        """Ask whether an SSH server is the one it says it is; who only presses Return says no."""
        place = f"{key.host}:{key.port}" if key.port != 22 else key.host
        accepted = self._answered(
            PersonAsked(f"is {place} the SSH server it says it is?"),
            lambda: self._window.confirm(
                f"The SSH server {place} is not known",
                detail=f"Its {key.kind} key has the fingerprint\n{key.fingerprint}\nTrust it only if that is what "
                "whoever runs it says: somebody in between could read everything.",
                yes="Trust this key",
            ),
            given_up,
        )
        return accepted is True

    def _ask_confirmation(self, confirmation: Confirmation, given_up: threading.Event) -> str | None:
        """Have a person confirm something, from any thread, Tk's as well; "" if they would rather not."""

        def ask() -> str:
            return dialogs.confirm_named(self._window.root, self._window.theme, confirmation)

        if threading.current_thread() is self._thread:
            return ask()
        what = PersonAsked(f"{confirmation.what} must be confirmed", confirmation.name)
        return self._answered(what, ask, given_up)

    def _answered(self, what: PersonAsked, question: Callable[[], T | None], given_up: threading.Event) -> T | None:
        """Ask on Tk's thread and wait for the answer in this one; None once it is given up.

        Panels are told ``what`` is waited for, so that nobody blames the server.
        """
        answered = threading.Event()
        answers: list[T | None] = []

        def ask() -> None:
            answer = None
            if not given_up.is_set():
                self._window.announce(what)
                try:
                    answer = question()
                finally:
                    self._window.announce(PersonAsked("", what.place))
            answers.append(answer)
            answered.set()

        self._window.post(ask)
        while not answered.wait(0.1):
            if given_up.is_set() or self._closed.is_set():
                return None
        return answers[0]
