"""Plugins: found by their entry points, loaded one by one inside a guard, and reported, faults and all."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeAlias, TypeVar

import msgspec
import pluggy

from alveary import hookspecs
from alveary.contracts.guard import Reviewed
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
from alveary.distributions import EntryPoint, bringing
from alveary.errors import InvalidInputError, StorageError, UnknownPluginError, described
from alveary.paths import make_private
from alveary.starts import Start, crashed

if TYPE_CHECKING:
    from alveary.contracts.completion import CompletionRequest

_log = logging.getLogger(__name__)

GROUP = "alveary"
WINDOW_GROUP = "alveary.window"
"""Plugins that only a window needs. They are loaded when somebody asks for all there is of a kind, as a window does, or
for something that nobody loaded has declared, such as a command of theirs; so not in every run of the command line."""
_OF_A_WINDOW = ("alveary_settings", "alveary_commands", "alveary_finders", "alveary_themes", "alveary_panels")
"""What the built-in plugins of that group declare."""
OURS = "alveary"
"""The distribution whose plugins are built in."""
MOST_FAULTS = 100
"""Faults of one plugin that are kept."""
MOST_SPECS = 1000
"""Specs one hook of one plugin may declare: even an endless generator comes to its end."""

Spec = TypeVar(
    "Spec",
    SettingSpec,
    DriverSpec,
    ExplainerSpec,
    VaultSpec,
    TunnelSpec,
    ExporterSpec,
    ImporterSpec,
    CommandSpec,
    FinderSpec,
    PanelSpec,
    ThemeSpec,
)


class PluginFault(msgspec.Struct, frozen=True, kw_only=True):
    """Something a plugin did wrong; ``stage`` is where: choices, metadata, import, register or a hook's name."""

    plugin: str
    stage: str
    cause: str


class PluginInfo(msgspec.Struct, kw_only=True):
    """An installed plugin, what it declares by hook, and its faults."""

    name: str
    distribution: str
    version: str
    built_in: bool
    state: str = "loaded"
    """``loaded``, ``disabled``, ``skipped`` (safe mode) or ``failed`` (nothing of it is used)."""
    declares: dict[str, list[str]] = {}
    """Ids by their kind, and as ``answers`` the questions it is asked: ``review``, ``complete``."""
    faults: list[PluginFault] = []


class Completer(NamedTuple):
    """Who suggests completions."""

    plugin: str
    built_in: bool
    suggest: Callable[[CompletionRequest], object]


class Registry(Generic[Spec]):
    """What plugins declared of one kind, by id, in the order of loading."""

    def __init__(self, load_rest: Callable[[], None] = lambda: None) -> None:
        """``load_rest`` loads the plugins that are not loaded yet; called before any answer that they may change."""
        self._load_rest = load_rest
        self._specs: dict[str, Spec] = {}
        self._names: dict[str, str] = {}

    def add(self, spec: Spec, names: Iterable[str] = ()) -> str | None:
        """Add a spec under its id and further names; returns the name that is taken, if one is, and adds nothing."""
        names = {spec.id, *names}
        for name in sorted(names):
            if name in self._names:
                return name
        self._specs[spec.id] = spec
        self._names.update(dict.fromkeys(names, spec.id))
        return None

    def find(self, name: str) -> Spec | None:
        """Return the spec with this id or further name."""
        if name not in self._names:
            self._load_rest()
        return self._specs.get(self._names.get(name, ""))

    def so_far(self) -> list[Spec]:
        """Return the specs of the plugins that had to be loaded until now."""
        return list(self._specs.values())

    def __iter__(self) -> Iterator[Spec]:
        self._load_rest()
        return iter(self._specs.values())

    def ids(self) -> list[str]:
        """Return the ids, in the order of loading."""
        self._load_rest()
        return list(self._specs)


#: A plugin on its way: where it comes from, and what is said of it.
_Plugin: TypeAlias = tuple[EntryPoint, PluginInfo]


class Choices:
    """Which plugins the person disabled: a small JSON file of its own, so it can be read before anything is loaded
    and works when everything else is broken."""

    def __init__(self, data: Path) -> None:
        self._file = data / "plugins.json"

    def disabled(self) -> set[str]:
        """Return the disabled names; StorageError when the file can't be understood (it is left as it is)."""
        try:
            content = self._file.read_bytes()
        except FileNotFoundError:
            return set()
        except OSError as exc:
            raise StorageError(f"can't read {self._file}: {exc.strerror}") from exc
        try:
            return set(msgspec.json.decode(content, type=dict[str, list[str]])["disabled"])
        except (msgspec.MsgspecError, ValueError, KeyError, RecursionError) as exc:
            raise StorageError(f"{self._file} is damaged: {exc}", hint="mend or delete it") from exc

    def set_disabled(self, name: str, disabled: bool) -> None:
        """Remember that a plugin is (no longer) disabled, for all kernels made from now on."""
        names = self.disabled() - {name} | ({name} if disabled else set())
        make_private(self._file.parent)
        new = self._file.with_suffix(f".{os.getpid()}.new")
        try:
            new.write_bytes(msgspec.json.encode({"disabled": sorted(names)}) + b"\n")
            os.replace(new, self._file)
        except OSError as exc:
            new.unlink(missing_ok=True)
            raise StorageError(f"can't write {self._file}: {exc.strerror}") from exc


