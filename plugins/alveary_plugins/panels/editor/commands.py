"""What an editor's commands do, and when they can be run; each acts on the editor in front."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import msgspec
from msgspec import Meta

from alveary.commands import Context
from alveary.errors import UnsupportedError
from alveary_shell.sdk import Window, window_of

if TYPE_CHECKING:
    from alveary_plugins.panels.editor.view import EditorPanel


class NoParameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A command that needs nothing."""


class NewParameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the new editor begins with."""

    text: Annotated[str, Meta(description="SQL to begin with.")] = ""
    target: Annotated[str | None, Meta(description="URL or saved name; that of the editor in front without it.")] = None
    connect: Annotated[bool, Meta(description="Connect at once; else when something is to be run.")] = False


class InsertParameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to insert."""

    text: Annotated[str, Meta(description="Text that is put in the place of the selection, or at the caret.")]


class FileParameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which file; a person is asked when none is given."""

    path: Annotated[str | None, Meta(description="Path of the file.")] = None


class ConnectParameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where to connect; a person chooses when nothing is given."""

    target: Annotated[str | None, Meta(description="URL or saved name.")] = None


class LimitParameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many rows; a person is asked when nothing is given."""

    rows: Annotated[int, Meta(ge=0, description="Rows taken of each result; 0 for all.")] | None = None


class LineParameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which line; a person is asked when none is given."""

    line: Annotated[int, Meta(ge=1, description="Number of the line, from 1.")] | None = None


def new(context: Context, parameters: NewParameters) -> None:
    """Open an empty editor that connects where the one in front does."""
    window = window_of(context)
    target = parameters.target or _target(window)
    window.open("editor", {"text": parameters.text, "target": target, "connect": parameters.connect})


def insert(context: Context, parameters: InsertParameters) -> None:
    """Put text at the caret of the editor in front, or into a new one where none is."""
    window = window_of(context)
    if (editor := _active(window)) is None:
        window.open("editor", {"text": parameters.text, "target": _target(window)})
    else:
        editor.code.insert(parameters.text)
        editor.focus()


def _target(window: Window) -> str | None:
    """Return where the editor in front connects, or, where none is, the one opened last."""
    if (active := _active(window)) is not None:
        return active.model.target
    targets = (getattr(panel, "model", None) for panel in reversed(window.panels("editor")))
    return next((model.target for model in targets if model is not None and model.target is not None), None)


def open_file(context: Context, parameters: FileParameters) -> None:
    """Open a file, or bring the editor to the front that has it open."""
    import os

    window = window_of(context)
    path = parameters.path or window.ask_file(save=False, title="Open file", endings={"SQL": ".sql", "Text": ".txt"})
    if path is None:
        return
    path = os.path.abspath(path)
    for panel in window.panels("editor"):
        if getattr(panel, "path", None) == path:
            window.raise_panel(panel)
            return
    window.open("editor", {"path": path, "target": _target(window)})


def save(context: Context, parameters: NoParameters) -> None:
    """Write the text to its file, or ask for one."""
    _editor(context).file.save()


def save_as(context: Context, parameters: FileParameters) -> None:
    """Write the text to another file."""
    _editor(context).file.save_as(parameters.path)


def reload(context: Context, parameters: NoParameters) -> None:
    """Show what the file holds now; that can be undone."""
    _editor(context).file.reload()


def undo(context: Context, parameters: NoParameters) -> None:
    """Undo the last change."""
    _editor(context).code.undo()


def redo(context: Context, parameters: NoParameters) -> None:
    """Do again what was undone."""
    _editor(context).code.redo()


def find(context: Context, parameters: NoParameters) -> None:
    """Show the bar to find."""
    _editor(context).code.open_find()


def replace(context: Context, parameters: NoParameters) -> None:
    """Show the bar to find and replace."""
    _editor(context).code.open_find(replace=True)


def find_next(context: Context, parameters: NoParameters) -> None:
    """Go to the next match."""
    _editor(context).code.find_next()


def find_previous(context: Context, parameters: NoParameters) -> None:
    """Go to the match before."""
    _editor(context).code.find_next(back=True)


def go_to_line(context: Context, parameters: LineParameters) -> None:
    """Go to a line."""
    _editor(context).go_to_line(parameters.line)


def go_to_error(context: Context, parameters: NoParameters) -> None:
    """Go to the next error."""
    _editor(context).code.go_to_error()


def format(context: Context, parameters: NoParameters) -> None:
    """Lay out the selection or the statement at the caret."""
    _editor(context).formatting.format()


def format_all(context: Context, parameters: NoParameters) -> None:
    """Lay out the whole text."""
    _editor(context).formatting.format(everything=True)


def suggest(context: Context, parameters: NoParameters) -> None:
    """Show what could stand at the caret."""
    _editor(context).completing.ask()


def expand(context: Context, parameters: NoParameters) -> None:
    """Write columns in the place of stars."""
    _editor(context).scopes.expand()


def peek(context: Context, parameters: NoParameters) -> None:
    """Show what the name at the caret means, or put that away."""
    _editor(context).scopes.peek()


def open_object(context: Context, parameters: NoParameters) -> None:
    """Open what the name at the caret means in a tab."""
    _editor(context).scopes.open_object()


