"""The order of each type: cells as keys that SQLite sorts as the server would sort the cells.

A column's keys are made batch by batch, in the first way of :func:`ways` that fits all its cells, cheapest first.
Numbers are ordered by value, exactly, whatever their digits, with NaN above infinity; times by the moment they name,
years BC and the infinities included; bytes by byte; an enumeration in the order of its labels, where the header tells
them (MySQL's and MariaDB's does not, so there it goes by its text); and everything else by code point, which is every
server's ``C`` collation and no language's. Booleans, JSON and what has no order of its own go by their text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import TypeAlias

from alveary.arrangement import intervals
from alveary.contracts.values import Cell, Column, ValueKind, cell_text

Key: TypeAlias = int | float | str | bytes | None
Way: TypeAlias = Callable[[Sequence[Cell]], Sequence[Key]]

LONGEST_KEY = 1_000_000
"""Characters or bytes after which texts count as equal."""


class Unfit(Exception):
    """A cell has no key this way."""


def ways(column: Column) -> tuple[Way, ...]:
    """Return the ways to make keys of a column's cells, the cheapest first; the last one fits any cell."""
    if column.kind is ValueKind.NUMBER:
        floating = re.match("(double|float|real)", column.type_name, re.IGNORECASE)
        return (
            (doubles, decimals, plain, anything) if floating else (integers, short_decimals, decimals, plain, anything)
        )
    if column.type_name == "money":
        return (money, plain, anything)
    if column.labels:
        return (_labelled(column.labels), plain, anything)
    if column.kind is ValueKind.TEMPORAL:
        return (plain_times, moments, long_moments, plain, anything)
    return (plain, anything)


def _labelled(labels: Sequence[str]) -> Way:
    """Take the labels of an enumeration in the order they have there."""
    places: dict[Cell, Key] = {None: None, **{label: place for place, label in enumerate(labels)}}

    def keys(cells: Sequence[Cell]) -> Sequence[Key]:
        try:
            return [places[cell] for cell in cells]
        except KeyError as exc:
            raise Unfit from exc

    return keys


def plain(cells: Sequence[Cell]) -> Sequence[Key]:
    """Leave cells as they are: SQLite puts numbers before text before bytes."""
    for cell in cells:
        kind = type(cell)
        if kind is str:
            if not cell.isascii():  # type: ignore[union-attr]  # its class has been looked at
                try:
                    cell.encode()  # type: ignore[union-attr]  # likewise
                except UnicodeEncodeError as exc:
                    raise Unfit from exc
            if len(cell) > LONGEST_KEY:  # type: ignore[arg-type]  # likewise
                return [_cut(each) for each in cells]
        elif kind is int:
            if not -(2**63) <= cell < 2**63:  # type: ignore[operator]  # likewise
                raise Unfit
        elif kind is bytes and len(cell) > LONGEST_KEY:  # type: ignore[arg-type]  # likewise
            return [_cut(each) for each in cells]
        elif kind is float and cell != cell:
            raise Unfit  # to SQLite it would be NULL
    return cells


def integers(cells: Sequence[Cell]) -> Sequence[Key]:
    """Take integers of up to 64 bits."""
    try:
        keys = [None if cell is None else _integer(cell) for cell in cells]
    except ValueError as exc:
        raise Unfit from exc
    present = [key for key in keys if key is not None]
    if present and (min(present) < -(2**63) or max(present) >= 2**63):
        raise Unfit
    return keys


def doubles(cells: Sequence[Cell]) -> Sequence[Key]:
    """Take the values of a floating type, whose text reads back as the same value."""
    try:
        keys: list[Key] = [None if cell is None else _double(cell) for cell in cells]
    except ValueError as exc:
        raise Unfit from exc
    return keys


def short_decimals(cells: Sequence[Cell]) -> Sequence[Key]:
    """Take numbers of up to 15 digits, no two of which are the same double."""
    for cell in cells:
        if isinstance(cell, str) and (
            len(cell) > 16 or (len(cell) == 16 and "." not in cell) or "e" in cell or "E" in cell
        ):
            raise Unfit
    return doubles(cells)


def decimals(cells: Sequence[Cell]) -> Sequence[Key]:
    """Take numbers of any size and precision."""
    return [None if cell is None else number_key(cell) for cell in cells]


