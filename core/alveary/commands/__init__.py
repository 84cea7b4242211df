"""The command table: id → typed parameters → typed result; ``run(id, …)`` is how anyone acts."""

from __future__ import annotations

import logging
import threading
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
from alveary.schemas import schemas
from alveary.strangers import guarded
from alveary.wire import with_integers

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
        id="query.explain",
        summary="Show how a database runs a statement: a tree with rows, costs, times, and what is worth a look.",
        factory=f"{_HERE}.explain:run",
        verb="explain",
        render=f"{_HERE}.explain:render",
    ),
    CommandSpec(
        id="import.run",
        summary="Import a file into a table: all of it or nothing.",
        factory=f"{_HERE}.imports:run",
        verb="import",
        render=f"{_HERE}.imports:render",
    ),
    CommandSpec(
        id="import.preview",
        summary="Show how a file would be read: its format, columns, types and first rows.",
        factory=f"{_HERE}.imports:preview",
        verb="preview",
        render=f"{_HERE}.imports:render_preview",
    ),
    CommandSpec(
        id="copy.run",
        summary="Copy a table of one database into a table of another.",
        factory=f"{_HERE}.copies:run",
        verb="copy",
        render=f"{_HERE}.copies:render",
    ),
    CommandSpec(
        id="sql.format",
        summary="Lay out SQL, statement by statement; no token is changed, but the case of keywords if you choose so.",
        factory=f"{_HERE}.formatting:run",
        verb="format",
        render=f"{_HERE}.formatting:render",
    ),
    CommandSpec(
        id="catalog.list",
        summary="List what a database holds: schemas, relations, columns.",
        factory=f"{_HERE}.catalog:list_catalog",
        verb="catalog",
        render=f"{_HERE}.catalog:render",
    ),
    CommandSpec(
        id="editor.complete",
        summary="Suggest what could stand at a place of SQL text, the best first.",
        factory=f"{_HERE}.complete:complete",
        verb="complete",
        render=f"{_HERE}.complete:render",
    ),
    CommandSpec(
        id="find.run",
        summary="Find anything by a few letters: tables, columns, saved queries, history, commands.",
        factory=f"{_HERE}.finding:find",
        verb="find",
        render=f"{_HERE}.finding:render",
    ),
    *(
        CommandSpec(
            id=f"connections.{word}",
            summary=summary,
            factory=f"{_HERE}.{function}",
            verb=f"connections {word}",
            render=f"{_HERE}.{render}",
        )
        for word, function, render, summary in (
            (
                "list",
                "connections:list_connections",
                "connections:render_list",
                "List the saved connections, group by group.",
            ),
            (
                "show",
                "connections:show",
                "connections:render_show",
                "Show everything about a saved connection but its secrets.",
            ),
            (
                "add",
                "connection_changes:add",
                "connection_changes:render_saved",
                "Save a connection under a name, which is a target from then on.",
            ),
            (
                "edit",
                "connection_changes:edit",
                "connection_changes:render_saved",
                "Change a saved connection; what is not given stays.",
            ),
            (
                "remove",
                "connection_changes:remove",
                "connection_changes:render_removed",
                "Remove a saved connection and its secrets.",
            ),
            (
                "copy",
                "connection_changes:copy",
                "connection_changes:render_saved",
                "Copy a saved connection under a new name.",
            ),
            (
                "export",
                "connection_files:export_connections",
                "connection_files:render_exported",
                "Write saved connections without their secrets, as JSON or for a team's alveary.toml.",
            ),
            (
                "import",
                "connection_files:import_connections",
                "connection_files:render_imported",
                "Save the connections of a file; what could do harm is confirmed first.",
            ),
            (
                "test",
                "connections:test",
                "connections:render_tried",
                "Connect, and tell who answers, how fast, and how it is encrypted.",
            ),
        )
    ),
    *(
        CommandSpec(
            id=f"groups.{word}",
            summary=summary,
            factory=f"{_HERE}.groups:{function}",
            verb=f"groups {word}",
            render=f"{_HERE}.groups:{render}",
        )
        for word, function, render, summary in (
            ("list", "list_groups", "render", "List the groups of saved connections."),
            ("add", "add", "render_group", "Make a group of saved connections."),
            ("edit", "edit", "render_group", "Rename, move, order or colour a group of saved connections."),
            ("remove", "remove", "render", "Remove a group; what stands in it moves up."),
        )
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
        id="formats.list",
        summary="List the formats results can be written in, and the options of each.",
        factory=f"{_HERE}.formats:list_formats",
        verb="formats",
        render=f"{_HERE}.formats:render",
    ),
    CommandSpec(
        id="commands.list",
        summary="List every command with the JSON Schema of its parameters and result.",
        factory=f"{_HERE}.table:list_commands",
        verb="commands",
        render=f"{_HERE}.table:render",
    ),
    CommandSpec(
        id="contract.show",
        summary="Print the JSON Schema of every command, event and error as one document.",
        factory=f"{_HERE}.contract:show",
        verb="contract",
        render=f"{_HERE}.contract:render",
    ),
    CommandSpec(
        id="history.list",
        summary="List what was run, newest first, and search it.",
        factory=f"{_HERE}.history:list_history",
        verb="history",
        render=f"{_HERE}.history:render",
    ),
    CommandSpec(
        id="history.show",
        summary="Print a statement of the history as it was typed.",
        factory=f"{_HERE}.history:show",
        verb="history show",
        render=f"{_HERE}.history:render_entry",
    ),
    CommandSpec(
        id="history.clear",
        summary="Remove the history for good, or what is older than a date.",
        factory=f"{_HERE}.history:clear",
        verb="history clear",
        render=f"{_HERE}.history:render_cleared",
    ),
    *(
        CommandSpec(
            id=f"queries.{word}",
            summary=summary,
            factory=f"{_HERE}.queries:{function}",
            verb=f"queries {word}",
            render=render and f"{_HERE}.queries:{render}",
        )
        for word, function, render, summary in (
            ("list", "list_queries", "render", "List the saved queries."),
            ("show", "show", "render_query", "Show a saved query."),
            ("save", "save", "render_saved", "Save a query under a name; one with :parameters is a template."),
            ("delete", "delete", "render_deleted", "Delete a saved query."),
            ("run", "run", None, "Run a saved query."),
        )
    ),
    *(
        CommandSpec(
            id=f"settings.{word}",
            summary=summary,
            factory=f"{_HERE}.settings:{function}",
            verb=f"settings {word}",
            render=f"{_HERE}.settings:{render}",
        )
        for word, function, render, summary in (
            ("list", "list_settings", "render", "List every setting, what it is and what it does."),
            ("get", "get", "render_one", "Show a setting, its default and what it may be."),
            ("set", "set_value", "render_change", "Set a setting; wrong values are refused."),
            ("reset", "reset", "render_reset", "Give a setting its default again."),
        )
    ),
    CommandSpec(
        id="store.backup",
        summary="Copy what Alveary remembers into backups/, now.",
        factory=f"{_HERE}.store:make_backup",
        verb="store backup",
        render=f"{_HERE}.store:render_backup",
    ),
    CommandSpec(
        id="store.restore",
        summary="Put the newest sound copy in the place of a damaged store, which is kept.",
        factory=f"{_HERE}.store:restore_store",
        verb="store restore",
        render=f"{_HERE}.store:render_restored",
    ),
    CommandSpec(
        id="sent.list",
        summary="List every statement that was sent to a database, with what it was sent for.",
        factory=f"{_HERE}.sent:list_sent",
        verb="sent",
        render=f"{_HERE}.sent:render",
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

    def stopped(self) -> threading.Event:
        """Return an event that is set when the job is cancelled."""
        stopped = threading.Event()
        self.job.on_cancel(stopped.set)
        return stopped


@dataclass(frozen=True, slots=True)
class Command:
    """A command whose handler is imported; its types are read off the handler's annotations."""

    spec: CommandSpec
    handler: Callable[[Context, Any], Any]
    parameters: type[msgspec.Struct]
    result: Any

    def schema(self) -> dict[str, Any]:
        """Return the JSON Schemas of the parameters and the result, with shared ``$defs``."""
        (parameters,), (result,), definitions = schemas([self.parameters], [self.result])
        return {"parameters": parameters, "result": result, "$defs": definitions}


class Commands:
    """Runs commands, checks what goes in at the boundary, logs and publishes how each run ended."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._commands: dict[str, Command] = {}

    def __iter__(self) -> Iterator[CommandSpec]:
        return iter(self._kernel.plugins.commands)

    def verb(self, words: str) -> CommandSpec | None:
        """Return the command that the command line calls by these words."""
        return self._kernel.plugins.commands.find(f"verb {words}")

    def family(self, word: str) -> list[CommandSpec]:
        """Return the commands whose verb begins with a word; plugins are loaded for it only where there is none."""
        table = self._kernel.plugins.commands
        for specs in (table.so_far, table.__iter__):
            if found := [spec for spec in specs() if spec.verb and spec.verb.split()[0] == word]:
                return found
        return []

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
        try:
            return msgspec.convert(plain, command.parameters, strict=strict)
        except msgspec.ValidationError:
            return msgspec.convert(with_integers(plain, command.parameters), command.parameters, strict=strict)
    except msgspec.ValidationError as exc:
        # msgspec names the field last, as a path: "Expected `int` >= 0 - at `$.limit`".
        what, _, path = str(exc).rpartition(" - at `$.")
        said = f"{path.rstrip('`')}: {what[0].lower()}{what[1:]}" if what else str(exc)
        raise InvalidInputError(f"{command.spec.id}: {said}", hint=f"see: alveary commands {command.spec.id}") from exc
