"""Every hook a plugin can implement, in the order they fire.

A plugin is a module (or object) named by an entry point of the group ``alveary``; it marks its functions with
``alveary.hookimpl``. Hooks are called one plugin at a time, on the thread that builds the kernel, inside a guard:
whatever a plugin raises, or answers wrongly, becomes a fault shown by ``alveary plugins`` and stops nothing else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from collections.abc import Iterable

    from alveary.contracts.specs import CommandSpec, DriverSpec, ExporterSpec

hookspec = pluggy.HookspecMarker("alveary")
hookimpl = pluggy.HookimplMarker("alveary")


@hookspec
def alveary_drivers() -> Iterable[DriverSpec]:  # type: ignore[empty-body]  # a specification has no body
    """Declare the database engines this plugin can speak to.

    Called once while the kernel is built, on its thread. Must be pure and cost under a millisecond: import no
    database library, name it in the spec's ``factory``. Returns specs; an id or URL scheme that an earlier plugin
    holds is a fault and the later spec is left out. If it raises, the plugin brings no drivers.
    """


@hookspec
def alveary_exporters() -> Iterable[ExporterSpec]:  # type: ignore[empty-body]  # a specification has no body
    """Declare the formats this plugin can write results in.

    Called once while the kernel is built, on its thread, after ``alveary_drivers``. Must be pure and cost under a
    millisecond. Returns specs; an id that an earlier plugin holds is a fault and the later spec is left out. If it
    raises, the plugin brings no formats.
    """


@hookspec
def alveary_commands() -> Iterable[CommandSpec]:  # type: ignore[empty-body]  # a specification has no body
    """Declare the commands this plugin adds to the command table.

    Called once while the kernel is built, on its thread, after ``alveary_exporters``. Must be pure and cost under a
    millisecond: name the handler in the spec's ``factory``. Returns specs; an id or verb that the kernel or an
    earlier plugin holds is a fault and the later spec is left out. If it raises, the plugin brings no commands.
    """