def money(cells: Sequence[Cell]) -> Sequence[Key]:
    """Take PostgreSQL's amounts, in any currency: of one column all have as many digits behind the point."""
    keys: list[Key] = []
    for cell in cells:
        if cell is None:
            keys.append(None)
            continue
        digits = re.sub(r"[^0-9]", "", cell) if isinstance(cell, str) else ""
        if not digits or len(digits) > 19:
            raise Unfit
        keys.append(-int(digits) if "-" in str(cell) or "(" in str(cell) else int(digits))
    return keys


_PLAIN_TIME = re.compile(r"\d{4}-\d\d-\d\d(?:[ T]\d\d:\d\d:\d\d(?:\.\d+)?(?P<zone>[+-][\d:]+)?)?").fullmatch


def plain_times(cells: Sequence[Cell]) -> Sequence[Key]:
    """Take times whose text sorts as they do: four digits for the year, and no zone or always the same."""
    zones = set()
    for cell in cells:
        if cell is None:
            continue
        if not isinstance(cell, str) or (match := _PLAIN_TIME(cell)) is None:
            raise Unfit
        zones.add(match["zone"])
    if zones - {None, "+00"}:  # another zone may be another one in summer
        raise Unfit
    return cells


def moments(cells: Sequence[Cell]) -> Sequence[Key]:
    """Take dates, times and intervals of any form that servers write, down to the microsecond."""
    keys: list[Key] = []
    for cell in cells:
        if cell is None:
            keys.append(None)
        elif cell in ("infinity", "-infinity"):
            keys.append("infinity" if cell == "infinity" else -(2**63))  # text comes after all numbers
        else:
            microseconds, rest = divmod(nanoseconds(cell), 1000)
            if rest or not -(2**63) < microseconds < 2**63:
                raise Unfit
            keys.append(microseconds)
    return keys


def long_moments(cells: Sequence[Cell]) -> Sequence[Key]:
    """Do the same for times too far away, or too exact, for that."""
    return [None if cell is None else moment_key(cell) for cell in cells]


def anything(cells: Sequence[Cell]) -> Sequence[Key]:
    """Take any cell: numbers before text before bytes."""
    keys: list[Key] = []
    for cell in cells:
        if cell is None:
            keys.append(None)
        elif isinstance(cell, str):
            keys.append(b"\x02" + cell[:LONGEST_KEY].encode("utf-8", "surrogatepass"))
        elif isinstance(cell, bytes):
            keys.append(b"\x03" + cell[:LONGEST_KEY])
        else:
            keys.append(b"\x01" + number_key(cell))
    return keys


def _integer(cell: Cell) -> int:
    if isinstance(cell, int):
        return cell
    if isinstance(cell, str):
        return int(cell)
    raise ValueError


def _double(cell: Cell) -> Key:
    if isinstance(cell, bytes) or cell is None:
        raise ValueError
    value = float(cell)
    # SQLite takes NaN for NULL. Text comes after all numbers, which is NaN's place.
    return "NaN" if value != value else value


def _cut(cell: Cell) -> Key:
    return cell[:LONGEST_KEY] if isinstance(cell, str | bytes) else cell


# -- numbers -----------------------------------------------------------------------------------------------------

_NUMBER = re.compile(r"([+-]?)(?=\.?\d)0*(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,18}))?", re.ASCII).fullmatch
_SPECIAL = {
    "nan": b"\x09",
    "infinity": b"\x08",
    "inf": b"\x08",
    "+infinity": b"\x08",
    "-infinity": b"\x00",
    "-inf": b"\x00",
}
_NEGATIVE, _ZERO, _POSITIVE = b"\x02", b"\x04", b"\x06"
_COMPLEMENT = bytes(0xFF - each for each in range(256))
_BIAS = 1 << 63


def number_key(cell: Cell) -> bytes:
    """Return bytes that compare as numbers do: a class, the exponent, the digits; Unfit for what is no number.

    Those of a negative number are complemented, and end in a byte above all others, for the shorter is the greater.
    """
    if isinstance(cell, bytes) or cell is None:
        raise Unfit
    text = cell if isinstance(cell, str) else str(int(cell)) if isinstance(cell, int) else cell_text(cell)
    negative, power = text[:1] == "-", 0
    whole, _, fraction = (text[1:] if negative else text).partition(".")
    digits = whole + fraction
    if not (digits.isdecimal() and digits.isascii()):
        if (match := _NUMBER(text.strip())) is None:
            if (special := _SPECIAL.get(text.strip().lower())) is None:
                raise Unfit
            return special
        sign, whole, fraction, exponent = match.groups("")
        negative, digits, power = sign == "-", whole + fraction, int(exponent or 0)
    significant = digits.lstrip("0")
    if not significant:
        return _ZERO
    scale = len(whole) - (len(digits) - len(significant)) + power
    key = (scale + _BIAS).to_bytes(8, "big") + significant.rstrip("0").encode()
    return _NEGATIVE + key.translate(_COMPLEMENT) + b"\xff" if negative else _POSITIVE + key


