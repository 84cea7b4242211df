"""``contract.show``: everything that crosses the command table as one JSON document, for whoever generates a client."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from alveary import events
from alveary.commands import Command, Context
from alveary.commands.plugins import NoParameters
from alveary.errors import AlvearyError, ErrorRecord, every_error
from alveary.schemas import schemas

INTEGERS = (
    "JSON's numbers have no size, but JavaScript and many others read them as doubles, which hold integers exactly "
    "only up to 2^53. So an integer in a result, an event or an error is a number only where its schema bounds it "
    "within plus or minus 9007199254740991, and a string of decimal digits everywhere else. Parameters take either."
)


def show(context: Context, parameters: NoParameters) -> dict[str, Any]:
    """Return the contract: each command's parameters and result, the events, the errors by code."""
    commands: dict[str, Command] = {}
    broken: dict[str, Any] = {}
    for spec in context.kernel.commands:
        try:
            commands[spec.id] = context.kernel.commands.get(spec.id)
        except AlvearyError as exc:
            broken[spec.id] = exc.message
    happenings = list(_below(events.Event))
    into, out, definitions = schemas(
        [command.parameters for command in commands.values()],
        [*(command.result for command in commands.values()), *happenings, ErrorRecord],
    )
    of_commands, of_events, of_errors = out[: len(commands)], out[len(commands) : -1], out[-1]
    contract = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$comment": INTEGERS,
        "commands": {
            command.spec.id: {
                "summary": command.spec.summary,
                "verb": command.spec.verb,
                "parameters": parameters_schema,
                "result": result_schema,
            }
            for command, parameters_schema, result_schema in zip(commands.values(), into, of_commands, strict=True)
        },
        "events": {
            str(event.__struct_config__.tag): schema for event, schema in zip(happenings, of_events, strict=True)
        },
        "error": of_errors,
        "errors": {
            error.code: {"type": error.type, "exit_status": error.exit_status, "summary": _summary(error)}
            for error in every_error()
            if error is not AlvearyError
        },
        "$defs": definitions,
    }
    return contract | ({"broken": broken} if broken else {})


def render(contract: dict[str, Any], write: Callable[[str], object]) -> None:
    """Print the contract, the same text each time for the same contract."""
    text = msgspec.json.encode(contract, order="sorted")
    write(msgspec.json.format(text, indent=2).decode() + "\n")


def _below(root: type[Any]) -> Iterator[type[Any]]:
    for child in root.__subclasses__():
        yield child
        yield from _below(child)


def _summary(error: type[Any]) -> str:
    return " ".join((inspect.getdoc(error) or "").split())
