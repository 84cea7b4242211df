"""Text files: which encoding one is in, and its text in blocks, with how far into the file they reach."""

from __future__ import annotations

import codecs
from collections.abc import Iterator

from alveary.errors import FileUnreadableError

BLOCK = 1 << 20
"""Bytes read at once."""
_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_CODECS = {"windows-1252": "cp1252", "utf-16": "utf-16-le"}
_LOOKED_AT = 4096


def find_encoding(path: str) -> tuple[str, str | None]:
    """Return the encoding of a file, and what a person should hear of how it was found.

    A byte order mark says it; without one it is UTF-8 if all of the file is, else Windows-1252, or Latin-1 where there
    are bytes that Windows-1252 has no character for.
    """
    with opened(path) as file:
        head = file.read(_LOOKED_AT)
        for mark, encoding in _MARKS:
            if head.startswith(mark):
                return encoding, None
        # Every second byte of ASCII in UTF-16 is zero, and text in UTF-8 has no such bytes.
        for encoding, zeros, others in (("utf-16-le", head[1::2], head[::2]), ("utf-16-be", head[::2], head[1::2])):
            if len(zeros) > 1 and zeros.count(0) > 0.6 * len(zeros) and others.count(0) < 0.1 * len(others):
                return encoding, f"the file has no byte order mark; it is read as {encoding}"
        decoder = codecs.getincrementaldecoder("utf-8")()
        line, data, undefined = 1, head, False
        wrong: int | None = None
        while data or wrong is None:
            undefined = undefined or any(byte in data for byte in b"\x81\x8d\x8f\x90\x9d")
            if wrong is None:
                try:
                    decoder.decode(data, final=not data)
                except UnicodeDecodeError as exc:
                    wrong = line + exc.object.count(b"\n", 0, exc.start)
                else:
                    if not data:
                        return "utf-8", None
                    line += data.count(b"\n")
            data = file.read(BLOCK)
    encoding = "latin-1" if undefined else "windows-1252"
    return encoding, f"line {wrong} is not UTF-8, so the file is read as {encoding}; if it is not, say which it is"


def opened(path: str):  # type: ignore[no-untyped-def]  # a buffered reader, whose class has no public name
    """Open a file for reading; FileUnreadableError says why not."""
    try:
        return open(path, "rb")
    except OSError as exc:
        raise FileUnreadableError(f"can't read {path}: {exc.strerror or exc}") from exc


def blocks(path: str, encoding: str, newline: str = "\n") -> Iterator[tuple[str, int]]:
    """Yield the text of a file and how many bytes have been read by then; a byte order mark is left out.

    Raises FileUnreadableError with the line of what is not in that encoding.
    """
    decoder = codecs.getincrementaldecoder(_CODECS.get(encoding, encoding))()
    line, done, first = 1, 0, True
    with opened(path) as file:
        while True:
            try:
                data = file.read(BLOCK)
            except OSError as exc:
                raise FileUnreadableError(f"can't read {path}: {exc.strerror or exc}") from exc
            try:
                text = decoder.decode(data, final=not data)
            except UnicodeDecodeError as exc:
                broken = line + exc.object.count(newline.encode(), 0, exc.start)
                raise FileUnreadableError(
                    f"{path} is not in {encoding}: line {broken} holds a byte that is no character there",
                    line=broken,
                    hint="choose another encoding",
                ) from exc
            done += len(data)
            line += text.count(newline)
            if first and text:
                text, first = text.removeprefix("\ufeff"), False
            if text:
                yield text, done
            if not data:
                return
