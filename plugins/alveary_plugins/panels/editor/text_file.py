"""The file an editor's text comes from and goes to: opened, saved, reloaded, and asked about when others change it."""

from __future__ import annotations

import contextlib
import os
import tkinter as tk
from collections.abc import Callable, Mapping
from typing import Any

from alveary.errors import AlvearyError
from alveary.jobs import Job
from alveary_plugins.panels.editor import files
from alveary_plugins.panels.editor.bars import QuestionBar
from alveary_plugins.panels.editor.compare import CompareWindow, differences
from alveary_plugins.panels.editor.files import Form, Loaded, Stamp, Watch
from alveary_shell.sdk import Window
from alveary_shell.widgets.code import Code

ENDINGS = {"SQL": ".sql", "Text": ".txt"}


class TextFile:
    """Belongs to one editor. ``title`` tells what that is called, ``changed`` is called when the file is another one
    or holds something else, ``show`` and ``put_away`` do so with the question about it."""

    def __init__(
        self,
        window: Window,
        frame: tk.Misc,
        code: Code,
        question: QuestionBar,
        *,
        title: Callable[[], str],
        changed: Callable[[], object],
        show: Callable[[], object],
    ) -> None:
        self.path: str | None = None
        self.form = Form()
        self.watch: Watch | None = None
        self._window, self._frame, self._code, self._question = window, frame, code, question
        self._title, self._changed, self._show = title, changed, show
        self._stamp: Stamp | None = None
        self._saved: int | None = None
        """The document's state that is in the file; None if none is."""

    @property
    def modified(self) -> bool:
        """Whether the text holds what no file does."""
        if self.path is None:
            return any(line.strip() for line in self._code.document.lines)
        return self._code.document.state != self._saved

    def state(self) -> dict[str, Any]:
        """Return what :meth:`restore` takes."""
        return {
            "path": self.path,
            "modified": self.modified,
            "encoding": self.form.encoding,
            "mark": self.form.mark.hex(),
            "newline": self.form.newline,
            "stamp": [self._stamp.modified, self._stamp.size, self._stamp.digest] if self._stamp is not None else None,
        }

    def restore(self, path: str, state: Mapping[str, Any]) -> None:
        """Go on with a file whose text the editor holds already."""
        self.path = path
        with contextlib.suppress(KeyError, TypeError, ValueError):  # from another version
            self.form = Form(str(state["encoding"]), bytes.fromhex(state["mark"]), str(state["newline"]))
            modified, size, digest = state["stamp"]
            self._stamp = Stamp(int(modified), int(size), str(digest))
        self._saved = None if state.get("modified") else self._code.document.state
        self._begin_watch()

    def open(self, path: str) -> None:
        """Show a file, once it is read."""
        self.path = os.path.abspath(path)
        self._code.load("")

        def failed(error: AlvearyError) -> None:
            self.path = None
            self._window.show_error(error)
            self._changed()

        self._window.background(
            f"Reading {self._title()}",
            lambda _: files.read(path),
            lambda loaded: self._take(loaded, new=True),
            failed,
        )

    def save(self) -> None:
        """Write the text to its file in the background; asks for a file if there is none."""
        if self.path is None:
            self.save_as()
        else:
            self._write(self.path, self._stamp)

    def save_as(self, path: str | None = None) -> None:
        """Write the text to another file, which is the editor's from then on."""
        if path is None:
            name = os.path.basename(self.path) if self.path is not None else f"{self._title()}.sql"
            path = self._window.ask_file(save=True, title="Save as", name=name, endings=ENDINGS)
        if path is not None:
            self._write(os.path.abspath(path), None)

    def reload(self) -> None:
        """Show what the file holds now; that is one step that can be undone."""
        if self.path is not None:
            path = self.path
            self._window.background(f"Reading {self._title()}", lambda _: files.read(path), self._take)

    def look_now(self) -> None:
        """See in the background whether the file was changed, without waiting for the next time."""
        if self.watch is not None:
            self.watch.look()

    def look(self) -> None:
        """Ask about the file if it was found changed."""
        if self.watch is not None and self.watch.changed and not self._question.winfo_manager():
            self._ask()

    def close(self) -> None:
        """Watch the file no more."""
        if self.watch is not None:
            self.watch.close()
            self.watch = None

    def _take(self, loaded: Loaded, *, new: bool = False) -> None:
        if new:
            self._code.load(loaded.text)
        else:
            self._code.replace_all(loaded.text)
        self.form = loaded.form
        self._settle(loaded.path, loaded.stamp, self._code.document.state)

    def _write(self, path: str, expected: Stamp | None) -> None:
        text, form, state = self._code.content, self.form, self._code.document.state

        def work(_: Job) -> Stamp | None:
            self._window.kernel.refuse_replacing(path)
            return files.write(path, text, form, expected)

        def done(stamp: Stamp | None) -> None:
            if stamp is None:
                self._ask()
            else:
                self._settle(path, stamp, state)

        self._window.background(f"Saving {os.path.basename(path)}", work, done)

    def _settle(self, path: str, stamp: Stamp, state: int) -> None:
        """The file holds what the document held in this state."""
        self._saved, self._stamp = state, stamp
        if path != self.path or self.watch is None:
            self.path = path
            self._begin_watch()
        else:
            self.watch.settle(stamp)
        self._question.pack_forget()
        self._changed()

    def _begin_watch(self) -> None:
        self.close()
        if self.path is not None:
            self.watch = Watch(self.path, self._stamp)

    def _ask(self) -> None:
        """Say that the file is not what it was; nothing is done until somebody answers."""
        name = self._title()
        if self.watch is not None and self.watch.found is None:
            self._question.ask(
                f"{name} is gone from the disk; the text is only here.",
                [("Save it again", self._overwrite), ("Keep as it is", self._keep_mine)],
            )
        else:
            self._question.ask(
                f"{name} was changed by another program.",
                [("Reload", self.reload), ("Keep mine", self._keep_mine), ("Compare", self._compare)],
            )
        self._show()

    def _keep_mine(self) -> None:
        """Take note of the file as it is; the next time it is saved it is replaced."""
        self._question.pack_forget()
        watch = self.watch
        if watch is None:
            return
        self._stamp = watch.found
        if watch.found is None:
            self.close()
        else:
            watch.settle(watch.found)
        self._saved = None
        self._changed()

    def _overwrite(self) -> None:
        if self.path is not None:
            self._write(self.path, None)

    def _compare(self) -> None:
        if self.path is None:
            return
        path, mine, title = self.path, self._code.content, self._title()
        self._window.background(
            f"Comparing {title}",
            lambda _: differences(mine, files.read(path).text),
            lambda lines: CompareWindow(self._frame, self._window.theme, f"{title}: file and editor", lines),
        )
