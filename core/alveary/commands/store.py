"""The doctor's look at what Alveary keeps: the store, its backups, what is set, the log."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from alveary.errors import AlvearyError
from alveary.wire import Small

if TYPE_CHECKING:
    from alveary.kernel import Kernel


class StoreState(msgspec.Struct, frozen=True, kw_only=True):
    """The store, read through once. ``bytes`` counts what is not yet merged into its file, too.

    ``revision`` is None where it is not made yet or can't be opened; ``problems`` says why not, what SQLite finds wrong
    with it, and which settings do not hold.
    """

    path: str
    exists: bool
    revision: str | None
    bytes: int | None
    backups: list[str]
    log_files: Small
    problems: list[str]


def store_state(kernel: Kernel) -> StoreState:
    """Look at the store; one that is not there is not made."""
    revision, problems = None, []
    if kernel.paths.store.exists():
        try:
            revision = kernel.store.revision()
            problems += [f"the store {kernel.store} is damaged: {found}" for found in kernel.store.check()]
        except AlvearyError as exc:
            problems.append(exc.message if exc.hint is None else f"{exc.message}; {exc.hint}")
    problems += [each.problem for each in kernel.settings.states() if each.problem is not None]
    return StoreState(
        path=str(kernel.paths.store),
        exists=kernel.paths.store.exists(),
        revision=revision,
        bytes=_bytes(kernel.paths.store),
        backups=_names(kernel.paths.data / "backups", "*.db"),
        log_files=len(_names(kernel.paths.logs, "*.log")),
        problems=problems,
    )


def store_rows(state: StoreState) -> list[list[str]]:
    """Return what the doctor prints of it."""
    size = "" if state.bytes is None else f", {state.bytes / 2**20:.1f} MiB"
    found = f"revision {state.revision}{size}" if state.revision is not None else "can't be used"
    backups = f"{len(state.backups)}" + (f", the newest {state.backups[-1]}" if state.backups else "")
    return [
        ["store", f"{state.path} ({found if state.exists else 'not made yet'})"],
        ["backups of the store", backups],
        ["log files", str(state.log_files)],
    ]


def _bytes(file: Path) -> int | None:
    size = None
    for each in (file, file.with_name(file.name + "-wal")):
        with contextlib.suppress(OSError):  # it is not there, or may not be looked at
            size = (size or 0) + each.stat().st_size
    return size


def _names(directory: Path, pattern: str) -> list[str]:
    """Return the names of files in a directory, the oldest first: each holds its time."""
    try:
        return sorted(each.name for each in directory.glob(pattern))
    except OSError:
        return []
