"""Parquet: every column in its exact type, or as text where no type of Parquet's holds all of its values."""

from __future__ import annotations

import contextlib
import csv
import tempfile
from collections.abc import Callable, Iterator, Sequence
from typing import IO, Any

import pyarrow as pa  # type: ignore[import-untyped]  # it brings no types
import pyarrow.parquet as pq  # type: ignore[import-untyped]  # the same

from alveary.contracts.exporter import Exporter, ExportOptions
from alveary.contracts.values import Column, Row
from alveary.errors import InvalidInputError
from alveary.output import output_error
from alveary.results import decode_page, encode_page
from alveary_plugins.exporters.arrow import POOL, TEXT, Seen, fit, keep, known_type, misfit
from alveary_plugins.exporters.json_text import unique_names
from alveary_plugins.exporters.stream import Stream

GROUP_BYTES = 32 << 20
"""Of a row group in memory, at most; it has fewer rows where they are wide."""
DICTIONARY_BYTES = 1 << 16
"""Of the different values of a column in a row group: with more of them a dictionary costs time and saves nothing."""
_LENGTH = 8


class ParquetExporter(Exporter):
    """Writes one result. A row group is kept in memory until it is full.

    Where a header leaves a type open (SQLite types each value, PostgreSQL's ``numeric`` may have any digits) the rows
    go to a temporary file first, so that the type is one that all of them have. Elsewhere the first row group can still
    change the type of a column to text; what does not fit later is an error.
    """

    def __init__(
        self,
        write: Callable[[bytes], object],
        options: ExportOptions,
        *,
        compression: str = "snappy",
        group: int = 65_536,
        text: str | None = None,
    ) -> None:
        super().__init__(write, options)
        self._stream = Stream(write)
        self._compression, self._most = compression, group
        self._as_text = {name.strip() for name in next(csv.reader([text or ""], skipinitialspace=True), [])}
        self._columns: Sequence[Column] = ()
        self._names: list[str] = []
        self._types: list[Any] = []
        self._seen: dict[int, Seen] = {}
        self._spool: _Spool | None = None
        self._kept: list[list[Any]] = []
        self._rows = self._bytes = self._written = 0
        self._writer: Any = None
        self._begun = False

    def begin(self, columns: Sequence[Column]) -> None:
        if self._begun:
            raise InvalidInputError(
                "a Parquet file holds one result, and this is a second one", hint="write each to a file of its own"
            )
        self._begun = True
        self._columns = columns
        self._names = unique_names([column.name.encode("utf-8", "backslashreplace").decode() for column in columns])
        if missing := self._as_text - {"*", *self._names}:
            raise InvalidInputError(f"the result has no column {min(missing)!r} that could be text")
        everything = "*" in self._as_text
        for name, column in zip(self._names, columns, strict=True):
            self._types.append(TEXT if everything or name in self._as_text else known_type(column))
        self._kept = [[] for _ in columns]
        self._seen = {place: Seen(columns[place]) for place, type in enumerate(self._types) if type is None}
        if self._seen:
            self._spool = _Spool()

    def rows(self, rows: Sequence[Row]) -> None:
        if not rows:
            return
        if self._spool is None:
            self._keep(rows)
            return
        for place, seen in self._seen.items():
            seen.look([row[place] for row in rows])
        self._spool.add(rows)

    def end(self, whole: bool) -> None:
        if not whole:
            self._stream.abandoned = True
        if self._spool is not None:
            with contextlib.closing(self._spool):
                for place, seen in self._seen.items():
                    self._types[place] = seen.type()
                for rows in self._spool.pages() if whole else ():
                    self._keep(rows)
        if whole:
            self._write_group()
            self._writer.close()

    def finish(self) -> None:
        if not self._begun:
            raise InvalidInputError("no statement had a result, so there is nothing to write")

    def _keep(self, rows: Sequence[Row]) -> None:
        for column, type, kept, cells in zip(
            self._columns, self._types, self._kept, zip(*rows, strict=True), strict=True
        ):
            array = keep(column, cells, type)
            self._bytes += array.nbytes
            kept.append(array)
        self._rows += len(rows)
        if self._rows >= self._most or self._bytes >= GROUP_BYTES:
            self._write_group()

    def _write_group(self) -> None:
        """Write what is kept as a row group; none of it makes a file without rows."""
        arrays = []
        for place, kept in enumerate(self._kept):
            chunks = pa.chunked_array(kept, None if kept else self._types[place])
            arrays.append(self._fitted(place, pa.concat_arrays(chunks.chunks, POOL) if kept else chunks))
        if self._writer is None:
            schema = pa.schema(list(zip(self._names, self._types, strict=True)))
            self._writer = pq.ParquetWriter(
                pa.PythonFile(self._stream, mode="w"),
                schema,
                compression=self._compression,
                dictionary_pagesize_limit=DICTIONARY_BYTES,
                memory_pool=POOL,
            )
        if self._rows:
            table = pa.Table.from_arrays(arrays, schema=self._writer.schema)
            self._writer.write_table(table, row_group_size=self._rows)
        self._written += self._rows
        self._rows = self._bytes = 0
        self._kept = [[] for _ in self._columns]

    def _fitted(self, place: int, kept: Any) -> Any:
        type = self._types[place]
        try:
            return fit(kept, type)
        except ValueError as exc:
            if self._writer is None:
                self._types[place] = TEXT
                return kept
            row = misfit(kept, type)
            name = self._names[place]
            raise InvalidInputError(
                f"row {self._written + row + 1:,}, column {name}: {kept[row].as_py()!r} is no {type} of Parquet's",
                hint=f"--option text={name} writes the column as text",
            ) from exc


class _Spool:
    """Rows in a temporary file, gone with it."""

    def __init__(self) -> None:
        try:
            self._file: IO[bytes] = tempfile.TemporaryFile(prefix="alveary-")  # noqa: SIM115  # close() closes it
        except OSError as exc:
            raise output_error(exc, "a temporary file") from exc

    def add(self, rows: Sequence[Row]) -> None:
        page = encode_page(rows)
        try:
            self._file.write(len(page).to_bytes(_LENGTH, "little"))
            self._file.write(page)
        except OSError as exc:
            raise output_error(exc, "a temporary file") from exc

    def pages(self) -> Iterator[list[Row]]:
        """Yield all rows."""
        try:
            self._file.seek(0)
            while length := self._file.read(_LENGTH):
                yield decode_page(self._file.read(int.from_bytes(length, "little")))
        except OSError as exc:
            raise output_error(exc, "a temporary file") from exc

    def close(self) -> None:
        with contextlib.suppress(OSError):  # what is still to be written nobody will read
            self._file.close()
