"""Parts of a result on their way to the clipboard or to a file, exactly as the exporters write them."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeAlias

from alveary.arrangement import Arrangement
from alveary.contracts.exporter import ExportOptions, Origin
from alveary.contracts.values import Cell, Column, Row, cell_text
from alveary.errors import InvalidInputError, QueryCancelledError, QueryError, StorageError
from alveary.results import ResultSet
from alveary.saving import Format, Part, save
from alveary.statements import Statement
from alveary_shell.widgets.grid_view import Range, spans

if TYPE_CHECKING:
    from alveary.jobs import Job

FEW = 10_000
"""Cells that are copied by a thread of this process; a process for more takes a tenth of a second to start."""
MOST_COPIED = 16 << 20
"""Bytes that go to a clipboard at most; more freezes whoever pastes it."""

Opener: TypeAlias = Callable[[], ResultSet | Arrangement | None]
"""Opens rows, on any thread; None where there are none yet."""


def without_options(hint: str | None) -> str | None:
    """Return an exporter's hint without the options of the command line, which the window does not ask for."""
    if hint is None or "--option" not in hint:
        return hint
    kept = [part for part in hint.split("; ") if "--option" not in part]
    return "; ".join(kept) or "another format can hold it"


def selected_part(ranges: Sequence[Range]) -> Part:
    """Return the rows and the columns that ranges touch: where they do not make a rectangle, one around them all."""
    columns = spans([(each.left, each.right) for each in ranges])
    return Part(
        columns=tuple(column for start, end in columns for column in range(start, end)),
        rows=tuple(spans([(each.top, each.bottom) for each in ranges])),
    )


def copying(
    source: Opener, columns: Sequence[Column], part: Part, format: Format, origin: Origin
) -> Callable[[Job], str]:
    """Return the work that makes text of a part; it holds nothing of the window.

    One cell without a header is its bare text, for nobody wants quotes around that. More than a clipboard should hold
    raises InvalidInputError.
    """

    def work(job: Job) -> str:
        rows = _opened(source)
        cells = part.count(len(rows)) * len(part.columns or columns)
        if cells == 1 and not format.header:
            data = bare(next(iter(part.batches(rows)))[0][0]).encode("utf-8", "surrogatepass")
            return _checked(data).decode("utf-8", "surrogatepass")
        few = cells <= FEW
        data = _few(rows, columns, part, format, origin) if few else _many(rows, part, format, origin, job)
        return _checked(data).decode("utf-8", "surrogateescape")

    return work


def saving(
    source: Opener, part: Part, format: Format, origin: Origin, path: str, statement: Statement | None
) -> Callable[[Job], int]:
    """Return the work that writes a part to a file, and returns the number of rows; it holds nothing of the window.

    With ``statement``, whose rows they are, all rows are waited for; where they do not all come no file appears, and
    QueryError says why.
    """

    def work(job: Job) -> int:
        while statement is not None and not statement.wait(0.2):
            job.progress(statement.rows, "rows", item="waiting for the rows")
            if job.cancelled:
                raise QueryCancelledError("saving was cancelled")
        if statement is not None and statement.error is not None:
            raise QueryError("the file was not written: not all rows came", detail=statement.error.message)
        return save(_opened(source), format, path, part=part, origin=origin, job=job)

    return work


def checked(check: Callable[[str], object], path: str, work: Callable[[Job], int]) -> Callable[[Job], int]:
    """Return the work that writes a file, with what is to be said against its path, which ``check`` raises, first."""

    def checked_work(job: Job) -> int:
        check(path)
        return work(job)

    return checked_work


def value_at(source: Opener, position: int) -> Callable[[], Row | None]:
    """Return the work that reads one row whole; None where there is none."""

    def work() -> Row | None:
        rows = source()
        found = rows.window(position, position + 1) if rows is not None else ()
        return found[0] if found else None

    return work


def bare(cell: Cell) -> str:
    """Return a cell's text; nothing for NULL."""
    return "" if cell is None else cell_text(cell)


def clipboard_safe(text: str) -> tuple[str, int]:
    """Return text as a clipboard can hold it, and how many characters had to be replaced: NUL and lone surrogates."""
    if text.isascii() and "\0" not in text:
        return text, 0
    safe = "".join("␀" if each == "\0" else "\ufffd" if "\ud800" <= each <= "\udfff" else each for each in text)
    return safe, sum(a != b for a, b in zip(text, safe, strict=True))


def _few(rows: ResultSet | Arrangement, columns: Sequence[Column], part: Part, format: Format, origin: Origin) -> bytes:
    chunks: list[bytes] = []
    exporter = format.exporter()(chunks.append, ExportOptions(header=format.header, null=format.null))
    exporter.origin = origin
    exporter.begin(columns if part.columns is None else [columns[column] for column in part.columns])
    for batch in part.batches(rows):
        exporter.rows(batch)
    exporter.end(True)
    exporter.finish()
    return b"".join(chunks)


def _many(rows: ResultSet | Arrangement, part: Part, format: Format, origin: Origin, job: Job) -> bytes:
    result = rows.result if isinstance(rows, Arrangement) else rows
    path = result.directory / f"copy-{os.urandom(8).hex()}"
    try:
        save(rows, format, str(path), part=part, origin=origin, most=MOST_COPIED, job=job)
        return path.read_bytes()
    except InvalidInputError as exc:
        raise _too_much() from exc
    finally:
        path.unlink(missing_ok=True)


def _checked(data: bytes) -> bytes:
    if len(data) > MOST_COPIED:
        raise _too_much()
    return data


def _too_much() -> InvalidInputError:
    return InvalidInputError(
        f"that is more than the {MOST_COPIED >> 20} MB a clipboard should hold", hint="save it to a file instead"
    )


def _opened(source: Opener) -> ResultSet | Arrangement:
    if (rows := source()) is None:
        raise StorageError("there are no rows yet")
    return rows
