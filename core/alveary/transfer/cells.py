"""Cells on their way into a column of another kind: made fit, checked, and as one text whichever engine holds them."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation

from alveary.contracts.importer import Fault, JsonText, Numeral
from alveary.contracts.types import Kind
from alveary.contracts.values import Cell, Row, cell_text, float_text
from alveary.transfer.inference import all_of, is_of

_TRUTHS: dict[object, bool] = {"t": True, "f": False, "true": True, "false": False}
_UNKNOWN = object()
_TRUTHS_OR_NULL: dict[object, object] = {**_TRUTHS, "0": "0", "1": "1", None: None}
_NAMES = {
    Kind.SMALLINT: "a whole number",
    Kind.INTEGER: "a whole number",
    Kind.BIGINT: "a whole number",
    Kind.DECIMAL: "a decimal number",
    Kind.REAL: "a number",
    Kind.DOUBLE: "a number",
    Kind.BOOLEAN: "true or false",
    Kind.BINARY: "bytes in hexadecimal, as in 0x00FF",
    Kind.DATE: "a date, as in 2024-12-31",
    Kind.TIME: "a time, as in 23:59:59",
    Kind.TIMESTAMP: "a date and time, as in 2024-12-31 23:59:59",
    Kind.TIMESTAMPTZ: "a date, time and zone, as in 2024-12-31 23:59:59+01",
    Kind.JSON: "JSON",
}
_BITS = {Kind.SMALLINT: 16, Kind.INTEGER: 32, Kind.BIGINT: 64}


class Unfit(ValueError):
    """A cell that can't stand in its column; the message says why."""


def fitted(kind: Kind, cell: Cell, *, checked: bool) -> Cell:
    """Return a cell as a column of that kind takes it; Unfit if it can't, where that is ours to find out."""
    if cell is None or not isinstance(cell, str):
        return cell
    if kind is Kind.BOOLEAN:
        truth = _TRUTHS.get(cell.lower())
        if truth is None and checked and cell not in ("0", "1"):
            raise Unfit(f"it is not {_NAMES[kind]}")
        return cell if truth is None else truth
    if kind is Kind.BINARY:
        if cell[:2] in ("0x", "\\x"):
            with suppress(ValueError):
                return bytes.fromhex(cell[2:])
        raise Unfit(f"it is not {_NAMES[kind]}")
    if checked:
        if not (_is_json(cell) if kind is Kind.JSON else is_of(kind, cell)):
            raise Unfit(f"it is not {_NAMES.get(kind, kind.value)}")
        if kind in _BITS and not -(1 << _BITS[kind] - 1) <= int(cell) < 1 << _BITS[kind] - 1:
            raise Unfit(f"it does not fit into {_BITS[kind]} bits")
    return cell


class Fitting:
    """Makes rows fit, column by column where there is anything to do; what does not fit is a fault."""

    def __init__(
        self, names: Sequence[str], kinds: Sequence[Kind], checked: Sequence[bool], *, from_json: bool = False
    ) -> None:
        """``checked`` says of which columns the form of the values is ours to check; ``from_json`` that they are
        values of JSON, which a column of JSON holds as they are."""
        self._names = names
        self._documents = [place for place, kind in enumerate(kinds) if from_json and kind is Kind.JSON]
        self._todo = [
            (place, kind, check)
            for place, (kind, check) in enumerate(zip(kinds, checked, strict=True))
            if kind in (Kind.BOOLEAN, Kind.BINARY) or (check and kind not in (Kind.TEXT, Kind.OTHER, Kind.UUID))
        ]

    def __call__(self, rows: list[Row], lines: Sequence[int]) -> tuple[list[Row], Sequence[int], list[Fault]]:
        """Return the rows that fit, their lines, and the faults of the others."""
        faults: list[Fault] = []
        if not rows or self._stay(rows):
            return rows, lines, faults
        columns: list[Sequence[Cell]] = list(zip(*rows, strict=True))
        for place in self._documents:
            columns[place] = [_document(cell) for cell in columns[place]]
        bad: set[int] = set()
        for place, kind, check in self._todo:
            if (whole := _column(kind, columns[place], checked=check)) is not None:
                columns[place] = whole
                continue
            made: list[Cell] = []
            for number, cell in enumerate(columns[place]):
                try:
                    made.append(fitted(kind, cell, checked=check))
                except Unfit as exc:
                    made.append(None)
                    if number not in bad:
                        bad.add(number)
                        faults.append(
                            Fault(
                                line=lines[number],
                                column=self._names[place],
                                value=cell_text(cell or ""),
                                reason=str(exc),
                            )
                        )
            columns[place] = made
        fit: list[Row] = list(zip(*columns, strict=True))
        if not bad:
            return fit, lines, faults
        faults.sort(key=lambda fault: fault.line)
        kept = [number for number in range(len(fit)) if number not in bad]
        return [fit[number] for number in kept], [lines[number] for number in kept], faults

    def _stay(self, rows: list[Row]) -> bool:
        """Tell whether rows are as they should be; False may also mean that each cell must be looked at."""
        if self._documents or any(kind in (Kind.BOOLEAN, Kind.BINARY) for _, kind, _ in self._todo):
            return False
        for place, kind, check in self._todo:
            cells = [row[place] for row in rows]
            if _column(kind, cells, checked=check) is not cells:
                return False
        return True