class Plugins:
    """All installed plugins and what they declare: ``settings``, ``drivers``, ``vaults``, ``exporters`` and so on.

    Nothing a plugin does while it is imported, registered or asked for its declarations stops another one.
    """

    def __init__(
        self,
        data: Path,
        *,
        safe_mode: bool = False,
        settings: Iterable[SettingSpec] = (),
        commands: Iterable[CommandSpec] = (),
    ) -> None:
        """Load every plugin that is enabled, or only the built-in ones in safe mode; those of a window when needed.

        ``settings`` and ``commands`` are the kernel's.
        """
        self.settings: Registry[SettingSpec] = Registry(self._load_rest)
        self.drivers: Registry[DriverSpec] = Registry(self._load_rest)
        self.explainers: Registry[ExplainerSpec] = Registry(self._load_rest)
        self.vaults: Registry[VaultSpec] = Registry(self._load_rest)
        self.tunnels: Registry[TunnelSpec] = Registry(self._load_rest)
        self.exporters: Registry[ExporterSpec] = Registry(self._load_rest)
        self.importers: Registry[ImporterSpec] = Registry(self._load_rest)
        self.commands: Registry[CommandSpec] = Registry(self._load_rest)
        self.finders: Registry[FinderSpec] = Registry(self._load_rest)
        self.themes: Registry[ThemeSpec] = Registry(self._load_rest)
        self.panels: Registry[PanelSpec] = Registry(self._load_rest)
        self.guards: dict[str, Callable[[Reviewed, Target], object]] = {}
        """What reviews statements, by the plugin's name, in the order of loading."""
        self._completers: list[Completer] = []
        self.kernel_faults: list[PluginFault] = []
        self._choices = Choices(data)
        self._start = Start(data)
        accused = crashed(data)
        for name in accused:
            cause = "the program ended while it was loaded" + (", so this start is in safe mode" if safe_mode else "")
            self.kernel_faults.append(PluginFault(plugin=name, stage="start", cause=cause))
        self._manager = pluggy.PluginManager("alveary")
        self._manager.add_hookspecs(hookspecs)
        self._infos: list[PluginInfo] = []
        self._waiting: list[_Plugin] = []
        self._lock = threading.RLock()
        for setting in settings:
            self.settings.add(setting)
        for command in commands:
            self.commands.add(command, _verbs(command))
        self._load(safe_mode)
        for name in set(accused) - {info.name for info in self._infos}:
            self._start.forgive(name)  # it is no longer installed

    @property
    def infos(self) -> list[PluginInfo]:
        """All installed plugins, the built-in ones first."""
        self._load_rest()
        return self._infos

    @property
    def faults(self) -> list[PluginFault]:
        """Every fault, in the order they happened to each plugin."""
        self._load_rest()
        return self.faults_so_far

    @property
    def faults_so_far(self) -> list[PluginFault]:
        """Those of the plugins that had to be loaded until now."""
        return self.kernel_faults + [fault for info in self._infos for fault in info.faults]

    @property
    def completers(self) -> list[Completer]:
        """Who suggests completions, in the order of loading."""
        self._load_rest()
        return self._completers

    def failed(self, name: str, stage: str, cause: str) -> None:
        """Note what a plugin did wrong while it was at work; the same thing is a fault once."""
        fault = PluginFault(plugin=name, stage=stage, cause=cause)
        with self._lock:
            for info in self._infos:
                if info.name == name and fault not in info.faults and len(info.faults) < MOST_FAULTS:
                    self._fault(info, stage, cause)

    def set_enabled(self, name: str, enabled: bool) -> PluginInfo:
        """Enable or disable a plugin for all kernels made from now on; this one goes on as it is."""
        known = {info.name: info for info in self._infos}
        if name not in known:
            raise UnknownPluginError(
                f"no plugin is named {name!r}", hint=f"installed: {', '.join(sorted(known)) or 'none'}"
            )
        self._choices.set_disabled(name, not enabled)
        self._start.forgive(name)  # a person has decided
        return known[name]

    def _load(self, safe_mode: bool) -> None:
        try:
            disabled = self._choices.disabled()
        except StorageError as exc:
            disabled = set()
            self.kernel_faults.append(PluginFault(plugin="-", stage="choices", cause=exc.message))
        now: list[_Plugin] = []
        for entry, info in self._found():
            if info.name in disabled and not (safe_mode and info.built_in):
                info.state = "disabled"
            elif safe_mode and not info.built_in:
                info.state = "skipped"
            elif any(other.name == info.name for other in self._infos):
                self._fault(info, "register", "another installed plugin has the same entry-point name")
            else:
                (self._waiting if entry.group == WINDOW_GROUP else now).append((entry, info))
            self._infos.append(info)
        self._register(now)
        if self._waiting and any(self._implements(info, _OF_A_WINDOW) for _, info in now if not info.built_in):
            # Ours declare first, so that no stranger's command can take the place of one of ours.
            waiting, self._waiting = self._waiting, []
            self._register(waiting)
            now = sorted([*now, *waiting], key=_in_order)
        self._collect(now)
        self._start.over()

    def _load_rest(self) -> None:
        """Load the plugins that were left for later; any thread may be the first to need them."""
        with self._lock:
            waiting, self._waiting = self._waiting, []
            self._register(waiting)
            self._collect(waiting)
            self._start.over()

    def _register(self, plugins: Iterable[_Plugin]) -> None:
        for entry, info in plugins:
            if not info.built_in:
                self._start.at(info.name)
            self._register_one(entry, info)

    def _collect(self, plugins: Sequence[_Plugin]) -> None:
        """Ask plugins, each in its turn, what they declare."""
        for hook, expected, registry, names in (
            ("alveary_settings", SettingSpec, self.settings, lambda _: ()),
            ("alveary_drivers", DriverSpec, self.drivers, lambda spec: spec.schemes),
            ("alveary_explainers", ExplainerSpec, self.explainers, _explained),
            ("alveary_vaults", VaultSpec, self.vaults, lambda _: ()),
            ("alveary_tunnels", TunnelSpec, self.tunnels, lambda _: ()),
            ("alveary_exporters", ExporterSpec, self.exporters, lambda _: ()),
            ("alveary_importers", ImporterSpec, self.importers, lambda _: ()),
            ("alveary_commands", CommandSpec, self.commands, _verbs),
            ("alveary_finders", FinderSpec, self.finders, lambda _: ()),
            ("alveary_themes", ThemeSpec, self.themes, lambda _: ()),
            ("alveary_panels", PanelSpec, self.panels, lambda _: ()),
        ):
            implementations = self._implementations(hook)
            # In the order of loading, which tryfirst and trylast do not change: who came first keeps an id.
            for _, info in plugins:
                if info.state == "loaded" and info.name in implementations:
                    if not info.built_in:
                        self._start.at(info.name)
                    self._declare(info, hook, implementations[info.name].function, expected, registry, names)
        for info, asked in self._answering(plugins, "alveary_review"):
            self.guards[info.name] = _guard(asked.function, asked.argnames)
        for info, asked in self._answering(plugins, "alveary_complete"):
            self._completers.append(Completer(info.name, info.built_in, _completing(asked)))

    def _answering(self, plugins: Sequence[_Plugin], hook: str) -> Iterator[tuple[PluginInfo, pluggy.HookImpl]]:
        """Yield the plugins that answer a question, which they need not declare."""
        implementations = self._implementations(hook)
        for _, info in plugins:
            if info.state == "loaded" and info.name in implementations:
                info.declares.setdefault("answers", []).append(hook.removeprefix("alveary_"))
                yield info, implementations[info.name]

    def _implementations(self, hook: str) -> dict[str, pluggy.HookImpl]:
        return {each.plugin_name: each for each in getattr(self._manager.hook, hook).get_hookimpls()}

    def _implements(self, info: PluginInfo, hooks: Iterable[str]) -> bool:
        return any(info.name in self._implementations(hook) for hook in hooks)

    def _found(self) -> list[_Plugin]:
        """Return what stands in our groups: the built-in plugins first, so that nobody can take their names."""
        found: dict[EntryPoint, PluginInfo] = {}
        for distribution in bringing((GROUP, WINDOW_GROUP)):
            if distribution.fault is not None:
                fault = PluginFault(plugin=distribution.name, stage="metadata", cause=distribution.fault)
                self.kernel_faults.append(fault)
            for entry in distribution.entry_points:
                info = PluginInfo(
                    name=entry.name,
                    distribution=distribution.name,
                    version=distribution.version,
                    built_in=distribution.name == OURS,
                )
                # A distribution that stands twice on sys.path is seen twice; Python imports the first one.
                found.setdefault(entry, info)
        return sorted(found.items(), key=_in_order)

    def _register_one(self, entry: EntryPoint, info: PluginInfo) -> None:
        manager = self._manager
        plugin: object = None
        with self._guard(info, "import"):
            plugin = entry.load()
            if plugin is None:
                raise InvalidInputError(f"{entry.value} is None, not a module or an object with hooks")
        if plugin is None:
            return
        with self._guard(info, "register"):
            if manager.is_registered(plugin):
                raise InvalidInputError(f"{entry.value} is what another plugin stands for already")
            try:
                manager.register(plugin, info.name)
                manager.check_pending()
                if entry.group == WINDOW_GROUP and self._implements(info, ["alveary_review"]):
                    raise InvalidInputError(f"a guard must be there in every run: its entry point belongs in {GROUP!r}")
            except BaseException:
                # What is half registered would fail every later plugin's check.
                if manager.has_plugin(info.name):
                    manager.unregister(name=info.name)
                raise

    def _declare(
        self,
        info: PluginInfo,
        hook: str,
        declare: Callable[[], object],
        expected: type[Any],
        registry: Registry[Any],
        names: Callable[[Any], Iterable[str]],
    ) -> None:
        specs: list[object] = []
        with self._guard(info, hook):
            answer = declare()
            if isinstance(answer, str | bytes) or not isinstance(answer, Iterable):
                raise InvalidInputError(f"answered {type(answer).__name__}, not a list of {expected.__name__}")
            specs = list(islice(answer, MOST_SPECS + 1))
            if len(specs) > MOST_SPECS:
                raise InvalidInputError(f"answered more than {MOST_SPECS} specs; the rest is left out")
        for candidate in specs:
            with self._guard(info, hook):
                spec = _checked(candidate, expected)
                if (taken := registry.add(spec, names(spec))) is not None:
                    raise InvalidInputError(f"{spec.id!r} is left out: {taken!r} is declared already")
                info.declares.setdefault(hook.removeprefix("alveary_"), []).append(spec.id)

    @contextlib.contextmanager
    def _guard(self, info: PluginInfo, stage: str) -> Iterator[None]:
        try:
            with quiet(info.name):
                yield
        except BaseException as exc:  # noqa: BLE001  # plugins call sys.exit, too; the fault is reported
            if stage in ("import", "register"):
                info.state = "failed"
            cause = exc.message if isinstance(exc, InvalidInputError) else described(exc)
            self._fault(info, stage, cause)

    def _fault(self, info: PluginInfo, stage: str, cause: str) -> None:
        info.faults.append(PluginFault(plugin=info.name, stage=stage, cause=cause))
        if stage == "register":
            info.state = "failed"
        _log.info("plugin %s failed at %s: %s", info.name, stage, cause)


