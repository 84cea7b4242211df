"""The prompt: asks for a password on the controlling terminal, wherever standard input and output go."""

from __future__ import annotations

import contextlib
import os
import select
import threading
from collections.abc import Callable

from alveary.contracts.target import Target
from alveary.tables import visible

_LOOK = 0.1
"""Seconds between two looks whether the connection was given up."""


class Prompt:
    """Asks a person at a terminal; what is typed is not shown."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._restore: Callable[[], None] | None = None

    @property
    def is_open(self) -> bool:
        """Whether a person is being asked at this moment."""
        return self._restore is not None

    def ask(self, target: Target, given_up: threading.Event) -> str | None:
        """Return what a person types; None where there is no terminal in reach, or no answer."""
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
            hidden = [*shown]
            hidden[3] = shown[3] & ~(termios.ECHO | termios.ECHONL) | termios.ICANON | termios.ISIG

            # FLUSH: neither what was typed ahead, visibly, nor half an answer that is given up may be read later.
            def restore() -> None:
                with contextlib.suppress(OSError, termios.error):  # the terminal went away
                    termios.tcsetattr(terminal, termios.TCSAFLUSH, shown)
                    os.write(terminal, b"\n")

            with self._lock:
                if given_up.is_set():  # by now nobody may be left to restore what is changed here
                    return None
                self._restore = restore
                termios.tcsetattr(terminal, termios.TCSAFLUSH, hidden)
            try:
                os.write(terminal, f"password for {visible(target.display())}: ".encode())
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


def _line(terminal: int, given_up: threading.Event) -> str | None:
    typed = b""
    while not given_up.is_set():
        if select.select([terminal], [], [], _LOOK)[0]:
            part = os.read(terminal, 4096)
            typed += part
            if not part or typed.endswith(b"\n"):  # nothing: Ctrl-D
                return os.fsdecode(typed.removesuffix(b"\n")) if typed else None
    return None
