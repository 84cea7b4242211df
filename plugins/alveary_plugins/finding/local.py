"""What is found without any database: saved connections and queries, what was run, what can be done."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable, Iterator
from datetime import datetime

from alveary.contracts.finder import Action, Finder, Hit, ListFinder, Wanted
from alveary.matching import Level
from alveary.profiles import COLORS

MOST_STATEMENTS = 200
"""Entries of the history that are looked at for one search, the newest first."""
MOST_CHARACTERS = 300
"""Characters of a statement that are shown."""


class Connections(ListFinder):
    """The saved connections, by name, group and where they lead."""

    def list(self) -> Iterable[tuple[Hit, str]]:
        for saved in self.kernel.profiles.all():
            profile = saved.profile
            if profile is None:
                continue
            address = f"{profile.host or ''}/{profile.database or ''}" if profile.host else profile.database or ""
            hit = Hit(
                kind="connection",
                text=saved.name,
                detail="  ".join(filter(None, [saved.group, profile.scheme, address])),
                connection=saved.name,
                color=_color(profile.color),
                icon="database",
                place={"connection": saved.name},
                actions=(
                    Action("Open an editor there", "editor.new", {"target": saved.name, "connect": True}),
                    Action("Insert the name", "editor.insert", {"text": saved.name}),
                ),
            )
            yield hit, profile.environment or ""


class Saved(ListFinder):
    """The saved queries, by folder and name, description, tags and what they say."""

    def list(self) -> Iterable[tuple[Hit, str]]:
        for query in self.kernel.saved.all():
            hit = Hit(
                kind="saved query",
                text=query.path,
                name_at=len(query.path) - len(query.name),
                detail="  ".join(filter(None, [query.description, folded_line(query.statement)])),
                connection=query.connection,
                icon="bookmark",
                place={"name": query.path},
                actions=opening(query.statement, query.connection),
            )
            yield hit, f"{' '.join(query.tags)} {query.statement}"


class Commands(ListFinder):
    """What can be done, by id, title and summary."""

    def list(self) -> Iterable[tuple[Hit, str]]:
        for spec in self.kernel.commands:
            title = spec.placement.title.rstrip("…") if spec.placement is not None else ""
            words = f"alveary {spec.verb}" if spec.verb else ""
            hit = Hit(
                kind="command",
                text=spec.id,
                name_at=spec.id.rfind(".") + 1,
                detail=spec.summary,
                icon="terminal",
                place={"command": spec.id, "verb": spec.verb},
                actions=(Action("Run", spec.id),),
            )
            yield hit, f"{title} {words}"


class Past(Finder):
    """The history, whole: the store has an index of its words. What it keeps has no secrets in it."""

    def prepare(self, stopped: threading.Event | None = None) -> None:
        if "recorder" in vars(self.kernel):
            self.kernel.recorder.flush()

    def find(self, wanted: Wanted, level: Level) -> Iterator[Hit]:
        if level is not (Level.WORD if wanted.query.words else Level.EXACT):
            return
        seen = set()
        for entry in self.kernel.history.search(wanted.query.text.strip(), limit=MOST_STATEMENTS):
            line = folded_line(entry.statement)
            if (line, entry.connection) in seen or not wanted.includes(entry.connection):
                continue
            seen.add((line, entry.connection))
            when = datetime.fromisoformat(entry.started_at).astimezone().strftime("%Y-%m-%d %H:%M")
            yield Hit(
                kind="history",
                text=line,
                detail=when if entry.outcome == "completed" else f"{when}, {entry.outcome}",
                connection=entry.connection,
                icon="clock-history",
                place={"entry": entry.id},
                actions=opening(entry.statement, entry.connection),
            )


def opening(statement: str, target: str | None) -> tuple[Action, ...]:
    """Return what can be done with a statement: nothing of it runs it."""
    state = {"text": statement} if target is None else {"text": statement, "target": target}
    return (
        Action("Open in an editor", "editor.new", state),
        Action("Insert at the caret", "editor.insert", {"text": statement}),
    )


def folded_line(statement: str) -> str:
    """Return the beginning of a statement on one line."""
    return re.sub(r"\s+", " ", statement[: 2 * MOST_CHARACTERS]).strip()[:MOST_CHARACTERS]


def _color(name: str | None) -> str | None:
    return COLORS.get(name, name) if name else None
