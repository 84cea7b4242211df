"""What is done with connections in the window; each command acts on what is selected in the tree."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, cast

import msgspec
from msgspec import Meta

from alveary.commands import Context
from alveary.commands.connection_files import Exported, Imported
from alveary.commands.connections import Tried
from alveary.errors import AlvearyError, KeyringFailedError, QueryCancelledError, UnknownObjectError
from alveary.jobs import Job
from alveary.profile_store import Group
from alveary_plugins.panels.connections.model import (
    Saved,
    Unsaved,
    database_of,
    sessions_of,
    short_name,
)
from alveary_shell.sdk import Window, window_of

if TYPE_CHECKING:
    from alveary_plugins.panels.connections.view import ConnectionsPanel


_FILES = {"A team's file": ".toml", "Connections": ".json"}


class NoParameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A command that needs nothing."""


class NewParameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the new connection begins with."""

    url: Annotated[str | None, Meta(description="URL that is filled into the form.")] = None
    group: Annotated[str | None, Meta(description="Group it is to stand in.")] = None


# -- when ----------------------------------------------------------------------------------------------------------


def has_database(window: Window) -> bool:
    """A database is selected, or something in one."""
    return database_of(_selected(window)) is not None


def is_saved(window: Window) -> bool:
    """A saved connection is selected."""
    return isinstance(_selected(window), Saved)


def is_unsaved(window: Window) -> bool:
    """A database that is open and not saved is selected."""
    return isinstance(_selected(window), Unsaved)


def is_named(window: Window) -> bool:
    """A saved connection or a group is selected."""
    return isinstance(_selected(window), Saved | Group)


def has_sessions(window: Window) -> bool:
    """A database is selected to which sessions are open."""
    data = _selected(window)
    return isinstance(data, Saved | Unsaved) and bool(sessions_of(data, window.kernel.sessions()))


# -- what ----------------------------------------------------------------------------------------------------------


def go(context: Context, parameters: NoParameters) -> None:
    """Put the keyboard into the tree."""
    window_of(context).open("connections")


def find(context: Context, parameters: NoParameters) -> None:
    """Put the keyboard into the filter above the tree."""
    window = window_of(context)
    window.open("connections")
    _panel(window).focus_filter()


def new(context: Context, parameters: NewParameters) -> None:
    """Open the page of a new connection; it stands in the group that is selected, if one is."""
    window = window_of(context)
    group, data = parameters.group, _selected(window)
    if group is None and isinstance(data, Group):
        group = data.path
    elif group is None and isinstance(data, Saved):
        group = data.listed.group
    if parameters.url is None:
        for panel in window.panels("connection"):
            if getattr(panel, "profile_id", "") is None and not panel.modified:  # an empty page is there already
                window.raise_panel(panel)
                return
    window.open("connection", {"url": parameters.url, "group": group or ""})


def open(context: Context, parameters: NoParameters) -> None:
    """Open an editor on the selected database and connect it."""
    window = window_of(context)
    database = database_of(_selected(window))
    if database is None:
        raise UnknownObjectError("no database is selected", hint="select one in the tree of databases")
    window.open("editor", {"target": database.target, "connect": True})


def save(context: Context, parameters: NoParameters) -> None:
    """Open the page of a new connection, filled with where the selected database is."""
    window = window_of(context)
    data = _selected(window)
    if isinstance(data, Unsaved) and data.database.session is not None:
        name = short_name(data.target, data.database.session.driver)
        window.open("connection", {"url": data.database.target, "name": name})


def change(context: Context, parameters: NoParameters) -> None:
    """Open the page of the selected connection, or bring it to the front."""
    window = window_of(context)
    listed = _saved(window).listed
    for panel in window.panels("connection"):
        if getattr(panel, "profile_id", None) == listed.id:
            window.raise_panel(panel)
            return
    window.open("connection", {"profile": listed.id})


def duplicate(context: Context, parameters: NoParameters) -> None:
    """Ask for a name and copy the selected connection under it."""
    window = window_of(context)
    listed = _saved(window).listed
    name = window.ask_text("Name of the copy", value=f"{listed.name} copy")
    if name:
        window.submit("connections.copy", {"name": listed.name, "new": name}, lambda _: None)


def share(context: Context, parameters: NoParameters) -> None:
    """Ask for a file and write the selected connection, or all, into it, without secrets."""
    window = window_of(context)
    data = _selected(window)
    names = [data.listed.name] if isinstance(data, Saved) else []
    file = window.ask_file(save=True, title="Export connections", name="alveary.toml", endings=_FILES)
    if file is None:
        return

    def done(exported: Exported) -> None:
        left_out = [f"left out of {each.name}: {', '.join(each.fields)}" for each in exported.left_out]
        said = f"{', '.join(exported.connections)}: written to {file}, without secrets"
        window.notify(said, "warning" if left_out else "success", detail="\n".join(left_out) or None)

    window.submit("connections.export", {"names": names, "output": file}, done)


def take(context: Context, parameters: NoParameters) -> None:
    """Ask for a file and save the connections in it; what could do harm is confirmed, and no name is replaced."""
    window = window_of(context)
    file = window.ask_file(save=False, title="Import connections", endings=_FILES)
    if file is None:
        return

    def done(imported: Imported) -> None:
        left = [f"{name} is saved already, and stays as it is" for name in imported.skipped]
        left += [f"left out of {each.name}: {', '.join(each.fields)}" for each in imported.left_out]
        said = f"saved: {', '.join(imported.connections) or 'nothing'}"
        window.notify(said, "warning" if left else "success", detail="\n".join(left) or None)

    window.submit("connections.import", {"file": file, "existing": "skip"}, done)


def rename(context: Context, parameters: NoParameters) -> None:
    """Ask for another name of the selected connection or group."""
    window = window_of(context)
    data = _selected(window)
    if isinstance(data, Group):
        now = data.path.rpartition("/")[2]
        name = window.ask_text("Name of the group", value=now)
        if name and name != now:
            window.submit("groups.edit", {"path": data.path, "rename": name}, lambda _: None)
        return
    listed = _saved(window).listed
    name = window.ask_text("Name of the connection", value=listed.name)
    if name and name != listed.name:
        window.submit("connections.edit", {"name": listed.name, "rename": name}, lambda _: None)


def move(context: Context, parameters: NoParameters) -> None:
    """Ask for a group and put the selected connection or group into it."""
    window = window_of(context)
    data = _selected(window)
    hint = "Group to move it to, such as Work/EU; empty for none"
    if isinstance(data, Group):
        above = data.path.rpartition("/")[0]
        parent = window.ask_text(hint, value=above)
        if parent is not None and parent != above:
            window.submit("groups.edit", {"path": data.path, "parent": parent}, lambda _: None)
        return
    listed = _saved(window).listed
    group = window.ask_text(hint, value=listed.group)
    if group is None or group == listed.group:
        return
    change = {"group": group} if group else {"unset": ["group"]}
    window.submit("connections.edit", {"name": listed.name, **change}, lambda _: None)


def delete(context: Context, parameters: NoParameters) -> None:
    """Remove the selected connection or group, after asking."""
    window = window_of(context)
    data = _selected(window)
    if isinstance(data, Group):
        detail = "What stands in it moves up; no connection is removed."
        if window.confirm(f"Remove the group {data.path}?", detail=detail, yes="Remove"):
            window.submit("groups.remove", {"path": data.path}, lambda _: None)
        return
    listed = _saved(window).listed
    detail = "What is kept of its password is forgotten, too. Its database is not touched."
    if window.confirm(f"Remove the connection {listed.name}?", detail=detail, yes="Remove"):
        _remove(window, listed.name)


def _remove(window: Window, name: str, *, keep_password: bool = False) -> None:
    """Remove a connection; where its password can't be forgotten, ask whether that may stay where it is."""
    kernel, asked = window.kernel, {"name": name, "keep_password": keep_password}

    def failed(error: AlvearyError) -> None:
        if keep_password or not isinstance(error, KeyringFailedError):
            if not isinstance(error, QueryCancelledError):
                window.show_error(error, title="The connection was not removed")
            return
        why = "\n".join(filter(None, (error.message, error.detail)))
        if window.confirm(f"Remove {name}, and leave its password where it is kept?", detail=why, yes="Remove"):
            _remove(window, name, keep_password=True)

    window.background(
        "Removing a connection",
        lambda job: kernel.commands.run("connections.remove", asked, job=job),
        lambda _: None,
        failed,
    )


