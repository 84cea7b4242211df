"""How long PostgreSQL's intervals are, in each of the styles a session may ask for, as the server compares them.

A month counts 30 days and a day 24 hours.
"""

from __future__ import annotations

import re

_SECOND = 10**9
_HOUR, _DAY = 3600 * _SECOND, 86_400 * _SECOND
_MONTH = 30 * _DAY
_UNIT = {"year": 12 * _MONTH, "mon": _MONTH, "day": _DAY, "hour": _HOUR, "min": 60 * _SECOND, "sec": _SECOND}
_DESIGNATOR = {"Y": "year", "M": "mon", "D": "day"}
_OF_CLOCK = {"H": "hour", "M": "min", "S": "sec"}

_NUMBER = r"[+-]?\d{1,12}(?:\.\d{1,9})?"
_CLOCK = r"(?P<hours>\d{1,9}):(?P<minutes>\d\d):(?P<seconds>\d\d(?:\.\d{1,9})?)"
_PART = rf"({_NUMBER}) (year|mon|day|hour|min|sec)s?"
_IN_WORDS = re.compile(
    rf"(?P<verbose>@ ?)?(?P<parts>(?:{_PART} ?)*)(?:(?P<sign>[+-]?){_CLOCK})?(?P<zero>0)?(?P<ago> ?ago)?", re.ASCII
).fullmatch
_STANDARD = re.compile(
    rf"(?:(?P<of_months>[+-]?)(?P<years>\d{{1,9}})-(?P<months>\d{{1,2}}))?"
    rf"(?: ?(?P<of_days>[+-]?)(?P<days>\d{{1,9}}) (?P<of_clock>[+-]?){_CLOCK})?",
    re.ASCII,
).fullmatch
_ISO = re.compile(rf"P((?:{_NUMBER}[YMD])*)(?:T((?:{_NUMBER}[HMS])*))?", re.ASCII).fullmatch
_parts = re.compile(_PART, re.ASCII).findall
_designated = re.compile(rf"({_NUMBER})([YMDHS])", re.ASCII).findall


def length(text: str) -> int | None:
    """Return how long an interval is, in nanoseconds; None for a text that is none."""
    if not text:
        return None
    if (match := _ISO(text)) is not None and len(text) > 1:
        of_date, of_clock = match.groups("")
        return sum(_times(number, _DESIGNATOR[sign]) for number, sign in _designated(of_date)) + sum(
            _times(number, _OF_CLOCK[sign]) for number, sign in _designated(of_clock)
        )
    if (match := _IN_WORDS(text)) is not None:
        total = sum(_times(number, unit) for number, unit in _parts(match["parts"]))
        if match["hours"]:
            total += _signed(match["sign"], _clock(match))
        return -total if match["ago"] else total
    if (match := _STANDARD(text)) is not None:
        total = 0
        if match["years"]:
            total = _signed(match["of_months"], int(match["years"]) * 12 + int(match["months"])) * _MONTH
        if match["days"]:
            # Alone, the sign before the days is the clock's, too.
            total += _signed(match["of_days"], int(match["days"])) * _DAY
            total += _signed(match["of_clock"] or match["of_days"], _clock(match))
        return total
    return None


def _clock(match: re.Match[str]) -> int:
    return int(match["hours"]) * _HOUR + int(match["minutes"]) * 60 * _SECOND + _times(match["seconds"], "sec")


def _times(number: str, unit: str) -> int:
    whole, _, fraction = number.partition(".")
    part = int(fraction.ljust(9, "0")) * _UNIT[unit] // _SECOND if fraction else 0
    return int(whole) * _UNIT[unit] + (-part if whole.startswith("-") else part)


def _signed(sign: str, number: int) -> int:
    return -number if sign == "-" else number
