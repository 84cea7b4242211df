"""Peers that are Python programs or libraries, each installed into an environment of its own when it is asked for.

As a script it is a measured process, a peer made of ADBC and pyarrow (``peers.py URL none|csv|parquet [FILE]``): it
reads the table ``t`` as Arrow batches, drops them or writes them to a file, and prints how many rows they had.
"""

from __future__ import annotations

import re
import subprocess
import sys
import venv
from pathlib import Path
from typing import Any

REQUIREMENTS: dict[str, tuple[str, ...]] = {
    "hsql": ("harlequin[postgres]>=2.17",),
    "pgcli": ("pgcli>=4.7",),
    "adbc": ("adbc-driver-postgresql>=1.13", "pyarrow>=26.0"),
    "tksheet": ("tksheet>=7.6",),
}


class PeerMissingError(Exception):
    """A peer is not on this machine and can't be installed; the text says what to do."""


def python_of(data: Path, peer: str) -> str:
    """Return the Python that has a peer of REQUIREMENTS installed, below ``data``; PeerMissingError if it can't be."""
    folder = data / "peers" / peer
    python = folder / "bin" / "python"
    if not (folder / "installed").exists():
        print(f"installing {peer} into {folder} …", file=sys.stderr)
        venv.create(folder, with_pip=True, clear=True)
        done = subprocess.run(
            [python, "-m", "pip", "install", "-q", *REQUIREMENTS[peer]],
            stdin=subprocess.DEVNULL, capture_output=True, check=False,
        )  # fmt: skip
        if done.returncode:
            said = done.stderr.decode(errors="replace").strip().splitlines()
            raise PeerMissingError(f"pip can't install {peer}: {said[-1] if said else done.returncode}")
        (folder / "installed").touch()
    return str(python)


def command_of(data: Path, peer: str) -> str:
    """Return the program of a peer, which has the peer's name."""
    return str(Path(python_of(data, peer)).with_name(peer))


def packages_of(data: Path, peer: str) -> str:
    """Return the folder of packages of a peer, for a process that shows it with libraries of ours."""
    script = "import sysconfig; print(sysconfig.get_path('purelib'))"
    done = subprocess.run([python_of(data, peer), "-c", script], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def versions(data: Path) -> list[str]:
    """Return the name and version of each package that stands for a peer installed below ``data``."""
    said = []
    for peer, requirements in REQUIREMENTS.items():
        if not (data / "peers" / peer / "installed").exists():
            continue
        names = [re.split(r"[\[>]", requirement)[0] for requirement in requirements]
        script = "import sys; from importlib.metadata import version; print(*map(version, sys.argv[1:]))"
        done = subprocess.run([python_of(data, peer), "-c", script, *names], capture_output=True, text=True, check=True)
        said += [f"{name} {version}" for name, version in zip(names, done.stdout.split(), strict=True)]
    return said


# -- the measured process ----------------------------------------------------------------------------------------


def main(url: str, format: str, file: str = "") -> None:
    """Read the table as ADBC does it by itself, batch by batch."""
    import pyarrow  # type: ignore[import-untyped]  # it brings no types
    from adbc_driver_postgresql import dbapi  # type: ignore[import-not-found]  # only the peer's environment has it

    rows, writer = 0, None
    with dbapi.connect(url) as db, db.cursor() as cursor:
        cursor.execute("select * from t")
        for batch in cursor.fetch_record_batch():
            rows += batch.num_rows
            if format == "none":
                continue
            # What Arrow has no type for, such as numeric, comes as text within a type that no writer knows.
            columns = [each.storage if isinstance(each, pyarrow.ExtensionArray) else each for each in batch.columns]
            plain = pyarrow.record_batch(columns, names=batch.schema.names)
            writer = writer or _writer(format, file, plain.schema)
            writer.write_batch(plain)
        if writer is not None:
            writer.close()
    print(rows)


def _writer(format: str, file: str, schema: Any) -> Any:
    if format == "csv":
        from pyarrow.csv import CSVWriter  # type: ignore[import-untyped]  # the same

        return CSVWriter(file, schema)
    from pyarrow.parquet import ParquetWriter  # type: ignore[import-untyped]  # the same

    return ParquetWriter(file, schema)


if __name__ == "__main__":
    main(*sys.argv[1:])
