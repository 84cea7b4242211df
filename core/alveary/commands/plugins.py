"""``plugins.list``, ``plugins.enable``, ``plugins.disable``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import msgspec
from msgspec import Meta

from alveary.commands import Context
from alveary.plugins import PluginFault, PluginInfo
from alveary.tables import plain_table

MOST_SHOWN = 7
"""Ids of one kind that the table names; the JSON has all."""


class NoParameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A command that needs nothing."""


class PluginParameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which plugin."""

    name: Annotated[str, Meta(description="Entry-point name of the plugin.", extra={"argument": True})]


class PluginListing(msgspec.Struct, frozen=True, kw_only=True):
    """All installed plugins, and the faults that belong to none of them."""

    plugins: list[PluginInfo]
    faults: list[PluginFault]
    safe_mode: bool


class PluginChange(msgspec.Struct, frozen=True, kw_only=True):
    """What the next start will do."""

    plugin: str
    enabled: bool


def list_plugins(context: Context, parameters: NoParameters) -> PluginListing:
    """List the installed plugins."""
    kernel = context.kernel
    return PluginListing(plugins=kernel.plugins.infos, faults=kernel.plugins.kernel_faults, safe_mode=kernel.safe_mode)


def enable(context: Context, parameters: PluginParameters) -> PluginChange:
    """Load the plugin again from the next start on."""
    context.kernel.plugins.set_enabled(parameters.name, True)
    return PluginChange(plugin=parameters.name, enabled=True)


def disable(context: Context, parameters: PluginParameters) -> PluginChange:
    """Do not load the plugin any more, from the next start on."""
    context.kernel.plugins.set_enabled(parameters.name, False)
    return PluginChange(plugin=parameters.name, enabled=False)


def render(listing: PluginListing, write: Callable[[str], object]) -> None:
    """Print the plugins for a person: a line each, then every fault."""
    rows = [
        [
            info.name,
            info.version,
            info.distribution,
            info.state,
            "; ".join(f"{kind}: {_few(ids)}" for kind, ids in info.declares.items()),
        ]
        for info in listing.plugins
    ]
    write(plain_table(["plugin", "version", "distribution", "state", "declares"], rows))
    faults = [*listing.faults, *(fault for info in listing.plugins for fault in info.faults)]
    if faults:
        write("\n")
        write(plain_table(["fault in", "stage", "cause"], [[each.plugin, each.stage, each.cause] for each in faults]))


def _few(ids: list[str]) -> str:
    return (
        ", ".join(ids) if len(ids) <= MOST_SHOWN else f"{', '.join(ids[:MOST_SHOWN])} and {len(ids) - MOST_SHOWN} more"
    )


def render_change(change: PluginChange, write: Callable[[str], object]) -> None:
    """Say what will happen."""
    write(f"{change.plugin} is {'enabled' if change.enabled else 'disabled'} from the next start on\n")
