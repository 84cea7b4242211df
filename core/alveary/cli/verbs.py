"""The verbs: generated from the command table, each option from a field of the command's parameters."""

from __future__ import annotations

import contextlib
import sys
import types
import typing
from collections.abc import Callable, Mapping
from typing import Annotated, Any, get_args, get_origin

import click
import msgspec

from alveary.cli.app import App
from alveary.contracts.factory import load_factory
from alveary.contracts.specs import CommandSpec
from alveary.errors import AlvearyError, InvalidInputError, WindowUnavailableError
from alveary.strangers import guarded
from alveary.wire import json_text

_WINDOW = "window"
"""The verb that is meant when there is none."""


class Verbs(click.Group):
    """``alveary``: every command that declares a verb, and ``query``, whose arguments are too rich to generate."""

    def __init__(self, app: App) -> None:
        super().__init__(
            name="alveary",
            help="A database workbench: run SQL, look around, export, from the command line.",
            params=[
                click.Option(
                    ["--version"],
                    is_flag=True,
                    is_eager=True,
                    expose_value=False,
                    callback=_version,
                    help="Print the version and leave.",
                ),
                *_everywhere(app),
            ],
            invoke_without_command=True,
            callback=self._without_verb,
            context_settings={"help_option_names": ["-h", "--help"]},
        )
        self._app = app

    def _without_verb(self) -> None:
        """Open the window; where that can't be done, print the help and say why."""
        ctx = click.get_current_context()
        if ctx.invoked_subcommand is not None:
            return
        try:
            window = next((spec for spec in self._app.kernel.commands if spec.verb == _WINDOW), None)
            if window is None:
                raise WindowUnavailableError("no window is installed")
            self._app.run(window.id, self._app.kernel.commands.parse(window.id, {}), foreground=True)
        except WindowUnavailableError as exc:
            click.echo(ctx.get_help())
            click.echo(f"\n{exc.message}", err=True)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({"query", "run", *(spec.verb.split()[0] for spec in self._app.kernel.commands if spec.verb)})

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name == "query":
            from alveary.cli.query import query_command

            return query_command(self._app, _everywhere(self._app))
        if name == "run":
            return _run_command(self._app)
        specs = {spec.verb: spec for spec in self._app.kernel.commands if spec.verb}
        children = {verb.split()[1]: spec for verb, spec in specs.items() if verb.startswith(name + " ")}
        own = specs.get(name)
        if not children:
            return None if own is None else _leaf(self._app, own, name)
        return _Family(self._app, name, own, children)


class _Family(click.Group):
    """A verb that has verbs below it, and may be a command itself: ``plugins``, ``plugins disable``."""

    def __init__(self, app: App, name: str, own: CommandSpec | None, children: Mapping[str, CommandSpec]) -> None:
        leaf = _leaf(app, own, name) if own is not None else None
        super().__init__(
            name=name,
            help=own.summary if own is not None else None,
            params=leaf.params if leaf is not None else _everywhere(app),
            invoke_without_command=leaf is not None,
            callback=_unless_below(leaf.callback) if leaf is not None and leaf.callback is not None else None,
        )
        for word, spec in children.items():
            self.add_command(_leaf(app, spec, word))


def _unless_below(callback: Callable[..., Any]) -> Callable[..., Any]:
    def run(**values: Any) -> Any:
        return callback(**values) if click.get_current_context().invoked_subcommand is None else None

    return run


def _leaf(app: App, spec: CommandSpec, name: str) -> click.Command:
    """Return the verb of one command: its parameters as options, its result as text or JSON."""
    try:
        parameters = app.kernel.commands.get(spec.id).parameters
    except AlvearyError as exc:
        return _broken(spec, name, exc)
    fields = msgspec.structs.fields(parameters)

    def run(as_format: str, **words: Any) -> int:
        given = {key: value for key, value in words.items() if value is not None and value != ()}
        result = app.run(spec.id, app.kernel.commands.parse(spec.id, given), foreground=spec.foreground)
        if spec.foreground:
            return 0
        if as_format == "json" or spec.render is None:
            write_json(result)
        else:
            _render(spec, result)
        return getattr(result, "exit_status", 0)

    return click.Command(
        name,
        help=spec.summary,
        callback=run,
        params=[
            *(_parameter(field) for field in fields),
            click.Option(
                ["--format", "as_format"],
                type=click.Choice(["table", "json"]),
                default="table",
                show_default=True,
                help="How to print the result.",
            ),
            *_everywhere(app),
        ],
    )


