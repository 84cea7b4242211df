"""What is read of a statement: its queries, what each reads from, and where the caret stands among them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from alveary_plugins.completion.words import Word


@dataclass(eq=False, slots=True)
class Source:
    """Something a query reads from: a relation by its path, a query in parentheses, or a function."""

    path: tuple[Word, ...] = ()
    alias: Word | None = None
    query: Query | None = None
    is_function: bool = False
    columns: list[Word] = field(default_factory=list)
    """The names its columns are given, the first ones."""
    at: int = 0
    joined: bool = False
    is_lateral: bool = False

    @property
    def name(self) -> Word | None:
        """By which its columns are qualified."""
        return self.alias or (self.path[-1] if self.path else None)


@dataclass(eq=False, slots=True)
class Named:
    """A query that WITH gives a name."""

    name: Word
    columns: list[Word] = field(default_factory=list)
    query: Query | None = None


@dataclass(eq=False, slots=True)
class Query:
    """One SELECT, INSERT and so on, with what it reads from."""

    outer: Query | None = None
    correlated: bool = False
    """It sees what its outer query reads from, too."""
    source: Source | None = None
    """What of the outer query it stands for, if it stands in its FROM."""
    verb: str = ""
    named: dict[str, Named] = field(default_factory=dict)
    sources: list[Source] = field(default_factory=list)
    items: list[tuple[int, int]] = field(default_factory=list)
    """Where the items of its select list stand among the words."""
    target: Source | None = None
    """What it writes to."""
    listed: list[Word] = field(default_factory=list)
    """The columns that INSERT lists."""
    first: Query | None = None
    """The first query of a UNION."""
    widths: int = 0
    """How many values the first row of VALUES has."""
    begin: int = 0


@dataclass(eq=False, slots=True)
class Frame:
    """What is open: the statement itself, or a parenthesis and what it is for."""

    kind: str
    """``query``, ``group``, ``arguments``, ``sources``, ``names``, ``row``, ``definitions``."""
    query: Query
    clause: str = "start"
    begin: int = 0
    head: str = ""
    """The word before the parenthesis."""
    expects: str = ""
    """Within FROM: ``relation``, or ``alias`` for what was just read."""
    source: Source | None = None
    about: Source | None = None
    """Whose columns a list of names is about."""
    names: list[Word] = field(default_factory=list)
    base: Query | None = None
    """The INSERT whose SELECT is read."""
    current: Named | None = None
    argument: int = 0
    """How many commas stand before."""
    item: int = 0


@dataclass(eq=False, slots=True)
class Place:
    """Where the caret stands."""

    words: Sequence[Word]
    at: int
    frames: list[Frame]
    """What is open there, the innermost last; as it was then."""
    clause: str
    expects: str
    argument: int
    query: Query

    @property
    def frame(self) -> Frame:
        """The innermost."""
        return self.frames[-1]

    def before(self, count: int = 1) -> str:
        """Return the word so many before the caret within the frame, in lower case; empty if there is none."""
        at = self.at - count
        return self.words[at].lower if at >= self.frame.begin else ""

    @property
    def previous(self) -> Word | None:
        """The word before the caret within the frame."""
        return self.words[self.at - 1] if self.at - 1 >= self.frame.begin else None
