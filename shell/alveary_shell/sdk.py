"""What a panel's author uses of the window: the base of a panel, the window's services, and what is said in it.

Importing it needs no Tk, so that the handlers of a panel's commands can be looked at anywhere.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypeVar

from alveary.commands import Context
from alveary.contracts.window import PanelSpec
from alveary.errors import AlvearyError, UnsupportedError

if TYPE_CHECKING:
    import tkinter as tk

    from alveary.contracts.values import Cell
    from alveary.jobs import Job
    from alveary.kernel import Kernel
    from alveary.sessions import Session
    from alveary.statements import Statement
    from alveary_shell.theme import Theme

__all__ = [
    "ActiveChanged",
    "Answer",
    "Panel",
    "PlanWanted",
    "SessionChanged",
    "StatementQueued",
    "Window",
    "show_once",
    "window_of",
]

T = TypeVar("T")
Level: TypeAlias = Literal["info", "success", "warning", "danger"]


class Panel:
    """A piece of the window. Lives on Tk's thread; what takes time goes through :meth:`Window.background`.

    A panel is built into ``frame``, which the window made and destroys. Keep what it knows and decides in a model
    without Tk beside it.
    """

    def __init__(self, window: Window, frame: tk.Misc, state: Mapping[str, Any]) -> None:
        """Build the widgets; ``state`` is what :meth:`state` last returned, or what it is opened with."""
        self.window = window
        self.frame = frame
        self.spec: PanelSpec
        """How it was declared; set by the window."""
        self.id = ""
        """Its name in this window, the same after a restart; set by the window."""

    @property
    def title(self) -> str:
        """What its tab says; call :meth:`Window.retitle` when it changed."""
        return self.spec.title

    @property
    def modified(self) -> bool:
        """Whether it holds something that is not saved anywhere but in the workspace; its tab shows a dot."""
        return False

    @property
    def color(self) -> str | None:
        """A colour that marks its tab (``#rrggbb``), that of its connection; None for none."""
        return None

    def state(self) -> dict[str, Any]:
        """Return what brings it back as it is, as JSON can hold it. Called often: at most a second after
        :meth:`Window.changed`."""
        return {}

    def focus(self) -> None:
        """Put the keyboard's focus where a person wants to go on."""
        self.frame.focus_set()

    def can_close(self) -> bool:
        """Return whether it may be closed now; it may ask the person. Its state is kept, so closing can be undone."""
        return True

    def closed(self) -> None:
        """It has been closed: let go of sessions, results and everything else that is not a widget."""
        return


@dataclass(frozen=True, slots=True)
class StatementQueued:
    """A panel has handed a statement to its session; ``statement`` tells the rest. ``batch`` groups one run of it."""

    panel: Panel
    session: Session
    statement: Statement
    batch: int


@dataclass(frozen=True, slots=True)
class SessionChanged:
    """A panel has another session now, or none, or its session changed its state."""

    panel: Panel
    session: Session | None


@dataclass(frozen=True, slots=True)
class PlanWanted:
    """A panel wants to see how its session runs a statement, or (``analyze``) what it takes when it is run.

    ``values`` are those of its parameters. ``failed`` is called with the error if there will be no plan.
    """

    panel: Panel
    session: Session
    sql: str
    values: Mapping[str, Cell]
    analyze: bool
    failed: Callable[[AlvearyError], object]


@dataclass(frozen=True, slots=True)
class ActiveChanged:
    """Another panel has the focus."""

    panel: Panel | None


@dataclass(frozen=True, slots=True)
class PersonAsked:
    """A dialog asks a person for a thread that waits: ``what`` says what for, and is "" once there is an answer.

    ``place`` is what a question is about that concerns one connection alone, as ``Target.display`` has it; "" for one
    about the way there.
    """

    what: str
    place: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """One of several answers a person is offered; ``detail`` says what it means, or why it is not to be had."""

    text: str
    detail: str = ""
    enabled: bool = True


class Window(ABC):
    """The window's services. Everything but :meth:`post` is for Tk's thread only."""

    kernel: Kernel
    theme: Theme
    root: tk.Tk

    # -- doing things --------------------------------------------------------------------------------------------

    @abstractmethod
    def run(self, command: str, parameters: Mapping[str, Any] | None = None) -> Any:
        """Run a command of the table for this window, here and now; an error is shown and None returned.

        For commands that return at once; others go to :meth:`background` or :meth:`submit`.
        """

    @abstractmethod
    def submit(self, command: str, parameters: Mapping[str, Any], done: Callable[[Any], object]) -> Job:
        """Run a command in the background; ``done`` gets its result on Tk's thread, an error is shown."""

    @abstractmethod
    def background(
        self,
        title: str,
        work: Callable[[Job], T],
        done: Callable[[T], object],
        failed: Callable[[AlvearyError], object] | None = None,
    ) -> Job:
        """Call ``work`` in another thread, then ``done`` with its result on Tk's thread, or ``failed`` with its error.

        Without ``failed`` an error is shown. ``title`` is how the job is listed while it runs. ``work`` must not
        touch Tk nor keep hold of anything of Tk's.
        """

    @abstractmethod
    def post(self, callback: Callable[[], object]) -> None:
        """Call ``callback`` on Tk's thread, soon; from any thread."""

    @abstractmethod
    def connect(
        self,
        target: str,
        done: Callable[[Session], object],
        failed: Callable[[AlvearyError], object] | None = None,
    ) -> Job:
        """Open a session, in a process of its own, to a URL or a saved name; may ask for a password."""

    # -- what happens --------------------------------------------------------------------------------------------

    @abstractmethod
    def subscribe(self, owner: tk.Misc, kind: type[T], callback: Callable[[T], object]) -> None:
        """Call ``callback`` on Tk's thread with every event of a kind, as long as the widget ``owner`` exists.

        A kind is a class of :mod:`alveary.events` or of this module.
        """

    @abstractmethod
    def announce(self, event: object) -> None:
        """Tell the other panels about one of this module's events."""

    # -- panels --------------------------------------------------------------------------------------------------

    @abstractmethod
    def open(self, panel: str, state: Mapping[str, Any] | None = None) -> Panel:
        """Open a panel by the id of its spec, or raise it if it is not one of the centre and already there.

        ``state`` is what a new one is made with. A factory that raises shows its fault in the panel's place.
        """

    @abstractmethod
    def raise_panel(self, panel: Panel) -> None:
        """Bring a panel to the front of its dock and give it the focus."""

    @abstractmethod
    def close(self, panel: Panel) -> bool:
        """Close a panel unless it objects; return whether it is closed."""

    @abstractmethod
    def panels(self, id: str | None = None) -> list[Panel]:
        """Return the open panels, those of one spec's id or all."""

    @property
    @abstractmethod
    def active(self) -> Panel | None:
        """The panel of the centre that is worked in; what a command of the window acts on."""

    @abstractmethod
    def retitle(self, panel: Panel) -> None:
        """Show a panel's title, colour and dot anew."""

    @abstractmethod
    def changed(self, panel: Panel) -> None:
        """Note that a panel's state changed; it is written to the workspace within a second."""

    # -- keys ----------------------------------------------------------------------------------------------------

    @abstractmethod
    def keys(self, command: str) -> list[str]:
        """Return the keys that run a command, as people write them."""

    @abstractmethod
    def rebind(self, command: str, keys: list[str]) -> None:
        """Give a command these keys from now on; what are none, or another command's, is shown as an error."""

    # -- saying and asking ---------------------------------------------------------------------------------------

    @abstractmethod
    def notify(self, text: str, level: Level = "info", *, detail: str | None = None) -> None:
        """Say something in a corner for a few seconds; takes no focus."""

    @abstractmethod
    def show_error(self, error: AlvearyError, *, title: str | None = None) -> None:
        """Show an error with its code, detail and hint, to be copied; takes no focus."""

    @abstractmethod
    def confirm(self, question: str, *, detail: str = "", yes: str = "OK", no: str = "Cancel") -> bool:
        """Ask a person to agree and wait for the answer; the safe answer has the focus."""

    @abstractmethod
    def ask_choice(self, question: str, choices: Sequence[Answer], *, detail: str = "") -> int | None:
        """Ask a person to choose and wait; return the number of the choice from 0, None if the person would not."""

    @abstractmethod
    def ask_text(self, question: str, *, value: str = "", secret: bool = False) -> str | None:
        """Ask for a line of text and wait; None if the person would rather not."""

    @abstractmethod
    def ask_file(
        self, *, save: bool, title: str, name: str = "", endings: Mapping[str, str] | None = None
    ) -> str | None:
        """Ask for a file's path; ``endings`` maps what a kind of file is called to its ending, ``.sql``."""

    @abstractmethod
    def menu(self, items: list[tuple[str, Callable[[], object]] | None], event: tk.Event[tk.Misc]) -> None:
        """Pop up a context menu at a pointer event; None is a line between items."""

    @abstractmethod
    def status(
        self, slot: Literal["session", "transaction", "rows", "time", "position"], text: str, role: str = "success"
    ) -> None:
        """Say something in the status bar; the dot before what is said of the session has the colour of ``role``."""

    @abstractmethod
    def copy(self, text: str) -> None:
        """Put text on the clipboard."""


def show_once(window: Window, panel: str, shows: tuple[str, ...], state: Mapping[str, Any]) -> None:
    """Bring the panel to the front whose ``shows`` is this, or open one."""
    for each in window.panels(panel):
        if getattr(each, "shows", None) == shows:
            window.raise_panel(each)
            return
    window.open(panel, state)


def window_of(context: Context) -> Window:
    """Return the window a command was run from; UnsupportedError when there is none."""
    if not isinstance(context.window, Window):
        raise UnsupportedError("this command needs Alveary's window", hint="open it with: alveary window")
    return context.window
