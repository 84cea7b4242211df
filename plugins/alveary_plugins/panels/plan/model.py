"""What the plan panel knows, without Tk: the plans that are kept, the one in front, and what is awaited."""

from __future__ import annotations

import difflib
import itertools
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from alveary.contracts.plan import Plan
from alveary.contracts.values import Cell
from alveary.errors import AlvearyError, QueryCancelledError
from alveary.explaining import cleared, explain, explainer_of, wanted
from alveary.explaining.texts import plan_text
from alveary.kernel import Kernel
from alveary.output import write_whole
from alveary.sessions import Session

MOST_PLANS = 12
"""Plans that are kept; the oldest goes first."""
Format: TypeAlias = Literal["text", "json", "svg"]
View: TypeAlias = Literal["tree", "raw", "compare"]
ENDINGS: dict[str, Format] = {".txt": "text", ".json": "json", ".svg": "svg"}

_numbers = itertools.count(1)


@dataclass(slots=True)
class Entry:
    """A plan, or one that is awaited: then there is neither a plan nor an error."""

    sql: str
    connection: str
    analyze: bool
    number: int = field(default_factory=lambda: next(_numbers))
    plan: Plan | None = None
    error: AlvearyError | None = None
    closed: set[int] = field(default_factory=set)
    """The steps whose lower ones are folded away."""
    selected: int = 1

    @property
    def title(self) -> str:
        """What its tab says."""
        return f"Plan {self.number}" + (" · measured" if self.analyze else "")

    @property
    def is_waiting(self) -> bool:
        """Whether the server has not answered yet."""
        return self.plan is None and self.error is None


class PlanModel:
    """The plans of the window, newest last."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.front: Entry | None = None

    def add(self, entry: Entry) -> None:
        """Keep one more, which comes to the front."""
        self.entries.append(entry)
        while len(self.entries) > MOST_PLANS:
            self.entries.pop(0)
        self.front = entry

    def choose(self, number: int) -> None:
        """Bring the plan with a number to the front."""
        self.front = next((entry for entry in self.entries if entry.number == number), self.front)

    def close(self, number: int) -> None:
        """Let a plan go; the one beside it comes to the front."""
        at = next((at for at, entry in enumerate(self.entries) if entry.number == number), None)
        if at is None:
            return
        gone = self.entries.pop(at)
        if self.front is gone:
            self.front = self.entries[min(at, len(self.entries) - 1)] if self.entries else None

    def before(self, entry: Entry) -> Entry | None:
        """Return the plan that came before one, of those that are there."""
        plans = [each for each in self.entries if each.plan is not None and each.number < entry.number]
        return plans[-1] if plans else None


def ask(kernel: Kernel, session: Session, entry: Entry, values: Mapping[str, Cell], stopped: threading.Event) -> Plan:
    """Have a plan made over a session; may wait for a person and for the server. Not for Tk's thread."""
    want = wanted(entry.sql, session.driver.dialect, analyze=entry.analyze)
    spec = explainer_of(kernel, session.driver, analyze=entry.analyze)
    clearance = cleared(kernel.policy, want, session.target, session.driver, stopped=stopped)
    return explain(
        session,
        spec,
        want,
        settings=kernel.settings,
        parameters=values or None,
        clearance=clearance,
        stopped=stopped,
    )


def words_of(error: AlvearyError) -> str:
    """Return what is said where a plan would stand."""
    if isinstance(error, QueryCancelledError):
        return "Cancelled; nothing was changed."
    return "\n".join(filter(None, [error.message, error.detail, error.hint]))


def differences(old: Plan, new: Plan) -> list[str]:
    """Return the texts of two plans as one: ``-`` before a line that only the old one has, ``+`` before the new one's.

    May take a while; not for Tk's thread.
    """
    one, other = plan_text(old).splitlines(), plan_text(new).splitlines()
    found = list(difflib.unified_diff(one, other, n=len(one) + len(other), lineterm=""))
    return found[3:] or [f" {line}" for line in one]


def written(plan: Plan, path: str, format: Format) -> int:
    """Write a plan to a file that appears when it is whole; return how many bytes it has."""
    from alveary.commands.explain import shown

    return write_whole(path, shown(plan, format).encode("utf-8", "backslashreplace"))


def format_of(path: str) -> Format:
    """Return the format a file's ending stands for; text for any other."""
    return next((format for ending, format in ENDINGS.items() if path.lower().endswith(ending)), "text")
