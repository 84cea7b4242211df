"""Stored results: random access, bounded memory, nothing left behind."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alveary import Column, ResultSet
from alveary.errors import DiskFullError, StorageError
from alveary.results import ResultStore, ResultWriter, decode_page, encode_page

COLUMNS = (Column(name="n"), Column(name="t", type_name="text"))

cells = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(-(2**200), 2**200),
    st.floats(allow_nan=False),
    st.text(st.characters(exclude_categories=())),
    st.binary().map(lambda data: data.decode("utf-8", "surrogateescape")),
    st.binary(),
)


@settings(derandomize=True, max_examples=300)
@given(st.lists(st.tuples(cells, cells), max_size=20))
def test_every_cell_survives_a_page(rows: list[tuple[object, object]]) -> None:
    back = decode_page(encode_page(rows))  # type: ignore[arg-type]  # cells of every kind
    assert back == rows
    assert [[type(cell) for cell in row] for row in back] == [[type(cell) for cell in row] for row in rows]


def stored(directory: Path, rows: int, batch: int) -> ResultSet:
    writer = ResultWriter(directory)
    writer.columns(COLUMNS)
    for start in range(0, rows, batch):
        writer.rows([(n, f"row {n}") for n in range(start, min(start + batch, rows))])
    writer.close(True)
    return ResultSet(directory)


@settings(derandomize=True, max_examples=100)
@given(rows=st.integers(0, 300), batch=st.integers(1, 50), top=st.integers(-10, 320), size=st.integers(0, 320))
def test_a_window_is_a_slice_of_the_rows(
    tmp_path_factory: pytest.TempPathFactory, rows: int, batch: int, top: int, size: int
) -> None:
    result = stored(tmp_path_factory.mktemp("r") / "result", rows, batch)
    everything = [(n, f"row {n}") for n in range(rows)]
    assert result.window(top, top + size) == everything[max(top, 0) : max(top + size, 0)]
    assert len(result) == rows
    assert list(result) == everything
    result.drop()


def test_a_reader_sees_rows_while_they_are_written(tmp_path: Path) -> None:
    writer = ResultWriter(tmp_path / "result")
    writer.columns(COLUMNS)
    result = ResultSet(tmp_path / "result")
    assert len(result) == 0
    writer.rows([(1, "a")])
    assert result.window(0, 10) == [(1, "a")]
    writer.rows([(2, "b"), (3, "c")])
    assert result.window(1, 3) == [(2, "b"), (3, "c")]
    writer.close(True)
    result.drop()


def test_half_an_index_record_is_not_a_page(tmp_path: Path) -> None:
    stored(tmp_path / "a", 10, 5).window(0, 1)
    result = stored(tmp_path / "result", 10, 5)
    with (tmp_path / "result" / "index").open("ab") as index:
        index.write(b"\x01" * 7)
    assert len(result) == 10
    result.drop()


def test_pages_missing_behind_the_index_are_an_error_and_not_fewer_rows(tmp_path: Path) -> None:
    result = stored(tmp_path / "result", 10, 5)
    os.truncate(tmp_path / "result" / "pages", 20)
    with pytest.raises(StorageError):
        result.window(0, 10)
    result.drop()


def test_dropping_removes_the_files_and_reading_then_says_so(tmp_path: Path) -> None:
    result = stored(tmp_path / "result", 10, 5)
    result.drop()
    result.drop()
    assert not (tmp_path / "result").exists()
    with pytest.raises(StorageError, match="dropped"):
        len(result)


def test_a_result_nobody_holds_is_dropped(tmp_path: Path) -> None:
    result = stored(tmp_path / "result", 10, 5)
    del result
    gc.collect()
    assert not (tmp_path / "result").exists()


def test_files_are_private(tmp_path: Path) -> None:
    result = stored(tmp_path / "cache" / "result", 1, 1)
    assert (tmp_path / "cache").stat().st_mode & 0o777 == 0o700
    for name in ("pages", "index"):
        assert (result.directory / name).stat().st_mode & 0o077 == 0
    result.drop()


def test_what_a_killed_process_left_is_swept_and_what_a_living_one_holds_is_not(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from alveary.results import ResultStore\n"
        "store = ResultStore(Path(sys.argv[1])); print(store.new_directory().parent, flush=True); time.sleep(60)"
    )
    dead, alive = (
        subprocess.Popen([sys.executable, "-c", code, tmp_path], stdout=subprocess.PIPE, text=True) for _ in range(2)
    )
    with dead, alive:
        assert dead.stdout is not None
        assert alive.stdout is not None
        orphan, held = Path(dead.stdout.readline().strip()), Path(alive.stdout.readline().strip())
        dead.kill()
        dead.wait(30)
        store = ResultStore(tmp_path)
        mine = store.new_directory().parent
        assert not orphan.exists()
        assert held.exists()
        assert mine.exists()
        store.close()
        assert not mine.exists()
        alive.kill()


def test_a_full_disk_is_named_while_storing(tmp_path: Path) -> None:
    writer = ResultWriter(tmp_path / "result")
    writer.columns(COLUMNS)
    os.close(writer._pages)
    writer._pages = os.open("/dev/full", os.O_WRONLY)
    with pytest.raises(DiskFullError, match="No space left"):
        writer.rows([(1, "a")])
    writer.close(False)


def test_a_cache_that_can_not_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="can't make"):
        ResultStore(tmp_path / "file").new_directory()
