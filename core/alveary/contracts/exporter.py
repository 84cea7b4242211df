"""The exporter contract: rows in, the bytes of one format out, streamed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence

import msgspec

from alveary.contracts.values import Column, Row
from alveary.sqltext import ANSI, Dialect


class ExportOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What the person asked of the format.

    ``null`` is the text that stands for NULL, None for the format's own. ``terminal`` says that a person's terminal
    reads the output: control characters must then be escaped; in files they stay as they are.
    """

    header: bool = True
    null: str | None = None
    terminal: bool = False


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """Where a result comes from: the statement, as far as it is known, and the dialect of its database."""

    sql: str = ""
    dialect: Dialect = ANSI


class Exporter(ABC):
    """Writes any number of results, one after the other, to one output.

    The calls come in this order: (``begin``, ``rows`` any number of times, ``end``) for each result, then
    ``finish``. Memory must not grow with the rows.
    """

    origin: Origin = Origin()
    """Where the current result comes from; set before each ``begin``."""

    def __init__(self, write: Callable[[bytes], object], options: ExportOptions) -> None:
        """Remember where the bytes go: each ``write`` takes all of them, and waits while the reader is slow.

        Each option that the format's spec declares comes as a further keyword argument.
        """
        self.write = write
        self.options = options

    @abstractmethod
    def begin(self, columns: Sequence[Column]) -> None:
        """Start a result with these columns, at least one."""

    @abstractmethod
    def rows(self, rows: Sequence[Row]) -> None:
        """Write rows of the current result."""

    @abstractmethod
    def end(self, whole: bool) -> None:
        """End the current result. One that is not whole was cut short by an error or a cancel: a format that can
        leave it visibly unfinished does, so that it can't pass as whole."""

    def finish(self) -> None:
        """Write what stands after the last result, if the format has such a thing."""
        return