def _document(cell: Cell) -> Cell:
    """Return a value of JSON as the text of it; its null is NULL."""
    if cell is None or isinstance(cell, JsonText | Numeral):
        return cell
    return json.dumps(cell, ensure_ascii=False)


def _column(kind: Kind, cells: Sequence[Cell], *, checked: bool) -> Sequence[Cell] | None:
    """Return a column made fit at once, which is how almost all are; None where each cell must be looked at."""
    if kind is Kind.BOOLEAN:
        found = [_TRUTHS_OR_NULL.get(cell, _UNKNOWN) for cell in cells]
        return None if _UNKNOWN in found else found  # type: ignore[return-value]  # then all of them are cells
    if kind is Kind.BINARY or not checked:
        return None
    present: list[str] = [cell for cell in cells if cell is not None]  # type: ignore[misc]  # looked at below
    if not present:
        return cells
    return cells if set(map(type, present)) == {str} and all_of(kind, present) else None


# -- the same text on both sides ---------------------------------------------------------------------------------


def canonical(kind: Kind) -> Callable[[Cell], str]:
    """Return what turns the cells of a kind into one text, whichever engine they come from; NULL is no cell of it."""
    return _CANONICAL.get(kind, _text)


def _text(cell: Cell) -> str:
    return cell_text(cell)


def _number(cell: Cell) -> str:
    with suppress(InvalidOperation, ValueError):
        number = Decimal(cell_text(cell))
        if not number.is_finite():
            return float_text(float(number))
        return "0" if not number else f"{number.normalize():f}"
    return cell_text(cell)


def _double(cell: Cell) -> str:
    with suppress(ValueError):
        return float_text(float(cell_text(cell)) + 0.0)
    return cell_text(cell)


def single(cell: Cell) -> str:
    """Return the shortest text of a number of single precision, or the cell's own where it is none."""
    text = cell_text(cell)
    with suppress(ValueError, OverflowError):
        number = float(text)
        held = struct.pack("f", number)
        for digits in range(1, 10):
            shorter = float(f"{number:.{digits}g}")
            if struct.pack("f", shorter) == held:
                return float_text(shorter + 0.0)
    return text


def _boolean(cell: Cell) -> str:
    text = cell_text(cell).lower()
    return {"t": "true", "1": "true", "f": "false", "0": "false"}.get(text, text)


def _bytes(cell: Cell) -> str:
    if isinstance(cell, str) and cell[:2] in ("\\x", "0x"):
        return cell[2:].lower()
    return cell.hex() if isinstance(cell, bytes) else cell_text(cell)


def _moment(cell: Cell) -> str:
    text = cell_text(cell)
    with suppress(ValueError):
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is not None:
            moment = moment.astimezone(UTC).replace(tzinfo=None)
        return moment.isoformat(" ", "microseconds")
    return text


def _time(cell: Cell) -> str:
    whole, _, fraction = cell_text(cell).partition(".")
    return f"{whole}.{fraction.rstrip('0')}".rstrip(".")


def _json(cell: Cell) -> str:
    with suppress(ValueError, RecursionError):
        return json.dumps(json.loads(cell_text(cell), parse_float=Decimal), sort_keys=True, default=_number)
    return cell_text(cell)


def _is_json(text: str) -> bool:
    with suppress(ValueError, RecursionError):
        json.loads(text)
        return True
    return False


_CANONICAL: dict[Kind, Callable[[Cell], str]] = {
    **dict.fromkeys((Kind.SMALLINT, Kind.INTEGER, Kind.BIGINT, Kind.DECIMAL), _number),
    Kind.REAL: single,
    Kind.DOUBLE: _double,
    Kind.BOOLEAN: _boolean,
    Kind.BINARY: _bytes,
    Kind.TIMESTAMP: _moment,
    Kind.TIMESTAMPTZ: _moment,
    Kind.TIME: _time,
    Kind.JSON: _json,
}


class Digest:
    """A sum over the rows of a table by their canonical texts, whatever order they come in."""

    def __init__(self, kinds: Iterable[Kind]) -> None:
        import hashlib  # a fiftieth of a second, for those who ask

        self._texts = [canonical(kind) for kind in kinds]
        self._hash = hashlib.sha256
        self._sum = 0
        self.rows = 0

    def add(self, rows: Iterable[Row]) -> None:
        """Take rows into the sum."""
        for row in rows:
            cells = [None if cell is None else text(cell) for text, cell in zip(self._texts, row, strict=True)]
            line = json.dumps(cells).encode()
            self._sum = (self._sum + int.from_bytes(self._hash(line).digest(), "big")) % (1 << 256)
            self.rows += 1

    def hexdigest(self) -> str:
        """Return the sum in hexadecimal."""
        return f"{self._sum:064x}"
