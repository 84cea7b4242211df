"""What the plan panel offers, for the menus, the keys and the palette; each acts on the plan in front."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, cast

import msgspec
from msgspec import Meta

from alveary.commands import Context
from alveary.errors import UnknownObjectError
from alveary_plugins.panels.plan.model import Format, View
from alveary_shell.sdk import Window, window_of

if TYPE_CHECKING:
    from alveary_plugins.panels.plan.view import PlanPanel


class NoParameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A command that needs nothing."""


class SaveParameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the plan goes; a person is asked for what is not given."""

    path: Annotated[str | None, Meta(description="File to write.")] = None
    format: Annotated[Format | None, Meta(description="Format, if not the one of the file's ending.")] = None


class ViewParameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the plan is shown; the next way without one."""

    view: Annotated[View | None, Meta(description="tree, raw (as the server sent it), or compare.")] = None


def save(context: Context, parameters: SaveParameters) -> None:
    """Write the plan to a file, in the background."""
    _panel(window_of(context)).save(parameters.path, parameters.format)


def copy(context: Context, parameters: NoParameters) -> None:
    """Copy what is shown as text."""
    _panel(window_of(context)).copy()


def view(context: Context, parameters: ViewParameters) -> None:
    """Show the plan another way."""
    _panel(window_of(context)).choose_view(parameters.view)


def fold(context: Context, parameters: NoParameters) -> None:
    """Fold the plan away up to its first steps, or show all of it."""
    _panel(window_of(context)).fold()


def stop(context: Context, parameters: NoParameters) -> None:
    """Stop what is awaited."""
    _panel(window_of(context)).stop()


def has_plan(window: Window) -> bool:
    """Whether there is a plan in front."""
    found = _found(window)
    return found is not None and found.model.front is not None and found.model.front.plan is not None


def is_waiting(window: Window) -> bool:
    """Whether a plan is awaited."""
    found = _found(window)
    return found is not None and found.model.front is not None and found.model.front.is_waiting


def _panel(window: Window) -> PlanPanel:
    found = _found(window)
    if found is None:
        raise UnknownObjectError("there is no plan", hint="explain a statement in an editor first")
    return found


def _found(window: Window) -> PlanPanel | None:
    panels = window.panels("plan")
    return cast("PlanPanel", panels[0]) if panels and hasattr(panels[0], "model") else None
