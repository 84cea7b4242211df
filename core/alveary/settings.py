"""Settings: what plugins and the kernel declared, what a person chose instead, and which of the two holds."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec

from alveary.bus import Bus
from alveary.contracts.setting import SettingKind, SettingSpec, Value
from alveary.errors import AlvearyError, InvalidInputError, UnknownSettingError
from alveary.events import SettingChanged, SettingsUnread
from alveary.logs import FILE_LEVEL, KEEP_DAYS, LEVELS
from alveary.plugins import Registry

if TYPE_CHECKING:
    from alveary.store.database import Store

_log = logging.getLogger(__name__)

#: The kernel's own settings. Everything else comes by the hook ``alveary_settings``.
KERNEL_SETTINGS = (
    SettingSpec(
        id="connect.timeout",
        kind="duration",
        default=10.0,
        minimum=0.1,
        maximum=3600,
        description="How long to wait for a connection to be made, where a saved connection does not say otherwise.",
    ),
    SettingSpec(
        id="query.timeout",
        kind="duration",
        default=None,
        minimum=0.001,
        maximum=7 * 86400,
        description="How long each statement may run, where neither the command nor a saved connection says otherwise.",
    ),
    SettingSpec(
        id="query.hold",
        kind="duration",
        default=60.0,
        minimum=0,
        maximum=3600,
        description="How long the cursor of a result that reached its row limit stays open in the window, so that "
        "the rest can be fetched without running the statement again; 0 closes it at once. A new session takes it up.",
    ),
    SettingSpec(
        id="history.keep_days",
        kind="int",
        default=365,
        minimum=1,
        maximum=36_500,
        description="Days after which a statement leaves the history.",
    ),
    SettingSpec(
        id="history.keep_entries",
        kind="int",
        default=1_000_000,
        minimum=0,
        maximum=100_000_000,
        description="Statements the history keeps; the oldest leave it first. With 0 nothing is recorded.",
    ),
    SettingSpec(
        id="log.level",
        kind="choice",
        default=FILE_LEVEL,
        choices=LEVELS,
        description="From which level on the daily files of the log are written, from the next start on.",
    ),
    SettingSpec(
        id="log.keep_days",
        kind="int",
        default=KEEP_DAYS,
        minimum=1,
        maximum=3650,
        description="Days of which the log is kept, from the next start on.",
    ),
    SettingSpec(
        id="catalog.pool_size",
        kind="int",
        default=2,
        minimum=1,
        maximum=16,
        description="Metadata connections each target may have, from the next start on.",
    ),
    SettingSpec(
        id="explain.estimate_factor",
        kind="float",
        default=10.0,
        minimum=1,
        maximum=1e9,
        description="How many times more or fewer rows than estimated (of a hundred or more) a step of a plan may have "
        "had without a warning.",
    ),
    SettingSpec(
        id="explain.filter_percent",
        kind="float",
        default=90.0,
        minimum=0,
        maximum=100,
        description="A step of a plan whose conditions throw away at least this many percent of its rows, a hundred or "
        "more, is warned of.",
    ),
    SettingSpec(
        id="explain.scan_rows",
        kind="int",
        default=10_000,
        minimum=0,
        maximum=10**15,
        description="A step of a plan that reads a whole table of more rows than this is warned of.",
    ),
    SettingSpec(
        id="format.indent",
        kind="int",
        default=4,
        minimum=0,
        maximum=16,
        description="Spaces by which the formatter of SQL moves a line to the right.",
    ),
    SettingSpec(
        id="format.width",
        kind="int",
        default=100,
        minimum=20,
        maximum=400,
        description="Characters a line should have at most when SQL is laid out.",
    ),
    SettingSpec(
        id="format.keyword_case",
        kind="choice",
        default="keep",
        choices=("keep", "upper", "lower"),
        description="What becomes of keywords when SQL is laid out; names are never touched.",
    ),
    SettingSpec(
        id="format.commas",
        kind="choice",
        default="trailing",
        choices=("trailing", "leading"),
        description="Whether commas stand at the end of a line or before the next item when SQL is laid out.",
    ),
    *(
        SettingSpec(
            id=f"confirm.{environment}.{effect}",
            kind="choice",
            default=level,
            choices=("never", "ask", "name"),
            description=f"Whether a person must confirm {what} on a connection to {environment}, unless that says "
            "otherwise: never, with a yes, or by typing its name.",
        )
        for environment, levels in (
            ("local", ("never", "never", "never")),
            ("staging", ("never", "ask", "ask")),
            ("production", ("name", "name", "name")),
        )
        for (effect, what), level in zip(
            (
                ("writes", "what writes"),
                ("ddl", "DDL"),
                ("unfiltered", "what changes every row of a table (UPDATE or DELETE without WHERE, TRUNCATE)"),
            ),
            levels,
            strict=True,
        )
    ),
)


class SettingState(msgspec.Struct, frozen=True, kw_only=True):
    """A setting as it stands.

    ``value`` is what holds, ``default`` what would hold if nobody had chosen; durations are seconds. ``allowed`` says
    in words what it may be. ``problem`` says why what somebody chose does not hold.
    """

    name: str
    kind: SettingKind
    value: Value
    default: Value
    chosen: bool
    allowed: str
    minimum: float | None
    maximum: float | None
    choices: tuple[str, ...]
    description: str
    problem: str | None = None


class Settings:
    """All settings. Every method may be called from any thread but the window's, for the first one reads the store.

    What is stored is read once: what another process sets later holds here from the next start on. Where the store
    can't be read every setting has its default, and one event says so.
    """

    def __init__(self, specs: Registry[SettingSpec], store: Callable[[], Store], bus: Bus, *, stored: bool) -> None:
        """``store`` opens the store; it is not called before something is set where nothing is ``stored`` as yet."""
        self._specs = specs
        self._store = store
        self._bus = bus
        self._is_stored = stored
        self._lock = threading.RLock()
        self._texts: dict[str, str] | None = None
        self._trouble: AlvearyError | None = None

    def get(self, name: str) -> Any:
        """Return what a setting is; UnknownSettingError if nobody declared one of that name."""
        return self._held(self._spec(name))[0]

    def set(self, name: str, value: object) -> SettingState:
        """Choose a value, as it is or in the words of a person, for all processes that start from now on, and here.

        Raises UnknownSettingError, InvalidInputError with what is allowed, or what the store raises.
        """
        spec, accepted = self._spec(name), self.accepted(name, value)
        text = msgspec.json.encode(accepted).decode()
        with self._lock:
            with self._store().writing() as rows:
                rows.execute(
                    "insert into settings (name, value) values (?, ?) "
                    "on conflict (name) do update set value = excluded.value",
                    (name, text),
                )
            self._read()[name] = text
        return self._changed(spec)

    def accepted(self, name: str, value: object) -> Value:
        """Return a value as the setting would hold it; InvalidInputError says what is allowed."""
        try:
            return self._spec(name).accept(value)
        except ValueError as exc:
            raise InvalidInputError(str(exc), hint=f"to go back to what it was: alveary settings reset {name}") from exc

    def reset(self, name: str) -> SettingState | None:
        """Go back to the default; None for a name that nobody declares any more, of which nothing is left then."""
        with self._lock:
            texts = self._read()
            spec = self._specs.find(name)
            if spec is None and name not in texts:
                raise self._unknown(name)
            if name in texts or self._trouble is not None:
                with self._store().writing() as rows:
                    rows.execute("delete from settings where name = ?", (name,))
                texts.pop(name, None)
        return None if spec is None else self._changed(spec)

    def state(self, name: str) -> SettingState:
        """Return how a setting stands; UnknownSettingError if nobody declared one of that name."""
        spec = self._spec(name)
        value, problem = self._held(spec)
        return SettingState(
            name=spec.id,
            kind=spec.kind,
            value=value,
            default=spec.default,
            chosen=spec.id in self._read() and problem is None,
            allowed=spec.allowed(),
            minimum=spec.minimum,
            maximum=spec.maximum,
            choices=spec.choices,
            description=spec.description,
            problem=problem,
        )

    def states(self) -> list[SettingState]:
        """Return how every declared setting stands, by name."""
        return [self.state(name) for name in sorted(self._specs.ids())]

    def undeclared(self) -> list[str]:
        """Return the names that have a value but no declaration: of plugins that are not loaded. They are kept."""
        return sorted(self._read().keys() - self._specs.ids())

    @property
    def trouble(self) -> AlvearyError | None:
        """Why the store could not be read, if it could not."""
        self._read()
        return self._trouble

    def _held(self, spec: SettingSpec) -> tuple[Value, str | None]:
        """Return what holds, and why what is stored does not."""
        if (text := self._read().get(spec.id)) is None:
            return spec.default, None
        try:
            return spec.accept(msgspec.json.decode(text)), None
        except (ValueError, TypeError, RecursionError, msgspec.MsgspecError) as exc:
            return spec.default, f"{exc}; the default holds"

    def _read(self) -> dict[str, str]:
        with self._lock:
            if self._texts is None:
                self._texts = {}
                if self._is_stored:
                    try:
                        with self._store().reading() as rows:
                            self._texts = dict(rows.execute("select name, value from settings"))
                    except AlvearyError as exc:
                        self._trouble = exc
                        _log.warning("every setting has its default: %s", exc.message)
                        self._bus.publish(SettingsUnread(error=exc.record()))
            return self._texts

    def _changed(self, spec: SettingSpec) -> SettingState:
        state = self.state(spec.id)
        self._bus.publish(SettingChanged(setting=spec.id, value=state.value))
        return state

    def _spec(self, name: str) -> SettingSpec:
        if (spec := self._specs.find(name)) is None:
            raise self._unknown(name)
        return spec

    def _unknown(self, name: str) -> UnknownSettingError:
        from difflib import get_close_matches

        near = get_close_matches(name, self._specs.ids(), 1, 0.5)
        hint = f"did you mean {near[0]}?" if near else "see: alveary settings list"
        return UnknownSettingError(f"no setting is named {name!r}", hint=hint)
