"""Files: which format one is in, what all of it tells of its columns, and its rows as a worker takes them."""

from __future__ import annotations

import os
import queue
import stat
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Protocol, TypeAlias, TypeVar

import msgspec

from alveary.contracts.factory import load_factory
from alveary.contracts.importer import Chunk, Fault, FileColumn, Importer, Passage
from alveary.contracts.setting import Value
from alveary.contracts.specs import ImporterSpec
from alveary.contracts.types import ColumnType, Kind
from alveary.contracts.values import Row, cell_text
from alveary.errors import ChecksumMismatchError, FileUnreadableError, QueryCancelledError, UnknownFormatError
from alveary.formats import find_format
from alveary.plugins import Registry
from alveary.strangers import guarded
from alveary.transfer.cells import Fitting
from alveary.transfer.inference import Profile
from alveary.wire import Small
from alveary.workers.loading import Portion, TextPortion

MOST_FAULTS = 100
"""Faults of a file that are told when it is only looked at."""
_BLOCK = 1 << 20


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """By what a file is known to be the same as before: its size in bytes and when it was last written."""

    size: int
    written: int


class Opened(msgspec.Struct, frozen=True, kw_only=True):
    """A file and how it is read, all of it settled."""

    path: str
    format: str
    factory: str
    options: dict[str, Value]
    columns: tuple[FileColumn, ...]
    identity: Identity
    notes: tuple[str, ...] = ()

    def importer(self) -> Importer:
        """Return what reads the file."""
        return _importer(self.factory, self.path, self.options)


class ColumnSurvey(msgspec.Struct, frozen=True, kw_only=True):
    """What all values of a column tell: the type that holds them exactly, and what kept it from being a narrower one.

    ``misfit`` is the first value unlike those before it, which made text of the column. ``has_minus_zero`` tells of a
    double, that one of them is -0.
    """

    name: str
    type: ColumnType
    has_null: bool
    longest: int
    misfit: Fault | None = None
    has_minus_zero: bool = False


class Survey(msgspec.Struct, frozen=True, kw_only=True):
    """What a look at all of a file tells. ``faults`` are the first of ``faulty`` records that are no rows."""

    columns: tuple[ColumnSurvey, ...]
    rows: int
    faulty: int
    faults: tuple[Fault, ...]


def identify(path: str) -> Identity:
    """Return by what a file is known; FileUnreadableError for what is none."""
    try:
        found = os.stat(path)
        os.close(os.open(path, os.O_RDONLY)) if stat.S_ISREG(found.st_mode) else None
    except (OSError, ValueError) as exc:
        reason = exc.strerror if isinstance(exc, OSError) else str(exc)
        raise FileUnreadableError(f"can't read {path}: {reason}") from exc
    if not stat.S_ISREG(found.st_mode):
        what = "it is a folder" if stat.S_ISDIR(found.st_mode) else "it is no file"
        raise FileUnreadableError(f"can't read {path}: {what}", hint="what is imported is read more than once")
    return Identity(size=found.st_size, written=found.st_mtime_ns)


def sha256(path: str, job: Watched, size: int) -> str:
    """Return the SHA-256 of a file, in hexadecimal."""
    import hashlib

    digest, done = hashlib.sha256(), 0
    try:
        with open(path, "rb") as file:
            while data := file.read(_BLOCK):
                if job.cancelled:
                    raise QueryCancelledError("cancelled")
                digest.update(data)
                done += len(data)
                job.progress(done, "bytes", whole=size, item="checksum")
    except OSError as exc:
        raise FileUnreadableError(f"can't read {path}: {exc.strerror or exc}") from exc
    return digest.hexdigest()


def check_sha256(path: str, expected: str, job: Watched, size: int) -> str:
    """Return the SHA-256 of a file; ChecksumMismatchError, with both, if it is another one than expected."""
    expected = expected.strip().lower()
    actual = sha256(path, job, size)
    if actual != expected:
        raise ChecksumMismatchError(
            f"{path} is not the file that is expected: its SHA-256 is {actual}, not {expected}",
            detail=f"expected {expected}, actual {actual}",
            hint="nothing was touched",
            file=path,
            expected=expected,
            actual=actual,
        )
    return actual


