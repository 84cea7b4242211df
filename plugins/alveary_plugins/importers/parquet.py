"""Parquet: the types are the file's own; numbers, dates and times as the texts that hold them exactly."""

from __future__ import annotations

import json
import os
from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped]  # it brings no types
import pyarrow.compute as pc  # type: ignore[import-untyped]  # the same
import pyarrow.parquet as pq  # type: ignore[import-untyped]  # the same

from alveary.contracts.importer import Chunk, FileColumn, Importer, JsonText
from alveary.contracts.setting import Value
from alveary.contracts.types import ColumnType, Kind
from alveary.contracts.values import Cell
from alveary.errors import FileUnreadableError

_ROWS = 4096
"""Rows of one chunk."""


class ParquetImporter(Importer):
    """Reads a file row group by row group; the line of a row is its number."""

    def columns(self) -> tuple[FileColumn, ...]:
        with self._opened() as file:
            return tuple(FileColumn(name=field.name, type=_type(field.type)) for field in file.schema_arrow)

    def settled(self) -> dict[str, Value]:
        return {}

    def chunks(self, columns: Sequence[FileColumn]) -> Iterator[Chunk]:
        size, number = os.path.getsize(self.path), 1
        with self._opened() as file:
            whole = max(file.metadata.num_rows, 1)
            try:
                for batch in file.iter_batches(batch_size=_ROWS):
                    cells = [
                        self._cells(name, array) for name, array in zip(batch.schema.names, batch.columns, strict=True)
                    ]
                    rows = list(zip(*cells, strict=True))
                    done = size * (number + len(rows) - 1) // whole
                    yield Chunk(range(number, number + len(rows)), rows, done)
                    number += len(rows)
            except (pa.ArrowException, OSError) as exc:
                raise self._unreadable(exc) from exc

    def _opened(self) -> Any:
        try:
            return pq.ParquetFile(self.path)
        except (pa.ArrowException, OSError) as exc:
            raise self._unreadable(exc) from exc

    def _unreadable(self, exc: Exception) -> FileUnreadableError:
        return FileUnreadableError(f"can't read {self.path}: {str(exc).splitlines()[0] if str(exc) else exc}")

    def _cells(self, name: str, array: Any) -> Sequence[Cell]:
        if pa.types.is_dictionary(array.type):
            array = array.dictionary_decode()
        kind = array.type
        if pa.types.is_timestamp(kind) or pa.types.is_time(kind):
            micro = pa.timestamp("us", kind.tz) if pa.types.is_timestamp(kind) else pa.time64("us")
            try:
                texts = pc.cast(array.cast(micro), pa.string()).to_pylist()
            except pa.ArrowInvalid as exc:
                raise FileUnreadableError(
                    f"column {name} counts nanoseconds, which would be lost: {exc}", hint="leave the column out"
                ) from exc
            return [None if text is None else _shortened(text) for text in texts]
        if pa.types.is_decimal(kind) or pa.types.is_date(kind) or kind == pa.uint64():
            cells: list[Cell] = pc.cast(array, pa.string()).to_pylist()
            return cells
        if pa.types.is_nested(kind) or pa.types.is_duration(kind):
            return [
                None if value is None else JsonText(json.dumps(value, default=_json)) for value in array.to_pylist()
            ]
        plain: list[Cell] = array.to_pylist()
        return plain


def _shortened(text: str) -> str:
    """Return a time without zeros at the end of its fraction."""
    zone = "Z" if text.endswith("Z") else ""
    text = text.removesuffix("Z")
    return (text.rstrip("0").rstrip(".") if "." in text else text) + zone


def _json(value: object) -> str:
    return b64encode(value).decode() if isinstance(value, bytes) else str(value)


_KINDS: tuple[tuple[Callable[[Any], bool], Kind], ...] = (
    (pa.types.is_boolean, Kind.BOOLEAN),
    (lambda kind: kind in (pa.int8(), pa.uint8(), pa.int16()), Kind.SMALLINT),
    (lambda kind: kind in (pa.uint16(), pa.int32()), Kind.INTEGER),
    (lambda kind: kind in (pa.uint32(), pa.int64()), Kind.BIGINT),
    (lambda kind: kind in (pa.float16(), pa.float32()), Kind.REAL),
    (pa.types.is_float64, Kind.DOUBLE),
    (pa.types.is_date, Kind.DATE),
    (pa.types.is_time, Kind.TIME),
    (lambda kind: pa.types.is_timestamp(kind) and kind.tz is None, Kind.TIMESTAMP),
    (pa.types.is_timestamp, Kind.TIMESTAMPTZ),
    (lambda kind: pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind),
     Kind.BINARY),
    (pa.types.is_nested, Kind.JSON),
)  # fmt: skip


def _type(kind: Any) -> ColumnType:
    if pa.types.is_dictionary(kind):
        return _type(kind.value_type)
    if pa.types.is_decimal(kind):
        return ColumnType(kind=Kind.DECIMAL, precision=max(kind.precision, kind.scale), scale=max(kind.scale, 0))
    if kind == pa.uint64():
        return ColumnType(kind=Kind.DECIMAL, precision=20, scale=0)
    return ColumnType(kind=next((found for test, found in _KINDS if test(kind)), Kind.TEXT))
