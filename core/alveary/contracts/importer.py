"""The importer contract: the bytes of a file in, rows with the lines they stand on out, streamed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import msgspec

from alveary.contracts.setting import Value
from alveary.contracts.types import ColumnType, Delimited
from alveary.contracts.values import Row
from alveary.wire import Small


class FileColumn(msgspec.Struct, frozen=True, kw_only=True):
    """A column of a file; ``type`` is None where the format says nothing of types and the values must be looked at."""

    name: str
    type: ColumnType | None = None


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """A row, or a value of one, that can't be taken: where it stands, and why. ``line`` counts from 1."""

    line: Small
    column: str
    value: str
    reason: str


class Numeral(str):
    """A number as it was written, of a format that tells numbers from text."""

    __slots__ = ()


class JsonText(str):
    """A value that is JSON itself: an object or an array within a row."""

    __slots__ = ()


@dataclass(slots=True)
class Chunk:
    """Some rows: the line each begins on, counted from 1, and its cells, one for each column.

    A cell is NULL, text, or what the format itself tells apart: bool, int, float, bytes, :class:`Numeral`,
    :class:`JsonText`. ``done`` is how many bytes of the file have been read by now. Records that are no rows are
    ``faults``.
    """

    lines: Sequence[int]
    rows: list[Row]
    done: int
    faults: list[Fault] = field(default_factory=list)


@dataclass(slots=True)
class Passage:
    """Some records of a text in which there is nothing to find out: each stands on a line and is quoted by the rule.

    ``line`` is the first record's, ``count`` is how many there are; how many fields each has is not looked at.
    ``read`` returns them as rows. ``done`` is as for a chunk.
    """

    text: str
    form: Delimited
    line: int
    count: int
    done: int
    read: Callable[[], Chunk]


class Importer(ABC):
    """Reads one file of one format, from its beginning, as often as it is asked to.

    Made with the path, and each option that the format's spec declares as a keyword argument. Memory must not grow
    with the rows. Raises FileUnreadableError for what is no such file, with the line where that is known.
    """

    is_json: ClassVar[bool] = False
    """Whether its values are JSON's, so that a text or a truth for a column of JSON is one of JSON there, too."""

    def __init__(self, path: str) -> None:
        """Remember the path; nothing is read yet."""
        self.path = path
        self.notes: list[str] = []
        """What a person should hear about how the file is read: an encoding that was guessed, names made up."""

    @abstractmethod
    def columns(self) -> tuple[FileColumn, ...]:
        """Return the columns; reads as much of the file as it takes to know them, and settles how to read it."""

    @abstractmethod
    def chunks(self, columns: Sequence[FileColumn]) -> Iterator[Chunk]:
        """Yield the rows, in the order of ``columns``, which :meth:`columns` returned, here or in another process."""

    def passages(self, columns: Sequence[FileColumn]) -> Iterator[Chunk | Passage]:
        """Yield what :meth:`chunks` does, but, where that can be, as text for a database that reads it itself."""
        return self.chunks(columns)

    @abstractmethod
    def settled(self) -> dict[str, Value]:
        """Return the options with which another importer reads this file just like this one, without looking first."""
