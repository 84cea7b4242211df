"""An exporter's output as libraries want it: a file that is written front to back, until it is abandoned."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any


class Stream(io.RawIOBase):
    """Passes bytes on to ``write``.

    Libraries write the end of a file that is closed or forgotten: once it is ``abandoned`` nothing is passed on.
    """

    def __init__(self, write: Callable[[bytes], object]) -> None:
        super().__init__()
        self._write = write
        self.abandoned = False

    def writable(self) -> bool:
        """Tell that it can be written to; it can't be read or sought."""
        return True

    def write(self, data: Any) -> int:
        """Take all of ``data``."""
        if not self.abandoned:
            self._write(bytes(data))
        return len(data)