_UNREADABLE = {
    b"PK\x03\x04": "a ZIP archive, as spreadsheets are",
    b"\xd0\xcf\x11\xe0": "an old Office document",
    b"\x1f\x8b": "compressed with gzip",
    b"SQLite format 3\x00": "an SQLite database",
}
"""How files begin that would be taken for one strange column of text."""


def find_importer(importers: Registry[ImporterSpec], path: str, name: str | None) -> ImporterSpec:
    """Return the format a file is in: the one that is named, or by its ending, or by how it begins.

    Raises UnknownFormatError for a name that no format has, and for what is known not to be read by any.
    """
    if name is not None:
        return find_format(importers, name)
    ending = Path(path).suffix.lower()
    for spec in importers:
        if ending and ending in spec.extensions:
            return spec
    try:
        with open(path, "rb") as file:
            head = file.read(16)
    except OSError as exc:
        raise FileUnreadableError(f"can't read {path}: {exc.strerror or exc}") from exc
    if what := next((what for magic, what in _UNREADABLE.items() if head.startswith(magic)), None):
        raise UnknownFormatError(
            f"can't import {path}: it is {what}",
            hint=f"make a text file of it, such as CSV; formats: {', '.join(importers.ids())}",
        )
    guess = "parquet" if head.startswith(b"PAR1") else "jsonl" if head.lstrip()[:1] in (b"{", b"[") else "csv"
    return find_format(importers, guess)


class Watched(Protocol):
    """Who is told how far work is, and tells whether it is still wanted: a job."""

    @property
    def cancelled(self) -> bool: ...

    def progress(
        self, done: int, unit: str, *, whole: int | None = None, item: str = "", percent: float | None = None
    ) -> None: ...


def open_with(path: str, format: str, factory: str, options: Mapping[str, Value], identity: Identity) -> Opened:
    """Look at a file as far as it takes to know its columns, and return how it is read; the options are checked."""
    importer = _importer(factory, path, options)
    columns = importer.columns()
    return Opened(
        path=path,
        format=format,
        factory=factory,
        options=importer.settled(),
        columns=columns,
        identity=identity,
        notes=tuple(importer.notes),
    )


SampleCells: TypeAlias = tuple[int, tuple[str | None, ...]]
"""A line and the texts of its cells."""


def survey(opened: Opened, job: Watched, *, keep: int = 0, most: int | None = None) -> tuple[Survey, list[SampleCells]]:
    """Look at every value of a file and return what they tell, and the first ``keep`` rows with their lines.

    ``most`` rows are looked at, None for all of them.
    """
    profiles = [Profile() if column.type is None else None for column in opened.columns]
    rows = faulty = 0
    faults: list[Fault] = []
    kept: list[SampleCells] = []
    for chunk in opened.importer().chunks(opened.columns):
        if job.cancelled:
            raise QueryCancelledError("cancelled")
        faulty += len(chunk.faults)
        faults += chunk.faults[: MOST_FAULTS - len(faults)]
        if chunk.rows:
            if len(kept) < keep:
                kept += [
                    (line, _texts(row)) for line, row in zip(chunk.lines, chunk.rows[: keep - len(kept)], strict=False)
                ]
            for profile, cells in zip(profiles, zip(*chunk.rows, strict=True), strict=True):
                if profile is not None:
                    profile.look(cells, chunk.lines)
        rows += len(chunk.rows)
        done, size = chunk.done, opened.identity.size
        job.progress(rows, "rows", item=f"looking at {size / 1e6:,.1f} MB", percent=100.0 * done / max(size, 1))
        if most is not None and rows >= most:
            break
    columns = tuple(_told(column, profile) for column, profile in zip(opened.columns, profiles, strict=True))
    return Survey(columns=columns, rows=rows, faulty=faulty, faults=tuple(faults)), kept


def _texts(row: Row) -> tuple[str | None, ...]:
    return tuple([None if cell is None else cell_text(cell) for cell in row])


def _told(column: FileColumn, profile: Profile | None) -> ColumnSurvey:
    if profile is None:
        return ColumnSurvey(name=column.name, type=column.type or ColumnType(kind=Kind.TEXT), has_null=True, longest=0)
    misfit = None
    if profile.first_text is not None:
        line, value = profile.first_text
        misfit = Fault(line=line, column=column.name, value=value[:200], reason="it is unlike the values before it")
    return ColumnSurvey(
        name=column.name,
        type=profile.narrowest(),
        has_null=profile.has_null,
        longest=profile.longest,
        misfit=misfit,
        has_minus_zero=profile.has_minus_zero,
    )