# -- times -------------------------------------------------------------------------------------------------------

_CLOCK = r"(?P<hours>\d{1,9}):(?P<minutes>\d\d)(?::(?P<seconds>\d\d)(?:\.(?P<fraction>\d{1,9})\d*)?)?"
_ZONE = r"(?P<zone>Z|[+-]\d\d(?::?\d\d)?(?::?\d\d)?)?"
_DATE = re.compile(
    rf"(?P<year>[+-]?\d{{4,9}})-(?P<month>\d\d)-(?P<day>\d\d)(?:[ T]{_CLOCK} ?{_ZONE})?(?P<bc> BC)?"
).fullmatch
_TIME = re.compile(rf"(?P<sign>-?){_CLOCK}{_ZONE}").fullmatch
_DAY = 86_400 * 10**9
_EVER: dict[Cell, bytes] = {"infinity": b"\xff", "-infinity": b"\x00"}
_WIDTH = 16
_MIDDLE = 1 << (8 * _WIDTH - 1)
_USUAL = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[ T](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d(?::?\d\d)?)?", re.ASCII
).fullmatch


def moment_key(cell: Cell) -> bytes:
    """Return bytes that compare as times do; Unfit for what is none."""
    if (ever := _EVER.get(cell)) is not None:
        return ever
    return b"\x80" + (nanoseconds(cell) + _MIDDLE).to_bytes(_WIDTH, "big")


def nanoseconds(cell: Cell) -> int:
    """Return the moment a time names, counted from a long time ago, or how long an interval is; Unfit for others.

    Of two that name one moment in different zones neither comes first. An interval counts 30 days a month and 24 hours
    a day, which is how PostgreSQL compares them.
    """
    if not isinstance(cell, str):
        raise Unfit
    if (match := _USUAL(cell)) is not None:  # what almost every timestamp looks like
        year, month, day, hours, minutes, seconds, fraction, zone = match.groups()
        clock = int(hours) * 3600 + int(minutes) * 60 + int(seconds)
        date = _date(int(year), int(month), int(day))
        return date + (clock - _offset(zone)) * 10**9 + (int(fraction.ljust(9, "0")) if fraction else 0)
    if (match := _DATE(cell)) is not None:
        year = int(match["year"])
        date = _date(1 - year if match["bc"] else year, int(match["month"]), int(match["day"]))
        return date + _clock(match) - _offset(match["zone"]) * 10**9 if match["hours"] else date
    if (match := _TIME(cell)) is not None:
        return (-1 if match["sign"] else 1) * _clock(match) - _offset(match["zone"]) * 10**9
    if (length := intervals.length(cell)) is None:
        raise Unfit
    return length


def _clock(match: re.Match[str]) -> int:
    seconds = int(match["hours"]) * 3600 + int(match["minutes"]) * 60 + int(match["seconds"] or 0)
    return seconds * 10**9 + int((match["fraction"] or "").ljust(9, "0"))


@lru_cache(maxsize=256)
def _offset(zone: str | None) -> int:
    if not zone or zone == "Z":
        return 0
    digits = zone[1:].replace(":", "").ljust(6, "0")
    seconds = int(digits[:2]) * 3600 + int(digits[2:4]) * 60 + int(digits[4:6])
    return -seconds if zone[0] == "-" else seconds


def _date(year: int, month: int, day: int) -> int:
    """Return a date in nanoseconds; MySQL's months and days of 0 stand just before those of 1."""
    if month == 0:
        return _days(year, 1) * _DAY - 32 + day
    return _days(year, month) * _DAY - 1 if day == 0 else (_days(year, month) + day - 1) * _DAY


@lru_cache(maxsize=4096)
def _days(year: int, month: int) -> int:
    """Return the days from 1 March of the year 0 to the first of a month; a year is counted from March here."""
    year -= month < 3
    century, of_century = divmod(year, 100)
    before = century * 36_524 + century // 4 + of_century * 365 + of_century // 4
    return before + (153 * (month + (9 if month < 3 else -3)) + 2) // 5
