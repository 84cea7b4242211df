"""The workspace: what was typed is there again after quit and after kill -9, whatever became of the newest state."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from alveary.errors import StorageError
from alveary.store.database import Store
from alveary_shell.workspace import GENERATIONS, SavedPanel, Workspace


def opened(directory: Path) -> tuple[Workspace, list[StorageError]]:
    failures: list[StorageError] = []
    return Workspace(Store(directory), failures.append), failures


def test_what_is_saved_is_there_again(tmp_path: Path) -> None:
    workspace, failures = opened(tmp_path)
    workspace.save("editor-1", "editor", {"text": "select 'ä\ud800\0'", "caret": 3})
    workspace.save_layout({"theme": "light"})
    workspace.close()
    again, _ = opened(tmp_path)
    assert again.open_panels() == [SavedPanel("editor-1", "editor", {"text": "select 'ä\ud800\0'", "caret": 3})]
    assert again.layout() == {"theme": "light"}
    assert failures == []
    again.close()


def test_only_so_many_generations_are_kept_and_a_broken_one_is_passed_over(tmp_path: Path) -> None:
    workspace, _ = opened(tmp_path)
    for number in range(10):
        workspace.save("editor-1", "editor", {"text": str(number)})
    assert workspace.flush()
    store = Store(tmp_path)
    with store.writing() as connection:
        (kept,) = connection.execute("select count(*) from workspace_panels").fetchone()
        connection.execute("update workspace_panels set state = '{' where generation = 10")
    assert kept == GENERATIONS
    assert [panel.state for panel in workspace.open_panels()] == [{"text": "8"}]
    workspace.close()


def test_a_closed_panel_can_be_had_again(tmp_path: Path) -> None:
    workspace, _ = opened(tmp_path)
    for id in ("editor-1", "editor-2"):
        workspace.save(id, "editor", {"text": id})
        workspace.close_panel(id)
    assert workspace.flush()
    assert workspace.open_panels() == []
    assert workspace.last_closed() == SavedPanel("editor-2", "editor", {"text": "editor-2"})
    workspace.forget("editor-2")
    assert workspace.flush()
    assert workspace.last_closed() == SavedPanel("editor-1", "editor", {"text": "editor-1"})
    workspace.close()


def test_a_store_that_fails_is_said_once_and_tried_again(tmp_path: Path) -> None:
    workspace, failures = opened(tmp_path)
    workspace.save("a-1", "a", {})
    assert workspace.flush()
    os.chmod(tmp_path, 0o700)
    store = Store(tmp_path)
    with store.writing() as connection:
        connection.execute("create trigger no before insert on workspace_panels begin select raise(abort, 'no'); end")
    workspace.save("a-1", "a", {"text": "1"})
    workspace.save("a-1", "a", {"text": "2"})
    assert workspace.flush()
    assert len(failures) == 1
    with store.writing() as connection:
        connection.execute("drop trigger no")
    workspace.save("a-1", "a", {"text": "3"})
    assert workspace.flush()
    assert [panel.state for panel in workspace.open_panels()] == [{"text": "3"}]
    workspace.close()


def test_a_state_that_is_no_json_keeps_no_other_from_being_written(tmp_path: Path) -> None:
    workspace, failures = opened(tmp_path)
    workspace.save("a-1", "a", {"text": "old"})
    workspace.save("a-1", "a", {"text": object()})
    workspace.save("b-1", "b", {"text": "new"})
    assert workspace.flush()
    assert [panel.state for panel in workspace.open_panels()] == [{"text": "old"}, {"text": "new"}]
    assert failures == []
    workspace.close()


TYPING = """
import sys
from pathlib import Path
from alveary.store.database import Store
from alveary_shell.workspace import Workspace
workspace = Workspace(Store(Path(sys.argv[1])), print)
number = 0
while True:
    number += 1
    workspace.save("editor-1", "editor", {"text": "x" * 5000 + str(number)})
    workspace.flush()
    print(number, flush=True)
"""


def test_a_process_killed_at_any_moment_loses_nothing_it_has_acknowledged(tmp_path: Path) -> None:
    acknowledged = 0
    for round in range(10):
        typing = subprocess.Popen([sys.executable, "-c", TYPING, str(tmp_path)], stdout=subprocess.PIPE, text=True)
        assert typing.stdout is not None
        for _ in range(3 + round * 7):
            acknowledged = int(typing.stdout.readline())
        typing.send_signal(signal.SIGKILL)
        acknowledged = int((typing.stdout.read().split() or [str(acknowledged)])[-1])
        typing.wait(30)
        typing.stdout.close()
        workspace, _ = opened(tmp_path)
        (panel,) = workspace.open_panels()
        assert int(panel.state["text"].removeprefix("x" * 5000)) in (acknowledged, acknowledged + 1)
        workspace.close()
