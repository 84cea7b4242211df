"""JSON Lines: every number as it is written, what is nested as JSON; a key that is missing is NULL."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec

from alveary.contracts.importer import Chunk, Fault, FileColumn, Importer, JsonText, Numeral
from alveary.contracts.setting import Value
from alveary.contracts.values import Cell, Row
from alveary.errors import FileUnreadableError
from alveary_plugins.importers.text_files import blocks, find_encoding

_objects = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_arrays = msgspec.json.Decoder(list[msgspec.Raw]).decode
_text = msgspec.json.Decoder(str).decode
_CONSTANTS: dict[int, Cell] = {ord("t"): True, ord("f"): False, ord("n"): None}
_SHOWN = 200


class JsonLinesImporter(Importer):
    """Reads an object a line, whose keys are the columns; or arrays, the first of which holds the names."""

    is_json = True

    def __init__(self, path: str, *, encoding: str | None = None) -> None:
        super().__init__(path)
        self._encoding = encoding

    def columns(self) -> tuple[FileColumn, ...]:
        if self._encoding is None:
            self._encoding, note = find_encoding(self.path)
            if note is not None:
                self.notes.append(note)
        names: dict[str, None] = {}
        for place, (_, text, _) in enumerate(self._lines()):
            if place == 0 and text.lstrip()[:1] == "[":
                return tuple(FileColumn(name=str(name)) for name in self._header(text))
            try:
                names.update(dict.fromkeys(_objects(text.encode())))
            except (msgspec.DecodeError, UnicodeEncodeError):
                names.update(dict.fromkeys(_slowly(text) or ()))
        if not names:
            raise FileUnreadableError(f"{self.path} holds no object with a key, so there is no column in it")
        return tuple(FileColumn(name=name) for name in names)

    def settled(self) -> dict[str, Value]:
        return {"encoding": self._encoding}

    def chunks(self, columns: Sequence[FileColumn]) -> Iterator[Chunk]:
        names = [column.name for column in columns]
        chunk = Chunk([], [], 0)
        lines: list[int] = []
        reached = 0
        header: bool | None = None
        for number, text, done in self._lines():
            if done != reached and reached:
                chunk.lines, chunk.done = lines, reached
                yield chunk
                chunk, lines = Chunk([], [], 0), []
            reached = done
            if header is None and (header := text.lstrip()[:1] == "["):
                continue
            row = _row_of_array(text, len(names)) if header else _row(text, names)
            if isinstance(row, str):
                chunk.faults.append(Fault(line=number, column="", value=text[:_SHOWN], reason=row))
            else:
                lines.append(number)
                chunk.rows.append(row)
        chunk.lines, chunk.done = lines, reached
        yield chunk

    def _header(self, text: str) -> list[str]:
        try:
            return msgspec.json.decode(text, type=list[str])
        except msgspec.DecodeError as exc:
            raise FileUnreadableError(f"{self.path}: the first line is an array, but not one of names", line=1) from exc

    def _lines(self) -> Iterator[tuple[int, str, int]]:
        """Yield the number and text of each line that is not blank, and how far into the file its block reaches."""
        assert self._encoding is not None, "it is settled how to read the file"
        number, pieces, done = 1, list[str](), 0
        for text, done in blocks(self.path, self._encoding):
            head, newline, tail = text.rpartition("\n")
            if not newline:
                pieces.append(text)
                continue
            for line in ("".join(pieces) + head).split("\n"):
                if line and not line.isspace():
                    yield number, line, done
                number += 1
            pieces = [tail]
        if (line := "".join(pieces)) and not line.isspace():
            yield number, line, done


def _row(text: str, names: Sequence[str]) -> Row | str:
    """Return the cells of an object, or why there are none."""
    try:
        found = _objects(text.encode())
    except (msgspec.DecodeError, UnicodeEncodeError) as exc:
        slow = _slowly(text)
        return f"the line is no JSON object: {exc}" if slow is None else tuple([slow.get(name) for name in names])
    get = found.get
    try:
        return tuple([None if (raw := get(name)) is None else _cell(raw) for name in names])
    except (msgspec.DecodeError, UnicodeDecodeError):
        slow = _slowly(text) or {}
        return tuple([slow.get(name) for name in names])


def _row_of_array(text: str, width: int) -> Row | str:
    try:
        found = _arrays(text.encode())
    except (msgspec.DecodeError, UnicodeEncodeError) as exc:
        return f"the line is no JSON array: {exc}"
    if len(found) != width:
        return f"there are {len(found)} values where {width} are due"
    return tuple(map(_cell, found))


def _cell(raw: msgspec.Raw) -> Cell:
    data = bytes(raw)
    first = data[0]
    if first == 34:  # "
        return _text(data)
    if first in _CONSTANTS:
        return _CONSTANTS[first]
    return JsonText(data.decode()) if first in b"{[" else Numeral(data.decode())


def _slowly(text: str) -> dict[str, Cell] | None:
    """Return an object whose texts hold lone surrogates, which a faster reader refuses; None for what is no object."""
    hook: Callable[[str], Any] = Numeral
    try:
        found = json.loads(text, parse_float=hook, parse_int=hook, parse_constant=hook)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict):
        return None
    return {name: _plain(value) for name, value in found.items()}


def _plain(value: Any) -> Cell:
    return JsonText(json.dumps(value, ensure_ascii=False)) if isinstance(value, dict | list) else value
