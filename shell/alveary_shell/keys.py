"""Keys: ``Ctrl+Shift+P`` as people write it, as Tk binds it, and who has which."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping

from alveary.contracts.specs import CommandSpec
from alveary.errors import InvalidInputError

_MODIFIERS = {
    "Ctrl": "Control",
    "Alt": "Mod1" if sys.platform != "darwin" else "Option",
    "Shift": "Shift",
    "Cmd": "Command",
}
_NAMED = {
    "Enter": "Return",
    "Esc": "Escape",
    "Space": "space",
    "Tab": "Tab",
    "PgUp": "Prior",
    "PgDn": "Next",
    "Del": "Delete",
    "Ins": "Insert",
    "Up": "Up",
    "Down": "Down",
    "Left": "Left",
    "Right": "Right",
    "Home": "Home",
    "End": "End",
    "Backspace": "BackSpace",
    "/": "slash",
    ".": "period",
    ",": "comma",
    "+": "plus",
    "-": "minus",
    "=": "equal",
    "0": "0",
}
_FUNCTIONS = {f"F{number}" for number in range(1, 13)}
_ORDER = ("Ctrl", "Cmd", "Alt", "Shift")


def normal(keys: str) -> str:
    """Return keys in their one spelling (``Ctrl+Shift+P``); InvalidInputError for what are no keys."""
    *modifiers, key = _words(keys)
    by_name = {name.lower(): name for name in (*_MODIFIERS, *_NAMED)}
    modifiers = [by_name.get(word.lower(), word) for word in modifiers]
    key = by_name.get(key.lower(), key.upper())
    # Letters of ours only: of others Tk knows by other names, and takes none that it does not know.
    one = len(key) == 1 and key.isascii() and key.isalnum()
    if not set(modifiers) <= set(_MODIFIERS) or not (key in _NAMED or key in _FUNCTIONS or one):
        raise InvalidInputError(f"{keys!r} are no keys", hint="write them as in Ctrl+Shift+P, Alt+Enter or F5")
    return "+".join([*sorted(set(modifiers), key=_ORDER.index), key])


def sequence(keys: str) -> str:
    """Return how Tk names keys: ``<Control-Shift-Key-P>``."""
    *modifiers, key = _words(normal(keys))
    if len(key) == 1 and key.isalpha():
        # With Shift, X reports the capital letter; without, the small one.
        key = key.upper() if "Shift" in modifiers else key.lower()
    else:
        key = _NAMED.get(key, key)
    return f"<{'-'.join([*(_MODIFIERS[word] for word in modifiers), 'Key', key])}>"


def _words(keys: str) -> list[str]:
    """Return the modifiers and the key, which may itself be a plus."""
    if keys == "+" or keys.endswith("++"):
        return [*filter(None, map(str.strip, keys.split("+"))), "+"]
    return [word for word in map(str.strip, keys.split("+")) if word] or [""]


class Keymap:
    """Which keys run which command: what the commands declare, changed by what a person chose."""

    def __init__(self, commands: Iterable[CommandSpec], chosen: Mapping[str, list[str]] | None = None) -> None:
        self._keys: dict[str, list[str]] = {}
        self._panels: dict[str, str | None] = {}
        self.conflicts: list[str] = []
        """What was declared and could not be had, as sentences."""
        for spec in commands:
            if spec.placement is None:
                continue
            self._panels[spec.id] = spec.placement.panel
            wanted = (chosen or {}).get(spec.id, list(spec.placement.keys))
            self._keys[spec.id] = []
            for keys in wanted:
                try:
                    self.bind(spec.id, [*self._keys[spec.id], keys])
                except InvalidInputError as exc:
                    self.conflicts.append(exc.message)

    def bind(self, command: str, keys: list[str]) -> None:
        """Give a command these keys and no others; InvalidInputError if another one has them where both apply."""
        wanted = [normal(each) for each in keys]
        for other, held in self._keys.items():
            both = self._panels[other] is None or self._panels.get(command) in (None, self._panels[other])
            if other != command and both and (taken := set(held) & set(wanted)):
                raise InvalidInputError(
                    f"{', '.join(sorted(taken))} already runs {other}", hint="take it from that command first"
                )
        self._keys[command] = wanted

    def keys(self, command: str) -> list[str]:
        """Return the keys of a command."""
        return list(self._keys.get(command, ()))

    def bindings(self) -> dict[str, list[str]]:
        """Return the commands by their keys; those of a panel before those of the whole window."""
        found: dict[str, list[str]] = {}
        for command in sorted(self._keys, key=lambda id: self._panels[id] is None):
            for keys in self._keys[command]:
                found.setdefault(keys, []).append(command)
        return found