def comment(context: Context, parameters: NoParameters) -> None:
    """Turn lines into comments, or back."""
    _editor(context).code.comment()


def indent(context: Context, parameters: NoParameters) -> None:
    """Move lines right."""
    _editor(context).code.indent_lines()


def unindent(context: Context, parameters: NoParameters) -> None:
    """Move lines left."""
    _editor(context).code.indent_lines(back=True)


def duplicate_lines(context: Context, parameters: NoParameters) -> None:
    """Repeat lines."""
    _editor(context).code.duplicate_lines()


def delete_lines(context: Context, parameters: NoParameters) -> None:
    """Remove lines."""
    _editor(context).code.delete_lines()


def move_lines_up(context: Context, parameters: NoParameters) -> None:
    """Move lines up."""
    _editor(context).code.move_lines(-1)


def move_lines_down(context: Context, parameters: NoParameters) -> None:
    """Move lines down."""
    _editor(context).code.move_lines(1)


def select_word(context: Context, parameters: NoParameters) -> None:
    """Select a word."""
    _editor(context).code.select_word()


def select_line(context: Context, parameters: NoParameters) -> None:
    """Select a line, or one more."""
    _editor(context).code.select_line()


def select_statement(context: Context, parameters: NoParameters) -> None:
    """Select the statement the caret is in."""
    _editor(context).code.select_statement()


def run(context: Context, parameters: NoParameters) -> None:
    """Run the selection or the statement at the caret; connects first where that was not done yet."""
    _editor(context).run()


def run_script(context: Context, parameters: NoParameters) -> None:
    """Run all statements."""
    _editor(context).run(script=True)


def explain(context: Context, parameters: NoParameters) -> None:
    """Show how the server would run the statement at the caret."""
    from alveary_plugins.panels.editor.explaining import explaining

    editor = _editor(context)
    editor.run(do=explaining(editor, analyze=False))


def explain_analyze(context: Context, parameters: NoParameters) -> None:
    """Run the statement at the caret to measure it, roll back what it changed, and show what it took."""
    from alveary_plugins.panels.editor.explaining import explaining

    editor = _editor(context)
    editor.run(do=explaining(editor, analyze=True))


def cancel(context: Context, parameters: NoParameters) -> None:
    """Stop what runs."""
    _editor(context).model.cancel()


def commit(context: Context, parameters: NoParameters) -> None:
    """Commit."""
    _editor(context).model.commit()


def rollback(context: Context, parameters: NoParameters) -> None:
    """Roll back."""
    _editor(context).model.rollback()


def autocommit(context: Context, parameters: NoParameters) -> None:
    """Switch between autocommit and transactions by hand."""
    _editor(context).switch_autocommit()


def limit(context: Context, parameters: LimitParameters) -> None:
    """Choose the row limit."""
    _editor(context).choose_limit(parameters.rows)


def connect(context: Context, parameters: ConnectParameters) -> None:
    """Connect somewhere else."""
    _editor(context).connection.choose(parameters.target)


def reconnect(context: Context, parameters: NoParameters) -> None:
    """Open a new session to the same database."""
    _editor(context).connection.connect()


def schema(context: Context, parameters: NoParameters) -> None:
    """Choose a schema."""
    _editor(context).connection.choose_schema()


def disconnect(context: Context, parameters: NoParameters) -> None:
    """Close the session."""
    _editor(context).connection.disconnect()


# -- when --------------------------------------------------------------------------------------------------------


def editing(window: Window) -> bool:
    """The keyboard is not in some other field."""
    return (editor := _active(window)) is not None and not editor.code.typing_elsewhere


def can_undo(window: Window) -> bool:
    """There is something to undo."""
    return editing(window) and _front(window).code.document.can_undo


def can_redo(window: Window) -> bool:
    """Something was undone."""
    return editing(window) and _front(window).code.document.can_redo


def has_file(window: Window) -> bool:
    """The text has a file."""
    return _front(window).path is not None


def has_errors(window: Window) -> bool:
    """An error is marked."""
    return _front(window).code.has_errors


def can_run(window: Window) -> bool:
    """Nothing else is under way."""
    return not _front(window).model.busy


def is_busy(window: Window) -> bool:
    """Something is under way."""
    return _front(window).model.busy


def is_connected(window: Window) -> bool:
    """There is a session."""
    return _front(window).model.connected


def can_reconnect(window: Window) -> bool:
    """It is known where to connect, and nothing is under way."""
    model = _front(window).model
    return model.target is not None and not model.busy


def can_commit(window: Window) -> bool:
    """A transaction is open that can be committed, and nothing runs."""
    model = _front(window).model
    return model.phase == "idle" and model.transaction == "open"


def can_roll_back(window: Window) -> bool:
    """A transaction is open, and nothing runs."""
    model = _front(window).model
    return model.phase == "idle" and model.transaction != "none"


def _editor(context: Context) -> EditorPanel:
    return _front(window_of(context))


def _front(window: Window) -> EditorPanel:
    if (editor := _active(window)) is None:
        raise UnsupportedError("no editor is in front", hint="open one with File, New query")
    return editor


def _active(window: Window) -> EditorPanel | None:
    from alveary_plugins.panels.editor.view import EditorPanel

    return window.active if isinstance(window.active, EditorPanel) else None
