"""The prompt: asks a person on the controlling terminal, wherever standard input and output go."""

from __future__ import annotations

import contextlib
import os
import select
import threading
from collections.abc import Callable

from alveary.contracts.target import Target
from alveary.policy import Confirmation
from alveary.tables import visible

_LOOK = 0.1
"""Seconds between two looks whether the connection was given up."""


_LONGEST_SHOWN = 500
"""Characters of a statement that are shown to whoever must confirm it."""


class Prompt:
    """Asks a person at a terminal."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._asking = threading.Lock()
        self._restore: Callable[[], None] | None = None

    @property
    def is_open(self) -> bool:
        """Whether a person is being asked at this moment."""
        return self._restore is not None

    def ask(self, target: Target, given_up: threading.Event) -> str | None:
        """Return the password a person types, which is not shown; None where nobody is in reach, or answers."""
        return self._ask(f"password for {visible(target.display())}: ", given_up, hidden=True)

    def confirm(self, confirmation: Confirmation, given_up: threading.Event) -> str | None:
        """Return how a person answers what they must confirm; None where nobody is in reach."""
        with self._asking:
            answer = self._ask(confirmation_text(confirmation), given_up, hidden=False)
        if answer is None or confirmation.typed:
            return None if answer is None else answer.strip()
        return "yes" if answer.strip().casefold() in ("y", "yes") else ""

    def ask_shown(self, question: str, given_up: threading.Event) -> str | None:
        """Return what a person answers, and sees while typing it; None where nobody is in reach."""
        with self._asking:
            return self._ask("\n".join(map(visible, question.split("\n"))), given_up, hidden=False)

    def _ask(self, question: str, given_up: threading.Event, *, hidden: bool) -> str | None:
        try:
            import termios  # there is none on Windows, where nobody is asked
        except ImportError:
            return None
        try:
            terminal = os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY)
        except OSError:
            return None
        try:
            if os.tcgetpgrp(terminal) != os.getpgrp():
                return None  # in the background: reading would stop the whole process
            shown = termios.tcgetattr(terminal)
            asking = [*shown]
            asking[3] = shown[3] | termios.ICANON | termios.ISIG
            if hidden:
                asking[3] &= ~(termios.ECHO | termios.ECHONL)

            # FLUSH: neither what was typed ahead, visibly, nor half an answer that is given up may be read later.
            def restore() -> None:
                with contextlib.suppress(OSError, termios.error):  # the terminal went away
                    termios.tcsetattr(terminal, termios.TCSAFLUSH, shown)
                    if hidden:
                        os.write(terminal, b"\n")

            with self._lock:
                if given_up.is_set():  # by now nobody may be left to restore what is changed here
                    return None
                self._restore = restore
                termios.tcsetattr(terminal, termios.TCSAFLUSH, asking)
            try:
                os.write(terminal, question.encode())
                return _line(terminal, given_up)
            finally:
                self.restore()
        except (OSError, termios.error):  # the terminal went away
            return None
        finally:
            os.close(terminal)

    def restore(self) -> None:
        """Let the terminal show again what is typed; for whoever leaves without waiting for the answer."""
        with self._lock:
            restore, self._restore = self._restore, None
            if restore is not None:
                restore()


def confirmation_text(confirmation: Confirmation) -> str:
    """Return what a person is asked: what it does and where, the statements themselves, and what to answer."""
    lines = [f"{visible(confirmation.what)} on {visible(confirmation.place())}:"]
    for statement in confirmation.statements:
        shown = statement if len(statement) <= _LONGEST_SHOWN else statement[:_LONGEST_SHOWN] + "…"
        lines += [f"  {visible(line)}" for line in shown.splitlines()]
    if (more := confirmation.count - len(confirmation.statements)) > 0:
        lines.append(f"  … and {more} more")
    name = visible(confirmation.name)
    lines.append(f"type {name} to go on: " if confirmation.typed else "go on? [y/N] ")
    return "\n".join(lines)


def _line(terminal: int, given_up: threading.Event) -> str | None:
    typed = b""
    while not given_up.is_set():
        if select.select([terminal], [], [], _LOOK)[0]:
            part = os.read(terminal, 4096)
            typed += part
            if not part or typed.endswith(b"\n"):  # nothing: Ctrl-D
                return os.fsdecode(typed.removesuffix(b"\n")) if typed else None
    return None
