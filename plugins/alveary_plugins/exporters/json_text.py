"""JSON and JSON Lines: every value as exact as JSON can hold it, and what it can't as the server's text."""

from __future__ import annotations

import re
from abc import abstractmethod
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from json.encoder import encode_basestring
from math import isfinite
from typing import ClassVar

import msgspec

from alveary.contracts.exporter import Exporter, ExportOptions
from alveary.contracts.values import Cell, Column, Row, ValueKind, cell_text
from alveary_plugins.exporters.terminal import escape_json

_encode = msgspec.json.Encoder().encode
# Reads a text through without building anything: the fastest way there is to ask whether it is JSON.
_read = msgspec.json.Decoder(msgspec.Raw).decode
_NOT_JSON = (msgspec.DecodeError, UnicodeEncodeError, RecursionError)

_numeric = re.compile("[-+.,0-9eE]+").fullmatch
# Line ends and tabs can't stand inside a JSON string, so in valid JSON they mean nothing, nor does an indent.
_LAYOUT = re.compile(r"[\t\r\n][\t\r\n ]*")
_SURROGATE = re.compile("[\ud800-\udfff]")


class ObjectsExporter(Exporter):
    """Makes an object of each row.

    A batch is encoded column by column and put between the keys, which never change: all the pieces of a batch in one
    list, column by column, and joined once.
    """

    separator: ClassVar[bytes]
    """One byte behind each object."""

    def __init__(
        self, write: Callable[[bytes], object], options: ExportOptions, *, rows: str = "objects", binary: str = "hex"
    ) -> None:
        super().__init__(write, options)
        self._arrays, self._base64 = rows == "arrays", binary == "base64"
        self._pieces: list[bytes] = []
        """Those of a row: a key, and where its value will be; what ends the row."""
        self._columns: Sequence[Column] = ()

    def begin(self, columns: Sequence[Column]) -> None:
        self._columns = columns
        opening, closing = (b"[", b"]") if self._arrays else (b"{", b"}")
        names = list(map(_string, unique_names([column.name for column in columns])))
        self._pieces = []
        for position, name in enumerate(names):
            self._pieces += ((b"," if position else opening) + (b"" if self._arrays else name + b":"), b"")
        self._pieces.append(closing + self.separator)
        if self._arrays and self.options.header:
            self._put(opening + b",".join(names) + closing + self.separator)

    def rows(self, rows: Sequence[Row]) -> None:
        if not rows:
            return
        pieces, width = self._pieces * len(rows), len(self._pieces)
        for position, (column, cells) in enumerate(zip(self._columns, zip(*rows, strict=True), strict=True)):
            given = [_base64(column, cell) for cell in cells] if self._base64 else cells
            pieces[2 * position + 1 :: width] = _values(column.kind, given)
        self._put(b"".join(pieces))

    def _put(self, objects: bytes) -> None:
        data = self.placed(objects)
        self.write(escape_json(data.decode()).encode() if self.options.terminal else data)

    @abstractmethod
    def placed(self, objects: bytes) -> bytes:
        """Return objects, at least one and a separator behind each, as they stand in the output."""


class JsonExporter(ObjectsExporter):
    """An array of objects per result, on one line."""

    separator = b","
    _opening = b"["

    def begin(self, columns: Sequence[Column]) -> None:
        self._opening = b"["
        super().begin(columns)

    def placed(self, objects: bytes) -> bytes:
        opening, self._opening = self._opening, b","
        return opening + objects[:-1]

    def end(self, whole: bool) -> None:
        # Without its closing bracket an array that was cut short can't be read as a whole one.
        rest = b"]\n" if whole else b"\n"
        self.write(b"[" + rest if self._opening == b"[" else rest)


class JsonLinesExporter(ObjectsExporter):
    """An object per row, each on its line."""

    separator = b"\n"

    def placed(self, objects: bytes) -> bytes:
        return objects

    def end(self, whole: bool) -> None:
        return


def unique_names(names: Sequence[str]) -> list[str]:
    """Return the names with repeated ones numbered (``a``, ``a_2``, ``a_3``), past any that are taken."""
    taken = set(names)
    counts: dict[str, int] = {}
    unique = []
    for name in names:
        candidate = name
        number = counts.get(name, 1)
        while number > 1 and (candidate := f"{name}_{number}") in taken:
            number += 1
        counts[name] = number + 1
        taken.add(candidate)
        unique.append(candidate)
    return unique


