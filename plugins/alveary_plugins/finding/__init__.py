"""What can be found by a few letters: connections, what databases hold, saved queries, history, commands."""

from __future__ import annotations

from alveary import FinderSpec, hookimpl

_HERE = "alveary_plugins.finding"


@hookimpl
def alveary_finders() -> list[FinderSpec]:
    """Declare the finders; columns and the history are many, so they come after what is called the same."""

    def finder(id: str, name: str, factory: str, order: int, weight: int = 0) -> FinderSpec:
        return FinderSpec(id=id, name=name, factory=f"{_HERE}.{factory}", order=order, weight=weight)

    return [
        finder("connections", "the saved connections", "local:Connections", 10),
        finder("objects", "what databases hold", "catalog:Objects", 20),
        finder("saved", "the saved queries", "local:Saved", 30),
        finder("commands", "the commands", "local:Commands", 40),
        finder("columns", "the columns", "catalog:Columns", 50, weight=2),
        finder("history", "the history", "local:Past", 60, weight=2),
    ]
