"""What a driver can ask of a socket without speaking on it."""

from __future__ import annotations

import select
import socket

_HUNG_UP = getattr(select, "POLLRDHUP", 0)


def hung_up(line: socket.socket) -> bool:
    """Tell, without waiting or reading, whether the other end closed or reset the connection.

    What it said before it went is still there to be read. Where the system can't tell, it is False.
    """
    if not _HUNG_UP:
        return False
    poll = select.poll()
    try:
        poll.register(line, _HUNG_UP)
    except ValueError:  # it is closed on our side
        return False
    return any(events & (_HUNG_UP | select.POLLHUP | select.POLLERR) for _, events in poll.poll(0))
