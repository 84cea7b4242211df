"""Values and names as SQL text, a class per dialect: whatever a cell holds, the server reads it and nothing more.

Numbers stand bare only where the server reads every digit of them; all else stands in quotes and becomes a value of the
column's own type there. What a dialect has no value for (NaN in MySQL) is left in quotes, for the server to refuse.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from decimal import Decimal
from math import isfinite

from alveary.contracts.values import Cell, Column, ValueKind, cell_text
from alveary.errors import InvalidInputError
from alveary_plugins.exporters.terminal import UNSAFE, escape_except_layout
from alveary_plugins.exporters.texts import encode

_DECIMAL = re.compile(r"-?[0-9]+(?:\.[0-9]+)?").fullmatch
_NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?").fullmatch
_ZERO = re.compile(r"-[0.]+(?:[eE].*)?").fullmatch
_BOOLEANS = {"t": "TRUE", "true": "TRUE", "f": "FALSE", "false": "FALSE"}
# What some client on the way to the server might change or end the text at; tabs and line feeds it leaves alone.
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")
_SURROGATES = re.compile("[\ud800-\udfff]")
_LONGEST = 30
"""Characters of a number that stands bare; MySQL has places for 30 behind the point of a decimal."""


class Literals(ABC):
    """One dialect. ``terminal`` says that a person's terminal reads the text, which nothing in it may drive."""

    opening = closing = '"'
    """The quotes around a name."""

    def __init__(self, *, terminal: bool) -> None:
        self._unsafe = UNSAFE if terminal else _CONTROLS
        self._terminal = terminal

    def preamble(self) -> str:
        """Return the statements that must come first."""
        return ""

    def name(self, name: str) -> str:
        """Return a name between quotes."""
        shown = escape_except_layout(name) if self._terminal else name
        return self.opening + shown.replace(self.closing, self.closing * 2) + self.closing

    def path(self, names: Sequence[str]) -> str:
        """Return the name of a table in its schema."""
        return ".".join(map(self.name, names))

    def values(self, column: Column, cells: Sequence[Cell]) -> list[str]:
        """Return the cells of a column as literals."""
        if column.kind in _FROM_TEXT:
            special = _FROM_TEXT[column.kind]
            return [
                "NULL" if cell is None else special(self, column, cell) if type(cell) is str else self.value(cell)
                for cell in cells
            ]
        return ["NULL" if cell is None else self.value(cell) for cell in cells]

    def value(self, cell: Cell) -> str:
        """Return a cell that is not NULL by its own class."""
        if isinstance(cell, str):
            return self.text(cell)
        if isinstance(cell, bytes):
            return self.binary(cell)
        if isinstance(cell, bool):
            return "TRUE" if cell else "FALSE"
        if isinstance(cell, float):
            return self.real(cell)
        return cell_text(cell)

    def text(self, text: str) -> str:
        """Return text as a literal."""
        if self._unsafe.search(text):
            return self.unsafe_text(text)
        return "'" + text.replace("'", "''") + "'"

    @abstractmethod
    def unsafe_text(self, text: str) -> str:
        """Return text that holds what must not be seen as it is on the way to the server."""

    def binary(self, data: bytes) -> str:
        """Return bytes as a literal."""
        return f"X'{data.hex().upper()}'"

    def real(self, value: float) -> str:
        """Return a double as a literal."""
        return self.number(repr(value)) if isfinite(value) else self.special(cell_text(value))

    def number(self, text: str) -> str:
        """Return a number as the server that it comes from writes it: each digit of it counts."""
        # A zero with a sign would lose it where it stands bare.
        if len(text) <= _LONGEST and self._bare(text) and not _ZERO(text):
            return text
        return self.special(text) if text.lower().strip("-") in ("nan", "inf", "infinity") else self.text(text)

    def _bare(self, text: str) -> bool:
        return _NUMBER(text) is not None

    def special(self, text: str) -> str:
        """Return what is no finite number."""
        return self.text(text)

    def conflict(self, names: Sequence[str], update: bool, key: Sequence[str]) -> str:
        """Return the clause that says what becomes of a row whose key is there already."""
        if not update:
            return " ON CONFLICT DO NOTHING"
        if not key:
            raise InvalidInputError(
                "this dialect updates only what a key finds", hint="name the key's columns: --option key=id"
            )
        changed = ", ".join(f"{self.name(name)} = excluded.{self.name(name)}" for name in names if name not in key)
        if not changed:
            return " ON CONFLICT DO NOTHING"
        return f" ON CONFLICT ({', '.join(map(self.name, key))}) DO UPDATE SET {changed}"


class AnsiLiterals(Literals):
    """Standard SQL, for databases whose dialect nobody knows better."""

    def unsafe_text(self, text: str) -> str:
        def spelled(match: re.Match[str]) -> str:
            return "\\\\" if match[0] == "\\" else f"\\{ord(match[0]):04X}"

        return "U&'" + re.sub(rf"\\|{self._unsafe.pattern}", spelled, text).replace("'", "''") + "'"

    def conflict(self, names: Sequence[str], update: bool, key: Sequence[str]) -> str:
        raise InvalidInputError(
            "standard SQL has no clause for conflicts", hint="choose the dialect: --option dialect=postgres"
        )


