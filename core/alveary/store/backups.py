"""Copies of the store: made once a day and before every migration, and put in its place again when it is damaged."""

from __future__ import annotations

import contextlib
import math
import os
import shutil
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import msgspec

from alveary.errors import InvalidInputError, StorageError

BACKUPS_KEPT = 5
EVERY_SECONDS = 86_400.0
"""How old the newest copy may be before another one is due."""
LARGEST = 32 << 20
"""Bytes of a store that is copied in passing; a larger one is copied by ``store backup`` and before a migration."""
_BESIDE = ("-wal", "-shm")


class Copy(msgspec.Struct, frozen=True, kw_only=True):
    """A copy of the store; ``made_at`` in seconds since 1970."""

    path: str
    made_at: float
    bytes: int


class Restored(msgspec.Struct, frozen=True, kw_only=True):
    """What was put in the store's place, None for nothing, and where the store that stood there is kept, if one did.

    A store that is ``sound`` was left alone.
    """

    copy: Copy | None = None
    kept: str | None = None
    sound: bool = False


def back_up(file: Path, revision: str) -> Path:
    """Copy the store, as it is at this moment, into ``backups/`` beside it and return the copy's path.

    Raises StorageError, and keeps every older copy, when what was copied is damaged.
    """
    directory = file.parent / "backups"
    directory.mkdir(mode=0o700, exist_ok=True)
    copy = directory / f"{file.stem}-{revision}-{time.time_ns()}.db"
    # SQLite fills a file that is there and empty; made here, nobody else can ever read it.
    os.close(os.open(copy, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    try:
        with closing(sqlite3.connect(file)) as source, closing(sqlite3.connect(copy)) as target:
            source.backup(target)
        if not _is_sound(copy):
            raise StorageError(f"the store {file} is damaged, so no copy of it is kept")
    except BaseException:
        copy.unlink(missing_ok=True)
        raise
    for old in sorted(directory.glob(f"{file.stem}-*.db"), key=os.path.getmtime)[:-BACKUPS_KEPT]:
        old.unlink(missing_ok=True)
    return copy


def back_up_if_due(file: Path, revision: str) -> Path | None:
    """Copy the store if there is no copy or the newest is more than a day old; return the copy's path, None if not due.

    What can't be copied now is tried again when the store is next let go; nobody waits for a copy who did not ask.
    """
    directory = file.parent / "backups"
    try:
        if not directory.exists():  # a new store: most are used once, so its first copy is due the second time
            directory.mkdir(mode=0o700)
            return None
        _take_back_the_future(file)
        newest = max((copy.made_at for copy in copies(file)), default=-math.inf)
        if time.time() - newest < EVERY_SECONDS or file.stat().st_size > LARGEST:
            return None
        return back_up(file, revision)
    except (OSError, sqlite3.Error, StorageError):
        return None


def _take_back_the_future(file: Path) -> None:
    """Date copies that a clock which ran ahead has dated as made now, the newest last.

    Otherwise each would be newer than all to come: a copy would be due each time, and soon be the oldest and removed.
    """
    now = time.time()
    ahead = [copy for copy in copies(file) if copy.made_at > now]
    for seconds, copy in enumerate(ahead):
        os.utime(copy.path, (now - seconds, now - seconds))


def copies(file: Path) -> list[Copy]:
    """Return the copies there are of the store in ``file``, the newest first."""
    found = []
    with contextlib.suppress(OSError):  # no directory, or one that may not be looked at
        for path in (file.parent / "backups").glob(f"{file.stem}-*.db"):
            status = path.stat()
            found.append(Copy(path=str(path), made_at=status.st_mtime, bytes=status.st_size))
    return sorted(found, key=lambda copy: copy.made_at, reverse=True)


def restore(file: Path, *, empty: bool = False) -> Restored:
    """Put the newest sound copy in the place of the store, which is kept under another name.

    With ``empty`` no copy is needed: a new store will be made. InvalidInputError says that there is no sound copy; then
    nothing is changed. Killed at any moment, the store that stood there is still to be found under one of its names.
    """
    copy = next((copy for copy in copies(file) if _is_sound(Path(copy.path))), None)
    if copy is None and not empty:
        raise InvalidInputError(
            f"there is no sound copy of the store in {file.parent / 'backups'}",
            hint="give --empty to begin with an empty store; the damaged one is kept",
        )
    new = file.with_name(f"{file.stem}-{time.time_ns()}.new")
    kept = file.with_name(f"{file.stem}-damaged-{time.time_ns()}.db")
    try:
        if copy is not None and not empty:
            _write(new, Path(copy.path).read_bytes())
        stood = file.exists()
        for end in ("", *_BESIDE):
            _keep(file.with_name(file.name + end), kept.with_name(kept.name + end))
        # What waits in the journal of the old store must never be read into the new one.
        for end in _BESIDE:
            file.with_name(file.name + end).unlink(missing_ok=True)
        if copy is None or empty:
            file.unlink(missing_ok=True)
        else:
            os.replace(new, file)
        _sync(file.parent)
    except OSError as exc:
        new.unlink(missing_ok=True)
        raise StorageError(f"can't restore the store {file}: {exc.strerror or exc}") from exc
    return Restored(copy=None if empty else copy, kept=str(kept) if stood else None)


def _is_sound(copy: Path) -> bool:
    try:
        with closing(sqlite3.connect(f"{copy.absolute().as_uri()}?mode=ro&immutable=1", uri=True)) as connection:
            connection.execute("select version_num from alembic_version").fetchone()
            return [str(row[0]) for row in connection.execute("pragma quick_check")] == ["ok"]
    except sqlite3.Error:
        return False


def _keep(file: Path, name: Path) -> None:
    """Give a file a second name, or copy it where a file can't have two; one that is not there needs none."""
    try:
        os.link(file, name)
    except FileNotFoundError:
        return
    except OSError:
        shutil.copy2(file, name)


def _write(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with open(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(descriptor)


def _sync(directory: Path) -> None:
    if os.name == "posix":
        descriptor = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
