"""The command table: id → typed parameters → typed result; ``run(id, …)`` is how anyone acts."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_type_hints

import msgspec

from alveary.contracts.factory import load_factory
from alveary.contracts.specs import CommandSpec
from alveary.errors import AlvearyError, InternalError, InvalidInputError, UnknownCommandError, described
from alveary.events import CommandEnded
from alveary.jobs import Job
from alveary.strangers import guarded

if TYPE_CHECKING:
    from alveary.kernel import Kernel

_log = logging.getLogger(__name__)

_HERE = "alveary.commands"
#: The kernel's own commands. Everything else comes by the hook ``alveary_commands``.
KERNEL_COMMANDS = (
    CommandSpec(
        id="query.run",
        summary="Run SQL on a database and write what comes back.",
        factory=f"{_HERE}.query:run",
        verb="query",
    ),
    CommandSpec(
        id="catalog.list",
        summary="List what a database holds: schemas, relations, columns.",
        factory=f"{_HERE}.catalog:list_catalog",
        verb="catalog",
        render=f"{_HERE}.catalog:render",
    ),
    CommandSpec(
        id="plugins.list",
        summary="List the installed plugins, what each declares, and each fault with its cause.",
        factory=f"{_HERE}.plugins:list_plugins",
        verb="plugins",
        render=f"{_HERE}.plugins:render",
    ),
    CommandSpec(
        id="plugins.enable",
        summary="Load a plugin again from the next start on.",
        factory=f"{_HERE}.plugins:enable",
        verb="plugins enable",
        render=f"{_HERE}.plugins:render_change",
    ),
    CommandSpec(
        id="plugins.disable",
        summary="Do not load a plugin any more, from the next start on.",
        factory=f"{_HERE}.plugins:disable",
        verb="plugins disable",
        render=f"{_HERE}.plugins:render_change",
    ),
    CommandSpec(
        id="commands.list",
        summary="List every command with the JSON Schema of its parameters and result.",
        factory=f"{_HERE}.table:list_commands",
        verb="commands",
        render=f"{_HERE}.table:render",
    ),
    CommandSpec(
        id="doctor.run",
        summary="Check this installation: versions, directories, drivers, plugins.",
        factory=f"{_HERE}.doctor:run",
        verb="doctor",
        render=f"{_HERE}.doctor:render",
    ),
)


@dataclass(frozen=True, slots=True)
class Context:
    """What a command's handler is handed beside its parameters."""

    kernel: Kernel
    job: Job
    """Where to say how far the work is, and to look whether somebody asked it to stop."""
    window: object = None
    """The window it was run from, if it was; the shell's ``window_of`` returns it with its type."""


@dataclass(frozen=True, slots=True)
class Command:
    """A command whose handler is imported; its types are read off the handler's annotations."""

    spec: CommandSpec
    handler: Callable[[Context, Any], Any]
    parameters: type[msgspec.Struct]
    result: Any

    def schema(self) -> dict[str, Any]:
        """Return the JSON Schemas of the parameters and the result, with shared ``$defs``."""
        (parameters, result), definitions = msgspec.json.schema_components((self.parameters, self.result))
        return {"parameters": parameters, "result": result, "$defs": definitions}


class Commands:
    """Runs commands, checks what goes in at the boundary, logs and publishes how each run ended."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._commands: dict[str, Command] = {}

    def __iter__(self) -> Iterator[CommandSpec]:
        return iter(self._kernel.plugins.commands)

    def get(self, id: str) -> Command:
        """Return a command with its handler imported; UnknownCommandError if there is none of that id."""
        if (command := self._commands.get(id)) is None:
            spec = self._kernel.plugins.commands.find(id)
            if spec is None or spec.id != id:
                raise UnknownCommandError(f"no command is named {id!r}", hint="see: alveary commands")
            command = self._commands[id] = _load(spec)
        return command

    def run(
        self,
        id: str,
        parameters: msgspec.Struct | Mapping[str, Any] | None = None,
        *,
        job: Job | None = None,
        window: object = None,
    ) -> Any:
        """Run a command on this thread and return its result; raises errors of :mod:`alveary.errors` only.

        ``parameters`` are the command's own struct, or a mapping that is checked against it.
        """
        started = time.perf_counter()
        outcome = "ok"
        try:
            command = self.get(id)
            checked = _checked(command, parameters or {})
            return command.handler(Context(self._kernel, job or Job(id, id, self._kernel.bus), window), checked)
        except AlvearyError as exc:
            outcome = exc.code
            raise
        except Exception as exc:
            outcome = InternalError.code
            raise InternalError(f"{id} failed: {described(exc)}") from exc
        finally:
            seconds = time.perf_counter() - started
            _log.info("command %s: %s in %.3f ms", id, outcome, seconds * 1000)
            self._kernel.bus.publish(CommandEnded(command=id, outcome=outcome, seconds=seconds))

    def parse(self, id: str, words: Mapping[str, Any]) -> msgspec.Struct:
        """Return a command's parameters from text, as a command line has it: "3" may become a number."""
        return _checked(self.get(id), words, strict=False)

    def submit(self, id: str, parameters: msgspec.Struct | Mapping[str, Any] | None = None) -> Job:
        """Run a command in the background."""
        return self._kernel.jobs.submit(id, lambda job: self.run(id, parameters, job=job))


def _load(spec: CommandSpec) -> Command:
    with guarded(f"the command {spec.id} can't be loaded"):
        handler = load_factory(spec.factory)
        hints = get_type_hints(handler)
        parameters, result = hints["parameters"], hints["return"]
        if not issubclass(parameters, msgspec.Struct):
            raise TypeError("its 'parameters' are not annotated with a msgspec.Struct")
    return Command(spec, handler, parameters, result)


def _checked(
    command: Command, parameters: msgspec.Struct | Mapping[str, Any], *, strict: bool = True
) -> msgspec.Struct:
    try:
        # A struct is checked as well: msgspec does not look at what its constructor is given.
        plain = msgspec.structs.asdict(parameters) if isinstance(parameters, msgspec.Struct) else parameters
        return msgspec.convert(plain, command.parameters, strict=strict)
    except msgspec.ValidationError as exc:
        # msgspec names the field last, as a path: "Expected `int` >= 0 - at `$.limit`".
        what, _, path = str(exc).rpartition(" - at `$.")
        said = f"{path.rstrip('`')}: {what[0].lower()}{what[1:]}" if what else str(exc)
        raise InvalidInputError(f"{command.spec.id}: {said}", hint=f"see: alveary commands {command.spec.id}") from exc
