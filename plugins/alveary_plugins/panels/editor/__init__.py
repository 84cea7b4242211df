"""The editor panel: tabs of SQL text, each with a session of its own."""

from __future__ import annotations

from alveary import CommandSpec, SettingSpec, hookimpl
from alveary.contracts.window import PanelSpec, Placement

_HERE = "alveary_plugins.panels.editor"


@hookimpl
def alveary_settings() -> list[SettingSpec]:
    """Declare when suggestions come."""
    return [
        SettingSpec(
            id="editor.complete",
            kind="choice",
            choices=("typing", "dot", "asked"),
            default="typing",
            description="When an editor suggests what could stand at the caret: after a pause in typing, only after a "
            "dot, or only when it is asked to, by Ctrl+Space.",
        )
    ]


@hookimpl
def alveary_panels() -> list[PanelSpec]:
    """Declare the panel."""
    return [PanelSpec(id="editor", title="Query", factory=f"{_HERE}.view:EditorPanel", dock="center", icon="file-code")]


@hookimpl
def alveary_commands() -> list[CommandSpec]:
    """Declare what an editor can do."""
    return [*_files(), *_editing(), *_running()]


def _command(
    id: str,
    summary: str,
    title: str,
    menu: str,
    group: int,
    keys: tuple[str, ...] = (),
    enabled: str | None = None,
    *,
    anywhere: bool = False,
    **more: object,
) -> CommandSpec:
    placement = Placement(
        title=title,
        menu=menu,
        group=group,
        keys=keys,
        panel=None if anywhere else "editor",
        enabled=f"{_HERE}.commands:{enabled}" if enabled is not None else None,
        **more,  # type: ignore[arg-type]  # each is one of the placement's own
    )
    factory = f"{_HERE}.commands:{id.partition('.')[2].replace('-', '_')}"
    return CommandSpec(id=id, summary=summary, factory=factory, placement=placement)


def _files() -> list[CommandSpec]:
    return [
        _command(
            "editor.new",
            "Open an empty editor on the same connection.",
            "New query",
            "File",
            10,
            ("Ctrl+N", "Ctrl+T"),
            anywhere=True,
        ),
        CommandSpec(
            id="editor.insert",
            summary="Put text at the caret of the editor in front, or into a new one where none is.",
            factory=f"{_HERE}.commands:insert",
        ),
        _command(
            "editor.open-file",
            "Open a file of SQL in an editor.",
            "Open file…",
            "File",
            20,
            ("Ctrl+O",),
            anywhere=True,
        ),
        _command("editor.save", "Write the text to its file.", "Save", "File", 40, ("Ctrl+S",)),
        _command("editor.save-as", "Write the text to another file.", "Save as…", "File", 40, ("Ctrl+Shift+S",)),
        _command(
            "editor.reload",
            "Read the file again and show what it holds now.",
            "Reload from disk",
            "File",
            40,
            enabled="has_file",
        ),
    ]


