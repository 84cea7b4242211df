"""Files of SQL text: read and written without changing what nobody edited, and watched for changes by others."""

from __future__ import annotations

import hashlib
import os
import threading
from dataclasses import dataclass

from alveary.errors import FileUnreadableError, InvalidInputError
from alveary.output import write_whole

LARGEST = 64 << 20
"""Bytes of a file that is opened in an editor."""
LOOK_SECONDS = 2.0
"""How often a file is looked at for changes."""

_MARKS = (("utf-8", b"\xef\xbb\xbf"), ("utf-16-le", b"\xff\xfe"), ("utf-16-be", b"\xfe\xff"))


@dataclass(frozen=True, slots=True)
class Stamp:
    """A file as it was: when it was modified (nanoseconds), how many bytes, and their SHA-256."""

    modified: int
    size: int
    digest: str


@dataclass(frozen=True, slots=True)
class Form:
    """How a file holds its text: the encoding, the mark before it, and what ends a line."""

    encoding: str = "utf-8"
    mark: bytes = b""
    newline: str = "\r\n" if os.name == "nt" else "\n"


@dataclass(frozen=True, slots=True)
class Loaded:
    """A file's text with ``\\n`` at the ends of lines; where a file mixes them, the others stay in the text."""

    path: str
    text: str
    form: Form
    stamp: Stamp


def read(path: str) -> Loaded:
    """Return a file's text; FileUnreadableError says why not.

    Bytes that are no UTF-8 become lone surrogates, and go back as the bytes they were.
    """
    path = os.path.abspath(path)
    try:
        with open(path, "rb") as file:
            status = os.fstat(file.fileno())
            if status.st_size > LARGEST:
                raise FileUnreadableError(
                    f"{path} has {status.st_size:,} bytes, too many for an editor",
                    hint="run it with: alveary query TARGET -f FILE",
                )
            content = file.read()
    except OSError as exc:
        raise FileUnreadableError(f"can't read {path}: {exc.strerror or exc}") from exc
    stamp = Stamp(status.st_mtime_ns, len(content), hashlib.sha256(content).hexdigest())
    text, encoding, mark = _decoded(content)
    newline = _newline(text)
    if newline is not None and newline != "\n":
        text = text.replace(newline, "\n")
    return Loaded(path, text, Form(encoding, mark, newline or "\n"), stamp)


def write(path: str, text: str, form: Form, expected: Stamp | None) -> Stamp | None:
    """Write a file whole, and return its stamp; None, and nothing written, if it is not as ``expected``.

    Without ``expected`` whatever stands there is replaced. FileUnwritableError and InvalidInputError say what is wrong.
    """
    content = encoded(text, form)
    if expected is not None and (now := stamp(path, expected)) is not None and now.digest != expected.digest:
        return None
    write_whole(path, content)
    try:
        status = os.stat(path)
    except OSError as exc:
        raise FileUnreadableError(f"can't read {path}: {exc.strerror or exc}") from exc
    return Stamp(status.st_mtime_ns, len(content), hashlib.sha256(content).hexdigest())


def encoded(text: str, form: Form) -> bytes:
    """Return the bytes a file holds for a text; InvalidInputError names the line that can't be written."""
    if form.newline != "\n":
        text = text.replace("\n", form.newline)
    errors = "surrogateescape" if form.encoding == "utf-8" else "surrogatepass"
    try:
        return form.mark + text.encode(form.encoding, errors)
    except UnicodeEncodeError as exc:
        line = text.count("\n", 0, exc.start) + 1
        raise InvalidInputError(
            f"line {line} holds U+{ord(text[exc.start]):04X}, which is half a character and can't be saved",
            line=line,
            hint="remove it",
        ) from None


def stamp(path: str, known: Stamp | None = None) -> Stamp | None:
    """Return a file's stamp, None if it is not there; it is only read if it does not look as ``known``."""
    try:
        status = os.stat(path)
        if known is not None and (status.st_mtime_ns, status.st_size) == (known.modified, known.size):
            return known
        with open(path, "rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None
    return Stamp(status.st_mtime_ns, status.st_size, digest)


class Watch:
    """Looks at one file every two seconds, in a thread; whoever wants to know asks :attr:`found`."""

    def __init__(self, path: str, known: Stamp | None) -> None:
        """``known`` is how the file was when it was read or written."""
        self.path = path
        self.known = known
        self.found: Stamp | None = known
        """How the file was when it was last looked at; None when it was not there."""
        self._wake = threading.Event()
        self._over = False
        threading.Thread(target=self._look, name="alveary-watch", daemon=True).start()

    @property
    def changed(self) -> bool:
        """Whether the file holds something else than what is known, or is gone."""
        found, known = self.found, self.known
        return known is not None and (found is None or found.digest != known.digest)

    def settle(self, known: Stamp) -> None:
        """Take the file as it is known now."""
        self.found = self.known = known

    def look(self) -> None:
        """Look now rather than later."""
        self._wake.set()

    def close(self) -> None:
        """Look no more."""
        self._over = True
        self._wake.set()

    def _look(self) -> None:
        while not self._over:
            known = self.known
            found = stamp(self.path, known)
            if known is self.known:  # else it was written meanwhile, and this is old
                self.found = found
            self._wake.wait(LOOK_SECONDS)
            self._wake.clear()


def _decoded(content: bytes) -> tuple[str, str, bytes]:
    """Return the text, its encoding, and the mark before it."""
    for encoding, mark in _MARKS:
        if content.startswith(mark):
            body = content[len(mark) :]
            try:
                text = body.decode(encoding, "surrogateescape" if encoding == "utf-8" else "surrogatepass")
            except UnicodeDecodeError:
                break  # half a character at its end: no text of that encoding
            return text, encoding, mark
    return content.decode("utf-8", "surrogateescape"), "utf-8", b""


def _newline(text: str) -> str | None:
    """Return what ends every line of a text; None where there are several, or none."""
    both, returns, feeds = text.count("\r\n"), text.count("\r"), text.count("\n")
    if both and both == returns == feeds:
        return "\r\n"
    if returns and not feeds:
        return "\r"
    return "\n" if feeds and not returns else None
