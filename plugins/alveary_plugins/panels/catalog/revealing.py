"""The way through the tree to something that is known by name; nothing here knows Tk."""

from __future__ import annotations

from dataclasses import dataclass

from alveary_plugins.panels.catalog.model import Folder, Objects, Part, Schema, Table, Thing
from alveary_shell.widgets.tree_rows import Node


@dataclass(frozen=True, slots=True)
class Goal:
    """What is looked for: a relation, a column of one, or something else."""

    schema: str
    name: str
    kind: str = ""
    """What it is; empty for a relation of any kind."""
    signature: str = ""
    relation: str = ""
    """The relation it stands in: that of a trigger, or of which it is a partition."""
    column: str = ""

    def towards(self, node: Node) -> Node | None:
        """Return the child of a node that this is, or that it stands in; None where none is."""
        children = node.children or []
        return next(filter(self.is_at, children), None) or next(filter(self._is_below, children), None)

    def is_at(self, node: Node) -> bool:
        """Return whether a node stands for this."""
        match node.data:
            case Table(relation=relation):
                return not self.column and relation.name == self.name and self.kind in ("", relation.kind)
            case Thing(object=each):
                return (each.name, each.kind, each.signature) == (self.name, self.kind, self.signature)
            case Part(name=name):
                return bool(name) and name == self.column
        return False

    def _is_below(self, node: Node) -> bool:
        match node.data:
            case Schema(name=name):
                return name == self.schema
            case Folder() | Part(name=""):
                return self.towards(node) is not None
            case Objects(kind=kind, extension=None):
                return kind == self.kind
            case Table(relation=relation):
                return relation.name == (self.name if self.column else self.relation)
        return False
