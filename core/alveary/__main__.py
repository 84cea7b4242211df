"""The command ``alveary``: what must be right before anything is imported, then the command line."""

from __future__ import annotations

import gc
import os
import signal
import sys
from types import FrameType
from typing import NoReturn


def main() -> NoReturn:
    """Run the command line of this process and leave with its exit status."""
    # Ctrl-C while we start or end has nothing to cancel: leave, without a traceback.
    signal.signal(signal.SIGINT, _leave)
    # Nothing that start-up makes is garbage; not to look for it saves an eighth of the time. Waiting for a command
    # (cli/app.py) switches it on again.
    gc.disable()
    _open_closed_streams()
    from alveary.cli import run

    status = run(sys.argv[1:])
    try:
        sys.stderr.flush()
    except OSError:  # nobody reads it; without this Python would leave with a status of its own
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    sys.exit(status)


def _leave(number: int, frame: FrameType | None) -> NoReturn:
    os._exit(130)


def _open_closed_streams() -> None:
    """Give a process that was started with closed streams the null device instead, or our files would get their
    numbers and our words end up in them."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free
    sys.stdin = sys.stdin or open(0)  # noqa: SIM115  # open as long as the process
    sys.stdout = sys.stdout or open(1, "w")  # noqa: SIM115  # likewise
    sys.stderr = sys.stderr or open(2, "w")  # noqa: SIM115  # likewise
    for stream in (sys.stdout, sys.stderr):
        # A name that the terminal's encoding can't show is no reason to show nothing.
        getattr(stream, "reconfigure", lambda **_: None)(errors="backslashreplace")


if __name__ == "__main__":
    if not sys.flags.safe_path and sys.path[:1] == [os.getcwd()]:
        # ``python -m`` looks there first: a psycopg.py that happens to lie beside a project's SQL is not ours to run.
        del sys.path[0]
    main()
