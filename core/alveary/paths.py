"""Where Alveary keeps its files: the data directory and the cache directory, made private when first needed."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from alveary.errors import StorageError


@dataclass(frozen=True, slots=True)
class Paths:
    """``data`` holds what must last, ``cache`` what may be deleted while Alveary is not running."""

    data: Path
    cache: Path

    @property
    def store(self) -> Path:
        """The file of Alveary's own database."""
        return self.data / "alveary.db"

    @property
    def logs(self) -> Path:
        """The directory of the daily log files."""
        return self.data / "logs"

    @classmethod
    def from_environment(cls) -> Paths:
        """Use ``ALVEARY_HOME`` if set, ``./.alveary`` under ``ALVEARY_ENV=dev``, else the platform's directories."""
        home = os.environ.get("ALVEARY_HOME")
        if not home and os.environ.get("ALVEARY_ENV") == "dev":
            home = ".alveary"
        if home:
            try:
                data = Path(home).expanduser().absolute()
            except (OSError, RuntimeError) as exc:  # the working directory is gone, or there is no such ~user
                raise StorageError(f"ALVEARY_HOME leads nowhere: {exc}", hint="set it to an absolute path") from exc
            return cls(data, data / "cache")
        import platformdirs  # 25 ms, and not needed under ALVEARY_HOME

        return cls(
            Path(platformdirs.user_data_dir("alveary", appauthor=False)),
            Path(platformdirs.user_cache_dir("alveary", appauthor=False)),
        )

    @classmethod
    def temporary(cls) -> Paths:
        """Use a new empty directory, for kernels that must leave nothing behind; the caller removes ``data``."""
        import tempfile  # this and shutil cost a start 3 ms, and few need them

        data = Path(tempfile.mkdtemp(prefix="alveary-"))
        return cls(data, data / "cache")


def remove_tree(directory: Path | str) -> None:
    """Remove a directory with everything in it, as far as that can be done."""
    import shutil

    shutil.rmtree(directory, ignore_errors=True)


def make_private(directory: Path) -> Path:
    """Make a directory that only its owner can enter, with its parents, and return it.

    Raises StorageError, saying what and where, when that can't be done.
    """
    try:
        # mkdir's own parents=True would leave the parents open to everybody.
        for missing in [*(each for each in reversed(directory.parents) if not each.exists()), directory]:
            missing.mkdir(mode=0o700, exist_ok=True)
    except OSError as exc:
        raise StorageError(
            f"can't make the directory {directory}: {exc.strerror or exc}",
            hint="set ALVEARY_HOME to a directory you can write to",
        ) from exc
    return directory
