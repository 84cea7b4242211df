"""An import as a person puts it together: the file, how it is read, where each column goes, and what came of it.

No Tk here. What is sent are the parameters of the commands ``import.preview`` and ``import.run``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from alveary.catalog import parse_path
from alveary.commands.imports import ImportPreview, ImportReport
from alveary.contracts.importer import Fault
from alveary.contracts.types import Kind, parse_type
from alveary.errors import AlvearyError
from alveary.events import JobProgressed

NOWHERE = "(left out)"
TYPES = tuple(kind.value for kind in Kind if kind is not Kind.OTHER)
"""The types a person can choose from; any other is typed."""
READING = ("format", "delimiter", "encoding", "header")
"""Fields that say how the file is read; a change means to look at it again."""

_WORDS = (
    (r"--map '.*='", "“Leave out” in the menu of its line"),
    (r"--map FILE=COLUMN maps one, --map FILE= leaves one out",
     "in the menu of a line “Goes to…” maps it, “Leave out” leaves it out"),
    (r"by --map$", "by “Goes to…” in the menu of its line"),
    (r"without --existing", "with a tick at “Make the table”"),
    (r"without --create", "without the tick at “Make the table”"),
)  # fmt: skip
"""What the commands' hints call by a flag, and what it is called on the page."""


def worded(hint: str | None) -> str | None:
    """Return the hint of a command in the words of the page."""
    for flag, words in _WORDS:
        hint = hint and re.sub(flag, lambda _, words=words: words, hint)  # type: ignore[misc]  # mypy can't infer a default
    return hint


