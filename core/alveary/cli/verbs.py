"""The verbs: generated from the command table, each option from a field of the command's parameters."""

from __future__ import annotations

import contextlib
import re
import sys
import types
import typing
from collections.abc import Callable, Iterable, Sequence
from typing import Annotated, Any, cast, get_args, get_origin

import click
import msgspec

from alveary.cli.app import App
from alveary.contracts.factory import load_factory
from alveary.contracts.specs import CommandSpec
from alveary.errors import AlvearyError, InvalidInputError, WindowUnavailableError
from alveary.inputs import ParameterKind, typed
from alveary.strangers import guarded
from alveary.tables import visible_json, visible_lines
from alveary.wire import json_text

_WINDOW = "window"
"""The verb that is meant when there is none."""


_TYPED = re.compile(r"([^:=]+):([^:=]+)=(.*)", re.DOTALL)
_VALUE = re.compile(r"-\.?[0-9]\S*|--\s.*", re.DOTALL)
"""What begins as an option does and is none: a negative number, or SQL that begins with a comment."""


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
            if (window := self._app.kernel.commands.verb(_WINDOW)) is None:
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
        family = {spec.verb or "": spec for spec in self._app.kernel.commands.family(name)}
        own = family.pop(name, None)
        if family:
            return _Family(self._app, name, own or family.get(f"{name} list"), family)
        return None if own is None else _leaf(self._app, own, name)


