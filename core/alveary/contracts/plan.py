"""Plans: what an engine says of how it runs a statement, and the contract of who asks it and reads the answer.

Every number stands here as the server said it, but for those whose docstring says how they are derived.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Generator, Iterator, Sequence
from typing import Literal, TypeAlias

import msgspec

from alveary.contracts.driver import ServerInfo
from alveary.wire import Small

Number: TypeAlias = Small | float
"""A number of a plan; one too large for a double to hold exactly is a double all the same."""
RawFormat: TypeAlias = Literal["json", "text"]
Rule: TypeAlias = Literal["estimate", "filter", "spill", "scan"]
"""What a warning is about: a row estimate far off, a condition that throws most rows away, something that did not fit
into memory, a table that was read from one end to the other."""


class Detail(msgspec.Struct, frozen=True):
    """Something the server said of a node or of the whole plan, by the server's name for it."""

    name: str
    value: str


class PlanNode(msgspec.Struct, frozen=True, kw_only=True):
    """One step of a plan. What is None was not said; an estimate is always said, the rest only where it was measured.

    ``kind`` is what the step does, ``role`` what it is to the step above. Rows and ``loops`` are as the server says
    them: on all our engines the rows of one loop, on average. ``details`` are worth a line, ``figures`` repeat what
    stands in a field, or say that there is nothing to say; together they hold everything the server said of the node.
    """

    kind: str
    label: str | None = None
    """What the engine calls the step in its own text, where that is not put together of kind, index and relation."""
    role: str | None = None
    relation: str | None = None
    alias: str | None = None
    index: str | None = None
    condition: str | None = None
    """What a row must fulfil to pass."""
    estimated_rows: Number | None = None
    actual_rows: Number | None = None
    loops: Number | None = None
    startup_cost: Number | None = None
    total_cost: Number | None = None
    """In the engine's own unit, the steps below included."""
    total_ms: float | None = None
    """Milliseconds of all loops together, the steps below included: said, or ``own_ms`` and the steps below."""
    own_ms: float | None = None
    """Milliseconds of this step alone: said, or ``total_ms`` without the steps below, never less than nothing."""
    scans: bool = False
    """Whether it reads a relation from one end to the other."""
    scanned_rows: Number | None = None
    """Rows it looked at, in all loops: those that passed its conditions and those that did not; of a scan that was not
    measured, the size of what it reads."""
    discarded: float | None = None
    """Which part of the rows it looked at did not pass its conditions, from 0 to 1."""
    discards_measured: bool = False
    """Whether that was counted, rather than estimated."""
    spilled: str | None = None
    """What it wrote to disk because it did not fit into memory, in words."""
    may_stop_early: bool = False
    """Whether the steps above may take fewer rows than there are, so that few rows say nothing about the estimate."""
    buffers: dict[str, Number] = {}
    """Pages by how they were touched, the steps below included where the engine counts so; none that are 0."""
    details: tuple[Detail, ...] = ()
    figures: tuple[Detail, ...] = ()
    children: tuple[PlanNode, ...] = ()

    @property
    def title(self) -> str:
        """The step as the engine's own text would say it: ``Index Scan using bee_hive on bee b``."""
        if self.label is not None:
            return self.label
        words = [self.kind]
        if self.relation is not None:
            words += ["using", self.index] if self.index is not None else []
            words += ["on", self.relation]
            words += [self.alias] if self.alias is not None and self.alias != self.relation.split(".")[-1] else []
        elif self.index is not None:
            words += ["on", self.index]
        elif self.alias is not None:
            words += ["on", self.alias]
        return " ".join(words)

    @property
    def was_executed(self) -> bool | None:
        """Whether it ran at all; None where that was not measured."""
        return None if self.loops is None else self.loops > 0


class PlanWarning(msgspec.Struct, frozen=True, kw_only=True):
    """Something in a plan that is worth a look; ``node`` counts the nodes in reading order, from 1."""

    rule: Rule
    node: Small
    message: str


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """How a server runs, or ran, a statement: the steps as a tree, and the server's own answer, to the character.

    ``raw`` is that answer. ``analyzed`` says that the statement was run to measure it, ``undone`` that this was within
    a transaction that was rolled back, and that the server did not say of anything that it stays. ``remarks`` are
    sentences a reader must know, such as what a rollback does not undo.
    """

    engine: str
    server: str
    statement: str
    analyzed: bool = False
    undone: bool = False
    root: PlanNode
    planning_ms: float | None = None
    execution_ms: float | None = None
    details: tuple[Detail, ...] = ()
    """What is said of the plan as a whole: settings, triggers, compiling."""
    warnings: tuple[PlanWarning, ...] = ()
    remarks: tuple[str, ...] = ()
    raw: str = ""
    raw_format: RawFormat = "text"

    def nodes(self) -> Iterator[tuple[int, PlanNode]]:
        """Yield every node with its depth, in reading order."""
        waiting = [(0, self.root)]
        while waiting:
            depth, node = waiting.pop()
            yield depth, node
            waiting += [(depth + 1, child) for child in reversed(node.children)]


class ExplainRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be explained: one statement, as it was written. ``analyze`` asks to run and measure it.

    ``changes`` says that it may change something, so that what can't be undone must be refused.
    """

    sql: str
    server: ServerInfo
    analyze: bool = False
    changes: bool = False


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """A statement an explainer wants run. ``bound`` gives it the values of the explained statement's parameters.

    One that ``runs`` the explained statement is run within a transaction that is rolled back; so is one that is to be
    ``undone``, for there are servers that call functions, which may do anything, while they plan.
    """

    sql: str
    bound: bool = False
    runs: bool = False
    undone: bool = False


class Explained(msgspec.Struct, frozen=True, kw_only=True):
    """What came back for a step: the names of the columns, and the rows as texts, None for NULL."""

    columns: tuple[str, ...]
    rows: Sequence[tuple[str | None, ...]]

    def text(self) -> str:
        """Return the cells of one column as lines, which is how engines send long texts."""
        return "\n".join(row[0] or "" for row in self.rows)


class Explainer(ABC):
    """Knows how an engine explains. Made without arguments; has no connection, and does nothing but think."""

    @abstractmethod
    def explain(self, request: ExplainRequest) -> Generator[Step, Explained, Plan]:
        """Yield each statement that must be run, take what came back, and return the plan.

        An error of a step is raised where the step was yielded. Raise InvalidInputError for what can't be explained,
        and UnsupportedError for what can't be measured, or not be undone. What an engine says that is not known here
        must not raise: it is shown as it came.
        """
