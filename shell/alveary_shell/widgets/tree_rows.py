"""What a tree shows, without a widget: nodes, which of them are lines now, and what a filter leaves of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple


class Badge(NamedTuple):
    """A short word in a coloured frame at the end of a line; ``role`` is the theme's."""

    text: str
    role: str


@dataclass(slots=True, eq=False)
class Node:
    """A thing in a tree. ``key`` is its name among its neighbours.

    ``children`` is None while they are not known; ``leaf`` says that there are none. ``detail`` stands behind the text
    and ``aside`` at the end of the line, both muted. ``color`` (``#rrggbb``) marks the line and all below it, ``dot``
    is the role of a small light at the icon. A node that is ``passing`` only tells how things stand: no filter finds
    it. ``data`` is the owner's own.
    """

    key: str
    text: str
    icon: str = ""
    icon_role: str = "muted"
    role: str = "text"
    detail: str = ""
    aside: str = ""
    badge: Badge | None = None
    color: str | None = None
    dot: str | None = None
    tip: str = ""
    leaf: bool = False
    passing: bool = False
    open: bool = False
    children: list[Node] | None = None
    data: Any = None
    parent: Node | None = field(default=None, repr=False)
    folded: str = field(init=False, repr=False)
    """The text as a filter compares it."""

    def __post_init__(self) -> None:
        self.folded = "" if self.passing else self.text.casefold()
        if self.children is not None:
            self.adopt(self.children)

    def adopt(self, children: list[Node]) -> None:
        """Have these children from now on."""
        self.children = children
        for child in children:
            child.parent = self

    @property
    def path(self) -> tuple[str, ...]:
        """The keys that lead to it, from the outermost on."""
        return (*(self.parent.path if self.parent is not None else ()), self.key)

    def line(self) -> Iterator[Node]:
        """Yield it and the nodes it stands in, from the innermost on."""
        node: Node | None = self
        while node is not None:
            yield node
            node = node.parent

    def find(self, path: tuple[str, ...]) -> Node | None:
        """Return the node that the keys lead to from here, as far as nodes are known."""
        if not path:
            return self
        for child in self.children or ():
            if child.key == path[0]:
                return child.find(path[1:])
        return None


def find(roots: Iterable[Node], path: tuple[str, ...]) -> Node | None:
    """Return the node that the keys lead to."""
    for root in roots:
        if path and root.key == path[0]:
            return root.find(path[1:])
    return None


class Line(NamedTuple):
    """A node as it is seen: how deep it stands, and whether what is in it is seen, too."""

    node: Node
    depth: int
    open: bool


class Sieve:
    """What a filter leaves: nodes whose text holds all its words, and those they stand in, opened for them.

    What stands in a node that fits is shown when a person opens it. One closed while the filter holds stays closed.
    """

    def __init__(self, text: str) -> None:
        self.words = text.casefold().split()
        self.closed: set[Node] = set()

    def fits(self, node: Node) -> bool:
        """Return whether a node's own text holds all words."""
        folded = node.folded
        return bool(folded) and all(word in folded for word in self.words)

    def lines(self, nodes: Iterable[Node], depth: int = 0) -> list[Line]:
        """Return the lines that are left."""
        found: list[Line] = []
        if len(self.words) == 1:  # what is typed mostly, and a tree of ten thousand tables must not be felt
            (word,) = self.words
            for node in nodes:
                if node.children or node.open:
                    found += self._with_children(node, depth)
                elif word in node.folded:
                    found.append(Line(node, depth, False))
            return found
        for node in nodes:
            found += self._with_children(node, depth)
        return found

    def _with_children(self, node: Node, depth: int) -> list[Line]:
        inner = self.lines(node.children, depth + 1) if node.children else []
        if inner:
            is_open = node not in self.closed
            return [Line(node, depth, is_open), *(inner if is_open else ())]
        if not self.fits(node):
            return []
        return [Line(node, depth, node.open), *(all_lines(node.children or (), depth + 1) if node.open else ())]


def all_lines(nodes: Iterable[Node], depth: int = 0) -> list[Line]:
    """Return a line for each node, and for those in the ones that are open."""
    found: list[Line] = []
    for node in nodes:
        found.append(Line(node, depth, node.open))
        if node.open and node.children:
            found += all_lines(node.children, depth + 1)
    return found


def parts(text: str, words: Iterable[str]) -> list[tuple[str, bool]]:
    """Return a text in pieces, each with whether it is one of the words that a filter found in it."""
    marks = [False] * len(text)
    folded = text.casefold()
    if len(folded) == len(text):  # where folding changes the length, places can't be told
        for word in words:
            at = folded.find(word)
            while at >= 0:
                marks[at : at + len(word)] = [True] * len(word)
                at = folded.find(word, at + len(word))
    pieces: list[tuple[str, bool]] = []
    start = 0
    for at in range(1, len(text) + 1):
        if at == len(text) or marks[at] != marks[start]:
            pieces.append((text[start:at], marks[start]))
            start = at
    return pieces
