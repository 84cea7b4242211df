"""Distributions: which of those that are installed bring plugins, read in the plain way Python lays them out.

``importlib.metadata`` knows every way, and to import it costs a tenth of a start. So folders on ``sys.path`` are read
here; it is asked for what is none (an archive), and for everything where somebody added a finder of their own.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from functools import reduce
from importlib import import_module
from importlib.machinery import PathFinder
from typing import Any

from alveary.errors import described

_ENTRY_POINTS = "entry_points.txt"
_HEADERS = ("METADATA", "PKG-INFO")  # of a wheel, of an egg

#: Returns the text of a file of a distribution's metadata, None where there is no such file.
Read = Callable[[str], str | None]


@dataclass(frozen=True, slots=True)
class EntryPoint:
    """A line of a distribution's ``entry_points.txt``: ``name = module`` or ``name = module:attribute``."""

    group: str
    name: str
    value: str

    def load(self) -> Any:
        """Import the module and return it, or what stands in it; raises whatever that raises."""
        module, _, attributes = self.value.partition("[")[0].partition(":")
        names = attributes.strip().split(".") if attributes.strip() else ()
        return reduce(getattr, names, import_module(module.strip()))


@dataclass(frozen=True, slots=True)
class Found:
    """What one distribution declares in the groups asked for; its name or version is "?" where its headers have none.

    ``fault`` says what is wrong with its metadata, where something is: they are a stranger's file, and may be anything.
    """

    name: str
    version: str
    entry_points: tuple[EntryPoint, ...] = ()
    fault: str | None = None


def bringing(groups: Collection[str]) -> Iterator[Found]:
    """Yield the distributions that declare entry points in any of the groups, and those whose metadata is broken.

    They come in the order of ``sys.path``, and twice if they stand there twice.
    """
    for read in _metadata():
        name = version = "?"
        try:
            text = read(_ENTRY_POINTS)
            if text is None or not (entry_points := tuple(_entry_points(text, groups))):
                continue
            headers = next(filter(None, map(read, _HEADERS)), "")
            name, version = (_header(headers, which) or "?" for which in ("Name", "Version"))
        except Exception as exc:  # noqa: BLE001  # told as the distribution's fault
            yield Found(name, version, fault=described(exc))
        else:
            yield Found(name, version, entry_points)


def _metadata() -> Iterator[Read]:
    """Yield for every distribution how its metadata is read."""
    if any(hasattr(finder, "find_distributions") and finder is not PathFinder for finder in sys.meta_path):
        yield from _known_to_python()
        return
    for place in dict.fromkeys(sys.path):
        try:
            names = os.listdir(place or ".")
        except OSError:
            if os.path.isfile(place):
                yield from _known_to_python([place])
            continue
        for name in names:
            if name.endswith((".dist-info", ".egg-info")) or (name == "EGG-INFO" and place.endswith(".egg")):
                yield _reading(os.path.join(place, name))


def _reading(folder: str) -> Read:
    def read(name: str) -> str | None:
        try:
            with open(os.path.join(folder, name), encoding="utf-8") as file:
                return file.read()
        except OSError:
            return None

    return read


def _known_to_python(path: list[str] | None = None) -> Iterator[Read]:
    from importlib.metadata import distributions

    return (each.read_text for each in (distributions() if path is None else distributions(path=path)))


def _entry_points(text: str, groups: Collection[str]) -> Iterator[EntryPoint]:
    group = ""
    for line in map(str.strip, text.splitlines()):
        if line.startswith("[") and line.endswith("]"):
            group = line[1:-1].strip()
        elif group in groups and line and not line.startswith("#"):
            name, separator, value = line.partition("=")
            if not separator:
                raise ValueError(f"{_ENTRY_POINTS}: {line!r} is not NAME = MODULE")
            yield EntryPoint(group, name.strip(), value.strip())


def _header(text: str, name: str) -> str | None:
    """Return a header of a text of headers, which ends at the first line that is empty."""
    for line in text.splitlines():
        if not line:
            break
        key, separator, value = line.partition(":")
        if separator and key.lower() == name.lower():
            return value.strip()
    return None