def _base64(column: Column, cell: Cell) -> Cell:
    """Return the bytes that a cell stands for in base64, and any other cell as it is."""
    if isinstance(cell, str) and column.kind is ValueKind.BINARY:
        cell = column.decode(cell)
    return b64encode(cell).decode() if isinstance(cell, bytes) else cell


def _values(kind: ValueKind, cells: Sequence[Cell]) -> Sequence[bytes]:
    """Return the cells of a column as JSON values."""
    try:
        # Most cells are text; to ask for their classes first takes three times as long as this.
        "".join(cells)  # type: ignore[arg-type]  # refused by join() unless all are text
    except TypeError:
        return _mixed_values(kind, cells)
    texts: Sequence[str] = cells  # type: ignore[assignment]  # they are
    if kind is ValueKind.NUMBER:
        return _numbers(texts)
    if kind is ValueKind.JSON:
        return list(map(_embedded, texts))
    if kind is ValueKind.BOOLEAN:
        values = list(map(_BOOLEANS.get, texts))
        return list(map(_boolean, texts)) if None in values else values  # type: ignore[return-value]  # it is not
    try:
        return list(map(_encode, texts))
    except UnicodeEncodeError:
        return list(map(_string, texts))


def _mixed_values(kind: ValueKind, cells: Sequence[Cell]) -> Sequence[bytes]:
    classes = set(map(type, cells))
    from_text = _FROM_TEXT.get(kind)
    if from_text and str in classes:
        return [from_text(cell) if type(cell) is str else _value(cell) for cell in cells]
    if bytes not in classes:
        try:
            values = list(map(_encode, cells))
        except UnicodeEncodeError:
            pass
        else:
            # The encoder makes null of what is not finite, too.
            if float not in classes or values.count(b"null") == cells.count(None):
                return values
    return list(map(_value, cells))


def _value(cell: Cell) -> bytes:
    """Return any cell as JSON; numbers JSON has no word for, and bytes, become strings."""
    if isinstance(cell, bytes) or (isinstance(cell, float) and not isfinite(cell)):
        cell = cell_text(cell)
    return _string(cell) if isinstance(cell, str) else _encode(cell)


def _string(text: str) -> bytes:
    """Return a JSON string; a lone surrogate, which UTF-8 can't hold, as its escape."""
    try:
        return _encode(text)
    except UnicodeEncodeError:
        return _SURROGATE.sub(lambda match: f"\\u{ord(match[0]):04x}", encode_basestring(text)).encode()


def _numbers(texts: Sequence[str]) -> Sequence[bytes]:
    """Return a server's numbers, three times as fast as one by one where all of them are JSON already."""
    together = ",".join(texts)
    if _numeric(together) and together.count(",") == len(texts) - 1:
        with suppress(*_NOT_JSON):
            _read(f"[{together}]")
            return together.encode().split(b",")
    return list(map(_number, texts))


def _number(text: str) -> bytes:
    """Return a server's number with all its digits, or a string if JSON doesn't write numbers like that."""
    try:
        _read(text)
    except _NOT_JSON:
        return _string(text)
    # JSON that begins like a number and ends in a digit is a number without space around it.
    return text.encode() if text[0] in "-0123456789" and text[-1] in "0123456789" else _string(text)


def _boolean(text: str) -> bytes:
    return _BOOLEANS.get(text) or _string(text)


def _embedded(text: str) -> bytes:
    """Return a server's JSON as it is, on one line, or a string if it isn't JSON."""
    try:
        _read(text)
    except _NOT_JSON:
        return _string(text)
    return (text if text.isprintable() else _LAYOUT.sub("", text)).encode()


_BOOLEANS = {"t": b"true", "true": b"true", "f": b"false", "false": b"false"}
_FROM_TEXT: Mapping[ValueKind, Callable[[str], bytes]] = {
    ValueKind.NUMBER: _number,
    ValueKind.BOOLEAN: _boolean,
    ValueKind.JSON: _embedded,
}
