"""``groups.list`` and its neighbours: the groups that saved connections stand in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import msgspec
from msgspec import Meta

from alveary.commands import Context
from alveary.profile_store import Group
from alveary.tables import plain_table

GroupPath = Annotated[str, Meta(description="Path of the group, such as Work/EU.", extra={"argument": True})]


class NoParameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Nothing is needed."""


class GroupParameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which group."""

    path: GroupPath


class EditGroupParameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to change; everything else stays as it is."""

    path: GroupPath
    rename: Annotated[str | None, Meta(description="New name.")] = None
    parent: Annotated[str | None, Meta(description="Path of the group to move it into, empty for none.")] = None
    position: Annotated[int, Meta(ge=1, description="Place among its neighbours, counted from 1.")] | None = None
    color: Annotated[str | None, Meta(description="Colour that marks it, empty for none.")] = None


def list_groups(context: Context, parameters: NoParameters) -> list[Group]:
    """List every group, each after the one it stands in."""
    return context.kernel.profiles.groups()


def add(context: Context, parameters: GroupParameters) -> Group:
    """Make a group, and those above it, unless it is there."""
    return context.kernel.profiles.make_group(parameters.path)


def edit(context: Context, parameters: EditGroupParameters) -> Group:
    """Rename, move, order or colour a group."""
    return context.kernel.profiles.change_group(
        parameters.path,
        name=parameters.rename,
        parent=parameters.parent,
        position=None if parameters.position is None else parameters.position - 1,
        color=parameters.color,
    )


def remove(context: Context, parameters: GroupParameters) -> list[Group]:
    """Remove a group; what stands in it moves up. Returns the groups that are left."""
    context.kernel.profiles.remove_group(parameters.path)
    return context.kernel.profiles.groups()


def render(groups: list[Group], write: Callable[[str], object]) -> None:
    """Print the groups for a person."""
    if groups:
        write(plain_table(["group", "color"], [[group.path, group.color or ""] for group in groups]))
    else:
        write("there are no groups\n")


def render_group(group: Group, write: Callable[[str], object]) -> None:
    """Print one group for a person."""
    render([group], write)