def _importer(factory: str, path: str, options: Mapping[str, Value]) -> Importer:
    with guarded(f"the format {factory} can't be loaded"):
        make: Callable[..., Importer] = load_factory(factory)
    return make(path, **{name: value for name, value in options.items() if value is not None})


# -- in the worker -----------------------------------------------------------------------------------------------


class FileTask(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker is told to read: a file, which of its columns, of which kind each is for the table, and whether
    the form of its values is ours to check."""

    opened: Opened
    picks: tuple[Small, ...]
    kinds: tuple[Kind, ...]
    checked: tuple[bool, ...]


class FileRows:
    """The rows of a file as a :class:`~alveary.workers.loading.RowSource`."""

    def __init__(self, arguments: bytes, _: object) -> None:
        self._task = msgspec.msgpack.decode(arguments, type=FileTask)

    def portions(self, _: object) -> Iterator[Portion | TextPortion]:
        """Yield the rows, the faults of those that can't be taken beside them; one portion is read ahead."""
        return _one_ahead(self._portions())

    def _portions(self) -> Iterator[Portion | TextPortion]:
        task = self._task
        opened, picks = task.opened, task.picks
        names = [opened.columns[pick].name for pick in picks]
        importer = opened.importer()
        fitting = Fitting(names, task.kinds, task.checked, from_json=importer.is_json)
        as_they_are = list(picks) == list(range(len(opened.columns)))
        self._check()
        # Text goes as it is where all of it does, nothing of it is ours to check, and no bytes are to be made of it.
        as_text = as_they_are and not any(task.checked) and Kind.BINARY not in task.kinds

        def portion(chunk: Chunk) -> Portion:
            rows = chunk.rows if as_they_are else [tuple([row[pick] for pick in picks]) for row in chunk.rows]
            rows, lines, faults = fitting(rows, chunk.lines)
            return Portion(rows, lines, chunk.done, sorted([*chunk.faults, *faults], key=lambda fault: fault.line))

        found: Iterator[Chunk | Passage] = (
            importer.passages(opened.columns) if as_text else importer.chunks(opened.columns)
        )
        for each in found:
            if isinstance(each, Passage):
                yield TextPortion(each.text, each.form, each.count, each.done, lambda each=each: portion(each.read()))  # type: ignore[misc]  # mypy can't infer a default
            else:
                yield portion(each)
        self._check()

    def digest(self) -> str | None:
        """Return nothing: of a file there is a checksum of its own."""
        return None

    def cancel(self) -> None:
        """Do nothing: a portion never takes long."""
        return

    def close(self) -> None:
        """Do nothing: the file is closed when it is read."""
        return

    def _check(self) -> None:
        if identify(self._task.opened.path) != self._task.opened.identity:
            raise FileUnreadableError(
                f"{self._task.opened.path} was changed while it was read", hint="nothing was written; run it again"
            )


T = TypeVar("T")
_LOOK = 0.1
"""Seconds between two looks whether anybody still wants the next one."""


def _one_ahead(items: Iterator[T]) -> Iterator[T]:
    """Yield items that a thread makes, the next one while this one is used: a database works while a file is read."""
    ready: queue.Queue[tuple[T | None, BaseException | None]] = queue.Queue(maxsize=1)
    unwanted = threading.Event()

    def offer(item: T | None, error: BaseException | None) -> None:
        while not unwanted.is_set():
            with suppress(queue.Full):
                ready.put((item, error), timeout=_LOOK)
                return

    def make() -> None:
        try:
            for item in items:
                offer(item, None)
                if unwanted.is_set():
                    return
        except BaseException as exc:  # noqa: BLE001  # it is raised where the items are wanted
            offer(None, exc)
        else:
            offer(None, StopIteration())

    thread = threading.Thread(target=make, name="alveary-reading", daemon=True)
    thread.start()
    try:
        while True:
            item, error = ready.get()
            if isinstance(error, StopIteration):
                return
            if error is not None:
                raise error
            yield item  # type: ignore[misc]  # without an error there is one
    finally:
        unwanted.set()
        thread.join()
