"""``store.backup``, ``store.restore``, and the doctor's look at what Alveary keeps: the store, its copies, the log."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
from msgspec import Meta

from alveary.commands import Context
from alveary.commands.plugins import NoParameters
from alveary.errors import AlvearyError, StoreCorruptError
from alveary.store.backups import Copy, Restored, back_up, restore
from alveary.tables import visible
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


class RestoreParameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to put in the store's place."""

    empty: Annotated[bool, Meta(description="Begin with an empty store instead of the newest copy.")] = False
    yes: Annotated[bool, Meta(description="Do it also though the store that is there is sound.")] = False


def make_backup(context: Context, parameters: NoParameters) -> Copy:
    """Copy the store into ``backups/`` beside it, now and whatever its size."""
    store = context.kernel.store
    revision = store.revision()
    copy = back_up(context.kernel.paths.store, revision)
    status = copy.stat()
    return Copy(path=str(copy), made_at=status.st_mtime, bytes=status.st_size)


def restore_store(context: Context, parameters: RestoreParameters) -> Restored:
    """Put the newest sound copy in the place of a damaged store, which is kept."""
    kernel = context.kernel
    if not parameters.yes and not _is_damaged(kernel):
        return Restored(sound=True)
    if "recorder" in vars(kernel):
        kernel.recorder.flush()
    kernel.store.close()
    return restore(kernel.paths.store, empty=parameters.empty)


def _is_damaged(kernel: Kernel) -> bool:
    if not kernel.paths.store.exists():
        return True
    try:
        return bool(kernel.store.check())
    except StoreCorruptError:
        return True


def render_backup(copy: Copy, write: Callable[[str], object]) -> None:
    """Say where the copy is."""
    write(f"copied to {visible(copy.path)} ({copy.bytes / 2**20:.1f} MiB)\n")


def render_restored(restored: Restored, write: Callable[[str], object]) -> None:
    """Say what was put where."""
    if restored.sound:
        write("the store is not damaged, so nothing was changed; --yes replaces it all the same\n")
    elif restored.copy is None:
        write("the next start begins with an empty store\n")
    else:
        made = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(restored.copy.made_at))
        write(f"restored from the copy of {made}: {visible(restored.copy.path)}\n")
    if restored.kept is not None:
        write(f"the store that was there is kept as {visible(restored.kept)}\n")


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