class _Verb(click.Command):
    """A command to which a negative number or SQL is a value, not an option."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        ctx.ignore_unknown_options = any(_VALUE.fullmatch(word) for word in args)
        return super().parse_args(ctx, args)


class _Family(click.Group):
    """A verb that has verbs below it, and may be a command itself: ``plugins``, ``plugins disable``.

    One that is none lists what there is, if it can: ``settings`` is ``settings list``.
    """

    def __init__(self, app: App, name: str, own: CommandSpec | None, below: Iterable[str]) -> None:
        leaf = _leaf(app, own, name) if own is not None else None
        words = ", ".join(verb.split()[1] for verb in below)
        super().__init__(
            name=name,
            help=own.summary if own is not None and own.verb == name else f"{words}.",
            params=leaf.params if leaf is not None else _everywhere(app),
            invoke_without_command=leaf is not None,
            callback=_unless_below(leaf.callback) if leaf is not None and leaf.callback is not None else None,
        )
        self._app = app

    def list_commands(self, ctx: click.Context) -> list[str]:
        verbs = (spec.verb.split() for spec in self._app.kernel.commands if spec.verb)
        return sorted(word for first, *rest in verbs if first == self.name for word in rest[:1])

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        # Only the one that is meant: to know its parameters its code must be imported.
        spec = self._app.kernel.commands.verb(f"{self.name} {name}")
        return None if spec is None else _leaf(self._app, spec, name)


def _unless_below(callback: Callable[..., Any]) -> Callable[..., Any]:
    def run(**values: Any) -> Any:
        return callback(**values) if click.get_current_context().invoked_subcommand is None else None

    return run


def _leaf(app: App, spec: CommandSpec, name: str) -> click.Command:
    """Return the verb of one command: its parameters as options, its result as text or JSON."""
    if spec.id == "queries.run":
        from alveary.cli.query import saved_query_command

        return saved_query_command(app, _everywhere(app))
    try:
        parameters = app.kernel.commands.get(spec.id).parameters
    except AlvearyError as exc:
        return _broken(spec, name, exc)
    fields = [field for field in msgspec.structs.fields(parameters) if not _extra(field).get("secret")]

    def run(as_format: str = "table", **words: Any) -> int:
        given = {key: value for key, value in words.items() if value is not None and value != ()}
        for field in fields:
            if field.name in given and get_origin(_unwrapped(field.type)[0]) is dict:
                flag = _flags(field)[-1]
                given[field.name] = bound(given[field.name]) if flag == "--param" else pairs(given[field.name], flag)
        given |= _secrets(app, parameters)
        result = app.run(spec.id, app.kernel.commands.parse(spec.id, given), foreground=spec.foreground)
        if spec.foreground:
            return 0
        if as_format == "json" or spec.render is None:
            write_json(result, app.kernel.commands.get(spec.id).result)
        else:
            _render(spec, result)
        return getattr(result, "exit_status", 0)

    return _Verb(
        name,
        help=spec.summary,
        callback=run,
        params=[
            *(_parameter(field) for field in fields),
            *_result_format(fields),
            *_everywhere(app),
        ],
    )


def _result_format(fields: Sequence[msgspec.structs.FieldInfo]) -> list[click.Parameter]:
    """Return the option that says how the result is printed; a command with a format of its own prints for a person."""
    if any(field.name == "format" for field in fields):
        return []
    return [
        click.Option(
            ["--format", "as_format"],
            type=click.Choice(["table", "json"]),
            default="table",
            show_default=True,
            help="How to print the result.",
        )
    ]


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
        # To a person's terminal nothing goes that could drive it; what is redirected stays as it is.
        render(result, _write_visible if sys.stdout.isatty() else sys.stdout.write)


def _write_visible(text: str) -> None:
    sys.stdout.write(visible_lines(text))


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
        parameters = app.kernel.commands.get(command).parameters
        for field in msgspec.structs.fields(parameters):
            if field.name in words and _extra(field).get("secret"):
                raise InvalidInputError(
                    f"{field.name} is not for the command line, which others can read", hint="use --password-stdin"
                )
        result = app.run(command, app.kernel.commands.parse(command, words | _secrets(app, parameters)))
        write_json(result, app.kernel.commands.get(command).result)
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


def pairs(words: tuple[str, ...], option: str) -> dict[str, Any]:
    """Return the values of an option that is given as ``K=V``, or ``K:=JSON``, any number of times."""
    values: dict[str, Any] = {}
    for word in words:
        name, separator, text = word.partition("=")
        if not separator or not name.strip(":"):
            raise InvalidInputError(f"a {option} is not K=V or K:=JSON")
        is_json = name.endswith(":")
        name = name.strip(":")
        _once(name, values, option)
        values[name] = json_value(text, name) if is_json else text
    return values


def _once(name: str, values: dict[str, Any], option: str) -> None:
    if name in values:
        raise InvalidInputError(f"{name} is given twice by {option}", hint="leave one of the two out")


def bound(words: tuple[str, ...]) -> dict[str, Any]:
    """Return the values of parameters, each in the type it was given: as ``pairs``, or ``K:TYPE=V``."""
    values: dict[str, Any] = {}
    for word in words:
        if (found := _TYPED.fullmatch(word)) is None:
            if "=" not in word:
                raise InvalidInputError("a --param is not K=V, K:TYPE=V or K:=JSON", hint="as in -p day=monday")
            for name, value in pairs((word,), "--param").items():
                _once(name, values, "--param")
                values[name] = value
            continue
        name, kind, text = found.groups()
        _once(name, values, "--param")
        if kind not in get_args(ParameterKind):
            raise InvalidInputError(
                f"no type of a parameter is named {kind!r}", hint=f"there are {', '.join(get_args(ParameterKind))}"
            )
        values[name] = typed(name, text, cast(ParameterKind, kind))
    return values


def write_json(result: Any, kind: Any) -> None:
    """Print a result, which was declared to be of a type, as one line of JSON."""
    text = json_text(result, kind)
    sys.stdout.write((visible_json(text) if sys.stdout.isatty() else text) + "\n")


def _secrets(app: App, parameters: type[msgspec.Struct]) -> dict[str, str]:
    """Return the password of standard input for a command that takes one as a parameter."""
    fields = [field for field in msgspec.structs.fields(parameters) if _extra(field).get("secret")]
    return {fields[0].name: app.password()} if fields and app.password_on_stdin else {}


def _extra(field: msgspec.structs.FieldInfo) -> dict[str, Any]:
    """Return what the command line is told of a field: ``argument``, or ``secret`` for what must not stand there."""
    _, meta = _unwrapped(field.type)
    return (meta.extra or {}) if meta is not None else {}


_METAVARS: dict[Any, str] = {dict: "K=V", int: "N", float: "NUMBER"}
"""How a value is shown in the help where TEXT would say too little."""


def _flags(field: msgspec.structs.FieldInfo) -> tuple[str, ...]:
    """Return what an option is called on the command line: ``flags`` if its field says so, else its name."""
    return tuple(_extra(field).get("flags") or ["--" + field.name.replace("_", "-")])


def _parameter(field: msgspec.structs.FieldInfo) -> click.Parameter:
    kind, meta = _unwrapped(field.type)
    if _extra(field).get("argument"):
        metavar = field.name.upper() if field.required else f"[{field.name.upper()}]"
        if get_origin(kind) is list:
            return click.Argument([field.name], nargs=-1, required=field.required, metavar=f"{metavar}...")
        return click.Argument([field.name], required=field.required, metavar=metavar)
    description = meta.description if meta is not None else None
    if kind is bool:
        return click.Option([*_flags(field), field.name], is_flag=True, default=None, help=description)
    choices = get_args(kind) if get_origin(kind) is typing.Literal else ()
    return click.Option(
        [*_flags(field), field.name],
        type=click.Choice(choices) if choices else click.STRING,
        multiple=get_origin(kind) in (list, tuple, dict),
        metavar=_METAVARS.get(get_origin(kind) or kind),
        required=field.required,
        help=description,
    )


def _unwrapped(kind: Any) -> tuple[Any, msgspec.Meta | None]:
    """Return a field's type without its Annotated and its ``| None``, and the outermost Meta that describes it."""
    meta: msgspec.Meta | None = None
    while True:
        if get_origin(kind) is Annotated:
            if meta is None or meta.description is None:
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
        click.Option(
            ["--ssh-accept-fingerprint"],
            multiple=True,
            metavar="SHA256:…",
            expose_value=False,
            callback=lambda _context, _parameter, given: app.accepted_fingerprints.update(given),
            help="Take an SSH server that is not known yet if its key has this fingerprint, and remember it.",
        ),
    ]


def _password_on_stdin(app: App, given: bool) -> None:
    app.password_on_stdin = app.password_on_stdin or given


def _version(ctx: click.Context, parameter: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        from importlib.metadata import version

        click.echo(f"alveary {version('alveary')}")
        ctx.exit()
