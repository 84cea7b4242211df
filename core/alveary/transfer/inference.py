"""Inference: which type holds every value of a column exactly, found by looking at all of them, a batch at a time.

What is no number by its own looks stays text: ``00123`` loses its zeros as a number, ``+49`` its sign, a date that is
none of the calendar's everything. Memory does not grow with the rows.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from datetime import date

from alveary.contracts.importer import JsonText, Numeral
from alveary.contracts.types import ColumnType, Kind
from alveary.contracts.values import Cell, cell_text

_LARGEST = 2**63
_INT = r"(?:0|-?[1-9][0-9]*)"
_DATE = r"[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])"
_TIME = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{1,6})?"
_HOUR = r"(?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:\.[0-9]{1,6})?)?"

#: What values of a kind look like, each form before one that holds more.
_FORMS: dict[Kind, str] = {
    Kind.BIGINT: _INT,
    Kind.DECIMAL: r"-?(?:0|[1-9][0-9]*)?\.[0-9]+|" + _INT,
    Kind.DOUBLE: r"-?(?:0|[1-9][0-9]*)?(?:\.[0-9]+)?(?<=[0-9])(?:[eE][+-]?[0-9]+)?|NaN|-?Inf(?:inity)?",
    Kind.BOOLEAN: r"[tTfF]|[tT]rue|[fF]alse|TRUE|FALSE",
    Kind.DATE: _DATE,
    Kind.TIMESTAMP: f"{_DATE}[ T]{_HOUR}",
    Kind.TIMESTAMPTZ: f"{_DATE}[ T]{_HOUR}(?:Z|[+-](?:0[0-9]|1[0-5])(?::?[0-5][0-9])?)",
    Kind.TIME: _TIME,
}
_ONE = {kind: re.compile(form).fullmatch for kind, form in _FORMS.items()}
_MANY = {kind: re.compile(f"(?:(?:{form})\n)*+").fullmatch for kind, form in _FORMS.items()}
_MINUS_ZERO = re.compile(r"-0*(?:\.0*)?(?:[eE].*)?").fullmatch
_LOOKS_MINUS_ZERO = re.compile(r"(?:^|\n)-[0.]").search
_NUMBERS = (Kind.BIGINT, Kind.DECIMAL, Kind.DOUBLE)
_DATED = (Kind.DATE, Kind.TIMESTAMP, Kind.TIMESTAMPTZ)
_CLASSES: dict[type, Kind] = {
    bool: Kind.BOOLEAN,
    int: Kind.BIGINT,
    float: Kind.DOUBLE,
    bytes: Kind.BINARY,
    JsonText: Kind.JSON,
}
_SAME_FORM = {Kind.SMALLINT: Kind.BIGINT, Kind.INTEGER: Kind.BIGINT, Kind.REAL: Kind.DOUBLE}
_SHORT = 19
"""Characters of which a whole number fits into 64 bits if it has fewer."""
_SHORT_OF = {Kind.SMALLINT: 5, Kind.INTEGER: 10, Kind.BIGINT: _SHORT}
_EXACT_DIGITS = 17
"""Significant digits up to which a double gives back what it was made of."""


def kind_of(text: str) -> Kind:
    """Return the kind of one text."""
    return _kind([text], ())


class Profile:
    """What is known of one column by the values seen so far."""

    def __init__(self) -> None:
        self.kind: Kind | None = None
        """None as long as there was no value."""
        self.has_null = False
        self.longest = 0
        """Characters of the longest text."""
        self.has_minus_zero = False
        self.first_text: tuple[int, str] | None = None
        """Where the column became text because of a value unlike those before: its line, and the value."""
        self._whole = self._fraction = 0
        """Digits before and behind the point, of a number that is exact."""
        self._digits = (0, 0)
        self._beyond = re.compile("").search
        """Finds a decimal with more digits than these, before or behind the point."""
        self._exact = True
        self._outside = False
        """Whether a whole number does not fit into 64 bits."""

    def look(self, cells: Sequence[Cell], lines: Sequence[int]) -> None:
        """Take more cells into account, which begin on these lines."""
        if None in cells:
            self.has_null = True
            present = [cell for cell in cells if cell is not None]
        else:
            present = list(cells)  # type: ignore[arg-type]  # none of them is None
        if not present:
            return
        classes = set(map(type, present))
        kind = self._of(present, classes)
        before = self.kind
        if before is None and kind is Kind.TEXT:
            before = _kind([str(present[0])], ())
        self.kind = kind if before is None else _joined(before, kind)
        if self.kind is Kind.TEXT and before is not Kind.TEXT and before is not None and self.first_text is None:
            self.first_text = self._unlike(cells, lines, before)
        texts: list[str] = present if classes == {str} else list(map(cell_text, present))  # type: ignore[assignment]  # the classes have been looked at
        longest = max(map(len, texts))
        self.longest = max(self.longest, longest)
        if self.kind in _NUMBERS:
            self._measure(texts, longest)

    def narrowest(self) -> ColumnType:
        """Return the type that holds every value seen exactly; text where there was none."""
        if self.kind is Kind.BIGINT and self._outside:
            return ColumnType(kind=Kind.DECIMAL, precision=self._whole, scale=0)
        if self.kind is Kind.DECIMAL:
            return ColumnType(kind=Kind.DECIMAL, precision=self._whole + self._fraction, scale=self._fraction)
        if self.kind is Kind.DOUBLE and not self._exact:
            return ColumnType(kind=Kind.TEXT)
        return ColumnType(kind=self.kind or Kind.TEXT)

    def _of(self, cells: Sequence[Cell], classes: set[type]) -> Kind:
        if classes == {str}:
            return _kind(cells, (self.kind,) if self.kind else ())  # type: ignore[arg-type]  # all are texts
        if classes <= {Numeral}:
            return _kind(cells, (self.kind,) if self.kind else ())  # type: ignore[arg-type]  # the same
        if classes == {Numeral, str} and _kind(cells, ()) is Kind.DOUBLE:  # type: ignore[arg-type]  # the same
            return Kind.DOUBLE  # "NaN" and "Infinity" are texts in JSON
        return _CLASSES.get(next(iter(classes)), Kind.TEXT) if len(classes) == 1 else Kind.TEXT

    def _measure(self, texts: Sequence[str], longest: int) -> None:
        if self.kind is Kind.DOUBLE:
            self.has_minus_zero = self.has_minus_zero or any(map(_MINUS_ZERO, texts))
            self._exact = self._exact and all(map(_survives, texts))
        elif self.kind is Kind.BIGINT and longest < _SHORT:
            if longest > self._whole:
                self._whole = max(self._whole, *(len(text.lstrip("-")) for text in texts))
        elif not self._within(texts):
            parts = [text.lstrip("-").partition(".") for text in texts]
            self._whole = max(self._whole, *(len(whole) for whole, _, _ in parts))
            self._fraction = max(self._fraction, *(len(fraction) for _, _, fraction in parts))
            if self.kind is Kind.BIGINT and not self._outside:
                self._outside = not all(-_LARGEST <= int(text) < _LARGEST for text in texts)

    def _within(self, texts: Sequence[str]) -> bool:
        """Tell whether no decimal has more digits than those before, as almost always: one pattern over all of them."""
        if self.kind is not Kind.DECIMAL or not self._fraction:
            return False
        if (digits := (self._whole, self._fraction)) != self._digits:
            self._digits = digits
            self._beyond = re.compile(rf"(?<![0-9.])[0-9]{{{self._whole + 1}}}|\.[0-9]{{{self._fraction + 1}}}").search
        return self._beyond("\n".join(texts)) is None

    def _unlike(self, cells: Sequence[Cell], lines: Sequence[int], before: Kind) -> tuple[int, str] | None:
        for line, cell in zip(lines, cells, strict=True):
            if cell is not None and _joined(before, _kind([str(cell)], ())) is Kind.TEXT:
                return line, cell_text(cell)
        return None


def is_of(kind: Kind, text: str) -> bool:
    """Tell whether a text can stand in a column of a kind, as far as its form says it."""
    form = _SAME_FORM.get(kind, kind)
    if form in (Kind.BIGINT, Kind.DECIMAL, Kind.DOUBLE):
        text = _plain_number(text)
    match = _ONE.get(form)
    return match is None or (match(text) is not None and (form not in _DATED or _in_calendar([text])))


def all_of(kind: Kind, texts: Sequence[str]) -> bool:
    """Tell whether all of these can stand in a column of a kind; False may also mean that each must be looked at.

    Of whole numbers it means that they fit into 16, 32 or 64 bits without doubt, by how short they are.
    """
    form = _SAME_FORM.get(kind, kind)
    if (match := _MANY.get(form)) is None or not texts:
        return False
    together = "\n".join(texts) + "\n"
    if together.count("\n") != len(texts) or match(together) is None:
        return False
    if form is Kind.BIGINT:
        return max(map(len, texts)) < _SHORT_OF[kind]
    return form not in _DATED or _in_calendar(texts)


def _plain_number(text: str) -> str:
    """Return a number without what changes nothing about it: blanks around it, a plus, leading zeros."""
    text = text.strip(" ").removeprefix("+")
    sign, digits = ("-", text[1:]) if text.startswith("-") else ("", text)
    stripped = digits.lstrip("0") if digits[:1] == "0" else digits
    if stripped != digits and not stripped[:1].isdigit():
        stripped = "0" + stripped
    return "0" if (sign, stripped) == ("-", "0") else sign + stripped


def _kind(texts: Sequence[str], first: Sequence[Kind]) -> Kind:
    """Return the narrowest kind that all of these texts have the form of; ``first`` are tried before the others."""
    together = "\n".join(texts) + "\n"
    if together.count("\n") != len(texts) or not together.isascii():
        return Kind.TEXT
    lead = together[0]
    if lead not in "-.0123456789tTfFNI" or first == (Kind.TEXT,):
        return Kind.TEXT
    for kind in (*first, *_FORMS):
        match = _MANY.get(kind)
        if match is None or match(together) is None:
            continue
        if kind in _DATED and not _in_calendar(texts):
            return Kind.TEXT
        if kind is Kind.DECIMAL and _LOOKS_MINUS_ZERO(together) and any(map(_MINUS_ZERO, texts)):
            return Kind.DOUBLE
        if kind is Kind.DOUBLE and not any(text[-1:].isdigit() for text in texts):
            return Kind.TEXT  # NaN alone may be a word
        return kind
    return Kind.TEXT


def _joined(one: Kind, other: Kind) -> Kind:
    """Return the kind that holds the values of both."""
    if one is other:
        return one
    if one in _NUMBERS and other in _NUMBERS:
        return max(one, other, key=_NUMBERS.index)
    return Kind.TEXT


def _in_calendar(texts: Sequence[str]) -> bool:
    with suppress(ValueError):
        for day in {text[:10] for text in texts}:
            date.fromisoformat(day)
        return True
    return False


def _survives(text: str) -> bool:
    """Tell whether a double made of a number stands for just that number among those written like it."""
    mantissa = re.split("[eE]", text)[0].lstrip("-").replace(".", "").strip("0")
    if len(mantissa) > _EXACT_DIGITS:
        return False
    value = float(text)
    return text[-1:].isalpha() or (value - value == 0 and (value != 0 or not mantissa))