class PostgresLiterals(Literals):
    """PostgreSQL: ``E'…'`` where there is a backslash, so that standard_conforming_strings makes no difference."""

    def text(self, text: str) -> str:
        return self.unsafe_text(text) if "\\" in text else super().text(text)

    def unsafe_text(self, text: str) -> str:
        def spelled(match: re.Match[str]) -> str:
            code = ord(match[0])
            if 0xDC80 <= code <= 0xDCFF:  # a byte that is no text, in a database of no encoding
                return f"\\x{code - 0xDC00:02x}"
            return f"\\u{code:04x}" if code > 0x7F else f"\\x{code:02x}" if code else "\\000"

        return "E'" + self._unsafe.sub(spelled, text.replace("\\", "\\\\")).replace("'", "''") + "'"

    def binary(self, data: bytes) -> str:
        return f"E'\\\\x{data.hex()}'"

    def _bare(self, text: str) -> bool:
        return _DECIMAL(text) is not None


class MysqlLiterals(Literals):
    """MySQL and MariaDB: what a mode of the session could change is safe by the preamble or, without one, in hex."""

    opening = closing = "`"
    _ESCAPES = str.maketrans({"\\": "\\\\", "'": "''", "\0": "\\0", "\b": "\\b", "\r": "\\r", "\x1a": "\\Z"})

    def __init__(self, *, terminal: bool, preamble: bool) -> None:
        super().__init__(terminal=terminal)
        self._preamble = preamble

    def preamble(self) -> str:
        # So that nothing is cut to fit, 0 is 0 in a column that counts by itself, odd dates are taken as the source
        # took them, and a backslash escapes.
        modes = "STRICT_ALL_TABLES,NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES"
        return f"SET NAMES utf8mb4, SESSION sql_mode = '{modes}';\n" if self._preamble else ""

    def text(self, text: str) -> str:
        unsafe = self._unsafe.search(text) is not None
        if not unsafe and "\\" not in text:
            return "'" + text.replace("'", "''") + "'"
        if self._preamble and not (unsafe and (self._terminal or _SURROGATES.search(text))):
            return "'" + text.translate(self._ESCAPES) + "'"
        return self.unsafe_text(text)

    def unsafe_text(self, text: str) -> str:
        data = encode(text)
        try:
            data.decode()
        except UnicodeDecodeError:
            return self.binary(data)
        return f"_utf8mb4 X'{data.hex().upper()}'"

    def conflict(self, names: Sequence[str], update: bool, key: Sequence[str]) -> str:
        # INSERT IGNORE would also let pass what does not fit. Setting a column to itself ignores the duplicates alone.
        changed = [f"{self.name(name)} = VALUES({self.name(name)})" for name in names if update and name not in key]
        same = [f"{self.name(name)} = {self.name(name)}" for name in names[:1]]
        return f" ON DUPLICATE KEY UPDATE {', '.join(changed or same)}"


class SqliteLiterals(Literals):
    """SQLite: a number stands bare only if SQLite, which knows 64-bit integers and doubles, keeps its value."""

    def unsafe_text(self, text: str) -> str:
        # SQLite reads a statement only up to its first NUL.
        return f"CAST({self.binary(encode(text))} AS TEXT)"

    def _bare(self, text: str) -> bool:
        if len(text) <= 15 and _DECIMAL(text):
            return True
        if not _NUMBER(text):
            return False
        if text.lstrip("-").isdigit():
            return -(2**63) <= int(text) < 2**63
        number = float(text)
        return isfinite(number) and Decimal(text) == Decimal(repr(number))

    def real(self, value: float) -> str:
        return repr(value) if isfinite(value) else self.special(cell_text(value))

    def special(self, text: str) -> str:
        if text.lower().startswith("nan"):
            return self.text(text)
        return "-9e999" if text.startswith("-") else "9e999"


def _number(literals: Literals, column: Column, text: str) -> str:
    return literals.number(text)


def _boolean(literals: Literals, column: Column, text: str) -> str:
    return _BOOLEANS.get(text) or literals.text(text)


def _binary(literals: Literals, column: Column, text: str) -> str:
    """Return bytes that came as a server's text for them."""
    data = column.decode(text)
    return literals.binary(data) if isinstance(data, bytes) else literals.text(text)


_FROM_TEXT: dict[ValueKind, Callable[[Literals, Column, str], str]] = {
    ValueKind.NUMBER: _number,
    ValueKind.BOOLEAN: _boolean,
    ValueKind.BINARY: _binary,
}


def literals_of(dialect: str, *, terminal: bool, preamble: bool) -> Literals:
    """Return the literals of a dialect, by the name that it goes by."""
    if dialect == "mysql":
        return MysqlLiterals(terminal=terminal, preamble=preamble)
    classes: dict[str, type[Literals]] = {"postgres": PostgresLiterals, "sqlite": SqliteLiterals}
    return classes.get(dialect, AnsiLiterals)(terminal=terminal)
