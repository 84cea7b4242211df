"""The launcher: becomes the ssh program after asking the system to end it should Alveary die, however it dies."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> None:
    """Become the program whose path and arguments are given; the first argument is the process that must live."""
    with contextlib.suppress(OSError, AttributeError):  # elsewhere than on Linux the program outlives a kill -9
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != int(arguments[0]):  # it has died meanwhile
        return
    os.execv(arguments[1], arguments[1:])


if __name__ == "__main__":
    main(sys.argv[1:])