class _Printed(io.StringIO):
    """Takes what this thread prints; what others print goes where it would. To close it closes nothing."""

    def __init__(self) -> None:
        super().__init__()
        self._thread = threading.get_ident()
        self._others = sys.stdout

    def write(self, text: str) -> int:
        return super().write(text) if threading.get_ident() == self._thread else self._others.write(text)

    def close(self) -> None:
        return


@contextlib.contextmanager
def quiet(plugin: str) -> Iterator[None]:
    """Keep what a plugin's code prints while it is imported or asked out of standard output, which is data."""
    printed = _Printed()
    try:
        with contextlib.redirect_stdout(printed):
            yield
    finally:
        if text := printed.getvalue():
            _log.info("plugin %s printed: %s", plugin, text)


def _checked(spec: object, expected: type[Any]) -> Any:
    """Return the spec if it is one and all its fields have the declared types; raises InvalidInputError."""
    if not isinstance(spec, expected):
        raise InvalidInputError(f"answered a {type(spec).__name__} where a {expected.__name__} is due")
    try:
        return msgspec.convert(msgspec.structs.asdict(spec), expected)
    except msgspec.ValidationError as exc:
        raise InvalidInputError(f"{expected.__name__} {spec.id!r}: {exc}") from exc


def _in_order(plugin: _Plugin) -> tuple[bool, str, str]:
    _, info = plugin
    return not info.built_in, info.distribution, info.name


def _guard(review: Callable[..., object], names: Sequence[str]) -> Callable[[Reviewed, Target], object]:
    """Return a guard that is called with both arguments; one that implements the hook may take fewer."""

    def guard(statement: Reviewed, profile: Target) -> object:
        both = {"statement": statement, "profile": profile}
        return review(**{name: both[name] for name in names})

    return guard


def _completing(hook: pluggy.HookImpl) -> Callable[[CompletionRequest], object]:
    """Return what is called with the request; who implements the hook may take nothing."""
    return lambda request: hook.function(request) if hook.argnames else hook.function()


def _verbs(command: CommandSpec) -> tuple[str, ...]:
    return (f"verb {command.verb}",) if command.verb else ()


def _explained(explainer: ExplainerSpec) -> tuple[str, ...]:
    return tuple(f"driver {driver}" for driver in explainer.drivers)