def group(context: Context, parameters: NoParameters) -> None:
    """Ask for a name and make a group, inside the one that is selected."""
    window = window_of(context)
    data = _selected(window)
    inside = data.path if isinstance(data, Group) else ""
    name = window.ask_text(f"Name of the new group{f' in {inside}' if inside else ''}")
    if name:
        path = f"{inside}/{name}" if inside else name
        window.submit("groups.add", {"path": path}, lambda made: _panel(window).reveal(made.id))


def check(context: Context, parameters: NoParameters) -> None:
    """Connect to the selected database in the background, and say who answers."""
    window = window_of(context)
    database = database_of(_selected(window))
    if database is None:
        raise UnknownObjectError("no database is selected", hint="select one in the tree of databases")
    target = database.target

    def done(tried: Tried) -> None:
        window.notify(f"{tried.target} answers", "success", detail=told(tried))

    def failed(error: AlvearyError) -> None:
        window.show_error(error, title=f"{target} does not answer")

    kernel = window.kernel

    def work(job: Job) -> Tried:
        tried: Tried = kernel.commands.run("connections.test", {"target": target}, job=job)
        return tried

    window.background("Testing the connection", work, done, failed)


def disconnect(context: Context, parameters: NoParameters) -> None:
    """Close the sessions to the selected database; an open transaction is rolled back, so it is asked before."""
    window = window_of(context)
    data = _selected(window)
    if not isinstance(data, Saved | Unsaved):
        return
    sessions = sessions_of(data, window.kernel.sessions())
    busy = [session for session in sessions if session.state.value not in ("idle", "connecting")]
    if busy and not window.confirm(
        f"Disconnect {len(sessions)} sessions?",
        detail=f"{len(busy)} of them {'is' if len(busy) == 1 else 'are'} at work or in a transaction,"
        " which is rolled back.",
        yes="Disconnect",
    ):
        return

    def work(job: Job) -> None:
        for session in sessions:
            session.close()

    window.background("Disconnecting", work, lambda _: None)


def told(tried: Tried) -> str:
    """Return what a test found, in a few lines."""
    times = [f"connected in {tried.connect_ms:.0f} ms"]
    if tried.round_trip_ms is not None:
        times.append(f"a round trip takes {tried.round_trip_ms:.2g} ms")
    encrypted = tried.encryption.summary(cipher=True) if tried.encryption is not None else ""
    route = tried.route if tried.route != "direct" else None
    lines = [f"{tried.product} {tried.version}", ", ".join(times), encrypted, route or "", tried.hint or ""]
    return "\n".join(line for line in lines if line)


def _panel(window: Window) -> ConnectionsPanel:
    panels = window.panels("connections") or [window.open("connections")]
    return cast("ConnectionsPanel", panels[0])  # there is no other kind, unless it is broken and shows so


def _selected(window: Window) -> object:
    panel = next(iter(window.panels("connections")), None)
    node = getattr(panel, "selected", None)
    return node.data if node is not None else None


def _saved(window: Window) -> Saved:
    data = _selected(window)
    if not isinstance(data, Saved):
        raise UnknownObjectError("no saved connection is selected", hint="select one in the tree of databases")
    return data