@dataclass
class Draft:
    """What is known and chosen by now. ``values`` are the fields of the page by their names, all of them text."""

    values: dict[str, str] = field(default_factory=dict)
    preview: ImportPreview | None = None
    mapping: dict[str, str] = field(default_factory=dict)
    """Where columns of the file go by another name, "" for nowhere."""
    types: dict[str, str] = field(default_factory=dict)
    """Types a person chose, by column of the file."""

    def state(self) -> dict[str, Any]:
        """Return what brings it back, as JSON can hold it."""
        return {"values": dict(self.values), "mapping": dict(self.mapping), "types": dict(self.types)}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Draft:
        """Return what :meth:`state` told; what is no text is left out."""
        parts = {name: _texts(state.get(name)) for name in ("values", "mapping", "types")}
        for name in ("target", "table", "file"):
            if isinstance(value := state.get(name), str):
                parts["values"][name] = value
        return cls(values=parts["values"], mapping=parts["mapping"], types=parts["types"])

    def value(self, name: str) -> str:
        """Return what stands in a field, "" for nothing."""
        return self.values.get(name, "").strip()

    def take(self, name: str, value: str) -> bool:
        """Take what a person put into a field; return whether the file must be looked at again."""
        self.values[name] = value
        if name == "file" and self.preview is not None:
            self.preview = None
            self.mapping.clear()
            self.types.clear()
        return name == "file" or name in READING

    def problems(self) -> dict[str, str]:
        """Return what is missing or wrong before anything can be imported, by field."""
        found: dict[str, str] = {}
        if not self.value("file"):
            found["file"] = "Choose a file"
        if not self.value("target"):
            found["target"] = "Say which database it goes to"
        if not self.value("table"):
            found["table"] = "Name the table"
        else:
            try:
                parse_path(self.value("table"))
            except AlvearyError as exc:
                found["table"] = exc.hint or exc.message
        if self.value("create") and self.value("truncate"):
            found["truncate"] = "A table that is made has no rows"
        return found

    def reading(self) -> dict[str, Any]:
        """Return which file, and how it is to be read."""
        chosen = {name: self.value(name) for name in READING}
        return {"file": self.value("file"), **{name: value for name, value in chosen.items() if value}}

    def looking(self, *, whole: bool = False) -> dict[str, Any]:
        """Return the parameters of ``import.preview``."""
        return {**self.reading(), "rows": 50, "whole": whole}

    def importing(self, *, dry_run: bool = False) -> dict[str, Any]:
        """Return the parameters of ``import.run``."""
        asked: dict[str, Any] = {
            **self.reading(),
            "target": self.value("target"),
            "table": self.value("table"),
            "create": bool(self.value("create")),
            "existing": not self.value("create"),
            "truncate": bool(self.value("truncate")),
            "dry_run": dry_run,
            "map": dict(self.mapping),
            "type": dict(self.types),
        }
        for name in ("rejects", "sha256"):
            if self.value(name):
                asked[name] = self.value(name)
        return asked

    def map_to(self, column: str, goes_to: str) -> None:
        """Say where a column of the file goes; "" leaves it out, its own name is what holds without."""
        if goes_to == column:
            self.mapping.pop(column, None)
        else:
            self.mapping[column] = goes_to

    def give_type(self, column: str, text: str) -> None:
        """Say what a column is; "" leaves it to be found out. Raises ValueError for what is no type."""
        if not text.strip():
            self.types.pop(column, None)
            return
        parse_type(text)
        self.types[column] = text.strip()

    def columns(self) -> list[tuple[str, tuple[str, str, str, str], str]]:
        """Return a line for each column: its key, its cells (name, where it goes, type, note), the role of its text."""
        lines = []
        for column in self.preview.columns if self.preview is not None else ():
            goes_to = self.mapping.get(column.name, column.name)
            chosen = self.types.get(column.name)
            note = "chosen" if chosen else ""
            if not chosen and column.misfit is not None:
                note = f"text because of line {column.misfit.line}: {column.misfit.value}"
            lines.append(
                (
                    column.name,
                    (column.name, goes_to or NOWHERE, chosen or str(column.type), note),
                    "" if goes_to else "faint",
                )
            )
        return lines

    def sample(self) -> tuple[list[str], list[tuple[str, list[str], str]]]:
        """Return the headings of the first rows, and a line for each: its key, its cells, the role of its text."""
        if self.preview is None:
            return [], []
        lines = [
            (str(row.line), [str(row.line), *("NULL" if cell is None else cell for cell in row.cells)], "")
            for row in self.preview.sample
        ]
        return ["Line", *(column.name for column in self.preview.columns)], lines

    def found(self) -> str:
        """Return in a sentence what the file is."""
        if self.preview is None:
            return ""
        preview = self.preview
        told = [f"{name} {_shown(value)}" for name, value in preview.options.items() if value is not None]
        rows = f"{preview.rows:,} rows" if preview.whole else f"the first {preview.rows:,} rows looked at"
        lines = "1 line that is no row" if preview.faulty == 1 else f"{preview.faulty:,} lines that are no rows"
        faulty = [lines] if preview.faulty else []
        size = f"{preview.bytes / 1e6:,.1f} MB" if preview.bytes >= 100_000 else f"{preview.bytes:,} bytes"
        return ", ".join([preview.format, size, *told, rows, *faulty])


def faults(found: tuple[Fault, ...]) -> list[tuple[str, tuple[str, str, str, str], str]]:
    """Return a line for each fault: its key, its cells, the role of its text."""
    return [
        (str(number), (str(fault.line), fault.column, fault.value, fault.reason), "")
        for number, fault in enumerate(found)
    ]


def progress(event: JobProgressed) -> str:
    """Return how far it is, in a line."""
    percent = "" if event.percent is None else f"{event.percent:.0f} %, "
    return f"{percent}{event.done:,} {event.unit}, {event.speed:,.0f} {event.unit}/s  {event.item}".rstrip()


def outcome(report: ImportReport) -> str:
    """Return what became of it, in a sentence."""
    done = "would be imported" if report.dry_run else "imported"
    made = f" into the new table {report.table}" if report.created is not None else f" into {report.table}"
    refused = f", {report.rejected:,} refused" if report.rejected else ""
    kept = f": see {Path(report.rejects).name}" if report.rejects and report.rejected and not report.dry_run else ""
    return f"{report.rows:,} rows {done}{made}{refused}{kept}"


def _shown(value: object) -> str:
    text = {"\t": "tab", "\\t": "tab", "": "none"}.get(str(value), str(value))
    return text if text.isalnum() or len(text) > 1 else f"“{text}”"


def _texts(found: object) -> dict[str, str]:
    return (
        {str(name): value for name, value in found.items() if isinstance(value, str)} if isinstance(found, dict) else {}
    )