def _broken(spec: CommandSpec, name: str, error: AlvearyError) -> click.Command:
    """Return the verb of a command that can't be loaded: it is listed, and says why when it is asked for."""

    def run() -> None:
        raise error

    return click.Command(
        name,
        help=spec.summary,
        callback=run,
        context_settings={"ignore_unknown_options": True, "allow_extra_args": True},
    )


def _render(spec: CommandSpec, result: Any) -> None:
    assert spec.render is not None, "without a renderer JSON is printed"
    with guarded(f"the result of {spec.id} can't be shown", passing=(AlvearyError, OSError)):
        with contextlib.redirect_stdout(sys.stderr):  # what its module prints when it is imported is no data
            render = load_factory(spec.render)
        render(result, sys.stdout.write)


def _run_command(app: App) -> click.Command:
    """Return ``alveary run ID [NAME=VALUE …]``: the door to commands that have no verb of their own."""

    def run(command: str, values: tuple[str, ...]) -> int:
        words: dict[str, Any] = {}
        for value in values:
            name, separator, text = value.partition("=")
            if not separator:
                raise InvalidInputError(f"{value!r} is not NAME=VALUE")
            if name.endswith(":"):
                name, text = name[:-1], json_value(text, name[:-1])
            words[name] = text
        result = app.run(command, app.kernel.commands.parse(command, words))
        write_json(result)
        return getattr(result, "exit_status", 0)

    return click.Command(
        "run",
        help="Run any command of the table by its id and print its result as JSON. "
        "Parameters are NAME=TEXT, or NAME:=JSON for anything that is not text.",
        callback=run,
        params=[
            click.Argument(["command"]),
            click.Argument(["values"], nargs=-1, metavar="[NAME=VALUE]..."),
            click.Option(["--format"], type=click.Choice(["json"]), expose_value=False, help="JSON is the only one."),
            *_everywhere(app),
        ],
    )


def json_value(text: str, name: str) -> Any:
    """Return the value of a ``NAME:=JSON`` argument."""
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError as exc:
        raise InvalidInputError(f"the value of {name} is not JSON: {exc}", hint=f"text is written {name}=TEXT") from exc


def write_json(result: Any) -> None:
    """Print a result as one line of JSON."""
    sys.stdout.write(json_text(result) + "\n")


def _parameter(field: msgspec.structs.FieldInfo) -> click.Parameter:
    kind, meta = _unwrapped(field.type)
    extra = (meta.extra or {}) if meta is not None else {}
    if extra.get("argument"):
        metavar = field.name.upper() if field.required else f"[{field.name.upper()}]"
        return click.Argument([field.name], required=field.required, metavar=metavar)
    description = meta.description if meta is not None else None
    flag = "--" + field.name.replace("_", "-")
    if kind is bool:
        return click.Option([flag, field.name], is_flag=True, default=None, help=description)
    choices = get_args(kind) if get_origin(kind) is typing.Literal else ()
    return click.Option(
        [flag, field.name],
        type=click.Choice(choices) if choices else click.STRING,
        multiple=get_origin(kind) in (list, tuple),
        required=field.required,
        help=description,
    )


def _unwrapped(kind: Any) -> tuple[Any, msgspec.Meta | None]:
    """Return a field's type without its Annotated and its ``| None``, and the Meta found on the way."""
    meta: msgspec.Meta | None = None
    while True:
        if get_origin(kind) is Annotated:
            meta = next((each for each in get_args(kind)[1:] if isinstance(each, msgspec.Meta)), meta)
            kind = get_args(kind)[0]
        elif get_origin(kind) in (types.UnionType, typing.Union):
            kind = next(each for each in get_args(kind) if each is not type(None))
        else:
            return kind, meta


def _everywhere(app: App) -> list[click.Parameter]:
    """Options that may stand before and after the verb; they are read before anything is parsed."""
    return [
        click.Option(["--safe-mode"], is_flag=True, expose_value=False, help="Load the built-in plugins only."),
        click.Option(
            ["--error-format"],
            type=click.Choice(["text", "json"]),
            expose_value=False,
            help="How errors are written on standard error.",
        ),
        click.Option(
            ["--password-stdin"],
            is_flag=True,
            expose_value=False,
            callback=lambda _context, _parameter, given: _password_on_stdin(app, given),
            help="Read the password of the database from the first line of standard input.",
        ),
    ]


def _password_on_stdin(app: App, given: bool) -> None:
    app.password_on_stdin = app.password_on_stdin or given


def _version(ctx: click.Context, parameter: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        from importlib.metadata import version

        click.echo(f"alveary {version('alveary')}")
        ctx.exit()
