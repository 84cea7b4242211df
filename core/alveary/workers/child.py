"""A worker's own process: reads requests from its channel, writes events to it, ends when the other side is gone."""

from __future__ import annotations

import logging
import os
import signal
import sys
from typing import BinaryIO

from alveary.events import WorkerEvent
from alveary.workers.channel import Channel
from alveary.workers.messages import AnyRequest, Close
from alveary.workers.worker import Worker

CLOSE_GRACE = 3.0
"""Seconds a worker gets to close its connection after its parent is gone."""


def serve(session: str, reader: BinaryIO, writer: BinaryIO) -> None:
    """Serve one session until it is closed; the caller ends the process afterwards."""
    # Ctrl-C reaches the whole process group, but to cancel is the parent's decision.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    logging.getLogger("alveary").addHandler(logging.NullHandler())
    channel = Channel(reader, writer, AnyRequest)

    def emit(event: WorkerEvent) -> None:
        try:
            channel.send(event)
        except OSError:
            # Nobody listens any more; the receiving loop sees the same and stops the statement.
            return

    worker = Worker(session, emit)
    while (request := channel.receive()) is not None:
        worker.submit(request)
        if isinstance(request, Close):
            worker.join()
            return
    worker.stop_all()
    worker.submit(Close())
    worker.join(CLOSE_GRACE)


def main() -> None:
    """Serve the session named by the first argument over standard input and output."""
    reader, writer = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    # Whatever a library prints must not get between the frames.
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)
    serve(sys.argv[1], reader, writer)
    os._exit(0)


if __name__ == "__main__":
    main()
