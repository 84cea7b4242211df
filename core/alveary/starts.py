"""Marks of starts that are under way: one that is left behind says which plugin the program ended with."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from alveary.errors import StorageError
from alveary.locks import try_lock
from alveary.paths import make_private

_MARK = "starting-"


class Start:
    """One start, while plugins that are not built in are loaded; without any of those nothing is written.

    The mark is a file that holds the plugin's name, locked as long as its process lives.
    """

    def __init__(self, data: Path) -> None:
        """``data`` is the data directory; it is made when there is something to mark."""
        self._data = data
        self._file: Path | None = None
        self._descriptor = -1

    def at(self, plugin: str) -> None:
        """Mark that a plugin is about to be loaded. Where nothing can be written, a crash will leave no mark."""
        with contextlib.suppress(OSError, StorageError):
            if self._file is None:
                make_private(self._data)
                file = self._data / f"{_MARK}{os.getpid()}-{os.urandom(3).hex()}"
                self._descriptor = os.open(file, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600)
                self._file = file
                try_lock(self._descriptor)
            os.ftruncate(self._descriptor, 0)
            os.lseek(self._descriptor, 0, os.SEEK_SET)
            os.write(self._descriptor, plugin.encode("utf-8", "replace"))

    def over(self) -> None:
        """This start got through: its mark goes, and with it those of the starts that did not."""
        if self._file is None:
            return
        os.close(self._descriptor)
        for file in (self._file, *_left_behind(self._data)):
            with contextlib.suppress(OSError):
                file.unlink()
        self._file = None

    def forgive(self, plugin: str) -> None:
        """Remove the marks of starts that ended with this plugin."""
        for file in _left_behind(self._data):
            with contextlib.suppress(OSError):
                if file.read_text("utf-8", "replace") == plugin:
                    file.unlink()


def crashed(data: Path) -> list[str]:
    """Return the plugins that were being loaded when a start ended, each once; none after a start that got through."""
    names = []
    for file in _left_behind(data):
        with contextlib.suppress(OSError):
            names.append(file.read_text("utf-8", "replace"))
    return list(dict.fromkeys(filter(None, names)))


def _left_behind(data: Path) -> list[Path]:
    """Return the marks whose process is gone: nobody holds their lock."""
    found = []
    with contextlib.suppress(OSError):
        for name in os.listdir(data):
            if name.startswith(_MARK):
                with contextlib.suppress(OSError):
                    descriptor = os.open(data / name, os.O_RDWR)
                    try:
                        if try_lock(descriptor):
                            found.append(data / name)
                    finally:
                        os.close(descriptor)
    return found
