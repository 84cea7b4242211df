"""Values as they are declared, of settings and of options: their kind, which are allowed, how a person writes them."""

from __future__ import annotations

import math
import re
from typing import Annotated, Literal, TypeAlias

import msgspec

from alveary.wire import SAFE, Small

SettingKind: TypeAlias = Literal["bool", "int", "float", "text", "choice", "duration"]
Value: TypeAlias = bool | Small | float | str | None
"""What a setting can be; None is nothing, which only a setting has that is nothing from the start."""

LONGEST_TEXT = 10_000
"""Characters of a text."""
_YES, _NO = ("true", "yes", "on", "1"), ("false", "no", "off", "0")
_WHOLE = re.compile(r"[+-]?[0-9]{1,20}")
_NUMBER = re.compile(r"(?P<number>[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?)")
_DURATION = re.compile(rf"{_NUMBER.pattern}\s*(?P<unit>ms|s|min|m|h|d)?")
_SECONDS = {"ms": 0.001, "s": 1, "min": 60, "m": 60, "h": 3600, "d": 86400}


class ValueSpec(msgspec.Struct, frozen=True, kw_only=True):
    """A value that a person can choose; ``description`` is a sentence that says what it changes.

    ``kind`` is bool, int, float, text, choice (one of ``choices``) or duration (seconds, which a person may write
    ``90``, ``90s``, ``1.5 min``, ``2h``, ``7d``). ``minimum`` and ``maximum`` bound numbers and durations. A
    ``default`` of None means that nothing holds until somebody chooses something.
    """

    kind: SettingKind
    default: Value
    description: str
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """What a sentence calls it."""
        raise NotImplementedError

    def __post_init__(self) -> None:
        """Refuse a declaration that contradicts itself."""
        if (self.kind == "choice") != bool(self.choices):
            raise ValueError(f"{self.title}: choices belong to the kind 'choice', and to no other")
        if self.kind not in ("int", "float", "duration") and (self.minimum, self.maximum) != (None, None):
            raise ValueError(f"{self.title}: only a number or a duration has a minimum or maximum")
        if self.default is not None:
            self.accept(self.default)

    def accept(self, value: object) -> Value:
        """Return a value in its own kind, read from text where it is one; ValueError says what is allowed."""
        found = self._read(value) if isinstance(value, str) else self._typed(value)
        if found is None or not self._allows(found):
            raise ValueError(f"{self.title} must be {self.allowed()}, not {_shown(value)}")
        return found

    def allowed(self) -> str:
        """Return in words what it may be: "a whole number from 1 to 16"."""
        if self.kind == "choice":
            return "one of " + ", ".join(self.choices)
        if self.kind == "bool":
            return "true or false"
        if self.kind == "text":
            return f"a text of at most {LONGEST_TEXT:,} characters"
        what = {"int": "a whole number", "float": "a number", "duration": "a time such as 90s, 5min, 2h or 7d"}[
            self.kind
        ]
        low, high = (None if bound is None else value_text(self.kind, bound) for bound in (self.minimum, self.maximum))
        if low is not None and high is not None:
            return f"{what} from {low} to {high}"
        if low is not None:
            return f"{what}, at least {low}"
        return what if high is None else f"{what}, at most {high}"

    def _read(self, text: str) -> Value:
        if self.kind == "text":
            return text
        word = text.strip()
        if self.kind == "choice":
            return next((choice for choice in self.choices if choice.lower() == word.lower()), None)
        if self.kind == "bool":
            return True if word.lower() in _YES else False if word.lower() in _NO else None
        if self.kind == "int":
            return int(word) if _WHOLE.fullmatch(word) else None
        match = (_DURATION if self.kind == "duration" else _NUMBER).fullmatch(word)
        return None if match is None else float(match["number"]) * _SECONDS[match.groupdict().get("unit") or "s"]

    def _typed(self, value: object) -> Value:
        if self.kind == "bool":
            return value if isinstance(value, bool) else None
        if isinstance(value, bool) or not isinstance(value, int | float):
            return None
        if self.kind == "int":
            return int(value) if isinstance(value, int) or value.is_integer() else None
        return float(value) if self.kind in ("float", "duration") else None

    def _allows(self, value: Value) -> bool:
        if isinstance(value, bool):
            return self.kind == "bool"
        if isinstance(value, str):
            return self.kind == "choice" or (len(value) <= LONGEST_TEXT and _is_text(value))
        assert value is not None, "nothing is no value"
        if not math.isfinite(value) or abs(value) > SAFE:
            return False
        return (self.minimum is None or value >= self.minimum) and (self.maximum is None or value <= self.maximum)


class SettingSpec(ValueSpec, frozen=True, kw_only=True):
    """A setting. ``id`` is ``area.name``; the description also says from when on a change holds."""

    id: Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_-]*(\.[a-z][a-z0-9_-]*)+$")]

    @property
    def title(self) -> str:
        return f"the setting {self.id}"


def value_text(kind: SettingKind, value: Value) -> str:
    """Return a value as a person reads and writes it; "" for nothing."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value
    if kind != "duration":
        return str(int(value) if value == int(value) else value)
    # The largest unit that leaves no remainder.
    for unit, seconds in (("d", 86400), ("h", 3600), ("min", 60), ("s", 1)):
        if value >= seconds and value % seconds == 0:
            return f"{int(value) // seconds}{unit}"
    return f"{int(value * 1000)}ms" if 0 < value < 1 and value * 1000 % 1 == 0 else f"{value}s"


def _is_text(value: str) -> bool:
    return "\0" not in value and not any("\ud800" <= char <= "\udfff" for char in value)


def _shown(value: object) -> str:
    text = value if isinstance(value, str) else str(value)
    return repr(text if len(text) <= 60 else text[:60] + "…")
