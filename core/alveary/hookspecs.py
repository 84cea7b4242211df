"""Every hook a plugin can implement, in the order they fire.

A plugin is a module (or object) named by an entry point of the group ``alveary``, or ``alveary.window`` if only a
window needs it; it marks its functions with ``alveary.hookimpl``. Hooks are called one plugin at a time, on the thread
that builds the kernel (those of a plugin for the window, on the thread that first asks for what it may bring), inside
a guard: whatever a plugin raises, or answers wrongly, becomes a fault shown by ``alveary plugins`` and stops nothing
else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from collections.abc import Iterable

    from alveary.contracts.completion import CompletionRequest, Suggestion
    from alveary.contracts.guard import Reviewed, Verdict
    from alveary.contracts.setting import SettingSpec
    from alveary.contracts.specs import (
        CommandSpec,
        DriverSpec,
        ExplainerSpec,
        ExporterSpec,
        FinderSpec,
        ImporterSpec,
        TunnelSpec,
        VaultSpec,
    )
    from alveary.contracts.target import Target
    from alveary.contracts.window import PanelSpec, ThemeSpec

hookspec = pluggy.HookspecMarker("alveary")
hookimpl = pluggy.HookimplMarker("alveary")


@hookspec
def alveary_settings() -> Iterable[SettingSpec]:  # type: ignore[empty-body]  # a specification has no body
    """Declare what a person can set about this plugin.

    Called once while the kernel is built, on its thread, before the other hooks. Must be pure and cost under a
    millisecond. Returns specs; an id that the kernel or an earlier plugin holds is a fault and the later spec is left
    out. If it raises, the plugin brings no settings. ``kernel.settings.get`` returns what is set, or the default.
    """


@hookspec
def alveary_drivers() -> Iterable[DriverSpec]:  # type: ignore[empty-body]  # a specification has no body
    """Declare the database engines this plugin can speak to.

    Called once while the kernel is built, on its thread, after ``alveary_settings``. Must be pure and cost under a
    millisecond: import no database library, name it in the spec's ``factory``. Returns specs; an id or URL scheme that
    an earlier plugin holds is a fault and the later spec is left out. If it raises, the plugin brings no drivers.
    """


@hookspec
def alveary_explainers() -> Iterable[ExplainerSpec]:  # type: ignore[empty-body]  # a specification has no body
    """Declare the drivers whose statements this plugin can explain, which may be somebody else's.

    Called once while the kernel is built, on its thread, after ``alveary_drivers``. Must be pure and cost under a
    millisecond: name the explainer's class in the spec's ``factory``. Returns specs; an id, or a driver, that an
    earlier plugin holds is a fault and the later spec is left out. If it raises, the plugin explains nothing.
    """


@hookspec
def alveary_vaults() -> Iterable[VaultSpec]:  # type: ignore[empty-body]  # a specification has no body
    """Declare the places where this plugin can keep passwords.

    Called once while the kernel is built, on its thread, after ``alveary_explainers``. Must be pure and cost under a
    millisecond: look for no keyring, name the vault's class in the spec's ``factory``. Returns specs; an id that an
    earlier plugin holds is a fault and the later spec is left out. If it raises, the plugin brings no vaults.
    """


@hookspec
def alveary_tunnels() -> Iterable[TunnelSpec]:  # type: ignore[empty-body]  # a specification has no body
    """Declare the kinds of tunnels through which this plugin can reach a database.

    Called once while the kernel is built, on its thread, after ``alveary_vaults``. Must be pure and cost under a
    millisecond: import no library, name the tunneler's class in the spec's ``factory``. Returns specs; an id that an
    earlier plugin holds is a fault and the later spec is left out. If it raises, the plugin brings no tunnels.
    """


@hookspec
def alveary_exporters() -> Iterable[ExporterSpec]:  # type: ignore[empty-body]  # a specification has no body
    """Declare the formats this plugin can write results in.

    Called once while the kernel is built, on its thread, after ``alveary_tunnels``. Must be pure and cost under a
    millisecond. Returns specs; an id that an earlier plugin holds is a fault and the later spec is left out. If it
    raises, the plugin brings no formats.
    """


@hookspec
def alveary_importers() -> Iterable[ImporterSpec]:  # type: ignore[empty-body]  # a specification has no body
    """Declare the formats this plugin can read files in.

    Called once while the kernel is built, on its thread, after ``alveary_exporters``. Must be pure and cost under a
    millisecond: import no library, name the reader's class in the spec's ``factory``. Returns specs; an id that an
    earlier plugin holds is a fault and the later spec is left out. If it raises, the plugin reads no formats.
    """


@hookspec
def alveary_commands() -> Iterable[CommandSpec]:  # type: ignore[empty-body]  # a specification has no body
    """Declare the commands this plugin adds to the command table.

    Called once while the kernel is built, on its thread, after ``alveary_importers``. Must be pure and cost under a
    millisecond: name the handler in the spec's ``factory``. Returns specs; an id or verb that the kernel or an
    earlier plugin holds is a fault and the later spec is left out. If it raises, the plugin brings no commands.
    """


@hookspec
def alveary_finders() -> Iterable[FinderSpec]:  # type: ignore[empty-body]  # a specification has no body
    """Declare what a person can find by a few letters, in the window and by ``alveary find``.

    Called once while the kernel is built, on its thread, after ``alveary_commands``. Must be pure and cost under a
    millisecond: look for nothing yet, name the finder's class in the spec's ``factory``. Returns specs; an id that an
    earlier plugin holds is a fault and the later spec is left out. If it raises, the plugin brings no finders.
    """


@hookspec
def alveary_themes() -> Iterable[ThemeSpec]:  # type: ignore[empty-body]  # a specification has no body
    """Declare the themes this plugin adds to the window.

    Called once while the kernel is built, on its thread, after ``alveary_finders``. Must be pure and cost under a
    millisecond. Returns specs; an id that an earlier plugin holds is a fault and the later spec is left out. If it
    raises, the plugin brings no themes.
    """


@hookspec
def alveary_panels() -> Iterable[PanelSpec]:  # type: ignore[empty-body]  # a specification has no body
    """Declare the panels this plugin adds to the window.

    Called once while the kernel is built, on its thread, after ``alveary_themes``. Must be pure and cost under a
    millisecond: import no Tk, name the panel's class in the spec's ``factory``. Returns specs; an id that an earlier
    plugin holds is a fault and the later spec is left out. If it raises, the plugin brings no panels.
    """


@hookspec
def alveary_review(statement: Reviewed, profile: Target) -> Verdict | None:
    """Say what you think of a statement before it is sent.

    Called for every statement that anybody wants to run, whichever door it comes through, on its thread: the one that
    runs the statement, which may be the window's, so it must cost under a millisecond, and may do no I/O. A script is
    reviewed whole before its first statement is sent, and each statement once more when it is its turn. ``profile``
    says where it would go, without a password. Returns a Verdict, or None for no opinion; of all guards the strictest
    verdict holds. If it raises, or answers anything else, the statement is refused.
    """


@hookspec
def alveary_complete(request: CompletionRequest) -> Iterable[Suggestion]:  # type: ignore[empty-body]  # a specification
    """Suggest what could stand at the caret.

    Called whenever somebody asks for completions, on its thread: one of the completion's own, never the window's. What
    it returns within half a second is shown, so it should cost under ten milliseconds, and must neither ask a server
    nor write; ``request.catalog`` tells what is known. Returns suggestions, none where it has nothing to say, as
    within a string. If it raises, or answers anything else, that is a fault, and what the others suggest stays.
    """