def _editing() -> list[CommandSpec]:
    return [
        _command("editor.undo", "Undo the last change of the text.", "Undo", "Edit", 10, ("Ctrl+Z",), "can_undo"),
        _command(
            "editor.redo", "Do again what was undone.", "Redo", "Edit", 10, ("Ctrl+Y", "Ctrl+Shift+Z"), "can_redo"
        ),
        _command("editor.find", "Find text in the editor.", "Find…", "Edit", 20, ("Ctrl+F",)),
        _command("editor.find-next", "Go to the next match.", "Find next", "Edit", 20, ("F3",)),
        _command("editor.find-previous", "Go to the match before.", "Find previous", "Edit", 20, ("Shift+F3",)),
        _command("editor.replace", "Replace text in the editor.", "Replace…", "Edit", 20, ("Ctrl+H",)),
        _command("editor.go-to-line", "Go to a line by its number.", "Go to line…", "Edit", 30, ("Ctrl+G",)),
        _command(
            "editor.go-to-error",
            "Go to the place an error points at.",
            "Go to error",
            "Edit",
            30,
            ("F8",),
            "has_errors",
        ),
        _command(
            "editor.suggest",
            "Show what could stand at the caret.",
            "Complete",
            "Edit",
            35,
            ("Ctrl+Space",),
            "editing",
        ),
        _command(
            "editor.comment",
            "Turn the selected lines into comments, or back.",
            "Toggle comment",
            "Edit",
            40,
            ("Ctrl+/",),
            "editing",
        ),
        _command(
            "editor.expand",
            "Write the columns in the place of the star at the caret, or of all stars of the statement there.",
            "Expand *",
            "Edit",
            45,
            ("Ctrl+Alt+E",),
            "editing",
        ),
        _command(
            "editor.peek",
            "Show what the name at the caret means: columns, keys, indexes, SQL. Again puts it away.",
            "Peek",
            "Edit",
            35,
            ("F12",),
            "editing",
        ),
        _command(
            "editor.open-object",
            "Open what the name at the caret means in a tab.",
            "Open object",
            "Edit",
            35,
            ("Shift+F12",),
            "editing",
        ),
        _command(
            "editor.format",
            "Lay out the selected statements, or the one the caret is in; no token is changed.",
            "Format",
            "Edit",
            45,
            ("Ctrl+Shift+F",),
            "editing",
        ),
        _command(
            "editor.format-all",
            "Lay out the whole text; no token is changed.",
            "Format all",
            "Edit",
            45,
            ("Ctrl+Alt+F",),
            "editing",
        ),
        _command("editor.indent", "Move the selected lines right.", "Indent", "Edit", 40, enabled="editing"),
        _command("editor.unindent", "Move the selected lines left.", "Unindent", "Edit", 40, enabled="editing"),
        _command(
            "editor.duplicate-lines",
            "Repeat the selected lines below.",
            "Duplicate lines",
            "Edit",
            50,
            ("Ctrl+Shift+D",),
            "editing",
        ),
        _command(
            "editor.delete-lines",
            "Remove the selected lines.",
            "Delete lines",
            "Edit",
            50,
            ("Ctrl+Shift+K",),
            "editing",
        ),
        _command(
            "editor.move-lines-up", "Move the selected lines up.", "Move lines up", "Edit", 50, ("Alt+Up",), "editing"
        ),
        _command(
            "editor.move-lines-down",
            "Move the selected lines down.",
            "Move lines down",
            "Edit",
            50,
            ("Alt+Down",),
            "editing",
        ),
        _command(
            "editor.select-word", "Select the word at the caret.", "Select word", "Edit", 60, ("Ctrl+D",), "editing"
        ),
        _command(
            "editor.select-line",
            "Select the line; again, one more.",
            "Select line",
            "Edit",
            60,
            ("Ctrl+Shift+L",),
            "editing",
        ),
        _command(
            "editor.select-statement",
            "Select the statement the caret is in.",
            "Select statement",
            "Edit",
            60,
            ("Ctrl+Shift+E",),
            "editing",
        ),
    ]


def _running() -> list[CommandSpec]:
    return [
        _command(
            "editor.run",
            "Run the selection, or the statement the caret is in.",
            "Run",
            "Query",
            10,
            ("Ctrl+Enter",),
            "can_run",
            toolbar=True,
            icon="play-fill",
            style="accent",
        ),
        _command(
            "editor.run-script",
            "Run all statements, one after the other, up to the first error.",
            "Run script",
            "Query",
            10,
            ("Ctrl+Shift+Enter", "Alt+X"),
            "can_run",
        ),
        _command(
            "editor.explain",
            "Show how the server would run the statement the caret is in.",
            "Explain",
            "Query",
            15,
            ("F7",),
            "can_run",
        ),
        _command(
            "editor.explain-analyze",
            "Run the statement the caret is in to measure it, roll back what it changed, and show what it took.",
            "Explain and measure",
            "Query",
            15,
            ("Shift+F7",),
            "can_run",
        ),
        _command(
            "editor.cancel",
            "Stop what runs.",
            "Stop",
            "Query",
            10,
            ("Ctrl+.", "Esc"),
            "is_busy",
            toolbar=True,
            icon="stop-fill",
        ),
        _command(
            "editor.commit",
            "Commit the transaction.",
            "Commit",
            "Query",
            20,
            ("Ctrl+Alt+C",),
            "can_commit",
            toolbar=True,
            icon="check2-all",
        ),
        _command(
            "editor.rollback",
            "Roll the transaction back.",
            "Rollback",
            "Query",
            20,
            ("Ctrl+Alt+R",),
            "can_roll_back",
            toolbar=True,
            icon="arrow-counterclockwise",
        ),
        _command(
            "editor.autocommit",
            "Commit each statement at once, or leave that to you.",
            "Switch autocommit",
            "Query",
            20,
        ),
        _command("editor.limit", "Choose how many rows of a result are taken.", "Row limit…", "Query", 30),
        _command("editor.connect", "Choose where this editor connects.", "Connect to…", "Connection", 10),
        _command(
            "editor.reconnect",
            "Open a new session to the same database.",
            "Connect again",
            "Connection",
            10,
            enabled="can_reconnect",
        ),
        _command(
            "editor.schema",
            "Choose the schema that names without one mean, or another database.",
            "Switch schema…",
            "Connection",
            20,
            enabled="is_connected",
        ),
        _command(
            "editor.disconnect",
            "Close the session; the text stays.",
            "Disconnect",
            "Connection",
            10,
            enabled="is_connected",
        ),
    ]
