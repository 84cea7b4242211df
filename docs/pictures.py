"""Takes the pictures of docs/images/, of the window in each theme at each scale: ``python docs/pictures.py``.

Needs Xvfb. Every picture is of a window of its own, in a process of its own, on a private screen and an empty data
directory; what is to be seen is done by the commands a person runs. Inter and JetBrains Mono are used where they are
installed. Without arguments all are taken, otherwise those named: ``python docs/pictures.py light-1.5``.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import tkinter as tk

    from alveary import Kernel
    from alveary_shell.widgets.tree_rows import Node
    from alveary_shell.window import MainWindow

IMAGES = Path(__file__).parent / "images"
THEMES, SCALES = ("dark", "light"), (1.0, 1.5, 2.0)
WIDTH, HEIGHT = 1400, 800
"""Of the window, at scale 1."""
PATIENCE = 60.0
"""Seconds after which what is waited for is believed not to come."""
COLOURS = 128
"""Of a picture; text in grey needs no more, and the file is a third."""
QUERY = """-- What each artist's tracks brought in
select artist.name, count(*) as tracks_sold,
       round(sum(line.unit_price * line.quantity), 2) as revenue
from invoice_line as line
join track on track.id = line.track_id
join album on album.id = track.album_id
join artist on artist.id = album.artist_id
group by artist.id
order by revenue desc;

select customer.id, customer.name, email, country, joined, invoice.invoiced_on, total
from customer left join invoice on invoice.customer_id = customer.id;
"""


def main(names: list[str]) -> None:
    """Take the pictures with these names, all without one."""
    every = {f"{theme}-{scale:g}": (theme, scale) for theme in THEMES for scale in SCALES}
    for name in names or every:
        theme, scale = every[name]
        path = IMAGES / f"window-{name}.png"
        take(theme, scale, path)
        sys.stdout.write(f"{path}\n")


def take(theme: str, scale: float, path: Path) -> None:
    """Take one picture, in a process of its own."""
    with tempfile.TemporaryDirectory() as home, screen(round(WIDTH * scale), round(HEIGHT * scale)) as display:
        environment = {**os.environ, "DISPLAY": display, "ALVEARY_HOME": home}
        command = [sys.executable, __file__, "--one", theme, str(scale), str(path)]
        subprocess.run(command, env=environment, check=True, timeout=2 * PATIENCE)


@contextmanager
def screen(width: int, height: int) -> Iterator[str]:
    """Start an X server with a screen of this size in memory and yield its display."""
    read, write = os.pipe()
    size = f"{width}x{height}x24"
    command = ["Xvfb", "-displayfd", str(write), "-screen", "0", size, "-dpi", "96", "-nolisten", "tcp"]
    server = subprocess.Popen(command, pass_fds=[write], stderr=subprocess.DEVNULL)
    os.close(write)
    try:
        with os.fdopen(read) as said:
            yield f":{said.readline().strip()}"
    finally:
        server.terminate()
        server.wait(PATIENCE)


def one(theme: str, scale: float, path: Path) -> None:
    """Open a window on the sample, have some of everything in it, and write what is seen to a file."""
    from PIL import ImageGrab

    from alveary import Kernel
    from alveary_shell.window import MainWindow

    with Kernel() as kernel:
        kernel.settings.set("window.theme", theme)
        kernel.settings.set("window.scale", scale)
        sample = kernel.commands.run("demo.run")
        add_connections(kernel, sample.url)
        window = MainWindow(kernel)
        try:
            window.show()
            window.root.geometry("+0+0")
            rest(window, 0.3)
            menu = window.root.winfo_rooty()  # what it takes comes on top of a window's size
            window.root.geometry(f"{round(WIDTH * scale)}x{round(HEIGHT * scale) - menu}")
            fill(window)
            if cut := without_room(window.root):
                raise SystemExit(f"no room for the whole text of {', '.join(cut)}")
            picture = ImageGrab.grab(xdisplay=os.environ["DISPLAY"])
            picture.quantize(COLOURS).save(path, optimize=True)
        finally:
            window.quit()


def add_connections(kernel: Kernel, sample: str) -> None:
    """Save some connections; the servers of all but one are nobody's."""
    for parameters in (
        {
            "name": "warehouse",
            "url": "postgresql://ann@db.example/warehouse",
            "group": "Work",
            "environment": "production",
            "color": "red",
        },
        {"name": "reports", "url": "mysql://ann@db.example/reports", "group": "Work", "environment": "staging"},
        {"name": "shop", "url": sample, "color": "teal"},
    ):
        kernel.commands.run("connections.add", parameters)


def fill(window: MainWindow) -> None:
    """Open what the picture shows, as a person would, and wait until all of it is there."""
    from alveary_plugins.panels.connections.view import ConnectionsPanel
    from alveary_plugins.panels.editor.view import EditorPanel
    from alveary_plugins.panels.results.view import ResultsPanel

    state = {"target": "shop", "text": QUERY, "caret": QUERY.index("select customer"), "connect": True}
    editor = window.open("editor", state)
    for page in window.panels("welcome"):
        window.close(page)
    (connections,), results = window.panels("connections"), window.open("results")
    assert isinstance(editor, EditorPanel), "the editor's panel"
    assert isinstance(connections, ConnectionsPanel), "the panel of databases"
    assert isinstance(results, ResultsPanel), "the panel of results"
    wait(window, lambda: editor.model.phase == "idle")
    tree = connections.tree
    names: list[str] = []
    for name in ("shop", "Tables", "track"):
        names.append(name)
        wait(window, lambda: node(tree.roots, names) is not None)
        if (found := node(tree.roots, names)) is not None and not found.open:
            tree.toggle(found)
    wait(window, lambda: node(tree.roots, [*names, "title"]) is not None)
    if (found := node(tree.roots, names)) is not None:
        tree.select(found)
    window.raise_panel(editor)
    window.run("editor.run")
    wait(window, lambda: results.grid.count > 0 and results.grid.settled)
    results.grid.select(3, 2)
    results.grid.cells.focus_force()
    rest(window, 1.0)


def without_room(widget: tk.Misc) -> list[str]:
    """Return the texts of labels and buttons in a widget, or the widgets, that are larger than their place."""
    found: list[str] = []
    for child in widget.winfo_children():
        found += without_room(child)
        if child.winfo_class() in ("Label", "TLabel", "TButton", "TCheckbutton") and child.winfo_viewable():
            text = str(child.cget("text"))
            wide, high = child.winfo_reqwidth() - child.winfo_width(), child.winfo_reqheight() - child.winfo_height()
            if text and (wide > 1 or high > 1):
                found.append(repr(text))
    return found


def node(nodes: list[Node] | None, names: list[str]) -> Node | None:
    """Return the node that these texts lead to, None while it is not there."""
    for each in nodes or ():
        if each.text == names[0]:
            return each if len(names) == 1 else node(each.children, names[1:])
    return None


def wait(window: MainWindow, until: Callable[[], bool]) -> None:
    """Run the window until something is so."""
    end = time.monotonic() + PATIENCE
    while not until():
        if time.monotonic() > end:
            raise TimeoutError("what the picture is to show did not come about")
        window.root.update()
        time.sleep(0.005)


def rest(window: MainWindow, seconds: float) -> None:
    """Let the window draw what it has begun."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        window.root.update()
        time.sleep(0.005)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        one(sys.argv[2], float(sys.argv[3]), Path(sys.argv[4]))
    else:
        main(sys.argv[1:])
