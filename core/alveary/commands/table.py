"""``commands.list``: the command table itself, with the schemas other doors are generated from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from alveary.commands import Context
from alveary.tables import plain_table


class TableParameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All commands or one."""

    command: Annotated[str | None, Meta(description="Id of one command.", extra={"argument": True})] = None


class CommandInfo(msgspec.Struct, frozen=True, kw_only=True):
    """One command. ``schema`` holds the JSON Schemas of its parameters and result, and is given for one command."""

    id: str
    summary: str
    verb: str | None
    schema: dict[str, Any] | None = None


def list_commands(context: Context, parameters: TableParameters) -> list[CommandInfo]:
    """List every command, or one with its schema."""
    commands = context.kernel.commands
    if parameters.command is None:
        return [CommandInfo(id=spec.id, summary=spec.summary, verb=spec.verb) for spec in commands]
    command = commands.get(parameters.command)
    spec = command.spec
    return [CommandInfo(id=spec.id, summary=spec.summary, verb=spec.verb, schema=command.schema())]


def render(commands: list[CommandInfo], write: Callable[[str], object]) -> None:
    """Print the commands for a person; the schema as JSON."""
    rows = [[each.id, each.verb or "", each.summary] for each in commands]
    write(plain_table(["command", "verb", "what it does"], rows))
    for each in commands:
        if each.schema is not None:
            write("\n" + msgspec.json.format(msgspec.json.encode(each.schema), indent=2).decode() + "\n")
