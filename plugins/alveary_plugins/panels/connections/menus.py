"""What the context menu of the tree offers, by what is under the pointer."""

from __future__ import annotations

from alveary.profile_store import Group
from alveary_plugins.panels.catalog.model import (
    Dependents,
    Failed,
    Folder,
    Found,
    Objects,
    Part,
    Schema,
    Server,
    Table,
    Thing,
)
from alveary_plugins.panels.connections.model import Saved, Unsaved
from alveary_shell.widgets.tree_rows import Node

#: A label and the command it runs; None is a line between items.
Item = tuple[str, str] | None

_NEW: list[Item] = [("New connection…", "connections.new"), ("New group…", "connections.group")]
_REFRESH: Item = ("Refresh", "catalog.refresh")
_COPY: Item = ("Copy name", "catalog.copy-name")
_ENDS: list[Item] = [("What uses it", "catalog.used-by"), ("What it uses", "catalog.uses")]
_DDL: Item = ("DDL in an editor", "catalog.definition")


def items(node: Node | None) -> list[Item]:
    """Return what can be done with a node; None stands for the empty place below all of them."""
    data = node.data if node is not None else None
    if isinstance(data, Saved):
        return [
            ("New query", "connections.open"),
            ("Edit…", "connections.change"),
            ("Test the connection", "connections.check"),
            ("Disconnect all its sessions", "connections.disconnect"),
            None,
            ("Duplicate", "connections.duplicate"),
            ("Rename…", "connections.rename"),
            ("Move to a group…", "connections.move"),
            ("Remove…", "connections.delete"),
            None,
            _REFRESH,
            _COPY,
            None,
            *_NEW,
        ]
    if isinstance(data, Unsaved):
        return [
            ("New query", "connections.open"),
            ("Save this connection…", "connections.save"),
            ("Disconnect all its sessions", "connections.disconnect"),
            None,
            _REFRESH,
            None,
            *_NEW,
        ]
    if isinstance(data, Group):
        return [
            *_NEW,
            None,
            ("Rename…", "connections.rename"),
            ("Move to a group…", "connections.move"),
            ("Remove the group…", "connections.delete"),
        ]
    if isinstance(data, Table):
        return [
            ("Open the table", "catalog.open-table"),
            ("First rows in an editor", "catalog.first-rows"),
            None,
            ("SELECT in an editor", "catalog.select"),
            ("INSERT in an editor", "catalog.insert"),
            _DDL,
            None,
            *_ENDS,
            None,
            ("Import into this table…", "importing.into-table"),
            None,
            _COPY,
            _REFRESH,
        ]
    if isinstance(data, Schema):
        return [("New query", "connections.open"), None, _COPY, _REFRESH]
    if isinstance(data, Part) and data.name:
        return [_COPY, _REFRESH]
    if isinstance(data, Failed):
        return [("Try again", "catalog.refresh"), ("Copy the error", "catalog.copy-name")]
    if isinstance(data, Thing):
        return [_DDL, None, *_ENDS, None, _COPY] if data.schema.name else [_COPY]
    if isinstance(data, Found):
        return [_COPY]
    if isinstance(data, Folder | Part | Objects | Server | Dependents):
        return [_REFRESH]
    return _NEW
