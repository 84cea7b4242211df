"""Rows as INSERT statements that put the same values into a table, on the engine they come from or another one."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence

from alveary.catalog import parse_path
from alveary.contracts.exporter import Exporter, ExportOptions
from alveary.contracts.values import Column, Row
from alveary.sqltext import Dialect, TokenKind, tokens
from alveary_plugins.exporters.literals import Literals, literals_of
from alveary_plugins.exporters.texts import encode

UNKNOWN = "table_name"
"""What stands for a table that nobody has named."""
MOST_CHARACTERS = 1 << 20
"""Of one statement: servers refuse those that are too long, MariaDB beyond 16 MB."""

_NOT_ALONE = {"join", "union", "intersect", "except", "with"}
_AFTER = {"where", "group", "order", "having", "window", "limit", "offset", "fetch", "for"}


class InsertExporter(Exporter):
    """Writes each result as statements of many rows."""

    def __init__(
        self,
        write: Callable[[bytes], object],
        options: ExportOptions,
        *,
        table: str | None = None,
        dialect: str = "source",
        rows: int = 500,
        conflict: str = "error",
        key: str | None = None,
        preamble: bool = True,
    ) -> None:
        super().__init__(write, options)
        self._table = parse_path(table) if table else None
        self._dialect, self._preamble = dialect, preamble
        self._most = rows
        self._conflict = conflict
        self._key = _names(key or "")
        self._literals: Literals | None = None
        self._begun = False
        self._columns: Sequence[Column] = ()
        self._head = self._tail = ""
        self._pending: list[str] = []
        self._size = 0
        if dialect != "source":
            self._clause(self._prepared(dialect), ())  # what can't be is said before anything runs

    def begin(self, columns: Sequence[Column]) -> None:
        literals = self._prepared(self.origin.dialect.name if self._dialect == "source" else self._dialect)
        names = [column.name for column in columns]
        table = self._table or table_of(self.origin.sql, self.origin.dialect) or [UNKNOWN]
        self._columns = columns
        self._head = f"INSERT INTO {literals.path(table)} ({', '.join(map(literals.name, names))}) VALUES\n"
        self._tail = self._clause(literals, names)
        if not self._begun:
            self._begun = True
            self._write(literals.preamble())

    def rows(self, rows: Sequence[Row]) -> None:
        if not rows:
            return
        assert self._literals is not None, "a result has begun"
        values = [
            self._literals.values(column, cells)
            for column, cells in zip(self._columns, zip(*rows, strict=True), strict=True)
        ]
        for line in map(", ".join, zip(*values, strict=True)):
            self._pending.append(line)
            self._size += len(line)
            if len(self._pending) >= self._most or self._size >= MOST_CHARACTERS:
                self._flush(f"){self._tail};\n")

    def end(self, whole: bool) -> None:
        if not whole:
            # A statement that is not ended: no client takes what is there for all there is.
            self._pending.append("")
        if self._pending:
            self._flush(f"){self._tail};\n" if whole else "\n")

    def _flush(self, ending: str) -> None:
        self._write(self._head + "(" + "),\n(".join(self._pending) + ending)
        self._pending, self._size = [], 0

    def _write(self, text: str) -> None:
        if text:
            self.write(encode(text))

    def _clause(self, literals: Literals, names: Sequence[str]) -> str:
        return "" if self._conflict == "error" else literals.conflict(names, self._conflict == "update", self._key)

    def _prepared(self, dialect: str) -> Literals:
        if self._literals is None:
            self._literals = literals_of(dialect, terminal=self.options.terminal, preamble=self._preamble)
        return self._literals


def table_of(sql: str, dialect: Dialect) -> list[str] | None:
    """Return the path of the one table that a simple query reads; None where it is not just one."""
    words = [
        (kind, sql[start:end])
        for start, end, kind in tokens(sql, dialect)
        if kind not in (TokenKind.WHITESPACE, TokenKind.COMMENT)
    ]
    depth, found = 0, None
    for place, (kind, word) in enumerate(words):
        depth += (word == "(") - (word == ")") if kind is TokenKind.OPERATOR else 0
        if kind is not TokenKind.WORD or depth:
            continue
        if word.lower() in _NOT_ALONE:
            return None
        if word.lower() == "from":
            if found is not None:
                return None
            found = place + 1
        elif word.lower() in _AFTER and found is not None:
            break
    else:
        place = len(words)
    if found is None or (TokenKind.OPERATOR, ",") in words[found:place]:
        return None
    return _path_at(words, found, folded=dialect.name == "postgres")


def _path_at(words: Sequence[tuple[TokenKind, str]], place: int, *, folded: bool) -> list[str] | None:
    names: list[str] = []
    while place < len(words):
        kind, word = words[place]
        if kind is TokenKind.QUOTED_IDENTIFIER:
            closing = word[-1]
            names.append(word[1:-1].replace(closing * 2, closing))
        elif kind is TokenKind.WORD:
            names.append(word.lower() if folded else word)
        else:
            return None
        if words[place + 1 : place + 2] != [(TokenKind.OPERATOR, ".")]:
            break
        place += 2
    else:
        return None
    is_function = words[place + 1 : place + 2] == [(TokenKind.OPERATOR, "(")]
    return None if is_function else names


def _names(text: str) -> list[str]:
    """Return names that stand between commas, quoted where one holds a comma."""
    return [name.strip() for name in next(csv.reader([text], skipinitialspace=True), [])]
