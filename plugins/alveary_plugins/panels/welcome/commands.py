"""What the first page offers; each ends in an editor on a database."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import quote

import msgspec
from msgspec import Meta

from alveary.commands import Context
from alveary_shell.sdk import Window, window_of

_ENDINGS = {"SQLite": ".db"}
_FIRST = (
    "-- The sample shop. Ctrl+Enter runs the statement the caret is in.\n"
    "select artist.name, count(*) as tracks_sold, round(sum(line.unit_price * line.quantity), 2) as revenue\n"
    "from invoice_line as line\n"
    "join track on track.id = line.track_id\n"
    "join album on album.id = track.album_id\n"
    "join artist on artist.id = album.artist_id\n"
    "group by artist.id\n"
    "order by revenue desc;\n\n"
    "select * from track;\n"
)


class NoParameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A command that needs nothing."""


class UrlParameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where to go; a person is asked when nothing is given."""

    url: Annotated[str | None, Meta(description="URL of the database, or a saved name.")] = None


def show(context: Context, parameters: NoParameters) -> None:
    """Show the page, or bring it to the front."""
    window = window_of(context)
    if pages := window.panels("welcome"):
        window.raise_panel(pages[0])
    else:
        window.open("welcome")


def open_sample(context: Context, parameters: NoParameters) -> None:
    """Make the sample database in the background if it is not there, then open an editor on it."""
    window = window_of(context)

    def done(demonstration: Any) -> None:
        _open(window, demonstration.url, _FIRST)

    window.submit("demo.run", {}, done)


def open_database(context: Context, parameters: NoParameters) -> None:
    """Ask for a file and open an editor on it."""
    window = window_of(context)
    if (path := window.ask_file(save=False, title="Open database", endings=_ENDINGS)) is not None:
        _open(window, f"sqlite:///{quote(path)}")


def new_database(context: Context, parameters: NoParameters) -> None:
    """Ask for the name of a new file and open an editor on it; the file is made with the first connection."""
    window = window_of(context)
    if (path := window.ask_file(save=True, title="New database", name="new.db", endings=_ENDINGS)) is not None:
        _open(window, f"sqlite:///{quote(path)}?mode=rwc")


def open_url(context: Context, parameters: UrlParameters) -> None:
    """Open an editor on a URL or saved name."""
    window = window_of(context)
    url = parameters.url or window.ask_text("URL of the database, or the name of a saved connection")
    if url:
        window.kernel.target(url)  # what is wrong with it is said before anything is opened
        _open(window, url)


def _open(window: Window, target: str, text: str = "") -> None:
    window.open("editor", {"target": target, "text": text, "connect": True})
    for page in window.panels("welcome"):
        window.close(page)
