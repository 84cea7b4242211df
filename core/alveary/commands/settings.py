"""``settings.list`` and its neighbours: what can be set, what is set, and how to change it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, get_args

import msgspec
from msgspec import Meta

from alveary.commands import Context
from alveary.commands.confirming import Confirming, confirm_lowering
from alveary.commands.plugins import NoParameters
from alveary.contracts.setting import Value, value_text
from alveary.contracts.target import Confirm, Environment
from alveary.settings import SettingState
from alveary.tables import plain_table, visible
from alveary.wire import Small

Name = Annotated[str, Meta(description="Name of the setting: area.name.", extra={"argument": True})]


class ResetParameters(Confirming, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which setting."""

    name: Name


class SettingParameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which setting."""

    name: Name


class SetParameters(Confirming, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which setting, and what it is to be."""

    name: Name
    value: Annotated[str | bool | Small | float, Meta(description="What to set it to.", extra={"argument": True})]


class SettingListing(msgspec.Struct, frozen=True, kw_only=True):
    """Every setting that is declared.

    ``undeclared`` names what is kept for plugins that are not loaded. ``trouble`` says why nothing that was set holds.
    """

    settings: list[SettingState]
    undeclared: list[str]
    trouble: str | None = None


class SettingReset(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a setting; ``setting`` is None where no plugin that is loaded declares it."""

    name: str
    setting: SettingState | None


def list_settings(context: Context, parameters: NoParameters) -> SettingListing:
    """List every setting."""
    settings = context.kernel.settings
    return SettingListing(
        settings=settings.states(),
        undeclared=settings.undeclared(),
        trouble=None if settings.trouble is None else settings.trouble.message,
    )


def get(context: Context, parameters: SettingParameters) -> SettingState:
    """Show one setting."""
    return context.kernel.settings.state(parameters.name)


def set_value(context: Context, parameters: SetParameters) -> SettingState:
    """Set a setting."""
    settings = context.kernel.settings
    _confirm_lowering(
        context, parameters, parameters.name, lambda: settings.accepted(parameters.name, parameters.value)
    )
    return settings.set(parameters.name, parameters.value)


def reset(context: Context, parameters: ResetParameters) -> SettingReset:
    """Go back to the default of a setting."""
    settings = context.kernel.settings
    _confirm_lowering(context, parameters, parameters.name, lambda: settings.state(parameters.name).default)
    return SettingReset(name=parameters.name, setting=settings.reset(parameters.name))


def _confirm_lowering(context: Context, parameters: Confirming, name: str, new: Callable[[], Value]) -> None:
    """Have a person confirm that less must be confirmed in an environment; ``new`` tells what the setting becomes."""
    environment = next((each for each in get_args(Environment) if name.startswith(f"confirm.{each}.")), None)
    if environment is not None:
        level, old = name.rpartition(".")[2], context.kernel.settings.get(name)
        confirm_lowering(
            context,
            parameters,
            environment,
            None,
            Confirm(**{level: old}),
            Confirm(**{level: new()}),  # type: ignore[arg-type]  # a choice of levels
        )


def render(listing: SettingListing, write: Callable[[str], object]) -> None:
    """Print the settings for a person; what was chosen is marked."""
    rows = [
        [each.name, value_text(each.kind, each.value), "*" if each.chosen else "", each.description]
        for each in listing.settings
    ]
    write(plain_table(["setting", "value", "set", "what it does"], rows))
    for each in listing.settings:
        if each.problem is not None:
            write(f"\nproblem: {visible(each.problem)}\n")
    if listing.trouble is not None:
        write(f"\nproblem: every setting has its default: {visible(listing.trouble)}\n")
    if listing.undeclared:
        write(f"\nkept for plugins that are not loaded: {visible(', '.join(listing.undeclared))}\n")


def render_one(state: SettingState, write: Callable[[str], object]) -> None:
    """Print everything about a setting."""
    rows = [
        ["value", value_text(state.kind, state.value)],
        ["default", value_text(state.kind, state.default)],
        ["may be", state.allowed],
        ["what it does", state.description],
    ]
    write(plain_table([state.name, ""], rows))
    if state.problem is not None:
        write(f"\nproblem: {visible(state.problem)}\n")


def render_change(state: SettingState, write: Callable[[str], object]) -> None:
    """Say what holds from now on."""
    write(f"{state.name} is {visible(value_text(state.kind, state.value)) or 'not set'}\n")


def render_reset(reset: SettingReset, write: Callable[[str], object]) -> None:
    """Say what holds from now on."""
    if reset.setting is None:
        write(f"{visible(reset.name)} is removed; no plugin that is loaded declares it\n")
    else:
        render_change(reset.setting, write)
